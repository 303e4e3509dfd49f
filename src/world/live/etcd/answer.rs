//! What etcd's refusals mean: the one place that knows its texts.

use std::error::Error;
use std::time::Duration;

use super::dial::ForwardError;
use crate::world::live::cause::{Handshake, chain, find, handshake, is_refused};

/// Why a call to a member brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EtcdError {
    #[error("no answer within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// The wire, TLS or the dialling failed.
    #[error("not reached: {text}")]
    Unreachable { why: Unreached, text: String },
    /// etcd said no.
    #[error("etcd answered {text:?}")]
    Answer { answer: Answer, text: String },
}

/// Where the way to a member ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    PortClosed,
    Untrusted,
    WrongName,
    Expired,
    /// It wants a client certificate, or another than ours.
    NotLetIn,
    NotTls,
    PortForward,
    Broken,
}

/// etcd's refusals that are told apart (etcd-operations.md 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    NotEnoughStarted,
    UnhealthyCluster,
    PeerUrlExists,
    MemberIdExists,
    MemberNotFound,
    LearnerNotReady,
    NotALearner,
    TooManyLearners,
    TransferTimedOut,
    BadTransferee,
    NotLeader,
    LeaderChanged,
    NoLeader,
    TimedOut,
    NoSpace,
    Corrupt,
    NotForLearners,
    PermissionDenied,
    /// Wrong user or password, or none although etcd wants one.
    NotAuthenticated,
    /// There is no logging in: it lets everybody in.
    AuthOff,
    /// A token that etcd no longer knows: log in again.
    TokenExpired,
    Other,
}

/// First match wins: a longer text stands above one that it contains.
const TEXTS: &[(&str, Answer)] = &[
    (
        "re-configuration failed due to not enough started members",
        Answer::NotEnoughStarted,
    ),
    ("unhealthy cluster", Answer::UnhealthyCluster),
    ("peer urls already exists", Answer::PeerUrlExists),
    ("member id already exist", Answer::MemberIdExists),
    ("member not found", Answer::MemberNotFound),
    (
        "can only promote a learner member which is in sync with leader",
        Answer::LearnerNotReady,
    ),
    ("can only promote a learner member", Answer::NotALearner),
    (
        "too many learner members in cluster",
        Answer::TooManyLearners,
    ),
    (
        "request timed out, leader transfer took too long",
        Answer::TransferTimedOut,
    ),
    ("bad leader transferee", Answer::BadTransferee),
    ("not leader", Answer::NotLeader),
    ("leader changed", Answer::LeaderChanged),
    ("no leader", Answer::NoLeader),
    ("request timed out", Answer::TimedOut),
    ("database space exceeded", Answer::NoSpace),
    ("corrupt cluster", Answer::Corrupt),
    ("rpc not supported for learner", Answer::NotForLearners),
    ("permission denied", Answer::PermissionDenied),
    ("invalid auth token", Answer::TokenExpired),
    ("authentication is not enabled", Answer::AuthOff),
    ("auth: ", Answer::NotAuthenticated),
    ("authentication failed", Answer::NotAuthenticated),
    ("user name is empty", Answer::NotAuthenticated),
];

impl Answer {
    fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        TEXTS
            .iter()
            .find(|(part, _)| text.contains(part))
            .map_or(Self::Other, |(_, answer)| *answer)
    }
}

impl EtcdError {
    pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        if let Some(forward) = find::<ForwardError>(error) {
            return Self::Unreachable {
                why: Unreached::PortForward,
                text: forward.to_string(),
            };
        }
        if let Some((kind, text)) = handshake(error) {
            let why = match kind {
                Handshake::Untrusted => Unreached::Untrusted,
                Handshake::WrongName => Unreached::WrongName,
                Handshake::Expired => Unreached::Expired,
                Handshake::NotLetIn => Unreached::NotLetIn,
                Handshake::Plain => Unreached::NotTls,
                Handshake::Other => Unreached::Broken,
            };
            return Self::Unreachable { why, text };
        }
        if is_refused(error) {
            return Self::Unreachable {
                why: Unreached::PortClosed,
                text: "connection refused".to_owned(),
            };
        }
        Self::broken(chain(error))
    }

    pub(super) fn broken(text: impl Into<String>) -> Self {
        Self::Unreachable {
            why: Unreached::Broken,
            text: text.into(),
        }
    }

    pub const fn answer(&self) -> Option<Answer> {
        match self {
            Self::Answer { answer, .. } => Some(*answer),
            Self::Deadline(_) | Self::Unreachable { .. } => None,
        }
    }

    /// The channel itself is worth making anew.
    pub const fn breaks_channel(&self) -> bool {
        matches!(
            self,
            Self::Deadline(_)
                | Self::Unreachable { .. }
                | Self::Answer {
                    answer: Answer::TokenExpired,
                    ..
                }
        )
    }
}

impl From<&tonic::Status> for EtcdError {
    fn from(status: &tonic::Status) -> Self {
        let text = status.message();
        // Everything etcd itself says has this prefix; the rest is the transport's.
        if let Some(said) = text.strip_prefix("etcdserver: ") {
            return Self::Answer {
                answer: Answer::of(said),
                text: said.to_owned(),
            };
        }
        match status.code() {
            tonic::Code::Unavailable
            | tonic::Code::Unknown
            | tonic::Code::Internal
            | tonic::Code::Cancelled
            | tonic::Code::DeadlineExceeded => {
                let source = status.source();
                source.map_or_else(|| Self::broken(text), Self::unreachable)
            }
            code => Self::Answer {
                answer: Answer::of(text),
                text: format!("{text} ({code:?})"),
            },
        }
    }
}

impl From<etcd_client::Error> for EtcdError {
    fn from(error: etcd_client::Error) -> Self {
        match error {
            etcd_client::Error::GRpcStatus(status) => Self::from(&status),
            other => Self::unreachable(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code::{
        FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted,
        Unauthenticated, Unavailable,
    };

    const SEEN: &[(tonic::Code, &str, Answer)] = &[
        (
            FailedPrecondition,
            "etcdserver: re-configuration failed due to not enough started members",
            Answer::NotEnoughStarted,
        ),
        (
            Unavailable,
            "etcdserver: unhealthy cluster",
            Answer::UnhealthyCluster,
        ),
        (
            FailedPrecondition,
            "etcdserver: Peer URLs already exists",
            Answer::PeerUrlExists,
        ),
        (
            FailedPrecondition,
            "etcdserver: member ID already exist",
            Answer::MemberIdExists,
        ),
        (
            NotFound,
            "etcdserver: member not found",
            Answer::MemberNotFound,
        ),
        (
            FailedPrecondition,
            "etcdserver: can only promote a learner member which is in sync with leader",
            Answer::LearnerNotReady,
        ),
        (
            FailedPrecondition,
            "etcdserver: can only promote a learner member",
            Answer::NotALearner,
        ),
        (
            FailedPrecondition,
            "etcdserver: too many learner members in cluster",
            Answer::TooManyLearners,
        ),
        (
            Unavailable,
            "etcdserver: request timed out, leader transfer took too long",
            Answer::TransferTimedOut,
        ),
        (
            FailedPrecondition,
            "etcdserver: bad leader transferee",
            Answer::BadTransferee,
        ),
        (
            FailedPrecondition,
            "etcdserver: not leader",
            Answer::NotLeader,
        ),
        (
            Unavailable,
            "etcdserver: leader changed",
            Answer::LeaderChanged,
        ),
        (Unavailable, "etcdserver: no leader", Answer::NoLeader),
        (
            Unavailable,
            "etcdserver: request timed out",
            Answer::TimedOut,
        ),
        (
            Unavailable,
            "etcdserver: request timed out, possibly due to previous leader failure",
            Answer::TimedOut,
        ),
        (
            Unavailable,
            "etcdserver: request timed out, possibly due to connection lost",
            Answer::TimedOut,
        ),
        (
            ResourceExhausted,
            "etcdserver: mvcc: database space exceeded",
            Answer::NoSpace,
        ),
        (
            tonic::Code::DataLoss,
            "etcdserver: corrupt cluster",
            Answer::Corrupt,
        ),
        (
            Unavailable,
            "etcdserver: rpc not supported for learner",
            Answer::NotForLearners,
        ),
        (
            PermissionDenied,
            "etcdserver: permission denied",
            Answer::PermissionDenied,
        ),
        (
            Unauthenticated,
            "etcdserver: invalid auth token",
            Answer::TokenExpired,
        ),
        (
            InvalidArgument,
            "etcdserver: authentication failed, invalid user ID or password",
            Answer::NotAuthenticated,
        ),
        (
            FailedPrecondition,
            "etcdserver: authentication is not enabled",
            Answer::AuthOff,
        ),
        (
            InvalidArgument,
            "etcdserver: user name is empty",
            Answer::NotAuthenticated,
        ),
    ];

    #[test]
    fn every_text_of_etcd_is_told_apart() {
        for (code, text, answer) in SEEN {
            assert_eq!(heard(*code, text).answer(), Some(*answer), "{text}");
        }
    }

    fn heard(code: tonic::Code, text: &str) -> EtcdError {
        EtcdError::from(&tonic::Status::new(code, text))
    }

    #[test]
    fn what_the_transport_says_is_no_answer_of_etcd() {
        let error = heard(tonic::Code::Unavailable, "tcp connect error");
        assert_eq!(error, EtcdError::broken("tcp connect error"));
        assert!(error.breaks_channel());
    }

    #[test]
    fn an_unknown_answer_is_kept_in_etcds_words() {
        let error = heard(tonic::Code::FailedPrecondition, "etcdserver: something new");
        assert_eq!(error.to_string(), r#"etcd answered "something new""#);
        assert_eq!(error.answer(), Some(Answer::Other));
    }
}

//! Why a member says nothing to us: it is down, or we are kept out. Each reason begins with the fault's name.

use std::collections::BTreeMap;
use std::fmt;

use super::answer::{Answer, EtcdError, Unreached};
use crate::fleet::Ordinal;
use crate::manifest::rbac::{Verb, rule_text};
use crate::state::{MemberStatus, Reading};

/// Why a member brought no status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub why: String,
    /// It may well be up: we are not let in.
    pub barred: bool,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<&EtcdError> for Silence {
    fn from(error: &EtcdError) -> Self {
        Self::of(error, false)
    }
}

impl Silence {
    pub(in crate::world::live) const fn down(why: String) -> Self {
        Self { why, barred: false }
    }

    const fn barred(why: String) -> Self {
        Self { why, barred: true }
    }

    /// `anonymous`: over TLS, without a certificate of ours. What comes first then, etcd's alert or the end of the
    /// connection, is up to the scheduler.
    pub(super) fn of(error: &EtcdError, anonymous: bool) -> Self {
        match error {
            EtcdError::Deadline(after) => Self::down(format!(
                "etcd-silent: found no answer within {} ms, expected etcd's; it may be frozen, starved of disk or cut off: look at its pod and node",
                after.as_millis()
            )),
            EtcdError::Unreachable {
                why: Unreached::Broken,
                text,
            } if anonymous => unreached(Unreached::NotLetIn, text),
            EtcdError::Unreachable { why, text } => unreached(*why, text),
            EtcdError::Answer { answer, text } => answered(*answer, text),
        }
    }
}

fn unreached(why: Unreached, text: &str) -> Silence {
    match why {
        Unreached::PortClosed => Silence::down(format!(
            "etcd-port-closed: found nobody listening on the client port ({text}), expected etcd; look at its pod's last words"
        )),
        Unreached::Untrusted => Silence::barred(format!(
            "etcd-tls-untrusted: found a certificate that is not trusted ({text}), expected one that `ca.crt` of tls.client.caSecretName signed; put the authority of the members' certificates there"
        )),
        Unreached::WrongName => Silence::barred(format!(
            "etcd-tls-name: found a certificate of another name ({text}), expected one for the member's own host; issue it with that name"
        )),
        Unreached::Expired => Silence::barred(format!(
            "etcd-tls-expired: found a certificate outside its time ({text}), expected a valid one; renew the members' certificates, and look at this machine's clock"
        )),
        // etcd's own words are not quoted: which of them arrive is up to the scheduler.
        Unreached::NotLetIn => Silence::barred(
            "etcd-certificate-wanted: found that etcd does not let us in without a client certificate that it trusts, expected to be let in; name a Secret with one in access.clientCertSecretName".to_owned()
        ),
        Unreached::NotTls => Silence::barred(format!(
            "etcd-not-tls: found that what answers does not speak TLS ({text}), expected TLS as tls.client says; make the two the same"
        )),
        Unreached::PortForward => Silence::barred(format!(
            "port-forward-failed: found no way through the API server ({text}), expected a stream to the pod; the user of this context needs {} (`reconcile render --rbac check` prints it), or set access.reach: direct",
            rule_text("", "pods/portforward", &[], &[Verb::Get, Verb::Create])
        )),
        Unreached::Broken => Silence::down(format!(
            "etcd-broken: found a connection that breaks ({text}), expected etcd; look at its pod's last words, and whether tls.client is what it runs with"
        )),
    }
}

fn answered(answer: Answer, text: &str) -> Silence {
    match answer {
        Answer::NotAuthenticated if text.contains("user name is empty") => Silence::barred(
            "etcd-auth-wanted: found that etcd asks for a user and password, expected to be let in without; name a Secret with `username` and `password` in access.credentialsSecretName".to_owned()
        ),
        Answer::NotAuthenticated => Silence::barred(format!(
            "etcd-auth-rejected: found that etcd does not accept the user and password in access.credentialsSecretName ({text}), expected ones that it knows; mend the Secret"
        )),
        Answer::PermissionDenied => Silence::barred(format!(
            "etcd-not-root: found that the user in access.credentialsSecretName may not do this ({text}), expected one with etcd's root role; grant it with `etcdctl user grant-role <user> root`"
        )),
        _ => Silence::down(format!(
            "etcd-refused: found that etcd refuses to tell its status ({text:?}), expected an answer; look at its log"
        )),
    }
}

/// What each seat says of itself, and why those that say nothing do not.
pub(super) struct Told {
    pub(super) statuses: BTreeMap<Ordinal, Reading<MemberStatus>>,
    /// Each reason once, with the members it holds for.
    pub(super) silent: String,
    /// No voter answers, and these reasons keep us out.
    pub(super) barred: Option<String>,
}

impl Told {
    pub(super) fn of(statuses: BTreeMap<Ordinal, Result<MemberStatus, Silence>>) -> Self {
        let a_voter_answers = statuses.values().flatten().any(|status| !status.learner);
        let silent = reasons(&statuses, |_| true);
        let barred = reasons(&statuses, |silence| silence.barred);
        let readings = statuses.into_iter().map(|(ordinal, status)| {
            let reading = match status {
                Ok(status) => Reading::Known(status),
                Err(silence) => Reading::Unknown(silence.why),
            };
            (ordinal, reading)
        });
        Self {
            statuses: readings.collect(),
            silent,
            barred: Some(barred).filter(|why| !a_voter_answers && !why.is_empty()),
        }
    }
}

fn reasons(
    statuses: &BTreeMap<Ordinal, Result<MemberStatus, Silence>>,
    count: fn(&Silence) -> bool,
) -> String {
    let mut whys: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (ordinal, status) in statuses {
        if let Err(silence) = status
            && count(silence)
        {
            let members = whys.entry(&silence.why).or_default();
            members.push(ordinal.to_string());
        }
    }
    let each: Vec<String> = whys
        .into_iter()
        .map(|(why, members)| format!("{why} (member {})", members.join(", ")))
        .collect();
    each.join("; ")
}

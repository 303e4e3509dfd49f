//! Procedures as data: rows keyed by observed facts only, first match wins.

use jiff::SignedDuration;
use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::guard::Guard;
use super::step::Act;
use super::view::{Seat, View};
use crate::fleet::Ordinal;
use crate::state::ObjectKind;

/// One table of etcd-operations.md.
pub struct Procedure {
    pub name: &'static str,
    /// One line: what it brings about.
    pub title: &'static str,
    /// Where its rules come from.
    pub source: &'static str,
    /// What it walks over, in order.
    pub subjects: fn(&View) -> Vec<About>,
    pub rows: &'static [Row],
}

/// One line of a table: an observation, and what follows from it.
pub struct Row {
    pub name: &'static str,
    /// The observed facts, in words, as `docs/procedures.md` shows them.
    pub observed: &'static str,
    /// The step or wait, in words.
    pub step: &'static str,
    pub why: &'static str,
    pub guards: &'static [&'static Guard],
    /// How to take the step back.
    pub undo: &'static str,
    pub when: fn(&Focus) -> bool,
    pub then: fn(&Focus) -> Then,
    /// A refusal or deferral here hides every row below it, in later procedures too.
    pub hides: bool,
}

/// What a row is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Cluster,
    Seat(Ordinal),
    Object(ObjectKind),
}

/// A row's question: the whole view, and one subject of it.
#[derive(Clone, Copy)]
pub struct Focus<'v> {
    pub view: &'v View<'v>,
    pub about: About,
}

impl<'v> Focus<'v> {
    /// The seat a seat table is asked about.
    pub fn seat(&self) -> &'v Seat<'v> {
        match self.about {
            About::Seat(ordinal) => self.view.seat(ordinal),
            About::Cluster | About::Object(_) => {
                unreachable!("a table over seats names only seats as its subjects")
            }
        }
    }

    /// The kind an object table is asked about.
    pub fn object(&self) -> ObjectKind {
        match self.about {
            About::Object(kind) => kind,
            About::Cluster | About::Seat(_) => {
                unreachable!("a table over objects names only objects as its subjects")
            }
        }
    }
}

/// What follows from a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    Act(Box<Act>),
    Wait(Condition),
    /// Not now, and nothing is wrong.
    Defer(Facts),
    Refuse(Facts),
    /// Matched, and there is nothing to do for this subject.
    Pass,
}

impl Then {
    pub fn act(act: Act) -> Self {
        Self::Act(Box::new(act))
    }
}

/// A refusal's or deferral's text: what was found, what was expected, the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub code: &'static str,
    pub found: String,
    pub unblock: String,
}

/// Something that comes about by itself; a wait names it and has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The member list can be read linearizably.
    Quorum,
    /// A voter answers and sees the leader.
    MemberUp(Ordinal),
    /// The process has published itself and its own client port answers.
    Started(Ordinal),
    /// G6 holds.
    InSync(Ordinal),
    /// No ready endpoint of the client Service any more.
    NotServing(Ordinal),
    /// A ready endpoint of the client Service again.
    Serving(Ordinal),
    PodGone(Ordinal),
    ClaimGone(Ordinal),
    /// The claim is bound and its volume is readable.
    ClaimSettled(Ordinal),
    /// The volume has the size that its claim asks for.
    ClaimExpanded(Ordinal),
    /// The volume has the attributes that its claim asks for.
    ClaimModified(Ordinal),
    /// The object that is being deleted is gone.
    ObjectGone(ObjectKind),
    /// The member lists of all that answer agree.
    OneList,
    /// The old volume's data is on the new one.
    Copied(Ordinal),
    /// G11 holds.
    Stable,
}

/// `{name, member, text}`, and `object` where it is about one: the same in plans and events, no value only in prose.
impl Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = self.object();
        let count = 3 + usize::from(object.is_some());
        let mut fields = serializer.serialize_struct("Condition", count)?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("member", &self.ordinal())?;
        if let Some(object) = object {
            fields.serialize_field("object", &object)?;
        }
        fields.serialize_field("text", &self.to_string())?;
        fields.end()
    }
}

impl Condition {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::MemberUp(_) => "member-up",
            Self::Started(_) => "started",
            Self::InSync(_) => "in-sync",
            Self::NotServing(_) => "not-serving",
            Self::Serving(_) => "serving",
            Self::PodGone(_) => "pod-gone",
            Self::ClaimGone(_) => "claim-gone",
            Self::ClaimSettled(_) => "claim-settled",
            Self::ClaimExpanded(_) => "claim-expanded",
            Self::ClaimModified(_) => "claim-modified",
            Self::ObjectGone(_) => "object-gone",
            Self::OneList => "one-list",
            Self::Copied(_) => "copied",
            Self::Stable => "stable",
        }
    }

    /// The member it is about.
    pub const fn ordinal(self) -> Option<Ordinal> {
        match self {
            Self::MemberUp(o)
            | Self::Started(o)
            | Self::InSync(o)
            | Self::NotServing(o)
            | Self::Serving(o)
            | Self::PodGone(o)
            | Self::ClaimGone(o)
            | Self::ClaimSettled(o)
            | Self::ClaimExpanded(o)
            | Self::ClaimModified(o)
            | Self::Copied(o) => Some(o),
            Self::Quorum | Self::ObjectGone(_) | Self::OneList | Self::Stable => None,
        }
    }

    /// The object it is about.
    pub const fn object(self) -> Option<ObjectKind> {
        match self {
            Self::ObjectGone(kind) => Some(kind),
            _ => None,
        }
    }

    /// What its `name`, `ordinal` and `object` say; `None` where they are those of no condition.
    pub fn named(name: &str, ordinal: Option<Ordinal>, object: Option<ObjectKind>) -> Option<Self> {
        let about = |condition: fn(Ordinal) -> Self| ordinal.map(condition);
        match name {
            "quorum" => Some(Self::Quorum),
            "member-up" => about(Self::MemberUp),
            "started" => about(Self::Started),
            "in-sync" => about(Self::InSync),
            "not-serving" => about(Self::NotServing),
            "serving" => about(Self::Serving),
            "pod-gone" => about(Self::PodGone),
            "claim-gone" => about(Self::ClaimGone),
            "claim-settled" => about(Self::ClaimSettled),
            "claim-expanded" => about(Self::ClaimExpanded),
            "claim-modified" => about(Self::ClaimModified),
            "object-gone" => object.map(Self::ObjectGone),
            "one-list" => Some(Self::OneList),
            "copied" => about(Self::Copied),
            "stable" => Some(Self::Stable),
            _ => None,
        }
    }

    /// Timeouts of etcd-operations.md 2.3.
    pub const fn deadline(self) -> SignedDuration {
        match self {
            Self::Quorum
            | Self::MemberUp(_)
            | Self::Started(_)
            | Self::ClaimExpanded(_)
            | Self::ClaimModified(_) => SignedDuration::from_mins(10),
            Self::InSync(_) | Self::Copied(_) => SignedDuration::from_mins(30),
            Self::PodGone(_) | Self::ClaimGone(_) | Self::ClaimSettled(_) | Self::ObjectGone(_) => {
                SignedDuration::from_mins(5)
            }
            // After an outage of the API server a controller's watch is tried again up to a minute apart (client-go's
            // reflector: 30 s, and as much again by jitter), and endpoints are its work.
            Self::NotServing(_) | Self::Serving(_) => SignedDuration::from_mins(5),
            Self::OneList => SignedDuration::from_mins(1),
            Self::Stable => SignedDuration::from_mins(15),
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quorum => write!(f, "a quorum that answers"),
            Self::MemberUp(o) => write!(f, "member {o} to answer and see the leader"),
            Self::Started(o) => write!(f, "member {o} to start and answer on its client port"),
            Self::InSync(o) => write!(f, "learner {o} to catch up"),
            Self::NotServing(o) => write!(f, "member {o} to leave the client Service"),
            Self::Serving(o) => write!(f, "member {o} to join the client Service"),
            Self::PodGone(o) => write!(f, "pod {o} to be gone"),
            Self::ClaimExpanded(o) => write!(f, "the volume of claim {o} to grow"),
            Self::ClaimModified(o) => write!(f, "the volume of claim {o} to be modified"),
            Self::ClaimGone(o) => write!(f, "claim {o} to be gone"),
            Self::ClaimSettled(o) => write!(f, "claim {o} to be bound to a readable volume"),
            Self::ObjectGone(kind) => write!(f, "the deleted {kind:?} to be gone"),
            Self::OneList => write!(f, "all members to give the same list"),
            Self::Copied(o) => write!(f, "the data of member {o} to be copied"),
            Self::Stable => write!(f, "ten election timeouts without a leader change"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_found_by_what_it_says_of_itself() {
        let (ordinal, kind) = (Ordinal(3), ObjectKind::StatefulSet);
        let all = [
            Condition::Quorum,
            Condition::MemberUp(ordinal),
            Condition::Started(ordinal),
            Condition::InSync(ordinal),
            Condition::NotServing(ordinal),
            Condition::Serving(ordinal),
            Condition::PodGone(ordinal),
            Condition::ClaimGone(ordinal),
            Condition::ClaimSettled(ordinal),
            Condition::ClaimExpanded(ordinal),
            Condition::ClaimModified(ordinal),
            Condition::ObjectGone(kind),
            Condition::OneList,
            Condition::Copied(ordinal),
            Condition::Stable,
        ];
        for condition in all {
            let said = (condition.name(), condition.ordinal(), condition.object());
            assert_eq!(Condition::named(said.0, said.1, said.2), Some(condition));
        }
        assert_eq!(Condition::named("in-sync", None, Some(kind)), None);
        assert_eq!(Condition::named("full-moon", Some(ordinal), None), None);
    }
}

//! What may happen to a cluster, to the way there, or to a run.

use std::fmt;

use super::volumes::{Class, Tier, Way};
use crate::state::ObjectKind;

/// Something that happens. Numbers name an ordinal, or count round among those there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The run is gone where it stands; the next one knows nothing of it.
    Killed,
    /// The run stops between its guard and its act for so many seconds, and goes on with the act as if nothing had been.
    /// Meanwhile another run of what Git says by now does up to `acts` acts, if it gets the Lease.
    Frozen {
        seconds: u32,
        acts: u32,
    },
    /// The next act gets no answer. It takes effect so many seconds later, or never.
    TimesOut {
        after: Option<u32>,
    },
    /// Git asks for another size.
    Size(u32),
    /// Git sets the quota to so many GiB.
    Quota(u32),
    /// Git names an image.
    Image(Image),
    /// Git names a class for the volumes.
    Class(Class),
    /// Git asks for volumes of so many MiB, or of the documents' size.
    VolumeSize(Option<u32>),
    /// Git names attributes for the volumes.
    Tier(Tier),
    /// Git says how members move.
    Way(Way),
    /// No class has a volume for a new claim.
    Exhausted,
    RoomAgain,
    /// A quota of the namespace allows so many claims more than there are.
    Rationed(u32),
    RationLifted,
    /// Volumes stop growing.
    Stunted,
    GrowsAgain,
    /// Volumes cannot be modified for a while.
    Rigid,
    PliantAgain,
    /// Nothing more can be written to the snapshot store.
    StoreFull,
    /// The snapshot store does not answer.
    StoreAway,
    StoreBack,
    /// Someone deletes a pod.
    PodLost(u32),
    /// Evicted by `kubectl drain`, as far as the `PodDisruptionBudget` allows.
    Evicted(u32),
    /// Its image, a quota or the kubelet keeps the pod from running.
    Stuck(u32),
    Unstuck,
    /// The node of this pod does not answer any more, and its pods are to go.
    NodeLost(u32),
    /// The lost nodes are deleted, and the pods on them with them.
    NodesGone,
    NodesBack,
    /// The volume is gone from under the claim.
    DiskDead(u32),
    /// Someone empties the volume.
    Wiped(u32),
    /// Someone deletes the claim; it stays until its pod has gone.
    ClaimDeleted(u32),
    LeaderMoves(u32),
    LabelTakenOff(u32),
    /// Someone deletes an object; a StatefulSet so that its pods stay.
    ObjectDeleted(ObjectKind),
    ObjectEdited(ObjectKind),
    /// Someone sets `replicas`.
    Scaled(u32),
    /// A member that no ordinal owns joins.
    StrangerJoins,
    /// Learners do not catch up.
    LearnersStall,
    /// The API server does not answer for so many seconds.
    ApiAway(u32),
    /// A part of the world cannot be read.
    Blind(Part),
    Sight,
    /// Nothing happens for so many seconds.
    Passes(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Image {
    Good,
    /// Another good one of the same version.
    Rebuilt,
    /// One that no node can pull.
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Kubernetes,
    Membership,
    Status(u32),
    Volumes,
    Alarms,
}

impl Event {
    /// Its kind, as tallies count it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Killed => "run killed",
            Self::Frozen { .. } => "run frozen, second run",
            Self::TimesOut { after: Some(_) } => "time-out that commits later",
            Self::TimesOut { after: None } => "time-out that never commits",
            Self::Size(_) => "Git: size",
            Self::Quota(_) => "Git: quota",
            Self::Image(Image::Missing) => "Git: image that cannot be pulled",
            Self::Image(_) => "Git: image",
            Self::Class(Class::Missing) => "Git: class that is not there",
            Self::Class(_) => "Git: storage class",
            Self::VolumeSize(_) => "Git: volume size",
            Self::Tier(Tier::Unreal) => "Git: attributes that cannot be had",
            Self::Tier(_) => "Git: attributes",
            Self::Way(_) => "Git: migration strategy",
            Self::Exhausted => "class without capacity",
            Self::RoomAgain => "capacity again",
            Self::Rationed(_) => "quota for claims",
            Self::RationLifted => "no quota again",
            Self::Stunted => "expansion hangs",
            Self::Rigid => "modification hangs",
            Self::PliantAgain => "modification again",
            Self::GrowsAgain => "expansion goes on",
            Self::StoreFull => "snapshot store full",
            Self::StoreAway => "snapshot store away",
            Self::StoreBack => "snapshot store back",
            Self::PodLost(_) => "pod lost",
            Self::Evicted(_) => "pod evicted",
            Self::Stuck(_) | Self::Unstuck => "pod stuck",
            Self::NodeLost(_) => "node lost",
            Self::NodesGone => "node deleted",
            Self::NodesBack => "node back",
            Self::DiskDead(_) => "disk dead",
            Self::Wiped(_) => "volume wiped",
            Self::ClaimDeleted(_) => "claim deleted",
            Self::LeaderMoves(_) => "leader change",
            Self::LabelTakenOff(_) => "label taken off",
            Self::ObjectDeleted(_) => "object deleted",
            Self::ObjectEdited(_) => "object edited",
            Self::Scaled(_) => "replicas set by hand",
            Self::StrangerJoins => "stranger joins",
            Self::LearnersStall => "learner stalls",
            Self::ApiAway(_) => "API server away",
            Self::Blind(_) => "part unreadable",
            Self::Sight => "readable again",
            Self::Passes(_) => "time passes",
        }
    }

    /// Nothing is another thing afterwards: less is seen of it, or another member leads.
    pub(super) const fn only_hides(self) -> bool {
        matches!(
            self,
            Self::Blind(_) | Self::Sight | Self::ApiAway(_) | Self::LeaderMoves(_)
        )
    }

    /// Takes a member's process or data: what a step that was decided before it finds is worse than it could know.
    pub(super) const fn is_adverse(self) -> bool {
        matches!(
            self,
            Self::PodLost(_)
                | Self::Evicted(_)
                | Self::Stuck(_)
                | Self::NodeLost(_)
                | Self::NodesGone
                | Self::DiskDead(_)
                | Self::Wiped(_)
                | Self::ClaimDeleted(_)
                | Self::Scaled(_)
                | Self::Frozen { .. }
                | Self::TimesOut { .. }
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => write!(f, "the run is killed"),
            Self::Frozen { seconds, acts } => write!(
                f,
                "the run is frozen for {seconds} s right before its act; another run may do {acts} acts"
            ),
            Self::TimesOut { after: Some(s) } => {
                write!(
                    f,
                    "the next act is not answered, and takes effect {s} s later"
                )
            }
            Self::TimesOut { after: None } => {
                write!(f, "the next act is not answered, and is lost")
            }
            Self::Size(n) => write!(f, "Git asks for {n} members"),
            Self::Quota(n) => write!(f, "Git sets the quota to {n}Gi"),
            Self::Image(Image::Good) => write!(f, "Git names the image there was"),
            Self::Image(Image::Rebuilt) => write!(f, "Git names another image of the same version"),
            Self::Image(Image::Missing) => write!(f, "Git names an image that cannot be pulled"),
            Self::Class(class) => write!(f, "Git names the volume class {class:?}"),
            Self::VolumeSize(Some(mib)) => write!(f, "Git asks for volumes of {mib}Mi"),
            Self::VolumeSize(None) => write!(f, "Git asks for volumes of the size there was"),
            Self::Tier(tier) => write!(f, "Git names the volumes' attributes {tier:?}"),
            Self::Way(way) => write!(f, "Git says that members move: {way:?}"),
            Self::Exhausted => write!(f, "no class has a volume for a new claim"),
            Self::RoomAgain => write!(f, "classes have volumes again"),
            Self::Rationed(n) => write!(f, "a quota allows {n} claims more than there are"),
            Self::RationLifted => write!(f, "the quota is gone"),
            Self::Stunted => write!(f, "volumes stop growing"),
            Self::GrowsAgain => write!(f, "volumes grow again"),
            Self::Rigid => write!(f, "volumes are not modified"),
            Self::PliantAgain => write!(f, "volumes are modified again"),
            Self::StoreFull => write!(f, "the snapshot store is full"),
            Self::StoreAway => write!(f, "the snapshot store does not answer"),
            Self::StoreBack => write!(f, "the snapshot store is back"),
            Self::PodLost(o) => write!(f, "pod {o} is deleted"),
            Self::Evicted(o) => write!(f, "`kubectl drain` asks to evict pod {o}"),
            Self::Stuck(o) => write!(f, "pod {o} cannot run any more"),
            Self::Unstuck => write!(f, "what kept pods from running is gone"),
            Self::NodeLost(o) => write!(f, "the node of pod {o} is lost"),
            Self::NodesGone => write!(f, "the lost nodes are deleted"),
            Self::NodesBack => write!(f, "the lost nodes are back"),
            Self::DiskDead(o) => write!(f, "the disk of member {o} dies"),
            Self::Wiped(o) => write!(f, "the volume of member {o} is wiped"),
            Self::ClaimDeleted(o) => write!(f, "the claim of member {o} is deleted"),
            Self::LeaderMoves(o) => write!(f, "leadership moves to member {o}"),
            Self::LabelTakenOff(o) => write!(f, "the serving label is taken off pod {o}"),
            Self::ObjectDeleted(kind) => write!(f, "{kind:?} is deleted"),
            Self::ObjectEdited(kind) => write!(f, "{kind:?} is edited by hand"),
            Self::Scaled(n) => write!(f, "replicas is set to {n} by hand"),
            Self::StrangerJoins => write!(f, "a member joins whose URL belongs to no ordinal"),
            Self::LearnersStall => write!(f, "learners stop catching up"),
            Self::ApiAway(s) => write!(f, "the API server is away for {s} s"),
            Self::Blind(part) => write!(f, "not readable any more: {part:?}"),
            Self::Sight => write!(f, "everything can be read again"),
            Self::Passes(s) => write!(f, "{s} s pass"),
        }
    }
}

/// When an event strikes, counted from the one before it. A run that ends first makes it strike between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cue {
    /// At the next thing the run does.
    Now,
    /// Right before the run's act after so many.
    Before(u32),
    /// Right after so many acts, before their answer.
    After(u32),
    /// At a wait, after so many.
    Wait(u32),
    /// Right before an act of this verb, on this ordinal if one is named.
    BeforeAct(&'static str, Option<u32>),
    /// Right after one.
    AfterAct(&'static str, Option<u32>),
    /// When the run has ended.
    Rest,
}

impl fmt::Display for Cue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |ordinal: &Option<u32>| ordinal.map_or_else(String::new, |o| format!(" {o}"));
        match self {
            Self::Now => write!(f, "at once"),
            Self::Before(n) => write!(f, "{n} acts on, before the next"),
            Self::After(n) => write!(f, "right after {n} acts"),
            Self::Wait(n) => write!(f, "at a wait, after {n}"),
            Self::BeforeAct(verb, o) => write!(f, "right before {verb}{}", of(o)),
            Self::AfterAct(verb, o) => write!(f, "right after {verb}{}", of(o)),
            Self::Rest => write!(f, "when the run has ended"),
        }
    }
}

/// One event with its cue.
pub type Scene = (Cue, Event);

//! Classes and sizes of volumes: what Git may ask for in a story, and what the stage has of it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;

use super::stage::Stage;
use crate::fleet::{ClusterSpec, MigrationStrategy, Quantity};
use crate::state::{Claim, ObjectKind, StorageClass};

/// Days that Git keeps old volumes, where it says so at all.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Reclaim policies.
pub(super) const DELETE: &str = "Delete";
pub(super) const RETAIN: &str = "Retain";

/// A class of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// As in the documents.
    Documents,
    /// Lets volumes grow.
    Plain,
    /// Another one that does.
    Encrypted,
    /// Does not.
    Fixed,
    /// There is none of this name.
    Missing,
}

impl Class {
    /// Those that are there and can be named.
    pub(super) const THERE: [Self; 3] = [Self::Plain, Self::Encrypted, Self::Fixed];

    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Documents => None,
            Self::Plain => Some("rehearsed-plain"),
            Self::Encrypted => Some("rehearsed-encrypted"),
            Self::Fixed => Some("rehearsed-fixed"),
            Self::Missing => Some("rehearsed-missing"),
        }
    }
}

/// How members that must move do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    Auto,
    Surge,
    InPlace,
    /// Where Git asks for one member; else `auto`.
    Offline,
}

/// A `VolumeAttributesClass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    Silver,
    Gold,
    /// Its driver gives it to no volume.
    Unreal,
}

impl Tier {
    /// Those that can be had.
    pub(super) const THERE: [Self; 2] = [Self::Silver, Self::Gold];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Silver => "rehearsed-silver",
            Self::Gold => "rehearsed-gold",
            Self::Unreal => "rehearsed-unreal",
        }
    }
}

/// What Git says of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Volumes {
    pub class: Class,
    /// `None`: as in the documents.
    pub mib: Option<u32>,
    /// `None`: as in the documents.
    pub tier: Option<Tier>,
    pub way: Way,
    /// Old volumes are kept for a day, and not for ever.
    pub lets_go: bool,
}

impl Volumes {
    /// As in the documents.
    pub const DOCUMENTS: Self = Self::of(Class::Documents);

    pub const fn of(class: Class) -> Self {
        Self {
            class,
            mib: None,
            tier: None,
            way: Way::Auto,
            lets_go: false,
        }
    }

    pub(super) fn apply_to(self, spec: &mut ClusterSpec) {
        let storage = &mut spec.storage;
        if let Some(name) = self.class.name() {
            storage.class_name = Some(name.into());
        }
        if let Some(size) = self.mib.and_then(|n| format!("{n}Mi").parse().ok()) {
            storage.size = size;
        }
        if let Some(tier) = self.tier {
            storage.attributes_class_name = Some(tier.name().into());
        }
        match self.way {
            Way::Surge => storage.migration.strategy = MigrationStrategy::Surge,
            Way::InPlace => storage.migration.strategy = MigrationStrategy::InPlace,
            Way::Offline if spec.members == 1 => {
                storage.migration.strategy = MigrationStrategy::Offline;
                storage.migration.copy_image = Some("registry.example/busybox:1.37".into());
                spec.policy.allow_downtime = true;
            }
            Way::Auto | Way::Offline => {}
        }
        if self.lets_go {
            storage.migration.keep_old_volumes = Some(KEPT);
        }
    }
}

impl fmt::Display for Volumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volumes of class {:?}", self.class)?;
        if let Some(mib) = self.mib {
            write!(f, ", {mib}Mi")?;
        }
        if let Some(tier) = self.tier {
            write!(f, ", {tier:?}")?;
        }
        if self.way != Way::Auto {
            write!(f, ", {:?}", self.way)?;
        }
        if self.lets_go {
            write!(f, ", old ones kept for a day")?;
        }
        Ok(())
    }
}

/// Every class of the rehearsal, as a run reads them.
pub(super) fn classes() -> BTreeMap<String, Option<StorageClass>> {
    let there = Class::THERE.into_iter().chain([Class::Missing]);
    let class = |class: Class| {
        let found = StorageClass {
            provisioner: "model".into(),
            expands: class != Class::Fixed,
            binds_at_once: false,
        };
        let found = (class != Class::Missing).then_some(found);
        Some((class.name()?.to_owned(), found))
    };
    there.filter_map(class).collect()
}

/// What is wrong with volumes and with where snapshots go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// No class has a volume for a new claim.
    Exhausted,
    /// Volumes do not grow.
    Stunted,
    /// Volumes are not modified.
    Rigid,
    /// Nothing more can be written to the snapshot store.
    StoreFull,
    /// The snapshot store does not answer.
    StoreAway,
}

impl Stage {
    /// Not every member has its volume as Git says, or one more than Git asks for still stands in.
    pub(super) fn is_under_way(&self, spec: &ClusterSpec) -> bool {
        let claims = self.kube().claims.len();
        self.is_moving(spec) || claims != spec.members as usize
    }

    /// Volumes are not as Git says, or the template of those to come is not.
    pub(super) fn is_moving(&self, spec: &ClusterSpec) -> bool {
        let kube = self.kube();
        let claims = kube.claims.values();
        let set = kube.objects.get(&ObjectKind::StatefulSet);
        let template = set.and_then(|s| s.content.pointer("/spec/volumeClaimTemplates/0/spec"));
        let text = |pointer: &str| template?.pointer(pointer)?.as_str();
        let class = spec.storage.class_name.as_deref();
        let size = text("/resources/requests/storage").and_then(|t| t.parse::<Quantity>().ok());
        let tier = spec.storage.attributes_class_name.as_deref();
        let follows = (class.is_none() || text("/storageClassName") == class)
            && (tier.is_none() || text("/volumeAttributesClassName") == tier)
            && size.as_ref() == Some(&spec.storage.size);
        !follows || claims.into_iter().any(|c| differs(c, spec).is_some())
    }
}

/// How a claim is not as Git says.
pub(super) fn differs(claim: &Claim, spec: &ClusterSpec) -> Option<String> {
    let storage = &spec.storage;
    if let Some(class) = &storage.class_name
        && claim.class_name.as_ref() != Some(class)
    {
        return Some(format!("class {:?}, Git says {class}", claim.class_name));
    }
    if let Some(tier) = &storage.attributes_class_name
        && claim.attributes.current.as_ref() != Some(tier)
    {
        return Some(format!("{:?}, Git says {tier}", claim.attributes));
    }
    if claim.request != storage.size {
        return Some(format!("{}, Git says {}", claim.request, storage.size));
    }
    let has = claim.capacity.as_ref();
    has.is_none_or(|has| *has < claim.request)
        .then(|| format!("{has:?} of {}", claim.request))
}

//! A schedule: where a story starts, what Git says at first, and what happens in it.

use std::fmt;

use super::event::{Event, Image, Scene};
use super::stage::MISSING_TAG;
use super::volumes::{Class, Volumes};
use crate::fleet::{ClusterSpec, Quantity};

/// What Git says, beside what all commits have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wish {
    pub members: u32,
    /// GiB; `None`: as in the documents.
    pub quota: Option<u32>,
    pub image: Image,
    pub volumes: Volumes,
}

impl Wish {
    pub const fn of(members: u32) -> Self {
        Self {
            members,
            quota: None,
            image: Image::Good,
            volumes: Volumes::DOCUMENTS,
        }
    }

    pub(super) fn applied_to(self, base: &ClusterSpec) -> ClusterSpec {
        let mut spec = base.clone();
        spec.members = self.members;
        if let Some(gib) = self.quota {
            spec.etcd.quota = format!("{gib}Gi").parse::<Quantity>().ok();
        }
        self.volumes.apply_to(&mut spec);
        match self.image {
            Image::Good => {}
            Image::Rebuilt => spec.image.push_str("-rebuilt"),
            Image::Missing => spec.image = format!("registry.example/etcd{MISSING_TAG}"),
        }
        spec
    }
}

/// Where a story starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Nothing,
    /// A cluster of so many members, in sync.
    Living(u32),
    /// The same with all volumes of a class.
    LivingOn(u32, Class),
}

impl Start {
    pub(super) const fn class(self) -> Class {
        match self {
            Self::Nothing | Self::Living(_) => Class::Documents,
            Self::LivingOn(_, class) => class,
        }
    }
}

/// One story, ready to be acted out.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub start: Start,
    pub wish: Wish,
    pub min_tolerance: u32,
    /// Volumes cannot leave their node.
    pub local: bool,
    /// Clients write all the time.
    pub writes: bool,
    /// Controllers are done before the next look.
    pub settles: bool,
    /// Through the engine of `apply`, or through `decide` alone.
    pub engine: bool,
    /// The classes' volumes are kept when their claim goes, whoever deletes it.
    pub retains: bool,
    pub script: Vec<Scene>,
}

/// What no event changes, beside where it starts.
pub(super) type Setting = (u32, [bool; 5]);

impl Schedule {
    /// Members get other volumes in it, or larger ones.
    pub fn is_about_storage(&self) -> bool {
        let before = Volumes::of(self.start.class());
        let said = |v: Volumes| (v.class, v.mib, v.tier);
        let says = |e: &Event| matches!(e, Event::Class(_) | Event::VolumeSize(_) | Event::Tier(_));
        said(self.wish.volumes) != said(before) || self.script.iter().any(|(_, e)| says(e))
    }

    /// What no event changes, beside where it starts.
    pub(super) fn setting(&self) -> Setting {
        let (local, writes) = (self.local, self.writes);
        let flags = [local, writes, self.settles, self.engine, self.retains];
        (self.min_tolerance, flags)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            Start::Nothing => write!(f, "from nothing")?,
            Start::Living(n) => write!(f, "from {n} members in sync")?,
            Start::LivingOn(n, class) => {
                write!(f, "from {n} members in sync on volumes of class {class:?}")?;
            }
        }
        write!(f, "; Git asks for {}", self.wish.members)?;
        if self.wish.volumes != Volumes::DOCUMENTS {
            write!(f, " on {}", self.wish.volumes)?;
        }
        if self.min_tolerance > 0 {
            write!(f, ", minTolerance {}", self.min_tolerance)?;
        }
        let words = [
            (self.local, "local volumes"),
            (!self.writes, "idle"),
            (self.settles, "controllers are quick"),
            (self.engine, "through the engine"),
            (self.retains, "classes retain"),
        ];
        for (_, word) in words.iter().filter(|(holds, _)| *holds) {
            write!(f, "; {word}")?;
        }
        for (cue, event) in &self.script {
            write!(f, "\n  {cue}: {event}")?;
        }
        Ok(())
    }
}

//! Stories with a name and an end that they must come to.

use super::event::{Image, Scene};
use super::schedule::{Schedule, Start, Wish};
use super::volumes::{Class, Tier, Volumes, Way};
use super::{Rehearsal, Story};

use super::named::STATES;
use super::named_offline::OFFLINE_STATES;

/// Every named story.
pub fn all() -> impl Iterator<Item = &'static State> {
    STATES.iter().chain(OFFLINE_STATES)
}

/// A story with a name.
pub struct State {
    /// `2.8-7`, or `F3` with a word where there are several.
    pub name: &'static str,
    /// What is found, in a line.
    pub title: &'static str,
    start: Start,
    wish: Wish,
    set: Set,
    script: &'static [Scene],
    /// A refusal that some run must end with on the way.
    pub meets: Option<&'static str>,
    /// The code of the refusal that stays; `None`: in sync.
    pub ends: Option<&'static str>,
    /// Verbs that no run may use.
    pub never: &'static [&'static str],
}

/// What is unlike most stories.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Plain,
    Local,
    Idle,
    MinTolerance,
    /// Controllers are done before the next look.
    Quick,
}

pub(super) const fn wish(members: u32) -> Wish {
    Wish::of(members)
}

pub(super) const fn with_image(members: u32, image: Image) -> Wish {
    Wish {
        image,
        ..Wish::of(members)
    }
}

pub(super) const fn with_quota(members: u32) -> Wish {
    Wish {
        quota: Some(4),
        ..Wish::of(members)
    }
}

pub(super) const fn with_volumes(members: u32, class: Class, mib: Option<u32>, way: Way) -> Wish {
    let volumes = Volumes {
        mib,
        way,
        ..Volumes::of(class)
    };
    Wish {
        volumes,
        ..Wish::of(members)
    }
}

/// Volumes of the first class, with these attributes.
pub(super) const fn with_tier(members: u32, tier: Tier) -> Wish {
    let volumes = Volumes {
        tier: Some(tier),
        ..Volumes::of(Class::Plain)
    };
    Wish {
        volumes,
        ..Wish::of(members)
    }
}

pub(super) const fn state(
    name: &'static str,
    title: &'static str,
    from: u32,
    wish: Wish,
    script: &'static [Scene],
) -> State {
    State {
        name,
        title,
        start: Start::Living(from),
        wish,
        set: Set::Plain,
        script,
        meets: None,
        ends: None,
        never: &[],
    }
}

impl State {
    pub(super) const fn set(self, set: Set) -> Self {
        Self { set, ..self }
    }

    pub(super) const fn meets(self, code: &'static str) -> Self {
        Self {
            meets: Some(code),
            ..self
        }
    }

    pub(super) const fn ends(self, code: &'static str) -> Self {
        Self {
            ends: Some(code),
            ..self
        }
    }

    pub(super) const fn never(self, verbs: &'static [&'static str]) -> Self {
        Self {
            never: verbs,
            ..self
        }
    }

    /// On volumes of the first class.
    pub(super) const fn moves(self) -> Self {
        Self {
            start: match self.start {
                Start::Living(n) | Start::LivingOn(n, _) => Start::LivingOn(n, Class::Plain),
                Start::Nothing => Start::Nothing,
            },
            ..self
        }
    }

    pub(super) const fn unborn(self) -> Self {
        Self {
            start: Start::Nothing,
            ..self
        }
    }

    /// Its schedule, through the engine or through `decide` alone.
    pub fn schedule(&self, engine: bool) -> Schedule {
        Schedule {
            start: self.start,
            wish: self.wish,
            min_tolerance: u32::from(self.set == Set::MinTolerance),
            local: self.set == Set::Local,
            writes: self.set != Set::Idle,
            settles: self.set == Set::Quick,
            engine,
            retains: false,
            script: self.script.to_vec(),
        }
    }

    pub fn tell(&self, rehearsal: &Rehearsal, engine: bool) -> Story {
        rehearsal.tell(self.schedule(engine))
    }

    /// Where the story went otherwise than it should.
    pub fn differs(&self, story: &Story) -> Option<String> {
        if let Some(violation) = &story.violation {
            return Some(violation.to_string());
        }
        if let Some(verb) = self.never.iter().find(|v| story.verbs.contains(*v)) {
            return Some(format!("`{verb}` was done, and never should"));
        }
        let met = |code: &str| story.ends.iter().any(|end| end.names(code));
        match (self.meets, self.ends) {
            (Some(code), _) if !met(code) => Some(format!("no run was refused with {code}")),
            (_, Some(code)) if !story.end.names(code) => {
                Some(format!("ends {}, expected the refusal {code}", story.end))
            }
            (_, None) if story.end != super::End::InSync => {
                Some(format!("ends {}, expected in sync", story.end))
            }
            _ => None,
        }
    }
}

/// The story of this name.
pub fn find(name: &str) -> Option<&'static State> {
    all().find(|s| s.name.eq_ignore_ascii_case(name))
}

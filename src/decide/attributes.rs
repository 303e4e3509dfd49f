//! P6 beside growing: what a volume's driver changes under the running member (IOPS, throughput, type), by the name of a
//! `VolumeAttributesClass`. Rows of `storage`. Without `storage.attributesClassName` what claims ask for is not ours.

use super::guard;
use super::procedure::{About, Condition, Facts, Row, Then};
use super::step::Act;
use super::storage::{any_seat, is_quiet};
use super::view::{Seat, View};
use crate::state::{Claim, ClaimPhase, Modification, ModificationState, Reading};

pub(super) const UNREADABLE: Row = Row {
    name: "attributes-unreadable",
    observed: "Git names a VolumeAttributesClass, and those cannot be read",
    step: "refuse, and hide growing, replacing and shrinking",
    why: "a claim that names one that is not there gets no volume",
    guards: &[],
    undo: "",
    hides: true,
    when: |f| {
        let classes = &f.view.kube.attributes_classes;
        is_quiet(f) && f.view.attributes_of_git().is_some() && classes.known().is_none()
    },
    then: |f| {
        let why = f.view.kube.attributes_classes.why_unknown();
        Then::Refuse(Facts {
            code: "attributes-unreadable",
            found: why.unwrap_or_default().to_owned(),
            unblock: "grant `list volumeattributesclasses`, or take storage.attributesClassName out of Git".into(),
        })
    },
};

pub(super) const MISSING: Row = Row {
    name: "attributes-missing",
    observed: "Git names a VolumeAttributesClass that does not exist",
    step: "refuse, and hide growing, replacing and shrinking",
    why: "a modification to it would hang, and a new claim that names it gets no volume",
    guards: &[],
    undo: "",
    hides: true,
    when: |f| is_quiet(f) && f.view.is_attributes_class_missing(),
    then: |f| {
        Then::Refuse(Facts {
            code: "attributes-missing",
            found: format!(
                "no VolumeAttributesClass {:?}",
                f.view.attributes_of_git().unwrap_or_default()
            ),
            unblock: "create it, or name another in storage.attributesClassName".into(),
        })
    },
};

pub(super) const OTHER_DRIVER: Row = Row {
    name: "attributes-of-another-driver",
    observed: "Git names a VolumeAttributesClass of another driver than a member's volume is, or will be, of",
    step: "refuse, and hide growing, replacing and shrinking",
    why: "nobody else compares the two: the resizer hands the parameters of one driver to the other",
    guards: &[],
    undo: "",
    hides: true,
    when: |f| is_quiet(f) && f.view.other_driver().is_some(),
    then: |f| {
        Then::Refuse(Facts {
            code: "attributes-of-another-driver",
            found: f.view.other_driver().unwrap_or_default(),
            unblock:
                "name a VolumeAttributesClass of the volumes' driver in storage.attributesClassName"
                    .into(),
        })
    },
};

pub(super) const INFEASIBLE: Row = Row {
    name: "attributes-infeasible",
    observed: "the driver says that it cannot give the member's volume the attributes that Git says",
    step: "refuse, and hide growing, replacing and shrinking; no other claim and no claim template asks for them",
    why: "what one volume cannot have the next one will not get either, and members that moved before the template may follow would move again",
    guards: &[],
    undo: "",
    hides: true,
    when: |f| {
        let seat = matches!(f.about, About::Seat(_));
        is_quiet(f) && seat && f.view.is_infeasible(f.seat())
    },
    then: |f| {
        let seat = f.seat();
        let said = seat.claim.and_then(|c| c.resize.as_deref());
        Then::Refuse(Facts {
            code: "attributes-infeasible",
            found: format!(
                "claim {} cannot have {:?}: {}",
                f.view.spec.claim_name(seat.ordinal),
                f.view.attributes_of_git().unwrap_or_default(),
                said.unwrap_or("Infeasible"),
            ),
            unblock: "name another class in storage.attributesClassName: the claim takes that one instead".into(),
        })
    },
};

pub(super) const MODIFYING: Row = Row {
    name: "modifying",
    observed: "a claim asks for other attributes than its volume has",
    step: "wait until the volume has been modified",
    why: "one at a time: the next begins when this one has come through (P6)",
    guards: &[],
    undo: "",
    hides: false,
    when: |f| is_quiet(f) && any_seat(f, |s| f.view.is_modifying(s)),
    then: |f| {
        let found = f.view.seats().find(|s| f.view.is_modifying(s));
        found.map_or(Then::Pass, |s| {
            Then::Wait(Condition::ClaimModified(s.ordinal))
        })
    },
};

pub(super) const CAN_MODIFY: Row = Row {
    name: "can-modify",
    observed: "the claim asks for other attributes than Git says, and its member stays on it",
    step: "ask for Git's VolumeAttributesClass on the claim, bound to its UID",
    why: "the driver modifies a volume under a running member; the template follows when all have (P6)",
    guards: &[&guard::ONE_LIST, &guard::ALL_HEALTHY, &guard::NO_LEARNER],
    undo: "name the class before in Git; a claim that has had one can never be without",
    hides: false,
    when: |f| {
        let seat = matches!(f.about, About::Seat(_));
        seat && f.view.can_modify(f.seat()) && !f.view.is_any_infeasible()
    },
    then: |f| {
        let seat = f.seat();
        let class = f.view.attributes_of_git();
        seat.claim.zip(class).map_or(Then::Pass, |(claim, class)| {
            Then::act(Act::ModifyClaim {
                ordinal: seat.ordinal,
                claim: f.view.spec.claim_name(seat.ordinal),
                uid: claim.uid.clone(),
                class: class.to_owned(),
            })
        })
    },
};

impl View<'_> {
    fn attributes_of_git(&self) -> Option<&str> {
        self.spec.storage.attributes_class_name.as_deref()
    }

    /// Git names a class, and there is none of that name.
    fn is_attributes_class_missing(&self) -> bool {
        let classes = self.kube.attributes_classes.known();
        let found = self.attributes_of_git().and_then(|name| classes?.get(name));
        found.is_some_and(Option::is_none)
    }

    /// The driver of the class that Git names.
    fn driver_of_git(&self) -> Option<&str> {
        let classes = self.kube.attributes_classes.known()?;
        classes.get(self.attributes_of_git()?)?.as_deref()
    }

    /// Its volume is not of the attributes that Git says.
    pub(super) fn attributes_differ(&self, seat: &Seat) -> bool {
        self.can_modify(seat) || self.is_modifying(seat) || self.is_infeasible(seat)
    }

    /// A claim that its member stays on, beside what Git says of its attributes. Kubernetes lets those of a bound claim
    /// change and of no other.
    fn staying<'a>(&'a self, seat: &Seat<'a>) -> Option<(&'a Claim, &'a str)> {
        let git = self.attributes_of_git()?;
        let claim = seat.claim.filter(|c| seat.is_listed() && !c.deleting)?;
        let stays = claim.phase == ClaimPhase::Bound && !self.must_move(seat);
        stays.then_some((claim, git))
    }

    /// The claim can be asked for Git's attributes where it is.
    pub(super) fn can_modify(&self, seat: &Seat) -> bool {
        let staying = self.staying(seat);
        staying.is_some_and(|(claim, git)| claim.attributes.asked.as_deref() != Some(git))
    }

    /// A claim as Git says whose volume is not so yet.
    fn is_modifying(&self, seat: &Seat) -> bool {
        self.staying(seat).is_some_and(|(claim, git)| {
            let has = &claim.attributes;
            let asked = has.asked.as_deref() == Some(git) && !is_infeasible(claim, git);
            asked && (has.current.as_deref() != Some(git) || has.modification.is_some())
        })
    }

    fn is_infeasible(&self, seat: &Seat) -> bool {
        let staying = self.staying(seat);
        staying.is_some_and(|(claim, git)| is_infeasible(claim, git))
    }

    pub(super) fn is_any_infeasible(&self) -> bool {
        self.seats().any(|seat| self.is_infeasible(seat))
    }

    /// Which member's volume is of another driver than the class that Git names, in words.
    fn other_driver(&self) -> Option<String> {
        let wanted = self.driver_of_git()?;
        let git = self.attributes_of_git()?;
        self.seats().find_map(|seat| {
            let driver = self.driver_of(seat)?;
            let claim = self.spec.claim_name(seat.ordinal);
            (driver != wanted).then(|| {
                format!("VolumeAttributesClass {git:?} is of driver {wanted}, and the volume of claim {claim} of {driver}")
            })
        })
    }

    /// The driver of the volume that is to have Git's attributes: the one it is on, or the one it will get. `None`:
    /// nothing is to change, or nobody knows.
    fn driver_of<'a>(&'a self, seat: &Seat<'a>) -> Option<&'a str> {
        let claim = seat.claim?;
        if self.must_move(seat) {
            let git = self.spec.storage.class_name.as_ref();
            let class = git.or(claim.class_name.as_ref())?;
            let found = self.kube.storage_classes.known()?.get(class)?.as_ref()?;
            return Some(&found.provisioner);
        }
        let volume = claim.volume.as_ref().and_then(Reading::known)?;
        let driver = volume.driver.as_deref().unwrap_or("no CSI driver");
        self.attributes_differ(seat).then_some(driver)
    }
}

/// The driver has said no to these very attributes. A claim that was given another name keeps the no to the last one until
/// somebody looks at it again.
fn is_infeasible(claim: &Claim, git: &str) -> bool {
    let no = |m: &Modification| m.state == ModificationState::Infeasible && m.target == git;
    let asked = claim.attributes.asked.as_deref() == Some(git);
    asked && claim.attributes.modification.as_ref().is_some_and(no)
}

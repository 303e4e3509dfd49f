//! P5-a, P6: class and size of every member's volume are as Git says. What is here prepares that: volumes that can grow
//! grow where they are, and the claim template follows. Members that must move to another volume are `replace`'s.

use super::attributes;
use super::guard;
use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
use super::room;
use super::snapshot;
use super::step::Act;
use super::view::{Seat, View};
use crate::fleet::Quantity;
use crate::state::{Claim, ClaimPhase, Kube, ObjectKind, Reading, Spot, StorageClass, Volume};

pub(super) const STORAGE: Procedure = Procedure {
    name: "storage",
    title: "class and size of volumes can become what Git says",
    source: "etcd-operations.md P5-a, P6, G13, G15, 2.7, 2.8 #5, #19",
    subjects: |view| {
        if !view.is_born() || view.kube.stateful_set.is_none() {
            return Vec::new();
        }
        // Followers first: a leader's volume that fails to grow costs an election.
        let leader = view.leader_seat().map(|s| s.ordinal);
        let mut seats: Vec<_> = view.seats().filter(|s| view.drifts(s)).collect();
        seats.sort_by_key(|s| (Some(s.ordinal) == leader, s.ordinal));
        let seats = seats.into_iter().map(|s| About::Seat(s.ordinal));
        let moves = !view.objects.claim_template_moved().is_empty();
        let cluster = moves.then_some(About::Cluster);
        seats.chain(cluster).collect()
    },
    rows: &[
        Row {
            name: "classes-unreadable",
            observed: "volumes are not as Git says, and the StorageClasses cannot be read",
            step: "refuse",
            why: "whether a volume can grow in place, and whether its class is there at all, is the class' to say",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| is_quiet(f) && f.view.kube.storage_classes.known().is_none(),
            then: |f| {
                let why = f.view.kube.storage_classes.why_unknown();
                Then::Refuse(Facts {
                    code: "classes-unreadable",
                    found: why.unwrap_or_default().to_owned(),
                    unblock: "grant `list storageclasses`".into(),
                })
            },
        },
        Row {
            name: "class-missing",
            observed: "Git names a StorageClass that does not exist",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "a member that was removed for a volume that never comes is a voter less",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| is_quiet(f) && f.view.is_class_missing(),
            then: |f| {
                let class = f.view.spec.storage.class_name.as_deref();
                Then::Refuse(Facts {
                    code: "class-missing",
                    found: format!("no StorageClass {:?}", class.unwrap_or_default()),
                    unblock: "create the class, or name another in storage.className".into(),
                })
            },
        },
        attributes::UNREADABLE,
        attributes::MISSING,
        attributes::OTHER_DRIVER,
        Row {
            name: "no-room",
            observed: "the size that Git says has no room for the database, the copy of a defragmentation and the log",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "a member on a volume that fills up stops, and takes its data with it (G15)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let moves = f.view.moves_any();
                is_quiet(f) && moves && f.view.needed_bytes() > f.view.spec.storage.size.value()
            },
            then: no_room,
        },
        Row {
            name: "in-place",
            observed: "members must move to other volumes one by one in their own place, and there are fewer than three",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "one member cannot give up its volume before another has its data",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let alone = is_quiet(f) && f.view.spec.members < 3;
                alone && f.view.is_in_place() && !f.view.is_offline() && f.view.moves_any()
            },
            then: |f| {
                Then::Refuse(Facts {
                    code: "in-place-needs-three",
                    found: format!("strategy inPlace with {} members", f.view.spec.members),
                    unblock: "leave storage.migration.strategy at auto: one member more stands in meanwhile".into(),
                })
            },
        },
        Row {
            name: "no-quota",
            observed: "members must move or volumes grow, and even one by one a quota of the namespace has no room for what Git says",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "a member that was removed for a volume that never comes is a voter less",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let more = any_seat(f, |s| f.view.must_move(s) || f.view.can_grow(s));
                is_quiet(f) && more && f.view.lack(false).is_some()
            },
            then: room::refuse,
        },
        Row {
            name: "no-room-to-surge",
            observed: "members must move by surge, and a quota of the namespace has no room for a member more",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "a learner that gets no claim blocks every other change until it is removed; the API server would say no only after it was added",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| is_quiet(f) && room::lacks_spare(f.view),
            then: room::refuse_spare,
        },
        Row {
            name: "claim-not-honoured",
            observed: "the member's claim was asked for as Git says, and has another class or asks for more",
            step: "refuse",
            why: "a webhook, a policy or a person changed it: each replacement would be replaced (2.8 #19)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let seat = matches!(f.about, About::Seat(_));
                is_quiet(f) && seat && is_not_honoured(f.view, f.seat())
            },
            then: not_honoured,
        },
        Row {
            name: "protected",
            observed: "members must move to other volumes, and the cluster is protected",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "every volume would be given up; refused half way, the member that stands in would stay",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let protected = is_quiet(f) && f.view.spec.policy.protected;
                protected && f.view.moves_any()
            },
            then: |_| {
                Then::Refuse(Facts {
                    code: "protected",
                    found: "policy.protected is true, and moving members gives up their volumes".into(),
                    unblock: "set policy.protected to false in a commit of its own, apply, and set it back".into(),
                })
            },
        },
        Row {
            name: "no-snapshot",
            observed: "members must move to other volumes, none has begun to, and the snapshot before it cannot be had",
            step: "refuse, and hide growing, replacing and shrinking",
            why: "refused half way, the member that stands in would stay (G9)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let begun = f.view.is_spare_there() || f.view.has_begun_in_place();
                is_quiet(f) && f.view.moves_any() && !begun && snapshot::cannot_be_had(f)
            },
            then: snapshot::take,
        },
        Row {
            name: "volume-unreadable",
            observed: "a member must move to another volume, or its own is to get other attributes, and the one it is on cannot be read",
            step: "refuse",
            why: "what is given up must be known to be kept (G13), and whose driver a volume is of before it is modified",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let seat = matches!(f.about, About::Seat(_));
                let touched = |s| f.view.must_move(s) || f.view.can_modify(s);
                let volume = || f.seat().claim.and_then(|c| c.volume.as_ref());
                is_quiet(f)
                    && seat
                    && touched(f.seat())
                    && volume().is_some_and(|v| v.known().is_none())
            },
            then: |f| {
                let volume = f.seat().claim.and_then(|c| c.volume.as_ref());
                Then::Refuse(Facts {
                    code: "volume-unreadable",
                    found: volume
                        .and_then(Reading::why_unknown)
                        .unwrap_or_default()
                        .to_owned(),
                    unblock: "grant `list persistentvolumes`".into(),
                })
            },
        },
        attributes::INFEASIBLE,
        Row {
            name: "expanding",
            observed: "a claim asks for more than its volume has",
            step: "wait until the volume has grown",
            why: "one at a time: the next begins when this one has come through (P6)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| is_quiet(f) && any_seat(f, |s| f.view.is_growing(s)),
            then: |f| {
                let found = f.view.seats().find(|s| f.view.is_growing(s));
                found.map_or(Then::Pass, |s| {
                    Then::Wait(Condition::ClaimExpanded(s.ordinal))
                })
            },
        },
        attributes::MODIFYING,
        Row {
            name: "can-grow",
            observed: "the claim asks for less than Git says, its class is Git's and lets volumes grow",
            step: "ask for Git's size on the claim, bound to its UID",
            why: "the driver grows a volume under a running member; the template follows when all have (P6)",
            guards: &[&guard::ONE_LIST, &guard::ALL_HEALTHY, &guard::NO_LEARNER],
            undo: "none in place: a volume never shrinks, a smaller size moves members to new volumes",
            hides: false,
            when: |f| matches!(f.about, About::Seat(_)) && f.view.can_grow(f.seat()),
            then: |f| {
                let seat = f.seat();
                seat.claim.map_or(Then::Pass, |claim| {
                    Then::act(Act::ExpandClaim {
                        ordinal: seat.ordinal,
                        claim: f.view.spec.claim_name(seat.ordinal),
                        uid: claim.uid.clone(),
                        size: f.view.spec.storage.size.clone(),
                    })
                })
            },
        },
        attributes::CAN_MODIFY,
        Row {
            name: "volume-not-retained",
            observed: "a member must move to another volume, and the one it is on would be deleted with its claim, or does not tell whose data it holds",
            step: "set the volume's reclaim policy to Retain, and note the etcd cluster on it",
            why: "no data is lost with a claim, whoever deletes it (G13)",
            guards: &[],
            undo: "set the policy back",
            hides: false,
            when: |f| {
                let moves = matches!(f.about, About::Seat(_)) && f.view.must_move(f.seat());
                let claim = || f.seat().claim.and_then(|c| c.volume.as_ref()?.known());
                moves && claim().is_some_and(|v| !f.view.is_kept(v))
            },
            then: super::vacate::retain,
        },
        Row {
            name: "claim-template",
            observed: "the StatefulSet's claim template has another class, other attributes, another size or another fleet's labels than Git says",
            step: "delete the StatefulSet with its pods orphaned, bound to its UID",
            why: "the template of claims cannot be changed in place; made again at once it adopts what runs and restarts nothing (2.7: 0.4–0.7 s)",
            guards: &[&guard::ONE_LIST],
            undo: "it is made again as Git says",
            hides: false,
            // What is held would not be made again.
            when: |f| {
                let objects = &f.view.objects;
                let free = objects.held.is_none() && objects.not_yet_possible().is_empty();
                let made = !f.view.is_class_missing() && !f.view.is_any_infeasible();
                f.about == About::Cluster && free && made
            },
            then: |f| {
                let Some(set) = f.view.kube.stateful_set.as_ref() else {
                    return Then::Pass;
                };
                Then::act(Act::DeleteObject {
                    object: f.view.object_key(ObjectKind::StatefulSet),
                    uid: set.uid.clone(),
                    orphan: true,
                })
            },
        },
    ],
};

pub(super) fn any_seat(f: &Focus, what: impl Fn(&Seat) -> bool) -> bool {
    f.view.seats().any(what)
}

/// Nothing is half done. What is goes first, with whatever volumes there are: tolerance is lower until it is finished.
pub(super) fn is_quiet(f: &Focus) -> bool {
    !f.view.is_half_done()
}

/// The claim was last asked for as Git says now, and is otherwise.
fn is_not_honoured(view: &View, seat: &Seat) -> bool {
    let asked = seat.record.and_then(|r| r.asked.as_ref());
    let same = asked.is_some_and(|asked| *asked == view.spec.storage.asks_for());
    same && view.must_move(seat) && !seat.is_on_earlier_claim()
}

fn not_honoured(f: &Focus) -> Then {
    let seat = f.seat();
    Then::Refuse(Facts {
        code: "claim-not-honoured",
        found: format!(
            "it was asked for with {}; {}",
            f.view.spec.storage.asks_for(),
            f.view.move_of(seat).unwrap_or_default()
        ),
        unblock: "find the admission webhook, policy or person that changed the claim, or say in Git what it is".into(),
    })
}

fn no_room(f: &Focus) -> Then {
    let size = &f.view.spec.storage.size;
    Then::Refuse(Facts {
        code: "no-room",
        found: format!(
            "storage.size {size} is {} bytes, and at least {} are needed: twice the largest database of {} bytes, and {LOG_BYTES} for the write-ahead log",
            size.value(),
            f.view.needed_bytes(),
            f.view.largest_database(),
        ),
        unblock: "ask for more, or compact and defragment first".into(),
    })
}

/// Five segments of 64 MB (`wal.SegmentSizeBytes`, `--max-wals`), and the one that is made ahead.
const LOG_BYTES: u64 = 6 * 64 * 1_000_000;

/// What a claim does not become where it is.
enum Never<'a> {
    OfClass { live: &'a str, git: &'a str },
    Smaller,
    Larger,
}

impl View<'_> {
    /// Its claim is not of the class, attributes or size that Git says.
    pub(super) fn drifts(&self, seat: &Seat) -> bool {
        let class = self.can_grow(seat) || self.may_move(seat) || self.is_growing(seat);
        class || self.attributes_differ(seat)
    }

    /// It must move, or nobody knows whether it can grow instead.
    pub(super) fn may_move(&self, seat: &Seat) -> bool {
        let unknown = self.kube.storage_classes.known().is_none();
        let claim = seat.claim.filter(|_| unknown && seat.is_listed());
        let less = claim.is_some_and(|c| c.request < self.spec.storage.size);
        less || self.must_move(seat)
    }

    /// A claim as Git says whose volume has not all of it yet.
    fn is_growing(&self, seat: &Seat) -> bool {
        let claim = seat.claim.filter(|c| seat.is_listed() && !c.deleting);
        let bound =
            claim.filter(|c| c.phase == ClaimPhase::Bound && self.class_differs(c).is_none());
        let wanted = bound.filter(|c| c.request <= self.spec.storage.size);
        wanted.is_some_and(|c| c.capacity.as_ref().is_some_and(|has| *has < c.request))
    }

    /// The volume outlives its claim, and tells whose it was.
    pub(super) fn is_kept(&self, volume: &Volume) -> bool {
        let ours = self.membership().map(|m| m.cluster_id);
        volume.reclaim_policy == "Retain" && (ours.is_none() || volume.etcd_cluster == ours)
    }

    /// The claim can come to Git's size where it is.
    pub(super) fn can_grow(&self, seat: &Seat) -> bool {
        let storage = &self.spec.storage;
        let Some(claim) = seat.claim.filter(|c| seat.is_listed() && !c.deleting) else {
            return false;
        };
        let bound = claim.phase == ClaimPhase::Bound;
        bound
            && self.class_differs(claim).is_none()
            && claim.request < storage.size
            && self.expands(claim)
    }

    /// Whether this member must move to another volume, whatever its state: Git's class and size are neither its own nor
    /// can become so in place.
    pub(super) fn must_move(&self, seat: &Seat) -> bool {
        let claim = seat.claim.filter(|_| seat.is_listed());
        claim.is_some_and(|claim| self.cannot_become(claim).is_some())
    }

    /// Why it must.
    pub(super) fn move_of(&self, seat: &Seat) -> Option<String> {
        let claim = seat.claim.filter(|_| seat.is_listed())?;
        let name = self.spec.claim_name(seat.ordinal);
        let (asks, size) = (&claim.request, &self.spec.storage.size);
        let sizes = |why| format!("claim {name} asks for {asks}, Git says {size}{why}");
        Some(match self.cannot_become(claim)? {
            Never::OfClass { live, git } => {
                format!("claim {name} is of class {live:?}, Git says {git:?}")
            }
            Never::Smaller => sizes("; a volume never shrinks"),
            Never::Larger => sizes(", and its class does not let volumes grow"),
        })
    }

    fn cannot_become<'a>(&'a self, claim: &'a Claim) -> Option<Never<'a>> {
        if let Some((live, git)) = self.class_differs(claim) {
            return Some(Never::OfClass { live, git });
        }
        let size = &self.spec.storage.size;
        if claim.request > *size {
            return Some(Never::Smaller);
        }
        let known = self.kube.storage_classes.known().is_some();
        let fixed = known && !self.expands(claim);
        (claim.request < *size && fixed).then_some(Never::Larger)
    }

    /// Given up, its claim is made again as Git says: the template says so, and it was not made by that template already.
    pub(super) fn would_make_another_claim(&self, seat: &Seat) -> bool {
        let git = self.spec.storage.asks_for();
        let made = seat.record.and_then(|r| r.asked.as_ref());
        made != Some(&git) && asked(self.kube).as_ref() == Some(&git)
    }

    fn class_differs<'a>(&'a self, claim: &'a Claim) -> Option<(&'a str, &'a str)> {
        let git = self.spec.storage.class_name.as_deref()?;
        let live = claim.class_name.as_deref().unwrap_or_default();
        (live != git).then_some((live, git))
    }

    fn expands(&self, claim: &Claim) -> bool {
        let class = claim.class_name.as_ref();
        let found = class.and_then(|name| self.kube.storage_classes.known()?.get(name)?.as_ref());
        found.is_some_and(|class: &StorageClass| class.expands)
    }

    /// Git names a class, and there is none of that name.
    pub(super) fn is_class_missing(&self) -> bool {
        let name = self.spec.storage.class_name.as_ref();
        let classes = self.kube.storage_classes.known();
        let found = name.and_then(|name| classes?.get(name));
        found.is_some_and(Option::is_none)
    }

    /// Bytes of the largest database of any member that answers.
    pub(super) fn largest_database(&self) -> u64 {
        let answers = self
            .observed
            .etcd
            .statuses
            .values()
            .filter_map(|s| s.known());
        let sizes = answers.filter_map(|s| u64::try_from(s.db_size).ok());
        sizes.max().unwrap_or_default()
    }

    /// G15: the database, its copy while it is defragmented or received, and the log.
    fn needed_bytes(&self) -> u64 {
        self.largest_database()
            .saturating_mul(2)
            .saturating_add(LOG_BYTES)
    }
}

impl crate::fleet::Storage {
    /// A claim of this class and size is as Git says; no class in Git: of any.
    pub(super) fn is_met_by(&self, class: Option<&str>, size: &Quantity) -> bool {
        let git = self.class_name.as_deref();
        (git.is_none() || git == class) && self.size == *size
    }

    /// What a claim template asks for, as the ledger notes it.
    pub(super) fn asks_for(&self) -> String {
        asks_for(self.class_name.as_deref(), &self.size)
    }
}

/// What the live claim template asks for.
pub(super) fn asked(kube: &Kube) -> Option<String> {
    let set = kube.objects.get(&ObjectKind::StatefulSet)?;
    asked_by(set.content.spot())
}

/// What the claim template of this StatefulSet asks for.
pub(super) fn asked_by(set: Spot<'_>) -> Option<String> {
    asked_of(set.pointer("/spec/volumeClaimTemplates/0/spec")?)
}

/// What a claim with this spec asks for.
pub(super) fn asked_of(spec: Spot<'_>) -> Option<String> {
    let text = |path: &[&str]| spec.at(path).and_then(Spot::as_str);
    let size = text(&["resources", "requests", "storage"])?.parse().ok()?;
    Some(asks_for(text(&["storageClassName"]), &size))
}

/// By value: the API server writes quantities its own way.
pub(super) fn asks_for(class: Option<&str>, size: &Quantity) -> String {
    format!(
        "{} bytes of class {:?}",
        size.value(),
        class.unwrap_or_default()
    )
}

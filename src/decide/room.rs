//! Room for one member more: what quotas leave, and whether members that must move do so by surge or in place.

use std::fmt;

use jiff::SignedDuration;

use super::guard::{Guard, Verdict};
use super::procedure::{Facts, Focus, Then};
use super::view::{Seat, View, quorum, tolerance};
use crate::fleet::{ClusterSpec, MigrationStrategy, Ordinal};
use crate::state::{Limit, SeatRecord, StorageClass, claim_counts, pod_counts};

/// What a quota would have to leave and does not.
pub(super) struct Lack {
    quota: String,
    resource: String,
    limit: Limit,
    /// Thousandths.
    needed: u128,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "quota {}: {} {}, used {}, needed {} more",
            self.quota,
            self.resource,
            self.limit.hard,
            self.limit.used,
            self.amount(self.needed)
        )
    }
}

impl Lack {
    fn amount(&self, milli: u128) -> String {
        const MI: u128 = 1 << 20;
        let bytes = self.resource.ends_with("storage") || self.resource.ends_with("memory");
        match (milli % 1000, milli / 1000) {
            (0, whole) if bytes && whole.is_multiple_of(MI) => format!("{}Mi", whole / MI),
            (0, whole) => whole.to_string(),
            _ => format!("{milli}m"),
        }
    }

    fn unblock(&self) -> String {
        let enough = self.limit.used.milli().saturating_add(self.needed);
        format!(
            "raise {} of quota {} to {}",
            self.resource,
            self.quota,
            self.amount(enough)
        )
    }
}

impl View<'_> {
    /// Members that must move do so in their own place, one by one. A spare that is there is used, and what was begun
    /// in place goes on so.
    pub(super) fn is_in_place(&self) -> bool {
        match self.spec.storage.migration.strategy {
            MigrationStrategy::InPlace => true,
            MigrationStrategy::Surge => false,
            MigrationStrategy::Offline => self.is_offline(),
            MigrationStrategy::Auto => {
                let can = self.spec.members >= 3 && tolerates_in_place(self.spec);
                can && self.moves_any()
                    && !self.is_spare_there()
                    && (self.has_begun_in_place() || self.lacks_room_to_surge().is_some())
            }
        }
    }

    /// What keeps a spare from being had while members could move without one.
    fn lacks_room_to_surge(&self) -> Option<Lack> {
        if self.lack(false).is_some() {
            return None;
        }
        self.lack(true)
    }

    pub(super) fn moves_any(&self) -> bool {
        self.seats().any(|s| self.must_move(s))
    }

    /// The seat beyond those of Git has a member or something of one.
    pub(super) fn is_spare_there(&self) -> bool {
        let spare = Ordinal(self.spec.members);
        self.seats()
            .any(|s| s.ordinal == spare && (s.is_listed() || s.is_occupied()))
    }

    /// A member has moved as Git says, or is about to, and others have not.
    pub(super) fn has_begun_in_place(&self) -> bool {
        let git = self.spec.storage.asks_for();
        let mut moved = self
            .seats()
            .filter(|s| s.in_target() && s.record.is_some_and(|r| r.moved));
        moved.any(|s| s.is_left() || s.record.and_then(|r| r.asked.as_ref()) == Some(&git))
    }

    /// The first thing that a quota has too little of for what is still to be made, with a spare or without; `None`
    /// where there is room, or nobody can tell.
    pub(super) fn lack(&self, spare: bool) -> Option<Lack> {
        let quotas = self.kube.quotas.known()?;
        quotas.iter().find_map(|quota| {
            quota.limits.iter().find_map(|(resource, limit)| {
                let needed = self.needs(resource, spare);
                let enough = limit.used.milli().saturating_add(needed) <= limit.hard.milli();
                (needed > 0 && !enough).then(|| Lack {
                    quota: quota.name.clone(),
                    resource: resource.clone(),
                    limit: limit.clone(),
                    needed,
                })
            })
        })
    }

    /// What the members to come, those that move and those that grow will count under this name beyond what is there. A
    /// member that moves gives its own claim up first.
    fn needs(&self, resource: &str, spare: bool) -> u128 {
        let storage = &self.spec.storage;
        let class = storage.class_name.as_deref();
        let claim = claim_counts(resource, class, &storage.size);
        let pod = pod_counts(resource, &self.spec.resources);
        let of = |seat: &Seat| -> u128 {
            let live = seat.claim.map(|c| {
                let class = c.class_name.as_deref();
                claim_counts(resource, class, &c.request)
            });
            match live {
                // Its old volume is lent to another claim while it is copied from.
                Some(_) if self.must_move(seat) && self.is_offline() => claim,
                Some(live) if self.must_move(seat) || self.can_grow(seat) => {
                    claim.saturating_sub(live)
                }
                None if is_to_come(seat) => claim + pod,
                _ => 0,
            }
        };
        let members: u128 = self.seats().filter(|s| s.in_target()).map(of).sum();
        let spare = spare && !self.is_spare_there();
        members + if spare { claim + pod } else { 0 }
    }

    /// Claims or pods are to be made beyond those there are.
    fn makes_more(&self) -> bool {
        let grows = self.seats().any(|s| s.in_target() && is_to_come(s));
        self.is_born() && (grows || self.wants_spare())
    }

    /// Members move by surge, and the one that stands in is still to come.
    fn wants_spare(&self) -> bool {
        self.moves_any() && !self.is_in_place() && !self.is_spare_there()
    }
}

fn is_to_come(seat: &Seat) -> bool {
    !seat.is_listed() && !seat.is_occupied()
}

/// A member that leaves before its successor is there leaves what `policy.minTolerance` asks for.
fn tolerates_in_place(spec: &ClusterSpec) -> bool {
    let n = spec.members as usize;
    let floor = i64::from(spec.policy.min_tolerance).min(tolerance(n, n));
    let left = n.saturating_sub(1);
    left >= quorum(n) && tolerance(left, left) >= floor
}

pub const ROOM: Guard = Guard {
    id: "quota-exceeded",
    source: "P2 row 0",
    title: "no quota of the namespace forbids the claims and pods of the members to come",
    check: |f, _| {
        let spare = !f.seat().in_target();
        match f.view.lack(spare) {
            Some(lack) if !is_freed(f.view, f.seat()) => Verdict::No(exceeded(&lack)),
            _ => Verdict::Holds,
        }
    },
};

/// How long the quota controller may take to count a claim that is gone no more.
const COUNTED: SignedDuration = SignedDuration::from_mins(1);

/// The seat's last claim was given up for the next one, and what is used may not say so yet.
fn is_freed(view: &View, seat: &Seat) -> bool {
    let just = |at| view.now().duration_since(at) < COUNTED;
    let freed = |r: &SeatRecord| r.moved || r.released_at.is_some_and(just);
    seat.is_left() && seat.record.is_some_and(freed)
}

fn exceeded(lack: &Lack) -> Facts {
    Facts {
        code: "quota-exceeded",
        found: lack.to_string(),
        unblock: lack.unblock(),
    }
}

/// Even in place there is no room for what Git says.
pub(super) fn refuse(f: &Focus) -> Then {
    let lack = f.view.lack(false);
    lack.map_or(Then::Pass, |lack| Then::Refuse(exceeded(&lack)))
}

/// A spare is needed, and there is no room for it.
pub(super) fn lacks_spare(view: &View) -> bool {
    view.wants_spare() && view.lack(true).is_some()
}

pub(super) fn refuse_spare(f: &Focus) -> Then {
    let spec = f.view.spec;
    let Some(lack) = f.view.lack(true) else {
        return Then::Pass;
    };
    let why = match spec.storage.migration.strategy {
        MigrationStrategy::Surge => "storage.migration.strategy is surge".to_owned(),
        _ if spec.members < 3 => "in place takes three members".to_owned(),
        _ => format!(
            "policy.minTolerance {} forbids to move in place",
            spec.policy.min_tolerance
        ),
    };
    Then::Refuse(Facts {
        code: "no-room-for-surge",
        found: format!("{lack}, for the member that stands in; {why}"),
        unblock: lack.unblock(),
    })
}

/// What a reader should know of a plan before it is begun, beside what is refused.
pub fn remarks(view: &View) -> Vec<Facts> {
    [
        in_place(view),
        super::halt::downtime(view),
        unreadable(view),
        immediate(view),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn in_place(view: &View) -> Option<Facts> {
    let auto = view.spec.storage.migration.strategy == MigrationStrategy::Auto;
    if !auto || !view.is_in_place() {
        return None;
    }
    let lack = view.lacks_room_to_surge();
    let why = lack.as_ref().map_or_else(
        || "it was begun in place".to_owned(),
        |lack| format!("{lack}, for a member that would stand in"),
    );
    let instead = lack.map_or_else(
        || "nothing: what was begun goes on".to_owned(),
        |lack| format!("{}, and members move by surge", lack.unblock()),
    );
    Some(Facts {
        code: "in-place-for-room",
        found: format!("members move in place, tolerance one lower while each catches up: {why}"),
        unblock: instead,
    })
}

fn unreadable(view: &View) -> Option<Facts> {
    let why = view.kube.quotas.why_unknown()?;
    view.makes_more().then(|| Facts {
        code: "quotas-unreadable",
        found: format!("whether a quota leaves room for a member more is not known: {why}"),
        unblock: "grant `list resourcequotas`".into(),
    })
}

/// A class that makes volumes wherever it likes, where members may not be just anywhere.
fn immediate(view: &View) -> Option<Facts> {
    let name = view.spec.storage.class_name.as_ref()?;
    let class: &StorageClass = view.kube.storage_classes.known()?.get(name)?.as_ref()?;
    let makes = view.makes_more() || view.moves_any() || !view.is_born();
    if !class.binds_at_once || !makes {
        return None;
    }
    Some(Facts {
        code: "immediate-binding",
        found: format!(
            "class {name} has volumeBindingMode Immediate: a volume is made before its pod has a node, and {}",
            placed(view)?
        ),
        unblock: "name a class with volumeBindingMode WaitForFirstConsumer, unless its volumes can be used on every node".into(),
    })
}

/// What keeps members to some nodes, if anything does.
fn placed(view: &View) -> Option<String> {
    let scheduling = &view.spec.scheduling;
    let bound = view.seats().find_map(|s| {
        let volume = s.claim?.volume.as_ref()?.known()?;
        Some((&volume.name, volume.node.as_ref()?))
    });
    if let Some((volume, node)) = bound {
        return Some(format!(
            "volumes here are bound to nodes ({volume} to {node})"
        ));
    }
    let keys = scheduling.topology_spread.join(", ");
    if !keys.is_empty() {
        return Some(format!("members are spread over {keys}"));
    }
    let affinity = scheduling.affinity.as_ref();
    let chosen =
        !scheduling.node_selector.is_empty() || affinity.is_some_and(|a| a.node_affinity.is_some());
    chosen.then(|| "members are kept to some nodes".to_owned())
}

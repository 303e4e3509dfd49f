//! P13: the majority is gone. What is known of each member, and the ways back, the loss-free one first.

use super::procedure::Facts;
use super::view::{Seat, View};
use crate::fleet::Ordinal;
use crate::state::ClaimPhase;

/// A pod that cannot start as it is, while the template has moved on.
pub(super) fn stuck_on_old(view: &View) -> Option<Ordinal> {
    let stuck = |s: &&Seat| {
        s.status.is_none()
            && s.pod
                .is_some_and(|p| p.is_stuck() && !p.ready && !p.deleting)
    };
    let kept = |s: &&Seat| {
        s.claim
            .is_some_and(|c| !c.deleting && c.phase != ClaimPhase::Lost)
    };
    view.seats()
        .filter(stuck)
        .filter(kept)
        .find(|s| view.is_old(s))
        .map(|s| s.ordinal)
}

/// The decision tree with the live facts.
pub(super) fn facts(view: &View) -> Facts {
    let membership = &view.observed.etcd.membership;
    let why = membership.why_unknown().unwrap_or("no reason given");
    let members: Vec<String> = view
        .seats()
        .filter(|s| s.in_set || s.is_occupied())
        .map(|s| format!("{}: {}", view.spec.pod_name(s.ordinal), known(view, s)))
        .collect();
    Facts {
        code: "quorum-unknown",
        found: format!(
            "the member list cannot be read: {why}; {}",
            members.join("; ")
        ),
        unblock: ways_back(view),
    }
}

fn known(view: &View, seat: &Seat) -> String {
    let volume = match seat.claim {
        None => "no claim".into(),
        Some(c) if c.phase == ClaimPhase::Lost => "its volume is gone".into(),
        Some(_) if seat.record.is_some_and(|r| lost(seat, r)) => {
            "its claim is another one than its data was on".into()
        }
        Some(c) if c.deleting => "its claim is being deleted".into(),
        Some(_) => "its volume is there".to_owned(),
    };
    let process = match (seat.status, seat.pod) {
        (Some(s), _) => format!(
            "answers, at term {} index {} revision {}",
            s.term, s.applied, s.revision
        ),
        (None, None) => "no pod".into(),
        (None, Some(pod)) => {
            let node = pod
                .node
                .as_ref()
                .filter(|n| view.is_node_gone(n) == Some(true));
            match (node, &pod.waiting) {
                (Some(node), _) => format!("its node {node} is gone"),
                (None, Some(why)) => why.clone(),
                (None, None) => "does not answer".into(),
            }
        }
    };
    format!("{process}, {volume}")
}

fn lost(seat: &Seat, record: &crate::state::SeatRecord) -> bool {
    let noted = record.claim.as_ref();
    noted.is_some_and(|noted| seat.claim.is_some_and(|c| c.uid != *noted))
}

/// In the order of P13.
fn ways_back(view: &View) -> String {
    let intact = |s: &&Seat| {
        let steady = s
            .claim
            .is_some_and(|c| !c.deleting && c.phase == ClaimPhase::Bound);
        steady && !s.record.is_some_and(|r| lost(s, r))
    };
    let with_data: Vec<String> = view
        .seats()
        .filter(intact)
        .map(|s| view.spec.pod_name(s.ordinal))
        .collect();
    let answering = view.seats().filter_map(|s| Some((s.ordinal, s.status?)));
    let freshest = answering.max_by_key(|(_, s)| (s.term, s.applied));
    let first = match with_data.len() {
        0 => "1. no volume is known to be intact".to_owned(),
        _ => format!(
            "1. start what is merely down: {} still have their volumes, and starting a quorum of them loses nothing (its pods, nodes and images first)",
            with_data.join(", ")
        ),
    };
    let second = freshest.map_or_else(
        || "2. else keep every volume (reclaim policy Retain) and copy `member/snap/db` from the freshest before anything else".to_owned(),
        |(ordinal, s)| format!(
            "2. else first save a snapshot of the freshest survivor, {} (revision {}): `etcdctl snapshot save` works without a quorum",
            view.spec.pod_name(ordinal), s.revision
        ),
    );
    format!(
        "{first}; {second}; 3. restore a new cluster from it, or from the newest backup, with all old members stopped. `--force-new-cluster` only on one survivor, all others proven stopped. Nothing here is removed or wiped without a list"
    )
}

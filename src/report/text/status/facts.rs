//! What there is to know of a cluster besides its members.

use jiff::Timestamp;

use super::super::super::style::{Paint, Sheet};
use super::super::super::words;
use super::members;
use crate::decide::{Seat, View};
use crate::fleet::Ordinal;
use crate::state::{AlarmKind, MemberId, Observation, Reading};

/// Something that nobody wants to be so, though a quorum may answer.
pub(super) fn is_troubled(view: &View) -> bool {
    let alarms = view.observed.etcd.alarms.known();
    alarms.is_some_and(|all| !all.is_empty()) || clusters(view).len() > 1
}

/// What is wrong, the worst first.
pub(super) fn troubles(sheet: &mut Sheet, view: &View) {
    split(sheet, view);
    alarms(sheet, view);
    database(sheet, view);
    pods(sheet, view);
    volumes(sheet, view);
}

/// The etcd clusters that members say they are of, and who says so.
fn clusters(view: &View) -> Vec<(MemberId, Vec<Ordinal>)> {
    let mut said: Vec<(MemberId, Vec<Ordinal>)> = Vec::new();
    for (ordinal, status) in &view.observed.etcd.statuses {
        let Some(status) = status.known() else {
            continue;
        };
        match said.iter_mut().find(|(id, _)| *id == status.cluster_id) {
            Some((_, seats)) => seats.push(*ordinal),
            None => said.push((status.cluster_id, vec![*ordinal])),
        }
    }
    said
}

fn split(sheet: &mut Sheet, view: &View) {
    let etcd = &view.observed.etcd;
    let clusters = clusters(view);
    if clusters.len() > 1 {
        let one = |(id, seats): &(MemberId, Vec<Ordinal>)| {
            format!("{id} by {}", members::names(view, seats))
        };
        let all: Vec<String> = clusters.iter().map(one).collect();
        let text = format!("{} etcd clusters: {}", all.len(), all.join("; "));
        sheet.prose(2, "split brain: ", Paint::Bad, &text);
    }
    if let Some(disagreement) = &etcd.disagreement {
        sheet.prose(2, "lists disagree: ", Paint::Bad, disagreement);
    }
    if let Some(barred) = &etcd.barred {
        sheet.prose(2, "kept out: ", Paint::Bad, barred);
    }
}

fn alarms(sheet: &mut Sheet, view: &View) {
    for alarm in view.observed.etcd.alarms.known().into_iter().flatten() {
        let kind = match alarm.kind {
            AlarmKind::NoSpace => "NOSPACE: writes are refused",
            AlarmKind::Corrupt => "CORRUPT",
        };
        let seat = view
            .seats()
            .find(|s| s.member.is_some_and(|m| m.id == alarm.member));
        let member = seat.map_or_else(
            || format!("member {}", alarm.member),
            |s| view.spec.pod_name(s.ordinal),
        );
        sheet.prose(2, "alarm: ", Paint::Bad, &format!("{member} {kind}"));
    }
}

/// What etcd takes where its file says nothing.
const DEFAULT_QUOTA: u64 = 2 << 30;
/// From here on somebody should look, in per cent of the quota.
const NEARLY_FULL: u64 = 80;

/// The fullest database beside its quota, as the member's own file has it: Git's comes with a restart.
fn database(sheet: &mut Sheet, view: &View) {
    let size = |seat: &Seat| Some((seat.ordinal, seat.status?.db_size.unsigned_abs()));
    let Some((ordinal, size)) = view.seats().filter_map(size).max_by_key(|(_, size)| *size) else {
        return;
    };
    let Some(file) = view.kube.member_files.get(&ordinal) else {
        return;
    };
    let mut keys = file.lines().filter_map(|line| line.split_once(": "));
    let quota = keys.find(|(key, _)| *key == "quota-backend-bytes");
    let quota = quota.map_or(Some(DEFAULT_QUOTA), |(_, bytes)| bytes.parse().ok());
    let Some(quota) = quota.filter(|bytes| *bytes > 0) else {
        return;
    };
    let percent = size.saturating_mul(100) / quota;
    let (has, may) = (words::bytes(size), words::bytes(quota));
    let paint = if percent >= NEARLY_FULL {
        Paint::Bad
    } else {
        Paint::Plain
    };
    let text = format!("{has} of a quota of {may}, {percent} %");
    sheet.prose(2, "database: ", paint, &text);
}

/// What the kubelet says of a pod that does not run, and its last words.
fn pods(sheet: &mut Sheet, view: &View) {
    for seat in view.seats() {
        let Some(pod) = seat.pod.filter(|pod| !pod.ready) else {
            continue;
        };
        let waits = pod.waiting.iter().filter(|why| why.contains(": "));
        let last = pod.last_words.iter().map(|w| format!("last words: {w}"));
        let all: Vec<String> = waits.cloned().chain(last).collect();
        if !all.is_empty() {
            let label = format!("{}: ", view.spec.pod_name(seat.ordinal));
            sheet.prose(2, &label, Paint::Warn, &all.join("; "));
        }
    }
}

/// A resize that goes on or fails, and what keeps a claim or a pod from coming.
fn volumes(sheet: &mut Sheet, view: &View) {
    for seat in view.seats() {
        if let Some(resize) = seat.claim.and_then(|claim| claim.resize.as_ref()) {
            let label = format!("{}: ", view.spec.claim_name(seat.ordinal));
            sheet.prose(2, &label, Paint::Warn, resize);
        }
    }
    for (ordinal, obstacle) in &view.kube.obstacles {
        let label = format!("{} does not come: ", view.spec.pod_name(*ordinal));
        let paint = if obstacle.refused {
            Paint::Bad
        } else {
            Paint::Warn
        };
        sheet.prose(2, &label, paint, &obstacle.said);
    }
}

/// Who else acts on its objects.
pub(super) fn actors(sheet: &mut Sheet, view: &View) {
    for actor in &view.kube.actors {
        let object = view.object_key(actor.on);
        let since = actor.since.map_or(String::new(), |t| format!(" since {t}"));
        let text = format!("{} on {object}{since}", actor.name);
        sheet.prose(2, "another actor: ", Paint::Bad, &text);
    }
}

/// What members left, and what of the data is elsewhere.
pub(super) fn kept(sheet: &mut Sheet, view: &View) {
    let released = view.kube.released_volumes.known();
    for volume in released.into_iter().flatten() {
        let since = volume
            .since
            .map_or(String::new(), |t| format!(", released {}", ago(view, t)));
        let text = format!("{} of claim {}{since}", volume.name, volume.claim);
        sheet.prose(2, "old volume: ", Paint::Plain, &text);
    }
    snapshots(sheet, view.observed);
}

/// As old as they were when it was observed.
fn snapshots(sheet: &mut Sheet, observed: &Observation) {
    let Some(backup) = &observed.backup else {
        return;
    };
    let known = match &backup.snapshots {
        Reading::Known(known) => known,
        Reading::Unknown(why) => {
            let text = format!("snapshots in {}: {why}", backup.store);
            sheet.prose(2, "not known: ", Paint::Warn, &text);
            return;
        }
    };
    let (paint, newest) = match &known.newest {
        None => (Paint::Warn, "none that is verified".to_owned()),
        Some(newest) => {
            let age = words::duration(words::age(newest.taken, observed.at));
            let size = words::bytes(newest.size);
            let text = format!("newest {age} old, revision {}, {size}", newest.revision);
            (Paint::Plain, text)
        }
    };
    let text = format!("{} in {}, {newest}", known.count, backup.store);
    sheet.prose(2, "snapshots: ", paint, &text);
}

/// Who holds the Lease, and whether it still counts.
pub(super) fn lock(sheet: &mut Sheet, view: &View) {
    let Some(lock) = &view.kube.lock else {
        sheet.prose(2, "lock: ", Paint::Plain, "free");
        return;
    };
    let mut parts = vec![format!("held by {}", lock.who())];
    parts.extend(lock.acquired.map(|at| format!("since {at}")));
    let renewed = words::rough(words::age(lock.renewed, view.now()));
    let expired = lock.is_expired(view.now());
    parts.push(if expired {
        format!(
            "EXPIRED: not renewed for {renewed}, it lasts {} s",
            lock.duration
        )
    } else {
        format!("renewed {renewed} ago")
    });
    parts.extend(lock.commit.as_ref().map(|c| commit(c)));
    let paint = if expired { Paint::Warn } else { Paint::Plain };
    sheet.prose(2, "lock: ", paint, &parts.join(", "));
}

/// The step that a run began last, as the ledger notes it.
pub(super) fn last_act(sheet: &mut Sheet, view: &View) {
    let Some(ledger) = &view.kube.ledger else {
        if view.is_born() {
            sheet.prose(2, "last act: ", Paint::Warn, "none: there is no ledger");
        }
        return;
    };
    let Some(step) = &ledger.last_step else {
        return;
    };
    let at = ledger.last_step_at.map(|at| ago(view, at));
    let commit = ledger.commit.as_ref().map(|c| commit(c));
    let parts: Vec<String> = std::iter::once(words::noted_step(step))
        .chain(at)
        .chain(commit)
        .collect();
    sheet.prose(2, "last act: ", Paint::Plain, &parts.join(", "));
}

fn ago(view: &View, at: Timestamp) -> String {
    let age = words::rough(words::age(at, view.now()));
    format!("{age} ago, {}", words::whole_seconds(at))
}

/// As Git shortens it.
fn commit(full: &str) -> String {
    let short: String = full.chars().take(7).collect();
    format!("commit {short}")
}

#[cfg(test)]
mod tests {
    use super::super::super::super::style::TextStyle;
    use super::*;
    use crate::fleet::ClusterId;
    use crate::state::{Backup, SnapshotFacts, Snapshots};

    fn line(snapshots: Reading<Snapshots>) -> String {
        let at = "2026-11-21T12:12:30Z".parse().expect("a time");
        let mut observed = crate::model::empty(ClusterId::new("eu-1", "orders"), at);
        observed.backup = Some(Backup {
            store: "s3://b/eu-1/orders".into(),
            snapshots,
        });
        let style = TextStyle::default();
        let mut sheet = Sheet::new(&style);
        super::snapshots(&mut sheet, &observed);
        sheet.finish()
    }

    #[test]
    fn snapshots_are_told_in_a_line() {
        let facts = SnapshotFacts {
            taken: "2026-11-21T12:00:00Z".parse().expect("a time"),
            revision: 1234,
            size: 20_971_552,
            cluster_id: MemberId(7),
            verified: true,
            place: "s3://b/eu-1/orders/x.db".into(),
        };
        assert_eq!(
            line(Reading::Known(Snapshots::of(std::slice::from_ref(&facts)))),
            "  snapshots: 1 in s3://b/eu-1/orders, newest 12 min 30 s old, revision 1234, 20.0 Mi\n"
        );
        let broken = SnapshotFacts {
            verified: false,
            ..facts
        };
        assert_eq!(
            line(Reading::Known(Snapshots::of(&[broken]))),
            "  snapshots: 1 in s3://b/eu-1/orders, none that is verified\n"
        );
        assert_eq!(
            line(Reading::Unknown("store-unreachable: found no way".into())),
            "  not known: snapshots in s3://b/eu-1/orders: store-unreachable: found no way\n"
        );
    }
}

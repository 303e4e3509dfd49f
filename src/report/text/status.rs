//! What was observed, as a table a person reads.

use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words::{self, counted};
use crate::decide::{Seat, View};
use crate::fleet::ClusterSpec;
use crate::plan::Orphans;
use crate::state::{AlarmKind, Claim, Evidence, Kube, MemberStatus, Observation, Pod, Reading};

/// One block per cluster: its members, and below them what else there is to know.
pub fn status_text(
    clusters: &[(&ClusterSpec, &Observation)],
    orphans: &Orphans,
    style: &TextStyle,
) -> String {
    let mut sheet = Sheet::new(style);
    for (at, (spec, observed)) in clusters.iter().enumerate() {
        if at > 0 {
            sheet.blank();
        }
        match &observed.kube {
            Reading::Known(kube) => {
                let evidence = Evidence::default();
                block(
                    &mut sheet,
                    &View::new(spec, observed, kube, &evidence),
                    style,
                );
            }
            Reading::Unknown(why) => {
                sheet.row(
                    0,
                    &[
                        (Paint::Strong, &spec.id.to_string(), 0),
                        (Paint::Bad, "unreadable", 0),
                    ],
                );
                sheet.prose(2, "not known: ", Paint::Bad, &format!("Kubernetes: {why}"));
            }
        }
    }
    strays(&mut sheet, orphans);
    sheet.finish()
}

/// What runs and is in no file.
fn strays(sheet: &mut Sheet, orphans: &Orphans) {
    for orphan in &orphans.found {
        sheet.blank();
        sheet.row(
            0,
            &[(Paint::Strong, &orphan.id, 0), (Paint::Bad, "orphan", 0)],
        );
        sheet.prose(2, "", Paint::Plain, &orphan.found());
    }
    for (context, why) in &orphans.unknown {
        sheet.blank();
        let text = format!("what else of this fleet runs in {context}: {why}");
        sheet.prose(0, "not known: ", Paint::Warn, &text);
    }
}

fn block(sheet: &mut Sheet, view: &View, style: &TextStyle) {
    let (paint, health) = health(view);
    sheet.row(
        0,
        &[
            (Paint::Strong, &view.spec.id.to_string(), 0),
            (paint, &health, 0),
        ],
    );
    table(sheet, view, style);
    alarms(sheet, view);
    unknown(sheet, view);
    actors(sheet, view);
    old_volumes(sheet, view);
    snapshots(sheet, view.observed);
    past(sheet, view.kube);
}

fn health(view: &View) -> (Paint, String) {
    let voters = view.voter_count();
    if view.membership().is_some() {
        let healthy = view.healthy_count();
        let tolerance = view.tolerance();
        let paint = match tolerance {
            ..0 => Paint::Bad,
            _ if healthy < voters => Paint::Warn,
            _ => Paint::Good,
        };
        let text = format!(
            "{healthy} of {} healthy, tolerates {tolerance}",
            counted(voters, "voter")
        );
        return (paint, text);
    }
    if view.is_born() {
        return (Paint::Bad, "member list not known".into());
    }
    (Paint::Plain, "not born".into())
}

const HEADS: [&str; 9] = [
    "MEMBER", "ID", "ROLE", "VERSION", "DB", "IN USE", "LAG", "VOLUME", "POD",
];

fn table(sheet: &mut Sheet, view: &View, style: &TextStyle) {
    let leader_index = view.leader_seat().and_then(|s| s.status).map(|s| s.index);
    let mut rows: Vec<[String; 9]> = vec![HEADS.map(str::to_owned)];
    rows.extend(view.seats().map(|seat| {
        // Nobody is there to answer: nothing is unknown.
        let silence = if is_vacant(seat) { "-" } else { "?" };
        let status = |show: fn(&MemberStatus) -> String| seat.status.map_or(silence.into(), show);
        let lag = seat
            .status
            .zip(leader_index)
            .map(|(s, leader)| leader.saturating_sub(s.applied).to_string());
        [
            view.spec.pod_name(seat.ordinal),
            seat.member.map_or("-".into(), |m| m.id.to_string()),
            role(view, seat).into(),
            status(|s| s.version.clone()),
            status(|s| words::bytes(s.db_size.unsigned_abs())),
            status(|s| words::bytes(s.db_size_in_use.unsigned_abs())),
            lag.unwrap_or_else(|| silence.into()),
            seat.claim.map_or("-".into(), volume),
            seat.pod.map_or("-".into(), pod),
        ]
    }));
    if rows.len() == 1 {
        return;
    }
    let column_widths = |rows: &[[String; 9]]| -> Vec<usize> {
        (0..HEADS.len())
            .map(|column| {
                rows.iter()
                    .map(|r| r[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    };
    let widths = column_widths(&rows);
    // The last column holds prose; it gives way.
    let before: usize = 2 + widths[..HEADS.len() - 1]
        .iter()
        .map(|w| w + 2)
        .sum::<usize>();
    let room = style.width.saturating_sub(before).max(12);
    for row in &mut rows {
        row[HEADS.len() - 1] = words::cut(&row[HEADS.len() - 1], room);
    }
    for (at, row) in rows.iter().enumerate() {
        let paint = if at == 0 { Paint::Dim } else { Paint::Plain };
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(text, width)| (paint, text.as_str(), *width))
            .collect();
        sheet.row(2, &cells);
    }
}

fn role(view: &View, seat: &Seat) -> &'static str {
    let Some(member) = seat.member else {
        return match view.membership() {
            _ if is_vacant(seat) => "vacant",
            Some(_) => "none",
            None => "?",
        };
    };
    if view.leader() == Some(member.id) {
        "leader"
    } else if !member.has_started() {
        "unstarted"
    } else if member.learner {
        "learner"
    } else if view.is_healthy(seat) {
        "voter"
    } else {
        "voter, sick"
    }
}

/// Git wants a member here, and nothing of one is there.
fn is_vacant(seat: &Seat) -> bool {
    !seat.is_listed() && !seat.is_occupied()
}

fn volume(claim: &Claim) -> String {
    let class = claim.class_name.as_deref().unwrap_or("(default)");
    let going = if claim.deleting { ", going" } else { "" };
    let (asked, has) = (&claim.attributes.asked, &claim.attributes.current);
    let attributes = match (has, asked) {
        (_, None) => String::new(),
        (has, Some(asked)) if has.as_ref() == Some(asked) => format!(" {asked}"),
        (None, Some(asked)) => format!(" → {asked}"),
        (Some(has), Some(asked)) => format!(" {has} → {asked}"),
    };
    format!("{class} {}{attributes}{going}", claim.request)
}

fn pod(pod: &Pod) -> String {
    let mut words = vec![match (&pod.waiting, pod.deleting, pod.ready) {
        (_, true, _) => "going".to_owned(),
        (Some(waiting), _, _) => waiting.clone(),
        (None, _, true) => "ready".into(),
        (None, _, false) => format!("{:?}, not ready", pod.phase).to_lowercase(),
    }];
    if !pod.serving_label {
        words.push("drained".into());
    }
    if pod.restarts > 0 {
        words.push(counted(pod.restarts as usize, "restart"));
    }
    words.join(", ")
}

fn alarms(sheet: &mut Sheet, view: &View) {
    let Some(alarms) = view.observed.etcd.alarms.known() else {
        return;
    };
    for alarm in alarms {
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

/// What could not be had, and why; nothing here is ever taken for absent.
fn unknown(sheet: &mut Sheet, view: &View) {
    let etcd = &view.observed.etcd;
    let mut gaps: Vec<String> = Vec::new();
    gaps.extend(
        etcd.membership
            .why_unknown()
            .map(|w| format!("member list: {w}")),
    );
    gaps.extend(etcd.statuses.iter().filter_map(|(ordinal, status)| {
        let why = status.why_unknown()?;
        Some(format!("status of {}: {why}", view.spec.pod_name(*ordinal)))
    }));
    gaps.extend(etcd.alarms.why_unknown().map(|w| format!("alarms: {w}")));
    let volumes = view.kube.released_volumes.why_unknown();
    gaps.extend(volumes.map(|w| format!("released volumes: {w}")));
    for gap in gaps {
        sheet.prose(2, "not known: ", Paint::Warn, &gap);
    }
}

/// What members left, and is kept.
fn old_volumes(sheet: &mut Sheet, view: &View) {
    let released = view.kube.released_volumes.known();
    for volume in released.into_iter().flatten() {
        let since = volume
            .since
            .map_or(String::new(), |t| format!(", released {t}"));
        let text = format!("{} of claim {}{since}", volume.name, volume.claim);
        sheet.prose(2, "old volume: ", Paint::Plain, &text);
    }
}

/// Who else acts on its objects.
fn actors(sheet: &mut Sheet, view: &View) {
    for actor in &view.kube.actors {
        let object = &view.objects.desired(actor.on).key;
        let since = actor.since.map_or(String::new(), |t| format!(" since {t}"));
        let text = format!("{} on {object}{since}", actor.name);
        sheet.prose(2, "another actor: ", Paint::Bad, &text);
    }
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

fn past(sheet: &mut Sheet, kube: &Kube) {
    if let Some(lock) = &kube.lock {
        let commit = lock
            .commit
            .as_ref()
            .map_or(String::new(), |c| format!(", commit {c}"));
        let text = format!(
            "{}, renewed {} for {} s{commit}",
            lock.holder, lock.renewed, lock.duration
        );
        sheet.prose(2, "lock: ", Paint::Plain, &text);
    }
    let Some(ledger) = &kube.ledger else {
        return;
    };
    if let Some(step) = &ledger.last_step {
        let at = ledger
            .last_step_at
            .map_or(String::new(), |t| format!(", {t}"));
        let commit = ledger
            .commit
            .as_ref()
            .map_or(String::new(), |c| format!(", commit {c}"));
        sheet.prose(
            2,
            "last act: ",
            Paint::Plain,
            &format!("{step}{at}{commit}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::ClusterId;
    use crate::state::{Backup, MemberId, SnapshotFacts, Snapshots};

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

//! The members: a table where it fits, else a few lines for each.

use super::super::super::style::{Paint, Sheet, TextStyle};
use super::super::super::words::{self, counted};
use crate::decide::{Seat, View};
use crate::fleet::Ordinal;
use crate::state::{Claim, ClaimPhase, MemberStatus, Pod};

const HEADS: [&str; 9] = [
    "MEMBER", "ID", "ROLE", "VERSION", "DB", "IN USE", "LAG", "VOLUME", "POD",
];
const MEMBER: usize = 0;
const ROLE: usize = 2;
const POD: usize = 8;

type Cells = [String; HEADS.len()];

pub(super) fn members(sheet: &mut Sheet, view: &View, style: &TextStyle) {
    let rows: Vec<Cells> = view.seats().map(|seat| cells(view, seat)).collect();
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|column| {
            let of_row = |row: &Cells| style.clean(&row[column]).chars().count();
            let widest = rows.iter().map(of_row).max().unwrap_or(0);
            widest.max(HEADS[column].len())
        })
        .collect();
    let whole = widths.iter().sum::<usize>() + 2 * HEADS.len();
    if rows.is_empty() {
        return;
    }
    if whole <= style.width {
        table(sheet, &rows, &widths);
    } else {
        stack(sheet, &rows, &widths);
    }
}

fn table(sheet: &mut Sheet, rows: &[Cells], widths: &[usize]) {
    let head: Vec<_> = HEADS
        .iter()
        .zip(widths)
        .map(|(text, width)| (Paint::Dim, *text, *width))
        .collect();
    sheet.row(2, &head);
    for row in rows {
        let cells: Vec<_> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (text, width))| (paint(column, text), text.as_str(), *width))
            .collect();
        sheet.row(2, &cells);
    }
}

/// A screen too narrow for all columns: who it is and how it does in a line, the rest under it with its name.
fn stack(sheet: &mut Sheet, rows: &[Cells], widths: &[usize]) {
    for row in rows {
        let line: Vec<_> = [MEMBER, ROLE, POD]
            .into_iter()
            .map(|at| (paint(at, &row[at]), row[at].as_str(), widths[at]))
            .collect();
        sheet.row(2, &line);
        let rest = HEADS.iter().zip(row).enumerate();
        let rest: Vec<String> = rest
            .filter(|(at, (_, text))| ![MEMBER, ROLE, POD].contains(at) && *text != "-")
            .map(|(_, (head, text))| format!("{} {text}", head.to_lowercase()))
            .collect();
        if !rest.is_empty() {
            sheet.prose(6, "", Paint::Plain, &rest.join(", "));
        }
    }
}

/// What is wrong stands out; the words say it too.
fn paint(column: usize, text: &str) -> Paint {
    match (column, text) {
        (ROLE, "voter, sick" | "unstarted") => Paint::Bad,
        (ROLE | POD, "-" | "vacant") | (POD, "ready") => Paint::Plain,
        (POD, text) if text.starts_with("ready") => Paint::Plain,
        (POD, _) => Paint::Warn,
        _ => Paint::Plain,
    }
}

fn cells(view: &View, seat: &Seat) -> Cells {
    // Nobody is there to answer: nothing is unknown.
    let silence = if is_vacant(seat) { "-" } else { "?" };
    let status = |show: fn(&MemberStatus) -> String| seat.status.map_or(silence.into(), show);
    let leader_index = view.leader_seat().and_then(|s| s.status).map(|s| s.index);
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
    let mut text = format!("{class} {}", size(claim));
    let (asked, has) = (&claim.attributes.asked, &claim.attributes.current);
    match (has, asked) {
        (_, None) => {}
        (has, Some(asked)) if has.as_ref() == Some(asked) => text.extend([" ", asked]),
        (None, Some(asked)) => text.extend([" → ", asked]),
        (Some(has), Some(asked)) => text.extend([" ", has, " → ", asked]),
    }
    match (claim.phase, claim.deleting) {
        (_, true) => text += ", going",
        (ClaimPhase::Bound, false) => {}
        (ClaimPhase::Pending, false) => text += ", not bound",
        (ClaimPhase::Lost, false) => text += ", lost",
    }
    text
}

/// What it asks for, which a driver may round up; and what there is where that is less.
fn size(claim: &Claim) -> String {
    let asked = &claim.request;
    match &claim.capacity {
        Some(has) if has.value() < asked.value() => format!("{has} → {asked}"),
        _ => asked.to_string(),
    }
}

/// In few words; what the kubelet says besides has a line of its own.
fn pod(pod: &Pod) -> String {
    let reason = |waiting: &String| waiting.split(": ").next().unwrap_or_default().to_owned();
    let mut words = vec![match (&pod.waiting, pod.deleting, pod.ready) {
        (_, true, _) => "going".to_owned(),
        (Some(waiting), _, _) => reason(waiting),
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

/// Names of several pods.
pub(super) fn names(view: &View, ordinals: &[Ordinal]) -> String {
    let names = ordinals.iter().map(|o| view.spec.pod_name(*o));
    names.collect::<Vec<_>>().join(", ")
}

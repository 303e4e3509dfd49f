//! Steps, waits and verdicts in a person's words.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::decide::{Condition, Effect, IntentKey, Note, NoteKind, Subject};
use crate::fleet::ClusterId;
use crate::plan::{ClusterPlan, FieldChange, Stall};
use crate::state::ObjectKind;

/// What a verb does to its member, short enough for a chain.
pub(super) fn link(verb: &str) -> &str {
    match verb {
        "add-learner" => "add as learner",
        "write-join-file" => "write its file",
        "start-member" => "start",
        "promote" => "promote",
        "poison-file" => "poison its file",
        "drain" => "drain",
        "undrain" => "serve clients again",
        "move-leader" => "move leadership away",
        "remove-member" => "remove from the list",
        "restart-member" => "restart",
        "delete-pod" => "delete its pod",
        "force-delete-pod" => "delete its pod, its node gone",
        "stop-member" => "stop",
        "retain-volume" => "retain its volume",
        "take-snapshot" => "take a snapshot",
        "discard-volume" => "delete its old volume",
        "expand-claim" => "expand its claim",
        "modify-claim" => "modify its volume",
        "orphan-delete" => "delete (its pods stay)",
        "release-claim" => "release its claim",
        "halt-member" => "stop, and start again on a copy",
        "make-claim" => "make its claim",
        "lend-volume" => "bind its old volume to another claim",
        "copy-data" => "copy its data to the new volume",
        "stop-copy" => "delete the pod of the copy",
        "return-volume" => "delete the claim of its old volume",
        "take-over" => "take over",
        other => other,
    }
}

/// A whole step: verb and subject.
pub(super) fn step(key: &IntentKey) -> String {
    match &key.subject {
        Subject::Member(ordinal) => format!("member {ordinal}: {}", link(key.verb)),
        Subject::Object(kind) => format!("{} {}", link(key.verb), object(*kind)),
        Subject::Cluster => link(key.verb).into(),
    }
}

/// A step as a ledger notes it, `verb subject`; what another version wrote stays as it is.
pub(super) fn noted_step(text: &str) -> String {
    let Some((verb, subject)) = text.split_once(' ') else {
        return text.to_owned();
    };
    let of_kind = |kind: &ObjectKind| format!("{kind:?}") == subject;
    match ObjectKind::ALL.iter().find(|kind| of_kind(kind)) {
        Some(kind) => format!("{} {}", link(verb), object(*kind)),
        None if subject == Subject::Cluster.to_string() => link(verb).to_owned(),
        None => format!("{subject}: {}", link(verb)),
    }
}

/// Where Git says a field and which commit said so; and who holds it live, since when.
pub(super) fn origin(change: &FieldChange) -> String {
    let said = change.origin.as_ref().map(|origin| {
        let commit = origin.commit.as_deref().map(short_commit);
        let commit = commit.map_or(String::new(), |commit| format!(" ({commit})"));
        format!("{}:{}{commit}", origin.file, origin.line)
    });
    let held = change.manager.as_ref().map(|manager| {
        let time = manager.time.map_or(String::new(), |t| format!(", {t}"));
        format!("set by {}{time}", manager.name)
    });
    match (held, said) {
        (Some(held), Some(said)) => format!("{held}; Git says it at {said}"),
        (held, said) => held.or(said).unwrap_or_default(),
    }
}

/// As people write a commit down.
pub(super) fn short_commit(commit: &str) -> String {
    commit.chars().take(7).collect()
}

/// `4be0d1…91a`, enough to compare by eye.
pub(super) fn short_hash(hash: &str) -> String {
    let hex = hash.strip_prefix("sha256:").unwrap_or(hash);
    match (
        hex.get(..6),
        hex.len().checked_sub(3).and_then(|at| hex.get(at..)),
    ) {
        (Some(head), Some(tail)) if hex.len() > 9 => format!("{head}…{tail}"),
        _ => hex.to_owned(),
    }
}

pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Member(ordinal) => format!("member {ordinal}"),
        Subject::Object(kind) => object(*kind).into(),
        Subject::Cluster => "the cluster".into(),
    }
}

pub(super) const fn object(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::ServiceAccount => "ServiceAccount",
        ObjectKind::PeerService => "peer Service",
        ObjectKind::ClientService => "client Service",
        ObjectKind::PodDisruptionBudget => "PodDisruptionBudget",
        ObjectKind::ConfigMap => "ConfigMap",
        ObjectKind::StatefulSet => "StatefulSet",
    }
}

/// A wait, as a link of a chain.
pub(super) const fn wait(condition: Condition) -> &'static str {
    match condition {
        Condition::Quorum => "(quorum answers)",
        Condition::MemberUp(_) => "(answers)",
        Condition::Started(_) => "(started)",
        Condition::InSync(_) => "(caught up)",
        Condition::NotServing(_) => "(no endpoint)",
        Condition::Serving(_) => "(an endpoint)",
        Condition::PodGone(_) => "(pod gone)",
        Condition::ClaimGone(_) => "(claim gone)",
        Condition::ClaimSettled(_) => "(claim bound)",
        Condition::ClaimExpanded(_) => "(volume grown)",
        Condition::ClaimModified(_) => "(volume modified)",
        Condition::ObjectGone(_) => "(object gone)",
        Condition::OneList => "(one list)",
        Condition::Copied(_) => "(copied)",
        Condition::Stable => "(stable)",
    }
}

pub(super) const fn note_kind(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Refused => "REFUSED",
        NoteKind::Deferred => "deferred",
        NoteKind::Unreadable => "UNREADABLE",
    }
}

/// `voters 3 → 4 · tolerates 1` over one or several steps; empty where nothing moves.
pub(super) fn effect(effects: &[Effect]) -> String {
    let (Some(first), Some(last)) = (effects.first(), effects.last()) else {
        return String::new();
    };
    let voters = path(first.voters_before, effects.iter().map(|e| e.voters_after));
    let tolerance = if first.voters_before == 0 {
        vec![last.tolerance_after]
    } else {
        path(
            first.tolerance_before,
            effects.iter().map(|e| e.tolerance_after),
        )
    };
    if voters.len() < 2 && tolerance.len() < 2 {
        return String::new();
    }
    format!(
        "voters {} · tolerates {}",
        arrows(&voters),
        arrows(&tolerance)
    )
}

fn path<T: PartialEq + Copy>(first: T, rest: impl Iterator<Item = T>) -> Vec<T> {
    let mut path: Vec<T> = std::iter::once(first).chain(rest).collect();
    path.dedup();
    path
}

fn arrows<T: ToString>(values: &[T]) -> String {
    let shown: Vec<String> = values.iter().map(T::to_string).collect();
    shown.join(" → ")
}

/// `40 s`, `3 min 20 s`, `1 h 5 min`: two units at most.
pub(super) fn duration(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    let two = |a: i64, unit: &str, b: i64, small: &str| {
        if b == 0 {
            format!("{a} {unit}")
        } else {
            format!("{a} {unit} {b} {small}")
        }
    };
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

/// Columns of the longest of these ids.
pub(super) fn widest<'i>(ids: impl IntoIterator<Item = &'i ClusterId>) -> usize {
    let widths = ids.into_iter().map(|id| id.to_string().chars().count());
    widths.max().unwrap_or(0)
}

/// A moment as people read it: nobody reads microseconds.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// One unit, rounded down: for what is told for its order of magnitude.
pub(super) fn rough(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `2.1 Gi`, in the unit that leaves one to four digits.
pub(super) fn bytes(count: u64) -> String {
    let units = [(30, "Gi"), (20, "Mi"), (10, "Ki")];
    let unit = units.iter().find(|(shift, _)| count >> shift > 0);
    unit.map_or_else(
        || format!("{count} B"),
        |(shift, name)| {
            let tenths = (count >> (shift - 10)) * 10 / 1024;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

/// A clock that is a little behind makes nothing of the future.
pub(super) fn age(since: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(since).max(SignedDuration::ZERO)
}

/// How far something is that has a size.
pub fn progress_text(what: &str, done: u64, total: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0);
    format!("{what}: {} of {}, {percent} %", bytes(done), bytes(total))
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// At most so many characters, the last of them `…` where some are missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}

/// A value as a person writes it; absent is `(none)`.
pub(super) fn value(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "(none)".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The codes of some notes, each once.
pub(super) fn codes<'n>(notes: impl Iterator<Item = &'n Note>) -> String {
    let codes: BTreeSet<&str> = notes.map(|note| note.facts.code).collect();
    codes.into_iter().collect::<Vec<_>>().join(", ")
}

/// The codes of what blocks a cluster.
pub(super) fn blockers(cluster: &ClusterPlan) -> String {
    let codes = codes(cluster.refused());
    if codes.is_empty() {
        Stall::CODE.into()
    } else {
        codes
    }
}

/// Notes with the subjects they are about, ` (member 1, member 2)`: the same facts about several are told once.
pub(super) fn told(notes: &[Note]) -> Vec<(&Note, String)> {
    let mut told: Vec<(&Note, Vec<String>)> = Vec::new();
    for note in notes {
        let about = note.subject.as_ref().map(subject);
        match told.iter_mut().find(|(n, _)| n.facts == note.facts) {
            Some((_, subjects)) => subjects.extend(about),
            None => told.push((note, about.into_iter().collect())),
        }
    }
    let about = |subjects: Vec<String>| match subjects.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    let told = told.into_iter();
    told.map(|(note, subjects)| (note, about(subjects)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let shown = |s| duration(SignedDuration::from_secs(s));
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(59), "59 s");
        assert_eq!(shown(60), "1 min");
        assert_eq!(shown(83), "1 min 23 s");
        assert_eq!(shown(3600 + 300 + 7), "1 h 5 min");
    }

    #[test]
    fn a_rough_span_has_one_unit() {
        let shown = |s| rough(SignedDuration::from_secs(s));
        assert_eq!(shown(59), "59 s");
        assert_eq!(shown(3599), "59 min");
        assert_eq!(shown(47 * 3600), "47 h");
        assert_eq!(shown(49 * 3600), "2 d");
    }

    #[test]
    fn a_noted_step_is_told_as_a_step() {
        let steps = [
            ("poison-file member 2", "member 2: poison its file"),
            ("create ClientService", "create client Service"),
            ("take-snapshot cluster", "take a snapshot"),
            ("something-new volume pv-1", "volume pv-1: something-new"),
            ("odd", "odd"),
        ];
        for (noted, told) in steps {
            assert_eq!(noted_step(noted), told);
        }
    }

    #[test]
    fn an_effect_is_a_path() {
        let at = |voters_before, voters_after, tolerance_before, tolerance_after| Effect {
            voters_before,
            voters_after,
            tolerance_before,
            tolerance_after,
            restarts: 0,
        };
        assert_eq!(
            effect(&[at(3, 3, 1, 1), at(3, 4, 1, 1)]),
            "voters 3 → 4 · tolerates 1"
        );
        assert_eq!(effect(&[at(0, 3, -1, 1)]), "voters 0 → 3 · tolerates 1");
        assert_eq!(effect(&[at(2, 1, 0, 0)]), "voters 2 → 1 · tolerates 0");
        assert_eq!(effect(&[at(3, 3, 1, 1)]), "");
    }
}

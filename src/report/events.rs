//! Events as lines of text and as NDJSON.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::style::TextStyle;
use super::words;
use crate::apply::{ApplyEvent, Ending};
use crate::decide::Condition;
use crate::fleet::ClusterId;

/// Major version of the event stream.
pub const EVENTS_SCHEMA: &str = "reconcile.events/v1";

/// Seconds between two lines of one wait: alive, and no flood in a CI log.
const HEARTBEAT: u64 = 30;

/// First line of a stream.
pub fn events_header() -> Value {
    json!({"type": "version", "schema": EVENTS_SCHEMA})
}

/// One event with its instant, for one line.
pub fn event_json(at: Timestamp, event: &ApplyEvent) -> Value {
    let mut body = json!(event);
    body["at"] = json!(at);
    body
}

/// Events as append-only lines: what an event does not say itself (which step its wait follows, whether the same wait
/// was told a second ago) is remembered here.
#[derive(Debug, Clone)]
pub struct EventLog {
    style: TextStyle,
    places: BTreeMap<ClusterId, Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    number: usize,
    of: usize,
    told: Option<(Condition, u64)>,
}

impl EventLog {
    pub const fn new(style: TextStyle) -> Self {
        Self {
            style,
            places: BTreeMap::new(),
        }
    }

    /// `03:12:04 eu-1/orders 2/4 …`, or nothing where a heartbeat is not yet due. Times are UTC: the logs of two
    /// machines compare.
    pub fn line(&mut self, at: Timestamp, event: &ApplyEvent) -> Option<String> {
        let place = self.places.entry(event.cluster().clone()).or_default();
        match event {
            ApplyEvent::StepStarted { number, of, .. } => {
                *place = Place {
                    number: *number,
                    of: *of,
                    told: None,
                };
            }
            ApplyEvent::Waiting {
                condition,
                elapsed_s,
                ..
            } => {
                let due = place.told.is_none_or(|(what, when)| {
                    what != *condition || elapsed_s.saturating_sub(when) >= HEARTBEAT
                });
                if !due {
                    return None;
                }
                place.told = Some((*condition, *elapsed_s));
            }
            _ => {}
        }
        let counter = match (place.number, place.of) {
            (0, _) => String::new(),
            (n, of) if n <= of => format!(" {n}/{of}"),
            (n, _) => format!(" {n}"),
        };
        let time = at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
        let text = format!("{time} {}{counter} {}", event.cluster(), sentence(event));
        Some(self.style.clean(&text))
    }
}

fn sentence(event: &ApplyEvent) -> String {
    match event {
        ApplyEvent::Locked { .. } => "locked".into(),
        ApplyEvent::StepStarted { intent, row, .. } => format!("{} ({row})", words::step(intent)),
        ApplyEvent::StepDone { elapsed_ms, .. } => {
            format!(
                "done in {}.{} s",
                elapsed_ms / 1000,
                elapsed_ms % 1000 / 100
            )
        }
        ApplyEvent::StepFailed { error, .. } => format!("FAILED {error}"),
        ApplyEvent::Waiting {
            row,
            condition,
            elapsed_s,
            deadline_s,
            ..
        } => format!(
            "waiting for {condition}, {} of {} ({row})",
            seconds(*elapsed_s),
            seconds(*deadline_s)
        ),
        ApplyEvent::Noted { note, .. } => format!(
            "{} {}: {}; {}",
            words::note_kind(note.kind),
            note.facts.code,
            note.facts.found,
            note.facts.unblock
        ),
        ApplyEvent::Finished { ending, steps, .. } => format!(
            "{}, {}",
            self::ending(ending),
            words::counted(*steps, "step")
        ),
    }
}

fn seconds(count: u64) -> String {
    words::duration(SignedDuration::from_secs(
        i64::try_from(count).unwrap_or(i64::MAX),
    ))
}

/// An ending in a few words.
pub(super) fn ending(ending: &Ending) -> String {
    match ending {
        Ending::InSync => "in sync".into(),
        Ending::Blocked => "BLOCKED: what is left is refused or deferred".into(),
        Ending::TimedOut(what) => format!("TIMED OUT waiting for {what}"),
        Ending::Failed(reason) => format!("FAILED: {reason}"),
        Ending::Interrupted { safe: true } => "interrupted, at a safe point".into(),
        Ending::Interrupted { safe: false } => "interrupted, between two steps".into(),
        Ending::StepLimit => "stopped by --max-steps".into(),
        Ending::NotApproved(intent) => format!("NOT APPROVED: {intent}"),
        Ending::OlderCommit(newer) => format!("REFUSED: {newer}"),
        Ending::LockHeld(holder) => format!("LOCKED: {holder}"),
        Ending::Unreadable(why) => format!("UNREADABLE: {why}"),
        Ending::NotStarted => "not started".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{IntentKey, RowId, Subject};
    use crate::fleet::Ordinal;

    const ROW: RowId = RowId {
        procedure: "grow",
        row: "catching-up",
    };

    fn at() -> Timestamp {
        "2026-11-21T03:12:04Z".parse().expect("a time")
    }

    fn id() -> ClusterId {
        ClusterId::new("eu-1", "orders")
    }

    fn log() -> EventLog {
        EventLog::new(TextStyle::default())
    }

    fn waiting(elapsed_s: u64) -> ApplyEvent {
        ApplyEvent::Waiting {
            cluster: id(),
            row: ROW,
            condition: Condition::InSync(Ordinal(3)),
            elapsed_s,
            deadline_s: 1800,
        }
    }

    fn started() -> ApplyEvent {
        ApplyEvent::StepStarted {
            cluster: id(),
            number: 2,
            of: 4,
            intent: IntentKey {
                verb: "start-member",
                subject: Subject::Member(Ordinal(3)),
            },
            row: ROW,
        }
    }

    #[test]
    fn a_wait_keeps_the_number_of_its_step() {
        let mut log = log();
        assert_eq!(
            log.line(at(), &started()).as_deref(),
            Some("03:12:04 eu-1/orders 2/4 member 3: start (grow/catching-up)")
        );
        assert_eq!(
            log.line(at(), &waiting(0)).as_deref(),
            Some(
                "03:12:04 eu-1/orders 2/4 waiting for learner 3 to catch up, 0 s of 30 min (grow/catching-up)"
            )
        );
    }

    #[test]
    fn a_wait_is_told_at_once_and_then_every_thirty_seconds() {
        let mut log = log();
        let told: Vec<u64> = (0..95)
            .filter(|s| log.line(at(), &waiting(*s)).is_some())
            .collect();
        assert_eq!(told, [0, 30, 60, 90]);
    }

    #[test]
    fn events_are_flat_objects_with_a_type() {
        let event = ApplyEvent::Finished {
            cluster: id(),
            ending: Ending::LockHeld("ci on host-1".into()),
            steps: 0,
        };
        assert_eq!(
            event_json(at(), &event),
            json!({
                "type": "finished",
                "at": "2026-11-21T03:12:04Z",
                "cluster": "eu-1/orders",
                "ending": {"kind": "lock-held", "detail": "ci on host-1"},
                "steps": 0,
            })
        );
    }

    #[test]
    fn an_error_cannot_drive_the_terminal() {
        let event = ApplyEvent::StepFailed {
            cluster: id(),
            number: 1,
            error: "a\u{1b}[2Jb".into(),
        };
        assert_eq!(
            log().line(at(), &event).as_deref(),
            Some("03:12:04 eu-1/orders FAILED a\\u{1b}[2Jb")
        );
    }

    #[test]
    fn every_kind_of_event_is_in_the_schema() {
        let note = crate::decide::Note {
            kind: crate::decide::NoteKind::Refused,
            row: ROW,
            subject: None,
            facts: crate::decide::Facts {
                code: "member-down",
                found: "x".into(),
                unblock: "y".into(),
            },
        };
        let ending = |ending| ApplyEvent::Finished {
            cluster: id(),
            ending,
            steps: 1,
        };
        let events = [
            ApplyEvent::Locked { cluster: id() },
            started(),
            ApplyEvent::StepDone {
                cluster: id(),
                number: 2,
                elapsed_ms: 1234,
            },
            ApplyEvent::StepFailed {
                cluster: id(),
                number: 2,
                error: "e".into(),
            },
            waiting(1),
            ApplyEvent::Noted {
                cluster: id(),
                note,
            },
            ending(Ending::InSync),
            ending(Ending::Interrupted { safe: true }),
            ending(Ending::TimedOut("a quorum".into())),
        ];
        let schema = crate::report::schema("events").expect("shipped");
        let schema: Value = serde_json::from_str(schema).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let lines = events.iter().map(|e| event_json(at(), e));
        for line in lines.chain([events_header()]) {
            assert!(validator.is_valid(&line), "{line}");
        }
        assert!(!validator.is_valid(&json!({"type": "locked"})));
    }
}

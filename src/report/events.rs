//! Events as lines of text and as NDJSON.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::style::TextStyle;
use super::words;
use crate::apply::{ApplyEvent, Ending};
use crate::decide::{Condition, Progress};
use crate::fleet::ClusterId;

/// Major version of the event stream.
pub const EVENTS_SCHEMA: &str = "reconcile.events/v1";

/// Seconds before a wait is worth a line: most end sooner.
const PATIENCE: u64 = 5;
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

/// Events as append-only lines, one for each step and one for a wait that lasts: what an event does not say itself
/// (which step it ends, whether the same was told a second ago) is remembered here.
#[derive(Debug, Clone)]
pub struct EventLog {
    style: TextStyle,
    widest: usize,
    places: BTreeMap<ClusterId, Place>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    number: usize,
    of: usize,
    /// The step begun, in words.
    step: String,
    told: Option<(Condition, u64)>,
    lock_told: Option<u64>,
    noted: BTreeSet<String>,
}

impl EventLog {
    pub const fn new(style: TextStyle) -> Self {
        Self {
            style,
            widest: 0,
            places: BTreeMap::new(),
        }
    }

    /// With what follows the id aligned over these clusters.
    #[must_use]
    pub fn aligned<'i>(mut self, ids: impl IntoIterator<Item = &'i ClusterId>) -> Self {
        self.widest = words::widest(ids);
        self
    }

    /// `03:12:04 eu-1/orders 2/4 …`, or nothing where there is no news yet. Times are UTC: the logs of two machines
    /// compare.
    pub fn line(&mut self, at: Timestamp, event: &ApplyEvent) -> Option<String> {
        let place = self.places.entry(event.cluster().clone()).or_default();
        let text = place.sentence(event)?;
        let counter = match (place.number, place.of) {
            (0, _) => String::new(),
            (n, of) if n <= of => format!(" {n}/{of}"),
            (n, _) => format!(" {n}"),
        };
        let time = at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
        let id = event.cluster().to_string();
        let widest = self.widest;
        Some(
            self.style
                .clean(&format!("{time} {id:widest$}{counter} {text}")),
        )
    }
}

/// A wait of so many seconds is worth a line, where the last one told of it was after so many.
fn is_due(told: Option<u64>, elapsed_s: u64) -> bool {
    elapsed_s >= told.map_or(PATIENCE, |when| when + HEARTBEAT)
}

impl Place {
    /// What there is to tell; remembers what has been told.
    fn sentence(&mut self, event: &ApplyEvent) -> Option<String> {
        Some(match event {
            ApplyEvent::LockAwaited {
                elapsed_s,
                deadline_s,
                hindrance,
                ..
            } => {
                if !is_due(self.lock_told, *elapsed_s) {
                    return None;
                }
                self.lock_told = Some(*elapsed_s);
                let (elapsed, deadline) = (seconds(*elapsed_s), seconds(*deadline_s));
                format!("waiting for its lock, {elapsed} of {deadline}: {hindrance}")
            }
            ApplyEvent::Locked { .. } => "locked".into(),
            ApplyEvent::StepStarted {
                number,
                of,
                intent,
                row,
                ..
            } => {
                (self.number, self.of, self.told) = (*number, *of, None);
                self.step = format!("{} ({row})", words::step(intent));
                return None;
            }
            ApplyEvent::StepDone { elapsed_ms, .. } => match elapsed_ms / 100 {
                0 => self.step.clone(),
                tenths => format!("{}, {}.{} s", self.step, tenths / 10, tenths % 10),
            },
            ApplyEvent::StepFailed { error, .. } => format!("FAILED {}: {error}", self.step),
            ApplyEvent::Waiting {
                row,
                condition,
                elapsed_s,
                deadline_s,
                progress,
                hindrance,
                ..
            } => {
                let told = self.told.filter(|(what, _)| what == condition);
                if !is_due(told.map(|(_, when)| when), *elapsed_s) {
                    return None;
                }
                self.told = Some((*condition, *elapsed_s));
                let (elapsed, deadline) = (seconds(*elapsed_s), seconds(*deadline_s));
                let to_go = progress.as_ref().map(to_go).unwrap_or_default();
                let why = hindrance.as_ref().map(|why| format!(": {why}"));
                let why = why.unwrap_or_default();
                format!("waiting for {condition}, {elapsed} of {deadline}{to_go} ({row}){why}")
            }
            ApplyEvent::Noted { note, .. } => {
                let kind = words::note_kind(note.kind);
                let facts = &note.facts;
                let text = format!("{kind} {}: {}; {}", facts.code, facts.found, facts.unblock);
                if !self.noted.insert(text.clone()) {
                    return None; // the same of another object
                }
                text
            }
            ApplyEvent::Finished {
                ending: Ending::InSync,
                steps: 0,
                ..
            } => return None,
            ApplyEvent::Finished { ending, steps, .. } => format!(
                "{}, {}",
                self::ending(ending),
                words::counted(*steps, "step")
            ),
        })
    }
}

fn to_go(progress: &Progress) -> String {
    let (entries, bytes) = (progress.entries_to_go, words::bytes(progress.bytes_to_go));
    let noun = if entries == 1 { "entry" } else { "entries" };
    format!(", {entries} {noun} and {bytes} to go")
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
        Ending::Deferred => "deferred: what is left waits for its time".into(),
        Ending::Blocked => "BLOCKED: what is left is refused".into(),
        Ending::TimedOut(what) => format!("TIMED OUT waiting for {what}"),
        Ending::Failed(reason) => format!("FAILED: {reason}"),
        Ending::Interrupted { safe: true } => "interrupted, at a safe point".into(),
        Ending::Interrupted { safe: false } => "interrupted, between two steps".into(),
        Ending::StepLimit => "stopped by --max-steps".into(),
        Ending::NotApproved(intent) => format!("NOT APPROVED: {intent}"),
        Ending::OlderCommit(newer) => format!(
            "REFUSED: the last run was of commit {newer}, which is newer than this one or not in this clone; pull, fetch more history, or give --allow-older"
        ),
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
            progress: None,
            hindrance: None,
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
                takes: Vec::new(),
            },
            row: ROW,
        }
    }

    fn done(elapsed_ms: u64) -> ApplyEvent {
        ApplyEvent::StepDone {
            cluster: id(),
            number: 2,
            elapsed_ms,
        }
    }

    #[test]
    fn a_wait_says_how_far_it_is_and_what_keeps_it() {
        let mut event = waiting(12);
        let ApplyEvent::Waiting {
            progress,
            hindrance,
            ..
        } = &mut event
        else {
            unreachable!("it is a wait");
        };
        *progress = Some(Progress {
            entries_to_go: 8120,
            bytes_to_go: 412 << 20,
        });
        *hindrance = Some("pod 3: ImagePullBackOff".into());
        assert_eq!(
            log().line(at(), &event).as_deref(),
            Some(
                "03:12:04 eu-1/orders waiting for learner 3 to catch up, 12 s of 30 min, 8120 entries and 412.0 Mi to go (grow/catching-up): pod 3: ImagePullBackOff"
            )
        );
    }

    #[test]
    fn a_wait_for_the_lock_is_told_now_and_then() {
        let mut log = log();
        let mut told = |elapsed_s| {
            let event = ApplyEvent::LockAwaited {
                cluster: id(),
                elapsed_s,
                deadline_s: 600,
                hindrance: "held by ada@laptop/7".into(),
            };
            log.line(at(), &event)
        };
        let line = |took| {
            let text = "waiting for its lock";
            format!("03:12:04 eu-1/orders {text}, {took} of 10 min: held by ada@laptop/7")
        };
        assert_eq!(told(4), None);
        assert_eq!(told(5), Some(line("5 s")));
        assert_eq!(told(34), None);
        assert_eq!(told(35), Some(line("35 s")));
    }

    #[test]
    fn a_step_is_one_line_and_a_wait_keeps_its_number() {
        let mut log = log();
        assert_eq!(log.line(at(), &started()), None);
        assert_eq!(
            log.line(at(), &done(1234)).as_deref(),
            Some("03:12:04 eu-1/orders 2/4 member 3: start (grow/catching-up), 1.2 s")
        );
        assert_eq!(
            log.line(at(), &waiting(5)).as_deref(),
            Some(
                "03:12:04 eu-1/orders 2/4 waiting for learner 3 to catch up, 5 s of 30 min (grow/catching-up)"
            )
        );
        assert_eq!(log.line(at(), &started()), None);
        assert_eq!(
            log.line(at(), &done(99)).as_deref(),
            Some("03:12:04 eu-1/orders 2/4 member 3: start (grow/catching-up)")
        );
    }

    #[test]
    fn a_wait_is_told_once_it_lasts_and_then_every_thirty_seconds() {
        let mut log = log();
        let told: Vec<u64> = (0..95)
            .filter(|s| log.line(at(), &waiting(*s)).is_some())
            .collect();
        assert_eq!(told, [5, 35, 65]);
    }

    #[test]
    fn what_is_no_news_is_no_line() {
        let mut log = log().aligned([&id(), &ClusterId::new("eu-1", "sessions")]);
        let note = ApplyEvent::Noted {
            cluster: id(),
            note: crate::decide::Note {
                kind: crate::decide::NoteKind::Refused,
                row: ROW,
                subject: None,
                facts: crate::decide::Facts {
                    code: "protected",
                    found: "x".into(),
                    unblock: "y".into(),
                },
            },
        };
        assert_eq!(
            log.line(at(), &note).as_deref(),
            Some("03:12:04 eu-1/orders   REFUSED protected: x; y")
        );
        assert_eq!(log.line(at(), &note), None, "the same of another object");
        let nothing = ApplyEvent::Finished {
            cluster: id(),
            ending: Ending::InSync,
            steps: 0,
        };
        assert_eq!(log.line(at(), &nothing), None);
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
            Some("03:12:04 eu-1/orders FAILED : a\\u{1b}[2Jb")
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
            ApplyEvent::LockAwaited {
                cluster: id(),
                elapsed_s: 1,
                deadline_s: 60,
                hindrance: "h".into(),
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

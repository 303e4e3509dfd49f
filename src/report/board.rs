//! What every cluster of a run is doing, one line each: a picture that a terminal shows in place of the one before.
//!
//! Events go in, frames come out; the clock and the size of the terminal are arguments.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::events::ending;
use super::style::{Paint, TextStyle};
use super::words;
use crate::apply::ApplyEvent;
use crate::decide::{Condition, Progress};
use crate::fleet::ClusterId;

/// Rows of the terminal that stay free: the cursor's own, and one of what was there before.
const FREE_ROWS: usize = 2;
/// Columns below which a line is not worth its parts.
const NARROW: usize = 12;
/// What a cluster does until its first step.
const LOCKED: &str = "locked";

/// The clusters under way.
#[derive(Debug, Clone)]
pub struct Board {
    style: TextStyle,
    widest: usize,
    running: BTreeMap<ClusterId, Line>,
}

#[derive(Debug, Clone)]
struct Line {
    since: Timestamp,
    number: usize,
    of: usize,
    doing: String,
    wait: Option<Wait>,
}

#[derive(Debug, Clone)]
struct Wait {
    /// `None`: for the lock.
    condition: Option<Condition>,
    since: Timestamp,
    deadline: SignedDuration,
    /// Entries that were left when the wait began.
    entries: u64,
    left: Option<Progress>,
    hindrance: Option<String>,
}

impl Board {
    pub const fn new(style: TextStyle) -> Self {
        Self {
            style,
            widest: 0,
            running: BTreeMap::new(),
        }
    }

    /// With what follows the id aligned over these clusters.
    #[must_use]
    pub fn aligned<'i>(mut self, ids: impl IntoIterator<Item = &'i ClusterId>) -> Self {
        self.widest = words::widest(ids);
        self
    }

    /// Takes an event in. A cluster that has ended is no longer in the picture: its last line is for the text above it.
    pub fn see(&mut self, at: Timestamp, event: &ApplyEvent) -> Option<String> {
        let id = event.cluster();
        if let ApplyEvent::Finished {
            ending: how, steps, ..
        } = event
        {
            let line = self.running.remove(id);
            let (counter, since) = line.map_or((String::new(), at), |l| (l.counter(), l.since));
            let (done, took) = (words::counted(*steps, "step"), elapsed(since, at));
            return (*steps > 0 || how.is_failure())
                .then(|| self.whole(id, &counter, &format!("{}, {done} in {took}", ending(how))));
        }
        let line = self.running.entry(id.clone()).or_insert_with(|| Line {
            since: at,
            number: 0,
            of: 0,
            doing: LOCKED.into(),
            wait: None,
        });
        line.see(at, event);
        None
    }

    /// One line a cluster, none wider than the terminal and no more than it has room for.
    pub fn frame(&self, now: Timestamp, columns: usize, rows: usize) -> Vec<String> {
        // A terminal that wraps after its last column would make two lines of one.
        let width = columns.saturating_sub(1);
        let room = rows.saturating_sub(FREE_ROWS).max(1);
        let lines = self.running.iter();
        let lines = lines.map(|(id, line)| self.line(id, line, now, width));
        if self.running.len() <= room {
            return lines.collect();
        }
        let shown = room - 1;
        let more = format!("   … and {} more", self.running.len() - shown);
        let more = self
            .style
            .paint(Paint::Dim, &self.fit(&self.style.clean(&more), width));
        lines.take(shown).chain([more]).collect()
    }

    fn line(&self, id: &ClusterId, line: &Line, now: Timestamp, width: usize) -> String {
        let took = elapsed(line.since, now);
        let far = line.wait.as_ref().map(|wait| wait.far(now));
        let far = far.map_or(String::new(), |far| format!("  {far}"));
        let left = self.style.clean(&format!("{}{far}", line.doing));
        let head = self.head(id, &line.counter());
        let end = format!("  {took}");
        let room = width.saturating_sub(columns(&end));
        if room < NARROW {
            return self.fit(&format!("{head}{left}"), width);
        }
        let told = self.fit(&format!("{head}{left}"), room);
        self.painted(&told) + &self.style.paint(Paint::Dim, &end)
    }

    /// As much of a text as has so many columns, with a mark where some is missing.
    fn fit(&self, text: &str, most: usize) -> String {
        if columns(text) <= most {
            return text.to_owned();
        }
        let mark = if self.style.ascii { "." } else { "…" };
        let mut used = columns(mark);
        if used > most {
            return String::new();
        }
        let within = |c: &char| {
            used += width(*c);
            used <= most
        };
        let kept: String = text.chars().take_while(within).collect();
        kept + mark
    }

    fn whole(&self, id: &ClusterId, counter: &str, text: &str) -> String {
        self.painted(&format!(
            "{}{}",
            self.head(id, counter),
            self.style.clean(text)
        ))
    }

    /// ` eu-1/orders  [2/4] `
    fn head(&self, id: &ClusterId, counter: &str) -> String {
        let (id, widest) = (self.style.clean(&id.to_string()), self.widest);
        format!(" {id:widest$}  {counter}")
    }

    /// The id, which ends at the second space, stands out.
    fn painted(&self, line: &str) -> String {
        let inner = line.trim_start();
        let lead = &line[..line.len() - inner.len()];
        let (id, rest) = inner.split_at(inner.find(' ').unwrap_or(inner.len()));
        format!("{lead}{}{rest}", self.style.paint(Paint::Strong, id))
    }
}

impl Line {
    fn see(&mut self, at: Timestamp, event: &ApplyEvent) {
        match event {
            ApplyEvent::StepStarted {
                number, of, intent, ..
            } => {
                (self.number, self.of, self.wait) = (*number, *of, None);
                self.doing = words::step(intent);
            }
            ApplyEvent::StepFailed { error, .. } => {
                self.doing = format!("{}: {error}", self.doing);
            }
            ApplyEvent::Waiting {
                condition,
                elapsed_s,
                deadline_s,
                progress,
                hindrance,
                ..
            } => {
                let entries = progress.map_or(0, |p| p.entries_to_go);
                let before = self.wait.take();
                let before = before.filter(|wait| wait.condition == Some(*condition));
                let entries = before.map_or(entries, |wait| wait.entries.max(entries));
                self.doing = format!("waiting for {condition}");
                self.wait = Some(Wait {
                    condition: Some(*condition),
                    entries,
                    left: *progress,
                    ..Wait::of(at, *elapsed_s, *deadline_s, hindrance.clone())
                });
            }
            ApplyEvent::LockAwaited {
                elapsed_s,
                deadline_s,
                hindrance,
                ..
            } => {
                "waiting for its lock".clone_into(&mut self.doing);
                let why = Some(hindrance.clone());
                self.wait = Some(Wait::of(at, *elapsed_s, *deadline_s, why));
            }
            ApplyEvent::Locked { .. } => {
                LOCKED.clone_into(&mut self.doing);
                self.wait = None;
            }
            ApplyEvent::StepDone { .. } => self.wait = None,
            ApplyEvent::Noted { .. } | ApplyEvent::Finished { .. } => {}
        }
    }

    /// `[2/4] `; a step beyond what was planned has no "of".
    fn counter(&self) -> String {
        match (self.number, self.of) {
            (0, _) => String::new(),
            (n, of) if n <= of => format!("[{n}/{of}] "),
            (n, _) => format!("[{n}] "),
        }
    }
}

impl Wait {
    fn of(now: Timestamp, elapsed_s: u64, deadline_s: u64, hindrance: Option<String>) -> Self {
        Self {
            condition: None,
            since: now.checked_sub(span(elapsed_s)).unwrap_or(now),
            deadline: span(deadline_s),
            entries: 0,
            left: None,
            hindrance,
        }
    }

    /// `91 %, 1.2 k of 13.6 k entries and 4.1 Mi to go, 12 s of 30 min: pod 3: …`
    fn far(&self, now: Timestamp) -> String {
        let took = words::duration(words::age(self.since, now));
        let mut far = format!("{took} of {}", words::duration(self.deadline));
        if let Some(left) = &self.left {
            let (entries, bytes) = (left.entries_to_go, words::bytes(left.bytes_to_go));
            let done = self.entries.saturating_sub(entries) * 100;
            let percent = done.checked_div(self.entries);
            let percent = percent.map_or(String::new(), |percent| format!("{percent} %, "));
            let (entries, all) = (thousands(entries), thousands(self.entries));
            far = format!("{percent}{entries} of {all} entries and {bytes} to go, {far}");
        }
        match &self.hindrance {
            Some(why) => format!("{far}: {why}"),
            None => far,
        }
    }
}

fn span(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// `03:12`, `1:03:12`
fn elapsed(since: Timestamp, now: Timestamp) -> String {
    let seconds = words::age(since, now).as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// `1.2 k`, `13.6 M`: of a count that moves only its size is read.
fn thousands(count: u64) -> String {
    let unit = [(1_000_000, "M"), (1_000, "k")];
    let unit = unit.iter().find(|(size, _)| count >= *size);
    unit.map_or_else(
        || count.to_string(),
        |(size, name)| format!("{}.{} {name}", count / size, count % size * 10 / size),
    )
}

/// Columns of a text without escapes, as many as any terminal takes for it: what some draw in two counts two.
fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

const fn width(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Ending;
    use crate::decide::{IntentKey, RowId, Subject};
    use crate::fleet::Ordinal;

    const ROW: RowId = RowId {
        procedure: "grow",
        row: "catching-up",
    };

    fn at(seconds: i64) -> Timestamp {
        let start: Timestamp = "2026-11-21T03:00:00Z".parse().expect("a time");
        start + SignedDuration::from_secs(seconds)
    }

    fn orders() -> ClusterId {
        ClusterId::new("eu-1", "orders")
    }

    fn started(cluster: ClusterId, number: usize) -> ApplyEvent {
        ApplyEvent::StepStarted {
            cluster,
            number,
            of: 4,
            intent: IntentKey {
                verb: "promote",
                subject: Subject::Member(Ordinal(3)),
                takes: Vec::new(),
            },
            row: ROW,
        }
    }

    fn waiting(entries: u64, elapsed_s: u64) -> ApplyEvent {
        ApplyEvent::Waiting {
            cluster: orders(),
            row: ROW,
            condition: Condition::InSync(Ordinal(3)),
            elapsed_s,
            deadline_s: 1800,
            progress: Some(Progress {
                entries_to_go: entries,
                bytes_to_go: 4 << 20,
            }),
            hindrance: None,
        }
    }

    fn board() -> Board {
        let audit = ClusterId::new("us-2", "audit-logs");
        let mut board = Board::new(TextStyle::default()).aligned([&orders(), &audit]);
        for (cluster, when) in [(orders(), 0), (audit.clone(), 10)] {
            let locked = ApplyEvent::Locked {
                cluster: cluster.clone(),
            };
            assert_eq!(board.see(at(when), &locked), None);
        }
        board.see(at(11), &started(audit, 1));
        board
    }

    #[test]
    fn who_holds_the_lock_is_seen_until_it_is_ours() {
        let mut board = Board::new(TextStyle::default());
        let cluster = orders();
        board.see(
            at(5),
            &ApplyEvent::LockAwaited {
                cluster: cluster.clone(),
                elapsed_s: 5,
                deadline_s: 600,
                hindrance: "held by ada@laptop/7".into(),
            },
        );
        let waits =
            " eu-1/orders  waiting for its lock  7 s of 10 min: held by ada@laptop/7  00:02";
        assert_eq!(board.frame(at(7), 120, 24), [waits]);
        board.see(at(8), &ApplyEvent::Locked { cluster });
        assert_eq!(board.frame(at(8), 120, 24), [" eu-1/orders  locked  00:03"]);
    }

    #[test]
    fn a_cluster_is_a_line_that_says_what_how_far_and_since_when() {
        let mut board = board();
        board.see(at(12), &started(orders(), 2));
        board.see(at(20), &waiting(13_600, 0));
        board.see(at(190), &waiting(1_224, 170));
        assert_eq!(
            board.frame(at(192), 140, 24),
            [
                " eu-1/orders      [2/4] waiting for learner 3 to catch up  91 %, 1.2 k of 13.6 k entries and 4.0 Mi to go, 2 min 52 s of 30 min  03:12",
                " us-2/audit-logs  [1/4] member 3: promote  03:02",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_none_too_many() {
        let mut board = board();
        board.see(at(12), &started(orders(), 2));
        board.see(at(20), &waiting(13_600, 0));
        for columns in 0..160 {
            for rows in [0, 1, 3, 24] {
                let frame = board.frame(at(4000), columns, rows);
                assert!(frame.len() <= rows.saturating_sub(2).max(1), "{frame:?}");
                for line in &frame {
                    assert!(self::columns(line) < columns.max(1), "{columns}: {line}");
                }
            }
        }
        assert_eq!(
            board.frame(at(4000), 60, 24),
            [
                " eu-1/orders      [2/4] waiting for learner 3 to…  1:06:40",
                " us-2/audit-logs  [1/4] member 3: promote  1:06:30",
            ]
        );
        assert_eq!(board.frame(at(4000), 60, 3), ["   … and 2 more"]);
    }

    #[test]
    fn what_has_ended_leaves_the_picture() {
        let mut board = board();
        board.see(at(12), &started(orders(), 4));
        let finished = |ending, steps| ApplyEvent::Finished {
            cluster: orders(),
            ending,
            steps,
        };
        let line = board.see(at(100), &finished(Ending::InSync, 4));
        let expected = " eu-1/orders      [4/4] in sync, 4 steps in 01:40";
        assert_eq!(line.as_deref(), Some(expected));
        assert_eq!(board.frame(at(101), 100, 24).len(), 1);
        assert_eq!(board.see(at(102), &finished(Ending::InSync, 0)), None);
        let line = board.see(at(102), &finished(Ending::Failed("x\u{1b}".into()), 0));
        let expected = " eu-1/orders      FAILED: x\\u{1b}, 0 steps in 00:00";
        assert_eq!(line.as_deref(), Some(expected));
    }

    #[test]
    fn colour_and_ascii() {
        let style = TextStyle {
            color: crate::report::Color::Symbolic,
            ascii: true,
            ..TextStyle::default()
        };
        let mut board = Board::new(style);
        board.see(at(0), &started(orders(), 1));
        let frame = board.frame(at(5), 30, 24);
        let expected = " [strong]eu-1/orders[/]  [1/4] m.[dim]  00:05[/]";
        assert_eq!(frame, [expected]);
    }
}

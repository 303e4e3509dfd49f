//! Where the events of a run go: a picture on a terminal or a line each, and a file.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::events::EventFile;
use super::terminal;
use crate::apply::ApplyEvent;
use crate::fleet::ClusterId;
use crate::report::{Board, EventLog, LostEvents, lost_events_text};

/// How often the picture moves while nothing happens: its seconds shall not jump.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// Between two pictures at least: more often nobody sees, and a sandbox has thousands of events a second.
const FASTEST: Duration = Duration::from_millis(50);

/// Tells a run's events as they come.
pub(super) struct Progress {
    inner: Mutex<Inner>,
}

struct Inner {
    log: EventLog,
    /// On a terminal that can be drawn on.
    board: Option<Board>,
    events: Option<EventFile>,
    drawn: Option<Instant>,
}

impl Progress {
    pub(super) fn new<'i>(
        ids: impl IntoIterator<Item = &'i ClusterId> + Clone,
        events: Option<EventFile>,
    ) -> Self {
        let style = terminal::stderr_style();
        let board = terminal::can_draw().then(|| Board::new(style).aligned(ids.clone()));
        Self {
            inner: Mutex::new(Inner {
                log: EventLog::new(style).aligned(ids),
                board,
                events,
                drawn: None,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn event(&self, at: Timestamp, event: &ApplyEvent) {
        let inner = &mut *self.inner();
        if let Some(lost) = inner.events.as_mut().and_then(|file| file.write(at, event)) {
            terminal::tell(&format!("warning: {}", lost_events_text(lost)));
        }
        let line = inner.log.line(at, event);
        let Some(board) = &mut inner.board else {
            if let Some(line) = line {
                terminal::tell(&line);
            }
            return;
        };
        let ended = board.see(at, event);
        let lasting = matches!(
            event,
            ApplyEvent::StepFailed { .. } | ApplyEvent::Noted { .. }
        );
        if let Some(line) = ended.or(line.filter(|_| lasting)) {
            terminal::tell(&line);
        }
        inner.draw(at);
    }

    /// The picture of now.
    pub(super) fn tick(&self, at: Timestamp) {
        self.inner().draw(at);
    }

    /// Takes the picture away, and says what could not be written to the file.
    pub(super) fn end(self) -> Option<LostEvents> {
        let inner = self.inner.into_inner();
        let inner = inner.unwrap_or_else(PoisonError::into_inner);
        if inner.board.is_some() {
            terminal::draw(Vec::new());
        }
        inner.events.and_then(EventFile::into_lost)
    }
}

impl Inner {
    fn draw(&mut self, at: Timestamp) {
        let Some(board) = &self.board else {
            return;
        };
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < FASTEST) {
            return;
        }
        let (columns, rows) = terminal::stderr_size();
        terminal::draw(board.frame(at, columns, rows));
        self.drawn = Some(Instant::now());
    }
}

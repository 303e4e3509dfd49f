//! Events that did not reach the file they were for: never a reason to stop a run, and never a secret.

use serde::Serialize;

use super::style::{Paint, Sheet, TextStyle};
use super::words::counted;

/// What of the event stream is missing in its file, from some event on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostEvents {
    pub file: String,
    /// Of the first event that could not be written.
    pub error: String,
    pub events: usize,
}

/// When the first one is lost.
pub fn lost_events_text(lost: &LostEvents) -> String {
    let LostEvents { file, error, .. } = lost;
    format!("cannot write events to {file}: {error}; the run goes on, the file ends here")
}

/// In the tally.
pub fn lost_events_tally(lost: &LostEvents, style: &TextStyle) -> String {
    let LostEvents {
        file,
        error,
        events,
    } = lost;
    let verb = if *events == 1 { "is" } else { "are" };
    let text = format!(
        "{} {verb} not in {file}: {error}",
        counted(*events, "event")
    );
    let mut sheet = Sheet::new(style);
    sheet.prose(0, " !  ", Paint::Warn, &text);
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_at_once_and_counted_at_the_end() {
        let mut lost = LostEvents {
            file: "e.ndjson".into(),
            error: "No space left on device (os error 28)".into(),
            events: 1,
        };
        let expected = "cannot write events to e.ndjson: No space left on device (os error 28); the run goes on, the file ends here";
        assert_eq!(lost_events_text(&lost), expected);
        let told = |lost: &LostEvents| lost_events_tally(lost, &TextStyle::default());
        let why = "not in e.ndjson: No space left on device (os error 28)\n";
        assert_eq!(told(&lost), format!(" !  1 event is {why}"));
        lost.events = 7;
        assert_eq!(told(&lost), format!(" !  7 events are {why}"));
    }
}

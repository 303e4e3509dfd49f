//! The one place where the command line reads the clock.

use jiff::Timestamp;

/// The present, unless `--now` says otherwise.
#[expect(
    clippy::disallowed_methods,
    reason = "everything below takes the time as an argument; this is where it comes from"
)]
pub(super) fn now(given: Option<Timestamp>) -> Timestamp {
    given.unwrap_or_else(Timestamp::now)
}

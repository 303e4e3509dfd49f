//! The one place where the command line reads the clock.

use jiff::Timestamp;

/// The present, unless `--now` says otherwise.
#[expect(
    clippy::disallowed_methods,
    reason = "everything below takes the time as an argument; this is where it comes from"
)]
pub(super) fn now(given: Option<Timestamp>) -> Timestamp {
    given.unwrap_or_else(|| to_seconds(Timestamp::now()))
}

/// Nobody reads nanoseconds.
pub(super) fn to_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

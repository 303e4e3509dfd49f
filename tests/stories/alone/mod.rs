//! Stories that break the bed or measure gaps: nothing runs beside them.
//!
//! The harness begins tests in the order of their names. These come first, one after the other, so that no turn alone is
//! waited for while other stories could run beside each other.

mod big;
mod by_hand;
mod moves;
mod nodes;
mod outages;
mod rolls;

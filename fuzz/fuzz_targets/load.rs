//! Any bytes as a document of the fleet: no panic, and every finding has its place.
#![no_main]

#[path = "../../tests/errors/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laws::hold(bytes));

//! One file per command: arguments and wiring, no logic.

pub mod render;

use std::process::ExitCode;

/// Entry of the program.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}

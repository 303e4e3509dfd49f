//! What the linker leaves out of a release.
//!
//! The release profile aborts where Rust panics, so nothing is ever unwound; the tables for it are a twentieth of the
//! program all the same, for the compiler writes them on x86-64 whatever a profile says (`force-unwind-tables`), and the
//! standard library and C bring their own. Without them a panic's backtrace is empty; of a stripped program it would be
//! bare addresses.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Added to the linker's own script (`INSERT`); GNU ld and LLD read it alike.
const WITHOUT_TABLES: &str = "\
SECTIONS {
  /DISCARD/ : { *(.eh_frame .eh_frame.* .gcc_except_table .gcc_except_table.*) }
} INSERT AFTER .text;
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    let aborts = is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux");
    // Whoever wants symbols may want to see a stack, too.
    if aborts && is("DEBUG", "false") && !another_linker() {
        let script = PathBuf::from(env::var("OUT_DIR")?).join("without-tables.ld");
        fs::write(&script, WITHOUT_TABLES)?;
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", script.display());
        println!("cargo:rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
    Ok(())
}

/// Somebody chose one, which may not read the script: mold does not.
fn another_linker() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    env::var_os("RUSTC_LINKER").is_some() || flags.contains("link")
}

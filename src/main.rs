//! Arguments in, exit code out.

/// A plan is made of many small texts, on all cores.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    end_at_a_panic();
    reconcile::cli::main()
}

/// With Rust's own words and exit code. Nothing is unwound in what people run (see `panic` in Cargo.toml): whatever a
/// run held, the next one finds as after a SIGKILL.
#[expect(
    clippy::disallowed_methods,
    reason = "the tally is lost with the panic"
)]
fn end_at_a_panic() {
    const PANICKED: i32 = 101;
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(PANICKED);
    }));
}

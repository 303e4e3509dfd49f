//! Arguments in, exit code out.

/// A plan is made of many small texts, on all cores.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    reconcile::cli::main()
}

//! Starts the process: takes its world, runs one command, maps the result to an exit code.

use std::process::ExitCode;

use countersign::app::{self, world::World};

/// The allocator of musl takes a lock for every piece of memory.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(app::main(std::env::args_os().collect(), &mut World::of_process()))
}

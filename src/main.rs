//! Starts the process: takes its world, runs one command, maps the result to an exit code.

use std::process::ExitCode;

use countersign::app::{self, world::World};

/// The allocator of musl takes a lock for every piece of memory.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Has glibc keep the memory that it was given. By itself it hands each 128 KiB back, and asks for them again a moment
/// later, page by page.
#[cfg(target_env = "gnu")]
fn keep_memory() {
    /// The most memory that is kept unused, in bytes.
    const KEPT: libc::c_int = 64 << 20;
    /// How much more than it needs the allocator asks for at a time, in bytes.
    const AHEAD: libc::c_int = 1 << 20;
    /// From what size on memory is asked for by itself, and handed back at once, in bytes: the most that glibc takes. Without
    /// it, the two others would fix it at 128 KiB.
    const ALONE: libc::c_int = 32 << 20;
    // SAFETY: there is no other thread yet, and the allocator takes any number.
    #[expect(unsafe_code, reason = "the allocator's settings can be changed in no other way")]
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_TOP_PAD, AHEAD);
        libc::mallopt(libc::M_MMAP_THRESHOLD, ALONE);
    }
}

fn main() -> ExitCode {
    #[cfg(target_env = "gnu")]
    keep_memory();
    ExitCode::from(app::main(std::env::args_os().collect(), &mut World::of_process()))
}

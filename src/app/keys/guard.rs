//! While a private key is in memory the process leaves no core dump and cannot be attached to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

use crate::base::reason::{IO, Refusal, Result};

/// How many guards there are, and what to go back to after the last.
static HELD: Mutex<Option<Held>> = Mutex::new(None);

struct Held {
    guards: usize,
    dumpable: DumpableBehavior,
    core: Option<u64>,
}

/// Keeps core dumps off and the process undumpable until the last guard is dropped.
///
/// Only the soft limit is lowered, so that the limits can be put back.
#[must_use = "the protection ends when the guard is dropped"]
#[derive(Debug)]
pub struct MemoryGuard(());

impl MemoryGuard {
    /// Takes effect for the whole process.
    ///
    /// # Errors
    /// `io.failed` where the system refuses; then no private key should be loaded.
    pub fn hold() -> Result<Self> {
        let failed = |e: rustix::io::Errno| Refusal::new(IO, format!("cannot switch core dumps off: {e}"));
        let mut held = lock();
        if let Some(held) = held.as_mut() {
            held.guards += 1;
            return Ok(Self(()));
        }
        let dumpable = dumpable_behavior().map_err(failed)?;
        let core = getrlimit(Resource::Core);
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum }).map_err(failed)?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed)?;
        *held = Some(Held { guards: 1, dumpable, core: core.current });
        Ok(Self(()))
    }
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        let mut held = lock();
        let Some(state) = held.as_mut() else { return };
        state.guards -= 1;
        if state.guards == 0 {
            // Going back is for what runs after, which is no worse off where it fails.
            let maximum = getrlimit(Resource::Core).maximum;
            let _ = setrlimit(Resource::Core, Rlimit { current: state.core, maximum });
            let _ = set_dumpable_behavior(state.dumpable);
            *held = None;
        }
    }
}

fn lock() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b52_no_core_dump_while_a_key_is_held() {
        let first = MemoryGuard::hold().unwrap();
        let second = MemoryGuard::hold().unwrap();
        drop(first);
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        drop(second);
    }
}

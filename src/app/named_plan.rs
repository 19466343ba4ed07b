//! What a plan is named by: a digest, the beginning of one, or a file.

use super::{
    files,
    named::Beginning,
    reasons::{PLAN_AMBIGUOUS, PLAN_UNKNOWN},
    session::Session,
    world::World,
};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        text::excerpt,
    },
    plan::seal,
};

/// What a name of a plan stands for, before anything is known of the repository.
pub(crate) enum NamedPlan {
    /// A digest, of a plan that the ledger holds.
    Recorded(Digest),
    /// A file, read once: the ledger is asked about the bytes that are opened.
    File(Result<Vec<u8>>),
}

impl NamedPlan {
    /// Looks what a name stands for.
    pub(crate) fn find(named: &str, world: &World) -> Self {
        if let Ok(digest) = named.parse() {
            return Self::Recorded(digest);
        }
        let Some(beginning) = Beginning::of(named) else { return Self::File(plan_bytes(world, named)) };
        if is_absent(world, named) {
            return recorded(beginning, world).map_or_else(|refusal| Self::File(Err(refusal)), Self::Recorded);
        }
        // Whoever may put files here could have another plan shown, or rejected, than the one that is named.
        Self::File(plan_bytes(world, named).and_then(|bytes| {
            let is_it = beginning.only([Digest::of(&bytes)]).is_ok();
            let why = || format!("`{named}` is the beginning of a digest, and a file that holds something else");
            let hint =
                || format!("for the file, `./{named}`; for the plan of that digest, `sha256:` and all of its digits");
            if is_it { Ok(bytes) } else { Err(Refusal::new(PLAN_AMBIGUOUS, why()).subject(named).hint(hint())) }
        }))
    }

    /// Returns the digest of the plan.
    ///
    /// # Errors
    /// `plan.unknown`, and those of reading a file.
    pub(crate) fn digest(&self) -> Result<Digest> {
        match self {
            Self::Recorded(digest) => Ok(*digest),
            Self::File(Ok(bytes)) => Ok(Digest::of(bytes)),
            Self::File(Err(refusal)) => Err(refusal.clone()),
        }
    }
}

/// Finds the plan on the ledger whose digest begins so.
fn recorded(beginning: Beginning<'_>, world: &World) -> Result<Digest> {
    let mut ledger = Session::open(world)?.ledger(world.now())?;
    beginning.only(ledger.read(world.now())?.state().plans()?.keys().copied())
}

/// Tells whether no file is there of that name.
fn is_absent(world: &World, named: &str) -> bool {
    std::fs::symlink_metadata(world.cwd.join(named)).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

/// Reads a plan's file; what is neither a file nor a full digest names no plan.
fn plan_bytes(world: &World, named: &str) -> Result<Vec<u8>> {
    if is_absent(world, named) {
        let found = format!("`{}` is no file, and no digest or the first 8 digits of one", excerpt(named));
        return Err(Refusal::new(PLAN_UNKNOWN, found).subject(named));
    }
    files::read(&world.cwd.join(named), seal::MAX_BYTES)
}

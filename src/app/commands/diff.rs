//! `diff`: what changed between two plans.

use serde_json::json;

use crate::{
    app::{output::Outcome, session, world::World},
    base::{digest::Digest, reason::Result},
    cli::args::DiffArgs,
    plan::{SealedPlan, diff::diff},
};

pub(super) fn run(args: &DiffArgs, world: &World) -> Result<Outcome> {
    let (old, new) = (load(&args.old, world)?, load(&args.new, world)?);
    let changes = diff(old.plan(), new.plan());
    let decision = if changes.is_empty() {
        "same"
    } else if changes.widens() {
        "widened"
    } else {
        "changed"
    };
    Ok(Outcome::done(json!(changes), changes.to_string()).decision(decision).about(new.digest().to_string()))
}

/// Loads a plan: from a file without any repository, by digest from the ledger.
pub(super) fn load(named: &str, world: &World) -> Result<SealedPlan> {
    if named.parse::<Digest>().is_err() {
        return session::plan_file(world, named);
    }
    let session = session::Session::open(world)?;
    let (policy, _) = session.policy()?;
    session.plan(named, world, &policy)
}

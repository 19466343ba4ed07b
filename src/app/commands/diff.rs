//! `diff`: what changed between two plans.

use serde_json::json;

use crate::{
    app::{
        named_plan::NamedPlan,
        output::Outcome,
        session::{Session, plan_file},
        world::World,
    },
    base::reason::Result,
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
    let found = match NamedPlan::find(named, world) {
        NamedPlan::File(bytes) => return plan_file(bytes?, named),
        recorded @ NamedPlan::Recorded(_) => recorded,
    };
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    session.named_plan(found, named, world, &policy)
}

//! `bundle`: everything about a plan in one file.

use serde_json::json;

use crate::{
    app::{bundle, files, output::Outcome, session::Session, world::World},
    base::{digest::Digest, reason::Result, text::visible},
    cli::args::BundleArgs,
};

pub(super) fn run(args: &BundleArgs, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let mut ledger = session.entries(world.now())?;
    let bytes = bundle::make(&session, &mut ledger, &plan, world)?;
    files::write(&world.cwd.join(&args.out), &bytes)?;
    let path = args.out.display().to_string();
    let result = json!({ "bundlePath": path, "bundleDigest": Digest::of(&bytes), "planDigest": plan.digest(), "bytes": bytes.len() });
    let path = visible(&path);
    let text = format!("{path}: {} bytes\nnext: countersign verify --bundle {path} --offline\n", bytes.len());
    Ok(Outcome::done(result, text).about(plan.digest().to_string()))
}

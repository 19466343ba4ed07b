//! `bundle`: everything about a plan in one file.

use serde_json::json;

use crate::{
    app::{bundle, output::Outcome, outputs, session::Session, world::World},
    base::{digest::Digest, reason::Result, shell},
    cli::{args::BundleArgs, outputs::is_stdout},
};

pub(super) fn run(args: &BundleArgs, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let mut ledger = session.entries(world.now())?;
    let bytes = bundle::make(&session, &mut ledger, &plan, world)?;
    outputs::write(&args.out, &bytes, world)?;
    let path = args.out.display().to_string();
    let result = json!({ "bundlePath": path, "bundleDigest": Digest::of(&bytes), "planDigest": plan.digest(), "bytes": bytes.len() });
    let kept = if is_stdout(&args.out) { "FILE".to_owned() } else { shell::path(&args.out) };
    let text = format!(
        "{}: {} bytes\nnext: countersign verify --bundle {kept} --offline\n",
        outputs::shown(&args.out),
        bytes.len()
    );
    Ok(Outcome::done(result, text).about(plan.digest().to_string()))
}

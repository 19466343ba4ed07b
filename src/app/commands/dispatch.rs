//! `dispatch`: starts a workflow on the forge, as whom the token stands for.
//!
//! It gives no rights to what it starts: the run that begins is one more that plans, asks and verifies.

use serde_json::json;

use super::plan::parse_inputs;
use crate::{
    app::{forge, output::Outcome, session::Session, world::World},
    base::{reason::Result, text::visible},
    cli::args::DispatchArgs,
    forge::reasons::{DENIED, MISSING},
};

pub(super) fn run(args: &DispatchArgs, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let inputs = parse_inputs(&args.input)?;
    let forge = forge::need(&session, world)?;
    let reference = match &args.branch {
        None => session.root.document().base_ref.clone(),
        Some(name) if name.starts_with("refs/") => name.clone(),
        Some(name) => format!("refs/heads/{name}"),
    };
    let pairs: Vec<(&str, &str)> = inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let started = forge.dispatch(&args.workflow, &reference, &pairs).map_err(|refusal| {
        if refusal.is(DENIED) || refusal.is(MISSING) {
            return refusal
                .hint("the token needs `actions: write`, and the default branch a workflow of that name with `workflow_dispatch`");
        }
        refusal
    })?;
    let (run, url) = (started.as_ref().map(|run| run.id), started.as_ref().map(|run| run.url.clone()));
    let place = match &started {
        Some(run) => format!("run {}: {}", run.id, visible(&run.url)),
        None => "the forge does not say which run that is: see its list of runs".to_owned(),
    };
    let text = format!("started {} at {}\n  {place}\n", visible(&args.workflow), visible(&reference));
    let result = json!({ "workflow": args.workflow, "ref": reference, "workflowRun": run, "url": url });
    Ok(Outcome::done(result, text).decision("started").about(args.workflow.clone()))
}

//! `render`: the view of a plan.

use serde_json::json;

use super::diff::load;
use crate::{
    app::{
        conversation::asks,
        output::{Outcome, Printer},
        outputs,
        planning::Artifacts,
        session::Session,
        situation::decide,
        world::World,
    },
    base::reason::Result,
    cli::args::{RenderArgs, ViewFormat},
    plan::{
        SealedPlan,
        view::{RENDERER, View},
    },
    policy::Purpose,
    report::comment::{Channel, PlanComment, Standing},
};

pub(super) fn run(args: &RenderArgs, world: &World, printer: &Printer) -> Result<Outcome> {
    let plan = load(&args.plan, world)?;
    let view = View::new(plan.plan(), plan.digest());
    let text = match args.format {
        ViewFormat::Terminal => view.terminal(printer.style().color),
        ViewFormat::Markdown => view.markdown(),
        ViewFormat::Json => view.json()?,
        ViewFormat::Html => view.html(),
        ViewFormat::Comment => comment(&view, &plan, world)?,
        ViewFormat::Asked => asked(&args.plan, &plan, world)?,
    };
    let mut result = json!({
        "plan": plan.digest(),
        "view": view.digest(),
        "renderer": RENDERER,
    });
    let shown = match &args.out {
        Some(out) => {
            outputs::write(out, text.as_bytes(), world)?;
            result["viewPath"] = json!(out.display().to_string());
            format!("view of {} written to {}\n", plan.digest(), outputs::shown(out))
        }
        None => {
            result["content"] = json!(text);
            text
        }
    };
    Ok(Outcome::done(result, shown).about(plan.digest().to_string()))
}

/// What was asked and answered for a plan, whole, with every character that could mislead written out.
fn asked(named: &str, plan: &SealedPlan, world: &World) -> Result<String> {
    let file = world.cwd.join(named);
    let artifacts = match Artifacts::are_beside(&file) {
        true => Artifacts::read_beside(&file, plan.plan())?,
        false => {
            let ledger = Session::open(world)?.entries(world.now())?;
            Artifacts::read_with(plan.plan(), |digest| ledger.object(digest))?
        }
    };
    let text = artifacts.shown(plan.plan());
    if text.is_empty() { Ok("nobody was asked: the steps are the directive's own\n".to_owned()) } else { Ok(text) }
}

/// The comment as it would be posted first: nobody has agreed yet, and no plan was approved before.
fn comment(view: &View, plan: &SealedPlan, world: &World) -> Result<String> {
    let (policy, _) = Session::open(world)?.policy()?;
    let decision = decide(&policy, plan, world.now(), Purpose::Review);
    let rendered = PlanComment {
        view,
        standing: &Standing::of(&decision, None, None),
        asks: &asks(plan, &decision, None),
        since: None,
        page: None,
        channel: Channel::GitHub,
    };
    Ok(rendered.render().body)
}

//! `render`: the view of a plan.

use serde_json::json;

use super::diff::load;
use crate::{
    app::{
        files,
        output::{Outcome, Printer},
        world::World,
    },
    base::reason::Result,
    cli::args::{RenderArgs, ViewFormat},
    plan::view::{RENDERER, View},
};

pub(super) fn run(args: &RenderArgs, world: &World, printer: &Printer) -> Result<Outcome> {
    let plan = load(&args.plan, world)?;
    let view = View::new(plan.plan(), plan.digest());
    let text = match args.format {
        ViewFormat::Terminal => view.terminal(printer.style().color),
        ViewFormat::Markdown => view.markdown(),
        ViewFormat::Json => view.json()?,
        ViewFormat::Html => view.html(),
    };
    let mut result = json!({
        "plan": plan.digest(),
        "view": view.digest(),
        "renderer": RENDERER,
    });
    let shown = match &args.out {
        Some(out) => {
            files::write(&world.cwd.join(out), text.as_bytes())?;
            result["viewPath"] = json!(out.display().to_string());
            format!("view of {} written to {}\n", plan.digest(), out.display())
        }
        None => {
            result["content"] = json!(text);
            text
        }
    };
    Ok(Outcome::done(result, shown).about(plan.digest().to_string()))
}

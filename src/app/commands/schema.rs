//! `schema`: the JSON Schema of a format.

use serde_json::json;

use crate::{
    app::{output::Outcome, reasons::SCHEMA_UNKNOWN, schema},
    base::{
        diagnostic::nearest,
        reason::{Refusal, Result},
    },
    cli::args::SchemaArgs,
};

pub(super) fn run(args: &SchemaArgs) -> Result<Outcome> {
    let all = schema::all();
    let Some(name) = &args.name else {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        return Ok(Outcome::done(json!(names), format!("{}\n", names.join("\n"))));
    };
    let Some((_, found)) = all.iter().find(|(known, _)| known == name) else {
        let refusal = Refusal::new(SCHEMA_UNKNOWN, format!("`{}`", crate::base::text::excerpt(name)));
        let near = nearest(name, all.iter().map(|(name, _)| *name)).map(|near| format!("did you mean `{near}`?"));
        return Err(near.into_iter().fold(refusal, Refusal::hint));
    };
    Ok(Outcome::done(json!(found), schema::text(found)))
}

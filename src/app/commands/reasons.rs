//! `reasons`: every reason code, or one of them explained.

use serde_json::{Value, json};

use crate::{
    app::{
        output::Outcome,
        reasons::{REASON_UNKNOWN, all},
    },
    base::{
        diagnostic::nearest,
        reason::{Reason, Refusal, Result},
    },
    cli::args::ReasonsArgs,
};

pub(super) fn run(args: &ReasonsArgs) -> Result<Outcome> {
    let Some(code) = &args.code else {
        let text: String = all()
            .iter()
            .map(|reason| format!("{:<28} {:>2}  {}\n", reason.code, reason.class.code(), reason.summary))
            .collect();
        return Ok(Outcome::done(json!(all().iter().map(shown).collect::<Vec<_>>()), text));
    };
    let Some(reason) = all().into_iter().find(|reason| reason.code == code) else {
        let refusal = Refusal::new(REASON_UNKNOWN, format!("`{}`", crate::base::text::excerpt(code)));
        let near = nearest(code, all().iter().map(|reason| reason.code)).map(|near| format!("did you mean `{near}`?"));
        return Err(near.into_iter().fold(refusal, Refusal::hint));
    };
    let text =
        format!("{}\n  exit code {}\n  {}\n  {}\n", reason.code, reason.class.code(), reason.summary, reason.hint);
    Ok(Outcome::done(shown(&reason), text))
}

fn shown(reason: &Reason) -> Value {
    json!({ "code": reason.code, "exitCode": reason.class.code(), "summary": reason.summary, "hint": reason.hint })
}

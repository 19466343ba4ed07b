//! Work by people that the trust root does not know.

use crate::review::{Check, Context, Findings, Level};

/// Finds plans of work under addresses that belong to nobody in the trust root.
#[derive(Debug)]
pub struct UnknownAuthors;

impl Check for UnknownAuthors {
    fn id(&self) -> &'static str {
        "unknown-authors"
    }

    fn summary(&self) -> &'static str {
        "work under addresses that belong to nobody in the trust root"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        let strangers = context.plan.subject.strangers;
        if strangers > 0 {
            let message =
                "made by somebody whom the trust root does not know: whether that is an approver cannot be told";
            findings.plan(Level::Warning, message, &format!("{strangers} addresses of authors"));
        }
    }
}

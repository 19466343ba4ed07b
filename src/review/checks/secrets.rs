//! Which secrets are used.

use crate::review::{Check, Context, Findings, Level, walk};

/// Lists the secrets that steps get, and where they could leave.
#[derive(Debug)]
pub struct Secrets;

impl Check for Secrets {
    fn id(&self) -> &'static str {
        "secrets"
    }

    fn summary(&self) -> &'static str {
        "secrets that steps get, and whether the same program may use the network or runs code it is handed"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for run in walk::runs(step) {
                for secret in &run.secrets {
                    let (level, message) = if !run.network.is_empty() {
                        (Level::Warning, "gets a secret and may use the network")
                    } else if run.program.interpreter {
                        (Level::Warning, "gets a secret and runs code it is handed")
                    } else {
                        (Level::Note, "gets a secret")
                    };
                    findings.step(level, &step.id, message, secret);
                }
            }
        }
    }
}

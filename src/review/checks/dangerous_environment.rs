//! Variables that steer programs.

use crate::review::{Check, Context, Findings, Level, programs, walk};

/// Finds variables that change what a program runs, loads or trusts (C-04).
#[derive(Debug)]
pub struct DangerousEnvironment;

impl Check for DangerousEnvironment {
    fn id(&self) -> &'static str {
        "dangerous-environment"
    }

    fn summary(&self) -> &'static str {
        "variables that change what a program runs, loads or trusts"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for run in walk::runs(step) {
                let names = run.env.keys().chain(&run.secrets);
                for name in names.filter(|name| programs::is_dangerous_variable(name)) {
                    findings.step(Level::Warning, &step.id, "a variable steers the program", name);
                }
            }
        }
    }
}

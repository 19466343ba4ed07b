//! How much there is to read.

use crate::review::{Check, Context, Findings, Level};

/// Finds plans too large to be read with care (C-33).
#[derive(Debug)]
pub struct PlanSize;

impl Check for PlanSize {
    fn id(&self) -> &'static str {
        "plan-size"
    }

    fn summary(&self) -> &'static str {
        "plans too large to be read with care"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        const STEPS: usize = 30;
        const SCRIPT_LINES: usize = 1_000;
        let steps = context.plan.steps.len();
        if steps > STEPS {
            findings.plan(Level::Warning, format!("more than {STEPS} steps"), &steps.to_string());
        }
        let lines: usize = context.plan.scripts.iter().map(|script| script.content.lines().count()).sum();
        if lines > SCRIPT_LINES {
            findings.plan(Level::Warning, format!("more than {SCRIPT_LINES} lines of scripts"), &lines.to_string());
        }
    }
}

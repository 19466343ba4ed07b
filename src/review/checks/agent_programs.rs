//! Agents as programs.

use crate::review::{Check, Context, Findings, Level, programs, walk};

/// Finds agents' command lines among the programs (D-12).
#[derive(Debug)]
pub struct AgentPrograms;

impl Check for AgentPrograms {
    fn id(&self) -> &'static str {
        "agent-programs"
    }

    fn summary(&self) -> &'static str {
        "agents' command lines among the programs"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for run in walk::runs(step) {
                if programs::is_agent(&run.program.path) || programs::is_agent(run.program.name.as_str()) {
                    findings.step(Level::Alarm, &step.id, "runs an agent's command line", &run.program.path);
                }
            }
        }
    }
}

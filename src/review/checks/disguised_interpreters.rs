//! Shells in disguise.

use crate::{
    plan::git_arguments::git_escape,
    review::{Check, Context, Findings, Level, programs, walk},
};

/// Finds shells in disguise: interpreters not marked so, and git arguments that run programs (C-02).
#[derive(Debug)]
pub struct DisguisedInterpreters;

impl Check for DisguisedInterpreters {
    fn id(&self) -> &'static str {
        "disguised-interpreters"
    }

    fn summary(&self) -> &'static str {
        "programs that run code they are handed and are not marked so, and arguments that make git one of them"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for run in walk::runs(step) {
                let program = &run.program;
                let known = programs::is_interpreter(&program.path) || programs::is_interpreter(program.name.as_str());
                if known && !program.interpreter {
                    findings.step(Level::Alarm, &step.id, "an interpreter is not marked as one", &program.path);
                }
                if let Some(argument) = git_escape(run) {
                    findings.step(Level::Alarm, &step.id, "an argument makes git run other programs", argument);
                }
            }
        }
    }
}

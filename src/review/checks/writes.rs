//! What changes in the repository.

use crate::{
    plan::model::Action,
    review::{Check, Context, Findings, Level},
};

/// Lists what each step may write, commit and tag.
#[derive(Debug)]
pub struct Writes;

impl Check for Writes {
    fn id(&self) -> &'static str {
        "writes"
    }

    fn summary(&self) -> &'static str {
        "what each step may write, commit and tag"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for action in step.every_action() {
                match action {
                    Action::Run(run) => {
                        for path in &run.writes {
                            findings.step(Level::Note, &step.id, "a program may write here", path.as_str());
                        }
                    }
                    Action::Write(write) if write.executable => {
                        findings.step(Level::Warning, &step.id, "writes a file that may be run", write.path.as_str());
                    }
                    Action::Write(write) => {
                        findings.step(Level::Note, &step.id, "writes a file", write.path.as_str());
                    }
                    Action::Copy(copy) => findings.step(Level::Note, &step.id, "copies a file", copy.to.as_str()),
                    Action::Patch(patch) => {
                        findings.step(Level::Note, &step.id, "changes a file", patch.path.as_str());
                    }
                    Action::Commit(commit) => {
                        let paths: Vec<&str> = commit.paths.iter().map(|path| path.as_str()).collect();
                        findings.step(Level::Note, &step.id, "commits files", &paths.join(", "));
                    }
                    Action::Tag(tag) => findings.step(Level::Note, &step.id, "makes a tag", &tag.name),
                }
            }
        }
    }
}

//! Reads outside the sources.

use crate::{
    plan::model::Run,
    review::{Check, Context, Findings, Level, walk},
};

/// Lists what programs may read outside the repository, and reads of git's own folder.
#[derive(Debug)]
pub struct SystemReads;

impl Check for SystemReads {
    fn id(&self) -> &'static str {
        "system-reads"
    }

    fn summary(&self) -> &'static str {
        "what programs may read outside the repository, and in git's own folder"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for run in walk::runs(step) {
                for path in &run.system_reads {
                    let level = if is_private(path) { Level::Alarm } else { Level::Note };
                    findings.step(level, &step.id, "reads outside the repository", path);
                }
                if reads_git(run) {
                    findings.step(Level::Note, &step.id, "reads the history", ".git");
                }
            }
        }
    }
}

fn is_private(path: &str) -> bool {
    const PRIVATE: [&str; 9] =
        ["/root", "/home", "/proc", "/sys", "/dev", "/run", "/etc/ssh", "/etc/shadow", "/var/run"];
    path == "/"
        || path == "/etc"
        || PRIVATE.iter().any(|p| path.strip_prefix(p).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn reads_git(run: &Run) -> bool {
    run.reads.iter().any(|read| read.path.as_str() == ".git" || read.path.as_str().starts_with(".git/"))
}

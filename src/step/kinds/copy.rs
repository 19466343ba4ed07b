//! `copy`: copies a file inside the repository.

use crate::{
    base::{digest::Digest, reason::Result},
    plan::model::Action,
    step::{Context, Kind, Touch, Work, foreign, workspace::Placing},
};

/// Copies a file whose digest the plan states.
#[derive(Debug)]
pub(super) struct Copy;

impl Kind for Copy {
    fn word(&self) -> &'static str {
        "copy"
    }

    fn summary(&self) -> &'static str {
        "copies a file inside the repository"
    }

    fn target(&self, action: &Action) -> String {
        match action {
            Action::Copy(copy) => copy.to.to_string(),
            _ => String::new(),
        }
    }

    fn touch(&self, action: &Action) -> Touch {
        match action {
            Action::Copy(copy) => {
                Touch { reads: vec![copy.from.clone()], writes: vec![copy.to.clone()], repository: false }
            }
            _ => Touch::default(),
        }
    }

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>, acted: &mut bool) -> Result<Work<'a>> {
        let Action::Copy(copy) = action else { return Err(foreign(self, action)) };
        let (content, executable) = context.workspace.read_checked(&copy.from)?;
        context.workspace.place(&copy.to, &content, Placing { executable, replace: copy.replace }, acted)?;
        Ok(Work::Done(Some(Digest::of(&content))))
    }
}

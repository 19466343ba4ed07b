//! `write`: writes a file with the content that stands in the plan.

use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
    },
    plan::model::Action,
    step::{Context, Kind, Touch, Work, foreign, reasons::CONTENT_DRIFT, workspace::Placing},
};

/// Writes a file, whole and at once.
#[derive(Debug)]
pub(super) struct Write;

impl Kind for Write {
    fn word(&self) -> &'static str {
        "write"
    }

    fn summary(&self) -> &'static str {
        "writes a file with the content that stands in the plan"
    }

    fn target(&self, action: &Action) -> String {
        match action {
            Action::Write(write) => write.path.to_string(),
            _ => String::new(),
        }
    }

    fn touch(&self, action: &Action) -> Touch {
        match action {
            Action::Write(write) => Touch { writes: vec![write.path.clone()], ..Touch::default() },
            _ => Touch::default(),
        }
    }

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>, acted: &mut bool) -> Result<Work<'a>> {
        let Action::Write(write) = action else { return Err(foreign(self, action)) };
        let digest = Digest::of(write.content.as_bytes());
        if digest != write.content_digest {
            return Err(Refusal::new(CONTENT_DRIFT, format!("the content of `{}` is {digest}", write.path)));
        }
        let placing = Placing { executable: write.executable, replace: write.replace };
        context.workspace.place(&write.path, write.content.as_bytes(), placing, acted)?;
        Ok(Work::Done(Some(digest)))
    }
}

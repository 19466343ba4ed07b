//! `patch`: replaces exact text in a file, exactly as often as the plan says.

use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
    },
    plan::model::{Action, Read},
    step::{Context, Kind, Touch, Work, foreign, reasons::PATCH_MISMATCH, workspace::Placing},
};

/// Replaces exact text in a file.
#[derive(Debug)]
pub(super) struct Patch;

impl Kind for Patch {
    fn word(&self) -> &'static str {
        "patch"
    }

    fn summary(&self) -> &'static str {
        "replaces exact text in a file, exactly as often as the plan says"
    }

    fn target(&self, action: &Action) -> String {
        match action {
            Action::Patch(patch) => patch.path.to_string(),
            _ => String::new(),
        }
    }

    fn touch(&self, action: &Action) -> Touch {
        match action {
            Action::Patch(patch) => Touch { writes: vec![patch.path.clone()], ..Touch::default() },
            _ => Touch::default(),
        }
    }

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>, acted: &mut bool) -> Result<Work<'a>> {
        let Action::Patch(patch) = action else { return Err(foreign(self, action)) };
        let mismatch = |why: String| Err(Refusal::new(PATCH_MISMATCH, why).subject(patch.path.as_str()));
        let (content, executable) = context.workspace.read_checked(&Read::new(patch.path.clone()))?;
        let Ok(text) = String::from_utf8(content) else {
            return mismatch(format!("`{}` is not UTF-8 text", patch.path));
        };
        let found = if patch.find.is_empty() { 0 } else { text.matches(&patch.find).count() };
        if found == 0 || u32::try_from(found) != Ok(patch.count) {
            return mismatch(format!("the text is {found} times in `{}`, the plan says {}", patch.path, patch.count));
        }
        let text = text.replace(&patch.find, &patch.replace);
        context.workspace.place(&patch.path, text.as_bytes(), Placing { executable, replace: true }, acted)?;
        Ok(Work::Done(Some(Digest::of(text.as_bytes()))))
    }
}

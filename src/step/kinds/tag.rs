//! `tag`: makes an annotated tag on the current commit; a tag that exists is never moved.

use git2::{ErrorCode, Reference};

use super::commit::{digest_of_object, failed, open, signature};
use crate::{
    base::reason::{Refusal, Result},
    plan::model::Action,
    step::{
        Context, Kind, Touch, Work,
        reasons::{TAG_EXISTS, TAG_NAME},
    },
};

/// Makes an annotated tag.
#[derive(Debug)]
pub(super) struct Tag;

impl Kind for Tag {
    fn word(&self) -> &'static str {
        "tag"
    }

    fn summary(&self) -> &'static str {
        "makes an annotated tag on the current commit"
    }

    fn handles(&self, action: &Action) -> bool {
        matches!(action, Action::Tag(_))
    }

    fn target(&self, action: &Action) -> String {
        match action {
            Action::Tag(tag) => tag.name.clone(),
            _ => String::new(),
        }
    }

    fn touch(&self, action: &Action) -> Touch {
        match action {
            Action::Tag(_) => Touch { repository: true, ..Touch::default() },
            _ => Touch::default(),
        }
    }

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>) -> Result<Work<'a>> {
        let Action::Tag(tag) = action else { return Ok(Work::Done(None)) };
        if tag.name.starts_with('-') || !Reference::is_valid_name(&format!("refs/tags/{}", tag.name)) {
            return Err(Refusal::new(TAG_NAME, format!("`{}`", tag.name)).subject(&tag.name));
        }
        let repository = open(context)?;
        let head = repository.head().and_then(|head| head.peel_to_commit()).map_err(|e| failed(&e))?;
        let who = signature(context)?;
        let made = repository.tag(&tag.name, head.as_object(), &who, &tag.message, false).map_err(|e| {
            if e.code() == ErrorCode::Exists {
                Refusal::new(TAG_EXISTS, format!("`{}` is there already", tag.name)).subject(&tag.name)
            } else {
                failed(&e)
            }
        })?;
        Ok(Work::Done(Some(digest_of_object(&repository, made)?)))
    }
}

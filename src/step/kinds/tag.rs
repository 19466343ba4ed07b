//! `tag`: makes an annotated tag on the current commit; a tag that exists is never moved.

use git2::{ErrorCode, Reference};

use super::commit::{digest_of_object, failed, may_have_moved, open, signature, unwritten};
use crate::{
    base::reason::{Refusal, Result},
    plan::model::Action,
    step::{
        Context, Kind, Touch, Work, foreign,
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

    fn act<'a>(&self, action: &'a Action, context: &Context<'_>, acted: &mut bool) -> Result<Work<'a>> {
        let Action::Tag(tag) = action else { return Err(foreign(self, action)) };
        let reference = format!("refs/tags/{}", tag.name);
        if tag.name.starts_with('-') || !Reference::is_valid_name(&reference) {
            return Err(Refusal::new(TAG_NAME, format!("`{}`", tag.name)).subject(&tag.name));
        }
        let repository = open(context)?;
        let head = repository.head().map_err(|e| failed(&e))?;
        let who = signature(context)?;
        let made = repository
            .raw()
            .tag_annotation_create(&tag.name, head.as_object(), &who, &tag.message)
            .map_err(|e| unwritten(repository.objects().folder(), "the tag", &e))?;
        let digest = digest_of_object(&repository, made)?;
        if let Err(e) = repository.raw().reference(&reference, made, false, "tag") {
            *acted |= may_have_moved(&repository, &reference, None, &e);
            return Err(match e.code() {
                ErrorCode::Exists => Refusal::new(TAG_EXISTS, format!("`{}` is there already", tag.name)),
                _ => unwritten(repository.raw().commondir(), &format!("`{reference}`"), &e),
            }
            .subject(&tag.name));
        }
        *acted = true;
        Ok(Work::Done(Some(digest)))
    }
}

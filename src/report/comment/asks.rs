//! How people say yes: one paragraph for each way that a plan's gate accepts.

use super::page::{Link, Page, Piece::*};
use crate::{
    approval::command::Command,
    base::{digest::Digest, ident::Id},
};

/// A way to agree to a plan that counts for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// By a comment.
    Comment,
    /// By a review of the change request at this commit.
    Review {
        /// Full id of the head commit that the plan is bound to.
        head: &'a str,
    },
    /// By releasing the job that waits at an environment.
    Environment {
        /// The environment.
        name: &'a Id,
        /// The page of the run that waits.
        run: Option<&'a Link>,
    },
    /// By a key, on a machine of one's own.
    Key,
}

/// Writes what to do to agree, the ways that work from a phone as the caller orders them.
pub(super) fn ask(page: &mut Page, plan: Digest, ways: &[Ask<'_>]) {
    for way in ways {
        match way {
            Ask::Comment => {
                page.paragraph(&[Bold("To agree"), Own(", post this line as a comment:")]);
                page.paste(&Command::Approve { plan });
            }
            Ask::Review { head } => {
                page.paragraph(&[Bold("To agree"), Own(", approve the change in a review, at commit "), Code(head)]);
            }
            Ask::Environment { name, run } => {
                let mut words = vec![Bold("To agree"), Own(", release the environment "), Code(name.as_str())];
                if let Some(run) = run {
                    words.extend([Own(" on "), Link("the page of the run", run)]);
                }
                page.paragraph(&words);
            }
            Ask::Key => {
                page.paragraph(&[Bold("To agree"), Own(" with a key, on a machine of your own:")]);
                page.shell(&[format!("countersign approve {plan}")]);
            }
        }
    }
}

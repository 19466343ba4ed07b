//! The first line of each of our comments, which no reader sees: what the comment is.

use std::fmt;

use crate::base::ident::Id;

/// What a comment of ours is; it only helps to find the comment again and says nothing of any state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// The plan of a directive.
    Plan(Id),
    /// What came of the plan of a directive.
    Result(Id),
    /// The answer to the comment of this id.
    Reply(u64),
    /// The text of a change request that we opened for a directive.
    Request(Id),
}

impl Marker {
    /// Tells whether a text begins with exactly this marker.
    #[must_use]
    pub fn begins(&self, body: &str) -> bool {
        body.lines().next().is_some_and(|line| line == self.to_string())
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(directive) => write!(f, "<!-- countersign:plan:{directive}:v1 -->"),
            Self::Result(directive) => write!(f, "<!-- countersign:result:{directive}:v1 -->"),
            Self::Request(directive) => write!(f, "<!-- countersign:request:{directive}:v1 -->"),
            Self::Reply(comment) => write!(f, "<!-- countersign:reply:{comment}:v1 -->"),
        }
    }
}

//! What must be there before a plan may run: a tree of people, roles, methods and numbers.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::{digest::Digest, ident::Id, method::Method, time::Timestamp};

/// What must be there before a plan may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Every part.
    AllOf(Vec<Requirement>),
    /// At least one part.
    AnyOf(Vec<Requirement>),
    /// At least `k` parts.
    KOf {
        /// How many parts.
        k: u32,
        /// The parts.
        of: Vec<Requirement>,
    },
    /// People.
    Leaf(Leaf),
}

/// A number of distinct people, and who they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// How many, at least 1.
    pub people: u32,
    /// Each has at least one of these roles; none means any.
    pub roles: BTreeSet<Id>,
    /// Each used one of these methods of people; none means any of them.
    pub methods: BTreeSet<Method>,
    /// Whether the author may be one of them.
    pub separation: Separation,
    /// For how long an approval counts, in seconds.
    pub within_seconds: i64,
    /// Principals that never count: the policy's agents.
    pub barred: BTreeSet<u64>,
}

/// Separation of duties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Separation {
    /// Who wrote, planned or asked for the plan does not count.
    Strict,
    /// They count: the lower tier, for people who work alone.
    None,
}

impl Separation {
    /// Every kind, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 2] = [("strict", Self::Strict), ("none", Self::None)];
}

/// One approval that has been verified already: by whom, with which key, how, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The person, by the trust root's number.
    pub principal: u64,
    /// SHA-256 of the public key.
    pub key: Digest,
    /// The roles that the trust root gives the person.
    pub roles: BTreeSet<Id>,
    /// How the approval was given; one by [`Method::Policy`] is no person's and never counts.
    pub method: Method,
    /// When, by the ledger's time.
    pub approved_at: Timestamp,
    /// Whether the person wrote, planned or asked for the plan.
    pub is_author: bool,
}

/// Why a candidate was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SetAside {
    /// A policy's approval is no person's.
    Policy,
    /// The policy lists the principal as an agent.
    Agent,
    /// The person wrote, planned or asked for the plan.
    Author,
    /// The person has none of the roles.
    Role,
    /// The method is none of those asked for.
    Method,
    /// The approval is older than it may be.
    TooOld,
    /// The approval is from the future.
    NotYet,
    /// The person, or the key, is counted already.
    Again,
}

/// A principal that was not counted, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uncounted {
    /// The principal.
    pub principal: u64,
    /// Why.
    pub why: SetAside,
}

/// What a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RequirementKind {
    /// All of its parts must be met.
    AllOf,
    /// One of its parts must be met.
    AnyOf,
    /// A number of its parts must be met.
    KOf,
    /// A number of people must agree; it has no parts.
    People,
}

/// How far a requirement is met; also the frozen form that `--json` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequirementStatus {
    /// What the requirement is.
    pub kind: RequirementKind,
    /// What it asks for, in words.
    pub asks: String,
    /// Whether it is met.
    pub satisfied: bool,
    /// How many parts or people there are.
    pub have: u32,
    /// How many parts or people there must be.
    pub need: u32,
    /// The principals that count.
    pub counted: Vec<u64>,
    /// The principals that do not, with the reason.
    pub set_aside: Vec<Uncounted>,
    /// The parts.
    pub parts: Vec<RequirementStatus>,
}

impl Leaf {
    /// Says in words what it asks for.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = if self.people == 1 { "1 person".to_owned() } else { format!("{} people", self.people) };
        if !self.roles.is_empty() {
            let roles: Vec<&str> = self.roles.iter().map(Id::as_str).collect();
            words.push_str(&format!(" with role {}", roles.join(" or ")));
        }
        if !self.methods.is_empty() {
            let methods: Vec<&str> = self.methods.iter().map(|method| method.word()).collect();
            words.push_str(&format!(" by {}", methods.join(" or ")));
        }
        if self.separation == Separation::Strict {
            words.push_str(", none of them the author");
        }
        words.push_str(&format!(", within {}", span(self.within_seconds)));
        words
    }
}

/// Says a length of time in the largest unit that divides it, as the policy file would.
fn span(seconds: i64) -> String {
    match seconds {
        s if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

impl Requirement {
    /// Says in words what it asks for.
    #[must_use]
    pub fn words(&self) -> String {
        let join = |parts: &[Self], with: &str| parts.iter().map(Self::words).collect::<Vec<_>>().join(with);
        match self {
            Self::AllOf(parts) => format!("all of ({})", join(parts, "; ")),
            Self::AnyOf(parts) => format!("any of ({})", join(parts, "; ")),
            Self::KOf { k, of } => format!("{k} of ({})", join(of, "; ")),
            Self::Leaf(leaf) => leaf.words(),
        }
    }

    /// Returns the methods by which somebody can help to meet it.
    #[must_use]
    pub fn methods(&self) -> BTreeSet<Method> {
        match self {
            Self::AllOf(parts) | Self::AnyOf(parts) | Self::KOf { of: parts, .. } => {
                parts.iter().flat_map(Self::methods).collect()
            }
            Self::Leaf(leaf) if leaf.methods.is_empty() => {
                Method::OF_PEOPLE.into_iter().map(|(_, method)| method).collect()
            }
            Self::Leaf(leaf) => leaf.methods.clone(),
        }
    }

    /// Leaves only the methods that a directive's gate accepts; no gate changes nothing.
    ///
    /// Returns `None` where so many leaves are left without any method that nothing could meet it.
    #[must_use]
    pub fn limited_to(self, gate: &[Method]) -> Option<Self> {
        if gate.is_empty() {
            return Some(self);
        }
        let left = |parts: Vec<Self>| parts.into_iter().filter_map(|part| part.limited_to(gate)).collect::<Vec<_>>();
        Some(match self {
            Self::AllOf(parts) => {
                let whole = parts.len();
                Some(left(parts)).filter(|left| left.len() == whole).map(Self::AllOf)?
            }
            Self::AnyOf(parts) => Some(left(parts)).filter(|left| !left.is_empty()).map(Self::AnyOf)?,
            Self::KOf { k, of } => {
                let of = left(of);
                let enough = u32::try_from(of.len()).is_ok_and(|parts| parts >= k);
                enough.then_some(Self::KOf { k, of })?
            }
            Self::Leaf(mut leaf) => {
                let own = leaf.methods;
                let accepted = |method: &Method| method.is_of_people() && (own.is_empty() || own.contains(method));
                leaf.methods = gate.iter().copied().filter(accepted).collect();
                if leaf.methods.is_empty() {
                    return None;
                }
                Self::Leaf(leaf)
            }
        })
    }
}

//! What is over, remembered by name alone.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use super::{fingerprint::Fingerprints, layered::Layered, standing::Standing};
use crate::base::{digest::Digest, ident::Id};

/// Plans that are over, their approvals and runs, and tokens that were used: as much as refuses what may not follow.
///
/// Of each fact there is a fingerprint and nothing else. Facts only ever come to it.
#[derive(Clone, Default)]
pub(super) struct Past {
    names: Fingerprints,
    facts: Layered<HashSet<u128>>,
    /// Approvals, each with the fact that would take it back together with its plan.
    approvals: Layered<HashMap<u128, u128>>,
}

/// What can be remembered of a name.
#[derive(Clone, Copy, Hash)]
pub(super) enum Fact<'a> {
    /// A token let a claim in.
    Token(&'a Digest),
    /// A run is over, and so is its plan.
    Run(&'a Id),
    /// A plan was carried out, and none of its approvals lets another run begin.
    Spent(&'a Digest),
    /// A plan came to another end.
    Lapsed(&'a Digest),
    /// A plan that came to another end had been carried out before.
    Completed(&'a Digest),
    /// A plan was rejected.
    Rejected(&'a Digest),
    /// A plan was revoked, with all its approvals.
    Revoked(&'a Digest),
    /// Another plan took a plan's place.
    Superseded(&'a Digest),
    /// An approval was revoked by itself.
    Withdrawn(&'a Digest),
}

impl Past {
    /// Remembers a fact.
    pub(super) fn add(&mut self, fact: Fact<'_>) {
        let fact = self.names.of(fact);
        self.facts.grow().insert(fact);
    }

    /// Remembers an approval of a plan.
    pub(super) fn add_approval(&mut self, id: &Digest, plan: &Digest) {
        let (id, revoked) = (self.names.of(id), self.names.of(Fact::Revoked(plan)));
        self.approvals.grow().insert(id, revoked);
    }

    /// Tells whether a fact is remembered.
    pub(super) fn holds(&self, fact: Fact<'_>) -> bool {
        self.facts.contains(self.names.of(fact))
    }

    /// Tells whether an approval is one of a plan that is over.
    pub(super) fn knows_approval(&self, id: &Digest) -> bool {
        self.revoking(id).is_some()
    }

    /// Tells whether an approval of a plan that is over was taken back, by itself or with its plan.
    pub(super) fn is_withdrawn(&self, id: &Digest) -> bool {
        self.holds(Fact::Withdrawn(id)) || self.revoking(id).is_some_and(|revoked| self.facts.contains(revoked))
    }

    /// Returns how a plan that is over stands; `None` where it is not one that is remembered here.
    pub(super) fn standing(&self, plan: &Digest) -> Option<Standing> {
        let spent = self.holds(Fact::Spent(plan));
        (spent || self.holds(Fact::Lapsed(plan))).then(|| Standing {
            completed: spent || self.holds(Fact::Completed(plan)),
            spent,
            running: false,
            rejected: self.holds(Fact::Rejected(plan)),
            revoked: self.holds(Fact::Revoked(plan)),
            superseded: self.holds(Fact::Superseded(plan)),
            expires: None,
        })
    }

    fn revoking(&self, id: &Digest) -> Option<u128> {
        let id = self.names.of(id);
        self.approvals.layers().iter().find_map(|layer| layer.get(&id)).copied()
    }

    /// Makes one layer of two, where no copy shares the lower.
    pub(super) fn settle(&mut self) {
        self.facts.grow();
        self.approvals.grow();
    }
}

/// Shows how much is remembered: the fingerprints differ in every process.
impl fmt::Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts: usize = self.facts.layers().iter().map(|layer| layer.len()).sum();
        let approvals: usize = self.approvals.layers().iter().map(|layer| layer.len()).sum();
        f.debug_struct("Past").field("facts", &facts).field("approvals", &approvals).finish()
    }
}

//! What the door looks at: everything observed and loaded just now, as plain values.

use std::collections::BTreeSet;

use super::issue::Tracked;
use crate::{
    approval::{
        ApprovalStatus, Ground, Recorded,
        status::{Jobs, Need, Scales, weigh},
    },
    base::{
        digest::Digest,
        ident::Id,
        reason::{REPLAY_CONSUMED, Refusal, Result},
        time::Timestamp,
    },
    facts::Facts,
    ledger::state::{ApprovalState, State},
    plan::{SealedPlan, model::Plan, view::RENDERER},
    policy::{Decision, Outcome, Policy},
    sign::{TrustRoot, predicate::LedgerHead, schemes::oidc::Verified},
};

/// Proof that every step of a plan is what its pipeline at the base expands to.
#[derive(Clone, Debug)]
pub enum Conformance {
    /// The plan of this digest conforms to the definitions at this commit.
    Conforms {
        /// SHA-256 of the plan.
        plan: Digest,
        /// Full id of the commit.
        base_sha: String,
    },
    /// A step deviates; which, and how.
    Deviates(String),
}

/// What shows which CI job runs.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nothing: no token was asked for.
    NotShown,
    /// A token was asked for, and could not be had or does not hold.
    Refused(Refusal),
    /// A token that holds.
    Shown(Box<Shown>),
}

/// A token of the job that runs, and what was observed beside it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The token's claims.
    pub token: Verified,
    /// Commits of those that the token names which lie in the history of the base.
    pub in_base: BTreeSet<String>,
    /// What the environment says of the job; compared with the claims and never used.
    pub said: Vec<Said>,
    /// Ids of keys that the trust root lets vouch for jobs without a key, and that the issuer lists no more.
    pub gone: BTreeSet<String>,
}

/// One variable of the environment that says who the job is.
#[derive(Clone, Debug)]
pub struct Said {
    /// Name of the variable.
    pub variable: &'static str,
    /// The claim that proves it.
    pub claim: &'static str,
    /// What it says.
    pub value: String,
}

/// Why the door is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To begin a run.
    Start,
    /// To go on with a run that stopped.
    Resume(Id),
    /// To run some steps of a run that another process has claimed and that goes on meanwhile.
    Join {
        /// The run.
        run: Id,
        /// The steps.
        steps: BTreeSet<Id>,
    },
}

/// What the ledger says, as far as the door asks.
pub struct Chain<'a> {
    /// The replayed ledger, of which the whole chain was just verified.
    pub state: &'a State,
    /// Refuses a head that does not stand in the chain.
    pub must_contain: &'a dyn Fn(&LedgerHead) -> Result<()>,
    /// When the last entry was appended.
    pub last_at: Timestamp,
}

/// Everything that the checks look at.
pub struct Case<'a> {
    /// SHA-256 that the caller was told the plan has, where it was told one.
    pub named: Option<Digest>,
    /// The trust root, loaded from its pin.
    pub root: &'a TrustRoot,
    /// The policy at the base.
    pub policy: &'a Policy,
    /// What that policy decides about executing the plan now.
    pub decision: &'a Decision,
    /// What was just observed.
    pub facts: &'a Facts,
    /// Tracked files that differ from the head commit.
    pub modified: &'a [String],
    /// Files where the plan reads that no commit holds; its steps cannot read them.
    pub left_out: &'a [String],
    /// Present commits that the resumed run itself made, by full id; empty for a new run.
    pub own_commits: &'a BTreeSet<String>,
    /// Commits in the history of the base from which came the workflows of jobs that signed without a key; absent
    /// where there is no repository to ask, as in an audit.
    pub in_base: Option<&'a BTreeSet<String>>,
    /// Whether the steps are what the pipelines expand to.
    pub conformance: &'a Conformance,
    /// The ledger.
    pub chain: Chain<'a>,
    /// What shows which CI job runs.
    pub identity: &'a Identity,
    /// The issue that the plan is made for, where its directive asks for one.
    pub tracked: Option<&'a Tracked>,
    /// Why the door is asked.
    pub purpose: Purpose,
    /// The present second, by a clock that does not go back behind the ledger.
    pub now: Timestamp,
}

impl Case<'_> {
    /// Weighs the approvals that the ledger holds for a plan.
    pub(super) fn weigh(&self, plan: &SealedPlan) -> ApprovalStatus {
        let begun = self.facts_when_begun(plan);
        let ground = self.ground(plan, begun.as_ref().unwrap_or(self.facts));
        let recorded: Vec<Recorded> = self
            .chain
            .state
            .approvals_of(&plan.digest())
            .filter(|approval| self.concerns(approval))
            .filter_map(|approval| self.recorded(approval))
            .collect();
        let need = match self.decision.outcome() {
            Outcome::Permit => Need::Policy,
            Outcome::NeedsApproval(requirement) => Need::People(requirement),
            Outcome::Deny => Need::Denied,
        };
        let authors = authors(plan.plan(), plan.digest(), self.facts, self.root, self.chain.state);
        let scales = Scales {
            ground: &ground,
            need,
            root: self.root,
            authors: &authors,
            lifetime: self.policy.limits().approval_lifetime,
            gates: self.policy.gates(),
            jobs: Jobs { in_base: self.in_base, gone: self.gone() },
            now: self.now,
        };
        weigh(&scales, &recorded)
    }

    /// Says what helps where the approvals of a plan are used up: it is approved again where it is not over.
    pub(super) fn after_use(&self, plan: &SealedPlan) -> &'static str {
        match self.chain.state.can_run_no_more(&plan.digest(), self.now) {
            true => "make a new plan: this one is over",
            false => "have the plan approved anew",
        }
    }

    fn gone(&self) -> Option<&BTreeSet<String>> {
        match self.identity {
            Identity::Shown(shown) => Some(&shown.gone),
            Identity::NotShown | Identity::Refused(_) => None,
        }
    }

    /// Tells whether a present commit is one that the resumed run itself made.
    pub(super) fn made(&self, commit: &str) -> bool {
        matches!(self.purpose, Purpose::Resume(_)) && self.own_commits.contains(commit)
    }

    /// A run's own commits move the head; the approvals that it lives on are for what was there when it was begun.
    fn facts_when_begun(&self, plan: &SealedPlan) -> Option<Facts> {
        let planned = &plan.plan().subject;
        let here = self.facts;
        // Somebody else's commits nobody agreed to: they stay what they are, and differ.
        let fits = |planned: &str, here: &str| planned == here || self.made(here);
        let own = fits(&planned.head_sha, &here.head_sha) && fits(&planned.base_sha, &here.base_sha);
        let moved = self.made(&here.head_sha) || self.made(&here.base_sha);
        (own && moved).then(|| Facts {
            head_sha: planned.head_sha.clone(),
            base_sha: planned.base_sha.clone(),
            tree_digest: planned.tree_digest,
            ..self.facts.clone()
        })
    }

    fn ground<'a>(&'a self, plan: &'a SealedPlan, facts: &'a Facts) -> Ground<'a> {
        Ground {
            plan: plan.plan(),
            digest: plan.digest(),
            view: plan.view_digest(),
            renderer: RENDERER,
            policy: self.policy.digest(),
            trust_root: self.root.digest(),
            trust_root_version: self.root.document().version,
            facts,
        }
    }

    /// A resumed run lives on the approvals it holds; a new run on any.
    fn concerns(&self, approval: &ApprovalState) -> bool {
        match &self.purpose {
            Purpose::Start => true,
            Purpose::Resume(run) | Purpose::Join { run, .. } => approval.uses.contains(run),
        }
    }

    /// An approval whose signatures nobody verified is none.
    fn recorded(&self, approval: &ApprovalState) -> Option<Recorded> {
        let state = self.chain.state;
        let proven = approval.approval.proven()?;
        let payload = proven.payload_digest();
        let used = match &self.purpose {
            Purpose::Resume(_) | Purpose::Join { .. } => 0,
            Purpose::Start => match state.check_usable(&payload, self.now) {
                Err(refusal) if refusal.is(REPLAY_CONSUMED) => u32::MAX,
                _ => u32::try_from(approval.uses.len()).unwrap_or(u32::MAX),
            },
        };
        Some(Recorded {
            approval: proven.clone(),
            recorded_at: approval.at,
            uses: used,
            revoked: state.check_not_revoked(&payload).is_err(),
        })
    }
}

/// Returns the principals who had a hand in a plan: who asked for it, who recorded it, who committed, whose work it is made of.
#[must_use]
pub fn authors(plan: &Plan, digest: Digest, facts: &Facts, root: &TrustRoot, state: &State) -> BTreeSet<u64> {
    let mut authors = BTreeSet::from([plan.planner.requested_by.id]);
    authors.extend(state.plan(&digest).map(|known| known.record.requested_by.id));
    authors.extend(&plan.subject.authors);
    authors.extend(facts.contributors.iter().filter_map(|email| root.principal_of_email(email)).map(|who| who.id));
    authors.extend(facts.forge.iter().flat_map(|observed| observed.people.iter().copied()));
    authors
}

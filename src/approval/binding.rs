//! What an approval binds, recomputed by everybody who needs it.

use crate::{
    base::{digest::Digest, ident::Id},
    facts::Facts,
    plan::model::Plan,
    sign::predicate::{Binding, LedgerHead},
};

/// Everything an approval of a plan must name, as it is here and now.
#[derive(Clone, Debug)]
pub struct Ground<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// SHA-256 of the plan's bytes.
    pub digest: Digest,
    /// SHA-256 of the view, rendered here.
    pub view: Digest,
    /// Version of the renderer.
    pub renderer: &'static str,
    /// SHA-256 of the policy's bytes at the base.
    pub policy: Digest,
    /// SHA-256 of the trust root.
    pub trust_root: Digest,
    /// Version of the trust root.
    pub trust_root_version: u64,
    /// What was just observed.
    pub facts: &'a Facts,
}

impl Ground<'_> {
    /// Returns the binding of an approval given here and now.
    #[must_use]
    pub fn bind(&self, ledger: LedgerHead) -> Binding {
        Binding {
            host: self.facts.host.clone(),
            repo_id: self.facts.repo_id.clone(),
            owner_id: self.facts.owner_id.clone(),
            change_request: self.facts.change_request,
            base_ref: self.facts.base_ref.clone(),
            base_sha: self.facts.base_sha.clone(),
            head_sha: self.facts.head_sha.clone(),
            tree_digest: self.facts.tree_digest,
            directive: self.plan.directive.digest,
            plan: self.digest,
            view: self.view,
            renderer: self.renderer.to_owned(),
            policy: self.policy,
            trust_root: self.trust_root,
            trust_root_version: self.trust_root_version,
            environment: self.plan.environment.clone(),
            ledger,
        }
    }

    /// Returns the first field in which a binding differs from the present, or `None`.
    ///
    /// The ledger's head is compared with the chain itself, not here.
    #[must_use]
    pub fn difference(&self, given: &Binding) -> Option<Field> {
        let now = self.bind(given.ledger.clone());
        let environment = |id: &Option<Id>| id.as_ref().map(|id| id.as_str().to_owned());
        // Identity first: an approval for something else is a graver matter than a stale one.
        let fields = [
            (Field::Plan, given.plan == now.plan),
            (Field::Host, given.host == now.host),
            (Field::Repository, given.repo_id == now.repo_id),
            (Field::Owner, given.owner_id == now.owner_id),
            (Field::ChangeRequest, given.change_request == now.change_request),
            (Field::Environment, environment(&given.environment) == environment(&now.environment)),
            (Field::Directive, given.directive == now.directive),
            (Field::BaseRef, given.base_ref == now.base_ref),
            (Field::Head, given.head_sha == now.head_sha),
            (Field::Base, given.base_sha == now.base_sha),
            (Field::Tree, given.tree_digest == now.tree_digest),
            (Field::Policy, given.policy == now.policy),
            (
                Field::TrustRoot,
                given.trust_root == now.trust_root && given.trust_root_version == now.trust_root_version,
            ),
            (Field::View, given.view == now.view && given.renderer == now.renderer),
        ];
        fields.into_iter().find_map(|(field, same)| (!same).then_some(field))
    }
}

/// A field of the binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The plan's digest.
    Plan,
    /// The host.
    Host,
    /// The repository's id.
    Repository,
    /// The owner's id.
    Owner,
    /// The change request.
    ChangeRequest,
    /// The environment.
    Environment,
    /// The directive's digest.
    Directive,
    /// The base's name.
    BaseRef,
    /// The head commit.
    Head,
    /// The base commit.
    Base,
    /// The manifest of guardrails and the head's tree.
    Tree,
    /// The policy's digest.
    Policy,
    /// The trust root.
    TrustRoot,
    /// The view, or the renderer that made it.
    View,
}

impl Field {
    /// Returns the words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Host => "host",
            Self::Repository => "repository",
            Self::Owner => "owner",
            Self::ChangeRequest => "change request",
            Self::Environment => "environment",
            Self::Directive => "directive",
            Self::BaseRef => "base branch",
            Self::Head => "head commit",
            Self::Base => "base commit",
            Self::Tree => "guardrails or tree",
            Self::Policy => "policy",
            Self::TrustRoot => "trust root",
            Self::View => "view",
        }
    }
}

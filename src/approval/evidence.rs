//! Whether the platform's record, on which an approval stands, is enough and still there.

use super::{binding::Field, invalidate::Invalidation};
use crate::{
    facts::{
        account::Account,
        change_request::{Review, ReviewState},
        environment::{Environment, RunApprovalState},
        observed::Observed,
    },
    policy::Gates,
    sign::{
        evidence::{CommentEvidence, EnvironmentEvidence, Evidence, ReviewEvidence},
        predicate::Approval,
    },
};

type Judged = std::result::Result<(), Invalidation>;

/// Judges the evidence of an approval by itself, and against what the forge says now.
///
/// Without the forge's word, as long after in an audit, what the gate signed is what counts; the door never
/// asks without it.
pub(super) fn judge(
    evidence: &Evidence,
    approval: &Approval,
    gates: &Gates,
    observed: Option<&Observed>,
) -> std::result::Result<(), Invalidation> {
    if evidence.method() != approval.method {
        return Err(Invalidation::Impostor);
    }
    if evidence.permission() < gates.permission {
        return Err(Invalidation::Permission(evidence.permission()));
    }
    match evidence {
        Evidence::Comment(comment) => by_comment(comment, approval, observed),
        Evidence::Review(review) => by_review(review, approval, observed),
        Evidence::Environment(release) => by_environment(release, approval, gates, observed),
    }
}

fn by_comment(evidence: &CommentEvidence, approval: &Approval, observed: Option<&Observed>) -> Judged {
    if approval.binding.change_request.is_some_and(|number| number != evidence.number) {
        return Err(Invalidation::Differs(Field::ChangeRequest));
    }
    let Some(observed) = observed else { return Ok(()) };
    let stands = observed
        .comments
        .get(&evidence.id)
        .is_some_and(|now| now.untouched && now.body == evidence.body && is(&now.author, approval));
    stands.then_some(()).ok_or(Invalidation::EvidenceGone("comment"))
}

fn by_review(evidence: &ReviewEvidence, approval: &Approval, observed: Option<&Observed>) -> Judged {
    if approval.binding.change_request != Some(evidence.number) {
        return Err(Invalidation::Differs(Field::ChangeRequest));
    }
    if evidence.commit != approval.binding.head_sha {
        return Err(Invalidation::Differs(Field::Head));
    }
    let Some(observed) = observed else { return Ok(()) };
    let stands = newest_word(&observed.reviews, approval.approver.id).is_some_and(|review| {
        review.id == evidence.id
            && review.state == ReviewState::Approved
            && review.commit.as_ref() == Some(&evidence.commit)
            && is(&review.author, approval)
    });
    stands.then_some(()).ok_or(Invalidation::EvidenceGone("review"))
}

fn by_environment(
    evidence: &EnvironmentEvidence,
    approval: &Approval,
    gates: &Gates,
    observed: Option<&Observed>,
) -> Judged {
    if approval.binding.environment.as_ref().map(crate::base::ident::Id::as_str) != Some(evidence.name.as_str()) {
        return Err(Invalidation::Differs(Field::Environment));
    }
    if gates.digest_in_release && !evidence.digest_named {
        return Err(Invalidation::DigestUnnamed);
    }
    let protected = evidence.reviewers >= 1
        && evidence.prevents_self_review
        && !evidence.admins_bypass
        && evidence.branches_limited;
    if !protected {
        return Err(Invalidation::Unprotected);
    }
    let Some(observed) = observed else { return Ok(()) };
    if !observed.environment.as_ref().is_some_and(|now| now.id == evidence.id && is_protected(now)) {
        return Err(Invalidation::Unprotected);
    }
    if !observed.run.as_ref().is_some_and(|run| run.id == evidence.run && run.attempt == evidence.attempt) {
        return Err(Invalidation::OtherRun);
    }
    let about = |ids: &[(u64, String)]| ids.iter().any(|(id, name)| *id == evidence.id && *name == evidence.name);
    let mut decisions = observed.releases.iter().filter(|decision| about(&decision.environments)).peekable();
    let nothing_against =
        decisions.peek().is_some() && decisions.clone().all(|d| d.state == RunApprovalState::Approved);
    let stands = nothing_against && decisions.any(|decision| is(&decision.by, approval));
    stands.then_some(()).ok_or(Invalidation::EvidenceGone("release of the environment"))
}

/// Tells whether an environment is a gate at all: somebody else must release the run, nobody passes by,
/// and not every branch may ask.
#[must_use]
pub fn is_protected(environment: &Environment) -> bool {
    !environment.reviewers.is_empty()
        && environment.prevents_self_review
        && !environment.admins_bypass
        && environment.branches.is_some()
}

/// Returns the newest review of an account that says yes, no, or was dismissed; comments say neither.
#[must_use]
pub fn newest_word(reviews: &[Review], account: u64) -> Option<&Review> {
    let says = |review: &&Review| {
        matches!(review.state, ReviewState::Approved | ReviewState::ChangesRequested | ReviewState::Dismissed)
    };
    reviews
        .iter()
        .filter(|review| review.author.id == account)
        .filter(says)
        .max_by_key(|review| (review.submitted_at, review.id))
}

/// Tells whether an account is the approver that a statement names, and may stand for a person.
fn is(account: &Account, approval: &Approval) -> bool {
    account.id == approval.approver.id && account.is_person()
}

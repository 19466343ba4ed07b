//! Turning what people decided on the forge into hands that sign for them.

use super::{
    forge::{Asking, run},
    session::Session,
    signer::{self, Hand},
};
use crate::{
    approval::{
        evidence::{is_protected, newest_word},
        reasons::{
            APPROVAL_EVIDENCE, APPROVAL_NONE, APPROVAL_UNBOUND, APPROVER_NOT_PERSON, APPROVER_PERMISSION,
            APPROVER_UNKNOWN, GATE_UNPROTECTED,
        },
    },
    base::{
        digest::Digest,
        permission::Permission,
        reason::{Reason, Refusal, Result},
        text::visible,
    },
    cli::args::SignerArgs,
    facts::{
        account::Account,
        change_request::{Comment, ReviewState},
        environment::RunApprovalState,
    },
    forge::Forge,
    plan::SealedPlan,
    policy::Policy,
    sign::{
        Duty,
        evidence::{CommentEvidence, EnvironmentEvidence, Evidence, ReviewEvidence},
        trust::{Principal, PrincipalKind},
    },
};

/// A gate at work on one plan: it reads the forge's records, and holds the key that signs for people.
pub(crate) struct Gate<'a> {
    pub(crate) asking: Asking<'a>,
    pub(crate) session: &'a Session,
    pub(crate) policy: &'a Policy,
    pub(crate) signer: &'a SignerArgs,
}

impl Gate<'_> {
    /// Returns the hand of who wrote a comment; the comment must have been fetched, not taken from an event.
    ///
    /// # Errors
    /// `approval.evidence_gone` where somebody edited it, `approver.*`, `forge.*`.
    pub(crate) fn by_comment(&self, comment: &Comment) -> Result<Hand> {
        let person = self.person(&comment.author)?;
        check_untouched(self.asking, comment)?;
        let permission = self.permission(&comment.author)?;
        let evidence = Evidence::Comment(CommentEvidence {
            id: comment.id,
            number: comment.number,
            created_at: comment.created_at,
            body: comment.body_digest(),
            permission,
            observed_at: self.asking.world.now(),
        });
        Ok(self.key()?.speaking_for(person, evidence, comment.body.clone().into_bytes()))
    }

    /// Returns the hands of everybody whose newest word is an approving review of exactly the plan's head.
    ///
    /// # Errors
    /// `approval.none` where there is nobody, `approver.*`, `forge.*`.
    pub(crate) fn by_reviews(&self, plan: &SealedPlan) -> Result<Vec<Hand>> {
        let subject = &plan.plan().subject;
        let number = subject.change_request.ok_or_else(|| {
            Refusal::new(APPROVAL_NONE, "the plan is for no change request, so nobody can review one")
        })?;
        let reviews = self.asking.forge.reviews(number)?;
        let mut hands = Vec::new();
        for person in self.session.root.document().principals.iter().filter(|who| who.kind == PrincipalKind::Person) {
            let Some(review) = newest_word(&reviews, person.id) else { continue };
            let fits = review.state == ReviewState::Approved && review.commit.as_ref() == Some(&subject.head_sha);
            let (true, Some(submitted_at)) = (fits && review.author.is_person(), review.submitted_at) else { continue };
            let evidence = Evidence::Review(ReviewEvidence {
                id: review.id,
                number,
                commit: subject.head_sha.clone(),
                submitted_at,
                body: Digest::of(review.body.as_bytes()),
                permission: self.permission(&review.author)?,
                observed_at: self.asking.world.now(),
            });
            hands.push(self.key()?.speaking_for(person.clone(), evidence, review.body.clone().into_bytes()));
        }
        if hands.is_empty() {
            let what = format!("nobody of the trust root approved {} in a review", subject.head_sha);
            return Err(Refusal::new(APPROVAL_NONE, what));
        }
        Ok(hands)
    }

    /// Returns the hand of who released this very job from the plan's environment.
    ///
    /// # Errors
    /// `gate.unprotected`, `approval.none` where nobody did, `approval.unbound`, `approver.*`, `forge.*`.
    pub(crate) fn by_environment(&self, plan: &SealedPlan) -> Result<Hand> {
        let name = plan.plan().environment.as_ref().ok_or_else(|| {
            Refusal::new(GATE_UNPROTECTED, "the plan is for no environment").hint("name one in the directive")
        })?;
        let environment = self.asking.forge.environment(name.as_str())?;
        if environment.name != name.as_str() || !is_protected(&environment) {
            return Err(Refusal::new(GATE_UNPROTECTED, format!("the environment `{name}`")).subject(name.to_string()));
        }
        let run = run(self.asking.forge, self.session, self.asking.world)?.ok_or_else(|| {
            Refusal::new(APPROVAL_NONE, "this is no job of a run that could have waited at an environment")
        })?;
        let about =
            |ids: &[(u64, String)]| ids.iter().any(|(id, named)| *id == environment.id && named == name.as_str());
        let decisions = self.asking.forge.run_approvals(run.id)?;
        let mut decisions = decisions.iter().filter(|decision| about(&decision.environments)).peekable();
        let Some(release) = decisions.peek().copied() else {
            let what = format!("run {} has no record of anybody who released it for `{name}`", run.id);
            return Err(Refusal::new(APPROVAL_NONE, what));
        };
        if decisions.any(|decision| decision.state != RunApprovalState::Approved) {
            return Err(Refusal::new(APPROVAL_NONE, format!("somebody held run {} back from `{name}`", run.id)));
        }
        let digest_named = names(&release.comment, plan.digest());
        if self.policy.gates().digest_in_release && !digest_named {
            return Err(Refusal::new(APPROVAL_UNBOUND, format!("what {} wrote", visible(&release.by.login)))
                .subject(plan.digest().to_string()));
        }
        let person = self.person(&release.by)?;
        let evidence = Evidence::Environment(EnvironmentEvidence {
            id: environment.id,
            name: environment.name.clone(),
            run: run.id,
            attempt: run.attempt,
            comment: Digest::of(release.comment.as_bytes()),
            digest_named,
            reviewers: u32::try_from(environment.reviewers.len()).unwrap_or(u32::MAX),
            prevents_self_review: environment.prevents_self_review,
            admins_bypass: environment.admins_bypass,
            branches_limited: environment.branches.is_some(),
            permission: self.permission(&release.by)?,
            observed_at: self.asking.world.now(),
        });
        Ok(self.key()?.speaking_for(person, evidence, release.comment.clone().into_bytes()))
    }

    /// Returns the person of the trust root behind an account.
    fn person(&self, account: &Account) -> Result<Principal> {
        let shown = visible(&account.login);
        if !account.is_person() {
            return Err(Refusal::new(APPROVER_NOT_PERSON, format!("{shown} ({})", account.id)));
        }
        match self.session.root.principal(account.id) {
            Some(person) if person.kind == PrincipalKind::Person => Ok(person.clone()),
            Some(_) => Err(Refusal::new(APPROVER_NOT_PERSON, format!("{shown} ({})", account.id))),
            None => Err(Refusal::new(APPROVER_UNKNOWN, format!("{shown} ({}) is not in the trust root", account.id))
                .hint("ask for a change of the trust root: `countersign keys enrol`")),
        }
    }

    /// Returns what an account may do, which must be enough.
    fn permission(&self, account: &Account) -> Result<Permission> {
        enough(self.asking.forge, account, self.policy.gates().permission, APPROVER_PERMISSION)
    }

    fn key(&self) -> Result<Hand> {
        signer::find(self.signer, &[Duty::Gate], self.session, self.asking.world)
    }
}

/// Returns what an account may do in the repository, where the policy asks for no more.
///
/// # Errors
/// `reason`, about the account, where it may do less than `least`; `forge.*`.
pub(crate) fn enough(forge: &dyn Forge, account: &Account, least: Permission, reason: Reason) -> Result<Permission> {
    let had = forge.permission(account)?;
    if had < least {
        let what = format!("{} may `{}`, the policy asks for `{}`", visible(&account.login), had.word(), least.word());
        return Err(Refusal::new(reason, what).subject(account.id.to_string()));
    }
    Ok(had)
}

/// Refuses a comment that does not stand as its author wrote it, by hand.
///
/// # Errors
/// `approval.evidence_gone`, about the comment; `forge.*`.
pub(crate) fn check_untouched(asking: Asking<'_>, comment: &Comment) -> Result<()> {
    if is_untouched(asking, comment)? {
        return Ok(());
    }
    Err(Refusal::new(APPROVAL_EVIDENCE, "the comment was edited, or written through an app")
        .subject(comment.id.to_string())
        .hint("write it again, as a new comment"))
}

/// Tells whether a comment stands as its author wrote it, by hand.
pub(crate) fn is_untouched(asking: Asking<'_>, comment: &Comment) -> Result<bool> {
    Ok(comment.created_at == comment.updated_at
        && !comment.via_app
        && asking.forge.edit_history(comment)?.is_untouched())
}

/// Tells whether a text names this plan in full, and no other.
fn names(text: &str, plan: Digest) -> bool {
    let mut named =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':')).filter(|word| word.starts_with("sha256:"));
    let whole = plan.to_string();
    named.next() == Some(whole.as_str()) && named.all(|other| other == whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a08_a24_words_name_a_plan_in_full_or_not_at_all() {
        let plan = Digest::of(b"plan");
        let whole = plan.to_string();
        for good in [whole.clone(), format!("ok: {whole}."), format!("`{whole}`\n{whole}")] {
            assert!(names(&good, plan), "{good}");
        }
        let other = Digest::of(b"other");
        for bad in [
            String::new(),
            "approved".to_owned(),
            whole[..20].to_owned(),
            whole[..whole.len() - 1].to_owned(),
            format!("{whole}0"),
            whole.to_uppercase(),
            whole.replace("sha256:", ""),
            other.to_string(),
            format!("{whole} {other}"),
        ] {
            assert!(!names(&bad, plan), "{bad}");
        }
    }
}

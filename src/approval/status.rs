//! Whether there are enough approvals, derived by one pure function and never stored.

use std::collections::BTreeSet;

use super::{
    binding::Ground,
    evidence,
    invalidate::Invalidation,
    reasons::{APPROVAL_NONE, APPROVAL_NOT_ASKED, APPROVAL_PENDING},
};
use crate::{
    base::{
        digest::Digest,
        method::Method,
        reason::{Refusal, Result},
        text::excerpt,
        time::{SKEW, Timestamp},
    },
    policy::{Candidate, Gates, Requirement, RequirementStatus, requirement as policy},
    sign::{
        Duty, TrustRoot, Verified,
        predicate::Approval,
        reasons::{KEY_REVOKED, KEY_VALIDITY, OIDC_KEY_UNKNOWN},
        schemes::Scheme,
        trust::{Key, Principal, PrincipalKind},
        workload::Vouched,
    },
};

/// An approval as the ledger holds it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The statement; its signature was verified at the time it was recorded.
    pub approval: Verified<Approval>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// How many other runs have used it.
    pub uses: u32,
    /// Whether it, its plan's approvals or its key were revoked.
    pub revoked: bool,
}

/// What the policy asks for.
#[derive(Clone, Copy, Debug)]
pub enum Need<'a> {
    /// The policy permits the plan by itself: its own signed approval is enough.
    Policy,
    /// People.
    People(&'a Requirement),
    /// The policy denies the plan: nobody is asked, and nothing is enough.
    Denied,
}

/// What was observed of jobs that signed without a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jobs<'a> {
    /// Commits of their workflows that lie in the history of the base; absent where nobody could be asked.
    pub in_base: Option<&'a BTreeSet<String>>,
    /// Ids of keys that vouched and that their issuer lists no more; absent where it was not asked.
    pub gone: Option<&'a BTreeSet<String>>,
}

/// Where approvals are weighed: what they must be for, and what is asked.
#[derive(Clone, Copy, Debug)]
pub struct Scales<'a> {
    /// What an approval must name.
    pub ground: &'a Ground<'a>,
    /// What the policy asks for.
    pub need: Need<'a>,
    /// The trust root.
    pub root: &'a TrustRoot,
    /// Principals who had a hand in the plan.
    pub authors: &'a BTreeSet<u64>,
    /// The longest an approval may be valid, in seconds.
    pub lifetime: i64,
    /// What the policy asks of the forge's records.
    pub gates: &'a Gates,
    /// What was observed of jobs that signed without a key.
    pub jobs: Jobs<'a>,
    /// The present second.
    pub now: Timestamp,
}

impl Jobs<'_> {
    /// Judges a job that signed without a key by what was observed; what its token says was judged when it was read.
    pub(super) fn judge(self, vouched: &Vouched) -> Result<()> {
        if let Some(in_base) = self.in_base {
            vouched.job.check_commits(in_base)?;
        }
        match self.gone {
            Some(gone) if gone.contains(&vouched.key) => {
                Err(Refusal::new(OIDC_KEY_UNKNOWN, format!("the key `{}` vouched", excerpt(&vouched.key)))
                    .subject(vouched.key.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// SHA-256 of its payload.
    pub payload: Digest,
    /// Login of the approver, for display.
    pub login: String,
    /// How it was given.
    pub method: Method,
    /// Until when it holds.
    pub expires: Timestamp,
}

/// An approval that does not count, and why.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// SHA-256 of its payload.
    pub payload: Digest,
    /// Login of the approver, for display.
    pub login: String,
    /// Why.
    pub why: Invalidation,
}

/// How the approvals of a plan stand.
#[derive(Clone, Debug)]
pub struct ApprovalStatus {
    /// Those that count.
    pub counted: Vec<Counted>,
    /// Those that do not.
    pub set_aside: Vec<SetAside>,
    /// How far the policy's requirement is met, where it asks for people.
    pub progress: Option<RequirementStatus>,
    plan: Digest,
    enough: bool,
    denied: bool,
}

/// Enough approvals, of exactly this plan.
///
/// ```compile_fail
/// use countersign::{approval::Grant, base::digest::Digest};
/// let forged = Grant { plan: Digest::of(b""), approvals: Vec::new() };
/// ```
#[derive(Clone, Debug)]
pub struct Grant {
    plan: Digest,
    approvals: Vec<Digest>,
}

impl Grant {
    /// Returns SHA-256 of the plan.
    #[must_use]
    pub fn plan(&self) -> Digest {
        self.plan
    }

    /// Returns the approvals that a claim uses up, by SHA-256 of their payloads; at least one.
    #[must_use]
    pub fn approvals(&self) -> &[Digest] {
        &self.approvals
    }
}

impl ApprovalStatus {
    /// Returns the grant, where there are enough approvals.
    ///
    /// # Errors
    /// `approval.not_asked` where the policy denies the plan, `approval.none` and `approval.pending`, or the reason of the only approval that was given and
    /// does not count.
    pub fn grant(&self) -> Result<Grant> {
        if self.enough {
            let approvals = self.counted.iter().map(|counted| counted.payload).collect();
            return Ok(Grant { plan: self.plan, approvals });
        }
        if self.denied {
            return Err(Refusal::new(APPROVAL_NOT_ASKED, "not asked: denied"));
        }
        let missing = self.progress.as_ref().map(|progress| format!("needed: {}", progress.asks));
        match (self.counted.is_empty(), self.set_aside.as_slice()) {
            (true, [.., newest]) => {
                let refusal = Refusal::new(
                    newest.why.reason(),
                    format!("the approval of {} does not count: {}", newest.login, newest.why.sentence()),
                );
                Err(missing.into_iter().fold(refusal.subject(newest.payload.to_string()), Refusal::hint))
            }
            (true, []) => {
                Err(Refusal::new(APPROVAL_NONE, missing.unwrap_or_else(|| "nothing was approved".to_owned())))
            }
            (false, _) => Err(Refusal::new(
                APPROVAL_PENDING,
                format!("{} given; {}", self.counted.len(), missing.unwrap_or_default()),
            )),
        }
    }
}

/// Weighs approvals.
#[must_use]
pub fn weigh(scales: &Scales<'_>, recorded: &[Recorded]) -> ApprovalStatus {
    let (mut counted, mut set_aside, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
    for item in recorded {
        let approval = item.approval.predicate();
        let payload = item.approval.payload_digest();
        match judge(scales, item) {
            Ok(candidate) => {
                counted.push(Counted {
                    payload,
                    login: approval.approver.login.clone(),
                    method: approval.method,
                    expires: approval.expires,
                });
                candidates.push(candidate);
            }
            Err(why) => set_aside.push(SetAside { payload, login: approval.approver.login.clone(), why }),
        }
    }
    let (progress, enough) = match scales.need {
        Need::Policy => (None, !candidates.is_empty()),
        Need::Denied => (None, false),
        Need::People(requirement) => {
            let progress = requirement.status(&candidates, scales.now);
            // What the requirement does not count neither uses up nor proves anything.
            let mut kept = Vec::new();
            for (entry, candidate) in counted.drain(..).zip(&candidates) {
                if requirement.counts(candidate, &progress, scales.now) {
                    kept.push(entry);
                } else {
                    let why = objection(&progress, candidate.principal);
                    set_aside.push(SetAside { payload: entry.payload, login: entry.login, why });
                }
            }
            counted = kept;
            let enough = progress.satisfied && !counted.is_empty();
            (Some(progress), enough)
        }
    };
    ApprovalStatus {
        counted,
        set_aside,
        progress,
        plan: scales.ground.digest,
        enough,
        denied: matches!(scales.need, Need::Denied),
    }
}

/// Tells why one person's approval would not count towards a requirement; `None` where it would.
#[must_use]
pub fn would_not_count(requirement: &Requirement, candidate: &Candidate, now: Timestamp) -> Option<Invalidation> {
    let progress = requirement.status(std::slice::from_ref(candidate), now);
    (!progress.counted.contains(&candidate.principal)).then(|| objection(&progress, candidate.principal))
}

/// Says why the requirement does not count a person: what its parts say, the most telling first.
fn objection(progress: &RequirementStatus, principal: u64) -> Invalidation {
    fn collect(progress: &RequirementStatus, principal: u64, found: &mut Vec<policy::SetAside>) {
        found.extend(progress.set_aside.iter().filter(|other| other.principal == principal).map(|other| other.why));
        progress.parts.iter().for_each(|part| collect(part, principal, found));
    }
    let mut found = Vec::new();
    collect(progress, principal, &mut found);
    found.sort_unstable();
    match found.first() {
        Some(policy::SetAside::Agent) => Invalidation::Agent,
        Some(policy::SetAside::Author) => Invalidation::SelfApproval,
        Some(policy::SetAside::Role) => Invalidation::Role,
        Some(policy::SetAside::TooOld) => Invalidation::TooOld,
        Some(policy::SetAside::Again) => Invalidation::Again,
        Some(policy::SetAside::Policy | policy::SetAside::Method | policy::SetAside::NotYet) | None => {
            Invalidation::Method
        }
    }
}

fn judge(scales: &Scales<'_>, item: &Recorded) -> std::result::Result<Candidate, Invalidation> {
    let approval = item.approval.predicate();
    if let Some(field) = scales.ground.difference(&approval.binding) {
        return Err(Invalidation::Differs(field));
    }
    item.approval.check_subjects(&approval.binding.subjects()).map_err(Invalidation::Signature)?;
    let holder = holder(scales, item)?;
    check_login(scales, holder.principal)?;
    if !approval.scope.allows(approval.max_uses) {
        return Err(Invalidation::Uses);
    }
    if item.revoked {
        return Err(Invalidation::Revoked);
    }
    if scales.now >= approval.expires {
        return Err(Invalidation::Expired(approval.expires));
    }
    if scales.now.plus(SKEW) < approval.not_before || scales.now.plus(SKEW) < approval.approved_at {
        return Err(Invalidation::NotYet(approval.not_before.max(approval.approved_at)));
    }
    let longest = scales.lifetime.min(scales.root.document().expires.since(approval.approved_at));
    if approval.expires.since(approval.approved_at) > longest {
        return Err(Invalidation::TooLong);
    }
    if item.uses >= approval.max_uses {
        return Err(Invalidation::UsedUp);
    }
    let gate = &scales.ground.plan.gate;
    let by_policy = approval.method == Method::Policy;
    if by_policy && matches!(scales.need, Need::People(_)) {
        return Err(Invalidation::PolicyMayNot);
    }
    if !gate.is_empty() && !gate.contains(&approval.method) {
        return Err(Invalidation::Method);
    }
    Ok(Candidate {
        principal: holder.principal.id,
        key: holder.key,
        roles: holder.principal.roles.iter().cloned().collect(),
        method: approval.method,
        approved_at: item.recorded_at,
        is_author: scales.authors.contains(&holder.principal.id),
    })
}

/// Where the policy asks for it, the login of a person must still be the trust root's; case is no rename.
fn check_login(scales: &Scales<'_>, holder: &Principal) -> std::result::Result<(), Invalidation> {
    let known = scales.ground.facts.forge.as_deref().and_then(|observed| observed.logins.get(&holder.id));
    match known.filter(|_| scales.gates.exact_logins) {
        Some(Some(live)) if live.eq_ignore_ascii_case(&holder.login) => Ok(()),
        Some(live) => Err(Invalidation::Renamed(live.clone())),
        None => Ok(()),
    }
}

/// Whose decision an approval is, and what stands for that person's own key.
struct Holder<'a> {
    principal: &'a Principal,
    key: Digest,
}

/// Returns whose decision it is: the holder of a key valid now, or the person for whom a gate signed.
fn holder<'a>(scales: &'a Scales<'_>, item: &'a Recorded) -> std::result::Result<Holder<'a>, Invalidation> {
    let approval = item.approval.predicate();
    let [signatory] = item.approval.signatories() else { return Err(Invalidation::Impostor) };
    let document = scales.root.document();
    let of_platform = approval.method.is_of_platform();
    let named =
        (of_platform || signatory.principal.id == approval.approver.id) && approval.approver.host == document.host;
    let Some((key, _)) = scales.root.key(&signatory.key.id).filter(|_| named) else {
        return Err(Invalidation::Impostor);
    };
    if scales.now < key.not_before || scales.now >= key.not_after {
        return Err(Invalidation::Signature(Refusal::new(KEY_VALIDITY, format!("key {} now", key.id))));
    }
    if key.is_revoked_at(scales.now) {
        return Err(Invalidation::Signature(Refusal::new(KEY_REVOKED, format!("key {}", key.id))));
    }
    if let Some(job) = &signatory.job {
        scales.jobs.judge(job).map_err(Invalidation::Signature)?;
    }
    if approval.method == Method::Policy {
        let login = format!("policy@{}", approval.binding.policy);
        let fits = key.duties.contains(&Duty::Policy) && approval.approver.login == login;
        let holder = Holder { principal: &signatory.principal, key: signatory.key.id };
        return if fits { Ok(holder) } else { Err(Invalidation::Impostor) };
    }
    if of_platform {
        return spoken_for(scales, approval, key);
    }
    if signatory.principal.kind != PrincipalKind::Person || !key.duties.contains(&Duty::Approver) {
        return Err(Invalidation::NotAPerson);
    }
    // A rule may ask for one method and not another: what the statement says must be what the key shows.
    let fits = match approval.method {
        Method::Key => key.scheme == Scheme::Ed25519,
        Method::Ssh => key.scheme == Scheme::SshEd25519,
        _ => true,
    };
    let holder = Holder { principal: &signatory.principal, key: signatory.key.id };
    if fits && approval.evidence.is_none() { Ok(holder) } else { Err(Invalidation::Impostor) }
}

/// Returns the person for whom a gate signed, where the evidence holds.
fn spoken_for<'a>(
    scales: &'a Scales<'_>,
    approval: &Approval,
    key: &Key,
) -> std::result::Result<Holder<'a>, Invalidation> {
    let person = scales.root.principal(approval.approver.id);
    let (Some(person), Some(evidence), [Duty::Gate]) = (person, &approval.evidence, key.duties.as_slice()) else {
        return Err(Invalidation::Impostor);
    };
    if person.kind != PrincipalKind::Person {
        return Err(Invalidation::NotAPerson);
    }
    evidence::judge(evidence, approval, scales.gates, scales.ground.facts.forge.as_deref())?;
    // The account stands for the person's key: two decisions of one account are never two people.
    Ok(Holder { principal: person, key: account_key(&approval.approver.host, approval.approver.id) })
}

/// Returns what stands for a person's own key where their account on a platform decides.
#[must_use]
pub fn account_key(host: &str, account: u64) -> Digest {
    Digest::framed("platform-account", [host.as_bytes(), account.to_be_bytes().as_slice()])
}

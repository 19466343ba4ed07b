//! From an envelope to the record of an entry: who may sign what, and in whose name.

use super::{held::Held, reasons::LEDGER_ACTOR, record::Record};
use crate::{
    base::{
        digest::Digest,
        method::Method,
        reason::{Refusal, Result},
        text,
        time::Timestamp,
    },
    sign::{
        evidence::Evidence,
        predicate::{Approval, Revocation, RevocationTarget},
        reasons::{KEY_DUTY, OIDC_CLAIM_MISMATCH, SUBJECT_MISMATCH},
        stated::Readable,
        statement::Predicate,
        trust::{Duty, PrincipalKind, TrustRoot},
        verified::{Signatory, Verified},
    },
};

/// Name of the subject that is the plan.
const PLAN: &str = "plan";

/// An envelope on its way to a record.
pub(super) struct Opener<'a> {
    pub(super) readable: &'a Readable<'a>,
    pub(super) root: &'a TrustRoot,
    pub(super) at: Timestamp,
    pub(super) duties: &'a [Duty],
    pub(super) verify: bool,
}

impl Opener<'_> {
    pub(super) fn open<P: Predicate>(&self, wrap: impl FnOnce(P) -> Record) -> Result<(Record, Vec<Signatory>)> {
        let (stated, signatories) = if self.verify {
            self.readable.signed::<P>(self.root, self.duties, self.at)?
        } else {
            (self.readable.unverified::<P>()?, Vec::new())
        };
        let plan = stated.subject(PLAN);
        self.finish(wrap(stated.into_predicate()), plan, signatories)
    }

    /// A key is taken back by whoever holds it, or by a root key: an approver may not silence all others.
    pub(super) fn open_revocation(&self) -> Result<(Record, Vec<Signatory>)> {
        let (record, signatories) = self.open(Record::Revocation)?;
        if let Record::Revocation(Revocation { target: RevocationTarget::Key(key), .. }) = &record {
            let holder = self.root.key(key).map(|(key, _)| key.principal);
            let may = |by: &Signatory| by.key.duties.contains(&Duty::Root) || Some(by.principal.id) == holder;
            if self.verify && !signatories.iter().any(may) {
                return Err(Refusal::new(KEY_DUTY, format!("key {key} is taken back by its holder, or by a root key"))
                    .subject(key.to_string()));
            }
        }
        Ok((record, signatories))
    }

    /// A note is a person's: what a program has to say stands in what it signs already.
    pub(super) fn open_note(&self) -> Result<(Record, Vec<Signatory>)> {
        let (record, signatories) = self.open(Record::Note)?;
        if let Record::Note(note) = &record {
            note.check()?;
        }
        match signatories.iter().find(|by| by.principal.kind != PrincipalKind::Person) {
            Some(other) => {
                Err(Refusal::new(KEY_DUTY, format!("key {} is a program's, and notes are people's", other.key.id))
                    .subject(other.key.id.to_string()))
            }
            None => Ok((record, signatories)),
        }
    }

    pub(super) fn open_approval(&self) -> Result<(Record, Vec<Signatory>)> {
        if !self.verify {
            let stated = self.readable.unverified::<Approval>()?;
            let plan = stated.subject(PLAN);
            let held = Held::covered(self.readable.envelope(), stated.into_predicate(), self.at);
            return self.finish(Record::Approval(held), plan, Vec::new());
        }
        let opened: Verified<Approval> = self.readable.open(self.root, self.duties, self.at)?;
        let signatories = opened.signatories().to_vec();
        let needed = match opened.predicate().method {
            Method::Policy => Duty::Policy,
            Method::Key | Method::Ssh | Method::Terminal => Duty::Approver,
            Method::Comment | Method::Review | Method::Environment => Duty::Gate,
        };
        if let Some(other) = signatories.iter().find(|signatory| !signatory.key.duties.contains(&needed)) {
            return Err(Refusal::new(KEY_DUTY, format!("key {} may not approve by this method", other.key.id))
                .subject(other.key.id.to_string()));
        }
        let plan = opened.subject(PLAN);
        self.finish(Record::Approval(Held::Proven(Box::new(opened))), plan, signatories)
    }

    fn finish(
        &self,
        record: Record,
        subject: Option<Digest>,
        signatories: Vec<Signatory>,
    ) -> Result<(Record, Vec<Signatory>)> {
        if let (Some(subject), Some(plan)) = (subject, record.plan())
            && subject != plan
        {
            return Err(Refusal::new(SUBJECT_MISMATCH, "the subject `plan` is not the plan of the predicate"));
        }
        // Who asked for a plan may not approve it, so a person who records one is the one who asked. A
        // program may record what a person asked it for: it can approve nothing itself.
        let asked = match &record {
            Record::Plan(plan) => Some(&plan.requested_by),
            _ => None,
        };
        let stated = match &record {
            Record::Approval(approval) => Some(approval.stated().method),
            Record::Rejection(rejection) => Some(rejection.method),
            _ => None,
        };
        let shown = record.decision().and_then(|(_, evidence)| evidence).map(Evidence::method);
        if stated.is_some_and(|stated| stated.is_of_platform() != shown.is_some())
            || (stated.is_some() && shown.is_some() && stated != shown)
        {
            return Err(Refusal::new(LEDGER_ACTOR, "the method of the decision is not that of its evidence"));
        }
        for signatory in &signatories {
            check_job(signatory, record.decision().and_then(|(_, evidence)| evidence))?;
        }
        if let Some(actor) = record.decider().or(asked) {
            let evidence = record.decision().and_then(|(_, evidence)| evidence);
            let own = signatories.iter().all(|signatory| match evidence {
                // A gate speaks for a person of the trust root, with the platform's record in hand; nobody else does.
                Some(_) => {
                    let person = self.root.principal(actor.id).is_some_and(|who| who.kind == PrincipalKind::Person);
                    signatory.key.duties.contains(&Duty::Gate) && person
                }
                None if signatory.key.duties.contains(&Duty::Gate) => false,
                None if asked.is_some() && signatory.principal.kind == PrincipalKind::Agent => true,
                None => signatory.principal.id == actor.id,
            });
            if !own || actor.host != self.root.document().host {
                return Err(Refusal::new(
                    LEDGER_ACTOR,
                    format!("`{}` ({}) on `{}`", text::excerpt(&actor.login), actor.id, text::excerpt(&actor.host)),
                ));
            }
        }
        Ok((record, signatories))
    }
}

/// Checks that a job that signed without a key is the one that its evidence is about: it ran in the environment that
/// somebody released, in that run and attempt; where nobody did, in the one that the trust root names.
fn check_job(signatory: &Signatory, evidence: Option<&Evidence>) -> Result<()> {
    let Some(job) = signatory.job.as_deref().map(|vouched| &vouched.job) else { return Ok(()) };
    let (environment, run) = match evidence {
        Some(Evidence::Environment(release)) => {
            (Some(release.name.as_str()), Some((release.run.to_string(), release.attempt.to_string())))
        }
        _ => (signatory.key.gate.as_ref().and_then(|gate| gate.environment.as_deref()), None),
    };
    let refuse = |claim: &str, found: &str| {
        let what = format!("`{claim}` is `{}`, and the evidence is of another job", text::excerpt(found));
        Err(Refusal::new(OIDC_CLAIM_MISMATCH, what).subject(claim))
    };
    match run {
        _ if job.environment.as_deref() != environment => {
            refuse("environment", job.environment.as_deref().unwrap_or("none"))
        }
        Some((run, _)) if run != job.run_id => refuse("run_id", &job.run_id),
        Some((_, attempt)) if attempt != job.run_attempt => refuse("run_attempt", &job.run_attempt),
        _ => Ok(()),
    }
}

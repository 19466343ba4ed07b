//! The events of a run as signed statements.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{INTERNAL, Refusal, Result},
        time::Timestamp,
    },
    event::{RunEvent, RunOutcome, StepOutcome, StepStatus},
    ledger::NewEntry,
    sign::{
        Envelope, Signer,
        predicate::{Outcome, StepFinished, StepStarted, Verification},
        statement::{Predicate, Subject},
    },
};

/// The most bytes of an outcome in a statement; a ledger entry holds it in base64.
const MAX_OUTCOME: usize = 40_000;

/// The run that events belong to, and who signs for it.
pub(crate) struct Scribe<'a> {
    pub(crate) plan: Digest,
    pub(crate) run: Id,
    pub(crate) fencing: u64,
    pub(crate) signer: &'a dyn Signer,
}

impl Scribe<'_> {
    /// Returns the statements that record an event; none for the beginning, which the claim records.
    pub(crate) fn entries(
        &self,
        event: &RunEvent,
        products: &BTreeMap<String, Digest>,
        (after, now): (u64, Timestamp),
    ) -> Result<Vec<NewEntry>> {
        match event {
            RunEvent::RunStarted { .. } => Ok(Vec::new()),
            RunEvent::StepStarted { step, attempt, idempotency_key, .. } => Ok(vec![self.sign(
                StepStarted {
                    plan: self.plan,
                    run: self.run.clone(),
                    step: step.clone(),
                    attempt: *attempt,
                    fencing: self.fencing,
                    idempotency_key: *idempotency_key,
                    started_at: now,
                },
                now,
            )?]),
            RunEvent::StepFinished { step, attempt, outcome, retrying, .. } => {
                let mut entries = vec![self.sign(
                    StepFinished {
                        plan: self.plan,
                        run: self.run.clone(),
                        step: step.clone(),
                        attempt: *attempt,
                        fencing: self.fencing,
                        retrying: *retrying,
                        outcome: fitted(outcome)?,
                        finished_at: now,
                    },
                    now,
                )?];
                if outcome.verified > 0 {
                    let verdict = if outcome.status == StepStatus::Succeeded { "pass" } else { "fail" };
                    entries.push(self.sign(
                        Verification {
                            plan: self.plan,
                            run: self.run.clone(),
                            step: step.clone(),
                            attempt: *attempt,
                            verdict: verdict.parse()?,
                            checks: outcome.verified,
                            verified_at: now,
                        },
                        now,
                    )?);
                }
                Ok(entries)
            }
            RunEvent::RunFinished { outcome, .. } => Ok(vec![self.finished(outcome, products, (after, now))?]),
        }
    }

    fn finished(
        &self,
        outcome: &RunOutcome,
        products: &BTreeMap<String, Digest>,
        (after, now): (u64, Timestamp),
    ) -> Result<NewEntry> {
        let mut steps = BTreeMap::new();
        for (step, status) in &outcome.steps {
            steps.insert(step.clone(), status.word().parse()?);
        }
        self.sign(
            Outcome {
                plan: self.plan,
                run: self.run.clone(),
                status: outcome.status.word().parse()?,
                reason_code: outcome.reason_code.clone(),
                steps,
                products: products.clone(),
                after,
                finished_at: now,
            },
            now,
        )
    }

    fn sign<P: Predicate>(&self, predicate: P, now: Timestamp) -> Result<NewEntry> {
        let envelope = Envelope::sign(vec![Subject::new("plan", self.plan)], predicate, &[self.signer])?;
        Ok(NewEntry { envelope, at: now })
    }
}

/// Shortens what is kept of outputs until the outcome fits; digests and lengths of the whole streams stay.
fn fitted(outcome: &StepOutcome) -> Result<Value> {
    let failed = |e: serde_json::Error| Refusal::new(INTERNAL, e.to_string());
    let mut shortened = outcome.clone();
    for limit in [usize::MAX, 400, 0] {
        for stream in shortened.actions.iter_mut().flat_map(|action| action.stdout.iter_mut().chain(&mut action.stderr))
        {
            if stream.tail.len() > limit {
                let from = (stream.tail.len() - limit..=stream.tail.len())
                    .find(|at| stream.tail.is_char_boundary(*at))
                    .unwrap_or(stream.tail.len());
                stream.tail = stream.tail.split_off(from);
                stream.truncated = true;
            }
        }
        let value = serde_json::to_value(&shortened).map_err(failed)?;
        if value.to_string().len() <= MAX_OUTCOME {
            return Ok(value);
        }
    }
    Err(Refusal::new(INTERNAL, "the outcome of a step does not fit into a statement"))
}

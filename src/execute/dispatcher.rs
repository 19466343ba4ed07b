//! The loop of a run: starts what may start, records what happens, and stops at the first doubt.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;

use super::{
    EventSink,
    cancel::Cancel,
    doubt,
    executor::{Shared, attempt},
    reasons::{RUN_CANCELLED, RUN_HALTED, RUN_UNRECORDED, STEP_BLOCKED, STEP_FAILED, STEP_INDETERMINATE},
    scheduler::Graph,
    slots::Outputs,
};
use crate::{
    base::{
        reason::{ExitClass, Refusal, Result},
        time::Timestamp,
    },
    event::{ErrorClass, RunEvent, RunOutcome, RunStatus, StepOutcome, StepStatus},
    plan::model::{OnFailure, Step},
};

/// The most events that wait to be recorded together; each makes two entries at most, and a thousand are one append.
const BATCH: usize = 500;
/// The longest wait between two attempts.
const LONGEST_BACKOFF: u64 = 60;

/// Why no further step starts.
enum Stop {
    /// A step failed, and its failure halts the run.
    Failed,
    /// The sink says so.
    Halted(Refusal),
    /// An interrupt.
    Cancelled,
    /// Something could not be recorded.
    Unrecorded(Refusal),
}

/// What a task of the run tells when it is over.
enum Done {
    /// An attempt ended.
    Attempt(usize, Box<StepOutcome>),
    /// The wait before another attempt is over.
    Waited(usize),
}

/// A run under way.
pub(super) struct Dispatcher<'a, S> {
    shared: Arc<Shared>,
    graph: Graph,
    sink: &'a mut S,
    cancel: Cancel,
    statuses: Vec<StepStatus>,
    /// For each step how many that it needs are not done.
    waiting: Vec<usize>,
    ready: BTreeSet<usize>,
    active: BTreeSet<usize>,
    /// Attempts made, those of earlier runs included.
    attempts: Vec<u32>,
    outputs: Arc<Outputs>,
    queue: Vec<RunEvent>,
    tasks: JoinSet<Done>,
    stop: Option<Stop>,
    /// The reason of the first step that failed the run.
    failure: Option<String>,
}

impl<'a, S: EventSink> Dispatcher<'a, S> {
    pub(super) fn new(shared: Arc<Shared>, graph: Graph, sink: &'a mut S, cancel: Cancel) -> Self {
        let plan = &shared.plan;
        let attempts = plan.steps.iter().map(|s| shared.setting.attempts.get(&s.id).copied().unwrap_or(0)).collect();
        Self {
            statuses: vec![StepStatus::Pending; plan.steps.len()],
            waiting: graph.needs.iter().map(Vec::len).collect(),
            ready: BTreeSet::new(),
            active: BTreeSet::new(),
            attempts,
            outputs: Arc::new(BTreeMap::new()),
            queue: Vec::new(),
            tasks: JoinSet::new(),
            stop: None,
            failure: None,
            shared,
            graph,
            sink,
            cancel,
        }
    }

    /// Runs all that may run, and returns how the run ended.
    pub(super) async fn run(mut self) -> RunOutcome {
        self.begin();
        loop {
            if self.cancel.is_cancelled() && self.stop.is_none() {
                self.interrupt();
            }
            self.start_ready();
            if self.tasks.is_empty() {
                break;
            }
            let cancel = self.cancel.clone();
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !self.shared.kill.is_cancelled() => self.interrupt(),
                done = self.tasks.join_next() => match done {
                    Some(Ok(Done::Attempt(index, outcome))) => self.finished(index, *outcome),
                    Some(Ok(Done::Waited(index))) => self.waited(index),
                    Some(Err(_)) => self.lost(),
                    None => {}
                }
            }
        }
        self.end()
    }

    fn begin(&mut self) {
        let setting = &self.shared.setting;
        self.queue.push(RunEvent::RunStarted {
            run: setting.run.clone(),
            plan: self.shared.digest,
            steps: u32::try_from(self.statuses.len()).unwrap_or(u32::MAX),
            at: self.now(),
        });
        self.ready = (0..self.waiting.len()).filter(|i| self.waiting[*i] == 0 && self.mine(*i)).collect();
        let shared = self.shared.clone();
        for (index, step) in shared.plan.steps.iter().enumerate() {
            if let Some(outcome) = shared.setting.finished.get(&step.id) {
                self.ready.remove(&index);
                self.settle(index, outcome.clone());
            }
        }
        self.may_continue();
    }

    /// Starts every step that needs nothing more, conflicts with none that runs, and has a place.
    fn start_ready(&mut self) {
        while self.stop.is_none() && self.active.len() < self.shared.setting.parallel.max(1) {
            let free = |i: &&usize| !self.active.iter().any(|other| self.graph.conflict(**i, *other));
            let Some(index) = self.ready.iter().find(free).copied() else { break };
            self.ready.remove(&index);
            self.start(index);
        }
    }

    fn start(&mut self, index: usize) {
        let shared = self.shared.clone();
        let step = &shared.plan.steps[index];
        let event = RunEvent::StepStarted {
            step: step.id.clone(),
            attempt: self.attempts[index] + 1,
            idempotency_key: shared.idempotency_key(step),
            at: self.now(),
        };
        if acts(step) {
            self.flush();
            self.may_continue();
            if self.stop.is_none()
                && let Err(why) = blocking(|| self.sink.record(&event))
            {
                self.unstarted(why);
            }
        } else {
            // Looking is recorded later, and stops no later: a halt holds for every step.
            self.may_continue();
            if self.stop.is_none() {
                self.enqueue(event);
            }
        }
        if self.stop.is_some() {
            self.ready.insert(index);
            return;
        }
        self.attempts[index] += 1;
        self.statuses[index] = StepStatus::Running;
        self.active.insert(index);
        let outputs = self.outputs.clone();
        self.tasks.spawn(async move { Done::Attempt(index, Box::new(attempt(shared, index, outputs).await)) });
    }

    fn finished(&mut self, index: usize, mut outcome: StepOutcome) {
        let shared = self.shared.clone();
        let step = &shared.plan.steps[index];
        if outcome.status == StepStatus::Cancelled && acts(step) {
            doubt::mark(&mut outcome);
        }
        if let Err(why) = self.sink.after_step() {
            self.stop = match self.stop.take() {
                None | Some(Stop::Failed) => Some(Stop::Halted(why)),
                graver => graver,
            };
        }
        let retrying = self.stop.is_none() && may_retry(step, self.attempts[index], &outcome);
        let event = RunEvent::StepFinished {
            step: step.id.clone(),
            attempt: self.attempts[index],
            outcome: Box::new(outcome.clone()),
            retrying,
            at: self.now(),
        };
        if acts(step) {
            self.flush();
            self.record(&event);
        } else {
            self.enqueue(event);
        }
        if matches!(self.stop, Some(Stop::Unrecorded(_))) && acts(step) {
            doubt::mark(&mut outcome);
        } else if retrying && self.stop.is_none() {
            self.statuses[index] = StepStatus::Ready;
            let pause = backoff(step, self.attempts[index]);
            let kill = self.shared.kill.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = kill.cancelled() => {}
                }
                Done::Waited(index)
            });
            return;
        }
        self.active.remove(&index);
        self.settle(index, outcome);
    }

    fn waited(&mut self, index: usize) {
        self.active.remove(&index);
        if self.stop.is_none() {
            self.start(index);
            // Where it did not start, the run has stopped, and the end deals with it.
        }
    }

    /// Takes the final outcome of a step, and sees what it means for the others.
    fn settle(&mut self, index: usize, outcome: StepOutcome) {
        let shared = self.shared.clone();
        let step = &shared.plan.steps[index];
        self.statuses[index] = outcome.status;
        let good = matches!(outcome.status, StepStatus::Succeeded | StepStatus::Skipped);
        // Attempts under way hold the map, so that every insertion copies it.
        if outcome.status == StepStatus::Succeeded && !outcome.outputs.is_empty() {
            Arc::make_mut(&mut self.outputs).insert(step.id.clone(), outcome.outputs);
        }
        let skipped = step.on_failure == OnFailure::Skip
            && !matches!(outcome.status, StepStatus::Cancelled | StepStatus::Indeterminate | StepStatus::Blocked);
        if good || skipped {
            for &next in &self.graph.needed_by[index] {
                self.waiting[next] -= 1;
                if self.waiting[next] == 0 && self.statuses[next] == StepStatus::Pending && self.mine(next) {
                    self.ready.insert(next);
                }
            }
            return;
        }
        if self.failure.is_none() {
            self.failure = Some(outcome.reason_code.unwrap_or_else(|| STEP_FAILED.code.to_owned()));
        }
        if self.stop.is_none() && (step.on_failure == OnFailure::Halt || outcome.status == StepStatus::Indeterminate) {
            self.stop = Some(Stop::Failed);
        }
    }

    /// Records a step that will not run any more.
    fn abandon(&mut self, index: usize) {
        let shared = self.shared.clone();
        let step = &shared.plan.steps[index];
        let (status, reason) = match &self.stop {
            Some(Stop::Cancelled) => (StepStatus::Cancelled, RUN_CANCELLED),
            Some(Stop::Halted(_)) => (StepStatus::Cancelled, RUN_HALTED),
            _ => (StepStatus::Blocked, STEP_BLOCKED),
        };
        self.statuses[index] = status;
        let outcome = StepOutcome {
            status,
            reason_code: Some(reason.code.to_owned()),
            class: None,
            what: Some(reason.summary.to_owned()),
            next: Some(reason.hint.to_owned()),
            actions: Vec::new(),
            verified: 0,
            outputs: BTreeMap::new(),
        };
        let at = self.now();
        let outcome = Box::new(outcome);
        self.queue.push(RunEvent::StepFinished { step: step.id.clone(), attempt: 0, outcome, retrying: false, at });
    }

    fn interrupt(&mut self) {
        self.shared.kill.cancel();
        if self.stop.is_none() || matches!(self.stop, Some(Stop::Failed)) {
            self.stop = Some(Stop::Cancelled);
        }
    }

    /// An attempt ended without telling how; nothing can be said about any that runs.
    fn lost(&mut self) {
        let why = Refusal::new(RUN_UNRECORDED, "a step ended without an outcome");
        self.unrecorded(why);
    }

    /// Stops before a step whose start was refused: where it certainly is not on record, nothing is in doubt.
    fn unstarted(&mut self, why: Refusal) {
        if why.reason().class == ExitClass::Indeterminate {
            self.unrecorded(why);
        } else {
            self.stop = Some(Stop::Halted(why));
        }
    }

    fn unrecorded(&mut self, why: Refusal) {
        self.shared.kill.cancel();
        if !matches!(self.stop, Some(Stop::Unrecorded(_))) {
            self.stop = Some(Stop::Unrecorded(why));
        }
    }

    fn end(mut self) -> RunOutcome {
        let shared = self.shared.clone();
        for index in 0..self.statuses.len() {
            match self.statuses[index] {
                StepStatus::Pending if !self.mine(index) => {}
                StepStatus::Pending => self.abandon(index),
                // It waited for another attempt: its last one is on record.
                StepStatus::Ready => self.statuses[index] = StepStatus::Failed,
                StepStatus::Running | StepStatus::Verifying => {
                    let acted = acts(&shared.plan.steps[index]);
                    self.statuses[index] = if acted { StepStatus::Indeterminate } else { StepStatus::Cancelled };
                }
                _ => {}
            }
        }
        self.flush();
        let outcome = self.outcome();
        if shared.setting.only.is_none() {
            self.record(&RunEvent::RunFinished { outcome, at: self.now() });
        }
        // Had the record failed, the outcome is another one now.
        self.outcome()
    }

    fn outcome(&self) -> RunOutcome {
        let doubt = self.statuses.contains(&StepStatus::Indeterminate);
        let (status, reason_code) = match &self.stop {
            Some(Stop::Unrecorded(why)) if doubt || why.reason().class == ExitClass::Indeterminate => {
                (RunStatus::Indeterminate, Some(why.code().to_owned()))
            }
            _ if doubt => (RunStatus::Indeterminate, Some(STEP_INDETERMINATE.code.to_owned())),
            // Every step that acted is on record with its end, so that another claim goes on from there.
            Some(Stop::Unrecorded(why) | Stop::Halted(why)) => (RunStatus::Halted, Some(why.code().to_owned())),
            Some(Stop::Cancelled) => (RunStatus::Cancelled, Some(RUN_CANCELLED.code.to_owned())),
            _ => match &self.failure {
                Some(code) => (RunStatus::Failed, Some(code.clone())),
                None => (RunStatus::Completed, None),
            },
        };
        let steps = self.shared.plan.steps.iter().zip(self.statuses.iter().copied()).enumerate();
        let steps = steps.filter(|(index, _)| self.mine(*index)).map(|(_, (step, status))| (step.id.clone(), status));
        RunOutcome { status, reason_code, steps: steps.collect() }
    }

    /// Tells whether a step is this process's to run.
    fn mine(&self, index: usize) -> bool {
        let setting = &self.shared.setting;
        setting.only.as_ref().is_none_or(|only| only.contains(&self.shared.plan.steps[index].id))
    }

    fn enqueue(&mut self, event: RunEvent) {
        self.queue.push(event);
        if self.queue.len() >= BATCH {
            // A halt is asked about before a step starts, and not here, where its start may be what is queued.
            self.flush();
        }
    }

    fn flush(&mut self) {
        let events = std::mem::take(&mut self.queue);
        if !events.is_empty() && !matches!(self.stop, Some(Stop::Unrecorded(_))) {
            let result = blocking(|| self.sink.record_batch(&events));
            self.note(result);
        }
    }

    fn record(&mut self, event: &RunEvent) {
        if !matches!(self.stop, Some(Stop::Unrecorded(_))) {
            let result = blocking(|| self.sink.record(event));
            self.note(result);
        }
    }

    fn note(&mut self, result: Result<()>) {
        if let Err(why) = result {
            self.unrecorded(why);
        }
    }

    fn may_continue(&mut self) {
        if self.stop.is_some() {
            return;
        }
        // What only looks at this machine is over before another thread would have taken over.
        let looked = match self.sink.waits() {
            true => blocking(|| self.sink.may_continue()),
            false => self.sink.may_continue(),
        };
        if let Err(why) = looked {
            self.stop = Some(Stop::Halted(why));
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.setting.clock.now()
    }
}

/// Tells whether the events of a step must be durable around it, and whether an interrupt leaves a doubt.
fn acts(step: &Step) -> bool {
    step.effect.has_side_effect()
}

fn may_retry(step: &Step, attempts: u32, outcome: &StepOutcome) -> bool {
    let failed = matches!(outcome.status, StepStatus::Failed | StepStatus::TimedOut | StepStatus::CouldNotStart);
    failed && step.idempotent && outcome.class == Some(ErrorClass::Transient) && attempts < step.retry.max_attempts
}

/// Doubles the wait with every attempt.
fn backoff(step: &Step, attempts: u32) -> Duration {
    let doubled = u64::from(step.retry.backoff_seconds) << attempts.saturating_sub(1).min(16);
    Duration::from_secs(doubled.min(LONGEST_BACKOFF))
}

/// Makes a call that blocks, without holding up the steps that run meanwhile.
fn blocking<T>(call: impl FnOnce() -> T) -> T {
    let handle = tokio::runtime::Handle::try_current();
    if handle.is_ok_and(|h| h.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(call)
    } else {
        call()
    }
}

//! One attempt of one step, from its checks to its outcome.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    cancel::Cancel,
    capture, classify, doubt,
    inputs::Inputs,
    prepare::{Materials, Prepared},
    process::{self, Cause, Ended, Exit, Order, limits::Limits},
    reasons::{
        PROC_LEAK, PROGRAM_MISSING, RUN_CANCELLED, SANDBOX_SETUP, STEP_LIMIT, STEP_TIMEOUT, VERIFICATION_FAILED,
        VERIFICATION_MISSING,
    },
    redact::Redactor,
    scratch::{Scratch, Spare},
    setting::RunSetting,
    slots::Outputs,
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        reason::{ExitClass, INTERNAL, Reason, Refusal, Result},
        text::visible,
        value::Scalar,
    },
    event::{ActionRecord, ErrorClass, StepOutcome, StepStatus},
    plan::model::{Action, Effect, Plan, Run, Step},
    step::{Context, Work, kind_of, reasons::INPUT_DRIFT, workspace::Workspace},
};

/// What all attempts of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) digest: Digest,
    pub(super) setting: RunSetting,
    pub(super) workspace: Workspace,
    pub(super) redactor: Arc<Redactor>,
    pub(super) spare: Spare,
    pub(super) inputs: Inputs,
    /// How many processes and threads the user had when the run began.
    pub(super) others: Option<u64>,
    /// Ends every attempt that is under way.
    pub(super) kill: Cancel,
}

impl Shared {
    /// The same for every attempt of a step of a run, and another one in every other run.
    pub(super) fn idempotency_key(&self, step: &Step) -> Digest {
        Digest::framed("idempotency", [self.digest.hex().as_str(), self.setting.run.as_str(), step.id.as_str()])
    }
}

/// Why an attempt stopped.
enum Stop {
    /// A check or an action refused.
    Refused(Refusal),
    /// A program ended as it must not.
    Program(classify::Verdict),
    /// The time was over, or the run was.
    Ended(Cause),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What an attempt has done so far.
#[derive(Default)]
struct Progress {
    actions: Vec<ActionRecord>,
    outputs: BTreeMap<Id, Scalar>,
    verified: u32,
    verifying: bool,
    /// Whether anything may have been done: a file changed, a program started.
    acted: bool,
}

/// Runs one attempt of a step to its end.
pub(super) async fn attempt(shared: Arc<Shared>, index: usize, outputs: Arc<Outputs>) -> StepOutcome {
    let step = &shared.plan.steps[index];
    let mut progress = Progress::default();
    let result = act(&shared, step, &outputs, &mut progress).await;
    let mut outcome = StepOutcome {
        status: StepStatus::Succeeded,
        reason_code: None,
        class: None,
        what: None,
        next: None,
        actions: progress.actions,
        verified: progress.verified,
        outputs: progress.outputs,
    };
    let Err(stop) = result else { return outcome };
    let nothing_done = outcome.actions.is_empty();
    let spoke = !progress.verifying && matches!(&stop, Stop::Program(verdict) if verdict.is_own_word());
    let (status, reason, class, what, next) = match stop {
        Stop::Ended(Cause::Cancelled) => (
            StepStatus::Cancelled,
            RUN_CANCELLED,
            None,
            "the run was interrupted".to_owned(),
            RUN_CANCELLED.hint.into(),
        ),
        Stop::Ended(Cause::Excess(excess)) => {
            let what = format!("its processes {}", excess.told());
            (StepStatus::Failed, STEP_LIMIT, Some(ErrorClass::Configuration), what, STEP_LIMIT.hint.into())
        }
        Stop::Ended(Cause::Timeout | Cause::Itself) => {
            let what = "the step ran into its time limit".to_owned();
            (StepStatus::TimedOut, STEP_TIMEOUT, Some(ErrorClass::Transient), what, STEP_TIMEOUT.hint.into())
        }
        // What cannot be read back was not done, whatever its program says about it.
        Stop::Program(verdict) if progress.verifying => {
            let what = format!("reading back failed: {}", verdict.what);
            let next = VERIFICATION_FAILED.hint.to_owned();
            (StepStatus::Failed, VERIFICATION_FAILED, Some(ErrorClass::Verification), what, next)
        }
        Stop::Program(verdict) => {
            (StepStatus::Failed, verdict.reason, verdict.class, verdict.what, verdict.next.to_owned())
        }
        Stop::Refused(refusal) => {
            let reason = refusal.reason();
            let next = refusal.hints().next().unwrap_or_default().to_owned();
            let class = classify::of_refusal(reason);
            (status_of(reason, nothing_done), reason, Some(class), refusal.message().to_owned(), next)
        }
    };
    outcome.status = status;
    outcome.reason_code = Some(reason.code.to_owned());
    outcome.class = class;
    // An error text may quote what a program or a file says.
    outcome.what = Some(visible(&shared.redactor.text(&what)));
    outcome.next = Some(next);
    if doubt::is_left(step, progress.acted, spoke) {
        doubt::mark(&mut outcome);
    }
    outcome
}

/// Tells how a refused step stands: before anything was done, it was denied or could not start.
fn status_of(reason: Reason, nothing_done: bool) -> StepStatus {
    match reason.class {
        _ if !nothing_done => StepStatus::Failed,
        ExitClass::Sandbox => StepStatus::CouldNotStart,
        _ if reason == PROGRAM_MISSING => StepStatus::CouldNotStart,
        ExitClass::StepFailed if reason != INPUT_DRIFT => StepStatus::Failed,
        ExitClass::Internal => StepStatus::Failed,
        _ => StepStatus::Denied,
    }
}

async fn act(
    shared: &Shared,
    step: &Step,
    outputs: &Outputs,
    progress: &mut Progress,
) -> std::result::Result<(), Stop> {
    if step.effect >= Effect::Write && step.verify.is_empty() {
        return Err(Refusal::new(VERIFICATION_MISSING, format!("step `{}`", step.id)).into());
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(u64::from(step.timeout_seconds));
    shared.inputs.begin(step, &shared.workspace)?;
    let private = || Scratch::new(&shared.plan, step, &shared.setting.scratch, &shared.spare);
    let mut scratch = private()?;
    let mut files = Vec::new();
    for action in &step.actions {
        let materials = materials(shared, step, &scratch, outputs);
        if let Some(run) = perform(shared, action, &materials, deadline, progress).await? {
            files.extend(&run.captures);
        }
    }
    let captures: Vec<_> = files.into_iter().cloned().collect();
    progress.outputs.extend(capture::from_files(step, &captures, &shared.workspace, &shared.redactor)?);
    capture::check_complete(step, &progress.outputs)?;
    progress.verifying = true;
    if !step.verify.is_empty() {
        // A program that is to be checked must not leave settings where the one that checks looks for its own.
        scratch = private()?;
    }
    for action in &step.verify {
        let before = progress.actions.len();
        let materials = materials(shared, step, &scratch, outputs);
        let result = perform(shared, action, &materials, deadline, progress).await;
        progress.verified += u32::try_from(progress.actions.len() - before).unwrap_or(0);
        result.map_err(as_unverified)?;
    }
    Ok(())
}

fn materials<'a>(shared: &'a Shared, step: &'a Step, scratch: &'a Scratch<'a>, outputs: &'a Outputs) -> Materials<'a> {
    Materials {
        plan: &shared.plan,
        step,
        setting: &shared.setting,
        workspace: &shared.workspace,
        scratch,
        outputs,
        inputs: &shared.inputs,
        key: shared.idempotency_key(step),
    }
}

/// A read-back that cannot be done is a read-back that failed.
fn as_unverified(stop: Stop) -> Stop {
    match stop {
        Stop::Refused(why) if why.reason().class != ExitClass::Sandbox => {
            Refusal::new(VERIFICATION_FAILED, why.to_string()).into()
        }
        other => other,
    }
}

/// Performs one action; returns it where it was a program, with its captures of standard output taken.
async fn perform<'a>(
    shared: &Shared,
    action: &'a Action,
    materials: &Materials<'_>,
    deadline: tokio::time::Instant,
    progress: &mut Progress,
) -> std::result::Result<Option<&'a Run>, Stop> {
    if shared.kill.is_cancelled() {
        return Err(Stop::Ended(Cause::Cancelled));
    }
    if tokio::time::Instant::now() >= deadline {
        return Err(Stop::Ended(Cause::Timeout));
    }
    let kind = kind_of(action);
    let context = Context {
        workspace: &shared.workspace,
        created_at: shared.plan.created_at,
        identity: &shared.setting.identity,
    };
    let began = std::time::Instant::now();
    let run = match kind.act(action, &context, &mut progress.acted)? {
        Work::Done(digest) => {
            let mut record = record(kind.word(), kind.target(action))?;
            record.digest = digest;
            record.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            progress.actions.push(record);
            progress.acted = true;
            return Ok(None);
        }
        Work::Program(run) => run,
    };
    let prepared = Prepared::new(run, materials)?;
    let limits = shared.setting.limits.of_program(&run.limits, shared.others);
    let ended = start(shared, &prepared, limits, deadline).await;
    // A sandbox that could not be set up started nothing; of any other error nobody knows what ran before it.
    progress.acted |= !matches!(&ended, Err(why) if why.is(SANDBOX_SETUP));
    let ended = ended?;
    progress.actions.push(program_record(kind.word(), &prepared, &ended)?);
    judge(run, &ended)?;
    let outputs = capture::from_stdout(materials.step, &run.captures, &ended.stdout, &shared.redactor)?;
    progress.outputs.extend(outputs);
    Ok(Some(run))
}

async fn start(shared: &Shared, prepared: &Prepared, limits: Limits, deadline: tokio::time::Instant) -> Result<Ended> {
    use std::os::fd::AsFd as _;
    process::run(Order {
        program: &prepared.program,
        argv: prepared.argv.clone(),
        env: prepared.env.clone(),
        folder: prepared.folder.as_fd(),
        input: None,
        own_proc: false,
        jail: prepared.jail.as_ref(),
        limits,
        meter: prepared.meter.clone(),
        deadline,
        grace: shared.setting.grace,
        output_cap: shared.setting.output_cap,
        redactor: shared.redactor.clone(),
        cancel: &shared.kill,
    })
    .await
}

/// Success is a code that the plan accepts, and nothing left running.
fn judge(run: &Run, ended: &Ended) -> std::result::Result<(), Stop> {
    if ended.cause == Cause::Cancelled {
        return Err(Stop::Ended(Cause::Cancelled));
    }
    let accepted = match ended.exit {
        Exit::Code(code) => run.ok_codes.iter().any(|ok| i32::from(*ok) == code),
        Exit::Signal(_) | Exit::Unknown => false,
    };
    if matches!(ended.cause, Cause::Timeout | Cause::Excess(_)) {
        return Err(Stop::Ended(ended.cause));
    }
    if !accepted {
        let (path, said) = (&run.program.path, ended.stderr.text());
        let verdict = classify::of_program(ended.cause, ended.exit, path, &said, &run.network);
        return Err(Stop::Program(verdict));
    }
    if ended.survivors > 0 {
        let why = format!("`{}` left {} processes behind, which were killed", run.program.path, ended.survivors);
        return Err(Refusal::new(PROC_LEAK, why).subject(&run.program.path).into());
    }
    Ok(())
}

fn program_record(word: &str, prepared: &Prepared, ended: &Ended) -> Result<ActionRecord> {
    let mut record = record(word, prepared.program.path().to_owned())?;
    record.digest = Some(prepared.program.digest());
    match ended.exit {
        Exit::Code(code) => record.exit_code = Some(code),
        Exit::Signal(signal) => record.signal = Some(signal),
        Exit::Unknown => {}
    }
    record.stdout = Some(ended.stdout.record());
    record.stderr = Some(ended.stderr.record());
    record.sandbox = prepared.jail.as_ref().map(|jail| jail.summary().to_owned());
    record.survivors_killed = ended.survivors;
    record.millis = ended.millis;
    Ok(record)
}

fn record(word: &str, target: String) -> Result<ActionRecord> {
    let kind = word.parse().map_err(|_| Refusal::new(INTERNAL, format!("`{word}` is no id")))?;
    Ok(ActionRecord {
        kind,
        target,
        digest: None,
        exit_code: None,
        signal: None,
        stdout: None,
        stderr: None,
        sandbox: None,
        survivors_killed: 0,
        millis: 0,
    })
}

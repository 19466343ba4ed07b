//! What a run needs, all of it at hand before the run is claimed: whatever can fail by itself has then not failed late.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use super::{
    claim::{Claimant, Claimed, claim},
    lock::{Hold, RunLock},
    past::Past,
    scratch::RunScratch,
};
use crate::{
    app::{
        ci::OrderFiles,
        output::Printer,
        recorder::{LastLook, Recorder, outputs},
        session::{Session, run_id},
        signer::{self, Hand},
        world::World,
    },
    base::{
        ident::Id,
        reason::{INTERNAL, Refusal, Result},
        secret::Secret,
    },
    cli::args::ExecuteArgs,
    event::RunOutcome,
    execute::{self, Cancel, Ready, RunSetting, reasons::SECRET_MISSING},
    forge::{Checkout, Forge},
    ledger::Ledger,
    plan::model::{Action, Plan, Step},
    policy::model::Limits,
    report::Renderer,
    sign::{Duty, predicate::Job},
    step::workspace::Workspace,
    verify::{Purpose, VerifiedPlan},
};

/// A plan that was verified just now, and what is to be done with it.
pub(crate) struct Task {
    pub(crate) verified: VerifiedPlan,
    /// The ledger as it was read for that.
    pub(crate) ledger: Ledger,
    pub(crate) purpose: Purpose,
    pub(crate) limits: Limits,
}

/// A run that may be claimed.
pub(crate) struct Start {
    run: Id,
    purpose: Purpose,
    ready: Ready,
    ledger: Ledger,
    hand: Hand,
    orders: OrderFiles,
    checkout: Checkout,
    workspace: Workspace,
    renderer: Box<dyn Renderer + Send>,
    runtime: Runtime,
    scratch: RunScratch,
    lock: RunLock,
}

/// A run that is claimed, and of which nothing has started.
pub(crate) struct Begun {
    pub(crate) claim: Claimed,
    start: Start,
}

/// A run that is over.
pub(crate) struct Over {
    pub(crate) claim: Claimed,
    pub(crate) recorder: Recorder,
    pub(crate) outcome: RunOutcome,
}

impl Start {
    /// Makes everything ready.
    ///
    /// # Errors
    /// Those of [`Ready::new`]; `secret.missing`, `run.live`, `io.failed`; those of finding the key and of reading the ledger.
    pub(crate) fn new(
        args: &ExecuteArgs,
        task: Task,
        session: &Session,
        world: &mut World,
        printer: &Printer,
    ) -> Result<Self> {
        let Task { verified, mut ledger, purpose, limits } = task;
        let secrets = secrets(verified.plan(), world)?;
        printer.mask(world, secrets.values().map(Secret::expose));
        let work_tree = session.checkout.workdir();
        let orders = OrderFiles::of(&world.env, work_tree)?;
        let hand = signer::find(&args.signer, &[Duty::Executor], session, world)?;
        let past = match &purpose {
            Purpose::Start => Past::default(),
            Purpose::Resume(run) | Purpose::Join { run, .. } => Past::of(&mut ledger, run, world.now())?,
        };
        let run = match &purpose {
            Purpose::Start => run_id(world)?,
            Purpose::Resume(run) | Purpose::Join { run, .. } => run.clone(),
        };
        let scratch = RunScratch::make()?;
        let asked = args.parallel.map_or(limits.parallel, |asked| asked.clamp(1, limits.parallel));
        let setting = RunSetting {
            // Without a folder for keys there are none to keep.
            private: world.env.config_dir().into_iter().filter(|folder| folder.exists()).collect(),
            parallel: asked as usize,
            clock: world.clock,
            secrets,
            finished: past.finished,
            only: only(&purpose),
            attempts: past.attempts,
            output_cap: usize::try_from(limits.output).unwrap_or(100_000),
            ..RunSetting::new(run.clone(), work_tree.to_owned(), scratch.path().to_owned())
        };
        Ok(Self {
            ready: Ready::new(verified, setting)?,
            checkout: Checkout::discover(work_tree)?,
            workspace: Workspace::open(work_tree)?,
            renderer: printer.log()?,
            runtime: runtime()?,
            // Last: what is refused above leaves no trace of a run that never was.
            lock: RunLock::take(session.checkout.git_dir(), &run, hold(&purpose))?,
            run,
            purpose,
            ledger,
            hand,
            orders,
            scratch,
        })
    }

    /// Claims the run.
    ///
    /// # Errors
    /// Those of [`claim`].
    pub(crate) fn claim(mut self, job: Option<Job>, session: &Session, world: &World) -> Result<Begun> {
        let plan = self.ready.plan();
        let claimant = Claimant { run: &self.run, purpose: &self.purpose, job, hand: &self.hand };
        match claim(&mut self.ledger, plan, claimant, session, world) {
            Ok(claim) => Ok(Begun { claim, start: self }),
            Err(refusal) => {
                if self.purpose == Purpose::Start {
                    self.lock.forget();
                }
                Err(refusal)
            }
        }
    }
}

impl Begun {
    /// Leaves the run to the processes that join it.
    pub(crate) fn leave(self) -> Claimed {
        self.start.lock.forget();
        self.claim
    }

    /// Carries the run out; an interrupt cancels it, and is answered when every process is gone.
    ///
    /// # Errors
    /// `internal.error` where the run itself stopped without an outcome.
    pub(crate) fn carry_out(self, forge: Option<&Arc<dyn Forge>>, world: &mut World) -> Result<Over> {
        let Self { claim, start } = self;
        let Start {
            ready,
            ledger,
            hand,
            orders,
            checkout,
            workspace,
            renderer,
            runtime,
            purpose,
            mut lock,
            scratch,
            ..
        } = start;
        if hold(&purpose) == Hold::Alone {
            lock.claimed(claim.fencing);
        }
        let plan = ready.plan();
        let head = (!matches!(purpose, Purpose::Resume(_))).then(|| plan.plan().subject.head_sha.clone());
        let look = |forge: &Arc<dyn Forge>| LastLook::new(Arc::clone(forge), plan.plan());
        let commits = |step: &&Step| step.actions.iter().any(|action| matches!(action, Action::Commit(_)));
        let recorder = Recorder {
            ledger,
            clock: world.clock,
            plan: plan.digest(),
            run: claim.run.clone(),
            fencing: claim.fencing,
            approvals: plan.approvals().to_vec(),
            last_look: forge.filter(|_| head.is_some()).map(look),
            head,
            checkout,
            committers: plan.plan().steps.iter().filter(commits).map(|step| step.id.clone()).collect(),
            workspace,
            outputs: outputs(plan.plan()),
            renderer,
            out: world.console.share_stderr(),
            events: Vec::new(),
            products: BTreeMap::new(),
            unhashed: Vec::new(),
            signer: hand.into_signer(),
            orders,
            tampered: None,
        };
        let (recorder, outcome) = drive(runtime, ready.fenced(claim.fencing.to_string()), recorder)?;
        if recorder.is_over() {
            lock.forget();
        } else {
            drop(lock);
        }
        drop(scratch);
        Ok(Over { claim, recorder, outcome })
    }
}

/// Whether other processes may carry out steps of the same run.
fn hold(purpose: &Purpose) -> Hold {
    if matches!(purpose, Purpose::Join { .. }) { Hold::Beside } else { Hold::Alone }
}

fn only(purpose: &Purpose) -> Option<BTreeSet<Id>> {
    match purpose {
        Purpose::Join { steps, .. } => Some(steps.clone()),
        Purpose::Start | Purpose::Resume(_) => None,
    }
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Refusal::new(INTERNAL, format!("no runtime: {e}")))
}

/// Runs the plan as a task like its steps: where one ends, the next is begun on the same processor. The runtime ends with
/// it, before anybody lets the run go.
fn drive(runtime: Runtime, ready: Ready, mut recorder: Recorder) -> Result<(Recorder, RunOutcome)> {
    runtime.block_on(async {
        let cancel = Cancel::default();
        let watch = cancel.clone();
        let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        let watcher = tokio::spawn(async move {
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else { return };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            watch.cancel();
        });
        let run = tokio::spawn(async move {
            let outcome = execute::run(ready, &mut recorder, cancel).await;
            (recorder, outcome)
        });
        let ended = run.await.map_err(|e| Refusal::new(INTERNAL, format!("the run stopped: {e}")));
        watcher.abort();
        ended
    })
}

/// Takes the secrets that the plan declares from the environment, each under its own name.
fn secrets(plan: &Plan, world: &World) -> Result<BTreeMap<String, Secret>> {
    let mut secrets = BTreeMap::new();
    for action in plan.steps.iter().flat_map(Step::every_action) {
        let Action::Run(run) = action else { continue };
        for name in &run.secrets {
            let value = world.env.text(name).ok_or_else(|| {
                Refusal::new(SECRET_MISSING, format!("the variable {name} is not set")).subject(name.as_str())
            })?;
            secrets.insert(name.clone(), Secret::new(value.to_owned()));
        }
    }
    Ok(secrets)
}

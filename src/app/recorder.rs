//! The ledger as the run's first listener: what is not on record does not happen.

use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc};

use super::{ci::OrderFiles, statements::Scribe};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        parallel,
        path::RepoPath,
        reason::{INTERNAL, Refusal, Result},
        time::Clock,
    },
    event::{RunEvent, RunStatus},
    execute::EventSink,
    forge::{Checkout, Forge},
    ledger::{Batch, Ledger, format::MAX_BATCH},
    plan::model::{Action, Plan, Subject},
    report::Renderer,
    sign::Signer,
    verify::{self, reasons::HEAD_MOVED},
};

/// The most bytes of a declared output file that is hashed at the end.
const MAX_PRODUCT: u64 = 1 << 30;

/// Records events in the ledger, then shows them.
pub(crate) struct Recorder {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) plan: Digest,
    pub(crate) run: Id,
    pub(crate) fencing: u64,
    pub(crate) approvals: Vec<Digest>,
    /// The head commit that must still be there before each side effect; none once the run itself moves it.
    pub(crate) head: Option<String>,
    /// Asks the forge once more, just before the first step; none once it has.
    pub(crate) last_look: Option<LastLook>,
    /// Where the head is read, afresh each time; opened once, since opening costs as much as a small step.
    pub(crate) checkout: Checkout,
    /// The steps that commit.
    pub(crate) committers: Vec<Id>,
    pub(crate) work_tree: PathBuf,
    pub(crate) outputs: Vec<RepoPath>,
    pub(crate) renderer: Box<dyn Renderer + Send>,
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) events: Vec<RunEvent>,
    pub(crate) products: BTreeMap<String, Digest>,
    /// The files by which a runner takes orders, as they were before the first step.
    pub(crate) orders: OrderFiles,
    /// What was found changed there.
    pub(crate) tampered: Option<Refusal>,
}

/// What must still be so on the forge just before the first side effect.
pub(crate) struct LastLook {
    forge: Arc<dyn Forge>,
    subject: Subject,
}

impl LastLook {
    /// Remembers what to look for.
    pub(crate) fn new(forge: Arc<dyn Forge>, plan: &Plan) -> Self {
        Self { forge, subject: plan.subject.clone() }
    }

    /// Looks, on a thread of its own: a forge waits for the network, and the run's own thread must not.
    fn take(self) -> Result<()> {
        let looked = std::thread::spawn(move || self.look()).join();
        looked.map_err(|_| Refusal::new(INTERNAL, "the forge's client stopped"))?
    }

    fn look(&self) -> Result<()> {
        let tip = self.forge.tip(&self.subject.base_ref)?;
        let change = self.subject.change_request.map(|number| self.forge.change_request(number)).transpose()?;
        verify::unmoved(&self.subject, &self.subject.base_sha, &tip, change.as_ref()).map(drop)
    }
}

impl Recorder {
    /// Tells whether the run's end is on record, and leaves nothing that somebody must decide.
    pub(crate) fn is_over(&self) -> bool {
        let certain = |status| status != RunStatus::Indeterminate;
        self.events
            .iter()
            .any(|event| matches!(event, RunEvent::RunFinished { outcome, .. } if certain(outcome.status)))
    }

    fn append(&mut self, events: &[RunEvent]) -> Result<()> {
        if events.iter().any(|event| matches!(event, RunEvent::RunFinished { .. })) {
            self.products = products(&self.work_tree, &self.outputs);
        }
        let (plan, run, fencing) = (self.plan, self.run.clone(), self.fencing);
        let scribe = Scribe { plan, run, fencing, signer: self.signer.as_ref() };
        let recorded = events.iter().any(|event| !matches!(event, RunEvent::RunStarted { .. }));
        if recorded {
            let products = &self.products;
            self.ledger.append(self.clock, |seen| {
                // Signing is most of it, and no step starts meanwhile.
                let entries = parallel::map(events, |event| scribe.entries(event, products, (seen.head.seq, seen.now)));
                let entries = entries.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
                Ok(Batch { entries, objects: Vec::new() })
            })?;
        }
        for event in events {
            if matches!(event, RunEvent::StepStarted { step, .. } if self.committers.contains(step)) {
                self.head = None;
            }
            // What is shown is no record: a closed output stops nothing.
            let _ = self.renderer.event(self.out.as_mut(), event);
            self.events.push(event.clone());
        }
        Ok(())
    }
}

impl EventSink for Recorder {
    fn record_batch(&mut self, events: &[RunEvent]) -> Result<()> {
        // A batch of entries is bounded, an event makes two at most; what is queued is not.
        events.chunks(MAX_BATCH / 2).try_for_each(|events| self.append(events))
    }

    fn after_step(&mut self) -> Result<()> {
        let looked = self.orders.check();
        if let Err(why) = &looked {
            self.tampered.get_or_insert_with(|| why.clone());
        }
        looked
    }

    fn waits(&self) -> bool {
        self.ledger.has_remote() || self.last_look.is_some()
    }

    fn may_continue(&mut self) -> Result<()> {
        if let Some(planned) = &self.head {
            let here = self.checkout.head()?;
            if here != *planned {
                return Err(Refusal::new(HEAD_MOVED, format!("the plan is for {planned}, here is {here}")));
            }
        }
        if let Some(look) = self.last_look.take() {
            look.take()?;
        }
        let now = self.clock.now();
        let state = self.ledger.read(now)?.state();
        state.check_running()?;
        state.check_plan_alive(&self.plan, now)?;
        for approval in &self.approvals {
            state.check_not_revoked(approval)?;
        }
        Ok(())
    }
}

/// Returns the single files that a plan declares to write.
pub(crate) fn outputs(plan: &Plan) -> Vec<RepoPath> {
    let mut paths: Vec<RepoPath> =
        plan.steps.iter().flat_map(|step| &step.actions).flat_map(Action::writes).cloned().collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Hashes the declared output files that are there; folders and links are no products.
fn products(work_tree: &std::path::Path, outputs: &[RepoPath]) -> BTreeMap<String, Digest> {
    let mut products = BTreeMap::new();
    for path in outputs {
        let full = work_tree.join(path.as_str());
        let fits = full.symlink_metadata().is_ok_and(|data| data.is_file() && data.len() <= MAX_PRODUCT);
        let digest =
            fits.then(|| std::fs::File::open(&full).and_then(Digest::of_reader)).and_then(std::result::Result::ok);
        products.extend(digest.map(|(digest, _)| (path.to_string(), digest)));
    }
    products
}

//! The ledger as the run's first listener: what is not on record does not happen.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write},
    sync::Arc,
};

use rustix::fs::FileType;

use super::{ci::OrderFiles, statements::Scribe};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        parallel,
        path::RepoPath,
        reason::{INTERNAL, IO, LIMIT_SIZE, Refusal, Result},
        time::Clock,
    },
    event::{RunEvent, RunStatus},
    execute::EventSink,
    forge::{Checkout, Forge},
    ledger::{Batch, Ledger, format::MAX_BATCH},
    plan::model::{Action, Plan, Subject},
    report::Renderer,
    sign::Signer,
    step::workspace::Workspace,
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
    /// Where the declared outputs lie.
    pub(crate) workspace: Workspace,
    pub(crate) outputs: Vec<RepoPath>,
    pub(crate) renderer: Box<dyn Renderer + Send>,
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) events: Vec<RunEvent>,
    pub(crate) products: BTreeMap<String, Digest>,
    /// Why declared outputs that are there are no products.
    pub(crate) unhashed: Vec<Refusal>,
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
        let subject = &self.subject;
        match subject.change_request {
            // One request is what there is: the tip of its base was seen when the door opened.
            Some(number) => verify::same_change(subject, &self.forge.change_request(number)?).map(drop),
            None => verify::same_base(&subject.base_sha, &self.forge.tip(&subject.base_ref)?).map(drop),
        }
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
            (self.products, self.unhashed) = products(&self.workspace, &self.outputs, MAX_PRODUCT);
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

/// Hashes the declared output files that are there, beside why others could not be; folders are no products.
fn products(workspace: &Workspace, outputs: &[RepoPath], most: u64) -> (BTreeMap<String, Digest>, Vec<Refusal>) {
    let (mut products, mut unhashed) = (BTreeMap::new(), Vec::new());
    for path in outputs {
        match product(workspace, path, most) {
            Ok(digest) => products.extend(digest.map(|digest| (path.to_string(), digest))),
            Err(why) => unhashed.push(why),
        }
    }
    (products, unhashed)
}

/// Hashes a file through no link; nothing where there is none, or a folder.
fn product(workspace: &Workspace, path: &RepoPath, most: u64) -> Result<Option<Digest>> {
    let Some((_, stat)) = workspace.locate(path)? else { return Ok(None) };
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Ok(None);
    }
    let (file, _) = workspace.open_file(path)?;
    let failed = |e: std::io::Error| Refusal::new(IO, format!("cannot read `{path}`: {e}")).subject(path.as_str());
    let (digest, length) = Digest::of_reader(file.take(most + 1)).map_err(failed)?;
    if length > most {
        return Err(Refusal::new(LIMIT_SIZE, format!("`{path}` is larger than {most} bytes")).subject(path.as_str()));
    }
    Ok(Some(digest))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_what_lies_in_the_checkout_itself_is_a_product_and_what_is_left_out_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("checkout");
        fs::create_dir_all(top.join("folder")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        for path in ["outside/a", "checkout/a", "checkout/large"] {
            fs::write(dir.path().join(path), if path.ends_with("large") { "12345" } else { "1234" }).unwrap();
        }
        symlink(dir.path().join("outside"), top.join("out")).unwrap();
        symlink("a", top.join("link")).unwrap();
        let workspace = Workspace::open(&top).unwrap();
        let outputs: Vec<RepoPath> =
            ["a", "folder", "large", "link", "none", "out/a"].map(|path| path.parse().unwrap()).to_vec();
        let (products, unhashed) = products(&workspace, &outputs, 4);
        assert_eq!(products, BTreeMap::from([("a".to_owned(), Digest::of(b"1234"))]));
        let said: Vec<_> = unhashed.iter().map(|why| (why.code(), why.about().unwrap())).collect();
        assert_eq!(said, [("limit.size", "large"), ("path.symlink", "link"), ("path.symlink", "out/a")]);
    }
}

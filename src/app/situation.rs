//! Everything that `verify` looks at, gathered just now.

use std::{collections::BTreeSet, sync::Arc, thread};

use super::{
    draft,
    forge::Asking,
    ledger::Reading,
    logins,
    run::told::{self, Told},
    session::Session,
    tracking,
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        method::Method,
        path::RepoPath,
        reason::{PATH_INVALID, Result},
        text::visible,
        time::Timestamp,
    },
    facts::Facts,
    ledger::{Ledger, State},
    plan::{
        SealedPlan,
        model::{Plan, Step},
    },
    policy::{
        self, Decision, Policy,
        evaluate::{Question, evaluate},
    },
    review::{ReviewReport, review},
    sign::{TrustRoot, predicate::LedgerHead},
    step::{
        self, Kind as _,
        committed::{Apart, Committed},
        kind_of, kinds,
        workspace::Workspace,
    },
    verify::{Case, Chain, Conformance, Identity, Purpose, Tracked},
};

/// From how many steps on a plan's view is rendered on a thread of its own.
const LONG_VIEW: usize = 50;

/// Everything that `verify` looks at.
pub(crate) struct Situation {
    pub(crate) policy: Policy,
    pub(crate) decision: Decision,
    pub(crate) ledger: Ledger,
    plan: Digest,
    root: Arc<TrustRoot>,
    facts: Facts,
    modified: Vec<String>,
    left_out: Vec<String>,
    own_commits: BTreeSet<String>,
    in_base: BTreeSet<String>,
    conformance: Conformance,
    identity: Identity,
    tracked: Option<Tracked>,
    purpose: Purpose,
    named: Option<Digest>,
    now: Timestamp,
}

/// What a plan is looked at for.
pub(crate) struct Aim {
    /// The digest that it was named by, where it was.
    pub(crate) named: Option<Digest>,
    pub(crate) purpose: Purpose,
    pub(crate) now: Timestamp,
}

impl Aim {
    /// To begin a run, now.
    pub(crate) fn start(named: Option<Digest>, now: Timestamp) -> Self {
        Self { named, purpose: Purpose::Start, now }
    }
}

impl Situation {
    /// Looks at the checkout, waits for the ledger and asks the policy, for one plan; the facts are those that the
    /// session observed when it was opened, just now.
    pub(crate) fn gather(
        session: &Session,
        policy: Policy,
        plan: &SealedPlan,
        aim: Aim,
        reading: Reading,
        asking: Option<Asking<'_>>,
    ) -> Result<Self> {
        thread::scope(|scope| {
            if plan.plan().steps.len() >= LONG_VIEW {
                // Where there is no thread to be had, the door computes it when it asks.
                let _ = thread::Builder::new().spawn_scoped(scope, || plan.view_digest());
            }
            let Aim { named, purpose, now: clock } = aim;
            let decision = decide(&policy, plan, clock, policy::Purpose::Execute);
            let conformance = draft::conformance(session, &policy, plan)?;
            let tracked = tracking::tracked(session, plan.plan())?;
            let mut modified = session.checkout.modified()?;
            let left_out = compare(session, plan.plan(), &purpose, &mut modified)?;
            let mut facts = session.facts.clone();
            // The door will ask for it; while the ledger is read there is time.
            let _ = plan.view_digest();
            let mut ledger = reading.finish()?;
            let digest = plan.digest();
            let state = ledger.read_for(&digest, clock)?.state();
            let in_base = session.checkout.in_history(commits_of_jobs(state, &digest), &facts.base_sha);
            facts.forge = match asking {
                None => None,
                Some(asking) => {
                    let approvals = || state.approvals_of(&digest).map(|known| known.approval.stated());
                    let evidence = approvals().filter_map(|approval| approval.evidence.as_deref());
                    let mut observed = asking.observe(session, plan.plan(), evidence, tracked.as_ref())?;
                    let people = approvals().filter(|approval| approval.method != Method::Policy);
                    asking.add_logins(&mut observed, people.map(|approval| approval.approver.id))?;
                    Some(Box::new(observed))
                }
            };
            let own_commits = match &purpose {
                Purpose::Start | Purpose::Join { .. } => BTreeSet::new(),
                Purpose::Resume(run) => own_commits(&mut ledger, run, session, &facts, clock)?,
            };
            Ok(Self {
                conformance,
                facts,
                modified,
                left_out,
                own_commits,
                in_base,
                root: Arc::new(session.root.clone()),
                policy,
                decision,
                ledger,
                plan: plan.digest(),
                identity: Identity::NotShown,
                tracked,
                purpose,
                named,
                now: clock,
            })
        })
    }

    /// Adds what shows which CI job runs.
    pub(crate) fn shown_by(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Takes what an earlier job may have left in the folder of work for changes, where the trust root takes jobs on
    /// machines that outlive them.
    pub(crate) fn left_behind(mut self, session: &Session) -> Result<Self> {
        if session.root.takes_self_hosted() {
            self.modified.extend(session.checkout.leftovers()?);
            self.modified.sort();
            self.modified.dedup();
        }
        Ok(self)
    }

    /// Says of whom that approved the login on the forge is another than in the trust root.
    pub(crate) fn renamed(&self, session: &Session) -> Vec<String> {
        logins::told(self.facts.forge.as_deref(), session)
    }

    /// Hands the case to the door.
    pub(crate) fn with_case<T>(&mut self, ask: impl FnOnce(&Case<'_>) -> T) -> Result<T> {
        let chain = self.ledger.read_for(&self.plan, self.now)?;
        let must_contain = |head: &LedgerHead| chain.must_contain(head);
        let case = Case {
            named: self.named,
            root: &self.root,
            policy: &self.policy,
            decision: &self.decision,
            facts: &self.facts,
            modified: &self.modified,
            left_out: &self.left_out,
            own_commits: &self.own_commits,
            in_base: Some(&self.in_base),
            conformance: &self.conformance,
            chain: Chain { state: chain.state(), must_contain: &must_contain, last_at: chain.last_at() },
            identity: &self.identity,
            tracked: self.tracked.as_ref(),
            purpose: self.purpose.clone(),
            now: self.now,
        };
        Ok(ask(&case))
    }
}

/// Compares what the steps of a plan read and write with the commit that it is for, whatever git's index says; adds what
/// differs, and returns what no commit holds and no step will be able to read.
fn compare(session: &Session, plan: &Plan, purpose: &Purpose, modified: &mut Vec<String>) -> Result<Vec<String>> {
    // A plan for another commit is refused for that.
    let resumed = matches!(purpose, Purpose::Resume(_));
    if plan.subject.head_sha != session.facts.head_sha && !resumed {
        return Ok(Vec::new());
    }
    let state = step::state(plan);
    let all_writes: Vec<RepoPath> = plan.steps.iter().flat_map(Step::writes).cloned().collect();
    let written = if resumed { all_writes.as_slice() } else { &[] };
    let actions = plan.steps.iter().flat_map(Step::every_action);
    let reads = actions.flat_map(|action| kind_of(action).touch(action).reads).map(|read| read.path);
    let paths: BTreeSet<RepoPath> = reads.chain(all_writes.iter().cloned()).collect();
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let workspace = Workspace::open(session.checkout.workdir())?;
    let commit = Committed::new(session.checkout.workdir().to_owned(), plan.subject.head_sha.clone());
    let (mut changed, mut left_out) = (BTreeSet::new(), BTreeSet::new());
    for path in &paths {
        let found = match commit.compare(&workspace, path, Apart { written, state: &state }) {
            Ok(found) => found,
            // Where a path leads to is for the step itself to refuse.
            Err(why) if why.reason().is_akin(PATH_INVALID) => continue,
            Err(why) => return Err(why),
        };
        changed.extend(found.changed.iter().map(|path| visible(path)));
        left_out.extend(found.strange.iter().map(|path| visible(path)));
    }
    changed.extend(std::mem::take(modified));
    modified.extend(changed);
    Ok(left_out.into_iter().collect())
}

/// Returns the commits from which came the workflows of jobs that signed approvals of a plan without a key.
fn commits_of_jobs<'s>(state: &'s State, plan: &Digest) -> BTreeSet<&'s str> {
    let proven = state.approvals_of(plan).filter_map(|known| known.approval.proven());
    let jobs = proven.flat_map(|approval| approval.signatories()).filter_map(|signatory| signatory.job.as_deref());
    jobs.flat_map(|vouched| vouched.job.commits()).collect()
}

/// Returns which of the present head and base are commits that a run made and recorded.
fn own_commits(
    ledger: &mut Ledger,
    run: &Id,
    session: &Session,
    facts: &Facts,
    now: Timestamp,
) -> Result<BTreeSet<String>> {
    let mut made = BTreeSet::new();
    told::each(ledger, run, now, |told| {
        let Told::Ended(ended) = told else { return Ok(()) };
        if !ended.record.retrying {
            let outcome = ended.outcome()?;
            let commits = outcome.actions.iter().filter(|action| action.kind.as_str() == kinds::Commit.word());
            made.extend(commits.filter_map(|action| action.digest));
        }
        Ok(())
    })?;
    let mut own = BTreeSet::new();
    for commit in [&facts.head_sha, &facts.base_sha] {
        if made.contains(&session.checkout.commit_digest(commit)?) {
            own.insert(commit.clone());
        }
    }
    Ok(own)
}

/// Reviews a plan and asks the policy about it.
pub(crate) fn decide(policy: &Policy, plan: &SealedPlan, now: Timestamp, purpose: policy::Purpose) -> Decision {
    let report = report(policy, plan);
    evaluate(Question { policy, plan: plan.plan(), digest: plan.digest(), report: &report, now, purpose })
}

/// Reviews a plan under the settings of a policy.
pub(crate) fn report(policy: &Policy, plan: &SealedPlan) -> ReviewReport {
    review(plan.plan(), plan.digest(), &policy.review_settings())
}

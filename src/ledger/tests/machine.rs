//! Random sequences of entries: whatever is tried, the promises hold in every state that is reached, and a reader that
//! keeps less reaches the same verdicts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::support::*;
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        resolve_as::ResolveAs,
        time::{SKEW, Timestamp},
    },
    event::RunStatus,
    ledger::{
        Chain, Entry, Keep, Record, State,
        status::{Executor, Gate, run_status, status},
    },
    sign::{
        Envelope, TrustRoot,
        key::Signer as _,
        predicate::{RevocationTarget, Scope},
    },
};

/// How many plans there may be.
const PLANS: u64 = 4;
/// How many names of runs there are.
const RUNS: u8 = 5;
/// When everything begins: no time before it is looked at.
const BEGIN: i64 = 200;

/// What may be tried; numbers choose among the few plans, runs, steps and approvals there are.
#[derive(Clone, Debug)]
enum Try {
    Plan(u64, Option<u64>, i64),
    Review(u64),
    Approve(u64, bool),
    Reject(u64),
    /// Words and a label that mean nothing to any rule.
    Note(u64),
    RevokeApproval(usize),
    RevokePlan(u64),
    RevokeKey,
    Claim(u64, u8, u32, Vec<usize>),
    /// A claim of anything at all: a plan, a name, approvals of whatever plan, a token.
    StrayClaim(u64, u8, u32, Vec<usize>, Option<u8>),
    Start(u8, u8, u32),
    Finish(u8, u8, u32, &'static str, bool),
    End(u8, &'static str),
    Resolve(u8, u8, ResolveAs),
    /// A word on a run, said to be of a plan that it may not be of.
    Stray(u64, u8, u8),
    Halt(bool),
    Checkpoint,
}

/// An attempt: what, how many seconds after the one before, and how far its own clock is behind.
type Attempt = (Try, i64, i64);

fn one_try() -> impl Strategy<Value = Try> {
    let plan = 0..PLANS;
    let run = 0..RUNS;
    let step = 0..2_u8;
    let finish = prop_oneof![Just("succeeded"), Just("failed"), Just("indeterminate"), Just("skipped")];
    let end =
        prop_oneof![3 => Just("completed"), 3 => Just("failed"), 1 => Just("indeterminate"), 1 => Just("cancelled")];
    let resolve = prop_oneof![Just(ResolveAs::Retry), Just(ResolveAs::Skip), Just(ResolveAs::Abort)];
    let expires = prop_oneof![Just(5_000_i64), Just(BEGIN + 100), Just(BEGIN + 400)];
    let grants = || proptest::collection::vec(0..8_usize, 1..3);
    // What ends everything is rare, so that the long ways are walked too.
    prop_oneof![
        6 => (plan.clone(), proptest::option::weighted(0.3, plan.clone()), expires)
            .prop_map(|(n, old, expires)| Try::Plan(n, old, expires)),
        2 => plan.clone().prop_map(Try::Review),
        8 => (plan.clone(), proptest::bool::weighted(0.3)).prop_map(|(n, session)| Try::Approve(n, session)),
        2 => plan.clone().prop_map(Try::Reject),
        4 => plan.clone().prop_map(Try::Note),
        6 => (0..8_usize).prop_map(Try::RevokeApproval),
        2 => plan.clone().prop_map(Try::RevokePlan),
        24 => (plan.clone(), run.clone(), 1..4_u32, grants())
            .prop_map(|(n, run, attempt, grants)| Try::Claim(n, run, attempt, grants)),
        8 => (plan.clone(), run.clone(), 1..3_u32, grants(), proptest::option::of(0..2_u8))
            .prop_map(|(n, run, attempt, grants, token)| Try::StrayClaim(n, run, attempt, grants, token)),
        16 => (run.clone(), step.clone(), 1..6_u32).prop_map(|(run, step, attempt)| Try::Start(run, step, attempt)),
        16 => (run.clone(), step.clone(), 0..6_u32, finish, proptest::bool::weighted(0.3))
            .prop_map(|(run, step, attempt, how, again)| Try::Finish(run, step, attempt, how, again)),
        12 => (run.clone(), end).prop_map(|(run, how)| Try::End(run, how)),
        8 => (run.clone(), step, resolve).prop_map(|(run, step, how)| Try::Resolve(run, step, how)),
        4 => (plan, run, 0..5_u8).prop_map(|(n, run, what)| Try::Stray(n, run, what)),
        2 => proptest::bool::weighted(0.3).prop_map(Try::Halt),
        1 => Just(Try::Checkpoint),
    ]
}

/// A plan that comes to some end, and what is said of it too late.
fn story() -> impl Strategy<Value = Vec<Try>> {
    let expires = prop_oneof![2 => Just(5_000_i64), 1 => Just(BEGIN + 100), 1 => Just(BEGIN + 300)];
    let end = prop_oneof![4 => Just("completed"), 1 => Just("failed")];
    let about = |n: u64, what: u8| match what {
        0 => Try::Reject(n),
        1 => Try::RevokePlan(n),
        2 => Try::Plan((n + 1) % PLANS, Some(n), 5_000),
        3 => Try::Note(n),
        _ => Try::Review(n),
    };
    let late = proptest::collection::vec(0..5_u8, 0..4);
    (0..PLANS, 0..RUNS, proptest::bool::weighted(0.4), expires, end, 1..5_usize, late).prop_map(
        move |(n, run, session, expires, end, length, late)| {
            let plan = Try::Plan(n, None, expires);
            let mut all = vec![plan, Try::Approve(n, session), Try::Claim(n, run, 1, vec![0]), Try::End(run, end)];
            all.truncate(length);
            all.extend(late.into_iter().map(|what| about(n, what)));
            all
        },
    )
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let tries = prop_oneof![40 => one_try().prop_map(|one| vec![one]), 16 => story(), 1 => Just(vec![Try::RevokeKey])];
    let later = prop_oneof![16 => Just(0_i64), 3 => 1..30_i64, 1 => 40..90_i64];
    let behind = prop_oneof![12 => Just(0_i64), 1 => 1..=SKEW, 1 => Just(SKEW), 1 => Just(SKEW + 1)];
    let timed = (tries, later, behind).prop_map(|(tries, later, behind)| {
        tries.into_iter().enumerate().map(|(n, one)| (one, if n == 0 { later } else { 0 }, behind)).collect::<Vec<_>>()
    });
    proptest::collection::vec(timed, 1..80).prop_map(|all| all.concat())
}

/// What the test itself remembers, so that it does not believe the state it checks.
#[derive(Default)]
struct Memory {
    grants: Vec<(Digest, Digest)>,
    single: BTreeSet<Digest>,
    used_by: BTreeMap<Digest, BTreeSet<Id>>,
    over: BTreeMap<Id, RunStatus>,
    ended: BTreeMap<Digest, RunStatus>,
    unknown: BTreeSet<Id>,
}

fn attempt(chain: &Chain, memory: &Memory, wanted: &Try, n: u64) -> Envelope {
    let head = &chain.head().unwrap();
    let name = |run: u8| format!("r{run}");
    let step_name = |step: u8| format!("s{step}");
    let known = |run: u8| chain.state().run(&id(&name(run)));
    let plan_of =
        |run: u8| (0..PLANS).find(|n| known(run).is_some_and(|r| r.claim.plan == plan_digest(*n))).unwrap_or(0);
    let grant = |i: &usize| memory.grants.get(*i).map_or_else(|| plan_digest(99), |(grant, _)| *grant);
    let grant_of = |number: u64, i: usize| {
        let own: Vec<_> = memory.grants.iter().filter(|(_, plan)| *plan == plan_digest(number)).collect();
        own.get(i % own.len().max(1)).map_or_else(|| plan_digest(99), |(grant, _)| *grant)
    };
    let last = |run: u8, step: u8| {
        known(run).and_then(|r| r.steps.get(&id(&step_name(step)))).map_or(0, |state| state.attempt())
    };
    match wanted {
        Try::Plan(number, old, expires) => plan_until(t(*expires), head, *number, old.map(plan_digest)),
        Try::Review(number) => reviewed(head, *number, n),
        Try::Approve(number, session) => {
            let mut approval = approval(head, *number, n);
            if *session {
                (approval.scope, approval.max_uses) = (Scope::Session, 2);
            }
            sign(Who::Bob, Some(plan_digest(*number)), approval)
        }
        Try::Reject(number) => rejection(head, *number, n),
        Try::Note(number) => note(*number, Some("approved"), &["approved"], &[])(head),
        Try::RevokeApproval(i) => revocation(head, RevocationTarget::Approval(grant(i)), n),
        Try::RevokePlan(number) => revocation(head, RevocationTarget::Plan(plan_digest(*number)), n),
        Try::RevokeKey => revocation(head, RevocationTarget::Key(Who::Bob.key().key_id()), n),
        Try::Claim(number, run, attempt, grants) => {
            // Mostly what could succeed: the run's own plan, next attempt and approvals.
            let next = known(*run).map_or(1, |r| r.claim.attempt + 1);
            let attempt = if *attempt == 3 { 3 } else { next };
            let number = known(*run).map_or(*number, |_| plan_of(*run));
            let approvals = known(*run)
                .map_or_else(|| grants.iter().map(|i| grant_of(number, *i)).collect(), |r| r.claim.approvals.clone());
            claim(head, number, &name(*run), attempt, approvals, n)
        }
        Try::StrayClaim(number, run, attempt, grants, token) => {
            let token = token.map(|token| Digest::of(&[token]));
            claim_of(head, *number, &name(*run), *attempt, grants.iter().map(grant).collect(), n, token)
        }
        Try::Start(run, step, attempt) => {
            let fencing = known(*run).map_or(0, |r| r.fencing);
            let attempt = if *attempt == 5 { 5 } else { last(*run, *step) + 1 };
            started(plan_of(*run), &name(*run), &step_name(*step), attempt, fencing)
        }
        Try::Finish(run, step, attempt, how, again) => {
            let attempt = if matches!(attempt, 0 | 5) { *attempt } else { last(*run, *step) };
            let fencing = known(*run).map_or(0, |r| r.fencing);
            finished_under(fencing, plan_of(*run), &name(*run), &step_name(*step), attempt, how, *again)
        }
        Try::End(run, how) => outcome(plan_of(*run), &name(*run), how),
        Try::Resolve(run, step, how) => resolution(head, plan_of(*run), &name(*run), &step_name(*step), *how, n),
        Try::Stray(number, run, what) => match what {
            0 => started(*number, &name(*run), "s0", 1, known(*run).map_or(0, |r| r.fencing)),
            1 => finished(*number, &name(*run), "s0", 1, "succeeded", false),
            2 => outcome(*number, &name(*run), "failed"),
            3 => resolution(head, *number, &name(*run), "s0", ResolveAs::Retry, n),
            _ => read_back(*number, &name(*run), "s0"),
        },
        Try::Halt(on) => halt(head, *on, n),
        Try::Checkpoint => checkpoint(Who::Ci, head, 3),
    }
}

fn remember(memory: &mut Memory, entry: &Entry) {
    match &entry.record {
        Record::Approval(approval) => {
            memory.grants.push((approval.payload(), approval.stated().binding.plan));
            if approval.stated().scope == Scope::SingleRun {
                memory.single.insert(approval.payload());
            }
        }
        Record::Claim(claim) => {
            for grant in &claim.approvals {
                memory.used_by.entry(*grant).or_default().insert(claim.run.clone());
            }
        }
        _ => {}
    }
}

fn check(memory: &mut Memory, chain: &Chain, entry: &Entry) -> Result<(), TestCaseError> {
    let state = chain.state();
    let runs = state.runs().unwrap();
    // No entry that follows is of a time before this.
    let earliest = chain.last_at().plus(-SKEW);
    for (grant, runs) in &memory.used_by {
        let most = if memory.single.contains(grant) { 1 } else { 2 };
        prop_assert!(runs.len() <= most, "approval {grant} was used by {runs:?}");
    }
    for (run, was) in &memory.over {
        prop_assert_eq!(run_status(state, &runs[run], Executor::Unseen), *was, "a run that was over changed");
    }
    for (plan, was) in &memory.ended {
        let now = status(state, plan, earliest, Gate::Open, Executor::Unseen).unwrap();
        // Whatever is out of time may still be rejected, taken back or replaced.
        // A run that was under way when its plan was rejected or taken back may have been carried out all the same.
        let carried_out = matches!(was, RunStatus::Rejected | RunStatus::Revoked) && now == RunStatus::Completed;
        let kept = now == *was || *was == RunStatus::Expired && now.is_terminal() || carried_out;
        prop_assert!(kept, "a plan that was at its end, {was:?}, became {now:?}");
    }
    let resolved = matches!(entry.record, Record::Resolution(_));
    for run in &memory.unknown {
        let still = run_status(state, &runs[run], Executor::Unseen) == RunStatus::Indeterminate;
        prop_assert!(still || resolved, "run {run} left `indeterminate` by a {}", entry.record.kind());
    }
    for (name, run) in runs {
        if run.is_over() && !run.can_resume() {
            memory.over.entry(name.clone()).or_insert_with(|| run_status(state, run, Executor::Unseen));
        }
    }
    memory.unknown = runs
        .iter()
        .filter(|(_, run)| run_status(state, run, Executor::Unseen) == RunStatus::Indeterminate)
        .map(|(name, _)| name.clone())
        .collect();
    for plan in state.plans().unwrap().keys() {
        if let Some(now) = status(state, plan, earliest, Gate::Open, Executor::Unseen)
            && now.is_terminal()
        {
            memory.ended.insert(*plan, now);
        }
    }
    Ok(())
}

/// Checks that a note is taken whatever became of its plan, and that nothing comes of it, for that plan or another.
fn unmoved(before: &Chain, after: &Chain, number: u64, taken: bool, now: Timestamp) -> Result<(), TestCaseError> {
    let all = |state: &State| {
        let plans = state.plans().unwrap();
        let how = |plan: &Digest| status(state, plan, now, Gate::Open, Executor::Unseen);
        let standings: Vec<_> = plans.keys().map(how).collect();
        let rest = (&state.halt, &state.revoked_keys, state.checkpoint(), state.trust_root_version(), &state.past);
        format!("{plans:?} {:?} {:?} {standings:?} {rest:?}", state.approvals, state.runs)
    };
    prop_assert_eq!(all(before.state()), all(after.state()), "a note changed something");
    // Bob's clock may be behind, and his key may be taken back; nothing else keeps him from writing.
    let known = before.state().plans().unwrap().contains_key(&plan_digest(number));
    let silenced = before.state().key_revoked(&Who::Bob.key().key_id()).is_some();
    prop_assert!(known || !taken, "a note on a plan that is not there");
    prop_assert!(taken || !known || silenced || after.last_at() > now.plus(-SKEW - 1), "a note was refused");
    Ok(())
}

/// One ledger as three readers have it: all of it, all of plan 0, and nothing of what is over.
#[derive(Clone)]
struct Readers([Chain; 3]);

impl Readers {
    fn new(root: &TrustRoot) -> Self {
        let keeps = [Keep::All, Keep::Only(plan_digest(0)), Keep::Nothing];
        Self(keeps.map(|keep| Chain::new(root, None).keeping(keep)))
    }

    fn all(&self) -> &Chain {
        &self.0[0]
    }

    /// Lets each take one entry, which all must take or refuse for the same reason.
    fn each<T>(
        &mut self,
        take: impl Fn(&mut Chain) -> crate::base::reason::Result<T>,
    ) -> Result<Option<T>, TestCaseError> {
        let [all, only, nothing] = self.0.each_mut().map(take);
        let code = |taken: &crate::base::reason::Result<T>| taken.as_ref().map_or_else(|e| e.code(), |_| "ok");
        prop_assert_eq!(code(&all), code(&only), "where one plan is kept");
        prop_assert_eq!(code(&all), code(&nothing), "where nothing is kept");
        Ok(all.ok())
    }

    /// Checks that what each has kept is what there is, and that plan 0 is kept whole where it was asked for.
    fn compare(&self) -> Result<(), TestCaseError> {
        let [all, only, nothing] = self.0.each_ref().map(Chain::state);
        for lean in [only, nothing] {
            kept(&lean.plans, &all.plans)?;
            kept(&lean.approvals, &all.approvals)?;
            kept(&lean.runs, &all.runs)?;
            prop_assert_eq!(lean.counts(), all.counts());
            for run in all.runs.keys() {
                prop_assert!(lean.knows_run(run));
            }
        }
        let whole = |state: &State| {
            let plan = plan_digest(0);
            let runs: Vec<_> = state.runs.values().filter(|run| run.claim.plan == plan).cloned().collect();
            format!("{:?} {:?} {runs:?}", state.plan(&plan), state.approvals_of(&plan).collect::<Vec<_>>())
        };
        prop_assert_eq!(whole(only), whole(all));
        Ok(())
    }
}

/// What a reader knows of a plan and of the whole, of entries that a checkpoint covers up to one of them.
fn read_for(
    plan: Digest,
    lines: &[Vec<u8>],
    root: &TrustRoot,
    covered: u64,
    now: Timestamp,
    alone: bool,
) -> crate::base::reason::Result<String> {
    let chain = Chain::new(root, Some(covered)).keeping(Keep::Only(plan)).deferring();
    let mut chain = chain.about(alone.then_some(plan));
    for line in lines {
        chain.take(line, root, now)?;
    }
    chain.prove(&plan, root)?;
    let state = chain.state();
    let runs: Vec<_> = state.runs.values().filter(|run| run.claim.plan == plan).collect();
    let of_plan = format!("{:?} {:?} {runs:?}", state.plan(&plan), state.approvals_of(&plan).collect::<Vec<_>>());
    let of_all = format!("{:?} {:?} {:?}", state.halt, state.revoked_keys, (state.checkpoint(), state.vouched_at()));
    let counted = format!("{:?} {} {:?}", state.counts(), state.trust_root_version(), chain.head());
    Ok([of_plan, of_all, counted].join("\n"))
}

fn kept<K: Ord + std::fmt::Debug, V: std::fmt::Debug>(
    some: &BTreeMap<K, V>,
    all: &BTreeMap<K, V>,
) -> Result<(), TestCaseError> {
    for (name, one) in some {
        prop_assert_eq!(format!("{one:?}"), format!("{:?}", all[name]), "{:?}", name);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn e18_no_sequence_runs_an_approval_twice_reopens_an_end_or_leaves_doubt_unresolved(wanted in attempts()) {
        let genesis = genesis_for("1", 0);
        let root = trust_root(&genesis, |_| {});
        let mut now: Timestamp = t(BEGIN);
        let mut readers = Readers::new(&root);
        readers.each(|chain| chain.push(&genesis, &root, now))?;
        let mut lines = vec![genesis];
        let mut memory = Memory::default();
        let opening = [Try::Plan(0, None, 5_000), Try::Approve(0, false), Try::Approve(0, false), Try::Claim(0, 0, 1, vec![0])];
        let opening = opening.map(|one| (one, 0, 0));
        for (n, (wanted, later, behind)) in opening.iter().chain(&wanted).enumerate() {
            now = now.plus(*later);
            let envelope = attempt(readers.all(), &memory, wanted, 1_000 + n as u64);
            let mut next = readers.clone();
            let taken = next.each(|chain| chain.extend(&envelope, now.plus(-behind), &root, now))?;
            if let Try::Note(number) = wanted {
                unmoved(readers.all(), next.all(), *number, taken.is_some(), now)?;
            }
            let Some((entry, line)) = taken else { continue };
            readers = next;
            readers.0.iter_mut().for_each(Chain::settle);
            lines.push(line);
            remember(&mut memory, &entry);
            check(&mut memory, readers.all(), &entry)?;
            readers.compare()?;
        }
        let mut again = Readers::new(&root);
        for line in &lines {
            prop_assert!(again.each(|chain| chain.push(line, &root, now))?.is_some());
        }
        for (again, first) in again.0.iter().zip(&readers.0) {
            prop_assert_eq!(format!("{:?}", again.state()), format!("{:?}", first.state()), "replay gives the same state");
        }
        for plan in [0, 1, PLANS].map(plan_digest) {
            let covered = (wanted.len() % lines.len()) as u64;
            let whole = read_for(plan, &lines, &root, covered, now, false).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let focused = read_for(plan, &lines, &root, covered, now, true).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(focused, whole, "what bears on a plan is the same for whoever asks about it alone");
        }
    }
}

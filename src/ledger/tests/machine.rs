//! Random sequences of entries: whatever is tried, the promises hold in every state that is reached.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::support::*;
use crate::{
    base::{digest::Digest, ident::Id},
    event::RunStatus,
    ledger::{
        Chain, Record,
        status::{Gate, run_status, status},
    },
    sign::predicate::{ResolveAs, RevocationTarget, Scope},
};

/// What may be tried; numbers choose among the few plans, runs, steps and approvals there are.
#[derive(Clone, Debug)]
enum Try {
    Plan(u64, Option<u64>),
    Approve(u64, bool),
    Reject(u64),
    RevokeApproval(usize),
    RevokePlan(u64),
    Claim(u64, u8, u32, Vec<usize>),
    Start(u8, u8, u32),
    Finish(u8, u8, u32, &'static str, bool),
    End(u8, &'static str),
    Resolve(u8, u8, ResolveAs),
    Halt(bool),
    Checkpoint,
}

fn tries() -> impl Strategy<Value = Try> {
    let plan = 0..2_u64;
    let run = 0..3_u8;
    let step = 0..2_u8;
    let finish = prop_oneof![Just("succeeded"), Just("failed"), Just("indeterminate"), Just("skipped")];
    let end = prop_oneof![Just("completed"), Just("failed"), Just("indeterminate"), Just("cancelled")];
    let resolve = prop_oneof![Just(ResolveAs::Retry), Just(ResolveAs::Skip), Just(ResolveAs::Abort)];
    // What ends everything is rare, so that the long ways are walked too.
    prop_oneof![
        4 => (plan.clone(), proptest::option::weighted(0.1, plan.clone())).prop_map(|(n, old)| Try::Plan(n, old)),
        8 => (plan.clone(), proptest::bool::weighted(0.2)).prop_map(|(n, session)| Try::Approve(n, session)),
        1 => plan.clone().prop_map(Try::Reject),
        1 => (0..6_usize).prop_map(Try::RevokeApproval),
        1 => plan.clone().prop_map(Try::RevokePlan),
        24 => (plan, run.clone(), 1..4_u32, proptest::collection::vec(0..6_usize, 1..3))
            .prop_map(|(n, run, attempt, grants)| Try::Claim(n, run, attempt, grants)),
        16 => (run.clone(), step.clone(), 1..6_u32).prop_map(|(run, step, attempt)| Try::Start(run, step, attempt)),
        16 => (run.clone(), step.clone(), 0..6_u32, finish, proptest::bool::weighted(0.3))
            .prop_map(|(run, step, attempt, how, again)| Try::Finish(run, step, attempt, how, again)),
        10 => (run.clone(), end).prop_map(|(run, how)| Try::End(run, how)),
        8 => (run, step, resolve).prop_map(|(run, step, how)| Try::Resolve(run, step, how)),
        2 => proptest::bool::weighted(0.3).prop_map(Try::Halt),
        1 => Just(Try::Checkpoint),
    ]
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

fn attempt(chain: &Chain, memory: &Memory, wanted: &Try, n: u64) -> crate::sign::Envelope {
    let head = &chain.head().unwrap();
    let name = |run: u8| format!("r{run}");
    let step_name = |step: u8| format!("s{step}");
    let known = |run: u8| chain.state().run(&id(&name(run)));
    let plan_of = |run: u8| (0..3).find(|n| known(run).is_some_and(|r| r.claim.plan == plan_digest(*n))).unwrap_or(0);
    let grant = |i: &usize| memory.grants.get(*i).map_or_else(|| plan_digest(99), |(grant, _)| *grant);
    let grant_of = |number: u64, i: usize| {
        let own: Vec<_> = memory.grants.iter().filter(|(_, plan)| *plan == plan_digest(number)).collect();
        own.get(i % own.len().max(1)).map_or_else(|| plan_digest(99), |(grant, _)| *grant)
    };
    let last = |run: u8, step: u8| {
        known(run).and_then(|r| r.steps.get(&id(&step_name(step)))).map_or(0, |state| state.attempt())
    };
    match wanted {
        Try::Plan(number, old) => plan(head, *number, old.map(plan_digest)),
        Try::Approve(number, session) => {
            let mut approval = approval(head, *number, n);
            if *session {
                (approval.scope, approval.max_uses) = (Scope::Session, 2);
            }
            sign(Who::Bob, Some(plan_digest(*number)), approval)
        }
        Try::Reject(number) => rejection(head, *number, n),
        Try::RevokeApproval(i) => revocation(head, RevocationTarget::Approval(grant(i)), n),
        Try::RevokePlan(number) => revocation(head, RevocationTarget::Plan(plan_digest(*number)), n),
        Try::Claim(number, run, attempt, grants) => {
            // Mostly what could succeed: the run's own plan, next attempt and approvals.
            let next = known(*run).map_or(1, |r| r.claim.attempt + 1);
            let attempt = if *attempt == 3 { 3 } else { next };
            let number = known(*run).map_or(*number, |_| plan_of(*run));
            let approvals = known(*run)
                .map_or_else(|| grants.iter().map(|i| grant_of(number, *i)).collect(), |r| r.claim.approvals.clone());
            claim(head, number, &name(*run), attempt, approvals, n)
        }
        Try::Start(run, step, attempt) => {
            let fencing = known(*run).map_or(0, |r| r.fencing);
            let attempt = if *attempt == 5 { 5 } else { last(*run, *step) + 1 };
            started(plan_of(*run), &name(*run), &step_name(*step), attempt, fencing)
        }
        Try::Finish(run, step, attempt, how, again) => {
            let attempt = if matches!(attempt, 0 | 5) { *attempt } else { last(*run, *step) };
            finished(plan_of(*run), &name(*run), &step_name(*step), attempt, how, *again)
        }
        Try::End(run, how) => outcome(plan_of(*run), &name(*run), how),
        Try::Resolve(run, step, how) => resolution(head, plan_of(*run), &name(*run), &step_name(*step), *how, n),
        Try::Halt(on) => halt(head, *on, n),
        Try::Checkpoint => checkpoint(Who::Ci, head, 3),
    }
}

fn remember(memory: &mut Memory, entry: &crate::ledger::Entry) {
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

fn check(memory: &mut Memory, chain: &Chain, entry: &crate::ledger::Entry) -> Result<(), TestCaseError> {
    let state = chain.state();
    for (grant, runs) in &memory.used_by {
        let most = if memory.single.contains(grant) { 1 } else { 2 };
        prop_assert!(runs.len() <= most, "approval {grant} was used by {runs:?}");
    }
    for (run, was) in &memory.over {
        prop_assert_eq!(run_status(state, &state.runs()[run]), *was, "a run that was over changed");
    }
    for (plan, was) in &memory.ended {
        prop_assert_eq!(status(state, plan, t(20), Gate::Open), Some(*was), "a plan that was at its end changed");
    }
    let resolved = matches!(entry.record, Record::Resolution(_));
    for run in &memory.unknown {
        let still = run_status(state, &state.runs()[run]) == RunStatus::Indeterminate;
        prop_assert!(still || resolved, "run {run} left `indeterminate` by a {}", entry.record.kind());
    }
    for (name, run) in state.runs() {
        if run.is_over() && !run.can_resume() {
            memory.over.entry(name.clone()).or_insert_with(|| run_status(state, run));
        }
    }
    memory.unknown = state
        .runs()
        .iter()
        .filter(|(_, run)| run_status(state, run) == RunStatus::Indeterminate)
        .map(|(name, _)| name.clone())
        .collect();
    for plan in state.plans().keys() {
        if let Some(now) = status(state, plan, t(20), Gate::Open)
            && now.is_terminal()
        {
            memory.ended.insert(*plan, now);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn e18_no_sequence_runs_an_approval_twice_reopens_an_end_or_leaves_doubt_unresolved(
        wanted in proptest::collection::vec(tries(), 1..80)
    ) {
        let genesis = genesis_for("1", 0);
        let root = trust_root(&genesis, |_| {});
        let mut chain = Chain::new(&root, None);
        chain.push(&genesis, &root, t(10)).unwrap();
        let mut lines = vec![genesis];
        let mut memory = Memory::default();
        let opening = [Try::Plan(0, None), Try::Approve(0, false), Try::Approve(0, false), Try::Claim(0, 0, 1, vec![0])];
        for (n, wanted) in opening.iter().chain(&wanted).enumerate() {
            let envelope = attempt(&chain, &memory, wanted, 1_000 + n as u64);
            let mut next = chain.clone();
            let Ok((entry, line)) = next.extend(&envelope, t(10), &root, t(10)) else { continue };
            chain = next;
            lines.push(line);
            remember(&mut memory, &entry);
            check(&mut memory, &chain, &entry)?;
        }
        let mut again = Chain::new(&root, None);
        for line in &lines {
            again.push(line, &root, t(10)).unwrap();
        }
        prop_assert_eq!(format!("{:?}", again.state()), format!("{:?}", chain.state()), "replay gives the same state");
    }
}

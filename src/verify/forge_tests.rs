//! What the forge says: approvals that stand on its records, and what makes them fall.

use std::collections::{BTreeMap, BTreeSet};

use super::{Tracked, testing::*};
use crate::{
    base::{digest::Digest, level::Readiness, permission::Permission, time::Timestamp},
    facts::{
        account::{Account, AccountKind},
        change_request::{ChangeRequest, Issue, Review, ReviewState},
        environment::{BranchPolicy, CiRun, Environment, Reviewer, RunApproval, RunApprovalState},
        observed::{Observed, SeenComment, SeenIssue},
    },
    plan::testing::id,
    policy::Policy,
    sign::{
        evidence::{CommentEvidence, EnvironmentEvidence, Evidence, ReviewEvidence},
        predicate::Approval,
        trust::ForgeKind,
    },
};

const NUMBER: u64 = 7;
const TEXT: &[u8] = b"countersign approve";

const POLICY: &str = "
version: 1
expires: '2030-01-01T00:00:00Z'
execution: {enabled: true, sideEffects: true}
programs: {ls: {path: /usr/bin/ls}}
environments: [staging, production]
gates: GATES
rules:
  - {id: changes, when: {effect: {atMost: write}, uninspectable: false}, then: {needsApproval: {people: PEOPLE}}}
";

fn account(who: Who) -> Account {
    Account { id: who as u64, login: who.actor().login, kind: AccountKind::User }
}

/// A plan for a change request, in an environment, on a forge that says what it should.
fn scene_with(people: u32, gates: &str) -> Scene {
    let text = POLICY.replace("GATES", gates).replace("PEOPLE", &people.to_string());
    let policy = Policy::compile("policy.yml", text.as_bytes()).unwrap();
    let mut scene = Scene::under(
        policy,
        |document| document.forge = Some(ForgeKind::Github),
        |plan| {
            plan.subject.change_request = Some(NUMBER);
            plan.environment = Some(id("production"));
        },
    );
    scene.record_plan(scene.plan.digest(), None);
    let subject = scene.plan.plan().subject.clone();
    scene.facts.forge = Some(Box::new(Observed {
        base_tip: subject.base_sha,
        change: Some(ChangeRequest {
            number: NUMBER,
            open: true,
            author: account(Who::Ada),
            head_sha: subject.head_sha,
            head_repo_id: Some(1),
            base_ref: subject.base_ref,
            title: "A change".into(),
            commits: 1,
            changed_files: 1,
        }),
        people: BTreeSet::from([Who::Ada as u64]),
        ..Observed::default()
    }));
    scene
}

fn scene() -> Scene {
    scene_with(1, "{}")
}

fn observed(scene: &mut Scene) -> &mut Observed {
    scene.facts.forge.as_mut().unwrap()
}

fn comment_evidence(now: Timestamp) -> CommentEvidence {
    CommentEvidence {
        id: 100,
        number: NUMBER,
        created_at: now,
        body: Digest::of(TEXT),
        permission: Permission::Write,
        observed_at: now,
    }
}

/// Approves by a comment that the forge has.
fn by_comment(scene: &mut Scene, who: Who, change: impl FnOnce(&mut CommentEvidence)) {
    let mut evidence = comment_evidence(scene.now);
    evidence.id += who as u64;
    change(&mut evidence);
    let seen = SeenComment { author: account(who), body: evidence.body, untouched: true };
    observed(scene).comments.insert(evidence.id, seen);
    speak(scene, who, Evidence::Comment(evidence), |_| {});
}

fn speak(scene: &mut Scene, who: Who, evidence: Evidence, change: impl FnOnce(&mut Approval)) {
    scene.approve_with(Who::Gate, |approval| {
        approval.approver = who.actor();
        approval.method = evidence.method();
        approval.evidence = Some(Box::new(evidence));
        change(approval);
    });
}

fn review(who: Who, number: u64, state: ReviewState, scene: &Scene) -> Review {
    Review {
        id: number,
        author: account(who),
        state,
        commit: Some(scene.plan.plan().subject.head_sha.clone()),
        submitted_at: Some(scene.now.plus(i64::try_from(number).unwrap())),
        body: String::new(),
    }
}

fn by_review(scene: &mut Scene, who: Who) {
    let review = review(who, 1, ReviewState::Approved, scene);
    let evidence = ReviewEvidence {
        id: review.id,
        number: NUMBER,
        commit: review.commit.clone().unwrap(),
        submitted_at: scene.now,
        body: Digest::of(b""),
        permission: Permission::Write,
        observed_at: scene.now,
    };
    observed(scene).reviews.push(review);
    speak(scene, who, Evidence::Review(evidence), |_| {});
}

fn release_evidence(now: Timestamp) -> EnvironmentEvidence {
    EnvironmentEvidence {
        id: 9,
        name: "production".into(),
        run: 42,
        attempt: 1,
        comment: Digest::of(TEXT),
        digest_named: true,
        reviewers: 1,
        prevents_self_review: true,
        admins_bypass: false,
        branches_limited: true,
        permission: Permission::Write,
        observed_at: now,
    }
}

fn by_release(scene: &mut Scene, who: Who, change: impl FnOnce(&mut EnvironmentEvidence)) {
    let now = scene.now;
    let mut evidence = release_evidence(now);
    change(&mut evidence);
    let there = observed(scene);
    there.environment = Some(Environment {
        id: 9,
        name: "production".into(),
        reviewers: vec![Reviewer::Account(account(who))],
        prevents_self_review: true,
        admins_bypass: false,
        branches: Some(BranchPolicy::Protected),
    });
    there.run = Some(CiRun {
        id: 42,
        attempt: 1,
        event: "workflow_dispatch".into(),
        created_at: now,
        head_sha: "b".repeat(40),
        head_branch: Some("main".into()),
        repo_id: 1,
        head_repo_id: Some(1),
        workflow: ".github/workflows/countersign.yml".into(),
        actor: account(Who::Ada),
        triggering_actor: account(Who::Ada),
    });
    there.releases.push(RunApproval {
        environments: vec![(9, "production".into())],
        state: RunApprovalState::Approved,
        by: account(who),
        comment: String::new(),
    });
    speak(scene, who, Evidence::Environment(evidence), |_| {});
}

fn failing(scene: &Scene) -> Vec<(&'static str, &'static str)> {
    let (report, _) = scene.verify();
    report.checks.iter().filter_map(|check| Some((check.id, check.reason()?.code))).collect()
}

#[track_caller]
fn quorum_fails(scene: &Scene, code: &str) {
    assert_eq!(failing(scene), [("approval.quorum", code)]);
}

#[test]
fn each_record_of_the_forge_approves_where_everything_holds() {
    let mut commented = scene();
    by_comment(&mut commented, Who::Bob, |_| {});
    let mut reviewed = scene();
    by_review(&mut reviewed, Who::Bob);
    let mut released = scene();
    by_release(&mut released, Who::Bob, |_| {});
    for scene in [commented, reviewed, released] {
        assert_eq!(failing(&scene), []);
        assert!(scene.verify().1.is_ok());
    }
}

#[test]
fn a01_a02_a03_head_and_base_on_the_forge_must_be_those_of_the_plan() {
    let mut fresh = scene();
    by_comment(&mut fresh, Who::Bob, |_| {});
    let alone = |change: &dyn Fn(&mut Observed), code: &str| {
        let mut scene = scene();
        by_comment(&mut scene, Who::Bob, |_| {});
        change(observed(&mut scene));
        assert_eq!(failing(&scene), [("forge.observed", code)]);
    };
    assert_eq!(failing(&fresh), []);
    alone(&|o| o.change.as_mut().unwrap().head_sha = "c".repeat(40), "subject.head_moved");
    alone(&|o| o.base_tip = "c".repeat(40), "subject.base_moved");
    alone(&|o| o.change.as_mut().unwrap().base_ref = "refs/heads/other".into(), "subject.base_moved");
    alone(&|o| o.change.as_mut().unwrap().open = false, "subject.change_closed");
    alone(&|o| o.change.as_mut().unwrap().number = 8, "forge.unasked");
    alone(&|o| o.change = None, "forge.unasked");
    alone(&|o| o.change.as_mut().unwrap().head_repo_id = Some(2), "subject.fork");
    alone(&|o| o.change.as_mut().unwrap().head_repo_id = None, "subject.fork");
    let mut unasked = scene();
    by_comment(&mut unasked, Who::Bob, |_| {});
    unasked.facts.forge = None;
    assert_eq!(failing(&unasked), [("forge.observed", "forge.unasked")]);
}

#[test]
fn a32_forks_pass_only_where_the_policy_says_so() {
    let mut scene = scene_with(1, "{forks: true}");
    by_comment(&mut scene, Who::Bob, |_| {});
    observed(&mut scene).change.as_mut().unwrap().head_repo_id = Some(2);
    assert_eq!(failing(&scene), []);
}

#[test]
fn a06_a_comment_that_was_edited_or_is_gone_carries_no_approval() {
    let change = |change: &dyn Fn(&mut BTreeMap<u64, SeenComment>)| {
        let mut scene = scene();
        by_comment(&mut scene, Who::Bob, |_| {});
        change(&mut observed(&mut scene).comments);
        quorum_fails(&scene, "approval.evidence_gone");
    };
    change(&BTreeMap::clear);
    change(&|all| all.values_mut().for_each(|seen| seen.untouched = false));
    change(&|all| all.values_mut().for_each(|seen| seen.body = Digest::of(b"other")));
    change(&|all| all.values_mut().for_each(|seen| seen.author = account(Who::Cleo)));
    change(&|all| all.values_mut().for_each(|seen| seen.author.kind = AccountKind::Bot));
}

#[test]
fn a09_a_comment_in_another_change_request_approves_nothing() {
    let mut scene = scene();
    by_comment(&mut scene, Who::Bob, |evidence| evidence.number = 8);
    quorum_fails(&scene, "approval.scope_mismatch");
}

#[test]
fn a10_who_may_too_little_in_the_repository_approves_nothing() {
    for (had, gates, code) in [
        (Permission::Triage, "{}", Some("approver.permission")),
        (Permission::Write, "{permission: maintain}", Some("approver.permission")),
        (Permission::Maintain, "{permission: maintain}", None),
        (Permission::Read, "{permission: read}", None),
    ] {
        let mut scene = scene_with(1, gates);
        by_comment(&mut scene, Who::Bob, |evidence| evidence.permission = had);
        match code {
            Some(code) => quorum_fails(&scene, code),
            None => assert_eq!(failing(&scene), []),
        }
    }
}

#[test]
fn a11_who_wrote_or_opened_the_change_does_not_count() {
    let mut scene = scene();
    by_comment(&mut scene, Who::Bob, |_| {});
    observed(&mut scene).people.insert(Who::Bob as u64);
    quorum_fails(&scene, "approver.self");
}

#[test]
fn a12_two_decisions_of_one_account_are_one_person_and_two_accounts_are_two() {
    let mut scene = scene_with(2, "{}");
    by_comment(&mut scene, Who::Bob, |_| {});
    by_review(&mut scene, Who::Bob);
    quorum_fails(&scene, "approval.pending");
    by_comment(&mut scene, Who::Cleo, |_| {});
    assert_eq!(failing(&scene), []);
}

#[test]
fn a21_a_release_and_a_key_make_two_people() {
    let mut scene = scene_with(2, "{}");
    by_release(&mut scene, Who::Bob, |_| {});
    quorum_fails(&scene, "approval.pending");
    scene.approve(Who::Cleo);
    assert_eq!(failing(&scene), []);
}

#[test]
fn a04_a_review_of_another_commit_or_withdrawn_approves_nothing() {
    let mut fresh = scene();
    by_review(&mut fresh, Who::Bob);
    assert_eq!(failing(&fresh), []);
    let gone = |change: &dyn Fn(&mut Review)| {
        let mut scene = scene();
        by_review(&mut scene, Who::Bob);
        change(&mut observed(&mut scene).reviews[0]);
        quorum_fails(&scene, "approval.evidence_gone");
    };
    gone(&|review| review.commit = Some("c".repeat(40)));
    gone(&|review| review.commit = None);
    gone(&|review| review.id = 2);
    gone(&|review| review.state = ReviewState::Commented);
    gone(&|review| review.author.kind = AccountKind::Bot);
    let mut stale = scene();
    let review = review(Who::Bob, 1, ReviewState::Approved, &stale);
    let evidence = ReviewEvidence {
        id: 1,
        number: NUMBER,
        commit: "c".repeat(40),
        submitted_at: stale.now,
        body: Digest::of(b""),
        permission: Permission::Write,
        observed_at: stale.now,
    };
    observed(&mut stale).reviews.push(review);
    speak(&mut stale, Who::Bob, Evidence::Review(evidence), |_| {});
    quorum_fails(&stale, "approval.stale");
}

#[test]
fn a05_an_objection_is_a_veto_that_only_its_author_takes_back() {
    let objecting = |states: &[ReviewState], vetoed: bool| {
        let mut scene = scene();
        by_comment(&mut scene, Who::Bob, |_| {});
        for (n, state) in states.iter().enumerate() {
            let review = review(Who::Cleo, n as u64 + 1, *state, &scene);
            observed(&mut scene).reviews.push(review);
        }
        let expected: &[_] = if vetoed { &[("approval.objection", "approval.objection")] } else { &[] };
        assert_eq!(failing(&scene), expected, "{states:?}");
    };
    use ReviewState::{Approved, ChangesRequested, Commented, Dismissed, Pending};
    objecting(&[], false);
    objecting(&[ChangesRequested], true);
    objecting(&[ChangesRequested, Commented, Pending], true);
    objecting(&[Dismissed], true);
    objecting(&[Approved, Dismissed], true);
    objecting(&[ChangesRequested, Approved], false);
    objecting(&[Dismissed, Approved], false);
    objecting(&[Commented], false);
    // Who is in no trust root may say what they like.
    let mut stranger = scene();
    by_comment(&mut stranger, Who::Bob, |_| {});
    let mut outside = review(Who::Cleo, 1, ChangesRequested, &stranger);
    outside.author.id = 999;
    observed(&mut stranger).reviews.push(outside);
    assert_eq!(failing(&stranger), []);
}

#[test]
fn a19_an_environment_that_protects_nothing_is_no_gate() {
    let signed = |change: &dyn Fn(&mut EnvironmentEvidence)| {
        let mut scene = scene();
        by_release(&mut scene, Who::Bob, change);
        quorum_fails(&scene, "gate.unprotected");
    };
    signed(&|evidence| evidence.reviewers = 0);
    signed(&|evidence| evidence.prevents_self_review = false);
    signed(&|evidence| evidence.admins_bypass = true);
    signed(&|evidence| evidence.branches_limited = false);
    let now = |change: &dyn Fn(&mut Environment)| {
        let mut scene = scene();
        by_release(&mut scene, Who::Bob, |_| {});
        change(observed(&mut scene).environment.as_mut().unwrap());
        quorum_fails(&scene, "gate.unprotected");
    };
    now(&|environment| environment.reviewers.clear());
    now(&|environment| environment.prevents_self_review = false);
    now(&|environment| environment.admins_bypass = true);
    now(&|environment| environment.branches = None);
    now(&|environment| environment.id = 10);
    let mut gone = scene();
    by_release(&mut gone, Who::Bob, |_| {});
    observed(&mut gone).environment = None;
    quorum_fails(&gone, "gate.unprotected");
}

#[test]
fn a20_a_release_that_the_forge_does_not_record_approves_nothing() {
    let change = |change: &dyn Fn(&mut Vec<RunApproval>)| {
        let mut scene = scene();
        by_release(&mut scene, Who::Bob, |_| {});
        change(&mut observed(&mut scene).releases);
        quorum_fails(&scene, "approval.evidence_gone");
    };
    change(&Vec::clear);
    change(&|all| all[0].state = RunApprovalState::Rejected);
    change(&|all| all[0].state = RunApprovalState::Pending);
    change(&|all| all[0].by = account(Who::Cleo));
    change(&|all| all[0].by.kind = AccountKind::Bot);
    change(&|all| all[0].environments[0].0 = 10);
    change(&|all| all[0].environments[0].1 = "Production".into());
    change(&|all| all.push(RunApproval { state: RunApprovalState::Rejected, ..all[0].clone() }));
}

#[test]
fn a23_a_release_of_another_run_or_attempt_approves_nothing() {
    for (run, attempt) in [(42, 2), (43, 1)] {
        let mut scene = scene();
        by_release(&mut scene, Who::Bob, |_| {});
        let there = observed(&mut scene).run.as_mut().unwrap();
        (there.id, there.attempt) = (run, attempt);
        quorum_fails(&scene, "replay.run_attempt");
    }
    let mut outside = scene();
    by_release(&mut outside, Who::Bob, |_| {});
    observed(&mut outside).run = None;
    quorum_fails(&outside, "replay.run_attempt");
}

#[test]
fn a24_a25_a_release_names_the_digest_and_the_environment_exactly() {
    let mut unnamed = scene();
    by_release(&mut unnamed, Who::Bob, |evidence| evidence.digest_named = false);
    quorum_fails(&unnamed, "approval.unbound");
    let mut lower = scene_with(1, "{digestInRelease: false}");
    by_release(&mut lower, Who::Bob, |evidence| evidence.digest_named = false);
    assert_eq!(failing(&lower), []);
    let mut other = scene();
    by_release(&mut other, Who::Bob, |evidence| evidence.name = "Production".into());
    quorum_fails(&other, "approval.scope_mismatch");
}

#[test]
fn b30_only_a_gate_speaks_for_people_and_only_with_evidence() {
    type Attack = fn(&mut Approval);
    let refused = |signer: Who, change: Attack| {
        let mut scene = scene();
        let evidence = Evidence::Comment(comment_evidence(scene.now));
        let mut approval = scene.approval(signer);
        approval.approver = Who::Bob.actor();
        approval.method = evidence.method();
        approval.evidence = Some(Box::new(evidence));
        change(&mut approval);
        let envelope = seal_approval(signer, approval);
        let before = scene.head();
        let refusal = scene.ledger.extend(&envelope, scene.now, &scene.root, scene.now).map(drop).unwrap_err();
        assert_eq!(scene.head(), before, "nothing is appended");
        refusal.code()
    };
    // A gate without evidence, with evidence of another kind, for a program, for somebody unknown.
    assert_eq!(refused(Who::Gate, |a| a.evidence = None), "ledger.actor");
    assert_eq!(refused(Who::Gate, |a| a.method = crate::base::method::Method::Review), "ledger.actor");
    assert_eq!(refused(Who::Gate, |a| a.method = crate::base::method::Method::Key), "key.role");
    assert_eq!(refused(Who::Gate, |a| a.approver = Who::Ci.actor()), "ledger.actor");
    assert_eq!(refused(Who::Gate, |a| a.approver.id = 999), "ledger.actor");
    assert_eq!(refused(Who::Gate, |a| a.approver.host = "elsewhere.example".into()), "ledger.actor");
    // Nobody else: not the executor, not a person, not the policy.
    assert_eq!(refused(Who::Ci, |_| {}), "key.role");
    assert_eq!(refused(Who::Cleo, |_| {}), "key.role");
    assert_eq!(refused(Who::Policy, |_| {}), "key.role");
    assert_eq!(refused(Who::Bob, |_| {}), "key.role");
}

#[test]
fn we22_the_issue_of_a_plan_is_asked_for_and_ready_or_the_door_stays_closed() {
    let tracked = |ready: &[Readiness]| Some(Tracked { number: 12, ready: ready.to_vec() });
    let issue = |open: bool| SeenIssue {
        issue: Issue {
            number: 12,
            open,
            author: account(Who::Cleo),
            title: "A title".into(),
            body: String::new(),
            is_change_request: false,
            has_parent: false,
            labels: Vec::new(),
            updated_at: "2030-01-01T00:00:00Z".parse().unwrap(),
        },
        parent: None,
    };
    // Nobody was asked at all.
    let mut unasked = Scene::approved();
    unasked.tracked = tracked(&[Readiness::Open]);
    let failing = |scene: &Scene| {
        let (report, verdict) = scene.verify();
        let failing: Vec<_> = report.checks.iter().filter_map(|check| Some((check.id, check.reason()?.code))).collect();
        assert_eq!(verdict.is_ok(), failing.is_empty());
        failing
    };
    assert_eq!(failing(&unasked), [("issue.ready", "issue.unasked")]);
    let mut scene = scene();
    by_comment(&mut scene, Who::Bob, |_| {});
    observed(&mut scene).issue = Some(issue(false));
    assert!(failing(&scene).is_empty(), "no directive asks");
    scene.tracked = tracked(&[Readiness::Open]);
    assert_eq!(failing(&scene), [("issue.ready", "issue.closed")]);
    observed(&mut scene).issue = None;
    assert_eq!(failing(&scene), [("issue.ready", "issue.missing")]);
    observed(&mut scene).issue = Some(issue(true));
    assert!(failing(&scene).is_empty());
    scene.tracked = tracked(&[Readiness::Open, Readiness::AcceptanceCriteria(1)]);
    assert_eq!(failing(&scene), [("issue.ready", "issue.unready")]);
}

#[test]
fn b30_whoever_may_reject_revoke_or_halt_does_so_in_their_own_name() {
    use crate::{
        base::method::Method,
        sign::predicate::{Halt, Rejection, Revocation, RevocationTarget},
    };
    let mut scene = scene();
    let (plan, ledger, at) = (scene.plan.digest(), scene.head(), scene.now);
    let evidence = Some(Evidence::Comment(comment_evidence(at)));
    let (reason, nonce) = ("no".to_owned(), format!("{:032x}", 9));
    let rejection = Rejection {
        plan,
        rejected_by: Who::Cleo.actor(),
        method: Method::Comment,
        evidence: evidence.clone(),
        reason: reason.clone(),
        nonce: nonce.clone(),
        ledger: ledger.clone(),
        rejected_at: at,
    };
    let revocation = Revocation {
        target: RevocationTarget::Plan(plan),
        revoked_by: Who::Cleo.actor(),
        evidence: evidence.clone(),
        reason: reason.clone(),
        nonce: nonce.clone(),
        ledger: ledger.clone(),
        revoked_at: at,
    };
    let halt = Halt { halted: true, by: Who::Cleo.actor(), evidence, reason, nonce, ledger, at };
    let about = [("plan", plan)];
    let sealed = |who: Who| {
        [sign(who, &about, rejection.clone()), sign(who, &about, revocation.clone()), sign(who, &about, halt.clone())]
    };
    // Bob's own key, with a record of what Cleo is said to have written.
    for envelope in sealed(Who::Bob) {
        let refusal = scene.ledger.extend(&envelope, at, &scene.root, at).map(drop).unwrap_err();
        assert_eq!(refusal.code(), "ledger.actor");
    }
    let [rejection, ..] = sealed(Who::Gate);
    assert!(scene.ledger.extend(&rejection, at, &scene.root, at).is_ok());
}

#[test]
fn b30_a_gates_key_is_a_programs_and_does_nothing_else() {
    use crate::sign::{Duty, TrustRoot};
    let root = scene().root;
    let with = |who: Who, duties: &[Duty]| {
        let mut document = root.document().clone();
        let key = document.keys.iter_mut().find(|key| key.principal == who as u64).unwrap();
        key.duties = duties.to_vec();
        TrustRoot::parse(&crate::base::json::canonical(&document).unwrap()).map(drop).map_err(|e| e.code())
    };
    assert_eq!(with(Who::Gate, &[Duty::Gate]), Ok(()));
    for other in [Duty::Planner, Duty::Executor, Duty::Policy, Duty::Witness] {
        assert_eq!(with(Who::Gate, &[Duty::Gate, other]), Err("trust.malformed"), "{other:?}");
    }
    assert_eq!(with(Who::Bob, &[Duty::Gate]), Err("trust.malformed"));
}

#[test]
fn b37_a_clock_that_is_far_from_the_forges_is_refused() {
    let refusal = |apart: i64| {
        let mut scene = scene();
        scene.facts.forge.as_mut().unwrap().said_at = Some(scene.now.plus(apart));
        let (report, _) = scene.verify();
        let clock = report.checks.iter().find(|check| check.id == "clock").unwrap();
        clock.reason().map(|reason| reason.code)
    };
    for apart in [-300, 0, 300] {
        assert_eq!(refusal(apart), None, "{apart}");
    }
    for apart in [-301, 301, 86_400] {
        assert_eq!(refusal(apart), Some("clock.skew"), "{apart}");
    }
}

//! Each check alone refuses, each missing check refuses, and nothing else opens the door.

use super::{testing::*, *};
use crate::{
    base::{digest::Digest, method::Method, secret::Secret},
    event::StepStatus,
    plan::testing::id,
    policy,
    sign::{
        issuer::{Issuer, Provider, Runner},
        key::Signer as _,
        predicate::{RevocationTarget, Scope},
        schemes::oidc,
    },
};

/// Asserts that everything passes and the door opens.
#[track_caller]
fn opens(scene: &Scene) {
    let (report, verdict) = scene.verify();
    assert!(report.refusal().is_none(), "{:?}", report.refusal());
    assert_eq!(report.checks.len(), 24);
    let verified = verdict.unwrap();
    assert_eq!(verified.digest(), scene.plan.digest());
    assert_eq!(verified.plan(), scene.plan.plan());
    assert!(!verified.approvals().is_empty());
}

/// The checks that fail, with their reason codes.
fn failing(scene: &Scene) -> Vec<(&'static str, &'static str)> {
    let (report, verdict) = scene.verify();
    assert_eq!(report.checks.len(), 24, "every check runs, whatever failed before");
    let failing: Vec<_> = report.checks.iter().filter_map(|check| Some((check.id, check.reason()?.code))).collect();
    if let Some((_, first)) = failing.first() {
        assert_eq!(verdict.unwrap_err().code(), *first, "the door says what the first check says");
    }
    failing
}

/// Asserts that one check fails with a reason, and no other.
#[track_caller]
fn alone(scene: &Scene, check: &str, code: &str) {
    assert_eq!(failing(scene), [(check, code)]);
}

#[test]
fn what_holds_in_every_point_opens_the_door() {
    opens(&Scene::approved());
}

#[test]
fn a28_bytes_of_another_digest_than_the_one_named_are_refused() {
    let mut scene = Scene::approved();
    scene.named = Some(scene.plan.digest());
    opens(&scene);
    scene.named = Some(Digest::of(b"another plan"));
    alone(&scene, "plan.form", "plan.digest_mismatch");
}

#[test]
fn b33_a_trust_root_older_than_one_that_was_seen_is_refused() {
    let mut scene = Scene::approved();
    scene.checkpoint(3);
    opens(&scene);
    scene.checkpoint(4);
    alone(&scene, "trust.root", "trust.rollback");
}

#[test]
fn b37_a_clock_behind_the_ledger_is_refused() {
    let mut scene = Scene::approved();
    scene.last_at = Some(scene.now.plus(60));
    opens(&scene);
    scene.last_at = Some(scene.now.plus(61));
    alone(&scene, "clock", "clock.skew");
}

#[test]
fn a26_a_plan_is_refused_from_its_last_second_on() {
    let mut scene = Scene::recorded(ONE, |_| {});
    scene.now = scene.plan.plan().expires_at.plus(-1);
    scene.approve(Who::Bob);
    opens(&scene);
    scene.now = scene.now.plus(1);
    alone(&scene, "plan.fresh", "expired.plan");
}

#[test]
fn b37_a_plan_from_the_future_is_refused() {
    // A ledger that is older than the plan, so that nothing but the plan is ahead of the clock.
    let ahead = |seconds: i64| {
        let mut scene = Scene::empty(ONE, |plan| {
            plan.created_at = plan.created_at.plus(1_000);
            plan.expires_at = plan.expires_at.plus(1_000);
        });
        scene.now = scene.plan.plan().created_at.plus(-seconds);
        scene.record_plan(scene.plan.digest(), None);
        scene.approve(Who::Bob);
        scene
    };
    opens(&ahead(60));
    alone(&ahead(61), "plan.fresh", "clock.skew");
}

/// A scene with other facts, approved under these.
fn elsewhere(change: impl FnOnce(&mut crate::facts::Facts)) -> Scene {
    let mut scene = Scene::recorded(ONE, |_| {});
    change(&mut scene.facts);
    scene.approve(Who::Bob);
    scene
}

#[test]
fn b36_a_plan_for_another_host_repository_owner_or_request_is_refused() {
    opens(&elsewhere(|_| {}));
    alone(&elsewhere(|facts| facts.host = "forge.example".into()), "subject.identity", "context.mismatch");
    alone(&elsewhere(|facts| facts.repo_id = "9".into()), "subject.identity", "context.mismatch");
    alone(&elsewhere(|facts| facts.owner_id = "9".into()), "subject.identity", "context.mismatch");
    alone(&elsewhere(|facts| facts.change_request = Some(1)), "subject.identity", "context.mismatch");
    // A name for display decides nothing.
    opens(&elsewhere(|facts| facts.repo = "renamed/sample".into()));
}

#[test]
fn a01_a_head_that_moved_is_refused_even_where_the_approval_is_for_the_new_head() {
    alone(&elsewhere(|facts| facts.head_sha = "c".repeat(40)), "subject.head", "subject.head_moved");
}

#[test]
fn a03_a_base_that_moved_or_was_exchanged_is_refused() {
    alone(&elsewhere(|facts| facts.base_sha = "c".repeat(40)), "subject.base", "subject.base_moved");
    alone(&elsewhere(|facts| facts.base_ref = "refs/heads/weak".into()), "subject.base", "subject.base_moved");
}

#[test]
fn b27_other_guardrails_or_another_tree_are_refused() {
    alone(&elsewhere(|facts| facts.tree_digest = Digest::of(b"x")), "subject.tree", "subject.tree_changed");
}

#[test]
fn a01_an_approval_of_before_the_move_does_not_count_either() {
    let mut scene = Scene::approved();
    scene.facts.head_sha = "c".repeat(40);
    assert_eq!(failing(&scene), [("subject.head", "subject.head_moved"), ("approval.quorum", "approval.stale")]);
}

#[test]
fn c22_a_changed_tracked_file_is_refused() {
    let mut scene = Scene::approved();
    scene.modified = vec!["src/main.rs".into()];
    alone(&scene, "subject.workspace", "subject.workspace_dirty");
    // Only who takes jobs on machines that outlive them has anything else to clear away.
    let hints = |scene: &Scene| scene.verify().0.refusal().unwrap().hints().collect::<Vec<_>>().join("\n");
    assert!(!hints(&scene).contains("self-hosted"), "{}", hints(&scene));
    let runner = Runner::SelfHosted;
    let mut scene = Scene::approved_under(|document| document.issuers = vec![Issuer { runner, ..issuer() }]);
    scene.modified = vec!["src/main.rs".into(), "left.txt".into()];
    assert!(hints(&scene).contains("git clean -ffdx"), "{}", hints(&scene));
}

#[test]
fn a34_another_policy_or_trust_root_than_the_plans_is_refused() {
    let planned = |change: fn(&mut crate::plan::model::Plan)| {
        let mut scene = Scene::recorded(ONE, change);
        scene.approve(Who::Bob);
        scene
    };
    opens(&planned(|_| {}));
    let other = planned(|plan| plan.policy_digest = Digest::of(b"a weaker policy"));
    alone(&other, "policy.same", "policy.changed");
    let other = planned(|plan| plan.trust_root_digest = Digest::of(b"another trust root"));
    alone(&other, "policy.same", "policy.changed");
}

#[test]
fn a28_a_step_that_is_not_what_its_pipeline_expands_to_is_refused() {
    let mut scene = Scene::approved();
    scene.conformance = Conformance::Deviates("step `look` runs something else".into());
    alone(&scene, "plan.conforms", "plan.deviates");
    scene.conformance = Conformance::Conforms { plan: Digest::of(b"another"), base_sha: scene.facts.base_sha.clone() };
    alone(&scene, "plan.conforms", "plan.deviates");
}

#[test]
fn b29_a_decision_of_another_plan_policy_instant_or_purpose_is_none() {
    let mut scene = Scene::approved();
    scene.decision = Some(scene.decide(scene.now, policy::Purpose::Execute));
    opens(&scene);
    scene.decision = Some(scene.decide(scene.now.plus(-1), policy::Purpose::Execute));
    alone(&scene, "policy.decision", "internal.check_missing");
    scene.decision = Some(scene.decide(scene.now, policy::Purpose::Review));
    alone(&scene, "policy.decision", "internal.check_missing");
    let other = Scene::recorded(ONE, |plan| plan.nonce = "e".repeat(32));
    scene.decision = Some(other.decide(scene.now, policy::Purpose::Execute));
    alone(&scene, "policy.decision", "internal.check_missing");
    let other = Scene::empty("{needsApproval: {people: 2}}", |plan| *plan = scene.plan.plan().clone());
    assert_eq!(other.plan.digest(), scene.plan.digest());
    scene.decision = Some(other.decide(scene.now, policy::Purpose::Execute));
    // What that policy asks for is asked for, and still it is not the policy.
    assert_eq!(failing(&scene)[0], ("policy.decision", "internal.check_missing"));
}

#[test]
fn a35_no_approval_is_enough_where_the_policy_denies() {
    let mut scene = Scene::recorded("{deny: 'by hand only'}", |_| {});
    for who in [Who::Bob, Who::Cleo] {
        scene.approve(who);
    }
    let failing = failing(&scene);
    assert_eq!(failing.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["policy.decision", "approval.quorum"]);
}

#[test]
fn e06_a_head_that_does_not_stand_in_the_chain_is_refused() {
    let mut scene = Scene::approved();
    scene.heads_are_foreign = true;
    alone(&scene, "ledger.heads", "ledger.rollback");
}

#[test]
fn e09_nothing_runs_on_a_checkpoint_that_is_older_than_the_policy_lets_it_be() {
    let mut scene = Scene::under(policy_of(ONE, "limits: {checkpointAge: 10m}"), |_| {}, |_| {});
    scene.record_plan(scene.plan.digest(), None);
    scene.approve(Who::Bob);
    alone(&scene, "ledger.checkpoint", "checkpoint.stale");
    let version = scene.root.document().version;
    scene.checkpoint(version);
    opens(&scene);
    scene.now = scene.now.plus(600);
    opens(&scene);
    scene.now = scene.now.plus(1);
    alone(&scene, "ledger.checkpoint", "checkpoint.stale");
    // Without the line of the policy, none is asked for.
    opens(&Scene::approved());
}

#[test]
fn e09_a_checkpoint_that_is_dated_ahead_is_as_old_as_its_entry() {
    let mut scene = Scene::under(policy_of(ONE, "limits: {checkpointAge: 10m}"), |_| {}, |_| {});
    scene.record_plan(scene.plan.digest(), None);
    scene.approve(Who::Bob);
    let version = scene.root.document().version;
    scene.checkpoint_dated(version, scene.now.plus(50));
    scene.now = scene.now.plus(601);
    alone(&scene, "ledger.checkpoint", "checkpoint.stale");
}

#[test]
fn a27_a_plan_that_is_superseded_or_unknown_is_refused() {
    let mut scene = Scene::approved();
    scene.record_plan(Digest::of(b"revision 2"), Some(scene.plan.digest()));
    alone(&scene, "plan.recorded", "plan.superseded");
    // Nobody can have approved what nobody recorded.
    let scene = Scene::empty(ONE, |_| {});
    assert_eq!(
        failing(&scene),
        [
            ("plan.recorded", "plan.unrecorded"),
            ("plan.not-rejected", "plan.unrecorded"),
            ("approval.quorum", "approval.none")
        ]
    );
}

#[test]
fn a27_a_rejected_plan_is_refused_whoever_approved_it() {
    let mut scene = Scene::approved();
    scene.approve(Who::Cleo);
    opens(&scene);
    scene.reject();
    alone(&scene, "plan.not-rejected", "plan.rejected");
}

#[test]
fn b21_a_plan_that_nobody_approved_is_refused() {
    alone(&Scene::recorded(ONE, |_| {}), "approval.quorum", "approval.none");
    let mut scene = Scene::recorded("{needsApproval: {people: 2}}", |_| {});
    scene.approve(Who::Bob);
    alone(&scene, "approval.quorum", "approval.pending");
    scene.approve(Who::Cleo);
    opens(&scene);
}

#[test]
fn a11_nobody_approves_what_they_asked_for_recorded_or_committed() {
    let mut scene = Scene::recorded(ONE, |_| {});
    scene.approve(Who::Ada);
    alone(&scene, "approval.quorum", "approver.self");
    let mut scene = Scene::approved();
    scene.facts.contributors.insert("BOB@example.com".into());
    alone(&scene, "approval.quorum", "approver.self");
    scene.approve(Who::Cleo);
    opens(&scene);
    // A plan that names another than the record does is no way around it.
    let mut scene = Scene::recorded(ONE, |plan| plan.planner.requested_by.id = Who::Bob as u64);
    scene.approve(Who::Ada);
    scene.approve(Who::Bob);
    assert_eq!(failing(&scene), [("plan.recorded", "plan.requester_mismatch"), ("approval.quorum", "approver.self")]);
}

#[test]
fn b32_a_revocation_of_approval_plan_or_key_closes_the_door() {
    let target = |pick: fn(&Scene, Digest) -> RevocationTarget| {
        let mut scene = Scene::recorded(ONE, |_| {});
        let payload = scene.approve(Who::Bob);
        opens(&scene);
        scene.revoke(pick(&scene, payload));
        scene
    };
    alone(&target(|_, payload| RevocationTarget::Approval(payload)), "approval.quorum", "approval.revoked");
    let whole = target(|scene, _| RevocationTarget::Plan(scene.plan.digest()));
    assert_eq!(
        failing(&whole),
        [("plan.not-rejected", "approval.revoked"), ("approval.quorum", "approval.revoked")],
        "the plan is over, and its approvals with it"
    );
    // A plan that nobody had approved yet waits for nobody any more.
    let mut bare = Scene::recorded(ONE, |_| {});
    bare.revoke(RevocationTarget::Plan(bare.plan.digest()));
    assert_eq!(failing(&bare), [("plan.not-rejected", "approval.revoked"), ("approval.quorum", "approval.none")]);
    alone(&target(|_, _| RevocationTarget::Key(Who::Bob.key().key_id())), "approval.quorum", "approval.revoked");
    opens(&target(|_, _| RevocationTarget::Key(Who::Cleo.key().key_id())));
}

#[test]
fn b32_a_plan_that_a_revoked_key_recorded_does_not_run() {
    let runner = Who::Ci.key().key_id();
    let mut scene = Scene::under(
        policy(ONE),
        |document| {
            let from = document.keys[0].not_before;
            document.keys.iter_mut().filter(|key| key.id == runner).for_each(|key| key.revoked_at = Some(from));
        },
        |_| {},
    );
    scene.let_stand_plan();
    scene.approve(Who::Bob);
    alone(&scene, "plan.recorded", "key.revoked");
}

#[test]
fn e04_a_step_of_unknown_outcome_is_refused() {
    let mut scene = Scene::recorded(ONE, |_| {});
    let approval = scene.approve(Who::Bob);
    let fencing = scene.claim("run-1", 1, &[approval]);
    scene.purpose = Purpose::Resume(id("run-1"));
    opens(&scene);
    scene.start_step("run-1", fencing);
    alone(&scene, "determinate", "indeterminate");
    scene.finish_step("run-1", StepStatus::Succeeded);
    opens(&scene);
}

#[test]
fn e01_a_plan_that_runs_or_ran_is_refused() {
    let session = || {
        let mut scene = Scene::recorded(ONE, |_| {});
        let approval = scene.approve_with(Who::Bob, |approval| {
            approval.scope = Scope::Session;
            approval.max_uses = 3;
        });
        (scene, approval)
    };
    let (mut scene, approval) = session();
    opens(&scene);
    scene.claim("run-1", 1, &[approval]);
    alone(&scene, "replay", "replay.run");
    scene.purpose = Purpose::Resume(id("run-1"));
    opens(&scene);
    // A completed run is not resumed, and its approval not used for another.
    scene.end_run("run-1", "completed");
    alone(&scene, "replay", "replay.run");
    scene.purpose = Purpose::Resume(id("run-2"));
    assert!(failing(&scene).contains(&("replay", "replay.run")));
}

/// What fails of a plan whose approval a run has used.
const USED: [(&str, &str); 2] = [("approval.quorum", "replay.consumed"), ("replay", "replay.run")];

#[test]
fn e01_a_single_run_approval_is_used_up_by_its_run() {
    let mut scene = Scene::recorded(ONE, |_| {});
    let approval = scene.approve(Who::Bob);
    let mut completed = Scene::recorded(ONE, |_| {});
    let same = completed.approve(Who::Bob);
    completed.claim("run-1", 1, &[same]);
    completed.end_run("run-1", "completed");
    assert_eq!(failing(&completed), USED);
    scene.claim("run-1", 1, &[approval]);
    scene.end_run("run-1", "failed");
    assert_eq!(failing(&scene), USED);
    scene.approve(Who::Cleo);
    opens(&scene);
}

#[test]
fn e01_a_spare_approval_of_before_a_run_is_used_up_with_the_one_it_named() {
    let mut scene = Scene::recorded(ONE, |_| {});
    let used = scene.approve(Who::Bob);
    let spare = scene.approve(Who::Cleo);
    opens(&scene);
    scene.claim("run-1", 1, &[used]);
    scene.end_run("run-1", "failed");
    assert!(scene.ledger.state().approval(&spare).is_some_and(|spare| spare.uses.is_empty()));
    assert_eq!(failing(&scene), USED);
    // The twin: given by somebody who has seen the run.
    scene.approve(Who::Cleo);
    opens(&scene);
}

#[test]
fn e01_a_run_of_another_plan_is_not_resumed() {
    let mut scene = Scene::recorded(ONE, |_| {});
    let mut approval = scene.approve(Who::Bob);
    scene.claim("run-1", 1, &[approval]);
    // The same ledger, asked about another plan.
    let mut other = Scene::recorded(ONE, |plan| plan.nonce = "e".repeat(32));
    other.ledger = scene.ledger;
    other.record_plan(other.plan.digest(), None);
    approval = other.approve_with(Who::Cleo, |approval| approval.nonce = "f".repeat(32));
    opens(&other);
    other.purpose = Purpose::Resume(id("run-1"));
    assert_eq!(failing(&other), [("approval.quorum", "approval.none"), ("replay", "replay.run")]);
    assert!(other.ledger.state().approval(&approval).is_some());
}

#[test]
fn e04_only_the_run_that_moved_the_head_may_go_on_there() {
    let moved = |scene: &mut Scene| {
        scene.facts.head_sha = "d".repeat(40);
        scene.facts.tree_digest = Digest::of(b"after the commit");
        scene.modified = vec!["VERSION".into()];
    };
    let mut scene = Scene::recorded(ONE, |_| {});
    let approval = scene.approve(Who::Bob);
    let fencing = scene.claim("run-1", 1, &[approval]);
    scene.purpose = Purpose::Resume(id("run-1"));
    moved(&mut scene);
    // No step of the run has started: somebody else moved it.
    assert!(failing(&scene).contains(&("subject.head", "subject.head_moved")));
    assert!(failing(&scene).contains(&("subject.tree", "subject.tree_changed")));
    scene.start_step("run-1", fencing);
    scene.finish_step("run-1", StepStatus::Failed);
    // A step has run, but the commit that is here is not one that it recorded.
    assert!(failing(&scene).contains(&("subject.head", "subject.head_moved")));
    scene.own_commits.insert("d".repeat(40));
    scene.modified.push("src/main.rs".into());
    assert!(failing(&scene).contains(&("subject.workspace", "subject.workspace_dirty")), "the plan does not write it");
    scene.modified.pop();
    for check in ["subject.head", "subject.base", "subject.tree", "subject.workspace"] {
        assert!(failing(&scene).iter().all(|(failed, _)| *failed != check), "{check}");
    }
    // Another base is no work of a run.
    scene.facts.base_ref = "refs/heads/weak".into();
    assert!(failing(&scene).contains(&("subject.base", "subject.base_moved")));
    // And a new run begins at the plan's head only.
    scene.purpose = Purpose::Start;
    assert!(failing(&scene).contains(&("subject.head", "subject.head_moved")));
    assert!(failing(&scene).contains(&("subject.workspace", "subject.workspace_dirty")));
}

#[test]
fn a_halt_closes_the_door_until_it_is_lifted() {
    let mut scene = Scene::approved();
    scene.halt(true);
    alone(&scene, "halt", "halted");
    scene.halt(false);
    opens(&scene);
}

/// The issuer of these tests.
fn issuer() -> Issuer {
    Issuer {
        url: "https://token.actions.example.com".into(),
        provider: Provider::Github,
        algorithms: vec![oidc::Algorithm::Rs256],
        workflows: vec!["example/sample/.github/workflows/countersign.yml@refs/heads/main".into()],
        events: vec!["workflow_dispatch".into()],
        runner: Runner::GithubHosted,
        jwks: None,
    }
}

/// A token for a plan, verified as it should be, of a job like the one that executes.
fn shown(plan: Digest, scene: &Scene, change: impl FnOnce(&mut serde_json::Value)) -> Shown {
    use oidc::testing::{By, claims, header, jwks, token};
    let (issuer, audience) = (issuer(), oidc::audience(oidc::Purpose::Execute, &plan));
    let mut claims = claims(&issuer.url, &audience, "1", "2", scene.now.unix());
    claims.as_object_mut().unwrap().remove("environment");
    change(&mut claims);
    let token = Secret::new(token(By::Rsa, &header(By::Rsa), &claims));
    let keys = oidc::KeySet::parse(jwks().to_string().as_bytes()).unwrap();
    let token = oidc::verify(&token, &keys, &issuer, &audience, scene.now).unwrap();
    Shown { token, in_base: ["a".repeat(40)].into(), said: Vec::new(), gone: Default::default() }
}

/// A scene whose trust root lists the issuer, with the token of a job.
fn in_ci(change: impl FnOnce(&mut serde_json::Value)) -> Scene {
    let mut scene = Scene::approved_under(|document| document.issuers = vec![issuer()]);
    scene.identity = Identity::Shown(Box::new(shown(scene.plan.digest(), &scene, change)));
    scene
}

#[test]
fn b42_where_an_issuer_is_trusted_no_door_opens_without_its_word() {
    let mut scene = in_ci(|_| {});
    opens(&scene);
    scene.identity = Identity::NotShown;
    alone(&scene, "context.workload", "oidc.token_missing");
    let refusal = Refusal::new(crate::sign::reasons::OIDC_SIGNATURE, "key `x`");
    scene.identity = Identity::Refused(refusal.clone());
    alone(&scene, "context.workload", "oidc.signature_invalid");
    // Where nobody is trusted, a token that was asked for and refused still closes the door.
    let mut scene = Scene::approved();
    opens(&scene);
    scene.identity = Identity::Refused(refusal);
    alone(&scene, "context.workload", "oidc.signature_invalid");
    scene.identity = in_ci(|_| {}).identity;
    alone(&scene, "context.workload", "oidc.audience_mismatch");
}

#[test]
fn a22_a32_a33_a47_a_job_that_may_not_execute_closes_the_door() {
    for (name, value, code) in [
        ("environment", "production", "oidc.claim_mismatch"),
        ("ref", "refs/pull/7/merge", "oidc.fork"),
        ("event_name", "pull_request_target", "oidc.event_refused"),
        ("repository_id", "9", "oidc.claim_mismatch"),
        ("repository_owner_id", "9", "oidc.claim_mismatch"),
        ("workflow_sha", "dddddddddddddddddddddddddddddddddddddddd", "oidc.workflow_unpinned"),
        ("runner_environment", "self-hosted", "oidc.runner_refused"),
    ] {
        alone(&in_ci(|claims| claims[name] = value.into()), "context.workload", code);
    }
}

#[test]
fn b29_b37_a_token_for_another_plan_or_of_another_time_closes_the_door() {
    let mut scene = in_ci(|_| {});
    scene.identity = Identity::Shown(Box::new(shown(Digest::of(b"another plan"), &scene, |_| {})));
    alone(&scene, "context.workload", "oidc.audience_mismatch");
    let mut scene = in_ci(|_| {});
    scene.now = scene.now.plus(359);
    opens(&scene);
    scene.now = scene.now.plus(1);
    alone(&scene, "context.workload", "oidc.token_expired");
    // A clock that was set back, so that what has expired holds again.
    let mut scene = in_ci(|_| {});
    let mut later = in_ci(|_| {});
    later.now = later.now.plus(61);
    scene.identity = Identity::Shown(Box::new(shown(scene.plan.digest(), &later, |_| {})));
    alone(&scene, "context.workload", "oidc.token_not_yet");
}

#[test]
fn b39_an_issuer_that_was_taken_off_the_trust_root_closes_the_door() {
    let mut other = issuer();
    other.url.push_str("/enterprise");
    let mut scene = Scene::approved_under(|document| document.issuers = vec![other]);
    scene.identity = Identity::Shown(Box::new(shown(scene.plan.digest(), &scene, |_| {})));
    alone(&scene, "context.workload", "oidc.issuer_untrusted");
}

#[test]
fn a45_a_variable_that_contradicts_the_token_closes_the_door() {
    let said = |claim, value: &str| {
        let mut scene = in_ci(|_| {});
        if let Identity::Shown(shown) = &mut scene.identity {
            shown.said = vec![Said { variable: "GITHUB_X", claim, value: value.to_owned() }];
        }
        scene
    };
    opens(&said("run_id", "1700"));
    alone(&said("run_id", "01700"), "context.workload", "context.mismatch");
    alone(&said("repository_id", ""), "context.workload", "context.mismatch");
    alone(&said("nothing", "x"), "context.workload", "oidc.claim_missing");
}

#[test]
fn a35_where_the_policy_permits_its_own_signature_is_still_needed() {
    let mut scene = Scene::recorded("permit", |_| {});
    alone(&scene, "approval.quorum", "approval.none");
    let login = format!("policy@{}", scene.policy.digest());
    scene.approve_with(Who::Policy, |approval| {
        approval.method = Method::Policy;
        approval.approver.login = login;
    });
    opens(&scene);
}

#[test]
fn b23_a_check_that_did_not_run_is_a_refusal() {
    let scene = Scene::approved();
    for (missing, check) in REQUIRED.iter().enumerate() {
        let (mut report, _) = scene.verify();
        report.checks.remove(missing);
        assert!(report.refusal().is_none(), "nothing that ran refuses");
        let refusal = open(scene.plan.clone(), &report).unwrap_err();
        assert_eq!(refusal.code(), "internal.check_missing", "without {}", check.id);
    }
    let (mut report, _) = scene.verify();
    report.checks.clear();
    assert_eq!(open(scene.plan.clone(), &report).unwrap_err().code(), "internal.check_missing");
    let (mut report, _) = scene.verify();
    report.checks.swap(3, 4);
    assert_eq!(open(scene.plan.clone(), &report).unwrap_err().code(), "internal.check_missing");
    let (mut report, _) = scene.verify();
    let again = report.checks[0].clone();
    report.checks.push(again);
    assert_eq!(open(scene.plan.clone(), &report).unwrap_err().code(), "internal.check_missing");
}

#[test]
fn b29_a_report_of_another_plan_opens_nothing() {
    let (report, _) = Scene::approved().verify();
    let other = Scene::recorded(ONE, |plan| plan.nonce = "e".repeat(32));
    assert_eq!(open(other.plan, &report).unwrap_err().code(), "internal.check_missing");
}

#[test]
fn b53_an_audit_opens_no_door_and_each_of_its_checks_is_one_of_the_doors() {
    let scene = Scene::approved();
    let report = scene.with_case(|case| audit(&scene.plan, case));
    assert!(report.refusal().is_none());
    let required: Vec<_> = REQUIRED.iter().map(|check| check.id).collect();
    assert!(AUDIT.iter().all(|check| required.contains(&check.id)));
    assert_eq!(open(scene.plan, &report).unwrap_err().code(), "internal.check_missing");
}

#[test]
fn the_ids_of_the_checks_are_distinct_and_those_of_the_list() {
    let text = include_str!("mod.rs");
    for (index, check) in REQUIRED.iter().enumerate() {
        assert!(text.contains(&format!("//! | {} | `{}` |", index + 1, check.id)), "{}", check.id);
        assert_eq!(REQUIRED.iter().filter(|other| other.id == check.id).count(), 1);
    }
}

#[test]
fn b53_a_verification_result_states_what_passed_and_nothing_of_a_refusal() {
    let mut scene = Scene::approved();
    let (report, _) = scene.verify();
    let result = svr::VerificationResult::of(&report, scene.now).unwrap();
    assert_eq!(result.properties.len(), 25);
    assert!(result.properties.contains(&"COUNTERSIGN_APPROVAL_QUORUM".to_owned()));
    assert!(result.properties.contains(&"COUNTERSIGN_PLAN_NOT_REJECTED".to_owned()));
    scene.halt(true);
    let (report, _) = scene.verify();
    assert!(svr::VerificationResult::of(&report, scene.now).is_none());
    let (mut report, _) = scene.verify();
    report.checks.clear();
    assert!(svr::VerificationResult::of(&report, scene.now).is_none(), "nothing checked is nothing verified");
}

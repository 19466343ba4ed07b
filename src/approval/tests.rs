//! Each reason for which an approval does not count, and how many do.

use std::collections::BTreeSet;

use super::{
    binding::Field,
    status::{Jobs, Need, Scales, weigh},
    *,
};
use crate::{
    base::{digest::Digest, method::Method, path::RepoPath, reason::Reason, time::Timestamp},
    facts::Facts,
    plan::testing::id,
    policy::{Gates, Outcome, Requirement},
    sign::{
        Duty, Envelope, TrustRoot, Verified,
        key::Signer,
        predicate::{Approval, Binding, MAX_USES, Scope},
        schemes::Scheme,
        statement::Subject,
        trust::Document,
        workload::{Vouched, Workload},
    },
    verify::testing::{ONE, Scene, Who, seal_approval, sign, trust_root},
};

/// Scales in which an approval by Bob counts, until a test changes something.
struct Table {
    scene: Scene,
    root: TrustRoot,
    authors: BTreeSet<u64>,
    lifetime: i64,
    now: Timestamp,
    policy_permits: bool,
    requirement: Requirement,
    recorded: Vec<Recorded>,
}

impl Table {
    fn new() -> Self {
        Self::asking(ONE)
    }

    fn asking(then: &str) -> Self {
        Self::with(Scene::recorded(then, |_| {}))
    }

    fn with(scene: Scene) -> Self {
        let decision = scene.decide(scene.now, crate::policy::Purpose::Execute);
        let requirement = match decision.outcome() {
            Outcome::NeedsApproval(requirement) => requirement.clone(),
            Outcome::Permit | Outcome::Deny => Requirement::AllOf(Vec::new()),
        };
        Self {
            root: scene.root.clone(),
            authors: BTreeSet::from([Who::Ada as u64]),
            lifetime: 86_400,
            now: scene.now,
            policy_permits: matches!(decision.outcome(), Outcome::Permit),
            requirement,
            recorded: Vec::new(),
            scene,
        }
    }

    /// Another trust root, of which the approvals and the plan know nothing but the keys.
    fn change_root(&mut self, change: impl FnOnce(&mut Document)) {
        let document = self.root.document();
        let start = document.expires.plus(-1_000_000);
        self.root = trust_root(document.ledger.genesis, start, change);
    }

    /// Adds an approval, signed by somebody.
    fn add(&mut self, who: Who, change: impl FnOnce(&mut Approval)) -> &mut Self {
        let mut approval = self.scene.approval(who);
        change(&mut approval);
        let envelope = seal_approval(who, approval);
        self.add_envelope(&envelope)
    }

    fn add_envelope(&mut self, envelope: &Envelope) -> &mut Self {
        let duties = [Duty::Approver, Duty::Policy, Duty::Executor, Duty::Witness];
        let approval: Verified<Approval> = Verified::open(envelope, &self.scene.root, &duties, self.scene.now).unwrap();
        self.recorded.push(Recorded { approval, recorded_at: self.scene.now, uses: 0, revoked: false });
        self
    }

    fn status(&self) -> ApprovalStatus {
        let ground = self.scene.ground();
        let need = if self.policy_permits { Need::Policy } else { Need::People(&self.requirement) };
        let scales = Scales {
            jobs: Jobs::default(),
            ground: &ground,
            need,
            root: &self.root,
            authors: &self.authors,
            lifetime: self.lifetime,
            gates: &Gates::DEFAULT,
            now: self.now,
        };
        weigh(&scales, &self.recorded)
    }

    #[track_caller]
    fn enough(&self) {
        let status = self.status();
        let grant = status.grant().unwrap();
        assert_eq!(grant.plan(), self.scene.plan.digest());
        assert_eq!(grant.approvals().len(), status.counted.len());
        assert!(!grant.approvals().is_empty());
    }

    /// Asserts that the only approval is set aside, and that the refusal says why.
    #[track_caller]
    fn sets_aside(&self, code: &str) {
        let status = self.status();
        assert!(status.counted.is_empty(), "{:?}", status.counted);
        assert_eq!(status.set_aside.len(), 1);
        assert_eq!(status.set_aside[0].why.reason().code, code, "{:?}", status.set_aside);
        assert!(!status.set_aside[0].why.sentence().is_empty());
        assert_eq!(status.grant().unwrap_err().code(), code);
    }
}

/// One approval by Bob with something changed about it, or about the table.
fn one(change: impl FnOnce(&mut Approval)) -> Table {
    let mut table = Table::new();
    table.add(Who::Bob, change);
    table
}

fn policys_own(table: &mut Table, change: impl FnOnce(&mut Approval)) {
    let login = format!("policy@{}", table.scene.policy.digest());
    table.add(Who::Policy, |approval| {
        approval.method = Method::Policy;
        approval.approver.login = login;
        change(approval);
    });
}

#[test]
fn what_names_everything_as_it_is_counts() {
    one(|_| {}).enough();
}

#[test]
fn a09_an_approval_that_differs_in_any_field_of_its_binding_is_set_aside() {
    let d = Digest::of(b"another");
    let scope = "approval.scope_mismatch";
    let stale = "approval.stale";
    type Change = Box<dyn FnOnce(&mut Binding)>;
    let fields: Vec<(Field, &str, Change)> = vec![
        (Field::Plan, scope, Box::new(move |b| b.plan = d)),
        (Field::Host, scope, Box::new(|b| b.host = "forge.example".into())),
        (Field::Repository, scope, Box::new(|b| b.repo_id = "9".into())),
        (Field::Owner, scope, Box::new(|b| b.owner_id = "9".into())),
        (Field::ChangeRequest, scope, Box::new(|b| b.change_request = Some(4))),
        (Field::Environment, scope, Box::new(|b| b.environment = Some(id("production")))),
        (Field::Directive, scope, Box::new(move |b| b.directive = d)),
        (Field::BaseRef, stale, Box::new(|b| b.base_ref = "refs/heads/weak".into())),
        (Field::Head, stale, Box::new(|b| b.head_sha = "c".repeat(40))),
        (Field::Base, stale, Box::new(|b| b.base_sha = "c".repeat(40))),
        (Field::Tree, stale, Box::new(move |b| b.tree_digest = d)),
        (Field::Policy, stale, Box::new(move |b| b.policy = d)),
        (Field::TrustRoot, stale, Box::new(move |b| b.trust_root = d)),
        (Field::TrustRoot, stale, Box::new(|b| b.trust_root_version = 2)),
        (Field::View, stale, Box::new(move |b| b.view = d)),
        (Field::View, stale, Box::new(|b| b.renderer = "0".into())),
    ];
    let mut words = BTreeSet::new();
    for (field, code, change) in fields {
        let table = one(|approval| change(&mut approval.binding));
        table.sets_aside(code);
        let status = table.status();
        let Invalidation::Differs(found) = &status.set_aside[0].why else { panic!("{field:?}: {status:?}") };
        assert_eq!(*found, field);
        assert!(status.set_aside[0].why.sentence().contains(field.words()), "the field is named");
        words.insert(field.words());
    }
    assert_eq!(words.len(), 14);
}

#[test]
fn a34_c31_an_approval_of_another_view_of_the_same_plan_is_stale() {
    let table = one(|approval| approval.binding.view = Digest::of(b"a summary by somebody else"));
    table.sets_aside("approval.stale");
}

#[test]
fn b25_an_approval_is_about_exactly_its_five_subjects() {
    let resign = |change: fn(&mut Vec<(&'static str, Digest)>)| {
        let mut table = Table::new();
        let approval = table.scene.approval(Who::Bob);
        let binding = approval.binding.clone();
        let mut subjects = vec![
            ("plan", binding.plan),
            ("view", binding.view),
            ("policy", binding.policy),
            ("directive", binding.directive),
            ("trust-root", binding.trust_root),
        ];
        change(&mut subjects);
        table.add_envelope(&sign(Who::Bob, &subjects, approval));
        table
    };
    resign(|_| {}).enough();
    resign(|subjects| subjects.truncate(4)).sets_aside("subject.mismatch");
    resign(|subjects| subjects[0].1 = Digest::of(b"another plan")).sets_aside("subject.mismatch");
    resign(|subjects| subjects.push(("extra", Digest::of(b"x")))).sets_aside("subject.mismatch");
}

#[test]
fn a26_an_approval_holds_to_its_last_second_and_no_longer() {
    let mut table = one(|_| {});
    table.now = table.scene.now.plus(3_599);
    table.enough();
    table.now = table.scene.now.plus(3_600);
    table.sets_aside("expired.approval");
}

#[test]
fn b37_an_approval_from_the_future_does_not_hold_yet() {
    one(|approval| approval.not_before = approval.not_before.plus(60)).enough();
    one(|approval| approval.not_before = approval.not_before.plus(61)).sets_aside("approval.not_yet");
    one(|approval| approval.approved_at = approval.approved_at.plus(60)).enough();
    one(|approval| approval.approved_at = approval.approved_at.plus(61)).sets_aside("approval.not_yet");
}

#[test]
fn b34_no_approval_is_valid_for_longer_than_the_policy_or_the_trust_root() {
    let mut table = one(|_| {});
    table.lifetime = 3_600;
    table.enough();
    table.lifetime = 3_599;
    table.sets_aside("approval.lifetime");
    // The trust root ends before the approval would.
    let mut table = one(|_| {});
    let end = table.now.plus(3_599);
    table.change_root(|document| document.expires = end);
    table.sets_aside("approval.lifetime");
    table.change_root(|document| document.expires = end.plus(1));
    table.enough();
}

#[test]
fn b32_a_revoked_approval_does_not_count() {
    let mut table = one(|_| {});
    table.recorded[0].revoked = true;
    table.sets_aside("approval.revoked");
}

#[test]
fn e01_an_approval_without_a_use_left_does_not_count() {
    let mut table = one(|_| {});
    table.recorded[0].uses = 1;
    table.sets_aside("replay.consumed");
    let session = |uses: u32| {
        let mut table = one(|approval| {
            approval.scope = Scope::Session;
            approval.max_uses = 3;
        });
        table.recorded[0].uses = uses;
        table
    };
    session(2).enough();
    session(3).sets_aside("replay.consumed");
}

#[test]
fn the_number_of_uses_fits_the_scope() {
    let uses = |scope: Scope, max_uses: u32| {
        one(|approval| {
            approval.scope = scope;
            approval.max_uses = max_uses;
        })
    };
    uses(Scope::SingleRun, 0).sets_aside("approval.uses");
    uses(Scope::SingleRun, 2).sets_aside("approval.uses");
    uses(Scope::Session, 0).sets_aside("approval.uses");
    uses(Scope::Session, 1).enough();
    uses(Scope::Session, MAX_USES).enough();
    uses(Scope::Session, MAX_USES + 1).sets_aside("approval.uses");
}

#[test]
fn a_gate_takes_only_its_methods() {
    let gated = |method: Method| {
        let mut table = Table::with(Scene::recorded(ONE, |plan| plan.gate = vec![Method::Terminal]));
        table.add(Who::Bob, |approval| approval.method = method);
        table
    };
    gated(Method::Terminal).enough();
    gated(Method::Key).sets_aside("approval.method");
    gated(Method::Ssh).sets_aside("approver.unauthorised"); // a raw ed25519 key is no SSH key
}

#[test]
fn a_requirement_takes_only_its_methods() {
    let by = |method: Method| {
        let mut table = Table::asking("{needsApproval: {people: 1, methods: [terminal]}}");
        table.add(Who::Bob, |approval| approval.method = method);
        table
    };
    by(Method::Terminal).enough();
    by(Method::Key).sets_aside("approval.method");
}

#[test]
fn a10_a_method_is_what_the_key_shows_and_not_what_the_statement_says() {
    one(|approval| approval.method = Method::Ssh).sets_aside("approver.unauthorised");
    one(|approval| approval.method = Method::Terminal).enough();
    let mut table = one(|_| {});
    table.change_root(|document| {
        let key = document.keys.iter_mut().find(|key| key.principal == Who::Bob as u64).unwrap();
        key.scheme = Scheme::SshEd25519;
    });
    table.sets_aside("approver.unauthorised");
}

#[test]
fn a10_the_policys_own_signature_counts_only_where_the_policy_permits() {
    let mut table = Table::asking("permit");
    policys_own(&mut table, |_| {});
    table.enough();
    let mut table = Table::new();
    policys_own(&mut table, |_| {});
    table.sets_aside("approval.policy_may_not");
}

#[test]
fn a10_the_policys_own_signature_names_its_policy_and_is_made_by_its_key() {
    let mut table = Table::asking("permit");
    policys_own(&mut table, |approval| approval.approver.login = "policy".into());
    table.sets_aside("approver.unauthorised");
    // A person's key is not the policy's.
    let mut table = Table::asking("permit");
    let login = format!("policy@{}", table.scene.policy.digest());
    table.add(Who::Bob, |approval| {
        approval.method = Method::Policy;
        approval.approver.login = login;
    });
    table.sets_aside("approver.unauthorised");
}

#[test]
fn a10_the_approver_named_is_the_holder_of_the_key() {
    one(|approval| approval.approver = Who::Cleo.actor()).sets_aside("approver.unauthorised");
    one(|approval| approval.approver.host = "forge.example".into()).sets_aside("approver.unauthorised");
    // A login is for display: the number decides.
    one(|approval| approval.approver.login = "robert".into()).enough();
}

#[test]
fn b18_two_signatures_make_no_approval_of_either() {
    let mut table = Table::new();
    let approval = table.scene.approval(Who::Bob);
    let binding = approval.binding.clone();
    let subjects = [
        ("plan", binding.plan),
        ("view", binding.view),
        ("policy", binding.policy),
        ("directive", binding.directive),
        ("trust-root", binding.trust_root),
    ];
    let subjects = subjects.map(|(name, digest)| Subject::new(name, digest)).to_vec();
    let (bob, cleo) = (Who::Bob.key(), Who::Cleo.key());
    let envelope = Envelope::sign(subjects, approval, &[&bob as &dyn Signer, &cleo]).unwrap();
    table.add_envelope(&envelope);
    table.sets_aside("approver.unauthorised");
}

#[test]
fn a10_a_key_that_the_trust_root_no_longer_lists_counts_nothing() {
    let mut table = one(|_| {});
    table.change_root(|document| document.keys.retain(|key| key.principal != Who::Bob as u64));
    table.sets_aside("approver.unauthorised");
}

#[test]
fn b31_a_key_must_be_valid_now_and_not_only_when_it_signed() {
    let valid = |from: i64, until: i64| {
        let mut table = one(|_| {});
        let now = table.now;
        table.change_root(|document| {
            let key = document.keys.iter_mut().find(|key| key.principal == Who::Bob as u64).unwrap();
            (key.not_before, key.not_after) = (now.plus(from), now.plus(until));
        });
        table
    };
    valid(0, 1).enough();
    valid(1, 2).sets_aside("key.validity");
    valid(-1, 0).sets_aside("key.validity");
}

#[test]
fn b32_a_key_that_the_trust_root_revoked_counts_nothing_from_then_on() {
    let revoked = |after: i64| {
        let mut table = one(|_| {});
        let at = table.now.plus(after);
        table.change_root(|document| {
            let key = document.keys.iter_mut().find(|key| key.principal == Who::Bob as u64).unwrap();
            key.revoked_at = Some(at);
        });
        table
    };
    revoked(1).enough();
    revoked(0).sets_aside("key.revoked");
    revoked(-1).sets_aside("key.revoked");
}

#[test]
fn a13_a_program_and_a_key_without_the_duty_approve_nothing() {
    for who in [Who::Ci, Who::Dora] {
        let mut table = Table::new();
        table.add(who, |_| {});
        table.sets_aside("approver.not_a_person");
    }
}

#[test]
fn a11_who_had_a_hand_in_the_plan_does_not_count_unless_the_policy_says_so() {
    let mut table = Table::new();
    table.add(Who::Ada, |_| {});
    table.sets_aside("approver.self");
    let mut table = Table::asking("{needsApproval: {people: 1, separation: none}}");
    table.add(Who::Ada, |_| {});
    table.enough();
}

#[test]
fn b21_nothing_and_an_impossible_requirement_are_never_enough() {
    assert_eq!(Table::new().status().grant().unwrap_err().code(), "approval.none");
    assert_eq!(Table::asking("permit").status().grant().unwrap_err().code(), "approval.none");
    for impossible in
        [Requirement::AllOf(Vec::new()), Requirement::AnyOf(Vec::new()), Requirement::KOf { k: 0, of: Vec::new() }]
    {
        let mut table = one(|_| {});
        table.requirement = impossible;
        assert!(table.status().grant().is_err());
    }
}

#[test]
fn b19_two_approvals_of_one_person_are_one() {
    let mut table = Table::asking("{needsApproval: {people: 2}}");
    table.add(Who::Bob, |_| {}).add(Who::Bob, |_| {});
    assert_eq!(table.status().grant().unwrap_err().code(), "approval.pending");
    table.add(Who::Cleo, |_| {});
    table.enough();
}

#[test]
fn a12_two_keys_of_one_person_are_one() {
    let mut table = Table::asking("{needsApproval: {people: 2}}");
    // Cleo's key is given to Bob, and both sign.
    let document = table.root.document().clone();
    let start = document.expires.plus(-1_000_000);
    table.root = trust_root(document.ledger.genesis, start, |document| {
        let key = document.keys.iter_mut().find(|key| key.principal == Who::Cleo as u64).unwrap();
        key.principal = Who::Bob as u64;
    });
    table.scene.root = table.root.clone();
    table.add(Who::Bob, |_| {}).add(Who::Cleo, |approval| approval.approver = Who::Bob.actor());
    let status = table.status();
    assert_eq!(status.set_aside.len(), 0, "each is good: {status:?}");
    assert_eq!(status.grant().unwrap_err().code(), "approval.pending");
}

#[test]
fn one_that_does_not_count_neither_helps_nor_hinders() {
    let mut table = Table::asking("{needsApproval: {people: 2}}");
    table.add(Who::Ada, |_| {}).add(Who::Bob, |_| {});
    let status = table.status();
    assert_eq!(status.counted.len(), 1);
    assert_eq!(status.grant().unwrap_err().code(), "approval.pending");
    table.add(Who::Cleo, |_| {});
    let status = table.status();
    let logins: Vec<_> = status.counted.iter().map(|counted| counted.login.as_str()).collect();
    assert_eq!(logins, ["bob", "cleo"], "who asked for it is not named as one who agreed");
    assert_eq!(status.set_aside.len(), 1);
    table.enough();
}

#[test]
fn a13_a_person_whom_the_policy_lists_as_an_agent_does_not_count() {
    let mut table = one(|_| {});
    let Requirement::Leaf(leaf) = &mut table.requirement else { panic!("{:?}", table.requirement) };
    leaf.barred.insert(Who::Bob as u64);
    table.sets_aside("approver.not_a_person");
}

#[test]
fn roles_are_those_of_the_trust_root() {
    let by = |who: Who| {
        let mut table = Table::asking("{needsApproval: {people: 1, roles: [lead]}}");
        table.add(who, |_| {});
        table
    };
    by(Who::Bob).enough();
    by(Who::Cleo).sets_aside("approver.role");
}

#[test]
fn a26_an_approval_that_is_older_than_the_requirement_allows_does_not_count() {
    let aged = |seconds: i64| {
        let mut table = Table::asking("{needsApproval: {people: 1, within: 10m}}");
        table.add(Who::Bob, |_| {});
        table.now = table.scene.now.plus(seconds);
        table
    };
    aged(600).enough();
    aged(601).sets_aside("approval.too_old");
}

#[test]
fn of_one_persons_approvals_only_those_that_count_are_used_up() {
    let mut table = Table::asking("{needsApproval: {people: 1, within: 10m}}");
    table.add(Who::Bob, |_| {}).add(Who::Bob, |_| {});
    table.now = table.scene.now.plus(300);
    // The first was recorded too long ago by now; the second was not.
    table.recorded[0].recorded_at = table.now.plus(-601);
    let status = table.status();
    let (old, fresh) = (&table.recorded[0].approval, &table.recorded[1].approval);
    assert_eq!(status.grant().unwrap().approvals(), [fresh.payload_digest()]);
    assert_eq!(status.set_aside[0].payload, old.payload_digest());
    assert_eq!(status.set_aside[0].why.reason().code, "approval.too_old");
}

#[test]
fn every_invalidation_has_a_reason_of_its_own_kind_and_a_sentence() {
    let at: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let refusal = "no/../path".parse::<RepoPath>().unwrap_err();
    let all: Vec<(Invalidation, &str)> = vec![
        (Invalidation::Differs(Field::Plan), "approval.scope_mismatch"),
        (Invalidation::Differs(Field::View), "approval.stale"),
        (Invalidation::Expired(at), "expired.approval"),
        (Invalidation::NotYet(at), "approval.not_yet"),
        (Invalidation::TooLong, "approval.lifetime"),
        (Invalidation::Revoked, "approval.revoked"),
        (Invalidation::UsedUp, "replay.consumed"),
        (Invalidation::Uses, "approval.uses"),
        (Invalidation::Method, "approval.method"),
        (Invalidation::PolicyMayNot, "approval.policy_may_not"),
        (Invalidation::SelfApproval, "approver.self"),
        (Invalidation::NotAPerson, "approver.not_a_person"),
        (Invalidation::Agent, "approver.not_a_person"),
        (Invalidation::Role, "approver.role"),
        (Invalidation::TooOld, "approval.too_old"),
        (Invalidation::Again, "approver.again"),
        (Invalidation::Impostor, "approver.unauthorised"),
        (Invalidation::Signature(refusal.clone()), refusal.code()),
    ];
    for (why, code) in all {
        let reason: Reason = why.reason();
        assert_eq!(reason.code, code);
        assert!(!why.sentence().is_empty(), "{code}");
    }
}

#[test]
fn a_binding_is_made_of_what_is_here_and_now() {
    let scene = Scene::recorded(ONE, |plan| plan.environment = Some(id("staging")));
    let ground = scene.ground();
    let binding = ground.bind(scene.head());
    assert_eq!(ground.difference(&binding), None);
    assert_eq!(binding.environment, Some(id("staging")));
    assert_eq!(binding.ledger, scene.head());
    let other = Facts { head_sha: "e".repeat(40), ..scene.facts.clone() };
    let moved = Ground { facts: &other, ..ground };
    assert_eq!(moved.difference(&binding), Some(Field::Head));
}

/// A job as its token shows it, its workflows taken from a commit.
fn vouched(commit: &str) -> Vouched {
    let text = |text: &str| text.to_owned();
    let workflow = text("example/sample/.github/workflows/countersign.yml@refs/heads/main");
    let job = Workload {
        repository_id: text("1"),
        repository_owner_id: text("2"),
        repository_visibility: text("private"),
        run_id: text("42"),
        run_attempt: text("1"),
        check_run_id: None,
        event_name: text("workflow_dispatch"),
        actor_id: text("1"),
        reference: text("refs/heads/main"),
        ref_type: text("branch"),
        ref_protected: Some(true),
        for_change_request: false,
        sha: text(commit),
        workflow_ref: workflow.clone(),
        workflow_sha: text(commit),
        job_workflow_ref: workflow,
        job_workflow_sha: text(commit),
        environment: None,
        runner_environment: text("github-hosted"),
    };
    Vouched { key: text("rsa-1"), job }
}

#[test]
fn a33_b47_a_job_that_signed_without_a_key_is_weighed_by_its_commits_and_its_issuers_keys() {
    let (own, other) = ("a".repeat(40), "b".repeat(40));
    let (base, gone) = (BTreeSet::from([own.clone()]), BTreeSet::from(["rsa-1".to_owned()]));
    let code = |jobs: Jobs<'_>, commit: &str| jobs.judge(&vouched(commit)).err().map(|refusal| refusal.code());
    let jobs = Jobs { in_base: Some(&base), gone: None };
    assert_eq!(code(jobs, &own), None);
    assert_eq!(code(jobs, &other), Some("oidc.workflow_unpinned"));
    // In an audit there is no repository to ask.
    assert_eq!(code(Jobs::default(), &other), None);
    assert_eq!(code(Jobs { gone: Some(&gone), ..jobs }, &own), Some("oidc.key_unknown"));
    assert_eq!(code(Jobs { gone: Some(&BTreeSet::new()), ..jobs }, &own), None);
}

//! A repository as plain values, in which a plan may run, and what can be changed about it; for unit tests.

use crate::{
    approval::Ground,
    base::{digest::Digest, ident::Id, json, method::Method, reason::Result, time::Timestamp},
    event::StepStatus,
    facts::Facts,
    ledger::{Chain as Ledger, Entry, genesis_entry},
    plan::{
        SealedPlan,
        model::Plan,
        seal,
        testing::{id, sample_plan, sample_write_step},
        view::{RENDERER, View},
    },
    policy::{
        self, Decision, Policy,
        evaluate::{Question, evaluate},
    },
    review::review,
    sign::{
        Envelope, TrustRoot,
        key::{PrivateKey, Signer},
        predicate::{
            Actor, Approval, Checkpoint, Claim, Genesis, Halt, LedgerHead, Outcome, PlanRecord, Rejection, Revocation,
            RevocationTarget, Scope, StepFinished, StepStarted,
        },
        schemes::Scheme,
        statement::{Predicate, Subject},
        trust::{Document, Duty, Key, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE},
    },
    verify::{self, Case, Chain, Conformance, Identity, Purpose, Report, VerifiedPlan},
};

/// Who signs: the seed byte of the key, and the principal's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Asked for the plan, and holds the root key.
    Ada = 1,
    Bob = 2,
    Cleo = 3,
    /// Plans and executes.
    Ci = 4,
    /// Signs for the policy.
    Policy = 5,
    /// A person whose only key may not approve.
    Dora = 6,
    /// Signs for people, whose decisions the forge has on record.
    Gate = 7,
}

/// The host of these tests.
pub(crate) const HOST: &str = "git.example";

impl Who {
    pub(crate) fn key(self) -> PrivateKey {
        PrivateKey::from_seed(&[self as u8; 32])
    }

    pub(crate) fn actor(self) -> Actor {
        Actor { host: HOST.into(), id: self as u64, login: format!("{self:?}").to_lowercase() }
    }
}

/// Signs a statement.
pub(crate) fn sign<P: Predicate>(who: Who, subjects: &[(&str, Digest)], predicate: P) -> Envelope {
    let subjects = subjects.iter().map(|(name, digest)| Subject::new(*name, *digest)).collect();
    Envelope::sign(subjects, predicate, &[&who.key() as &dyn Signer]).unwrap()
}

/// The trust root of these tests, version 3, changed.
pub(crate) fn trust_root(genesis: Digest, from: Timestamp, change: impl FnOnce(&mut Document)) -> TrustRoot {
    let principal = |who: Who, kind, roles: &[&str]| Principal {
        id: who as u64,
        login: who.actor().login,
        name: format!("{who:?}"),
        kind,
        roles: roles.iter().map(|role| id(role)).collect(),
        emails: vec![format!("{}@example.com", who.actor().login)],
    };
    let key = |who: Who, duties: &[Duty]| Key {
        id: who.key().key_id(),
        name: format!("{who:?}"),
        scheme: Scheme::Ed25519,
        public: who.key().public().unwrap().to_base64(),
        principal: who as u64,
        duties: duties.to_vec(),
        not_before: from.plus(-100_000),
        not_after: from.plus(1_000_000),
        revoked_at: None,
        gate: None,
    };
    let (person, agent) = (PrincipalKind::Person, PrincipalKind::Agent);
    let mut document = Document {
        kind: TRUST_ROOT_TYPE.into(),
        version: 3,
        expires: from.plus(1_000_000),
        host: HOST.into(),
        forge: None,
        repo_id: "1".into(),
        owner_id: "2".into(),
        repo: "example/sample".into(),
        base_ref: "refs/heads/main".into(),
        ledger: LedgerRef { branch: "refs/heads/countersign/ledger".into(), genesis },
        root_threshold: 1,
        principals: vec![
            principal(Who::Ada, person, &["owner"]),
            principal(Who::Bob, person, &["lead"]),
            principal(Who::Cleo, person, &[]),
            principal(Who::Ci, agent, &[]),
            principal(Who::Policy, agent, &[]),
            principal(Who::Dora, person, &[]),
            principal(Who::Gate, agent, &[]),
        ],
        keys: vec![
            key(Who::Ada, &[Duty::Root, Duty::Approver]),
            key(Who::Bob, &[Duty::Approver]),
            key(Who::Cleo, &[Duty::Approver]),
            key(Who::Ci, &[Duty::Planner, Duty::Executor]),
            key(Who::Policy, &[Duty::Policy]),
            key(Who::Dora, &[Duty::Witness]),
            key(Who::Gate, &[Duty::Gate]),
        ],
        issuers: Vec::new(),
    };
    change(&mut document);
    TrustRoot::parse(&json::canonical(&document).unwrap()).unwrap()
}

const POLICY: &str = "
version: 1
expires: '2030-01-01T00:00:00Z'
execution: {enabled: true, sideEffects: true}
programs: {ls: {path: /usr/bin/ls}}
environments: [staging, production]
rules:
  - {id: changes, when: {effect: {atMost: write}, uninspectable: false}, then: THEN}
";

/// A repository in which everything holds, until a test changes something.
pub(crate) struct Scene {
    pub(crate) root: TrustRoot,
    pub(crate) policy: Policy,
    pub(crate) plan: SealedPlan,
    pub(crate) facts: Facts,
    pub(crate) modified: Vec<String>,
    pub(crate) own_commits: std::collections::BTreeSet<String>,
    pub(crate) in_base: Option<std::collections::BTreeSet<String>>,
    pub(crate) conformance: Conformance,
    pub(crate) ledger: Ledger,
    pub(crate) identity: Identity,
    pub(crate) tracked: Option<verify::Tracked>,
    pub(crate) purpose: Purpose,
    pub(crate) named: Option<Digest>,
    pub(crate) now: Timestamp,
    /// When the ledger's last entry is said to have been made, where it is not as it is.
    pub(crate) last_at: Option<Timestamp>,
    /// The decision, where it is not what the policy decides of this plan now.
    pub(crate) decision: Option<Decision>,
    /// Whether the chain denies every head.
    pub(crate) heads_are_foreign: bool,
    statements: u64,
}

/// A policy whose only rule lets everything up to `write` through under one condition.
pub(crate) fn policy(then: &str) -> Policy {
    Policy::compile("policy.yml", POLICY.replace("THEN", then).as_bytes()).unwrap()
}

/// The same with one more line.
pub(crate) fn policy_of(then: &str, line: &str) -> Policy {
    Policy::compile("policy.yml", format!("{}{line}\n", POLICY.replace("THEN", then)).as_bytes()).unwrap()
}

/// What one person who did not ask for the plan comes to.
pub(crate) const ONE: &str = "{needsApproval: {people: 1}}";

impl Scene {
    /// A plan recorded, and approved by Bob.
    pub(crate) fn approved() -> Self {
        let mut scene = Self::recorded(ONE, |_| {});
        scene.approve(Who::Bob);
        scene
    }

    /// A plan recorded under a policy, approved by nobody.
    pub(crate) fn recorded(then: &str, change: impl FnOnce(&mut Plan)) -> Self {
        let mut scene = Self::empty(then, change);
        scene.record_plan(scene.plan.digest(), None);
        scene
    }

    /// A ledger that holds its genesis only.
    pub(crate) fn empty(then: &str, change: impl FnOnce(&mut Plan)) -> Self {
        Self::under(policy(then), |_| {}, change)
    }

    /// A plan recorded and approved by Bob, under a trust root that is changed.
    pub(crate) fn approved_under(change: impl FnOnce(&mut Document)) -> Self {
        let mut scene = Self::under(policy(ONE), change, |_| {});
        scene.record_plan(scene.plan.digest(), None);
        scene.approve(Who::Bob);
        scene
    }

    /// A ledger that holds its genesis only, under a policy and a changed trust root.
    pub(crate) fn under(policy: Policy, rooted: impl FnOnce(&mut Document), change: impl FnOnce(&mut Plan)) -> Self {
        let mut draft = sample_plan();
        draft.steps = vec![sample_write_step("look")];
        draft.effect = draft.steps[0].effect;
        let start = draft.created_at;
        let genesis = Genesis {
            host: HOST.into(),
            repo_id: "1".into(),
            owner_id: "2".into(),
            nonce: format!("{:032x}", 0),
            created_at: start,
        };
        let genesis = genesis_entry(&sign(Who::Ada, &[("ledger", Digest::of(b"ledger"))], genesis), start).unwrap();
        let root = trust_root(Digest::of(&genesis), start, rooted);
        draft.planner.requested_by.id = Who::Ada as u64;
        draft.planner.requested_by.host = HOST.into();
        draft.subject.host = HOST.into();
        draft.policy_digest = policy.digest();
        draft.trust_root_digest = root.digest();
        change(&mut draft);
        let plan = seal::seal(&draft).unwrap();
        let subject = &plan.plan().subject;
        let facts = Facts {
            host: subject.host.clone(),
            repo_id: subject.repo_id.clone(),
            owner_id: subject.owner_id.clone(),
            repo: subject.repo.clone(),
            change_request: subject.change_request,
            base_ref: subject.base_ref.clone(),
            base_sha: subject.base_sha.clone(),
            head_sha: subject.head_sha.clone(),
            tree_digest: subject.tree_digest,
            contributors: std::collections::BTreeSet::new(),
            forge: None,
        };
        let mut ledger = Ledger::new(&root, None);
        ledger.push(&genesis, &root, start).unwrap();
        let conformance = Conformance::Conforms { plan: plan.digest(), base_sha: facts.base_sha.clone() };
        Self {
            root,
            policy,
            plan,
            facts,
            modified: Vec::new(),
            own_commits: std::collections::BTreeSet::new(),
            in_base: None,
            conformance,
            ledger,
            identity: Identity::NotShown,
            tracked: None,
            purpose: Purpose::Start,
            named: None,
            now: start.plus(600),
            last_at: None,
            decision: None,
            heads_are_foreign: false,
            statements: 0,
        }
    }

    /// What the policy decides of the plan at an instant.
    pub(crate) fn decide(&self, now: Timestamp, purpose: policy::Purpose) -> Decision {
        let (plan, digest) = (self.plan.plan(), self.plan.digest());
        let report = review(plan, digest, &self.policy.review_settings());
        evaluate(Question { policy: &self.policy, plan, digest, report: &report, now, purpose })
    }

    /// Hands the case to somebody.
    pub(crate) fn with_case<T>(&self, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let decision = self.decision.clone().unwrap_or_else(|| self.decide(self.now, policy::Purpose::Execute));
        let must_contain = |head: &LedgerHead| {
            let mut head = head.clone();
            if self.heads_are_foreign {
                head.hash = Digest::of(b"elsewhere");
            }
            self.ledger.must_contain(&head)
        };
        let case = Case {
            named: self.named,
            root: &self.root,
            policy: &self.policy,
            decision: &decision,
            facts: &self.facts,
            modified: &self.modified,
            left_out: &[],
            own_commits: &self.own_commits,
            in_base: self.in_base.as_ref(),
            conformance: &self.conformance,
            chain: Chain {
                state: self.ledger.state(),
                must_contain: &must_contain,
                last_at: self.last_at.unwrap_or_else(|| self.ledger.last_at()),
            },
            identity: &self.identity,
            tracked: self.tracked.as_ref(),
            purpose: self.purpose.clone(),
            now: self.now,
        };
        ask(&case)
    }

    /// Goes through the door.
    pub(crate) fn verify(&self) -> (Report, Result<VerifiedPlan>) {
        self.with_case(|case| verify::verify(self.plan.clone(), case))
    }

    /// What an approval given here and now must name.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            plan: self.plan.plan(),
            digest: self.plan.digest(),
            view: View::new(self.plan.plan(), self.plan.digest()).digest(),
            renderer: RENDERER,
            policy: self.policy.digest(),
            trust_root: self.root.digest(),
            trust_root_version: self.root.document().version,
            facts: &self.facts,
        }
    }

    pub(crate) fn head(&self) -> LedgerHead {
        self.ledger.head().unwrap()
    }

    fn nonce(&mut self) -> String {
        self.statements += 1;
        format!("{:032x}", self.statements)
    }

    /// Appends a statement about the plan.
    pub(crate) fn append<P: Predicate>(&mut self, who: Who, predicate: P) -> Entry {
        let envelope = sign(who, &[("plan", self.plan.digest())], predicate);
        self.append_envelope(&envelope)
    }

    pub(crate) fn append_envelope(&mut self, envelope: &Envelope) -> Entry {
        self.ledger.extend(envelope, self.now, &self.root, self.now).unwrap().0
    }

    pub(crate) fn record_plan(&mut self, plan: Digest, supersedes: Option<Digest>) {
        let envelope = self.plan_record(plan, supersedes);
        self.append_envelope(&envelope);
    }

    /// Reads the record of the plan as one that stands in the ledger, by whatever key no writer here would sign with.
    pub(crate) fn let_stand_plan(&mut self) {
        let (envelope, head) = (self.plan_record(self.plan.digest(), None), self.head());
        let bytes = crate::ledger::format::entry_bytes(head.seq + 1, head.hash, &envelope, self.now).unwrap();
        self.ledger.push(&bytes, &self.root, self.now).unwrap();
    }

    fn plan_record(&self, plan: Digest, supersedes: Option<Digest>) -> Envelope {
        let record = PlanRecord {
            plan,
            policy: self.policy.digest(),
            trust_root: self.root.digest(),
            directive: id("sample"),
            requested_by: Who::Ada.actor(),
            supersedes,
            expires: self.plan.plan().expires_at,
            ledger: self.head(),
            recorded_at: self.now,
        };
        sign(Who::Ci, &[("plan", plan)], record)
    }

    /// An approval of the plan as it is now, valid for an hour.
    pub(crate) fn approval(&mut self, who: Who) -> Approval {
        let nonce = self.nonce();
        Approval {
            evidence: None,
            binding: self.ground().bind(self.head()),
            approver: who.actor(),
            method: Method::Key,
            scope: Scope::SingleRun,
            max_uses: 1,
            reason: None,
            nonce,
            approved_at: self.now,
            not_before: self.now,
            expires: self.now.plus(3_600),
        }
    }

    /// Appends an approval; returns how claims name it.
    pub(crate) fn approve(&mut self, who: Who) -> Digest {
        self.approve_with(who, |_| {})
    }

    pub(crate) fn approve_with(&mut self, who: Who, change: impl FnOnce(&mut Approval)) -> Digest {
        let mut approval = self.approval(who);
        change(&mut approval);
        self.append_envelope(&seal_approval(who, approval)).approval().unwrap()
    }

    pub(crate) fn reject(&mut self) {
        let record = Rejection {
            evidence: None,
            plan: self.plan.digest(),
            rejected_by: Who::Cleo.actor(),
            method: Method::Key,
            reason: "not today".into(),
            nonce: self.nonce(),
            ledger: self.head(),
            rejected_at: self.now,
        };
        self.append(Who::Cleo, record);
    }

    pub(crate) fn revoke(&mut self, target: RevocationTarget) {
        // Another's key is for a root key to take back.
        let who = if matches!(target, RevocationTarget::Key(_)) { Who::Ada } else { Who::Cleo };
        let record = Revocation {
            evidence: None,
            target,
            revoked_by: who.actor(),
            reason: "taken back".into(),
            nonce: self.nonce(),
            ledger: self.head(),
            revoked_at: self.now,
        };
        self.append(who, record);
    }

    pub(crate) fn halt(&mut self, halted: bool) {
        let record = Halt {
            evidence: None,
            halted,
            by: Who::Cleo.actor(),
            reason: "stop".into(),
            nonce: self.nonce(),
            ledger: self.head(),
            at: self.now,
        };
        self.append(Who::Cleo, record);
    }

    pub(crate) fn checkpoint(&mut self, trust_root_version: u64) {
        self.checkpoint_dated(trust_root_version, self.now);
    }

    /// A checkpoint that says that it was made at a time, whenever it is appended.
    pub(crate) fn checkpoint_dated(&mut self, trust_root_version: u64, checked_at: Timestamp) {
        let record =
            Checkpoint { host: HOST.into(), repo_id: "1".into(), ledger: self.head(), trust_root_version, checked_at };
        self.append_envelope(&sign(Who::Ci, &[("ledger", Digest::of(b"ledger"))], record));
    }

    pub(crate) fn claim(&mut self, run: &str, attempt: u32, approvals: &[Digest]) -> u64 {
        let record = Claim {
            job: None,
            plan: self.plan.digest(),
            run: id(run),
            attempt,
            approvals: approvals.to_vec(),
            claimed_by: Who::Ci.actor(),
            nonce: self.nonce(),
            ledger: self.head(),
            claimed_at: self.now,
        };
        self.append(Who::Ci, record).seq
    }

    pub(crate) fn start_step(&mut self, run: &str, fencing: u64) {
        let record = StepStarted {
            plan: self.plan.digest(),
            run: id(run),
            step: id("look"),
            attempt: 1,
            fencing,
            idempotency_key: Digest::of(run.as_bytes()),
            started_at: self.now,
        };
        self.append(Who::Ci, record);
    }

    pub(crate) fn finish_step(&mut self, run: &str, status: StepStatus) {
        let status = serde_json::to_value(status).unwrap();
        let record = StepFinished {
            plan: self.plan.digest(),
            run: id(run),
            step: id("look"),
            attempt: 1,
            fencing: 0,
            retrying: false,
            outcome: serde_json::json!({ "actions": [], "outputs": {}, "status": status, "verified": 0 }),
            finished_at: self.now,
        };
        self.append(Who::Ci, record);
    }

    pub(crate) fn end_run(&mut self, run: &str, status: &str) {
        let status: Id = id(status);
        let record = Outcome {
            plan: self.plan.digest(),
            run: id(run),
            status,
            reason_code: None,
            steps: std::collections::BTreeMap::new(),
            products: std::collections::BTreeMap::new(),
            after: 0,
            finished_at: self.now,
        };
        self.append(Who::Ci, record);
    }
}

/// Signs an approval about the subjects that it must name.
pub(crate) fn seal_approval(who: Who, approval: Approval) -> Envelope {
    let binding = approval.binding.clone();
    let subjects = [
        ("plan", binding.plan),
        ("view", binding.view),
        ("policy", binding.policy),
        ("directive", binding.directive),
        ("trust-root", binding.trust_root),
    ];
    sign(who, &subjects, approval)
}

//! A repository with a ledger, people with keys, and the statements they make.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use crate::{
    base::{
        digest::Digest,
        ident::Id,
        json,
        method::Method,
        reason::Result,
        resolve_as::ResolveAs,
        time::{Clock, Timestamp},
    },
    ledger::{Appended, Batch, Ledger, NewEntry, View, genesis_entry},
    sign::{
        envelope::Envelope,
        key::{PrivateKey, Signer},
        predicate::*,
        stated::Readable,
        statement::{Predicate, Subject},
        trust::{Document, Duty, Key, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE, TrustRoot},
    },
};

pub(super) const START: i64 = 1_800_000_000;
pub(super) const BRANCH: &str = "refs/heads/countersign/ledger";

pub(super) fn t(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

pub(super) fn clock(seconds: i64) -> Clock {
    Clock::Fixed(t(seconds))
}

pub(super) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

pub(super) fn nonce(n: u64) -> String {
    format!("{n:032x}")
}

/// Who signs: the seed byte of the key, and the principal's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Alice = 1,
    Bob = 2,
    Ci = 3,
    Policy = 4,
    Witness = 5,
    Stranger = 6,
}

impl Who {
    pub(super) fn key(self) -> PrivateKey {
        PrivateKey::from_seed(&[self as u8; 32])
    }

    pub(super) fn actor(self) -> Actor {
        Actor { host: "local".into(), id: self as u64, login: format!("{self:?}").to_lowercase() }
    }
}

pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) root: TrustRoot,
    pub(super) genesis: Vec<u8>,
}

pub(super) fn sign<P: Predicate>(who: Who, plan: Option<Digest>, predicate: P) -> Envelope {
    let subject = match plan {
        Some(plan) => Subject::new("plan", plan),
        None => Subject::new("ledger", Digest::of(b"ledger")),
    };
    let key = who.key();
    Envelope::sign(vec![subject], predicate, &[&key as &dyn Signer]).unwrap()
}

pub(super) fn genesis_for(repo_id: &str, number: u64) -> Vec<u8> {
    let genesis = Genesis {
        host: "local".into(),
        repo_id: repo_id.into(),
        owner_id: "9".into(),
        nonce: nonce(number),
        created_at: t(0),
    };
    genesis_entry(&sign(Who::Alice, None, genesis), t(0)).unwrap()
}

pub(super) fn trust_root(genesis: &[u8], change: impl FnOnce(&mut Document)) -> TrustRoot {
    let principal = |who: Who, kind| Principal {
        id: who as u64,
        login: who.actor().login,
        name: format!("{who:?}"),
        kind,
        roles: Vec::new(),
        emails: Vec::new(),
    };
    let key = |who: Who, duties: &[Duty]| Key {
        id: who.key().key_id(),
        name: format!("{who:?}"),
        scheme: crate::sign::schemes::Scheme::Ed25519,
        public: who.key().public().unwrap().to_base64(),
        principal: who as u64,
        duties: duties.to_vec(),
        not_before: t(-1_000),
        not_after: t(1_000_000),
        revoked_at: None,
        gate: None,
    };
    let mut document = Document {
        kind: TRUST_ROOT_TYPE.into(),
        version: 3,
        expires: t(1_000_000),
        host: "local".into(),
        forge: None,
        repo_id: "1".into(),
        owner_id: "9".into(),
        repo: "test".into(),
        base_ref: "refs/heads/main".into(),
        ledger: LedgerRef { branch: BRANCH.into(), genesis: Digest::of(genesis) },
        root_threshold: 1,
        principals: vec![
            principal(Who::Alice, PrincipalKind::Person),
            principal(Who::Bob, PrincipalKind::Person),
            principal(Who::Ci, PrincipalKind::Agent),
            principal(Who::Policy, PrincipalKind::Agent),
            principal(Who::Witness, PrincipalKind::Agent),
        ],
        keys: vec![
            key(Who::Alice, &[Duty::Root, Duty::Approver]),
            key(Who::Bob, &[Duty::Approver]),
            key(Who::Ci, &[Duty::Planner, Duty::Executor]),
            key(Who::Policy, &[Duty::Policy]),
            key(Who::Witness, &[Duty::Witness]),
        ],
        issuers: Vec::new(),
    };
    change(&mut document);
    TrustRoot::parse(&json::canonical(&document).unwrap()).unwrap()
}

impl World {
    /// A repository without a ledger.
    pub(super) fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let genesis = genesis_for("1", 0);
        Self { dir, root: trust_root(&genesis, |_| {}), genesis }
    }

    /// A repository with a ledger that holds its genesis.
    pub(super) fn new() -> Self {
        let world = Self::bare();
        world.open().create_genesis(&world.genesis, &[], clock(0)).unwrap();
        world
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub(super) fn open(&self) -> Ledger {
        Ledger::open(self.dir.path(), &self.root).unwrap()
    }

    pub(super) fn git(&self) -> git2::Repository {
        git2::Repository::open(self.dir.path()).unwrap()
    }

    pub(super) fn tip(&self) -> git2::Oid {
        self.git().refname_to_id(BRANCH).unwrap()
    }

    /// The code with which reading everything afresh refuses.
    pub(super) fn refusal(&self) -> &'static str {
        self.open().read(t(10_000)).map(drop).unwrap_err().code()
    }
}

pub(super) fn plan_digest(number: u64) -> Digest {
    Digest::of(format!("plan {number}").as_bytes())
}

pub(super) fn plan(head: &LedgerHead, number: u64, supersedes: Option<Digest>) -> Envelope {
    plan_by(Who::Ci, Who::Alice, head, number, supersedes)
}

pub(super) fn plan_by(
    signer: Who,
    requester: Who,
    head: &LedgerHead,
    number: u64,
    supersedes: Option<Digest>,
) -> Envelope {
    sign(signer, Some(plan_digest(number)), plan_record(requester, head, number, supersedes))
}

/// A plan whose time ends at an instant.
pub(super) fn plan_until(expires: Timestamp, head: &LedgerHead, number: u64, supersedes: Option<Digest>) -> Envelope {
    let record = PlanRecord { expires, ..plan_record(Who::Alice, head, number, supersedes) };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

fn plan_record(requester: Who, head: &LedgerHead, number: u64, supersedes: Option<Digest>) -> PlanRecord {
    PlanRecord {
        plan: plan_digest(number),
        policy: Digest::of(b"policy"),
        trust_root: Digest::of(b"root"),
        directive: id("release"),
        requested_by: requester.actor(),
        supersedes,
        expires: t(5_000),
        ledger: head.clone(),
        recorded_at: t(1),
    }
}

pub(super) fn reviewed(head: &LedgerHead, number: u64, n: u64) -> Envelope {
    let record = ReviewRecord {
        plan: plan_digest(number),
        policy: Digest::of(b"policy"),
        decision: id("permit"),
        reason_code: "policy.permit".into(),
        report: Digest::of(&n.to_be_bytes()),
        reviewed_by: Who::Ci.actor(),
        ledger: head.clone(),
        reviewed_at: t(2),
    };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

pub(super) fn approval(head: &LedgerHead, number: u64, n: u64) -> Approval {
    Approval {
        evidence: None,
        binding: Binding {
            host: "local".into(),
            repo_id: "1".into(),
            owner_id: "9".into(),
            change_request: None,
            base_ref: "refs/heads/main".into(),
            base_sha: "a".repeat(40),
            head_sha: "b".repeat(40),
            tree_digest: Digest::of(b"tree"),
            directive: Digest::of(b"directive"),
            plan: plan_digest(number),
            view: Digest::of(b"view"),
            renderer: "1".into(),
            policy: Digest::of(b"policy"),
            trust_root: Digest::of(b"root"),
            trust_root_version: 3,
            environment: None,
            ledger: head.clone(),
        },
        approver: Who::Bob.actor(),
        method: Method::Key,
        scope: Scope::SingleRun,
        max_uses: 1,
        reason: None,
        nonce: nonce(n),
        approved_at: t(2),
        not_before: t(0),
        expires: t(4_000),
    }
}

pub(super) fn approved(head: &LedgerHead, number: u64, n: u64) -> Envelope {
    sign(Who::Bob, Some(plan_digest(number)), approval(head, number, n))
}

pub(super) fn rejection(head: &LedgerHead, number: u64, n: u64) -> Envelope {
    let record = Rejection {
        evidence: None,
        plan: plan_digest(number),
        rejected_by: Who::Bob.actor(),
        method: Method::Key,
        reason: "no".into(),
        nonce: nonce(n),
        ledger: head.clone(),
        rejected_at: t(2),
    };
    sign(Who::Bob, Some(plan_digest(number)), record)
}

/// What Bob has to say about a plan, and the labels that he adds and removes.
pub(super) fn note(number: u64, text: Option<&str>, add: &[&str], remove: &[&str]) -> impl Fn(&LedgerHead) -> Envelope {
    let (text, add, remove) = (text.map(str::to_owned), ids(add), ids(remove));
    move |head| {
        let record = Note { text: text.clone(), add: add.clone(), remove: remove.clone(), ..bobs_note(head, number) };
        sign(Who::Bob, Some(plan_digest(number)), record)
    }
}

fn ids(words: &[&str]) -> Vec<Id> {
    words.iter().map(|word| id(word)).collect()
}

/// A note that says nothing yet.
pub(super) fn bobs_note(head: &LedgerHead, number: u64) -> Note {
    Note {
        plan: plan_digest(number),
        text: None,
        add: Vec::new(),
        remove: Vec::new(),
        noted_by: Who::Bob.actor(),
        nonce: nonce(head.seq),
        ledger: head.clone(),
        noted_at: t(2),
    }
}

pub(super) fn revocation(head: &LedgerHead, target: RevocationTarget, n: u64) -> Envelope {
    revocation_by(Who::Alice, head, target, n)
}

pub(super) fn revocation_by(who: Who, head: &LedgerHead, target: RevocationTarget, n: u64) -> Envelope {
    let record = Revocation {
        evidence: None,
        target,
        revoked_by: who.actor(),
        reason: "taken back".into(),
        nonce: nonce(n),
        ledger: head.clone(),
        revoked_at: t(2),
    };
    sign(who, None, record)
}

pub(super) fn halt(head: &LedgerHead, halted: bool, n: u64) -> Envelope {
    let by = Who::Alice.actor();
    sign(
        Who::Alice,
        None,
        Halt { evidence: None, halted, by, reason: "stop".into(), nonce: nonce(n), ledger: head.clone(), at: t(2) },
    )
}

pub(super) fn claim(
    head: &LedgerHead,
    number: u64,
    run: &str,
    attempt: u32,
    approvals: Vec<Digest>,
    n: u64,
) -> Envelope {
    claim_of(head, number, run, attempt, approvals, n, None)
}

/// A claim by a job, of which a token is known by its digest.
pub(super) fn claim_of(
    head: &LedgerHead,
    number: u64,
    run: &str,
    attempt: u32,
    approvals: Vec<Digest>,
    n: u64,
    token: Option<Digest>,
) -> Envelope {
    let job = token.map(|token| Job {
        issuer: "https://token.actions.example.com".to_owned(),
        key: "rsa-1".to_owned(),
        token,
        run: "1700".to_owned(),
        attempt: "1".to_owned(),
        workflow: "example/sample/.github/workflows/countersign.yml@refs/heads/main".to_owned(),
    });
    let record = Claim {
        job: job.map(Box::new),
        plan: plan_digest(number),
        run: id(run),
        attempt,
        approvals,
        claimed_by: Who::Ci.actor(),
        nonce: nonce(n),
        ledger: head.clone(),
        claimed_at: t(3),
    };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

pub(super) fn started(number: u64, run: &str, step: &str, attempt: u32, fencing: u64) -> Envelope {
    let record = StepStarted {
        plan: plan_digest(number),
        run: id(run),
        step: id(step),
        attempt,
        fencing,
        idempotency_key: Digest::of(step.as_bytes()),
        started_at: t(4),
    };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

pub(super) fn finished(number: u64, run: &str, step: &str, attempt: u32, status: &str, retrying: bool) -> Envelope {
    finished_under(0, number, run, step, attempt, status, retrying)
}

/// As [`finished`], by the process that holds a claim; it counts where the step never started.
pub(super) fn finished_under(
    fencing: u64,
    number: u64,
    run: &str,
    step: &str,
    attempt: u32,
    status: &str,
    retrying: bool,
) -> Envelope {
    let record = StepFinished {
        plan: plan_digest(number),
        run: id(run),
        step: id(step),
        attempt,
        fencing,
        retrying,
        outcome: json!({ "actions": [], "outputs": {}, "status": status, "verified": 0 }),
        finished_at: t(4),
    };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

pub(super) fn read_back(number: u64, run: &str, step: &str) -> Envelope {
    let record = Verification {
        plan: plan_digest(number),
        run: id(run),
        step: id(step),
        attempt: 1,
        verdict: id("pass"),
        checks: 1,
        verified_at: t(4),
    };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

pub(super) fn outcome(number: u64, run: &str, status: &str) -> Envelope {
    let record = Outcome {
        plan: plan_digest(number),
        run: id(run),
        status: id(status),
        reason_code: None,
        steps: BTreeMap::new(),
        products: BTreeMap::new(),
        after: 0,
        finished_at: t(5),
    };
    sign(Who::Ci, Some(plan_digest(number)), record)
}

pub(super) fn resolution(head: &LedgerHead, number: u64, run: &str, step: &str, as_: ResolveAs, n: u64) -> Envelope {
    let record = Resolution {
        evidence: None,
        plan: plan_digest(number),
        run: id(run),
        step: id(step),
        resolve_as: as_,
        resolved_by: Who::Bob.actor(),
        reason: "looked".into(),
        nonce: nonce(n),
        ledger: head.clone(),
        resolved_at: t(6),
    };
    sign(Who::Bob, Some(plan_digest(number)), record)
}

pub(super) fn checkpoint(who: Who, head: &LedgerHead, version: u64) -> Envelope {
    checkpoint_of(who, head, version, t(7))
}

pub(super) fn checkpoint_of(who: Who, head: &LedgerHead, version: u64, checked_at: Timestamp) -> Envelope {
    let record = Checkpoint {
        host: "local".into(),
        repo_id: "1".into(),
        ledger: head.clone(),
        trust_root_version: version,
        checked_at,
    };
    sign(who, None, record)
}

pub(super) fn one(envelope: Envelope, at: Timestamp) -> Batch {
    let objects = objects_of(&envelope);
    Batch { entries: vec![NewEntry { envelope, at }], objects }
}

/// What the record of a plan names: the plan of its number, the policy and the trust root.
fn objects_of(envelope: &Envelope) -> Vec<Vec<u8>> {
    let Ok(stated) = Readable::new(envelope).and_then(|readable| readable.unverified::<PlanRecord>()) else {
        return Vec::new();
    };
    let named = stated.into_predicate().plan;
    let plan = (0..1_000).find(|number| plan_digest(*number) == named);
    let plan = plan.map(|number| format!("plan {number}").into_bytes());
    plan.into_iter().chain([b"policy".to_vec(), b"root".to_vec()]).collect()
}

/// Appends one statement made on the present head.
pub(super) fn put(ledger: &mut Ledger, make: impl Fn(&LedgerHead) -> Envelope) -> Result<Appended> {
    ledger.append(clock(10), |view: &View<'_>| Ok(one(make(&view.head), view.now)))
}

/// Appends a plan and an approval of it; returns the approval's digest.
pub(super) fn ready(ledger: &mut Ledger, number: u64) -> Digest {
    put(ledger, |head| plan(head, number, None)).unwrap();
    put(ledger, |head| approved(head, number, number)).unwrap().entries[0].approval().unwrap()
}

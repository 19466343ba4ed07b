//! The evidence bundle: everything about a plan in one file that verifies offline, years later.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    keys::{pin, trust_store},
    reasons::BUNDLE_MALFORMED,
    session::{Session, limits},
    situation::decide,
    world::World,
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        json,
        reason::{LIMIT_SIZE, Refusal, Result},
        time::Timestamp,
    },
    facts::Facts,
    ledger::{Chain, Keep, Ledger, Record, State},
    plan::{SealedPlan, seal},
    policy::{self, Policy},
    sign::{Envelope, TrustRoot, predicate::LedgerHead, trust::Version},
    verify::{self, Case, Conformance, Identity, Purpose, Report},
};

/// The `_type` of every bundle of this version.
const BUNDLE_TYPE: &str = "https://countersign.dev/bundle/v1";
/// The largest bundle, in bytes.
pub(crate) const MAX_BYTES: usize = 256 << 20;
/// The most bytes of base64 in one string.
const CHUNK: usize = 60_000;

/// The file, canonical JSON.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Bundle {
    /// Always `https://countersign.dev/bundle/v1`.
    #[serde(rename = "_type")]
    kind: String,
    /// SHA-256 of the plan.
    plan: Digest,
    /// When the bundle was made; nothing depends on it.
    created_at: Timestamp,
    /// Plan, policy and view, by SHA-256, in base64 cut into pieces.
    objects: BTreeMap<String, Vec<String>>,
    /// Every version of the trust root, from the first on.
    trust_roots: Vec<BundledRoot>,
    /// Every entry of the ledger, from the genesis on, each as its exact line.
    ledger: Vec<String>,
}

/// One version of the trust root.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BundledRoot {
    /// The document's bytes, in base64 cut into pieces.
    document: Vec<String>,
    /// The envelope that introduced it, canonical JSON.
    envelope: Vec<String>,
}

/// What a bundle proves.
pub(crate) struct Audit {
    pub(crate) plan: Digest,
    /// The policy that the plan names; whether it was ever that of the protected base, no bundle can tell.
    pub(crate) policy: Digest,
    pub(crate) report: Report,
    /// The first run that claimed the plan.
    pub(crate) run: Option<Id>,
    /// How that run ended.
    pub(crate) outcome: Option<String>,
    /// When it was claimed, or the last entry's time where nobody did.
    pub(crate) at: Timestamp,
    /// The number and the time of the bundle's last entry: of what came later it tells nothing.
    pub(crate) end: (u64, Timestamp),
}

/// Collects everything about a plan.
pub(crate) fn make(session: &Session, ledger: &mut Ledger, plan: &SealedPlan, world: &World) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    let mut size = 0;
    ledger.for_each(world.now(), |_, bytes| {
        size += bytes.len();
        if size > MAX_BYTES / 2 {
            return Err(Refusal::new(
                LIMIT_SIZE,
                "the ledger is too long for a bundle; use `countersign ledger export`",
            ));
        }
        lines.push(String::from_utf8_lossy(bytes).into_owned());
        Ok(())
    })?;
    let document = plan.plan();
    let mut objects = BTreeMap::from([(plan.digest().to_string(), chunks(plan.bytes()))]);
    let view = crate::plan::view::View::new(document, plan.digest()).markdown();
    objects.insert(Digest::of(view.as_bytes()).to_string(), chunks(view.as_bytes()));
    objects.insert(document.policy_digest.to_string(), chunks(&ledger.object(&document.policy_digest)?));
    let mut trust_roots = Vec::new();
    for number in 1..=session.root.document().version {
        let read = |path: String| session.at_base(&path).map(|bytes| chunks(&bytes));
        trust_roots.push(BundledRoot {
            document: read(trust_store::document_path(number))?,
            envelope: read(trust_store::envelope_path(number))?,
        });
    }
    json::canonical(&Bundle {
        kind: BUNDLE_TYPE.to_owned(),
        plan: plan.digest(),
        created_at: world.now(),
        objects,
        trust_roots,
        ledger: lines,
    })
}

/// Finds the pin of the repository that a bundle says it is of.
pub(crate) fn pinned(bytes: &[u8], world: &World) -> Result<Digest> {
    let bundle = read(bytes)?;
    let newest = bundle.trust_roots.last().ok_or_else(|| malformed("no trust root"))?;
    let root = TrustRoot::parse(&joined(&newest.document)?)?;
    let (host, repo_id) = (&root.document().host, &root.document().repo_id);
    Ok(pin::resolve(&world.env.config_dir()?, world.env.text(pin::VARIABLE), host, repo_id)?.digest)
}

/// Returns the digest of the first trust root that a bundle holds; nothing says that it is the right one.
pub(crate) fn first_root(bytes: &[u8]) -> Option<Digest> {
    let bundle = read(bytes).ok()?;
    Some(Digest::of(&joined(&bundle.trust_roots.first()?.document).ok()?))
}

/// Verifies a bundle: the whole chain under the newest trust root, and the approvals as they stood when
/// the plan was claimed, under the trust root and the policy that the plan names.
pub(crate) fn audit(bytes: &[u8], pin: &Digest) -> Result<Audit> {
    let bundle = read(bytes)?;
    // Also what nothing below asks for, such as the view: a person may read it.
    for name in bundle.objects.keys() {
        object(&bundle, &name.parse().map_err(|_| malformed("an object is not named by its digest"))?)?;
    }
    let (then, newest) = roots(&bundle, pin)?;
    let policy_bytes = |digest: &Digest| object(&bundle, digest);
    let wide = seal::Limits { max_steps: seal::MAX_STEPS, ..seal::Limits::default() };
    let plan_bytes = object(&bundle, &bundle.plan)?;
    let unbounded = seal::open_with(plan_bytes.clone(), &wide);
    let policy_digest = match &unbounded {
        Ok(plan) => plan.plan().policy_digest,
        Err(refusal) => return Err(refusal.clone()),
    };
    let policy = Policy::compile("policy.yml", &policy_bytes(&policy_digest)?)
        .map_err(|places| super::session::invalid("policy.yml", places))?;
    let plan = seal::open_with(plan_bytes, &limits(&policy))?;
    // No clock is trusted here: entries are held against each other, and the plan against its claim.
    let end = Timestamp::from_unix(i64::MAX);
    let mut chain = Chain::new(&newest, None).keeping(Keep::Only(plan.digest()));
    let mut claimed: Option<(usize, Timestamp, Id)> = None;
    for (index, line) in bundle.ledger.iter().enumerate() {
        let entry = chain.push(line.as_bytes(), &newest, end)?;
        if let (None, Record::Claim(claim)) = (&claimed, &entry.record)
            && claim.plan == plan.digest()
        {
            claimed = Some((index, entry.at, claim.run.clone()));
        }
    }
    // What counts is how everything stood just before the claim: read once more, up to there.
    let mut before = Chain::new(&newest, None).keeping(Keep::Only(plan.digest()));
    let (until, at, run) = match claimed {
        Some((index, at, run)) => (index, at, Some(run)),
        None => (bundle.ledger.len(), chain.last_at(), None),
    };
    for line in &bundle.ledger[..until] {
        before.push(line.as_bytes(), &newest, end)?;
    }
    let outcome = run.as_ref().and_then(|run| chain.state().run(run)?.outcome).map(|status| status.word().to_owned());
    let report = weigh(&plan, &then, &policy, &before, at);
    let end = (chain.length().saturating_sub(1), chain.last_at());
    Ok(Audit { plan: plan.digest(), policy: policy_digest, report, run, outcome, at, end })
}

fn weigh(plan: &SealedPlan, root: &TrustRoot, policy: &Policy, chain: &Chain, at: Timestamp) -> Report {
    let (document, subject) = (root.document(), &plan.plan().subject);
    // Who and where come from the trust root; commits from the plan, for there is no repository to ask.
    let facts = Facts {
        host: document.host.clone(),
        repo_id: document.repo_id.clone(),
        owner_id: document.owner_id.clone(),
        repo: document.repo.clone(),
        change_request: subject.change_request,
        base_ref: document.base_ref.clone(),
        base_sha: subject.base_sha.clone(),
        head_sha: subject.head_sha.clone(),
        tree_digest: subject.tree_digest,
        contributors: std::collections::BTreeSet::new(),
        forge: None,
    };
    let decision = decide(policy, plan, at, policy::Purpose::Execute);
    let conformance = Conformance::Deviates("not asked offline".to_owned());
    let must_contain = |head: &LedgerHead| chain.must_contain(head);
    let state: &State = chain.state();
    let case = Case {
        named: None,
        root,
        policy,
        decision: &decision,
        facts: &facts,
        modified: &[],
        left_out: &[],
        own_commits: &std::collections::BTreeSet::new(),
        in_base: None,
        conformance: &conformance,
        chain: verify::Chain { state, must_contain: &must_contain, last_at: chain.last_at() },
        identity: &Identity::NotShown,
        tracked: None,
        purpose: Purpose::Start,
        now: at,
    };
    verify::audit(plan, &case)
}

/// Returns the trust root that the plan was made under, and the newest, both descending from the pin.
fn roots(bundle: &Bundle, pin: &Digest) -> Result<(TrustRoot, TrustRoot)> {
    let mut versions = BTreeMap::new();
    for bundled in &bundle.trust_roots {
        let bytes = joined(&bundled.document)?;
        let number = TrustRoot::parse(&bytes)?.document().version;
        versions.insert(number, Version { bytes, envelope: Envelope::parse(&joined(&bundled.envelope)?)? });
    }
    let newest = TrustRoot::descend(&versions, pin)?;
    let plan = seal::open_with(
        object(bundle, &bundle.plan)?,
        &seal::Limits { max_steps: seal::MAX_STEPS, ..seal::Limits::default() },
    )?;
    let named = plan.plan().trust_root_digest;
    let Some((number, _)) = versions.iter().find(|(_, version)| Digest::of(&version.bytes) == named) else {
        return Err(malformed("the trust root that the plan names is missing"));
    };
    let number = *number;
    // Everything up to the version of then, seen from the pin or, where the pin is newer, from the first.
    let older: BTreeMap<u64, Version> =
        versions.iter().filter(|(n, _)| **n <= number).map(|(n, v)| (*n, v.clone())).collect();
    let start = older.values().find(|version| Digest::of(&version.bytes) == *pin).or_else(|| older.values().next());
    let start = start.map(|version| Digest::of(&version.bytes)).ok_or_else(|| malformed("no trust root"))?;
    let then = TrustRoot::descend(&older, &start)?;
    if then.document().repo_id != newest.document().repo_id || then.digest() != named {
        return Err(malformed("the trust roots are of different repositories"));
    }
    Ok((then, newest))
}

fn read(bytes: &[u8]) -> Result<Bundle> {
    let bundle: Bundle = json::from_canonical(bytes, MAX_BYTES).map_err(|e| malformed(&e.to_string()))?;
    if bundle.kind != BUNDLE_TYPE {
        return Err(malformed("it is of another type"));
    }
    Ok(bundle)
}

fn object(bundle: &Bundle, digest: &Digest) -> Result<Vec<u8>> {
    let pieces = bundle.objects.get(&digest.to_string()).ok_or_else(|| malformed(&format!("no object {digest}")))?;
    let bytes = joined(pieces)?;
    if Digest::of(&bytes) != *digest {
        return Err(malformed(&format!("object {digest} has other bytes")));
    }
    Ok(bytes)
}

fn chunks(bytes: &[u8]) -> Vec<String> {
    bytes.chunks(CHUNK).map(|chunk| STANDARD.encode(chunk)).collect()
}

fn joined(pieces: &[String]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.extend(STANDARD.decode(piece).map_err(|_| malformed("base64 is not canonical"))?);
    }
    Ok(bytes)
}

fn malformed(why: &str) -> Refusal {
    Refusal::new(BUNDLE_MALFORMED, why.to_owned())
}

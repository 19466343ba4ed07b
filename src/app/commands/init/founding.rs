//! What a set-up founds: the keys, the trust root and its pin, the beginning of the ledger.

use std::path::{Path, PathBuf};

use super::{
    LEDGER, OF_TRUST_ROOT, PLANNER_SECRET,
    place::{Founder, Place},
};
use crate::{
    app::{
        keys::{
            change::{NewKey, TrustDraft},
            commands,
            file::{self, HeldKey, Place as KeyPlace},
            pin::{self, Repin},
        },
        undo::Made,
        world::World,
    },
    base::{
        digest::Digest,
        reason::{IO, Result},
        time::Timestamp,
    },
    forge::Checkout,
    ledger::{Ledger, genesis_entry},
    sign::{
        Duty, Envelope, TrustRoot,
        predicate::Genesis,
        schemes::Scheme,
        statement::Subject,
        trust::{ForgeKind, LedgerRef, Principal, PrincipalKind},
    },
};

/// The account that GitHub's jobs act as: its number and its login.
const ACTIONS_BOT: (u64, &str) = (41_898_282, "github-actions[bot]");

/// What a set-up is founded on.
#[derive(Clone, Copy)]
pub(super) struct Foundation<'a> {
    pub(super) person: &'a Founder,
    pub(super) base: &'a str,
    pub(super) place: &'a Place,
    pub(super) checkout: &'a Checkout,
    pub(super) expires: Timestamp,
    pub(super) world: &'a World,
}

/// What was founded.
pub(super) struct Setup {
    pub(super) trust_root: Digest,
    /// Its name and its file.
    pub(super) person_key: (&'static str, PathBuf),
    /// The keys of jobs, by the name of the secret that is to hold each.
    pub(super) job_keys: Vec<(&'static str, PathBuf)>,
    pub(super) files: Vec<String>,
    /// The keys that were there already.
    pub(super) kept: Vec<PathBuf>,
}

/// Makes the keys, the ledger's beginning and the trust root that pins it; pins the trust root; begins the ledger.
pub(super) fn found(foundation: &Foundation<'_>, made: &mut Made) -> Result<Setup> {
    let Foundation { person, base, place, checkout, expires, world } = *foundation;
    let config_dir = world.env.config_dir()?;
    let mut kept = Vec::new();
    let mut key = |name: &str| key(&config_dir, name, world, made, &mut kept);
    let short = Digest::framed("place", [place.host.as_str(), place.repo_id.as_str()]).hex();
    let short = short.get(..8).unwrap_or_default();
    let (person_key, person_path) = key(&person.login)?;
    let now = world.now();
    let genesis = Genesis {
        host: place.host.clone(),
        repo_id: place.repo_id.clone(),
        owner_id: place.owner_id.clone(),
        nonce: world.entropy.nonce()?,
        created_at: now,
    };
    let subject = Subject::new("repository", Digest::framed("repository", [place.host.as_str(), &place.repo_id]));
    let entry = genesis_entry(&Envelope::sign(vec![subject], genesis, &[&person_key])?, now)?;
    let principal = |id, login: &str, name: &str, kind, emails| Principal {
        id,
        login: login.to_owned(),
        name: name.to_owned(),
        kind,
        roles: Vec::new(),
        emails,
    };
    let new_key = |name: &str, key: &HeldKey, principal, duties| -> Result<NewKey> {
        let public = key.public()?;
        let name = name.to_owned();
        Ok(NewKey { name, scheme: Scheme::Ed25519, public, principal, duties, not_before: now, not_after: expires })
    };
    // On a forge one key a job, so that no job holds what it does not need; here one for all that a machine does.
    let (job, jobs): (_, &[(&str, &str, &[Duty])]) = match place.forge {
        None => ((2, format!("{}-runner", person.login)), &[("", "runner", &[Duty::Executor, Duty::Policy])]),
        Some(ForgeKind::Github) => (
            (ACTIONS_BOT.0, ACTIONS_BOT.1.to_owned()),
            &[
                (PLANNER_SECRET, "planner", &[Duty::Planner]),
                ("COUNTERSIGN_GATE_KEY", "gate", &[Duty::Gate]),
                ("COUNTERSIGN_EXECUTOR_KEY", "executor", &[Duty::Executor, Duty::Policy]),
            ],
        ),
    };
    let mut keys =
        vec![new_key(&person.login, &person_key, person.id, vec![Duty::Root, Duty::Planner, Duty::Approver])?];
    let mut job_keys = Vec::new();
    for (secret, name, duties) in jobs {
        let name = format!("{name}-{short}");
        let (held, path) = key(&name)?;
        keys.push(new_key(if place.forge.is_some() { &name } else { &job.1 }, &held, job.0, duties.to_vec())?);
        job_keys.push((*secret, path));
    }
    let draft = TrustDraft {
        host: place.host.clone(),
        forge: place.forge,
        repo_id: place.repo_id.clone(),
        owner_id: place.owner_id.clone(),
        repo: place.repo.clone(),
        base_ref: base.to_owned(),
        ledger: LedgerRef { branch: LEDGER.to_owned(), genesis: Digest::of(&entry) },
        expires,
        root_threshold: 1,
        principals: vec![
            principal(person.id, &person.login, &person.name, PrincipalKind::Person, vec![person.email.clone()]),
            principal(job.0, &job.1, &job.1, PrincipalKind::Agent, Vec::new()),
        ],
        keys,
    };
    let proposal = draft.propose(now, &[&person_key])?;
    let (digest, bytes) = (proposal.digest(), proposal.version().bytes.clone());
    OF_TRUST_ROOT.iter().for_each(|path| made.note(&checkout.workdir().join(path)));
    made.note(&pin::path(&config_dir, &place.host, &place.repo_id));
    let changed = commands::begin(checkout.workdir(), proposal)?;
    pin::store(&config_dir, &place.host, &place.repo_id, digest, Repin::Refuse)?;
    let root = TrustRoot::parse(&bytes)?;
    let mut ledger = Ledger::open(checkout.git_dir(), &root)?;
    ledger.create_genesis(&entry, &[bytes], world.clock)?;
    Ok(Setup { trust_root: digest, person_key: ("", person_path), job_keys, files: changed.files, kept })
}

/// Takes the key of a name where there is one, else makes it: a person has one key for all repositories.
fn key(
    config_dir: &Path,
    name: &str,
    world: &World,
    made: &mut Made,
    kept: &mut Vec<PathBuf>,
) -> Result<(HeldKey, PathBuf)> {
    let path = file::default_path(config_dir, &name.parse()?);
    if path.exists() {
        kept.push(path.clone());
        return Ok((HeldKey::load(&path)?, path));
    }
    let key = HeldKey::random()?;
    made.note(&path);
    let variable = world.env.config_variable().map_or("HOME", |(name, _)| name);
    key.save(&path, KeyPlace::OutsideRepositories).map_err(|e| if e.is(IO) { e.typed_as(variable) } else { e })?;
    Ok((key, path))
}

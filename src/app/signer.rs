//! Which of a person's keys signs, and whether the trust root lets it.

use std::path::{Path, PathBuf};

use super::{
    keyless,
    keys::{
        file::{self, HeldKey},
        reasons::KEY_FILE as NO_KEY_FILE,
        ssh::{SshEnvironment, SshKeygen, SshSigner},
    },
    reasons::{KEY_AMBIGUOUS, KEY_NONE},
    session::Session,
    world::{Environment, World},
};
use crate::{
    base::{
        digest::Digest,
        method::Method,
        reason::{Refusal, Result},
        secret::Secret,
        text::{excerpt, visible},
        time::Timestamp,
    },
    cli::args::SignerArgs,
    sign::{
        Duty, Signer, TrustRoot,
        evidence::Evidence,
        predicate::Actor,
        reasons::{KEY_DUTY, KEY_REVOKED, KEY_VALIDITY},
        trust::{Key, Principal, PrincipalKind},
    },
};

/// The variable that names a key file, where no option does.
const KEY_FILE: &str = "COUNTERSIGN_KEY";
/// The variable that holds a key itself, as PEM: for jobs.
const KEY_PEM: &str = "COUNTERSIGN_SIGNING_KEY";

/// The variables that hold a key for one duty, for jobs that need more than one; they go before [`KEY_PEM`].
const KEYS_OF_DUTIES: [(Duty, &str); 3] = [
    (Duty::Planner, "COUNTERSIGN_PLANNER_KEY"),
    (Duty::Gate, "COUNTERSIGN_GATE_KEY"),
    (Duty::Executor, "COUNTERSIGN_EXECUTOR_KEY"),
];
/// The variables that hold keys themselves, each for a job of its own.
pub(crate) const SECRET_VARIABLES: &[&str] =
    &[KEY_PEM, "COUNTERSIGN_PLANNER_KEY", "COUNTERSIGN_GATE_KEY", "COUNTERSIGN_EXECUTOR_KEY", super::forge::APP_KEY];

/// The variables, and so the secrets, that only a job may read which somebody released.
pub(crate) const RELEASED_KEYS: [&str; 2] = [GATE_KEY, "COUNTERSIGN_EXECUTOR_KEY"];

/// The one of them that signs for people.
pub(crate) const GATE_KEY: &str = "COUNTERSIGN_GATE_KEY";

/// A key that is ready to sign, and whose it is.
pub(crate) struct Hand {
    signer: Box<dyn Signer>,
    pub(crate) principal: Principal,
    pub(crate) key: Digest,
    pub(crate) method: Method,
    platform: Option<Platform>,
}

/// The platform's record of what a person said, for whom a gate signs.
struct Platform {
    evidence: Evidence,
    words: Vec<u8>,
}

impl Hand {
    /// Returns the signer.
    pub(crate) fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// Lets a gate's hand sign for a person, whose words the platform has on record.
    pub(crate) fn speaking_for(self, person: Principal, evidence: Evidence, words: Vec<u8>) -> Self {
        let method = evidence.method();
        Self { principal: person, method, platform: Some(Platform { evidence, words }), ..self }
    }

    /// Returns the platform's record, where a gate signs for a person.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        self.platform.as_ref().map(|platform| platform.evidence.clone())
    }

    /// Returns what the ledger keeps beside a statement: the words that its evidence names by digest.
    pub(crate) fn objects(&self) -> Vec<Vec<u8>> {
        self.platform.iter().map(|platform| platform.words.clone()).collect()
    }

    /// Hands the signer over to whoever signs for a whole run.
    pub(crate) fn into_signer(self) -> Box<dyn Signer> {
        self.signer
    }

    /// Returns the principal as statements name it.
    pub(crate) fn actor(&self, session: &Session) -> Actor {
        session.actor(&self.principal)
    }
}

/// Finds the key that signs under one of the duties: the one that is named, else the only one that may.
pub(crate) fn find(args: &SignerArgs, duties: &[Duty], session: &Session, world: &World) -> Result<Hand> {
    if *duties == [Duty::Gate]
        && !names_a_key(args, duties, world)
        && let Some(signer) = keyless::signer(session, world)?
    {
        return check(signer, Method::Key, duties, &session.root, world);
    }
    find_in(args, duties, &session.root, &session.config_dir, world)
}

/// Tells whether somebody said which key signs.
fn names_a_key(args: &SignerArgs, duties: &[Duty], world: &World) -> bool {
    args.ssh.is_some() || args.key.is_some() || world.env.text(KEY_FILE).is_some() || pem(duties, world).is_some()
}

/// Returns the key itself that a variable holds, for one of the duties or for any.
fn pem<'a>(duties: &[Duty], world: &'a World) -> Option<&'a str> {
    let for_duty =
        KEYS_OF_DUTIES.iter().filter(|(duty, _)| duties.contains(duty)).find_map(|(_, name)| world.env.text(name));
    for_duty.or_else(|| world.env.text(KEY_PEM))
}

/// Finds the key that signs under a trust root.
pub(crate) fn find_in(
    args: &SignerArgs,
    duties: &[Duty],
    root: &TrustRoot,
    config_dir: &Path,
    world: &World,
) -> Result<Hand> {
    if let Some(path) = &args.ssh {
        let signer = open_ssh(&absolute(world, path), &world.env)?;
        return check(Box::new(signer), Method::Ssh, duties, root, world);
    }
    if let Some(named) = args.key.as_deref().or_else(|| world.env.text(KEY_FILE)) {
        let signer = named_key(named, config_dir, world)?;
        return check(Box::new(signer), Method::Key, duties, root, world);
    }
    if let Some(pem) = pem(duties, world) {
        let signer = HeldKey::from_secret(&Secret::new(pem.to_owned()))?;
        return check(Box::new(signer), Method::Key, duties, root, world);
    }
    only_one(duties, root, config_dir, world)
}

/// Opens an OpenSSH key; ssh-keygen asks for a passphrase, or the agent.
pub(crate) fn open_ssh(path: &Path, env: &Environment) -> Result<SshSigner> {
    let variable = |name: &str| env.path(name).map(PathBuf::into_os_string);
    let environment = SshEnvironment {
        home: variable("HOME"),
        auth_sock: variable("SSH_AUTH_SOCK"),
        askpass: variable("SSH_ASKPASS"),
        askpass_require: variable("SSH_ASKPASS_REQUIRE"),
        display: variable("DISPLAY"),
        term: variable("TERM"),
    };
    SshSigner::open(SshKeygen::find()?, path, environment)
}

/// Loads the key that is named by its name or its path; where there is no such file, says which names there are.
pub(crate) fn named_key(named: &str, config_dir: &Path, world: &World) -> Result<HeldKey> {
    HeldKey::load(&key_path(named, config_dir, world)?).map_err(|refusal| match refusal.reason() {
        NO_KEY_FILE => {
            let folder = config_dir.join("keys");
            let names: Vec<String> =
                files_of(&folder).iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
            let folder = folder.display();
            refusal.hint(match names.as_slice() {
                [] => format!("no key lies in {folder}: `countersign keys generate NAME` makes one"),
                names => format!("the keys in {folder} are {}", visible(&names.join(", "))),
            })
        }
        _ => refusal,
    })
}

/// Returns the file of a key that is named by its name or its path.
fn key_path(named: &str, config_dir: &Path, world: &World) -> Result<PathBuf> {
    match named.parse() {
        Ok(name) => Ok(file::default_path(config_dir, &name)),
        Err(_) => Ok(absolute(world, Path::new(named))),
    }
}

fn absolute(world: &World, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), world.env.path("HOME")) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => world.cwd.join(path),
    }
}

/// Returns the files of keys in a folder, in order.
pub(crate) fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "pem"))
        .collect();
    paths.sort();
    paths
}

/// Looks through the folder of keys for the only one that may sign this now.
fn only_one(duties: &[Duty], root: &TrustRoot, config_dir: &Path, world: &World) -> Result<Hand> {
    let folder = config_dir.join("keys");
    let paths = files_of(&folder);
    let (mut hands, mut unread, mut lapsed) = (Vec::new(), Vec::new(), Vec::new());
    for path in &paths {
        let key = match HeldKey::load(path) {
            Ok(key) => key,
            Err(refusal) => {
                unread.push(refusal);
                continue;
            }
        };
        match check(Box::new(key), Method::Key, duties, root, world) {
            Ok(hand) => hands.push((path, hand)),
            Err(refusal) if matches!(refusal.reason(), KEY_VALIDITY | KEY_REVOKED) => lapsed.push(refusal),
            // A key that may not sign this is simply not the one.
            Err(_) => {}
        }
    }
    // Whoever set the jobs' keys up has them here too; a person who types means their own.
    if hands.iter().filter(|(_, hand)| hand.principal.kind == PrincipalKind::Person).count() == 1 {
        hands.retain(|(_, hand)| hand.principal.kind == PrincipalKind::Person);
    }
    match hands.len() {
        1 => hands.pop().map(|(_, hand)| hand).ok_or_else(|| Refusal::new(KEY_NONE, "no key")),
        0 => {
            let duties: Vec<&str> = duties.iter().map(|duty| duty.word()).collect();
            // Who has a key that will hold, or held, is told of that one; a revoked key was put away for good.
            lapsed.sort_by_key(|refusal| refusal.is(KEY_REVOKED));
            let (others, folder, duty) = (paths.len() - unread.len(), folder.display(), duties.join(" or "));
            // One that cannot be read may be the one: whoever is told of the others only looks in the wrong place.
            Err(match (unread.into_iter().next(), lapsed.into_iter().next()) {
                (Some(refusal), None) => refusal.hint(format!("no key that can be read has the duty {duty}")),
                (Some(refusal), Some(lapsed)) => {
                    refusal.hint(format!("of those that can be read, {}", lapsed.message()))
                }
                (None, Some(lapsed)) => lapsed,
                (None, None) => Refusal::new(
                    KEY_NONE,
                    match others {
                        0 => format!("there is no key in {folder}; one with the duty {duty} is needed"),
                        1 => format!("the one key in {folder} does not have the duty {duty}"),
                        _ => format!("none of the {others} keys in {folder} has the duty {duty}"),
                    },
                ),
            })
        }
        _ => {
            let names: Vec<_> =
                hands.iter().filter_map(|(path, _)| path.file_stem()?.to_str().map(str::to_owned)).collect();
            Err(Refusal::new(KEY_AMBIGUOUS, format!("these may sign: {}", names.join(", "))))
        }
    }
}

/// Refuses a key that is not valid now, and says when it is.
///
/// # Errors
/// `key.validity`, `key.revoked`.
pub(crate) fn standing(key: &Key, now: Timestamp) -> Result<()> {
    let name = excerpt(&key.name);
    let invalid = |why: String, what: &str| {
        let clock = format!("see that the clock of this machine is right: it says {now}; {what}");
        Err(Refusal::new(KEY_VALIDITY, format!("key `{name}` {why}")).hint(clock))
    };
    match key.revoked_at {
        Some(at) if key.is_revoked_at(now) => {
            Err(Refusal::new(KEY_REVOKED, format!("key `{name}` was revoked at {at}")))
        }
        _ if now < key.not_before => {
            invalid(format!("is valid only from {} until {}", key.not_before, key.not_after), "else wait until then")
        }
        _ if now >= key.not_after => invalid(
            format!("was valid from {} until {}", key.not_before, key.not_after),
            "else have a holder of a root key enrol a new one: `countersign keys enrol`",
        ),
        _ => Ok(()),
    }
}

/// Checks before anything is signed what every reader checks after.
fn check(signer: Box<dyn Signer>, method: Method, duties: &[Duty], root: &TrustRoot, world: &World) -> Result<Hand> {
    let id = signer.key_id();
    let about = |refusal: Refusal| refusal.subject(id.to_string());
    let Some((key, _)) = root.key(&id) else {
        return Err(about(Refusal::new(KEY_NONE, format!("key {id} is not in the trust root"))));
    };
    if !key.duties.iter().any(|duty| duties.contains(duty)) {
        return Err(about(Refusal::new(KEY_DUTY, format!("key `{}` may not sign this", key.name))));
    }
    let now = world.now();
    standing(key, now).map_err(about)?;
    let principal = root
        .principal(key.principal)
        .ok_or_else(|| about(Refusal::new(KEY_NONE, format!("key `{}` belongs to nobody", key.name))))?;
    Ok(Hand { signer, principal: principal.clone(), key: id, method, platform: None })
}

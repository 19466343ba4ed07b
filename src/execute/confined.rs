//! One program outside any plan, in the sandbox of steps: bytes in, bytes out, and nothing of the repository.

use std::{
    collections::BTreeMap,
    fs, io,
    os::{fd::AsFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::fs::{Mode, OFlags};

use super::{
    Cancel, Limits, Redactor,
    prepare::{open_place, own_prefix},
    process::{self, Cause, Exit, Order, meter::Meter, program::Program},
    reasons::{PROC_LEAK, STEP_LIMIT, SYSTEM_READ},
    sandbox::{Grant, Jail, Network, Profile, Right, is_open_to_all, system_path},
};
use crate::{
    base::{
        launch,
        limits::RunLimits,
        path::RepoPath,
        reason::{INTERNAL, IO, Refusal, Result},
        secret::Secret,
    },
    plan::model,
};

/// The most bytes of any file that the program may write.
const MAX_FILE: u64 = 1 << 30;

/// What to start, and within what.
#[derive(Debug)]
pub struct Confined<'a> {
    /// The absolute path of a binary; a script is run by naming what interprets it.
    pub program: &'a str,
    /// Its arguments.
    pub argv: &'a [String],
    /// Variables, beside the few that every program has.
    pub env: &'a BTreeMap<String, String>,
    /// Variables that are kept out of everything that it prints.
    pub secrets: &'a BTreeMap<String, Secret>,
    /// Files that are put into its private home, by their path there.
    pub home: &'a BTreeMap<RepoPath, Vec<u8>>,
    /// Absolute paths that it may read, and execute what lies there.
    pub reads: &'a [PathBuf],
    /// The checkout, which it must not see; none where there is none.
    pub checkout: Option<&'a Path>,
    /// TCP ports that it may connect to, and look names up; with none it has no network.
    pub ports: &'a [u16],
    /// What it reads on standard input.
    pub input: &'a [u8],
    /// How long it may take.
    pub timeout: Duration,
    /// The most bytes that are kept of each stream.
    pub output_cap: usize,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this code.
    Code(i32),
    /// By this signal, or nobody saw how.
    Signal(Option<i32>),
    /// Its time was over.
    Timeout,
}

/// A program that is gone, with all that it started.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// What it printed, without secrets.
    pub stdout: Vec<u8>,
    /// How many bytes it printed, kept or not.
    pub printed: u64,
    /// Whether something of `stdout` is missing.
    pub truncated: bool,
    /// What it said besides, without secrets.
    pub stderr: String,
    /// How long it took.
    pub millis: u64,
    /// What held it in, on one line.
    pub sandbox: String,
}

/// Runs a program to its end in private folders, which are gone afterwards. When this returns, no process of it is left.
///
/// # Errors
/// As of a step's program: `program.missing`, `program.untrusted`, `program.script`, `path.system`, `secret.too_short`,
/// `sandbox.unavailable`, `sandbox.setup`, `proc.leak`, `step.limit`; `io.failed` where the private folders cannot be made.
pub fn run_confined(order: &Confined<'_>) -> Result<Ended> {
    let redactor = Arc::new(Redactor::new(order.secrets)?);
    let room = Room::new(order.home)?;
    let checkout = order.checkout.map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    if let Some(checkout) = checkout.as_deref().filter(|path| is_open_to_all(path)) {
        let why = format!("the checkout `{}` lies where every program may read", checkout.display());
        return Err(Refusal::new(SYSTEM_READ, why).hint("check the repository out elsewhere, such as below your home"));
    }
    // A path that holds nothing stands for no checkout.
    let private = checkout.unwrap_or_else(|| room.path("work"));
    let wanted =
        model::Program { name: "agent".parse()?, path: order.program.to_owned(), digest: None, interpreter: false };
    let program = Program::open(&wanted, &private)?;
    let profile = Profile {
        grants: grants(order, &program, &room, &private)?,
        network: if order.ports.is_empty() { Network::None } else { Network::Names },
        ports: order.ports.to_vec(),
    };
    let jail = Jail::new(&profile)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(room.path("work"), flags, Mode::empty()).map_err(|e| room_failed(&e.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Refusal::new(INTERNAL, format!("no runtime: {e}")))?;
    let cancel = Cancel::default();
    let ended = runtime.block_on(async {
        process::run(Order {
            program: &program,
            argv: order.argv.to_vec(),
            env: environment(order, &room),
            folder: folder.as_fd(),
            input: Some(order.input),
            jail: Some(&jail),
            // Engines of scripts find their own stack there, and end where they cannot.
            own_proc: true,
            limits: Limits { file_size: Some(MAX_FILE), cpu_seconds: Some(86_400), ..Limits::default() },
            meter: Meter::new(&RunLimits::default(), profile.grants),
            deadline: tokio::time::Instant::now() + order.timeout,
            grace: Duration::from_secs(1),
            output_cap: order.output_cap,
            redactor,
            cancel: &cancel,
        })
        .await
    })?;
    let ending = match (ended.cause, ended.exit) {
        (Cause::Timeout | Cause::Cancelled, _) => Ending::Timeout,
        (Cause::Excess(excess), _) => {
            let why = format!("the processes of `{}` {}", order.program, excess.told());
            return Err(Refusal::new(STEP_LIMIT, why).subject(order.program));
        }
        (Cause::Itself, Exit::Code(code)) => Ending::Code(code),
        (Cause::Itself, Exit::Signal(signal)) => Ending::Signal(Some(signal)),
        (Cause::Itself, Exit::Unknown) => Ending::Signal(None),
    };
    if ended.survivors > 0 && ending != Ending::Timeout {
        let why = format!("`{}` left {} processes behind, which were killed", order.program, ended.survivors);
        return Err(Refusal::new(PROC_LEAK, why).subject(order.program));
    }
    Ok(Ended {
        ending,
        printed: ended.stdout.bytes,
        truncated: ended.stdout.truncated,
        stderr: ended.stderr.text(),
        stdout: ended.stdout.kept,
        millis: ended.millis,
        sandbox: jail.summary().to_owned(),
    })
}

/// The private folders of one program.
struct Room(tempfile::TempDir);

fn room_failed(e: &io::Error) -> Refusal {
    Refusal::new(IO, format!("cannot make the private folders: {e}"))
}

impl Room {
    fn new(home: &BTreeMap<RepoPath, Vec<u8>>) -> Result<Self> {
        let made = tempfile::Builder::new()
            .prefix("countersign-agent-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|e| room_failed(&e))?;
        let room = Self(made);
        for folder in ["work", "home", "tmp"] {
            fs::create_dir(room.path(folder)).map_err(|e| room_failed(&e))?;
        }
        for (path, content) in home {
            let place = room.path("home").join(path.as_str());
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(|e| room_failed(&e))?;
            }
            fs::write(&place, content).map_err(|e| room_failed(&e))?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).map_err(|e| room_failed(&e))?;
        }
        Ok(room)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn grants(order: &Confined<'_>, program: &Program, room: &Room, private: &Path) -> Result<Vec<Grant>> {
    let mut all = vec![Grant { place: program.place()?, right: Right::Execute }];
    if let Some(own) = own_prefix(program.real()) {
        all.push(open_place(&own, Right::Execute)?);
    }
    for folder in ["work", "home", "tmp"] {
        all.push(open_place(&room.path(folder), Right::Write)?);
    }
    for path in order.reads {
        let text = path.to_str().ok_or_else(|| Refusal::new(SYSTEM_READ, "a path is not UTF-8"))?;
        // What belongs to an agent may bring programs of its own.
        all.push(Grant { right: Right::Execute, ..system_path(text, &[private, room.0.path()])? });
    }
    Ok(all)
}

fn environment(order: &Confined<'_>, room: &Room) -> Vec<String> {
    let shown = |name: &str| room.path(name).display().to_string();
    let mut all: BTreeMap<&str, String> = order.env.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
    all.extend(order.secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose().to_owned())));
    all.extend(launch::FIXED.map(|(name, value)| (name, value.to_owned())));
    all.extend([
        ("HOME", shown("home")),
        ("TMPDIR", shown("tmp")),
        ("NO_COLOR", "1".to_owned()),
        ("TERM", "dumb".to_owned()),
    ]);
    all.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

//! Starting one program and seeing it, and everything it started, to the end.

pub(super) mod limits;
pub(super) mod output;
pub(super) mod program;
mod raw;
mod tree;

use std::{
    collections::BTreeSet,
    ffi::CString,
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    pipe::PipeFlags,
    process::{Pid, Signal, WaitOptions},
};
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

use super::{
    cancel::Cancel,
    reasons::{PROC_SURVIVORS, SANDBOX_SETUP},
    redact::Redactor,
    sandbox::Jail,
};
use crate::base::reason::{INTERNAL, Refusal, Result};
use limits::Limits;
use output::{Captured, Collector};
use program::Program;

pub(super) use raw::landlock_abi as raw_landlock_abi;

/// How long a program's children may take to end by themselves once it has ended.
const SETTLE: Duration = Duration::from_millis(100);
/// How long a killed tree may take to be gone; a process in an uninterruptible call may outlast it.
const BURIAL: Duration = Duration::from_secs(10);
/// Between two looks at a tree that is being killed.
const LOOK: Duration = Duration::from_millis(10);

/// What to start, and within what.
pub(super) struct Order<'a> {
    pub(super) program: &'a Program,
    pub(super) argv: Vec<String>,
    /// `NAME=value`, the whole environment.
    pub(super) env: Vec<String>,
    pub(super) folder: BorrowedFd<'a>,
    /// None only in tests, which first show that an attack works without it.
    pub(super) jail: Option<&'a Jail>,
    pub(super) limits: Limits,
    pub(super) deadline: tokio::time::Instant,
    pub(super) grace: Duration,
    pub(super) output_cap: usize,
    pub(super) redactor: Arc<Redactor>,
    pub(super) cancel: &'a Cancel,
}

/// Why a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// By itself.
    Itself,
    /// Its time was over.
    Timeout,
    /// The run was cancelled.
    Cancelled,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody saw: whoever watched it was killed.
    Unknown,
}

/// A program that is gone, with all its descendants.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) cause: Cause,
    pub(super) exit: Exit,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
    pub(super) survivors: u32,
    pub(super) millis: u64,
}

/// Runs a program to its end. When this returns, no process of it is left.
///
/// # Errors
/// `sandbox.setup` where the program was not started, `proc.survivors` where something would not die.
pub(super) async fn run(order: Order<'_>) -> Result<Ended> {
    let began = Instant::now();
    let texts = |all: Vec<String>| {
        all.into_iter()
            .map(|text| CString::new(text).map_err(|_| setup("an argument or variable holds a NUL")))
            .collect::<Result<Vec<_>>>()
    };
    let argv = texts(std::iter::once(order.program.path().to_owned()).chain(order.argv).collect())?;
    let env = texts(order.env)?;
    let pipes = Pipes::new()?;
    let resources = order.limits.resources();
    let keeper = launch(
        order.jail,
        &raw::Launch {
            payload: raw::Payload::Exec,
            program: order.program.fd(),
            argv: &argv,
            env: &env,
            folder: order.folder,
            stdin: pipes.stdin.as_fd(),
            stdout: pipes.stdout.1.as_fd(),
            stderr: pipes.stderr.1.as_fd(),
            status: pipes.status.1.as_fd(),
            limits: &resources,
            jail: None,
            drop_capabilities: false,
        },
    )?;
    // Secrets stand in the environment.
    env.into_iter().for_each(|text| zeroize::Zeroize::zeroize(&mut text.into_bytes()));
    let (stdout, stderr, status) = pipes.readers()?;
    let collect = || Collector::new(order.output_cap, order.redactor.clone());
    let watch = Watch { keeper, status: Status::new(status), leader: None, exit: None };
    // Ends early only on an error: then something may hold the pipes open for ever.
    let (stdout, stderr, (cause, exit, survivors)) = tokio::try_join!(
        drain(stdout, collect()),
        drain(stderr, collect()),
        watch.until_gone(order.deadline, order.grace, order.cancel),
    )?;
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Ended { cause, exit, stdout, stderr, survivors, millis })
}

/// Has a child in the jail try every forbidden operation; returns the names of those that succeeded.
pub(super) fn attempt_all(jail: Option<&Jail>) -> Result<Vec<&'static str>> {
    let pipes = Pipes::new()?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = high(rustix::fs::open("/", flags, Mode::empty()).map_err(|e| setup(&e.to_string()))?)?;
    let resources = Limits::default().resources();
    let keeper = launch(
        jail,
        &raw::Launch {
            payload: raw::Payload::Attempts,
            program: pipes.stdin.as_fd(),
            argv: &[],
            env: &[],
            folder: folder.as_fd(),
            stdin: pipes.stdin.as_fd(),
            stdout: pipes.stdout.1.as_fd(),
            stderr: pipes.stderr.1.as_fd(),
            status: pipes.status.1.as_fd(),
            limits: &resources,
            jail: None,
            drop_capabilities: false,
        },
    )?;
    let Pipes { stdout, status, .. } = pipes;
    drop((stdout.1, status.1));
    let read = |fd: OwnedFd| {
        let mut bytes = Vec::new();
        File::from(fd).read_to_end(&mut bytes).map(|_| bytes).map_err(|e| setup(&e.to_string()))
    };
    let answer = read(stdout.0)?;
    let records = read(status.0)?;
    drop(keeper);
    for record in records.chunks_exact(raw::RECORD).map(numbers) {
        if record[0] == raw::TAG_FAILED {
            return Err(failed_stage(record));
        }
    }
    let mask: [u8; 8] = answer.try_into().map_err(|_| setup("the trial gave no answer"))?;
    let mask = u64::from_ne_bytes(mask);
    Ok(attempts().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, name)| name).collect())
}

/// Returns the names of the operations that [`attempt_all`] tries.
pub(super) fn attempts() -> impl Iterator<Item = &'static str> {
    raw::attempts::ALL.iter().map(|attempt| attempt.name)
}

/// The ends of the pipes between this process and a program.
struct Pipes {
    stdin: OwnedFd,
    stdout: (OwnedFd, OwnedFd),
    stderr: (OwnedFd, OwnedFd),
    status: (OwnedFd, OwnedFd),
}

impl Pipes {
    fn new() -> Result<Self> {
        let pipe = || {
            let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|e| setup(&e.to_string()))?;
            Ok::<_, Refusal>((high(read)?, high(write)?))
        };
        let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let stdin = high(null.map_err(|e| setup(&format!("/dev/null: {e}")))?)?;
        Ok(Self { stdin, stdout: pipe()?, stderr: pipe()?, status: pipe()? })
    }

    /// Drops the ends that the program has, and returns the others.
    fn readers(self) -> Result<(Receiver, Receiver, Receiver)> {
        let receiver = |fd| Receiver::from_owned_fd(fd).map_err(|e| setup(&e.to_string()));
        Ok((receiver(self.stdout.0)?, receiver(self.stderr.0)?, receiver(self.status.0)?))
    }
}

/// Moves a descriptor out of the way of the three standard ones.
fn high(fd: OwnedFd) -> Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    if fd.as_raw_fd() >= 3 {
        return Ok(fd);
    }
    rustix::io::fcntl_dupfd_cloexec(&fd, 3).map_err(|e| setup(&e.to_string()))
}

fn launch(jail: Option<&Jail>, launch: &raw::Launch<'_>) -> Result<Keeper> {
    static SUBREAPER: OnceLock<std::result::Result<(), i32>> = OnceLock::new();
    let adopted = SUBREAPER.get_or_init(|| {
        // Plan and ledger were read and parsed just now; what that left must not be carried into every fork.
        raw::release_freed_memory();
        raw::become_subreaper().map_err(|e| e.raw_os_error().unwrap_or(0))
    });
    adopted.map_err(|code| setup(&format!("subreaper: {}", io::Error::from_raw_os_error(code))))?;
    let parts = jail.map(Jail::parts);
    let root = rustix::process::geteuid().is_root();
    let full = raw::Launch { jail: parts, drop_capabilities: root && jail.is_some(), ..*launch };
    let pid = tree::register(|| raw::launch(&full)).map_err(|e| setup(&format!("fork: {e}")))?;
    Ok(Keeper { pid, reaped: false })
}

fn setup(why: &str) -> Refusal {
    Refusal::new(SANDBOX_SETUP, why)
}

fn failed_stage(record: [i32; 3]) -> Refusal {
    let stage = usize::try_from(record[1]).ok().and_then(|n| raw::STAGES.get(n)).copied().unwrap_or("unknown");
    setup(&format!("{stage}: {}", io::Error::from_raw_os_error(record[2])))
}

fn numbers(record: &[u8]) -> [i32; 3] {
    let mut numbers = [0; 3];
    for (number, bytes) in numbers.iter_mut().zip(record.chunks_exact(4)) {
        *number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    numbers
}

/// A keeper that is not reaped yet. Dropping it kills its tree, so that no early return leaves one behind.
#[derive(Debug)]
struct Keeper {
    pid: i32,
    /// From then on its number may be another process's.
    reaped: bool,
}

impl Keeper {
    /// Reaps the keeper, which has ended, or is about to.
    fn reap(&mut self) {
        tree::forget(self.pid);
        if let Some(pid) = Pid::from_raw(self.pid) {
            while matches!(rustix::process::waitpid(Some(pid), WaitOptions::empty()), Err(rustix::io::Errno::INTR)) {}
        }
        self.reaped = true;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| !self.reaped) else { return };
        tree::forget(self.pid);
        let mut killed = BTreeSet::new();
        let end = Instant::now() + BURIAL;
        while !matches!(
            rustix::process::waitpid(Some(pid), WaitOptions::NOHANG),
            Ok(Some(_)) | Err(rustix::io::Errno::CHILD)
        ) {
            if Instant::now() > end {
                break;
            }
            if tree::is_empty_below(self.pid) {
                std::thread::yield_now();
            } else {
                tree::kill_below(self.pid, &mut killed);
            }
        }
    }
}

/// Reads records from the status pipe; a wait that is given up loses nothing.
struct Status {
    receiver: Receiver,
    held: Vec<u8>,
}

impl Status {
    fn new(receiver: Receiver) -> Self {
        Self { receiver, held: Vec::new() }
    }

    /// Returns the next record, or nothing when the keeper is gone.
    async fn next(&mut self) -> Result<Option<[i32; 3]>> {
        loop {
            if self.held.len() >= raw::RECORD {
                let record = numbers(&self.held[..raw::RECORD]);
                self.held.drain(..raw::RECORD);
                return Ok(Some(record));
            }
            let mut piece = [0; 4 * raw::RECORD];
            match self.receiver.read(&mut piece).await {
                Ok(0) => return Ok(None),
                Ok(n) => self.held.extend_from_slice(&piece[..n]),
                Err(e) => return Err(Refusal::new(INTERNAL, format!("status pipe: {e}"))),
            }
        }
    }
}

/// Watches a keeper until it is gone.
struct Watch {
    keeper: Keeper,
    status: Status,
    leader: Option<i32>,
    exit: Option<Exit>,
}

impl Watch {
    async fn until_gone(
        mut self,
        deadline: tokio::time::Instant,
        grace: Duration,
        cancel: &Cancel,
    ) -> Result<(Cause, Exit, u32)> {
        let cause = tokio::select! {
            biased;
            ended = self.until_ended() => { ended?; Cause::Itself }
            () = cancel.cancelled() => Cause::Cancelled,
            () = tokio::time::sleep_until(deadline) => Cause::Timeout,
        };
        let patience = if cause == Cause::Itself {
            SETTLE
        } else {
            if let Some(leader) = self.leader {
                tree::signal_group(leader, Signal::TERM);
            }
            grace
        };
        let mut killed = BTreeSet::new();
        let gone = tokio::time::timeout(patience, self.until_closed()).await;
        if gone.is_err() {
            let end = tokio::time::Instant::now() + BURIAL;
            loop {
                tree::kill_below(self.keeper.pid, &mut killed);
                match tokio::time::timeout(LOOK, self.until_closed()).await {
                    Ok(closed) => break closed?,
                    Err(_) if tokio::time::Instant::now() > end => {
                        return Err(Refusal::new(PROC_SURVIVORS, "processes are left that do not die"));
                    }
                    Err(_) => {}
                }
            }
        } else if let Ok(closed) = gone {
            closed?;
        }
        // Its pipes close before its children are handed on; once it is reaped, they are.
        self.keeper.reap();
        if self.exit.is_none() {
            // The keeper never told how the program ended, so somebody killed it: its children came to us.
            tree::kill_orphans(&mut killed);
        }
        // The program itself is no survivor where it was killed for its time.
        let leader_killed = cause != Cause::Itself && self.leader.is_some_and(|leader| killed.remove(&leader));
        let exit = self.exit.unwrap_or(if leader_killed { Exit::Signal(9) } else { Exit::Unknown });
        Ok((cause, exit, u32::try_from(killed.len()).unwrap_or(u32::MAX)))
    }

    /// Waits until the program has ended, or nobody is left to tell.
    async fn until_ended(&mut self) -> Result<()> {
        while self.exit.is_none() && self.step().await? {}
        Ok(())
    }

    /// Waits until the keeper is gone, and with it every descendant.
    async fn until_closed(&mut self) -> Result<()> {
        while self.step().await? {}
        Ok(())
    }

    /// Takes one record; tells whether another may follow.
    async fn step(&mut self) -> Result<bool> {
        match self.status.next().await? {
            None => Ok(false),
            Some(record @ [tag, value, _]) => {
                match tag {
                    raw::TAG_STARTED => self.leader = Some(value),
                    raw::TAG_FAILED => return Err(failed_stage(record)),
                    raw::TAG_ENDED => self.exit = Some(decode(value)),
                    _ => return Err(Refusal::new(INTERNAL, format!("status record {tag}"))),
                }
                Ok(true)
            }
        }
    }
}

/// Reads a wait status, as the kernel lays it out.
fn decode(status: i32) -> Exit {
    match status & 0x7f {
        0 => Exit::Code(status >> 8 & 0xff),
        signal => Exit::Signal(signal),
    }
}

async fn drain(mut pipe: Receiver, mut collector: Collector) -> Result<Captured> {
    let mut piece = vec![0_u8; 64 * 1024];
    loop {
        match pipe.read(&mut piece).await {
            // A pipe that cannot be read has nothing more to give; what it gave is kept.
            Ok(0) | Err(_) => return Ok(collector.finish()),
            Ok(n) => collector.push(&piece[..n]),
        }
    }
}

//! Starting one program and seeing it, and everything it started, to the end.

pub(super) mod limits;
pub(super) mod meter;
pub(super) mod output;
pub(super) mod program;
mod raw;
mod tree;
mod trial;
mod watch;

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    pipe::PipeFlags,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe::{Receiver, Sender},
};

use super::{cancel::Cancel, reasons::SANDBOX_SETUP, redact::Redactor, sandbox::Jail};
use crate::base::reason::{Refusal, Result};
use limits::Limits;
use meter::{Excess, Meter};
use output::{Captured, Collector};
use program::Program;
use watch::{Keeper, Watch};

pub(super) use raw::landlock_abi as raw_landlock_abi;
pub(super) use trial::{attempt_all, attempts};

/// What to start, and within what.
pub(super) struct Order<'a> {
    pub(super) program: &'a Program,
    pub(super) argv: Vec<String>,
    /// `NAME=value`, the whole environment.
    pub(super) env: Vec<String>,
    pub(super) folder: BorrowedFd<'a>,
    /// What it reads on standard input; none is nothing.
    pub(super) input: Option<&'a [u8]>,
    /// None only in tests, which first show that an attack works without it.
    pub(super) jail: Option<&'a Jail>,
    /// Whether it may read what the kernel tells of its own process.
    pub(super) own_proc: bool,
    pub(super) limits: Limits,
    /// What all its processes may use together.
    pub(super) meter: Arc<Meter>,
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
    /// All its processes together used too much.
    Excess(Excess),
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
    let pipes = Pipes::new(order.input.is_some())?;
    let resources = order.limits.resources();
    let keeper = launch(
        order.jail,
        raw::Launch {
            payload: raw::Payload::Exec,
            program: order.program.fd(),
            argv,
            env,
            folder: order.folder,
            stdin: pipes.stdin.as_fd(),
            stdout: pipes.stdout.1.as_fd(),
            stderr: pipes.stderr.1.as_fd(),
            status: pipes.status.1.as_fd(),
            reading: pipes.status.0.as_fd(),
            limits: &resources,
            jail: None,
            drop_capabilities: false,
            own_proc: order.own_proc,
            announce: order.redactor.has_secrets(),
        },
    )?;
    let Ends { feed: input, stdout, stderr, status } = pipes.ends()?;
    let collect = || Collector::new(order.output_cap, order.redactor.clone());
    let watch = Watch::new(keeper, status);
    // Ends early only on an error: then something may hold the pipes open for ever.
    let (stdout, stderr, (), (cause, exit, survivors)) = tokio::try_join!(
        drain(stdout, collect()),
        drain(stderr, collect()),
        feed(input, order.input.unwrap_or_default()),
        watch.until_gone(order.deadline, order.grace, order.cancel, &order.meter),
    )?;
    let full = cause == Cause::Itself && order.meter.is_disk_exceeded();
    let cause = if full { Cause::Excess(Excess::Disk) } else { cause };
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Ended { cause, exit, stdout, stderr, survivors, millis })
}

/// The ends of the pipes between this process and a program.
struct Pipes {
    stdin: OwnedFd,
    /// Leads to `stdin`; none where that is `/dev/null`.
    feed: Option<OwnedFd>,
    stdout: (OwnedFd, OwnedFd),
    stderr: (OwnedFd, OwnedFd),
    status: (OwnedFd, OwnedFd),
}

impl Pipes {
    fn new(with_input: bool) -> Result<Self> {
        let pipe = || {
            let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|e| setup(&e.to_string()))?;
            Ok::<_, Refusal>((high(read)?, high(write)?))
        };
        let (stdin, feed) = match with_input {
            true => pipe().map(|(read, write)| (read, Some(write)))?,
            false => {
                let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
                (high(null.map_err(|e| setup(&format!("/dev/null: {e}")))?)?, None)
            }
        };
        Ok(Self { stdin, feed, stdout: pipe()?, stderr: pipe()?, status: pipe()? })
    }

    /// Drops the ends that the program has, and returns the others.
    fn ends(self) -> Result<Ends> {
        let receiver = |fd| Receiver::from_owned_fd(fd).map_err(|e| setup(&e.to_string()));
        let sender = |fd| Sender::from_owned_fd(fd).map_err(|e| setup(&e.to_string()));
        Ok(Ends {
            feed: self.feed.map(sender).transpose()?,
            stdout: receiver(self.stdout.0)?,
            stderr: receiver(self.stderr.0)?,
            status: receiver(self.status.0)?,
        })
    }
}

/// Our ends of the pipes.
struct Ends {
    feed: Option<Sender>,
    stdout: Receiver,
    stderr: Receiver,
    status: Receiver,
}

/// Moves a descriptor out of the way of the three standard ones.
fn high(fd: OwnedFd) -> Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    if fd.as_raw_fd() >= 3 {
        return Ok(fd);
    }
    rustix::io::fcntl_dupfd_cloexec(&fd, 3).map_err(|e| setup(&e.to_string()))
}

fn launch(jail: Option<&Jail>, launch: raw::Launch<'_>) -> Result<Keeper> {
    static READY: OnceLock<std::result::Result<(), (&str, i32)>> = OnceLock::new();
    let ready = READY.get_or_init(|| {
        let because = |what| move |e: io::Error| (what, e.raw_os_error().unwrap_or(0));
        raw::close_to_others().map_err(because("dumpable"))?;
        raw::become_subreaper().map_err(because("subreaper"))
    });
    ready.map_err(|(what, code)| setup(&format!("{what}: {}", io::Error::from_raw_os_error(code))))?;
    let parts = jail.map(Jail::parts);
    let root = rustix::process::geteuid().is_root();
    let full = raw::Launch { jail: parts, drop_capabilities: root && jail.is_some(), ..launch };
    tree::register(|| raw::launch(full)).map(Keeper::new).map_err(|e| setup(&format!("fork: {e}")))
}

fn setup(why: &str) -> Refusal {
    Refusal::new(SANDBOX_SETUP, why)
}

/// Writes a program's input, and closes it.
async fn feed(pipe: Option<Sender>, input: &[u8]) -> Result<()> {
    if let Some(mut pipe) = pipe {
        // A program that does not read to the end has had enough: that is its own affair.
        let _ = pipe.write_all(input).await;
    }
    Ok(())
}

async fn drain(mut pipe: Receiver, mut collector: Collector) -> Result<Captured> {
    let mut piece = Vec::with_capacity(64 * 1024);
    loop {
        piece.clear();
        match pipe.read_buf(&mut piece).await {
            // A pipe that cannot be read has nothing more to give; what it gave is kept.
            Ok(0) | Err(_) => return Ok(collector.finish()),
            Ok(_) => collector.push(&piece),
        }
    }
}

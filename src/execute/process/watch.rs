//! Watching a keeper, and with it a step's processes, until all are gone.

use std::{
    collections::BTreeSet,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Signal, WaitOptions};
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

use super::{Cause, Exit, meter::Meter, raw, setup, tree};
use crate::{
    base::reason::{INTERNAL, Refusal, Result},
    execute::{cancel::Cancel, reasons::PROC_SURVIVORS},
};

/// How long a program's children may take to end by themselves once it has ended.
const SETTLE: Duration = Duration::from_millis(100);
/// How long a killed tree may take to be gone; a process in an uninterruptible call may outlast it.
const BURIAL: Duration = Duration::from_secs(10);
/// Between two looks at a tree that is being killed.
const LOOK: Duration = Duration::from_millis(10);

/// A keeper that is not reaped yet. Dropping it kills its tree, so that no early return leaves one behind.
pub(super) struct Keeper {
    started: raw::Started,
    /// From then on its number may be another process's.
    reaped: bool,
}

impl Keeper {
    pub(super) fn new(started: raw::Started) -> Self {
        Self { started, reaped: false }
    }

    /// Reaps the keeper, which has ended, or is about to.
    fn reap(&mut self) {
        tree::forget(self.started.pid());
        self.reaped = self.started.reap(WaitOptions::empty());
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        let pid = self.started.pid();
        tree::forget(pid);
        let mut killed = BTreeSet::new();
        let end = Instant::now() + BURIAL;
        while !self.started.reap(WaitOptions::NOHANG) {
            if Instant::now() > end {
                break;
            }
            if tree::is_empty_below(pid) {
                std::thread::yield_now();
            } else {
                tree::kill_below(pid, &mut killed);
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
pub(super) struct Watch {
    keeper: Keeper,
    status: Status,
    exit: Option<Exit>,
}

impl Watch {
    pub(super) fn new(keeper: Keeper, status: Receiver) -> Self {
        Self { keeper, status: Status::new(status), exit: None }
    }

    /// Waits until the program has ended or must, and ends what it leaves behind; returns why it ended, how, and
    /// how many processes had to be killed.
    ///
    /// # Errors
    /// `sandbox.setup` where the program was not started, `proc.survivors` where something would not die.
    pub(super) async fn until_gone(
        mut self,
        deadline: tokio::time::Instant,
        grace: Duration,
        cancel: &Cancel,
        meter: &Arc<Meter>,
    ) -> Result<(Cause, Exit, u32)> {
        let keeper = self.keeper.started.pid();
        let cause = tokio::select! {
            biased;
            ended = self.until_ended() => { ended?; Cause::Itself }
            () = cancel.cancelled() => Cause::Cancelled,
            () = tokio::time::sleep_until(deadline) => Cause::Timeout,
            excess = meter.exceeded(keeper) => Cause::Excess(excess),
        };
        let patience = match cause {
            Cause::Itself => SETTLE,
            // It would use its grace to take more.
            Cause::Excess(_) => Duration::ZERO,
            Cause::Timeout | Cause::Cancelled => {
                if let Some(leader) = self.leader() {
                    tree::signal_group(leader, Signal::TERM);
                }
                grace
            }
        };
        let mut killed = BTreeSet::new();
        let gone = tokio::time::timeout(patience, self.until_closed()).await;
        if gone.is_err() {
            let end = tokio::time::Instant::now() + BURIAL;
            loop {
                tree::kill_below(self.keeper.started.pid(), &mut killed);
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
        let leader_killed = cause != Cause::Itself && self.leader().is_some_and(|leader| killed.remove(&leader));
        let exit = self.exit.unwrap_or(if leader_killed { Exit::Signal(9) } else { Exit::Unknown });
        Ok((cause, exit, u32::try_from(killed.len()).unwrap_or(u32::MAX)))
    }

    /// Returns the program's process id, once it has executed.
    fn leader(&self) -> Option<i32> {
        self.keeper.started.leader()
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
                    // The kernel has copied them for the program.
                    raw::TAG_STARTED => self.keeper.started.forget_environment(),
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

/// Says at which stage setting up failed.
pub(super) fn failed_stage(record: [i32; 3]) -> Refusal {
    let stage = usize::try_from(record[1]).ok().and_then(|n| raw::STAGES.get(n)).copied().unwrap_or("unknown");
    setup(&format!("{stage}: {}", io::Error::from_raw_os_error(record[2])))
}

/// Reads a record.
pub(super) fn numbers(record: &[u8]) -> [i32; 3] {
    let mut numbers = [0; 3];
    for (number, bytes) in numbers.iter_mut().zip(record.chunks_exact(4)) {
        *number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::fd::{AsFd, OwnedFd},
    };

    use rustix::fs::{Mode, OFlags};

    use super::*;
    use crate::execute::process::{Pipes, launch};

    /// Starts a program with a secret in its environment; returns the reading and the writing end of its status pipe.
    fn start(program: &str, argument: &str) -> (Keeper, OwnedFd, OwnedFd) {
        let pipes = Pipes::new(false).unwrap();
        let program = File::open(program).unwrap();
        let folder = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let text = |text: &str| std::ffi::CString::new(text).unwrap();
        let keeper = launch(
            None,
            raw::Launch {
                payload: raw::Payload::Exec,
                program: program.as_fd(),
                argv: vec![text("program"), text(argument)],
                env: vec![text("SECRET=correct horse")],
                folder: folder.as_fd(),
                stdin: pipes.stdin.as_fd(),
                stdout: pipes.stdout.1.as_fd(),
                stderr: pipes.stderr.1.as_fd(),
                status: pipes.status.1.as_fd(),
                reading: pipes.status.0.as_fd(),
                limits: &[],
                jail: None,
                drop_capabilities: false,
                own_proc: false,
                announce: true,
            },
        );
        (keeper.unwrap(), pipes.status.0, pipes.status.1)
    }

    #[tokio::test]
    async fn c35_a_secret_stands_in_the_runners_memory_no_longer_than_the_start_takes() {
        let (keeper, reading, writing) = start("/bin/sleep", "600");
        drop(writing);
        assert!(keeper.started.environment().any(|text| text == b"SECRET=correct horse\0"));
        let mut watch = Watch::new(keeper, Receiver::from_owned_fd(reading).unwrap());
        assert!(watch.step().await.unwrap());
        assert!(watch.keeper.started.environment().all(|text| text.len() == 21 && text.iter().all(|byte| *byte == 0)));
        let program = watch.leader().unwrap();
        let environment = || std::fs::read(format!("/proc/{program}/environ"));
        // The kernel lets the keeper go on a little before it says where the new program's environment lies.
        let own = std::iter::repeat_with(|| environment().unwrap()).find(|own| !own.is_empty()).unwrap();
        assert_eq!(own, b"SECRET=correct horse\0", "the program has its own");
        drop(watch);
        assert!(environment().is_err(), "nobody is left");
    }

    #[test]
    fn memory_is_free_only_when_the_keeper_is_reaped_and_nobody_has_the_status_pipe() {
        let (mut keeper, _reading, writing) = start("/bin/true", "");
        assert!(!keeper.started.is_over(), "nobody was waited for");
        keeper.reap();
        // Somebody between keeper and exec would have it still, as this test has.
        assert!(!keeper.started.is_over());
        drop(writing);
        assert!(keeper.started.is_over());
    }

    #[test]
    fn a_start_leaves_the_threads_own_signals_alone_and_closes_the_runner_to_others() {
        let blocked = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            status.lines().find(|line| line.starts_with("SigBlk")).map(str::to_owned).unwrap()
        };
        let before = blocked();
        let (keeper, ..) = start("/bin/true", "");
        assert_eq!(blocked(), before);
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
        drop(keeper);
    }

    #[test]
    fn a_keeper_whose_program_cannot_be_executed_says_so_and_is_gone() {
        let (mut keeper, reading, writing) = start("/etc/passwd", "");
        drop(writing);
        let mut records = Vec::new();
        io::Read::read_to_end(&mut File::from(reading), &mut records).unwrap();
        let records: Vec<_> = records.chunks_exact(raw::RECORD).map(numbers).collect();
        assert_eq!(records[0][0], raw::TAG_FAILED);
        assert!(failed_stage(records[0]).to_string().contains("exec: Permission denied"), "{records:?}");
        keeper.reap();
    }
}

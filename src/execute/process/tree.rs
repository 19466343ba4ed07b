//! The processes of a step: found through `/proc`, stopped until none is new, then killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    sync::{Mutex, PoisonError},
};

use rustix::process::{Pid, PidfdFlags, Signal};

use super::raw::Started;

/// Keepers that are alive, so that nobody takes one for an orphan.
static KEEPERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// One process, as `/proc` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) pid: i32,
    parent: i32,
    session: i32,
    zombie: bool,
    pub(super) threads: u64,
    /// In clock ticks since the machine started; with the pid it names one process for good.
    started: u64,
}

/// Makes a keeper and registers it, with no look for orphans in between.
pub(super) fn register(make: impl FnOnce() -> io::Result<Started>) -> io::Result<Started> {
    let mut keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
    let keeper = make()?;
    keepers.insert(keeper.pid());
    Ok(keeper)
}

/// Strikes a keeper off; to be called before it is reaped, while nothing else can have its number.
pub(super) fn forget(keeper: i32) {
    KEEPERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&keeper);
}

/// Sends a signal to the group that a program leads; that it is gone already is no error.
pub(super) fn signal_group(leader: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(leader) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Kills everything below a keeper, and adds the process ids to `killed`.
///
/// All are stopped first, over and over until none is new, so that nothing can fork away from the kill.
pub(super) fn kill_below(keeper: i32, killed: &mut BTreeSet<i32>) {
    kill_all(|all| below(all, keeper), killed);
}

/// Kills what a keeper left behind that was itself killed: the kernel hands its children to this process.
///
/// A child of this process in a session that is not ours, and that is no keeper, can be nothing else.
pub(super) fn kill_orphans(killed: &mut BTreeSet<i32>) {
    let me = rustix::process::getpid().as_raw_nonzero().get();
    // As `/proc` shows it, too: 0 where a container was entered from outside, and our session began there.
    let Some(Seen { session: mine, .. }) = read(me) else { return };
    let keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_orphan = |p: &Seen| p.parent == me && p.session != mine && p.session != 0 && !keepers.contains(&p.pid);
    kill_all(
        |all| {
            let roots: Vec<Seen> = all.iter().filter(|p| is_orphan(p)).copied().collect();
            roots.iter().flat_map(|root| below(all, root.pid).into_iter().chain([*root])).collect()
        },
        killed,
    );
    for pid in killed.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // Only our own children answer; the others are reaped by theirs, or come to us and end with us.
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    }
}

/// Tells whether anything below a keeper still lives.
pub(super) fn is_empty_below(keeper: i32) -> bool {
    below_keeper(keeper).is_empty()
}

/// Returns the processes below a keeper that live.
pub(super) fn below_keeper(keeper: i32) -> Vec<Seen> {
    let mut all = below(&processes(), keeper);
    all.retain(|process| !process.zombie);
    all
}

fn kill_all(find: impl Fn(&[Seen]) -> Vec<Seen>, killed: &mut BTreeSet<i32>) {
    let mut stopped: BTreeMap<i32, Seen> = BTreeMap::new();
    // Each round stops all it sees, so a bomb of any size loses ground; the bound is for a broken kernel.
    for _ in 0..1000 {
        let new: Vec<Seen> =
            find(&processes()).into_iter().filter(|p| !p.zombie && stopped.get(&p.pid) != Some(p)).collect();
        if new.is_empty() {
            break;
        }
        for process in new {
            send(process, Signal::STOP);
            stopped.insert(process.pid, process);
        }
    }
    for process in stopped.values() {
        if send(*process, Signal::KILL) {
            killed.insert(process.pid);
        }
    }
}

/// Sends a signal to exactly this process, not to a later one with its number.
fn send(process: Seen, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(process.pid) else { return false };
    let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let same = read(process.pid).is_some_and(|now| now.started == process.started);
    same && rustix::process::pidfd_send_signal(handle, signal).is_ok()
}

fn below(all: &[Seen], root: i32) -> Vec<Seen> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|p| p.parent == parent) {
            found.push(*child);
            parents.push(child.pid);
        }
    }
    found
}

fn processes() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(pid: i32) -> Option<Seen> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads one line of `/proc/PID/stat`; the name in it may hold anything, so the fields count from its end.
fn parse(pid: i32, line: &str) -> Option<Seen> {
    let mut fields = line[line.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    let threads = fields.nth(13)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some(Seen { pid, parent, session, zombie: matches!(state, "Z" | "X"), threads, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_cannot_hide_behind_its_name() {
        let line = "42 (a) R 1 (x) S 7 9 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 1";
        let seen = Seen { pid: 42, parent: 7, session: 9, zombie: false, threads: 1, started: 123_456 };
        assert_eq!(parse(42, line), Some(seen));
        assert_eq!(parse(42, "42 (a) S 7 9"), None);
        let me = rustix::process::getpid().as_raw_nonzero().get();
        assert!(processes().iter().any(|p| p.pid == me));
    }
}

//! A bare repository as the remote: it decides who was first.

use git2::Repository;

use super::support::*;
use crate::{
    base::reason::{ExitClass, Refusal, USAGE},
    ledger::{Address, Ledger, Remote},
};

/// A bare remote with a ledger, and as many clones of nothing as are asked for.
struct Upstream {
    world: World,
    bare: tempfile::TempDir,
}

impl Upstream {
    fn new() -> Self {
        let bare = tempfile::tempdir().unwrap();
        Repository::init_bare(bare.path()).unwrap();
        let world = World::bare();
        let upstream = Self { world, bare };
        upstream.open(&upstream.world.path()).create_genesis(&upstream.world.genesis, &[], clock(0)).unwrap();
        upstream
    }

    fn remote(&self) -> Remote {
        local(self.bare.path())
    }

    fn open(&self, path: &std::path::Path) -> Ledger {
        Ledger::open(path, &self.world.root).unwrap().with_remote(self.remote())
    }

    /// Opens the ledger of the first world, with another git to reach the remote by.
    fn open_by(&self, git: std::path::PathBuf) -> Ledger {
        let remote = self.remote().with_git(git);
        Ledger::open(&self.world.path(), &self.world.root).unwrap().with_remote(remote)
    }

    fn clone(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        Repository::init(dir.path()).unwrap();
        dir
    }

    fn tip(&self) -> git2::Oid {
        Repository::open(self.bare.path()).unwrap().refname_to_id(BRANCH).unwrap()
    }
}

fn local(path: &std::path::Path) -> Remote {
    Remote::new(Address::parse(path.to_str().unwrap()).unwrap())
}

/// Writes a program that may be run.
///
/// Another process writes it: a fork of this one, for another test, could hold our descriptor for an instant, and
/// a file that is open for writing cannot be run.
#[expect(clippy::disallowed_methods, reason = "a test that starts a program")]
fn script(path: &std::path::Path, text: &str) {
    let write = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let done = std::process::Command::new("/bin/sh").args(["-c", write, "sh"]).arg(path).arg(text).status();
    assert!(done.unwrap().success());
}

#[test]
fn e01_of_racing_pushers_exactly_one_claim_wins() {
    let upstream = Upstream::new();
    let grant = ready(&mut upstream.open(&upstream.world.path()), 1);
    let codes: Vec<_> = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..4)
            .map(|n| {
                let upstream = &upstream;
                scope.spawn(move || {
                    let dir = upstream.clone();
                    put(&mut upstream.open(dir.path()), |head| {
                        claim(head, 1, &format!("run-{n}"), 1, vec![grant], 100 + n)
                    })
                    .map_or_else(|e| e.code(), |_| "won")
                })
            })
            .collect();
        claims.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == "won").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "replay.consumed").count(), 3, "{codes:?}");
}

#[test]
fn e02_of_racing_pushers_no_entry_is_lost() {
    let upstream = Upstream::new();
    std::thread::scope(|scope| {
        for n in 0..3_u64 {
            let upstream = &upstream;
            scope.spawn(move || {
                let dir = upstream.clone();
                let mut ledger = upstream.open(dir.path());
                for k in 0..2 {
                    put(&mut ledger, |head| plan(head, n * 10 + k, None)).unwrap();
                }
            });
        }
    });
    let dir = upstream.clone();
    let mut ledger = upstream.open(dir.path());
    assert_eq!(ledger.verify_all(t(10)).unwrap().0, 7);
    assert_eq!(ledger.state().unwrap().plans().unwrap().len(), 6);
}

#[test]
fn e14_the_repositorys_own_configuration_and_hooks_are_not_used() {
    let upstream = Upstream::new();
    let dir = upstream.clone();
    let marker = dir.path().join("ran");
    let config = format!(
        "[core]\n\tsshCommand = touch {0}\n\tfsmonitor = touch {0}\n\thooksPath = {1}\n[url \"ext::sh -c touch% {0}\"]\n\tinsteadOf = {2}\n",
        marker.display(),
        dir.path().display(),
        upstream.bare.path().display()
    );
    for hook in ["pre-push", "reference-transaction"] {
        script(&dir.path().join(hook), &format!("#!/bin/sh\ntouch {}\nexit 1\n", marker.display()));
    }
    let path = dir.path().join(".git/config");
    let old = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, old + &config).unwrap();
    put(&mut upstream.open(dir.path()), |head| plan(head, 1, None)).unwrap();
    assert!(!marker.exists());
    assert_eq!(Repository::open(dir.path()).unwrap().refname_to_id(BRANCH).unwrap(), upstream.tip());
}

#[test]
fn e06_a_remote_set_back_or_emptied_is_found() {
    let upstream = Upstream::new();
    let mut ledger = upstream.open(&upstream.world.path());
    put(&mut ledger, |head| plan(head, 1, None)).unwrap();
    let bare = Repository::open(upstream.bare.path()).unwrap();
    let parent = bare.find_commit(upstream.tip()).unwrap().parent_id(0).unwrap();
    // A clone of before remembers what it was made with, and no ledger of its own yet.
    let dir = upstream.clone();
    let clone = Repository::open(dir.path()).unwrap();
    let (from, to) = (upstream.bare.path().to_str().unwrap(), "refs/remotes/origin/countersign/ledger");
    clone.remote_anonymous(from).unwrap().fetch(&[format!("{BRANCH}:{to}")], None, None).unwrap();
    let mut fresh = upstream.open(dir.path());
    fresh.read(t(10)).unwrap();
    clone.find_reference(BRANCH).unwrap().delete().unwrap();
    bare.reference(BRANCH, parent, true, "x").unwrap();
    assert_eq!(upstream.open(dir.path()).read(t(10)).map(drop).unwrap_err().code(), "ledger.rollback");
    let mut fresh = upstream.open(&upstream.world.path());
    assert_eq!(fresh.read(t(10)).map(drop).unwrap_err().code(), "ledger.rollback");
    assert_eq!(put(&mut fresh, |head| plan(head, 2, None)).unwrap_err().code(), "ledger.rollback");
    bare.find_reference(BRANCH).unwrap().delete().unwrap();
    assert_eq!(put(&mut fresh, |head| plan(head, 2, None)).unwrap_err().code(), "ledger.missing");
}

#[test]
fn e02_a_remote_that_says_no_is_not_asked_again_and_nothing_moves() {
    let upstream = Upstream::new();
    let before = upstream.tip();
    let hook = upstream.bare.path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    script(&hook, "#!/bin/sh\nexit 1\n");
    let mut ledger = upstream.open(&upstream.world.path());
    assert_eq!(put(&mut ledger, |head| plan(head, 1, None)).unwrap_err().code(), "ledger.refused");
    assert_eq!(upstream.tip(), before);
    assert_eq!(upstream.world.tip(), before, "the local branch never leads");
}

#[test]
fn e23_a_remote_that_cannot_be_reached_refuses() {
    let upstream = Upstream::new();
    let gone = local(std::path::Path::new("/nowhere/at/all.git"));
    let mut ledger = Ledger::open(&upstream.world.path(), &upstream.world.root).unwrap().with_remote(gone);
    assert_eq!(put(&mut ledger, |head| plan(head, 1, None)).unwrap_err().code(), "ledger.unreachable");
    let error = put(&mut ledger, |head| plan(head, 1, None)).unwrap_err();
    assert!(error.message().contains("does not appear to be a git repository"), "the cause: {}", error.message());
    let none = upstream.remote().with_git("/nowhere/git");
    let mut ledger = Ledger::open(&upstream.world.path(), &upstream.world.root).unwrap().with_remote(none);
    assert_eq!(put(&mut ledger, |head| plan(head, 1, None)).unwrap_err().code(), "ledger.unreachable");
}

#[test]
fn c05_git_is_told_of_the_ssh_agent_and_of_nothing_else_that_the_caller_has() {
    let upstream = Upstream::new();
    let tools = tempfile::tempdir().unwrap();
    let (path, seen) = (tools.path().join("git-that-tells"), tools.path().join("seen"));
    script(
        &path,
        &format!(
            "#!/bin/sh\nenv | sed 's/=.*//' > {0}.names\nprintf %s \"$SSH_AUTH_SOCK\" > {0}\nexec git \"$@\"\n",
            seen.display()
        ),
    );
    for socket in ["", "/nowhere/agent.sock"] {
        let mut remote = upstream.remote().with_git(&path);
        if !socket.is_empty() {
            remote = remote.with_ssh_agent(socket);
        }
        let mut ledger = Ledger::open(&upstream.world.path(), &upstream.world.root).unwrap().with_remote(remote);
        ledger.read(t(10)).unwrap();
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), socket);
        let names = std::fs::read_to_string(seen.with_extension("names")).unwrap();
        let known = |name: &str| {
            name.starts_with("GIT_")
                || ["PATH", "HOME", "LC_ALL", "TZ", "PWD", "OLDPWD", "SHLVL", "_", "SSH_AUTH_SOCK"].contains(&name)
        };
        assert!(names.lines().all(known), "{names}");
    }
}

#[test]
fn a_clone_that_was_copied_without_its_empty_folders_sees_what_is_fetched() {
    let upstream = Upstream::new();
    let far = upstream.clone();
    put(&mut upstream.open(far.path()), |head| plan(head, 1, None)).unwrap();
    // Here everything is loose as yet.
    let objects = Repository::open(upstream.world.path()).unwrap().path().join("objects");
    std::fs::remove_dir(objects.join("pack")).unwrap();
    assert_eq!(upstream.open(&upstream.world.path()).read(t(10)).unwrap().length(), 2);
}

/// What becomes of the first push of a `git` that ends without a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pushed {
    /// It goes through at once.
    Through,
    /// It never arrives.
    Never,
    /// It arrives once the writer has looked for it and not found it.
    Late,
    /// It never arrives, and the remote answers so many more times.
    Gone(u32),
}

/// A `git` whose first push ends without a word.
fn broken_git(dir: &std::path::Path, bare: &std::path::Path, pushed: Pushed) -> std::path::PathBuf {
    let path = dir.join("git-that-breaks");
    let act = if pushed == Pushed::Through { "git \"$@\" >/dev/null 2>&1" } else { ":" };
    let then = match pushed {
        Pushed::Through | Pushed::Never => ":".to_owned(),
        Pushed::Late => {
            let bare = bare.display();
            format!("[ $asked != 2 ] || git push \"{bare}\" \"$(cat \"$at/sent\")\" >/dev/null 2>&1")
        }
        Pushed::Gone(answers) => format!("[ $asked -le {answers} ] || exit 128"),
    };
    let text = format!(
        "#!/bin/sh
at=\"{}\"
for last in \"$@\"; do case $last in push|ls-remote) does=$last;; esac; done
if [ \"$does\" = push ] && [ ! -e \"$at/sent\" ]; then
    printf %s \"$last\" > \"$at/sent\"
    {act}
    exit 141
fi
if [ \"$does\" = ls-remote ] && [ -e \"$at/sent\" ]; then
    printf . >> \"$at/asked\"
    asked=$(wc -c < \"$at/asked\")
    {then}
fi
exec git \"$@\"
",
        dir.display()
    );
    script(&path, &text);
    path
}

#[test]
fn e03_a_push_that_went_through_unheard_is_won_and_one_that_did_not_is_made_again() {
    for (pushed, tries) in [(Pushed::Through, 1), (Pushed::Never, 2), (Pushed::Late, 2)] {
        let upstream = Upstream::new();
        let tools = tempfile::tempdir().unwrap();
        let remote = upstream.remote().with_git(broken_git(tools.path(), upstream.bare.path(), pushed));
        let mut ledger = Ledger::open(&upstream.world.path(), &upstream.world.root).unwrap().with_remote(remote);
        let appended = put(&mut ledger, |head| plan(head, 1, None)).unwrap();
        assert_eq!(appended.tries, tries);
        assert_eq!(appended.head.seq, 1);
        assert_eq!(appended.entries.len(), 1);
        assert_eq!(ledger.read(t(10)).unwrap().length(), 2);
        let dir = upstream.clone();
        assert_eq!(upstream.open(dir.path()).read(t(10)).unwrap().length(), 2, "exactly once");
    }
}

#[test]
fn after_a_push_unheard_nothing_is_claimed_of_a_remote_that_is_gone() {
    // It is gone when the writer looks for its entry, or when it tries again.
    for answers in [0, 1] {
        let upstream = Upstream::new();
        let before = upstream.tip();
        let tools = tempfile::tempdir().unwrap();
        let git = broken_git(tools.path(), upstream.bare.path(), Pushed::Gone(answers));
        let mut ledger = upstream.open_by(git);
        let error = put(&mut ledger, |head| plan(head, 1, None)).unwrap_err();
        assert_eq!(error.code(), "ledger.uncertain", "{answers}: {}", error.message());
        assert_eq!(error.reason().class, ExitClass::Indeterminate);
        assert_eq!((upstream.tip(), upstream.world.tip()), (before, before), "nothing moved, here or there");
    }
}

#[test]
fn while_a_push_unheard_may_still_arrive_a_refusal_to_make_it_again_is_no_answer() {
    let upstream = Upstream::new();
    let tools = tempfile::tempdir().unwrap();
    let git = broken_git(tools.path(), upstream.bare.path(), Pushed::Never);
    let mut ledger = upstream.open_by(git);
    let mut asked = 0;
    let error = ledger.append(clock(10), |view| {
        asked += 1;
        if asked == 1 { Ok(one(plan(&view.head, 1, None), view.now)) } else { Err(Refusal::new(USAGE, "no more")) }
    });
    let error = error.map(drop).unwrap_err();
    assert_eq!(error.code(), "ledger.uncertain");
    assert!(error.message().contains("no more"), "{}", error.message());
}

#[test]
fn a_push_unheard_that_somebody_else_outran_can_no_longer_arrive() {
    let upstream = Upstream::new();
    let tools = tempfile::tempdir().unwrap();
    let git = broken_git(tools.path(), upstream.bare.path(), Pushed::Never);
    let mut ledger = upstream.open_by(git);
    let mut asked = 0;
    let error = ledger.append(clock(10), |view| {
        asked += 1;
        if asked == 1 {
            return Ok(one(plan(&view.head, 1, None), view.now));
        }
        if asked == 2 {
            let far = upstream.clone();
            put(&mut upstream.open(far.path()), |head| plan(head, 2, None)).unwrap();
            return Ok(one(plan(&view.head, 1, None), view.now));
        }
        Err(Refusal::new(USAGE, "no more"))
    });
    assert_eq!(error.map(drop).unwrap_err().code(), "usage.invalid");
}

/// Opens the ledger beside a `git` that first does what a line of shell says, with what it is to do in `$does`.
fn beside(upstream: &Upstream, tools: &std::path::Path, line: &str) -> Ledger {
    let path = tools.join("git-that-differs");
    let does = "for a in \"$@\"; do case $a in push|ls-remote|fetch) does=$a;; esac; done";
    script(&path, &format!("#!/bin/sh\n{does}\n{line}\nexec git \"$@\"\n"));
    let remote = upstream.remote().with_git(path);
    Ledger::open(&upstream.world.path(), &upstream.world.root).unwrap().with_remote(remote)
}

#[test]
fn a_listing_that_is_cut_is_no_word_that_there_is_no_ledger() {
    let upstream = Upstream::new();
    let tools = tempfile::tempdir().unwrap();
    let (id, name) = ("0".repeat(40), format!("refs/heads/x/{BRANCH}"));
    let line = format!("[ $does != ls-remote ] || yes '{id}\t{name}' | head -n 4000");
    let error = beside(&upstream, tools.path(), &line).read(t(10)).map(drop).unwrap_err();
    assert_eq!(error.code(), "ledger.unreachable", "{}", error.message());
    assert!(error.message().contains("more than"), "{}", error.message());
}

#[test]
fn a_push_that_says_too_much_is_one_of_which_nothing_is_known() {
    let upstream = Upstream::new();
    let tools = tempfile::tempdir().unwrap();
    let line = "[ $does != push ] || { git \"$@\"; yes | head -c 300000 >&2; exit 1; }";
    let appended = put(&mut beside(&upstream, tools.path(), line), |head| plan(head, 1, None)).unwrap();
    assert_eq!((appended.tries, appended.head.seq), (1, 1));
}

#[test]
fn a_git_that_is_ended_leaves_no_program_that_it_started() {
    let upstream = Upstream::new();
    let tools = tempfile::tempdir().unwrap();
    let pid = tools.path().join("pid");
    let line = format!("sleep 30 & echo $! > '{}'; exec yes", pid.display());
    let error = beside(&upstream, tools.path(), &line).read(t(10)).map(drop).unwrap_err();
    assert_eq!(error.code(), "ledger.unreachable", "what it says has a limit: {}", error.message());
    let stat = format!("/proc/{}/stat", std::fs::read_to_string(pid).unwrap().trim());
    let lives = || std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ") && !text.contains(") X "));
    let waited = (0..200).take_while(|_| lives()).map(|_| std::thread::sleep(std::time::Duration::from_millis(10)));
    assert!(waited.count() < 200, "it lives on");
}

#[test]
fn a_ledger_made_without_a_remote_is_published_once() {
    let world = World::new();
    put(&mut world.open(), |head| plan(head, 1, None)).unwrap();
    let bare = tempfile::tempdir().unwrap();
    Repository::init_bare(bare.path()).unwrap();
    let remote = || local(bare.path());
    let mut ledger = world.open();
    ledger.publish(remote(), clock(10)).unwrap();
    put(&mut ledger, |head| plan(head, 2, None)).unwrap();
    assert!(world.open().publish(remote(), clock(10)).is_ok(), "the same ledger may be published again");
    let second = World::bare();
    let taken = second.open().with_remote(remote()).create_genesis(&second.genesis, &[], clock(0));
    assert_eq!(taken.unwrap_err().code(), "ledger.exists");
}

#[test]
fn readers_that_race_to_the_first_local_branch_all_read_the_ledger() {
    let upstream = Upstream::new();
    let dir = upstream.clone();
    let read: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| upstream.open(dir.path()).read(t(10)).map(|_| ()).map_err(|e| e.code())))
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(read.iter().all(Result::is_ok), "{read:?}");
    // A lock that nobody gives back is said to be one.
    std::fs::remove_file(dir.path().join(".git").join(BRANCH)).unwrap();
    std::fs::write(dir.path().join(".git").join(format!("{BRANCH}.lock")), "").unwrap();
    assert_eq!(upstream.open(dir.path()).read(t(10)).map(drop).unwrap_err().code(), "ledger.locked");
}

#[test]
fn e02_a_reader_that_finds_the_branch_here_locked_takes_what_it_read_there_for_no_rollback() {
    let upstream = Upstream::new();
    let dir = upstream.clone();
    let mut reader = upstream.open(dir.path());
    reader.read(t(10)).unwrap();
    put(&mut upstream.open(&upstream.world.path()), |head| plan(head, 1, None)).unwrap();
    // Another reader is about to move the branch; until then the branch here is behind what is there.
    let lock = dir.path().join(".git").join(format!("{BRANCH}.lock"));
    std::fs::write(&lock, "").unwrap();
    assert_eq!(reader.read(t(10)).unwrap_err().code(), "ledger.locked");
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(reader.read(t(10)).unwrap().length(), 2);
    assert_eq!(Repository::open(dir.path()).unwrap().refname_to_id(BRANCH).unwrap(), upstream.tip());
}

//! Programs that will not end, leave others behind, or print without end.

use std::{fs, time::Duration};

use super::support::*;
use crate::{
    base::limits::RunLimits,
    event::StepStatus,
    execute::Cancel,
    plan::model::{Action, Run},
};

/// Tells whether a process lives; a zombie does not.
fn lives(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

const DAEMON: &str = "import os,sys,time
if os.fork()==0:
    os.setsid()
    if os.fork()==0:
        os.environ.clear(); os.setsid()
        open('pid.txt','w').write(str(os.getpid()))
        os.close(0); os.close(1); os.close(2)
        time.sleep(600)
    os._exit(0)
while not os.path.exists('pid.txt') or not open('pid.txt').read(): time.sleep(0.001)
";

#[tokio::test]
async fn c17_a_daemon_is_killed_before_the_outcome_and_fails_the_step() {
    let bench = Bench::new();
    let outcome = bench.one(writing(python(DAEMON), &["pid.txt"])).await;
    assert_eq!((outcome.status, code(&outcome)), (StepStatus::Failed, "proc.leak"), "{}", errors(&outcome));
    assert_eq!((outcome.actions[0].exit_code, outcome.actions[0].survivors_killed), (Some(0), 1));
    assert!(!lives(&bench.read("pid.txt").unwrap()));
}

#[tokio::test]
async fn c17_a_daemon_of_one_step_is_not_taken_for_one_of_another() {
    let bench = Bench::new();
    let other = writing(sh("until test -s pid.txt; do :; done; echo done"), &["other.txt"]);
    let mut steps = vec![
        step("daemon", vec![Action::Run(writing(python(DAEMON), &["pid.txt"]))]),
        step("other", vec![Action::Run(other)]),
    ];
    steps[0].on_failure = crate::plan::model::OnFailure::Continue;
    let mut setting = bench.setting();
    setting.parallel = 2;
    let ran = bench.run(plan(steps), setting).await;
    assert_eq!(code(&ran.step("daemon")), "proc.leak");
    // It could not read the other's file, so it was ended by its own exit or is still itself: never killed.
    assert_eq!(ran.step("other").actions.first().and_then(|a| a.signal), None);
}

#[tokio::test]
async fn c20_a_program_that_ignores_termination_is_killed_with_its_tree() {
    let bench = Bench::new();
    let script =
        "trap '' TERM; (trap '' TERM; echo $$ > pid.txt; while :; do sleep 600; done) & while :; do sleep 600; done";
    let mut slow = step("one", vec![Action::Run(writing(sh(script), &["pid.txt"]))]);
    slow.timeout_seconds = 1;
    let outcome = bench.run(plan(vec![slow]), bench.setting()).await.step("one");
    assert_eq!((outcome.status, code(&outcome)), (StepStatus::TimedOut, "step.timeout"));
    assert!(outcome.actions[0].survivors_killed >= 1);
    assert!(!lives(&bench.read("pid.txt").unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_an_interrupt_leaves_steps_that_act_in_doubt_and_cancels_the_others() {
    for (acts, status) in [(true, StepStatus::Indeterminate), (false, StepStatus::Cancelled)] {
        let bench = Bench::new();
        let waits = writing(sh("echo started > flag.txt; sleep 600"), &["flag.txt"]);
        let mut first = step("first", vec![Action::Run(waits)]);
        if acts {
            first = acting(first);
        }
        let cancel = Cancel::default();
        let (flag, trigger) = (bench.workspace().join("flag.txt"), cancel.clone());
        let watcher = std::thread::spawn(move || {
            while !fs::read_to_string(&flag).is_ok_and(|text| text == "started\n") {
                std::thread::yield_now();
            }
            trigger.cancel();
        });
        let steps = plan(vec![first, after(runs("second", "exit 0"), &["first"])]);
        let ran = bench.run_with(steps, bench.setting(), Recorder::default(), cancel).await;
        watcher.join().unwrap();
        assert_eq!(ran.step("first").status, status);
        assert_eq!(ran.step("second").status, StepStatus::Cancelled);
        let run = if acts { crate::event::RunStatus::Indeterminate } else { crate::event::RunStatus::Cancelled };
        assert_eq!(ran.outcome.status, run);
    }
}

#[tokio::test]
async fn c19_a_flood_is_digested_whole_and_kept_in_part() {
    let bench = Bench::new();
    let flood = "import sys
for i in range(100): sys.stdout.buffer.write(b'y'*1000000); sys.stderr.buffer.write(b'n'*100000)
sys.stdout.write('end')";
    let outcome = bench.one(python(flood)).await;
    assert_eq!(outcome.status, StepStatus::Succeeded);
    let stdout = outcome.actions[0].stdout.as_ref().unwrap();
    assert_eq!((stdout.bytes, stdout.truncated), (100_000_003, true));
    assert!(stdout.tail.ends_with("yend") && stdout.tail.len() <= 2000);
    let mut whole = vec![b'y'; 100_000_000];
    whole.extend(b"end");
    assert_eq!(stdout.digest, crate::base::digest::Digest::of(&whole));
    assert_eq!(outcome.actions[0].stderr.as_ref().unwrap().bytes, 10_000_000);
}

#[tokio::test]
async fn c18_limits_hold_files_descriptors_and_time() {
    let bench = Bench::new();
    let mut setting = bench.setting();
    setting.limits.file_size = Some(1000);
    setting.limits.open_files = 16;
    setting.limits.address_space = Some(512 << 20);
    for (attack, free) in [
        ("open('big.txt','wb',0).write(b'x'*2000)==2000 or exit(1); open('big.txt','ab',0).write(b'x')", false),
        ("[open('/dev/null') for _ in range(20)]", false),
        ("bytearray(1<<30)", false),
        ("open('big.txt','wb').write(b'x'*900)", true),
    ] {
        let one = || plan(vec![step("one", vec![Action::Run(writing(python(attack), &["big.txt"]))])]);
        let held = bench.run(one(), setting.clone()).await.step("one");
        assert_eq!(held.status == StepStatus::Succeeded, free, "{attack}");
        assert_eq!(bench.run(one(), bench.setting()).await.step("one").status, StepStatus::Succeeded, "{attack}");
    }
}

#[tokio::test]
async fn c18_what_a_program_declares_holds_and_what_it_does_not_has_an_end_too() {
    let bench = Bench::new();
    let told =
        "import resource as r; print(*[r.getrlimit(k)[0] for k in (r.RLIMIT_DATA, r.RLIMIT_FSIZE, r.RLIMIT_CPU)])
print(r.getrlimit(r.RLIMIT_NPROC)[0] < 1 << 20)";
    let limits = RunLimits::of([Some(64), Some(100), Some(1), Some(7), None, None]);
    let declared = |script: &str| Run { limits, ..writing(python(script), &["big.txt"]) };
    assert_eq!(output(&bench.one(declared(told)).await), format!("{} {} 7\nTrue\n", 64 << 20, 1 << 20));
    let default = output(&bench.one(python(told)).await);
    assert_eq!(default, format!("{} {} 86400\nTrue\n", 8_u64 << 30, 4_u64 << 30));
    for attack in
        ["bytearray(128 << 20)", "open('big.txt','wb',0).write(b'x' * (1 << 20)); open('big.txt','ab',0).write(b'x')"]
    {
        assert_eq!(bench.one(declared(attack)).await.status, StepStatus::Failed, "{attack}");
        let free = bench.one(writing(python(attack), &["big.txt"])).await;
        assert_eq!(free.status, StepStatus::Succeeded, "{attack}: {}", errors(&free));
    }
}

#[tokio::test]
async fn c18_a_fork_bomb_ends_with_its_step() {
    let bench = Bench::new();
    // Forks without end up to a number this machine can bear, each child forking on.
    let bomb = "import os,time
for _ in range(7): os.fork()
time.sleep(600)";
    let mut bombing = step("one", vec![Action::Run(python(bomb))]);
    bombing.timeout_seconds = 2;
    let outcome = bench.run(plan(vec![bombing]), bench.setting()).await.step("one");
    assert_eq!(outcome.status, StepStatus::TimedOut);
    assert!(outcome.actions[0].survivors_killed > 0 || outcome.actions[0].signal == Some(15));
}

/// Four processes, each within its own limit, that hold 240 MiB together.
const HOLDERS: &str = "import os,time
ends = []
for _ in range(4):
    read, write = os.pipe()
    if os.fork() == 0:
        held = bytearray(60 << 20)
        os.write(write, b'.')
        time.sleep(SECONDS)
        os._exit(0)
    ends.append(read)
for end in ends: os.read(end, 1)
for _ in ends: os.wait()
";

#[tokio::test]
async fn c18_what_all_processes_of_a_program_hold_together_has_an_end() {
    let bench = Bench::new();
    let limits = RunLimits { memory_mib: Some(128), step_memory_mib: Some(100), ..RunLimits::default() };
    let held = bench.one(Run { limits, ..python(&HOLDERS.replace("SECONDS", "600")) }).await;
    assert_eq!((held.status, code(&held)), (StepStatus::Failed, "step.limit"), "{}", errors(&held));
    assert!(held.what.unwrap().contains("`stepMemoryMib`"));
    // The kernel's limit does not see what could be shared.
    let shared = "import mmap,time
held = mmap.mmap(-1, 200 << 20)
for at in range(0, len(held), 4096): held[at] = 1
time.sleep(600)";
    let shared = bench.one(Run { limits, ..python(shared) }).await;
    assert_eq!((shared.status, code(&shared)), (StepStatus::Failed, "step.limit"), "{}", errors(&shared));
    let limits = RunLimits { memory_mib: Some(128), ..RunLimits::default() };
    let free = bench.one(Run { limits, ..python(&HOLDERS.replace("SECONDS", "0")) }).await;
    assert_eq!(free.status, StepStatus::Succeeded, "{}", errors(&free));
}

#[tokio::test]
async fn c18_files_with_and_without_a_name_take_no_more_disk_than_a_program_may() {
    let bench = Bench::new();
    let limits = RunLimits { disk_mib: Some(32), ..RunLimits::default() };
    let many = "for n in range(3): open(f'data/{n}', 'wb').write(b'x' * (20 << 20))";
    // Nobody looks while so short a program runs, and what it leaves is too much all the same.
    let named = bench.one(Run { limits, ..writing(python(many), &["data"]) }).await;
    assert_eq!((named.status, code(&named)), (StepStatus::Failed, "step.limit"), "{}", errors(&named));
    assert!(named.what.unwrap().contains("`diskMib`"));
    let free = bench.one(writing(python(many), &["data"])).await;
    assert_eq!(free.status, StepStatus::Succeeded, "{}", errors(&free));
    let deep = "import os
os.chdir('data')
for _ in range(20): os.mkdir('d' * 250); os.chdir('d' * 250)
open('file', 'wb').write(b'x' * (40 << 20))";
    let deep = bench.one(Run { limits, ..writing(python(deep), &["data"]) }).await;
    assert_eq!((deep.status, code(&deep)), (StepStatus::Failed, "step.limit"), "{}", errors(&deep));
    let closed = "import os
os.mkdir('shut/in')
open('shut/in/file', 'wb').write(b'x' * (40 << 20))
os.chmod('shut/in', 0)";
    let closed = bench.one(Run { limits, ..writing(python(closed), &["shut"]) }).await;
    assert_eq!((closed.status, code(&closed)), (StepStatus::Failed, "step.limit"), "{}", errors(&closed));
    let hidden = "import os,time
file = open(os.environ['TMPDIR'] + '/file', 'wb', 0)
os.unlink(file.name)
file.write(b'x' * (40 << 20))
time.sleep(600)";
    let hidden = bench.one(Run { limits, ..python(hidden) }).await;
    assert_eq!((hidden.status, code(&hidden)), (StepStatus::Failed, "step.limit"), "{}", errors(&hidden));
}

#[tokio::test]
async fn c18_a_number_of_processes_holds_where_the_kernel_does_not_count() {
    if !rustix::process::geteuid().is_root() {
        return; // Of everybody else the kernel counts them.
    }
    let bench = Bench::new();
    let limits = RunLimits { processes: Some(1), ..RunLimits::default() };
    let bomb = "import os,time\nfor _ in range(7): os.fork()\ntime.sleep(600)";
    let outcome = bench.one(Run { limits, ..python(bomb) }).await;
    assert_eq!((outcome.status, code(&outcome)), (StepStatus::Failed, "step.limit"), "{}", errors(&outcome));
}

#[tokio::test]
async fn c13_what_cannot_be_set_up_is_never_run() {
    let bench = Bench::new();
    // An argument list longer than the kernel takes fails at the last step before the program would run.
    let long = "x".repeat(200_000);
    let outcome = bench.one(writing(run_of("/bin/sh", &["-c", "echo x > ran.txt", &long]), &["ran.txt"])).await;
    assert_eq!((outcome.status, code(&outcome)), (StepStatus::CouldNotStart, "sandbox.setup"));
    assert!(outcome.what.unwrap().starts_with("exec: "));
    assert_eq!(bench.read("ran.txt"), None);
    let mut setting = bench.setting();
    setting.grace = Duration::ZERO;
    // Above what holds for the runner itself no limit can be set; the lower one holds.
    setting.limits.open_files = u64::MAX;
    let ran = bench.run(plan(vec![runs("one", "exit 0")]), setting).await;
    assert_eq!(ran.step("one").status, StepStatus::Succeeded);
}

#[tokio::test]
async fn c17_killing_the_keeper_sets_nobody_free() {
    let bench = Bench::new();
    let mut setting = bench.setting();
    // In the sandbox the signal does not get through; where a kernel lets it, this is what happens.
    setting.without_sandbox = true;
    // It starts no further program: where processes are scarce for a moment it would end for want of one.
    let attack = writing(sh("echo $$ > pid.txt; kill -9 $PPID; while :; do :; done"), &["pid.txt"]);
    let one = || plan(vec![step("one", vec![Action::Run(attack.clone())])]);
    let outcome = bench.run(one(), setting).await.step("one");
    assert_eq!((code(&outcome), outcome.actions[0].exit_code), ("step.signal", None));
    // The program ends with its keeper, whether or not the runner is there to end it.
    assert!(!lives(&bench.read("pid.txt").unwrap()));
    let held = bench.one(writing(sh("kill -9 $PPID || exit 7"), &["pid.txt"])).await;
    assert_eq!(held.actions[0].exit_code, Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_at_once_do_not_disturb_each_other() {
    let bench = Bench::new();
    let one = |n: usize| {
        let mut run = sh("test \"$OWN\" = \"$0\" && echo \"$OWN\" && exit $0");
        run.argv.push(crate::plan::model::Arg::Literal(n.to_string()));
        run.env.insert("OWN".into(), crate::plan::model::Arg::Literal(n.to_string()));
        run.ok_codes = vec![u8::try_from(n).unwrap()];
        step(&format!("s{n}"), vec![Action::Run(run)])
    };
    let mut setting = bench.setting();
    setting.parallel = 8;
    let ran = bench.run(plan((0..96).map(one).collect()), setting).await;
    for n in 0..96 {
        let outcome = ran.step(&format!("s{n}"));
        assert_eq!((outcome.status, output(&outcome)), (StepStatus::Succeeded, format!("{n}\n")), "{outcome:?}");
    }
}

#[tokio::test]
async fn c16_a_program_begins_with_every_signal_unblocked_and_at_its_default() {
    let bench = Bench::new();
    let mut setting = bench.setting();
    // What the kernel says of a process is out of reach in the sandbox.
    setting.without_sandbox = true;
    let look = run_of("/bin/cat", &["/proc/self/status"]);
    let outcome = bench.run(plan(vec![step("one", vec![Action::Run(look)])]), setting).await.step("one");
    let status = output(&outcome);
    for set in ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000\n")), "{set} in {status}");
    }
}

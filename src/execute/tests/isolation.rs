//! What a program cannot reach.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::{fs::symlink, net::UnixListener},
};

use super::support::*;
use crate::{
    base::digest::Digest,
    event::StepStatus,
    plan::{
        model::{Action, Arg, Read, Script},
        view::View,
    },
};

#[test]
fn c22_a_step_finds_nothing_of_an_earlier_one_in_its_private_folders() {
    use super::super::scratch::{Scratch, Spare};
    let bench = Bench::new();
    let (made, one) = (plan(Vec::new()), runs("s", "true"));
    let spare = Spare::default();
    let take = || Scratch::new(&made, &one, &bench.scratch(), &spare).unwrap();
    let folder = |scratch: &Scratch<'_>| scratch.files().parent().unwrap().to_owned();
    let first = folder(&take());
    assert_eq!(folder(&take()), first, "folders that nobody touched are used again");
    let traces: [fn(&std::path::Path); 4] = [
        |at| fs::write(at.join("home/left"), "something").unwrap(),
        |at| fs::create_dir(at.join("tmp/left")).unwrap(),
        |at| fs::set_permissions(at.join("home"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap(),
        |at| fs::write(at.join("left"), "something").unwrap(),
    ];
    for leave in traces {
        let scratch = take();
        let here = folder(&scratch);
        leave(&here);
        drop(scratch);
        assert!(!here.exists(), "what was left is gone");
        assert_ne!(folder(&take()), here);
    }
}

#[tokio::test]
async fn c22_undeclared_files_are_out_of_reach() {
    let bench = Bench::new();
    bench.write("declared", "yes");
    bench.write("undeclared", "no");
    fs::write(bench.outside().join("secret"), "no").unwrap();
    let outside = bench.outside().join("secret").display().to_string();
    for path in ["undeclared", &outside, "/proc/self/status", "/etc/fstab"] {
        let (free, held) = bench.attack(reading(sh(&format!("cat declared; cat {path}")), &["declared"])).await;
        assert_eq!(free.status, StepStatus::Succeeded, "{path} proves nothing here");
        assert_eq!(held.status, StepStatus::Failed, "{path}");
        assert_eq!(output(&held), "yes", "{path}");
        assert!(errors(&held).contains("Permission denied"), "{path}: {}", errors(&held));
    }
}

#[tokio::test]
async fn a43_credentials_in_the_folders_of_a_runner_are_out_of_a_steps_reach() {
    let bench = Bench::new();
    bench.write("declared", "yes");
    bench.write(".git/config", "token");
    let outside = |path: &str| {
        let file = bench.outside().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "token").unwrap();
        file.display().to_string()
    };
    for path in [
        ".git/config".to_owned(),
        outside("_temp/git-credentials-1.config"),
        outside("_temp/_runner_file_commands/set_env_1"),
        outside("_actions/acme/tool/v1/key.pem"),
        outside("home/.netrc"),
        outside("home/.docker/config.json"),
    ] {
        let (free, held) = bench.attack(reading(sh(&format!("cat declared; cat {path}")), &["."])).await;
        assert_eq!(output(&free), "yestoken", "{path} proves nothing here");
        assert_eq!((held.status, output(&held)), (StepStatus::Failed, "yes".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn c07_nothing_outside_the_declared_writes_can_be_written() {
    let bench = Bench::new();
    bench.write("data/kept", "before");
    bench.write("other", "before");
    let outside = bench.outside().join("made").display().to_string();
    for path in ["other", "new", &outside, "/tmp/countersign-test-made", "data/../other"] {
        let script = format!("echo x > data/ok; echo x > {path}");
        let (free, held) = bench.attack(writing(sh(&script), &["data"])).await;
        assert_eq!(free.status, StepStatus::Succeeded, "{path} proves nothing here");
        assert_eq!(held.status, StepStatus::Failed, "{path}");
        assert_eq!(bench.read("data/ok").unwrap(), "x\n");
    }
    fs::remove_file("/tmp/countersign-test-made").unwrap();
    // Neither by a rename, a hard link, nor through a link that the program makes.
    for script in
        ["mv data/kept stolen", "ln data/kept stolen", "ln -s ../other data/l; echo x > data/l", "rm other", "mkdir d"]
    {
        bench.write("data/kept", "before");
        bench.write("other", "before");
        let held = bench.one(writing(sh(script), &["data"])).await;
        assert_eq!(held.status, StepStatus::Failed, "{script}");
        assert_eq!(bench.read("other").unwrap(), "before", "{script}");
    }
}

#[tokio::test]
async fn c07_links_are_refused_wherever_a_plan_names_a_path() {
    let bench = Bench::new();
    fs::write(bench.outside().join("secret"), "no").unwrap();
    symlink(bench.outside().join("secret"), bench.workspace().join("link")).unwrap();
    symlink(bench.outside(), bench.workspace().join("folder")).unwrap();
    for path in ["link", "folder", "folder/secret"] {
        for run in [reading(sh("exit 0"), &[path]), writing(sh("exit 0"), &[path])] {
            let outcome = bench.one(run).await;
            assert_eq!(code(&outcome), "path.symlink", "{path}");
            assert_eq!(outcome.status, StepStatus::Denied, "{path}");
        }
    }
    // A link below a declared folder leads nowhere that was not declared.
    bench.write("real/x", "1");
    symlink(bench.outside().join("secret"), bench.workspace().join("real/link")).unwrap();
    let (free, held) = bench.attack(reading(sh("cat real/link"), &["real"])).await;
    assert_eq!((free.status, held.status), (StepStatus::Succeeded, StepStatus::Failed));
}

#[tokio::test]
async fn a43_the_dot_is_all_but_git() {
    let bench = Bench::new();
    bench.write("a/b", "1");
    bench.write(".git/config", "[core]\n");
    bench.write(".hidden", "2");
    let outcome = bench.one(reading(sh("cat a/b .hidden; ls >/dev/null; cat .git/config"), &["."])).await;
    assert_eq!((outcome.status, output(&outcome).as_str()), (StepStatus::Failed, "12"));
    let outcome = bench.one(reading(sh("cat .git/config"), &[".git"])).await;
    assert_eq!(outcome.status, StepStatus::Succeeded);
    bench.write(".git/config", "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eDp5\n");
    for path in [".git", ".git/config"] {
        assert_eq!(code(&bench.one(reading(sh("exit 0"), &[path])).await), "path.credentials");
    }
}

#[tokio::test]
async fn c42_no_socket_of_any_kind_without_a_declared_host() {
    let bench = Bench::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let unix = bench.outside().join("socket");
    let _listening = UnixListener::bind(&unix).unwrap();
    let heard = bench.outside().join("datagrams");
    let _hearing = std::os::unix::net::UnixDatagram::bind(&heard).unwrap();
    let (tcp, udp) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    for attack in [
        format!("socket.create_connection(('127.0.0.1',{tcp}))"),
        format!("socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('127.0.0.1',{udp}))"),
        format!("socket.socket(socket.AF_UNIX).connect('{}')", unix.display()),
        format!("socket.socketpair(socket.AF_UNIX,socket.SOCK_DGRAM)[0].sendto(b'x','{}')", heard.display()),
        format!("socket.socketpair(socket.AF_UNIX,socket.SOCK_RAW)[0].sendto(b'x','{}')", heard.display()),
        "socket.socket(socket.AF_NETLINK,socket.SOCK_RAW,0)".into(),
        "socket.socket(socket.AF_INET,socket.SOCK_STREAM).bind(('127.0.0.1',0))".into(),
        "socket.socket(socket.AF_INET,socket.SOCK_STREAM).listen()".into(),
        "socket.socket(socket.AF_INET6,socket.SOCK_STREAM).listen()".into(),
    ] {
        let (free, held) = bench.attack(python(&format!("import socket; {attack}"))).await;
        assert_eq!(free.status, StepStatus::Succeeded, "{attack}: {}", errors(&free));
        assert_eq!(held.status, StepStatus::Failed, "{attack}");
        assert!(errors(&held).contains("PermissionError"), "{attack}: {}", errors(&held));
    }
    // A pair reaches nobody else.
    let pair = "import socket; a,b=socket.socketpair(); a.send(b'x'); assert b.recv(1)==b'x'";
    assert_eq!(bench.one(python(pair)).await.status, StepStatus::Succeeded);
}

#[tokio::test]
async fn c10_with_a_declared_host_only_tcp_to_its_port() {
    let bench = Bench::new();
    let (open, shut) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (open, shut) = (open.local_addr().unwrap().port(), shut.local_addr().unwrap().port());
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let unix = bench.outside().join("socket");
    let _listening = UnixListener::bind(&unix).unwrap();
    let run = |code: &str| networking(python(&format!("import socket; {code}")), "127.0.0.1", open);
    let allowed = bench.one(run(&format!("socket.create_connection(('127.0.0.1',{open}))"))).await;
    assert_eq!(allowed.status, StepStatus::Succeeded, "{}", errors(&allowed));
    let held_listener = TcpListener::bind(("127.0.0.1", shut)).or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let shut = held_listener.local_addr().unwrap().port();
    for attack in [
        format!("socket.create_connection(('127.0.0.1',{shut}))"),
        format!("socket.socket().sendto(b'x',0x20000000,('127.0.0.1',{shut}))"),
        format!("socket.socket().sendmsg([b'x'],[],0x20000000,('127.0.0.1',{shut}))"),
        format!("s=socket.socket(socket.AF_INET,socket.SOCK_STREAM,262); s.connect(('127.0.0.1',{shut}))"),
        format!("socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('127.0.0.1',{udp}))"),
        format!("socket.socket(socket.AF_UNIX).connect('{}')", unix.display()),
        "socket.socket(socket.AF_INET,socket.SOCK_STREAM).bind(('127.0.0.1',0))".into(),
    ] {
        let (free, held) = bench.attack(run(&attack)).await;
        assert_eq!(held.status, StepStatus::Failed, "{attack}");
        assert!(errors(&held).contains("PermissionError"), "{attack}: {}", errors(&held));
        if !attack.contains("262") {
            assert_eq!(free.status, StepStatus::Succeeded, "{attack}: {}", errors(&free));
        }
    }
}

#[tokio::test]
async fn c10_c11_calls_that_leave_the_sandbox_are_denied() {
    let bench = Bench::new();
    let call = "import ctypes,os,sys; c=ctypes.CDLL(None,use_errno=True).syscall; r=";
    let machine = std::env::consts::ARCH == "x86_64";
    let numbers: &[(&str, &str)] = if machine {
        &[
            ("unshare", "c(272,0x10000000)"),
            ("ptrace", "c(101,0,0,0,0)"),
            ("io_uring_setup", "c(425,1,ctypes.create_string_buffer(256))"),
            ("prlimit of the parent", "c(302,os.getppid(),7,0,ctypes.create_string_buffer(16))"),
            ("msgget", "(lambda q: (c(71,q,0,0) if q>=0 else 0, q)[1])(c(68,0,0o600))"),
            ("shmget", "(lambda q: (c(31,q,0,0) if q>=0 else 0, q)[1])(c(29,0,4096,0o600))"),
            ("semget", "(lambda q: (c(66,q,0,0) if q>=0 else 0, q)[1])(c(64,0,1,0o600))"),
        ]
    } else {
        &[]
    };
    for (name, code) in numbers {
        let (free, held) =
            bench.attack(python(&format!("{call}{code}; sys.exit(0 if r>=0 else ctypes.get_errno())"))).await;
        assert_eq!(held.actions[0].exit_code, Some(1), "{name}: {}", errors(&held));
        if !["unshare", "io_uring_setup"].contains(name) {
            assert_eq!(free.status, StepStatus::Succeeded, "{name} proves nothing here");
        }
    }
    if machine {
        // clone3 does not exist, as far as the program can tell; x32 numbers end it.
        let clone3 = bench.one(python(&format!("{call}c(435,0,0); sys.exit(ctypes.get_errno())"))).await;
        assert_eq!(clone3.actions[0].exit_code, Some(libc::ENOSYS));
        let x32 = bench.one(python(&format!("{call}c(0x40000000+39)"))).await;
        assert_eq!((x32.actions[0].signal, code(&x32)), (Some(libc::SIGSYS), "step.signal"));
    }
}

#[tokio::test]
async fn c16_c41_a_program_inherits_nothing() {
    let bench = Bench::new();
    // Descriptors that an exec would keep.
    let open = fs::File::open("/dev/null").unwrap();
    let kept = rustix::io::dup(&open).unwrap();
    rustix::io::fcntl_setfd(&kept, rustix::io::FdFlags::empty()).unwrap();
    let script = "import os,sys
for fd in range(3,256):
    try: os.fstat(fd)
    except OSError: continue
    sys.exit('fd %d'%fd)
assert sys.stdin.read()==''
assert os.getsid(0)==os.getpid()==os.getpgid(0)
assert os.umask(0)==0o022
print(' '.join(sorted(os.environ)))
print(os.environ['A'])
for name in os.environ: print(name+'='+os.environ[name])";
    let mut run = python(script);
    run.env.insert("A".into(), Arg::Literal("b".into()));
    run.env.insert("PATH".into(), Arg::Literal("/evil".into()));
    let outcome = bench.one(run).await;
    assert_eq!(outcome.status, StepStatus::Succeeded, "{}", errors(&outcome));
    let told = output(&outcome);
    let names = "A COUNTERSIGN_FENCING COUNTERSIGN_IDEMPOTENCY_KEY COUNTERSIGN_RUN COUNTERSIGN_SCRATCH COUNTERSIGN_STEP \
        GIT_CONFIG_NOSYSTEM GIT_NO_REPLACE_OBJECTS HOME LC_ALL PATH SOURCE_DATE_EPOCH TMPDIR TZ";
    assert_eq!(told.lines().take(2).collect::<Vec<_>>(), [names, "b"]);
    // Reviewers are shown the same names, and the same values of all that is known before.
    let view = View::new(&plan(vec![runs("a", "true")]), Digest::of(b"plan"));
    assert_eq!(view.fixed_environment.len() + 1, names.split(' ').count());
    for variable in view.fixed_environment {
        let known = if variable.value.starts_with('<') { "" } else { variable.value.as_str() };
        let line = format!("{}={known}", variable.name);
        let fits = |told: &str| told == line || (known.is_empty() && told.starts_with(&line));
        assert!(told.lines().any(fits), "{line} is not in {told}");
    }
    let path = bench.one(sh("test $PATH != /evil && echo x > $TMPDIR/a && echo x > $HOME/b")).await;
    assert_eq!(path.status, StepStatus::Succeeded, "{}", errors(&path));
    assert_eq!(fs::read_dir(bench.scratch()).unwrap().count(), 0, "nothing private is left");
}

#[tokio::test]
async fn c12_no_program_gains_privileges() {
    let bench = Bench::new();
    let outcome = bench.one(python("import ctypes; print(ctypes.CDLL(None).prctl(39,0,0,0,0))")).await;
    assert_eq!(output(&outcome), "1\n");
    let copy = bench.outside().join("setuid");
    let path = copy_program("/bin/sh", &copy);
    fs::set_permissions(&copy, <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o4755)).unwrap();
    assert_eq!(code(&bench.one(run_of(&path, &["-c", "exit 0"])).await), "program.untrusted");
}

#[tokio::test]
async fn c01_a_program_that_others_could_have_put_there_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let inside = copy_program("/bin/sh", &bench.workspace().join("sh"));
    let writable = copy_program("/bin/sh", &bench.outside().join("writable"));
    fs::set_permissions(&writable, fs::Permissions::from_mode(0o777)).unwrap();
    let open = bench.outside().join("open");
    fs::create_dir(&open).unwrap();
    let in_open = copy_program("/bin/sh", &open.join("sh"));
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    for path in [inside.as_str(), &writable, &in_open, "sh", "/usr", "/etc/passwd"] {
        let outcome = bench.one(run_of(path, &["-c", "exit 0"])).await;
        assert_eq!((code(&outcome), outcome.status), ("program.untrusted", StepStatus::Denied), "{path}");
    }
    assert_eq!(code(&bench.one(run_of("/usr/bin/no-such-program", &[])).await), "program.missing");
    let fine = copy_program("/bin/sh", &bench.outside().join("fine"));
    assert_eq!(bench.one(run_of(&fine, &["-c", "exit 0"])).await.status, StepStatus::Succeeded);
    fs::write(&fine, "#!/bin/sh\n").unwrap();
    assert_eq!(code(&bench.one(run_of(&fine, &[])).await), "program.script");
}

#[tokio::test]
async fn c23_a_program_other_than_the_approved_one_does_not_start() {
    let bench = Bench::new();
    let path = copy_program("/bin/sh", &bench.outside().join("tool"));
    let pinned = |digest| {
        let mut run = writing(run_of(&path, &["-c", "echo x > made.txt"]), &["made.txt"]);
        run.program.digest = Some(digest);
        run
    };
    let approved = Digest::of(&fs::read(&path).unwrap());
    assert_eq!(bench.one(pinned(approved)).await.status, StepStatus::Succeeded);
    fs::remove_file(bench.workspace().join("made.txt")).unwrap();
    // Another file takes its place, so that the digest kept for the first must not count.
    fs::remove_file(&path).unwrap();
    copy_program("/bin/cat", path.as_ref());
    let outcome = bench.one(pinned(approved)).await;
    assert_eq!((code(&outcome), outcome.status), ("program.drift", StepStatus::Denied));
    assert_eq!(bench.read("made.txt"), None);
}

#[tokio::test]
async fn c22_an_input_that_changed_since_the_approval_stops_the_step() {
    let bench = Bench::new();
    bench.write("input", "approved");
    let mut run = writing(sh("cat input > copy.txt"), &["copy.txt"]);
    run.reads = vec![Read { path: "input".parse().unwrap(), digest: Some(Digest::of(b"approved")), tree: None }];
    assert_eq!(bench.one(run.clone()).await.status, StepStatus::Succeeded);
    bench.write("input", "altered");
    fs::remove_file(bench.workspace().join("copy.txt")).unwrap();
    let outcome = bench.one(run).await;
    assert_eq!((code(&outcome), outcome.status), ("input.drift", StepStatus::Denied));
    assert_eq!(bench.read("copy.txt"), None);
}

#[tokio::test]
async fn c02_a_script_is_the_one_in_the_plan_and_cannot_be_changed_by_its_step() {
    let bench = Bench::new();
    let content = "echo hello";
    let path = "pipelines/p/x.sh";
    let mut made = plan(vec![runs("a", "true")]);
    let mut run = sh("");
    run.argv = vec![Arg::Script(path.parse().unwrap())];
    let mut tamper = sh("echo evil >> \"$1\" || chmod 600 \"$1\" && echo evil >> \"$1\"");
    tamper.argv.extend([Arg::Literal("sh".into()), Arg::Script(path.parse().unwrap())]);
    made.steps = vec![step("good", vec![Action::Run(run)]), step("tamper", vec![Action::Run(tamper)])];
    made.scripts =
        vec![Script { path: path.parse().unwrap(), digest: Digest::of(content.as_bytes()), content: content.into() }];
    let ran = bench.run(made.clone(), bench.setting()).await;
    assert_eq!(output(&ran.step("good")), "hello\n");
    assert_eq!(ran.step("tamper").status, StepStatus::Failed);
    made.scripts[0].content.push_str("; evil");
    assert_eq!(code(&bench.run(made, bench.setting()).await.step("good")), "content.drift");
}

#[tokio::test]
async fn what_reads_back_finds_nothing_of_the_action_in_its_private_folders() {
    let bench = Bench::new();
    let mut one = step("one", vec![Action::Run(sh("echo x > $HOME/settings; echo x > $TMPDIR/file"))]);
    one.verify = vec![Action::Run(sh("ls -A $HOME $TMPDIR; test -z \"$(ls -A $HOME)$(ls -A $TMPDIR)\""))];
    let outcome = bench.run(plan(vec![one]), bench.setting()).await.step("one");
    assert_eq!(outcome.status, StepStatus::Succeeded, "{outcome:?}");
}

#[tokio::test]
async fn c06_places_outside_the_repository_are_opened_by_name_only() {
    let bench = Bench::new();
    fs::write(bench.outside().join("data"), "seen").unwrap();
    let data = bench.outside().join("data").display().to_string();
    let mut run = sh(&format!("cat {data}"));
    assert_eq!(bench.one(run.clone()).await.status, StepStatus::Failed);
    run.system_reads = vec![data.clone()];
    assert_eq!(output(&bench.one(run.clone()).await), "seen");
    let workspace = bench.workspace().display().to_string();
    let parent = bench.workspace().parent().unwrap().display().to_string();
    symlink(bench.outside().join("data"), bench.outside().join("link")).unwrap();
    let link = bench.outside().join("link").display().to_string();
    for bad in [
        "/",
        "/proc",
        "/proc/1",
        "/sys/kernel",
        "/dev",
        "/run",
        "etc",
        "/etc/../root",
        "/no/such",
        &workspace,
        &parent,
        &link,
    ] {
        run.system_reads = vec![bad.to_owned()];
        assert_eq!(code(&bench.one(run.clone()).await), "path.system", "{bad}");
    }
    let mut setting = bench.setting();
    setting.private = vec![bench.outside().to_path_buf()];
    run.system_reads = vec![data];
    let outcome = bench.run(plan(vec![step("one", vec![Action::Run(run)])]), setting).await.step("one");
    assert_eq!(code(&outcome), "path.system", "what is the runner's own");
}

#[tokio::test]
async fn ordinary_tools_work_in_the_sandbox() {
    let bench = Bench::new();
    git2::Repository::init(bench.workspace()).unwrap();
    bench.write("a.txt", "1\n");
    for (program, argv) in [
        (
            "/usr/bin/python3",
            vec![
                "-c",
                "import json,ssl,sqlite3,tempfile,subprocess,hashlib; tempfile.mkstemp(); print(subprocess.run(['/bin/echo','hi'],capture_output=True).stdout)",
            ],
        ),
        ("/usr/local/bin/git", vec!["-c", "safe.directory=*", "status", "--porcelain"]),
        ("/usr/bin/git", vec!["-c", "safe.directory=*", "status", "--porcelain"]),
        ("/usr/bin/sqlite3", vec![":memory:", "select 1"]),
        ("/usr/local/bin/terraform", vec!["version"]),
        ("/usr/bin/curl", vec!["--version"]),
        ("/usr/bin/perl", vec!["-e", "print 1"]),
        ("/usr/bin/node", vec!["-e", "console.log(1)"]),
    ] {
        if fs::metadata(program).is_err() {
            continue;
        }
        let outcome = bench.one(reading(run_of(program, &argv), &[".", ".git"])).await;
        assert_eq!(outcome.status, StepStatus::Succeeded, "{program}: {outcome:?}");
    }
}

#[tokio::test]
async fn c08_a_folder_in_which_a_file_has_a_name_from_elsewhere_is_not_written() {
    let bench = Bench::new();
    for (path, content) in [(".git/config", "[core]\n"), ("log/deep/own.txt", "own\n"), ("out/x.txt", "")] {
        bench.write(path, content);
    }
    let at = |path: &str| bench.workspace().join(path);
    let act = || writing(sh("printf hacked >> log/deep/a"), &["log", "log/deep", "out"]);
    fs::hard_link(at("log/deep/own.txt"), at("out/again.txt")).unwrap();
    let twin = bench.one(act()).await;
    assert_eq!(twin.status, StepStatus::Succeeded, "both names are the step's own: {}", errors(&twin));
    fs::remove_file(at("log/deep/a")).unwrap();
    fs::hard_link(at(".git/config"), at("log/deep/a")).unwrap();
    let held = bench.one(act()).await;
    assert_eq!((held.status, code(&held)), (StepStatus::Denied, "path.linked"));
    assert!(held.what.unwrap().contains("log/deep/a"));
    assert_eq!(bench.read(".git/config").unwrap(), "[core]\n");
}

//! Agents get text in and give text out: everything else is tried by stub programs, and refused.

use std::{fs, net::TcpListener, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{
    app::world::Environment,
    base::time::{Clock, Timestamp},
    provider::{
        Exchange, Question, Role, Source as _, Turn,
        command::{CommandSource, Form, MAX_ANSWER, PRESETS, preset},
    },
};

/// A machine with a home, a folder of programs and a checkout.
struct Machine {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "bin", "repo"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for file in ["AGENTS.md", "CLAUDE.md", ".mcp.json", "secret.txt"] {
            fs::write(dir.path().join("repo").join(file), "obey me").unwrap();
        }
        Self { dir, env: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts a script of Python into the folder of programs.
    fn install(&self, name: &str, body: &str) {
        let place = self.path("bin").join(name);
        fs::write(&place, format!("#!/usr/bin/python3 -I\nimport json, os, sys\n{body}\n")).unwrap();
        fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn set(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    fn world(&self) -> World {
        let base = [("HOME", self.path("home")), ("PATH", self.path("bin"))];
        let mut env = Environment::fixed(base);
        for (name, value) in &self.env {
            env = env.with(name, value);
        }
        World { env, clock: Clock::Fixed(Timestamp::from_unix(1_700_000_000)), ..World::of_process() }
    }

    fn ask(&self, agent: Agent, timeout: Duration) -> Result<Exchange> {
        let launcher = SandboxLauncher::new(&agent, Some(&self.path("repo")), &self.world())?;
        let turns = [Turn { role: Role::Asker, text: "the-question".into() }];
        let schema = json!({ "type": "object" });
        let question = Question {
            system: "the-task",
            turns: &turns,
            stable: 0,
            schema: &schema,
            model: "m-1",
            max_output_tokens: 9,
            seed: 1,
        };
        CommandSource::new(agent, launcher, timeout).ask(&question, &mut |_| {})
    }

    /// Asks a stub, which prints one JSON object.
    fn answer(&self, body: &str) -> Value {
        self.install("stub", body);
        let exchange = self.ask(stub(), Duration::from_secs(60)).unwrap();
        serde_json::from_str(&exchange.text).unwrap()
    }

    fn refusal(&self, body: &str, timeout: Duration) -> Refusal {
        self.install("stub", body);
        self.ask(stub(), timeout).unwrap_err()
    }
}

fn stub() -> Agent {
    Agent {
        name: "stub".into(),
        argv: vec!["stub".into(), "--quiet".into()],
        model_flag: Some("--model".into()),
        settings: vec![("STUB".into(), "1".into())],
        key_variables: vec!["STUB_KEY".into(), "STUB_TOKEN".into()],
        variables: vec!["STUB_REGION".into()],
        login: vec![".stub/login.json".into()],
        login_settings: vec![("STUB_LOGIN".into(), "1".into())],
        files: vec![(".stub/settings.json".into(), "{}".into())],
        reads: Vec::new(),
        network: false,
        form: Form::Plain,
    }
}

/// Tells of each expression whether it raised.
fn attempts(machine: &Machine, attacks: &[(&str, String)]) -> Value {
    let tries: String = attacks
        .iter()
        .map(|(name, code)| {
            format!(
                "try:\n    {code}\n    seen['{name}'] = 'done'\nexcept OSError as e:\n    seen['{name}'] = e.errno\n"
            )
        })
        .collect();
    machine.answer(&format!("import socket, subprocess\nseen = {{}}\n{tries}print(json.dumps(seen))"))
}

#[test]
fn d06_an_agent_reads_the_question_and_nothing_of_the_repository_or_the_home() {
    let machine = Machine::new();
    fs::write(machine.path("home").join("notes"), "private").unwrap();
    let open = |path: PathBuf| format!("open('{}').read()", path.display());
    let list = |path: PathBuf| format!("os.listdir('{}')", path.display());
    let repo = machine.path("repo");
    let mut attacks: Vec<(&str, String)> = ["AGENTS.md", "CLAUDE.md", ".mcp.json", "secret.txt"]
        .map(|file| (file, open(repo.join(file))))
        .into_iter()
        .collect();
    attacks.extend([
        ("repo", list(repo)),
        ("home", list(machine.path("home"))),
        ("notes", open(machine.path("home").join("notes"))),
        ("meminfo", "open('/proc/meminfo').read()".to_owned()),
        ("cmdline", "open(f'/proc/{os.getppid()}/cmdline').read()".to_owned()),
        ("processes", "os.listdir('/proc')".to_owned()),
        ("memory", "open('/proc/self/mem', 'r+b')".to_owned()),
        ("parent", "open(f'/proc/{os.getppid()}/environ').read()".to_owned()),
        ("shadow", "open('/etc/shadow').read()".to_owned()),
    ]);
    for (name, outcome) in attempts(&machine, &attacks).as_object().unwrap() {
        assert!(outcome.is_number(), "{name}: {outcome}");
    }
    // Of its own process it may read what the kernel tells, which no other's is.
    assert_eq!(attempts(&machine, &[("maps", "open('/proc/self/maps').read()".to_owned())])["maps"], "done");
    let seen = machine.answer("print(json.dumps({'in': sys.stdin.read(), 'cwd': os.listdir('.')}))");
    let prompt = seen["in"].as_str().unwrap();
    assert!(prompt.starts_with("the-task\n\nthe-question\n\n"), "{prompt}");
    assert_eq!(seen["cwd"], json!([]));
}

#[test]
fn d06_an_agent_writes_nothing_outside_its_private_folders() {
    let machine = Machine::new();
    let write = |path: PathBuf| format!("open('{}', 'w').write('x')", path.display());
    let attacks = [
        ("repo", write(machine.path("repo").join("secret.txt"))),
        ("new", write(machine.path("repo").join("new"))),
        ("home", write(machine.path("home").join(".bashrc"))),
        ("bin", write(machine.path("bin").join("git"))),
        ("tmp", write("/tmp/countersign-agent-made".into())),
        ("etc", write("/etc/countersign-agent-made".into())),
    ];
    for (name, outcome) in attempts(&machine, &attacks).as_object().unwrap() {
        assert!(outcome.is_number(), "{name}: {outcome}");
    }
    let own = [
        ("cwd", "open('x', 'w').write('x')".to_owned()),
        ("home", "open(os.environ['HOME'] + '/x', 'w').write('x')".to_owned()),
        ("tmp", "open(os.environ['TMPDIR'] + '/x', 'w').write('x')".to_owned()),
    ];
    for (name, outcome) in attempts(&machine, &own).as_object().unwrap() {
        assert_eq!(outcome, "done", "{name}");
    }
}

#[test]
fn d06_an_agent_opens_no_socket_unless_it_has_network_and_then_to_one_port() {
    let machine = Machine::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("socket.create_connection(('127.0.0.1', {port}), 5)");
    let listen = "socket.socket().bind(('127.0.0.1', 0))".to_owned();
    let unix = "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')".to_owned();
    let attacks = [("connect", connect), ("listen", listen), ("unix", unix)];
    for (name, outcome) in attempts(&machine, &attacks).as_object().unwrap() {
        assert!(outcome.is_number(), "{name}: {outcome}");
    }
    let body = format!(
        "import socket\ns = socket.socket()\ntry:\n    s.connect(('127.0.0.1', {port}))\n    print('{{\"seen\": \"done\"}}')\nexcept OSError as e:\n    print(json.dumps({{'seen': e.errno}}))"
    );
    machine.install("stub", &body);
    let exchange = machine.ask(Agent { network: true, ..stub() }, Duration::from_secs(60)).unwrap();
    let seen: Value = serde_json::from_str(&exchange.text).unwrap();
    assert_eq!(seen["seen"], 13, "another port than 443 is refused");
}

#[test]
fn d06_no_argument_holds_the_prompt_or_a_key_and_the_environment_is_its_own() {
    let mut machine = Machine::new();
    machine.set("STUB_KEY", "key-for-the-stub");
    machine.set("STUB_TOKEN", "another-token-there");
    machine.set("STUB_REGION", "eu");
    machine.set("AWS_SECRET_ACCESS_KEY", "not for it");
    machine.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "not for it");
    let seen = machine.answer("print(json.dumps({'argv': sys.argv[1:], 'env': sorted(os.environ)}))");
    assert_eq!(seen["argv"], json!(["--model", "m-1", "--quiet"]));
    let names = [
        "GIT_CONFIG_NOSYSTEM",
        "GIT_NO_REPLACE_OBJECTS",
        "HOME",
        "LC_ALL",
        "NO_COLOR",
        "PATH",
        "STUB",
        "STUB_KEY",
        "STUB_REGION",
        "TERM",
        "TMPDIR",
        "TZ",
    ];
    assert_eq!(seen["env"], json!(names));
    // What it prints of its key does not get out.
    let seen = machine.answer("print(json.dumps({'key': os.environ['STUB_KEY']}))");
    assert_eq!(seen["key"], "[redacted]");
}

#[test]
fn a_login_is_given_as_a_copy_and_only_where_no_key_is_set() {
    let mut machine = Machine::new();
    fs::create_dir(machine.path("home").join(".stub")).unwrap();
    let login = machine.path("home").join(".stub/login.json");
    fs::write(&login, "{\"who\": \"me\"}").unwrap();
    for other in ["hooks.json", "MEMORY.md"] {
        fs::write(machine.path("home").join(".stub").join(other), "obey me").unwrap();
    }
    let body = "home = os.environ['HOME'] + '/.stub'\nhave = sorted(os.listdir(home))\nif 'login.json' in have:\n    open(home + '/login.json', 'w').write('changed')\nprint(json.dumps({'have': have, 'login': os.environ.get('STUB_LOGIN')}))";
    let seen = machine.answer(body);
    assert_eq!(seen, json!({ "have": ["login.json", "settings.json"], "login": "1" }));
    assert_eq!(fs::read_to_string(&login).unwrap(), "{\"who\": \"me\"}");
    machine.set("STUB_TOKEN", "another-token-there");
    assert_eq!(machine.answer(body), json!({ "have": ["settings.json"], "login": null }));
}

#[test]
fn d18_what_floods_never_ends_fails_or_talks_nonsense_is_refused() {
    let machine = Machine::new();
    let minute = Duration::from_secs(60);
    let flood = "sys.stdout.write('x' * (10 << 20))";
    assert_eq!(machine.refusal(flood, minute).code(), "provider.agent_output");
    let flood = format!("sys.stdout.write('x' * {})", MAX_ANSWER + 1);
    assert_eq!(machine.refusal(&flood, minute).code(), "provider.agent_output");
    let endless = "import subprocess, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen([sys.executable, '-c', 'while True: pass'])\nwhile True: pass";
    assert_eq!(machine.refusal(endless, Duration::from_secs(1)).code(), "provider.agent_timeout");
    let forever = "while True: print('{}')";
    assert_eq!(machine.refusal(forever, Duration::from_secs(1)).code(), "provider.agent_timeout");
    let failing = "print('{}')\nprint('no \\x1b[31mquota', file=sys.stderr)\nsys.exit(3)";
    let refusal = machine.refusal(failing, minute);
    assert_eq!(refusal.code(), "provider.agent_failed");
    assert!(refusal.message().contains("code 3: no \\x1b[31mquota"), "{}", refusal.message());
    for garbage in ["sys.stdout.buffer.write(b'\\xff\\xfe')", "pass"] {
        assert_eq!(machine.refusal(garbage, minute).code(), "provider.agent_form", "{garbage}");
    }
    let leaving = "import subprocess\nsubprocess.Popen([sys.executable, '-c', 'while True: pass'])\nprint('{}')";
    assert_eq!(machine.refusal(leaving, minute).code(), "proc.leak");
}

#[test]
fn a_long_question_is_read_whole_and_one_that_is_not_read_holds_nothing_up() {
    let machine = Machine::new();
    machine.install("stub", "n = len(sys.stdin.buffer.read())\nprint(json.dumps({'n': n}))");
    let ask = |machine: &Machine| {
        let launcher = SandboxLauncher::new(&stub(), None, &machine.world()).unwrap();
        let turns = [Turn { role: Role::Asker, text: "x".repeat(1 << 20) }];
        let schema = json!({});
        let question = Question {
            system: "",
            turns: &turns,
            stable: 0,
            schema: &schema,
            model: "",
            max_output_tokens: 9,
            seed: 1,
        };
        CommandSource::new(stub(), launcher, Duration::from_secs(60)).ask(&question, &mut |_| {}).unwrap()
    };
    let exchange = ask(&machine);
    assert_eq!(exchange.text, format!("{{\"n\": {}}}", exchange.sent.len()));
    machine.install("stub", "print('{}')");
    assert_eq!(ask(&machine).text, "{}");
}

#[test]
fn a_program_of_the_repository_is_no_agent() {
    let machine = Machine::new();
    machine.install("stub", "print('{}')");
    fs::rename(machine.path("bin/stub"), machine.path("repo/stub")).unwrap();
    let mut world = machine.world();
    world.env = world.env.with("PATH", machine.path("repo"));
    let launcher = SandboxLauncher::new(&stub(), Some(&machine.path("repo")), &world).unwrap();
    let schema = json!({});
    let question =
        Question { system: "", turns: &[], stable: 0, schema: &schema, model: "", max_output_tokens: 9, seed: 1 };
    let refusal =
        CommandSource::new(stub(), launcher, Duration::from_secs(60)).ask(&question, &mut |_| {}).unwrap_err();
    assert_eq!(refusal.code(), "path.system");
    assert_eq!(find(&stub(), &machine.world()).unwrap_err().code(), "provider.agent_missing");
    world.env = world.env.with("PATH", "repo:.:");
    assert_eq!(
        find(&stub(), &world).unwrap_err().code(),
        "provider.agent_missing",
        "only absolute folders of PATH count"
    );
}

#[test]
fn a_script_of_node_starts_where_there_is_node() {
    if !Path::new("/usr/bin/node").is_file() {
        return;
    }
    let mut machine = Machine::new();
    let package = machine.path("lib/node_modules/@maker/agent");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("part.js"), "module.exports = (text) => JSON.stringify({ length: text.length })").unwrap();
    let body = "#!/usr/bin/env node\nconst part = require('./part.js');\nlet all = '';\nprocess.stdin.on('data', (d) => { all += d; });\nprocess.stdin.on('end', () => console.log(part(all)));\n";
    fs::write(package.join("stub.js"), body).unwrap();
    fs::set_permissions(package.join("stub.js"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(package.join("stub.js"), machine.path("bin/stub")).unwrap();
    machine.set("PATH", &format!("{}:/usr/bin", machine.path("bin").display()));
    let exchange = machine.ask(stub(), Duration::from_secs(60)).unwrap();
    assert_eq!(exchange.text, format!("{{\"length\":{}}}", exchange.sent.len()));
}

#[test]
fn every_preset_runs_a_program_of_its_name_with_its_flags_and_takes_its_answer_out() {
    for known in PRESETS {
        let machine = Machine::new();
        let reply = match known.form {
            Form::Plain => "print('{\"argv\": %s}' % json.dumps(sys.argv[1:]))".to_owned(),
            Form::Claude => "print(json.dumps({'is_error': False, 'result': json.dumps({'argv': sys.argv[1:]})}))".into(),
            Form::Gemini => "print(json.dumps({'response': json.dumps({'argv': sys.argv[1:]})}))".into(),
            Form::Codex => "print(json.dumps({'type': 'item.completed', 'item': {'type': 'agent_message', 'text': json.dumps({'argv': sys.argv[1:]})}}))".into(),
        };
        machine.install(known.id, &format!("assert 'the-question' in sys.stdin.read()\n{reply}"));
        let exchange = machine.ask(preset(known.id).unwrap().agent(), Duration::from_secs(60)).unwrap();
        let seen: Value = serde_json::from_str(&exchange.text).unwrap();
        let mut expected: Vec<&str> = known.argv.to_vec();
        let at = usize::from(!known.argv[0].starts_with('-'));
        expected.splice(at..at, ["--model", "m-1"]);
        assert_eq!(seen["argv"], json!(expected), "{}", known.id);
        assert_eq!(exchange.model.as_deref(), Some("m-1"));
    }
}

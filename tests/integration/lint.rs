//! What `directives check`, `pipelines check` and `policy check` say of what lies in the work tree.

use std::{fs, os::unix::fs::symlink};

use serde_json::Value;

use super::{
    scene::{key_file, solo},
    support::{Bench, Ran},
};

/// The findings of a check that refuses: file, line, column, code and message.
#[track_caller]
fn found(bench: &Bench, line: &[&str]) -> Vec<(String, u64, u64, String, String)> {
    let ran = bench.json(line).refused(2, "check.findings");
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = ran.json()["result"]["findings"].as_array().unwrap().clone();
    findings
        .iter()
        .map(|one| {
            let number = |name: &str| one[name].as_u64().unwrap_or_default();
            (text(one, "file"), number("line"), number("column"), text(one, "code"), text(one, "message"))
        })
        .collect()
}

/// The file and the code of each finding.
#[track_caller]
fn codes(bench: &Bench, line: &[&str]) -> Vec<(String, String)> {
    found(bench, line).into_iter().map(|(file, _, _, code, _)| (file, code)).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(file, code)| ((*file).to_owned(), (*code).to_owned())).collect()
}

const DIRECTIVES: &[&str] = &["directives", "check"];
const PIPELINES: &[&str] = &["pipelines", "check"];
const POLICY: &[&str] = &["policy", "check"];

#[test]
fn a_link_is_a_finding_that_shows_nothing_of_what_it_names() {
    let bench = solo();
    let key = key_file(&bench, "ada", "ada");
    let secret = fs::read_to_string(&key).unwrap();
    let body = secret.lines().nth(1).unwrap();
    let quiet = |ran: &Ran| {
        let told = ran.stdout.clone() + &ran.stderr;
        assert!(!told.contains(body) && !told.contains("PRIVATE KEY"), "{told}");
    };
    symlink(&key, bench.path("pipelines/leak.yml")).unwrap();
    symlink(&key, bench.path("directives/leak.md")).unwrap();
    symlink(key.parent().unwrap(), bench.path("directives/keys")).unwrap();
    fs::create_dir(bench.path("pipelines/look")).unwrap();
    symlink(&key, bench.path("pipelines/look/script.py")).unwrap();
    for line in [DIRECTIVES, PIPELINES, &["pipelines", "show", "leak"], &["pipelines", "list"], &["directives", "list"]]
    {
        quiet(&bench.json(line));
        quiet(&bench.run(line));
    }
    assert_eq!(
        codes(&bench, DIRECTIVES),
        pairs(&[("directives/leak.md", "worktree.link"), ("directives/keys", "worktree.link")])
    );
    assert_eq!(
        codes(&bench, PIPELINES),
        pairs(&[("pipelines/leak.yml", "worktree.link"), ("pipelines/look/script.py", "worktree.link")])
    );
    let shown = bench.json(&["pipelines", "show", "leak"]).refused(2, "definition.invalid");
    assert!(shown.stderr.contains("`pipelines/leak.yml` is a symbolic link"), "{}", shown.stderr);
    assert!(shown.stderr.contains("`countersign pipelines check` shows all"), "{}", shown.stderr);
    fs::remove_file(bench.path(".countersign/policy.yml")).unwrap();
    symlink(&key, bench.path(".countersign/policy.yml")).unwrap();
    quiet(&bench.json(POLICY));
    assert_eq!(codes(&bench, POLICY), pairs(&[(".countersign/policy.yml", "worktree.link")]));
}

#[test]
fn a_folder_that_is_a_link_is_not_gone_through() {
    for folder in ["directives", "pipelines", ".countersign"] {
        let bench = solo();
        fs::rename(bench.path(folder), bench.outside("elsewhere")).unwrap();
        symlink(bench.outside("elsewhere"), bench.path(folder)).unwrap();
        let line = if folder == ".countersign" { &["policy", "check"] } else { &[folder, "check"] };
        let found = codes(&bench, line);
        assert!(found.iter().all(|(_, code)| code == "worktree.link") && found.len() == 1, "{folder}: {found:?}");
    }
}

#[test]
fn a_plan_of_a_directive_that_is_a_link_at_the_base_says_so() {
    let bench = solo();
    symlink("look.md", bench.path("directives/sym.md")).unwrap();
    symlink("../docs", bench.path("directives/other")).unwrap();
    bench.commit("Link");
    for (named, link) in [("sym", "`directives/sym.md`"), ("directives/other/look.md", "`directives/other`")] {
        let ran = bench.json(&["plan", named]).refused(2, "worktree.link");
        assert!(ran.stderr.contains(&format!("{link} is a symbolic link at refs/heads/main")), "{}", ran.stderr);
        assert!(!ran.stderr.contains("did you mean"), "{}", ran.stderr);
    }
}

#[test]
fn what_cannot_be_read_as_a_definition_is_never_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;
    let bench = solo();
    let inside = |path: &[u8]| bench.repo().join(std::ffi::OsStr::from_bytes(path));
    let good = bench.read("directives/look.md");
    for name in ["directives/x.markdown", "directives/x.MD", "pipelines/x.YML", "pipelines/nest/y.yml"] {
        bench.write(name, &good);
    }
    fs::write(inside(b"directives/\xff.md"), &good).unwrap();
    fs::create_dir(bench.path("directives/folder.md")).unwrap();
    symlink("nowhere", bench.path("pipelines/dangling.yml")).unwrap();
    fs::create_dir(bench.path("pipelines/folder.yml")).unwrap();
    let fifo = bench.path("pipelines/pipe.yml");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert_eq!(
        codes(&bench, DIRECTIVES),
        pairs(&[
            ("directives/folder.md", "worktree.file"),
            ("directives/\u{fffd}.md", "text.unsafe"),
            ("directives/x.MD", "directive.ending"),
            ("directives/x.markdown", "directive.ending"),
        ])
    );
    assert_eq!(
        codes(&bench, PIPELINES),
        pairs(&[
            ("pipelines/dangling.yml", "worktree.link"),
            ("pipelines/folder.yml", "worktree.file"),
            ("pipelines/pipe.yml", "worktree.file"),
            ("pipelines/nest/y.yml", "pipeline.script"),
            ("pipelines/x.YML", "pipeline.ending"),
        ])
    );
}

#[test]
fn a_directive_in_a_folder_is_planned_and_so_it_is_checked() {
    let bench = solo();
    bench.write("directives/sub/glance.md", bench.read("directives/look.md"));
    bench.commit("Deeper");
    bench.json(&["plan", "directives/sub/glance.md"]).exits(0);
    let checked = bench.json(DIRECTIVES).exits(0).json();
    assert_eq!(checked["result"]["checked"], 5);
    bench.write("directives/sub/glance.md", "nothing");
    assert_eq!(codes(&bench, DIRECTIVES), pairs(&[("directives/sub/glance.md", "directive.format")]));
}

#[test]
fn a_folder_of_definitions_that_is_none_is_a_finding() {
    for (folder, code) in [("directives", "worktree.file"), ("pipelines", "worktree.file")] {
        let bench = solo();
        fs::remove_dir_all(bench.path(folder)).unwrap();
        bench.write(folder, "text");
        assert_eq!(codes(&bench, &[folder, "check"]), pairs(&[(folder, code)]));
        let listed = bench.run(&[folder, "list"]).exits(0).stdout;
        assert!(listed.contains("1 finding beside them"), "{listed}");
    }
}

#[test]
fn what_git_ignores_beside_a_script_is_no_script() {
    let bench = solo();
    bench.write(".gitignore", "*.pyc\n");
    bench.write("pipelines/look/__pycache__/x.pyc", b"\xff");
    bench.json(PIPELINES).exits(0);
    bench.write("pipelines/look/deep/x.py", "");
    assert!(codes(&bench, PIPELINES).contains(&("pipelines/look/deep/x.py".into(), "pipeline.script".into())));
}

#[test]
fn one_file_that_is_too_large_is_a_finding_among_the_others() {
    let bench = solo();
    bench.write("directives/large.md", vec![b'a'; (1 << 20) + 1]);
    bench.write("directives/other.md", "nothing");
    assert_eq!(
        codes(&bench, DIRECTIVES),
        pairs(&[("directives/large.md", "limit.size"), ("directives/other.md", "directive.format")])
    );
    bench.write("pipelines/large.yml", vec![b'a'; (1 << 20) + 1]);
    bench.write("pipelines/look/large.py", vec![b'a'; (1 << 20) + 1]);
    assert_eq!(
        codes(&bench, PIPELINES),
        pairs(&[
            ("pipelines/large.yml", "limit.size"),
            ("pipelines/look/large.py", "pipeline.script"),
            ("pipelines/look/large.py", "limit.size"),
        ])
    );
}

// What a file says.

/// Replaces text of a file of the work tree.
#[track_caller]
fn edit(bench: &Bench, path: &str, from: &str, to: &str) {
    let text = bench.read(path);
    assert!(text.contains(from), "{from}: {text}");
    bench.write(path, text.replacen(from, to, 1));
}

/// The place, the code and the help of each finding in one file.
#[track_caller]
fn told(bench: &Bench, line: &[&str], file: &str) -> Vec<(u64, u64, String, String)> {
    let ran = bench.json(line).refused(2, "check.findings").json();
    let of_file = ran["result"]["findings"].as_array().unwrap().iter().filter(|one| one["file"] == file);
    of_file
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (one["line"].as_u64().unwrap_or(0), one["column"].as_u64().unwrap_or(0), text("code"), text("help"))
        })
        .collect()
}

#[test]
fn a_name_in_the_policy_that_nothing_has_is_a_finding_with_its_place() {
    let rule = "rules:\n  - id: stop\n    when: {pipelines: [look, lok]}\n    then: {deny: no}\n  - id: stop-directives\n    when: {directives: [marc]}\n    then: {deny: no}\n";
    let bench = solo();
    edit(&bench, ".countersign/policy.yml", "rules:\n", &rule.replace("deny: no", "deny: 'no'"));
    let text = bench.read(".countersign/policy.yml");
    let at = |part: &str| {
        let (n, line) = text.lines().enumerate().find(|(_, line)| line.contains(part)).unwrap();
        (n as u64 + 1, line.find(part).unwrap() as u64 + 1)
    };
    let expected = [("lok]", "did you mean `look`?"), ("marc]", "did you mean `mark`?")]
        .map(|(part, help)| (at(part).0, at(part).1, "policy.unused".to_owned(), help.to_owned()));
    assert_eq!(told(&bench, POLICY, ".countersign/policy.yml"), expected);
}

#[test]
fn a_planner_that_there_is_not_keeps_a_policy_and_a_directive_from_being_read() {
    let bench = solo();
    let rule =
        "planning: {planners: [fixd]}\nrules:\n  - id: stop\n    when: {planner: [modell]}\n    then: {deny: 'no'}\n";
    edit(&bench, ".countersign/policy.yml", "rules:\n", rule);
    let found = told(&bench, POLICY, ".countersign/policy.yml");
    let shown: Vec<_> = found.iter().map(|(_, column, code, help)| (*column, code.as_str(), help.as_str())).collect();
    assert_eq!(shown, [(23, "yaml.value", "did you mean `fixed`?"), (22, "yaml.value", "did you mean `model`?")]);
    edit(&bench, "directives/look.md", "title: Look\n", "title: Look\nplanner: fixd\n");
    assert!(told(&bench, DIRECTIVES, "directives/look.md").contains(&(
        3,
        10,
        "yaml.value".into(),
        "did you mean `fixed`?".into()
    )));
}

#[test]
fn entries_that_can_have_no_effect_are_told_beside_what_keeps_a_policy_from_compiling() {
    let bench = solo();
    let rule = "rules:\n  - id: odd\n    when: {network: none, hosts: any}\n    then: {needsApproval: {people: 1}}\n  - id: bad\n    when: {effekt: {atMost: read}}\n    then: permit\n";
    edit(&bench, ".countersign/policy.yml", "rules:\n", rule);
    edit(&bench, ".countersign/policy.yml", "expires:", "expires: soon #");
    let codes: Vec<_> =
        told(&bench, POLICY, ".countersign/policy.yml").into_iter().map(|(_, _, code, _)| code).collect();
    assert_eq!(codes, ["time.format", "policy.unused", "policy.unbounded", "yaml.field_unknown"]);
}

#[test]
fn findings_of_every_kind_in_a_directive_come_in_one_pass() {
    let bench = solo();
    bench.write(
        "directives/bad.md",
        "---\ntitle: [x]\npipelines: [mark, lok, nope]\ninputs: {a: {type: strng}}\ngate: [kee]\nlifetime: 5\ncontext: x\nceiling: {effect: write}\nsteps:\n  - {id: a, pipeline: mark, with: {text: '{{ input.a }}'}}\n  - {id: b, pipeline: mark, with: {txt: '{{ inputs.a }}'}}\n  - {id: c, pipeline: mark, with: {text: '{{ inputs.zz }}'}}\n---\nx\n",
    );
    let found = told(&bench, DIRECTIVES, "directives/bad.md");
    let shown: Vec<_> = found.iter().map(|(line, _, code, _)| (*line, code.as_str())).collect();
    assert_eq!(
        shown,
        [
            (2, "yaml.type"),
            (3, "pipeline.unknown"),
            (3, "pipeline.unknown"),
            (4, "yaml.value"),
            (5, "yaml.value"),
            (6, "yaml.type"),
            (7, "yaml.type"),
            (10, "template.format"),
            (11, "directive.with"),
            (12, "input.unknown"),
        ]
    );
    assert_eq!(found[5].3, "write 5m, 5h or 5d");
}

#[test]
fn findings_of_every_kind_in_a_pipeline_come_in_one_pass() {
    let bench = solo();
    bench.write(
        "pipelines/bad.yml",
        "descripton: x\neffect: read\nactions:\n  - write: {path: a.txt, contents: x}\n  - run: {program: curl, argv: [], env: {LD_PRELOAD: x, PATHS: z}, secrets: [TOKEN], netwrok: []}\n  - run: {program: sha256sum, argv: ['{{ scripts.no.py }}']}\nverify:\n  - run: {program: sha256sum, argv: [], writes: [a.txt]}\n",
    );
    let found = told(&bench, PIPELINES, "pipelines/bad.yml");
    let shown: Vec<_> = found.iter().map(|(line, column, code, _)| (*line, *column, code.as_str())).collect();
    assert_eq!(
        shown,
        [
            (1, 1, "yaml.field_unknown"),
            (1, 1, "yaml.field_missing"),
            (2, 9, "pipeline.effect"),
            (4, 12, "yaml.field_missing"),
            (4, 26, "yaml.field_unknown"),
            (5, 20, "pipeline.program"),
            (5, 42, "env.denied"),
            (5, 78, "pipeline.secret"),
            (5, 86, "yaml.field_unknown"),
            (6, 38, "pipeline.script"),
            (8, 5, "pipeline.effect"),
        ]
    );
}

#[test]
fn a_pipeline_that_cannot_be_read_is_told_once_and_no_directive_is_told_that_it_is_not_there() {
    let bench = solo();
    edit(&bench, "pipelines/look.yml", "effect:", "efect:");
    let all = found(&bench, DIRECTIVES);
    let shown: Vec<_> = all.iter().map(|(file, _, _, code, _)| (file.as_str(), code.as_str())).collect();
    assert_eq!(shown, [("pipelines/look.yml", "definition.invalid")]);
    assert!(all[0].4.contains("2 findings"), "{}", all[0].4);
    edit(&bench, "directives/mark.md", "pipelines: [mark]", "pipelines: [marc]");
    let helps: Vec<_> =
        told(&bench, DIRECTIVES, "directives/mark.md").into_iter().map(|(_, _, _, help)| help).collect();
    assert_eq!(helps, ["did you mean `mark`?", ""]);
}

#[test]
fn what_could_not_be_read_in_a_directive_makes_nothing_else_wrong() {
    let bench = solo();
    for (from, to, code) in [
        ("ceiling: {effect: analyze, risk: low}", "ceiling: {effect: analyse, risk: low}", "yaml.value"),
        ("ceiling: {effect: analyze, risk: low}", "ceiling: analyze", "yaml.type"),
        ("pipelines: [look]", "pipelines: look", "yaml.type"),
        ("{id: look, pipeline: look}", "{id: look, pipeline: look, needs: look}", "yaml.type"),
    ] {
        let before = bench.read("directives/look.md");
        edit(&bench, "directives/look.md", from, to);
        assert_eq!(codes(&bench, DIRECTIVES), pairs(&[("directives/look.md", code)]), "{to}");
        bench.write("directives/look.md", before);
    }
}

#[test]
fn what_the_policy_would_refuse_in_any_plan_is_a_finding() {
    let bench = solo();
    edit(&bench, "directives/look.md", "title: Look\n", "title: Look\nenvironment: prod\n");
    let step = |n: usize| format!("  - {{id: s{n}, pipeline: look}}\n");
    let steps: String = (0..101).map(step).collect();
    bench.write(
        "directives/many.md",
        format!("---\ntitle: Many\npipelines: [look]\nceiling: {{effect: analyze}}\nsteps:\n{steps}---\nx\n"),
    );
    let environment = told(&bench, DIRECTIVES, "directives/look.md");
    assert_eq!((environment[0].0, environment[0].1, environment[0].2.as_str()), (3, 14, "policy.environment"));
    let many = told(&bench, DIRECTIVES, "directives/many.md");
    assert_eq!((many.len(), many[0].0, many[0].2.as_str()), (1, 106, "policy.limit"));
    bench.write(".countersign/policy.yml", "version: 1\n");
    let broken = codes(&bench, PIPELINES);
    assert_eq!(broken, pairs(&[(".countersign/policy.yml", "definition.invalid")]));
}

#[test]
fn a_file_that_is_not_utf8_is_told_with_the_place() {
    let bench = solo();
    bench.write("directives/bad.md", b"---\ntitle: \xff\n---\n");
    bench.write("pipelines/bad.yml", b"description: \xff\n");
    bench.write("pipelines/look/x.py", b"x = '\xff'\n");
    assert_eq!(told(&bench, DIRECTIVES, "directives/bad.md")[0].1, 8);
    assert_eq!(told(&bench, PIPELINES, "pipelines/bad.yml")[0].1, 14);
    assert_eq!(told(&bench, PIPELINES, "pipelines/look/x.py")[0].1, 6);
}

#[test]
fn a_pipeline_is_shown_with_everything_that_holds() {
    let bench = solo();
    bench.write(
        "pipelines/full.yml",
        "description: All there is.\neffect: analyze\ninputs:\n  num: {type: integer, required: true, min: 1, max: 9}\n  w: {type: enum, values: [a, b], default: a}\noutputs: {o: {type: string, pattern: '[a-z]+', from: {stdoutLine: 'o='}}}\nactions:\n  - run: {program: sha256sum, argv: ['{{ inputs.w }}'], network: ['example.com:443'], reads: [a]}\n  - run: {program: sha256sum, argv: ['{{ inputs.num }}']}\n",
    );
    let ran = bench.json(&["pipelines", "show", "full"]).exits(0).json();
    let shown = &ran["result"];
    assert_eq!(
        (&shown["inputs"]["num"]["type"], &shown["inputs"]["num"]["required"]),
        (&"integer".into(), &true.into())
    );
    assert_eq!((&shown["inputs"]["w"]["default"], &shown["inputs"]["num"]["max"]), (&"a".into(), &9.into()));
    assert_eq!((&shown["onFailure"], &shown["timeoutSeconds"]), (&"halt".into(), &300.into()));
    assert_eq!(shown["actions"][0]["run"]["network"][0], "example.com:443");
    assert_eq!(shown["outputs"]["o"]["from"]["stdoutLine"], "o=");
    let text = bench.run(&["pipelines", "show", "full"]).exits(0).stdout;
    for line in [
        "onFailure: halt",
        "  o: {type: string, pattern: \"[a-z]+\", maxLength: 1000, from: {stdoutLine: \"o=\"}}",
        "  num: {type: integer, required: true, min: 1, max: 9, dash: false}",
        "  - run: {program: sha256sum, argv: [\"{{ inputs.num }}\"], cwd: \".\", env: {}, reads: [], writes: [], systemReads: [], network: [], secrets: [], okCodes: [0], limits: {diskMib: {value: 65536, declared: false}, fileMib: {value: 4096, declared: false}, memoryMib: {value: 8192, declared: false}, processes: {value: 4096, declared: false}, processorSeconds: {value: 86400, declared: false}, stepMemoryMib: {value: 16384, declared: false}}}",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
}

#[test]
fn what_is_wrong_with_an_input_of_a_plan_sends_nobody_to_the_files() {
    let bench = solo();
    let ran = bench.json(&["plan", "mark", "-i", "count=x"]).refused(2, "definition.invalid");
    assert!(ran.stderr.contains("`x` is not an integer") && !ran.stderr.contains("directives check"), "{}", ran.stderr);
    let ran = bench.json(&["plan", "mark", "--expires", "99d"]).refused(2, "expiry.too_long");
    assert!(ran.stderr.contains("99d asked for, 1d allowed"), "{}", ran.stderr);
}

#[test]
fn two_directives_of_one_name_are_found_and_never_planned() {
    let bench = solo();
    fs::create_dir(bench.path("directives/sub")).unwrap();
    fs::copy(bench.path("directives/mark.md"), bench.path("directives/sub/mark.md")).unwrap();
    let found = told(&bench, DIRECTIVES, "directives/sub/mark.md");
    assert_eq!(found.iter().map(|one| one.2.as_str()).collect::<Vec<_>>(), ["directive.name_twice"]);
    bench.commit("A second one");
    for named in ["mark", "directives/sub/mark.md"] {
        bench.json(&["plan", named, "--no-record"]).refused(5, "directive.name_twice");
    }
    assert!(bench.run(&["directives", "list"]).exits(0).stdout.contains("directives/sub/mark.md"));
}

/// The place, the code and the message of each finding in one file.
#[track_caller]
fn said(bench: &Bench, line: &[&str], file: &str) -> Vec<(u64, u64, String, String)> {
    let all = found(bench, line).into_iter().filter(|one| one.0 == file);
    all.map(|(_, line, column, code, message)| (line, column, code, message)).collect()
}

/// A tag, a program in a folder, a file: whatever its inputs say.
const MADE: &str = "description: Make what the inputs say.
effect: write
idempotent: true
inputs:
  tag: {type: string, default: v1}
  folder: {type: path, default: docs}
  content: {type: string, default: x, max: 200000}
outputs: {sum: {type: digest, from: {fileDigest: made.txt}}}
evidence: [sum]
actions:
  - write: {path: made.txt, content: '{{ inputs.content }}', replace: true}
  - tag: {name: '{{ inputs.tag }}', message: Made.}
  - run: {program: sha256sum, argv: [made.txt], cwd: '{{ inputs.folder }}', reads: [made.txt]}
verify:
  - run: {program: sha256sum, argv: [made.txt], reads: [made.txt]}
";

/// The text at which something is found, its code, and what its message holds.
type Says = (&'static str, &'static str, &'static str);

/// The lines, and what is found of each: the text at which, the code, and what the message holds.
const STEPS: [(&str, Option<Says>); 19] = [
    ("{id: good, pipeline: made, with: {tag: v1.2.3, folder: docs}}", None),
    ("{id: tag, pipeline: made, with: {tag: v1..2}}", Some(("v1..2", "plan.step", "`v1..2` is no name of a tag"))),
    ("{id: lock, pipeline: made, with: {tag: a.lock}}", Some(("a.lock", "plan.step", "`a.lock` is no name of a tag"))),
    ("{id: cwd, pipeline: made, with: {folder: .git}}", Some((".git", "path.invalid", "no program runs in `.git`"))),
    ("{id: deep, pipeline: made, with: {folder: a/.git/b}}", Some(("a/.git", "path.invalid", "no program runs in"))),
    (
        "{id: twice, pipeline: made, forEach: {list: [a, b, a]}, with: {tag: '{{ item }}'}}",
        Some(("a]", "directive.items", "`a` is there twice")),
    ),
    (
        "{id: unfit, pipeline: made, forEach: {list: [a, b..c]}, with: {tag: '{{ item }}'}}",
        Some(("b..c", "plan.step", "`b..c` is no name of a tag")),
    ),
    (
        "{id: none, pipeline: made, forEach: {list: []}, with: {tag: '{{ item }}'}}",
        Some(("{list", "directive.items", "there is no item")),
    ),
    (
        "{id: glob, pipeline: made, forEach: {files: ['[']}, with: {tag: '{{ item }}'}}",
        Some(("'['", "planner.context", "`[` is no pattern")),
    ),
    (
        "{id: globs, pipeline: made, forEach: {files: ['*.md', 'x/[a']}, with: {tag: '{{ item }}'}}",
        Some(("'x/[a", "planner.context", "`x/[a` is no pattern")),
    ),
    ("{id: fits, pipeline: made, forEach: {list: [a, b]}, with: {tag: '{{ item }}'}}", None),
    ("{id: asks, pipeline: made, with: {tag: '{{ inputs.given }}'}}", None),
    (
        "{id: default, pipeline: made, with: {tag: '{{ inputs.bad }}'}}",
        Some(("{id", "plan.step", "`no..tag` is no name of a tag")),
    ),
    // What the check of the definitions finds is not told once more by drafting.
    ("{id: odd, pipeline: made, with: {bogus: b}}", Some(("bogus: b", "directive.with", "has no input `bogus`"))),
    ("{id: many, pipeline: made, with: {many: 10}}", Some(("10", "value.bounds", "the number 10"))),
    (
        "{id: gives, pipeline: made, needs: [good], with: {content: '{{ steps.good.outputs.nope }}'}}",
        Some(("'{{ steps", "directive.with", "has no output `nope`")),
    ),
    (
        "{id: lacks, pipeline: asks, forEach: {list: [a, b, c]}, with: {more: '{{ item }}'}}",
        Some(("{id", "directive.with", "hands no `must`")),
    ),
    // One cause is one finding, whatever the items.
    (
        "{id: same, pipeline: made, forEach: {list: [p, q, r]}, with: {tag: '{{ inputs.bad }}', content: '{{ item }}'}}",
        Some(("{id", "plan.step", "`no..tag` is no name of a tag")),
    ),
    // The step has the name of an item that is not to blame.
    (
        "{id: b, pipeline: made, forEach: {list: [x, x, b]}, with: {tag: '{{ item }}'}}",
        Some(("x, b]", "directive.items", "`x` is there twice")),
    ),
];

/// What needs an input, for whatever is repeated without it.
const ASKS: &str = "description: Write what it is handed.
effect: write
idempotent: true
inputs:
  must: {type: string, required: true}
  more: {type: string, default: x}
outputs: {sum: {type: digest, from: {fileDigest: asks.txt}}}
evidence: [sum]
actions:
  - write: {path: asks.txt, content: '{{ inputs.must }}{{ inputs.more }}', replace: true}
  - run: {program: sha256sum, argv: [asks.txt], reads: [asks.txt]}
verify:
  - run: {program: sha256sum, argv: [asks.txt], reads: [asks.txt]}
";

#[test]
fn what_planning_would_refuse_whatever_the_inputs_is_a_finding_of_the_check() {
    let bench = solo();
    let made = MADE
        .replace("outputs:", "  many: {type: integer, default: 1, min: 1, max: 9}\noutputs:")
        .replace("message: Made.", "message: 'Made {{ inputs.many }} times.'");
    bench.write("pipelines/made.yml", made);
    bench.write("pipelines/asks.yml", ASKS);
    bench.write("docs/a.md", "a\n");
    let directive = |steps: &[&str]| {
        let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        format!(
            "---\ntitle: Make\npipelines: [made, asks]\ninputs:\n  given: {{type: string}}\n  bad: {{type: string, default: no..tag}}\n\
             ceiling: {{effect: write, risk: low}}\nsteps:\n{steps}---\nMakes.\n"
        )
    };
    let all: Vec<&str> = STEPS.iter().map(|(step, _)| *step).collect();
    bench.write("directives/made.md", directive(&all));
    let expected: Vec<_> = STEPS.iter().enumerate().filter_map(|(n, (_, found))| Some((n, (*found)?))).collect();
    let found = said(&bench, DIRECTIVES, "directives/made.md");
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((line, column, code, message), (n, (at, reason, says))) in found.iter().zip(&expected) {
        let place = (*n as u64 + 9, STEPS[*n].0.rfind(at).unwrap() as u64 + 5);
        assert_eq!((*line, *column, code.as_str()), (place.0, place.1, *reason), "{message}");
        assert!(message.contains(says), "{message}");
    }
    // Planning says the same of each.
    for (_, (n, (_, reason, says))) in found.iter().zip(&expected) {
        bench.write("directives/made.md", directive(&[STEPS[0].0, STEPS[*n].0]));
        bench.commit("One step beside a good one");
        let ran = bench.json(&["plan", "made", "-i", "given=v2", "--no-record"]);
        assert!(ran.code != 0 && ran.stderr.contains(&format!("[{reason}]")), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    let good: Vec<&str> = STEPS.iter().filter(|(_, found)| found.is_none()).map(|(step, _)| *step).collect();
    bench.write("directives/made.md", directive(&good));
    bench.json(DIRECTIVES).exits(0);
    bench.commit("Good steps");
    bench.json(&["plan", "made", "-i", "given=v2", "--no-record"]).exits(0);
}

#[test]
fn what_no_step_of_a_pipeline_could_do_is_a_finding_of_the_check() {
    let bench = solo();
    edit(&bench, ".countersign/policy.yml", "stepTimeout: 1h", "stepTimeout: 2m");
    let long = "x".repeat(100_001);
    let bad = MADE
        .replace("idempotent: true\n", "idempotent: true\ntimeout: 3m\n")
        .replace("'{{ inputs.content }}'", &long)
        .replace("'{{ inputs.tag }}'", "v1..2")
        .replace("'{{ inputs.folder }}'", ".git");
    bench.write("pipelines/made.yml", bad);
    let found = said(&bench, PIPELINES, "pipelines/made.yml");
    let places: Vec<_> = found.iter().map(|(line, column, code, _)| (*line, *column, code.as_str())).collect();
    assert_eq!(
        places,
        [(4, 10, "policy.limit"), (12, 38, "limit.string"), (13, 17, "pipeline.action"), (14, 54, "path.invalid")],
        "{found:#?}"
    );
    assert!(found[0].3.contains("a timeout of 3m, and the policy says at most 2m"), "{found:#?}");
    // Whoever uses it is told too.
    bench.write("pipelines/made.yml", MADE.replace("idempotent: true\n", "idempotent: true\ntimeout: 3m\n"));
    bench.write(
        "directives/made.md",
        "---\ntitle: Make\npipelines: [made]\nceiling: {effect: write, risk: low}\nsteps:\n  - {id: made, pipeline: made}\n---\nMakes.\n",
    );
    let used = said(&bench, DIRECTIVES, "directives/made.md");
    let why = "the pipeline `made` has a timeout of 3m, and the policy says at most 2m";
    assert_eq!(used, [(6, 26, "policy.limit".to_owned(), why.to_owned())]);
    // Where none is stated the default counts, and the file has no place for it.
    bench.write("pipelines/made.yml", MADE);
    let found = said(&bench, PIPELINES, "pipelines/made.yml");
    assert_eq!((found[0].0, found[0].2.as_str()), (0, "policy.limit"), "{found:#?}");
    edit(&bench, ".countersign/policy.yml", "stepTimeout: 2m", "stepTimeout: 5m");
    bench.json(PIPELINES).exits(0);
}

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Catalog, Pipeline, ProgramTable,
    model::ActionSpec,
    template::{Bound, Filled, Spot, fill_argument},
};
use crate::{
    base::{diagnostic::Diagnostic, level::Effect, value::Scalar},
    directive::{Directive, template::Template},
};

const GOOD: &str = "description: Write the changelog.
effect: write
inputs:
  version: {type: string}
  file: {type: path, default: CHANGELOG.md}
  extra: {type: string, default: '-v', dash: true}
  count: {type: integer, default: -3}
idempotent: true
timeout: 5m
retry: {attempts: 3, backoff: 2s}
onFailure: skip
outputs:
  digest: {type: digest, from: {fileDigest: '{{ inputs.file }}'}}
  tag: {type: string, pattern: 'v.*', maxLength: 200, from: {stdoutLine: 'tag='}}
evidence: [digest]
actions:
  - write: {path: VERSION, content: \"{{ inputs.version }}\\n\", replace: true}
  - run:
      program: python3
      argv: ['{{ scripts.log.py }}', --version, '{{ inputs.version }}', '--out={{ inputs.file }}', '{{ scratch.tmp.txt }}', '{{ inputs.extra }}']
      env: {MODE: fast}
      reads: [src, '{{ inputs.file }}']
      writes: [CHANGELOG.md]
      systemReads: [/usr/share/zoneinfo]
      network: ['db.internal:5432']
      secrets: [DATABASE_URL]
      okCodes: [0, 3]
verify:
  - run: {program: grep, argv: ['{{ inputs.version }}', VERSION], reads: [VERSION]}
";

fn scripts() -> BTreeMap<String, Vec<u8>> {
    [("log.py".to_owned(), b"print('tag=v1')\n".to_vec())].into()
}

fn read(text: &str) -> Result<Pipeline, Vec<Diagnostic>> {
    Pipeline::read("changelog", text.as_bytes(), &scripts())
}

fn found(from: &str, to: &str) -> Vec<&'static str> {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from}");
    read(&text).map_or_else(|found| found.iter().map(|d| d.code).collect(), |_| Vec::new())
}

#[test]
fn a_pipeline_is_read_whole_with_its_scripts() {
    let pipeline = read(GOOD).unwrap();
    assert_eq!(pipeline.effect(), Effect::Write);
    assert_eq!(pipeline.timeout_seconds(), 300);
    assert_eq!(pipeline.retry().attempts, 3);
    assert_eq!(pipeline.scripts()["log.py"].content, "print('tag=v1')\n");
    let ActionSpec::Run(run) = &pipeline.actions()[1] else { panic!("the second action is a program") };
    assert_eq!(run.network, [("db.internal".to_owned(), 5432)]);
    assert_eq!(run.ok_codes, [0, 3]);
    assert_eq!(run.cwd.to_string(), ".");
}

#[test]
fn what_contradicts_the_format_is_found() {
    for (from, to, code) in [
        ("effect: write", "effect: analyze", "pipeline.effect"),
        ("evidence: [digest]", "evidence: []", "pipeline.effect"),
        ("evidence: [digest]", "evidence: [digset]", "pipeline.output"),
        ("verify:\n  - run: {program: grep", "x:\n  - run: {program: grep", "pipeline.effect"),
        ("argv: ['{{ inputs.version }}', VERSION], reads", "writes: [x], argv: [], reads", "pipeline.effect"),
        ("idempotent: true", "idempotent: false", "pipeline.action"),
        ("attempts: 3", "attempts: 6", "yaml.value"),
        ("timeout: 5m", "timeout: 25h", "yaml.value"),
        ("type: digest, from", "type: string, from", "pipeline.output"),
        ("type: digest, from", "type: enum, from", "pipeline.output"),
        ("maxLength: 200", "maxLength: 70000", "yaml.value"),
        ("from: {stdoutLine: 'tag='}", "from: stdin", "yaml.value"),
        ("from: {stdoutLine: 'tag='}", "from: {stdoutLine: a, file: b}", "pipeline.output"),
        ("program: python3", "programm: python3", "yaml.field_unknown"),
        ("program: python3", "program: /usr/bin/python3", "id.format"),
        ("program: python3", "program: '{{ inputs.version }}'", "id.format"),
        ("okCodes: [0, 3]", "okCodes: [256]", "yaml.value"),
        ("okCodes: [0, 3]", "okCodes: []", "pipeline.action"),
        ("okCodes: [0, 3]", "limits: {memoryMib: 31}", "yaml.value"),
        ("okCodes: [0, 3]", "limits: {processes: 0}", "yaml.value"),
        ("okCodes: [0, 3]", "limits: {fileMib: 1048577}", "yaml.value"),
        ("okCodes: [0, 3]", "limits: {processorSeconds: 86401}", "yaml.value"),
        ("okCodes: [0, 3]", "limits: {memory: 64}", "yaml.field_unknown"),
        ("  - write: {path: VERSION", "  - wirte: {path: VERSION", "yaml.field_unknown"),
    ] {
        assert!(found(from, to).contains(&code), "{to}: {:?}", found(from, to));
    }
}

#[test]
fn c06_d16_guardrails_and_odd_paths_are_found_when_the_pipeline_is_read() {
    for bad in [".github/workflows/x.yml", ".countersign/policy.yml", "../x", "/etc/x", "."] {
        let codes = found("writes: [CHANGELOG.md]", &format!("writes: ['{bad}']"));
        assert!(codes.iter().any(|code| code.starts_with("path.")), "{bad}: {codes:?}");
        let codes = found("path: VERSION", &format!("path: '{bad}'"));
        assert!(codes.iter().any(|code| code.starts_with("path.")), "{bad}: {codes:?}");
    }
}

#[test]
fn c03_a_value_never_becomes_a_flag() {
    assert_eq!(found("'--out={{ inputs.file }}'", "'--{{ inputs.file }}'"), ["argv.flag"]);
    assert_eq!(found("'--out={{ inputs.file }}'", "'-o{{ inputs.file }}'"), ["argv.flag"]);
    assert_eq!(found("'--out={{ inputs.file }}'", "'--out=a/{{ inputs.file }}'"), [""; 0]);

    let pipeline = read(GOOD).unwrap();
    let bound = BTreeMap::from([
        ("count".parse().unwrap(), Bound::Value(Scalar::Integer(-3))),
        ("extra".parse().unwrap(), Bound::Value(Scalar::Text("-v".into()))),
    ]);
    let fill = |text: &str, spot| fill_argument(&Template::parse(text).unwrap(), spot, &bound, pipeline.inputs());
    assert_eq!(fill("{{ inputs.count }}", Spot::Argument).unwrap_err().code(), "argv.flag");
    assert_eq!(fill("-n={{ inputs.count }}", Spot::Argument).unwrap(), Filled::Literal("-n=-3".into()));
    assert_eq!(fill("{{ inputs.extra }}", Spot::Argument).unwrap(), Filled::Literal("-v".into()), "it has `dash`");
    assert_eq!(fill("{{ inputs.count }}", Spot::Variable).unwrap(), Filled::Literal("-3".into()));
}

#[test]
fn c04_c34_names_and_hosts_are_fixed_and_plain() {
    assert_eq!(found("MODE: fast", "mode: fast"), ["env.name"]);
    assert_eq!(found("MODE: fast", "PATH: fast"), ["env.denied"]);
    assert_eq!(found("MODE: fast", "'{{ inputs.version }}': fast"), ["env.name"]);
    assert_eq!(found("DATABASE_URL", "LD_PRELOAD"), ["env.denied"]);
    for bad in ["DB:1", "db", "db:0", "'{{ inputs.version }}:1'", "user@db:1"] {
        assert_eq!(found("'db.internal:5432'", &format!("\"{}\"", bad.trim_matches('\''))), ["host.invalid"], "{bad}");
    }
    assert_eq!(found("/usr/share/zoneinfo", "/root/.ssh"), ["read.path"]);
    assert_eq!(found("/usr/share/zoneinfo", "'{{ inputs.file }}'"), ["read.path"]);
}

#[test]
fn c28_d15_text_that_steers_is_plain() {
    assert_eq!(found("--version", "--versi\u{f6}n"), ["text.not_ascii"]);
    assert_eq!(found("--version", "'${{ x }}'"), ["text.template"]);
    let script = |content: &[u8]| {
        let scripts = BTreeMap::from([("log.py".to_owned(), content.to_vec())]);
        Pipeline::read("changelog", GOOD.as_bytes(), &scripts).unwrap_err()[0].code
    };
    assert_eq!(script(b"echo ${{ secrets.X }}"), "text.template");
    assert_eq!(script(b"\x1b[2J"), "text.unsafe");
    assert_eq!(script(b"\xff"), "pipeline.script");
    assert_eq!(script(&vec![b'a'; 100_001]), "pipeline.script");
}

#[test]
fn templates_stand_only_where_they_may() {
    assert_eq!(found("--version", "'{{ steps.a.outputs.b }}'"), ["template.place"]);
    assert_eq!(found("--version", "'{{ inputs.versoin }}'"), ["input.unknown"]);
    assert_eq!(found("--version", "'x{{ scratch.a }}'"), ["template.place"]);
    assert_eq!(found("--version", "'{{ version }}'"), ["template.format"]);
    assert_eq!(found("reads: [src", "reads: ['{{ scratch.a }}'"), ["template.place"]);
    assert_eq!(found("path: VERSION", "path: '{{ scripts.log.py }}'"), ["template.place"]);
}

#[test]
fn scripts_are_there_and_used() {
    let missing = Pipeline::read("changelog", GOOD.as_bytes(), &BTreeMap::new()).unwrap_err();
    assert_eq!(missing[0].code, "pipeline.script");
    let mut more = scripts();
    more.insert("other.py".into(), Vec::new());
    let unused = Pipeline::read("changelog", GOOD.as_bytes(), &more).unwrap_err();
    assert_eq!((unused[0].file.as_str(), unused[0].code), ("pipelines/changelog/other.py", "pipeline.script"));
    let near = Pipeline::read("changelog", GOOD.replace("log.py", "lgo.py").as_bytes(), &scripts()).unwrap_err();
    assert!(near.iter().any(|d| d.help.as_deref() == Some("did you mean `log.py`?")));
}

const NOTES: &str = "description: Make notes.
effect: recommend
outputs:
  file: {type: path, from: stdout}
  count: {type: integer, from: {stdoutLine: n=}}
evidence: [file]
actions: [{run: {program: ls}}]
";

fn lint(steps: &str) -> Vec<(usize, &'static str)> {
    let catalog =
        Catalog::new([read(GOOD).unwrap(), Pipeline::read("notes", NOTES.as_bytes(), &BTreeMap::new()).unwrap()])
            .unwrap();
    let text = format!(
        "---\ntitle: x\npipelines: [changelog, notes]\nceiling: {{effect: write}}\ninputs: {{n: {{type: integer}}, w: {{type: string}}}}\nsteps:\n{steps}---\n"
    );
    let directive = Directive::read("directives/x.md", text.as_bytes()).unwrap();
    catalog.lint(&directive).iter().map(|d| (d.line, d.code)).collect()
}

#[test]
fn a_directive_is_held_against_the_pipelines() {
    let notes = "- {id: a, pipeline: notes}\n";
    assert_eq!(
        lint(&format!(
            "{notes}- {{id: b, pipeline: changelog, needs: [a], with: {{version: '{{{{ inputs.w }}}}', extra: '{{{{ steps.a.outputs.file }}}}'}}}}\n"
        )),
        []
    );
    for (step, code) in [
        ("with: {versoin: '1.2.3'}", "directive.with"),
        ("with: {}", "directive.with"),
        ("with: {version: 3}", "value.type"),
        ("with: {version: '-x'}", "value.bounds"),
        ("with: {version: x, count: '{{ inputs.w }}'}", "directive.with"),
        ("with: {version: x, count: 'a{{ inputs.n }}'}", "directive.with"),
        ("with: {version: x, extra: '{{ steps.c.outputs.file }}'}", "directive.with"),
        ("with: {version: x, extra: '{{ steps.a.outputs.flie }}'}, needs: [a]", "directive.with"),
        ("with: {version: x, extra: '{{ steps.a.outputs.file }}'}", "directive.step"),
        ("with: {version: x, extra: '{{ steps.a.outputs.count }}'}, needs: [a]", "directive.with"),
        ("with: {version: '{{ steps.a.outputs.file }}'}, needs: [a]", "directive.with"),
        ("with: {version: x, file: '{{ steps.a.outputs.file }}'}, needs: [a]", "directive.with"),
    ] {
        let found = lint(&format!("{notes}- {{id: b, pipeline: changelog, {step}}}\n"));
        assert!(found.contains(&(8, code)), "{step}: {found:?}");
    }
}

#[test]
fn effects_above_the_ceiling_and_unknown_pipelines_are_found() {
    let catalog = Catalog::new([read(GOOD).unwrap()]).unwrap();
    let text = "---\ntitle: x\npipelines: [changelog, chanelog]\nsteps: [{id: a, pipeline: changelog, with: {version: x}}]\n---\n";
    let directive = Directive::read("directives/x.md", text.as_bytes()).unwrap();
    let found = catalog.lint(&directive);
    assert_eq!((found[0].code, found[0].help.as_deref()), ("pipeline.unknown", Some("did you mean `changelog`?")));
    assert_eq!(found[1].code, "directive.ceiling");
    assert!(Catalog::new([read(GOOD).unwrap(), read(GOOD).unwrap()]).is_err());
    let (programs, secrets) = (ProgramTable::default(), BTreeSet::new());
    let programs = read(GOOD).unwrap().lint(super::Supply { programs: &programs, secrets: &secrets, variables: &[] });
    assert_eq!(
        programs.iter().map(|d| (d.line, d.code)).collect::<Vec<_>>(),
        [(19, "pipeline.program"), (26, "pipeline.secret"), (29, "pipeline.program")]
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(0_u8.., 0..4), at in 0_usize..1200) {
        let mut text = GOOD.as_bytes().to_vec();
        let at = at % text.len();
        text.splice(at..at, bytes);
        let _ = Pipeline::read("changelog", &text, &scripts());
    }
}

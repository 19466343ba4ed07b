use std::collections::{BTreeMap, BTreeSet};

use super::{
    formats::{ALL, find},
    json_v1::*,
    *,
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        digest::Digest,
        reason::{JSON_MALFORMED, Refusal},
        text::is_unsafe,
        value::Scalar,
    },
    event::*,
    plan::view::Color,
};

/// Text that tries to act on whatever shows it.
const HOSTILE: &str =
    "a|b`c\x1b[2J</testcase><script>x</script> ]]> & \" ' \u{202e}\r\n## h\n/deploy @all #1 [x](y) \u{fffe}\u{1}";

fn at(seconds: i64) -> crate::base::time::Timestamp {
    crate::base::time::Timestamp::from_unix(1_795_176_000 + seconds)
}

fn outcome(status: StepStatus, text: Option<&str>) -> Box<StepOutcome> {
    Box::new(StepOutcome {
        status,
        reason_code: text.map(|_| "step.exit_code".to_owned()),
        class: text.map(|_| ErrorClass::BusinessRule),
        what: text.map(str::to_owned),
        next: text.map(str::to_owned),
        actions: vec![ActionRecord {
            kind: "run".parse().unwrap(),
            target: "/usr/bin/true".to_owned(),
            digest: None,
            exit_code: Some(0),
            signal: None,
            stdout: Some(stream("printed\n")),
            stderr: text.map(|text| stream(&format!("\nfirst\n{text}\n\nlast\n"))),
            sandbox: None,
            survivors_killed: 0,
            millis: 1234,
        }],
        verified: 0,
        outputs: BTreeMap::from([("tag".parse().unwrap(), Scalar::Text(text.unwrap_or("v1.0").to_owned()))]),
    })
}

fn stream(tail: &str) -> StreamRecord {
    StreamRecord {
        digest: Digest::of(tail.as_bytes()),
        bytes: tail.len() as u64,
        truncated: false,
        tail: tail.to_owned(),
    }
}

#[test]
fn a_failed_step_shows_the_end_of_what_its_program_said() {
    let many: String = (1..=20).map(|n| format!("line {n}\n")).collect();
    let text = plain("human", &many);
    let shown: Vec<&str> = text.lines().filter(|line| line.starts_with("  | ")).collect();
    assert_eq!(shown[0], "  | line 10");
    assert_eq!(shown[10..12], ["  | line 20", "  | last"]);
    assert!(!text.contains("printed"), "{text}");
}

/// A run of four steps: one good, one good at the second attempt, one failed, one never heard of again.
pub(crate) fn events_with(text: &str) -> Vec<RunEvent> {
    let id = |name: &str| name.parse().unwrap();
    let key = Digest::of(b"key");
    let started =
        |step: &str, attempt| RunEvent::StepStarted { step: id(step), attempt, idempotency_key: key, at: at(1) };
    let finished = |step: &str, attempt, outcome, retrying| RunEvent::StepFinished {
        step: id(step),
        attempt,
        outcome,
        retrying,
        at: at(2),
    };
    vec![
        RunEvent::RunStarted { run: id("run-1"), plan: Digest::of(b"plan"), steps: 4, at: at(0) },
        started("good", 1),
        finished("good", 1, outcome(StepStatus::Succeeded, None), false),
        started("again", 1),
        finished("again", 1, outcome(StepStatus::TimedOut, Some(text)), true),
        started("again", 2),
        finished("again", 2, outcome(StepStatus::Succeeded, None), false),
        started("bad", 1),
        finished("bad", 1, outcome(StepStatus::Failed, Some(text)), false),
        finished("after", 0, outcome(StepStatus::Blocked, Some(text)), false),
        started("lost", 1),
        RunEvent::RunFinished {
            outcome: RunOutcome {
                status: RunStatus::Failed,
                reason_code: Some("run.step_failed".to_owned()),
                steps: BTreeMap::new(),
            },
            at: at(3),
        },
    ]
}

pub(crate) fn events() -> Vec<RunEvent> {
    events_with("exit code 3")
}

fn report(text: &str) -> Report {
    let refusal = Refusal::new(JSON_MALFORMED, text).subject(text).hint(text);
    Report {
        envelope: Envelope::refused("execute", &refusal),
        events: events_with(text),
        checks: vec![
            CheckLine {
                id: "plan.digest".into(),
                result: CheckResult::Passed,
                subject: text.into(),
                reason_code: None,
            },
            CheckLine {
                id: "approval.fresh".into(),
                result: CheckResult::Failed,
                subject: text.into(),
                reason_code: Some("approval.stale".into()),
            },
            CheckLine {
                id: "ledger.chain".into(),
                result: CheckResult::NotRun,
                subject: text.into(),
                reason_code: None,
            },
        ],
        findings: vec![
            Finding::from(
                &Diagnostic::new("directives/a b.md", (2, 3), "directive.field", text)
                    .with_help(text)
                    .with_source("one\ntwo\n"),
            ),
            Finding {
                code: "review.network".into(),
                level: Level::Warning,
                message: text.into(),
                file: None,
                line: None,
                column: None,
                snippet: Some(text.into()),
                help: None,
                subject: Some(text.into()),
            },
        ],
        plan: None,
    }
}

fn written(id: &str, style: Style, report: &Report) -> String {
    let mut renderer = find(id).unwrap().renderer(style);
    let mut out = Vec::new();
    for event in &report.events {
        renderer.event(&mut out, event).unwrap();
    }
    renderer.finish(&mut out, report).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(id: &str, text: &str) -> String {
    written(id, Style::default(), &report(text))
}

#[test]
fn every_file_in_formats_is_listed_once() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/formats");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().path().file_stem().map(|stem| stem.to_str().unwrap().to_owned()))
        .filter(|stem| stem != "mod")
        .collect();
    assert_eq!(files, ALL.iter().map(|format| format.id.to_owned()).collect());
    assert!(ALL.is_sorted_by_key(|format| format.id));
    assert!(ALL.iter().all(|format| !format.summary.is_empty()));
    assert!(find("yaml").is_none());
}

#[test]
fn c27_no_format_writes_what_can_act_on_a_terminal() {
    for format in ALL {
        let text = plain(format.id, HOSTILE);
        assert_eq!(text.chars().find(|&c| c != '\n' && is_unsafe(c)), None, "{}", format.id);
    }
    let colored = written("human", Style { color: Color::Always, ..Style::default() }, &report(HOSTILE));
    let codes = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
    let rest = codes.iter().fold(colored, |text, code| text.replace(code, ""));
    assert_eq!(rest, plain("human", HOSTILE));
}

#[test]
fn c30_hostile_text_adds_no_element_to_xml_and_html() {
    for id in ["junit", "html"] {
        let tags = |text: &str| {
            let page = plain(id, text);
            page.split('<').skip(1).map(|piece| piece.split(['>', ' ']).next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(tags("word"), tags(HOSTILE), "{id}");
        assert!(!plain(id, HOSTILE).contains("<script"));
    }
}

#[test]
fn c30_a46_hostile_text_adds_nothing_to_the_job_summary() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let shape = |text: &str| {
        let page = plain("markdown", text);
        assert!(page.lines().all(|line| !line.starts_with(['/', '@'])), "{page}");
        Parser::new_ext(&page, Options::all())
            .filter_map(|event| match event {
                Event::Text(text) => {
                    assert!(!text.contains(['@', '#', '/']), "{text}");
                    None
                }
                Event::Code(_) => Some("code".to_owned()),
                Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock)
                | Event::Html(_)
                | Event::InlineHtml(_) => {
                    panic!("{event:?}")
                }
                other => Some(format!("{other:?}")),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(shape("word"), shape(HOSTILE));
    let mut odd = report("word");
    odd.envelope.reason_code = HOSTILE.to_owned();
    odd.checks[0].id = HOSTILE.to_owned();
    let page = written("markdown", Style::default(), &odd);
    assert!(page.contains("| (not an id) | passed | - |"));
}

#[test]
fn json_is_one_object_a_line_and_reads_back_the_same() {
    let report = report(HOSTILE);
    let text = written("json", Style::default(), &report);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), report.events.len() + 1);
    for (line, event) in lines.iter().zip(&report.events) {
        assert_eq!(&serde_json::from_str::<RunEvent>(line).unwrap(), event);
    }
    let envelope: Envelope = serde_json::from_str(lines[lines.len() - 1]).unwrap();
    assert_eq!(envelope.subject.as_deref(), Some(HOSTILE));
    assert_eq!((envelope.exit_code, envelope.reason_code.as_str()), (5, "json.malformed"));
    assert_eq!(envelope.result["checks"][2]["result"], "not-run");
}

#[test]
fn the_result_of_the_command_is_never_overwritten() {
    let mut report = report("word");
    report.envelope.result = serde_json::json!({ "checks": "mine" });
    let text = written("json", Style::default(), &report);
    let last: Envelope = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last.result["checks"], "mine");
    assert_eq!(last.result["findings"].as_array().unwrap().len(), 2);
}

#[test]
fn junit_counts_what_did_not_run_or_never_ended_as_errors() {
    let text = plain("junit", "why");
    assert!(
        text.contains(r#"<testsuite name="checks" tests="3" failures="1" errors="1" skipped="0" time="0.000">"#),
        "{text}"
    );
    assert!(
        text.contains(r#"<testsuite name="steps" tests="5" failures="1" errors="2" skipped="0" time="6.170">"#),
        "{text}"
    );
    assert!(text.contains(r#"<error type="indeterminate" message="nobody knows how it ended"/>"#));
    assert!(text.contains(r#"<testsuite name="findings" tests="1" failures="1""#), "warnings fail nothing: {text}");
    let refused = Report::new(Envelope::refused("verify", &Refusal::new(JSON_MALFORMED, "x")));
    assert!(written("junit", Style::default(), &refused).contains("errors=\"1\""), "a refusal is never a green suite");
    let done = Report::new(Envelope::done("plan", serde_json::Value::Null));
    assert!(
        written("junit", Style::default(), &done).contains(r#"tests="1" failures="0" errors="0""#),
        "nor is a file empty"
    );
}

#[test]
fn sarif_names_places_and_is_never_empty_for_a_refusal() {
    let value: serde_json::Value = serde_json::from_str(&plain("sarif", "why")).unwrap();
    assert_eq!(value["version"], "2.1.0");
    let results = value["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "directives/a%20b.md");
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&2.into(), &3.into()));
    let rules: BTreeSet<_> = value["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert!(results.iter().all(|result| rules.contains(result["ruleId"].as_str().unwrap())));
    let refused = Report::new(Envelope::refused("verify", &Refusal::new(JSON_MALFORMED, "x")));
    let value: serde_json::Value = serde_json::from_str(&written("sarif", Style::default(), &refused)).unwrap();
    assert_eq!(value["runs"][0]["results"][0]["ruleId"], "json.malformed");
    let done = Report::new(Envelope::done("verify", serde_json::Value::Null));
    let value: serde_json::Value = serde_json::from_str(&written("sarif", Style::default(), &done)).unwrap();
    assert_eq!(value["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn human_lines_say_what_happened_and_what_to_do() {
    insta::assert_snapshot!(plain("human", "exit code 3"));
}

#[test]
fn quiet_leaves_what_went_wrong() {
    let quiet = Style { quiet: true, ..Style::default() };
    let text = written("human", quiet, &report("why"));
    assert!(text.contains("failed bad [step.exit_code]: why") && text.contains("approval.stale"));
    assert!(!text.contains("good") && !text.contains("plan.digest"));
    let done = Report::new(Envelope::done("verify", serde_json::Value::Null));
    assert_eq!(written("human", quiet, &done), "");
    assert_eq!(written("human", Style::default(), &done), "verify: done\n");
}

#[test]
fn a_writer_that_fails_is_an_error_not_a_panic() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for format in ALL {
        let failed = format.renderer(Style::default()).finish(&mut Closed, &report("why"));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::BrokenPipe, "{}", format.id);
    }
}

/// A plan of steps that each need the one before, with statuses as a run would leave them.
fn chain(steps: usize) -> crate::plan::model::Plan {
    use crate::plan::{
        model::Effect,
        testing::{sample_plan, sample_step},
    };
    let mut plan = sample_plan();
    plan.steps = (0..steps)
        .map(|n| {
            let mut step = sample_step(&format!("end-{n}_x"));
            step.effect = Effect::ALL[n % Effect::ALL.len()].1;
            step.needs = (n > 0).then(|| format!("end-{}_x", n - 1).parse().unwrap()).into_iter().collect();
            step
        })
        .collect();
    plan
}

/// The lines that a flow chart of ours may have: a head, nodes with a quoted label of plain characters, arrows.
fn is_flow_chart(text: &str) -> bool {
    let place =
        |text: &str| text.strip_prefix('s').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let label = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_- ·".contains(c));
    let node = |line: &str| {
        [("(\"", "\")"), ("[\"", "\"]"), ("{{\"", "\"}}")].iter().any(|(open, close)| {
            let parts = line.strip_suffix(close).and_then(|line| line.split_once(open));
            parts.is_some_and(|(name, text)| place(name) && label(text))
        })
    };
    let arrow = |line: &str| line.split_once(" --> ").is_some_and(|(from, to)| place(from) && place(to));
    let mut lines = text.lines();
    lines.next() == Some("flowchart TD")
        && lines.all(|line| line.strip_prefix("  ").is_some_and(|line| node(line) || arrow(line)))
}

#[test]
fn c30_the_picture_holds_ids_effects_and_statuses_and_nothing_else() {
    let mut plan = chain(7);
    plan.steps[3].title = HOSTILE.to_owned();
    plan.steps[3].why = HOSTILE.to_owned();
    let (first, last) = (plan.steps[0].id.clone(), plan.steps[6].id.clone());
    let statuses = BTreeMap::from([(&first, StepStatus::Succeeded), (&last, StepStatus::CouldNotStart)]);
    let text = graph::mermaid(&plan, &statuses).unwrap();
    assert!(is_flow_chart(&text), "{text}");
    assert_eq!(text.lines().count(), 1 + 7 + 6);
    assert!(
        text.contains("  s0(\"end-0_x · read · succeeded\")\n")
            && text.contains("  s5{{\"end-5_x · irreversible\"}}\n")
    );
    assert!(!is_flow_chart("flowchart TD\n  s0(\"a\")\n  click s0 \"x\"\n"));
    assert!(graph::mermaid(&chain(100), &BTreeMap::new()).is_some());
    assert!(graph::mermaid(&chain(101), &BTreeMap::new()).is_none(), "too many to look at");
    let mut dense = chain(30);
    let ids: Vec<_> = dense.steps.iter().map(|step| step.id.clone()).collect();
    dense.steps.iter_mut().enumerate().for_each(|(n, step)| step.needs = ids[..n].to_vec());
    assert!(graph::mermaid(&dense, &BTreeMap::new()).is_none(), "435 arrows");
}

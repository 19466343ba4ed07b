use std::collections::BTreeMap;

use super::{Directive, input::InputSpec, model::WithValue};
use crate::base::{
    diagnostic::Diagnostic,
    level::{Effect, Readiness, Severity},
    method::Method,
    value::Scalar,
};

const GOOD: &str = "---
title: Release a version
pipelines: [changelog, release]
inputs:
  version: {type: string, required: true, pattern: '\\d+\\.\\d+\\.\\d+', description: The new version}
  count: {type: integer, default: 3, min: 1, max: 9}
  target: {type: enum, values: [staging, production], default: staging}
context: [CHANGELOG.md, docs/**/*.md]
intent: Users wait for it.
ceiling: {effect: write, risk: high}
environment: production
gate: [key, ssh]
risks: [{text: It may break, severity: medium, mitigation: We test}]
assumptions: [The tests pass]
lifetime: 24h
steps:
  - id: notes
    pipeline: changelog
    with: {version: '{{ inputs.version }}'}
  - id: tag
    pipeline: release
    needs: [notes]
    with: {version: 'v{{ inputs.version }}', notes: '{{ steps.notes.outputs.file }}', fast: true}
---
# How

Write the notes, then tag.
";

fn read(text: &str) -> Result<Directive, Vec<Diagnostic>> {
    Directive::read("directives/release.md", text.as_bytes())
}

fn found(from: &str, to: &str) -> Vec<(usize, &'static str)> {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from}");
    read(&text).unwrap_err().iter().map(|d| (d.line, d.code)).collect()
}

#[test]
fn a_directive_is_read_whole() {
    let directive = read(GOOD).unwrap();
    assert_eq!(directive.name().as_str(), "release");
    assert_eq!(directive.title(), "Release a version");
    assert_eq!(directive.ceiling().effect, Effect::Write);
    assert_eq!(directive.ceiling().risk, Severity::High);
    assert_eq!(directive.lifetime(), Some(86_400));
    assert_eq!(directive.body(), "# How\n\nWrite the notes, then tag.\n");
    assert_eq!(directive.inputs().values().filter(|input| InputSpec::is_required(input)).count(), 1);
    let with = &directive.steps()[1].with;
    assert_eq!(with["fast"].value, WithValue::Fixed(Scalar::Boolean(true)));
    assert!(matches!(with["notes"].value, WithValue::Template(_)));
    assert_eq!(directive.steps()[1].place, (20, 5));
}

#[test]
fn every_finding_of_a_file_comes_in_one_pass_with_its_place() {
    let text = GOOD
        .replacen("title:", "titel:", 1)
        .replacen("effect: write", "effect: wirte", 1)
        .replacen("needs: [notes]", "needs: [note]", 1)
        .replacen("inputs.version }}'}", "inputs.versoin }}'}", 1)
        .replacen("Write the notes", "Write\u{200b} the notes", 1);
    let found = read(&text).unwrap_err();
    let shown: Vec<_> = found.iter().map(|d| (d.line, d.code, d.help.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        shown,
        [
            (2, "yaml.field_unknown", "did you mean `title`?"),
            (2, "yaml.field_missing", ""),
            (10, "yaml.value", "did you mean `write`?"),
            (19, "input.unknown", "did you mean `version`?"),
            (22, "directive.step", "did you mean `notes`?"),
            (27, "text.unsafe", ""),
        ]
    );
    assert!(found.iter().all(|d| d.snippet.is_some()));
}

#[test]
fn what_contradicts_itself_is_found() {
    for (from, to, code) in [
        ("pipeline: changelog", "pipeline: changelogs", "directive.pipeline"),
        ("pipelines: [changelog, release]", "pipelines: []", "yaml.value"),
        ("needs: [notes]", "needs: [tag]", "directive.step"),
        ("severity: medium", "severity: critical", "directive.ceiling"),
        ("default: 3", "default: 12", "value.bounds"),
        ("default: 3", "default: three", "value.type"),
        ("default: 3", "required: false", "input.spec"),
        ("required: true", "required: true, default: 1.2.3", "input.spec"),
        ("type: integer", "type: boolean", "value.spec"),
        ("gate: [key, ssh]", "gate: [key, key]", "yaml.value"),
        ("gate: [key, ssh]", "gate: [email]", "yaml.value"),
        ("docs/**/*.md", "../x", "yaml.value"),
        ("lifetime: 24h", "lifetime: 31d", "yaml.value"),
        ("id: tag", "id: notes", "directive.step"),
        ("'{{ steps.notes.outputs.file }}'", "'x{{ steps.notes.outputs.file }}'", "template.place"),
        ("'{{ steps.notes.outputs.file }}'", "'{{ scripts.x }}'", "template.place"),
        ("'{{ steps.notes.outputs.file }}'", "'{{ x }}'", "template.format"),
        ("intent: Users", "intent: ${{ secrets.X }}", "text.template"),
    ] {
        assert!(found(from, to).iter().any(|(_, found)| *found == code), "{to}: {:?}", found(from, to));
    }
}

#[test]
fn every_method_of_approval_can_be_a_directives_gate() {
    let words: Vec<&str> = Method::ALL.iter().map(|(word, _)| *word).collect();
    let directive = read(&GOOD.replacen("gate: [key, ssh]", &format!("gate: [{}]", words.join(", ")), 1)).unwrap();
    assert_eq!(directive.gate(), Method::ALL.map(|(_, method)| method));
}

#[test]
fn we22_the_issue_of_a_directive_is_an_integer_input_and_words_that_are_known() {
    let with = |issue: &str| read(&GOOD.replacen("ceiling:", &format!("issue: {issue}\nceiling:"), 1));
    assert_eq!(read(GOOD).unwrap().issue(), None);
    let directive = with("{input: count, ready: [acceptance-criteria, open]}").unwrap();
    let issue = directive.issue().unwrap();
    assert_eq!(issue.input.as_str(), "count");
    assert_eq!(issue.ready, [Readiness::AcceptanceCriteria(1), Readiness::Open]);
    let numbers = with("{input: count, ready: [{acceptance-criteria: 3}, {description: 500}]}").unwrap();
    let wanted = [Readiness::AcceptanceCriteria(3), Readiness::Description(500)];
    assert_eq!(numbers.issue().unwrap().ready, wanted);
    assert_eq!(with("{input: count}").unwrap().issue().unwrap().ready, [Readiness::Open]);
    for (issue, code, help) in [
        ("{ready: [open]}", "yaml.field_missing", ""),
        ("{input: cuont}", "input.unknown", "did you mean `count`?"),
        ("{input: version}", "directive.issue", ""),
        ("{input: count, ready: []}", "yaml.value", ""),
        ("{input: count, ready: open}", "yaml.type", ""),
        ("{input: count, ready: [opne]}", "yaml.value", "did you mean `open`?"),
        ("{input: count, ready: [open, open]}", "yaml.value", ""),
        ("{input: count, ready: [{description: 0}]}", "yaml.value", ""),
        ("{input: count, ready: [{}]}", "yaml.value", ""),
        ("{input: count, ready: [{open: 1}]}", "yaml.field_unknown", ""),
        ("{input: count, ready: [{description: 5, acceptance-criteria: 2}]}", "yaml.value", ""),
        ("{input: count, ready: [description, {description: 5}]}", "yaml.value", ""),
        ("{input: count, raedy: [open]}", "yaml.field_unknown", "did you mean `ready`?"),
        ("12", "yaml.type", ""),
    ] {
        let found = with(issue).unwrap_err();
        assert_eq!((found[0].code, found.len()), (code, 1), "{issue}: {found:?}");
        assert!(found[0].help.as_deref().unwrap_or("").contains(help), "{issue}: {found:?}");
        assert!(found[0].line == 10 && found[0].column > 1 && found[0].snippet.is_some(), "{issue}: {found:?}");
    }
}

#[test]
fn jf23_what_a_step_is_repeated_for_is_one_of_three_and_is_used() {
    let tag = "with: {version: 'v{{ inputs.version }}', notes: '{{ steps.notes.outputs.file }}', fast: true}";
    let each = |for_each: &str, with: &str| {
        let text = GOOD.replacen(tag, &format!("forEach: {for_each}\n    with: {with}"), 1);
        read(&text).map_err(|found| found.iter().map(|d| (d.line, d.code)).collect::<Vec<_>>())
    };
    let item = "{version: 'v{{ item }}-{{ inputs.version }}'}";
    for good in
        ["{list: [a, '{{ inputs.target }}']}", "{files: ['docs/**/*.md', src]}", "{lines: todo.txt, onFailure: halt}"]
    {
        let directive = each(good, item).unwrap();
        assert!(directive.steps()[1].for_each.is_some() && directive.steps()[0].for_each.is_none());
    }
    for (for_each, with, found) in [
        ("{}", item, &[(23, "directive.items")][..]),
        ("{list: [a], lines: b}", item, &[(23, "directive.items")]),
        ("{list: [a]}", "{version: x}", &[(23, "directive.items")]),
        ("{list: [\"a\\nb\"]}", item, &[(23, "text.unsafe")]),
        ("{list: ['{{ item }}']}", item, &[(23, "template.place")]),
        ("{files: ['{{ inputs.versoin }}']}", item, &[(23, "input.unknown")]),
        ("{list: a}", item, &[(23, "yaml.type")]),
        ("{list: [a], on: halt}", item, &[(23, "yaml.field_unknown")]),
    ] {
        assert_eq!(each(for_each, with).unwrap_err(), found, "{for_each}");
    }
    // Where nothing is repeated there is no item, and what is repeated has no one output.
    assert_eq!(found("notes: '{{ steps.notes.outputs.file }}'", "notes: '{{ item }}'"), [(23, "template.place")]);
    let repeated = "pipeline: changelog\n    forEach: {list: [a]}\n    with: {version: '{{ item }}'}";
    let notes = "pipeline: changelog\n    with: {version: '{{ inputs.version }}'}";
    assert_eq!(found(notes, repeated), [(24, "directive.step")]);
}

#[test]
fn cycles_are_found() {
    let text = GOOD.replacen("    pipeline: changelog\n", "    pipeline: changelog\n    needs: [tag]\n", 1);
    assert_eq!(read(&text).unwrap_err()[0].code, "directive.step");
}

#[test]
fn bytes_that_are_no_directive_are_refused() {
    for (bytes, code) in [
        (b"\xef\xbb\xbf---\n".as_slice(), "text.unsafe"),
        (b"---\ntitle: \xff\n---\n", "text.unsafe"),
        (b"# only text\n", "directive.format"),
        (b"---\ntitle: x\n", "directive.format"),
        (b"", "directive.format"),
        (&vec![b'a'; 256 * 1024 + 1], "limit.size"),
    ] {
        assert_eq!(Directive::read("directives/a.md", bytes).unwrap_err()[0].code, code);
    }
    assert_eq!(Directive::read("directives/a b.md", GOOD.as_bytes()).unwrap_err()[0].code, "directive.format");
    assert_eq!(Directive::read("../a.md", GOOD.as_bytes()).unwrap_err()[0].code, "path.invalid");
}

#[test]
fn values_are_resolved_and_every_error_is_told_at_once() {
    let directive = read(GOOD).unwrap();
    let given = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let values = directive.resolve(&given(&[("version", "1.2.3"), ("count", "4")])).unwrap();
    assert_eq!(values["count"], Scalar::Integer(4));
    assert_eq!(values["target"], Scalar::Text("staging".into()));

    let found = directive.resolve(&given(&[("versoin", "1.2.3"), ("count", "99"), ("target", "stagin")])).unwrap_err();
    let shown: Vec<_> = found.iter().map(|d| (d.code, d.help.as_deref().unwrap_or(""))).collect();
    assert_eq!(shown[0], ("input.unknown", "did you mean `version`?"));
    assert_eq!(shown[1].0, "value.bounds");
    assert_eq!(shown[2], ("value.bounds", "did you mean `staging`?"));
    assert_eq!(shown[3].0, "input.missing");
    assert_eq!(shown.len(), 4);
    let flag = directive.resolve(&given(&[("version", "--upload-pack=x")])).unwrap_err();
    assert_eq!(flag[0].code, "value.bounds", "C-03");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(0_u8.., 0..200), at in 0_usize..900) {
        let _ = Directive::read("directives/a.md", &bytes);
        let mut text = GOOD.as_bytes().to_vec();
        let at = at % text.len();
        text.splice(at..at, bytes.iter().take(3).copied());
        let _ = Directive::read("directives/a.md", &text);
    }
}

//! Reading the file: every finding in one pass, each at its place.

use super::*;

fn errors(text: &str) -> Vec<(&'static str, usize, usize)> {
    let found = Policy::compile("policy.yml", text.as_bytes()).expect_err(text);
    found.iter().map(|d| (d.code, d.line, d.column)).collect()
}

fn codes(rules: &str) -> Vec<&'static str> {
    errors(&format!("{HEAD}rules:\n{rules}")).into_iter().map(|(code, ..)| code).collect()
}

const READS: &str = "  - {id: reads, when: {effect: {atMost: analyze}}, then: permit}\n";

#[test]
fn every_finding_is_reported_in_one_pass_with_line_column_snippet_and_nearest_word() {
    let text = "version: 2
expires: soon
execution: {enabled: yes, sideEffects: true}
programs:
  bash: {path: /bin/bash}
  x: {path: bin/x}
rules:
  - id: a
    when: {efect: {atMost: analyze}, effect: {atMost: reed}}
    then: permit
  - id: b
    when: {environments: [stagin]}
    then: {needsApproval: {people: 0}}
";
    let found = Policy::compile(".countersign/policy.yml", text.as_bytes()).unwrap_err();
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    let all = shown.join("\n");
    for (line, code) in [
        (1, "policy.version"),
        (2, "time.format"),
        (3, "yaml.type"),
        (5, "policy.interpreter"),
        (6, "policy.value"),
        (9, "yaml.field_unknown"),
        (9, "yaml.value"),
        (12, "policy.unknown_name"),
        (13, "policy.threshold"),
    ] {
        assert!(found.iter().any(|d| d.line == line && d.code == code), "{line} {code}\n{all}");
    }
    assert!(found.iter().all(|d| d.snippet.is_some() && d.column > 0), "{all}");
    assert!(all.contains("did you mean `effect`?"), "{all}");
    assert!(all.contains("did you mean `read`?"), "{all}");
}

#[test]
fn a35_a_policy_without_a_rule_a_rule_without_a_condition_and_empty_lists_are_refused() {
    assert_eq!(errors(&format!("{HEAD}rules: []\n"))[0].0, "policy.empty");
    assert_eq!(errors(HEAD)[0].0, "yaml.field_missing");
    assert_eq!(codes("  - {id: a, when: {}, then: {deny: 'no'}}\n"), ["policy.empty"]);
    assert_eq!(codes("  - {id: a, when: {pipelines: []}, then: {deny: 'no'}}\n"), ["policy.empty"]);
    assert_eq!(codes("  - {id: a, when: {effect: {}}, then: {deny: 'no'}}\n"), ["policy.empty"]);
    assert_eq!(errors("")[0].1, 1);
}

#[test]
fn a35_a_rule_that_permits_must_say_up_to_which_effect() {
    assert_eq!(codes("  - {id: a, when: {pipelines: [x]}, then: permit}\n"), ["policy.unbounded"]);
    assert_eq!(codes("  - {id: a, when: {effect: {atLeast: read}}, then: permit}\n"), ["policy.unbounded"]);
}

#[test]
fn a25_environments_equal_under_case_folding_are_refused() {
    let text = format!("{HEAD}rules:\n{READS}").replace("[staging, production]", "[staging, Staging]");
    assert_eq!(errors(&text).iter().map(|e| e.0).collect::<Vec<_>>(), ["policy.environment_alias"]);
}

#[test]
fn a25_a_rule_names_an_environment_exactly_as_it_is_listed() {
    assert_eq!(codes("  - {id: a, when: {environments: [Staging]}, then: {deny: 'no'}}\n"), ["policy.unknown_name"]);
}

#[test]
fn b20_thresholds_of_none_and_above_the_parts_are_refused() {
    for asked in [
        "{people: 0}",
        "{people: -1}",
        "{people: 21}",
        "{kOf: {k: 0, of: [{people: 1}]}}",
        "{kOf: {k: 2, of: [{people: 1}]}}",
    ] {
        let rule = format!("  - {{id: a, when: {{pipelines: [x]}}, then: {{needsApproval: {asked}}}}}\n");
        assert_eq!(codes(&rule), ["policy.threshold"], "{asked}");
    }
}

#[test]
fn b21_requirements_without_parts_are_refused() {
    for asked in ["{allOf: []}", "{anyOf: []}"] {
        let rule = format!("  - {{id: a, when: {{pipelines: [x]}}, then: {{needsApproval: {asked}}}}}\n");
        assert_eq!(codes(&rule), ["policy.empty"], "{asked}");
    }
    assert!(codes("  - {id: a, when: {pipelines: [x]}, then: {needsApproval: {}}}\n").contains(&"yaml.field_missing"));
}

#[test]
fn c02_a_known_interpreter_must_be_marked() {
    for (name, path) in [("sh", "/bin/sh"), ("tool", "/usr/bin/env"), ("python", "/usr/local/bin/x")] {
        let text = format!("{HEAD}rules:\n{READS}")
            .replace("  git: {path: /usr/bin/git}", &format!("  {name}: {{path: {path}}}"));
        assert_eq!(errors(&text).iter().map(|e| e.0).collect::<Vec<_>>(), ["policy.interpreter"], "{path}");
        let marked = text.replace(&format!("{{path: {path}}}"), &format!("{{path: {path}, interpreter: true}}"));
        assert!(Policy::compile("p", marked.as_bytes()).is_ok());
    }
}

#[test]
fn d12_an_agent_must_be_meant() {
    let text = format!("{HEAD}rules:\n{READS}").replace("  git: {path: /usr/bin/git}", "  claude: {path: /opt/claude}");
    assert_eq!(errors(&text)[0].0, "policy.agent_program");
    assert!(Policy::compile("p", text.replace("/opt/claude}", "/opt/claude, agentCli: true}").as_bytes()).is_ok());
}

#[test]
fn c01_programs_are_absolute_paths() {
    for path in ["git", "bin/git", "/usr/../bin/git", "//git", "/usr/bin/", "/usr/./git"] {
        let text = format!("{HEAD}rules:\n{READS}").replace("/usr/bin/git", path);
        assert_eq!(errors(&text)[0].0, "policy.value", "{path}");
    }
}

#[test]
fn c34_hosts_are_lower_case_names_with_a_port() {
    for host in
        ["Example.com:443", "a@b:443", "example.com", "example.com:0", "example.com:99999", "https://a:443", ":1"]
    {
        let rule = format!("  - {{id: a, when: {{hosts: ['{host}']}}, then: {{deny: 'no'}}}}\n");
        assert_eq!(codes(&rule), ["policy.value"], "{host}");
    }
}

#[test]
fn unknown_fields_and_words_are_refused_everywhere() {
    assert_eq!(codes("  - {id: a, when: {pipelines: [x]}, then: permitt}\n")[0], "yaml.value");
    assert_eq!(codes("  - {id: a, when: {pipelines: [x]}, then: {alow: x}}\n")[0], "yaml.field_unknown");
    assert_eq!(codes("  - {id: a, when: {network: maybe}, then: {deny: 'no'}}\n"), ["yaml.value"]);
    assert_eq!(codes("  - {id: a, when: {programs: [rm]}, then: {deny: 'no'}}\n"), ["policy.unknown_name"]);
    assert_eq!(codes("  - {id: a, when: {secrets: [NOPE]}, then: {deny: 'no'}}\n"), ["policy.unknown_name"]);
    assert_eq!(codes("  - {id: a, when: {words: none}, then: {deny: 'no'}}\n"), ["policy.unknown_name"]);
    let two = "  - {id: a, when: {pipelines: [x]}, then: {deny: 'no', needsApproval: {people: 1}}}\n";
    assert_eq!(codes(two), ["policy.value"]);
    let carrier = "  - {id: a, when: {pipelines: [x]}, then: {needsApproval: {people: 1, methods: [policy]}}}\n";
    assert_eq!(codes(carrier), ["yaml.value"]);
    let nobody = "  - {id: a, when: {pipelines: [x], planner: [modal]}, then: {deny: 'no'}}\n";
    assert_eq!(codes(nobody), ["yaml.value"]);
}

#[test]
fn duplicate_rules_are_refused() {
    assert_eq!(codes(&format!("{READS}{READS}")), ["policy.duplicate"]);
}

#[test]
fn b34_a_policy_must_say_when_it_expires() {
    let text = format!("{HEAD}rules:\n{READS}").replace("expires: '2027-11-20T00:00:00Z'\n", "");
    assert_eq!(errors(&text).iter().map(|e| e.0).collect::<Vec<_>>(), ["yaml.field_missing"]);
}

#[test]
fn windows_are_checked() {
    for window in [
        "{from: '18:00', to: '08:00'}",
        "{days: [someday]}",
        "{days: [fri..mon]}",
        "{from: '8:00'}",
        "{from: '24:01'}",
        "{days: []}",
    ] {
        let rule = format!("  - {{id: a, when: {{window: {window}}}, then: {{deny: 'no'}}}}\n");
        assert!(!codes(&rule).is_empty(), "{window}");
    }
}

#[test]
fn the_digest_is_of_the_exact_bytes() {
    let text = format!("{HEAD}rules:\n{READS}");
    let one = compile(&text);
    assert_eq!(one.digest(), Digest::of(text.as_bytes()));
    assert_ne!(one.digest(), compile(&format!("{text}\n# a comment\n")).digest());
    assert_eq!(one.text(), text);
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_line() {
    let found = Policy::compile("p", b"version: 1\nx: \xff\n").unwrap_err();
    assert_eq!((found[0].line, found[0].code), (2, "yaml.malformed"));
}

#[test]
fn limits_have_defaults_and_bounds() {
    let text = format!("{HEAD}limits: {{steps: 7, planLifetime: 2h}}\nrules:\n{READS}");
    let limits = compile(&text).limits();
    assert_eq!((limits.steps, limits.plan_lifetime, limits.parallel), (7, 7200, 4));
    assert_eq!(limits.checkpoint_age, None);
    let weekly = compile(&format!("{HEAD}limits: {{checkpointAge: 7d}}\nrules:\n{READS}")).limits();
    assert_eq!(weekly.checkpoint_age, Some(7 * 86_400));
    for bad in [
        "steps: 0",
        "parallel: 1000",
        "planLifetime: 9000d",
        "stepTimeout: 2d",
        "output: -1",
        "approvalLifetime: 0s",
        "checkpointAge: 0s",
    ] {
        assert_eq!(errors(&format!("{HEAD}limits: {{{bad}}}\nrules:\n{READS}")).len(), 1, "{bad}");
    }
}

#[test]
fn an_approval_may_not_be_let_live_longer_than_the_limit() {
    let rule = "  - {id: a, when: {pipelines: [x]}, then: {needsApproval: {people: 1, within: 25h}}}\n";
    assert_eq!(codes(rule), ["yaml.value"]);
}

#[test]
fn starters_compile_and_have_nothing_to_complain_of() {
    use super::super::starter;
    let (git, python, odd) = (samples::id("git"), samples::id("python3"), samples::id("on"));
    let programs = [(&git, "/usr/bin/git", false), (&python, "/usr/bin/python3", true), (&odd, "/opt/it's", false)];
    for tier in [starter::Starter::Solo, starter::Starter::Team] {
        for programs in [&programs[..], &[]] {
            let text = starter::text(tier, programs, samples::time("2027-11-20T00:00:00Z"));
            let policy = compile(&text);
            assert_eq!(policy.programs().count(), programs.len());
            assert!(findings_at(&policy, now()).is_empty(), "{tier:?}");
        }
    }
}

#[test]
fn starters_let_the_database_programs_be_steered_by_their_service_file_and_no_other() {
    use super::super::starter;
    let (git, psql) = (samples::id("git"), samples::id("psql"));
    let programs = [(&git, "/usr/bin/git", false), (&psql, "/usr/lib/postgresql/15/bin/psql", true)];
    let text = starter::text(starter::Starter::Solo, &programs, samples::time("2027-11-20T00:00:00Z"));
    compile(&text);
    assert!(text.contains(
        "'psql': {path: '/usr/lib/postgresql/15/bin/psql', interpreter: true, dangerousEnv: [PGSERVICEFILE]}"
    ));
    assert!(text.contains("'git': {path: '/usr/bin/git'}"));
}

#[test]
fn the_policy_in_the_guide_compiles() {
    let guide = include_str!("../../../docs/policy.md");
    let first = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let policy = compile(first);
    assert_eq!(policy.rules().len(), 5);
    let second = guide.split("```yaml\n").nth(2).and_then(|rest| rest.split("```").next()).unwrap();
    let words = compile(&format!("{HEAD}{second}rules:\n{READS}")).review_settings().forbidden_words.unwrap();
    assert_eq!(words.words().len(), 7);
}

#[test]
fn an_outcome_that_there_is_not_is_told_with_those_there_are() {
    for outcome in ["permitt", "deny", "allow"] {
        let text = format!("{HEAD}rules:\n  - {{id: a, when: {{effect: {{atMost: read}}}}, then: {outcome}}}\n");
        let found = Policy::compile("policy.yml", text.as_bytes()).unwrap_err();
        assert_eq!(found.iter().map(|one| one.code).collect::<Vec<_>>(), ["yaml.value"]);
        assert!(found[0].message.contains("`needsApproval` and `deny`"), "{}", found[0].message);
    }
}

//! What people get: explanations, findings, simulations, and the rules other systems had.

use std::collections::BTreeSet;

use super::{
    super::{Candidate, Outcome, check, condition::Hit, explain::DecisionV1},
    *,
};
use crate::{
    base::method::Method,
    plan::model::{Action, Effect, Plan, Severity},
    review::words::Mode,
};
use samples::{git, id, plan, risk, step, write};

/// JobFlow's policy: one pipeline, no risks, no keyword.
fn jobflow(mode: &str) -> Policy {
    compile(&format!(
        "{HEAD}forbiddenWords: {{words: [write, delete, update, send, apply, http, api], mode: {mode}}}
rules:
  - id: auto-approve
    when:
      effect: {{atMost: analyze}}
      pipelines: [job_discovery]
      risks: {{count: 0}}
      words: none
    then: permit
"
    ))
}

fn discovery(title: &str) -> Plan {
    let mut step = step("s", Effect::Analyze, vec![Action::Run(git(&["log"]))]);
    step.pipeline = id("job_discovery");
    step.title = title.to_owned();
    plan(vec![step])
}

fn by(principal: u64, roles: &[&str]) -> Candidate {
    Candidate {
        principal,
        key: Digest::of(&principal.to_be_bytes()),
        roles: roles.iter().map(|role| id(role)).collect::<BTreeSet<_>>(),
        method: Method::Key,
        approved_at: now(),
        is_author: false,
    }
}

#[test]
fn jf6_the_default_is_to_reject_and_says_so() {
    let decision = decide(&jobflow("word"), &plan(vec![step("s", Effect::Analyze, vec![])]));
    assert_eq!(*decision.outcome(), Outcome::Deny);
    assert!(decision.summary().contains("rejected by default"), "{}", decision.summary());
}

#[test]
fn jf7_pipeline_risks_and_words_must_all_hold() {
    let policy = jobflow("word");
    assert_eq!(verdict(&policy, &discovery("Look for jobs")).0, "permit");
    let mut other = discovery("Look for jobs");
    other.steps[0].pipeline = id("job_apply");
    assert_eq!(verdict(&policy, &other).0, "deny");
    let mut risky = discovery("Look for jobs");
    risky.risks.push(risk(Severity::Low));
    assert_eq!(verdict(&policy, &risky).0, "deny");
    assert_eq!(verdict(&policy, &discovery("Send them")).0, "deny");
}

#[test]
fn jf7_the_substring_list_rejects_rewrite_and_capital_and_word_boundaries_do_not() {
    assert_eq!(policy_mode(&jobflow("substring")), Mode::Substring);
    for title in ["Rewrite the list", "Name the capital", "Look at https links"] {
        assert_eq!(verdict(&jobflow("substring"), &discovery(title)).0, "deny", "{title}");
        assert_eq!(verdict(&jobflow("word"), &discovery(title)).0, "permit", "{title}");
    }
    assert_eq!(verdict(&jobflow("word"), &discovery("Write the list")).0, "deny");
}

fn policy_mode(policy: &Policy) -> Mode {
    policy.review_settings().forbidden_words.unwrap().mode()
}

#[test]
fn jf8_every_condition_that_failed_is_named_in_one_line() {
    let mut plan = discovery("Write it");
    plan.steps[0].pipeline = id("other");
    plan.risks.push(risk(Severity::Low));
    let summary = decide(&jobflow("word"), &plan).summary();
    for part in
        ["pipelines is other, not job_discovery", " | risks is 1, up to low", " | words is the forbidden word `write`"]
    {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    assert!(summary.contains("policy.yml:"), "{summary}");
    let permitted = decide(&jobflow("word"), &discovery("Look")).summary();
    assert_eq!(permitted, "permitted by the policy, by auto-approve");
}

#[test]
fn jf25_there_are_three_outcomes_each_with_a_stable_reason() {
    let policy = policy(
        "  - {id: reads, when: {effect: {atMost: read}}, then: permit}
  - {id: writes, when: {effect: {atLeast: write}}, then: {needsApproval: {people: 1}}}\n",
    );
    let with = |effect| plan(vec![step("s", effect, vec![])]);
    assert_eq!(verdict(&policy, &with(Effect::Read)), ("permit", "policy.permitted"));
    assert_eq!(verdict(&policy, &with(Effect::Write)), ("needs-approval", "policy.needs_approval"));
    assert_eq!(verdict(&policy, &with(Effect::Notify)), ("deny", "policy.default_deny"));
}

#[test]
fn we8_required_approvers_roles_and_methods_are_counted() {
    let policy = policy(
        "  - id: production-needs-two
    when: {environments: [production]}
    then:
      needsApproval:
        allOf:
          - {people: 1, roles: [product-owner], methods: [key, ssh]}
          - kOf: {k: 1, of: [{people: 1, roles: [technical-lead]}, {people: 2}]}\n",
    );
    let mut plan = discovery("Look");
    plan.environment = Some(id("production"));
    let decision = decide(&policy, &plan);
    let met = |people: &[Candidate]| decision.status(people, now()).unwrap().satisfied;
    assert!(!met(&[]), "nobody");
    assert!(!met(&[by(1, &["product-owner"])]));
    assert!(!met(&[by(2, &["technical-lead"]), by(3, &[])]));
    assert!(met(&[by(1, &["product-owner"]), by(2, &["technical-lead"])]));
    assert!(met(&[by(1, &["product-owner"]), by(2, &[])]));
    let mut author = by(1, &["product-owner"]);
    author.is_author = true;
    assert!(!met(&[author, by(2, &["technical-lead"])]), "separation is strict by default");
    let status = decision.status(&[by(1, &["product-owner"])], now()).unwrap();
    assert_eq!((status.have, status.need, status.counted.as_slice()), (1, 2, &[1][..]));
}

#[test]
fn nobody_can_simulate_a_denial_away() {
    let decision = decide(&policy("  - {id: a, when: {pipelines: [x]}, then: {deny: 'no'}}\n"), &discovery("Look"));
    assert_eq!(decision.status(&[by(1, &[]), by(2, &[])], now()), None);
}

#[test]
fn agents_listed_in_the_policy_never_count_as_people() {
    let policy = compile(&format!(
        "{HEAD}agents: [7]\nrules:\n  - {{id: a, when: {{effect: {{atMost: analyze}}}}, then: {{needsApproval: {{people: 1}}}}}}\n"
    ));
    let decision = decide(&policy, &discovery("Look"));
    assert!(!decision.status(&[by(7, &[])], now()).unwrap().satisfied);
    assert!(decision.status(&[by(8, &[])], now()).unwrap().satisfied);
}

#[test]
fn a_decision_explains_itself_from_both_sides() {
    let policy = policy(
        "  - id: reads
    when: {effect: {atMost: analyze}}
    then: permit
  - id: docs
    when:
      effect: {atMost: write}
      writes: {within: [docs]}
    then: {needsApproval: {people: 1}}\n",
    );
    let decision = decide(&policy, &plan(vec![step("s", Effect::Write, vec![write("src/a", "x")])]));
    let traces = &decision.steps()[0].rules;
    let first_miss = |rule: usize| traces[rule].conditions.iter().find(|condition| condition.hit != Hit::Yes);
    assert_eq!(
        first_miss(0).map(|c| (c.name, c.plan.as_str(), c.policy.as_str())),
        Some(("effect", "write", "at most analyze"))
    );
    let miss = first_miss(1).unwrap();
    assert_eq!(
        (miss.name, miss.plan.as_str(), miss.policy.as_str(), miss.hit),
        ("writes", "src/a", "within docs", Hit::No)
    );
    let shown = DecisionV1::from(&decision);
    assert!(shown.steps[0].rules[1].conditions[1].at.starts_with("policy.yml:"));
    let text = shown.text();
    for part in
        ["decision: deny [policy.default_deny]", "writes no: plan has src/a; policy asks within docs (policy.yml:"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["reasonCode"], "policy.default_deny");
}

#[test]
fn allowed_by_and_unused_entries_are_reported() {
    let policy = policy(
        "  - {id: reads, when: {effect: {atMost: analyze}}, then: permit}
  - {id: never, when: {pipelines: [x]}, then: {deny: 'no'}}\n",
    );
    let decision = decide(&policy, &discovery("Look"));
    assert_eq!(decision.steps()[0].allowed_by, [id("reads")]);
    let unused: Vec<(&str, &str)> = decision.unused().iter().map(|u| (u.kind, u.name.as_str())).collect();
    assert_eq!(
        unused,
        [
            ("rule", "never"),
            ("program", "deployer"),
            ("program", "python3"),
            ("secret", "DATABASE_URL"),
            ("secret", "TOKEN"),
        ]
    );
}

#[test]
fn c27_an_explanation_shows_controls_and_stays_on_its_line() {
    let rule = "  - {id: a, when: {effect: {atMost: analyze}, words: none}, then: permit}\n";
    let policy = compile(&format!("{HEAD}forbiddenWords: {{words: [api]}}\nrules:\n{rule}"));
    let text = DecisionV1::from(&decide(&policy, &discovery("api\x1b[2J\ndecision: permit"))).text();
    assert!(!text.contains('\x1b') && !text.contains("\ndecision: permit"), "{text}");
}

#[test]
fn entries_that_can_have_no_effect_are_findings_with_their_line() {
    let policy = policy(
        "  - {id: reads, when: {effect: {atMost: analyze}}, then: permit}
  - {id: same, when: {effect: {atMost: analyze}, pipelines: [x]}, then: permit}
  - {id: gone, when: {effect: {atMost: read}, directives: [d]}, then: permit}
  - {id: none-of-d, when: {directives: [d]}, then: {deny: 'no'}}
  - {id: odd, when: {network: none, hosts: any}, then: {needsApproval: {people: 1}}}\n",
    );
    let found = findings_at(&policy, now());
    let all = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for part in [
        "no rule and no secret names the environment `production`",
        "no rule with `uninspectable: true` lets the interpreter `python3` be used",
        "the rule `same` has no effect: `reads` does the same",
        "the rule `gone` has no effect: `none-of-d` denies all that it matches",
        "the rule `odd` never matches",
    ] {
        assert!(all.contains(part), "{part}\n{all}");
    }
    assert!(found.iter().all(|d| d.line > 0 && d.snippet.is_some()), "{all}");
    let late = findings_at(&policy, samples::time("2027-11-10T00:00:00Z"));
    assert!(late.iter().any(|d| d.code == "policy.expired" && d.message.contains("10 days")), "{late:?}");
}

#[test]
fn b20_requirements_that_the_known_people_cannot_meet_are_findings() {
    let policy = policy(
        "  - {id: one, when: {pipelines: [x]}, then: {needsApproval: {people: 1, roles: [owner]}}}
  - {id: two, when: {pipelines: [x]}, then: {needsApproval: {people: 2}}}\n",
    );
    let names = |people: &[Candidate]| -> Vec<String> {
        check::out_of_reach(&policy, people, now()).iter().map(|d| d.message.clone()).collect()
    };
    assert_eq!(names(&[by(1, &["owner"])]).len(), 1);
    assert!(names(&[by(1, &["owner"])])[0].contains("`two`"));
    assert!(names(&[by(1, &["owner"]), by(2, &[])]).is_empty());
}

#[test]
fn starters_decide_as_they_say() {
    use super::super::starter::{Starter, text};
    let (git_id, python_id) = (id("git"), id("python3"));
    let programs = [(&git_id, "/usr/bin/git", false), (&python_id, "/usr/bin/python3", true)];
    let expires = samples::time("2027-11-20T00:00:00Z");
    let (team, solo) =
        (compile(&text(Starter::Team, &programs, expires)), compile(&text(Starter::Solo, &programs, expires)));
    let with = |effect| plan(vec![step("s", effect, vec![Action::Run(git(&["log"]))])]);
    let need = |policy: &Policy, plan: &Plan, people: &[Candidate]| {
        decide(policy, plan).status(people, now()).map(|status| status.satisfied)
    };
    let mut author = by(1, &[]);
    author.is_author = true;
    for policy in [&team, &solo] {
        assert_eq!(verdict(policy, &with(Effect::Analyze)).0, "permit");
        let opaque = plan(vec![step("s", Effect::Analyze, vec![Action::Run(samples::python(&["x"]))])]);
        assert_eq!(verdict(policy, &opaque).0, "needs-approval");
    }
    for effect in [Effect::Recommend, Effect::Notify, Effect::Write] {
        assert_eq!(need(&team, &with(effect), &[author.clone()]), Some(false), "{effect:?}");
        assert_eq!(need(&team, &with(effect), &[by(2, &[])]), Some(true), "{effect:?}");
        assert_eq!(need(&solo, &with(effect), &[author.clone()]), Some(true), "{effect:?}");
    }
    assert_eq!(need(&team, &with(Effect::Irreversible), &[by(2, &[])]), Some(false));
    assert_eq!(need(&team, &with(Effect::Irreversible), &[by(2, &[]), by(3, &[])]), Some(true));
}

//! Deciding: default deny, and every doubt denies.

use super::*;
use crate::{
    base::method::Method,
    plan::model::{Action, Arg, Effect, Plan, Severity, Step},
};
use samples::{git, host, id, plan, python, risk, run, step, write};

const READS: &str = "  - {id: reads, when: {effect: {atMost: analyze}}, then: permit}\n";
const PERSON: &str = "  - {id: person, when: {effect: {atMost: irreversible}}, then: {needsApproval: {people: 1}}}\n";

fn read() -> Plan {
    plan(vec![reading("s")])
}

fn reading(name: &str) -> Step {
    step(name, Effect::Analyze, vec![Action::Run(git(&["log"]))])
}

fn writing(path: &str) -> Plan {
    plan(vec![step("s", Effect::Write, vec![write(path, "x")])])
}

#[test]
fn a35_what_no_rule_covers_is_denied() {
    let policy = policy(READS);
    assert_eq!(verdict(&policy, &read()), ("permit", "policy.permitted"));
    assert_eq!(verdict(&policy, &writing("a")), ("deny", "policy.default_deny"));
    let mut both = read();
    both.steps.push(step("w", Effect::Write, vec![write("a", "x")]));
    assert_eq!(verdict(&policy, &both), ("deny", "policy.default_deny"), "one covered step does not cover the other");
}

#[test]
fn a35_a_plan_without_steps_is_denied() {
    assert_eq!(verdict(&policy(READS), &plan(vec![])), ("deny", "policy.no_steps"));
}

#[test]
fn a35_a_policy_of_denials_only_permits_nothing() {
    let only = policy("  - {id: a, when: {pipelines: [other]}, then: {deny: 'no'}}\n");
    assert_eq!(verdict(&only, &read()), ("deny", "policy.default_deny"));
}

#[test]
fn a_denial_wins_over_every_permit_and_requirement() {
    let policy = policy(&format!(
        "{READS}{PERSON}  - {{id: never, when: {{writes: {{touching: ['secrets/**']}}}}, then: {{deny: 'by hand only'}}}}\n"
    ));
    let decision = decide(&policy, &writing("secrets/a"));
    assert_eq!(decision.reason().code, "policy.denied");
    assert!(decision.summary().contains("by hand only"));
    assert_eq!(decision.causes()[0].rule, Some(id("never")));
    assert_eq!(verdict(&policy, &writing("docs/a")).0, "needs-approval");
}

#[test]
fn a_program_that_may_write_a_folder_touches_what_lies_in_it() {
    let policy = policy(&format!(
        "{PERSON}  - {{id: never, when: {{writes: {{touching: ['a/secrets/**']}}}}, then: {{deny: 'by hand only'}}}}\n"
    ));
    let mut tool = git(&["gc"]);
    tool.writes = vec![samples::path("a")];
    let plan = plan(vec![step("s", Effect::Write, vec![Action::Run(tool)])]);
    assert_eq!(verdict(&policy, &plan).1, "policy.denied");
}

#[test]
fn a_permit_takes_no_requirement_away() {
    let policy = policy(&format!(
        "{READS}  - {{id: inventory, when: {{pipelines: [inventory]}}, then: {{needsApproval: {{people: 2}}}}}}\n"
    ));
    let decision = decide(&policy, &read());
    assert_eq!(decision.outcome().word(), "needs-approval");
    assert_eq!(decision.steps()[0].allowed_by, [id("reads"), id("inventory")]);
}

#[test]
fn requirements_of_all_steps_are_joined_and_each_rule_counts_once() {
    let policy = policy(
        "  - {id: one, when: {effect: {atMost: write}}, then: {needsApproval: {people: 1}}}
  - {id: two, when: {effect: {atLeast: write}}, then: {needsApproval: {people: 2, roles: [lead]}}}\n",
    );
    let mut plan = read();
    plan.steps.extend([reading("b"), step("w", Effect::Write, vec![write("a", "x")])]);
    match decide(&policy, &plan).outcome() {
        super::super::Outcome::NeedsApproval(super::super::Requirement::AllOf(parts)) => assert_eq!(parts.len(), 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_is_a_ceiling_where_it_permits_and_a_trigger_where_it_denies() {
    let two = plan(vec![step(
        "s",
        Effect::Analyze,
        vec![Action::Run(git(&["log"])), Action::Run(run("deployer", "/usr/local/bin/deployer", &["show"]))],
    )]);
    let permits = policy("  - {id: a, when: {effect: {atMost: analyze}, programs: [git]}, then: permit}\n");
    assert_eq!(verdict(&permits, &two).1, "policy.default_deny");
    assert_eq!(verdict(&permits, &read()).0, "permit");
    let denies = policy(&format!("{READS}  - {{id: a, when: {{programs: [deployer]}}, then: {{deny: 'no'}}}}\n"));
    assert_eq!(verdict(&denies, &two).1, "policy.denied");
    let asks = policy(&format!(
        "{READS}  - {{id: a, when: {{programs: [deployer]}}, then: {{needsApproval: {{people: 1}}}}}}\n"
    ));
    assert_eq!(verdict(&asks, &two).0, "needs-approval", "a part is enough to ask");
    let alone = policy("  - {id: a, when: {programs: [deployer]}, then: {needsApproval: {people: 1}}}\n");
    assert_eq!(verdict(&alone, &two).1, "policy.default_deny", "a part is not enough to cover");
}

#[test]
fn c32_an_uninspectable_step_needs_a_rule_that_names_such_steps() {
    let opaque = plan(vec![step("s", Effect::Analyze, vec![Action::Run(python(&["-c", "x"]))])]);
    assert_eq!(verdict(&policy(READS), &opaque), ("deny", "policy.uninspectable"));
    assert_eq!(verdict(&policy(PERSON), &opaque), ("deny", "policy.uninspectable"));
    let named =
        "  - {id: a, when: {effect: {atMost: analyze}, uninspectable: true}, then: {needsApproval: {people: 1}}}\n";
    assert_eq!(verdict(&policy(named), &opaque).0, "needs-approval");
    assert_eq!(verdict(&policy(named), &read()).1, "policy.default_deny");
}

#[test]
fn c42_hosts_must_be_covered_by_a_rule_that_names_them() {
    let mut tool = git(&["fetch"]);
    tool.network = vec![host("example.com", 443)];
    let online = plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])]);
    assert_eq!(verdict(&policy(READS), &online), ("deny", "policy.host"));
    let rule = |hosts: &str| {
        policy(&format!("  - {{id: a, when: {{effect: {{atMost: analyze}}, hosts: {hosts}}}, then: permit}}\n"))
    };
    assert_eq!(verdict(&rule("['example.com:443']"), &online).0, "permit");
    assert_eq!(verdict(&rule("any"), &online).0, "permit");
    assert_eq!(verdict(&rule("['example.com:80']"), &online).1, "policy.default_deny");
    assert_eq!(verdict(&rule("['evil-example.com:443']"), &online).1, "policy.default_deny");
    let offline = policy("  - {id: a, when: {effect: {atMost: analyze}, network: none}, then: permit}\n");
    assert_eq!(verdict(&offline, &online).1, "policy.default_deny");
    assert_eq!(verdict(&offline, &read()).0, "permit");
}

#[test]
fn c34_an_ip_literal_needs_a_rule_that_names_it() {
    let mut tool = git(&["fetch"]);
    tool.network = vec![host("10.0.0.1", 443)];
    let plan = plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])]);
    let rule = |host: &str| {
        policy(&format!("  - {{id: a, when: {{effect: {{atMost: analyze}}, hosts: ['{host}']}}, then: permit}}\n"))
    };
    assert_eq!(verdict(&rule("example.com:443"), &plan).0, "deny");
    assert_eq!(verdict(&rule("10.0.0.1:443"), &plan).0, "permit");
}

#[test]
fn c23_programs_must_be_those_of_the_table() {
    let policy = policy(READS);
    for change in [
        |p: &mut crate::plan::model::Program| p.path = "/tmp/git".into(),
        |p: &mut crate::plan::model::Program| p.name = id("got"),
        |p: &mut crate::plan::model::Program| p.digest = Some(Digest::of(b"git")),
    ] {
        let mut tool = git(&["log"]);
        change(&mut tool.program);
        let plan = plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])]);
        assert_eq!(verdict(&policy, &plan), ("deny", "policy.program"));
    }
}

#[test]
fn c02_a_plan_may_not_unmark_an_interpreter_nor_hide_one_among_what_verifies() {
    let named = policy("  - {id: a, when: {effect: {atMost: write}, uninspectable: true}, then: permit}\n");
    let mut tool = python(&["-c", "x"]);
    tool.program.interpreter = false;
    let unmarked = plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool.clone())])]);
    assert_eq!(verdict(&named, &unmarked).1, "policy.program");
    let mut hidden = writing("a");
    hidden.steps[0].verify = vec![Action::Run(tool)];
    assert_eq!(verdict(&named, &hidden).1, "policy.program");
}

#[test]
fn c03_a_flag_that_is_not_listed_is_refused() {
    let policy = policy(READS);
    let with = |argument: &str| {
        let tool = run("deployer", "/usr/local/bin/deployer", &["plan", argument]);
        verdict(&policy, &plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])]))
    };
    for good in ["-out", "-out=x.plan", "-input=false", "x.plan"] {
        assert_eq!(with(good).0, "permit", "{good}");
    }
    for bad in ["-outx", "-var=a", "--out", "-", "--", "-chdir=/", "-o"] {
        assert_eq!(with(bad), ("deny", "argv.flag"), "{bad}");
    }
    let mut tool = run("deployer", "/usr/local/bin/deployer", &["plan"]);
    tool.argv.push(Arg::Slot(crate::plan::model::Slot {
        prefix: "-var=".into(),
        from_step: id("a"),
        output: id("b"),
        kind: crate::base::value::ValueType::String,
        pattern: None,
        max_length: 9,
    }));
    assert_eq!(verdict(&policy, &plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])])).1, "argv.flag");
}

#[test]
fn c04_variables_that_steer_programs_need_to_be_listed() {
    let with = |policy: &Policy, name: &str| {
        let mut tool = git(&["log"]);
        tool.env.insert(name.into(), Arg::Literal("x".into()));
        verdict(policy, &plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])])).1
    };
    let strict = policy(READS);
    assert_eq!(with(&strict, "LD_PRELOAD"), "env.dangerous");
    assert_eq!(with(&strict, "MODE"), "policy.permitted");
    let listed = compile(&format!("{HEAD}dangerousEnv: [GIT_DIR, GITHUB_TOKEN]\nrules:\n{READS}"));
    assert_eq!(with(&listed, "GIT_DIR"), "policy.permitted");
    assert_eq!(with(&listed, "GITHUB_TOKEN"), "env.dangerous", "never, listed or not");
    let own =
        compile(&format!("{HEAD}rules:\n{READS}").replace("/usr/bin/git}", "/usr/bin/git, dangerousEnv: [GIT_DIR]}"));
    assert_eq!(with(&own, "GIT_DIR"), "policy.permitted");
}

#[test]
fn secrets_are_listed_and_only_for_their_environments() {
    let policy = policy(READS);
    let with = |secret: &str, environment: Option<&str>| {
        let mut tool = git(&["log"]);
        tool.secrets.push(secret.into());
        let mut plan = plan(vec![step("s", Effect::Analyze, vec![Action::Run(tool)])]);
        plan.environment = environment.map(id);
        verdict(&policy, &plan).1
    };
    assert_eq!(with("TOKEN", None), "policy.permitted");
    assert_eq!(with("OTHER", None), "policy.secret");
    assert_eq!(with("DATABASE_URL", Some("staging")), "policy.permitted");
    assert_eq!(with("DATABASE_URL", Some("production")), "policy.secret");
    assert_eq!(with("DATABASE_URL", None), "policy.secret");
}

#[test]
fn a25_an_environment_that_is_not_listed_exactly_is_denied() {
    let policy = policy(READS);
    for (environment, code) in
        [("staging", "policy.permitted"), ("Staging", "policy.environment"), ("dev", "policy.environment")]
    {
        let mut plan = read();
        plan.environment = Some(id(environment));
        assert_eq!(verdict(&policy, &plan).1, code, "{environment}");
    }
}

#[test]
fn a31_switches_win_over_every_rule_at_execution_and_are_shown_in_a_review() {
    let off = |what: &str| {
        compile(&format!("{HEAD}rules:\n{READS}{PERSON}").replace(&format!("{what}: true"), &format!("{what}: false")))
    };
    let execution = off("enabled");
    assert_eq!(verdict(&execution, &read()), ("deny", "policy.execution_off"));
    let review = decide_for(&execution, &read(), Purpose::Review, now());
    assert_eq!(review.outcome().word(), "needs-approval");
    assert!(review.guards().iter().any(|guard| guard.id == "execution" && !guard.passed && !guard.binding));
    let effects = off("sideEffects");
    assert_eq!(verdict(&effects, &writing("a")), ("deny", "policy.side_effects_off"));
    assert_eq!(verdict(&effects, &read()).0, "needs-approval");
    let mut lying = writing("a");
    lying.effect = Effect::Read;
    assert_eq!(
        verdict(&effects, &lying).1,
        "policy.side_effects_off",
        "the plan's own word for its effect is not asked"
    );
}

#[test]
fn limits_and_expiry_deny() {
    let small = compile(&format!("{HEAD}limits: {{steps: 1, planLifetime: 1h, stepTimeout: 10s}}\nrules:\n{READS}"));
    let codes: Vec<&str> =
        decide(&small, &plan(vec![reading("a"), reading("b")])).causes().iter().map(|c| c.reason.code).collect();
    assert_eq!(codes, ["policy.limit"; 4]);
    let late = decide_for(&policy(READS), &read(), Purpose::Review, samples::time("2027-11-20T00:00:00Z"));
    assert_eq!(late.reason().code, "policy.expired");
}

#[test]
fn what_is_exactly_at_a_limit_is_within_it() {
    // The sample plan lives ten hours, and its one step may take a minute.
    let of = |limits: &str| compile(&format!("{HEAD}limits: {{{limits}}}\nrules:\n{READS}"));
    assert_eq!(verdict(&of("steps: 1, planLifetime: 10h, stepTimeout: 60s"), &read()).0, "permit");
    for below in ["planLifetime: 35999s", "stepTimeout: 59s"] {
        assert_eq!(verdict(&of(below), &read()), ("deny", "policy.limit"), "{below}");
    }
    let two = plan(vec![reading("a"), reading("b")]);
    assert_eq!(verdict(&of("steps: 2"), &two).0, "permit");
    assert_eq!(verdict(&of("steps: 1"), &two), ("deny", "policy.limit"));
}

#[test]
fn b29_a_review_of_another_plan_denies() {
    let policy = policy(READS);
    let plan = read();
    let report = review::review(&plan, Digest::of(b"another"), &policy.review_settings());
    let question = evaluate::Question {
        policy: &policy,
        plan: &plan,
        digest: Digest::of(b"plan"),
        report: &report,
        now: now(),
        purpose: Purpose::Review,
    };
    assert_eq!(evaluate::evaluate(question).reason().code, "policy.review_mismatch");
}

#[test]
fn conditions_on_the_plan_hold_for_each_step() {
    let rule =
        |when: &str| policy(&format!("  - {{id: a, when: {{effect: {{atMost: write}}, {when}}}, then: permit}}\n"));
    let mut risky = read();
    risky.risks = vec![risk(Severity::Medium)];
    for (when, plan, outcome) in [
        ("risks: {count: 0}", read(), "permit"),
        ("risks: {count: 0}", risky.clone(), "deny"),
        ("risks: {atMost: medium}", risky.clone(), "permit"),
        ("risks: {atMost: low}", risky, "deny"),
        ("steps: {atMost: 1}", read(), "permit"),
        ("steps: {atMost: 1}", plan(vec![reading("a"), reading("b")]), "deny"),
        ("planner: [fixed]", read(), "permit"),
        ("planner: [model]", read(), "deny"),
        ("directives: [docs]", read(), "permit"),
        ("directives: [other]", read(), "deny"),
        ("environments: [staging]", read(), "deny"),
        ("writes: none", read(), "permit"),
        ("writes: none", writing("a"), "deny"),
        ("writes: {within: [docs]}", writing("docs/a"), "permit"),
        ("writes: {within: [docs]}", writing("docs2/a"), "deny"),
        ("writes: {within: [docs]}", read(), "permit"),
        ("secrets: none", read(), "permit"),
        ("uninspectable: false", read(), "permit"),
        ("window: {days: [mon..fri], from: '08:00', to: '18:00'}", read(), "permit"),
        ("window: {days: [sat, sun]}", read(), "deny"),
        ("window: {from: '12:01'}", read(), "deny"),
        ("window: {to: '12:00'}", read(), "deny"),
    ] {
        assert_eq!(verdict(&rule(when), &plan).0, outcome, "{when}");
    }
}

#[test]
fn a_directives_gate_limits_the_methods_and_asks_for_a_person() {
    let mut plan = read();
    plan.gate = vec![Method::Ssh];
    let decision = decide(&policy(READS), &plan);
    assert_eq!((decision.outcome().word(), decision.reason().code), ("needs-approval", "policy.gate"));
    plan.gate = vec![Method::Policy];
    assert_eq!(verdict(&policy(READS), &plan).0, "permit");
    plan.gate = vec![Method::Ssh];
    let keys = policy(
        "  - {id: a, when: {effect: {atMost: read}}, then: {deny: 'x'}}
  - {id: b, when: {effect: {atMost: analyze}}, then: {needsApproval: {people: 1, methods: [key]}}}\n",
    );
    assert_eq!(verdict(&keys, &plan).1, "policy.gate_conflict");
}

#[test]
fn a_decision_is_a_refusal_only_where_it_denies() {
    let refusal = decide(&policy(READS), &writing("a")).refusal().unwrap();
    assert_eq!((refusal.code(), refusal.about()), ("policy.default_deny", Some("s")));
    assert!(decide(&policy(READS), &read()).refusal().is_none());
    assert!(decide(&policy(PERSON), &read()).refusal().is_none());
}

#[test]
fn d02_a_plan_that_understates_an_effect_is_held_to_what_it_does() {
    let tag = Action::Tag(crate::plan::model::Tag { name: "v1".into(), message: "x".into() });
    for action in [write("a", "x"), tag] {
        let sly = plan(vec![step("s", Effect::Read, vec![action])]);
        assert_eq!(verdict(&policy(READS), &sly).1, "policy.default_deny");
    }
}

#[test]
fn c02_git_that_runs_other_programs_is_not_let_through_as_a_read() {
    let alias = plan(vec![step("s", Effect::Read, vec![Action::Run(git(&["-c", "alias.x=!id", "x"]))])]);
    assert_eq!(verdict(&policy(READS), &alias).1, "policy.uninspectable");
}

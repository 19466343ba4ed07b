//! What holds of every policy.

use proptest::prelude::*;

use super::{super::Outcome, *};
use crate::plan::model::{Action, Effect, Step};
use samples::{git, host, id, plan, python, step, write};

fn a_condition() -> impl Strategy<Value = String> {
    let effects = prop::sample::select(vec!["read", "analyze", "recommend", "notify", "write", "irreversible"]);
    prop_oneof![
        effects.prop_map(|word| format!("effect: {{atLeast: {word}}}")),
        prop::sample::select(vec!["network: none", "network: declared"]).prop_map(str::to_owned),
        prop::sample::select(vec!["secrets: none", "secrets: [TOKEN]"]).prop_map(str::to_owned),
        prop::sample::select(vec!["programs: [git]", "programs: none", "programs: [git, python3]"])
            .prop_map(str::to_owned),
        prop::sample::select(vec!["hosts: any", "hosts: ['a.example:443']"]).prop_map(str::to_owned),
        prop::sample::select(vec!["writes: none", "writes: {within: [docs]}"]).prop_map(str::to_owned),
        prop::sample::select(vec!["uninspectable: true", "uninspectable: false"]).prop_map(str::to_owned),
        prop::sample::select(vec!["pipelines: [inventory]", "pipelines: [other]"]).prop_map(str::to_owned),
        prop::sample::select(vec!["steps: {atMost: 1}", "risks: {count: 0}", "environments: [staging]"])
            .prop_map(str::to_owned),
    ]
}

fn a_rule() -> impl Strategy<Value = (Vec<String>, String)> {
    let then = prop::sample::select(vec!["permit", "{deny: 'no'}", "{needsApproval: {people: 1}}"]);
    (prop::collection::vec(a_condition(), 1..4), then.prop_map(str::to_owned))
}

/// The text of a policy with these rules; conditions of the same name are left out after the first.
fn text_of(rules: &[(Vec<String>, String)], most: &str) -> String {
    let mut text = format!("{HEAD}rules:\n");
    for (n, (conditions, then)) in rules.iter().enumerate() {
        let mut when: Vec<String> = Vec::new();
        let bounded = then == "permit";
        if bounded {
            when.push(format!("effect: {{atMost: {most}}}"));
        }
        for condition in conditions {
            let name = condition.split(':').next().unwrap();
            if !when.iter().any(|other| other.split(':').next() == Some(name)) {
                when.push(condition.clone());
            }
        }
        text.push_str(&format!("  - {{id: r{n}, when: {{{}}}, then: {then}}}\n", when.join(", ")));
    }
    text
}

fn a_step() -> impl Strategy<Value = Step> {
    (0..6_usize, 0..4_usize, any::<bool>(), any::<bool>()).prop_map(|(effect, kind, online, secret)| {
        let mut tool = if kind == 1 { python(&["x"]) } else { git(&["log"]) };
        if online {
            tool.network.push(host("a.example", 443));
        }
        if secret {
            tool.secrets.push("TOKEN".into());
        }
        let action = if kind == 2 { write("docs/a", "x") } else { Action::Run(tool) };
        step("s", Effect::ALL[effect].1, vec![action])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a35_no_policy_lets_a_plan_with_an_uncovered_step_through(
        rules in prop::collection::vec(a_rule(), 1..5),
        most in prop::sample::select(vec!["read", "write", "irreversible"]),
        steps in prop::collection::vec(a_step(), 0..4),
    ) {
        let policy = compile(&text_of(&rules, most));
        let steps: Vec<Step> = steps.into_iter().enumerate().map(|(n, mut s)| { s.id = id(&format!("s{n}")); s }).collect();
        let plan = plan(steps);
        let decision = decide(&policy, &plan);
        prop_assert!(!decision.causes().is_empty());
        let covered = decision.steps().iter().all(|step| !step.allowed_by.is_empty());
        let denied = decision.steps().iter().any(|step| step.outcome == "deny");
        let asked = decision.steps().iter().any(|step| step.outcome == "needs-approval");
        match decision.outcome() {
            Outcome::Deny => {}
            Outcome::Permit => prop_assert!(covered && !denied && !asked && !plan.steps.is_empty()),
            Outcome::NeedsApproval(requirement) => {
                prop_assert!(covered && !denied && !plan.steps.is_empty());
                prop_assert!(!requirement.status(&[], now()).satisfied);
            }
        }
        prop_assert_eq!(decision.outcome() == &Outcome::Deny, decision.refusal().is_some());
    }

    #[test]
    fn a_further_denial_never_opens_anything(
        rules in prop::collection::vec(a_rule(), 1..4),
        denial in prop::collection::vec(a_condition(), 1..3),
        step in a_step(),
    ) {
        let plan = plan(vec![step]);
        let before = decide(&compile(&text_of(&rules, "write")), &plan);
        let mut more = rules;
        more.push((denial, "{deny: 'no'}".to_owned()));
        let after = decide(&compile(&text_of(&more, "write")), &plan);
        prop_assert!(*before.outcome() == *after.outcome() || *after.outcome() == Outcome::Deny);
    }

    #[test]
    fn d10_an_objection_only_ever_denies(
        rules in prop::collection::vec(a_rule(), 1..4),
        steps in prop::collection::vec(a_step(), 0..3),
        said in ".{0,80}",
    ) {
        let decision = decide(&compile(&text_of(&rules, "write")), &plan(steps));
        let objected = decision.clone().objected(said);
        prop_assert_eq!(objected.outcome(), &Outcome::Deny);
        prop_assert!(objected.refusal().is_some() && objected.status(&[], now()).is_none());
        if decision.outcome() == &Outcome::Deny {
            prop_assert_eq!(decision.reason(), objected.reason(), "the first cause stays");
        }
    }

    #[test]
    fn compiling_mutated_text_never_panics(
        at in 0..2_000_usize,
        cut in 0..8_usize,
        insert in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = text_of(&[(vec!["pipelines: [x]".to_owned()], "{needsApproval: {kOf: {k: 1, of: [{people: 1}]}}}".to_owned())], "read")
            .into_bytes();
        let at = at.min(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, insert);
        if let Err(found) = Policy::compile("p", &bytes) {
            prop_assert!(!found.is_empty());
        }
    }

    #[test]
    fn compiling_any_text_never_panics(text in "[-a-z0-9:{}\\[\\],'\" \n#&*!|>%@]{0,200}") {
        let _ = Policy::compile("p", text.as_bytes());
    }
}

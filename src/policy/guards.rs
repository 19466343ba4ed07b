//! Checks that stand above all rules: no rule and no approval overrides them.

use std::fmt::Display;

use crate::{
    base::{
        ident::Id,
        reason::{ARGV_FLAG, Reason},
        text::count,
        time::shown_duration,
        yaml::Place,
    },
    plan::model::{Arg, Run, Step},
    review::{self, programs},
};

use super::{
    condition::{effect, runs},
    decision::{Cause, Guard, Purpose},
    evaluate::Question,
    model::Policy,
    reasons::{
        ENV_DANGEROUS, POLICY_DIRECTIVE, POLICY_ENVIRONMENT, POLICY_EXECUTION_OFF, POLICY_EXPIRED, POLICY_LIMIT,
        POLICY_NO_STEPS, POLICY_PLANNER, POLICY_PROGRAM, POLICY_REVIEW, POLICY_SECRET, POLICY_SIDE_EFFECTS_OFF,
    },
};

/// Collects guards, and the causes of those that failed.
#[derive(Default)]
pub(super) struct Guards {
    pub(super) guards: Vec<Guard>,
    pub(super) causes: Vec<Cause>,
}

impl Guards {
    fn check(&mut self, id: &'static str, passed: bool, plan: impl Display, policy: impl Display, reason: Reason) {
        self.note(id, passed, true, &plan, &policy);
        if !passed {
            self.cause(reason, format!("{id}: {plan}, and the policy says {policy}"), None, None);
        }
    }

    fn note(&mut self, id: &'static str, passed: bool, binding: bool, plan: &dyn Display, policy: &dyn Display) {
        let (plan, policy) = (plan.to_string(), policy.to_string());
        self.guards.push(Guard { id, passed, binding, plan, policy, place: None });
    }

    fn switch(&mut self, id: &'static str, (on, at): (bool, Place), used: bool, purpose: Purpose, reason: Reason) {
        let binding = purpose == Purpose::Execute;
        let passed = on || !used;
        self.note(id, passed, binding, &used, &if on { "on" } else { "off" });
        if let Some(guard) = self.guards.last_mut() {
            guard.place = Some(at);
        }
        if binding && !passed {
            self.cause(reason, format!("the policy switches {} off", id.replace('-', " ")), None, Some(at));
        }
    }

    fn cause(&mut self, reason: Reason, message: String, step: Option<&Id>, place: Option<Place>) {
        self.causes.push(Cause { reason, message, step: step.cloned(), rule: None, place });
    }
}

/// Runs every guard.
pub(super) fn run(question: Question<'_>) -> Guards {
    let Question { policy, plan, digest, report, now, purpose } = question;
    let mut all = Guards::default();
    let limits = policy.limits();
    let ran = review::checks::ALL.len();
    let whole = report.plan() == digest && report.checks().len() == ran;
    let reviewed = format!("{} of {}", count(report.checks().len(), "check"), report.plan());
    all.check("review", whole, reviewed, format!("all {ran} checks, of exactly this plan"), POLICY_REVIEW);
    all.check("policy-expiry", now < policy.expires(), now, format!("expires {}", policy.expires()), POLICY_EXPIRED);
    let execution = policy.execution();
    let switch = (execution.enabled, execution.enabled_at);
    all.switch("execution", switch, true, purpose, POLICY_EXECUTION_OFF);
    // The steps are asked, not the plan's own word for its effect.
    let effects = plan.steps.iter().any(|step| effect(step).has_side_effect()) || plan.effect.has_side_effect();
    let switch = (execution.side_effects, execution.side_effects_at);
    all.switch("side-effects", switch, effects, purpose, POLICY_SIDE_EFFECTS_OFF);
    let steps = plan.steps.len();
    all.check("no-steps", steps > 0, count(steps, "step"), "at least 1", POLICY_NO_STEPS);
    let most_steps = usize::try_from(limits.steps).unwrap_or(usize::MAX);
    all.check("steps", steps <= most_steps, count(steps, "step"), format!("at most {most_steps}"), POLICY_LIMIT);
    let lifetime = plan.expires_at.since(plan.created_at);
    let longest = limits.plan_lifetime;
    all.check(
        "plan-lifetime",
        lifetime <= longest,
        shown_duration(lifetime),
        format!("at most {}", shown_duration(longest)),
        POLICY_LIMIT,
    );
    if let Some(environment) = &plan.environment {
        let listed: Vec<&str> = policy.environments().map(Id::as_str).collect();
        let known = listed.contains(&environment.as_str());
        all.check("environment", known, environment, format!("[{}]", listed.join(", ")), POLICY_ENVIRONMENT);
    }
    if plan.directive.commit != plan.subject.base_sha {
        let at = format!("directive at {}", plan.directive.commit);
        let allowed = policy.gates().directives_at_head
            && plan.subject.change_request.is_some()
            && plan.directive.commit == plan.subject.head_sha;
        all.check(
            "directive-at-base",
            allowed,
            at,
            "at the base, or `gates: {directivesAtHead: true}`",
            POLICY_DIRECTIVE,
        );
    }
    let planning = policy.planning();
    let planner = format!("{}, model {}", plan.planner.kind, plan.planner.model.as_deref().unwrap_or("none"));
    all.check("planner", planning.allows(&plan.planner), planner, planning.describe(), POLICY_PLANNER);
    let before = all.causes.len();
    for step in &plan.steps {
        let seconds = i64::from(step.timeout_seconds);
        if seconds > limits.step_timeout {
            let message = format!(
                "a timeout of {}, and the policy says at most {}",
                shown_duration(seconds),
                shown_duration(limits.step_timeout)
            );
            all.cause(POLICY_LIMIT, message, Some(&step.id), None);
        }
        for run in runs(step) {
            check_program(policy, step, run, &mut all);
            check_environment(policy, step, run, &mut all);
            check_secrets(question, step, run, &mut all);
        }
    }
    let failed = all.causes.len() - before;
    let found = if failed == 0 { "as listed".to_owned() } else { format!("{failed} not as listed") };
    all.note("actions", failed == 0, true, &found, &"programs, flags, variables, secrets and timeouts as listed");
    all
}

fn check_program(policy: &Policy, step: &Step, run: &Run, all: &mut Guards) {
    let program = &run.program;
    let Some(entry) = policy.body.programs.get(&program.name) else {
        let message = format!("the program `{}` is not listed", program.name);
        return all.cause(POLICY_PROGRAM, message, Some(&step.id), None);
    };
    let shown = |digest: Option<crate::base::digest::Digest>| digest.map_or("none".to_owned(), |d| d.to_string());
    for (what, plan, listed) in [
        ("path", program.path.clone(), entry.path.clone()),
        ("digest", shown(program.digest), shown(entry.digest)),
        ("interpreter", program.interpreter.to_string(), entry.interpreter.to_string()),
    ] {
        if plan != listed {
            let message =
                format!("the program `{}` has the {what} `{plan}`, and is listed with `{listed}`", program.name);
            all.cause(POLICY_PROGRAM, message, Some(&step.id), Some(entry.place));
        }
    }
    if let Some(flags) = &entry.flags {
        for argument in run.argv.iter().filter_map(flag_text) {
            if !flags.iter().any(|flag| covers(flag, argument)) {
                let message = format!("`{}` is given `{argument}`, which is not a listed flag", program.name);
                all.cause(ARGV_FLAG, message, Some(&step.id), Some(entry.place));
            }
        }
    }
}

/// Returns the fixed text of an argument that a program may take for a flag.
fn flag_text(arg: &Arg) -> Option<&str> {
    let text = match arg {
        Arg::Literal(text) => text,
        Arg::Slot(slot) => &slot.prefix,
        Arg::Script(_) | Arg::Scratch(_) => return None,
    };
    text.starts_with('-').then_some(text)
}

/// Tells whether a listed flag is the argument, or its name before `=`.
fn covers(flag: &str, argument: &str) -> bool {
    argument.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=') || flag.ends_with('='))
}

fn check_environment(policy: &Policy, step: &Step, run: &Run, all: &mut Guards) {
    let entry = policy.body.programs.get(&run.program.name);
    for name in run.env.keys().filter(|name| programs::is_dangerous_variable(name)) {
        let listed =
            policy.body.dangerous_env.contains(name) || entry.is_some_and(|entry| entry.dangerous_env.contains(name));
        if !listed || programs::is_reserved_variable(name) {
            let message = format!("the variable `{name}` steers programs, and is not listed");
            all.cause(ENV_DANGEROUS, message, Some(&step.id), entry.map(|entry| entry.place));
        }
    }
}

fn check_secrets(question: Question<'_>, step: &Step, run: &Run, all: &mut Guards) {
    for secret in &run.secrets {
        let Some(listed) = question.policy.body.secrets.get(secret) else {
            all.cause(POLICY_SECRET, format!("the secret `{secret}` is not listed"), Some(&step.id), None);
            continue;
        };
        if programs::is_reserved_variable(secret) {
            let message = format!("the secret `{secret}` has a name that is never passed on");
            all.cause(POLICY_SECRET, message, Some(&step.id), Some(listed.place));
        }
        let Some(environments) = &listed.environments else { continue };
        let environment = question.plan.environment.as_ref();
        if !environment.is_some_and(|environment| environments.contains(environment)) {
            let here = environment.map_or("a plan without environment", Id::as_str);
            let message = format!("the secret `{secret}` is not for {here}");
            all.cause(POLICY_SECRET, message, Some(&step.id), Some(listed.place));
        }
    }
}

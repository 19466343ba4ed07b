//! `review`: checks a plan against the policy, and asks a second reviewer where that is wanted; never executes.

use serde_json::json;

use crate::{
    app::{
        output::Outcome,
        planning::{self, Second},
        session::Session,
        situation::{decide, report},
        world::World,
    },
    base::{
        reason::{ExitClass, Result},
        text::visible,
    },
    cli::args::ReviewArgs,
    policy::{self, Decision, Outcome as Decided, Policy, explain::DecisionV1},
    report::json_v1::{Finding, Level},
    review::{Finding as Found, Level as Severity, report::ReviewV1},
};

pub(super) fn run(args: &ReviewArgs, world: &mut World) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let report = report(&policy, &plan);
    let decided = decide(&policy, &plan, world.now(), policy::Purpose::Review);
    let second = match args.second.asks() {
        true => Some(planning::second(&args.second, &args.plan, &plan, &mut session, world)?),
        false => None,
    };
    let objection = second.as_ref().and_then(Second::objection);
    let decision = with_objection(decided, objection.as_deref(), &policy);
    let mut text = format!("plan {}\n", plan.digest());
    for finding in report.findings() {
        let step = finding.step.as_ref().map(|step| format!("step {step}: ")).unwrap_or_default();
        text.push_str(&format!(
            "  {:<8} {step}{} [{}]\n",
            finding.severity.word(),
            visible(&finding.message),
            finding.check
        ));
    }
    if let Some(second) = &second {
        text.push_str(&second.text());
    }
    text.push_str(&format!("decision: {}\n  {}\n", decision.outcome().word(), visible(&decision.summary())));
    text.push_str(match decision.outcome() {
        Decided::Permit => "next: countersign approve PLAN --policy\n",
        Decided::NeedsApproval(_) => "next: countersign approve PLAN\n",
        Decided::Deny => "next: countersign policy explain PLAN\n",
    });
    let mut result = json!({
        "plan": plan.digest(),
        "approved": *decision.outcome() == Decided::Permit,
        "decision": DecisionV1::from(&decision),
        "review": ReviewV1::from(&report),
    });
    if let Some(second) = &second {
        result["opinions"] = second.json();
        result["objection"] = json!(objection);
        result["opinionNotes"] = json!(second.notes());
    }
    // A review only tells: whatever the decision, the command did what it was asked.
    Ok(Outcome::done(result, text)
        .decision(decision.outcome().word())
        .coded(decision.reason().code, ExitClass::Done)
        .about(plan.digest().to_string())
        .plan(&plan)
        .findings(report.findings().iter().map(shown).collect()))
}

/// Lets an objection deny where the policy says so; nothing else that a model says does anything.
fn with_objection(decision: Decision, objection: Option<&str>, policy: &Policy) -> Decision {
    match objection {
        Some(objection) if policy.planning().objection_denies => decision.objected(objection),
        Some(_) | None => decision,
    }
}

/// A finding as files and CI show it: to be looked at, and no error of anybody.
fn shown(finding: &Found) -> Finding {
    Finding {
        code: finding.check.to_owned(),
        level: if finding.severity == Severity::Note { Level::Note } else { Level::Warning },
        message: finding.message.clone(),
        file: None,
        line: None,
        column: None,
        snippet: None,
        help: None,
        subject: finding.step.as_ref().map(|step| format!("step {step}")),
    }
}

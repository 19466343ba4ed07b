//! `review`: checks a plan against the policy, and asks a second reviewer where that is wanted; never executes.

use std::path::Path;

use serde_json::json;

use crate::{
    app::{
        output::Outcome,
        planning::{self, Second},
        session::Session,
        situation::{decide, report},
        standing,
        world::World,
    },
    base::{
        reason::{ExitClass, Result},
        shell,
        text::visible,
        time::Timestamp,
    },
    cli::args::ReviewArgs,
    event::RunStatus,
    plan::SealedPlan,
    policy::{self, Decision, Outcome as Decided, Policy, explain::DecisionV1},
    report::json_v1::{Finding, Level},
    review::{Finding as Found, Level as Severity, report::ReviewV1},
};

/// How many places of one finding a line names; `--json` has them all.
const MAX_SHOWN: usize = 6;

pub(super) fn run(args: &ReviewArgs, world: &mut World) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let report = report(&policy, &plan);
    let decided = decide(&policy, &plan, world.now(), policy::Purpose::Review);
    let second = match args.second.asks() {
        true => Some(planning::second(&args.second, &plan, &mut session, world)?),
        false => None,
    };
    let objection = second.as_ref().and_then(Second::objection);
    let decision = with_objection(decided, objection.as_deref(), &policy);
    let mut text = format!("plan {}\n", plan.digest());
    text.push_str(&told(report.findings()));
    if let Some(second) = &second {
        text.push_str(&second.text());
    }
    text.push_str(&format!("decision: {}\n  {}\n", decision.outcome().word(), visible(&decision.summary())));
    let off = decision.switched_off();
    off.iter().for_each(|off| text.push_str(&format!("  {}\n", off.sentence())));
    let stands = standing::of_one(&session, &plan, world);
    text.push_str(&next(&args.plan, &plan, &stands, &decision, &session, world.now()));
    let mut result = json!({
        "plan": plan.digest(),
        "approved": *decision.outcome() == Decided::Permit,
        "decision": DecisionV1::from(&decision),
        "review": ReviewV1::from(&report),
        "switchedOff": off,
        "status": stands.ok().flatten().map(RunStatus::word),
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

/// Says the next command, with the plan as it was named; a plan that is over needs another, one that is on no record
/// is proposed first.
///
/// A review asks for no ledger: where there is none to be read, whoever approves will find out.
fn next(
    named: &str,
    plan: &SealedPlan,
    stands: &Result<Option<RunStatus>>,
    decision: &Decision,
    session: &Session,
    now: Timestamp,
) -> String {
    let expired = (plan.plan().expires_at <= now).then_some(RunStatus::Expired);
    let over = stands.as_ref().ok().copied().flatten().filter(|stands| stands.is_terminal());
    let named = shell::path(Path::new(named));
    let directive = plan.plan().directive.name.as_str();
    if let Some(over) = over.or(expired).map(RunStatus::word) {
        return format!("the plan is over: {over}\nnext: countersign plan {directive}\n");
    }
    match decision.outcome() {
        Decided::Deny => format!("next: countersign policy explain {named}\n"),
        _ if matches!(stands, Ok(None)) => {
            let again = match session.root.document().forge {
                Some(_) => format!("propose {named}"),
                None => format!("plan {directive}"),
            };
            format!("the plan is on no record: nobody can approve it\nnext: countersign {again}\n")
        }
        Decided::Permit => format!("next: countersign approve {named} --policy\n"),
        Decided::NeedsApproval(_) => format!("next: countersign approve {named}\n"),
    }
}

/// The findings for a person: what one check says of one step in the same words stands in one line, with all that shows it.
fn told(findings: &[Found]) -> String {
    let alike = |a: &&Found, b: &&Found| {
        (a.severity, a.check, &a.step, &a.message) == (b.severity, b.check, &b.step, &b.message)
    };
    let mut groups: Vec<Vec<&Found>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|group| alike(&group[0], &finding)) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    let line = |group: &Vec<&Found>| {
        let first = group[0];
        let mut shown: Vec<&str> = Vec::new();
        for evidence in group.iter().map(|finding| finding.evidence.as_str()) {
            if !shown.contains(&evidence) && !first.message.contains(evidence) {
                shown.push(evidence);
            }
        }
        let more = shown.len().saturating_sub(MAX_SHOWN);
        shown.truncate(MAX_SHOWN);
        let step = first.step.as_ref().map(|step| format!("step {step}: ")).unwrap_or_default();
        let mut evidence = shown.join(", ");
        if more > 0 {
            evidence.push_str(&format!(" and {more} more"));
        }
        if !evidence.is_empty() {
            evidence = format!(" ({evidence})");
        }
        let message = visible(&first.message);
        format!("  {:<8} {step}{message}{evidence} [{}]\n", first.severity.word(), first.check)
    };
    groups.iter().map(line).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_in_several_places_is_told_once_with_where_it_stands() {
        let finding = |step: &str, message: &str, evidence: &str| Found {
            check: "tainted-values",
            severity: Severity::Warning,
            step: Some(step.parse().unwrap()),
            message: message.to_owned(),
            evidence: evidence.to_owned(),
        };
        let many: Vec<Found> = (0..8).map(|n| finding("a", "is known late", &format!("b.{}", n % 7))).collect();
        let others = [finding("c", "is known late", "b.0"), finding("c", "is b.0", "b.0")];
        assert_eq!(
            told(&[many, others.to_vec()].concat()),
            "  warning  step a: is known late (b.0, b.1, b.2, b.3, b.4, b.5 and 1 more) [tainted-values]\n  \
             warning  step c: is known late (b.0) [tainted-values]\n  warning  step c: is b.0 [tainted-values]\n"
        );
    }
}

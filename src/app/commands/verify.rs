//! `verify`: every check that execution runs, and nothing executed.

use serde_json::{Value, json};

use crate::{
    app::{
        bundle, files,
        forge::{self, Asking},
        identity, logins,
        named_plan::NamedPlan,
        output::Outcome,
        outputs,
        session::Session,
        signer,
        situation::{Aim, Situation},
        world::World,
    },
    base::{
        digest::Digest,
        reason::{Refusal, Result, USAGE, typed},
        text::visible,
    },
    cli::args::{SignerArgs, VerifyArgs},
    plan::reasons::PLAN_TYPE,
    report::json_v1::{CheckLine, CheckResult},
    sign::{Duty, Envelope, statement::Subject},
    verify::{self, Report, Verdict, svr::VerificationResult},
};

/// How the types of all bundles begin.
const BUNDLES: &str = "https://countersign.dev/bundle/";

pub(super) fn run(args: &VerifyArgs, world: &World) -> Result<Outcome> {
    if let Some(path) = &args.bundle {
        return offline(args, &files::read(&world.cwd.join(path), bundle::MAX_BYTES)?, world);
    }
    let named = args.plan.as_deref().unwrap_or_default();
    let found = NamedPlan::find(named, world);
    let about = found.digest().ok();
    let (mut session, reading) = Session::open_reading(world, |ledger| match about {
        Some(plan) => ledger.with_focus(plan),
        None => ledger,
    })?;
    if let Some(text) = &args.trust_root {
        let expected: Digest = typed(text, "--trust-root")?;
        if expected != session.root.digest() {
            let what = format!("named was {expected}, in force is {}", session.root.digest());
            return Err(Refusal::new(crate::sign::reasons::TRUST_PIN, what));
        }
    }
    let (policy, _) = session.policy()?;
    let plan = session.named_plan(found, named, world, &policy).map_err(|refusal| match refusal.is(PLAN_TYPE) {
        true if refusal.message().contains(BUNDLES) => {
            let named = visible(named);
            Refusal::new(USAGE, format!("`{named}` is a bundle, and no plan"))
                .hint(format!("verify it as one: `countersign verify --bundle {named}`"))
        }
        _ => refusal,
    })?;
    let digest = plan.digest();
    session.follow(&plan);
    let identity = identity::of_job(args.identity, &digest, &session, world)?;
    let forge = forge::reach(&session, world)?;
    let asking = forge.as_deref().map(|forge| Asking { forge, world });
    let sealed = plan.clone();
    let mut situation =
        Situation::gather(&session, policy, &plan, Aim::start(named.parse().ok(), world.now()), reading, asking)?
            .shown_by(identity)
            .left_behind(&session)?;
    let (report, verdict) = situation.with_case(|case| verify::verify(plan, case))?;
    if let (Some(path), Some(result)) = (&args.svr, VerificationResult::of(&report, world.now())) {
        let hand = signer::find(&SignerArgs::default(), &[Duty::Executor, Duty::Witness], &session, world)?;
        let envelope = Envelope::sign(vec![Subject::new("plan", digest)], result, &[hand.signer()])?;
        outputs::write(path, &envelope.to_bytes()?, world)?;
    }
    let (result, text) = shown(&report, digest);
    match verdict {
        Ok(_) => Ok(Outcome::done(result, text).decision("verified")),
        Err(refusal) => Ok(refused(&refusal, result, text)),
    }
    .map(|outcome| logins::say(outcome, &situation.renamed(&session)))
    .map(|outcome| outcome.about(digest.to_string()).checks(lines(&report)).plan(&sealed))
}

/// Verifies a bundle with nothing but its bytes and the trust root's digest.
fn offline(args: &VerifyArgs, bytes: &[u8], world: &World) -> Result<Outcome> {
    let pin = match &args.trust_root {
        Some(text) => typed(text, "--trust-root")?,
        None => bundle::pinned(bytes, world)?,
    };
    let audit = bundle::audit(bytes, &pin)?;
    let (mut result, mut text) = shown(&audit.report, audit.plan);
    result["run"] = json!(audit.run);
    result["outcome"] = json!(audit.outcome);
    let not_asked: Vec<&str> = verify::only_where_it_runs().collect();
    let (seq, end) = audit.end;
    result["notAsked"] = json!(not_asked);
    result["lastEntry"] = json!({ "seq": seq, "at": end });
    result["policyDigest"] = json!(audit.policy);
    match &audit.run {
        Some(run) => {
            let ended = audit.outcome.as_deref().unwrap_or("no outcome in this bundle");
            text.push_str(&format!("run {run}: {ended}; claimed at {}\n", audit.at));
        }
        None => text.push_str("no run in this bundle: nobody had claimed the plan\n"),
    }
    text.push_str(&format!(
        "decided under the policy {}, which is in the bundle: hold it against the protected base's\n",
        audit.policy
    ));
    text.push_str(&format!("the bundle ends with entry {seq} of {end}; what was recorded later is not in it\n"));
    text.push_str(&format!("not asked, for that needs the repository: {}\n", not_asked.join(", ")));
    match audit.report.refusal() {
        None => Ok(Outcome::done(result, text).decision("verified")),
        Some(refusal) => Ok(refused(refusal, result, text)),
    }
    .map(|outcome| outcome.about(audit.plan.to_string()).checks(lines(&audit.report)))
}

/// The checks as files and CI show them.
pub(super) fn lines(report: &Report) -> Vec<CheckLine> {
    let line = |check: &verify::CheckResult| CheckLine {
        id: check.id.to_owned(),
        result: if check.passed() { CheckResult::Passed } else { CheckResult::Failed },
        subject: match &check.verdict {
            Verdict::Passed(subject) => subject.clone(),
            Verdict::Failed(refusal) => refusal.message().to_owned(),
        },
        reason_code: check.reason().map(|reason| reason.code.to_owned()),
    };
    report.checks.iter().map(line).collect()
}

/// A verification that does not hold: its checks are shown, and the first refusal decides how the process ends.
pub(super) fn refused(refusal: &Refusal, result: Value, text: String) -> Outcome {
    let mut text = format!("{text}refused: {} [{}]\n", refusal.message(), refusal.code());
    for hint in refusal.hints() {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    let outcome = Outcome::done(result, text).decision("refused").coded(refusal.code(), refusal.reason().class);
    refusal.hints().fold(outcome, Outcome::hint)
}

/// The checks as machines and as people read them.
pub(super) fn shown(report: &Report, plan: Digest) -> (Value, String) {
    let mut text = format!("plan {plan}\n");
    let mut rows = Vec::new();
    for (number, check) in report.checks.iter().enumerate() {
        let (word, said) = match &check.verdict {
            Verdict::Passed(subject) => ("passed", subject.clone()),
            Verdict::Failed(refusal) => ("FAILED", format!("{} [{}]", refusal.message(), refusal.code())),
        };
        text.push_str(&format!("  {:>2} {word} {:<20} {}\n", number + 1, check.id, visible(&said)));
        rows.push(json!({
            "id": check.id,
            "result": if check.passed() { "passed" } else { "failed" },
            "subject": said,
            "reasonCode": check.reason().map(|reason| reason.code),
        }));
    }
    let approvals = &report.approvals;
    for aside in &approvals.set_aside {
        let who = visible(&aside.login);
        text.push_str(&format!("     not counted: {who}: {} [{}]\n", aside.why.sentence(), aside.why.reason().code));
    }
    let result = json!({
        "planDigest": plan,
        "checks": rows,
        "approvals": approvals.counted.iter().map(|counted| json!({
            "approval": counted.payload,
            "by": counted.login,
            "method": counted.method.word(),
            "expiresAt": counted.expires,
        })).collect::<Vec<_>>(),
        "notCounted": approvals.set_aside.iter().map(|aside| json!({
            "approval": aside.payload,
            "by": aside.login,
            "reasonCode": aside.why.reason().code,
            "why": aside.why.sentence(),
        })).collect::<Vec<_>>(),
        "approvalsHave": approvals.progress.as_ref().map(|progress| progress.have),
        "approvalsNeed": approvals.progress.as_ref().map(|progress| progress.need),
    });
    (result, text)
}

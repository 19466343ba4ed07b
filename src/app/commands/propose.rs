//! `propose`: takes a draft that another job made, records it, and asks for approval where people see it.

use serde_json::json;

use super::plan::record;
use crate::{
    app::{
        conversation::{Conversation, Shown, page, unheard},
        draft, files,
        forge::{self, Asking, run as ci_run},
        output::Outcome,
        planning::Artifacts,
        reasons::PLAN_DENIED,
        session::Session,
        signer,
        situation::decide,
        world::World,
    },
    base::{
        reason::{CONTEXT_MISMATCH, Refusal, Result},
        text::excerpt,
    },
    cli::args::ProposeArgs,
    facts::change_request::ChangeRequest,
    plan::{SealedPlan, seal},
    policy::{self, Outcome as Decided, Policy},
    report::comment::{Marker, Mode},
    sign::Duty,
    verify::{
        Conformance,
        reasons::{BASE_MOVED, CHANGE_CLOSED, FORK_REFUSED, HEAD_MOVED, PLAN_DEVIATES, PLAN_EXPIRED, PLAN_REQUESTER},
    },
};

pub(super) fn run(args: &ProposeArgs, world: &World) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    let (policy, policy_bytes) = session.policy()?;
    // From another job, so from anybody: what it says of itself is compared with what is.
    let bytes = files::read(&world.cwd.join(&args.plan), seal::MAX_BYTES)?;
    let plan = seal::open_with(bytes, &crate::app::session::limits(&policy))?;
    let forge = forge::need(&session, world)?;
    let asking = Asking { forge: forge.as_ref(), world };
    let change = plan.plan().subject.change_request.map(|number| forge.change_request(number)).transpose()?;
    if let Some(change) = &change {
        session.turn_to(change)?;
    }
    check(&plan, change.as_ref(), &session, &policy, asking)?;
    let decision = decide(&policy, &plan, world.now(), policy::Purpose::Review);
    if let Some(no) = decision.refusal() {
        return Err(Refusal::new(PLAN_DENIED, no.message().to_owned()).subject(plan.digest().to_string()));
    }
    let artifacts = Artifacts::read_beside(&world.cwd.join(&args.plan), plan.plan())?;
    let hand = signer::find(&args.signer, &[Duty::Planner], &session, world)?;
    let seq = record(&session, (&plan, &artifacts), &policy_bytes, &hand, plan.plan().parent, world)?;
    let word = if *decision.outcome() == Decided::Permit { "permit" } else { "needs-approval" };
    let mut result = json!({
        "planDigest": plan.digest(),
        "directive": plan.plan().directive.name,
        "effect": plan.plan().effect.word(),
        "expiresAt": plan.plan().expires_at,
        "ledgerSeq": seq,
    });
    let mut text = format!(
        "proposed {}\n  recorded as ledger entry {seq}; {}\n",
        plan.digest(),
        crate::base::text::visible(&decision.summary()),
    );
    let mut failed = None;
    if let Some(change) = &change {
        let mode = Mode::of(args.append_only);
        let conversation = Conversation { forge: forge.as_ref(), number: change.number, mode };
        let shown = Shown::recorded(&session, &plan, &decision, world)?;
        let body = shown.comment(&plan, &decision, page(&session, world).as_ref());
        match conversation.put(&Marker::Plan(plan.plan().directive.name.clone()), &body) {
            Ok(comment) => {
                text.push_str(&format!("  shown in change request {}: {}\n", change.number, comment.url));
                result["comment"] = json!(comment.url);
            }
            // It is on record and may be approved by other ways; that nobody was told is no reason to deny it.
            Err(refusal) => failed = Some(refusal),
        }
    }
    let outcome = Outcome::done(result, text).decision(word).about(plan.digest().to_string());
    Ok(failed.iter().fold(outcome, unheard))
}

/// Refuses a draft that is not of this repository, of what is there now, or not what its directive expands to.
fn check(
    plan: &SealedPlan,
    change: Option<&ChangeRequest>,
    session: &Session,
    policy: &Policy,
    asking: Asking<'_>,
) -> Result<()> {
    let (document, facts, root) = (plan.plan(), &session.facts, session.root.document());
    let subject = &document.subject;
    let same = |reason, what: &str, planned: &str, here: &str| {
        let text = format!("{what}: the draft has `{}`, here is `{}`", excerpt(planned), excerpt(here));
        if planned == here { Ok(()) } else { Err(Refusal::new(reason, text).subject(what)) }
    };
    same(CONTEXT_MISMATCH, "host", &subject.host, &root.host)?;
    same(CONTEXT_MISMATCH, "repository", &subject.repo_id, &root.repo_id)?;
    same(CONTEXT_MISMATCH, "owner", &subject.owner_id, &root.owner_id)?;
    same(BASE_MOVED, "base branch", &subject.base_ref, &facts.base_ref)?;
    same(BASE_MOVED, "base commit", &subject.base_sha, &facts.base_sha)?;
    same(BASE_MOVED, "base commit on the forge", &facts.base_sha, &asking.forge.tip(&facts.base_ref)?)?;
    same(HEAD_MOVED, "head commit", &subject.head_sha, &facts.head_sha)?;
    same(HEAD_MOVED, "tree", &subject.tree_digest.to_string(), &facts.tree_digest.to_string())?;
    let now = asking.world.now();
    if now >= document.expires_at {
        return Err(Refusal::new(PLAN_EXPIRED, format!("it expired at {}", document.expires_at)));
    }
    let mut may_ask = Vec::new();
    if let Some(change) = change {
        if !change.open {
            return Err(Refusal::new(CHANGE_CLOSED, format!("change request {}", change.number)));
        }
        same(BASE_MOVED, "base branch of the change request", &subject.base_ref, &change.base_ref)?;
        let own = change.head_repo_id.map(|id| id.to_string()).as_deref() == Some(root.repo_id.as_str());
        if !own && !policy.gates().forks {
            return Err(Refusal::new(FORK_REFUSED, format!("change request {}", change.number)));
        }
        may_ask.push(change.author.id);
    }
    if let Some(run) = ci_run(asking.forge, session, asking.world)? {
        may_ask.extend([run.actor.id, run.triggering_actor.id]);
    }
    let asked = &document.planner.requested_by;
    if asked.host != root.host || !may_ask.contains(&asked.id) {
        let what = format!("the draft says that `{}` ({}) asked for it", excerpt(&asked.login), asked.id);
        return Err(Refusal::new(PLAN_REQUESTER, what));
    }
    match draft::conformance(session, policy, plan)? {
        Conformance::Conforms { .. } => Ok(()),
        Conformance::Deviates(how) => Err(Refusal::new(PLAN_DEVIATES, how)),
    }
}

//! `approve`: a person, or the policy, agrees to exactly this plan.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::{
        files,
        ledger::reason,
        output::{Outcome, Printer},
        prompt::{self, Answer},
        reasons::{EXPIRY_TOO_LONG, PLAN_DENIED, REJECTED_AT_TERMINAL},
        session::Session,
        signer::{self, Hand},
        situation::decide,
        world::World,
    },
    approval::{
        Ground, Invalidation,
        reasons::{APPROVAL_POLICY, APPROVAL_SCOPE, APPROVAL_UNBOUND, APPROVAL_USES},
        status::would_not_count,
    },
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        text::visible,
        time::{Timestamp, parse_duration},
    },
    cli::args::{ApproveArgs, ScopeArg, SignerArgs},
    ledger::{Batch, NewEntry, View as Seen},
    plan::{
        SealedPlan,
        view::{RENDERER, View},
    },
    policy::{self, Candidate, Decision, Outcome as Decided, Policy},
    sign::{
        Duty, Envelope,
        predicate::{Actor, Approval, Method, Scope},
        statement::Subject,
    },
    verify,
};

pub(super) fn run(args: &ApproveArgs, world: &mut World, printer: &Printer) -> Result<Outcome> {
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let decision = decide(&policy, &plan, world.now(), policy::Purpose::Review);
    if let Some(refusal) = decision.refusal() {
        return Err(Refusal::new(PLAN_DENIED, refusal.message().to_owned()).subject(plan.digest().to_string()));
    }
    let terms = Terms::of(args, &policy, &plan, &session, world.now())?;
    let (hand, method) = if args.policy {
        if *decision.outcome() != Decided::Permit {
            return Err(Refusal::new(APPROVAL_POLICY, visible(&decision.summary())));
        }
        (signer::find(&SignerArgs::default(), &[Duty::Policy], &session, world)?, Method::Policy)
    } else {
        let hand = signer::find(&args.signer, &[Duty::Approver], &session, world)?;
        let named = args.signer.key.is_some() || args.signer.ssh.is_some() || args.digest.is_some();
        let method = if named {
            check_digest(args, &plan)?;
            hand.method
        } else {
            if let Some(refused) = at_terminal(args, &plan, &decision, &hand, &session, world, printer)? {
                return Ok(refused);
            }
            Method::Terminal
        };
        (hand, method)
    };
    let objection = objection(&plan, &decision, &hand, method, &session, world)?;
    let recorded = record(args, &plan, &policy, &terms, &hand, method, &session, world)?;
    Ok(match objection {
        None => recorded,
        // It is on record, and somebody will count on it: say at once that nobody may.
        Some(why) => recorded.note(&format!("it does not count: {} [{}]", why.sentence(), why.reason().code)),
    })
}

/// Tells why the policy will not count this person's approval of this plan, where it will not.
fn objection(
    plan: &SealedPlan,
    decision: &Decision,
    hand: &Hand,
    method: Method,
    session: &Session,
    world: &World,
) -> Result<Option<Invalidation>> {
    let Decided::NeedsApproval(requirement) = decision.outcome() else { return Ok(None) };
    let now = world.now();
    let mut ledger = session.ledger(now)?;
    let state = ledger.read(now)?.state();
    let authors = verify::authors(plan.plan(), plan.digest(), &session.facts, &session.root, state);
    let candidate = Candidate {
        principal: hand.principal.id,
        key: hand.key,
        roles: hand.principal.roles.iter().cloned().collect(),
        method: method.word().parse()?,
        approved_at: now,
        is_policy: method == Method::Policy,
        is_author: authors.contains(&hand.principal.id),
    };
    Ok(would_not_count(requirement, &candidate, now))
}

/// Until when the approval holds and how often it may be used.
struct Terms {
    scope: Scope,
    max_uses: u32,
    lifetime: i64,
    reason: Option<String>,
}

impl Terms {
    fn of(args: &ApproveArgs, policy: &Policy, plan: &SealedPlan, session: &Session, now: Timestamp) -> Result<Self> {
        let (scope, max_uses) = match (args.scope, args.max_uses) {
            (ScopeArg::SingleRun, None | Some(1)) => (Scope::SingleRun, 1),
            (ScopeArg::Session, Some(uses @ 1..=100)) => (Scope::Session, uses),
            (ScopeArg::Session, None) => {
                return Err(Refusal::new(APPROVAL_USES, "a session approval needs --max-uses"));
            }
            (_, Some(uses)) => return Err(Refusal::new(APPROVAL_USES, format!("{uses} uses"))),
        };
        let ends = plan.plan().expires_at.min(session.root.document().expires);
        let longest = policy.limits().approval_lifetime.min(ends.since(now));
        let lifetime = match &args.expires {
            None => longest,
            Some(text) => parse_duration(text)?,
        };
        if lifetime > longest {
            return Err(Refusal::new(EXPIRY_TOO_LONG, format!("{lifetime} s asked for, {longest} s allowed")));
        }
        if lifetime <= 0 {
            return Err(Refusal::new(crate::verify::reasons::PLAN_EXPIRED, format!("it expired at {ends}")));
        }
        let reason = args.reason.as_deref().map(reason).transpose()?;
        Ok(Self { scope, max_uses, lifetime, reason })
    }
}

/// An approval that does not name all 64 digits approves nothing.
fn check_digest(args: &ApproveArgs, plan: &SealedPlan) -> Result<()> {
    let Some(text) = &args.digest else {
        return Err(Refusal::new(APPROVAL_UNBOUND, "no --digest was given").subject(plan.digest().to_string()));
    };
    let named: Digest = text.parse()?;
    if named != plan.digest() {
        return Err(Refusal::new(APPROVAL_SCOPE, format!("named was {named}, the plan is {}", plan.digest())));
    }
    Ok(())
}

/// Shows the view and the criteria, and asks; what is no yes is recorded as a signed rejection.
fn at_terminal(
    args: &ApproveArgs,
    plan: &SealedPlan,
    decision: &Decision,
    hand: &Hand,
    session: &Session,
    world: &mut World,
    printer: &Printer,
) -> Result<Option<Outcome>> {
    let view = View::new(plan.plan(), plan.digest());
    printer.say(world, &view.terminal(printer.style().color));
    printer.say(world, &format!("The policy asks: {}", visible(&decision.summary())));
    printer.say(world, &format!("You are {}. The digest is {}", visible(&hand.principal.login), plan.digest()));
    let seconds = u64::try_from(parse_duration(&args.timeout)?).unwrap_or(300);
    let cause = match prompt::ask(&mut world.console, &plan.digest(), Duration::from_secs(seconds))? {
        Answer::Yes => return Ok(None),
        Answer::No(cause) => cause,
    };
    let seq = super::reject::record(session, plan.digest(), Method::Terminal, cause.sentence(), hand, world)?;
    let result = json!({ "plan": plan.digest(), "ledgerSeq": seq, "cause": cause.sentence() });
    let text = format!("rejected: {}; recorded as ledger entry {seq}\n", cause.sentence());
    Ok(Some(
        Outcome::done(result, text).decision("rejected").because(REJECTED_AT_TERMINAL).about(plan.digest().to_string()),
    ))
}

#[expect(clippy::too_many_arguments, reason = "each is a distinct thing that the statement names")]
fn record(
    args: &ApproveArgs,
    plan: &SealedPlan,
    policy: &Policy,
    terms: &Terms,
    hand: &Hand,
    method: Method,
    session: &Session,
    world: &World,
) -> Result<Outcome> {
    let view = View::new(plan.plan(), plan.digest());
    let ground = Ground {
        plan: plan.plan(),
        digest: plan.digest(),
        view: view.digest(),
        renderer: RENDERER,
        policy: policy.digest(),
        trust_root: session.root.digest(),
        trust_root_version: session.root.document().version,
        facts: &session.facts,
    };
    let nonce = world.entropy.nonce()?;
    let mut ledger = session.ledger(world.now())?;
    let mut made = None;
    let appended = ledger.append(world.clock, |seen: &Seen<'_>| {
        let binding = ground.bind(seen.head.clone());
        let subject = binding.subjects().map(|(name, digest)| Subject::new(name, digest)).to_vec();
        let actor = hand.actor(session);
        let login = match method {
            Method::Policy => format!("policy@{}", binding.policy),
            _ => actor.login.clone(),
        };
        let approval = Approval {
            binding,
            approver: Actor { login, ..actor },
            method,
            scope: terms.scope,
            max_uses: terms.max_uses,
            reason: terms.reason.clone(),
            nonce: nonce.clone(),
            approved_at: seen.now,
            not_before: seen.now,
            expires: seen.now.plus(terms.lifetime),
        };
        let envelope = Envelope::sign(subject, approval.clone(), &[hand.signer()])?;
        made = Some((approval, envelope.clone()));
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: Vec::new() })
    })?;
    let Some((approval, envelope)) = made else {
        return Err(Refusal::new(crate::base::reason::INTERNAL, "nothing was signed"));
    };
    if let Some(out) = &args.out {
        files::write(&world.cwd.join(out), &envelope.to_bytes()?)?;
    }
    let text = format!(
        "approved {}\n  by {} ({}), until {}, recorded as ledger entry {}\nnext: countersign verify {}\n",
        plan.digest(),
        visible(&approval.approver.login),
        method.word(),
        approval.expires,
        appended.head.seq,
        args.plan,
    );
    let result = json!({
        "planDigest": plan.digest(),
        "approved": true,
        "approval": envelope.payload_digest(),
        "approvalPath": args.out.as_ref().map(|out| out.display().to_string()),
        "approvedBy": approval.approver.login,
        "method": method.word(),
        "scope": if terms.scope == Scope::Session { "session" } else { "single-run" },
        "maxUses": terms.max_uses,
        "expiresAt": approval.expires,
        "ledgerSeq": appended.head.seq,
    });
    Ok(Outcome::done(result, text).decision("approved").about(plan.digest().to_string()))
}

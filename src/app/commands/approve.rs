//! `approve`: a person, or the policy, agrees to exactly this plan.

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::{
    app::{
        forge::{self, Asking},
        gate::Gate,
        ledger::reason,
        logins,
        output::{Outcome, Printer},
        outputs,
        prompt::{self, Answer},
        reasons::{EXPIRY_TOO_LONG, PLAN_DENIED, REJECTED_AT_TERMINAL},
        session::Session,
        signer::{self, Hand},
        situation::decide,
        world::World,
    },
    approval::{
        Ground, Invalidation,
        reasons::{APPROVAL_POLICY, APPROVAL_SCOPE, APPROVAL_UNBOUND, APPROVAL_USES, DIGEST_SHORT},
        status::would_not_count,
    },
    base::{
        digest::Digest,
        method::Method,
        reason::{INTERNAL, Refusal, Result, USAGE, typed},
        text::{counted, visible},
        time::{Timestamp, parse_duration, shown_duration},
    },
    cli::args::{ApproveArgs, GateArg, ScopeArg, SignerArgs},
    ledger::{Batch, NewEntry, View as Seen},
    plan::{
        SealedPlan,
        view::{RENDERER, View},
    },
    policy::{self, Candidate, Decision, Outcome as Decided, Policy},
    sign::{
        Duty, Envelope,
        predicate::{Actor, Approval, MAX_USES, Scope},
        statement::Subject,
    },
    verify,
};

/// What somebody is told who asked for an approval that nobody could count on.
const NOT_SIGNED: &str = "nothing was signed; whose approval would do: `countersign policy simulate PLAN --as NAME`";

pub(super) fn run(args: &ApproveArgs, world: &mut World, printer: &Printer) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    session.turn_to_plan(&plan)?;
    let matter = Matter::of(&plan, &policy, world.now())?;
    let asked = Asked { scope: args.scope, max_uses: args.max_uses, expires: args.expires.as_deref() };
    let terms = Terms::of(&asked, args.reason.as_deref(), &matter, &session, world.now())?;
    if let Some(gate) = args.gate {
        return by_gate(gate, args, &matter, &terms, &mut session, world);
    }
    let mut hand = match args.policy {
        true if *matter.decision.outcome() != Decided::Permit => {
            return Err(Refusal::new(APPROVAL_POLICY, visible(&matter.decision.summary())));
        }
        true => signer::find(&SignerArgs::default(), &[Duty::Policy], &session, world)?,
        false => signer::find(&args.signer, &[Duty::Approver], &session, world)?,
    };
    let renamed = logins::of_hand(&hand, &policy, &session, world)?;
    if let Some(note) = &renamed {
        printer.say(world, &format!("note: {note}"));
    }
    let asks = !args.policy && args.signer.key.is_none() && args.signer.ssh.is_none() && args.digest.is_none();
    if args.policy {
        hand.method = Method::Policy;
    } else if asks {
        hand.method = Method::Terminal;
    } else {
        check_digest(args, &plan)?;
    }
    if let Some(why) = objection(&matter, &hand, &session, world)? {
        let what = format!("an approval by {} would not count", visible(&hand.principal.login));
        return Err(Refusal::new(why.reason(), what).subject(plan.digest().to_string()).hint(NOT_SIGNED));
    }
    if asks && let Some(refused) = at_terminal(args, &matter, &hand, &session, world, printer)? {
        return Ok(refused);
    }
    let approved = record(&matter, &terms, &hand, args.out.as_deref(), &session, world)?;
    Ok(logins::say(approved, renamed.as_slice()))
}

/// A plan, and what the policy says of it.
pub(super) struct Matter<'a> {
    plan: &'a SealedPlan,
    policy: &'a Policy,
    decision: Decision,
}

impl<'a> Matter<'a> {
    /// Returns what the policy says of the plan.
    pub(super) fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Asks the policy, which must not deny the plan: nobody is asked to approve what can never run.
    pub(super) fn of(plan: &'a SealedPlan, policy: &'a Policy, now: Timestamp) -> Result<Self> {
        let decision = decide(policy, plan, now, policy::Purpose::Review);
        match decision.refusal() {
            Some(no) => Err(Refusal::new(PLAN_DENIED, no.message().to_owned()).subject(plan.digest().to_string())),
            None => Ok(Self { plan, policy, decision }),
        }
    }
}

/// Signs and records what somebody decided on the forge; says at once where nobody may count on it.
pub(super) fn approve(
    matter: &Matter<'_>,
    terms: &Terms,
    hand: &Hand,
    out: Option<&Path>,
    session: &Session,
    world: &World,
) -> Result<Outcome> {
    let objection = objection(matter, hand, session, world)?;
    let recorded = record(matter, terms, hand, out, session, world)?;
    Ok(match objection {
        None => recorded,
        Some(why) => recorded.note(&format!("it does not count: {} [{}]", why.sentence(), why.reason().code)),
    })
}

/// Signs for everybody whose decision the forge has on record.
fn by_gate(
    kind: GateArg,
    args: &ApproveArgs,
    matter: &Matter<'_>,
    terms: &Terms,
    session: &mut Session,
    world: &World,
) -> Result<Outcome> {
    let forge = forge::need(session, world)?;
    let asking = Asking { forge: forge.as_ref(), world };
    session.facts.forge = Some(Box::new(asking.observe(session, matter.plan.plan(), std::iter::empty(), None)?));
    let gate = Gate { asking, session, policy: matter.policy, signer: &args.signer };
    let hands = match kind {
        GateArg::Environment => vec![gate.by_environment(matter.plan)?],
        GateArg::Review => gate.by_reviews(matter.plan)?,
    };
    let renamed = hands.iter().map(|hand| logins::of_hand(hand, matter.policy, session, world));
    let renamed: Vec<String> = renamed.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    if hands.len() > 1 && args.out.is_some() {
        let what = format!("--out: {} people approved, and it keeps one approval", hands.len());
        return Err(Refusal::new(USAGE, what).subject("--out").hint("leave it away: the ledger keeps them all"));
    }
    let mut all: Option<Outcome> = None;
    for (recorded, hand) in hands.iter().enumerate() {
        let approved =
            approve(matter, terms, hand, args.out.as_deref(), session, world).map_err(|e| match recorded {
                0 => e,
                _ => e.hint(format!("{} on record already", counted(recorded as u64, "approval is", "approvals are"))),
            })?;
        all = Some(match all {
            None => approved,
            Some(before) => approved.after(&before),
        });
    }
    all.map(|outcome| logins::say(outcome, &renamed)).ok_or_else(|| Refusal::new(INTERNAL, "a gate without a hand"))
}

/// Tells why the policy will not count this person's approval of this plan, where it will not.
///
/// # Errors
/// `plan.rejected`, `approval.revoked`: nobody's counts any more.
fn objection(matter: &Matter<'_>, hand: &Hand, session: &Session, world: &World) -> Result<Option<Invalidation>> {
    let (plan, now) = (matter.plan, world.now());
    let mut ledger = session.ledger(now)?;
    let state = ledger.read(now)?.state();
    if let Some(known) = state.plan(&plan.digest()) {
        verify::not_ended(known).map_err(|e| e.subject(plan.digest().to_string()))?;
    }
    let Decided::NeedsApproval(requirement) = matter.decision.outcome() else { return Ok(None) };
    let authors = verify::authors(plan.plan(), plan.digest(), &session.facts, &session.root, state);
    let candidate = Candidate {
        principal: hand.principal.id,
        key: hand.key,
        roles: hand.principal.roles.iter().cloned().collect(),
        method: hand.method,
        approved_at: now,
        is_author: authors.contains(&hand.principal.id),
    };
    Ok(would_not_count(requirement, &candidate, now))
}

/// How long and how often an approval is asked to hold.
pub(super) struct Asked<'a> {
    pub(super) scope: ScopeArg,
    pub(super) max_uses: Option<u32>,
    pub(super) expires: Option<&'a str>,
}

/// Until when the approval holds and how often it may be used.
pub(super) struct Terms {
    scope: Scope,
    max_uses: u32,
    lifetime: i64,
    /// When the plan or the trust root ends, whichever comes first: no approval holds longer.
    ends: Timestamp,
    reason: Option<String>,
}

impl Terms {
    /// Checks what is asked for against what the policy allows.
    pub(super) fn of(
        asked: &Asked<'_>,
        why: Option<&str>,
        matter: &Matter<'_>,
        session: &Session,
        now: Timestamp,
    ) -> Result<Self> {
        let (scope, max_uses) = match (asked.scope, asked.max_uses) {
            (ScopeArg::SingleRun, None | Some(1)) => (Scope::SingleRun, 1),
            (ScopeArg::Session, Some(uses @ 1..=MAX_USES)) => (Scope::Session, uses),
            (ScopeArg::Session, None) => {
                return Err(Refusal::new(APPROVAL_USES, "a session approval needs it").typed_as("--max-uses"));
            }
            (scope, Some(uses)) => {
                let what = match scope {
                    ScopeArg::SingleRun => {
                        format!("{uses} is not 1, and without --scope session an approval is used once")
                    }
                    ScopeArg::Session => format!("{uses} is not 1 to {MAX_USES}"),
                };
                return Err(Refusal::new(APPROVAL_USES, what).typed_as("--max-uses"));
            }
        };
        let ends = matter.plan.plan().expires_at.min(session.root.document().expires);
        let longest = matter.policy.limits().approval_lifetime.min(ends.since(now));
        let lifetime = match asked.expires {
            None => longest,
            Some(text) => parse_duration(text).map_err(|e| e.typed_as("--expires"))?,
        };
        if lifetime > longest {
            return Err(Refusal::new(
                EXPIRY_TOO_LONG,
                format!("{} asked for, {} allowed", shown_duration(lifetime), shown_duration(longest)),
            ));
        }
        if lifetime <= 0 {
            return Err(over(ends));
        }
        let reason = why.map(reason).transpose()?;
        Ok(Self { scope, max_uses, lifetime, ends, reason })
    }

    /// Returns until when an approval that is signed at `signed` holds.
    ///
    /// Between [`Terms::of`] and the signature somebody may have read a long plan, or a second may have begun.
    fn until(&self, signed: Timestamp) -> Result<Timestamp> {
        let until = signed.plus(self.lifetime).min(self.ends);
        if until > signed { Ok(until) } else { Err(over(self.ends)) }
    }
}

fn over(ends: Timestamp) -> Refusal {
    Refusal::new(crate::verify::reasons::PLAN_EXPIRED, format!("it expired at {ends}"))
}

/// An approval that does not name all 64 digits approves nothing.
fn check_digest(args: &ApproveArgs, plan: &SealedPlan) -> Result<()> {
    let Some(text) = &args.digest else {
        return Err(Refusal::new(APPROVAL_UNBOUND, "no --digest was given").subject(plan.digest().to_string()));
    };
    let named = whole(text)?;
    if named != plan.digest() {
        return Err(Refusal::new(APPROVAL_SCOPE, format!("named was {named}, the plan is {}", plan.digest())));
    }
    Ok(())
}

/// Reads a digest that is given by hand: the beginning of one can be forged.
fn whole(text: &str) -> Result<Digest> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    if hex.len() < 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Refusal::new(DIGEST_SHORT, format!("--digest: {} of 64 hex digits are given", hex.len())));
    }
    typed(text, "--digest")
}

/// Shows the view and the criteria, and asks; what is no yes is recorded as a signed rejection.
fn at_terminal(
    args: &ApproveArgs,
    matter: &Matter<'_>,
    hand: &Hand,
    session: &Session,
    world: &mut World,
    printer: &Printer,
) -> Result<Option<Outcome>> {
    let plan = matter.plan;
    let view = View::new(plan.plan(), plan.digest());
    printer.say(world, &view.terminal(printer.style().color));
    printer.say(world, &format!("The policy asks: {}", visible(&matter.decision.summary())));
    printer.say(world, &format!("You are {}. The digest is {}", visible(&hand.principal.login), plan.digest()));
    let seconds = u64::try_from(parse_duration(&args.timeout).map_err(|e| e.typed_as("--timeout"))?).unwrap_or(300);
    let cause = match prompt::ask(&mut world.console, &plan.digest(), Duration::from_secs(seconds))? {
        Answer::Yes => return Ok(None),
        Answer::No(cause) => cause,
    };
    let rejected = super::reject::record(session, plan.digest(), Method::Terminal, cause.sentence(), hand, world)?;
    let seq = rejected.seq;
    let result = json!({ "plan": plan.digest(), "ledgerSeq": seq, "cause": cause.sentence() });
    let text = format!("rejected: {}; recorded as ledger entry {seq}\n", cause.sentence());
    Ok(Some(
        Outcome::done(result, text).decision("rejected").because(REJECTED_AT_TERMINAL).about(plan.digest().to_string()),
    ))
}

fn record(
    matter: &Matter<'_>,
    terms: &Terms,
    hand: &Hand,
    out: Option<&Path>,
    session: &Session,
    world: &World,
) -> Result<Outcome> {
    let (plan, policy, method) = (matter.plan, matter.policy, hand.method);
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
            evidence: hand.evidence().map(Box::new),
            scope: terms.scope,
            max_uses: terms.max_uses,
            reason: terms.reason.clone(),
            nonce: nonce.clone(),
            approved_at: seen.now,
            not_before: seen.now,
            expires: terms.until(seen.now)?,
        };
        let envelope = Envelope::sign(subject, approval.clone(), &[hand.signer()])?;
        made = Some((approval, envelope.clone()));
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: hand.objects() })
    })?;
    let Some((approval, envelope)) = made else {
        return Err(Refusal::new(INTERNAL, "nothing was signed"));
    };
    if let Some(out) = out {
        outputs::write(out, &envelope.to_bytes()?, world)?;
    }
    let text = format!(
        "approved {}\n  by {} ({}), until {}, recorded as ledger entry {}\nnext: countersign verify {}\n",
        plan.digest(),
        visible(&approval.approver.login),
        method.word(),
        approval.expires,
        appended.head.seq,
        plan.digest(),
    );
    let result = json!({
        "planDigest": plan.digest(),
        "approved": true,
        "approval": envelope.payload_digest(),
        "approvalPath": out.map(|out| out.display().to_string()),
        "approvedBy": approval.approver.login,
        "method": method.word(),
        "scope": if terms.scope == Scope::Session { "session" } else { "single-run" },
        "maxUses": terms.max_uses,
        "expiresAt": approval.expires,
        "ledgerSeq": appended.head.seq,
    });
    Ok(Outcome::done(result, text).decision("approved").about(plan.digest().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a26_an_approval_ends_with_plan_and_trust_root_however_late_it_is_signed() {
        let start: Timestamp = "2026-11-20T14:45:00Z".parse().unwrap();
        let terms =
            |lifetime| Terms { scope: Scope::SingleRun, max_uses: 1, lifetime, ends: start.plus(3_600), reason: None };
        let (whole, part) = (terms(3_600), terms(60));
        for late in [0, 1, 300, 3_599] {
            assert_eq!(whole.until(start.plus(late)).unwrap(), whole.ends, "{late}");
        }
        assert_eq!(part.until(start.plus(300)).unwrap(), start.plus(360));
        assert_eq!(part.until(start.plus(3_590)).unwrap(), part.ends);
        for late in [3_600, 3_601] {
            assert_eq!(whole.until(start.plus(late)).unwrap_err().code(), "expired.plan", "{late}");
        }
    }
}

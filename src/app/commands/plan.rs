//! `plan`: drafts a plan from a directive, seals it, and records it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    app::{
        draft::{self, Order},
        files, forge,
        output::Outcome,
        reasons::{DEFINITION_INVALID, EXPIRY_TOO_LONG, INPUT_FORM},
        session::{POLICY, Session, short},
        signer::{self, Hand},
        tracking,
        world::World,
    },
    base::{
        diagnostic::{Diagnostic, findings},
        digest::Digest,
        reason::{Refusal, Result, USAGE},
        text::{excerpt, visible},
        time::parse_duration,
    },
    cli::args::PlanArgs,
    directive::Directive,
    ledger::{Batch, NewEntry},
    plan::{SealedPlan, model::Person, view::View},
    policy::Policy,
    sign::{
        Duty, Envelope,
        predicate::{Actor, PlanRecord},
        statement::Subject,
    },
};

pub(super) fn run(args: &PlanArgs, world: &World) -> Result<Outcome> {
    let mut session = Session::open(world)?;
    let (policy, policy_bytes) = session.policy()?;
    if let Some(number) = args.change_request {
        let change = forge::need(&session, world)?.change_request(number)?;
        session.turn_to(&change)?;
    }
    let hand = match args.draft {
        true => None,
        false => Some(signer::find(&args.signer, &[Duty::Planner, Duty::Approver], &session, world)?),
    };
    let requester = requester(args, hand.as_ref(), &session, world)?;
    let drafted = draft(args, &requester, &session, &policy, world)?;
    if let Some(out) = &args.out {
        files::write(&world.cwd.join(out), drafted.plan.bytes())?;
    }
    let seq = match &hand {
        Some(hand) if !args.no_record => {
            Some(record(&session, &drafted.plan, &policy_bytes, hand, drafted.plan.plan().parent, world)?)
        }
        _ => None,
    };
    Ok(shown(args, &drafted, seq, &session))
}

/// A plan that is sealed and not recorded yet.
pub(super) struct Drafted {
    pub(super) plan: SealedPlan,
    directive: Directive,
    seed: Vec<u8>,
}

/// Drafts and seals what the arguments ask for.
pub(super) fn draft(
    args: &PlanArgs,
    requester: &Person,
    session: &Session,
    policy: &Policy,
    world: &World,
) -> Result<Drafted> {
    let (directive, at) = session.directive_for(&args.directive, policy)?;
    let inputs = directive.resolve(&parse_inputs(&args.input)?).map_err(|places| misfit(&directive, places))?;
    let seed = seed(args, world)?;
    let now = match &args.created_at {
        Some(text) => text.parse()?,
        None => world.now(),
    };
    let parent = match &args.revise {
        Some(named) => {
            let parent = session.plan(named, world, policy)?;
            Some((parent.digest(), parent.plan().revision))
        }
        None => None,
    };
    let order = Order {
        directive: &directive,
        inputs: &inputs,
        requested_by: requester,
        now,
        lifetime: lifetime(args, policy, directive.lifetime())?,
        seed: &seed,
        parent,
        directive_commit: &at,
    };
    let plan = draft::seal(session, policy, &order)?;
    Ok(Drafted { plan, directive, seed })
}

/// Returns who asks: whom the arguments name, else the holder of the key, else whom the runner names.
///
/// A name is only a claim here: `propose` compares it with what the forge has on record.
fn requester(args: &PlanArgs, hand: Option<&Hand>, session: &Session, world: &World) -> Result<Person> {
    let host = session.root.document().host.clone();
    let named = match (&args.requested_by, hand) {
        (Some(named), _) => named.clone(),
        (None, Some(hand)) => {
            let actor = hand.actor(session);
            return Ok(Person { host: actor.host, id: actor.id, login: actor.login });
        }
        (None, None) => {
            let said = |name: &str| world.env.text(name).unwrap_or_default();
            format!("{}:{}", said("GITHUB_ACTOR_ID"), said("GITHUB_ACTOR"))
        }
    };
    let parsed = named.split_once(':').and_then(|(id, login)| Some((id.parse().ok()?, login)));
    let (id, login) = parsed.filter(|(_, login)| !login.is_empty()).ok_or_else(|| {
        Refusal::new(USAGE, format!("who asks is not named: `{}`", excerpt(&named)))
            .hint("give --requested-by ID:LOGIN")
    })?;
    Ok(Person { host, id, login: login.to_owned() })
}

fn shown(args: &PlanArgs, drafted: &Drafted, seq: Option<u64>, session: &Session) -> Outcome {
    let Drafted { plan, directive, seed } = drafted;
    let document = plan.plan();
    let here = session.checkout.workdir().join(directive.path().as_str());
    let stale = std::fs::read(&here).is_ok_and(|bytes| Digest::of(&bytes) != directive.digest());
    let mut text = format!(
        "plan {}\n  {} · {} steps · effect {} · expires {}\n",
        plan.digest(),
        visible(directive.title()),
        document.steps.len(),
        document.effect.word(),
        document.expires_at,
    );
    if stale {
        text.push_str(&format!(
            "  note: {} differs in your work tree; the plan uses {}\n",
            directive.path(),
            match document.directive.commit == document.subject.base_sha {
                true => format!("{} ({})", document.subject.base_ref, short(&document.subject.base_sha)),
                false => format!("the change request ({})", short(&document.directive.commit)),
            },
        ));
    }
    let named = args.out.as_ref().map_or_else(|| plan.digest().to_string(), |out| out.display().to_string());
    text.push_str(&match seq {
        Some(seq) => format!("  recorded as ledger entry {seq}\nnext: countersign review {named}\n"),
        None if args.draft => format!("  a draft; next: countersign propose {named}\n"),
        None => "  not recorded: nobody can approve it\n".to_owned(),
    });
    let result = json!({
        "planDigest": plan.digest(),
        "planPath": args.out.as_ref().map(|out| out.display().to_string()),
        "directive": directive.name(),
        "steps": document.steps.len(),
        "effect": document.effect.word(),
        "revision": document.revision,
        "parent": document.parent,
        "createdAt": document.created_at,
        "expiresAt": document.expires_at,
        "seed": hex::encode(seed),
        "ledgerSeq": seq,
    });
    Outcome::done(result, text).about(plan.digest().to_string()).plan(plan)
}

/// Makes the refusal of inputs that do not fit, and says which the directive takes.
fn misfit(directive: &Directive, places: Vec<Diagnostic>) -> Refusal {
    let many = findings(places.len());
    let taken: Vec<String> = directive
        .inputs()
        .iter()
        .map(|(name, spec)| format!("{name}{}", if spec.is_required() { " (required)" } else { "" }))
        .collect();
    let taken = if taken.is_empty() { "no inputs".to_owned() } else { taken.join(", ") };
    Refusal::new(DEFINITION_INVALID, format!("inputs of `{}`: {many}", directive.name()))
        .subject(directive.path().to_string())
        .hint(format!("the directive takes {taken}"))
        .diagnostics(places)
}

/// Reads `name=value` pairs.
pub(super) fn parse_inputs(given: &[String]) -> Result<BTreeMap<String, String>> {
    let mut inputs = BTreeMap::new();
    for pair in given {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Refusal::new(INPUT_FORM, format!("`{}`", excerpt(pair))))?;
        if inputs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::new(INPUT_FORM, format!("`{}` is given twice", excerpt(name))));
        }
    }
    Ok(inputs)
}

fn seed(args: &PlanArgs, world: &World) -> Result<Vec<u8>> {
    match &args.seed {
        None => Ok(world.entropy.bytes()?.to_vec()),
        Some(text) => match hex::decode(text) {
            Ok(seed) if (16..=64).contains(&seed.len()) => Ok(seed),
            _ => Err(Refusal::new(USAGE, "the seed is not 16 to 64 bytes in hex")),
        },
    }
}

/// The shortest of what is asked for, what the directive says and what the policy allows; asking for more is refused.
fn lifetime(args: &PlanArgs, policy: &Policy, directive: Option<i64>) -> Result<i64> {
    let longest = policy.limits().plan_lifetime.min(directive.unwrap_or(i64::MAX));
    match &args.expires {
        None => Ok(longest),
        Some(text) => match parse_duration(text)? {
            asked if asked <= longest => Ok(asked),
            asked => Err(Refusal::new(EXPIRY_TOO_LONG, format!("{asked} s asked for, {longest} s allowed"))),
        },
    }
}

/// Records a plan: its bytes, its view, and what it was made under, with the statement that names them.
///
/// A plan for an issue is recorded only where that is ready.
pub(super) fn record(
    session: &Session,
    plan: &SealedPlan,
    policy: &[u8],
    hand: &Hand,
    supersedes: Option<Digest>,
    world: &World,
) -> Result<u64> {
    tracking::check(session, plan.plan(), world)?;
    let view = View::new(plan.plan(), plan.digest()).markdown().into_bytes();
    let trust_root = session.at_base(crate::app::keys::trust_store::CURRENT)?;
    let subjects = [
        ("plan", plan.digest()),
        ("view", Digest::of(&view)),
        ("policy", Digest::of(policy)),
        ("directive", plan.plan().directive.digest),
        ("trust-root", session.root.digest()),
    ];
    let objects = vec![plan.bytes().to_vec(), view, session.at_base(POLICY)?, trust_root];
    let Person { host, id, login } = plan.plan().planner.requested_by.clone();
    let requested_by = Actor { host, id, login };
    let mut ledger = crate::app::ledger::open(session, world.now())?;
    let appended = ledger.append(world.clock, |seen| {
        let record = PlanRecord {
            plan: plan.digest(),
            policy: Digest::of(policy),
            trust_root: session.root.digest(),
            directive: plan.plan().directive.name.clone(),
            requested_by: requested_by.clone(),
            supersedes,
            expires: plan.plan().expires_at,
            ledger: seen.head.clone(),
            recorded_at: seen.now,
        };
        let subject = subjects.iter().map(|(name, digest)| Subject::new(*name, *digest)).collect();
        let envelope = Envelope::sign(subject, record, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: objects.clone() })
    })?;
    Ok(appended.head.seq)
}

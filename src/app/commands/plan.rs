//! `plan`: drafts a plan from a directive, seals it, and records it.

mod told;

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    app::{
        draft::{self, Order},
        forge,
        output::Outcome,
        outputs,
        planning::{self, Artifacts, Chosen, Commission},
        reasons::{DEFINITION_INVALID, EXPIRY_TOO_LONG, INPUT_FORM},
        session::Session,
        signer::{self, Hand},
        situation::decide,
        tracking,
        world::World,
    },
    base::{
        diagnostic::{Diagnostic, findings},
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result, USAGE, typed},
        text::excerpt,
        time::{Timestamp, parse_duration, shown_duration},
        value::Scalar,
    },
    cli::{args::PlanArgs, outputs::is_stdout},
    directive::Directive,
    ledger::{Batch, Ledger, NewEntry},
    plan::{
        SealedPlan,
        diff::{PlanDiff, diff},
        model::Person,
        view::View,
    },
    planner::{
        Asks,
        prompt::Before,
        reasons::{PLANNER_REVISIONS, PLANNER_UNANSWERED},
    },
    policy::{Outcome as Decided, Policy, Purpose},
    report::events_v1::EventLine,
    sign::{
        Duty, Envelope,
        predicate::{Actor, PlanRecord},
        statement::Subject,
    },
};

pub(super) fn run(args: &PlanArgs, world: &mut World) -> Result<Outcome> {
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
    let drafted = ask(args, &requester, &session, &policy, world)?;
    check_time(args, &drafted.plan, world.now())?;
    world.events.tell(&EventLine::made(drafted.plan.plan(), drafted.plan.digest(), world.now()));
    let seq = match &hand {
        Some(hand) if !args.no_record => {
            let parent = drafted.plan.plan().parent;
            Some(record(&session, (&drafted.plan, &drafted.artifacts), &policy_bytes, hand, parent, world)?)
        }
        _ => None,
    };
    if let Some(out) = &args.out {
        // Only now: a plan that was not recorded must not lie there as if it were.
        let written = outputs::write(out, drafted.plan.bytes(), world).and_then(|()| match is_stdout(out) {
            // The ledger has them.
            true => Ok(None),
            false => drafted.artifacts.write_beside(&world.cwd.join(out)),
        });
        written.map_err(|e| match seq {
            Some(seq) => e.hint(format!("the plan is ledger entry {seq}: {}", drafted.plan.digest())),
            None => e,
        })?;
    }
    if seq.is_some() {
        let decision = decide(&policy, &drafted.plan, world.now(), Purpose::Review);
        if matches!(decision.outcome(), Decided::NeedsApproval(_)) {
            let (plan, at) = (drafted.plan.digest(), world.now());
            world.events.tell(&EventLine::ApprovalNeeded { plan, have: None, need: None, at });
        }
    }
    Ok(told::shown(args, &drafted, seq, &session))
}

/// Refuses a plan of a time that was given by hand, where it could only be refused later.
fn check_time(args: &PlanArgs, plan: &SealedPlan, now: Timestamp) -> Result<()> {
    let document = plan.plan();
    let refuse = |why: String| {
        Err(Refusal::new(USAGE, format!("--created-at: {why}"))
            .subject("--created-at")
            .hint("leave it out, or draft for comparison only: --no-record"))
    };
    match args.created_at.is_some() && !args.no_record {
        true if document.created_at > now => refuse(format!("{} is yet to come", document.created_at)),
        true if document.expires_at <= now => refuse(format!("the plan would have expired at {}", document.expires_at)),
        _ => Ok(()),
    }
}

/// A plan that is sealed and not recorded yet.
pub(super) struct Drafted {
    pub(super) plan: SealedPlan,
    pub(super) artifacts: Artifacts,
    directive: Directive,
    seed: Vec<u8>,
    notes: Vec<String>,
    /// What is different from the plan that is revised.
    since: Option<PlanDiff>,
}

/// Drafts and seals what the arguments ask for, where nobody need be asked.
///
/// # Errors
/// `planner.unanswered` where the directive or the configuration names a planner that asks somebody.
pub(super) fn draft(
    args: &PlanArgs,
    requester: &Person,
    session: &Session,
    policy: &Policy,
    world: &World,
) -> Result<Drafted> {
    let groundwork = Groundwork::of(args, session, policy, world)?;
    if groundwork.chosen.planner.asks() != Asks::Nobody {
        let message = format!(
            "`{}` asks somebody, and this job holds what a planner must not have",
            groundwork.chosen.planner.kind()
        );
        return Err(Refusal::new(PLANNER_UNANSWERED, message).hint(
            "let a job without keys draft: `countersign plan ... --draft --out FILE`, then `countersign propose FILE`",
        ));
    }
    groundwork.alone(args, requester, session, policy)
}

/// Drafts and seals what the arguments ask for, and asks whom they name.
fn ask(args: &PlanArgs, requester: &Person, session: &Session, policy: &Policy, world: &mut World) -> Result<Drafted> {
    let groundwork = Groundwork::of(args, session, policy, world)?;
    if groundwork.chosen.planner.asks() == Asks::Nobody {
        return groundwork.alone(args, requester, session, policy);
    }
    let unrecorded = args.draft || args.no_record;
    if unrecorded && args.out.as_deref().is_some_and(is_stdout) {
        let why = "--out -: what was asked and answered for a draft is kept beside its file";
        return Err(Refusal::new(USAGE, why).subject("--out").hint("name a file"));
    }
    let order = groundwork.order(args, requester, policy)?;
    let mut ledger = session.ledger(world.now())?;
    let before = before(args, groundwork.parent.as_ref(), &mut ledger, world)?;
    let mut commission = Commission {
        chosen: &groundwork.chosen,
        args: &args.asking,
        before: &before,
        session,
        policy,
        ledger: &mut ledger,
        again: &planning::once_more(&world.line, &[], None),
    };
    let asked = planning::ask(&mut commission, &order, world)?;
    Ok(groundwork.drafted(asked.plan, asked.artifacts, asked.notes))
}

/// What is known before anything is drafted.
struct Groundwork {
    directive: Directive,
    at: String,
    inputs: BTreeMap<Id, Scalar>,
    seed: Vec<u8>,
    now: Timestamp,
    parent: Option<SealedPlan>,
    chosen: Chosen,
}

impl Groundwork {
    fn of(args: &PlanArgs, session: &Session, policy: &Policy, world: &World) -> Result<Self> {
        let (directive, at) = session.directive_for(&args.directive, policy)?;
        let inputs = directive.resolve(&parse_inputs(&args.input)?).map_err(|places| misfit(&directive, places))?;
        let now = match &args.created_at {
            Some(text) => typed(text, "--created-at")?,
            None => world.now(),
        };
        let parent = args.revise.as_ref().map(|named| session.plan(named, world, policy)).transpose()?;
        let chosen = planning::choose(&args.asking, &directive, session, world)?;
        let most = policy.planning().max_revisions.min(chosen.loaded.config.max_revisions().value);
        if let Some(parent) = parent.as_ref().filter(|parent| parent.plan().revision > most) {
            let message = format!("revision {} is the last of {most}", parent.plan().revision);
            return Err(Refusal::new(PLANNER_REVISIONS, message).subject(parent.digest().to_string()));
        }
        Ok(Self { seed: seed(args, world)?, directive, at, inputs, now, parent, chosen })
    }

    fn order<'g>(&'g self, args: &PlanArgs, requester: &'g Person, policy: &Policy) -> Result<Order<'g>> {
        Ok(Order {
            directive: &self.directive,
            inputs: &self.inputs,
            requested_by: requester,
            now: self.now,
            lifetime: lifetime(args, policy, self.directive.lifetime())?,
            seed: &self.seed,
            parent: self.parent.as_ref().map(|parent| (parent.digest(), parent.plan().revision)),
            directive_commit: &self.at,
            planner: self.chosen.planner,
            proposed: None,
        })
    }

    /// Drafts where nobody need be asked.
    fn alone(self, args: &PlanArgs, requester: &Person, session: &Session, policy: &Policy) -> Result<Drafted> {
        let plan = draft::seal(session, policy, &self.order(args, requester, policy)?)?;
        Ok(self.drafted(plan, Artifacts::default(), Vec::new()))
    }

    fn drafted(self, plan: SealedPlan, artifacts: Artifacts, notes: Vec<String>) -> Drafted {
        let since = self.parent.as_ref().map(|parent| diff(parent.plan(), plan.plan()));
        let Self { directive, seed, .. } = self;
        Drafted { plan, artifacts, directive, seed, notes, since }
    }
}

/// Returns what came before: the plan that is revised, what was said against it, and answers to questions.
fn before(args: &PlanArgs, parent: Option<&SealedPlan>, ledger: &mut Ledger, world: &World) -> Result<Before> {
    let mut before = Before { feedback: args.asking.feedback.clone(), ..Before::default() };
    for reply in &args.asking.reply {
        let (id, text) = reply.split_once('=').ok_or_else(|| {
            Refusal::new(INPUT_FORM, format!("not ID=TEXT: `{}`", excerpt(reply))).hint("give --reply ID=TEXT")
        })?;
        before.answers.push((typed(id, "--reply")?, text.to_owned()));
    }
    if let Some(parent) = parent {
        let steps = &parent.plan().steps;
        let shown = steps
            .iter()
            .map(|step| json!({"id": step.id, "pipeline": step.pipeline, "with": step.with, "needs": step.needs}));
        before.plan = Some(serde_json::Value::Array(shown.collect()).to_string());
        let known = ledger.read(world.now())?.state().plan(&parent.digest());
        before.feedback.extend(known.and_then(|known| Some(known.rejection.as_ref()?.reason.clone())));
    }
    Ok(before)
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
            _ => Err(Refusal::new(USAGE, "--seed: it is not 16 to 64 bytes in hex")),
        },
    }
}

/// The shortest of what is asked for, what the directive says and what the policy allows; asking for more is refused.
fn lifetime(args: &PlanArgs, policy: &Policy, directive: Option<i64>) -> Result<i64> {
    let longest = policy.limits().plan_lifetime.min(directive.unwrap_or(i64::MAX));
    match &args.expires {
        None => Ok(longest),
        Some(text) => match parse_duration(text).map_err(|e| e.typed_as("--expires"))? {
            asked if asked <= longest => Ok(asked),
            asked => Err(Refusal::new(
                EXPIRY_TOO_LONG,
                format!("{} asked for, {} allowed", shown_duration(asked), shown_duration(longest)),
            )),
        },
    }
}

/// Records a plan: its bytes, its view, and what it was made under, with the statement that names them.
///
/// A plan for an issue is recorded only where that is ready.
pub(super) fn record(
    session: &Session,
    (plan, artifacts): (&SealedPlan, &Artifacts),
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
    let mut objects = vec![plan.bytes().to_vec(), view, policy.to_vec(), trust_root];
    objects.extend_from_slice(artifacts.objects());
    let Person { host, id, login } = plan.plan().planner.requested_by.clone();
    let requested_by = Actor { host, id, login };
    let mut ledger = session.entries(world.now())?;
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
        let asked = [("prompt", plan.plan().planner.prompt_digest), ("answer", plan.plan().planner.response_digest)];
        let subjects = subjects.iter().copied().chain(asked.into_iter().filter_map(|(name, d)| Some((name, d?))));
        let subject = subjects.map(|(name, digest)| Subject::new(name, digest)).collect();
        let envelope = Envelope::sign(subject, record, &[hand.signer()])?;
        Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: objects.clone() })
    })?;
    Ok(appended.head.seq)
}

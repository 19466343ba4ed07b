//! Plans that somebody is asked for: material, question, answer, and what is kept of them; and second opinions on plans.

mod approach;
mod artifacts;
mod dialogue;
mod material;
mod second;

pub(crate) use artifacts::Artifacts;
pub(crate) use second::{Second, second};

use std::ffi::OsString;

use approach::{Approach, Channel};

use super::{
    config,
    draft::{self, Order},
    files,
    session::Session,
    trigger,
    world::World,
};
use crate::{
    base::{
        digest::Digest,
        reason::{INTERNAL, Refusal, Result},
        shell, text,
    },
    cli::planner_args::AskArgs,
    directive::Directive,
    ledger::Ledger,
    plan::{
        SealedPlan,
        model::{Origin, PlannerInput},
    },
    planner::{
        self, Planner, Proposed,
        answer::{Answer, Question},
        context::ContextItem,
        prompt::{Before, Prompt},
        reasons::PLANNER_QUESTIONS,
        scan, schema,
        taint::Sources,
    },
    policy::Policy,
    provider,
};

/// A plan, and what is kept of how it came about.
pub(crate) struct Asked {
    pub(crate) plan: SealedPlan,
    pub(crate) artifacts: Artifacts,
    /// What a person is to be told beside the plan.
    pub(crate) notes: Vec<String>,
}

/// Says who drafts: what the arguments say, else the directive, else the configuration.
///
/// # Errors
/// What is wrong with the configuration, or is missing to ask whom it names.
pub(crate) fn choose(args: &AskArgs, directive: &Directive, session: &Session, world: &World) -> Result<Chosen> {
    let mut flags = args.flags.clone();
    flags.planner = flags.planner.or_else(|| directive.planner().map(|kind| kind.to_string()));
    flags.model = flags.model.or_else(|| directive.model().map(str::to_owned));
    let loaded = config::load(&flags, Some(session), world)?;
    let planner = planner::of(loaded.config.planner().value);
    Ok(Chosen { planner, loaded })
}

/// Who drafts, and under which configuration.
pub(crate) struct Chosen {
    pub(crate) planner: &'static dyn Planner,
    pub(crate) loaded: config::Loaded,
}

/// What a plan is asked for with, beside its order.
pub(crate) struct Commission<'a> {
    pub(crate) chosen: &'a Chosen,
    pub(crate) args: &'a AskArgs,
    pub(crate) before: &'a Before,
    pub(crate) session: &'a Session,
    pub(crate) policy: &'a Policy,
    pub(crate) ledger: &'a mut Ledger,
    /// The command that goes on where a person is asked by files; `--answer FILE` is added to it.
    pub(crate) again: &'a str,
}

/// Asks for a plan, reads the answer, and seals what comes of it.
///
/// # Errors
/// `planner.*`, `provider.*`, and what the seal refuses of the last answer.
pub(crate) fn ask(commission: &mut Commission<'_>, order: &Order<'_>, world: &mut World) -> Result<Asked> {
    let Commission { chosen, args, before, session, policy, again, .. } = *commission;
    let config = &chosen.loaded.config;
    let trigger = trigger::check(session, policy.gates().permission, order.requested_by.id, world)?;
    let mut notes = approach::check_privileges(session, world)?;
    let channel = Channel {
        answer: args.answer.as_deref(),
        record: args.record.as_deref(),
        replay: args.replay.as_deref(),
        again,
    };
    let counted = (order.directive.name(), &mut *commission.ledger);
    let Approach { mut opened, model, meter } = approach::approach(config, &channel, counted, session, world)?;
    let gathered = material::gather(session, order, config.send().value.as_deref(), trigger, world)?;
    scan::check(&gathered.items, &opened.secrets)?;
    notes.extend(gathered.skipped.iter().map(|skipped| format!("`{}` {}", skipped.name, skipped.why.words())));
    let (prompt, schema) = draft::rehearse(session, policy, order, |request| {
        let prompt = Prompt::new(request, &gathered.items, before);
        Ok((prompt, schema::of(request.directive, request.catalog)))
    })?;
    scan::check_text("the prompt", &prompt.task, &opened.secrets)?;
    let cassette = match &args.replay {
        Some(file) => Some(Digest::of(&files::read(&world.cwd.join(file), provider::cassette::MAX_CASSETTE)?)),
        None => None,
    };
    let mut dialogue = dialogue::Dialogue {
        source: opened.source.as_mut(),
        prompt: &prompt,
        schema: &schema,
        model: &model,
        max_output_tokens: config.max_output_tokens().value,
        meter,
        exchanges: Vec::new(),
        notes,
    };
    let read = |exchanges: &[provider::Exchange], usage| -> Result<dialogue::Read> {
        let Some(last) = exchanges.last() else {
            return Err(Refusal::new(INTERNAL, "nothing was answered"));
        };
        let answer = Answer::read(&last.text)?;
        if answer.blocking().next().is_some() {
            return Ok(dialogue::Read::Questions(answer.questions().to_vec()));
        }
        let asides: Vec<String> =
            answer.questions().iter().map(|q| format!("it would like to know: {}", q.question)).collect();
        let proposed = Proposed {
            proposal: answer.into_proposal(&Sources { items: &gathered.items }),
            model: last.model.clone().or_else(|| (!model.is_empty()).then(|| model.clone())),
            prompt: Some(Digest::of(&last.sent)),
            response: Some(Digest::of(&last.received)),
            inputs: inputs(&gathered.items, exchanges, cassette),
            usage,
        };
        let plan = draft::seal(session, policy, &Order { proposed: Some(&proposed), ..*order })?;
        Ok(dialogue::Read::Plan(Box::new(plan), asides))
    };
    let made = match args.interactive {
        true => dialogue.with_person(&read, world),
        false => dialogue.alone(&read, world),
    };
    let about = (order.directive.name(), made.as_ref().ok().map(SealedPlan::digest));
    let kept = approach::keep(about, &dialogue, session, world);
    let plan = made.map_err(|refusal| match kept.as_ref().map(Option::as_ref) {
        Ok(Some(used)) => refusal.hint(format!("asking used {used}: it counts in this checkout, and in no ledger")),
        Ok(None) => refusal,
        Err(why) => refusal.hint(format!("what asking used could not be kept, and counts nowhere: {}", why.message())),
    })?;
    // An answer that was paid for is not thrown away for what cannot be written down beside it.
    dialogue.notes.extend(kept.err().map(|why| format!("what asking used could not be kept: {}", why.message())));
    let dialogue::Dialogue { exchanges, notes, .. } = dialogue;
    Ok(Asked { plan, artifacts: Artifacts::of(&exchanges), notes })
}

/// Returns what a plan was made from, beside its directive: what was sent, the answers before the last, and the cassette
/// where they were replayed.
fn inputs(items: &[ContextItem], exchanges: &[provider::Exchange], cassette: Option<Digest>) -> Vec<PlannerInput> {
    let sent = items.iter().skip(1).map(ContextItem::input);
    let replayed =
        cassette.map(|digest| PlannerInput { name: "replayed from a cassette".into(), origin: Origin::Model, digest });
    sent.chain(artifacts::readings(exchanges)).chain(replayed).collect()
}

/// Makes the refusal that asks a person for answers.
fn questions(asked: &[Question]) -> Refusal {
    let refusal = Refusal::new(PLANNER_QUESTIONS, text::count(asked.len(), "question"));
    asked
        .iter()
        .fold(refusal, |refusal, question| refusal.hint(format!("--reply {}=TEXT: {}", question.id, question.shown())))
}

/// Returns the command as it was typed, for whoever goes on with it: an answer is given anew, `without` are options with a
/// value that the answer stands instead of, and `planner` is who is asked where nobody said so.
pub(crate) fn once_more(line: &[OsString], without: &[&str], planner: Option<&str>) -> String {
    let mut words = vec!["countersign".to_owned()];
    let mut typed = line.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let left_out = |word: &str| word == "--answer" || without.contains(&word);
    let mut named = false;
    while let Some(word) = typed.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        named |= name == "--planner";
        if left_out(name) {
            if value.is_none() {
                typed.next();
            }
            continue;
        }
        words.push(word);
    }
    if let Some(planner) = planner.filter(|_| !named) {
        words.extend(["--planner".to_owned(), planner.to_owned()]);
    }
    shell::line(&words)
}

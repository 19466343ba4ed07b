//! Second opinions on a plan: asked for by the same ways as plans, shown beside the review, and recorded nowhere.
//!
//! Whatever comes back or does not, the review is as it was: what goes wrong here is told as "no opinion". Only an
//! objection that is founded can do anything, and only where the policy says that it denies.

mod shown;

use std::collections::BTreeSet;

use super::{
    super::{
        config::{self, model::Config},
        session::Session,
        trigger,
        world::World,
    },
    approach::{self, Approach, Channel},
    dialogue, once_more,
};
use crate::{
    base::{
        digest::Digest,
        planner::PlannerKind,
        reason::{Refusal, Result, USAGE},
    },
    cli::planner_args::SecondArgs,
    plan::{SealedPlan, model::Origin as Source},
    planner::{
        context::{ContextItem, Gathered},
        prompt::Prompt,
        scan,
    },
    provider::{self, Role, Turn, catalog},
    review::{
        brief::{Brief, SYSTEM},
        opinion::{self, Known, Opinion},
        reasons::REVIEW_MATERIAL,
    },
};

/// The most bytes of a brief; a plan is shown whole or not at all.
const MAX_BRIEF: usize = 512 << 10;

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct Second {
    heard: Vec<Heard>,
    /// What a person is to be told besides.
    notes: Vec<String>,
}

/// One round.
#[derive(Debug)]
struct Heard {
    /// What was asked, and by whom it was answered; none where nobody answered.
    from: Option<From>,
    /// The opinion, or why there is none.
    opinion: Result<Opinion>,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct From {
    source: provider::Origin,
    model: Option<String>,
    sent: Digest,
    received: Digest,
}

impl Second {
    /// Returns the objections that count, in one line; none where there is none.
    pub(crate) fn objection(&self) -> Option<String> {
        let opinions = self.heard.iter().filter_map(|heard| heard.opinion.as_ref().ok());
        let objections: Vec<&Opinion> = opinions.filter(|opinion| opinion.objects()).collect();
        let claims: Vec<String> = objections
            .iter()
            .flat_map(|opinion| opinion.founded())
            .map(|claim| crate::base::text::excerpt(&claim.claim))
            .collect();
        (!objections.is_empty()).then(|| format!("a second reviewer objects: {}", claims.join("; ")))
    }
}

/// Asks for second opinions on a plan.
///
/// # Errors
/// Only what is wrong with the arguments or the configuration: all else is no opinion, and told in the result.
pub(crate) fn second(args: &SecondArgs, plan: &SealedPlan, session: &mut Session, world: &mut World) -> Result<Second> {
    let config = whom(args, session, world)?;
    let mut second = Second::default();
    let asked = Asked { args, plan, config: &config };
    if let Err(refusal) = asked.ask(session, &mut second, world) {
        second.heard.push(Heard { from: None, opinion: Err(refusal) });
    }
    Ok(second)
}

/// Says who is asked: what the flags say, else the configuration; where that plans without asking, a model.
fn whom(args: &SecondArgs, session: &Session, world: &World) -> Result<Config> {
    let mut flags = args.flags.clone();
    if flags.planner.as_deref() == Some(PLANS_ALONE) {
        return Err(Refusal::new(USAGE, "`fixed` asks nobody, and has no opinion")
            .hint("give --planner model, command or manual"));
    }
    if flags.planner.is_none() {
        let of_provider = |name: &str| if catalog::find(name).is_some() { "model" } else { "command" };
        flags.planner = match (&args.answer, &flags.provider) {
            (Some(_), _) => Some(PlannerKind::Manual.to_string()),
            (None, Some(provider)) => Some(of_provider(provider).to_owned()),
            (None, None) => None,
        };
    }
    let config = config::load(&flags, Some(session), world)?.config;
    if config.planner().value != PlannerKind::Fixed {
        return Ok(config);
    }
    flags.planner = Some(PlannerKind::Model.to_string());
    Ok(config::load(&flags, Some(session), world)?.config)
}

/// The planner that asks nobody.
const PLANS_ALONE: &str = "fixed";

/// What is asked about, and how.
struct Asked<'a> {
    args: &'a SecondArgs,
    plan: &'a SealedPlan,
    config: &'a Config,
}

impl Asked<'_> {
    fn ask(&self, session: &mut Session, second: &mut Second, world: &mut World) -> Result<()> {
        let Self { args, plan, config, .. } = *self;
        let (policy, _) = session.policy()?;
        trigger::check(session, policy.gates().permission, plan.plan().planner.requested_by.id, world)?;
        second.notes.extend(approach::check_privileges(session, world)?);
        self.check_sendable()?;
        session.turn_to_plan(plan)?;
        let document = plan.plan();
        let files: BTreeSet<String> = session.checkout.paths(&document.subject.head_sha)?.into_iter().collect();
        let directive = self.directive(session)?;
        let again = once_more(&world.line, &["--rounds"], Some("manual"));
        let channel = Channel {
            answer: args.answer.as_deref(),
            record: args.record.as_deref(),
            replay: args.replay.as_deref(),
            again: &again,
        };
        let mut ledger = session.ledger(world.now())?;
        let counted = (&document.directive.name, &mut ledger);
        let Approach { mut opened, model, meter } = approach::approach(config, &channel, counted, session, world)?;
        let prompt = Prompt { system: SYSTEM.to_owned(), ..Prompt::default() };
        let mut dialogue = dialogue::Dialogue {
            source: opened.source.as_mut(),
            prompt: &prompt,
            schema: &opinion::schema(),
            model: &model,
            max_output_tokens: config.max_output_tokens().value,
            meter,
            exchanges: Vec::new(),
            notes: Vec::new(),
        };
        let material = Material { plan, directive: directive.as_deref(), files: &files, secrets: &opened.secrets };
        rounds(&mut dialogue, &material, args.rounds.unwrap_or(1), second, world);
        second.notes.append(&mut dialogue.notes);
        let kept = approach::keep((&document.directive.name, None), &dialogue, session, world);
        second.notes.extend(kept.err().map(|why| format!("what asking used could not be kept: {}", why.message())));
        Ok(())
    }

    /// Reads the directive that the plan names, where it is still the same text.
    fn directive(&self, session: &Session) -> Result<Option<String>> {
        let named = &self.plan.plan().directive;
        let bytes = session.checkout.blob(&named.commit, named.path.as_str())?;
        let same = bytes.filter(|bytes| Digest::of(bytes) == named.digest);
        Ok(same.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// Refuses where the plan holds a script that the configuration does not let be sent.
    fn check_sendable(&self) -> Result<()> {
        let Some(globs) = self.config.send().value.as_deref() else { return Ok(()) };
        let item = |script: &crate::plan::model::Script| ContextItem {
            name: script.path.to_string(),
            origin: Source::RepoAtBase,
            text: String::new(),
            digest: script.digest,
            truncated: false,
            hidden: 0,
        };
        let items = self.plan.plan().scripts.iter().map(item).collect();
        let gathered = scan::restrict(Gathered { items, skipped: Vec::new() }, globs)?;
        match gathered.skipped.first() {
            Some(skipped) => {
                let message = format!("`{}` {}", skipped.name, skipped.why.words());
                Err(Refusal::new(REVIEW_MATERIAL, message).subject(skipped.name.clone()))
            }
            None => Ok(()),
        }
    }
}

/// What every round shows, and what its claims are held against.
struct Material<'m> {
    plan: &'m SealedPlan,
    directive: Option<&'m str>,
    files: &'m BTreeSet<String>,
    secrets: &'m [crate::base::secret::Secret],
}

/// Asks round by round; the first one without an opinion is the last.
fn rounds(
    dialogue: &mut dialogue::Dialogue<'_>,
    material: &Material<'_>,
    most: u8,
    second: &mut Second,
    world: &mut World,
) {
    let document = material.plan.plan();
    let known = Known { plan: document, files: material.files };
    let mut earlier: Vec<Opinion> = Vec::new();
    for _ in 0..most {
        let brief = Brief::new(document, material.plan.digest(), material.directive, &earlier);
        let stable = brief.stable;
        let asked = checked(brief, material.secrets)
            .and_then(|task| dialogue.exchange(&[Turn { role: Role::Asker, text: task }], stable, world));
        let (from, opinion) = match asked {
            Err(refusal) => (None, Err(refusal)),
            Ok(text) => (from(dialogue), Opinion::read(&text, &known)),
        };
        let drafted = &document.planner.model;
        if let Some(model) =
            from.as_ref().and_then(|from| from.model.as_ref()).filter(|model| drafted.as_ref() == Some(model))
        {
            second.notes.push(format!("`{model}` drafted the plan, too: it reviews its own work"));
        }
        let heard = opinion.as_ref().ok().cloned();
        second.heard.push(Heard { from, opinion });
        let Some(opinion) = heard else { return };
        earlier.push(opinion);
    }
}

/// Returns the text of a brief that may be sent.
fn checked(brief: Brief, secrets: &[crate::base::secret::Secret]) -> Result<String> {
    let bytes = brief.task.len();
    if bytes > MAX_BRIEF {
        return Err(Refusal::new(REVIEW_MATERIAL, format!("it is {bytes} bytes, the limit is {MAX_BRIEF}")));
    }
    scan::check_text("the plan", &brief.task, secrets)?;
    Ok(brief.task)
}

fn from(dialogue: &dialogue::Dialogue<'_>) -> Option<From> {
    dialogue.exchanges.last().map(|exchange| From {
        source: dialogue.source.origin(),
        model: exchange.model.clone().or_else(|| (!dialogue.model.is_empty()).then(|| dialogue.model.to_owned())),
        sent: Digest::of(&exchange.sent),
        received: Digest::of(&exchange.received),
    })
}

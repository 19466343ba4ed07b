//! The forge that the trust root names: reaching it, and asking what a plan's approvals stand on.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use super::{gate::is_untouched, reasons::FORGE_NONE, session::Session, world::World};
use crate::{
    base::{
        reason::{CONTEXT_MISMATCH, Refusal, Result},
        secret::Secret,
    },
    facts::{
        environment::CiRun,
        observed::{Observed, SeenComment, SeenIssue},
    },
    forge::{
        Forge,
        http::Settings,
        providers::{self, github::Credentials},
        reasons::{CREDENTIALS, MISSING},
    },
    plan::model::Plan,
    sign::{evidence::Evidence, trust::ForgeKind},
    verify::{Tracked, reasons::FORGE_UNASKED},
};

/// The variable that holds the token for the forge.
pub(crate) const TOKEN: &str = "GITHUB_TOKEN";
/// The variables with the numeric id and the key, PEM, of an app that is installed in the repository; read where there
/// is no token.
const APP: [&str; 2] = ["COUNTERSIGN_APP_ID", APP_KEY];
/// The variable with the key of an app.
pub(crate) const APP_KEY: &str = "COUNTERSIGN_APP_KEY";

/// Reaches the forge that the trust root names; none where it names none, or there is no token.
///
/// What must not be done without the forge's word refuses later, by the check that misses it.
pub(crate) fn reach(session: &Session, world: &World) -> Result<Option<Arc<dyn Forge>>> {
    if let Some(forge) = world.reached.first() {
        return Ok(Some(forge));
    }
    let document = session.root.document();
    let (Some(kind), Some(credentials)) = (document.forge, credentials(world)?) else { return Ok(None) };
    // What the runner says too is compared, and never used.
    for (name, expected) in
        [("GITHUB_REPOSITORY_ID", &document.repo_id), ("GITHUB_REPOSITORY_OWNER_ID", &document.owner_id)]
    {
        if let Some(said) = world.env.text(name).filter(|said| said != expected) {
            let what = format!("{name} is `{}`, the trust root says `{expected}`", crate::base::text::excerpt(said));
            return Err(Refusal::new(CONTEXT_MISMATCH, what).subject(name));
        }
    }
    let ForgeKind::Github = kind;
    let forge: Arc<dyn Forge> =
        Arc::from(providers::connect(&document.host, &document.repo, credentials, Settings::default(), |name| {
            world.env.text(name)
        })?);
    // Kept at once: what it was asked counts, also where it is found to be another.
    world.reached.keep(&forge);
    let repository = forge.repository()?;
    let (id, owner) = (repository.id.to_string(), repository.owner.id.to_string());
    if id != document.repo_id || owner != document.owner_id {
        let what = format!(
            "`{}` is repository {id} of {owner}, the trust root names {} of {}",
            document.repo, document.repo_id, document.owner_id
        );
        return Err(Refusal::new(CONTEXT_MISMATCH, what).subject(document.repo.clone()));
    }
    Ok(Some(forge))
}

/// Takes a token, else an app's id and key, from the environment.
fn credentials(world: &World) -> Result<Option<Credentials>> {
    if let Some(token) = world.env.text(TOKEN) {
        return Ok(Some(Credentials::Token(Secret::new(token.to_owned()))));
    }
    let [id, key] = APP.map(|name| world.env.text(name));
    match (id.map(|id| id.trim().parse()), key) {
        (Some(Ok(id)), Some(key)) => Ok(Some(Credentials::App { id, key: Secret::new(key.to_owned()) })),
        (None, None) => Ok(None),
        _ => {
            let what = format!("{} is a number, and goes together with {}", APP[0], APP[1]);
            Err(Refusal::new(CREDENTIALS, what).subject(APP[0]))
        }
    }
}

/// What leads from a repository that was set up without a forge to one with a forge; docs/github.md says the same.
pub(crate) const BEGIN_ANEW: &str = "to begin anew with a forge, which ends what was approved before: `git rm -r .countersign`, `git branch -m countersign/ledger countersign/ledger-before`, then `countersign init --forge github`";

/// Reaches the forge, without which the command can do nothing.
pub(crate) fn need(session: &Session, world: &World) -> Result<Arc<dyn Forge>> {
    reach(session, world)?.ok_or_else(|| match session.root.document().forge {
        Some(_) => Refusal::new(FORGE_UNASKED, format!("the variable {TOKEN} is not set")).subject(TOKEN),
        None => Refusal::new(FORGE_NONE, "the trust root names no forge").hint(BEGIN_ANEW),
    })
}

/// A forge that can be asked, and the world that says which CI run this is.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) forge: &'a dyn Forge,
    pub(crate) world: &'a World,
}

impl Asking<'_> {
    /// Asks for everything that a plan and its approvals stand on.
    pub(crate) fn observe<'e>(
        self,
        session: &Session,
        plan: &Plan,
        evidence: impl Iterator<Item = &'e Evidence>,
        tracked: Option<&Tracked>,
    ) -> Result<Observed> {
        let Self { forge, world } = self;
        let mut seen = Observed { base_tip: forge.tip(&session.facts.base_ref)?, ..Observed::default() };
        if let Some(number) = plan.subject.change_request {
            let change = forge.change_request(number)?;
            seen.people = people(forge, session, &change)?;
            seen.reviews = forge.reviews(number)?;
            seen.change = Some(change);
        }
        let (mut comments, mut released) = (BTreeSet::new(), false);
        for evidence in evidence {
            match evidence {
                Evidence::Comment(comment) => drop(comments.insert(comment.id)),
                Evidence::Environment(_) => released = true,
                Evidence::Review(_) => {}
            }
        }
        for id in comments {
            // What is gone is missing: the approval falls, and says why.
            let Some(comment) = there(forge.comment(id))? else { continue };
            let untouched = is_untouched(self, &comment)?;
            let body = comment.body_digest();
            seen.comments.insert(id, SeenComment { author: comment.author, body, untouched });
        }
        if released {
            seen.run = run(forge, session, world)?;
            if let Some(run) = &seen.run {
                seen.releases = forge.run_approvals(run.id)?;
                seen.people.extend(starters(run));
            }
            if let Some(environment) = &plan.environment {
                seen.environment = Some(forge.environment(environment.as_str())?);
            }
        }
        if let Some(tracked) = tracked {
            seen.issue = issue(forge, tracked)?;
        }
        seen.said_at = forge.said_at();
        Ok(seen)
    }

    /// Adds the logins that accounts have now; those that were seen on the way are not asked for again.
    pub(crate) fn add_logins(self, seen: &mut Observed, ids: impl Iterator<Item = u64>) -> Result<()> {
        let comments = seen.comments.values().map(|comment| &comment.author);
        let reviews = seen.reviews.iter().map(|review| &review.author);
        let on_the_way = comments.chain(reviews).chain(seen.releases.iter().map(|release| &release.by));
        let known: BTreeMap<u64, String> = on_the_way.map(|one| (one.id, one.login.clone())).collect();
        for id in ids {
            if let Entry::Vacant(place) = seen.logins.entry(id) {
                place.insert(match known.get(&id) {
                    Some(live) => Some(live.clone()),
                    None => login(self.forge, id)?,
                });
            }
        }
        Ok(())
    }
}

/// Returns the login that an account has now; none where it is gone.
pub(crate) fn login(forge: &dyn Forge, id: u64) -> Result<Option<String>> {
    Ok(there(forge.account(id))?.map(|account| account.login))
}

/// Tells what the forge does not have apart from what it cannot say.
fn there<T>(asked: Result<T>) -> Result<Option<T>> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(refusal) if refusal.is(MISSING) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Returns the issue that a plan is made for, as it is now; none where it is gone, hidden or was never there.
pub(crate) fn issue(forge: &dyn Forge, tracked: &Tracked) -> Result<Option<SeenIssue>> {
    let Some(issue) = there(forge.issue(tracked.number))? else { return Ok(None) };
    // A parent that is said to be there and is not seen is found missing by whoever judges.
    let parent = if tracked.asks_for_parent() { there(forge.parent_issue(&issue))?.flatten() } else { None };
    Ok(Some(SeenIssue { issue, parent }))
}

/// Returns who started a CI run, unless a comment did: whoever comments decides by that comment, or by none.
fn starters(run: &CiRun) -> impl Iterator<Item = u64> + use<> {
    let by_comment = run.event == "issue_comment";
    [run.actor.id, run.triggering_actor.id].into_iter().filter(move |_| !by_comment)
}

/// Returns the accounts that opened a change request, or wrote or committed something in it.
pub(crate) fn people(
    forge: &dyn Forge,
    session: &Session,
    change: &crate::facts::change_request::ChangeRequest,
) -> Result<BTreeSet<u64>> {
    let mut people = BTreeSet::from([change.author.id]);
    for commit in forge.commit_people(change)? {
        people.extend(commit.accounts.iter().map(|account| account.id));
        let known = commit.emails.iter().filter_map(|email| session.root.principal_of_email(email));
        people.extend(known.map(|principal| principal.id));
    }
    Ok(people)
}

/// Returns the CI run that this process is part of, as the forge knows it; none outside of one.
pub(crate) fn run(forge: &dyn Forge, session: &Session, world: &World) -> Result<Option<CiRun>> {
    let number = |name: &str| world.env.text(name).and_then(|text| text.parse::<u64>().ok());
    let (Some(id), Some(attempt)) = (number("GITHUB_RUN_ID"), number("GITHUB_RUN_ATTEMPT")) else { return Ok(None) };
    let attempt = u32::try_from(attempt).unwrap_or(0);
    let run = forge.run(id, attempt)?;
    if run.id != id || run.attempt != attempt || run.repo_id.to_string() != session.root.document().repo_id {
        let what = format!("run {id}, attempt {attempt}, is not one of this repository");
        return Err(Refusal::new(CONTEXT_MISMATCH, what).subject(id.to_string()));
    }
    Ok(Some(run))
}

//! The conversation of a change request: our comments in it, and how the plan they show stands.

use super::{
    forge::Asking,
    ledger::begin,
    output::Outcome as Printed,
    session::Session,
    situation::{Aim, Situation},
    world::World,
};
use crate::{
    base::{
        digest::Digest,
        method::Method,
        reason::{Refusal, Result},
    },
    facts::change_request::{Comment, Reaction},
    forge::Forge,
    ledger::{
        Keep, Ledger, State,
        status::{Executor, Gate, status},
    },
    plan::{
        SealedPlan,
        diff::{PlanDiff, diff},
        seal,
        view::View,
    },
    policy::{Decision, Outcome, Policy},
    report::comment::{Ask, Channel, Link, Marker, Mode, Placement, PlanComment, Since, Standing, Write, place},
    verify::{self, Report},
};

/// A conversation, and how we write in it.
pub(crate) struct Conversation<'a> {
    pub(crate) forge: &'a dyn Forge,
    pub(crate) number: u64,
    pub(crate) mode: Mode,
}

impl Conversation<'_> {
    /// Writes one of our comments where it belongs; returns it.
    ///
    /// # Errors
    /// `forge.*`.
    pub(crate) fn put(&self, marker: &Marker, body: &str) -> Result<Comment> {
        let comments = self.forge.comments(self.number)?;
        let me = self.forge.whoami()?;
        let Placement { write, minimise } = place(&comments, me.id, marker, body, self.mode);
        let written = match write {
            Write::Create => self.forge.create_comment(self.number, body)?,
            Write::Update(old) => self.forge.update_comment(old.id, body)?,
            Write::Keep(old) => old.clone(),
        };
        for old in minimise {
            self.forge.minimise_comment(old)?;
        }
        Ok(written)
    }

    /// Acknowledges a comment.
    ///
    /// # Errors
    /// `forge.*`.
    pub(crate) fn react(&self, comment: u64, reaction: Reaction) -> Result<()> {
        self.forge.react(comment, reaction)
    }

    /// Answers a comment by one of ours.
    ///
    /// # Errors
    /// `forge.*`.
    pub(crate) fn answer(&self, body: &str) -> Result<String> {
        Ok(self.forge.create_comment(self.number, body)?.url)
    }
}

/// A plan, how it stands, and what is shown beside it.
pub(crate) struct Shown {
    pub(crate) standing: Standing,
    report: Option<Report>,
    since: Option<(Digest, PlanDiff)>,
}

impl Shown {
    /// Looks a plan over as `verify` does, without opening any door.
    pub(crate) fn of(
        session: &Session,
        policy: Policy,
        plan: &SealedPlan,
        asking: Asking<'_>,
        world: &World,
    ) -> Result<Self> {
        let (digest, now) = (plan.digest(), world.now());
        // What was approved before it is looked for among all plans.
        let reading = begin(session, Keep::All, now)?;
        let mut situation =
            Situation::gather(session, policy, plan, Aim::start(Some(digest), now), reading, Some(asking))?;
        let (report, _) = situation.with_case(|case| verify::verify(plan.clone(), case))?;
        let gate = if report.approvals.grant().is_ok() { Gate::Open } else { Gate::Closed };
        let state = situation.ledger.read(now)?.state();
        let standing = Standing::of(
            &situation.decision,
            Some(&report.approvals),
            status(state, &digest, now, gate, Executor::Unseen),
        );
        let since = since(&mut situation.ledger, plan, world)?;
        Ok(Self { standing, report: Some(report), since })
    }

    /// Takes a plan that was recorded just now, and of which nothing can be known but what the policy says.
    pub(crate) fn recorded(session: &Session, plan: &SealedPlan, decision: &Decision, world: &World) -> Result<Self> {
        let since = since(&mut session.ledger(world.now())?, plan, world)?;
        Ok(Self { standing: Standing::of(decision, None, None), report: None, since })
    }

    /// Returns why the plan would not be executed now, where it was looked at and would not.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.report.as_ref().and_then(Report::refusal)
    }

    /// Returns the earlier plan of the directive that was approved, and what changed since.
    pub(crate) fn since(&self) -> Option<Since<'_>> {
        self.since.as_ref().map(|(plan, changes)| Since { plan: *plan, changes })
    }

    /// Writes the comment of the plan.
    pub(crate) fn comment(&self, plan: &SealedPlan, decision: &Decision, page: Option<&Link>) -> String {
        let view = View::new(plan.plan(), plan.digest());
        let asks = asks(plan, decision, page);
        let comment = PlanComment {
            view: &view,
            standing: &self.standing,
            asks: &asks,
            since: self.since(),
            page,
            channel: Channel::GitHub,
        };
        comment.render().body
    }
}

/// Checks that a comment can show a plan to those who are to approve it there.
pub(crate) fn check_shown(plan: &SealedPlan, decision: &Decision) -> Result<()> {
    let (view, standing) = (View::new(plan.plan(), plan.digest()), Standing::of(decision, None, None));
    let asks = asks(plan, decision, None);
    let channel = Channel::GitHub;
    PlanComment { view: &view, standing: &standing, asks: &asks, since: None, page: None, channel }.check_shown()
}

/// Returns the newest other plan of the directive that somebody approved, and what changed since.
fn since(ledger: &mut Ledger, plan: &SealedPlan, world: &World) -> Result<Option<(Digest, PlanDiff)>> {
    let Some(before) = approved_before(ledger.read(world.now())?.state(), plan)? else { return Ok(None) };
    let earlier =
        seal::open_with(ledger.object(&before)?, &seal::Limits { max_steps: seal::MAX_STEPS, ..Default::default() })?;
    Ok(Some((before, diff(earlier.plan(), plan.plan()))))
}

/// Returns the newest other plan of the same directive that somebody approved.
fn approved_before(state: &State, plan: &SealedPlan) -> Result<Option<Digest>> {
    let directive = &plan.plan().directive.name;
    let others = state.plans()?.iter().filter(|(digest, known)| {
        **digest != plan.digest() && known.record.directive == *directive && !known.approvals.is_empty()
    });
    Ok(others.max_by_key(|(_, known)| known.seq).map(|(digest, _)| *digest))
}

/// Returns the ways to agree that count for a plan, those that work from a phone first.
pub(crate) fn asks<'a>(plan: &'a SealedPlan, decision: &Decision, run: Option<&'a Link>) -> Vec<Ask<'a>> {
    let Outcome::NeedsApproval(requirement) = decision.outcome() else { return Vec::new() };
    let methods = requirement.methods();
    let counts = |method: Method| methods.contains(&method);
    let (document, mut asks) = (plan.plan(), Vec::new());
    if document.subject.change_request.is_some() {
        asks.extend(counts(Method::Comment).then_some(Ask::Comment));
        asks.extend(counts(Method::Review).then_some(Ask::Review { head: &document.subject.head_sha }));
    }
    if let Some(name) = document.environment.as_ref().filter(|_| counts(Method::Environment)) {
        asks.push(Ask::Environment { name, run });
    }
    if counts(Method::Key) || counts(Method::Ssh) || counts(Method::Terminal) {
        asks.push(Ask::Key);
    }
    asks
}

/// Returns the page of the CI run that this process is part of.
pub(crate) fn page(session: &Session, world: &World) -> Option<Link> {
    let document = session.root.document();
    let run: u64 = world.env.text("GITHUB_RUN_ID")?.parse().ok()?;
    Link::new(&format!("https://{}/{}/actions/runs/{run}", document.host, document.repo))
}

/// Says on the command's own output that the forge could not be told; what was done stands.
pub(crate) fn unheard(outcome: Printed, refusal: &Refusal) -> Printed {
    outcome.note(&format!("the forge could not be told: {} [{}]", refusal.message(), refusal.code()))
}

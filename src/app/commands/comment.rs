//! `comment`: does what a comment on the forge asks for, if who wrote it may.

mod choose;
mod event;

use event::Event;
use serde_json::{Value, json};

use super::{
    approve::{Asked, Matter, Terms, approve},
    halt, plan as planning, reject,
    resolve::{self, Answer},
    revoke,
};
use crate::{
    app::{
        conversation::{Conversation, Shown, check_shown, page, unheard},
        forge::{self, Asking, people},
        gate::{Gate, check_untouched, enough},
        ledger::begin,
        logins,
        output::Outcome,
        reasons::{DIRECTIVE_MISSING, PLAN_DENIED, PLAN_UNKNOWN},
        session::Session,
        signer::{self, Hand},
        situation::{Aim, Situation, decide},
        world::World,
    },
    approval::{
        command::{self, Command, Said},
        reasons::{APPROVAL_EVIDENCE, APPROVER_NOT_PERSON, APPROVER_PERMISSION},
    },
    base::{
        digest::Digest,
        reason::{CONTEXT_MISMATCH, Refusal, Result},
        text::visible,
    },
    cli::args::{CommentArgs, PlanArgs, ScopeArg, SignerArgs},
    facts::{
        account::Account,
        change_request::{ChangeRequest, Comment, Reaction},
        observed::Observed,
    },
    ledger::{
        Keep,
        status::{Executor, run_status},
    },
    plan::{SealedPlan, model::Person},
    policy::{self, Outcome as Decided, Policy},
    report::{
        comment::{self, Channel, DiffReply, Marker, Mode, RunLine, StatusReply},
        events_v1::EventLine,
    },
    sign::{Duty, predicate::RevocationTarget},
    verify::reasons::{CHANGE_CLOSED, FORK_REFUSED, HEAD_MOVED},
};

pub(super) fn run(args: &CommentArgs, world: &World) -> Result<Outcome> {
    // Only whether to answer at all is taken from the event; what counts is fetched from the forge.
    let Some(event) = Event::read(args, world)? else { return Ok(ignored()) };
    let session = Session::open(world)?;
    if event.repository != session.root.document().repo_id {
        let what = format!("the event is of repository {}", event.repository);
        return Err(Refusal::new(CONTEXT_MISMATCH, what));
    }
    let forge = forge::need(&session, world)?;
    let mode = Mode::of(args.append_only);
    let talk = Conversation { forge: forge.as_ref(), number: event.number, mode };
    let asking = Asking { forge: forge.as_ref(), world };
    let clerk = Clerk { session, asking, talk: &talk, event: &event };
    let Some(comment) = event.comment else { return clerk.proposed() };
    let (outcome, reaction) = match clerk.serve(comment) {
        Ok(done) => done,
        Err(refusal) => {
            let body = comment::refused(&refusal, comment, Channel::GitHub);
            let told = talk.react(comment, comment::reaction(&refusal)).and_then(|()| talk.answer(&body));
            return Err(match told {
                Ok(_) => refusal,
                Err(unheard) => refusal.hint(format!("nobody could be told: {}", unheard.message())),
            });
        }
    };
    let told = talk.react(comment, reaction);
    Ok(told.err().iter().fold(outcome, unheard))
}

/// Serves one comment.
struct Clerk<'a> {
    session: Session,
    asking: Asking<'a>,
    talk: &'a Conversation<'a>,
    event: &'a Event,
}

type Served = Result<(Outcome, Reaction)>;

impl Clerk<'_> {
    /// Plans for a change request that is new or has a new head, where it proposes one directive.
    fn proposed(mut self) -> Result<Outcome> {
        let (policy, policy_bytes) = self.session.policy()?;
        let change = self.change(&policy)?;
        let Some(directive) = self.proposed_directive(&change)? else { return Ok(ignored()) };
        let author = change.author.clone();
        self.plan(&change, &author, directive, Vec::new(), &policy, &policy_bytes).map(|(outcome, _)| outcome)
    }

    fn serve(mut self, comment: u64) -> Served {
        let comment = self.asking.forge.comment(comment)?;
        if comment.number != self.event.number {
            let what = format!("comment {} is not in change request {}", comment.id, self.event.number);
            return Err(Refusal::new(CONTEXT_MISMATCH, what));
        }
        let Some(Said { command, reason }) = command::read(&comment.body)? else {
            let gone = Refusal::new(APPROVAL_EVIDENCE, "the comment holds no command any more");
            return Err(gone.subject(comment.id.to_string()));
        };
        let (policy, policy_bytes) = self.session.policy()?;
        match command {
            Command::Help => {
                self.talk.answer(&comment::help(comment.id))?;
                Ok((done("help", json!({})), Reaction::ThumbsUp))
            }
            Command::Status { plan } => self.status(&comment, plan, policy),
            Command::Diff { plan } => self.diff(&comment, plan, policy),
            Command::Plan { directive, inputs } => {
                self.member(&comment, &policy)?;
                let inputs = inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let change = self.change(&policy)?;
                let directive = match directive {
                    Some(named) => named.to_string(),
                    None => self.only_directive(&change)?,
                };
                self.plan(&change, &comment.author, directive, inputs, &policy, &policy_bytes)
            }
            Command::Approve { plan } => {
                let hand = self.hand(&comment, &policy)?;
                let renamed = logins::admit(&hand.principal, Some(&comment.author.login), &policy)?;
                let (approved, reaction) = self.approve(plan, reason.as_deref(), &hand, policy)?;
                Ok((logins::say(approved, renamed.as_slice()), reaction))
            }
            Command::Reject { plan } => {
                let hand = self.hand(&comment, &policy)?;
                self.check_own(&plan)?;
                let why = reason.unwrap_or_default();
                let told = reject::record(&self.session, plan, hand.method, &why, &hand, self.asking.world)?;
                let result = json!({ "planDigest": plan, "ledgerSeq": told.seq, "underWay": told.under_way });
                Ok((done("rejected", result).about(plan.to_string()), Reaction::ThumbsUp))
            }
            Command::Revoke { plan } => {
                let hand = self.hand(&comment, &policy)?;
                let given = self.given(&hand.principal, plan.as_ref())?;
                let why = reason.unwrap_or_else(|| "taken back in a comment".to_owned());
                let targets: Vec<_> = given.iter().copied().map(RevocationTarget::Approval).collect();
                let seq = revoke::record(&targets, &why, &hand, &self.session, self.asking.world)?;
                let result = json!({ "approvals": given, "ledgerSeq": seq });
                Ok((done("revoked", result), Reaction::ThumbsUp))
            }
            Command::Halt | Command::Unlock => {
                let hand = self.hand(&comment, &policy)?;
                let halted = command == Command::Halt;
                let why = reason.unwrap_or_else(|| "by a comment".to_owned());
                let outcome = halt::record(halted, &why, &hand, &self.session, self.asking.world)?;
                Ok((outcome, Reaction::ThumbsUp))
            }
            Command::Resolve { run, step, how } => {
                let hand = self.hand(&comment, &policy)?;
                let why = reason.unwrap_or_default();
                let answer = Answer { run: &run, step: &step, resolve_as: how, why: &why };
                let outcome = resolve::record(&answer, &hand, &self.session, self.asking.world)?;
                Ok((outcome, Reaction::ThumbsUp))
            }
            Command::Execute { plan } => {
                self.member(&comment, &policy)?;
                let plan = self.own_plan(&plan, &policy)?;
                let result = json!({ "planDigest": plan.digest(), "headSha": plan.plan().subject.head_sha });
                Ok((done("ready", result).about(plan.digest().to_string()), Reaction::Rocket))
            }
            Command::Retry { plan } => {
                self.member(&comment, &policy)?;
                let stopped = self.stopped(plan.as_ref())?;
                let result = json!({ "planDigest": stopped.plan, "headSha": stopped.head_sha, "runId": stopped.run });
                Ok((done("retry", result).about(stopped.plan.to_string()), Reaction::Rocket))
            }
        }
    }

    /// Drafts and records a plan for this change request, and shows it.
    fn plan(
        &mut self,
        change: &ChangeRequest,
        author: &Account,
        directive: String,
        input: Vec<String>,
        policy: &Policy,
        policy_bytes: &[u8],
    ) -> Served {
        let world = self.asking.world;
        self.session.turn_to(change)?;
        let args = PlanArgs { directive, input, change_request: Some(change.number), ..PlanArgs::default() };
        let host = self.session.root.document().host.clone();
        let requester = Person { host, id: author.id, login: author.login.clone() };
        let drafted = planning::draft(&args, &requester, &self.session, policy, world)?;
        let plan = drafted.plan;
        world.events.tell(&EventLine::made(plan.plan(), plan.digest(), world.now()));
        let decision = decide(policy, &plan, world.now(), policy::Purpose::Review);
        if let Some(no) = decision.refusal() {
            return Err(Refusal::new(PLAN_DENIED, no.message().to_owned()).subject(plan.digest().to_string()));
        }
        let hand = signer::find(&SignerArgs::default(), &[Duty::Planner], &self.session, world)?;
        let seq = planning::record(&self.session, (&plan, &drafted.artifacts), policy_bytes, &hand, None, world)?;
        let shown = Shown::recorded(&self.session, &plan, &decision, world)?;
        let body = shown.comment(&plan, &decision, page(&self.session, world).as_ref());
        let url = self.talk.put(&Marker::Plan(plan.plan().directive.name.clone()), &body)?.url;
        let ready = *decision.outcome() == Decided::Permit;
        let result = json!({
            "planDigest": plan.digest(),
            "directive": plan.plan().directive.name,
            "effect": plan.plan().effect.word(),
            "expiresAt": plan.plan().expires_at,
            "ledgerSeq": seq,
            "headSha": plan.plan().subject.head_sha,
            "comment": url,
        });
        let word = if ready { "permit" } else { "needs-approval" };
        Ok((done(word, result).about(plan.digest().to_string()).plan(&plan), Reaction::ThumbsUp))
    }

    fn approve(&mut self, named: Digest, reason: Option<&str>, hand: &Hand, policy: Policy) -> Served {
        let world = self.asking.world;
        let plan = self.own_plan(&named, &policy)?;
        let change = self.change(&policy)?;
        let planned = &plan.plan().subject.head_sha;
        if change.head_sha != *planned {
            let what = format!("the plan is for {planned}, the head is {} now", change.head_sha);
            return Err(Refusal::new(HEAD_MOVED, what).subject(plan.digest().to_string()));
        }
        self.session.turn_to_plan(&plan)?;
        // Who had a hand in the change does not count, and is told so at once.
        let people = people(self.asking.forge, &self.session, &change)?;
        self.session.facts.forge = Some(Box::new(Observed { people, ..Observed::default() }));
        let matter = Matter::of(&plan, &policy, world.now())?;
        check_shown(&plan, matter.decision())?;
        let asked = Asked { scope: ScopeArg::SingleRun, max_uses: None, expires: None };
        let terms = Terms::of(&asked, reason, &matter, &self.session, world.now())?;
        let outcome = approve(&matter, &terms, hand, None, &self.session, world)?;
        let outcome = outcome.with("headSha", json!(plan.plan().subject.head_sha)).plan(&plan);
        Ok((if self.is_granted(&plan, policy)? { outcome.decision("ready") } else { outcome }, Reaction::ThumbsUp))
    }

    /// Tells whether a plan's approvals are enough, as far as the ledger says; `execute` asks the forge again.
    fn is_granted(&self, plan: &SealedPlan, policy: Policy) -> Result<bool> {
        let now = self.asking.world.now();
        let reading = begin(&self.session, Keep::Only(plan.digest()), now)?;
        let mut situation = Situation::gather(&self.session, policy, plan, Aim::start(None, now), reading, None)?;
        let (report, _) = situation.with_case(|case| crate::verify::verify(plan.clone(), case))?;
        Ok(report.approvals.grant().is_ok())
    }

    fn status(&mut self, comment: &Comment, named: Option<Digest>, policy: Policy) -> Served {
        let plan = match self.newest_plan(named.as_ref(), &policy) {
            Ok(plan) => plan,
            Err(refusal) if named.is_none() && refusal.is(PLAN_UNKNOWN) => {
                self.talk.answer(&StatusReply::render(&[], comment.id, Channel::GitHub))?;
                return Ok((done("status", json!({})), Reaction::ThumbsUp));
            }
            Err(refusal) => return Err(refusal),
        };
        self.session.turn_to_plan(&plan)?;
        let world = self.asking.world;
        let shown = Shown::of(&self.session, policy, &plan, self.asking, world)?;
        let mut ledger = self.session.ledger(world.now())?;
        let noted = ledger.notes(&plan.digest(), 0, world.now())?;
        let state = ledger.read(world.now())?.state();
        let names = state.plan(&plan.digest()).map(|known| known.runs.clone()).unwrap_or_default();
        let runs: Vec<RunLine> = names
            .iter()
            .filter_map(|name| state.run(name))
            .map(|run| RunLine {
                run: run.claim.run.clone(),
                status: run_status(state, run, Executor::Unseen),
                steps: Vec::new(),
                unknown: run.unknown_steps().cloned().collect(),
            })
            .collect();
        let reply = StatusReply {
            plan: plan.digest(),
            directive: &plan.plan().directive.name,
            expires: plan.plan().expires_at,
            standing: &shown.standing,
            labels: &Vec::from_iter(noted.labels),
            runs: &runs,
            refusal: shown.refusal(),
        };
        self.talk.answer(&StatusReply::render(&[reply], comment.id, Channel::GitHub))?;
        Ok((done("status", json!({ "planDigest": plan.digest() })), Reaction::ThumbsUp))
    }

    fn diff(&mut self, comment: &Comment, named: Option<Digest>, policy: Policy) -> Served {
        let plan = self.newest_plan(named.as_ref(), &policy)?;
        let decision = decide(&policy, &plan, self.asking.world.now(), policy::Purpose::Review);
        let shown = Shown::recorded(&self.session, &plan, &decision, self.asking.world)?;
        let reply = DiffReply { plan: plan.digest(), since: shown.since() };
        self.talk.answer(&reply.render(comment.id, Channel::GitHub))?;
        Ok((done("diff", json!({ "planDigest": plan.digest() })), Reaction::ThumbsUp))
    }

    /// Returns the change request, which must be open and, unless the policy says otherwise, of this repository.
    fn change(&self, policy: &Policy) -> Result<ChangeRequest> {
        let change = self.asking.forge.change_request(self.event.number)?;
        if !change.open {
            return Err(Refusal::new(CHANGE_CLOSED, format!("change request {}", change.number)));
        }
        let own = change.head_repo_id.map(|id| id.to_string()).as_deref()
            == Some(self.session.root.document().repo_id.as_str());
        if !own && !policy.gates().forks {
            return Err(Refusal::new(FORK_REFUSED, format!("change request {}", change.number)));
        }
        Ok(change)
    }

    /// Returns the only directive that a change request changes or adds.
    fn only_directive(&self, change: &ChangeRequest) -> Result<String> {
        self.proposed_directive(change)?.ok_or_else(|| {
            Refusal::new(
                DIRECTIVE_MISSING,
                format!("change request {} touches no directive, or several", change.number),
            )
            .hint("name one: `countersign plan NAME`")
        })
    }

    /// Returns the path of the directive that a change request changes or adds; none where it is not exactly one.
    fn proposed_directive(&self, change: &ChangeRequest) -> Result<Option<String>> {
        let files = self.asking.forge.changed_files(change)?;
        let mut touched = files
            .into_iter()
            .filter(|file| !file.removed && file.path.starts_with("directives/") && file.path.ends_with(".md"))
            .map(|file| file.path);
        let first = touched.next();
        Ok(first.filter(|_| touched.next().is_none()))
    }

    /// Returns the hand of who wrote the comment, for commands that decide something.
    fn hand(&self, comment: &Comment, policy: &Policy) -> Result<Hand> {
        let signer = SignerArgs::default();
        Gate { asking: self.asking, session: &self.session, policy, signer: &signer }.by_comment(comment)
    }

    /// Refuses commands that decide nothing, but do something, from whoever may do too little in the repository.
    fn member(&self, comment: &Comment, policy: &Policy) -> Result<()> {
        let author = &comment.author;
        if !author.is_person() {
            return Err(Refusal::new(APPROVER_NOT_PERSON, visible(&author.login)));
        }
        check_untouched(self.asking, comment)?;
        enough(self.asking.forge, author, policy.gates().permission, APPROVER_PERMISSION).map(drop)
    }
}

fn ignored() -> Outcome {
    done("ignored", json!({ "command": null }))
}

fn done(decision: &str, result: Value) -> Outcome {
    Outcome::done(result, format!("{decision}\n")).decision(decision)
}

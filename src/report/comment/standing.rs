//! How a plan stands, who must still agree, and the answer to `countersign status`.

use super::{
    Channel, Marker,
    page::{Page, Piece, Piece::*, number},
    shorten::shorten,
};
use crate::{
    approval::{
        ApprovalStatus,
        command::Command,
        status::{Counted, SetAside},
    },
    base::{digest::Digest, ident::Id, reason::Refusal, time::Timestamp},
    event::{RunStatus, StepStatus},
    policy::{Decision, Outcome, RequirementKind, RequirementStatus},
};

/// How a plan stands, as far as its comment is concerned.
#[derive(Clone, Debug)]
pub enum Standing {
    /// The policy denies it.
    Denied(Refusal),
    /// The policy permits it without anybody.
    Permitted,
    /// People must still agree.
    Waiting {
        /// What is asked for, and how far it is met.
        progress: Option<RequirementStatus>,
        /// The approvals that count.
        counted: Vec<Counted>,
        /// Those that do not.
        set_aside: Vec<SetAside>,
    },
    /// Enough people agreed.
    Agreed(Vec<Counted>),
    /// It is past the question: it ran or runs, or somebody or time put an end to it.
    Past(RunStatus),
}

impl Standing {
    /// Derives how a plan stands; `approvals` and `status` are absent where nothing is recorded yet.
    #[must_use]
    pub fn of(decision: &Decision, approvals: Option<&ApprovalStatus>, status: Option<RunStatus>) -> Self {
        use RunStatus::{Approved, AwaitingApproval, Drafted};
        if let Some(status) = status.filter(|status| !matches!(status, Drafted | AwaitingApproval | Approved)) {
            return Self::Past(status);
        }
        if let Some(refusal) = decision.refusal() {
            return Self::Denied(refusal);
        }
        match (decision.outcome(), approvals) {
            (Outcome::Permit, _) => Self::Permitted,
            (_, Some(approvals)) if approvals.grant().is_ok() => Self::Agreed(approvals.counted.clone()),
            (_, approvals) => Self::Waiting {
                progress: approvals
                    .and_then(|approvals| approvals.progress.clone())
                    .or_else(|| decision.status(&[], decision.now())),
                counted: approvals.map(|approvals| approvals.counted.clone()).unwrap_or_default(),
                set_aside: approvals.map(|approvals| approvals.set_aside.clone()).unwrap_or_default(),
            },
        }
    }

    /// Says it in a few words.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied by the policy",
            Self::Permitted => "permitted by the policy",
            Self::Waiting { .. } => "waits for approval",
            Self::Agreed(_) => "approved",
            Self::Past(status) => status.word(),
        }
    }
}

/// Writes who agreed, and who must still.
pub(super) fn people(page: &mut Page, standing: &Standing) {
    match standing {
        Standing::Denied(refusal) => {
            page.paragraph(&[Bold("Denied"), Own(": "), Code(refusal.code()), Own(", "), Code(refusal.message())]);
        }
        Standing::Permitted => page.paragraph(&[Own("The policy permits this plan without anybody's approval.")]),
        Standing::Waiting { progress, counted, set_aside } => {
            if let Some(progress) = progress {
                needs(page, progress);
            }
            agreed(page, counted);
            for aside in set_aside {
                let (reason, why) = (aside.why.reason(), aside.why.sentence());
                let mut words = vec![Own("Not counted: "), Code(&aside.login), Own(", "), Own(reason.summary)];
                if why != reason.summary {
                    words.extend([Own(": "), Code(&why)]);
                }
                words.extend([Own(", "), Code(reason.code)]);
                page.item(&words);
            }
        }
        Standing::Agreed(counted) => agreed(page, counted),
        Standing::Past(_) => {}
    }
}

fn agreed(page: &mut Page, counted: &[Counted]) {
    for one in counted {
        let how = one.method.word();
        page.item(&[Own("Agreed: "), Code(&one.login), Own(" by "), Own(how), Own(", until "), Minute(one.expires)]);
    }
}

/// Writes a requirement as a list of two levels; what is nested deeper stands in words.
fn needs(page: &mut Page, progress: &RequirementStatus) {
    page.item(&need(progress));
    progress.parts.iter().for_each(|part| page.sub(&need(part)));
}

fn need(progress: &RequirementStatus) -> Vec<Piece<'_>> {
    let mut words = vec![if progress.satisfied { Own("Met, ") } else { Bold("Still needed") }];
    words.extend(if progress.satisfied { None } else { Some(Own(", ")) });
    words.extend([number(progress.have), Own(" of "), number(progress.need), Own(": ")]);
    words.push(match progress.kind {
        RequirementKind::AllOf => Own("all of these"),
        RequirementKind::AnyOf => Own("any of these"),
        RequirementKind::KOf => Own("as many of these"),
        RequirementKind::People => Code(&progress.asks),
    });
    words
}

/// How one plan stands, for `countersign status`.
#[derive(Clone, Debug)]
pub struct StatusReply<'a> {
    /// SHA-256 of the plan.
    pub plan: Digest,
    /// Its directive.
    pub directive: &'a Id,
    /// When it expires.
    pub expires: Timestamp,
    /// How it stands.
    pub standing: &'a Standing,
    /// What people labelled it with.
    pub labels: &'a [Id],
    /// Its runs, oldest first.
    pub runs: &'a [RunLine],
    /// Why it would not be executed now, where it would not.
    pub refusal: Option<&'a Refusal>,
}

/// How one run stands.
#[derive(Clone, Debug)]
pub struct RunLine {
    /// The run.
    pub run: Id,
    /// How it stands.
    pub status: RunStatus,
    /// Its steps that said anything.
    pub steps: Vec<(Id, StepStatus)>,
    /// Steps that a person must resolve, should no executor live.
    pub unknown: Vec<Id>,
}

impl StatusReply<'_> {
    /// Writes the answer, a reply to the comment of this id.
    #[must_use]
    pub fn render(plans: &[Self], comment: u64, channel: Channel) -> String {
        let mut page = Page::marked(&Marker::Reply(comment));
        if plans.is_empty() {
            page.paragraph(&[Own("No plan is recorded for this change request. To draft one:")]);
            page.paste_with(&Command::Plan { directive: None, inputs: Default::default() }, "DIRECTIVE");
        }
        for plan in plans {
            plan.write(&mut page);
        }
        shorten(page.into_text(), channel.limit())
    }

    fn write(&self, page: &mut Page) {
        page.heading(&[Own("Plan "), Code(self.directive.as_str()), Own(": "), Own(self.standing.words())]);
        page.item(&[Digest(self.plan)]);
        page.item(&[Own("Expires "), Minute(self.expires)]);
        if !self.labels.is_empty() {
            let labels: Vec<&str> = self.labels.iter().map(Id::as_str).collect();
            page.item(&[Own("Labels, which approve nothing: "), Code(&labels.join(", "))]);
        }
        people(page, self.standing);
        for run in self.runs {
            page.item(&[Own("Run "), Code(run.run.as_str()), Own(": "), Bold(run.status.word())]);
            for (step, how) in &run.steps {
                page.sub(&[Code(step.as_str()), Own(": "), Own(how.word())]);
            }
        }
        if let Some(refusal) = self.refusal {
            page.item(&[
                Own("Execution would be refused now: "),
                Code(refusal.code()),
                Own(", "),
                Code(refusal.message()),
            ]);
        }
        for run in self.runs {
            unknown(page, &run.run, &run.unknown);
        }
    }
}

/// Writes what to do about steps of which nobody knows how they ended.
pub(super) fn unknown(page: &mut Page, run: &Id, steps: &[Id]) {
    for step in steps {
        page.paragraph(&[
            Bold("Nobody may know how this step ended"),
            Own(": "),
            Code(step.as_str()),
            Own(". If nothing runs any more, look what happened, then post one of these with what you saw:"),
        ]);
        let lines = ["retry", "skip", "abort"].map(|how| format!("countersign resolve {run} {step} {how} REASON"));
        page.shell(&lines);
    }
}

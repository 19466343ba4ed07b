//! The comment of a plan: what will happen, who must agree, the line to paste, and the view in full.

use super::{
    Channel, Marker, Standing,
    asks::{Ask, ask},
    change::{Since, summary},
    length,
    page::{Link, Page, Piece, Piece::*, number},
    standing::people,
};
use crate::{
    approval::command::Command,
    base::reason::{Refusal, Result},
    plan::{
        model::{Severity, Step},
        view::{Note, Use, View, reasons::VIEW_TOO_LARGE},
    },
};

/// Steps that are listed before the view.
const MOST_STEPS: usize = 6;
/// Names that are listed of each kind before the view.
const MOST_NAMES: usize = 4;

/// What the comment of a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct PlanComment<'a> {
    /// The view, computed from the plan's stored bytes.
    pub view: &'a View,
    /// How the plan stands.
    pub standing: &'a Standing,
    /// The ways to agree that count for it, the one to read first first.
    pub asks: &'a [Ask<'a>],
    /// The plan that was approved before, where there is one.
    pub since: Option<Since<'a>>,
    /// A page that shows the whole view, for where this comment cannot.
    pub page: Option<&'a Link>,
    /// Where it is posted.
    pub channel: Channel,
}

/// A comment, and whether it asks for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub body: String,
    /// Whether it shows the view in full and how to agree; an approval by comment counts only where it does.
    pub asked: bool,
}

impl PlanComment<'_> {
    /// Writes the comment; a view that does not fit is never shortened, and then nobody is asked here.
    #[must_use]
    pub fn render(&self) -> Rendered {
        let whole = self.view.markdown();
        let body = self.whole(&whole);
        if length(&body) <= self.channel.limit() {
            return Rendered {
                body,
                asked: matches!(self.standing, Standing::Waiting { .. }) && !self.asks.is_empty(),
            };
        }
        let mut page = self.head();
        self.elsewhere(&mut page, length(&whole));
        Rendered { body: page.into_text(), asked: false }
    }

    /// Checks that the comment can show the whole view: what nobody could read here, nobody approves here.
    ///
    /// # Errors
    /// `view.too_large`.
    pub fn check_shown(&self) -> Result<()> {
        let room = self.channel.limit();
        let body = length(&self.whole(&self.view.markdown()));
        if body <= room {
            return Ok(());
        }
        let what = format!("the comment would have {body} characters, {} takes {room}", self.channel.name());
        Err(Refusal::new(VIEW_TOO_LARGE, what).subject(self.view.plan.to_string()))
    }

    fn whole(&self, view: &str) -> String {
        let mut page = self.head();
        self.question(&mut page);
        page.paragraph(&[Bold("The view, in full"), Own(": what an approval is bound to, besides the plan itself.")]);
        page.document(view);
        page.into_text()
    }

    /// What fits on the first screen of a phone: what it is, what it does, and what to look at.
    fn head(&self) -> Page {
        let plan = &self.view.document;
        let mut page = Page::marked(&Marker::Plan(plan.directive.name.clone()));
        page.heading(&[Code(plan.directive.name.as_str()), Own(": "), Own(self.standing.words())]);
        let counts = &self.view.summary;
        let mut line = vec![Bold(counts.effect.word()), Own(", "), number(counts.steps)];
        line.push(Own(if counts.steps == 1 { " step" } else { " steps" }));
        if let Some(environment) = &plan.environment {
            line.extend([Own(", in "), Code(environment.as_str())]);
        }
        if let Some(risk) = plan.risks.iter().map(|risk| risk.severity).max() {
            line.extend([
                Own(", stated risk "),
                if risk > Severity::Low { Bold(risk.word()) } else { Own(risk.word()) },
            ]);
        }
        page.paragraph(&line);
        let steps: Vec<&Step> =
            self.view.order.iter().filter_map(|id| plan.steps.iter().find(|step| step.id == *id)).collect();
        for (at, step) in steps.iter().take(MOST_STEPS).enumerate() {
            let pipeline = step.pipeline.as_str();
            let mut line = vec![Code(step.id.as_str()), Own(": ")];
            line.extend([Own(step.effect.word()), Own(", pipeline "), Code(pipeline)]);
            page.numbered(at + 1, &line);
        }
        if let Some(more) = steps.len().checked_sub(MOST_STEPS).filter(|more| *more > 0) {
            page.numbered(MOST_STEPS + 1, &[Bold("and "), number(more), Bold(" more steps")]);
        }
        self.facts(&mut page);
        self.notes(&mut page);
        if let Some(since) = self.since {
            summary(&mut page, since);
        }
        page
    }

    fn notes(&self, page: &mut Page) {
        for (title, notes) in
            [("Cannot be seen through", &self.view.uninspectable), ("Look twice", &self.view.look_twice)]
        {
            let mut told: Vec<&'static str> = Vec::new();
            for Note { kind, .. } in notes {
                let sentence = kind.sentence();
                if !told.contains(&sentence) {
                    told.push(sentence);
                    page.item(&[Bold(title), Own(": "), Own(sentence)]);
                }
            }
        }
    }

    /// Who must still agree, and how; or what comes next.
    fn question(&self, page: &mut Page) {
        let plan = self.view.plan;
        match self.standing {
            Standing::Waiting { .. } => {
                ask(page, plan, self.asks);
                people(page, self.standing);
                page.item(&[Own("Expires "), Minute(self.view.document.expires_at)]);
                if self.asks.contains(&Ask::Comment) {
                    page.paragraph(&[Own("To refuse it for good, with your reason:")]);
                    page.paste_with(&Command::Reject { plan }, "REASON");
                }
            }
            Standing::Permitted | Standing::Agreed(_) => {
                people(page, self.standing);
                page.paragraph(&[Own("To run it, before "), Minute(self.view.document.expires_at), Own(":")]);
                page.paste(&Command::Execute { plan });
            }
            Standing::Denied(_) | Standing::Past(_) => people(page, self.standing),
        }
    }

    /// Says why nobody is asked here, and where the whole can be seen.
    fn elsewhere(&self, page: &mut Page, length: usize) {
        page.paragraph(&[
            Bold("No approval is asked for here"),
            Own(": the view has "),
            number(length),
            Own(" characters, a comment on "),
            Own(self.channel.name()),
            Own(" takes "),
            number(self.channel.limit()),
            Own(", and nothing of it is left out."),
        ]);
        if let Some(link) = self.page {
            page.paragraph(&[Own("Read it whole on "), Link("the page of the run", link), Own(".")]);
        }
        page.paragraph(&[Own("On a machine of your own, read it and decide:")]);
        let plan = self.view.plan;
        page.shell(&[format!("countersign render {plan}"), format!("countersign approve {plan}")]);
        people(page, self.standing);
    }

    /// What the steps touch, in a few lines; what they do not touch, in one.
    fn facts(&self, page: &mut Page) {
        let all = &self.view.summary;
        let names = |uses: &[Use]| uses.iter().map(|entry| entry.what.clone()).collect::<Vec<_>>();
        let programs: Vec<String> = all.programs.iter().map(|program| program.path.clone()).collect();
        let facts = [
            ("Writes ", "writes", names(&all.writes)),
            ("Runs ", "programs", programs),
            ("Connects to ", "network", names(&all.hosts)),
            ("Gets the secrets ", "secrets", names(&all.secrets)),
            ("Commits ", "commits", names(&all.commits)),
            ("Tags ", "tags", names(&all.tags)),
        ];
        let mut none: Vec<Piece<'_>> = Vec::new();
        for (label, kind, names) in &facts {
            if names.is_empty() {
                none.push(Own(if none.is_empty() { "No " } else { ", no " }));
                none.push(Own(kind));
                continue;
            }
            let mut line = vec![Own(label)];
            for (at, name) in names.iter().take(MOST_NAMES).enumerate() {
                line.extend((at > 0).then_some(Own(", ")));
                line.push(Code(name));
            }
            if let Some(more) = names.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
                line.extend([Own(" and "), number(more), Own(" more")]);
            }
            page.item(&line);
        }
        if !none.is_empty() {
            page.item(&none);
        }
    }
}

//! The view as blocks, in the order in which a reviewer needs them; the formats only draw them.

use super::{
    Note, ProgramUse, Use, View,
    author::{Author, proposed, used},
    steps,
};
use crate::{
    base::{digest::Digest, value::Scalar},
    plan::model::{Origin, Plan, Script},
};

/// A piece of one line: ours, or the plan's.
///
/// Ours is `&'static str` or a number, so nothing of the plan can become ours by mistake.
#[derive(Clone, Debug)]
pub(super) enum Span {
    /// Our own words.
    Fixed(&'static str),
    /// A number.
    Number(u64),
    /// A name, path or digest of the plan, put in quotes only where it needs them.
    Word(String),
    /// Free text of the plan, always put in quotes.
    Text(String),
}

/// A piece of the page.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// A heading of level 1 to 4.
    Heading(u8, Vec<Span>),
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A line of a list, at a depth of 0 or 1.
    Item(u8, Vec<Span>),
    /// A label, and under it text of the plan, whole.
    Lines(Vec<Span>, String),
}

pub(super) fn fixed(words: &'static str) -> Span {
    Span::Fixed(words)
}

pub(super) fn number(n: impl TryInto<u64>) -> Span {
    Span::Number(n.try_into().unwrap_or(u64::MAX))
}

pub(super) fn word(name: impl ToString) -> Span {
    Span::Word(name.to_string())
}

pub(super) fn text(free: &str) -> Span {
    Span::Text(free.to_owned())
}

/// A page being laid out.
#[derive(Default)]
pub(super) struct Page {
    pub(super) blocks: Vec<Block>,
}

impl Page {
    pub(super) fn heading(&mut self, level: u8, spans: impl Into<Vec<Span>>) {
        self.blocks.push(Block::Heading(level, spans.into()));
    }

    pub(super) fn paragraph(&mut self, words: &'static str) {
        self.blocks.push(Block::Paragraph(vec![fixed(words)]));
    }

    pub(super) fn item(&mut self, spans: impl Into<Vec<Span>>) {
        self.blocks.push(Block::Item(0, spans.into()));
    }

    pub(super) fn sub(&mut self, spans: impl Into<Vec<Span>>) {
        self.blocks.push(Block::Item(1, spans.into()));
    }

    pub(super) fn lines(&mut self, label: impl Into<Vec<Span>>, body: &str) {
        self.blocks.push(Block::Lines(label.into(), body.to_owned()));
    }

    /// A list under a label: the label alone says `none` where the list is empty.
    pub(super) fn listed(&mut self, label: &'static str, items: Vec<Vec<Span>>) {
        if items.is_empty() {
            self.item([fixed(label), fixed(": none")]);
            return;
        }
        self.item([fixed(label), fixed(": "), number(items.len())]);
        items.into_iter().for_each(|spans| self.sub(spans));
    }

    fn section(&mut self, title: &'static str, none: &'static str, items: Vec<Vec<Span>>) {
        self.heading(2, [fixed(title)]);
        if items.is_empty() {
            self.item([fixed(none)]);
        }
        items.into_iter().for_each(|spans| self.item(spans));
    }
}

/// Lays a view out.
pub(super) fn layout(view: &View) -> Vec<Block> {
    let plan = &view.document;
    let mut page = Page::default();
    header(&mut page, view);
    effects(&mut page, view);
    // What was asked for may say what will be destroyed; it comes before all that only names places.
    inputs(&mut page, plan);
    notes(&mut page, "UNINSPECTABLE", "nothing: the plan shows all that it runs", &view.uninspectable);
    notes(&mut page, "Look twice", "nothing odd was found", &view.look_twice);
    let summary = &view.summary;
    page.section("Writes", "nothing in the repository is written", summary.writes.iter().map(shown_use).collect());
    page.section("Programs", "no program runs", summary.programs.iter().map(shown_program).collect());
    page.section("Hosts", "no network", summary.hosts.iter().map(shown_use).collect());
    page.section("Secrets", "no secret is handed out", summary.secrets.iter().map(shown_use).collect());
    page.section("Commits", "nothing is committed", summary.commits.iter().map(shown_use).collect());
    page.section("Tags", "no tag is made", summary.tags.iter().map(shown_use).collect());
    words(&mut page, plan);
    bound_to(&mut page, plan);
    provenance(&mut page, plan);
    page.heading(2, [fixed(super::STEPS_HEADING)]);
    page.paragraph(
        "A step starts when the steps it needs have succeeded. Everything a step does is under its actions; \
                    titles and reasons are the plan's own words, which nothing checked. \
         In all lines but those that are numbered a backslash of the plan is written twice.",
    );
    for (place, index) in super::order::execution_order(&plan.steps).into_iter().enumerate() {
        if let Some(step) = plan.steps.get(index) {
            let proposed = proposed(plan, &step.id);
            steps::step(&mut page, (step, proposed), Author::of(plan), (place + 1, plan.steps.len()));
        }
    }
    scripts(&mut page, &plan.scripts);
    page.heading(2, [fixed("Environment of every program")]);
    for variable in &view.fixed_environment {
        page.item([word(&variable.name), fixed(" = "), text(&variable.value)]);
    }
    page.heading(2, [fixed("End of the view")]);
    page.item([fixed("plan "), word(view.plan)]);
    page.item([fixed("renderer "), word(&view.renderer)]);
    page.blocks
}

/// What a reader must know to place the plan; what else it is bound to comes after the lists.
fn header(page: &mut Page, view: &View) {
    let plan = &view.document;
    page.heading(1, [fixed("Plan to countersign: "), word(&plan.directive.name)]);
    page.item([fixed("Plan: "), word(view.plan)]);
    page.item([fixed("Repository: "), text(&plan.subject.repo), fixed(" on "), text(&plan.subject.host)]);
    match plan.subject.change_request {
        Some(n) => page.item([fixed("Change request: "), number(n)]),
        None => page.item([fixed("Change request: none")]),
    }
    match &plan.environment {
        Some(name) => page.item([fixed("Environment: "), word(name)]),
        None => page.item([fixed("Environment: none")]),
    }
    let person = &plan.planner.requested_by;
    page.item([
        fixed("Requested by: "),
        text(&person.login),
        fixed(", id "),
        number(person.id),
        fixed(" on "),
        text(&person.host),
    ]);
    page.item([fixed("Drafted: "), word(plan.created_at), fixed(", expires: "), word(plan.expires_at)]);
    if Author::of(plan) == Author::Model {
        let mut spans = vec![fixed("Drafted by a model, which nothing here trusts: planner "), word(plan.planner.kind)];
        if let Some(model) = &plan.planner.model {
            spans.extend([fixed(", model "), text(model)]);
        }
        page.item(spans);
    }
    match plan.parent {
        Some(parent) => page.item([fixed("Revision: "), number(plan.revision), fixed(" of "), word(parent)]),
        None => page.item([fixed("Revision: "), number(plan.revision)]),
    }
    if plan.gate.is_empty() {
        page.item([fixed("Ways to approve: any that the policy accepts")]);
    } else {
        page.listed("Ways to approve", plan.gate.iter().map(|method| vec![word(method)]).collect());
    }
}

fn bound_to(page: &mut Page, plan: &Plan) {
    let (directive, subject) = (&plan.directive, &plan.subject);
    page.heading(2, [fixed("What the plan is bound to")]);
    page.item([
        fixed("Directive: "),
        word(&directive.path),
        fixed(" "),
        word(directive.digest),
        fixed(" at commit "),
        text(&directive.commit),
    ]);
    page.item([fixed("Base: "), text(&subject.base_ref), fixed(" at "), text(&subject.base_sha)]);
    page.item([fixed("Head: "), text(&subject.head_sha), fixed(", tree "), word(subject.tree_digest)]);
    page.item(match subject.authors.as_slice() {
        [] => vec![fixed("Work of: nobody in the trust root")],
        ids => {
            let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
            vec![fixed("Work of the principals: "), word(ids.join(" "))]
        }
    });
    if subject.strangers > 0 {
        page.item([
            fixed("Addresses of authors that belong to nobody in the trust root, an approver's own perhaps: "),
            number(subject.strangers),
        ]);
    }
    page.item([fixed("Policy: "), word(plan.policy_digest)]);
    page.item([fixed("Trust root: "), word(plan.trust_root_digest)]);
    page.item([fixed("Repository id: "), text(&subject.repo_id), fixed(", owner id: "), text(&subject.owner_id)]);
    page.item([fixed("Nonce: "), text(&plan.nonce)]);
    page.item([fixed("Format: "), word(&plan.kind)]);
}

fn effects(page: &mut Page, view: &View) {
    page.heading(2, [fixed("Effects")]);
    page.item([fixed("highest: "), fixed(view.summary.effect.word()), fixed("; steps: "), number(view.summary.steps)]);
    for count in view.summary.effects.iter().filter(|count| count.steps > 0) {
        page.item([fixed(count.effect.word()), fixed(": "), number(count.steps)]);
    }
    for count in &view.summary.items {
        page.item([fixed("of these, repeated as "), word(&count.of), fixed(": "), number(count.items)]);
    }
}

/// Every note, those that say the same under one sentence: a reader on a phone sees at once how many kinds there are.
fn notes(page: &mut Page, title: &'static str, none: &'static str, notes: &[Note]) {
    page.heading(2, [fixed(title)]);
    if notes.is_empty() {
        page.item([fixed(none)]);
    }
    let mut told: Vec<&'static str> = Vec::new();
    for note in notes {
        let sentence = note.kind.sentence();
        if told.contains(&sentence) {
            continue;
        }
        told.push(sentence);
        page.item([fixed(sentence)]);
        for same in notes.iter().filter(|other| other.kind.sentence() == sentence) {
            let mut spans = Vec::new();
            if let Some(step) = &same.step {
                spans.extend([fixed("step "), word(step), fixed(": ")]);
            }
            spans.push(text(&same.subject));
            page.sub(spans);
        }
    }
}

fn shown_use(entry: &Use) -> Vec<Span> {
    let mut spans = vec![word(&entry.what), fixed(" by ")];
    by(&mut spans, &entry.steps);
    spans
}

fn shown_program(program: &ProgramUse) -> Vec<Span> {
    let mut spans = vec![word(&program.path)];
    spans.push(fixed(if program.interpreter { ", an interpreter" } else { ", a plain program" }));
    match program.digest {
        Some(digest) => spans.extend([fixed(", pinned to "), word(digest)]),
        None => spans.push(fixed(", not pinned")),
    }
    spans.push(fixed(", by "));
    by(&mut spans, &program.steps);
    spans
}

fn by(spans: &mut Vec<Span>, steps: &[crate::base::ident::Id]) {
    for (i, step) in steps.iter().enumerate() {
        if i > 0 {
            spans.push(fixed(", "));
        }
        spans.push(word(step));
    }
}

/// What the plan says of itself: shown, labelled, not believed (C-31).
fn words(page: &mut Page, plan: &Plan) {
    page.heading(2, [fixed("Risks and assumptions, in the plan's own words")]);
    let mut risks = Vec::new();
    for risk in &plan.risks {
        let mut spans = vec![fixed(risk.severity.word()), fixed(": "), text(&risk.text)];
        match &risk.mitigation {
            Some(mitigation) => spans.extend([fixed(", against it: "), text(mitigation)]),
            None => spans.push(fixed(", nothing is done against it")),
        }
        risks.push(spans);
    }
    let (labelled_risks, labelled_assumptions) = match Author::of(plan) {
        Author::Directive => ("Risks", "Assumptions"),
        Author::Model => ("Risks (unverified: written by a model)", "Assumptions (unverified: written by a model)"),
    };
    page.listed(labelled_risks, risks);
    page.listed(labelled_assumptions, plan.assumptions.iter().map(|assumption| vec![text(assumption)]).collect());
    if let Some(intent) = &plan.intent {
        page.lines([fixed("Intent of the directive")], intent);
    }
}

/// What whoever asked for the plan gave.
fn inputs(page: &mut Page, plan: &Plan) {
    let given = plan.inputs.iter().map(|(name, value)| vec![word(name), fixed(" = "), scalar(value)]);
    page.section("Inputs", "none", given.collect());
}

fn provenance(page: &mut Page, plan: &Plan) {
    page.heading(2, [fixed("How it was drafted")]);
    let planner = &plan.planner;
    page.item([fixed("Planner: "), word(planner.kind), fixed(", version "), text(&planner.version)]);
    if let Some(model) = &planner.model {
        page.item([fixed("Model: "), text(model)]);
    }
    for (label, digest) in [("Prompt: ", planner.prompt_digest), ("Answer: ", planner.response_digest)] {
        if let Some(digest) = digest {
            page.item([fixed(label), word(digest)]);
        }
    }
    if let Some(usage) = &planner.usage {
        page.item(used(usage));
    }
    let read = planner.inputs.iter().map(|input| {
        vec![text(&input.name), fixed(" from "), word(origin(input.origin)), fixed(" "), word(input.digest)]
    });
    page.listed("Read by the planner", read.collect());
    if Author::of(plan) == Author::Model {
        let foreign = planner.inputs.iter().filter(|input| !is_of_base(input.origin)).count();
        page.item([fixed("Of these, not from the protected base: "), number(foreign)]);
    }
}

/// Tells whether what comes from there was protected.
pub(super) fn is_of_base(origin: Origin) -> bool {
    matches!(origin, Origin::DirectiveAtBase | Origin::RepoAtBase)
}

/// The label of where something comes from.
pub(super) fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::DirectiveAtBase => "directive@base",
        Origin::RepoAtBase => "repo@base",
        Origin::RepoAtHead => "repo@head",
        Origin::Requester => "requester",
        Origin::Issue => "issue",
        Origin::ChangeRequest => "change-request",
        Origin::Web => "web",
        Origin::Model => "model",
    }
}

/// A value, in quotes only where it is text: the number 1 and the text `1` differ.
pub(super) fn scalar(value: &Scalar) -> Span {
    match value {
        Scalar::Text(free) => text(free),
        Scalar::Integer(n) => word(n),
        Scalar::Boolean(b) => fixed(if *b { "true" } else { "false" }),
    }
}

fn scripts(page: &mut Page, scripts: &[Script]) {
    page.heading(2, [fixed("Scripts, whole")]);
    if scripts.is_empty() {
        page.item([fixed("no script")]);
    }
    for script in scripts {
        page.heading(3, [fixed("Script "), word(&script.path)]);
        page.item([fixed("states "), word(script.digest)]);
        page.item([fixed("is "), word(Digest::of(script.content.as_bytes()))]);
        page.lines([fixed("Content")], &script.content);
    }
}

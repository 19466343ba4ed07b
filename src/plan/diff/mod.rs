//! What changed between two plans, in words a reviewer needs.
//!
//! Every struct of the plan is taken apart field by field, so a new field does not compile until it is
//! compared here: two plans that differ never have an empty difference.

mod actions;
mod shown;
mod steps;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use self::shown::{Shown, unified};
use super::{
    model::{DirectiveRef, Person, Plan, PlannerRef, Risk, Script, Subject},
    view::visible_line,
};
use crate::base::{ident::Id, method::Method, text::visible_lines, time::shown_duration};

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The new plan may do more, or is checked less.
    Widened,
    /// The new plan does something else.
    Changed,
    /// The new plan may do less, or is checked more.
    Narrowed,
}

impl Direction {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::Changed => "changed",
            Self::Narrowed => "narrowed",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// Which way it goes.
    pub direction: Direction,
    /// The step, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Id>,
    /// What changed: our words, and the number of the action where it is about one.
    pub what: String,
    /// The value in the old plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value in the new plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// For texts of several lines: the lines that differ, each after ` `, `-` or `+`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
}

/// What changed between two plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanDiff {
    /// Version of this format, 1.
    pub schema_version: u32,
    /// Steps only the new plan has, in its order.
    pub added: Vec<Id>,
    /// Steps only the old plan has, in its order.
    pub removed: Vec<Id>,
    /// All changes, what widens first, then in the plan's order.
    pub changes: Vec<Change>,
}

/// Compares two plans.
#[must_use]
pub fn diff(old: &Plan, new: &Plan) -> PlanDiff {
    let mut changes = Changes::default();
    plan(&mut changes, old, new);
    let (added, removed) = steps::compare_all(&mut changes, &old.steps, &new.steps);
    if changes.list.is_empty() && old != new {
        // Lists that repeat themselves can differ without any member being new or gone.
        changes.push(Direction::Changed, "order or repetition", None, None);
    }
    let mut changes = changes.list;
    changes.sort_by_key(|change| change.direction);
    PlanDiff { schema_version: 1, added, removed, changes }
}

impl PlanDiff {
    /// Tells whether the plans are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Tells whether the new plan may do anything that the old one may not.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.changes.iter().any(|change| change.direction == Direction::Widened)
    }
}

impl fmt::Display for PlanDiff {
    /// Writes a first line with the sum, then one line a change; every character of the plans is made visible.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "no change since the plan before");
        }
        let count = |direction| self.changes.iter().filter(|change| change.direction == direction).count();
        writeln!(
            f,
            "since the plan before: +{} -{} steps; {} widened, {} changed, {} narrowed",
            self.added.len(),
            self.removed.len(),
            count(Direction::Widened),
            count(Direction::Changed),
            count(Direction::Narrowed)
        )?;
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "step {step} {}: ", self.direction.word())?,
            None => write!(f, "plan {}: ", self.direction.word())?,
        }
        f.write_str(&visible_line(&self.what))?;
        if let Some(before) = &self.before {
            write!(f, ", was \"{}\"", visible_line(before))?;
        }
        if let Some(after) = &self.after {
            write!(f, ", is \"{}\"", visible_line(after))?;
        }
        if let Some(lines) = &self.lines {
            for line in lines.lines() {
                write!(f, "\n    {}", visible_lines(line))?;
            }
        }
        Ok(())
    }
}

/// Changes being collected, for the plan or for one step.
#[derive(Default)]
struct Changes {
    step: Option<Id>,
    list: Vec<Change>,
}

impl Changes {
    fn push(&mut self, direction: Direction, what: impl Into<String>, before: Option<String>, after: Option<String>) {
        self.list.push(Change { direction, step: self.step.clone(), what: what.into(), before, after, lines: None });
    }

    /// Shows what was and what is whole, a line each or several.
    fn whole(&mut self, direction: Direction, what: impl Into<String>, before: Option<&str>, after: Option<&str>) {
        let marked = |mark: char, text: &str| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
        let lines = before.map(|text| marked('-', text)).into_iter().chain(after.map(|text| marked('+', text)));
        self.push(direction, what, None, None);
        if let Some(change) = self.list.last_mut() {
            change.lines = Some(lines.collect());
        }
    }

    /// Compares two values that mean no more and no less.
    fn value<T: PartialEq + Shown>(&mut self, what: &str, old: &T, new: &T) {
        if old != new {
            self.push(Direction::Changed, what, old.shown(), new.shown());
        }
    }

    /// Compares two values of which the greater allows more.
    fn level<T: PartialOrd + Shown>(&mut self, what: &str, old: &T, new: &T) {
        if old != new {
            let direction = if new > old { Direction::Widened } else { Direction::Narrowed };
            self.push(direction, what, old.shown(), new.shown());
        }
    }

    /// Compares two lists of what is allowed: more is wider.
    fn allowed<T: Eq + Shown>(&mut self, what: &str, old: &[T], new: &[T]) {
        self.members(what, old, new, Direction::Widened, Direction::Narrowed);
    }

    /// Compares two lists of what is checked: fewer is wider.
    fn required<T: Eq + Shown>(&mut self, what: &str, old: &[T], new: &[T]) {
        self.members(what, old, new, Direction::Narrowed, Direction::Widened);
    }

    /// Compares two lists that allow nothing.
    fn listed<T: Eq + Shown>(&mut self, what: &str, old: &[T], new: &[T]) {
        self.members(what, old, new, Direction::Changed, Direction::Changed);
    }

    fn members<T: Eq + Shown>(&mut self, what: &str, old: &[T], new: &[T], more: Direction, fewer: Direction) {
        let before = self.list.len();
        for item in new.iter().filter(|item| !old.contains(item)) {
            self.push(more, format!("{what}: added"), None, item.shown());
        }
        for item in old.iter().filter(|item| !new.contains(item)) {
            self.push(fewer, format!("{what}: removed"), item.shown(), None);
        }
        if self.list.len() == before && old != new {
            self.push(Direction::Changed, format!("{what}: order or repetition"), None, None);
        }
    }

    /// Compares two texts of several lines.
    fn text(&mut self, direction: Direction, what: &str, old: &str, new: &str) {
        if old != new {
            let lines = unified(old, new);
            let what = what.to_owned();
            let step = self.step.clone();
            self.list.push(Change { direction, step, what, before: None, after: None, lines: Some(lines) });
        }
    }
}

fn plan(changes: &mut Changes, old: &Plan, new: &Plan) {
    let Plan {
        kind,
        directive: old_directive,
        subject: old_subject,
        environment,
        created_at,
        expires_at: _,
        nonce,
        parent,
        revision,
        planner: old_planner,
        policy_digest,
        trust_root_digest,
        effect,
        inputs,
        risks,
        assumptions,
        gate,
        intent,
        scripts: old_scripts,
        steps: _,
    } = old;
    changes.level("highest effect", effect, &new.effect);
    changes.value("environment", environment, &new.environment);
    expiry(changes, old, new);
    ways_to_approve(changes, gate, &new.gate);
    scripts(changes, old_scripts, &new.scripts);
    changes.value("policy", policy_digest, &new.policy_digest);
    changes.value("trust root", trust_root_digest, &new.trust_root_digest);
    steps::named(changes, "input", inputs, &new.inputs);
    compare_risks(changes, risks, &new.risks);
    changes.listed("assumption", assumptions, &new.assumptions);
    directive(changes, old_directive, &new.directive);
    subject(changes, old_subject, &new.subject);
    planner(changes, old_planner, &new.planner);
    changes.text(
        Direction::Changed,
        "intent",
        intent.as_deref().unwrap_or_default(),
        new.intent.as_deref().unwrap_or_default(),
    );
    if intent.is_some() != new.intent.is_some() {
        changes.push(Direction::Changed, "intent: there or not", intent.shown(), new.intent.shown());
    }
    changes.value("format", kind, &new.kind);
    changes.value("parent", parent, &new.parent);
    changes.value("revision", revision, &new.revision);
    changes.value("drafted", created_at, &new.created_at);
    changes.value("nonce", nonce, &new.nonce);
}

/// A plan that lives longer is wider; one that was drafted later and lives as long is not.
fn expiry(changes: &mut Changes, old: &Plan, new: &Plan) {
    let lives = |plan: &Plan| plan.expires_at.since(plan.created_at);
    let (before, after) = (lives(old), lives(new));
    if before == after {
        return changes.value("expiry", &old.expires_at, &new.expires_at);
    }
    let direction = if after > before { Direction::Widened } else { Direction::Narrowed };
    let shown = |plan: &Plan| Some(format!("{}, until {}", shown_duration(lives(plan)), plan.expires_at));
    changes.push(direction, "expiry", shown(old), shown(new));
}

/// No method at all means any method, so it is the widest gate.
fn ways_to_approve(changes: &mut Changes, old: &[Method], new: &[Method]) {
    match (old.is_empty(), new.is_empty()) {
        (true, false) => changes.push(Direction::Narrowed, "ways to approve: no longer any", None, new.shown()),
        (false, true) => changes.push(Direction::Widened, "ways to approve: now any", old.shown(), None),
        _ => changes.allowed("way to approve", old, new),
    }
}

fn compare_risks(changes: &mut Changes, old: &[Risk], new: &[Risk]) {
    let highest = |risks: &[Risk]| risks.iter().map(|risk| risk.severity).max();
    changes.level("highest risk", &highest(old), &highest(new));
    changes.listed("risk", old, new);
}

fn scripts(changes: &mut Changes, old: &[Script], new: &[Script]) {
    for script in new {
        match old.iter().find(|before| before.path == script.path) {
            None => changes.push(Direction::Widened, "script: added", None, Some(script.path.to_string())),
            Some(before) => {
                let Script { path: _, digest, content } = before;
                let what = format!("script {}", script.path);
                changes.text(Direction::Widened, &what, content, &script.content);
                if *digest != script.digest {
                    changes.push(Direction::Widened, format!("{what}: digest"), digest.shown(), script.digest.shown());
                }
            }
        }
    }
    for script in old.iter().filter(|script| !new.iter().any(|after| after.path == script.path)) {
        changes.push(Direction::Narrowed, "script: removed", Some(script.path.to_string()), None);
    }
    let paths = |scripts: &[Script]| scripts.iter().map(|script| script.path.clone()).collect::<Vec<_>>();
    let (old, new) = (paths(old), paths(new));
    if old != new && old.iter().all(|path| new.contains(path)) && new.iter().all(|path| old.contains(path)) {
        changes.push(Direction::Changed, "scripts: order or repetition", None, None);
    }
}

fn directive(changes: &mut Changes, old: &DirectiveRef, new: &DirectiveRef) {
    let DirectiveRef { name, path, digest, commit } = old;
    changes.value("directive", name, &new.name);
    changes.value("directive: path", path, &new.path);
    changes.value("directive: text", digest, &new.digest);
    changes.value("directive: commit", commit, &new.commit);
}

fn subject(changes: &mut Changes, old: &Subject, new: &Subject) {
    let Subject {
        host,
        repo_id,
        owner_id,
        repo,
        change_request,
        base_ref,
        base_sha,
        head_sha,
        tree_digest,
        authors,
        strangers,
    } = old;
    changes.value("host of the repository", host, &new.host);
    changes.value("repository id", repo_id, &new.repo_id);
    changes.value("owner id", owner_id, &new.owner_id);
    changes.value("repository", repo, &new.repo);
    changes.value("change request", change_request, &new.change_request);
    changes.value("base", base_ref, &new.base_ref);
    changes.value("base commit", base_sha, &new.base_sha);
    changes.value("head commit", head_sha, &new.head_sha);
    changes.value("tree", tree_digest, &new.tree_digest);
    // Who wrote it may not approve: one name fewer is one more who may.
    changes.required("author", authors, &new.authors);
    changes.value("addresses of unknown authors", strangers, &new.strangers);
}

fn planner(changes: &mut Changes, old: &PlannerRef, new: &PlannerRef) {
    let PlannerRef { kind, version, requested_by, model, prompt_digest, response_digest, inputs, proposal, usage } =
        old;
    let Person { host, id, login } = requested_by;
    changes.value("planner", kind, &new.kind);
    changes.value("planner: version", version, &new.version);
    changes.value("requested by: host", host, &new.requested_by.host);
    changes.value("requested by: id", id, &new.requested_by.id);
    changes.value("requested by: login", login, &new.requested_by.login);
    changes.value("model", model, &new.model);
    changes.value("prompt", prompt_digest, &new.prompt_digest);
    changes.value("answer", response_digest, &new.response_digest);
    changes.listed("read by the planner", inputs, &new.inputs);
    // What it changes of the steps stands there; here that it was another, in words or in where a value is from.
    let digest = |proposal: &Option<super::proposal::Proposal>| {
        crate::base::json::canonical(proposal).ok().map(|bytes| crate::base::digest::Digest::of(&bytes))
    };
    changes.value("what was proposed", &digest(proposal), &digest(&new.proposal));
    changes.value("used by the planner", usage, &new.usage);
}

#[cfg(test)]
mod tests;

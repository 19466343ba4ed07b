//! The seal: the one door from bytes to a plan that anything may act on.

mod action;
mod graph;
mod step;
#[cfg(test)]
mod tests;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use super::{
    model::{Effect, PLAN_TYPE, Plan, Script, Step, Subject},
    reasons::{
        PLAN_EFFECT, PLAN_EMPTY, PLAN_IDENTITY, PLAN_LIMIT, PLAN_NON_CANONICAL, PLAN_SCRIPT, PLAN_STEP, PLAN_TIME,
        PLAN_TYPE as TYPE,
    },
    view::View,
};
pub use crate::base::bounds::{MAX_LIFETIME, MAX_STEPS};
use crate::base::{
    canonical,
    digest::Digest,
    ident::is_commit_id,
    json,
    reason::{JSON_NON_CANONICAL, JSON_SCHEMA, Reason, Refusal, Result},
    text::{self, check_free, check_steering},
    value::Scalar,
};

/// The most bytes of a plan.
pub const MAX_BYTES: usize = 4 << 20;
/// The most bytes of one step's inputs.
const MAX_WITH: usize = 64 * 1024;
/// The most characters of one line of free text.
const MAX_LINE: usize = 1_000;
/// The most items of a list of texts.
const MAX_LIST: usize = 100;

/// A plan whose bytes passed every structural check, with exactly those bytes.
///
/// There is no way to make one but [`open`] and [`seal`]: the fields are private, and it is not read
/// from JSON.
///
/// ```compile_fail,E0451
/// use countersign::{base::digest::Digest, plan::{SealedPlan, model::Plan}};
///
/// fn forge(plan: Plan) -> SealedPlan {
///     SealedPlan { bytes: Vec::new(), digest: Digest::of(b""), plan, view: Default::default() }
/// }
/// ```
///
/// ```compile_fail,E0277
/// let forged: countersign::plan::SealedPlan = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct SealedPlan {
    bytes: Vec<u8>,
    digest: Digest,
    plan: Plan,
    view: OnceLock<Digest>,
}

impl PartialEq for SealedPlan {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for SealedPlan {}

impl SealedPlan {
    /// Returns the bytes: the truth that is hashed, stored and signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the document.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the SHA-256 of the plan's view; it is computed once, by whoever asks first, on whichever thread.
    #[must_use]
    pub fn view_digest(&self) -> Digest {
        *self.view.get_or_init(|| View::new(&self.plan, self.digest).digest())
    }
}

/// What the policy may widen of the seal's own limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most steps, at most [`MAX_STEPS`].
    pub max_steps: usize,
    /// Names of variables that are denied otherwise and that the policy lets pass.
    pub dangerous_env: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_steps: 100, dangerous_env: Vec::new() }
    }
}

/// Writes a plan down in its canonical form, and opens that.
///
/// # Errors
/// As [`open`].
pub fn seal(plan: &Plan) -> Result<SealedPlan> {
    seal_with(plan, &Limits::default())
}

/// As [`seal`], under the limits of a policy.
///
/// # Errors
/// As [`open`].
pub fn seal_with(plan: &Plan, limits: &Limits) -> Result<SealedPlan> {
    open_with(json::canonical(plan)?, limits)
}

/// Opens the bytes of a plan from anywhere, and checks every structural rule of the format.
///
/// # Errors
/// `plan.*`, `secret.in_plan`, and the codes of the values a plan holds: `json.*`, `limit.*`, `text.*`,
/// `path.*`, `env.*`, `program.path`, `read.path`, `host.invalid`, `argv.limit`, `value.spec`.
pub fn open(bytes: Vec<u8>) -> Result<SealedPlan> {
    open_with(bytes, &Limits::default())
}

/// As [`open`], under the limits of a policy.
///
/// # Errors
/// As [`open`].
pub fn open_with(bytes: Vec<u8>, limits: &Limits) -> Result<SealedPlan> {
    let (document, kind) = canonical::find(&bytes, MAX_BYTES, "_type").map_err(|refusal| {
        let other = refusal.is(JSON_NON_CANONICAL);
        if other { Refusal::new(PLAN_NON_CANONICAL, refusal.message()) } else { refusal }
    })?;
    let kind = kind.unwrap_or_default();
    if kind != PLAN_TYPE {
        return Err(Refusal::new(TYPE, format!("the type is `{}`", text::excerpt(&kind))));
    }
    texts::check(document)?;
    let schema = |error: serde_json::Error| Refusal::new(JSON_SCHEMA, text::excerpt(&error.to_string()));
    let plan: Plan = serde_json::from_str(document).map_err(schema)?;
    // A member that is null, or of a second spelling, is gone after reading: one plan has one byte form.
    if json::canonical(&plan)? != bytes {
        return Err(Refusal::new(PLAN_NON_CANONICAL, "the bytes differ from those this tool writes for the same plan"));
    }
    check(&plan, limits)?;
    Ok(SealedPlan { digest: Digest::of(&bytes), bytes, plan, view: OnceLock::new() })
}

/// Reads what a recorded plan is for, and nothing else of it: whether it may be shown, approved or run is not asked.
///
/// # Errors
/// `json.schema`.
pub fn subject(bytes: &[u8]) -> Result<Subject> {
    #[derive(serde::Deserialize)]
    struct Named {
        subject: Subject,
    }
    let named: Named =
        serde_json::from_slice(bytes).map_err(|e| Refusal::new(JSON_SCHEMA, text::excerpt(&e.to_string())))?;
    Ok(named.subject)
}

/// Checks a step by itself, with the scripts that it runs, before there is a plan that holds it.
///
/// Every rule of [`open_with`] is held but those that look at other steps, or at what the plan is for.
///
/// # Errors
/// As [`open`].
pub fn rehearse(step: &Step, scripts: &[Script], limits: &Limits) -> Result<()> {
    #[derive(serde::Serialize)]
    struct Alone<'s> {
        #[serde(rename = "_type")]
        kind: &'static str,
        step: &'s Step,
        scripts: &'s [Script],
    }
    let bytes = json::canonical(&Alone { kind: PLAN_TYPE, step, scripts })?;
    let (document, _) = canonical::find(&bytes, MAX_BYTES, "_type")?;
    texts::check(document)?;
    step::check(&step::Context { scripts, limits, among: None }, step)
}

fn check(plan: &Plan, limits: &Limits) -> Result<()> {
    check_size(plan, limits)?;
    check_identity(plan)?;
    check_words(plan)?;
    check_scripts(plan)?;
    check_items(plan)?;
    let graph = graph::Graph::of(&plan.steps)?;
    for (index, step) in plan.steps.iter().enumerate() {
        let among = Some(step::Among { steps: &plan.steps, graph: &graph, index });
        step::check(&step::Context { scripts: &plan.scripts, limits, among }, step)
            .map_err(|refusal| refusal.subject(format!("step {}", step.id)))?;
    }
    let effect = plan.steps.iter().map(|step| step.effect).max().unwrap_or(Effect::Irreversible);
    if effect != plan.effect {
        let (claimed, found) = (plan.effect.word(), effect.word());
        return Err(Refusal::new(PLAN_EFFECT, format!("the plan claims `{claimed}`, and its steps reach `{found}`")));
    }
    Ok(())
}

/// Of one repeated step come steps of one pipeline, each for something else.
fn check_items(plan: &Plan) -> Result<()> {
    let mut pipelines = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        let Some(item) = &step.item else { continue };
        let refuse = |why: String| Refusal::new(PLAN_STEP, why).subject(format!("step {}", step.id));
        text::check_steering(&item.value)?;
        if item.value.is_empty() || !seen.insert((&item.of, &item.value)) {
            return Err(refuse(format!("an item of `{}` is empty, or there twice", item.of)));
        }
        if *pipelines.entry(&item.of).or_insert(&step.pipeline) != &step.pipeline {
            return Err(refuse(format!("items of `{}` are done by two pipelines", item.of)));
        }
    }
    match plan.steps.iter().find(|step| pipelines.contains_key(&step.id)) {
        Some(step) => Err(Refusal::new(PLAN_STEP, format!("`{}` is repeated, and no step itself", step.id))),
        None => Ok(()),
    }
}

fn check_size(plan: &Plan, limits: &Limits) -> Result<()> {
    if plan.steps.is_empty() {
        return Err(Refusal::new(PLAN_EMPTY, "the plan has no step"));
    }
    let most = limits.max_steps.min(MAX_STEPS);
    if plan.steps.len() > most {
        return Err(Refusal::new(PLAN_LIMIT, format!("{} steps, the limit is {most}", plan.steps.len())));
    }
    let lists = [
        ("risks", plan.risks.len()),
        ("assumptions", plan.assumptions.len()),
        ("methods of approval", plan.gate.len()),
        ("inputs", plan.inputs.len()),
    ];
    for (what, length) in lists {
        if length > MAX_LIST {
            return Err(Refusal::new(PLAN_LIMIT, format!("{length} {what}, the limit is {MAX_LIST}")));
        }
    }
    Ok(())
}

fn check_identity(plan: &Plan) -> Result<()> {
    let require = |holds: bool, what: &str| demand(holds, PLAN_IDENTITY, || what.to_owned());
    let subject = &plan.subject;
    let requester = &plan.planner.requested_by;
    for (what, value) in [
        ("host", &subject.host),
        ("id of the repository", &subject.repo_id),
        ("id of the owner", &subject.owner_id),
        ("base", &subject.base_ref),
        ("version of the planner", &plan.planner.version),
        ("host of the requester", &requester.host),
    ] {
        check_steering(value)?;
        require(!value.is_empty() && value.len() <= 300, &format!("the {what} is empty or too long"))?;
    }
    for (what, commit) in
        [("directive", &plan.directive.commit), ("base", &subject.base_sha), ("head", &subject.head_sha)]
    {
        require(is_commit_id(commit), &format!("the commit of the {what} is no full id"))?;
    }
    require(plan.nonce.len() == 32 && is_hex(&plan.nonce), "the nonce is not 32 hex digits")?;
    require(plan.revision >= 1 && (plan.revision == 1) == plan.parent.is_none(), "revision and parent contradict")?;
    let file = format!("{}.md", plan.directive.name);
    let named = plan.directive.path.as_str().rsplit('/').next() == Some(file.as_str());
    require(named, "the directive's name and path contradict")?;
    let lifetime = plan.expires_at.since(plan.created_at);
    demand((1..=MAX_LIFETIME).contains(&lifetime), PLAN_TIME, || format!("a lifetime of {lifetime} s"))
}

fn check_words(plan: &Plan) -> Result<()> {
    check_line(&plan.subject.repo)?;
    check_line(&plan.planner.requested_by.login)?;
    if let Some(model) = &plan.planner.model {
        check_steering(model)?;
    }
    let counted = plan.planner.usage.as_ref().is_none_or(super::usage::Usage::is_in_form);
    demand(counted, PLAN_IDENTITY, || "what the drafting used is not in its one form".into())?;
    for input in &plan.planner.inputs {
        check_line(&input.name)?;
    }
    for value in plan.inputs.values() {
        check_value(value)?;
    }
    for risk in &plan.risks {
        check_line(&risk.text)?;
        risk.mitigation.as_deref().map_or(Ok(()), check_line)?;
    }
    plan.assumptions.iter().try_for_each(|assumption| check_line(assumption))?;
    plan.intent.as_deref().map_or(Ok(()), |intent| check_free(intent, true))?;
    let repeated = plan.gate.iter().enumerate().any(|(n, word)| plan.gate[..n].contains(word));
    demand(!repeated, PLAN_IDENTITY, || "a method of approval stands twice".into())
}

fn check_scripts(plan: &Plan) -> Result<()> {
    let used: BTreeSet<_> = plan.steps.iter().flat_map(step::scripts_of).collect();
    let mut before = None;
    for script in &plan.scripts {
        let refuse = |why: &str| {
            Err(Refusal::new(PLAN_SCRIPT, format!("{why}: `{}`", script.path)).subject(script.path.as_str()))
        };
        if before.is_some_and(|path| path >= &script.path) {
            return refuse("the scripts are not in order, or one stands twice");
        }
        before = Some(&script.path);
        let parts: Vec<&str> = script.path.as_str().split('/').collect();
        if parts.len() < 3 || parts[0] != "pipelines" {
            return refuse("not a script of a pipeline");
        }
        text::check_content(&script.content)?;
        if Digest::of(script.content.as_bytes()) != script.digest {
            return refuse("the digest of a script is another");
        }
        if !used.contains(&script.path) {
            return refuse("no step runs the script");
        }
    }
    Ok(())
}

fn check_value(value: &Scalar) -> Result<()> {
    match value {
        Scalar::Text(text) => check_steering(text),
        Scalar::Integer(_) | Scalar::Boolean(_) => Ok(()),
    }
}

/// Checks one line of free text: not empty, not too long, nothing that misleads.
fn check_line(line: &str) -> Result<()> {
    check_free(line, false)?;
    demand(!line.trim().is_empty() && line.chars().count() <= MAX_LINE, PLAN_LIMIT, || {
        format!("a text is empty or longer than {MAX_LINE} characters: `{}`", text::excerpt(line))
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Refuses with a reason where a rule does not hold.
fn demand(holds: bool, reason: Reason, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Refusal::new(reason, message())) }
}

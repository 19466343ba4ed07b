//! Who may draft plans: what a policy says under `planning`.

use globset::{Glob, GlobMatcher};

use super::{
    raw::words,
    reasons::{POLICY_EMPTY, POLICY_VALUE},
};
use crate::{
    base::{
        planner::PlannerKind,
        yaml::{Findings, Node},
    },
    plan::model::PlannerRef,
};

/// The most entries of a list.
const MAX_ITEMS: usize = 100;
/// The most revisions that may be asked for where the policy is silent.
const REVISIONS: u32 = 5;

/// Who may draft plans, and with what.
#[derive(Clone, Debug)]
pub struct Planning {
    /// The planners; none means any.
    planners: Option<Vec<PlannerKind>>,
    /// The models, as the plan names them; none means any.
    models: Option<Vec<GlobMatcher>>,
    /// Whether values that are not from the protected base may stand where they steer.
    pub tainted: bool,
    /// Whether what a planner writes where it goes out has no limits.
    pub outgoing: bool,
    /// Whether an objection of a second reviewer, a model, makes `review` say no; it can never make it say yes.
    pub objection_denies: bool,
    /// The most revisions of one plan before a person has to look after it.
    pub max_revisions: u32,
}

impl Default for Planning {
    fn default() -> Self {
        Self {
            planners: None,
            models: None,
            tainted: false,
            outgoing: false,
            objection_denies: false,
            max_revisions: REVISIONS,
        }
    }
}

impl Planning {
    /// Tells whether a planner may draft, with the model that it names.
    #[must_use]
    pub fn allows(&self, planner: &PlannerRef) -> bool {
        let kind = self.planners.as_ref().is_none_or(|all| all.contains(&planner.kind));
        let model = match (&self.models, &planner.model) {
            (None, _) => true,
            // What is not named cannot be one of those that are allowed; the directive's own steps need no model.
            (Some(_), None) => planner.kind == PlannerKind::Fixed,
            (Some(all), Some(model)) => all.iter().any(|one| one.is_match(model)),
        };
        kind && model
    }

    /// Says what is allowed, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let planners =
            self.planners.as_ref().map(|all| all.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", "));
        let models =
            self.models.as_ref().map(|all| all.iter().map(|one| one.glob().glob()).collect::<Vec<_>>().join(", "));
        let or_any = |list: Option<String>| list.unwrap_or_else(|| "any".to_owned());
        format!("planners: {}; models: {}", or_any(planners), or_any(models))
    }
}

/// Reads `planning`.
pub(super) fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Planning> {
    let known = ["planners", "models", "tainted", "outgoing", "maxRevisions", "reviewObjection"];
    let fields = node.fields("`planning`", &known, findings)?;
    let mut planning = Planning {
        planners: fields.get("planners").map(|list| words(list, &PlannerKind::ALL, findings)),
        models: fields.get("models").map(|list| read_models(list, findings)),
        ..Planning::default()
    };
    if let Some(list) = fields.get("models").filter(|_| planning.models.as_ref().is_some_and(Vec::is_empty)) {
        findings.report(list.place, POLICY_EMPTY, "a list without an item allows nobody; leave it out");
    }
    for (name, words, field) in [
        ("tainted", [("refuse", false), ("allow", true)], &mut planning.tainted),
        ("outgoing", [("limit", false), ("allow", true)], &mut planning.outgoing),
        ("reviewObjection", [("note", false), ("deny", true)], &mut planning.objection_denies),
    ] {
        if let Some(on) = fields.get(name).and_then(|node| node.word(&words, findings)) {
            *field = on;
        }
    }
    if let Some(most) = fields.get("maxRevisions").and_then(|node| node.integer(1, 1_000, findings)) {
        planning.max_revisions = u32::try_from(most).unwrap_or(REVISIONS);
    }
    Some(planning)
}

fn read_models(list: &Node, findings: &mut Findings<'_>) -> Vec<GlobMatcher> {
    let mut models = Vec::new();
    for item in list.items(MAX_ITEMS, findings) {
        let Some(text) = item.line(findings) else { continue };
        match Glob::new(text) {
            Ok(glob) => models.push(glob.compile_matcher()),
            Err(error) => findings.report(item.place, POLICY_VALUE, format!("no pattern: {}", error.kind())),
        }
    }
    models
}

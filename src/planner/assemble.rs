//! From steps to a plan document: every step expanded against the pipelines, whoever thought of it.

mod expand;
mod pins;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Draft, DraftRequest, answer, outgoing,
    reasons::{PLANNER_DIRECTIVE, PLANNER_UNANSWERED},
    taint,
};
use crate::{
    base::{
        diagnostic::findings,
        digest::Digest,
        ident::Id,
        json,
        level::Effect,
        path::RepoPath,
        planner::PlannerKind,
        reason::{Refusal, Result},
        value::Scalar,
    },
    directive::{Directive, model::StepSpec},
    pipeline::{Catalog, ProgramTable, template::Bound},
    plan::model::{
        DirectiveRef, Item as PlanItem, Origin, PLAN_TYPE, Plan, PlannerInput, PlannerRef, Retry, Risk, Script, Step,
        Subject,
    },
};

/// Expands the steps of a directive, its own or those that were proposed for it.
///
/// # Errors
/// `planner.directive` with every place that does not fit, `pipeline.program`, and the codes of values that do not fit.
pub(super) fn assemble(request: &DraftRequest<'_>, directive: &Directive, planner: PlannerRef) -> Result<Draft> {
    let found = request.catalog.lint(directive);
    if !found.is_empty() {
        let message = format!("{} in `{}`", findings(found.len()), directive.path());
        return Err(Refusal::new(PLANNER_DIRECTIVE, message).subject(directive.path().as_str()).diagnostics(found));
    }
    let mut scripts = BTreeMap::new();
    let mut steps = directive
        .steps()
        .iter()
        .map(|spec| {
            draft_step(request, (directive, spec), &mut scripts)
                .map_err(|refusal| if refusal.about().is_some() { refusal } else { refusal.subject(spec.id.as_str()) })
        })
        .collect::<Result<Vec<_>>>()?;
    let pinned = pins::pin(&mut steps, request.at_head);

    let used: BTreeSet<&Id> = steps.iter().map(|step| &step.pipeline).collect();
    let unused = directive.pipelines().filter(|name| !used.contains(name)).cloned().collect();
    let effect = steps.iter().map(|step| step.effect).max().unwrap_or(Effect::Read);
    let mut inputs = planner_inputs(request, &used, &scripts, pinned)?;
    inputs.extend(planner.inputs);
    let lifetime = directive.lifetime().map_or(request.lifetime_seconds, |own| own.min(request.lifetime_seconds));
    let plan = Plan {
        kind: PLAN_TYPE.to_owned(),
        directive: DirectiveRef {
            name: directive.name().clone(),
            path: directive.path().clone(),
            digest: directive.digest(),
            commit: request.directive_commit.to_owned(),
        },
        subject: subject(request),
        environment: directive.environment().cloned(),
        created_at: request.now,
        expires_at: request.now.plus(lifetime),
        nonce: nonce(request)?,
        parent: request.parent.map(|(digest, _)| digest),
        revision: request.parent.map_or(1, |(_, revision)| revision.saturating_add(1)),
        planner: PlannerRef { inputs, ..planner },
        policy_digest: request.policy_digest,
        trust_root_digest: request.trust_root_digest,
        effect,
        inputs: request.inputs.clone(),
        risks: risks(directive),
        assumptions: directive.assumptions().to_vec(),
        gate: directive.gate().to_vec(),
        intent: directive.intent().map(str::to_owned),
        scripts: scripts.into_values().collect(),
        steps,
    };
    Ok(Draft { plan, unused })
}

/// Expands what was proposed.
///
/// # Errors
/// `planner.unanswered` where nothing was, `planner.answer` where it does not fit the directive, `planner.tainted`,
/// `planner.exfiltration`, and those of [`assemble`].
pub(super) fn proposed(request: &DraftRequest<'_>, kind: PlannerKind) -> Result<Draft> {
    let Some(proposed) = request.proposed else {
        return Err(Refusal::new(PLANNER_UNANSWERED, format!("`{kind}` was asked nothing")));
    };
    let directive = answer::adopt(request, &proposed.proposal)?;
    taint::check(request, &proposed.proposal, request.tainted)?;
    outgoing::check(request, &proposed.proposal, request.outgoing)?;
    let planner = PlannerRef {
        model: proposed.model.clone(),
        prompt_digest: proposed.prompt,
        response_digest: proposed.response,
        inputs: proposed.inputs.clone(),
        usage: proposed.usage.clone(),
        proposal: Some(proposed.proposal.clone()),
        ..reference(request, kind)?
    };
    assemble(request, &directive, planner)
}

/// Names a planner of this version, of which nothing but who asked it is known.
pub(super) fn reference(request: &DraftRequest<'_>, kind: PlannerKind) -> Result<PlannerRef> {
    Ok(PlannerRef {
        kind,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        requested_by: request.requested_by.clone(),
        model: None,
        prompt_digest: None,
        response_digest: None,
        inputs: Vec::new(),
        proposal: None,
        usage: None,
    })
}

fn draft_step(
    request: &DraftRequest<'_>,
    (directive, spec): (&Directive, &StepSpec),
    scripts: &mut BTreeMap<RepoPath, Script>,
) -> Result<Step> {
    let item = spec.one_of.as_ref().map(|one| {
        let found = request.items.get(&one.step).and_then(|items| items.get(one.index));
        let origin = found.map_or(Origin::RepoAtHead, |found| found.origin);
        PlanItem { of: one.step.clone(), value: one.item.clone(), origin }
    });
    let material = Material { catalog: request.catalog, programs: request.programs, inputs: request.inputs };
    Ok(Step { item, ..step(material, (directive, spec), scripts)? })
}

/// What a step is expanded with.
#[derive(Clone, Copy)]
pub(super) struct Material<'m> {
    /// The pipelines.
    pub(super) catalog: &'m Catalog,
    /// The programs that the policy lists.
    pub(super) programs: &'m ProgramTable,
    /// The directive's inputs.
    pub(super) inputs: &'m BTreeMap<Id, Scalar>,
}

/// Expands one step of a directive; the scripts that it runs are added.
pub(super) fn step(
    material: Material<'_>,
    (directive, spec): (&Directive, &StepSpec),
    scripts: &mut BTreeMap<RepoPath, Script>,
) -> Result<Step> {
    let pipeline = material.catalog.get(&spec.pipeline.0)?;
    let bound = material.catalog.bind(directive, spec, material.inputs)?;
    let mut expander = expand::Expander { pipeline, programs: material.programs, bound: &bound, scripts };
    let actions = expander.actions()?;
    let verify = expander.verify()?;
    let title = spec.title.clone().unwrap_or_else(|| pipeline.description().to_owned());
    let with = bound.iter().filter_map(|(name, value)| match value {
        Bound::Value(value) => Some((name.clone(), value.clone())),
        Bound::Output(_) => None,
    });
    Ok(Step {
        id: spec.id.clone(),
        item: None,
        why: spec.why.clone().unwrap_or_else(|| title.clone()),
        title,
        pipeline: pipeline.name().clone(),
        pipeline_digest: pipeline.digest(),
        with: with.collect(),
        needs: spec.needs.clone(),
        effect: pipeline.effect(),
        actions,
        outputs: expand::outputs(pipeline),
        evidence: pipeline.evidence().to_vec(),
        retry: Retry { max_attempts: pipeline.retry().attempts, backoff_seconds: pipeline.retry().backoff_seconds },
        timeout_seconds: pipeline.timeout_seconds(),
        on_failure: spec.on_failure.unwrap_or(pipeline.on_failure()),
        idempotent: pipeline.is_idempotent(),
        verify,
    })
}

fn subject(request: &DraftRequest<'_>) -> Subject {
    let facts = request.facts;
    Subject {
        host: facts.host.clone(),
        repo_id: facts.repo_id.clone(),
        owner_id: facts.owner_id.clone(),
        repo: facts.repo.clone(),
        change_request: facts.change_request,
        base_ref: facts.base_ref.clone(),
        base_sha: facts.base_sha.clone(),
        head_sha: facts.head_sha.clone(),
        tree_digest: facts.tree_digest,
        authors: request.at_head.authors.clone(),
        strangers: request.at_head.strangers,
    }
}

fn risks(directive: &Directive) -> Vec<Risk> {
    let stated = directive.risks().iter();
    stated
        .map(|risk| Risk { text: risk.text.clone(), severity: risk.severity, mitigation: risk.mitigation.clone() })
        .collect()
}

fn nonce(request: &DraftRequest<'_>) -> Result<String> {
    let directive = request.directive.digest();
    let inputs = json::canonical(request.inputs)?;
    let fields: [&[u8]; 4] = [request.seed, directive.as_bytes(), &inputs, request.facts.head_sha.as_bytes()];
    Ok(Digest::framed("plan-nonce", fields).hex()[..32].to_owned())
}

/// Names everything that decided about the plan, with where it came from.
fn planner_inputs(
    request: &DraftRequest<'_>,
    used: &BTreeSet<&Id>,
    scripts: &BTreeMap<RepoPath, Script>,
    pinned: BTreeMap<RepoPath, Digest>,
) -> Result<Vec<PlannerInput>> {
    let directive = request.directive;
    let mut inputs = vec![PlannerInput {
        name: directive.path().to_string(),
        origin: Origin::DirectiveAtBase,
        digest: directive.digest(),
    }];
    for name in used {
        let pipeline = request.catalog.get(name)?;
        let (name, digest) = (pipeline.file(), pipeline.digest());
        inputs.push(PlannerInput { name, origin: Origin::RepoAtBase, digest });
    }
    for script in scripts.values() {
        let (name, digest) = (script.path.to_string(), script.digest);
        inputs.push(PlannerInput { name, origin: Origin::RepoAtBase, digest });
    }
    for (name, value) in request.inputs {
        let digest = digest_of_value(value)?;
        inputs.push(PlannerInput { name: format!("inputs.{name}"), origin: Origin::Requester, digest });
    }
    for (path, digest) in pinned {
        inputs.push(PlannerInput { name: path.to_string(), origin: Origin::RepoAtHead, digest });
    }
    Ok(inputs)
}

fn digest_of_value(value: &Scalar) -> Result<Digest> {
    Ok(Digest::of(&json::canonical(value)?))
}

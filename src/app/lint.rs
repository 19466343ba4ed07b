//! What is wrong with the definitions of a work tree, each alone and against the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    definitions::{Definitions, Kind},
    output::Outcome,
    reasons::{CHECKS_FOUND, DEFINITION_INVALID, DIRECTIVE_TWICE},
    session::{POLICY, limits, programs},
};
use crate::{
    base::{
        diagnostic::{Diagnostic, findings},
        examined::Examined,
        ident::Id,
        reason::{Refusal, Result},
        text::count,
        time::shown_duration,
    },
    directive::{Directive, fan_out::ItemSource},
    pipeline::{Catalog, Pipeline, Supply},
    planner::rehearsal::rehearse,
    policy::{
        Policy,
        check::Beside,
        reasons::{POLICY_ENVIRONMENT, POLICY_LIMIT},
    },
};

/// Checks every directive, alone, against the pipelines and against the policy.
///
/// # Errors
/// `check.findings`.
pub(crate) fn check_directives(definitions: &Definitions) -> Result<Outcome> {
    let Definitions { directives, pipelines, .. } = definitions;
    let catalog = Catalog::new(pipelines.sound().cloned())?;
    let (policy, mut found) = policy(definitions);
    let programs = policy.as_ref().map(programs).unwrap_or_default();
    let seals = policy.as_ref().map(limits).unwrap_or_default();
    for (_, examined) in &directives.read {
        found.extend(in_order(examined, |directive| {
            let mut more = catalog.lint_beside(directive, &|name| pipelines.is_unread(name.as_str()));
            more.extend(policy.iter().flat_map(|policy| against(directive, &catalog, policy)));
            let known = examined.findings().iter().chain(&more);
            let tried = rehearse(directive, &catalog, &programs, &seals, known);
            more.extend(tried);
            more
        }));
    }
    found.extend(directives.strays.iter().cloned());
    found.extend(twice(&directives.read));
    found.extend(unread(pipelines, &directives.read));
    verdict(found, directives.read.len(), "directive")
}

/// Checks every pipeline, alone and against the policy.
///
/// # Errors
/// `check.findings`.
pub(crate) fn check_pipelines(definitions: &Definitions) -> Result<Outcome> {
    let pipelines = &definitions.pipelines;
    let (policy, mut found) = policy(definitions);
    let held = policy.as_ref().map(|policy| {
        let secrets: BTreeSet<String> = policy.secrets().map(|(name, _)| name.to_owned()).collect();
        (programs(policy), secrets, limits(policy).dangerous_env)
    });
    for (_, examined) in &pipelines.read {
        found.extend(in_order(examined, |pipeline| match &held {
            None => Vec::new(),
            Some((programs, secrets, variables)) => {
                let mut more = pipeline.lint(Supply { programs, secrets, variables });
                more.extend(policy.iter().flat_map(|policy| too_slow(pipeline, policy)));
                more
            }
        }));
    }
    found.extend(pipelines.strays.iter().cloned());
    verdict(found, pipelines.read.len(), "pipeline")
}

/// Returns the names that rules of the policy may use.
pub(crate) fn beside(definitions: &Definitions) -> Beside {
    let names = |names: Vec<String>, listed: bool| listed.then_some(names);
    let stem = |path: &str| path.rsplit('/').next().and_then(|file| file.strip_suffix(".md")).map(str::to_owned);
    let (directives, pipelines) = (&definitions.directives, &definitions.pipelines);
    Beside {
        pipelines: names(pipelines.read.iter().map(|(name, _)| name.clone()).collect(), pipelines.listed),
        directives: names(directives.read.iter().filter_map(|(path, _)| stem(path)).collect(), directives.listed),
    }
}

/// Returns the policy, or the finding that says why nothing can be held against it; nothing of either before `init`.
fn policy(definitions: &Definitions) -> (Option<Policy>, Vec<Diagnostic>) {
    match &definitions.policy {
        None => (None, Vec::new()),
        Some(Err(found)) => (None, vec![found.clone()]),
        Some(Ok(bytes)) => match Policy::compile(POLICY, bytes) {
            Ok(policy) => (Some(policy), Vec::new()),
            Err(places) => (None, vec![broken(POLICY, places.len(), "policy check")]),
        },
    }
}

/// Returns what keeps plans of a directive from ever being approved.
fn against(directive: &Directive, catalog: &Catalog, policy: &Policy) -> Vec<Diagnostic> {
    let mut findings = directive.findings();
    if let Some((name, place)) = directive.environment_place()
        && !policy.environments().any(|known| known == name)
    {
        let message = format!("the policy lists no environment `{name}`");
        findings.report_near(*place, POLICY_ENVIRONMENT, message, name.as_str(), policy.environments().map(Id::as_str));
    }
    let most = policy.limits().steps as usize;
    let (mut total, mut first) = (0_usize, None);
    for step in directive.steps() {
        // As many as its list has items; of files and lines nobody knows here.
        total += match step.for_each.as_ref().map(|for_each| &for_each.source) {
            Some(ItemSource::List(items)) => items.len(),
            _ => 1,
        };
        first = first.or((total > most).then_some(step.place));
        let (name, place) = &step.pipeline;
        if let Some(why) = catalog.get(name).ok().and_then(|pipeline| slowness(pipeline, policy)) {
            findings.report(*place, POLICY_LIMIT, format!("the pipeline `{name}` has {why}"));
        }
    }
    if let Some(place) = first {
        findings.report(place, POLICY_LIMIT, format!("{}, the policy allows {most}", count(total, "step")));
    }
    findings.into_list()
}

/// Returns what is found where a step of the pipeline may take longer than the policy lets it.
fn too_slow(pipeline: &Pipeline, policy: &Policy) -> Option<Diagnostic> {
    let why = slowness(pipeline, policy)?;
    let file = pipeline.file();
    let mut findings = pipeline.findings(&file);
    // By default it has no place in the file.
    let place = pipeline.timeout_place().unwrap_or((0, 0));
    findings.report_help(place, POLICY_LIMIT, why, POLICY_LIMIT.hint);
    findings.into_list().pop()
}

/// Says by how much a step of the pipeline may take longer than the policy lets it.
fn slowness(pipeline: &Pipeline, policy: &Policy) -> Option<String> {
    let (asked, most) = (i64::from(pipeline.timeout_seconds()), policy.limits().step_timeout);
    let stated = if pipeline.timeout_place().is_some() { "a timeout" } else { "a timeout, by default," };
    let (shown, longest) = (shown_duration(asked), shown_duration(most));
    (asked > most).then(|| format!("{stated} of {shown}, and the policy says at most {longest}"))
}

/// Returns one finding for each directive whose name another one before it has.
fn twice(directives: &[(String, Examined<Directive>)]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (path, _) in directives {
        let name = path.rsplit('/').next().unwrap_or(path);
        match first.get(name) {
            None => drop(first.insert(name, path)),
            Some(other) => {
                let message = format!("`{other}` has the same name, and rules know directives by their names");
                found
                    .push(Diagnostic::new(path, (1, 1), DIRECTIVE_TWICE.code, message).with_help(DIRECTIVE_TWICE.hint));
            }
        }
    }
    found
}

/// Returns one finding for each pipeline that directives use and that could not be read.
fn unread(pipelines: &Kind<Pipeline>, directives: &[(String, Examined<Directive>)]) -> Vec<Diagnostic> {
    if !pipelines.listed {
        return pipelines.strays.iter().filter(|found| found.file == "pipelines").cloned().collect();
    }
    let directives = directives.iter().filter_map(|(_, examined)| examined.legible());
    let used: BTreeSet<&str> = directives.flat_map(Directive::pipelines).map(Id::as_str).collect();
    let broken = pipelines.read.iter().filter(|(name, read)| read.sound().is_none() && used.contains(name.as_str()));
    broken
        .map(|(name, read)| self::broken(&format!("pipelines/{name}.yml"), read.findings().len(), "pipelines check"))
        .collect()
}

fn broken(file: &str, count: usize, command: &str) -> Diagnostic {
    let message = format!("{} here, so that nothing could be held against it", findings(count));
    Diagnostic::new(file, (0, 0), DEFINITION_INVALID.code, message).with_help(format!("see `countersign {command}`"))
}

/// Returns the findings of a file with those that can be made of what could be read of it.
fn in_order<T>(examined: &Examined<T>, more: impl FnOnce(&T) -> Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut found = examined.findings().to_vec();
    let Some(legible) = examined.legible() else { return found };
    let behind = found.len();
    found.extend(more(legible));
    // Findings of scripts stay behind those of the file that uses them.
    let (own, other): (Vec<_>, Vec<_>) = match found.get(behind).map(|first| first.file.clone()) {
        None => return found,
        Some(file) => found.into_iter().partition(|one| one.file == file),
    };
    let mut found = own;
    found.sort_by_key(|one| (one.line, one.column));
    found.extend(other);
    found
}

fn verdict(found: Vec<Diagnostic>, checked: usize, what: &str) -> Result<Outcome> {
    if found.is_empty() {
        return Ok(Outcome::done(
            json!({ "checked": checked, "findings": 0 }),
            format!("{}, no findings\n", count(checked, what)),
        ));
    }
    Err(Refusal::new(CHECKS_FOUND, format!("{} in {}", findings(found.len()), count(checked, what))).diagnostics(found))
}

//! Drafts a plan from a directive at the base commit, and tells whether a plan is what would be drafted.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    pipeline_files::{is_of_pipeline, read_catalog},
    session::{Session, invalid, limits, programs, short},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        path::RepoPath,
        reason::{Refusal, Result},
        time::Timestamp,
        value::Scalar,
    },
    directive::{Directive, model::FOLDER},
    facts::Facts,
    forge::providers::local::Held,
    pipeline::{Catalog, ProgramTable},
    plan::{
        SealedPlan,
        model::{Action, Origin, Person, Plan, PlannerInput, ProposedValue, Step},
        seal,
    },
    planner::{
        self, AtHead, DraftRequest, Planner, Proposed,
        context::Tree,
        items::{self, Items},
        outgoing::Outgoing,
        reasons::PLANNER_TAINTED,
        taint::{self, Tainted},
    },
    policy::Policy,
    verify::Conformance,
};

/// What a plan is drafted from, beside the repository.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) directive: &'a Directive,
    pub(crate) inputs: &'a BTreeMap<Id, Scalar>,
    pub(crate) requested_by: &'a Person,
    pub(crate) now: Timestamp,
    pub(crate) lifetime: i64,
    pub(crate) seed: &'a [u8],
    pub(crate) parent: Option<(Digest, u32)>,
    /// Full id of the commit that the directive was read at.
    pub(crate) directive_commit: &'a str,
    /// The planner that drafts.
    pub(crate) planner: &'static dyn Planner,
    /// What it was answered, where it asks somebody.
    pub(crate) proposed: Option<&'a Proposed>,
}

/// Makes the request of an order as a planner sees it, and runs something on it.
pub(crate) fn rehearse<T>(
    session: &Session,
    policy: &Policy,
    order: &Order<'_>,
    run: impl FnOnce(&DraftRequest<'_>) -> Result<T>,
) -> Result<T> {
    let (catalog, programs) = (session.catalog()?, programs(policy));
    let then = Then { session, facts: &session.facts };
    run(&request(then, policy, (&catalog, &programs), order, (&AtHead::default(), &Items::new())))
}

/// A repository as it was when a plan is, or was, drafted.
#[derive(Clone, Copy)]
struct Then<'a> {
    session: &'a Session,
    facts: &'a Facts,
}

fn request<'r>(
    Then { session, facts }: Then<'r>,
    policy: &Policy,
    (catalog, programs): (&'r Catalog, &'r ProgramTable),
    order: &Order<'r>,
    (at_head, items): (&'r AtHead, &'r Items),
) -> DraftRequest<'r> {
    DraftRequest {
        directive: order.directive,
        directive_commit: order.directive_commit,
        catalog,
        programs,
        inputs: order.inputs,
        facts,
        requested_by: order.requested_by,
        policy_digest: policy.digest(),
        trust_root_digest: session.root.digest(),
        now: order.now,
        lifetime_seconds: order.lifetime,
        seed: order.seed,
        parent: order.parent,
        at_head,
        items,
        proposed: order.proposed,
        tainted: if policy.planning().tainted { Tainted::Allow } else { Tainted::Refuse },
        outgoing: if policy.planning().outgoing { Outgoing::Allow } else { Outgoing::Limit },
    }
}

/// Drafts and seals a plan, against the definitions at the base commit.
pub(crate) fn seal(session: &Session, policy: &Policy, order: &Order<'_>) -> Result<SealedPlan> {
    let plan = expand(Then { session, facts: &session.facts }, policy, &session.catalog()?, order)?;
    seal::seal_with(&plan, &limits(policy))
}

/// Expands twice: what a plan reads is known only when it is expanded, and what the head commit holds there belongs into it.
fn expand(then: Then<'_>, policy: &Policy, catalog: &Catalog, order: &Order<'_>) -> Result<Plan> {
    let items = items_of(then, order)?;
    let first = expand_with(then, policy, catalog, order, (&AtHead::default(), &items))?;
    let found = look_up(then, &first, &lists(order)?)?;
    if found == AtHead::default() { Ok(first) } else { expand_with(then, policy, catalog, order, (&found, &items)) }
}

fn expand_with(
    then: Then<'_>,
    policy: &Policy,
    catalog: &Catalog,
    order: &Order<'_>,
    observed: (&AtHead, &Items),
) -> Result<Plan> {
    let programs = programs(policy);
    Ok(order.planner.draft(&request(then, policy, (catalog, &programs), order, observed))?.plan)
}

/// Finds what the directive's own steps are repeated for; a planner that asks somebody expands none of them.
fn items_of(then: Then<'_>, order: &Order<'_>) -> Result<Items> {
    if !order.directive.repeats() || order.planner.asks() != planner::Asks::Nobody {
        return Ok(Items::new());
    }
    let (checkout, facts) = (&then.session.checkout, then.facts);
    let read_base = |path: &str| checkout.blob(&facts.base_sha, path);
    let read_head = |path: &str| checkout.blob(&facts.head_sha, path);
    let base_paths = checkout.paths(&facts.base_sha)?;
    let base = Tree { paths: &base_paths, read: &read_base };
    let other = facts.head_sha != facts.base_sha;
    let head_paths = if other { checkout.paths(&facts.head_sha)? } else { Vec::new() };
    let head = other.then_some(Tree { paths: &head_paths, read: &read_head });
    items::find(order.directive, order.inputs, &base, head.as_ref())
}

/// Looks up what a plan reads at the head commit.
fn look_up(then: Then<'_>, plan: &Plan, lists: &[String]) -> Result<AtHead> {
    let (checkout, head) = (&then.session.checkout, &then.facts.head_sha);
    let mut found = AtHead::default();
    for path in reads(plan) {
        match checkout.at(head, path.as_str())? {
            Some(Held::File(bytes)) => drop(found.files.insert(path, Digest::of(&bytes))),
            Some(Held::Folder(id)) => drop(found.folders.insert(path, id)),
            None => {}
        }
    }
    (found.authors, found.strangers) = authors(then, plan, lists)?;
    Ok(found)
}

/// Returns the files whose lines say what the directive's own steps are repeated for.
fn lists(order: &Order<'_>) -> Result<Vec<String>> {
    if order.planner.asks() != planner::Asks::Nobody {
        return Ok(Vec::new());
    }
    items::lists(order.directive, order.inputs)
}

/// Finds the principals whose work a plan is made of: the change, the directive, the lists that its steps are repeated
/// for, the pipelines and their scripts; and how many addresses of others are among them, where no forge tells whose.
fn authors(then: Then<'_>, plan: &Plan, lists: &[String]) -> Result<(Vec<u64>, u32)> {
    let (checkout, root, facts) = (&then.session.checkout, &then.session.root, then.facts);
    let pipelines = plan.steps.iter().map(|step| format!("pipelines/{}.yml", step.pipeline));
    let scripts = plan.scripts.iter().map(|script| script.path.to_string());
    let mut people = checkout.contributors(&facts.base_sha, &facts.head_sha)?;
    people.extend(checkout.last_authors(&facts.base_sha, pipelines.chain(scripts).chain(lists.iter().cloned()))?);
    people.extend(checkout.last_authors(&plan.directive.commit, [plan.directive.path.to_string()])?);
    let (mut known, mut strangers) = (BTreeSet::new(), 0);
    for email in &people {
        match root.principal_of_email(email) {
            Some(principal) => drop(known.insert(principal.id)),
            None => strangers += u32::from(root.document().forge.is_none()),
        }
    }
    Ok((known.into_iter().collect(), strangers))
}

fn reads(plan: &Plan) -> Vec<RepoPath> {
    let reads = plan.steps.iter().flat_map(Step::every_action).flat_map(Action::reads);
    let mut paths: Vec<RepoPath> = reads.map(|read| read.path.clone()).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Tells whether a plan is exactly what its directive and pipelines, at the base commit it names, expand to.
///
/// The registry is authoritative, not the plan: a plan that names a pipeline and does something else
/// deviates, however it was made.
pub(crate) fn conformance(session: &Session, policy: &Policy, plan: &SealedPlan) -> Result<Conformance> {
    let document = plan.plan();
    let base = &document.subject.base_sha;
    let deviates = |how: String| Ok(Conformance::Deviates(how));
    if document.planner.version != env!("CARGO_PKG_VERSION") {
        return deviates(format!("drafted by {} {}", document.planner.kind, document.planner.version));
    }
    let planner = planner::of(document.planner.kind);
    let at_head = document.subject.change_request.is_some() && document.directive.commit == document.subject.head_sha;
    if document.directive.commit != *base && !(at_head && policy.gates().directives_at_head) {
        return deviates(format!("the directive is of commit {}, not of the base", short(&document.directive.commit)));
    }
    // A plan of another repository, or of a history that is not here: no matter for an error of this one.
    let Ok(paths) = session.checkout.list(base, "pipelines") else {
        return deviates(format!("commit {} is not here", short(base)));
    };
    let at = &document.directive.commit;
    if !session.checkout.has(at) {
        return deviates(format!("commit {} is not here", short(at)));
    }
    // Elsewhere a step may write, and nobody who guards the directives looks.
    if !document.directive.path.as_str().starts_with(FOLDER) {
        return deviates(format!("`{}` does not lie below `{FOLDER}`", document.directive.path));
    }
    let Some(directive) = directive(session, document)? else {
        return deviates(format!("there is no `{}` at {}", document.directive.path, short(at)));
    };
    if let Err(refusal) = session.only_one(document.directive.path.as_str()) {
        return deviates(refusal.message().to_owned());
    }
    // What the directive may not use, it does not expand to; whether that is valid is no matter here.
    let usable = |path: &&String| directive.pipelines().any(|name| is_of_pipeline(path, name));
    let paths: Vec<String> = paths.iter().filter(usable).cloned().collect();
    let catalog = read_catalog(&paths, &|path| session.checkout.blob(base, path))?;
    // As it was when the plan was made: the facts of the plan's own commits, not of what moved since.
    let facts = Facts {
        base_sha: base.clone(),
        head_sha: document.subject.head_sha.clone(),
        tree_digest: document.subject.tree_digest,
        change_request: document.subject.change_request,
        ..session.facts.clone()
    };
    let then = Then { session, facts: &facts };
    let proposed = match recalled(session, &directive, document) {
        Ok(proposed) => proposed,
        Err(refusal) => return deviates(refusal.message().to_owned()),
    };
    let order = Order {
        directive: &directive,
        planner,
        proposed: proposed.as_ref(),
        inputs: &document.inputs,
        requested_by: &document.planner.requested_by,
        now: document.created_at,
        lifetime: document.expires_at.since(document.created_at),
        seed: &[],
        directive_commit: at,
        parent: document.parent.map(|digest| (digest, document.revision.saturating_sub(1))),
    };
    // What the plan reads is looked up by its own word: where it reads anything else than it should, that is the difference.
    let again = || {
        let found = look_up(then, document, &lists(&order)?)?;
        expand_with(then, policy, &catalog, &order, (&found, &items_of(then, &order)?))
    };
    let again = match again() {
        Ok(again) => again,
        Err(refusal) => return deviates(refusal.message().to_owned()),
    };
    // The nonce is the one thing that nothing but the seed explains.
    let again = Plan { nonce: document.nonce.clone(), ..again };
    let again = with_readings(again, document);
    if again == *document {
        return Ok(Conformance::Conforms { plan: plan.digest(), base_sha: base.clone() });
    }
    let step = document.steps.iter().zip(&again.steps).find(|(left, right)| left != right).map(|(left, _)| left);
    deviates(match step {
        Some(step) => format!("step `{}` is not what pipeline `{}` expands to", step.id, step.pipeline),
        None => "the plan is not what its directive expands to".to_owned(),
    })
}

/// Takes out of a plan what was proposed for it.
///
/// A value that claims to be from the protected base must stand there still: in the directive, or in a file that the
/// planner read at the base commit. Every other label makes a value count for less, so that nobody gains by it.
fn recalled(session: &Session, directive: &Directive, plan: &Plan) -> Result<Option<Proposed>> {
    let Some(proposal) = plan.planner.proposal.clone() else { return Ok(None) };
    let base = &plan.subject.base_sha;
    let at_base = plan.planner.inputs.iter().filter(|input| input.origin == Origin::RepoAtBase);
    let read = |input: &PlannerInput| {
        let bytes = session.checkout.blob(base, &input.name).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // Read once, and only where a value claims to be from there.
    let texts: LazyCell<Vec<String>, _> = LazyCell::new(|| at_base.map(read).collect());
    for step in &proposal.steps {
        for (name, value) in &step.with {
            let ProposedValue::Value(written) = value else { continue };
            let Scalar::Text(text) = &written.value else { continue };
            let stands = match written.origin {
                Origin::DirectiveAtBase => plan.directive.commit == *base && taint::holds(directive.text(), text),
                Origin::RepoAtBase => texts.iter().any(|read| taint::holds(read, text)),
                _ => true,
            };
            if !stands {
                let what =
                    format!("step `{}`, input `{name}`: the value is not where the plan says it is from", step.id);
                return Err(Refusal::new(PLANNER_TAINTED, what));
            }
        }
    }
    let planner = &plan.planner;
    Ok(Some(Proposed {
        proposal,
        model: planner.model.clone(),
        prompt: planner.prompt_digest,
        response: planner.response_digest,
        inputs: Vec::new(),
        usage: planner.usage.clone(),
    }))
}

/// Takes over what a plan says that its planner read beside the definitions: it may say more than what an expansion
/// needs, and never less.
fn with_readings(mut again: Plan, plan: &Plan) -> Plan {
    let says_all = again.planner.inputs.iter().all(|input| plan.planner.inputs.contains(input));
    if plan.planner.proposal.is_some() && says_all {
        again.planner.inputs.clone_from(&plan.planner.inputs);
    }
    again
}

/// Reads the directive that a plan names, at the commit that it names, which must be here; none where it is not there.
pub(crate) fn directive(session: &Session, plan: &Plan) -> Result<Option<Directive>> {
    let path = plan.directive.path.as_str();
    let Some(bytes) = session.checkout.blob(&plan.directive.commit, path)? else { return Ok(None) };
    Directive::read(path, &bytes).map(Some).map_err(|places| invalid(path, places))
}

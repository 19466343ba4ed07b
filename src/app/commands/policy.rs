//! `policy check|explain|simulate`.

use serde_json::json;

use crate::{
    app::{
        definitions::Definitions,
        lint,
        output::Outcome,
        reasons::{CHECKS_FOUND, NOT_SET_UP},
        session::{POLICY, Session},
        signer,
        situation::decide,
        world::World,
    },
    approval::status::account_key,
    base::{
        diagnostic::{findings, nearest},
        digest::Digest,
        method::Method,
        reason::{Refusal, Result, USAGE},
        text::{count, excerpt, visible},
    },
    cli::args::{PlanOnly, PolicyCommand},
    policy::{self, Candidate, Outcome as Decided, check, explain::DecisionV1},
    sign::{
        Duty,
        schemes::Scheme,
        trust::{Principal, PrincipalKind},
    },
    verify,
};

pub(super) fn run(command: &PolicyCommand, world: &World) -> Result<Outcome> {
    match command {
        PolicyCommand::Check(_) => check_work_tree(world),
        PolicyCommand::Explain(args) => explain(args, world),
        PolicyCommand::Simulate { plan, people } => simulate(plan, people, world),
    }
}

/// Checks the policy as it lies in the work tree: it is what is about to be committed.
fn check_work_tree(world: &World) -> Result<Outcome> {
    let definitions = Definitions::of_work_tree(world)?;
    let beside = lint::beside(&definitions);
    let bytes = match definitions.policy {
        None => return Err(Refusal::new(NOT_SET_UP, format!("`{POLICY}` is not there"))),
        Some(Err(found)) => {
            return Err(Refusal::new(CHECKS_FOUND, format!("{POLICY} could not be read")).diagnostics(vec![found]));
        }
        Some(Ok(bytes)) => bytes,
    };
    let mut examined = check::examine(POLICY, &bytes, &beside, world.now());
    if let (Some(policy), Ok(session)) = (examined.legible(), Session::open(world)) {
        let unmet = check::out_of_reach(policy, &everybody(&session, world), world.now());
        examined.join(unmet);
    }
    match examined.whole() {
        Ok(policy) => {
            let rules = policy.rules().len();
            let result = json!({ "policy": policy.digest(), "rules": rules, "findings": 0 });
            Ok(Outcome::done(result, format!("{POLICY}: {}, no findings\n", count(rules, "rule"))))
        }
        Err(found) => {
            Err(Refusal::new(CHECKS_FOUND, format!("{} in {POLICY}", findings(found.len()))).diagnostics(found))
        }
    }
}

fn explain(args: &PlanOnly, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(&args.plan, world, &policy)?;
    let decision = decide(&policy, &plan, world.now(), policy::Purpose::Review);
    let shown = DecisionV1::from(&decision);
    let text = shown.text();
    Ok(Outcome::done(json!(shown), text)
        .decision(decision.outcome().word())
        .coded(decision.reason().code, crate::base::reason::ExitClass::Done)
        .about(plan.digest().to_string()))
}

fn simulate(named: &str, people: &[String], world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let (policy, _) = session.policy()?;
    let plan = session.plan(named, world, &policy)?;
    let decision = decide(&policy, &plan, world.now(), policy::Purpose::Review);
    let mut ledger = session.ledger(world.now())?;
    let state = ledger.read(world.now())?.state();
    let authors = verify::authors(plan.plan(), plan.digest(), &session.facts, &session.root, state);
    let everybody = everybody(&session, world);
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut left_out = Vec::new();
    let mut text = format!("decision: {}\n", decision.outcome().word());
    for login in people {
        let principals = &session.root.document().principals;
        let Some(principal) = principals.iter().find(|principal| principal.login == *login) else {
            let refusal = Refusal::new(USAGE, format!("nobody has the login `{}`", excerpt(login)));
            let near = nearest(login, principals.iter().map(|principal| principal.login.as_str()));
            let people = principals.iter().filter(|principal| principal.kind == PrincipalKind::Person);
            let known: Vec<&str> = people.map(|person| person.login.as_str()).collect();
            let refusal = refusal.hint(format!("the trust root knows {}", visible(&known.join(", "))));
            return Err(near.map(|near| format!("did you mean `{near}`?")).into_iter().fold(refusal, Refusal::hint));
        };
        if let Some(why) = cannot_count(principal, &session, world) {
            left_out.push(json!({ "login": principal.login, "why": why }));
            text.push_str(&format!("{} cannot count: {}\n", visible(&principal.login), visible(&why)));
        }
        chosen.extend(everybody.iter().filter(|candidate| candidate.principal == principal.id).cloned().map(
            |mut one| {
                one.is_author = authors.contains(&one.principal);
                one
            },
        ));
    }
    let status = decision.status(&chosen, world.now());
    let off = decision.switched_off();
    let enough = match decision.outcome() {
        _ if !off.is_empty() => false,
        Decided::Permit => true,
        Decided::NeedsApproval(_) => status.as_ref().is_some_and(|status| status.satisfied),
        Decided::Deny => false,
    };
    if let Some(status) = &status {
        text.push_str(&format!("asked for: {}\n", status.asks));
    }
    off.iter().for_each(|off| text.push_str(&format!("{}\n", off.sentence())));
    text.push_str(if enough { "that would be enough\n" } else { "that would not be enough\n" });
    let result = json!({
        "plan": plan.digest(),
        "outcome": decision.outcome().word(),
        "enough": enough,
        "status": status,
        "cannotCount": left_out,
        "switchedOff": off,
    });
    Ok(Outcome::done(result, text).decision(if enough { "enough" } else { "not-enough" }))
}

/// Says why nothing that somebody says could count; none where it could.
fn cannot_count(principal: &Principal, session: &Session, world: &World) -> Option<String> {
    let document = session.root.document();
    if principal.kind == PrincipalKind::Agent {
        return Some("it is a program, and no program approves".to_owned());
    }
    if document.forge.is_some() {
        return None;
    }
    let own: Vec<_> = document.keys.iter().filter(|key| key.principal == principal.id).collect();
    let may: Vec<_> = own.iter().filter(|key| key.duties.contains(&Duty::Approver)).collect();
    if may.iter().any(|key| key.stands(world.now())) {
        return None;
    }
    let lapsed: Vec<String> = may
        .iter()
        .map(|key| match signer::standing(key, world.now()) {
            Err(refusal) => refusal.message().to_owned(),
            Ok(()) => format!("key `{}` is to be revoked", key.name),
        })
        .collect();
    Some(match (own.is_empty(), lapsed.is_empty()) {
        (true, _) => "the trust root lists no key of theirs".to_owned(),
        (false, true) => "no key of theirs has the duty approver".to_owned(),
        (false, false) => lapsed.join("; "),
    })
}

/// Everybody who could approve, with each key and in each way, as if they did so now; on a forge a person needs none.
fn everybody(session: &Session, world: &World) -> Vec<Candidate> {
    let document = session.root.document();
    let people = document.principals.iter().filter(|principal| principal.kind == PrincipalKind::Person);
    let mut candidates = Vec::new();
    for person in people {
        let mut add = |key: Digest, method: Method| {
            candidates.push(Candidate {
                principal: person.id,
                key,
                roles: person.roles.iter().cloned().collect(),
                method,
                approved_at: world.now(),
                is_author: false,
            });
        };
        let own = document.keys.iter().filter(|key| key.principal == person.id && key.duties.contains(&Duty::Approver));
        for key in own.filter(|key| key.stands(world.now())) {
            add(key.id, if key.scheme == Scheme::SshEd25519 { Method::Ssh } else { Method::Key });
            add(key.id, Method::Terminal);
        }
        if document.forge.is_some() {
            let account = account_key(&document.host, person.id);
            Method::ALL.iter().filter(|(_, way)| way.is_of_platform()).for_each(|(_, way)| add(account, *way));
        }
    }
    candidates
}

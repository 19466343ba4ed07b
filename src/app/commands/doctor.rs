//! `doctor`: looks this machine and this repository over; each line says what to do.

mod keys;

use serde_json::json;

use super::list::{halt_line, halted};
use crate::{
    app::{
        doctor::{self, Standing},
        forge,
        keys::ssh::PROGRAM_FOLDERS,
        ledger::unread,
        output::Outcome,
        reasons::{DOCTOR_FINDINGS, DOCTOR_UNPROTECTED, DOCTOR_UNREAD},
        session::Session,
        world::World,
    },
    base::{
        reason::{Refusal, Result},
        text::{count, counted, visible},
    },
    cli::args::DoctorArgs,
    execute::sandbox,
    forge::{Checkout, reasons::REPO_MISSING},
    ledger::Keep,
    policy::Policy,
    sign::predicate::Halt,
    step::{
        committed::{Apart, Committed},
        workspace::Workspace,
    },
    verify::reasons::{GIT_SETTINGS, WORKSPACE_DIRTY},
};

/// Whether something is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report.
#[derive(Debug)]
struct Line {
    id: &'static str,
    verdict: Verdict,
    found: String,
    hint: Option<String>,
}

impl Line {
    fn of(id: &'static str, result: std::result::Result<String, Refusal>) -> Self {
        match result {
            Ok(found) => Self { id, verdict: Verdict::Pass, found, hint: None },
            Err(refusal) => Self {
                id,
                verdict: Verdict::Fail,
                found: format!("{} [{}]", refusal.message(), refusal.code()),
                hint: refusal.hints().next().map(str::to_owned),
            },
        }
    }
}

pub(super) fn run(args: &DoctorArgs, world: &World) -> Result<Outcome> {
    let mut on_forge = None;
    let mut lines = vec![Line::of("sandbox", sandbox())];
    match Session::open(world) {
        Err(refusal) => {
            let id = if refusal.reason().is_akin(REPO_MISSING) { "repository" } else { "trust-root" };
            if args.forge.is_some() {
                on_forge = Some((doctor::unreached(&refusal), 0));
            }
            lines.push(Line::of(id, Err(refusal)));
        }
        Ok(session) => {
            lines.extend(of_guardrails(&session, world));
            lines.extend(of_ledger(&session, world));
            lines.extend(of_checkout(&session));
            if args.forge.is_some() {
                on_forge = Some(settings(&session, world));
            }
        }
    }
    let mut text = match &on_forge {
        Some((lines, calls)) => format!("{}{calls} requests\n\nthis machine\n", doctor::text(lines)),
        None => String::new(),
    };
    for line in &lines {
        text.push_str(&format!("{:<5} {:<12} {}\n", line.verdict.word(), line.id, visible(&line.found)));
        if let Some(hint) = &line.hint {
            text.push_str(&format!("      {:<12} hint: {hint}\n", ""));
        }
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|line| json!({ "id": line.id, "result": line.verdict.word(), "found": line.found, "hint": line.hint }))
        .collect();
    let failed = lines.iter().filter(|line| line.verdict == Verdict::Fail).count();
    let mut outcome = Outcome::done(json!({ "checks": rows, "failed": failed }), text);
    let mut worst = Standing::Ok;
    if let Some((lines, calls)) = &on_forge {
        worst = lines.iter().map(|line| line.standing).min().unwrap_or(Standing::Unknown);
        let found = json!({ "lines": doctor::rows(lines), "counts": doctor::counts(lines), "calls": calls });
        outcome = outcome.with("forge", found).findings(doctor::findings(lines));
    }
    Ok(match (worst, failed) {
        (Standing::Missing | Standing::Weak, _) => outcome.decision("findings").because(DOCTOR_UNPROTECTED),
        (Standing::Unknown, _) => outcome.decision("findings").because(DOCTOR_UNREAD),
        (Standing::Ok, 0) => outcome.decision("healthy"),
        (Standing::Ok, _) => outcome.decision("findings").because(DOCTOR_FINDINGS),
    })
}

/// Looks at trust root, keys, policy and pipelines.
fn of_guardrails(session: &Session, world: &World) -> Vec<Line> {
    let mut lines = vec![keys::trust_root(session.root.document(), world.now())];
    lines.extend(keys::of_machine(session, world));
    match session.policy() {
        Ok((policy, _)) => {
            lines.extend(programs(&policy));
            lines.push(keys::policy(&policy, world.now()));
        }
        Err(refusal) => lines.push(Line::of("policy", Err(refusal))),
    }
    let pipelines = session.catalog().map(|all| format!("{} at the base", all.names().count()));
    lines.push(Line::of("pipelines", pipelines));
    lines
}

/// Reads the whole ledger, and says whether it halts; of one that does not hold nothing more is said.
fn of_ledger(session: &Session, world: &World) -> Vec<Line> {
    let mut lines = Vec::new();
    let ledger = unread(session).and_then(|ledger| ledger.with_keep(Keep::Nothing).verify_all(world.now()));
    if ledger.is_ok() {
        let said = |halt: Option<Halt>| match halt {
            Some(halt) => format!("{}; nothing executes", halt_line(&halt)),
            None => "not halted".to_owned(),
        };
        lines.push(Line::of("halt", halted(session, world).map(said)));
    }
    let sizes = |(entries, objects)| format!("{}, {}", counted(entries, "entry", "entries"), count(objects, "object"));
    lines.push(Line::of("ledger", ledger.map(sizes)));
    lines
}

/// Looks at the files of the checkout, and at what its repository holds beside them.
fn of_checkout(session: &Session) -> Vec<Line> {
    let clean = session.checkout.modified().and_then(|paths| match paths.len() {
        0 => Ok("no tracked file is changed".to_owned()),
        n => {
            let changed = counted(n, "tracked file is changed", "tracked files are changed");
            Err(Refusal::new(WORKSPACE_DIRTY, format!("{changed}; execution would refuse")))
        }
    });
    vec![
        Line::of("work-tree", clean),
        Line::of("git-settings", git_settings(session)),
        Line::of("credentials", credentials(&session.checkout)),
    ]
}

/// Reads what protects the gate on the forge, and how many requests that took; what cannot be reached is a line too.
fn settings(session: &Session, world: &World) -> (Vec<doctor::Line>, u64) {
    let reached = forge::need(session, world);
    let seen = reached.as_ref().map_err(Refusal::clone).and_then(|forge| {
        let (policy, _) = session.policy()?;
        doctor::gather(forge.as_ref(), session, &policy)
    });
    let calls = reached.map_or(0, |forge| forge.calls());
    (seen.map_or_else(|refusal| doctor::unreached(&refusal), |seen| doctor::judge(&seen, world.now())), calls)
}

/// Looks for credentials that were left in the repository's configuration, where every step of a job can read them.
fn credentials(checkout: &Checkout) -> Result<String> {
    let found = checkout.credentials()?;
    if found.is_empty() {
        return Ok("none in the repository's configuration".to_owned());
    }
    Err(Refusal::new(DOCTOR_FINDINGS, found.join(", ")).hint(
        "take them out: `git config --unset-all NAME`; in a workflow, check out with `persist-credentials: false`",
    ))
}

/// Looks for settings by which git may run a program: a step that reads `.git` is refused for them.
fn git_settings(session: &Session) -> Result<String> {
    let workspace = Workspace::open(session.checkout.workdir())?;
    let commit = Committed::new(session.checkout.workdir().to_owned(), session.facts.head_sha.clone());
    let found = commit.compare(&workspace, &".git".parse()?, Apart { written: &[], state: &[] })?;
    match found.changed.is_empty() {
        true => Ok("none by which a step that reads `.git` would be refused".to_owned()),
        false => Err(Refusal::new(
            GIT_SETTINGS,
            format!("{}; a step that reads `.git` would be refused", found.changed.join(", ")),
        )),
    }
}

/// Tries what the sandbox must forbid.
fn sandbox() -> Result<String> {
    let report = sandbox::probe()?;
    report.check()?;
    Ok(format!("{}; {} forbidden operations were tried and refused", report.sandbox, report.attempted.len()))
}

fn programs(policy: &Policy) -> Vec<Line> {
    policy
        .programs()
        .map(|program| {
            let there = std::path::Path::new(&program.path).is_file();
            let found = if there {
                Ok(program.path.clone())
            } else {
                let name = program.path.rsplit('/').next().unwrap_or_default();
                let other = PROGRAM_FOLDERS
                    .iter()
                    .map(|folder| format!("{folder}/{name}"))
                    .find(|path| std::path::Path::new(path).is_file());
                let refusal = Refusal::new(DOCTOR_FINDINGS, format!("`{}` is not there", program.path));
                Err(match other {
                    Some(path) => {
                        refusal.hint(format!("this machine has it at {path}: the policy decides where it lies"))
                    }
                    None => refusal.hint("install it, or take it out of the policy"),
                })
            };
            Line::of("program", found)
        })
        .collect()
}

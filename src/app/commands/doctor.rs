//! `doctor`: looks this machine and this repository over; each line says what to do.

use serde_json::json;

use crate::{
    app::{
        keys::ssh::PROGRAM_FOLDERS, ledger::unread, output::Outcome, reasons::DOCTOR_FINDINGS, session::Session,
        world::World,
    },
    base::{
        reason::{Refusal, Result},
        text::visible,
    },
    execute::sandbox,
    policy::Policy,
};

/// One line of the report.
struct Line {
    id: &'static str,
    verdict: &'static str,
    found: String,
    hint: Option<String>,
}

impl Line {
    fn of(id: &'static str, result: std::result::Result<String, Refusal>) -> Self {
        match result {
            Ok(found) => Self { id, verdict: "pass", found, hint: None },
            Err(refusal) => Self {
                id,
                verdict: "fail",
                found: format!("{} [{}]", refusal.message(), refusal.code()),
                hint: refusal.hints().next().map(str::to_owned),
            },
        }
    }
}

pub(super) fn run(world: &World) -> Result<Outcome> {
    let mut lines = vec![Line::of("sandbox", sandbox())];
    match Session::open(world) {
        Err(refusal) => {
            let id = if refusal.code().starts_with("repository.") { "repository" } else { "trust-root" };
            lines.push(Line::of(id, Err(refusal)));
        }
        Ok(session) => {
            let document = session.root.document();
            lines.push(Line::of("trust-root", Ok(format!("version {}, until {}", document.version, document.expires))));
            let policy = session.policy();
            if let Ok((policy, _)) = &policy {
                lines.extend(programs(policy));
            }
            lines.push(Line::of("policy", policy.map(|(policy, _)| format!("{} rules", policy.rules().len()))));
            lines.push(Line::of(
                "pipelines",
                session.catalog().map(|all| format!("{} at the base", all.names().count())),
            ));
            let ledger = unread(&session).and_then(|mut ledger| ledger.verify_all(world.now()));
            lines.push(Line::of(
                "ledger",
                ledger.map(|(entries, objects)| format!("{entries} entries, {objects} objects")),
            ));
            lines.push(Line::of(
                "work-tree",
                session.checkout.modified().map(|paths| match paths.len() {
                    0 => "no tracked file is changed".to_owned(),
                    n => format!("{n} tracked files are changed; execution would refuse"),
                }),
            ));
        }
    }
    let mut text = String::new();
    for line in &lines {
        text.push_str(&format!("{:<5} {:<12} {}\n", line.verdict, line.id, visible(&line.found)));
        if let Some(hint) = &line.hint {
            text.push_str(&format!("      {:<12} hint: {hint}\n", ""));
        }
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|line| json!({ "id": line.id, "result": line.verdict, "found": line.found, "hint": line.hint }))
        .collect();
    let failed = lines.iter().filter(|line| line.verdict == "fail").count();
    let outcome = Outcome::done(json!({ "checks": rows, "failed": failed }), text);
    Ok(if failed == 0 { outcome.decision("healthy") } else { outcome.decision("findings").because(DOCTOR_FINDINGS) })
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

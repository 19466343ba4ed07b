//! `init`: sets a repository up: policy, trust root, example, keys, ledger. Copies what is missing, overwrites nothing.

mod founding;
mod place;
mod programs;

use std::{collections::BTreeMap, path::Path};

use serde_json::json;

use crate::{
    app::{
        files, forge::BEGIN_ANEW, keys::trust_store, output::Outcome, reasons::ALREADY_SET_UP, session::POLICY,
        undo::Made, world::World,
    },
    base::{
        reason::{Refusal, Result, USAGE},
        text::{excerpt, visible},
        time::{Timestamp, parse_duration},
    },
    cli::args::{ForgeArg, InitArgs},
    forge::Checkout,
    policy::starter::Starter,
    sign::TrustRoot,
};
use founding::{Foundation, Setup, found};
use place::{Founder, Place};
pub(super) use programs::policy_text;

/// The example that a new repository gets: one directive, and the pipelines and scripts that it uses.
const EXAMPLE: [(&str, &str); 7] = [
    ("directives/inventory.md", include_str!("../../../directives/inventory.md")),
    ("pipelines/inventory.yml", include_str!("../../../pipelines/inventory.yml")),
    ("pipelines/inventory/count.py", include_str!("../../../pipelines/inventory/count.py")),
    ("pipelines/inventory-papers.yml", include_str!("../../../pipelines/inventory-papers.yml")),
    ("pipelines/inventory-papers/papers.py", include_str!("../../../pipelines/inventory-papers/papers.py")),
    ("pipelines/inventory-report.yml", include_str!("../../../pipelines/inventory-report.yml")),
    ("pipelines/inventory-report/report.py", include_str!("../../../pipelines/inventory-report/report.py")),
];

/// The secret with the planner's key; a job that waits for nobody has it, so it belongs to no environment.
const PLANNER_SECRET: &str = "COUNTERSIGN_PLANNER_KEY";

/// The environment of the jobs that answer comments and execute what a comment approved: who comments decides there.
const COMMENTS: &str = "countersign";

/// The environment whose reviewers decide, as the policy lists it.
const RELEASES: &str = "production";

/// The workflow that a repository on GitHub gets.
const WORKFLOW: &str = ".github/workflows/countersign.yml";
const WORKFLOW_TEXT: &str = include_str!("workflow_github.yml");

/// The files of the first trust root.
const OF_TRUST_ROOT: [&str; 3] =
    [trust_store::CURRENT, ".countersign/trust/1.json", ".countersign/trust/1.intoto.json"];

/// Where the ledger is.
pub(super) const LEDGER: &str = "refs/heads/countersign/ledger";

pub(super) fn run(args: &InitArgs, world: &World) -> Result<Outcome> {
    let checkout = Checkout::discover(&world.cwd)?;
    checkout.head()?;
    let top = checkout.workdir().to_owned();
    if top.join(trust_store::CURRENT).exists() {
        let refusal = Refusal::new(ALREADY_SET_UP, format!("`{}` is there", trust_store::CURRENT));
        // Who has no forge in the trust root and asks for one is told what there is to do, not that it was done.
        let anew = args.forge.is_some() && !names_a_forge(&top);
        return Err(if anew { refusal.hint(BEGIN_ANEW) } else { refusal });
    }
    if checkout.resolve(LEDGER).is_ok() {
        return Err(Refusal::new(ALREADY_SET_UP, format!("a ledger is there: `{LEDGER}`"))
            .hint("take the set-up that began it from its branch; a ledger is never begun twice"));
    }
    let valid = parse_duration(&args.valid).map_err(|e| e.typed_as("--valid"))?;
    let expires = world.now().plus(valid);
    let place = match args.forge {
        Some(ForgeArg::Github) => Place::on_github(args, &checkout, world)?,
        None => Place::local(&checkout, world)?,
    };
    let person = Founder::of(args, &place, &checkout, world)?;
    let base = base_ref(args, &checkout)?;
    let files = files_of(args, &place, expires)?;
    for path in files.iter().map(|(path, _)| path.as_str()).chain(OF_TRUST_ROOT) {
        files::refuse_links(&top, path)?;
    }
    let foundation = Foundation { person: &person, base: &base, place: &place, checkout: &checkout, expires, world };
    let mut made = Made::default();
    let done = write_files(&files, &top, &mut made).and_then(|copied| Ok((copied, found(&foundation, &mut made)?)));
    let ((written, kept), setup) = match done {
        Ok(done) => done,
        Err(refusal) => {
            made.undo();
            return Err(refusal);
        }
    };
    let mut text = format!(
        "set up {} for {}{}\n",
        top.display(),
        visible(&person.login),
        if args.solo { " (solo: you may approve your own plans; every record says so)" } else { "" },
    );
    for path in written.iter().chain(&setup.files) {
        text.push_str(&format!("  wrote {path}\n"));
    }
    let kept: Vec<String> = kept.into_iter().chain(setup.kept.iter().map(|key| key.display().to_string())).collect();
    for path in &kept {
        text.push_str(&format!("  kept {}, which was there\n", visible(path)));
    }
    for (_, path) in std::iter::once(&setup.person_key).chain(&setup.job_keys) {
        text.push_str(&format!("  key {}\n", path.display()));
    }
    text.push_str(&format!("  trust root {} is pinned\n  ledger on {LEDGER}\n", setup.trust_root));
    text.push_str(&match &place.forge {
        None => "next: read .countersign/policy.yml, then\n  git add .countersign directives pipelines && git commit -m 'Set up countersign'\n  countersign plan directives/inventory.md --out plan.json\n".to_owned(),
        Some(_) => next_on_github(&place, &setup),
    });
    let result = json!({
        "login": person.login,
        "tier": if args.solo { "solo" } else { "team" },
        "baseRef": base,
        "trustRoot": setup.trust_root.to_string(),
        "personKey": setup.person_key.1.display().to_string(),
        "runnerKey": setup.job_keys.last().map(|(_, path)| path.display().to_string()),
        "jobKeys": setup.job_keys.iter().map(|(name, path)| (*name, path.display().to_string())).collect::<BTreeMap<_, _>>(),
        "written": written.iter().chain(&setup.files).collect::<Vec<_>>(),
        "kept": kept,
    });
    Ok(Outcome::done(result, text).about(setup.trust_root.to_string()))
}

/// Tells whether the trust root that lies here names a forge; nothing is believed of it otherwise.
fn names_a_forge(top: &Path) -> bool {
    let bytes = trust_store::work_tree_reader(top)(trust_store::CURRENT);
    let document = bytes.ok().flatten().and_then(|bytes| TrustRoot::unverified(&bytes).ok());
    document.is_none_or(|document| document.forge.is_some())
}

/// Says how the keys get to where jobs find them.
fn next_on_github(place: &Place, setup: &Setup) -> String {
    let branch = place.branch.as_deref().unwrap_or("the protected base");
    let mut text = format!(
        "next:\n  1. read .countersign/policy.yml and .github/workflows/countersign.yml (it takes the action at COMMIT, unless you gave --action), commit them on {branch}\n  2. push, the ledger too: git push origin HEAD {LEDGER}\n  3. make two environments that only {branch} may use, without administrator bypass: `{COMMENTS}`, which nobody has to release, for what is approved by comment; `{RELEASES}` with a reviewer who is not you and no self-review, for what is released by hand\n  4. give the jobs their keys and the pin of the trust root:\n",
    );
    for (name, path) in &setup.job_keys {
        let both = [format!(" --env {COMMENTS}"), format!(" --env {RELEASES}")];
        let scopes = if *name == PLANNER_SECRET { &[String::new()][..] } else { &both[..] };
        for scope in scopes {
            text.push_str(&format!("     gh secret set {name}{scope} < {}\n", path.display()));
        }
    }
    text.push_str(&format!(
        "     gh variable set COUNTERSIGN_TRUST_ROOT --body {}\n  5. see what protects the gate: countersign doctor --forge github\n",
        setup.trust_root
    ));
    text
}

fn base_ref(args: &InitArgs, checkout: &Checkout) -> Result<String> {
    let base = match &args.base {
        Some(name) => format!("refs/heads/{name}"),
        None => checkout.branch().ok_or_else(|| {
            Refusal::new(USAGE, "no branch is checked out").hint("name the protected base with --base")
        })?,
    };
    checkout.resolve(&base)?;
    Ok(base)
}

/// Returns what a set-up writes where nothing is yet: the policy, the example, and the workflow where there is a forge.
fn files_of(args: &InitArgs, place: &Place, expires: Timestamp) -> Result<Vec<(String, String)>> {
    let tier = match (args.solo, place.forge) {
        (true, _) => Starter::Solo,
        (false, None) => Starter::Team,
        (false, Some(_)) => Starter::Forge,
    };
    let mut files = vec![(POLICY.to_owned(), policy_text(tier, expires)?)];
    files.extend(EXAMPLE.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())));
    if place.forge.is_some() {
        let action = match args.action.as_deref() {
            Some(commit) if commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()) => commit,
            Some(other) => {
                return Err(Refusal::new(USAGE, format!("--action: `{}` is no full commit", excerpt(other))));
            }
            None => "COMMIT",
        };
        files.push((WORKFLOW.to_owned(), WORKFLOW_TEXT.replace("ACTION_COMMIT", action)));
    }
    Ok(files)
}

/// Writes files where nothing is yet; returns the paths of those that were written, and of those that were there.
fn write_files(files: &[(String, String)], top: &Path, made: &mut Made) -> Result<(Vec<String>, Vec<String>)> {
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for (path, content) in files {
        let whole = top.join(path);
        made.note(&whole);
        match files::write_if_missing(&whole, content.as_bytes())? {
            true => written.push(path.clone()),
            false => kept.push(path.clone()),
        }
    }
    Ok((written, kept))
}

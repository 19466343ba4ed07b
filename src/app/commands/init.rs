//! `init`: sets a repository up: policy, trust root, example, keys, ledger. Copies what is missing, overwrites nothing.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{
    app::{
        files,
        keys::{
            change::{NewKey, TrustDraft},
            commands,
            file::{self, HeldKey, Place},
            pin::{self, Repin},
            ssh::PROGRAM_FOLDERS,
            trust_store,
        },
        output::Outcome,
        reasons::ALREADY_SET_UP,
        session::POLICY,
        world::World,
    },
    base::{
        ident::Id,
        reason::{Refusal, Result, USAGE},
        text::visible,
        time::{Timestamp, parse_duration},
    },
    cli::args::InitArgs,
    forge::Checkout,
    ledger::{Ledger, genesis_entry},
    policy::starter::{self, Starter},
    review::programs::is_interpreter,
    sign::{
        Duty, Envelope, TrustRoot,
        predicate::Genesis,
        schemes::Scheme,
        statement::Subject,
        trust::{LedgerRef, Principal, PrincipalKind},
    },
};

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

/// Programs that the policy lists where they are found.
const PROGRAMS: [&str; 8] = ["git", "pg_dump", "psql", "python3", "sha256sum", "sqlite3", "tar", "terraform"];

/// Where Debian and its kin keep PostgreSQL's own programs, a folder for each version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// What stands in their place in `/usr/bin`: a script that looks for them, which a sandboxed step cannot.
const POSTGRES_WRAPPER: &str = "pg_wrapper";

/// Where the ledger is.
const LEDGER: &str = "refs/heads/countersign/ledger";

pub(super) fn run(args: &InitArgs, world: &World) -> Result<Outcome> {
    let checkout = Checkout::discover(&world.cwd)?;
    checkout.head()?;
    let top = checkout.workdir().to_owned();
    if top.join(trust_store::CURRENT).exists() {
        return Err(Refusal::new(ALREADY_SET_UP, format!("`{}` is there", trust_store::CURRENT)));
    }
    let expires = world.now().plus(parse_duration(&args.valid)?);
    let person = Founder::of(args, &checkout, world)?;
    let base = base_ref(args, &checkout)?;
    let written = write_files(args, &top, expires)?;
    let setup = found(&person, &base, &checkout, expires, world)?;
    let mut text = format!(
        "set up {} for {}{}\n",
        top.display(),
        visible(&person.login),
        if args.solo { " (solo: you may approve your own plans; every record says so)" } else { "" },
    );
    for path in written.iter().chain(&setup.files) {
        text.push_str(&format!("  wrote {path}\n"));
    }
    text.push_str(&format!(
        "  key {}\n  key {}\n  trust root {} is pinned\n  ledger on {LEDGER}\n\
         next: read .countersign/policy.yml, then\n  git add .countersign directives pipelines && git commit -m 'Set up countersign'\n  countersign plan directives/inventory.md --out plan.json\n",
        setup.person_key.display(),
        setup.runner_key.display(),
        setup.trust_root,
    ));
    let result = json!({
        "login": person.login,
        "tier": if args.solo { "solo" } else { "team" },
        "baseRef": base,
        "trustRoot": setup.trust_root.to_string(),
        "personKey": setup.person_key.display().to_string(),
        "runnerKey": setup.runner_key.display().to_string(),
        "written": written.iter().chain(&setup.files).collect::<Vec<_>>(),
    });
    Ok(Outcome::done(result, text).about(setup.trust_root.to_string()))
}

/// Who sets the repository up.
struct Founder {
    login: String,
    name: String,
    email: String,
}

impl Founder {
    fn of(args: &InitArgs, checkout: &Checkout, world: &World) -> Result<Self> {
        let home = world.env.path("HOME");
        let configured = |variable: &str, key: &str| {
            let from_env = world.env.text(variable).map(str::to_owned);
            from_env.or_else(|| checkout.configured(key, home.as_deref()))
        };
        let email = args.email.clone().or_else(|| configured("GIT_AUTHOR_EMAIL", "user.email")).ok_or_else(|| {
            Refusal::new(USAGE, "your e-mail address is not known").hint("give --email, or set git's user.email")
        })?;
        let local: String = email
            .split('@')
            .next()
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
            .collect();
        let login = args.login.clone().unwrap_or(local);
        let name =
            args.name.clone().or_else(|| configured("GIT_AUTHOR_NAME", "user.name")).unwrap_or_else(|| login.clone());
        Ok(Self { login, name, email })
    }
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

/// Writes the policy and the example where nothing is yet; returns what was written.
fn write_files(args: &InitArgs, top: &Path, expires: Timestamp) -> Result<Vec<String>> {
    let tier = if args.solo { Starter::Solo } else { Starter::Team };
    let mut written = Vec::new();
    let mut put = |path: &str, content: &str| -> Result<()> {
        if files::write_if_missing(&top.join(path), content.as_bytes())? {
            written.push(path.to_owned());
        }
        Ok(())
    };
    put(POLICY, &policy_text(tier, expires)?)?;
    for (path, content) in EXAMPLE {
        put(path, content)?;
    }
    Ok(written)
}

/// Returns the starting policy, with the programs that this machine has.
pub(super) fn policy_text(tier: Starter, expires: Timestamp) -> Result<String> {
    let mut found: Vec<(Id, String)> = Vec::new();
    for name in PROGRAMS {
        if let Some(path) = find(name, &PROGRAM_FOLDERS.map(Path::new), Path::new(POSTGRES)) {
            found.push((name.parse()?, path));
        }
    }
    let lines: Vec<(&Id, &str, bool)> =
        found.iter().map(|(name, path)| (name, path.as_str(), is_interpreter(path))).collect();
    Ok(starter::text(tier, &lines, expires))
}

/// Finds a program: the first of its name in these folders, and behind a wrapper the newest real one.
fn find(name: &str, folders: &[&Path], postgres: &Path) -> Option<String> {
    let first = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())?;
    let real = first.canonicalize().ok()?;
    if real.file_name().is_none_or(|file| file != POSTGRES_WRAPPER) {
        return first.to_str().map(str::to_owned);
    }
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = std::fs::read_dir(postgres).ok()?.flatten().map(|entry| entry.path());
    let mut installed: Vec<(u32, PathBuf)> = versions
        .filter_map(|folder| Some((version(&folder)?, folder.join("bin").join(name))))
        .filter(|(_, path)| path.is_file())
        .collect();
    installed.sort();
    installed.pop()?.1.to_str().map(str::to_owned)
}

/// What was founded.
struct Setup {
    trust_root: crate::base::digest::Digest,
    person_key: PathBuf,
    runner_key: PathBuf,
    files: Vec<String>,
}

/// Makes the keys, the ledger's beginning and the trust root that pins it; pins the trust root; begins the ledger.
fn found(person: &Founder, base: &str, checkout: &Checkout, expires: Timestamp, world: &World) -> Result<Setup> {
    let config_dir = world.env.config_dir()?;
    let repo_id = world.entropy.nonce()?;
    let (person_key, person_path) = key(&config_dir, &person.login)?;
    let (runner_key, runner_path) = key(&config_dir, &format!("runner-{}", &repo_id[..8]))?;
    let now = world.now();
    let genesis = Genesis {
        host: "local".to_owned(),
        repo_id: repo_id.clone(),
        owner_id: "0".to_owned(),
        nonce: world.entropy.nonce()?,
        created_at: now,
    };
    let subject = Subject::new("repository", crate::base::digest::Digest::framed("repository", ["local", &repo_id]));
    let entry = genesis_entry(&Envelope::sign(vec![subject], genesis, &[&person_key])?, now)?;
    let principal = |id, login: &str, name: &str, kind, emails| Principal {
        id,
        login: login.to_owned(),
        name: name.to_owned(),
        kind,
        roles: Vec::new(),
        emails,
    };
    let new_key = |name: &str, key: &HeldKey, principal, duties| -> Result<NewKey> {
        let public = key.public()?;
        let name = name.to_owned();
        Ok(NewKey { name, scheme: Scheme::Ed25519, public, principal, duties, not_before: now, not_after: expires })
    };
    let runner = format!("{}-runner", person.login);
    let repo = checkout.workdir().file_name().map_or_else(String::new, |name| visible(&name.to_string_lossy()));
    let draft = TrustDraft {
        host: "local".to_owned(),
        repo_id: repo_id.clone(),
        owner_id: "0".to_owned(),
        repo,
        base_ref: base.to_owned(),
        ledger: LedgerRef { branch: LEDGER.to_owned(), genesis: crate::base::digest::Digest::of(&entry) },
        expires,
        root_threshold: 1,
        principals: vec![
            principal(1, &person.login, &person.name, PrincipalKind::Person, vec![person.email.clone()]),
            principal(2, &runner, &runner, PrincipalKind::Agent, Vec::new()),
        ],
        keys: vec![
            new_key(&person.login, &person_key, 1, vec![Duty::Root, Duty::Planner, Duty::Approver])?,
            new_key(&runner, &runner_key, 2, vec![Duty::Executor, Duty::Policy])?,
        ],
    };
    let proposal = draft.propose(now, &[&person_key])?;
    let (digest, bytes) = (proposal.digest(), proposal.version().bytes.clone());
    let changed = commands::begin(checkout.workdir(), proposal)?;
    pin::store(&config_dir, "local", &repo_id, digest, Repin::Refuse)?;
    let root = TrustRoot::parse(&bytes)?;
    let mut ledger = Ledger::open(checkout.git_dir(), &root)?;
    ledger.create_genesis(&entry, &[bytes], world.clock)?;
    Ok(Setup { trust_root: digest, person_key: person_path, runner_key: runner_path, files: changed.files })
}

/// Takes the key of a name where there is one, else makes it: a person has one key for all repositories.
fn key(config_dir: &Path, name: &str) -> Result<(HeldKey, PathBuf)> {
    let path = file::default_path(config_dir, &name.parse()?);
    if path.exists() {
        return Ok((HeldKey::load(&path)?, path));
    }
    let key = HeldKey::random()?;
    key.save(&path, Place::OutsideRepositories)?;
    Ok((key, path))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn the_real_program_is_listed_and_not_a_wrapper_that_cannot_run_in_a_sandbox() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, postgres) = (folder.path().join("bin"), folder.path().join("postgresql"));
        fs::create_dir_all(&bin).unwrap();
        fs::write(folder.path().join(POSTGRES_WRAPPER), "").unwrap();
        symlink(folder.path().join(POSTGRES_WRAPPER), bin.join("psql")).unwrap();
        fs::write(bin.join("git"), "").unwrap();
        let look = |name: &str| find(name, &[&bin], &postgres);
        assert_eq!(look("git").as_deref(), bin.join("git").to_str());
        assert_eq!(look("tar"), None);
        assert_eq!(look("psql"), None, "a wrapper around nothing is no program");
        for version in ["9", "15", "16", "common"] {
            fs::create_dir_all(postgres.join(version).join("bin")).unwrap();
        }
        for version in ["9", "15"] {
            fs::write(postgres.join(version).join("bin/psql"), "").unwrap();
        }
        assert_eq!(look("psql").as_deref(), postgres.join("15/bin/psql").to_str());
    }
}

//! `init`: sets a repository up: policy, trust root, example, keys, ledger. Copies what is missing, overwrites nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    app::{
        files,
        forge::TOKEN,
        keys::{
            change::{NewKey, TrustDraft},
            commands,
            file::{self, HeldKey, Place as KeyPlace},
            pin::{self, Repin},
            ssh::PROGRAM_FOLDERS,
            trust_store,
        },
        output::Outcome,
        reasons::ALREADY_SET_UP,
        session::POLICY,
        world::World,
    },
    approval::reasons::APPROVER_NOT_PERSON,
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result, USAGE},
        secret::Secret,
        text::{excerpt, visible},
        time::{Timestamp, parse_duration},
    },
    cli::args::{ForgeArg, InitArgs},
    forge::{
        Checkout,
        http::Settings,
        providers::{self, github::Credentials},
        reasons::TOKEN_MISSING,
    },
    ledger::{Ledger, genesis_entry},
    policy::starter::{self, Starter},
    review::programs::is_interpreter,
    sign::{
        Duty, Envelope, TrustRoot,
        predicate::Genesis,
        schemes::Scheme,
        statement::Subject,
        trust::{ForgeKind, LOCAL, LedgerRef, Principal, PrincipalKind},
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

/// The account that GitHub's jobs act as: its number and its login.
const ACTIONS_BOT: (u64, &str) = (41_898_282, "github-actions[bot]");

/// The secret with the planner's key; a job that waits for nobody has it, so it belongs to no environment.
const PLANNER_SECRET: &str = "COUNTERSIGN_PLANNER_KEY";

/// The environment of the jobs that answer comments and execute what a comment approved: who comments decides there.
const COMMENTS: &str = "countersign";

/// The environment whose reviewers decide, as the policy lists it.
const RELEASES: &str = "production";

/// The workflow that a repository on GitHub gets.
const WORKFLOW: &str = ".github/workflows/countersign.yml";
const WORKFLOW_TEXT: &str = include_str!("workflow_github.yml");

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
    let place = match args.forge {
        Some(ForgeArg::Github) => Place::on_github(args, &checkout, world)?,
        None => Place::local(&checkout, world)?,
    };
    let person = Founder::of(args, &place, &checkout, world)?;
    let base = base_ref(args, &checkout)?;
    let written = write_files(args, &place, &top, expires)?;
    let setup = found(&person, &base, &place, &checkout, expires, world)?;
    let mut text = format!(
        "set up {} for {}{}\n",
        top.display(),
        visible(&person.login),
        if args.solo { " (solo: you may approve your own plans; every record says so)" } else { "" },
    );
    for path in written.iter().chain(&setup.files) {
        text.push_str(&format!("  wrote {path}\n"));
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
    });
    Ok(Outcome::done(result, text).about(setup.trust_root.to_string()))
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

/// Where the repository is: on this machine alone, or on a forge.
struct Place {
    forge: Option<ForgeKind>,
    host: String,
    repo_id: String,
    owner_id: String,
    repo: String,
    /// The account of who sets it up; 1 where there is no forge.
    account: u64,
    login: Option<String>,
    branch: Option<String>,
}

impl Place {
    fn local(checkout: &Checkout, world: &World) -> Result<Self> {
        let repo = checkout.workdir().file_name().map_or_else(String::new, |name| visible(&name.to_string_lossy()));
        Ok(Self {
            forge: None,
            host: LOCAL.to_owned(),
            repo_id: world.entropy.nonce()?,
            owner_id: "0".to_owned(),
            repo,
            account: 1,
            login: None,
            branch: None,
        })
    }

    /// Asks GitHub who owns the repository, and whose token this is.
    fn on_github(args: &InitArgs, checkout: &Checkout, world: &World) -> Result<Self> {
        let origin = checkout.origin().as_deref().and_then(origin_of);
        let (from_host, from_name) = origin.map_or((None, None), |(host, name)| (Some(host), Some(name)));
        let missing = |what: &str, option: &str| {
            Refusal::new(USAGE, format!("{what} is not known: git has no remote `origin` on a forge"))
                .hint(format!("give {option}"))
        };
        let host = args.host.clone().or(from_host).ok_or_else(|| missing("the forge's host", "--host"))?;
        let name = args.repository.clone().or(from_name).ok_or_else(|| missing("the repository", "--repository"))?;
        let token = world.env.text(TOKEN).ok_or_else(|| {
            Refusal::new(TOKEN_MISSING, format!("the variable {TOKEN} is not set")).hint(
                "set it to a token of your own that may read the repository: your account goes into the trust root",
            )
        })?;
        let credentials = Credentials::Token(Secret::new(token.to_owned()));
        let forge = providers::connect(&host, &name, credentials, Settings::default(), |name| world.env.text(name))?;
        let (repository, account) = (forge.repository()?, forge.whoami()?);
        if !account.is_person() {
            let what = format!("the token is that of {}, a program", visible(&account.login));
            return Err(Refusal::new(APPROVER_NOT_PERSON, what).hint("use a token of your own"));
        }
        Ok(Self {
            forge: Some(ForgeKind::Github),
            host,
            repo_id: repository.id.to_string(),
            owner_id: repository.owner.id.to_string(),
            repo: repository.full_name,
            account: account.id,
            login: Some(account.login),
            branch: Some(repository.default_branch),
        })
    }
}

/// Takes host and `owner/name` out of an address of a git remote.
fn origin_of(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("ssh://git@"));
    let rest = rest.or_else(|| url.strip_prefix("http://127.0.0.1:").map(|_| &url["http://".len()..]));
    let (host, path) = match rest {
        Some(rest) => rest.split_once('/')?,
        None => url.strip_prefix("git@")?.split_once(':')?,
    };
    let host = host.rsplit('@').next()?;
    let name = path.trim_end_matches('/').strip_suffix(".git").unwrap_or(path);
    (name.split('/').count() == 2).then(|| (host.to_owned(), name.to_owned()))
}

/// Who sets the repository up.
struct Founder {
    id: u64,
    login: String,
    name: String,
    email: String,
}

impl Founder {
    fn of(args: &InitArgs, place: &Place, checkout: &Checkout, world: &World) -> Result<Self> {
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
        let login = place.login.clone().or_else(|| args.login.clone()).unwrap_or(local);
        let name =
            args.name.clone().or_else(|| configured("GIT_AUTHOR_NAME", "user.name")).unwrap_or_else(|| login.clone());
        Ok(Self { id: place.account, login, name, email })
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
fn write_files(args: &InitArgs, place: &Place, top: &Path, expires: Timestamp) -> Result<Vec<String>> {
    let tier = match (args.solo, place.forge) {
        (true, _) => Starter::Solo,
        (false, None) => Starter::Team,
        (false, Some(_)) => Starter::Forge,
    };
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
    if place.forge.is_some() {
        let action = match args.action.as_deref() {
            Some(commit) if commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()) => commit,
            Some(other) => return Err(Refusal::new(USAGE, format!("`{}` is no full commit", excerpt(other)))),
            None => "COMMIT",
        };
        put(WORKFLOW, &WORKFLOW_TEXT.replace("ACTION_COMMIT", action))?;
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
    trust_root: Digest,
    /// Its name and its file.
    person_key: (&'static str, PathBuf),
    /// The keys of jobs, by the name of the secret that is to hold each.
    job_keys: Vec<(&'static str, PathBuf)>,
    files: Vec<String>,
}

/// Makes the keys, the ledger's beginning and the trust root that pins it; pins the trust root; begins the ledger.
fn found(
    person: &Founder,
    base: &str,
    place: &Place,
    checkout: &Checkout,
    expires: Timestamp,
    world: &World,
) -> Result<Setup> {
    let config_dir = world.env.config_dir()?;
    let short = Digest::framed("place", [place.host.as_str(), place.repo_id.as_str()]).hex();
    let short = short.get(..8).unwrap_or_default();
    let (person_key, person_path) = key(&config_dir, &person.login)?;
    let now = world.now();
    let genesis = Genesis {
        host: place.host.clone(),
        repo_id: place.repo_id.clone(),
        owner_id: place.owner_id.clone(),
        nonce: world.entropy.nonce()?,
        created_at: now,
    };
    let subject = Subject::new("repository", Digest::framed("repository", [place.host.as_str(), &place.repo_id]));
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
    // On a forge one key a job, so that no job holds what it does not need; here one for all that a machine does.
    let (job, jobs): (_, &[(&str, &str, &[Duty])]) = match place.forge {
        None => ((2, format!("{}-runner", person.login)), &[("", "runner", &[Duty::Executor, Duty::Policy])]),
        Some(ForgeKind::Github) => (
            (ACTIONS_BOT.0, ACTIONS_BOT.1.to_owned()),
            &[
                (PLANNER_SECRET, "planner", &[Duty::Planner]),
                ("COUNTERSIGN_GATE_KEY", "gate", &[Duty::Gate]),
                ("COUNTERSIGN_EXECUTOR_KEY", "executor", &[Duty::Executor, Duty::Policy]),
            ],
        ),
    };
    let mut keys =
        vec![new_key(&person.login, &person_key, person.id, vec![Duty::Root, Duty::Planner, Duty::Approver])?];
    let mut job_keys = Vec::new();
    for (secret, name, duties) in jobs {
        let name = format!("{name}-{short}");
        let (held, path) = key(&config_dir, &name)?;
        keys.push(new_key(if place.forge.is_some() { &name } else { &job.1 }, &held, job.0, duties.to_vec())?);
        job_keys.push((*secret, path));
    }
    let draft = TrustDraft {
        host: place.host.clone(),
        forge: place.forge,
        repo_id: place.repo_id.clone(),
        owner_id: place.owner_id.clone(),
        repo: place.repo.clone(),
        base_ref: base.to_owned(),
        ledger: LedgerRef { branch: LEDGER.to_owned(), genesis: Digest::of(&entry) },
        expires,
        root_threshold: 1,
        principals: vec![
            principal(person.id, &person.login, &person.name, PrincipalKind::Person, vec![person.email.clone()]),
            principal(job.0, &job.1, &job.1, PrincipalKind::Agent, Vec::new()),
        ],
        keys,
    };
    let proposal = draft.propose(now, &[&person_key])?;
    let (digest, bytes) = (proposal.digest(), proposal.version().bytes.clone());
    let changed = commands::begin(checkout.workdir(), proposal)?;
    pin::store(&config_dir, &place.host, &place.repo_id, digest, Repin::Refuse)?;
    let root = TrustRoot::parse(&bytes)?;
    let mut ledger = Ledger::open(checkout.git_dir(), &root)?;
    ledger.create_genesis(&entry, &[bytes], world.clock)?;
    Ok(Setup { trust_root: digest, person_key: ("", person_path), job_keys, files: changed.files })
}

/// Takes the key of a name where there is one, else makes it: a person has one key for all repositories.
fn key(config_dir: &Path, name: &str) -> Result<(HeldKey, PathBuf)> {
    let path = file::default_path(config_dir, &name.parse()?);
    if path.exists() {
        return Ok((HeldKey::load(&path)?, path));
    }
    let key = HeldKey::random()?;
    key.save(&path, KeyPlace::OutsideRepositories)?;
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

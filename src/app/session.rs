//! A repository that is set up: its checkout, trust root, facts and definitions, each from where it must come from.

use std::path::{Path, PathBuf};

use super::{
    access::Access,
    events::Events,
    keys::{pin, trust_store},
    ledger::{Reading, unread_at},
    named::Stand,
    named_plan::NamedPlan,
    pipeline_files::read_catalog,
    reasons::{
        DEFINITION_INVALID, DIRECTIVE_MISSING, DIRECTIVE_TWICE, NOT_SET_UP, PLAN_UNKNOWN, UNCOMMITTED, WORK_TREE_LINK,
    },
    world::World,
};
use crate::{
    base::{
        diagnostic::{Diagnostic, findings},
        digest::Digest,
        ident::Id,
        reason::{Reason, Refusal, Result},
        time::Timestamp,
    },
    directive::Directive,
    facts::{Facts, change_request::ChangeRequest},
    forge::{Checkout, providers::local::Identity, reasons::REF_MISSING},
    ledger::{Keep, Ledger, reasons::LEDGER_UNKNOWN_SUBJECT},
    pipeline::{Catalog, ProgramEntry, ProgramTable},
    plan::{SealedPlan, seal},
    policy::Policy,
    sign::{TrustRoot, predicate::Actor, trust::Principal},
};

/// Where the policy lies.
pub(crate) const POLICY: &str = ".countersign/policy.yml";
/// The most bytes of a policy.
const MAX_POLICY: usize = 1 << 20;

/// A repository that is set up.
pub(crate) struct Session {
    pub(crate) checkout: Checkout,
    pub(crate) root: TrustRoot,
    pub(crate) facts: Facts,
    pub(crate) config_dir: PathBuf,
    /// What opens a ledger that lies elsewhere.
    pub(crate) access: Access,
    /// Where events are told as they happen.
    pub(crate) events: Events,
    /// Where the person stands who names files.
    stand: Stand,
}

/// A session of which nothing has been observed yet.
struct Begun {
    checkout: Checkout,
    root: TrustRoot,
    config_dir: PathBuf,
    access: Access,
    events: Events,
    stand: Stand,
}

impl Begun {
    fn observe(self) -> Result<Session> {
        let Self { checkout, root, config_dir, access, events, stand } = self;
        let facts = checkout.facts(&identity(&root), None)?;
        Ok(Session { checkout, root, facts, config_dir, access, events, stand })
    }
}

impl Session {
    /// Opens the repository that holds the present folder: finds the trust root, checks it against its
    /// pin, and reads everything else at the base commit that it names.
    pub(crate) fn open(world: &World) -> Result<Self> {
        Self::begin(world)?.observe()
    }

    /// Opens the repository as [`Session::open`] does, and reads the ledger meanwhile, which takes longest, as it is set
    /// up to be read.
    pub(crate) fn open_reading(world: &World, set_up: impl FnOnce(Ledger) -> Ledger) -> Result<(Self, Reading)> {
        let begun = Self::begin(world)?;
        let ledger = unread_at(&begun.checkout, &begun.root, &begun.config_dir, &begun.access, &begun.events)?;
        let reading = Reading::of(set_up(ledger), world.now());
        Ok((begun.observe()?, reading))
    }

    fn begin(world: &World) -> Result<Begun> {
        let checkout = Checkout::discover(&world.cwd)?;
        let config_dir = world.env.config_dir()?;
        let root = load_root(&checkout, &config_dir, world.env.text(pin::VARIABLE), world.now())?;
        let stand = Stand { top: checkout.workdir().to_owned(), here: world.cwd.clone() };
        Ok(Begun { checkout, root, config_dir, access: Access::of(&world.env), events: world.events.clone(), stand })
    }

    /// Fetches a commit where it is not here, as data: nothing of it is checked out.
    fn bring(&self, commit: &str) -> Result<()> {
        if self.checkout.has(commit) {
            return Ok(());
        }
        if let Some(url) = self.checkout.ledger_remote(self.access.ledger())? {
            let remote = self.access.remote(&url, &self.root.document().host)?;
            remote.bring(self.checkout.git_dir(), commit, &self.facts.base_sha)?;
        }
        if !self.checkout.has(commit) {
            return Err(Refusal::new(REF_MISSING, format!("commit {} is not here", short(commit)))
                .subject(commit)
                .hint(format!("git fetch --no-tags origin {commit}")));
        }
        Ok(())
    }

    /// Turns to the head of a change request, as data; nothing of it is checked out, let alone run.
    pub(crate) fn turn_to(&mut self, change: &ChangeRequest) -> Result<()> {
        self.bring(&change.head_sha)?;
        self.facts = self.checkout.facts(&identity(&self.root), Some(&change.head_sha))?;
        self.facts.change_request = Some(change.number);
        Ok(())
    }

    /// Turns to the commits that a plan is for, where it is for a change request: what is approved is the plan, and
    /// whether the world is still as it says is for `verify` to find out.
    pub(crate) fn turn_to_plan(&mut self, plan: &SealedPlan) -> Result<()> {
        let subject = &plan.plan().subject;
        if self.root.document().forge.is_none() || subject.change_request.is_none() {
            return Ok(());
        }
        self.bring(&subject.head_sha)?;
        self.facts = self.checkout.facts(&identity(&self.root), Some(&subject.head_sha))?;
        self.follow(plan);
        Ok(())
    }

    /// Takes the change request that a plan says it is for; only the forge's own word, in `verify`, makes it so.
    pub(crate) fn follow(&mut self, plan: &SealedPlan) {
        if self.root.document().forge.is_some() {
            self.facts.change_request = plan.plan().subject.change_request;
        }
    }

    /// Reads the policy at the base commit.
    pub(crate) fn policy(&self) -> Result<(Policy, Vec<u8>)> {
        let bytes = self.at_base(POLICY)?;
        if bytes.len() > MAX_POLICY {
            return Err(Refusal::new(crate::base::reason::LIMIT_SIZE, format!("{POLICY}: {} bytes", bytes.len())));
        }
        let policy = Policy::compile(POLICY, &bytes).map_err(|places| invalid(POLICY, places))?;
        Ok((policy, bytes))
    }

    /// Reads the bytes of a file at the base commit, which must hold it.
    pub(crate) fn at_base(&self, path: &str) -> Result<Vec<u8>> {
        match self.checkout.blob(&self.facts.base_sha, path)? {
            Some(bytes) => Ok(bytes),
            None => Err(self.absent(path, NOT_SET_UP)?),
        }
    }

    /// Makes the refusal of a file that the base commit does not hold; `missing` is for one that is nowhere.
    fn absent(&self, path: &str, missing: Reason) -> Result<Refusal> {
        let base = format!("{} ({})", self.facts.base_ref, short(&self.facts.base_sha));
        // Whether a folder on the way to the file is a link counts as much as whether the file is one.
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let part = &path[..end];
            if self.checkout.is_link(&self.facts.base_sha, part)? {
                return Ok(Refusal::new(WORK_TREE_LINK, format!("`{part}` is a symbolic link at {base}")).subject(path));
            }
        }
        let here = std::fs::symlink_metadata(self.checkout.workdir().join(path)).is_ok();
        Ok(Refusal::new(if here { UNCOMMITTED } else { missing }, format!("`{path}` is not at {base}")).subject(path))
    }

    /// Reads all pipelines at the base commit.
    pub(crate) fn catalog(&self) -> Result<Catalog> {
        let source = |path: &str| self.checkout.blob(&self.facts.base_sha, path);
        read_catalog(&self.checkout.list(&self.facts.base_sha, "pipelines")?, &source)
    }

    /// Reads a directive at the base commit, by path or by name.
    pub(crate) fn directive(&self, named: &str) -> Result<Directive> {
        let path = self.stand.plain_path(named)?;
        let found = self.checkout.blob(&self.facts.base_sha, &path)?;
        let Some(bytes) = found else {
            let refusal = self.absent(&path, DIRECTIVE_MISSING)?;
            if refusal.is(WORK_TREE_LINK) {
                return Err(refusal);
            }
            let names = self.checkout.list(&self.facts.base_sha, "directives")?;
            let near = crate::base::diagnostic::nearest(&path, names.iter().map(String::as_str));
            return Err(near.map(|near| format!("did you mean `{near}`?")).into_iter().fold(refusal, Refusal::hint));
        };
        self.only_one(&path)?;
        Directive::read(&path, &bytes).map_err(|places| invalid(&path, places))
    }

    /// Refuses a directive's path where another directive at the base commit has the same name: a rule for the one would
    /// be one for the other too.
    ///
    /// # Errors
    /// `directive.name_twice`.
    pub(crate) fn only_one(&self, path: &str) -> Result<()> {
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let listed = self.checkout.list(&self.facts.base_sha, "directives")?;
        match listed.into_iter().find(|other| other != path && name(other) == name(path)) {
            None => Ok(()),
            Some(other) => Err(Refusal::new(DIRECTIVE_TWICE, format!("`{path}` and `{other}`")).subject(path)),
        }
    }

    /// Reads a directive for a plan, and says at which commit: where the policy lets a change request propose one,
    /// that of its head, if there is one there.
    pub(crate) fn directive_for(&self, named: &str, policy: &Policy) -> Result<(Directive, String)> {
        if self.facts.change_request.is_some()
            && let Some(proposed) = self.directive_at_head(named, policy)?
        {
            return Ok(proposed);
        }
        Ok((self.directive(named)?, self.facts.base_sha.clone()))
    }

    /// Reads a directive at the head, where the policy lets a change request propose one and it is another than at
    /// the base; with the head's commit.
    pub(crate) fn directive_at_head(&self, named: &str, policy: &Policy) -> Result<Option<(Directive, String)>> {
        let (head, path) = (&self.facts.head_sha, self.stand.plain_path(named)?);
        let proposed = if policy.gates().directives_at_head { self.checkout.blob(head, &path)? } else { None };
        match proposed.filter(|bytes| self.at_base(&path).ok().as_ref() != Some(bytes)) {
            None => Ok(None),
            Some(bytes) => {
                self.only_one(&path)?;
                let directive = Directive::read(&path, &bytes).map_err(|places| invalid(&path, places))?;
                Ok(Some((directive, head.clone())))
            }
        }
    }

    /// Opens the ledger, verified up to its head, with all that it says.
    pub(crate) fn ledger(&self, now: Timestamp) -> Result<Ledger> {
        super::ledger::open(self, Keep::All, now)
    }

    /// Opens the ledger, verified up to its head, for its entries and objects: of plans that are over nothing is kept.
    pub(crate) fn entries(&self, now: Timestamp) -> Result<Ledger> {
        super::ledger::open(self, Keep::Nothing, now)
    }

    /// Finds a plan: a file, or a digest that the ledger holds.
    pub(crate) fn plan(&self, named: &str, world: &World, policy: &Policy) -> Result<SealedPlan> {
        self.named_plan(NamedPlan::find(named, world), named, world, policy)
    }

    /// Opens a plan that was found by its name, as [`Session::plan`] does.
    pub(crate) fn named_plan(
        &self,
        found: NamedPlan,
        named: &str,
        world: &World,
        policy: &Policy,
    ) -> Result<SealedPlan> {
        let bytes = match found {
            NamedPlan::Recorded(digest) => {
                self.entries(world.now())?.object(&digest).map_err(|refusal| unknown(refusal, &digest))?
            }
            NamedPlan::File(bytes) => bytes?,
        };
        seal::open_with(bytes, &limits(policy)).map_err(|e| if e.about().is_some() { e } else { e.subject(named) })
    }

    /// Returns a principal as statements name it.
    pub(crate) fn actor(&self, principal: &Principal) -> Actor {
        Actor { host: self.root.document().host.clone(), id: principal.id, login: principal.login.clone() }
    }
}

/// Says of a digest that the ledger does not hold that there is no such plan; whatever else is wrong stays what it is.
pub(crate) fn unknown(refusal: Refusal, plan: &Digest) -> Refusal {
    if !refusal.is(LEDGER_UNKNOWN_SUBJECT) {
        return refusal;
    }
    Refusal::new(PLAN_UNKNOWN, refusal.message().to_owned()).subject(plan.to_string())
}

/// Opens the bytes of a plan's file, without a repository: for showing it only.
pub(crate) fn plan_file(bytes: Vec<u8>, named: &str) -> Result<SealedPlan> {
    shown_plan(bytes).map_err(|e| if e.about().is_some() { e } else { e.subject(named) })
}

/// Opens the bytes of a plan under no policy's limits: for showing it only.
pub(crate) fn shown_plan(bytes: Vec<u8>) -> Result<SealedPlan> {
    seal::open_with(bytes, &seal::Limits { max_steps: seal::MAX_STEPS, ..seal::Limits::default() })
}

/// Returns the limits of the seal under a policy.
pub(crate) fn limits(policy: &Policy) -> seal::Limits {
    seal::Limits {
        max_steps: policy.limits().steps as usize,
        dangerous_env: policy.dangerous_env().iter().cloned().collect(),
    }
}

/// Returns the policy's programs as the planner takes them.
pub(crate) fn programs(policy: &Policy) -> ProgramTable {
    let entry = |program: &crate::policy::model::Program| ProgramEntry {
        path: program.path.clone(),
        digest: program.digest,
        interpreter: program.interpreter,
        flags: program.flags.clone(),
        agent_cli: program.agent_cli,
        dangerous_env: program.dangerous_env.clone(),
    };
    ProgramTable(policy.programs().map(|program| (program.name.clone(), entry(program))).collect())
}

/// Makes the refusal of a file with findings.
pub(crate) fn invalid(file: &str, places: Vec<Diagnostic>) -> Refusal {
    let refusal = Refusal::new(DEFINITION_INVALID, format!("{file}: {}", findings(places.len()))).subject(file);
    let check = ["directives", "pipelines"].into_iter().find(|folder| file.starts_with(folder));
    let check = check.or((file == POLICY).then_some("policy"));
    let hint = check.map(|what| format!("`countersign {what} check` shows all that is wrong with what lies here"));
    hint.into_iter().fold(refusal, Refusal::hint).diagnostics(places)
}

/// Returns the first twelve digits of a commit, for display.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn identity(root: &TrustRoot) -> Identity {
    let document = root.document();
    Identity {
        host: document.host.clone(),
        repo_id: document.repo_id.clone(),
        owner_id: document.owner_id.clone(),
        repo: document.repo.clone(),
        base_ref: document.base_ref.clone(),
    }
}

/// Loads the trust root at the base commit that it names itself.
///
/// Where to look first is no matter of trust: what is found there must descend from the pin, and the
/// base that it names is then read in its place.
fn load_root(checkout: &Checkout, config_dir: &Path, variable: Option<&str>, now: Timestamp) -> Result<TrustRoot> {
    let head = checkout.head()?;
    // A branch from before the set-up has no trust root of its own; the usual bases may.
    let elsewhere = ["refs/heads/main", "refs/heads/master", "refs/remotes/origin/HEAD"];
    let has = |commit: &String| checkout.blob(commit, trust_store::CURRENT).is_ok_and(|found| found.is_some());
    let place = if has(&head) {
        head.clone()
    } else {
        elsewhere.iter().filter_map(|name| checkout.resolve(name).ok()).find(has).unwrap_or_else(|| head.clone())
    };
    let first = load_root_at(checkout, &place, config_dir, variable, now)?;
    let base = checkout.resolve(&first.document().base_ref)?;
    if base == place {
        return Ok(first);
    }
    load_root_at(checkout, &base, config_dir, variable, now)
}

fn load_root_at(
    checkout: &Checkout,
    commit: &str,
    config_dir: &Path,
    variable: Option<&str>,
    now: Timestamp,
) -> Result<TrustRoot> {
    let reader = |path: &str| checkout.blob(commit, path);
    let Some(bytes) = reader(trust_store::CURRENT)? else {
        let here = checkout.workdir().join(trust_store::CURRENT).exists();
        let what = format!("`{}` is not at commit {}", trust_store::CURRENT, short(commit));
        return Err(Refusal::new(if here { UNCOMMITTED } else { NOT_SET_UP }, what).subject(trust_store::CURRENT));
    };
    // Its ids only say which pin it has to meet.
    let named = TrustRoot::unverified(&bytes).map_err(|e| e.subject(trust_store::CURRENT))?;
    let pin = pin::resolve(config_dir, variable, &named.host, &named.repo_id)?;
    trust_store::load(&reader, &pin.digest, now)
}

/// Returns a fresh run id: `run-` and 16 hex digits.
pub(crate) fn run_id(world: &World) -> Result<Id> {
    format!("run-{}", &world.entropy.nonce()?[..16]).parse()
}

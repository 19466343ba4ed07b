//! `try`: the whole loop on this repository, in a scratch clone, with throw-away keys.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    app::{
        files,
        named::Stand,
        output::{Outcome, Printer},
        reasons::{OUTPUT_EXISTS, TRY_FAILED},
        run::scratch::temporary,
        world::{Console, World},
    },
    base::{
        reason::{ExitClass, IO, Refusal, Result, USAGE},
        text::{count, visible},
    },
    cli::args::{
        ApproveArgs, ExecuteArgs, Global, IdentityArg, InitArgs, PlanArgs, ReportFiles, ReviewArgs, ScopeArg,
        SignerArgs, TryArgs, VerifyArgs,
    },
    forge::Checkout,
    plan::{
        SealedPlan, seal,
        view::{STEPS_HEADING, View},
    },
};

pub(super) fn run(args: &TryArgs, _: &Global, world: &mut World, printer: &Printer) -> Result<Outcome> {
    let here = Checkout::discover(&world.cwd)?;
    let folder = scratch(args, world)?;
    let clone = folder.join("repository");
    if let Err(refusal) = copy(&here, &clone) {
        // Nothing was tried yet: there is nothing to look at. What cannot be removed stays.
        let _ = std::fs::remove_dir_all(&folder);
        return Err(refusal);
    }
    let mut trial = Trial { world: inner(world, &clone, &folder), folder, said: Vec::new() };
    let directive = Stand { top: here.workdir().to_owned(), here: world.cwd.clone() }.directive_path(&args.directive);
    let ended = trial.run(directive, args, printer);
    world.console = std::mem::replace(&mut trial.world.console, silent());
    let (lines, found) = match ended {
        Ok(done) => done,
        Err(refusal) => {
            for line in &trial.said {
                printer.say(world, line);
            }
            printer.say(world, &format!("scratch clone: {}", trial.folder.display()));
            return Err(refusal);
        }
    };
    let text = format!("{}\n", lines.join("\n"));
    let mut result = json!({ "scratch": trial.folder.display().to_string(), "lines": lines });
    for (name, value) in found {
        result[name] = json!(value);
    }
    Ok(Outcome::done(result, text).decision("completed").about(trial.folder.display().to_string()))
}

/// Clones a repository with what lies in it, committed or not; its guardrails are left out, and its ledger with them.
fn copy(here: &Checkout, clone: &Path) -> Result<()> {
    here.clone_to(clone, super::init::LEDGER)?;
    for name in ["directives", "pipelines"] {
        bring(&here.workdir().join(name), &clone.join(name))?;
    }
    let guardrails = clone.join(".countersign");
    if guardrails.exists() {
        std::fs::remove_dir_all(&guardrails).map_err(|e| Refusal::new(IO, e.to_string()))?;
    }
    Ok(())
}

/// What a trial found, by its name in the result.
type Found = [(&'static str, String); 3];

/// One trial: the world of the scratch clone, and what has been said so far.
struct Trial {
    world: World,
    folder: PathBuf,
    said: Vec<String>,
}

/// The plan of a trial, and where it lies.
struct Drafted {
    path: PathBuf,
    sealed: SealedPlan,
}

impl Drafted {
    /// The file, as a command is given it.
    fn named(&self) -> String {
        self.path.display().to_string()
    }
}

impl Trial {
    fn run(&mut self, directive: String, args: &TryArgs, printer: &Printer) -> Result<(Vec<String>, Found)> {
        self.set_up()?;
        let drafted = self.plan(directive, args)?;
        self.show(&drafted, printer)?;
        let decision = self.review(&drafted)?;
        self.approve(&drafted, decision == "permit", printer)?;
        let bundle = self.folder.join("bundle.json");
        let executed = self.execute(&drafted, &bundle, printer)?;
        self.verify(&bundle)?;
        let products = executed.result()["products"].as_object().map_or(0, serde_json::Map::len);
        self.say(format!("wrote      {} in {}", count(products, "file"), self.world.cwd.display()));
        self.say(format!("evidence   {}", bundle.display()));
        self.say(format!("view       {}", self.folder.join("view.html").display()));
        self.say("next       countersign init --solo, in your own repository");
        let (digest, run) = (drafted.sealed.digest().to_string(), text_of(&executed, "runId"));
        let found = [("planDigest", digest), ("runId", run), ("bundlePath", bundle.display().to_string())];
        Ok((self.said.clone(), found))
    }

    fn set_up(&mut self) -> Result<()> {
        let init = InitArgs {
            forge: None,
            repository: None,
            host: None,
            action: None,
            login: Some("you".to_owned()),
            name: Some("You".to_owned()),
            email: Some("you@example.invalid".to_owned()),
            solo: true,
            base: None,
            valid: "1d".to_owned(),
        };
        super::init::run(&init, &self.world)?;
        let clone = Checkout::discover(&self.world.cwd)?;
        clone.commit_all("Set up countersign for a trial", "You", "you@example.invalid")?;
        self.say("set up     a scratch clone with throw-away keys, a policy and a ledger");
        Ok(())
    }

    fn plan(&mut self, directive: String, args: &TryArgs) -> Result<Drafted> {
        let path = self.folder.join("plan.json");
        let plan = PlanArgs { directive, input: args.input.clone(), out: Some(path.clone()), ..PlanArgs::default() };
        let planned = super::plan::run(&plan, &mut self.world)?;
        self.say(format!("planned    {}", text_of(&planned, "planDigest")));
        let sealed = seal::open(files::read(&path, seal::MAX_BYTES)?)?;
        Ok(Drafted { path, sealed })
    }

    /// Shows how the view of a plan begins, and writes the whole of it.
    fn show(&mut self, drafted: &Drafted, printer: &Printer) -> Result<()> {
        let view = View::new(drafted.sealed.plan(), drafted.sealed.digest());
        printer.say(&mut self.world, &beginning(&view.terminal(printer.style().color), &self.folder));
        files::write(&self.folder.join("view.html"), view.html().as_bytes())
    }

    /// Returns what the policy decides.
    fn review(&mut self, drafted: &Drafted) -> Result<String> {
        let review = ReviewArgs { plan: drafted.named(), ..ReviewArgs::default() };
        let decision = text_of(&super::review::run(&review, &mut self.world)?, "decision/decision");
        let plan = drafted.sealed.plan();
        let steps = count(plan.steps.len(), "step");
        self.say(format!("reviewed   {steps}, effect {}: {decision}", plan.effect.word()));
        Ok(decision)
    }

    fn approve(&mut self, drafted: &Drafted, by_policy: bool, printer: &Printer) -> Result<()> {
        let approve = ApproveArgs {
            gate: None,
            plan: drafted.named(),
            signer: SignerArgs { key: (!by_policy).then(|| "you".to_owned()), ssh: None },
            digest: (!by_policy).then(|| drafted.sealed.digest().to_string()),
            policy: by_policy,
            scope: ScopeArg::SingleRun,
            max_uses: None,
            expires: None,
            reason: Some("a trial".to_owned()),
            timeout: "300s".to_owned(),
            out: Some(self.folder.join("approval.intoto.json")),
        };
        let approved = super::approve::run(&approve, &mut self.world, printer)?;
        let by = visible(&text_of(&approved, "approvedBy"));
        self.say(format!("approved   by {by}, for exactly that digest, once"));
        Ok(())
    }

    fn execute(&mut self, drafted: &Drafted, bundle: &Path, printer: &Printer) -> Result<Outcome> {
        let execute = ExecuteArgs {
            plan: drafted.named(),
            dry_run: false,
            resume: None,
            claim: false,
            join: None,
            only: Vec::new(),
            bundle: Some(bundle.to_owned()),
            provenance: None,
            csv: None,
            parallel: None,
            append_only: false,
            identity: Some(IdentityArg::Key),
            signer: SignerArgs::default(),
            files: ReportFiles::default(),
        };
        let executed = super::execute::run(&execute, &mut self.world, printer)?;
        self.demand(&executed, "execute")?;
        self.say(format!("executed   run {}: every step sandboxed and on record", text_of(&executed, "runId")));
        Ok(executed)
    }

    fn verify(&mut self, bundle: &Path) -> Result<()> {
        let verify = VerifyArgs {
            plan: None,
            bundle: Some(bundle.to_owned()),
            offline: true,
            trust_root: None,
            svr: None,
            files: ReportFiles::default(),
            identity: None,
        };
        let verified = super::verify::run(&verify, &self.world)?;
        self.demand(&verified, "verify")?;
        let checks = verified.result()["checks"].as_array().map_or(0, Vec::len);
        self.say(format!("verified   the evidence bundle, offline: {checks} checks passed"));
        Ok(())
    }

    fn say(&mut self, line: impl Into<String>) {
        self.said.push(line.into());
    }

    /// Refuses to go on after a stage that did not end well.
    fn demand(&self, outcome: &Outcome, stage: &str) -> Result<()> {
        if outcome.class() == ExitClass::Done {
            return Ok(());
        }
        Err(Refusal::new(TRY_FAILED, format!("{stage}: {}", outcome.text().trim_end())).subject(stage))
    }
}

/// Cuts a view off before its steps and scripts, and says where the whole of it is: a trial shows, and asks nobody.
fn beginning(view: &str, folder: &Path) -> String {
    let lines: Vec<&str> = view.lines().collect();
    let steps = lines.iter().position(|line| line.contains(STEPS_HEADING)).unwrap_or(lines.len());
    let mut text = lines[..steps].join("\n");
    if steps < lines.len() {
        text.push_str(&format!(
            "\n... {}: every step with its arguments, and every script, whole, in {}\n",
            count(lines.len() - steps, "more line"),
            folder.join("view.html").display()
        ));
    }
    text
}

/// Takes a text out of a result, by a path with `/` between its parts.
fn text_of(outcome: &Outcome, path: &str) -> String {
    let found = outcome.result().pointer(&format!("/{path}"));
    found.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Makes the folder that holds the clone, the keys and the evidence; it is kept.
fn scratch(args: &TryArgs, world: &World) -> Result<PathBuf> {
    match &args.keep {
        Some(folder) => {
            let folder = world.cwd.join(folder);
            if folder.exists() {
                return Err(Refusal::new(OUTPUT_EXISTS, folder.display().to_string()));
            }
            outside_of_work_trees(&folder, "--keep")?;
            std::fs::create_dir_all(&folder).map_err(|e| Refusal::new(IO, format!("{}: {e}", folder.display())))?;
            folder.canonicalize().map_err(|e| Refusal::new(IO, e.to_string()))
        }
        None => {
            let folder = temporary(world.env.path("TMPDIR").unwrap_or_default())?;
            outside_of_work_trees(&folder, "TMPDIR")?;
            let made = tempfile::Builder::new().prefix("countersign-try-").tempdir_in(&folder);
            made.map(tempfile::TempDir::keep)
                .map_err(|e| Refusal::new(IO, format!("no scratch folder in {}: {e}", folder.display())))
        }
    }
}

/// Refuses a folder in a work tree before anything lies there: a trial makes keys, and those never lie in one.
fn outside_of_work_trees(folder: &Path, named: &str) -> Result<()> {
    let there = folder.ancestors().find_map(|above| above.canonicalize().ok()).unwrap_or_default();
    match there.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(tree) => {
            let (folder, tree) = (visible(&folder.display().to_string()), visible(&tree.display().to_string()));
            Err(Refusal::new(USAGE, format!("{named}: `{folder}` is in the work tree `{tree}`"))
                .subject(named)
                .hint("name a folder outside of every repository with --keep"))
        }
    }
}

/// The world of the clone: its own home for keys, none of the person's.
fn inner(world: &mut World, clone: &Path, folder: &Path) -> World {
    World {
        env: world
            .env
            .without(&[
                "COUNTERSIGN_KEY",
                "COUNTERSIGN_SIGNING_KEY",
                "COUNTERSIGN_PLANNER_KEY",
                "COUNTERSIGN_GATE_KEY",
                "COUNTERSIGN_EXECUTOR_KEY",
                "COUNTERSIGN_TRUST_ROOT",
                "COUNTERSIGN_LEDGER_REMOTE",
                "COUNTERSIGN_IDENTITY",
            ])
            .with("COUNTERSIGN_HOME", folder.join("home")),
        clock: world.clock,
        entropy: world.entropy.fork(),
        cwd: clone.to_owned(),
        reached: Default::default(),
        events: world.events.clone(),
        handed: world.handed.clone(),
        line: Vec::new(),
        console: std::mem::replace(&mut world.console, silent()),
    }
}

fn silent() -> Console {
    Console {
        stdin: Box::new(std::io::empty()),
        stdout: Box::new(std::io::sink()),
        stderr: Box::new(std::io::sink()),
        stdin_is_terminal: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        draws: false,
        stdout_is_file: false,
        stderr_is_file: false,
    }
}

/// Copies regular files of a folder over another; links are left out.
fn bring(from: &Path, to: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Refusal::new(IO, format!("{}: {e}", from.display()));
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            bring(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).map_err(failed)?;
        }
    }
    Ok(())
}

//! What is shipped for CI, and what the documents show of it, keeps to the rules that it is meant to enforce.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_yaml::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A workflow, an action, or a piece of one in a document.
struct File {
    name: String,
    text: String,
    value: Value,
}

fn read(path: &Path) -> File {
    let text = fs::read_to_string(path).unwrap();
    let value = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    File { name: path.strip_prefix(root()).unwrap().display().to_string(), text, value }
}

fn workflows() -> Vec<File> {
    let mut paths: Vec<_> =
        fs::read_dir(root().join(".github/workflows")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// The workflows that documents show, whole ones only.
fn documented() -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("docs"), root().join("README.md")];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "md") {
            let text = fs::read_to_string(&path).unwrap();
            let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
            for block in blocks.filter(|block| block.contains("\njobs:")) {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                let value = serde_yaml::from_str(block).unwrap_or_else(|e| panic!("{name}: {e}"));
                found.push(File { name, text: block.to_owned(), value });
            }
        }
    }
    found
}

fn everything() -> Vec<File> {
    let mut all = workflows();
    all.push(read(&root().join("action.yml")));
    all.extend(documented());
    all
}

fn walk<'a>(value: &'a Value, take: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Mapping(members) => {
            for (key, inner) in members {
                take(key.as_str().unwrap_or_default(), inner);
                walk(inner, take);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, take)),
        _ => {}
    }
}

/// All values under a key, at any depth.
fn under<'a>(file: &'a File, wanted: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    walk(&file.value, &mut |key, value| {
        if key == wanted {
            found.push(value);
        }
    });
    found
}

fn jobs(file: &File) -> Vec<(String, &Value)> {
    let jobs = file.value.get("jobs").and_then(Value::as_mapping);
    jobs.into_iter().flatten().map(|(name, job)| (name.as_str().unwrap().to_owned(), job)).collect()
}

fn steps(job: &Value) -> Vec<&Value> {
    job.get("steps").and_then(Value::as_sequence).into_iter().flatten().collect()
}

fn uses(step: &Value) -> &str {
    step.get("uses").and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn a41_no_script_holds_an_expression() {
    let mut scripts = 0;
    for file in everything() {
        for run in under(&file, "run").into_iter().filter_map(Value::as_str) {
            scripts += 1;
            assert!(!run.contains("${{"), "{}: an expression inside a script: {run}", file.name);
        }
    }
    assert!(scripts >= 8, "{scripts}");
    for file in everything() {
        assert!(!file.text.contains("github-script"), "{}: a script by another name", file.name);
    }
}

#[test]
fn a42_everything_that_is_used_is_pinned_by_a_full_commit() {
    let mut pinned = BTreeSet::new();
    for file in everything() {
        let in_document = file.name.ends_with(".md");
        for uses in under(&file, "uses").into_iter().filter_map(Value::as_str) {
            if uses.starts_with("$/") {
                continue;
            }
            let (name, commit) = uses.split_once('@').unwrap_or_else(|| panic!("{}: `{uses}`", file.name));
            let full = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
            // A document cannot know the commit that its reader will pin, and says what to write there.
            let told = in_document && name.starts_with("countersign/") && commit == "COMMIT";
            assert!(full || told, "{}: `{uses}` is not pinned", file.name);
            pinned.insert(uses.to_owned());
        }
    }
    for owner in ["actions/", "countersign/"] {
        assert!(pinned.iter().any(|uses| uses.starts_with(owner)), "{pinned:?}");
    }
    let owners: BTreeSet<&str> = pinned.iter().map(|uses| uses.split('/').next().unwrap()).collect();
    assert_eq!(owners, BTreeSet::from(["actions", "countersign"]), "no third party is trusted");
    let docker = fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(docker.lines().any(|line| line.starts_with("ARG RUST=") && line.contains("@sha256:")));
}

#[test]
fn a42_the_workflows_take_one_action_and_give_it_inputs_that_it_has() {
    let action = read(&root().join("action.yml"));
    let names = |part: &str| -> BTreeSet<String> {
        let members = action.value.get(part).and_then(Value::as_mapping).unwrap();
        members.keys().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let (inputs, outputs) = (names("inputs"), names("outputs"));
    let mut commits = BTreeSet::new();
    for file in workflows() {
        for (_, job) in jobs(&file) {
            for step in steps(job).into_iter().filter(|step| uses(step).starts_with("countersign/countersign@")) {
                commits.insert(uses(step).to_owned());
                for key in step.get("with").and_then(Value::as_mapping).unwrap().keys() {
                    assert!(inputs.contains(key.as_str().unwrap()), "{}: {key:?}", file.name);
                }
                let Some(id) = step.get("id").and_then(Value::as_str) else { continue };
                for rest in file.text.split(&format!("steps.{id}.outputs.")).skip(1) {
                    let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                    assert!(outputs.contains(&name), "{}: {name}", file.name);
                }
            }
        }
    }
    assert_eq!(commits.len(), 1, "{commits:?}");
}

#[test]
fn every_input_of_the_action_reaches_the_command_and_nothing_else_does() {
    let action = read(&root().join("action.yml"));
    let inputs = action.value.get("inputs").and_then(Value::as_mapping).unwrap();
    let steps = under(&action, "steps")[0].as_sequence().unwrap();
    let run = steps.last().unwrap();
    let env = run.get("env").and_then(Value::as_mapping).unwrap();
    for name in inputs.keys().map(|name| name.as_str().unwrap()) {
        let expression = format!("${{{{ inputs.{name} }}}}");
        let variables: Vec<&str> = env
            .iter()
            .filter(|(_, value)| value.as_str() == Some(&expression))
            .map(|(key, _)| key.as_str().unwrap())
            .collect();
        let own = format!("COUNTERSIGN_INPUT_{}", name.to_ascii_uppercase().replace('-', "_"));
        let other = match name {
            "trust-root" => "COUNTERSIGN_TRUST_ROOT",
            "ledger-remote" => "COUNTERSIGN_LEDGER_REMOTE",
            "signing-key" => "COUNTERSIGN_SIGNING_KEY",
            "planner-key" => "COUNTERSIGN_PLANNER_KEY",
            "gate-key" => "COUNTERSIGN_GATE_KEY",
            "identity" => "COUNTERSIGN_IDENTITY",
            "github-token" => "GITHUB_TOKEN",
            _ => &own,
        };
        assert_eq!(variables, [other], "{name}");
        let told = inputs[name].get("description").and_then(Value::as_str);
        assert!(told.is_some_and(|told| told.ends_with('.')), "{name} is described");
        let documented = fs::read_to_string(root().join("docs/github.md")).unwrap();
        assert!(documented.contains(&format!("| `{name}` |")), "docs/github.md does not tell of the input {name}");
    }
    for step in &steps[..steps.len() - 1] {
        assert!(step.get("env").is_none(), "what installs the binary is given no secret");
    }
}

#[test]
fn a37_no_job_restores_a_cache_or_runs_what_an_earlier_one_built() {
    for file in everything() {
        for uses in under(&file, "uses").into_iter().filter_map(Value::as_str) {
            assert!(!uses.contains("cache"), "{}: {uses}", file.name);
        }
        assert!(under(&file, "cache").is_empty(), "{}", file.name);
    }
    let install = fs::read_to_string(root().join(".github/action/install")).unwrap();
    assert!(!install.contains("RUNNER_TOOL_CACHE") && !install.contains("GITHUB_PATH"));
}

#[test]
fn a43_no_checkout_leaves_its_token_behind() {
    let mut checkouts = 0;
    for file in everything() {
        for (name, job) in jobs(&file) {
            for step in steps(job).into_iter().filter(|step| uses(step).starts_with("actions/checkout@")) {
                checkouts += 1;
                let kept = step.get("with").and_then(|with| with.get("persist-credentials"));
                assert_eq!(kept.and_then(Value::as_bool), Some(false), "{}: {name}", file.name);
            }
        }
    }
    assert!(checkouts >= 6, "{checkouts}");
}

#[test]
fn a32_a_job_has_only_the_permissions_that_it_names_and_none_runs_what_a_fork_proposes() {
    for file in workflows().into_iter().chain(documented()) {
        let top = file.value.get("permissions").and_then(Value::as_mapping);
        assert!(top.is_some_and(serde_yaml::Mapping::is_empty), "{}: permissions: {{}} on top", file.name);
        for (name, job) in jobs(&file) {
            assert!(job.get("permissions").is_some_and(Value::is_mapping), "{}: {name}", file.name);
            assert!(job.get("uses").is_some() || job.get("timeout-minutes").is_some(), "{}: {name}", file.name);
        }
        // YAML 1.1 readers take the key `on` for true; both are asked for.
        let on = file.value.get("on").or_else(|| file.value.get(Value::Bool(true))).unwrap();
        let text = serde_yaml::to_string(on).unwrap();
        assert!(!text.contains("workflow_run"), "{}", file.name);
        if text.contains("pull_request_target") {
            // It is told of heads, and has nothing but the one job that checks out the default branch.
            for (name, job) in jobs(&file) {
                let called = job.get("uses").and_then(Value::as_str).unwrap_or_default();
                assert!(called.contains("/countersign-comment.yml@"), "{}: {name}", file.name);
            }
        }
    }
    let told = read(&root().join(".github/workflows/countersign-comment.yml"));
    let keys: Vec<(String, &Value)> =
        jobs(&told).into_iter().filter(|(_, job)| serde_yaml::to_string(job).unwrap().contains("_GATE_KEY")).collect();
    assert_eq!(keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["comment"]);
    let checkouts: Vec<&Value> = steps(keys[0].1).into_iter().filter(|step| uses(step).contains("checkout@")).collect();
    let of = checkouts.iter().map(|step| step["with"]["ref"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(of, ["${{ github.event.repository.default_branch }}"]);
    // What is executed is what the approved plan names, and no event of a change request leads there.
    let execute = &told.value["jobs"]["execute"];
    assert!(execute["if"].as_str().unwrap().starts_with("github.event_name == 'issue_comment' && contains("));
    let head = steps(execute).into_iter().find(|step| uses(step).contains("checkout@")).unwrap();
    assert_eq!(head["with"]["ref"].as_str(), Some("${{ needs.comment.outputs.head-sha }}"));
}

/// The workflow that `init --forge github` writes.
fn ours() -> String {
    fs::read_to_string(root().join("src/app/commands/workflow_github.yml"))
        .unwrap()
        .replace("@ACTION_COMMIT", "@COMMIT")
}

#[test]
fn the_workflow_that_init_writes_is_the_one_that_the_documents_show_and_is_short() {
    let ours = ours();
    assert!(ours.lines().count() <= 30, "{}", ours.lines().count());
    let shown: Vec<File> =
        documented().into_iter().filter(|file| file.text.contains("/countersign-comment.yml@")).collect();
    assert!(shown.iter().any(|file| file.name == "docs/github.md"));
    for file in shown {
        assert_eq!(file.text, ours, "{}", file.name);
    }
}

#[test]
fn a32_who_calls_a_workflow_gives_its_jobs_what_they_ask_for_and_no_more() {
    let mut calls = 0;
    for file in workflows().into_iter().chain(documented()) {
        for (name, job) in jobs(&file) {
            let Some(called) = job.get("uses").and_then(Value::as_str) else { continue };
            let (_, path) = called.split_once(".github/").unwrap();
            let called = read(&root().join(".github").join(path.split('@').next().unwrap()));
            let mut asked = BTreeSet::new();
            for (_, job) in jobs(&called) {
                for (what, how) in job["permissions"].as_mapping().unwrap() {
                    asked.insert((what.as_str().unwrap().to_owned(), how.as_str().unwrap().to_owned()));
                }
            }
            let writes: BTreeSet<_> =
                asked.iter().filter(|(_, how)| how == "write").map(|(what, _)| what.clone()).collect();
            asked.retain(|(what, how)| how == "write" || !writes.contains(what));
            let given = job["permissions"].as_mapping().unwrap().iter();
            let given: BTreeSet<_> = given
                .map(|(what, how)| (what.as_str().unwrap().to_owned(), how.as_str().unwrap().to_owned()))
                .collect();
            assert_eq!(given, asked, "{}: {name}", file.name);
            calls += 1;
        }
    }
    assert!(calls >= 3, "{calls}");
}

#[test]
fn a37_a_job_that_plans_sees_no_secret_and_each_step_sees_one_key() {
    for file in workflows() {
        for (name, job) in jobs(&file) {
            assert!(job.get("env").is_none(), "{}: {name}: a variable for all steps", file.name);
            let text = serde_yaml::to_string(job).unwrap();
            if name == "plan" {
                let own = text.replace("secrets.COUNTERSIGN_MODEL_KEY", "");
                assert!(!own.contains("secrets."), "{}: {name}", file.name);
                let permissions = job.get("permissions").and_then(Value::as_mapping).unwrap();
                assert!(permissions.values().all(|value| value.as_str() == Some("read")), "{}: {name}", file.name);
            }
            for step in steps(job) {
                let text = serde_yaml::to_string(step).unwrap();
                // The one step that plans and signs for people in one go has the keys of both, and neither executes.
                let both = text.contains("command: comment") && !text.contains("EXECUTOR");
                let most = if both { 2 } else { 1 };
                assert!(text.matches("secrets.").count() <= most, "{}: {name}: {text}", file.name);
            }
        }
    }
}

#[test]
fn e16_no_job_that_writes_the_ledger_is_cut_off_by_another() {
    let mut groups = 0;
    for file in workflows().into_iter().chain(documented()) {
        let whole = file.value.get("concurrency").map(|group| ("the workflow", group));
        let jobs = jobs(&file);
        let each = jobs.iter().filter_map(|(name, job)| Some((name.as_str(), job.get("concurrency")?)));
        for (name, group) in whole.into_iter().chain(each).filter(|_| file.text.contains("contents: write")) {
            groups += 1;
            let cut = group.get("cancel-in-progress").and_then(Value::as_bool);
            assert_eq!(cut, Some(false), "{}: {name}", file.name);
        }
    }
    assert!(groups >= 6, "{groups}");
}

#[test]
fn d13_d14_what_asks_a_model_shares_nothing_with_what_executes_and_alone_has_the_models_key() {
    let mut planners = 0;
    for file in workflows().into_iter().chain(documented()) {
        assert!(!file.text.contains("secrets: inherit"), "{}: every secret for every job", file.name);
        for (name, job) in jobs(&file).into_iter().filter(|(_, job)| job.get("steps").is_some()) {
            let asks = |step: &Value| serde_yaml::to_string(step).unwrap().contains("MODEL_KEY");
            let asking: Vec<&Value> = steps(job).into_iter().filter(|step| asks(step)).collect();
            let Some(step) = asking.first() else { continue };
            planners += 1;
            let place = format!("{}: {name}", file.name);
            assert_eq!((name.as_str(), asking.len()), ("plan", 1), "{place}");
            assert_eq!(step["with"]["command"].as_str(), Some("plan"), "{place}");
            assert!(step["with"]["args"].as_str().unwrap().contains("--draft"), "{place}: it records nothing");
            // Of all secrets the one, as a variable of the one step; no other credential, place or queue.
            let secrets = serde_yaml::to_string(job).unwrap().matches("secrets.").count();
            assert_eq!((step["env"]["MODEL_KEY"].as_str(), secrets), (Some("${{ secrets.COUNTERSIGN_MODEL_KEY }}"), 1));
            for shared in ["environment", "concurrency", "container", "services", "secrets"] {
                assert!(job.get(shared).is_none(), "{place}: {shared}");
            }
            let permissions = job["permissions"].as_mapping().unwrap();
            assert!(permissions.values().all(|how| how.as_str() == Some("read")), "{place}");
            assert!(permissions.get("id-token").is_none(), "{place}");
            // Who set the run off is asked before any model is.
            assert!(permissions.get("actions").is_some(), "{place}");
        }
    }
    assert_eq!(planners, 1);
    let file = read(&root().join(".github/workflows/countersign.yml"));
    let on = file.value.get("on").or_else(|| file.value.get(Value::Bool(true))).unwrap();
    let call = &on["workflow_call"];
    for input in ["planner", "provider", "model"] {
        assert_eq!(call["inputs"][input]["default"].as_str(), Some(""), "{input}");
    }
    assert_eq!(call["secrets"]["COUNTERSIGN_MODEL_KEY"]["required"].as_bool(), Some(false));
    // A comment is answered by the job that holds the keys which record and sign: it asks no model.
    let comment = fs::read_to_string(root().join(".github/workflows/countersign-comment.yml")).unwrap();
    assert!(!comment.contains("MODEL_KEY"));
}

#[test]
fn a36_a_file_from_another_job_is_held_to_the_digest_that_the_job_named() {
    let mut held = 0;
    for file in workflows() {
        for (name, job) in jobs(&file) {
            let downloads = steps(job).iter().any(|step| uses(step).starts_with("actions/download-artifact@"));
            if !downloads {
                continue;
            }
            held += 1;
            let text = serde_yaml::to_string(job).unwrap();
            assert!(
                text.contains("digest: ${{ needs.") || text.contains("DIGEST: ${{ needs."),
                "{}: {name}",
                file.name
            );
            for step in steps(job).into_iter().filter(|step| uses(step).starts_with("countersign/countersign@")) {
                assert!(step["with"].get("digest").is_some(), "{}: {name}", file.name);
            }
        }
    }
    assert_eq!(held, 2);
}

//! `doctor --forge github`: each protection that is taken away turns its line and the exit code.

use std::fs;

use countersign::{
    app::keys::{
        change::Proposal,
        file::{HeldKey, Place},
        pin::{self, Repin},
        trust_store,
    },
    base::{digest::Digest, json, time::Clock},
    ledger::{Ledger, genesis_entry},
    sign::{
        Duty, Envelope, TrustRoot,
        issuer::{Gate, Runner},
        predicate::{Genesis, TrustRootUpdate},
        schemes::{
            Scheme,
            oidc::{KeySet, keyless},
        },
        statement::Subject,
        trust::{Document, ForgeKind, Key, LedgerRef, Principal, PrincipalKind, TRUST_ROOT_TYPE, Version},
    },
};
use serde_json::{Value, json};

use super::{
    forge_model::{
        ForgeModel,
        faults::What,
        state::{Person, Reviewer, State, Team},
    },
    issuer::minting,
    support::{Bench, Ran},
};

const LEDGER: &str = "countersign/ledger";
const PINNED: &str = "actions/checkout@0123456789abcdef0123456789abcdef01234567";
const RELEASED: [&str; 2] = ["COUNTERSIGN_GATE_KEY", "COUNTERSIGN_EXECUTOR_KEY"];

fn workflow(used: &str) -> String {
    format!(
        "name: countersign\non: {{workflow_dispatch: {{}}}}\npermissions: {{}}\njobs:\n  gate:\n    runs-on: ubuntu-24.04\n    \
         steps:\n      - uses: {used}\n      - {{uses: ./.github/actions/own}}\n      - {{run: 'true'}}\n  called:\n    \
         uses: acme/infra/.github/workflows/other.yml@0123456789abcdef0123456789abcdef01234567\n"
    )
}

/// A repository on the model, with everything protected as it should be.
struct Scene {
    bench: Bench,
    model: ForgeModel,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    /// The same, with other files at the base or another trust root.
    fn with(files: impl Fn(&Bench), root: impl Fn(&mut Document)) -> Self {
        let bench = Bench::new(&[]);
        bench.run(&["init"]).exits(0);
        let policy = bench.read(".countersign/policy.yml").replace("environments: []", "environments: [production]");
        bench.write(".countersign/policy.yml", policy);
        bench.write(".github/workflows/countersign.yml", workflow(PINNED));
        bench.write(
            ".github/actions/own/action.yml",
            format!("name: own\nruns:\n  using: composite\n  steps:\n    - uses: {PINNED}\n"),
        );
        bench.write(".github/CODEOWNERS", "* @acme/owners\n");
        files(&bench);
        let model = ForgeModel::start();
        found(&bench, &model.host(), root);
        bench.commit("Set up for the forge");
        model.state().git.branch(LEDGER, "main");
        arrange(&mut model.state());
        Self { bench, model }
    }

    fn doctor(&self, more: &[&str]) -> Ran {
        let mut variables: Vec<(&str, String)> = self.model.variables();
        variables.push(("GITHUB_TOKEN", "token-of-ada".to_owned()));
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.bench.run_with(&[&["doctor", "--forge", "github"], more].concat(), &variables, "", false)
    }

    /// The lines, and the exit code with its reason.
    fn lines(&self) -> (Vec<Value>, i32, String) {
        let ran = self.doctor(&["--json"]);
        let told = ran.json();
        let lines = told["result"]["forge"]["lines"].as_array().unwrap_or_else(|| panic!("{told}")).clone();
        (lines, ran.code, told["reasonCode"].as_str().unwrap().to_owned())
    }

    /// Asserts that exactly these lines are not well, and that the process says so.
    #[track_caller]
    fn turns(&self, what: &str, expected: &[(&str, &str)]) {
        let (lines, code, reason) = self.lines();
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let bad: Vec<(String, String)> = lines
            .iter()
            .filter(|line| line["result"] != "ok")
            .map(|line| (text(line, "id"), text(line, "result")))
            .collect();
        let mut found: Vec<(&str, &str)> = bad.iter().map(|(id, result)| (id.as_str(), result.as_str())).collect();
        let mut wanted = expected.to_vec();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{what}: {lines:#?}");
        let unprotected = expected.iter().any(|(_, result)| matches!(*result, "missing" | "weak"));
        let wanted = if unprotected { (3, "doctor.unprotected") } else { (5, "doctor.unread") };
        assert_eq!((code, reason.as_str()), wanted, "{what}");
        for line in lines.iter().filter(|line| line["result"] != "ok") {
            assert!(!text(line, "fix").is_empty(), "{what}: nothing to do about {line}");
        }
    }

    /// Protects everything, changes that, and asserts as [`Scene::turns`].
    #[track_caller]
    fn without(&self, what: &str, change: impl Fn(&mut State), expected: &[(&str, &str)]) {
        let mut state = self.model.state();
        arrange(&mut state);
        change(&mut state);
        drop(state);
        self.turns(what, expected);
    }
}

/// Protects everything as it should be.
fn arrange(state: &mut State) {
    state.environments.clear();
    state.protect("production", "ada");
    state.environments[0].reviewers = vec![Reviewer::Person(102)];
    state.environments[0].secrets = RELEASED.map(str::to_owned).to_vec();
    (state.secrets, state.organization_secrets) = (Vec::new(), Vec::new());
    for (id, login, kind, role) in [(101, "ada", "User", "admin"), (102, "bob", "User", "write")] {
        state.people.retain(|one| one.id != id && one.login != login);
        let (login, email, role) = (login.to_owned(), format!("{login}@example.com"), role.to_owned());
        state.people.push(Person { id, login, kind, email, role });
    }
    let pushes = |ruleset| vec![rule(ruleset, "deletion", Value::Null), rule(ruleset, "non_fast_forward", Value::Null)];
    let (mut base, mut ledger) = (pushes(1), pushes(2));
    base.push(reviews(1, &json!({})));
    ledger.push(rule(3, "update", Value::Null));
    state.rules = [("main".to_owned(), base), (LEDGER.to_owned(), ledger)].into();
    let app = json!([{ "actor_id": 15_368, "actor_type": "Integration", "bypass_mode": "always" }]);
    let rulesets = [(1, "base", json!([])), (2, "ledger", json!([])), (3, "entries", app)];
    state.rulesets = rulesets.into_iter().map(|(id, name, who)| (id, (name.to_owned(), Some(who)))).collect();
    state.workflow_permissions["default_workflow_permissions"] = json!("read");
    state.workflow_permissions["can_approve_pull_request_reviews"] = json!(false);
}

fn rule(ruleset: u64, kind: &str, parameters: Value) -> Value {
    let mut rule = json!({
        "type": kind, "ruleset_id": ruleset, "ruleset_source": "acme/infra", "ruleset_source_type": "Repository",
    });
    if !parameters.is_null() {
        rule["parameters"] = parameters;
    }
    rule
}

fn reviews(ruleset: u64, other: &Value) -> Value {
    let mut parameters = json!({
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": true,
        "require_code_owner_review": true,
        "require_last_push_approval": true,
        "required_review_thread_resolution": false,
    });
    for (name, value) in other.as_object().unwrap() {
        parameters[name] = value.clone();
    }
    rule(ruleset, "pull_request", parameters)
}

/// Founds the repository anew, as one on a forge: trust root, pin, ledger.
fn found(bench: &Bench, host: &str, change: impl Fn(&mut Document)) {
    let now = bench.now.get();
    let held = || HeldKey::random().unwrap();
    let (ada, gate, runner) = (held(), held(), held());
    let path = bench.home().join("countersign/keys/founder.pem");
    ada.save(&path, Place::OutsideRepositories).unwrap();
    let genesis = Genesis {
        host: host.to_owned(),
        repo_id: "7000".to_owned(),
        owner_id: "100".to_owned(),
        nonce: "0".repeat(32),
        created_at: now,
    };
    let subject = Subject::new("repository", Digest::framed("repository", [host, "7000"]));
    let entry = genesis_entry(&Envelope::sign(vec![subject], genesis, &[&ada]).unwrap(), now).unwrap();
    let principal = |id, login: &str, kind| Principal {
        id,
        login: login.to_owned(),
        name: login.to_owned(),
        kind,
        roles: Vec::new(),
        emails: Vec::new(),
    };
    let key = |name: &str, key: &HeldKey, principal, duties: &[Duty]| {
        let public = key.public().unwrap();
        Key {
            id: public.id(),
            name: name.to_owned(),
            scheme: Scheme::Ed25519,
            public: public.to_base64(),
            principal,
            duties: duties.to_vec(),
            not_before: now,
            not_after: now.plus(365 * 86_400),
            revoked_at: None,
            gate: None,
        }
    };
    let mut document = Document {
        kind: TRUST_ROOT_TYPE.to_owned(),
        version: 1,
        expires: now.plus(365 * 86_400),
        host: host.to_owned(),
        forge: Some(ForgeKind::Github),
        repo_id: "7000".to_owned(),
        owner_id: "100".to_owned(),
        repo: "acme/infra".to_owned(),
        base_ref: "refs/heads/main".to_owned(),
        ledger: LedgerRef { branch: format!("refs/heads/{LEDGER}"), genesis: Digest::of(&entry) },
        root_threshold: 1,
        principals: vec![
            principal(101, "ada", PrincipalKind::Person),
            principal(102, "bob", PrincipalKind::Person),
            principal(900_001, "gate", PrincipalKind::Agent),
            principal(900_002, "runner", PrincipalKind::Agent),
        ],
        keys: vec![
            key("ada", &ada, 101, &[Duty::Root, Duty::Planner, Duty::Approver]),
            key("gate", &gate, 900_001, &[Duty::Gate]),
            key("runner", &runner, 900_002, &[Duty::Executor]),
        ],
        issuers: Vec::new(),
    };
    change(&mut document);
    let bytes = json::canonical(&document).unwrap();
    let root = TrustRoot::parse(&bytes).unwrap();
    let update = TrustRootUpdate { version: 1, previous: None, signed_at: now };
    let envelope = Envelope::sign(vec![Subject::new("trust-root", root.digest())], update, &[&ada]).unwrap();
    let mut proposal = Proposal::resume(Version { bytes: bytes.clone(), envelope }, None).unwrap();
    for old in [trust_store::document_path(1), trust_store::envelope_path(1), trust_store::CURRENT.to_owned()] {
        fs::remove_file(bench.path(&old)).unwrap();
    }
    trust_store::write(&bench.repo(), &mut proposal).unwrap();
    pin::store(&bench.home().join("countersign"), host, "7000", root.digest(), Repin::Refuse).unwrap();
    bench.git(&["update-ref", "-d", &format!("refs/heads/{LEDGER}")]);
    fs::remove_dir_all(bench.path(".git/countersign")).ok();
    let mut ledger = Ledger::open(&bench.path(".git"), &root).unwrap();
    ledger.create_genesis(&entry, &[bytes], Clock::Fixed(now)).unwrap();
}

#[test]
fn a_repository_that_is_protected_is_said_to_be_and_read_with_few_requests() {
    let scene = Scene::new();
    let ran = scene.doctor(&["--json"]).exits(0);
    let told = ran.json();
    let forge = &told["result"]["forge"];
    assert_eq!((&told["decision"], &told["reasonCode"]), (&json!("healthy"), &json!("ok")), "{told:#}");
    let counts = json!({ "missing": 0, "weak": 0, "unknown": 0, "ok": forge["lines"].as_array().unwrap().len() });
    assert_eq!(forge["counts"], counts);
    assert_eq!(forge["calls"], scene.model.requests().len());
    assert!(forge["calls"].as_u64().unwrap() <= 25, "{:#?}", scene.model.requests());
    assert!(scene.model.record().iter().all(|one| one.method == "GET" || one.target == "/api/graphql"), "a write");
    let text = scene.doctor(&[]).exits(0).stdout;
    assert!(text.starts_with("protected: all "), "{text}");
    let document = include_str!("../../docs/doctor.md");
    for line in forge["lines"].as_array().unwrap() {
        let id = line["id"].as_str().unwrap();
        assert!(document.contains(&format!("`{id}`")), "docs/doctor.md does not tell of {id}");
    }
}

#[test]
fn a19_a25_each_protection_of_an_environment_that_is_taken_away_turns_its_line() {
    let scene = Scene::new();
    scene.without("no environment", |state| state.environments.clear(), &[("environment.exists", "missing")]);
    scene.without(
        "another case",
        |state| state.environments[0].name = "Production".to_owned(),
        &[("environment.exists", "unknown")],
    );
    let nobody = |state: &mut State| state.environments[0].reviewers.clear();
    // Without the rule for reviewers the forge says nothing of self-review either.
    scene.without(
        "nobody reviews",
        nobody,
        &[("environment.reviewers", "missing"), ("environment.self-review", "weak")],
    );
    let strangers = |state: &mut State| state.environments[0].reviewers = vec![Reviewer::Person(103)];
    scene.without("only strangers", strangers, &[("environment.reviewers", "weak")]);
    scene.without(
        "self-review",
        |state| state.environments[0].prevent_self_review = false,
        &[("environment.self-review", "weak")],
    );
    scene.without(
        "administrators",
        |state| state.environments[0].admins_bypass = true,
        &[("environment.admin-bypass", "weak")],
    );
    scene.without(
        "every branch",
        |state| state.environments[0].branches = None,
        &[("environment.branches", "missing")],
    );
    for patterns in [&["*"][..], &["main", "feature/*"], &["release"]] {
        let change = |state: &mut State| {
            state.environments[0].branches = Some(patterns.iter().map(|one| (*one).to_owned()).collect());
        };
        scene.without("other branches", change, &[("environment.branches", "weak")]);
    }
    // No pattern stands for protected branches, and the base has a ruleset, but no branch protection.
    scene.without(
        "protected branches",
        |state| state.environments[0].branches = Some(Vec::new()),
        &[("environment.branches", "weak")],
    );
}

#[test]
fn a19_a_team_releases_as_far_as_people_of_the_trust_root_are_in_it() {
    let scene = Scene::new();
    let of = |members: &[u64]| {
        let members = members.to_vec();
        move |state: &mut State| {
            state.teams = vec![Team { id: 55, slug: "owners".to_owned(), members: members.clone() }];
            state.environments[0].reviewers = vec![Reviewer::Team(55)];
        }
    };
    let weak = [("environment.reviewers", "weak")];
    scene.without("an empty team", of(&[]), &weak);
    scene.without("a team of strangers", of(&[103, 104]), &weak);
    scene.without("a team of who asks alone", of(&[101, 103]), &weak);
    of(&[101, 102, 103])(&mut scene.model.state());
    scene.model.fault("GET", "/teams/owners", What::Status(403, "Must have admin rights"));
    scene.turns("a team that cannot be read", &[("environment.reviewers", "unknown")]);
    scene.model.repair();
    let (lines, code, _) = scene.lines();
    let line = lines.iter().find(|line| line["id"] == "environment.reviewers").unwrap();
    assert_eq!((code, line["result"].as_str()), (0, Some("ok")), "{line}");
    assert!(line["found"].as_str().unwrap().contains("team owners (2 of 3 in the trust root)"), "{line}");
}

#[test]
fn a22_a_key_that_lies_outside_of_its_environment_is_told() {
    let scene = Scene::new();
    scene.without("no keys", |state| state.environments[0].secrets.clear(), &[("environment.secrets", "missing")]);
    scene.without(
        "no executor's key",
        |state| state.environments[0].secrets = vec![RELEASED[0].to_owned()],
        &[("environment.secrets", "missing")],
    );
    // The job that answers comments has the gate's key in an environment of its own, which waits for nobody.
    let beside = |branches: Option<&[&str]>, secrets: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|one| (*one).to_owned()).collect::<Vec<String>>();
        let (branches, secrets) = (branches.map(owned), owned(secrets));
        move |state: &mut State| {
            state.environments[0].secrets = vec![RELEASED[1].to_owned()];
            state.protect("countersign", "bob");
            let one = state.environments.last_mut().unwrap();
            (one.reviewers, one.admins_bypass) = (Vec::new(), true);
            (one.branches, one.secrets) = (branches.clone(), secrets.clone());
        }
    };
    let comments = Scene::new();
    beside(Some(&["main"]), &RELEASED[..1])(&mut comments.model.state());
    assert_eq!(comments.lines().1, 0, "the gate's key lies where only the base may use it");
    scene.without("any branch", beside(None, &RELEASED[..1]), &[("keyring.branches", "missing")]);
    scene.without("some branches", beside(Some(&["main", "x*"]), &RELEASED[..1]), &[("keyring.branches", "weak")]);
    scene.without("without it", beside(None, &["ANOTHER"]), &[("environment.secrets", "missing")]);
    for name in RELEASED {
        let repository = |state: &mut State| state.secrets.push(name.to_owned());
        scene.without("a repository's secret", repository, &[("secrets.repository", "weak")]);
        let organization = |state: &mut State| state.organization_secrets.push(name.to_owned());
        scene.without("an organisation's secret", organization, &[("secrets.repository", "weak")]);
    }
    let other = Scene::new();
    other.model.state().secrets.push("COUNTERSIGN_PLANNER_KEY".to_owned());
    assert_eq!(other.lines().1, 0, "the planner's key may lie there");
}

#[test]
fn a_gate_that_holds_no_key_needs_none_in_its_environment() {
    let url = "https://token.actions.example.com";
    let gate = Gate {
        workflows: vec!["acme/infra/.github/workflows/countersign.yml@refs/heads/main".to_owned()],
        events: vec!["workflow_dispatch".to_owned()],
        runner: Runner::GithubHosted,
        environment: None,
        keys: keyless::keys_of(&KeySet::parse(minting::jwks().to_string().as_bytes()).unwrap()).unwrap(),
    };
    let scene = Scene::with(
        |_| {},
        |document| {
            let gates = document.keys.iter_mut().find(|key| key.duties == [Duty::Gate]).unwrap();
            (gates.id, gates.scheme) = (keyless::id(url, gates.principal, &gate).unwrap(), Scheme::Oidc);
            (gates.public, gates.gate) = (url.to_owned(), Some(gate.clone()));
        },
    );
    scene.model.state().environments[0].secrets = vec![RELEASED[1].to_owned()];
    assert_eq!(scene.lines().1, 0);
    scene.without(
        "no key at all",
        |state| state.environments[0].secrets.clear(),
        &[("environment.secrets", "missing")],
    );
}

#[test]
fn e06_e15_each_protection_of_the_ledger_that_is_taken_away_turns_its_line() {
    let scene = Scene::new();
    let without = |kind: &'static str| {
        move |state: &mut State| state.rules.get_mut(LEDGER).unwrap().retain(|rule| rule["type"] != kind)
    };
    let deletion = [("ledger.deletion", "missing"), ("ledger.creation", "missing")];
    scene.without("deletion", without("deletion"), &deletion);
    scene.without("force push", without("non_fast_forward"), &[("ledger.force-push", "missing")]);
    scene.without("update", without("update"), &[("ledger.update", "missing")]);
    let everybody = |actor: Value| {
        move |state: &mut State| {
            state.rulesets.insert(2, ("ledger".to_owned(), Some(json!([actor.clone()]))));
        }
    };
    let weak = [("ledger.deletion", "weak"), ("ledger.force-push", "weak"), ("ledger.creation", "missing")];
    let role = json!({ "actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always" });
    scene.without("a role passes by", everybody(role.clone()), &weak);
    let silent = json!({ "actor_id": null, "actor_type": "DeployKey", "bypass_mode": "exempt" });
    scene.without("deploy keys pass by", everybody(silent), &weak);
    let update = move |state: &mut State| {
        state.rulesets.insert(3, ("entries".to_owned(), Some(json!([role.clone()]))));
    };
    scene.without("a role adds", update, &[("ledger.update", "weak")]);
    let hidden = |state: &mut State| {
        state.rulesets.insert(2, ("ledger".to_owned(), None));
    };
    let unknown = [("ledger.deletion", "unknown"), ("ledger.force-push", "unknown"), ("ledger.creation", "missing")];
    scene.without("hidden", hidden, &unknown);
    let moved = |state: &mut State| {
        let rules = state.rules.remove(LEDGER).unwrap();
        state.rules.insert("another".to_owned(), rules);
    };
    let all = [
        ("ledger.deletion", "missing"),
        ("ledger.creation", "missing"),
        ("ledger.force-push", "missing"),
        ("ledger.update", "missing"),
    ];
    scene.without("another branch's rules", moved, &all);
}

#[test]
fn each_protection_of_the_base_that_is_taken_away_turns_its_line() {
    let scene = Scene::new();
    let with = |other: Value| {
        move |state: &mut State| *state.rules.get_mut("main").unwrap().last_mut().unwrap() = reviews(1, &other)
    };
    scene.without(
        "no pull request",
        |state| drop(state.rules.get_mut("main").unwrap().pop()),
        &[
            ("base.pull-request", "missing"),
            ("base.approvals", "missing"),
            ("base.dismiss-stale", "missing"),
            ("base.code-owners", "missing"),
            ("base.workflow-file", "missing"),
        ],
    );
    scene.without(
        "no approval",
        with(json!({ "required_approving_review_count": 0 })),
        &[("base.approvals", "missing"), ("base.workflow-file", "missing")],
    );
    scene.without(
        "stale approvals stay",
        with(json!({ "dismiss_stale_reviews_on_push": false })),
        &[("base.dismiss-stale", "missing")],
    );
    scene.without(
        "owners are not asked",
        with(json!({ "require_code_owner_review": false })),
        &[("base.code-owners", "missing")],
    );
    for (kind, id) in [("deletion", "base.deletion"), ("non_fast_forward", "base.force-push")] {
        let change = |state: &mut State| state.rules.get_mut("main").unwrap().retain(|rule| rule["type"] != kind);
        scene.without(kind, change, &[(id, "missing")]);
    }
    // By a pull request one passes reviews by, and no rule about pushes.
    let by_merge = |state: &mut State| {
        let who = json!([{ "actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request" }]);
        state.rulesets.insert(1, ("base".to_owned(), Some(who)));
    };
    scene.without(
        "passed by",
        by_merge,
        &[
            ("base.pull-request", "weak"),
            ("base.approvals", "weak"),
            ("base.dismiss-stale", "weak"),
            ("base.code-owners", "weak"),
            ("base.workflow-file", "weak"),
        ],
    );
}

#[test]
fn a_branch_protection_counts_as_well_as_a_ruleset_unless_administrators_pass_it_by() {
    let scene = Scene::new();
    let protection = |admins: bool| {
        json!({
            "enforce_admins": { "url": "https://example.com", "enabled": admins },
            "allow_force_pushes": { "enabled": false },
            "allow_deletions": { "enabled": false },
            "required_pull_request_reviews": {
                "dismiss_stale_reviews": true,
                "require_code_owner_reviews": true,
                "required_approving_review_count": 1,
            },
        })
    };
    scene.model.state().rules.remove("main");
    scene.model.state().protections.insert("main".to_owned(), protection(true));
    assert_eq!(scene.lines().1, 0);
    scene.model.state().protections.insert("main".to_owned(), protection(false));
    let ids = ["pull-request", "approvals", "dismiss-stale", "code-owners", "force-push", "deletion", "workflow-file"];
    let names: Vec<String> = ids.iter().map(|id| format!("base.{id}")).collect();
    let weak: Vec<(&str, &str)> = names.iter().map(|id| (id.as_str(), "weak")).collect();
    scene.turns("administrators pass by", &weak);
}

#[test]
fn a_job_that_asks_for_nothing_may_read_only() {
    let scene = Scene::new();
    let set =
        |name: &'static str, value: Value| move |state: &mut State| state.workflow_permissions[name] = value.clone();
    scene.without("writes", set("default_workflow_permissions", json!("write")), &[("actions.token", "weak")]);
    scene.without("approves", set("can_approve_pull_request_reviews", json!(true)), &[("actions.reviews", "weak")]);
}

#[test]
fn a10_a14_people_are_held_against_the_accounts_that_have_their_numbers_now() {
    let scene = Scene::new();
    let bob = |change: fn(&mut Person)| {
        move |state: &mut State| change(state.people.iter_mut().find(|one| one.id == 102).unwrap())
    };
    let renamed = bob(|bob| bob.login = "robert".to_owned());
    scene.without("renamed", renamed, &[("principal.account", "weak")]);
    scene.without("reads only", bob(|bob| bob.role = "read".to_owned()), &[("principal.permission", "weak")]);
    scene.without("a bot", bob(|bob| bob.kind = "Bot"), &[("principal.account", "missing")]);
    let gone = |state: &mut State| {
        state.environments[0].reviewers = vec![Reviewer::Person(101)];
        state.people.retain(|one| one.id != 102);
    };
    // Of two reviewers one is left, for whom nobody else releases.
    let alone = [("principal.account", "missing"), ("environment.reviewers", "weak")];
    scene.without("gone", gone, &alone);
    // The login is somebody else's by now: the number is gone, whoever answers to the name.
    let taken = |state: &mut State| {
        state.environments[0].reviewers = vec![Reviewer::Person(101)];
        state.people.iter_mut().find(|one| one.id == 102).unwrap().id = 666;
    };
    scene.without("taken", taken, &alone);
}

#[test]
fn keys_and_trust_root_that_end_soon_are_told() {
    let soon =
        Scene::with(|_| {}, |document| document.keys[1].not_after = document.keys[1].not_before.plus(29 * 86_400));
    soon.turns("a key ends soon", &[("key.expiry", "weak")]);
    let root = Scene::with(|_| {}, |document| document.expires = document.keys[0].not_before.plus(29 * 86_400));
    root.turns("the trust root ends soon", &[("trust-root.expiry", "weak")]);
    let over = Scene::new();
    over.bench.pass(366 * 86_400);
    // A trust root that has expired opens nothing: nothing on the forge is known.
    over.turns("everything is over", &[("forge.reach", "unknown")]);
}

#[test]
fn a42_what_workflows_use_is_pinned_at_the_base_or_told() {
    let file = ".github/workflows/countersign.yml";
    for (used, expected) in [
        ("actions/checkout@v4", "weak"),
        ("actions/checkout@0123456789abcdef", "weak"),
        ("actions/checkout", "weak"),
        ("docker://alpine:3", "weak"),
        ("actions/checkout@0123456789ABCDEF0123456789abcdef01234567", "weak"),
        ("&anchor actions/checkout@v4", "unknown"),
    ] {
        let scene = Scene::with(|bench| bench.write(file, workflow(used)), |_| {});
        scene.turns(used, &[("workflow.pinned", expected)]);
    }
    let digest = format!("docker://alpine@sha256:{}", "0".repeat(64));
    let scene = Scene::with(|bench| bench.write(file, workflow(&digest)), |_| {});
    assert_eq!(scene.lines().1, 0);
    // What lies in the work tree, and not at the base, says nothing.
    scene.bench.write(file, workflow("actions/checkout@v4"));
    assert!(scene.lines().0.iter().all(|line| line["result"] == "ok"));
    let nested = Scene::with(
        |bench| {
            let own = "runs:\n  using: composite\n  steps:\n    - uses: actions/cache@v4\n";
            bench.write(".github/actions/own/action.yml", own);
        },
        |_| {},
    );
    nested.turns("an action of our own", &[("workflow.pinned", "weak")]);
}

#[test]
fn owners_of_code_are_read_at_the_base() {
    let path = ".github/CODEOWNERS";
    for (text, expected) in
        [("/docs/ @ada\n", "weak"), ("* @ada\n/pipelines/\n", "weak"), ("* @ada\n*.yml\n", "unknown")]
    {
        let scene = Scene::with(|bench| bench.write(path, text), |_| {});
        scene.turns(text, &[("base.owners", expected)]);
    }
    let none = Scene::with(|bench| fs::remove_file(bench.path(path)).unwrap(), |_| {});
    none.turns("none", &[("base.owners", "missing")]);
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_well() {
    for (target, expected) in [
        ("/actions/secrets", &[("secrets.repository", "unknown"), ("token.reach", "unknown")][..]),
        ("/environments?", &[("keyring.secrets", "unknown"), ("token.reach", "unknown")]),
        ("/environments/production/secrets", &[("environment.secrets", "unknown"), ("token.reach", "unknown")]),
        ("/environments/production", &[("environment.exists", "unknown"), ("token.reach", "unknown")]),
        ("/deployment-branch-policies", &[("environment.branches", "unknown")]),
        (
            "/actions/permissions",
            &[("actions.token", "unknown"), ("actions.reviews", "unknown"), ("token.reach", "unknown")],
        ),
        // The rulesets hold the branch, whatever its protection is.
        ("/branches/main/protection", &[("token.reach", "unknown")]),
        (
            "/rulesets/2",
            &[
                ("ledger.deletion", "unknown"),
                ("ledger.force-push", "unknown"),
                ("ledger.creation", "missing"),
                ("token.reach", "unknown"),
            ],
        ),
        ("/user/102", &[("principal.account", "unknown")]),
        ("/collaborators/bob/permission", &[("principal.permission", "unknown")]),
        ("/graphql", &[("token.reach", "unknown")]),
    ] {
        let scene = Scene::new();
        let method = if target == "/graphql" { "POST" } else { "GET" };
        scene.model.fault_times(method, target, 0, 9, What::Status(403, "Resource not accessible"));
        scene.turns(target, expected);
    }
    let scene = Scene::new();
    scene.model.fault_times(
        "GET",
        "/actions/permissions/workflow",
        0,
        9,
        What::Set("/default_workflow_permissions", json!("admin")),
    );
    scene.turns("a word that nobody knows", &[("actions.token", "unknown"), ("actions.reviews", "unknown")]);
}

#[test]
fn without_a_token_or_a_forge_nothing_is_known() {
    let scene = Scene::new();
    let ran = scene.bench.json(&["doctor", "--forge", "github"]).refused(5, "doctor.unread");
    assert_eq!(ran.json()["result"]["forge"]["lines"][0]["id"], "forge.reach");
    assert!(ran.json()["result"]["checks"].as_array().unwrap().len() > 3, "this machine is looked over all the same");
    let other = Scene::new();
    other.model.state().people[0].id = 666;
    other.turns("another owner", &[("forge.reach", "unknown")]);
    let local = super::scene::solo();
    local.json(&["doctor", "--forge", "github"]).refused(5, "doctor.unread");
}

#[test]
fn the_worst_comes_first_with_its_fix_and_its_page() {
    let scene = Scene::new();
    let mut state = scene.model.state();
    state.environments[0].admins_bypass = true;
    state.environments[0].branches = None;
    let id = state.environments[0].id;
    drop(state);
    let text = scene.doctor(&[]).exits(3).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("not protected, or not known: 2 of "), "{text}");
    assert!(lines[1].starts_with("missing environment.branches "), "{text}");
    assert!(lines[2].contains("fix: let only `main` use it"), "{text}");
    let page = format!("page: http://{}/acme/infra/settings/environments/{id}/edit", scene.model.host());
    assert!(lines[3].ends_with(&page), "{text}");
    assert!(lines[4].starts_with("weak    environment.admin-bypass "), "{text}");
    let ok = lines.iter().position(|line| line.starts_with("ok ")).unwrap();
    assert!(ok > 6 && lines.contains(&"this machine"), "{text}");
}

#[test]
fn in_a_job_each_line_that_is_not_well_is_an_annotation() {
    let scene = Scene::new();
    scene.model.state().environments[0].name = "x\n::stop-commands::y".to_owned();
    scene.model.state().secrets.push(RELEASED[0].to_owned());
    let ran = scene.doctor(&["--ci", "github"]).exits(3);
    let both = format!("{}{}", ran.stdout, ran.stderr);
    assert!(both.contains("::error") && both.contains("secrets.repository"), "{both}");
    assert!(!both.contains("\n::stop-commands::y"), "{both}");
}

#[test]
fn a43_a_token_in_the_configuration_of_the_checkout_is_told_and_not_repeated() {
    let secret = "ghs_16C7e42F292c6912E7710c838347Ae178B4a";
    for (name, value) in [
        ("http.https://github.com/.extraheader", format!("AUTHORIZATION: basic {secret}")),
        ("http.extraheader", format!("AUTHORIZATION: bearer {secret}")),
        ("remote.origin.url", format!("https://x-access-token:{secret}@github.com/acme/infra")),
        ("remote.origin.pushurl", format!("https://{secret}@github.com/acme/infra")),
        (&format!("url.https://{secret}@github.com/.insteadof"), "https://github.com/".to_owned()),
        ("credential.helper", format!("!f() {{ echo password={secret}; }}; f")),
    ] {
        let bench = super::scene::solo();
        bench.json(&["doctor"]).exits(0);
        bench.git(&["config", name, &value]);
        let ran = bench.json(&["doctor"]).refused(2, "doctor.findings");
        assert!(ran.stdout.contains("persist-credentials: false"), "{name}: {}", ran.stdout);
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{name}: {}", ran.stdout);
    }
    let bench = super::scene::solo();
    for url in ["https://github.com/acme/infra", "git@github.com:acme/infra.git", "ssh://git@github.com/acme/infra"] {
        bench.git(&["config", "remote.origin.url", url]);
        bench.json(&["doctor"]).exits(0);
    }
}

//! Gates that hold no key: a job signs for people, and its CI system vouches for it; the whole way, on the forge model.

use std::fs;

use serde_json::{Value, json};

use super::{
    github_loop::{Hub, NUMBER},
    issuer::{
        Answer, BEARER, LocalIssuer,
        minting::{By, claims, ec_jwk, header, token},
    },
    scene::{self, CANARY},
    support::Ran,
};

/// The workflow whose jobs may sign.
const WORKFLOW: &str = "acme/infra/.github/workflows/countersign.yml@refs/heads/main";

/// A repository on the forge model whose trust root lets jobs of an issuer sign for people.
struct Stage {
    hub: Hub,
    issuer: LocalIssuer,
}

impl Stage {
    fn new() -> Self {
        let (hub, issuer) = (Hub::new(), LocalIssuer::start());
        let stage = Self { hub, issuer };
        stage.trusts(&[]).exits(0);
        stage.publishes("Let jobs sign");
        stage.mints(|_| {});
        stage
    }

    fn trusts(&self, more: &[&str]) -> Ran {
        let url = self.issuer.url();
        let gate = ["keys", "gate", &url, "--id", "0", "--workflow", WORKFLOW, "--event", "workflow_dispatch"];
        self.hub.owner(&[&gate, ["--event", "issue_comment"].as_slice(), more].concat())
    }

    fn publishes(&self, why: &str) {
        self.hub.bench.commit(why);
        self.hub.bench.git(&["push", "-q", "origin", "main"]);
    }

    /// Tokens of the job that a reviewer released, their claims changed.
    fn mints(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.mints_by(By::Rsa, change);
    }

    fn mints_by(&self, by: By, change: impl Fn(&mut Value) + Send + 'static) {
        let root = scene::root(&self.hub.bench);
        let (url, now) = (self.issuer.url(), self.hub.bench.now.get().unix());
        let mut of_job = claims(&url, "", "7000", &root.document().owner_id, now);
        let base = self.hub.bench.git(&["rev-parse", "origin/main"]);
        for name in ["sha", "workflow_sha", "job_workflow_sha"] {
            of_job[name] = json!(base);
        }
        for name in ["workflow_ref", "job_workflow_ref"] {
            of_job[name] = json!(WORKFLOW);
        }
        of_job["run_id"] = json!("42");
        self.issuer.mints(move |audience| {
            let mut claims = of_job.clone();
            claims["aud"] = json!(audience);
            change(&mut claims);
            token(by, &header(by), &claims)
        });
    }

    /// Runs a command as a job that holds no key for a gate, and may ask for tokens.
    fn job(&self, line: &[&str], key: &str, more: &[(&str, &str)]) -> Ran {
        let url = self.issuer.request_url();
        let variables = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_RUN_ATTEMPT", "1"),
        ];
        self.hub.job(line, key, &[&variables, more].concat())
    }

    /// A plan that is recorded, and a run that its reviewer has released.
    fn released(&self) -> String {
        self.hub.model.state().start_run(42, "ada", &["production"]);
        let plan = self.hub.bench.outside("plan.json").display().to_string();
        let asks = ["plan", "mark", "--draft", "--out", &plan, "--requested-by", "101:ada"];
        self.hub.job(&asks, "", &[]).exits(0);
        let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1")];
        let proposed = self.hub.job(&["propose", &plan], "COUNTERSIGN_PLANNER_KEY", &run).exits(0).json();
        let digest = proposed["result"]["planDigest"].as_str().unwrap().to_owned();
        let mut state = self.hub.model.state();
        state.protect("production", "bob");
        state.decide(42, "production", "bob", "approved");
        state.approvals[0].comment = format!("read it: {digest}");
        digest
    }

    fn approves(&self, digest: &str, more: &[(&str, &str)]) -> Ran {
        self.job(&["approve", digest, "--gate", "environment"], "", more)
    }

    /// An approval is refused, and the ledger is as it was.
    #[track_caller]
    fn refuses(&self, digest: &str, more: &[(&str, &str)], code: i32, reason: &str) {
        let tip = || self.hub.bench.git(&["ls-remote", "origin", "countersign/ledger"]);
        let before = tip();
        let ran = self.approves(digest, more).refused(code, reason);
        assert_eq!(before, tip(), "the ledger holds something new");
        assert!(!ran.stdout.contains("eyJ") && !ran.stderr.contains("eyJ"), "a token is shown");
        assert!(!ran.stdout.contains(BEARER) && !ran.stderr.contains(BEARER), "the bearer is shown");
    }
}

#[test]
fn a_job_without_a_key_signs_for_who_released_it_and_exactly_that_runs() {
    let stage = Stage::new();
    let digest = stage.released();
    stage.issuer.asked();
    let approved = stage.approves(&digest, &[]).exits(0).json();
    assert_eq!((&approved["decision"], &approved["result"]["approvedBy"]), (&json!("approved"), &json!("bob")));
    assert_eq!(stage.issuer.asked(), ["/token"], "one request: the trust root has the keys");
    let ran = stage.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &[]).exits(0).json();
    assert_eq!(ran["result"]["status"], "completed", "{ran}");
    assert_eq!(stage.hub.bench.read(CANARY), "hello\n");
    // Long after, with no issuer and no forge, whoever has the trust root can tell.
    let bundle = stage.hub.bench.outside("bundle.json").display().to_string();
    stage.hub.owner(&["bundle", &digest, "--out", &bundle]).exits(0);
    stage.hub.bench.now.set(stage.hub.bench.now.get().plus(86_400 * 30));
    let Stage { hub, issuer } = stage;
    drop(issuer);
    let audit = hub.bench.run_with(&["verify", "--bundle", &bundle, "--offline", "--json"], &[], "", false);
    assert_eq!(audit.exits(0).json()["result"]["outcome"], "completed");
    hub.owner(&["ledger", "verify"]).exits(0);
}

#[test]
fn b40_anybody_can_check_a_jobs_signature_with_the_script_of_the_documentation() {
    let stage = Stage::new();
    let digest = stage.released();
    stage.approves(&digest, &[]).exits(0);
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keyless.md")).unwrap();
    let script = document.split_once("```python\n").unwrap().1.split_once("```").unwrap().0;
    let exported = stage.hub.bench.run(&["ledger", "export"]).exits(0).stdout;
    let entry = exported.lines().rfind(|line| line.contains("\"envelope\"")).unwrap();
    let (file, root) = (stage.hub.bench.outside("entry.json"), stage.hub.bench.path(".countersign/trust.json"));
    let checks = |entry: &str| {
        fs::write(&file, entry).unwrap();
        let python = std::process::Command::new("python3").args(["-c", script]).arg(&file).arg(&root).output().unwrap();
        (python.status.success(), String::from_utf8([python.stdout, python.stderr].concat()).unwrap())
    };
    let (holds, said) = checks(entry);
    assert!(holds && said.starts_with(&format!("run 42 of {WORKFLOW}")), "{said}");
    // It tells a good one from another: the same signature under another statement.
    let mut bent: Value = serde_json::from_str(entry).unwrap();
    bent["envelope"]["payload"] = json!("e30=");
    assert!(!checks(&bent.to_string()).0);
}

#[test]
fn b46_no_token_of_a_gate_reaches_ledger_output_or_bundle() {
    let stage = Stage::new();
    let digest = stage.released();
    let (sender, minted) = std::sync::mpsc::channel();
    let root = scene::root(&stage.hub.bench);
    let (url, now) = (stage.issuer.url(), stage.hub.bench.now.get().unix());
    let base = stage.hub.bench.git(&["rev-parse", "origin/main"]);
    stage.issuer.mints(move |audience| {
        let mut of_job = claims(&url, audience, "7000", &root.document().owner_id, now);
        for name in ["sha", "workflow_sha", "job_workflow_sha"] {
            of_job[name] = json!(base);
        }
        for name in ["workflow_ref", "job_workflow_ref"] {
            of_job[name] = json!(WORKFLOW);
        }
        of_job["run_id"] = json!("42");
        let token = token(By::Rsa, &header(By::Rsa), &of_job);
        sender.send(token.clone()).unwrap();
        token
    });
    let approved = stage.approves(&digest, &[]).exits(0);
    let whole = minted.try_recv().unwrap();
    let signature = whole.rsplit_once('.').unwrap().1;
    let exported = stage.hub.bench.run(&["ledger", "export"]).exits(0).stdout;
    assert!(exported.contains("\"envelope\""), "the entries themselves");
    let bundle = stage.hub.bench.outside("bundle.json");
    stage.hub.owner(&["bundle", &digest, "--out", bundle.to_str().unwrap()]).exits(0);
    for text in [approved.stdout, approved.stderr, exported, fs::read_to_string(bundle).unwrap()] {
        // Base64 of base64 could hide it; what is decoded is looked through, too.
        assert!(!text.contains(signature) && !text.contains(BEARER));
        for word in
            text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).filter(|word| word.len() > 40)
        {
            let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, word).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&decoded).contains(signature));
        }
    }
}

#[test]
fn b40_a22_a33_a_job_that_is_not_the_released_one_signs_nothing() {
    let stage = Stage::new();
    let digest = stage.released();
    for (name, value, code, reason) in [
        ("environment", json!("staging"), 5, "oidc.claim_mismatch"),
        ("environment", Value::Null, 5, "oidc.claim_malformed"),
        ("run_id", json!("43"), 5, "oidc.claim_mismatch"),
        ("run_attempt", json!("2"), 5, "oidc.claim_mismatch"),
        ("repository_id", json!("7001"), 5, "oidc.claim_mismatch"),
        ("event_name", json!("push"), 5, "oidc.event_refused"),
        ("ref", json!("refs/pull/7/merge"), 5, "oidc.fork"),
        ("workflow_ref", json!("acme/infra/.github/workflows/other.yml@refs/heads/main"), 5, "oidc.workflow_unpinned"),
        ("aud", json!("https://github.com/acme"), 5, "oidc.audience_mismatch"),
        ("iss", json!("https://token.actions.example.com"), 5, "oidc.issuer_untrusted"),
    ] {
        let (claim, changed) = (name, value.clone());
        stage.mints(move |claims| claims[claim] = changed.clone());
        stage.refuses(&digest, &[], code, reason);
    }
    let no_environment = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("environment"));
    stage.mints(no_environment);
    stage.refuses(&digest, &[], 5, "oidc.claim_mismatch");
    // A workflow of a commit that the base does not have.
    stage.mints(|claims| claims["workflow_sha"] = json!("d".repeat(40)));
    stage.refuses(&digest, &[], 5, "oidc.workflow_unpinned");
    stage.mints(|_| {});
    stage.approves(&digest, &[]).exits(0);
    stage.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &[]).exits(0);
}

#[test]
fn b47_a_key_that_the_issuer_gave_up_vouches_no_more() {
    let stage = Stage::new();
    let digest = stage.released();
    stage.approves(&digest, &[]).exits(0);
    // The issuer goes on with another key; the trust root learns of it, and what was signed before stays.
    let mut other = super::issuer::minting::rsa_jwk();
    other["kid"] = json!("rsa-2");
    let file = stage.hub.bench.outside("jwks.json");
    fs::write(&file, json!({ "keys": [other] }).to_string()).unwrap();
    stage.hub.bench.now.set(stage.hub.bench.now.get().plus(120));
    stage.trusts(&["--jwks", file.to_str().unwrap()]).exits(0);
    let shown = stage.hub.owner(&["keys", "show"]).exits(0).json();
    let keys = shown["result"]["keys"].as_array().unwrap().iter().find(|key| key["scheme"] == "oidc").unwrap();
    assert_eq!(keys["gate"]["keys"][1]["kid"], "rsa-1");
    assert!(keys["gate"]["keys"][1]["withdrawnAt"].is_string());
    stage.publishes("The issuer has another key");
    stage.hub.owner(&["ledger", "verify"]).exits(0);
    let digest = stage.released();
    stage.refuses(&digest, &[], 5, "oidc.key_unknown");
}

#[test]
fn b47_a_key_that_the_issuer_lists_no_more_when_the_plan_runs_vouched_for_nothing() {
    let stage = Stage::new();
    let url = stage.issuer.url();
    let issuer = ["keys", "issuer", &url, "--workflow", WORKFLOW, "--algorithm", "ES256", "--algorithm", "RS256"];
    stage.hub.owner(&issuer).exits(0);
    stage.publishes("Trust the issuer");
    let digest = stage.released();
    stage.approves(&digest, &[]).exits(0);
    stage.mints_by(By::Ec, |_| {});
    let execute = || stage.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &[]);
    stage.issuer.answers("/jwks", Answer::json(&json!({ "keys": [ec_jwk()] })));
    let refused = execute().refused(5, "oidc.key_unknown");
    assert!(!stage.hub.bench.path(CANARY).exists(), "{}", refused.stdout);
    stage.issuer.as_usual();
    execute().exits(0);
    assert_eq!(stage.hub.bench.read(CANARY), "hello\n");
}

#[test]
fn b32_another_rule_for_jobs_counts_from_then_on_and_what_the_earlier_one_let_sign_stays() {
    let stage = Stage::new();
    let digest = stage.released();
    stage.approves(&digest, &[]).exits(0);
    stage.job(&["execute", &digest], "COUNTERSIGN_EXECUTOR_KEY", &[]).exits(0);
    std::fs::remove_file(stage.hub.bench.path(CANARY)).unwrap();
    // The workflow moves; what it signed where it was is in the ledger.
    let moved = "acme/infra/.github/workflows/moved.yml@refs/heads/main";
    let url = stage.issuer.url();
    stage.hub.bench.now.set(stage.hub.bench.now.get().plus(120));
    stage.hub.owner(&["keys", "gate", &url, "--workflow", moved]).exits(0);
    stage.publishes("The workflow moves");
    stage.hub.owner(&["ledger", "verify"]).exits(0);
    let digest = stage.released();
    stage.mints(|_| {});
    stage.refuses(&digest, &[], 5, "oidc.workflow_unpinned");
    stage.mints(move |claims| {
        for name in ["workflow_ref", "job_workflow_ref"] {
            claims[name] = json!(moved);
        }
    });
    stage.approves(&digest, &[]).exits(0);
    stage.hub.owner(&["ledger", "verify"]).exits(0);
}

#[test]
fn b32_a_gate_without_a_key_that_was_revoked_signs_no_more_and_another_program_may() {
    let stage = Stage::new();
    let digest = stage.released();
    let shown = stage.hub.owner(&["keys", "show"]).exits(0).json();
    let keys = shown["result"]["keys"].as_array().unwrap();
    let id = keys.iter().find(|key| key["scheme"] == "oidc").unwrap()["id"].as_str().unwrap().to_owned();
    stage.hub.owner(&["keys", "revoke", &id, "--reason", "the workflow was not ours"]).exits(0);
    stage.publishes("Revoke the gate");
    stage.refuses(&digest, &[("COUNTERSIGN_IDENTITY", "oidc")], 5, "oidc.issuer_untrusted");
    // The same program's rule stays revoked, whatever it says now.
    stage.trusts(&[]).exits(0);
    stage.publishes("The same again");
    stage.refuses(&digest, &[("COUNTERSIGN_IDENTITY", "oidc")], 5, "oidc.issuer_untrusted");
    let url = stage.issuer.url();
    let other = ["keys", "gate", &url, "--login", "another-gate", "--id", "900", "--workflow", WORKFLOW];
    stage.hub.owner(&other).exits(0);
    stage.publishes("Another program");
    let digest = stage.released();
    stage.mints(|_| {});
    stage.approves(&digest, &[("COUNTERSIGN_IDENTITY", "oidc")]).exits(0);
}

#[test]
fn a_comment_is_signed_for_without_a_key_and_outside_of_any_environment() {
    let stage = Stage::new();
    let head = stage.hub.opens("mallory");
    let digest = stage.hub.plans();
    let (_, event) = stage.hub.says("bob", &format!("countersign approve {digest}"));
    let answers = || stage.job(&["comment", "--event", &event], "COUNTERSIGN_PLANNER_KEY", &[]);
    stage.mints(|claims| claims["event_name"] = json!("issue_comment"));
    answers().refused(5, "oidc.claim_mismatch");
    // An environment counts where the trust root names it.
    stage.mints(|claims| {
        claims["event_name"] = json!("issue_comment");
        claims.as_object_mut().unwrap().remove("environment");
    });
    assert_eq!(answers().exits(0).json()["decision"], "ready");
    stage.hub.checks_out(&head);
    stage.hub.executes(&digest).exits(0);
    assert_eq!(stage.hub.bench.read(CANARY), "proposed\n");
    assert_eq!(NUMBER, 7);
}

#[test]
fn b42_who_is_told_to_show_who_it_is_and_cannot_signs_nothing() {
    let hub = Hub::new();
    let told = [("COUNTERSIGN_IDENTITY", "oidc")];
    let approve = ["approve", &format!("sha256:{}", "0".repeat(64)), "--gate", "environment"];
    hub.job(&approve, "", &told).refused(2, "plan.unknown");
    let stage = Stage::new();
    let digest = stage.released();
    let run = [("GITHUB_RUN_ID", "42"), ("GITHUB_RUN_ATTEMPT", "1"), ("COUNTERSIGN_IDENTITY", "oidc")];
    let asks = ["approve", &digest, "--gate", "environment"];
    stage.hub.job(&asks, "", &run).refused(5, "oidc.token_missing");
    stage.refuses(&digest, &[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "another")], 5, "oidc.answer_refused");
    stage.refuses(&digest, &[("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.2:1/x")], 5, "oidc.endpoint_untrusted");
    // Told to use a key, it uses the one on this machine, and asks nobody.
    stage.issuer.asked();
    stage.approves(&digest, &[("COUNTERSIGN_IDENTITY", "key")]).exits(0);
    assert!(stage.issuer.asked().is_empty());
}

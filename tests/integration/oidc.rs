//! A job shows who it is: the whole way, with an issuer that serves keys and hands out tokens.

use countersign::ledger::Record;
use serde_json::{Value, json};

use crate::{
    issuer::{
        Answer, BEARER, LocalIssuer,
        minting::{self, By, claims, header, token},
    },
    scene::{self, CANARY, Drafted, plan, tip},
    support::{Bench, Ran},
};

/// The workflow that may execute, and the event that may start it.
const WORKFLOW: &str = "example/sample/.github/workflows/countersign.yml@refs/heads/main";

/// A directive whose plans are for an environment.
const DEPLOY: (&str, &str) = (
    "directives/deploy.md",
    "---
title: Deploy
pipelines: [mark]
environment: production
ceiling: {effect: write, risk: low}
steps:
  - {id: mark, pipeline: mark}
---
Leaves a mark in production.
",
);

/// A repository whose trust root lists the issuer, with an approved plan.
struct Stage {
    bench: Bench,
    issuer: LocalIssuer,
    plan: Drafted,
}

impl Stage {
    fn new(directive: &str) -> Self {
        Self::on("github-hosted", directive, &[DEPLOY])
    }

    fn on(runner: &'static str, directive: &str, files: &[(&str, &str)]) -> Self {
        let issuer = LocalIssuer::start();
        let bench = scene::solo_with(files);
        bench.run(&["keys", "issuer", &issuer.url(), "--workflow", WORKFLOW, "--runner", runner]).exits(0);
        let policy = bench.read(".countersign/policy.yml");
        bench.write(".countersign/policy.yml", policy.replace("environments: []", "environments: [production]"));
        bench.commit("Trust the issuer");
        let plan = plan(&bench, directive, &[]);
        scene::approve(&bench, "ada", &plan, &[]).exits(0);
        let stage = Self { bench, issuer, plan };
        stage.mints(with("runner_environment", json!(runner)));
        stage
    }

    /// Claims of the job that may execute the plan, for an audience, made into others.
    fn mints(&self, change: impl Fn(Value) -> Value + Send + 'static) {
        let claims = self.claims();
        self.issuer.mints(move |audience| {
            let mut claims = claims.clone();
            claims["aud"] = json!(audience);
            token(By::Rsa, &header(By::Rsa), &change(claims))
        });
    }

    fn claims(&self) -> Value {
        let root = scene::root(&self.bench);
        let now = self.bench.now.get().unix();
        let mut claims = claims(&self.issuer.url(), "", &root.document().repo_id, &root.document().owner_id, now);
        let head = self.bench.git(&["rev-parse", "HEAD"]);
        for name in ["sha", "workflow_sha", "job_workflow_sha"] {
            claims[name] = json!(head);
        }
        claims
    }

    /// Variables as the CI system sets them.
    fn variables(&self) -> Vec<(String, String)> {
        let variables = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", self.issuer.request_url()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER.to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    fn run(&self, args: &[&str], more: &[(&str, &str)]) -> Ran {
        let mut variables = self.variables();
        for (name, value) in more {
            variables.retain(|(known, _)| known != name);
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
        let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.bench.run_with(&[args, &["--json"]].concat(), &variables, "", false)
    }

    fn execute(&self, more: &[(&str, &str)]) -> Ran {
        self.run(&["execute", &self.plan.file], more)
    }

    /// Runs it under these variables: refused, nothing ran, nothing is recorded, no token is told.
    #[track_caller]
    fn refused(&self, more: &[(&str, &str)], code: i32, reason: &str) -> Ran {
        let before = tip(&self.bench);
        let ran = self.execute(more).refused(code, reason);
        assert!(!self.bench.path(CANARY).exists(), "something ran");
        assert_eq!(before, tip(&self.bench), "the ledger holds something new");
        assert!(!ran.stdout.contains("eyJ") && !ran.stderr.contains("eyJ"), "a token is shown");
        assert!(!ran.stdout.contains(BEARER) && !ran.stderr.contains(BEARER), "the bearer is shown");
        let checks = ran.json()["result"]["checks"].clone();
        let failed: Vec<&Value> =
            checks.as_array().unwrap().iter().filter(|check| check["result"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0]["id"], "context.workload");
        ran
    }

    /// The honest twin: with a token that is as it should be, the plan runs.
    #[track_caller]
    fn runs(&self) -> Ran {
        let ran = self.execute(&[]).exits(0);
        assert!(self.bench.path(CANARY).exists(), "nothing ran");
        ran
    }
}

fn with(name: &'static str, value: Value) -> impl Fn(Value) -> Value + Send {
    move |mut claims| {
        claims[name] = value.clone();
        claims
    }
}

fn without(name: &'static str) -> impl Fn(Value) -> Value + Send {
    move |mut claims| {
        claims.as_object_mut().unwrap().remove(name);
        claims
    }
}

#[test]
fn a_job_that_shows_who_it_is_executes_with_three_requests() {
    let stage = Stage::new("deploy");
    let verified = stage.run(&["verify", &stage.plan.file], &[]).exits(0).json();
    let checks = verified["result"]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "context.workload").unwrap();
    assert_eq!(check["result"], json!("passed"));
    assert_eq!(check["subject"], json!(format!("run 1700 attempt 1 of {WORKFLOW}")));
    assert_eq!(stage.issuer.asked(), ["/token", "/.well-known/openid-configuration", "/jwks"]);
    stage.runs();
}

#[test]
fn a22_a_job_without_the_environment_of_the_plan_executes_nothing() {
    let stage = Stage::new("deploy");
    stage.mints(without("environment"));
    stage.refused(&[], 5, "oidc.environment_missing");
    stage.mints(with("environment", json!("staging")));
    stage.refused(&[], 5, "oidc.claim_mismatch");
    stage.mints(|claims| claims);
    stage.runs();
}

#[test]
fn a32_a_job_for_a_change_request_or_of_another_repository_executes_nothing() {
    let stage = Stage::new("deploy");
    for (name, value, reason) in [
        ("ref", "refs/pull/5/merge", "oidc.fork"),
        ("head_ref", "feature", "oidc.fork"),
        ("event_name", "pull_request_target", "oidc.event_refused"),
        ("event_name", "issue_comment", "oidc.event_refused"),
        ("repository_id", "99", "oidc.claim_mismatch"),
        ("repository_owner_id", "99", "oidc.claim_mismatch"),
    ] {
        stage.mints(with(name, json!(value)));
        stage.refused(&[], 5, reason);
    }
    stage.mints(|claims| claims);
    stage.runs();
}

#[test]
fn a33_a_workflow_from_outside_the_protected_history_executes_nothing() {
    let stage = Stage::new("deploy");
    // A commit that is in the repository, and on no protected branch.
    stage.bench.git(&["checkout", "-q", "-b", "evil"]);
    stage.bench.commit("A workflow of my own");
    let evil = stage.bench.git(&["rev-parse", "HEAD"]);
    stage.bench.git(&["checkout", "-q", "main"]);
    for name in ["workflow_sha", "job_workflow_sha"] {
        for commit in [evil.clone(), "d".repeat(40)] {
            stage.mints(with(name, json!(commit)));
            stage.refused(&[], 5, "oidc.workflow_unpinned");
        }
    }
    for name in ["workflow_ref", "job_workflow_ref"] {
        stage.mints(with(name, json!(WORKFLOW.replace("main", "evil"))));
        stage.refused(&[], 5, "oidc.workflow_unpinned");
    }
    // An earlier commit of the protected branch is as good as its tip.
    let before = stage.bench.git(&["rev-parse", "HEAD~1"]);
    stage.mints(with("workflow_sha", json!(before)));
    stage.runs();
}

#[test]
fn a47_a_job_on_another_kind_of_machine_executes_nothing() {
    let stage = Stage::new("deploy");
    stage.mints(with("runner_environment", json!("self-hosted")));
    stage.refused(&[], 5, "oidc.runner_refused");
    stage.mints(|claims| claims);
    stage.runs();
}

/// Something that an earlier job did, or that undoes it.
type Act<'a> = &'a dyn Fn();

#[test]
fn a47_on_a_machine_that_outlives_its_jobs_nothing_lies_beside_the_commit_however_it_is_hidden() {
    let files = [DEPLOY, ("lines.txt", "one\ntwo\n"), (".gitattributes", "lines.txt text eol=crlf\n")];
    let stage = Stage::on("self-hosted", "deploy", &files);
    let bench = &stage.bench;
    // The line ends are those of a checkout, not those of the commit.
    std::fs::remove_file(bench.path("lines.txt")).unwrap();
    bench.git(&["checkout", "-q", "--", "lines.txt"]);
    assert_eq!(bench.read("lines.txt"), "one\r\ntwo\r\n");
    let hides = |rule: &str| std::fs::write(bench.path(".git/info/exclude"), rule).unwrap();
    let attacks: [(&str, Act<'_>, Act<'_>); 6] = [
        ("lib/sitecustomize.py", &|| bench.write("lib/sitecustomize.py", "evil"), &|| {
            std::fs::remove_dir_all(bench.path("lib")).unwrap();
        }),
        (
            "hidden.py",
            &|| {
                hides("*\n");
                bench.write("hidden.py", "evil");
            },
            &|| {
                hides("");
                std::fs::remove_file(bench.path("hidden.py")).unwrap();
            },
        ),
        (
            "own/.gitignore",
            &|| {
                bench.write("own/.gitignore", "*\n");
            },
            &|| std::fs::remove_dir_all(bench.path("own")).unwrap(),
        ),
        (
            "README.md",
            &|| {
                bench.git(&["update-index", "--assume-unchanged", "README.md"]);
                bench.write("README.md", "# A projecT\n");
            },
            &|| {
                bench.git(&["update-index", "--no-assume-unchanged", "README.md"]);
                bench.git(&["checkout", "-q", "--", "README.md"]);
            },
        ),
        (
            "README.md",
            &|| {
                bench.git(&["update-index", "--skip-worktree", "README.md"]);
                std::fs::remove_file(bench.path("README.md")).unwrap();
            },
            &|| {
                bench.git(&["update-index", "--no-skip-worktree", "README.md"]);
                bench.git(&["checkout", "-q", "--", "README.md"]);
            },
        ),
        ("directives/more", &|| std::os::unix::fs::symlink("/etc", bench.path("directives/more")).unwrap(), &|| {
            std::fs::remove_file(bench.path("directives/more")).unwrap()
        }),
    ];
    for (left, leave, clean) in attacks {
        leave();
        let before = tip(bench);
        for line in [["execute", &stage.plan.file], ["verify", &stage.plan.file]] {
            let ran = stage.run(&line, &[]).refused(5, "subject.workspace_dirty");
            assert!(ran.stdout.contains(left), "{left}: {}", ran.stdout);
        }
        assert!(!bench.path(CANARY).exists() && before == tip(bench), "{left}");
        clean();
    }
    stage.runs();
    // A machine that is thrown away holds what the job itself put there, and no more.
    let fresh = Stage::new("deploy");
    fresh.bench.write("built.txt", "by a step before");
    fresh.runs();
}

#[test]
fn a45_what_the_environment_says_of_the_job_is_compared_and_never_used() {
    let stage = Stage::new("mark");
    stage.mints(without("environment"));
    for name in
        ["GITHUB_REPOSITORY_ID", "GITHUB_REPOSITORY_OWNER_ID", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_SHA"]
    {
        stage.refused(&[(name, "99")], 5, "context.mismatch");
    }
    // Names that say something else decide nothing, and what agrees is let pass.
    let more = [("GITHUB_REPOSITORY", "evil/evil"), ("GITHUB_ACTOR", "mallory"), ("GITHUB_RUN_ID", "1700")];
    stage.execute(&more).exits(0);
    assert!(stage.bench.path(CANARY).exists());
}

#[test]
fn a44_tokens_are_asked_for_and_keys_fetched_where_the_trust_root_says() {
    let stage = Stage::new("deploy");
    let stranger = LocalIssuer::start();
    stage.issuer.asked();
    let elsewhere = stranger.request_url().replace("127.0.0.1", "localhost");
    for address in
        ["https://evil.example/token", "http://evil.example/token", &elsewhere, "file:///etc/passwd", "not an address"]
    {
        stage.refused(&[("ACTIONS_ID_TOKEN_REQUEST_URL", address)], 5, "oidc.endpoint_untrusted");
    }
    assert!(stranger.asked().is_empty() && stage.issuer.asked().is_empty(), "somebody was asked");
    // A stranger on the same host makes tokens that name the issuer, and signs them with a key of his own.
    let claims = stage.claims();
    stranger.mints(move |audience| {
        let mut claims = claims.clone();
        claims["aud"] = json!(audience);
        token(By::Stranger, &header(By::Rsa), &claims)
    });
    stage.refused(&[("ACTIONS_ID_TOKEN_REQUEST_URL", &stranger.request_url())], 5, "oidc.signature_invalid");
    assert_eq!(stranger.asked(), ["/token"], "keys come from the issuer of the trust root");
    // Proxies of the environment are not used.
    let proxy = stranger.url();
    let more = [("HTTP_PROXY", proxy.as_str()), ("http_proxy", &proxy), ("ALL_PROXY", &proxy)];
    stage.execute(&more).exits(0);
    assert!(stranger.asked().is_empty());
}

#[test]
fn a44_variables_that_exchange_certificates_are_refused_where_tls_is_used() {
    let stage = Stage::new("mark");
    let github = "https://token.actions.githubusercontent.com";
    stage.bench.run(&["keys", "issuer", github, "--workflow", WORKFLOW]).exits(0);
    stage.bench.commit("Trust GitHub too");
    let plan = plan(&stage.bench, "mark", &["-i", "text=again"]);
    scene::approve(&stage.bench, "ada", &plan, &[]).exits(0);
    let execute = ["execute", plan.file.as_str()];
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        stage.run(&execute, &[(name, "/tmp/evil.pem")]).refused(3, "context.override");
    }
    stage.mints(without("environment"));
    stage.run(&execute, &[]).exits(0);
}

#[test]
fn b39_an_issuer_that_the_trust_root_does_not_list_counts_nothing() {
    let stage = Stage::new("deploy");
    for issuer in [format!("{}/", stage.issuer.url()), "https://token.actions.githubusercontent.com".to_owned()] {
        stage.mints(with("iss", json!(issuer)));
        stage.refused(&[], 5, "oidc.issuer_untrusted");
    }
    stage.mints(|claims| claims);
    let url = stage.issuer.url();
    let stranger = LocalIssuer::start();
    let discovery = "/.well-known/openid-configuration";
    for (path, answer, reason) in [
        // To another host, though it serves the right keys.
        (discovery, Answer::redirect(&format!("{}{discovery}", stranger.url())), "oidc.answer_refused"),
        ("/jwks", Answer::redirect(&format!("{}/jwks", stranger.url())), "oidc.answer_refused"),
        ("/token", Answer::redirect(&stranger.request_url()), "oidc.answer_refused"),
        (
            discovery,
            Answer::json(&json!({ "issuer": url, "jwks_uri": format!("{}/jwks", stranger.url()) })),
            "oidc.endpoint_untrusted",
        ),
        (
            discovery,
            Answer::json(&json!({ "issuer": stranger.url(), "jwks_uri": format!("{url}/jwks") })),
            "oidc.answer_refused",
        ),
        (discovery, Answer::json(&json!({ "issuer": url })), "oidc.endpoint_untrusted"),
        (discovery, Answer::json(&json!([url])), "oidc.answer_refused"),
        (discovery, Answer { status: 500, ..Answer::json(&json!({})) }, "oidc.answer_refused"),
        ("/jwks", Answer { status: 200, headers: Vec::new(), body: vec![b' '; 300 << 10] }, "oidc.answer_refused"),
        ("/token", Answer { status: 200, headers: Vec::new(), body: vec![b' '; 300 << 10] }, "oidc.answer_refused"),
        ("/token", Answer { status: 403, ..Answer::json(&json!({})) }, "oidc.answer_refused"),
        ("/token", Answer::json(&json!({ "value": 5 })), "oidc.answer_refused"),
        ("/token", Answer::json(&json!({ "value": "a.b" })), "oidc.token_malformed"),
        ("/jwks", Answer::json(&json!({ "keys": [] })), "oidc.key_unknown"),
        ("/jwks", Answer::json(&json!({ "keys": [minting::rsa_jwk(), minting::rsa_jwk()] })), "oidc.jwks_malformed"),
    ] {
        stage.issuer.answers(path, answer);
        stage.refused(&[], 5, reason);
        stage.issuer.as_usual();
    }
    assert!(stranger.asked().is_empty(), "a redirect was followed");
    stage.runs();
}

#[test]
fn b40_a_token_for_something_else_counts_nothing() {
    let stage = Stage::new("deploy");
    let other = format!("urn:countersign:v1:execute:sha256:{}", "0".repeat(64));
    for audience in [json!(other), json!("https://github.com/example"), json!([stage.plan.digest])] {
        stage.mints(with("aud", audience));
        stage.refused(&[], 5, "oidc.audience_mismatch");
    }
    let right = format!("urn:countersign:v1:execute:{}", stage.plan.digest);
    stage.mints(with("aud", json!([right])));
    stage.refused(&[], 5, "oidc.audience_mismatch");
    stage.mints(with("aud", json!(right)));
    stage.runs();
}

#[test]
fn b42_without_a_token_nothing_executes_where_an_issuer_is_trusted() {
    let stage = Stage::new("deploy");
    let none = [("ACTIONS_ID_TOKEN_REQUEST_URL", "")];
    stage.refused(&none, 5, "oidc.token_missing");
    stage.refused(&[none[0], ("COUNTERSIGN_IDENTITY", "oidc")], 5, "oidc.token_missing");
    stage.refused(&[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")], 5, "oidc.token_missing");
    stage.refused(&[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong")], 5, "oidc.answer_refused");
    // Nobody can ask for less.
    stage.refused(&[("COUNTERSIGN_IDENTITY", "key")], 5, "oidc.token_missing");
    stage.run(&["execute", &stage.plan.file, "--identity", "key"], &[]).refused(5, "oidc.token_missing");
    stage.execute(&[("COUNTERSIGN_IDENTITY", "none")]).refused(2, "usage.invalid");
    stage.run(&["execute", &stage.plan.file, "--identity", "oidc"], &[]).exits(0);
}

#[test]
fn b42_an_identity_that_is_asked_for_and_that_nobody_may_say_is_refused() {
    let bench = scene::solo();
    let drafted = plan(&bench, "mark", &[]);
    scene::approve(&bench, "ada", &drafted, &[]).exits(0);
    let line = ["execute", drafted.file.as_str(), "--identity", "oidc"];
    scene::refused(&bench, &line, 5, "oidc.issuer_untrusted");
    scene::runs(&bench, &["execute", &drafted.file, "--identity", "key"]);
}

#[test]
fn b29_the_claim_names_the_token_and_the_job_that_showed_it() {
    let stage = Stage::new("deploy");
    stage.runs();
    let mut jobs = Vec::new();
    scene::ledger(&stage.bench)
        .for_each(stage.bench.now.get(), |entry, _| {
            if let Record::Claim(claim) = &entry.record {
                jobs.push(claim.job.clone());
            }
            Ok(())
        })
        .unwrap();
    let [Some(job)] = jobs.as_slice() else { panic!("{jobs:?}") };
    let claims = stage.claims();
    assert_eq!(
        (job.issuer.as_str(), job.run.as_str()),
        (stage.issuer.url().as_str(), claims["run_id"].as_str().unwrap())
    );
    assert_eq!(job.workflow, claims["job_workflow_ref"].as_str().unwrap());
    assert_eq!(job.token.to_string().len(), 71);
}

#[test]
fn b46_the_token_is_in_no_output_and_not_in_the_ledger() {
    let stage = Stage::new("deploy");
    let ran = stage.run(&["execute", &stage.plan.file, "--bundle", "../bundle.json"], &[]).exits(0);
    let ledger = stage.bench.git(&["log", "-p", "--format=%B", "countersign/ledger"]);
    let bundle = std::fs::read_to_string(stage.bench.outside("bundle.json")).unwrap();
    for text in [&ran.stdout, &ran.stderr, &ledger, &bundle] {
        assert!(!text.contains(BEARER) && !text.contains("eyJhbGciOi"), "{text}");
    }
}

#[test]
fn the_trust_root_takes_issuers_in_one_form_and_gives_them_up_again() {
    let bench = scene::solo();
    let issuer = |args: &[&str]| bench.json(&[&["keys", "issuer"], args].concat());
    let github = "https://token.actions.githubusercontent.com";
    for url in [
        "http://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/",
        "https://token.actions.githubusercontent.com/?x",
        "https://Token.actions.githubusercontent.com",
        "https://user@example.com",
        "https://example.com:0443",
        "https://example..com",
        "https://example.com/a/../b",
        "ftp://example.com",
        "example.com",
    ] {
        issuer(&[url, "--workflow", WORKFLOW]).refused(2, "trust.change");
    }
    for workflow in [
        "example/sample/.github/workflows/countersign.yml",
        "example/sample/.github/workflows/countersign.yml@main",
        "example/sample/.github/workflows/countersign.yml@refs/heads/",
        "example/sample/.github/workflows/countersign.yml@refs/heads/*",
        "example/sample/.github/workflows/countersign.yml@refs/tags/v1",
        "example/sample/.github/workflows/countersign.yml@refs/pull/5/merge",
        "example/sample/.github/workflows/countersign.yml@0123456789",
        "example/../.github/workflows/countersign.yml@refs/heads/main",
        "sample/.github/workflows/countersign.yml@refs/heads/main",
        "example/sample/workflows/countersign.yml@refs/heads/main",
    ] {
        issuer(&[github, "--workflow", workflow]).refused(2, "trust.change");
    }
    for event in ["pull_request", "pull_request_target", "pull_request_review", "Push", "*"] {
        issuer(&[github, "--workflow", WORKFLOW, "--event", event]).refused(2, "trust.change");
    }
    issuer(&[github, "--workflow", WORKFLOW, "--workflow", WORKFLOW]).refused(2, "trust.change");
    issuer(&["https://other.example", "--remove"]).refused(2, "issuer.unknown");
    issuer(&[github, "--workflow", WORKFLOW, "--event", "push"]).exits(0);
    let shown = || bench.json(&["keys", "show"]).exits(0).json()["result"]["issuers"].clone();
    bench.commit("Trust GitHub");
    assert_eq!((&shown()[0]["url"], &shown()[0]["events"]), (&json!(github), &json!(["push"])));
    issuer(&[github, "--workflow", WORKFLOW, "--jwks", &format!("sha256:{}", "0".repeat(64))]).exits(0);
    bench.commit("Pin its keys");
    assert_eq!((shown().as_array().unwrap().len(), &shown()[0]["events"]), (1, &json!(["workflow_dispatch"])));
    issuer(&[github, "--remove"]).exits(0);
    bench.commit("Trust nobody");
    assert_eq!(shown(), json!([]));
}

//! What refuses, what is only said, and what is no matter.

use std::os::unix::net::UnixListener;

use super::*;

fn asked(token: Reach) -> Asked<'static> {
    Asked { model_keys: &["OPENAI_API_KEY", "GOOGLE_API_KEY"], token, sockets: Some(Vec::new()) }
}

fn of(variables: &[(&str, &str)], token: Reach) -> Result<Vec<String>> {
    check(&asked(token), &Environment::fixed(variables.iter().copied()))
}

const JOB: (&str, &str) = ("CI", "true");

#[test]
fn d01_each_power_refuses_a_planner_in_a_job_and_is_named_without_its_value() {
    for name in [
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "SIGSTORE_ID_TOKEN",
        "COUNTERSIGN_KEY",
        "COUNTERSIGN_SIGNING_KEY",
        "COUNTERSIGN_PLANNER_KEY",
        "COUNTERSIGN_GATE_KEY",
        "COUNTERSIGN_EXECUTOR_KEY",
        "COUNTERSIGN_APP_KEY",
        "COUNTERSIGN_GIT_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_PROFILE",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "ARM_CLIENT_SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
        "VAULT_TOKEN",
        "KUBECONFIG",
        "SSH_AUTH_SOCK",
        "NPM_TOKEN",
        "CARGO_REGISTRY_TOKEN",
        "DEPLOY_PASSWORD",
        "GITHUB_TOKEN",
        "GH_TOKEN",
    ] {
        let refusal = of(&[JOB, (name, "hunter2")], Reach::Unknown).unwrap_err();
        assert_eq!((refusal.code(), refusal.about()), ("planner.overprivileged", Some(name)));
        assert!(!format!("{refusal:?}").contains("hunter2"), "{name}");
        assert!(refusal.hints().next().is_some_and(|hint| !hint.is_empty()), "{name}");
    }
}

#[test]
fn d01_a_job_with_the_key_of_a_model_and_nothing_else_may_plan() {
    let plain = [
        JOB,
        ("OPENAI_API_KEY", "sk-x"),
        ("GOOGLE_API_KEY", "x"),
        ("PATH", "/bin"),
        ("GITHUB_REPOSITORY", "a/b"),
        ("GITHUB_SHA", "x"),
        ("AWS_REGION", "eu-central-1"),
        ("AZURE_EXTENSION_DIR", "/opt/az"),
        ("MAX_TOKENS", "1"),
        // The name under which the workflow hands over the key, whoever's model it opens.
        ("MODEL_KEY", "x"),
        ("COUNTERSIGN_HOME", "/x"),
        ("COUNTERSIGN_SIGNING_KEY", ""),
    ];
    assert_eq!(of(&plain, Reach::Unknown).unwrap(), Vec::<String>::new());
    // A key of another model than the one that is asked is one secret too many.
    assert!(of(&[JOB, ("AZURE_OPENAI_API_KEY", "x")], Reach::Unknown).is_err());
}

#[test]
fn d01_a_persons_own_files_and_agent_are_said_and_keys_in_variables_refused() {
    let own = [("COUNTERSIGN_KEY", "me"), ("SSH_AUTH_SOCK", "/run/x"), ("GH_TOKEN", "gho_x"), ("AWS_PROFILE", "work")];
    let said = of(&own, Reach::Unknown).unwrap();
    assert_eq!(said.len(), own.len(), "{said:?}");
    for (name, _) in own {
        assert!(said.iter().any(|line| line.starts_with(&format!("`{name}` is "))), "{name}: {said:?}");
    }
    for name in ["COUNTERSIGN_SIGNING_KEY", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_SECRET_ACCESS_KEY"] {
        assert_eq!(of(&[(name, "x")], Reach::Unknown).unwrap_err().about(), Some(name));
    }
}

#[test]
fn d01_of_tokens_only_one_that_the_forge_calls_read_only_may_be_in_a_job() {
    let own = [JOB, ("GITHUB_TOKEN", "ghs_x")];
    assert!(of(&own, Reach::ReadOnly).unwrap().is_empty());
    for reach in [Reach::Unknown, Reach::Writes] {
        assert_eq!(of(&own, reach).unwrap_err().code(), "planner.overprivileged");
    }
    // The forge was asked about one token, and not about another.
    assert!(of(&[JOB, ("GITHUB_TOKEN", "ghs_x"), ("GH_TOKEN", "ghs_x")], Reach::ReadOnly).is_ok());
    assert!(of(&[JOB, ("GITHUB_TOKEN", "ghs_x"), ("GH_TOKEN", "ghs_y")], Reach::ReadOnly).is_err());
    for token in ["ghp_x", "gho_x", "ghu_x", "github_pat_x"] {
        let refusal = of(&[JOB, ("GITHUB_TOKEN", token)], Reach::ReadOnly).unwrap_err();
        assert!(refusal.message().contains("a person's token"), "{refusal}");
    }
}

#[test]
fn d01_every_ci_is_known_and_all_that_is_found_is_told_at_once() {
    for name in JOBS {
        assert_eq!(Place::of(&Environment::fixed([(name, "1")])), Place::Job, "{name}");
    }
    assert_eq!(Place::of(&Environment::fixed([("CI", "false")])), Place::Person);
    let refusal = of(&[JOB, ("NPM_TOKEN", "x"), ("VAULT_TOKEN", "x")], Reach::Unknown).unwrap_err();
    assert!(refusal.message().contains("NPM_TOKEN") && refusal.message().contains("VAULT_TOKEN"), "{refusal}");
}

#[test]
fn d01_a_container_engine_within_reach_refuses_in_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let asked = Asked { sockets: Some(vec![path.clone()]), ..asked(Reach::Unknown) };
    let ask = |variables: &[(&str, &str)]| check(&asked, &Environment::fixed(variables.iter().copied()));
    assert!(ask(&[JOB]).is_ok(), "there is none");
    let _listener = UnixListener::bind(&path).unwrap();
    assert_eq!(ask(&[JOB]).unwrap_err().code(), "planner.overprivileged");
    assert_eq!(ask(&[]).unwrap().len(), 1);
    let hosted = [JOB, ("GITHUB_ACTIONS", "true"), ("RUNNER_ENVIRONMENT", "github-hosted")];
    assert_eq!(ask(&hosted).unwrap().len(), 1, "said, and let be");
    let named = format!("unix://{}", path.display());
    assert!(of(&[JOB, ("DOCKER_HOST", &named)], Reach::Unknown).is_err());
}

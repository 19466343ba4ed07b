//! GitHub Apps: a token for this repository only, asked for with the app's key.

use std::{path::Path, process::Command};

use countersign::{
    base::secret::Secret,
    forge::{
        Forge,
        providers::github::{Credentials, GitHub},
    },
};

use super::{
    forge_github::{refused, settings},
    forge_model::{ForgeModel, faults::What, state},
};

/// A new RSA key: private and public in PEM.
pub(crate) fn key(folder: &Path, name: &str) -> (String, String) {
    let file = folder.join(name);
    let run = |args: &[&str]| {
        let output = Command::new("ssh-keygen").args(args).arg("-f").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]);
    let public = run(&["-e", "-m", "PKCS8"]);
    (std::fs::read_to_string(&file).unwrap(), public)
}

pub(crate) fn install(model: &ForgeModel, public_key: String) {
    let mut state = model.state();
    let bot =
        state::Person { id: 555, login: "an-app[bot]".into(), kind: "Bot", email: String::new(), role: "write".into() };
    state.people.push(bot);
    state.app = Some(state::App { id: 77, public_key, installation: 88, bot: 555, asked_for: Vec::new(), issued: 0 });
    state.issues.push(state::Issue {
        number: 1,
        title: String::new(),
        body: None,
        author: None,
        open: true,
        labels: Vec::new(),
        parent: None,
    });
}

fn with_app(model: &ForgeModel, id: u64, key: &str) -> GitHub {
    let credentials = Credentials::App { id, key: Secret::new(key.to_owned()) };
    GitHub::new(&model.host(), "acme/infra", credentials, settings()).unwrap()
}

#[test]
fn an_app_gets_a_token_for_this_repository_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key(folder.path(), "app");
    let model = ForgeModel::start();
    install(&model, public);
    let forge = with_app(&model, 77, &private);
    assert!(model.requests().is_empty());
    assert_eq!(forge.repository().unwrap().id, 7000);
    assert_eq!(forge.create_comment(1, "plan").unwrap().author.id, 555);
    assert_eq!(forge.whoami().unwrap().login, "an-app[bot]");
    let state = model.state();
    let app = state.app.as_ref().unwrap();
    assert_eq!((app.asked_for.as_slice(), app.issued), (&["infra".to_owned()][..], 1));
    drop(state);
    assert_eq!(forge.calls(), 5);
    // The key's signature goes to the two questions about the app, the token to all others.
    for request in model.record() {
        let shown = request.header("authorization").unwrap();
        let by_key = request.target.contains("/installation");
        assert_eq!(shown == "Bearer installation-token-1", !by_key, "{}", request.target);
    }
}

#[test]
fn an_apps_token_that_ran_out_is_asked_for_anew_and_a_write_still_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key(folder.path(), "app");
    let model = ForgeModel::start();
    install(&model, public);
    let forge = with_app(&model, 77, &private);
    forge.repository().unwrap();
    model.state().tokens.remove("installation-token-1");
    forge.create_comment(1, "plan").unwrap();
    assert_eq!(model.state().comments.len(), 1);
    // Once, and not for ever.
    model.fault_times("POST", "/issues/1/comments", 0, 9, What::Status(401, "Bad credentials"));
    refused(forge.create_comment(1, "more"), "forge.denied");
    assert_eq!(model.state().app.as_ref().unwrap().issued, 3);
}

#[test]
fn another_key_another_app_and_what_is_no_key_get_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key(folder.path(), "app");
    let (stranger, _) = key(folder.path(), "other");
    let model = ForgeModel::start();
    install(&model, public);
    refused(with_app(&model, 77, &stranger).repository(), "forge.denied");
    refused(with_app(&model, 78, &private).repository(), "forge.denied");
    assert_eq!(model.state().app.as_ref().unwrap().issued, 0);
    for bad in ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
        let credentials = Credentials::App { id: 77, key: Secret::new(bad.to_owned()) };
        let refusal = GitHub::new(&model.host(), "acme/infra", credentials, settings()).err().unwrap();
        assert_eq!(refusal.code(), "forge.credentials");
    }
    model.state().app = None;
    // Not installed here.
    assert!(with_app(&model, 77, &private).repository().is_err());
}

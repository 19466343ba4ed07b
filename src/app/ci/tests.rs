use super::*;

fn env(variables: &[(&str, &str)]) -> Environment {
    Environment::fixed(variables.iter().map(|(name, value)| ((*name).to_owned(), *value)))
}

fn chosen(option: Option<CiChoice>, variables: &[(&str, &str)]) -> Option<&'static str> {
    choose(option, &env(variables)).unwrap().map(Provider::id)
}

#[test]
fn the_option_wins_over_the_variable_and_that_over_the_environment() {
    let github = ("GITHUB_ACTIONS", "true");
    assert_eq!(chosen(None, &[]), None);
    assert_eq!(chosen(None, &[github]), Some("github"));
    assert_eq!(chosen(None, &[("GITHUB_ACTIONS", "1")]), None);
    assert_eq!(chosen(None, &[github, (CHOICE, "none")]), None);
    assert_eq!(chosen(None, &[(CHOICE, "github")]), Some("github"));
    assert_eq!(chosen(Some(CiChoice::None), &[github, (CHOICE, "github")]), None);
    assert_eq!(chosen(Some(CiChoice::Auto), &[github, (CHOICE, "none")]), Some("github"));
    assert_eq!(chosen(Some(CiChoice::Github), &[]), Some("github"));
    assert_eq!(choose(None, &env(&[(CHOICE, "Github")])).unwrap_err().code(), "usage.invalid");
}

#[test]
fn every_ci_is_known_by_one_word_and_writes_in_a_format_that_there_is() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/ci");
    for ci in ALL {
        assert!(folder.join(format!("{}.rs", ci.id())).is_file(), "{}", ci.id());
        assert!(crate::report::formats::find(ci.log_format()).is_some(), "{}", ci.id());
    }
}

#[test]
fn a38_a_file_of_the_runner_is_put_back_whatever_was_done_to_it() {
    use std::fs;
    let folder = tempfile::tempdir().unwrap();
    let tree = tempfile::tempdir().unwrap();
    let path = folder.path().join("env");
    let precious = folder.path().join("precious");
    let variables = env(&[("GITHUB_ENV", path.to_str().unwrap())]);
    let attacks: [&dyn Fn(); 6] = [
        &|| fs::write(&path, "A=1\nLD_PRELOAD=/tmp/x\n").unwrap(),
        &|| fs::write(&path, "").unwrap(),
        &|| fs::write(&path, "A=2\n").unwrap(),
        &|| fs::remove_file(&path).unwrap(),
        &|| {
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&precious, &path).unwrap();
        },
        &|| {
            fs::remove_file(&path).unwrap();
            fs::write(&path, "A=1\n").unwrap();
        },
    ];
    for (number, attack) in attacks.iter().enumerate() {
        fs::write(&precious, "A=1\n").unwrap();
        let _ = fs::remove_file(&path);
        fs::write(&path, "A=1\n").unwrap();
        let files = OrderFiles::of(&variables, tree.path()).unwrap();
        files.check().unwrap();
        // A file that is made anew may get the number of the one before; the name of one that stays keeps it.
        let _held = fs::File::open(&path).unwrap();
        attack();
        let refusal = files.check().unwrap_err();
        assert_eq!(refusal.code(), "runner.filecommand_tampered", "{number}");
        assert!(refusal.message().ends_with("; it was put back"), "{number}: {refusal}");
        assert!(path.symlink_metadata().unwrap().is_file(), "{number}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "A=1\n", "{number}");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "A=1\n", "{number}: nothing was written through the link");
    }
    // What was not there stays away.
    fs::remove_file(&path).unwrap();
    let files = OrderFiles::of(&variables, tree.path()).unwrap();
    files.check().unwrap();
    fs::write(&path, "A=1\n").unwrap();
    assert!(files.check().is_err() && !path.exists());
}

#[test]
fn a38_no_file_of_the_runner_may_lie_where_a_step_writes() {
    let tree = tempfile::tempdir().unwrap();
    let inside = tree.path().join("env");
    for path in [inside.to_str().unwrap(), "relative/env"] {
        for variable in ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"] {
            let refusal = OrderFiles::of(&env(&[(variable, path)]), tree.path()).unwrap_err();
            assert_eq!(refusal.code(), "runner.filecommand_exposed", "{variable}: {path}");
        }
    }
}

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

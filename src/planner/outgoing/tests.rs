use super::*;
use crate::planner::{
    answer::Answer,
    taint::Sources,
    testing::{DIRECTIVE, HONEST, World},
};

#[test]
fn d11_what_people_and_models_write_goes_out() {
    let long = "Raise the version to 1.2.0, since the changelog has three entries under Unreleased. ".repeat(20);
    for text in [
        "",
        "Release 2.4.1",
        &long,
        "Revert \"Use OAuth2ClientCredentials in HttpServletRequestFactory2\" (#1234, JIRA-20481)",
        "4c2e7b74cffc6c560bfa04672e44f4d513260fb7",
        "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
        "https://github.com/acme/infra/compare/08c6903cd8c0fde910a37f88322edcfb5dd907a8...4c2e7b74cffc6c560bfa04672e44f4d513260fb7",
        "ghcr.io/acme/app:v1.22.3-alpine3.19@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "feature/JIRA-1234-fix-the-2nd-of-3-things",
        "https://api.example.com/v2/projects/12/releases?per_page=100&order_by=created_at&sort=desc",
        "release-2026.11.26-build.20261126151411",
        "Überarbeitung der Donaudampfschifffahrtsgesellschaftskapitänsmütze",
    ] {
        assert_eq!(excess(text), None, "{text}");
    }
}

#[test]
fn d11_what_is_packed_or_too_long_does_not() {
    let base64 = "VGhlIHBhc3N3b3JkIG9mIHRoZSBkYXRhYmFzZSBpcyBodW50ZXIy";
    let hex = "5468652070617373776f7264206f66207468652064617461";
    let base32 = "KRUGKIDQMFZXG53POJSCA33GEB2GQZJAMRQXIYLCMFZWKIDJOM";
    let numbers = "084104101032112097115115119111114100032111102";
    for packed in [base64, hex, base32, numbers] {
        let split = |by: &str| {
            packed.as_bytes().chunks(6).map(|part| std::str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(by)
        };
        for text in [
            packed.to_owned(),
            format!("Fix it\n\nRef: {packed}"),
            format!("https://example.com/a/{packed}.png"),
            format!("https://example.com/?q={packed}"),
            format!("refs/heads/{}", split("-")),
            format!("https://example.com/{}", split("/")),
            format!("v1.0+{}", split(".")),
        ] {
            assert!(excess(&text).is_some(), "{text}");
        }
    }
    let percent: String = "The password of it".bytes().map(|b| format!("%{b:02x}")).collect();
    assert!(excess(&format!("https://example.com/{percent}")).is_some());
    assert!(excess(&"a word ".repeat(400)).is_some(), "the whole text");
    assert!(excess(&"along".repeat(50)).is_some(), "one word");
    let ids = |many: usize| vec!["4c2e7b74cffc6c560bfa04672e44f4d513260fb7"; many].join(" ");
    assert!(excess(&ids(MAX_DIGESTS)).is_none() && excess(&ids(MAX_DIGESTS + 1)).is_some());
}

#[test]
fn d11_only_what_a_planner_wrote_and_only_where_it_goes_out_is_limited() {
    let packed = "VGhlIHBhc3N3b3JkIG9mIHRoZSBkYXRhYmFzZSBpcyBodW50ZXIy";
    let answer = HONEST.replace("{\"value\": \"CHANGELOG.md\"}", &format!("{{\"value\": \"{packed}\"}}"));
    let local = World::new(DIRECTIVE);
    let network = World::with_network(DIRECTIVE);
    let try_with = |world: &World, sources: &[_], outgoing| {
        let proposal = Answer::read(&answer).unwrap().into_proposal(&Sources { items: sources });
        check(&world.request(), &proposal, outgoing).map_err(|refusal| (refusal.code(), refusal.message().to_owned()))
    };
    let said = "step `look`, input `file`: it holds a long random run of letters and digits".to_owned();
    assert_eq!(
        try_with(&network, &[], Outgoing::Limit),
        Err(("planner.exfiltration", said)),
        "the value is not repeated"
    );
    assert_eq!(try_with(&network, &[], Outgoing::Allow), Ok(()));
    assert_eq!(try_with(&local, &[], Outgoing::Limit), Ok(()), "a program without network");
    let base = crate::planner::context::ContextItem {
        name: "a text".into(),
        origin: crate::plan::model::Origin::RepoAtBase,
        text: packed.to_owned(),
        digest: crate::base::digest::Digest::of(b"text"),
        truncated: false,
        hidden: 0,
    };
    assert_eq!(try_with(&network, &[base], Outgoing::Limit), Ok(()), "it stands at the base");
}

//! What in a text looks like a secret, by the forms that issuers give theirs.

use std::{ops::Range, sync::LazyLock};

use aho_corasick::AhoCorasick;

/// A form that begins with a word of its own.
struct Form {
    what: &'static str,
    /// How it may begin.
    prefixes: &'static [&'static str],
    /// How many characters follow at least.
    least: usize,
    /// What they are.
    follows: fn(u8) -> bool,
    /// Whether no letter or digit may stand before it.
    alone: bool,
}

const fn token(what: &'static str, prefixes: &'static [&'static str], least: usize) -> Form {
    Form { what, prefixes, least, follows: is_token, alone: false }
}

/// The one list of forms.
static FORMS: [Form; 14] = [
    token("a GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"], 20),
    token("a GitLab token", &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"], 16),
    token("a Slack token", &["xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"], 10),
    token("an npm token", &["npm_"], 36),
    token("a PyPI token", &["pypi-AgE"], 40),
    token("a Hugging Face token", &["hf_"], 30),
    token("a Stripe key", &["sk_live_", "rk_live_"], 20),
    token("a DigitalOcean token", &["dop_v1_"], 60),
    token("a HashiCorp Vault token", &["hvs."], 24),
    token("an age key", &["AGE-SECRET-KEY-1"], 50),
    Form { alone: true, ..token("a model provider's key", &["sk-"], 20) },
    Form { alone: true, ..token("a Google API key", &["AIza"], 35) },
    Form { alone: true, follows: is_upper, ..token("an AWS access key", &["AKIA", "ASIA"], 16) },
    // Its first part must be long enough, and a second of its kind follow.
    token("a JSON web token", &[JWT], 7),
];

/// How the parts of a JSON web token begin: `{"` in base64url.
const JWT: &str = "eyJ";

/// Every prefix, with the form that it begins.
static PREFIXES: LazyLock<(Option<AhoCorasick>, Vec<&'static Form>)> = LazyLock::new(|| {
    let prefixes = FORMS.iter().flat_map(|form| form.prefixes);
    let forms = FORMS.iter().flat_map(|form| form.prefixes.iter().map(move |_| form));
    (AhoCorasick::new(prefixes).ok(), forms.collect())
});

/// Tells whether a byte may be part of a token; where two such bytes meet, no token begins or ends for certain.
#[must_use]
pub fn is_part(byte: u8) -> bool {
    is_token(byte) || byte == b'.'
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

const fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Tells which kind of secret a text seems to hold.
#[must_use]
pub fn secret_in(text: &str) -> Option<&'static str> {
    // No form is shorter, and most texts of a plan are.
    if text.len() < 14 {
        return None;
    }
    if let Some((_, what)) = tokens(text.as_bytes()).next() {
        return Some(what);
    }
    let armour = text.match_indices("-----BEGIN ").any(|(at, begin)| {
        let line = text[at + begin.len()..].lines().next().unwrap_or_default();
        line.contains("PRIVATE KEY-----") || line.contains("PRIVATE KEY BLOCK-----")
    });
    armour.then_some("a private key")
}

/// Returns where tokens of known forms stand, and what each seems to be; in order of their beginnings' ends.
///
/// A place reaches as far as the token's characters do. Private keys are no tokens, they have lines.
pub fn tokens(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    let (finder, forms) = &*PREFIXES;
    let found = finder.iter().flat_map(move |finder| finder.find_overlapping_iter(bytes));
    found.filter_map(move |hit| {
        let form = forms.get(hit.pattern().as_usize())?;
        let before = hit.start().checked_sub(1).map(|at| bytes[at]);
        if form.alone && before.is_some_and(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let run = |from: usize, of: fn(u8) -> bool| {
            bytes[from..].iter().position(|b| !of(*b)).map_or(bytes.len(), |length| from + length)
        };
        let end = run(hit.end(), form.follows);
        if end - hit.end() < form.least {
            return None;
        }
        if form.prefixes == [JWT] {
            let more = bytes[end..].strip_prefix(b".").is_some_and(|rest| rest.starts_with(JWT.as_bytes()));
            return more.then(|| (hit.start()..run(end, is_part), form.what));
        }
        Some((hit.start()..run(end, is_token), form.what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c38_known_forms_of_secrets_are_seen() {
        let tail = "a1B2".repeat(20);
        for bad in [
            format!("x ghp_{tail}"),
            format!("github_pat_{tail}"),
            format!("glpat-{tail}"),
            format!("xoxb-{tail}"),
            format!("key=sk-{tail}"),
            format!("glcbt-{tail}"),
            format!("npm_{tail}"),
            format!("pypi-AgE{tail}"),
            format!("hf_{tail}"),
            format!("sk_live_{tail}"),
            format!("dop_v1_{tail}"),
            format!("hvs.{tail}"),
            format!("AGE-SECRET-KEY-1{tail}"),
            format!("\"AIza{tail}\""),
            format!("n\nAKIA{}", "A1B2".repeat(4)),
            "-----BEGIN OPENSSH PRIVATE KEY-----\n".to_owned(),
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n".to_owned(),
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx".to_owned(),
        ] {
            assert!(secret_in(&bad).is_some(), "{bad}");
        }
        for good in [
            "risk-assessment-of-the-whole-thing",
            "ghp_short",
            "AKIA",
            "-----BEGIN PUBLIC KEY-----",
            "eyJ.eyJ",
            "an npm_config_registry variable",
            "shelf_of_many_books_and_more_books_than_that",
        ] {
            assert_eq!(secret_in(good), None, "{good}");
        }
    }

    #[test]
    fn a_token_is_found_where_it_stands_and_as_far_as_it_reaches() {
        let tail = "a1B2".repeat(9);
        let text = format!("a ghp_{tail}, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln_- task-{tail} end");
        let found: Vec<_> = tokens(text.as_bytes()).map(|(at, _)| &text[at]).collect();
        assert_eq!(found, [&format!("ghp_{tail}"), "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln_-"]);
    }
}

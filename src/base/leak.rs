//! What in a text looks like a secret, by the forms that issuers give theirs.

/// Forms that begin with a word of their own: what it is, how it may begin, and the characters that follow at least.
const TOKENS: &[(&str, &[&str], usize)] = &[
    ("a GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"], 20),
    ("a GitLab token", &["glpat-", "gldt-", "glrt-"], 16),
    ("a Slack token", &["xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"], 10),
    ("an npm token", &["npm_"], 36),
    ("a PyPI token", &["pypi-AgE"], 40),
    ("a Hugging Face token", &["hf_"], 30),
    ("a Stripe key", &["sk_live_", "rk_live_"], 20),
    ("a DigitalOcean token", &["dop_v1_"], 60),
    ("a HashiCorp Vault token", &["hvs."], 24),
    ("an age key", &["AGE-SECRET-KEY-1"], 50),
];

/// Tells which kind of secret a text seems to hold.
#[must_use]
pub fn secret_in(text: &str) -> Option<&'static str> {
    // No form below is shorter, and most texts of a plan are.
    if text.len() < 14 {
        return None;
    }
    let token = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    for (what, prefixes, least) in TOKENS {
        if prefixes.iter().any(|prefix| follows(text, prefix, *least, token, |_| true)) {
            return Some(what);
        }
    }
    let alone = |before: Option<char>| !before.is_some_and(|c| c.is_ascii_alphanumeric());
    if follows(text, "sk-", 20, token, alone) {
        return Some("a model provider's key");
    }
    if follows(text, "AIza", 35, token, alone) {
        return Some("a Google API key");
    }
    if ["AKIA", "ASIA"].iter().any(|prefix| follows(text, prefix, 16, upper, alone)) {
        return Some("an AWS access key");
    }
    let armour = text.match_indices("-----BEGIN ").any(|(at, begin)| {
        let line = text[at + begin.len()..].lines().next().unwrap_or_default();
        line.contains("PRIVATE KEY-----") || line.contains("PRIVATE KEY BLOCK-----")
    });
    if armour {
        return Some("a private key");
    }
    let jwt = text.match_indices("eyJ").any(|(at, _)| {
        let rest = &text[at..];
        let head = rest.find(|c| !token(c)).unwrap_or(rest.len());
        head >= 10 && rest[head..].starts_with(".eyJ")
    });
    jwt.then_some("a JSON web token")
}

/// Tells whether `prefix` stands in `text`, after what `before` lets pass, with at least `least` characters of a kind behind it.
fn follows(
    text: &str,
    prefix: &str,
    least: usize,
    kind: impl Fn(char) -> bool,
    before: impl Fn(Option<char>) -> bool,
) -> bool {
    text.match_indices(prefix).any(|(at, _)| {
        before(text[..at].chars().next_back())
            && text[at + prefix.len()..].chars().take_while(|c| kind(*c)).take(least).count() == least
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
}

//! Strings that nobody made up.

/// Names that secrets are given to, as part of a longer name.
const NAMES: &[&str] = &[
    "accesskey",
    "apikey",
    "authtoken",
    "clientsecret",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "token",
];

/// Endings of names whose values tell about a secret, and are none.
const ABOUT: &[&str] =
    &["digest", "endpoint", "file", "hash", "host", "id", "length", "name", "path", "ref", "type", "uri", "url", "var"];

/// What stands directly before a random string that is public: digests in lock files.
const PUBLIC: &[&str] = &["sha1-", "sha256-", "sha384-", "sha512-", "sha1:", "sha256:", "sha512:", "h1:", "base64,"];

/// The shortest value of a name that counts.
const LEAST_VALUE: usize = 12;
/// The most characters of a value that are looked at: a line may be one long list of names and equals signs.
const MOST_VALUE: usize = 256;
/// The shortest run that counts by itself.
const LEAST_RUN: usize = 24;

/// Tells whether a line gives a random value to a name such as `password`.
pub(super) fn assigned(line: &str) -> bool {
    line.match_indices(['=', ':']).any(|(at, _)| {
        let quote = ['"', '\'', '`'];
        let before = line[..at].trim_end().trim_end_matches(quote);
        let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
        let name = &before[start.map_or(0, |start| start + before[start..].chars().next().map_or(1, char::len_utf8))..];
        let name: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        if !NAMES.iter().any(|known| name.contains(known)) || ABOUT.iter().any(|about| name.ends_with(about)) {
            return false;
        }
        let rest = line[at + 1..].trim_start_matches(['=', ':', '>', ' ', '\t']).trim_start_matches(quote);
        let ends = |c: char| c.is_whitespace() || "\"'`,;<>(){}[]|$".contains(c);
        let end = rest.char_indices().enumerate().find(|(n, (_, c))| *n == MOST_VALUE || ends(*c));
        let end = end.map_or(rest.len(), |(_, (end, _))| end);
        // What is called is code.
        !rest[end..].starts_with('(') && is_secret_value(&rest[..end])
    })
}

fn is_secret_value(value: &str) -> bool {
    let has = |kind: fn(&char) -> bool| value.chars().any(|c| kind(&c));
    let path = value.contains("::") || value.contains("://") || value.starts_with(['/', '.']);
    value.len() >= LEAST_VALUE && !path && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
        // `x1` over and over, or a date, is no secret.
        && entropy(value) >= 3.0
}

/// Tells whether a line holds a long run of letters and digits that no person would write.
pub(super) fn run(line: &str) -> bool {
    let mut start = 0;
    line.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        let at = start;
        start += run.len();
        start += line[start..].chars().next().map_or(0, char::len_utf8);
        run.len() >= LEAST_RUN && is_random(run) && !is_public(line, at)
    })
}

/// Tells whether a run is part of a longer token that is public.
fn is_public(line: &str, at: usize) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-' | ':' | ',');
    let begin = line[..at]
        .rfind(|c| !token(c))
        .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
    let head = &line[begin..at];
    // `AAAA` begins every public key of SSH.
    head.starts_with("AAAA") || line[at..].starts_with("AAAA") || PUBLIC.iter().any(|public| head.contains(public))
}

/// Letters of both cases and digits, that change often, and each about as often as the others.
fn is_random(run: &str) -> bool {
    let class = |c: char| match c {
        'a'..='z' => 0_u8,
        'A'..='Z' => 1,
        _ => 2,
    };
    let classes: Vec<u8> = run.chars().map(class).collect();
    let least = |wanted: u8| classes.iter().filter(|class| **class == wanted).count() >= 2;
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    least(0) && least(1) && least(2) && changes * 20 >= run.len() * 9 && entropy(run) >= 3.7
}

/// Returns the bits of each character, by how often each stands in the text.
pub(in crate::planner) fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::<char, u32>::new();
    text.chars().for_each(|c| *counts.entry(c).or_default() += 1);
    let all: f64 = counts.values().copied().map(f64::from).sum();
    counts.values().map(|count| f64::from(*count) / all).map(|share| -share * share.log2()).sum()
}

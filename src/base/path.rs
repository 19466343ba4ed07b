//! Paths inside the repository, in the one form a plan may name them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reason::{PATH_INVALID, PATH_PROTECTED, Refusal};

/// A relative, normalised, printable-ASCII path with `/` between its parts.
///
/// `.` names the root of the repository. No part is empty, `.`, `..`, or ends in a dot or a space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

/// First parts, ASCII-lower-cased, that no plan may write: the guardrails themselves.
const PROTECTED: [&str; 8] =
    [".git", ".github", ".gitlab", ".gitlab-ci.yml", ".countersign", ".gitattributes", ".gitmodules", "codeowners"];

impl RepoPath {
    /// The root of the repository.
    #[must_use]
    pub fn root() -> Self {
        Self(".".to_owned())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path of `name` below this one.
    ///
    /// # Errors
    /// `path.invalid` where `name` is not a valid relative path.
    pub fn join(&self, name: &str) -> Result<Self, Refusal> {
        if self.0 == "." { name.parse() } else { format!("{}/{name}", self.0).parse() }
    }

    /// Tells whether this path is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.0 == "." || self.0 == other.0 || self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Refuses a path at which no file of the repository is: the root, and git's own folder.
    ///
    /// # Errors
    /// `path.invalid`.
    pub fn check_file(&self) -> Result<(), Refusal> {
        if *self == Self::root() || self.is_in_git() {
            return Err(Refusal::new(PATH_INVALID, format!("`{self}` is no file of the repository")));
        }
        Ok(())
    }

    /// Refuses a folder in which no program runs: git's own.
    ///
    /// # Errors
    /// `path.invalid`.
    pub fn check_cwd(&self) -> Result<(), Refusal> {
        if self.is_in_git() {
            return Err(Refusal::new(PATH_INVALID, format!("no program runs in `{self}`")));
        }
        Ok(())
    }

    fn is_in_git(&self) -> bool {
        self.0.split('/').any(|part| part.eq_ignore_ascii_case(".git"))
    }

    /// Refuses a path that holds or lies within the guardrails.
    ///
    /// # Errors
    /// `path.protected` for anything under `.git`, `.github`, `.gitlab*`, `.countersign`,
    /// `CODEOWNERS`, or a place that would contain them all (the root).
    pub fn check_writable(&self) -> Result<(), Refusal> {
        let folded = self.0.to_ascii_lowercase();
        let parts: Vec<&str> = folded.split('/').collect();
        let first = parts.first().copied().unwrap_or_default();
        let owners = parts.last().is_some_and(|name| *name == "codeowners");
        let git_inside = parts.iter().any(|part| is_git_alias(part));
        let tool = matches!(first, "directives" | "pipelines");
        if self.0 == "." || PROTECTED.contains(&first) || owners || git_inside || tool {
            return Err(Refusal::new(PATH_PROTECTED, format!("a plan may not write `{}`", self.0)).subject(&self.0));
        }
        Ok(())
    }
}

/// Tells whether a file system may take this part for `.git` (NTFS short names, HFS+ folding).
fn is_git_alias(part: &str) -> bool {
    part == ".git" || (part.starts_with("git~") && part.len() > 4 && part[4..].bytes().all(|b| b.is_ascii_digit()))
}

impl FromStr for RepoPath {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = |why: &str| {
            Err(Refusal::new(PATH_INVALID, format!("{why}: `{}`", super::text::excerpt(text)))
                .subject(super::text::excerpt(text)))
        };
        if text == "." {
            return Ok(Self::root());
        }
        if text.is_empty() || text.len() > 1024 {
            return refuse("path is empty or longer than 1024 bytes");
        }
        if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return refuse("path is not printable ASCII");
        }
        if text.starts_with('/') || text.starts_with('~') || text.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) {
            return refuse("path is not a plain relative path");
        }
        for part in text.split('/') {
            match part {
                "" | "." | ".." => return refuse("path has an empty, `.` or `..` part"),
                _ if part.len() > 255 => return refuse("path has a part longer than 255 bytes"),
                _ if part.ends_with(['.', ' ']) || part.starts_with(' ') => {
                    return refuse("path has a part with a dot at its end or a space at an end");
                }
                _ => {}
            }
        }
        super::text::check_steering(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::spelled::deserialize(deserializer)
    }
}

impl schemars::JsonSchema for RepoPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RepoPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "maxLength": 1024,
            "description": "Relative path inside the repository, printable ASCII, `/` between its parts, or `.`."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c06_path_traversal_and_odd_forms_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "./a",
            "a//b",
            "a/",
            "~/x",
            "a\\b",
            "a\0b",
            "a\nb",
            "c:x",
            "a.",
            "a /b",
            "a/. /b",
            "\u{200c}.git",
            "caf\u{e9}",
        ] {
            let refusal = bad.parse::<RepoPath>().unwrap_err();
            assert!(matches!(refusal.code(), "path.invalid" | "text.not_ascii"), "{bad:?}: {refusal}");
        }
        for good in ["a", "a/b.txt", ".", "a b/c", ".env", "a-b_c+d@e"] {
            assert!(good.parse::<RepoPath>().is_ok(), "{good}");
        }
    }

    #[test]
    fn c06_d16_guardrails_cannot_be_written() {
        for bad in [
            ".",
            ".git",
            ".GIT/config",
            "sub/.git/hooks/x",
            "git~1/config",
            ".github/workflows/x.yml",
            ".GitHub/x",
            ".gitlab-ci.yml",
            ".countersign/policy.yml",
            "docs/CODEOWNERS",
            "directives/x.md",
            "pipelines/x.yml",
        ] {
            let path: RepoPath = bad.parse().unwrap();
            assert_eq!(path.check_writable().unwrap_err().code(), "path.protected", "{bad}");
        }
        assert!("src/main.rs".parse::<RepoPath>().unwrap().check_writable().is_ok());
    }

    #[test]
    fn within_compares_whole_parts() {
        let path: RepoPath = "a/bc".parse().unwrap();
        assert!(path.is_within(&"a".parse().unwrap()));
        assert!(!path.is_within(&"a/b".parse().unwrap()));
        assert!(path.is_within(&RepoPath::root()));
    }
}

//! Patterns over paths of the repository.

use globset::{GlobBuilder, GlobMatcher};

use crate::base::{path::RepoPath, reason::Refusal, text};

use super::reasons::POLICY_VALUE;

/// A path, which stands for everything below it too, or a glob (`*`, `**`, `?`, `[a-z]`, `{a,b}`).
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: String,
    glob: Option<GlobMatcher>,
    /// The part before the first special character, up to a `/`; none where there is none.
    fixed: Option<RepoPath>,
}

/// What a step writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Exactly this file.
    File(RepoPath),
    /// This file, or anything below it: what a program is let write.
    Tree(RepoPath),
    /// A tag of this name; patterns name it `tag:NAME`.
    Tag(String),
}

impl Written {
    /// Returns the text that patterns are held against and people are shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) | Self::Tree(path) => path.to_string(),
            Self::Tag(name) => format!("tag:{name}"),
        }
    }
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `policy.value` where it is no glob, or can match no path of a repository.
    pub fn new(pattern: &str) -> Result<Self, Refusal> {
        let refuse = |why: &str| Err(Refusal::new(POLICY_VALUE, format!("{why}: `{}`", text::excerpt(pattern))));
        text::check_steering(pattern)?;
        let special = pattern.find(['*', '?', '[', '{']);
        if pattern.is_empty() || pattern.starts_with(['/', '!']) || pattern.contains('\\') || pattern.ends_with('/') {
            return refuse("not a pattern of paths inside the repository");
        }
        if pattern.starts_with("tag:") {
            let glob = glob_of(pattern)?;
            return Ok(Self { text: pattern.to_owned(), glob: Some(glob), fixed: None });
        }
        if pattern.split('/').any(|part| matches!(part, "" | "." | "..")) && pattern != "." {
            return refuse("a pattern has an empty, `.` or `..` part");
        }
        let (glob, fixed) = match special {
            None => (None, Some(pattern.parse()?)),
            Some(at) => {
                let fixed = pattern[..at].rfind('/').map(|slash| pattern[..slash].parse()).transpose()?;
                (Some(glob_of(pattern)?), fixed)
            }
        };
        Ok(Self { text: pattern.to_owned(), glob, fixed })
    }

    /// Returns the text as the policy has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether everything that is written lies within the pattern.
    ///
    /// What a program may write may be a folder, so a glob holds it only where it ends in `/**`.
    #[must_use]
    pub fn holds(&self, written: &Written) -> bool {
        match written {
            Written::Tag(_) => self.matches(&written.shown()),
            Written::File(path) => self.is_prefix_of(path) || self.matches(path.as_str()),
            Written::Tree(path) => {
                let whole_trees = self.text.ends_with("/**") || self.text == "**";
                self.is_prefix_of(path) || (whole_trees && (self.matches(path.as_str()) || self.matches_below(path)))
            }
        }
    }

    /// Tells whether anything that is written may lie within the pattern; in doubt, yes.
    #[must_use]
    pub fn may_touch(&self, written: &Written) -> bool {
        if self.holds(written) || self.matches(&written.shown()) {
            return true;
        }
        let Written::Tree(path) = written else { return false };
        if self.text.starts_with("tag:") {
            return false;
        }
        let fixed = self.fixed.clone().unwrap_or_else(RepoPath::root);
        fixed.is_within(path) || (path.is_within(&fixed) && self.may_match_below(path))
    }

    /// Tells whether a path below a folder could match a pattern with special characters; in doubt, yes.
    fn may_match_below(&self, folder: &RepoPath) -> bool {
        if self.glob.is_none() || self.text.contains(['{', '[']) || self.text.contains("**") {
            return self.glob.is_some();
        }
        // Without those each part of the pattern is of one part of the path.
        let depth = if *folder == RepoPath::root() { 0 } else { folder.as_str().split('/').count() };
        let parts: Vec<&str> = self.text.split('/').collect();
        let leads_there =
            |start: &[&str]| glob_of(&start.join("/")).map_or(true, |glob| glob.is_match(folder.as_str()));
        parts.len() > depth && (depth == 0 || leads_there(&parts[..depth]))
    }

    fn is_prefix_of(&self, path: &RepoPath) -> bool {
        self.glob.is_none() && self.fixed.as_ref().is_some_and(|fixed| path.is_within(fixed))
    }

    fn matches(&self, text: &str) -> bool {
        self.glob.as_ref().is_some_and(|glob| glob.is_match(text))
    }

    fn matches_below(&self, path: &RepoPath) -> bool {
        path.as_str() != "." && self.matches(&format!("{path}/~any~"))
    }
}

fn glob_of(pattern: &str) -> Result<GlobMatcher, Refusal> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|_| Refusal::new(POLICY_VALUE, format!("not a pattern: `{}`", text::excerpt(pattern))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Written {
        Written::File(path.parse().unwrap())
    }

    fn tree(path: &str) -> Written {
        Written::Tree(path.parse().unwrap())
    }

    fn holds(pattern: &str, written: &Written) -> bool {
        PathPattern::new(pattern).unwrap().holds(written)
    }

    fn touches(pattern: &str, written: &Written) -> bool {
        PathPattern::new(pattern).unwrap().may_touch(written)
    }

    #[test]
    fn a_path_holds_everything_below_it_and_a_glob_what_it_matches() {
        assert!(holds("docs", &file("docs/a.md")));
        assert!(holds("docs/*.md", &file("docs/a.md")));
        assert!(holds("docs/**", &tree("docs")));
        assert!(holds("docs/**", &tree("docs/a/b")));
        assert!(holds("tag:v*", &Written::Tag("v1".into())));
        for (pattern, written) in [
            ("docs", file("docs2/a")),
            ("docs/*.md", file("docs/a/b.md")),
            ("docs/*.md", tree("docs/a.md")),
            ("docs/**", tree(".")),
            ("v*", Written::Tag("v1".into())),
        ] {
            assert!(!holds(pattern, &written), "{pattern} {written:?}");
        }
    }

    #[test]
    fn a_folder_that_may_hold_the_pattern_touches_it() {
        for (pattern, written) in [
            ("secrets/**", tree(".")),
            ("a/secrets/**", tree("a")),
            ("a/b.key", tree("a")),
            ("**/*.key", tree("docs")),
            ("secrets/**", file("secrets/a")),
            ("a/*.key", tree("a")),
            ("deploy/*/prod.yml", tree("deploy/eu")),
            ("*/secrets.yml", tree("app")),
            ("{src,lib}/x/y", tree("src/x")),
            ("src/[ab]/c/d.txt", tree("src/a/c")),
            ("*.tf", tree(".")),
        ] {
            assert!(touches(pattern, &written), "{pattern} {written:?}");
        }
        assert!(!touches("secrets/**", &tree("docs")));
        assert!(!touches("**/*.key", &file("docs/a.md")));
        assert!(!touches("tag:*", &tree("docs")));
        assert!(!touches("*.tf", &tree("out")));
        assert!(!touches("deploy/*/prod.yml", &tree("deploy/eu/logs")));
        assert!(!touches("de*/x/prod.yml", &tree("src/x")));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for bad in ["", "/etc", "a/../b", "a\\b", "!a", "a[", "a/", "./a", "a\u{e9}"] {
            assert!(PathPattern::new(bad).is_err(), "{bad}");
        }
    }
}

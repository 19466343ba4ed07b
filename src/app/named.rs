//! What somebody means who names a directive, by its name or by a path as the shell completes it, or a plan, by the beginning
//! of its digest.

use std::path::{Component, Path, PathBuf};

use super::reasons::{DIRECTIVE_MISSING, PLAN_AMBIGUOUS, PLAN_UNKNOWN};
use crate::{
    base::{
        digest::Digest,
        path::RepoPath,
        reason::{Refusal, Result},
    },
    directive::{model::FOLDER, reasons::DIRECTIVE_PLACE},
};

/// Digits from which on the beginning of a digest names a plan: as many as `list` shows.
const LEAST: usize = 8;

/// The beginning of a digest: enough to find a plan, never to agree to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a>(&'a str);

impl<'a> Beginning<'a> {
    /// Takes 8 to 63 lower-case hex digits, with or without `sha256:`; nothing else is the beginning of a digest.
    pub(crate) fn of(named: &'a str) -> Option<Self> {
        let digits = named.strip_prefix("sha256:").unwrap_or(named);
        let fits =
            (LEAST..=64).contains(&digits.len()) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        fits.then_some(Self(digits))
    }

    /// Returns the only plan whose digest begins so.
    ///
    /// # Errors
    /// `plan.unknown` where there is none, `plan.ambiguous` where there are several.
    pub(crate) fn only(self, plans: impl IntoIterator<Item = Digest>) -> Result<Digest> {
        let mut found: Vec<Digest> = plans.into_iter().filter(|plan| plan.hex().starts_with(self.0)).collect();
        match (found.pop(), found.as_slice()) {
            (None, _) => {
                let what = format!("no plan on the ledger has a digest that begins with {}", self.0);
                Err(Refusal::new(PLAN_UNKNOWN, what).subject(self.0))
            }
            (Some(plan), []) => Ok(plan),
            (Some(last), others) => {
                let all: Vec<String> = others.iter().chain([&last]).map(Digest::to_string).collect();
                Err(Refusal::new(PLAN_AMBIGUOUS, format!("{} is the beginning of {}", self.0, all.join(", ")))
                    .subject(self.0))
            }
        }
    }
}

/// Makes the refusal of a path that is no directive's, whatever lies there.
fn elsewhere(path: &str) -> Refusal {
    let refusal = Refusal::new(DIRECTIVE_PLACE, format!("`{path}` does not lie below `{FOLDER}`")).subject(path);
    match path.rsplit('/').next().filter(|file| file.ends_with(".md")) {
        Some(file) => refusal
            .hint(format!("see `countersign directives list`; a directive of that name would be `{FOLDER}{file}`")),
        None => refusal,
    }
}

/// Where somebody stands who names a file.
#[derive(Clone, Debug)]
pub(crate) struct Stand {
    /// The top of the repository.
    pub(crate) top: PathBuf,
    /// The present folder.
    pub(crate) here: PathBuf,
}

impl Stand {
    /// Returns the path of a directive that is named by its name, by a path that leads to a file of the repository from
    /// the present folder, or by its path from the top.
    pub(crate) fn directive_path(&self, named: &str) -> String {
        if !named.contains('/') && !named.ends_with(".md") {
            return format!("directives/{named}.md");
        }
        self.leads_to(named).unwrap_or_else(|| named.strip_prefix("./").unwrap_or(named).to_owned())
    }

    /// Does what [`Stand::directive_path`] does, and refuses what can be no path in a commit: git has no answer to it.
    ///
    /// # Errors
    /// `directive.missing`, also for a path that leads out of the repository; `directive.place` for one that leads elsewhere
    /// than below `directives/`.
    pub(crate) fn plain_path(&self, named: &str) -> Result<String> {
        let path = self.directive_path(named);
        match path.parse::<RepoPath>() {
            Ok(_) if path.starts_with(FOLDER) => Ok(path),
            Ok(_) => Err(elsewhere(&path)),
            Err(why) => Err(Refusal::new(DIRECTIVE_MISSING, why.message().to_owned()).hint(
                "give the directive's name, or its path from the present folder or from the top of the repository",
            )),
        }
    }

    /// Returns the path, from the top, of the file of the repository to which a path leads from the present folder.
    ///
    /// Links on the way to the repository are followed; one inside of it is not, and is refused where the file is read.
    fn leads_to(&self, named: &str) -> Option<String> {
        let top = self.top.canonicalize().ok()?;
        let whole = flat(&self.here.join(named))?;
        let mut above: Vec<&Path> = whole.ancestors().skip(1).collect();
        above.reverse();
        // The outermost that is the top: a link inside of it may be the top once more.
        let own = above.into_iter().find(|folder| folder.canonicalize().is_ok_and(|found| found == top))?;
        let inside = whole.strip_prefix(own).ok()?;
        let is_there = top.join(inside).symlink_metadata().is_ok_and(|found| !found.is_dir());
        is_there.then(|| inside.to_str().map(str::to_owned)).flatten()
    }
}

/// Takes `.` and `..` out of a whole path; none where it leads above the root.
fn flat(path: &Path) -> Option<PathBuf> {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !flat.pop() {
                    return None;
                }
            }
            other => flat.push(other),
        }
    }
    Some(flat)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    /// A repository `repo` with directives, a folder `repo/sub/deep`, and a file beside the repository.
    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        for folder in ["repo/directives", "repo/sub/deep", "repo/sub/directives"] {
            fs::create_dir_all(room.path().join(folder)).unwrap();
        }
        for file in ["repo/directives/mark.md", "repo/sub/directives/own.md", "outside.md"] {
            fs::write(room.path().join(file), "").unwrap();
        }
        symlink("directives", room.path().join("repo/other")).unwrap();
        symlink(".", room.path().join("repo/again")).unwrap();
        symlink("repo", room.path().join("link")).unwrap();
        room
    }

    #[test]
    fn a_path_leads_to_a_file_from_where_somebody_stands() {
        let room = room();
        let at = |here: &str, named: &str| {
            let stand = Stand { top: room.path().join("repo"), here: room.path().join(here) };
            stand.directive_path(&named.replace("ROOM", room.path().to_str().unwrap()))
        };
        let mark = "directives/mark.md";
        for (here, named) in [
            ("repo", "mark"),
            ("repo/sub", "mark"),
            ("repo", "directives/mark.md"),
            ("repo", "./directives/mark.md"),
            ("repo", "ROOM/repo/directives/mark.md"),
            ("repo", "ROOM/link/directives/mark.md"),
            ("repo", "../repo/directives/mark.md"),
            ("repo/sub", "../directives/mark.md"),
            ("repo/sub/deep", "../../directives/./mark.md"),
            ("repo/directives", "mark.md"),
            ("repo/directives", "./mark.md"),
            ("link/directives", "mark.md"),
            // From the top, where nothing of that path lies in the present folder.
            ("repo/sub", "directives/mark.md"),
        ] {
            assert_eq!(at(here, named), mark, "{named} in {here}");
        }
        assert_eq!(at("repo/sub", "directives/own.md"), "sub/directives/own.md");
        // A link inside of the repository stays in the path, for whoever reads to refuse.
        assert_eq!(at("repo", "other/mark.md"), "other/mark.md");
        assert_eq!(at("repo", "again/directives/mark.md"), "again/directives/mark.md");
    }

    #[test]
    fn the_beginning_of_a_digest_names_a_plan_where_no_other_begins_so() {
        let plan = |digits: &str| Digest::from_hex(&format!("{digits:0<64}")).unwrap();
        let plans = [plan("12345678a"), plan("12345678b"), plan("9")];
        let find = |named: &str| Beginning::of(named).unwrap().only(plans);
        assert_eq!(find("12345678a").unwrap(), plans[0]);
        assert_eq!(find("sha256:12345678b0").unwrap(), plans[1]);
        assert_eq!(find("90000000").unwrap(), plans[2]);
        assert_eq!(find("12345678c").unwrap_err().code(), "plan.unknown");
        let several = find("12345678").unwrap_err();
        assert_eq!(several.code(), "plan.ambiguous");
        assert!(plans[..2].iter().all(|plan| several.message().contains(&plan.to_string())), "{}", several.message());
        assert!(!several.message().contains(&plans[2].to_string()));
        for named in
            ["1234567", "12345678A", "1234567g", "", "sha256:", "sha512:12345678", &"1".repeat(65), "plan.json"]
        {
            assert!(Beginning::of(named).is_none(), "{named}");
        }
    }

    #[test]
    fn what_leads_out_of_the_repository_is_refused() {
        let room = room();
        let stand = Stand { top: room.path().join("repo"), here: room.path().join("repo/sub") };
        let outside = room.path().join("outside.md").display().to_string();
        for named in [&outside, "../../outside.md", "/etc/passwd.md", "../../../../../../../../x.md", "../nosuch.md"] {
            assert_eq!(stand.plain_path(named).unwrap_err().code(), "directive.missing", "{named}");
        }
    }

    #[test]
    fn a_hint_says_where_a_directive_would_be_and_not_that_it_is_there() {
        let room = room();
        let stand = Stand { top: room.path().join("repo"), here: room.path().join("repo") };
        let refusal = stand.plain_path("docs/nosuch.md").unwrap_err();
        assert_eq!(refusal.code(), "directive.place");
        assert!(refusal.hints().any(|hint| hint.contains("would be `directives/nosuch.md`")), "{refusal:?}");
    }
}

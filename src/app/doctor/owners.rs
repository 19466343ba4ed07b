//! Owners of code: whether somebody owns what decides what may run.

use super::{
    line::{Line, Standing},
    pages::Pages,
    seen::Seen,
};

/// Folders whose files decide what may run.
const GUARDED: [&str; 4] = [".countersign", ".github/workflows", "directives", "pipelines"];

/// Judges whether the guarded folders have owners, as the file at the base commit says.
pub(super) fn judge(seen: &Seen, pages: &Pages) -> Line {
    let Some(file) = &seen.owners else {
        let found = "there is no CODEOWNERS, so `Require review from Code Owners` asks nobody";
        let page = pages.file(&seen.base.name, ".github/CODEOWNERS", None);
        return Line::new("base.owners", "CODEOWNERS", Standing::Missing, found).fix(fix(), page);
    };
    let page = pages.file(&seen.base.name, &file.path, None);
    let Ok(text) = std::str::from_utf8(&file.bytes) else {
        return Line::new("base.owners", &file.path, Standing::Unknown, "it is not UTF-8").fix(fix(), page);
    };
    let of = |wanted| GUARDED.into_iter().filter(|folder| owned(text, folder) == wanted).collect::<Vec<_>>();
    let (bare, unclear) = (of(Some(false)), of(None));
    let (standing, found) = match (bare.is_empty(), unclear.is_empty()) {
        (true, true) => (Standing::Ok, format!("{} have owners", GUARDED.join(", "))),
        (false, _) => (Standing::Weak, format!("nobody owns {}", bare.join(", "))),
        (true, false) => (Standing::Unknown, format!("its patterns for {} cannot be told", unclear.join(", "))),
    };
    Line::new("base.owners", &file.path, standing, found).fix(fix(), page)
}

fn fix() -> String {
    let lines: Vec<String> = GUARDED.iter().map(|folder| format!("/{folder}/")).collect();
    format!("at the end of the file, name owners of {}", lines.join(", "))
}

/// Tells whether everything in a folder has an owner; none where a pattern may decide that we cannot judge.
fn owned(text: &str, folder: &str) -> Option<bool> {
    let mut owned = Some(false);
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(pattern) = words.next() else { continue };
        let named = words.next().is_some();
        let plain = pattern.trim_start_matches('/').trim_end_matches("**").trim_end_matches('/');
        // The last pattern that fits decides.
        if plain.is_empty() || plain == "*" || folder == plain || folder.starts_with(&format!("{plain}/")) {
            owned = Some(named);
        } else if plain.starts_with(&format!("{folder}/")) && !named {
            owned = Some(false);
        } else if plain.contains(['*', '?', '[', '\\']) && !named {
            owned = None;
        }
    }
    owned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_fits_decides_who_owns_a_folder() {
        for (text, wanted) in [
            ("", Some(false)),
            ("# * @ada\n", Some(false)),
            ("* @ada\n", Some(true)),
            ("/.github/ @ada # all of it\n", Some(true)),
            (".github/workflows/** @ada\n", Some(true)),
            ("* @ada\n/.github/\n", Some(false)),
            ("* @ada\n/.github/workflows/free.yml\n", Some(false)),
            ("* @ada\n*.yml\n", None),
            ("*.yml\n* @ada\n", Some(true)),
            ("/docs/ @ada\n", Some(false)),
            ("/.github/work @ada\n", Some(false)),
        ] {
            assert_eq!(owned(text, ".github/workflows"), wanted, "{text}");
        }
    }
}

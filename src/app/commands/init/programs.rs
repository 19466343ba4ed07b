//! The starting policy, with the programs that this machine has.

use std::path::{Path, PathBuf};

use crate::{
    app::keys::ssh::PROGRAM_FOLDERS,
    base::{ident::Id, reason::Result, time::Timestamp},
    policy::starter::{self, Starter},
    review::programs::is_interpreter,
};

/// Programs that the policy lists where they are found.
const PROGRAMS: [&str; 8] = ["git", "pg_dump", "psql", "python3", "sha256sum", "sqlite3", "tar", "terraform"];

/// Where Debian and its kin keep PostgreSQL's own programs, a folder for each version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// What stands in their place in `/usr/bin`: a script that looks for them, which a sandboxed step cannot.
const POSTGRES_WRAPPER: &str = "pg_wrapper";

/// Returns the starting policy, with the programs that this machine has.
pub(in crate::app::commands) fn policy_text(tier: Starter, expires: Timestamp) -> Result<String> {
    let mut found: Vec<(Id, String)> = Vec::new();
    for name in PROGRAMS {
        if let Some(path) = find(name, &PROGRAM_FOLDERS.map(Path::new), Path::new(POSTGRES)) {
            found.push((name.parse()?, path));
        }
    }
    let lines: Vec<(&Id, &str, bool)> =
        found.iter().map(|(name, path)| (name, path.as_str(), is_interpreter(path))).collect();
    Ok(starter::text(tier, &lines, expires))
}

/// Finds a program: the first of its name in these folders, and behind a wrapper the newest real one.
fn find(name: &str, folders: &[&Path], postgres: &Path) -> Option<String> {
    let first = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())?;
    let real = first.canonicalize().ok()?;
    if real.file_name().is_none_or(|file| file != POSTGRES_WRAPPER) {
        return first.to_str().map(str::to_owned);
    }
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = std::fs::read_dir(postgres).ok()?.flatten().map(|entry| entry.path());
    let mut installed: Vec<(u32, PathBuf)> = versions
        .filter_map(|folder| Some((version(&folder)?, folder.join("bin").join(name))))
        .filter(|(_, path)| path.is_file())
        .collect();
    installed.sort();
    installed.pop()?.1.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn the_real_program_is_listed_and_not_a_wrapper_that_cannot_run_in_a_sandbox() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, postgres) = (folder.path().join("bin"), folder.path().join("postgresql"));
        fs::create_dir_all(&bin).unwrap();
        fs::write(folder.path().join(POSTGRES_WRAPPER), "").unwrap();
        symlink(folder.path().join(POSTGRES_WRAPPER), bin.join("psql")).unwrap();
        fs::write(bin.join("git"), "").unwrap();
        let look = |name: &str| find(name, &[&bin], &postgres);
        assert_eq!(look("git").as_deref(), bin.join("git").to_str());
        assert_eq!(look("tar"), None);
        assert_eq!(look("psql"), None, "a wrapper around nothing is no program");
        for version in ["9", "15", "16", "common"] {
            fs::create_dir_all(postgres.join(version).join("bin")).unwrap();
        }
        for version in ["9", "15"] {
            fs::write(postgres.join(version).join("bin/psql"), "").unwrap();
        }
        assert_eq!(look("psql").as_deref(), postgres.join("15/bin/psql").to_str());
    }
}

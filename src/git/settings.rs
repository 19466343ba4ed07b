//! Where the settings of a repository and of its submodules lie, and which of them are credentials.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use git2::{Config, Error, ErrorClass, ErrorCode};

/// The most folders that are looked into for settings of submodules.
const MAX_FOLDERS: usize = 10_000;
/// The files of settings in a folder.
const FILES: [&str; 2] = ["config", "config.worktree"];

/// Returns the folder of a repository, those of its submodules, and of theirs; a link is returned and not followed.
///
/// # Errors
/// A folder that cannot be read, or too many of them.
pub fn folders(common: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = vec![common.to_owned()];
    let mut at = 0;
    while let Some(folder) = folders.get(at) {
        at += 1;
        if folder != common && folder.is_symlink() {
            continue;
        }
        // The name of a submodule may have parts.
        let mut names = vec![folder.join("modules")];
        while let Some(name) = names.pop() {
            for path in entries(&name)? {
                if path.is_symlink() || path.join("HEAD").exists() || path.join("config").exists() {
                    folders.push(path);
                } else if path.is_dir() {
                    names.push(path);
                }
                if folders.len() + names.len() > MAX_FOLDERS {
                    let why = format!("`.git/modules` holds more than {MAX_FOLDERS} folders");
                    return Err(Error::new(ErrorCode::GenericError, ErrorClass::Filesystem, why));
                }
            }
        }
    }
    Ok(folders)
}

/// Returns the settings of a repository, its worktrees and submodules that hold credentials, each with its file and
/// without the credentials: headers for HTTP, addresses with a name or a password in them, helpers that say a password.
///
/// # Errors
/// A file that cannot be read.
pub fn credentials(common: &Path) -> Result<Vec<String>, Error> {
    let mut found = BTreeSet::new();
    let own = folders(common)?.into_iter().filter(|folder| folder == common || !folder.is_symlink());
    for folder in own.collect::<Vec<_>>() {
        let worktrees = entries(&folder.join("worktrees"))?;
        for file in worktrees.iter().chain([&folder]).flat_map(|folder| FILES.map(|name| folder.join(name))) {
            let shown = file.strip_prefix(common).unwrap_or(&file).to_string_lossy().into_owned();
            found.extend(credentials_in(&file)?.into_iter().map(|name| format!("{name} in .git/{shown}")));
        }
    }
    Ok(found.into_iter().collect())
}

fn credentials_in(file: &Path) -> Result<BTreeSet<String>, Error> {
    let mut found = BTreeSet::new();
    let config = match Config::open(file) {
        Ok(config) => config,
        Err(e) if e.code() == ErrorCode::NotFound => return Ok(found),
        Err(e) => return Err(e),
    };
    let mut entries = config.entries(None)?;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = String::from_utf8_lossy(entry.name_bytes());
        // A name alone is git's short form of `true`.
        let value = if entry.has_value() { entry.value_bytes() } else { b"true" };
        if is_credential(&name, &String::from_utf8_lossy(value)) {
            let (section, last) = (name.split('.').next(), name.rsplit('.').next());
            // What stands between may be an address with the credentials in it.
            found.insert(format!("{}.*.{}", section.unwrap_or_default(), last.unwrap_or_default()));
        }
    }
    Ok(found)
}

/// Tells whether a setting holds a credential; section and key are in lower case, as git hands them over.
fn is_credential(name: &str, value: &str) -> bool {
    let (section, key) = (name.split('.').next().unwrap_or(name), name.rsplit('.').next().unwrap_or(name));
    let is_header = section == "http" && key == "extraheader" && !value.is_empty();
    let is_said = section == "credential" && value.contains("password=");
    is_header || is_said || key.contains("password") || has_user_info(name) || has_user_info(value)
}

/// Tells whether a text holds an address with a password in it, or with a name where no key stands behind one.
fn has_user_info(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let authority = text[at + mark.len()..].split(['/', '?', '#']).next().unwrap_or_default();
        let by_key = text[..at].ends_with("ssh");
        authority.rsplit_once('@').is_some_and(|(who, _)| !by_key || who.contains(':'))
    })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = |folder: &Path| fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match list(folder) {
        Ok(paths) => Ok(paths),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(e) => {
            let why = format!("cannot read `{}`: {e}", folder.display());
            Err(Error::new(ErrorCode::GenericError, ErrorClass::Os, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a43_credentials_in_the_settings_of_a_repository_and_its_submodules_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let found = || credentials(folder.path()).unwrap();
        write("modules/deep/lib/HEAD", "ref: refs/heads/main\n");
        for good in [
            "[remote \"o\"]\n\turl = https://github.com/o/r\n",
            "[remote \"o\"]\n\turl = git@github.com:o/r.git\n",
            "[remote \"o\"]\n\turl = ssh://git@github.com/o/r.git\n",
            "[http \"https://github.com/\"]\n\textraheader =\n",
            "[core]\n\tbare = false\n",
        ] {
            write("config", good);
            assert!(found().is_empty(), "{good}: {:?}", found());
        }
        for (bad, name) in [
            ("[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eDp5\n", "http.*.extraheader"),
            ("[http]\n\tExtraHeader=x\n", "http.*.extraheader"),
            ("[remote \"o\"]\n\turl = https://oauth2:abc@gitlab.com/x.git\n", "remote.*.url"),
            ("[remote \"o\"]\n\turl = ssh://git:abc@example.com/x.git\n", "remote.*.url"),
            ("[url \"https://abc@github.com/\"]\n\tinsteadOf = https://github.com/\n", "url.*.insteadof"),
            ("[credential]\n\thelper = \"!f() { echo password=abc; }; f\"\n", "credential.*.helper"),
        ] {
            for file in ["config", "config.worktree", "worktrees/w/config.worktree", "modules/deep/lib/config"] {
                write(file, bad);
                assert_eq!(found(), [format!("{name} in .git/{file}")], "{bad}");
                write(file, "");
            }
        }
        write("modules/deep/lib/config", "[http\n");
        assert!(credentials(folder.path()).is_err(), "what cannot be read is not passed over");
    }
}

//! The repository's own settings, as a step that reads `.git` hands them to git: none may name a program.
//!
//! Filters, monitors, hooks, helpers, aliases and included files let whoever can write the checkout's configuration say
//! what runs inside an approved step. So only sections and keys are let pass of which git is known to run nothing;
//! those that it will have in a later version are refused.

use std::{collections::BTreeSet, io::ErrorKind, path::Path};

use git2::{Config, ErrorCode, Repository};

use super::{failed, unreadable};
use crate::{
    base::{reason::Result, text::excerpt},
    git::settings,
};

/// Sections of which no key runs anything.
const SECTIONS: &[&str] = &[
    "advice",
    "author",
    "branch",
    "color",
    "column",
    "committer",
    "countersign",
    "feature",
    "fetch",
    "http",
    "index",
    "init",
    "log",
    "pack",
    "pull",
    "push",
    "receive",
    "rerere",
    "safe",
    "status",
    "transfer",
    "user",
];
/// Keys of `core` that run nothing.
const CORE: &[&str] = &[
    "abbrev",
    "autocrlf",
    "bare",
    "bigfilethreshold",
    "checkstat",
    "commitgraph",
    "compression",
    "deltabasecachelimit",
    "eol",
    "excludesfile",
    "filemode",
    "fscache",
    "fsync",
    "fsyncmethod",
    "fsyncobjectfiles",
    "hidedotfiles",
    "ignorecase",
    "logallrefupdates",
    "longpaths",
    "loosecompression",
    "multipackindex",
    "packedgitlimit",
    "packedgitwindowsize",
    "precomposeunicode",
    "preloadindex",
    "protecthfs",
    "protectntfs",
    "quotepath",
    "repositoryformatversion",
    "safecrlf",
    "sharedrepository",
    "sparsecheckout",
    "sparsecheckoutcone",
    "splitindex",
    "symlinks",
    "trustctime",
    "untrackedcache",
    "whitespace",
];
/// Keys, by section, of which some others do run something.
const KEYS: &[(&str, &[&str])] = &[
    ("core", CORE),
    ("credential", &["interactive", "usehttppath", "username"]),
    ("commit", &["cleanup", "gpgsign", "status", "verbose"]),
    (
        "diff",
        &[
            "algorithm",
            "colormoved",
            "context",
            "interhunkcontext",
            "mnemonicprefix",
            "noprefix",
            "renamelimit",
            "renames",
            "submodule",
        ],
    ),
    (
        "extensions",
        &[
            "compatobjectformat",
            "noop",
            "objectformat",
            "partialclone",
            "preciousobjects",
            "refstorage",
            "relativeworktrees",
        ],
    ),
    (
        "gc",
        &[
            "aggressivedepth",
            "aggressivewindow",
            "auto",
            "autodetach",
            "autopacklimit",
            "bigpackthreshold",
            "cruftpacks",
            "logexpiry",
            "packrefs",
            "pruneexpire",
            "reflogexpire",
            "reflogexpireunreachable",
            "rerereresolved",
            "rerereunresolved",
            "worktreepruneexpire",
            "writecommitgraph",
        ],
    ),
    ("lfs", &["access", "locksverify", "repositoryformatversion"]),
    ("merge", &["conflictstyle", "ff", "log", "renamelimit", "renames", "stat"]),
    (
        "remote",
        &[
            "fetch",
            "mirror",
            "partialclonefilter",
            "promisor",
            "prune",
            "prunetags",
            "push",
            "pushurl",
            "skipdefaultupdate",
            "skipfetchall",
            "tagopt",
            "url",
        ],
    ),
    ("submodule", &["active", "branch", "fetchjobs", "fetchrecursesubmodules", "ignore", "recurse", "shallow", "url"]),
    ("tag", &["forcesignannotated", "gpgsign", "sort"]),
    ("url", &["insteadof", "pushinsteadof"]),
];
/// What Git LFS writes when it is set up in a repository; its program is the machine's own.
const LFS: &[(&str, &[&str])] = &[
    ("filter.lfs.clean", &["git-lfs clean -- %f"]),
    ("filter.lfs.smudge", &["git-lfs smudge -- %f", "git-lfs smudge --skip -- %f"]),
    ("filter.lfs.process", &["git-lfs filter-process", "git-lfs filter-process --skip"]),
    ("filter.lfs.required", &["true"]),
];

/// Returns what of the configuration and attributes of a repository and its submodules may run a program, as people read
/// it.
pub(super) fn unsafe_settings(repository: &Repository) -> Result<Vec<String>> {
    let common = repository.commondir();
    let mut found = BTreeSet::new();
    for folder in settings::folders(common).map_err(|e| failed(&e))? {
        let below = folder.strip_prefix(common).unwrap_or(&folder).to_path_buf();
        let mut add = |what: String| found.insert(below.join(what).to_string_lossy().into_owned());
        if folder != common && folder.is_symlink() {
            add("which is a link".to_owned());
            continue;
        }
        for name in unsafe_names(&folder.join("config"), folder != common)? {
            add(format!("config, {name}"));
        }
        if has_rules(&folder.join("info/attributes"))? {
            add("info/attributes".to_owned());
        }
        // It runs nothing, but has git tell of a history that no commit names.
        if folder.join("info/grafts").exists() {
            add("info/grafts".to_owned());
        }
    }
    // A worktree has settings of its own where `extensions.worktreeConfig` says so, which is refused above.
    if has_rules(&repository.path().join("info/attributes"))? {
        found.insert("info/attributes".to_owned());
    }
    Ok(found
        .into_iter()
        .map(|what| format!(".git/{} (it may run a program, or tell of another history)", what.trim_start_matches('/')))
        .collect())
}

/// Returns the names of the settings of a file for which git may run something.
fn unsafe_names(file: &Path, of_submodule: bool) -> Result<Vec<String>> {
    let config = match Config::open(file) {
        Ok(config) => config,
        Err(e) if e.code() == ErrorCode::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(&e)),
    };
    let mut found = Vec::new();
    let mut entries = config.entries(None).map_err(|e| failed(&e))?;
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|e| failed(&e))?;
        let name = String::from_utf8_lossy(entry.name_bytes());
        // A name alone is git's short form of `true`.
        let value = if entry.has_value() { String::from_utf8_lossy(entry.value_bytes()) } else { "true".into() };
        // Git itself writes into a submodule's where its files lie.
        let usual = of_submodule && name == "core.worktree";
        if !usual && !is_safe(&name, &value) {
            found.push(excerpt(&name));
        }
    }
    Ok(found)
}

/// Tells whether git runs nothing for a setting; section and key are in lower case, as git hands them over.
fn is_safe(name: &str, value: &str) -> bool {
    if let Some((_, usual)) = LFS.iter().find(|(known, _)| *known == name) {
        return usual.contains(&value);
    }
    let Some((section, rest)) = name.split_once('.') else { return false };
    let key = rest.rsplit('.').next().unwrap_or(rest);
    // `ext::` and its like hand the rest of an address to a program.
    if matches!(section, "remote" | "url" | "submodule") && name.contains("url") && value.contains("::") {
        return false;
    }
    if section == "url" && rest.contains("::") {
        return false;
    }
    let known = KEYS.iter().find(|(known, _)| *known == section);
    SECTIONS.contains(&section) || known.is_some_and(|(_, keys)| keys.contains(&key))
}

/// Tells whether a file of attributes says anything.
fn has_rules(file: &Path) -> Result<bool> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().any(|line| !matches!(line.trim_start().chars().next(), None | Some('#')))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        // What cannot be read as text, git may read nevertheless.
        Err(e) if e.kind() == ErrorKind::InvalidData => Ok(true),
        Err(e) => Err(unreadable(file, &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_run_nothing_pass_and_all_others_do_not() {
        for (name, value) in [
            ("core.repositoryformatversion", "0"),
            ("remote.origin.url", "https://example.com/acme/infra"),
            ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
            ("branch.main.remote", "origin"),
            ("http.https://example.com/.extraheader", "AUTHORIZATION: basic x"),
            ("user.email", "a@example.com"),
            ("countersign.remote", "origin"),
            ("filter.lfs.smudge", "git-lfs smudge -- %f"),
            ("submodule.lib.url", "../lib"),
            ("diff.renames", "true"),
            ("gc.auto", "0"),
        ] {
            assert!(is_safe(name, value), "{name}");
        }
        for (name, value) in [
            ("filter.e.smudge", "sh -c evil"),
            ("filter.lfs.smudge", "evil %f"),
            ("core.fsmonitor", "evil"),
            ("core.hookspath", "/tmp"),
            ("core.attributesfile", "/tmp/a"),
            ("core.worktree", "/"),
            ("core.pager", "evil"),
            ("core.sshcommand", "evil"),
            ("diff.external", "evil"),
            ("diff.x.textconv", "evil"),
            ("diff.x.command", "evil"),
            ("merge.x.driver", "evil"),
            ("gpg.program", "evil"),
            ("gpg.ssh.program", "evil"),
            ("tar.x.command", "evil"),
            ("alias.log", "!evil"),
            ("include.path", "/tmp/config"),
            ("includeif.gitdir:/.path", "/tmp/config"),
            ("credential.helper", "!evil"),
            ("extensions.worktreeconfig", "true"),
            ("remote.origin.url", "ext::sh -c evil"),
            ("remote.origin.uploadpack", "evil"),
            ("url.ext::sh.insteadof", "https:"),
            ("submodule.lib.update", "!evil"),
            ("uploadpack.packobjectshook", "evil"),
            ("gc.recentobjectshook", "evil"),
            ("lfs.customtransfer.x.path", "evil"),
            ("protocol.ext.allow", "always"),
            ("odd", ""),
        ] {
            assert!(!is_safe(name, value), "{name}");
        }
    }
}

//! What makes `git` run other programs, or read other settings than the repository's own.

use crate::plan::model::{Arg, Run};

/// Commands that run nothing but git, with arguments that are not listed below. Of any other it is not known.
const COMMANDS: &str = "add apply archive blame branch bundle cat-file check-attr check-ignore check-ref-format checkout \
    cherry cherry-pick clean clone commit commit-tree count-objects describe diff diff-files diff-index diff-tree fetch \
    for-each-ref format-patch fsck gc grep hash-object init log ls-files ls-remote ls-tree merge merge-base merge-tree \
    mktag mktree mv name-rev notes pack-objects pack-refs patch-id prune pull push range-diff read-tree remote repack \
    replace reset restore rev-list rev-parse revert rm shortlog show show-ref sparse-checkout stash status stripspace \
    switch symbolic-ref tag update-index update-ref verify-pack version whatchanged worktree write-tree";
/// Long options, which git takes by any beginning that names one of a command's options alone.
const LONG: &str = "--config --config-env --exec --exec-path --extcmd --ext-diff --git-dir --gpg-sign --namespace \
    --open-files-in-pager --receive-pack --separate-git-dir --strategy --super-prefix --template --textconv --tool \
    --upload-pack --work-tree";
/// Whole options that are no beginning of those, and what says no to one of them.
const HARMLESS: [&str; 4] = ["--", "--text", "--no-ext-diff", "--no-textconv"];
/// Short options that take their value with or without a space, at the front of an argument or behind others.
const SHORT: [char; 3] = ['c', 'C', 'O'];

/// Returns what of a program's arguments makes git run other programs, or may; `None` for any program but git.
///
/// A command that is known only at run time, or is not known to run nothing, is one.
#[must_use]
pub fn git_escape(run: &Run) -> Option<&str> {
    let path = run.program.path.as_str();
    if path.rsplit('/').next() != Some("git") && run.program.name.as_str() != "git" {
        return None;
    }
    let words = || run.argv.iter().map(known);
    let command = words().find(|word| word.is_none_or(|word| !word.starts_with('-')));
    match command {
        Some(Some(command)) if !COMMANDS.split_ascii_whitespace().any(|one| one == command) => return Some(command),
        Some(None) => return Some(path),
        _ => {}
    }
    let is_clone = command.flatten() == Some("clone");
    words().chain(run.env.values().map(known)).flatten().find(|word| is_escape(word, is_clone))
}

/// Returns what is known of an argument before the run.
fn known(argument: &Arg) -> Option<&str> {
    match argument {
        Arg::Literal(text) => Some(text.as_str()),
        Arg::Slot(slot) if !slot.prefix.is_empty() => Some(slot.prefix.as_str()),
        _ => None,
    }
}

fn is_escape(argument: &str, is_clone: bool) -> bool {
    if argument.contains("ext::") || argument.starts_with("alias.") {
        return true;
    }
    let name = argument.split('=').next().unwrap_or(argument);
    if name.starts_with("--") {
        return !HARMLESS.contains(&name) && LONG.split_ascii_whitespace().any(|option| option.starts_with(name));
    }
    let Some(letters) = argument.strip_prefix('-') else { return false };
    // Letters can stand together, and a value begins where one of them takes it: `-qc` is `-q -c`.
    let together: &str = &letters[..letters.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(letters.len())];
    together.starts_with(SHORT) || together.contains('O') || is_clone && together.contains(['c', 'u'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::sample_run;

    fn escape(line: &str) -> Option<String> {
        let mut run = sample_run();
        run.program.path = "/usr/bin/git".to_owned();
        run.env.clear();
        run.argv = line.split(' ').map(|word| Arg::Literal(word.replace('~', " "))).collect();
        git_escape(&run).map(str::to_owned)
    }

    #[test]
    fn c02_git_is_flagged_for_whatever_may_run_other_programs() {
        for bad in [
            "-c core.pager=x log",
            "-calias.x=!sh x",
            "ls-remote --upload-pack=/tmp/x .",
            "ls-remote --upload-pac=echo~x;git-upload-pack .",
            "fetch --upl=x .",
            "clone -u x . y",
            "clone -qu x . y",
            "clone -qccore.fsmonitor=x . y",
            "clone --conf core.fsmonitor=x . y",
            "archive --exec=sh",
            "clone ext::sh~-c~id",
            "--config-env=a=b log",
            "grep --open-files-in-pager=sh x",
            "grep -Osh x",
            "grep -nOsh x",
            "diff --ext-d",
            "rebase -x sh main",
            "submodule foreach sh",
            "remote-ext origin sh",
            "merge-index sh -a",
            "for-each-repo --config=a x",
            "bisect run sh",
            "x",
        ] {
            assert!(escape(bad).is_some(), "{bad}");
        }
        for good in [
            "log --oneline -n 3 --format=%H",
            "diff --cached --no-ext-diff --no-textconv --quiet HEAD -- a",
            "grep --text --quiet -e -x HEAD",
            "--no-pager --no-optional-locks status -u",
            "rev-list --count HEAD",
            "cherry-pick -x HEAD~",
            "add -u",
            "--version",
        ] {
            assert_eq!(escape(good), None, "{good}");
        }
        let mut other = sample_run();
        other.argv = vec![Arg::Literal("-c".to_owned())];
        assert_eq!(git_escape(&other), None);
    }
}

//! Reason codes of the step kinds.

use crate::reasons;

reasons! {
    PATH_SYMLINK = "path.symlink", Refused, "a path leads through a symbolic link", "replace the link by what it points to; nothing in a plan is reached through a link";
    PATH_KIND = "path.kind", Refused, "a path is not a plain file or folder", "only plain files and folders of one file system take part in a plan";
    PATH_MISSING = "path.missing", StepFailed, "a file that a step needs is not there", "check the path, and that an earlier step makes the file";
    PATH_EXISTS = "path.exists", StepFailed, "a file is there already and the plan does not replace it", "set `replace: true` in the pipeline, or remove the file";
    SANDBOX_OPENAT2 = "sandbox.openat2", Sandbox, "the kernel cannot open a path beneath a folder", "use Linux 5.6 or later, and a container profile that lets openat2 through";
    INPUT_DRIFT = "input.drift", StepFailed, "a file differs from the one that was approved", "make a new plan, or restore the file";
    INPUT_UNCOMMITTED = "input.uncommitted", Verification, "a step would read what no commit holds", "commit it and plan again, or remove it; what steps write, and what a pipeline names among its `reads`, may lie there";
    CONTENT_DRIFT = "content.drift", Verification, "a text in the plan does not have the digest the plan states", "make a new plan";
    PATCH_MISMATCH = "patch.mismatch", StepFailed, "the text to replace is not there as often as the plan says", "make a new plan from the file as it is now";
    COMMIT_EMPTY = "commit.empty", StepFailed, "there is nothing to commit", "check that an earlier step changes one of the files";
    COMMIT_MOVED = "commit.moved", StepFailed, "the branch moved while the commit was made", "make a new plan on the new head";
    TAG_EXISTS = "tag.exists", StepFailed, "the tag is there already", "choose another name; a tag is never moved";
    TAG_NAME = "tag.name", Refused, "the tag's name is not one that git allows", "see `git check-ref-format`";
    GIT_LOCKED = "git.locked", StepFailed, "another process holds a file of the repository that has to be written", "wait until the other git command is over; remove the `.lock` file that is named where nothing runs any more";
    GIT_FAILED = "git.failed", StepFailed, "the repository could not be read or written", "check the repository with `git fsck`";
}

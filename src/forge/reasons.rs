//! Reason codes of what is observed.

use crate::reasons;

reasons! {
    REPO_MISSING = "repository.missing", Usage, "this is no git checkout that can be used", "run inside a git checkout with at least one commit";
    REPO_OWNER = "repository.owner", Usage, "the checkout belongs to another user", "run as the user who owns it; a container job of GitHub has `options: --user 1001`";
    REPO_UNREADABLE = "repository.unreadable", Internal, "git objects could not be read", "run `git fsck`, and fetch the full history: shallow clones are refused";
    REPO_SHALLOW = "repository.shallow", Verification, "the clone is shallow or has replaced objects", "fetch the full history: `git fetch --unshallow`";
    COMMIT_FORMAT = "subject.commit_format", Verification, "a commit is not named by its full id", "name commits by their full id";
    REF_MISSING = "subject.ref_missing", Usage, "a reference does not exist", "create the branch, or correct the base in the trust root";
}

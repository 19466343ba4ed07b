//! Reason codes of what is observed.

use crate::reasons;

reasons! {
    REPO_MISSING = "repository.missing", Usage, "this is no git checkout that can be used", "run inside a git checkout with at least one commit";
    REPO_UNREADABLE = "repository.unreadable", Internal, "git objects could not be read", "run `git fsck`, and fetch the full history: shallow clones are refused";
    REPO_SHALLOW = "repository.shallow", Verification, "the clone is shallow or has replaced objects", "fetch the full history: `git fetch --unshallow`";
    COMMIT_FORMAT = "subject.commit_format", Verification, "a commit is not named by its full id", "name commits by their full id";
    REF_MISSING = "subject.ref_missing", Usage, "a reference does not exist", "create the branch, or correct the base in the trust root";
    OIDC_ENDPOINT = "oidc.endpoint_untrusted", Verification, "an address for tokens or keys belongs to no issuer that is trusted", "addresses of the environment are only used where they fit an issuer of the trust root";
    OIDC_UNREACHABLE = "oidc.unreachable", Verification, "the issuer, or the service that hands out tokens, cannot be reached", "run it again; nothing was done";
    OIDC_ANSWER = "oidc.answer_refused", Verification, "the issuer, or the service that hands out tokens, gave an answer that is not taken", "redirects, other codes than 200 and large answers are refused";
}

//! Reason codes of what is observed.

use crate::reasons;

reasons! {
    REPO_MISSING = "repository.missing", Usage, "this is no git checkout that can be used", "run inside a git checkout with at least one commit";
    REPO_OWNER = "repository.owner", Usage, "the checkout belongs to another user", "run as the user who owns it; a container job of GitHub has `options: --user 1001`";
    REPO_FORMAT = "repository.object_format", Usage, "the repository is in a format of git that this tool does not read", "use a repository with SHA-1 ids and plain references, git's formats by default: `git init --object-format=sha1 --ref-format=files`";
    REPO_UNREADABLE = "repository.unreadable", Internal, "git objects could not be read", "run `git fsck`, and fetch the full history: shallow clones are refused";
    REPO_SHALLOW = "repository.shallow", Verification, "the clone is shallow or has replaced objects", "fetch the full history: `git fetch --unshallow`";
    COMMIT_FORMAT = "subject.commit_format", Verification, "a commit is not named by its full id", "name commits by their full id";
    REF_MISSING = "subject.ref_missing", Usage, "a reference does not exist", "create the branch, or correct the base in the trust root";
    ADDRESS = "forge.address", Usage, "the name of a host, repository or something on the forge cannot stand in an address", "put the name right: the host as in the trust root, the repository as owner/name";
    TOKEN_MISSING = "forge.token_missing", Usage, "there are no credentials for the forge", "set GITHUB_TOKEN to a token that may read the repository, or give an app's id and key";
    CREDENTIALS = "forge.credentials", Usage, "the credentials for the forge cannot be used", "give the token without spaces or line feeds, or the app's key as RSA in PEM";
    UNREACHABLE = "forge.unreachable", Contended, "the forge did not answer, or with an error of its own", "try again later; see the forge's status page, and the proxy settings of this machine";
    INCOMPLETE = "forge.incomplete", Verification, "the forge gave only a part of what was asked for", "try again; a list that is longer than the forge hands out cannot be checked and must be made shorter";
    UNKNOWN_VALUE = "forge.unknown_value", Verification, "an answer of the forge holds a value that this version does not know", "use a newer version of the tool";
    MALFORMED = "forge.malformed", Verification, "an answer of the forge cannot be read", "check that the host in the trust root is a forge, and that no proxy answers in its place";
    TOO_LARGE = "forge.too_large", Limit, "an answer of the forge is larger than its limit", "make what is asked for smaller";
    RATE_LIMITED = "forge.rate_limited", Contended, "the forge takes no more requests for now", "wait until the time given, or use credentials with a limit of their own";
    DENIED = "forge.denied", Refused, "the credentials do not allow what was asked of the forge", "give the job the one permission that it lacks; which it needs, says the workflow that `countersign init --forge github` wrote";
    MISSING = "forge.missing", Refused, "the forge does not have it, or hides it from these credentials", "check name and number, and that the credentials may see it";
    REJECTED = "forge.rejected", Refused, "the forge does not take what was sent", "the message says why";
    REDIRECTED = "forge.redirected", Verification, "the forge sent us to another place", "put host and repository name right; nothing is followed to another host";
    OUTCOME_UNKNOWN = "forge.outcome_unknown", Indeterminate, "nobody knows whether something was written to the forge", "look there before trying again";
    CHANGED = "forge.changed", Stale, "something changed while it was read", "try again";
    ACCOUNT_MISMATCH = "forge.account_mismatch", Verification, "an answer is about another account than was asked for", "a login may have been renamed and taken by somebody else: look at the numeric ids";
    ENDPOINT_OVERRIDE = "context.override", Refused, "a variable sends traffic or trust somewhere else", "unset proxy and certificate variables in jobs that gate or execute, or let the signed policy allow them";
    ARTIFACT_DIGEST = "artifact.digest", Verification, "the bytes of an artifact are not those of its digest", "do not use it; look who could write to the run that made it";
    OIDC_ENDPOINT = "oidc.endpoint_untrusted", Verification, "an address for tokens or keys belongs to no issuer that is trusted", "addresses of the environment are only used where they fit an issuer of the trust root";
    OIDC_UNREACHABLE = "oidc.unreachable", Verification, "the issuer, or the service that hands out tokens, cannot be reached", "run it again; nothing was done";
    OIDC_ANSWER = "oidc.answer_refused", Verification, "the issuer, or the service that hands out tokens, gave an answer that is not taken", "redirects, other codes than 200 and large answers are refused";
}

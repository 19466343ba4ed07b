//! Reason codes of the door.

use crate::reasons;

reasons! {
    PLAN_MISSING = "plan.missing", Verification, "the plan's bytes are not there", "give the plan's file, or fetch the ledger that holds it";
    PLAN_OTHER = "plan.digest_mismatch", Verification, "the plan is not the one that was named", "give the plan exactly as it was sealed; one changed byte makes another plan";
    PLAN_UNRECORDED = "plan.unrecorded", Verification, "the ledger does not know the plan", "record it: draft it without --no-record";
    PLAN_REQUESTER = "plan.requester_mismatch", Verification, "the plan names somebody else as the one who asked for it than the signed record does", "draft the plan with your own key";
    PLAN_EXPIRED = "expired.plan", Stale, "the plan has expired", "draft a new plan and have it approved";
    PLAN_SUPERSEDED = "plan.superseded", Stale, "a later revision took the plan's place", "use the later revision";
    PLAN_DEVIATES = "plan.deviates", Verification, "a step is not what its pipeline expands to", "draft the plan with `countersign plan`; a plan cannot name its own actions";
    CLOCK_SKEW = "clock.skew", Stale, "the machine's clock contradicts the ledger, the plan or the forge", "set the clock";
    HEAD_MOVED = "subject.head_moved", Stale, "the head commit is not the one the plan is for", "draft a new plan for the present commit";
    BASE_MOVED = "subject.base_moved", Stale, "the base commit is not the one the plan is for", "draft a new plan against the present base";
    FORGE_UNASKED = "forge.unasked", Verification, "the forge was not asked, and the trust root says that it must be", "run where the forge can be reached, with a token: set GITHUB_TOKEN";
    CHANGE_CLOSED = "subject.change_closed", Stale, "the change request is not open any more", "open another one, and draft a plan for it";
    FORK_REFUSED = "subject.fork", Refused, "the change request comes from another repository", "push the branch to this repository, or let the policy's `gates` allow forks";
    TREE_CHANGED = "subject.tree_changed", Stale, "guardrails or tree differ from those the plan is for", "draft a new plan";
    WORKSPACE_DIRTY = "subject.workspace_dirty", Verification, "files of the checkout differ from the head commit", "commit or stash the changes";
    GIT_SETTINGS = "subject.git_settings", Verification, "a step reads `.git`, and by what stands there git may run a program", "`git config --unset NAME`, or keep it in your own configuration with `git config --global`; of `info/attributes`, move the rules to `.gitattributes`";
    POLICY_CHANGED = "policy.changed", Stale, "policy or trust root is not the one the plan was made under", "draft a new plan under the present policy";
    REPLAY_RUN = "replay.run", Stale, "the plan has run, or is running, under its approval", "draft a new plan; or resume that run with --resume";
    ISSUE_UNASKED = "issue.unasked", Verification, "the directive is for issues, and no forge was asked about the plan's", "record and execute where the forge can be asked: set GITHUB_TOKEN; without a forge in the trust root, take `issue` out of the directive";
    ISSUE_MISSING = "issue.missing", Refused, "the number that the plan is for is not an issue of this repository", "give the number of an issue that the token may read, and not of a pull request";
    ISSUE_CLOSED = "issue.closed", Stale, "the issue that the plan is for is closed", "open it again, or plan for another one";
    ISSUE_UNREADY = "issue.unready", Refused, "the issue that the plan is for lacks something that the directive asks of it", "add what is missing to the issue, then try again";
    ISSUE_READ_BACK = "issue.read_back", Verification, "the result on the issue does not read as it was written", "look at the comment on the issue; what counts is in the ledger";
    CHECKPOINT_STALE = "checkpoint.stale", Stale, "the ledger's newest checkpoint is older than the policy lets it be, or there is none", "look at the ledger, then sign that it holds: `countersign ledger checkpoint`";
    HALTED = "halted", Refused, "the repository is halted", "see `countersign status`; `countersign halt --lift --reason '...'` when it is over";
    CHECK_MISSING = "internal.check_missing", Internal, "a required check did not run", "please report it";
}

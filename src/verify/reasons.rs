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
    CLOCK_SKEW = "clock.skew", Stale, "the machine's clock contradicts the ledger", "set the clock";
    CONTEXT_MISMATCH = "context.mismatch", Verification, "what is found here is not what the plan, or the token of the job, names", "run it where it belongs, and change no variable that the CI system sets";
    HEAD_MOVED = "subject.head_moved", Stale, "the head commit is not the one the plan is for", "draft a new plan for the present commit";
    BASE_MOVED = "subject.base_moved", Stale, "the base commit is not the one the plan is for", "draft a new plan against the present base";
    TREE_CHANGED = "subject.tree_changed", Stale, "guardrails or tree differ from those the plan is for", "draft a new plan";
    WORKSPACE_DIRTY = "subject.workspace_dirty", Verification, "tracked files differ from the head commit", "commit or stash the changes";
    POLICY_CHANGED = "policy.changed", Stale, "policy or trust root is not the one the plan was made under", "draft a new plan under the present policy";
    REPLAY_RUN = "replay.run", Stale, "the plan has run, or is running, under its approval", "draft a new plan; or resume that run with --resume";
    HALTED = "halted", Refused, "the repository is halted", "see `countersign status`; `countersign halt --lift` when it is over";
    CHECK_MISSING = "internal.check_missing", Internal, "a required check did not run", "please report it";
}

//! Why a plan is refused before anybody is asked about it.

use crate::reasons;

reasons! {
    PLAN_NON_CANONICAL = "plan.non_canonical", Verification, "the plan's bytes are not their own canonical form", "give the file exactly as it was written; do not reformat it";
    PLAN_TYPE = "plan.type", Verification, "the document is not a plan of a version this tool knows", "use the version of the tool that wrote it";
    PLAN_EMPTY = "plan.empty", Refused, "the plan has no step, or a step has no action", "a plan that does nothing cannot be approved; draft it again";
    PLAN_LIMIT = "plan.limit", Limit, "the plan is larger than its limits", "split it, or let the policy raise the number of steps";
    PLAN_IDENTITY = "plan.identity", Verification, "a field that says what the plan is for is not in its one form", "draft the plan again";
    PLAN_TIME = "plan.time", Verification, "the plan does not expire within 30 days of its making", "draft the plan again with a shorter lifetime";
    PLAN_EFFECT = "plan.effect_mismatch", Verification, "the plan or a step claims another effect than its actions have", "correct the effect of the pipeline, and draft the plan again";
    PLAN_GRAPH = "plan.graph", Verification, "the steps are not a graph without cycles over unique ids", "correct `needs`";
    PLAN_SCRIPT = "plan.script", Verification, "a script is missing, not the plan's own, or its digest is another", "draft the plan again";
    PLAN_CONTENT = "plan.content_digest", Verification, "a content's digest is another than the plan says", "draft the plan again";
    PLAN_SLOT = "plan.slot", Refused, "a value known only at run time stands where it would steer execution, or comes from nowhere", "pass it as a whole argument after the script, from a step in `needs`";
    PLAN_EVIDENCE = "plan.evidence", Refused, "a step's outputs or evidence are not what its effect asks for", "declare outputs, capture each once, and name at least one as evidence";
    PLAN_VERIFICATION = "plan.verification", Refused, "a step that writes is not read back, or its read-back is no program", "add a `verify` action that runs a program";
    PLAN_STEP = "plan.step", Verification, "a step's limits are not within what the format takes", "correct the pipeline, and draft the plan again";
    SECRET_IN_PLAN = "secret.in_plan", Refused, "a text looks like a secret", "take it out, revoke it, and name it under `secrets` instead";
}

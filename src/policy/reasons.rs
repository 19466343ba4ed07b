//! Reason codes of the policy: its file, and what it decides.

use crate::reasons;

reasons! {
    POLICY_VERSION = "policy.version", Usage, "the policy is of a version that this tool does not know", "set `version: 1`, or use a newer tool";
    POLICY_DUPLICATE = "policy.duplicate", Usage, "the policy names the same thing twice", "keep one of the two, or give it another name";
    POLICY_THRESHOLD = "policy.threshold", Usage, "a number of people or parts cannot be reached, or is none", "ask for at least one, and for no more parts than are listed";
    POLICY_ENVIRONMENT_ALIAS = "policy.environment_alias", Usage, "two environments differ by upper and lower case only", "rename one of them";
    POLICY_UNKNOWN_NAME = "policy.unknown_name", Usage, "the policy refers to something that it does not list", "list it, or correct its name";
    POLICY_INTERPRETER = "policy.interpreter", Usage, "a program that runs code it is handed is not marked as an interpreter", "add `interpreter: true`, or use another program";
    POLICY_AGENT_PROGRAM = "policy.agent_program", Usage, "a program is an agent's command line", "remove it, or add `agentCli: true` where that is really meant";
    POLICY_UNBOUNDED = "policy.unbounded", Usage, "a rule that permits does not say up to which effect", "add `effect: {atMost: ...}` to its conditions";
    POLICY_EMPTY = "policy.empty", Usage, "the policy or one of its lists holds nothing", "add at least one entry, or remove the field";
    POLICY_VALUE = "policy.value", Usage, "a value of the policy is not one that can hold", "`countersign schema policy` has each field and what it takes";
    POLICY_UNUSED = "policy.unused", Usage, "an entry of the policy can have no effect, or had none on this plan", "remove it, or correct what it should match";
    POLICY_PERMITTED = "policy.permitted", Done, "the policy permits the plan by itself", "go on";
    POLICY_NEEDS_APPROVAL = "policy.needs_approval", Pending, "the policy asks for people to approve the plan", "ask the people that the decision names";
    POLICY_GATE = "policy.gate", Pending, "the directive asks for a person where the policy would permit by itself", "approve by one of the methods that the directive names";
    POLICY_GATE_CONFLICT = "policy.gate_conflict", Refused, "no method of approval satisfies both the directive and the policy", "let the directive's gate and the policy's methods share one";
    POLICY_DEFAULT_DENY = "policy.default_deny", Refused, "no rule covers a step, and what is not covered is denied", "see which condition did not hold, and add or widen a rule if that is right";
    POLICY_DENIED = "policy.denied", Refused, "a rule denies the plan", "change the plan; no approval overrides a denial";
    POLICY_NO_STEPS = "policy.no_steps", Refused, "the plan has no step", "plan at least one step";
    POLICY_UNINSPECTABLE = "policy.uninspectable", Refused, "a step cannot be seen through, and no rule that names such steps covers it", "replace what cannot be read, or add a rule with `uninspectable: true`";
    POLICY_HOST = "policy.host", Refused, "a step may use the network, and no rule that names its hosts covers it", "remove the host, or add a rule with `hosts`";
    POLICY_PROGRAM = "policy.program", Refused, "a program is not the one that the policy lists under its name", "plan again, or list the program";
    POLICY_SECRET = "policy.secret", Refused, "a secret is not listed, or not for this environment", "remove the secret from the pipeline, or list it";
    POLICY_ENVIRONMENT = "policy.environment", Refused, "the plan's environment is not listed", "correct the directive's environment, or list it";
    POLICY_PLANNER = "policy.planner", Refused, "the policy does not let this planner, or its model, draft plans", "use a planner that `planning` of the policy lists";
    POLICY_OBJECTION = "policy.review_objection", Refused, "a second reviewer, a model, objects, and the policy says that this denies", "read what it says; change the plan, or let people reject it: `countersign reject PLAN`";
    POLICY_DIRECTIVE = "policy.directive_at_head", Refused, "the directive is taken from a change request, and the policy takes directives from the base only", "merge the directive first, or say `gates: {directivesAtHead: true}`";
    POLICY_LIMIT = "policy.limit", Limit, "the plan is beyond one of the policy's limits", "make the plan smaller or shorter, or raise the limit in a reviewed commit";
    POLICY_EXPIRED = "policy.expired", Stale, "the policy has expired", "review the policy and give it a later `expires`";
    POLICY_EXECUTION_OFF = "policy.execution_off", Refused, "execution is switched off, by the policy or on this machine", "set `execution.enabled: true` in a reviewed commit, or unset the variable that is named; no approval overrides a switch";
    POLICY_SIDE_EFFECTS_OFF = "policy.side_effects_off", Refused, "side effects are switched off, by the policy or on this machine", "set `execution.sideEffects: true` in a reviewed commit, or unset the variable that is named; no approval overrides a switch";
    POLICY_REVIEW = "policy.review_mismatch", Verification, "the review is of another plan, or not every check ran", "review this plan again";
    ENV_DANGEROUS = "env.dangerous", Refused, "a variable that steers programs is not listed as dangerous", "remove the variable, or list it under `dangerousEnv`";
}

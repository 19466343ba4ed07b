//! Reason codes of approvals.

use crate::reasons;

reasons! {
    APPROVAL_NONE = "approval.none", Pending, "there is no approval that counts", "ask for one: `countersign approve`";
    APPROVAL_PENDING = "approval.pending", Pending, "there are not enough approvals yet", "ask the people that `countersign status` names";
    APPROVAL_SCOPE = "approval.scope_mismatch", Verification, "the approval is for something else", "approve this plan, here; an approval cannot be carried over";
    APPROVAL_STALE = "approval.stale", Stale, "the approval was given under another policy, trust root or view", "render the plan and approve it again";
    APPROVAL_EXPIRED = "expired.approval", Stale, "the approval has expired", "approve the plan again";
    APPROVAL_EARLY = "approval.not_yet", Stale, "the approval does not hold yet", "wait, or check the clock of the machine that approved";
    APPROVAL_LIFETIME = "approval.lifetime", Refused, "the approval is valid for longer than the policy allows", "approve with a shorter --expires";
    APPROVAL_REVOKED = "approval.revoked", Refused, "the approval was taken back", "talk to the person who revoked it";
    APPROVAL_USES = "approval.uses", Verification, "the approval's number of uses does not fit its scope", "1 use for a single run, 1 to 100 for a session";
    APPROVAL_METHOD = "approval.method", Refused, "the approval was given in a way that the directive or the policy does not accept", "approve by one of the methods that `countersign status` names";
    APPROVAL_POLICY = "approval.policy_may_not", Refused, "the policy does not permit this plan by itself", "ask a person to approve";
    APPROVER_SELF = "approver.self", Refused, "the approver wrote, committed or asked for what is to be approved", "ask somebody else, or let the policy say `separation: none`";
    APPROVER_NOT_PERSON = "approver.not_a_person", Refused, "a program cannot approve", "ask a person";
    APPROVER_UNKNOWN = "approver.unauthorised", Refused, "the approver is not who the key belongs to", "sign with your own key";
    APPROVAL_TOO_OLD = "approval.too_old", Stale, "the approval was given longer ago than the policy lets it count", "approve the plan again";
    APPROVER_ROLE = "approver.role", Refused, "the approver has none of the roles that the policy asks for", "ask somebody with the role; `countersign status` names it";
    APPROVER_AGAIN = "approver.again", Refused, "the approver, or the key, counts already", "ask another person";
    APPROVER_PERMISSION = "approver.permission", Refused, "the approver may do less in the repository than the policy asks for", "ask somebody with more rights, or let the policy's `gates` ask for less";
    APPROVAL_EVIDENCE = "approval.evidence_gone", Stale, "the forge's record on which the approval stands is gone or was changed", "approve the plan again, and leave the comment or review as it is";
    APPROVAL_UNBOUND = "approval.unbound", Usage, "the approval does not name the plan's full digest", "read the view, then name the digest where you approve: sha256:<64 hex>";
    GATE_UNPROTECTED = "gate.unprotected", Refused, "the environment protects nothing", "give it required reviewers, forbid self-review and administrator bypass, and limit its branches; `countersign doctor --forge github` shows each";
    APPROVAL_OBJECTION = "approval.objection", Refused, "somebody who may approve objects", "settle it with that person, who alone can take the objection back";
    REPLAY_ATTEMPT = "replay.run_attempt", Stale, "the approval was given to another run, or to another attempt", "have this run released anew";
    PLAN_REJECTED = "plan.rejected", Refused, "the plan was rejected", "draft a new plan; a rejection is final";
}

//! Reason codes of approvals.

use crate::reasons;

reasons! {
    APPROVAL_NONE = "approval.none", Pending, "there is no approval that counts", "ask for one: `countersign approve PLAN`";
    APPROVAL_NOT_GIVEN = "approval.not_given", Usage, "who takes an approval back has given none that stands", "to end a plan for everybody: `countersign reject PLAN`";
    APPROVAL_NOT_ASKED = "approval.not_asked", Refused, "nobody is asked, because the policy denies the plan", "see `countersign policy explain PLAN`; no approval helps";
    APPROVAL_PENDING = "approval.pending", Pending, "there are not enough approvals yet", "ask somebody else who may: `countersign status PLAN` says how many and of which roles, `countersign policy simulate PLAN --as NAME` whether a person's approval would do";
    APPROVAL_SCOPE = "approval.scope_mismatch", Verification, "the approval is for something else", "approve this plan, here; an approval cannot be carried over";
    APPROVAL_STALE = "approval.stale", Stale, "the approval was given under another policy, trust root or view", "render the plan and approve it again";
    APPROVAL_EXPIRED = "expired.approval", Stale, "the approval has expired", "approve the plan again";
    APPROVAL_EARLY = "approval.not_yet", Stale, "the approval does not hold yet", "wait, or check the clock of the machine that approved";
    APPROVAL_LIFETIME = "approval.lifetime", Refused, "the approval is valid for longer than the policy allows", "approve with a shorter --expires";
    APPROVAL_REVOKED = "approval.revoked", Refused, "the approval was taken back, or the plan with all its approvals", "talk to the person who revoked it; a plan that was taken back as a whole is over, and a new one is needed";
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
    APPROVER_RENAMED = "approver.renamed", Refused, "the approver's login on the forge is another than in the trust root", "see whether it is the same person, and enrol them under the new login: `countersign keys enrol`";
    APPROVAL_EVIDENCE = "approval.evidence_gone", Stale, "the forge's record on which the approval stands is gone or was changed", "approve the plan again, and leave the comment or review as it is";
    GATE_UNPROTECTED = "gate.unprotected", Refused, "the environment protects nothing", "give it required reviewers, forbid self-review and administrator bypass, and limit its branches; `countersign doctor --forge github` shows each";
    APPROVAL_OBJECTION = "approval.objection", Refused, "somebody who may approve objects", "settle it with that person, who alone can take the objection back";
    REPLAY_ATTEMPT = "replay.run_attempt", Stale, "the approval was given to another run, or to another attempt", "have this run released anew";
    APPROVAL_UNBOUND = "approval.unbound", Usage, "it is not said, by its full digest, which plan is meant", "read the plan, then name it by sha256: and all 64 hex digits; on the command line as --digest";
    DIGEST_SHORT = "approval.digest_short", Usage, "the digest is not given in full", "copy all of it, sha256: and 64 hex digits: the beginning of a digest can be forged";
    COMMENT_VERB = "comment.verb", Usage, "the comment names no command that there is", "`countersign help` lists them; a command is written in lower case";
    COMMENT_FORM = "comment.form", Usage, "the command's arguments cannot be understood", "`countersign help` shows the form of each command";
    COMMENT_NOT_PLAIN = "comment.not_plain", Usage, "the command line holds a character that is not plain ASCII", "type the line by hand or copy it from the plan's comment; words in other letters may stand below it";
    COMMENT_SEVERAL = "comment.several", Usage, "the comment holds more than one command", "post each command as a comment of its own";
    COMMENT_NOT_FIRST = "comment.not_first", Usage, "the command is not the comment's first line", "post the command again, on the first line of a comment";
    COMMENT_BELOW = "comment.text_below", Usage, "text stands directly below a command that must stand alone", "leave an empty line between the command and what you say about it";
    COMMENT_REASON = "comment.reason_missing", Usage, "the command needs a reason", "write why behind the command or below it";
    PLAN_REJECTED = "plan.rejected", Refused, "the plan was rejected", "draft a new plan; a rejection is final";
}

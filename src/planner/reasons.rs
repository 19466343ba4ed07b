//! Why no plan was drafted.

use crate::reasons;

reasons! {
    PLANNER_BUDGET = "planner.budget", Limit, "the next question would go over a budget", "wait for the next day, raise the budget, or set `budgets.mode` to warn";
    PLANNER_CONTEXT = "planner.context", Usage, "what a model is to be told cannot be chosen", "correct `context` in the directive";
    PLANNER_SECRET = "planner.secret_in_context", Refused, "what a model is to be told holds what looks like a secret", "take it out of the text, and revoke it; or leave the text out of `context`";
    PLANNER_LIMIT = "planner.limit", Limit, "a planner would be told more, or answers more, than the limits take", "narrow `context` in the directive";
    PLANNER_DIRECTIVE = "planner.directive", Usage, "the directive does not fit the pipelines there are", "correct the places that are named; `countersign directives check` shows them too";
    PLANNER_NO_STEPS = "planner.no_steps", Usage, "the directive has no steps of its own", "add `steps` to the directive, or use another planner";
    PLANNER_UNANSWERED = "planner.unanswered", Usage, "a planner that asks somebody has no answer yet", "ask first: `countersign plan DIRECTIVE --planner NAME`";
    PLANNER_ANSWER = "planner.answer", Refused, "a planner's answer is not one that a plan can be made of", "the findings say what is wrong; nothing of the answer is kept as a plan";
    PLANNER_TAINTED = "planner.tainted", Refused, "a value from outside the protected base would steer what is done", "put the value into the directive, have a step of the directive hand the input there, or let the policy say `planning: {tainted: allow}`";
    PLANNER_EXFILTRATION = "planner.exfiltration", Refused, "a planner wrote what could carry something out", "say the value in the directive, or let the policy say `planning: {outgoing: allow}`";
    PLANNER_GIVEN_UP = "planner.given_up", Refused, "the session at the terminal ended without a plan", "nothing was recorded; begin again with what you learned";
    PLANNER_REVISIONS = "planner.revisions", Refused, "the plan was revised as often as policy and configuration allow", "a person has to look after the directive now; a new plan begins at revision 1";
    PLANNER_QUESTIONS = "planner.questions", Pending, "the planner needs answers before there can be a plan", "answer each question: `countersign plan DIRECTIVE --reply ID=TEXT`";
}

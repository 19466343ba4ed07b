//! Why there is no second opinion.

use crate::reasons;

reasons! {
    REVIEW_OPINION = "review.opinion", Refused, "a second reviewer's answer is not one that can be read as an opinion", "nothing of it counts, and the decision is as it was; ask again, or ask another model";
    REVIEW_MATERIAL = "review.material", Refused, "the plan may not or cannot be shown whole to a second reviewer, and part of it is never shown", "see `send` of the configuration; let people read the plan: `countersign render PLAN`";
}

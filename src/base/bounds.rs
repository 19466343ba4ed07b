//! Bounds of the formats: what directives and pipelines are read by, and what the seal holds every plan to.

/// The most steps of a directive or a plan, those for items counted each; a policy decides how many it allows of them.
pub const MAX_STEPS: usize = 10_000;
/// The longest time between a plan's making and its end, in seconds.
pub const MAX_LIFETIME: i64 = 30 * 86_400;
/// The most actions of a step, and the most read-back actions.
pub const MAX_ACTIONS: usize = 20;
/// The most bytes that an output may have.
pub const MAX_OUTPUT: u32 = 65_536;

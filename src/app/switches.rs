//! The machine's own switches, beside the policy's.

use super::world::Environment;
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    plan::model::Plan,
    policy::reasons::{POLICY_EXECUTION_OFF, POLICY_SIDE_EFFECTS_OFF},
};

/// Variables that can only forbid, and whether they do so only for side effects.
const SWITCHES: [(&str, bool); 2] = [("COUNTERSIGN_EXECUTION", false), ("COUNTERSIGN_SIDE_EFFECTS", true)];

/// Refuses where the machine's switches are off; any value but `on` is off, and no approval overrides it.
///
/// # Errors
/// `policy.execution_off`, `policy.side_effects_off`, which show the value.
pub(crate) fn check(plan: &Plan, env: &Environment) -> Result<()> {
    for (name, only_side_effects) in SWITCHES {
        let Some(value) = env.text(name).filter(|value| *value != "on") else { continue };
        if !only_side_effects || plan.effect.has_side_effect() {
            let reason = if only_side_effects { POLICY_SIDE_EFFECTS_OFF } else { POLICY_EXECUTION_OFF };
            return Err(Refusal::new(reason, format!("{name} is `{}`", excerpt(value)))
                .subject(name)
                .hint("only `on` permits, as does no value"));
        }
    }
    Ok(())
}

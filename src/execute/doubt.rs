//! Which attempts leave a doubt that only a signed resolution ends.

use super::reasons::STEP_INDETERMINATE;
use crate::{
    event::{StepOutcome, StepStatus},
    plan::model::Step,
};

/// Tells whether nobody can say what an attempt that did not succeed has done.
///
/// A step that may run twice leaves no doubt, nor does one without a side effect, nor one that did nothing. Of all
/// others only the program itself can say that it failed, by the code with which it ends (`spoke`): one that was
/// killed had no say, and one that said it was done, and whose proof or read-back is not there, was not believed.
pub(super) fn is_left(step: &Step, acted: bool, spoke: bool) -> bool {
    step.effect.has_side_effect() && !step.idempotent && acted && !spoke
}

/// Turns an outcome into one that nobody knows; what happened, and its class, stay.
pub(super) fn mark(outcome: &mut StepOutcome) {
    let before = outcome.reason_code.replace(STEP_INDETERMINATE.code.to_owned());
    if let (Some(what), Some(before)) = (&mut outcome.what, before.filter(|code| code != STEP_INDETERMINATE.code)) {
        what.push_str(&format!(" [{before}]"));
    }
    outcome.status = StepStatus::Indeterminate;
    outcome.next = Some(STEP_INDETERMINATE.hint.to_owned());
}

//! Reason codes of the view.

use crate::reasons;

reasons! {
    VIEW_TOO_LARGE = "view.too_large", Limit, "the view does not fit where it was to be shown, and it is never shortened", "run `countersign render` on the plan and approve it from there";
}

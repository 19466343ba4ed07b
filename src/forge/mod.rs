//! Where facts come from: a forge, or the local checkout alone.

pub mod providers;
pub mod reasons;

pub use providers::local::Checkout;

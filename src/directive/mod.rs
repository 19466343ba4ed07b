//! Directives: what a person wants done, in which bounds, written down in Markdown.

pub mod fan_out;
pub mod input;
pub mod model;
mod raw;
pub mod reasons;
pub mod template;
#[cfg(test)]
mod tests;

pub use model::Directive;

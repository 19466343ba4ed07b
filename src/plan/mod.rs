//! Plans: the document, the seal that checks it, its view, and the difference between two.

pub mod model;
#[cfg(test)]
pub(crate) mod testing;

//! A growing collection of which a copy costs only what is new.

use std::{collections::HashSet, sync::Arc};

/// A collection in two layers: what is shared with copies, and what came since.
///
/// A writer works on a copy of what it has verified, at every append; of a long ledger that must not be a copy of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Layered<C> {
    base: Arc<C>,
    top: C,
}

impl<C: Default + IntoIterator + Extend<C::Item>> Layered<C> {
    /// Returns where new items belong: the one layer that is left where no copy shares the base, else what is new.
    pub(super) fn grow(&mut self) -> &mut C {
        match Arc::get_mut(&mut self.base) {
            Some(base) => {
                base.extend(std::mem::take(&mut self.top));
                base
            }
            None => &mut self.top,
        }
    }

    /// Returns both layers, the older first.
    pub(super) fn layers(&self) -> [&C; 2] {
        [&self.base, &self.top]
    }
}

impl Layered<HashSet<u128>> {
    /// Tells whether either layer has a fingerprint.
    pub(super) fn contains(&self, fingerprint: u128) -> bool {
        self.layers().iter().any(|layer| layer.contains(&fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_what_was_there_and_neither_sees_what_the_other_adds() {
        let mut one = Layered::<Vec<u8>>::default();
        one.grow().extend([1, 2]);
        let mut copy = one.clone();
        copy.grow().push(3);
        one.grow().push(4);
        assert!(std::ptr::eq(one.layers()[0], copy.layers()[0]));
        assert_eq!((one.layers(), copy.layers()), ([&vec![1, 2], &vec![4]], [&vec![1, 2], &vec![3]]));
        drop(one);
        copy.grow().push(5);
        assert_eq!(copy.layers(), [&vec![1, 2, 3, 5], &vec![]], "alone again, it is one");
    }
}

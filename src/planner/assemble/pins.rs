//! Which files a step reads must be just as they are at the head commit when the step starts.
//!
//! A file is pinned only where nothing in the plan may have written it by then: no step that is not
//! surely later, and no earlier action of the same step.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{digest::Digest, ident::Id, path::RepoPath},
    plan::model::{Action, Read, Step},
    planner::AtHead,
};

/// One path that an action writes: the step, the action's number in it, the path.
type Write = (usize, usize, RepoPath);

/// Pins what can be pinned; returns the files that were, with their digests.
///
/// A folder is pinned whatever the plan writes in it: of what lies there and was not written by then, all is as committed.
pub(super) fn pin(steps: &mut [Step], at_head: &AtHead) -> BTreeMap<RepoPath, Digest> {
    let writes = writes(steps);
    let order = Order::of(steps);
    let mut pinned = BTreeMap::new();
    for (n, step) in steps.iter_mut().enumerate() {
        let tried_again = step.retry.max_attempts > 1;
        for (k, action) in step.actions.iter_mut().chain(&mut step.verify).enumerate() {
            for read in reads(action) {
                read.tree = at_head.folders.get(&read.path).cloned();
                let Some(digest) = at_head.files.get(&read.path) else { continue };
                let changed = writes.iter().any(|(writer, at, path)| {
                    read.path.is_within(path)
                        && if *writer == n { *at < k || tried_again } else { !order.surely_after(*writer, n) }
                });
                if !changed {
                    read.digest = Some(*digest);
                    pinned.insert(read.path.clone(), *digest);
                }
            }
        }
    }
    pinned
}

fn reads(action: &mut Action) -> &mut [Read] {
    match action {
        Action::Run(run) => &mut run.reads,
        Action::Copy(copy) => std::slice::from_mut(&mut copy.from),
        Action::Write(_) | Action::Patch(_) | Action::Commit(_) | Action::Tag(_) => &mut [],
    }
}

fn writes(steps: &[Step]) -> Vec<Write> {
    let mut writes = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        for (k, action) in step.actions.iter().enumerate() {
            writes.extend(action.writes().iter().map(|path| (n, k, path.clone())));
        }
    }
    writes
}

/// The needs of the steps, by number.
struct Order(Vec<Vec<usize>>);

impl Order {
    fn of(steps: &[Step]) -> Self {
        let index: BTreeMap<&Id, usize> = steps.iter().enumerate().map(|(n, step)| (&step.id, n)).collect();
        Self(steps.iter().map(|step| step.needs.iter().filter_map(|need| index.get(need).copied()).collect()).collect())
    }

    /// Tells whether step `later` starts only after step `earlier` ended.
    fn surely_after(&self, later: usize, earlier: usize) -> bool {
        let (mut open, mut seen) = (self.0[later].clone(), BTreeSet::new());
        while let Some(n) = open.pop() {
            if n == earlier {
                return true;
            }
            if seen.insert(n) {
                open.extend(&self.0[n]);
            }
        }
        false
    }
}

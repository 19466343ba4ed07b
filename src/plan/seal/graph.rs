//! The steps as a graph: unique ids, needs that exist, no cycle, and which steps come surely before.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    model::Step,
    reasons::{PLAN_GRAPH, PLAN_LIMIT},
};
use crate::base::{
    ident::Id,
    reason::{Refusal, Result},
};

/// The most edges of the graph: a plan of ten thousand steps may not need each all others.
const MAX_EDGES: usize = 100_000;

/// The steps of a plan, known to be a graph without cycles.
pub(super) struct Graph<'p> {
    index: BTreeMap<&'p Id, usize>,
    needs: Vec<Vec<usize>>,
}

impl<'p> Graph<'p> {
    /// Checks the ids and `needs` of the steps.
    pub(super) fn of(steps: &'p [Step]) -> Result<Self> {
        let mut index = BTreeMap::new();
        for (n, step) in steps.iter().enumerate() {
            if index.insert(&step.id, n).is_some() {
                return Err(refuse(&step.id, "the id stands twice"));
            }
        }
        let edges: usize = steps.iter().map(|step| step.needs.len()).sum();
        if edges > MAX_EDGES {
            return Err(Refusal::new(PLAN_LIMIT, format!("{edges} needs, the limit is {MAX_EDGES}")));
        }
        let mut needs = Vec::with_capacity(steps.len());
        for step in steps {
            let mut seen = BTreeSet::new();
            for need in &step.needs {
                match index.get(need) {
                    None => return Err(refuse(&step.id, &format!("it needs `{need}`, which is no step"))),
                    Some(_) if need == &step.id => return Err(refuse(&step.id, "it needs itself")),
                    Some(n) if !seen.insert(*n) => {
                        return Err(refuse(&step.id, &format!("it needs `{need}` twice")));
                    }
                    Some(_) => {}
                }
            }
            needs.push(seen.into_iter().collect());
        }
        let graph = Self { index, needs };
        graph.check_acyclic(steps)?;
        Ok(graph)
    }

    /// Takes away steps whose needs are all taken away; what remains needs itself in the end.
    fn check_acyclic(&self, steps: &[Step]) -> Result<()> {
        let mut waiting: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut needed_by = vec![Vec::new(); steps.len()];
        for (n, needs) in self.needs.iter().enumerate() {
            for need in needs {
                needed_by[*need].push(n);
            }
        }
        let mut free: Vec<usize> = (0..steps.len()).filter(|n| waiting[*n] == 0).collect();
        let mut done = 0;
        while let Some(n) = free.pop() {
            done += 1;
            for next in &needed_by[n] {
                waiting[*next] -= 1;
                if waiting[*next] == 0 {
                    free.push(*next);
                }
            }
        }
        match steps.iter().zip(&waiting).find(|(_, waiting)| **waiting > 0) {
            Some((step, _)) if done < steps.len() => Err(refuse(&step.id, "it needs itself through other steps")),
            _ => Ok(()),
        }
    }

    /// Returns the number of the step named `id`, if it surely ends before step `n` starts.
    pub(super) fn before(&self, id: &Id, n: usize) -> Option<usize> {
        let wanted = *self.index.get(id)?;
        let direct = self.needs.get(n)?;
        if direct.contains(&wanted) {
            return Some(wanted);
        }
        let (mut open, mut seen) = (direct.clone(), BTreeSet::new());
        while let Some(step) = open.pop() {
            if step == wanted {
                return Some(wanted);
            }
            if seen.insert(step) {
                open.extend(self.needs.get(step)?);
            }
        }
        None
    }
}

fn refuse(step: &Id, why: &str) -> Refusal {
    Refusal::new(PLAN_GRAPH, format!("step `{step}`: {why}")).subject(step.as_str())
}

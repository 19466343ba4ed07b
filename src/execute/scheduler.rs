//! The order of the steps: a pure function of the plan, and of what is done.

use std::collections::BTreeMap;

use crate::{
    base::{
        ident::Id,
        path::RepoPath,
        reason::{Refusal, Result},
    },
    plan::{
        model::{Action, Plan, Step},
        reasons::PLAN_GRAPH,
    },
    step::{Touch, kind_of},
};

/// The steps as a graph without cycles, with what each touches.
#[derive(Debug)]
pub(super) struct Graph {
    /// For each step those it needs.
    pub(super) needs: Vec<Vec<usize>>,
    /// For each step those that need it.
    pub(super) needed_by: Vec<Vec<usize>>,
    touches: Vec<Touched>,
}

#[derive(Debug, Default)]
struct Touched {
    reads: Vec<RepoPath>,
    writes: Vec<RepoPath>,
}

impl Graph {
    /// Reads the graph of a plan.
    ///
    /// # Errors
    /// `plan.graph` where an id is double, a need is unknown, or steps need each other in a circle.
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let broken = |why: String| Refusal::new(PLAN_GRAPH, why);
        let mut index: BTreeMap<&Id, usize> = BTreeMap::new();
        for (i, step) in plan.steps.iter().enumerate() {
            if index.insert(&step.id, i).is_some() {
                return Err(broken(format!("two steps are called `{}`", step.id)));
            }
        }
        let mut needs = Vec::new();
        let mut needed_by = vec![Vec::new(); plan.steps.len()];
        for (i, step) in plan.steps.iter().enumerate() {
            let mut mine = Vec::new();
            for need in &step.needs {
                let found = index.get(need).copied();
                let n = found.ok_or_else(|| broken(format!("`{}` needs `{need}`, which is not there", step.id)))?;
                if !mine.contains(&n) {
                    mine.push(n);
                    needed_by[n].push(i);
                }
            }
            needs.push(mine);
        }
        let graph = Self { needs, needed_by, touches: plan.steps.iter().map(touched).collect() };
        let ordered: usize = graph.levels().iter().map(Vec::len).sum();
        if ordered < plan.steps.len() {
            return Err(broken("steps need each other in a circle".into()));
        }
        Ok(graph)
    }

    /// Returns the steps in levels: each needs only steps of the levels before it.
    pub(super) fn levels(&self) -> Vec<Vec<usize>> {
        let mut waiting: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut level: Vec<usize> = (0..waiting.len()).filter(|i| waiting[*i] == 0).collect();
        let mut levels = Vec::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for &i in &level {
                for &j in &self.needed_by[i] {
                    waiting[j] -= 1;
                    if waiting[j] == 0 {
                        next.push(j);
                    }
                }
            }
            next.sort_unstable();
            levels.push(std::mem::replace(&mut level, next));
        }
        levels
    }

    /// Tells whether two steps must not run at once: one writes what the other reads or writes.
    pub(super) fn conflict(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.touches[a], &self.touches[b]);
        overlap(&a.writes, &b.writes) || overlap(&a.writes, &b.reads) || overlap(&a.reads, &b.writes)
    }
}

fn overlap(some: &[RepoPath], others: &[RepoPath]) -> bool {
    some.iter().any(|a| others.iter().any(|b| a.is_within(b) || b.is_within(a)))
}

fn touched(step: &Step) -> Touched {
    let mut all = Touched::default();
    for action in step.every_action() {
        let Touch { reads, writes, repository } = kind_of(action).touch(action);
        all.reads.extend(reads.into_iter().map(|read| read.path));
        all.writes.extend(writes);
        if repository && let Ok(git) = ".git".parse() {
            all.writes.push(git);
        }
        if let Action::Run(run) = action
            && run.cwd != RepoPath::root()
        {
            all.reads.push(run.cwd.clone());
        }
    }
    all
}

//! What became of the items that steps were repeated for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failure::Failures;
use crate::{
    base::{ident::Id, text::visible},
    event::StepStatus,
    plan::model::{Item, Plan, Step},
};

/// How many items that did not come to their end are named to people; the rest is counted.
const NAMED: usize = 10;

/// One step of the directive that was repeated, and how its items stand.
pub(crate) struct Batch<'a> {
    of: &'a Id,
    items: Vec<(&'a Step, &'a Item, StepStatus)>,
}

/// Returns the repeated steps of a plan in its order; `steps` is how each step of the run stands.
pub(crate) fn batches<'a>(plan: &'a Plan, steps: &BTreeMap<Id, StepStatus>) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    for step in &plan.steps {
        let Some(item) = &step.item else { continue };
        let status = steps.get(&step.id).copied().unwrap_or(StepStatus::Pending);
        let at = batches.iter().position(|batch| *batch.of == item.of).unwrap_or_else(|| {
            batches.push(Batch { of: &item.of, items: Vec::new() });
            batches.len() - 1
        });
        if let Some(batch) = batches.get_mut(at) {
            batch.items.push((step, item, status));
        }
    }
    batches
}

impl Batch<'_> {
    fn done(&self) -> usize {
        self.items.iter().filter(|(.., status)| *status == StepStatus::Succeeded).count()
    }

    fn others(&self) -> impl Iterator<Item = &(&Step, &Item, StepStatus)> {
        self.items.iter().filter(|(.., status)| *status != StepStatus::Succeeded)
    }

    /// Says in lines for people how many items are done, and which are not.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("  {}: {} of {} items done\n", self.of, self.done(), self.items.len());
        for (_, item, status) in self.others().take(NAMED) {
            text.push_str(&format!("    {} {}\n", status.word(), visible(&item.value)));
        }
        let rest = self.others().count().saturating_sub(NAMED);
        if rest > 0 {
            text.push_str(&format!("    and {rest} more\n"));
        }
        text
    }

    /// Returns the counts, and every item that is not done, for machines.
    pub(crate) fn result(&self) -> Value {
        let other = |(step, item, status): &(&Step, &Item, StepStatus)| json!({ "step": step.id, "item": item.value, "status": status.word() });
        let others: Vec<_> = self.others().map(other).collect();
        json!({ "of": self.of, "items": self.items.len(), "succeeded": self.done(), "others": others })
    }
}

/// Returns a table of all steps of a run as comma-separated values (RFC 4180), in the plan's order: what was repeated,
/// for what, how it stands, and why.
pub(crate) fn table(plan: &Plan, steps: &BTreeMap<Id, StepStatus>, failures: &Failures) -> String {
    let mut table = "step,of,item,status,reason,what\r\n".to_owned();
    for step in &plan.steps {
        let status = steps.get(&step.id).copied().unwrap_or(StepStatus::Pending);
        let (of, item) = match &step.item {
            Some(item) => (item.of.as_str(), item.value.as_str()),
            None => ("", ""),
        };
        let (reason, what) = failures.reason(&step.id);
        let fields = [step.id.as_str(), of, item, status.word(), reason, what].map(cell);
        table.push_str(&format!("{}\r\n", fields.join(",")));
    }
    table
}

/// Writes one cell: quoted where it must be, on one line, and never anything that a spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let shown = visible(text);
    let formula = shown.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let shown = if formula { format!("'{shown}") } else { shown };
    if shown.contains(['"', ',', '\n', '\r', '\'']) { format!("\"{}\"", shown.replace('"', "\"\"")) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        model::Origin,
        testing::{sample_plan, sample_step},
    };

    fn repeated(items: &[&str]) -> Plan {
        let mut plan = sample_plan();
        plan.steps = items
            .iter()
            .enumerate()
            .map(|(n, value)| Step {
                item: Some(Item {
                    of: "each".parse().unwrap(),
                    value: (*value).into(),
                    origin: Origin::DirectiveAtBase,
                }),
                ..sample_step(&format!("each-{n}"))
            })
            .collect();
        plan.steps.push(sample_step("last"));
        plan
    }

    #[test]
    fn jf23_a_report_counts_the_items_and_names_those_that_are_not_done() {
        let items: Vec<String> = (0..14).map(|n| format!("file {n}\u{1b}[2J")).collect();
        let plan = repeated(&items.iter().map(String::as_str).collect::<Vec<_>>());
        let mut steps: BTreeMap<Id, StepStatus> =
            plan.steps.iter().map(|step| (step.id.clone(), StepStatus::Failed)).collect();
        steps.insert("each-1".parse().unwrap(), StepStatus::Succeeded);
        steps.insert("each-2".parse().unwrap(), StepStatus::Blocked);
        steps.remove("each-13");
        let batches = batches(&plan, &steps);
        assert_eq!(batches.len(), 1);
        let text = batches[0].text();
        assert!(
            text.starts_with("  each: 1 of 14 items done\n    failed file 0\\x1b[2J\n    blocked file 2\\x1b[2J\n")
        );
        assert!(text.ends_with("    and 3 more\n") && !text.contains('\u{1b}'), "{text}");
        let result = batches[0].result();
        assert_eq!((&result["items"], &result["succeeded"]), (&json!(14), &json!(1)));
        assert_eq!(result["others"].as_array().unwrap().len(), 13);
        assert_eq!(result["others"][12], json!({"step": "each-13", "item": items[13], "status": "pending"}));
    }

    #[test]
    fn jf23_no_cell_of_the_table_is_a_formula_or_breaks_its_line() {
        let plan = repeated(&["=cmd|'/C calc'!A0", "a,b", "say \"x\"", "-1", "two\nlines"]);
        let table = table(&plan, &BTreeMap::new(), &Failures::default());
        let lines: Vec<_> = table.split("\r\n").collect();
        assert_eq!(lines[0], "step,of,item,status,reason,what");
        assert_eq!(lines[1], "each-0,each,\"'=cmd|'/C calc'!A0\",pending,,");
        assert_eq!(lines[2], "each-1,each,\"a,b\",pending,,");
        assert_eq!(lines[3], "each-2,each,\"say \"\"x\"\"\",pending,,");
        assert_eq!(lines[4], "each-3,each,\"'-1\",pending,,");
        assert_eq!(lines[5], "each-4,each,two\\nlines,pending,,");
        assert_eq!((lines[6], lines.len()), ("last,,,pending,,", 8));
    }
}

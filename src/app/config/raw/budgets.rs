//! Budgets and prices, as a file sets them.

use std::collections::BTreeMap;

use crate::{
    app::config::model::{BudgetMode, Price},
    base::{
        json::MAX_INTEGER,
        yaml::{Findings, Node},
    },
    provider::check_model,
};

/// A year, in seconds.
const YEAR: i64 = 31_536_000;

/// What a file says of one budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app::config) struct RawAllowance {
    pub(in crate::app::config) tokens: Option<u64>,
    pub(in crate::app::config) requests: Option<u64>,
    pub(in crate::app::config) money: Option<u64>,
    pub(in crate::app::config) time: Option<u64>,
}

/// What a file says of budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app::config) struct RawBudgets {
    pub(in crate::app::config) mode: Option<BudgetMode>,
    pub(in crate::app::config) per_plan: RawAllowance,
    pub(in crate::app::config) per_directive: RawAllowance,
    pub(in crate::app::config) per_day: RawAllowance,
}

pub(super) fn read(node: &Node, findings: &mut Findings<'_>) -> RawBudgets {
    let known = ["mode", "perPlan", "perDirective", "perDay"];
    let Some(fields) = node.fields("`budgets`", &known, findings) else { return RawBudgets::default() };
    let mode = fields.get("mode").and_then(|node| node.word(&BudgetMode::ALL, findings));
    let mut allowance =
        |name: &str| fields.get(name).map_or_else(RawAllowance::default, |node| read_allowance(node, findings));
    RawBudgets {
        mode,
        per_plan: allowance("perPlan"),
        per_directive: allowance("perDirective"),
        per_day: allowance("perDay"),
    }
}

fn read_allowance(node: &Node, findings: &mut Findings<'_>) -> RawAllowance {
    let known = ["tokens", "requests", "money", "time"];
    let Some(fields) = node.fields("a budget", &known, findings) else { return RawAllowance::default() };
    let mut number = |name: &str| fields.get(name).and_then(|node| whole(node, findings));
    let (tokens, requests, money) = (number("tokens"), number("requests"), number("money"));
    let time = fields.get("time").and_then(|node| node.duration(YEAR, findings)).and_then(|n| u64::try_from(n).ok());
    RawAllowance { tokens, requests, money, time }
}

pub(super) fn prices(node: &Node, findings: &mut Findings<'_>) -> BTreeMap<String, Price> {
    let mut all = BTreeMap::new();
    for (key, value) in node.entries(findings) {
        let named = findings.keep(key.place, check_model(&key.text));
        let known = ["inputPerMillion", "outputPerMillion", "cachedPerMillion", "cacheWritePerMillion"];
        let Some(fields) = value.fields("a price", &known, findings) else { continue };
        let mut number = |name: &str| fields.require(name, findings).and_then(|node| whole(node, findings));
        let (input, output) = (number("inputPerMillion"), number("outputPerMillion"));
        let mut optional = |name: &str| fields.get(name).and_then(|node| whole(node, findings));
        let (cached_per_million, cache_write_per_million) =
            (optional("cachedPerMillion"), optional("cacheWritePerMillion"));
        if let (Some(()), Some(input_per_million), Some(output_per_million)) = (named, input, output) {
            let price = Price { input_per_million, output_per_million, cached_per_million, cache_write_per_million };
            all.insert(key.text.clone(), price);
        }
    }
    all
}

fn whole(node: &Node, findings: &mut Findings<'_>) -> Option<u64> {
    node.integer(0, MAX_INTEGER, findings).and_then(|n| u64::try_from(n).ok())
}

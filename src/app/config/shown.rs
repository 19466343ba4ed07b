//! The configuration as people and programs are shown it: every value by its name, with its origin.

use serde_json::{Value, json};

use super::model::{Allowance, Config, Origin, Set};

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name, as files write it; parts are joined by dots.
    pub(crate) name: String,
    /// What it is; null where it is not set.
    pub(crate) value: Value,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

impl Config {
    /// Returns every value, in the order of the format's description.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        let mut add = |name: &str, value: Value, origin: Origin| {
            all.push(Entry { name: name.to_owned(), value, origin });
        };
        add("planner", json!(self.planner.value.word()), self.planner.origin);
        add("provider", json!(self.provider.value), self.provider.origin);
        add("model", json!(self.model.value), self.model.origin);
        add("endpoint", json!(self.endpoint.value), self.endpoint.origin);
        add("key", json!(self.key.value.as_ref().map(ToString::to_string)), self.key.origin);
        add("maxOutputTokens", json!(self.max_output_tokens.value), self.max_output_tokens.origin);
        add("timeout", json!(format!("{}s", self.timeout.value)), self.timeout.origin);
        add("maxRevisions", json!(self.max_revisions.value), self.max_revisions.origin);
        add("send", json!(self.send.value), self.send.origin);
        add("promptCache", json!(self.prompt_cache.value), self.prompt_cache.origin);
        let budgets = &self.budgets;
        add("currency", json!(budgets.currency.value), budgets.currency.origin);
        add("budgets.mode", json!(budgets.mode.value.word()), budgets.mode.origin);
        let parts =
            [("perPlan", &budgets.per_plan), ("perDirective", &budgets.per_directive), ("perDay", &budgets.per_day)];
        for (name, Allowance { tokens, requests, money, time }) in parts {
            for (unit, amount) in [("tokens", tokens), ("requests", requests), ("money", money)] {
                let (value, origin) = optional(amount.as_ref());
                add(&format!("budgets.{name}.{unit}"), json!(value), origin);
            }
            let (value, origin) = optional(time.as_ref());
            add(&format!("budgets.{name}.time"), json!(value.map(|seconds| format!("{seconds}s"))), origin);
        }
        for (model, Set { value, origin }) in &self.prices {
            let mut price =
                json!({ "inputPerMillion": value.input_per_million, "outputPerMillion": value.output_per_million });
            let of_cache = [
                ("cachedPerMillion", value.cached_per_million),
                ("cacheWritePerMillion", value.cache_write_per_million),
            ];
            for (name, number) in of_cache.into_iter().filter_map(|(name, number)| Some((name, number?))) {
                price[name] = json!(number);
            }
            add(&format!("prices.{model}"), price, *origin);
        }
        for (name, Set { value, origin }) in &self.agents {
            let agent = json!({ "argv": value.argv, "env": value.env, "reads": value.reads, "network": value.network });
            add(&format!("agents.{name}"), agent, *origin);
        }
        all
    }
}

fn optional(amount: Option<&Set<u64>>) -> (Option<u64>, Origin) {
    amount.map_or((None, Origin::Default), |set| (Some(set.value), set.origin))
}

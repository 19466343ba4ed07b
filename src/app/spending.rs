//! What planning used: counted from the plans in the ledger, and, for the plan that is drafted, answer by answer.
//!
//! What came of no recorded plan counts in the checkout in which it was asked, and nowhere else.

mod journal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::config::model::{Allowance, BudgetMode, Budgets, Config, Price};
use crate::{
    base::{
        ident::Id,
        json,
        reason::{Refusal, Result},
        time::Timestamp,
    },
    ledger::Ledger,
    plan::{
        seal,
        usage::{Usage, decimal, of_cache},
    },
    planner::{
        budget::{Account, Budget, Limits, Mode, Spent, tokens_of},
        reasons::PLANNER_BUDGET,
    },
    provider::{Cost, Exchange},
};

pub(crate) use journal::{Attempt, Journal};

/// Seconds of a day of UTC.
const DAY: i64 = 86_400;

/// What one plan used, or an attempt at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) directive: Id,
    pub(crate) at: Timestamp,
    pub(crate) usage: Usage,
}

/// Returns what the recorded plans used, for those for which a model was asked.
///
/// # Errors
/// What the reading of the ledger refuses; a plan that cannot be read is never counted as nothing.
pub(crate) fn recorded(ledger: &mut Ledger, now: Timestamp) -> Result<Vec<Recorded>> {
    let state = ledger.read(now)?.state();
    let plans: Vec<_> =
        state.plans()?.iter().map(|(digest, plan)| (*digest, plan.record.directive.clone(), plan.at)).collect();
    let mut found = Vec::new();
    for (digest, directive, at) in plans {
        if let Some(usage) = usage_in(&ledger.object(&digest)?)? {
            found.push(Recorded { directive, at, usage });
        }
    }
    Ok(found)
}

/// Returns what attempts in this checkout used of which the ledger has no plan.
///
/// # Errors
/// As [`Journal::read`], and what the reading of the ledger refuses.
pub(crate) fn unrecorded(journal: &Journal, ledger: &mut Ledger, now: Timestamp) -> Result<Vec<Recorded>> {
    let attempts = journal.read()?;
    if attempts.is_empty() {
        return Ok(Vec::new());
    }
    let plans = ledger.read(now)?.state().plans()?;
    let left = attempts.into_iter().filter(|attempt| attempt.plan.is_none_or(|plan| !plans.contains_key(&plan)));
    Ok(left.map(|Attempt { directive, at, usage, .. }| Recorded { directive, at, usage }).collect())
}

/// Takes the usage out of a plan's bytes, which the ledger holds to the digest that its signer recorded.
fn usage_in(bytes: &[u8]) -> Result<Option<Usage>> {
    // Most plans have none, and reading a large one takes longer than looking.
    if !std::str::from_utf8(bytes).is_ok_and(|text| text.contains("\"usage\":")) {
        return Ok(None);
    }
    let mut plan = json::parse(bytes, seal::MAX_BYTES)?;
    match plan.pointer_mut("/planner/usage") {
        Some(usage) => json::from_value(usage.take()).map(Some),
        None => Ok(None),
    }
}

/// The sums over many plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) plans: u64,
    pub(crate) spent: Spent,
    pub(crate) estimated: bool,
    /// Millionths, by currency.
    pub(crate) money: BTreeMap<String, u64>,
}

impl Total {
    /// Adds up.
    pub(crate) fn of<'r>(recorded: impl IntoIterator<Item = &'r Recorded>) -> Self {
        let mut total = Self::default();
        for Recorded { usage, .. } in recorded {
            total.plans += 1;
            total.spent = total.spent.plus(Spent::of(usage));
            total.estimated |= usage.estimated;
            if let (Some(money), Some(currency)) = (usage.money_micros, &usage.currency) {
                let sum = total.money.entry(currency.clone()).or_default();
                *sum = sum.saturating_add(money);
            }
        }
        total
    }

    /// Returns what was used, with the money of one currency alone.
    fn spent_in(&self, currency: &str) -> Spent {
        Spent { money_micros: self.money.get(currency).copied().unwrap_or_default(), ..self.spent }
    }

    /// Returns the sums on one line.
    pub(crate) fn line(&self) -> String {
        let Spent { tokens_in, tokens_out, requests, millis, cached, cache_written, .. } = self.spent;
        let parts = [(cached, "read from a cache"), (cache_written, "written to one")];
        let told: Vec<String> =
            parts.iter().filter_map(|(tokens, what)| tokens.map(|tokens| format!("{tokens} {what}"))).collect();
        let of_cache = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
        let estimated = if self.estimated { " (in part estimated)" } else { "" };
        let seconds = decimal(millis.saturating_mul(1000));
        let mut line = format!(
            "{} by models: tokens sent {tokens_in}{of_cache}, received {tokens_out}{estimated}, requests {requests}, \
             {seconds} s",
            self.plans
        );
        for (currency, money) in &self.money {
            line.push_str(&format!(", {} {currency}", decimal(*money)));
        }
        line
    }
}

/// Counts one plan while it is drafted, and refuses the question that would go over a budget.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    account: Account,
    price: Option<Price>,
    currency: String,
    estimated: bool,
    /// Whether questions are marked for the provider's cache, which may ask more for what it keeps.
    marked: bool,
    /// What is not in the sums, to be said once.
    left_out: Vec<String>,
}

impl Meter {
    /// Begins to count a plan of a directive, on what the recorded plans used, and what was asked in this checkout.
    ///
    /// `model` is the name that prices go by; empty where the source has no choice.
    ///
    /// # Errors
    /// As [`recorded`] and [`unrecorded`], which are read only where a directive or a day is bounded; `planner.budget`
    /// in strict mode where money is bounded and what counts was paid in another currency.
    pub(crate) fn open(
        config: &Config,
        directive: &Id,
        model: &str,
        (ledger, journal): (&mut Ledger, &Journal),
        now: Timestamp,
    ) -> Result<Self> {
        let budget = budget(config.budgets());
        let bounded = budget.mode != Mode::Off && (budget.directive.is_some() || budget.day.is_some());
        let mut known = Vec::new();
        if bounded {
            known = recorded(ledger, now)?;
            known.extend(unrecorded(journal, ledger, now)?);
        }
        Self::on(budget, &known, directive, now, config.price(model), &config.budgets().currency.value)
    }

    fn on(
        budget: Budget,
        recorded: &[Recorded],
        directive: &Id,
        now: Timestamp,
        price: Option<Price>,
        currency: &str,
    ) -> Result<Self> {
        let day = |at: Timestamp| at.unix().div_euclid(DAY);
        let own = Total::of(recorded.iter().filter(|plan| plan.directive == *directive));
        let today = Total::of(recorded.iter().filter(|plan| day(plan.at) == day(now)));
        let mut left_out = Vec::new();
        for (what, limits, total) in [("the directive", budget.directive, &own), ("the day", budget.day, &today)] {
            let others = total.money.iter().filter(|(other, _)| limits.money_micros.is_some() && *other != currency);
            left_out.extend(others.map(|(other, money)| {
                format!("{what}: {} {other} were used, and the budget is in {currency}", decimal(*money))
            }));
        }
        match left_out.first().filter(|_| budget.mode == Mode::Strict) {
            Some(first) => Err(Refusal::new(PLANNER_BUDGET, first.clone())
                .hint("nobody here knows a rate: set `currency` as before, or bound tokens instead of money")),
            None => Ok(Self {
                account: Account::new(budget, own.spent_in(currency), today.spent_in(currency)),
                price,
                currency: currency.to_owned(),
                estimated: false,
                marked: false,
                left_out: if budget.mode == Mode::Off { Vec::new() } else { left_out },
            }),
        }
    }

    /// Says whether questions are marked for the provider's cache.
    pub(crate) fn marking(self, marked: bool) -> Self {
        Self { marked, ..self }
    }

    /// Asks whether a question of so many bytes may be asked; returns what a person is to be told.
    ///
    /// # Errors
    /// `planner.budget`.
    pub(crate) fn before(&mut self, bytes_sent: usize, max_output_tokens: u32) -> Result<Vec<String>> {
        let next = self.at_most(Spent::estimate(bytes_sent, max_output_tokens));
        let warned = self.account.check(next, self.price.is_some())?;
        let warned = warned.iter().map(|exceeded| format!("with the next question over a budget: {exceeded}"));
        Ok(std::mem::take(&mut self.left_out).into_iter().chain(warned).collect())
    }

    /// Counts an answer; returns what a person is to be told.
    pub(crate) fn after(&mut self, exchange: &Exchange) -> Vec<String> {
        let usage = exchange.usage;
        self.estimated |= usage.input_tokens.is_none() || usage.output_tokens.is_none();
        let tokens_in = usage.input_tokens.unwrap_or_else(|| tokens_of(exchange.sent.len()));
        // What a provider says of its cache is bounded by what was sent.
        let (cached, cache_written) = of_cache(tokens_in, usage.cached_tokens, usage.cache_write_tokens);
        let used = Spent {
            tokens_in,
            cached,
            cache_written,
            tokens_out: usage.output_tokens.unwrap_or_else(|| tokens_of(exchange.text.len())),
            requests: u64::from(exchange.requests),
            money_micros: 0,
            millis: exchange.millis,
        };
        self.count(self.priced(used))
    }

    /// Counts a question that had no answer: where it was sent, the provider may have read it all the same.
    pub(crate) fn after_failure(&mut self, bytes_sent: usize, cost: Cost) -> Vec<String> {
        let tokens_in = if cost.requests == 0 { 0 } else { tokens_of(bytes_sent) };
        self.estimated |= tokens_in > 0;
        let used = Spent { tokens_in, requests: u64::from(cost.requests), millis: cost.millis, ..Spent::default() };
        self.count(self.at_most(used))
    }

    /// Returns the milliseconds that the next answer may take, where a budget bounds them.
    pub(crate) fn millis_left(&self) -> Option<u64> {
        self.account.millis_left()
    }

    /// Returns what the plan records.
    pub(crate) fn usage(&self) -> Usage {
        let spent = self.account.spent();
        Usage {
            input_tokens: spent.tokens_in,
            cached_tokens: spent.cached,
            cache_write_tokens: spent.cache_written,
            output_tokens: spent.tokens_out,
            estimated: self.estimated,
            requests: spent.requests,
            millis: spent.millis,
            money_micros: self.price.map(|_| spent.money_micros),
            currency: self.price.map(|_| self.currency.clone()),
        }
        .clamped()
    }

    fn count(&mut self, used: Spent) -> Vec<String> {
        let over = self.account.record(used);
        over.iter().map(|exceeded| format!("over a budget: {exceeded}")).collect()
    }

    fn priced(&self, spent: Spent) -> Spent {
        let cost = self.price.map_or(0, |price| price.cost(&spent));
        Spent { money_micros: cost, ..spent }
    }

    /// Prices what nobody has told yet.
    fn at_most(&self, spent: Spent) -> Spent {
        let cost = self.price.map_or(0, |price| price.most(&spent, self.marked));
        Spent { money_micros: cost, ..spent }
    }
}

fn budget(budgets: &Budgets) -> Budget {
    let mode = match budgets.mode.value {
        BudgetMode::Strict => Mode::Strict,
        BudgetMode::Warn => Mode::Warn,
        BudgetMode::Off => Mode::Off,
    };
    let limits = |allowance: &Allowance| Limits {
        tokens: allowance.tokens.as_ref().map(|set| set.value),
        requests: allowance.requests.as_ref().map(|set| set.value),
        money_micros: allowance.money.as_ref().map(|set| set.value),
        millis: allowance.time.as_ref().map(|set| set.value.saturating_mul(1000)),
    };
    Budget {
        mode,
        plan: limits(&budgets.per_plan),
        directive: limits(&budgets.per_directive),
        day: limits(&budgets.per_day),
    }
}

//! What planning may use: tokens, requests, money and time, for a plan, a directive and a day.
//!
//! A question is counted twice: before it is asked by an estimate, which may refuse it, and after by what the
//! provider reports, which counts against the next. An answer that was paid for is never thrown away for its price.

use std::fmt;

use super::reasons::PLANNER_BUDGET;
use crate::{
    base::reason::{Refusal, Result},
    plan::usage::{Usage, decimal},
};

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens that were sent, those of a provider's cache included.
    pub tokens_in: u64,
    /// Of these, those read from a provider's cache; none where nobody said.
    pub cached: Option<u64>,
    /// Of these, those written to a provider's cache; none where nobody said.
    pub cache_written: Option<u64>,
    /// Tokens that came back.
    pub tokens_out: u64,
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Money, in millionths of the currency; 0 where no price is known.
    pub money_micros: u64,
    /// What the provider took, in milliseconds.
    pub millis: u64,
}

impl Spent {
    /// Returns what a question will use at most: a token for every four bytes sent, and all that may come back.
    ///
    /// Time is not known before; a millisecond stands for it, so that a question needs some left.
    #[must_use]
    pub fn estimate(bytes_sent: usize, max_output_tokens: u32) -> Self {
        Self {
            tokens_in: tokens_of(bytes_sent),
            tokens_out: u64::from(max_output_tokens),
            requests: 1,
            millis: 1,
            ..Self::default()
        }
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let both = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (None, None) => None,
            _ => Some(one.unwrap_or(0).saturating_add(two.unwrap_or(0))),
        };
        Self {
            tokens_in: self.tokens_in.saturating_add(other.tokens_in),
            cached: both(self.cached, other.cached),
            cache_written: both(self.cache_written, other.cache_written),
            tokens_out: self.tokens_out.saturating_add(other.tokens_out),
            requests: self.requests.saturating_add(other.requests),
            money_micros: self.money_micros.saturating_add(other.money_micros),
            millis: self.millis.saturating_add(other.millis),
        }
    }

    /// Returns what a plan used, but for its money, which counts by currency.
    #[must_use]
    pub fn of(usage: &Usage) -> Self {
        Self {
            tokens_in: usage.input_tokens,
            cached: usage.cached_tokens,
            cache_written: usage.cache_write_tokens,
            tokens_out: usage.output_tokens,
            requests: usage.requests,
            money_micros: 0,
            millis: usage.millis,
        }
    }

    fn tokens(self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }
}

/// Returns how many tokens a text is taken for where the provider does not say: one for every four bytes begun.
#[must_use]
pub fn tokens_of(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

/// How much may be used; what is none has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Tokens, sent and received together.
    pub tokens: Option<u64>,
    /// Requests, repeated ones included.
    pub requests: Option<u64>,
    /// Money, in millionths of the currency.
    pub money_micros: Option<u64>,
    /// What the provider may take, in milliseconds.
    pub millis: Option<u64>,
}

impl Limits {
    /// Tells whether anything is bounded.
    #[must_use]
    pub fn is_some(&self) -> bool {
        *self != Self::default()
    }

    /// Lists what a sum exceeds.
    fn exceeded(self, scope: Scope, sum: Spent) -> impl Iterator<Item = Exceeded> {
        let pairs = [
            (What::Tokens, self.tokens, sum.tokens()),
            (What::Requests, self.requests, sum.requests),
            (What::Money, self.money_micros, sum.money_micros),
            (What::Time, self.millis, sum.millis),
        ];
        pairs.into_iter().filter_map(move |(what, limit, sum)| {
            let limit = limit.filter(|limit| sum > *limit)?;
            Some(Exceeded { scope, what, limit, sum })
        })
    }
}

/// What happens at the end of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The question that would go over it is refused before it is asked.
    #[default]
    Strict,
    /// It is said, and the question is asked.
    Warn,
    /// Nothing is counted against it.
    Off,
}

/// All budgets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// What happens at the end of one.
    pub mode: Mode,
    /// For one plan, all its questions together.
    pub plan: Limits,
    /// For one directive, over all plans in the ledger.
    pub directive: Limits,
    /// For one day of UTC, over all directives.
    pub day: Limits,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One plan.
    Plan,
    /// One directive.
    Directive,
    /// One day of UTC.
    Day,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Tokens,
    Requests,
    Money,
    Time,
}

/// One budget that is, or would be, exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    scope: Scope,
    what: What,
    limit: u64,
    sum: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Plan => "the plan",
            Scope::Directive => "the directive",
            Scope::Day => "the day",
        };
        let (sum, limit) = (self.sum, self.limit);
        match self.what {
            What::Tokens => write!(f, "{scope}: {sum} tokens, {limit} allowed"),
            What::Requests => write!(f, "{scope}: {sum} requests, {limit} allowed"),
            What::Money => write!(f, "{scope}: {} of the currency, {} allowed", decimal(sum), decimal(limit)),
            What::Time => write!(f, "{scope}: {sum} ms, {limit} ms allowed"),
        }
    }
}

/// What was used so far, held against the budgets.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    budget: Budget,
    plan: Spent,
    directive: Spent,
    day: Spent,
}

impl Account {
    /// Opens the account of a new plan.
    ///
    /// `directive` and `day` are what the recorded plans of the directive, and of today, used.
    #[must_use]
    pub fn new(budget: Budget, directive: Spent, day: Spent) -> Self {
        Self { budget, plan: Spent::default(), directive, day }
    }

    /// Returns what the plan used so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.plan
    }

    /// Returns the milliseconds that the next answer may take, where time is bounded.
    #[must_use]
    pub fn millis_left(&self) -> Option<u64> {
        if self.budget.mode != Mode::Strict {
            return None;
        }
        let scopes = self.scopes().into_iter();
        scopes.filter_map(|(_, limits, spent)| Some(limits.millis?.saturating_sub(spent.millis))).min()
    }

    /// Asks whether a question may be asked; returns what it would exceed where that is only to be said.
    ///
    /// `next` is the estimate, its money included where `priced` says that the model's price is known.
    ///
    /// # Errors
    /// `planner.budget` in strict mode where any budget would be exceeded, or money is bounded and no price known.
    pub fn check(&self, next: Spent, priced: bool) -> Result<Vec<Exceeded>> {
        let money = self.scopes().iter().any(|(_, limits, _)| limits.money_micros.is_some());
        if self.budget.mode == Mode::Strict && money && !priced {
            let refusal = Refusal::new(PLANNER_BUDGET, "money is bounded, and the price of the model is not known");
            return Err(refusal.hint("set the price of the model under `prices`, or remove the budget of money"));
        }
        let found = self.exceeded(next);
        match (self.budget.mode, found.first()) {
            (Mode::Off, _) => Ok(Vec::new()),
            (Mode::Strict, Some(first)) => {
                Err(Refusal::new(PLANNER_BUDGET, format!("with the next question, {first}")))
            }
            _ => Ok(found),
        }
    }

    /// Counts what a question really used; returns what is exceeded now, to be said.
    pub fn record(&mut self, used: Spent) -> Vec<Exceeded> {
        self.plan = self.plan.plus(used);
        self.directive = self.directive.plus(used);
        self.day = self.day.plus(used);
        if self.budget.mode == Mode::Off { Vec::new() } else { self.exceeded(Spent::default()) }
    }

    fn exceeded(&self, next: Spent) -> Vec<Exceeded> {
        let scopes = self.scopes().into_iter();
        scopes.flat_map(|(scope, limits, spent)| limits.exceeded(scope, spent.plus(next))).collect()
    }

    fn scopes(&self) -> [(Scope, Limits, Spent); 3] {
        [
            (Scope::Plan, self.budget.plan, self.plan),
            (Scope::Directive, self.budget.directive, self.directive),
            (Scope::Day, self.budget.day, self.day),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(most: u64) -> Limits {
        Limits { tokens: Some(most), ..Limits::default() }
    }

    fn of_plan(mode: Mode, plan: Limits) -> Account {
        Account::new(Budget { mode, plan, ..Budget::default() }, Spent::default(), Spent::default())
    }

    fn text(found: &[Exceeded]) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn df13_an_estimate_is_a_token_for_four_bytes_and_all_that_may_come_back() {
        let next = Spent::estimate(4001, 1000);
        assert_eq!((next.tokens_in, next.tokens_out, next.requests), (1001, 1000, 1));
    }

    #[test]
    fn d18_strict_refuses_before_the_question_that_would_exceed() {
        let mut account = of_plan(Mode::Strict, tokens(3000));
        assert!(account.check(Spent::estimate(4000, 2000), true).unwrap().is_empty(), "exactly the limit is within it");
        let refusal = account.check(Spent::estimate(4004, 2000), true).unwrap_err();
        assert_eq!(refusal.code(), "planner.budget");
        assert_eq!(refusal.message(), "with the next question, the plan: 3001 tokens, 3000 allowed");
        // What was really used counts, not the estimate.
        account.record(Spent { tokens_in: 10, tokens_out: 10, requests: 1, ..Spent::default() });
        assert!(account.check(Spent::estimate(3920, 2000), true).is_ok());
        assert!(account.check(Spent::estimate(3924, 2000), true).is_err());
    }

    #[test]
    fn df13_warn_says_it_and_off_counts_nothing_against_it() {
        let mut account = of_plan(Mode::Warn, tokens(10));
        let next = Spent::estimate(40, 10);
        assert_eq!(text(&account.check(next, false).unwrap()), ["the plan: 20 tokens, 10 allowed"]);
        assert_eq!(text(&account.record(next)), ["the plan: 20 tokens, 10 allowed"]);
        let mut account = of_plan(Mode::Off, tokens(10));
        assert!(account.check(next, false).unwrap().is_empty() && account.record(next).is_empty());
        assert_eq!(account.spent(), next, "it is counted all the same");
    }

    #[test]
    fn d18_every_bound_of_every_scope_refuses_alone() {
        let used =
            Spent { tokens_in: 50, tokens_out: 50, requests: 5, money_micros: 500, millis: 5000, ..Spent::default() };
        let bounds = [
            tokens(100),
            Limits { requests: Some(5), ..Limits::default() },
            Limits { money_micros: Some(500), ..Limits::default() },
            Limits { millis: Some(5000), ..Limits::default() },
        ];
        let next = Spent { tokens_in: 1, requests: 1, money_micros: 1, millis: 1, ..Spent::default() };
        for limits in bounds {
            let mut plan = of_plan(Mode::Strict, limits);
            assert!(plan.record(used).is_empty());
            let directive = Budget { directive: limits, ..Budget::default() };
            let day = Budget { day: limits, ..Budget::default() };
            for account in
                [plan, Account::new(directive, used, Spent::default()), Account::new(day, Spent::default(), used)]
            {
                assert_eq!(account.check(next, true).unwrap_err().code(), "planner.budget", "{limits:?}");
                assert!(account.check(Spent::default(), true).is_ok(), "{limits:?}: used up is not exceeded");
            }
        }
        let free = Account::new(Budget::default(), used, used);
        assert!(free.check(next, false).unwrap().is_empty(), "no bound refuses nothing");
    }

    #[test]
    fn d18_bounded_money_without_a_price_refuses() {
        let limits = Limits { money_micros: Some(1), ..Limits::default() };
        let refusal = of_plan(Mode::Strict, limits).check(Spent::default(), false).unwrap_err();
        assert_eq!(refusal.message(), "money is bounded, and the price of the model is not known");
        assert!(of_plan(Mode::Warn, limits).check(Spent::default(), false).is_ok());
    }

    #[test]
    fn d18_the_time_left_is_that_of_the_tightest_budget() {
        let seconds = |n: u64| Limits { millis: Some(n * 1000), ..Limits::default() };
        let budget = Budget { plan: seconds(60), day: seconds(90), ..Budget::default() };
        let used = Spent { millis: 80_000, ..Spent::default() };
        assert_eq!(Account::new(budget, Spent::default(), used).millis_left(), Some(10_000));
        assert_eq!(Account::new(Budget { mode: Mode::Warn, ..budget }, used, used).millis_left(), None);
    }
}

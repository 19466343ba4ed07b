//! What is counted, and for which day and directive.

use super::*;
use crate::provider;

fn usage(tokens: u64, currency: Option<&str>) -> Usage {
    Usage {
        input_tokens: tokens,
        cached_tokens: None,
        cache_write_tokens: None,
        output_tokens: tokens,
        estimated: false,
        requests: 1,
        millis: 1500,
        money_micros: currency.map(|_| 12_500),
        currency: currency.map(str::to_owned),
    }
}

fn recorded(directive: &str, at: &str, tokens: u64) -> Recorded {
    Recorded { directive: directive.parse().unwrap(), at: at.parse().unwrap(), usage: usage(tokens, Some("EUR")) }
}

fn answer(usage: provider::Usage) -> Exchange {
    let (sent, received) = (b"12345".to_vec(), b"{}".to_vec());
    Exchange { sent, received, text: "12345678".to_owned(), model: None, usage, requests: 2, millis: 40 }
}

/// What a provider says of an answer with ten tokens.
fn told(input: u64, cached: Option<u64>, written: Option<u64>) -> provider::Usage {
    provider::Usage {
        input_tokens: Some(input),
        output_tokens: Some(10),
        cached_tokens: cached,
        cache_write_tokens: written,
    }
}

fn tokens(most: u64) -> Limits {
    Limits { tokens: Some(most), ..Limits::default() }
}

const PRICE: Price = Price {
    input_per_million: 1_000_000,
    output_per_million: 2_000_000,
    cached_per_million: None,
    cache_write_per_million: None,
};

fn meter(budget: Budget, recorded: &[Recorded], now: &str) -> Meter {
    open(budget, recorded, now).unwrap()
}

fn open(budget: Budget, recorded: &[Recorded], now: &str) -> Result<Meter> {
    Meter::on(budget, recorded, &"release".parse().unwrap(), now.parse().unwrap(), Some(PRICE), "EUR")
}

#[test]
fn d18_a_day_is_one_of_utc_and_a_directive_its_own_over_all_time() {
    let plans = [
        recorded("release", "2026-11-19T12:00:00Z", 10),
        recorded("release", "2026-11-20T00:00:00Z", 20),
        recorded("other", "2026-11-20T23:59:59Z", 100),
    ];
    let day = Budget { day: tokens(250), ..Budget::default() };
    // Today: 40 and 200 tokens. The question of 2 and 8 fits, that of 3 and 8 does not.
    assert!(meter(day, &plans, "2026-11-20T00:00:01Z").before(8, 8).is_ok());
    assert_eq!(meter(day, &plans, "2026-11-20T23:59:59Z").before(9, 8).unwrap_err().code(), "planner.budget");
    assert!(meter(day, &plans, "2026-11-21T00:00:00Z").before(9, 8).is_ok(), "the next day is a new one");
    let directive = Budget { directive: tokens(70), ..Budget::default() };
    assert!(meter(directive, &plans, "2027-01-01T00:00:00Z").before(8, 8).is_ok());
    assert!(meter(directive, &plans, "2027-01-01T00:00:00Z").before(9, 8).is_err());
}

#[test]
fn df13_what_the_provider_reports_is_recorded_and_what_it_does_not_is_estimated() {
    let mut meter = meter(Budget::default(), &[], "2026-11-20T00:00:00Z");
    meter.after(&answer(told(100, None, None)));
    let told = meter.usage();
    assert_eq!((told.input_tokens, told.output_tokens, told.requests, told.millis), (100, 10, 2, 40));
    assert_eq!((told.estimated, told.money_micros, told.currency.as_deref()), (false, Some(120), Some("EUR")));
    meter.after(&answer(provider::Usage::default()));
    meter.after_failure(400, Cost { requests: 3, millis: 300_000 });
    let told = meter.usage();
    assert_eq!((told.input_tokens, told.output_tokens, told.requests), (100 + 2 + 100, 12, 7));
    assert_eq!(told.millis, 300_080);
    assert!(told.estimated && told.is_in_form());
}

#[test]
fn d18_what_an_answer_used_counts_against_the_next_question() {
    let limits = Limits { requests: Some(3), ..Limits::default() };
    let mut meter = meter(Budget { plan: limits, ..Budget::default() }, &[], "2026-11-20T00:00:00Z");
    assert!(meter.before(4, 4).is_ok());
    assert!(meter.after(&answer(provider::Usage::default())).is_empty());
    assert!(meter.before(4, 4).is_ok());
    assert_eq!(meter.after(&answer(provider::Usage::default())), ["over a budget: the plan: 4 requests, 3 allowed"]);
    assert_eq!(meter.before(4, 4).unwrap_err().code(), "planner.budget");
}

#[test]
fn a_provider_that_always_fails_uses_up_requests_and_time_too() {
    for (limits, cost, code) in [
        (Limits { requests: Some(3), ..Limits::default() }, Cost { requests: 3, millis: 0 }, Some("planner.budget")),
        (Limits { requests: Some(3), ..Limits::default() }, Cost { requests: 2, millis: 9 }, None),
        (
            Limits { millis: Some(9_000), ..Limits::default() },
            Cost { requests: 1, millis: 9_000 },
            Some("planner.budget"),
        ),
    ] {
        let budget = Budget { plan: limits, mode: Mode::Strict, ..Budget::default() };
        let mut meter = meter(budget, &[], "2026-11-20T00:00:00Z");
        assert!(meter.before(4, 4).is_ok());
        meter.after_failure(4, cost);
        assert_eq!(meter.before(4, 4).err().map(|refusal| refusal.code()), code, "{cost:?}");
    }
    let mut meter = meter(Budget::default(), &[], "2026-11-20T00:00:00Z");
    meter.after_failure(400, Cost::default());
    assert_eq!((meter.usage().input_tokens, meter.usage().requests), (0, 0), "what was not sent costs nothing");
}

#[test]
fn sums_are_by_currency_and_on_one_line() {
    let mut plans = vec![recorded("a", "2026-11-20T00:00:00Z", 10), recorded("b", "2026-11-20T00:00:00Z", 5)];
    plans[1].usage.currency = Some("USD".to_owned());
    assert_eq!(
        Total::of(&plans).line(),
        "2 by models: tokens sent 15, received 15, requests 2, 3 s, 0.0125 EUR, 0.0125 USD"
    );
}

#[test]
fn d18_the_usage_is_read_from_a_plans_own_bytes() {
    let mut plan = crate::plan::testing::sample_plan();
    assert_eq!(usage_in(&json::canonical(&plan).unwrap()).unwrap(), None);
    plan.planner.usage = Some(usage(7, None));
    let sealed = seal::seal(&plan).unwrap();
    assert_eq!(usage_in(sealed.bytes()).unwrap(), plan.planner.usage);
    // A text of the plan that says so is no usage.
    plan.planner.usage = None;
    plan.assumptions = vec!["{\"usage\":{}}".to_owned()];
    assert_eq!(usage_in(&json::canonical(&plan).unwrap()).unwrap(), None);
}

#[test]
fn d18_money_of_another_currency_is_never_counted_one_to_one() {
    let mut plans = [recorded("release", "2026-11-20T00:00:00Z", 1), recorded("other", "2026-11-20T00:00:00Z", 1)];
    plans[1].usage.currency = Some("USD".to_owned());
    let (now, money) = ("2026-11-20T12:00:00Z", |most| Limits { money_micros: Some(most), ..Limits::default() });
    let day = Budget { day: money(20_000), ..Budget::default() };
    let refusal = open(day, &plans, now).unwrap_err();
    assert_eq!(refusal.code(), "planner.budget");
    assert_eq!(refusal.message(), "the day: 0.0125 USD were used, and the budget is in EUR");
    // What bounds no money, another day, and another directive's are no matter.
    assert!(open(Budget { day: tokens(1000), ..Budget::default() }, &plans, now).is_ok());
    assert!(open(day, &plans, "2026-11-21T00:00:00Z").is_ok());
    assert!(open(Budget { directive: money(20_000), ..Budget::default() }, &plans, now).is_ok());
    // Where it is only said, it is said once, and the sum is that of the budget's own currency.
    let mut warn = open(Budget { mode: Mode::Warn, ..day }, &plans, now).unwrap();
    assert_eq!(warn.before(4, 1).unwrap(), ["the day: 0.0125 USD were used, and the budget is in EUR"]);
    assert!(warn.before(4, 1).unwrap().is_empty());
    assert!(warn.before(4, 4_000).unwrap()[0].contains("0.020501 of the currency, 0.02 allowed"));
}

#[test]
fn we20_tokens_of_a_cache_cost_what_they_cost_and_never_nothing() {
    let cost = |price: Price, usage: provider::Usage| {
        let mut meter = Meter { price: Some(price), ..meter(Budget::default(), &[], "2026-11-20T00:00:00Z") };
        meter.after(&answer(usage));
        let used = meter.usage();
        assert!(used.is_in_form(), "{used:?}");
        (used.input_tokens, used.cached_tokens, used.cache_write_tokens, used.money_micros.unwrap())
    };
    let priced = Price { cached_per_million: Some(100_000), cache_write_per_million: Some(1_500_000), ..PRICE };
    // 700 plain, 200 read, 100 written, 10 received.
    let usage = told(1000, Some(200), Some(100));
    assert_eq!(cost(priced, usage), (1000, Some(200), Some(100), 700 + 20 + 150 + 20));
    // Without a price of their own they cost what others do; what is written, a quarter more.
    assert_eq!(cost(PRICE, usage), (1000, Some(200), Some(100), 700 + 200 + 125 + 20));
    assert_eq!(cost(priced, told(1000, None, None)), (1000, None, None, 1020));
    // More than was sent cannot come from a cache; what was written counts first.
    assert_eq!(cost(priced, told(1000, Some(u64::MAX), None)), (1000, Some(1000), None, 100 + 20));
    assert_eq!(cost(priced, told(1000, Some(900), Some(400))), (1000, Some(600), Some(400), 60 + 600 + 20));
    // What one answer says is bounded by its own question, not by all of them.
    let mut two = meter(Budget::default(), &[], "2026-11-20T00:00:00Z");
    two.after(&answer(told(10, Some(1000), None)));
    two.after(&answer(told(1000, Some(0), None)));
    assert_eq!((two.usage().input_tokens, two.usage().cached_tokens), (1010, Some(10)));
    // Where the sum is not told, it is estimated by the bytes that were sent.
    let part = provider::Usage { cached_tokens: Some(500), ..provider::Usage::default() };
    assert_eq!(cost(priced, part).1, Some(2));
}

#[test]
fn we20_a_marked_question_is_estimated_as_if_all_of_it_were_written() {
    let money = |most| Budget { plan: Limits { money_micros: Some(most), ..Limits::default() }, ..Budget::default() };
    let meter = |most, marked| meter(money(most), &[], "2026-11-20T00:00:00Z").marking(marked);
    // 1,000 tokens sent, 10 received.
    assert!(meter(1020, false).before(4000, 10).is_ok());
    assert_eq!(meter(1269, true).before(4000, 10).unwrap_err().code(), "planner.budget");
    assert!(meter(1270, true).before(4000, 10).is_ok());
    let mut failed = meter(5000, true);
    failed.after_failure(4000, Cost { requests: 1, millis: 0 });
    assert_eq!(failed.usage().money_micros, Some(1250));
    // A price below that of others saves nothing before it is known.
    let mut cheap = meter(1019, true);
    cheap.price = Some(Price { cached_per_million: Some(0), cache_write_per_million: Some(0), ..PRICE });
    assert_eq!(cheap.before(4000, 10).unwrap_err().code(), "planner.budget");
}

#[test]
fn we20_what_came_from_caches_is_in_the_sums() {
    let mut plans = vec![recorded("a", "2026-11-20T00:00:00Z", 10), recorded("b", "2026-11-20T00:00:00Z", 5)];
    plans[0].usage.cached_tokens = Some(4);
    plans[0].usage.cache_write_tokens = Some(0);
    assert_eq!(
        Total::of(&plans).line(),
        "2 by models: tokens sent 15 (4 read from a cache, 0 written to one), received 15, requests 2, 3 s, 0.025 EUR"
    );
}

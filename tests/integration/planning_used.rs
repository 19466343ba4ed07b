//! What planning used, as the ledger, the view and the statistics tell it.

use countersign::{base::planner::PlannerKind, plan::usage::Usage};
use serde_json::json;

use super::{
    attacks::{read_plan, record},
    scene::{Drafted, plan, solo},
    support::Bench,
};

/// Records the plan of a model beside the honest one.
fn of_model(bench: &Bench, honest: &Drafted, tokens: u64, file: &str) -> Drafted {
    let mut plan = read_plan(bench, honest);
    plan.planner.kind = PlannerKind::Model;
    plan.planner.model = Some("some-model-1".to_owned());
    plan.planner.usage = Some(Usage {
        input_tokens: tokens,
        cached_tokens: (tokens > 50).then_some(60),
        cache_write_tokens: None,
        output_tokens: 7,
        estimated: false,
        requests: 1,
        millis: 1500,
        money_micros: Some(12_500),
        currency: Some("EUR".to_owned()),
    });
    record(bench, &plan, file)
}

#[test]
fn df13_what_the_recorded_plans_used_is_in_the_statistics_and_the_view() {
    let bench = solo();
    let honest = plan(&bench, "mark", &[]);
    let none = bench.json(&["stats"]).exits(0).json();
    assert_eq!(none["result"]["planning"]["plans"], json!(0), "the fixed planner uses nothing");
    assert!(!bench.read(&honest.file).contains("usage"), "and its plans say nothing of it");

    let first = of_model(&bench, &honest, 100, "../first.json");
    of_model(&bench, &honest, 23, "../second.json");
    let ran = bench.json(&["stats"]).exits(0).json();
    assert_eq!(
        ran["result"]["planning"],
        json!({
            "plans": 2,
            "inputTokens": 123,
            "cachedTokens": 60,
            "cacheWriteTokens": null,
            "outputTokens": 14,
            "estimated": false,
            "requests": 2,
            "millis": 3000,
            "moneyMicros": {"EUR": 25_000},
        })
    );
    let shown = bench.json(&["render", &first.file, "--format", "markdown"]).exits(0).stdout;
    assert!(
        shown.contains("Used: tokens sent 100 (60 read from a cache), received 7; requests 1; 1500 ms; "),
        "{shown}"
    );
}

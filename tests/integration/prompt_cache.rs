//! Caches of prompts: what stays the same is sent as the same bytes, is marked where a protocol has a mark for it, and
//! what a provider read from its cache or wrote to it is in the plan, the view, the statistics and the budgets.

use std::{fs, slice::from_ref};

use countersign::base::digest::Digest;
use serde_json::{Value, json};

use super::{
    model_double::{ModelDouble, Reply, shapes},
    planner_asked::{ask, says, taken, variable},
    planner_scene::{document, founded, honest},
    scene::{plan, solo},
    second_opinion,
    support::Bench,
};

fn configure(bench: &Bench, text: &str) {
    let home = bench.home().join("countersign");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("config.yml"), format!("version: 1\n{text}")).unwrap();
}

/// The text of the first turn, out of one block or two.
fn first_turn(wire: &str, body: &Value) -> String {
    let text_of = |parts: &Value| {
        let texts = parts.as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap());
        texts.collect::<Vec<_>>().concat()
    };
    match wire {
        "openai" => body["messages"][1]["content"].as_str().unwrap().to_owned(),
        "anthropic" => {
            let content = &body["messages"][0]["content"];
            content.as_str().map_or_else(|| text_of(content), str::to_owned)
        }
        _ => text_of(&body["contents"][0]["parts"]),
    }
}

/// Checks that two questions begin with the same bytes, as far as `stable`, the beginning of the first turn, goes.
#[track_caller]
fn begin_alike(wire: &str, bodies: [&[u8]; 2], stable: &str) {
    let [one, two] = bodies.map(|bytes| std::str::from_utf8(bytes).unwrap());
    assert_ne!(one, two, "{wire}");
    let quoted = json!(stable).to_string();
    // Where the turn goes on behind it, no quotation mark ends it.
    let inner = &quoted[..quoted.len() - 1];
    let end = one.find(inner).unwrap_or_else(|| panic!("{wire}: the turn does not begin so: {one}")) + inner.len();
    let alike = one.bytes().zip(two.bytes()).take_while(|(a, b)| a == b).count();
    assert!(alike >= end, "{wire}: the same up to {alike}, what stays ends at {end}");
    let [one, two]: [Value; 2] = [one, two].map(|text| serde_json::from_str(text).unwrap());
    // What a provider puts before the turns is the same as well.
    for part in ["system", "systemInstruction", "output_config", "generationConfig", "response_format"] {
        assert_eq!(one[part], two[part], "{wire}");
    }
    if wire == "anthropic" {
        let block = &one["messages"][0]["content"][0];
        assert_eq!((block, &block["text"]), (&two["messages"][0]["content"][0], &json!(stable)));
        assert_eq!(block["cache_control"], json!({"type": "ephemeral"}));
    }
    for body in [one, two] {
        let marks = body.to_string().matches("cache_control").count();
        assert_eq!(marks, usize::from(wire == "anthropic"), "{wire}: {body}");
    }
}

#[test]
fn we24_a_round_of_repair_begins_with_the_same_bytes_on_every_wire() {
    let wrong = json!({"steps": [], "risks": [], "assumptions": [], "questions": []});
    for wire in shapes::WIRES {
        let bench = founded(None);
        let double = ModelDouble::start([says(wire, &wrong), says(wire, &honest())]);
        let plan = taken(&ask(&bench, wire, &double, None).exits(0));
        let asked = double.asked();
        let task = first_turn(wire, &asked[0].json());
        assert_eq!(task, first_turn(wire, &asked[1].json()), "{wire}: what was asked stays as it was");
        let (stable, _) = task.split_once("\n# More material").unwrap();
        assert!(stable.contains("Look at the readme") && stable.contains("## note"), "{stable}");
        begin_alike(wire, [&asked[0].body, &asked[1].body], stable);
        // The plan names the exact bytes, mark and all, and they are kept.
        let digest = Digest::of(&asked[1].body);
        assert_eq!(document(&bench, &plan)["planner"]["promptDigest"], json!(digest), "{wire}");
        let kept = bench.outside("asked.json.asked").join(digest.hex());
        assert_eq!(fs::read(kept).unwrap(), asked[1].body, "{wire}");
    }
}

#[test]
fn we24_another_reply_and_another_text_change_nothing_of_what_stays() {
    let (bench, wire) = (founded(None), "anthropic");
    let double = ModelDouble::start([says(wire, &honest()), says(wire, &honest()), says(wire, &honest())]);
    let (endpoint, key) = (double.url(), [(variable(wire), "sk-a-key-of-nobody-4711")]);
    let mut line = vec!["plan", "draft", "--planner", "model", "--endpoint", &endpoint, "--out", "../asked.json"];
    line.extend(["--provider", wire, "--model", "test-model", "--json"]);
    for more in [&[][..], &[], &["-i", "topic=good day", "--reply", "when=<<<now"]] {
        bench.run_with(&[&line, more].concat(), &key, "", false).exits(0);
    }
    let [first, again, other] = double.asked().try_into().unwrap();
    assert_eq!(first.body, again.body, "no run leaves anything that the next one is told");
    let stable = first.json()["messages"][0]["content"][0]["text"].as_str().unwrap().to_owned();
    begin_alike(wire, [&first.body, &other.body], &stable);
    let rest = other.json()["messages"][0]["content"][1]["text"].as_str().unwrap().to_owned();
    assert!(rest.contains("good day") && rest.contains("<<<now") && !stable.contains("good day"), "{rest}");
}

#[test]
fn we24_every_round_of_a_second_opinion_begins_with_the_same_bytes_on_every_wire() {
    let bench = solo();
    let plan = plan(&bench, "mark", &[]);
    for wire in shapes::WIRES {
        let says = |verdict| shapes::says(wire, &second_opinion::founded(verdict), true);
        let double = ModelDouble::start([says("annotate"), says("none")]);
        let endpoint = double.url();
        let line = ["review", &plan.file, "--provider", wire, "--model", "m", "--endpoint", &endpoint, "--rounds", "2"];
        bench.run_with(&line, &[(variable(wire), "sk-a-key-of-nobody-4711")], "", false).exits(0);
        let asked = double.asked();
        assert_eq!(asked.len(), 2, "{wire}");
        let first = first_turn(wire, &asked[0].json());
        assert!(first_turn(wire, &asked[1].json()).starts_with(&first), "{wire}");
        begin_alike(wire, [&asked[0].body, &asked[1].body], &first);
    }
}

#[test]
fn we24_without_the_mark_the_same_is_said_and_a_cassette_answers_both() {
    let (bench, wire) = (founded(None), "anthropic");
    let double = ModelDouble::start([says(wire, &honest()), says(wire, &honest())]);
    ask(&bench, wire, &double, None).exits(0);
    configure(&bench, "promptCache: false\n");
    let line = ["config", "show", "--json"];
    assert!(bench.run(&line).exits(0).stdout.contains("promptCache"));
    let endpoint = double.url();
    let mut line = vec!["plan", "draft", "--planner", "model", "--endpoint", &endpoint, "--out", "../asked.json"];
    line.extend(["--provider", wire, "--model", "test-model", "--json"]);
    let record = [&line[..], &["--record", "../tape.jsonl"]].concat();
    bench.run_with(&record, &[(variable(wire), "sk-a-key-of-nobody-4711")], "", false).exits(0);
    let [marked, bare] = double.asked().try_into().unwrap();
    assert!(!String::from_utf8_lossy(&bare.body).contains("cache_control"));
    assert_eq!(first_turn(wire, &marked.json()), first_turn(wire, &bare.json()), "a mark adds nothing that is said");
    let mut without = marked.json();
    without["messages"][0]["content"] = bare.json()["messages"][0]["content"].clone();
    assert_eq!(without, bare.json());
    // A question is the same with a mark and without one.
    configure(&bench, "promptCache: true\n");
    let replay =
        ["plan", "draft", "--planner", "model", "--model", "test-model", "--replay", "../tape.jsonl", "--json"];
    let replayed = bench.run(&replay).exits(0).json();
    assert!(replayed["result"]["planDigest"].is_string(), "{replayed}");
    configure(&bench, "promptCache: sometimes\n");
    ask(&bench, wire, &double, None).refused(2, "definition.invalid");
}

#[test]
fn we24_a_server_that_takes_no_mark_is_asked_once_more_without_it() {
    let (bench, wire) = (founded(None), "anthropic");
    let message = "messages.0.content.0.text.cache_control: Extra inputs are not permitted";
    let refusal = Reply::json(400, &shapes::error(wire, 400, "invalid_request_error", message));
    let double = ModelDouble::start([refusal, says(wire, &honest())]);
    let plan = taken(&ask(&bench, wire, &double, None).exits(0));
    let [marked, bare] = double.asked().try_into().unwrap();
    assert!(String::from_utf8_lossy(&marked.body).contains("cache_control"));
    assert!(!String::from_utf8_lossy(&bare.body).contains("cache_control"));
    let planner = document(&bench, &plan)["planner"].clone();
    assert_eq!((&planner["promptDigest"], &planner["usage"]["requests"]), (&json!(Digest::of(&bare.body)), &json!(2)));
}

/// An honest answer, and what it is said to have used.
fn used(wire: &str, usage: &Value) -> Reply {
    let mut answer = shapes::whole(wire, &honest().to_string(), shapes::done(wire));
    answer[if wire == "gemini" { "usageMetadata" } else { "usage" }] = usage.clone();
    Reply::json(200, &answer)
}

#[test]
fn we20_what_a_cache_saved_is_in_the_plan_the_view_and_the_statistics() {
    let prices =
        "prices:\n  test-model: {inputPerMillion: 1000000, outputPerMillion: 2000000, cachedPerMillion: 100000}\n";
    let (sent, read, written) = (1000_u64, 600_u64, 100_u64);
    for (wire, usage, written) in [
        (
            "anthropic",
            json!({"input_tokens": 300, "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
                   "output_tokens": 10}),
            Some(written),
        ),
        (
            "openai",
            json!({"prompt_tokens": sent, "prompt_tokens_details": {"cached_tokens": read}, "completion_tokens": 10}),
            None,
        ),
        (
            "gemini",
            json!({"promptTokenCount": sent, "cachedContentTokenCount": read, "candidatesTokenCount": 10}),
            None,
        ),
    ] {
        let bench = founded(None);
        configure(&bench, prices);
        let double = ModelDouble::start([used(wire, &usage)]);
        let plan = taken(&ask(&bench, wire, &double, None).exits(0));
        let told = document(&bench, &plan)["planner"]["usage"].clone();
        assert_eq!((&told["inputTokens"], &told["cachedTokens"]), (&json!(sent), &json!(read)), "{wire}");
        assert_eq!(told["cacheWriteTokens"], json!(written), "{wire}");
        // What was read costs its price; what was written a quarter more than others, where nothing else is said.
        let plain = sent - read - written.unwrap_or(0);
        let money = plain + read / 10 + written.unwrap_or(0) * 5 / 4 + 20;
        assert_eq!((&told["moneyMicros"], &told["currency"]), (&json!(money), &json!("USD")), "{wire}");
        let shown = bench.run(&["render", &plan.file]).exits(0).stdout;
        let wanted = match written {
            Some(written) => {
                format!("sent {sent} ({read} read from a cache, {written} written to a cache), received 10")
            }
            None => format!("sent {sent} ({read} read from a cache), received 10"),
        };
        assert!(shown.contains(&wanted), "{wire}: {shown}");
        let stats = bench.json(&["stats"]).exits(0).json()["result"]["planning"].clone();
        assert_eq!((&stats["inputTokens"], &stats["cachedTokens"]), (&json!(sent), &json!(read)), "{wire}");
        assert_eq!(stats["cacheWriteTokens"], json!(written), "{wire}");
        let line = bench.run(&["stats"]).exits(0).stdout;
        assert!(line.contains(&format!("tokens sent {sent} ({read} read from a cache")), "{wire}: {line}");
    }
}

#[test]
fn we24_a_provider_that_lies_about_its_cache_saves_nothing_beyond_what_was_sent() {
    let prices = "prices:\n  test-model: {inputPerMillion: 1000000, outputPerMillion: 0, cachedPerMillion: 1}\n";
    let huge = json!(u64::MAX);
    let openai = |cached: &Value| json!({"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": cached}});
    for (wire, usage, cached) in [
        ("openai", openai(&json!(1_000_000)), Some(1000)),
        ("openai", openai(&huge), Some(1000)),
        ("openai", openai(&json!(-5)), None),
        ("openai", openai(&json!("900")), None),
        ("openai", openai(&json!(900.5)), None),
        ("gemini", json!({"promptTokenCount": 1000, "cachedContentTokenCount": huge}), Some(1000)),
        ("anthropic", json!({"input_tokens": 1000, "cache_read_input_tokens": -5}), None),
    ] {
        let bench = founded(None);
        configure(&bench, prices);
        let double = ModelDouble::start([used(wire, &usage)]);
        let plan = taken(&ask(&bench, wire, &double, None).exits(0));
        let told = document(&bench, &plan)["planner"]["usage"].clone();
        assert_eq!((&told["inputTokens"], told["cachedTokens"].as_u64()), (&json!(1000), cached), "{wire}: {usage}");
        let money = if cached.is_some() { 1 } else { 1000 };
        assert_eq!(told["moneyMicros"], json!(money), "{wire}: {usage}");
    }
    // Of what is sent and not told, no number of a cache makes less.
    let bench = founded(None);
    let double = ModelDouble::start(from_ref(&used("anthropic", &json!({"cache_read_input_tokens": 5}))).to_vec());
    let plan = taken(&ask(&bench, "anthropic", &double, None).exits(0));
    let told = document(&bench, &plan)["planner"]["usage"].clone();
    assert!(told["estimated"] == json!(true) && told["inputTokens"].as_u64().unwrap() > 100, "{told}");
}

#[test]
fn we20_a_budget_of_money_counts_a_marked_question_as_one_that_is_written() {
    let (bench, wire) = (founded(None), "anthropic");
    let double = ModelDouble::start([says(wire, &honest()), says(wire, &honest())]);
    let bounded = |money: u64, mark: bool| {
        let prices = "prices:\n  test-model: {inputPerMillion: 1000000, outputPerMillion: 0}\n";
        configure(&bench, &format!("promptCache: {mark}\nbudgets: {{perPlan: {{money: {money}}}}}\n{prices}"));
        ask(&bench, wire, &double, None)
    };
    let refused = bounded(1, true).refused(8, "planner.budget").stdout;
    // What a question costs by the estimate stands in the refusal: with the mark a quarter more.
    let estimate = |said: &str| {
        let amount = said.split("the plan: 0.").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        format!("{amount:0<6}").parse::<u64>().unwrap()
    };
    let (marked, bare) = (estimate(&refused), estimate(&bounded(1, false).stdout));
    assert_eq!(marked, (bare * 5).div_ceil(4));
    bounded(marked - 1, true).refused(8, "planner.budget");
    assert!(double.asked().is_empty());
    bounded(marked, true).exits(0);
    bounded(bare, false).exits(0);
}

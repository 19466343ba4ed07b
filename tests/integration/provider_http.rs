//! Models behind HTTP: the answers that count, and all those that do not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign::{
    base::{
        reason::{Refusal, Result},
        secret::Secret,
    },
    provider::{
        Exchange, Progress, Question, Role, Source as _, Turn, Usage,
        http::{HttpSource, Settings},
        wires,
    },
};
use serde_json::{Value, json};

use crate::model_double::{
    Asked, ModelDouble, Reply,
    shapes::{self, WIRES},
};

/// The key, which must stand in one header and nowhere else.
const KEY: &str = "sk-test-4f9d2c7ab1e84063";
/// What a model says.
const TEXT: &str = r#"{"steps":[],"why":"nothing to do — “ok”"}"#;

/// A source that asks a double.
struct Stage {
    source: HttpSource,
    double: ModelDouble,
    waited: Arc<Mutex<Vec<u64>>>,
    progress: Vec<Progress>,
}

impl Stage {
    fn new(wire: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::with(wire, replies, Settings::default())
    }

    fn with(wire: &str, replies: impl IntoIterator<Item = Reply>, settings: Settings) -> Self {
        Self::before(ModelDouble::start(replies), wire, settings)
    }

    fn before(double: ModelDouble, wire: &str, settings: Settings) -> Self {
        let wire = wires::named(wire).unwrap();
        let key = Some(Secret::new(KEY.to_owned()));
        let waited = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&waited);
        let source = HttpSource::new(wire, Some(&double.url()), key, settings)
            .unwrap()
            .with_wait(Box::new(move |pause: Duration| seen.lock().unwrap().push(pause.as_secs())));
        Self { double, source, waited, progress: Vec::new() }
    }

    fn ask(&mut self) -> Result<Exchange> {
        self.ask_about("Plan it.", "some-model")
    }

    fn ask_about(&mut self, text: &str, model: &str) -> Result<Exchange> {
        let turns = [Turn { role: Role::Asker, text: text.to_owned() }];
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["steps", "why"],
            "properties": { "steps": { "type": "array", "items": { "type": "string" } }, "why": { "type": "string" } },
        });
        let question = Question {
            system: "You draft plans.",
            turns: &turns,
            stable: 0,
            schema: &schema,
            model,
            max_output_tokens: 500,
            seed: 7,
        };
        let progress = &mut self.progress;
        self.source.ask(&question, &mut |step| progress.push(step))
    }

    fn waited(&self) -> Vec<u64> {
        self.waited.lock().unwrap().clone()
    }
}

/// Asks once, and sees it refused, without the key in what is said.
#[track_caller]
fn refused(wire: &str, reply: Reply, code: &str) -> Refusal {
    let stage = Stage::new(wire, [reply]);
    refused_by(stage, code)
}

#[track_caller]
fn refused_by(mut stage: Stage, code: &str) -> Refusal {
    let refusal = stage.ask().unwrap_err();
    assert_eq!(refusal.code(), code, "{refusal}");
    let said = format!("{refusal} {refusal:?} {:?}", refusal.hints().collect::<Vec<_>>());
    assert!(!said.contains(KEY), "{said}");
    refusal
}

fn not_streamed() -> Settings {
    Settings { stream: false, ..Settings::default() }
}

/// A whole answer, changed.
fn changed(wire: &str, change: impl Fn(&mut Value)) -> Reply {
    let mut answer = shapes::whole(wire, TEXT, shapes::done(wire));
    change(&mut answer);
    Reply::json(200, &answer)
}

#[test]
fn an_answer_is_its_text_model_cost_and_exact_bytes_streamed_or_whole() {
    for wire in WIRES {
        for stream in [true, false] {
            let settings = Settings { stream, ..Settings::default() };
            let mut stage = Stage::with(wire, [shapes::says(wire, TEXT, stream)], settings);
            let exchange = stage.ask().unwrap();
            assert_eq!(exchange.text, TEXT, "{wire}");
            assert_eq!(
                exchange.usage,
                Usage { input_tokens: Some(19), output_tokens: Some(10), ..exchange.usage },
                "{wire}"
            );
            assert!(exchange.model.is_some_and(|model| model.contains('-')));
            let [asked] = stage.double.asked().try_into().unwrap();
            let received = match stream {
                true => shapes::events(wire, TEXT).concat().into_bytes(),
                false => shapes::whole(wire, TEXT, shapes::done(wire)).to_string().into_bytes(),
            };
            assert_eq!((&exchange.sent, &exchange.received), (&asked.body, &received), "{wire}");
            assert_eq!((exchange.requests, stage.source.cost().requests), (1, 1));
            assert_eq!(stage.progress.first(), Some(&Progress::Asked));
            assert_eq!(stage.progress.last(), Some(&Progress::Received(received.len())));
        }
    }
}

#[test]
fn a_server_that_passes_over_the_wish_for_a_stream_is_understood() {
    for wire in WIRES {
        let mut stage = Stage::new(wire, [shapes::says(wire, TEXT, false)]);
        assert_eq!(stage.ask().unwrap().text, TEXT);
    }
}

#[test]
fn the_key_stands_in_one_header_and_in_nothing_else_that_is_sent() {
    let expected = [
        ("authorization", format!("Bearer {KEY}"), "/chat/completions"),
        ("x-api-key", KEY.to_owned(), "/v1/messages"),
        ("x-goog-api-key", KEY.to_owned(), "/v1beta/models/some-model:streamGenerateContent?alt=sse"),
    ];
    for (wire, (header, value, path)) in WIRES.iter().zip(expected) {
        let mut stage = Stage::new(wire, [shapes::says(wire, TEXT, true)]);
        let exchange = stage.ask().unwrap();
        let [Asked { target, mut headers, body }] = stage.double.asked().try_into().unwrap();
        assert_eq!(target, path);
        assert_eq!(headers.remove(header), Some(value));
        assert!(!format!("{headers:?} {target}").contains(KEY));
        assert!(!String::from_utf8(body).unwrap().contains(KEY));
        assert!(!format!("{exchange:?}").contains(KEY));
    }
}

#[test]
fn the_same_question_has_the_same_bytes() {
    for wire in WIRES {
        let replies = [shapes::says(wire, TEXT, true), shapes::says(wire, TEXT, true)];
        let mut stage = Stage::new(wire, replies);
        assert_eq!(stage.ask().unwrap().sent, stage.ask().unwrap().sent);
    }
}

#[test]
fn a_provider_that_is_busy_is_asked_again_after_the_time_it_names() {
    for wire in WIRES {
        let busy = |status| Reply::json(status, &shapes::error(wire, status, "overloaded", "Slow down."));
        let replies = [busy(429).with("retry-after", "7"), busy(503), shapes::says(wire, TEXT, true)];
        let mut stage = Stage::new(wire, replies);
        let exchange = stage.ask().unwrap();
        assert_eq!((exchange.text.as_str(), exchange.requests), (TEXT, 3));
        assert_eq!(stage.waited(), [7, 2]);
        assert!(stage.progress.contains(&Progress::Waiting(7)));
        let bodies: Vec<Vec<u8>> = stage.double.asked().into_iter().map(|asked| asked.body).collect();
        assert!(bodies.iter().all(|body| *body == exchange.sent), "another question was asked");
    }
}

#[test]
fn d18_a_provider_that_stays_busy_is_asked_three_times_and_no_more() {
    for (status, code) in [(429, "provider.rate_limited"), (500, "provider.failed"), (529, "provider.failed")] {
        let reply = Reply::json(status, &shapes::error("anthropic", status, "overloaded_error", "Overloaded"));
        let mut stage = Stage::before(ModelDouble::always(reply), "anthropic", Settings::default());
        let refusal = stage.ask().unwrap_err();
        assert_eq!(refusal.code(), code);
        assert!(refusal.message().contains("Overloaded"), "{refusal}");
        assert_eq!((stage.double.asked().len(), stage.waited()), (3, vec![1, 2]));
        assert_eq!(stage.source.cost().requests, 3, "all three count");
        // Each question has its own cost, and what is refused before it is sent has none.
        assert!(stage.ask_about("Plan it.", "no name").is_err());
        assert_eq!(stage.source.cost().requests, 0);
    }
}

#[test]
fn d18_a_wait_that_is_too_long_is_told_and_not_waited() {
    for (asked, settings) in [
        ("3600", Settings::default()),
        ("30", Settings { timeout: Duration::from_secs(20), ..Settings::default() }),
        ("99999999999999999999", Settings::default()),
    ] {
        let busy = Reply::json(429, &shapes::error("openai", 429, "rate_limit_exceeded", "Slow down."));
        let mut stage = Stage::with("openai", [busy.with("retry-after", asked)], settings);
        let refusal = stage.ask().unwrap_err();
        assert_eq!(refusal.code(), "provider.rate_limited");
        assert!(refusal.hints().next().unwrap().contains("seconds"), "{refusal:?}");
        assert_eq!((stage.double.asked().len(), stage.waited()), (1, vec![]));
    }
}

#[test]
fn what_a_model_does_not_take_beside_the_schema_is_left_out_and_stays_out() {
    let error = |param: &str| {
        let message = format!("Unsupported value: '{param}' does not support 0 with this model.");
        json!({ "error": { "message": message, "type": "invalid_request_error", "param": param, "code": "unsupported_value" } })
    };
    let replies = [
        Reply::json(400, &error("temperature")),
        shapes::says("openai", TEXT, true),
        shapes::says("openai", TEXT, true),
        Reply::json(400, &error("temperature")),
    ];
    let mut stage = Stage::new("openai", replies);
    let exchange = stage.ask().unwrap();
    assert_eq!((exchange.requests, stage.waited()), (2, vec![]));
    stage.ask().unwrap();
    let asked = stage.double.asked();
    let temperatures: Vec<Option<Value>> = asked.iter().map(|asked| asked.json().get("temperature").cloned()).collect();
    assert_eq!(temperatures, [Some(json!(0)), None, None]);
    assert!(asked.iter().all(|asked| asked.json()["response_format"]["type"] == "json_schema"));
    assert_eq!(exchange.sent, asked[1].body);
    // Once it is out, the same complaint is an error as any other.
    assert_eq!(stage.ask().unwrap_err().code(), "provider.rejected");
}

#[test]
fn errors_are_told_with_the_providers_own_words() {
    for wire in WIRES {
        for (status, code) in [
            (400, "provider.rejected"),
            (401, "provider.denied"),
            (403, "provider.denied"),
            (404, "provider.rejected"),
            (204, "provider.malformed"),
        ] {
            let refusal = refused(wire, Reply::json(status, &shapes::error(wire, status, "e", "Such is life.")), code);
            assert!(status == 204 || refusal.message().contains("Such is life."), "{refusal}");
        }
    }
    let page = format!("<html>{}\u{1b}[2J</html>", "x".repeat(100_000));
    let refusal = refused("openai", Reply::whole(404, "text/html", page.into_bytes()), "provider.rejected");
    assert!(refusal.message().len() < 500 && !refusal.message().contains('\u{1b}'));
}

#[test]
fn a_key_that_an_error_repeats_is_not_shown() {
    for wire in WIRES {
        let message = format!("Incorrect API key provided: {KEY}. Find yours at https://example.com/{KEY}");
        let refusal = refused(wire, Reply::json(401, &shapes::error(wire, 401, "e", &message)), "provider.denied");
        assert!(refusal.message().contains("provided: ***."), "{refusal}");
        let escaped: String = KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let body = format!(r#"{{"error": {{"message": "wrong: {escaped}"}}}}"#);
        refused(wire, Reply::whole(401, "application/json", body.into_bytes()), "provider.denied");
        refused(
            wire,
            Reply::whole(500, "text/plain", KEY.as_bytes().to_vec()).with("retry-after", "3600"),
            "provider.failed",
        );
    }
    let events = vec![format!("data: {}\n\n", json!({ "error": { "message": format!("bad {}", &KEY[..20]) } }))];
    refused("openai", Reply::Stream(events), "provider.failed");
}

#[test]
fn d21_a_key_in_the_question_or_in_the_answer_refuses() {
    for wire in WIRES {
        let said = format!("the key is {KEY}");
        refused(wire, shapes::says(wire, &said, false), "provider.key_exposed");
        // In two pieces it is in no line of the stream, but in the text.
        refused(wire, shapes::says(wire, KEY, true), "provider.key_exposed");
        let mut stage = Stage::new(wire, []);
        let refusal = stage.ask_about(&format!("log in with {KEY}"), "some-model").unwrap_err();
        assert_eq!(refusal.code(), "provider.key_exposed");
        assert!(!refusal.to_string().contains(KEY) && stage.double.asked().is_empty(), "it was sent");
    }
}

#[test]
fn a_stream_that_ends_before_its_end_is_no_answer() {
    for wire in WIRES {
        let events = shapes::events(wire, TEXT);
        for kept in 0..events.len() {
            for reply in [Reply::Stream(events[..kept].to_vec()), Reply::Cut(events[..kept].to_vec())] {
                refused(wire, reply, "provider.truncated");
            }
        }
        refused(wire, Reply::Cut(events.clone()), "provider.truncated");
        let mut last = events.clone();
        let cut = last.last().unwrap().trim_end().len();
        last.last_mut().unwrap().truncate(cut);
        refused(wire, Reply::Stream(last), "provider.truncated");
    }
    let whole = shapes::whole("openai", TEXT, "stop").to_string();
    refused("openai", Reply::whole(200, "application/json", whole[..90].into()), "provider.malformed");
}

#[test]
fn a_stream_that_goes_on_after_its_end_is_no_answer() {
    let mut events = shapes::events("openai", TEXT);
    events.push(events[1].clone());
    refused("openai", Reply::Stream(events), "provider.malformed");
}

#[test]
fn what_is_no_answer_by_its_type_is_none() {
    let answer = shapes::whole("openai", TEXT, "stop").to_string().into_bytes();
    for kind in ["text/html; charset=utf-8", "text/plain", "application/octet-stream", "application/jsonx", ""] {
        refused("openai", Reply::whole(200, kind, answer.clone()), "provider.content_type");
    }
    refused("openai", Reply::Whole(200, vec![], answer.clone()), "provider.content_type");
    let events = shapes::events("openai", TEXT).concat().into_bytes();
    let unasked = Reply::whole(200, "text/event-stream", events);
    refused_by(Stage::with("openai", [unasked], not_streamed()), "provider.content_type");
    for odd in [&b"\xff\xfe"[..], b"", b"[]", b"{}", b"null", b"data: x", b"{\"choices\":[]}"] {
        for wire in WIRES {
            refused(wire, Reply::whole(200, "application/json", odd.to_vec()), "provider.malformed");
        }
    }
}

#[test]
fn a_model_that_refuses_is_quoted() {
    let openai = changed("openai", |answer| {
        answer["choices"][0]["message"]["content"] = Value::Null;
        answer["choices"][0]["message"]["refusal"] = json!("I'm sorry, I cannot assist with that.");
    });
    assert!(refused("openai", openai, "provider.refusal").message().contains("cannot assist"));
    let anthropic = Reply::json(200, &shapes::whole("anthropic", "I will not.", "refusal"));
    assert!(refused("anthropic", anthropic, "provider.refusal").message().contains("I will not"));
    let streamed: Vec<String> = vec![
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "refusal": "I'm " } }] })),
        format!(
            "data: {}\n\n",
            json!({ "choices": [{ "index": 0, "delta": { "refusal": "sorry" }, "finish_reason": "stop" }] })
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert!(refused("openai", Reply::Stream(streamed), "provider.refusal").message().contains("I'm sorry"));
}

#[test]
fn d06_a_call_of_a_tool_is_no_answer() {
    let openai = changed("openai", |answer| {
        answer["choices"][0]["message"]["tool_calls"] =
            json!([{ "id": "call_1", "type": "function", "function": { "name": "run_shell", "arguments": "{}" } }]);
    });
    assert!(refused("openai", openai, "provider.tool_call").message().contains("run_shell"));
    let anthropic = changed("anthropic", |answer| {
        answer["stop_reason"] = json!("tool_use");
        answer["content"] = json!([{ "type": "tool_use", "id": "toolu_1", "name": "run_shell", "input": {} }]);
    });
    assert!(refused("anthropic", anthropic, "provider.tool_call").message().contains("run_shell"));
    let gemini = changed("gemini", |answer| {
        answer["candidates"][0]["content"]["parts"] = json!([{ "functionCall": { "name": "run_shell", "args": {} } }]);
    });
    assert!(refused("gemini", gemini, "provider.tool_call").message().contains("run_shell"));
    // A text beside the call makes it no better, nor does an ending that says nothing of it.
    let beside = changed("gemini", |answer| {
        answer["candidates"][0]["content"]["parts"] = json!([{ "text": TEXT }, { "functionCall": { "name": "x" } }]);
    });
    refused("gemini", beside, "provider.tool_call");
    for (wire, word) in [("openai", "tool_calls"), ("anthropic", "tool_use"), ("gemini", "UNEXPECTED_TOOL_CALL")] {
        refused(wire, Reply::json(200, &shapes::whole(wire, TEXT, word)), "provider.tool_call");
    }
}

#[test]
fn an_answer_that_was_cut_short_filtered_or_empty_is_none() {
    for (wire, word, code) in [
        ("openai", "length", "provider.cut_short"),
        ("openai", "content_filter", "provider.filtered"),
        ("openai", "novel", "provider.malformed"),
        ("anthropic", "max_tokens", "provider.cut_short"),
        ("anthropic", "model_context_window_exceeded", "provider.cut_short"),
        ("anthropic", "novel", "provider.malformed"),
        ("gemini", "MAX_TOKENS", "provider.cut_short"),
        ("gemini", "SAFETY", "provider.filtered"),
        ("gemini", "RECITATION", "provider.filtered"),
        ("gemini", "NOVEL", "provider.malformed"),
    ] {
        refused(wire, Reply::json(200, &shapes::whole(wire, TEXT, word)), code);
    }
    let blocked =
        json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" }, "modelVersion": "gemini-2.5-flash" });
    refused("gemini", Reply::json(200, &blocked), "provider.filtered");
    for wire in WIRES {
        for empty in ["", " \n"] {
            refused(wire, shapes::says(wire, empty, true), "provider.empty");
            refused(wire, shapes::says(wire, empty, false), "provider.empty");
        }
    }
}

#[test]
fn d18_an_answer_of_ten_megabytes_and_one_without_an_end_are_refused() {
    for wire in WIRES {
        let large = "x".repeat(10_000_000);
        let streamed = Reply::Stream(vec![format!("data: {large}\n\n")]);
        refused(wire, Reply::whole(200, "application/json", large.into_bytes()), "provider.too_large");
        refused(wire, streamed, "provider.too_large");
        let event = shapes::events(wire, &"x".repeat(10_000)).swap_remove(if wire == "gemini" { 0 } else { 3 });
        refused(wire, Reply::Endless(event), "provider.too_large");
        let small = Settings { max_bytes: 100, ..Settings::default() };
        refused_by(Stage::with(wire, [shapes::says(wire, TEXT, true)], small), "provider.too_large");
    }
}

#[test]
fn d18_a_provider_that_says_nothing_is_not_waited_for_longer_than_told() {
    let settings = Settings { timeout: Duration::from_millis(50), ..Settings::default() };
    refused_by(Stage::with("openai", [Reply::Silent], settings), "provider.timeout");
}

#[test]
fn nothing_is_followed_to_another_place() {
    let other = ModelDouble::start([shapes::says("openai", TEXT, true)]);
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::json(status, &json!({})).with("location", &other.url());
        refused("openai", reply, "provider.redirected");
    }
    assert!(other.asked().is_empty(), "the key went to another place");
}

#[test]
fn a_provider_that_is_not_there_is_told() {
    let mut stage = Stage::new("openai", []);
    let gone = {
        let double = ModelDouble::start([]);
        double.url()
    };
    let key = Some(Secret::new(KEY.to_owned()));
    stage.source = HttpSource::new(wires::named("openai").unwrap(), Some(&gone), key, Settings::default()).unwrap();
    refused_by(stage, "provider.unreachable");
}

#[test]
fn the_providers_own_address_asks_for_a_key_and_one_of_ones_own_does_not() {
    for wire in wires::ALL {
        let refusal = HttpSource::new(*wire, None, None, Settings::default()).err().unwrap();
        assert_eq!((refusal.code(), refusal.about()), ("provider.key_missing", Some(wire.key_variable())));
        let endpoint = format!("{}/", wire.endpoint());
        assert!(HttpSource::new(*wire, Some(&endpoint), None, Settings::default()).is_err());
    }
    let double = ModelDouble::start([shapes::says("openai", TEXT, true)]);
    let mut stage = Stage::new("openai", []);
    stage.source =
        HttpSource::new(wires::named("openai").unwrap(), Some(&double.url()), None, Settings::default()).unwrap();
    assert_eq!(stage.ask().unwrap().text, TEXT);
    assert_eq!(double.asked()[0].headers.get("authorization"), None);
}

#[test]
fn a_model_without_a_name_is_not_asked() {
    for wire in WIRES {
        let mut stage = Stage::new(wire, []);
        for bad in ["", "a b", "a\nb", &"x".repeat(201)] {
            assert_eq!(stage.ask_about("Plan it.", bad).unwrap_err().code(), "provider.model_name");
        }
        assert!(stage.double.asked().is_empty());
    }
}

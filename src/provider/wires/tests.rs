//! What the wires send, and how they read what providers send.

use serde_json::json;

use super::*;
use crate::provider::{
    Role, Turn, Usage,
    narrow::{Dialect, is_strict, narrowed},
};

fn answer_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["steps", "why"],
        "properties": {
            "steps": {
                "type": "array",
                "minItems": 2,
                "items": { "oneOf": [{ "$ref": "#/$defs/step" }] },
            },
            "why": { "type": "string", "description": "Why so.", "minLength": 1, "maxLength": 200 },
        },
        "$defs": {
            "step": {
                "type": "object",
                "additionalProperties": false,
                "required": ["id", "pipeline"],
                "properties": {
                    "id": { "type": "string", "pattern": "^[a-z]+$" },
                    "pipeline": { "const": "note" },
                },
            },
        },
    })
}

fn body(id: &str, host: &str, stream: bool, without: &[Extra]) -> Value {
    let shape = Shape { stream, host, without };
    body_of(id, "Plan it.", 5, &shape)
}

/// The body of a question of which the first bytes of the first turn stay.
fn body_of(id: &str, first: &str, stable: usize, shape: &Shape<'_>) -> Value {
    let turns = [
        Turn { role: Role::Asker, text: first.to_owned() },
        Turn { role: Role::Model, text: "{}".to_owned() },
        Turn { role: Role::Asker, text: "Once more.".to_owned() },
    ];
    let schema = answer_schema();
    let question = Question {
        system: "You draft plans.",
        turns: &turns,
        stable,
        schema: &schema,
        model: "some-model",
        max_output_tokens: 500,
        seed: u64::MAX,
    };
    named(id).unwrap().body(&question, shape)
}

fn heard(id: &str, values: &[Value]) -> Heard {
    let mut heard = Heard::default();
    values.iter().for_each(|value| named(id).unwrap().hear(value, &mut heard));
    heard
}

fn code(heard: &Heard) -> &'static str {
    heard.check(str::to_owned).unwrap_err().code()
}

#[test]
fn every_wire_has_a_name_an_address_with_tls_and_a_variable_of_its_own() {
    let mut names: Vec<&str> = ALL.iter().flat_map(|wire| [wire.id(), wire.endpoint(), wire.key_variable()]).collect();
    assert!(ALL.iter().all(|wire| wire.endpoint().starts_with("https://") && !wire.endpoint().ends_with('/')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3 * ALL.len());
    assert!(named("openai").is_some() && named("other").is_none());
}

#[test]
fn d06_no_request_declares_a_tool_and_every_request_has_the_schema() {
    for wire in ALL {
        let text = body(wire.id(), "api.example.com", true, &[Extra::Temperature, Extra::Seed]).to_string();
        for word in ["tool", "function"] {
            assert!(!text.contains(word), "{}: {text}", wire.id());
        }
        assert!(text.contains("\"pipeline\"") && text.contains("additionalProperties"), "{text}");
    }
}

#[test]
fn openai_is_asked_with_temperature_seed_and_the_limit_by_the_name_that_the_host_knows() {
    let own = body("openai", "api.openai.com", true, &[]);
    assert_eq!((&own["temperature"], &own["seed"]), (&json!(0), &json!(0x7fff_ffff)));
    assert_eq!((&own["max_completion_tokens"], own.get("max_tokens")), (&json!(500), None));
    assert_eq!(own["stream_options"], json!({ "include_usage": true }));
    assert_eq!(own["messages"][0], json!({ "role": "system", "content": "You draft plans." }));
    assert_eq!(own["messages"][2], json!({ "role": "assistant", "content": "{}" }));
    assert_eq!(own["response_format"]["json_schema"]["strict"], json!(true));
    let other = body("openai", "127.0.0.1", false, &[]);
    assert_eq!((&other["max_tokens"], other.get("max_completion_tokens")), (&json!(500), None));
    assert_eq!(other["response_format"]["json_schema"]["schema"], answer_schema());
    let bare = body("openai", "127.0.0.1", true, &[Extra::Temperature, Extra::Seed, Extra::LimitName]);
    assert_eq!((bare.get("temperature"), bare.get("seed"), bare.get("max_tokens")), (None, None, None));
    assert_eq!(bare["max_completion_tokens"], json!(500));
}

#[test]
fn anthropic_and_gemini_are_asked_as_they_document_it() {
    let anthropic = body("anthropic", "api.anthropic.com", true, &[]);
    assert_eq!((&anthropic["system"], &anthropic["max_tokens"]), (&json!("You draft plans."), &json!(500)));
    assert_eq!(anthropic["output_config"]["format"]["type"], "json_schema");
    assert_eq!((&anthropic["temperature"], anthropic.get("seed")), (&json!(0), None));
    let gemini = body("gemini", "generativelanguage.googleapis.com", true, &[]);
    let config = &gemini["generationConfig"];
    assert_eq!((&config["responseMimeType"], &config["seed"]), (&json!("application/json"), &json!(0x7fff_ffff)));
    assert_eq!(config["responseJsonSchema"]["$defs"]["step"]["properties"]["pipeline"], json!({ "enum": ["note"] }));
    assert_eq!(gemini["contents"][1], json!({ "role": "model", "parts": [{ "text": "{}" }] }));
    assert_eq!(gemini["systemInstruction"]["parts"][0]["text"], "You draft plans.");
}

#[test]
fn a_model_name_cannot_lead_to_another_path() {
    let gemini = named("gemini").unwrap();
    assert_eq!(gemini.path("models/gemini-2.5-pro", false).unwrap(), "/v1beta/models/gemini-2.5-pro:generateContent");
    for bad in ["../x", "a/b", "a?key=b", "a:b", "a#b", "..", "a%2fb", ""] {
        assert_eq!(gemini.path(bad, true).unwrap_err().code(), "provider.model_name", "{bad}");
    }
}

#[test]
fn words_that_a_provider_does_not_know_are_told_to_the_model_in_words() {
    let schema = &body("anthropic", "api.anthropic.com", true, &[])["output_config"]["format"]["schema"];
    assert_eq!(schema.get("$schema"), None);
    assert_eq!(
        schema["properties"]["why"],
        json!({ "type": "string", "description": "Why so. (maxLength: 200, minLength: 1)" })
    );
    assert_eq!(schema["properties"]["steps"]["items"], json!({ "anyOf": [{ "$ref": "#/$defs/step" }] }));
    assert_eq!(schema["properties"]["steps"].get("minItems"), None);
    assert_eq!(schema["required"], json!(["steps", "why"]));
    // A member that is called like a word of the schema is no such word.
    let dialect = Dialect { keeps: &["type"], const_as_enum: true, max_min_items: 0 };
    let named_like_words = json!({ "properties": { "const": { "type": "string" }, "maxLength": { "type": "null" } } });
    assert_eq!(narrowed(&named_like_words, &dialect), named_like_words);
}

#[test]
fn strict_mode_is_asked_for_where_the_schema_allows_it() {
    assert!(is_strict(&answer_schema()));
    for (path, value) in [
        ("/required", json!(["steps"])),
        ("/additionalProperties", json!(true)),
        ("/$defs/step/required", json!(["id"])),
        ("/$defs/step/additionalProperties", json!({})),
    ] {
        let mut schema = answer_schema();
        *schema.pointer_mut(path).unwrap() = value;
        assert!(!is_strict(&schema), "{path}");
    }
}

#[test]
fn only_what_is_beside_the_schema_is_ever_left_out() {
    let openai = named("openai").unwrap();
    let error =
        |message: &str, param: Value| json!({ "message": message, "param": param, "code": "unsupported_value" });
    let cases = [
        (error("Unsupported value: 'temperature' does not support 0", json!("temperature")), Some(Extra::Temperature)),
        (error("Unsupported parameter: 'max_tokens'", json!("max_tokens")), Some(Extra::LimitName)),
        (error("`seed` is not supported", Value::Null), Some(Extra::Seed)),
        (error("Invalid schema for response_format 'answer'", json!("response_format")), None),
        (error("response_format is not supported by this model", Value::Null), None),
        (error("max_tokens is too large: 500", Value::Null), None),
    ];
    for (error, extra) in cases {
        assert_eq!(openai.unsupported(&error), extra, "{error}");
    }
    let anthropic =
        json!({ "type": "invalid_request_error", "message": "`temperature` is deprecated for this model." });
    assert_eq!(named("anthropic").unwrap().unsupported(&anthropic), Some(Extra::Temperature));
    let format = json!({ "message": "output_config.format: Extra inputs are not permitted" });
    assert_eq!(named("anthropic").unwrap().unsupported(&format), None);
}

#[test]
fn thoughts_are_no_answer_and_are_paid_for() {
    let gemini = heard(
        "gemini",
        &[json!({
            "candidates": [{
                "content": { "parts": [{ "text": "hm", "thought": true }, { "text": "{}" }] },
                "finishReason": "STOP",
            }],
            "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 5 },
        })],
    );
    assert_eq!(gemini.text, "{}");
    assert_eq!(gemini.usage, Usage { input_tokens: Some(10), output_tokens: Some(7), ..Usage::default() });
    let anthropic = heard(
        "anthropic",
        &[json!({
            "type": "message",
            "model": "claude",
            "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "{}" }],
            "stop_reason": "end_turn",
            "usage": { "input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 7 },
        })],
    );
    assert_eq!(anthropic.text, "{}");
    assert_eq!(
        anthropic.usage,
        Usage { input_tokens: Some(15), output_tokens: Some(7), cached_tokens: Some(5), cache_write_tokens: None }
    );
    anthropic.check(str::to_owned).unwrap();
}

#[test]
fn a_second_answer_and_unknown_words_are_refused() {
    let message = json!({ "content": "{}" });
    let two = json!({ "choices": [
        { "index": 0, "message": message, "finish_reason": "stop" },
        { "index": 1, "message": message, "finish_reason": "stop" },
    ] });
    assert_eq!(code(&heard("openai", &[two])), "provider.malformed");
    let parts = json!({ "choices": [{ "message": { "content": [{ "text": "{}" }] }, "finish_reason": "stop" }] });
    assert_eq!(code(&heard("openai", &[parts])), "provider.malformed");
    let word = json!({ "choices": [{ "message": message, "finish_reason": "paused" }] });
    assert_eq!(code(&heard("openai", &[word])), "provider.malformed");
    let block = json!({ "type": "message", "content": [{ "type": "novel" }], "stop_reason": "end_turn" });
    assert_eq!(code(&heard("anthropic", &[block])), "provider.malformed");
    let null = json!({ "choices": [{ "message": message, "finish_reason": null }] });
    assert_eq!(code(&heard("openai", &[null])), "provider.truncated");
}

#[test]
fn every_wire_is_where_the_list_of_providers_says_it_is() {
    for wire in super::ALL {
        let listed = crate::provider::catalog::find(wire.id()).unwrap();
        assert_eq!((Some(wire.endpoint()), wire.key_variable()), (listed.endpoint, listed.key_variables[0]));
    }
}

#[test]
fn we24_the_part_that_stays_is_marked_where_the_protocol_has_a_mark_and_nowhere_else() {
    let asked = |id, first, stable, without: &[Extra]| {
        body_of(id, first, stable, &Shape { stream: true, host: "api.example.com", without })
    };
    // Source: `CacheControlEphemeral` and `TextBlockParam` of Anthropic's own SDK.
    let marked = asked("anthropic", "Plan it.", 5, &[]);
    assert_eq!(
        marked["messages"][0]["content"],
        json!([
            { "type": "text", "text": "Plan ", "cache_control": { "type": "ephemeral" } },
            { "type": "text", "text": "it." },
        ])
    );
    assert_eq!(marked["messages"][2]["content"], json!("Once more."));
    assert_eq!(marked.to_string().matches("cache_control").count(), 1);
    let whole = asked("anthropic", "Plan it.", 8, &[]);
    assert_eq!(whole["messages"][0]["content"].as_array().unwrap().len(), 1);
    // Nothing that stays, no block without a word, no cut inside a letter; and not where it is switched off.
    let bare = |id| asked(id, "Plan it.", 0, &[]);
    for (first, stable) in [("Plan it.", 0), ("Plan it.", 9), ("  Plan it.", 2), ("Plan it. ", 8), ("\u{e4}", 1)] {
        let body = asked("anthropic", first, stable, &[]);
        assert_eq!(body["messages"][0]["content"], json!(first), "{first:?} {stable}");
    }
    assert_eq!(asked("anthropic", "Plan it.", 5, &[Extra::CacheMark]), bare("anthropic"));
    for id in ["openai", "gemini"] {
        assert_eq!(asked(id, "Plan it.", 5, &[]), bare(id));
        assert!(!named(id).unwrap().marks_cache());
    }
}

#[test]
fn we24_a_server_that_knows_no_mark_is_asked_without_it() {
    let says = |message: &str| json!({ "type": "invalid_request_error", "message": message });
    let anthropic = named("anthropic").unwrap();
    let mark = says("messages.0.content.0.text.cache_control: Extra inputs are not permitted");
    assert_eq!(anthropic.unsupported(&mark), Some(Extra::CacheMark));
    assert_eq!(named("openai").unwrap().unsupported(&mark), None);
}

#[test]
fn we20_what_was_read_from_a_cache_and_written_to_one_is_told_apart() {
    let input = |id: &str, usage: Value| {
        let name = if id == "gemini" { "usageMetadata" } else { "usage" };
        let mut answer = json!({ "type": "message", "content": [] });
        answer[name] = usage;
        let usage = heard(id, &[answer]).usage;
        (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens)
    };
    // Source: `Usage` of Anthropic's own SDK; its page on prompt caching says that `input_tokens` counts neither.
    let told = json!({ "input_tokens": 7, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100 });
    assert_eq!(input("anthropic", told), (Some(127), Some(100), Some(20)));
    // Source: `PromptTokensDetails` of OpenAI's API reference; what is cached counts within the prompt.
    let told = json!({ "prompt_tokens": 127, "prompt_tokens_details": { "cached_tokens": 100 } });
    assert_eq!(input("openai", told), (Some(127), Some(100), None));
    // Source: `UsageMetadata` of the Gemini API reference; what is cached counts within the prompt.
    let told = json!({ "promptTokenCount": 127, "cachedContentTokenCount": 100 });
    assert_eq!(input("gemini", told), (Some(127), Some(100), None));
    for (id, silent) in [
        ("anthropic", json!({ "input_tokens": 7, "cache_read_input_tokens": null })),
        ("openai", json!({ "prompt_tokens": 7, "prompt_tokens_details": null })),
        ("gemini", json!({ "promptTokenCount": 7 })),
    ] {
        assert_eq!(input(id, silent), (Some(7), None, None), "{id}");
    }
}

#[test]
fn we24_numbers_that_are_none_do_not_count_and_no_number_is_too_large() {
    let most = Some((1_u64 << 53) - 1);
    for bad in [json!(-1), json!("100"), json!(1.5), json!([100]), json!({}), json!(true)] {
        let told = [
            (
                "anthropic",
                json!({ "usage": { "input_tokens": 7, "cache_read_input_tokens": bad,
                "cache_creation_input_tokens": bad } }),
            ),
            ("openai", json!({ "usage": { "prompt_tokens": 7, "prompt_tokens_details": { "cached_tokens": bad } } })),
            ("openai", json!({ "usage": { "prompt_tokens": 7, "prompt_tokens_details": bad } })),
            ("gemini", json!({ "usageMetadata": { "promptTokenCount": 7, "cachedContentTokenCount": bad } })),
        ];
        for (id, mut answer) in told {
            answer["type"] = json!("message");
            let usage = heard(id, &[answer]).usage;
            let read = (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens);
            assert_eq!(read, (Some(7), None, None), "{id}: {bad}");
        }
    }
    let huge = json!({ "type": "message", "usage": { "input_tokens": u64::MAX, "cache_read_input_tokens": u64::MAX } });
    let usage = heard("anthropic", &[huge]).usage;
    assert_eq!((usage.input_tokens, usage.cached_tokens), (most, most));
}

#[test]
fn we20_a_stream_tells_all_of_it_twice_and_it_counts_once() {
    // Source: `MessageDeltaUsage` of Anthropic's own SDK: all of its numbers are cumulative, most may be missing.
    let events = |end: Value| {
        let begin = json!({ "input_tokens": 7, "cache_read_input_tokens": 100, "output_tokens": 1 });
        [
            json!({ "type": "message_start", "message": { "usage": begin } }),
            json!({ "type": "message_delta", "delta": {}, "usage": end }),
        ]
    };
    for end in [
        json!({ "output_tokens": 9 }),
        json!({ "input_tokens": 7, "cache_read_input_tokens": 100, "output_tokens": 9 }),
        json!({ "input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 9 }),
    ] {
        let usage = heard("anthropic", &events(end)).usage;
        let told = (usage.input_tokens, usage.output_tokens, usage.cached_tokens);
        assert_eq!(told, (Some(107), Some(9), Some(100)));
    }
}

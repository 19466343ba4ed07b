//! `generateContent` as Gemini speaks it.
//!
//! Source: Gemini API reference, `models.generateContent` and `models.streamGenerateContent`, v1beta.

use serde_json::{Value, json};

use super::{Extra, Shape, Wire, blamed, items, member, text_of};
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    provider::{
        Question, Role,
        heard::{Ending, Heard},
        narrow::{self, Dialect},
        reasons::PROVIDER_MODEL_NAME,
    },
};

/// What `responseJsonSchema` knows of JSON Schema.
const DIALECT: Dialect = Dialect {
    keeps: &["type", "required", "enum", "$ref", "description", "format", "minimum", "maximum", "minItems", "maxItems"],
    const_as_enum: true,
    max_min_items: u64::MAX,
};

/// The wire.
pub(super) struct Gemini;

impl Wire for Gemini {
    fn id(&self) -> &'static str {
        "gemini"
    }

    fn title(&self) -> &'static str {
        "Gemini"
    }

    fn endpoint(&self) -> &'static str {
        "https://generativelanguage.googleapis.com"
    }

    fn key_variable(&self) -> &'static str {
        "GEMINI_API_KEY"
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-goog-api-key", "")
    }

    fn path(&self, model: &str, stream: bool) -> Result<String> {
        let name = model.strip_prefix("models/").unwrap_or(model);
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !plain || name.chars().all(|c| c == '.') {
            return Err(Refusal::new(PROVIDER_MODEL_NAME, format!("`{}` cannot stand in an address", excerpt(model))));
        }
        Ok(match stream {
            true => format!("/v1beta/models/{name}:streamGenerateContent?alt=sse"),
            false => format!("/v1beta/models/{name}:generateContent"),
        })
    }

    fn body(&self, question: &Question<'_>, shape: &Shape<'_>) -> Value {
        let contents: Vec<Value> = question
            .turns
            .iter()
            .map(|turn| {
                let role = match turn.role {
                    Role::Asker => "user",
                    Role::Model => "model",
                };
                json!({ "role": role, "parts": [{ "text": turn.text }] })
            })
            .collect();
        let mut config = json!({
            "maxOutputTokens": question.max_output_tokens,
            "candidateCount": 1,
            "responseMimeType": "application/json",
            "responseJsonSchema": narrow::narrowed(question.schema, &DIALECT),
        });
        if shape.has(Extra::Temperature) {
            config["temperature"] = json!(0);
        }
        if shape.has(Extra::Seed) {
            // It is kept in 32 bits with a sign.
            config["seed"] = json!(question.seed & 0x7fff_ffff);
        }
        json!({
            "systemInstruction": { "parts": [{ "text": question.system }] },
            "contents": contents,
            "generationConfig": config,
        })
    }

    fn unsupported(&self, error: &Value) -> Option<Extra> {
        blamed(error, &[("temperature", Extra::Temperature), ("seed", Extra::Seed)])
    }

    fn hear(&self, value: &Value, heard: &mut Heard) {
        if let Some(error) = member(value, "error") {
            heard.error = Some(text_of(error, "message").map_or_else(|| error.to_string(), str::to_owned));
            return;
        }
        if let Some(model) = text_of(value, "modelVersion") {
            heard.model = Some(model.to_owned());
        }
        if let Some(usage) = member(value, "usageMetadata") {
            let told = |name: &str| usage.get(name).and_then(Value::as_u64);
            Heard::count(&mut heard.usage.input_tokens, told("promptTokenCount"));
            // It keeps beginnings by itself, and counts what it read of them within the prompt.
            Heard::count(&mut heard.usage.cached_tokens, told("cachedContentTokenCount"));
            // What it thought is paid for as what it said.
            let thought = told("thoughtsTokenCount").unwrap_or(0);
            let output = told("candidatesTokenCount").map(|tokens| tokens.saturating_add(thought));
            Heard::count(&mut heard.usage.output_tokens, output);
        }
        if let Some(word) = member(value, "promptFeedback").and_then(|feedback| text_of(feedback, "blockReason")) {
            heard.ending = Some(Ending::Filtered(word.to_owned()));
            heard.closed = true;
        }
        for candidate in items(value, "candidates") {
            if candidate.get("index").is_some_and(|index| index != 0) {
                heard.odd = Some("it holds more than one answer");
            }
            if let Some(content) = member(candidate, "content") {
                items(content, "parts").for_each(|part| part_in(part, heard));
            }
            if let Some(reason) = text_of(candidate, "finishReason") {
                heard.ending = Some(ending(reason));
                heard.closed = true;
            }
        }
    }
}

fn part_in(part: &Value, heard: &mut Heard) {
    let called = ["functionCall", "toolCall", "executableCode"].iter().find_map(|name| member(part, name));
    if let Some(called) = called {
        heard.tool = Some(text_of(called, "name").unwrap_or_default().to_owned());
    } else if part.get("thought") != Some(&json!(true)) {
        heard.text.push_str(text_of(part, "text").unwrap_or_default());
    }
}

fn ending(reason: &str) -> Ending {
    match reason {
        "STOP" => Ending::Done,
        "MAX_TOKENS" => Ending::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => {
            Ending::Filtered(reason.to_owned())
        }
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => Ending::Tool,
        other => Ending::Unknown(other.to_owned()),
    }
}

//! Chat completions as OpenAI speaks them, and with it most servers, gateways and local programs.
//!
//! Source: OpenAI API reference, `POST /v1/chat/completions`.

use serde_json::{Value, json};

use super::{Extra, Shape, Wire, blamed, items, member, text_of};
use crate::{
    base::reason::Result,
    provider::{
        Question, Role,
        heard::{Ending, Heard},
        narrow::{self, Dialect},
    },
};

/// What strict mode knows of JSON Schema.
const DIALECT: Dialect = Dialect {
    keeps: &[
        "type",
        "required",
        "enum",
        "const",
        "$ref",
        "description",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
    ],
    const_as_enum: false,
    max_min_items: u64::MAX,
};

/// The wire.
pub(super) struct OpenAi;

impl Wire for OpenAi {
    fn id(&self) -> &'static str {
        "openai"
    }

    fn title(&self) -> &'static str {
        "OpenAI, and what speaks its protocol"
    }

    fn endpoint(&self) -> &'static str {
        "https://api.openai.com/v1"
    }

    fn key_variable(&self) -> &'static str {
        "OPENAI_API_KEY"
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("authorization", "Bearer ")
    }

    fn path(&self, _model: &str, _stream: bool) -> Result<String> {
        Ok("/chat/completions".to_owned())
    }

    fn body(&self, question: &Question<'_>, shape: &Shape<'_>) -> Value {
        let mut messages = vec![json!({ "role": "system", "content": question.system })];
        messages.extend(question.turns.iter().map(|turn| {
            let role = match turn.role {
                Role::Asker => "user",
                Role::Model => "assistant",
            };
            json!({ "role": role, "content": turn.text })
        }));
        let strict = narrow::is_strict(question.schema);
        let schema = match is_of_openai(shape.host) {
            true => narrow::narrowed(question.schema, &DIALECT),
            // Other servers know more words, and pass over what they do not know.
            false => question.schema.clone(),
        };
        let mut body = json!({
            "model": question.model,
            "messages": messages,
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": strict, "schema": schema },
            },
            "stream": shape.stream,
        });
        // OpenAI's newer models know only the newer name, other servers often only the older.
        let newer = is_of_openai(shape.host) == shape.has(Extra::LimitName);
        body[if newer { "max_completion_tokens" } else { "max_tokens" }] = json!(question.max_output_tokens);
        if shape.has(Extra::Temperature) {
            body["temperature"] = json!(0);
        }
        if shape.has(Extra::Seed) {
            // Other servers keep it in 32 bits, some with a sign.
            body["seed"] = json!(question.seed & 0x7fff_ffff);
        }
        if shape.stream && shape.has(Extra::StreamUsage) {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }

    fn unsupported(&self, error: &Value) -> Option<Extra> {
        let names = [
            ("temperature", Extra::Temperature),
            ("seed", Extra::Seed),
            ("max_tokens", Extra::LimitName),
            ("max_completion_tokens", Extra::LimitName),
            ("stream_options", Extra::StreamUsage),
        ];
        blamed(error, &names)
    }

    fn hear(&self, value: &Value, heard: &mut Heard) {
        if let Some(error) = member(value, "error") {
            heard.error = Some(text_of(error, "message").map_or_else(|| error.to_string(), str::to_owned));
            return;
        }
        if let Some(model) = text_of(value, "model").filter(|model| !model.is_empty()) {
            heard.model = Some(model.to_owned());
        }
        if let Some(usage) = member(value, "usage") {
            let told = |name: &str| usage.get(name).and_then(Value::as_u64);
            Heard::count(&mut heard.usage.input_tokens, told("prompt_tokens"));
            Heard::count(&mut heard.usage.output_tokens, told("completion_tokens"));
            // It keeps beginnings by itself, and counts what it read of them within the prompt.
            let cached = member(usage, "prompt_tokens_details").and_then(|details| details.get("cached_tokens"));
            Heard::count(&mut heard.usage.cached_tokens, cached.and_then(Value::as_u64));
        }
        for choice in items(value, "choices") {
            if choice.get("index").is_some_and(|index| index != 0) {
                heard.odd = Some("it holds more than one answer");
            }
            let whole = member(choice, "message");
            heard.closed |= whole.is_some();
            if let Some(said) = whole.or(member(choice, "delta")) {
                said_in(said, heard);
            }
            if let Some(reason) = text_of(choice, "finish_reason") {
                heard.ending = Some(ending(reason));
            }
        }
    }

    fn closing(&self) -> Option<&'static str> {
        Some("[DONE]")
    }
}

fn said_in(said: &Value, heard: &mut Heard) {
    match member(said, "content") {
        Some(Value::String(text)) => heard.text.push_str(text),
        Some(_) => heard.odd = Some("its content is no text"),
        None => {}
    }
    if let Some(text) = text_of(said, "refusal") {
        heard.refusal.get_or_insert_default().push_str(text);
    }
    let called = items(said, "tool_calls").next().map(|call| call.get("function").unwrap_or(call));
    if let Some(called) = called.or(member(said, "function_call"))
        && heard.tool.is_none()
    {
        heard.tool = Some(text_of(called, "name").unwrap_or_default().to_owned());
    }
}

fn ending(reason: &str) -> Ending {
    match reason {
        "stop" => Ending::Done,
        "length" => Ending::Length,
        "content_filter" => Ending::Filtered(reason.to_owned()),
        "tool_calls" | "function_call" => Ending::Tool,
        other => Ending::Unknown(other.to_owned()),
    }
}

/// Tells whether a host is OpenAI's own, or has its models at Azure.
fn is_of_openai(host: &str) -> bool {
    host == "api.openai.com" || [".openai.azure.com", ".services.ai.azure.com"].iter().any(|end| host.ends_with(end))
}

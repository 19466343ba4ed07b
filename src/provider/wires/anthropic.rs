//! Messages as Anthropic speaks them.
//!
//! Structured output is asked for as the format of the text (`output_config.format`), not as a forced call of a tool:
//! so no request of ours ever declares a tool, and a call of one is always wrong.
//!
//! Source: Claude API reference, `POST /v1/messages`, and its pages on structured outputs, streaming and prompt
//! caching.

use serde_json::{Value, json};

use super::{Extra, Shape, Wire, blamed, items, member, text_of};
use crate::{
    base::reason::Result,
    provider::{
        Question, Role, Turn,
        heard::{Ending, Heard},
        narrow::{self, Dialect},
    },
};

/// What the format of an answer knows of JSON Schema.
const DIALECT: Dialect = Dialect {
    keeps: &["type", "required", "enum", "const", "$ref", "description", "minItems"],
    const_as_enum: false,
    max_min_items: 1,
};

/// The wire.
pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn id(&self) -> &'static str {
        "anthropic"
    }

    fn title(&self) -> &'static str {
        "Anthropic"
    }

    fn endpoint(&self) -> &'static str {
        "https://api.anthropic.com"
    }

    fn key_variable(&self) -> &'static str {
        "ANTHROPIC_API_KEY"
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-api-key", "")
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("anthropic-version", "2023-06-01")]
    }

    fn marks_cache(&self) -> bool {
        true
    }

    fn path(&self, _model: &str, _stream: bool) -> Result<String> {
        Ok("/v1/messages".to_owned())
    }

    fn body(&self, question: &Question<'_>, shape: &Shape<'_>) -> Value {
        let marked = marked(question).filter(|_| shape.has(Extra::CacheMark));
        let content = |(n, turn): (usize, &Turn)| match marked {
            Some((stable, rest)) if n == 0 => blocks(stable, rest),
            _ => json!(turn.text),
        };
        let messages: Vec<Value> = question
            .turns
            .iter()
            .enumerate()
            .map(|(n, turn)| {
                let role = match turn.role {
                    Role::Asker => "user",
                    Role::Model => "assistant",
                };
                json!({ "role": role, "content": content((n, turn)) })
            })
            .collect();
        let mut body = json!({
            "model": question.model,
            "max_tokens": question.max_output_tokens,
            "system": question.system,
            "messages": messages,
            "output_config": {
                "format": { "type": "json_schema", "schema": narrow::narrowed(question.schema, &DIALECT) },
            },
            "stream": shape.stream,
        });
        if shape.has(Extra::Temperature) {
            body["temperature"] = json!(0);
        }
        body
    }

    fn unsupported(&self, error: &Value) -> Option<Extra> {
        blamed(error, &[("temperature", Extra::Temperature), ("cache_control", Extra::CacheMark)])
    }

    fn hear(&self, value: &Value, heard: &mut Heard) {
        match text_of(value, "type").unwrap_or_default() {
            "error" => {
                let error = value.get("error").unwrap_or(value);
                heard.error = Some(text_of(error, "message").map_or_else(|| error.to_string(), str::to_owned));
            }
            "message" => {
                begin(value, heard);
                items(value, "content").for_each(|block| block_in(block, heard));
                end(value, heard);
                heard.closed = true;
            }
            "message_start" => {
                if let Some(message) = member(value, "message") {
                    begin(message, heard);
                }
            }
            "content_block_start" => {
                if let Some(block) = member(value, "content_block") {
                    block_in(block, heard);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = member(value, "delta") {
                    delta_in(delta, heard);
                }
            }
            "message_delta" => {
                if let Some(delta) = member(value, "delta") {
                    end(delta, heard);
                }
                if let Some(usage) = member(value, "usage") {
                    used(usage, heard);
                }
            }
            "message_stop" => heard.closed = true,
            // The provider adds events; those of above are all that hold an answer.
            _ => {}
        }
    }
}

fn begin(message: &Value, heard: &mut Heard) {
    heard.model = text_of(message, "model").map(str::to_owned);
    if let Some(usage) = member(message, "usage") {
        used(usage, heard);
    }
}

/// Reads what was used so far; a stream tells it at its beginning and its end, each time all of it.
fn used(usage: &Value, heard: &mut Heard) {
    let told = |name: &str| usage.get(name).and_then(Value::as_u64);
    let (read, written) = (told("cache_read_input_tokens"), told("cache_creation_input_tokens"));
    // What was written to a cache or read from it stands beside the other input.
    let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
    let input = told("input_tokens").map(|tokens| tokens.saturating_add(cached));
    Heard::count_up(&mut heard.usage.input_tokens, input);
    Heard::count_up(&mut heard.usage.output_tokens, told("output_tokens"));
    Heard::count_up(&mut heard.usage.cached_tokens, read);
    Heard::count_up(&mut heard.usage.cache_write_tokens, written);
}

/// Returns the first turn as the part that may be kept and the rest, where there is such a part.
fn marked<'q>(question: &Question<'q>) -> Option<(&'q str, &'q str)> {
    let first = question.turns.first().filter(|turn| turn.role == Role::Asker)?;
    let (stable, rest) = first.text.split_at_checked(question.stable)?;
    // A block without a word is refused.
    let whole = rest.is_empty() || !rest.trim().is_empty();
    (whole && !stable.trim().is_empty()).then_some((stable, rest))
}

/// Writes a turn in two blocks, with the mark on the first: system, schema and all up to it may be kept.
///
/// One mark is enough, and four are the most. How many tokens are too few to be kept is the provider's to say.
fn blocks(stable: &str, rest: &str) -> Value {
    let mut blocks = vec![json!({ "type": "text", "text": stable, "cache_control": { "type": "ephemeral" } })];
    if !rest.is_empty() {
        blocks.push(json!({ "type": "text", "text": rest }));
    }
    json!(blocks)
}

fn block_in(block: &Value, heard: &mut Heard) {
    match text_of(block, "type").unwrap_or_default() {
        "text" => heard.text.push_str(text_of(block, "text").unwrap_or_default()),
        "thinking" | "redacted_thinking" => {}
        kind if kind.ends_with("tool_use") || kind.ends_with("tool_result") => {
            heard.tool = Some(text_of(block, "name").unwrap_or(kind).to_owned());
        }
        _ => heard.odd = Some("it holds a block of a kind that is not known"),
    }
}

fn delta_in(delta: &Value, heard: &mut Heard) {
    match text_of(delta, "type").unwrap_or_default() {
        "text_delta" => heard.text.push_str(text_of(delta, "text").unwrap_or_default()),
        "input_json_delta" => {
            heard.tool.get_or_insert_default();
        }
        _ => {}
    }
}

fn end(message: &Value, heard: &mut Heard) {
    let Some(reason) = text_of(message, "stop_reason") else { return };
    heard.ending = Some(match reason {
        "end_turn" | "stop_sequence" => Ending::Done,
        "max_tokens" | "model_context_window_exceeded" => Ending::Length,
        "refusal" => Ending::Refused,
        "tool_use" | "pause_turn" => Ending::Tool,
        other => Ending::Unknown(other.to_owned()),
    });
}

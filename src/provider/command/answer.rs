//! In what agents wrap their answers, and how the text is taken out.

use serde_json::Value;

use crate::{base::json, provider::Usage};

/// In what an answer is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In nothing: what is printed is the answer.
    Plain,
    /// In one object with `result`, `is_error` and `usage`, as `claude` prints.
    Claude,
    /// In one object with `response`, `stats` and `error`, as `gemini` prints.
    Gemini,
    /// In JSON Lines of events, as `codex exec --json` prints; the last message counts.
    Codex,
}

/// The text of an answer, and what was said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) text: String,
    pub(super) model: Option<String>,
    pub(super) usage: Usage,
}

impl Form {
    /// Every form, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 4] =
        [("plain", Self::Plain), ("claude", Self::Claude), ("codex", Self::Codex), ("gemini", Self::Gemini)];

    /// Takes the text out.
    ///
    /// # Errors
    /// In words, where the form is another, or says that there is no answer.
    pub(super) fn take(self, printed: &[u8]) -> Result<Taken, String> {
        let text = std::str::from_utf8(printed).map_err(|_| "the answer is not UTF-8".to_owned())?.trim();
        if text.is_empty() {
            return Err("the answer is empty".to_owned());
        }
        match self {
            Self::Plain => Ok(Taken { text: text.to_owned(), ..Taken::default() }),
            Self::Claude => claude(&object(text)?),
            Self::Gemini => gemini(&object(text)?),
            Self::Codex => codex(text),
        }
    }
}

/// Returns what stands in a code fence, where the whole text is one.
pub(in crate::provider) fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some((language, body)) = inner.and_then(|inner| inner.split_once('\n')) else { return text };
    let alone = !body.contains("```") && matches!(language.trim(), "" | "json" | "JSON");
    if alone { body.trim() } else { text }
}

fn claude(envelope: &Value) -> Result<Taken, String> {
    let text = envelope["result"].as_str();
    if envelope["is_error"].as_bool().unwrap_or(true) {
        return Err(format!("it says: {}", text.or(envelope["subtype"].as_str()).unwrap_or("an error")));
    }
    let usage = &envelope["usage"];
    let told = |part: &str| usage[part].as_u64().map(|n| n.min(json::MAX_INTEGER.unsigned_abs()));
    // What was read from or written to its cache was sent as well.
    let parts = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
    let models = envelope["modelUsage"].as_object();
    Ok(Taken {
        text: text.ok_or("there is no `result`")?.to_owned(),
        model: models.filter(|models| models.len() == 1).and_then(|models| models.keys().next().cloned()),
        usage: Usage {
            input_tokens: usage["input_tokens"].as_u64().map(|_| sum(parts.iter().map(|part| &usage[*part]))),
            output_tokens: usage["output_tokens"].as_u64(),
            cached_tokens: told("cache_read_input_tokens"),
            cache_write_tokens: told("cache_creation_input_tokens"),
        },
    })
}

fn gemini(envelope: &Value) -> Result<Taken, String> {
    if let Some(error) = envelope.get("error").filter(|error| !error.is_null()) {
        return Err(format!("it says: {}", error["message"].as_str().unwrap_or("an error")));
    }
    let models = envelope["stats"]["models"].as_object();
    let tokens = |part: &str| models.map(|models| sum(models.values().map(|model| &model["tokens"][part])));
    Ok(Taken {
        text: envelope["response"].as_str().ok_or("there is no `response`")?.to_owned(),
        model: models.filter(|models| models.len() == 1).and_then(|models| models.keys().next().cloned()),
        usage: Usage {
            input_tokens: tokens("prompt"),
            output_tokens: tokens("candidates").map(|n| n.saturating_add(tokens("thoughts").unwrap_or(0))),
            cached_tokens: tokens("cached"),
            cache_write_tokens: None,
        },
    })
}

fn codex(lines: &str) -> Result<Taken, String> {
    let (mut text, mut taken) = (None, Taken::default());
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let event = object(line)?;
        match event["type"].as_str() {
            Some("item.completed") if event["item"]["type"] == "agent_message" => {
                text = event["item"]["text"].as_str().map(str::to_owned);
            }
            Some("turn.completed") => {
                taken.usage.input_tokens = event["usage"]["input_tokens"].as_u64();
                taken.usage.output_tokens = event["usage"]["output_tokens"].as_u64();
                taken.usage.cached_tokens = event["usage"]["cached_input_tokens"].as_u64();
            }
            Some("turn.failed") => {
                return Err(format!("it says: {}", event["error"]["message"].as_str().unwrap_or("an error")));
            }
            _ => {}
        }
    }
    taken.text = text.ok_or("there is no message in it")?;
    Ok(taken)
}

/// Reads one object; costs may be fractions there, which our own formats do not know.
fn object(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("not the JSON that it announces: {e}"))?;
    if value.is_object() { Ok(value) } else { Err("not the JSON object that it announces".to_owned()) }
}

fn sum<'v>(numbers: impl Iterator<Item = &'v Value>) -> u64 {
    let most = json::MAX_INTEGER.unsigned_abs();
    numbers.filter_map(Value::as_u64).fold(0_u64, u64::saturating_add).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_and_its_cost_are_taken_out_of_each_form() {
        let claude =
            br#"{"type":"result","subtype":"success","is_error":false,"result":"{\"a\":1}","total_cost_usd":0.0123,
            "usage":{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":6},
            "modelUsage":{"claude-x":{}}}"#;
        let taken = Form::Claude.take(claude).unwrap();
        assert_eq!((taken.text.as_str(), taken.model.as_deref()), ("{\"a\":1}", Some("claude-x")));
        assert_eq!(
            taken.usage,
            Usage {
                input_tokens: Some(113),
                output_tokens: Some(6),
                cached_tokens: Some(100),
                cache_write_tokens: Some(10),
            }
        );
        let gemini =
            br#"{"response":"{}","stats":{"models":{"g":{"tokens":{"prompt":7,"candidates":2,"cached":4,"thoughts":3}}}}}"#;
        let taken = Form::Gemini.take(gemini).unwrap();
        assert_eq!(
            taken.usage,
            Usage { input_tokens: Some(7), output_tokens: Some(5), cached_tokens: Some(4), cache_write_tokens: None }
        );
        let codex = b"{\"type\":\"thread.started\"}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"reasoning\",\"text\":\"no\"}}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"{}\"}}\n{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":9,\"cached_input_tokens\":8,\"output_tokens\":1}}\n";
        let taken = Form::Codex.take(codex).unwrap();
        let Usage { input_tokens, cached_tokens, .. } = taken.usage;
        assert_eq!((taken.text.as_str(), input_tokens, cached_tokens), ("{}", Some(9), Some(8)));
        assert_eq!(Form::Plain.take(b" {} \n").unwrap().text, "{}");
    }

    #[test]
    fn an_error_or_another_form_is_never_an_answer() {
        for (form, printed) in [
            (Form::Claude, &br#"{"is_error":true,"result":"{}"}"#[..]),
            (Form::Claude, br#"{"result":"{}"}"#),
            (Form::Claude, br#"{"is_error":false}"#),
            (Form::Claude, b"[]"),
            (Form::Claude, b"{} {}"),
            (Form::Claude, b"Loading...\n{\"is_error\":false,\"result\":\"{}\"}"),
            (Form::Gemini, br#"{"response":"{}","error":{"message":"quota"}}"#),
            (Form::Gemini, br#"{"stats":{}}"#),
            (Form::Codex, br#"{"type":"turn.failed","error":{"message":"x"}}"#),
            (Form::Codex, br#"{"type":"turn.completed"}"#),
            (Form::Codex, b"{}\nnoise"),
            (Form::Plain, b""),
            (Form::Plain, b" \n"),
            (Form::Plain, b"\xff{}"),
        ] {
            assert!(form.take(printed).is_err(), "{form:?}: {}", String::from_utf8_lossy(printed));
        }
    }

    #[test]
    fn a_fence_is_taken_off_only_where_it_holds_everything() {
        assert_eq!(unfenced("```json\n{}\n```\n"), "{}");
        assert_eq!(unfenced("```\n{}\n```"), "{}");
        for kept in ["{}", "text\n```json\n{}\n```", "```sh\nls\n```", "```json\n{}\n```\n```json\n{}\n```", "```"] {
            assert_eq!(unfenced(kept), kept);
        }
    }
}

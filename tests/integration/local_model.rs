//! A server that nobody here wrote: llama.cpp's own, with a model of chance that `tests/models` makes on the spot.
//!
//! What it says means nothing, so that what fits the schema does so because the server was asked rightly.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use countersign::{
    base::secret::Secret,
    provider::{
        Exchange, Progress, Question, Role, Source as _, Turn,
        http::{HttpSource, Settings},
        wires,
    },
};
use serde_json::{Value, json};

use crate::scene::note;

/// The server, as long as the value lives.
pub(crate) struct LocalModel {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl LocalModel {
    /// Starts it; none where `tests/run.sh` has not installed it, which the variable says must not be.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let named = std::env::var_os("COUNTERSIGN_MODELS").map(PathBuf::from);
        let python = named.clone().unwrap_or_else(|| root.join("target/models")).join("bin/python");
        if !python.exists() {
            assert!(named.is_none(), "COUNTERSIGN_MODELS names a folder without python");
            note("skipped: there is no server for models; tests/run.sh installs it");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("tiny.gguf");
        let made = Command::new(&python).arg(root.join("tests/models/tiny_model.py")).arg(&model).status().unwrap();
        assert!(made.success(), "no model was made");
        let mut child = Command::new(&python)
            .arg(root.join("tests/models/serve.py"))
            .arg(&model)
            .args(arguments)
            // The server ends with this pipe, whatever becomes of the test.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "the server did not start: {url}");
        Some(Self { child, url, _folder: folder })
    }

    /// The endpoint of its OpenAI protocol.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}/v1", self.url)
    }

    fn ask(
        &self,
        key: Option<&str>,
        stream: bool,
        tokens: u32,
        seed: u64,
    ) -> countersign::base::reason::Result<Exchange> {
        let settings = Settings { stream, ..Settings::default() };
        let key = key.map(|key| Secret::new(key.to_owned()));
        let mut source = HttpSource::new(wires::named("openai").unwrap(), Some(&self.endpoint()), key, settings)?;
        let turns = [Turn { role: Role::Asker, text: "Plan it.".to_owned() }];
        let schema = schema();
        let question = Question {
            system: "You draft plans.",
            turns: &turns,
            stable: 0,
            schema: &schema,
            model: "tiny",
            max_output_tokens: tokens,
            seed,
        };
        let mut last = None;
        let exchange = source.ask(&question, &mut |progress| last = Some(progress))?;
        assert_eq!(last, Some(Progress::Received(exchange.received.len())));
        Ok(exchange)
    }
}

impl Drop for LocalModel {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a planner is asked for: steps of the pipelines that are allowed, each with its own inputs.
fn schema() -> Value {
    let text = |length: u32| json!({ "type": "string", "maxLength": length });
    let texts = json!({ "type": "array", "maxItems": 2, "items": text(20) });
    let step = |pipeline: &str, with: Value| {
        let names: Vec<&String> = with.as_object().unwrap().keys().collect();
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "pipeline", "with"],
            "properties": {
                "id": { "type": "string", "pattern": "^[a-z][a-z0-9]{0,7}$" },
                "pipeline": { "const": pipeline },
                "with": { "type": "object", "additionalProperties": false, "required": names, "properties": with },
            },
        })
    };
    let note = step("note", json!({ "text": text(20) }));
    let mark = step(
        "mark",
        json!({ "count": { "type": "integer", "minimum": 1, "maximum": 9 }, "loud": { "type": "boolean" } }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["steps", "risks", "assumptions", "questions"],
        "properties": {
            "steps": { "type": "array", "minItems": 1, "maxItems": 3, "items": { "anyOf": [note, mark] } },
            "risks": texts,
            "assumptions": texts,
            "questions": texts,
        },
    })
}

#[test]
fn a_real_server_answers_by_the_schema_whatever_its_model_would_say() {
    let Some(model) = LocalModel::start(&[]) else { return };
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let mut answers = Vec::new();
    for (stream, seed) in [(true, 1), (false, 1), (true, 2), (true, 3)] {
        let exchange = model.ask(None, stream, 4000, seed).unwrap();
        let answer: Value = serde_json::from_str(&exchange.text).unwrap();
        if let Err(error) = validator.validate(&answer) {
            panic!("{error}: {answer}");
        }
        assert!(exchange.usage.input_tokens.is_some_and(|tokens| tokens > 10), "{:?}", exchange.usage);
        assert!(exchange.usage.output_tokens.is_some_and(|tokens| tokens > 50), "{:?}", exchange.usage);
        assert!(exchange.model.is_some_and(|model| model.contains("tiny")));
        assert_eq!(exchange.requests, 1);
        let sent: Value = serde_json::from_slice(&exchange.sent).unwrap();
        assert_eq!(sent["response_format"]["json_schema"]["schema"], schema());
        assert_eq!(exchange.received.starts_with(b"data: {"), stream);
        answers.push(exchange.text);
    }
    assert_eq!(answers[0], answers[1], "streamed or whole, the same question has the same answer");
}

#[test]
fn a_real_server_that_stops_at_the_limit_gives_no_answer() {
    let Some(model) = LocalModel::start(&[]) else { return };
    for stream in [true, false] {
        assert_eq!(model.ask(None, stream, 10, 1).unwrap_err().code(), "provider.cut_short");
    }
}

#[test]
fn a_real_server_that_asks_for_a_key_gets_it_and_lets_no_other_in() {
    let Some(model) = LocalModel::start(&["sk-local-0123456789"]) else { return };
    model.ask(Some("sk-local-0123456789"), true, 4000, 1).unwrap();
    for key in [None, Some("sk-local-9876543210")] {
        let refusal = model.ask(key, true, 4000, 1).unwrap_err();
        assert_eq!(refusal.code(), "provider.denied", "{refusal}");
        assert!(!refusal.to_string().contains("sk-local"), "{refusal}");
    }
}

//! The prompt goes in as one text; what could be taken for a flag does not go in at all.

use serde_json::json;

use super::*;
use crate::provider::Turn;

/// Keeps what it was asked to start.
#[derive(Default)]
struct Fake(Vec<Vec<String>>);

impl Launcher for Fake {
    fn launch(&mut self, errand: &Errand<'_>) -> Result<Printed> {
        self.0.push(errand.argv.clone());
        Ok(Printed {
            stdout: b"{\"is_error\":false,\"result\":\"```json\\n{}\\n```\"}".to_vec(),
            bytes: 0,
            truncated: false,
            stderr: String::new(),
            ending: Ending::Code(0),
            millis: 1,
        })
    }
}

fn ask(model: &str) -> Result<(Exchange, Vec<String>)> {
    let turns = [
        Turn { role: Role::Asker, text: "first".into() },
        Turn { role: Role::Model, text: "wrong".into() },
        Turn { role: Role::Asker, text: "repair it".into() },
    ];
    let schema = json!({ "type": "object" });
    let question =
        Question { system: "task", turns: &turns, stable: 0, schema: &schema, model, max_output_tokens: 9, seed: 0 };
    let agent = preset("claude").unwrap().agent();
    let mut source = CommandSource::new(agent, Fake::default(), Duration::from_secs(1));
    let exchange = source.ask(&question, &mut |_| {})?;
    Ok((exchange, source.launcher.0.remove(0)))
}

#[test]
fn a_conversation_is_one_text_with_its_schema_at_the_end() {
    let (exchange, argv) = ask("").unwrap();
    let sent = String::from_utf8(exchange.sent).unwrap();
    assert!(
        sent.starts_with(
            "task\n\nfirst\n\nYour earlier answer was:\n\nwrong\n\nrepair it\n\nAnswer with one JSON object"
        )
    );
    assert!(sent.ends_with("{\n  \"type\": \"object\"\n}\n"));
    assert_eq!(exchange.text, "{}");
    assert!(!argv.iter().any(|arg| arg == "--model" || sent.contains(arg.as_str()) && arg.len() > 12));
}

#[test]
fn a_models_name_is_one_argument_and_never_a_flag() {
    let (_, argv) = ask("opus[1m]").unwrap();
    assert_eq!(argv[..2], ["--model", "opus[1m]"]);
    for bad in ["--dangerously-skip-permissions", "a b", "a\nb", "a;b", "../x", "a\u{202e}b"] {
        assert_eq!(ask(bad).unwrap_err().code(), "provider.model_name", "{bad}");
    }
}

#[test]
fn every_preset_forbids_tools_and_passes_no_token_of_a_forge() {
    let forbids = [("claude", "--tools"), ("codex", "features.shell_tool=false"), ("copilot", "--deny-tool=shell")];
    for (id, flag) in forbids {
        assert!(preset(id).unwrap().argv.contains(&flag), "{id}");
    }
    assert!(preset("gemini").unwrap().files[0].1.contains("\"tools\":{\"core\":[]}"));
    for known in PRESETS {
        assert!(!known.key_variables.iter().any(|name| matches!(*name, "GITHUB_TOKEN" | "GH_TOKEN")), "{}", known.id);
        let all = known.argv.join(" ");
        for never in ["dangerously", "yolo", "full-auto", "allow-all", "bypass", "danger-full-access"] {
            assert!(!all.contains(never), "{}: {never}", known.id);
        }
        serde_json::from_str::<serde_json::Value>(known.files.first().map_or("{}", |(_, text)| text)).unwrap();
    }
}

#[test]
fn an_agent_that_fails_has_its_time_counted_and_what_is_not_started_has_none() {
    struct Slow;
    impl Launcher for Slow {
        fn launch(&mut self, _: &Errand<'_>) -> Result<Printed> {
            let (stdout, stderr) = (Vec::new(), String::new());
            Ok(Printed { stdout, bytes: 0, truncated: false, stderr, ending: Ending::Timeout, millis: 1000 })
        }
    }
    let schema = json!({});
    let ask = |source: &mut CommandSource<Slow>, model: &str| {
        let question =
            Question { system: "", turns: &[], stable: 0, schema: &schema, model, max_output_tokens: 9, seed: 0 };
        source.ask(&question, &mut |_| {}).unwrap_err().code()
    };
    let mut source = CommandSource::new(preset("claude").unwrap().agent(), Slow, Duration::from_secs(1));
    assert_eq!(ask(&mut source, ""), "provider.agent_timeout");
    assert_eq!(source.cost(), Cost { requests: 1, millis: 1000 });
    assert_eq!(ask(&mut source, "--flag"), "provider.model_name");
    assert_eq!(source.cost(), Cost::default());
}

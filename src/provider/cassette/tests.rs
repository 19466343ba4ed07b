//! A cassette answers what it was asked, and nothing else.

use super::*;
use crate::provider::Turn;

/// Answers with what it was asked, and counts.
#[derive(Default)]
struct Echo(u32);

impl Source for Echo {
    fn ask(&mut self, question: &Question<'_>, _: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        self.0 += 1;
        let said = question.turns.last().unwrap().text.clone();
        Ok(Exchange {
            sent: said.clone().into_bytes(),
            received: format!("[{said}]").into_bytes(),
            text: said,
            model: Some("m".into()),
            usage: Usage { input_tokens: Some(3), cached_tokens: Some(2), ..Usage::default() },
            requests: 1,
            millis: 5,
        })
    }

    fn cost(&self) -> Cost {
        Cost { requests: self.0, millis: 5 }
    }

    fn origin(&self) -> Origin {
        Origin::Command
    }
}

fn ask(source: &mut impl Source, text: &str, model: &str, seed: u64) -> Result<Exchange> {
    let turns = [Turn { role: Role::Asker, text: text.to_owned() }];
    let schema = json!({ "type": "object" });
    source.ask(
        &Question { system: "s", turns: &turns, stable: 0, schema: &schema, model, max_output_tokens: 9, seed },
        &mut |_| {},
    )
}

fn tape(texts: &[&str]) -> Vec<u8> {
    let mut tape = Vec::new();
    let mut recorder = Recorder::new(Echo::default(), &mut tape, Vec::new());
    for text in texts {
        ask(&mut recorder, text, "m", 1).unwrap();
    }
    tape
}

#[test]
fn what_was_recorded_is_answered_again_and_nobody_is_asked() {
    let long = "ä".repeat(150_000) + "\nend";
    let bytes = tape(&["one", "two\nlines", &long]);
    let mut replay = Replay::read(&bytes).unwrap();
    for text in ["two\nlines", &long, "one"] {
        let again = ask(&mut replay, text, "m", 77).unwrap();
        assert_eq!((again.text.as_str(), again.requests, again.millis), (text, 0, 0));
        assert_eq!(again.received, format!("[{text}]").into_bytes());
        assert_eq!(again.usage.input_tokens, Some(3));
    }
    assert_eq!(replay.origin().word(), "replay");
    assert_eq!(ask(&mut replay, "one", "m", 1).unwrap_err().code(), "provider.cassette_miss", "each line answers once");
}

#[test]
fn another_question_is_refused() {
    let mut replay = Replay::read(&tape(&["one"])).unwrap();
    for (text, model) in [("One", "m"), ("one ", "m"), ("one", "n")] {
        let refusal = ask(&mut replay, text, model, 1).unwrap_err();
        assert_eq!(refusal.code(), "provider.cassette_miss", "{text} {model}");
    }
}

#[test]
fn a_file_that_was_edited_or_cut_off_is_no_cassette() {
    let good = String::from_utf8(tape(&["one", "two"])).unwrap();
    let header = "{\"cassette\":1}\n";
    assert!(good.starts_with(header));
    for bad in [
        String::new(),
        "\n".to_owned(),
        good.replacen("1}", "2}", 1),
        good.trim_end().to_owned(),
        good[header.len()..].to_owned(),
        good.replacen("\"model\":\"m\"", "\"model\": \"m\"", 1),
        good.replacen("\"model\"", "\"extra\":1,\"model\"", 1),
        good.replacen("sha256:", "sha1:", 1),
        good.replace('\n', "\r\n"),
        good[..good.len() - 20].to_owned() + "\n",
    ] {
        assert_eq!(Replay::read(bad.as_bytes()).unwrap_err().code(), "provider.cassette_form", "{bad}");
    }
}

#[test]
fn d21_no_key_gets_on_the_tape() {
    let key = Secret::new("correct horse battery".to_owned());
    let looks = format!("sk-{}", "a1".repeat(15));
    for text in ["say: correct horse battery", looks.as_str()] {
        let mut tape = Vec::new();
        let mut recorder = Recorder::new(Echo::default(), &mut tape, vec![key.clone()]);
        assert_eq!(ask(&mut recorder, text, "m", 1).unwrap_err().code(), "provider.cassette_secret");
        assert_eq!(recorder.source.0, 0, "it is not asked either");
        drop(recorder);
        assert!(tape.is_empty());
    }
}

#[test]
fn a_recorder_hides_nothing_of_what_it_wraps() {
    let mut recorder = Recorder::new(Echo::default(), Vec::new(), Vec::new());
    assert_eq!(recorder.origin(), Origin::Command);
    assert_eq!(ask(&mut recorder, "one", "m", 1).unwrap(), ask(&mut Echo::default(), "one", "m", 1).unwrap());
}

#[test]
fn what_was_asked_and_cannot_be_recorded_has_its_cost_and_what_was_not_asked_has_none() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut recorder = Recorder::new(Echo::default(), Full, vec![Secret::new("the-known-one".to_owned())]);
    assert_eq!(ask(&mut recorder, "one", "m", 1).unwrap_err().code(), "io.failed");
    assert_eq!(recorder.cost(), Cost { requests: 1, millis: 5 });
    assert_eq!(ask(&mut recorder, "the-known-one", "m", 1).unwrap_err().code(), "provider.cassette_secret");
    assert_eq!(recorder.cost(), Cost::default());
}

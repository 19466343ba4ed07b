use serde_json::{Value as Json, json};

use super::*;
use crate::planner::testing::{DIRECTIVE, HONEST, World};

fn honest() -> Json {
    serde_json::from_str(HONEST).unwrap()
}

fn altered(pointer: &str, value: Json) -> String {
    let mut answer = honest();
    *answer.pointer_mut(pointer).unwrap() = value;
    answer.to_string()
}

fn adopted(text: &str) -> Result<Directive> {
    let world = World::new(DIRECTIVE);
    let proposal = Answer::read(text)?.into_proposal(&Sources { items: &[] });
    adopt(&world.request(), &proposal)
}

#[test]
fn an_honest_answer_becomes_the_steps_of_the_directive() {
    let answer = Answer::read(HONEST).unwrap();
    assert_eq!((answer.questions().len(), answer.blocking().count()), (1, 0));
    let directive = adopted(HONEST).unwrap();
    let steps: Vec<_> = directive.steps().iter().map(|step| step.id.as_str()).collect();
    assert_eq!(steps, ["look", "raise"]);
    assert_eq!(directive.risks().len(), 2, "what the directive states stays");
    // Null is an input that is left out.
    assert!(adopted(&altered("/steps/1/with/notes", Json::Null)).is_ok());
}

#[test]
fn d17_the_form_is_closed() {
    for (pointer, value) in [
        ("/steps", json!(null)),
        ("/steps", json!("none")),
        ("/steps/0/id", json!(null)),
        ("/steps/0/id", json!("a b")),
        ("/steps/0/id", json!("é")),
        ("/steps/0/id", json!("a".repeat(101))),
        ("/steps/0/needs", json!("look")),
        ("/steps/0/with/file", json!("CHANGELOG.md")),
        ("/steps/0/with/file", json!({"value": "CHANGELOG.md", "input": "version"})),
        ("/steps/0/with/file", json!({"shell": "CHANGELOG.md"})),
        ("/steps/0/with/file", json!({"value": ["CHANGELOG.md"]})),
        ("/steps/0/with/file", json!({"value": 1.5})),
        ("/steps/1/with/notes", json!({"output": {"step": "look", "output": "file", "default": "x"}})),
        ("/risks/0/severity", json!("none")),
        ("/questions/0/blocking", json!("yes")),
        ("/assumptions", json!([1])),
    ] {
        assert_eq!(adopted(&altered(pointer, value)).unwrap_err().code(), "planner.answer", "{pointer}");
    }
    for text in ["", "[]", "null", "{}", &HONEST.replace("\"steps\"", "\"plan\""), &format!("{HONEST} {HONEST}")] {
        assert_eq!(adopted(text).unwrap_err().code(), "planner.answer", "{text}");
    }
    let more = HONEST.replacen('{', "{\"approved\": true,", 1);
    assert_eq!(adopted(&more).unwrap_err().code(), "planner.answer");
    let twice = HONEST.replacen('{', "{\"steps\": [],", 1);
    assert_eq!(adopted(&twice).unwrap_err().code(), "planner.answer");
}

#[test]
fn free_text_is_one_line_that_hides_nothing() {
    for text in ["", " ", "a\nb", "a\u{1b}[31mb", "a\u{202e}b", "a\u{200b}b", "${{ secrets.X }}", &"a".repeat(1_001)] {
        for pointer in ["/steps/0/title", "/steps/0/why", "/risks/0/text", "/assumptions/0", "/questions/0/question"] {
            let refusal = adopted(&altered(pointer, json!(text))).unwrap_err();
            assert_eq!(refusal.code(), "planner.answer", "{pointer}: {text:?}");
        }
    }
    let question = honest()["questions"][0].clone();
    let many = altered("/questions", json!(vec![question; MAX_QUESTIONS + 1]));
    assert_eq!(Answer::read(&many).unwrap_err().code(), "planner.answer");
}

#[test]
fn d02_what_the_directive_does_not_allow_is_refused_all_of_it_at_once() {
    for (pointer, value, said) in [
        ("/steps", json!([]), "there is no step"),
        ("/steps/1/id", json!("look"), "the id stands twice"),
        ("/steps/1/pipeline", json!("publish"), "the directive allows notes, bump, spare, not `publish`"),
        ("/steps/1/needs", json!(["nobody"]), "there is no other step of that id"),
        ("/steps/1/needs", json!(["raise"]), "there is no other step of that id"),
        ("/steps/1/with/version", json!({"input": "verison"}), "the directive has no input `verison`"),
        ("/steps/1/with/version", json!({"value": 7}), "is not a string"),
        ("/steps/1/with/version", json!(null), "hands no `version`"),
        ("/risks/0/severity", json!("critical"), "the directive's ceiling is high"),
        ("/steps/0/with/file", json!({"value": "../x"}), "`../x`"),
        ("/steps/0/with/file", json!({"value": "--flag"}), "begins with a dash"),
        ("/steps/1/with/notes", json!({"output": {"step": "look", "output": "sum"}}), "`sum`"),
        ("/steps/1/with/version", json!({"output": {"step": "look", "output": "file"}}), "only values that are known"),
    ] {
        let refusal = adopted(&altered(pointer, value)).unwrap_err();
        let hints: Vec<&str> = refusal.hints().collect();
        let told = refusal.message().contains(said) || hints.iter().any(|hint| hint.contains(said));
        assert!(refusal.code() == "planner.answer" && told, "{pointer}: {} {hints:?}", refusal.message());
    }
    let mut many = honest();
    many["steps"][0]["pipeline"] = json!("one");
    many["steps"][1]["pipeline"] = json!("two");
    assert!(adopted(&many.to_string()).unwrap_err().message().starts_with("2 findings"));
}

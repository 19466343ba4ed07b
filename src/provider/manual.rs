//! A person as a source: the question goes to plain files, and the answer comes from one.
//!
//! It takes two calls. The first writes the files and refuses with `provider.manual_pending`, which says what to do;
//! the second reads the answer. Every file may be edited between the two: what counts is what is read then.

use std::{fs, io::Write as _, path::PathBuf};

use super::{
    Cost, Exchange, Origin, Progress, Question, Source, Usage,
    command::{self, MAX_ANSWER},
    reasons::{PROVIDER_MANUAL_ANSWER, PROVIDER_MANUAL_PENDING},
};
use crate::base::{
    digest::Digest,
    reason::{IO, Refusal, Result},
    shell,
};

/// The file of the question, in the folder.
pub const PROMPT: &str = "prompt.md";
/// The file of the answer's JSON Schema.
pub const SCHEMA: &str = "answer.schema.json";
/// The file that the answer is to be put into, where nothing else is said.
pub const ANSWER: &str = "answer.json";

/// What was read for the second call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The bytes of the question's file, as they are now; none where it is not beside the answer any more.
    pub prompt: Option<Vec<u8>>,
    /// The bytes of the answer's file.
    pub bytes: Vec<u8>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manual {
    folder: PathBuf,
    answer: Option<Answer>,
    next: String,
}

impl Manual {
    /// Makes the source of the first call: questions are written below `folder`, in one folder for each.
    ///
    /// `next` is the command that goes on, to which the file of the answer is added.
    #[must_use]
    pub fn asking(folder: PathBuf, next: String) -> Self {
        Self { folder, answer: None, next }
    }

    /// Makes the source of the second call.
    #[must_use]
    pub fn answered(folder: PathBuf, answer: Answer, next: String) -> Self {
        Self { folder, answer: Some(answer), next }
    }

    /// Writes the files, and says where they are; an answer that is there already is left alone.
    fn write(&self, question: &Question<'_>, prompt: &str) -> Result<Refusal> {
        let folder = self.folder.join(key(question).hex().get(..16).unwrap_or_default());
        let failed = |e: std::io::Error| Refusal::new(IO, format!("{}: {e}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        let schema = format!("{:#}\n", question.schema);
        for (name, content) in [(PROMPT, prompt), (SCHEMA, schema.as_str())] {
            let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
            file.write_all(content.as_bytes()).map_err(failed)?;
            file.persist(folder.join(name)).map_err(|e| failed(e.error))?;
        }
        let answer = folder.join(ANSWER);
        let message = format!("the question is in {}", folder.join(PROMPT).display());
        let next = format!(
            "give {PROMPT} to a model or a person, put the answer into {}, then: {} --answer {}",
            answer.display(),
            self.next,
            shell::word(&answer.display().to_string()),
        );
        Ok(Refusal::new(PROVIDER_MANUAL_PENDING, message).subject(folder.display().to_string()).hint(next))
    }
}

impl Source for Manual {
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        let prompt = command::prompt(question);
        // One answer is for one question: a second one, as of a round of repair, is asked anew.
        let Some(answer) = self.answer.take() else { return Err(self.write(question, &prompt)?) };
        let received = answer.bytes;
        progress(Progress::Received(received.len()));
        let refuse = |why: &str| Err(Refusal::new(PROVIDER_MANUAL_ANSWER, why));
        if received.len() > MAX_ANSWER {
            return refuse("the answer is larger than 4 MiB");
        }
        let Ok(text) = std::str::from_utf8(&received) else { return refuse("the answer is not UTF-8") };
        let text = command::unfenced(text.strip_prefix('\u{feff}').unwrap_or(text)).to_owned();
        if text.is_empty() {
            return refuse("the answer is empty");
        }
        Ok(Exchange {
            // What the person had before them, where it is still there.
            sent: answer.prompt.unwrap_or_else(|| prompt.into_bytes()),
            received,
            text,
            model: None,
            usage: Usage::default(),
            requests: 0,
            millis: 0,
        })
    }

    fn cost(&self) -> Cost {
        Cost::default()
    }

    fn origin(&self) -> Origin {
        Origin::Manual
    }
}

/// Names the folder of a question, so that two questions never share one.
fn key(question: &Question<'_>) -> Digest {
    Digest::framed("manual-question", [command::prompt(question)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Role, Turn};

    fn ask(source: &mut Manual, text: &str) -> Result<Exchange> {
        let turns = [Turn { role: Role::Asker, text: text.to_owned() }];
        let schema = serde_json::json!({ "type": "object" });
        let question = Question {
            system: "task",
            turns: &turns,
            stable: 0,
            schema: &schema,
            model: "",
            max_output_tokens: 9,
            seed: 0,
        };
        source.ask(&question, &mut |_| {})
    }

    #[test]
    fn the_first_call_writes_plain_files_and_says_how_to_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Manual::asking(dir.path().join("with space"), "countersign plan d.md --planner manual".into());
        let refusal = ask(&mut first, "what now?").unwrap_err();
        assert_eq!((refusal.code(), refusal.reason().class.code()), ("provider.manual_pending", 4));
        let folder = PathBuf::from(refusal.about().unwrap());
        let prompt = fs::read_to_string(folder.join(PROMPT)).unwrap();
        assert!(prompt.starts_with("task\n\nwhat now?\n\n") && prompt.contains("\"type\": \"object\""));
        assert_eq!(fs::read_to_string(folder.join(SCHEMA)).unwrap(), "{\n  \"type\": \"object\"\n}\n");
        let hint = refusal.hints().next().unwrap();
        let answer = folder.join(ANSWER);
        let command = format!("countersign plan d.md --planner manual --answer '{}'", answer.display());
        assert!(hint.ends_with(&command), "{hint}");
        // Asked again, the answer that somebody has begun is left as it is.
        fs::write(&answer, "begun").unwrap();
        ask(&mut first, "what now?").unwrap_err();
        assert_eq!(fs::read_to_string(&answer).unwrap(), "begun");
        assert_ne!(ask(&mut first, "and now?").unwrap_err().about(), Some(folder.to_str().unwrap()));
    }

    #[test]
    fn the_second_call_takes_the_file_as_it_is_then_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let answered = |bytes: &[u8]| {
            let answer = Answer { prompt: Some(b"edited".to_vec()), bytes: bytes.to_owned() };
            Manual::answered(dir.path().to_owned(), answer, "next".into())
        };
        let mut second = answered(b"```json\n{\"a\": 1}\n```\n");
        let exchange = ask(&mut second, "q").unwrap();
        assert_eq!((exchange.text.as_str(), exchange.requests), ("{\"a\": 1}", 0));
        assert_eq!(exchange.sent, b"edited");
        assert_eq!(exchange.received, b"```json\n{\"a\": 1}\n```\n");
        assert_eq!(second.origin().word(), "manual");
        assert_eq!(ask(&mut second, "repair").unwrap_err().code(), "provider.manual_pending");
        for bad in [&b""[..], b" \n", b"\xff", &vec![b'x'; MAX_ANSWER + 1]] {
            assert_eq!(ask(&mut answered(bad), "q").unwrap_err().code(), "provider.manual_answer");
        }
    }
}

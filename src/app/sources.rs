//! Sources as `plan` needs them: an agent, a person, a cassette, each opened from what the command line names.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{agents::SandboxLauncher, files, reasons::OUTPUT_EXISTS, world::World};
use crate::{
    base::{
        reason::{Refusal, Result},
        secret::Secret,
    },
    provider::{
        Source,
        cassette::{MAX_CASSETTE, Recorder, Replay},
        command::{Agent, CommandSource, MAX_ANSWER},
        manual::{Answer, Manual, PROMPT},
    },
};

/// A source, and what must be kept off every record of it.
pub(crate) struct Opened {
    /// The source.
    pub(crate) source: Box<dyn Source>,
    /// Keys that it uses.
    pub(crate) secrets: Vec<Secret>,
}

/// Opens an agent's command line; `checkout` is what it must not see.
///
/// # Errors
/// `provider.agent_missing`; where a file of its login cannot be read.
pub(crate) fn agent(agent: Agent, timeout: Duration, checkout: Option<&Path>, world: &World) -> Result<Opened> {
    let launcher = SandboxLauncher::new(&agent, checkout, world)?;
    let secrets = launcher.secrets();
    Ok(Opened { source: Box::new(CommandSource::new(agent, launcher, timeout)), secrets })
}

/// Opens a person: questions are written below `folder`; `next` is the command that goes on, to which `--answer FILE` is
/// added. With an answer's file, the question is taken from beside it, as it is now.
///
/// # Errors
/// Where the answer's file cannot be read.
pub(crate) fn manual(folder: PathBuf, answer: Option<&Path>, next: String, world: &World) -> Result<Opened> {
    let source = match answer {
        None => Manual::asking(folder, next),
        Some(path) => {
            let path = world.cwd.join(path);
            // One byte more than may be, so that the source can say so itself.
            let bytes = files::read(&path, MAX_ANSWER + 1)?;
            let beside = path.with_file_name(PROMPT);
            let prompt = if beside.is_file() { Some(files::read(&beside, MAX_CASSETTE)?) } else { None };
            Manual::answered(folder, Answer { prompt, bytes }, next)
        }
    };
    Ok(Opened { source: Box::new(source), secrets: Vec::new() })
}

/// Wraps a source so that it is recorded into a new file.
///
/// # Errors
/// `output.exists`: a cassette is never written over.
pub(crate) fn record(opened: Opened, file: &Path, world: &World) -> Result<Opened> {
    let path = world.cwd.join(file);
    let Opened { source, secrets } = opened;
    let tape = Tape { path, file: None };
    if tape.path.symlink_metadata().is_ok() {
        return Err(
            Refusal::new(OUTPUT_EXISTS, tape.path.display().to_string()).subject(tape.path.display().to_string())
        );
    }
    Ok(Opened { source: Box::new(Recorder::new(source, tape, secrets.clone())), secrets })
}

/// Opens a cassette.
///
/// # Errors
/// `io.failed`, `limit.size`, `provider.cassette_form`.
pub(crate) fn replay(file: &Path, world: &World) -> Result<Opened> {
    let path = world.cwd.join(file);
    let replay = Replay::read(&files::read(&path, MAX_CASSETTE)?);
    let source = replay.map_err(|why| why.hint(format!("the file is {}", path.display())))?;
    Ok(Opened { source: Box::new(source), secrets: Vec::new() })
}

/// A file that is made where there is something to write: a question that was refused leaves none.
struct Tape {
    path: PathBuf,
    file: Option<File>,
}

impl std::io::Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)?,
        };
        self.file.insert(file).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Question, Role, Turn};

    fn ask(opened: &mut Opened) -> Result<String> {
        let turns = [Turn { role: Role::Asker, text: "q".into() }];
        let schema = serde_json::json!({});
        let question = Question {
            system: "s",
            turns: &turns,
            stable: 0,
            schema: &schema,
            model: "",
            max_output_tokens: 9,
            seed: 0,
        };
        opened.source.ask(&question, &mut |_| {}).map(|exchange| exchange.text)
    }

    #[test]
    fn a_persons_answer_can_be_recorded_and_played_again() {
        let dir = tempfile::tempdir().unwrap();
        let world = World { cwd: dir.path().to_owned(), ..World::of_process() };
        let asked = manual(dir.path().join("questions"), None, "next".into(), &world).unwrap();
        let mut asked = record(asked, Path::new("tape"), &world).unwrap();
        assert_eq!(ask(&mut asked).unwrap_err().code(), "provider.manual_pending");
        assert!(!dir.path().join("tape").exists(), "nothing was answered, and nothing is recorded");
        std::fs::write(dir.path().join("answer.json"), "{}").unwrap();
        let answered =
            manual(dir.path().join("questions"), Some(Path::new("answer.json")), "next".into(), &world).unwrap();
        let mut answered = record(answered, Path::new("tape"), &world).unwrap();
        assert_eq!(ask(&mut answered).unwrap(), "{}");
        let mut again = replay(Path::new("tape"), &world).unwrap();
        assert_eq!((ask(&mut again).unwrap().as_str(), again.source.origin().word()), ("{}", "replay"));
        assert_eq!(ask(&mut again).unwrap_err().code(), "provider.cassette_miss");
        let refusal = record(replay(Path::new("tape"), &world).unwrap(), Path::new("tape"), &world).err().unwrap();
        assert_eq!(refusal.code(), "output.exists");
    }
}

//! The question at the terminal: the digest's beginning *and* `yes`, by a person who is there.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use super::world::Console;
use crate::base::{
    digest::Digest,
    reason::{IO, Refusal, Result, USAGE},
};

/// Wrong answers after which the question counts as answered with no.
const MAX_WRONG: u32 = 5;
/// The most bytes of a line.
const MAX_LINE: u64 = 64 * 1024;

/// What came of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The digest's beginning and `yes` were typed.
    Yes,
    /// Anything else; why it counts as a rejection.
    No(Cause),
}

/// Why a question counts as answered with no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Standard input is no terminal.
    NotATerminal,
    /// The input ended.
    EndOfInput,
    /// Five answers were wrong.
    WrongAnswers,
    /// The time ran out.
    Timeout,
    /// The person typed `no`.
    Refused,
}

impl Cause {
    /// Returns the sentence that the signed rejection holds.
    #[must_use]
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::NotATerminal => "standard input is no terminal, so nobody was asked",
            Self::EndOfInput => "the input ended before an answer was given",
            Self::WrongAnswers => "five wrong answers were given",
            Self::Timeout => "nobody answered in time",
            Self::Refused => "the person at the terminal said no",
        }
    }
}

/// Asks at the terminal; the view and the criteria have been shown before.
///
/// # Errors
/// `io.failed` where the question cannot be written.
pub(crate) fn ask(console: &mut Console, digest: &Digest, timeout: Duration) -> Result<Answer> {
    if !console.stdin_is_terminal {
        return Ok(Answer::No(Cause::NotATerminal));
    }
    let stdin = std::mem::replace(&mut console.stdin, Box::new(std::io::empty()));
    let (sender, lines) = mpsc::channel();
    // The reader outlives a timeout and ends with the process: a blocking read cannot be taken back.
    std::thread::spawn(move || {
        for line in BufReader::new(stdin).lines() {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + timeout;
    let mut wrong = 0;
    let ending = format!(
        "Whatever is no approval rejects the plan for good, in your name: `no`, the end of input, {MAX_WRONG} wrong answers, {} s of silence.\n",
        timeout.as_secs()
    );
    write!(console.stderr, "{ending}").map_err(|e| Refusal::new(IO, format!("the question cannot be shown: {e}")))?;
    for (question, expected) in [
        ("Type the first eight characters of the digest: ", digest.short()),
        ("Type yes to approve: ", "yes".to_owned()),
    ] {
        loop {
            write!(console.stderr, "{question}")
                .and_then(|()| console.stderr.flush())
                .map_err(|e| Refusal::new(IO, format!("the question cannot be shown: {e}")))?;
            let line = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(line)) => line,
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(Answer::No(Cause::EndOfInput)),
                Err(RecvTimeoutError::Timeout) => return Ok(Answer::No(Cause::Timeout)),
            };
            let given = line.trim();
            if given == expected {
                break;
            }
            if given == "no" {
                return Ok(Answer::No(Cause::Refused));
            }
            wrong += 1;
            if wrong == MAX_WRONG {
                return Ok(Answer::No(Cause::WrongAnswers));
            }
            // Nothing useful is left to try where the error output is gone; the next question fails too.
            let _ = writeln!(console.stderr, "That is not it ({} of {MAX_WRONG} tries).", wrong);
        }
    }
    Ok(Answer::Yes)
}

/// Lines that a person types.
pub(crate) struct Lines(BufReader<Box<dyn std::io::Read + Send>>);

impl Lines {
    /// Takes over standard input.
    ///
    /// # Errors
    /// `usage.invalid` where nobody types there.
    pub(crate) fn open(console: &mut Console) -> Result<Self> {
        if !console.stdin_is_terminal {
            return Err(Refusal::new(USAGE, "standard input is no terminal, so nobody can be asked")
                .hint("leave --interactive out"));
        }
        Ok(Self(BufReader::new(std::mem::replace(&mut console.stdin, Box::new(std::io::empty())))))
    }

    /// Asks for one line; none where the input has ended.
    ///
    /// # Errors
    /// `io.failed` where the question cannot be written or the line not be read.
    pub(crate) fn ask(&mut self, console: &mut Console, question: &str) -> Result<Option<String>> {
        write!(console.stderr, "{question}")
            .and_then(|()| console.stderr.flush())
            .map_err(|e| Refusal::new(IO, format!("the question cannot be shown: {e}")))?;
        let mut line = String::new();
        match self.0.by_ref().take(MAX_LINE).read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
            Err(e) => Err(Refusal::new(IO, format!("standard input: {e}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(input: &str, terminal: bool) -> Answer {
        let mut console = Console {
            stdin: Box::new(std::io::Cursor::new(input.to_owned().into_bytes())),
            stdout: Box::new(std::io::sink()),
            stderr: Box::new(std::io::sink()),
            stdin_is_terminal: terminal,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            draws: false,
            stdout_is_file: false,
            stderr_is_file: false,
        };
        ask(&mut console, &Digest::of(b"x"), Duration::from_secs(30)).unwrap()
    }

    #[test]
    fn only_the_digest_and_yes_approve() {
        let digest = Digest::of(b"x").short();
        assert_eq!(answer(&format!("{digest}\nyes\n"), true), Answer::Yes);
        assert_eq!(answer(&format!("nope\n{digest}\ny\nyes\n"), true), Answer::Yes);
        assert_eq!(answer("yes\nyes\nyes\nyes\nyes\nyes\n", true), Answer::No(Cause::WrongAnswers));
        assert_eq!(answer(&format!("{digest}\n"), true), Answer::No(Cause::EndOfInput));
        assert_eq!(answer(&format!("{digest}\nno\n"), true), Answer::No(Cause::Refused));
        assert_eq!(answer("", true), Answer::No(Cause::EndOfInput));
    }

    #[test]
    fn a_pipe_is_nobody() {
        let digest = Digest::of(b"x").short();
        assert_eq!(answer(&format!("{digest}\nyes\n"), false), Answer::No(Cause::NotATerminal));
    }
}

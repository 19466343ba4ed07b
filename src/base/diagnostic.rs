//! A finding at a place in a file a person wrote.

use std::fmt;

/// One finding: file, line, column, the offending text, and the nearest valid word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as the person named it.
    pub file: String,
    /// Line, counted from 1; 0 where the finding is about the whole file.
    pub line: usize,
    /// Column in characters, counted from 1; 0 where the finding is about the whole line.
    pub column: usize,
    /// The stable reason code of the finding.
    pub code: &'static str,
    /// What is wrong, lower case, no period.
    pub message: String,
    /// The offending text, one line.
    pub snippet: Option<String>,
    /// The nearest valid word, or another thing to do.
    pub help: Option<String>,
}

/// Returns how many findings there are, in words: `1 finding`, `3 findings`.
#[must_use]
pub fn findings(count: usize) -> String {
    super::text::count(count, "finding")
}

impl Diagnostic {
    /// Makes a finding about a place.
    pub fn new(
        file: impl Into<String>,
        (line, column): (usize, usize),
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line, column, code, message: message.into(), snippet: None, help: None }
    }

    /// Takes the offending line from the file's text.
    #[must_use]
    pub fn with_source(mut self, text: &str) -> Self {
        self.snippet = self
            .line
            .checked_sub(1)
            .and_then(|n| text.lines().nth(n))
            .map(|line| super::text::visible(line.trim_end()));
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" where one of `valid` is near to `given`.
    #[must_use]
    pub fn with_nearest<'a>(mut self, given: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        if let Some(word) = nearest(given, valid) {
            self.help = Some(format!("did you mean `{word}`?"));
        }
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {} [{}]", self.message, self.code)?;
        if let Some(snippet) = &self.snippet {
            let gutter = self.line.to_string();
            write!(f, "\n  {gutter} | {snippet}")?;
            if self.column > 0 {
                let pad = " ".repeat(gutter.len());
                write!(f, "\n  {pad} | {}^", " ".repeat(self.column - 1))?;
            }
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Returns the valid word nearest to `given`, where one is near enough to be meant.
pub fn nearest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (given.chars().count() / 3).max(1) + 1;
    valid
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(given, word), word))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_offered_only_when_near() {
        assert_eq!(nearest("pipline", ["pipeline", "title"]), Some("pipeline"));
        assert_eq!(nearest("banana", ["pipeline", "title"]), None);
    }

    #[test]
    fn shows_file_line_column_snippet_and_help() {
        let shown = Diagnostic::new("a.yml", (2, 3), "x.y", "unknown field `runn`")
            .with_source("one\n  runn: 1\n")
            .with_nearest("runn", ["run"])
            .to_string();
        assert_eq!(
            shown,
            "a.yml:2:3: unknown field `runn` [x.y]\n  2 |   runn: 1\n    |   ^\n  help: did you mean `run`?"
        );
    }
}

//! Words that no step's text should hold.

/// How a forbidden word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As a whole word: letters and digits around it make it another word.
    Word,
    /// Anywhere, also inside another word.
    Substring,
}

impl Mode {
    /// Every mode, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 2] = [("word", Self::Word), ("substring", Self::Substring)];
}

/// A list of forbidden words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForbiddenWords {
    words: Vec<String>,
    mode: Mode,
}

impl ForbiddenWords {
    /// Makes a list; case does not matter. Empty words are left out.
    #[must_use]
    pub fn new(words: impl IntoIterator<Item = String>, mode: Mode) -> Self {
        let words = words.into_iter().map(|word| word.to_lowercase()).filter(|word| !word.is_empty()).collect();
        Self { words, mode }
    }

    /// Returns the words, lower case.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns how they are looked for.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the forbidden words that a text holds.
    pub fn found_in<'a>(&'a self, text: &str) -> impl Iterator<Item = &'a str> {
        let text = text.to_lowercase();
        self.words.iter().map(String::as_str).filter(move |word| match self.mode {
            Mode::Substring => text.contains(word),
            Mode::Word => holds_word(&text, word),
        })
    }
}

fn holds_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str], mode: Mode) -> ForbiddenWords {
        ForbiddenWords::new(words.iter().map(|&w| w.to_owned()), mode)
    }

    #[test]
    fn jf7_substring_list_rejects_rewrite_and_capital() {
        let words = list(&["write", "delete", "update", "send", "apply", "http", "api"], Mode::Substring);
        assert_eq!(words.found_in("Rewrite the text").collect::<Vec<_>>(), ["write"]);
        assert_eq!(words.found_in("the capital").collect::<Vec<_>>(), ["api"]);
        assert_eq!(words.found_in("Read the files").count(), 0);
    }

    #[test]
    fn jf7_word_mode_leaves_rewrite_and_capital_alone() {
        let words = list(&["write", "api", "löschen"], Mode::Word);
        assert_eq!(words.found_in("Rewrite the capital").count(), 0);
        assert_eq!(words.found_in("Write it, by the API.").collect::<Vec<_>>(), ["write", "api"]);
        assert_eq!(words.found_in("rewrite, then write").collect::<Vec<_>>(), ["write"]);
        assert_eq!(words.found_in("jetzt LÖSCHEN!").collect::<Vec<_>>(), ["löschen"]);
    }
}

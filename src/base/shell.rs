//! Words as a POSIX shell takes them.

use std::path::Path;

use super::text::visible;

/// Returns a word that a shell reads back as exactly this one where it is an argument: as it stands, or in single quotes
/// where a shell would take it apart, expand it, or not see it at all.
///
/// The first word of a command is another matter: there `A=b` is an assignment, and `if` is part of the language.
#[must_use]
pub fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        // Between single quotes nothing means anything but the quote that ends them.
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Returns words as one line, which a shell reads back as exactly these; the first names a program, and is no [`word`] that
/// a shell keeps for itself.
#[must_use]
pub fn line(words: &[impl AsRef<str>]) -> String {
    words.iter().map(|one| word(one.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Returns a path as an argument that no command takes for an option; of what a terminal does not show only an image.
#[must_use]
pub fn path(path: &Path) -> String {
    let shown = visible(&path.display().to_string());
    if shown.starts_with('-') { word(&format!("./{shown}")) } else { word(&shown) }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command};

    use super::{line, path, word};

    /// Words, and how each is written.
    const WORDS: [(&str, &str); 15] = [
        ("plan", "plan"),
        ("--key=a/b_c.pem", "--key=a/b_c.pem"),
        ("50%,a:b@c+d", "50%,a:b@c+d"),
        // Arguments, wherever they stand behind the first word.
        ("A=b", "A=b"),
        ("if", "if"),
        ("!", "'!'"),
        ("", "''"),
        ("two words", "'two words'"),
        ("it's", r"'it'\''s'"),
        ("'", r"''\'''"),
        (r#""$HOME" `id` \"#, r#"'"$HOME" `id` \'"#),
        ("two\nlines\n", "'two\nlines\n'"),
        ("grün", "'grün'"),
        ("~", "'~'"),
        ("a;b|c&d>e*?[!]", "'a;b|c&d>e*?[!]'"),
    ];

    #[test]
    fn a_word_is_quoted_only_where_a_shell_could_change_it() {
        for (given, quoted) in WORDS {
            assert_eq!(word(given), quoted);
        }
        assert_eq!(line(&["countersign", "plan", "a b", ""]), "countersign plan 'a b' ''");
        assert_eq!(line(&[] as &[&str]), "");
    }

    #[test]
    fn a_path_is_no_option_and_one_word() {
        for (given, shown) in [
            ("plan.json", "plan.json"),
            ("../p q's.json", r"'../p q'\''s.json'"),
            ("-q.json", "./-q.json"),
            ("-q r", "'./-q r'"),
            ("~x", "'~x'"),
        ] {
            assert_eq!(path(Path::new(given)), shown);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a shell is asked what it reads")]
    fn a_shell_reads_back_the_arguments_that_were_written() {
        let words = WORDS.map(|(given, _)| given);
        let script = line(&[&["printf", r"%s\0"][..], &words].concat());
        let said = Command::new("/bin/sh").args(["-c", &script]).output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        assert_eq!(said.strip_suffix('\0').unwrap().split('\0').collect::<Vec<_>>(), words);
    }
}

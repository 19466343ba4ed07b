//! What text may hold, and how to show what it should not.

use std::fmt::Write as _;

use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_script::{Script, UnicodeScript as _};

use super::reason::{LIMIT_STRING, Refusal, TEXT_NOT_ASCII, TEXT_TEMPLATE, TEXT_UNSAFE};

/// The longest string any format takes, in bytes.
pub const MAX_STRING: usize = 100_000;

/// The longest message of a commit or a tag, in bytes.
pub const MAX_MESSAGE: usize = 10_000;

/// Returns a number of things in words: `1 step`, `2 steps`.
#[must_use]
pub fn count(number: impl TryInto<u64>, one: &str) -> String {
    counted(number, one, &format!("{one}s"))
}

/// Does what [`count`] does where an `s` alone does not make the plural: `1 entry`, `2 entries`.
#[must_use]
pub fn counted(number: impl TryInto<u64>, one: &str, more: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(number) => format!("{number} {more}"),
        Err(_) => format!("many {more}"),
    }
}

/// Reads bytes as UTF-8; where they are not, returns the line and the column of the first byte that is not.
pub fn utf8(bytes: &[u8]) -> Result<&str, (usize, usize)> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let (line, last) = before.split('\n').enumerate().last().unwrap_or((0, ""));
        (line + 1, last.chars().count() + 1)
    })
}

/// Checks a value that steers execution: printable ASCII, no CI template expression.
///
/// # Errors
/// `text.not_ascii`, `text.template`, `limit.string`.
pub fn check_steering(text: &str) -> Result<(), Refusal> {
    check_length(text.len())?;
    if let Some(c) = text.chars().find(|c| !(' '..='~').contains(c)) {
        return Err(Refusal::new(TEXT_NOT_ASCII, format!("character {} in `{}`", code_point(c), excerpt(text))));
    }
    check_template(text)
}

/// Checks free text shown to people: NFC, no control, invisible or direction-changing characters.
///
/// Line feeds and tabs are allowed only where `multiline` is set.
///
/// # Errors
/// `text.unsafe`, `text.template`, `limit.string`.
pub fn check_free(text: &str, multiline: bool) -> Result<(), Refusal> {
    check_length(text.len())?;
    if let Some(c) = text.chars().find(|&c| is_unsafe(c) && !(multiline && (c == '\n' || c == '\t'))) {
        return Err(Refusal::new(TEXT_UNSAFE, format!("character {} in `{}`", code_point(c), excerpt(text))));
    }
    if !is_nfc(text) {
        return Err(Refusal::new(TEXT_UNSAFE, format!("text is not in NFC: `{}`", excerpt(text))));
    }
    check_template(text)
}

/// Checks the content of a file that a plan carries: any text but NUL and other C0 controls.
///
/// Line feed, carriage return, tab and form feed are allowed; the view shows everything else visibly.
///
/// # Errors
/// `text.unsafe`.
pub fn check_content(text: &str) -> Result<(), Refusal> {
    match text.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c')) {
        Some(c) => Err(Refusal::new(TEXT_UNSAFE, format!("character {} in file content", code_point(c)))),
        None => Ok(()),
    }
}

/// Tells whether a text is the name of a tag: one that git takes, in the characters that everybody can type.
#[must_use]
pub fn is_tag(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b'+'));
    let parts = name.split('/').all(|part| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with('.') && !part.ends_with(".lock")
    });
    plain && parts && name.len() <= 200 && !name.contains("..")
}

/// Checks that a text of so many bytes is no longer than any text of a plan may be.
///
/// # Errors
/// `limit.string`.
pub fn check_length(bytes: usize) -> Result<(), Refusal> {
    if bytes > MAX_STRING {
        return Err(Refusal::new(LIMIT_STRING, format!("a string of {bytes} bytes")));
    }
    Ok(())
}

fn check_template(text: &str) -> Result<(), Refusal> {
    if text.contains("${{") || text.contains("$[[") {
        return Err(Refusal::new(TEXT_TEMPLATE, format!("template expression in `{}`", excerpt(text))));
    }
    Ok(())
}

/// Tells whether a character can hide, reorder or overwrite what a reader sees.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    if (' '..='~').contains(&c) {
        return false;
    }
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || matches!(c,
        '\u{a0}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}' | '\u{2000}'..='\u{200a}'
        | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{ffa0}'
        | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Returns the words of `text` that mix scripts, such as Latin with Cyrillic.
#[must_use]
pub fn mixed_script_words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| {
            let mut seen = None;
            word.chars().map(|c| c.script()).filter(|s| !matches!(s, Script::Common | Script::Inherited)).any(|s| {
                let first = *seen.get_or_insert(s);
                first != s
            })
        })
        .collect()
}

/// Shows text with every unsafe character written out, `\x1b` or `\u{202e}`; one line stays one line.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_unsafe(c) => push_escape(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// Shows text of several lines with every unsafe character but line feed and tab written out.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if is_unsafe(c) => push_escape(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

fn push_escape(out: &mut String, c: char) {
    let _ = match c as u32 {
        n @ 0..=0xff => write!(out, "\\x{n:02x}"),
        n => write!(out, "\\u{{{n:04x}}}"),
    };
}

fn code_point(c: char) -> String {
    format!("U+{:04X}", c as u32)
}

/// Returns the first 80 characters, made visible, for an error message.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let head: String = text.chars().take(80).collect();
    let mut shown = visible(&head);
    if head.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_told_with_their_place() {
        assert_eq!(utf8(b"a\xc3\xa4"), Ok("a\u{e4}"));
        assert_eq!(utf8(b"a\n\xc3\xa4b\xff"), Err((2, 3)));
        assert_eq!(utf8(b"\xff"), Err((1, 1)));
    }

    #[test]
    fn c28_execution_relevant_text_is_printable_ascii() {
        assert!(check_steering("--flag=value ~").is_ok());
        for bad in ["a\u{200b}b", "caf\u{e9}", "a\nb", "\x7f", "\u{202e}"] {
            assert_eq!(check_steering(bad).unwrap_err().code(), "text.not_ascii", "{bad:?}");
        }
    }

    #[test]
    fn c28_invisible_and_bidi_characters_are_refused_in_free_text() {
        for bad in [
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{200b}',
            '\u{200f}',
            '\u{2060}',
            '\u{2064}',
            '\u{feff}',
            '\u{ad}',
            '\u{115f}',
            '\u{1160}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{2800}',
            '\u{180e}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{e0001}',
            '\u{e007f}',
            '\u{1b}',
            '\u{9b}',
            '\u{0}',
            '\u{a0}',
            '\u{e000}',
            '\u{378}',
            '\u{2028}',
        ] {
            assert_eq!(check_free(&format!("a{bad}b"), true).unwrap_err().code(), "text.unsafe", "{bad:?}");
        }
        assert!(check_free("Grüße, 世界 — ok", false).is_ok());
        assert!(check_free("two\nlines", true).is_ok());
        assert!(check_free("two\nlines", false).is_err());
        assert!(check_free("e\u{301}", false).is_err(), "not NFC");
    }

    #[test]
    fn d15_template_expressions_are_refused() {
        assert_eq!(check_free("x ${{ secrets.A }}", false).unwrap_err().code(), "text.template");
        assert_eq!(check_steering("$[[ inputs.a ]]").unwrap_err().code(), "text.template");
    }

    /// Every code point with the property Default_Ignorable_Code_Point that is no format character and is assigned.
    #[test]
    fn what_a_comparison_of_texts_ignores_is_unsafe() {
        let ignorable =
            ['\u{34f}', '\u{115f}', '\u{17b4}', '\u{180b}', '\u{3164}', '\u{fe0f}', '\u{ffa0}', '\u{e0100}'];
        for c in ignorable {
            assert!(is_unsafe(c), "{c:?}");
        }
        assert_eq!(visible_lines("\u{34f}::error::"), "\\u{034f}::error::");
    }

    #[test]
    fn c27_controls_become_visible() {
        assert_eq!(visible("a\x1b[31mb\u{202e}c\\"), "a\\x1b[31mb\\u{202e}c\\\\");
    }

    #[test]
    fn c28_mixed_script_words_are_found() {
        assert_eq!(mixed_script_words("p\u{430}ypal is paypal"), ["p\u{430}ypal"]);
    }
}

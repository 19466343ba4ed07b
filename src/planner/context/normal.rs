//! One form of every text: what the model reads is what the approver sees.

use unicode_normalization::UnicodeNormalization as _;

use crate::base::text;

/// What stands before and behind a comment that a rendered page would not show.
const COMMENT: (&str, &str) = ("[hidden comment: ", " :end of hidden comment]");

/// A text in its one form.
pub(super) struct Normal {
    pub(super) text: String,
    pub(super) truncated: bool,
    pub(super) hidden: usize,
}

/// Brings bytes into their one form; none where they are no text.
///
/// Line feeds end lines, characters are composed (NFC), and every character that hides or reorders is written out.
/// Of a page, such as an issue, HTML comments are marked as what a reader does not see.
pub(super) fn normalise(bytes: &[u8], page: bool, most: usize) -> Option<Normal> {
    if bytes.contains(&0) {
        return None;
    }
    let read = std::str::from_utf8(bytes).ok()?;
    let lines = read.replace("\r\n", "\n").replace('\r', "\n");
    let mut hidden = lines.chars().filter(|c| text::is_unsafe(*c) && !matches!(c, '\n' | '\t')).count();
    let composed: String = lines.nfc().collect();
    let mut shown = text::visible_lines(&composed);
    if page {
        let comments = shown.matches("<!--").count();
        hidden += comments;
        if comments > 0 {
            shown = show_comments(&shown);
        }
    }
    let truncated = shown.len() > most;
    if truncated {
        cut(&mut shown, most);
    }
    Some(Normal { text: shown, truncated, hidden })
}

/// Marks each comment; one that does not end hides everything behind it.
fn show_comments(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, behind)) = rest.split_once("<!--") {
        out.push_str(before);
        let (inside, after) = behind.split_once("-->").unwrap_or((behind, ""));
        out.push_str(COMMENT.0);
        out.push_str(inside.trim());
        out.push_str(COMMENT.1);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Cuts the end off, at the end of a line where one is near, and says so in the text.
fn cut(shown: &mut String, most: usize) {
    let whole = shown.len();
    let note = |kept: usize| format!("\n[cut: the first {kept} of {whole} bytes are shown]\n");
    let mut end = most.saturating_sub(note(whole).len());
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    if let Some(line) = shown[..end].rfind('\n').filter(|line| *line > end / 2) {
        end = line;
    }
    shown.truncate(end);
    shown.push_str(&note(end));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d03_hidden_characters_and_comments_are_made_visible() {
        let page = "Please fix\u{200b} it.\r\n<!-- and run \u{202e}this --> Thanks <!-- never ends";
        let normal = normalise(page.as_bytes(), true, 1000).unwrap();
        assert_eq!(
            normal.text,
            "Please fix\\u{200b} it.\n[hidden comment: and run \\u{202e}this :end of hidden comment] Thanks [hidden \
             comment: never ends :end of hidden comment]"
        );
        assert_eq!(normal.hidden, 4);
        assert!(!normal.truncated);
        let again = normalise(normal.text.as_bytes(), true, 1000).unwrap();
        assert_eq!(again.text, normal.text, "normalised once is normalised");
    }

    #[test]
    fn d03_comments_of_files_stay_as_they_are() {
        assert_eq!(normalise(b"<!-- a -->\n", false, 100).unwrap().text, "<!-- a -->\n");
    }

    #[test]
    fn d18_a_text_over_its_cap_is_cut_at_a_line_and_says_so() {
        let long = "one line of text\n".repeat(100);
        let normal = normalise(long.as_bytes(), false, 200).unwrap();
        assert!(normal.truncated && normal.text.len() <= 200, "{}", normal.text.len());
        assert!(normal.text.ends_with("of 1700 bytes are shown]\n"), "{}", normal.text);
        let wide = "\u{4e16}".repeat(200);
        assert!(normalise(wide.as_bytes(), false, 101).unwrap().text.len() <= 101);
    }

    #[test]
    fn bytes_that_are_no_text_are_not_told() {
        assert!(normalise(b"\x89PNG\0", false, 100).is_none());
        assert!(normalise(&[0xff, 0xfe, b'a'], false, 100).is_none());
    }
}

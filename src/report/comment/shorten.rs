//! A page that is too long loses whole lines in its middle, and its fences are repaired.
//!
//! Only summaries are shortened; the view never is (C-29).

use crate::base::text::counted;

/// Shortens a page that we wrote to so many characters.
///
/// Only whole lines go, so no inline code is cut open. The head, which says what matters, keeps two thirds.
pub(super) fn shorten(page: String, limit: usize) -> String {
    if super::length(&page) <= limit {
        return page;
    }
    // Room for the remark, and for a fence that is closed and opened again.
    let room = limit.saturating_sub(400);
    let lines: Vec<&str> = page.lines().collect();
    let head = fitting(lines.iter(), room / 3 * 2);
    let tail = fitting(lines.iter().skip(head).rev(), room / 3);
    let (head, rest) = lines.split_at(head);
    let (gone, tail) = rest.split_at(rest.len() - tail);
    let mut out = head.join("\n");
    let open = open_fence(head.iter().copied());
    if let Some(fence) = open {
        out.push('\n');
        out.push_str(ticks(fence));
    }
    out.push_str(&format!("\n\n({} left out here)\n\n", counted(gone.len(), "line is", "lines are")));
    if let Some(fence) = open_fence(head.iter().chain(gone).copied()) {
        out.push_str(fence);
        out.push('\n');
    }
    out.push_str(&tail.join("\n"));
    out.push('\n');
    out
}

/// How many lines fit.
fn fitting<'a>(lines: impl Iterator<Item = &'a &'a str>, room: usize) -> usize {
    let mut used = 0;
    lines
        .take_while(|line| {
            used += super::length(line) + 1;
            used <= room
        })
        .count()
}

/// The fence that is open after these lines. Our pages have none that is indented or of another character.
fn open_fence<'a>(lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut open: Option<&str> = None;
    for line in lines {
        match open {
            Some(fence) if line == ticks(fence) => open = None,
            None if line.starts_with("```") => open = Some(line),
            _ => {}
        }
    }
    open
}

fn ticks(fence: &str) -> &str {
    let length = fence.len() - fence.trim_start_matches('`').len();
    fence.get(..length).unwrap_or_default()
}

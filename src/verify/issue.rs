//! Whether the issue that a plan is made for is ready; its text is judged here, and never part of a plan.

use super::reasons::{ISSUE_CLOSED, ISSUE_MISSING, ISSUE_UNREADY};
use crate::{
    base::{
        level::Readiness,
        reason::{Refusal, Result},
        text::count,
    },
    facts::{change_request::Issue, observed::SeenIssue},
};

/// The name of the part that says when an issue is done.
const CRITERIA: &str = "acceptance criteria";

/// The issue that a plan is made for, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Its number in the plan's repository; 0, which no issue has, stands for a number that cannot be one.
    pub number: u64,
    /// What it must be.
    pub ready: Vec<Readiness>,
}

impl Tracked {
    /// Tells whether the issue that it is a part of matters.
    #[must_use]
    pub fn asks_for_parent(&self) -> bool {
        self.ready.contains(&Readiness::ParentOpen)
    }

    /// Judges the issue as it was seen; that it is there and no change request is always asked.
    ///
    /// # Errors
    /// `issue.missing`, `issue.closed`; `issue.unready` with everything that is missing.
    pub fn judge(&self, seen: Option<&SeenIssue>) -> Result<String> {
        let number = self.number;
        let refuse = |reason, what: String| Err(Refusal::new(reason, what).subject(number.to_string()));
        let Some(SeenIssue { issue, parent }) = seen.filter(|seen| seen.issue.number == number) else {
            return refuse(ISSUE_MISSING, format!("there is no issue {number}, or it is hidden"));
        };
        if issue.is_change_request {
            return refuse(ISSUE_MISSING, format!("{number} is a change request"));
        }
        if self.ready.contains(&Readiness::Open) && !issue.open {
            return refuse(ISSUE_CLOSED, format!("issue {number}"));
        }
        let lacks: Vec<String> = self.ready.iter().filter_map(|word| lack(*word, issue, parent.as_ref())).collect();
        if lacks.is_empty() { Ok(format!("issue {number}")) } else { refuse(ISSUE_UNREADY, lacks.join("; ")) }
    }
}

/// Says what an issue lacks of one word.
fn lack(word: Readiness, issue: &Issue, parent: Option<&Issue>) -> Option<String> {
    let number = issue.number;
    match word {
        Readiness::Open => None,
        Readiness::Description(least) => {
            let characters: usize = shown(&issue.body).iter().map(|line| line.trim().chars().count()).sum();
            let short = characters < usize::try_from(least).unwrap_or(usize::MAX);
            short.then(|| format!("the description of issue {number} has {characters} characters, not {least}"))
        }
        Readiness::AcceptanceCriteria(least) => {
            let items = criteria(&issue.body);
            let few = items < usize::try_from(least).unwrap_or(usize::MAX);
            let wanted = count(least, "item");
            few.then(|| {
                format!("issue {number} has no `Acceptance criteria` with at least {wanted} below, but {items}")
            })
        }
        Readiness::ParentOpen => match parent {
            None if issue.has_parent => Some(format!("the parent of issue {number} is gone, or hidden")),
            Some(parent) if !parent.open => {
                Some(format!("issue {}, the parent of issue {number}, is closed", parent.number))
            }
            None | Some(_) => None,
        },
    }
}

/// Counts the acceptance criteria of a text in Markdown.
///
/// That is a heading `Acceptance criteria`, of any level, with an item of a list before the next heading of its own
/// level or above; or a paragraph of just these words with a task list next. Case, a colon and emphasis of the whole
/// line do not matter. An item counts where it says something: a letter or digit behind bullet and box. What is
/// in a fenced block or in an HTML comment counts for nothing.
fn criteria(body: &str) -> usize {
    let (mut found, mut within) = (0, Within::Nothing);
    for line in shown(body) {
        if let Some((level, title)) = heading(&line) {
            within = match within {
                _ if is_named(title) => Within::Section(level),
                Within::Section(own) if level > own => within,
                _ => Within::Nothing,
            };
            continue;
        }
        match (&within, item(&line)) {
            (Within::Section(_), Some(_)) => found += 1,
            (Within::Paragraph | Within::Tasks, Some(Item::Task)) => {
                found += 1;
                within = Within::Tasks;
            }
            (Within::Section(_), None) => {}
            (Within::Paragraph | Within::Tasks, _) if line.trim().is_empty() => {}
            _ => within = if is_named(&line) { Within::Paragraph } else { Within::Nothing },
        }
    }
    found
}

/// Where a line stands.
enum Within {
    Nothing,
    /// Below the heading, which is of this level.
    Section(usize),
    /// Next after the paragraph.
    Paragraph,
    /// In the list of tasks that comes next after the paragraph.
    Tasks,
}

/// An item of a list that says something.
enum Item {
    Plain,
    Task,
}

/// Returns the lines that a reader sees as text: none of fenced blocks, nothing of HTML comments.
fn shown(body: &str) -> Vec<String> {
    let (mut lines, mut fence, mut hidden) = (Vec::new(), None::<(char, usize)>, false);
    for line in body.lines() {
        if let Some((mark, least)) = fence {
            let run = line.trim();
            if run.chars().count() >= least && run.chars().all(|c| c == mark) {
                fence = None;
            }
            continue;
        }
        let (mut text, mut rest) = (String::new(), line);
        loop {
            let (end, width) = if hidden { ("-->", 3) } else { ("<!--", 4) };
            let Some(at) = rest.find(end) else { break };
            if !hidden {
                text.push_str(&rest[..at]);
            }
            (rest, hidden) = (&rest[at + width..], !hidden);
        }
        if !hidden {
            text.push_str(rest);
        }
        fence = opened(&text);
        if fence.is_none() {
            lines.push(text);
        }
    }
    lines
}

/// Returns the mark and the length of a fence that a line opens.
fn opened(line: &str) -> Option<(char, usize)> {
    let text = line.trim_start();
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let run = text.chars().take_while(|c| *c == mark).count();
    (run >= 3).then_some((mark, run))
}

/// Returns level and text of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = unindented(line)?;
    let level = text.bytes().take_while(|b| *b == b'#').count();
    let rest = &text[level..];
    let is_heading = (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_heading.then(|| (level, rest.trim().trim_end_matches('#')))
}

/// Returns a line without its indent, unless that makes it code or a part of something else.
fn unindented(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(' ');
    (line.len() - text.len() <= 3).then_some(text)
}

/// Tells whether a line is the name of the criteria and nothing else.
fn is_named(line: &str) -> bool {
    let bare = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | ':'));
    bare.split_whitespace().map(str::to_ascii_lowercase).eq(CRITERIA.split(' '))
}

/// Returns what kind of item a line is, if it is one that says something.
fn item(line: &str) -> Option<Item> {
    let text = unindented(line)?;
    let rest = match text.strip_prefix(['-', '*', '+']) {
        Some(rest) => rest,
        None => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            text[digits..].strip_prefix(['.', ')']).filter(|_| (1..=9).contains(&digits))?
        }
    };
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let task = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark));
    let says = task.unwrap_or(rest).chars().any(char::is_alphanumeric);
    says.then_some(if task.is_some() { Item::Task } else { Item::Plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::account::{Account, AccountKind};

    fn issue(number: u64, body: &str) -> Issue {
        Issue {
            number,
            open: true,
            author: Account { id: 1, login: "ada".into(), kind: AccountKind::User },
            title: "A title".into(),
            body: body.into(),
            is_change_request: false,
            has_parent: false,
            labels: Vec::new(),
            updated_at: "2030-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn judge(ready: &[Readiness], issue: Issue, parent: Option<Issue>) -> std::result::Result<(), &'static str> {
        let tracked = Tracked { number: 12, ready: ready.to_vec() };
        tracked.judge(Some(&SeenIssue { issue, parent })).map(drop).map_err(|refusal| refusal.code())
    }

    #[test]
    fn we22_criteria_are_a_heading_with_an_item_or_a_named_task_list() {
        for text in [
            "## Acceptance criteria\n- rows are counted",
            "Why\r\n\r\n### ACCEPTANCE   Criteria:\r\n\r\nAll of:\r\n* [x] rows are counted\r\n",
            "# **Acceptance criteria** ##\n1. counted",
            "## Acceptance criteria\n### Rows\n12) counted",
            "**Acceptance criteria:**\n\n- [ ] counted",
            "Acceptance criteria\n- [X] counted",
            "```\n## Other\n```\n## Acceptance criteria <!-- hint -->\n- counted",
            "## Acceptance criteria\n## Acceptance criteria\n- z\u{e4}hlt",
        ] {
            assert_eq!(criteria(text), 1, "{text}");
        }
        for text in [
            "",
            "- [ ] rows are counted",
            "## Acceptance criteria",
            "## Acceptance criteria\n\nTo be done.",
            "## Acceptance criteria\n- [ ]\n- \n* ...\n-x",
            "## Acceptance criteria\n## Notes\n- an item of something else",
            "### Acceptance criteria\n# Notes\n- an item of something else",
            "## No acceptance criteria\n- none",
            "#Acceptance criteria\n- none",
            "####### Acceptance criteria\n- none",
            "Acceptance criteria\n- no task",
            "Acceptance criteria\nsomething\n- [ ] else",
            "We need acceptance criteria:\n- [ ] else",
            "```\n## Acceptance criteria\n- hidden\n```",
            "~~~~\n## Acceptance criteria\n~~~\n- still hidden",
            "<!--\n## Acceptance criteria\n- hidden\n-->",
            "## Acceptance criteria\n<!-- - [ ] what must hold -->",
            "## Acceptance criteria\n    - code",
        ] {
            assert_eq!(criteria(text), 0, "{text}");
        }
    }

    #[test]
    fn we22_an_issue_can_be_asked_for_so_many_criteria_and_so_long_a_description() {
        use Readiness::{AcceptanceCriteria, Description};
        let three = "## Acceptance criteria\n- a\n- b\n\nand\n- [x] c\n## Notes\n- d\n";
        let tasks = "Acceptance criteria\n- [ ] a\n\n- [ ] b\n- no task\n- [ ] c\n";
        for (body, items) in [(three, 3), (tasks, 2)] {
            assert_eq!(judge(&[AcceptanceCriteria(items)], issue(12, body), None), Ok(()), "{body}");
            assert_eq!(judge(&[AcceptanceCriteria(items + 1)], issue(12, body), None), Err("issue.unready"), "{body}");
        }
        let body = "z\u{e4}hlt\n\n   <!-- what nobody reads counts for nothing -->\n\n12345\n```\nnor this\n```\n";
        assert_eq!(judge(&[Description(10)], issue(12, body), None), Ok(()));
        assert_eq!(judge(&[Description(11)], issue(12, body), None), Err("issue.unready"));
    }

    #[test]
    fn we22_an_issue_is_judged_by_every_word_and_told_all_that_it_lacks() {
        use Readiness::{AcceptanceCriteria, Open, ParentOpen};
        assert_eq!(judge(&[Open], issue(12, ""), None), Ok(()));
        assert_eq!(judge(&[Open], issue(13, ""), None), Err("issue.missing"));
        assert_eq!(judge(&[Open], Issue { is_change_request: true, ..issue(12, "") }, None), Err("issue.missing"));
        assert_eq!(judge(&[Open], Issue { open: false, ..issue(12, "") }, None), Err("issue.closed"));
        assert_eq!(judge(&[ParentOpen], Issue { open: false, ..issue(12, "") }, None), Ok(()), "nobody asked");
        assert_eq!(judge(&[AcceptanceCriteria(1)], issue(12, "none"), None), Err("issue.unready"));
        let part = Issue { has_parent: true, ..issue(12, "") };
        assert_eq!(judge(&[ParentOpen], part.clone(), None), Err("issue.unready"));
        assert_eq!(judge(&[ParentOpen], part.clone(), Some(issue(11, ""))), Ok(()));
        let closed = Issue { open: false, ..issue(11, "") };
        assert_eq!(judge(&[Open], part.clone(), Some(closed.clone())), Ok(()), "nobody asked");
        let all = Tracked { number: 12, ready: vec![Open, AcceptanceCriteria(1), ParentOpen] };
        let refusal = all.judge(Some(&SeenIssue { issue: part, parent: Some(closed) })).unwrap_err();
        assert!(refusal.message().contains("Acceptance criteria") && refusal.message().contains("issue 11"));
        assert_eq!(all.judge(None).unwrap_err().code(), "issue.missing");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(text in "[#*\\-<!>`~ \t\r\n\\[\\]x:\u{e4}1.)]{0,60}") {
            let _ = criteria(&text);
            let _ = criteria(&format!("## Acceptance criteria\n{text}"));
        }
    }
}

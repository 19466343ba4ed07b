//! From events of the parser to a tree, with everything refused that two readers could take differently.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{
    super::{
        json::MAX_DEPTH,
        reason::{LIMIT_COUNT, LIMIT_DEPTH, LIMIT_SIZE, TEXT_UNSAFE},
        text,
    },
    Findings, Key, Kind, MAX_BYTES, Node, Place, YAML_DUPLICATE, YAML_FEATURE, YAML_MALFORMED,
};

/// What is wrong with an anchor, and with an alias.
const ANCHOR: &str = "anchors and aliases are not read";
/// The most nodes one file may hold.
pub(super) const MAX_NODES: usize = 50_000;

/// Parses one YAML document into a tree; `None` where it cannot be, which is then reported.
pub(super) fn parse(text: &str, findings: &mut Findings<'_>) -> Option<Node> {
    let top = (findings.first_line, 1);
    if text.len() > MAX_BYTES {
        findings.report(top, LIMIT_SIZE, format!("{} bytes of YAML, the limit is {MAX_BYTES}", text.len()));
        return None;
    }
    check_characters(text, findings);
    let mut builder = Builder { parser: Parser::new_from_str(text), findings, nodes: 0 };
    builder.document()
}

/// Reports the characters that can hide or reorder what a reader sees, comments included.
fn check_characters(text: &str, findings: &mut Findings<'_>) {
    for (n, line) in text.lines().enumerate() {
        if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| *c != '\t' && text::is_unsafe(*c)) {
            findings.report(
                (findings.first_line + n, column + 1),
                TEXT_UNSAFE,
                format!("character U+{:04X} can mislead a reader", c as u32),
            );
        }
    }
}

struct Builder<'p, 'f, P> {
    parser: P,
    findings: &'p mut Findings<'f>,
    nodes: usize,
}

impl<'i, P: Iterator<Item = Result<(Event<'i>, Span), ScanError>>> Builder<'_, '_, P> {
    fn next(&mut self) -> Option<(Event<'i>, Place)> {
        match self.parser.next()? {
            Ok((event, span)) => {
                let place = (span.start.line() + self.findings.first_line - 1, span.start.col() + 1);
                Some((event, place))
            }
            Err(error) => {
                let place = (error.marker().line() + self.findings.first_line - 1, error.marker().col() + 1);
                let told = error.info();
                if told.contains("unknown anchor") {
                    self.findings.report_help(place, YAML_FEATURE, ANCHOR, "write the value out in full");
                } else {
                    self.findings.report(place, YAML_MALFORMED, text::excerpt(&told));
                }
                None
            }
        }
    }

    fn document(&mut self) -> Option<Node> {
        let mut root = None;
        while let Some((event, place)) = self.next() {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_none() => {}
                Event::DocumentStart(..) => {
                    self.findings.report(
                        place,
                        YAML_FEATURE,
                        "one file holds one document, and here a second one begins",
                    );
                    return root;
                }
                Event::StreamEnd => {
                    if root.is_none() {
                        self.findings.report((self.findings.first_line, 1), YAML_MALFORMED, "there is no YAML here");
                    }
                    return root;
                }
                event => root = Some(self.node(event, place, 1)?),
            }
        }
        None
    }

    fn node(&mut self, event: Event<'i>, place: Place, depth: usize) -> Option<Node> {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            self.findings.report(place, LIMIT_DEPTH, format!("nested deeper than {MAX_DEPTH}"));
            return None;
        }
        if self.nodes > MAX_NODES {
            self.findings.report(place, LIMIT_COUNT, format!("more than {MAX_NODES} values"));
            return None;
        }
        // To find a mark the text is looked through: not for what is told no more.
        if let Some((feature, mark)) = refused_feature(&event).filter(|_| !self.findings.is_full()) {
            let place = mark.map_or(place, |mark| self.before(place, mark));
            self.findings.report_help(place, YAML_FEATURE, feature, "write the value out in full");
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => {
                Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Kind::List(items),
                        (event, place) => items.push(self.node(event, place, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let (mut entries, mut lines) = (Vec::new(), HashMap::new());
                loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, _) => break Kind::Map(entries),
                        (event, place) => self.node(event, place, depth + 1)?,
                    };
                    let (event, place) = self.next()?;
                    let value = self.node(event, place, depth + 1)?;
                    if let Some(key) = self.key(key, &mut lines) {
                        entries.push((key, value));
                    }
                }
            }
            // An alias, reported above; nothing can stand in its place.
            _ => Kind::Scalar { text: String::new(), plain: true },
        };
        Some(Node { place, kind })
    }

    /// Finds the anchor or tag that stands before a value; its mark is `&` or `!`.
    fn before(&self, (line, column): Place, mark: char) -> Place {
        let lines = self.findings.text.lines().take(line + 1 - self.findings.first_line).enumerate();
        let mut found = None;
        for (n, text) in lines {
            let last = n + self.findings.first_line == line;
            let end = if last { column } else { usize::MAX };
            // A mark begins a word; within a word it is text.
            let mut before = ' ';
            for (at, c) in text.chars().enumerate().take(end) {
                if c == mark && (before.is_whitespace() || matches!(before, '[' | '{' | ',')) {
                    found = Some((n + self.findings.first_line, at + 1));
                }
                before = c;
            }
        }
        found.unwrap_or((line, column))
    }

    /// Reads a key; `lines` are those of the keys that stand in the same map already.
    fn key(&mut self, node: Node, lines: &mut HashMap<String, usize>) -> Option<Key> {
        let Kind::Scalar { text, .. } = node.kind else {
            self.findings.report(node.place, YAML_FEATURE, "a key is text, and this is a list or a map");
            return None;
        };
        if text == "<<" {
            self.findings.report_help(
                node.place,
                YAML_FEATURE,
                "merge keys are not read",
                "write the fields out in full",
            );
            return None;
        }
        if let Some(first) = lines.get(&text) {
            let message = format!("`{}` stands here already, on line {first}", text::excerpt(&text));
            self.findings.report(node.place, YAML_DUPLICATE, message);
            return None;
        }
        lines.insert(text.clone(), node.place.0);
        Some(Key { place: node.place, text })
    }
}

/// Returns what is wrong with a value that two readers could take differently, and the mark that makes it so.
fn refused_feature(event: &Event<'_>) -> Option<(&'static str, Option<char>)> {
    let (anchor, tagged) = match event {
        Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
        Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
        Event::Alias(_) | Event::UnresolvedAlias(_) => return Some((ANCHOR, None)),
        _ => return None,
    };
    if anchor != 0 {
        Some((ANCHOR, Some('&')))
    } else if tagged {
        Some(("tags are not read", Some('!')))
    } else {
        None
    }
}

//! Single values of the tree: text, words, numbers, lengths of time.

use std::str::FromStr;

use super::{
    super::{
        json::MAX_INTEGER,
        reason::Refusal,
        text,
        time::{parse_duration, shown_duration},
        value::Scalar,
    },
    Findings, Kind, Node, YAML_TYPE, YAML_VALUE,
};

impl Node {
    /// Returns the text, or reports that the value is none.
    pub fn text<'n>(&'n self, findings: &mut Findings<'_>) -> Option<&'n str> {
        match &self.kind {
            Kind::Scalar { text, plain } => {
                if *plain && let Some(other) = reads_otherwise(text) {
                    findings.report_help(
                        self.place,
                        YAML_TYPE,
                        format!("`{}` is {other} to some readers of YAML, and text is needed", text::excerpt(text)),
                        "put it in quotes",
                    );
                    return None;
                }
                Some(text)
            }
            _ => self.mistyped("text", findings),
        }
    }

    /// Returns the text of one line, free of what can mislead a reader, or reports why not.
    pub fn line<'n>(&'n self, findings: &mut Findings<'_>) -> Option<&'n str> {
        let line = self.text(findings)?;
        if line.trim().is_empty() {
            findings.report(self.place, YAML_VALUE, "text is needed, and this is empty");
            return None;
        }
        findings.keep(self.place, text::check_free(line, false)).map(|()| line)
    }

    /// Returns the value read from text, or reports why it is none.
    pub fn parsed<T: FromStr<Err = Refusal>>(&self, findings: &mut Findings<'_>) -> Option<T> {
        let text = self.text(findings)?;
        findings.keep(self.place, text.parse())
    }

    /// Returns the value that stands for a word, or reports the words there are, and the nearest.
    pub fn word<T: Copy>(&self, words: &[(&str, T)], findings: &mut Findings<'_>) -> Option<T> {
        let given = self.text(findings)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
            return Some(*value);
        }
        let all = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        findings.report_near(
            self.place,
            YAML_VALUE,
            format!("`{}` is not one of {all}", text::excerpt(given)),
            given,
            words.iter().map(|(word, _)| *word),
        );
        None
    }

    /// Returns `true` or `false`, or reports that the value is neither.
    pub fn boolean(&self, findings: &mut Findings<'_>) -> Option<bool> {
        match &self.kind {
            Kind::Scalar { text, plain: true } if text == "true" => Some(true),
            Kind::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => self.mistyped("`true` or `false`", findings),
        }
    }

    /// Returns the whole number, or reports that the value is none within `least..=most`.
    pub fn integer(&self, least: i64, most: i64, findings: &mut Findings<'_>) -> Option<i64> {
        let number = match &self.kind {
            Kind::Scalar { text, plain: true } => whole_number(text),
            _ => None,
        };
        match number {
            Some(n) if (least..=most).contains(&n) => Some(n),
            Some(n) => {
                findings.report(self.place, YAML_VALUE, format!("{n} is not within {least} and {most}"));
                None
            }
            None => self.mistyped("a whole number", findings),
        }
    }

    /// Returns the length of time in seconds, from text such as `30m`, or reports that it is none within `1..=most`.
    pub fn duration(&self, most: i64, findings: &mut Findings<'_>) -> Option<i64> {
        if let Kind::Scalar { text, plain: true } = &self.kind
            && whole_number(text).is_some()
        {
            let help = format!("write {text}m, {text}h or {text}d");
            findings.report_help(self.place, YAML_TYPE, format!("`{text}` is a length of time without its unit"), help);
            return None;
        }
        let text = self.text(findings)?;
        let seconds = findings.keep(self.place, parse_duration(text))?;
        if seconds > most {
            findings.report(self.place, YAML_VALUE, format!("{text} is longer than {}", shown_duration(most)));
            return None;
        }
        Some(seconds)
    }

    /// Returns the value as its own type: a boolean, a whole number or text.
    pub fn scalar(&self, findings: &mut Findings<'_>) -> Option<Scalar> {
        match &self.kind {
            Kind::Scalar { text, plain: true } if text == "true" => Some(Scalar::Boolean(true)),
            Kind::Scalar { text, plain: true } if text == "false" => Some(Scalar::Boolean(false)),
            Kind::Scalar { text, plain: true } if whole_number(text).is_some() => {
                whole_number(text).map(Scalar::Integer)
            }
            _ => self.text(findings).map(|text| Scalar::Text(text.to_owned())),
        }
    }
}

/// Reads a plain scalar as a whole number within +/-(2^53-1), in its one form.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fits = !digits.is_empty()
        && digits.len() <= 16
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == text && digits == "0" || !digits.starts_with('0'));
    if !fits {
        return None;
    }
    text.parse().ok().filter(|n: &i64| n.abs() <= MAX_INTEGER)
}

/// Tells what else than text a plain scalar is to readers of YAML 1.1 or 1.2.
fn reads_otherwise(plain: &str) -> Option<&'static str> {
    let lower = plain.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => return Some("nothing"),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => return Some("a boolean"),
        ".inf" | "+.inf" | "-.inf" | ".nan" => return Some("a number"),
        _ => {}
    }
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower).replace('_', "");
    let digit_first = unsigned.strip_prefix('.').unwrap_or(&unsigned).starts_with(|c: char| c.is_ascii_digit());
    if !digit_first {
        return None;
    }
    let based = [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, base)| {
        unsigned.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(*base)))
    });
    let sexagesimal = unsigned.contains(':')
        && unsigned.split(':').all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    (based || sexagesimal || unsigned.parse::<f64>().is_ok()).then_some("a number")
}

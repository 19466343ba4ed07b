//! What GitHub's runner takes out of a log and out of its files: its rules, read once more and a little wider, to
//! hold what the tool writes against.

use std::collections::BTreeMap;

/// The commands that a runner knows, the retired ones among them.
const KNOWN: &[&str] = &[
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// A command that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

/// A runner that reads a log.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    /// While it is set, no command but the one of this name is taken.
    pub stopped: Option<String>,
    pub taken: Vec<Taken>,
    /// The lines that are no commands.
    pub shown: Vec<String>,
}

impl Runner {
    /// Reads a whole log: a line ends at a line feed, a carriage return, or both.
    pub(crate) fn read(log: &str) -> Self {
        let mut runner = Self::default();
        log.replace("\r\n", "\n").split(['\n', '\r']).for_each(|line| runner.line(line));
        runner
    }

    pub(crate) fn line(&mut self, line: &str) {
        // Text is compared by the rules of a language, for which these are not there.
        let seen: String = line.chars().filter(|c| !IGNORED.contains(c)).collect();
        let all = [line, &seen];
        let Some(command) = all.iter().find_map(|line| self.second_form(line).or_else(|| self.first_form(line))) else {
            self.shown.push(line.to_owned());
            return;
        };
        match (&self.stopped, command.name.eq_ignore_ascii_case("stop-commands")) {
            (Some(token), _) if command.name.eq_ignore_ascii_case(token) => self.stopped = None,
            (Some(_), _) => {
                self.shown.push(line.to_owned());
                return;
            }
            (None, true) => self.stopped = Some(command.data.clone()),
            (None, false) => {}
        }
        self.taken.push(command);
    }

    fn is_known(&self, name: &str) -> bool {
        KNOWN.iter().copied().chain(self.stopped.as_deref()).any(|known| known.eq_ignore_ascii_case(name))
    }

    /// `::name key=value,key=value::data`, after white space.
    fn second_form(&self, line: &str) -> Option<Taken> {
        let rest = line.trim_start().strip_prefix("::")?;
        let (info, data) = rest.split_once("::")?;
        let codes = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
        self.command(info, data, ',', &codes, &[codes[0], codes[1], codes[4]])
    }

    /// `##[name key=value;key=value]data`, anywhere.
    fn first_form(&self, line: &str) -> Option<Taken> {
        let (_, rest) = line.split_once("##[")?;
        let (info, data) = rest.split_once(']')?;
        let codes = [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")];
        self.command(info, data, ';', &codes, &codes)
    }

    fn command(
        &self,
        info: &str,
        data: &str,
        between: char,
        codes: &[(&str, &str)],
        data_codes: &[(&str, &str)],
    ) -> Option<Taken> {
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        if !self.is_known(name) {
            return None;
        }
        let decoded = |text: &str, codes: &[(&str, &str)]| {
            codes.iter().fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
        };
        let pairs = properties.trim().split(between).filter_map(|pair| pair.split_once('='));
        Some(Taken {
            name: name.to_owned(),
            properties: pairs.map(|(key, value)| (key.to_lowercase(), decoded(value, codes))).collect(),
            data: decoded(data, data_codes),
        })
    }

    /// The names of the commands that were taken, marks that resume as `(resume)`.
    pub(crate) fn names(&self) -> Vec<&str> {
        let name = |taken: &'_ Taken| {
            KNOWN.iter().find(|known| known.eq_ignore_ascii_case(&taken.name)).copied().unwrap_or("(resume)")
        };
        self.taken.iter().map(name).collect()
    }

    /// The commands of a name that were taken.
    pub(crate) fn of(&self, name: &str) -> Vec<&Taken> {
        self.taken.iter().filter(|taken| taken.name.eq_ignore_ascii_case(name)).collect()
    }
}

/// Characters that a comparison of texts may pass over.
const IGNORED: &[char] = &['\u{ad}', '\u{34f}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\0'];

/// Reads a file of outputs, or of variables: `NAME=value`, or `NAME<<MARK`, lines, `MARK`.
pub(crate) fn outputs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                found.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
            }
            (_, Some(heredoc)) => {
                let (name, mark) = (&line[..heredoc], &line[heredoc + 2..]);
                if name.is_empty() || mark.is_empty() {
                    return Err(format!("no name or mark: {line}"));
                }
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == mark => break,
                        Some(line) => value.push(line),
                        None => return Err(format!("no end of {name}")),
                    }
                }
                found.push((name.to_owned(), value.join("\n")));
            }
            _ => return Err(format!("no form: {line}")),
        }
    }
    Ok(found)
}

#[test]
fn the_rules_take_what_a_runner_takes() {
    let names = |log: &str| Runner::read(log).names().iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(" \t::ERROR file=a%2Cb,line=1::x%0Ay"), ["error"], "whatever the case");
    let command = Runner::read("  ::error file=a%2Cb,line=1::x%0Ay::z").taken.remove(0);
    assert_eq!((command.properties["file"].as_str(), command.data.as_str()), ("a,b", "x\ny::z"));
    assert_eq!(names("so ##[set-env name=A;x=y]b"), ["set-env"]);
    assert_eq!(names("a ::error::x\n::nothing::x\n::error:x\n##[nothing]x\n##error]"), Vec::<String>::new());
    assert_eq!(names("shown\r::error::x"), ["error"]);
    let stopped = "::stop-commands::abc\n::error::x\n##[error]x\n::stop-commands::d\n ##[ABC]\n::error::y";
    assert_eq!(names(stopped), ["stop-commands", "(resume)", "error"]);
    assert_eq!(
        outputs("a=b<<c\nd<<E\n1\n\n2\nE\n").unwrap(),
        [("a".into(), "b<<c".into()), ("d".into(), "1\n\n2".into())]
    );
    assert!(outputs("a<<E\n1\n").is_err());
}

//! What a reviewer must know before reading: what cannot be seen through, and what looks odd.

use std::{collections::BTreeSet, net::IpAddr};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    author, order,
    places::{Place, texts},
    summary::all_actions,
    text,
};
use crate::{
    base::{digest::Digest, ident::Id, text::mixed_script_words},
    plan::{
        git_arguments::git_escape,
        model::{Action, Arg, Effect, Host, Plan, Run, Step},
    },
};

/// Lines of a script above which nobody reads it with care.
const LONG_SCRIPT: usize = 200;
/// Characters of base64 or hex in a row above which it is taken for a blob.
const BLOB: usize = 200;
/// Spaces in a row that push what follows out of sight.
const GAP: usize = 40;
/// Characters of a line above which pages make the reader scroll to see its end.
const LONG_LINE: usize = 300;
/// Long arguments that make an interpreter take its code from the argument list.
const INLINE_CODE: [&str; 6] = ["--eval", "--print", "--command", "--exec", "--execute", "--expression"];
/// Letters that do the same in a short argument, alone or among others: `-c`, `-lc`, `-ne`.
const INLINE_LETTERS: [char; 5] = ['c', 'e', 'E', 'r', 'p'];

/// What a note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// An interpreter runs a script.
    InterpreterScript,
    /// An argument may hand an interpreter code.
    InterpreterInlineCode,
    /// An interpreter takes its code from somewhere the plan does not show.
    InterpreterUnseenCode,
    /// An interpreter's binary is not pinned by digest.
    InterpreterNotPinned,
    /// An interpreter gets a value known only at run time.
    InterpreterRunTimeValue,
    /// An interpreter can fetch and run code.
    InterpreterNetwork,
    /// Git may run other programs.
    GitEscape,
    /// A host is named, but only its port is enforced.
    NetworkByPort,
    /// A script is long.
    LongScript,
    /// A text holds what looks like encoded data.
    EncodedBlob,
    /// An argument names a script that the plan does not hold.
    ScriptMissing,
    /// A word mixes alphabets.
    MixedScript,
    /// A text holds letters that run from right to left.
    RightToLeft,
    /// A host name is punycode.
    PunycodeHost,
    /// A host is an address, or could be read as one.
    AddressHost,
    /// A host is not lower-case letters, digits, hyphens and dots.
    OddHost,
    /// A text looks like a template.
    TemplateText,
    /// A text holds characters that cannot be shown.
    HiddenCharacters,
    /// A long gap pushes text out of sight.
    HiddenByGap,
    /// A line is so long that its end may lie out of sight.
    LongLine,
    /// A program has both a secret and the network.
    SecretWithNetwork,
    /// The effect the plan states is not the highest of its steps.
    EffectMisstated,
    /// A digest is not that of the content beside it.
    DigestMisstated,
    /// The steps wait for each other, or for a step that is not there.
    BrokenOrder,
    /// A script that no step names.
    ScriptUnused,
    /// The directive is that of a change request, not of the base.
    DirectiveProposed,
    /// A value that a planner wrote is not from the protected base.
    ForeignValue,
}

impl NoteKind {
    /// Returns the sentence that the view shows; what it is about follows it.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::InterpreterScript => {
                "an interpreter runs a script, shown whole below; what it does within its limits cannot be seen from the plan"
            }
            Self::InterpreterInlineCode => "an argument may hand the interpreter code of its own",
            Self::InterpreterUnseenCode => {
                "an interpreter takes its code from the repository or the machine; the plan does not show it"
            }
            Self::InterpreterNotPinned => {
                "the interpreter is not pinned by digest; another binary may stand at its path"
            }
            Self::InterpreterRunTimeValue => "an interpreter gets a value that is known only at run time",
            Self::InterpreterNetwork => {
                "an interpreter has the network; it can fetch code that nobody has seen and run it"
            }
            Self::GitEscape => "an argument makes git run other programs, or may; the plan does not show which",
            Self::NetworkByPort => "only the port is enforced; any host on that port can be reached",
            Self::LongScript => "a script of more than 200 lines",
            Self::EncodedBlob => "more than 200 characters that look like encoded data",
            Self::ScriptMissing => "the script is not in the plan",
            Self::MixedScript => "a word mixes alphabets and may not be the word it looks like",
            Self::RightToLeft => "the text holds letters that run from right to left and may stand in another order",
            Self::PunycodeHost => "the host name is punycode and may look like another name",
            Self::AddressHost => "the host is a number, not a name",
            Self::OddHost => "the host is not made of lower-case letters, digits, hyphens and dots",
            Self::TemplateText => "the text looks like a template; nothing is expanded after a plan is sealed",
            Self::HiddenCharacters => "the text holds characters that cannot be shown and are written as escapes",
            Self::HiddenByGap => "text follows a long gap and may lie out of sight",
            Self::LongLine => "a line of more than 300 characters, the end of which may lie out of sight",
            Self::SecretWithNetwork => "the program has this secret and the network, and can send it away",
            Self::EffectMisstated => "the effect that the plan states is not the highest of its steps; it states",
            Self::DirectiveProposed => {
                "the directive is taken from the change request and is not merged; read it there first"
            }
            Self::ForeignValue => "a value that the planner wrote is not from the protected base",
            Self::DigestMisstated => "the digest is not that of the content",
            Self::BrokenOrder => "the step waits for itself or for a step that is not there",
            Self::ScriptUnused => "no step names this script",
        }
    }
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Note {
    /// The step, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Id>,
    /// What it says.
    pub kind: NoteKind,
    /// What it is about: a path, a host, a field, a word.
    pub subject: String,
}

fn note(step: Option<&Step>, kind: NoteKind, subject: impl Into<String>) -> Note {
    Note { step: step.map(|step| step.id.clone()), kind, subject: subject.into() }
}

/// Lists what nobody can tell from the plan alone (C-32), in the plan's order, each once.
pub(super) fn uninspectable(plan: &Plan) -> Vec<Note> {
    let mut notes = Vec::new();
    for (step, action) in all_actions(plan) {
        if let Action::Run(run) = action {
            notes.extend(of_run(plan, step, run));
        }
    }
    for script in &plan.scripts {
        if script.content.lines().count() > LONG_SCRIPT {
            notes.push(note(None, NoteKind::LongScript, script.path.as_str()));
        }
    }
    for place in texts(plan) {
        if has_blob(place.text) {
            notes.push(note(place.step, NoteKind::EncodedBlob, place.field));
        }
    }
    once(notes)
}

fn of_run(plan: &Plan, step: &Step, run: &Run) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut add = |kind, subject: &str| notes.push(note(Some(step), kind, subject));
    let handed = || run.argv.iter().chain(run.env.values());
    for arg in handed() {
        if let Arg::Script(path) = arg
            && !plan.scripts.iter().any(|script| script.path == *path)
        {
            add(NoteKind::ScriptMissing, path.as_str());
        }
    }
    for host in &run.network {
        add(NoteKind::NetworkByPort, &shown_host(host));
    }
    if let Some(argument) = git_escape(run) {
        add(NoteKind::GitEscape, argument);
    }
    if !run.program.interpreter {
        return notes;
    }
    let path = run.program.path.as_str();
    if run.program.digest.is_none() {
        add(NoteKind::InterpreterNotPinned, path);
    }
    if !run.network.is_empty() {
        add(NoteKind::InterpreterNetwork, path);
    }
    let scripts: Vec<_> =
        run.argv.iter().filter_map(|arg| if let Arg::Script(p) = arg { Some(p) } else { None }).collect();
    let inline = run.argv.iter().find_map(|arg| match arg {
        Arg::Literal(text) => is_inline_code(text).then_some(text.as_str()),
        _ => None,
    });
    for script in &scripts {
        add(NoteKind::InterpreterScript, script.as_str());
    }
    if let Some(flag) = inline {
        add(NoteKind::InterpreterInlineCode, flag);
    }
    if scripts.is_empty() {
        add(NoteKind::InterpreterUnseenCode, path);
    }
    for arg in handed() {
        if let Arg::Slot(slot) = arg {
            add(NoteKind::InterpreterRunTimeValue, &format!("{}.{}", slot.from_step, slot.output));
        }
    }
    notes
}

/// Tells whether an argument may carry code; it errs on the side of yes.
fn is_inline_code(argument: &str) -> bool {
    if argument.starts_with("--") {
        return INLINE_CODE.contains(&argument.split('=').next().unwrap_or_default());
    }
    argument
        .strip_prefix('-')
        .is_some_and(|rest| rest.chars().take_while(char::is_ascii_alphabetic).any(|c| INLINE_LETTERS.contains(&c)))
}

/// Lists what deserves a second look, in the plan's order, each once.
pub(super) fn look_twice(plan: &Plan) -> Vec<Note> {
    let mut notes = Vec::new();
    let highest = plan.steps.iter().map(|step| step.effect).max().unwrap_or(Effect::Read);
    if highest != plan.effect {
        notes.push(note(None, NoteKind::EffectMisstated, plan.effect.word()));
    }
    if plan.directive.commit != plan.subject.base_sha {
        notes.push(note(None, NoteKind::DirectiveProposed, plan.directive.path.as_str()));
    }
    let known: BTreeSet<_> = plan.steps.iter().map(|step| &step.id).collect();
    let circular = order::has_cycle(&plan.steps);
    for step in &plan.steps {
        if circular || step.needs.iter().any(|id| !known.contains(id)) {
            notes.push(note(Some(step), NoteKind::BrokenOrder, step.id.as_str()));
        }
    }
    for (step, action) in all_actions(plan) {
        match action {
            Action::Run(run) => {
                notes.extend(run.network.iter().flat_map(|host| of_host(step, host)));
                if !run.network.is_empty() {
                    notes.extend(run.secrets.iter().map(|s| note(Some(step), NoteKind::SecretWithNetwork, s.as_str())));
                }
            }
            Action::Write(file) if Digest::of(file.content.as_bytes()) != file.content_digest => {
                notes.push(note(Some(step), NoteKind::DigestMisstated, file.path.as_str()));
            }
            _ => {}
        }
    }
    for script in &plan.scripts {
        let named = all_actions(plan).any(|(_, action)| match action {
            Action::Run(run) => {
                run.argv.iter().chain(run.env.values()).any(|arg| matches!(arg, Arg::Script(p) if *p == script.path))
            }
            _ => false,
        });
        if !named {
            notes.push(note(None, NoteKind::ScriptUnused, script.path.as_str()));
        }
        if Digest::of(script.content.as_bytes()) != script.digest {
            notes.push(note(None, NoteKind::DigestMisstated, script.path.as_str()));
        }
    }
    notes.extend(author::foreign(plan));
    notes.extend(texts(plan).iter().flat_map(of_text));
    once(notes)
}

fn of_host(step: &Step, host: &Host) -> Vec<Note> {
    let (name, mut notes) = (host.name.as_str(), Vec::new());
    let lower = name.to_ascii_lowercase();
    if lower.split('.').any(|label| label.starts_with("xn--")) {
        notes.push(note(Some(step), NoteKind::PunycodeHost, shown_host(host)));
    }
    // Resolvers read `127.1`, `0x7f000001` and `2130706433` as addresses too.
    let numeric = |label: &str| {
        let digits = label.strip_prefix("0x").unwrap_or(label);
        !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_hexdigit())
            && (digits.len() < label.len() || label.bytes().all(|b| b.is_ascii_digit()))
    };
    let address = name.parse::<IpAddr>().is_ok()
        || name.starts_with('[')
        || lower.trim_end_matches('.').rsplit('.').next().is_some_and(numeric);
    if address {
        notes.push(note(Some(step), NoteKind::AddressHost, shown_host(host)));
    } else if name.is_empty()
        || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        || name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
    {
        notes.push(note(Some(step), NoteKind::OddHost, shown_host(host)));
    }
    notes
}

fn shown_host(host: &Host) -> String {
    format!("{}:{}", host.name, host.port)
}

fn of_text(place: &Place<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    for word in mixed_script_words(place.text) {
        notes.push(note(place.step, NoteKind::MixedScript, format!("{}: {word}", place.field)));
    }
    if place.text.chars().any(runs_right_to_left) {
        notes.push(note(place.step, NoteKind::RightToLeft, place.field.as_str()));
    }
    if ["{{", "}}", "$[[", "{%", "<%"].iter().any(|mark| place.text.contains(mark)) {
        notes.push(note(place.step, NoteKind::TemplateText, place.field.as_str()));
    }
    if text::needs_escape(place.text) || (!place.lines && place.text.contains(['\n', '\t'])) {
        notes.push(note(place.step, NoteKind::HiddenCharacters, place.field.as_str()));
    }
    if place.lines && place.text.lines().any(|line| line.chars().count() > LONG_LINE) {
        notes.push(note(place.step, NoteKind::LongLine, place.field.as_str()));
    }
    if has_gap(place.text) {
        notes.push(note(place.step, NoteKind::HiddenByGap, place.field.as_str()));
    }
    notes
}

/// The blocks of Hebrew, Arabic, Syriac and their neighbours, in the first plane and the second.
fn runs_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Finds a long run of blanks, or of empty lines, with text after it.
fn has_gap(text: &str) -> bool {
    let mut blank = 0;
    text.trim().chars().any(|c| {
        let gap = blank >= GAP;
        blank = if c.is_whitespace() { blank + 1 } else { 0 };
        gap && blank == 0
    })
}

/// Finds a long run of base64 or hex, also where it is wrapped at 40 columns or more.
fn has_blob(text: &str) -> bool {
    let (mut run, mut column) = (0_usize, 0_usize);
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_') {
            run += 1;
            column += 1;
            if run > BLOB {
                return true;
            }
        } else if c == '\n' && column >= GAP {
            column = 0;
        } else if c != '\r' {
            (run, column) = (0, 0);
        }
    }
    false
}

fn once(notes: Vec<Note>) -> Vec<Note> {
    let mut seen = BTreeSet::new();
    notes.into_iter().filter(|note| seen.insert(note.clone())).collect()
}

//! Reason codes, exit classes, and the one error type every refusal travels in.

use std::{fmt, str::FromStr};

use super::diagnostic::Diagnostic;

/// What kind of ending a command had; the number is its process exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ExitClass {
    /// Done, and all required checks passed.
    Done = 0,
    /// A defect of our own, or of the machine.
    Internal = 1,
    /// The command line, or a file a person wrote, is wrong.
    Usage = 2,
    /// Refused by policy, or rejected by a person.
    Refused = 3,
    /// An approval is missing, or there are not enough yet.
    Pending = 4,
    /// A signature, digest, chain or other proof does not hold.
    Verification = 5,
    /// Stale, expired or replayed.
    Stale = 6,
    /// A step failed.
    StepFailed = 7,
    /// A limit or budget was exceeded.
    Limit = 8,
    /// The ledger or a lock is contended.
    Contended = 9,
    /// The outcome is unknown and needs a signed resolution.
    Indeterminate = 10,
    /// The sandbox is not available, or does not hold.
    Sandbox = 11,
}

impl ExitClass {
    /// Returns the process exit code, 0 to 11.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// One stable reason code: what happened, how the process ends, and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable dotted code, such as `approval.stale`.
    pub code: &'static str,
    /// The exit class that the code belongs to.
    pub class: ExitClass,
    /// One sentence that says what the code means, lower case, no period.
    pub summary: &'static str,
    /// What to do next.
    pub hint: &'static str,
}

impl Reason {
    /// Tells whether both codes begin with the same word, as `path.kind` and `path.missing` do.
    #[must_use]
    pub fn is_akin(self, other: Self) -> bool {
        let family = |reason: Self| reason.code.split('.').next();
        family(self) == family(other)
    }
}

/// Declares reason codes as constants and lists them in `pub static ALL`.
///
/// Each room has one `reasons.rs` that calls this once; `app::reasons` joins the lists, and a test
/// holds the codes unique and documented.
#[macro_export]
macro_rules! reasons {
    ($($name:ident = $code:literal, $class:ident, $summary:literal, $hint:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $summary, ".")]
            pub const $name: $crate::base::reason::Reason = $crate::base::reason::Reason {
                code: $code,
                class: $crate::base::reason::ExitClass::$class,
                summary: $summary,
                hint: $hint,
            };
        )*
        /// Every reason code of this room.
        pub static ALL: &[$crate::base::reason::Reason] = &[$($name),*];
    };
}

/// A refusal: the reason code, what was refused, hints, and places in files.
///
/// Boxed so that `Result<T, Refusal>` stays one word wide.
#[derive(Clone, Debug)]
pub struct Refusal(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    reason: Reason,
    message: String,
    subject: Option<String>,
    hints: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

/// The result of anything that can refuse.
pub type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    /// Makes a refusal; `message` is lower case and says what was found, with the offending value.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            reason,
            message: message.into(),
            subject: None,
            hints: Vec::new(),
            diagnostics: Vec::new(),
        }))
    }

    /// Names what the refusal is about: a file, a step id, a digest.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.0.subject = Some(subject.into());
        self
    }

    /// Says in which entry of a ledger it was found: what it is about, or before what was found where it names another thing.
    #[must_use]
    pub fn of_entry(mut self, seq: u64) -> Self {
        let entry = format!("entry {seq}");
        if self.0.subject.is_none() {
            return self.subject(entry);
        }
        self.0.message = format!("{entry}: {}", self.0.message);
        self
    }

    /// Adds a hint more particular than the reason's own; the most particular is shown first.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.insert(0, hint.into());
        self
    }

    /// Turns it into a mistake of usage, for a value that somebody typed; `name` is its option, argument or variable.
    ///
    /// The same value in a document stays what it is: there a proof does not hold. A reason that is one of usage
    /// already stays, too.
    #[must_use]
    pub fn typed_as(mut self, name: &str) -> Self {
        let inner = &mut self.0;
        inner.message = format!("{name}: {}", inner.message);
        inner.subject = Some(name.to_owned());
        if inner.reason.class != ExitClass::Usage {
            inner.hints.push(inner.reason.hint.to_owned());
            inner.reason = USAGE;
        }
        self
    }

    /// Attaches places in files.
    #[must_use]
    pub fn diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics.extend(diagnostics);
        self
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// Tells whether this is the reason of it.
    #[must_use]
    pub fn is(&self, reason: Reason) -> bool {
        self.0.reason == reason
    }

    /// Returns the stable dotted code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.reason.code
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns what the refusal is about, where it names one thing.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Returns the hints, the most particular first, the reason's own last.
    pub fn hints(&self) -> impl Iterator<Item = &str> {
        let own = self.0.reason.hint;
        self.0.hints.iter().map(String::as_str).filter(move |hint| *hint != own).chain(std::iter::once(own))
    }

    /// Returns the places in files, in file order.
    #[must_use]
    pub fn places(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }
}

/// Parses a value that somebody typed; `name` is its option, argument or variable.
///
/// # Errors
/// `usage.invalid`, which names it and says what does not fit.
pub fn typed<T: FromStr<Err = Refusal>>(text: &str, name: &str) -> Result<T> {
    text.parse().map_err(|refusal: Refusal| refusal.typed_as(name))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason.code, self.0.message)
    }
}

impl std::error::Error for Refusal {}

reasons! {
    INTERNAL = "internal.error", Internal, "something that must not happen happened", "please report it with the output of the command run again with --verbose";
    IO = "io.failed", Internal, "a file or device could not be read or written", "check that the path exists and that you may use it";
    USAGE = "usage.invalid", Usage, "the command line, or a variable, cannot be understood", "see the command's --help";
    JSON_MALFORMED = "json.malformed", Verification, "the bytes are not one strict JSON value", "give the file exactly as it was written; do not edit it";
    JSON_DUPLICATE = "json.duplicate_key", Verification, "a JSON object holds the same key twice", "give the file exactly as it was written; do not edit it";
    JSON_NUMBER = "json.number", Verification, "a JSON number is not an integer within 2^53-1", "use integers, or strings for anything else";
    JSON_NON_CANONICAL = "json.non_canonical", Verification, "the bytes are not in RFC 8785 canonical form", "give the file exactly as it was written; do not reformat it";
    JSON_SCHEMA = "json.schema", Verification, "the JSON does not have the fields its format asks for", "see `countersign schema` for the format";
    LIMIT_DEPTH = "limit.depth", Limit, "the JSON is nested too deeply", "the limit is 32 levels";
    LIMIT_SIZE = "limit.size", Limit, "the input is larger than its limit", "make it smaller: no plan is over 4 MiB, no policy over 1 MiB, no directive over 256 KiB";
    LIMIT_STRING = "limit.string", Limit, "a string is longer than its limit", "the limit is 100,000 bytes";
    LIMIT_COUNT = "limit.count", Limit, "a list holds more items than its limit", "take items out, or make several of it";
    DIGEST_FORMAT = "digest.format", Verification, "a digest is not sha256: and 64 lower-case hex digits", "give the digest in full; no shorter form is ever accepted";
    TIME_FORMAT = "time.format", Verification, "a time is not YYYY-MM-DDTHH:MM:SSZ", "write the time in UTC, to the second, with a Z";
    TIME_LENGTH = "time.length", Usage, "a length of time is not a whole number and a unit", "write it as 90s, 30m, 24h or 7d";
    ID_FORMAT = "id.format", Verification, "an id is not 1 to 100 of A-Z a-z 0-9 _ -", "rename it";
    TEXT_UNSAFE = "text.unsafe", Verification, "a text holds characters that can mislead a reader", "remove control, invisible and direction-changing characters";
    TEXT_NOT_ASCII = "text.not_ascii", Verification, "a value that steers execution is not printable ASCII", "use printable ASCII only";
    TEXT_TEMPLATE = "text.template", Verification, "a value holds a CI template expression", "remove `${{` and `$[[`: nothing is expanded after a plan is sealed";
    ARGV_FLAG = "argv.flag", Refused, "a value or an argument would be a flag that nothing allows", "pass it behind a flag that ends in `=`, narrow its pattern, or list the flag in the policy";
    CONTEXT_MISMATCH = "context.mismatch", Verification, "what is here is another repository, owner or change request than what is named", "run it where it belongs; what is trusted comes from the trust root and the forge, never from variables";
    REPLAY_CONSUMED = "replay.consumed", Stale, "the approval has been used", "see `countersign status PLAN`: a plan that is over needs a new plan";
    PATH_INVALID = "path.invalid", Verification, "a path is not a plain relative path inside the repository", "use a relative path without `.`, `..`, empty parts or special characters";
    PATH_PROTECTED = "path.protected", Refused, "a path belongs to the guardrails and no plan may write it", "change it by hand, in a reviewed commit";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_somebody_typed_is_a_mistake_of_usage_and_keeps_what_helps() {
        let refusal = Refusal::new(TIME_FORMAT, "not a time: `soon`").typed_as("--created-at");
        assert_eq!((refusal.code(), refusal.reason().class), ("usage.invalid", ExitClass::Usage));
        assert_eq!(refusal.message(), "--created-at: not a time: `soon`");
        assert_eq!(refusal.hints().collect::<Vec<_>>(), [TIME_FORMAT.hint, USAGE.hint]);
        let length = Refusal::new(TIME_LENGTH, "not a length of time: `soon`").typed_as("--expires");
        assert_eq!((length.code(), length.about()), ("time.length", Some("--expires")));
    }

    #[test]
    fn a_hint_is_given_once() {
        let refusal = Refusal::new(IO, "x").hint(IO.hint).hint("look there");
        assert_eq!(refusal.hints().collect::<Vec<_>>(), ["look there", IO.hint]);
    }
}

//! Why a step failed, in the six classes, with what happened and what to do next in plain words.

use std::sync::OnceLock;

use regex::Regex;

use super::{
    process::{Cause, Exit},
    reasons::{PROGRAM_MISSING, STEP_EXIT, STEP_SIGNAL, STEP_TIMEOUT, VERIFICATION_FAILED},
};
use crate::{
    base::reason::{ExitClass, Reason},
    event::ErrorClass,
    plan::model::Host,
    step::reasons::GIT_LOCKED,
};

/// A classified failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) reason: Reason,
    pub(super) class: Option<ErrorClass>,
    pub(super) what: String,
    pub(super) next: &'static str,
}

impl Verdict {
    /// Tells whether the program itself said that it failed: it ended with a code, and nobody ended it.
    pub(super) fn is_own_word(&self) -> bool {
        self.reason == STEP_EXIT
    }
}

struct Rule {
    pattern: &'static str,
    class: ErrorClass,
    what: &'static str,
    next: &'static str,
}

/// What programs write when they fail. The first rule that fits decides, so the more certain come first.
const RULES: &[Rule] = &[
    Rule {
        pattern: r"(?i)\b(429|too many requests|rate.?limit(ed)?|secondary rate)\b",
        class: ErrorClass::Transient,
        what: "the other side asked for fewer requests",
        next: "wait until its limit is lifted, then run the plan again",
    },
    Rule {
        pattern: r"(?i)(\b(502|503|504)\b|bad gateway|service unavailable|gateway time-?out|temporarily unavailable|temporary failure|try again later)",
        class: ErrorClass::Transient,
        what: "the other side is not available just now",
        next: "check that the service is up, then run the plan again",
    },
    Rule {
        pattern: r"(?i)(timed? ?out|deadline exceeded|connection (refused|reset|aborted|closed)|broken pipe|network is unreachable|no route to host|deadlock detected|could not obtain lock|resource busy|database is locked)",
        class: ErrorClass::Transient,
        what: "the other side did not answer, or was busy",
        next: "check the network and the service, then run the plan again",
    },
    Rule {
        pattern: r"(?i)(\b(401|403)\b|unauthori[sz]ed|forbidden|permission denied|access denied|operation not permitted|not authori[sz]ed|authentication failed|(token|credential|certificate|session|password)s? (has |have |is |are )?expired|bad credentials)",
        class: ErrorClass::Permission,
        what: "something was not allowed",
        next: "check the secret the step gets, and that the step declares every file and host it uses; what no commit holds it cannot read",
    },
    Rule {
        pattern: r"(?i)(\b(400|409|412|422)\b|validation|constraint|conflict|duplicate key|already exists|unprocessable|violates|precondition failed|non-fast-forward|merge conflict)",
        class: ErrorClass::BusinessRule,
        what: "the other side understood and said no",
        next: "change the inputs and make a new plan; the same plan will fail again",
    },
    Rule {
        pattern: r"(?i)(no such file|not found|unknown option|unrecogni[sz]ed (option|argument)|invalid option|unknown (flag|command|switch)|cannot open shared object|no module named|command not found|is not recognized|missing required|could not resolve|name or service not known|usage:)",
        class: ErrorClass::Configuration,
        what: "something the program needs is not there, or it was called wrongly",
        next: "check the pipeline's arguments and what it declares to read, and make a new plan",
    },
];

/// What programs write when there is no network. Nothing that is tried again changes that where a step declares none.
const OFFLINE: Rule = Rule {
    pattern: r"(?i)(could ?n[o']t connect|could not connect|failed to connect|connection refused|network is unreachable|no route to host|could not resolve|name or service not known|temporary failure in name resolution|getaddrinfo|could not create socket|socket: (permission denied|operation not permitted)|dial (tcp|udp)|urlopen error)",
    class: ErrorClass::Configuration,
    what: "the step declares no network, so it has none",
    next: "if it needs one, declare `network` in the pipeline and have a rule of the policy name the host; then make a new plan",
};

/// Classifies the end of a program that the plan does not accept: what is known for sure first, its words last.
///
/// `hosts` are those that the step declares.
pub(super) fn of_program(cause: Cause, exit: Exit, program: &str, stderr: &str, hosts: &[Host]) -> Verdict {
    let name = program.rsplit('/').next().unwrap_or(program);
    if cause == Cause::Timeout {
        return Verdict {
            reason: STEP_TIMEOUT,
            class: Some(ErrorClass::Transient),
            what: format!("`{name}` ran into the step's time limit and was killed"),
            next: "find out what it waits for, or raise `timeout` in the pipeline",
        };
    }
    let (reason, how) = match exit {
        Exit::Code(code) => (STEP_EXIT, format!("`{name}` ended with code {code}")),
        Exit::Signal(signal) => (STEP_SIGNAL, format!("signal {signal} ended `{name}`")),
        Exit::Unknown => (STEP_SIGNAL, format!("`{name}` was killed from outside")),
    };
    if let Exit::Signal(signal) = exit
        && let Some(next) = of_signal(signal)
    {
        return Verdict { reason, class: Some(ErrorClass::Configuration), what: how, next };
    }
    let [offline, rules @ ..] = patterns() else {
        return Verdict { reason, class: None, what: how, next: "read the end of its output" };
    };
    let fits = match hosts.is_empty() && offline.is_match(stderr) {
        true => Some(&OFFLINE),
        false => RULES.iter().zip(rules).find(|(_, pattern)| pattern.is_match(stderr)).map(|(rule, _)| rule),
    };
    match fits {
        Some(rule) => {
            Verdict { reason, class: Some(rule.class), what: format!("{how}: {}", rule.what), next: rule.next }
        }
        None => Verdict { reason, class: None, what: how, next: "read the end of its output" },
    }
}

/// Classifies a refusal by its reason.
pub(super) fn of_refusal(reason: Reason) -> ErrorClass {
    match reason.class {
        ExitClass::Internal => ErrorClass::Internal,
        ExitClass::Sandbox | ExitClass::Usage | ExitClass::Limit => ErrorClass::Configuration,
        ExitClass::Refused | ExitClass::Pending => ErrorClass::Permission,
        _ if reason.is_akin(PROGRAM_MISSING) => ErrorClass::Configuration,
        // Whoever holds the lock lets go of it.
        _ if reason == GIT_LOCKED => ErrorClass::Transient,
        _ if reason.is_akin(VERIFICATION_FAILED) => ErrorClass::Verification,
        _ => ErrorClass::BusinessRule,
    }
}

fn of_signal(signal: i32) -> Option<&'static str> {
    match signal {
        libc::SIGSYS => Some("the program made a system call of a foreign kind, which the sandbox forbids"),
        libc::SIGXCPU | libc::SIGXFSZ => Some("the program used more than its limit of processor time or file size"),
        libc::SIGKILL => Some("something outside killed it, most often for want of memory"),
        _ => None,
    }
}

/// The pattern of [`OFFLINE`], then those of [`RULES`].
fn patterns() -> &'static [Regex] {
    static COMPILED: OnceLock<Vec<Regex>> = OnceLock::new();
    // A pattern that does not compile would shift the others; a test holds them all together.
    COMPILED.get_or_init(|| {
        std::iter::once(&OFFLINE).chain(RULES).filter_map(|rule| Regex::new(rule.pattern).ok()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we15_errors_are_sorted_by_what_is_known_first_and_by_words_last() {
        assert_eq!(patterns().len(), RULES.len() + 1);
        let class = |exit, text| of_program(Cause::Itself, exit, "/usr/bin/x", text, &online()).class;
        for (text, expected) in [
            ("HTTP 429", Some(ErrorClass::Transient)),
            ("error: 503 Service Unavailable", Some(ErrorClass::Transient)),
            ("curl: (28) Operation timed out", Some(ErrorClass::Transient)),
            ("connect: Connection refused", Some(ErrorClass::Transient)),
            ("HTTP 401", Some(ErrorClass::Permission)),
            ("sh: 1: cannot create x: Permission denied", Some(ErrorClass::Permission)),
            ("the token has expired", Some(ErrorClass::Permission)),
            ("409 Conflict", Some(ErrorClass::BusinessRule)),
            ("violates check constraint", Some(ErrorClass::BusinessRule)),
            ("x: No such file or directory", Some(ErrorClass::Configuration)),
            ("unknown option --foo", Some(ErrorClass::Configuration)),
            ("14290 rows", None),
            ("", None),
        ] {
            assert_eq!(class(Exit::Code(1), text), expected, "{text}");
        }
        assert_eq!(class(Exit::Signal(libc::SIGXCPU), "HTTP 503"), Some(ErrorClass::Configuration));
        let timeout = of_program(Cause::Timeout, Exit::Signal(9), "/usr/bin/x", "HTTP 401", &online());
        assert_eq!((timeout.class, timeout.reason.code), (Some(ErrorClass::Transient), "step.timeout"));
    }

    fn online() -> [Host; 1] {
        [Host { name: "db.internal".into(), port: 5432 }]
    }

    #[test]
    fn we15_a_step_that_declares_no_network_is_told_so_and_nothing_is_tried_again() {
        let told = |text: &str, hosts: &[Host]| of_program(Cause::Itself, Exit::Code(7), "/usr/bin/curl", text, hosts);
        for text in [
            "curl: (7) Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't connect to server",
            "curl: (6) Could not resolve host: example.com",
            "connect: Connection refused",
            "dial tcp: lookup registry on [::1]:53: socket: permission denied",
            "psql: error: could not create socket: Permission denied",
            "<urlopen error [Errno 1] Operation not permitted>",
        ] {
            let verdict = told(text, &[]);
            assert_eq!(verdict.class, Some(ErrorClass::Configuration), "{text}");
            assert!(verdict.what.ends_with("the step declares no network, so it has none"), "{}", verdict.what);
        }
        assert_eq!(told("connect: Connection refused", &online()).class, Some(ErrorClass::Transient));
        assert_eq!(told("HTTP 503", &[]).class, Some(ErrorClass::Transient), "not a word about the network");
    }
}

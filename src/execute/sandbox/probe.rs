//! A trial of the sandbox: a child under the strictest profile tries what must not succeed.

use super::{Jail, Network, Profile};
use crate::{
    base::reason::{Refusal, Result},
    execute::{process, reasons::SANDBOX_PROBE},
};

/// What a trial found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReport {
    /// What was enforced, such as `landlock-abi=7 seccomp scopes net=none`.
    pub sandbox: String,
    /// Everything that was tried.
    pub attempted: Vec<&'static str>,
    /// What succeeded and must not have.
    pub succeeded: Vec<&'static str>,
}

impl ProbeReport {
    /// Refuses where anything succeeded.
    ///
    /// # Errors
    /// `sandbox.probe`.
    pub fn check(&self) -> Result<()> {
        if self.succeeded.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(SANDBOX_PROBE, format!("these succeeded: {}", self.succeeded.join(", "))))
    }
}

/// Forks a child into the strictest profile, has it try about thirty forbidden operations, and reports.
///
/// The child executes nothing, touches nothing and is gone when this returns. It blocks for some
/// milliseconds.
///
/// # Errors
/// `sandbox.unavailable` and `sandbox.setup` where there is no sandbox to try.
pub fn probe() -> Result<ProbeReport> {
    let jail = Jail::new(&Profile { grants: Vec::new(), network: Network::None, ports: Vec::new() })?;
    let succeeded = process::attempt_all(Some(&jail))?;
    Ok(ProbeReport { sandbox: jail.summary().to_owned(), attempted: process::attempts().collect(), succeeded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_nothing_that_is_forbidden_succeeds_in_the_sandbox() {
        let report = probe().unwrap();
        assert!(report.attempted.len() >= 25, "{}", report.attempted.len());
        assert_eq!(report.succeeded, Vec::<&str>::new(), "{}", report.sandbox);
        report.check().unwrap();
    }

    #[test]
    fn c14_the_same_attempts_succeed_without_the_sandbox() {
        let free = process::attempt_all(None).unwrap();
        for name in [
            "tcp socket",
            "udp socket",
            "unix socket",
            "list the root folder",
            "create a file in /tmp",
            "signal to the runner",
        ] {
            assert!(free.contains(&name), "`{name}` proves nothing here: it fails without the sandbox too");
        }
        let report = ProbeReport { sandbox: String::new(), attempted: Vec::new(), succeeded: free };
        assert_eq!(report.check().unwrap_err().code(), "sandbox.probe");
    }
}

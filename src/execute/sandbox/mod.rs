//! The sandbox of one program: a Landlock ruleset and a system-call filter, both made before its process.
//!
//! A program sees the system's libraries, what its step declares, and a private scratch folder; it
//! reaches no network but the declared ports. Where the kernel cannot enforce that, nothing starts.
//!
//! Known limits of the kernel, stated in the threat model: the ports of declared hosts are enforced,
//! not the addresses behind them; a program that may look names up may send UDP; `stat`, `chmod` and
//! `utimes` by path are not restricted.

mod assemble;
mod filter;
mod probe;
mod rules;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub use probe::{ProbeReport, probe};
pub use rules::{Grant, Right, is_open_to_all, system_path};

use super::{process::raw_landlock_abi, reasons::SANDBOX_UNAVAILABLE};
use crate::base::reason::{Refusal, Result};

/// The least version of Landlock that has all the rules we cannot do without: files, and TCP ports.
pub const LEAST_ABI: i32 = 4;

/// The version from which signals and abstract sockets are held too.
const SCOPED_ABI: i32 = 6;

/// How much network a program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// None: no socket of any family.
    None,
    /// TCP to the declared ports; the hosts are addresses.
    Addresses,
    /// TCP to the declared ports, and looking names up on port 53.
    Names,
}

/// What a program may do.
#[derive(Debug)]
pub struct Profile {
    /// What it may use of the file system, beside the system's own libraries.
    pub grants: Vec<Grant>,
    /// How much network it has.
    pub network: Network,
    /// The TCP ports it may connect to.
    pub ports: Vec<u16>,
}

/// A sandbox ready to be entered.
#[derive(Debug)]
pub struct Jail {
    ruleset: OwnedFd,
    filters: std::sync::Arc<Vec<Vec<libc::sock_filter>>>,
    summary: String,
}

impl Jail {
    /// Builds the ruleset and the filters.
    ///
    /// # Errors
    /// `sandbox.unavailable` where the kernel lacks a part that we cannot do without.
    pub fn new(profile: &Profile) -> Result<Self> {
        let abi = raw_landlock_abi();
        if abi < LEAST_ABI {
            return Err(Refusal::new(
                SANDBOX_UNAVAILABLE,
                format!("Landlock version {abi}, and {LEAST_ABI} is the least that will do"),
            ));
        }
        let ruleset = rules::build(profile, abi)?;
        let network = match profile.network {
            Network::None => "none".to_owned(),
            Network::Addresses => format!("tcp:{}", joined(&profile.ports)),
            Network::Names => format!("tcp:{}+dns", joined(&profile.ports)),
        };
        let scopes = if abi >= SCOPED_ABI { " scopes" } else { "" };
        let summary = format!("landlock-abi={abi} seccomp{scopes} net={network}");
        Ok(Self { ruleset, filters: filters(profile.network)?, summary })
    }

    /// Returns what is enforced, in one line for the record.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    pub(super) fn parts(&self) -> (BorrowedFd<'_>, std::sync::Arc<Vec<Vec<libc::sock_filter>>>) {
        (self.ruleset.as_fd(), self.filters.clone())
    }
}

/// Compiles the filters once for each kind of network.
fn filters(network: Network) -> Result<std::sync::Arc<Vec<Vec<libc::sock_filter>>>> {
    type Compiled = std::sync::Arc<Vec<Vec<libc::sock_filter>>>;
    static CACHE: std::sync::Mutex<Vec<(Network, Compiled)>> = std::sync::Mutex::new(Vec::new());
    let mut cache = CACHE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, found)) = cache.iter().find(|(kind, _)| *kind == network) {
        return Ok(found.clone());
    }
    let made = std::sync::Arc::new(filter::compile(network)?);
    cache.push((network, made.clone()));
    Ok(made)
}

fn joined(ports: &[u16]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

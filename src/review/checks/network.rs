//! Where programs may connect to.

use std::net::IpAddr;

use crate::{
    plan::model::Host,
    review::{Check, Context, Findings, Level, walk},
};

/// Lists the hosts that steps may reach, and flags names that can mislead (C-34).
#[derive(Debug)]
pub struct Network;

impl Check for Network {
    fn id(&self) -> &'static str {
        "network"
    }

    fn summary(&self) -> &'static str {
        "hosts that steps may reach; IP literals, punycode and other misleading names"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for step in &context.plan.steps {
            for host in walk::runs(step).flat_map(|run| &run.network) {
                let shown = format!("{}:{}", host.name, host.port);
                findings.step(Level::Note, &step.id, "may connect to", &shown);
                if let Some((level, message)) = concern(host) {
                    findings.step(level, &step.id, message, &shown);
                }
            }
        }
    }
}

fn concern(host: &Host) -> Option<(Level, &'static str)> {
    let name = host.name.as_str();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    if bare == "169.254.169.254" || name == "metadata.google.internal" {
        Some((Level::Alarm, "the address of a cloud's metadata service"))
    } else if bare.parse::<IpAddr>().is_ok() || numeric || hexadecimal {
        Some((Level::Warning, "an IP address instead of a name"))
    } else if name.split('.').any(|label| label.starts_with("xn--")) {
        Some((Level::Warning, "a punycode name, which may look like another"))
    } else if name.is_empty()
        || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        || name.starts_with(['.', '-'])
        || name.ends_with(['.', '-'])
        || name.contains("..")
        || host.port == 0
    {
        Some((Level::Alarm, "not a plain host name and port"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str) -> Option<Level> {
        concern(&Host { name: name.to_owned(), port: 443 }).map(|(level, _)| level)
    }

    #[test]
    fn c34_ip_literals_and_punycode_are_flagged() {
        for name in ["10.0.0.1", "::1", "[::1]", "2130706433", "0x7f000001", "127.1", "xn--pypal-4ve.com", "a.xn--b.c"]
        {
            assert_eq!(about(name), Some(Level::Warning), "{name}");
        }
        for name in ["Example.com", "user@host", "host..x", "a.", "", "169.254.169.254", "caf\u{e9}.fr"] {
            assert_eq!(about(name), Some(Level::Alarm), "{name}");
        }
        assert_eq!(about("db.internal"), None);
        assert_eq!(about("a1.example.com"), None);
    }
}

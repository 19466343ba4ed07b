//! The policy that `init` writes.

use std::fmt::Write as _;

use crate::base::{ident::Id, time::Timestamp};

/// For whom a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// One person, who approves what that same person asked for: the lower tier.
    Solo,
    /// Several people, who approve each other's plans.
    Team,
    /// The same on a forge, whose records count as decisions.
    Forge,
}

/// One program for the table: its name, absolute path, and whether it runs code it is handed.
pub type ProgramLine<'a> = (&'a Id, &'a str, bool);

/// Programs of the shipped pipelines that are steered by a variable, and which: where a secret would else be an argument.
const STEERED: [(&str, &str); 2] = [("pg_dump", "PGSERVICEFILE"), ("psql", "PGSERVICEFILE")];

/// Writes a commented policy that compiles, with these programs, until `expires`.
#[must_use]
pub fn text(tier: Starter, programs: &[ProgramLine<'_>], expires: Timestamp) -> String {
    let mut table = String::new();
    for (name, path, interpreter) in programs {
        let mut mark = if *interpreter { ", interpreter: true".to_owned() } else { String::new() };
        if let Some((_, variable)) = STEERED.iter().find(|(steered, _)| name.as_str() == *steered) {
            let _ = write!(mark, ", dangerousEnv: [{variable}]");
        }
        // Single quotes: nothing in them means anything but a quote, which is doubled.
        let _ = writeln!(table, "  '{name}': {{path: '{}'{mark}}}", path.replace('\'', "''"));
    }
    let table = if table.is_empty() { "programs: {}\n".to_owned() } else { format!("programs:\n{table}") };
    let people = match tier {
        Starter::Solo => SOLO,
        Starter::Team | Starter::Forge => TEAM,
    };
    let lists = match tier {
        Starter::Forge => FORGE_LISTS,
        Starter::Solo | Starter::Team => LISTS,
    };
    format!("{HEAD}expires: '{expires}'\n{SWITCHES}{PROGRAMS}{table}{lists}{people}")
}

const HEAD: &str = "\
# Who must agree to what. What no rule covers is denied; no approval overrides a denial.
# This file is read from the protected base only, so a change to it is itself reviewed.
# `countersign schema policy` has every field, `countersign policy check` looks the file over, and
# `countersign policy explain PLAN` shows for every step which line decided.
version: 1

# From then on everything is refused. Look the file over, then give it a later end.
";

const SWITCHES: &str = "
# Switches that win over any approval.
execution:
  enabled: true
  sideEffects: true        # false: nothing of effect notify, write or irreversible runs

limits:
  steps: 100
  planLifetime: 24h
  approvalLifetime: 24h
  parallel: 4
  stepTimeout: 1h
  output: 100000           # bytes kept of one program's output
";

const PROGRAMS: &str = "
# The only programs that pipelines may run, by absolute path; no PATH is searched.
# `interpreter: true` marks what runs code that it is handed. `flags: [-o, --output]` would let
# nothing else that begins with a dash through, `digest: sha256:...` would pin the binary,
# `dangerousEnv` names variables that steer a program and are meant.
";

const LISTS: &str = "
# Environments that directives may name, secrets that steps may get and where. None yet, e.g.
#   environments: [staging, production]
#   secrets: {DATABASE_URL: {environment: [staging]}, API_TOKEN: {}}
environments: []
secrets: {}

";

const FORGE_LISTS: &str = "
# Environments that directives may name, secrets that steps may get and where, e.g.
#   secrets: {DATABASE_URL: {environment: [production]}}
environments: [production]
secrets: {}

# What is asked of the forge's records before they count as decisions.
gates:
  permission: write        # the least that a person must be allowed in the repository
  digestInRelease: true    # who releases a job from an environment types the plan's digest
  directivesAtHead: true   # a pull request may propose a directive; people approve its plan
  forks: false             # change requests from forks are not planned for

";

const TEAM: &str = "\
rules:
  # Reading and computing, seen through and without network or secrets, needs nobody.
  - id: reads-run-alone
    when:
      effect: {atMost: analyze}
      network: none
      secrets: none
      uninspectable: false
    then: permit

  # The same by an interpreter or a script too long to read: one person looks at it first.
  - id: opaque-reads-need-a-person
    when:
      effect: {atMost: analyze}
      network: none
      secrets: none
      uninspectable: true
    then:
      needsApproval: {people: 1}

  # Everything that tells somebody or changes something: one person who did not ask for it.
  # `separation: strict` is the default: the author, the planner and the requester do not count.
  - id: changes-need-a-person
    when:
      effect: {atLeast: recommend, atMost: write}
      uninspectable: false
    then:
      needsApproval: {people: 1, separation: strict, within: 24h}

  - id: opaque-changes-need-a-person
    when:
      effect: {atLeast: recommend, atMost: write}
      uninspectable: true
    then:
      needsApproval: {people: 1, separation: strict, within: 24h}

  # What cannot be taken back: two people.
  - id: irreversible-needs-two
    when:
      effect: {atLeast: irreversible}
      uninspectable: false
    then:
      needsApproval: {people: 2, separation: strict, within: 24h}

  - id: opaque-irreversible-needs-two
    when:
      effect: {atLeast: irreversible}
      uninspectable: true
    then:
      needsApproval: {people: 2, separation: strict, within: 24h}

  # A step that uses the network must be covered by a rule that names its hosts, such as
  #   - id: our-database
  #     when: {hosts: ['127.0.0.1:5432'], secrets: [DATABASE_URL], uninspectable: true}
  #     then: {needsApproval: {people: 1}}
";

const SOLO: &str = "\
rules:
  # Reading and computing, seen through and without network or secrets, needs nobody.
  - id: reads-run-alone
    when:
      effect: {atMost: analyze}
      network: none
      secrets: none
      uninspectable: false
    then: permit

  # The same by an interpreter or a script too long to read: look at it first.
  - id: opaque-reads-need-me
    when:
      effect: {atMost: analyze}
      network: none
      secrets: none
      uninspectable: true
    then:
      needsApproval: {people: 1, separation: none}

  # LOWER TIER: `separation: none` lets you approve what you asked for yourself. It proves that a
  # person looked at exactly this plan, and not that a second one did. As soon as there are two of
  # you, replace it by `separation: strict`.
  - id: changes-need-me
    when:
      effect: {atLeast: recommend}
      uninspectable: false
    then:
      needsApproval: {people: 1, separation: none, within: 24h}

  - id: opaque-changes-need-me
    when:
      effect: {atLeast: recommend}
      uninspectable: true
    then:
      needsApproval: {people: 1, separation: none, within: 24h}

  # A step that uses the network must be covered by a rule that names its hosts, such as
  #   - id: our-database
  #     when: {hosts: ['127.0.0.1:5432'], secrets: [DATABASE_URL], uninspectable: true}
  #     then: {needsApproval: {people: 1, separation: none}}
";

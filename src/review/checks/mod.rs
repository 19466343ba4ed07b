//! The checks, one file each; a check is its file, its `mod` line and its entry in [`ALL`].

pub mod agent_programs;
pub mod dangerous_environment;
pub mod disguised_interpreters;
pub mod effects;
pub mod forbidden_words;
pub mod irreversible;
pub mod long_titles;
pub mod missing_evidence;
pub mod mixed_script;
pub mod network;
pub mod plan_size;
pub mod repeated_effects;
pub mod secrets;
pub mod skipped_failures;
pub mod system_reads;
pub mod tainted_values;
pub mod template_forms;
pub mod uninspectable;
pub mod unknown_authors;
pub mod writes;

use super::Check;

/// Every check, in the order in which reports list them.
pub static ALL: &[&dyn Check] = &[
    &effects::Effects,
    &uninspectable::Uninspectable,
    &irreversible::Irreversible,
    &agent_programs::AgentPrograms,
    &disguised_interpreters::DisguisedInterpreters,
    &network::Network,
    &secrets::Secrets,
    &writes::Writes,
    &dangerous_environment::DangerousEnvironment,
    &system_reads::SystemReads,
    &forbidden_words::ForbiddenWordsCheck,
    &mixed_script::MixedScript,
    &template_forms::TemplateForms,
    &tainted_values::TaintedValues,
    &missing_evidence::MissingEvidence,
    &skipped_failures::SkippedFailures,
    &repeated_effects::RepeatedEffects,
    &long_titles::LongTitles,
    &plan_size::PlanSize,
    &unknown_authors::UnknownAuthors,
];

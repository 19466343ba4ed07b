//! What a command shows in CI: which CI it is, and where that one takes outputs, a summary and annotations.

mod append;
mod github;
mod orders;
mod outputs;

pub(crate) use orders::OrderFiles;

use super::world::{Entropy, Environment};
use crate::{
    base::{
        reason::{Refusal, Result, USAGE},
        text::excerpt,
    },
    cli::args::CiChoice,
    report::Report,
};

/// The variable that chooses, where no option does.
const CHOICE: &str = "COUNTERSIGN_CI";

/// One CI: how it is known, how its log is written, and what it takes.
pub(crate) trait Provider: Sync + std::fmt::Debug {
    /// Returns the word that the command line takes.
    fn id(&self) -> &'static str;

    /// Tells whether the environment is one of its jobs.
    fn is_here(&self, env: &Environment) -> bool;

    /// Tells whether a person switched on that the log says more.
    fn is_verbose(&self, env: &Environment) -> bool;

    /// Returns the name of the report format in which its log is written.
    fn log_format(&self) -> &'static str;

    /// Returns the variables that name files by which the runner takes orders.
    fn order_files(&self) -> &'static [&'static str];

    /// Returns the variables that hold secrets of the job, beside our own.
    fn secret_variables(&self) -> &'static [&'static str];

    /// Checks, before anything is done, that everything can be taken at the end.
    fn check(&self, env: &Environment) -> Result<()>;

    /// Returns a text in which nothing acts on the log.
    fn plain(&self, text: &str) -> String;

    /// Returns JSON of the same value in which nothing acts on the log.
    fn plain_json(&self, json: &str) -> String;

    /// Returns what keeps a secret out of the log.
    fn masks(&self, secret: &str) -> String;

    /// Hands over outputs and summary; returns what a person must know about it.
    fn publish(&self, report: &Report, env: &Environment, entropy: &Entropy) -> Result<Vec<String>>;
}

/// Every CI: one file and one line each.
static ALL: &[&dyn Provider] = &[&github::Github];

/// Returns the CI that the option names, else the variable, else the environment.
///
/// # Errors
/// `usage.invalid` for a word that the variable must not hold.
pub(crate) fn choose(option: Option<CiChoice>, env: &Environment) -> Result<Option<&'static dyn Provider>> {
    let word = match option {
        Some(CiChoice::Auto) => "auto",
        Some(CiChoice::None) => "none",
        Some(CiChoice::Github) => "github",
        None => env.text(CHOICE).unwrap_or("auto"),
    };
    match word {
        "auto" => Ok(here(env)),
        "none" => Ok(None),
        word => match ALL.iter().find(|ci| ci.id() == word) {
            Some(ci) => Ok(Some(*ci)),
            None => Err(Refusal::new(USAGE, format!("{CHOICE} is `{}`", excerpt(word)))
                .subject(CHOICE)
                .hint("set it to auto, github or none")),
        },
    }
}

/// Returns the CI that the environment is a job of.
pub(crate) fn here(env: &Environment) -> Option<&'static dyn Provider> {
    ALL.iter().find(|ci| ci.is_here(env)).copied()
}

/// Returns every variable that may name a file by which some runner takes orders.
fn order_variables() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|ci| ci.order_files()).copied()
}

#[cfg(test)]
mod tests;

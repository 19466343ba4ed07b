//! What the environment of a planner must not hold: who reads strangers' text has no power to hand out.
//!
//! Checked before any model is asked. What it can know is what the process could use: variables, sockets, and of a
//! token its form and what the caller asked the forge about it. It cannot know what a file on disk opens, so a job
//! that plans is to be a job of its own, on a machine of its own.
//!
//! On a person's own machine less is refused: their key files, agent and tokens are theirs, and the person sees the
//! plan before anything else does. That is said, each time.

pub(crate) mod reach;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::{reasons::PLANNER_OVERPRIVILEGED, world::Environment};
use crate::base::{
    reason::{Refusal, Result},
    text::visible,
};

/// Where the check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a job of a CI.
    Job,
    /// At a person's own machine.
    Person,
}

/// The variables by which CIs say that they are one.
const JOBS: [&str; 12] = [
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "JENKINS_URL",
    "TF_BUILD",
    "TEAMCITY_VERSION",
    "BITBUCKET_BUILD_NUMBER",
    "APPVEYOR",
    "DRONE",
    "WOODPECKER",
];

impl Place {
    /// Tells the place; in doubt it is a job.
    pub(crate) fn of(env: &Environment) -> Self {
        let says = |name: &&str| env.text(name).is_some_and(|value| !matches!(value, "false" | "0"));
        if JOBS.iter().any(says) { Self::Job } else { Self::Person }
    }
}

/// What the forge said about the token that the job holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It was not asked, or did not say.
    #[default]
    Unknown,
    /// The token may not write to the repository.
    ReadOnly,
    /// The token may write to the repository.
    Writes,
}

/// What the check needs to know beside the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The variables that hold keys of models: the one secret that a planner needs.
    pub(crate) model_keys: &'a [&'a str],
    /// What the forge said about the token.
    pub(crate) token: Reach,
    /// Where a container engine listens; none means the usual places.
    pub(crate) sockets: Option<Vec<PathBuf>>,
}

/// Refuses where the environment holds what a planner must not have; returns what a person is to be told otherwise.
///
/// # Errors
/// `planner.overprivileged`, with everything that was found, by name and never by value.
pub(crate) fn check(asked: &Asked<'_>, env: &Environment) -> Result<Vec<String>> {
    let place = Place::of(env);
    let mut found = Findings::default();
    for name in env.names().filter(|name| !asked.model_keys.contains(name) && !TOKENS.contains(name)) {
        if let Some(row) = table::find(name) {
            found.add(row.counts(place), &visible(name), row.what, row.remedy);
        }
    }
    tokens(asked.token, place, env, &mut found);
    sockets(asked.sockets.clone(), place, env, &mut found);
    found.finish()
}

/// The variables that tokens of the forge are read from.
const TOKENS: [&str; 4] = ["GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
/// How tokens begin that stand for a person, who may write.
const OF_PEOPLE: [&str; 4] = ["ghp_", "gho_", "ghu_", "github_pat_"];

/// The one of them that the forge is asked about.
const ASKED: &str = "GITHUB_TOKEN";

/// A token says nothing of what it may do but whose it is: a person's writes, a job's own is as the forge says.
fn tokens(known: Reach, place: Place, env: &Environment, found: &mut Findings) {
    let asked = env.text(ASKED);
    for (name, value) in TOKENS.iter().filter_map(|name| Some((name, env.text(name)?))) {
        let job = place == Place::Job;
        if OF_PEOPLE.iter().any(|begin| value.starts_with(begin)) {
            found.add(
                job,
                name,
                "a person's token, which may write",
                "give the job its own token, with `contents: read`",
            );
            continue;
        }
        match if asked == Some(value) { known } else { Reach::Unknown } {
            Reach::ReadOnly => {}
            Reach::Writes => found.add(
                job,
                name,
                "a token that may write to the repository",
                "give the job `permissions: contents: read` and nothing else",
            ),
            Reach::Unknown => found.add(
                job,
                name,
                "a token of which it is not known that it may only read",
                "leave the variable out, or give the job `permissions: contents: read` and let it reach the forge",
            ),
        }
    }
}

/// Whoever reaches a container engine is root on the machine; a hosted runner is thrown away, and root on it anyway.
fn sockets(given: Option<Vec<PathBuf>>, place: Place, env: &Environment, found: &mut Findings) {
    let hosted = env.text("GITHUB_ACTIONS") == Some("true") && env.text("RUNNER_ENVIRONMENT") == Some("github-hosted");
    let named = env.text("DOCKER_HOST").and_then(|host| host.strip_prefix("unix://")).map(PathBuf::from);
    let usual = ["/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"];
    let all = given.unwrap_or_else(|| usual.iter().map(PathBuf::from).collect());
    for path in all.into_iter().chain(named) {
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            let name = visible(&path.display().to_string());
            let what = "the socket of a container engine, which makes root of whoever reaches it";
            found.add(place == Place::Job && !hosted, &name, what, "run the job where no such socket can be reached");
        }
    }
}

/// What was found.
#[derive(Default)]
struct Findings {
    refused: Vec<(String, &'static str, &'static str)>,
    said: Vec<String>,
}

impl Findings {
    fn add(&mut self, refuses: bool, name: &str, what: &'static str, remedy: &'static str) {
        if refuses {
            self.refused.push((name.to_owned(), what, remedy));
        } else {
            self.said.push(format!("`{name}` is {what}; it is let be here, and no planner is to need it"));
        }
    }

    fn finish(self) -> Result<Vec<String>> {
        let Some((first, ..)) = self.refused.first() else { return Ok(self.said) };
        let list: Vec<String> = self.refused.iter().map(|(name, what, _)| format!("`{name}` is {what}")).collect();
        let refusal = Refusal::new(PLANNER_OVERPRIVILEGED, list.join("; ")).subject(first.clone());
        let mut remedies: Vec<&str> = self.refused.iter().rev().map(|(.., remedy)| *remedy).collect();
        remedies.dedup();
        Err(remedies.into_iter().fold(refusal, Refusal::hint))
    }
}

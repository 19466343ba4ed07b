//! What is kept of how a plan came about: the exact bytes that were sent and that came back.

use std::path::{Path, PathBuf};

use super::super::{files, reasons::PLAN_ARTIFACT};
use crate::{
    base::{
        digest::Digest,
        json,
        reason::{Refusal, Result},
        text::visible_lines,
    },
    plan::model::{Origin, Plan, PlannerInput},
    provider::Exchange,
};

/// The most bytes of one.
const MAX_BYTES: usize = 8 << 20;

/// The bytes of a plan's questions and answers, each under its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Artifacts(Vec<Vec<u8>>);

/// Names the exchanges before the last one; the plan has fields for that.
pub(super) fn readings(exchanges: &[Exchange]) -> Vec<PlannerInput> {
    let earlier = exchanges.iter().enumerate().take(exchanges.len().saturating_sub(1));
    let both = |(n, exchange): (usize, &Exchange)| {
        let reading = |what: &str, bytes: &[u8]| PlannerInput {
            name: format!("{what} {}", n + 1),
            origin: Origin::Model,
            digest: Digest::of(bytes),
        };
        [reading("question", &exchange.sent), reading("answer", &exchange.received)]
    };
    earlier.flat_map(both).collect()
}

impl Artifacts {
    pub(super) fn of(exchanges: &[Exchange]) -> Self {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for bytes in exchanges.iter().flat_map(|exchange| [&exchange.sent, &exchange.received]) {
            if !all.contains(bytes) {
                all.push(bytes.clone());
            }
        }
        Self(all)
    }

    /// Returns the bytes, as objects of the ledger.
    pub(crate) fn objects(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// Writes them beside a plan's file, each named by its digest; returns the folder, where there is anything.
    pub(crate) fn write_beside(&self, plan: &Path) -> Result<Option<PathBuf>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let folder = folder(plan);
        std::fs::create_dir_all(&folder)
            .map_err(|e| Refusal::new(crate::base::reason::IO, format!("{}: {e}", folder.display())))?;
        for bytes in &self.0 {
            files::write(&folder.join(Digest::of(bytes).hex()), bytes)?;
        }
        Ok(Some(folder))
    }

    /// Reads what a plan names from beside its file.
    ///
    /// # Errors
    /// `plan.artifact` where one is missing or has another digest.
    pub(crate) fn read_beside(file: &Path, plan: &Plan) -> Result<Self> {
        Self::read_with(plan, |digest| files::read(&folder(file).join(digest.hex()), MAX_BYTES))
    }

    /// Tells whether anything was written beside a plan's file.
    pub(crate) fn are_beside(file: &Path) -> bool {
        folder(file).is_dir()
    }

    /// Reads what a plan names, each by its digest.
    ///
    /// # Errors
    /// `plan.artifact` where one is missing or has another digest.
    pub(crate) fn read_with(plan: &Plan, mut read: impl FnMut(&Digest) -> Result<Vec<u8>>) -> Result<Self> {
        let mut all = Vec::new();
        for (_, digest) in named(plan) {
            let refuse = |why: &str| Refusal::new(PLAN_ARTIFACT, why).subject(digest.to_string());
            let bytes = read(&digest).map_err(|e| refuse(e.message()))?;
            if Digest::of(&bytes) != digest {
                return Err(refuse("the bytes have another digest"));
            }
            all.push(bytes);
        }
        Ok(Self(all))
    }

    /// Shows them to a person, in the order in which they were said; JSON with its lines taken apart.
    pub(crate) fn shown(&self, plan: &Plan) -> String {
        let mut text = String::new();
        for (name, digest) in named(plan) {
            let Some(bytes) = self.0.iter().find(|bytes| Digest::of(bytes) == digest) else { continue };
            let said = String::from_utf8_lossy(bytes);
            let said = match json::parse(bytes, MAX_BYTES) {
                Ok(value) => format!("{value:#}").replace("\\n", "\n      "),
                Err(_) => said.into_owned(),
            };
            text.push_str(&format!("== {name}: {digest}\n{}\n\n", visible_lines(said.trim_end())));
        }
        text
    }
}

/// Returns the digests of the bytes that a plan names, in the order in which they were said.
fn named(plan: &Plan) -> Vec<(String, Digest)> {
    let planner = &plan.planner;
    let is_exchange = |input: &&PlannerInput| {
        let number = input.name.strip_prefix("question ").or_else(|| input.name.strip_prefix("answer "));
        input.origin == Origin::Model && number.is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let earlier = planner.inputs.iter().filter(is_exchange).map(|input| (input.name.clone(), input.digest));
    let last = [("question", planner.prompt_digest), ("answer", planner.response_digest)];
    earlier.chain(last.into_iter().filter_map(|(name, digest)| Some((name.to_owned(), digest?)))).collect()
}

fn folder(plan: &Path) -> PathBuf {
    let mut name = plan.file_name().unwrap_or_default().to_owned();
    name.push(".asked");
    plan.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::view::testing::sample;

    #[test]
    fn d19_what_was_asked_is_read_back_whole_or_the_plan_is_not_taken() {
        let exchange = |sent: &str, received: &str| Exchange {
            sent: sent.into(),
            received: received.into(),
            text: received.into(),
            model: None,
            usage: Default::default(),
            requests: 0,
            millis: 0,
        };
        let exchanges = [exchange("q1", "a1"), exchange("q2", "a2")];
        let mut plan = sample();
        plan.planner.prompt_digest = Some(Digest::of(b"q2"));
        plan.planner.response_digest = Some(Digest::of(b"a2"));
        plan.planner.inputs.extend(readings(&exchanges));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plan.json");
        let refused = || Artifacts::read_beside(&file, &plan).unwrap_err().code();
        assert_eq!(refused(), "plan.artifact");
        let folder = Artifacts::of(&exchanges).write_beside(&file).unwrap().unwrap();
        let mut read = Artifacts::read_beside(&file, &plan).unwrap().objects().to_vec();
        read.sort();
        assert_eq!(read, [&b"a1"[..], b"a2", b"q1", b"q2"]);
        let one = folder.join(Digest::of(b"q1").hex());
        std::fs::write(&one, "other").unwrap();
        assert_eq!(refused(), "plan.artifact");
        std::fs::remove_file(&one).unwrap();
        assert_eq!(refused(), "plan.artifact");
        // A plan that nobody was asked for has nothing beside it.
        assert!(Artifacts::default().write_beside(&dir.path().join("other.json")).unwrap().is_none());
        assert_eq!(Artifacts::read_beside(&dir.path().join("other.json"), &sample()).unwrap(), Artifacts::default());
    }
}

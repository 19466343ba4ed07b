//! The pipeline itself: what it takes, does, hands on and reads back.

use std::collections::BTreeMap;

use super::{
    demands::{Demands, Supply},
    raw,
    template::{Spot, takes_output},
};
use crate::{
    base::{
        diagnostic::Diagnostic,
        digest::Digest,
        examined::Examined,
        ident::Id,
        level::{Effect, OnFailure},
        limits::RunLimits,
        value::ValueType,
        yaml::{Findings, Place},
    },
    directive::{input::InputSpec, template::Template},
};

/// The most bytes of one script.
pub const MAX_SCRIPT: usize = 100_000;

/// A pipeline that was read whole, with its scripts, and found in order.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub(super) name: Id,
    pub(super) digest: Digest,
    pub(super) text: String,
    pub(super) scripts: BTreeMap<String, ScriptFile>,
    pub(super) fields: Fields,
}

/// The fields of the file.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) description: String,
    pub(super) effect: Effect,
    pub(super) inputs: BTreeMap<Id, InputSpec>,
    pub(super) idempotent: bool,
    pub(super) timeout_seconds: u32,
    pub(super) retry: RetrySpec,
    pub(super) on_failure: OnFailure,
    pub(super) outputs: BTreeMap<Id, OutputSpec>,
    pub(super) evidence: Vec<Id>,
    pub(super) actions: Vec<ActionSpec>,
    pub(super) verify: Vec<ActionSpec>,
    pub(super) demands: Demands,
}

/// A script beside a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFile {
    /// SHA-256 of the content.
    pub digest: Digest,
    /// The text.
    pub content: String,
}

/// How often a failed attempt may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySpec {
    /// All attempts together, 1 to 5.
    pub attempts: u32,
    /// The wait before the second attempt, in seconds.
    pub backoff_seconds: u32,
}

/// What a pipeline hands on.
#[derive(Clone, Debug)]
pub struct OutputSpec {
    /// Its type, never an enum.
    pub kind: ValueType,
    /// A regular expression the whole value must match.
    pub pattern: Option<String>,
    /// The most bytes.
    pub max_length: u32,
    /// Where it comes from.
    pub from: OutputFrom,
}

/// Where an output comes from.
#[derive(Clone, Debug)]
pub enum OutputFrom {
    /// The whole standard output of the last program.
    Stdout,
    /// The one line of it that begins with this text.
    StdoutLine(String),
    /// The content of a file.
    File(Template),
    /// The SHA-256 of a file.
    FileDigest(Template),
}

/// One action, with its places to fill.
#[derive(Clone, Debug)]
pub enum ActionSpec {
    /// Runs a program.
    Run(Box<RunSpec>),
    /// Writes a file.
    Write {
        /// Where to.
        path: Template,
        /// The whole content.
        content: Template,
        /// Whether it may be run.
        executable: bool,
        /// Whether a file that is there is replaced.
        replace: bool,
    },
    /// Copies a file.
    Copy {
        /// Where from.
        from: Template,
        /// Where to.
        to: Template,
        /// Whether a file that is there is replaced.
        replace: bool,
    },
    /// Replaces exact text.
    Patch {
        /// The file.
        path: Template,
        /// The text that must be there.
        find: Template,
        /// What takes its place.
        replace: Template,
        /// How often it must be there.
        count: u32,
    },
    /// Commits files.
    Commit {
        /// The files.
        paths: Vec<Template>,
        /// The message.
        message: Template,
    },
    /// Makes a tag.
    Tag {
        /// Its name.
        name: Template,
        /// The message.
        message: Template,
    },
}

/// Runs a program.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Its name in the policy's table, and where it stands.
    pub program: (Id, Place),
    /// The arguments.
    pub argv: Vec<Template>,
    /// Working folder.
    pub cwd: Template,
    /// The environment.
    pub env: BTreeMap<String, Template>,
    /// What may be read in the repository.
    pub reads: Vec<Template>,
    /// What may be written in the repository.
    pub writes: Vec<Template>,
    /// What may be read outside it.
    pub system_reads: Vec<String>,
    /// Where it may connect to.
    pub network: Vec<(String, u16)>,
    /// The secrets that it gets.
    pub secrets: Vec<String>,
    /// Exit codes that mean success.
    pub ok_codes: Vec<u8>,
    /// What its processes may use of the machine.
    pub limits: RunLimits,
}

impl ActionSpec {
    /// Returns every template with where it stands in the action.
    pub fn templates(&self) -> Vec<(&Template, Spot)> {
        match self {
            Self::Run(run) => {
                let arguments = run.argv.iter().map(|template| (template, Spot::Argument));
                let variables = run.env.values().map(|template| (template, Spot::Variable));
                let paths = run.reads.iter().chain(&run.writes).chain([&run.cwd]).map(|path| (path, Spot::Text));
                arguments.chain(variables).chain(paths).collect()
            }
            Self::Write { path, content, .. } => vec![(path, Spot::Text), (content, Spot::Text)],
            Self::Copy { from, to, .. } => vec![(from, Spot::Text), (to, Spot::Text)],
            Self::Patch { path, find, replace, .. } => {
                vec![(path, Spot::Text), (find, Spot::Text), (replace, Spot::Text)]
            }
            Self::Commit { paths, message } => paths.iter().chain([message]).map(|text| (text, Spot::Text)).collect(),
            Self::Tag { name, message } => vec![(name, Spot::Text), (message, Spot::Text)],
        }
    }
}

impl Pipeline {
    /// Reads the pipeline `name` from the bytes of `pipelines/NAME.yml` and the scripts in `pipelines/NAME/`.
    ///
    /// # Errors
    /// Every finding, in file order.
    pub fn read(name: &str, yaml: &[u8], scripts: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Diagnostic>> {
        Self::examine(name, yaml, scripts).whole()
    }

    /// Reads a pipeline as [`Pipeline::read`] does, and keeps what could be read beside the findings.
    #[must_use]
    pub fn examine(name: &str, yaml: &[u8], scripts: &BTreeMap<String, Vec<u8>>) -> Examined<Self> {
        raw::read(name, yaml, scripts)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &Id {
        &self.name
    }

    /// Returns the path of the file in the repository.
    #[must_use]
    pub fn file(&self) -> String {
        format!("pipelines/{}.yml", self.name)
    }

    /// Returns the SHA-256 of the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the whole file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the scripts, by file name.
    #[must_use]
    pub fn scripts(&self) -> &BTreeMap<String, ScriptFile> {
        &self.scripts
    }

    /// Returns what it does, on one line.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.fields.description
    }

    /// Returns what it may do to the world.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.fields.effect
    }

    /// Returns what it takes.
    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<Id, InputSpec> {
        &self.fields.inputs
    }

    /// Tells whether running it twice is the same as once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.fields.idempotent
    }

    /// Returns the wall-clock limit, in seconds.
    #[must_use]
    pub fn timeout_seconds(&self) -> u32 {
        self.fields.timeout_seconds
    }

    /// Returns where the file states that limit; none where it stands by default.
    #[must_use]
    pub fn timeout_place(&self) -> Option<Place> {
        self.fields.demands.timeout
    }

    /// Returns findings to add to, of the pipeline's file.
    #[must_use]
    pub fn findings<'f>(&'f self, file: &'f str) -> Findings<'f> {
        Findings::new(file, &self.text, 1)
    }

    /// Returns how often a failed attempt may be tried again.
    #[must_use]
    pub fn retry(&self) -> RetrySpec {
        self.fields.retry
    }

    /// Returns what a failure means for other steps.
    #[must_use]
    pub fn on_failure(&self) -> OnFailure {
        self.fields.on_failure
    }

    /// Returns what it hands on.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<Id, OutputSpec> {
        &self.fields.outputs
    }

    /// Returns the outputs that are its evidence.
    #[must_use]
    pub fn evidence(&self) -> &[Id] {
        &self.fields.evidence
    }

    /// Returns what is done, in order.
    #[must_use]
    pub fn actions(&self) -> &[ActionSpec] {
        &self.fields.actions
    }

    /// Returns the read-back.
    #[must_use]
    pub fn verify(&self) -> &[ActionSpec] {
        &self.fields.verify
    }

    /// Returns what the pipeline asks of the policy and does not get.
    #[must_use]
    pub fn lint(&self, supply: Supply<'_>) -> Vec<Diagnostic> {
        let file = self.file();
        let mut findings = Findings::new(&file, &self.text, 1);
        self.fields.demands.check(supply, &mut findings);
        findings.into_list()
    }

    /// Tells whether an input may be bound to the output of a step: it stands only where a value stands.
    #[must_use]
    pub fn takes_output(&self, input: &Id) -> bool {
        let actions = self.actions().iter().chain(self.verify());
        let in_actions = actions.flat_map(ActionSpec::templates).all(|(t, spot)| takes_output(t, spot, input));
        in_actions
            && self.outputs().values().all(|output| match &output.from {
                OutputFrom::Stdout | OutputFrom::StdoutLine(_) => true,
                OutputFrom::File(path) | OutputFrom::FileDigest(path) => takes_output(path, Spot::Text, input),
            })
    }
}

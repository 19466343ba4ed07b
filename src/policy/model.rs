//! A compiled policy.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{
        diagnostic::Diagnostic, digest::Digest, examined::Examined, ident::Id, permission::Permission, text::utf8,
        time::Timestamp, yaml, yaml::Place,
    },
    review::{Settings, words::ForbiddenWords},
};

use super::{planning::Planning, raw, rule::Rule};

/// The version of the format that this tool reads.
pub const VERSION: i64 = 1;

/// A policy; made by [`Policy::compile`] alone.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) digest: Digest,
    pub(super) body: Body,
}

/// What a policy file says.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) expires: Timestamp,
    pub(super) execution: Execution,
    pub(super) limits: Limits,
    pub(super) environments: BTreeMap<Id, Place>,
    pub(super) programs: BTreeMap<Id, Program>,
    pub(super) secrets: BTreeMap<String, SecretUse>,
    pub(super) dangerous_env: BTreeSet<String>,
    pub(super) agents: BTreeSet<u64>,
    pub(super) forbidden_words: Option<ForbiddenWords>,
    pub(super) gates: Gates,
    pub(super) planning: Planning,
    pub(super) rules: Vec<Rule>,
    /// Whether these are all rules of the file; else something is wrong with the others.
    pub(super) rules_whole: bool,
}

/// Switches that win over any approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Whether anything may be executed.
    pub enabled: bool,
    /// Whether anything with a side effect (`notify` and above) may be executed.
    pub side_effects: bool,
    /// Where `enabled` stands.
    pub enabled_at: Place,
    /// Where `sideEffects` stands.
    pub side_effects_at: Place,
}

/// Bounds of every plan and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most steps a plan may have.
    pub steps: u32,
    /// The longest that a plan may live, in seconds.
    pub plan_lifetime: i64,
    /// The longest that an approval may live, in seconds.
    pub approval_lifetime: i64,
    /// The most steps that may run at once.
    pub parallel: u32,
    /// The longest timeout of a step, in seconds.
    pub step_timeout: i64,
    /// The most bytes of output that are kept of one program.
    pub output: u64,
    /// How old the newest checkpoint of the ledger may be where something is to run, in seconds; none asks for no checkpoint.
    pub checkpoint_age: Option<i64>,
}

impl Limits {
    /// What holds where the policy is silent.
    pub const DEFAULT: Self = Self {
        steps: 100,
        plan_lifetime: 86_400,
        approval_lifetime: 86_400,
        parallel: 4,
        step_timeout: 3_600,
        output: 100_000,
        checkpoint_age: None,
    };
}

/// What is asked of the forge's records before they count as decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gates {
    /// The least that a person must be allowed in the repository.
    pub permission: Permission,
    /// Whether the words that release a job from an environment must hold the plan's whole digest.
    pub digest_in_release: bool,
    /// Whether a plan may be for a change request whose head lies in another repository.
    pub forks: bool,
    /// Whether a plan may take its directive from the head of a change request.
    pub directives_at_head: bool,
    /// Whether an approval counts only while the approver's login on the forge is the trust root's; else that is said.
    pub exact_logins: bool,
}

impl Gates {
    /// What holds where the policy is silent: the strictest, but for a login, which people change.
    pub const DEFAULT: Self = Self {
        permission: Permission::Write,
        digest_in_release: true,
        forks: false,
        directives_at_head: false,
        exact_logins: false,
    };
}

/// One entry of the table of programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The name that pipelines use.
    pub name: Id,
    /// Where it stands in the file.
    pub place: Place,
    /// Absolute path.
    pub path: String,
    /// SHA-256 of the binary, where the policy pins it.
    pub digest: Option<Digest>,
    /// Whether it runs code that it is handed.
    pub interpreter: bool,
    /// The flags it may be given; none means any.
    pub flags: Option<Vec<String>>,
    /// Whether it is an agent's command line, and that is really meant.
    pub agent_cli: bool,
    /// Variables that steer programs and that this one may get.
    pub dangerous_env: Vec<String>,
}

/// Where a secret may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Where it stands in the file.
    pub place: Place,
    /// The environments; none means any plan.
    pub environments: Option<BTreeSet<Id>>,
}

impl Policy {
    /// Reads a policy from the exact bytes of its file; `file` names it in messages.
    ///
    /// # Errors
    /// Every finding in the file, in file order, each with line, column, snippet and, where one is
    /// near, the word that was probably meant.
    pub fn compile(file: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        Self::examine(file, bytes).whole()
    }

    /// Reads a policy as [`Policy::compile`] does, and keeps what could be read beside the findings.
    #[must_use]
    pub fn examine(file: &str, bytes: &[u8]) -> Examined<Self> {
        let text = match utf8(bytes) {
            Ok(text) => text,
            Err(place) => {
                let message = "the file is not UTF-8";
                return Examined::new(None, vec![Diagnostic::new(file, place, yaml::YAML_MALFORMED.code, message)]);
            }
        };
        yaml::examine(file, text, 1, raw::read).map(|body| Self {
            file: file.to_owned(),
            text: text.to_owned(),
            digest: Digest::of(bytes),
            body,
        })
    }

    /// Returns the name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the exact text of the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the file's exact bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the instant from which on the policy refuses everything.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.body.expires
    }

    /// Returns the switches.
    #[must_use]
    pub fn execution(&self) -> Execution {
        self.body.execution
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.body.limits
    }

    /// Returns the table of programs, by name.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.body.programs.values()
    }

    /// Returns the environments.
    pub fn environments(&self) -> impl Iterator<Item = &Id> {
        self.body.environments.keys()
    }

    /// Returns the secrets that may be used at all.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretUse)> {
        self.body.secrets.iter().map(|(name, allowed)| (name.as_str(), allowed))
    }

    /// Returns the variables that steer programs and that any program may get.
    #[must_use]
    pub fn dangerous_env(&self) -> &BTreeSet<String> {
        &self.body.dangerous_env
    }

    /// Returns the principals that are agents, and so never count as people.
    #[must_use]
    pub fn agents(&self) -> &BTreeSet<u64> {
        &self.body.agents
    }

    /// Returns what is asked of the forge's records.
    #[must_use]
    pub fn gates(&self) -> &Gates {
        &self.body.gates
    }

    /// Returns who may draft plans.
    #[must_use]
    pub fn planning(&self) -> &Planning {
        &self.body.planning
    }

    /// Returns the rules, in file order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.body.rules
    }

    /// Returns what the policy asks a review to look for.
    #[must_use]
    pub fn review_settings(&self) -> Settings {
        Settings { forbidden_words: self.body.forbidden_words.clone() }
    }

    /// Returns a place of the file as `FILE:LINE`.
    #[must_use]
    pub fn at(&self, place: Place) -> String {
        format!("{}:{}", self.file, place.0)
    }
}

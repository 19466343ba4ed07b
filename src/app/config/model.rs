//! The configuration as it holds: every value, and where it comes from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use crate::{
    base::planner::PlannerKind,
    plan::usage::of_cache,
    planner::budget::Spent,
    provider::command::{Agent, Form},
};

/// Where a value comes from; an earlier one goes before a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// `.countersign/config.yml` at the protected base commit.
    Project,
    /// `config.yml` in the user's own folder.
    User,
    /// This tool.
    Default,
}

impl Origin {
    /// Returns the word that people are shown.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Project => "project",
            Self::User => "user",
            Self::Default => "default",
        }
    }
}

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

impl<T> Set<T> {
    /// Joins a value with its origin.
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// Where a key is read from; never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A variable.
    Env(String),
    /// A file, whole, without the line feed at its end.
    File(PathBuf),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// What happens at a budget's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BudgetMode {
    /// The call that would go over it is refused before it is made.
    Strict,
    /// It is said, and the call is made.
    Warn,
    /// Nothing is counted against it.
    Off,
}

impl BudgetMode {
    /// Every mode, under the word that files use.
    pub(crate) const ALL: [(&'static str, Self); 3] =
        [("strict", Self::Strict), ("warn", Self::Warn), ("off", Self::Off)];

    /// Returns the word.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}

/// How much may be used; what is none has no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Tokens, sent and received together.
    pub(crate) tokens: Option<Set<u64>>,
    /// Requests, repeated ones included.
    pub(crate) requests: Option<Set<u64>>,
    /// Money, in millionths of the currency.
    pub(crate) money: Option<Set<u64>>,
    /// Time that the provider took, in seconds.
    pub(crate) time: Option<Set<u64>>,
}

/// What planning may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budgets {
    /// What happens at the end of one.
    pub(crate) mode: Set<BudgetMode>,
    /// The currency that money is counted in, three upper-case letters; all prices are in it.
    pub(crate) currency: Set<String>,
    /// For one plan, all its questions together.
    pub(crate) per_plan: Allowance,
    /// For one directive, over all time that the ledger knows.
    pub(crate) per_directive: Allowance,
    /// For one day of UTC, over all directives.
    pub(crate) per_day: Allowance,
}

/// What a model costs, in millionths of the currency per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    /// For tokens sent.
    pub(crate) input_per_million: u64,
    /// For tokens received.
    pub(crate) output_per_million: u64,
    /// For tokens sent that the provider read from its cache; none is what others cost.
    pub(crate) cached_per_million: Option<u64>,
    /// For tokens sent that the provider wrote to its cache; none is a quarter more than others cost.
    pub(crate) cache_write_per_million: Option<u64>,
}

impl Price {
    /// Returns the cost in millionths of the currency, rounded up; the greatest number where it does not fit.
    pub(crate) fn cost(self, spent: &Spent) -> u64 {
        let (read, written) = of_cache(spent.tokens_in, spent.cached, spent.cache_written);
        let (read, written) = (read.unwrap_or(0), written.unwrap_or(0));
        let parts = [
            (self.input_per_million, spent.tokens_in - read - written),
            (self.cached_per_million.unwrap_or(self.input_per_million), read),
            (self.cache_write(), written),
            (self.output_per_million, spent.tokens_out),
        ];
        let all = parts.into_iter().map(|(price, tokens)| u128::from(price) * u128::from(tokens)).sum::<u128>();
        u64::try_from(all.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// Returns the most that a question may cost of which nobody knows yet what a cache does with it.
    pub(crate) fn most(self, spent: &Spent, marked: bool) -> u64 {
        let written = Spent { cached: None, cache_written: marked.then_some(spent.tokens_in), ..*spent };
        let plain = Spent { cached: None, cache_written: None, ..*spent };
        self.cost(&written).max(self.cost(&plain))
    }

    /// Returns what tokens cost that are written to a cache: what Anthropic asks, where nothing else is said.
    fn cache_write(self) -> u64 {
        let quarter_more = (u128::from(self.input_per_million) * 5).div_ceil(4);
        self.cache_write_per_million.unwrap_or(u64::try_from(quarter_more).unwrap_or(u64::MAX))
    }
}

/// An agent's command line, as the user's file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentEntry {
    /// Program and arguments; the program is a name to look for, or an absolute path.
    pub(crate) argv: Vec<String>,
    /// Variables that it is given, by name.
    pub(crate) env: BTreeSet<String>,
    /// Absolute paths that it may read besides the system's own.
    pub(crate) reads: Vec<PathBuf>,
    /// Whether it may open connections to port 443.
    pub(crate) network: bool,
    /// The argument that comes before a model's name; none where it takes none.
    pub(crate) model_flag: Option<String>,
    /// In what its answer is wrapped.
    pub(crate) form: Form,
}

impl AgentEntry {
    /// Returns the agent under its name.
    pub(crate) fn agent(&self, name: &str) -> Agent {
        Agent {
            name: name.to_owned(),
            argv: self.argv.clone(),
            model_flag: self.model_flag.clone(),
            settings: Vec::new(),
            key_variables: Vec::new(),
            variables: self.env.iter().cloned().collect(),
            login: Vec::new(),
            login_settings: Vec::new(),
            files: Vec::new(),
            reads: self.reads.clone(),
            network: self.network,
            form: self.form,
        }
    }
}

/// The configuration of one command, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(super) planner: Set<PlannerKind>,
    pub(super) provider: Set<Option<String>>,
    pub(super) model: Set<Option<String>>,
    pub(super) endpoint: Set<Option<String>>,
    pub(super) key: Set<Option<KeySource>>,
    pub(super) max_output_tokens: Set<u32>,
    pub(super) timeout: Set<u64>,
    pub(super) max_revisions: Set<u32>,
    pub(super) send: Set<Option<Vec<String>>>,
    pub(super) prompt_cache: Set<bool>,
    pub(super) budgets: Budgets,
    pub(super) prices: BTreeMap<String, Set<Price>>,
    pub(super) agents: BTreeMap<String, Set<AgentEntry>>,
}

impl Config {
    /// Returns who drafts.
    pub(crate) fn planner(&self) -> &Set<PlannerKind> {
        &self.planner
    }

    /// Returns the name of the provider, or of the agent.
    pub(crate) fn provider(&self) -> &Set<Option<String>> {
        &self.provider
    }

    /// Returns the model, as the provider names it.
    pub(crate) fn model(&self) -> &Set<Option<String>> {
        &self.model
    }

    /// Returns where the provider is reached, where it is not where the catalog says.
    pub(crate) fn endpoint(&self) -> &Set<Option<String>> {
        &self.endpoint
    }

    /// Returns where the key is, where it is not in the variables that the catalog says.
    pub(crate) fn key(&self) -> &Set<Option<KeySource>> {
        &self.key
    }

    /// Returns the most tokens of one answer.
    pub(crate) fn max_output_tokens(&self) -> &Set<u32> {
        &self.max_output_tokens
    }

    /// Returns how long one answer may take, in seconds.
    pub(crate) fn timeout(&self) -> &Set<u64> {
        &self.timeout
    }

    /// Returns how often a plan may be revised before a person must take over.
    pub(crate) fn max_revisions(&self) -> &Set<u32> {
        &self.max_revisions
    }

    /// Returns the globs of what may be sent to a model; none is all that the directive's context names.
    pub(crate) fn send(&self) -> &Set<Option<Vec<String>>> {
        &self.send
    }

    /// Tells whether what stays the same in questions is marked for the provider's cache.
    pub(crate) fn prompt_cache(&self) -> &Set<bool> {
        &self.prompt_cache
    }

    /// Returns what planning may use.
    pub(crate) fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Returns what a model costs, where the configuration says.
    pub(crate) fn price(&self, model: &str) -> Option<Price> {
        self.prices.get(model).map(|price| price.value)
    }

    /// Returns every agent that the user's file describes, by name.
    pub(crate) fn agents(&self) -> &BTreeMap<String, Set<AgentEntry>> {
        &self.agents
    }
}

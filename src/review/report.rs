//! What a review found: facts about a plan, each with the check, the step and the evidence.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{digest::Digest, ident::Id};

/// How much a finding asks of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Note,
    /// Look at it.
    Warning,
    /// Look at it first.
    Alarm,
}

impl Level {
    /// Returns the word that outputs use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the check.
    pub check: &'static str,
    /// How much it asks of a reader.
    pub severity: Level,
    /// The step it is about; none where it is about the plan.
    pub step: Option<Id>,
    /// What was found, lower case, no period.
    pub message: String,
    /// The text of the plan that shows it, made visible, at most 80 characters.
    pub evidence: String,
}

/// Everything that was found in one plan; only [`super::review`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewReport {
    plan: Digest,
    checks: Vec<&'static str>,
    findings: Vec<Finding>,
    /// For each step the places of its findings, so that asking step by step stays linear.
    by_step: BTreeMap<Id, Vec<usize>>,
    /// The places of the findings about the plan.
    of_plan: Vec<usize>,
}

impl ReviewReport {
    pub(super) fn new(plan: Digest, checks: Vec<&'static str>, mut findings: Vec<Finding>) -> Self {
        // Stable: within a level the order of the checks and of the steps stays.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let (mut by_step, mut of_plan) = (BTreeMap::<Id, Vec<usize>>::new(), Vec::new());
        for (place, finding) in findings.iter().enumerate() {
            match &finding.step {
                Some(step) => by_step.entry(step.clone()).or_default().push(place),
                None => of_plan.push(place),
            }
        }
        Self { plan, checks, findings, by_step, of_plan }
    }

    /// Returns the digest of the plan that was reviewed.
    #[must_use]
    pub fn plan(&self) -> Digest {
        self.plan
    }

    /// Returns the ids of the checks that ran.
    #[must_use]
    pub fn checks(&self) -> &[&'static str] {
        &self.checks
    }

    /// Returns the findings, the gravest first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the findings of one check about one step, or about the plan where `step` is none.
    pub fn of<'a>(&'a self, check: &'a str, step: Option<&'a Id>) -> impl Iterator<Item = &'a Finding> {
        let places = match step {
            Some(step) => self.by_step.get(step).map(Vec::as_slice).unwrap_or_default(),
            None => &self.of_plan,
        };
        places.iter().filter_map(|place| self.findings.get(*place)).filter(move |finding| finding.check == check)
    }

    /// Returns why a step cannot be seen through; empty where it can.
    pub fn uninspectable<'a>(&'a self, step: &'a Id) -> impl Iterator<Item = &'a Finding> {
        self.of(super::UNINSPECTABLE, Some(step))
    }

    /// Returns the gravest level found.
    #[must_use]
    pub fn worst(&self) -> Option<Level> {
        self.findings.first().map(|finding| finding.severity)
    }
}

/// The report as `--json` and the ledger show it; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewV1 {
    /// SHA-256 of the plan's bytes.
    pub plan: Digest,
    /// Ids of the checks that ran.
    pub checks: Vec<String>,
    /// The findings, the gravest first.
    pub findings: Vec<FindingV1>,
}

/// One finding as `--json` shows it; frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingV1 {
    /// Id of the check.
    pub check: String,
    /// `note`, `warning` or `alarm`.
    pub severity: Level,
    /// The step, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Id>,
    /// What was found.
    pub message: String,
    /// The text of the plan that shows it, made visible.
    pub evidence: String,
}

impl From<&ReviewReport> for ReviewV1 {
    fn from(report: &ReviewReport) -> Self {
        Self {
            plan: report.plan,
            checks: report.checks.iter().map(|&id| id.to_owned()).collect(),
            findings: report.findings.iter().map(FindingV1::from).collect(),
        }
    }
}

impl From<&Finding> for FindingV1 {
    fn from(finding: &Finding) -> Self {
        Self {
            check: finding.check.to_owned(),
            severity: finding.severity,
            step: finding.step.clone(),
            message: finding.message.clone(),
            evidence: finding.evidence.clone(),
        }
    }
}

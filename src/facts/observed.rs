//! What a forge says now of one plan's change request and of the decisions that its approvals stand on.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    account::Account,
    change_request::{ChangeRequest, Issue, Review},
    environment::{CiRun, Environment, RunApproval},
};
use crate::base::{digest::Digest, time::Timestamp};

/// What a forge says now; a decision that is not in here does not stand any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Full id of the commit that the base branch points to.
    pub base_tip: String,
    /// The change request, where the plan is for one.
    pub change: Option<ChangeRequest>,
    /// All its reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Numeric ids of the accounts that wrote, committed or opened what is to be approved.
    pub people: BTreeSet<u64>,
    /// The comments that approvals stand on, by id; one that is gone is missing.
    pub comments: BTreeMap<u64, SeenComment>,
    /// The CI run that this process is part of.
    pub run: Option<CiRun>,
    /// The decisions about environments of that run.
    pub releases: Vec<RunApproval>,
    /// The environment of the plan.
    pub environment: Option<Environment>,
    /// The logins that the accounts of those who approved have now, by number; none where an account is gone.
    pub logins: BTreeMap<u64, Option<String>>,
    /// When all this was, by the forge's own clock, where it says so.
    pub said_at: Option<Timestamp>,
    /// The issue that the plan is made for; one that is gone is missing.
    pub issue: Option<SeenIssue>,
}

/// An issue as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenIssue {
    /// The issue.
    pub issue: Issue,
    /// The issue that it is a part of; looked for only where that matters.
    pub parent: Option<Issue>,
}

/// A comment as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenComment {
    /// Who wrote it.
    pub author: Account,
    /// SHA-256 of its text.
    pub body: Digest,
    /// Whether nobody ever edited it.
    pub untouched: bool,
}

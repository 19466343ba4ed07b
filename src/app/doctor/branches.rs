//! The ledger's branch and the base: which rules hold, and who may pass them by.

use super::{
    line::{Line, Standing, holds},
    pages::Pages,
    seen::SeenBranch,
};
use crate::{
    facts::protection::{BranchProtection, Bypass, BypassActor, RequiredReviews, RuleKind},
    forge::reasons::MISSING,
};

/// By which way somebody would pass a rule by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By a push.
    Push,
    /// By a push, or by merging a pull request.
    Merge,
}

/// Something that holds a branch against one thing.
struct Hold {
    standing: Standing,
    what: String,
}

/// One protection of a branch, as rulesets and as branch protections know it.
struct Wanted<'a> {
    id: &'static str,
    rule: &'a dyn Fn(&RuleKind) -> bool,
    protection: &'a dyn Fn(&BranchProtection) -> bool,
    way: Way,
    /// What is the case where nothing holds.
    otherwise: &'static str,
    fix: &'static str,
}

/// Judges what protects the branch of the ledger.
pub(super) fn ledger(branch: &SeenBranch, pages: &Pages) -> Vec<Line> {
    let deletion = judge(
        branch,
        pages,
        &Wanted {
            id: "ledger.deletion",
            rule: &|rule| *rule == RuleKind::Deletion,
            protection: &|protection| !protection.allows_deletions,
            way: Way::Push,
            otherwise: "whoever may write may delete the ledger",
            fix: "add a ruleset for the branch with `Restrict deletions`, and leave its bypass list empty",
        },
    );
    let force_push = judge(
        branch,
        pages,
        &Wanted {
            id: "ledger.force-push",
            rule: &|rule| *rule == RuleKind::NonFastForward,
            protection: &|protection| !protection.allows_force_pushes,
            way: Way::Push,
            otherwise: "whoever may write may replace the history of the ledger",
            fix: "add a ruleset for the branch with `Block force pushes`, and leave its bypass list empty",
        },
    );
    let exists = match &branch.tip {
        Ok(tip) => Line::new("ledger.exists", &branch.name, Standing::Ok, tip.clone()),
        Err(refusal) if refusal.is(MISSING) => {
            Line::new("ledger.exists", &branch.name, Standing::Missing, "the forge does not have the branch")
        }
        Err(refusal) => Line::unread("ledger.exists", &branch.name, refusal),
    };
    let exists = exists.fix(format!("push it: git push origin {0}:{0}", branch.name), pages.rules());
    let creation = if exists.standing == Standing::Ok && deletion.standing == Standing::Ok {
        Line::new("ledger.creation", &branch.name, Standing::Ok, "it is there, and nobody can delete it")
    } else {
        judge(
            branch,
            pages,
            &Wanted {
                id: "ledger.creation",
                rule: &|rule| *rule == RuleKind::Creation,
                protection: &|_| false,
                way: Way::Push,
                otherwise: "whoever may write may make the branch anew, with another beginning",
                fix: "restrict deletions of the branch, or its creation",
            },
        )
    };
    vec![exists, deletion, force_push, creation, update(branch, pages)]
}

/// Judges what protects the base, and with it the policy, the trust root and the workflows.
pub(super) fn base(branch: &SeenBranch, pages: &Pages) -> Vec<Line> {
    let reviewed = |enough: fn(&RequiredReviews) -> bool| {
        (
            move |rule: &RuleKind| reviews(rule).as_ref().is_some_and(enough),
            move |protection: &BranchProtection| protection.reviews.as_ref().is_some_and(enough),
        )
    };
    let review = |id, enough, otherwise, fix| {
        let (rule, protection) = reviewed(enough);
        judge(branch, pages, &Wanted { id, rule: &rule, protection: &protection, way: Way::Merge, otherwise, fix })
    };
    let pull_request = review(
        "base.pull-request",
        |_| true,
        "whoever may write may push to it, policy and workflows included",
        "add a ruleset for the branch with `Require a pull request before merging`",
    );
    let approvals = review(
        "base.approvals",
        |reviews| reviews.approvals >= 1,
        "a pull request can be merged without anybody else's approval",
        "ask for at least one approval in the rule for pull requests",
    );
    let workflow_file = {
        let worse = [&pull_request, &approvals].into_iter().min_by_key(|line| line.standing);
        let standing = worse.map_or(Standing::Unknown, |line| line.standing);
        let what = match standing {
            Standing::Ok => "changes of .github/workflows come by pull request and with an approval".to_owned(),
            _ => format!("as {}", worse.map_or("unknown", |line| line.id)),
        };
        Line::new("base.workflow-file", &branch.name, standing, what).fix(
            "protect the base: who can push .github/workflows there decides what the keys are used for",
            pages.rules(),
        )
    };
    vec![
        pull_request,
        approvals,
        review(
            "base.dismiss-stale",
            |reviews| reviews.dismisses_stale,
            "an approval stays after another push",
            "tick `Dismiss stale pull request approvals when new commits are pushed`",
        ),
        review(
            "base.code-owners",
            |reviews| reviews.code_owners,
            "owners of code need not agree",
            "tick `Require review from Code Owners`",
        ),
        judge(
            branch,
            pages,
            &Wanted {
                id: "base.force-push",
                rule: &|rule| *rule == RuleKind::NonFastForward,
                protection: &|protection| !protection.allows_force_pushes,
                way: Way::Push,
                otherwise: "whoever may write may replace its history",
                fix: "add `Block force pushes` to a ruleset for the branch, and leave its bypass list empty",
            },
        ),
        judge(
            branch,
            pages,
            &Wanted {
                id: "base.deletion",
                rule: &|rule| *rule == RuleKind::Deletion,
                protection: &|protection| !protection.allows_deletions,
                way: Way::Push,
                otherwise: "whoever may write may delete it, and make it anew",
                fix: "add `Restrict deletions` to a ruleset for the branch, and leave its bypass list empty",
            },
        ),
        workflow_file,
    ]
}

fn reviews(rule: &RuleKind) -> Option<RequiredReviews> {
    match *rule {
        RuleKind::PullRequest { approvals, dismisses_stale, code_owners, last_push } => {
            Some(RequiredReviews { approvals, dismisses_stale, code_owners, last_push })
        }
        _ => None,
    }
}

/// Judges one protection: the firmest of all that hold counts, since all of them must be passed by.
fn judge(branch: &SeenBranch, pages: &Pages, wanted: &Wanted<'_>) -> Line {
    let mut all: Vec<Hold> = Vec::new();
    for rule in branch.rules.iter().flatten().filter(|rule| (wanted.rule)(&rule.kind)) {
        all.push(by_ruleset(branch, rule.ruleset, wanted.way));
    }
    if let Ok(Some(protection)) = &branch.protection
        && (wanted.protection)(protection)
    {
        let (standing, but) = match protection.enforced_for_admins {
            true => (Standing::Ok, ""),
            false => (Standing::Weak, ", which administrators may pass by"),
        };
        all.push(Hold { standing, what: format!("a branch protection{but}") });
    }
    let best = all.into_iter().max_by_key(|hold| hold.standing);
    let unread = [branch.rules.as_ref().err(), branch.protection.as_ref().err()].into_iter().flatten().next();
    let line = match (best, unread) {
        (Some(hold), _) if hold.standing == Standing::Ok => {
            Line::new(wanted.id, &branch.name, Standing::Ok, format!("by {}", hold.what))
        }
        // What could not be read may hold it; that is not known.
        (_, Some(refusal)) => Line::unread(wanted.id, &branch.name, refusal),
        (Some(hold), None) => Line::new(wanted.id, &branch.name, hold.standing, format!("by {}", hold.what)),
        (None, None) => Line::new(wanted.id, &branch.name, Standing::Missing, wanted.otherwise),
    };
    line.fix(wanted.fix, pages.rules())
}

fn by_ruleset(branch: &SeenBranch, id: Option<u64>, way: Way) -> Hold {
    let Some((id, found)) = id.and_then(|id| Some((id, branch.rulesets.get(&id)?))) else {
        return Hold { standing: Standing::Unknown, what: "a rule of a ruleset that is not told".to_owned() };
    };
    match found {
        Err(refusal) => {
            let what = format!("ruleset {id}; who may pass it by could not be read [{}]", refusal.code());
            Hold { standing: Standing::Unknown, what }
        }
        Ok(ruleset) => {
            let named = format!("ruleset {id} `{}`", ruleset.name);
            let Some(bypass) = &ruleset.bypass else {
                let what = format!("{named}; who may pass it by is not shown to this token");
                return Hold { standing: Standing::Unknown, what };
            };
            let who: Vec<String> = bypass
                .iter()
                .filter(|one| way == Way::Merge || !one.only_by_pull_request)
                .map(|one| actor(*one))
                .collect();
            match who.is_empty() {
                true => Hold { standing: Standing::Ok, what: format!("{named}, which nobody may pass by") },
                false => {
                    Hold { standing: Standing::Weak, what: format!("{named}, which {} may pass by", who.join(", ")) }
                }
            }
        }
    }
}

/// Judges who may add to the ledger: a ruleset that takes updates from the apps that it lists alone.
fn update(branch: &SeenBranch, pages: &Pages) -> Line {
    let mut all: Vec<Hold> = Vec::new();
    for rule in branch.rules.iter().flatten().filter(|rule| rule.kind == RuleKind::Update) {
        let ruleset = rule.ruleset.and_then(|id| branch.rulesets.get(&id)?.as_ref().ok());
        all.push(match ruleset.map(|ruleset| (ruleset, &ruleset.bypass)) {
            Some((ruleset, Some(bypass))) => {
                let who: Vec<Bypass> = bypass.iter().filter(|one| !one.only_by_pull_request).copied().collect();
                let narrow = |one: &Bypass| !matches!(one.actor, BypassActor::Role | BypassActor::OrganizationAdmins);
                let names: Vec<String> = who.iter().map(|one| actor(*one)).collect();
                let what = match names.is_empty() {
                    true => format!("ruleset {} lets nobody add to it, our own runs neither", ruleset.id),
                    false => format!("ruleset {} lets {} add to it", ruleset.id, names.join(", ")),
                };
                Hold { standing: holds(!who.is_empty() && who.iter().all(narrow), Standing::Weak), what }
            }
            _ => Hold {
                standing: Standing::Unknown,
                what: "a ruleset; who may add to it is not shown to this token".to_owned(),
            },
        });
    }
    if let Ok(Some(BranchProtection { pushers: Some(who), enforced_for_admins, .. })) = &branch.protection {
        let names = if who.is_empty() { "nobody".to_owned() } else { who.join(", ") };
        let but = if *enforced_for_admins { "" } else { ", and administrators" };
        let standing = holds(*enforced_for_admins && !who.is_empty(), Standing::Weak);
        all.push(Hold { standing, what: format!("a branch protection lets {names} push{but}") });
    }
    let unread = [branch.rules.as_ref().err(), branch.protection.as_ref().err()].into_iter().flatten().next();
    let line = match (all.into_iter().max_by_key(|hold| hold.standing), unread) {
        (Some(hold), None) => Line::new("ledger.update", &branch.name, hold.standing, hold.what),
        (Some(hold), Some(_)) if hold.standing == Standing::Ok => {
            Line::new("ledger.update", &branch.name, Standing::Ok, hold.what)
        }
        (_, Some(refusal)) => Line::unread("ledger.update", &branch.name, refusal),
        (None, None) => Line::new(
            "ledger.update",
            &branch.name,
            Standing::Missing,
            "whoever may write may push to it: what is not signed is refused by every reader, and stops all runs",
        ),
    };
    line.fix(
        "add a ruleset of its own with `Restrict updates` and the app or account that records runs as the only one in \
         its bypass list; the ruleset against deletions and force pushes stays another, with an empty list",
        pages.rules(),
    )
}

fn actor(one: Bypass) -> String {
    let kind = match one.actor {
        BypassActor::App => "app",
        BypassActor::OrganizationAdmins => return "administrators of the organisation".to_owned(),
        BypassActor::Role => "everybody with role",
        BypassActor::Team => "team",
        BypassActor::DeployKeys => return "every deploy key".to_owned(),
        BypassActor::Account => "account",
    };
    one.id.map_or_else(|| kind.to_owned(), |id| format!("{kind} {id}"))
}

//! Conditions of rules, and whether a step of a plan meets them.
//!
//! What a list means depends on what the rule does, so that doubt never permits:
//!
//! - in a rule that **permits** it is a ceiling: everything the step has must be listed (a step that
//!   has nothing of the kind is below any ceiling);
//! - in a rule that **denies** it is a trigger: one listed thing is enough;
//! - in a rule that **needs approval** it is both: the rule covers a step only where everything is
//!   listed, and asks for its people already where one thing is.

use std::fmt::Write as _;

use crate::{
    base::{ident::Id, planner::PlannerKind, time::Timestamp, yaml::Place},
    plan::model::{Action, Effect, Host, Plan, Run, Severity, Step},
    review::{FORBIDDEN_WORDS, ReviewReport, least_effect},
};

use super::{
    path_pattern::{PathPattern, Written},
    rule::Role,
};

/// One condition, and where it stands in the file.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Where it begins.
    pub place: Place,
    /// What is asked.
    pub test: Test,
    /// Where each item of a list of names begins, in the order of the list; none for other conditions.
    pub items: Vec<Place>,
}

/// What is asked of a step or its plan.
#[derive(Clone, Debug)]
pub enum Test {
    /// The step's effect lies between these.
    Effect {
        /// The least.
        at_least: Option<Effect>,
        /// The most.
        at_most: Option<Effect>,
    },
    /// The step's pipeline is listed.
    Pipelines(Vec<Id>),
    /// The plan's directive is listed.
    Directives(Vec<Id>),
    /// The plan's environment is listed.
    Environments(Vec<Id>),
    /// The plan's planner is listed.
    Planner(Vec<PlannerKind>),
    /// The step uses no network, or declares some.
    Network(Use),
    /// The step gets no secret, or these.
    Secrets(Listed<String>),
    /// The step runs no program, or these.
    Programs(Listed<Id>),
    /// The step connects to these hosts.
    Hosts(Hosts),
    /// The step writes nothing, or here.
    Writes(Writes),
    /// The plan states no more and no graver risks than these.
    Risks {
        /// The most risks.
        count: Option<u32>,
        /// The gravest.
        at_most: Option<Severity>,
    },
    /// The plan has no more steps than this.
    Steps(u32),
    /// The step cannot be seen through, or can.
    Uninspectable(bool),
    /// The step and the plan hold none, or any, of the forbidden words.
    Words(Use),
    /// The present time lies in this window.
    Window(Window),
}

/// None, or some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// None.
    None,
    /// At least one.
    Some,
}

/// Nothing, or things of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed<T> {
    /// Nothing.
    None,
    /// These, at least one.
    These(Vec<T>),
}

/// Hosts that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any host.
    Any,
    /// Exactly these.
    These(Vec<Host>),
}

/// Where a step writes.
#[derive(Clone, Debug)]
pub enum Writes {
    /// Nowhere.
    None,
    /// Everything within these.
    Within(Vec<PathPattern>),
    /// Anything within these.
    Touching(Vec<PathPattern>),
}

/// A window of time, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Days of the week, Monday first.
    pub days: [bool; 7],
    /// The first minute of the day.
    pub from: u32,
    /// The first minute of the day that is out again.
    pub to: u32,
}

/// The days of the week, Monday first, as files name them.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How far a condition, or a whole rule, matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// Not.
    No,
    /// One listed thing is there, and others are that are not listed.
    Partly,
    /// Wholly.
    Yes,
}

/// What a condition is held against.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// One of its steps.
    pub step: &'a Step,
    /// The review of the plan.
    pub report: &'a ReviewReport,
    /// The present time.
    pub now: Timestamp,
}

impl Condition {
    /// Returns the field's name in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.test {
            Test::Effect { .. } => "effect",
            Test::Pipelines(_) => "pipelines",
            Test::Directives(_) => "directives",
            Test::Environments(_) => "environments",
            Test::Planner(_) => "planner",
            Test::Network(_) => "network",
            Test::Secrets(_) => "secrets",
            Test::Programs(_) => "programs",
            Test::Hosts(_) => "hosts",
            Test::Writes(_) => "writes",
            Test::Risks { .. } => "risks",
            Test::Steps(_) => "steps",
            Test::Uninspectable(_) => "uninspectable",
            Test::Words(_) => "words",
            Test::Window(_) => "window",
        }
    }

    /// Tells how far a step meets the condition, and what the step has.
    #[must_use]
    pub fn meets(&self, subject: Subject<'_>, role: Role) -> (Hit, String) {
        let Subject { plan, step, report, now } = subject;
        match &self.test {
            Test::Effect { at_least, at_most } => {
                let effect = effect(step);
                let fits = at_least.is_none_or(|least| effect >= least) && at_most.is_none_or(|most| effect <= most);
                (yes(fits), effect.word().to_owned())
            }
            Test::Pipelines(list) => (yes(list.contains(&step.pipeline)), step.pipeline.to_string()),
            Test::Directives(list) => (yes(list.contains(&plan.directive.name)), plan.directive.name.to_string()),
            Test::Environments(list) => match &plan.environment {
                // Bytes are compared, so a name in another case is another name.
                Some(environment) => (yes(list.contains(environment)), environment.to_string()),
                None => (Hit::No, "none".to_owned()),
            },
            Test::Planner(list) => (yes(list.contains(&plan.planner.kind)), plan.planner.kind.to_string()),
            Test::Network(wanted) => some_or_none(*wanted, &hosts(step).iter().map(shown_host).collect::<Vec<_>>()),
            Test::Secrets(list) => listed(list, &secrets(step), role),
            Test::Programs(list) => listed(list, &programs(step), role),
            Test::Hosts(wanted) => {
                let used = hosts(step);
                let named = |host: &&Host| match wanted {
                    Hosts::Any => true,
                    Hosts::These(list) => list.contains(host),
                };
                (set_hit(role, used.len(), used.iter().filter(|host| named(host)).count()), shown_hosts(&used))
            }
            Test::Writes(wanted) => writes(wanted, &written(step), role),
            Test::Risks { count, at_most } => {
                let number = u32::try_from(plan.risks.len()).unwrap_or(u32::MAX);
                let gravest = plan.risks.iter().map(|risk| risk.severity).max();
                let fits = count.is_none_or(|most| number <= most)
                    && at_most.is_none_or(|most| gravest.is_none_or(|gravest| gravest <= most));
                (yes(fits), gravest.map_or_else(|| "0".to_owned(), |s| format!("{number}, up to {}", s.word())))
            }
            Test::Steps(most) => {
                let number = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
                (yes(number <= *most), number.to_string())
            }
            Test::Uninspectable(wanted) => {
                let opaque = report.uninspectable(&step.id).next();
                (yes(opaque.is_some() == *wanted), opaque.map_or("inspectable".to_owned(), |why| why.message.clone()))
            }
            Test::Words(wanted) => {
                let of_plan = report.of(FORBIDDEN_WORDS, None);
                let found: Vec<String> =
                    report.of(FORBIDDEN_WORDS, Some(&step.id)).chain(of_plan).map(|f| f.message.clone()).collect();
                some_or_none(*wanted, &found)
            }
            Test::Window(window) => (yes(window.holds(now)), now.to_string()),
        }
    }

    /// Shows what the policy asks for, in the words of the file.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.test {
            Test::Effect { at_least, at_most } => bounds(at_least.map(Effect::word), at_most.map(Effect::word)),
            Test::Pipelines(list) | Test::Directives(list) | Test::Environments(list) => join(list),
            Test::Planner(list) => join(list),
            Test::Network(Use::Some) => "declared".to_owned(),
            Test::Words(Use::Some) => "any".to_owned(),
            Test::Network(Use::None)
            | Test::Words(Use::None)
            | Test::Secrets(Listed::None)
            | Test::Programs(Listed::None)
            | Test::Writes(Writes::None) => "none".to_owned(),
            Test::Secrets(Listed::These(list)) => list.join(", "),
            Test::Programs(Listed::These(list)) => join(list),
            Test::Hosts(Hosts::Any) => "any".to_owned(),
            Test::Hosts(Hosts::These(list)) => shown_hosts(list),
            Test::Writes(Writes::Within(list)) => format!("within {}", patterns(list)),
            Test::Writes(Writes::Touching(list)) => format!("touching {}", patterns(list)),
            Test::Risks { count, at_most } => {
                let count = count.map(|n| n.to_string());
                match (count, at_most) {
                    (Some(count), Some(most)) => format!("at most {count}, up to {}", most.word()),
                    (Some(count), None) => format!("at most {count}"),
                    (None, most) => bounds(None, most.map(Severity::word)),
                }
            }
            Test::Steps(most) => format!("at most {most}"),
            Test::Uninspectable(wanted) => wanted.to_string(),
            Test::Window(window) => window.shown(),
        }
    }
}

impl Window {
    /// Tells whether an instant lies in the window.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        // 1970-01-01 was a Thursday, the fourth day of a week that begins on Monday.
        let day = usize::try_from((now.unix() / 86_400 + 3) % 7).unwrap_or_default();
        let minute = u32::try_from(now.unix() % 86_400 / 60).unwrap_or_default();
        self.days[day] && (self.from..self.to).contains(&minute)
    }

    fn shown(&self) -> String {
        let days: Vec<&str> = DAYS.iter().zip(self.days).filter(|(_, on)| *on).map(|(&day, _)| day).collect();
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{} {}-{} UTC", days.join(","), clock(self.from), clock(self.to))
    }
}

/// Returns every program run of a step, the verifying ones last.
pub(super) fn runs(step: &Step) -> impl Iterator<Item = &Run> {
    step.every_action().filter_map(|action| match action {
        Action::Run(run) => Some(run),
        _ => None,
    })
}

/// Returns the effect of a step: what it says, or what it does where that is more.
pub(super) fn effect(step: &Step) -> Effect {
    step.effect.max(least_effect(step))
}

fn hosts(step: &Step) -> Vec<Host> {
    runs(step).flat_map(|run| run.network.iter().cloned()).collect()
}

fn secrets(step: &Step) -> Vec<String> {
    runs(step).flat_map(|run| run.secrets.iter().cloned()).collect()
}

fn programs(step: &Step) -> Vec<Id> {
    runs(step).map(|run| run.program.name.clone()).collect()
}

fn written(step: &Step) -> Vec<Written> {
    let mut all = Vec::new();
    for action in step.every_action() {
        match action {
            Action::Run(run) => all.extend(run.writes.iter().cloned().map(Written::Tree)),
            Action::Write(write) => all.push(Written::File(write.path.clone())),
            Action::Copy(copy) => all.push(Written::File(copy.to.clone())),
            Action::Patch(patch) => all.push(Written::File(patch.path.clone())),
            Action::Commit(commit) => all.extend(commit.paths.iter().cloned().map(Written::Tree)),
            Action::Tag(tag) => all.push(Written::Tag(tag.name.clone())),
        }
    }
    all
}

fn yes(fits: bool) -> Hit {
    if fits { Hit::Yes } else { Hit::No }
}

/// Tells how far a list matches where a step has `all` things of the kind, `hits` of them listed.
fn set_hit(role: Role, all: usize, hits: usize) -> Hit {
    match (all, hits) {
        (0, _) => yes(role == Role::Permit),
        (all, hits) if all == hits => Hit::Yes,
        (_, 0) => Hit::No,
        _ => Hit::Partly,
    }
}

fn some_or_none<T: ToString>(wanted: Use, used: &[T]) -> (Hit, String) {
    (yes(used.is_empty() == (wanted == Use::None)), join(used))
}

fn listed<T: PartialEq + ToString>(list: &Listed<T>, used: &[T], role: Role) -> (Hit, String) {
    let hit = match list {
        Listed::None => yes(used.is_empty()),
        Listed::These(list) => set_hit(role, used.len(), used.iter().filter(|thing| list.contains(thing)).count()),
    };
    (hit, join(used))
}

fn writes(wanted: &Writes, written: &[Written], role: Role) -> (Hit, String) {
    let hit = match wanted {
        Writes::None => yes(written.is_empty()),
        Writes::Within(list) => {
            let held = written.iter().filter(|one| list.iter().any(|pattern| pattern.holds(one))).count();
            let touched = written.iter().any(|one| list.iter().any(|pattern| pattern.may_touch(one)));
            match set_hit(role, written.len(), held) {
                Hit::No if touched => Hit::Partly,
                hit => hit,
            }
        }
        Writes::Touching(list) => yes(written.iter().any(|one| list.iter().any(|pattern| pattern.may_touch(one)))),
    };
    (hit, join(&written.iter().map(Written::shown).collect::<Vec<_>>()))
}

fn shown_hosts(hosts: &[Host]) -> String {
    join(&hosts.iter().map(shown_host).collect::<Vec<_>>())
}

fn shown_host(host: &Host) -> String {
    format!("{}:{}", host.name, host.port)
}

fn patterns(list: &[PathPattern]) -> String {
    list.iter().map(PathPattern::as_str).collect::<Vec<_>>().join(", ")
}

fn bounds(least: Option<&str>, most: Option<&str>) -> String {
    let mut shown = String::new();
    if let Some(least) = least {
        let _ = write!(shown, "at least {least}");
    }
    if let Some(most) = most {
        let _ = write!(shown, "{}at most {most}", if shown.is_empty() { "" } else { ", " });
    }
    shown
}

fn join<T: ToString>(list: &[T]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    let mut shown: Vec<String> = Vec::new();
    for item in list.iter().map(ToString::to_string) {
        if !shown.contains(&item) {
            shown.push(item);
        }
    }
    shown.join(", ")
}

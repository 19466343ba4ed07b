//! The world of the model: people, one repository with its true git objects, and what happens in it.

use std::{collections::BTreeMap, path::Path};

use countersign::base::time::Timestamp;
use serde_json::Value;

use super::git::Git;

/// Everything that there is.
pub struct State {
    /// The time of what happens; every write takes one second.
    pub now: Timestamp,
    /// The date that answers bear, where they bear one.
    pub date: Option<&'static str>,
    pub repo_id: u64,
    pub name: String,
    pub private: bool,
    pub git: Git,
    /// Whose the repository is, first.
    pub people: Vec<Person>,
    /// Token and number of whom it stands for.
    pub tokens: BTreeMap<String, u64>,
    /// Tokens of jobs that may push nothing.
    pub readers: Vec<String>,
    pub app: Option<App>,
    pub pulls: Vec<Pull>,
    pub issues: Vec<Issue>,
    /// When and by whom texts of issues were edited, by number.
    pub edits: BTreeMap<u64, (Timestamp, String)>,
    /// When and by whom issues and pull requests were given another title, by number.
    pub renames: BTreeMap<u64, (Timestamp, String)>,
    pub comments: Vec<Comment>,
    pub reviews: Vec<Review>,
    /// Comment, person, content.
    pub reactions: Vec<(u64, u64, String)>,
    pub teams: Vec<Team>,
    pub environments: Vec<Environment>,
    pub runs: Vec<Run>,
    pub approvals: Vec<Approval>,
    pub artifacts: Vec<Artifact>,
    /// As they were asked for, with `id` and `app`.
    pub checks: Vec<Value>,
    pub deployments: Vec<Value>,
    /// Deployment and status.
    pub statuses: Vec<(u64, Value)>,
    pub dispatches: Vec<Value>,
    pub secrets: Vec<String>,
    pub organization_secrets: Vec<String>,
    /// By branch.
    pub rules: BTreeMap<String, Vec<Value>>,
    /// By number: name, and who may pass by where that is told.
    pub rulesets: BTreeMap<u64, (String, Option<Value>)>,
    pub protections: BTreeMap<String, Value>,
    pub actions: Value,
    pub workflow_permissions: Value,
    /// Whether starting a workflow tells the run.
    pub dispatch_tells: bool,
    last_id: u64,
}

pub struct Person {
    pub id: u64,
    pub login: String,
    pub kind: &'static str,
    pub email: String,
    /// Role in the repository: `admin`, `maintain`, `write`, `triage`, `read`, `none`.
    pub role: String,
}

pub struct App {
    pub id: u64,
    pub public_key: String,
    pub installation: u64,
    /// Whom its tokens stand for.
    pub bot: u64,
    /// Names of repositories that the last token was asked for.
    pub asked_for: Vec<String>,
    pub issued: u32,
}

pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub draft: bool,
    pub author: Option<u64>,
    pub branch: String,
    pub base: String,
    pub open: bool,
    /// Number of the repository that its head lies in.
    pub head_repo: Option<u64>,
}

pub struct Issue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: Option<u64>,
    pub open: bool,
    pub labels: Vec<String>,
    /// The issue that it is a part of.
    pub parent: Option<u64>,
}

#[derive(Clone)]
pub struct Comment {
    pub id: u64,
    pub number: u64,
    pub author: Option<u64>,
    pub body: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// When and by whom it was edited.
    pub edited: Option<(Timestamp, String)>,
    pub via_app: bool,
    pub minimised: bool,
}

pub struct Review {
    pub id: u64,
    pub number: u64,
    pub author: Option<u64>,
    pub state: String,
    pub commit: Option<String>,
    pub at: Option<Timestamp>,
    pub body: String,
}

pub struct Team {
    pub id: u64,
    pub slug: String,
    pub members: Vec<u64>,
}

#[derive(Clone)]
pub enum Reviewer {
    Person(u64),
    Team(u64),
}

#[derive(Clone)]
pub struct Environment {
    pub id: u64,
    pub name: String,
    pub reviewers: Vec<Reviewer>,
    pub prevent_self_review: bool,
    pub admins_bypass: bool,
    /// None: every branch; else patterns, and none of them stands for protected branches.
    pub branches: Option<Vec<String>>,
    pub secrets: Vec<String>,
}

pub struct Run {
    pub id: u64,
    pub attempt: u32,
    pub event: String,
    pub created: Timestamp,
    pub head_sha: String,
    pub head_branch: Option<String>,
    pub head_repo: Option<u64>,
    pub workflow: String,
    pub actor: u64,
    pub triggering_actor: u64,
    /// Names of the environments that it waits at.
    pub waits: Vec<String>,
}

pub struct Approval {
    pub run: u64,
    pub environments: Vec<String>,
    pub state: String,
    pub by: u64,
    pub comment: String,
}

pub struct Artifact {
    pub id: u64,
    pub run: u64,
    pub name: String,
    pub bytes: Vec<u8>,
    /// What the forge says that its digest is.
    pub digest: Option<String>,
    pub expired: bool,
}

/// Number of the bot whose token a job has.
pub const ACTIONS_BOT: u64 = 41_898_282;

impl State {
    /// A repository with one commit on `main`, and people of every role. `ada` owns it.
    pub fn new(git: &Path) -> Self {
        let person = |id: u64, login: &str, kind: &'static str, role: &str| Person {
            id,
            login: login.to_owned(),
            kind,
            email: format!("{login}@example.com"),
            role: role.to_owned(),
        };
        let people = vec![
            person(100, "acme", "Organization", "none"),
            person(101, "ada", "User", "admin"),
            person(102, "bob", "User", "write"),
            person(103, "cleo", "User", "read"),
            person(104, "mallory", "User", "none"),
            person(ACTIONS_BOT, "github-actions[bot]", "Bot", "none"),
        ];
        let tokens = people.iter().map(|one| (format!("token-of-{}", one.login.replace("[bot]", "")), one.id));
        Self {
            now: "2030-01-01T12:00:00Z".parse().unwrap(),
            date: None,
            repo_id: 7_000,
            name: "infra".to_owned(),
            private: true,
            git: Git::open(git),
            tokens: tokens.collect(),
            readers: Vec::new(),
            people,
            app: None,
            pulls: Vec::new(),
            issues: Vec::new(),
            edits: BTreeMap::new(),
            renames: BTreeMap::new(),
            comments: Vec::new(),
            reviews: Vec::new(),
            reactions: Vec::new(),
            teams: Vec::new(),
            environments: Vec::new(),
            runs: Vec::new(),
            approvals: Vec::new(),
            artifacts: Vec::new(),
            checks: Vec::new(),
            deployments: Vec::new(),
            statuses: Vec::new(),
            dispatches: Vec::new(),
            secrets: Vec::new(),
            organization_secrets: Vec::new(),
            rules: BTreeMap::new(),
            rulesets: BTreeMap::new(),
            protections: BTreeMap::new(),
            actions: serde_json::json!({ "enabled": true, "allowed_actions": "all", "sha_pinning_required": false }),
            workflow_permissions: serde_json::json!({
                "default_workflow_permissions": "read",
                "can_approve_pull_request_reviews": false,
            }),
            dispatch_tells: true,
            last_id: 9_000,
        }
    }

    /// A number that nothing has.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The time of something that happens now.
    pub fn tick(&mut self) -> Timestamp {
        self.now = self.now.plus(1);
        self.now
    }

    pub fn person(&self, id: u64) -> Option<&Person> {
        self.people.iter().find(|one| one.id == id)
    }

    pub fn called(&self, login: &str) -> Option<&Person> {
        self.people.iter().find(|one| one.login == login)
    }

    /// The number of somebody who must be there.
    #[track_caller]
    pub fn id_of(&self, login: &str) -> u64 {
        self.called(login).unwrap_or_else(|| panic!("nobody is called {login}")).id
    }

    pub fn full_name(&self) -> String {
        format!("{}/{}", self.people[0].login, self.name)
    }

    /// Opens a pull request from a branch to `main`.
    pub fn open_pull(&mut self, number: u64, branch: &str, author: &str) {
        let (author, head_repo) = (Some(self.id_of(author)), Some(self.repo_id));
        let (title, base) = (format!("Change by {branch}"), "main".to_owned());
        self.pulls.push(Pull {
            number,
            title,
            body: String::new(),
            draft: false,
            author,
            branch: branch.to_owned(),
            base,
            open: true,
            head_repo,
        });
        let title = "Issue of the change".to_owned();
        self.issues.push(Issue { number, title, body: None, author, open: true, labels: Vec::new(), parent: None });
    }

    /// Opens an issue, as `cleo`.
    pub fn open_issue(&mut self, number: u64, body: &str) {
        let (title, author) = (format!("Issue {number}"), Some(self.id_of("cleo")));
        let (body, labels) = (Some(body.to_owned()), Vec::new());
        self.issues.push(Issue { number, title, body, author, open: true, labels, parent: None });
    }

    /// The issue of a number, which must be there.
    pub fn issue(&mut self, number: u64) -> &mut Issue {
        self.issues.iter_mut().find(|one| one.number == number).unwrap()
    }

    /// Writes a comment in somebody's name; returns its number.
    pub fn say(&mut self, number: u64, author: &str, body: &str) -> u64 {
        let (id, author, at) = (self.next_id(), Some(self.id_of(author)), self.tick());
        let via_app = false;
        let body = body.to_owned();
        self.comments.push(Comment {
            id,
            number,
            author,
            body,
            created: at,
            updated: at,
            edited: None,
            via_app,
            minimised: false,
        });
        id
    }

    /// Changes a comment as its author or an administrator may.
    pub fn edit(&mut self, id: u64, by: &str, body: &str) {
        let at = self.tick();
        let comment = self.comments.iter_mut().find(|one| one.id == id).unwrap();
        (comment.body, comment.updated) = (body.to_owned(), at);
        comment.edited = Some((at, by.to_owned()));
    }

    /// Puts another text into an issue.
    pub fn rewrite(&mut self, number: u64, by: &str, body: &str) {
        let at = self.tick();
        self.issue(number).body = Some(body.to_owned());
        self.edits.insert(number, (at, by.to_owned()));
    }

    /// Gives an issue, or a pull request, another title.
    pub fn rename(&mut self, number: u64, by: &str, title: &str) {
        let at = self.tick();
        self.issue(number).title = title.to_owned();
        self.pulls.iter_mut().filter(|one| one.number == number).for_each(|one| one.title = title.to_owned());
        self.renames.insert(number, (at, by.to_owned()));
    }

    /// Reviews a pull request at its present head; returns the review's number.
    pub fn review(&mut self, number: u64, author: &str, state: &str) -> u64 {
        let branch = self.pulls.iter().find(|one| one.number == number).unwrap().branch.clone();
        let (id, at, commit) = (self.next_id(), Some(self.tick()), self.git.tip(&branch));
        let (author, state) = (Some(self.id_of(author)), state.to_owned());
        self.reviews.push(Review { id, number, author, state, commit, at, body: String::new() });
        id
    }

    /// Makes an environment that is protected as it should be, with one reviewer; returns its number.
    pub fn protect(&mut self, name: &str, reviewer: &str) -> u64 {
        let (id, reviewer) = (self.next_id(), self.id_of(reviewer));
        self.environments.push(Environment {
            id,
            name: name.to_owned(),
            reviewers: vec![Reviewer::Person(reviewer)],
            prevent_self_review: true,
            admins_bypass: false,
            branches: Some(vec!["main".to_owned()]),
            secrets: Vec::new(),
        });
        id
    }

    /// Starts a run of a workflow on `main`, which waits at an environment.
    pub fn start_run(&mut self, id: u64, actor: &str, waits_at: &[&str]) {
        let (actor, created) = (self.id_of(actor), self.tick());
        self.runs.push(Run {
            created,
            id,
            attempt: 1,
            event: "workflow_dispatch".to_owned(),
            head_sha: self.git.tip("main").unwrap(),
            head_branch: Some("main".to_owned()),
            head_repo: Some(self.repo_id),
            workflow: ".github/workflows/countersign.yml".to_owned(),
            actor,
            triggering_actor: actor,
            waits: waits_at.iter().map(|name| (*name).to_owned()).collect(),
        });
    }

    /// Lets a run pass an environment, or not.
    pub fn decide(&mut self, run: u64, environment: &str, by: &str, state: &str) {
        let by = self.id_of(by);
        let known = self.runs.iter_mut().find(|one| one.id == run).unwrap();
        known.waits.retain(|name| name != environment);
        let (environments, state) = (vec![environment.to_owned()], state.to_owned());
        self.approvals.push(Approval { run, environments, state, by, comment: "as agreed".to_owned() });
    }
}

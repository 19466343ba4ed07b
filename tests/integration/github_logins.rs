//! A14: a login of the trust root that is another on the forge by now is said at each step, or refuses.

use super::{
    github_loop::{Hub, NUMBER},
    scene::CANARY,
    support::Ran,
};

impl Hub {
    fn renames(&self, id: u64, login: &str) {
        let mut state = self.model.state();
        state.people.iter_mut().find(|one| one.id == id).unwrap().login = login.to_owned();
    }

    /// A policy that asks for the login of the trust root, at the base.
    fn asks_for_exact_logins(&self) {
        let policy = self.bench.read(".countersign/policy.yml");
        let strict = policy.replace("gates:\n", "gates:\n  exactLogins: true\n");
        assert_ne!(policy, strict);
        self.bench.write(".countersign/policy.yml", strict);
        self.bench.commit("Exact logins");
        self.bench.git(&["push", "-q", "origin", "main"]);
    }
}

#[track_caller]
fn told(ran: &Ran) {
    let note = ran.json()["result"]["note"].as_str().unwrap_or_default().to_owned();
    assert!(note.contains("`bob` (102) is called `robert` on the forge now"), "{note}: {}", ran.stdout);
}

#[test]
fn a14_a_renamed_login_is_said_at_the_approval_and_by_verify_and_before_the_run() {
    let hub = Hub::new();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    hub.renames(102, "robert");
    let (_, event) = hub.says("robert", &format!("countersign approve {digest}"));
    told(&hub.answers(&event).exits(0));
    hub.checks_out(&head);
    told(&hub.job(&["verify", &digest], "", &[]).exits(0));
    told(&hub.executes(&digest).exits(0));
    // Case is no rename.
    let hub = Hub::new();
    hub.opens("mallory");
    let digest = hub.plans();
    hub.renames(102, "Bob");
    let (_, event) = hub.says("Bob", &format!("countersign approve {digest}"));
    assert!(hub.answers(&event).exits(0).json()["result"]["note"].is_null());
}

#[test]
fn a14_where_the_policy_asks_for_exact_logins_a_renamed_one_approves_and_runs_nothing() {
    let hub = Hub::new();
    hub.asks_for_exact_logins();
    let head = hub.opens("mallory");
    let digest = hub.plans();
    let (_, event) = hub.says("bob", &format!("countersign approve {digest}"));
    hub.answers(&event).exits(0);
    hub.renames(102, "robert");
    // Renamed after the approval: the door does not open.
    hub.checks_out(&head);
    hub.executes(&digest).refused(3, "approver.renamed");
    assert!(!hub.bench.path(CANARY).exists());
    // Renamed before: nothing is signed.
    hub.bench.git(&["checkout", "-q", "main"]);
    let (_, event) = hub.says("robert", &format!("countersign approve {digest}"));
    hub.answers(&event).refused(3, "approver.renamed");
    hub.model.state().review(NUMBER, "robert", "APPROVED");
    hub.job(&["approve", &digest, "--gate", "review"], "COUNTERSIGN_GATE_KEY", &[]).refused(3, "approver.renamed");
    // With the old login back, the approval that there is counts.
    hub.renames(102, "bob");
    hub.checks_out(&head);
    hub.executes(&digest).exits(0);
}

#[test]
fn a14_who_approves_by_key_is_told_of_a_login_that_changed() {
    let hub = Hub::new();
    hub.opens("mallory");
    let digest = hub.plans();
    hub.renames(101, "ada-lovelace");
    let line = ["approve", &digest, "--digest", &digest];
    // It is said before anything else, also to whom is refused.
    let ran = hub.owner(&line).refused(3, "approver.self");
    assert!(ran.stderr.contains("`ada` (101) is called `ada-lovelace`"), "{}", ran.stderr);
    // Without a token nobody is asked, and nothing is said.
    let ran = hub.bench.json(&line);
    assert!(!ran.stderr.contains("called"), "{}", ran.stderr);
}

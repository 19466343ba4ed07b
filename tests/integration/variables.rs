//! Variables of the environment that are ours: what cannot be read forbids, and never permits.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::{
    scene::{CANARY, approve, plan, real, real_plan, real_solo, solo},
    support::{Bench, Ran, ran},
};

/// Every variable that the tool reads, and one of our name that it does not know.
const OURS: [&str; 15] = [
    "COUNTERSIGN_EXECUTION",
    "COUNTERSIGN_SIDE_EFFECTS",
    "COUNTERSIGN_TRUST_ROOT",
    "COUNTERSIGN_CI",
    "COUNTERSIGN_KEY",
    "COUNTERSIGN_SIGNING_KEY",
    "COUNTERSIGN_PLANNER_KEY",
    "COUNTERSIGN_GATE_KEY",
    "COUNTERSIGN_EXECUTOR_KEY",
    "COUNTERSIGN_APP_ID",
    "COUNTERSIGN_APP_KEY",
    "COUNTERSIGN_GIT_TOKEN",
    "COUNTERSIGN_LEDGER_REMOTE",
    "COUNTERSIGN_IDENTITY",
    "COUNTERSIGN_OF_A_LATER_VERSION",
];

fn with(bench: &Bench, args: &[&str], name: &str, value: &[u8]) -> Ran {
    ran(bench.binary().args(args).arg("--json").env(name, OsStr::from_bytes(value)).output().unwrap())
}

#[test]
fn a_switch_that_cannot_be_read_is_off() {
    let bench = real_solo();
    let plan = real_plan(&bench, "p");
    real(&bench, &["approve", &plan.file, "--digest", &plan.digest]).exits(0);
    for name in ["COUNTERSIGN_EXECUTION", "COUNTERSIGN_SIDE_EFFECTS"] {
        let refused = with(&bench, &["execute", &plan.file], name, b"off\xff").refused(2, "variable.unreadable");
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
        assert!(!bench.path(CANARY).exists(), "it ran");
    }
    with(&bench, &["execute", &plan.file], "COUNTERSIGN_EXECUTION", b"on").exits(0);
    assert!(bench.path(CANARY).exists());
}

#[test]
fn no_variable_of_ours_is_left_out_because_it_cannot_be_read() {
    let bench = real_solo();
    for name in OURS {
        let refused = with(&bench, &["list"], name, b"\xff").refused(2, "variable.unreadable");
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
        assert!(!refused.stdout.contains('\u{fffd}'), "nothing of the value is shown: {}", refused.stdout);
    }
    let input = with(&bench, &["action"], "COUNTERSIGN_INPUT_COMMAND", b"list\xff");
    input.refused(2, "variable.unreadable");
    with(&bench, &["list"], "SOMEBODY_ELSES", b"\xff").exits(0);
}

#[test]
fn a_folder_need_not_be_text() {
    let bench = Bench::new(&[]);
    let home = bench.outside("home").into_os_string().into_encoded_bytes();
    with(&bench, &["init", "--solo"], "COUNTERSIGN_HOME", &[&home[..], b"\xff"].concat()).exits(0);
}

#[test]
fn a_switch_shows_its_value_and_says_what_permits() {
    let bench = solo();
    let drafted = plan(&bench, "mark", &[]);
    approve(&bench, "ada", &drafted, &[]).exits(0);
    for value in ["true", "1", "banana", "ON", " on"] {
        let ran = bench.run_with(&["execute", &drafted.file], &[("COUNTERSIGN_EXECUTION", value)], "", false).exits(3);
        assert!(ran.stderr.contains(&format!("COUNTERSIGN_EXECUTION is `{value}`")), "{}", ran.stderr);
        assert!(ran.stderr.contains("only `on` permits, as does no value"), "{}", ran.stderr);
    }
    bench.run_with(&["execute", &drafted.file], &[("COUNTERSIGN_EXECUTION", "")], "", false).exits(0);
}

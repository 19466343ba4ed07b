//! The first commands that somebody types: what is refused leaves nothing behind.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::{
    scene::{FILES, plan, solo, tip},
    support::{Bench, Ran, ran},
};

/// Everything below a folder but git's own, in order.
fn everything(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            found.push(path.strip_prefix(folder).unwrap().display().to_string());
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Sets up in vain: the refusal is the one that is meant, and nothing is there that was not before.
#[track_caller]
fn in_vain(bench: &Bench, args: &[&str], variables: &[(&str, &str)], code: i32, says: &str) -> Ran {
    let all = bench.repo().parent().unwrap().to_owned();
    let (before, ledger) = (everything(&all), tip(bench));
    let ran = bench.run_with(&[&["init", "--solo"], args].concat(), variables, "", false).exits(code);
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    assert_eq!(everything(&all), before, "something was left behind");
    assert_eq!(tip(bench), ledger);
    ran
}

#[test]
fn a_login_that_cannot_name_a_key_sets_nothing_up() {
    let bench = Bench::new(FILES);
    for login in ["a b", "", "../../x", "a/b", "-x\u{200b}"] {
        in_vain(&bench, &[&format!("--login={login}")], &[], 2, "--login");
    }
    in_vain(&bench, &["--email", "nonsense"], &[], 2, "--email");
    in_vain(&bench, &["--valid", "soon"], &[], 2, "--valid");
    bench.run(&["init", "--solo", "--login", "ada"]).exits(0);
}

#[test]
fn a_home_that_cannot_be_used_sets_nothing_up() {
    let bench = Bench::new(FILES);
    for (variable, value) in
        [("COUNTERSIGN_HOME", "rel"), ("COUNTERSIGN_HOME", "/dev/null/x"), ("COUNTERSIGN_HOME", "/proc/nowhere")]
    {
        in_vain(&bench, &[], &[(variable, value)], 2, "COUNTERSIGN_HOME");
    }
    let homeless = |home: &str| in_vain(&bench, &[], &[("COUNTERSIGN_HOME", ""), ("HOME", home)], 2, "HOME");
    homeless("");
    homeless("/dev/null");
    homeless("rel");
    // Within the repository nobody keeps a private key.
    let inside = bench.path("home").display().to_string();
    in_vain(&bench, &[], &[("COUNTERSIGN_HOME", &inside)], 2, "work tree");
}

#[test]
fn a_ledger_that_is_there_already_sets_nothing_up() {
    let bench = Bench::new(FILES);
    bench.git(&["branch", "countersign/ledger"]);
    in_vain(&bench, &[], &[], 2, "countersign/ledger");
    bench.git(&["branch", "-D", "countersign/ledger"]);
    bench.run(&["init", "--solo"]).exits(0);
}

#[test]
fn what_was_there_before_a_set_up_in_vain_is_there_after_it() {
    let bench = Bench::new(&[("pipelines/inventory.yml", "mine\n"), (".countersign/config.yml", "")]);
    bench.git(&["branch", "countersign/ledger"]);
    in_vain(&bench, &[], &[], 2, "countersign/ledger");
    assert_eq!(bench.read("pipelines/inventory.yml"), "mine\n");
}

#[test]
fn nothing_is_set_up_through_a_link() {
    let bench = Bench::new(&[]);
    let out = bench.outside("out");
    fs::create_dir(&out).unwrap();
    for link in ["pipelines", "directives", ".countersign", "pipelines/inventory", ".countersign/trust"] {
        let at = bench.path(link);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(&out, &at).unwrap();
        in_vain(&bench, &[], &[], 2, link);
        assert_eq!(everything(&out), Vec::<String>::new(), "{link} was followed");
        fs::remove_file(&at).unwrap();
    }
    for link in ["pipelines/inventory.yml", ".countersign/policy.yml", ".countersign/trust.json"] {
        symlink(out.join("file"), bench.path(link)).unwrap();
        in_vain(&bench, &[], &[], 2, link);
        fs::remove_file(bench.path(link)).unwrap();
    }
    bench.run(&["init", "--solo"]).exits(0);
}

#[test]
fn a_plan_that_is_not_recorded_leaves_no_file() {
    let bench = solo();
    let remotes = ["nosuch", "http://127.0.0.1:1/o/r.git", "ssh://git@127.0.0.1:1/o/r.git"];
    for remote in remotes {
        let line = ["plan", "mark", "--out", "../n.json"];
        let ran = bench.run_with(&line, &[("COUNTERSIGN_LEDGER_REMOTE", remote)], "", false);
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert!(!bench.outside("n.json").exists(), "{remote}: a plan that nobody recorded lies there");
    }
    // A file that is there stays as it is.
    fs::write(bench.outside("n.json"), "mine").unwrap();
    let line = ["plan", "mark", "--out", "../n.json"];
    assert_ne!(bench.run_with(&line, &[("COUNTERSIGN_LEDGER_REMOTE", "nosuch")], "", false).code, 0);
    assert_eq!(fs::read_to_string(bench.outside("n.json")).unwrap(), "mine");
    assert!(bench.outside(&plan(&bench, "mark", &[]).file[3..]).exists());
}

#[test]
fn a_folder_that_is_missing_is_named_once() {
    let bench = Bench::new(&[]);
    let told = bench.run(&["-C", "nowhere", "list"]).exits(2).stderr;
    assert!(told.contains("--directory") && told.contains("nowhere"), "{told}");
    assert!(!told.contains("at least one commit"), "{told}");
    let outside = bench.outside("plain");
    fs::create_dir(&outside).unwrap();
    let mut tool = bench.binary();
    tool.args(["-C", &outside.display().to_string(), "list"]).env("GIT_CEILING_DIRECTORIES", "/");
    let ran = ran(tool.output().unwrap());
    assert_eq!(ran.stderr.matches("inside a git checkout").count(), 1, "{}", ran.stderr);
}

#[test]
fn what_a_set_up_found_there_already_it_names_and_leaves_as_it_is() {
    let mine = [("pipelines/inventory.yml", "mine\n"), (".countersign/policy.yml", "theirs\n")];
    let bench = Bench::new(&mine);
    bench.run(&["keys", "generate", "ada"]).exits(0);
    let ran = bench.json(&["init", "--solo"]).exits(0);
    let result = ran.json()["result"].clone();
    let names = |what: &str| -> Vec<String> {
        result[what].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
    };
    let kept = names("kept");
    let key = result["personKey"].as_str().unwrap();
    assert_eq!(kept, [".countersign/policy.yml", "pipelines/inventory.yml", key]);
    assert!(!names("written").iter().any(|path| kept.contains(path)));
    for path in &kept {
        assert_eq!(ran.stderr.matches(&format!("  kept {path}, which was there\n")).count(), 1, "{}", ran.stderr);
    }
    for (path, content) in mine {
        assert_eq!(bench.read(path), content);
    }
    // Where nothing was there, nothing is said of it.
    let fresh = Bench::new(&[]).json(&["init", "--solo"]).exits(0);
    assert_eq!(fresh.json()["result"]["kept"], serde_json::json!([]));
    assert!(!fresh.stderr.contains("kept"), "{}", fresh.stderr);
}

#[test]
fn what_is_no_file_is_not_kept_in_the_place_of_one() {
    let bench = Bench::new(&[]);
    let place = bench.path("directives/inventory.md");
    fs::create_dir_all(&place).unwrap();
    in_vain(&bench, &[], &[], 2, "directives/inventory.md");
    fs::remove_dir(&place).unwrap();
    bench.run(&["init", "--solo"]).exits(0);
}

#[test]
fn a_command_that_is_shown_can_be_pasted_whatever_its_file_is_called() {
    let bench = solo();
    for (file, shown) in [("../p q's.json", r"'../p q'\''s.json'"), ("-q.json", "./-q.json"), ("~q.json", "'~q.json'")]
    {
        let told = bench.run(&["plan", "mark", &format!("--out={file}")]).exits(0).stdout;
        assert!(told.contains(&format!("next: countersign review {shown}\n")), "{told}");
        let told = bench.run(&["review", "--", file]).exits(0).stdout;
        assert!(told.contains(&format!("next: countersign approve {shown}")), "{told}");
    }
}

#[test]
fn a_repository_in_a_format_that_is_not_read_is_called_that_by_every_command() {
    let bench = solo();
    let outside = |name: &str, how: &str| {
        let made = bench.outside(name);
        bench.git(&["init", "-q", how, made.to_str().unwrap()]);
        format!("../{name}")
    };
    let sha256 = outside("sha256", "--object-format=sha256");
    let lines: [&[&str]; 12] = [
        &["init", "--solo"],
        &["keys", "show"],
        &["directives", "check"],
        &["pipelines", "list"],
        &["policy", "check"],
        &["plan", "mark"],
        &["verify", "sha256:12345678"],
        &["execute", "sha256:12345678"],
        &["halt", "--reason", "x"],
        &["ledger", "verify"],
        &["status"],
        &["list"],
    ];
    for line in lines {
        let ran = bench.json(&[&["-C", &sha256], line].concat()).refused(2, "repository.object_format");
        assert!(ran.stderr.contains("the ids of its objects are SHA-256"), "{}", ran.stderr);
        assert!(ran.stderr.contains("git init --object-format=sha1"), "{}", ran.stderr);
    }
    let told = bench.run(&["-C", &sha256, "doctor"]).stdout;
    assert!(told.contains("[repository.object_format]"), "{told}");
}

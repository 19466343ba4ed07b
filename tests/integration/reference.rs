//! The reference below `docs/reference` is what the tool says of itself.
//!
//! `COUNTERSIGN_BLESS=1 cargo test --test integration reference` writes it anew.

use std::{fmt::Write as _, fs, path::Path};

use clap::CommandFactory as _;

use crate::support::Bench;

#[track_caller]
fn compare(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, made).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == made, "{path} is not what the tool says; run the test again with COUNTERSIGN_BLESS=1");
}

fn help(command: &clap::Command, text: &mut String) {
    if command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    // A width of its own, so that the terminal in which the test runs decides nothing.
    let mut own = command.clone().term_width(100).max_term_width(100);
    let shown = own.render_help().to_string();
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", shown.join("\n").trim_end()).unwrap();
    for inner in command.get_subcommands() {
        help(inner, text);
    }
}

#[test]
fn the_command_line_reference_is_the_help_of_every_command() {
    let mut command = countersign::cli::Args::command();
    command.build();
    let mut text = "# The command line\n\nWritten by a test from the tool's own help.\n".to_owned();
    help(&command, &mut text);
    compare("docs/reference/cli.md", &text);
}

#[test]
fn the_reference_of_reasons_lists_every_code_with_its_exit_code_and_hint() {
    let mut text = "# Reason codes\n\nWritten by a test from the tool's own list; `countersign reasons CODE` says the \
                    same. Exit codes are in [formats.md](../formats.md#exit-codes).\n\n\
                    | code | exit | what happened | what to do |\n|---|---:|---|---|\n"
        .to_owned();
    for reason in countersign::app::reasons::all() {
        let cell = |words: &str| words.replace('|', "\\|");
        let (code, exit) = (reason.code, reason.class.code());
        writeln!(text, "| `{code}` | {exit} | {} | {} |", cell(reason.summary), cell(reason.hint)).unwrap();
    }
    compare("docs/reference/reasons.md", &text);
}

#[test]
fn the_manual_page_is_what_the_tool_prints() {
    let page = Bench::new(&[]).run(&["man"]).exits(0).stdout;
    compare("docs/reference/countersign.1", &page);
}

/// The third column of each table row, by its first: `| name | features | why | rejected |`.
fn listed(document: &str) -> Vec<(String, String)> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        Some((name, cells.next()?.replace('`', "")))
    })
    .collect()
}

#[test]
fn every_dependency_is_told_with_its_features() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut declared = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if let Some((name, value)) = line.split_once(" = ").filter(|_| inside) {
            let features = value.split_once("features = [").map_or("", |(_, rest)| rest.split(']').next().unwrap());
            let features: Vec<&str> = features.split(',').map(|word| word.trim().trim_matches('"')).collect();
            let bare = if value.contains("default-features = false") { "no defaults" } else { "defaults" };
            let mut words = vec![bare];
            words.extend(features.into_iter().filter(|word| !word.is_empty()));
            declared.push((name.to_owned(), words.join(", ")));
        }
    }
    let mut told = listed(&fs::read_to_string(root.join("docs/dependencies.md")).unwrap());
    declared.sort();
    told.sort();
    assert_eq!(told, declared, "docs/dependencies.md lists other dependencies or features than Cargo.toml");
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn tests_that_a_document_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("src"), &mut code);
    sources(&root.join("tests"), &mut code);
    let document = fs::read_to_string(root.join("docs/predecessors.md")).unwrap();
    let mut named = 0;
    for word in document.split('`').skip(1).step_by(2) {
        let is_test = word.matches('_').count() >= 3 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_test {
            named += 1;
            assert!(
                code.contains(&format!("fn {word}(")),
                "docs/predecessors.md names `{word}`, and there is no such test"
            );
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn tests_of_a_predecessors_feature_stand_in_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("src"), &mut code);
    sources(&root.join("tests"), &mut code);
    let document = fs::read_to_string(root.join("docs/predecessors.md")).unwrap();
    let row = |feature: &str| document.lines().find(|line| line.starts_with(&format!("| {feature} |")));
    let is_feature = |word: &str| {
        ["jf", "we", "aw", "df"]
            .iter()
            .any(|seed| word.strip_prefix(seed).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
    };
    let mut found = 0;
    for name in code.split("fn ").skip(1).filter_map(|rest| rest.split_once("()")).map(|(name, _)| name) {
        let feature = name.split('_').next().unwrap_or_default();
        if is_feature(feature) {
            found += 1;
            let feature = feature.to_ascii_uppercase();
            let row = row(&feature).unwrap_or_else(|| panic!("docs/predecessors.md has no row {feature}: `{name}`"));
            assert!(row.contains(&format!("`{name}`")), "the row {feature} does not name `{name}`");
        }
    }
    assert!(found > 30, "{found}");
}

#[test]
fn reason_codes_that_documents_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known: Vec<&str> = countersign::app::reasons::all().iter().map(|reason| reason.code).collect();
    let guide = fs::read_to_string(root.join("docs/guide.md")).unwrap();
    let (_, table) = guide.split_once("| you see | do |").unwrap();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cell = row[2..].split(" | ").next().unwrap();
        for code in cell.split('`').skip(1).step_by(2) {
            assert!(known.contains(&code), "docs/guide.md names `{code}`, and there is no such code");
        }
    }
}

#[test]
fn the_commands_of_comments_are_documented_as_they_are() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/comments.md")).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("| `countersign ")).collect();
    let cell = |entry: &countersign::approval::command::Entry| {
        format!("| `{}` | {} |", entry.form().replace('|', "\\|"), entry.summary)
    };
    let made: Vec<String> = countersign::approval::command::Verb::ALL.iter().map(cell).collect();
    assert_eq!(told, made);
}

//! The direction of imports, registered extension files, and paths that the documents name.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{UseTree, visit::Visit};

/// Who may import whom; `app` and `cli` stand at the end, `main` may only call them.
const TABLE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("git", &[]),
    ("facts", &["base"]),
    ("directive", &["base"]),
    ("sign", &["base"]),
    ("pipeline", &["base", "directive"]),
    ("plan", &["base", "directive", "pipeline", "facts"]),
    ("forge", &["base", "git", "facts"]),
    ("event", &["base", "plan"]),
    ("step", &["base", "git", "facts", "plan", "event", "forge"]),
    ("ledger", &["base", "git", "plan", "event", "sign"]),
    ("planner", &["base", "directive", "pipeline", "facts", "plan"]),
    ("provider", &["base", "forge"]),
    ("review", &["base", "facts", "plan"]),
    ("policy", &["base", "plan", "review"]),
    ("approval", &["base", "facts", "plan", "policy", "sign"]),
    ("verify", &["base", "facts", "plan", "policy", "approval", "sign", "ledger"]),
    ("execute", &["base", "plan", "step", "event", "verify"]),
    ("report", &["base", "facts", "plan", "review", "policy", "approval", "event", "sign", "ledger"]),
    ("cli", &["base", "app"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The room of a file under `src/`, or `None` for `lib.rs` and `main.rs`.
fn room(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    (first != "lib" && first != "main").then_some(first)
}

/// Collects the rooms that a file names through `crate::`.
#[derive(Default)]
struct Imports(BTreeSet<String>);

impl Imports {
    fn tree(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) if path.ident == "crate" => self.heads(&path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item)),
            _ => {}
        }
    }

    fn heads(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => drop(self.0.insert(path.ident.to_string())),
            UseTree::Name(name) => drop(self.0.insert(name.ident.to_string())),
            UseTree::Rename(name) => drop(self.0.insert(name.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.heads(item)),
            UseTree::Glob(_) => drop(self.0.insert("*".to_owned())),
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(second) = segments.next()
        {
            self.0.insert(second.ident.to_string());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(item) {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

/// Collects the whole text literals outside of a file's tests.
#[derive(Default)]
struct Literals(BTreeSet<String>);

impl<'ast> Visit<'ast> for Literals {
    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.insert(literal.value());
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(item) {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

fn is_for_tests(item: &syn::ItemMod) -> bool {
    item.attrs
        .iter()
        .any(|attr| attr.path().is_ident("cfg") && attr.parse_args::<syn::Ident>().is_ok_and(|inner| inner == "test"))
}

/// Files that only tests compile: `tests.rs`, a folder of that name, and declared test helpers.
fn is_test_file(file: &Path) -> bool {
    file.components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests.rs" | "tests" | "testing.rs" | "vectors.rs")))
}

#[test]
fn imports_go_one_way() {
    let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let Some(room) = room(&file) else { continue };
        if room == "app" || is_test_file(&file) {
            continue;
        }
        let Some(allowed) = table.get(room.as_str()) else {
            wrong.push(format!("{}: `{room}` is no room of the table", file.display()));
            continue;
        };
        let mut imports = Imports::default();
        imports.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        for import in imports.0 {
            let macro_or_own = import == room || import == "reasons";
            if !macro_or_own && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: `{room}` may not import `{import}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_document_shows_the_same_table() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, table) = text.split_once("| room | may import |\n").unwrap();
    let shown: Vec<String> =
        table.lines().skip(1).take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    let used: Vec<String> = TABLE
        .iter()
        .map(|(room, allowed)| {
            let allowed: Vec<String> = allowed.iter().map(|name| format!("`{name}`")).collect();
            let allowed = if allowed.is_empty() { "nothing in the crate".to_owned() } else { allowed.join(", ") };
            format!("| `{room}` | {allowed} |")
        })
        .collect();
    assert_eq!(shown, used, "docs/architecture.md");
}

#[test]
fn a28_execute_reaches_no_planner_yaml_template_or_model() {
    let allowed: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let mut reached = BTreeSet::new();
    let mut waiting = vec!["execute"];
    while let Some(next) = waiting.pop() {
        if reached.insert(next) {
            waiting.extend(allowed.get(next).copied().unwrap_or_default());
        }
    }
    assert!(
        !reached.contains("planner")
            && !reached.contains("provider")
            && !reached.contains("app")
            && !reached.contains("report")
    );
    for room in ["execute", "step", "event"] {
        for file in rust_files(&root().join("src").join(room)).into_iter().filter(|file| !is_test_file(file)) {
            let text = fs::read_to_string(&file).unwrap();
            for word in ["serde_saphyr", "serde_yaml", "base::yaml", "template::", "reqwest"] {
                assert!(!text.contains(word), "{} names `{word}`", file.display());
            }
        }
    }
}

#[test]
fn every_extension_file_is_registered() {
    for folder in
        ["src/review/checks", "src/planner/kinds", "src/step/kinds", "src/report/formats", "src/provider/wires"]
    {
        let folder = root().join(folder);
        let parent = folder.parent().unwrap();
        let registry: String = [folder.join("mod.rs"), parent.join("mod.rs")]
            .iter()
            .filter_map(|file| fs::read_to_string(file).ok())
            .collect();
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let Some(module) = name.strip_suffix(".rs").filter(|module| !matches!(*module, "mod" | "tests")) else {
                continue;
            };
            let named_twice = registry.matches(&format!("{module}::")).count() >= 1;
            assert!(
                registry.contains(&format!("mod {module};")) && named_twice,
                "{}: `{module}` has no `mod` line or no entry in ALL",
                folder.display()
            );
        }
    }
}

#[test]
fn paths_that_documents_name_exist() {
    let mut wrong = Vec::new();
    let mut documents = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("SECURITY.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                documents.push(path);
            }
        }
    }
    let tops =
        ["src/", "tests/", "docs/", "pipelines/", "directives/", "benches/", "schemas/", ".ci/", ".github/", "fuzz/"];
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let mut fenced = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            if fenced {
                continue;
            }
            for quoted in line.split('`').skip(1).step_by(2) {
                // `NAME` stands for a name of the reader's own.
                let looks_like_path = tops.iter().any(|top| quoted.starts_with(top))
                    && !quoted.contains("NAME")
                    && quoted.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
                if looks_like_path && !root().join(quoted.trim_end_matches('/')).exists() {
                    wrong.push(format!("{}: `{quoted}` does not exist", document.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_variables_has_those_that_are_read_and_no_others() {
    // The environment is read in `app` alone; what programs are given is told beside the steps.
    let mut read = BTreeSet::new();
    for file in rust_files(&root().join("src/app")).into_iter().filter(|file| !is_test_file(file)) {
        let mut literals = Literals::default();
        literals.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        let ours = |text: &String| {
            let name = text.strip_prefix("COUNTERSIGN_").unwrap_or_default();
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        read.extend(literals.0.into_iter().filter(ours));
    }
    let text = fs::read_to_string(root().join("docs/formats.md")).unwrap();
    let (_, section) = text.split_once("## Environment variables\n").unwrap();
    let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split(" | ").next()).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    // A name that ends in `...` stands for all that begin so; what follows `=` is a value.
    let names = cells.filter_map(|cell| cell.trim_end_matches("...").split('=').next());
    let told: BTreeSet<String> = names.filter(|name| name.starts_with("COUNTERSIGN_")).map(str::to_owned).collect();
    assert_eq!(told, read, "docs/formats.md lists the variables that src/app reads");
}

#[test]
fn files_stay_small() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")).into_iter().filter(|file| !is_test_file(file)) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = code
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#["))
            .count();
        if lines > 600 {
            wrong.push(format!("{}: {lines} lines of code", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stands_in_named_files_only() {
    let mut files = BTreeSet::new();
    for file in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("unsafe {") || text.contains("unsafe fn") || text.contains("unsafe impl") {
            files.insert(file.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    let known = fs::read_to_string(root().join("tests/data/unsafe.txt")).unwrap();
    let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
    assert_eq!(files, known, "tests/data/unsafe.txt lists every file with unsafe code");
}

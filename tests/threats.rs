//! The table of threats and the tests agree, in both directions.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::visit::Visit;

/// How many threats there are under each letter.
const ROWS: [(char, u32); 5] = [('A', 55), ('B', 53), ('C', 43), ('D', 21), ('E', 26)];

struct Row {
    places: String,
    tests: Vec<String>,
    state: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The table of `docs/threats.md`: id, rule, where, tests, state.
fn table() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Some(id) = cells.first().filter(|id| id.len() == 4 && id.as_bytes()[1] == b'-') else { continue };
        assert_eq!(cells.len(), 5, "{line}");
        let tests = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let row = Row { places: cells[2].to_owned(), tests, state: cells[4].to_owned() };
        assert!(rows.insert((*id).to_owned(), row).is_none(), "{id} stands twice");
    }
    rows
}

/// The functions of a file that are tests: marked as one, also for a runtime, or made by `proptest!`.
#[derive(Default)]
struct Tests(BTreeSet<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.attrs.iter().any(|attr| attr.path().segments.last().is_some_and(|last| last.ident == "test")) {
            self.0.insert(item.sig.ident.to_string());
        }
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        if item.path.is_ident("proptest") {
            let text = item.tokens.to_string();
            for rest in text.split("fn ").skip(1) {
                let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                self.0.extend(name.map(str::to_owned));
            }
        }
    }
}

fn tests() -> BTreeSet<String> {
    let mut found = Tests::default();
    let mut folders = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                read(&path, &mut found);
            }
        }
    }
    found.0
}

fn read(path: &Path, found: &mut Tests) {
    let text = fs::read_to_string(path).unwrap();
    found.visit_file(&syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
}

/// The ids at the beginning of a test's name: `c27_c28_x` has two.
fn ids(name: &str) -> Vec<String> {
    let is_id = |word: &&str| {
        word.len() == 3 && matches!(word.as_bytes()[0], b'a'..=b'e') && word[1..].bytes().all(|b| b.is_ascii_digit())
    };
    let words = name.split('_').take_while(is_id);
    words.map(|word| format!("{}-{}", word[..1].to_ascii_uppercase(), &word[1..])).collect()
}

#[test]
fn every_threat_has_one_row_with_a_state() {
    let table = table();
    let all: BTreeSet<String> =
        ROWS.iter().flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}-{n:02}"))).collect();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), all);
    for (id, row) in &table {
        let state = row.state.split(':').next().unwrap();
        assert!(["done", "partly", "later"].contains(&state), "{id}: `{}`", row.state);
        if state != "done" {
            assert!(row.state.len() > state.len() + 2, "{id} does not say what is missing");
        }
    }
}

#[test]
fn what_is_done_names_a_test_that_is_there() {
    let tests = tests();
    let mut wrong = Vec::new();
    for (id, row) in table() {
        if row.state.starts_with("later") {
            continue;
        }
        if row.tests.is_empty() {
            wrong.push(format!("{id} names no test"));
        }
        if row.places.is_empty() {
            wrong.push(format!("{id} does not say where"));
        }
        wrong.extend(row.tests.iter().filter(|name| !tests.contains(*name)).map(|name| format!("{id}: no `{name}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_tests_name_is_in_the_table_as_done_in_part_or_whole() {
    let table = table();
    let mut wrong = Vec::new();
    for name in tests() {
        for id in ids(&name) {
            match table.get(&id) {
                None => wrong.push(format!("`{name}`: there is no {id}")),
                Some(row) if row.state.starts_with("later") => wrong.push(format!("`{name}`: {id} is for later")),
                Some(row) if !row.tests.contains(&name) => wrong.push(format!("{id} does not name `{name}`")),
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_read_from_the_beginning_of_a_name() {
    assert_eq!(ids("c27_c28_c30_any_text"), ["C-27", "C-28", "C-30"]);
    assert_eq!(ids("a28_x_b01"), ["A-28"]);
    assert!(ids("accounts_add_up").is_empty());
}

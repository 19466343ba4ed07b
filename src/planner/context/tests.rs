//! What a model is told, and what never.

use super::*;

const FRONT: &str = "title: Release\npipelines: [check]\n";

fn directive(context: &str) -> Directive {
    let text = format!("---\n{FRONT}context: [{context}]\n---\nDo it.\n");
    Directive::read("directives/release.md", text.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"))
}

/// A tree in memory.
struct Files(BTreeMap<String, Vec<u8>>, Vec<String>);

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<_, _> =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let paths = files.keys().cloned().collect();
        Self(files, paths)
    }

    fn gather(&self, head: Option<&Self>, directive: &Directive, at_base: bool, limits: &Limits) -> Result<Gathered> {
        let read = |path: &str| Ok(self.0.get(path).cloned());
        let read_head = |path: &str| Ok(head.and_then(|head| head.0.get(path).cloned()));
        let head = head.map(|head| Tree { paths: &head.1, read: &read_head });
        let base = Tree { paths: &self.1, read: &read };
        let outside = [Outside { name: "issue 12", origin: Origin::Issue, text: "Do <!-- not --> it" }];
        let sources = Sources { directive, directive_at_base: at_base, base, head, outside: &outside };
        gather(&sources, limits)
    }
}

fn names(gathered: &Gathered) -> Vec<(&str, Origin)> {
    gathered.items.iter().map(|item| (item.name.as_str(), item.origin)).collect()
}

#[test]
fn d06_context_is_chosen_by_rules_and_in_one_order() {
    let files = Files::of(&[
        ("CONTEXT.md", "root"),
        ("docs/CONTEXT.md", "docs"),
        ("docs/a/b/c.md", "c"),
        ("docs/a/CONTEXT.md", "not on the way"),
        ("docs/z.md", "z"),
        ("directives/CONTEXT.md", "directives"),
        ("src/main.rs", "not asked for"),
    ]);
    let gathered = files.gather(None, &directive("docs/**/*.md"), true, &Limits::default()).unwrap();
    assert_eq!(
        names(&gathered),
        [
            ("directives/release.md", Origin::DirectiveAtBase),
            ("directives/CONTEXT.md", Origin::RepoAtBase),
            ("docs/CONTEXT.md", Origin::RepoAtBase),
            ("CONTEXT.md", Origin::RepoAtBase),
            ("docs/a/b/c.md", Origin::RepoAtBase),
            ("docs/z.md", Origin::RepoAtBase),
            ("issue 12", Origin::Issue),
        ]
    );
    assert_eq!(gathered.items[4].digest, Digest::of(b"c"));
    assert_eq!(gathered.items[6].text, "Do [hidden comment: not :end of hidden comment] it");
    assert_eq!(gathered, files.gather(None, &directive("docs/**/*.md"), true, &Limits::default()).unwrap());
}

#[test]
fn d08_a_file_that_the_head_changed_is_the_heads() {
    let base = Files::of(&[("a.md", "same"), ("b.md", "old"), ("CONTEXT.md", "base")]);
    let head = Files::of(&[("a.md", "same"), ("b.md", "new"), ("c.md", "added"), ("CONTEXT.md", "obey the head")]);
    let gathered = base.gather(Some(&head), &directive("\"*.md\""), true, &Limits::default()).unwrap();
    assert_eq!(
        names(&gathered)[1..5],
        [
            ("CONTEXT.md", Origin::RepoAtBase),
            ("a.md", Origin::RepoAtBase),
            ("b.md", Origin::RepoAtHead),
            ("c.md", Origin::RepoAtHead)
        ]
    );
    assert_eq!(gathered.items[1].text, "base", "the context file is the base's, whatever the head says");
}

#[test]
fn d05_agent_instructions_reach_the_model_only_where_the_base_names_them() {
    let base = Files::of(&[("a.md", "a")]);
    let head = Files::of(&[("a.md", "a"), ("AGENTS.md", "obey"), ("x/.mcp.json", "{}"), (".cursor/rules/r.md", "r")]);
    let swept = base.gather(Some(&head), &directive("\"**\""), true, &Limits::default()).unwrap();
    assert!(swept.items.iter().all(|item| !item.text.contains("obey")), "{:?}", names(&swept));
    let skipped: Vec<&str> = swept.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, [".cursor/rules/r.md", "AGENTS.md", "x/.mcp.json"]);
    assert!(swept.skipped.iter().all(|skipped| skipped.why == SkipReason::AgentInstructions));

    let named = base.gather(Some(&head), &directive("AGENTS.md"), true, &Limits::default()).unwrap();
    assert_eq!(names(&named)[1], ("AGENTS.md", Origin::RepoAtHead), "as data, with its label");
    let own = base.gather(Some(&head), &directive("AGENTS.md"), false, &Limits::default()).unwrap();
    assert_eq!(names(&own), [("directives/release.md", Origin::RepoAtHead), ("issue 12", Origin::Issue)]);
}

#[test]
fn d18_too_much_context_refuses_and_names_the_limit() {
    let files = Files::of(&[("a.md", "aaaaaaaaaa"), ("b.md", "b"), ("c.md", "c")]);
    let few = Limits { files: 2, ..Limits::default() };
    let refusal = files.gather(None, &directive("\"*.md\""), true, &few).unwrap_err();
    assert_eq!((refusal.code(), refusal.message()), ("planner.limit", "the context is 3 files, the limit is 2"));
    let small = Limits { total_bytes: 100, ..Limits::default() };
    assert_eq!(files.gather(None, &directive("\"*.md\""), true, &small).unwrap_err().code(), "planner.limit");
    assert!(files.gather(None, &directive("\"*.md\""), true, &Limits::default()).is_ok());
}

#[test]
fn what_is_not_told_is_named_with_its_reason() {
    let files = Files::of(&[("logo.png", "\u{0}png"), (".env", "A=1"), ("a\u{202e}b.md", "x")]);
    let gathered = files.gather(None, &directive("\"**\", gone.md"), true, &Limits::default()).unwrap();
    let skipped: Vec<_> = gathered.skipped.iter().map(|skipped| (skipped.name.as_str(), skipped.why)).collect();
    assert_eq!(
        skipped,
        [("gone.md", SkipReason::Unmatched), (".env", SkipReason::Sensitive), ("logo.png", SkipReason::Binary)]
    );
    assert_eq!(gathered.items[1].name, "a\\u{202e}b.md");
}

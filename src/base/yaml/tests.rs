use super::{parse::MAX_NODES, *};
use crate::base::value::Scalar;

fn findings_of(text: &str, known: &[&str]) -> Vec<Diagnostic> {
    read("a.yml", text, 1, |root, findings| root.fields("a thing", known, findings).map(|_| ())).unwrap_err()
}

fn codes(text: &str) -> Vec<&'static str> {
    findings_of(text, &["a", "b", "c"]).iter().map(|d| d.code).collect()
}

#[test]
fn an_anchor_and_a_tag_are_pointed_at_themselves_in_a_sentence() {
    for (text, place, told) in [
        ("a: &x 1\n", (1, 4), "anchors and aliases are not read"),
        ("a: &x\n  b: 1\n", (1, 4), "anchors and aliases are not read"),
        ("a: [1, &x 2]\n", (1, 8), "anchors and aliases are not read"),
        ("a: 'b & c'\nd:   !!str 1\n", (2, 6), "tags are not read"),
        ("a: *x\n", (1, 4), "anchors and aliases are not read"),
        ("- 'a\n  b'\n- &x [1]\n", (3, 3), "anchors and aliases are not read"),
    ] {
        let found = read("f", text, 1, |_, _| Some(())).unwrap_err();
        assert_eq!(((found[0].line, found[0].column), found[0].message.as_str()), (place, told), "{text}");
    }
}

#[test]
fn a_number_where_a_length_of_time_is_needed_is_told_the_units() {
    let found = read("f", "5", 1, |node, findings| node.duration(60, findings)).unwrap_err();
    assert_eq!(found[0].help.as_deref(), Some("write 5m, 5h or 5d"));
    let found = read("f", "99d", 1, |node, findings| node.duration(30 * 86_400, findings)).unwrap_err();
    assert_eq!(found[0].message, "99d is longer than 30d");
}

#[test]
fn all_findings_come_in_one_pass_with_place_snippet_and_nearest_word() {
    let found = findings_of("titel: x\na: 1\na: 2\nb: &x 1\nc: *x\n", &["title", "a", "b", "c"]);
    let places: Vec<_> = found.iter().map(|d| (d.line, d.column, d.code)).collect();
    assert_eq!(
        places,
        [(1, 1, "yaml.field_unknown"), (3, 1, "yaml.duplicate_key"), (4, 4, "yaml.feature"), (5, 4, "yaml.feature")]
    );
    assert_eq!(found[0].help.as_deref(), Some("did you mean `title`?"));
    assert_eq!(found[0].snippet.as_deref(), Some("titel: x"));
}

#[test]
fn what_two_readers_could_take_differently_is_refused() {
    for bad in ["a: !!str x", "a: &x y", "<<: {b: 1}", "? [x]\n: 1", "a: !x y"] {
        assert_eq!(codes(bad), ["yaml.feature"], "{bad}");
    }
    assert_eq!(codes("a: 1\n---\na: 2\n"), ["yaml.feature"]);
    assert_eq!(codes("a: [1\nb: 2"), ["yaml.malformed"]);
    assert_eq!(codes(""), ["yaml.malformed"]);
    assert_eq!(codes("# \u{202e}\na: 1"), ["text.unsafe"]);
}

#[test]
fn plain_text_that_is_a_number_or_a_boolean_elsewhere_needs_quotes() {
    let text_of = |yaml: &str| read("a.yml", yaml, 1, |root, f| root.text(f).map(str::to_owned));
    for bad in ["1.10", "no", "On", "y", "~", "0x1F", "1_000", "12:30", "1e3", "+1", ".5", ".nan", "null", "7"] {
        assert_eq!(text_of(bad).unwrap_err()[0].help.as_deref(), Some("put it in quotes"), "{bad}");
        assert_eq!(text_of(&format!("'{bad}'")).unwrap(), bad);
    }
    for good in ["1.2.3", "v1", "2026-11-20", "db.internal:5432", "a b", "inf", "10.0.0.1", "-x"] {
        assert_eq!(text_of(good).unwrap(), good);
    }
}

#[test]
fn scalars_keep_their_own_type() {
    let scalar = |yaml: &str| read("a.yml", yaml, 1, Node::scalar);
    assert_eq!(scalar("true").unwrap(), Scalar::Boolean(true));
    assert_eq!(scalar("'true'").unwrap(), Scalar::Text("true".into()));
    assert_eq!(scalar("-12").unwrap(), Scalar::Integer(-12));
    for bad in ["yes", "1.0", "007", "9007199254740992", "-0"] {
        assert_eq!(scalar(bad).unwrap_err()[0].code, "yaml.type", "{bad}");
    }
    assert!(read("a.yml", "True", 1, Node::boolean).is_err());
}

#[test]
fn lines_are_counted_from_the_first_line_given() {
    let found = read("a.md", "x: 1\n", 2, |root, f| root.fields("a thing", &["y"], f).map(|_| ())).unwrap_err();
    assert_eq!((found[0].line, found[0].snippet.as_deref()), (2, Some("x: 1")));
}

#[test]
fn b11_bombs_end_in_a_finding() {
    assert_eq!(codes(&format!("{}{}", "[".repeat(40), "]".repeat(40))), ["limit.depth"]);
    for (open, depth) in [("[", 5_000), ("{b: ", 5_000), ("- ", 5_000), ("? ", 5_000)] {
        assert!(matches!(codes(&open.repeat(depth))[0], "limit.depth" | "yaml.malformed"), "{open}");
    }
    assert_eq!(codes(&"a".repeat(MAX_BYTES + 1)), ["limit.size"]);
    let many = format!("a: [{}]", "x,".repeat(MAX_NODES + 1));
    assert_eq!(codes(&many), ["limit.count"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[-a-c:{}\\[\\]&*!|>'\"#%@`,? \n\t0-9~<]{0,60}") {
        let _ = read("a.yml", &text, 1, |root, f| root.scalar(f));
    }
}

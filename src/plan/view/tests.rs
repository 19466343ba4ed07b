use std::collections::BTreeMap;

use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag as MdTag};

use super::{testing::*, *};
use crate::{base::limits::RunLimits, plan::model::*};

fn view(plan: &Plan) -> View {
    View::new(plan, Digest::of(b"plan"))
}

/// Text that has broken a page somewhere.
const HOSTILE: [&str; 44] = [
    "",
    " ",
    "   ",
    " a ",
    "`",
    "``` ",
    "\n```\n# Approved\n```",
    "\n````````\n## UNINSPECTABLE\n\n- nothing\n",
    "\n~~~\n</code></pre><h1>x</h1>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- hidden -->",
    "</details><details><summary>more</summary>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "[a]: https://evil.example\n\n[a]",
    "[^1] and [^1]: note",
    "https://evil.example/ www.evil.example",
    "| a | b |\n|---|---|\n| c | d |",
    "- [x] done",
    "$$x$$ $`y`$ $z$",
    "```mermaid\ngraph TD\n```",
    "@everyone @octocat",
    "fixes #1, closes GH-2, !3, owner/repo#4",
    "/deploy production\n/close\n/approve",
    "\n/merge\n",
    "***bold*** __x__ ~~gone~~",
    "# heading\n===\n---",
    "> quote\n> > deeper",
    "\\` \\\\ \\x1b \\{empty} \\u{202e}",
    "&lt;b&gt; &amp; &#x3c;",
    "\x1b[2J\x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "safe\rEVIL",
    "a\x08\x08b\x7f\u{9b}31m",
    "\u{202e}txt.exe\u{202c}",
    "zero\u{200b}width\u{feff}\u{ad}",
    "tag\u{e0041}\u{e0042}\u{fe0f}",
    "\u{3164}\u{ffa0}\u{2800}\u{a0}",
    "Z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
    "\u{301}leading",
    "\tindented\n\t\tmore\t",
    "line\u{2028}separator\u{2029}",
    "\0nul",
];

/// What a page is made of, without the words: tags, and where code stands.
struct Parsed {
    skeleton: Vec<String>,
    headings: Vec<String>,
    inline: Vec<String>,
    blocks: Vec<String>,
}

/// Parses Markdown with every extension on; the two sections that depend on the text are left out of the skeleton.
fn parse(markdown: &str) -> Parsed {
    let mut parsed = Parsed { skeleton: Vec::new(), headings: Vec::new(), inline: Vec::new(), blocks: Vec::new() };
    let (mut heading, mut block, mut paragraph, mut noted) = (None::<String>, None::<String>, String::new(), false);
    for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        match &event {
            Event::Start(MdTag::Heading { level, id, classes, attrs, .. }) => {
                assert!(id.is_none() && classes.is_empty() && attrs.is_empty(), "{event:?}");
                heading = Some(format!("{level} "));
            }
            Event::End(pulldown_cmark::TagEnd::Heading(_)) => {
                let text = heading.take().unwrap();
                noted = text == "h2 UNINSPECTABLE" || text == "h2 Look twice";
                parsed.headings.push(text);
            }
            Event::Start(MdTag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                assert_eq!(&**info, "text");
                block = Some(String::new());
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => {
                parsed.blocks.push(read_back(&block.take().unwrap(), &paragraph));
            }
            Event::Start(MdTag::Paragraph) => paragraph.clear(),
            Event::Start(MdTag::List(None) | MdTag::Item) | Event::End(_) => {}
            Event::Code(code) => {
                if heading.is_none() && !noted {
                    parsed.inline.push(unescape(code));
                }
            }
            Event::Text(text) => match (&mut block, &mut heading) {
                (Some(block), _) => block.push_str(text),
                (None, Some(heading)) => heading.push_str(text),
                (None, None) => paragraph.push_str(text),
            },
            other => panic!("the page holds {other:?}"),
        }
        if !noted && !matches!(event, Event::Text(_)) {
            parsed.skeleton.push(match &event {
                Event::Code(_) => "code".to_owned(),
                other => format!("{other:?}"),
            });
        }
    }
    parsed
}

/// Takes the line numbers away again and reads the text back as the label above it says.
fn read_back(block: &str, label: &str) -> String {
    let lines: Vec<&str> = block.lines().map(|line| line.split_once("| ").unwrap().1).collect();
    let mut text = lines.join("\n");
    if !lines.is_empty() && !label.contains("without a line feed") {
        text.push('\n');
    }
    if label.contains("written as escapes") { unescape(&text) } else { text }
}

fn unescape(shown: &str) -> String {
    let mut out = String::new();
    let mut rest = shown;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (text, used) = match rest.as_bytes()[0] {
            b'\\' => ("\\".to_owned(), 1),
            b'n' => ("\n".to_owned(), 1),
            b't' => ("\t".to_owned(), 1),
            b'r' => ("\r".to_owned(), 1),
            b'{' => (String::new(), "{empty}".len()),
            b'x' => (char::from(u8::from_str_radix(&rest[1..3], 16).unwrap()).to_string(), 3),
            b'u' => {
                let end = rest.find('}').unwrap();
                (char::from_u32(u32::from_str_radix(&rest[2..end], 16).unwrap()).unwrap().to_string(), end + 1)
            }
            other => panic!("no escape: {other}"),
        };
        out.push_str(&text);
        rest = &rest[used..];
    }
    out.push_str(rest);
    out
}

fn count<T: PartialEq>(list: &[T], wanted: &T) -> usize {
    list.iter().filter(|item| *item == wanted).count()
}

/// The whole of C-27 to C-30 for one text in every field at once.
fn survives(words: &str) {
    let (benign, hostile) = (view(&plan_with("word")), view(&plan_with(words)));
    let (plain, parsed) = (parse(&benign.markdown()), parse(&hostile.markdown()));
    assert_eq!(plain.headings, parsed.headings, "{words:?}");
    assert_eq!(plain.skeleton, parsed.skeleton, "{words:?}");
    // Every place that held the benign word now holds the hostile text, whole.
    let wanted = words.to_owned();
    assert!(count(&parsed.inline, &wanted) >= count(&plain.inline, &"word".to_owned()), "{words:?}");
    assert_eq!(count(&parsed.blocks, &wanted), count(&plain.blocks, &"word".to_owned()), "{words:?}");
    assert_eq!(count(&plain.blocks, &"word".to_owned()), 7);
    for line in hostile.markdown().lines() {
        assert!(!line.starts_with('/') && !line.starts_with('@') && !line.starts_with('~'), "{line:?}");
    }
    check_terminal(&hostile.terminal(Color::Never));
    check_terminal(&without_own_colors(&hostile.terminal(Color::Always)));
    assert_eq!(without_own_colors(&hostile.terminal(Color::Always)), hostile.terminal(Color::Never));
    assert_eq!(tags(&benign), tags(&hostile), "{words:?}");
    let json: serde_json::Value = serde_json::from_str(&hostile.json().unwrap()).unwrap();
    assert_eq!(json["document"]["nonce"], words);
}

fn check_terminal(text: &str) {
    let bad = text.chars().find(|&c| c != '\n' && crate::base::text::is_unsafe(c));
    assert_eq!(bad, None);
}

fn without_own_colors(text: &str) -> String {
    ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m"].iter().fold(text.to_owned(), |text, code| text.replace(code, ""))
}

/// The tags of the page outside the two sections that depend on the text, as a tokenizer sees them.
fn tags(view: &View) -> Vec<String> {
    let page = view.html();
    assert!(
        !page.contains("<script") && !page.chars().any(|c| c != '\n' && c != '\t' && crate::base::text::is_unsafe(c))
    );
    let (head, rest) = page.split_once("<h2>UNINSPECTABLE</h2>").unwrap();
    let (_, tail) = rest.split_once("<h2>Writes</h2>").unwrap();
    format!("{head}{tail}").split('<').skip(1).map(|piece| piece.split_once('>').unwrap().0.to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c27_c28_c30_any_text_stays_text(
        parts in prop::collection::vec(
            prop_oneof![prop::sample::select(HOSTILE.as_slice()).prop_map(str::to_owned), any::<String>(), "[`$|\\[\\]<>#*_~\\-\n ]{0,12}"],
            0..5,
        )
    ) {
        survives(&parts.concat());
    }
}

#[test]
fn c30_each_known_attack_stays_text() {
    for words in HOSTILE {
        survives(words);
        survives(&format!("{words}{words}"));
        survives(&format!("x\n{words}\n"));
    }
}

#[test]
fn c30_a_fence_is_longer_than_any_run_of_backticks_in_it() {
    let markdown = view(&plan_with(&format!("a\n{}\n", "`".repeat(9)))).markdown();
    assert!(markdown.contains(&format!("\n{}text\n1| a\n2| {}\n", "`".repeat(10), "`".repeat(9))));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that takes vectors from outside where they are"
)]
fn c30_the_big_list_of_naughty_strings_stays_text() {
    let Ok(folder) = std::env::var("COUNTERSIGN_VECTORS") else {
        eprintln!("skipped: COUNTERSIGN_VECTORS is not set");
        return;
    };
    let file = std::path::Path::new(&folder).join("blns/blns.json");
    let list: Vec<String> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    list.iter().for_each(|words| survives(words));
}

#[test]
fn a46_mentions_references_and_commands_stand_only_in_code() {
    let words = "@team fixes #1\n/deploy";
    let markdown = view(&plan_with(words)).markdown();
    for line in markdown.lines() {
        assert!(!line.starts_with('/'), "{line}");
    }
    let mut in_block = false;
    for event in Parser::new_ext(&markdown, Options::all()) {
        match event {
            Event::Start(MdTag::CodeBlock(_)) => in_block = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_block = false,
            Event::Text(text) if !in_block => assert!(!text.contains(['@', '#', '/']), "{text}"),
            _ => {}
        }
    }
}

#[test]
fn c28_two_texts_that_differ_look_different() {
    let pairs = [("\\x1b", "\x1b"), ("", "\\{empty}"), (" ", ""), ("a\n", "a\\n"), ("a  b", "a b"), ("a", "a ")];
    for (a, b) in pairs {
        assert_ne!(text::line(a), text::line(b));
        assert_eq!(unescape(&text::line(a)), a);
        let (a, b) = (view(&plan_with(a)), view(&plan_with(b)));
        assert_ne!(a.markdown(), b.markdown());
        assert_ne!(a.html(), b.html());
        assert_ne!(a.terminal(Color::Never), b.terminal(Color::Never));
    }
}

#[test]
fn c29_nothing_is_shortened_or_collapsed() {
    let long = "0123456789 ".repeat(9_000);
    let mut plan = sample();
    plan.steps[0].why.clone_from(&long);
    plan.scripts[0].content = format!("{}\n", "echo x\n".repeat(5_000));
    let shown = view(&plan);
    assert!(shown.markdown().contains(long.trim_end()));
    assert!(shown.terminal(Color::Never).contains(long.trim_end()));
    assert!(shown.markdown().contains("\n5000| echo x\n"));
    assert!(!shown.html().contains("<details"));
}

#[test]
fn c29_a_view_that_does_not_fit_is_refused() {
    let shown = view(&sample());
    let size = shown.markdown().len();
    assert_eq!(shown.fits("a comment", size).unwrap(), shown.markdown());
    let refusal = shown.fits("a comment", size - 1).unwrap_err();
    assert_eq!(refusal.code(), "view.too_large");
    assert!(refusal.hints().any(|hint| hint.contains("countersign render")));
}

#[test]
fn c31_the_digest_is_that_of_the_markdown_and_moves_with_every_byte() {
    let shown = view(&sample());
    assert_eq!(shown.digest(), Digest::of(shown.markdown().as_bytes()));
    assert_eq!(shown.digest(), view(&sample()).digest());
    assert_ne!(shown.digest(), View::new(&sample(), Digest::of(b"other")).digest());
    let mut plan = sample();
    plan.steps[0].timeout_seconds += 1;
    assert_ne!(shown.digest(), view(&plan).digest());
    assert!(shown.markdown().contains(&Digest::of(b"plan").to_string()));
}

/// Changes each leaf of the plan's JSON in turn; the Markdown must show it.
#[test]
fn c31_every_field_of_the_plan_shows_in_the_view() {
    let before = view(&sample()).markdown();
    let value = serde_json::to_value(sample()).unwrap();
    let mut changed = 0;
    for pointer in leaves(&value) {
        let mut other = value.clone();
        let leaf = other.pointer_mut(&pointer).unwrap();
        *leaf = match leaf {
            serde_json::Value::Bool(b) => (!*b).into(),
            serde_json::Value::Number(n) => (n.as_u64().unwrap() + 1).into(),
            serde_json::Value::String(s) if s.starts_with("sha256:") => Digest::of(b"other").to_string().into(),
            serde_json::Value::String(s) => format!("{s}x").into(),
            _ => continue,
        };
        // Words of a closed list refuse the change.
        if let Ok(plan) = serde_json::from_value::<Plan>(other) {
            changed += 1;
            assert_ne!(view(&plan).markdown(), before, "{pointer}");
        }
    }
    assert!(changed > 100, "{changed}");
}

#[test]
fn c18_limits_that_are_declared_show_in_the_view_and_the_default_does_not() {
    let shown = |limits: RunLimits| {
        let mut plan = sample();
        for action in plan.steps.iter_mut().flat_map(|step| &mut step.actions) {
            if let Action::Run(run) = action {
                run.limits = limits;
                break;
            }
        }
        view(&plan).markdown()
    };
    assert!(!shown(RunLimits::default()).contains("Limits that are not the default"));
    let declared = shown(RunLimits::of([Some(65), None, Some(4_097), None, None, Some(7)]));
    for line in [
        "Limits that are not the default: 3",
        "memory of each process in MiB: 65",
        "size of any file in MiB: 4097",
        "disk taken where it may write in MiB: 7",
    ] {
        assert!(declared.contains(line), "{line} is not in {declared}");
    }
}

fn leaves(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(members) => members
            .iter()
            .flat_map(|(key, inner)| leaves(inner).into_iter().map(move |rest| format!("/{key}{rest}")))
            .collect(),
        serde_json::Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(i, inner)| leaves(inner).into_iter().map(move |rest| format!("/{i}{rest}")))
            .collect(),
        _ => vec![String::new()],
    }
}

fn kinds(notes: &[Note]) -> Vec<NoteKind> {
    notes.iter().map(|note| note.kind).collect()
}

fn first_run(step: &mut Step) -> &mut Run {
    step.actions.iter_mut().find_map(|action| if let Action::Run(run) = action { Some(run) } else { None }).unwrap()
}

#[test]
fn c32_what_cannot_be_seen_through_is_named_at_the_top() {
    use NoteKind::*;
    let shown = view(&sample());
    assert_eq!(kinds(&shown.uninspectable), [NetworkByPort, InterpreterScript]);
    let markdown = shown.markdown();
    assert!(markdown.find("## UNINSPECTABLE").unwrap() < markdown.find("## Writes").unwrap());

    let check = |change: &dyn Fn(&mut Plan), kind: NoteKind| {
        let mut plan = sample();
        change(&mut plan);
        assert!(kinds(&view(&plan).uninspectable).contains(&kind), "{kind:?}");
    };
    check(&|p| first_run(&mut p.steps[1]).program.digest = None, InterpreterNotPinned);
    check(
        &|p| first_run(&mut p.steps[1]).argv = vec![Arg::Literal("-c".into()), Arg::Literal("x".into())],
        InterpreterInlineCode,
    );
    for argument in ["-c", "-lc", "-cprint(1)", "-ne", "--eval=x", "--command"] {
        check(&|p| first_run(&mut p.steps[1]).argv.push(Arg::Literal(argument.into())), InterpreterInlineCode);
    }
    check(&|p| first_run(&mut p.steps[1]).argv.clear(), InterpreterUnseenCode);
    check(&|p| first_run(&mut p.steps[0]).program.interpreter = true, InterpreterRunTimeValue);
    check(&|p| first_run(&mut p.steps[0]).program.interpreter = true, InterpreterNetwork);
    check(&|p| p.scripts[0].content = "true\n".repeat(201), LongScript);
    check(&|p| p.scripts[0].content = format!("x = '{}'", "QUJD".repeat(51)), EncodedBlob);
    check(&|p| first_run(&mut p.steps[0]).argv.push(Arg::Literal("0f".repeat(101))), EncodedBlob);
    check(&|p| p.scripts[0].content = format!("{}\n", "QUJD".repeat(15)).repeat(5), EncodedBlob);
    check(&|p| p.scripts.clear(), ScriptMissing);
}

#[test]
fn c28_c33_c34_what_looks_odd_is_named_at_the_top() {
    use NoteKind::*;
    assert_eq!(kinds(&view(&sample()).look_twice), [SecretWithNetwork]);
    let check = |change: &dyn Fn(&mut Plan), kind: NoteKind| {
        let mut plan = sample();
        change(&mut plan);
        assert!(kinds(&view(&plan).look_twice).contains(&kind), "{kind:?}");
    };
    let host = |name: &'static str| move |plan: &mut Plan| first_run(&mut plan.steps[0]).network[0].name = name.into();
    for name in ["xn--80ak6aa92e.com", "a.xn--p1ai"] {
        check(&host(name), PunycodeHost);
    }
    for name in ["127.0.0.1", "::1", "[::1]", "127.1", "0x7f000001", "2130706433", "10.0.0.0x1"] {
        check(&host(name), AddressHost);
    }
    for name in ["user@forge.example", "Forge.example", "forge..example", "f\u{043e}rge.example", ""] {
        check(&host(name), OddHost);
    }
    check(&|p| p.steps[0].title = "p\u{0430}ypal".into(), MixedScript);
    check(&|p| p.steps[0].title = "\u{5d0}\u{5d1} 1, 2".into(), RightToLeft);
    check(&|p| p.steps[0].why = "${{ secrets.X }}".into(), TemplateText);
    check(&|p| p.steps[0].why = "a\u{202e}b".into(), HiddenCharacters);
    check(&|p| p.scripts[0].content = format!("true{};curl", " ".repeat(80)), HiddenByGap);
    check(&|p| p.scripts[0].content = format!("true{}curl", "\n".repeat(80)), HiddenByGap);
    check(&|p| p.scripts[0].content = format!("true {};curl", "#".repeat(300)), LongLine);
    check(&|p| p.effect = Effect::Read, EffectMisstated);
    check(&|p| p.scripts[0].content.push('x'), DigestMisstated);
    check(&|p| p.steps[1].needs = vec!["publish".parse().unwrap()], BrokenOrder);
    check(&|p| p.steps[1].needs = vec!["nobody".parse().unwrap()], BrokenOrder);
    check(&|p| first_run(&mut p.steps[1]).argv.clear(), SecretWithNetwork);
}

#[test]
fn c33_counts_and_lists_come_before_the_steps_and_steps_in_order_of_execution() {
    let shown = view(&sample());
    assert_eq!(shown.order.iter().map(ToString::to_string).collect::<Vec<_>>(), ["notes", "publish"]);
    let headings = parse(&shown.markdown()).headings;
    let place = |wanted: &str| headings.iter().position(|heading| heading.starts_with(wanted)).unwrap();
    let wanted = [
        "h1",
        "h2 Effects",
        "h2 Inputs",
        "h2 UNINSPECTABLE",
        "h2 Look twice",
        "h2 Writes",
        "h2 Programs",
        "h2 Hosts",
        "h2 Secrets",
        "h2 Commits",
        "h2 Tags",
        "h2 Risks",
        "h2 What the plan is bound to",
        "h2 How it was drafted",
        "h2 Steps",
        "h2 Scripts",
    ];
    assert!(wanted.is_sorted_by_key(|heading| place(heading)));
    let summary = &shown.summary;
    let effects: BTreeMap<_, _> = summary.effects.iter().map(|count| (count.effect.word(), count.steps)).collect();
    assert_eq!((effects["write"], effects["irreversible"]), (2, 0));
    let names = |uses: &[Use]| uses.iter().map(|entry| entry.what.clone()).collect::<Vec<_>>();
    assert_eq!(names(&summary.writes), ["Cargo.toml", "NOTES.md", "VERSION", "docs/notes.md", "docs/site"]);
    assert_eq!(names(&summary.hosts), ["forge.example:443"]);
    assert_eq!(names(&summary.secrets), ["FORGE_TOKEN"]);
}

#[test]
fn c33_steps_in_a_circle_or_of_one_name_are_all_shown() {
    let mut plan = sample();
    plan.steps[1].needs = vec!["publish".parse().unwrap()];
    assert_eq!(view(&plan).order.len(), 2);
    plan.steps[1].id = "publish".parse().unwrap();
    let shown = view(&plan).markdown();
    assert!(shown.contains("Write the notes") && shown.contains("The version is due."));
}

#[test]
fn c41_the_fixed_environment_is_listed() {
    let markdown = view(&sample()).markdown();
    for name in ["LC_ALL", "TZ", "HOME", "TMPDIR", "PATH", "SOURCE_DATE_EPOCH", "COUNTERSIGN_FENCING"] {
        assert!(markdown.contains(&format!("- ` {name} ` = ")), "{name}");
    }
    assert!(markdown.contains("` 1795176000 `"));
}

#[test]
fn c27_html_can_load_and_run_nothing() {
    let page = view(&sample()).html();
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.contains("lang=\"en\"") && page.contains("width=device-width"));
    assert!(!page.contains("http://") && !page.contains("url("));
}

#[test]
fn pages_of_two_plans_are_told_apart_by_their_titles() {
    let mut plan = sample();
    assert!(view(&plan).html().contains("<title>release 64879f7d, acme/widgets: plan to countersign</title>"));
    let other = View::new(&plan, Digest::of(b"another plan")).html();
    assert!(other.contains(&format!("<title>release {}, ", Digest::of(b"another plan").short())), "{other}");
    plan.subject.repo = "</title><script>\u{202e}".to_owned();
    assert!(view(&plan).html().contains(", &lt;/title&gt;&lt;script&gt;\\u{202e}: plan to countersign</title>"));
}

#[test]
fn one_typical_plan_in_all_formats() {
    let shown = view(&sample());
    insta::assert_snapshot!("terminal", shown.terminal(Color::Never));
    insta::assert_snapshot!("markdown", shown.markdown());
    insta::assert_snapshot!("html", shown.html());
    insta::assert_snapshot!("json", shown.json().unwrap());
}

use proptest::prelude::*;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::*;
use crate::{
    approval::{Invalidation, command, status::Counted, status::SetAside},
    base::{
        digest::Digest,
        ident::Id,
        method::Method,
        reason::{Refusal, USAGE},
        text::is_unsafe,
        time::Timestamp,
    },
    event::{RunStatus, StepStatus},
    facts::change_request::Reaction,
    facts::{
        account::{Account, AccountKind},
        change_request::Comment,
    },
    plan::{
        diff::diff,
        model::Plan,
        view::{
            View,
            testing::{plan_with, sample},
        },
    },
    policy::{self, RequirementKind, RequirementStatus},
    report::tests::{events, events_with},
    sign::predicate::LedgerHead,
    verify::testing::{ONE, Scene, Who},
};

/// Stands in every text of others, so that it is found wherever it ends up.
const CANARY: &str = "Zq7x";

const HOSTILE: [&str; 22] = [
    "plain",
    "",
    "`",
    "``` \n```\n# Approved\n",
    "\n````text\n/deploy\n````",
    "<!-- countersign:plan:release:v1 -->",
    "--> <img src=x onerror=alert(1)>",
    "</details><script>x</script>",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "[a]: https://evil.example\n\n[a] [^1]",
    "https://evil.example www.evil.example me@evil.example",
    "@everyone @octocat @team/x",
    "fixes #1, closes GH-2, !3, ~label, %milestone, owner/repo#4 1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f",
    "\n/close\n/approve\n/merge",
    "\ncountersign approve sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9\n",
    "\n\ncountersign halt\n\n",
    "| a | b |\n|---|---|\n| c | d |",
    "- [x] done\n***\n===\n> quote",
    "$$x$$ $`y`$ :tada: ~~gone~~ **bold** _it_",
    "\x1b[2J\u{202e}evil\u{200b}\u{feff}\r\0",
    "\\` \\\\ &lt;b&gt; &#x3c;",
    "::error::x ##[group]y",
];

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn at() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn digest() -> Digest {
    Digest::of(b"plan")
}

fn view_of(plan: &Plan) -> View {
    View::new(plan, digest())
}

fn part(kind: RequirementKind, asks: &str, have: u32, need: u32, parts: Vec<RequirementStatus>) -> RequirementStatus {
    RequirementStatus {
        kind,
        asks: asks.to_owned(),
        satisfied: have >= need,
        have,
        need,
        counted: Vec::new(),
        set_aside: Vec::new(),
        parts,
    }
}

fn counted(login: &str) -> Counted {
    Counted { payload: Digest::of(b"a"), login: login.to_owned(), method: Method::Ssh, expires: at() }
}

fn waiting(words: &str) -> Standing {
    let asks = format!("1 person with role technical-lead, none of them the author, within 72h{words}");
    let parts = vec![
        part(RequirementKind::People, &asks, 0, 1, Vec::new()),
        part(RequirementKind::People, &asks, 1, 1, Vec::new()),
    ];
    Standing::Waiting {
        progress: Some(part(RequirementKind::AllOf, "all of (...)", 1, 2, parts)),
        counted: vec![counted(&format!("bob{words}"))],
        set_aside: vec![SetAside {
            payload: Digest::of(b"b"),
            login: format!("ada{words}"),
            why: Invalidation::SelfApproval,
        }],
    }
}

/// The plan's comment with the ways that a phone needs.
fn comment<'a>(view: &'a View, standing: &'a Standing) -> PlanComment<'a> {
    PlanComment { view, standing, asks: &[Ask::Comment], since: None, page: None, channel: Channel::GitHub }
}

/// Every comment that we write, with words of others wherever there can be some.
fn all(words: &str) -> Vec<(&'static str, String)> {
    let words = &format!("{CANARY}{words}{CANARY}");
    let (plan, mut old) = (plan_with(words), sample());
    old.steps.truncate(1);
    let (view, changes) = (view_of(&plan), diff(&old, &plan));
    let since = Some(Since { plan: digest(), changes: &changes });
    let link = Link::new("https://forge.example/acme/widgets/actions/runs/42").unwrap();
    let environment = id("production");
    let asks = [
        Ask::Comment,
        Ask::Review { head: words },
        Ask::Environment { name: &environment, run: Some(&link) },
        Ask::Key,
    ];
    let refusal = Refusal::new(USAGE, words.as_str()).subject(words.as_str()).hint(words.as_str());
    let standings = [
        waiting(words),
        Standing::Denied(refusal.clone()),
        Standing::Permitted,
        Standing::Agreed(vec![counted(words)]),
        Standing::Past(RunStatus::Completed),
    ];
    let mut pages: Vec<(&'static str, String)> = Vec::new();
    for standing in &standings {
        let comment =
            PlanComment { view: &view, standing, asks: &asks, since, page: Some(&link), channel: Channel::GitHub };
        pages.push(("plan", comment.render().body));
    }
    let head = LedgerHead { genesis: Digest::of(b"genesis"), seq: 12, hash: Digest::of(b"entry") };
    let (directive, run) = (id("release"), id("run-1"));
    let result = ResultComment {
        directive: &directive,
        plan: digest(),
        run: &run,
        events: &events_with(words),
        ledger: Some(&head),
        page: Some(&link),
        channel: Channel::GitHub,
    };
    pages.push(("result", result.render()));
    pages.push(("refused", refused(&refusal, 7, Channel::GitHub)));
    let (name, path) = ("mark".parse().unwrap(), "directives/mark.md".parse().unwrap());
    pages.push(("request", request(&name, &path, words, Some(words))));
    let runs = [run_line()];
    let status = StatusReply {
        plan: digest(),
        directive: &directive,
        expires: at(),
        standing: &standings[0],
        labels: &[],
        runs: &runs,
        refusal: Some(&refusal),
    };
    pages.push(("status", StatusReply::render(&[status.clone(), status], 7, Channel::GitHub)));
    pages.push(("diff", DiffReply { plan: digest(), since }.render(7, Channel::GitHub)));
    pages.push(("help", help(7)));
    pages
}

fn run_line() -> RunLine {
    RunLine {
        run: id("run-1"),
        status: RunStatus::Running,
        steps: vec![(id("notes"), StepStatus::Succeeded), (id("publish"), StepStatus::Running)],
        unknown: vec![id("publish")],
    }
}

/// Asserts that a page holds nothing but our own markup, and words of others only in code.
fn is_inert(name: &str, page: &str) {
    assert!(page.starts_with("<!-- countersign:"), "{name}");
    assert!(command::read(page).unwrap().is_none(), "{name} is a command");
    assert!(!page.chars().any(|c| is_unsafe(c) && !matches!(c, '\n' | '\t')), "{name} hides something");
    let (mut block, mut html) = (false, 0);
    for (event, range) in Parser::new_ext(page, Options::all() - Options::ENABLE_SMART_PUNCTUATION).into_offset_iter() {
        match &event {
            Event::Start(Tag::CodeBlock(_)) => block = true,
            Event::End(TagEnd::CodeBlock) => block = false,
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                assert_eq!(*link_type, LinkType::Inline, "{name}");
                assert!(dest_url.starts_with("https://forge.example/"), "{name}: {dest_url}");
            }
            Event::Html(_) => html += 1,
            Event::Start(
                Tag::Paragraph
                | Tag::HtmlBlock
                | Tag::List(_)
                | Tag::Item
                | Tag::Strong
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell,
            )
            | Event::Start(Tag::Heading { id: None, .. })
            | Event::End(_)
            | Event::Rule
            | Event::SoftBreak => {}
            Event::Code(_) => {}
            Event::Text(_) if block => {}
            Event::Text(text) => {
                assert!(!text.contains(CANARY), "{name}: {text}");
                assert!(
                    !text.contains(['@', '#', '*', '`']) && !text.contains("://") && text.is_ascii(),
                    "{name}: {text}"
                );
                let long = text
                    .split(|c: char| !c.is_ascii_hexdigit())
                    .any(|run| run.len() >= 7 && run.bytes().any(|b| b.is_ascii_digit()));
                assert!(!long, "{name} holds what a forge takes for a commit: {text}");
            }
            other => panic!("{name} holds {other:?} at {range:?}: {}", &page[range.clone()]),
        }
    }
    assert_eq!(html, 1, "{name}: the marker, and no other HTML");
    // What reads the raw text and knows nothing of code finds no line of others that begins as they like.
    for line in page.lines() {
        assert!(!line.trim_start().starts_with('/') && !line.starts_with("::"), "{name}: {line}");
        assert!(!line.trim_start().starts_with(CANARY), "{name}: {line}");
    }
}

fn survives(words: &str) {
    for (name, page) in all(words) {
        is_inert(name, &page);
        let pasted = page.lines().filter(|line| line.starts_with("countersign approve")).collect::<Vec<_>>();
        let own = format!("countersign approve {}", digest());
        assert!(pasted.iter().all(|line| *line == own), "{name}: {pasted:?}");
    }
}

#[test]
fn a46_c30_words_of_others_mention_nobody_and_command_nothing_in_our_comments() {
    HOSTILE.iter().for_each(|words| survives(words));
}

#[test]
fn a46_c30_the_big_list_of_naughty_strings_stays_text_in_our_comments() {
    let Some(folder) = crate::base::vectors::suite("blns") else { return };
    let list: Vec<String> = serde_json::from_slice(&std::fs::read(folder.join("blns.json")).unwrap()).unwrap();
    // A page takes many at once, each on lines of its own.
    list.chunks(8).for_each(|words| survives(&words.join("\n")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a46_c30_any_words_stay_text_in_our_comments(words in "([`~<>\\[\\]()|\n\\\\/@#*_!$:-]|countersign |\\PC){0,60}") {
        survives(&words);
    }

    #[test]
    fn c29_what_is_shortened_stays_well_formed(words in "[`a\n]{0,400}", limit in 500_usize..4_000) {
        for (name, page) in all(&words) {
            let short = shorten::shorten(page, limit);
            prop_assert!(length(&short) <= limit, "{name}");
            if limit > 900 {
                is_inert(name, &short);
            }
        }
    }
}

#[test]
fn c29_the_view_stands_in_the_comment_whole_or_nobody_is_asked() {
    let standing = waiting("");
    let view = view_of(&sample());
    let shown = comment(&view, &standing).render();
    assert!(shown.asked && comment(&view, &standing).check_shown().is_ok());
    assert!(shown.body.contains(&view.markdown()), "the view is in the comment to the last byte");
    assert!(!shown.body.contains("<details"), "nothing is folded away");
    let line = format!("\n```text\ncountersign approve {}\n```\n", digest());
    assert_eq!(shown.body.matches(&line).count(), 1);
    assert!(shown.body.find(&line).unwrap() < shown.body.find("## Effects").unwrap(), "the line stands first");

    let mut plan = sample();
    plan.steps[0].why = "0123456789 ".repeat(6_000);
    let view = view_of(&plan);
    let link = Link::new("https://forge.example/run/1").unwrap();
    let large = PlanComment { page: Some(&link), ..comment(&view, &standing) };
    assert_eq!(large.check_shown().unwrap_err().code(), "view.too_large");
    let shown = large.render();
    assert!(!shown.asked && shown.body.contains("**No approval is asked for here**"));
    assert!(!shown.body.contains(&line) && !shown.body.contains(&view.markdown()[..2_000]), "no part of it is shown");
    assert!(length(&shown.body) < 5_000);
    assert!(shown.body.contains("](https://forge.example/run/1)") && shown.body.contains("countersign render sha256:"));
    assert!(PlanComment { channel: Channel::GitLab, ..large }.render().asked, "GitLab takes more");
}

#[test]
fn c29_the_limit_counts_what_the_forge_counts() {
    let standing = waiting("");
    let mut plan = sample();
    plan.steps[0].why = String::new();
    let base = length(&comment(&view_of(&plan), &standing).render().body);
    // The same number of bytes, and of characters: a forge that counts in UTF-16 takes only one of them.
    let room = Channel::GitHub.limit() - base;
    plan.steps[0].why = "\u{1f600}".repeat(room / 2 - 20);
    assert!(comment(&view_of(&plan), &standing).render().asked);
    plan.steps[0].why = "\u{1f600}".repeat(room / 2 + 20);
    assert!(!comment(&view_of(&plan), &standing).render().asked);
}

#[test]
fn nobody_is_asked_where_nothing_is_to_be_decided() {
    let view = view_of(&sample());
    let refusal = Refusal::new(USAGE, "no rule covers step publish");
    let agree = format!("countersign approve {}", digest());
    let run = format!("countersign execute {}", digest());
    for (standing, runs) in [
        (Standing::Denied(refusal), false),
        (Standing::Permitted, true),
        (Standing::Agreed(vec![counted("bob")]), true),
        (Standing::Past(RunStatus::Rejected), false),
        (Standing::Past(RunStatus::Completed), false),
    ] {
        let shown = comment(&view, &standing).render();
        assert!(!shown.asked && !shown.body.contains(&agree), "{standing:?}");
        assert_eq!(shown.body.contains(&run), runs, "{standing:?}");
    }
    // Nor by a comment, where comments do not count.
    let standing = waiting("");
    let shown = PlanComment { asks: &[Ask::Review { head: "1f1f" }], ..comment(&view, &standing) }.render();
    assert!(shown.asked && !shown.body.contains(&agree));
}

/// How the plan of a scene stands, with what was weighed just now.
fn standing_of(scene: &Scene, status: Option<RunStatus>) -> Standing {
    let (report, _) = scene.verify();
    Standing::of(&scene.decide(scene.now, policy::Purpose::Review), Some(&report.approvals), status)
}

#[test]
fn how_a_plan_stands_is_derived_and_only_what_waits_is_asked_about() {
    let scene = Scene::recorded(ONE, |_| {});
    let decision = scene.decide(scene.now, policy::Purpose::Review);
    for waits in [standing_of(&scene, Some(RunStatus::Drafted)), Standing::of(&decision, None, None)] {
        let Standing::Waiting { progress: Some(progress), counted, set_aside } = waits else { panic!("{waits:?}") };
        assert_eq!((progress.have, progress.need, counted.len(), set_aside.len()), (0, 1, 0, 0));
    }
    let mut scene = Scene::recorded(ONE, |_| {});
    scene.approve(Who::Ada);
    let waits = standing_of(&scene, Some(RunStatus::AwaitingApproval));
    assert!(matches!(&waits, Standing::Waiting { set_aside, .. } if set_aside.len() == 1), "{waits:?}");
    let scene = Scene::approved();
    let agreed = standing_of(&scene, Some(RunStatus::Approved));
    assert!(matches!(&agreed, Standing::Agreed(counted) if counted.len() == 1), "{agreed:?}");
    for status in [RunStatus::Rejected, RunStatus::Expired, RunStatus::Running, RunStatus::Completed] {
        let past = standing_of(&scene, Some(status));
        assert!(matches!(past, Standing::Past(same) if same == status), "{past:?}");
    }
    assert!(matches!(standing_of(&Scene::recorded("permit", |_| {}), None), Standing::Permitted));
    assert!(matches!(standing_of(&Scene::recorded("{deny: 'not now'}", |_| {}), None), Standing::Denied(_)));
}

#[test]
fn the_line_to_paste_is_the_approval_of_exactly_this_plan() {
    let (view, standing) = (view_of(&sample()), waiting(""));
    let body = comment(&view, &standing).render().body;
    let line = body.lines().find(|line| line.starts_with("countersign approve")).unwrap();
    let said = command::read(line).unwrap().unwrap();
    assert_eq!(said.command, command::Command::Approve { plan: digest() });
    // What a reply offers to be written can be written.
    let refusal = command::read(&line.replace("approve", "aprove")).unwrap_err();
    let reply = refused(&refusal, 7, Channel::GitHub);
    assert!(reply.contains(&format!("```text\n{line}\n```")), "{reply}");
}

#[test]
fn a_failed_run_tells_what_to_do_and_the_table_is_bounded() {
    let (directive, run) = (id("release"), id("run-1"));
    let events = events();
    let result = ResultComment {
        directive: &directive,
        plan: digest(),
        run: &run,
        events: &events,
        ledger: None,
        page: None,
        channel: Channel::GitHub,
    };
    let body = result.render();
    assert!(body.contains("countersign resolve run-1 lost retry REASON") && !body.contains("countersign retry"));
    let known: Vec<_> = events.iter().filter(|event| !format!("{event:?}").contains("lost")).cloned().collect();
    assert!(ResultComment { events: &known, ..result }.render().contains("countersign retry sha256:"));
    let unfinished = &events[..events.len() - 1];
    assert!(ResultComment { events: unfinished, ..result }.render().contains(": indeterminate"));
    let mut many = Vec::new();
    for n in 0..500 {
        for event in &events[1..3] {
            let text = serde_json::to_string(event).unwrap().replace("good", &format!("s{n}"));
            many.push(serde_json::from_str(&text).unwrap());
        }
    }
    let body = ResultComment { events: &many, ..result }.render();
    assert!(body.contains("and 460 steps more") && length(&body) < Channel::GitHub.limit());
}

#[test]
fn help_lists_every_command() {
    let body = help(7);
    for entry in command::Verb::ALL {
        assert!(body.contains(&format!("` {} `: ", entry.form())), "{}", entry.word);
    }
}

#[test]
fn our_own_words_are_well_formed() {
    for reason in crate::app::reasons::all() {
        let refusal = Refusal::new(reason, "x");
        is_inert(reason.code, &refused(&refusal, 7, Channel::GitHub));
    }
}

#[test]
fn a_link_is_an_address_and_nothing_else() {
    for good in ["https://github.com/a/b/actions/runs/1?pr=2#x", "http://127.0.0.1:8080/x", "https://h/%20"] {
        assert!(Link::new(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "http://forge.example",
        "javascript:alert(1)",
        "https://a)b",
        "https://a b",
        "https://a\n",
        "https://a'b",
        "//a",
    ] {
        assert!(Link::new(bad).is_none(), "{bad}");
    }
}

fn written(id: u64, author: u64, body: &str, minute: i64) -> Comment {
    Comment {
        id,
        author: Account { id: author, login: "countersign[bot]".to_owned(), kind: AccountKind::Bot },
        via_app: false,
        body: body.to_owned(),
        created_at: at().plus(minute),
        updated_at: at().plus(minute),
        number: 12,
        node: String::new(),
        url: String::new(),
    }
}

#[test]
fn a_comment_is_found_by_marker_and_author() {
    let marker = Marker::Plan(id("release"));
    let body = format!("{marker}\n\n### New\n");
    let old = format!("{marker}\n\n### Old\n");
    let place = |comments: &[Comment], mode| {
        let placed = place(comments, 5, &marker, &body, mode);
        let write = match placed.write {
            Write::Create => ("create", 0),
            Write::Update(comment) => ("update", comment.id),
            Write::Keep(comment) => ("keep", comment.id),
        };
        (write, placed.minimise.iter().map(|comment| comment.id).collect::<Vec<_>>())
    };
    use Mode::*;
    assert_eq!(place(&[], InPlace), (("create", 0), vec![]));
    // Of another author, of another directive, quoted, or with something before it: none of ours.
    let others = [
        written(1, 6, &old, 0),
        written(2, 5, &old.replace("release", "releas"), 0),
        written(3, 5, &format!("> {old}"), 0),
        written(4, 5, &format!(" {old}"), 0),
        written(5, 5, &old.replace(":v1 -->", ":v1 --> x"), 0),
        written(6, 5, &old.replace(":plan:", ":result:"), 0),
    ];
    assert_eq!(place(&others, InPlace), (("create", 0), vec![]));
    let ours = [written(9, 5, &old, 2), written(7, 6, &old, 3), written(8, 5, &old, 1)];
    assert_eq!(place(&ours, InPlace), (("update", 9), vec![8]));
    assert_eq!(place(&ours, AppendOnly), (("create", 0), vec![9]));
    // The same text is not written again, however the forge ends its lines.
    let same = [written(9, 5, body.trim_end().replace('\n', "\r\n").as_str(), 2), written(8, 5, &old, 1)];
    assert_eq!(place(&same, InPlace), (("keep", 9), vec![8]));
    assert_eq!(place(&same, AppendOnly), (("keep", 9), vec![8]));
}

#[test]
fn a_marker_is_a_comment_whatever_the_directive_is_called() {
    for name in ["a", "--", "a-", "-a--b-"] {
        for marker in [Marker::Plan(id(name)), Marker::Result(id(name)), Marker::Reply(7)] {
            let page = format!("{marker}\n\ntext\n");
            let html: String = Parser::new(&page)
                .filter_map(|event| if let Event::Html(html) = event { Some(html.to_string()) } else { None })
                .collect();
            assert_eq!(html.trim_end(), marker.to_string());
            assert!(marker.begins(&page));
        }
    }
}

#[test]
fn reactions_say_whether_a_command_was_understood() {
    let refusal = command::read("countersign aprove").unwrap_err();
    assert_eq!(reaction(&refusal), Reaction::Confused);
    let refusal = Refusal::new(crate::approval::reasons::APPROVER_SELF, "ada");
    assert_eq!(reaction(&refusal), Reaction::ThumbsDown);
}

#[test]
fn one_typical_comment_of_each_kind() {
    let (plan, standing) = (sample(), waiting(""));
    let mut old = sample();
    old.steps[0].actions.truncate(5);
    old.steps[0].verify.clear();
    let (view, changes) = (view_of(&plan), diff(&old, &plan));
    let since = Some(Since { plan: Digest::of(b"old"), changes: &changes });
    let link = Link::new("https://forge.example/run/42").unwrap();
    insta::assert_snapshot!("plan", PlanComment { since, ..comment(&view, &standing) }.render().body);
    let (directive, run) = (id("release"), id("run-1"));
    let head = LedgerHead { genesis: Digest::of(b"genesis"), seq: 12, hash: Digest::of(b"entry") };
    let result = ResultComment {
        directive: &directive,
        plan: digest(),
        run: &run,
        events: &events(),
        ledger: Some(&head),
        page: Some(&link),
        channel: Channel::GitHub,
    };
    insta::assert_snapshot!("result", result.render());
    let refusal = command::read("countersign approve sha256:5feceb66").unwrap_err();
    insta::assert_snapshot!("refused", refused(&refusal, 7, Channel::GitHub));
    let status = StatusReply {
        plan: digest(),
        directive: &directive,
        expires: at(),
        standing: &standing,
        labels: &["approved".parse().unwrap(), "friday".parse().unwrap()],
        runs: &[run_line()],
        refusal: None,
    };
    insta::assert_snapshot!("status", StatusReply::render(&[status], 7, Channel::GitHub));
    insta::assert_snapshot!("status_none", StatusReply::render(&[], 7, Channel::GitHub));
    insta::assert_snapshot!("diff", DiffReply { plan: digest(), since }.render(7, Channel::GitHub));
    insta::assert_snapshot!("help", help(7));
}

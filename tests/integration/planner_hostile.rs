//! A planner that means harm: whatever it answers is refused, or sealed and shown as what it is, and never done.

use countersign::{base::text::is_unsafe, plan::view::visible_line};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{
    planner_answers::{Case, Fate, all},
    planner_scene::{NOTES, answer, founded, honest, planned},
    scene::{approve, note, tip},
    support::Bench,
};

/// Finds what of a view could act on its reader, and what is not in it and must be.
fn dishonest(bench: &Bench, case: &Case) -> Vec<String> {
    let view = |format: &str| bench.run(&["render", "../answered.json", "--format", format]).exits(0).stdout;
    let (terminal, markdown, html) = (view("terminal"), view("markdown"), view("html"));
    let mut found = Vec::new();
    let mut holds = |what: &str, fine: bool| {
        if !fine {
            found.push(format!("{}: {what}", case.name));
        }
    };
    holds("it does not say that a model wrote it", terminal.contains("written by a model"));
    for page in [&terminal, &markdown] {
        holds("a character that acts", !page.chars().any(|c| is_unsafe(c) && c != '\n'));
        for line in page.lines().map(str::trim_start) {
            holds(line, !["::", "##[", "##vso", "/countersign"].iter().any(|begin| line.starts_with(begin)));
        }
        if let Some(text) = &case.text {
            // Where a page puts text in quotes, a quote inside is written out.
            let shown = visible_line(text);
            holds("it is not shown", page.contains(&shown) || page.contains(&shown.replace('"', "\\\"")));
        }
    }
    let mut in_block = false;
    for event in Parser::new_ext(&markdown, Options::all()) {
        match &event {
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Table(_) | Tag::HtmlBlock) => {
                holds(&format!("{event:?}"), false);
            }
            Event::Text(words) => {
                let text = case.text.as_deref().unwrap_or_default();
                holds("its words stand among ours", in_block || text.len() < 8 || !words.contains(text));
            }
            _ => {}
        }
    }
    for tag in ["<script>alert", "<img src=x", "<!-- approved", "<a href=\"javascript"] {
        holds(tag, !html.contains(tag));
    }
    found
}

#[test]
fn d02_whatever_a_hostile_planner_answers_is_refused_or_shown_truthfully_and_never_done() {
    let bench = founded(Some("{tainted: allow}"));
    let cases = all();
    assert!(cases.len() >= 100, "{} answers", cases.len());
    let (mut wrong, mut shown) = (Vec::new(), 0);
    for case in &cases {
        let before = tip(&bench);
        let ran = answer(&bench, &case.bytes, &[]);
        let told = ran.json();
        let code = told["reasonCode"].as_str().unwrap().to_owned();
        let fate = if ran.code == 0 { "sealed".to_owned() } else { code.clone() };
        let expected = match case.fate {
            Fate::Refused(code) => code,
            Fate::Shown => "sealed",
        };
        if fate != expected {
            wrong.push(format!("{}: {fate}, not {expected}: {}", case.name, told["result"]["message"]));
        }
        let sealed = bench.outside("answered.json").exists();
        assert!(!ran.stdout.chars().chain(ran.stderr.chars()).any(|c| is_unsafe(c) && c != '\n'), "{}", case.name);
        if ran.code != 0 {
            assert!(code.contains('.') && !code.starts_with("internal") && !sealed, "{}: {code}", case.name);
            assert_eq!(before, tip(&bench), "{}: the ledger holds something new", case.name);
            continue;
        }
        shown += 1;
        wrong.extend(dishonest(&bench, case));
        let before = tip(&bench);
        bench.json(&["execute", "../answered.json"]).refused(4, "approval.none");
        assert_eq!(before, tip(&bench), "{}", case.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(bench.git(&["status", "--porcelain"]), "", "something was written");
    note(&format!("{} hostile answers, {shown} of them shown", cases.len()));
}

#[test]
fn d02_the_honest_answer_passes_the_same_door_and_is_done_once_a_person_approves() {
    let bench = founded(None);
    let plan = planned(&bench, &honest(), &[]);
    bench.json(&["execute", &plan.file]).refused(4, "approval.none");
    approve(&bench, "ada", &plan, &[]).exits(0);
    bench.json(&["execute", &plan.file]).exits(0);
    assert_eq!(bench.read(NOTES), "hello\n");
}

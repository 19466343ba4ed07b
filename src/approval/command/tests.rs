use proptest::prelude::*;

use super::*;
use crate::base::text::check_free;

const HEX: &str = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";

fn plan() -> Digest {
    Digest::from_hex(HEX).unwrap()
}

fn said(text: &str) -> Said {
    read(text).unwrap_or_else(|e| panic!("{text:?}: {e}")).unwrap_or_else(|| panic!("{text:?} is no command"))
}

#[track_caller]
fn refused(text: &str, code: &str) -> Refusal {
    let refusal = read(text).expect_err(text);
    assert_eq!(refusal.code(), code, "{text:?}: {refusal}");
    refusal
}

#[track_caller]
fn ignored(text: &str) {
    assert_eq!(read(text).unwrap_or_else(|e| panic!("{text:?}: {e}")), None, "{text:?}");
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

#[test]
fn every_command_is_read_in_both_spellings() {
    let inputs = BTreeMap::from([(id("version"), "1.2.0".to_owned()), (id("note"), "two \"words\" \\".to_owned())]);
    let all = [
        ("plan", Command::Plan { directive: None, inputs: BTreeMap::new() }),
        (
            "plan release -i version=1.2.0 -i note=\"two \\\"words\\\" \\\\\"",
            Command::Plan { directive: Some(id("release")), inputs },
        ),
        ("status", Command::Status { plan: None }),
        ("status sha256:H", Command::Status { plan: Some(plan()) }),
        ("diff", Command::Diff { plan: None }),
        ("diff sha256:H", Command::Diff { plan: Some(plan()) }),
        ("approve sha256:H", Command::Approve { plan: plan() }),
        ("reject sha256:H it is Friday", Command::Reject { plan: plan() }),
        ("revoke", Command::Revoke { plan: None }),
        ("revoke sha256:H", Command::Revoke { plan: Some(plan()) }),
        ("execute sha256:H", Command::Execute { plan: plan() }),
        ("retry", Command::Retry { plan: None }),
        ("retry sha256:H", Command::Retry { plan: Some(plan()) }),
        (
            "resolve run-1 publish skip it is there",
            Command::Resolve { run: id("run-1"), step: id("publish"), how: ResolveAs::Skip },
        ),
        ("halt", Command::Halt),
        ("unlock all is well again", Command::Unlock),
        ("help", Command::Help),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (line, command) in all {
        let line = line.replace('H', HEX);
        seen.insert(command.verb());
        for text in [
            format!("countersign {line}"),
            format!("/countersign {line}"),
            format!("countersign   {line}  \r\n"),
            format!("\r\n  \n  countersign {line}\r\n\r\nbecause"),
        ] {
            assert_eq!(said(&text).command, command, "{text:?}");
        }
        let again = format!("{} because\n", command.line());
        if command.verb().entry().why == Why::Must {
            assert_eq!(said(&again).command, command);
        } else {
            assert_eq!(said(&command.line()), Said { command, reason: None });
        }
    }
    assert_eq!(seen.len(), Verb::ALL.len(), "a command has no test");
}

#[test]
fn a07_an_approval_is_exactly_one_line() {
    let line = format!("countersign approve sha256:{HEX}");
    let approve = Command::Approve { plan: plan() };
    for text in [line.clone(), format!("/{line}"), format!("{line}  \r\n\r\n"), format!(" {line}")] {
        assert_eq!(said(&text), Said { command: approve.clone(), reason: None }, "{text:?}");
    }
    assert_eq!(said(&format!("{line}\r\n\r\nLooks\ngood.")).reason.as_deref(), Some("Looks good."));

    // Neither a word beside it nor a line directly below it.
    refused(&format!("{line} looks good"), "comment.form");
    refused(&format!("{line} sha256:{HEX}"), "comment.form");
    refused(&format!("{line}\nlooks good"), "comment.text_below");
    refused(&format!("{line}\n> quoted"), "comment.text_below");
    refused(&format!("{line}\n<!-- -->"), "comment.text_below");
    refused(&format!("{line}\n---"), "comment.text_below");
    refused(&format!("{line}\n\n{line}"), "comment.several");

    // Quoted, in code, in an HTML comment, in the middle of something: no command at all.
    for text in [
        format!("> {line}"),
        format!(">{line}"),
        format!("    {line}"),
        format!("\t{line}"),
        format!("```\n{line}\n```"),
        format!("```\n{line}"),
        format!("~~~~\n~~~\n{line}\n~~~~"),
        format!("<!-- {line} -->"),
        format!("<!--\n{line}\n-->"),
        format!("<!-- x --> {line}"),
        format!("`{line}`"),
        format!("- {line}"),
        format!("# {line}"),
        format!("please {line}"),
        format!("On Friday a person wrote:\n> {line}\n"),
        format!("/approve sha256:{HEX}"),
        format!("approve sha256:{HEX}"),
        format!("//{line}"),
        format!("xcountersign approve sha256:{HEX}"),
        format!("countersign: approve sha256:{HEX}"),
    ] {
        ignored(&text);
    }
}

#[test]
fn a07_what_cannot_be_seen_refuses_and_no_letter_is_taken_for_another() {
    let line = format!("countersign approve sha256:{HEX}");
    for hidden in ["\u{200b}", "\u{feff}", "\u{2060}", "\u{ad}", "\u{e0041}", "\u{202e}", "\u{fe0f}", "\u{0}", "\u{7f}"]
    {
        refused(&format!("{line}{hidden}"), "comment.not_plain");
        refused(&format!("{hidden}{line}"), "comment.not_plain");
        refused(&line.replace("sign", &format!("si{hidden}gn")), "comment.not_plain");
        refused(&line.replace("approve ", &format!("approve{hidden} ")), "comment.not_plain");
        refused(&format!("{line}\n{hidden}"), "comment.text_below");
    }
    // Other blanks and other ends of a line than those of ASCII.
    for blank in ["\u{a0}", "\u{2003}", "\u{3000}", "\t", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\r"] {
        refused(&line.replacen(' ', blank, 1), "comment.not_plain");
        refused(&line.replace("approve ", &format!("approve{blank}")), "comment.not_plain");
    }
    // Letters that some folding takes for others: Kelvin sign, long s, dotless i, Cyrillic, full width.
    for text in [
        line.replace("sign", "\u{17f}ign"),
        line.replace('o', "\u{43e}"),
        line.replace("countersign", "\u{ff43}ountersign"),
        line.replace("sign", "s\u{131}gn"),
    ] {
        ignored(&text);
    }
    refused(&line.replace("approve", "\u{430}pprove"), "comment.not_plain");
    refused(&line.replace("sha256", "\u{17f}ha256"), "comment.not_plain");
    refused(&line.replace(':', "\u{ff1a}"), "comment.not_plain");
    // Neither is another case, though what was meant is said.
    let refusal = refused(&line.replace("countersign approve", "Countersign Approve"), "comment.verb");
    assert_eq!(refusal.hints().next(), Some(format!("did you mean `{line}`?").as_str()));
    refused(&format!("countersign approve SHA256:{HEX}"), "digest.format");
    let refusal = refused(&format!("countersign approve sha256:{}", HEX.to_uppercase()), "digest.format");
    assert_eq!(refusal.hints().next(), Some(format!("did you mean `{line}`?").as_str()));
}

#[test]
fn a08_a_digest_counts_whole_or_not_at_all() {
    for verb in ["approve", "reject", "execute"] {
        refused(&format!("countersign {verb}"), "approval.unbound");
        refused(&format!("countersign {verb}\n\nsha256:{HEX}"), "approval.unbound");
    }
    for verb in ["approve", "reject", "execute", "revoke", "retry", "status", "diff"] {
        for length in [7, 12, 40, 63] {
            refused(&format!("countersign {verb} sha256:{}", &HEX[..length]), "approval.digest_short");
            refused(&format!("countersign {verb} {}", &HEX[..length]), "approval.digest_short");
        }
        refused(&format!("countersign {verb} sha256:"), "approval.digest_short");
        refused(&format!("countersign {verb} {HEX}"), "digest.format");
        refused(&format!("countersign {verb} sha256:{HEX}0"), "digest.format");
        refused(&format!("countersign {verb} sha512:{HEX}"), "digest.format");
        refused(&format!("countersign {verb} sha256:{}g", &HEX[..63]), "digest.format");
        refused(&format!("countersign {verb} sha256:{}...", &HEX[..8]), "digest.format");
    }
    refused("countersign approve it", "digest.format");
}

#[test]
fn what_is_no_command_is_never_answered() {
    for text in [
        "",
        " \r\n\t ",
        "LGTM",
        "countersign is a fine word",
        "countersigned!",
        "Countersign, please",
        "Countersign the plan when you can",
        "countersign/countersign#12 is fixed",
        "The line is:\n\ncountersign status\n",
        "see\n\ncountersign halt\n",
        "/close",
        "/countersigner approve",
    ] {
        ignored(text);
    }
}

#[test]
fn what_nearly_is_one_is_told_what_to_write() {
    let hint = |text: &str, code: &str| refused(text, code).hints().next().unwrap().to_owned();
    let near = format!("countersign aprove sha256:{HEX}");
    assert_eq!(hint(&near, "comment.verb"), format!("did you mean `countersign approve sha256:{HEX}`?"));
    assert_eq!(hint("countersign stauts", "comment.verb"), "did you mean `countersign status`?");
    assert_eq!(
        hint("/countersign lgtm", "comment.verb"),
        "`countersign help` lists them; a command is written in lower case"
    );
    assert_eq!(hint("countersign", "comment.verb"), "`countersign help` lists them");
    assert_eq!(hint("Countersign halt", "comment.verb"), "did you mean `countersign halt`?");
    let form = "the form is `countersign resolve RUN STEP retry|skip|abort REASON`";
    assert_eq!(hint("countersign resolve run-1", "comment.form"), form);
    assert_eq!(hint("countersign resolve run-1 step gone", "comment.form"), form);
    refused("countersign resolve run-1 st$p skip x", "id.format");
    refused("countersign help me", "comment.form");
    refused(&format!("LGTM!\n\ncountersign approve sha256:{HEX}"), "comment.not_first");
    refused(&format!("<!-- template -->\ncountersign approve sha256:{HEX}"), "comment.not_first");
    refused(&format!("countersign plan {}", "a".repeat(MAX_LINE)), "limit.size");
    ignored(&format!("countersign {}", "a ".repeat(1 << 20)));
}

#[test]
fn inputs_of_a_plan_have_few_rules() {
    let of = |line: &str| match said(&format!("countersign plan {line}")).command {
        Command::Plan { directive, inputs } => (directive.map(|d| d.to_string()), inputs),
        other => panic!("{other:?}"),
    };
    assert_eq!(of("-i a=b=c release").1, BTreeMap::from([(id("a"), "b=c".to_owned())]));
    assert_eq!(of("-i a=").1, BTreeMap::from([(id("a"), String::new())]));
    assert_eq!(of("-i a=\"\"").1, BTreeMap::from([(id("a"), String::new())]));
    assert_eq!(of("-i \"a=x y\"").1, BTreeMap::from([(id("a"), "x y".to_owned())]));
    assert_eq!(of("-i a=it's$(x)`y`;&|<>*").1, BTreeMap::from([(id("a"), "it's$(x)`y`;&|<>*".to_owned())]));
    assert_eq!(of("-i a=c:\\x").1, BTreeMap::from([(id("a"), "c:\\x".to_owned())]));
    for (line, code) in [
        ("a b", "comment.form"),
        ("-i a", "comment.form"),
        ("-i", "comment.form"),
        ("-i a=1 -i a=2", "comment.form"),
        ("--expires 1h", "comment.form"),
        ("-i a=\"x", "comment.form"),
        ("-i a=\"\\n\"", "comment.form"),
        ("-i a.b=c", "id.format"),
        ("directives/release.md", "id.format"),
        ("-i a=\u{201c}x\u{201d}", "comment.not_plain"),
    ] {
        refused(&format!("countersign plan {line}"), code);
    }
}

#[test]
fn the_reason_is_what_the_person_said_and_nothing_else() {
    let why = |text: &str| said(text).reason;
    let reject = format!("countersign reject sha256:{HEX}");
    assert_eq!(why(&format!("{reject} it's \"bad")).as_deref(), Some("it's \"bad"));
    assert_eq!(why(&format!("{reject} no\nnot  now")).as_deref(), Some("no not now"));
    assert_eq!(why(&format!("{reject}\nGr\u{fc}\u{df}e")).as_deref(), Some("Gr\u{fc}\u{df}e"));
    let aside = format!("{reject}\n> quoted\n```\ncountersign halt\n```\n<!-- hidden\n -->\n    code\nreally");
    assert_eq!(why(&aside).as_deref(), Some("really"));
    assert_eq!(why("countersign halt"), None);
    assert_eq!(why("countersign halt on fire").as_deref(), Some("on fire"));
    assert_eq!(why("countersign revoke wrong one").as_deref(), Some("wrong one"));
    for text in [reject.as_str(), "countersign unlock", "countersign resolve run-1 a skip", &format!("{reject}\n> no")]
    {
        refused(text, "comment.reason_missing");
    }
    // A veto never fails for the way in which its reason is written.
    let odd = format!("{reject}\n{} e\u{301} \u{2764}\u{fe0f} ${{{{ x }}}} $[[ y ]] \u{202e}", "long ".repeat(500));
    let shown = why(&odd).unwrap();
    assert_eq!(shown.chars().count(), MAX_REASON);
    check_free(&shown, false).unwrap();
}

#[test]
fn the_table_is_in_order() {
    for (at, entry) in Verb::ALL.iter().enumerate() {
        assert_eq!(entry.verb as usize, at);
        assert_eq!(entry.verb.entry(), entry);
        assert_eq!(Verb::find(entry.word), Some(entry.verb));
        assert!(!entry.summary.is_empty() && !entry.summary.ends_with('.'), "{}", entry.word);
        assert_eq!(entry.why == Why::Must, entry.arguments.ends_with(" REASON") || entry.arguments == "REASON");
    }
}

#[test]
fn a07_the_big_list_of_naughty_strings_approves_nothing() {
    let Some(folder) = crate::base::vectors::suite("blns") else { return };
    let list: Vec<String> = serde_json::from_slice(&std::fs::read(folder.join("blns.json")).unwrap()).unwrap();
    for words in list {
        for text in [words.clone(), format!("countersign approve {words}"), format!("countersign {words}")] {
            assert!(!matches!(read(&text), Ok(Some(Said { command: Command::Approve { .. }, .. }))), "{text:?}");
        }
        let command = format!("countersign reject sha256:{HEX} x\n{words}");
        if let Ok(Some(said)) = read(&command) {
            check_free(&said.reason.unwrap(), false).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn a07_only_the_exact_line_is_an_approval(text in "(countersign|/countersign|.{0,3}|>)? ?(approve|.{0,4}) ?(sha256:)?[0-9a-f]{60,66}(.{0,3}|\n.{0,3}|\n\n.{0,5})") {
        if let Ok(Some(Said { command: Command::Approve { plan }, .. })) = read(&text) {
            let line = text.trim_start_matches([' ', '\n', '\r', '\t']).split('\n').next().unwrap();
            let line = line.trim_end_matches([' ', '\t', '\r']);
            let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
            let whole = plan.to_string();
            prop_assert!(words[0] == "countersign" || words[0] == "/countersign");
            prop_assert_eq!(&words[1..], ["approve", whole.as_str()]);
        }
    }

    #[test]
    fn any_text_comes_back_with_an_answer_of_plain_form(text in "(/?countersign )?(plan|halt|reject|status|revoke|\\PC{0,8})?(.|\n){0,80}") {
        if let Ok(Some(said)) = read(&text) {
            let line = said.command.line();
            prop_assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{}", line);
            let again = read(&format!("{line}{}", if said.command.verb().entry().why == Why::Must { " x" } else { "" }));
            prop_assert_eq!(again.unwrap().unwrap().command, said.command);
            if let Some(reason) = said.reason {
                prop_assert!(check_free(&reason, false).is_ok(), "{}", reason);
                prop_assert!((1..=MAX_REASON).contains(&reason.chars().count()));
            }
        }
    }

    #[test]
    fn values_in_quotes_come_back_as_they_were(value in "[ -~]{0,40}") {
        let command = Command::Plan { directive: None, inputs: BTreeMap::from([(id("a"), value)]) };
        prop_assert_eq!(said(&command.line()).command, command);
    }
}

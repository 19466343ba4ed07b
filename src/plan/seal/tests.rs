use super::{
    super::{
        model::{
            Action, Arg, Capture, CaptureFrom, CommitFiles, CopyFile, Host, Item, Origin, Output, PatchFile, Read,
            Risk, Run, Script, Severity, Slot, Step, Tag,
        },
        testing::{id, literals, path, plan_of, sample_plan, sample_run, sample_step, sample_write_step},
    },
    *,
};
use crate::base::{method::Method, value::ValueType};

fn refused(plan: &Plan) -> &'static str {
    seal(plan).map_or_else(|refusal| refusal.code(), |_| "sealed")
}

fn with_run(change: impl FnOnce(&mut Run)) -> Plan {
    let mut run = sample_run();
    change(&mut run);
    plan_of(vec![Step { actions: vec![Action::Run(run)], ..sample_step("look") }])
}

fn with_step(change: impl FnOnce(&mut Step)) -> Plan {
    let mut step = sample_write_step("change");
    change(&mut step);
    plan_of(vec![step])
}

fn with_plan(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = sample_plan();
    change(&mut plan);
    plan
}

/// Adds `action` to a step that may write.
fn with_action(action: Action) -> Plan {
    with_step(|step| step.actions.insert(0, action))
}

fn slot(prefix: &str) -> Slot {
    Slot {
        prefix: prefix.into(),
        from_step: id("change"),
        output: id("listing"),
        kind: ValueType::String,
        pattern: None,
        max_length: 200,
    }
}

/// A plan whose second step takes the output of the first as `argument`.
fn with_slot(argument: Slot, change: impl FnOnce(&mut Step)) -> Plan {
    let mut run = sample_run();
    run.argv.push(Arg::Slot(argument));
    let mut second = Step { needs: vec![id("change")], actions: vec![Action::Run(run)], ..sample_step("second") };
    change(&mut second);
    plan_of(vec![sample_write_step("change"), second])
}

fn run_of(step: &mut Step) -> &mut Run {
    step.actions.iter_mut().find_map(|action| if let Action::Run(run) = action { Some(run) } else { None }).unwrap()
}

#[test]
fn a_valid_plan_is_sealed_and_opens_to_the_same_bytes() {
    for plan in [sample_plan(), plan_of(vec![sample_write_step("change")]), with_slot(slot("--out="), |_| {})] {
        let sealed = seal(&plan).unwrap();
        assert_eq!(open(sealed.bytes().to_vec()).unwrap(), sealed);
        assert_eq!(sealed.digest(), Digest::of(sealed.bytes()));
        assert_eq!(sealed.plan(), &plan);
    }
}

#[test]
fn b12_a_plan_has_one_byte_form() {
    let text = String::from_utf8(seal(&sample_plan()).unwrap().bytes().to_vec()).unwrap();
    for bad in [
        format!("{text}\n"),
        format!(" {text}"),
        text.replacen("\"revision\":1", "\"revision\": 1", 1),
        text.replacen("{\"_type\"", "{\"environment\":null,\"_type\"", 1),
        text.replacen("\"effect\":\"read\",\"expiresAt\"", "\"effect\":\"read\",\"environment\":null,\"expiresAt\"", 1),
        text.replacen("List the sources", "List the sourc\\u0065s", 1),
    ] {
        assert_ne!(bad, text);
        assert_eq!(open(bad.clone().into_bytes()).unwrap_err().code(), "plan.non_canonical", "{bad}");
    }
}

#[test]
fn d17_unknown_fields_and_wrong_types_are_refused() {
    let text = String::from_utf8(seal(&sample_plan()).unwrap().bytes().to_vec()).unwrap();
    for (from, to, code) in [
        ("\"why\":\"To", "\"whz\":\"x\",\"why\":\"To", "plan.non_canonical"),
        ("\"why\":\"To", "\"whx\":\"x\",\"why\":\"To", "json.schema"),
        ("\"revision\":1", "\"revision\":\"1\"", "json.schema"),
        ("\"revision\":1", "\"revision\":1.0", "json.number"),
        ("\"revision\":1", "\"revision\":1,\"revision\":1", "json.duplicate_key"),
        ("plan/v1", "plan/v2", "plan.type"),
        ("\"run\":{", "\"rum\":{", "json.schema"),
    ] {
        let bad = text.replacen(from, to, 1);
        assert_ne!(bad, text);
        assert_eq!(open(bad.into_bytes()).unwrap_err().code(), code, "{to}");
    }
    assert_eq!(open(vec![b' '; MAX_BYTES + 1]).unwrap_err().code(), "limit.size");
}

#[test]
fn a35_a_plan_that_does_nothing_is_refused() {
    assert_eq!(refused(&plan_of(vec![])), "plan.empty");
    assert_eq!(refused(&with_step(|step| step.actions.clear())), "plan.empty");
}

#[test]
fn the_number_of_steps_is_limited_and_the_policy_can_raise_it() {
    let many = plan_of((0..101).map(|n| sample_step(&format!("s{n}"))).collect());
    assert_eq!(refused(&many), "plan.limit");
    assert!(seal_with(&many, &Limits { max_steps: 101, ..Limits::default() }).is_ok());
    let big = with_step(|step| {
        step.with.insert(id("x"), Scalar::Text("a".repeat(64 * 1024)));
    });
    assert_eq!(refused(&big), "plan.limit");
}

#[test]
fn the_steps_are_a_graph_without_cycles() {
    let needs =
        |name: &str, needs: &[&str]| Step { needs: needs.iter().map(|need| id(need)).collect(), ..sample_step(name) };
    for bad in [
        vec![needs("a", &[]), needs("a", &[])],
        vec![needs("a", &["b"])],
        vec![needs("a", &["a"])],
        vec![needs("a", &["b"]), needs("b", &["a"])],
        vec![needs("a", &[]), needs("b", &["a", "a"])],
        vec![needs("z", &[]), needs("a", &["c"]), needs("b", &["a"]), needs("c", &["b"])],
    ] {
        assert_eq!(refused(&plan_of(bad)), "plan.graph");
    }
    assert_eq!(refused(&plan_of(vec![needs("b", &["a"]), needs("a", &[])])), "sealed", "the order is free");
}

#[test]
fn effects_are_computed_again() {
    assert_eq!(refused(&with_plan(|plan| plan.effect = Effect::Write)), "plan.effect_mismatch");
    let mut understated = plan_of(vec![sample_write_step("change")]);
    understated.effect = Effect::Read;
    assert_eq!(refused(&understated), "plan.effect_mismatch");
    assert_eq!(refused(&with_step(|step| step.effect = Effect::Analyze)), "plan.effect_mismatch");
    assert_eq!(refused(&with_run(|run| run.writes.push(path("out")))), "plan.effect_mismatch");
    let tag = Action::Tag(Tag { name: "v1".into(), message: "x".into() });
    let advice =
        with_step(|step| (step.effect, step.actions) = (Effect::Recommend, vec![tag, step.actions[1].clone()]));
    assert_eq!(refused(&advice), "plan.effect_mismatch");
}

#[test]
fn c28_text_that_steers_is_ascii_and_free_text_misleads_nobody() {
    assert_eq!(refused(&with_run(|run| run.argv = literals(&["caf\u{e9}"]))), "text.not_ascii");
    assert_eq!(refused(&with_run(|run| run.argv = literals(&["a\nb"]))), "text.not_ascii");
    assert_eq!(refused(&with_plan(|plan| plan.subject.base_ref = "refs/heads/m\u{430}in".into())), "text.not_ascii");
    assert_eq!(refused(&with_step(|step| step.title = "a\u{202e}b".into())), "text.unsafe");
    assert_eq!(refused(&with_step(|step| step.why = "a\nb".into())), "text.unsafe");
    assert_eq!(refused(&with_plan(|plan| plan.intent = Some("a\u{200b}".into()))), "text.unsafe");
    let risk = Risk { text: "a\u{1b}[2J".into(), severity: Severity::Low, mitigation: None };
    assert_eq!(refused(&with_plan(|plan| plan.risks.push(risk))), "text.unsafe");
    assert_eq!(refused(&with_step(|step| step.title = "Gr\u{fc}\u{df}e".into())), "sealed");
    assert_eq!(refused(&with_step(|step| step.title = " ".into())), "plan.limit");
}

#[test]
fn d15_template_expressions_are_refused_anywhere() {
    assert_eq!(refused(&with_run(|run| run.argv = literals(&["${{ secrets.A }}"]))), "text.template");
    let patch = |replace: &str| {
        let replace = replace.to_owned();
        with_action(Action::Patch(PatchFile { path: path("a"), find: "x".into(), replace, count: 1 }))
    };
    assert_eq!(refused(&patch("$[[ inputs.a ]]")), "text.template");
    assert_eq!(refused(&patch("$(x) `y` %Z% {{ z }}")), "sealed", "no shell reads these");
}

#[test]
fn c38_secrets_in_the_text_of_a_plan_are_refused_and_not_repeated() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let refusal = seal(&with_run(|run| run.argv = literals(&[&format!("--token={token}")]))).unwrap_err();
    assert_eq!(refusal.code(), "secret.in_plan");
    assert!(!refusal.to_string().contains(&token));
    assert_eq!(refused(&with_step(|step| step.why = format!("because {token}"))), "secret.in_plan");
}

#[test]
fn c06_d16_no_plan_writes_the_guardrails() {
    for bad in [".github/workflows/x.yml", ".countersign/policy.yml", ".git/hooks/x", "directives/x.md", "."] {
        let bad = path(bad);
        let run = Run { writes: vec![bad.clone()], ..sample_run() };
        let copy = CopyFile { from: Read::new(path("a")), to: bad.clone(), replace: true };
        let patch = PatchFile { path: bad.clone(), find: "x".into(), replace: "y".into(), count: 1 };
        let commit = CommitFiles { paths: vec![bad.clone()], message: "x".into() };
        for action in [Action::Run(run), Action::Copy(copy), Action::Patch(patch), Action::Commit(commit)] {
            assert_eq!(refused(&with_action(action)), "path.protected", "{bad}");
        }
        let write = with_step(|step| {
            if let Action::Write(write) = &mut step.actions[0] {
                write.path = bad;
            }
        });
        assert_eq!(refused(&write), "path.protected");
    }
    let text = String::from_utf8(seal(&sample_plan()).unwrap().bytes().to_vec()).unwrap();
    let climbing = text.replacen("\"cwd\":\".\"", "\"cwd\":\"../x\"", 1);
    assert_eq!(open(climbing.into_bytes()).unwrap_err().code(), "json.schema");
}

#[test]
fn content_and_scripts_are_what_their_digests_say() {
    let other = with_step(|step| {
        if let Action::Write(write) = &mut step.actions[0] {
            write.content.push('x');
        }
    });
    assert_eq!(refused(&other), "plan.content_digest");

    let script = |name: &str, content: &str| Script {
        path: path(name),
        digest: Digest::of(b"print()"),
        content: content.into(),
    };
    let plan = |argument: &str, scripts: Vec<Script>| {
        let mut plan = with_run(|run| run.argv = vec![Arg::Script(path(argument))]);
        plan.scripts = scripts;
        plan
    };
    let good = script("pipelines/list/a.py", "print()");
    assert_eq!(refused(&plan("pipelines/list/a.py", vec![good.clone()])), "sealed");
    for (argument, scripts) in [
        ("pipelines/list/a.py", vec![]),
        ("pipelines/list/a.py", vec![script("pipelines/list/a.py", "print(1)")]),
        ("pipelines/list/a.py", vec![good.clone(), good.clone()]),
        ("pipelines/list/a.py", vec![good.clone(), script("pipelines/list/b.py", "print()")]),
        ("pipelines/other/a.py", vec![script("pipelines/other/a.py", "print()")]),
        ("src/a.py", vec![script("src/a.py", "print()")]),
    ] {
        assert_eq!(refused(&plan(argument, scripts)), "plan.script", "{argument}");
    }
}

#[test]
fn c24_a_step_output_fills_a_value_and_never_steers() {
    assert_eq!(refused(&with_slot(slot(""), |_| {})), "sealed");
    assert_eq!(refused(&with_slot(slot("--out="), |_| {})), "sealed");
    for prefix in ["-", "--", "-o", "--out=x-", "-oProxyCommand"] {
        assert_eq!(refused(&with_slot(slot(prefix), |_| {})), "plan.slot", "{prefix}");
    }
    assert_eq!(refused(&with_slot(Slot { output: id("none"), ..slot("") }, |_| {})), "plan.slot");
    assert_eq!(refused(&with_slot(Slot { kind: ValueType::Path, ..slot("") }, |_| {})), "plan.slot");
    assert_eq!(refused(&with_slot(Slot { max_length: 0, ..slot("") }, |_| {})), "plan.slot");
    assert_eq!(refused(&with_slot(Slot { pattern: Some("(".into()), ..slot("") }, |_| {})), "plan.slot");
    assert_eq!(refused(&with_slot(slot(""), |step| step.needs.clear())), "plan.slot", "the source may come later");
    let code = with_slot(slot(""), |step| run_of(step).program.interpreter = true);
    assert_eq!(refused(&code), "plan.slot", "an interpreter would run the value");
    assert_eq!(refused(&with_slot(slot("a\u{e9}"), |_| {})), "text.not_ascii");
}

#[test]
fn jf23_items_of_a_step_are_distinct_and_of_one_pipeline() {
    let item = |of: &str, value: &str| Item { of: id(of), value: value.into(), origin: Origin::DirectiveAtBase };
    let with = |first: Item, second: Item, change: fn(&mut Step)| {
        let mut plan = sample_plan();
        plan.steps = vec![sample_step("a"), sample_step("b")];
        (plan.steps[0].item, plan.steps[1].item) = (Some(first), Some(second));
        change(&mut plan.steps[1]);
        plan.effect = plan.steps[0].effect;
        refused(&plan)
    };
    assert_eq!(with(item("each", "1"), item("each", "2"), |_| {}), "sealed");
    assert_eq!(with(item("each", "1"), item("each", "1"), |_| {}), "plan.step");
    assert_eq!(with(item("each", "1"), item("other", "1"), |_| {}), "sealed");
    assert_eq!(with(item("each", "1"), item("each", ""), |_| {}), "plan.step");
    assert_eq!(with(item("each", "1"), item("b", "2"), |_| {}), "plan.step");
    assert_eq!(with(item("each", "1"), item("each", "2"), |step| step.pipeline = id("another")), "plan.step");
    assert_eq!(with(item("each", "1"), item("each", "2\n"), |_| {}), "text.not_ascii");
}

#[test]
fn c24_the_source_of_a_value_may_stand_further_back() {
    let mut plan = with_slot(slot(""), |step| step.needs = vec![id("between")]);
    plan.steps.push(Step { needs: vec![id("change")], ..sample_step("between") });
    assert_eq!(refused(&plan), "sealed");
}

#[test]
fn c01_programs_are_absolute_and_where_nobody_else_writes() {
    for bad in ["ls", "/tmp/ls", "/usr/../tmp/ls", "/home/a/ls"] {
        assert_eq!(refused(&with_run(|run| run.program.path = bad.into())), "program.path", "{bad}");
    }
}

#[test]
fn c04_dangerous_variables_pass_only_where_the_policy_names_them() {
    let set = |name: &str| with_run(|run| run.env = [(name.to_owned(), Arg::Literal("x".into()))].into());
    assert_eq!(refused(&set("MODE")), "sealed");
    assert_eq!(refused(&set("mode")), "env.name");
    assert_eq!(refused(&set("LD_PRELOAD")), "env.denied");
    let limits = Limits { dangerous_env: vec!["PYTHONPATH".into(), "PATH".into()], ..Limits::default() };
    assert!(seal_with(&set("PYTHONPATH"), &limits).is_ok());
    assert_eq!(seal_with(&set("PATH"), &limits).unwrap_err().code(), "env.denied");
    assert_eq!(refused(&with_run(|run| run.secrets = vec!["BASH_ENV".into()])), "env.denied");
    assert_eq!(refused(&with_run(|run| run.secrets = vec!["PGPASSWORD".into()])), "sealed");
}

#[test]
fn c34_hosts_have_one_plain_form() {
    let to = |name: &str| with_run(|run| run.network = vec![Host { name: name.into(), port: 443 }]);
    assert_eq!(refused(&to("db.internal")), "sealed");
    for bad in ["DB.internal", "user@db", "b\u{fc}cher.de", "127.1"] {
        assert_eq!(refused(&to(bad)), "host.invalid", "{bad}");
    }
}

#[test]
fn c40_what_the_kernel_would_refuse_is_refused_here() {
    let long = "a".repeat(99_000);
    assert_eq!(refused(&with_run(|run| run.argv = literals(&[long.as_str(); 11]))), "argv.limit");
    assert_eq!(refused(&with_run(|run| run.argv = literals(&["a\0b"]))), "text.not_ascii");
}

#[test]
fn what_writes_leaves_evidence_and_is_read_back() {
    assert_eq!(refused(&with_step(|step| step.verify.clear())), "plan.verification");
    assert_eq!(refused(&with_step(|step| step.verify = vec![step.actions[0].clone()])), "plan.verification");
    let writing = Run { writes: vec![path("x")], ..sample_run() };
    assert_eq!(refused(&with_step(|step| step.verify = vec![Action::Run(writing)])), "plan.verification");
    assert_eq!(refused(&with_step(|step| step.evidence.clear())), "plan.evidence");
    assert_eq!(refused(&with_step(|step| step.evidence = vec![id("other")])), "plan.evidence");
    assert_eq!(refused(&with_step(|step| run_of(step).captures.clear())), "plan.evidence");
    assert_eq!(refused(&with_step(|step| step.outputs.clear())), "plan.evidence");
    let capture = Capture { output: id("listing"), from: CaptureFrom::Stdout };
    assert_eq!(refused(&with_step(|step| run_of(step).captures.push(capture))), "plan.evidence");
    let enumerated = Output { kind: ValueType::Enum, pattern: None, max_length: 9 };
    assert_eq!(refused(&with_step(|step| _ = step.outputs.insert(id("listing"), enumerated))), "plan.evidence");
    let early = with_step(|step| step.actions.push(Action::Run(sample_run())));
    assert_eq!(refused(&early), "plan.evidence", "only the last program is captured");
}

#[test]
fn the_limits_of_a_step_hold() {
    for change in [
        (|step| step.timeout_seconds = 0) as fn(&mut Step),
        |step| step.timeout_seconds = 86_401,
        |step| step.retry.max_attempts = 0,
        |step| (step.retry.max_attempts, step.idempotent) = (6, true),
        |step| step.retry.max_attempts = 2,
        |step| step.retry.backoff_seconds = 61,
        |step| run_of(step).ok_codes.clear(),
        |step| run_of(step).ok_codes = vec![0, 0],
        |step| run_of(step).writes = vec![path("a"), path("a")],
    ] {
        assert_eq!(refused(&with_step(change)), "plan.step");
    }
    for name in ["", "-x", "a..b", "a.lock", "a/", "a b", ".a", "a~1", "a^{}", "@{u}"] {
        let tag = Action::Tag(Tag { name: name.into(), message: "x".into() });
        assert_eq!(refused(&with_action(tag)), "plan.step", "{name}");
    }
    let scratch = |name: &str| with_run(|run| run.argv.push(Arg::Scratch(name.into())));
    assert_eq!(refused(&scratch("a.txt")), "sealed");
    assert_eq!(refused(&scratch("../a")), "path.invalid");
}

#[test]
fn what_the_plan_is_for_has_one_form() {
    for change in [
        (|plan| plan.nonce = "0".repeat(31)) as fn(&mut Plan),
        |plan| plan.nonce = "G".repeat(32),
        |plan| plan.subject.head_sha = "abc1234".into(),
        |plan| plan.subject.base_sha = "A".repeat(40),
        |plan| plan.directive.commit = "HEAD".into(),
        |plan| plan.subject.host = String::new(),
        |plan| plan.revision = 2,
        |plan| plan.parent = Some(Digest::of(b"x")),
        |plan| plan.directive.name = id("other"),
        |plan| plan.gate = vec![Method::Key, Method::Key],
    ] {
        assert_eq!(refused(&with_plan(change)), "plan.identity");
    }
    for seconds in [0, -1, MAX_LIFETIME + 1] {
        let plan = with_plan(|plan| plan.expires_at = plan.created_at.plus(seconds));
        assert_eq!(refused(&plan), "plan.time");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn mutated_bytes_are_opened_as_they_are_or_refused(at in 0_usize..3_000, byte in 0_u8.., cut in 0_usize..3_000) {
        let sealed = seal(&with_slot(slot("--out="), |_| {})).unwrap();
        let mut bytes = sealed.bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(opened) = open(bytes.clone()) {
            proptest::prop_assert_eq!(opened.bytes(), &bytes[..]);
            proptest::prop_assert_eq!(opened.digest(), Digest::of(&bytes));
        }
        bytes.truncate(cut % bytes.len());
        proptest::prop_assert!(open(bytes).is_err());
    }

    #[test]
    fn sealing_any_printable_text_round_trips(title in "[ -~]{1,40}", argument in "[ -~]{0,40}", seconds in 1_i64..MAX_LIFETIME) {
        let mut plan = with_run(|run| run.argv = literals(&[&argument]));
        plan.steps[0].title = title;
        plan.expires_at = plan.created_at.plus(seconds);
        if let Ok(sealed) = seal(&plan) {
            proptest::prop_assert_eq!(sealed.plan(), &plan);
            proptest::prop_assert_eq!(open(sealed.bytes().to_vec()).unwrap(), sealed);
        }
    }
}

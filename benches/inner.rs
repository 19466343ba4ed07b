//! Inner parts, one by one: `cargo bench --bench inner`. Whole commands are measured by `benches/commands.py`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it measures; which of them fire differs by profile"
)]
#![expect(clippy::disallowed_methods, reason = "the bare spawn to compare with")]

#[path = "../tests/integration/model_double.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod model_double;
#[allow(dead_code, reason = "shared by two programs that each use a part")]
mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::OnceLock,
};

use countersign::{
    base::{canonical, digest::Digest, time::Clock},
    execute::sandbox::{Jail, Network, Profile},
    ledger::Mode,
    plan::{SealedPlan, seal, view::View},
    policy::{
        Policy, Purpose,
        evaluate::{Question, evaluate},
    },
    provider::{self, Source as _, http::HttpSource, wires},
    review::review,
};
use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use model_double::{ModelDouble, Reply, shapes};
use support::Site;

fn main() {
    divan::main();
}

/// A repository with plans and a ledger of 1,000 entries, made once.
fn site() -> &'static (tempfile::TempDir, Site) {
    static SITE: OnceLock<(tempfile::TempDir, Site)> = OnceLock::new();
    SITE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::make(folder.path());
        site.fill(1_000);
        (folder, site)
    })
}

fn plan(steps: usize) -> Vec<u8> {
    fs::read(site().1.plan(&format!("note{steps}"))).unwrap()
}

fn opened(steps: usize) -> SealedPlan {
    seal::open(plan(steps)).unwrap()
}

#[divan::bench]
fn hash_64_mib(bencher: Bencher<'_, '_>) {
    let bytes = vec![7_u8; 64 << 20];
    bencher.counter(BytesCount::new(bytes.len())).bench(|| Digest::of(black_box(&bytes)));
}

#[divan::bench(args = [10, 100])]
fn canonical_check_of_a_plan(bencher: Bencher<'_, '_>, steps: usize) {
    let bytes = plan(steps);
    bencher.counter(BytesCount::new(bytes.len())).bench(|| canonical::check(black_box(&bytes), 4 << 20).unwrap().len());
}

#[divan::bench(args = [10, 100])]
fn seal_open(bencher: Bencher<'_, '_>, steps: usize) {
    let bytes = plan(steps);
    bencher.with_inputs(|| bytes.clone()).bench_values(|bytes| seal::open(bytes).unwrap());
}

#[divan::bench(args = [10, 100])]
fn view_and_its_digest(bencher: Bencher<'_, '_>, steps: usize) {
    let plan = opened(steps);
    bencher.bench(|| View::new(black_box(plan.plan()), plan.digest()).digest());
}

#[divan::bench]
fn policy_compile(bencher: Bencher<'_, '_>) {
    let text = fs::read(site().1.repo().join(".countersign/policy.yml")).unwrap();
    bencher.bench(|| Policy::compile("policy.yml", black_box(&text)).unwrap());
}

#[divan::bench(args = [10, 100])]
fn review_and_policy_decision(bencher: Bencher<'_, '_>, steps: usize) {
    let text = fs::read(site().1.repo().join(".countersign/policy.yml")).unwrap();
    let policy = Policy::compile("policy.yml", &text).unwrap();
    let (plan, now) = (opened(steps), Clock::System.now());
    bencher.bench(|| {
        let report = review(plan.plan(), plan.digest(), &policy.review_settings());
        let (policy, digest, report) = (&policy, plan.digest(), &report);
        evaluate(Question { policy, plan: plan.plan(), digest, report, now, purpose: Purpose::Execute })
    });
}

#[divan::bench(args = [true, false])]
fn ledger_of_1000_entries(bencher: Bencher<'_, '_>, full: bool) {
    let mode = if full { Mode::Full } else { Mode::FromCheckpoint };
    let now = Clock::System.now().plus(60);
    site();
    bencher
        .counter(ItemsCount::new(1_000_usize))
        .with_inputs(|| site().1.ledger().with_mode(mode))
        .bench_values(|mut ledger| ledger.read(now).unwrap().length());
}

#[divan::bench]
fn sandbox_is_built(bencher: Bencher<'_, '_>) {
    let profile = Profile { grants: Vec::new(), network: Network::None, ports: Vec::new() };
    bencher.bench(|| Jail::new(black_box(&profile)).unwrap());
}

#[divan::bench]
fn bare_spawn_of_true() -> bool {
    std::process::Command::new("/usr/bin/true").output().unwrap().status.success()
}

/// A provider that says `tokens` at once, and a question of 64 KiB for it.
fn model(tokens: usize) -> (ModelDouble, String) {
    let mut events = shapes::events("openai", "{\"a\": 1}");
    let token = events[1].clone();
    events.splice(1..1, std::iter::repeat_n(token, tokens));
    (ModelDouble::always(Reply::Stream(events)), "a line of context \n".repeat(3_640))
}

fn source(double: &ModelDouble) -> HttpSource {
    HttpSource::new(wires::named("openai").unwrap(), Some(&double.url()), None, Default::default()).unwrap()
}

fn ask(source: &mut HttpSource, text: &str) -> provider::Exchange {
    let turns = [provider::Turn { role: provider::Role::Asker, text: text.to_owned() }];
    let schema = serde_json::json!({ "type": "object" });
    let question = provider::Question {
        system: "You draft plans.",
        turns: &turns,
        stable: 0,
        schema: &schema,
        model: "some-model",
        max_output_tokens: 4_096,
        seed: 1,
    };
    source.ask(&question, &mut |_| {}).unwrap()
}

/// What a question costs beside the provider's own time; `model_bare_exchange` is the same bytes without us.
#[divan::bench(args = [20, 1_000])]
fn model_question(bencher: Bencher<'_, '_>, tokens: usize) {
    let (double, text) = model(tokens);
    let mut source = source(&double);
    bencher.bench_local(|| ask(&mut source, &text));
}

/// The same for the first question, for which client and runtime are made.
#[divan::bench(args = [20, 1_000])]
fn model_first_question(bencher: Bencher<'_, '_>, tokens: usize) {
    let (double, text) = model(tokens);
    bencher.bench_local(|| ask(&mut source(&double), &text));
}

#[divan::bench(args = [20, 1_000])]
fn model_bare_exchange(bencher: Bencher<'_, '_>, tokens: usize) {
    let (double, text) = model(tokens);
    let sent = ask(&mut source(&double), &text).sent;
    let address = double.url().trim_start_matches("http://").to_owned();
    bencher.bench_local(|| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "POST /chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n", sent.len()).unwrap();
        stream.write_all(&sent).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    });
}

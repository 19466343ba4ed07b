//! Every parser, over valid documents that were altered: no panic, and never long.
//!
//! The fuzz targets run the same entry points for as long as one likes; see fuzz/README.md. The documents
//! lie in `tests/data/fuzz/<entry point>/`; what a fuzzer found lies beside them and is run as it is.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use countersign::app::fuzzing::{entry_points, run};

use crate::{
    issuer::minting::{self, By},
    support::Bench,
};

/// How long all altered documents of one entry point may take together before the rest is left out.
const BUDGET: Duration = Duration::from_millis(1_200);
/// How many altered documents of one entry point there are at most.
const ROUNDS: usize = 4_000;
/// How long a processor may work on one document: far more than it needs.
const LONGEST: Duration = Duration::from_secs(10);

/// A generator of numbers that gives the same ones every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// Pieces that parsers trip over.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{{",
    b"}}",
    b"{{ inputs.a }}",
    b":",
    b": ",
    b"- ",
    b"\n",
    b"\r\n",
    b"\t",
    b"---\n",
    b"...\n",
    b"&a ",
    b"*a",
    b"<<: *a\n",
    b"!!binary ",
    b"!x ",
    b"? ",
    b"|\n",
    b">-\n",
    b"#",
    b"%",
    b"'",
    b"9007199254740993",
    b"-0",
    b"1e400",
    b"18446744073709551616",
    b"null",
    b"true",
    b"~",
    b"../",
    b"//",
    b".git",
    b"\xe2\x80\xae",
    b"\xf3\xa0\x80\x81",
    b"e\xcc\x81",
    b"=",
    b"==",
    b"-----BEGIN SSH SIGNATURE-----\n",
    b"9999-12-31T23:59:60Z",
    b"0000-00-00T00:00:00Z",
    b"99999999999999d",
    b"ext::sh",
    b"@",
    b",",
    b",,",
    b"\xf0\x9f\x92\xa9",
];

/// Alters a document in one to four places.
fn alter(document: &[u8], others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = document.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        let until = (at + dice.roll(40)).min(bytes.len());
        match dice.roll(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            1 if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
            2 => drop(bytes.drain(at..until)),
            3 => {
                let copied = bytes[at..until].to_vec();
                bytes.splice(at..at, copied);
            }
            4 => bytes.truncate(at),
            5 => {
                // A piece of another document, from a place of its own.
                let other = &others[dice.roll(others.len())];
                let from = dice.roll(other.len() + 1);
                let to = (from + dice.roll(60)).min(other.len());
                bytes.splice(at..until, other[from..to].iter().copied());
            }
            6 => {
                let digits: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    bytes[digits[dice.roll(digits.len())]] = b'0' + dice.roll(10) as u8;
                }
            }
            _ => drop(bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].iter().copied())),
        }
    }
    bytes
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz").join(name)
}

fn documents(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder(name))
        .unwrap_or_else(|e| panic!("no documents for `{name}`: {e}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// How much of a processor this thread has had: what else the machine does is no matter of a parser.
fn worked() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[track_caller]
fn timed(name: &str, bytes: &[u8]) {
    let before = worked();
    run(name, bytes);
    let took = worked() - before;
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    assert!(took < LONGEST, "`{name}` took {took:?} for {} bytes, {shown:?}", bytes.len());
}

#[test]
fn c43_no_altered_document_makes_a_parser_panic_or_dawdle() {
    for (index, (name, _)) in entry_points().iter().enumerate() {
        let documents = documents(name);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1));
        timed(name, b"");
        documents.iter().for_each(|document| timed(name, document));
        let begun = Instant::now();
        for round in 0..ROUNDS {
            timed(name, &alter(&documents[round % documents.len()], &documents, &mut dice));
            if begun.elapsed() > BUDGET {
                break;
            }
        }
    }
}

#[test]
fn b11_c25_c43_bombs_end_soon_in_every_parser() {
    let bombs: Vec<Vec<u8>> = vec![
        b"[".repeat(200_000),
        b"{\"a\":".repeat(100_000),
        b"- ".repeat(100_000),
        b"? ".repeat(50_000),
        b"{{".repeat(50_000),
        b"\"\\u0041".repeat(50_000),
        b"a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n"
            .to_vec(),
        b"9".repeat(100_000),
        b"a/".repeat(100_000),
        b"**/".repeat(20_000),
        b"---\n".repeat(50_000),
        b"\n".repeat(200_000),
        b"- !a b\n".repeat(40_000),
        b"- &a b\n".repeat(40_000),
        [b"---\n".as_slice(), &b"- !a b\n".repeat(36_000), b"---\n"].concat(),
        (0..24_000).flat_map(|n| format!("k{n}: 1\n").into_bytes()).collect(),
        [b"---\ntitle: ".as_slice(), &b"\xe2\x80\xae".repeat(50_000), b"\n---\n"].concat(),
    ];
    for (name, _) in entry_points() {
        for bomb in &bombs {
            timed(name, bomb);
        }
    }
}

#[test]
fn every_parser_has_a_fuzz_target() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (name, _) in entry_points() {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let target = fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("run(\"{name}\"")), "{name}");
        assert!(documents(name).len() > 1, "{name} has documents to begin with");
    }
}

/// Writes the documents anew: small ones that stand here, and those of a loop that is gone through.
#[test]
#[ignore = "writes into the sources; for after a change of format"]
fn write_the_documents_anew() {
    let bench = Bench::new(&[("pipelines/mark.yml", PIPELINE), ("directives/mark.md", DIRECTIVE)]);
    bench.run(&["init", "--solo"]).exits(0);
    bench.commit("Set up countersign");
    let drafted = bench.json(&["plan", "mark", "--out", "../plan.json"]).exits(0).json();
    let digest = drafted["result"]["planDigest"].as_str().unwrap().to_owned();
    bench.json(&["approve", "../plan.json", "--digest", &digest]).exits(0);
    bench.json(&["execute", "../plan.json"]).exits(0);
    bench.json(&["bundle", "../plan.json", "--out", "../bundle.json"]).exits(0);
    let bundle = fs::read(bench.outside("bundle.json")).unwrap();
    let plan = fs::read(bench.outside("plan.json")).unwrap();
    let policy = fs::read(bench.path(".countersign/policy.yml")).unwrap();
    let root = fs::read(bench.path(".countersign/trust.json")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let mut ledger = root.clone();
    let (mut envelope, mut statement) = (Vec::new(), Vec::new());
    for line in value["ledger"].as_array().unwrap() {
        let line = line.as_str().unwrap();
        ledger.push(b'\n');
        ledger.extend_from_slice(line.as_bytes());
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let parsed = countersign::sign::Envelope::from_value(&entry["envelope"]).unwrap();
        let payload = parsed.unverified_payload();
        if String::from_utf8_lossy(payload).contains("/approval/v1") {
            (envelope, statement) = (parsed.to_bytes().unwrap(), payload.to_vec());
        }
    }
    let key = countersign::sign::key::PrivateKey::from_seed(&[7; 32]).public().unwrap();
    let line = countersign::app::keys::ssh::openssh_line(&key);
    let all: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("json", vec![br#"{"a":[1,-2,true,null,"\u00e9\n"],"b":{"c":"d"}}"#.to_vec(), plan.clone()]),
        ("canonical", vec![br#"{"a":[1,-2,true,null,"x"],"b":{"c":"d"}}"#.to_vec(), statement.clone()]),
        ("yaml", vec![PIPELINE.into(), b"a: [1, {b: 'c'}]\nb: |\n  text\n  more\n".to_vec(), policy.clone()]),
        ("directive", vec![DIRECTIVE.into(), DIRECTIVE.replace("lifetime: 24h\n", "").into()]),
        ("pipeline", vec![PIPELINE.into(), SCRIPT.into()]),
        ("template", TEMPLATES.iter().map(|text| text.as_bytes().to_vec()).collect()),
        ("policy", vec![policy, POLICY.into()]),
        ("plan", vec![plan.clone(), plan.iter().copied().filter(|byte| *byte != b' ').collect()]),
        (
            "envelope",
            vec![
                envelope,
                br#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}"#.to_vec(),
            ],
        ),
        ("statement", vec![statement, br#"{"predicateType":"https://countersign.dev/approval/v1"}"#.to_vec()]),
        ("trust_root", vec![root.clone(), br#"{"_type":"https://countersign.dev/trust-root/v1"}"#.to_vec()]),
        ("ledger", vec![ledger, [root, b"\n{}".to_vec()].concat()]),
        ("bundle", vec![bundle, br#"{"_type":"https://countersign.dev/bundle/v1"}"#.to_vec()]),
        ("ssh_key", vec![format!("{line} ada@example.com").into(), line.into()]),
        ("sshsig", vec![SSHSIG.into(), b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n".to_vec()]),
        ("jwks", vec![minting::jwks().to_string().into(), br#"{"keys":[]}"#.to_vec()]),
        ("id_token", [By::Rsa, By::Ec].map(id_token).to_vec()),
        ("remote_url", REMOTES.iter().map(|text| text.as_bytes().to_vec()).collect()),
        ("comment", COMMENTS.iter().map(|text| text.as_bytes().to_vec()).collect()),
        ("words", WORDS.iter().map(|text| text.as_bytes().to_vec()).collect()),
    ];
    for (name, documents) in all {
        fs::create_dir_all(folder(name)).unwrap();
        for (number, document) in documents.into_iter().enumerate() {
            fs::write(folder(name).join(format!("{number:02}")), document).unwrap();
        }
    }
}

/// Keys and a token that holds.
fn id_token(by: By) -> Vec<u8> {
    let claims = minting::claims("https://issuer.example", "urn:fuzz", "42", "7", 1_900_000_000);
    format!("{}\n{}", minting::jwks(), minting::token(by, &minting::header(by), &claims)).into()
}

const TEMPLATES: &[&str] = &[
    "v{{ inputs.version }}",
    "{{ steps.a.outputs.b }}",
    "{{ scripts.run.py }}",
    "--out={{ scratch.x.txt }}",
    "a {{inputs.b}} c {{ inputs.d }}",
    "plain",
];
const REMOTES: &[&str] = &[
    "https://git.example/a/b.git",
    "ssh://git@git.example:22/a/b",
    "git@git.example:a/b.git",
    "/srv/git/a.git",
    "ext::sh -c id",
    "file:///a",
];
/// Comments that are commands.
const COMMENTS: &[&str] = &[
    "countersign approve sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9\n\nLooks good.\n",
    "/countersign reject sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9 it is Friday\r\n\r\n> quoted\r\n",
    "countersign plan release -i version=1.2.0 -i note=\"two \\\"words\\\"\"",
    "countersign resolve run-1 publish skip it is there\n```\ncountersign halt\n```\n<!-- x\n-->\n",
    "countersign unlock all is well\n    code\n",
];

const WORDS: &[&str] = &[
    "2026-11-20T12:00:00Z",
    "9999-12-31T23:59:59Z",
    "24h",
    "90s",
    "7d",
    "src/main.rs",
    "a/b c/d.txt",
    "an-id",
    "docs/**/*.md",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "a plain sentence, with caf\u{e9}",
    "db.internal:5432",
    "p\u{430}ypal",
];
const SSHSIG: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg6kpsY+Kcuo7fFvKpbn5i8U0KP+S9ha
G0dTQxV1gAAAALY291bnRlcnNpZ24AAAAAAAAABnNoYTUxMgAAAFMAAAALc3NoLWVkMjU1MTkA
AABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAA==
-----END SSH SIGNATURE-----
";
const PIPELINE: &str = "description: Leave a mark.
effect: write
idempotent: true
timeout: 5m
retry: {attempts: 2, backoff: 2s}
onFailure: halt
inputs: {text: {type: string, default: hello}}
outputs: {sum: {type: digest, from: {fileDigest: mark.txt}}}
evidence: [sum]
actions:
  - write: {path: mark.txt, content: \"{{ inputs.text }}\\n\", replace: true}
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
verify:
  - run: {program: sha256sum, argv: [mark.txt], reads: [mark.txt]}
";
const SCRIPT: &str = "description: Run a script.
effect: write
inputs:
  name: {type: string, required: true, pattern: '[a-z]+', dash: true}
  count: {type: integer, default: 3, min: 1, max: 9}
outputs:
  tag: {type: string, pattern: 'v.*', maxLength: 200, from: {stdoutLine: 'tag='}}
evidence: [tag]
actions:
  - copy: {from: a, to: b, replace: false}
  - patch: {path: x, find: 'a', replace: 'b', count: 1}
  - run:
      program: python3
      argv: ['{{ scripts.run.py }}', --name, '{{ inputs.name }}', '--out={{ scratch.tmp.txt }}']
      cwd: .
      env: {MODE: fast}
      reads: [src]
      writes: [b]
      systemReads: [/usr/share/zoneinfo]
      network: ['db.internal:5432']
      secrets: [DATABASE_URL]
      okCodes: [0, 2]
  - commit: {paths: [b], message: 'change {{ inputs.name }}'}
  - tag: {name: 'v1', message: 'one'}
verify:
  - run: {program: ls, argv: [b], reads: [b]}
";
const DIRECTIVE: &str = "---
title: Leave a mark
pipelines: [mark]
inputs:
  text: {type: string, default: hello, pattern: '[a-z ]+', description: What is written}
  count: {type: integer, default: 3, min: 1, max: 9}
  day: {type: date, default: '2026-01-01'}
  target: {type: enum, values: [staging, production], default: staging}
context: [README.md, docs/**/*.md]
intent: To see something.
ceiling: {effect: write, risk: low}
gate: [key, ssh, terminal]
risks: [{text: It is seen, severity: low, mitigation: Delete it}]
assumptions: [There is room]
lifetime: 24h
steps:
  - {id: mark, pipeline: mark, title: Mark, why: To mark, needs: [], with: {text: '{{ inputs.text }}'}}
---
Leaves a mark.
";
const POLICY: &str = "version: 1
expires: '2030-01-01T00:00:00Z'
execution: {enabled: true, sideEffects: true}
limits: {steps: 100, planLifetime: 24h, approvalLifetime: 24h}
environments: [staging, production]
programs:
  git: {path: /usr/bin/git, flags: [-o, --output]}
  python3: {path: /usr/bin/python3, interpreter: true}
secrets: {DATABASE_URL: {environment: [staging]}}
rules:
  - id: reads
    when: {effect: {atMost: analyze}, network: none, secrets: none, uninspectable: false}
    then: permit
  - id: writes
    when: {effect: {atLeast: recommend}, writes: {within: ['src/**', '*.md']}, hosts: ['api.example.com:443']}
    then: {needsApproval: {allOf: [{people: 1, roles: [lead]}, {kOf: {k: 1, of: [{people: 2}, {people: 1, methods: [ssh]}]}}]}}
  - {id: never, when: {writes: {touching: ['secrets/**']}}, then: {deny: by hand only}}
";

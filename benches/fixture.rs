//! What `benches/commands.py` measures on: makes repositories and ledgers, and takes the bare figures.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it prepares measurements; which of them fire differs by profile"
)]
#![expect(clippy::disallowed_methods, reason = "the bare spawn to compare with")]

#[allow(dead_code, reason = "shared by two programs that each use a part")]
mod support;

use std::{path::PathBuf, time::Instant};

use countersign::base::digest::Digest;
use support::Site;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // Repository and people, and a ledger of a length.
        ["make", folder, entries] => {
            let site = Site::make(&PathBuf::from(folder));
            site.fill(entries.parse().unwrap());
        }
        // A plan of a directive, approved by two people.
        ["approved", folder, directive] => {
            let site = Site::at(&PathBuf::from(folder));
            let plan = site.plan(directive);
            site.approve(&plan);
            println!("{}", plan.display());
        }
        // A plan of a directive that the policy permits.
        ["permitted", folder, directive] => {
            let site = Site::at(&PathBuf::from(folder));
            let plan = site.plan(directive);
            site.permit(&plan);
            println!("{}", plan.display());
        }
        // A second, longer ledger in the same repository.
        ["fill", folder, entries] => Site::at(&PathBuf::from(folder)).fill(entries.parse().unwrap()),
        // Milliseconds of one bare spawn of a program, output captured, one after the other.
        ["spawn", program, times] => {
            let times: u32 = times.parse().unwrap();
            let begin = Instant::now();
            for _ in 0..times {
                assert!(std::process::Command::new(program).output().unwrap().status.success());
            }
            println!("{}", begin.elapsed().as_secs_f64() * 1000.0 / f64::from(times));
        }
        // SHA-256 of a file, as every command hashes files.
        ["hash", file] => {
            let (digest, _) = Digest::of_reader(std::fs::File::open(file).unwrap()).unwrap();
            println!("{}", digest.hex());
        }
        _ => panic!("usage: fixture make|approved|permitted|fill|spawn|hash ..."),
    }
}

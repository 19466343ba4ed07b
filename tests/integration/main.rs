//! The tool as people use it, on real repositories with real programs.
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test fails by panicking, starts programs of its own, and says what it leaves out"
)]

mod attacks;
mod fuzz_smoke;
mod loop_solo;
mod loop_team;
mod pipelines_bulk_edit;
mod pipelines_inventory;
mod pipelines_migration;
mod pipelines_postgres;
mod pipelines_release;
mod pipelines_support;
mod pipelines_terraform;
mod readme;
mod reference;
mod scene;
mod support;

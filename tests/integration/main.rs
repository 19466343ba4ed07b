//! The tool as people use it, on real repositories with real programs.
#![expect(unreachable_pub, reason = "a test binary has no outside")]

<<<<<<< HEAD
mod attacks;
mod loop_solo;
mod loop_team;
mod scene;
mod pipelines_bulk_edit;
mod pipelines_inventory;
mod pipelines_migration;
mod pipelines_postgres;
mod pipelines_release;
mod pipelines_support;
mod pipelines_terraform;
mod readme;
mod reference;
=======
mod fuzz_smoke;
>>>>>>> work-h3
mod support;

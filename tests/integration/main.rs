//! The tool as people use it, on real repositories with real programs.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test has no outside, ends where something is missing, and drives other programs"
)]

mod act;
mod attacks;
mod attacks_live;
mod attacks_workspace;
mod ci_output;
mod doctor_forge;
mod events;
mod fanout;
mod first_steps;
mod forge_github;
mod forge_github_app;
mod forge_github_faults;
mod forge_model;
mod fuzz_smoke;
mod git_server;
mod github_logins;
mod github_loop;
mod github_open;
mod github_told;
mod github_tracking;
mod github_verbs;
mod hints;
mod issuer;
mod items;
mod keyless;
mod ledger_http;
mod lint;
mod local_model;
mod loop_solo;
mod loop_team;
mod model_double;
mod notes;
mod oidc;
mod outputs;
mod pipelines_bulk_edit;
mod pipelines_collect;
mod pipelines_inventory;
mod pipelines_migration;
mod pipelines_postgres;
mod pipelines_release;
mod pipelines_support;
mod pipelines_terraform;
mod planner_answers;
mod planner_asked;
mod planner_hostile;
mod planner_loop;
mod planner_scene;
mod planner_trigger;
mod planning_used;
mod prompt_cache;
mod provider_http;
mod providers;
mod readme;
mod reference;
mod runner_rules;
mod runs_live;
mod scene;
mod second_opinion;
mod support;
mod threat_rows;
mod upkeep;
mod usage;
mod variables;

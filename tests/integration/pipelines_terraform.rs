//! The terraform family: a saved plan, and applying exactly that.

use serde_json::Value;

use crate::pipelines_support::{Project, has};

const PLAN: &str = "directives/terraform-plan.md";
const APPLY: &str = "directives/terraform-apply.md";

fn project() -> Option<Project> {
    if !has("terraform") || !has("python3") {
        return None;
    }
    let project = Project::new("terraform", "infra");
    project.bench.write(".gitignore", "*.tfplan\n*.tfstate*\n");
    project.bench.commit("chore: keep plans and state out of git");
    Some(project)
}

/// Saves a plan; returns its digest and its changes as inputs of the directive that applies it, and the outputs.
#[track_caller]
fn save(project: &Project) -> ([String; 2], Value) {
    let (_, outputs) = project.works(PLAN, &["module=infra"]);
    let outputs = outputs["plan"].clone();
    (["plan", "changes"].map(|name| format!("{name}={}", outputs[name].as_str().unwrap())), outputs)
}

/// The addresses of what the state really holds.
fn state(project: &Project) -> Vec<String> {
    let path = project.bench.path("infra/terraform.tfstate");
    let Ok(text) = std::fs::read(path) else { return Vec::new() };
    let state: Value = serde_json::from_slice(&text).unwrap();
    let name = |resource: &Value| {
        let part = |key: &str| resource[key].as_str().unwrap_or("root").to_owned();
        let count = resource["instances"].as_array().unwrap().len();
        format!("{} {}.{} {count}", part("module"), part("type"), part("name"))
    };
    state["resources"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn terraform_applies_exactly_the_saved_plan_and_reads_the_state_back() {
    let Some(project) = project() else { return };
    let ([plan, changes], planned) = save(&project);
    assert_eq!([&planned["add"], &planned["change"], &planned["destroy"]].map(number), ["3", "0", "0"]);
    assert_eq!(state(&project), Vec::<String>::new(), "planning changes nothing");
    let named = "changes=create module.network.terraform_data.zone[\"a\"]; create module.network.terraform_data.zone[\"b\"]; \
                 create terraform_data.release";
    assert_eq!(changes, named);
    let (approved, outputs) = project.works(APPLY, &["module=infra", &plan, &changes]);
    assert_eq!(number(&outputs["apply"]["resources"]), "3");
    assert_eq!(state(&project), ["root terraform_data.release 1", "module.network terraform_data.zone 2"]);
    assert!(!project.bench.path("infra/.terraform").exists());
    project.refuses_a_replay(&approved);
    // The same saved plan again, newly approved: the state has moved on, and Terraform says so.
    let before = project.bench.read("infra/terraform.tfstate");
    let said = project.fails(APPLY, &["module=infra", &plan, &changes]);
    assert!(said.contains("Saved plan is stale"), "{said}");
    assert_eq!(project.bench.read("infra/terraform.tfstate"), before);
    // A second change is planned from that state.
    project.change("infra/main.tf", r#"["a", "b"]"#, r#"["a", "b", "c"]"#);
    project.bench.commit("feat: a third zone");
    let ([plan, changes], planned) = save(&project);
    assert_eq!([&planned["add"], &planned["change"], &planned["destroy"]].map(number), ["1", "0", "0"]);
    project.works(APPLY, &["module=infra", &plan, &changes]);
    assert_eq!(state(&project), ["root terraform_data.release 1", "module.network terraform_data.zone 3"]);
    // Destroying more than was agreed is refused when it is planned.
    project.change("infra/main.tf", r#"["a", "b", "c"]"#, r#"["a"]"#);
    project.bench.commit("feat: one zone");
    let said = project.fails(PLAN, &["module=infra"]);
    assert!(said.contains("the plan destroys 2, at most 0 allowed"), "{said}");
}

#[test]
fn terraform_refuses_another_digest_and_fails_where_the_configuration_moved_on() {
    let Some(project) = project() else { return };
    let ([plan, changes], _) = save(&project);
    let said = project.fails(APPLY, &["module=infra", &format!("plan=sha256:{}", "0".repeat(64)), &changes]);
    assert!(said.contains("was approved; plan again"), "{said}");
    assert_eq!(state(&project), Vec::<String>::new());
    // Who was told of fewer changes than there are agreed to something else.
    let said = project.fails(APPLY, &["module=infra", &plan, "changes=create terraform_data.release"]);
    assert!(said.contains("the saved plan would: create module.network"), "{said}");
    assert_eq!(state(&project), Vec::<String>::new());
    // What was agreed on is applied; then the verification finds that there is more to do.
    project.change("infra/main.tf", r#"["a", "b"]"#, r#"["a", "b", "c"]"#);
    project.bench.commit("feat: a third zone");
    let said = project.doubts(APPLY, &["module=infra", &plan, &changes]);
    assert!(
        said.contains("indeterminate apply [step.indeterminate]")
            && said.contains("[verification.failed]")
            && said.contains("Plan: 1 to add"),
        "{said}"
    );
    assert_eq!(state(&project), ["root terraform_data.release 1", "module.network terraform_data.zone 2"]);
}

/// A count, however it is written.
fn number(value: &Value) -> String {
    value.to_string().trim_matches('"').to_owned()
}

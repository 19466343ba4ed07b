use super::*;
use crate::{
    plan::{
        model::{Action, Arg, Read, Run, Slot},
        seal::{Limits, open, seal, seal_with},
    },
    planner::{
        Draft, Planner as _,
        testing::{DIRECTIVE, World},
    },
};

fn draft(request: &DraftRequest<'_>) -> Result<Draft> {
    crate::planner::fixed::Fixed.draft(request)
}

fn run_of(actions: &[Action]) -> &Run {
    actions.iter().find_map(|action| if let Action::Run(run) = action { Some(run) } else { None }).unwrap()
}

fn pinned(reads: &[Read]) -> Vec<(&str, bool)> {
    reads.iter().map(|read| (read.path.as_str(), read.digest.is_some())).collect()
}

#[test]
fn a_draft_is_expanded_whole_and_can_be_sealed() {
    let world = World::new(DIRECTIVE);
    let draft = draft(&world.request()).unwrap();
    let plan = &draft.plan;
    let sealed = seal(plan).unwrap();
    assert_eq!(open(sealed.bytes().to_vec()).unwrap(), sealed);

    assert_eq!(plan.effect, Effect::Write);
    assert_eq!(plan.expires_at.since(plan.created_at), 7_200, "the directive asks for less");
    assert_eq!(draft.unused, ["spare".parse::<Id>().unwrap()]);
    assert_eq!(plan.scripts.len(), 1, "two steps run the same script");
    assert_eq!(plan.steps[0].title, "Make notes.");
    assert_eq!(plan.steps[2].why, "Again");
    let bump = &plan.steps[1];
    assert_eq!(bump.with.get("version"), Some(&Scalar::Text("v1.2".into())));
    assert!(!bump.with.contains_key("notes"), "it is known only at run time");
    let run = run_of(&bump.actions);
    let slot = Slot {
        prefix: "--notes=".into(),
        from_step: "notes".parse().unwrap(),
        output: "file".parse().unwrap(),
        kind: crate::base::value::ValueType::Path,
        pattern: Some("[a-z.]+".into()),
        max_length: 50,
    };
    assert_eq!(run.argv, [Arg::Slot(slot), Arg::Scratch("x".into())]);
    assert_eq!(run.env["MODE"], Arg::Literal("v1.2".into()));
    assert_eq!(run.captures.len(), 1);
    let names: Vec<_> = plan.planner.inputs.iter().map(|input| (input.name.as_str(), input.origin)).collect();
    assert!(names.contains(&("directives/release.md", Origin::DirectiveAtBase)));
    assert!(names.contains(&("pipelines/notes/notes.py", Origin::RepoAtBase)));
    assert!(names.contains(&("inputs.version", Origin::Requester)));
    assert!(names.contains(&("README.md", Origin::RepoAtHead)));
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let bytes = |world: &World, seed: &[u8]| {
        let draft = draft(&DraftRequest { seed, ..world.request() }).unwrap();
        seal(&draft.plan).unwrap().bytes().to_vec()
    };
    let (one, two) = (World::new(DIRECTIVE), World::new(DIRECTIVE));
    assert_eq!(bytes(&one, b"seed"), bytes(&two, b"seed"));
    assert_ne!(bytes(&one, b"seed"), bytes(&two, b"other"));
    let mut other_head = World::new(DIRECTIVE);
    other_head.facts.head_sha = "c".repeat(40);
    assert_ne!(one.plan().nonce, other_head.plan().nonce);
}

#[test]
fn files_are_pinned_only_where_nothing_may_have_written_them() {
    let plan = World::new(DIRECTIVE).plan();
    assert_eq!(pinned(&run_of(&plan.steps[0].actions).reads), [("CHANGELOG.md", true), ("src", false)]);
    assert_eq!(pinned(&run_of(&plan.steps[1].actions).reads), [("README.md", true), ("VERSION", false)]);
    assert_eq!(pinned(&run_of(&plan.steps[1].verify).reads), [("VERSION", false), ("README.md", true)]);
    assert_eq!(pinned(&run_of(&plan.steps[2].actions).reads)[0], ("VERSION", false), "a step before writes it");

    let first = DIRECTIVE.replace("file: CHANGELOG.md", "file: VERSION");
    let plan = World::new(&first).plan();
    assert_eq!(pinned(&run_of(&plan.steps[0].actions).reads)[0], ("VERSION", true), "it is written surely later");

    let parallel = DIRECTIVE.replace("id: after, pipeline: notes, needs: [bump]", "id: after, pipeline: notes");
    let plan = World::new(&parallel).plan();
    assert_eq!(pinned(&run_of(&plan.steps[2].actions).reads)[0], ("VERSION", false), "it may be written meanwhile");
}

#[test]
fn a_revision_names_its_parent() {
    let world = World::new(DIRECTIVE);
    let parent = Digest::of(b"parent");
    let plan = draft(&DraftRequest { parent: Some((parent, 1)), ..world.request() }).unwrap().plan;
    assert_eq!((plan.parent, plan.revision), (Some(parent), 2));
    assert!(seal(&plan).is_ok());
}

#[test]
fn what_does_not_fit_is_refused_with_its_places() {
    let mut world = World::new(DIRECTIVE);
    world.programs.0.remove("ls");
    assert_eq!(draft(&world.request()).unwrap_err().code(), "pipeline.program");

    let wrong = World::new(&DIRECTIVE.replace("with: {file: VERSION}", "with: {flie: VERSION}"));
    let refusal = draft(&wrong.request()).unwrap_err();
    assert_eq!(refusal.code(), "planner.directive");
    assert_eq!(refusal.places().len(), 2, "one unknown input, one missing");

    let at = DIRECTIVE.find("steps:").unwrap();
    let empty = World::new(&format!("{}---\n", &DIRECTIVE[..at]));
    assert_eq!(draft(&empty.request()).unwrap_err().code(), "planner.no_steps");
}

#[test]
fn c24_an_output_is_not_handed_to_an_interpreter_as_code() {
    let mut world = World::new(DIRECTIVE);
    if let Some(entry) = world.programs.0.get_mut("ls") {
        entry.interpreter = true;
    }
    assert_eq!(seal(&world.plan()).unwrap_err().code(), "plan.slot");
}

#[test]
fn c03_a_value_of_a_directive_cannot_become_a_flag() {
    let dash = DIRECTIVE.replace("'v{{ inputs.version }}'", "'-{{ inputs.version }}'");
    assert_eq!(draft(&World::new(&dash).request()).unwrap_err().code(), "value.bounds");
}

#[test]
fn many_steps_are_drafted() {
    let head = &DIRECTIVE[..DIRECTIVE.find("  - {id: notes").unwrap()];
    let steps: String = (0..200)
        .map(|n| {
            let needs = if n == 0 { String::new() } else { format!("s{}", n - 1) };
            format!("  - {{id: s{n}, pipeline: bump, needs: [{needs}], with: {{version: v1}}}}\n")
        })
        .collect();
    let plan = World::new(&format!("{head}{steps}---\n")).plan();
    assert_eq!(seal(&plan).unwrap_err().code(), "plan.limit");
    assert!(seal_with(&plan, &Limits { max_steps: 200, ..Limits::default() }).is_ok());
}

#[test]
fn every_kind_of_planner_has_its_own_planner() {
    for (_, kind) in PlannerKind::ALL {
        assert_eq!(crate::planner::of(kind).kind(), kind);
        assert!(!crate::planner::of(kind).summary().is_empty());
    }
}

//! What the steps of a directive are repeated for, found at the plan's commits.
//!
//! An item that the protected base has too is from there. One that only the head under review has is somebody's word:
//! it may be looked at, and it may not say where something is written unless the policy lets it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DraftRequest,
    context::{Pattern, Tree},
    reasons::PLANNER_TAINTED,
    taint::{Tainted, is_protected},
};
use crate::{
    base::{
        digest::Digest,
        ident::Id,
        json,
        reason::{Refusal, Result},
        text::{excerpt, utf8},
        value::Scalar,
    },
    directive::{Directive, fan_out::ItemSource, model::StepSpec, reasons::DIRECTIVE_ITEMS, template::Template},
    plan::model::{Origin, PlannerInput},
};

/// The most bytes of a file whose lines are items.
const MAX_LINES_FILE: usize = 1 << 20;

/// One thing that a step is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// A path, a line, or what the directive lists.
    pub value: String,
    /// Where it is from.
    pub origin: Origin,
}

/// The items of the steps that are repeated, by step.
pub type Items = BTreeMap<Id, Vec<Item>>;

/// Finds the items of every step that is repeated; `head` is there where it is another commit than the base.
///
/// # Errors
/// `directive.items` where a file of lines is not there or is no text, `planner.context` where a pattern is none, and
/// what the reading of the trees refuses.
pub fn find(
    directive: &Directive,
    inputs: &BTreeMap<Id, Scalar>,
    base: &Tree<'_>,
    head: Option<&Tree<'_>>,
) -> Result<Items> {
    let mut found = Items::new();
    for step in directive.steps() {
        let Some(for_each) = &step.for_each else { continue };
        let items = match &for_each.source {
            ItemSource::List(list) => list.iter().map(|template| listed(step, template, inputs)).collect(),
            ItemSource::Files(globs) => {
                let globs = globs.iter().map(|glob| filled(step, glob, inputs)).collect::<Result<Vec<_>>>()?;
                matching(&globs, base, head)
            }
            ItemSource::Lines(path) => lines(step, &filled(step, path, inputs)?, base, head),
        };
        found.insert(step.id.clone(), items?);
    }
    Ok(found)
}

/// Returns the paths of the files whose lines are items.
///
/// # Errors
/// `directive.items`.
pub fn lists(directive: &Directive, inputs: &BTreeMap<Id, Scalar>) -> Result<Vec<String>> {
    let path = |step: &StepSpec| match step.for_each.as_ref().map(|for_each| &for_each.source) {
        Some(ItemSource::Lines(path)) => Some(filled(step, path, inputs)),
        _ => None,
    };
    directive.steps().iter().filter_map(path).collect()
}

fn refuse(step: &StepSpec, why: String) -> Refusal {
    Refusal::new(DIRECTIVE_ITEMS, why).subject(step.id.as_str())
}

fn filled(step: &StepSpec, template: &Template, inputs: &BTreeMap<Id, Scalar>) -> Result<String> {
    template.filled(inputs).map_err(|why| refuse(step, why))
}

fn listed(step: &StepSpec, template: &Template, inputs: &BTreeMap<Id, Scalar>) -> Result<Item> {
    let origin = if template.is_fixed() { Origin::DirectiveAtBase } else { Origin::Requester };
    Ok(Item { value: filled(step, template, inputs)?, origin })
}

fn matching(globs: &[String], base: &Tree<'_>, head: Option<&Tree<'_>>) -> Result<Vec<Item>> {
    let patterns = globs.iter().map(|glob| Pattern::new(glob)).collect::<Result<Vec<_>>>()?;
    let paths = |tree: &Tree<'_>| -> Vec<String> {
        tree.paths.iter().filter(|path| patterns.iter().any(|pattern| pattern.matches(path))).cloned().collect()
    };
    Ok(told_apart(paths(base), head.map(paths)))
}

fn lines(step: &StepSpec, path: &str, base: &Tree<'_>, head: Option<&Tree<'_>>) -> Result<Vec<Item>> {
    let Some(head) = head else { return Ok(told_apart(lines_of(step, path, base)?, None)) };
    let at_head = lines_of(step, path, head)?;
    // What is at the base only tells where a line is from: it may be missing, or not be readable, there.
    Ok(told_apart(lines_of(step, path, base).unwrap_or_default(), Some(at_head)))
}

fn lines_of(step: &StepSpec, path: &str, tree: &Tree<'_>) -> Result<Vec<String>> {
    let shown = excerpt(path);
    let bytes = (tree.read)(path)?;
    let bytes = bytes.ok_or_else(|| refuse(step, format!("there is no file `{shown}` at the plan's commit")))?;
    if bytes.len() > MAX_LINES_FILE {
        return Err(refuse(step, format!("`{shown}` is larger than {MAX_LINES_FILE} bytes")));
    }
    let text = utf8(&bytes).map_err(|_| refuse(step, format!("`{shown}` is no text")))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Returns what is at the head, or at the base where both are one, with where each is from.
fn told_apart(base: Vec<String>, head: Option<Vec<String>>) -> Vec<Item> {
    let Some(head) = head else {
        return base.into_iter().map(|value| Item { value, origin: Origin::RepoAtBase }).collect();
    };
    let base: BTreeSet<String> = base.into_iter().collect();
    let origin = |value: &String| if base.contains(value) { Origin::RepoAtBase } else { Origin::RepoAtHead };
    head.into_iter().map(|value| Item { origin: origin(&value), value }).collect()
}

/// Returns the directive with a step for each item.
///
/// # Errors
/// `directive.items`, and `planner.tainted` where an item that only the head has would say where something is written.
pub(super) fn spread(request: &DraftRequest<'_>) -> Result<Directive> {
    let values = |items: &[Item]| items.iter().map(|item| item.value.clone()).collect();
    let items = request.items.iter().map(|(step, items)| (step.clone(), values(items))).collect();
    let directive = request.directive.fan_out(&items)?;
    if request.tainted == Tainted::Refuse {
        for step in request.directive.steps() {
            check_taint(request, step)?;
        }
    }
    Ok(directive)
}

fn check_taint(request: &DraftRequest<'_>, step: &StepSpec) -> Result<()> {
    let items = request.items.get(&step.id).map(Vec::as_slice).unwrap_or_default();
    let foreign = |item: &&Item| !is_protected(item.origin) && item.origin != Origin::Requester;
    let Some(item) = items.iter().find(foreign) else { return Ok(()) };
    let pipeline = request.catalog.get(&step.pipeline.0)?;
    match step.with.iter().find(|(name, with)| with.value.takes_item() && pipeline.steers(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let what = format!("`{}` is at the head only, and the input `{name}` says where", excerpt(&item.value));
            Err(Refusal::new(PLANNER_TAINTED, format!("step `{}`: {what}", step.id))
                .subject(step.id.as_str())
                .hint("have the file at the protected base first, or let the policy say `planning: {tainted: allow}`"))
        }
    }
}

/// Names the lists of items as what decided about a plan: each with the least trusted of where its items are from.
///
/// # Errors
/// `internal.error`.
pub(super) fn readings(request: &DraftRequest<'_>) -> Result<Vec<PlannerInput>> {
    let reading = |(step, items): (&Id, &Vec<Item>)| {
        let values: Vec<&str> = items.iter().map(|item| item.value.as_str()).collect();
        let origin = items.iter().map(|item| item.origin).max().unwrap_or(Origin::DirectiveAtBase);
        Ok(PlannerInput {
            name: format!("steps.{step}.forEach"),
            origin,
            digest: Digest::of(&json::canonical(&values)?),
        })
    };
    request.items.iter().map(reading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::{
        Planner as _,
        fixed::Fixed,
        testing::{DIRECTIVE, World},
    };

    /// The directive of this room with its first step repeated.
    fn world(for_each: &str) -> World {
        let once = "{id: notes, pipeline: notes, with: {file: CHANGELOG.md}}";
        let each = format!("{{id: notes, pipeline: notes, forEach: {for_each}, with: {{file: '{{{{ item }}}}'}}}}");
        let text = DIRECTIVE.replacen(once, &each, 1).replacen("{{ steps.notes.outputs.file }}", "none", 1);
        assert_ne!(text, DIRECTIVE);
        World::new(&text)
    }

    type Files<'f> = &'f [(&'f str, &'f [u8])];

    fn found(world: &World, base: Files<'_>, head: Option<Files<'_>>) -> Result<Vec<(String, Origin)>> {
        let paths = |files: Files<'_>| files.iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>();
        let read = |files: Files<'_>, path: &str| {
            Ok(files.iter().find(|(known, _)| *known == path).map(|(_, bytes)| bytes.to_vec()))
        };
        let (base_paths, head_paths) = (paths(base), paths(head.unwrap_or_default()));
        let read_base = |path: &str| read(base, path);
        let read_head = |path: &str| read(head.unwrap_or_default(), path);
        let base = Tree { paths: &base_paths, read: &read_base };
        let head = head.map(|_| Tree { paths: &head_paths, read: &read_head });
        let mut items = find(&world.directive, &world.inputs, &base, head.as_ref())?;
        let items = items.remove("notes").unwrap();
        Ok(items.into_iter().map(|item| (item.value, item.origin)).collect())
    }

    #[test]
    fn jf23_files_at_the_head_that_the_base_has_too_are_from_there() {
        let world = world("{files: ['*.md', docs]}");
        let base: Files<'_> = &[("a.md", b""), ("docs/x.txt", b""), ("gone.md", b""), ("src/b.md", b"")];
        let head: Files<'_> = &[("a.md", b""), ("docs/x.txt", b""), ("new.md", b""), ("src/b.md", b"")];
        let of_base = |name: &str| (name.to_owned(), Origin::RepoAtBase);
        assert_eq!(found(&world, base, None).unwrap(), ["a.md", "docs/x.txt", "gone.md"].map(of_base));
        let both = [of_base("a.md"), of_base("docs/x.txt"), ("new.md".to_owned(), Origin::RepoAtHead)];
        assert_eq!(found(&world, base, Some(head)).unwrap(), both);
    }

    #[test]
    fn jf23_lines_are_read_at_the_head_and_a_file_that_is_not_there_or_is_no_text_is_refused() {
        let world = world("{lines: todo}");
        let todo: Files<'_> = &[("todo", b"one\r\n\n  two \n")];
        let more: Files<'_> = &[("todo", b"one\nthree\n")];
        let told = found(&world, todo, Some(more)).unwrap();
        assert_eq!(told, [("one".to_owned(), Origin::RepoAtBase), ("three".to_owned(), Origin::RepoAtHead)]);
        assert_eq!(found(&world, todo, None).unwrap().len(), 2);
        assert_eq!(found(&world, &[("todo", b"\xff")], Some(more)).unwrap()[0].1, Origin::RepoAtHead);
        let large = vec![b'x'; MAX_LINES_FILE + 1];
        for missing in [&[][..], &[("todo", b"\xff".as_slice())], &[("todo", &large)]] {
            assert_eq!(found(&world, missing, None).unwrap_err().code(), "directive.items");
            assert_eq!(found(&world, todo, Some(missing)).unwrap_err().code(), "directive.items");
        }
    }

    #[test]
    fn jf23_the_directives_own_list_takes_its_inputs_and_says_so() {
        let world = world("{list: [b, 'v{{ inputs.version }}', a]}");
        let told = found(&world, &[], None).unwrap();
        let from = |value: &str, origin| (value.to_owned(), origin);
        let expected =
            [from("b", Origin::DirectiveAtBase), from("v1.2", Origin::Requester), from("a", Origin::DirectiveAtBase)];
        assert_eq!(told, expected);
    }

    #[test]
    fn d08_an_item_that_only_the_head_has_may_be_looked_at_and_steers_nothing() {
        let mut looked_at = world("{files: ['*']}");
        let item = |origin| vec![Item { value: "VERSION".into(), origin }];
        let items = |origin| Items::from([("notes".parse().unwrap(), item(origin))]);
        looked_at.items = items(Origin::RepoAtHead);
        let plan = Fixed.draft(&looked_at.request()).unwrap().plan;
        assert_eq!(plan.steps[0].item.as_ref().unwrap().origin, Origin::RepoAtHead);
        let reading = plan.planner.inputs.iter().find(|input| input.name == "steps.notes.forEach").unwrap();
        assert_eq!(reading.origin, Origin::RepoAtHead);

        let once = "{id: notes, pipeline: notes, with: {file: CHANGELOG.md}}";
        let tagged = "{id: notes, pipeline: tagged, forEach: {files: ['*']}, with: {name: '{{ item }}'}}";
        let text = DIRECTIVE
            .replacen(once, tagged, 1)
            .replacen("[notes, bump, spare]", "[notes, bump, spare, tagged]", 1)
            .replacen("{{ steps.notes.outputs.file }}", "none", 1);
        let mut steered = World::new(&text);
        for (origin, code) in [(Origin::RepoAtHead, Some("planner.tainted")), (Origin::RepoAtBase, None)] {
            steered.items = items(origin);
            assert_eq!(Fixed.draft(&steered.request()).err().map(|refusal| refusal.code()), code, "{origin:?}");
        }
        steered.items = items(Origin::RepoAtHead);
        let allowed = DraftRequest { tainted: Tainted::Allow, ..steered.request() };
        assert!(Fixed.draft(&allowed).is_ok());
    }
}

//! One step for each of many things: what they are, and the steps that come of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Directive,
    model::{StepSpec, WithValue},
    reasons::DIRECTIVE_ITEMS,
    template::{Part, Template},
};
use crate::base::{
    bounds::MAX_STEPS,
    digest::Digest,
    ident::Id,
    level::OnFailure,
    reason::{Refusal, Result},
    text::{check_steering, count, excerpt},
    value::Scalar,
    yaml::Place,
};

/// How many characters of an item stand in the id of its step.
const MAX_SLUG: usize = 60;

/// What a step is repeated for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForEach {
    /// Where the items come from.
    pub source: ItemSource,
    /// What a failure of one step means for the others: by default they go on.
    pub on_failure: OnFailure,
    /// Where it stands.
    pub place: Place,
    /// Where each text of its source stands, in order.
    pub places: Vec<Place>,
}

/// Where the items of a step come from; every text may take inputs of the directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemSource {
    /// They stand in the directive, in this order.
    List(Vec<Template>),
    /// The files at the plan's commit that any of these patterns matches, sorted by path.
    Files(Vec<Template>),
    /// The lines of a file at the plan's commit, in order, without empty ones.
    Lines(Template),
}

/// Which item of which step another step is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOf {
    /// The step of the directive.
    pub step: Id,
    /// The item.
    pub item: String,
    /// Its place among the items of that step, from 0.
    pub index: usize,
}

impl Directive {
    /// Tells whether any step is repeated.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.fields.steps.iter().any(|step| step.for_each.is_some())
    }

    /// Returns the same directive with one step for each item in the place of each step that is repeated.
    ///
    /// A step that needs one that is repeated needs all of its steps.
    ///
    /// # Errors
    /// `directive.items` where a step has no item, one twice, one that no value may be, or where it comes to more than
    /// 10,000 steps.
    pub fn fan_out(&self, items: &BTreeMap<Id, Vec<String>>) -> Result<Self> {
        if !self.repeats() {
            return Ok(self.clone());
        }
        let mut taken: BTreeSet<Id> = self.fields.steps.iter().map(|step| step.id.clone()).collect();
        let mut made: BTreeMap<Id, Vec<StepSpec>> = BTreeMap::new();
        let mut total = self.fields.steps.len();
        for step in &self.fields.steps {
            let Some(for_each) = &step.for_each else { continue };
            let items = items.get(&step.id).map(Vec::as_slice).unwrap_or_default();
            total += items.len();
            if total > MAX_STEPS {
                return Err(refuse(step, format!("it comes to more than {}", count(MAX_STEPS, "step"))));
            }
            made.insert(step.id.clone(), repeated(step, for_each, items, &mut taken).map_err(|unfit| unfit.refusal)?);
        }
        let mut fanned = self.clone();
        fanned.fields.steps = self
            .fields
            .steps
            .iter()
            .flat_map(|step| made.get(&step.id).cloned().unwrap_or(vec![step.clone()]))
            .collect();
        for step in &mut fanned.fields.steps {
            let all = |need: &Id| match made.get(need) {
                Some(steps) => steps.iter().map(|step| step.id.clone()).collect(),
                None => vec![need.clone()],
            };
            step.needs = step.needs.iter().flat_map(all).collect();
        }
        Ok(fanned)
    }
}

/// Why a step cannot be repeated, and which of its items is to blame, where one is.
#[derive(Clone, Debug)]
pub struct Unfit {
    /// Why.
    pub refusal: Refusal,
    /// The item's place among the items, from 0.
    pub item: Option<usize>,
}

impl StepSpec {
    /// Returns what becomes of a step for its items, by itself; the same step where it is not repeated.
    ///
    /// # Errors
    /// `directive.items`, as [`Directive::fan_out`], with the item.
    pub fn for_items(&self, items: &[String]) -> std::result::Result<Vec<Self>, Unfit> {
        match &self.for_each {
            Some(for_each) => repeated(self, for_each, items, &mut BTreeSet::new()),
            None => Ok(vec![self.clone()]),
        }
    }
}

fn repeated(
    step: &StepSpec,
    for_each: &ForEach,
    items: &[String],
    taken: &mut BTreeSet<Id>,
) -> std::result::Result<Vec<StepSpec>, Unfit> {
    let unfit = |why: String, item| Unfit { refusal: refuse(step, why), item };
    if items.is_empty() {
        let refusal = refuse(step, "there is no item".to_owned()).hint(match &for_each.source {
            ItemSource::Files(_) => "no file at the plan's commit matches: is it committed?",
            ItemSource::List(_) | ItemSource::Lines(_) => "a step without items would do nothing: take it out",
        });
        return Err(Unfit { refusal, item: None });
    }
    let mut slugs: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        check_steering(item).map_err(|why| unfit(why.message().to_owned(), Some(index)))?;
        if !seen.insert(item) {
            return Err(unfit(format!("`{}` is there twice", excerpt(item)), Some(index)));
        }
        *slugs.entry(slug(item)).or_default() += 1;
    }
    let mut steps = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let slug = slug(item);
        let plain = format!("{}-{slug}", step.id).parse::<Id>().ok();
        // Where the readable form tells two items not apart, the digest of the item does.
        let plain = plain.filter(|id| !slug.is_empty() && slugs.get(&slug) == Some(&1) && !taken.contains(id));
        let id = match plain {
            Some(id) => id,
            None => {
                let digest = Digest::of(item.as_bytes()).hex();
                let slug: String = slug.chars().take(20).collect();
                format!("{}-{slug}-{}", step.id, &digest[..12])
                    .parse::<Id>()
                    .map_err(|_| unfit("its name is too long for one step an item".to_owned(), None))?
            }
        };
        if !taken.insert(id.clone()) {
            return Err(unfit(format!("another step is called `{id}`"), Some(index)));
        }
        let one_of = OneOf { step: step.id.clone(), item: item.clone(), index };
        steps.push(one(step, for_each, one_of, id));
    }
    Ok(steps)
}

fn one(step: &StepSpec, for_each: &ForEach, one_of: OneOf, id: Id) -> StepSpec {
    let mut one = step.clone();
    one.id = id;
    one.for_each = None;
    one.on_failure = Some(for_each.on_failure);
    for with in one.with.values_mut() {
        let WithValue::Template(template) = &with.value else { continue };
        let filled = template.with_item(&one_of.item);
        with.value = match filled.fixed() {
            Some(text) => WithValue::Fixed(Scalar::Text(text)),
            None => WithValue::Template(filled),
        };
    }
    one.one_of = Some(one_of);
    one
}

fn refuse(step: &StepSpec, why: String) -> Refusal {
    Refusal::new(DIRECTIVE_ITEMS, format!("step `{}`: {why}", step.id)).subject(step.id.as_str())
}

/// Returns what of an item may stand in an id, in lower case.
fn slug(item: &str) -> String {
    let mut slug = String::new();
    for c in item.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(MAX_SLUG);
    slug.trim_end_matches('-').to_owned()
}

impl WithValue {
    /// Tells whether it has a place for the item.
    #[must_use]
    pub fn takes_item(&self) -> bool {
        matches!(self, Self::Template(template) if template.parts().contains(&Part::Item))
    }
}

impl Template {
    /// Returns the same template with an item in its places.
    fn with_item(&self, item: &str) -> Self {
        let fill = |part: &Part| match part {
            Part::Item => Part::Text(item.to_owned()),
            other => other.clone(),
        };
        Self { parts: self.parts().iter().map(fill).collect() }
    }

    /// Returns the text, where there is no place to fill.
    fn fixed(&self) -> Option<String> {
        self.is_fixed().then(|| self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive(steps: &str) -> Directive {
        let text = format!("---\ntitle: x\npipelines: [a, b]\ninputs: {{to: {{type: string}}}}\nsteps:\n{steps}---\n");
        Directive::read("directives/x.md", text.as_bytes()).unwrap()
    }

    fn fanned(steps: &str, items: &[&str]) -> Result<Directive> {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        directive(steps).fan_out(&BTreeMap::from([("each".parse().unwrap(), items)]))
    }

    const EACH: &str = "- {id: first, pipeline: a}
- {id: each, pipeline: a, needs: [first], forEach: {files: ['*.md']}, with: {page: '{{ item }}', out: '{{ inputs.to }}/{{ item }}.html'}}
- {id: last, pipeline: b, needs: [first, each]}
";

    #[test]
    fn jf23_a_repeated_step_becomes_one_step_an_item_and_those_behind_it_wait_for_all() {
        let directive = fanned(EACH, &["docs/a.md", "B c.md"]).unwrap();
        let steps = directive.steps();
        let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["first", "each-docs-a-md", "each-b-c-md", "last"]);
        let needs: Vec<_> = steps[3].needs.iter().map(Id::as_str).collect();
        assert_eq!(needs, ["first", "each-docs-a-md", "each-b-c-md"]);
        assert_eq!(steps[1].needs[0].as_str(), "first");
        assert_eq!(steps[1].with["page"].value, WithValue::Fixed(Scalar::Text("docs/a.md".into())));
        let WithValue::Template(out) = &steps[2].with["out"].value else { panic!("an input is still to be filled") };
        assert_eq!(out.to_string(), "{{ inputs.to }}/B c.md.html");
        assert_eq!(steps[1].one_of, Some(OneOf { step: "each".parse().unwrap(), item: "docs/a.md".into(), index: 0 }));
        assert_eq!(steps[1].on_failure, Some(OnFailure::Continue));
    }

    #[test]
    fn jf23_items_that_read_alike_get_ids_of_their_own_which_do_not_depend_on_the_order() {
        let ids = |items: &[&str]| -> BTreeMap<String, String> {
            let directive = fanned(EACH, items).unwrap();
            let steps = directive.steps().iter().filter_map(|step| Some((step.one_of.as_ref()?, &step.id)));
            steps.map(|(one, id)| (one.item.clone(), id.to_string())).collect()
        };
        let some = ids(&["a/b", "a-b", "c", "--"]);
        assert_eq!(some, ids(&["--", "c", "a-b", "a/b"]));
        assert_eq!(some.values().collect::<BTreeSet<_>>().len(), 4);
        assert_eq!(some["c"], "each-c");
        let long = ids(&["x".repeat(5_000).as_str(), "y"]);
        assert!(long.values().all(|id| id.len() <= 100));
    }

    #[test]
    fn jf23_no_item_one_twice_or_one_that_may_steer_nothing_is_refused() {
        let many: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for items in [&[][..], &["a", "a"], &["a\nb"], &["\u{202e}a"], &["${{ github.token }}"], &many] {
            let refusal = fanned(EACH, items).unwrap_err();
            assert_eq!((refusal.code(), refusal.about()), ("directive.items", Some("each")));
        }
    }
}

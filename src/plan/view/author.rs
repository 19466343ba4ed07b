//! Whose words a plan shows, and what they cost: a model's are marked wherever they stand.

use super::{
    document::{Span, fixed, is_of_base, number, origin, word},
    notes::{Note, NoteKind},
};
use crate::{
    base::{ident::Id, planner::PlannerKind},
    plan::{
        model::{Plan, ProposedStep, ProposedValue},
        usage::{Usage, decimal},
    },
};

/// Whose words the titles, reasons, risks and assumptions of a plan are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// The directive's, as a person wrote it.
    Directive,
    /// A model's, or whatever answered in its place.
    Model,
}

impl Author {
    /// Tells who it is; any trace of a model, or a planner that is not known here, means a model.
    pub(super) fn of(plan: &Plan) -> Self {
        let planner = &plan.planner;
        let asked = [planner.prompt_digest, planner.response_digest].iter().any(Option::is_some);
        let traces = asked || planner.proposal.is_some();
        let fixed = planner.kind == PlannerKind::Fixed && planner.model.is_none() && planner.usage.is_none() && !traces;
        if fixed { Self::Directive } else { Self::Model }
    }

    /// Labels words of the plan's own: C-31.
    pub(super) fn label(self, label: &'static str) -> Vec<Span> {
        match self {
            Self::Directive => vec![fixed(label), fixed(": ")],
            Self::Model => vec![fixed(label), fixed(" (unverified: written by a model): ")],
        }
    }
}

/// Returns what a planner said a step should be, where one did.
pub(super) fn proposed<'p>(plan: &'p Plan, step: &Id) -> Option<&'p ProposedStep> {
    plan.planner.proposal.as_ref()?.steps.iter().find(|proposed| proposed.id == *step)
}

/// Says of one input of a step what the planner had to do with its value; nothing where no planner said anything.
pub(super) fn written_by(step: Option<&ProposedStep>, name: &Id) -> Vec<Span> {
    match step.map(|step| step.with.get(name)) {
        None => Vec::new(),
        Some(None) => vec![fixed(", the pipeline's default")],
        Some(Some(ProposedValue::Input(input))) => vec![fixed(", the directive's input "), word(input)],
        Some(Some(ProposedValue::Output(from))) => {
            vec![fixed(", from the step "), word(&from.step), fixed(", output "), word(&from.output)]
        }
        Some(Some(ProposedValue::Value(written))) => {
            let mut spans = vec![fixed(", written by the planner, from "), fixed(origin(written.origin))];
            if !is_of_base(written.origin) {
                spans.push(fixed(": look twice"));
            }
            spans
        }
    }
}

/// Lists the values that a planner wrote and that are not from the protected base.
pub(super) fn foreign(plan: &Plan) -> Vec<Note> {
    let steps = plan.planner.proposal.iter().flat_map(|proposal| &proposal.steps);
    let of_step = |step: &ProposedStep| {
        let written = step.with.iter().filter_map(|(name, value)| match value {
            ProposedValue::Value(written) if !is_of_base(written.origin) => Some((name, written.origin)),
            _ => None,
        });
        let note = |(name, from)| Note {
            step: Some(step.id.clone()),
            kind: NoteKind::ForeignValue,
            subject: format!("input {name}, from {}", origin(from)),
        };
        written.map(note).collect::<Vec<_>>()
    };
    steps.flat_map(of_step).collect()
}

/// What the drafting used.
pub(super) fn used(usage: &Usage) -> Vec<Span> {
    let mut spans = vec![fixed("Used: tokens sent "), number(usage.input_tokens)];
    let of_cache = [(usage.cached_tokens, " read from a cache"), (usage.cache_write_tokens, " written to a cache")];
    let told = of_cache.into_iter().filter_map(|(tokens, what)| Some((tokens?, what)));
    for (n, (tokens, what)) in told.clone().enumerate() {
        spans.extend([fixed(if n == 0 { " (" } else { ", " }), number(tokens), fixed(what)]);
    }
    if told.count() > 0 {
        spans.push(fixed(")"));
    }
    spans.extend([
        fixed(", received "),
        number(usage.output_tokens),
        fixed(if usage.estimated { ", in part estimated by bytes; requests " } else { "; requests " }),
        number(usage.requests),
        fixed("; "),
        number(usage.millis),
        fixed(" ms; "),
    ]);
    match (usage.money_micros, &usage.currency) {
        (Some(money), Some(currency)) => spans.extend([word(decimal(money)), fixed(" "), word(currency)]),
        _ => spans.push(fixed("no price known")),
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::digest::Digest,
        plan::{
            model::{Origin, PlannerInput, PlannerRef, Proposal, Written},
            view::{Color, View, testing::sample},
        },
    };

    fn view(plan: &Plan) -> View {
        View::new(plan, Digest::of(b"plan"))
    }

    #[test]
    fn c31_words_of_a_model_are_marked_as_unverified() {
        let mark = "(unverified: written by a model)";
        let fixed = view(&sample()).markdown();
        assert!(!fixed.contains(mark) && !fixed.contains("Drafted by a model"));
        for kind in [PlannerKind::Model, PlannerKind::Command, PlannerKind::Manual] {
            let mut plan = sample();
            plan.planner.kind = kind;
            let shown = view(&plan).markdown();
            // Two for each step, the risks and the assumptions.
            assert_eq!(shown.matches(mark).count(), 2 * plan.steps.len() + 2, "{kind}");
        }
        // No plan hides that a model was asked behind the name of the fixed planner.
        let mut plan = sample();
        plan.planner.response_digest = Some(Digest::of(b"answer"));
        assert!(view(&plan).markdown().contains(mark));
    }

    #[test]
    fn d19_the_view_of_a_models_plan_shows_model_digests_inputs_and_use() {
        let mut plan = sample();
        plan.planner = PlannerRef {
            kind: PlannerKind::Model,
            model: Some("some-model-1".to_owned()),
            prompt_digest: Some(Digest::of(b"prompt")),
            response_digest: Some(Digest::of(b"answer")),
            usage: Some(Usage {
                input_tokens: 1200,
                cached_tokens: Some(1000),
                cache_write_tokens: Some(50),
                output_tokens: 300,
                estimated: false,
                requests: 2,
                millis: 2345,
                money_micros: Some(12_500),
                currency: Some("EUR".to_owned()),
            }),
            ..plan.planner
        };
        plan.planner.inputs.push(PlannerInput {
            name: "issue 12".to_owned(),
            origin: Origin::Issue,
            digest: Digest::of(b"issue"),
        });
        let shown = view(&plan).terminal(Color::Never);
        for wanted in [
            "some-model-1".to_owned(),
            format!("Prompt: {}", Digest::of(b"prompt")),
            format!("Answer: {}", Digest::of(b"answer")),
            "Used: tokens sent 1200 (1000 read from a cache, 50 written to a cache), received 300; requests 2; \
             2345 ms; 0.0125 EUR"
                .to_owned(),
            format!("from issue {}", Digest::of(b"issue")),
            "Of these, not from the protected base: 1".to_owned(),
        ] {
            assert!(shown.contains(&wanted), "{wanted}\n{shown}");
        }
    }

    #[test]
    fn d08_every_value_that_a_planner_wrote_is_marked_with_where_it_is_from() {
        let mut plan = sample();
        let before = view(&plan).markdown();
        assert!(!before.contains("written by the planner") && !before.contains("the pipeline's default"));
        let named: Vec<(Id, Id)> =
            plan.steps.iter().filter_map(|step| Some((step.id.clone(), step.with.keys().next()?.clone()))).collect();
        let (id, name) = named.first().unwrap().clone();
        let step = plan.steps.iter().find(|step| step.id == id).unwrap().clone();
        let propose = |value: Option<ProposedValue>| Proposal {
            steps: vec![ProposedStep {
                id: step.id.clone(),
                pipeline: step.pipeline.clone(),
                title: step.title.clone(),
                why: step.why.clone(),
                needs: step.needs.clone(),
                with: value.map(|value| (name.clone(), value)).into_iter().collect(),
            }],
            risks: Vec::new(),
            assumptions: Vec::new(),
        };
        let written = |origin| Some(ProposedValue::Value(Written { value: step.with[&name].clone(), origin }));
        for (value, said, odd) in [
            (None, ", the pipeline's default", false),
            (Some(ProposedValue::Input("who".parse().unwrap())), ", the directive's input who", false),
            (written(Origin::DirectiveAtBase), ", written by the planner, from directive@base\n", false),
            (written(Origin::RepoAtBase), ", written by the planner, from repo@base\n", false),
            (written(Origin::RepoAtHead), ", written by the planner, from repo@head: look twice", true),
            (written(Origin::Issue), ", written by the planner, from issue: look twice", true),
            (written(Origin::Model), ", written by the planner, from model: look twice", true),
        ] {
            plan.planner.proposal = Some(propose(value));
            let view = view(&plan);
            let shown = view.terminal(Color::Never);
            assert!(shown.contains(said), "{said}\n{shown}");
            let noted = view.look_twice.iter().any(|note| note.kind == NoteKind::ForeignValue);
            assert_eq!((noted, shown.contains("is not from the protected base")), (odd, odd), "{said}");
        }
    }
}

//! Whose words a plan shows, and what they cost: a model's are marked wherever they stand.

use super::document::{Span, fixed, number, word};
use crate::plan::{
    model::Plan,
    usage::{Usage, decimal},
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
        let traces = [planner.prompt_digest, planner.response_digest].iter().any(Option::is_some);
        let fixed = planner.kind.as_str() == "fixed" && planner.model.is_none() && planner.usage.is_none() && !traces;
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

/// What the drafting used.
pub(super) fn used(usage: &Usage) -> Vec<Span> {
    let mut spans = vec![
        fixed("Used: tokens sent "),
        number(usage.input_tokens),
        fixed(", received "),
        number(usage.output_tokens),
        fixed(if usage.estimated { ", in part estimated by bytes; requests " } else { "; requests " }),
        number(usage.requests),
        fixed("; "),
        number(usage.millis),
        fixed(" ms; "),
    ];
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
            model::{Origin, PlannerInput, PlannerRef},
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
        for kind in ["model", "command", "manual", "anything"] {
            let mut plan = sample();
            plan.planner.kind = kind.parse().unwrap();
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
            kind: "model".parse().unwrap(),
            model: Some("some-model-1".to_owned()),
            prompt_digest: Some(Digest::of(b"prompt")),
            response_digest: Some(Digest::of(b"answer")),
            usage: Some(Usage {
                input_tokens: 1200,
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
            "Used: tokens sent 1200, received 300; requests 2; 2345 ms; 0.0125 EUR".to_owned(),
            format!("from issue {}", Digest::of(b"issue")),
            "Of these, not from the protected base: 1".to_owned(),
        ] {
            assert!(shown.contains(&wanted), "{wanted}\n{shown}");
        }
    }
}

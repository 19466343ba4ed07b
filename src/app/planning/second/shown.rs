//! How second opinions are shown: apart from the review's own findings, under their label.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Heard, Second};
use crate::{
    base::text::visible,
    review::opinion::{Claim, LABEL, Opinion},
};

impl Second {
    /// Returns `opinions` of the result for machines.
    pub(crate) fn json(&self) -> Value {
        self.heard.iter().enumerate().map(|(n, heard)| one(n + 1, heard)).collect()
    }

    /// Returns what a person is to be told besides.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the section for people. Every line begins with words of our own.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("second opinion ({LABEL}; it approves nothing)\n");
        for (n, heard) in self.heard.iter().enumerate() {
            let who = heard.from.as_ref().map(|from| {
                let model = from.model.as_ref().map(|model| format!(" {}", visible(model))).unwrap_or_default();
                format!(", {}{model}", from.source.word())
            });
            let _ = write!(text, "  round {}{}: ", n + 1, who.unwrap_or_default());
            match &heard.opinion {
                Ok(opinion) => of_opinion(&mut text, opinion),
                Err(refusal) => {
                    let _ = writeln!(text, "no opinion: {} [{}]", visible(refusal.message()), refusal.code());
                    for hint in refusal.hints() {
                        let _ = writeln!(text, "    hint: {}", visible(hint));
                    }
                }
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "  note: {}", visible(note));
        }
        if self.objection().is_some() {
            text.push_str(
                "  an objection whose findings name what is there: read it before anybody approves; \
                 to hold the plan: countersign reject PLAN --reason TEXT\n",
            );
        }
        text
    }
}

fn of_opinion(text: &mut String, opinion: &Opinion) {
    let _ = writeln!(text, "{}", opinion.verdict().words());
    for claim in opinion.findings() {
        of_claim(text, claim);
    }
    if opinion.verdict() == crate::review::opinion::Verdict::Object && !opinion.objects() {
        text.push_str("    the objection does not count: none of its findings is founded\n");
    }
}

fn of_claim(text: &mut String, claim: &Claim) {
    let step = claim.step.as_ref().map(|step| format!("step {}: ", visible(step))).unwrap_or_default();
    let named: Vec<String> = claim
        .evidence
        .iter()
        .map(|evidence| format!("{} `{}`", evidence.kind.word(), visible(&evidence.name)))
        .collect();
    let named = if named.is_empty() { String::new() } else { format!(" [{}]", named.join(", ")) };
    let _ = writeln!(text, "    {:<8} {step}{}{named}", claim.severity.word(), visible(&claim.claim));
    if let Some(why) = &claim.unfounded {
        let _ = writeln!(text, "             unfounded: {}; it does not count", visible(why));
    }
}

fn one(round: usize, heard: &Heard) -> Value {
    let mut shown = json!({ "round": round, "label": LABEL });
    if let Some(from) = &heard.from {
        shown["source"] = json!(from.source.word());
        shown["model"] = json!(from.model);
        shown["sent"] = json!(from.sent);
        shown["received"] = json!(from.received);
    }
    match &heard.opinion {
        Ok(opinion) => shown["opinion"] = json!(opinion),
        Err(refusal) => {
            let hints: Vec<&str> = refusal.hints().collect();
            shown["noOpinion"] = json!({ "code": refusal.code(), "message": refusal.message(), "hints": hints });
        }
    }
    shown
}

//! Text that another interpreter might expand.

use crate::review::{Check, Context, Findings, Level, walk};

/// Finds text that some shell or template engine would expand (D-15); here it is always literal.
#[derive(Debug)]
pub struct TemplateForms;

impl Check for TemplateForms {
    fn id(&self) -> &'static str {
        "template-forms"
    }

    fn summary(&self) -> &'static str {
        "text that some shell or template engine would expand; here it is always literal"
    }

    fn run(&self, context: Context<'_>, findings: &mut Findings) {
        for text in walk::plan_texts(context.plan) {
            if let Some(form) = form_in(text) {
                findings.plan(Level::Warning, format!("looks like {form}, and is literal"), text);
            }
        }
        for step in &context.plan.steps {
            for text in walk::told_texts(step).chain(walk::acting_texts(step)) {
                if let Some(form) = form_in(text) {
                    findings.step(Level::Warning, &step.id, format!("looks like {form}, and is literal"), text);
                }
            }
        }
    }
}

fn form_in(text: &str) -> Option<&'static str> {
    if text.contains("${{") || text.contains("$[[") {
        Some("a CI expression")
    } else if text.contains("$(") || text.contains("<(") {
        Some("a command substitution")
    } else if text.contains('`') {
        Some("a command in backticks")
    } else if text.contains("{{") || text.contains("{%") {
        Some("a template")
    } else if text.contains("${") {
        Some("a shell variable")
    } else if has_percent_variable(text) {
        Some("a `%VARIABLE%`")
    } else {
        None
    }
}

fn has_percent_variable(text: &str) -> bool {
    let mut parts = text.split('%').skip(1).peekable();
    while let Some(part) = parts.next() {
        let named = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        // The last part has no `%` behind it.
        if named && part.len() > 1 && parts.peek().is_some() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::form_in;

    #[test]
    fn d15_each_form_is_told_and_plain_text_is_not() {
        for bad in ["$(id)", "a `id` b", "{{ x }}", "%PATH%", "${HOME}", "${{ a }}", "$[[ a ]]", "{% if %}", "<(id)"] {
            assert!(form_in(bad).is_some(), "{bad}");
        }
        for good in ["100% of 50% is", "%H %an", "--format=%H%n", "{a}", "$5", "a < (b)"] {
            assert_eq!(form_in(good), None, "{good}");
        }
    }
}

//! Every text that the types of a plan leave free, with where it stands.

use crate::{
    base::value::Scalar,
    plan::model::{Action, Arg, CaptureFrom, Plan, Step},
};

/// One text of the plan, and where it stands.
pub(super) struct Place<'a> {
    pub(super) step: Option<&'a Step>,
    pub(super) field: String,
    pub(super) text: &'a str,
    /// Whether it may have several lines.
    pub(super) lines: bool,
}

/// Lists every text that the plan's types leave free.
pub(super) fn texts(plan: &Plan) -> Vec<Place<'_>> {
    let mut places = Places { step: None, list: Vec::new() };
    let subject = &plan.subject;
    for (field, text) in [
        ("directive commit", &plan.directive.commit),
        ("subject host", &subject.host),
        ("subject repository id", &subject.repo_id),
        ("subject owner id", &subject.owner_id),
        ("subject repository", &subject.repo),
        ("subject base", &subject.base_ref),
        ("subject base commit", &subject.base_sha),
        ("subject head commit", &subject.head_sha),
        ("nonce", &plan.nonce),
        ("planner version", &plan.planner.version),
        ("requester host", &plan.planner.requested_by.host),
        ("requester login", &plan.planner.requested_by.login),
    ] {
        places.line(field, text);
    }
    plan.planner.model.iter().for_each(|text| places.line("model", text));
    plan.planner.inputs.iter().for_each(|input| places.line("planner input", &input.name));
    plan.intent.iter().for_each(|text| places.lines("intent", text));
    plan.assumptions.iter().for_each(|text| places.line("assumption", text));
    for risk in &plan.risks {
        places.line("risk", &risk.text);
        risk.mitigation.iter().for_each(|text| places.line("mitigation", text));
    }
    for (name, value) in &plan.inputs {
        places.scalar(&format!("input {name}"), value);
    }
    for script in &plan.scripts {
        places.lines(&format!("script {}", script.path), &script.content);
    }
    for step in &plan.steps {
        places.step = Some(step);
        places.line("title", &step.title);
        places.line("why", &step.why);
        for (name, value) in &step.with {
            places.scalar(&format!("input {name}"), value);
        }
        for (name, output) in &step.outputs {
            output.pattern.iter().for_each(|text| places.line(&format!("pattern of output {name}"), text));
        }
        step.every_action().for_each(|action| places.action(action));
    }
    places.list
}

struct Places<'a> {
    step: Option<&'a Step>,
    list: Vec<Place<'a>>,
}

impl<'a> Places<'a> {
    fn line(&mut self, field: &str, text: &'a str) {
        self.list.push(Place { step: self.step, field: field.to_owned(), text, lines: false });
    }

    fn lines(&mut self, field: &str, text: &'a str) {
        self.list.push(Place { step: self.step, field: field.to_owned(), text, lines: true });
    }

    fn scalar(&mut self, field: &str, value: &'a Scalar) {
        if let Scalar::Text(text) = value {
            self.line(field, text);
        }
    }

    fn arg(&mut self, field: &str, arg: &'a Arg) {
        match arg {
            Arg::Literal(text) | Arg::Scratch(text) => self.line(field, text),
            Arg::Script(_) => {}
            Arg::Slot(slot) => {
                self.line(field, &slot.prefix);
                slot.pattern.iter().for_each(|text| self.line(field, text));
            }
        }
    }

    fn action(&mut self, action: &'a Action) {
        match action {
            Action::Run(run) => {
                self.line("program", &run.program.path);
                for (i, arg) in run.argv.iter().enumerate() {
                    self.arg(&format!("argument {}", i + 1), arg);
                }
                for (name, arg) in &run.env {
                    self.line("variable name", name);
                    self.arg(&format!("variable {name}"), arg);
                }
                run.system_reads.iter().for_each(|text| self.line("system path", text));
                run.network.iter().for_each(|host| self.line("host", &host.name));
                run.secrets.iter().for_each(|text| self.line("secret name", text));
                for capture in &run.captures {
                    if let CaptureFrom::StdoutLine(text) = &capture.from {
                        self.line("capture", text);
                    }
                }
            }
            Action::Write(file) => self.lines(&format!("content of {}", file.path), &file.content),
            Action::Copy(_) => {}
            Action::Patch(file) => {
                self.lines(&format!("text to find in {}", file.path), &file.find);
                self.lines(&format!("text to put into {}", file.path), &file.replace);
            }
            Action::Commit(files) => self.lines("commit message", &files.message),
            Action::Tag(tag) => {
                self.line("tag", &tag.name);
                self.lines("tag message", &tag.message);
            }
        }
    }
}

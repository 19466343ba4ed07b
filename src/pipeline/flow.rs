//! Where the value of an input ends up: in what is done, in a text that is only kept, or outside the sandbox.

use super::{
    Pipeline,
    model::{ActionSpec, OutputFrom},
    template::{Spot, takes_output},
};
use crate::{base::ident::Id, directive::template::Template};

impl Pipeline {
    /// Tells whether an input does no more than fill: it stands in contents and messages, and where a value stands.
    ///
    /// It is no part of a flag, a path or a name, and no text that is looked for.
    #[must_use]
    pub fn only_fills(&self, input: &Id) -> bool {
        let actions = self.actions().iter().chain(self.verify());
        let fills = |action: &ActionSpec| {
            let words: &[&Template] = match action {
                ActionSpec::Write { content, .. } => &[content],
                ActionSpec::Patch { replace, .. } => &[replace],
                ActionSpec::Commit { message, .. } | ActionSpec::Tag { message, .. } => &[message],
                ActionSpec::Run(_) | ActionSpec::Copy { .. } => &[],
            };
            action.templates().into_iter().all(|(template, spot)| {
                words.iter().any(|word| std::ptr::eq(*word, template)) || takes_output(template, spot, input)
            })
        };
        let in_outputs = self.outputs().values().any(|output| match &output.from {
            OutputFrom::Stdout | OutputFrom::StdoutLine(_) => false,
            OutputFrom::File(path) | OutputFrom::FileDigest(path) => holds(path, input),
        });
        !in_outputs && actions.into_iter().all(fills)
    }

    /// Tells whether the value of an input says where something is done: it is part of a flag, of a path that is written,
    /// of the working folder or of a name that is given, or it is looked for.
    #[must_use]
    pub fn steers(&self, input: &Id) -> bool {
        let any = |templates: &[&Template]| templates.iter().any(|template| holds(template, input));
        self.actions().iter().chain(self.verify()).any(|action| match action {
            ActionSpec::Run(run) => {
                let in_flag = |template: &Template| !takes_output(template, Spot::Argument, input);
                any(&[&run.cwd]) || any(&run.writes.iter().collect::<Vec<_>>()) || run.argv.iter().any(in_flag)
            }
            ActionSpec::Write { path, .. } => any(&[path]),
            ActionSpec::Copy { to, .. } => any(&[to]),
            ActionSpec::Patch { path, find, .. } => any(&[path, find]),
            ActionSpec::Commit { paths, .. } => any(&paths.iter().collect::<Vec<_>>()),
            ActionSpec::Tag { name, .. } => any(&[name]),
        })
    }

    /// Tells whether the value of an input may leave the machine as it is: in a commit, a tag, or an argument or
    /// variable of a program that has network.
    #[must_use]
    pub fn goes_out(&self, input: &Id) -> bool {
        self.actions().iter().chain(self.verify()).any(|action| match action {
            ActionSpec::Commit { message, .. } => holds(message, input),
            ActionSpec::Tag { name, message } => holds(name, input) || holds(message, input),
            ActionSpec::Run(run) if !run.network.is_empty() => {
                run.argv.iter().chain(run.env.values()).any(|template| holds(template, input))
            }
            ActionSpec::Run(_) | ActionSpec::Write { .. } | ActionSpec::Copy { .. } | ActionSpec::Patch { .. } => false,
        })
    }
}

fn holds(template: &Template, input: &Id) -> bool {
    template.inputs().any(|name| name == input)
}

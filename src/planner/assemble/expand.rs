//! From the actions of a pipeline to those of a step: every place filled, nothing left to choose.

use std::collections::BTreeMap;

use crate::{
    base::{
        digest::Digest,
        ident::Id,
        path::RepoPath,
        reason::{Refusal, Result},
    },
    directive::template::Template,
    pipeline::{
        Pipeline, ProgramTable,
        model::{ActionSpec, OutputFrom, RunSpec},
        reasons::PIPELINE_SCRIPT,
        template::{Bound, Filled, Spot, fill_argument, fill_text},
    },
    plan::model::{
        Action, Arg, Capture, CaptureFrom, CommitFiles, CopyFile, Host, Output, PatchFile, Program, Read, Run, Script,
        Slot, Tag, WriteFile,
    },
};

/// Expands one pipeline with its inputs bound.
pub(super) struct Expander<'e> {
    /// The pipeline.
    pub(super) pipeline: &'e Pipeline,
    /// The programs that the policy lists.
    pub(super) programs: &'e ProgramTable,
    /// What the inputs are bound to.
    pub(super) bound: &'e BTreeMap<Id, Bound>,
    /// The scripts that the plan carries; those used are added.
    pub(super) scripts: &'e mut BTreeMap<RepoPath, Script>,
}

/// Returns the outputs of a step that runs a pipeline.
pub(super) fn outputs(pipeline: &Pipeline) -> BTreeMap<Id, Output> {
    let outputs = pipeline.outputs().iter();
    outputs
        .map(|(name, spec)| {
            let output = Output { kind: spec.kind, pattern: spec.pattern.clone(), max_length: spec.max_length };
            (name.clone(), output)
        })
        .collect()
}

impl Expander<'_> {
    /// Returns the step's actions; the last program carries the captures.
    pub(super) fn actions(&mut self) -> Result<Vec<Action>> {
        let pipeline = self.pipeline;
        let mut actions = pipeline.actions().iter().map(|spec| self.action(spec)).collect::<Result<Vec<_>>>()?;
        let captures = self.captures()?;
        for action in actions.iter_mut().rev() {
            if let Action::Run(run) = action {
                run.captures = captures;
                break;
            }
        }
        Ok(actions)
    }

    /// Returns the step's read-back.
    pub(super) fn verify(&mut self) -> Result<Vec<Action>> {
        let pipeline = self.pipeline;
        pipeline.verify().iter().map(|spec| self.action(spec)).collect()
    }

    fn captures(&self) -> Result<Vec<Capture>> {
        let outputs = self.pipeline.outputs().iter();
        outputs
            .map(|(name, spec)| {
                let from = match &spec.from {
                    OutputFrom::Stdout => CaptureFrom::Stdout,
                    OutputFrom::StdoutLine(prefix) => CaptureFrom::StdoutLine(prefix.clone()),
                    OutputFrom::File(path) => CaptureFrom::File(self.path(path)?),
                    OutputFrom::FileDigest(path) => CaptureFrom::FileDigest(self.path(path)?),
                };
                Ok(Capture { output: name.clone(), from })
            })
            .collect()
    }

    fn action(&mut self, spec: &ActionSpec) -> Result<Action> {
        Ok(match spec {
            ActionSpec::Run(run) => Action::Run(self.run(run)?),
            ActionSpec::Write { path, content, executable, replace } => {
                let content = self.text(content)?;
                Action::Write(WriteFile {
                    path: self.path(path)?,
                    executable: *executable,
                    content_digest: Digest::of(content.as_bytes()),
                    content,
                    replace: *replace,
                })
            }
            ActionSpec::Copy { from, to, replace } => {
                Action::Copy(CopyFile { from: Read::new(self.path(from)?), to: self.path(to)?, replace: *replace })
            }
            ActionSpec::Patch { path, find, replace, count } => Action::Patch(PatchFile {
                path: self.path(path)?,
                find: self.text(find)?,
                replace: self.text(replace)?,
                count: *count,
            }),
            ActionSpec::Commit { paths, message } => {
                Action::Commit(CommitFiles { paths: self.paths(paths)?, message: self.text(message)? })
            }
            ActionSpec::Tag { name, message } => {
                Action::Tag(Tag { name: self.text(name)?, message: self.text(message)? })
            }
        })
    }

    fn run(&mut self, spec: &RunSpec) -> Result<Run> {
        let (name, _) = &spec.program;
        let entry = self.programs.get(name)?;
        let program = Program {
            name: name.clone(),
            path: entry.path.clone(),
            digest: entry.digest,
            interpreter: entry.interpreter,
        };
        let argv = spec.argv.iter().map(|one| self.argument(one, Spot::Argument)).collect::<Result<Vec<_>>>()?;
        let mut env = BTreeMap::new();
        for (name, value) in &spec.env {
            env.insert(name.clone(), self.argument(value, Spot::Variable)?);
        }
        let reads = self.paths(&spec.reads)?.into_iter().map(Read::new).collect();
        Ok(Run {
            program,
            argv,
            cwd: self.path(&spec.cwd)?,
            env,
            reads,
            writes: self.paths(&spec.writes)?,
            system_reads: spec.system_reads.clone(),
            network: spec.network.iter().map(|(name, port)| Host { name: name.clone(), port: *port }).collect(),
            secrets: spec.secrets.clone(),
            ok_codes: spec.ok_codes.clone(),
            limits: spec.limits,
            captures: Vec::new(),
        })
    }

    fn argument(&mut self, template: &Template, spot: Spot) -> Result<Arg> {
        Ok(match fill_argument(template, spot, self.bound, self.pipeline.inputs())? {
            Filled::Literal(text) => Arg::Literal(text),
            Filled::Scratch(file) => Arg::Scratch(file),
            Filled::Output { prefix, source } => Arg::Slot(Slot {
                prefix,
                from_step: source.step,
                output: source.output,
                kind: source.kind,
                pattern: source.pattern,
                max_length: source.max_length,
            }),
            Filled::Script(file) => Arg::Script(self.script(&file)?),
        })
    }

    fn script(&mut self, file: &str) -> Result<RepoPath> {
        let path: RepoPath = format!("pipelines/{}/{file}", self.pipeline.name()).parse()?;
        let script = self
            .pipeline
            .scripts()
            .get(file)
            .ok_or_else(|| Refusal::new(PIPELINE_SCRIPT, format!("there is no script `{path}`")))?;
        let carried = Script { path: path.clone(), digest: script.digest, content: script.content.clone() };
        self.scripts.insert(path.clone(), carried);
        Ok(path)
    }

    fn text(&self, template: &Template) -> Result<String> {
        fill_text(template, self.bound)
    }

    fn path(&self, template: &Template) -> Result<RepoPath> {
        self.text(template)?.parse()
    }

    /// Fills a list of paths; two templates may come to the same path, which then stands once.
    fn paths(&self, templates: &[Template]) -> Result<Vec<RepoPath>> {
        let mut paths: Vec<RepoPath> = Vec::with_capacity(templates.len());
        for template in templates {
            let path = self.path(template)?;
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        Ok(paths)
    }
}

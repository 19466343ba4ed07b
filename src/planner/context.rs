//! What a model is told beside its task: chosen by rules, so the same commits give the same context.
//!
//! In this order: the directive; the context files (`CONTEXT.md`) at the base, nearest first; the files that the
//! directive's `context` matches, by path; texts from outside. Nothing is chosen by what a text says. A file at the
//! head that is byte for byte the one at the base counts as the base's; any other is the head's, and data only.

mod names;
mod normal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobMatcher};

use super::reasons::{PLANNER_CONTEXT, PLANNER_LIMIT};
use crate::{
    base::{
        digest::Digest,
        reason::{Refusal, Result},
        text,
    },
    directive::Directive,
    plan::model::{Origin, PlannerInput},
};

/// The name of a file that tells planners about its folder and everything below.
pub const CONTEXT_FILE: &str = "CONTEXT.md";

/// One thing that a model is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextItem {
    /// What it is: a path, `issue 12`, an input's name; every unsafe character written out.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// The text as the model and the approver get it: line feeds only, NFC, whatever hides made visible.
    pub text: String,
    /// SHA-256 of the bytes as they were read, before anything was made visible or cut.
    pub digest: Digest,
    /// Whether the end was cut off, which the text then says itself.
    pub truncated: bool,
    /// How many characters and comments were made visible that a reader of the page would not have seen.
    pub hidden: usize,
}

impl ContextItem {
    /// Returns how a plan names the item.
    #[must_use]
    pub fn input(&self) -> PlannerInput {
        PlannerInput { name: self.name.clone(), origin: self.origin, digest: self.digest }
    }
}

/// What was chosen, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// What the model is told, in the order in which it is told.
    pub items: Vec<ContextItem>,
    /// What the rules would have chosen, but for what it is.
    pub skipped: Vec<Skipped>,
}

impl Gathered {
    /// Returns the bytes of all texts together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.items.iter().map(|item| item.text.len()).sum()
    }
}

/// Something that a pattern asks for and a model is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The path or the pattern; every unsafe character written out.
    pub name: String,
    /// Why.
    pub why: SkipReason,
}

/// Why something is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// It is not UTF-8 text.
    Binary,
    /// It is no regular file.
    NoFile,
    /// It would steer an agent, and the directive at the base does not name it alone.
    AgentInstructions,
    /// Files of its name hold secrets, and the directive at the base does not name it alone.
    Sensitive,
    /// The configuration does not let it be sent.
    NotAllowed,
    /// A pattern that no file matches.
    Unmatched,
}

impl SkipReason {
    /// Returns the reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Binary => "is not text",
            Self::NoFile => "is no regular file",
            Self::AgentInstructions => "instructs agents; the directive at the base must name it alone",
            Self::Sensitive => "usually holds secrets; the directive at the base must name it alone",
            Self::NotAllowed => "may not be sent, by the configuration's `send`",
            Self::Unmatched => "matches no file",
        }
    }
}

/// How much a model may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one text; the rest is cut off.
    pub item_bytes: usize,
    /// The most bytes of all texts together; more is refused.
    pub total_bytes: usize,
    /// The most files; more are refused before any is read.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { item_bytes: 64 * 1024, total_bytes: 512 * 1024, files: 200 }
    }
}

/// Reads a regular file by its path; none where there is none.
pub type ReadFile<'s> = dyn Fn(&str) -> Result<Option<Vec<u8>>> + 's;

/// The files at one commit.
#[derive(Clone, Copy)]
pub struct Tree<'s> {
    /// The paths of all regular files.
    pub paths: &'s [String],
    /// Reads one of them.
    pub read: &'s ReadFile<'s>,
}

/// A text that is no file of the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside<'s> {
    /// What it is, such as `issue 12` or `inputs.version`.
    pub name: &'s str,
    /// Where it came from.
    pub origin: Origin,
    /// The text as it came.
    pub text: &'s str,
}

/// Everything that context is chosen from.
#[derive(Clone, Copy)]
pub struct Sources<'s> {
    /// The directive.
    pub directive: &'s Directive,
    /// Whether the directive is the one at the protected base.
    pub directive_at_base: bool,
    /// The protected base.
    pub base: Tree<'s>,
    /// The head under review, where it is another commit than the base.
    pub head: Option<Tree<'s>>,
    /// Texts from outside, in the order in which they are told.
    pub outside: &'s [Outside<'s>],
}

/// Chooses what a model is told.
///
/// # Errors
/// `planner.limit` where it is too much, `planner.context` where a pattern of the directive is none, and what the
/// reading of files refuses.
pub fn gather(sources: &Sources<'_>, limits: &Limits) -> Result<Gathered> {
    let mut pile = Pile { limits, gathered: Gathered::default(), left: limits.total_bytes };
    let directive = sources.directive;
    let origin = if sources.directive_at_base { Origin::DirectiveAtBase } else { Origin::RepoAtHead };
    pile.add(directive.path().as_str(), origin, directive.text().as_bytes())?;
    let patterns = directive.context().iter().map(|text| Pattern::new(text)).collect::<Result<Vec<_>>>()?;
    context_files(sources, &patterns, &mut pile)?;
    matched_files(sources, &patterns, &mut pile)?;
    for text in sources.outside {
        pile.add(text.name, text.origin, text.text.as_bytes())?;
    }
    Ok(pile.gathered)
}

/// Adds the context files at the base: of the directive's folder, of the patterns' and of all above them.
fn context_files(sources: &Sources<'_>, patterns: &[Pattern<'_>], pile: &mut Pile<'_>) -> Result<()> {
    let there: BTreeSet<&str> = sources.base.paths.iter().map(String::as_str).collect();
    let starts = patterns.iter().map(Pattern::fixed).chain([sources.directive.path().as_str()]);
    let mut found = BTreeSet::new();
    for start in starts {
        let mut folder = start;
        loop {
            let path = if folder.is_empty() { CONTEXT_FILE.to_owned() } else { format!("{folder}/{CONTEXT_FILE}") };
            if there.contains(path.as_str()) {
                found.insert(path);
            }
            if folder.is_empty() {
                break;
            }
            folder = folder.rfind('/').map_or("", |slash| &folder[..slash]);
        }
    }
    let mut found: Vec<String> = found.into_iter().collect();
    // The sort is stable, so files of one depth stay in the order of their paths.
    found.sort_by_key(|path| std::cmp::Reverse(path.matches('/').count()));
    for path in found {
        match (sources.base.read)(&path)? {
            Some(bytes) => pile.add(&path, Origin::RepoAtBase, &bytes)?,
            None => pile.skip(&path, SkipReason::NoFile),
        }
    }
    Ok(())
}

/// Adds the files that the directive's patterns match, as they are at the head.
fn matched_files(sources: &Sources<'_>, patterns: &[Pattern<'_>], pile: &mut Pile<'_>) -> Result<()> {
    let world = sources.head.unwrap_or(sources.base);
    let mut chosen: BTreeMap<&str, bool> = BTreeMap::new();
    for pattern in patterns {
        let before = chosen.len();
        let mut any = false;
        for path in world.paths.iter().filter(|path| pattern.matches(path)) {
            any = true;
            let alone = sources.directive_at_base && pattern.names(path);
            let entry = chosen.entry(path).or_default();
            *entry = *entry || alone;
        }
        if !any && chosen.len() == before {
            pile.skip(pattern.text, SkipReason::Unmatched);
        }
    }
    let own = sources.directive.path().as_str();
    let told = |path: &str| path == own || pile.gathered.items.iter().any(|item| item.name == path);
    let mut files = Vec::new();
    let mut skipped = Vec::new();
    for (path, alone) in chosen {
        // What the base says of itself is told already; the head's word for it is not.
        if told(path) {
            continue;
        }
        match names::refused(path) {
            Some(why) if !alone => skipped.push((path, why)),
            _ => files.push(path),
        }
    }
    skipped.into_iter().for_each(|(path, why)| pile.skip(path, why));
    if files.len() > pile.limits.files {
        let message = format!("the context is {} files, the limit is {}", files.len(), pile.limits.files);
        return Err(Refusal::new(PLANNER_LIMIT, message).subject(own));
    }
    for path in files {
        let Some(bytes) = (world.read)(path)? else {
            pile.skip(path, SkipReason::NoFile);
            continue;
        };
        let same = sources.head.is_none() || (sources.base.read)(path)?.is_some_and(|base| base == bytes);
        pile.add(path, if same { Origin::RepoAtBase } else { Origin::RepoAtHead }, &bytes)?;
    }
    Ok(())
}

/// What was chosen so far, and how much room is left.
struct Pile<'l> {
    limits: &'l Limits,
    gathered: Gathered,
    left: usize,
}

impl Pile<'_> {
    fn add(&mut self, name: &str, origin: Origin, bytes: &[u8]) -> Result<()> {
        let pages = matches!(origin, Origin::Issue | Origin::ChangeRequest | Origin::Web);
        let Some(normal) = normal::normalise(bytes, pages, self.limits.item_bytes) else {
            self.skip(name, SkipReason::Binary);
            return Ok(());
        };
        let Some(left) = self.left.checked_sub(normal.text.len()) else {
            let message =
                format!("with `{}` the context is over {} bytes", text::excerpt(name), self.limits.total_bytes);
            return Err(Refusal::new(PLANNER_LIMIT, message).subject(text::excerpt(name)));
        };
        self.left = left;
        self.gathered.items.push(ContextItem {
            name: text::visible(name),
            origin,
            text: normal.text,
            digest: Digest::of(bytes),
            truncated: normal.truncated,
            hidden: normal.hidden,
        });
        Ok(())
    }

    fn skip(&mut self, name: &str, why: SkipReason) {
        self.gathered.skipped.push(Skipped { name: text::visible(name), why });
    }
}

/// Returns a text of people or of an earlier plan in its one form, `most` bytes of it at most; what is cut off, it says.
pub(super) fn in_one_form(said: &str, most: usize) -> String {
    let normal = normal::normalise(said.as_bytes(), true, most);
    // Only where a NUL stands in it: then everything that hides is written out, and nothing of it is a page.
    normal.map_or_else(|| text::excerpt(said), |normal| normal.text)
}

/// A path, which stands for everything below it too, or a glob.
pub(super) struct Pattern<'p> {
    text: &'p str,
    glob: Option<GlobMatcher>,
}

impl<'p> Pattern<'p> {
    pub(super) fn new(text: &'p str) -> Result<Self> {
        let refuse = |_| Refusal::new(PLANNER_CONTEXT, format!("`{}` is no pattern", text::excerpt(text)));
        let glob = match text.find(SPECIAL) {
            Some(_) => Some(GlobBuilder::new(text).literal_separator(true).build().map_err(refuse)?.compile_matcher()),
            None => None,
        };
        Ok(Self { text, glob })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(path),
            None => path.strip_prefix(self.text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// Tells whether the pattern is this path, and so was written by somebody who meant this file.
    fn names(&self, path: &str) -> bool {
        self.glob.is_none() && self.text == path
    }

    /// Returns the part before the first special character, up to a `/`.
    fn fixed(&self) -> &'p str {
        let end = self.text.find(SPECIAL).unwrap_or(self.text.len());
        let whole = end == self.text.len();
        if whole { self.text } else { self.text[..end].rfind('/').map_or("", |slash| &self.text[..slash]) }
    }
}

/// The characters that make a glob of a path.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

//! A file that people wrote, as it was read.

use super::diagnostic::Diagnostic;

/// What was made of a file, and what is wrong with it.
///
/// Only a file without a finding gives its value away; what could be read of another serves to find more in it, and is
/// nothing to act on.
#[derive(Clone, Debug)]
pub struct Examined<T> {
    legible: Option<T>,
    findings: Vec<Diagnostic>,
}

impl<T> Examined<T> {
    /// Makes the result of reading a file; where nothing could be made of it, the findings say why.
    pub(crate) fn new(legible: Option<T>, findings: Vec<Diagnostic>) -> Self {
        Self { legible, findings }
    }

    /// Returns the value.
    ///
    /// # Errors
    /// Every finding, in file order, where there is one.
    pub fn whole(self) -> Result<T, Vec<Diagnostic>> {
        match self.legible {
            Some(value) if self.findings.is_empty() => Ok(value),
            _ => Err(self.findings),
        }
    }

    /// Returns the value, where nothing is wrong.
    #[must_use]
    pub fn sound(&self) -> Option<&T> {
        self.legible.as_ref().filter(|_| self.findings.is_empty())
    }

    /// Returns what could be read, for finding more that is wrong with it.
    pub(crate) fn legible(&self) -> Option<&T> {
        self.legible.as_ref()
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// Adds what else is wrong, behind the rest.
    pub(crate) fn add(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        self.findings.extend(findings);
    }

    /// Adds what else is wrong in the same file, in file order.
    pub(crate) fn join(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        self.findings.extend(findings);
        self.findings.sort_by_key(|found| (found.line, found.column));
    }

    /// Turns what could be read into something else, and keeps what is wrong.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Examined<U> {
        Examined { legible: self.legible.map(make), findings: self.findings }
    }
}

impl<T> Examined<Option<T>> {
    /// Takes what was read for nothing where it is none.
    pub(crate) fn flatten(self) -> Examined<T> {
        Examined { legible: self.legible.flatten(), findings: self.findings }
    }
}

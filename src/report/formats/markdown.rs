//! A job summary in Markdown, whole.

use std::io::{self, Write};

use super::Format;
use crate::report::{Renderer, Report, summary::summary};

pub(super) const FORMAT: Format =
    Format { id: "markdown", summary: "a job summary in Markdown", make: |_| Box::new(Markdown) };

struct Markdown;

impl Renderer for Markdown {
    fn finish(&mut self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        out.write_all(summary(report, usize::MAX).unwrap_or_default().as_bytes())
    }
}

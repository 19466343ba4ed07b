//! One static page: no script, nothing loaded, readable on a phone, light and dark.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    document::{Block, Span},
    text,
};
use crate::base::digest::Digest;

/// Wide enough contrast in both schemes, and long lines wrap: nothing lies out of sight.
const CSS: &str = "\
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--soft:#f1f3f5;--line:#868e96}
@media(prefers-color-scheme:dark){:root{--ink:#eceff1;--paper:#14171a;--soft:#23282d;--line:#90989f}}
body{margin:0 auto;max-width:52rem;padding:1rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1,h2,h3,h4{line-height:1.25;overflow-wrap:anywhere}
h1{font-size:1.5rem}
h2{font-size:1.25rem}
h3,h4{font-size:1.05rem}
h2{border-bottom:2px solid var(--line)}
code,pre{font-family:ui-monospace,monospace;font-size:.9em;background:var(--soft);white-space:pre-wrap;overflow-wrap:anywhere}
code{padding:.1em .3em;border-radius:.2em;direction:ltr;unicode-bidi:isolate}
pre{padding:.75rem;border:1px solid var(--line)}
pre code{padding:0}
ul{padding-left:1.2rem}
table{border-collapse:collapse}
th,td{border:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
";

pub(super) fn render(title: &str, blocks: &[Block]) -> String {
    let mut body = String::new();
    let mut depth = 0_u8;
    for block in blocks {
        let wanted = if let Block::Item(at, _) = block { at + 1 } else { 0 };
        while depth > wanted {
            body.push_str("</li></ul>\n");
            depth -= 1;
        }
        match block {
            Block::Heading(level, spans) => {
                let _ = writeln!(body, "<h{level}>{}</h{level}>", joined(spans));
            }
            Block::Paragraph(spans) => {
                let _ = writeln!(body, "<p>{}</p>", joined(spans));
            }
            Block::Item(_, spans) => {
                if depth == wanted {
                    body.push_str("</li>\n");
                }
                while depth < wanted {
                    body.push_str("<ul>\n");
                    depth += 1;
                }
                let _ = write!(body, "<li>{}", joined(spans));
            }
            Block::Lines(label, plan) => {
                let lines = text::lines(plan);
                let _ = writeln!(
                    body,
                    "<p>{}{} ({} lines, {} bytes)</p>\n<pre tabindex=\"0\"><code>{}</code></pre>",
                    joined(label),
                    lines.remark(),
                    lines.count,
                    plan.len(),
                    escape(&lines.text)
                );
            }
        }
    }
    for _ in 0..depth {
        body.push_str("</li></ul>\n");
    }
    page(title, &body)
}

/// Wraps a body, made of our own markup and escaped text, into a page that can load and run nothing; `title` is any text.
#[must_use]
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    let style = STANDARD.encode(Digest::of(CSS.as_bytes()).as_bytes());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn joined(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Fixed(words) => escape(words),
            Span::Number(n) => n.to_string(),
            Span::Word(plan) | Span::Text(plan) => format!("<code>{}</code>", escape(&text::line(plan))),
        })
        .collect()
}

/// Escapes text for HTML and XML, elements and attributes alike.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

//! The one HTTP client under every forge: total timeouts, no redirects, answers of bounded size.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::reasons::{ENDPOINT_OVERRIDE, TOO_LARGE, UNREACHABLE};
use crate::base::reason::{INTERNAL, Refusal, Result};

/// The variables that lead traffic or trust somewhere else.
pub const OVERRIDES: [&str; 8] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// How a provider uses the network.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The longest that one request may take, from connecting to the last byte.
    pub timeout: Duration,
    /// The first pause before something is asked again; it doubles each time.
    pub pause: Duration,
    /// The largest answer, in bytes.
    pub max_bytes: usize,
    /// Whether proxies are used.
    pub proxies: Proxies,
}

/// Whether proxies are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxies {
    /// Those that the environment names.
    Environment,
    /// None.
    Never,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            pause: Duration::from_millis(250),
            max_bytes: 16 * 1024 * 1024,
            proxies: Proxies::Environment,
        }
    }
}

/// Refuses where a variable leads traffic or trust somewhere else; for commands that gate or execute.
///
/// # Errors
/// `context.override`.
pub fn refuse_overrides<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> Result<()> {
    match OVERRIDES.iter().find(|name| lookup(name).is_some_and(|value| !value.is_empty())) {
        Some(name) => Err(Refusal::new(ENDPOINT_OVERRIDE, format!("{name} is set")).subject(*name)),
        None => Ok(()),
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns a header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns a header that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.header(name)?.trim().parse().ok()
    }
}

/// Makes the client; it needs the roots of trust of the machine, so make it only when it is used.
pub(crate) fn client(settings: Settings) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .timeout(settings.timeout)
        .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    if settings.proxies == Proxies::Never {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| {
        Refusal::new(INTERNAL, format!("no HTTP client: {}", chain(&e)))
            .hint("see that the machine has certificates of authorities: ca-certificates")
    })
}

/// Reads an answer to its end, and no more than `max_bytes` of it.
pub(crate) async fn read(mut response: reqwest::Response, max_bytes: usize) -> Result<Answer> {
    let too_large = || Refusal::new(TOO_LARGE, format!("more than {max_bytes} bytes"));
    if response.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large());
    }
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max_bytes => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, headers, body }),
            Err(e) => return Err(Refusal::new(UNREACHABLE, chain(&e))),
        }
    }
}

/// Returns an error with all its causes, since the outermost often says nothing.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default().to_owned();
        // Some errors repeat their cause at their end.
        if parts.last().is_none_or(|last| !last.ends_with(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    crate::base::text::visible(&parts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a44_variables_that_lead_elsewhere_are_refused_where_it_matters() {
        for name in OVERRIDES {
            let refused = refuse_overrides(|asked| (asked == name).then_some("http://10.0.0.1:3128")).unwrap_err();
            assert_eq!((refused.code(), refused.about()), ("context.override", Some(name)));
        }
        refuse_overrides(|_| None).unwrap();
        refuse_overrides(|_| Some("")).unwrap();
    }
}

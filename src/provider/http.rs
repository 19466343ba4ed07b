//! A model behind HTTP: one question, one answer of bounded size and time, and the exact bytes of both.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONTENT_TYPE as CONTENT_TYPE_HEADER, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};

use super::{
    Cost, Exchange, Progress, Question, Source,
    endpoint::Endpoint,
    heard::Heard,
    key::Key,
    pause,
    reasons::{
        CONTENT_TYPE, DENIED, FAILED, KEY_MISSING, MALFORMED, PROVIDER_MODEL_NAME, PROVIDER_UNREACHABLE, RATE_LIMITED,
        REDIRECTED, REJECTED, TIMEOUT, TOO_LARGE, TRUNCATED,
    },
    sse,
    wires::{Extra, Shape, Wire},
};
use crate::{
    base::{
        reason::{INTERNAL, Refusal, Result},
        secret::Secret,
        text::{count, excerpt},
    },
    forge::http::{self, Proxies},
};

/// The largest part of an error's body that is read.
const MAX_ERROR: usize = 64 << 10;
/// The longest name of a model, in bytes.
const MAX_MODEL: usize = 200;

/// Lets time pass.
pub type Wait = Box<dyn FnMut(Duration) + Send>;

/// How a provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest that a question may take, from the first request to the last byte, pauses included.
    pub timeout: Duration,
    /// The largest answer, in bytes as they come in.
    pub max_bytes: usize,
    /// How often a question is sent again where the provider fails, or takes no more for now.
    pub retries: u32,
    /// The longest pause that a provider may ask for; it is not waited longer.
    pub max_pause: Duration,
    /// The first pause where the provider asks for none; it doubles.
    pub pause: Duration,
    /// Whether the answer comes as a stream, so that there is progress to tell.
    pub stream: bool,
    /// Whether what stays the same is marked for the provider's cache, where its protocol has a mark.
    pub mark_cache: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            max_bytes: 8 << 20,
            retries: 2,
            max_pause: Duration::from_secs(60),
            pause: Duration::from_secs(1),
            stream: true,
            mark_cache: true,
        }
    }
}

/// A model behind HTTP.
pub struct HttpSource {
    wire: &'static dyn Wire,
    endpoint: Endpoint,
    key: Key,
    settings: Settings,
    wait: Wait,
    without: Vec<Extra>,
    cost: Cost,
    engine: Option<Engine>,
}

/// What only a source that is used has.
struct Engine {
    client: reqwest::Client,
    // Last, so that it ends after what runs in it.
    runtime: Runtime,
}

/// An answer as it came, whatever it says.
struct Raw {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What to do after an answer that is none.
enum Next {
    Again(Duration),
    Without(Extra),
    Refuse(Refusal),
}

impl HttpSource {
    /// Makes a source; nothing is opened yet. Without an endpoint it is the provider's own.
    ///
    /// The key is the caller's to read, from a variable or a file. An endpoint of one's own may do without.
    ///
    /// # Errors
    /// `provider.endpoint`, `provider.key_invalid`, `provider.key_missing`.
    pub fn new(
        wire: &'static dyn Wire,
        endpoint: Option<&str>,
        key: Option<Secret>,
        settings: Settings,
    ) -> Result<Self> {
        let endpoint = Endpoint::parse(endpoint.unwrap_or(wire.endpoint()))?;
        let key = Key::new(key)?;
        if !key.is_there() && endpoint == Endpoint::parse(wire.endpoint())? {
            let variable = wire.key_variable();
            return Err(Refusal::new(KEY_MISSING, format!("{variable} is not set"))
                .subject(variable)
                .hint(format!("set {variable} to a key for {}", endpoint.host())));
        }
        let wait = Box::new(std::thread::sleep);
        let without = if settings.mark_cache { Vec::new() } else { vec![Extra::CacheMark] };
        Ok(Self { wire, endpoint, key, settings, wait, without, cost: Cost::default(), engine: None })
    }

    /// Lets time pass in another way.
    #[must_use]
    pub fn with_wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Returns where it asks.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the body of a request; the same question has the same bytes.
    fn body(&self, question: &Question<'_>) -> Result<Vec<u8>> {
        let shape =
            Shape { stream: self.settings.stream, host: self.endpoint.host(), without: self.without.as_slice() };
        let body =
            serde_json::to_vec(&self.wire.body(question, &shape)).map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
        self.key.absent("the question", &body)?;
        Ok(body)
    }

    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE_HEADER, HeaderValue::from_static("application/json"));
        let accept = if self.settings.stream { "text/event-stream, application/json" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        for (name, value) in self.wire.headers() {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let (name, prefix) = self.wire.key_header();
        if let Some(value) = self.key.header(prefix)? {
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    fn engine(&mut self) -> Result<&Engine> {
        if Handle::try_current().is_ok() {
            return Err(Refusal::new(INTERNAL, "a provider was asked from inside asynchronous code"));
        }
        if self.engine.is_none() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| Refusal::new(INTERNAL, format!("no runtime: {e}")))?;
            let proxies = if self.endpoint.is_loopback() { Proxies::Never } else { Proxies::Environment };
            let settings = http::Settings { timeout: self.settings.timeout, proxies, ..http::Settings::default() };
            self.engine = Some(Engine { client: http::client(settings)?, runtime });
        }
        self.engine.as_ref().ok_or_else(|| Refusal::new(INTERNAL, "no client"))
    }

    /// Sends one request and reads its answer.
    fn send(&mut self, url: &str, body: &[u8], left: Duration, progress: &mut dyn FnMut(Progress)) -> Result<Raw> {
        let (headers, max_bytes, host) = (self.headers()?, self.settings.max_bytes, self.endpoint.host().to_owned());
        let engine = self.engine()?;
        let request = engine.client.post(url).headers(headers).body(body.to_vec()).timeout(left);
        self.cost.requests = self.cost.requests.saturating_add(1);
        progress(Progress::Asked);
        let engine = self.engine()?;
        let raw = engine.runtime.block_on(async {
            let response = request.send().await.map_err(|e| unanswered(e, &host, PROVIDER_UNREACHABLE))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = match status {
                200 => read(response, max_bytes, &host, progress).await?,
                _ => read_some(response).await,
            };
            Ok(Raw { status, headers, body })
        });
        if !raw.as_ref().is_ok_and(|raw| raw.status == 200 || raw.body.len() < MAX_ERROR) {
            // What was not read to its end is hung up on, and not kept open by a runtime that nobody runs.
            self.engine = None;
        }
        raw
    }

    /// Decides about an answer with another status than 200.
    fn next(&self, raw: &Raw, retries: u32, left: Duration) -> Next {
        let error = serde_json::from_slice::<Value>(&raw.body).ok().and_then(|body| {
            let body = body.get(0).unwrap_or(&body);
            body.get("error").filter(|error| error.is_object()).cloned()
        });
        let said = match error.as_ref().and_then(|error| error.get("message")).and_then(Value::as_str) {
            Some(message) => self.key.redacted(message),
            None => self.key.redacted(&String::from_utf8_lossy(&raw.body)),
        };
        let message = format!("{} answers {}: {said}", self.endpoint.host(), raw.status);
        let refuse = |reason| Next::Refuse(Refusal::new(reason, message.clone()));
        match raw.status {
            300..=399 => refuse(REDIRECTED),
            401 | 403 => refuse(DENIED),
            400 | 422 => {
                let extra = error.as_ref().and_then(|error| self.wire.unsupported(error));
                match extra.filter(|extra| !self.without.contains(extra)) {
                    Some(extra) => Next::Without(extra),
                    None => refuse(REJECTED),
                }
            }
            429 | 500..=599 => {
                let reason = if raw.status == 429 { RATE_LIMITED } else { FAILED };
                let asked = pause::asked(&raw.headers);
                let pause = asked.unwrap_or(self.settings.pause.saturating_mul(1 << retries.min(8)));
                if retries < self.settings.retries.min(2) && pause <= self.settings.max_pause && pause < left {
                    return Next::Again(pause);
                }
                match asked {
                    Some(pause) => {
                        let hint = format!("the provider asks to come back in {}", count(pause.as_secs(), "second"));
                        Next::Refuse(Refusal::new(reason, message).hint(hint))
                    }
                    None => refuse(reason),
                }
            }
            200..=299 => refuse(MALFORMED),
            _ => refuse(REJECTED),
        }
    }

    /// Takes the answer out of what came back.
    fn hear(&self, raw: &Raw) -> Result<Heard> {
        self.key.absent("the answer", &raw.body)?;
        let kind = raw.headers.get(CONTENT_TYPE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let text = std::str::from_utf8(&raw.body).map_err(|_| Refusal::new(MALFORMED, "it is not UTF-8"))?;
        let read = |data: &str| {
            serde_json::from_str::<Value>(data).map_err(|e| {
                Refusal::new(MALFORMED, format!("it is no JSON at line {} column {}", e.line(), e.column()))
            })
        };
        let mut heard = Heard::default();
        match essence.as_str() {
            // Some servers pass over the wish for a stream; a whole answer is as good.
            "application/json" => {
                let whole = read(text)?;
                self.wire.hear(&whole, &mut heard);
                if heard.ending.is_none() && heard.error.is_none() && !heard.closed {
                    return Err(Refusal::new(MALFORMED, "it holds no answer of a model"));
                }
            }
            "text/event-stream" if self.settings.stream => {
                for data in sse::events(text) {
                    if heard.closed && self.wire.closing().is_some() {
                        return Err(Refusal::new(MALFORMED, "it goes on after its end"));
                    }
                    match self.wire.closing() {
                        Some(closing) if closing == data => heard.closed = true,
                        _ => self.wire.hear(&read(&data)?, &mut heard),
                    }
                }
            }
            other => return Err(Refusal::new(CONTENT_TYPE, format!("the answer is `{}`", excerpt(other)))),
        }
        heard.check(|text| self.key.redacted(text))?;
        self.key.absent("the answer", heard.text.as_bytes())?;
        self.key.absent("the answer", heard.model.as_deref().unwrap_or_default().as_bytes())?;
        Ok(heard)
    }
}

impl HttpSource {
    fn ask_since(
        &mut self,
        started: Instant,
        question: &Question<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Exchange> {
        let named = !question.model.is_empty() && question.model.len() <= MAX_MODEL;
        if !named || !question.model.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Refusal::new(PROVIDER_MODEL_NAME, format!("`{}`", excerpt(question.model))));
        }
        let url = self.endpoint.join(&self.wire.path(question.model, self.settings.stream)?);
        let mut retries = 0;
        loop {
            let left = self.settings.timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(Refusal::new(TIMEOUT, format!("more than {} seconds", self.settings.timeout.as_secs())));
            }
            let sent = self.body(question)?;
            let raw = self.send(&url, &sent, left, progress)?;
            if raw.status == 200 {
                let heard = self.hear(&raw)?;
                return Ok(Exchange {
                    sent,
                    received: raw.body,
                    text: heard.text,
                    model: heard.model,
                    usage: heard.usage,
                    requests: self.cost.requests,
                    millis: since(started),
                });
            }
            match self.next(&raw, retries, self.settings.timeout.saturating_sub(started.elapsed())) {
                Next::Refuse(refusal) => return Err(refusal),
                Next::Without(extra) => self.without.push(extra),
                Next::Again(pause) => {
                    progress(Progress::Waiting(pause.as_secs()));
                    (self.wait)(pause);
                    retries += 1;
                }
            }
        }
    }
}

impl Source for HttpSource {
    /// Asks once, and up to twice more where the provider fails or takes no more for now; and once more for each of the
    /// few things besides the schema that the provider says the model does not take.
    fn ask(&mut self, question: &Question<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Exchange> {
        let started = Instant::now();
        self.cost = Cost::default();
        let answered = self.ask_since(started, question, progress);
        self.cost.millis = since(started);
        answered
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

fn since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Reads an answer to its end, and no more than `max_bytes` of it.
async fn read(
    mut response: reqwest::Response,
    max_bytes: usize,
    host: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>> {
    let too_large = || Refusal::new(TOO_LARGE, format!("more than {max_bytes} bytes from {host}"));
    if response.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unanswered(e, host, TRUNCATED))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
        progress(Progress::Received(body.len()));
    }
    Ok(body)
}

/// Reads the beginning of an error, for people.
async fn read_some(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR {
            body.truncate(MAX_ERROR);
            break;
        }
    }
    body
}

/// Says why there is no whole answer; addresses are left out of it.
fn unanswered(error: reqwest::Error, host: &str, otherwise: crate::base::reason::Reason) -> Refusal {
    let reason = if error.is_timeout() { TIMEOUT } else { otherwise };
    Refusal::new(reason, format!("{host}: {}", http::chain(&error.without_url())))
}

//! The line to GitHub: one runtime, one client, one way to send; what may be asked again is, writes are not.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use octocrab::Octocrab;
use reqwest::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    address::Address,
    auth::{self, Credentials},
    decode::{self, RawId},
    limits::{self, Verdict},
};
use crate::{
    base::{
        reason::{INTERNAL, Refusal, Result},
        secret::Secret,
        time::Timestamp,
    },
    forge::{
        http::{self, Answer, Settings},
        reasons::{MALFORMED, RATE_LIMITED, REDIRECTED, UNREACHABLE},
    },
};

/// How often a read follows the forge to another path of the same host.
const MAX_REDIRECTS: u32 = 3;
/// The largest answer that is kept to be asked for again under its tag.
const MAX_KEPT: usize = 1024 * 1024;

/// Why there is no answer.
pub(super) enum Failure {
    /// Nothing was done.
    Refused(Refusal),
    /// It is open whether something was done.
    Open(Refusal),
}

impl Failure {
    /// Returns the refusal, for what changes nothing either way.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) | Self::Open(refusal) => refusal,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// A read; asked again where the forge fails.
    Get,
    /// A read by GraphQL; asked again where the forge fails.
    Query(&'a Value),
    /// A write; sent once.
    Post(&'a Value),
    /// A write; sent once.
    Patch(&'a Value),
}

/// The line of one provider.
pub(super) struct Line {
    pub(super) address: Address,
    credentials: Credentials,
    settings: Settings,
    engine: OnceLock<Engine>,
    calls: AtomicU64,
    said_at: Mutex<Option<Timestamp>>,
    kept: Mutex<HashMap<String, Answer>>,
}

/// What only a line that is used has.
struct Engine {
    client: Mutex<Option<Octocrab>>,
    http: reqwest::Client,
    // Last, so that it ends after what runs in it.
    runtime: Runtime,
}

impl Line {
    /// Makes a line; nothing is opened yet.
    pub(super) fn new(address: Address, credentials: Credentials, settings: Settings) -> Self {
        Self {
            address,
            credentials,
            settings,
            engine: OnceLock::new(),
            calls: AtomicU64::new(0),
            said_at: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    /// Returns how many requests were sent.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Returns the date of the newest answer.
    pub(super) fn said_at(&self) -> Option<Timestamp> {
        *lock(&self.said_at)
    }

    /// Reads a path; where the forge says that the answer is as before, it is the one from before.
    ///
    /// Only for what has no pages: the tag is of the body, and a page that is as before may have got another
    /// behind it.
    pub(super) fn get(&self, path: &str) -> Result<Answer> {
        let before = lock(&self.kept).get(path).cloned();
        let tag = before.as_ref().and_then(|answer| answer.headers.get(reqwest::header::ETAG).cloned());
        let answer = self.send(Ask::Get, path, tag).map_err(Failure::refusal)?;
        if answer.status == 304 {
            return before.ok_or_else(|| Refusal::new(MALFORMED, "status 304 for what was never asked for"));
        }
        if answer.headers.contains_key(reqwest::header::ETAG) && answer.body.len() <= MAX_KEPT {
            lock(&self.kept).insert(path.to_owned(), answer.clone());
        }
        Ok(answer)
    }

    /// Reads a path whatever was read before.
    pub(super) fn get_page(&self, path: &str) -> Result<Answer> {
        self.send(Ask::Get, path, None).map_err(Failure::refusal)
    }

    /// Sends a write, once.
    pub(super) fn write(&self, ask: Ask<'_>, path: &str) -> std::result::Result<Answer, Failure> {
        self.send(ask, path, None)
    }

    /// Fetches the target of a redirect without credentials, at most `max_bytes` of it.
    pub(super) fn download(&self, path: &str, max_bytes: usize) -> Result<Vec<u8>> {
        let engine = self.engine()?;
        let client = self.client(engine).map_err(Failure::refusal)?;
        let answer = engine.runtime.block_on(self.once(&client, Ask::Get, path, None)).map_err(Failure::refusal)?;
        let answer = match answer.status {
            301 | 302 | 303 | 307 | 308 => {
                let to = self.target(&answer)?;
                if !self.address.may_fetch(&to) {
                    return Err(Refusal::new(REDIRECTED, "an archive without TLS"));
                }
                self.calls.fetch_add(1, Ordering::Relaxed);
                engine.runtime.block_on(async {
                    let sent = engine.http.get(to).send().await;
                    http::read(sent.map_err(|e| Refusal::new(UNREACHABLE, http::chain(&e.without_url())))?, max_bytes)
                        .await
                })?
            }
            _ => answer,
        };
        match limits::judge(path, &answer, Duration::ZERO) {
            Verdict::Good if answer.body.len() <= max_bytes => Ok(answer.body),
            Verdict::Good => {
                Err(Refusal::new(crate::forge::reasons::TOO_LARGE, format!("more than {max_bytes} bytes")))
            }
            Verdict::Wait(_) => Err(Refusal::new(RATE_LIMITED, "an archive")),
            Verdict::Failed(refusal) | Verdict::Refused(refusal) => Err(refusal),
        }
    }

    /// Sends with the credentials; an app's token that has run out is asked for anew, once.
    pub(super) fn send(
        &self,
        ask: Ask<'_>,
        path: &str,
        tag: Option<HeaderValue>,
    ) -> std::result::Result<Answer, Failure> {
        let engine = self.engine()?;
        let client = self.client(engine)?;
        match self.deliver(engine, &client, ask, path, tag.clone()) {
            Err(Expired(_)) if matches!(self.credentials, Credentials::App { .. }) => {
                *lock(&engine.client) = None;
                let client = self.client(engine)?;
                self.deliver(engine, &client, ask, path, tag).map_err(|Expired(failure)| failure)?
            }
            Err(Expired(failure)) => Err(failure),
            Ok(sent) => sent,
        }
    }

    /// Asks until there is an answer, or there will be none. The outer error is status 401.
    fn deliver(
        &self,
        engine: &Engine,
        client: &Octocrab,
        ask: Ask<'_>,
        path: &str,
        tag: Option<HeaderValue>,
    ) -> std::result::Result<std::result::Result<Answer, Failure>, Expired> {
        engine.runtime.block_on(async {
            let (mut waited, mut pause, mut redirects) = (Duration::ZERO, self.settings.pause, 0);
            let mut path = path.to_owned();
            let mut attempt = 0;
            loop {
                attempt += 1;
                let again = attempt < limits::ATTEMPTS && matches!(ask, Ask::Get | Ask::Query(_));
                let failure = match self.once(client, ask, &path, tag.clone()).await {
                    Err(Failure::Open(refusal)) if refusal.is(UNREACHABLE) => refusal,
                    Err(Failure::Refused(refusal)) if refusal.is(UNREACHABLE) && again => refusal,
                    Err(failure) => return Ok(Err(failure)),
                    Ok(answer) => match limits::judge(&path, &answer, waited) {
                        Verdict::Good => return Ok(Ok(answer)),
                        Verdict::Wait(wait) if attempt < limits::ATTEMPTS => {
                            waited += wait;
                            tokio::time::sleep(wait).await;
                            continue;
                        }
                        Verdict::Wait(_) => {
                            let refusal = Refusal::new(RATE_LIMITED, "the forge asks to wait again and again");
                            return Ok(Err(Failure::Refused(refusal.hint("try again in some minutes"))));
                        }
                        Verdict::Refused(refusal)
                            if refusal.is(REDIRECTED) && matches!(ask, Ask::Get) && redirects < MAX_REDIRECTS =>
                        {
                            let to = match self.target(&answer) {
                                Ok(to) if self.address.is_own(&to) => to,
                                _ => return Ok(Err(Failure::Refused(refusal))),
                            };
                            path = path_and_query(&to);
                            redirects += 1;
                            attempt -= 1;
                            continue;
                        }
                        Verdict::Refused(refusal) if answer.status == 401 => {
                            return Err(Expired(Failure::Refused(refusal)));
                        }
                        Verdict::Refused(refusal) => return Ok(Err(Failure::Refused(refusal))),
                        Verdict::Failed(refusal) => refusal,
                    },
                };
                if !again {
                    return Ok(Err(Failure::Open(failure)));
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        })
    }

    /// Sends one request and reads its answer.
    async fn once(
        &self,
        client: &Octocrab,
        ask: Ask<'_>,
        path: &str,
        tag: Option<HeaderValue>,
    ) -> std::result::Result<Answer, Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let sent = match ask {
            Ask::Get => {
                let headers = tag.map(|tag| HeaderMap::from_iter([(IF_NONE_MATCH, tag)]));
                client._get_with_headers(path, headers).await
            }
            Ask::Query(body) | Ask::Post(body) => client._post(path, Some(body)).await,
            Ask::Patch(body) => client._patch(path, Some(body)).await,
        };
        let subject = path.split('?').next().unwrap_or_default();
        let response = sent.map_err(|e| {
            let refusal = Refusal::new(UNREACHABLE, http::chain(&e)).subject(subject);
            // What was never connected was never sent.
            if is_connect(&e) { Failure::Refused(refusal) } else { Failure::Open(refusal) }
        })?;
        let response = reqwest::Response::from(response.map(reqwest::Body::wrap));
        let answer = http::read(response, self.settings.max_bytes).await;
        let answer = answer.map_err(|refusal| Failure::Open(refusal.subject(subject)))?;
        if let Some(date) = answer.header("date").and_then(Timestamp::from_http_date) {
            *lock(&self.said_at) = Some(date);
        }
        Ok(answer)
    }

    fn engine(&self) -> Result<&Engine> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(Refusal::new(INTERNAL, "a forge was asked from inside asynchronous code"));
        }
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Refusal::new(INTERNAL, format!("no runtime: {e}")))?;
        let http = http::client(self.settings)?;
        Ok(self.engine.get_or_init(|| Engine { client: Mutex::default(), http, runtime }))
    }

    /// Returns the client that shows the credentials, made at its first use.
    fn client(&self, engine: &Engine) -> std::result::Result<Octocrab, Failure> {
        if let Some(client) = &*lock(&engine.client) {
            return Ok(client.clone());
        }
        let client = match &self.credentials {
            Credentials::Token(token) => self.with_token(engine, token)?,
            Credentials::App { id, key } => {
                let token = self.installation_token(engine, *id, key)?;
                self.with_token(engine, &token)?
            }
        };
        *lock(&engine.client) = Some(client.clone());
        Ok(client)
    }

    fn with_token(&self, engine: &Engine, token: &Secret) -> Result<Octocrab> {
        let _inside = engine.runtime.enter();
        auth::with_token(engine.http.clone(), &self.address.origin(), token)
    }

    /// Asks for a token that is good for this repository and no other.
    fn installation_token(&self, engine: &Engine, id: u64, key: &Secret) -> std::result::Result<Secret, Failure> {
        #[derive(serde::Deserialize)]
        struct Token {
            token: String,
        }
        let client = {
            let _inside = engine.runtime.enter();
            auth::with_key(engine.http.clone(), &self.address.origin(), id, key)?
        };
        let ask = |ask: Ask<'_>, path: &str| {
            self.deliver(engine, &client, ask, path, None).map_err(|Expired(failure)| failure)?
        };
        let installation: RawId =
            decode::json("installation", &ask(Ask::Get, &self.address.repo("/installation"))?.body)?;
        let path = self.address.root(&format!("/app/installations/{}/access_tokens", installation.id));
        let answer = ask(Ask::Post(&json!({ "repositories": [self.address.name()] })), &path)?;
        let token: Token = decode::json("installation token", &answer.body)?;
        let token = Secret::new(token.token);
        Credentials::Token(token.clone()).check()?;
        Ok(token)
    }

    /// Where a redirect leads.
    fn target(&self, answer: &Answer) -> Result<reqwest::Url> {
        let base: reqwest::Url =
            self.address.origin().parse().map_err(|_| Refusal::new(INTERNAL, "the address is no URL"))?;
        let to = answer.header("location").filter(|to| !to.is_empty()).and_then(|to| base.join(to).ok());
        to.ok_or_else(|| Refusal::new(REDIRECTED, "a redirect that leads nowhere"))
    }
}

/// Status 401: the credentials are not taken, or no longer.
struct Expired(Failure);

/// Locks; what another thread left half done is whole, since every use sets one value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a URL names on its host.
pub(super) fn path_and_query(url: &reqwest::Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// Tells whether no connection came about.
fn is_connect(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect))
}

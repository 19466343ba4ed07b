//! A small GitHub over real HTTP on loopback: it keeps state, obeys, and goes wrong on demand.
//!
//! It serves `/api/v3` and `/api/graphql` as an Enterprise host does, and the repository to git itself, to this
//! process and to its children.
//! Every exchange is recorded, and held against GitHub's own description where `tests/run.sh` has fetched it;
//! a model that lies fails its test.

pub mod contract;
pub mod events;
pub mod faults;
pub mod git;
pub mod render;
pub mod routes;
pub mod server;
pub mod state;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use octocrab::jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::git_server;

use self::{
    contract::contract,
    faults::{Fault, What},
    routes::Asked,
    server::{Reply, Request, Server},
    state::State,
};

/// A running model.
pub struct ForgeModel {
    inner: Arc<Inner>,
    server: Option<Server>,
    _folder: Option<tempfile::TempDir>,
}

struct Inner {
    state: Mutex<State>,
    faults: Mutex<Vec<Fault>>,
    record: Mutex<Vec<Request>>,
    lies: Mutex<Vec<String>>,
    port: Mutex<u16>,
    git: PathBuf,
}

impl ForgeModel {
    /// Starts a model with a repository of its own.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Self::over(&folder.path().join("infra.git"));
        model._folder = Some(folder);
        model
    }

    /// Starts a model of a bare repository, which is made where it is not there.
    pub fn over(git: &Path) -> Self {
        let inner = Arc::new(Inner {
            state: Mutex::new(State::new(git)),
            faults: Mutex::default(),
            record: Mutex::default(),
            lies: Mutex::default(),
            port: Mutex::default(),
            git: git.to_owned(),
        });
        let serving = Arc::clone(&inner);
        let mut port = inner.port.lock().unwrap();
        let server = Server::start(move |request| serving.serve(&request));
        *port = server.port;
        drop(port);
        Self { inner, server: Some(server), _folder: None }
    }

    /// What the trust root calls the host: `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.inner.port.lock().unwrap())
    }

    /// The address of the repository for git.
    pub fn clone_url(&self) -> String {
        format!("http://{}/{}.git", self.host(), self.state().full_name())
    }

    /// The variables that a runner sets.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let origin = format!("http://{}", self.host());
        vec![
            ("GITHUB_API_URL", format!("{origin}/api/v3")),
            ("GITHUB_GRAPHQL_URL", format!("{origin}/api/graphql")),
            ("GITHUB_SERVER_URL", origin),
            ("GITHUB_REPOSITORY", self.state().full_name()),
        ]
    }

    /// The world, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    /// Makes the next such request go wrong.
    pub fn fault(&self, method: &'static str, target: &str, what: What) {
        self.fault_times(method, target, 0, 1, what);
    }

    /// Makes `times` such requests go wrong, after `skip` that go well.
    pub fn fault_times(&self, method: &'static str, target: &str, skip: usize, times: usize, what: What) {
        self.inner.faults.lock().unwrap().push(Fault { method, target: target.to_owned(), skip, times, what });
    }

    /// Lets everything go well again.
    pub fn repair(&self) {
        self.inner.faults.lock().unwrap().clear();
    }

    /// Every request so far, as method and path with query.
    pub fn requests(&self) -> Vec<String> {
        let record = self.inner.record.lock().unwrap();
        record.iter().map(|one| format!("{} {}", one.method, one.target)).collect()
    }

    /// Every request so far, whole.
    pub fn record(&self) -> Vec<Request> {
        self.inner.record.lock().unwrap().clone()
    }

    /// How many requests of a method there were to what contains a text.
    pub fn count(&self, method: &str, target: &str) -> usize {
        self.record().iter().filter(|one| one.method == method && one.target.contains(target)).count()
    }
}

impl Drop for ForgeModel {
    fn drop(&mut self) {
        drop(self.server.take());
        let lies = std::mem::take(&mut *self.inner.lies.lock().unwrap());
        if !std::thread::panicking() {
            assert!(lies.is_empty(), "the model or its client breaks GitHub's description:\n{}", lies.join("\n"));
        }
    }
}

impl Inner {
    fn serve(&self, request: &Request) -> Reply {
        if let Some(reply) = self.serve_git(request) {
            return reply;
        }
        self.record.lock().unwrap().push(request.clone());
        let mut faults = self.faults.lock().unwrap();
        // The first that strikes; those behind it neither strike nor count.
        let fault = faults.iter_mut().find_map(|one| one.strikes(request).then_some(&*one));
        if let Some(instead) = fault.and_then(Fault::instead) {
            return instead;
        }
        let mut state = self.state.lock().unwrap();
        let origin = format!("http://127.0.0.1:{}", self.port.lock().unwrap());
        let (mut reply, sent) = self.answer(&mut state, request, &origin);
        let path = request.target.strip_prefix("/api/v3");
        if let (Some(contract), Some(path), true) = (contract(), path, fault.is_none_or(Fault::is_true))
            && reply.status != 304
            && let Some(lie) = contract.fault(&request.method, path, sent.as_ref(), reply.status, &reply.body)
        {
            self.lies.lock().unwrap().push(lie);
        }
        reply.headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
        reply.headers.extend(state.date.map(|date| ("date".to_owned(), date.to_owned())));
        if request.method == "GET" && reply.status == 200 && path.is_some() {
            let tag = render::tag(&reply.body);
            if fault.is_none() && request.header("if-none-match") == Some(&tag) {
                (reply.status, reply.body) = (304, Vec::new());
            }
            reply.headers.push(("etag".to_owned(), tag));
        }
        match fault {
            Some(fault) => fault.spoil(reply, &mut state),
            None => reply,
        }
    }

    /// Lets git answer what is asked of the repository itself, if whoever asks shows a token.
    fn serve_git(&self, request: &Request) -> Option<Reply> {
        let state = self.state.lock().unwrap();
        let rest = request.target.strip_prefix(&format!("/{}", state.full_name()))?;
        let shown = request.header("authorization").and_then(|text| text.strip_prefix("Basic "));
        let shown = shown.and_then(|text| String::from_utf8(STANDARD.decode(text).ok()?).ok()).unwrap_or_default();
        let token = shown.split_once(':').map(|(_, token)| token.to_owned()).unwrap_or_default();
        let (known, reads) = (state.tokens.contains_key(&token), state.readers.contains(&token));
        drop(state);
        if reads && request.target.contains("git-receive-pack") {
            return Some(routes::nothing(403));
        }
        if !known {
            let challenge = ("www-authenticate".to_owned(), "Basic realm=\"git\"".to_owned());
            return Some(Reply { headers: vec![challenge], ..routes::nothing(401) });
        }
        let rest = rest.strip_prefix(".git").unwrap_or(rest);
        let target = format!("/{}{rest}", self.git.file_name()?.to_str()?);
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        let (status, headers, body) =
            git_server::backend(self.git.parent()?, &request.method, &target, &header, &request.body);
        Some(Reply { headers, body, ..routes::nothing(status) })
    }

    /// The answer, and the body that was sent.
    fn answer(&self, state: &mut State, request: &Request, origin: &str) -> (Reply, Option<Value>) {
        let sent: Option<Value> = (!request.body.is_empty()).then(|| serde_json::from_slice(&request.body).unwrap());
        let path = request.target.split('?').next().unwrap();
        if let Some(id) = path.strip_prefix("/blobs/") {
            // Another host in truth: whoever shows it our credentials gives them away.
            assert!(request.header("authorization").is_none(), "credentials went to where archives lie");
            let known = state.artifacts.iter().find(|one| one.id.to_string() == id);
            let reply = known
                .map_or_else(|| routes::nothing(404), |one| Reply { body: one.bytes.clone(), ..routes::nothing(200) });
            return (reply, None);
        }
        let shown = request.header("authorization").and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
        let is_for_app = path.ends_with("/infra/installation") || path.starts_with("/api/v3/app/");
        let by = if is_for_app { app(state, shown) } else { state.tokens.get(shown).copied() };
        let Some(by) = by else { return (routes::refuse(401, "Bad credentials"), None) };
        let asked = Asked { request, by, body: sent.clone().unwrap_or_default(), origin };
        let reply = match path.strip_prefix("/api/v3") {
            Some(path) => routes::route(state, &asked, path),
            None if path == "/api/graphql" && request.method == "POST" => routes::graphql(state, &asked),
            None => routes::refuse(404, "Not Found"),
        };
        (reply, sent)
    }
}

/// Whether a token was signed with the app's key, lives as long as GitHub lets it, and names the app.
fn app(state: &State, token: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Claims {
        iss: Value,
        iat: i64,
        exp: i64,
    }
    let app = state.app.as_ref()?;
    let key = DecodingKey::from_rsa_pem(app.public_key.as_bytes()).unwrap();
    let claims: Claims = octocrab::jsonwebtoken::decode(token, &key, &Validation::new(Algorithm::RS256)).ok()?.claims;
    let names = claims.iss == app.id || claims.iss.as_str().is_some_and(|text| text.parse() == Ok(app.id));
    (names && claims.exp - claims.iat <= 660).then_some(app.bot)
}

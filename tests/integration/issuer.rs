//! An issuer of tokens on a port of its own, beside the service that hands them out, in this process.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use serde_json::{Value, json};

#[path = "../../src/sign/schemes/oidc/testing.rs"]
#[expect(dead_code, reason = "unit tests use more of it")]
pub(crate) mod minting;

/// What a job shows when it asks for a token.
pub(crate) const BEARER: &str = "request-secret-0123456789";

/// What is served at one path.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("location", to.to_owned())], body: Vec::new() }
    }
}

type Mint = Box<dyn Fn(&str) -> String + Send>;

#[derive(Default)]
struct State {
    asked: Vec<String>,
    answers: BTreeMap<&'static str, Answer>,
    mint: Option<Mint>,
}

/// The issuer; it ends with the value.
pub(crate) struct LocalIssuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LocalIssuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, over) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let (shared, ended) = (Arc::clone(&state), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                // Who hangs up in the middle of an answer has had enough of it.
                let _ = stream.and_then(|stream| serve(stream, address, &shared));
            }
        });
        Self { address, state, over, thread: Some(thread) }
    }

    /// The URL in the claim `iss`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address at which a job asks for a token.
    pub(crate) fn request_url(&self) -> String {
        format!("{}/token?api-version=2.0", self.url())
    }

    /// Makes tokens from now on out of the audience that was asked for.
    pub(crate) fn mints(&self, mint: impl Fn(&str) -> String + Send + 'static) {
        self.state.lock().unwrap().mint = Some(Box::new(mint));
    }

    /// Serves something else at a path.
    pub(crate) fn answers(&self, path: &'static str, answer: Answer) {
        self.state.lock().unwrap().answers.insert(path, answer);
    }

    /// Serves again what an issuer serves.
    pub(crate) fn as_usual(&self) {
        self.state.lock().unwrap().answers.clear();
    }

    /// The paths that were asked for since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl Drop for LocalIssuer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, address: SocketAddr, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.to_owned());
        match state.answers.get(path) {
            Some(answer) => answer.clone(),
            None => usual(path, query, &head, address, &state),
        }
    };
    let mut text =
        format!("HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes())?;
    stream.write_all(&answer.body)
}

fn usual(path: &str, query: &str, head: &str, address: SocketAddr, state: &State) -> Answer {
    let url = format!("http://{address}");
    match path {
        "/.well-known/openid-configuration" => {
            Answer::json(&json!({ "issuer": url, "jwks_uri": format!("{url}/jwks"), "claims_supported": ["sub"] }))
        }
        "/jwks" => Answer::json(&minting::jwks()),
        "/token" if head.to_ascii_lowercase().contains(&format!("authorization: bearer {BEARER}")) => {
            let audience = query.split('&').find_map(|pair| pair.strip_prefix("audience=")).unwrap_or_default();
            let audience = audience.replace("%3A", ":");
            let token = state.mint.as_ref().map(|mint| mint(&audience)).unwrap_or_default();
            Answer::json(&json!({ "count": token.len(), "value": token }))
        }
        "/token" => Answer { status: 401, ..Answer::json(&json!({})) },
        _ => Answer { status: 404, ..Answer::json(&json!({})) },
    }
}

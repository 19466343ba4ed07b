//! A git server over HTTP: git's own `http-backend` behind a small server on a free port of this machine.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A request as it came, and the arguments of every process that names this server at that moment.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub processes: Vec<String>,
}

/// Who is let in.
#[derive(Clone, Debug)]
pub enum Door {
    /// Whoever shows this token, as the password.
    Token(String),
    /// Whoever shows it may read; nobody may write.
    ReadOnly(String),
    /// Everybody is sent elsewhere.
    Elsewhere(String),
}

/// The server; it ends when this is dropped.
pub struct GitServer {
    port: u16,
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Asked>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl GitServer {
    /// Serves the bare repositories below a folder.
    pub fn start(root: &Path, door: Door) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let serving =
            Serving { root: root.to_owned(), authority: format!("127.0.0.1:{port}"), door, asked: Arc::clone(&asked) };
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            thread::scope(|scope| {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    let (Ok(stream), serving) = (stream, &serving) else { continue };
                    scope.spawn(move || serving.answer(stream));
                }
            });
        });
        Self { port, stop, asked, thread: Some(thread) }
    }

    /// The host and port.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of a repository.
    pub fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.authority())
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Serving {
    root: PathBuf,
    authority: String,
    door: Door,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Serving {
    /// Answers one request and closes.
    fn answer(&self, mut stream: TcpStream) {
        let Some(request) = Request::read(&stream) else { return };
        let (target, authorization) = (request.target.clone(), request.headers.get("authorization").cloned());
        self.asked.lock().unwrap().push(Asked { path: target.clone(), processes: self.processes() });
        let answer = match &self.door {
            Door::Elsewhere(place) => {
                format!("HTTP/1.1 302 Found\r\nLocation: {place}{target}\r\nContent-Length: 0\r\n\r\n").into_bytes()
            }
            Door::Token(token) | Door::ReadOnly(token) => {
                let wanted = format!("Basic {}", STANDARD.encode(format!("x-access-token:{token}")));
                let writes = target.contains("git-receive-pack");
                if authorization != Some(wanted) {
                    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n"
                        .to_vec()
                } else if writes && matches!(self.door, Door::ReadOnly(_)) {
                    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()
                } else {
                    self.backend(&request)
                }
            }
        };
        let _ = stream.write_all(&answer);
        let _ = stream.shutdown(Shutdown::Write);
    }

    /// The arguments of every process that names this server, as any user of the machine sees them.
    fn processes(&self) -> Vec<String> {
        let lines =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|one| fs::read(one.path().join("cmdline")).ok());
        lines
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&self.authority))
            .collect()
    }

    fn backend(&self, request: &Request) -> Vec<u8> {
        let Request { method, target, headers, body } = request;
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let (status, headers, body) = backend(&self.root, method, target, &header, body);
        let mut answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
        for (name, value) in headers {
            answer.push_str(&format!("{name}: {value}\r\n"));
        }
        answer.push_str("\r\n");
        [answer.into_bytes(), body].concat()
    }
}

/// Lets git answer a request for a repository below a folder; returns status, headers and body.
pub fn backend(
    root: &Path,
    method: &str,
    target: &str,
    header: &dyn Fn(&str) -> String,
    body: &[u8],
) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("REMOTE_USER", "x-access-token")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("HTTP_GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(body));
        let mut out = Vec::new();
        let _ = child.stdout.take().unwrap().read_to_end(&mut out);
        let _ = writer.join();
        out
    });
    let _ = child.wait();
    let end = written.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&written[..end]).into_owned();
    let mut headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let status = headers.iter().position(|(name, _)| name == "Status").map(|at| headers.remove(at).1);
    let status = status.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(200);
    (status, headers, written[(end + 4).min(written.len())..].to_vec())
}

/// One request.
struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    /// Reads it, the body also where it comes in chunks.
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first).ok()?;
        let mut words = first.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut body = Vec::new();
        if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
                reader.read_exact(&mut chunk).ok()?;
                if chunk.len() == 2 {
                    break;
                }
                body.extend_from_slice(&chunk[..chunk.len() - 2]);
            }
        } else if let Some(length) = headers.get("content-length").and_then(|text| text.parse().ok()) {
            body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
        }
        Some(Self { method, target, headers, body })
    }
}

/// Makes an empty bare repository that takes pushes over HTTP.
pub fn bare(root: &Path, name: &str) -> PathBuf {
    let folder = root.join(name);
    fs::create_dir_all(&folder).unwrap();
    let made = Command::new("git")
        .args(["init", "-q", "--bare", "-b", "main", "."])
        .current_dir(&folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status();
    assert!(made.unwrap().success());
    folder
}

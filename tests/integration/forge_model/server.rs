//! HTTP/1.1 on a loopback port of the kernel's choice, one thread a connection.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A request, whole.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer, and how much of it is sent.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub delivery: Delivery,
}

/// How much of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    /// Half of it, and then nothing until the server ends.
    Stalled,
    /// Half of it, and then the connection is closed.
    Cut,
    /// Nothing: the connection is closed.
    None,
}

/// A server that ends when it is dropped.
pub struct Server {
    pub port: u16,
    ending: Arc<Ending>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Ending {
    flag: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
    stalled: (Mutex<bool>, Condvar),
}

impl Server {
    pub fn start(serve: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let ending = Arc::new(Ending::default());
        let shared = Arc::clone(&ending);
        let serve = Arc::new(serve);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.flag.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                shared.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let (ending, serve) = (Arc::clone(&shared), Arc::clone(&serve));
                std::thread::spawn(move || connection(&stream, &ending, &*serve));
            }
        });
        Self { port, ending, accepting: Some(accepting) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.flag.store(true, Ordering::SeqCst);
        *self.ending.stalled.0.lock().unwrap() = true;
        self.ending.stalled.1.notify_all();
        for stream in self.ending.streams.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
        // Wakes the thread that accepts.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.accepting.take() {
            drop(thread.join());
        }
    }
}

fn connection(stream: &TcpStream, ending: &Ending, serve: &dyn Fn(Request) -> Reply) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let head_only = request.method == "HEAD";
        let reply = serve(request);
        let mut text = format!("HTTP/1.1 {} X\r\n", reply.status);
        for (name, value) in &reply.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
        let mut bytes = text.into_bytes();
        let sent = match reply.delivery {
            Delivery::Whole if head_only => 0,
            Delivery::Whole => reply.body.len(),
            _ => reply.body.len() / 2,
        };
        bytes.extend_from_slice(&reply.body[..sent]);
        if reply.delivery == Delivery::None || (&*stream).write_all(&bytes).is_err() {
            break;
        }
        match reply.delivery {
            Delivery::Whole => {}
            Delivery::Stalled => {
                let (ended, signal) = &ending.stalled;
                drop(signal.wait_while(ended.lock().unwrap(), |ended| !*ended).unwrap());
                break;
            }
            Delivery::Cut | Delivery::None => break,
        }
    }
    drop(stream.shutdown(Shutdown::Both));
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut text = String::new();
        (reader.read_line(&mut text).ok()? > 0).then(|| text.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut request.body).ok()?;
    } else {
        // GitHub takes requests of a known length only, as do many proxies before it.
        assert!(request.header("transfer-encoding").is_none(), "{} {} in chunks", request.method, request.target);
    }
    Some(request)
}

//! A provider of models in this process, on a port of its own: it answers each request with the next of its replies.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use serde_json::{Value, json};

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With a status, headers and a body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// With events, and the end of the stream behind them.
    Stream(Vec<String>),
    /// With events, and the end of the connection in the middle of the stream.
    Cut(Vec<String>),
    /// With the same event again and again, until nobody listens.
    Endless(String),
    /// Not at all, until nobody waits any longer.
    Silent,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::whole(status, "application/json", body.to_string().into_bytes())
    }

    pub(crate) fn whole(status: u16, kind: &str, body: Vec<u8>) -> Self {
        Self::Whole(status, vec![("content-type", kind.to_owned())], body)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Whole(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    always: Option<Reply>,
    asked: Vec<Asked>,
}

/// The provider; it ends with the value.
pub(crate) struct ModelDouble {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ModelDouble {
    /// Starts one with its replies; a request more is answered with status 418.
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::with(State { replies: replies.into_iter().collect(), ..State::default() })
    }

    /// Starts one that answers every request alike.
    pub(crate) fn always(reply: Reply) -> Self {
        Self::with(State { always: Some(reply), ..State::default() })
    }

    fn with(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, over) = (Arc::new(Mutex::new(state)), Arc::new(AtomicBool::new(false)));
        let (shared, ended) = (Arc::clone(&state), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                // Who hangs up in the middle of an answer has had enough of it.
                let _ = stream.and_then(|stream| serve(stream, &shared));
            }
        });
        Self { address, state, over, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl Drop for ModelDouble {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let reply = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked { target, headers, body });
        state.replies.pop_front().or_else(|| state.always.clone())
    };
    send(stream, reply.unwrap_or_else(|| Reply::json(418, &json!({}))))
}

fn send(mut stream: TcpStream, reply: Reply) -> std::io::Result<()> {
    let streaming = "HTTP/1.1 200 x\r\nconnection: close\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                     transfer-encoding: chunked\r\n\r\n";
    match reply {
        Reply::Whole(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
            stream.write_all(format!("{head}\r\n").as_bytes())?;
            stream.write_all(&body)
        }
        Reply::Stream(events) => {
            stream.write_all(streaming.as_bytes())?;
            events.iter().try_for_each(|event| chunk(&mut stream, event))?;
            stream.write_all(b"0\r\n\r\n")
        }
        Reply::Cut(events) => {
            stream.write_all(streaming.as_bytes())?;
            events.iter().try_for_each(|event| chunk(&mut stream, event))
        }
        Reply::Endless(event) => {
            stream.write_all(streaming.as_bytes())?;
            loop {
                chunk(&mut stream, &event)?;
            }
        }
        Reply::Silent => stream.read(&mut [0]).map(drop),
    }
}

fn chunk(stream: &mut TcpStream, event: &str) -> std::io::Result<()> {
    write!(stream, "{:x}\r\n{event}\r\n", event.len())
}

/// Answers in the shapes that the providers document.
pub(crate) mod shapes {
    use super::{Reply, Value, json};

    /// The three protocols.
    pub(crate) const WIRES: [&str; 3] = ["openai", "anthropic", "gemini"];

    fn data(value: &Value) -> String {
        format!("data: {value}\n\n")
    }

    fn event(value: &Value) -> String {
        format!("event: {}\n{}", value["type"].as_str().unwrap(), data(value))
    }

    /// A whole answer; `ending` is the protocol's own word.
    pub(crate) fn whole(wire: &str, text: &str, ending: &str) -> Value {
        match wire {
            "openai" => json!({
                "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
                "object": "chat.completion",
                "created": 1_741_569_952,
                "model": "gpt-4.1-2025-04-14",
                "choices": [{
                    "index": 0,
                    "message": { "role": "assistant", "content": text, "refusal": null, "annotations": [] },
                    "logprobs": null,
                    "finish_reason": ending,
                }],
                "usage": {
                    "prompt_tokens": 19,
                    "completion_tokens": 10,
                    "total_tokens": 29,
                    "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
                },
                "service_tier": "default",
            }),
            "anthropic" => json!({
                "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-4-5-20250929",
                "content": [{ "type": "text", "text": text }],
                "stop_reason": ending,
                "stop_sequence": null,
                "usage": {
                    "input_tokens": 19,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens": 10,
                },
            }),
            _ => json!({
                "candidates": [{
                    "content": { "parts": [{ "text": text }], "role": "model" },
                    "finishReason": ending,
                    "index": 0,
                }],
                "usageMetadata": { "promptTokenCount": 19, "candidatesTokenCount": 10, "totalTokenCount": 29 },
                "modelVersion": "gemini-2.5-flash",
                "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
            }),
        }
    }

    /// The word for an ordinary end.
    pub(crate) fn done(wire: &str) -> &'static str {
        match wire {
            "openai" => "stop",
            "anthropic" => "end_turn",
            _ => "STOP",
        }
    }

    /// The events of a stream that says a text in two pieces.
    pub(crate) fn events(wire: &str, text: &str) -> Vec<String> {
        let half = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let (one, two) = text.split_at(half);
        match wire {
            "openai" => {
                let chunk = |delta: Value, ending: Value| {
                    data(&json!({
                        "id": "chatcmpl-123",
                        "object": "chat.completion.chunk",
                        "created": 1_694_268_190,
                        "model": "gpt-4.1-2025-04-14",
                        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": ending }],
                        "usage": null,
                    }))
                };
                let usage = json!({ "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29 });
                vec![
                    chunk(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null),
                    chunk(json!({ "content": one }), Value::Null),
                    ": keep-alive\n\n".to_owned(),
                    chunk(json!({ "content": two }), Value::Null),
                    chunk(json!({}), json!("stop")),
                    data(
                        &json!({ "object": "chat.completion.chunk", "model": "gpt-4.1-2025-04-14", "choices": [], "usage": usage }),
                    ),
                    "data: [DONE]\n\n".to_owned(),
                ]
            }
            "anthropic" => {
                let mut message = whole(wire, "", "");
                message["content"] = json!([]);
                message["stop_reason"] = Value::Null;
                message["usage"]["output_tokens"] = json!(1);
                let delta = |text: &str| json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } });
                let end = json!({ "stop_reason": "end_turn", "stop_sequence": null });
                [
                    json!({ "type": "message_start", "message": message }),
                    json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
                    json!({ "type": "ping" }),
                    delta(one),
                    delta(two),
                    json!({ "type": "content_block_stop", "index": 0 }),
                    json!({ "type": "message_delta", "delta": end, "usage": { "output_tokens": 10 } }),
                    json!({ "type": "message_stop" }),
                ]
                .iter()
                .map(event)
                .collect()
            }
            _ => {
                let mut first = whole(wire, one, "");
                first["candidates"][0].as_object_mut().unwrap().remove("finishReason");
                vec![format!("data: {first}\r\n\r\n"), format!("data: {}\r\n\r\n", whole(wire, two, "STOP"))]
            }
        }
    }

    /// A reply that says a text, as a stream or whole.
    pub(crate) fn says(wire: &str, text: &str, stream: bool) -> Reply {
        match stream {
            true => Reply::Stream(events(wire, text)),
            false => Reply::json(200, &whole(wire, text, done(wire))),
        }
    }

    /// The body of an error.
    pub(crate) fn error(wire: &str, status: u16, kind: &str, message: &str) -> Value {
        match wire {
            "openai" => json!({ "error": { "message": message, "type": kind, "param": null, "code": kind } }),
            "anthropic" => json!({
                "type": "error",
                "error": { "type": kind, "message": message },
                "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
            }),
            _ => json!({ "error": { "code": status, "message": message, "status": kind } }),
        }
    }
}

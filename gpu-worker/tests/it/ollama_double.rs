//! An Ollama for tests: speaks its documented HTTP API with chunked NDJSON, and misbehaves as the test tells it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use shared::digest::Sha256Digest;

pub(crate) const TEXT_MODEL: &str = "tiny-writer:latest";
pub(crate) const EMBEDDING_MODEL: &str = "tiny-embedder:latest";

/// How the next call that writes or embeds is answered.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// These pieces, then the figures.
    Writes(&'static [&'static str]),
    /// A piece, then nothing until the client hangs up.
    Stalls,
    /// A load that says nothing until the client hangs up.
    NeverLoads,
    /// This status with this body.
    Refuses(u16, &'static str),
    /// These very bytes as the body of a stream, then its end.
    Sends(&'static str),
    /// One piece after another until the client hangs up.
    NeverEnds,
}

#[derive(Debug, Default)]
struct State {
    next: VecDeque<Behaviour>,
    /// Path and body of every call.
    calls: Vec<(String, Value)>,
    installed: Vec<&'static str>,
    vram_share_percent: u64,
    changed: bool,
}

pub(crate) struct OllamaDouble {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    hang_ups: Receiver<()>,
}

impl OllamaDouble {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let installed = vec![TEXT_MODEL, EMBEDDING_MODEL];
        let state = Arc::new(Mutex::new(State { installed, ..State::default() }));
        let (hung_up, hang_ups) = channel();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (state, hung_up) = (Arc::clone(&shared), hung_up.clone());
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    // A client that hangs up in the middle is what some tests want.
                    let _ = serve(stream, &state, &hung_up);
                });
            }
        });
        Self { url, state, hang_ups }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn next(&self, behaviour: Behaviour) {
        self.state().next.push_back(behaviour);
    }

    /// The bodies of all calls of `path`.
    pub(crate) fn calls(&self, path: &str) -> Vec<Value> {
        self.state().calls.iter().filter(|(called, _)| called == path).map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn forget_models(&self) {
        self.state().installed.clear();
    }

    /// Another model under the same names, as after a pull.
    pub(crate) fn change_models(&self) {
        self.state().changed = true;
    }

    pub(crate) fn use_gpu(&self, share_percent: u64) {
        self.state().vram_share_percent = share_percent;
    }

    /// Waits until a client hangs up in the middle of an answer.
    pub(crate) fn hung_up(&self) {
        self.hang_ups.recv_timeout(crate::hub_double::PATIENCE).expect("the client hangs up");
    }

    pub(crate) fn digest(model: &str, changed: bool) -> Sha256Digest {
        Sha256Digest::of(format!("{model}{changed}").as_bytes())
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, hung_up: &Sender<()>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while let Some((path, body)) = read_request(&mut reader)? {
        let (behaviour, known) = {
            let mut state = state.lock().unwrap();
            state.calls.push((path.clone(), body.clone()));
            let writes = matches!(path.as_str(), "/api/generate" | "/api/chat" | "/api/embed");
            let loads = body.get("prompt").is_none() && path == "/api/generate" || body["input"] == json!(["warm"]);
            let stalls = matches!(state.next.front(), Some(Behaviour::NeverLoads));
            let behaviour = if writes && loads == stalls { state.next.pop_front() } else { None };
            let model = body["model"].as_str().unwrap_or_default();
            let known =
                state.installed.iter().any(|installed| *installed == model || *installed == format!("{model}:latest"));
            (behaviour, known)
        };
        if path.starts_with("/api/") && body.get("model").is_some() && path != "/api/pull" && !known {
            answer(&mut stream, 404, &json!({"error": format!("model '{}' not found", body["model"])}).to_string())?;
            continue;
        }
        match (path.as_str(), behaviour) {
            (_, Some(Behaviour::Refuses(status, text))) => answer(&mut stream, status, text)?,
            (_, Some(Behaviour::Sends(bytes))) => {
                begin(&mut stream)?;
                chunk(&mut stream, bytes)?;
                chunk(&mut stream, "")?;
            }
            (_, Some(Behaviour::NeverLoads)) => return wait_for_hang_up(&mut reader, hung_up),
            (_, Some(Behaviour::Stalls)) => {
                begin(&mut stream)?;
                line(&mut stream, &said(&path, "Once", false))?;
                return wait_for_hang_up(&mut reader, hung_up);
            }
            (_, Some(Behaviour::NeverEnds)) => {
                begin(&mut stream)?;
                while line(&mut stream, &said(&path, "on and ", false)).is_ok() {}
                let _ = hung_up.send(());
                return Ok(());
            }
            ("/api/generate" | "/api/chat", behaviour) => write(&mut stream, &path, &body, behaviour)?,
            ("/api/embed", _) => answer(&mut stream, 200, &embed(&body).to_string())?,
            ("/api/pull", _) => {
                begin(&mut stream)?;
                let digest = "sha256:00";
                line(&mut stream, &json!({"status": "pulling manifest"}))?;
                line(&mut stream, &json!({"status": "downloading", "digest": digest, "total": 10, "completed": 5}))?;
                line(&mut stream, &json!({"status": "success"}))?;
                state.lock().unwrap().installed = vec![TEXT_MODEL, EMBEDDING_MODEL];
                chunk(&mut stream, "")?;
            }
            (path, _) => {
                let told = tell(path, &body, &state.lock().unwrap());
                match told {
                    Some(told) => answer(&mut stream, 200, &told.to_string())?,
                    None => answer(&mut stream, 404, "404 page not found")?,
                }
            }
        }
    }
    Ok(())
}

/// What it says of itself and its models.
fn tell(path: &str, body: &Value, state: &State) -> Option<Value> {
    let model = |name: &&str| {
        let digest = OllamaDouble::digest(name, state.changed).to_string();
        json!({"name": name, "model": name, "modified_at": "2026-01-01T00:00:00Z", "size": 1000, "digest": digest,
            "size_vram": 10 * state.vram_share_percent, "expires_at": "2026-01-01T01:00:00Z",
            "details": {"format": "gguf", "family": "llama", "parameter_size": "1B", "quantization_level": "Q4_K_M"}})
    };
    match path {
        "/api/version" => Some(json!({"version": "0.12.6"})),
        "/api/tags" | "/api/ps" => Some(json!({"models": state.installed.iter().map(model).collect::<Vec<_>>()})),
        "/api/show" if body["model"] == EMBEDDING_MODEL => {
            Some(json!({"capabilities": ["embedding"], "model_info": {"bert.context_length": 512}}))
        }
        "/api/show" => Some(json!({"capabilities": ["completion"], "model_info": {"llama.context_length": 131_072}})),
        _ => None,
    }
}

fn write(stream: &mut TcpStream, path: &str, body: &Value, behaviour: Option<Behaviour>) -> std::io::Result<()> {
    let Some(Behaviour::Writes(pieces)) = behaviour else {
        return answer(
            stream,
            200,
            &json!({"model": TEXT_MODEL, "response": "", "done": true, "done_reason": "load"}).to_string(),
        );
    };
    begin(stream)?;
    for piece in pieces {
        line(stream, &said(path, piece, false))?;
    }
    let mut last = said(path, "", true);
    let asked = body["prompt"].as_str().map_or(7, str::len);
    let figures = json!({"done_reason": "stop", "total_duration": 3_000_000_000_u64, "load_duration": 1_000_000,
        "prompt_eval_count": asked, "prompt_eval_duration": 2_000_000, "eval_count": pieces.len() + 1,
        "eval_duration": 4_000_000});
    last.as_object_mut().unwrap().extend(figures.as_object().unwrap().clone());
    line(stream, &last)?;
    chunk(stream, "")
}

fn said(path: &str, text: &str, done: bool) -> Value {
    let at = "2026-01-01T00:00:00Z";
    if path == "/api/chat" {
        let message = json!({"role": "assistant", "content": text});
        return json!({"model": TEXT_MODEL, "created_at": at, "message": message, "done": done});
    }
    json!({"model": TEXT_MODEL, "created_at": at, "response": text, "done": done})
}

fn embed(body: &Value) -> Value {
    let inputs = body["input"].as_array().unwrap();
    let vectors: Vec<Value> = inputs.iter().map(|_| json!([0.6, 0.8, 0.0])).collect();
    json!({"model": EMBEDDING_MODEL, "embeddings": vectors, "total_duration": 5_000_000, "load_duration": 1_000_000,
        "prompt_eval_count": 4 * inputs.len()})
}

/// Path and JSON body of the next request; nothing when the client is gone.
fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Value)>> {
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut head = String::new();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        let head = head.trim_end().to_owned();
        if path.is_empty() {
            path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        } else if let Some(bytes) = head.to_lowercase().strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        } else if head.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, if length == 0 { Value::Null } else { serde_json::from_slice(&body).unwrap() })))
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn begin(stream: &mut TcpStream) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes())
}

fn line(stream: &mut TcpStream, value: &Value) -> std::io::Result<()> {
    chunk(stream, &format!("{value}\n"))
}

/// One chunk; an empty one ends the body.
fn chunk(stream: &mut TcpStream, bytes: &str) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n{bytes}\r\n", bytes.len()).as_bytes())
}

fn wait_for_hang_up(reader: &mut BufReader<TcpStream>, hung_up: &Sender<()>) -> std::io::Result<()> {
    let ended = reader.read(&mut [0; 1]);
    let _ = hung_up.send(());
    ended.map(drop)
}

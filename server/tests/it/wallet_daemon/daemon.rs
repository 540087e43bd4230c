//! A daemon with its folder, and an HTTP client without any of its code.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

pub(super) const PASSWORD: &str = "correct horse";

/// Nothing listens there: what needs no node works all the same.
pub(super) const NO_NODE: &str = "http://127.0.0.1:1";

pub(super) struct TestDaemon {
    child: Child,
    address: String,
    token: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) allows_origins: bool,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(super) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Every error has the form of RFC 9457.
    #[track_caller]
    pub(super) fn refused(&self, status: u16) -> Value {
        let problem = self.ok(status);
        assert_eq!(problem["status"], status);
        assert!(["type", "title", "detail"].iter().all(|field| problem[field].is_string()), "{problem}");
        problem
    }
}

impl TestDaemon {
    pub(super) async fn start(folder: &Path, url: &str, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aitbc"));
        command.args(["wallet", "daemon", "--port", "0", "--url", url, "--folder", folder.to_str().unwrap()]);
        command.args(options).env_remove("RUST_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
        let begin = move || {
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            stdout.read_line(&mut line).unwrap();
            child.stdout = Some(stdout.into_inner());
            if line.is_empty() {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("the daemon does not start: {said}");
            }
            (child, line)
        };
        let (child, line) = tokio::task::spawn_blocking(begin).await.unwrap();
        let address = line.split("http://").nth(1).unwrap().split(';').next().unwrap().to_owned();
        let token = std::fs::read_to_string(folder.join("daemon/token")).unwrap();
        Self { child, address, token: token.trim().to_owned() }
    }

    pub(super) fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub(super) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Without a token, unless `headers` have it.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        request(&self.address, method, path, headers, body).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &self.authorization())], None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_body("POST", path, &[], body).await
    }

    pub(super) async fn with_body(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let authorization = self.authorization();
        let own = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        self.send(method, path, &[&own, headers].concat(), Some(body.to_string())).await
    }

    pub(super) async fn pay(&self, key: &str, body: &Value) -> Answer {
        self.with_body("POST", "send", &[("idempotency-key", key)], body).await
    }

    /// Starts a payment whose answer may never come.
    pub(super) fn begin_to_pay(&self, key: &str, body: &Value) -> tokio::task::JoinHandle<()> {
        let (address, authorization, key, body) =
            (self.address.clone(), self.authorization(), key.to_owned(), body.to_string());
        tokio::spawn(async move {
            let headers = [
                ("authorization", authorization.as_str()),
                ("content-type", "application/json"),
                ("idempotency-key", key.as_str()),
            ];
            // The daemon is killed meanwhile.
            let _ = request(&address, "POST", "send", &headers, Some(body)).await;
        })
    }

    pub(super) async fn unlock(&self, name: &str) {
        self.post("unlock", &json!({ "wallet": name, "password": PASSWORD })).await.ok(200);
    }

    /// The oldest first.
    pub(super) async fn audit(&self) -> Vec<Value> {
        let mut entries = self.get("audit").await.ok(200)["entries"].as_array().unwrap().clone();
        entries.reverse();
        entries
    }

    /// Ends without any chance to tidy up.
    pub(super) async fn kill(mut self) {
        self.child.kill().unwrap();
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
    }

    /// Ends it in order, and answers everything that it said.
    pub(super) async fn stop(self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let output = tokio::task::spawn_blocking(move || self.child.wait_with_output().unwrap()).await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        said
    }
}

async fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Result<Answer, ureq::Error> {
    let uri = format!("http://{address}/v1/wallet/{path}");
    let mut request = ureq::http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.unwrap_or_default()).unwrap();
    let sent = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
        let mut response = ureq::Agent::from(config.build()).run(request)?;
        let allows_origins = response.headers().contains_key("access-control-allow-origin");
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        Ok(Answer { status: response.status().as_u16(), allows_origins, body })
    });
    sent.await.unwrap()
}

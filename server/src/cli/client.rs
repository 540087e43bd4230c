//! The REST API as the command line calls it.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::api::problem::Problem;
use ureq::http::Response;
use ureq::{Agent, Body};

/// Largest answer that is read.
const ANSWER_MAX_BYTES: u64 = 64 << 20;

/// Where the server is and who asks.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// Address of the server
    #[arg(long, env = "AITBC_URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// API key; without one a job is sponsored and public
    #[arg(long, env = "AITBC_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

impl Server {
    fn agent() -> Agent {
        Agent::config_builder().http_status_as_error(false).build().into()
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut request = Self::agent().get(self.address(path));
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        self.read(request.call())
    }

    pub(super) fn get_bytes(&self, path: &str) -> Result<Vec<u8>> {
        let mut request = Self::agent().get(self.address(path));
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        let mut response = request.call().with_context(|| format!("no answer from {}", self.url))?;
        Ok(response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec()?)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let mut request = Self::agent().post(self.address(path));
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        self.read(request.send_json(body))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// A problem becomes its sentences.
    fn read<T: DeserializeOwned>(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<T> {
        let mut response =
            answer.with_context(|| format!("no answer from {}: is the server running there?", self.url))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_string()?;
        if status.is_success() {
            return serde_json::from_str(&body).with_context(|| format!("{} gave an answer of another form", self.url));
        }
        match serde_json::from_str::<Problem>(&body) {
            Ok(problem) if problem.errors.len() > 1 => {
                let details: Vec<String> = problem.errors.into_iter().map(|error| error.detail).collect();
                Err(anyhow!("{}", details.join("; ")))
            }
            Ok(problem) => Err(anyhow!("{}", problem.detail)),
            Err(_) => Err(anyhow!("{} answered {status}", self.url)),
        }
    }
}

/// Prints a value for programs.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

//! The REST API as the command line calls it.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::api::page::{LIMIT_MAX, Page};
use shared::api::problem::Problem;
use ureq::http::header::RETRY_AFTER;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use crate::job_token::JOB_TOKEN_HEADER;

/// Largest answer that is read.
const ANSWER_MAX_BYTES: u64 = 64 << 20;

/// Most rows of one list that are read.
const ROWS_MAX: usize = 100_000;

/// How often one answer is waited for, and for how long at a time.
const WAITS_MAX: u32 = 20;
const PAUSE_MAX: Duration = Duration::from_secs(60);

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
    /// A server that is named elsewhere, asked without a key.
    pub(super) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), api_key: None }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn agent() -> Agent {
        Agent::config_builder().http_status_as_error(false).build().into()
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut request = Self::agent().get(self.address(path));
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        self.read(request.call())
    }

    /// The same for a program that asks much: where the server says when to come again, it waits.
    pub(super) fn get_patiently<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut waits = 0;
        loop {
            let mut request = Self::agent().get(self.address(path));
            if let Some(key) = &self.api_key {
                request = request.header("x-api-key", key);
            }
            let answer = request.call();
            match answer.as_ref().ok().and_then(wanted_pause) {
                Some(pause) if waits < WAITS_MAX => {
                    waits += 1;
                    std::thread::sleep(pause);
                }
                _ => return self.read(answer),
            }
        }
    }

    /// All rows of a list, page by page.
    pub(super) fn get_all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let (mut rows, mut cursor) = (Vec::new(), None::<String>);
        while rows.len() < ROWS_MAX {
            let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page: Page<T> = self.get(&format!("{path}{mark}limit={LIMIT_MAX}{from}"))?;
            rows.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(rows);
            }
        }
        Err(anyhow!("{} lists more than {ROWS_MAX} rows: ask for fewer", self.url))
    }

    /// `token` is that of a job without an API key.
    pub(super) fn get_bytes(&self, path: &str, token: Option<&str>) -> Result<Vec<u8>> {
        let mut request = Self::agent().get(self.address(path));
        for (name, value) in [("x-api-key", self.api_key.as_deref()), (JOB_TOKEN_HEADER.as_str(), token)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut response = request.call().with_context(|| format!("no answer from {}", self.url))?;
        if !response.status().is_success() {
            return self.read(Ok(response));
        }
        Ok(response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec()?)
    }

    /// `token` is that of a job without an API key.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        token: Option<&str>,
    ) -> Result<T> {
        Ok(self.post_for_token(path, body, token)?.0)
    }

    /// The answer, and the token of the job that it made, where that has one.
    pub(super) fn post_for_token<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        token: Option<&str>,
    ) -> Result<(T, Option<String>)> {
        let mut request = Self::agent().post(self.address(path));
        for (name, value) in [("x-api-key", self.api_key.as_deref()), (JOB_TOKEN_HEADER.as_str(), token)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = request.send_json(body);
        let told = answer.as_ref().ok().and_then(|answer| answer.headers().get(JOB_TOKEN_HEADER));
        let told = told.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((self.read(answer)?, told))
    }

    pub(super) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut request = Self::agent().delete(self.address(path));
        if let Some(key) = &self.api_key {
            request = request.header("x-api-key", key);
        }
        self.read(request.call())
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// A problem becomes its sentences.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<T> {
        let mut response =
            answer.with_context(|| format!("no answer from {}: is the server running there?", self.url))?;
        let (status, pause) = (response.status(), wanted_pause(&response));
        let body = response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_string()?;
        if status.is_success() {
            return serde_json::from_str(&body).with_context(|| format!("{} gave an answer of another form", self.url));
        }
        match serde_json::from_str::<Problem>(&body) {
            Ok(problem) if problem.errors.len() > 1 => {
                let details: Vec<String> = problem.errors.into_iter().map(|error| error.detail).collect();
                Err(anyhow!("{}", details.join("; ")))
            }
            Ok(problem) => Err(match pause {
                Some(after) => ComeAgain { detail: problem.detail, after }.into(),
                None => anyhow!("{}", problem.detail),
            }),
            Err(_) => Err(anyhow!("{} answered {status}", self.url)),
        }
    }
}

/// A refusal of a server that has no room, or that was asked too often.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct ComeAgain {
    detail: String,
    /// When it wants to be asked again.
    pub(super) after: Duration,
}

/// When a server that has no room, or that was asked too often, wants to be asked again.
fn wanted_pause(answer: &Response<Body>) -> Option<Duration> {
    let is_early = matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = answer.headers().get(RETRY_AFTER).filter(|_| is_early)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

/// Prints a value for programs.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

//! A node's JSON-RPC as the command line calls it.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// A node that says nothing for so long is given up.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Asks the node at `rpc`; an error of the node becomes a sentence.
pub(super) fn call<T: serde::de::DeserializeOwned>(rpc: &str, method: &str, params: Value) -> Result<T> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut response =
        ureq::post(rpc).config().timeout_global(Some(ANSWER_TIME)).build().send_json(request).map_err(|error| {
            match error {
                ureq::Error::StatusCode(status) => anyhow!("{}: it answered with status {status}", no_rpc(rpc)),
                error => anyhow!(error).context(format!("no answer from {rpc}")),
            }
        })?;
    let mut answer: Value = response.body_mut().read_json().with_context(|| no_rpc(rpc))?;
    match answer["error"]["message"].as_str() {
        Some(message) => bail!("{rpc} answered {method} with: {message}"),
        None => Ok(serde_json::from_value(answer["result"].take())?),
    }
}

fn no_rpc(rpc: &str) -> String {
    format!("{rpc} speaks no JSON-RPC, which an `aitbc` does at the path /rpc")
}

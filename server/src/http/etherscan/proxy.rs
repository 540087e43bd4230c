//! `module=proxy`: calls of Ethereum's JSON-RPC by the names that explorers give their parameters. The node answers, with
//! its own limits.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::parameters::Parameters;
use super::{Etherscan, Refused, refusal};
use crate::auth::Visitor;

pub(super) async fn forward(etherscan: &Etherscan, visitor: &Visitor, parameters: &Parameters) -> Response {
    let Some((method, params)) = call(parameters) else { return refusal(&Refused::Action) };
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = Request::post("/rpc")
        .header(header::CONTENT_TYPE, "application/json")
        .extension(etherscan.app.allowance(visitor));
    let Ok(request) = request.body(Body::from(body.to_string())) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match etherscan.rpc.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The method with its parameters in order.
fn call(parameters: &Parameters) -> Option<(&'static str, Value)> {
    let word = |name: &str| parameters.word(name).to_owned();
    let tag = || match parameters.word("tag") {
        "" => "latest".to_owned(),
        tag => tag.to_owned(),
    };
    let flag = |name: &str| parameters.word(name).eq_ignore_ascii_case("true");
    let transaction = || {
        let fields = ["to", "from", "data", "value", "gas"].iter().filter_map(|name| {
            let text = parameters.word(name);
            (!text.is_empty()).then(|| ((*name).to_owned(), Value::from(text)))
        });
        Value::Object(fields.collect())
    };
    Some(match parameters.word("action").to_ascii_lowercase().as_str() {
        "eth_blocknumber" => ("eth_blockNumber", json!([])),
        "eth_getblockbynumber" => ("eth_getBlockByNumber", json!([tag(), flag("boolean")])),
        "eth_getblocktransactioncountbynumber" => ("eth_getBlockTransactionCountByNumber", json!([tag()])),
        "eth_gettransactionbyhash" => ("eth_getTransactionByHash", json!([word("txhash")])),
        "eth_gettransactionbyblocknumberandindex" => {
            ("eth_getTransactionByBlockNumberAndIndex", json!([tag(), word("index")]))
        }
        "eth_gettransactioncount" => ("eth_getTransactionCount", json!([word("address"), tag()])),
        "eth_gettransactionreceipt" => ("eth_getTransactionReceipt", json!([word("txhash")])),
        "eth_sendrawtransaction" => ("eth_sendRawTransaction", json!([word("hex")])),
        "eth_call" => ("eth_call", json!([transaction(), tag()])),
        "eth_getcode" => ("eth_getCode", json!([word("address"), tag()])),
        "eth_getstorageat" => ("eth_getStorageAt", json!([word("address"), word("position"), tag()])),
        "eth_gasprice" => ("eth_gasPrice", json!([])),
        "eth_estimategas" => ("eth_estimateGas", json!([transaction()])),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_their_parameters_in_order_and_others_are_none() {
        let given = |fields: &[(&str, &str)]| {
            Parameters(fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
        };
        let asked = call(&given(&[("action", "eth_call"), ("to", "0x01"), ("data", "0x")])).unwrap();
        assert_eq!(asked, ("eth_call", json!([{ "to": "0x01", "data": "0x" }, "latest"])));
        let asked = call(&given(&[("action", "eth_getBlockByNumber"), ("tag", "0x1"), ("boolean", "true")])).unwrap();
        assert_eq!(asked, ("eth_getBlockByNumber", json!(["0x1", true])));
        for none in ["eth_sign", "personal_unlockAccount", "", "eth_accounts"] {
            assert_eq!(call(&given(&[("action", none)])), None, "{none}");
        }
    }
}

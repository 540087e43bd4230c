//! The methods of `/rpc` for programs to read, as OpenRPC describes them. A test compares the table with what the server has.

mod methods;
mod schemas;

use std::sync::LazyLock;

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use serde_json::{Value, json};

use methods::{METHODS, Method};

/// The version of OpenRPC.
const VERSION: &str = "1.3.2";

#[rpc(server, namespace = "rpc", namespace_separator = ".")]
pub(super) trait DiscoveryApi {
    /// The same document as at `/rpc/openrpc.json`, where OpenRPC's clients look for it.
    #[method(name = "discover")]
    fn discover(&self) -> RpcResult<Value>;
}

/// The namespace `rpc`.
pub(super) struct DiscoveryRpc;

impl DiscoveryApiServer for DiscoveryRpc {
    fn discover(&self) -> RpcResult<Value> {
        Ok(document().clone())
    }
}

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        json!({
            "openrpc": VERSION,
            "info": {
                "title": "AITBC node",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "JSON-RPC 2.0 by POST and WebSocket at /rpc, in batches of up to 100 calls. Methods of Ethereum mean what its \
                                execution APIs say.",
            },
            "methods": METHODS.iter().map(method).collect::<Vec<_>>(),
            "components": { "schemas": schemas::all() },
        })
    });
    &DOCUMENT
}

fn method(method: &Method) -> Value {
    let params: Vec<Value> = method.params.iter().map(|param| parameter(param)).collect();
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "by-position",
        "params": params,
        "result": { "name": "result", "schema": schema(method.result) },
    })
}

/// From `name: Schema`, or `name?: Schema` for one that may be left out.
fn parameter(text: &str) -> Value {
    let (name, of) = text.split_once(": ").unwrap_or((text, "Any"));
    let (name, required) = name.strip_suffix('?').map_or((name, true), |name| (name, false));
    json!({ "name": name, "required": required, "schema": schema(of) })
}

/// From `Schema`, `[Schema]` or `Schema or null`.
fn schema(text: &str) -> Value {
    if let Some(of) = text.strip_suffix(" or null") {
        return json!({ "oneOf": [schema(of), { "type": "null" }] });
    }
    if let Some(of) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return json!({ "type": "array", "items": schema(of) });
    }
    json!({ "$ref": format!("#/components/schemas/{text}") })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there_and_each_is_used() {
        let text = document()["methods"].to_string() + &document()["components"].to_string();
        let named: BTreeSet<&str> =
            text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let known: BTreeSet<&str> =
            document()["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, known);
    }

    #[test]
    fn each_method_of_the_server_is_described_and_no_other() {
        use chain::{Genesis, ValidatorKey, ValidatorSet};

        let folder = tempfile::tempdir().unwrap();
        let key = ValidatorKey::new(k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap());
        let genesis = Genesis::development(ValidatorSet::single(key.address()), vec![]);
        let config = crate::NodeConfig::new(folder.path().join("chain.redb"), genesis, key);
        let node = crate::Node::start(config).unwrap();
        let module = crate::rpc::module(&node.handle()).unwrap();
        let has: BTreeSet<&str> = module.method_names().collect();
        let described: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(described, has);
        assert_eq!(described.len(), METHODS.len(), "one is described twice");
    }

    #[test]
    fn parameters_that_may_be_left_out_come_last() {
        for method in METHODS {
            let optional: Vec<bool> = method.params.iter().map(|param| param.contains("?: ")).collect();
            assert!(optional.is_sorted(), "{}", method.name);
        }
    }
}

//! The part of the reference about JSON-RPC, from the node's own description.

use std::fmt::Write as _;

use serde_json::Value;

use super::{SCHEMAS, in_cell, name_of, write_table};

const BEGINNING: &str = "## JSON-RPC\n\n\
    Ethereum's JSON-RPC is at `/rpc`, by POST and WebSocket, in batches of up to 100 calls. Parameters go by position, and those in parentheses may be left out. Programs read \
    the same at `/rpc/openrpc.json` and by `rpc.discover`. What stands only over one of both ways, and all bounds, are told in [the guide for nodes](NETWORK.md).\n\n";

/// From an OpenRPC document.
pub(super) fn write(text: &mut String, openrpc: &Value) {
    text.push_str(BEGINNING);
    let methods = openrpc["methods"].as_array().into_iter().flatten().map(|method| {
        let params: Vec<String> =
            method["params"].as_array().into_iter().flatten().map(|param| parameter(param, openrpc)).collect();
        let mut meaning = method["summary"].as_str().unwrap_or_default().to_owned();
        let _ = write!(meaning, ": {}", form(&method["result"]["schema"], openrpc));
        [name_of(&method["name"]), params.join(", "), in_cell(&meaning)]
    });
    write_table(text, ["method", "parameters", "what it answers"], methods);
}

fn parameter(param: &Value, openrpc: &Value) -> String {
    let told = format!("{} {}", name_of(&param["name"]), in_cell(&form(&param["schema"], openrpc)));
    if param["required"] == true { told } else { format!("({told})") }
}

fn form(schema: &Value, openrpc: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)) {
        let named = &openrpc["components"]["schemas"][name];
        return named["title"].as_str().map_or_else(|| form(named, openrpc), str::to_owned);
    }
    if let Some(parts) = schema["oneOf"].as_array() {
        return parts.iter().map(|part| form(part, openrpc)).collect::<Vec<_>>().join(" or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", form(&schema["items"], openrpc)),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("string") => "text".to_owned(),
        Some(kind) => kind.to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_stands_with_its_parameters_and_its_answer() {
        let mut text = String::new();
        write(&mut text, node::openrpc_document());
        for told in [
            "| `eth_chainId` |  | The chain's id (EIP-155): a number in hexadecimal without leading zeros |",
            "| `eth_getBalance` | `address` an account, (`block` a height, a name, or an object with blockHash or blockNumber (EIP-1898)) |",
            "list of an event with its place |",
            "or null |",
        ] {
            assert!(text.contains(told), "{told}");
        }
        let methods = node::openrpc_document()["methods"].as_array().unwrap();
        assert_eq!(text.matches("\n| `").count(), methods.len());
    }
}

//! Which requests to `/rpc` send one transaction and do nothing else. They have places of their own, and a server
//! around the router may let them go before all other calls.

use std::borrow::Cow;

use chain::rules::MAX_TRANSACTION_BYTES;
use serde::Deserialize;

/// The method.
const METHOD: &str = "eth_sendRawTransaction";

/// Longest body of such a request: the largest transaction in hexadecimal digits, and what stands around it.
pub const MAX_TRANSACTION_CALL_BYTES: usize = 2 * MAX_TRANSACTION_BYTES + 1_024;

/// Most such requests by POST that are in work at once, beside all other calls.
pub const MAX_TRANSACTION_CALLS: u32 = 128;

/// How many bytes at a body's beginning and end may name the method: what is between may be the transaction.
const NAMED_WITHIN_BYTES: usize = 256;

/// Marks a request of which [`sends_transaction`] is true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionCall;

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

/// Whether a JSON-RPC body is one call that sends a transaction, and no batch. A body that does not name the method near one of its
/// ends is not parsed for this, and goes with all others.
#[must_use]
pub fn sends_transaction(body: &[u8]) -> bool {
    let (head, tail) =
        (&body[..body.len().min(NAMED_WITHIN_BYTES)], &body[body.len().saturating_sub(NAMED_WITHIN_BYTES)..]);
    body.len() <= MAX_TRANSACTION_CALL_BYTES
        && (names_method(head) || names_method(tail))
        && serde_json::from_slice::<Call<'_>>(body).is_ok_and(|call| call.method == METHOD)
}

fn names_method(bytes: &[u8]) -> bool {
    bytes.windows(METHOD.len()).any(|window| window == METHOD.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_one(body: impl AsRef<[u8]>) -> bool {
        sends_transaction(body.as_ref())
    }

    #[test]
    fn a_call_that_sends_the_largest_transaction_is_known_in_whichever_order_its_fields_stand() {
        let raw = format!("0x{}", "ab".repeat(MAX_TRANSACTION_BYTES));
        assert!(is_one(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["{raw}"]}}"#)));
        assert!(is_one(format!(r#"{{"params":["{raw}"],"method":"eth_sendRawTransaction","id":1,"jsonrpc":"2.0"}}"#)));
    }

    #[test]
    fn what_only_names_the_method_goes_with_all_other_calls() {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x"] });
        assert!(is_one(call.to_string()));
        for other in [
            json!([call]).to_string(),
            json!({ "jsonrpc": "2.0", "id": "eth_sendRawTransaction", "method": "eth_call", "params": [] }).to_string(),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransactionSync", "params": [] }).to_string(),
            // Two methods are none.
            r#"{"method":"eth_sendRawTransaction","method":"eth_call"}"#.to_owned(),
            r#"{"method":"eth_call","method":"eth_sendRawTransaction"}"#.to_owned(),
            format!("{call} trailing"),
            format!("{}{call}", " ".repeat(MAX_TRANSACTION_CALL_BYTES)),
            String::new(),
        ] {
            assert!(!is_one(&other), "{}", &other[..other.len().min(200)]);
        }
    }
}

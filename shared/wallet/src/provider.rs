//! What a page asks of a wallet as a provider (EIP-1193): the methods with their parameters, and the errors of the standard.
//!
//! Reading says nothing about permission. Who serves a page checks each request against what its owner allowed.

use serde_json::{Value, json};
use shared::time::UnixMillis;
use shared::{Address, B256};

use crate::call_batches::CallLine;
use crate::calls::{CALLS_MAX, SendCalls};
use crate::protocol::SignKind;

/// Methods that would sign in a form that no sheet can show, or that this wallet has no use for: it keeps no list of tokens
/// that a page could add one to.
const UNSUPPORTED: [&str; 8] = [
    "eth_sign",
    "eth_signTransaction",
    "eth_signTypedData",
    "eth_signTypedData_v1",
    "eth_signTypedData_v3",
    "eth_subscribe",
    "eth_unsubscribe",
    "wallet_watchAsset",
];

/// What the node answers begins with one of these.
const NODE_PREFIXES: [&str; 3] = ["eth_", "net_", "web3_"];

/// What a page asks.
#[derive(Debug, Clone, PartialEq)]
pub enum SiteRequest {
    /// Know an account, by its owner's agreement.
    Connect,
    /// The same, answered with the permission instead of the account.
    ConnectForPermissions,
    /// The account that the page knows already.
    Accounts,
    Permissions,
    Revoke,
    ChainId,
    /// Go on if this is the chain.
    SameChain {
        chain_id: String,
    },
    Sign {
        from: Address,
        what: SignKind,
    },
    /// What the wallet can do with several calls, on these chains or on all.
    Capabilities {
        account: Address,
        chains: Option<Vec<String>>,
    },
    SendCalls(SendCalls),
    CallsStatus {
        id: String,
    },
    /// The same, for the owner's eyes.
    ShowCalls {
        id: String,
    },
    /// A question that the node answers.
    Node {
        method: String,
        params: Value,
    },
}

/// What the owner of the wallet is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedFor {
    /// May the page know an account?
    Connect,
    Sign {
        from: Address,
        what: SignKind,
    },
    /// Nothing: this became of the calls that a page asked for.
    Look {
        calls: Vec<CallLine>,
    },
}

/// Why a page gets no answer, with the code of the standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderError {
    /// The owner closed the sheet.
    Refused,
    /// The page may not use this account, or none yet.
    Unauthorized,
    Unsupported(String),
    /// The node cannot be reached.
    Disconnected,
    UnknownChain,
    Parameters(String),
    /// A capability that is not optional, and that this wallet has not.
    Capability(String),
    /// A batch of calls for another chain.
    OtherChain,
    DuplicateBatch,
    UnknownBatch,
    TooManyCalls {
        got: usize,
    },
    /// All calls of a batch or none: no account of this chain can do that.
    NotAtomic,
    /// Too many sheets or questions wait.
    TooMany,
    Internal,
    /// What the wallet says.
    Wallet(String),
    /// The transaction may or may not have been sent. Who sends it anew may pay twice.
    SendUnclear {
        hash: B256,
        detail: String,
    },
    /// What the node says.
    Node {
        code: i64,
        message: String,
    },
}

impl ProviderError {
    pub const fn code(&self) -> i64 {
        match self {
            Self::Refused => 4001,
            Self::Unauthorized => 4100,
            Self::Unsupported(_) => 4200,
            Self::Disconnected => 4900,
            Self::UnknownChain => 4902,
            Self::Capability(_) => 5700,
            Self::OtherChain => 5710,
            Self::DuplicateBatch => 5720,
            Self::UnknownBatch => 5730,
            Self::TooManyCalls { .. } => 5740,
            Self::NotAtomic => 5760,
            Self::TooMany => -32_002,
            Self::Parameters(_) => -32_602,
            Self::Internal => -32_603,
            Self::Wallet(_) | Self::SendUnclear { .. } => -32_000,
            Self::Node { code, .. } => *code,
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::Refused => "The owner of the wallet refused.".to_owned(),
            Self::Unauthorized => "Ask for an account with eth_requestAccounts first.".to_owned(),
            Self::Unsupported(method) => format!("This wallet does not answer {method}."),
            Self::Disconnected => "The node cannot be reached.".to_owned(),
            Self::UnknownChain => "This wallet signs for the chain of its own node only.".to_owned(),
            Self::Capability(name) => {
                format!("This wallet has no capability {name}, and the request does not call it optional.")
            }
            Self::OtherChain => "This wallet sends calls on the chain of its own node only.".to_owned(),
            Self::DuplicateBatch => "There are calls with this id already.".to_owned(),
            Self::UnknownBatch => "There are no calls with this id, or they were forgotten.".to_owned(),
            Self::TooManyCalls { got } => format!("Up to {CALLS_MAX} calls are sent at once, got {got}."),
            Self::NotAtomic => {
                "Accounts of this chain send one call after the other, so some may be sent and others not.".to_owned()
            }
            Self::TooMany => "Too many requests wait already.".to_owned(),
            Self::Internal => "The request could not be kept.".to_owned(),
            Self::Parameters(detail) | Self::Wallet(detail) | Self::SendUnclear { detail, .. } => detail.clone(),
            Self::Node { message, .. } => message.clone(),
        }
    }

    /// What a node answered in place of a result.
    pub fn of_node(error: &Value) -> Self {
        let code = error["code"].as_i64().unwrap_or(-32_603);
        Self::Node { code, message: error["message"].as_str().unwrap_or_default().to_owned() }
    }
}

impl SiteRequest {
    /// Reads a method and its parameters, which are JSON.
    pub fn parse(method: &str, params: Value) -> Result<Self, ProviderError> {
        Ok(match method {
            "eth_requestAccounts" => Self::Connect,
            "wallet_requestPermissions" => Self::ConnectForPermissions,
            "eth_accounts" => Self::Accounts,
            "wallet_getPermissions" => Self::Permissions,
            "wallet_revokePermissions" => Self::Revoke,
            "eth_chainId" => Self::ChainId,
            "wallet_switchEthereumChain" | "wallet_addEthereumChain" => {
                let chain_id = params[0]["chainId"].as_str().ok_or_else(|| parameters("chainId is missing"))?;
                Self::SameChain { chain_id: chain_id.to_owned() }
            }
            "eth_sendTransaction" => {
                let transaction = params.get(0).ok_or_else(|| parameters("the transaction is missing"))?;
                let what = SignKind::Transaction { json: transaction.to_string() };
                Self::Sign { from: account(&transaction["from"])?, what }
            }
            "personal_sign" => {
                let text = params[0].as_str().ok_or_else(|| parameters("the message is a text"))?;
                Self::Sign { from: account(&params[1])?, what: SignKind::Message { text: text.to_owned() } }
            }
            "eth_signTypedData_v4" => {
                // Pages give the data as a text, some as an object.
                let json = params[1].as_str().map_or_else(|| params[1].to_string(), str::to_owned);
                Self::Sign { from: account(&params[0])?, what: SignKind::TypedData { json } }
            }
            "wallet_getCapabilities" => {
                let chains = match params.get(1).filter(|chains| !chains.is_null()) {
                    None => None,
                    Some(chains) => {
                        let chains = serde_json::from_value(chains.clone());
                        Some(chains.map_err(|_| parameters("chain ids are a list of texts"))?)
                    }
                };
                Self::Capabilities { account: account(&params[0])?, chains }
            }
            "wallet_sendCalls" => Self::SendCalls(SendCalls::parse(&params)?),
            "wallet_getCallsStatus" => Self::CallsStatus { id: id_of_calls(&params)? },
            "wallet_showCallsStatus" => Self::ShowCalls { id: id_of_calls(&params)? },
            other if UNSUPPORTED.contains(&other) => return Err(ProviderError::Unsupported(other.to_owned())),
            other if NODE_PREFIXES.iter().any(|prefix| other.starts_with(prefix)) => {
                Self::Node { method: other.to_owned(), params }
            }
            other => return Err(ProviderError::Unsupported(other.to_owned())),
        })
    }
}

/// The account as the standard answers it: a list of none or one, in small letters.
pub fn accounts(account: Option<Address>) -> Value {
    json!(account.map(|address| address.to_string().to_lowercase()).as_slice())
}

/// EIP-2255: the one permission that there is, with the moment since when, or none.
pub fn permissions(since: Option<UnixMillis>) -> Value {
    match since {
        Some(date) => json!([{"parentCapability": "eth_accounts", "date": date, "caveats": []}]),
        None => json!([]),
    }
}

fn parameters(detail: &str) -> ProviderError {
    ProviderError::Parameters(detail.to_owned())
}

fn id_of_calls(params: &Value) -> Result<String, ProviderError> {
    params[0].as_str().map(str::to_owned).ok_or_else(|| parameters("the id of the calls is a text"))
}

fn account(value: &Value) -> Result<Address, ProviderError> {
    let address = value.as_str().and_then(|text| text.parse().ok());
    address.ok_or_else(|| parameters("the account is an address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Address = Address::repeat_byte(0x11);

    fn code(method: &str, params: Value) -> i64 {
        SiteRequest::parse(method, params).unwrap_err().code()
    }

    #[test]
    fn what_is_signed_names_its_account() {
        let sign = |what| Ok(SiteRequest::Sign { from: ME, what });
        let text = "0x00".to_owned();
        assert_eq!(SiteRequest::parse("personal_sign", json!([text, ME])), sign(SignKind::Message { text }));
        let typed = SiteRequest::parse("eth_signTypedData_v4", json!([ME, {"types": {}}]));
        assert_eq!(typed, sign(SignKind::TypedData { json: r#"{"types":{}}"#.to_owned() }), "an object is taken too");
        let transaction = json!({"from": ME, "value": "0x1"});
        let json = transaction.to_string();
        let sent = SiteRequest::parse("eth_sendTransaction", json!([transaction]));
        assert_eq!(sent, sign(SignKind::Transaction { json }));
        assert_eq!(code("personal_sign", json!(["0x00"])), -32_602);
        assert_eq!(code("eth_sendTransaction", json!([])), -32_602);
        assert_eq!(code("eth_sendTransaction", json!({"from": ME})), -32_602);
    }

    #[test]
    fn no_method_signs_what_no_sheet_shows() {
        for method in UNSUPPORTED.into_iter().chain(["wallet_dance", "dance", ""]) {
            assert_eq!(code(method, json!([])), 4200, "{method}");
        }
        // `eth_sendRawTransaction` needs no key of this wallet: the node may have it.
        let raw = SiteRequest::parse("eth_sendRawTransaction", json!(["0x00"])).unwrap();
        assert!(matches!(raw, SiteRequest::Node { .. }));
    }

    #[test]
    fn calls_are_read_as_the_standard_writes_them() {
        let read = |method: &str, params| SiteRequest::parse(method, params);
        let capabilities = |chains| Ok(SiteRequest::Capabilities { account: ME, chains });
        assert_eq!(read("wallet_getCapabilities", json!([ME])), capabilities(None));
        let named = read("wallet_getCapabilities", json!([ME, ["0x1"]]));
        assert_eq!(named, capabilities(Some(vec!["0x1".to_owned()])));
        assert_eq!(code("wallet_getCapabilities", json!([])), -32_602);
        assert_eq!(code("wallet_getCapabilities", json!([ME, "0x1"])), -32_602);
        let id = "0x01".to_owned();
        assert_eq!(read("wallet_getCallsStatus", json!([id])), Ok(SiteRequest::CallsStatus { id: id.clone() }));
        assert_eq!(read("wallet_showCallsStatus", json!([id])), Ok(SiteRequest::ShowCalls { id }));
        assert_eq!(code("wallet_getCallsStatus", json!([])), -32_602);
        assert_eq!(code("wallet_sendCalls", json!([{}])), -32_602);
    }

    #[test]
    fn accounts_and_permissions_have_the_standards_form() {
        assert_eq!(accounts(None), json!([]));
        assert_eq!(accounts(Some(ME)), json!(["0x1111111111111111111111111111111111111111"]));
        assert_eq!(permissions(None), json!([]));
        let one = &permissions(Some(UnixMillis(1_800_000_000_000)))[0];
        assert_eq!((&one["parentCapability"], &one["date"]), (&json!("eth_accounts"), &json!(1_800_000_000_000_u64)));
    }
}

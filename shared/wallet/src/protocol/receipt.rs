//! The part of the messages that pages use which only have a receipt checked. Their bundle carries no reader for the rest.

use serde::{Deserialize, Serialize};
use shared::B256;

use super::Check;

/// As [`Request`](super::Request) has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptRequest {
    CheckReceipt {
        /// JSON of the signed receipt.
        receipt_json: String,
        /// The transaction that minted or paid it, if one did.
        transaction_hash: Option<B256>,
    },
}

/// As [`Reply`](super::Reply) has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptReply {
    ReceiptChecked { checks: Vec<Check> },
}

/// What [`Refusal`](super::Refusal) says about a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptRefusal {
    NotAReceipt { detail: String },
    UnknownRequest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{CheckName, Refusal, Reply, Request};

    #[test]
    fn the_part_is_written_as_the_whole() {
        let (receipt_json, transaction_hash) = ("{}".to_owned(), Some(B256::repeat_byte(7)));
        let part = ReceiptRequest::CheckReceipt { receipt_json: receipt_json.clone(), transaction_hash };
        let whole = Request::CheckReceipt { receipt_json, transaction_hash };
        assert_eq!(serde_json::to_value(part).unwrap(), serde_json::to_value(whole).unwrap());

        let checks = vec![Check { name: CheckName::Hash, holds: Some(true), detail: "0x07".to_owned() }];
        let part = ReceiptReply::ReceiptChecked { checks: checks.clone() };
        let whole = serde_json::to_string(&Reply::ReceiptChecked { checks }).unwrap();
        assert_eq!(serde_json::from_str::<ReceiptReply>(&whole).unwrap(), part);
        assert!(serde_json::from_str::<ReceiptReply>(r#"{"exported":{"secret":"x"}}"#).is_err());

        let detail = "no hash".to_owned();
        for (whole, part) in [
            (Refusal::NotAReceipt { detail: detail.clone() }, ReceiptRefusal::NotAReceipt { detail }),
            (Refusal::UnknownRequest, ReceiptRefusal::UnknownRequest),
        ] {
            let written = serde_json::to_value(whole).unwrap();
            assert_eq!(serde_json::from_value::<ReceiptRefusal>(written).unwrap(), part);
        }
    }
}

//! A transaction as a page asks for it: the parameter of `eth_sendTransaction`.

use serde::Deserialize;
use serde_json::Value;
use shared::{Address, Bytes, U256};

use crate::protocol::TRANSACTION_TEXT_MAX_BYTES;
use crate::quantity::parse;
use crate::transaction::{AccessList, Fees, Transaction};

/// What the page named. The wallet asks the chain for the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionRequest {
    pub from: Option<Address>,
    /// `None` makes a contract.
    pub to: Option<Address>,
    pub value: U256,
    pub input: Bytes,
    pub chain_id: Option<u64>,
    pub nonce: Option<u64>,
    pub gas_limit: Option<u64>,
    pub fees: Option<Fees>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionRequestError {
    #[error("a transaction's text has up to {TRANSACTION_TEXT_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    #[error("this is no transaction: {0}")]
    Form(String),
    #[error("{field} is a number as 0x and hex digits that fits, got `{got}`")]
    Number { field: &'static str, got: String },
    #[error("data and input are both given and differ")]
    TwoInputs,
    #[error("gasPrice excludes maxFeePerGas and maxPriorityFeePerGas")]
    TwoFees,
    #[error("{0} is not sent from here")]
    Field(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    from: Option<Address>,
    to: Option<Address>,
    value: Option<String>,
    data: Option<Bytes>,
    input: Option<Bytes>,
    chain_id: Option<Value>,
    nonce: Option<String>,
    gas: Option<String>,
    gas_price: Option<String>,
    max_fee_per_gas: Option<String>,
    max_priority_fee_per_gas: Option<String>,
    access_list: Option<Vec<Value>>,
    authorization_list: Option<Vec<Value>>,
    blobs: Option<Vec<Value>>,
}

impl TransactionRequest {
    pub fn parse(text: &str) -> Result<Self, TransactionRequestError> {
        if text.len() > TRANSACTION_TEXT_MAX_BYTES {
            return Err(TransactionRequestError::TooLong(text.len()));
        }
        let given: Given =
            serde_json::from_str(text).map_err(|error| TransactionRequestError::Form(error.to_string()))?;
        for (field, list) in [
            ("accessList", &given.access_list),
            ("authorizationList", &given.authorization_list),
            ("blobs", &given.blobs),
        ] {
            if list.as_ref().is_some_and(|list| !list.is_empty()) {
                return Err(TransactionRequestError::Field(field));
            }
        }
        if given.data.is_some() && given.input.is_some() && given.data != given.input {
            return Err(TransactionRequestError::TwoInputs);
        }
        // Some pages write the chain as a number.
        let chain_id = given.chain_id.map(|chain| match chain {
            Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), |id| format!("{id:#x}")),
            Value::String(text) => text,
            other => other.to_string(),
        });
        Ok(Self {
            from: given.from,
            to: given.to,
            value: quantity("value", given.value.as_deref())?.unwrap_or_default(),
            input: given.input.or(given.data).unwrap_or_default(),
            chain_id: quantity("chainId", chain_id.as_deref())?,
            nonce: quantity("nonce", given.nonce.as_deref())?,
            gas_limit: quantity("gas", given.gas.as_deref())?,
            fees: fees(
                quantity("gasPrice", given.gas_price.as_deref())?,
                quantity("maxFeePerGas", given.max_fee_per_gas.as_deref())?,
                quantity("maxPriorityFeePerGas", given.max_priority_fee_per_gas.as_deref())?,
            )?,
        })
    }

    /// The whole transaction, with what the chain says for all that the page left out.
    pub fn complete(self, chain_id: u64, nonce: u64, gas_limit: u64, fees: Fees) -> Transaction {
        Transaction {
            chain_id,
            nonce: self.nonce.unwrap_or(nonce),
            gas_limit: self.gas_limit.unwrap_or(gas_limit),
            to: self.to,
            value: self.value,
            input: self.input,
            fees: self.fees.unwrap_or(fees),
        }
    }
}

fn fees(
    gas_price: Option<u128>,
    max_fee_per_gas: Option<u128>,
    max_priority_fee_per_gas: Option<u128>,
) -> Result<Option<Fees>, TransactionRequestError> {
    match (gas_price, max_fee_per_gas, max_priority_fee_per_gas) {
        (None, None, None) => Ok(None),
        (Some(gas_price), None, None) => Ok(Some(Fees::Legacy { gas_price })),
        (None, most, tip) => {
            let max_priority_fee_per_gas = tip.unwrap_or_default();
            let max_fee_per_gas = most.unwrap_or(max_priority_fee_per_gas);
            let access_list = AccessList::default();
            Ok(Some(Fees::Market { max_fee_per_gas, max_priority_fee_per_gas, access_list }))
        }
        (Some(_), ..) => Err(TransactionRequestError::TwoFees),
    }
}

fn quantity<T: TryFrom<U256>>(field: &'static str, text: Option<&str>) -> Result<Option<T>, TransactionRequestError> {
    let Some(text) = text else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| TransactionRequestError::Number { field, got: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_write_is_read() {
        let text = r#"{"from":"0x3535353535353535353535353535353535353535","to":"0x0000000000000000000000000000000000A17001",
            "value":"0x0","data":"0x0102","gas":"0x5208","chainId":24822,"maxFeePerGas":"0x7","type":"0x2"}"#;
        let request = TransactionRequest::parse(text).unwrap();
        assert_eq!(request.chain_id, Some(24_822));
        assert_eq!((request.gas_limit, request.input.as_ref()), (Some(21_000), [1, 2].as_slice()));
        let transaction = request.complete(24_822, 9, 1, Fees::free());
        assert_eq!((transaction.nonce, transaction.gas_limit, transaction.fees.most_per_gas()), (9, 21_000, 7));
        assert_eq!(TransactionRequest::parse("{}").unwrap(), TransactionRequest::default());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let error = |text| TransactionRequest::parse(text).unwrap_err();
        assert_eq!(error(r#"{"data":"0x01","input":"0x02"}"#), TransactionRequestError::TwoInputs);
        assert_eq!(error(r#"{"gasPrice":"0x1","maxFeePerGas":"0x1"}"#), TransactionRequestError::TwoFees);
        assert_eq!(error(r#"{"accessList":[{}]}"#), TransactionRequestError::Field("accessList"));
        let number = |field, got: &str| TransactionRequestError::Number { field, got: got.to_owned() };
        assert_eq!(error(r#"{"value":"12"}"#), number("value", "12"));
        assert_eq!(error(r#"{"nonce":"0x"}"#), number("nonce", "0x"));
        assert_eq!(error(r#"{"gas":"0x10000000000000000"}"#), number("gas", "0x10000000000000000"));
        assert_eq!(error(r#"{"chainId":"mainnet"}"#), number("chainId", "mainnet"));
        assert!(matches!(error(r#"{"to":"me"}"#), TransactionRequestError::Form(_)));
        let long = format!(r#"{{"data":"0x{}"}}"#, "00".repeat(TRANSACTION_TEXT_MAX_BYTES));
        assert!(matches!(error(&long), TransactionRequestError::TooLong(_)));
    }
}

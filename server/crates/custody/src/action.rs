//! What a signature does, as far as a policy can judge it. What cannot be read is refused here, whatever a policy says.

use serde::{Deserialize, Serialize};
use shared::{Address, U256};
use wallet::escrow::{EscrowCall, OrderTerms};
use wallet::permit::Permit;
use wallet::sign_in::SignInMessage;
use wallet::token::{TokenCall, is_unlimited};
use wallet::transaction::Transaction;
use wallet::typed_data::TypedData;

use crate::asset::{Asset, Sums, Units};
use crate::refusal::Refusal;

/// Stands in every message of EIP-4361.
const SIGN_IN_MARK: &str = "wants you to sign in with your Ethereum account";

const PERMIT_TYPE: &str = "Permit";

/// Somebody gets this, or may take it from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub asset: Asset,
    pub amount: Units,
    pub to: Address,
}

/// What a signature does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Action {
    pub movements: Vec<Movement>,
    /// The most that the gas costs, of the chain's own coin.
    pub fee: Units,
    /// The contract that is called, or where typed data counts, unless it only moves what `movements` says.
    pub contract: Option<Address>,
    /// Where a message signs in.
    pub site: Option<String>,
    pub is_message: bool,
}

impl Action {
    /// `account` signs, on the chain `chain_id`.
    pub fn of_transaction(transaction: &Transaction, account: Address, chain_id: u64) -> Result<Self, Refusal> {
        check_chain(U256::from(transaction.chain_id), chain_id)?;
        let to = transaction.to.ok_or(Refusal::NewContract)?;
        if to == Address::ZERO {
            return Err(Refusal::Lost(to));
        }
        let mut action = Self { fee: Units(transaction.most_fee()), ..Self::default() };
        if !transaction.value.is_zero() || transaction.input.is_empty() {
            action.movements.push(Movement { asset: Asset::Coin, amount: Units(transaction.value), to });
        }
        if transaction.input.is_empty() {
            return Ok(action);
        }
        if let Some(call) = EscrowCall::decode(Some(to), &transaction.input) {
            action.movements.extend(of_escrow(call, account));
            action.contract = Some(to);
            return Ok(action);
        }
        let call = TokenCall::decode(&transaction.input);
        let call =
            call.ok_or_else(|| Refusal::Unreadable(format!("the call of {to} is of no kind that is known here")))?;
        action.movements.extend(of_token(to, call)?);
        Ok(action)
    }

    pub fn of_typed_data(data: &TypedData, account: Address, chain_id: u64) -> Result<Self, Refusal> {
        let domain = &data.domain;
        check_chain(domain.chain_id.ok_or(Refusal::NoPlace("chain"))?, chain_id)?;
        let contract = domain.verifying_contract.ok_or(Refusal::NoPlace("contract"))?;
        let movement = |asset, amount, to| vec![Movement { asset, amount: Units(amount), to }];
        if data.primary_type == PERMIT_TYPE {
            let unreadable = || Refusal::Unreadable("a permit of another form than ERC-2612's".to_owned());
            let permit = Permit::of(data).ok_or_else(unreadable)?;
            if permit.owner != account {
                return Err(Refusal::NotSigned(format!("the permit is of {}, not of this wallet", permit.owner)));
            }
            if is_unlimited(permit.value) {
                return Err(Refusal::Unlimited { spender: permit.spender });
            }
            let movements = movement(Asset::Token(contract), permit.value, permit.spender);
            return Ok(Self { movements, ..Self::default() });
        }
        let mut action = Self { contract: Some(contract), ..Self::default() };
        if OrderTerms::is_order(data) {
            let unreadable = || Refusal::Unreadable("a payment order without its total or its hub".to_owned());
            let order = OrderTerms::of(data).ok_or_else(unreadable)?;
            action.movements = movement(Asset::AIT, order.max_total, order.hub);
        }
        Ok(action)
    }

    /// A message of EIP-191.
    pub fn of_message(message: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(message).map_err(|_| Refusal::Unreadable("the bytes are no text".to_owned()))?;
        let mut action = Self { is_message: true, ..Self::default() };
        if text.contains(SIGN_IN_MARK) {
            let message = SignInMessage::parse(text).map_err(|error| Refusal::NotSigned(error.to_string()))?;
            action.site = Some(message.domain);
        }
        Ok(action)
    }

    /// What goes of each asset, the fee included.
    pub fn sums(&self) -> Result<Sums, Refusal> {
        let mut sums = Sums::new();
        let fee = (Asset::Coin, self.fee);
        for (asset, amount) in self.movements.iter().map(|movement| (movement.asset, movement.amount)).chain([fee]) {
            if amount > Units::ZERO {
                let sum = sums.entry(asset).or_default();
                *sum = sum.checked_add(amount).ok_or(Refusal::TooMuch)?;
            }
        }
        Ok(sums)
    }
}

fn check_chain(got: U256, expected: u64) -> Result<(), Refusal> {
    if got == U256::from(expected) { Ok(()) } else { Err(Refusal::OtherChain { expected, got }) }
}

/// A deposit of one's own stays one's own: it moves when an order is signed.
fn of_escrow(call: EscrowCall, account: Address) -> Option<Movement> {
    match call {
        EscrowCall::Deposit { client: Some(client), amount } if client != account => {
            Some(Movement { asset: Asset::AIT, amount: Units(amount), to: client })
        }
        EscrowCall::Deposit { .. } | EscrowCall::Withdraw { .. } => None,
    }
}

fn of_token(token: Address, call: TokenCall) -> Result<Option<Movement>, Refusal> {
    let asset = Asset::Token(token);
    Ok(match call {
        TokenCall::Transfer { to, .. } | TokenCall::TransferFrom { to, .. } if to == Address::ZERO || to == token => {
            return Err(Refusal::Lost(to));
        }
        TokenCall::Transfer { to, amount } | TokenCall::TransferFrom { to, amount, .. } => {
            Some(Movement { asset, amount: Units(amount), to })
        }
        TokenCall::Approve { spender, amount } if is_unlimited(amount) => return Err(Refusal::Unlimited { spender }),
        TokenCall::Approve { spender, amount } => Some(Movement { asset, amount: Units(amount), to: spender }),
    })
}

#[cfg(test)]
mod tests {
    use shared::Bytes;
    use shared::chain::{DEV_CHAIN_ID, ESCROW_ADDRESS, TOKEN_ADDRESS};
    use wallet::permit::PermitDomain;
    use wallet::transaction::Fees;

    use super::*;

    const ME: Address = Address::repeat_byte(1);
    const FRIEND: Address = Address::repeat_byte(2);

    fn call(to: Option<Address>, input: Bytes) -> Transaction {
        let (chain_id, value, fees) = (DEV_CHAIN_ID, U256::ZERO, Fees::free());
        Transaction { chain_id, nonce: 0, gas_limit: 100_000, to, value, input, fees }
    }

    fn judged(transaction: &Transaction) -> Result<Action, Refusal> {
        Action::of_transaction(transaction, ME, DEV_CHAIN_ID)
    }

    fn moved(asset: Asset, amount: u64, to: Address) -> Vec<Movement> {
        vec![Movement { asset, amount: Units(U256::from(amount)), to }]
    }

    #[test]
    fn what_a_token_call_moves_is_read() {
        let (token, amount) = (Some(TOKEN_ADDRESS), U256::from(5));
        let movements = |call_of: TokenCall| judged(&call(token, call_of.encode())).unwrap().movements;
        assert_eq!(movements(TokenCall::Transfer { to: FRIEND, amount }), moved(Asset::AIT, 5, FRIEND));
        assert_eq!(movements(TokenCall::Approve { spender: FRIEND, amount }), moved(Asset::AIT, 5, FRIEND));
        assert_eq!(movements(TokenCall::Approve { spender: FRIEND, amount: U256::ZERO }), moved(Asset::AIT, 0, FRIEND));
        let from_me = TokenCall::TransferFrom { from: ME, to: FRIEND, amount };
        assert_eq!(movements(from_me), moved(Asset::AIT, 5, FRIEND));
        let other = judged(&call(Some(FRIEND), TokenCall::Transfer { to: ME, amount }.encode())).unwrap();
        assert_eq!(other.movements, moved(Asset::Token(FRIEND), 5, ME));
    }

    #[test]
    fn coins_and_fees_are_counted_together() {
        let fees = Fees::Legacy { gas_price: 3 };
        let paid = Transaction { value: U256::from(7), fees, gas_limit: 10, ..call(Some(FRIEND), Bytes::new()) };
        let action = judged(&paid).unwrap();
        assert_eq!(action.sums().unwrap(), Sums::from([(Asset::Coin, Units(U256::from(37)))]));
        let too_much = Action { movements: moved(Asset::Coin, 1, FRIEND), fee: Units(U256::MAX), ..Action::default() };
        assert_eq!(too_much.sums(), Err(Refusal::TooMuch));
    }

    #[test]
    fn what_no_policy_allows_is_refused_here() {
        let token = Some(TOKEN_ADDRESS);
        let input = |call: TokenCall| call.encode();
        let unlimited = input(TokenCall::Approve { spender: FRIEND, amount: U256::MAX });
        assert_eq!(judged(&call(token, unlimited)), Err(Refusal::Unlimited { spender: FRIEND }));
        assert_eq!(judged(&call(None, Bytes::from_static(&[1]))), Err(Refusal::NewContract));
        let unknown = judged(&call(token, Bytes::from_static(&[1, 2, 3, 4])));
        assert!(matches!(unknown, Err(Refusal::Unreadable(_))), "{unknown:?}");
        let longer = [&input(TokenCall::Transfer { to: FRIEND, amount: U256::ZERO })[..], &[0]].concat();
        assert!(matches!(judged(&call(token, longer.into())), Err(Refusal::Unreadable(_))));
        let lost = input(TokenCall::Transfer { to: TOKEN_ADDRESS, amount: U256::from(1) });
        assert_eq!(judged(&call(token, lost)), Err(Refusal::Lost(TOKEN_ADDRESS)));
        assert_eq!(judged(&call(Some(Address::ZERO), Bytes::new())), Err(Refusal::Lost(Address::ZERO)));
        let elsewhere = Transaction { chain_id: 1, ..call(Some(FRIEND), Bytes::new()) };
        let other_chain = Refusal::OtherChain { expected: DEV_CHAIN_ID, got: U256::from(1) };
        assert_eq!(judged(&elsewhere), Err(other_chain));
    }

    fn permit(owner: Address, value: U256, chain_id: u64) -> TypedData {
        let permit = Permit { owner, spender: FRIEND, value, nonce: U256::ZERO, deadline: U256::from(9) };
        permit.typed_data(&PermitDomain::of_ait(chain_id)).unwrap()
    }

    #[test]
    fn typed_data_is_a_permit_an_order_or_counts_at_its_contract() {
        let of = |data: &TypedData| Action::of_typed_data(data, ME, DEV_CHAIN_ID);
        let permitted = of(&permit(ME, U256::from(5), DEV_CHAIN_ID)).unwrap();
        assert_eq!((permitted.movements, permitted.contract), (moved(Asset::AIT, 5, FRIEND), None));
        assert_eq!(of(&permit(ME, U256::MAX, DEV_CHAIN_ID)), Err(Refusal::Unlimited { spender: FRIEND }));
        assert!(matches!(of(&permit(FRIEND, U256::from(5), DEV_CHAIN_ID)), Err(Refusal::NotSigned(_))));
        assert!(matches!(of(&permit(ME, U256::from(5), 1)), Err(Refusal::OtherChain { .. })));
        let text = |primary: &str, domain: &str, members: &str, message: &str| {
            TypedData::parse(&format!(
                r#"{{"types":{{"{primary}":[{members}]}},"primaryType":"{primary}","domain":{domain},"message":{message}}}"#
            ))
            .unwrap()
        };
        let (members, message) = (r#"{"name":"allowed","type":"bool"}"#, r#"{"allowed":true}"#);
        let here = format!(r#"{{"chainId":"{DEV_CHAIN_ID}","verifyingContract":"{FRIEND}"}}"#);
        let dai = of(&text("Permit", &here, members, message));
        assert!(matches!(dai, Err(Refusal::Unreadable(_))), "a permit of another form: {dai:?}");
        assert_eq!(of(&text("Vote", &here, members, message)).unwrap().contract, Some(FRIEND));
        let no_contract = format!(r#"{{"chainId":"{DEV_CHAIN_ID}"}}"#);
        assert_eq!(of(&text("Vote", &no_contract, members, message)), Err(Refusal::NoPlace("contract")));
        assert_eq!(of(&text("Vote", "{}", members, message)), Err(Refusal::NoPlace("chain")));
        let escrow = format!(r#"{{"chainId":"{DEV_CHAIN_ID}","verifyingContract":"{ESCROW_ADDRESS}"}}"#);
        let order = r#"{"name":"hub","type":"address"},{"name":"maxTotal","type":"uint128"}"#;
        let ordered = text("PaymentOrder", &escrow, order, &format!(r#"{{"hub":"{FRIEND}","maxTotal":"8"}}"#));
        let ordered = of(&ordered).unwrap();
        assert_eq!((ordered.movements, ordered.contract), (moved(Asset::AIT, 8, FRIEND), Some(ESCROW_ADDRESS)));
        assert!(matches!(of(&text("PaymentOrder", &escrow, members, message)), Err(Refusal::Unreadable(_))));
    }

    #[test]
    fn a_message_is_a_text_and_says_where_it_signs_in() {
        assert!(matches!(Action::of_message(&[0xff]), Err(Refusal::Unreadable(_))));
        assert_eq!(Action::of_message("hé".as_bytes()).unwrap().site, None);
        let sign_in = format!(
            "site.example {SIGN_IN_MARK}:\n{ME}\n\n\nURI: https://site.example\nVersion: 1\nChain ID: 1\n\
             Nonce: abcdef01\nIssued At: 2026-11-29T08:45:43Z"
        );
        assert_eq!(Action::of_message(sign_in.as_bytes()).unwrap().site.as_deref(), Some("site.example"));
        let hidden = format!("hello, site.example {SIGN_IN_MARK}");
        assert!(matches!(Action::of_message(hidden.as_bytes()), Err(Refusal::NotSigned(_))));
    }
}

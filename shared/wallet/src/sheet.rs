//! From what is to be signed to what is shown: each part of a signature in words, and what could go wrong with it.

use shared::amount::Amount;
use shared::chain::{
    BOUNTY_ADDRESS, ESCROW_ADDRESS, EXCHANGE_ADDRESS, GENESIS_CONTRACTS, MINTER_ADDRESS, STAKING_ADDRESS, TOKEN_ADDRESS,
};
use shared::time::UnixMillis;
use shared::{Address, Bytes, U256};

use crate::escrow::{EscrowCall, OrderTerms};
use crate::protocol::{Fee, Refusal, SheetRisk, TreeLine, What};
use crate::risk::{self, Risk};
use crate::sign_in::{Expected, SignInMessage};
use crate::token::{TokenCall, is_unlimited};
use crate::transaction::Transaction;
use crate::typed_data::{Node, Shown, TypedData};

/// Most characters of a message that is shown. A longer one is not signed, since nobody reads it.
pub const MESSAGE_MAX_CHARS: usize = 20_000;

/// Stands in every message of EIP-4361, and has no business in any other.
const SIGN_IN_MARK: &str = "wants you to sign in with your Ethereum account";

/// Most bytes of a call that are shown.
const INPUT_SHOWN_BYTES: usize = 256;

/// Where a signature is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub account: Address,
    pub chain_id: u64,
    /// Host, and port where it is not the scheme's own.
    pub host: &'a str,
    pub now: UnixMillis,
}

/// A transfer of AIT, where a call is nothing else.
pub fn transfer(to: Option<Address>, value: U256, input: &[u8]) -> Option<(Address, Amount)> {
    match TokenCall::decode(input)? {
        TokenCall::Transfer { to: receiver, amount } if to == Some(TOKEN_ADDRESS) && value.is_zero() => {
            u128::try_from(amount).ok().map(|atto| (receiver, Amount::from_atto(atto)))
        }
        _ => None,
    }
}

/// What both have after a transfer. Refuses one that would fail or lose the money.
pub fn balances_after(
    from: (Address, Amount),
    to: (Address, Amount),
    amount: Amount,
) -> Result<(Amount, Amount), Refusal> {
    let fails = |detail: String| Err(Refusal::WouldFail { detail });
    if amount == Amount::ZERO {
        return fails("0 AIT cannot be sent".to_owned());
    }
    if from.0 == to.0 {
        return fails("sender and receiver are the same account".to_owned());
    }
    if to.0 == Address::ZERO || GENESIS_CONTRACTS.contains(&to.0) {
        return fails(format!("AIT that is sent to {} is lost: nobody can send it on from there", to.0));
    }
    let Some(left) = from.1.checked_sub(amount) else { return Err(Refusal::NotEnough { balance: from.1 }) };
    let Some(received) = to.1.checked_add(amount) else {
        return fails("the receiver would have more than every sum of AIT".to_owned());
    };
    Ok((left, received))
}

/// A transfer of AIT, checked by [`balances_after`].
pub fn of_transfer(
    transaction: &Transaction,
    to: Address,
    amount: Amount,
    (balance_after, receiver_after): (Amount, Amount),
    to_contract: bool,
) -> (What, Vec<SheetRisk>) {
    let risks = if to_contract { vec![Risk::ToContract] } else { Vec::new() };
    let what = What::Transfer { to, amount, balance_after, receiver_after, fee: fee(transaction) };
    (what, in_words(&risks))
}

/// Any other transaction.
pub fn of_call(transaction: &Transaction, chain_id: u64) -> (What, Vec<SheetRisk>) {
    let what = What::Call {
        to: transaction.to,
        words: call_words(transaction),
        value_wei: transaction.value.to_string(),
        input: clipped(&transaction.input),
        fee: fee(transaction),
    };
    (what, in_words(&risk::of_transaction(transaction, chain_id)))
}

/// What `personal_sign` was given: a text, or bytes as 0x and hex digits.
pub fn of_message(given: &str, place: Place<'_>) -> Result<(Bytes, What, Vec<SheetRisk>), Refusal> {
    let not_signed = |detail: String| Refusal::NotSigned { detail };
    let hex = given.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    let bytes = hex.unwrap_or_else(|| given.as_bytes().to_vec());
    let (text, risks) = match std::str::from_utf8(&bytes) {
        Ok(text) => (text.to_owned(), Vec::new()),
        Err(_) => (format!("0x{}", hex::encode(&bytes)), vec![Risk::Unreadable]),
    };
    if text.chars().count() > MESSAGE_MAX_CHARS {
        return Err(not_signed(format!("a message has up to {MESSAGE_MAX_CHARS} characters")));
    }
    let mut sign_in = None;
    if text.contains(SIGN_IN_MARK) {
        let message = SignInMessage::parse(&text).map_err(|error| not_signed(error.to_string()))?;
        let expected = Expected { domain: place.host, chain_id: place.chain_id, nonce: None };
        message.check(expected, place.now).map_err(|error| not_signed(error.to_string()))?;
        if message.address != place.account {
            return Err(not_signed(format!("the message signs {} in, not this account", message.address)));
        }
        sign_in = Some(message.domain);
    }
    Ok((bytes.into(), What::Message { text: printable(&text), sign_in }, in_words(&risks)))
}

pub fn of_typed_data(json: &str, place: Place<'_>) -> Result<(TypedData, What, Vec<SheetRisk>), Refusal> {
    let not_signed = |detail: String| Refusal::NotSigned { detail };
    let data = TypedData::parse(json).map_err(|error| not_signed(error.to_string()))?;
    if let Some(other) = data.domain.chain_id.filter(|id| *id != U256::from(place.chain_id)) {
        return Err(not_signed(format!("it counts on the chain {other}, this wallet signs for {}", place.chain_id)));
    }
    let domain = &data.domain;
    let field = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
    let fields = [
        field("name", domain.name.as_deref().map(printable)),
        field("version", domain.version.as_deref().map(printable)),
        field("chainId", domain.chain_id.map(|id| id.to_string())),
        field("verifyingContract", domain.verifying_contract.map(|contract| contract.to_string())),
        field("salt", domain.salt.map(|salt| salt.to_string())),
    ];
    let mut tree = Vec::new();
    lines(&data.message, 0, &mut tree);
    let what = What::TypedData {
        primary_type: data.primary_type.clone(),
        domain: fields.into_iter().flatten().collect(),
        tree,
    };
    let risks = in_words(&risk::of_typed_data(&data, Some(place.chain_id), place.now.seconds()));
    Ok((data, what, risks))
}

/// What is wrong with the hub of an order; `is_attester` is what the chain says of it.
pub fn of_order(order: &OrderTerms, is_attester: bool) -> Vec<SheetRisk> {
    in_words(risk::of_order(order, is_attester).as_slice())
}

fn lines(node: &Node, depth: usize, tree: &mut Vec<TreeLine>) {
    let line = |value| TreeLine { depth, name: node.name.clone(), type_name: node.type_name.clone(), value };
    match &node.value {
        Shown::Atom(atom) => tree.push(line(Some(atom.to_string()))),
        Shown::Struct(children) | Shown::Array(children) => {
            tree.push(line(None));
            children.iter().for_each(|child| lines(child, depth + 1, tree));
        }
    }
}

fn call_words(transaction: &Transaction) -> String {
    let Some(to) = transaction.to else { return "Makes a contract.".to_owned() };
    let called = contract_name(to).map_or_else(|| to.to_string(), str::to_owned);
    let amount_words = |amount: U256| match u128::try_from(amount) {
        _ if is_unlimited(amount) => "everything, now and later,".to_owned(),
        Ok(atto) if to == TOKEN_ADDRESS => format!("up to {} AIT", Amount::from_atto(atto)),
        _ => format!("up to {amount} smallest units"),
    };
    if transaction.input.is_empty() {
        return format!("Sends the chain's own coin to {called}.");
    }
    if let Some(call) = EscrowCall::decode(Some(to), &transaction.input) {
        return escrow_words(call);
    }
    match TokenCall::decode(&transaction.input) {
        Some(TokenCall::Approve { spender, amount }) if amount.is_zero() => {
            format!("Takes back what {spender} may take from you at {called}.")
        }
        Some(TokenCall::Approve { spender, amount }) => {
            format!("Lets {spender} take {} from you at {called}.", amount_words(amount))
        }
        Some(TokenCall::Transfer { to, amount }) => {
            format!("Sends {amount} smallest units of the token {called} to {to}.")
        }
        Some(TokenCall::TransferFrom { from, to, amount }) => {
            format!("Moves {amount} smallest units of the token {called} from {from} to {to}.")
        }
        None => format!("Calls a function of {called}."),
    }
}

fn escrow_words(call: EscrowCall) -> String {
    let ait = |amount: U256| match u128::try_from(amount) {
        Ok(atto) => format!("{} AIT", Amount::from_atto(atto)),
        Err(_) => format!("{amount} smallest units of AIT"),
    };
    match call {
        EscrowCall::Deposit { client: None, amount } => {
            format!(
                "Moves {} into your deposit in the escrow. Only jobs that you order can be paid from it.",
                ait(amount)
            )
        }
        EscrowCall::Deposit { client: Some(client), amount } => format!(
            "Moves {} from {client} into its deposit in the escrow, by the permit. Only jobs that it orders can be paid from it.",
            ait(amount)
        ),
        EscrowCall::Withdraw { amount } => format!("Takes {} back from your deposit in the escrow.", ait(amount)),
    }
}

/// Names of the contracts of genesis.
fn contract_name(address: Address) -> Option<&'static str> {
    match address {
        TOKEN_ADDRESS => Some("AIToken"),
        MINTER_ADDRESS => Some("AITokenMinter"),
        ESCROW_ADDRESS => Some("JobEscrow"),
        EXCHANGE_ADDRESS => Some("ExchangeSettlement"),
        STAKING_ADDRESS => Some("Staking"),
        BOUNTY_ADDRESS => Some("ModelBounty"),
        _ => None,
    }
}

fn fee(transaction: &Transaction) -> Fee {
    let most = transaction.most_fee();
    if most.is_zero() { Fee::Free } else { Fee::UpTo { wei: most.to_string() } }
}

fn clipped(input: &[u8]) -> String {
    let shown = &input[..input.len().min(INPUT_SHOWN_BYTES)];
    let rest = input.len() - shown.len();
    let more = if rest > 0 { format!("… and {rest} bytes more") } else { String::new() };
    format!("0x{}{more}", hex::encode(shown))
}

fn in_words(risks: &[Risk]) -> Vec<SheetRisk> {
    let mut risks: Vec<SheetRisk> =
        risks.iter().map(|risk| SheetRisk { severity: risk.severity(), text: sentence(&risk.to_string()) }).collect();
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
    risks
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// A text as it is shown: no control character hides, moves or turns around a part of it.
pub fn printable(text: &str) -> String {
    let shown = |one: char| match one {
        '\n' | '"' | '\'' | '\\' => one.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use shared::chain::DEV_CHAIN_ID;

    use super::*;
    use crate::protocol::Severity;
    use crate::transaction::Fees;

    const ME: Address = Address::repeat_byte(1);
    const FRIEND: Address = Address::repeat_byte(2);
    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn place() -> Place<'static> {
        Place { account: ME, chain_id: DEV_CHAIN_ID, host: "localhost:8000", now: NOW }
    }

    fn ait(whole: u64) -> Amount {
        Amount::from_ait(whole)
    }

    fn call(to: Address, input: Bytes) -> Transaction {
        let (chain_id, to, fees) = (DEV_CHAIN_ID, Some(to), Fees::free());
        Transaction { chain_id, nonce: 0, gas_limit: 100_000, to, value: U256::ZERO, input, fees }
    }

    #[test]
    fn a_message_cannot_move_the_reader_or_turn_its_text_around() {
        assert_eq!(printable("a \"b\"\nc\\d é"), "a \"b\"\nc\\d é");
        assert_eq!(printable("pay\r\u{1b}[2K\u{202e}"), "pay\\r\\u{1b}[2K\\u{202e}");
    }

    #[test]
    fn a_transfer_says_what_both_have_afterwards() {
        assert_eq!(balances_after((ME, ait(5)), (FRIEND, ait(1)), ait(2)), Ok((ait(3), ait(3))));
        let not_enough = balances_after((ME, ait(5)), (FRIEND, ait(1)), ait(6));
        assert_eq!(not_enough, Err(Refusal::NotEnough { balance: ait(5) }));
        let lost = GENESIS_CONTRACTS.map(|contract| (contract, ait(1)));
        for (to, amount) in [(FRIEND, ait(0)), (ME, ait(1)), (Address::ZERO, ait(1))].into_iter().chain(lost) {
            let refused = balances_after((ME, ait(5)), (to, ait(1)), amount);
            assert!(matches!(refused, Err(Refusal::WouldFail { .. })), "{to} {amount}");
        }
        let input = TokenCall::Transfer { to: FRIEND, amount: U256::from(7) }.encode();
        assert_eq!(transfer(Some(TOKEN_ADDRESS), U256::ZERO, &input), Some((FRIEND, Amount::from_atto(7))));
        assert_eq!(transfer(Some(FRIEND), U256::ZERO, &input), None, "that is another token");
        assert_eq!(transfer(Some(TOKEN_ADDRESS), U256::from(1), &input), None, "coins go with it");
    }

    #[test]
    fn an_unlimited_approval_is_said_to_be_grave() {
        let input = TokenCall::Approve { spender: FRIEND, amount: U256::MAX }.encode();
        let (what, risks) = of_call(&call(TOKEN_ADDRESS, input), DEV_CHAIN_ID);
        let What::Call { words, .. } = what else { panic!("{what:?}") };
        assert_eq!(words, format!("Lets {FRIEND} take everything, now and later, from you at AIToken."));
        assert_eq!(risks.iter().map(|risk| risk.severity).collect::<Vec<_>>(), [Severity::Grave]);
        assert!(risks[0].text.ends_with("will ever have."), "{risks:?}");
        let deposit = crate::escrow::deposit_with_permit(ME, U256::from(1_500_000_000_000_000_000_u64));
        let (what, risks) = of_call(&call(ESCROW_ADDRESS, deposit), DEV_CHAIN_ID);
        let What::Call { words, .. } = what else { panic!("{what:?}") };
        assert!(
            words.starts_with(&format!("Moves 1.5 AIT from {ME} into its deposit in the escrow")) && risks.is_empty()
        );
        let (_, risks) = of_call(&call(FRIEND, Bytes::from_static(&[1, 2, 3, 4])), DEV_CHAIN_ID);
        assert_eq!(risks[0].text, "What the call does is not known.");
    }

    #[test]
    fn an_order_for_somebody_who_is_no_hub_of_the_chain_is_grave() {
        let order = |contract: Address, primary_type: &str| {
            format!(
                r#"{{"types":{{"{primary_type}":[{{"name":"hub","type":"address"}},{{"name":"maxTotal","type":"uint128"}}]}},
                "primaryType":"{primary_type}","domain":{{"chainId":{DEV_CHAIN_ID},"verifyingContract":"{contract}"}},
                "message":{{"hub":"{FRIEND}","maxTotal":"8"}}}}"#
            )
        };
        let terms = |json: &str| OrderTerms::of(&of_typed_data(json, place()).unwrap().0);
        let ordered = terms(&order(ESCROW_ADDRESS, "PaymentOrder")).unwrap();
        assert_eq!((ordered.hub, ordered.max_total), (FRIEND, U256::from(8)));
        assert_eq!(of_order(&ordered, true), []);
        let [risk] = of_order(&ordered, false).try_into().unwrap();
        assert!(risk.severity == Severity::Grave && risk.text.contains(&FRIEND.to_string()), "{risk:?}");
        assert_eq!(terms(&order(MINTER_ADDRESS, "PaymentOrder")), None);
        assert_eq!(terms(&order(ESCROW_ADDRESS, "Order")), None);
    }

    #[test]
    fn bytes_that_nobody_can_read_are_pointed_out() {
        let (bytes, what, risks) = of_message("0x68c3a9", place()).unwrap();
        assert_eq!(bytes.as_ref(), "hé".as_bytes());
        assert_eq!((what, risks), (What::Message { text: "hé".to_owned(), sign_in: None }, vec![]));
        let (_, what, risks) = of_message("0xff00", place()).unwrap();
        assert_eq!(what, What::Message { text: "0xff00".to_owned(), sign_in: None });
        assert_eq!(risks[0].severity, Severity::Grave);
        assert!(of_message(&"x".repeat(MESSAGE_MAX_CHARS + 1), place()).is_err());
    }

    #[test]
    fn nobody_signs_in_elsewhere_as_somebody_else_or_late() {
        let message = SignInMessage {
            scheme: None,
            domain: "localhost:8000".to_owned(),
            address: ME,
            statement: None,
            uri: "http://localhost:8000/wallet".to_owned(),
            chain_id: DEV_CHAIN_ID,
            nonce: "abcdef0123456789".to_owned(),
            issued_at: NOW,
            expires_at: Some(UnixMillis(NOW.0 + 1_000)),
            not_before: None,
            request_id: None,
            resources: Vec::new(),
        };
        let (_, what, _) = of_message(&message.to_string(), place()).unwrap();
        assert!(matches!(what, What::Message { sign_in: Some(domain), .. } if domain == "localhost:8000"));
        for other in [
            SignInMessage { domain: "example.org".to_owned(), ..message.clone() },
            SignInMessage { chain_id: 1, ..message.clone() },
            SignInMessage { address: FRIEND, ..message.clone() },
            SignInMessage { expires_at: Some(NOW), ..message.clone() },
        ] {
            let refused = of_message(&other.to_string(), place());
            assert!(matches!(refused, Err(Refusal::NotSigned { .. })), "{other}");
        }
        let hidden = format!("hello\n{message}");
        assert!(matches!(of_message(&hidden, place()), Err(Refusal::NotSigned { .. })), "it is no whole message");
    }

    #[test]
    fn typed_data_is_a_tree_and_counts_here_only() {
        let data = |chain: u64| {
            format!(
                r#"{{"types":{{"A":[{{"name":"b","type":"B[]"}}],"B":[{{"name":"text","type":"string"}}]}},"primaryType":"A",
                "domain":{{"name":"N\u202e","chainId":{chain}}},"message":{{"b":[{{"text":"hi"}}]}}}}"#
            )
        };
        let (_, what, risks) = of_typed_data(&data(DEV_CHAIN_ID), place()).unwrap();
        let What::TypedData { domain, tree, .. } = what else { panic!("{what:?}") };
        assert_eq!(domain[0], ("name".to_owned(), "N\\u{202e}".to_owned()));
        let shown: Vec<(usize, &str, Option<&str>)> =
            tree.iter().map(|line| (line.depth, line.name.as_str(), line.value.as_deref())).collect();
        assert_eq!(shown[1..], [(1, "b", None), (2, "[0]", None), (3, "text", Some("\"hi\""))]);
        assert_eq!(risks.len(), 1, "it names no contract: {risks:?}");
        assert!(matches!(of_typed_data(&data(1), place()), Err(Refusal::NotSigned { .. })));
        assert!(matches!(of_typed_data("{}", place()), Err(Refusal::NotSigned { .. })));
    }
}

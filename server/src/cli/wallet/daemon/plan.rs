//! What is asked for, as it will be signed and as it is shown. The node tells what the request left open.

use anyhow::{Context as _, Result as NodeResult, ensure};
use custody::action::Action;
use custody::refusal::Refusal;
use node::chain::rules::TRANSACTION_GAS_CAP;
use shared::amount::Amount;
use shared::chain::TOKEN_ADDRESS;
use shared::{Address, U256};
use wallet::escrow::OrderTerms;
use wallet::session::Signable;
use wallet::sheet::{self, Place};
use wallet::token::TokenCall;
use wallet::transaction::{Fees, Transaction};
use wallet::transaction_request::TransactionRequest;

use super::error::DaemonError;
use super::tickets::Prepared;
use crate::cli::wallet::node::Node;
use crate::clock;

/// Where and for whom something is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signing<'a> {
    pub(super) node: &'a Node,
    pub(super) chain_id: u64,
    pub(super) account: Address,
}

impl Signing<'_> {
    /// A transfer of AIT, or of another token.
    pub(super) fn transfer(&self, token: Address, to: Address, amount: U256) -> Result<Prepared, DaemonError> {
        let input = TokenCall::Transfer { to, amount }.encode();
        let request = TransactionRequest { to: Some(token), input, ..TransactionRequest::default() };
        self.transaction(request)
    }

    /// A transaction, with what the chain says for all that the request left out.
    pub(super) fn transaction(&self, request: TransactionRequest) -> Result<Prepared, DaemonError> {
        if let Some(other) = request.from.filter(|from| *from != self.account) {
            return Err(DaemonError::Form(format!("transaction.from is {other}, and the wallet is {}", self.account)));
        }
        if let Some(other) = request.chain_id.filter(|chain_id| *chain_id != self.chain_id) {
            let (expected, got) = (self.chain_id, U256::from(other));
            return Err(Refusal::OtherChain { expected, got }.into());
        }
        let has_nonce = request.nonce.is_some();
        self.check_readable(&request)?;
        // Before the node runs it: what is too much is said in words, not as a call that failed.
        let transfer = match sheet::transfer(request.to, request.value, &request.input) {
            Some((to, amount)) => Some((to, amount, self.balances_after(to, amount)?)),
            None => None,
        };
        let transaction = self.complete(request)?;
        let action = Action::of_transaction(&transaction, self.account, self.chain_id)?;
        let (what, risks) = match transfer {
            Some((to, amount, after)) => {
                let to_contract = self.node.is_contract(to).map_err(of_node)?;
                sheet::of_transfer(&transaction, to, amount, after, to_contract)
            }
            None => sheet::of_call(&transaction, self.chain_id),
        };
        Ok(Prepared { signable: Signable::Transaction(transaction), action, what, risks, has_nonce })
    }

    fn complete(&self, request: TransactionRequest) -> Result<Transaction, DaemonError> {
        let asked = || -> NodeResult<Transaction> {
            let (to, node) = (request.to.context("the transaction names no receiver")?, self.node);
            let gas_limit = match (request.gas_limit, request.nonce) {
                // Somebody else sends it, so nothing waits behind it here.
                (Some(gas_limit), Some(_)) => gas_limit,
                (given, _) => {
                    let enough = node.gas_limit_with(self.account, to, &request.input, request.value)?;
                    check_gas_limit(given.unwrap_or(enough), enough)?
                }
            };
            let fees = match request.fees.clone() {
                Some(fees) => fees,
                None => node.fees()?,
            };
            let nonce = request.nonce.map_or_else(|| node.next_nonce(self.account), Ok)?;
            Ok(request.clone().complete(self.chain_id, nonce, gas_limit, fees))
        };
        let is_whole = request.gas_limit.is_some() && request.fees.is_some() && request.nonce.is_some();
        if !is_whole {
            self.check_chain()?;
        }
        asked().map_err(of_node)
    }

    /// What cannot be read is refused before a node is asked.
    fn check_readable(&self, request: &TransactionRequest) -> Result<(), DaemonError> {
        let free = Fees::free();
        let unchecked = request.clone().complete(self.chain_id, 0, 0, free);
        Action::of_transaction(&unchecked, self.account, self.chain_id).map(drop).map_err(DaemonError::from)
    }

    fn balances_after(&self, to: Address, amount: Amount) -> Result<(Amount, Amount), DaemonError> {
        let [own, theirs] = [self.account, to].map(|account| self.node.balance(account).map_err(of_node));
        let after = sheet::balances_after((self.account, own?), (to, theirs?), amount);
        after.map_err(|refusal| Refusal::of_wallet(refusal).into())
    }

    /// A message as `personal_sign` takes it: a text, or bytes as 0x and hex digits.
    pub(super) fn message(&self, given: &str) -> Result<Prepared, DaemonError> {
        let text = given.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
        let bytes = text.unwrap_or_else(|| given.as_bytes().to_vec());
        let action = Action::of_message(&bytes)?;
        let host = action.site.clone().unwrap_or_default();
        let (bytes, what, risks) = sheet::of_message(given, self.place(&host)).map_err(Refusal::of_wallet)?;
        Ok(Prepared { signable: Signable::Message(bytes), action, what, risks, has_nonce: false })
    }

    pub(super) fn typed_data(&self, json: &str) -> Result<Prepared, DaemonError> {
        let (data, what, mut risks) = sheet::of_typed_data(json, self.place("")).map_err(Refusal::of_wallet)?;
        if let Some(order) = OrderTerms::of(&data) {
            let is_attester = self.node.is_attester(order.hub).map_err(of_node)?;
            risks.splice(0..0, sheet::of_order(&order, is_attester));
        }
        let action = Action::of_typed_data(&data, self.account, self.chain_id)?;
        Ok(Prepared { signable: Signable::TypedData(Box::new(data)), action, what, risks, has_nonce: false })
    }

    /// Whether the node serves the daemon's chain.
    pub(super) fn check_chain(&self) -> Result<(), DaemonError> {
        let served = self.node.chain_id().map_err(of_node)?;
        if served == self.chain_id {
            return Ok(());
        }
        Err(DaemonError::Node(format!("it serves the chain {served}, and this daemon signs for {}", self.chain_id)))
    }

    fn place<'a>(&self, host: &'a str) -> Place<'a> {
        Place { account: self.account, chain_id: self.chain_id, host, now: clock::now() }
    }
}

/// The contract of a transfer's token.
pub(super) fn token(given: Option<Address>) -> Address {
    given.unwrap_or(TOKEN_ADDRESS)
}

pub(super) fn of_node(error: anyhow::Error) -> DaemonError {
    DaemonError::Node(format!("{error:#}"))
}
/// A payment that no block can take would hold up every later one of its account. `enough` is what a node computed, and
/// a sixth of it is room for a state that changed.
fn check_gas_limit(given: u64, enough: u64) -> NodeResult<u64> {
    let least = enough - enough / 6;
    ensure!(
        (least..=TRANSACTION_GAS_CAP).contains(&given),
        "`gas` of a payment is {least} to {TRANSACTION_GAS_CAP}, got {given}"
    );
    Ok(given)
}

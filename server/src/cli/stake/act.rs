//! What changes stake or validators: each is one transaction of a wallet.

use alloy_sol_types::SolCall;
use anyhow::{Result, ensure};
use clap::Args;
use contracts::Staking::{
    Rewards, admitCall, claimRewardsCall, collectRewardsCall, delegateWithPermitCall, releaseCall, removeCall,
    resignCall, rewardsCall, rewardsOfCall, setBasePowerCall, stakeOfCall, unbondingSecondsCall, unbondingsOfCall,
    undelegateCall, validatorsCall, withdrawCall,
};
use shared::amount::Amount;
use shared::chain::STAKING_ADDRESS;
use shared::signing::PrivateKey;
use shared::{Address, Bytes, U256};
use wallet::permit::PermitDomain;

use super::ask_contract;
use crate::chain::VALIDATOR_BASE_POWER;
use crate::cli::wallet::contract;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::node::Node;
use crate::cli::wallet::signing::Signing;
use crate::clock;

#[derive(Debug, Args)]
pub(in crate::cli) struct Move {
    /// Wallet whose AIT it is
    wallet: WalletName,
    /// Address or wallet of the validator
    validator: String,
    /// How much AIT, as 1.5
    amount: Amount,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfWallet {
    /// Wallet that signs
    wallet: WalletName,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Claim {
    /// Wallet that has staked
    wallet: WalletName,
    /// Address or wallet of the validator with which it has
    validator: String,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfValidator {
    /// Wallet that has the authority
    wallet: WalletName,
    /// Address or wallet of the validator
    validator: String,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Admit {
    /// Wallet that has the authority
    wallet: WalletName,
    /// Address or wallet of the validator
    validator: String,
    /// Power that it has without stake; a whole AIT of stake is one more
    #[arg(long, default_value_t = VALIDATOR_BASE_POWER)]
    power: u64,
    /// Its node runs and is connected, so that blocks may need its vote from the next one on
    #[arg(long)]
    is_running: bool,
    #[command(flatten)]
    signing: Signing,
}

/// Shows what will happen, signs a call of the contract, and waits for its block.
fn send(
    wallet: &WalletName,
    signing: &Signing,
    lines: &[(&str, String)],
    question: &str,
    what: &str,
    input: impl FnOnce(&Node, &PrivateKey) -> Result<Bytes>,
) -> Result<()> {
    contract::ask_and_send(wallet, signing, STAKING_ADDRESS, lines, question, what, input)
}

fn encoded(call: &impl SolCall) -> Result<Bytes> {
    Ok(call.abi_encode().into())
}

pub(super) fn delegate(asked: &Move) -> Result<()> {
    let Move { wallet, validator, amount, signing } = asked;
    let validator = signing.folder.resolve(validator)?;
    let owner = signing.folder.address(wallet)?;
    let balance = signing.node.balance(owner)?;
    ensure!(*amount <= balance, "the wallet has {balance} AIT, {amount} AIT are asked for");
    let seconds = ask_contract(&signing.node, &unbondingSecondsCall {})?;
    let lines = [
        ("delegate", format!("{amount} AIT of {owner}")),
        ("validator", validator.to_string()),
        ("comes back", format!("{seconds} s after you undelegate it")),
        ("at risk", "a part is lost if the validator contradicts itself, until it is withdrawn".to_owned()),
    ];
    send(wallet, signing, &lines, "Stake it?", "delegation", |node, key| {
        let value = U256::from(amount.atto());
        let permit = contract::permit(node, key, &PermitDomain::of_ait(node.chain_id()?), STAKING_ADDRESS, value)?;
        let contract::SignedPermit { deadline, v, r, s } = permit;
        encoded(&delegateWithPermitCall { validator, amount: value, deadline, v, r, s })
    })
}

pub(super) fn undelegate(asked: &Move) -> Result<()> {
    let Move { wallet, validator, amount, signing } = asked;
    let (validator, delegator) = (signing.folder.resolve(validator)?, signing.folder.address(wallet)?);
    let (value, staked) =
        (U256::from(amount.atto()), ask_contract(&signing.node, &stakeOfCall { validator, delegator })?);
    ensure!(value <= staked, "staked there are {} AIT, {amount} AIT are asked for", in_ait(staked));
    let seconds = ask_contract(&signing.node, &unbondingSecondsCall {})?;
    let lines = [
        ("undelegate", format!("{amount} of {} AIT", in_ait(staked))),
        ("validator", validator.to_string()),
        ("comes back", format!("{seconds} s later, by `aitbc stake withdraw`")),
    ];
    let call = undelegateCall { validator, amount: value };
    send(wallet, signing, &lines, "Take it out?", "undelegation", |_, _| encoded(&call))
}

pub(super) fn withdraw(asked: &OfWallet) -> Result<()> {
    let delegator = asked.signing.folder.address(&asked.wallet)?;
    let waiting = ask_contract(&asked.signing.node, &unbondingsOfCall { delegator })?;
    ensure!(!waiting.is_empty(), "{} has undelegated nothing that was not withdrawn", asked.wallet);
    let now = clock::now().seconds().0;
    let due: U256 = waiting.iter().filter(|entry| entry.dueUnix <= now).map(|entry| entry.amount).sum();
    let next = waiting.iter().map(|entry| entry.dueUnix).min().unwrap_or_default();
    ensure!(next <= now, "nothing is due before {next} (Unix seconds), which is in {} s", next.saturating_sub(now));
    let lines = [("withdraw", format!("{} AIT to {delegator}", in_ait(due)))];
    send(&asked.wallet, &asked.signing, &lines, "Withdraw it?", "withdrawal", |_, _| encoded(&withdrawCall {}))
}

pub(super) fn collect(asked: &OfWallet) -> Result<()> {
    let Rewards { endsUnix, uncollected, earningStake, .. } = ask_contract(&asked.signing.node, &rewardsCall {})?;
    ensure!(!earningStake.is_zero(), "nobody has stake with an active validator that could earn");
    ensure!(!uncollected.is_zero(), "no fees came since the last time");
    let now = clock::now().seconds().0;
    ensure!(
        endsUnix <= now,
        "what was collected before arrives until {endsUnix} (Unix seconds), which is in {} s",
        endsUnix.saturating_sub(now)
    );
    let seconds = ask_contract(&asked.signing.node, &unbondingSecondsCall {})?;
    let lines = [
        ("collect", format!("{} AIT of fees", in_ait(uncollected))),
        ("for", format!("{} AIT of stake, evenly over {seconds} s", in_ait(earningStake))),
    ];
    let question = "Let them flow to those who have staked?";
    send(&asked.wallet, &asked.signing, &lines, question, "collection", |_, _| encoded(&collectRewardsCall {}))
}

pub(super) fn claim(asked: &Claim) -> Result<()> {
    let Claim { wallet, validator, signing } = asked;
    let (validator, delegator) = (signing.folder.resolve(validator)?, signing.folder.address(wallet)?);
    let earned = ask_contract(&signing.node, &rewardsOfCall { validator, delegator })?;
    ensure!(!earned.is_zero(), "{wallet} has earned nothing with {validator} that was not claimed");
    let lines = [("claim", format!("{} AIT to {delegator}", in_ait(earned))), ("earned with", validator.to_string())];
    send(wallet, signing, &lines, "Claim it?", "claim", |_, _| encoded(&claimRewardsCall { validator }))
}

pub(super) fn resign(asked: &OfWallet) -> Result<()> {
    let validator = asked.signing.folder.address(&asked.wallet)?;
    let lines = [("resigns", validator.to_string())];
    let question = "Decide no more blocks with this key?";
    send(&asked.wallet, &asked.signing, &lines, question, "resignation", |_, _| encoded(&resignCall {}))
}

pub(super) fn admit(asked: &Admit) -> Result<()> {
    by_authority(asked, "admits", |validator, power| encoded(&admitCall { validator, basePower: power }))
}

pub(super) fn weigh(asked: &Admit) -> Result<()> {
    by_authority(asked, "weighs", |validator, power| encoded(&setBasePowerCall { validator, basePower: power }))
}

fn by_authority(asked: &Admit, what: &str, call: impl FnOnce(Address, u64) -> Result<Bytes>) -> Result<()> {
    let Admit { wallet, validator, power, is_running, signing } = asked;
    let validator = signing.folder.resolve(validator)?;
    let all = ask_contract(&signing.node, &validatorsCall {})?;
    let others = all.iter().filter(|other| other.validator != validator).map(|other| u128::from(other.power)).sum();
    ensure!(
        *is_running || u128::from(*power) <= power_without_need(others),
        "with a power of {power} beside the {others} of all others, no block is made without this validator: start its \
         node first and repeat with --is-running, or give it up to {} by --power",
        power_without_need(others)
    );
    let lines = [(what, validator.to_string()), ("base power", power.to_string())];
    send(wallet, signing, &lines, "Let the authority decide so?", "decision", |_, _| call(validator, *power))
}

/// With up to this power one validator is not needed for a block: the others have more than two thirds of all without it.
const fn power_without_need(others: u128) -> u128 {
    others.div_ceil(2).saturating_sub(1)
}

pub(super) fn remove(asked: &OfValidator) -> Result<()> {
    on_validator(asked, "removes", |validator| encoded(&removeCall { validator }))
}

pub(super) fn release(asked: &OfValidator) -> Result<()> {
    on_validator(asked, "releases", |validator| encoded(&releaseCall { validator }))
}

fn on_validator(asked: &OfValidator, what: &str, call: impl FnOnce(Address) -> Result<Bytes>) -> Result<()> {
    let validator = asked.signing.folder.resolve(&asked.validator)?;
    let lines = [(what, validator.to_string())];
    let question = "Let the authority decide so?";
    send(&asked.wallet, &asked.signing, &lines, question, "decision", |_, _| call(validator))
}

/// The supply lies far below 2^128 attoAIT, so a larger sum is none that somebody has.
pub(super) fn in_ait(atto: U256) -> Amount {
    Amount::from_atto(u128::try_from(atto).unwrap_or(u128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_is_not_needed_while_the_others_have_more_than_two_thirds() {
        for others in [0_u128, 1, 2, 3, 1_000_000, 3_000_000, u128::from(u64::MAX)] {
            let power = power_without_need(others);
            assert!(others == 0 || 3 * others > 2 * (others + power), "{power} beside {others}");
            assert!(3 * others <= 2 * (others + power + 1), "{} beside {others} would do, too", power + 1);
        }
    }
}

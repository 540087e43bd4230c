//! The hub moves fees on to those whom they are for: once in a period, and only where there are some.

use std::path::Path;

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use contracts::{AI_TOKEN_ADDRESS, AIToken, JOB_ESCROW_ADDRESS, JobEscrow, STAKING_ADDRESS, Staking};
use hub::upkeep::UpkeepTerms;
use node::chain::LogFilter;
use server::config::Config;
use shared::amount::{ATTO_PER_AIT, Amount};
use shared::{Address, B256};

use super::payments::buyer::{Buyer, paid_job, text_job};
use super::payments::write_one;
use super::server::{TestServer, config};

/// A tenth of an AIT.
const TENTH: u128 = ATTO_PER_AIT / 10;

/// Looks as often as it can, and moves whatever there is.
fn eager(folder: &Path) -> Config {
    let upkeep = UpkeepTerms { look_every_ms: 0, least: Amount::from_atto(1), ..UpkeepTerms::default() };
    Config { upkeep, ..config(folder) }
}

/// How often a contract has told an event.
async fn count(server: &TestServer, contract: Address, event: B256) -> usize {
    let mut filter = LogFilter::default();
    filter.addresses.insert(contract);
    filter.topics[0].insert(event);
    let head = server.app.node.head().unwrap().number;
    server.app.node.logs(filter, 0, head).await.unwrap().len()
}

async fn until_counted(server: &TestServer, contract: Address, event: B256, wanted: usize) {
    for _ in 0..15_000 {
        if count(server, contract, event).await == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the event was told {} times, and not {wanted} times", count(server, contract, event).await);
}

/// Lets settlement look at everything once: a mint comes after the fees' turn.
async fn settle_something(server: &TestServer, number: u8) {
    Buyer::with_earnings(server, number).await;
}

async fn pay_in(server: &TestServer, from: &Buyer, amount: u128) {
    let transfer = AIToken::transferCall { to: STAKING_ADDRESS, value: U256::from(amount) };
    from.send(server, AI_TOKEN_ADDRESS, transfer.abi_encode()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_for_stake_is_collected_once_in_a_period_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(eager(folder.path())).await;
    let collected = (STAKING_ADDRESS, Staking::RewardsCollected::SIGNATURE_HASH);
    let staker = Buyer::with_earnings(&server, 2).await;
    pay_in(&server, &staker, TENTH).await;
    settle_something(&server, 3).await;
    assert_eq!(count(&server, collected.0, collected.1).await, 0, "nobody has stake that it could flow to");

    let validator = server.app.node.validators().unwrap().iter().next().unwrap().address;
    let approve = AIToken::approveCall { spender: STAKING_ADDRESS, value: U256::MAX };
    staker.send(&server, AI_TOKEN_ADDRESS, approve.abi_encode()).await;
    let delegate = Staking::delegateCall { validator, amount: U256::from(ATTO_PER_AIT) };
    staker.send(&server, STAKING_ADDRESS, delegate.abi_encode()).await;
    until_counted(&server, collected.0, collected.1, 1).await;
    assert_eq!(server.app.node.stake_rewards().await.unwrap().unwrap().uncollected, Amount::ZERO);

    pay_in(&server, &staker, TENTH).await;
    server.stop().await;
    let server = TestServer::start_with(eager(folder.path())).await;
    settle_something(&server, 4).await;
    assert_eq!(count(&server, collected.0, collected.1).await, 1, "the period is not over");
    let rewards = server.app.node.stake_rewards().await.unwrap().unwrap();
    assert_eq!(rewards.uncollected, Amount::from_atto(TENTH));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_of_paid_jobs_are_distributed_once_in_a_period_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(eager(folder.path())).await;
    // One for each of the two accounts that share the fees.
    let paid = (JOB_ESCROW_ADDRESS, JobEscrow::FeePaid::SIGNATURE_HASH);
    let buyer = Buyer::with_deposit(&server, 2).await;
    assert_eq!(count(&server, paid.0, paid.1).await, 0, "there were no fees, and a transaction was sent for them");
    let mut worker = server.connect_worker().await;
    let (id, _) = buyer.buy(&server, &text_job()).await;
    write_one(&server, &mut worker).await;
    paid_job(&server, &id, "settled").await;
    until_counted(&server, paid.0, paid.1, 2).await;
    // Half of 0.00018 AIT.
    let staking = server.app.node.token_balance(STAKING_ADDRESS).await.unwrap();
    assert_eq!(staking.to_string(), "0.00009");

    let (id, _) = buyer.buy(&server, &text_job()).await;
    write_one(&server, &mut worker).await;
    paid_job(&server, &id, "settled").await;
    drop(worker);
    server.stop().await;
    let server = TestServer::start_with(eager(folder.path())).await;
    settle_something(&server, 3).await;
    assert_eq!(count(&server, paid.0, paid.1).await, 2, "the period is not over");
    assert_eq!(server.app.node.token_balance(STAKING_ADDRESS).await.unwrap(), staking);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn little_is_left_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let upkeep = UpkeepTerms { look_every_ms: 0, ..UpkeepTerms::default() };
    let server = TestServer::start_with(Config { upkeep, ..config(folder.path()) }).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let mut worker = server.connect_worker().await;
    let (id, _) = buyer.buy(&server, &text_job()).await;
    write_one(&server, &mut worker).await;
    paid_job(&server, &id, "settled").await;
    drop(worker);
    while server.app.hub.board().miners().next().is_some() {
        tokio::task::yield_now().await;
    }
    settle_something(&server, 3).await;
    assert_eq!(count(&server, JOB_ESCROW_ADDRESS, JobEscrow::FeePaid::SIGNATURE_HASH).await, 0);
    server.stop().await;
}

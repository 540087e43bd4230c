//! What one provider may mint of an epoch.

use alloy_primitives::U256;
use contracts::{AITokenMinter, GenesisParameters};

use crate::evm::{Evm, GENESIS_UNIX};
use crate::receipts::{
    ADMIN, AIT, EPOCH_CAP, EPOCH_SECONDS, RELAYER, Signer, is_used, miner, mint, mint_batch, parameters, receipt,
    signed, signed_by,
};

const CAP: u128 = EPOCH_CAP / 10;

fn capped_chain() -> Evm {
    Evm::with_genesis(&GenesisParameters { provider_epoch_cap_atto: CAP, ..parameters() })
}

#[test]
fn a_provider_mints_its_share_and_not_one_atto_more_while_others_still_may() {
    let mut evm = capped_chain();
    let provider = miner().address();
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 100_000_000, AIT)))).unwrap();
    assert_eq!(evm.read_minter(&AITokenMinter::remainingOfCall { provider }), U256::ZERO);

    let one_atto = signed(receipt(2, 1_000_000, 1));
    let expected = AITokenMinter::ProviderCapExceeded {
        receiptHash: one_atto.receipt.receiptHash,
        provider,
        amount: U256::from(1),
        remaining: U256::ZERO,
    };
    assert_eq!(evm.send_minter(RELAYER, &mint(&one_atto)).unwrap_err(), expected.into());
    assert!(!is_used(&evm, &one_atto.receipt));

    let other = Signer::new(2);
    evm.send_minter(RELAYER, &mint(&signed_by(&other, receipt(3, 100_000_000, AIT)))).unwrap();
    assert_eq!(evm.balance(other.address()), U256::from(CAP));
    assert_eq!(evm.balance(provider), U256::from(CAP));

    evm.now_unix = GENESIS_UNIX + EPOCH_SECONDS;
    assert_eq!(evm.read_minter(&AITokenMinter::remainingOfCall { provider }), U256::from(CAP));
    evm.send_minter(RELAYER, &mint(&one_atto)).unwrap();
}

#[test]
fn a_batch_counts_its_own_receipts_against_the_provider() {
    let mut evm = capped_chain();
    let receipts: Vec<_> = (0..3).map(|seed| signed(receipt(seed, 40_000_000, AIT))).collect();
    let expected = AITokenMinter::ProviderCapExceeded {
        receiptHash: receipts[2].receipt.receiptHash,
        provider: miner().address(),
        amount: U256::from(40 * AIT),
        remaining: U256::from(20 * AIT),
    };
    assert_eq!(evm.send_minter(RELAYER, &mint_batch(&receipts)).unwrap_err(), expected.into());
    assert_eq!(evm.supply(), U256::ZERO);
}

#[test]
fn a_new_cap_counts_for_the_running_epoch() {
    let mut evm = capped_chain();
    let provider = miner().address();
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 50_000_000, AIT)))).unwrap();
    evm.send_minter(ADMIN, &AITokenMinter::setProviderEpochCapCall { providerEpochCap_: 10 * AIT }).unwrap();
    assert_eq!(evm.read_minter(&AITokenMinter::remainingOfCall { provider }), U256::ZERO);
    evm.send_minter(ADMIN, &AITokenMinter::setProviderEpochCapCall { providerEpochCap_: 60 * AIT }).unwrap();
    assert_eq!(evm.read_minter(&AITokenMinter::remainingOfCall { provider }), U256::from(10 * AIT));

    // A shorter epoch goes on with what was minted in it.
    evm.send_minter(ADMIN, &AITokenMinter::setEpochSecondsCall { epochSeconds_: 60 }).unwrap();
    assert_eq!(evm.read_minter(&AITokenMinter::remainingOfCall { provider }), U256::from(10 * AIT));
}

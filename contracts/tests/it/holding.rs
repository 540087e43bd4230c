//! What is minted is held, released when it is due, and voided by the attesters until then.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolStruct;
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, AITokenMinter, GenesisParameters};

use crate::evm::{Evm, GENESIS_UNIX, events};
use crate::receipts::{
    ADMIN, AIT, JobReceipt, RELAYER, Signer, attesters, is_used, miner, mint, parameters, receipt, release, signed,
    signed_by, void, void_digest,
};

const HOLD_SECONDS: u64 = 86_400;
/// A hold of a day that begins at the first second of a day ends with the next.
const DUE_UNIX: u64 = GENESIS_UNIX + HOLD_SECONDS;

fn holding_chain() -> Evm {
    Evm::with_genesis(&GenesisParameters { hold_seconds: HOLD_SECONDS, ..parameters() })
}

fn is_voided(evm: &Evm, receipt: &JobReceipt) -> bool {
    evm.read_minter(&AITokenMinter::voidedReceiptCall { structHash: receipt.eip712_hash_struct() })
}

/// A chain that holds 2 AIT of the receipt.
fn chain_that_holds(receipt: &JobReceipt) -> Evm {
    let mut evm = holding_chain();
    evm.send_minter(RELAYER, &mint(&signed(receipt.clone()))).unwrap();
    assert_eq!(evm.held(receipt.provider), U256::from(2 * AIT));
    evm
}

#[test]
fn what_is_minted_is_held_and_paid_once_when_it_is_due() {
    let receipt = receipt(1, 2_000_000, AIT);
    let (amount, provider) = (U256::from(2 * AIT), miner().address());
    let mut evm = holding_chain();
    let mined = evm.send_minter(RELAYER, &mint(&signed(receipt.clone()))).unwrap();
    let expected =
        AITokenMinter::Held { provider, amount, dueUnix: U256::from(DUE_UNIX), receiptHash: receipt.receiptHash };
    assert_eq!(events::<AITokenMinter::Held>(&mined.logs, AI_TOKEN_MINTER_ADDRESS), [expected]);
    assert_eq!((evm.supply(), evm.balance(AI_TOKEN_MINTER_ADDRESS)), (amount, amount));
    assert_eq!((evm.held(provider), evm.balance(provider)), (amount, U256::ZERO));

    evm.now_unix = DUE_UNIX - 1;
    let early =
        AITokenMinter::HoldNotDue { provider, dueUnix: U256::from(DUE_UNIX), timestamp: U256::from(DUE_UNIX - 1) };
    assert_eq!(evm.send_minter(RELAYER, &release(provider, DUE_UNIX)).unwrap_err(), early.into());

    evm.now_unix = DUE_UNIX;
    let mined = evm.send_minter(RELAYER, &release(provider, DUE_UNIX)).unwrap();
    assert_eq!(mined.value, amount);
    let released = AITokenMinter::Released { provider, amount, dueUnix: U256::from(DUE_UNIX) };
    assert_eq!(events::<AITokenMinter::Released>(&mined.logs, AI_TOKEN_MINTER_ADDRESS), [released]);
    let again = evm.send_minter(RELAYER, &release(provider, DUE_UNIX)).unwrap();
    assert_eq!((again.value, again.logs.len()), (U256::ZERO, 0));
    assert_eq!((evm.held(provider), evm.balance(provider), evm.supply()), (U256::ZERO, amount, amount));
}

#[test]
fn a_provider_has_few_due_times_and_none_is_shorter_than_the_hold() {
    let mut evm = holding_chain();
    let mut due_times = std::collections::BTreeSet::new();
    for (seed, minutes) in (0..24 * 60).step_by(7).enumerate() {
        evm.now_unix = GENESIS_UNIX + minutes * 60;
        let mined = evm.send_minter(RELAYER, &mint(&signed(receipt(seed as u64, 1_000, AIT)))).unwrap();
        let held = events::<AITokenMinter::Held>(&mined.logs, AI_TOKEN_MINTER_ADDRESS);
        let due_unix = held[0].dueUnix.to::<u64>();
        assert!((HOLD_SECONDS..HOLD_SECONDS + HOLD_SECONDS / 24).contains(&(due_unix - evm.now_unix)), "{due_unix}");
        due_times.insert(due_unix);
    }
    assert!(due_times.len() <= 25, "{}", due_times.len());
}

#[test]
fn a_quorum_voids_a_held_receipt_once_with_its_reason() {
    let (bad, good) = (receipt(1, 2_000_000, AIT), receipt(2, 1_000_000, AIT));
    let mut evm = chain_that_holds(&bad);
    evm.send_minter(RELAYER, &mint(&signed(good))).unwrap();
    let mined = evm.send_minter(RELAYER, &void(&bad, DUE_UNIX, "the picture is blank")).unwrap();
    let expected = AITokenMinter::Voided {
        provider: miner().address(),
        amount: U256::from(2 * AIT),
        receiptHash: bad.receiptHash,
        reason: "the picture is blank".to_owned(),
    };
    assert_eq!(events::<AITokenMinter::Voided>(&mined.logs, AI_TOKEN_MINTER_ADDRESS), [expected]);
    let burnt = AIToken::Transfer { from: AI_TOKEN_MINTER_ADDRESS, to: Address::ZERO, value: U256::from(2 * AIT) };
    assert_eq!(events::<AIToken::Transfer>(&mined.logs, AI_TOKEN_ADDRESS), [burnt]);
    assert_eq!(evm.supply(), U256::from(AIT));
    assert!(is_voided(&evm, &bad));

    // Not twice, and it never mints again.
    let not_held = AITokenMinter::ReceiptNotHeld { receiptHash: bad.receiptHash };
    assert_eq!(evm.send_minter(RELAYER, &void(&bad, DUE_UNIX, "again")).unwrap_err(), not_held.into());
    let used = AITokenMinter::ReceiptAlreadyUsed { receiptHash: bad.receiptHash };
    assert_eq!(evm.send_minter(RELAYER, &mint(&signed(bad))).unwrap_err(), used.into());

    evm.now_unix = DUE_UNIX;
    evm.send_minter(RELAYER, &release(miner().address(), DUE_UNIX)).unwrap();
    assert_eq!(evm.balance(miner().address()), U256::from(AIT));
}

#[test]
fn a_void_needs_the_quorum_over_this_receipt_and_reason() {
    let held = receipt(1, 2_000_000, AIT);
    let evm = chain_that_holds(&held);
    let [first, second, _] = attesters();
    let wanted = void_digest(held.receiptHash, "blank");
    let other_reason = void_digest(held.receiptHash, "other");
    let other_receipt = void_digest(receipt(2, 0, 0).receiptHash, "blank");
    let mint_digest = crate::receipts::digest(&held);
    let stranger = Signer::new(9);
    let wrong: Vec<Vec<Bytes>> = vec![
        vec![],
        vec![first.sign(wanted)],
        vec![second.sign(wanted), first.sign(wanted)],
        vec![first.sign(wanted), first.sign(wanted)],
        vec![first.sign(other_reason), second.sign(other_reason)],
        vec![first.sign(other_receipt), second.sign(other_receipt)],
        vec![first.sign(mint_digest), second.sign(mint_digest)],
        vec![stranger.sign(wanted), stranger.sign(wanted)],
    ];
    for signatures in wrong {
        let call = AITokenMinter::voidReceiptCall { attesterSignatures: signatures, ..void(&held, DUE_UNIX, "blank") };
        for caller in [RELAYER, ADMIN] {
            evm.clone().send_minter(caller, &call).unwrap_err().minter();
        }
    }
    let digest =
        evm.read_minter(&AITokenMinter::voidDigestCall { receiptHash: held.receiptHash, reason: "blank".to_owned() });
    assert_eq!(digest, wanted);
    evm.clone().send_minter(RELAYER, &void(&held, DUE_UNIX, "blank")).unwrap();
}

#[test]
fn a_void_takes_the_very_terms_that_minted() {
    let held = receipt(1, 2_000_000, AIT);
    let mut evm = chain_that_holds(&held);
    evm.send_minter(RELAYER, &mint(&signed_by(&Signer::new(2), receipt(2, 9_000_000, AIT)))).unwrap();
    let other = Signer::new(2).address();
    let altered = [
        (JobReceipt { units: U256::from(1_000_000), ..held.clone() }, DUE_UNIX),
        (JobReceipt { provider: other, ..held.clone() }, DUE_UNIX),
        (held.clone(), DUE_UNIX + 1),
        (receipt(3, 2_000_000, AIT), DUE_UNIX),
    ];
    for (receipt, due_unix) in altered {
        let expected = AITokenMinter::ReceiptNotHeld { receiptHash: receipt.receiptHash };
        assert_eq!(evm.send_minter(RELAYER, &void(&receipt, due_unix, "x")).unwrap_err(), expected.into());
    }
    assert_eq!(evm.supply(), U256::from(11 * AIT));
}

#[test]
fn what_was_released_or_paid_at_once_cannot_be_voided() {
    let held = receipt(1, 2_000_000, AIT);
    let mut evm = chain_that_holds(&held);
    evm.send_minter(ADMIN, &AITokenMinter::setHoldSecondsCall { holdSeconds_: 0 }).unwrap();
    // Something is due and still held at the very second in which another receipt is paid at once.
    evm.now_unix = DUE_UNIX;
    let at_once = receipt(2, 1_000_000, AIT);
    evm.send_minter(RELAYER, &mint(&signed(at_once.clone()))).unwrap();
    for due_unix in [0, DUE_UNIX] {
        let expected = AITokenMinter::ReceiptNotHeld { receiptHash: at_once.receiptHash };
        assert_eq!(evm.send_minter(RELAYER, &void(&at_once, due_unix, "x")).unwrap_err(), expected.into());
    }
    evm.send_minter(RELAYER, &release(miner().address(), DUE_UNIX)).unwrap();
    let expected = AITokenMinter::ReceiptNotHeld { receiptHash: held.receiptHash };
    assert_eq!(evm.send_minter(RELAYER, &void(&held, DUE_UNIX, "x")).unwrap_err(), expected.into());
    assert_eq!(evm.balance(miner().address()), U256::from(3 * AIT));
}

#[test]
fn a_pause_stops_releases_but_no_void() {
    let held = receipt(1, 2_000_000, AIT);
    let mut evm = chain_that_holds(&held);
    evm.send_minter(ADMIN, &AITokenMinter::pauseCall {}).unwrap();
    evm.now_unix = DUE_UNIX + 1;
    let error = evm.send_minter(RELAYER, &release(miner().address(), DUE_UNIX)).unwrap_err();
    assert_eq!(error, AITokenMinter::EnforcedPause {}.into());
    evm.send_minter(RELAYER, &void(&held, DUE_UNIX, "blank")).unwrap();
    assert_eq!(evm.supply(), U256::ZERO);
}

#[test]
fn a_new_hold_leaves_earlier_due_times_as_they_are() {
    let held = receipt(1, 2_000_000, AIT);
    let mut evm = chain_that_holds(&held);
    evm.send_minter(ADMIN, &AITokenMinter::setHoldSecondsCall { holdSeconds_: 60 }).unwrap();
    evm.send_minter(RELAYER, &mint(&signed(receipt(2, 1_000_000, AIT)))).unwrap();
    evm.now_unix += 62;
    let provider = miner().address();
    evm.send_minter(RELAYER, &release(provider, GENESIS_UNIX + 60)).unwrap();
    assert_eq!((evm.balance(provider), evm.held(provider)), (U256::from(AIT), U256::from(2 * AIT)));
}

#[test]
fn holds_reasons_and_releases_have_bounds() {
    let held = receipt(1, 2_000_000, AIT);
    let mut evm = chain_that_holds(&held);
    let maximum = evm.read_minter(&AITokenMinter::MAX_HOLD_SECONDSCall {});
    let too_long = AITokenMinter::setHoldSecondsCall { holdSeconds_: maximum.to::<u64>() + 1 };
    let expected = AITokenMinter::HoldTooLong { holdSeconds: maximum + U256::from(1), maximum };
    assert_eq!(evm.send_minter(ADMIN, &too_long).unwrap_err(), expected.into());

    let maximum = evm.read_minter(&AITokenMinter::MAX_VOID_REASON_BYTESCall {});
    let expected = AITokenMinter::VoidReasonTooLong { given: maximum + U256::from(1), maximum };
    let longest = "x".repeat(maximum.to());
    let error = evm.send_minter(RELAYER, &void(&held, DUE_UNIX, &format!("{longest}x"))).unwrap_err();
    assert_eq!(error, expected.into());

    let maximum = evm.read_minter(&AITokenMinter::MAX_BATCH_RECEIPTSCall {});
    let hold = AITokenMinter::Hold { provider: RELAYER, dueUnix: U256::ZERO };
    let too_many = AITokenMinter::releaseCall { holds: vec![hold; maximum.to::<usize>() + 1] };
    let expected = AITokenMinter::BatchTooLarge { given: maximum + U256::from(1), maximum };
    assert_eq!(evm.send_minter(RELAYER, &too_many).unwrap_err(), expected.into());

    evm.send_minter(RELAYER, &void(&held, DUE_UNIX, &longest)).unwrap();
    assert!(is_used(&evm, &held));
}

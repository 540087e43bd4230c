//! Clients with AIT, their orders, and receipts for the escrow.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use alloy_sol_types::{SolStruct, sol};
use contracts::JobEscrow::{
    CloseReason, FeeRecipient, JobReceipt, PaymentOrder, Reservation, ReservationClosing, ReservationState,
    SignedJobReceipt,
};
use contracts::{AI_TOKEN_ADDRESS, AIToken, AITokenMinter, JOB_ESCROW_ADDRESS, JobEscrow};

use crate::evm::{DEV_CHAIN_ID, EscrowError, Evm, GENESIS_UNIX};
use crate::receipts::{self, AIT, Signer, attesters, domain, miner};

sol! {
    /// ERC-2612.
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
}

/// What each client has at first, on its own account.
pub(super) const FUNDS: u128 = 100 * AIT;
pub(super) const DAY_SECONDS: u64 = 86_400;
pub(super) const EXIT_DELAY_SECONDS: u64 = 7 * DAY_SECONDS;
pub(super) const ORDER_EXPIRES_AT: u64 = GENESIS_UNIX + 3_600;
pub(super) const MAX_TOTAL: u128 = 10 * AIT;
pub(super) const MAX_UNIT_PRICE: u128 = 2 * AIT;

pub(super) fn client() -> Signer {
    Signer::new(7)
}

pub(super) fn other_client() -> Signer {
    Signer::new(8)
}

/// The hub of every order: the attester that comes first.
pub(super) fn hub() -> Signer {
    attesters()[0].clone()
}

/// The chain of [`receipts::chain`], on which both clients have earned [`FUNDS`].
pub(super) fn chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| funded(receipts::chain(), &attesters()[..2]));
    CHAIN.clone()
}

/// Mints [`FUNDS`] for both clients.
pub(super) fn funded(mut evm: Evm, attesters: &[Signer]) -> Evm {
    for (seed, earner) in [(u64::MAX, client()), (u64::MAX - 1, other_client())] {
        fund(&mut evm, &earner, seed, attesters);
    }
    evm
}

/// Mints [`FUNDS`] for `earner` by a receipt that `seed` makes its own.
pub(super) fn fund(evm: &mut Evm, earner: &Signer, seed: u64, attesters: &[Signer]) {
    let earned = receipts::JobReceipt { provider: earner.address(), ..receipts::receipt(seed, 10_000_000, FUNDS / 10) };
    let digest = receipts::digest(&earned);
    let call = AITokenMinter::mintWithReceiptCall {
        receipt: earned,
        minerSignature: earner.sign(digest),
        attesterSignatures: attesters.iter().map(|attester| attester.sign(digest)).collect(),
    };
    evm.send_minter(receipts::RELAYER, &call).unwrap();
}

/// The same, and the client has deposited all of its AIT.
pub(super) fn chain_with_deposit() -> Evm {
    let mut evm = chain();
    allow_and_deposit(&mut evm, &client(), FUNDS);
    evm
}

/// The same, and `order` is reserved.
pub(super) fn chain_with(order: &PaymentOrder) -> Evm {
    let mut evm = chain_with_deposit();
    evm.send_escrow(order.hub, &reserve(order)).unwrap();
    evm
}

pub(super) fn allow_and_deposit(evm: &mut Evm, client: &Signer, amount: u128) {
    let value = U256::from(amount);
    evm.send_token(client.address(), &AIToken::approveCall { spender: JOB_ESCROW_ADDRESS, value }).unwrap();
    evm.send_escrow(client.address(), &JobEscrow::depositCall { amount: value }).unwrap();
}

pub(super) fn permit(owner: &Signer, amount: u128, nonce: u64, deadline: u64) -> JobEscrow::depositWithPermitCall {
    let (value, deadline) = (U256::from(amount), U256::from(deadline));
    let permit =
        Permit { owner: owner.address(), spender: JOB_ESCROW_ADDRESS, value, nonce: U256::from(nonce), deadline };
    let domain = alloy_sol_types::eip712_domain! {
        name: "AITBC", version: "1", chain_id: DEV_CHAIN_ID, verifying_contract: AI_TOKEN_ADDRESS,
    };
    let signature = owner.sign(permit.eip712_signing_hash(&domain));
    JobEscrow::depositWithPermitCall {
        client: owner.address(),
        amount: value,
        deadline,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
}

pub(super) fn job_id(seed: u64) -> FixedBytes<16> {
    u128::from(seed).to_be_bytes().into()
}

/// An order of the client for one task.
pub(super) fn order(seed: u64) -> PaymentOrder {
    PaymentOrder {
        jobId: job_id(seed),
        client: client().address(),
        hub: hub().address(),
        maxTotal: MAX_TOTAL,
        maxUnitPrice: MAX_UNIT_PRICE,
        unitType: "image".into(),
        tasks: 1,
        startWithinSeconds: 0,
        finishWithinSeconds: 0,
        expiresAt: ORDER_EXPIRES_AT,
    }
}

pub(super) fn escrow_digest(data: &impl SolStruct) -> B256 {
    data.eip712_signing_hash(&domain(DEV_CHAIN_ID, JOB_ESCROW_ADDRESS))
}

pub(super) fn reserve_signed_by(order: &PaymentOrder, signer: &Signer) -> JobEscrow::reserveCall {
    JobEscrow::reserveCall { order: order.clone(), clientSignature: signer.sign(escrow_digest(order)) }
}

pub(super) fn reserve(order: &PaymentOrder) -> JobEscrow::reserveCall {
    let signer = [client(), other_client()].into_iter().find(|signer| signer.address() == order.client);
    reserve_signed_by(order, &signer.unwrap())
}

/// A receipt of `micro_units` images for the order of `seed`, at `unit_price_atto` each.
pub(super) fn work(seed: u64, micro_units: u64, unit_price_atto: u128) -> JobReceipt {
    let receipt = receipts::receipt(seed, micro_units, unit_price_atto);
    JobReceipt { client: client().address(), ..from_minter(receipt) }
}

/// The receipt of shard `number` of the order of `seed`.
pub(super) fn shard(seed: u64, number: usize, micro_units: u64) -> JobReceipt {
    JobReceipt {
        receiptHash: keccak256([seed.to_be_bytes(), (number as u64).to_be_bytes()].concat()),
        taskRole: format!("shard/{number}"),
        ..work(seed, micro_units, AIT)
    }
}

fn from_minter(receipt: receipts::JobReceipt) -> JobReceipt {
    let receipts::JobReceipt { receiptHash, jobId, taskRole, provider, client, units, unitType, unitPrice, expiresAt } =
        receipt;
    JobReceipt { receiptHash, jobId, taskRole, provider, client, units, unitType, unitPrice, expiresAt }
}

/// The same terms as the minter's bindings have them.
pub(super) fn for_minter(receipt: JobReceipt) -> receipts::JobReceipt {
    let JobReceipt { receiptHash, jobId, taskRole, provider, client, units, unitType, unitPrice, expiresAt } = receipt;
    receipts::JobReceipt { receiptHash, jobId, taskRole, provider, client, units, unitType, unitPrice, expiresAt }
}

/// `receipt` signed by the miner and by `attesters` in their order.
pub(super) fn signed_by(receipt: JobReceipt, attesters: &[Signer]) -> SignedJobReceipt {
    let digest = escrow_digest(&receipt);
    SignedJobReceipt {
        minerSignature: miner().sign(digest),
        attesterSignatures: attesters.iter().map(|attester| attester.sign(digest)).collect(),
        receipt,
    }
}

/// `receipt` signed by the miner, the hub and another attester.
pub(super) fn signed(receipt: JobReceipt) -> SignedJobReceipt {
    signed_by(receipt, &attesters()[..2])
}

pub(super) fn settle(signed: &SignedJobReceipt) -> JobEscrow::settleCall {
    let SignedJobReceipt { receipt, minerSignature, attesterSignatures } = signed.clone();
    JobEscrow::settleCall { receipt, minerSignature, attesterSignatures }
}

pub(super) fn settle_batch(receipts: &[SignedJobReceipt]) -> JobEscrow::settleBatchCall {
    JobEscrow::settleBatchCall { receipts: receipts.to_vec() }
}

/// The digest that attesters sign to close, by alloy's EIP-712 and not by the contract.
pub(super) fn closing_digest(client: Address, job_id: FixedBytes<16>, reason: CloseReason) -> B256 {
    escrow_digest(&ReservationClosing { client, jobId: job_id, reason: reason.into() })
}

pub(super) fn close_signed_by(order: &PaymentOrder, reason: CloseReason, attesters: &[Signer]) -> JobEscrow::closeCall {
    let digest = closing_digest(order.client, order.jobId, reason);
    let attester_signatures: Vec<Bytes> = attesters.iter().map(|attester| attester.sign(digest)).collect();
    JobEscrow::closeCall { client: order.client, jobId: order.jobId, reason, attesterSignatures: attester_signatures }
}

pub(super) fn close(order: &PaymentOrder, reason: CloseReason) -> JobEscrow::closeCall {
    close_signed_by(order, reason, &attesters()[..2])
}

/// What of `client`'s deposit is not reserved.
pub(super) fn free(evm: &Evm, client: Address) -> U256 {
    evm.read_escrow(&JobEscrow::balanceOfCall { client })
}

pub(super) fn reservation(evm: &Evm, order: &PaymentOrder) -> Reservation {
    evm.read_escrow(&JobEscrow::reservationCall { client: order.client, jobId: order.jobId })
}

pub(super) fn state(evm: &Evm, order: &PaymentOrder) -> ReservationState {
    reservation(evm, order).state
}

/// AIT that the contract holds.
pub(super) fn held(evm: &Evm) -> U256 {
    evm.balance(JOB_ESCROW_ADDRESS)
}

pub(super) fn accrued(evm: &Evm) -> U256 {
    evm.read_escrow(&JobEscrow::accruedFeesCall {})
}

pub(super) fn recipient(account: Address, basis_points: u16) -> FeeRecipient {
    FeeRecipient { account, basisPoints: basis_points }
}

/// The error of a refused call that changed nothing.
pub(super) fn refusal<C: alloy_sol_types::SolCall>(evm: &mut Evm, from: Address, call: &C) -> EscrowError {
    let before = held(evm);
    let error = evm.send_escrow(from, call).err().unwrap_or_else(|| panic!("{} was taken", C::SIGNATURE)).escrow();
    assert_eq!(held(evm), before);
    error
}

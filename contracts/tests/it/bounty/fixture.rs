//! A pledger with AIT, bounties, and receipts with their documents.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolStruct, eip712_domain, sol};
use contracts::ModelBounty::{Bounty, Claim, Terms};
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, AITokenMinter, MODEL_BOUNTY_ADDRESS, ModelBounty};
use serde_json::Value;

use crate::evm::{BountyError, DEV_CHAIN_ID, Evm};
use crate::receipts::{self, ADMIN, AIT, JobReceipt, RELAYER, Signer, attesters, mint, signed_by, void_digest};

sol! {
    /// ERC-2612.
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
}

/// What the pledger has at first.
pub(crate) const FUNDS: u128 = 100 * AIT;
pub(crate) const HOLD_SECONDS: u64 = 86_400;
pub(crate) const BOUNTY_SECONDS: u64 = 30 * 86_400;
pub(crate) const REWARD: u128 = 5 * AIT;
pub(crate) const MIN_WORK: u128 = AIT;
pub(crate) const MODEL: &str = "aitbc-scenes-1";
pub(crate) const MODEL_DIGEST: B256 = B256::repeat_byte(0xd1);

pub(crate) fn pledger() -> Signer {
    Signer::new(401)
}

/// Miners, each with a key of its own.
pub(crate) fn miner(number: u64) -> Signer {
    Signer::new(500 + number)
}

/// A chain on which the pledger has [`FUNDS`] and lets the contract take them, and which holds what it mints from now on.
pub(crate) fn chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| {
        let mut evm = receipts::chain();
        let earned = signed_by(&pledger(), receipts::receipt(u64::MAX, 10_000_000, FUNDS / 10));
        evm.send_minter(RELAYER, &mint(&earned)).unwrap();
        let approve = AIToken::approveCall { spender: MODEL_BOUNTY_ADDRESS, value: U256::MAX };
        evm.send_token(pledger().address(), &approve).unwrap();
        evm.send_minter(ADMIN, &AITokenMinter::setHoldSecondsCall { holdSeconds_: HOLD_SECONDS }).unwrap();
        evm.now_unix += 1_000;
        evm
    });
    CHAIN.clone()
}

/// Two rewards for the usual model.
pub(crate) fn terms(evm: &Evm) -> Terms {
    Terms {
        modelDigest: MODEL_DIGEST,
        receipts: 2,
        reward: REWARD,
        minWork: MIN_WORK,
        expiresAt: evm.now_unix + BOUNTY_SECONDS,
    }
}

/// Pledges and answers the bounty's id.
pub(crate) fn pledge(evm: &mut Evm, terms: &Terms) -> U256 {
    evm.send_bounty(pledger().address(), &ModelBounty::pledgeCall { terms: terms.clone() }).unwrap().value
}

/// The usual chain with the usual bounty.
pub(crate) fn chain_with_bounty() -> (Evm, U256) {
    let mut evm = chain();
    let terms = terms(&evm);
    let bounty = pledge(&mut evm, &terms);
    (evm, bounty)
}

pub(crate) fn permit(owner: &Signer, terms: &Terms, value: u128) -> ModelBounty::pledgeWithPermitCall {
    let (value, deadline) = (U256::from(value), U256::MAX);
    let permit = Permit { owner: owner.address(), spender: MODEL_BOUNTY_ADDRESS, value, nonce: U256::ZERO, deadline };
    let domain = eip712_domain! {
        name: "AITBC", version: "1", chain_id: DEV_CHAIN_ID, verifying_contract: AI_TOKEN_ADDRESS,
    };
    let signature = owner.sign(permit.eip712_signing_hash(&domain));
    ModelBounty::pledgeWithPermitCall {
        terms: terms.clone(),
        deadline,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
}

/// What a receipt says of its work; the rest is that of the first vector in `shared/tests/vectors/job_receipt.json`.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) seed: u64,
    pub(crate) task_role: String,
    pub(crate) provider: Signer,
    /// The contract that pays it.
    pub(crate) payer: Address,
    /// As they stand between the quotes of the JSON.
    pub(crate) model: String,
    pub(crate) class: String,
    pub(crate) started_at: u64,
    pub(crate) micro_units: u64,
    pub(crate) unit_price: u128,
}

pub(crate) fn class_of(model: &str, digest: B256) -> String {
    format!("{model}@{}/onnxruntime-1.31.1/cpu/x86-64-v3/fp32", hex::encode(digest))
}

/// Work of a miner with the usual model, worth what the usual bounty asks for, which begins now.
pub(crate) fn work(evm: &Evm, seed: u64) -> Work {
    Work {
        seed,
        task_role: "serve".to_owned(),
        provider: miner(seed),
        payer: AI_TOKEN_MINTER_ADDRESS,
        model: MODEL.to_owned(),
        class: class_of(MODEL, MODEL_DIGEST),
        started_at: evm.now_unix,
        micro_units: 1_000_000,
        unit_price: MIN_WORK,
    }
}

impl Work {
    /// The canonical JSON of the receipt.
    pub(crate) fn document(&self) -> Bytes {
        static VECTOR: LazyLock<String> = LazyLock::new(|| {
            let path = test_support::package_folder().join("../shared/tests/vectors/job_receipt.json");
            let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            vectors["cases"][0]["canonical"].as_str().unwrap().to_owned()
        });
        let provider = self.provider.address();
        let changes = [
            (
                r#""contract":"0x0000000000000000000000000000000000a17002""#,
                format!(r#""contract":"{:#x}""#, self.payer),
            ),
            (
                r#""determinism_class":"scenes-1/onnxruntime-1.31.1/cpu/x86-64-v3/fp32""#,
                format!(r#""determinism_class":"{}""#, self.class),
            ),
            (r#""model":"aitbc-scenes-1""#, format!(r#""model":"{}""#, self.model)),
            ("4e4e4e4e4e4e4e4e\",\"prompt", format!("{:016x}\",\"prompt", self.seed)),
            (r#""provider":"0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a""#, format!(r#""provider":"{provider:#x}""#)),
            (r#""started_at":1800000000"#, format!(r#""started_at":{}"#, self.started_at)),
            (r#""task_role":"serve""#, format!(r#""task_role":"{}""#, self.task_role)),
            (r#""unit_price":"100000000000000000""#, format!(r#""unit_price":"{}""#, self.unit_price)),
            (r#""units":"2097152""#, format!(r#""units":"{}""#, self.micro_units)),
        ];
        let changed = changes.iter().fold(VECTOR.clone(), |document, (from, to)| {
            assert_eq!(document.matches(from).count(), 1, "{from} in {document}");
            document.replace(from, to)
        });
        changed.into_bytes().into()
    }

    pub(crate) fn receipt_hash(&self) -> B256 {
        keccak256(self.document())
    }

    /// The claim that miner and attesters sign.
    pub(crate) fn receipt(&self) -> JobReceipt {
        JobReceipt {
            receiptHash: self.receipt_hash(),
            provider: self.provider.address(),
            taskRole: self.task_role.clone(),
            ..receipts::receipt(self.seed, self.micro_units, self.unit_price)
        }
    }

    /// Mints for it; answers until when that is held, 0 where it is not.
    pub(crate) fn mint(&self, evm: &mut Evm) -> u64 {
        mint_document(evm, &self.provider, self.receipt())
    }

    pub(crate) fn claim(&self, bounty: U256) -> ModelBounty::claimCall {
        claim_with(bounty, self.receipt(), self.document())
    }

    pub(crate) fn settle(&self, bounty: U256) -> ModelBounty::settleCall {
        ModelBounty::settleCall { bountyId: bounty, provider: self.provider.address() }
    }

    /// Mints and claims for it; answers from when on it is paid.
    pub(crate) fn earn(&self, evm: &mut Evm, bounty: U256) -> u64 {
        self.mint(evm);
        evm.send_bounty(self.provider.address(), &self.claim(bounty)).unwrap().value
    }

    pub(crate) fn refused(&self, evm: &mut Evm, bounty: U256) -> BountyError {
        refusal(evm, &self.provider, &self.claim(bounty))
    }

    pub(crate) fn rejection(&self, bounty: U256, reason: &str, signers: &[Signer]) -> ModelBounty::rejectCall {
        let digest = void_digest(self.receipt_hash(), reason);
        ModelBounty::rejectCall {
            bountyId: bounty,
            provider: self.provider.address(),
            reason: reason.to_owned(),
            attesterSignatures: signers.iter().map(|signer| signer.sign(digest)).collect(),
        }
    }
}

pub(crate) fn claim_with(bounty: U256, receipt: JobReceipt, document: Bytes) -> ModelBounty::claimCall {
    let JobReceipt { receiptHash, jobId, taskRole, provider, client, units, unitType, unitPrice, expiresAt } = receipt;
    let receipt = ModelBounty::JobReceipt {
        receiptHash,
        jobId,
        taskRole,
        provider,
        client,
        units,
        unitType,
        unitPrice,
        expiresAt,
    };
    ModelBounty::claimCall { bountyId: bounty, receipt, document }
}

pub(crate) fn mint_document(evm: &mut Evm, provider: &Signer, receipt: JobReceipt) -> u64 {
    let minted = evm.send_minter(RELAYER, &mint(&signed_by(provider, receipt))).unwrap();
    let held = crate::evm::events::<AITokenMinter::Held>(&minted.logs, contracts::AI_TOKEN_MINTER_ADDRESS);
    held.first().map_or(0, |held| held.dueUnix.to())
}

pub(crate) fn refusal<C: SolCall>(evm: &mut Evm, from: &Signer, call: &C) -> BountyError
where
    C::Return: core::fmt::Debug,
{
    evm.send_bounty(from.address(), call).unwrap_err().bounty()
}

pub(crate) fn refund(bounty: U256) -> ModelBounty::refundCall {
    ModelBounty::refundCall { bountyId: bounty }
}

pub(crate) fn known(evm: &Evm, bounty: U256) -> Bounty {
    evm.read_bounty(&ModelBounty::bountiesCall { bountyIds: vec![bounty] }).remove(0)
}

pub(crate) fn claim_of(evm: &Evm, bounty: U256, provider: &Signer) -> Claim {
    evm.read_bounty(&ModelBounty::claimOfCall { bountyId: bounty, provider: provider.address() })
}

/// What the contract holds, in attoAIT.
pub(crate) fn pledged(evm: &Evm) -> u128 {
    evm.balance(MODEL_BOUNTY_ADDRESS).to()
}

pub(crate) fn two_attesters() -> [Signer; 2] {
    let [first, second, _] = attesters();
    [first, second]
}

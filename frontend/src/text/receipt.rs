//! Words about job receipts; every field is explained once, here.

use std::borrow::Cow;

use shared::api::receipts::{HoldState, SettlementState};
use shared::job::task::TaskRole;
use shared::unit::UnitType;

pub const TITLE: &str = "Receipt";
pub const LIST_TITLE: &str = "Receipts";
pub const LIST_FACT: &str =
    "One receipt per served job, signed by the miner and attested by the hub. Nothing else mints AIT.";
pub const EMPTY_TITLE: &str = "No receipt yet";
pub const EMPTY_DETAIL: &str = "The first served job makes the first receipt, and its mint the first token.";
pub const FIELDS: &str = "What it states";
pub const SIGNATURES: &str = "Who signed it";

pub const HASH: &str = "Receipt hash";
pub const HASH_HELP: &str =
    "keccak256 of the receipt’s canonical JSON (RFC 8785). Change one character and it is another hash.";
pub const JOB: &str = "Job";
pub const JOB_HELP: &str = "The job that was served.";
pub const TASK: &str = "Task";
pub const TASK_HELP: &str = "What the miner did for the job. Each task of a job has at most one receipt.";
pub const PROVIDER: &str = "Provider";
pub const PROVIDER_HELP: &str = "The miner that did the work and receives the tokens.";
pub const CLIENT: &str = "Client";
pub const CLIENT_HELP: &str = "Who asked for it. Where the hub sponsored the job, this is the hub itself.";
pub const UNITS: &str = "Units";
pub const UNIT_PRICE: &str = "Unit price";
pub const UNIT_PRICE_HELP: &str = "What the miner asks per unit; the minter has a ceiling for it.";
pub const AMOUNT: &str = "Amount";
pub const AMOUNT_HELP: &str = "Units × unit price, rounded down: exactly what the receipt mints.";
pub const MODEL: &str = "Model";
pub const MODEL_HELP: &str =
    "The model that did the work, by its name; its files are pinned by hash in the miner’s offer.";
pub const PROMPT_COMMITMENT: &str = "Prompt, sealed";
pub const PROMPT_COMMITMENT_HELP: &str = "A hash of the prompt and of the job’s secret salt. Anybody who is shown both can check it on the receipt’s page; nobody finds the prompt by guessing.";
pub const STARTED: &str = "Started";
pub const FINISHED: &str = "Finished";
pub const TIMES_HELP: &str = "The miner’s clock, in whole seconds; the hub checks that the work fits between.";
pub const EXPIRES: &str = "Expires";
pub const EXPIRES_HELP: &str = "Until then the contract pays the receipt. Tokens that it minted before stay.";
pub const NONCE: &str = "Nonce";
pub const NONCE_HELP: &str = "32 random bytes, so that two equal jobs never share a receipt hash.";
pub const HUB: &str = "Hub";
pub const HUB_HELP: &str = "The hub that matched the job and attests the receipt.";
pub const CHAIN: &str = "Chain";
pub const CHAIN_HELP: &str = "The receipt is void on any other chain.";
pub const DETERMINISM: &str = "Determinism class";
pub const DETERMINISM_HELP: &str =
    "Model, engine and processor. Miners of one class make identical bits, so one can check another.";
pub const TRACE: &str = "Steps, sealed";
pub const TRACE_HELP: &str = "A hash of every denoising step and of the job’s salt, so that one step can be audited.";
pub const HOLD: &str = "Hold";
pub const HOLD_HELP: &str = "The minter holds what it mints for a while, so that an audit finds something to take. Then it is paid to the miner.";
pub const SETTLEMENT: &str = "Settlement";
pub const MINER_SIGNATURE: &str = "Miner’s signature";
pub const MINER_SIGNATURE_HELP: &str = "secp256k1 over the EIP-712 struct JobReceipt, which binds hash, job, task, provider, client, units, price and expiry.";
pub const ATTESTATION: &str = "Attestation";
pub const ATTESTATION_HELP: &str = "The hub’s signature over the same struct.";
pub const CONTRACT: &str = "Contract";
pub const CONTRACT_HELP: &str =
    "The contract that checks both signatures and pays, once. The receipt is void for any other.";
pub const VERSION: &str = "Version";
pub const VERSION_HELP: &str = "The version of the receipt’s format.";

pub const VERIFY: &str = "Verify in this browser";
pub const VERIFY_HELP: &str = "Your browser computes the hash, recovers both signers, and follows the proof from the chain’s first block over the validators’ signatures to the event that paid it. It takes nobody’s word for it.";
pub const VERIFYING: &str = "Checking";
pub const VERIFY_AGAIN: &str = "Check again";
pub const HOLDS: &str = "Everything holds";
pub const BROKEN: &str = "This receipt does not hold";
pub const CHECK_HASH: &str = "The canonical receipt has the stated hash";
pub const CHECK_MINER: &str = "The miner’s signature is the provider’s";
pub const CHECK_HUB: &str = "The attestation is the attester’s";
pub const CHECK_MINTED: &str = "The chain has used this receipt, once";
pub const CHECK_VALIDATORS: &str = "The chain’s block 0 names its validators";
pub const CHECK_FINAL: &str = "More than two thirds of them signed the block, so it is final";
pub const CHECK_NOT_FINAL: &str = "No block has its transaction yet";
pub const CHECK_EVENT: &str = "The block has the contract’s event about this receipt";
pub const CHECK_NOT_MINTED: &str = "The chain has not used this receipt yet";

pub const OPEN: &str = "Open what is sealed";
pub const OPEN_HELP: &str = "The receipt tells neither prompt nor result. Who may see the job finds its salt there. With salt and prompt you can check here, in your browser, that they are this receipt’s. For a conversation, or for texts to embed, the prompt is their canonical JSON.";
pub const SALT: &str = "Salt of the job";
pub const PROMPT: &str = "Prompt";
pub const RESULT_SHA256: &str = "SHA-256 of the result’s file, if you have it";
pub const OPEN_NOW: &str = "Check";
pub const NO_SALT: &str = "A salt is 0x and 64 hex digits";
pub const NO_SHA256: &str = "A SHA-256 is 64 hex digits in lower case";
pub const PROMPT_OPENS: &str = "This is the prompt of the receipt";
pub const PROMPT_DIFFERS: &str = "This prompt with this salt is not the receipt’s";
pub const RESULT_OPENS: &str = "This is the result of the receipt";
pub const RESULT_DIFFERS: &str = "This result with this salt is not the receipt’s";

/// What one counts to know how much work was done.
pub const fn units_help(unit_type: UnitType) -> &'static str {
    match unit_type {
        UnitType::MegapixelStep => {
            "The work done: width × height × steps, in millions of pixels. A slow miner earns no more than a fast one."
        }
        UnitType::Token => {
            "The work done: the tokens that the model read and wrote. A slow miner earns no more than a fast one."
        }
    }
}

/// What a task does for its job.
pub fn task_role(role: TaskRole) -> Cow<'static, str> {
    match role {
        TaskRole::Serve => "the whole job".into(),
        TaskRole::Shard(number) => format!("part {} of the job", u32::from(number) + 1).into(),
        TaskRole::Audit => "a check of another miner’s result".into(),
        TaskRole::ThirdOpinion => "a third opinion on a result that two miners dispute".into(),
        TaskRole::ShardAudit(number) => format!("a check of part {} of the job", u32::from(number) + 1).into(),
        TaskRole::ShardThirdOpinion(number) => {
            format!("a third opinion on part {} of the job, which two miners dispute", u32::from(number) + 1).into()
        }
    }
}

/// The name of the result’s hash, and what it is good for.
pub const fn artifact(unit_type: UnitType) -> (&'static str, &'static str) {
    match unit_type {
        UnitType::MegapixelStep => (
            "Picture, sealed",
            "A hash of the picture’s file and of the job’s salt: the receipt stands for this picture and no other.",
        ),
        UnitType::Token => (
            "Result, sealed",
            "A hash of the result’s file and of the job’s salt: the receipt stands for this result and no other.",
        ),
    }
}

/// Where the amount is; `due` is a moment in words.
pub fn hold(state: HoldState, due: &str) -> String {
    match state {
        HoldState::Paid => "paid at once".to_owned(),
        HoldState::Held => format!("held until {due}"),
        HoldState::Releasing => format!("due since {due}; the payment is on its way"),
        HoldState::Released => format!("held until {due}, then paid"),
        HoldState::Voided => "taken back by the attesters, and burnt".to_owned(),
    }
}

pub const fn settlement(state: SettlementState) -> &'static str {
    match state {
        SettlementState::Pending => "waits for a batch",
        SettlementState::Submitted => "in a transaction",
        SettlementState::Minted => "minted",
        SettlementState::Settled => "paid from escrow",
        SettlementState::Refused => "refused",
    }
}
pub const DOMAIN: &str = "Signing domain";
pub const PROOF: &str = "Proof";
pub const NOT_VERIFIED: &str = "It could not be checked here";
pub const DOES_NOT_HOLD: &str = ": no";
pub const REFUSED_TITLE: &str = "The minter refused it";

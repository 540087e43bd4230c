use alloy_primitives::{Address, B256, Bytes};
use chain::{Block, CommitCertificate, IncludedTransaction, SignedTransaction};
use serde::{Deserialize, Serialize};
use shared::amount::Amount;

use crate::peers::PeerState;
use crate::staking::ValidatorPower;

/// Most waiting transactions of each sort that are listed; the counts count all.
pub(crate) const MAX_LISTED_TRANSACTIONS: usize = 1_000;

/// The last block, and which chain this is.
#[derive(Clone, Debug, Serialize)]
pub struct HeadBody {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of block 0.
    pub genesis_hash: B256,
    /// Height of the last block.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block before it.
    pub parent_hash: B256,
    /// Merkle-Patricia root of all accounts after it.
    pub state_root: B256,
    /// Its time, in unix seconds.
    pub timestamp_unix_s: u64,
    /// Transactions in all blocks up to and including it.
    pub transaction_count_total: u64,
}

/// A block with its transactions and the proof that it was decided.
#[derive(Clone, Debug, Serialize)]
pub struct BlockBody {
    /// Height.
    pub number: u64,
    /// Ethereum's block hash.
    pub hash: B256,
    /// The hash of the block before it.
    pub parent_hash: B256,
    /// Time, in unix seconds.
    pub timestamp_unix_s: u64,
    /// Who proposed it.
    pub producer: Address,
    /// Root of all accounts after it.
    pub state_root: B256,
    /// Root of its transactions.
    pub transactions_root: B256,
    /// Root of its receipts.
    pub receipts_root: B256,
    /// Gas used by its transactions.
    pub gas_used: u64,
    /// Gas they could have used.
    pub gas_limit: u64,
    /// Size of its encoding, in bytes.
    pub size_bytes: usize,
    /// Its transactions, in order.
    pub transactions: Vec<TransactionBody>,
    /// Signatures of those who decided it; absent for genesis.
    pub certificate: Option<CertificateBody>,
}

/// See [`CommitCertificate`].
#[derive(Clone, Debug, Serialize)]
pub struct CertificateBody {
    /// Round of the height in which the block was decided.
    pub round: u32,
    /// At most one signature of each validator, of more than two thirds of the voting power.
    pub signatures: Vec<SignatureBody>,
}

/// One validator's signature over a commit.
#[derive(Clone, Debug, Serialize)]
pub struct SignatureBody {
    /// Whose signature.
    pub validator: Address,
    /// r ‖ s ‖ v over the EIP-712 `Commit`.
    pub signature: Bytes,
}

/// A transaction, waiting or on the chain.
#[derive(Clone, Debug, Serialize)]
pub struct TransactionBody {
    /// Keccak-256 of the encoding.
    pub hash: B256,
    /// `waiting`, `succeeded` or `failed`.
    pub state: &'static str,
    /// The sender.
    pub from: Address,
    /// The called account; absent for a creation.
    pub to: Option<Address>,
    /// The sender's count of transactions before it.
    pub nonce: u64,
    /// Wei sent along, in decimal.
    pub value_wei: String,
    /// Gas it may use.
    pub gas_limit: u64,
    /// Call data.
    pub input: Bytes,
    /// What the chain says of it, once it is in a block.
    #[serde(flatten)]
    pub outcome: Option<OutcomeBody>,
}

/// What executing a transaction gave.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeBody {
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Position in the block.
    pub transaction_index: u32,
    /// Time of its block, in unix seconds.
    pub timestamp_unix_s: u64,
    /// Gas it used.
    pub gas_used: u64,
    /// The contract it made.
    pub contract_address: Option<Address>,
    /// Why it failed, as the contract said.
    pub failure: Option<String>,
    /// Its events.
    pub logs: Vec<LogBody>,
}

/// An event.
#[derive(Clone, Debug, Serialize)]
pub struct LogBody {
    /// The emitting contract.
    pub address: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Bytes,
    /// Position among all events of the block.
    pub log_index: u64,
}

/// What an account holds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BalanceBody {
    pub(crate) address: Address,
    /// AIT, in attoAIT.
    pub(crate) ait: Amount,
    /// The native coin, in wei; nobody holds any while gas is free.
    pub(crate) native_wei: String,
    pub(crate) nonce: u64,
    pub(crate) block_number: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct MempoolBody {
    pub(crate) ready_count: usize,
    pub(crate) queued_count: usize,
    pub(crate) ready: Vec<TransactionBody>,
    pub(crate) queued: Vec<TransactionBody>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct NetworkBody {
    pub(crate) chain_id: u64,
    pub(crate) genesis_hash: B256,
    pub(crate) version: &'static str,
    /// The other validators to which a connection is open.
    pub(crate) peers: usize,
    /// The other validators that this one speaks with.
    pub(crate) validators: Vec<PeerBody>,
    /// Why no blocks can be made now.
    pub(crate) fault: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PeerBody {
    pub(crate) address: Address,
    pub(crate) connected: bool,
}

impl From<PeerState> for PeerBody {
    fn from(PeerState { address, is_connected }: PeerState) -> Self {
        Self { address, connected: is_connected }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ValidatorBody {
    pub(crate) address: Address,
    /// Its weight: the base and a unit for each whole AIT of stake.
    pub(crate) voting_power: u64,
    /// What the authority gave it.
    pub(crate) base_power: u64,
    /// AIT that the validator itself has staked.
    pub(crate) own_stake: Amount,
    /// AIT that others have staked with it.
    pub(crate) delegated_stake: Amount,
}

impl From<ValidatorPower> for ValidatorBody {
    fn from(power: ValidatorPower) -> Self {
        let ValidatorPower { address, voting_power, base_power, own_stake, delegated_stake } = power;
        Self { address, voting_power, base_power, own_stake, delegated_stake }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct BlocksBody {
    pub(crate) blocks: Vec<BlockBody>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct DecidedBlocksBody {
    /// RLP of each block with its certificate, in hexadecimal.
    pub(crate) blocks: Vec<Bytes>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// RLP of a block with its certificate, in hexadecimal.
    pub(crate) block: Bytes,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ImportedBody {
    /// `imported` or `exists`.
    pub(crate) outcome: &'static str,
    pub(crate) number: u64,
    pub(crate) hash: B256,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlocksQuery {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmitBody {
    /// The EIP-2718 encoding in hexadecimal.
    pub(crate) raw: Bytes,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct AcceptedBody {
    pub(crate) hash: B256,
}

impl BlockBody {
    pub(crate) fn new(
        block: &Block,
        transactions: Vec<TransactionBody>,
        certificate: Option<CommitCertificate>,
    ) -> Self {
        let header = &block.header;
        Self {
            number: header.number,
            hash: header.hash(),
            parent_hash: header.parent_hash,
            timestamp_unix_s: header.timestamp,
            producer: header.beneficiary,
            state_root: header.state_root,
            transactions_root: header.transactions_root,
            receipts_root: header.receipts_root,
            gas_used: header.gas_used,
            gas_limit: header.gas_limit,
            size_bytes: block.size_bytes(),
            transactions,
            certificate: certificate.map(CertificateBody::from),
        }
    }
}

impl BlockBody {
    /// About what its transactions and events take.
    pub(crate) fn memory_bytes(&self) -> usize {
        let logs = |body: &TransactionBody| {
            body.outcome.iter().flat_map(|outcome| &outcome.logs).map(LogBody::bytes).sum::<usize>()
        };
        self.transactions.iter().map(|body| size_of::<TransactionBody>() + body.input.len() + logs(body)).sum()
    }
}

impl LogBody {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.topics.len() * size_of::<B256>() + self.data.len()
    }
}

impl From<CommitCertificate> for CertificateBody {
    fn from(certificate: CommitCertificate) -> Self {
        let signatures = certificate.signatures.into_iter();
        Self {
            round: certificate.round,
            signatures: signatures
                .map(|signed| SignatureBody { validator: signed.validator, signature: signed.signature })
                .collect(),
        }
    }
}

impl TransactionBody {
    pub(crate) fn waiting(transaction: &SignedTransaction) -> Self {
        Self::new(transaction, "waiting", None)
    }

    pub(crate) fn included(included: &IncludedTransaction) -> Self {
        let receipt = &included.receipt;
        let logs = (receipt.first_log_index..)
            .zip(&receipt.logs)
            .map(|(log_index, log)| LogBody {
                address: log.address,
                topics: log.topics().to_vec(),
                data: log.data.data.clone(),
                log_index,
            })
            .collect();
        let outcome = OutcomeBody {
            block_number: included.place.height,
            block_hash: included.block_hash,
            transaction_index: included.place.index,
            timestamp_unix_s: included.block_timestamp_unix_s,
            gas_used: receipt.gas_used,
            contract_address: receipt.contract_address,
            failure: (!receipt.success)
                .then(|| chain::revert_reason(&receipt.revert_data).unwrap_or_else(|| receipt.revert_data.to_string())),
            logs,
        };
        let state = if receipt.success { "succeeded" } else { "failed" };
        Self::new(&included.transaction, state, Some(outcome))
    }

    fn new(transaction: &SignedTransaction, state: &'static str, outcome: Option<OutcomeBody>) -> Self {
        Self {
            hash: transaction.hash(),
            state,
            from: transaction.sender(),
            to: transaction.to(),
            nonce: transaction.nonce(),
            value_wei: transaction.value().to_string(),
            gas_limit: transaction.gas_limit(),
            input: transaction.input().clone(),
            outcome,
        }
    }
}

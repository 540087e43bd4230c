//! From a block and its receipts to the rows of the index. Pure.

use alloy_primitives::{Address, B256, Log, U256, b256};
use alloy_sol_types::SolEvent as _;
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use node::chain::{Block, SignedTransaction, TransactionReceipt};
use shared::amount::Amount;
use shared::time::UnixSeconds;
use store::record::index::{IndexedBlock, IndexedTransaction, IndexedTransfer};

/// Keccak-256 of `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Bytes of a topic before the address that it holds.
const TOPIC_PADDING: usize = 12;

/// What a block brings to the index.
pub fn block(block: &Block, receipts: &[TransactionReceipt]) -> IndexedBlock {
    let header = &block.header;
    let transactions: Vec<_> = (0..)
        .zip(block.transactions.iter().zip(receipts))
        .map(|(position, (transaction, receipt))| indexed(position, transaction, receipt))
        .collect();
    let sum = |amounts: &mut dyn Iterator<Item = u128>| Amount::from_atto(amounts.fold(0, u128::saturating_add));
    let of_ait = || {
        let transfers = transactions.iter().flat_map(|transaction| &transaction.transfers);
        transfers.filter(|transfer| transfer.token == AI_TOKEN_ADDRESS)
    };
    let issued = of_ait().filter(|transfer| transfer.from == Address::ZERO);
    let burnt = of_ait().filter(|transfer| transfer.to == Address::ZERO);
    IndexedBlock {
        number: header.number,
        hash: header.hash(),
        at: UnixSeconds(header.timestamp),
        producer: header.beneficiary,
        gas_used: header.gas_used,
        minted: sum(&mut transactions.iter().map(|transaction| transaction.minted.atto())),
        issued: sum(&mut issued.map(|transfer| atto(transfer.amount))),
        burnt: sum(&mut burnt.map(|transfer| atto(transfer.amount))),
        transactions,
    }
}

fn indexed(position: u32, transaction: &SignedTransaction, receipt: &TransactionReceipt) -> IndexedTransaction {
    let minted = receipt.logs.iter().filter_map(minted).fold(0, u128::saturating_add);
    let numbered = (receipt.first_log_index..).zip(&receipt.logs);
    IndexedTransaction {
        hash: transaction.hash(),
        position,
        from: transaction.sender(),
        to: transaction.to(),
        created: receipt.contract_address,
        succeeded: receipt.success,
        selector: transaction.to().and_then(|_| transaction.input().first_chunk().copied()),
        nonce: transaction.nonce(),
        gas_used: receipt.gas_used,
        value_wei: transaction.value(),
        minted: Amount::from_atto(minted),
        transfers: numbered.filter_map(|(log_index, log)| transfer(log_index, log)).collect(),
    }
}

/// AttoAIT of a `Minted` event of the minter; anybody else's event of that name counts nothing.
fn minted(log: &Log) -> Option<u128> {
    if log.address != AI_TOKEN_MINTER_ADDRESS {
        return None;
    }
    let event = AITokenMinter::Minted::decode_raw_log(log.topics(), &log.data.data).ok()?;
    Some(atto(event.amount))
}

/// A `Transfer` as ERC-20 has it: two indexed accounts, one amount. ERC-721 indexes its third field too.
pub fn transfer(log_index: u64, log: &Log) -> Option<IndexedTransfer> {
    let [topic, from, to] = log.topics() else { return None };
    if *topic != TRANSFER {
        return None;
    }
    let amount = <[u8; 32]>::try_from(log.data.data.as_ref()).ok()?;
    Some(IndexedTransfer {
        log_index,
        token: log.address,
        from: account(from)?,
        to: account(to)?,
        amount: U256::from_be_bytes(amount),
    })
}

/// The address in a topic; a topic with more in it names none.
fn account(topic: &B256) -> Option<Address> {
    (topic[..TOPIC_PADDING] == [0; TOPIC_PADDING]).then(|| Address::from_word(*topic))
}

/// Our contracts keep amounts below 2^128.
fn atto(amount: U256) -> u128 {
    u128::try_from(amount).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, LogData, keccak256};
    use proptest::prelude::*;

    use super::*;

    fn log(topics: Vec<B256>, data: &[u8]) -> Log {
        Log { address: Address::repeat_byte(9), data: LogData::new_unchecked(topics, Bytes::copy_from_slice(data)) }
    }

    fn topic(address: Address) -> B256 {
        address.into_word()
    }

    #[test]
    fn only_a_transfer_as_erc_20_has_it_is_one() {
        assert_eq!(keccak256("Transfer(address,address,uint256)"), TRANSFER);
        let (from, to) = (topic(Address::repeat_byte(1)), topic(Address::repeat_byte(2)));
        let amount = U256::MAX.to_be_bytes::<32>();
        let found = transfer(7, &log(vec![TRANSFER, from, to], &amount)).unwrap();
        assert_eq!((found.log_index, found.amount), (7, U256::MAX));
        assert_eq!((found.from, found.to), (Address::repeat_byte(1), Address::repeat_byte(2)));
        let others = [
            log(vec![TRANSFER, from, to, B256::ZERO], &[]),
            log(vec![TRANSFER, from], &amount),
            log(vec![TRANSFER, from, to], &amount[..31]),
            log(vec![TRANSFER, from, to], &[amount.as_slice(), &[0]].concat()),
            log(vec![TRANSFER, B256::repeat_byte(1), to], &amount),
            log(vec![B256::ZERO, from, to], &amount),
            log(vec![], &amount),
        ];
        for log in others {
            assert_eq!(transfer(0, &log), None, "{log:?}");
        }
    }

    #[test]
    fn nobody_but_the_minter_mints() {
        let event = AITokenMinter::Minted { provider: Address::ZERO, amount: U256::from(7), receiptHash: B256::ZERO };
        let data = event.encode_log_data();
        assert_eq!(minted(&Log { address: AI_TOKEN_MINTER_ADDRESS, data: data.clone() }), Some(7));
        assert_eq!(minted(&Log { address: AI_TOKEN_ADDRESS, data }), None);
    }

    proptest! {
        #[test]
        fn any_log_can_be_read(
            topics in prop::collection::vec(any::<[u8; 32]>(), 0..5),
            data in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let mut topics: Vec<B256> = topics.into_iter().map(B256::from).collect();
            if let Some(first) = topics.first_mut() {
                *first = TRANSFER;
            }
            let log = log(topics, &data);
            if let Some(found) = transfer(1, &log) {
                prop_assert_eq!(log.topics().len(), 3);
                prop_assert_eq!(data.len(), 32);
                prop_assert_eq!(found.token, log.address);
            }
        }
    }
}

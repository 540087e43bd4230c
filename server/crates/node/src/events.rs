use chain::{Block, LogFilter, Place, PlacedLog, TransactionReceipt};

/// A block that has just become final, with what executing it gave.
#[derive(Clone, Debug)]
pub struct CommittedBlock {
    /// The block.
    pub block: Block,
    /// One receipt for each transaction.
    pub receipts: Vec<TransactionReceipt>,
}

impl CommittedBlock {
    /// The logs of the block that a filter wants.
    #[must_use]
    pub fn logs(&self, filter: &LogFilter) -> Vec<PlacedLog> {
        let header = &self.block.header;
        let mut found = Vec::new();
        for (index, (transaction, receipt)) in (0u32..).zip(self.block.transactions.iter().zip(&self.receipts)) {
            for (log_index, log) in (receipt.first_log_index..).zip(&receipt.logs) {
                if filter.matches(log) {
                    found.push(PlacedLog {
                        log: log.clone(),
                        place: Place { height: header.number, index },
                        transaction_hash: transaction.hash(),
                        block_hash: header.hash(),
                        block_timestamp_unix_s: header.timestamp,
                        log_index,
                    });
                }
            }
        }
        found
    }
}

use finality::ReceiptProof;
use test_support::fuzz;

use crate::setup::*;

#[test]
fn fuzz_proofs_of_receipts() {
    let receipts: Vec<_> = (0..20).map(receipt).collect();
    let proof = proof_by(&[1, 2, 3], &receipts, 7);
    let genesis_hash = proof.chain().unwrap().genesis_hash;
    let seed = serde_json::to_vec(&proof).unwrap();
    fuzz("proofs of receipts", &[seed], |input| {
        let Ok(read) = serde_json::from_slice::<ReceiptProof>(input) else { return };
        let Ok(chain) = read.chain() else { return };
        let Ok(block) = read.block(&chain) else { return };
        // Somebody who has neither the chain's name nor a key proves nothing but what was decided.
        if read.receipt(&block.header).is_ok() && chain.genesis_hash == genesis_hash {
            assert_eq!((&read.receipt, read.transaction_index), (&proof.receipt, proof.transaction_index));
        }
    });
}

//! What a bounty costs. `UPDATE_SNAPSHOTS=1` writes `snapshots/bounty_gas.json` anew.

use contracts::ModelBounty;
use serde_json::json;

use super::fixture::{BOUNTY_SECONDS, chain, pledge, pledger, refund, terms, two_attesters, work};
use crate::gas::compare_with_snapshot;
use crate::receipts::RELAYER;

#[test]
fn gas_is_as_recorded() {
    let mut evm = chain();
    let terms = terms(&evm);
    let pledged = evm.send_bounty(pledger().address(), &ModelBounty::pledgeCall { terms: terms.clone() }).unwrap();
    let bounty = pledged.value;
    pledge(&mut evm, &terms);
    let (served, refuted) = (work(&evm, 1), work(&evm, 2));
    served.mint(&mut evm);
    let claimed = evm.send_bounty(served.provider.address(), &served.claim(bounty)).unwrap();
    refuted.earn(&mut evm, bounty);
    let rejected = evm.send_bounty(RELAYER, &refuted.rejection(bounty, "another result", &two_attesters())).unwrap();
    evm.now_unix += BOUNTY_SECONDS + 1;
    let settled = evm.send_bounty(RELAYER, &served.settle(bounty)).unwrap();
    let refunded = evm.send_bounty(RELAYER, &refund(bounty)).unwrap();
    let measured = json!({
        "pledge": pledged.gas,
        "claim": claimed.gas,
        "reject": rejected.gas,
        "settle": settled.gas,
        "refund": refunded.gas,
    });
    compare_with_snapshot("bounty_gas.json", &measured);
}

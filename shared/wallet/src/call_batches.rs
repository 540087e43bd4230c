//! What became of the calls of a batch (EIP-5792), as far as the wallet remembers it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::B256;
use shared::time::UnixMillis;

use crate::calls::VERSION;
use crate::provider::ProviderError;

/// Most batches that are remembered.
pub const BATCHES_MAX: usize = 32;

/// Most batches of one site, so that it does not push those of the others out.
pub const BATCHES_PER_SITE_MAX: usize = 8;

/// So long after its signature, a call that nobody sends any more and that the node does not have was never sent. The wallet
/// keeps no signed transaction, so it does not send it again.
pub const LOST_AFTER_MS: u64 = 600_000;

/// A batch, as far as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub id: String,
    /// Who asked. Others do not learn of it.
    pub site: String,
    pub chain_id: String,
    pub calls: usize,
    /// Of the transactions that were signed and then sent, in the order of the calls. The last one may not have arrived.
    pub hashes: Vec<B256>,
    /// When the last of them was signed.
    pub signed_at: Option<UnixMillis>,
    /// No further call is sent.
    pub is_over: bool,
}

/// The batches that are remembered, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches(VecDeque<Batch>);

impl Batches {
    /// A new one. The site's own oldest makes room. Where it has none, the oldest of a site that has most does. One that
    /// `is_sending` stays.
    ///
    /// # Errors
    /// The site has one with this name, or nothing makes room.
    pub fn add(&mut self, batch: Batch, is_sending: impl Fn(&Batch) -> bool) -> Result<(), ProviderError> {
        if self.find(&batch.site, &batch.id).is_ok() {
            return Err(ProviderError::DuplicateBatch);
        }
        let own = self.count_of(&batch.site);
        if own >= BATCHES_PER_SITE_MAX || self.0.len() >= BATCHES_MAX {
            let of_site = self.0.iter().position(|kept| kept.site == batch.site && !is_sending(kept));
            let of_others = || {
                let may_go = (0..self.0.len()).filter(|at| !is_sending(&self.0[*at]));
                // Of several that are as good, the last one is found: the oldest, from the other end.
                may_go.rev().max_by_key(|at| self.count_of(&self.0[*at].site))
            };
            let leaves = of_site.or_else(|| if own < BATCHES_PER_SITE_MAX { of_others() } else { None });
            self.0.remove(leaves.ok_or(ProviderError::TooMany)?);
        }
        self.0.push_back(batch);
        Ok(())
    }

    fn count_of(&self, site: &str) -> usize {
        self.0.iter().filter(|batch| batch.site == site).count()
    }

    /// # Errors
    /// The site has none with this name, or it was forgotten.
    pub fn find(&self, site: &str, id: &str) -> Result<&Batch, ProviderError> {
        let found = self.0.iter().find(|batch| batch.site == site && batch.id == id);
        found.ok_or(ProviderError::UnknownBatch)
    }

    /// Notes the next call's transaction, before it is sent: whatever happens to who sends it, the chain can be asked for it.
    ///
    /// # Errors
    /// The site has none with this name, or it was forgotten.
    pub fn signed(&mut self, site: &str, id: &str, hash: B256, now: UnixMillis) -> Result<(), ProviderError> {
        let found = self.0.iter_mut().find(|batch| batch.site == site && batch.id == id);
        let batch = found.ok_or(ProviderError::UnknownBatch)?;
        batch.hashes.push(hash);
        batch.signed_at = Some(now);
        Ok(())
    }

    /// Notes how far a batch came. One that was forgotten stays so.
    pub fn note(&mut self, site: &str, id: &str, hashes: &[B256], is_over: bool) {
        if let Some(batch) = self.0.iter_mut().find(|batch| batch.site == site && batch.id == id) {
            batch.hashes = hashes.to_vec();
            batch.is_over = is_over;
        }
    }

    /// Of which nothing was sent.
    pub fn remove(&mut self, site: &str, id: &str) {
        self.0.retain(|batch| batch.site != site || batch.id != id);
    }
}

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Its sheet did not come yet, or it waits for a block.
    Waiting,
    Succeeded,
    Failed,
    NotSent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallLine {
    pub hash: Option<B256>,
    pub state: CallState,
}

impl Batch {
    /// The last call, where the node has to be asked whether it has it: no block contains it, nobody sends it any more, and
    /// [`LOST_AFTER_MS`] passed since it was signed.
    pub fn may_be_lost(&self, receipts: &[Value], now: UnixMillis) -> Option<B256> {
        let waits = receipts.get(self.hashes.len().checked_sub(1)?).is_some_and(Value::is_null);
        let is_late = self.signed_at.is_some_and(|at| now.since_ms(at) >= LOST_AFTER_MS);
        if self.is_over && waits && is_late { self.hashes.last().copied() } else { None }
    }

    /// The node does not have the last call: it was not sent.
    pub fn lost(&mut self) {
        self.hashes.pop();
    }

    /// Each call with what became of it. `receipts` are the node's answers for the hashes, `null` where no block contains one.
    pub fn lines(&self, receipts: &[Value]) -> Vec<CallLine> {
        let line = |at: usize| match (self.hashes.get(at), receipts.get(at)) {
            (None, _) => {
                CallLine { hash: None, state: if self.is_over { CallState::NotSent } else { CallState::Waiting } }
            }
            (hash, Some(receipt)) if receipt.is_object() => {
                let succeeded = receipt["status"] == "0x1";
                CallLine {
                    hash: hash.copied(),
                    state: if succeeded { CallState::Succeeded } else { CallState::Failed },
                }
            }
            (hash, _) => CallLine { hash: hash.copied(), state: CallState::Waiting },
        };
        (0..self.calls).map(line).collect()
    }

    /// What `wallet_getCallsStatus` answers.
    pub fn status(&self, receipts: &[Value]) -> Value {
        let lines = self.lines(receipts);
        let is = |state: CallState| lines.iter().filter(|line| line.state == state).count();
        let code = match (is(CallState::Waiting), is(CallState::Succeeded)) {
            (1.., _) => 100,
            (0, succeeded) if succeeded == self.calls => 200,
            (0, 1..) => 600,
            (0, 0) if is(CallState::Failed) > 0 => 500,
            (0, 0) => 400,
        };
        let receipts: Vec<Value> = receipts.iter().filter(|receipt| receipt.is_object()).map(receipt).collect();
        json!({
            "version": VERSION, "id": self.id, "chainId": self.chain_id, "status": code, "atomic": false, "receipts": receipts,
        })
    }
}

/// What the standard shows of a receipt.
fn receipt(full: &Value) -> Value {
    let logs = full["logs"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let log = |log: &Value| json!({ "address": log["address"], "data": log["data"], "topics": log["topics"] });
    json!({
        "logs": logs.map(log).collect::<Vec<_>>(),
        "status": full["status"],
        "blockHash": full["blockHash"],
        "blockNumber": full["blockNumber"],
        "gasUsed": full["gasUsed"],
        "transactionHash": full["transactionHash"],
    })
}

#[cfg(test)]
mod tests {
    use shared::Address;

    use super::*;

    const ME: Address = Address::repeat_byte(0x11);
    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn batch(site: &str, id: &str) -> Batch {
        let (site, id, chain_id) = (site.to_owned(), id.to_owned(), "0x60f6".to_owned());
        Batch { id, site, chain_id, calls: 2, hashes: vec![], signed_at: None, is_over: false }
    }

    #[test]
    fn a_batch_is_known_to_its_site_by_one_name() {
        let mut batches = Batches::default();
        batches.add(batch("https://a.example", "1"), |_| false).unwrap();
        assert_eq!(batches.add(batch("https://a.example", "1"), |_| false).unwrap_err().code(), 5720);
        batches.add(batch("https://b.example", "1"), |_| false).unwrap();
        assert_eq!(batches.find("https://a.example", "2").unwrap_err().code(), 5730);
        batches.note("https://a.example", "1", &[B256::ZERO], true);
        assert!(batches.find("https://a.example", "1").unwrap().is_over);
        assert!(!batches.find("https://b.example", "1").unwrap().is_over, "another site's was changed");
        batches.remove("https://b.example", "1");
        assert!(batches.find("https://b.example", "1").is_err() && batches.find("https://a.example", "1").is_ok());
        let text = serde_json::to_string(&batches).unwrap();
        assert_eq!(serde_json::from_str::<Batches>(&text).unwrap(), batches);
    }

    #[test]
    fn a_site_makes_room_among_its_own_batches_and_none_that_is_being_sent_leaves() {
        let mut batches = Batches::default();
        batches.add(batch("https://a.example", "1"), |_| false).unwrap();
        for number in 0..=BATCHES_MAX {
            batches.add(batch("https://b.example", &number.to_string()), |_| false).unwrap();
        }
        assert!(batches.find("https://a.example", "1").is_ok(), "a site pushed another one's out");
        let oldest = (1 + BATCHES_MAX - BATCHES_PER_SITE_MAX).to_string();
        assert_eq!(batches.count_of("https://b.example"), BATCHES_PER_SITE_MAX);
        batches.add(batch("https://b.example", "new"), |kept| kept.id == oldest).unwrap();
        assert!(batches.find("https://b.example", &oldest).is_ok(), "it was being sent");
        assert_eq!(batches.add(batch("https://b.example", "newer"), |_| true), Err(ProviderError::TooMany));
        assert!(
            batches.find("https://b.example", "new").is_ok() && batches.find("https://b.example", "newer").is_err()
        );

        // All places are taken: who has most gives one, and only where the site has none itself.
        for site in 0..BATCHES_MAX - 1 - BATCHES_PER_SITE_MAX {
            batches.add(batch(&format!("https://{site}.example"), "1"), |_| false).unwrap();
        }
        assert_eq!(batches.0.len(), BATCHES_MAX);
        batches.add(batch("https://late.example", "1"), |_| false).unwrap();
        assert_eq!(batches.count_of("https://b.example"), BATCHES_PER_SITE_MAX - 1);
        assert!(batches.find("https://b.example", &oldest).is_err(), "the oldest of who has most makes room");
        batches.add(batch("https://late.example", "2"), |_| false).unwrap();
        assert!(batches.find("https://late.example", "1").is_err() && batches.find("https://a.example", "1").is_ok());
        assert_eq!(batches.add(batch("https://later.example", "1"), |_| true), Err(ProviderError::TooMany));
        assert_eq!(batches.0.len(), BATCHES_MAX);
    }

    #[test]
    fn a_call_that_was_signed_is_never_called_not_sent() {
        let (site, hash) = ("https://a.example", B256::repeat_byte(1));
        let status = |batches: &Batches, receipts: &[Value]| {
            // The program that sent it is gone, or does not know whether it arrived.
            let over = Batch { is_over: true, ..batches.find(site, "1").unwrap().clone() };
            (over.status(receipts)["status"].as_u64().unwrap(), over.lines(receipts)[0].state)
        };
        let mut batches = Batches::default();
        batches.add(batch(site, "1"), |_| false).unwrap();
        assert_eq!(status(&batches, &[]), (400, CallState::NotSent), "nothing was signed");
        batches.signed(site, "1", hash, NOW).unwrap();
        assert_eq!(status(&batches, &[Value::Null]), (100, CallState::Waiting), "it may be in the next block");
        assert_eq!(status(&batches, &[json!({"status": "0x1"})]), (600, CallState::Succeeded));
        batches.note(site, "1", &[hash], true);
        assert_eq!(batches.find(site, "1").unwrap().hashes, [hash], "it was noted twice");
        assert_eq!(batches.signed("https://b.example", "1", hash, NOW), Err(ProviderError::UnknownBatch));
        // The node has it not, and says so: only then nothing was sent.
        batches.note(site, "1", &[], true);
        assert_eq!(status(&batches, &[]), (400, CallState::NotSent));
    }

    #[test]
    fn a_call_that_the_node_never_got_ends_as_not_sent() {
        let (site, hash) = ("https://a.example", B256::repeat_byte(1));
        let mut batches = Batches::default();
        batches.add(batch(site, "1"), |_| false).unwrap();
        batches.signed(site, "1", hash, NOW).unwrap();
        let sending = batches.find(site, "1").unwrap().clone();
        let late = NOW.plus_ms(LOST_AFTER_MS);
        let none = [Value::Null];
        assert_eq!(sending.may_be_lost(&none, late), None, "it is being sent");
        let mut over = Batch { is_over: true, ..sending };
        assert_eq!(over.may_be_lost(&none, UnixMillis(late.0 - 1)), None, "it may be on its way");
        assert_eq!(over.may_be_lost(&none, UnixMillis(0)), None, "a clock that was set back decides nothing");
        assert_eq!(over.may_be_lost(&[json!({"status": "0x1"})], late), None, "a block has it");
        assert_eq!(over.may_be_lost(&[], late), None);
        assert_eq!(over.may_be_lost(&none, late), Some(hash));
        over.lost();
        assert_eq!(over.status(&[])["status"], 400);
        assert_eq!(over.may_be_lost(&[], late), None, "nothing is left to ask for");

        let first = json!({"status": "0x1"});
        batches.signed(site, "1", B256::repeat_byte(2), late).unwrap();
        let mut over = Batch { is_over: true, ..batches.find(site, "1").unwrap().clone() };
        let both = [first.clone(), Value::Null];
        assert_eq!(over.may_be_lost(&both, late), None, "the time counts from the last signature");
        assert_eq!(over.may_be_lost(&both, late.plus_ms(LOST_AFTER_MS)), Some(B256::repeat_byte(2)));
        over.lost();
        assert_eq!(over.status(&both[..1])["status"], 600, "the first one is on the chain");
        assert_eq!(over.lines(&both[..1])[1], CallLine { hash: None, state: CallState::NotSent });
    }

    #[test]
    fn the_status_says_what_the_chain_says() {
        let hashes = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
        let status = |hashes: &[B256], is_over, receipts: &[Value]| {
            let batch = Batch { hashes: hashes.to_vec(), is_over, ..batch("https://a.example", "1") };
            let status = batch.status(receipts);
            assert_eq!((&status["atomic"], &status["id"]), (&json!(false), &json!("1")));
            (status["status"].as_u64().unwrap(), status["receipts"].as_array().unwrap().len())
        };
        let (good, bad, none) = (json!({"status": "0x1"}), json!({"status": "0x0"}), Value::Null);
        let both = |one: &Value, other: &Value| [one.clone(), other.clone()];
        assert_eq!(status(&[], false, &[]), (100, 0));
        assert_eq!(status(&hashes[..1], false, std::slice::from_ref(&good)), (100, 1), "the second sheet is open");
        assert_eq!(status(&hashes, true, &both(&good, &none)), (100, 1));
        assert_eq!(status(&hashes, true, &both(&good, &good)), (200, 2));
        assert_eq!(status(&hashes, true, &both(&good, &bad)), (600, 2));
        assert_eq!(status(&hashes[..1], true, std::slice::from_ref(&good)), (600, 1), "the second was refused");
        assert_eq!(status(&hashes[..1], true, std::slice::from_ref(&bad)), (500, 1));
        assert_eq!(status(&hashes, true, &both(&bad, &bad)), (500, 2));
        assert_eq!(status(&[], true, &[]), (400, 0));
        let full = json!({"status": "0x1", "logs": [{"address": ME, "data": "0x", "topics": [], "logIndex": "0x0"}], "from": ME});
        let shown = receipt(&full);
        assert_eq!(shown["logs"], json!([{"address": ME, "data": "0x", "topics": []}]));
        assert!(shown.get("from").is_none());
    }
}

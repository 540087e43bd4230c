//! What a text may name, while somebody types it: every question reads a few rows of an index or of the newest blocks, and
//! the models that are on offer.

use frontend::marketplace::model_path;
use node::NodeHandle;
use shared::api::search::{SearchHit, SearchKind};
use shared::id::JobId;
use shared::time::UnixMillis;
use shared::{Address, B256};
use store::Store;
use store::record::index::TokenRow;

use crate::error::ApiError;
use crate::marketplace::MarketplaceFigures;

/// Hits of one kind, so that one kind does not crowd out the others.
const HITS_OF_KIND: usize = 4;

/// Shorter texts begin too much.
const WORD_MIN_CHARS: usize = 2;
const HEX_MIN_DIGITS: usize = 3;

/// The newest blocks and transactions among which the beginning of a hash is looked for.
const NEWEST: usize = 100;

/// Tokens whose names are looked at, those with the most holders.
const TOKENS_LOOKED_AT: u64 = 200;

/// Characters of a job's prompt in a hit.
const DETAIL_CHARS: usize = 80;

const ADDRESS_DIGITS: usize = 40;
const HASH_DIGITS: usize = 64;
const JOB_DIGITS: usize = 32;

/// What a text looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Needle {
    /// A height, with or without separators; maybe also a part of a name.
    Number(u64, String),
    /// The beginning of a job's id, in lower case.
    Job(String),
    /// The first digits of an address or a hash, in lower case, without `0x`.
    Hex(String),
    /// A part of a name, in lower case.
    Words(String),
    Nothing,
}

impl Needle {
    fn of(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let is_hex =
            |digits: &str, max: usize| digits.len() <= max && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if let Some(digits) = text.strip_prefix("0x") {
            return match is_hex(digits, HASH_DIGITS) && digits.len() >= HEX_MIN_DIGITS {
                true => Self::Hex(digits.to_owned()),
                false => Self::Nothing,
            };
        }
        if let Some(digits) = text.strip_prefix("job_") {
            return if is_hex(digits, JOB_DIGITS) { Self::Job(text) } else { Self::Nothing };
        }
        let digits = text.replace(['\u{202f}', ' ', ','], "");
        match digits.parse() {
            Ok(number) => Self::Number(number, text),
            Err(_) if text.chars().count() >= WORD_MIN_CHARS => Self::Words(text),
            Err(_) => Self::Nothing,
        }
    }
}

/// The lowest and the highest address that begin with these digits; `None` where they are too many.
fn addresses_between(digits: &str) -> Option<(Address, Address)> {
    let missing = ADDRESS_DIGITS.checked_sub(digits.len())?;
    let padded = |with: &str| format!("0x{digits}{}", with.repeat(missing)).parse().ok();
    Some((padded("0")?, padded("f")?))
}

/// Finds what a text may name.
#[derive(Clone)]
pub struct Search {
    pub(crate) store: Store,
    pub(crate) node: NodeHandle,
    pub(crate) marketplace: MarketplaceFigures,
}

fn hit(kind: SearchKind, name: impl Into<String>, detail: impl Into<String>, path: String) -> SearchHit {
    SearchHit { kind, name: name.into(), detail: detail.into(), path }
}

fn token_hit(row: TokenRow) -> SearchHit {
    let path = format!("/explorer/tokens/{}", row.address);
    let name = row.name.or(row.symbol.clone()).unwrap_or_else(|| row.address.to_string());
    hit(SearchKind::Token, name, row.symbol.unwrap_or_default(), path)
}

impl Search {
    /// What fits best first, at most `limit`.
    ///
    /// # Errors
    /// The store's or the node's.
    pub async fn find(&self, text: &str, limit: usize, now: UnixMillis) -> Result<Vec<SearchHit>, ApiError> {
        let mut hits = match Needle::of(text) {
            Needle::Nothing => vec![],
            Needle::Number(number, words) => {
                let mut hits: Vec<SearchHit> = self.block(number)?.into_iter().collect();
                if words.chars().count() >= WORD_MIN_CHARS {
                    hits.extend(self.named(&words, now).await?);
                }
                hits
            }
            Needle::Job(prefix) => self.jobs(&prefix).await?,
            Needle::Hex(digits) => self.hex(&digits, now).await?,
            Needle::Words(words) => self.named(&words, now).await?,
        };
        hits.truncate(limit);
        Ok(hits)
    }

    fn block(&self, number: u64) -> Result<Option<SearchHit>, ApiError> {
        let exists = number <= self.node.head()?.number;
        let path = format!("/explorer/blocks/{number}");
        Ok(exists.then(|| hit(SearchKind::Block, number.to_string(), "", path)))
    }

    async fn jobs(&self, prefix: &str) -> Result<Vec<SearchHit>, ApiError> {
        let jobs = self.store.list_public_jobs_by_prefix(prefix, HITS_OF_KIND as u64).await?;
        let found = jobs.into_iter().map(|job| {
            let words: String = job.job.work.words().chars().take(DETAIL_CHARS).collect();
            hit(SearchKind::Job, job.id.to_string(), words, job_path(job.id))
        });
        Ok(found.collect())
    }

    async fn hex(&self, digits: &str, now: UnixMillis) -> Result<Vec<SearchHit>, ApiError> {
        let mut hits = self.addresses(digits, now).await?;
        hits.extend(self.hashes(digits).await?);
        Ok(hits)
    }

    async fn addresses(&self, digits: &str, now: UnixMillis) -> Result<Vec<SearchHit>, ApiError> {
        let Some((first, last)) = addresses_between(digits) else { return Ok(vec![]) };
        let limit = HITS_OF_KIND as u64;
        let mut miners = self.marketplace.miners_between(first, last, HITS_OF_KIND, now).await?;
        let mut accounts = self.store.list_accounts_between(first, last, limit).await?;
        if first == last {
            // Any address is an account, and a miner that left is still known.
            if self.store.find_miner(first).await?.is_some() && !miners.iter().any(|(miner, _)| *miner == first) {
                miners.push((first, String::new()));
            }
            accounts = vec![first];
        }
        let tokens = self.store.list_tokens_between(first, last, limit).await?;
        let miner = |(miner, device): (Address, String)| {
            hit(SearchKind::Miner, miner.to_string(), device, format!("/miners/{miner}"))
        };
        let account = |account: Address| {
            hit(SearchKind::Address, account.to_string(), "", format!("/explorer/addresses/{account}"))
        };
        let hits = miners.into_iter().map(miner).chain(tokens.into_iter().map(token_hit));
        Ok(hits.chain(accounts.into_iter().map(account)).collect())
    }

    async fn hashes(&self, digits: &str) -> Result<Vec<SearchHit>, ApiError> {
        let prefix = format!("0x{digits}");
        let receipts = self.store.list_receipts_by_prefix(&prefix, HITS_OF_KIND as u64).await?;
        let receipt = |hash: B256| hit(SearchKind::Receipt, hash.to_string(), "", format!("/explorer/receipts/{hash}"));
        let mut hits = self.of_chain(digits).await?;
        hits.extend(receipts.into_iter().map(receipt));
        Ok(hits)
    }

    /// Transactions and blocks: by the whole hash any, by its beginning the newest.
    async fn of_chain(&self, digits: &str) -> Result<Vec<SearchHit>, ApiError> {
        let transaction =
            |hash: B256| hit(SearchKind::Transaction, hash.to_string(), "", format!("/explorer/transactions/{hash}"));
        let block = |height: u64, hash: B256| {
            hit(SearchKind::Block, hash.to_string(), height.to_string(), format!("/explorer/blocks/{height}"))
        };
        if let Ok(hash) = format!("0x{digits}").parse::<B256>() {
            let found = self
                .node
                .query(move |snapshot| Ok((snapshot.transaction(hash)?.is_some(), snapshot.height_of(hash)?)))
                .await?;
            let transaction = found.0.then(|| transaction(hash));
            return Ok(transaction.into_iter().chain(found.1.map(|height| block(height, hash))).collect());
        }
        let begins = format!("0x{digits}");
        let (transactions, blocks) = self
            .node
            .query(move |snapshot| {
                let fits = |hash: &B256| hash.to_string().starts_with(&begins);
                let transactions = snapshot.latest_transactions(None, NEWEST)?;
                let hashes = transactions.iter().map(|included| included.transaction.hash());
                let transactions: Vec<B256> = hashes.filter(fits).take(HITS_OF_KIND).collect();
                let headers = snapshot.latest_headers(None, NEWEST)?;
                let blocks = headers.iter().map(|header| (header.number, header.hash()));
                let blocks: Vec<(u64, B256)> = blocks.filter(|(_, hash)| fits(hash)).take(HITS_OF_KIND).collect();
                Ok((transactions, blocks))
            })
            .await?;
        let blocks = blocks.into_iter().map(|(height, hash)| block(height, hash));
        Ok(transactions.into_iter().map(transaction).chain(blocks).collect())
    }

    /// Models, miners by their device, tokens and documents whose name has these words.
    async fn named(&self, words: &str, now: UnixMillis) -> Result<Vec<SearchHit>, ApiError> {
        let models = self.marketplace.find_models(words, HITS_OF_KIND, now).await?;
        let miners = self.marketplace.miners_with(words, HITS_OF_KIND, now).await?;
        let tokens = self.store.list_tokens(None, TOKENS_LOOKED_AT).await?;
        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| text.to_lowercase().contains(words));
        let tokens = tokens.into_iter().filter(|row| has(&row.name) || has(&row.symbol)).take(HITS_OF_KIND);
        let documents = frontend::documents::all()
            .filter(|document| document.title.to_lowercase().contains(words))
            .take(HITS_OF_KIND)
            .map(|document| hit(SearchKind::Document, document.title.clone(), "", document.address.clone()));
        let models = models.into_iter().map(|(kind, name)| {
            let path = model_path(kind, &name);
            hit(SearchKind::Model, name, kind.as_str(), path)
        });
        let miners = miners
            .into_iter()
            .map(|(miner, device)| hit(SearchKind::Miner, miner.to_string(), device, format!("/miners/{miner}")));
        Ok(models.chain(miners).chain(tokens.map(token_hit)).chain(documents).collect())
    }
}

fn job_path(id: JobId) -> String {
    format!("/jobs/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_its_form() {
        let words = |text: &str| Needle::Words(text.to_owned());
        for (text, needle) in [
            (" 1 234 ", Needle::Number(1_234, "1 234".to_owned())),
            ("7", Needle::Number(7, "7".to_owned())),
            ("JOB_Ab", Needle::Job("job_ab".to_owned())),
            ("job_", Needle::Job("job_".to_owned())),
            ("job_x", Needle::Nothing),
            ("0xAB1", Needle::Hex("ab1".to_owned())),
            ("0xab", Needle::Nothing),
            ("0xabg", Needle::Nothing),
            ("Scenes", words("scenes")),
            ("a", Needle::Nothing),
            ("", Needle::Nothing),
            ("%_", words("%_")),
        ] {
            assert_eq!(Needle::of(text), needle, "{text}");
        }
        assert_eq!(Needle::of(&format!("0x{}", "a".repeat(65))), Needle::Nothing);
    }

    #[test]
    fn the_beginning_of_an_address_is_a_range() {
        let (first, last) = addresses_between("abc").unwrap();
        assert_eq!((first[0], first[1], first[19]), (0xab, 0xc0, 0));
        assert_eq!((last[0], last[1], last[19]), (0xab, 0xcf, 0xff));
        let (first, last) = addresses_between(&"1".repeat(40)).unwrap();
        assert_eq!(first, last);
        assert_eq!(addresses_between(&"1".repeat(41)), None);
    }
}

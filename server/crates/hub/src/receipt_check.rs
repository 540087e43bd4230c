//! Checks that a receipt says what its lease agreed. Only then does the hub attest it.

use shared::Address;
use shared::commitment::Salt;
use shared::digest::Sha256Digest;
use shared::job::request::ValidJob;
use shared::job::task::Task;
use shared::protocol::{CLOCK_SKEW_MAX_MS, ReceiptTerms};
use shared::receipt::{JobReceipt, ReceiptError};
use shared::signing::{SignatureError, recover};
use shared::time::UnixMillis;
use shared::typed_data::SigningDomain;
use shared::unit::UnitType;

pub const DETERMINISM_CLASS_MAX_CHARS: usize = 300;

/// What the hub knows of the lease.
#[derive(Debug, Clone, Copy)]
pub struct Agreed<'a> {
    pub task: Task,
    pub miner: Address,
    pub job: &'a ValidJob,
    /// The job's, or that of a task that computes a result of the job again.
    pub salt: Salt,
    pub terms: &'a ReceiptTerms,
    /// SHA-256 of the manifest of the model that the miner offers under the job's name.
    pub manifest_sha256: Sha256Digest,
    pub granted_at: UnixMillis,
}

/// A receipt that was not made by the holder of the lease.
#[derive(Debug, thiserror::Error)]
pub enum Forgery {
    #[error("miner_signature: {0}")]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error("the lease is held by {holder}, but the receipt is signed by {signer}")]
    NotTheHolder { holder: Address, signer: Address },
}

/// A field of the receipt that differs from what was agreed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("receipt.{field} is {agreed} by the lease, got {stated}")]
pub struct Mismatch {
    pub field: &'static str,
    pub agreed: String,
    pub stated: String,
}

/// The receipt's signature is by the lease's holder. Anybody can send bytes, so this comes before everything that
/// blames the miner.
pub fn check_signature(
    receipt: &JobReceipt,
    signature: &[u8],
    terms: &ReceiptTerms,
    holder: Address,
) -> Result<(), Forgery> {
    let domain = SigningDomain::of_contract(terms.chain_id, terms.contract);
    let signer = recover(&receipt.claim()?, &domain, signature)?;
    if signer == holder { Ok(()) } else { Err(Forgery::NotTheHolder { holder, signer }) }
}

/// Every field against the lease.
pub fn check_terms(receipt: &JobReceipt, agreed: &Agreed<'_>, now: UnixMillis) -> Result<(), Mismatch> {
    let Agreed { task, miner, job, salt, terms, .. } = *agreed;
    same("job_id", task.job_id, receipt.job_id)?;
    same("task_role", task.role, receipt.task_role)?;
    same("provider", miner, receipt.provider)?;
    same("client", terms.client, receipt.client)?;
    same("unit_type", terms.unit_type, receipt.unit_type)?;
    check_units(terms, receipt)?;
    same("unit_price", terms.unit_price, receipt.unit_price)?;
    same("model", job.model.as_str(), receipt.model.as_str())?;
    same("prompt_commitment", salt.commit_prompt(job.work.prompt_hash()), receipt.prompt_commitment)?;
    same("expires_at", terms.expires_at.0, receipt.expires_at.0)?;
    same("hub_id", terms.hub_id.as_str(), receipt.hub_id.as_str())?;
    same("chain_id", terms.chain_id, receipt.chain_id)?;
    same("contract", terms.contract, receipt.contract)?;
    same("shares", 0, receipt.shares.len())?;
    check_class(receipt, agreed.manifest_sha256)?;
    check_times(receipt, agreed.granted_at, now)
}

/// The class begins with the very model that the miner offers: contracts read there which model a receipt is for.
fn check_class(receipt: &JobReceipt, manifest_sha256: Sha256Digest) -> Result<(), Mismatch> {
    let class = &receipt.determinism_class;
    let class_chars = class.chars().count();
    if !(1..=DETERMINISM_CLASS_MAX_CHARS).contains(&class_chars) {
        let agreed = format!("1 to {DETERMINISM_CLASS_MAX_CHARS} characters");
        return Err(Mismatch { field: "determinism_class", agreed, stated: class_chars.to_string() });
    }
    let begins = format!("{}@{manifest_sha256}/", receipt.model);
    if class.starts_with(&begins) {
        return Ok(());
    }
    let agreed = format!("a text that begins with `{begins}`");
    Err(Mismatch { field: "determinism_class", agreed, stated: class.clone() })
}

/// Tokens are counted by the miner, up to what the lease allows; [`crate::verification`] compares them with the result.
fn check_units(terms: &ReceiptTerms, receipt: &JobReceipt) -> Result<(), Mismatch> {
    match terms.unit_type {
        UnitType::Token if receipt.units <= terms.units => Ok(()),
        UnitType::Token => {
            let agreed = format!("at most {}", terms.units);
            Err(Mismatch { field: "units", agreed, stated: receipt.units.to_string() })
        }
        _ => same("units", terms.units, receipt.units),
    }
}

/// Whole seconds of two clocks are compared: a second is lost to rounding, and the clocks may differ.
fn check_times(receipt: &JobReceipt, granted_at: UnixMillis, now: UnixMillis) -> Result<(), Mismatch> {
    let skew = CLOCK_SKEW_MAX_MS / 1_000;
    let (earliest, latest) = (granted_at.seconds().0.saturating_sub(skew), now.seconds().0.saturating_add(skew));
    let (started, finished) = (receipt.started_at.0, receipt.finished_at.0);
    if started < earliest || started > latest {
        return Err(Mismatch {
            field: "started_at",
            agreed: format!("{earliest} to {latest}"),
            stated: started.to_string(),
        });
    }
    if finished < started || finished > latest {
        return Err(Mismatch {
            field: "finished_at",
            agreed: format!("{started} to {latest}"),
            stated: finished.to_string(),
        });
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Display>(field: &'static str, agreed: T, stated: T) -> Result<(), Mismatch> {
    if agreed == stated {
        Ok(())
    } else {
        Err(Mismatch { field, agreed: agreed.to_string(), stated: stated.to_string().chars().take(120).collect() })
    }
}

#[cfg(test)]
mod tests {
    use shared::amount::{Amount, MicroUnits};
    use shared::commitment::Commitment;
    use shared::id::JobId;
    use shared::job::task::TaskRole;
    use shared::receipt::ReceiptVersion;
    use shared::signing::PrivateKey;
    use shared::time::UnixSeconds;
    use shared::{B256, chain};

    use super::*;
    use crate::board::fixtures::{image_job, terms, text_job};

    const TASK: Task = Task { job_id: JobId::from_random(1), role: TaskRole::Serve };

    fn key(byte: u8) -> PrivateKey {
        PrivateKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn manifest() -> Sha256Digest {
        Sha256Digest::of(b"manifest")
    }

    fn class(model: &str, manifest: Sha256Digest) -> String {
        format!("{model}@{manifest}/test")
    }

    fn receipt(miner: &PrivateKey, job: &ValidJob, terms: &ReceiptTerms) -> JobReceipt {
        JobReceipt {
            version: ReceiptVersion,
            job_id: TASK.job_id,
            task_role: TASK.role,
            provider: miner.address(),
            client: terms.client,
            units: terms.units,
            unit_type: terms.unit_type,
            unit_price: terms.unit_price,
            model: job.model.clone(),
            prompt_commitment: job.salt.commit_prompt(job.work.prompt_hash()),
            result_commitment: job.salt.commit_result(Sha256Digest::of(b"picture")),
            started_at: UnixSeconds(1_000),
            finished_at: UnixSeconds(1_001),
            expires_at: terms.expires_at,
            nonce: B256::repeat_byte(7),
            hub_id: terms.hub_id.clone(),
            chain_id: terms.chain_id,
            contract: terms.contract,
            determinism_class: class(&job.model, manifest()),
            trace_commitment: None,
            shares: vec![],
        }
    }

    fn agreed<'a>(miner: &PrivateKey, job: &'a ValidJob, terms: &'a ReceiptTerms) -> Agreed<'a> {
        let granted_at = UnixMillis(1_000_000);
        let salt = job.salt;
        Agreed { task: TASK, miner: miner.address(), job, salt, terms, manifest_sha256: manifest(), granted_at }
    }

    #[test]
    fn a_receipt_names_the_model_that_its_miner_offers() {
        let (miner, job) = (key(1), image_job("scenes"));
        let terms = terms(&job);
        let other = Sha256Digest::of(b"another manifest");
        for stated in [
            class("scenes", other),
            class("another", manifest()),
            class("scenes", manifest()).replace('/', "-"),
            format!("scenes@{}", manifest()),
            format!(" {}", class("scenes", manifest())),
            "test".to_owned(),
        ] {
            let receipt = JobReceipt { determinism_class: stated, ..receipt(&miner, &job, &terms) };
            let error = check_terms(&receipt, &agreed(&miner, &job, &terms), UnixMillis(1_002_000)).unwrap_err();
            assert_eq!(error.field, "determinism_class");
            assert!(error.to_string().contains(&manifest().to_string()), "{error}");
        }
    }

    #[test]
    fn each_altered_field_is_named() {
        let (miner, job) = (key(1), image_job("scenes"));
        let terms = terms(&job);
        let now = UnixMillis(1_002_000);
        let agreed = agreed(&miner, &job, &terms);
        let good = receipt(&miner, &job, &terms);
        assert_eq!(check_terms(&good, &agreed, now), Ok(()));
        type Alter = fn(&mut JobReceipt);
        let alterations: [(&str, Alter); 14] = [
            ("job_id", |receipt| receipt.job_id = JobId::from_random(2)),
            ("task_role", |receipt| receipt.task_role = TaskRole::Audit),
            ("provider", |receipt| receipt.provider = Address::ZERO),
            ("client", |receipt| receipt.client = Address::repeat_byte(9)),
            ("units", |receipt| receipt.units = MicroUnits(u64::MAX)),
            ("unit_price", |receipt| receipt.unit_price = Amount::from_ait(1_000_000)),
            ("model", |receipt| receipt.model = "other".into()),
            ("prompt_commitment", |receipt| receipt.prompt_commitment = Commitment(shared::B256::ZERO)),
            ("chain_id", |receipt| receipt.chain_id = 1),
            ("contract", |receipt| receipt.contract = Address::repeat_byte(9)),
            ("expires_at", |receipt| receipt.expires_at.0 += 1),
            ("determinism_class", |receipt| receipt.determinism_class.clear()),
            ("started_at", |receipt| receipt.started_at = UnixSeconds(0)),
            ("finished_at", |receipt| receipt.finished_at = UnixSeconds(1_000_000)),
        ];
        for (field, alter) in alterations {
            let mut altered = good.clone();
            alter(&mut altered);
            assert_eq!(check_terms(&altered, &agreed, now).unwrap_err().field, field);
        }
    }

    #[test]
    fn tokens_are_claimed_up_to_the_ceiling_of_the_lease() {
        let (miner, job) = (key(1), text_job("llama"));
        let terms = terms(&job);
        let agreed = agreed(&miner, &job, &terms);
        let with_units = |units| JobReceipt { units: MicroUnits(units), ..receipt(&miner, &job, &terms) };
        for units in [0, 1, terms.units.0] {
            assert_eq!(check_terms(&with_units(units), &agreed, UnixMillis(1_002_000)), Ok(()));
        }
        let above = check_terms(&with_units(terms.units.0 + 1), &agreed, UnixMillis(1_002_000));
        assert_eq!(above.unwrap_err().field, "units");
    }

    #[test]
    fn only_the_holders_signature_over_this_very_receipt_passes() {
        let (miner, job) = (key(1), image_job("scenes"));
        let terms = terms(&job);
        let good = receipt(&miner, &job, &terms);
        let domain = SigningDomain::of_contract(chain::DEV_CHAIN_ID, chain::MINTER_ADDRESS);
        let claim = good.claim().unwrap();
        let signature = miner.sign(&claim, &domain).unwrap();
        assert!(check_signature(&good, &signature, &terms, miner.address()).is_ok());
        let altered = JobReceipt { units: MicroUnits(1), ..good.clone() };
        let by_another = key(2).sign(&claim, &domain).unwrap();
        let for_another_contract = SigningDomain::of_contract(chain::DEV_CHAIN_ID, Address::repeat_byte(9));
        let elsewhere = miner.sign(&claim, &for_another_contract).unwrap();
        for (receipt, signature) in [(&altered, &signature), (&good, &by_another), (&good, &elsewhere)] {
            let error = check_signature(receipt, signature, &terms, miner.address()).unwrap_err();
            assert!(matches!(error, Forgery::NotTheHolder { .. }), "{error}");
        }
        assert!(matches!(check_signature(&good, b"", &terms, miner.address()), Err(Forgery::Signature(_))));
    }
}

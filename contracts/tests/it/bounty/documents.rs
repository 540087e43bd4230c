//! What is read of a receipt's JSON: the attested document as a whole, never a piece of text within it.

use alloy_primitives::{Bytes, U256, keccak256};
use contracts::AI_TOKEN_MINTER_ADDRESS;
use contracts::ModelBounty::{self, ModelBountyErrors as Errors};

use super::fixture::{MODEL_DIGEST, Work, chain_with_bounty, claim_with, class_of, mint_document, refusal, work};
use crate::evm::Evm;
use crate::receipts::{JobReceipt, receipt};

/// A claim with a document that attesters signed, whatever it says.
fn refused(evm: &mut Evm, bounty: U256, seed: u64, document: &str) -> Errors {
    let provider = super::fixture::miner(seed);
    let document = Bytes::copy_from_slice(document.as_bytes());
    let hash = keccak256(&document);
    let minted = JobReceipt { receiptHash: hash, provider: provider.address(), ..receipt(seed, 1_000_000, 1) };
    mint_document(evm, &provider, minted.clone());
    refusal(evm, &provider, &claim_with(bounty, minted, document))
}

#[test]
fn any_name_of_a_model_is_read() {
    let (evm, bounty) = chain_with_bounty();
    let names = [
        "hf.co/someone/a-model:Q4_K_M",
        "user@host/model",
        "a@b@c",
        "模型",
        r#"a \"quoted\" name"#,
        r"ends with \\",
        r#"\",\"provider\":\"0x00"#,
        "x",
    ];
    for (seed, name) in (1..).zip(names) {
        let work = Work { model: name.to_owned(), class: class_of(name, MODEL_DIGEST), ..work(&evm, seed) };
        work.earn(&mut evm.clone(), bounty);
    }
}

#[test]
fn a_text_that_looks_like_a_field_is_none() {
    let (mut evm, bounty) = chain_with_bounty();
    let thief = super::fixture::miner(77);
    // The miner of the receipt wrote this into its own class, and another one would like to be its provider.
    let forged = format!(r#"\",\"provider\":\"{:#x}"#, thief.address());
    let work = Work { class: format!("{}{forged}", class_of("aitbc-scenes-1", MODEL_DIGEST)), ..work(&evm, 1) };
    work.mint(&mut evm);
    assert!(matches!(refusal(&mut evm, &thief, &work.claim(bounty)), Errors::NotProvider(_)));
    evm.send_bounty(work.provider.address(), &work.claim(bounty)).unwrap();
}

#[test]
fn another_document_than_the_attested_one_is_refused() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    work.mint(&mut evm);
    let mut changed = work.document().to_vec();
    changed.push(b' ');
    let changed = Bytes::from(changed);
    let call = claim_with(bounty, work.receipt(), changed.clone());
    let expected = ModelBounty::OtherDocument { receiptHash: work.receipt_hash(), documentHash: keccak256(&changed) };
    assert_eq!(refusal(&mut evm, &work.provider, &call), Errors::OtherDocument(expected));
    // Nor does it help to name the document that was not signed.
    let call = claim_with(bounty, JobReceipt { receiptHash: keccak256(&changed), ..work.receipt() }, changed);
    assert!(matches!(refusal(&mut evm, &work.provider, &call), Errors::ReceiptNotSettled(_)));
}

#[test]
fn what_is_no_receipt_is_refused_and_says_where() {
    let (mut evm, bounty) = chain_with_bounty();
    let unreadable = [
        ("", 0),
        ("[]", 0),
        ("{}", 1),
        ("{\"a\"", 4),
        ("{\"a\":", 5),
        ("{\"a\":1", 6),
        ("{\"a\":x}", 5),
        ("{\"a\":\"", 6),
        ("{\"a\":\"\\", 8),
        ("{\"a\":-1}", 5),
        ("{\"a\":1 }", 6),
        ("{\"a\":{}}", 5),
        ("{\"shares\":[]}", 10),
        ("{a:1}", 1),
    ];
    for (seed, (document, position)) in (1..).zip(unreadable) {
        let error = refused(&mut evm, bounty, seed, document);
        let Errors::DocumentUnreadable(error) = error else { panic!("{error:?} of {document}") };
        assert_eq!(error.position, U256::from(position), "{document}");
    }
}

#[test]
fn a_document_without_a_field_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let provider = |seed: u64| format!(r#""provider":"{:#x}""#, super::fixture::miner(seed).address());
    assert!(matches!(refused(&mut evm, bounty, 1, r#"{"a":1}"#), Errors::NotProvider(_)));
    assert!(matches!(refused(&mut evm, bounty, 2, r#"{"provider":"0x12"}"#), Errors::NotProvider(_)));
    let capital = provider(3).to_uppercase().replace("PROVIDER", "provider");
    assert!(matches!(refused(&mut evm, bounty, 3, &format!("{{{capital}}}")), Errors::NotProvider(_)));
    assert!(matches!(refused(&mut evm, bounty, 4, &format!("{{{}}}", provider(4))), Errors::NotMinted(_)));
    let payer = format!(r#""contract":"{AI_TOKEN_MINTER_ADDRESS:#x}""#);
    let minted = format!("{{{payer},{}}}", provider(5));
    assert!(matches!(refused(&mut evm, bounty, 5, &minted), Errors::NotServed(_)));
    let served = format!(r#"{{{payer},{},"task_role":"serve"}}"#, provider(6));
    assert!(matches!(refused(&mut evm, bounty, 6, &served), Errors::OtherModel(_)));
}

#[test]
fn a_long_document_is_refused_before_it_is_hashed() {
    let (mut evm, bounty) = chain_with_bounty();
    for (length, is_too_long) in [(4_096, false), (4_097, true)] {
        let call = claim_with(bounty, receipt(1, 1, 1), vec![b'x'; length].into());
        let error = refusal(&mut evm, &super::fixture::miner(1), &call);
        assert_eq!(matches!(error, Errors::DocumentTooLong(_)), is_too_long, "{error:?}");
    }
}

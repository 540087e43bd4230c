use alloy_primitives::{B256, Bytes};
use chain::{CertificateError, MAX_VALIDATORS, Validator, ValidatorSet, ValidatorSetError};
use proptest::prelude::*;

use crate::setup::*;

const HEIGHT: u64 = 7;
const HASH: B256 = B256::repeat_byte(7);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A certificate holds if its signers have more than two thirds of the power, to the unit, and never otherwise.
    #[test]
    fn more_than_two_thirds_of_the_power_decide(
        members in prop::collection::vec((1u64..20, any::<bool>()), 1..7),
        round in 0u32..3,
    ) {
        let powers: Vec<u64> = members.iter().map(|(power, _)| *power).collect();
        let signers: Vec<u8> = (0u8..).zip(&members).filter(|(_, (_, signs))| *signs).map(|(index, _)| index).collect();
        let signed: u64 = signers.iter().map(|index| powers[usize::from(*index)]).sum();
        let total: u64 = powers.iter().sum();
        let result = certificate_by(&signers, HEIGHT, round, HASH).verify(CHAIN_ID, HEIGHT, HASH, &validators(&powers));
        let expected = if 3 * signed > 2 * total { Ok(()) } else { Err(CertificateError::NoQuorum { signed, total }) };
        prop_assert_eq!(result, expected);
    }

    /// Whatever is done to a certificate that holds, it does not hold afterwards.
    #[test]
    fn a_changed_certificate_does_not_hold(change in 0usize..9, member in 0usize..3, byte in 0usize..64, bit in 0u8..8) {
        let set = validators(&[1, 1, 1]);
        let good = certificate_by(&[0, 1, 2], HEIGHT, 1, HASH);
        prop_assert_eq!(good.verify(CHAIN_ID, HEIGHT, HASH, &set), Ok(()));
        let mut bad = good.clone();
        match change {
            0 => bad.height += 1,
            1 => bad.round += 1,
            2 => bad.block_hash = B256::ZERO,
            3 => bad.signatures[member].validator = address(1),
            4 => bad.signatures[member].validator = bad.signatures[(member + 1) % 3].validator,
            5 => bad.signatures.push(bad.signatures[member].clone()),
            6 => drop(bad.signatures.remove(member)),
            7 => bad.signatures[member].signature = Bytes::new(),
            _ => {
                let mut bytes = bad.signatures[member].signature.to_vec();
                bytes[byte] ^= 1 << bit;
                bad.signatures[member].signature = bytes.into();
            }
        }
        prop_assert!(bad.verify(CHAIN_ID, HEIGHT, HASH, &set).is_err());
    }
}

#[test]
fn every_reason_is_told() {
    let set = validators(&[2, 1]);
    let check = |certificate: chain::CommitCertificate| certificate.verify(CHAIN_ID, HEIGHT, HASH, &set);
    let (first, second) = (validator_key(0).address(), validator_key(1).address());
    assert_eq!(check(certificate_by(&[0, 1], HEIGHT, 0, HASH)), Ok(()));
    // Two of three are exactly two thirds, which is too little.
    assert_eq!(check(certificate_by(&[0], HEIGHT, 0, HASH)), Err(CertificateError::NoQuorum { signed: 2, total: 3 }));
    // A power that counted twice would make a quorum of these.
    assert_eq!(check(certificate_by(&[0, 0], HEIGHT, 0, HASH)), Err(CertificateError::RepeatedValidator(first)));
    let stranger = validator_key(2).address();
    assert_eq!(check(certificate_by(&[0, 1, 2], HEIGHT, 0, HASH)), Err(CertificateError::NotAValidator(stranger)));
    let other_chain = {
        let mut certificate = certificate_by(&[0, 1], HEIGHT, 0, HASH);
        certificate.signatures[1] = validator_key(1).sign_commit(1, HEIGHT, 0, HASH).unwrap();
        certificate
    };
    assert_eq!(check(other_chain), Err(CertificateError::BadSignature(second)));
    let elsewhere = CertificateError::OtherBlock { height: HEIGHT, block_hash: B256::ZERO };
    assert_eq!(check(certificate_by(&[0, 1], HEIGHT, 0, B256::ZERO)), Err(elsewhere));
    let many = vec![0; MAX_VALIDATORS + 1];
    assert_eq!(
        check(certificate_by(&many, HEIGHT, 0, HASH)),
        Err(CertificateError::TooManySignatures(MAX_VALIDATORS + 1))
    );
    assert_eq!(check(certificate_by(&[], HEIGHT, 0, HASH)), Err(CertificateError::NoQuorum { signed: 0, total: 3 }));
}

#[test]
fn a_set_keeps_its_bounds() {
    let member = |index: u64, voting_power| Validator {
        address: alloy_primitives::Address::left_padding_from(&index.to_be_bytes()),
        voting_power,
    };
    let refused = |members: Vec<Validator>| ValidatorSet::new(members).unwrap_err();
    assert_eq!(refused(vec![]), ValidatorSetError::Empty);
    assert_eq!(refused(vec![member(1, 0)]), ValidatorSetError::NoPower(member(1, 0).address));
    assert_eq!(refused(vec![member(1, 1), member(1, 2)]), ValidatorSetError::Repeated(member(1, 1).address));
    assert_eq!(refused(vec![member(1, u64::MAX), member(2, 1)]), ValidatorSetError::TotalPower);
    let largest: Vec<_> = (0..MAX_VALIDATORS as u64).map(|index| member(index, 1)).collect();
    assert_eq!(ValidatorSet::new(largest.clone()).unwrap().iter().len(), MAX_VALIDATORS);
    let beyond = [largest, vec![member(1_000, 1)]].concat();
    assert_eq!(refused(beyond), ValidatorSetError::TooMany(MAX_VALIDATORS + 1));
    // The quorum is counted without overflow.
    let heavy = ValidatorSet::new([member(1, u64::MAX)]).unwrap();
    assert!(heavy.is_quorum(u64::MAX) && !heavy.is_quorum(u64::MAX / 3 * 2));
}

#[test]
fn a_signature_has_the_one_form_that_contracts_take() {
    let (hash, set) = (B256::repeat_byte(5), validators(&[1]));
    let sound = certificate_by(&[0], 1, 0, hash);
    sound.verify(CHAIN_ID, 1, hash, &set).unwrap();
    let parity = sound.signatures[0].signature[64];
    // Libraries also read the parity itself, and what EIP-155 makes of it.
    for other in [parity - 27, parity + 8, parity + 32] {
        let mut changed = sound.clone();
        let mut bytes = changed.signatures[0].signature.to_vec();
        bytes[64] = other;
        changed.signatures[0].signature = bytes.into();
        let refused = changed.verify(CHAIN_ID, 1, hash, &set);
        assert!(matches!(refused, Err(chain::CertificateError::BadSignature(_))), "{other}: {refused:?}");
    }
}

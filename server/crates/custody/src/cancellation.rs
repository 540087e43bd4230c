//! The transaction that takes the place of a payment which waits: the same nonce, nothing for anybody, and a little more for
//! the gas, so that nodes prefer it.

use shared::{Address, Bytes, U256};
use wallet::transaction::{AccessList, Fees, Transaction, TransactionError};

/// Gas of a transaction that only takes a nonce.
const GAS: u64 = 21_000;

/// Nodes ask a tenth more of what takes the place of another transaction.
const RISE_DIVISOR: u128 = 10;

/// Takes the nonce of a signed payment.
///
/// No policy is asked: it moves nothing, and its gas costs a tenth more a unit than that of the payment which the policy allowed,
/// or one smallest unit where that was free.
///
/// # Errors
/// Bytes that are no signed transaction.
pub fn of(raw: &Bytes) -> Result<(Transaction, Address), TransactionError> {
    let (payment, from) = Transaction::decode(raw)?;
    let fees = match payment.fees {
        Fees::Legacy { gas_price } | Fees::AccessList { gas_price, .. } => {
            Fees::Legacy { gas_price: raised(gas_price) }
        }
        Fees::Market { max_fee_per_gas, max_priority_fee_per_gas, .. } => Fees::Market {
            max_fee_per_gas: raised(max_fee_per_gas),
            max_priority_fee_per_gas: raised(max_priority_fee_per_gas),
            access_list: AccessList::default(),
        },
    };
    let (value, input) = (U256::ZERO, Bytes::new());
    Ok((Transaction { gas_limit: GAS, to: Some(from), value, input, fees, ..payment }, from))
}

/// A tenth more, rounded up, and at least one more.
const fn raised(fee: u128) -> u128 {
    let rise = fee.div_ceil(RISE_DIVISOR);
    fee.saturating_add(if rise == 0 { 1 } else { rise })
}

#[cfg(test)]
mod tests {
    use shared::signing::PrivateKey;

    use super::*;

    fn payment(fees: Fees) -> (Transaction, Address, Bytes) {
        let key = PrivateKey::from_bytes(&[7; 32]).unwrap();
        let (to, value) = (Some(Address::repeat_byte(2)), U256::from(5));
        let input = Bytes::from_static(&[1, 2, 3, 4]);
        let payment = Transaction { chain_id: 5, nonce: 9, gas_limit: 60_000, to, value, input, fees };
        let raw = payment.sign(&key).unwrap().raw;
        (payment, key.address(), raw)
    }

    #[test]
    fn it_has_the_nonce_and_chain_of_the_payment_and_moves_nothing() {
        let (payment, from, raw) = payment(Fees::free());
        let (transaction, signer) = of(&raw).unwrap();
        assert_eq!((signer, transaction.to), (from, Some(from)));
        assert_eq!((transaction.nonce, transaction.chain_id), (payment.nonce, payment.chain_id));
        assert_eq!((transaction.value, transaction.input.len(), transaction.gas_limit), (U256::ZERO, 0, 21_000));
        assert!(of(&Bytes::from_static(&[1, 2])).is_err());
    }

    #[test]
    fn each_fee_rises_by_a_tenth_and_at_least_by_one() {
        let market = |max_fee_per_gas, max_priority_fee_per_gas| Fees::Market {
            max_fee_per_gas,
            max_priority_fee_per_gas,
            access_list: AccessList::default(),
        };
        let legacy = |gas_price| Fees::Legacy { gas_price };
        for (before, after) in [
            (Fees::free(), market(1, 1)),
            (market(11, 0), market(13, 1)),
            (market(1_000, 100), market(1_100, 110)),
            (legacy(0), legacy(1)),
            (legacy(101), legacy(112)),
            (Fees::AccessList { gas_price: 10, access_list: AccessList::default() }, legacy(11)),
        ] {
            assert_eq!(of(&payment(before).2).unwrap().0.fees, after);
        }
        assert_eq!(raised(u128::MAX), u128::MAX);
    }
}

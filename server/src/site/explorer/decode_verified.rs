//! Decodes calls, events and errors of contracts that strangers made, by the ABIs that are kept with their sources.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Log};
use contract_verifier::{Interface, Named};
use shared::api::explorer::{DecodedCall, DecodedValue, LOG_DATA_SHOWN_MAX_BYTES};

/// What the decoded events of one transaction may hold together. Parts of an event may point to the same place, so what is
/// decoded can be longer than the data.
const EVENTS_MAX_BYTES: usize = 1 << 20;

/// Of contracts whose sources are known, without those of block 0, by their address.
pub(super) type Interfaces = BTreeMap<Address, Interface>;

fn decoded(named: Named) -> DecodedCall {
    let arguments = named.values.into_iter();
    let arguments =
        arguments.map(|value| DecodedValue { name: value.name, solidity_type: value.kind, value: value.text });
    DecodedCall { signature: named.signature, arguments: arguments.collect() }
}

pub(super) fn call(interfaces: &Interfaces, to: Option<Address>, input: &[u8]) -> Option<DecodedCall> {
    interfaces.get(&to?)?.decode_call(input).map(decoded)
}

pub(super) fn error(interfaces: &Interfaces, to: Option<Address>, revert_data: &[u8]) -> Option<String> {
    interfaces.get(&to?)?.decode_error(revert_data)
}

/// Decodes the events of one transaction.
pub(super) struct Events<'a> {
    interfaces: &'a Interfaces,
    room_bytes: usize,
}

impl<'a> Events<'a> {
    pub(super) const fn new(interfaces: &'a Interfaces) -> Self {
        Self { interfaces, room_bytes: EVENTS_MAX_BYTES }
    }

    /// `None` also for data that is shown in part only, and once the events before took all the room.
    pub(super) fn decode(&mut self, log: &Log) -> Option<DecodedCall> {
        let data = &log.data.data;
        if self.room_bytes == 0 || data.len() > LOG_DATA_SHOWN_MAX_BYTES {
            return None;
        }
        let event = self.interfaces.get(&log.address)?.decode_event(log.topics(), data).map(decoded)?;
        let left = self.room_bytes.checked_sub(text_bytes(&event));
        self.room_bytes = left.unwrap_or_default();
        left.map(|_| event)
    }
}

fn text_bytes(event: &DecodedCall) -> usize {
    let of = |value: &DecodedValue| value.name.len() + value.solidity_type.len() + value.value.len();
    event.signature.len() + event.arguments.iter().map(of).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, LogData, U256};
    use alloy_sol_types::{SolCall as _, SolError as _, SolEvent as _};
    use contracts::AIToken;

    use super::*;

    const CONTRACT: Address = Address::repeat_byte(7);

    /// A contract with a function, an event and an error of a token, and one event more.
    fn interfaces() -> Interfaces {
        let abi = r#"[
            {"type":"function","name":"transfer","stateMutability":"nonpayable","inputs":[{"name":"receiver","type":"address"},{"name":"sum","type":"uint256"}],"outputs":[]},
            {"type":"event","name":"Transfer","anonymous":false,"inputs":[{"name":"giver","type":"address","indexed":true},{"name":"receiver","type":"address","indexed":true},{"name":"sum","type":"uint256","indexed":false}]},
            {"type":"event","name":"Said","anonymous":false,"inputs":[{"name":"words","type":"bytes[]","indexed":false}]},
            {"type":"error","name":"ERC20InvalidSender","inputs":[{"name":"sender","type":"address"}]}
        ]"#;
        BTreeMap::from([(CONTRACT, Interface::parse(abi).unwrap())])
    }

    fn transfer(address: Address) -> Log {
        let (from, to) = (Address::repeat_byte(1), Address::repeat_byte(2));
        Log { address, data: AIToken::Transfer { from, to, value: U256::from(5) }.encode_log_data() }
    }

    /// An event of 4 KiB whose parts all are its first one.
    fn repeated() -> Log {
        let word = |number: usize| U256::from(number).to_be_bytes::<32>();
        let parts = 60;
        let mut data = [word(32), word(parts)].concat();
        data.extend(word(parts * 32).repeat(parts));
        let rest = LOG_DATA_SHOWN_MAX_BYTES - data.len() - 32;
        data.extend(word(rest));
        data.resize(LOG_DATA_SHOWN_MAX_BYTES, 1);
        let topic = alloy_primitives::keccak256("Said(bytes[])");
        Log { address: CONTRACT, data: LogData::new_unchecked(vec![topic], data.into()) }
    }

    #[test]
    fn a_contract_names_its_own_calls_and_events_and_nobody_elses() {
        let interfaces = interfaces();
        let input = AIToken::transferCall { to: Address::repeat_byte(3), value: U256::from(4) }.abi_encode();
        let named = call(&interfaces, Some(CONTRACT), &input).unwrap();
        assert_eq!(named.signature, "transfer(address,uint256)");
        let told: Vec<(&str, &str)> = named.arguments.iter().map(|one| (&*one.name, &*one.value)).collect();
        let receiver = Address::repeat_byte(3).to_string();
        assert_eq!(told, [("receiver", receiver.as_str()), ("sum", "4")]);
        assert_eq!(call(&interfaces, Some(Address::repeat_byte(8)), &input), None);
        assert_eq!(call(&interfaces, None, &input), None);
        let event = Events::new(&interfaces).decode(&transfer(CONTRACT)).unwrap();
        assert_eq!(event.arguments[0].name, "giver");
        assert_eq!(event.arguments[2].value, "5");
        assert_eq!(Events::new(&interfaces).decode(&transfer(Address::repeat_byte(8))), None);
    }

    #[test]
    fn an_error_is_told_by_its_name() {
        let data = AIToken::ERC20InvalidSender { sender: Address::ZERO }.abi_encode();
        let told = error(&interfaces(), Some(CONTRACT), &data).unwrap();
        assert_eq!(told, format!("ERC20InvalidSender({})", Address::ZERO));
        assert_eq!(error(&interfaces(), None, &data), None);
        assert_eq!(error(&interfaces(), Some(CONTRACT), &[]), None);
    }

    #[test]
    fn few_bytes_do_not_become_a_page_without_end() {
        let interfaces = interfaces();
        let mut events = Events::new(&interfaces);
        let shown: Vec<DecodedCall> = (0..200).filter_map(|_| events.decode(&repeated())).collect();
        assert!(!shown.is_empty() && shown.len() < 200, "{} were decoded", shown.len());
        assert!(shown.iter().map(text_bytes).sum::<usize>() <= EVENTS_MAX_BYTES);
        assert_eq!(events.decode(&transfer(CONTRACT)), None, "there is no room left");
        let mut longer = repeated();
        longer.data.data = Bytes::from([&longer.data.data[..], &[0]].concat());
        assert_eq!(Events::new(&interfaces).decode(&longer), None);
    }
}

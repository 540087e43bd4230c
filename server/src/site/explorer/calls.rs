//! What a transaction called. It runs again for each question, so it takes a stranger's turn.

use node::chain::CallFrame;
use node::{Lane, NodeError, NodeHandle};
use shared::api::explorer::{CALLS_SHOWN_MAX, CallView, CallsView};
use shared::{Address, B256, U256};

use super::decode;

pub(in crate::site) async fn calls_of(node: &NodeHandle, transaction: B256) -> Result<Option<CallsView>, NodeError> {
    let root = node.clone().in_lane(Lane::Stranger).calls_of(transaction).await?;
    Ok(root.as_ref().map(view))
}

fn view(root: &CallFrame) -> CallsView {
    let (mut calls, mut call_count) = (Vec::new(), 0);
    // The next one stands last; contracts nest calls deeper than a stack should.
    let mut waiting = vec![(0, root)];
    while let Some((depth, frame)) = waiting.pop() {
        call_count += 1;
        if calls.len() < CALLS_SHOWN_MAX {
            calls.push(call_view(depth, frame));
        }
        waiting.extend(frame.calls.iter().rev().map(|inner| (depth + 1, inner)));
    }
    CallsView { calls, call_count }
}

fn call_view(depth: u32, frame: &CallFrame) -> CallView {
    let is_creation = frame.typ.starts_with("CREATE");
    CallView {
        depth,
        kind: frame.typ.clone(),
        from: frame.from,
        to: frame.to,
        method: match frame.to.and_then(precompile) {
            Some(name) => name.to_owned(),
            None => decode::method(frame.to.filter(|_| !is_creation), &frame.input),
        },
        value_wei: frame.value.unwrap_or_default().to_string(),
        gas_used: frame.gas_used.saturating_to(),
        failure: frame.error.as_ref().map(|error| match &frame.revert_reason {
            Some(reason) => format!("{error}: {reason}"),
            None => error.clone(),
        }),
    }
}

/// What the chain itself computes at its lowest addresses, by the names of Ethereum's yellow paper.
fn precompile(address: Address) -> Option<&'static str> {
    const NAMES: [&str; 9] =
        ["ecrecover", "sha256", "ripemd160", "identity", "modexp", "ecadd", "ecmul", "ecpairing", "blake2f"];
    let number: usize = U256::from_be_slice(address.as_slice()).try_into().ok()?;
    NAMES.get(number.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: &str, calls: Vec<CallFrame>) -> CallFrame {
        CallFrame { typ: kind.to_owned(), calls, ..CallFrame::default() }
    }

    #[test]
    fn calls_stand_in_the_order_in_which_they_began() {
        let inner = frame("STATICCALL", vec![frame("DELEGATECALL", vec![])]);
        let shown = view(&frame("CALL", vec![inner, frame("CREATE2", vec![])]));
        let found: Vec<(u32, &str)> = shown.calls.iter().map(|call| (call.depth, call.kind.as_str())).collect();
        assert_eq!(found, [(0, "CALL"), (1, "STATICCALL"), (2, "DELEGATECALL"), (1, "CREATE2")]);
        assert_eq!(shown.call_count, 4);
    }

    #[test]
    fn what_the_chain_computes_itself_has_a_name() {
        let at = |last| Address::with_last_byte(last);
        assert_eq!([precompile(at(1)), precompile(at(9))], [Some("ecrecover"), Some("blake2f")]);
        assert_eq!([precompile(at(0)), precompile(at(10)), precompile(Address::repeat_byte(1))], [None; 3]);
    }

    #[test]
    fn more_calls_than_are_shown_are_counted() {
        let many = vec![frame("CALL", vec![]); CALLS_SHOWN_MAX + 5];
        let shown = view(&frame("CALL", many));
        assert_eq!((shown.calls.len(), shown.call_count), (CALLS_SHOWN_MAX, CALLS_SHOWN_MAX as u64 + 6));
    }
}

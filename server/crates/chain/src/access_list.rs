//! What a call touches beside its sender and its target, as an access list.

use std::collections::BTreeMap;

use alloy_eips::eip2930::AccessList;
use alloy_primitives::Address;
use revm::database::CacheDB;
use revm::{Context, InspectEvm as _, MainBuilder as _, MainContext as _};
use revm_inspectors::access_list::AccessListInspector;

use crate::call::{AccountOverride, Call, apply_overrides, call_rules, environment, finish, simulation_error};
use crate::error::ChainError;
use crate::executor::BlockContext;
use crate::store::read::Snapshot;
use crate::watch::{IsOver, Watch};

/// Most runs of a call for one list. What a call touches can depend on the gas that the list saves, so a list is tried until it
/// stays the same, which most do at the second run.
const MAX_RUNS: usize = 16;

/// The access list of a call.
#[derive(Debug)]
pub struct AccessListOutcome {
    /// Accounts and slots that the call touches, those that it named itself among them. Its sender, its target and precompiled
    /// contracts are in it only with slots.
    pub access_list: AccessList,
    /// Gas that the call uses with this list, in units of gas.
    pub gas_used: u64,
    /// Why the call fails, if it does: [`ChainError::Reverted`] or [`ChainError::Halted`].
    pub failure: Option<ChainError>,
}

impl Snapshot {
    /// Finds the access list of a call on the state after the block at `height`. All its runs together end when `is_over`.
    ///
    /// # Errors
    /// As [`Snapshot::call`], but for a call that fails while it runs, which has a list.
    pub fn create_access_list(
        &self,
        height: u64,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        is_over: IsOver<'_>,
    ) -> Result<AccessListOutcome, ChainError> {
        let header = self.header_at(height)?.ok_or_else(|| ChainError::UnknownBlock(height.to_string()))?;
        let state = self.state_at(height)?;
        call.check_size()?;
        let gas = call.gas.unwrap_or(header.gas_limit).min(header.gas_limit);
        let context = BlockContext::of(self.chain_id(), &header);
        let (mut call, mut watch) = (call.clone(), Watch::new(is_over));
        let mut runs = 0;
        loop {
            runs += 1;
            let mut database = CacheDB::new(&state);
            apply_overrides(&mut database, overrides)?;
            let mut touched = AccessListInspector::new(call.access_list.clone());
            let mut evm = Context::mainnet()
                .with_db(&mut database)
                .with_block(context.to_block_env())
                .with_cfg(call_rules(context))
                .build_mainnet_with_inspector((&mut watch, &mut touched));
            let outcome = evm.inspect_tx(environment(&call, self.chain_id(), gas));
            drop(evm);
            watch.check()?;
            let outcome = outcome.map_err(|error| simulation_error(error, call.value, header.number))?;
            let access_list = touched.into_access_list();
            if access_list == call.access_list || runs == MAX_RUNS {
                let gas_used = outcome.result.tx_gas_used();
                return Ok(AccessListOutcome { access_list, gas_used, failure: finish(outcome.result).err() });
            }
            call.access_list = access_list;
        }
    }
}

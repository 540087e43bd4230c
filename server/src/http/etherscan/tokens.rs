//! `module=stats` and `module=token`.

use ::contracts::AIToken;
use alloy_sol_types::SolCall as _;
use node::chain::Call;
use serde_json::json;
use shared::Address;

use super::parameters::{Parameters, beyond};
use super::{Answer, Refused, Source, found, listed};

/// Gas with which a token is asked for its supply.
const SUPPLY_GAS: u64 = 200_000;

pub(super) async fn answer(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    match action {
        "tokensupply" => found(source.supply(parameters.needed("contractaddress")?).await?),
        "gettoken" => {
            let address: Address = parameters.needed("contractaddress")?;
            let Some(token) = source.store.find_token(address).await? else {
                return Err(Refused::Absent("Error! No such token"));
            };
            found(json!({
                "contractAddress": address,
                "name": token.name.unwrap_or_default(),
                "symbol": token.symbol.unwrap_or_default(),
                "decimals": token.decimals.map(|decimals| decimals.to_string()).unwrap_or_default(),
                "totalSupply": source.supply(address).await?,
                "type": "ERC-20",
            }))
        }
        "gettokenholders" => {
            let (skipped, rows) = parameters.window()?;
            let holders =
                source.store.list_holders(parameters.needed("contractaddress")?, None, skipped + rows).await?;
            let row = |row: &store::record::index::HolderRow| json!({ "address": row.account, "value": row.balance.to_string() });
            listed("holders", beyond(skipped, &holders).map(row).collect())
        }
        _ => Err(Refused::Action),
    }
}

impl Source {
    /// What a contract says exists, in its smallest unit.
    async fn supply(&self, token: Address) -> Result<String, Refused> {
        let data = AIToken::totalSupplyCall {}.abi_encode().into();
        let call = Call { to: Some(token), gas: Some(SUPPLY_GAS), data, ..Call::default() };
        let outcome = self.node.call(call).await?;
        let supply = AIToken::totalSupplyCall::abi_decode_returns(&outcome.output)
            .map_err(|_| Refused::Absent("Error! The contract says no supply"))?;
        Ok(supply.to_string())
    }
}

use chain::{Genesis, GenesisContract, ValidatorSet};
use contracts::{GenesisParameters, genesis_deployments};

/// Block 0 of a development network with the product's contracts; supply 0.
#[must_use]
pub fn development_genesis(validators: ValidatorSet, parameters: &GenesisParameters) -> Genesis {
    Genesis::development(validators, genesis_of(parameters))
}

/// The contracts that genesis constructs.
#[must_use]
pub fn genesis_of(parameters: &GenesisParameters) -> Vec<GenesisContract> {
    genesis_deployments(parameters)
        .into_iter()
        .map(|deployment| GenesisContract { address: deployment.address, init_code: deployment.creation_code })
        .collect()
}

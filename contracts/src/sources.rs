//! The Solidity sources that the artifacts were compiled from, by their path below `contracts/solidity`. What they import
//! from `@openzeppelin` is a package of the version in `contracts/package-lock.json`.

/// Path and text.
pub const SOURCES: [(&str, &str); 12] = [
    ("AIToken.sol", include_str!("../solidity/AIToken.sol")),
    ("AITokenMinter.sol", include_str!("../solidity/AITokenMinter.sol")),
    ("JobEscrow.sol", include_str!("../solidity/JobEscrow.sol")),
    ("interfaces/IAIToken.sol", include_str!("../solidity/interfaces/IAIToken.sol")),
    ("interfaces/IAITokenMinter.sol", include_str!("../solidity/interfaces/IAITokenMinter.sol")),
    ("interfaces/IJobEscrow.sol", include_str!("../solidity/interfaces/IJobEscrow.sol")),
    ("libraries/Epochs.sol", include_str!("../solidity/libraries/Epochs.sol")),
    ("libraries/HoldTime.sol", include_str!("../solidity/libraries/HoldTime.sol")),
    ("libraries/JobReceipts.sol", include_str!("../solidity/libraries/JobReceipts.sol")),
    ("libraries/PaymentOrders.sol", include_str!("../solidity/libraries/PaymentOrders.sol")),
    ("libraries/Reservations.sol", include_str!("../solidity/libraries/Reservations.sol")),
    ("libraries/TaskRoles.sol", include_str!("../solidity/libraries/TaskRoles.sol")),
];

//! Creation code as `compile.mjs` wrote it, without constructor arguments.

/// Creation code of `AIToken`; its constructor takes the minter's address.
pub const AI_TOKEN_CREATION_CODE: &[u8] = include_bytes!("../artifacts/AIToken.creation.bin");

/// Creation code of `AITokenMinter`; its constructor takes token, escrow, administrator and
/// parameters.
pub const AI_TOKEN_MINTER_CREATION_CODE: &[u8] = include_bytes!("../artifacts/AITokenMinter.creation.bin");

/// Creation code of `JobEscrow`; its constructor takes token, minter, administrator and parameters.
pub const JOB_ESCROW_CREATION_CODE: &[u8] = include_bytes!("../artifacts/JobEscrow.creation.bin");

/// Creation code of `ExchangeSettlement`; its constructor takes administrator, settler, recipient of the fees, exit
/// delay and listings.
pub const EXCHANGE_SETTLEMENT_CREATION_CODE: &[u8] = include_bytes!("../artifacts/ExchangeSettlement.creation.bin");

/// Creation code of `BridgedToken`; its constructor takes administrator, name, symbol and decimals.
pub const BRIDGED_TOKEN_CREATION_CODE: &[u8] = include_bytes!("../artifacts/BridgedToken.creation.bin");

/// Creation code of `Staking`; its constructor takes token, administrator and parameters.
pub const STAKING_CREATION_CODE: &[u8] = include_bytes!("../artifacts/Staking.creation.bin");

/// Creation code of `ModelBounty`; its constructor takes token and minter.
pub const MODEL_BOUNTY_CREATION_CODE: &[u8] = include_bytes!("../artifacts/ModelBounty.creation.bin");

/// Creation code of `TestDollar`; its constructor takes nothing.
pub const TEST_DOLLAR_CREATION_CODE: &[u8] = include_bytes!("../artifacts/TestDollar.creation.bin");

/// Compiler output of `AIToken` as JSON: ABI, bytecode, compiler and settings.
pub const AI_TOKEN_ARTIFACT_JSON: &str = include_str!("../artifacts/AIToken.json");

/// Compiler output of `AITokenMinter` as JSON.
pub const AI_TOKEN_MINTER_ARTIFACT_JSON: &str = include_str!("../artifacts/AITokenMinter.json");

/// Compiler output of `JobEscrow` as JSON.
pub const JOB_ESCROW_ARTIFACT_JSON: &str = include_str!("../artifacts/JobEscrow.json");

/// Compiler output of `ExchangeSettlement` as JSON.
pub const EXCHANGE_SETTLEMENT_ARTIFACT_JSON: &str = include_str!("../artifacts/ExchangeSettlement.json");

/// Compiler output of `BridgedToken` as JSON.
pub const BRIDGED_TOKEN_ARTIFACT_JSON: &str = include_str!("../artifacts/BridgedToken.json");

/// Compiler output of `Staking` as JSON.
pub const STAKING_ARTIFACT_JSON: &str = include_str!("../artifacts/Staking.json");

/// Compiler output of `ModelBounty` as JSON.
pub const MODEL_BOUNTY_ARTIFACT_JSON: &str = include_str!("../artifacts/ModelBounty.json");

/// Compiler output of `TestDollar` as JSON.
pub const TEST_DOLLAR_ARTIFACT_JSON: &str = include_str!("../artifacts/TestDollar.json");

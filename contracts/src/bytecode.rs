//! Creation code as `compile.mjs` wrote it, without constructor arguments.

/// Creation code of `AIToken`; its constructor takes the minter's address.
pub const AI_TOKEN_CREATION_CODE: &[u8] = include_bytes!("../artifacts/AIToken.creation.bin");

/// Creation code of `AITokenMinter`; its constructor takes token, administrator and parameters.
pub const AI_TOKEN_MINTER_CREATION_CODE: &[u8] = include_bytes!("../artifacts/AITokenMinter.creation.bin");

/// Compiler output of `AIToken` as JSON: ABI, bytecode, compiler and settings.
pub const AI_TOKEN_ARTIFACT_JSON: &str = include_str!("../artifacts/AIToken.json");

/// Compiler output of `AITokenMinter` as JSON.
pub const AI_TOKEN_MINTER_ARTIFACT_JSON: &str = include_str!("../artifacts/AITokenMinter.json");

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @title What a validator signs when it commits to a block
/// @dev The domain names no contract: the same signatures make the certificates of blocks.
library ValidatorCommits {
    bytes32 private constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version,uint256 chainId)");
    bytes32 private constant COMMIT_TYPEHASH = keccak256("Commit(uint64 height,uint32 round,bytes32 blockHash)");

    /// @notice The EIP-712 digest of a commit on this chain.
    function digest(uint64 height, uint32 round, bytes32 blockHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("AITBC"), keccak256("1"), block.chainid));
        bytes32 commit = keccak256(abi.encode(COMMIT_TYPEHASH, height, round, blockHash));
        return MessageHashUtils.toTypedDataHash(domain, commit);
    }

    /// @notice Who signed a commit; zero for a malformed signature.
    function signer(uint64 height, uint32 round, bytes32 blockHash, bytes calldata signature)
        internal
        view
        returns (address account)
    {
        (account,,) = ECDSA.tryRecoverCalldata(digest(height, round, blockHash), signature);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What the provider and the attesters sign as EIP-712 typed data, and what a paying contract is shown. The
/// domain names that contract, so one signature is never paid twice.
/// @param receiptHash keccak256 of the canonical JSON (RFC 8785) of the whole receipt.
/// @param jobId The 128 random bits that name the job.
/// @param taskRole What the task did for its job: `serve`, `shard/` and a number, or `audit`.
/// @param provider Account of the miner that did the work and is paid.
/// @param client Account that asked for the work.
/// @param units Work done, in micro-units of `unitType`.
/// @param unitType What is counted, such as `megapixel_step` or `token`.
/// @param unitPrice Price in attoAIT per whole unit.
/// @param expiresAt The last second, in Unix time, at which the receipt is paid.
struct JobReceipt {
    bytes32 receiptHash;
    bytes16 jobId;
    string taskRole;
    address provider;
    address client;
    uint256 units;
    string unitType;
    uint256 unitPrice;
    uint64 expiresAt;
}

using JobReceipts for JobReceipt global;

/// @title What is hashed when a job receipt is signed
/// @dev Every contract that pays for receipts uses this struct, each in a domain of its own.
library JobReceipts {
    bytes32 internal constant JOB_RECEIPT_TYPEHASH = keccak256(
        "JobReceipt(bytes32 receiptHash,bytes16 jobId,string taskRole,address provider,address client,uint256 units,string unitType,uint256 unitPrice,uint64 expiresAt)"
    );

    bytes32 internal constant VOID_RECEIPT_TYPEHASH = keccak256("VoidReceipt(bytes32 receiptHash,string reason)");

    /// @notice The EIP-712 struct hash of what attesters sign to void a receipt.
    function voidStructHash(bytes32 receiptHash, string calldata reason) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOID_RECEIPT_TYPEHASH, receiptHash, keccak256(bytes(reason))));
    }

    /// @notice The EIP-712 struct hash of `receipt`, before the domain is added.
    function structHash(JobReceipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                JOB_RECEIPT_TYPEHASH,
                receipt.receiptHash,
                receipt.jobId,
                keccak256(bytes(receipt.taskRole)),
                receipt.provider,
                receipt.client,
                receipt.units,
                keccak256(bytes(receipt.unitType)),
                receipt.unitPrice,
                receipt.expiresAt
            )
        );
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IAITokenMinter} from "../interfaces/IAITokenMinter.sol";

/// @title What is hashed when a job receipt is signed
library JobReceiptHash {
    bytes32 internal constant JOB_RECEIPT_TYPEHASH = keccak256(
        "JobReceipt(bytes32 receiptHash,address provider,uint256 units,string unitType,uint256 unitPrice)"
    );

    /// @notice The EIP-712 struct hash of `receipt`, before the domain is added.
    function structHash(IAITokenMinter.JobReceipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                JOB_RECEIPT_TYPEHASH,
                receipt.receiptHash,
                receipt.provider,
                receipt.units,
                keccak256(bytes(receipt.unitType)),
                receipt.unitPrice
            )
        );
    }

    /// @notice The EIP-191 digest of the plain form.
    function plainDigest(address provider, uint256 units, bytes32 receiptHash) internal pure returns (bytes32) {
        return MessageHashUtils.toEthSignedMessageHash(keccak256(abi.encode(provider, units, receiptHash)));
    }
}

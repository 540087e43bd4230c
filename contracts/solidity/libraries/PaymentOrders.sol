// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What a client signs as EIP-712 typed data so that a hub may reserve the client's deposit for one job.
/// @param jobId The 128 random bits that name the job. A client has one reservation for a job, ever.
/// @param client Account that pays.
/// @param hub The attester that runs the job: only it may reserve, and nothing is paid without its signature.
/// @param maxTotal The most attoAIT that the job may cost, fee included. So much is reserved.
/// @param maxUnitPrice The highest price in attoAIT per whole unit that a receipt may ask for.
/// @param unitType What is counted, such as `megapixel_step` or `token`.
/// @param tasks How many tasks may be paid: 1 for a job served whole, or the number of its shards.
/// @param startWithinSeconds So soon after the reservation the work must start; 0 if nothing is promised.
/// @param finishWithinSeconds So soon after the reservation the work must be done; 0 if nothing is promised.
/// @param expiresAt The last second, in Unix time, at which the order reserves. The client's own way out counts from it.
struct PaymentOrder {
    bytes16 jobId;
    address client;
    address hub;
    uint128 maxTotal;
    uint128 maxUnitPrice;
    string unitType;
    uint16 tasks;
    uint32 startWithinSeconds;
    uint32 finishWithinSeconds;
    uint64 expiresAt;
}

using PaymentOrders for PaymentOrder global;

/// @title What is hashed when a payment order is signed
library PaymentOrders {
    bytes32 internal constant PAYMENT_ORDER_TYPEHASH = keccak256(
        "PaymentOrder(bytes16 jobId,address client,address hub,uint128 maxTotal,uint128 maxUnitPrice,string unitType,uint16 tasks,uint32 startWithinSeconds,uint32 finishWithinSeconds,uint64 expiresAt)"
    );

    /// @notice The EIP-712 struct hash of `order`, before the domain is added.
    function structHash(PaymentOrder calldata order) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                PAYMENT_ORDER_TYPEHASH,
                order.jobId,
                order.client,
                order.hub,
                order.maxTotal,
                order.maxUnitPrice,
                keccak256(bytes(order.unitType)),
                order.tasks,
                order.startWithinSeconds,
                order.finishWithinSeconds,
                order.expiresAt
            )
        );
    }
}

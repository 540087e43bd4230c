// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {JobReceipt} from "../libraries/JobReceipts.sol";
import {PaymentOrder} from "../libraries/PaymentOrders.sol";
import {CloseReason, Reservation, ReservationState} from "../libraries/Reservations.sol";
import {IAIToken} from "./IAIToken.sol";
import {IAITokenMinter} from "./IAITokenMinter.sol";

/// @title Pays miners from their clients' deposits, by job receipts
/// @notice A client deposits AIT and signs a payment order for a job. The hub of the order reserves the order's total.
/// Receipts of the job's tasks are paid from it, each exactly units times price, and what is left returns to the
/// client's balance. A client whose hub is gone takes the rest back alone, {EXIT_DELAY_SECONDS} after the order's expiry.
/// @dev Units, prices, amounts, times and signatures are as in {IAITokenMinter}. Attesters and their threshold are the
/// minter's. The minter also keeps the register of used receipts, so a receipt is paid by one of the two contracts.
/// Errors of a receipt carry its `receiptHash`; errors of a closing's signatures carry {closingDigest} in its place.
interface IJobEscrow {
    /// @notice Who gets which part of the fees. The parts of all recipients sum to 10 000 basis points.
    struct FeeRecipient {
        address account;
        uint16 basisPoints;
    }

    /// @notice What a deployment starts with; each has a setter.
    /// @param feeBasisPoints The part of each payment that goes to the recipients instead of the provider.
    /// @param feeRecipients Ordered by address, ascending.
    struct Parameters {
        uint16 feeBasisPoints;
        FeeRecipient[] feeRecipients;
    }

    event Deposited(address indexed client, uint256 amount);
    event Withdrawn(address indexed client, uint256 amount);

    /// @notice `amount` of the client's balance was set aside under the order with the struct hash `orderHash`.
    event Reserved(
        address indexed client, bytes16 indexed jobId, address indexed hub, uint256 amount, uint64 expiresAt, bytes32 orderHash
    );

    /// @notice The client withdrew its order before it was used. No order of this client for this job ever reserves.
    event OrderCancelled(address indexed client, bytes16 indexed jobId);

    /// @notice The receipt took `paid + fee` from the reservation; `paid` went to `provider`.
    event Settled(
        bytes32 indexed receiptHash,
        address indexed provider,
        address indexed client,
        bytes16 jobId,
        uint256 paid,
        uint256 fee
    );

    /// @notice A batch met a receipt that was used before and went on without it.
    event ReceiptSkipped(bytes32 indexed receiptHash);

    /// @notice The reservation ended, and `refund` returned to the client's balance.
    event ReservationClosed(address indexed client, bytes16 indexed jobId, CloseReason reason, uint256 refund);

    event FeePaid(address indexed recipient, uint256 amount);
    event FeeChanged(uint256 feeBasisPoints);
    event FeeRecipientsChanged(FeeRecipient[] recipients);

    /// @notice The client has `available` attoAIT that are not reserved, and `needed` were asked for.
    error InsufficientBalance(address client, uint256 available, uint256 needed);

    /// @notice The token refused the permit with `reason`, and no earlier allowance covers the deposit.
    error PermitRefused(address client, bytes reason);

    /// @notice Only the hub that the client named may use the order.
    error NotHubOfOrder(address caller, address hub);

    /// @notice The hub that the order names is no attester of the minter.
    error HubNotAttester(address hub);

    /// @notice The client has or had a reservation for this job, or cancelled its order.
    error OrderAlreadyUsed(address client, bytes16 jobId, ReservationState state);

    /// @notice An order must expire between now and `latest`, and expires at `expiresAt`.
    error OrderExpiryOutOfRange(uint256 expiresAt, uint256 timestamp, uint256 latest);

    /// @notice An order pays for 1 to `maximum` tasks.
    error TaskCountOutOfRange(uint256 tasks, uint256 maximum);

    /// @notice The order's signature recovers to `recovered` (zero if malformed), which is not `client`.
    error InvalidClientSignature(address recovered, address client);

    /// @notice Nothing is set aside by this client for this job.
    error ReservationNotOpen(address client, bytes16 jobId, ReservationState state);

    /// @notice The order is for another unit type.
    error UnitTypeNotOrdered(bytes32 receiptHash, string unitType);

    /// @notice The receipt asks for more per unit than the client's `maximum`.
    error UnitPriceAboveOrder(bytes32 receiptHash, uint256 unitPrice, uint256 maximum);

    /// @notice The role names none of the order's `tasks`.
    error TaskNotOrdered(bytes32 receiptHash, string taskRole, uint256 tasks);

    /// @notice Another receipt was paid for the same task.
    error TaskAlreadySettled(bytes32 receiptHash, string taskRole);

    /// @notice The receipt is worth more than the reservation still holds.
    error AmountAboveReservation(bytes32 receiptHash, uint256 amount, uint256 remaining);

    /// @notice Enough attesters signed, but the hub of the order is not among them.
    error HubSignatureMissing(bytes32 receiptHash, address hub);

    /// @notice Attesters do not close for this reason.
    error ReasonNotForAttesters(CloseReason reason);

    /// @notice Every promise can be kept until `promisedUntil`. With nothing promised, that is the largest number.
    error SlaNotBreached(uint256 promisedUntil, uint256 timestamp);

    /// @notice The client may take the rest back alone after `reclaimableAt`, in Unix seconds.
    error TooEarlyToReclaim(uint256 reclaimableAt, uint256 timestamp);

    /// @notice The fee lies above the constant {MAX_FEE_BASIS_POINTS}.
    error FeeTooHigh(uint256 feeBasisPoints, uint256 maximum);

    /// @notice There must be 1 to `maximum` recipients.
    error FeeRecipientCountOutOfRange(uint256 count, uint256 maximum);

    /// @notice Recipients must be ordered by ascending address, each once; `account` came after `previous`.
    error FeeRecipientsNotAscending(address previous, address account);

    /// @notice A recipient has no part, or the parts sum to `total` instead of 10 000.
    error FeePartsInvalid(uint256 total);

    /// @notice Takes `amount` attoAIT that the caller allowed the escrow to take, and credits them to the caller.
    function deposit(uint256 amount) external;

    /// @notice Deposits for `client` by the client's permit (ERC-2612), so that the client signs and sends nothing.
    /// @dev A permit that somebody else submitted first has left the allowance, and the deposit goes on. So anyone may
    /// move what a client allowed the escrow to take into that client's own balance, and nowhere else.
    function depositWithPermit(address client, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Pays `amount` of the caller's balance back to the caller. Also while the escrow is paused.
    function withdraw(uint256 amount) external;

    /// @notice Sets `order.maxTotal` of the client's balance aside. The caller is the order's hub.
    /// @param clientSignature Of the client over {orderDigest}.
    function reserve(PaymentOrder calldata order, bytes calldata clientSignature) external;

    /// @notice Makes every order of the caller for `jobId` void, unless one was used already.
    function cancelOrder(bytes16 jobId) external;

    /// @notice Pays a receipt from the reservation of its client and job. Anyone may submit it.
    /// @param receipt What was signed, for this contract.
    /// @param minerSignature Of the provider over {receiptDigest}.
    /// @param attesterSignatures Of distinct attesters over {receiptDigest}, the order's hub among them, by ascending
    /// address.
    /// @return amount What left the reservation: the provider's payment and the fee.
    function settle(JobReceipt calldata receipt, bytes calldata minerSignature, bytes[] calldata attesterSignatures)
        external
        returns (uint256 amount);

    /// @notice Settles up to {MAX_BATCH_RECEIPTS} receipts in one transaction.
    /// @dev A receipt that was used before, also earlier in the same batch, is skipped with {ReceiptSkipped}. Any other
    /// fault reverts the whole batch and names its receipt.
    /// @return amount Sum of what left the reservations.
    function settleBatch(IAITokenMinter.SignedJobReceipt[] calldata receipts) external returns (uint256 amount);

    /// @notice Ends a reservation for a reason that attesters signed, and refunds what it still holds. Anyone may submit.
    /// @param attesterSignatures Over {closingDigest}, under the same rules as those of a receipt.
    /// @return refund What returned to the client's balance.
    function close(address client, bytes16 jobId, CloseReason reason, bytes[] calldata attesterSignatures)
        external
        returns (uint256 refund);

    /// @notice Ends the caller's own reservation and refunds what it still holds, without hub or attesters, once
    /// {EXIT_DELAY_SECONDS} have passed since the order's expiry.
    /// @return refund What returned to the caller's balance.
    function reclaim(bytes16 jobId) external returns (uint256 refund);

    /// @notice Pays the fees of all payments so far to the recipients. Anyone may call it.
    /// @return paid What was paid out. The rest of a division stays for the next time.
    function distributeFees() external returns (uint256 paid);

    /// @notice Stops deposits and reservations until {unpause}. Nothing else can be stopped.
    function pause() external;

    /// @notice Allows deposits and reservations again.
    function unpause() external;

    /// @notice Sets the fee of reservations made from now on.
    function setFee(uint16 feeBasisPoints) external;

    /// @notice Pays the fees so far to the old recipients, and sets who gets those to come.
    function setFeeRecipients(FeeRecipient[] calldata recipients) external;

    /// @notice The token that is held and paid.
    function token() external view returns (IAIToken);

    /// @notice Whose attesters are trusted, and where used receipts are kept.
    function minter() external view returns (IAITokenMinter);

    /// @notice AttoAIT of `client` that are not reserved.
    function balanceOf(address client) external view returns (uint256);

    /// @notice What `client` set aside for `jobId`, and what became of it.
    function reservation(address client, bytes16 jobId) external view returns (Reservation memory);

    /// @notice The EIP-712 digest of `order` that the client signs for this contract on this chain.
    function orderDigest(PaymentOrder calldata order) external view returns (bytes32);

    /// @notice The EIP-712 digest of `receipt` that miner and attesters sign for this contract on this chain.
    function receiptDigest(JobReceipt calldata receipt) external view returns (bytes32);

    /// @notice The EIP-712 digest that attesters sign to close a reservation of this contract on this chain.
    function closingDigest(address client, bytes16 jobId, CloseReason reason) external view returns (bytes32);

    /// @notice The fee of a reservation made now.
    function feeBasisPoints() external view returns (uint256);

    /// @notice Who gets the fees.
    function feeRecipients() external view returns (FeeRecipient[] memory);

    /// @notice Fees that were taken and not yet distributed.
    function accruedFees() external view returns (uint256);
}

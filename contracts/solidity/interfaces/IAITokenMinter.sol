// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {JobReceipt} from "../libraries/JobReceipts.sol";
import {IAIToken} from "./IAIToken.sol";

/// @title Mints AIT for job receipts, each receipt once
/// @notice A job receipt says that `provider` served `units` of work at `unitPrice` for a task of a job. The provider
/// signs it for this contract, at least `attesterThreshold` attesters sign it too, and anyone may then submit it until
/// it expires: the amount always goes to the provider.
/// @dev Quantities: `units` are micro-units (10^6 = one whole unit), prices are attoAIT per whole unit, amounts are
/// attoAIT (10^18 = 1 AIT), times are Unix seconds. Signatures are 65 bytes r, s, v with a low s and v = 27 or 28.
/// Every error of a receipt carries its `receiptHash`, so that the culprit in a batch is known.
interface IAITokenMinter {
    /// @notice A receipt with its signatures, as an element of a batch.
    /// @param attesterSignatures Ordered by the address of the attester, ascending.
    struct SignedJobReceipt {
        JobReceipt receipt;
        bytes minerSignature;
        bytes[] attesterSignatures;
    }

    /// @notice The highest price in attoAIT per whole unit that a receipt of `unitType` may ask for.
    struct UnitPriceLimit {
        string unitType;
        uint256 maxUnitPrice;
    }

    /// @notice What a deployment starts with; each has a setter.
    /// @param epochCap The most attoAIT that one epoch may mint.
    struct Parameters {
        address[] attesters;
        uint8 attesterThreshold;
        uint64 epochSeconds;
        uint128 epochCap;
        UnitPriceLimit[] maxUnitPrices;
    }

    /// @notice `amount` attoAIT were minted to `provider` for the receipt. A free receipt mints 0.
    event Minted(address indexed provider, uint256 amount, bytes32 indexed receiptHash);

    /// @notice A batch met a receipt that was used before and went on without it.
    event ReceiptSkipped(bytes32 indexed receiptHash);

    event AttesterAdded(address indexed attester);
    event AttesterRemoved(address indexed attester);
    event AttesterThresholdChanged(uint256 threshold);
    event EpochLengthChanged(uint256 epochSeconds);
    event EpochCapChanged(uint256 epochCap);
    event MaxUnitPriceChanged(string unitType, uint256 maxUnitPrice);

    /// @notice The receipt has minted already.
    error ReceiptAlreadyUsed(bytes32 receiptHash);

    /// @notice The receipt was paid until `expiresAt`, and it is `timestamp` now, both in Unix seconds.
    error ReceiptExpired(bytes32 receiptHash, uint256 expiresAt, uint256 timestamp);

    /// @notice The receipt asks for more than `maximum` attoAIT per unit, the limit of its unit type.
    error UnitPriceAboveMaximum(bytes32 receiptHash, uint256 unitPrice, uint256 maximum);

    /// @notice The miner's signature recovers to `recovered` (zero if malformed), which is not `provider`.
    error InvalidMinerSignature(bytes32 receiptHash, address recovered, address provider);

    /// @notice An attestation recovers to `recovered` (zero if malformed), which is no attester.
    error InvalidAttesterSignature(bytes32 receiptHash, address recovered);

    /// @notice Attestations must be ordered by ascending address; `signer` came after `previous`. Equal addresses
    /// mean that one attester signed twice.
    error AttestersNotAscending(bytes32 receiptHash, address previous, address signer);

    /// @notice The receipt has `given` attestations where `threshold` are needed.
    error TooFewAttestations(bytes32 receiptHash, uint256 given, uint256 threshold);

    /// @notice The receipt would mint `amount`, but this epoch has only `remaining` attoAIT left.
    error EpochCapExceeded(bytes32 receiptHash, uint256 amount, uint256 remaining);

    /// @notice The batch holds `given` receipts; at most `maximum` are allowed.
    error BatchTooLarge(uint256 given, uint256 maximum);

    /// @notice An address that must be set is zero.
    error ZeroAddress();

    error AttesterAlreadyAdded(address attester);
    error UnknownAttester(address attester);

    /// @notice The attester set is full at `maximum` members.
    error TooManyAttesters(uint256 maximum);

    /// @notice The threshold must lie between 1 and the number of attesters.
    error AttesterThresholdOutOfRange(uint256 threshold, uint256 attesterCount);

    /// @notice The epoch length must lie between `minimum` and `maximum` seconds.
    error EpochLengthOutOfRange(uint256 epochSeconds, uint256 minimum, uint256 maximum);

    /// @notice Mints `units * unitPrice / 10^6` attoAIT, rounded down, to the provider and marks the receipt as used.
    /// @param receipt What was signed.
    /// @param minerSignature Of the provider over {receiptDigest}.
    /// @param attesterSignatures Of distinct attesters over {receiptDigest}, by ascending address.
    /// @return amount Minted attoAIT; 0 for a free receipt, which is used up as well.
    function mintWithReceipt(
        JobReceipt calldata receipt,
        bytes calldata minerSignature,
        bytes[] calldata attesterSignatures
    ) external returns (uint256 amount);

    /// @notice Mints for up to {MAX_BATCH_RECEIPTS} receipts in one transaction.
    /// @dev A receipt that was used before, also earlier in the same batch, is skipped with {ReceiptSkipped}, so a
    /// batch can be sent again without harm. Any other fault reverts the whole batch and names its receipt.
    /// @return amount Sum of the attoAIT minted.
    function mintBatch(SignedJobReceipt[] calldata receipts) external returns (uint256 amount);

    /// @notice Stops all minting until {unpause}.
    function pause() external;

    /// @notice Allows minting again.
    function unpause() external;

    /// @notice Trusts `attester` to attest receipts from now on.
    function addAttester(address attester) external;

    /// @notice Trusts `attester` no longer. Enough attesters for the threshold must remain.
    function removeAttester(address attester) external;

    /// @notice Sets how many distinct attesters must sign a receipt.
    function setAttesterThreshold(uint8 threshold) external;

    /// @notice Sets the length of an epoch. What the running epoch has minted stays counted.
    function setEpochSeconds(uint64 epochSeconds) external;

    /// @notice Sets the most attoAIT that one epoch may mint, the running one included.
    function setEpochCap(uint128 epochCap) external;

    /// @notice Sets the highest unit price for `unitType`; with 0, as for unit types never set, only free receipts.
    function setMaxUnitPrice(string calldata unitType, uint256 maxUnitPrice) external;

    /// @notice The token that is minted.
    function token() external view returns (IAIToken);

    /// @notice Whether the receipt has minted already.
    function usedReceipt(bytes32 receiptHash) external view returns (bool);

    /// @notice The EIP-712 digest of `receipt` that miner and attesters sign for this contract on this chain.
    function receiptDigest(JobReceipt calldata receipt) external view returns (bytes32);

    /// @notice All attesters, in no particular order.
    function attesters() external view returns (address[] memory);

    /// @notice Whether `account` is an attester.
    function isAttester(address account) external view returns (bool);

    /// @notice How many distinct attesters must sign a receipt.
    function attesterThreshold() external view returns (uint256);

    /// @notice The epoch of this block: when it began and ends, what it has minted and what it may still mint.
    function currentEpoch()
        external
        view
        returns (uint256 startUnix, uint256 endUnix, uint256 minted, uint256 remaining);

    /// @notice Length of an epoch.
    function epochSeconds() external view returns (uint256);

    /// @notice The most attoAIT that one epoch may mint.
    function epochCap() external view returns (uint256);

    /// @notice The highest unit price for `unitType`.
    function maxUnitPrice(string calldata unitType) external view returns (uint256);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {JobReceipt} from "../libraries/JobReceipts.sol";
import {IAIToken} from "./IAIToken.sol";

/// @title Mints AIT for job receipts, each receipt once
/// @notice A job receipt says that `provider` served `units` of work at `unitPrice` for a task of a job. The provider
/// signs it for this contract, at least `attesterThreshold` attesters sign it too, and anyone may then submit it until
/// it expires: the amount always goes to the provider. What is minted is held by this contract for {holdSeconds}. While
/// it is held, the attesters may void the receipt; once it is due, anyone may release it to the provider.
/// @dev Quantities: `units` are micro-units (10^6 = one whole unit), prices are attoAIT per whole unit, amounts are
/// attoAIT (10^18 = 1 AIT), times are Unix seconds. Signatures are 65 bytes r, s, v with a low s and v = 27 or 28.
/// Every error of a receipt carries its `receiptHash`, so that the culprit in a batch is known. What was used is kept by
/// the hash of the struct that was signed ({JobReceipts.structHash}): it has all terms, so no receipt is used up by another
/// one that only has the same `receiptHash`.
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

    /// @notice What is held for `provider` until `dueUnix`, whatever receipts it comes from.
    struct Hold {
        address provider;
        uint256 dueUnix;
    }

    /// @notice What a deployment starts with; each has a setter.
    /// @param epochCap The most attoAIT that one epoch may mint.
    /// @param providerEpochCap The most attoAIT that one epoch may mint for one provider.
    /// @param holdSeconds How long what is minted is held; 0 pays at once.
    struct Parameters {
        address[] attesters;
        uint8 attesterThreshold;
        uint64 epochSeconds;
        uint128 epochCap;
        uint128 providerEpochCap;
        uint64 holdSeconds;
        UnitPriceLimit[] maxUnitPrices;
    }

    /// @notice `amount` attoAIT were minted for `provider` and the receipt. A free receipt mints 0.
    event Minted(address indexed provider, uint256 amount, bytes32 indexed receiptHash);

    /// @notice A batch met a receipt that was used before and went on without it.
    event ReceiptSkipped(bytes32 indexed receiptHash);

    /// @notice `amount` of the receipt is held for `provider` until `dueUnix`.
    event Held(address indexed provider, uint256 amount, uint256 indexed dueUnix, bytes32 indexed receiptHash);

    /// @notice Everything that was held for `provider` until `dueUnix` was paid to it.
    event Released(address indexed provider, uint256 amount, uint256 indexed dueUnix);

    /// @notice The attesters took back the held `amount` of a receipt, and it was burnt.
    event Voided(address indexed provider, uint256 amount, bytes32 indexed receiptHash, string reason);

    event AttesterAdded(address indexed attester);
    event AttesterRemoved(address indexed attester);
    event AttesterThresholdChanged(uint256 threshold);
    event EpochLengthChanged(uint256 epochSeconds);
    event EpochCapChanged(uint256 epochCap);
    event ProviderEpochCapChanged(uint256 providerEpochCap);
    event HoldChanged(uint256 holdSeconds);
    event MaxUnitPriceChanged(string unitType, uint256 maxUnitPrice);

    /// @notice The receipt has minted already, or the escrow paid it.
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

    /// @notice The receipt would mint `amount`, but this epoch has only `remaining` attoAIT left for its provider.
    error ProviderCapExceeded(bytes32 receiptHash, address provider, uint256 amount, uint256 remaining);

    /// @notice What is held for `provider` is due at `dueUnix`, and it is `timestamp` now, both in Unix seconds.
    error HoldNotDue(address provider, uint256 dueUnix, uint256 timestamp);

    /// @notice Nothing is held for the receipt with these terms and this due time: it never minted, paid at once, was
    /// released, or was voided before.
    error ReceiptNotHeld(bytes32 receiptHash);

    /// @notice The reason of a void has `given` bytes; at most `maximum` are allowed.
    error VoidReasonTooLong(uint256 given, uint256 maximum);

    /// @notice The hold may last `maximum` seconds at most.
    error HoldTooLong(uint256 holdSeconds, uint256 maximum);

    /// @notice The batch has `given` elements; at most `maximum` are allowed.
    error BatchTooLarge(uint256 given, uint256 maximum);

    /// @notice `caller` tried to mark a receipt as used; only `escrow` may.
    error NotEscrow(address caller, address escrow);

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

    /// @notice Mints `units * unitPrice / 10^6` attoAIT, rounded down, for the provider and marks the receipt as used.
    /// The amount is held, or paid at once where {holdSeconds} is 0.
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

    /// @notice Pays what is due to its providers. Anyone may call it.
    /// @dev A hold with nothing in it is passed over, so a release can be sent again without harm.
    /// @return amount Sum of the attoAIT paid.
    function release(Hold[] calldata holds) external returns (uint256 amount);

    /// @notice Takes back what a receipt minted, and burns it. Possible until it is released, also while paused. The
    /// receipt stays used, and its amount stays counted against the caps.
    /// @param receipt The terms that minted.
    /// @param dueUnix Until when its amount is held, as {Held} said.
    /// @param reason Why, for everybody to read; up to {MAX_VOID_REASON_BYTES}.
    /// @param attesterSignatures Of distinct attesters over {voidDigest}, by ascending address.
    /// @return amount The attoAIT burnt.
    function voidReceipt(
        JobReceipt calldata receipt,
        uint256 dueUnix,
        string calldata reason,
        bytes[] calldata attesterSignatures
    ) external returns (uint256 amount);

    /// @notice Marks a receipt that the escrow pays as used, so that it never mints. Also while minting is paused.
    /// @dev Reverts with {NotEscrow} for every caller but the escrow.
    /// @param structHash EIP-712 struct hash of the receipt.
    /// @return isFirstUse False if the receipt has minted or was marked before.
    function useReceipt(bytes32 structHash) external returns (bool isFirstUse);

    /// @notice Stops minting and releasing until {unpause}.
    function pause() external;

    /// @notice Allows minting and releasing again.
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

    /// @notice Sets the most attoAIT that one epoch may mint for one provider, the running epoch included.
    function setProviderEpochCap(uint128 providerEpochCap) external;

    /// @notice Sets how long what is minted from now on is held. What is held already keeps its due time.
    function setHoldSeconds(uint64 holdSeconds) external;

    /// @notice Sets the highest unit price for `unitType`; with 0, as for unit types never set, only free receipts.
    function setMaxUnitPrice(string calldata unitType, uint256 maxUnitPrice) external;

    /// @notice The token that is minted.
    function token() external view returns (IAIToken);

    /// @notice The contract that pays receipts from deposits. It never changes.
    function escrow() external view returns (address);

    /// @notice Whether the receipt with this EIP-712 struct hash has minted already, or the escrow paid it.
    function usedReceipt(bytes32 structHash) external view returns (bool);

    /// @notice Whether the receipt with this EIP-712 struct hash has minted and was voided.
    function voidedReceipt(bytes32 structHash) external view returns (bool);

    /// @notice Everything that is held for `provider`, due or not.
    function heldOf(address provider) external view returns (uint256);

    /// @notice What is held for `provider` until `dueUnix`.
    function heldUntil(address provider, uint256 dueUnix) external view returns (uint256);

    /// @notice What this epoch may still mint for `provider` by its own cap.
    function remainingOf(address provider) external view returns (uint256);

    /// @notice The EIP-712 digest that attesters sign to void a receipt of this contract on this chain.
    function voidDigest(bytes32 receiptHash, string calldata reason) external view returns (bytes32);

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

    /// @notice The most attoAIT that one epoch may mint for one provider.
    function providerEpochCap() external view returns (uint256);

    /// @notice How long what is minted is held.
    function holdSeconds() external view returns (uint256);

    /// @notice The highest unit price for `unitType`.
    function maxUnitPrice(string calldata unitType) external view returns (uint256);
}

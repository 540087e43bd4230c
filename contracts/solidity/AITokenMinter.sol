// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IAIToken} from "./interfaces/IAIToken.sol";
import {IAITokenMinter} from "./interfaces/IAITokenMinter.sol";
import {Epoch} from "./libraries/Epochs.sol";
import {HoldTime} from "./libraries/HoldTime.sol";
import {JobReceipt, JobReceipts} from "./libraries/JobReceipts.sol";

/// @title The only source of AIT
contract AITokenMinter is IAITokenMinter, AccessControl, Pausable, ReentrancyGuardTransient, EIP712 {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice May change the attester set and its threshold.
    bytes32 public constant ATTESTER_MANAGER_ROLE = keccak256("ATTESTER_MANAGER_ROLE");
    /// @notice May stop and resume minting.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice May change the epoch, its caps, the hold and the prices.
    bytes32 public constant PARAMETER_SETTER_ROLE = keccak256("PARAMETER_SETTER_ROLE");

    uint256 public constant MAX_ATTESTERS = 32;
    uint256 public constant MAX_BATCH_RECEIPTS = 128;
    uint256 public constant MIN_EPOCH_SECONDS = 1 minutes;
    uint256 public constant MAX_EPOCH_SECONDS = 366 days;
    uint256 public constant MAX_HOLD_SECONDS = 30 days;
    uint256 public constant MAX_VOID_REASON_BYTES = 256;
    uint256 public constant MICRO_UNITS_PER_UNIT = 1e6;

    /// @dev What `_uses` holds of a receipt that was voided: no hash has this value.
    bytes32 private constant VOIDED = bytes32(uint256(1));
    /// @dev What it holds of a receipt that the escrow paid: it never mints.
    bytes32 private constant PAID_BY_ESCROW = bytes32(uint256(2));

    /// @dev What the minter knows of a provider. `mintedInEpoch` counts for the epoch that began at `epochStartUnix`.
    struct Provider {
        uint64 epochStartUnix;
        uint128 mintedInEpoch;
        uint128 held;
    }

    IAIToken private immutable _token;
    address private immutable _escrow;
    Epoch private _epoch;
    uint128 private _epochCap;
    uint128 private _providerEpochCap;
    uint64 private _holdSeconds;
    uint8 private _attesterThreshold;
    EnumerableSet.AddressSet private _attesters;
    /// @dev The register, by the struct that was signed: until when its amount is held, hashed by {_heldUntil}, so that a
    /// void takes it from the very hold. Zero while it was not used.
    /// The hash of the receipt's document is no key. Nothing binds it to the other terms, so an attester could use up the
    /// receipts of another one by receipts of its own with the same hash.
    mapping(bytes32 structHash => bytes32) private _uses;
    mapping(address provider => Provider) private _providers;
    mapping(address provider => mapping(uint256 dueUnix => uint256)) private _held;
    mapping(bytes32 unitTypeHash => uint256) private _maxUnitPrice;

    /// @param escrow_ Pays for receipts as well, and may mark them as used; zero if there is no such contract.
    /// @param admin Holds every role at first and may grant and revoke them.
    constructor(IAIToken token_, address escrow_, address admin, Parameters memory parameters) EIP712("AITBC", "2") {
        if (address(token_) == address(0) || admin == address(0)) revert ZeroAddress();
        _token = token_;
        _escrow = escrow_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ATTESTER_MANAGER_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
        _grantRole(PARAMETER_SETTER_ROLE, admin);

        for (uint256 i = 0; i < parameters.attesters.length; ++i) {
            _addAttester(parameters.attesters[i]);
        }
        _setAttesterThreshold(parameters.attesterThreshold);
        _epoch.startUnix = uint64(block.timestamp);
        _setEpochSeconds(parameters.epochSeconds);
        _setEpochCap(parameters.epochCap);
        _setProviderEpochCap(parameters.providerEpochCap);
        _setHoldSeconds(parameters.holdSeconds);
        for (uint256 i = 0; i < parameters.maxUnitPrices.length; ++i) {
            _setMaxUnitPrice(parameters.maxUnitPrices[i].unitType, parameters.maxUnitPrices[i].maxUnitPrice);
        }
    }

    // Minting.

    /// @inheritdoc IAITokenMinter
    function mintWithReceipt(
        JobReceipt calldata receipt,
        bytes calldata minerSignature,
        bytes[] calldata attesterSignatures
    ) external whenNotPaused nonReentrant returns (uint256 amount) {
        bytes32 structHash = receipt.structHash();
        if (usedReceipt(structHash)) revert ReceiptAlreadyUsed(receipt.receiptHash);
        amount = _mintForReceipt(receipt, structHash, minerSignature, attesterSignatures);
        _createHeld(amount);
    }

    /// @inheritdoc IAITokenMinter
    function mintBatch(SignedJobReceipt[] calldata receipts)
        external
        whenNotPaused
        nonReentrant
        returns (uint256 amount)
    {
        if (receipts.length > MAX_BATCH_RECEIPTS) revert BatchTooLarge(receipts.length, MAX_BATCH_RECEIPTS);
        for (uint256 i = 0; i < receipts.length; ++i) {
            SignedJobReceipt calldata signed = receipts[i];
            bytes32 structHash = signed.receipt.structHash();
            if (usedReceipt(structHash)) {
                emit ReceiptSkipped(signed.receipt.receiptHash);
            } else {
                amount += _mintForReceipt(
                    signed.receipt, structHash, signed.minerSignature, signed.attesterSignatures
                );
            }
        }
        _createHeld(amount);
    }

    /// @inheritdoc IAITokenMinter
    function useReceipt(bytes32 structHash) external returns (bool isFirstUse) {
        if (msg.sender != _escrow) revert NotEscrow(msg.sender, _escrow);
        isFirstUse = !usedReceipt(structHash);
        if (isFirstUse) _uses[structHash] = PAID_BY_ESCROW;
    }

    /// @param structHash Of the receipt, which was not used before.
    function _mintForReceipt(
        JobReceipt calldata receipt,
        bytes32 structHash,
        bytes calldata minerSignature,
        bytes[] calldata attesterSignatures
    ) private returns (uint256 amount) {
        _requireUnexpired(receipt);
        _requireUnitPriceAllowed(receipt);
        bytes32 digest = _hashTypedDataV4(structHash);
        _requireSignedByMiner(receipt, digest, minerSignature);
        _requireAttested(receipt.receiptHash, digest, attesterSignatures);
        return _mint(receipt, structHash);
    }

    /// @dev Books the amount. Held tokens are created once per transaction, by {_createHeld}.
    function _mint(JobReceipt calldata receipt, bytes32 structHash) private returns (uint256 amount) {
        amount = _amountOf(receipt);
        // What is paid at once has no due time, so that no void finds it among what is held.
        uint256 dueUnix = _holdSeconds == 0 ? 0 : HoldTime.dueUnix(block.timestamp, _holdSeconds);
        _uses[structHash] = _heldUntil(structHash, dueUnix);
        _countAgainstCaps(receipt.receiptHash, receipt.provider, amount);
        emit Minted(receipt.provider, amount, receipt.receiptHash);
        if (amount == 0) return 0;
        if (_holdSeconds == 0) {
            _token.mint(receipt.provider, amount);
        } else {
            _held[receipt.provider][dueUnix] += amount;
            _providers[receipt.provider].held += uint128(amount);
            emit Held(receipt.provider, amount, dueUnix, receipt.receiptHash);
        }
    }

    /// @dev The held tokens of a transaction, in one step. The hold cannot change within it.
    function _createHeld(uint256 amount) private {
        if (amount != 0 && _holdSeconds != 0) _token.mint(address(this), amount);
    }

    /// @dev A product too large for 256 bits saturates; divided by 10^6 it still lies above every cap of 128 bits, so
    /// it is refused like any other excess.
    function _amountOf(JobReceipt calldata receipt) private pure returns (uint256) {
        return Math.saturatingMul(receipt.units, receipt.unitPrice) / MICRO_UNITS_PER_UNIT;
    }

    function _heldUntil(bytes32 structHash, uint256 dueUnix) private pure returns (bytes32) {
        return keccak256(abi.encode(structHash, dueUnix));
    }

    function _countAgainstCaps(bytes32 receiptHash, address account, uint256 amount) private {
        Epoch memory epoch = _epoch.rolledTo(block.timestamp);
        uint256 remaining = Math.saturatingSub(_epochCap, epoch.minted);
        if (amount > remaining) revert EpochCapExceeded(receiptHash, amount, remaining);
        uint256 minted = _mintedInEpoch(account, epoch.startUnix);
        remaining = Math.saturatingSub(_providerEpochCap, minted);
        if (amount > remaining) revert ProviderCapExceeded(receiptHash, account, amount, remaining);
        epoch.minted += uint128(amount);
        _epoch = epoch;
        _providers[account].epochStartUnix = epoch.startUnix;
        _providers[account].mintedInEpoch = uint128(minted + amount);
    }

    function _mintedInEpoch(address account, uint64 epochStartUnix) private view returns (uint256) {
        Provider storage provider = _providers[account];
        return provider.epochStartUnix == epochStartUnix ? provider.mintedInEpoch : 0;
    }

    // What is held.

    /// @inheritdoc IAITokenMinter
    function release(Hold[] calldata holds) external whenNotPaused nonReentrant returns (uint256 amount) {
        if (holds.length > MAX_BATCH_RECEIPTS) revert BatchTooLarge(holds.length, MAX_BATCH_RECEIPTS);
        for (uint256 i = 0; i < holds.length; ++i) {
            amount += _release(holds[i].provider, holds[i].dueUnix);
        }
    }

    function _release(address provider, uint256 dueUnix) private returns (uint256 amount) {
        if (block.timestamp < dueUnix) revert HoldNotDue(provider, dueUnix, block.timestamp);
        amount = _held[provider][dueUnix];
        if (amount == 0) return 0;
        delete _held[provider][dueUnix];
        _providers[provider].held -= uint128(amount);
        emit Released(provider, amount, dueUnix);
        SafeERC20.safeTransfer(_token, provider, amount);
    }

    /// @inheritdoc IAITokenMinter
    function voidReceipt(
        JobReceipt calldata receipt,
        uint256 dueUnix,
        string calldata reason,
        bytes[] calldata attesterSignatures
    ) external nonReentrant returns (uint256 amount) {
        bytes32 receiptHash = receipt.receiptHash;
        if (bytes(reason).length > MAX_VOID_REASON_BYTES) {
            revert VoidReasonTooLong(bytes(reason).length, MAX_VOID_REASON_BYTES);
        }
        amount = _amountOf(receipt);
        bytes32 structHash = receipt.structHash();
        bool isHeld = amount != 0 && _uses[structHash] == _heldUntil(structHash, dueUnix)
            && _held[receipt.provider][dueUnix] != 0;
        if (!isHeld) revert ReceiptNotHeld(receiptHash);
        _requireAttested(receiptHash, voidDigest(receiptHash, reason), attesterSignatures);

        _uses[structHash] = VOIDED;
        _held[receipt.provider][dueUnix] -= amount;
        _providers[receipt.provider].held -= uint128(amount);
        emit Voided(receipt.provider, amount, receiptHash, reason);
        _token.burn(amount);
    }

    // Checks.

    function _requireUnexpired(JobReceipt calldata receipt) private view {
        if (block.timestamp > receipt.expiresAt) {
            revert ReceiptExpired(receipt.receiptHash, receipt.expiresAt, block.timestamp);
        }
    }

    function _requireUnitPriceAllowed(JobReceipt calldata receipt) private view {
        uint256 maximum = maxUnitPrice(receipt.unitType);
        if (receipt.unitPrice > maximum) revert UnitPriceAboveMaximum(receipt.receiptHash, receipt.unitPrice, maximum);
    }

    /// @dev A malformed signature recovers to zero, which is refused even where the provider is zero too.
    function _requireSignedByMiner(JobReceipt calldata receipt, bytes32 digest, bytes calldata signature) private pure {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (signer == address(0) || signer != receipt.provider) {
            revert InvalidMinerSignature(receipt.receiptHash, signer, receipt.provider);
        }
    }

    /// @dev The zero address of a malformed signature is never in the set.
    function _requireAttested(bytes32 receiptHash, bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < _attesterThreshold) {
            revert TooFewAttestations(receiptHash, signatures.length, _attesterThreshold);
        }
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            if (!_attesters.contains(signer)) revert InvalidAttesterSignature(receiptHash, signer);
            if (signer <= previous) revert AttestersNotAscending(receiptHash, previous, signer);
            previous = signer;
        }
    }

    // Administration.

    /// @inheritdoc IAITokenMinter
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IAITokenMinter
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @inheritdoc IAITokenMinter
    function addAttester(address attester) external onlyRole(ATTESTER_MANAGER_ROLE) {
        _addAttester(attester);
    }

    /// @inheritdoc IAITokenMinter
    function removeAttester(address attester) external onlyRole(ATTESTER_MANAGER_ROLE) {
        if (!_attesters.remove(attester)) revert UnknownAttester(attester);
        uint256 remaining = _attesters.length();
        if (remaining < _attesterThreshold) revert AttesterThresholdOutOfRange(_attesterThreshold, remaining);
        emit AttesterRemoved(attester);
    }

    /// @inheritdoc IAITokenMinter
    function setAttesterThreshold(uint8 threshold) external onlyRole(ATTESTER_MANAGER_ROLE) {
        _setAttesterThreshold(threshold);
    }

    /// @inheritdoc IAITokenMinter
    function setEpochSeconds(uint64 epochSeconds_) external onlyRole(PARAMETER_SETTER_ROLE) {
        _epoch = _epoch.rolledTo(block.timestamp);
        _setEpochSeconds(epochSeconds_);
    }

    /// @inheritdoc IAITokenMinter
    function setEpochCap(uint128 epochCap_) external onlyRole(PARAMETER_SETTER_ROLE) {
        _setEpochCap(epochCap_);
    }

    /// @inheritdoc IAITokenMinter
    function setProviderEpochCap(uint128 providerEpochCap_) external onlyRole(PARAMETER_SETTER_ROLE) {
        _setProviderEpochCap(providerEpochCap_);
    }

    /// @inheritdoc IAITokenMinter
    function setHoldSeconds(uint64 holdSeconds_) external onlyRole(PARAMETER_SETTER_ROLE) {
        _setHoldSeconds(holdSeconds_);
    }

    /// @inheritdoc IAITokenMinter
    function setMaxUnitPrice(string calldata unitType, uint256 maxUnitPrice_) external onlyRole(PARAMETER_SETTER_ROLE) {
        _setMaxUnitPrice(unitType, maxUnitPrice_);
    }

    function _addAttester(address attester) private {
        if (attester == address(0)) revert ZeroAddress();
        if (!_attesters.add(attester)) revert AttesterAlreadyAdded(attester);
        if (_attesters.length() > MAX_ATTESTERS) revert TooManyAttesters(MAX_ATTESTERS);
        emit AttesterAdded(attester);
    }

    function _setAttesterThreshold(uint8 threshold) private {
        uint256 count = _attesters.length();
        if (threshold == 0 || threshold > count) revert AttesterThresholdOutOfRange(threshold, count);
        _attesterThreshold = threshold;
        emit AttesterThresholdChanged(threshold);
    }

    function _setEpochSeconds(uint64 epochSeconds_) private {
        if (epochSeconds_ < MIN_EPOCH_SECONDS || epochSeconds_ > MAX_EPOCH_SECONDS) {
            revert EpochLengthOutOfRange(epochSeconds_, MIN_EPOCH_SECONDS, MAX_EPOCH_SECONDS);
        }
        _epoch.lengthSeconds = epochSeconds_;
        emit EpochLengthChanged(epochSeconds_);
    }

    function _setEpochCap(uint128 epochCap_) private {
        _epochCap = epochCap_;
        emit EpochCapChanged(epochCap_);
    }

    function _setProviderEpochCap(uint128 providerEpochCap_) private {
        _providerEpochCap = providerEpochCap_;
        emit ProviderEpochCapChanged(providerEpochCap_);
    }

    function _setHoldSeconds(uint64 holdSeconds_) private {
        if (holdSeconds_ > MAX_HOLD_SECONDS) revert HoldTooLong(holdSeconds_, MAX_HOLD_SECONDS);
        _holdSeconds = holdSeconds_;
        emit HoldChanged(holdSeconds_);
    }

    function _setMaxUnitPrice(string memory unitType, uint256 maxUnitPrice_) private {
        _maxUnitPrice[keccak256(bytes(unitType))] = maxUnitPrice_;
        emit MaxUnitPriceChanged(unitType, maxUnitPrice_);
    }

    // Views.

    /// @inheritdoc IAITokenMinter
    function token() external view returns (IAIToken) {
        return _token;
    }

    /// @inheritdoc IAITokenMinter
    function usedReceipt(bytes32 structHash) public view returns (bool) {
        return _uses[structHash] != 0;
    }

    /// @inheritdoc IAITokenMinter
    function voidedReceipt(bytes32 structHash) external view returns (bool) {
        return _uses[structHash] == VOIDED;
    }

    /// @inheritdoc IAITokenMinter
    function heldOf(address provider) external view returns (uint256) {
        return _providers[provider].held;
    }

    /// @inheritdoc IAITokenMinter
    function heldUntil(address provider, uint256 dueUnix) external view returns (uint256) {
        return _held[provider][dueUnix];
    }

    /// @inheritdoc IAITokenMinter
    function remainingOf(address provider) external view returns (uint256) {
        uint64 epochStartUnix = _epoch.rolledTo(block.timestamp).startUnix;
        return Math.saturatingSub(_providerEpochCap, _mintedInEpoch(provider, epochStartUnix));
    }

    /// @inheritdoc IAITokenMinter
    function escrow() external view returns (address) {
        return _escrow;
    }

    /// @inheritdoc IAITokenMinter
    function receiptDigest(JobReceipt calldata receipt) external view returns (bytes32) {
        return _hashTypedDataV4(receipt.structHash());
    }

    /// @inheritdoc IAITokenMinter
    function voidDigest(bytes32 receiptHash, string calldata reason) public view returns (bytes32) {
        return _hashTypedDataV4(JobReceipts.voidStructHash(receiptHash, reason));
    }

    /// @inheritdoc IAITokenMinter
    function attesters() external view returns (address[] memory) {
        return _attesters.values();
    }

    /// @inheritdoc IAITokenMinter
    function isAttester(address account) external view returns (bool) {
        return _attesters.contains(account);
    }

    /// @inheritdoc IAITokenMinter
    function attesterThreshold() external view returns (uint256) {
        return _attesterThreshold;
    }

    /// @inheritdoc IAITokenMinter
    function currentEpoch()
        external
        view
        returns (uint256 startUnix, uint256 endUnix, uint256 minted, uint256 remaining)
    {
        Epoch memory epoch = _epoch.rolledTo(block.timestamp);
        return (epoch.startUnix, epoch.endUnix(), epoch.minted, Math.saturatingSub(_epochCap, epoch.minted));
    }

    /// @inheritdoc IAITokenMinter
    function epochSeconds() external view returns (uint256) {
        return _epoch.lengthSeconds;
    }

    /// @inheritdoc IAITokenMinter
    function epochCap() external view returns (uint256) {
        return _epochCap;
    }

    /// @inheritdoc IAITokenMinter
    function providerEpochCap() external view returns (uint256) {
        return _providerEpochCap;
    }

    /// @inheritdoc IAITokenMinter
    function holdSeconds() external view returns (uint256) {
        return _holdSeconds;
    }

    /// @inheritdoc IAITokenMinter
    function maxUnitPrice(string calldata unitType) public view returns (uint256) {
        return _maxUnitPrice[keccak256(bytes(unitType))];
    }
}

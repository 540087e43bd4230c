// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IAIToken} from "./interfaces/IAIToken.sol";
import {IAITokenMinter} from "./interfaces/IAITokenMinter.sol";
import {Epoch} from "./libraries/Epochs.sol";
import {JobReceipt} from "./libraries/JobReceipts.sol";

/// @title The only source of AIT
contract AITokenMinter is IAITokenMinter, AccessControl, Pausable, ReentrancyGuardTransient, EIP712 {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @notice May change the attester set and its threshold.
    bytes32 public constant ATTESTER_MANAGER_ROLE = keccak256("ATTESTER_MANAGER_ROLE");
    /// @notice May stop and resume minting.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice May change the epoch, its cap and the prices.
    bytes32 public constant PARAMETER_SETTER_ROLE = keccak256("PARAMETER_SETTER_ROLE");

    uint256 public constant MAX_ATTESTERS = 32;
    uint256 public constant MAX_BATCH_RECEIPTS = 128;
    uint256 public constant MIN_EPOCH_SECONDS = 1 minutes;
    uint256 public constant MAX_EPOCH_SECONDS = 366 days;
    uint256 public constant MICRO_UNITS_PER_UNIT = 1e6;

    IAIToken private immutable _token;
    Epoch private _epoch;
    uint128 private _epochCap;
    uint8 private _attesterThreshold;
    EnumerableSet.AddressSet private _attesters;
    mapping(bytes32 receiptHash => bool) private _usedReceipt;
    mapping(bytes32 unitTypeHash => uint256) private _maxUnitPrice;

    /// @param admin Holds every role at first and may grant and revoke them.
    constructor(IAIToken token_, address admin, Parameters memory parameters) EIP712("AITBC", "2") {
        if (address(token_) == address(0) || admin == address(0)) revert ZeroAddress();
        _token = token_;
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
        return _mintForReceipt(receipt, minerSignature, attesterSignatures);
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
            if (_usedReceipt[signed.receipt.receiptHash]) {
                emit ReceiptSkipped(signed.receipt.receiptHash);
            } else {
                amount += _mintForReceipt(signed.receipt, signed.minerSignature, signed.attesterSignatures);
            }
        }
    }

    function _mintForReceipt(
        JobReceipt calldata receipt,
        bytes calldata minerSignature,
        bytes[] calldata attesterSignatures
    ) private returns (uint256 amount) {
        _requireUnused(receipt.receiptHash);
        _requireUnexpired(receipt);
        _requireUnitPriceAllowed(receipt);
        bytes32 digest = receiptDigest(receipt);
        _requireSignedByMiner(receipt, digest, minerSignature);
        _requireAttested(receipt.receiptHash, digest, attesterSignatures);
        return _mint(receipt);
    }

    /// @dev Effects, then the one interaction. A product too large for 256 bits saturates; divided by 10^6 it still
    /// lies above every cap of 128 bits, so it is refused like any other excess.
    function _mint(JobReceipt calldata receipt) private returns (uint256 amount) {
        amount = Math.saturatingMul(receipt.units, receipt.unitPrice) / MICRO_UNITS_PER_UNIT;
        _usedReceipt[receipt.receiptHash] = true;
        _countAgainstCap(receipt.receiptHash, amount);
        emit Minted(receipt.provider, amount, receipt.receiptHash);
        if (amount != 0) _token.mint(receipt.provider, amount);
    }

    function _countAgainstCap(bytes32 receiptHash, uint256 amount) private {
        Epoch memory epoch = _epoch.rolledTo(block.timestamp);
        uint256 remaining = Math.saturatingSub(_epochCap, epoch.minted);
        if (amount > remaining) revert EpochCapExceeded(receiptHash, amount, remaining);
        epoch.minted += uint128(amount);
        _epoch = epoch;
    }

    // Checks.

    function _requireUnused(bytes32 receiptHash) private view {
        if (_usedReceipt[receiptHash]) revert ReceiptAlreadyUsed(receiptHash);
    }

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
    function usedReceipt(bytes32 receiptHash) external view returns (bool) {
        return _usedReceipt[receiptHash];
    }

    /// @inheritdoc IAITokenMinter
    function receiptDigest(JobReceipt calldata receipt) public view returns (bytes32) {
        return _hashTypedDataV4(receipt.structHash());
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
    function maxUnitPrice(string calldata unitType) public view returns (uint256) {
        return _maxUnitPrice[keccak256(bytes(unitType))];
    }
}

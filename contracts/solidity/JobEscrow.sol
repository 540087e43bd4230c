// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAIToken} from "./interfaces/IAIToken.sol";
import {IAITokenMinter} from "./interfaces/IAITokenMinter.sol";
import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {JobReceipt} from "./libraries/JobReceipts.sol";
import {PaymentOrder} from "./libraries/PaymentOrders.sol";
import {CloseReason, Reservation, ReservationState} from "./libraries/Reservations.sol";
import {TaskRoles} from "./libraries/TaskRoles.sol";

/// @title Deposits of clients, reserved by job and paid by receipt
/// @dev The token that the contract holds is always the sum of balances, open reservations and accrued fees. Tokens
/// that somebody sends here by a plain transfer come on top and belong to nobody.
contract JobEscrow is IJobEscrow, AccessControl, Pausable, ReentrancyGuardTransient, EIP712 {
    using SafeERC20 for IAIToken;
    using TaskRoles for string;

    /// @notice May stop and resume deposits and reservations.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice May change the fee and its recipients.
    bytes32 public constant PARAMETER_SETTER_ROLE = keccak256("PARAMETER_SETTER_ROLE");

    uint256 public constant MAX_BATCH_RECEIPTS = 64;
    uint256 public constant MAX_TASKS = 256;
    /// @notice An order that expires later than this does not reserve, so that a slip in a number locks nothing for years.
    uint256 public constant MAX_ORDER_SECONDS = 90 days;
    /// @notice The time that receipts have to be paid after the order's expiry, before the client may take the rest back alone.
    uint256 public constant EXIT_DELAY_SECONDS = 7 days;
    uint256 public constant MAX_FEE_BASIS_POINTS = 1_000;
    uint256 public constant MAX_FEE_RECIPIENTS = 8;
    uint256 public constant BASIS_POINTS = 10_000;
    uint256 public constant MICRO_UNITS_PER_UNIT = 1e6;

    bytes32 private constant CLOSING_TYPEHASH =
        keccak256("ReservationClosing(address client,bytes16 jobId,uint8 reason)");

    IAIToken private immutable _token;
    IAITokenMinter private immutable _minter;
    uint16 private _feeBasisPoints;
    uint256 private _accruedFees;
    FeeRecipient[] private _feeRecipients;
    mapping(address client => uint256) private _balances;
    mapping(address client => mapping(bytes16 jobId => Reservation)) private _reservations;

    /// @param admin Holds every role at first and may grant and revoke them.
    constructor(IAIToken token_, IAITokenMinter minter_, address admin, Parameters memory parameters)
        EIP712("AITBC", "2")
    {
        if (address(token_) == address(0) || address(minter_) == address(0) || admin == address(0)) {
            revert IAITokenMinter.ZeroAddress();
        }
        _token = token_;
        _minter = minter_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
        _grantRole(PARAMETER_SETTER_ROLE, admin);
        _setFee(parameters.feeBasisPoints);
        _setFeeRecipients(parameters.feeRecipients);
    }

    // The client's money.

    /// @inheritdoc IJobEscrow
    function deposit(uint256 amount) external whenNotPaused nonReentrant {
        _deposit(msg.sender, amount);
    }

    /// @inheritdoc IJobEscrow
    function depositWithPermit(address client, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        whenNotPaused
        nonReentrant
    {
        try IERC20Permit(address(_token)).permit(client, address(this), amount, deadline, v, r, s) {}
        catch (bytes memory reason) {
            if (_token.allowance(client, address(this)) < amount) revert PermitRefused(client, reason);
        }
        _deposit(client, amount);
    }

    /// @inheritdoc IJobEscrow
    function withdraw(uint256 amount) external nonReentrant {
        _take(msg.sender, amount);
        emit Withdrawn(msg.sender, amount);
        _token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IJobEscrow
    function reserve(PaymentOrder calldata order, bytes calldata clientSignature) external whenNotPaused nonReentrant {
        if (msg.sender != order.hub) revert NotHubOfOrder(msg.sender, order.hub);
        // Whom the minter does not trust can neither pay nor give back, and would keep the client's AIT until it is reclaimed.
        if (!_minter.isAttester(order.hub)) revert HubNotAttester(order.hub);
        Reservation storage target = _reservations[order.client][order.jobId];
        if (target.state != ReservationState.Absent) revert OrderAlreadyUsed(order.client, order.jobId, target.state);
        _requireTermsInRange(order);
        bytes32 orderHash = order.structHash();
        _requireSignedByClient(order.client, _hashTypedDataV4(orderHash), clientSignature);

        _take(order.client, order.maxTotal);
        _open(target, order);
        emit Reserved(order.client, order.jobId, order.hub, order.maxTotal, order.expiresAt, orderHash);
    }

    /// @inheritdoc IJobEscrow
    function cancelOrder(bytes16 jobId) external {
        Reservation storage target = _reservations[msg.sender][jobId];
        if (target.state != ReservationState.Absent) revert OrderAlreadyUsed(msg.sender, jobId, target.state);
        target.state = ReservationState.Cancelled;
        emit OrderCancelled(msg.sender, jobId);
    }

    function _deposit(address client, uint256 amount) private {
        _balances[client] += amount;
        emit Deposited(client, amount);
        _token.safeTransferFrom(client, address(this), amount);
    }

    function _take(address client, uint256 amount) private {
        uint256 available = _balances[client];
        if (amount > available) revert InsufficientBalance(client, available, amount);
        unchecked {
            _balances[client] = available - amount;
        }
    }

    function _open(Reservation storage target, PaymentOrder calldata order) private {
        target.hub = order.hub;
        target.state = ReservationState.Open;
        target.feeBasisPoints = _feeBasisPoints;
        target.tasks = order.tasks;
        target.reservedAt = uint40(block.timestamp);
        target.remaining = order.maxTotal;
        target.expiresAt = order.expiresAt;
        target.startWithinSeconds = order.startWithinSeconds;
        target.finishWithinSeconds = order.finishWithinSeconds;
        target.reserved = order.maxTotal;
        target.maxUnitPrice = order.maxUnitPrice;
        target.unitTypeHash = keccak256(bytes(order.unitType));
    }

    // Paying by receipt.

    /// @inheritdoc IJobEscrow
    function settle(JobReceipt calldata receipt, bytes calldata minerSignature, bytes[] calldata attesterSignatures)
        external
        nonReentrant
        returns (uint256 amount)
    {
        bytes32 structHash = receipt.structHash();
        if (!_minter.useReceipt(structHash)) revert IAITokenMinter.ReceiptAlreadyUsed(receipt.receiptHash);
        return _settle(receipt, structHash, minerSignature, attesterSignatures);
    }

    /// @inheritdoc IJobEscrow
    function settleBatch(IAITokenMinter.SignedJobReceipt[] calldata receipts)
        external
        nonReentrant
        returns (uint256 amount)
    {
        if (receipts.length > MAX_BATCH_RECEIPTS) {
            revert IAITokenMinter.BatchTooLarge(receipts.length, MAX_BATCH_RECEIPTS);
        }
        for (uint256 i = 0; i < receipts.length; ++i) {
            IAITokenMinter.SignedJobReceipt calldata signed = receipts[i];
            bytes32 structHash = signed.receipt.structHash();
            if (_minter.useReceipt(structHash)) {
                amount += _settle(signed.receipt, structHash, signed.minerSignature, signed.attesterSignatures);
            } else {
                emit ReceiptSkipped(signed.receipt.receiptHash);
            }
        }
    }

    /// @dev The minter has marked the receipt; whatever is refused from here on reverts the mark as well.
    function _settle(
        JobReceipt calldata receipt,
        bytes32 structHash,
        bytes calldata minerSignature,
        bytes[] calldata attesterSignatures
    ) private returns (uint256 amount) {
        Reservation storage source = _requireOpen(receipt.client, receipt.jobId);
        _requireWithinOrder(receipt, source);
        bytes32 digest = _hashTypedDataV4(structHash);
        _requireSignedByMiner(receipt, digest, minerSignature);
        _requireAttested(receipt.receiptHash, digest, source.hub, attesterSignatures);
        return _pay(receipt, source);
    }

    /// @dev Effects, then the one interaction. A product too large for 256 bits saturates; divided by 10^6 it still
    /// lies above every reservation of 128 bits, so it is refused like any other excess.
    function _pay(JobReceipt calldata receipt, Reservation storage source) private returns (uint256 amount) {
        _takeTask(receipt, source);
        amount = Math.saturatingMul(receipt.units, receipt.unitPrice) / MICRO_UNITS_PER_UNIT;
        if (amount > source.remaining) {
            revert AmountAboveReservation(receipt.receiptHash, amount, source.remaining);
        }
        uint256 fee = (amount * source.feeBasisPoints) / BASIS_POINTS;
        source.remaining -= uint128(amount);
        _accruedFees += fee;
        emit Settled(receipt.receiptHash, receipt.provider, receipt.client, receipt.jobId, amount - fee, fee);
        if (source.settledTasks == source.tasks) _close(receipt.client, receipt.jobId, CloseReason.Completed);
        if (amount != 0) _token.safeTransfer(receipt.provider, amount - fee);
    }

    function _takeTask(JobReceipt calldata receipt, Reservation storage source) private {
        (bool isTask, uint256 number) = receipt.taskRole.numberAmong(source.tasks);
        if (!isTask) revert TaskNotOrdered(receipt.receiptHash, receipt.taskRole, source.tasks);
        if (!source.takeTask(number)) revert TaskAlreadySettled(receipt.receiptHash, receipt.taskRole);
    }

    // Giving back.

    /// @inheritdoc IJobEscrow
    function close(address client, bytes16 jobId, CloseReason reason, bytes[] calldata attesterSignatures)
        external
        nonReentrant
        returns (uint256 refund)
    {
        if (reason == CloseReason.Reclaimed) revert ReasonNotForAttesters(reason);
        Reservation storage source = _requireOpen(client, jobId);
        if (reason == CloseReason.SlaBreached) _requireSlaBreached(source);
        bytes32 digest = closingDigest(client, jobId, reason);
        _requireAttested(digest, digest, source.hub, attesterSignatures);
        return _close(client, jobId, reason);
    }

    /// @inheritdoc IJobEscrow
    function reclaim(bytes16 jobId) external nonReentrant returns (uint256 refund) {
        Reservation storage source = _requireOpen(msg.sender, jobId);
        uint256 reclaimableAt = source.expiresAt + EXIT_DELAY_SECONDS;
        if (block.timestamp <= reclaimableAt) revert TooEarlyToReclaim(reclaimableAt, block.timestamp);
        return _close(msg.sender, jobId, CloseReason.Reclaimed);
    }

    function _close(address client, bytes16 jobId, CloseReason reason) private returns (uint256 refund) {
        Reservation storage source = _reservations[client][jobId];
        refund = source.remaining;
        source.remaining = 0;
        source.state = ReservationState.Closed;
        _balances[client] += refund;
        emit ReservationClosed(client, jobId, reason, refund);
    }

    // Fees.

    /// @inheritdoc IJobEscrow
    function distributeFees() external nonReentrant returns (uint256 paid) {
        return _distributeFees();
    }

    function _distributeFees() private returns (uint256 paid) {
        uint256 accrued = _accruedFees;
        uint256 count = _feeRecipients.length;
        uint256[] memory parts = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            parts[i] = Math.mulDiv(accrued, _feeRecipients[i].basisPoints, BASIS_POINTS);
            paid += parts[i];
        }
        _accruedFees = accrued - paid;
        for (uint256 i = 0; i < count; ++i) {
            address recipient = _feeRecipients[i].account;
            emit FeePaid(recipient, parts[i]);
            _token.safeTransfer(recipient, parts[i]);
        }
    }

    // Checks.

    function _requireTermsInRange(PaymentOrder calldata order) private view {
        uint256 latest = block.timestamp + MAX_ORDER_SECONDS;
        if (order.expiresAt < block.timestamp || order.expiresAt > latest) {
            revert OrderExpiryOutOfRange(order.expiresAt, block.timestamp, latest);
        }
        if (order.tasks == 0 || order.tasks > MAX_TASKS) revert TaskCountOutOfRange(order.tasks, MAX_TASKS);
    }

    /// @dev A malformed signature recovers to zero, which is refused even where the client is zero too.
    function _requireSignedByClient(address client, bytes32 digest, bytes calldata signature) private pure {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (signer == address(0) || signer != client) revert InvalidClientSignature(signer, client);
    }

    function _requireOpen(address client, bytes16 jobId) private view returns (Reservation storage source) {
        source = _reservations[client][jobId];
        if (source.state != ReservationState.Open) revert ReservationNotOpen(client, jobId, source.state);
    }

    function _requireWithinOrder(JobReceipt calldata receipt, Reservation storage source) private view {
        if (block.timestamp > receipt.expiresAt) {
            revert IAITokenMinter.ReceiptExpired(receipt.receiptHash, receipt.expiresAt, block.timestamp);
        }
        if (keccak256(bytes(receipt.unitType)) != source.unitTypeHash) {
            revert UnitTypeNotOrdered(receipt.receiptHash, receipt.unitType);
        }
        if (receipt.unitPrice > source.maxUnitPrice) {
            revert UnitPriceAboveOrder(receipt.receiptHash, receipt.unitPrice, source.maxUnitPrice);
        }
    }

    function _requireSignedByMiner(JobReceipt calldata receipt, bytes32 digest, bytes calldata signature) private pure {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (signer == address(0) || signer != receipt.provider) {
            revert IAITokenMinter.InvalidMinerSignature(receipt.receiptHash, signer, receipt.provider);
        }
    }

    /// @dev The zero address of a malformed signature is never in the set. The client trusts one hub, not every hub
    /// that the minter trusts, so the order's hub must be among the signers.
    function _requireAttested(bytes32 subject, bytes32 digest, address hub, bytes[] calldata signatures) private view {
        uint256 threshold = _minter.attesterThreshold();
        if (signatures.length < threshold) {
            revert IAITokenMinter.TooFewAttestations(subject, signatures.length, threshold);
        }
        bool isSignedByHub = false;
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            if (!_minter.isAttester(signer)) revert IAITokenMinter.InvalidAttesterSignature(subject, signer);
            if (signer <= previous) revert IAITokenMinter.AttestersNotAscending(subject, previous, signer);
            if (signer == hub) isSignedByHub = true;
            previous = signer;
        }
        if (!isSignedByHub) revert HubSignatureMissing(subject, hub);
    }

    function _requireSlaBreached(Reservation storage source) private view {
        uint256 promisedUntil = source.promisedUntil();
        if (block.timestamp <= promisedUntil) revert SlaNotBreached(promisedUntil, block.timestamp);
    }

    // Administration.

    /// @inheritdoc IJobEscrow
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IJobEscrow
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @inheritdoc IJobEscrow
    function setFee(uint16 feeBasisPoints_) external onlyRole(PARAMETER_SETTER_ROLE) {
        _setFee(feeBasisPoints_);
    }

    /// @inheritdoc IJobEscrow
    function setFeeRecipients(FeeRecipient[] calldata recipients)
        external
        onlyRole(PARAMETER_SETTER_ROLE)
        nonReentrant
    {
        _distributeFees();
        _setFeeRecipients(recipients);
    }

    function _setFee(uint16 feeBasisPoints_) private {
        if (feeBasisPoints_ > MAX_FEE_BASIS_POINTS) revert FeeTooHigh(feeBasisPoints_, MAX_FEE_BASIS_POINTS);
        _feeBasisPoints = feeBasisPoints_;
        emit FeeChanged(feeBasisPoints_);
    }

    function _setFeeRecipients(FeeRecipient[] memory recipients) private {
        uint256 count = recipients.length;
        if (count == 0 || count > MAX_FEE_RECIPIENTS) revert FeeRecipientCountOutOfRange(count, MAX_FEE_RECIPIENTS);
        delete _feeRecipients;
        uint256 total = 0;
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            FeeRecipient memory recipient = recipients[i];
            if (recipient.account <= previous) revert FeeRecipientsNotAscending(previous, recipient.account);
            if (recipient.basisPoints == 0) revert FeePartsInvalid(recipient.basisPoints);
            previous = recipient.account;
            total += recipient.basisPoints;
            _feeRecipients.push(recipient);
        }
        if (total != BASIS_POINTS) revert FeePartsInvalid(total);
        emit FeeRecipientsChanged(recipients);
    }

    // Views.

    /// @inheritdoc IJobEscrow
    function token() external view returns (IAIToken) {
        return _token;
    }

    /// @inheritdoc IJobEscrow
    function minter() external view returns (IAITokenMinter) {
        return _minter;
    }

    /// @inheritdoc IJobEscrow
    function balanceOf(address client) external view returns (uint256) {
        return _balances[client];
    }

    /// @inheritdoc IJobEscrow
    function reservation(address client, bytes16 jobId) external view returns (Reservation memory) {
        return _reservations[client][jobId];
    }

    /// @inheritdoc IJobEscrow
    function orderDigest(PaymentOrder calldata order) external view returns (bytes32) {
        return _hashTypedDataV4(order.structHash());
    }

    /// @inheritdoc IJobEscrow
    function receiptDigest(JobReceipt calldata receipt) external view returns (bytes32) {
        return _hashTypedDataV4(receipt.structHash());
    }

    /// @inheritdoc IJobEscrow
    function closingDigest(address client, bytes16 jobId, CloseReason reason) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CLOSING_TYPEHASH, client, jobId, reason)));
    }

    /// @inheritdoc IJobEscrow
    function feeBasisPoints() external view returns (uint256) {
        return _feeBasisPoints;
    }

    /// @inheritdoc IJobEscrow
    function feeRecipients() external view returns (FeeRecipient[] memory) {
        return _feeRecipients;
    }

    /// @inheritdoc IJobEscrow
    function accruedFees() external view returns (uint256) {
        return _accruedFees;
    }
}

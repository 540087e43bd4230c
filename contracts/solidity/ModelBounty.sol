// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAIToken} from "./interfaces/IAIToken.sol";
import {IAITokenMinter} from "./interfaces/IAITokenMinter.sol";
import {IModelBounty} from "./interfaces/IModelBounty.sol";
import {HoldTime} from "./libraries/HoldTime.sol";
import {JobReceipt} from "./libraries/JobReceipts.sol";
import {ReceiptDocuments, ReceiptFacts} from "./libraries/ReceiptDocuments.sol";

/// @title AIT pledged for models, earned by their first receipts
/// @dev Nobody has a role here. The token that the contract holds is always the sum of all rewards that are neither paid nor
/// given back; tokens that somebody sends here by a plain transfer come on top and belong to nobody.
contract ModelBounty is IModelBounty, ReentrancyGuardTransient {
    using SafeERC20 for IAIToken;

    uint256 public constant MAX_RECEIPTS = 1_000;
    /// @notice The least reward, 0.01 AIT: a bounty takes storage for ever.
    uint256 public constant MIN_REWARD = 1e16;
    /// @notice The least that work must have cost, 0.001 AIT: a free receipt earns nothing.
    uint256 public constant MIN_WORK = 1e15;
    uint256 public constant MIN_BOUNTY_SECONDS = 1 minutes;
    uint256 public constant MAX_BOUNTY_SECONDS = 366 days;
    uint256 public constant MAX_DOCUMENT_BYTES = 4_096;
    uint256 public constant MAX_REASON_BYTES = 256;
    uint256 public constant MAX_LISTED = 100;
    uint256 public constant MICRO_UNITS_PER_UNIT = 1e6;

    string private constant VOIDED = "the minter voided the receipt";

    struct StoredClaim {
        bytes32 receiptHash;
        // Of the receipt, by which the minter knows it.
        bytes32 structHash;
        uint64 dueUnix;
        ClaimState state;
    }

    IAIToken private immutable _token;
    IAITokenMinter private immutable _minter;
    uint256 private _bountyCount;
    mapping(uint256 bountyId => Bounty) private _bounties;
    mapping(bytes32 modelDigest => uint256[]) private _bountiesOf;
    mapping(uint256 bountyId => address[]) private _claimants;
    mapping(uint256 bountyId => mapping(address provider => StoredClaim)) private _claims;
    mapping(bytes32 receiptHash => uint256 bountyId) private _bountyOfReceipt;

    constructor(IAIToken token_, IAITokenMinter minter_) {
        if (address(token_) == address(0) || address(minter_) == address(0)) revert ZeroAddress();
        _token = token_;
        _minter = minter_;
    }

    // Pledging.

    /// @inheritdoc IModelBounty
    function pledge(Terms calldata terms) external nonReentrant returns (uint256 bountyId) {
        return _pledge(terms);
    }

    /// @inheritdoc IModelBounty
    function pledgeWithPermit(Terms calldata terms, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint256 bountyId)
    {
        uint256 amount = _amountOf(terms);
        try IERC20Permit(address(_token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {}
        catch (bytes memory reason) {
            if (_token.allowance(msg.sender, address(this)) < amount) revert PermitRefused(msg.sender, reason);
        }
        return _pledge(terms);
    }

    function _pledge(Terms calldata terms) private returns (uint256 bountyId) {
        _requireTermsInRange(terms);
        bountyId = ++_bountyCount;
        Bounty storage bounty = _bounties[bountyId];
        bounty.pledger = msg.sender;
        bounty.pledgedAt = uint64(block.timestamp);
        bounty.terms = terms;
        _bountiesOf[terms.modelDigest].push(bountyId);
        emit Pledged(
            bountyId, msg.sender, terms.modelDigest, terms.receipts, terms.reward, terms.minWork, terms.expiresAt
        );
        _token.safeTransferFrom(msg.sender, address(this), _amountOf(terms));
    }

    function _amountOf(Terms calldata terms) private pure returns (uint256) {
        return uint256(terms.receipts) * terms.reward;
    }

    function _requireTermsInRange(Terms calldata terms) private view {
        if (terms.modelDigest == 0) revert ZeroModelDigest();
        if (terms.receipts == 0 || terms.receipts > MAX_RECEIPTS) {
            revert ReceiptCountOutOfRange(terms.receipts, MAX_RECEIPTS);
        }
        if (terms.reward < MIN_REWARD) revert RewardTooSmall(terms.reward, MIN_REWARD);
        if (terms.minWork < MIN_WORK) revert MinWorkTooSmall(terms.minWork, MIN_WORK);
        uint256 earliest = block.timestamp + MIN_BOUNTY_SECONDS;
        uint256 latest = block.timestamp + MAX_BOUNTY_SECONDS;
        if (terms.expiresAt < earliest || terms.expiresAt > latest) {
            revert ExpiryOutOfRange(terms.expiresAt, earliest, latest);
        }
    }

    // Earning.

    /// @inheritdoc IModelBounty
    function claim(uint256 bountyId, JobReceipt calldata receipt, bytes calldata document)
        external
        nonReentrant
        returns (uint64 dueUnix)
    {
        Bounty storage bounty = _require(bountyId);
        if (block.timestamp > bounty.terms.expiresAt) {
            revert BountyExpired(bountyId, bounty.terms.expiresAt, block.timestamp);
        }
        if (_openRewards(bounty) == 0) revert NoRewardLeft(bountyId);
        if (msg.sender == bounty.pledger) revert PledgerCannotEarn(bountyId, msg.sender);
        StoredClaim storage own = _claims[bountyId][msg.sender];
        if (own.state != ClaimState.Absent) revert ProviderAlreadyClaimed(bountyId, msg.sender);
        bytes32 receiptHash = receipt.receiptHash;
        bytes32 structHash = _requireEarned(bounty, receipt, document);

        dueUnix = uint64(HoldTime.dueUnix(block.timestamp, _minter.holdSeconds()));
        own.receiptHash = receiptHash;
        own.structHash = structHash;
        own.dueUnix = dueUnix;
        own.state = ClaimState.Waiting;
        bounty.waiting += 1;
        _bountyOfReceipt[receiptHash] = bountyId;
        _claimants[bountyId].push(msg.sender);
        emit Claimed(bountyId, msg.sender, receiptHash, dueUnix);
    }

    /// @dev The register is asked before the document is read: attesters signed its hash, so it is what they checked.
    function _requireEarned(Bounty storage bounty, JobReceipt calldata receipt, bytes calldata document)
        private
        view
        returns (bytes32 structHash)
    {
        if (document.length > MAX_DOCUMENT_BYTES) revert DocumentTooLong(document.length, MAX_DOCUMENT_BYTES);
        bytes32 receiptHash = receipt.receiptHash;
        if (keccak256(document) != receiptHash) revert OtherDocument(receiptHash, keccak256(document));
        structHash = receipt.structHash();
        if (!_minter.usedReceipt(structHash)) revert ReceiptNotSettled(receiptHash);
        if (_minter.voidedReceipt(structHash)) revert ReceiptVoided(receiptHash);
        if (_bountyOfReceipt[receiptHash] != 0) revert ReceiptAlreadyClaimed(receiptHash);

        ReceiptFacts memory facts = ReceiptDocuments.facts(document);
        Terms storage terms = bounty.terms;
        if (facts.provider != msg.sender) revert NotProvider(msg.sender, facts.provider);
        if (facts.payer != address(_minter)) revert NotMinted(receiptHash, facts.payer, address(_minter));
        if (!facts.isServed) revert NotServed(receiptHash);
        if (facts.modelDigest != terms.modelDigest) {
            revert OtherModel(receiptHash, facts.modelDigest, terms.modelDigest);
        }
        if (facts.startedAt < bounty.pledgedAt) {
            revert WorkBeforePledge(receiptHash, facts.startedAt, bounty.pledgedAt);
        }
        uint256 work = Math.saturatingMul(facts.units, facts.unitPrice) / MICRO_UNITS_PER_UNIT;
        if (work < terms.minWork) revert WorkTooSmall(receiptHash, work, terms.minWork);
    }

    /// @inheritdoc IModelBounty
    function settle(uint256 bountyId, address provider) external nonReentrant returns (uint256 amount) {
        StoredClaim storage own = _requireWaiting(bountyId, provider);
        if (_minter.voidedReceipt(own.structHash)) {
            _drop(bountyId, provider, own, VOIDED);
            return 0;
        }
        if (block.timestamp < own.dueUnix) revert ClaimNotDue(bountyId, provider, own.dueUnix, block.timestamp);
        Bounty storage bounty = _bounties[bountyId];
        own.state = ClaimState.Paid;
        bounty.waiting -= 1;
        bounty.paid += 1;
        amount = bounty.terms.reward;
        emit RewardPaid(bountyId, provider, amount);
        _token.safeTransfer(provider, amount);
    }

    /// @inheritdoc IModelBounty
    function reject(uint256 bountyId, address provider, string calldata reason, bytes[] calldata attesterSignatures)
        external
        nonReentrant
    {
        if (bytes(reason).length > MAX_REASON_BYTES) revert ReasonTooLong(bytes(reason).length, MAX_REASON_BYTES);
        StoredClaim storage own = _requireWaiting(bountyId, provider);
        _requireAttested(own.receiptHash, _minter.voidDigest(own.receiptHash, reason), attesterSignatures);
        _drop(bountyId, provider, own, reason);
    }

    /// @dev The provider has claimed from this bounty and cannot again, nor can the receipt elsewhere.
    function _drop(uint256 bountyId, address provider, StoredClaim storage own, string memory reason) private {
        own.state = ClaimState.Dropped;
        _bounties[bountyId].waiting -= 1;
        emit ClaimDropped(bountyId, provider, own.receiptHash, reason);
    }

    // Giving back.

    /// @inheritdoc IModelBounty
    function refund(uint256 bountyId) external nonReentrant returns (uint256 amount) {
        Bounty storage bounty = _require(bountyId);
        if (block.timestamp <= bounty.terms.expiresAt) {
            revert BountyNotExpired(bountyId, bounty.terms.expiresAt, block.timestamp);
        }
        uint32 open = _openRewards(bounty);
        if (open == 0) revert NothingToRefund(bountyId);
        bounty.refunded += open;
        amount = uint256(open) * bounty.terms.reward;
        emit Refunded(bountyId, bounty.pledger, amount);
        _token.safeTransfer(bounty.pledger, amount);
    }

    function _openRewards(Bounty storage bounty) private view returns (uint32) {
        return bounty.terms.receipts - bounty.waiting - bounty.paid - bounty.refunded;
    }

    // Checks.

    function _require(uint256 bountyId) private view returns (Bounty storage bounty) {
        bounty = _bounties[bountyId];
        if (bounty.pledger == address(0)) revert UnknownBounty(bountyId);
    }

    function _requireWaiting(uint256 bountyId, address provider) private view returns (StoredClaim storage own) {
        own = _claims[bountyId][provider];
        if (own.state != ClaimState.Waiting) revert ClaimNotWaiting(bountyId, provider, own.state);
    }

    /// @dev The zero address of a malformed signature is never in the set.
    function _requireAttested(bytes32 receiptHash, bytes32 digest, bytes[] calldata signatures) private view {
        uint256 threshold = _minter.attesterThreshold();
        if (signatures.length < threshold) {
            revert IAITokenMinter.TooFewAttestations(receiptHash, signatures.length, threshold);
        }
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            if (!_minter.isAttester(signer)) revert IAITokenMinter.InvalidAttesterSignature(receiptHash, signer);
            if (signer <= previous) revert IAITokenMinter.AttestersNotAscending(receiptHash, previous, signer);
            previous = signer;
        }
    }

    // Views.

    /// @inheritdoc IModelBounty
    function bountyCount() external view returns (uint256) {
        return _bountyCount;
    }

    /// @inheritdoc IModelBounty
    function bounties(uint256[] calldata bountyIds) external view returns (Bounty[] memory found) {
        if (bountyIds.length > MAX_LISTED) revert ListTooLong(bountyIds.length, MAX_LISTED);
        found = new Bounty[](bountyIds.length);
        for (uint256 i = 0; i < bountyIds.length; ++i) {
            found[i] = _require(bountyIds[i]);
        }
    }

    /// @inheritdoc IModelBounty
    function bountiesOf(bytes32 modelDigest, uint256 before) external view returns (uint256[] memory bountyIds) {
        uint256[] storage all = _bountiesOf[modelDigest];
        uint256 end = before == 0 ? all.length : Arrays.lowerBound(all, before);
        uint256 count = Math.min(end, MAX_LISTED);
        bountyIds = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            bountyIds[i] = all[end - 1 - i];
        }
    }

    /// @inheritdoc IModelBounty
    function claimsOf(uint256 bountyId, uint256 from) external view returns (Claim[] memory found) {
        _require(bountyId);
        address[] storage claimants = _claimants[bountyId];
        uint256 count = Math.min(Math.saturatingSub(claimants.length, from), MAX_LISTED);
        found = new Claim[](count);
        for (uint256 i = 0; i < count; ++i) {
            found[i] = claimOf(bountyId, claimants[from + i]);
        }
    }

    /// @inheritdoc IModelBounty
    function claimOf(uint256 bountyId, address provider) public view returns (Claim memory) {
        StoredClaim storage own = _claims[bountyId][provider];
        return Claim(provider, own.receiptHash, own.dueUnix, own.state);
    }

    /// @inheritdoc IModelBounty
    function bountyOfReceipt(bytes32 receiptHash) external view returns (uint256) {
        return _bountyOfReceipt[receiptHash];
    }

    /// @inheritdoc IModelBounty
    function token() external view returns (IAIToken) {
        return _token;
    }

    /// @inheritdoc IModelBounty
    function minter() external view returns (IAITokenMinter) {
        return _minter;
    }
}

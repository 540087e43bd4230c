// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {JobReceipt} from "../libraries/JobReceipts.sol";
import {IAIToken} from "./IAIToken.sol";
import {IAITokenMinter} from "./IAITokenMinter.sol";

/// @title AIT pledged for a model that somebody wants served
/// @notice A pledge is parted into equal rewards. Each is earned by one receipt for work with that model, done after the
/// pledge, for which the minter minted: what a client pays a miner of its choice through the escrow is never audited, so
/// it earns nothing. Nor does an audit: it does somebody else's work again. A provider earns one reward of a bounty at most. Claimed
/// rewards wait as long as the minter holds what it mints; a receipt that the attesters void or reject in that time earns
/// nothing. What nobody claimed goes back to the pledger after the expiry.
/// @dev Amounts are in attoAIT, times in Unix seconds. A model is named by the SHA-256 of its manifest, which its receipts
/// state in `determinism_class`. The chain makes no block while nobody sends a transaction, so times count by
/// `block.timestamp` and not by blocks.
interface IModelBounty {
    enum ClaimState {
        Absent,
        Waiting,
        Paid,
        Dropped
    }

    /// @notice What a pledger decides.
    /// @param modelDigest SHA-256 of the model's manifest.
    /// @param receipts How many receipts earn a reward each.
    /// @param reward What one of them earns.
    /// @param minWork What must have been minted for the work of a receipt at least.
    /// @param expiresAt The last second at which a receipt can be claimed for.
    struct Terms {
        bytes32 modelDigest;
        uint32 receipts;
        uint128 reward;
        uint128 minWork;
        uint64 expiresAt;
    }

    /// @notice What is known of a bounty.
    /// @param pledgedAt Work that began before does not count.
    /// @param waiting Rewards that are claimed and not paid yet.
    /// @param paid Rewards that were paid.
    /// @param refunded Rewards that went back to the pledger.
    struct Bounty {
        address pledger;
        uint64 pledgedAt;
        uint32 waiting;
        uint32 paid;
        uint32 refunded;
        Terms terms;
    }

    /// @notice A claim of a provider.
    /// @param dueUnix From when on it is paid.
    struct Claim {
        address provider;
        bytes32 receiptHash;
        uint64 dueUnix;
        ClaimState state;
    }

    event Pledged(
        uint256 indexed bountyId,
        address indexed pledger,
        bytes32 indexed modelDigest,
        uint32 receipts,
        uint128 reward,
        uint128 minWork,
        uint64 expiresAt
    );
    event Claimed(uint256 indexed bountyId, address indexed provider, bytes32 indexed receiptHash, uint64 dueUnix);
    event RewardPaid(uint256 indexed bountyId, address indexed provider, uint256 amount);
    /// @notice The receipt of a claim was voided or rejected; its reward is open again.
    event ClaimDropped(uint256 indexed bountyId, address indexed provider, bytes32 indexed receiptHash, string reason);
    event Refunded(uint256 indexed bountyId, address indexed pledger, uint256 amount);

    /// @notice An address that must be set is zero.
    error ZeroAddress();

    /// @notice The digest of no model is zero.
    error ZeroModelDigest();

    /// @notice A bounty has 1 to `maximum` rewards.
    error ReceiptCountOutOfRange(uint256 receipts, uint256 maximum);

    error RewardTooSmall(uint256 reward, uint256 minimum);
    error MinWorkTooSmall(uint256 minWork, uint256 minimum);

    /// @notice A bounty expires between `earliest` and `latest`.
    error ExpiryOutOfRange(uint256 expiresAt, uint256 earliest, uint256 latest);

    /// @notice The token refused the permit for this reason, and the allowance is too small without it.
    error PermitRefused(address pledger, bytes reason);

    error UnknownBounty(uint256 bountyId);
    error BountyExpired(uint256 bountyId, uint256 expiresAt, uint256 timestamp);
    error BountyNotExpired(uint256 bountyId, uint256 expiresAt, uint256 timestamp);

    /// @notice Every reward is claimed or paid.
    error NoRewardLeft(uint256 bountyId);

    /// @notice Every reward is claimed, paid or given back.
    error NothingToRefund(uint256 bountyId);

    /// @notice The document has `given` bytes; at most `maximum` are read.
    error DocumentTooLong(uint256 given, uint256 maximum);

    /// @notice The minter's register does not know the receipt: it was neither minted nor paid from the escrow.
    error ReceiptNotSettled(bytes32 receiptHash);

    error ReceiptVoided(bytes32 receiptHash);

    /// @notice A receipt earns one reward, whatever bounties there are for its model.
    error ReceiptAlreadyClaimed(bytes32 receiptHash);

    /// @notice The receipt pays `provider`, and `caller` is somebody else. A provider decides itself which bounty its
    /// receipt is for.
    error NotProvider(address caller, address provider);

    error PledgerCannotEarn(uint256 bountyId, address pledger);

    /// @notice The provider has claimed from this bounty before.
    error ProviderAlreadyClaimed(uint256 bountyId, address provider);

    /// @notice The receipt is for another model, or names none where `stated` is zero.
    error OtherModel(bytes32 receiptHash, bytes32 stated, bytes32 wanted);

    /// @notice The receipt names `payer` as the contract that pays it, and not the minter.
    error NotMinted(bytes32 receiptHash, address payer, address minter);

    /// @notice The receipt is for an audit. No client asked for that work.
    error NotServed(bytes32 receiptHash);

    /// @notice The document hashes to `documentHash`, and the receipt names `receiptHash`.
    error OtherDocument(bytes32 receiptHash, bytes32 documentHash);

    error WorkBeforePledge(bytes32 receiptHash, uint256 startedAt, uint256 pledgedAt);
    error WorkTooSmall(bytes32 receiptHash, uint256 work, uint256 minWork);
    error ClaimNotWaiting(uint256 bountyId, address provider, ClaimState state);
    error ClaimNotDue(uint256 bountyId, address provider, uint256 dueUnix, uint256 timestamp);

    /// @notice The reason of a rejection has `given` bytes; at most `maximum` are allowed.
    error ReasonTooLong(uint256 given, uint256 maximum);

    /// @notice The list has `given` elements; at most `maximum` are allowed.
    error ListTooLong(uint256 given, uint256 maximum);

    /// @notice Pledges `receipts * reward` of the caller's AIT, of which the contract has an allowance.
    /// @return bountyId Counted from 1.
    function pledge(Terms calldata terms) external returns (uint256 bountyId);

    /// @notice The same with an ERC-2612 permit of the caller.
    function pledgeWithPermit(Terms calldata terms, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 bountyId);

    /// @notice Claims a reward for a receipt of the caller's.
    /// @param receipt What was signed and minted, by which the minter's register knows it.
    /// @param document The whole receipt as RFC 8785 JSON: its Keccak-256 is the hash that was signed.
    /// @return dueUnix From when on {settle} pays it.
    function claim(uint256 bountyId, JobReceipt calldata receipt, bytes calldata document)
        external
        returns (uint64 dueUnix);

    /// @notice Pays a claim that is due, or drops it where its receipt was voided. Anybody may call it.
    /// @return amount What was paid; 0 where the claim was dropped.
    function settle(uint256 bountyId, address provider) external returns (uint256 amount);

    /// @notice Drops a waiting claim whose receipt the attesters refute. It is how they stop a claim that was made late, when
    /// the minter holds nothing of the receipt any more that it could void.
    /// @param attesterSignatures Of distinct attesters over the minter's {IAITokenMinter-voidDigest}, by ascending address.
    function reject(uint256 bountyId, address provider, string calldata reason, bytes[] calldata attesterSignatures)
        external;

    /// @notice Gives the pledger back what nobody claimed, after the expiry. Anybody may call it, and again where a claim
    /// was dropped since.
    function refund(uint256 bountyId) external returns (uint256 amount);

    /// @notice How many bounties there are; their ids go from 1 to this.
    function bountyCount() external view returns (uint256);

    /// @notice The bounties of these ids, up to {MAX_LISTED} of them.
    function bounties(uint256[] calldata bountyIds) external view returns (Bounty[] memory);

    /// @notice Ids of bounties for a model, newest first, up to {MAX_LISTED} of them.
    /// @param before Only ids below this one; 0 for the newest.
    function bountiesOf(bytes32 modelDigest, uint256 before) external view returns (uint256[] memory);

    /// @notice The claims on a bounty from number `from` on, oldest first, up to {MAX_LISTED} of them.
    function claimsOf(uint256 bountyId, uint256 from) external view returns (Claim[] memory);

    /// @notice What `provider` claimed from a bounty.
    function claimOf(uint256 bountyId, address provider) external view returns (Claim memory);

    /// @notice From which bounty a reward was claimed for the receipt; 0 where none was.
    function bountyOfReceipt(bytes32 receiptHash) external view returns (uint256);

    function token() external view returns (IAIToken);

    /// @notice Whose register says which receipts are settled.
    function minter() external view returns (IAITokenMinter);
}

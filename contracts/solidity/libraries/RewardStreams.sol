// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What flows to those who have stake, and what has flowed.
/// @param flowing What has not flowed yet.
/// @param flowedUntilUnix Until when the flow is accounted for.
/// @param endsUnix When all of it has flowed.
/// @param promised What flows, and what has flowed to somebody and was not claimed.
/// @param stake The stake that earns.
/// @param perStake What has flowed to each attoAIT of earning stake since the beginning, times {RewardStreams.SCALE}, and one.
struct RewardStream {
    uint128 flowing;
    uint64 flowedUntilUnix;
    uint64 endsUnix;
    uint256 promised;
    uint256 stake;
    uint256 perStake;
}

/// @notice A validator's part of it.
/// @param perStakeSeen The stream's `perStake` up to which the validator's stake was counted.
/// @param perShare What has flowed to each share of its stake since the beginning, times {RewardStreams.SCALE}, and one.
struct ValidatorRewards {
    uint256 perStakeSeen;
    uint256 perShare;
}

/// @notice A delegator's part of a validator's.
/// @param perShareSeen The validator's `perShare` up to which the delegator's shares were counted.
/// @param owed What was counted and not claimed.
struct DelegatorRewards {
    uint256 perShareSeen;
    uint256 owed;
}

using RewardStreams for RewardStream global;

/// @title Rewards that flow evenly over a time to all stake that earns
/// @dev All division rounds down, so that never more is promised than has flowed; the rest stays with the contract. Who has stake for
/// a part of the time gets that part, so that it earns nothing to stake for one block. What flows while nobody has stake is nobody's: the caller
/// finds it again as what the contract holds and owes to none. The sums begin with one, which is worth nothing, so that what a call costs depends
/// little on whether something has flowed since the call was estimated.
library RewardStreams {
    uint256 internal constant SCALE = 1e36;

    uint256 internal constant FIRST = 1;

    /// @notice Lets `amount` flow from now on. Nothing else may be flowing.
    function begin(RewardStream storage stream, uint128 amount, uint64 durationSeconds) internal {
        stream.promised += amount;
        stream.flowing = amount;
        stream.flowedUntilUnix = uint64(block.timestamp);
        stream.endsUnix = uint64(block.timestamp) + durationSeconds;
    }

    /// @notice Accounts for what has flowed until now.
    function flow(RewardStream storage stream) internal {
        if (stream.flowing == 0) return;
        uint256 flowed = stream.due();
        stream.flowing -= uint128(flowed);
        stream.flowedUntilUnix = uint64(block.timestamp);
        if (stream.stake == 0) stream.promised -= flowed;
        else stream.perStake += Math.mulDiv(flowed, SCALE, stream.stake);
    }

    /// @notice What has flowed since it was accounted for.
    function due(RewardStream storage stream) internal view returns (uint256) {
        if (block.timestamp >= stream.endsUnix) return stream.flowing;
        uint256 left = stream.endsUnix - stream.flowedUntilUnix;
        return Math.mulDiv(stream.flowing, block.timestamp - stream.flowedUntilUnix, left);
    }

    /// @notice `perStake` as it is now.
    function perStakeNow(RewardStream storage stream) internal view returns (uint256) {
        if (stream.stake == 0) return stream.perStake;
        return stream.perStake + Math.mulDiv(stream.due(), SCALE, stream.stake);
    }

    /// @notice The validator's `perShare` at this `perStake`, for `amount` of stake that has earned in `shares`.
    function perShareAt(ValidatorRewards storage part, uint256 perStake, uint256 amount, uint256 shares)
        internal
        view
        returns (uint256)
    {
        if (shares == 0) return part.perShare;
        return part.perShare + Math.mulDiv(amount, perStake - part.perStakeSeen, shares);
    }

    /// @notice What the delegator of `shares` is owed at this `perShare`.
    function owedAt(DelegatorRewards storage part, uint256 perShare, uint256 shares) internal view returns (uint256) {
        return part.owed + Math.mulDiv(shares, perShare - part.perShareSeen, SCALE);
    }
}

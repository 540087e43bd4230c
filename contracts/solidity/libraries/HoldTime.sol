// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title When what is minted becomes due
library HoldTime {
    /// @dev Due times are multiples of this part of the hold, so that one provider has few of them at a time and one
    /// release pays many receipts.
    uint256 internal constant PARTS = 24;

    /// @notice The due time of what is minted at `nowUnix`: a hold later, rounded up by less than a 24th of it. Later
    /// changes of the hold do not touch it.
    function dueUnix(uint256 nowUnix, uint256 holdSeconds) internal pure returns (uint256) {
        if (holdSeconds < 2 * PARTS) return nowUnix + holdSeconds;
        uint256 step = holdSeconds / PARTS;
        return (nowUnix + holdSeconds + step - 1) / step * step;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Tokens that several accounts own by shares, so that one write takes the same part from all of them.
struct StakePool {
    uint256 amount;
    uint256 shares;
}

using StakePools for StakePool global;

/// @title Stake in shares
/// @dev The amount changes by deposits, redemptions and slashing only, never by what is sent to the contract. So a share is
/// worth one attoAIT at first and never more, and rounding is in favour of those who stay. As long as there are shares, the
/// amount is not zero: slashing and redeeming take less than all from those who remain.
library StakePools {
    uint256 private constant BASIS_POINTS = 10_000;

    /// @notice Adds `amount` and answers how many shares it is.
    function deposit(StakePool storage pool, uint256 amount) internal returns (uint256 shares) {
        shares = pool.shares == 0 ? amount : Math.mulDiv(amount, pool.shares, pool.amount);
        pool.amount += amount;
        pool.shares += shares;
    }

    /// @notice What `shares` are worth, rounded down.
    function valueOf(StakePool storage pool, uint256 shares) internal view returns (uint256) {
        return pool.shares == 0 ? 0 : Math.mulDiv(shares, pool.amount, pool.shares);
    }

    /// @notice Takes `amount` out for an owner of `owned` shares and answers how many of them that takes: all where nothing
    /// of value is left. The caller has checked that they are worth it.
    function redeem(StakePool storage pool, uint256 amount, uint256 owned) internal returns (uint256 shares) {
        shares = amount == pool.valueOf(owned)
            ? owned
            : Math.mulDiv(amount, pool.shares, pool.amount, Math.Rounding.Ceil);
        pool.amount -= amount;
        pool.shares -= shares;
    }

    /// @notice Takes a part of everything, rounded down, and answers how much that is.
    function slash(StakePool storage pool, uint256 basisPoints) internal returns (uint256 taken) {
        taken = Math.mulDiv(pool.amount, basisPoints, BASIS_POINTS);
        pool.amount -= taken;
    }
}

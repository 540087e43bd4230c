// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

/// @notice A key that signs orders for a trader.
/// @param expiresAt The last second at which an order that it signed settles; 0 where it may sign nothing.
/// @param isRevoked The trader took it back: what was matched settles until `expiresAt`, and no new order is taken.
struct Delegation {
    address delegate;
    uint64 expiresAt;
    bool isRevoked;
}

/// @dev One word, since an order that a delegate signed reads it.
struct Grant {
    uint64 expiresAt;
    bool isRevoked;
}

/// @dev Of one trader.
struct Keys {
    mapping(address delegate => Grant) grants;
    EnumerableSet.AddressSet delegates;
}

using TradingKeys for Keys global;

/// @title The keys that sign orders for a trader
library TradingKeys {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @dev Of one trader at a time.
    uint256 internal constant MAX_DELEGATES = 16;
    uint256 internal constant MAX_DELEGATION_SECONDS = 365 days;

    /// @notice A delegation becomes longer, never shorter: a revocation ends it.
    error DelegationOutOfRange(uint256 given, uint256 minimum, uint256 maximum);
    error TooManyDelegates(uint256 maximum);
    error NotADelegate(address trader, address delegate);

    /// @notice Lets a key sign until `expiresAt`. Delegations that have expired make room.
    function add(Keys storage keys, address delegate, uint64 expiresAt) internal {
        Grant storage grant = keys.grants[delegate];
        uint256 minimum = Math.max(block.timestamp + 1, grant.expiresAt);
        uint256 maximum = block.timestamp + MAX_DELEGATION_SECONDS;
        if (expiresAt < minimum || expiresAt > maximum) revert DelegationOutOfRange(expiresAt, minimum, maximum);
        keys.forgetExpired();
        bool isNew = keys.delegates.add(delegate);
        if (isNew && keys.delegates.length() > MAX_DELEGATES) revert TooManyDelegates(MAX_DELEGATES);
        (grant.expiresAt, grant.isRevoked) = (expiresAt, false);
    }

    /// @notice Takes a key back: what it had matched settles for `delaySeconds` more, and not beyond its own expiry.
    function revoke(Keys storage keys, address delegate, uint256 delaySeconds) internal returns (uint64 expiresAt) {
        Grant storage grant = keys.grants[delegate];
        if (grant.expiresAt == 0) revert NotADelegate(msg.sender, delegate);
        expiresAt = uint64(Math.min(grant.expiresAt, block.timestamp + delaySeconds));
        (grant.expiresAt, grant.isRevoked) = (expiresAt, true);
    }

    /// @dev From the last on, since a removal moves the last one to its place.
    function forgetExpired(Keys storage keys) internal {
        for (uint256 i = keys.delegates.length(); i > 0; --i) {
            address delegate = keys.delegates.at(i - 1);
            if (block.timestamp > keys.grants[delegate].expiresAt) {
                delete keys.grants[delegate];
                keys.delegates.remove(delegate);
            }
        }
    }

    /// @notice What a key may sign.
    function delegationOf(Keys storage keys, address delegate) internal view returns (Delegation memory) {
        Grant storage grant = keys.grants[delegate];
        return Delegation({delegate: delegate, expiresAt: grant.expiresAt, isRevoked: grant.isRevoked});
    }

    /// @notice All of them, those included whose time is over.
    function all(Keys storage keys) internal view returns (Delegation[] memory delegations) {
        delegations = new Delegation[](keys.delegates.length());
        for (uint256 i = 0; i < delegations.length; ++i) {
            delegations[i] = keys.delegationOf(keys.delegates.at(i));
        }
    }
}

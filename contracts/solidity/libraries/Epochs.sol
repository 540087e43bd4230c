// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A span of time and what was minted in it. Fits one storage slot.
struct Epoch {
    uint64 startUnix;
    uint64 lengthSeconds;
    uint128 minted;
}

using Epochs for Epoch global;

/// @title Epochs that follow each other without gap or overlap
library Epochs {
    /// @notice When the epoch is over: the first second of the next one.
    function endUnix(Epoch memory epoch) internal pure returns (uint256) {
        return uint256(epoch.startUnix) + epoch.lengthSeconds;
    }

    /// @notice The epoch that holds `nowUnix`: this one, or a fresh one a whole number of lengths later.
    function rolledTo(Epoch memory epoch, uint256 nowUnix) internal pure returns (Epoch memory) {
        if (nowUnix < epoch.endUnix()) return epoch;
        uint256 intoEpoch = (nowUnix - epoch.startUnix) % epoch.lengthSeconds;
        return Epoch({startUnix: uint64(nowUnix - intoEpoch), lengthSeconds: epoch.lengthSeconds, minted: 0});
    }
}

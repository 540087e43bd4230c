// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What became of a client's order for a job. Only `Open` holds money.
enum ReservationState {
    Absent,
    Open,
    Closed,
    Cancelled
}

/// @notice Why a reservation ended. `Reclaimed` is the client's own way out; attesters sign the others.
enum CloseReason {
    Completed,
    Cancelled,
    Failed,
    SlaBreached,
    Reclaimed
}

/// @notice AIT of a client that is set aside for one job, under the terms that the client signed.
/// @param feeBasisPoints The fee when the reservation was made; a later change does not touch it.
/// @param settledTasks How many of `tasks` were paid.
/// @param reservedAt When it was made, in Unix seconds. The promised times count from here.
/// @param remaining AttoAIT that are still set aside.
/// @param reserved AttoAIT that were set aside at first.
/// @param unitTypeHash keccak256 of the unit type.
/// @param settledBits Bit n is set when task n was paid.
struct Reservation {
    address hub;
    ReservationState state;
    uint16 feeBasisPoints;
    uint16 tasks;
    uint16 settledTasks;
    uint40 reservedAt;
    uint128 remaining;
    uint64 expiresAt;
    uint32 startWithinSeconds;
    uint32 finishWithinSeconds;
    uint128 reserved;
    uint128 maxUnitPrice;
    bytes32 unitTypeHash;
    uint256 settledBits;
}

using Reservations for Reservation global;

/// @title Rules of a reservation that need nothing but itself
library Reservations {
    /// @notice Marks task `number` as paid; false if it was paid before.
    function takeTask(Reservation storage reservation, uint256 number) internal returns (bool) {
        uint256 bit = 1 << number;
        uint256 bits = reservation.settledBits;
        if (bits & bit != 0) return false;
        reservation.settledBits = bits | bit;
        reservation.settledTasks += 1;
        return true;
    }

    /// @notice The last second at which every promise can still be kept, or the end of time where nothing is promised.
    function promisedUntil(Reservation storage reservation) internal view returns (uint256 unixSeconds) {
        (uint256 start, uint256 finish) = (reservation.startWithinSeconds, reservation.finishWithinSeconds);
        if (start == 0 && finish == 0) return type(uint256).max;
        uint256 soonest = start == 0 || (finish != 0 && finish < start) ? finish : start;
        return reservation.reservedAt + soonest;
    }
}

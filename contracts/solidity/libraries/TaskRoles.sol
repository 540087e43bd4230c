// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Which task of a job a receipt is for
library TaskRoles {
    bytes32 private constant SERVE = keccak256("serve");
    uint256 private constant PREFIX_BYTES = 6;
    uint256 private constant MAX_DIGITS = 3;
    /// @dev More than a number of so many digits can name.
    uint256 private constant MANY_TASKS = 10 ** MAX_DIGITS;

    /// @notice Whether `role` is that of work for a client, in a job of however many tasks, and not of an audit.
    function isServed(string calldata role) internal pure returns (bool isTask) {
        if (keccak256(bytes(role)) == SERVE) return true;
        (isTask,) = numberAmong(role, MANY_TASKS);
    }

    /// @notice The number of the task that `role` names among a job's `tasks`. `serve` is the only task of a job that
    /// is served whole, `shard/n` is task n. Nothing else is a task that a client pays: an audit is not.
    /// @dev A number has one spelling, as in the receipt's JSON: without sign and leading zero.
    function numberAmong(string calldata role, uint256 tasks) internal pure returns (bool isTask, uint256 number) {
        bytes calldata text = bytes(role);
        if (keccak256(text) == SERVE) return (tasks == 1, 0);
        if (text.length <= PREFIX_BYTES || text.length > PREFIX_BYTES + MAX_DIGITS) return (false, 0);
        if (bytes6(text) != "shard/") return (false, 0);
        if (text[PREFIX_BYTES] == "0" && text.length > PREFIX_BYTES + 1) return (false, 0);
        for (uint256 i = PREFIX_BYTES; i < text.length; ++i) {
            if (text[i] < "0" || text[i] > "9") return (false, 0);
            number = number * 10 + uint8(text[i]) - uint8(bytes1("0"));
        }
        return (number < tasks, number);
    }
}

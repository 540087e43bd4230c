// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice How a wallet answers.
enum Habit {
    /// By its owner's key.
    Honest,
    /// Not at all.
    Refuses,
    /// It takes all the gas that it gets.
    BurnsGas,
    /// With more than anybody wants to read.
    AnswersMuch,
    /// Yes, once its call of somebody else's contract was carried out.
    CallsBack
}

/// @title A wallet with one owner, for tests
contract TestWallet {
    address private immutable _owner;
    Habit private _habit;
    address private _target;
    bytes private _data;

    constructor(address owner) {
        _owner = owner;
    }

    /// @notice Calls a contract in the wallet's name.
    function execute(address target, bytes calldata data) external {
        require(msg.sender == _owner, "not the owner");
        (bool done,) = target.call(data);
        require(done, "the call failed");
    }

    /// @notice Changes how the wallet answers. The two others are what it calls back.
    function behave(Habit habit, address target, bytes calldata data) external {
        require(msg.sender == _owner, "not the owner");
        (_habit, _target, _data) = (habit, target, data);
    }

    /// @notice ERC-1271; not a view, so that it can try what a view cannot.
    function isValidSignature(bytes32 digest, bytes calldata signature) external returns (bytes4) {
        if (_habit == Habit.Refuses) return 0xffffffff;
        if (_habit == Habit.BurnsGas) {
            while (true) {}
        }
        if (_habit == Habit.AnswersMuch) {
            assembly {
                revert(0, 100000)
            }
        }
        if (_habit == Habit.CallsBack) {
            (bool done,) = _target.call(_data);
            return done ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
        }
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return signer == _owner ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

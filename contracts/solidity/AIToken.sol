// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {IAIToken} from "./interfaces/IAIToken.sol";

/// @title AIT
contract AIToken is IAIToken, ERC20, ERC20Permit, ERC20Votes {
    address private immutable _minter;

    /// @dev Token and minter name each other, so the minter's address must be known before it is deployed.
    constructor(address minter_) ERC20("AITBC", "AIT") ERC20Permit("AITBC") {
        if (minter_ == address(0)) revert ZeroMinter();
        _minter = minter_;
    }

    /// @inheritdoc IAIToken
    function mint(address account, uint256 amount) external {
        if (msg.sender != _minter) revert NotMinter(msg.sender, _minter);
        _mint(account, amount);
    }

    /// @inheritdoc IAIToken
    function burn(uint256 amount) external {
        if (msg.sender != _minter) revert NotMinter(msg.sender, _minter);
        _burn(msg.sender, amount);
    }

    /// @inheritdoc IAIToken
    function minter() external view returns (address) {
        return _minter;
    }

    /// @notice Votes are counted at Unix seconds (ERC-6372), since blocks come on demand and not at a steady pace.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice Machine-readable description of {clock} (ERC-6372).
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The next nonce for a permit or a vote delegation by signature of `owner`.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 amount) internal override(ERC20, ERC20Votes) {
        super._update(from, to, amount);
    }
}

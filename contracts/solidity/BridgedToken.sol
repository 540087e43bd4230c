// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title Stands for an asset of another chain, which a bridge holds there
/// @notice A bridge mints what it received on the other chain, and burns what it pays out there. This contract knows nothing
/// of that chain: each unit is worth what the bridge keeps its word for. At first nobody is a bridge, and nothing is minted.
contract BridgedToken is ERC20, ERC20Permit, AccessControl, Pausable {
    /// @notice May mint, and burn what holders allowed it to take: a bridge.
    bytes32 public constant BRIDGE_ROLE = keccak256("BRIDGE_ROLE");
    /// @notice May stop and resume the bridge.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    uint8 private immutable _decimals;

    /// @notice An administrator is needed, since nobody else could name a bridge.
    error ZeroAddress();

    /// @param admin Names bridges, and may stop them. It mints nothing unless it names itself.
    constructor(address admin, string memory name_, string memory symbol_, uint8 decimals_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        if (admin == address(0)) revert ZeroAddress();
        _decimals = decimals_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
    }

    /// @notice Makes what the bridge received for `to` on the other chain.
    function mint(address to, uint256 amount) external onlyRole(BRIDGE_ROLE) whenNotPaused {
        _mint(to, amount);
    }

    /// @notice Ends what the bridge pays out on the other chain. The holder allowed it, as any transfer: a bridge takes nothing.
    function burn(address from, uint256 amount) external onlyRole(BRIDGE_ROLE) whenNotPaused {
        _spendAllowance(from, msg.sender, amount);
        _burn(from, amount);
    }

    /// @notice Stops minting and burning. It stops no transfer, so a trader can leave an exchange with it.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @notice As many as the asset has on its own chain.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}

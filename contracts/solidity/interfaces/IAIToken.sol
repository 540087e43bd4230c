// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The token that comes into existence only through served computation
/// @notice ERC-20 with 18 decimals, ERC-2612 permit and votes on a timestamp clock. There is no
/// owner: the minter fixed at deployment is the only account that changes the supply, and it burns only what it holds.
interface IAIToken is IERC20 {
    /// @notice The minter given at deployment is the zero address.
    error ZeroMinter();

    /// @notice `caller` tried to mint or burn; only `minter` may.
    error NotMinter(address caller, address minter);

    /// @notice Creates `amount` attoAIT for `account`.
    /// @dev Reverts with {NotMinter} for every caller but the minter.
    function mint(address account, uint256 amount) external;

    /// @notice Destroys `amount` attoAIT of the minter's own balance.
    /// @dev Reverts with {NotMinter} for every caller but the minter.
    function burn(uint256 amount) external;

    /// @notice The only account that may mint. It never changes.
    function minter() external view returns (address);
}

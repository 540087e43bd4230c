// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A dollar that is worth nothing
/// @notice Development chains trade AIT against it. Anybody takes as much as they like, so it can never be worth anything.
contract TestDollar is ERC20, ERC20Permit {
    /// @notice What one call of {faucet} gives: 10 000, with six decimals.
    uint256 public constant FAUCET_AMOUNT = 10_000 * 10 ** 6;

    constructor() ERC20("Worthless Test Dollar", "tUSD") ERC20Permit("Worthless Test Dollar") {}

    /// @notice Gives the caller {FAUCET_AMOUNT} out of nothing.
    function faucet() external {
        _mint(msg.sender, FAUCET_AMOUNT);
    }

    /// @notice Six, as the dollars that are worth something have.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}

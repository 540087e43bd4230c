// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Counts up.
contract Counter {
    uint256 public immutable start;
    uint256 public count;

    error Never(address by);

    constructor(uint256 first) {
        start = first;
        count = first + 1;
    }

    function add(uint256 by) external {
        count += by;
    }

    function label() external pure returns (string memory) {
        return "<script>document.title='stolen'</script>";
    }

    function refuse() external pure {
        revert("<img src=x onerror=alert(1)>");
    }

    function never() external view {
        revert Never(msg.sender);
    }
}

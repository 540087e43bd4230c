alloy_sol_types::sol! {
    /// Stands for an asset of another chain: ERC-20 with permit, which bridges alone mint and burn.
    #[derive(Debug, PartialEq, Eq)]
    contract BridgedToken {
        event Approval(address indexed owner, address indexed spender, uint256 value);
        event EIP712DomainChanged();
        event Paused(address account);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Unpaused(address account);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ECDSAInvalidSignature();
        error ECDSAInvalidSignatureLength(uint256 length);
        error ECDSAInvalidSignatureS(bytes32 s);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InvalidApprover(address approver);
        error ERC20InvalidReceiver(address receiver);
        error ERC20InvalidSender(address sender);
        error ERC20InvalidSpender(address spender);
        error ERC2612ExpiredSignature(uint256 deadline);
        error ERC2612InvalidSigner(address signer, address owner);
        error EnforcedPause();
        error ExpectedPause();
        error InvalidAccountNonce(address account, uint256 currentNonce);
        error InvalidShortString();
        error StringTooLong(string str);
        error ZeroAddress();

        constructor(address admin, string name_, string symbol_, uint8 decimals_);

        function BRIDGE_ROLE() external view returns (bytes32);
        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function PAUSER_ROLE() external view returns (bytes32);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 value) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function burn(address from, uint256 amount) external;
        function decimals() external view returns (uint8);
        function eip712Domain() external view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function mint(address to, uint256 amount) external;
        function name() external view returns (string);
        function nonces(address owner) external view returns (uint256);
        function pause() external;
        function paused() external view returns (bool);
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function revokeRole(bytes32 role, address account) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function symbol() external view returns (string);
        function totalSupply() external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
        function unpause() external;
    }
}

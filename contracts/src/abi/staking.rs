alloy_sol_types::sol! {
    /// Says who decides blocks, with how much weight.
    #[derive(Debug, PartialEq, Eq)]
    contract Staking {
        enum ValidatorState { Absent, Active, Left, Jailed }

        struct ValidatorPower { address validator; uint64 power; }
        struct ValidatorInfo { address validator; ValidatorState state; uint64 basePower; uint64 liableFromHeight; uint256 ownStake; uint256 delegatedStake; uint256 unbondingStake; uint64 power; }
        struct Unbonding { address validator; uint256 amount; uint64 dueUnix; }
        struct Rewards { uint256 flowing; uint64 endsUnix; uint256 uncollected; uint256 earningStake; }
        struct SignedCommit { bytes32 blockHash; bytes signature; }
        struct Parameters { ValidatorPower[] validators; uint64 unbondingSeconds; address penaltyRecipient; }

        event ValidatorAdmitted(address indexed validator, uint64 basePower);
        event BasePowerChanged(address indexed validator, uint64 basePower);
        event ValidatorLeft(address indexed validator);
        event ValidatorReleased(address indexed validator);
        event Delegated(address indexed validator, address indexed delegator, uint256 amount);
        event Undelegated(address indexed validator, address indexed delegator, uint256 amount, uint64 dueUnix);
        event Withdrawn(address indexed delegator, uint256 amount);
        event Slashed(address indexed validator, uint64 height, uint32 round, uint256 amount);
        event RewardsCollected(uint256 amount, uint64 endsUnix);
        event RewardsClaimed(address indexed validator, address indexed delegator, uint256 amount);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

        error ZeroAddress();
        error WrongState(address validator, ValidatorState state);
        error TooManyValidators(uint256 maximum);
        error BasePowerTooHigh(uint256 basePower, uint256 maximum);
        error NobodyWouldDecide();
        error DelegationTooSmall(uint256 amount, uint256 minimum);
        error InsufficientStake(address validator, address delegator, uint256 available, uint256 needed);
        error TooManyUnbondings(uint256 maximum);
        error NothingDue(address delegator);
        error RewardsFlowing(uint64 endsUnix);
        error NothingStaked();
        error NothingCollected();
        error NothingEarned(address validator, address delegator);
        error PermitRefused(address delegator, bytes reason);
        error UnbondingTimeOutOfRange(uint256 unbondingSeconds, uint256 minimum, uint256 maximum);
        error SameBlock(bytes32 blockHash);
        error NotSignedBy(address validator, address first, address second);
        error AlreadySettled(address validator, uint64 height, uint64 liableFromHeight);
        error HeightNotReached(uint64 height, uint256 present);
        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error ReentrancyGuardReentrantCall();
        error SafeERC20FailedOperation(address token);

        constructor(address token_, address escrow_, address admin, Parameters parameters);

        function admit(address validator, uint64 basePower) external;
        function setBasePower(address validator, uint64 basePower) external;
        function remove(address validator) external;
        function release(address validator) external;
        function resign() external;
        function delegate(address validator, uint256 amount) external;
        function delegateWithPermit(address validator, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function undelegate(address validator, uint256 amount) external returns (uint64 dueUnix);
        function withdraw() external returns (uint256 amount);
        function collectRewards() external returns (uint256 amount);
        function claimRewards(address validator) external returns (uint256 amount);
        function slash(address validator, uint64 height, uint32 round, SignedCommit first, SignedCommit second) external returns (uint256 amount);

        function grantRole(bytes32 role, address account) external;
        function revokeRole(bytes32 role, address account) external;
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function supportsInterface(bytes4 interfaceId) external view returns (bool);

        function token() external view returns (address);
        function escrow() external view returns (address);
        function validators() external view returns (ValidatorPower[] memory);
        function validatorInfos() external view returns (ValidatorInfo[] memory);
        function validatorInfo(address validator) external view returns (ValidatorInfo memory);
        function stakeOf(address validator, address delegator) external view returns (uint256);
        function unbondingsOf(address delegator) external view returns (Unbonding[] memory);
        function rewardsOf(address validator, address delegator) external view returns (uint256);
        function rewards() external view returns (Rewards memory);
        function commitDigest(uint64 height, uint32 round, bytes32 blockHash) external view returns (bytes32);
        function unbondingSeconds() external view returns (uint256);
        function penaltyRecipient() external view returns (address);

        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function AUTHORITY_ROLE() external view returns (bytes32);
        function MAX_VALIDATORS() external view returns (uint256);
        function MAX_POWER() external view returns (uint256);
        function STAKE_PER_POWER() external view returns (uint256);
        function MIN_DELEGATION() external view returns (uint256);
        function MAX_UNBONDINGS() external view returns (uint256);
        function MIN_UNBONDING_SECONDS() external view returns (uint256);
        function MAX_UNBONDING_SECONDS() external view returns (uint256);
        function SLASH_BASIS_POINTS() external view returns (uint256);
    }
}

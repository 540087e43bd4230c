// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAIToken} from "./IAIToken.sol";
import {IJobEscrow} from "./IJobEscrow.sol";

/// @title Who decides blocks, with how much weight, and what they lose for contradicting themselves
/// @notice An authority admits validators, and anybody delegates AIT to them. The voting power of a validator is the base that
/// the authority gives it plus its stake in whole AIT. Every node reads {validators} after each block; they decide the next one.
/// @dev Amounts are in attoAIT, times in Unix seconds. The chain makes no block while nobody sends a transaction, so times count
/// by `block.timestamp` and not by blocks. A validator is the address of its consensus key; what that address delegates to itself
/// is its own stake.
interface IStaking {
    /// @notice `Left` and `Jailed` validators decide nothing. What is delegated to them stays, and stays liable, until it is withdrawn.
    enum ValidatorState {
        Absent,
        Active,
        Left,
        Jailed
    }

    /// @notice A validator and a weight.
    struct ValidatorPower {
        address validator;
        uint64 power;
    }

    /// @notice What is known of a validator.
    /// @param basePower The weight that the authority gave it.
    /// @param liableFromHeight Contradictions at earlier heights are settled.
    /// @param ownStake What it delegated to itself.
    /// @param delegatedStake What others delegated to it.
    /// @param unbondingStake What was undelegated and not withdrawn. It carries no weight, and is liable.
    /// @param power Its weight in the next block: 0 unless it is active.
    struct ValidatorInfo {
        address validator;
        ValidatorState state;
        uint64 basePower;
        uint64 liableFromHeight;
        uint256 ownStake;
        uint256 delegatedStake;
        uint256 unbondingStake;
        uint64 power;
    }

    /// @notice What those who have staked get of the fees.
    /// @param flowing What flows to them until `endsUnix`, evenly.
    /// @param uncollected What came since, and waits for {collectRewards}.
    /// @param earningStake The stake that it flows to: what is delegated to active validators. What is unbonding earns nothing.
    struct Rewards {
        uint256 flowing;
        uint64 endsUnix;
        uint256 uncollected;
        uint256 earningStake;
    }

    /// @notice Stake on its way out.
    /// @param amount What it is worth now: slashing takes from it, too.
    /// @param dueUnix From when on it can be withdrawn.
    struct Unbonding {
        address validator;
        uint256 amount;
        uint64 dueUnix;
    }

    /// @notice One of two commits that contradict each other: to another block in the same round of the same height.
    struct SignedCommit {
        bytes32 blockHash;
        bytes signature;
    }

    /// @notice What a deployment starts with; nothing of it changes later but the validators.
    /// @param validators The validators of the first block with their base powers.
    /// @param unbondingSeconds How long stake stays liable after it was undelegated.
    /// @param penaltyRecipient Who gets what is slashed.
    struct Parameters {
        ValidatorPower[] validators;
        uint64 unbondingSeconds;
        address penaltyRecipient;
    }

    event ValidatorAdmitted(address indexed validator, uint64 basePower);
    event BasePowerChanged(address indexed validator, uint64 basePower);
    event ValidatorLeft(address indexed validator);
    event ValidatorReleased(address indexed validator);
    event Delegated(address indexed validator, address indexed delegator, uint256 amount);
    event Undelegated(address indexed validator, address indexed delegator, uint256 amount, uint64 dueUnix);
    event Withdrawn(address indexed delegator, uint256 amount);

    /// @notice The validator contradicted itself at this height, lost `amount` of its stake, and is jailed.
    event Slashed(address indexed validator, uint64 height, uint32 round, uint256 amount);

    /// @notice `amount` flows to those who have staked until `endsUnix`.
    event RewardsCollected(uint256 amount, uint64 endsUnix);
    event RewardsClaimed(address indexed validator, address indexed delegator, uint256 amount);

    error ZeroAddress();

    /// @notice The call needs a validator in another state.
    error WrongState(address validator, ValidatorState state);

    /// @notice There are `maximum` validators, active or jailed. One has to leave first.
    error TooManyValidators(uint256 maximum);

    /// @notice A base power is at most `maximum`.
    error BasePowerTooHigh(uint256 basePower, uint256 maximum);

    /// @notice After this nobody would have power, and the chain needs somebody who decides.
    error NobodyWouldDecide();

    /// @notice The least that is delegated at once is `minimum`.
    error DelegationTooSmall(uint256 amount, uint256 minimum);

    /// @notice The delegator has `available` with this validator.
    error InsufficientStake(address validator, address delegator, uint256 available, uint256 needed);

    /// @notice The delegator has `maximum` undelegations that were not withdrawn.
    error TooManyUnbondings(uint256 maximum);

    /// @notice Nothing is due for this delegator.
    error NothingDue(address delegator);

    /// @notice What was collected before flows until `endsUnix`.
    error RewardsFlowing(uint64 endsUnix);

    /// @notice Nobody has stake that would earn.
    error NothingStaked();

    /// @notice No fees came since the last time.
    error NothingCollected();

    /// @notice The delegator has earned nothing with this validator that was not claimed.
    error NothingEarned(address validator, address delegator);

    /// @notice The token refused the permit with `reason`, and no earlier allowance covers the delegation.
    error PermitRefused(address delegator, bytes reason);

    /// @notice The unbonding time lies outside of its bounds.
    error UnbondingTimeOutOfRange(uint256 unbondingSeconds, uint256 minimum, uint256 maximum);

    /// @notice Both commits are to the same block.
    error SameBlock(bytes32 blockHash);

    /// @notice The two commits recover to `first` and `second`, zero if malformed, and not both to `validator`.
    error NotSignedBy(address validator, address first, address second);

    /// @notice The height lies before `liableFromHeight`: the validator was slashed for what it did until then.
    error AlreadySettled(address validator, uint64 height, uint64 liableFromHeight);

    /// @notice The chain has not come to this height.
    error HeightNotReached(uint64 height, uint256 present);

    /// @notice Lets a validator decide blocks, from the next one on. Needs {AUTHORITY_ROLE}.
    function admit(address validator, uint64 basePower) external;

    /// @notice Changes the weight that a validator has without stake. Needs {AUTHORITY_ROLE}.
    function setBasePower(address validator, uint64 basePower) external;

    /// @notice Ends a validator's part. Needs {AUTHORITY_ROLE}.
    function remove(address validator) external;

    /// @notice Lets a jailed validator decide again. Needs {AUTHORITY_ROLE}.
    function release(address validator) external;

    /// @notice Ends the caller's part as a validator.
    function resign() external;

    /// @notice Adds to the stake of an active validator, from the caller's balance and allowance.
    function delegate(address validator, uint256 amount) external;

    /// @notice The same with an ERC-2612 permit of the caller for exactly `amount`.
    function delegateWithPermit(address validator, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Takes stake of the caller out of a validator's power at once, and lets it be withdrawn {unbondingSeconds} later.
    function undelegate(address validator, uint256 amount) external returns (uint64 dueUnix);

    /// @notice Pays everything of the caller that is due.
    function withdraw() external returns (uint256 amount);

    /// @notice Has the escrow pay out its fees, and lets what came flow to the stake of active validators, evenly over
    /// {unbondingSeconds}, once what was collected before has flowed. Anybody may send this.
    function collectRewards() external returns (uint256 amount);

    /// @notice Pays what the caller's stake with this validator has earned. It earned while the validator was active and the
    /// stake was not undelegated.
    function claimRewards(address validator) external returns (uint256 amount);

    /// @notice Shows that a validator signed commits to two blocks in one round. It loses {SLASH_BASIS_POINTS} of its stake, its
    /// own and what others delegated, also of what is unbonding, and is jailed. Anybody may send this.
    function slash(address validator, uint64 height, uint32 round, SignedCommit calldata first, SignedCommit calldata second)
        external
        returns (uint256 amount);

    /// @notice The token that is staked.
    function token() external view returns (IAIToken);

    /// @notice Whose fees are asked for before rewards are collected; zero if there is no such contract. It never changes.
    function escrow() external view returns (IJobEscrow);

    /// @notice Those who decide the next block: active validators with power. Where this is empty, the chain keeps those that it has.
    function validators() external view returns (ValidatorPower[] memory);

    /// @notice All active and jailed validators.
    function validatorInfos() external view returns (ValidatorInfo[] memory);

    /// @notice What is known of one address.
    function validatorInfo(address validator) external view returns (ValidatorInfo memory);

    /// @notice What a delegator has with a validator.
    function stakeOf(address validator, address delegator) external view returns (uint256);

    /// @notice What of a delegator is on its way out.
    function unbondingsOf(address delegator) external view returns (Unbonding[] memory);

    /// @notice What a delegator has earned with a validator and not claimed.
    function rewardsOf(address validator, address delegator) external view returns (uint256);

    /// @notice What flows, and what waits.
    function rewards() external view returns (Rewards memory);

    /// @notice The EIP-712 digest of a commit on this chain.
    function commitDigest(uint64 height, uint32 round, bytes32 blockHash) external view returns (bytes32);

    function unbondingSeconds() external view returns (uint256);

    function penaltyRecipient() external view returns (address);
}

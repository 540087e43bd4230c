// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAIToken} from "./interfaces/IAIToken.sol";
import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {DelegatorRewards, RewardStream, RewardStreams, ValidatorRewards} from "./libraries/RewardStreams.sol";
import {StakePool} from "./libraries/StakePools.sol";
import {ValidatorCommits} from "./libraries/ValidatorCommits.sol";

/// @title Validators and their stake
/// @dev The token that the contract holds is always the sum of all pools, of what flows as rewards, and of what has flowed and was not
/// claimed. What comes on top by a plain transfer, as the fees of the escrow do, waits for {collectRewards}.
contract Staking is IStaking, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IAIToken;
    using RewardStreams for ValidatorRewards;
    using RewardStreams for DelegatorRewards;

    /// @notice May admit, weigh, remove and release validators.
    bytes32 public constant AUTHORITY_ROLE = keccak256("AUTHORITY_ROLE");

    uint256 public constant MAX_VALIDATORS = 128;
    /// @notice The most power of one validator. All together stay far below the 2^64 / 3 that nodes can count.
    uint256 public constant MAX_POWER = 1e12;
    /// @notice What gives one unit of power: a whole AIT.
    uint256 public constant STAKE_PER_POWER = 1e18;
    uint256 public constant MIN_DELEGATION = 1e18;
    uint256 public constant MAX_UNBONDINGS = 32;
    uint256 public constant MIN_UNBONDING_SECONDS = 1 minutes;
    uint256 public constant MAX_UNBONDING_SECONDS = 90 days;
    /// @notice What a contradiction costs, in 1/10 000 of the stake.
    uint256 public constant SLASH_BASIS_POINTS = 500;

    struct Validator {
        ValidatorState state;
        uint64 basePower;
        uint64 liableFromHeight;
        // Of one that left: the last height whose block it could decide.
        uint64 decidedUntilHeight;
        StakePool bonded;
        StakePool unbonding;
        mapping(address delegator => uint256) shares;
        ValidatorRewards rewards;
        mapping(address delegator => DelegatorRewards) rewardsOf;
    }

    struct UnbondingShares {
        address validator;
        uint64 dueUnix;
        uint256 shares;
    }

    IAIToken private immutable _token;
    IJobEscrow private immutable _escrow;
    uint64 private immutable _unbondingSeconds;
    address private immutable _penaltyRecipient;
    /// @dev Those that are active or jailed.
    address[] private _listed;
    mapping(address validator => Validator) private _validators;
    mapping(address delegator => UnbondingShares[]) private _unbondings;
    /// @dev The sum of all pools.
    uint256 private _staked;
    RewardStream private _stream;

    /// @param escrow_ Whose fees are asked for before rewards are collected; zero if there is no such contract.
    /// @param admin Holds every role at first and may grant and revoke them.
    constructor(IAIToken token_, IJobEscrow escrow_, address admin, Parameters memory parameters) {
        if (address(token_) == address(0) || admin == address(0) || parameters.penaltyRecipient == address(0)) {
            revert ZeroAddress();
        }
        uint256 unbondingSeconds_ = parameters.unbondingSeconds;
        if (unbondingSeconds_ < MIN_UNBONDING_SECONDS || unbondingSeconds_ > MAX_UNBONDING_SECONDS) {
            revert UnbondingTimeOutOfRange(unbondingSeconds_, MIN_UNBONDING_SECONDS, MAX_UNBONDING_SECONDS);
        }
        _token = token_;
        _escrow = escrow_;
        _unbondingSeconds = parameters.unbondingSeconds;
        _penaltyRecipient = parameters.penaltyRecipient;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(AUTHORITY_ROLE, admin);
        _stream.perStake = RewardStreams.FIRST;
        for (uint256 i = 0; i < parameters.validators.length; ++i) {
            _admit(parameters.validators[i].validator, parameters.validators[i].power);
        }
        _requireSomebodyDecides();
    }

    // Validators.

    /// @inheritdoc IStaking
    function admit(address validator, uint64 basePower) external onlyRole(AUTHORITY_ROLE) {
        _admit(validator, basePower);
        _liableFromNextHeight(_validators[validator]);
    }

    /// @inheritdoc IStaking
    function setBasePower(address validator, uint64 basePower) external onlyRole(AUTHORITY_ROLE) {
        Validator storage target = _validators[validator];
        if (target.state != ValidatorState.Active && target.state != ValidatorState.Jailed) {
            revert WrongState(validator, target.state);
        }
        _setBasePower(target, basePower);
        _requireSomebodyDecides();
        emit BasePowerChanged(validator, basePower);
    }

    /// @inheritdoc IStaking
    function remove(address validator) external onlyRole(AUTHORITY_ROLE) {
        _end(validator);
    }

    /// @inheritdoc IStaking
    function release(address validator) external onlyRole(AUTHORITY_ROLE) {
        Validator storage target = _validators[validator];
        if (target.state != ValidatorState.Jailed) revert WrongState(validator, target.state);
        _activate(target);
        _liableFromNextHeight(target);
        emit ValidatorReleased(validator);
    }

    /// @inheritdoc IStaking
    function resign() external {
        _end(msg.sender);
    }

    function _admit(address validator, uint64 basePower) private {
        if (validator == address(0)) revert ZeroAddress();
        Validator storage target = _validators[validator];
        if (target.state != ValidatorState.Absent && target.state != ValidatorState.Left) {
            revert WrongState(validator, target.state);
        }
        if (_listed.length == MAX_VALIDATORS) revert TooManyValidators(MAX_VALIDATORS);
        _listed.push(validator);
        if (target.rewards.perShare == 0) target.rewards.perShare = RewardStreams.FIRST;
        _activate(target);
        _setBasePower(target, basePower);
        emit ValidatorAdmitted(validator, basePower);
    }

    function _setBasePower(Validator storage target, uint64 basePower) private {
        if (basePower > MAX_POWER) revert BasePowerTooHigh(basePower, MAX_POWER);
        target.basePower = basePower;
    }

    function _end(address validator) private {
        Validator storage target = _validators[validator];
        if (target.state != ValidatorState.Active && target.state != ValidatorState.Jailed) {
            revert WrongState(validator, target.state);
        }
        target.decidedUntilHeight = target.state == ValidatorState.Active ? uint64(block.number) : 0;
        _deactivate(target, ValidatorState.Left);
        _unlist(validator);
        _requireSomebodyDecides();
        emit ValidatorLeft(validator);
    }

    /// Its stake earns from now on.
    function _activate(Validator storage target) private {
        _countRewards(target);
        target.state = ValidatorState.Active;
        _stream.stake += target.bonded.amount;
    }

    /// Its stake earns no more.
    function _deactivate(Validator storage target, ValidatorState state) private {
        _countRewards(target);
        if (target.state == ValidatorState.Active) _stream.stake -= target.bonded.amount;
        target.state = state;
    }

    /// The state after this block says who decides the next one.
    function _liableFromNextHeight(Validator storage target) private {
        target.liableFromHeight = uint64(block.number) + 1;
    }

    function _unlist(address validator) private {
        uint256 last = _listed.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (_listed[i] == validator) {
                _listed[i] = _listed[last];
                break;
            }
        }
        _listed.pop();
    }

    function _requireSomebodyDecides() private view {
        for (uint256 i = 0; i < _listed.length; ++i) {
            if (_powerOf(_validators[_listed[i]]) > 0) return;
        }
        revert NobodyWouldDecide();
    }

    function _powerOf(Validator storage source) private view returns (uint64) {
        if (source.state != ValidatorState.Active) return 0;
        return uint64(Math.min(source.basePower + source.bonded.amount / STAKE_PER_POWER, MAX_POWER));
    }

    // Stake.

    /// @inheritdoc IStaking
    function delegate(address validator, uint256 amount) external nonReentrant {
        _delegate(validator, amount);
    }

    /// @inheritdoc IStaking
    function delegateWithPermit(address validator, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        try IERC20Permit(address(_token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {}
        catch (bytes memory reason) {
            if (_token.allowance(msg.sender, address(this)) < amount) revert PermitRefused(msg.sender, reason);
        }
        _delegate(validator, amount);
    }

    /// @inheritdoc IStaking
    function undelegate(address validator, uint256 amount) external nonReentrant returns (uint64 dueUnix) {
        Validator storage target = _validators[validator];
        uint256 owned = target.shares[msg.sender];
        uint256 available = target.bonded.valueOf(owned);
        if (amount == 0 || amount > available) revert InsufficientStake(validator, msg.sender, available, amount);
        UnbondingShares[] storage waiting = _unbondings[msg.sender];
        if (waiting.length == MAX_UNBONDINGS) revert TooManyUnbondings(MAX_UNBONDINGS);

        _countRewardsOf(target, msg.sender);
        if (target.state == ValidatorState.Active) _stream.stake -= amount;
        target.shares[msg.sender] = owned - target.bonded.redeem(amount, owned);
        dueUnix = uint64(block.timestamp) + _unbondingSeconds;
        waiting.push(UnbondingShares(validator, dueUnix, target.unbonding.deposit(amount)));
        emit Undelegated(validator, msg.sender, amount, dueUnix);
    }

    /// @inheritdoc IStaking
    function withdraw() external nonReentrant returns (uint256 amount) {
        UnbondingShares[] storage waiting = _unbondings[msg.sender];
        bool isSomethingDue = false;
        for (uint256 i = waiting.length; i > 0; --i) {
            UnbondingShares memory entry = waiting[i - 1];
            if (block.timestamp < entry.dueUnix) continue;
            isSomethingDue = true;
            StakePool storage pool = _validators[entry.validator].unbonding;
            uint256 value = pool.valueOf(entry.shares);
            pool.redeem(value, entry.shares);
            amount += value;
            waiting[i - 1] = waiting[waiting.length - 1];
            waiting.pop();
        }
        if (!isSomethingDue) revert NothingDue(msg.sender);
        _staked -= amount;
        emit Withdrawn(msg.sender, amount);
        _token.safeTransfer(msg.sender, amount);
    }

    function _delegate(address validator, uint256 amount) private {
        Validator storage target = _validators[validator];
        if (target.state != ValidatorState.Active) revert WrongState(validator, target.state);
        if (amount < MIN_DELEGATION) revert DelegationTooSmall(amount, MIN_DELEGATION);
        _countRewardsOf(target, msg.sender);
        _stream.stake += amount;
        _staked += amount;
        target.shares[msg.sender] += target.bonded.deposit(amount);
        emit Delegated(validator, msg.sender, amount);
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    // Rewards.

    /// @inheritdoc IStaking
    function collectRewards() external nonReentrant returns (uint256 amount) {
        _stream.flow();
        if (block.timestamp < _stream.endsUnix) revert RewardsFlowing(_stream.endsUnix);
        if (_stream.stake == 0) revert NothingStaked();
        // Else anybody could send one attoAIT and collect it alone, and what the escrow owes would wait for another such time.
        // Not caught where it fails: a caller could make it fail by the gas that it gives.
        if (address(_escrow) != address(0)) _escrow.distributeFees();
        amount = Math.min(_uncollected(), type(uint128).max);
        if (amount == 0) revert NothingCollected();
        _stream.begin(uint128(amount), _unbondingSeconds);
        emit RewardsCollected(amount, _stream.endsUnix);
    }

    /// @inheritdoc IStaking
    function claimRewards(address validator) external nonReentrant returns (uint256 amount) {
        Validator storage target = _validators[validator];
        _countRewardsOf(target, msg.sender);
        amount = target.rewardsOf[msg.sender].owed;
        if (amount == 0) revert NothingEarned(validator, msg.sender);
        target.rewardsOf[msg.sender].owed = 0;
        _stream.promised -= amount;
        emit RewardsClaimed(validator, msg.sender, amount);
        _token.safeTransfer(msg.sender, amount);
    }

    /// Before the validator's stake or state changes: what has flowed until now is for the stake that it had.
    function _countRewards(Validator storage target) private {
        _stream.flow();
        target.rewards.perShare = _perShareAt(target, _stream.perStake);
        target.rewards.perStakeSeen = _stream.perStake;
    }

    /// The same before a delegator's shares change.
    function _countRewardsOf(Validator storage target, address delegator) private {
        _countRewards(target);
        DelegatorRewards storage part = target.rewardsOf[delegator];
        part.owed = part.owedAt(target.rewards.perShare, target.shares[delegator]);
        part.perShareSeen = target.rewards.perShare;
    }

    function _perShareAt(Validator storage source, uint256 perStake) private view returns (uint256) {
        if (source.state != ValidatorState.Active) return source.rewards.perShare;
        return source.rewards.perShareAt(perStake, source.bonded.amount, source.bonded.shares);
    }

    /// What came by plain transfers, and what flowed while nobody had stake.
    function _uncollected() private view returns (uint256) {
        return _token.balanceOf(address(this)) - _staked - _stream.promised;
    }

    // Contradictions.

    /// @inheritdoc IStaking
    function slash(address validator, uint64 height, uint32 round, SignedCommit calldata first, SignedCommit calldata second)
        external
        nonReentrant
        returns (uint256 amount)
    {
        Validator storage target = _validators[validator];
        // What is signed for a height that it did not decide harms nobody, and could be signed without end.
        bool couldDecide = target.state == ValidatorState.Active
            || (target.state == ValidatorState.Left && height <= target.decidedUntilHeight);
        if (!couldDecide) revert WrongState(validator, target.state);
        if (height < target.liableFromHeight) revert AlreadySettled(validator, height, target.liableFromHeight);
        if (height > block.number) revert HeightNotReached(height, block.number);
        _requireContradiction(validator, height, round, first, second);

        // A faulty set-up contradicts itself at many heights before somebody stops it: all until now are one offence.
        _liableFromNextHeight(target);
        if (target.state == ValidatorState.Active) _deactivate(target, ValidatorState.Jailed);
        amount = target.bonded.slash(SLASH_BASIS_POINTS) + target.unbonding.slash(SLASH_BASIS_POINTS);
        _staked -= amount;
        emit Slashed(validator, height, round, amount);
        if (amount > 0) _token.safeTransfer(_penaltyRecipient, amount);
    }

    function _requireContradiction(
        address validator,
        uint64 height,
        uint32 round,
        SignedCommit calldata first,
        SignedCommit calldata second
    ) private view {
        if (first.blockHash == second.blockHash) revert SameBlock(first.blockHash);
        address firstSigner = ValidatorCommits.signer(height, round, first.blockHash, first.signature);
        address secondSigner = ValidatorCommits.signer(height, round, second.blockHash, second.signature);
        if (firstSigner != validator || secondSigner != validator) {
            revert NotSignedBy(validator, firstSigner, secondSigner);
        }
    }

    // Views.

    /// @inheritdoc IStaking
    function token() external view returns (IAIToken) {
        return _token;
    }

    /// @inheritdoc IStaking
    function escrow() external view returns (IJobEscrow) {
        return _escrow;
    }

    /// @inheritdoc IStaking
    function validators() external view returns (ValidatorPower[] memory deciding) {
        uint256 count = 0;
        deciding = new ValidatorPower[](_listed.length);
        for (uint256 i = 0; i < _listed.length; ++i) {
            uint64 power = _powerOf(_validators[_listed[i]]);
            if (power > 0) deciding[count++] = ValidatorPower(_listed[i], power);
        }
        assembly ("memory-safe") {
            mstore(deciding, count)
        }
    }

    /// @inheritdoc IStaking
    function validatorInfos() external view returns (ValidatorInfo[] memory infos) {
        infos = new ValidatorInfo[](_listed.length);
        for (uint256 i = 0; i < _listed.length; ++i) {
            infos[i] = validatorInfo(_listed[i]);
        }
    }

    /// @inheritdoc IStaking
    function validatorInfo(address validator) public view returns (ValidatorInfo memory) {
        Validator storage source = _validators[validator];
        uint256 ownStake = source.bonded.valueOf(source.shares[validator]);
        return ValidatorInfo({
            validator: validator,
            state: source.state,
            basePower: source.basePower,
            liableFromHeight: source.liableFromHeight,
            ownStake: ownStake,
            delegatedStake: source.bonded.amount - ownStake,
            unbondingStake: source.unbonding.amount,
            power: _powerOf(source)
        });
    }

    /// @inheritdoc IStaking
    function stakeOf(address validator, address delegator) external view returns (uint256) {
        Validator storage source = _validators[validator];
        return source.bonded.valueOf(source.shares[delegator]);
    }

    /// @inheritdoc IStaking
    function unbondingsOf(address delegator) external view returns (Unbonding[] memory unbondings) {
        UnbondingShares[] storage waiting = _unbondings[delegator];
        unbondings = new Unbonding[](waiting.length);
        for (uint256 i = 0; i < waiting.length; ++i) {
            UnbondingShares storage entry = waiting[i];
            uint256 amount = _validators[entry.validator].unbonding.valueOf(entry.shares);
            unbondings[i] = Unbonding(entry.validator, amount, entry.dueUnix);
        }
    }

    /// @inheritdoc IStaking
    function rewardsOf(address validator, address delegator) external view returns (uint256) {
        Validator storage source = _validators[validator];
        uint256 perShare = _perShareAt(source, _stream.perStakeNow());
        return source.rewardsOf[delegator].owedAt(perShare, source.shares[delegator]);
    }

    /// @inheritdoc IStaking
    function rewards() external view returns (Rewards memory) {
        uint256 due = _stream.due();
        uint256 lost = _stream.stake == 0 ? due : 0;
        return Rewards({
            flowing: _stream.flowing - due,
            endsUnix: _stream.endsUnix,
            uncollected: _uncollected() + lost,
            earningStake: _stream.stake
        });
    }

    /// @inheritdoc IStaking
    function commitDigest(uint64 height, uint32 round, bytes32 blockHash) external view returns (bytes32) {
        return ValidatorCommits.digest(height, round, blockHash);
    }

    /// @inheritdoc IStaking
    function unbondingSeconds() external view returns (uint256) {
        return _unbondingSeconds;
    }

    /// @inheritdoc IStaking
    function penaltyRecipient() external view returns (address) {
        return _penaltyRecipient;
    }
}

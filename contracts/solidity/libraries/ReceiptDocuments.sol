// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TaskRoles} from "./TaskRoles.sol";

/// @notice What the document of a receipt says, as far as a bounty asks.
/// @param modelDigest SHA-256 of the model's manifest; zero where the document names none for its model.
/// @param isServed The task was served for its client: its role is `serve` or `shard/` and a number, and not that of an audit.
/// @param payer The contract that the receipt names as the one that pays it.
/// @param provider Account of the miner that did the work.
/// @param startedAt When the work began, in Unix seconds.
/// @param units Work done, in micro-units.
/// @param unitPrice AttoAIT per whole unit.
struct ReceiptFacts {
    bytes32 modelDigest;
    bool isServed;
    address payer;
    address provider;
    uint256 startedAt;
    uint256 units;
    uint256 unitPrice;
}

/// @title What the canonical JSON of a job receipt says
/// @dev For documents whose hash attesters signed: they are the RFC 8785 form of a receipt, an object without blanks in which
/// every key stands once. Whatever else is given reverts or leaves the facts empty.
library ReceiptDocuments {
    uint256 private constant DIGEST_DIGITS = 64;
    uint256 private constant ADDRESS_DIGITS = 40;

    bytes32 private constant CONTRACT = keccak256("contract");
    bytes32 private constant DETERMINISM_CLASS = keccak256("determinism_class");
    bytes32 private constant MODEL = keccak256("model");
    bytes32 private constant PROVIDER = keccak256("provider");
    bytes32 private constant STARTED_AT = keccak256("started_at");
    bytes32 private constant TASK_ROLE = keccak256("task_role");
    bytes32 private constant UNITS = keccak256("units");
    bytes32 private constant UNIT_PRICE = keccak256("unit_price");

    /// @notice The document is no JSON object of texts and whole numbers; it stops being one at this byte.
    error DocumentUnreadable(uint256 position);

    /// @notice Reads the facts of a receipt.
    function facts(bytes calldata document) internal pure returns (ReceiptFacts memory found) {
        bytes calldata class = document[:0];
        bytes calldata model = document[:0];
        uint256 position = 0;
        bytes1 mark = "{";
        while (mark != "}") {
            if (_at(document, position) != mark) revert DocumentUnreadable(position);
            bytes calldata key;
            bytes calldata value;
            (key, position) = _text(document, position + 1);
            if (_at(document, position) != ":") revert DocumentUnreadable(position);
            (value, position) = _value(document, position + 1);
            bytes32 name = keccak256(key);
            if (name == CONTRACT) found.payer = _address(value);
            else if (name == DETERMINISM_CLASS) class = value;
            else if (name == MODEL) model = value;
            else if (name == PROVIDER) found.provider = _address(value);
            else if (name == STARTED_AT) found.startedAt = _number(value);
            else if (name == TASK_ROLE) found.isServed = TaskRoles.isServed(string(value));
            else if (name == UNITS) found.units = _number(value);
            else if (name == UNIT_PRICE) found.unitPrice = _number(value);
            mark = _at(document, position) == "}" ? bytes1("}") : bytes1(",");
        }
        found.modelDigest = _modelDigest(class, model);
    }

    /// @dev A determinism class begins with the model's name, `@`, the digest of its manifest and `/`. The name may have any
    /// of these marks itself, so it is compared and not searched.
    function _modelDigest(bytes calldata class, bytes calldata model) private pure returns (bytes32) {
        uint256 start = model.length + 1;
        uint256 end = start + DIGEST_DIGITS;
        if (model.length == 0 || class.length <= end || class[start - 1] != "@" || class[end] != "/") return 0;
        if (keccak256(class[:model.length]) != keccak256(model)) return 0;
        (bool isHex, uint256 digest) = _hex(class[start:end]);
        return isHex ? bytes32(digest) : bytes32(0);
    }

    function _at(bytes calldata document, uint256 position) private pure returns (bytes1) {
        if (position >= document.length) revert DocumentUnreadable(position);
        return document[position];
    }

    function _value(bytes calldata document, uint256 start) private pure returns (bytes calldata value, uint256 end) {
        if (_at(document, start) == "\"") return _text(document, start);
        end = start;
        while (_isDigit(_at(document, end))) ++end;
        if (end == start) revert DocumentUnreadable(start);
        return (document[start:end], end);
    }

    /// @dev What stands between the quotes, with its escapes as they are, and the position after the second quote.
    function _text(bytes calldata document, uint256 start) private pure returns (bytes calldata text, uint256 end) {
        if (_at(document, start) != "\"") revert DocumentUnreadable(start);
        end = start + 1;
        bytes1 letter = _at(document, end);
        while (letter != "\"") {
            end += letter == "\\" ? 2 : 1;
            letter = _at(document, end);
        }
        return (document[start + 1:end], end + 1);
    }

    function _isDigit(bytes1 letter) private pure returns (bool) {
        return letter >= "0" && letter <= "9";
    }

    function _number(bytes calldata text) private pure returns (uint256 number) {
        for (uint256 i = 0; i < text.length; ++i) {
            if (!_isDigit(text[i])) return 0;
            number = number * 10 + uint8(text[i]) - uint8(bytes1("0"));
        }
    }

    function _address(bytes calldata text) private pure returns (address) {
        if (text.length != ADDRESS_DIGITS + 2) return address(0);
        (bool isHex, uint256 value) = _hex(text[2:]);
        return isHex ? address(uint160(value)) : address(0);
    }

    /// @dev Canonical receipts write hex in lower case.
    function _hex(bytes calldata digits) private pure returns (bool isHex, uint256 value) {
        for (uint256 i = 0; i < digits.length; ++i) {
            bytes1 digit = digits[i];
            if (_isDigit(digit)) value = (value << 4) | (uint8(digit) - uint8(bytes1("0")));
            else if (digit >= "a" && digit <= "f") value = (value << 4) | (uint8(digit) - uint8(bytes1("a")) + 10);
            else return (false, 0);
        }
        return (true, value);
    }
}

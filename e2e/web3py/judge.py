"""What a program with web3.py does with a node, and what it must not be able to do.

Use: python judge.py URL ARTIFACTS. Prints one line of JSON for each check: its name, and what went wrong or null.
"""

import asyncio
import json
import sys
import traceback
from pathlib import Path

import rlp
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils import keccak, to_bytes, to_checksum_address
from trie import HexaryTrie
from trie.exceptions import BadTrieProof
from web3 import AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3.exceptions import (
    BlockNotFound,
    ContractCustomError,
    ContractLogicError,
    TransactionNotFound,
    Web3RPCError,
)
from web3.middleware import SignAndSendRawMiddlewareBuilder

NOBODY = to_checksum_address("0x" + "09" * 20)
WAIT_SECONDS = 120
FAUCET_AMOUNT = 10_000 * 10**6
# Where OpenZeppelin's ERC20 keeps its balances.
BALANCES_SLOT = 0
URL, ARTIFACTS = sys.argv[1], Path(sys.argv[2])
PERMIT = ["owner", "spender", "value", "nonce", "deadline"]
PERMIT_TYPES = ["address", "address", "uint256", "uint256", "uint256"]


def raises(kind, act):
    """What `act` raised, which has to be of this kind."""
    try:
        result = act()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} is wanted, got {result!r}")


def client(account=None):
    w3 = Web3(HTTPProvider(URL))
    if account is not None:
        w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
        w3.eth.default_account = account.address
    return w3


def finished(w3, transaction_hash, status=1):
    receipt = w3.eth.wait_for_transaction_receipt(transaction_hash, timeout=WAIT_SECONDS, poll_latency=0.05)
    assert receipt["status"] == status, receipt
    return receipt


def artifact():
    abi = json.loads((ARTIFACTS / "TestDollar.json").read_text())["abi"]
    return abi, (ARTIFACTS / "TestDollar.creation.bin").read_bytes()


def deployed(w3):
    """A dollar of its own with a balance of the client's account, and the receipt of its creation."""
    abi, code = artifact()
    receipt = finished(w3, w3.eth.contract(abi=abi, bytecode=code).constructor().transact())
    dollar = w3.eth.contract(address=receipt["contractAddress"], abi=abi)
    finished(w3, dollar.functions.faucet().transact())
    return dollar, receipt


def a_transaction():
    account = Account.create()
    w3 = client()
    assert w3.is_connected() and w3.eth.chain_id == int(w3.net.version)
    fields = {
        "type": 2, "chainId": w3.eth.chain_id, "nonce": w3.eth.get_transaction_count(account.address), "to": NOBODY,
        "value": 0, "gas": 21_000, "maxFeePerGas": w3.eth.gas_price, "maxPriorityFeePerGas": w3.eth.max_priority_fee,
    }
    signed = account.sign_transaction(fields)
    sent = w3.eth.send_raw_transaction(signed.raw_transaction)
    assert sent == signed.hash
    receipt = finished(w3, sent)
    assert receipt["gasUsed"] == 21_000 and receipt["effectiveGasPrice"] == 0 and receipt["to"] == NOBODY
    transaction = w3.eth.get_transaction(sent)
    assert transaction["from"] == account.address and transaction["blockHash"] == receipt["blockHash"]
    assert w3.eth.get_raw_transaction(sent) == signed.raw_transaction
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert [one["hash"] for one in block["transactions"]] == [sent]
    assert w3.eth.get_block(receipt["blockHash"])["transactions"] == [sent]
    assert w3.eth.get_transaction_by_block(block["number"], 0)["hash"] == sent
    assert [one["transactionHash"] for one in w3.eth.get_block_receipts(block["number"])] == [sent]
    assert w3.eth.get_block_transaction_count(block["number"]) == 1
    assert w3.eth.get_transaction_count(account.address) == 1 and w3.eth.get_balance(account.address) == 0
    history = w3.eth.fee_history(1, "latest", [50])
    assert history["baseFeePerGas"] == [0, 0] and history["reward"] == [[0]], history
    assert int(w3.geth.txpool.status()["pending"], 16) == 0


def a_contract():
    account = Account.create()
    w3 = client(account)
    dollar, receipt = deployed(w3)
    assert len(w3.eth.get_code(dollar.address)) > 1_000
    assert dollar.functions.symbol().call() == "tUSD" and dollar.functions.decimals().call() == 6
    assert dollar.functions.balanceOf(account.address).call() == FAUCET_AMOUNT
    # The state before the faucet gave anything, and one that was never.
    assert dollar.functions.totalSupply().call(block_identifier=receipt["blockNumber"]) == 0
    slot = keccak(encode(["address", "uint256"], [NOBODY, BALANCES_SLOT]))
    pretended = {dollar.address: {"stateDiff": {"0x" + slot.hex(): "0x" + (7).to_bytes(32, "big").hex()}}}
    assert dollar.functions.balanceOf(NOBODY).call(state_override=pretended) == 7
    assert dollar.functions.balanceOf(NOBODY).call() == 0
    transfer = dollar.functions.transfer(NOBODY, 5)
    gas = transfer.estimate_gas()
    moved = finished(w3, transfer.transact())
    assert moved["gasUsed"] <= gas, (moved["gasUsed"], gas)
    [event] = dollar.events.Transfer().process_receipt(moved)
    assert dict(event["args"]) == {"from": account.address, "to": NOBODY, "value": 5}
    listed = w3.eth.create_access_list({"from": account.address, "to": dollar.address, "data": transfer._encode_transaction_data()})
    assert listed["accessList"][0]["address"] == dollar.address and listed["gasUsed"] > 21_000
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block(receipt["blockNumber"]))
        batch.add(dollar.functions.totalSupply())
        block, supply = batch.execute()
    assert block["hash"] == receipt["blockHash"] and supply == FAUCET_AMOUNT


def logs_and_filters():
    account = Account.create()
    w3 = client(account)
    dollar, receipt = deployed(w3)
    begun = w3.eth.block_number
    events = dollar.events.Transfer.create_filter(from_block=begun + 1, argument_filters={"to": NOBODY})
    blocks, arrivals = w3.eth.filter("latest"), w3.eth.filter("pending")
    everything = w3.eth.filter({"address": dollar.address, "fromBlock": receipt["blockNumber"]})
    first = finished(w3, dollar.functions.transfer(NOBODY, 1).transact())
    finished(w3, dollar.functions.transfer(account.address, 2).transact())
    assert [event["args"]["value"] for event in events.get_new_entries()] == [1]
    assert events.get_new_entries() == []
    assert [event["args"]["value"] for event in events.get_all_entries()] == [1]
    assert first["blockHash"] in blocks.get_new_entries() and first["transactionHash"] in arrivals.get_new_entries()
    assert len(everything.get_all_entries()) == 3
    assert w3.eth.uninstall_filter(events.filter_id) and not w3.eth.uninstall_filter(events.filter_id)
    raises(Web3RPCError, lambda: w3.eth.get_filter_changes(events.filter_id))
    found = dollar.events.Transfer().get_logs(from_block=0, argument_filters={"from": account.address})
    assert [event["args"]["value"] for event in found] == [1, 2]
    by_hash = w3.eth.get_logs({"blockHash": first["blockHash"], "address": dollar.address})
    assert [log["transactionHash"] for log in by_hash] == [first["transactionHash"]]
    raises(Web3RPCError, lambda: w3.eth.get_logs({"fromBlock": 0, "toBlock": begun + 10**6}))


def a_web_socket():
    account = Account.create()
    w3 = client(account)
    dollar, _ = deployed(w3)

    async def listen():
        async with AsyncWeb3(WebSocketProvider(URL.replace("http", "ws"))) as socket:
            heads = await socket.eth.subscribe("newHeads")
            logs = await socket.eth.subscribe("logs", {"address": dollar.address})
            arrivals = await socket.eth.subscribe("newPendingTransactions")
            assert await socket.eth.chain_id == w3.eth.chain_id
            receipt = await asyncio.to_thread(lambda: finished(w3, dollar.functions.transfer(NOBODY, 3).transact()))
            told = {}
            async for message in socket.socket.process_subscriptions():
                told.setdefault(message["subscription"], message["result"])
                if len(told) == 3:
                    break
            assert told[heads]["hash"] == receipt["blockHash"] and told[heads]["number"] == receipt["blockNumber"]
            assert told[logs]["transactionHash"] == receipt["transactionHash"] == told[arrivals]
            assert dollar.events.Transfer().process_log(told[logs])["args"]["value"] == 3
            assert await socket.eth.unsubscribe(heads)

    asyncio.run(asyncio.wait_for(listen(), WAIT_SECONDS))


def signatures():
    owner, sender = Account.create(), Account.create()
    w3 = client(sender)
    abi, _ = artifact()
    dollar, _ = deployed(w3)
    permit = {"owner": owner.address, "spender": sender.address, "value": 9, "nonce": 0, "deadline": 2**64}
    domain = {"name": "Worthless Test Dollar", "version": "1", "chainId": w3.eth.chain_id, "verifyingContract": dollar.address}
    types = {"Permit": [{"name": name, "type": kind} for name, kind in zip(PERMIT, PERMIT_TYPES, strict=True)]}
    signed = owner.sign_typed_data(domain, types, permit)
    message = encode_typed_data(domain, types, permit)
    assert Account.recover_message(message, signature=signed.signature) == owner.address
    of = lambda value: dollar.functions.permit(
        owner.address, sender.address, value, permit["deadline"], signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
    )
    raises(ContractCustomError, lambda: of(10).call())
    finished(w3, of(9).transact())
    assert dollar.functions.allowance(owner.address, sender.address).call() == 9
    raises(ContractCustomError, lambda: of(9).call())
    text = encode_defunct(text="signed by web3.py")
    assert Account.recover_message(text, signature=owner.sign_message(text).signature) == owner.address


def proofs():
    """From the validators' signatures over a block's hash down to one balance, with libraries that know nothing of this chain."""
    account = Account.create()
    w3 = client(account)
    dollar, _ = deployed(w3)
    # Proofs are made of the last block, and nobody else sends anything.
    block = w3.eth.get_block("latest")
    certified(w3, block)
    header = to_bytes(hexstr=answer(w3, "debug_getRawHeader", [hex(block["number"])]))
    assert keccak(header) == block["hash"]
    state_root = rlp.decode(header)[3]
    assert state_root == block["stateRoot"]
    slot = keccak(encode(["address", "uint256"], [account.address, BALANCES_SLOT]))
    absent = keccak(encode(["address", "uint256"], [NOBODY, BALANCES_SLOT]))
    proof = w3.eth.get_proof(dollar.address, [int.from_bytes(slot, "big"), int.from_bytes(absent, "big")], "latest")
    nodes = decoded(proof["accountProof"])
    key = keccak(to_bytes(hexstr=dollar.address))
    leaf = HexaryTrie.get_from_proof(state_root, key, nodes)
    assert rlp.decode(leaf) == [
        scalar(proof["nonce"]), scalar(proof["balance"]), bytes(proof["storageHash"]), bytes(proof["codeHash"]),
    ]
    assert keccak(w3.eth.get_code(dollar.address)) == proof["codeHash"]
    held, none = proof["storageProof"]
    value = HexaryTrie.get_from_proof(proof["storageHash"], keccak(slot), decoded(held["proof"]))
    assert int.from_bytes(rlp.decode(value), "big") == FAUCET_AMOUNT == dollar.functions.balanceOf(account.address).call()
    assert HexaryTrie.get_from_proof(proof["storageHash"], keccak(absent), decoded(none["proof"])) == b""
    stranger = Account.create().address
    nothing = w3.eth.get_proof(stranger, [], "latest")
    assert HexaryTrie.get_from_proof(state_root, keccak(to_bytes(hexstr=stranger)), decoded(nothing["accountProof"])) == b""
    # What is changed proves nothing.
    for at in range(len(nodes)):
        changed = [rlp.decode(bytes(node)) for node in proof["accountProof"]]
        changed[at] = [part[:-1] + bytes([part[-1] ^ 1]) if isinstance(part, bytes) and part else part for part in changed[at]]
        raises(BadTrieProof, lambda: HexaryTrie.get_from_proof(state_root, key, changed))
    raises(BadTrieProof, lambda: HexaryTrie.get_from_proof(state_root, key, nodes[:-1]))
    raises(BadTrieProof, lambda: HexaryTrie.get_from_proof(keccak(b"another state"), key, nodes))


def scalar(number):
    """As RLP holds a number: without leading zeros."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def decoded(nodes):
    return [rlp.decode(bytes(node)) for node in nodes]


def answer(w3, method, params):
    told = w3.provider.make_request(method, params)
    assert "error" not in told, told
    return told["result"]


def certified(w3, block):
    """More than two thirds of the voting power signed the block's hash."""
    certificate = answer(w3, "aitbc_getCertificate", [hex(block["number"])])
    domain = {"name": "AITBC", "version": "1", "chainId": w3.eth.chain_id}
    types = {"Commit": [{"name": "height", "type": "uint64"}, {"name": "round", "type": "uint32"}, {"name": "blockHash", "type": "bytes32"}]}
    commit = {"height": block["number"], "round": certificate["round"], "blockHash": bytes(block["hash"])}
    message = encode_typed_data(domain, types, commit)
    signers = {Account.recover_message(message, signature=one["signature"]) for one in certificate["signatures"]}
    powers = {to_checksum_address(one["address"]): one["votingPower"] for one in answer(w3, "aitbc_getValidators", [])}
    number = lambda power: int(power, 16) if isinstance(power, str) else power
    signed = sum(number(powers[signer]) for signer in signers)
    assert 3 * signed > 2 * sum(map(number, powers.values())), (signers, powers)


def refusals():
    account = Account.create()
    w3 = client(account)
    dollar, _ = deployed(w3)
    error = raises(ContractCustomError, lambda: dollar.functions.transfer(NOBODY, 10**30).call())
    assert error.data[:10] == "0x" + keccak(text="ERC20InsufficientBalance(address,uint256,uint256)")[:4].hex(), error
    raises(ContractCustomError, lambda: dollar.functions.transfer(NOBODY, 10**30).estimate_gas())
    # Code that reverts with an Error(string).
    reason = keccak(text="Error(string)")[:4] + encode(["string"], ["too late"])
    reverter = {NOBODY: {"code": "0x365f5f37365ffd"}}
    error = raises(ContractLogicError, lambda: w3.eth.call({"to": NOBODY, "data": "0x" + reason.hex()}, "latest", reverter))
    assert "too late" in error.message, error
    sent = dollar.functions.transfer(NOBODY, 10**30).transact({"gas": 200_000})
    finished(w3, sent, status=0)
    fields = {
        "type": 2, "chainId": w3.eth.chain_id, "nonce": 0, "to": NOBODY, "value": 0, "gas": 30_000, "maxFeePerGas": 0,
        "maxPriorityFeePerGas": 0,
    }
    refused = lambda changes: raises(
        Web3RPCError, lambda: w3.eth.send_raw_transaction(account.sign_transaction({**fields, **changes}).raw_transaction)
    ).message
    assert "nonce too low" in refused({})
    next_nonce = {"nonce": w3.eth.get_transaction_count(account.address)}
    assert "insufficient funds" in refused({**next_nonce, "value": 1})
    assert "chain" in refused({**next_nonce, "chainId": 1})
    assert "gas" in refused({**next_nonce, "gas": 20_000})
    raises(TransactionNotFound, lambda: w3.eth.get_transaction("0x" + "12" * 32))
    raises(TransactionNotFound, lambda: w3.eth.get_transaction_receipt("0x" + "12" * 32))
    raises(BlockNotFound, lambda: w3.eth.get_block(10**9))
    # The node has no keys: what is not signed here is sent by nobody.
    raises(Web3RPCError, lambda: client().eth.send_transaction({"from": account.address, "to": NOBODY, "gas": 21_000, "gasPrice": 0}))
    assert client().eth.accounts == []


CHECKS = [a_transaction, a_contract, logs_and_filters, a_web_socket, signatures, proofs, refusals]


def main():
    for check in CHECKS:
        try:
            check()
            fault = None
        except Exception:
            fault = traceback.format_exc()
        print(json.dumps({"check": check.__name__, "fault": fault}), flush=True)


if __name__ == "__main__":
    main()

// What an auditor does with a receipt, in another language and with other libraries than the product's own.

import assert from 'node:assert/strict';
import { id, verifyTypedData } from 'ethers';
import { canonicalJson, claimOf, domainOf, jobReceiptTypes } from '../../contracts/receipts.mjs';

/** Computes the hash of a signed receipt and recovers the miner and each attester. */
export function verifyReceipt({ receipt, receipt_hash: hash, miner_signature: signature, attestations }) {
  assert.equal(id(canonicalJson(receipt)), hash, 'the hash is that of the canonical JSON');
  const signer = (bytes, { contract = receipt.contract } = {}) =>
    verifyTypedData(domainOf(receipt.chain_id, contract), jobReceiptTypes, claimOf(receipt, hash), bytes).toLowerCase();
  assert.equal(signer(signature), receipt.provider, 'the provider signed it');
  assert.notEqual(signer(signature, { contract: receipt.client }), receipt.provider, 'it is void for another contract');
  assert.ok(attestations.length > 0, 'it is attested');
  for (const { attester, signature: attestation } of attestations) assert.equal(signer(attestation), attester.toLowerCase());
}

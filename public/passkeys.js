// Passkeys that open the wallet of this page, by the extension `prf` of WebAuthn, which no worker may ask for. What a passkey
// answers goes out as one buffer, which the page hands over to the wallet's worker; nothing here keeps it.

const NAME = "AITBC wallet";
// The signatures that authenticators offer most. Nobody checks one: what counts is the answer of the extension.
const ALGORITHMS = [-7, -8, -257];
const RANDOM_BYTES = 32;
const ANSWER_BYTES = 32;
const PROMPT_MS = 120_000;
// Names no failure of the browser has.
const WITHOUT_PRF = "WithoutPrf";

const random = () => crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
const named = (id) => ({ type: "public-key", id });
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// Whether this browser can ask passkeys on this page: they belong to a domain, which an address of numbers is none.
export async function isOffered() {
  if (/^\[|^[\d.]+$/.test(location.hostname)) return false;
  try {
    const can = await globalThis.PublicKeyCredential?.getClientCapabilities?.();
    return can?.["extension:prf"] === true;
  } catch {
    return false;
  }
}

// Makes a passkey beside those that are `known`, and asks it with `salt`.
export async function make(salt, known) {
  const credential = await navigator.credentials.create({
    publicKey: {
      rp: { name: NAME },
      user: { id: random(), name: NAME, displayName: NAME },
      challenge: random(),
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
      excludeCredentials: known.map(named),
      extensions: { prf: { eval: { first: salt } } },
      timeout: PROMPT_MS,
    },
  });
  const id = new Uint8Array(credential.rawId);
  const { prf } = credential.getClientExtensionResults();
  if (!prf?.enabled) throw withoutPrf();
  // Some answer only once they are asked after they were made.
  return prf.results?.first ? { id, output: answer(prf.results.first) } : ask([id], [salt]);
}

// Asks one of the passkeys `ids`, whichever its owner has at hand, each with its own salt.
export async function ask(ids, salts) {
  const evalByCredential = Object.fromEntries(ids.map((id, at) => [base64url(id), { first: salts[at] }]));
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: random(),
      allowCredentials: ids.map(named),
      userVerification: "required",
      extensions: { prf: { evalByCredential } },
      timeout: PROMPT_MS,
    },
  });
  const id = new Uint8Array(credential.rawId);
  return { id, output: answer(credential.getClientExtensionResults().prf?.results?.first) };
}

// The answer in a buffer of its own.
function answer(first) {
  if (first?.byteLength !== ANSWER_BYTES) throw withoutPrf();
  if (first instanceof ArrayBuffer) return first;
  const view = new Uint8Array(first.buffer, first.byteOffset, first.byteLength);
  const { buffer } = view.slice();
  view.fill(0);
  return buffer;
}

function withoutPrf() {
  const error = new Error("the passkey has no extension prf");
  error.name = WITHOUT_PRF;
  return error;
}

// Loads the wallet as a provider (EIP-1193) once something on this page asks for wallets (EIP-6963).
async function load() {
  try {
    const wallet = await import("/pkg/wallet_page.js");
    await wallet.default();
    wallet.hydrate();
  } catch (error) {
    // Who waits for this wallet goes on without it, and who asks later tries again.
    listen();
    window.dispatchEvent(new Event("aitbc:no-wallet"));
    throw error;
  }
}

function listen() {
  window.addEventListener("eip6963:requestProvider", load, { once: true });
}

listen();

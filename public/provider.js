// Loads the wallet as a provider (EIP-1193) once something on this page asks for wallets (EIP-6963).
async function load() {
  const wallet = await import("/pkg/wallet_page.js");
  await wallet.default();
  wallet.hydrate();
}

window.addEventListener("eip6963:requestProvider", load, { once: true });

// Trunk's last step: joins the style sheets, removes what is never served, and compresses for release.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const STYLES = [
  "tokens.css", "base.css", "layout.css", "components/value.css", "components/status.css", "components/proof.css",
  "components/table.css", "components/chart.css", "components/form.css", "components/canvas.css", "components/document.css",
  "pages.css", "wallet.css", "exchange.css", "marketplace.css",
];
const COMPRESSED = new Set([".wasm", ".js", ".css", ".svg", ".txt"]);
const SMALLEST_BYTES = 1024;

const site = process.env.TRUNK_STAGING_DIR;
const styles = join(dirname(fileURLToPath(import.meta.url)), "style");
writeFileSync(join(site, "pkg", "app.css"), STYLES.map((name) => readFileSync(join(styles, name), "utf8")).join("\n"));
rmSync(join(site, "_trunk.html"), { force: true });

if (process.env.TRUNK_PROFILE === "release") {
  for (const entry of readdirSync(site, { recursive: true })) {
    const path = join(site, entry);
    if (!COMPRESSED.has(extname(path)) || statSync(path).size < SMALLEST_BYTES) continue;
    const bytes = readFileSync(path);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

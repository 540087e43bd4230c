//! The wallet in its own code, in a browser, and beside what a user would take instead, in one run: ethers.js in node.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::figure::Figure;
use super::programs;
use super::told::{Told, median, run};
use crate::build;
use crate::packages;
use crate::tools::{self, C_COMPILER, CHROMIUM, NODE};
use crate::workspace::{Profile, Workspace};

const SCRIPT: &str = "e2e/reference/wallet_bench.mjs";
const BROWSER_SCRIPT: &str = "e2e/reference/wallet_browser.mjs";

/// Slower, and nobody would unlock it; faster, and a stolen copy would be tried too fast.
const UNLOCK_BAR_SECONDS: (f64, f64) = (0.3, 1.0);
const SIGNATURE_BAR_MS: f64 = 5.0;

/// In kilobytes of 1000 bytes.
const WORKER_BUNDLE_BAR_KB: f64 = 500.0;

/// Part of the name of the worker's bundle as a release leaves it, compressed.
const WORKER_BUNDLE: (&str, &str) = ("wallet_worker", ".wasm.br");

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER, NODE])?;
    packages::install(workspace, "e2e")?;
    build::release_example(workspace, "bench_wallet")?;
    let binaries = workspace.binaries(Profile::Release);
    let program = binaries.join("examples/bench_wallet");
    let mut figures =
        programs::figures(workspace.command(&program.to_string_lossy()).arg("--server").arg(binaries.join("aitbc")))?;
    figures.extend(ethers(&run(workspace.command("node").arg(SCRIPT))?)?);
    match bundle_bytes(&workspace.site().join("pkg"))? {
        Some(bytes) => {
            figures.push(Figure::at_most(
                WORKER_BUNDLE_BAR_KB,
                "wallet: bundle of the worker, brotli",
                bytes as f64 / 1000.0,
                "kB",
            ));
            figures.extend(in_browser(workspace)?);
        }
        None => println!("no figures of the worker's bundle and of a browser: no site was built in release"),
    }
    Ok(figures)
}

/// What a visitor waits for: the release's bundles in the browser of this machine.
fn in_browser(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[CHROMIUM])?;
    let mut script = workspace.command("node");
    script.arg(BROWSER_SCRIPT);
    script.env("AITBC_BINARIES", workspace.binaries(Profile::Release)).env("AITBC_SITE", workspace.site());
    let told = run(&mut script)?;
    let unlock = median(&told.numbers("unlock_seconds")?);
    let (fastest, slowest) = UNLOCK_BAR_SECONDS;
    let signature = median(&told.numbers("worker_ms")?);
    let heard = median(&told.numbers("signature_ms")?);
    Ok(vec![
        Figure::at_most(slowest, "wallet: unlock, in Chromium", unlock, "s"),
        Figure::at_least(fastest, "wallet: the same, for who tries passwords there", unlock, "s"),
        Figure::at_most(SIGNATURE_BAR_MS, "wallet: signed message after unlock, in Chromium's worker", signature, "ms"),
        Figure::at_most(
            SIGNATURE_BAR_MS,
            "wallet: the same, until the page that draws meanwhile hears it",
            heard,
            "ms",
        ),
    ])
}

fn ethers(told: &Told) -> Result<Vec<Figure>> {
    let permit_ms = median(&told.numbers("permit_ms")?);
    let figure = |name: &str, value, unit| Figure::without_bar(&format!("wallet: {name}, ethers.js"), value, unit);
    Ok(vec![
        figure("unlock, scrypt, N = 2^17", median(&told.numbers("unlock_seconds")?), "s"),
        figure("signed transaction after unlock", median(&told.numbers("transaction_ms")?), "ms"),
        figure("signed typed data after unlock", permit_ms, "ms"),
        figure("permits on one core, no policy and no log", 1_000.0 / permit_ms, "1/s"),
    ])
}

/// The size of the worker's bundle, where one was built.
fn bundle_bytes(folder: &Path) -> Result<Option<u64>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let (part, end) = WORKER_BUNDLE;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains(part) && name.ends_with(end) {
            return Ok(Some(entry.metadata()?.len()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::bundle_bytes;

    #[test]
    fn the_bundle_is_the_compressed_one_of_the_worker() {
        let folder = std::env::temp_dir().join(format!("aitbc-bench-wallet-{}", std::process::id()));
        assert_eq!(bundle_bytes(&folder).unwrap(), None, "no site was built");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("wallet_worker.wasm"), [0; 9]).unwrap();
        std::fs::write(folder.join("wallet_page.wasm.br"), [0; 5]).unwrap();
        assert_eq!(bundle_bytes(&folder).unwrap(), None, "a development build is not compressed");
        std::fs::write(folder.join("wallet_worker.wasm.br"), [0; 7]).unwrap();
        let found = bundle_bytes(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, Some(7));
    }
}

// Compiles solidity/*.sol into artifacts/. With --check it writes nothing and fails where an artifact differs.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import solc from "solc";

const root = import.meta.dirname;
const require = createRequire(import.meta.url);

const settings = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 1000 },
  // Without the metadata hash the bytecode depends on nothing but code, compiler and settings.
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

const contractFiles = readdirSync(join(root, "solidity")).filter((name) => name.endsWith(".sol")).sort();

function readSource(name) {
  const path = name.startsWith("solidity/") ? join(root, name) : require.resolve(name);
  return readFileSync(path, "utf8");
}

function compile() {
  const entries = contractFiles.map((file) => [`solidity/${file}`, { content: readSource(`solidity/${file}`) }]);
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(entries),
    settings: {
      ...settings,
      outputSelection: { "*": { "*": ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const findImport = (name) => {
    try {
      return { contents: readSource(name) };
    } catch (error) {
      return { error: error.message };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
  // Warnings about the library's own files are its authors' concern; ours count as errors.
  const isOurs = ({ severity, sourceLocation }) => severity === "error" || sourceLocation?.file.startsWith("solidity/");
  const faults = (output.errors ?? []).filter(isOurs);
  for (const { formattedMessage } of faults) console.error(formattedMessage);
  if (faults.length > 0) process.exit(1);
  return output.contracts;
}

// Own sources by their sha256, so that a stale artifact shows without a compiler.
function sourceHashes(metadata) {
  const own = Object.keys(JSON.parse(metadata).sources).filter((name) => name.startsWith("solidity/")).sort();
  const hash = (name) => createHash("sha256").update(readSource(name)).digest("hex");
  return Object.fromEntries(own.map((name) => [name, `sha256:${hash(name)}`]));
}

function artifact(contractName, compiled) {
  return {
    contractName,
    compiler: `solc ${solc.version()}`,
    libraries: { "@openzeppelin/contracts": require("@openzeppelin/contracts/package.json").version },
    settings,
    sourceHashes: sourceHashes(compiled.metadata),
    abi: compiled.abi,
    bytecode: `0x${compiled.evm.bytecode.object}`,
    deployedBytecode: `0x${compiled.evm.deployedBytecode.object}`,
  };
}

function outputFiles() {
  const contracts = compile();
  return contractFiles.flatMap((file) => {
    const name = file.replace(/\.sol$/, "");
    const compiled = contracts[`solidity/${file}`][name];
    return [
      [`${name}.json`, Buffer.from(`${JSON.stringify(artifact(name, compiled), null, 2)}\n`)],
      [`${name}.creation.bin`, Buffer.from(compiled.evm.bytecode.object, "hex")],
    ];
  });
}

function isCurrent(path, expected) {
  try {
    return readFileSync(path).equals(expected);
  } catch {
    return false;
  }
}

const artifacts = join(root, "artifacts");
const files = outputFiles();
if (process.argv.includes("--check")) {
  const stale = files.filter(([name, content]) => !isCurrent(join(artifacts, name), content)).map(([name]) => name);
  if (stale.length > 0) {
    console.error(`artifacts differ from the source: ${stale.join(", ")}; run \`npm run compile\` in contracts/`);
    process.exit(1);
  }
  console.log(`${files.length} artifacts match the source`);
} else {
  mkdirSync(artifacts, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(artifacts, name), content);
  for (const [name, content] of files) console.log(`${name}: ${content.length} bytes`);
}

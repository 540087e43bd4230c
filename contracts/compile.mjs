// Compiles solidity/*.sol into artifacts/, and what only tests use from tests/solidity into tests/artifacts. With --check it
// writes nothing and fails where an artifact differs.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import solc from "solc";

const root = import.meta.dirname;
const require = createRequire(import.meta.url);

const settings = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 1000 },
  // Without the metadata hash the bytecode depends on nothing but code, compiler and settings.
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

const contractsIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".sol"))
    .sort()
    .map((name) => ({ source: `${folder}/${name}`, name: name.replace(/\.sol$/, ""), to: folder.replace("solidity", "artifacts") }));

const contractFiles = ["solidity", "tests/solidity"].flatMap(contractsIn);

const isOwn = (name) => name.startsWith("solidity/") || name.startsWith("tests/solidity/");

function readSource(name) {
  return readFileSync(isOwn(name) ? join(root, name) : require.resolve(name), "utf8");
}

function compile() {
  const entries = contractFiles.map(({ source }) => [source, { content: readSource(source) }]);
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(entries),
    settings: {
      ...settings,
      outputSelection: { "*": { "*": ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"] } },
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
  const isOurs = ({ severity, sourceLocation }) => severity === "error" || isOwn(sourceLocation?.file ?? "");
  const faults = (output.errors ?? []).filter(isOurs);
  for (const { formattedMessage } of faults) console.error(formattedMessage);
  if (faults.length > 0) process.exit(1);
  return output.contracts;
}

// Own sources by their sha256, so that a stale artifact shows without a compiler.
function sourceHashes(metadata) {
  const own = Object.keys(JSON.parse(metadata).sources).filter(isOwn).sort();
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
    // Where the value of each immutable variable stands, without the compiler's ids, which count through all sources.
    immutables: Object.values(compiled.evm.deployedBytecode.immutableReferences),
  };
}

function outputFiles() {
  const contracts = compile();
  return contractFiles.flatMap(({ source, name, to }) => {
    const compiled = contracts[source][name];
    return [
      [join(to, `${name}.json`), Buffer.from(`${JSON.stringify(artifact(name, compiled), null, 2)}\n`)],
      [join(to, `${name}.creation.bin`), Buffer.from(compiled.evm.bytecode.object, "hex")],
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

const files = outputFiles();
if (process.argv.includes("--check")) {
  const stale = files.filter(([path, content]) => !isCurrent(join(root, path), content)).map(([path]) => path);
  if (stale.length > 0) {
    console.error(`artifacts differ from the source: ${stale.join(", ")}; run \`npm run compile\` in contracts/`);
    process.exit(1);
  }
  console.log(`${files.length} artifacts match the source`);
} else {
  for (const [path, content] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`${path}: ${content.length} bytes`);
  }
}

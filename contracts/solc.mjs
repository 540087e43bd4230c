#!/usr/bin/env node
// The compiler of package.json as a program, in the form of a native solc: `--version`, and `--standard-json` from standard
// input to standard output. It reads no other file, so an import must be among the sources that it is given.
import { readFileSync, writeFileSync } from "node:fs";
import solc from "solc";

const [, , ...flags] = process.argv;
if (flags.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (flags.includes("--standard-json")) {
  writeFileSync(1, solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("solc.mjs takes --version or --standard-json");
  process.exit(1);
}

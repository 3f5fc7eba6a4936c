// Checks assets/ before the package is packed: everything is there, modules are as small as promised.
import { existsSync, readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const asset = (name) => new URL(`assets/${name}`, import.meta.url);

/** Bytes that the module of a page may have, as it is and after brotli. */
const MOST = 800_000;
const MOST_BROTLI = 300_000;

for (const name of ["dcodec.wasm", "dcodec-relaxed.wasm", "dcodec-encode.wasm", "dcodec-encode-relaxed.wasm", "priors.js"]) {
  if (!existsSync(asset(name))) throw new Error(`assets/${name} is not there: run ./build.sh`);
}
for (const name of ["dcodec.wasm", "dcodec-relaxed.wasm"]) {
  const bytes = readFileSync(asset(name));
  const packed = brotliCompressSync(bytes).length;
  console.error(`${name}: ${bytes.length} bytes, ${packed} by brotli`);
  if (bytes.length > MOST || packed > MOST_BROTLI) throw new Error(`${name} is too large`);
}
const { default: priors } = await import("./assets/priors.js");
for (const { name, url, bytes } of priors) {
  if (readFileSync(new URL(url)).length !== bytes) throw new Error(`weights ${name} are not those that were listed`);
}

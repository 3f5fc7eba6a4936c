// Decodes the conformance files with the module: node crates/wasm/conformance.mjs MODULE.wasm
//
// The module takes its weights from models/. One whose arithmetic is the reference shows the samples of
// codec-spec/files/files.json to the bit, and every module refuses the bad files with their clauses. Ends with 1 if not.
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";

import { Module } from "../../web/src/module.js";

const [path] = process.argv.slice(2);
const root = new URL("../../", import.meta.url);
const read = (name) => readFileSync(new URL(name, root));
const table = JSON.parse(read("codec-spec/files/files.json"));

const { instance } = await WebAssembly.instantiate(readFileSync(path), {});
const module = new Module(instance);
if (!module.isReference) throw new Error(`${path}: not the reference arithmetic, no picture is known`);
const priors = new Map();
const prior = (name) => {
  if (!priors.has(name)) priors.set(name, module.prior(read(`models/${name}.safetensors`)));
  return priors.get(name);
};

/** The picture of a file that comes in pieces of `n` bytes. */
function decoded(file, weights, n) {
  const decoder = module.open(prior(weights));
  try {
    for (let at = 0; at < file.length; at += n) {
      let piece = file.subarray(at, at + n);
      while (piece.length > 0) piece = piece.subarray(decoder.push(piece));
    }
    return decoder.show();
  } finally {
    decoder.close();
  }
}

/** The samples of these channels of RGBA. */
const channels = (rgba, wanted) => Uint8Array.from(rgba.filter((_, i) => wanted.includes(i % 4)));

const faults = [];
for (const [name, line] of Object.entries(table.ok)) {
  const file = read(`codec-spec/files/ok/${name}.dfc`);
  // Of samples of 16 bits the module shows the nearest of 8.
  const [told, alpha] = line.depth === 16 ? ["crc_8", "alpha_crc_8"] : ["crc", "alpha_crc"];
  for (const n of [1000, 7]) {
    const picture = decoded(file, line.prior_name, n);
    const crc = crc32(channels(picture.rgba, line.colour === "grey" ? [0] : [0, 1, 2]));
    if (picture.width !== line.width || picture.height !== line.height) faults.push(`${name}: another size`);
    if (crc !== line.shows[told]) faults.push(`${name}: samples of CRC-32 ${crc}, not ${line.shows[told]}`);
    if (line.alpha && crc32(channels(picture.rgba, [3])) !== line.shows[alpha]) faults.push(`${name}: another alpha`);
  }
}
for (const [name, line] of Object.entries(table.bad)) {
  const file = read(`codec-spec/files/bad/${name}.dfc`);
  const wanted = line.names ?? `(clause ${line.clause})`;
  let said = "nothing";
  try {
    decoded(file, "s", 1000);
  } catch (e) {
    said = e.message;
  }
  if (!said.includes(wanted)) faults.push(`${name}: ${said}, not ${wanted}`);
}
for (const fault of faults) console.log(fault);
const count = Object.keys(table.ok).length + Object.keys(table.bad).length;
if (count === 0) throw new Error("no files");
console.log(`${count} conformance files, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);

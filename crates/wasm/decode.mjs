// Decodes a file with the module, as a page does: node crates/wasm/decode.mjs MODULE.wasm IN.dfc OUT.ppm WEIGHTS
//
// WEIGHTS may be - for a module with the priors inside. With --against NATIVE.ppm ORIGINAL.ppm at the end it compares the
// picture with that of the native decoder, and ends with 1 if they are further apart than clause 22.2 of the specification
// allows; with --exact ORIGINAL.ppm it ends with 1 if a sample differs.
import { readFileSync, writeFileSync } from "node:fs";

import { Module } from "../../web/src/module.js";

const args = process.argv.slice(2);
const option = (name, n) => {
  const at = args.indexOf(name);
  return at < 0 ? null : args.splice(at, n + 1).slice(1);
};
const against = option("--against", 2);
const exact = option("--exact", 1);
const [path, input, output, weights] = args;

const { instance } = await WebAssembly.instantiate(readFileSync(path), {});
const module = new Module(instance);
const file = readFileSync(input);
const prior = weights === "-" ? 0 : module.prior(readFileSync(weights));
const decoder = module.open(prior);

const start = performance.now();
for (let rest = file; rest.length > 0; ) rest = rest.subarray(decoder.push(rest));
const picture = decoder.show();
const seconds = (performance.now() - start) / 1000;
decoder.close();

const { width, height } = picture;
const rgb = Buffer.from(picture.rgba.filter((_, i) => i % 4 !== 3));
writeFileSync(output, Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), rgb]));
const arithmetic = module.isReference ? "the reference arithmetic" : "products rounded before they are added";
console.log(`${picture.layers} layers, ${width} x ${height}, ${seconds.toFixed(2)} s, ${arithmetic}, exact: ${picture.exact}`);

/** The samples of a binary PPM of 8 bits without comments. */
function samples(path) {
  const file = readFileSync(path);
  const head = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 64).toString("latin1"));
  if (!head || head[1] != width || head[2] != height) throw new Error(`${path}: not a PPM of ${width} x ${height}`);
  return file.subarray(head[0].length);
}

if (exact && !rgb.equals(samples(exact[0]))) {
  console.log("samples of an exact picture differ");
  process.exit(1);
}
if (against) {
  const [native, original] = against.map(samples);
  const psnr = (a) => {
    const squares = a.reduce((sum, v, i) => sum + (v - original[i]) ** 2, 0);
    return 10 * Math.log10((255 ** 2 * a.length) / squares);
  };
  const apart = rgb.map((v, i) => Math.abs(v - native[i]));
  const differ = apart.filter((d) => d > 0).length / rgb.length;
  const far = apart.filter((d) => d > 1).length / rgb.length;
  const [ours, theirs] = [psnr(rgb), psnr(native)];
  console.log(
    `PSNR ${ours.toFixed(4)} dB here, ${theirs.toFixed(4)} native; ` +
      `${(100 * differ).toFixed(4)} % of the samples differ, ${(100 * far).toFixed(4)} % by more than one level`,
  );
  if (!(Math.abs(ours - theirs) <= 0.01 && far <= 0.001)) {
    console.log("clause 22.2 is broken");
    process.exit(1);
  }
  // The reference arithmetic leaves no tolerance.
  if (module.isReference && differ > 0) {
    console.log("the reference arithmetic gave another picture");
    process.exit(1);
  }
}

// Decodes a file with the module, as a browser would: node crates/wasm/decode.mjs MODULE.wasm IN.dfc OUT.ppm [WEIGHTS]
//
// With --against NATIVE.ppm ORIGINAL.ppm at the end it compares the picture with that of the native decoder, and ends with 1
// if they are further apart than clause 22.2 of the specification allows.
import { readFileSync, writeFileSync } from "node:fs";

const args = process.argv.slice(2);
const at = args.indexOf("--against");
const against = at < 0 ? [] : args.splice(at).slice(1);
const [module, input, output, weights] = args;

const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
const dcodec = instance.exports;

// Memory moves when it grows, so views of it are made where they are used.
const bytes = (at, n) => new Uint8Array(dcodec.memory.buffer, at, n);

function fail() {
  const all = new Uint8Array(dcodec.memory.buffer, dcodec.message());
  console.error(`error: ${new TextDecoder().decode(all.slice(0, all.indexOf(0)))}`);
  process.exit(1);
}

function lend(data, call) {
  const at = dcodec.alloc(data.length);
  bytes(at, data.length).set(data);
  const got = call(at, data.length);
  dcodec.free(at, data.length);
  return got;
}

const decoder = lend(weights ? readFileSync(weights) : new Uint8Array(), dcodec.open);
if (decoder === 0) fail();

const start = performance.now();
const layers = lend(readFileSync(input), (at, n) => dcodec.push(decoder, at, n));
if (layers < 0 || dcodec.show(decoder) < 0) fail();
const seconds = (performance.now() - start) / 1000;

const [width, height] = [dcodec.width(decoder), dcodec.height(decoder)];
const rgba = bytes(dcodec.pixels(decoder), 4 * width * height);
const rgb = Buffer.from(rgba.filter((_, i) => i % 4 !== 3));
dcodec.close(decoder);
writeFileSync(output, Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), rgb]));
console.log(`${layers} layers, ${width} x ${height}, ${seconds.toFixed(2)} s`);

/** The samples of a binary PPM of 8 bits without comments. */
function samples(path) {
  const file = readFileSync(path);
  const head = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 64).toString("latin1"));
  if (!head || head[1] != width || head[2] != height) throw new Error(`${path}: not a PPM of ${width} x ${height}`);
  return file.subarray(head[0].length);
}

if (against.length === 2) {
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
}

// Colour profiles as sRGB, against published matrices.
import assert from "node:assert/strict";
import { test } from "node:test";

import { toSrgb } from "../src/icc.js";

/** A profile of these tags: [name, bytes]. */
export function profile(space, tags) {
  const head = Buffer.alloc(132);
  head.write(space, 16, "latin1");
  head.write("XYZ ", 20, "latin1");
  head.write("acsp", 36, "latin1");
  head.writeUInt32BE(tags.length, 128);
  let offset = 132 + 12 * tags.length;
  const table = tags.map(([name, bytes]) => {
    const entry = Buffer.alloc(12);
    entry.write(name, 0, "latin1");
    entry.writeUInt32BE(offset, 4);
    entry.writeUInt32BE(bytes.length, 8);
    offset += bytes.length;
    return entry;
  });
  const all = Buffer.concat([head, ...table, ...tags.map(([, bytes]) => bytes)]);
  all.writeUInt32BE(all.length, 0);
  return all;
}

const typed = (type, n) => {
  const bytes = Buffer.alloc(8 + n);
  bytes.write(type, 0, "latin1");
  return bytes;
};

const fixed = (type, ...values) => {
  const bytes = typed(type, 4 * values.length);
  values.forEach((v, i) => bytes.writeInt32BE(Math.round(v * 65536), 8 + 4 * i));
  return bytes;
};

const parametric = (kind, ...values) => {
  const bytes = Buffer.concat([typed("para", 4), fixed("", ...values).subarray(8)]);
  bytes.writeUInt16BE(kind, 8);
  return bytes;
};

const table = (count, f) => {
  const bytes = typed("curv", 4 + 2 * count);
  bytes.writeUInt32BE(count, 8);
  for (let i = 0; i < count; i++) bytes.writeUInt16BE(Math.round(65535 * f(i / (count - 1))), 12 + 2 * i);
  return bytes;
};

const SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045);
const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const encoded = (v) => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * Math.min(1, v) ** (1 / 2.4) - 0.055);

/** Display P3 as its makers publish it: primaries adapted to D50, the curve of sRGB. */
export const displayP3 = (curve = SRGB_CURVE) =>
  profile("RGB ", [
    ["rXYZ", fixed("XYZ ", 0.51512, 0.2412, -0.00105)],
    ["gXYZ", fixed("XYZ ", 0.29198, 0.69225, 0.04189)],
    ["bXYZ", fixed("XYZ ", 0.1571, 0.06657, 0.78407)],
    ["rTRC", curve],
    ["gTRC", curve],
    ["bTRC", curve],
  ]);

/** Display P3 to sRGB in linear light, from CSS Color 4. */
const P3_TO_SRGB = [
  [1.2249401762805598, -0.2249404, 0],
  [-0.0420569547096881, 1.0420571, 0],
  [-0.0196375545903344, -0.0786361, 1.0982735],
];

function shown(icc, pixels) {
  const rgba = Uint8ClampedArray.from(pixels.flatMap((p) => [...p, 77]));
  const known = toSrgb(icc, rgba);
  return { known, pixels: pixels.map((_, i) => [...rgba.subarray(4 * i, 4 * i + 3)]), alpha: rgba.filter((_, i) => i % 4 === 3) };
}

test("Display P3 becomes sRGB", () => {
  const pixels = [[0, 0, 0], [255, 255, 255], [128, 128, 128], [100, 150, 200], [200, 120, 90], [255, 0, 0], [10, 240, 30]];
  for (const icc of [displayP3(), displayP3(table(1024, linear))]) {
    const got = shown(icc, pixels);
    assert.equal(got.known, true);
    assert.ok(got.alpha.every((a) => a === 77));
    pixels.forEach((pixel, i) => {
      const light = pixel.map((v) => linear(v / 255));
      P3_TO_SRGB.forEach((row, c) => {
        const wanted = encoded(Math.max(0, row.reduce((sum, m, k) => sum + m * light[k], 0)));
        assert.ok(Math.abs(got.pixels[i][c] - wanted) <= 1, `${pixel}: ${got.pixels[i]}, not ${wanted} at ${c}`);
      });
    });
  }
});

test("sRGB stays what it is, to the bit", () => {
  const icc = profile("RGB ", [
    ["rXYZ", fixed("XYZ ", 0.43607, 0.22249, 0.01392)],
    ["gXYZ", fixed("XYZ ", 0.38515, 0.71687, 0.09708)],
    ["bXYZ", fixed("XYZ ", 0.14307, 0.06061, 0.7141)],
    ["rTRC", SRGB_CURVE],
    ["gTRC", SRGB_CURVE],
    ["bTRC", SRGB_CURVE],
  ]);
  const pixels = Array.from({ length: 256 }, (_, i) => [i, 255 - i, (7 * i) % 256]);
  assert.deepEqual(shown(icc, pixels), { known: true, pixels, alpha: shown(icc, pixels).alpha });
});

test("a grey curve of gamma 1.8 becomes sRGB's", () => {
  const gamma = typed("curv", 6);
  gamma.writeUInt32BE(1, 8);
  gamma.writeUInt16BE(Math.round(1.8 * 256), 12);
  const got = shown(profile("GRAY", [["kTRC", gamma]]), [[0, 0, 0], [100, 100, 100], [255, 255, 255]]);
  assert.deepEqual([got.pixels[0], got.pixels[2]], [[0, 0, 0], [255, 255, 255]]);
  assert.ok(Math.abs(got.pixels[1][0] - encoded((100 / 255) ** 1.8)) <= 1, `${got.pixels[1]}`);
});

test("profiles of tables, of other spaces and damaged ones are left alone", () => {
  const pixels = [[1, 2, 3]];
  const whole = displayP3();
  const cases = [new Uint8Array(), profile("CMYK", []), profile("RGB ", []), profile("RGB ", [["A2B0", typed("mft2", 60)]])];
  for (let n = 0; n < whole.length; n += 5) cases.push(whole.subarray(0, n));
  for (const icc of cases) {
    const got = shown(icc, pixels);
    if (!got.known) assert.deepEqual(got.pixels, pixels);
  }
  assert.ok(cases.slice(0, 4).every((icc) => !shown(icc, pixels).known));
});

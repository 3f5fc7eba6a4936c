// Colours of an ICC profile as sRGB: profiles of a matrix and curves, and of one curve for grey. Those
// that are made of tables for printers are left alone.

/** sRGB's primaries in the profile connection space (D50), by columns, as profiles of sRGB have them. */
const SRGB = [
  [0.4360657, 0.3851471, 0.1430664],
  [0.2224884, 0.7168732, 0.0606079],
  [0.0139160, 0.0970764, 0.7140961],
];

/** Two matrices or curves that are closer than this show one picture. */
const ALIKE = 0.003;

/** Steps of linear light from black to white. */
const STEPS = 65535;

/** Linear light of an sRGB value, both 0 to 1. */
const toLinear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

/** The sRGB sample of each step of linear light. */
let encoded = null;

function encode() {
  if (encoded) return encoded;
  encoded = new Uint8Array(STEPS + 1);
  for (let i = 0; i <= STEPS; i++) {
    const v = i / STEPS;
    encoded[i] = Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
  }
  return encoded;
}

/** The tags of a profile by name; null if it is damaged. */
function tagsOf(icc) {
  const view = new DataView(icc.buffer, icc.byteOffset, icc.byteLength);
  const text = (at) => String.fromCharCode(...icc.subarray(at, at + 4));
  if (icc.length < 132 || text(36) !== "acsp") return null;
  const tags = new Map();
  const count = view.getUint32(128);
  for (let i = 0; i < count && 144 + 12 * i <= icc.length; i++) {
    const [offset, size] = [view.getUint32(136 + 12 * i), view.getUint32(140 + 12 * i)];
    if (offset + size > icc.length || size < 12) continue;
    tags.set(text(132 + 12 * i), new DataView(icc.buffer, icc.byteOffset + offset, size));
  }
  return { tags, space: text(16), connection: text(20) };
}

const typeOf = (view) => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(i)));

/** A number of 16 bits before the point and 16 after. */
const fixed = (view, at) => view.getInt32(at) / 65536;

/** Linear light of 256 samples through a curve; null if the curve is not known or damaged. */
function curve(view) {
  if (!view) return null;
  const each = (f) => Float64Array.from({ length: 256 }, (_, i) => Math.min(1, Math.max(0, f(i / 255))));
  if (typeOf(view) === "curv") {
    const count = view.getUint32(8);
    if (12 + 2 * count > view.byteLength) return null;
    if (count === 0) return each((v) => v);
    if (count === 1) return each((v) => v ** (view.getUint16(12) / 256));
    return each((v) => {
      const at = v * (count - 1);
      const low = Math.min(count - 2, Math.floor(at));
      const [a, b] = [view.getUint16(12 + 2 * low), view.getUint16(14 + 2 * low)];
      return (a + (b - a) * (at - low)) / 65535;
    });
  }
  if (typeOf(view) !== "para") return null;
  const kind = view.getUint16(8);
  const needed = [1, 3, 4, 5, 7][kind];
  if (needed === undefined || 12 + 4 * needed > view.byteLength) return null;
  const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = Array.from({ length: needed }, (_, i) => fixed(view, 12 + 4 * i));
  const power = (v) => Math.max(0, a * v + b) ** g;
  return each(
    [
      (v) => v ** g,
      (v) => (v >= -b / a ? power(v) : 0),
      (v) => (v >= -b / a ? power(v) : 0) + c,
      (v) => (v >= d ? power(v) : c * v),
      (v) => (v >= d ? power(v) + e : c * v + f),
    ][kind],
  );
}

/** The inverse of a matrix of 3 x 3. */
function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const [p, q, r] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const det = a * p + b * q + c * r;
  return [
    [p, c * h - b * i, b * f - c * e],
    [q, a * i - c * g, c * d - a * f],
    [r, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((v) => v / det));
}

const product = (a, b) => a.map((row) => [0, 1, 2].map((x) => row.reduce((sum, v, k) => sum + v * b[k][x], 0)));

const apart = (a, b) => Math.max(...a.map((v, i) => Math.abs(v - b[i])));

/** The curves and the matrix to sRGB's linear light of a profile; null if it has others. */
function conversion(icc) {
  const { tags, space, connection } = tagsOf(icc) ?? {};
  if (space === "GRAY") {
    const grey = curve(tags.get("kTRC"));
    return grey && { curves: [grey, grey, grey], matrix: [[1, 0, 0], [0, 1, 0], [0, 0, 1]] };
  }
  if (space !== "RGB " || connection !== "XYZ ") return null;
  const curves = ["rTRC", "gTRC", "bTRC"].map((name) => curve(tags.get(name)));
  const columns = ["rXYZ", "gXYZ", "bXYZ"].map((name) => {
    const view = tags.get(name);
    return view && view.byteLength >= 20 && typeOf(view) === "XYZ " ? [8, 12, 16].map((at) => fixed(view, at)) : null;
  });
  if (curves.includes(null) || columns.includes(null)) return null;
  const matrix = [0, 1, 2].map((row) => columns.map((column) => column[row]));
  return { curves, matrix: product(inverse(SRGB), matrix) };
}

/**
 * Turns samples of the colours of a profile into sRGB, in place. False if the profile is of a kind
 * that is not read; the samples then stay as they are.
 * @param {Uint8Array} icc
 * @param {Uint8ClampedArray} rgba
 */
export function toSrgb(icc, rgba) {
  const found = conversion(icc);
  if (!found) return false;
  const { curves, matrix } = found;
  const srgb = Array.from({ length: 256 }, (_, i) => toLinear(i / 255));
  const same = matrix.every((row, y) => row.every((v, x) => Math.abs(v - (x === y ? 1 : 0)) < ALIKE));
  if (same && curves.every((c) => apart(c, srgb) < ALIKE)) return true;
  const table = encode();
  const [[a, b, c], [d, e, f], [g, h, i]] = matrix.map((row) => row.map((v) => v * STEPS));
  const [reds, greens, blues] = curves;
  const sample = (v) => table[v <= 0 ? 0 : v >= STEPS ? STEPS : (v + 0.5) | 0];
  for (let at = 0; at < rgba.length; at += 4) {
    const [x, y, z] = [reds[rgba[at]], greens[rgba[at + 1]], blues[rgba[at + 2]]];
    rgba[at] = sample(a * x + b * y + c * z);
    rgba[at + 1] = sample(d * x + e * y + f * z);
    rgba[at + 2] = sample(g * x + h * y + i * z);
  }
  return true;
}

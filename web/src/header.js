// The header of a file (clause 3 of the format), read here so that a page knows the size of a
// picture before the module has come. The module checks it.

/** Bytes of the longest header. */
export const LONGEST = 28;

/**
 * Facts of the header at the front of `bytes`. Null if it needs more bytes.
 * @param {Uint8Array} bytes
 * @throws {Error} if they are no file of a version that is known.
 */
export function readHeader(bytes) {
  const signature = [0x89, 0x44, 0x46, 1];
  for (let i = 0; i < Math.min(4, bytes.length); i++) {
    if (bytes[i] !== signature[i]) throw new Error(i < 3 ? "not a .dfc file" : `unsupported version ${bytes[i]}`);
  }
  let at = 5;
  /** A varint: seven bits a byte, the lowest first. Null at the end of the bytes. */
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 63) throw new Error("malformed header");
    }
    return null;
  };
  const flags = bytes[4];
  const [width, height] = [varint(), varint()];
  if (width === null || height === null || at + 4 > bytes.length) return null;
  const prior = [...bytes.subarray(at, at + 4)].map((b) => b.toString(16).padStart(2, "0")).join("");
  if (!(width >= 1 && width <= 2 ** 20 && height >= 1 && height <= 2 ** 20)) throw new Error("malformed header");
  return {
    width,
    height,
    channels: flags & 1 ? 3 : 1,
    alpha: (flags & 2) !== 0,
    bits: flags & 4 ? 16 : 8,
    prior,
  };
}

/** Bytes of a file of `bpp` bits per pixel of `width` x `height` pixels. */
export function bytesAt(bpp, width, height) {
  return Math.floor((bpp * width * height) / 8);
}

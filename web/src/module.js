// The WebAssembly module: its calls on integers as functions on arrays.

/** A module of one function, f32x4.relaxed_madd, that engines without relaxed SIMD refuse. */
const RELAXED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0,
  1, 8, 1, 96, 3, 123, 123, 123, 1, 123,
  3, 2, 1, 0,
  10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11,
);

/** True if this engine takes modules with relaxed SIMD. */
export function takesRelaxed() {
  return WebAssembly.validate(RELAXED);
}

/** The names of what `exact` of a picture may be. */
const EXACT = ["no", "all", "unusable"];

const NO_BYTES = new Uint8Array();

/** An error in the library's words. */
export class DcodecError extends Error {
  name = "DcodecError";
}

/** A running module. Its memory grows with the largest picture and is never given back. */
export class Module {
  #calls;

  /** @param {WebAssembly.Instance} instance */
  constructor(instance) {
    this.#calls = instance.exports;
  }

  /** @param {string | URL} url of the module */
  static async load(url) {
    const response = await fetch(url);
    if (!response.ok) throw new DcodecError(`${url}: status ${response.status}`);
    // Servers that do not know the type of modules are many; streaming needs it.
    const type = response.headers.get("content-type") ?? "";
    const { instance } = type.startsWith("application/wasm")
      ? await WebAssembly.instantiateStreaming(response, {})
      : await WebAssembly.instantiate(await response.arrayBuffer(), {});
    return new Module(instance);
  }

  /** True if the network follows the reference arithmetic to the bit. */
  get isReference() {
    return this.#calls.kernel() !== 1;
  }

  /** Bytes of memory. */
  get memory() {
    return this.#calls.memory.buffer.byteLength;
  }

  // Memory moves when it grows, so views of it are made where they are used. Addresses above 2 GB come
  // as negative numbers.
  #bytes(at, n) {
    return new Uint8Array(this.#calls.memory.buffer, at >>> 0, n);
  }

  #failed() {
    const all = new Uint8Array(this.#calls.memory.buffer, this.#calls.message() >>> 0);
    return new DcodecError(new TextDecoder().decode(all.slice(0, all.indexOf(0))));
  }

  #lend(data, call) {
    const at = this.#calls.alloc(data.length) >>> 0;
    this.#bytes(at, data.length).set(data);
    try {
      return call(at, data.length);
    } finally {
      this.#calls.free(at, data.length);
    }
  }

  /** SHA-256 of `data` in hexadecimal. */
  sha256(data) {
    const at = this.#lend(data, this.#calls.sha256);
    return [...this.#bytes(at, 32)].map((b) => b.toString(16).padStart(2, "0")).join("");
  }

  /** Orientations over which the prior `id` is averaged in files of the prior `needed`; 0 for another prior. */
  serves(id, needed) {
    return this.#calls.serves(Number.parseInt(id, 16), Number.parseInt(needed, 16));
  }

  /** The facts of a header that is whole, checked. Null if `data` needs more bytes. */
  header(data) {
    const at = this.#lend(data, this.#calls.header);
    if (at === 0) throw this.#failed();
    const [width, height, channels, bits, alpha, prior, bytes] = new Uint32Array(
      this.#calls.memory.buffer, at >>> 0, 7);
    if (width === 0) return null;
    return { width, height, channels, bits, alpha: alpha === 1, prior: prior.toString(16).padStart(8, "0"), bytes };
  }

  /** A handle of the prior of a weights file. */
  prior(weights) {
    const prior = this.#lend(weights, this.#calls.prior);
    if (prior === 0) throw this.#failed();
    return prior;
  }

  /** A decoder by a prior of {@link Module.prior}. */
  open(prior) {
    const calls = this.#calls;
    const decoder = calls.open(prior);
    if (decoder === 0) throw this.#failed();
    return {
      /** Takes bytes up to the end of a layer; the number of bytes taken. */
      push: (data) => {
        const taken = this.#lend(data, (at, n) => calls.push(decoder, at, n));
        if (taken < 0) throw this.#failed();
        return taken;
      },
      /** Whole layers so far. */
      layers: () => calls.layers(decoder),
      /** The picture of the bytes so far. */
      show: () => {
        if (calls.show(decoder) < 0) throw this.#failed();
        const [width, height] = [calls.width(decoder), calls.height(decoder)];
        const pixels = this.#bytes(calls.pixels(decoder), 4 * width * height);
        const [layers, complete, exact, sigma, partial] = new Uint32Array(
          calls.memory.buffer, calls.facts(decoder) >>> 0, 5);
        const icc = calls.icc_size(decoder);
        return {
          width,
          height,
          rgba: new Uint8ClampedArray(pixels),
          layers,
          complete: complete === 1,
          exact: EXACT[exact],
          sigma: sigma / 1000,
          partial: partial / 1000,
          icc: icc === 0 ? NO_BYTES : this.#bytes(calls.icc(decoder), icc).slice(),
        };
      },
      close: () => calls.close(decoder),
    };
  }

  /** The file of RGBA pixels at `bpp` bits per pixel, exact for 0. Only of a module with the encoder. */
  encode(prior, rgba, width, height, bpp, effort) {
    const calls = this.#calls;
    const file = this.#lend(rgba, (at, n) => calls.encode(prior, at, n, width, height, bpp, effort));
    if (file === 0) throw this.#failed();
    const bytes = this.#bytes(calls.file_bytes(file), calls.file_size(file)).slice();
    calls.drop_file(file);
    return bytes;
  }
}

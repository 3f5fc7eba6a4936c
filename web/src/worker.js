// The worker: one module and one prior of each kind, for all pictures of a page. It does what it is
// told, one call at a time; the page decides whose turn it is (engine.js).

import shippedPriors from "../assets/priors.js";
import { toSrgb } from "./icc.js";
import { DcodecError, Module, takesRelaxed } from "./module.js";

const MODULES = {
  decode: new URL("../assets/dcodec.wasm", import.meta.url).href,
  decodeRelaxed: new URL("../assets/dcodec-relaxed.wasm", import.meta.url).href,
  encode: new URL("../assets/dcodec-encode.wasm", import.meta.url).href,
  encodeRelaxed: new URL("../assets/dcodec-encode-relaxed.wasm", import.meta.url).href,
};

/** A picture is not shown again sooner than this after the last one, in milliseconds. */
const SHORTEST = 80;

/**
 * Nor sooner than so many times what the last one took: between some layers the decoder needs no call of
 * the network, and a picture there does.
 */
const PAUSE = 2;

/** Bytes inside a layer are worth a call of the network once the file has grown by this factor. */
const GROWTH = 1.15;

let relaxed = takesRelaxed();
let priors = shippedPriors;
let module;
const loaded = new Map();
const jobs = new Map();

/** The module, loaded once. Relaxed SIMD that is not fused is no better than SIMD128, and slower. */
function theModule(kind) {
  module ??= (async () => {
    if (relaxed) {
      const fast = await Module.load(MODULES[`${kind}Relaxed`]);
      if (fast.isReference) return fast;
    }
    return Module.load(MODULES[kind]);
  })();
  return module;
}

/** The prior for files that need `needed`: its weights are fetched, and their hash is checked, once. */
function thePrior(module, needed) {
  const entry = priors.find((prior) => module.serves(prior.id, needed) > 0);
  if (!entry) throw new DcodecError(`the file needs the prior ${needed}, whose weights this page does not have`);
  if (!loaded.has(entry.id)) {
    const prior = (async () => {
      // The names change with the contents, so what the cache has is right however old it is.
      const response = await fetch(entry.url, { cache: "force-cache" });
      if (!response.ok) throw new DcodecError(`weights ${entry.name}: status ${response.status}`);
      const weights = new Uint8Array(await response.arrayBuffer());
      if (module.sha256(weights) !== entry.sha256) {
        throw new DcodecError(`weights ${entry.name}: the SHA-256 of the bytes that came is another`);
      }
      return module.prior(weights);
    })();
    loaded.set(entry.id, prior);
    prior.catch(() => loaded.delete(entry.id));
  }
  return loaded.get(entry.id);
}

/** The bytes of `chunks` in one piece. */
function joined(chunks) {
  if (chunks.length === 1) return chunks[0];
  const all = new Uint8Array(chunks.reduce((n, chunk) => n + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Opens the decoder of a job once its header has come. True if there is one. */
async function opened(module, job) {
  if (job.decoder) return true;
  const header = module.header(job.input);
  if (!header) return false;
  job.decoder = module.open(await thePrior(module, header.prior));
  job.header = header;
  return true;
}

/** The picture of a job in the form that the page wants. */
async function painted(job, output, convert) {
  const { rgba, ...facts } = job.decoder.show();
  let colour = facts.icc.length === 0 ? "srgb" : "own";
  if (colour === "own" && convert && toSrgb(facts.icc, rgba)) colour = "converted";
  const image = new ImageData(rgba, facts.width, facts.height);
  const shown = { ...facts, colour, bytes: job.taken };
  if (output === "bitmap") return { ...shown, bitmap: await createImageBitmap(image) };
  return { ...shown, pixels: rgba.buffer };
}

/**
 * Takes new bytes of a job up to the end of a layer, and shows them where that is worth it: `last`
 * says that no more will come, `skip` is the length of what has been shown by an earlier worker.
 */
async function advance({ id, chunks, last, skip, output, convert }) {
  const module = await theModule("decode");
  let job = jobs.get(id);
  if (!job) {
    job = { input: new Uint8Array(), taken: 0, shownAt: 0, cost: 0, shownBytes: skip, shownLayers: -1, decoder: null };
    jobs.set(id, job);
  }
  job.input = joined([job.input, ...chunks]);
  if (!(await opened(module, job))) {
    if (last) throw new DcodecError(`header: the ${job.input.length} bytes end inside it`);
    return { header: null, layers: 0, more: false };
  }
  const taken = job.decoder.push(job.input);
  job.taken += taken;
  job.input = job.input.subarray(taken);
  const layers = job.decoder.layers();
  const more = job.input.length > 0;
  const reply = { header: job.header, layers, more };
  const end = last && !more;
  const now = performance.now();
  const rested = now - job.shownAt >= Math.max(SHORTEST, PAUSE * job.cost);
  const grown = job.taken > job.shownBytes && (layers > job.shownLayers || job.taken >= GROWTH * job.shownBytes);
  // A picture inside a layer costs a call of the network, so it waits until no bytes do.
  if (end ? job.taken > job.shownBytes : grown && layers > 0 && (rested || !more)) {
    reply.picture = await painted(job, output, convert);
    [job.shownAt, job.shownBytes, job.shownLayers] = [performance.now(), job.taken, layers];
    job.cost = job.shownAt - now;
  }
  return reply;
}

async function encode({ pixels, width, height, bpp, effort }) {
  const module = await theModule("encode");
  // The fast tier's prior; every other effort has the default one.
  const name = effort === 1 ? "xs" : "s";
  const entry = priors.find((prior) => prior.name === name);
  if (!entry) throw new DcodecError(`an encode of effort ${effort} needs the weights ${name}, which this page does not have`);
  const prior = await thePrior(module, entry.id);
  return { file: module.encode(prior, new Uint8Array(pixels), width, height, bpp, effort).buffer };
}

const CALLS = {
  configure: (options) => {
    priors = [...options.priors, ...shippedPriors];
    relaxed &&= options.relaxed;
    return {};
  },
  advance,
  encode,
  close: ({ id }) => {
    jobs.get(id)?.decoder?.close();
    jobs.delete(id);
    return {};
  },
  /** Bytes of memory of the module, and its arithmetic. */
  facts: async () => {
    const m = await theModule("decode");
    return { reference: m.isReference, memory: m.memory, priors: loaded.size };
  },
};

/** True for what ends a module: after a trap its memory may be in any state. */
const isFatal = (error) => error instanceof WebAssembly.RuntimeError;

self.onmessage = async ({ data: { call, serial, ...rest } }) => {
  try {
    const reply = await CALLS[call](rest);
    const lent = [reply.picture?.bitmap, reply.picture?.pixels, reply.file].filter(Boolean);
    self.postMessage({ serial, reply }, lent);
  } catch (error) {
    const message = isFatal(error) ? `the decoder has failed: ${error.message}` : error.message;
    self.postMessage({ serial, error: message, fatal: isFatal(error) });
  }
};

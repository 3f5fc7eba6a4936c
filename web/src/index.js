// Files of dcodec in a browser: decoded while they arrive, and made.

import { alone, configure, engine } from "./engine.js";
import { bytesAt, readHeader } from "./header.js";
import { read } from "./source.js";

export { bytesAt, configure, readHeader };

/** The limit in bytes of options; none without `bpp` and `bytes`. */
function limitOf({ bpp, bytes }) {
  if (bpp === undefined && bytes === undefined) return undefined;
  return (width, height) => Math.min(bytes ?? Infinity, bpp === undefined ? Infinity : bytesAt(bpp, width, height));
}

/** What a page gets of a picture of the worker. */
function decoded({ pixels, header, ...facts }) {
  const { width, height, bytes } = facts;
  const shown = { ...facts, header, bpp: (8 * bytes) / (width * height) };
  return pixels ? { ...shown, image: new ImageData(new Uint8ClampedArray(pixels), width, height) } : shown;
}

/**
 * Feeds a file to the worker. Calls `onPicture` with each refinement; the promise ends after the
 * last one.
 */
export async function show(source, { signal, output = "pixels", convert = true, limit, known, onHeader, onPicture }) {
  signal?.throwIfAborted();
  const ended = new AbortController();
  const both = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  let job;
  const pictures = new Promise((resolve, reject) => {
    job = engine.start({ output, convert, onPicture: (p) => onPicture(decoded(p)), onError: reject, onEnd: resolve });
  });
  const stop = () => job.abort();
  signal?.addEventListener("abort", stop);
  const bytes = (async () => {
    for await (const chunk of read(source, { limit, known, signal: both, onHeader })) job.feed(chunk);
    job.finish();
    await pictures;
  })();
  const aborted = new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    await Promise.race([bytes, pictures, aborted]);
  } finally {
    bytes.catch(() => {});
    pictures.catch(() => {});
    aborted.catch(() => {});
    signal?.removeEventListener("abort", stop);
    job.abort();
    ended.abort();
  }
}

/** The refinements of a picture, as its bytes come. Those that nobody takes in time are left out. */
export async function* refine(source, options = {}) {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  let latest = null;
  let failure = null;
  let ended = false;
  let wake = () => {};
  const work = show(source, {
    signal,
    output: options.output,
    convert: options.convert,
    limit: limitOf(options),
    onHeader: options.onHeader,
    onPicture: (picture) => {
      latest?.bitmap?.close();
      latest = picture;
      wake();
    },
  });
  work.then(
    () => (ended = true),
    (error) => (failure = error),
  ).finally(() => wake());
  try {
    for (;;) {
      if (latest) {
        const picture = latest;
        latest = null;
        yield picture;
      } else if (failure) {
        throw failure;
      } else if (ended) {
        return;
      } else {
        await new Promise((resolve) => (wake = resolve));
      }
    }
  } finally {
    stop.abort();
    latest?.bitmap?.close();
  }
}

/** The picture of all bytes. */
export async function decode(source, options = {}) {
  let last = null;
  await show(source, {
    ...options,
    limit: limitOf(options),
    onPicture: (picture) => {
      last?.bitmap?.close();
      last = picture;
    },
  });
  return last;
}

/** The file of an `ImageData`, made in a worker of its own. */
export async function encode(image, { bpp, lossless = false, effort = 1, signal } = {}) {
  if (!lossless && !(bpp > 0)) throw new TypeError("an encode needs bpp, a positive number, or lossless");
  const pixels = image.data.slice().buffer;
  const { width, height } = image;
  const { file } = await alone("encode", { pixels, width, height, bpp: lossless ? 0 : bpp, effort }, [pixels], signal);
  return new Uint8Array(file);
}

/** Facts of the decoder: whether it is the reference to the bit, so that exact ends show, and its bytes of memory. */
export function facts() {
  return engine.facts();
}

// The bytes of a file, from wherever it is, and no more of them than are wanted.

import { LONGEST, readHeader } from "./header.js";

/** Bytes of the first request of a file whose size in pixels is not known. */
const FIRST = 1024;

/** An answer that is an error becomes one. */
function checked(response, url) {
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response;
}

/** The pieces of a stream. Ends the stream when nobody asks any more. */
async function* pieces(stream, signal) {
  const reader = stream.getReader();
  const stop = () => reader.cancel(signal.reason).catch(() => {});
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    reader.cancel().catch(() => {});
  }
}

/** The first bytes of a file by one request, the rest up to the limit by another, where the server can. */
async function* fetched(url, limit, known, signal) {
  const range = (from, to, etag) => ({
    signal,
    headers: { Range: `bytes=${from}-${to - 1}`, ...(etag ? { "If-Range": etag } : {}) },
  });
  const expected = known && limit(known.width, known.height);
  if (limit.none) {
    yield* pieces(checked(await fetch(url, { signal }), url).body, signal);
    return;
  }
  const first = expected ? Math.max(expected, LONGEST) : FIRST;
  const response = checked(await fetch(url, range(0, first)), url);
  let read = 0;
  for await (const piece of pieces(response.body, signal)) {
    read += piece.length;
    yield piece;
  }
  // Readers stop at the limit by themselves, so only an answer of a part has a rest.
  if (response.status !== 206 || read < first) return;
  const end = limit.reached ?? Infinity;
  if (end <= first) return;
  const etag = response.headers.get("etag");
  const strong = etag && !etag.startsWith("W/") ? etag : null;
  const total = Number(response.headers.get("content-range")?.split("/")[1]);
  const to = Math.min(end, Number.isFinite(total) ? total : end);
  if (to <= first) return;
  const headers = Number.isFinite(to) ? range(first, to, strong) : { signal, headers: { Range: `bytes=${first}-` } };
  const answer = await fetch(url, headers);
  // The file ended with the first request, and its server does not say how long it is.
  if (answer.status === 416) return;
  const rest = checked(answer, url);
  if (rest.status !== 206) throw new Error(`${url}: the file has changed, or its server knows no ranges`);
  yield* pieces(rest.body, signal);
}

/** Chunks of any source. */
function chunks(source, limit, known, signal) {
  if (source instanceof ArrayBuffer) return [new Uint8Array(source)];
  if (ArrayBuffer.isView(source)) return [new Uint8Array(source.buffer, source.byteOffset, source.byteLength)];
  if (source instanceof Blob) return pieces(source.stream(), signal);
  if (source instanceof Response) return pieces(checked(source, source.url).body, signal);
  if (source instanceof ReadableStream) return pieces(source, signal);
  if (typeof source === "string" || source instanceof URL) return fetched(String(source), limit, known, signal);
  throw new TypeError("a file is bytes, a Blob, a Response, a stream, or an address");
}

/**
 * The bytes of `source` up to `limit(width, height)` bytes. `onHeader` hears of the header as soon as it
 * has come, before the limit is asked.
 */
export async function* read(source, { limit, known, signal, onHeader }) {
  const bound = Object.assign((width, height) => limit?.(width, height) ?? Infinity, { none: !limit, reached: undefined });
  let head = new Uint8Array();
  let header = null;
  let read = 0;
  for await (const chunk of chunks(source, bound, known, signal)) {
    if (!header) {
      const joined = new Uint8Array(Math.min(head.length + chunk.length, LONGEST));
      joined.set(head);
      joined.set(chunk.subarray(0, joined.length - head.length), head.length);
      head = joined;
      header = readHeader(head);
      if (header) {
        onHeader?.(header);
        bound.reached = Math.max(bound(header.width, header.height), LONGEST);
      }
    }
    const left = (bound.reached ?? Infinity) - read;
    const wanted = chunk.length > left ? chunk.subarray(0, left) : chunk;
    read += wanted.length;
    // A copy: what a response gave may be a view of something larger.
    yield wanted.slice();
    if (read >= (bound.reached ?? Infinity)) return;
  }
}

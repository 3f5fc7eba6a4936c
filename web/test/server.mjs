// A server for the tests: files below some folders, ranges, a speed limit, and a record of what was asked.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".dfc": "application/octet-stream",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".safetensors": "application/octet-stream",
  ".wasm": "application/wasm",
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Serves `folders`, { "/prefix/": folder }. Queries: rate=N sends N bytes a second, ranges=no ignores
 * ranges. `log` has an entry for each request: path, range, bytes sent, and whether the client left.
 */
export async function serve(folders) {
  const log = [];
  const find = (path) => {
    for (const [prefix, folder] of Object.entries(folders)) {
      if (path.startsWith(prefix)) return join(folder, normalize(`/${path.slice(prefix.length)}`));
    }
    return null;
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const path = find(decodeURIComponent(url.pathname));
    if (!path || !existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end("not here");
      return;
    }
    const size = statSync(path).size;
    const asked = url.searchParams.get("ranges") === "no" ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const from = asked ? Number(asked[1]) : 0;
    const to = asked && asked[2] !== "" ? Math.min(Number(asked[2]) + 1, size) : size;
    const entry = { path: url.pathname, range: request.headers.range ?? null, sent: 0, left: false, ended: null, began: Date.now() };
    log.push(entry);
    request.on("close", () => {
      entry.left = !response.writableFinished;
      entry.ended = Date.now();
    });
    const headers = {
      "content-type": TYPES[extname(path)] ?? "application/octet-stream",
      "content-length": to - from,
      "cache-control": extname(path) === ".safetensors" ? "public, max-age=31536000, immutable" : "no-cache",
      "accept-ranges": "bytes",
    };
    if (asked) headers["content-range"] = `bytes ${from}-${to - 1}/${size}`;
    response.writeHead(asked ? 206 : 200, headers);
    const rate = Number(url.searchParams.get("rate") ?? 0);
    const step = rate ? Math.max(1, Math.floor(rate / 10)) : 1 << 16;
    for await (const piece of createReadStream(path, { start: from, end: Math.max(from, to - 1), highWaterMark: step })) {
      if (response.destroyed) return;
      response.write(piece);
      entry.sent += piece.length;
      if (rate) await pause((1000 * piece.length) / rate);
    }
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, log, close: () => server.close() };
}

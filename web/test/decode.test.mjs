// decode(), refine() and encode() in a browser, beside the native command.
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { deflateSync, crc32 } from "node:zlib";

import { apart, coded, converted, dcodec, decodeIn, long, native, open, psnr, read, repository, rgbaOf, samples, scratch } from "./browser.mjs";
import { displayP3 } from "./icc.test.mjs";

let page;
before(async () => {
  page = await open();
});

/** Fails unless two pictures are one by clause 22.2; the reference arithmetic leaves no tolerance. */
function same(shown, wanted, what) {
  assert.equal(shown.error, undefined, `${what}: ${shown.error}`);
  assert.deepEqual([shown.width, shown.height], [wanted.width, wanted.height], what);
  const [got, expected] = [Buffer.from(shown.rgba), Buffer.from(wanted.rgba)];
  // What is transparent has no one colour in a format without transparency.
  for (let i = 0; i < got.length; i += 4) if (shown.rgba[i + 3] !== 255) got.fill(0, i, i + 4), expected.fill(0, i, i + 4);
  const { differ, far } = apart(got, expected);
  assert.ok(far <= 0.001, `${what}: ${far} of the samples are over a level apart`);
  if (reference) assert.equal(differ, 0, `${what}: the reference arithmetic gave another picture`);
}

let reference = null;

test("this Chromium has the reference arithmetic, by relaxed SIMD", async () => {
  const facts = await page.evaluate(() => window.dcodec.facts());
  reference = facts.reference;
  assert.equal(reference, true);
});

// Grey, alpha and colour; the long run takes all samples, at twice the bitrate.
for (const name of long ? samples : ["astronaut", "badge", "camera"]) {
  test(`${name}: all bytes and first bytes are the native decoder's picture`, async () => {
    const path = coded(name, "--bpp", name === "badge" ? "1" : long ? "0.3" : "0.15", "--no-exact");
    const size = statSync(path).size;
    const url = `/files/${path.split("/").pop()}`;
    const header = await page.evaluate(async (url) => {
      const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
      return window.dcodec.readHeader(bytes.subarray(0, 28));
    }, url);
    const info = JSON.parse(dcodec("info", "--json", path));
    assert.deepEqual([header.width, header.height, header.prior], [info.width, info.height, info.prior]);
    const tenths = long ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [3, 10];
    for (const tenth of tenths) {
      const bytes = Math.floor((size * tenth) / 10);
      const shown = await decodeIn(page, url, { bytes, convert: false });
      same(shown, native(path, bytes), `${name}, ${bytes} bytes`);
      assert.equal(shown.bytes, bytes);
    }
  });
}

test("without relaxed SIMD the picture is within clause 22.2", async () => {
  const other = await open();
  const path = coded("badge", "--bpp", "1", "--no-exact");
  await other.evaluate(() => window.dcodec.configure({ relaxed: false }));
  assert.equal(await other.evaluate(async () => (await window.dcodec.facts()).reference), false);
  const shown = await decodeIn(other, `/files/${path.split("/").pop()}`);
  reference = false;
  same(shown, native(path), "badge");
  reference = true;
  await other.context().close();
});

test("the exact end of coffee is exact", async () => {
  const path = coded("coffee", "--lossless", "-e", "1");
  const shown = await decodeIn(page, `/files/${path.split("/").pop()}`);
  assert.equal(shown.exact, "all");
  const original = rgbaOf(dcodec("decode", path, "-o", "-", "--format", "pnm"));
  assert.ok(Buffer.from(original.rgba).equals(shown.rgba));
});

test("bits per pixel are the bytes of a cut", async () => {
  const path = coded("rocket", "--bpp", "0.3", "--no-exact");
  const cut = join(scratch, "rocket-cut.dfc");
  dcodec("cut", path, "--bpp", "0.1", "-o", cut);
  const shown = await decodeIn(page, `/files/${path.split("/").pop()}`, { bpp: 0.1 });
  assert.ok(Math.abs(shown.bytes - statSync(cut).size) <= 4, `${shown.bytes}, not ${statSync(cut).size}`);
  assert.ok(shown.bpp <= 0.1);
});

test("refinements come in order, and grow better", async () => {
  const path = coded("rocket", "--bpp", "0.3", "--no-exact");
  const wanted = rgbaOf(dcodec("decode", path, "-o", "-", "--format", "pnm"));
  const url = `/files/${path.split("/").pop()}?rate=4000`;
  const original = converted(wanted, (await decodeIn(page, url, { bytes: 400 })).icc);
  const steps = await page.evaluate(async (url) => {
    const steps = [];
    for await (const step of window.dcodec.refine(url)) {
      steps.push({ bytes: step.bytes, complete: step.complete, packed: window.packed(step.image.data) });
    }
    return steps;
  }, url);
  assert.ok(steps.length >= 5, `${steps.length} refinements`);
  const qualities = steps.map((step) => psnr(Buffer.from(step.packed, "base64"), original.rgba));
  for (let i = 1; i < steps.length; i++) {
    assert.ok(steps[i].bytes > steps[i - 1].bytes || i === steps.length - 1);
    assert.ok(qualities[i] > qualities[i - 1] - 0.1, `${qualities.map((q) => q.toFixed(2))}`);
  }
  assert.ok(steps.at(-1).bytes === statSync(path).size && steps[0].bytes < statSync(path).size / 5);
});

test("a reader that stops ends the work", async () => {
  const path = coded("chelsea", "--bpp", "0.3", "--no-exact");
  const url = `/files/${path.split("/").pop()}`;
  const result = await page.evaluate(async (url) => {
    for await (const step of window.dcodec.refine(url)) {
      if (step.layers > 0) break;
    }
    const stop = new AbortController();
    const work = window.dcodec.decode(url, { signal: stop.signal });
    setTimeout(() => stop.abort(), 30);
    return work.then(() => "decoded", (error) => error.name);
  }, url);
  assert.equal(result, "AbortError");
});

test("colour profiles become sRGB", async () => {
  // A picture of 24 x 20 pixels with a profile, as a PNG.
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const [size, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    size.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([size, body, check]);
  };
  const [width, height] = [24, 20];
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set([10 * x, 12 * y, 120], y * (1 + 3 * width) + 1 + 3 * x);
  }
  const png = (chunks) =>
    Buffer.concat([
      Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
      chunk("IHDR", head),
      ...chunks,
      chunk("IDAT", deflateSync(rows)),
      chunk("IEND", Buffer.alloc(0)),
    ]);
  const icc = Buffer.concat([Buffer.from("P3\0\0", "latin1"), deflateSync(displayP3())]);
  const shown = {};
  for (const [name, chunks] of Object.entries({ plain: [], wide: [chunk("iCCP", icc)] })) {
    writeFileSync(join(scratch, `${name}.png`), png(chunks));
    dcodec("encode", join(scratch, `${name}.png`), "--lossless", "-o", join(scratch, `${name}.dfc`));
    shown[name] = await decodeIn(page, `/files/${name}.dfc`);
  }
  assert.equal(shown.plain.colour, "srgb");
  assert.equal(shown.wide.colour, "converted");
  const { toSrgb } = await import("../src/icc.js");
  const wanted = new Uint8ClampedArray(shown.plain.rgba);
  toSrgb(displayP3(), wanted);
  assert.ok(Buffer.from(wanted).equals(shown.wide.rgba));
  assert.ok(!shown.plain.rgba.equals(shown.wide.rgba));
});

test("errors are the library's, and name the reason", async () => {
  const path = coded("badge", "--bpp", "1", "--no-exact");
  const good = read(path);
  const wrong = (change) => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  const cases = {
    "not a .dfc file": Buffer.from("GIF89a, say"),
    "unsupported version 9": wrong((b) => (b[3] = 9)),
    "header at byte 0": wrong((b) => (b[6] ^= 1)),
    "end inside it": good.subarray(0, 6),
  };
  for (const [words, bytes] of Object.entries(cases)) {
    writeFileSync(join(scratch, "wrong.dfc"), bytes);
    const shown = await decodeIn(page, "/files/wrong.dfc");
    assert.ok(shown.error?.includes(words), `${words}: ${JSON.stringify({ ...shown, rgba: undefined })}`);
  }
  const missing = await decodeIn(page, "/files/none.dfc");
  assert.ok(missing.error.includes("status 404"), missing.error);
  // The prior l is not in the package.
  const large = coded("badge", "--prior", "l", "--bpp", "1", "--no-exact");
  const shown = await decodeIn(page, `/files/${large.split("/").pop()}`);
  assert.ok(/needs the prior [0-9a-f]{8}/.test(shown.error ?? ""), shown.error);
});

test("damaged weights are refused, and tried anew", async () => {
  const path = coded("badge", "--bpp", "1", "--no-exact");
  const url = `/files/${path.split("/").pop()}`;
  const other = await open();
  let served = 0;
  await other.context().route("**/*.safetensors", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    if (served++ === 0) body[body.length - 9] ^= 1;
    await route.fulfill({ response, body });
  });
  const refused = await decodeIn(other, url);
  assert.ok(refused.error?.includes("SHA-256"), JSON.stringify(refused.error));
  same(await decodeIn(other, url), native(path), "badge");
  assert.equal(served, 2);
  await other.context().close();
});

test("no truncation and no damage of a file hangs the worker", async () => {
  writeFileSync(join(scratch, "small.ppm"), Buffer.concat([Buffer.from("P6\n40 32\n255\n"), Buffer.alloc(40 * 32 * 3, "dcodec")]));
  const small = join(scratch, "small.dfc");
  dcodec("encode", join(scratch, "small.ppm"), "-e", "1", "--bpp", "1", "--no-exact", "-o", small);
  const [bytes, badge] = [read(small), read(coded("badge", "-e", "1", "--bpp", "0.6", "--no-exact"))];
  const result = await page.evaluate(
    async ([files, damage]) => {
      const tally = { shown: 0, refused: 0, odd: [] };
      const tried = async (bytes, what) => {
        const late = new Promise((resolve) => setTimeout(resolve, 60_000, "late"));
        const work = window.dcodec.decode(bytes).then(
          (shown) => (shown.image ? "shown" : "nothing"),
          (error) => (error.name === "DcodecError" || error instanceof Error ? "refused" : `${error}`),
        );
        const end = await Promise.race([work, late]);
        if (end in tally) tally[end]++;
        else tally.odd.push(`${what}: ${end}`);
      };
      for (const file of files) {
        const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
        for (let n = 0; n <= bytes.length; n++) await tried(bytes.slice(0, n), `${n} bytes`);
        let seed = 1;
        for (let i = 0; i < damage; i++) {
          const wrong = bytes.slice();
          seed = (seed * 48271) % 2147483647;
          wrong[seed % wrong.length] ^= 1 << (seed >> 8) % 8;
          await tried(wrong, `damage ${i}`);
        }
      }
      return tally;
    },
    [(long ? [bytes, badge] : [bytes]).map((b) => b.toString("base64")), 40],
  );
  assert.deepEqual(result.odd, []);
  assert.ok(result.shown > 40 && result.refused > 14, JSON.stringify(result));
  const alive = await decodeIn(page, "/files/small.dfc");
  assert.equal(alive.bytes, bytes.length);
});

test("a picture is encoded in the page", async () => {
  const { packed } = await page.evaluate(async () => {
    const bitmap = await createImageBitmap(await (await fetch("/samples/badge.png")).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, bitmap.width, bitmap.height);
    context.drawImage(bitmap, 0, 0);
    const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
    window.original = image;
    return { packed: window.packed(await window.dcodec.encode(image, { bpp: 0.5 })) };
  });
  const file = join(scratch, "page.dfc");
  writeFileSync(file, Buffer.from(packed, "base64"));
  const original = Buffer.from(await page.evaluate(() => window.packed(window.original.data)), "base64");
  assert.ok(statSync(file).size <= (192 * 160 * 0.5) / 8);
  const wanted = native(file);
  same(await decodeIn(page, "/files/page.dfc"), wanted, "encoded in the page");
  assert.ok(psnr(original, wanted.rgba) > 28, `${psnr(original, wanted.rgba)} dB`);
  // The same pixels by the command.
  writeFileSync(join(scratch, "page.ppm"), Buffer.concat([Buffer.from("P6\n192 160\n255\n"), original.filter((_, i) => i % 4 !== 3)]));
  dcodec("encode", join(scratch, "page.ppm"), "-e", "1", "--bpp", "0.5", "-o", join(scratch, "command.dfc"));
  assert.ok(read(join(scratch, "command.dfc")).equals(read(file)), "the command makes another file");
});

// <dfc-img> in a browser, from a server whose log tells what was asked for.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";

import { apart, coded, converted, dcodec, decodeIn, long, native, open, psnr, samples, scratch, theServer, timed } from "./browser.mjs";

let server;
before(async () => {
  server = await theServer();
});

/** Puts an element into the page, with its events kept in window.events, and what it paints in window.paints. */
async function put(page, attributes, { style = "", keep = false } = {}) {
  await page.evaluate(
    ([attributes, style, keep]) => {
      const element = document.createElement("dfc-img");
      element.style.cssText = style;
      window.element = element;
      window.events = [];
      window.paints = [];
      for (const name of ["header", "refine", "load", "error"]) {
        element.addEventListener(name, (event) => {
          const { error, header, ...detail } = event.detail ?? {};
          window.events.push({ name, at: performance.now(), ...detail });
          if (name === "refine" && keep) window.paints.push(createImageBitmap(element.canvas));
        });
      }
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      document.body.append(element);
    },
    [attributes, style, keep],
  );
}

const ended = (page) => page.waitForFunction(() => window.events.some((e) => e.name === "load" || e.name === "error"));

/** The pixels of each kept paint, or of the canvas now. */
async function painted(page, index) {
  const packed = await page.evaluate(async (index) => {
    const source = index === undefined ? window.element.canvas : await window.paints[index];
    const canvas = new OffscreenCanvas(source.width, source.height);
    const context = canvas.getContext("2d");
    context.drawImage(source, 0, 0);
    return window.packed(context.getImageData(0, 0, canvas.width, canvas.height).data);
  }, index);
  return Buffer.from(packed, "base64");
}

/** The pixels of a picture file, in sRGB. */
async function pixelsOf(page, url) {
  const packed = await page.evaluate(async (url) => {
    const bitmap = await createImageBitmap(await (await fetch(url)).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    return window.packed(context.getImageData(0, 0, canvas.width, canvas.height).data);
  }, url);
  return Buffer.from(packed, "base64");
}

/** Entries of the server's log for files whose name ends so, since `from`. */
const asked = (ending, from = 0) => server.log.slice(from).filter((entry) => entry.path.endsWith(ending));

const address = (path) => `/files/${path.split("/").pop()}`;

for (const name of long ? samples : ["rocket"]) {
  test(`${name} at 10 kB/s: early, often, better each time, and never in the way of the page`, async () => {
    const page = await open();
    const path = long ? coded(name) : coded(name, "--bpp", "0.5", "--no-exact");
    await put(page, { src: `${address(path)}?rate=10000`, alt: name }, { keep: true });
    await ended(page);
    const events = await page.evaluate(() => window.events);
    assert.equal(events.at(-1).name, "load", JSON.stringify(events.at(-1)));
    const size = statSync(path).size;
    const refined = events.filter((e) => e.name === "refine");
    const share = refined[0].bytes / size;
    const { icc } = await decodeIn(page, address(path), { convert: false });
    const original = await pixelsOf(page, `/samples/${name}.png`);
    const last = await painted(page);
    // What is transparent, and the canvas's rounding beside it, have no one colour.
    const opaque = (rgba) => rgba.map((v, i) => (last[i - (i % 4) + 3] === 255 ? v : 0));
    const qualities = [];
    for (let i = 0; i < refined.length; i++) qualities.push(psnr(opaque(await painted(page, i)), opaque(original)));
    const rising = qualities.filter((q, i) => i === 0 || q > Math.max(...qualities.slice(0, i)));
    console.log(
      `# ${name}: ${size} bytes, first picture at ${(100 * share).toFixed(1)} %, ${refined.length} repaints, ` +
        `PSNR ${qualities.map((q) => q.toFixed(1)).join(" ")}`,
    );
    assert.deepEqual(apart(opaque(last), opaque(converted(native(path), icc).rgba)), { differ: 0, far: 0 });
    assert.ok(rising.length >= 5, `${rising.length} repaints were better than all before`);
    assert.ok(share <= 0.1, `the first picture came at ${share}`);
    await page.context().close();
  });
}

test("the page is never held up", () =>
  timed(async () => {
    const page = await open();
    const path = coded("rocket", "-e", "1", "--bpp", "0.5", "--no-exact");
    // What loading the page itself takes is not the picture's.
    await page.waitForTimeout(500);
    const start = await page.evaluate(() => performance.now());
    await put(page, { src: `${address(path)}?rate=10000`, alt: "" });
    await ended(page);
    const tasks = await page.evaluate((start) => window.longTasks.filter((task) => task.at >= start), start);
    const repaints = await page.evaluate(() => window.events.filter((e) => e.name === "refine").length);
    console.log(`# ${repaints} repaints, tasks over 50 ms: ${JSON.stringify(tasks)}`);
    assert.ok(repaints >= 3);
    assert.deepEqual(tasks, []);
    await page.context().close();
  }));

test("the size is there before the picture, and words for those who do not see it", async () => {
  const page = await open();
  const path = coded("rocket", "-e", "1", "--bpp", "0.3", "--no-exact");
  await put(page, { src: `${address(path)}?rate=3000`, alt: "a rocket", width: 240, height: 160 });
  const before = await page.evaluate(() => {
    const box = window.element.getBoundingClientRect();
    return [box.width, box.height];
  });
  assert.deepEqual(before, [240, 160]);
  await page.getByRole("img", { name: "a rocket" }).waitFor();
  await page.waitForFunction(() => window.events.some((e) => e.name === "header"));
  const { first, size } = await page.evaluate(() => ({
    first: window.events[0].name,
    size: [window.element.naturalWidth, window.element.canvas.width, window.element.canvas.height],
  }));
  assert.equal(first, "header");
  assert.deepEqual(size, [480, 480, 320]);
  await page.evaluate(() => window.element.setAttribute("alt", ""));
  assert.equal(await page.getByRole("img").count(), 0);
  await page.context().close();
});

test("no more bytes are asked for than the rate needs", async () => {
  const page = await open();
  const path = coded("rocket", "-e", "1", "--bpp", "0.5", "--no-exact");
  const size = statSync(path).size;
  const limit = Math.floor((480 * 320 * 0.1) / 8);
  // By ranges, with the size in pixels unknown and known; and by leaving, from a server without ranges.
  for (const [attributes, query, requests] of [
    [{ bpp: 0.1 }, "", 2],
    [{ bpp: 0.1, width: 480, height: 320 }, "", 1],
    [{ bpp: 0.1 }, "?ranges=no&rate=5000", 1],
  ]) {
    const from = server.log.length;
    await put(page, { src: `${address(path)}${query}`, alt: "", ...attributes });
    await ended(page);
    const entries = asked(".dfc", from);
    const sent = entries.reduce((sum, entry) => sum + entry.sent, 0);
    const shown = await page.evaluate(() => window.events.filter((e) => e.name === "refine").at(-1).bytes);
    assert.equal(shown, limit);
    assert.equal(entries.length, requests);
    assert.ok(sent < size, `${sent} of ${size} bytes`);
    if (query === "") assert.equal(sent, limit, JSON.stringify(entries));
    await page.evaluate(() => window.element.remove());
  }
  await page.context().close();
});

test("a picture shown small, and a reader who saves data, ask for less", async () => {
  const path = coded("rocket", "-e", "1", "--bpp", "0.5", "--no-exact");
  const size = statSync(path).size;
  const sent = async (page, style) => {
    const from = server.log.length;
    await put(page, { src: address(path), alt: "" }, { style });
    await ended(page);
    return asked(".dfc", from).reduce((sum, entry) => sum + entry.sent, 0);
  };
  const page = await open();
  assert.equal(await sent(page, ""), size);
  const small = await sent(page, "width: 120px");
  assert.equal(small, Math.floor((2 * 120 * 80) / 8));
  await page.context().close();
  const saving = await open({
    prepare: (page) =>
      page.addInitScript(() => {
        const match = window.matchMedia.bind(window);
        window.matchMedia = (query) => (query === "(prefers-reduced-data: reduce)" ? { matches: true } : match(query));
      }),
  });
  assert.equal(await sent(saving, ""), Math.floor((480 * 320 * 0.15) / 8));
  await saving.context().close();
});

test("a lazy picture waits until it is near the screen", async () => {
  const page = await open();
  const path = coded("badge", "--bpp", "1", "--no-exact");
  await page.evaluate(() => (document.body.style.paddingTop = "5000px"));
  const from = server.log.length;
  await put(page, { src: address(path), alt: "", loading: "lazy" });
  await page.waitForTimeout(500);
  assert.equal(asked(".dfc", from).length, 0);
  await page.evaluate(() => window.element.scrollIntoView());
  await ended(page);
  assert.ok(asked(".dfc", from).length > 0);
  await page.context().close();
});

test("a removed picture ends its fetch and its work within 200 ms", () =>
  timed(async () => {
    const page = await open();
    // At a rate that goes on for long, and at once, so that the worker is in the middle of it.
    for (const query of ["?rate=2000", ""]) {
      const path = coded("coffee", "--bpp", "0.5", "--no-exact");
      const from = server.log.length;
      await put(page, { src: `${address(path)}${query}`, alt: "" });
      await page.waitForFunction(() => window.events.filter((e) => e.name === "refine").length >= 3);
      assert.equal(page.workers().length, 1);
      const [worker] = page.workers();
      const closed = new Promise((resolve) => worker.once("close", () => resolve(Date.now())));
      // Its turns are over a hundred milliseconds long by now, so that it is at work more often than not.
      const removed = await page.evaluate(() => (window.element.remove(), Date.now()));
      await page.waitForTimeout(200);
      const events = await page.evaluate(() => window.events.length);
      const entry = asked(".dfc", from).at(-1);
      if (query) assert.ok(entry.left && entry.ended - removed <= 200, `${JSON.stringify(entry)}, removed at ${removed}`);
      // Either the worker has ended, or it has no work: it answers at once.
      if (page.workers().length > 0) {
        const waited = await page.evaluate(async () => {
          const start = performance.now();
          await window.dcodec.facts();
          return performance.now() - start;
        });
        assert.ok(waited < 200, `the worker was at work for ${waited} ms`);
      } else {
        const took = (await closed) - removed;
        console.log(`# the worker ended after ${took} ms`);
        assert.ok(took <= 200, `the worker ended after ${took} ms`);
      }
      assert.equal(await page.evaluate(() => window.events.length), events);
    }
    // The next picture is shown all the same.
    const path = coded("badge", "--bpp", "1", "--no-exact");
    await put(page, { src: address(path), alt: "" });
    await ended(page);
    assert.equal(await page.evaluate(() => window.events.at(-1).name), "load");
    await page.context().close();
  }));

test("others go on where one is removed in the middle of its work", async () => {
  const page = await open();
  const [first, second] = [coded("coffee", "--bpp", "0.5", "--no-exact"), coded("badge", "--bpp", "1", "--no-exact")];
  await page.evaluate(
    ([first, second]) => {
      const put = (src) => Object.assign(document.createElement("dfc-img"), { src });
      window.element = put(second);
      window.other = put(first);
      window.events = [];
      window.element.addEventListener("load", () => window.events.push({ name: "load" }));
      window.element.addEventListener("error", (e) => window.events.push({ name: "error", message: e.detail.message }));
      let painted = 0;
      window.other.addEventListener("refine", () => ++painted === 4 && window.other.remove());
      document.body.append(window.other, window.element);
    },
    [address(first), address(second)],
  );
  await ended(page);
  const events = await page.evaluate(() => window.events);
  assert.deepEqual(events, [{ name: "load" }]);
  const last = await painted(page);
  const wanted = native(second);
  let differ = 0;
  for (let i = 0; i < last.length; i += 4) {
    if (last[i + 3] === 255) differ += [0, 1, 2].filter((c) => last[i + c] !== wanted.rgba[i + c]).length;
  }
  assert.equal(differ, 0);
  await page.context().close();
});

/** Bytes of memory of all processes of the browser: what is theirs alone. */
function memory() {
  const lines = execFileSync("ps", ["-eo", "pid,args"]).toString().split("\n");
  const renderers = lines.filter((line) => line.includes("--type=renderer"));
  const pss = (pid) => {
    try {
      return 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]);
    } catch {
      return 0;
    }
  };
  return renderers.reduce((sum, line) => sum + pss(Number(line.trim().split(/\s/)[0])), 0);
}

test("twenty pictures share one worker and one prior", async () => {
  const page = await open();
  const path = long ? coded("coffee", "--bpp", "0.3", "--no-exact") : coded("badge", "-e", "1", "--bpp", "0.8", "--no-exact");
  const from = server.log.length;
  await page.evaluate((src) => {
    window.loaded = 0;
    for (let i = 0; i < 20; i++) {
      const element = Object.assign(document.createElement("dfc-img"), { src: `${src}?picture=${i}`, alt: `picture ${i}` });
      element.addEventListener("load", () => window.loaded++);
      document.body.append(element);
    }
  }, address(path));
  let most = 0;
  while ((await page.evaluate(() => window.loaded)) < 20) {
    most = Math.max(most, memory());
    assert.ok(page.workers().length <= 1);
    await page.waitForTimeout(300);
  }
  const facts = await page.evaluate(() => window.dcodec.facts());
  console.log(`# twenty pictures: ${(most / 1e6).toFixed(0)} MB of renderers, ${(facts.memory / 1e6).toFixed(0)} MB of it the module's`);
  assert.equal(facts.priors, 1);
  assert.equal(asked(".safetensors", from).length, 1);
  assert.equal(asked(".wasm", from).length, 1);
  assert.ok(most < 1.5e9 && most > 1e7, `${most} bytes`);
  await page.context().close();
});

test("what is no picture is an error event, and the words", async () => {
  const page = await open();
  writeFileSync(join(scratch, "text.dfc"), "no picture at all");
  for (const src of ["/files/text.dfc", "/files/nowhere.dfc"]) {
    await put(page, { src, alt: "what should be here" });
    await ended(page);
    const last = await page.evaluate(() => window.events.at(-1));
    assert.equal(last.name, "error");
    assert.ok(last.message.length > 5);
    await page.getByText("what should be here").last().waitFor();
  }
  await page.context().close();
});

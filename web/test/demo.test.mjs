// The demo page, served as a folder and by `dcodec view`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { apart, coded, native, read, repository, root, scratch, theBrowser } from "./browser.mjs";
import { serve } from "./server.mjs";

let server;
before(async () => {
  // The page with one sample of its own, which is quick.
  const demo = join(scratch, "site/demo");
  mkdirSync(join(demo, "samples"), { recursive: true });
  for (const name of ["index.html", "demo.css", "demo.js"]) copyFileSync(join(root, "demo", name), join(demo, name));
  for (const folder of ["src", "assets"]) symlinkSync(join(root, folder), join(scratch, "site", folder));
  copyFileSync(coded("camera", "-e", "1", "--bpp", "0.2", "--no-exact"), join(demo, "samples/camera.dfc"));
  copyFileSync(join(repository, "samples/camera.png"), join(demo, "samples/camera.png"));
  writeFileSync(join(demo, "samples/list.json"), '["camera"]');
  server = await serve({ "/": join(scratch, "site") });
});
after(() => server.close());

async function open(address, options = {}) {
  const context = await (await theBrowser()).newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(address);
  await page.getByText("decoded in").waitFor();
  return { page, errors };
}

/** The pixels of a canvas. */
async function pixels(page, id) {
  return Buffer.from(
    await page.evaluate((id) => {
      const canvas = document.getElementById(id);
      return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
    }, id),
  );
}

test("the slider shows the picture of the first bytes, by keyboard too", async () => {
  const { page, errors } = await open(`${server.origin}/demo/index.html`);
  const file = join(scratch, "site/demo/samples/camera.dfc");
  await page.getByRole("slider", { name: "Bytes" }).focus();
  for (const keys of [["Home", ...Array(3).fill("PageUp")], ["End"], ["PageDown", "ArrowLeft", "ArrowLeft"]]) {
    for (const key of keys) await page.keyboard.press(key);
    await page.waitForFunction(() => document.getElementById("shown").dataset.bytes);
    const bytes = Math.round(read(file).length * (Number(await page.locator("#bytes").inputValue()) / 1000) ** 2);
    await page.waitForFunction((bytes) => document.getElementById("shown").dataset.bytes === String(bytes), bytes);
    const { differ } = apart(await pixels(page, "shown"), native(file, bytes).rgba);
    assert.equal(differ, 0, `${bytes} bytes`);
  }
  const text = await page.locator("#shown-facts").textContent();
  assert.match(text, /0\.\d+ bpp, \d\d\.\d dB/);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("on a slow line both files arrive", async () => {
  const { page, errors } = await open(`${server.origin}/demo/index.html`);
  await page.getByLabel("Speed").selectOption("20000");
  await page.getByRole("button", { name: "Load both" }).click();
  await page.waitForFunction(() => !document.getElementById("go").disabled);
  for (const id of ["slow-facts", "jpeg-facts"]) assert.match(await page.locator(`#${id}`).textContent(), /\d\.\d s, .*B.*, \d\d\.\d dB/);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a picture of the reader's own is encoded and compared", async () => {
  const { page, errors } = await open(`${server.origin}/demo/index.html`);
  await page.getByLabel("Bits per pixel").selectOption("0.5");
  await page.locator("#own").setInputFiles(join(repository, "samples/badge.png"));
  await page.getByText("badge.png: 192 × 160").waitFor();
  const facts = await page.locator("#shown-facts").textContent();
  assert.ok(Number(/([\d.]+) bpp/.exec(facts)[1]) <= 0.5, facts);
  assert.ok(Number(/([\d.]+) dB/.exec(facts)[1]) > 25, facts);
  await page.locator("#own").setInputFiles({ name: "text.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await page.locator("#status", { hasText: "text.png: " }).waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("on a phone nothing is wider than the screen, and every control has a name", async () => {
  const { page, errors } = await open(`${server.origin}/demo/index.html`, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide[0] <= 360 && wide[1] <= 360, `${wide}`);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, canvas")]
      .filter((e) => !e.labels?.length && !e.textContent.trim() && !e.getAttribute("aria-label"))
      .map((e) => e.outerHTML),
  );
  assert.deepEqual(nameless, []);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("dcodec view shows a file, and serves nothing else", async () => {
  const file = coded("camera", "-e", "1", "--bpp", "0.2", "--no-exact");
  const viewer = spawn(process.env.DCODEC, ["view", file, "--no-open", "--web", root], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await new Promise((resolve, reject) => {
      viewer.stdout.on("data", (data) => resolve(String(data).trim()));
      viewer.on("exit", (code) => reject(new Error(`dcodec view ended with ${code}`)));
    });
    const { page, errors } = await open(address);
    assert.ok((await page.title()).includes("camera"));
    assert.equal(apart(await pixels(page, "shown"), native(file).rgba).differ, 0);
    assert.equal(await page.locator("#original-figure").isVisible(), false);
    assert.deepEqual(errors, []);
    await page.context().close();
    for (const path of ["/package.json", "/test/server.mjs", "/viewed/other.dfc", "/src/", "/src/../package.json", "/src/%2e%2e/package.json"]) {
      assert.equal((await fetch(new URL(path, address))).status, 404, path);
    }
  } finally {
    viewer.kill();
  }
});

// The package as it is published: its contents, its types, and an app that Vite builds of it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { coded, native, psnr, read, root, scratch, theBrowser } from "./browser.mjs";
import { serve } from "./server.mjs";

const run = (program, args, cwd = root) => execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

let archive = null;

test("npm pack has the sources, types, modules and weights, and nothing else", () => {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", scratch]));
  archive = join(scratch, packed.filename);
  const files = packed.files.map((file) => file.path.replace(/-[0-9a-f]{8}\./, "-ID."));
  assert.deepEqual(
    files.toSorted(),
    [
      "LICENSE-APACHE",
      "LICENSE-MIT",
      "README.md",
      "assets/dcodec-encode-relaxed.wasm",
      "assets/dcodec-encode.wasm",
      "assets/dcodec-relaxed.wasm",
      "assets/dcodec.wasm",
      "assets/priors.js",
      "assets/s-ID.safetensors",
      "assets/xs-ID.safetensors",
      "package.json",
      "src/element.d.ts",
      "src/element.js",
      "src/engine.js",
      "src/header.js",
      "src/icc.js",
      "src/index.d.ts",
      "src/index.js",
      "src/module.js",
      "src/source.js",
      "src/worker.js",
    ].toSorted(),
  );
  assert.ok(packed.size < 12e6, `${packed.size} bytes`);
});

test("the lock file names no registry, and every package has its hash", () => {
  const lock = JSON.parse(read(join(root, "package-lock.json")));
  for (const [name, entry] of Object.entries(lock.packages)) {
    if (name === "") continue;
    assert.equal(entry.resolved, undefined, name);
    assert.ok(entry.integrity?.startsWith("sha512-"), name);
  }
});

test("an app of the package passes the types, builds by Vite, and shows the picture", async () => {
  const app = join(scratch, "app");
  cpSync(join(root, "test/app"), app, { recursive: true });
  mkdirSync(join(app, "node_modules/dcodec"), { recursive: true });
  run("tar", ["xzf", archive, "-C", join(app, "node_modules/dcodec"), "--strip-components=1"]);
  const types = ["--noEmit", "--strict", "--target", "es2024", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2024,dom,dom.asynciterable"];
  run(join(root, "node_modules/.bin/tsc"), [...types, "main.ts"], app);
  mkdirSync(join(app, "public"));
  const path = coded("badge", "-e", "1", "--bpp", "0.8", "--no-exact");
  writeFileSync(join(app, "public/picture.dfc"), read(path));
  run(join(root, "node_modules/.bin/vite"), ["build", "--logLevel", "warn", "--base", "./"], app);
  const server = await serve({ "/": join(app, "dist") });
  const page = await (await theBrowser()).newPage();
  await page.goto(`${server.origin}/index.html`);
  await page.waitForFunction(() => window.shown || window.failed, undefined, { timeout: 120_000 });
  assert.equal(await page.evaluate(() => window.failed), undefined);
  const pixels = await page.evaluate(() => window.shown.map((shown) => [...shown.image.data]));
  const wanted = native(path).rgba;
  const opaque = (rgba) => rgba.map((v, i) => (pixels[0][i - (i % 4) + 3] === 255 ? v : 0));
  assert.equal(psnr(opaque(pixels[0]), opaque(wanted)), Infinity);
  assert.ok(pixels.length > 1);
  // The weights are a file of their own, under a name that changes with them.
  assert.equal(server.log.filter((entry) => /assets\/xs-.*\.safetensors$/.test(entry.path)).length, 1);
  await page.close();
  server.close();
});

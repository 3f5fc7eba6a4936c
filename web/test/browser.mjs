// What the tests share: a browser, pages with the package, and pictures of the native command.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

import { chromium } from "playwright-core";

import { toSrgb } from "../src/icc.js";
import { serve } from "./server.mjs";

export const root = resolve(import.meta.dirname, "..");
export const repository = resolve(root, "..");
export const samples = ["astronaut", "badge", "camera", "chelsea", "coffee", "rocket"];

/** True for the long form of the tests: all samples and rates. */
export const long = process.env.DCODEC_WEB_LONG === "1";

const command = process.env.DCODEC;
if (!command) throw new Error("DCODEC must name the command");

/** Runs the native command on one thread. */
export const dcodec = (...args) => execFileSync(command, ["-q", "--threads", "1", ...args], { maxBuffer: 1 << 28 });

/** A folder for files, removed at the end. */
export const scratch = mkdtempSync(join(tmpdir(), "dcodec-web-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** The coded file of a sample, made once a process. */
export function coded(name, ...options) {
  const path = join(scratch, `${name}${options.join("").replace(/[^a-z0-9.]/g, "")}.dfc`);
  if (!existsSync(path)) dcodec("encode", join(repository, `samples/${name}.png`), ...options, "-o", path);
  return path;
}

/**
 * The samples of a binary PAM or PNM of 8 bits as RGBA.
 * @returns {{ width: number, height: number, rgba: Uint8Array }}
 */
export function rgbaOf(file) {
  const text = file.subarray(0, 256).toString("latin1");
  const head = /^P([56])\s+(\d+)\s+(\d+)\s+255\s/.exec(text);
  if (!head) throw new Error("not a PNM of 8 bits");
  const [width, height, channels] = [Number(head[2]), Number(head[3]), head[1] === "6" ? 3 : 1];
  const samples = file.subarray(head[0].length);
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = samples[channels * i + (channels === 3 ? c : 0)];
  }
  return { width, height, rgba };
}

/** The picture that the command shows of the first bytes of a file, as the specification has it. */
export function native(path, bytes) {
  const args = ["decode", path, "-o", "-", "--format", "pnm", "--orientations", "1", "--refiner", "none"];
  if (bytes !== undefined) args.push("--bytes", String(bytes));
  return rgbaOf(dcodec(...args));
}

/** A picture as the page shows it: its colours converted to sRGB by the profile of the file. */
export function converted({ rgba, ...size }, icc) {
  const pixels = new Uint8ClampedArray(rgba);
  if (icc?.length > 0) toSrgb(new Uint8Array(icc), pixels);
  return { ...size, rgba: pixels };
}

/** PSNR of two RGBA pictures in dB, alpha left out. */
export function psnr(a, b) {
  let squares = 0;
  for (let i = 0; i < a.length; i++) if (i % 4 !== 3) squares += (a[i] - b[i]) ** 2;
  return 10 * Math.log10((255 ** 2 * 3 * a.length) / 4 / squares);
}

/** Shares of the colour samples that differ, and that differ by more than one level. */
export function apart(a, b) {
  let [differ, far] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    if (i % 4 === 3) continue;
    const d = Math.abs(a[i] - b[i]);
    if (d > 0) differ++;
    if (d > 1) far++;
  }
  const count = (3 * a.length) / 4;
  return { differ: differ / count, far: far / count };
}

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--force-color-profile=srgb",
];

let browser = null;
let server = null;

/** The server of the package at /package/, the tests at /test/, and files at /files/. */
export async function theServer() {
  server ??= await serve({ "/package/": root, "/test/": join(root, "test"), "/files/": scratch, "/samples/": join(repository, "samples") });
  return server;
}

export async function theBrowser() {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  return browser;
}

after(async () => {
  await browser?.close();
  server?.close();
});

/** A page with the package loaded. `prepare` sees it before it loads. */
export async function open({ prepare, ...options } = {}) {
  const context = await (await theBrowser()).newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  page.on("pageerror", (error) => console.error(`page: ${error}`));
  await prepare?.(page);
  await page.goto(`${(await theServer()).origin}/test/blank.html`);
  await page.waitForFunction(() => window.ready === true);
  return page;
}

/** Decodes a file in the page by `decode` with these options; pixels, facts, or the error. */
export async function decodeIn(page, url, options = {}) {
  const result = await page.evaluate(
    async ([url, options]) => {
      try {
        const { image, icc, ...facts } = await window.dcodec.decode(url, options);
        return { ...facts, packed: window.packed(image.data), icc: window.packed(icc) };
      } catch (error) {
        return { error: error.message, name: error.name };
      }
    },
    [url, options],
  );
  if (result.packed) result.rgba = Buffer.from(result.packed, "base64");
  if (result.icc) result.icc = Buffer.from(result.icc, "base64");
  delete result.packed;
  return result;
}

export const read = (path) => readFileSync(path);

/**
 * Runs a test of times again where it fails, three times at most: another program may have had the
 * processor. Code that is too slow fails each time.
 */
export async function timed(test) {
  for (let tries = 1; ; tries++) {
    try {
      return await test();
    } catch (error) {
      if (tries === 3) throw error;
      console.log(`# again: ${error.message.split("\n")[0]}`);
    }
  }
}

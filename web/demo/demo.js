// The demo: a picture, its first bytes by a slider, and its load on a slow line beside JPEG.

import { decode, encode, refine } from "../src/index.js";

const $ = (id) => document.getElementById(id);

/** Longest side of a picture of the reader's own: larger ones are made smaller, as an encode takes seconds a megapixel. */
const LONGEST = 1024;

/** The slider's steps; it is finer among the first bytes, where most happens. */
const STEPS = 1000;
const BEND = 2;

/** A cut is decoded once the slider rests for so long, in milliseconds. */
const REST = 250;

let picture = null;
let stop = new AbortController();

const say = (text) => ($("status").textContent = text);

const kilo = (bytes) => (bytes < 10_000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`);

/** PSNR in dB of the colours of two pictures of one size; equal ones have none. */
function psnr(a, b) {
  let squares = 0;
  for (let i = 0; i < a.length; i += 4) {
    squares += (a[i] - b[i]) ** 2 + (a[i + 1] - b[i + 1]) ** 2 + (a[i + 2] - b[i + 2]) ** 2;
  }
  return 10 * Math.log10((255 ** 2 * 3 * a.length) / 4 / squares);
}

function quality(image) {
  if (!picture.original) return "";
  const value = psnr(image.data, picture.original.data);
  return Number.isFinite(value) ? `, ${value.toFixed(1)} dB` : ", exact";
}

function paint(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    [canvas.width, canvas.height] = [image.width, image.height];
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const bpp = (bytes, image) => `${((8 * bytes) / (image.width * image.height)).toFixed(3)} bpp`;

// ---- The slider.

const bytesOf = (value) => Math.round(picture.bytes.length * (value / STEPS) ** BEND);
const valueOf = (bytes) => Math.round(STEPS * (bytes / picture.bytes.length) ** (1 / BEND));

function present(bytes, image, settled) {
  paint($("shown"), image);
  $("shown").dataset.bytes = settled ? bytes : "";
  $("shown-bytes").textContent = `First ${kilo(bytes)}`;
  $("shown-facts").textContent = `${bpp(bytes, image)}${quality(image)}`;
}

let rest = 0;
let cutting = new AbortController();

/** Shows the slider's bytes: at once the last whole picture that they hold, then the very cut. */
function slide() {
  const { cuts } = picture;
  const bytes = bytesOf(Number($("bytes").value));
  $("amount").textContent = kilo(bytes);
  $("bytes").setAttribute("aria-valuetext", `${bytes} bytes`);
  cutting.abort();
  clearTimeout(rest);
  if (cuts.has(bytes)) {
    present(bytes, cuts.get(bytes), true);
    return;
  }
  const known = [...cuts.keys()].filter((n) => n <= bytes);
  const nearest = Math.max(...known);
  if (known.length > 0) present(nearest, cuts.get(nearest), false);
  cutting = new AbortController();
  const { signal } = cutting;
  const current = picture;
  rest = setTimeout(async () => {
    try {
      const shown = await decode(picture.bytes, { bytes, signal });
      current.cuts.set(shown.bytes, shown.image);
      if (!signal.aborted) present(shown.bytes, shown.image, true);
    } catch (error) {
      if (!signal.aborted) $("shown-facts").textContent = error.message;
    }
  }, REST);
}

/** Shows a picture from its first byte on, and keeps what it shows for the slider. */
async function play(signal) {
  const slider = $("bytes");
  slider.disabled = false;
  const start = performance.now();
  let last = null;
  for await (const shown of refine(picture.bytes, { signal })) {
    picture.cuts.set(shown.bytes, shown.image);
    last = shown;
    // The slider is the reader's as soon as it has been touched.
    if (!picture.touched) {
      slider.value = valueOf(shown.bytes);
      $("amount").textContent = kilo(shown.bytes);
      present(shown.bytes, shown.image, true);
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const colour = last.colour === "converted" ? ", colours converted to sRGB" : "";
  say(`${picture.name}: ${last.width} × ${last.height}, ${kilo(picture.bytes.length)}, decoded in ${seconds} s${colour}.`);
}

/** Makes a picture the one of the page. */
async function choose(next) {
  stop.abort();
  cutting.abort();
  clearTimeout(rest);
  stop = new AbortController();
  const { signal } = stop;
  picture = { ...next, cuts: new Map(), touched: false };
  for (const button of $("samples").children) button.setAttribute("aria-pressed", button.textContent === next.name);
  const { original } = picture;
  $("original-figure").hidden = !original;
  $("race").hidden = !original;
  if (original) {
    for (const id of ["original", "shown", "slow", "jpeg"]) paint($(id), blank(original));
    paint($("original"), original);
    $("original-facts").textContent = `${original.width} × ${original.height}`;
  }
  for (const id of ["slow-facts", "jpeg-facts", "shown-facts"]) $(id).textContent = "";
  $("go").disabled = false;
  say(`${picture.name}: decoding ${kilo(picture.bytes.length)}…`);
  try {
    await play(signal);
  } catch (error) {
    if (!signal.aborted) say(`${picture.name}: ${error.message}`);
  }
}

const blank = ({ width, height }) => new ImageData(width, height);

// ---- The reader's own picture.

/** Pixels of a picture file, upright, in sRGB, and on white where it is transparent. */
async function pixelsOf(blob) {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function own(file) {
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  try {
    if (file.name.endsWith(".dfc")) {
      await choose({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()), original: null });
      return;
    }
    const original = await pixelsOf(file);
    say(`${file.name}: encoding ${original.width} × ${original.height} pixels, which takes some seconds…`);
    const start = performance.now();
    const bytes = await encode(original, { bpp: Number($("rate").value), signal });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(`${file.name}: encoded in ${seconds} s.`);
    await choose({ name: file.name, bytes, original });
  } catch (error) {
    if (!signal.aborted) say(`${file.name}: ${error.message}`);
  }
}

// ---- The slow line.

/** The bytes of `data` as a line of this speed brings them. */
function line(data, speed, signal) {
  const piece = Math.max(1, Math.round(speed / 20));
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, (1000 * piece) / speed));
      if (at >= data.length || signal.aborted) {
        controller.close();
        return;
      }
      controller.enqueue(data.slice(at, at + piece));
      at += piece;
    },
  });
}

/** The JPEG of this browser whose size is nearest below `bytes`. */
async function jpegOf(image, bytes) {
  const canvas = document.createElement("canvas");
  paint(canvas, image);
  const made = (quality) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
  let [low, high, best] = [0, 1, await made(0)];
  for (let i = 0; i < 8; i++) {
    const middle = (low + high) / 2;
    const blob = await made(middle);
    if (blob.size <= bytes) [low, best] = [middle, blob];
    else high = middle;
  }
  return new Uint8Array(await best.arrayBuffer());
}

/** The pixels that this browser shows of a JPEG, whole or cut. Null before there are any. */
async function partOf(bytes) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  try {
    await image.decode();
  } catch {
    // A cut one: what is there may be drawn all the same.
  }
  URL.revokeObjectURL(image.src);
  return image.naturalWidth > 0 ? image : null;
}

async function race() {
  const { original, bytes } = picture;
  const speed = Number($("speed").value);
  const { signal } = stop;
  $("go").disabled = true;
  paint($("slow"), blank(original));
  paint($("jpeg"), blank(original));
  const start = performance.now();
  const at = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const ours = (async () => {
    for await (const shown of refine(line(bytes, speed, signal), { signal })) {
      paint($("slow"), shown.image);
      $("slow-facts").textContent = `${at()}, ${kilo(shown.bytes)}${quality(shown.image)}`;
    }
  })();
  const theirs = (async () => {
    const file = await jpegOf(original, bytes.length);
    const context = $("jpeg").getContext("2d", { willReadFrequently: true });
    let have = new Uint8Array();
    let shownAt = 0;
    for await (const piece of line(file, speed, signal)) {
      const joined = new Uint8Array(have.length + piece.length);
      joined.set(have);
      joined.set(piece, have.length);
      have = joined;
      if (have.length < file.length && performance.now() - shownAt < 200) continue;
      shownAt = performance.now();
      const image = await partOf(have);
      if (image) context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, original.width, original.height);
      $("jpeg-facts").textContent = `${at()}, ${kilo(have.length)}${quality(pixels)}`;
    }
    if (file.length > bytes.length) $("jpeg-facts").textContent += " (it cannot be as small)";
  })();
  const results = await Promise.allSettled([ours, theirs]);
  if (signal.aborted) return;
  for (const { reason } of results) if (reason) say(reason.message);
  $("go").disabled = false;
}

// ---- The page.

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response;
}

async function sample(name) {
  const [file, png] = await Promise.all([fetched(`samples/${name}.dfc`), fetched(`samples/${name}.png`)]);
  await choose({ name, bytes: new Uint8Array(await file.arrayBuffer()), original: await pixelsOf(await png.blob()) });
}

function listen() {
  $("bytes").addEventListener("input", () => {
    picture.touched = true;
    slide();
  });
  $("go").addEventListener("click", race);
  $("own").addEventListener("change", () => $("own").files[0] && own($("own").files[0]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) own(event.dataTransfer.files[0]);
    });
  }
}

async function start() {
  listen();
  const asked = new URLSearchParams(location.search);
  const viewed = asked.get("file");
  // Only of this server.
  if (viewed?.startsWith("/") && !viewed.startsWith("//")) {
    const name = asked.get("name") ?? viewed;
    document.title = `${name}: dcodec`;
    await choose({ name, bytes: new Uint8Array(await (await fetched(viewed)).arrayBuffer()), original: null });
    return;
  }
  const names = await (await fetched("samples/list.json")).json();
  for (const name of names) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => sample(name).catch((error) => say(error.message)));
    $("samples").append(button);
  }
  await sample(names[0]);
}

start().catch((error) => say(`${error.message}. Your own picture works all the same.`));

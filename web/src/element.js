// <dfc-img src bpp alt>: a picture that sharpens while its bytes arrive.

import { bytesAt, show } from "./index.js";

export { configure } from "./index.js";

/** Bits for each pixel of the screen that a picture which is shown smaller than it is gets. */
const SCREEN_BITS = 2;

/** A picture is shown smaller than it is below this scale. */
const SMALLER = 0.75;

/** Bits per pixel for readers who wish to save data. */
const REDUCED = 0.15;

/** Distance below the screen at which lazy pictures begin to load. */
const AHEAD = "400px";

const STYLE = `
  :host { display: inline-block; max-width: 100%; vertical-align: middle; }
  :host([hidden]) { display: none; }
  canvas { display: block; width: 100%; height: auto; }
  span { display: none; font: 0.9rem/1.4 system-ui, sans-serif; padding: 0.5rem; border: 1px solid; }
  :host([data-state="error"]) span { display: block; }
  :host([data-state="error"]) canvas:not(.painted) { display: none; }
`;

const number = (text) => (text !== null && text.trim() !== "" && Number(text) >= 0 ? Number(text) : null);

/** True if the reader wishes to save data. */
export function savesData() {
  return matchMedia("(prefers-reduced-data: reduce)").matches || navigator.connection?.saveData === true;
}

export class DfcImg extends HTMLElement {
  static observedAttributes = ["src", "bpp", "alt", "width", "height", "loading"];

  #canvas;
  #context = null;
  #words;
  #stop = null;
  #observer = null;
  #begun = null;
  #size = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.#canvas = document.createElement("canvas");
    this.#canvas.setAttribute("part", "canvas");
    this.#words = document.createElement("span");
    this.#words.setAttribute("part", "alt");
    root.append(style, this.#canvas, this.#words);
  }

  get src() {
    return this.getAttribute("src") ?? "";
  }
  set src(value) {
    this.setAttribute("src", value);
  }
  get bpp() {
    return number(this.getAttribute("bpp"));
  }
  set bpp(value) {
    if (value === null) this.removeAttribute("bpp");
    else this.setAttribute("bpp", value);
  }
  get alt() {
    return this.getAttribute("alt") ?? "";
  }
  set alt(value) {
    this.setAttribute("alt", value);
  }
  get loading() {
    return this.getAttribute("loading") === "lazy" ? "lazy" : "eager";
  }
  set loading(value) {
    this.setAttribute("loading", value);
  }
  /** The canvas that is painted. */
  get canvas() {
    return this.#canvas;
  }
  /** Pixels across, once the header has come; 0 before. */
  get naturalWidth() {
    return this.#size?.width ?? 0;
  }
  /** Pixels down, once the header has come; 0 before. */
  get naturalHeight() {
    return this.#size?.height ?? 0;
  }
  /** True once the last refinement is on the canvas. */
  get complete() {
    return this.dataset.state === "complete";
  }

  connectedCallback() {
    this.#describe();
    this.#reserve();
    this.#plan();
  }

  disconnectedCallback() {
    // An element that is moved comes back at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#end();
    });
  }

  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "alt") this.#describe();
    if (name === "width" || name === "height") this.#reserve();
    if (this.isConnected && (name === "src" || name === "bpp" || name === "loading")) {
      this.#end();
      this.#plan();
    }
  }

  /** Sets the words for those who cannot see the picture. */
  #describe() {
    this.#words.textContent = this.alt;
    if (this.hasAttribute("alt") && this.alt === "") {
      this.#canvas.setAttribute("role", "presentation");
      this.#canvas.removeAttribute("aria-label");
    } else {
      this.#canvas.setAttribute("role", "img");
      this.#canvas.setAttribute("aria-label", this.alt);
    }
  }

  /** Takes the room that the picture will need. The attributes say how large it is shown, as on img. */
  #reserve() {
    const [width, height] = [number(this.getAttribute("width")), number(this.getAttribute("height"))];
    if (!this.#size && width && height) this.#resize(width, height);
    this.#canvas.style.width = width ? `${width}px` : "";
    this.#canvas.style.maxWidth = "100%";
  }

  #resize(width, height) {
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
  }

  /** Begins to load now, or when the element comes near the screen. */
  #plan() {
    if (this.#begun === this.src || this.src === "") return;
    if (this.loading === "lazy" && "IntersectionObserver" in window) {
      this.#observer = new IntersectionObserver(
        (entries) => {
          if (!entries.some((entry) => entry.isIntersecting)) return;
          this.#observer?.disconnect();
          this.#observer = null;
          this.#begin();
        },
        { rootMargin: AHEAD },
      );
      this.#observer.observe(this);
    } else {
      this.#begin();
    }
  }

  #end() {
    this.#observer?.disconnect();
    this.#observer = null;
    this.#stop?.abort();
    this.#stop = null;
    this.#begun = null;
  }

  /** Bytes of a picture of this size that are worth asking for: as many as its rate or the screen can use. */
  #limit(width, height) {
    let bytes = this.bpp === null ? Infinity : bytesAt(this.bpp, width, height);
    const shown = this.#canvas.getBoundingClientRect().width * devicePixelRatio;
    const scale = shown / width;
    if (shown > 0 && scale < SMALLER) bytes = Math.min(bytes, bytesAt(SCREEN_BITS * scale * scale, width, height));
    if (savesData()) bytes = Math.min(bytes, bytesAt(REDUCED, width, height));
    return bytes;
  }

  /** Size in pixels, if the page has said all: then one request is enough. */
  #known() {
    const [width, height] = [number(this.getAttribute("width")), number(this.getAttribute("height"))];
    return width && height && this.bpp !== null ? { width, height } : undefined;
  }

  async #begin() {
    this.#end();
    this.#stop = new AbortController();
    this.#begun = this.src;
    const { signal } = this.#stop;
    this.dataset.state = "loading";
    try {
      await show(new URL(this.src, document.baseURI), {
        signal,
        output: "bitmap",
        known: this.#known(),
        limit: (width, height) => this.#limit(width, height),
        onHeader: (header) => {
          this.#size = header;
          this.#resize(header.width, header.height);
          this.#tell("header", header);
        },
        onPicture: (picture) => this.#paint(picture, signal),
      });
      if (signal.aborted) return;
      this.dataset.state = "complete";
      this.#tell("load");
    } catch (error) {
      if (signal.aborted) return;
      this.dataset.state = "error";
      this.#tell("error", { message: error.message, error });
    }
  }

  #paint({ bitmap, ...facts }, signal) {
    if (signal.aborted) {
      bitmap.close();
      return;
    }
    this.#context ??= this.#canvas.getContext("bitmaprenderer");
    this.#canvas.classList.add("painted");
    this.#context.transferFromImageBitmap(bitmap);
    this.#tell("refine", facts);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

if (!customElements.get("dfc-img")) customElements.define("dfc-img", DfcImg);

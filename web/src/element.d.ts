import type { Decoded, Header } from "./index.js";

export { configure } from "./index.js";

/** Facts of a picture on the canvas. */
export type Refinement = Omit<Decoded, "image" | "bitmap">;

/** The events of an element. */
export interface DfcImgEvents {
  /** The header has come: the size is known. */
  header: CustomEvent<Header>;
  /** A refinement is on the canvas. */
  refine: CustomEvent<Refinement>;
  /** The last one is. */
  load: CustomEvent<null>;
  /** The file, or its source, has failed, in the library's words. */
  error: CustomEvent<{ message: string; error: Error }>;
}

type Options = boolean | AddEventListenerOptions;

/**
 * `<dfc-img src bpp alt width height loading>`, with the events of {@link DfcImgEvents}.
 */
export class DfcImg extends HTMLElement {
  src: string;
  /** Bits per pixel at most; null for all that the screen can use. */
  bpp: number | null;
  alt: string;
  loading: "lazy" | "eager";
  readonly canvas: HTMLCanvasElement;
  readonly naturalWidth: number;
  readonly naturalHeight: number;
  readonly complete: boolean;
  addEventListener<K extends keyof DfcImgEvents>(type: K, listener: (this: DfcImg, event: DfcImgEvents[K]) => unknown, options?: Options): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: HTMLElement, event: HTMLElementEventMap[K]) => unknown,
    options?: Options,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: Options): void;
}

/** True if the reader wishes to save data. */
export function savesData(): boolean;

declare global {
  interface HTMLElementTagNameMap {
    "dfc-img": DfcImg;
  }
}

/** Facts of a file's header. */
export interface Header {
  /** Columns in pixels. */
  width: number;
  /** Rows in pixels. */
  height: number;
  /** 1 for grey, 3 for RGB. */
  channels: number;
  /** True if the picture has transparency. */
  alpha: boolean;
  /** Bits a sample, 8 or 16. Pictures of 16 are shown in 8. */
  bits: number;
  /** Identity of the prior that the file needs, eight hexadecimal digits. */
  prior: string;
}

/** A picture of some first bytes of a file, and what it shows. */
export interface Decoded {
  /** Columns in pixels. */
  width: number;
  /** Rows in pixels. */
  height: number;
  /** The pixels, in sRGB unless `colour` is "own". With `output: "bitmap"` there are none. */
  image?: ImageData;
  /** The pixels as a bitmap, with `output: "bitmap"`. Whoever gets it closes it. */
  bitmap?: ImageBitmap;
  /** Bytes of the file that are shown. */
  bytes: number;
  /** These as bits per pixel. */
  bpp: number;
  /** Whole layers. */
  layers: number;
  /** Share of the next layer that had arrived, 0 to 1. */
  partial: number;
  /** Noise level in 8-bit levels; 0 before the first layer. */
  sigma: number;
  /** True after the encoder's end marker, which files of a given rate do without. */
  complete: boolean;
  /** Whether all samples are exact; "unusable" if the file is and this decoder is not the reference. */
  exact: "no" | "all" | "unusable";
  /**
   * The colours: "srgb" without a profile in the file, "converted" from that profile to sRGB, "own" if they
   * are left as they are in the file, because of `convert: false` or of a profile that is made of tables.
   */
  colour: "srgb" | "converted" | "own";
  /** The ICC profile of the file; empty without one. */
  icc: Uint8Array;
  /** Facts of the header. */
  header: Header;
}

/** A file: its bytes, a response or stream of them, or its address. */
export type Source = Uint8Array | ArrayBuffer | Blob | Response | ReadableStream<Uint8Array> | string | URL;

export interface DecodeOptions {
  /** Show this many bits per pixel at most. Of an address no more is asked for, where its server knows ranges. */
  bpp?: number;
  /** Show this many bytes at most. */
  bytes?: number;
  /** Ends the work, also in the worker. */
  signal?: AbortSignal;
  /** `ImageData` (the default), or an `ImageBitmap`. */
  output?: "pixels" | "bitmap";
  /** False leaves the colours as they are in the file. */
  convert?: boolean;
  /** Called once the header has come, before any picture. */
  onHeader?: (header: Header) => void;
}

/**
 * The picture of all bytes.
 * @throws {Error} with the library's words if the bytes are no picture, or the source fails;
 * the signal's reason if that ends the work.
 */
export function decode(source: Source, options?: DecodeOptions & { output?: "pixels" }): Promise<Decoded & { image: ImageData }>;
export function decode(source: Source, options: DecodeOptions & { output: "bitmap" }): Promise<Decoded & { bitmap: ImageBitmap }>;

/**
 * The refinements of a picture while its bytes come. Those that are not taken in time are left out; the
 * last one never is. Errors are those of {@link decode}.
 */
export function refine(source: Source, options?: DecodeOptions & { output?: "pixels" }): AsyncGenerator<Decoded & { image: ImageData }, void>;
export function refine(source: Source, options: DecodeOptions & { output: "bitmap" }): AsyncGenerator<Decoded & { bitmap: ImageBitmap }, void>;

export interface EncodeOptions {
  /** Bits per pixel of the file. */
  bpp?: number;
  /** Make the file end in the exact picture instead. */
  lossless?: boolean;
  /** Work from 1, the fast tier (the default), to 5. */
  effort?: 1 | 2 | 3 | 4 | 5;
  /** Ends the work. */
  signal?: AbortSignal;
}

/** The file of a picture in sRGB, made in a worker of its own. */
export function encode(image: ImageData, options: EncodeOptions): Promise<Uint8Array>;

/**
 * Facts of the header at the front of some bytes; null if it needs more of them.
 * @throws {Error} if they are no file of a version that is known.
 */
export function readHeader(bytes: Uint8Array): Header | null;

/** Bytes of a file of `bpp` bits per pixel. */
export function bytesAt(bpp: number, width: number, height: number): number;

/** A weights file. */
export interface PriorFile {
  name: string;
  /** First eight hexadecimal digits of `sha256`. */
  id: string;
  /** SHA-256 of the file in hexadecimal. Other bytes are refused. */
  sha256: string;
  url: string | URL;
}

export interface Configuration {
  /** More weights, for files that need others than the package has. */
  priors?: PriorFile[];
  /** False keeps to SIMD128. */
  relaxed?: boolean;
  /** Makes the worker, for build tools that have their own way to. */
  worker?: () => Worker;
}

/** Sets what the worker is made with, and starts it anew. */
export function configure(configuration: Configuration): void;

/** The decoder: whether it is the reference arithmetic to the bit, bytes of its memory, priors that are loaded. */
export function facts(): Promise<{ reference: boolean; memory: number; priors: number }>;

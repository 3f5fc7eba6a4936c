//! The decoder for browsers and Node: a C interface, for modules of `wasm32-unknown-unknown`.
//!
//! ```text
//! cargo build -p dcodec-wasm --profile wasm --target wasm32-unknown-unknown
//! ```
//!
//! with `-C target-feature=+simd128` in the compiler's flags. `decode.mjs` beside this crate shows
//! the calls:
//!
//! 1. `alloc(n)` gives room for `n` bytes in the module's memory, `free(at, n)` takes it back.
//! 2. `open(at, n)` starts a decoder with the weights file in those bytes. With `n = 0` it takes
//!    the priors inside the module.
//! 3. `push(decoder, at, n)` takes the next bytes of a file, in pieces of any size. It gives the
//!    layers so far.
//! 4. `show(decoder)` makes the picture of all bytes so far: `width`, `height`, and `pixels`, RGBA
//!    of 8 bits row by row, the `ImageData` of a canvas. It stays until the next call with this
//!    decoder.
//! 5. `close(decoder)`.
//!
//! `open` gives 0 and the others give -1 where they fail. `message()` then points at the reason,
//! UTF-8 that ends in a zero byte. Functions that take a decoder take one that `open` gave and
//! `close` has not had.
//!
//! The fuzz targets include this file on other systems, where the names are kept in: `open` and
//! `free` are taken there.

use std::cell::RefCell;
use std::ffi::CString;

use dcodec::prior::Weights;
use dcodec::{Colour, Display, Error, Event, Picture, Prior, Result, StreamDecoder};

/// Larger pictures are refused: a module has 4 GB at most, and a browser's tab often less.
const MAX_PIXELS: u64 = 50_000_000;
const MAX_MEMORY: u64 = 2_500_000_000;

/// One decode.
pub struct Decoder {
    /// Used up to its end marker, behind which all input is ignored.
    stream: StreamDecoder,
    layers: i32,
    ended: bool,
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

thread_local! {
    /// Why the last call failed.
    static MESSAGE: RefCell<CString> = RefCell::default();
}

fn keep_message(e: &Error) {
    let text = e.to_string().replace('\0', " ");
    MESSAGE.set(CString::new(text).unwrap_or_default());
}

/// The value of a call, -1 if it failed.
fn value(result: Result<i32>) -> i32 {
    result.unwrap_or_else(|e| {
        keep_message(&e);
        -1
    })
}

impl Decoder {
    fn push(&mut self, mut bytes: &[u8]) -> Result<i32> {
        while !self.ended {
            let (used, event) = self.stream.push(bytes)?;
            bytes = &bytes[used..];
            match event {
                Event::Layer(..) => self.layers += 1,
                Event::End => self.ended = true,
                Event::NeedMore => break,
                _ => {}
            }
        }
        Ok(self.layers)
    }

    fn show(&mut self) -> Result<i32> {
        let picture = self.stream.preview()?.picture.into_eight();
        (self.width, self.height) = (picture.width(), picture.height());
        self.rgba = rgba(&picture);
        Ok(0)
    }
}

/// Red, green, blue and alpha of each pixel.
fn rgba(picture: &Picture) -> Vec<u8> {
    let samples = picture.samples().as_eight().unwrap_or_default();
    let alpha = picture.alpha().and_then(|a| a.as_eight());
    let channels = picture.colour().channels();
    let mut out = Vec::with_capacity(samples.len() / channels * 4);
    for (i, pixel) in samples.chunks_exact(channels).enumerate() {
        match (picture.colour(), pixel) {
            (Colour::Rgb, &[r, g, b]) => out.extend([r, g, b]),
            _ => out.extend([pixel[0]; 3]),
        }
        out.push(alpha.map_or(255, |a| a[i]));
    }
    out
}

/// A decoder with the priors inside the module.
#[cfg(feature = "weights")]
fn inside() -> Result<dcodec::Decoder> {
    Ok(dcodec::Decoder::default())
}

#[cfg(not(feature = "weights"))]
fn inside() -> Result<dcodec::Decoder> {
    let e = "this module has no prior inside: give it a weights file";
    Err(Error::Unsupported(e.into()))
}

/// A decoder with the prior of a weights file.
fn given(bytes: &[u8]) -> Result<dcodec::Decoder> {
    let weights = Weights::from_bytes(bytes)?;
    Ok(dcodec::Decoder::new(&Prior::from_weights(&weights)?))
}

/// Room for `n` bytes, uninitialised.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn alloc(n: usize) -> *mut u8 {
    let room = Vec::with_capacity(n);
    std::mem::ManuallyDrop::new(room).as_mut_ptr()
}

/// Takes room back.
///
/// # Safety
/// `at` came from `alloc(n)` and was not freed since.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn free(at: *mut u8, n: usize) {
    // SAFETY: as the caller promises.
    drop(unsafe { Vec::from_raw_parts(at, 0, n) });
}

/// Starts a decoder with a weights file, or with the priors inside if `n` is 0; null if that fails.
///
/// # Safety
/// `at` points at `n` bytes, which are not needed after the call.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn open(at: *const u8, n: usize) -> *mut Decoder {
    let decoder = match n {
        0 => inside(),
        // SAFETY: as the caller promises.
        _ => given(unsafe { std::slice::from_raw_parts(at, n) }),
    };
    match decoder {
        Ok(decoder) => {
            let decoder = decoder
                .max_pixels(MAX_PIXELS)
                .max_memory(MAX_MEMORY)
                .display(Display::PLAIN);
            Box::into_raw(Box::new(Decoder {
                stream: decoder.stream(),
                layers: 0,
                ended: false,
                width: 0,
                height: 0,
                rgba: Vec::new(),
            }))
        }
        Err(e) => {
            keep_message(&e);
            std::ptr::null_mut()
        }
    }
}

/// Takes the next bytes of the file; the number of whole layers so far.
///
/// # Safety
/// `decoder` is open, `at` points at `n` bytes.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn push(decoder: *mut Decoder, at: *const u8, n: usize) -> i32 {
    // SAFETY: as the caller promises.
    let (decoder, bytes) = unsafe { (&mut *decoder, std::slice::from_raw_parts(at, n)) };
    value(decoder.push(bytes))
}

/// Makes the picture of the bytes so far.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn show(decoder: *mut Decoder) -> i32 {
    // SAFETY: as the caller promises.
    value(unsafe { &mut *decoder }.show())
}

/// Width of the picture that `show` made, in pixels.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn width(decoder: *const Decoder) -> u32 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.width
}

/// Height of the picture that `show` made, in pixels.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn height(decoder: *const Decoder) -> u32 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.height
}

/// The picture that `show` made: 4 bytes a pixel.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn pixels(decoder: *const Decoder) -> *const u8 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.rgba.as_ptr()
}

/// Why the last call failed.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn message() -> *const u8 {
    MESSAGE.with_borrow(|m| m.as_ptr().cast())
}

/// Ends a decode.
///
/// # Safety
/// `decoder` is open, and not used after.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn close(decoder: *mut Decoder) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(decoder) });
}

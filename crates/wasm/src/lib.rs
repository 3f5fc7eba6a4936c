//! The codec for browsers and Node: a C interface, for modules of `wasm32-unknown-unknown`.
//!
//! ```text
//! cargo build -p dcodec-wasm --profile wasm --target wasm32-unknown-unknown
//! ```
//!
//! with `-C target-feature=+simd128` or `+relaxed-simd` in the compiler's flags.
//! `web/src/module.js` shows the calls:
//!
//! 1. `alloc(n)` gives room for `n` bytes in the module's memory, `free(at, n)` takes it back.
//! 2. `header(at, n)` reads the header in the first bytes of a file: where its facts are.
//! 3. `prior(at, n)` makes the prior of the weights file in those bytes, for any number of
//!    decoders. `prior_id(prior)` is its identity, and `forget(prior)` ends it.
//!    `serves(id, needed)` tells which prior a file needs.
//! 4. `open(prior)` starts a decoder. Without a prior it takes those inside the module.
//! 5. `push(decoder, at, n)` takes the next bytes of a file, in pieces of any size. It stops after
//!    each layer and gives the number of bytes taken, so it is called again with the rest.
//!    `layers(decoder)` are the layers so far.
//! 6. `show(decoder)` makes the picture of all bytes so far: `width`, `height`, and `pixels`, RGBA
//!    of 8 bits row by row, the `ImageData` of a canvas. `facts` tells what it shows, `icc` and
//!    `icc_size` give its colour profile. All stay until the next call with this decoder.
//! 7. `close(decoder)`.
//!
//! Modules with the feature `encode` also have `encode(prior, at, n, width, height, bpp, effort)`,
//! whose `file_bytes` and `file_size` are read before `drop_file`. `kernel()` names the arithmetic.
//!
//! `prior`, `open`, `header` and `encode` give 0 and the others -1 where they fail. `message()`
//! then points at the reason, UTF-8 that ends in a zero byte. Functions that take a prior, a
//! decoder or a file take one that is not ended.
//!
//! The fuzz targets include this file on other systems, where the names are kept in: `open` and
//! `free` are taken there.

mod decoder;
#[cfg(feature = "encode")]
mod encoder;

use std::cell::RefCell;
use std::ffi::CString;
use std::ptr::null;

use dcodec::container::PriorId;
use dcodec::prior::gaussian::Gaussian;
use dcodec::prior::{Kernel, Weights};
use dcodec::{Error, Prior, Result};
use sha2::{Digest, Sha256};

pub use decoder::Decoder;
use decoder::HEADER_FACTS;

thread_local! {
    /// Why the last call failed.
    static MESSAGE: RefCell<CString> = RefCell::default();
    /// Facts of the last header.
    static HEADER: RefCell<[u32; HEADER_FACTS]> = RefCell::default();
    /// The last hash.
    static HASH: RefCell<[u8; 32]> = RefCell::default();
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

/// A pointer to the value of a call, null if it failed.
fn boxed<T>(result: Result<T>) -> *mut T {
    match result {
        Ok(value) => Box::into_raw(Box::new(value)),
        Err(e) => {
            keep_message(&e);
            std::ptr::null_mut()
        }
    }
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

/// Arithmetic of the network: 2 for the reference by vectors, 1 for vectors without a fused
/// multiply-add, 0 for the reference without vectors.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn kernel() -> i32 {
    match Kernel::best() {
        Kernel::Plain => 0,
        kernel if kernel.is_reference() => 2,
        _ => 1,
    }
}

/// SHA-256 of bytes, at the address that it returns.
///
/// # Safety
/// `at` points at `n` bytes.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn sha256(at: *const u8, n: usize) -> *const u8 {
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(at, n) };
    HASH.set(Sha256::digest(bytes).into());
    HASH.with_borrow(|hash| hash.as_ptr())
}

/// Facts of the header of a file that begins with these bytes, as
/// [`HEADER_FACTS`](decoder::HEADER_FACTS) lists them. The first is 0 if the header needs more
/// bytes. Null if they are no file.
///
/// # Safety
/// `at` points at `n` bytes, which are not needed after the call.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn header(at: *const u8, n: usize) -> *const u32 {
    // SAFETY: as the caller promises.
    match decoder::header(unsafe { std::slice::from_raw_parts(at, n) }) {
        Ok(facts) => {
            HEADER.set(facts.unwrap_or_default());
            HEADER.with_borrow(|facts| facts.as_ptr())
        }
        Err(e) => {
            keep_message(&e);
            null()
        }
    }
}

/// The prior of a weights file; null if that fails.
///
/// # Safety
/// `at` points at `n` bytes, which are not needed after the call.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn prior(at: *const u8, n: usize) -> *mut Prior {
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(at, n) };
    boxed(Weights::from_bytes(bytes).and_then(|weights| Prior::from_weights(&weights)))
}

/// Identity of a prior, big-endian.
///
/// # Safety
/// `prior` is a prior.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn prior_id(prior: *const Prior) -> u32 {
    // SAFETY: as the caller promises.
    u32::from_be_bytes(unsafe { &*prior }.id().0)
}

/// Ends a prior. Decoders that were opened with it keep it.
///
/// # Safety
/// `prior` is a prior, and not used after.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn forget(prior: *mut Prior) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(prior) });
}

/// Orientations over which the prior `id` is averaged in files that need `needed`; 0 if they need
/// another prior.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn serves(id: u32, needed: u32) -> i32 {
    // Of a prior that is not there only its name counts.
    let named = Prior::new(Gaussian { deviation: 1.0 }, PriorId(id.to_be_bytes()));
    let n = named.ensemble_of(PriorId(needed.to_be_bytes()));
    n.map_or(0, |n| n as i32)
}

/// Starts a decoder with a prior, or with those inside if it is null; null if that fails.
///
/// # Safety
/// `prior` is a prior or null.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn open(prior: *const Prior) -> *mut Decoder {
    // SAFETY: as the caller promises.
    let settings = match unsafe { prior.as_ref() } {
        None => inside(),
        Some(prior) => Ok(dcodec::Decoder::new(prior)),
    };
    boxed(settings.map(Decoder::new))
}

/// Takes the next bytes of the file up to the end of a layer; the number of bytes taken.
///
/// # Safety
/// `decoder` is open, `at` points at `n` bytes.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn push(decoder: *mut Decoder, at: *const u8, n: usize) -> i32 {
    // SAFETY: as the caller promises.
    let (decoder, bytes) = unsafe { (&mut *decoder, std::slice::from_raw_parts(at, n)) };
    value(decoder.push(bytes).map(|used| used as i32))
}

/// Number of whole layers so far.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn layers(decoder: *const Decoder) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.layers() as i32
}

/// Makes the picture of the bytes so far.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn show(decoder: *mut Decoder) -> i32 {
    // SAFETY: as the caller promises.
    value(unsafe { &mut *decoder }.show().map(|()| 0))
}

/// Width of the picture that `show` made, in pixels.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn width(decoder: *const Decoder) -> u32 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.picture().width
}

/// Height of the picture that `show` made, in pixels.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn height(decoder: *const Decoder) -> u32 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.picture().height
}

/// The picture that `show` made: 4 bytes a pixel.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn pixels(decoder: *const Decoder) -> *const u8 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.picture().rgba.as_ptr()
}

/// Facts of the picture that `show` made, as [`STREAM_FACTS`](decoder::STREAM_FACTS) lists them.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn facts(decoder: *const Decoder) -> *const u32 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.facts().as_ptr()
}

/// The ICC profile of the picture that `show` made.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn icc(decoder: *const Decoder) -> *const u8 {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.icc().as_ptr()
}

/// Bytes of the ICC profile; 0 if there is none.
///
/// # Safety
/// `decoder` is open.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn icc_size(decoder: *const Decoder) -> usize {
    // SAFETY: as the caller promises.
    unsafe { &*decoder }.icc().len()
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

/// Why the last call failed.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn message() -> *const u8 {
    MESSAGE.with_borrow(|m| m.as_ptr().cast())
}

/// The file of a picture of RGBA, at `bpp` bits per pixel or exact if that is 0; null if that
/// fails.
///
/// # Safety
/// `prior` is a prior, `at` points at `n` bytes, which are not needed after the call.
#[cfg(feature = "encode")]
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn encode(
    prior: *const Prior,
    at: *const u8,
    n: usize,
    width: u32,
    height: u32,
    bpp: f64,
    effort: u32,
) -> *mut Vec<u8> {
    // SAFETY: as the caller promises.
    let (prior, rgba) = unsafe { (&*prior, std::slice::from_raw_parts(at, n)) };
    let effort = u8::try_from(effort).unwrap_or(u8::MAX);
    boxed(encoder::encode(prior, rgba, (width, height), bpp, effort))
}

/// Bytes of a file that `encode` made.
///
/// # Safety
/// `file` is a file.
#[cfg(feature = "encode")]
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn file_bytes(file: *const Vec<u8>) -> *const u8 {
    // SAFETY: as the caller promises.
    unsafe { &*file }.as_ptr()
}

/// Size of a file that `encode` made, in bytes.
///
/// # Safety
/// `file` is a file.
#[cfg(feature = "encode")]
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn file_size(file: *const Vec<u8>) -> usize {
    // SAFETY: as the caller promises.
    unsafe { &*file }.len()
}

/// Takes back a file that `encode` made.
///
/// # Safety
/// `file` is a file, and not used after.
#[cfg(feature = "encode")]
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn drop_file(file: *mut Vec<u8>) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(file) });
}

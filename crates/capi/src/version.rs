//! The version of the library and of its ABI.

use std::ffi::{CStr, c_char};

/// Version of the ABI that this header describes. Programs that were compiled with it work with
/// every library of the same number, which is also that of the shared library's name on Unix:
/// libdcodec.so.1. Functions may be added under one number; nothing else may change.
pub const DCODEC_ABI_VERSION: u32 = 1;

/// Version of the library, as a text that ends in a zero byte.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no zero byte"),
    };

/// Version of the ABI of the library that runs. It equals DCODEC_ABI_VERSION where the library
/// fits the header.
#[unsafe(no_mangle)]
pub extern "C" fn dcodec_abi_version() -> u32 {
    DCODEC_ABI_VERSION
}

/// Version of the library that runs, for instance "0.1.0". The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn dcodec_version() -> *const c_char {
    VERSION.as_ptr()
}

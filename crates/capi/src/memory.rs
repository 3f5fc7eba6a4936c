//! Bytes that the library allocates and the caller frees.

use dcodec::{Error, Result};

use crate::guard::{guarded, put};

/// Hands bytes over.
///
/// # Errors
/// [`Error::Parameter`] if a place is null.
///
/// # Safety
/// `data` and `size` are null or have room for a pointer and a size.
pub unsafe fn give(bytes: Vec<u8>, data: *mut *mut u8, size: *mut usize) -> Result<()> {
    if data.is_null() || size.is_null() {
        let e = "the place of the data or of its size is null";
        return Err(Error::Parameter(e.into()));
    }
    let bytes = bytes.into_boxed_slice();
    // SAFETY: as the caller promises.
    unsafe {
        put(size, bytes.len(), "size")?;
        put(data, Box::into_raw(bytes).cast(), "data")
    }
}

/// Sets the places of bytes to none, so that a caller that ignores an error frees nothing.
///
/// # Safety
/// `data` and `size` are null or have room for a pointer and a size.
pub unsafe fn clear(data: *mut *mut u8, size: *mut usize) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        put(data, std::ptr::null_mut(), "the place of the data")?;
        put(size, 0, "the place of the size")
    }
}

/// Frees bytes that a function of this library gave, of the size that it gave. Null is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_bytes_free(data: *mut u8, size: usize) {
    if data.is_null() {
        return;
    }
    guarded(|| {
        let bytes = std::ptr::slice_from_raw_parts_mut(data, size);
        // SAFETY: the caller promises that `give` made them and that they were not freed since.
        drop(unsafe { Box::from_raw(bytes) });
        Ok(())
    });
}

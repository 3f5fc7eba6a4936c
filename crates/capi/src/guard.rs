//! The border to C: pointers in, statuses out, no panic through.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dcodec::{Error, Result};

use crate::status::{Status, failed, keep};

/// Does the work of a call.
pub fn guarded(work: impl FnOnce() -> Result<()>) -> Status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(e)) => failed(&e),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("no reason given");
            keep(&format!("a fault of dcodec: {text}"));
            // The drop of what a panic carries may panic too.
            std::mem::forget(panic);
            Status::Internal
        }
    }
}

/// Frees a handle that `Box::into_raw` made; null is ignored.
///
/// # Safety
/// `handle` is null, or came from `Box::into_raw` and was not freed since.
pub unsafe fn release<T>(handle: *mut T) {
    if !handle.is_null() {
        guarded(|| {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(handle) });
            Ok(())
        });
    }
}

fn null(name: &str) -> Error {
    Error::Parameter(format!("{name} is null"))
}

/// The value behind a pointer.
///
/// # Errors
/// [`Error::Parameter`] for null.
///
/// # Safety
/// `at` is null or points at a value that nobody changes during `'a`.
pub unsafe fn given<'a, T>(at: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: as the caller promises.
    unsafe { at.as_ref() }.ok_or_else(|| null(name))
}

/// The value behind a pointer, to change.
///
/// # Errors
/// [`Error::Parameter`] for null.
///
/// # Safety
/// `at` is null or points at a value that nobody else uses during `'a`.
pub unsafe fn given_mut<'a, T>(at: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: as the caller promises.
    unsafe { at.as_mut() }.ok_or_else(|| null(name))
}

/// The bytes at a pointer, which may be null if there are none.
///
/// # Errors
/// [`Error::Parameter`] for null, or more bytes than memory can hold.
///
/// # Safety
/// `at` is null or points at `size` bytes that nobody changes during `'a`.
pub unsafe fn bytes<'a>(at: *const u8, size: usize, name: &str) -> Result<&'a [u8]> {
    match size {
        0 => Ok(&[]),
        _ if at.is_null() => Err(null(name)),
        _ if size > isize::MAX as usize => {
            let e = format!("{name} of {size} bytes is more than memory holds");
            Err(Error::Parameter(e))
        }
        // SAFETY: as the caller promises.
        _ => Ok(unsafe { std::slice::from_raw_parts(at, size) }),
    }
}

/// Writes a result to where the caller wants it.
///
/// # Errors
/// [`Error::Parameter`] for null.
///
/// # Safety
/// `at` is null or has room for a `T`.
pub unsafe fn put<T>(at: *mut T, value: T, name: &str) -> Result<()> {
    if at.is_null() {
        return Err(null(name));
    }
    // SAFETY: as the caller promises. Nothing is read or dropped there.
    unsafe { at.write(value) };
    Ok(())
}

/// Hands a new handle over.
///
/// # Errors
/// [`Error::Parameter`] for null.
///
/// # Safety
/// `at` is null or has room for a pointer.
pub unsafe fn hand_over<T>(at: *mut *mut T, handle: impl FnOnce() -> Result<T>) -> Result<()> {
    // SAFETY: as the caller promises. A caller that ignores the status finds null.
    unsafe { put(at, std::ptr::null_mut(), "the place of the handle") }?;
    let handle = Box::into_raw(Box::new(handle()?));
    // SAFETY: as above.
    unsafe { put(at, handle, "the place of the handle") }
}

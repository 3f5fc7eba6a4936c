//! Errors as codes with texts.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use dcodec::Error;

/// Result of every call that can fail. dcodec_message tells the reason.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// The caller asked for something impossible: a null pointer, a number out of its range, or a
    /// picture of another size.
    Parameter = 1,
    /// The bytes are no file of dcodec, or are damaged, or end inside the header.
    Format = 2,
    /// A valid file that this build cannot decode, for instance for it lacks the prior.
    Unsupported = 3,
    /// A valid file that needs another prior than the one that was set.
    WrongPrior = 4,
    /// The picture is over a limit, which the caller may raise.
    Limits = 5,
    /// The network failed, or its weights cannot be read.
    Backend = 6,
    /// The progress callback asked to stop.
    Cancelled = 7,
    /// The system failed to read or write.
    Io = 8,
    /// A fault of the library. The handle of the call can only be freed.
    Internal = 9,
}

impl Status {
    /// The code of an error.
    fn of(e: &Error) -> Self {
        match e {
            Error::Parameter(_) => Status::Parameter,
            Error::Format(_) => Status::Format,
            Error::Unsupported(_) => Status::Unsupported,
            Error::WrongPrior { .. } => Status::WrongPrior,
            Error::Limits(_) => Status::Limits,
            Error::Cancelled => Status::Cancelled,
            Error::Io { .. } => Status::Io,
            _ => Status::Backend,
        }
    }
}

thread_local! {
    /// Reason of the thread's last failure.
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// Keeps the reason of a failure for [`dcodec_message`], and returns its code.
pub fn failed(e: &Error) -> Status {
    keep(&e.to_string());
    Status::of(e)
}

/// Keeps a text for [`dcodec_message`].
pub fn keep(text: &str) {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // Unreachable only while the thread ends.
    let _ = MESSAGE.try_with(|message| message.replace(text));
}

/// Reason of the last failure in the calling thread: UTF-8 in English, without a full stop. It is
/// empty if nothing has failed, and valid up to the thread's next failure.
#[unsafe(no_mangle)]
pub extern "C" fn dcodec_message() -> *const c_char {
    let message = MESSAGE.try_with(|message| message.borrow().as_ptr());
    message.unwrap_or(c"".as_ptr())
}

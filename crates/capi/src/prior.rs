//! Priors.

use std::ffi::{CStr, c_char};

use dcodec::prior::Shipped;
use dcodec::{Error, Result};

use crate::guard::{bytes, given, guarded, hand_over, release};
use crate::status::Status;

/// A network. Encoders and decoders that it was set to share it, and it may be freed before them.
pub struct Prior {
    pub prior: dcodec::Prior,
}

/// Makes the handle of a prior inside the library: "s", the default, "xs", a quarter of the work
/// and larger files, or "l", smaller files for twice the time. The network is loaded once, in its
/// first use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_prior_named(name: *const c_char, prior: *mut *mut Prior) -> Status {
    let made = || -> Result<Prior> {
        // SAFETY: the caller promises a text that ends in a zero byte, or null.
        let name = unsafe {
            given(name, "the name of the prior")?;
            CStr::from_ptr(name)
        };
        let name = name.to_string_lossy();
        let shipped = Shipped::named(&name).ok_or_else(|| {
            Error::Parameter(format!(
                "there are the priors s, xs and l, none named {name}"
            ))
        })?;
        Ok(Prior {
            prior: shipped.shared()?,
        })
    };
    // SAFETY: as the header states.
    guarded(|| unsafe { hand_over(prior, made) })
}

/// Makes a prior of the bytes of a weights file, which are not needed after the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_prior_from_bytes(
    data: *const u8,
    size: usize,
    prior: *mut *mut Prior,
) -> Status {
    let made = || {
        // SAFETY: as the header states.
        let weights = unsafe { bytes(data, size, "the weights") }?;
        Ok(Prior {
            prior: dcodec::Prior::from_bytes(weights)?,
        })
    };
    // SAFETY: as the header states.
    guarded(|| unsafe { hand_over(prior, made) })
}

/// Frees a prior. Null is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_prior_free(prior: *mut Prior) {
    // SAFETY: as the header states.
    unsafe { release(prior) };
}

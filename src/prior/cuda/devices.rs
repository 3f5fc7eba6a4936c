//! NVIDIA's GPUs of this machine.

use cudarc::driver::sys::CUresult::CUDA_ERROR_NO_DEVICE;
use cudarc::driver::{CudaContext, DriverError, sys};

use crate::error::{Error, Result};

/// Names of the GPUs in the order of their numbers; empty if there is none. The driver's library is
/// looked for now, so that programs start where it is missing.
///
/// # Errors
/// [`Error::Backend`] if the driver fails.
pub(in crate::prior) fn names() -> Result<Vec<String>> {
    // SAFETY: the library that is loaded is the driver's.
    if !unsafe { sys::is_culib_present() } {
        return Ok(Vec::new());
    }
    let names = || -> Result<Vec<String>, DriverError> {
        let count = CudaContext::device_count()?;
        let name = |n| CudaContext::new(n as usize)?.name();
        (0..count.max(0)).map(name).collect()
    };
    match names() {
        Err(DriverError(CUDA_ERROR_NO_DEVICE)) => Ok(Vec::new()),
        names => names.map_err(|e| Error::Backend(format!("no CUDA device answers: {e}"))),
    }
}

//! NVIDIA's GPUs of this machine.

use candle_core::cuda::cudarc::driver::sys::CUresult::CUDA_ERROR_NO_DEVICE;
use candle_core::cuda::cudarc::driver::{CudaContext, DriverError};

use crate::error::{Error, Result};

/// Names of the GPUs in the order of their numbers; empty if there is none.
///
/// # Errors
/// [`Error::Backend`] if the driver fails.
pub(in crate::prior) fn names() -> Result<Vec<String>> {
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

/// Bytes of the memory of a GPU that nobody uses; none if the driver does not say.
pub(in crate::prior) fn free_memory(gpu: usize) -> Option<u64> {
    let context = CudaContext::new(gpu).ok()?;
    Some(context.mem_get_info().ok()?.0 as u64)
}

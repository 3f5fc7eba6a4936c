//! Memory of the device between two calls. Memory that the driver gives back has to be mapped
//! again, which takes longer than a layer.

use cudarc::driver::CudaContext;
use cudarc::driver::sys::{
    CUmemPool_attribute, CUmemoryPool, CUresult, cuDeviceGetDefaultMemPool, cuMemPoolSetAttribute,
    cuMemPoolTrimTo,
};

use crate::error::Result;

/// Lets the process keep freed memory until [`trim`] is called.
pub fn keep(context: &CudaContext) -> Result<()> {
    let mut all = u64::MAX;
    let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    with(context, |pool| {
        // SAFETY: the attribute is a number of 64 bits.
        unsafe { cuMemPoolSetAttribute(pool, threshold, (&raw mut all).cast()) }
    })
}

/// Gives freed memory back to the system.
pub fn trim(context: &CudaContext) -> Result<()> {
    // SAFETY: memory in use stays.
    with(context, |pool| unsafe { cuMemPoolTrimTo(pool, 0) })
}

fn with(context: &CudaContext, f: impl FnOnce(CUmemoryPool) -> CUresult) -> Result<()> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    context.bind_to_thread()?;
    let mut pool: CUmemoryPool = std::ptr::null_mut();
    // SAFETY: the pool belongs to the device and is not freed.
    unsafe { cuDeviceGetDefaultMemPool(&mut pool, context.cu_device()) }.result()?;
    Ok(f(pool).result()?)
}

//! Networks whose calls are queued in a stream of the device.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream};

use crate::error::Result;

/// A network that works in the memory of its device.
pub(super) trait QueuedNetwork: Send + Sync + 'static {
    /// Stream in which its work is queued.
    fn stream(&self) -> Arc<CudaStream>;

    /// Bytes of device memory that a call on planes of `width` x `height` takes.
    fn device_memory(&self, width: usize, height: usize) -> u64;

    /// Queues the prediction of x0_hat from `x` into `out`. Both begin with three planes of `width`
    /// x `height`, and may be longer.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the network does not take such planes;
    /// [`Error::Backend`](crate::Error::Backend) if the driver fails.
    fn queue_x0_hat(
        &self,
        x: &CudaSlice<f32>,
        width: usize,
        height: usize,
        sigma: f64,
        out: &mut CudaSlice<f32>,
    ) -> Result<()>;
}

//! Reports of long work to a function of the caller's.

use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;

/// Progress of an encode or a decode.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Bytes written or read.
    pub bytes: u64,
    /// Estimated share of the work that is done, 0 to 1.
    pub done: f64,
    /// Noise level in 8-bit levels, 0 before the first layer.
    pub sigma: f64,
    /// Layers that are done.
    pub layers: u32,
}

/// A function that hears of the progress in the thread of the call, after each layer. Where it
/// returns anything but 0, the work stops and the call returns DCODEC_STATUS_CANCELLED. It must
/// return: no longjmp, no exception of C++.
pub type ProgressFunction =
    Option<unsafe extern "C" fn(progress: *const Progress, user: *mut c_void) -> c_int>;

/// The caller's function with the pointer that it is given.
#[derive(Clone, Copy)]
pub struct Listener {
    pub function: ProgressFunction,
    pub user: *mut c_void,
}

impl Default for Listener {
    /// Nobody.
    fn default() -> Self {
        Listener {
            function: None,
            user: std::ptr::null_mut(),
        }
    }
}

impl Listener {
    /// Tells the caller, and returns the answer.
    pub fn tell(&self, progress: dcodec::Progress) -> ControlFlow<()> {
        let Some(function) = self.function else {
            return ControlFlow::Continue(());
        };
        let progress = Progress {
            bytes: progress.bytes,
            done: progress.done,
            sigma: progress.sigma.unwrap_or(0.0),
            layers: progress.layers,
        };
        // SAFETY: the caller promised a function of this type.
        match unsafe { function(&progress, self.user) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

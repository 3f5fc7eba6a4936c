//! Reports of long work, and the way to stop it.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// Progress of an encode or a decode.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Layers that are done.
    pub layers: u32,
    /// Bytes written or read.
    pub bytes: u64,
    /// Present noise level in 8-bit levels. None before the first layer.
    pub sigma: Option<f64>,
    /// Estimated share of the work that is done, 0..=1.
    pub done: f64,
}

/// A callback that hears of the progress, after each layer and each call of the network after the
/// last one. Where it returns [`ControlFlow::Break`], the work ends with [`Error::Cancelled`].
pub type Report<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// Turns the answer of a callback into a result.
///
/// # Errors
/// [`Error::Cancelled`] for [`ControlFlow::Break`].
pub fn checked(answer: ControlFlow<()>) -> Result<()> {
    match answer {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}

/// A callback that ignores the progress and never stops the work.
pub fn unheard(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

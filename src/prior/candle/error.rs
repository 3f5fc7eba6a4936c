//! Failures of candle as errors of this crate.

use crate::error::Error;

impl From<candle_core::Error> for Error {
    fn from(e: candle_core::Error) -> Self {
        Error::Backend(e.to_string())
    }
}

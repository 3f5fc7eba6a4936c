//! Failures of the driver as errors of this crate.

use cudarc::driver::DriverError;

use crate::error::Error;

impl From<DriverError> for Error {
    fn from(e: DriverError) -> Self {
        Error::Backend(e.to_string())
    }
}

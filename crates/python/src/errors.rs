//! Errors of the library as Python's exceptions.

use std::error::Error as _;

use dcodec::Error;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The exception for an error of the library. An exception of a Python denoiser comes back as it
/// was.
pub fn raised(py: Python<'_>, e: Error) -> PyErr {
    let text = e.to_string();
    match e {
        Error::Parameter(text) => PyValueError::new_err(text),
        Error::Io { path, source } => match source.raw_os_error() {
            // OSError picks its own subclass by the number.
            Some(number) => {
                let reason = std::io::Error::from_raw_os_error(number).to_string();
                PyOSError::new_err((number, reason, path.to_string_lossy().into_owned()))
            }
            None => PyOSError::new_err(text),
        },
        Error::Format(e) => {
            let (offset, part, clause) = (e.offset, e.part.clone(), e.clause);
            named(py, "FormatError", (text, offset, part, clause))
        }
        Error::Unsupported(_) => named(py, "UnsupportedError", (text,)),
        Error::WrongPrior { .. } => named(py, "WrongPriorError", (text,)),
        Error::Limits(_) => named(py, "LimitError", (text,)),
        Error::Denoiser(source) => match source.downcast::<PyErr>() {
            Ok(own) => *own,
            Err(_) => named(py, "BackendError", (text,)),
        },
        Error::Cancelled => PyRuntimeError::new_err("the work was stopped"),
        e => {
            let causes = e.source().map(|cause| format!(": {cause}"));
            named(py, "BackendError", (text + &causes.unwrap_or_default(),))
        }
    }
}

/// An exception of `dcodec._errors`.
fn named<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
) -> PyErr {
    let make = || {
        let class = py.import("dcodec._errors")?.getattr(name)?;
        class.call1(arguments.into_pyobject(py)?)
    };
    make().map_or_else(|e| e, PyErr::from_value)
}

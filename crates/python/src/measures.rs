//! Measures of pictures and of codecs, and pictures for notebooks.

use dcodec::{Metadata, Picture, Result, metrics};
use dcodec_eval::rd;
use dcodec_eval::save::{Format, encode_picture};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays;
use crate::job;

/// A measure of two arrays, without Python's lock.
fn measured<T: Send + 'static>(
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    measure: impl FnOnce(&Picture, &Picture) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (py, a, b) = (a.py(), arrays::picture(a)?, arrays::picture(b)?);
    job::run(py, None, move |_| measure(&a, &b))
}

/// PSNR in dB.
///
/// # Errors
/// ValueError for pictures of different forms.
#[pyfunction]
pub fn psnr(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<f64> {
    measured(a, b, metrics::psnr)
}

/// MS-SSIM; None for pictures that are too small.
///
/// # Errors
/// ValueError for pictures of different forms.
#[pyfunction]
pub fn ms_ssim(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    measured(a, b, metrics::ms_ssim)
}

/// SSIMULACRA2; None for pictures of different sizes, or that are too small.
///
/// # Errors
/// Those of arrays.
#[pyfunction]
pub fn ssimulacra2(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    measured(a, b, rd::ssimulacra2)
}

/// Average rate difference in per cent of the curve `test` to the curve `anchor`, both of (rate,
/// quality). None if they share no quality.
#[pyfunction]
pub fn bd_rate(anchor: Vec<(f64, f64)>, test: Vec<(f64, f64)>) -> Option<f64> {
    rd::bd_rate(&test, &anchor, f64::NEG_INFINITY).map(|rate| rate.percent)
}

/// A PNG file of an array.
///
/// # Errors
/// Those of arrays.
#[pyfunction]
pub fn png<'py>(array: &Bound<'py, PyAny>, icc: Option<Vec<u8>>) -> PyResult<Bound<'py, PyBytes>> {
    let metadata = Metadata {
        icc,
        ..Metadata::default()
    };
    let encoded = encode_picture(&arrays::picture(array)?, &metadata, Format::Png);
    let (bytes, _) = encoded.map_err(|e| PyValueError::new_err(e.to_string()))?;
    Ok(PyBytes::new(array.py(), &bytes))
}

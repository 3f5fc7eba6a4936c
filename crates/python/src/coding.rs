//! Files of arrays, arrays of files, and what can be known without a network.

use std::ffi::OsString;

use dcodec::schedule::Sigma;
use dcodec::{Decoded, Exact, LayerReport};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::arrays;
use crate::errors::raised;
use crate::extent::Extent;
use crate::job;
use crate::options::{DecodeOptions, EncodeOptions};

/// Encodes an array. The result has the file and the measures of its layers.
///
/// # Errors
/// Those of arrays, of the library and of the callback.
#[pyfunction]
pub fn encode<'py>(
    array: &Bound<'py, PyAny>,
    options: EncodeOptions,
) -> PyResult<Bound<'py, PyDict>> {
    let py = array.py();
    let picture = arrays::picture(array)?;
    let encoder = options.encoder(py, &picture)?;
    let encoder = encoder.map_err(|e| raised(py, e))?;
    let encoded = job::run(py, options.progress, move |report| {
        encoder.encode_with(&picture, report)
    })?;
    let result = PyDict::new(py);
    result.set_item("data", PyBytes::new(py, &encoded.bytes))?;
    let layers = encoded.layers.iter().map(|layer| measures(py, layer));
    result.set_item("layers", layers.collect::<PyResult<Vec<_>>>()?)?;
    result.set_item("exact_bytes", encoded.exact_bytes)?;
    result.set_item("target_met", encoded.target_met)?;
    Ok(result)
}

/// The measures of a layer.
fn measures<'py>(py: Python<'py>, report: &LayerReport) -> PyResult<Bound<'py, PyDict>> {
    let layer = PyDict::new(py);
    layer.set_item("sigma", Sigma::from(report.layer.sigma).levels())?;
    layer.set_item("stages", report.layer.stages)?;
    layer.set_item("kl_bits", report.kl_bits)?;
    layer.set_item("bits", report.bits)?;
    layer.set_item("delivered", report.delivered)?;
    layer.set_item("psnr_before", report.psnr_before)?;
    layer.set_item("end", report.end)?;
    Ok(layer)
}

/// Decodes a file, or the part of it that `extent` asks for.
///
/// # Errors
/// Those of the library and of the callback; TypeError if `data` is not bytes-like.
#[pyfunction]
pub fn decode<'py>(
    data: &Bound<'py, PyAny>,
    extent: Extent,
    mut options: DecodeOptions,
) -> PyResult<Bound<'py, PyDict>> {
    let py = data.py();
    let data = arrays::bytes(data)?;
    let progress = options.progress.take();
    let decoded = job::run(py, progress, move |report| {
        let end = extent.bytes(&data)?;
        let decoder = options.decoder_of(&data)?;
        let decoder = decoder.max_layers(extent.layers.unwrap_or(u32::MAX));
        decoder.decode_with(&data[..end], report)
    })?;
    step(py, &decoded)
}

/// A decoded picture with its coverage and metadata.
///
/// # Errors
/// MemoryError.
pub fn step<'py>(py: Python<'py>, decoded: &Decoded) -> PyResult<Bound<'py, PyDict>> {
    let coverage = &decoded.coverage;
    let result = PyDict::new(py);
    result.set_item("raw", arrays::raw(py, &decoded.picture)?)?;
    result.set_item("bytes", coverage.bytes)?;
    result.set_item("layers", coverage.layers)?;
    result.set_item("partial", coverage.partial)?;
    result.set_item("sigma", coverage.sigma)?;
    result.set_item("complete", coverage.complete)?;
    let exact = match coverage.exact {
        Exact::All => "all".into_bound_py_any(py)?,
        Exact::Rows(n) => n.into_bound_py_any(py)?,
        Exact::Unusable => "unusable".into_bound_py_any(py)?,
        _ => py.None().into_bound(py),
    };
    result.set_item("exact", exact)?;
    let metadata = &decoded.metadata;
    let bytes = |kind: &Option<Vec<u8>>| kind.as_ref().map(|kind| PyBytes::new(py, kind));
    result.set_item("icc", bytes(&metadata.icc))?;
    result.set_item("exif", bytes(&metadata.exif))?;
    result.set_item("xmp", bytes(&metadata.xmp))?;
    Ok(result)
}

/// The first bytes of a file.
///
/// # Errors
/// ValueError for an end inside the header, and those of the format.
#[pyfunction]
pub fn cut<'py>(data: &Bound<'py, PyAny>, extent: Extent) -> PyResult<Bound<'py, PyBytes>> {
    let py = data.py();
    let data = arrays::bytes(data)?;
    let cut = extent.cut(&data).map_err(|e| raised(py, e))?;
    Ok(PyBytes::new(py, cut))
}

/// The contents of a file as JSON, in the words of `dcodec info --json`.
///
/// # Errors
/// Those of the format.
#[pyfunction]
pub fn info(data: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = data.py();
    let contents = dcodec_cli::contents_as_json(&arrays::bytes(data)?);
    Ok(contents.map_err(|e| raised(py, e))?.to_string())
}

/// Runs the command of these arguments, the first of which is the program's name, and returns its
/// exit code. It may end the process itself.
#[pyfunction]
pub fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| dcodec_cli::command(arguments))
}

/// Sets the number of threads of the process, before its first encode or decode.
///
/// # Errors
/// RuntimeError if they run already.
#[pyfunction]
pub fn set_threads(threads: usize) -> PyResult<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(|_| {
        let e = "the threads of this process run already: set their number before the first encode or decode";
        PyRuntimeError::new_err(e)
    })
}

//! From objects of Python's buffer protocol to pictures, and back.

use dcodec::{BitDepth, Colour, Picture, Samples};
use pyo3::buffer::{Element, PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};

use crate::errors::raised;

/// Samples, shape and type of an array, of which the other half makes one.
pub type Raw<'py> = (Bound<'py, PyByteArray>, Vec<usize>, &'static str);

/// A picture of an array of 8 or 16 bits, of any strides: (H, W), (H, W, 2), (H, W, 3) or
/// (H, W, 4).
///
/// # Errors
/// TypeError for other types, ValueError for other shapes.
pub fn picture(array: &Bound<'_, PyAny>) -> PyResult<Picture> {
    let buffer = PyUntypedBuffer::get(array)
        .map_err(|e| PyTypeError::new_err(format!("expected an array of uint8 or uint16: {e}")))?;
    let format = buffer.format().to_string_lossy();
    if !is_foreign(&format) {
        if let Ok(buffer) = buffer.as_typed::<u8>() {
            return picture_of(array.py(), buffer);
        }
        if let Ok(buffer) = buffer.as_typed::<u16>() {
            return picture_of(array.py(), buffer);
        }
    }
    Err(PyTypeError::new_err(format!(
        "expected an array of uint8 or uint16 in the machine's byte order, not one of the format {format:?}"
    )))
}

/// True for a format in the byte order of other machines, which `as_typed` takes for this one's.
fn is_foreign(format: &str) -> bool {
    match cfg!(target_endian = "big") {
        true => format.starts_with('<'),
        false => format.starts_with(['>', '!']),
    }
}

fn picture_of<T: Element>(py: Python<'_>, buffer: &PyBuffer<T>) -> PyResult<Picture>
where
    Samples: From<Vec<T>>,
{
    let (height, width, channels) = match *buffer.shape() {
        [height, width] => (height, width, 1),
        [height, width, channels @ 2..=4] => (height, width, channels),
        ref other => {
            return Err(PyValueError::new_err(format!(
                "expected an array of the shape (H, W), (H, W, 3), or (H, W, 2) or (H, W, 4) with alpha, not {}",
                shape_text(other)
            )));
        }
    };
    let samples = buffer.to_vec(py)?;
    let (samples, alpha) = match channels {
        1 | 3 => (samples, None),
        _ => {
            let (samples, alpha) = split_last(&samples, channels);
            (samples, Some(alpha.into()))
        }
    };
    let colour = if channels < 3 {
        Colour::Grey
    } else {
        Colour::Rgb
    };
    let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Picture::from_samples(side(width), side(height), colour, samples.into(), alpha)
        .map_err(|e| raised(py, e))
}

/// A shape as Python writes it.
fn shape_text(shape: &[usize]) -> String {
    match shape {
        [n] => format!("({n},)"),
        shape => format!(
            "({})",
            shape
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// All samples of each pixel but the last, and the last.
fn split_last<T: Copy>(all: &[T], channels: usize) -> (Vec<T>, Vec<T>) {
    let pixels = all.chunks_exact(channels);
    let first = pixels.clone().flat_map(|pixel| &pixel[..channels - 1]);
    (
        first.copied().collect(),
        pixels.map(|pixel| pixel[channels - 1]).collect(),
    )
}

/// The array of a picture.
///
/// # Errors
/// MemoryError.
pub fn raw<'py>(py: Python<'py>, picture: &Picture) -> PyResult<Raw<'py>> {
    let colours = picture.colour().channels();
    let channels = colours + usize::from(picture.alpha().is_some());
    let mut shape = vec![picture.height() as usize, picture.width() as usize];
    if channels > 1 {
        shape.push(channels);
    }
    let (name, size) = match picture.depth() {
        BitDepth::Eight => ("uint8", 1),
        BitDepth::Sixteen => ("uint16", 2),
    };
    let bytes = shape.iter().product::<usize>() * size;
    let array = PyByteArray::new_with(py, bytes, |to| {
        lay(to, channels, 0, colours, picture.samples());
        if let Some(alpha) = picture.alpha() {
            lay(to, channels, colours, 1, alpha);
        }
        Ok(())
    })?;
    Ok((array, shape, name))
}

/// Writes `count` samples to each pixel of `channels`, from the channel `first` on.
fn lay(to: &mut [u8], channels: usize, first: usize, count: usize, samples: &Samples) {
    match (samples.as_eight(), samples.as_sixteen()) {
        (Some(eight), _) => {
            let pixels = to.chunks_exact_mut(channels).zip(eight.chunks_exact(count));
            pixels.for_each(|(to, from)| to[first..first + count].copy_from_slice(from));
        }
        (_, Some(sixteen)) => {
            let pixels = to
                .chunks_exact_mut(2 * channels)
                .zip(sixteen.chunks_exact(count));
            for (to, from) in pixels {
                let to = to[2 * first..].chunks_exact_mut(2).zip(from);
                to.for_each(|(to, v)| to.copy_from_slice(&v.to_ne_bytes()));
            }
        }
        (None, None) => {}
    }
}

/// Floats as the bytes of an array.
///
/// # Errors
/// MemoryError.
pub fn floats<'py>(py: Python<'py>, values: &[f32]) -> PyResult<Bound<'py, PyByteArray>> {
    PyByteArray::new_with(py, 4 * values.len(), |to| {
        let pairs = to.chunks_exact_mut(4).zip(values);
        pairs.for_each(|(to, v)| to.copy_from_slice(&v.to_ne_bytes()));
        Ok(())
    })
}

/// The bytes of a bytes-like object.
///
/// # Errors
/// TypeError for other objects.
pub fn bytes(data: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let wrong = || {
        let name = data.get_type().name().map(|name| name.to_string());
        let name = name.unwrap_or_default();
        PyTypeError::new_err(format!("expected a bytes-like object, not {name}"))
    };
    let buffer = PyBuffer::<u8>::get(data).map_err(|_| wrong())?;
    buffer.to_vec(data.py())
}

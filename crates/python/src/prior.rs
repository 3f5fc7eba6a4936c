//! Priors.

use std::path::PathBuf;

use dcodec::Planes;
use dcodec::container::PriorId;
use dcodec::prior::Shipped;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use sha2::{Digest, Sha256};

use crate::arrays;
use crate::denoiser::Callable;
use crate::errors::raised;
use crate::job;

/// A denoiser with its identity, which files of the prior name. Decoders need the same one.
///
/// Priors are made by `Prior.s()`, `Prior.xs()`, `Prior.l()`, `Prior.from_file(path)`,
/// `Prior.from_bytes(data)` and `Prior.from_callable(f, id)`. Load one once and use it for many
/// pictures. A prior can be pickled; other processes then make it anew.
#[pyclass(frozen, module = "dcodec")]
pub struct Prior {
    prior: dcodec::Prior,
    /// Name of the static method that made it, and its arguments.
    maker: &'static str,
    arguments: Py<PyTuple>,
    keywords: Option<Py<PyDict>>,
}

impl Prior {
    /// The prior itself. Copies share the network.
    pub fn own(&self) -> dcodec::Prior {
        self.prior.clone()
    }

    /// A prior that is inside the package.
    fn inside(py: Python<'_>, shipped: Shipped) -> PyResult<Self> {
        Ok(Prior {
            prior: shipped.shared().map_err(|e| raised(py, e))?,
            maker: shipped.name(),
            arguments: PyTuple::empty(py).unbind(),
            keywords: None,
        })
    }

    /// A prior that `make` makes without Python's lock.
    fn made<'py>(
        argument: Bound<'py, PyAny>,
        maker: &'static str,
        make: impl FnOnce() -> dcodec::Result<dcodec::Prior> + Send + 'static,
    ) -> PyResult<Self> {
        let py = argument.py();
        Ok(Prior {
            prior: job::run(py, None, move |_| make())?,
            maker,
            arguments: PyTuple::new(py, [argument])?.unbind(),
            keywords: None,
        })
    }
}

#[pymethods]
impl Prior {
    /// The default prior, 2.3 million parameters.
    #[staticmethod]
    fn s(py: Python<'_>) -> PyResult<Self> {
        Self::inside(py, Shipped::S)
    }

    /// A prior of a quarter of the work: larger files, made and shown faster. That of effort 1.
    #[staticmethod]
    fn xs(py: Python<'_>) -> PyResult<Self> {
        Self::inside(py, Shipped::Xs)
    }

    /// A larger prior: smaller files, for about twice the time here and in every decoder.
    #[staticmethod]
    fn l(py: Python<'_>) -> PyResult<Self> {
        Self::inside(py, Shipped::L)
    }

    /// The prior of a weights file (safetensors with the configuration in its metadata).
    ///
    /// Raises OSError if the file cannot be read, and dcodec.BackendError if it holds no weights of
    /// a known network.
    #[staticmethod]
    fn from_file(path: Bound<'_, PyAny>) -> PyResult<Self> {
        let from: PathBuf = path.extract()?;
        Self::made(path, "from_file", move || dcodec::Prior::from_file(from))
    }

    /// The prior of the bytes of a weights file.
    ///
    /// Raises dcodec.BackendError if they hold no weights of a known network.
    #[staticmethod]
    fn from_bytes(data: Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = arrays::bytes(&data)?;
        Self::made(data, "from_bytes", move || {
            dcodec::Prior::from_bytes(&bytes)
        })
    }

    /// A prior of your own: any function `f(x_t, sigma) -> x0_hat`.
    ///
    /// `x_t` is an array (3, H, W) of float32: red, green and blue in 8-bit levels minus 127.5,
    /// with normal noise of the standard deviation `sigma`, a float in 8-bit levels. The function
    /// returns E[x_0 | x_t], an array of the same shape, and may overwrite x_t. It is called from a
    /// thread of dcodec's, once for each layer of a file and for each tile of a large picture.
    ///
    /// `id` names the network in the files: a str, whose hash it is, or four bytes. The decoder
    /// needs the same function, up to rounding, under the same id.
    ///
    /// H and W are multiples of `multiple` and at most `tile` (by default 1024): smaller pictures
    /// are mirrored, larger ones cut into tiles that overlap. Above `highest_sigma` levels of noise
    /// pictures are averaged over boxes first. `any_orientation` says that mirrored and turned
    /// pictures are denoised as well; displays then average over four.
    ///
    /// Exceptions of the function come out of the encode or decode. ValueError, if x0_hat has
    /// another shape or values that are not finite. Such a prior can have no lossless files, for
    /// these rest on an arithmetic that is equal on every machine.
    #[staticmethod]
    #[pyo3(signature = (f, id, *, multiple=1, highest_sigma=256.0, tile=None, any_orientation=false))]
    fn from_callable(
        f: Bound<'_, PyAny>,
        id: Bound<'_, PyAny>,
        multiple: usize,
        highest_sigma: f64,
        tile: Option<usize>,
        any_orientation: bool,
    ) -> PyResult<Self> {
        let py = f.py();
        if !f.is_callable() {
            return Err(PyTypeError::new_err(
                "expected a function f(x_t, sigma) -> x0_hat",
            ));
        }
        check(multiple, highest_sigma, tile)?;
        let callable = Callable {
            function: f.clone().unbind(),
            multiple,
            highest_sigma,
            tile,
            any_orientation,
        };
        let keywords = PyDict::new(py);
        keywords.set_item("multiple", multiple)?;
        keywords.set_item("highest_sigma", highest_sigma)?;
        keywords.set_item("tile", tile)?;
        keywords.set_item("any_orientation", any_orientation)?;
        Ok(Prior {
            prior: dcodec::Prior::new(callable, identity(&id)?),
            maker: "from_callable",
            arguments: PyTuple::new(py, [f, id])?.unbind(),
            keywords: Some(keywords.unbind()),
        })
    }

    /// The identity that files name, eight hexadecimal digits.
    #[getter]
    fn id(&self) -> String {
        self.prior.id().to_string()
    }

    /// True if lossless files can be made: every machine gets the same numbers.
    #[getter]
    fn is_reference(&self) -> bool {
        self.prior.is_reference()
    }

    /// x0_hat = E[x_0 | x_t], an array (3, H, W) of float32 in 8-bit levels minus 127.5. `x_t` is
    /// such an array too, with normal noise of `sigma` levels; H and W are at least 16.
    ///
    /// Raises TypeError and ValueError for other arrays.
    fn x0_hat<'py>(&self, x_t: Bound<'py, PyAny>, sigma: f64) -> PyResult<Bound<'py, PyAny>> {
        let py = x_t.py();
        let helpers = py.import("dcodec._arrays")?;
        let buffer = PyBuffer::<f32>::get(&helpers.call_method1("planes", (x_t,))?)?;
        let [_, height, width] = *buffer.shape() else {
            return Err(PyValueError::new_err(
                "expected an array of the shape (3, H, W)",
            ));
        };
        let planes = Planes {
            width,
            height,
            data: buffer.to_vec(py)?,
        };
        let prior = self.own();
        let x0_hat = job::run(py, None, move |_| prior.x0_hat(&planes, sigma))?;
        let values = arrays::floats(py, &x0_hat.data)?;
        helpers.call_method1("floats", (values, width, height))
    }

    fn __repr__(&self) -> String {
        format!("<dcodec.Prior {} by {}>", self.id(), self.maker)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, own) = (slf.py(), slf.get());
        let remade = py.import("dcodec._arrays")?.getattr("prior_of")?;
        let keywords = own.keywords.as_ref().map(|k| k.bind(py).clone());
        let keywords = keywords.unwrap_or_else(|| PyDict::new(py));
        let arguments = (own.maker, own.arguments.bind(py), keywords).into_pyobject(py)?;
        (remade, arguments).into_pyobject(py)
    }
}

/// ValueError for numbers that no denoiser can have.
fn check(multiple: usize, highest_sigma: f64, tile: Option<usize>) -> PyResult<()> {
    if !(1..=1024).contains(&multiple) {
        let e = format!("multiple must be 1 to 1024, not {multiple}");
        return Err(PyValueError::new_err(e));
    }
    if !(highest_sigma.is_finite() && highest_sigma >= 16.0) {
        let e = format!("highest_sigma must be a number of levels from 16 up, not {highest_sigma}");
        return Err(PyValueError::new_err(e));
    }
    match tile {
        Some(side) if side < 16 || side % multiple != 0 => {
            let e = format!("tile must be a multiple of {multiple} from 16 up, not {side}");
            Err(PyValueError::new_err(e))
        }
        _ => Ok(()),
    }
}

/// The identity that a str or four bytes give.
fn identity(id: &Bound<'_, PyAny>) -> PyResult<PriorId> {
    if let Ok(text) = id.cast::<PyString>() {
        let hash = Sha256::digest(text.to_cow()?.as_bytes());
        return Ok(PriorId([hash[0], hash[1], hash[2], hash[3]]));
    }
    if let Ok(bytes) = id.cast::<PyBytes>() {
        return match bytes.as_bytes().first_chunk() {
            Some(first) if bytes.as_bytes().len() == 4 => Ok(PriorId(*first)),
            _ => Err(PyValueError::new_err(
                "an id of bytes must have four of them",
            )),
        };
    }
    Err(PyTypeError::new_err(
        "an id must be a str, or bytes of length 4",
    ))
}

//! A Python function as the network of a prior.

use dcodec::prior::Denoiser;
use dcodec::{Error, Planes, Result};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use crate::arrays;

/// A Python function of x_t, (3, H, W) 32-bit floats, and sigma, that returns x0_hat.
pub struct Callable {
    pub function: Py<PyAny>,
    pub multiple: usize,
    pub highest_sigma: f64,
    pub tile: Option<usize>,
    pub any_orientation: bool,
}

impl Callable {
    fn call(&self, py: Python<'_>, x_t: &Planes, sigma: f64) -> PyResult<Planes> {
        let values = arrays::floats(py, &x_t.data)?;
        let arguments = (&self.function, values, x_t.width, x_t.height, sigma);
        // It checks what comes back.
        let x0_hat = py
            .import("dcodec._arrays")?
            .call_method1("x0_hat", arguments)?;
        let data = PyBuffer::<f32>::get(&x0_hat)?.to_vec(py)?;
        Ok(Planes {
            width: x_t.width,
            height: x_t.height,
            data,
        })
    }
}

impl Denoiser for Callable {
    fn multiple(&self) -> usize {
        self.multiple
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        let x0_hat = Python::attach(|py| self.call(py, x_t, sigma));
        x0_hat.map_err(|e| Error::Denoiser(Box::new(e)))
    }

    fn tile_side(&self) -> Option<usize> {
        self.tile
    }

    fn any_orientation(&self) -> bool {
        self.any_orientation
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.highest_sigma
    }
}

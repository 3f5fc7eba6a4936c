//! Files as they come.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use dcodec::{Event, StreamDecoder};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays;
use crate::coding::step;
use crate::errors::raised;
use crate::job;
use crate::options::DecodeOptions;

/// A decoder of bytes as they come, of which `dcodec.Stream` makes steps.
#[pyclass(frozen, module = "dcodec._dcodec")]
pub struct Stream {
    /// Away while it works, and for good after an error or an interrupt.
    state: Mutex<Option<State>>,
}

struct State {
    options: Arc<DecodeOptions>,
    decoder: StreamDecoder,
    ended: bool,
}

impl State {
    /// Takes bytes up to the end of a layer. Returns their number, and true if a layer ended.
    fn push(&mut self, bytes: &[u8]) -> dcodec::Result<(usize, bool)> {
        let mut at = 0;
        while at < bytes.len() && !self.ended {
            let (used, event) = self.decoder.push(&bytes[at..])?;
            at += used;
            match event {
                Event::Header(header) => {
                    if let Some(display) = self.options.display(header.prior)? {
                        self.decoder.set_display(display);
                    }
                }
                Event::Layer(..) => return Ok((at, true)),
                Event::End => self.ended = true,
                _ => {}
            }
        }
        // What follows the end is ignored.
        Ok((if self.ended { bytes.len() } else { at }, false))
    }
}

impl Stream {
    /// Does `work` with the state, which is lost if it fails.
    fn with<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut State) -> dcodec::Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let state = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut own) = state().take() else {
            let e = "the stream failed, was interrupted, or is at work in another thread";
            return Err(PyRuntimeError::new_err(e));
        };
        let (own, result) = job::run(py, None, move |_| {
            let result = work(&mut own)?;
            Ok((own, result))
        })?;
        *state() = Some(own);
        Ok(result)
    }
}

#[pymethods]
impl Stream {
    #[new]
    fn new(py: Python<'_>, options: DecodeOptions) -> PyResult<Self> {
        let decoder = options.decoder().map_err(|e| raised(py, e))?;
        let state = State {
            decoder: decoder.stream(),
            options: Arc::new(options),
            ended: false,
        };
        Ok(Stream {
            state: Mutex::new(Some(state)),
        })
    }

    /// Takes bytes up to the end of a layer: their number, True if a layer ended, and True if the
    /// header is known.
    fn push(&self, data: &Bound<'_, PyAny>) -> PyResult<(usize, bool, bool)> {
        let bytes = arrays::bytes(data)?;
        self.with(data.py(), move |state| {
            let (used, layer) = state.push(&bytes)?;
            Ok((used, layer, state.decoder.header().is_some()))
        })
    }

    /// x_t of all bytes so far, (3, H, W), and the standard deviation of its noise. None before the
    /// first layer.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyAny>, f64)>> {
        let Some((x_t, sigma)) = self.with(py, |state| state.decoder.state())? else {
            return Ok(None);
        };
        let helpers = py.import("dcodec._arrays")?;
        let values = arrays::floats(py, &x_t.data)?;
        let x_t = helpers.call_method1("floats", (values, x_t.width, x_t.height))?;
        Ok(Some((x_t, sigma)))
    }

    /// The picture of all bytes so far.
    fn step<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let decoded = self.with(py, |state| {
            let sampler = state.options.sampler()?;
            state
                .decoder
                .show(&sampler, &mut |_| ControlFlow::Continue(()))
        })?;
        step(py, &decoded)
    }
}

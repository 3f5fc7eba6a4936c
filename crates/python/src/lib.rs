//! The compiled half of the Python package `dcodec`: thin functions over the library. The half in
//! `python/dcodec` checks and documents the arguments, and makes arrays of what comes back.
//!
//! ```text
//! pip install maturin && maturin build --release -m crates/python/Cargo.toml
//! ```
//!
//! - `arrays.rs`: from Python's buffers to pictures, and back.
//! - `options.rs`: the settings of a call, as the other half hands them over.
//! - `job.rs`: the work in a thread of its own, so that Python goes on and can interrupt it.
//! - `coding.rs`, `stream.rs`, `measures.rs`: the functions.
//! - `prior.rs`, `denoiser.rs`: networks, and Python functions that stand for one.

mod arrays;
mod coding;
mod denoiser;
mod errors;
mod extent;
mod job;
mod measures;
mod options;
mod prior;
mod stream;

/// The module `dcodec._dcodec`.
#[pyo3::pymodule]
mod _dcodec {
    #[pymodule_export]
    use crate::coding::{command, cut, decode, encode, info, set_threads};
    #[pymodule_export]
    use crate::job::Progress;
    #[pymodule_export]
    use crate::measures::{bd_rate, ms_ssim, png, psnr, ssimulacra2};
    #[pymodule_export]
    use crate::prior::Prior;
    #[pymodule_export]
    use crate::stream::Stream;

    /// The version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

//! Kernels of `chain.cu` and their arguments.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaFunction, CudaStream, DeviceRepr, LaunchConfig};
use cudarc::nvrtc::Ptx;

use crate::error::Result;
use crate::prior::cuda::pool;

/// Threads of a block, in all kernels.
pub const THREADS: usize = 256;

/// Place of a scale of a colour; as in `chain.cu`.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Place {
    pub magic: u64,
    pub base: u32,
    pub lines: u32,
    pub inverse: u32,
    pub shift: u32,
    pub first: u32,
    pub unused: u32,
}

/// One level of the Haar bands; as in `chain.cu`.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Level {
    pub averages: [Place; 3],
    pub details: [Place; 3],
    pub w: u32,
    pub h: u32,
    pub coarsest: u32,
    pub unused: u32,
}

/// A tile of the network; as in `chain.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Window {
    pub width: u32,
    pub height: u32,
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
    pub wide: u32,
    pub high: u32,
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

/// A step; as in `chain.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Mix {
    pub factors: [[f32; 3]; 3],
    pub rho: f32,
}

// SAFETY: plain numbers in the order and alignment of C.
unsafe impl DeviceRepr for Place {}
// SAFETY: as above.
unsafe impl DeviceRepr for Level {}
// SAFETY: as above.
unsafe impl DeviceRepr for Window {}
// SAFETY: as above.
unsafe impl DeviceRepr for Mix {}

/// Kernels of `chain.cu` on one device.
#[derive(Debug)]
pub struct ChainKernels {
    pub signs: CudaFunction,
    pub rotate: CudaFunction,
    pub synthesise: CudaFunction,
    pub step_bands: CudaFunction,
    pub step_whole: CudaFunction,
    pub extract: CudaFunction,
    pub keep: CudaFunction,
    pub reduce: CudaFunction,
    pub enlarge: CudaFunction,
}

/// Kernels of each device, loaded once.
static LOADED: Mutex<BTreeMap<usize, Arc<ChainKernels>>> = Mutex::new(BTreeMap::new());

impl ChainKernels {
    /// Kernels of the device of `stream`.
    pub fn of(stream: &CudaStream) -> Result<Arc<Self>> {
        let context = stream.context();
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernels) = loaded.get(&context.ordinal()) {
            return Ok(kernels.clone());
        }
        let ptx = include_str!("ptx/chain.ptx");
        let module = context.load_module(Ptx::from_src(ptx))?;
        pool::keep(context)?;
        let kernels = Arc::new(ChainKernels {
            signs: module.load_function("signs")?,
            rotate: module.load_function("rotate")?,
            synthesise: module.load_function("synthesise")?,
            step_bands: module.load_function("step_bands")?,
            step_whole: module.load_function("step_whole")?,
            extract: module.load_function("extract")?,
            keep: module.load_function("keep")?,
            reduce: module.load_function("reduce")?,
            enlarge: module.load_function("enlarge")?,
        });
        loaded.insert(context.ordinal(), kernels.clone());
        Ok(kernels)
    }
}

/// A grid of `n` blocks.
pub fn blocks(n: usize) -> LaunchConfig {
    LaunchConfig {
        grid_dim: (n as u32, 1, 1),
        block_dim: (THREADS as u32, 1, 1),
        shared_mem_bytes: 0,
    }
}

/// A grid with a thread for each of `n` values.
pub fn threads(n: usize) -> LaunchConfig {
    blocks(n.div_ceil(THREADS))
}

/// Queues a kernel with its arguments, in the order of its source.
macro_rules! launch {
    ($stream:expr, $kernel:expr, $grid:expr, $($arg:expr),+) => {{
        let mut builder = $stream.launch_builder(&$kernel);
        $(builder.arg($arg);)+
        // SAFETY: the arguments are the kernel's, and its indices stay inside them:
        // `DeviceChain::allocate` has checked the lengths.
        unsafe { builder.launch($grid) }
    }};
}

pub(super) use launch;

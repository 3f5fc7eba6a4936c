//! The network on an NVIDIA GPU, by kernels of our own for its tensor cores: `network.cu`.
//!
//! In f32, products are sums of products of f16: a value is hi + lo, two f16, and a weight is f16,
//! or hi + lo too if it has more bits. In f16, values are rounded to f16 after each layer. Sums are
//! f32 in both. Values beyond 65504 are infinite; no shipped prior comes near.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::{CudaContext, CudaSlice, CudaStream, CudaView, CudaViewMut, PinnedHostSlice};
use half::f16;

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::cuda::launch::ChainKernels;
use crate::prior::cuda::layer::{Epilogue, Kind, Layer, NetworkKernels, Passes};
use crate::prior::cuda::pack::{factor, fits_f16};
use crate::prior::cuda::pool;
use crate::prior::embedding::{Embedding, Linear};
use crate::prior::precision::Precision;
use crate::prior::precondition::{Precondition, check_planes};
use crate::prior::weights::{Config, Part, Weights};

/// `h + conv2(scale(e) * relu(conv1(h)))`
struct Block {
    conv1: Layer,
    conv2: Layer,
    scale: Linear,
    /// Range of its factors in the factors of all blocks.
    at: Range<usize>,
}

/// Activations on the device.
struct Activations {
    /// State of each scale, finest first.
    h: Vec<CudaSlice<f16>>,
    /// Input of the network, and values between the two layers of a block.
    t: CudaSlice<f16>,
    /// Factors of all blocks.
    scales: CudaSlice<f32>,
    /// Pixels of the largest planes that fit.
    pixels: usize,
}

/// Planes on their way to the device and back.
struct Staging {
    host: PinnedHostSlice<f32>,
    device: CudaSlice<f32>,
    out: CudaSlice<f32>,
}

#[derive(Default)]
struct Buffers {
    activations: Option<Activations>,
    staging: Option<Staging>,
}

/// The denoiser of the shipped priors on an NVIDIA GPU (compute capability 8.0 or later).
///
/// Calls may come from several threads and take turns. Buffers of the largest planes so far stay
/// for the next call.
pub struct CudaNetwork {
    config: Config,
    precondition: Precondition,
    kernels: NetworkKernels,
    embedding: Embedding,
    input: Layer,
    enc: Vec<Vec<Block>>,
    down: Vec<Layer>,
    up: Vec<Layer>,
    dec: Vec<Vec<Block>>,
    output: Layer,
    buffers: Mutex<Buffers>,
}

/// True if f16 holds the weights of all convolutions exactly.
fn exact_in_f16(weights: &Weights) -> bool {
    let mut convolutions = weights.tensors().filter(|(_, t)| t.shape.len() == 4);
    convolutions.all(|(_, t)| fits_f16(&t.data, factor(&t.data)))
}

impl fmt::Debug for CudaNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CudaNetwork")
            .field("config", &self.config)
            .field("gpu", &self.kernels.stream.context().ordinal())
            .field("passes", &self.kernels.passes)
            .finish_non_exhaustive()
    }
}

impl CudaNetwork {
    /// Puts the weights on the GPU of this number, on a stream of its own.
    ///
    /// # Errors
    /// As [`CudaNetwork::new`].
    pub fn open(weights: &Weights, gpu: usize, precision: Precision) -> Result<Self> {
        let context = CudaContext::new(gpu)?;
        let stream = context.new_stream()?;
        // SAFETY: everything here happens on one stream.
        unsafe { context.disable_event_tracking() };
        Self::new(weights, stream, precision)
    }

    /// Puts the weights on the device of `stream`, where all calls will run.
    ///
    /// # Errors
    /// [`Error::Backend`] if the driver fails; [`Error::Parameter`] for bf16.
    pub fn new(weights: &Weights, stream: Arc<CudaStream>, precision: Precision) -> Result<Self> {
        let config = weights.config().clone();
        let passes = match precision {
            Precision::F16 => Passes::One,
            Precision::F32 if exact_in_f16(weights) => Passes::Two,
            Precision::F32 => Passes::Three,
            Precision::Bf16 => {
                return Err(Error::Parameter("no kernels for precision bf16".into()));
            }
        };
        // Loads the chain's kernels too, so that a failure comes here and not later.
        ChainKernels::of(&stream)?;
        let kernels = NetworkKernels::new(stream, passes)?;
        let layer = |name: &str, kind: Kind| Layer::new(&kernels, weights, name, kind);
        let mut end = 0;
        let mut block = |name: String, channels: usize| -> Result<Block> {
            let start = end;
            end += channels;
            Ok(Block {
                conv1: layer(&format!("{name}.conv1"), Kind::Same)?,
                conv2: layer(&format!("{name}.conv2"), Kind::Same)?,
                scale: Linear::new(weights, &format!("{name}.scale"))?,
                at: start..end,
            })
        };
        let mut stages = |side: &str, scales: usize| -> Result<Vec<Vec<Block>>> {
            let mut stage = |i: usize| {
                let blocks = 0..config.blocks[i];
                let name = |b: usize| format!("{side}.{i}.{b}");
                blocks.map(|b| block(name(b), config.channels[i])).collect()
            };
            (0..scales).map(&mut stage).collect()
        };
        let scales = config.channels.len();
        let between = |name: &str, kind: Kind| -> Result<Vec<Layer>> {
            let layers = 0..scales - 1;
            layers
                .map(|i| layer(&format!("{name}.{i}"), kind))
                .collect()
        };
        Ok(CudaNetwork {
            precondition: Precondition::new(weights),
            embedding: Embedding::new(weights, Part::Denoiser)?,
            input: layer("input", Kind::Same)?,
            enc: stages("enc", scales)?,
            down: between("down", Kind::Down)?,
            up: between("up", Kind::Up)?,
            dec: stages("dec", scales - 1)?,
            output: layer("output", Kind::Last)?,
            buffers: Mutex::default(),
            kernels,
            config,
        })
    }

    /// The network's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Highest noise level that the network was trained for, in 8-bit levels.
    pub fn sigma_max(&self) -> f64 {
        self.precondition.sigma_max
    }

    /// Number of which both sides of the planes are multiples.
    pub fn multiple(&self) -> usize {
        self.config.multiple()
    }

    /// Stream that calls run on.
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.kernels.stream
    }

    /// Bytes of the device's memory that planes of `width` x `height` take, besides the weights.
    pub fn device_memory(&self, width: usize, height: usize) -> u64 {
        let pixels = width * height;
        let states = (0..self.config.channels.len()).map(|i| self.state(i, pixels));
        let values = states.sum::<usize>() + self.between(pixels);
        (2 * values + 2 * 12 * pixels) as u64
    }

    /// f16 numbers of the state of scale `i`, for planes of `pixels`.
    fn state(&self, i: usize, pixels: usize) -> usize {
        (pixels >> (2 * (i + 1))) * self.config.channels[i] * self.kernels.passes.parts()
    }

    /// f16 numbers of the buffer between layers, which holds the input too, for planes of `pixels`.
    fn between(&self, pixels: usize) -> usize {
        let states = (0..self.config.channels.len()).map(|i| self.state(i, pixels));
        let input = pixels / 4 * 16 * self.kernels.passes.parts();
        states.fold(input, usize::max)
    }

    /// Frees the buffers of the largest planes so far.
    pub fn release(&self) {
        *self.lock() = Buffers::default();
        let stream = &self.kernels.stream;
        // A failure here comes back in the next call, which can report it.
        let _ = stream.synchronize();
        let _ = pool::trim(stream.context());
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.enc.iter().chain(&self.dec).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Activations for planes of `pixels`: the present ones if large enough, else new ones.
    fn fit<'a>(
        &self,
        activations: &'a mut Option<Activations>,
        pixels: usize,
    ) -> Result<&'a mut Activations> {
        // Too small ones are freed before others are allocated.
        let kept = activations.take().filter(|a| a.pixels >= pixels);
        let fitting = kept.map_or_else(|| self.allocate(pixels), Ok)?;
        Ok(activations.insert(fitting))
    }

    fn allocate(&self, pixels: usize) -> Result<Activations> {
        let stream = &self.kernels.stream;
        let scales = self.blocks().map(|b| b.at.len()).sum();
        // SAFETY: kernels write all values before they read them.
        let alloc = |n: usize| unsafe { stream.alloc::<f16>(n) };
        let states = (0..self.config.channels.len()).map(|i| alloc(self.state(i, pixels)));
        Ok(Activations {
            h: states.collect::<Result<_, _>>()?,
            t: alloc(self.between(pixels))?,
            scales: stream.alloc_zeros(scales)?,
            pixels,
        })
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels of planes `[3][height][width]` on the device, in the
    /// order of [`CudaNetwork::stream`]: the call returns before it is computed.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the sides are not multiples of [`CudaNetwork::multiple`], a buffer
    /// is too small, or sigma is not positive; [`Error::Backend`] if the driver fails.
    pub fn x0_hat_device(
        &self,
        x_t: &CudaView<'_, f32>,
        width: usize,
        height: usize,
        sigma: f64,
        out: &mut CudaViewMut<'_, f32>,
    ) -> Result<()> {
        let multiple = self.multiple();
        let fits = |side: usize| side > 0 && side.is_multiple_of(multiple);
        let values = width.saturating_mul(height).saturating_mul(3);
        if !fits(width) || !fits(height) || x_t.len() < values || out.len() < values {
            let (from, to) = (x_t.len(), out.len());
            return Err(Error::Parameter(format!(
                "planes of {width} x {height} from {from} values to {to}, expected multiples of {multiple}"
            )));
        }
        self.enqueue(
            &mut self.lock().activations,
            x_t,
            (width, height),
            sigma,
            out,
        )
    }

    /// Queues all layers.
    fn enqueue(
        &self,
        activations: &mut Option<Activations>,
        x_t: &CudaView<'_, f32>,
        (width, height): (usize, usize),
        sigma: f64,
        out: &mut CudaViewMut<'_, f32>,
    ) -> Result<()> {
        let c = self.precondition.at(sigma)?;
        let e = self.embedding.at(&[sigma]);
        let Activations { h, t, scales, .. } = self.fit(activations, width * height)?;
        let factors: Vec<f32> = self.blocks().flat_map(|b| b.scale.forward(&e)).collect();
        let k = &self.kernels;
        k.stream.memcpy_htod(&factors, scales)?;

        let sides = |i: usize| (width >> (i + 1), height >> (i + 1));
        k.first(x_t, t, sides(0), c.c_in)?;
        self.input.run(k, t, &mut h[0], sides(0), Epilogue::Store)?;
        for (i, stage) in self.enc.iter().enumerate() {
            self.run(stage, &mut h[i], t, scales, sides(i))?;
            if let Some(down) = self.down.get(i) {
                let (fine, coarse) = h.split_at_mut(i + 1);
                down.run(k, &fine[i], &mut coarse[0], sides(i + 1), Epilogue::Store)?;
            }
        }
        for (i, stage) in self.dec.iter().enumerate().rev() {
            let (fine, coarse) = h.split_at_mut(i + 1);
            self.up[i].run(k, &coarse[0], &mut fine[i], sides(i + 1), Epilogue::Add)?;
            self.run(stage, &mut h[i], t, scales, sides(i))?;
        }
        let coefficients = (c.c_skip, c.c_out);
        self.output
            .run_last(k, &h[0], x_t, out, sides(0), coefficients)?;
        Ok(())
    }

    /// Queues the blocks of a stage, by way of `t`.
    fn run(
        &self,
        stage: &[Block],
        h: &mut CudaSlice<f16>,
        t: &mut CudaSlice<f16>,
        scales: &CudaSlice<f32>,
        sides: (usize, usize),
    ) -> Result<()> {
        for block in stage {
            let scale = Epilogue::ReluScale(scales.slice(block.at.clone()));
            block.conv1.run(&self.kernels, h, t, sides, scale)?;
            block.conv2.run(&self.kernels, t, h, sides, Epilogue::Add)?;
        }
        Ok(())
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels, for `x_t` with noise of standard deviation `sigma`
    /// levels.
    ///
    /// # Errors
    /// As [`CudaNetwork::x0_hat_device`].
    pub fn x0_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        check_planes(x_t, self.multiple())?;
        self.precondition.at(sigma)?;
        let (n, sides) = (x_t.len(), (x_t.width, x_t.height));
        let stream = &self.kernels.stream;
        let Buffers {
            activations,
            staging,
        } = &mut *self.lock();
        let Staging { host, device, out } = self.stage(staging, n)?;
        let host = &mut host.as_mut_slice()?[..n];
        x_t.copy_to(host);
        stream.memcpy_htod(host, device)?;
        self.enqueue(
            activations,
            &device.slice(..n),
            sides,
            sigma,
            &mut out.slice_mut(..n),
        )?;
        stream.memcpy_dtoh(&out.slice(..n), host)?;
        stream.synchronize()?;
        let mut x0_hat = Planes::zeros(x_t.width, x_t.height);
        x0_hat.copy_from(host);
        Ok(x0_hat)
    }

    /// Staging for `n` values: the present one if it is large enough, else a new one.
    fn stage<'a>(&self, staging: &'a mut Option<Staging>, n: usize) -> Result<&'a mut Staging> {
        // One that is too small is freed before another is allocated.
        let kept = staging.take().filter(|s| s.host.len() >= n);
        let fitting = kept.map_or_else(|| self.allocate_staging(n), Ok)?;
        Ok(staging.insert(fitting))
    }

    fn allocate_staging(&self, n: usize) -> Result<Staging> {
        let stream = &self.kernels.stream;
        // SAFETY: all values are written before they are read; floats have no invalid bits.
        let host = unsafe { stream.context().alloc_pinned_with_flags(n, 0)? };
        Ok(Staging {
            host,
            device: stream.alloc_zeros(n)?,
            out: stream.alloc_zeros(n)?,
        })
    }
}

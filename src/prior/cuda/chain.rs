//! x_t on the device, and the kernels that take its steps.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, PushKernelArg};

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::cuda::launch::{
    ChainKernels, Level, Mix, Place, Window, blocks, launch, threads,
};
use crate::prior::cuda::pool;
use crate::prior::cuda::queued::QueuedNetwork;
use crate::prior::on_device::{BandLayout, DeviceState, Geometry, PartRotation, StepUpdate};
use crate::prior::tiling::{Tile, Tiling};

/// Values of a tile of the kernel `signs`.
const TILE: usize = 1 << 12;

/// Values of a full block of the rotation.
const BLOCK: usize = 1 << 16;

/// Words of a part in the table of a layer: its first codeword, their number, and the scales of
/// blocks.
const WORDS: usize = 20;

/// Chain of one picture on the device of a network.
pub struct DeviceChain<N> {
    network: Arc<N>,
    stream: Arc<CudaStream>,
    kernels: Arc<ChainKernels>,
    tiling: Tiling,
    steps: Steps,
    /// Pairs of a part and a first position: tiles of `signs`, and blocks.
    tiles: Pairs,
    groups: Pairs,
    /// Base and length of each part.
    parts: CudaSlice<u32>,
    /// Columns and rows of the picture.
    size: (usize, usize),
    x: CudaSlice<f32>,
    x0_hat: CudaSlice<f32>,
    /// Transformed values.
    y: CudaSlice<f32>,
    /// Averages of one level and of the next finer one; also a reduced picture, and its x0_hat.
    low: [CudaSlice<f32>; 2],
    /// Input of the network for a tile.
    seen: CudaSlice<f32>,
    /// Output of the network for a tile.
    made: CudaSlice<f32>,
}

/// Pairs of numbers on the device.
struct Pairs {
    count: usize,
    data: CudaSlice<u32>,
}

/// Way from transformed values to z.
enum Steps {
    Whole(Place),
    /// Levels from the coarsest, and the factors of each colour.
    Banded(Vec<Level>, [[f64; 3]; 3]),
}

impl<N: QueuedNetwork> DeviceChain<N> {
    /// Allocates x_t and all buffers. None where the picture is too large for the device or for the
    /// kernels' indices of 31 bits.
    ///
    /// # Errors
    /// [`Error::Backend`] if the driver fails.
    pub fn allocate(
        network: Arc<N>,
        geometry: &Geometry,
        tiling: Tiling,
    ) -> Result<Option<Box<dyn DeviceState>>> {
        let len = 3 * geometry.width * geometry.height;
        let held: usize = geometry.parts.iter().map(|p| p.len).sum();
        if len >= 1 << 31 || held != len {
            return Ok(None);
        }
        // A smaller picture may be one larger tile.
        let sizes = (0..10).map(|i| {
            (
                geometry.width.div_ceil(1 << i),
                geometry.height.div_ceil(1 << i),
            )
        });
        let tiles: Vec<Tile> = sizes.flat_map(|(w, h)| tiling.tiles(w, h)).collect();
        let area = |t: &Tile| 3 * t.extended.0 * t.extended.1;
        let largest = tiles.iter().map(area).max().unwrap_or(0);
        let low = 3 * geometry.width.div_ceil(2) * geometry.height.div_ceil(2);
        let stream = network.stream();
        let mut need = 4 * (3 * len + 2 * low + 2 * largest) as u64;
        let calls = tiles
            .iter()
            .map(|t| network.device_memory(t.extended.0, t.extended.1));
        need += calls.max().unwrap_or(0);
        stream.context().bind_to_thread()?;
        let fits = || Ok::<_, Error>(need <= stream.context().mem_get_info()?.0 as u64);
        if !fits()? {
            pool::trim(stream.context())?;
            if !fits()? {
                return Ok(None);
            }
        }
        let pairs = |step: usize| -> Result<Pairs> {
            let parts = geometry.parts.iter().enumerate();
            let starts = parts.flat_map(|(part, rotation)| {
                let starts = (0..rotation.len).step_by(step);
                starts.flat_map(move |start| [part as u32, start as u32])
            });
            let all: Vec<u32> = starts.collect();
            Ok(Pairs {
                count: all.len() / 2,
                data: stream.clone_htod(&all)?,
            })
        };
        let parts = geometry.parts.iter();
        let parts: Vec<u32> = parts.flat_map(|p| [p.base as u32, p.len as u32]).collect();
        let zeros = |n: usize| stream.alloc_zeros::<f32>(n);
        Ok(Some(Box::new(DeviceChain {
            network,
            kernels: ChainKernels::of(&stream)?,
            tiling,
            steps: Steps::new(geometry),
            tiles: pairs(TILE)?,
            groups: pairs(BLOCK)?,
            parts: stream.clone_htod(&parts)?,
            size: (geometry.width, geometry.height),
            x: zeros(len)?,
            x0_hat: zeros(len)?,
            y: zeros(len)?,
            low: [zeros(low)?, zeros(low)?],
            seen: zeros(largest)?,
            made: zeros(largest)?,
            stream,
        })))
    }

    /// Refuses planes of another size than the picture's.
    fn check(&self, planes: &Planes) -> Result<()> {
        if (planes.width, planes.height) == self.size && planes.len() == self.x.len() {
            return Ok(());
        }
        let ((w, h), (width, height)) = (self.size, (planes.width, planes.height));
        let text = format!("planes of {width} x {height} where {w} x {h} lie on the device");
        Err(Error::Parameter(text))
    }

    /// Queues the transformed values of a layer: signs, their blocks' transforms, scales and signs
    /// of the rotation.
    fn mix(&mut self, update: &StepUpdate) -> Result<()> {
        let table = table(update, self.parts.len() / 2)?;
        let words = (WORDS * update.parts.len()) as u32;
        let layer = self.stream.clone_htod(&table)?;
        let (s, k, nu) = (&self.stream, &self.kernels, update.nu);
        let grid = blocks(self.tiles.count);
        launch!(
            s,
            k.signs,
            grid,
            &self.tiles.data,
            &self.parts,
            &layer,
            &words,
            &update.key,
            &nu,
            &mut self.y
        )?;
        let grid = blocks(16 * self.groups.count);
        launch!(
            s,
            k.rotate,
            grid,
            &self.groups.data,
            &self.parts,
            &layer,
            &update.key,
            &mut self.y
        )?;
        Ok(())
    }
}

impl<N: QueuedNetwork> DeviceState for DeviceChain<N> {
    fn start(&mut self) -> Result<()> {
        self.stream.memset_zeros(&mut self.x)?;
        Ok(self.stream.memset_zeros(&mut self.x0_hat)?)
    }

    fn upload(&mut self, x_t: &Planes) -> Result<()> {
        self.check(x_t)?;
        Ok(self.stream.memcpy_htod(&x_t.data, &mut self.x)?)
    }

    fn download(&self, x_t: &mut Planes) -> Result<()> {
        self.check(x_t)?;
        self.stream.memcpy_dtoh(&self.x, &mut x_t.data)?;
        self.wait()
    }

    fn predict(&mut self, f: usize, sigma: f64) -> Result<usize> {
        let (s, k) = (&self.stream, &self.kernels);
        let (width, height) = self.size;
        let small = (width.div_ceil(f), height.div_ceil(f));
        let (w, h, by) = (width as u32, height as u32, f as u32);
        let [reduced, small_hat] = &mut self.low;
        let (x, x0_hat, most) = match f {
            1 => (&self.x, &mut self.x0_hat, 127.5),
            _ => {
                let grid = threads(3 * small.0 * small.1);
                launch!(s, k.reduce, grid, &w, &h, &by, &self.x, &mut *reduced)?;
                (&*reduced, &mut *small_hat, f32::INFINITY)
            }
        };
        let mut pixels = 0;
        for tile in self.tiling.tiles(small.0, small.1) {
            let window = window(small, &tile);
            let (wide, high) = tile.extended;
            let grid = threads(3 * wide * high);
            launch!(s, k.extract, grid, &window, x, &mut self.seen)?;
            let (seen, made) = (&self.seen, &mut self.made);
            self.network.queue_x0_hat(seen, wide, high, sigma, made)?;
            let core = (tile.columns.1 - tile.columns.0) * (tile.rows.1 - tile.rows.0);
            let grid = threads(3 * core);
            launch!(s, k.keep, grid, &window, &most, &self.made, &mut *x0_hat)?;
            pixels += wide * high;
        }
        if f > 1 {
            let grid = threads(3 * width * height);
            launch!(
                s,
                k.enlarge,
                grid,
                &w,
                &h,
                &by,
                &*small_hat,
                &mut self.x0_hat
            )?;
        }
        Ok(pixels)
    }

    fn wait(&self) -> Result<()> {
        Ok(self.stream.synchronize()?)
    }

    fn x0_hat(&self) -> Result<Planes> {
        let mut x0_hat = Planes::zeros(self.size.0, self.size.1);
        self.stream.memcpy_dtoh(&self.x0_hat, &mut x0_hat.data)?;
        self.wait()?;
        Ok(x0_hat)
    }

    fn advance(&mut self, update: &StepUpdate) -> Result<()> {
        self.mix(update)?;
        let (s, k) = (&self.stream, &self.kernels);
        let (rho, std) = (update.rho as f32, update.std as f32);
        match &self.steps {
            Steps::Whole(place) => {
                let n = self.x.len() as u32;
                launch!(
                    s,
                    k.step_whole,
                    threads(n as usize),
                    place,
                    &rho,
                    &std,
                    &n,
                    &self.y,
                    &self.x0_hat,
                    &mut self.x
                )?;
            }
            Steps::Banded(levels, colours) => {
                let factors = colours.map(|c| c.map(|k| (update.std * k) as f32));
                let mix = Mix { factors, rho };
                let [mut low, mut finer] = self.low.each_mut();
                for (i, level) in levels.iter().enumerate() {
                    let squares = level.w.div_ceil(2) as usize * level.h.div_ceil(2) as usize;
                    let grid = threads(squares);
                    if i + 1 < levels.len() {
                        launch!(s, k.synthesise, grid, level, &*low, &self.y, &mut *finer)?;
                        std::mem::swap(&mut low, &mut finer);
                    } else {
                        launch!(
                            s,
                            k.step_bands,
                            grid,
                            level,
                            &mix,
                            &*low,
                            &self.y,
                            &self.x0_hat,
                            &mut self.x
                        )?;
                    }
                }
            }
        }
        self.wait()
    }
}

impl Steps {
    fn new(geometry: &Geometry) -> Self {
        let place = |part: &PartRotation, first: usize| Place {
            magic: u64::MAX / part.lines as u64,
            base: part.base as u32,
            lines: part.lines as u32,
            inverse: part.inverse as u32,
            shift: part.width.ilog2(),
            first: first as u32,
            unused: 0,
        };
        let Some(BandLayout {
            averages,
            details,
            colours,
        }) = &geometry.bands
        else {
            return Steps::Whole(place(&geometry.parts[0], 0));
        };
        let levels = details.iter().enumerate().rev().map(|(finer, details)| {
            let side = |n: usize| n.div_ceil(1 << finer) as u32;
            Level {
                averages: averages.map(|p| place(&geometry.parts[p.part], p.first)),
                details: details.map(|p| place(&geometry.parts[p.part], p.first)),
                w: side(geometry.width),
                h: side(geometry.height),
                coarsest: u32::from(finer + 1 == geometry.levels()),
                unused: 0,
            }
        });
        Steps::Banded(levels.collect(), *colours)
    }
}

/// Table of a layer for the kernels: [`WORDS`] numbers for each part, then the codewords of all
/// parts, two in a word.
///
/// # Errors
/// [`Error::Backend`] if the signs are not of `parts` parts with codewords.
fn table(update: &StepUpdate, parts: usize) -> Result<Vec<u32>> {
    let signed = update.parts.iter().filter(|p| !p.codewords.is_empty());
    let signed = signed.count();
    if update.parts.len() != parts || signed != parts {
        return Err(Error::Backend(format!(
            "signs of {signed} parts for planes of {parts}"
        )));
    }
    let mut table = Vec::new();
    let mut first = 0;
    for part in &update.parts {
        table.extend([first as u32, part.codewords.len() as u32]);
        let scale = |log: u32| (part.amplitude / f64::from(1u32 << log).sqrt()) as f32;
        table.extend((0..17).map(|log| scale(log).to_bits()));
        table.push(0);
        first += part.codewords.len();
    }
    let mut all = update
        .parts
        .iter()
        .flat_map(|p| p.codewords.iter().copied());
    while let Some(low) = all.next() {
        table.push(u32::from(low) | u32::from(all.next().unwrap_or(0)) << 16);
    }
    Ok(table)
}

/// Window of a tile of planes of `width` x `height`.
fn window((width, height): (usize, usize), tile: &Tile) -> Window {
    Window {
        width: width as u32,
        height: height as u32,
        x: tile.origin.0 as u32,
        y: tile.origin.1 as u32,
        w: tile.size.0 as u32,
        h: tile.size.1 as u32,
        wide: tile.extended.0 as u32,
        high: tile.extended.1 as u32,
        left: tile.columns.0 as u32,
        top: tile.rows.0 as u32,
        right: tile.columns.1 as u32,
        bottom: tile.rows.1 as u32,
    }
}

//! Convolutions of 3 x 3 taps by minimal filtering: tiles, packing, and the loop over tiles.

use rayon::prelude::*;

use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::{Epilogue, Kernel, Span, conv_span, winograd};
use winograd::{Outputs, POINTS, Points, REACH, TILE, prefetch, transform_in, transform_out};

/// Tiles that are transformed together. Their values stay in the cache while the weights of a point
/// pass by.
const TOGETHER: usize = 24;

/// Grids of fewer tiles take the sum over taps, since transformed weights are four times as many
/// and few tiles would share them.
const FEWEST: usize = 16;

/// A convolution of 3 x 3 taps with zero padding of one, its weights transformed and packed for one
/// kernel.
#[derive(Debug)]
pub(super) struct Winograd {
    ci: usize,
    /// First channel and width of the panels that one call of the kernel computes.
    panels: Vec<(usize, usize)>,
    /// Panels of each point, `[ci][width]` each.
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// Bias of the products, and pixels outside the border.
    zeros: Vec<f32>,
}

impl Winograd {
    /// True if grids of this size take minimal filtering. The rule is part of the reference
    /// arithmetic (clause 15.6).
    pub fn suits(width: usize, height: usize) -> bool {
        width.div_ceil(TILE) * height.div_ceil(TILE) >= FEWEST
    }

    /// Bytes of the transformed weights of a layer from `channels` to `channels`.
    pub fn bytes(channels: usize) -> usize {
        POINTS * channels * channels * size_of::<f32>()
    }

    /// Bytes that such a layer takes on all threads together while it runs.
    pub fn scratch_bytes(channels: usize) -> usize {
        let points = Points {
            tiles: TOGETHER,
            channels,
        };
        rayon::current_num_threads() * 2 * points.len() * size_of::<f32>()
    }

    /// Transforms and packs `weight` `[co][ci][3][3]`; `ci` and `co` are multiples of
    /// [`GROUP`](super::kernel::GROUP).
    pub fn new(kernel: Kernel, ci: usize, weight: &[f32], bias: &[f32]) -> Winograd {
        let co = bias.len();
        let mut first = 0;
        let panel = |width: usize| {
            first += width;
            (first - width, width)
        };
        let panels: Vec<_> = kernel.panels(co).into_iter().map(panel).collect();
        let (taps, _) = weight.as_chunks::<9>();
        let points: Vec<_> = taps
            .par_iter()
            .with_min_len(256)
            .map(winograd::transform_weights)
            .collect();
        let mut weights = vec![0.0; POINTS * ci * co];
        let pack = |(point, to): (usize, &mut [f32])| {
            let mut to = to.iter_mut();
            for &(first, width) in &panels {
                for i in 0..ci {
                    let channels = first..first + width;
                    let values = channels.map(|o| points[o * ci + i][point]);
                    values.zip(&mut to).for_each(|(value, to)| *to = value);
                }
            }
        };
        weights.par_chunks_mut(ci * co).enumerate().for_each(pack);
        Winograd {
            ci,
            panels,
            weights,
            bias: bias.to_vec(),
            zeros: vec![0.0; ci.max(co)],
        }
    }

    /// Runs the layer from `input` into `out`, in parallel over rows of tiles of the current rayon
    /// pool.
    ///
    /// # Panics
    /// If the grids' sizes do not belong to the layer.
    pub fn run(&self, kernel: Kernel, input: &Grid, out: &mut Grid, epilogue: Epilogue) {
        let (width, height) = (out.width, out.height);
        assert_eq!((input.width, input.height), (width, height));
        assert_eq!((input.channels, out.channels), (self.ci, self.bias.len()));
        let (across, down) = (width.div_ceil(TILE), height.div_ceil(TILE));
        // A task has several rows of tiles where rows are short, but all threads have tasks.
        let share = down.div_ceil(2 * rayon::current_num_threads());
        let rows = TOGETHER.div_ceil(across).clamp(1, share);
        let band = TILE * out.row_stride();
        out.rows_mut()
            .par_chunks_mut(rows * band)
            .enumerate()
            .for_each_init(Scratch::default, |scratch, (task, out)| {
                let tiles = across * out.len().div_ceil(band);
                let together = tiles.div_ceil(tiles.div_ceil(TOGETHER));
                for from in (0..tiles).step_by(together) {
                    let to = (from + together).min(tiles);
                    let places = (from..to).map(|i| (i / across, i % across));
                    let job = Job {
                        kernel,
                        input,
                        top: task * rows,
                        tiles: to - from,
                    };
                    self.products(&job, places.clone(), scratch);
                    self.finish(&job, places, scratch, out, epilogue);
                }
            });
    }

    /// Products of some tiles, from the input's pixels.
    fn products(
        &self,
        job: &Job,
        places: impl Iterator<Item = (usize, usize)>,
        scratch: &mut Scratch,
    ) {
        let (ci, co) = (self.ci, self.bias.len());
        let v = Points {
            tiles: job.tiles,
            channels: ci,
        };
        let m = Points { channels: co, ..v };
        scratch.fit(v, m);
        for (tile, (row, column)) in places.enumerate() {
            let (y, x) = (TILE * (job.top + row), TILE * column);
            // Pixels that the next tile is the first to see.
            let stride = job.input.row_stride();
            let new = [REACH, REACH + TILE].map(|n| (x + n) * ci);
            let rows = &job.input.data[(y + REACH - TILE) * stride..];
            prefetch(rows, stride, new[0]..new[1]);
            let inputs = job.pixels(y, x, &self.zeros);
            transform_in(job.kernel, &inputs, tile, v, &mut scratch.v);
        }
        for (point, weights) in self.weights.chunks_exact(ci * co).enumerate() {
            for &(first, width) in &self.panels {
                conv_span(
                    job.kernel,
                    Span {
                        x: &scratch.v[point * v.stride()..],
                        step: ci,
                        taps: &[0],
                        ci,
                        weights: &weights[first * ci..(first + width) * ci],
                        bias: &self.zeros[..width],
                        out: &mut scratch.m[point * m.stride() + first..],
                        out_step: co,
                        pixels: job.tiles,
                        epilogue: Epilogue::Store,
                    },
                );
            }
        }
    }

    /// Outputs of some tiles in the rows of a task, from their products.
    fn finish(
        &self,
        job: &Job,
        places: impl Iterator<Item = (usize, usize)>,
        scratch: &Scratch,
        out: &mut [f32],
        epilogue: Epilogue,
    ) {
        let co = self.bias.len();
        let points = Points {
            tiles: job.tiles,
            channels: co,
        };
        let stride = (job.input.width + 2) * co;
        for (tile, (row, column)) in places.enumerate() {
            let (y, x) = (TILE * (job.top + row), TILE * column);
            let next = [TILE, 2 * TILE].map(|n| (1 + x + n) * co);
            prefetch(&out[TILE * row * stride..], stride, next[0]..next[1]);
            let to = Outputs {
                out: &mut out[TILE * row * stride + (1 + x) * co..],
                stride,
                rows: TILE.min(job.input.height - y),
                columns: TILE.min(job.input.width - x),
            };
            transform_out(
                job.kernel, &scratch.m, tile, points, &self.bias, epilogue, to,
            );
        }
    }
}

/// Tiles that are computed together.
struct Job<'a> {
    kernel: Kernel,
    input: &'a Grid,
    /// First row of tiles of the task.
    top: usize,
    /// Number of tiles.
    tiles: usize,
}

impl<'a> Job<'a> {
    /// Pixels of the tile at row `y` and column `x` of the grid with its border, and `zeros`
    /// outside the grid.
    fn pixels(&self, y: usize, x: usize, zeros: &'a [f32]) -> [&'a [f32]; POINTS] {
        let ci = self.input.channels;
        let (width, height) = (self.input.width + 2, self.input.height + 2);
        std::array::from_fn(|i| {
            let (y, x) = (y + i / REACH, x + i % REACH);
            match y < height && x < width {
                true => &self.input.data[(y * width + x) * ci..][..ci],
                false => &zeros[..ci],
            }
        })
    }
}

/// Transforms of inputs and products. Tasks of a thread share them.
#[derive(Default)]
struct Scratch {
    v: Vec<f32>,
    m: Vec<f32>,
}

impl Scratch {
    fn fit(&mut self, v: Points, m: Points) {
        self.v.resize(v.len().max(self.v.len()), 0.0);
        self.m.resize(m.len().max(self.m.len()), 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prior::cpu::kernel::GROUP;

    /// Values between -1 and 1 that repeat nothing.
    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        std::iter::repeat_with(next).take(n).collect()
    }

    /// A grid of noise inside its border of zeros.
    fn grid(width: usize, height: usize, channels: usize, seed: u64) -> Grid {
        let mut grid = Grid::new(channels);
        grid.resize(width, height);
        let values = noise(width * height * channels, seed);
        let stride = grid.row_stride();
        for (row, from) in grid
            .rows_mut()
            .chunks_mut(stride)
            .zip(values.chunks(width * channels))
        {
            row[channels..][..from.len()].copy_from_slice(from);
        }
        grid
    }

    /// The sum over taps in f64.
    fn sum(input: &Grid, weight: &[f32], o: usize, y: usize, x: usize) -> f64 {
        let (ci, stride) = (input.channels, input.row_stride());
        let term = |i: usize, tap: usize| {
            let at = (y + tap / 3) * stride + (x + tap % 3) * ci + i;
            f64::from(weight[(o * ci + i) * 9 + tap]) * f64::from(input.data[at])
        };
        (0..ci)
            .map(|i| (0..9).map(|tap| term(i, tap)).sum::<f64>())
            .sum()
    }

    #[test]
    fn tiles_of_all_shapes_give_the_sum_over_taps() {
        let (ci, co) = (GROUP, 3 * GROUP);
        let (weight, bias) = (noise(9 * ci * co, 1), noise(co, 2));
        let scale = noise(co, 3);
        for (width, height) in [(16, 16), (1, 61), (97, 3), (30, 13), (227, 18)] {
            let input = grid(width, height, ci, 4);
            for kernel in Kernel::available() {
                let layer = Winograd::new(kernel, ci, &weight, &bias);
                for epilogue in [Epilogue::Store, Epilogue::Add, Epilogue::ReluScale(&scale)] {
                    let before = grid(width, height, co, 5);
                    let mut out = grid(width, height, co, 5);
                    layer.run(kernel, &input, &mut out, epilogue);
                    for (i, (got, old)) in out.data.iter().zip(&before.data).enumerate() {
                        let (pixel, o) = (i / co, i % co);
                        let (y, x) = (pixel / (width + 2), pixel % (width + 2));
                        let inside = (1..=height).contains(&y) && (1..=width).contains(&x);
                        let acc = match inside {
                            true => sum(&input, &weight, o, y - 1, x - 1) + f64::from(bias[o]),
                            false => 0.0,
                        };
                        let expected = match epilogue {
                            _ if !inside => 0.0,
                            Epilogue::Store => acc,
                            Epilogue::Add => f64::from(*old) + acc,
                            Epilogue::ReluScale(scale) => acc.max(0.0) * f64::from(scale[o]),
                        };
                        let error = (f64::from(*got) - expected).abs();
                        assert!(
                            error < 1e-4,
                            "{kernel:?} {width} x {height}: {got} at {x}, {y}, expected {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn small_grids_are_left_to_the_sum_over_taps() {
        assert!(Winograd::suits(16, 16) && Winograd::suits(61, 1) && Winograd::suits(13, 14));
        assert!(!Winograd::suits(60, 1) && !Winograd::suits(12, 20));
    }
}

//! Convolutions of 3 x 3 taps by minimal filtering: tiles, packing, and the loop over tiles.

use std::ops::Range;

use rayon::prelude::*;

use crate::prior::cpu::context::{Context, Scratch};
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::{Epilogue, GROUP, Kernel, Span, conv_span, winograd};
use crate::prior::cpu::lines::Lines;
pub(super) use winograd::Form;
use winograd::{Inputs, LANES, Order, Outputs, Points, prefetch, transform_in, transform_out};

/// Values of a grid above which they come from far enough to be asked for early.
const FAR: usize = 4 << 20;

/// Tiles that are transformed together.
///
/// With few channels their values take half the memory of the weights, and stay in a cache of a
/// megabyte. With many they cannot stay, and the weights pass by less often.
fn together(channels: usize) -> usize {
    match channels {
        128.. => 48,
        _ => (channels / 4).max(1),
    }
}

/// Grids of fewer tiles of 4 x 4 outputs take the sum over taps, since transformed weights are four
/// times as many and few tiles would share them.
const FEWEST: usize = 16;

/// Grids of fewer tiles of 6 x 6 outputs take those of 4 x 4, whose transformed weights are fewer.
const FEWEST_SIX: usize = 128;

/// A convolution of 3 x 3 taps with zero padding of one, its weights transformed and packed for one
/// kernel.
#[derive(Debug)]
pub(super) struct Winograd {
    form: Form,
    ci: usize,
    /// First channel and width of the panels that one call of the kernel computes.
    panels: Vec<(usize, usize)>,
    /// Panels of each point, `[ci][width]` each.
    weights: Lines,
    bias: Vec<f32>,
    /// Bias of the products.
    zeros: Vec<f32>,
}

/// Form of minimal filtering for grids of this size; None for the sum over taps. The rule is part
/// of the reference arithmetic (clause 15.6).
pub(super) fn form_for(width: usize, height: usize) -> Option<Form> {
    let (four, six) = (
        Form::Four.tiles(width, height),
        Form::Six.tiles(width, height),
    );
    match () {
        () if four < FEWEST => None,
        () if six >= FEWEST_SIX && 2 * six <= four => Some(Form::Six),
        () => Some(Form::Four),
    }
}

/// Weights `[co][ci][3][3]` at the points of a form, `[ci][width]` for each panel of a point.
fn packed(form: Form, ci: usize, panels: &[(usize, usize)], weight: &[f32]) -> Lines {
    let mut packed = Lines::zeros(form.points() * weight.len() / 9);
    // A task makes all points of a panel for a group of input channels.
    let groups = |panel| (0..ci).step_by(GROUP).map(move |from| (panel, from));
    let tasks: Vec<_> = panels.iter().copied().flat_map(groups).collect();
    let mut points: Vec<_> = tasks.iter().map(|_| Vec::new()).collect();
    let mut rest = &mut packed[..];
    for _ in 0..form.points() {
        for (((_, width), _), points) in tasks.iter().zip(&mut points) {
            points.extend(rest.split_off_mut(..GROUP * width));
        }
    }
    let tasks = tasks.into_par_iter().zip(points);
    tasks.for_each(|(((first, width), from), mut points)| {
        let outputs = || (0..width).step_by(GROUP);
        let mut made = [[0.0; GROUP]; Form::Six.points()];
        for (i, o) in (0..GROUP).flat_map(|i| outputs().map(move |o| (i, o))) {
            for part in (0..GROUP).step_by(LANES) {
                let mut g = [[0.0; LANES]; 9];
                for lane in 0..LANES {
                    let pair = (first + o + part + lane) * ci + from + i;
                    for (g, value) in g.iter_mut().zip(&weight[9 * pair..]) {
                        g[lane] = *value;
                    }
                }
                form.transform_weights(&g, |point, values| {
                    made[point][part..][..LANES].copy_from_slice(&values);
                });
            }
            // Whole lines of the cache.
            for (to, made) in points.iter_mut().zip(&made) {
                to[i * width + o..][..GROUP].copy_from_slice(made);
            }
        }
    });
    packed
}

impl Winograd {
    /// Bytes of the transformed weights of a pair of channels for grids of up to `width` x
    /// `height`: smaller ones take the other form.
    pub fn bytes(width: usize, height: usize) -> usize {
        let larger = match form_for(width, height) {
            Some(Form::Six) => Form::Six.points(),
            _ => 0,
        };
        (Form::Four.points() + larger) * size_of::<f32>()
    }

    /// Bytes that a layer of so many channels takes on all threads together while it runs.
    pub fn scratch_bytes(channels: usize) -> usize {
        let values = [Order::Tiles, Order::Points].map(|order| {
            let points = Points {
                form: Form::Six,
                order,
                tiles: together(channels),
                channels,
            };
            points.len()
        });
        rayon::current_num_threads() * values.iter().sum::<usize>() * size_of::<f32>()
    }

    /// Transforms and packs `weight` `[co][ci][3][3]`; `ci` and `co` are multiples of
    /// [`GROUP`](super::kernel::GROUP).
    pub fn new(kernel: Kernel, form: Form, ci: usize, weight: &[f32], bias: &[f32]) -> Winograd {
        let co = bias.len();
        let mut first = 0;
        let panel = |width: usize| {
            first += width;
            (first - width, width)
        };
        let panels: Vec<_> = kernel.panels(co).into_iter().map(panel).collect();
        Winograd {
            form,
            ci,
            weights: packed(form, ci, &panels, weight),
            panels,
            bias: bias.to_vec(),
            zeros: vec![0.0; co],
        }
    }

    /// Runs the layer from `input` into `out`, in parallel over rows of tiles of the current rayon
    /// pool.
    ///
    /// # Panics
    /// If the grids' sizes do not belong to the layer.
    pub fn run(&self, context: &Context, input: &Grid, out: &mut Grid, epilogue: Epilogue) {
        let (width, height) = (out.width, out.height);
        assert_eq!((input.width, input.height), (width, height));
        assert_eq!((input.channels, out.channels), (self.ci, self.bias.len()));
        let side = self.form.outputs();
        let (across, down) = (width.div_ceil(side), height.div_ceil(side));
        // A task has several rows of tiles where rows are short, but all threads have tasks.
        let share = down.div_ceil(2 * rayon::current_num_threads());
        let most = together(self.ci.max(self.bias.len()));
        let rows = most.div_ceil(across).clamp(1, share);
        let band = side * out.row_stride();
        out.rows_mut()
            .par_chunks_mut(rows * band)
            .enumerate()
            .for_each_init(
                || context.scratch(),
                |scratch, (task, out)| {
                    let tiles = across * out.len().div_ceil(band);
                    let together = tiles.div_ceil(tiles.div_ceil(most));
                    for from in (0..tiles).step_by(together) {
                        let job = Job {
                            kernel: context.kernel(),
                            form: self.form,
                            input,
                            top: task * rows,
                            across,
                            tiles: from..(from + together).min(tiles),
                        };
                        self.products(&job, out, scratch);
                        self.finish(&job, scratch, out, epilogue);
                    }
                },
            );
    }

    /// Products of some tiles, from the input's pixels. They belong in `out`.
    fn products(&self, job: &Job, out: &[f32], scratch: &mut Scratch) {
        let (ci, co) = (self.ci, self.bias.len());
        let (v, m) = (job.points(Order::Tiles, ci), job.points(Order::Points, co));
        scratch.v.fit(v.len());
        scratch.m.fit(m.len());
        for (tile, (row, column)) in job.places().enumerate() {
            let inputs = job.inputs(row, column, &mut scratch.patch);
            transform_in(job.kernel, inputs, tile, v, &mut scratch.v);
        }
        // Products keep the processor busy while the memory brings what transforms need next.
        let mut ahead = job.ahead(ci, co);
        let runs = match job.input.data.len() > FAR {
            true => job.runs(),
            false => 0,
        };
        let (points, side) = (self.form.points(), self.form.outputs());
        for (point, weights) in self.weights.chunks_exact(ci * co).enumerate() {
            let count = runs * (point + 1) / points - runs * point / points;
            for (input, output) in ahead.by_ref().take(count) {
                prefetch(&job.input.data, input, side * ci);
                prefetch(out, output, side * co);
            }
            for &(first, width) in &self.panels {
                conv_span(
                    job.kernel,
                    Span {
                        x: &scratch.v[point * v.stride()..],
                        step: v.tile_stride(),
                        taps: &[0],
                        ci,
                        weights: &weights[first * ci..(first + width) * ci],
                        bias: &self.zeros[..width],
                        out: &mut scratch.m[point * m.stride() + first..],
                        out_step: co,
                        pixels: job.tiles.len(),
                        epilogue: Epilogue::Store,
                    },
                );
            }
        }
    }

    /// Outputs of some tiles in the rows of a task, from their products.
    fn finish(&self, job: &Job, scratch: &Scratch, out: &mut [f32], epilogue: Epilogue) {
        let co = self.bias.len();
        let points = job.points(Order::Points, co);
        let (stride, side) = ((job.input.width + 2) * co, self.form.outputs());
        for (tile, (row, column)) in job.places().enumerate() {
            let to = Outputs {
                out: &mut out[row * stride + (1 + column) * co..],
                stride,
                rows: side.min(job.input.height - job.top * side - row),
                columns: side.min(job.input.width - column),
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
    form: Form,
    input: &'a Grid,
    /// First row of tiles of the task.
    top: usize,
    /// Tiles in a row.
    across: usize,
    /// Tiles of the task, row by row.
    tiles: Range<usize>,
}

impl Job<'_> {
    /// Layout of the transforms of the tiles.
    fn points(&self, order: Order, channels: usize) -> Points {
        Points {
            form: self.form,
            order,
            tiles: self.tiles.len(),
            channels,
        }
    }

    /// Row and column of the first output of each tile, in the rows of the task.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let (side, across) = (self.form.outputs(), self.across);
        let tiles = self.tiles.clone();
        tiles.map(move |tile| (side * (tile / across), side * (tile % across)))
    }

    /// Runs of values that [`Job::ahead`] counts.
    fn runs(&self) -> usize {
        self.tiles.len() * self.form.outputs()
    }

    /// First values of what a transform is the first to see of each row of a tile: of the input's
    /// values for the tiles after these, and of the task's outputs for these.
    fn ahead(&self, ci: usize, co: usize) -> impl Iterator<Item = (usize, usize)> {
        let (side, width) = (self.form.outputs(), self.input.width + 2);
        let (top, tiles, across) = (self.top, self.tiles.len(), self.across);
        let at = move |tile: usize, y: usize, channels: usize| {
            let (y, x) = (side * (tile / across) + y, side * (tile % across));
            (y * width + x) * channels
        };
        let tiles = self.tiles.clone().map(move |tile| (tile, tile + tiles));
        tiles.flat_map(move |(tile, next)| {
            (0..side).map(move |y| {
                let input = at(next, top * side + y + 2, ci) + 2 * ci;
                (input, at(tile, y, co) + co)
            })
        })
    }

    /// Inputs of the tile at this place. A tile that reaches outside of the grid with its border is
    /// copied to `patch`, zeros in the place of what is missing.
    fn inputs<'a>(&'a self, row: usize, column: usize, patch: &'a mut Vec<f32>) -> Inputs<'a> {
        let (reach, ci) = (self.form.reach(), self.input.channels);
        let (y, x) = (self.form.outputs() * self.top + row, column);
        let (width, height) = (self.input.width + 2, self.input.height + 2);
        let stride = self.input.row_stride();
        let data = &self.input.data[y * stride + x * ci..];
        if x + reach <= width && y + reach <= height {
            return Inputs { data, stride };
        }
        patch.clear();
        let present = reach.min(width - x) * ci;
        for row in data.chunks(stride).take(reach) {
            patch.extend_from_slice(&row[..present]);
            patch.resize(patch.len() + reach * ci - present, 0.0);
        }
        patch.resize(reach * reach * ci, 0.0);
        Inputs {
            data: patch,
            stride: reach * ci,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for form in [Form::Four, Form::Six] {
            for (width, height) in [(16, 16), (1, 61), (97, 3), (30, 13), (227, 18), (151, 25)] {
                for kernel in Kernel::available() {
                    check(form, kernel, width, height);
                }
            }
        }
    }

    /// Compares a layer's outputs on noise with sums over taps, for each epilogue.
    fn check(form: Form, kernel: Kernel, width: usize, height: usize) {
        let (ci, co) = (GROUP, 3 * GROUP);
        let (weight, bias, scale) = (noise(9 * ci * co, 1), noise(co, 2), noise(co, 3));
        let input = grid(width, height, ci, 4);
        let layer = Winograd::new(kernel, form, ci, &weight, &bias);
        for epilogue in [Epilogue::Store, Epilogue::Add, Epilogue::ReluScale(&scale)] {
            let before = grid(width, height, co, 5);
            let mut out = grid(width, height, co, 5);
            layer.run(&Context::new(kernel), &input, &mut out, epilogue);
            for (i, (got, old)) in out.data.iter().zip(before.data.iter()).enumerate() {
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
                let most = match form {
                    Form::Four => 1e-4,
                    Form::Six => 2e-4,
                };
                assert!(
                    error < most,
                    "{form:?} {kernel:?} {width} x {height}: {got} at {x}, {y}, expected {expected}"
                );
            }
        }
    }

    /// Root mean square of the differences of `values` from those of `exact`.
    fn rms(values: impl Iterator<Item = f32>, exact: &[f64]) -> f64 {
        let squares = values.zip(exact).map(|(v, e)| (f64::from(v) - e).powi(2));
        (squares.sum::<f64>() / exact.len() as f64).sqrt()
    }

    #[test]
    fn both_forms_err_little() {
        let (width, height, channels) = (36, 24, 3 * GROUP);
        let (weight, bias) = (noise(9 * channels * channels, 1), vec![0.0; channels]);
        let input = grid(width, height, channels, 4);
        let outputs = (0..height * width * channels).map(|i| {
            let (y, x) = (i / channels / width, i / channels % width);
            sum(&input, &weight, i % channels, y, x)
        });
        let exact: Vec<f64> = outputs.collect();
        let scale = rms(exact.iter().map(|_| 0.0), &exact);
        for (form, most) in [(Form::Four, 2e-6), (Form::Six, 4e-6)] {
            let layer = Winograd::new(Kernel::best(), form, channels, &weight, &bias);
            let mut out = grid(width, height, channels, 5);
            layer.run(
                &Context::new(Kernel::best()),
                &input,
                &mut out,
                Epilogue::Store,
            );
            let values = (0..height).flat_map(|y| out.row(y).iter().copied());
            let error = rms(values, &exact) / scale;
            println!("{form:?}: {error:.2e} of the outputs");
            assert!(error < most, "{form:?}: {error:.2e}");
        }
    }

    #[test]
    fn the_size_of_a_grid_chooses_the_form() {
        // Few tiles, or too narrow ones, leave larger tiles without gain.
        for (width, height, expected) in [
            (60, 1, None),
            (12, 20, None),
            (16, 16, Some(Form::Four)),
            (61, 1, Some(Form::Four)),
            (13, 14, Some(Form::Four)),
            (2000, 4, Some(Form::Four)),
            (96, 42, Some(Form::Four)),
            (96, 48, Some(Form::Six)),
            (192, 128, Some(Form::Six)),
            (384, 256, Some(Form::Six)),
        ] {
            assert_eq!(form_for(width, height), expected, "{width} x {height}");
        }
    }
}

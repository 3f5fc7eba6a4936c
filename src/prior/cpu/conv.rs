//! Convolution layers: packing of the weights, and the loop over rows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::prior::cpu::context::Context;
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::{Epilogue, GROUP, Kernel, Span, conv_span};
use crate::prior::cpu::lines::Lines;
use crate::prior::cpu::winograd::{self, Form, Winograd};
use crate::prior::weights::WeightTensor;

type Made = Option<Arc<Winograd>>;

fn lock(made: &Mutex<Made>) -> MutexGuard<'_, Made> {
    // What is made is there whole or not at all, also after a panic elsewhere.
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Output channels that one call of the kernel computes.
#[derive(Debug)]
struct Panel {
    /// First output channel.
    first: usize,
    /// `[ky][kx][ci][width]`.
    weights: Lines,
    /// `[width]`.
    bias: Vec<f32>,
}

/// Taps and output of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// 3x3, zero padding of one.
    Same,
    /// 2x2 with stride 2: half the size.
    Down,
    /// 1x1 to four times the channels, then a pixel shuffle: twice the size.
    Up,
}

impl Shape {
    /// Taps a side, first tap in bordered coordinates, input stride, and output pixels a side for
    /// each input pixel.
    fn geometry(self) -> (usize, usize, usize, usize) {
        match self {
            Shape::Same => (3, 0, 1, 1),
            Shape::Down => (2, 1, 2, 1),
            Shape::Up => (1, 1, 1, 2),
        }
    }
}

/// A convolution with weights packed for one kernel.
#[derive(Debug)]
pub(super) struct Conv {
    shape: Shape,
    /// Input channels, a multiple of [`GROUP`].
    ci: usize,
    /// Output channels of each phase, a multiple of [`GROUP`].
    co: usize,
    /// Panels of each phase (dy, dx) of the output: four phases for [`Shape::Up`], else one.
    phases: Vec<Vec<Panel>>,
    /// [`Shape::Same`] by minimal filtering of each form, made for the first grid that takes it.
    minimal: [Mutex<Made>; 2],
}

impl Conv {
    /// Packs `weight` `[co][ci][k][k]` and `bias` `[co]`; `co` counts the channels before a pixel
    /// shuffle.
    ///
    /// Channels are rounded up to a multiple of [`GROUP`] with zero weights, so that all layers of
    /// 3 x 3 taps suit minimal filtering.
    pub fn new(kernel: Kernel, shape: Shape, weight: &WeightTensor, bias: &[f32]) -> Conv {
        let (k, _, _, spread) = shape.geometry();
        let phases = spread * spread;
        let (seen, weight) = (weight.shape[1], &weight.data);
        let (ci, co) = (seen.next_multiple_of(GROUP), bias.len() / phases);
        let pack = |phase: usize| {
            let mut first = 0;
            let mut panels = Vec::new();
            for width in kernel.panels(co.next_multiple_of(GROUP)) {
                // Pixel shuffle: output channel c of phase p is channel c * phases + p of the 1x1
                // convolution.
                let source = |c: usize| (c < co).then_some(c * phases + phase);
                let channels = first..first + width;
                let mut weights = Lines::zeros(k * k * ci * width);
                for (row, to) in weights.chunks_exact_mut(width).enumerate() {
                    let (tap, i) = (row / ci, row % ci);
                    if i < seen {
                        let w = |o: usize| weight[(o * seen + i) * k * k + tap];
                        let values = channels.clone().map(|c| source(c).map_or(0.0, w));
                        to.iter_mut().zip(values).for_each(|(to, w)| *to = w);
                    }
                }
                let bias = channels.map(|c| source(c).map_or(0.0, |o| bias[o]));
                panels.push(Panel {
                    first,
                    weights,
                    bias: bias.collect(),
                });
                first += width;
            }
            panels
        };
        Conv {
            shape,
            ci,
            co: co.next_multiple_of(GROUP),
            phases: (0..phases).map(pack).collect(),
            minimal: Default::default(),
        }
    }

    /// The layer by minimal filtering. None if the layer or grids of this size do not suit it.
    fn minimal(&self, kernel: Kernel, width: usize, height: usize) -> Option<Arc<Winograd>> {
        let form = winograd::form_for(width, height).filter(|_| self.shape == Shape::Same)?;
        let made = match form {
            Form::Four => &self.minimal[0],
            Form::Six => &self.minimal[1],
        };
        let present = lock(made).clone();
        if present.is_some() {
            return present;
        }
        // Not inside the lock: a thread of the pool that waits for others may come here again.
        let (mut weight, mut bias) = (vec![0.0; 9 * self.ci * self.co], Vec::new());
        for panel in self.phases.iter().flatten() {
            let rows = panel.weights.chunks_exact(panel.bias.len()).enumerate();
            for (row, values) in rows {
                let (tap, i) = (row / self.ci, row % self.ci);
                for (o, value) in (panel.first..).zip(values) {
                    weight[(o * self.ci + i) * 9 + tap] = *value;
                }
            }
            bias.extend_from_slice(&panel.bias);
        }
        let minimal = Arc::new(Winograd::new(kernel, form, self.ci, &weight, &bias));
        Some(lock(made).get_or_insert(minimal).clone())
    }

    /// Frees the transformed weights.
    pub fn release(&self) {
        self.minimal.iter().for_each(|made| *lock(made) = None);
    }

    /// Runs the layer from `input` into `out`, in parallel over blocks of rows of the current rayon
    /// pool.
    ///
    /// Grids and layers that suit it take minimal filtering, others the sum over taps.
    ///
    /// # Panics
    /// If the grids' sizes do not belong to the layer.
    pub fn run(&self, context: &Context, input: &Grid, out: &mut Grid, epilogue: Epilogue) {
        let kernel = context.kernel();
        if let Some(minimal) = self.minimal(kernel, out.width, out.height) {
            return minimal.run(context, input, out, epilogue);
        }
        let (k, origin, stride, spread) = self.shape.geometry();
        assert_eq!(input.channels, self.ci);
        assert_eq!(out.width * stride, input.width * spread);
        assert_eq!(out.height * stride, input.height * spread);

        let in_stride = input.row_stride();
        let taps: Vec<usize> = (0..k * k)
            .map(|t| (origin + t / k) * in_stride + (origin + t % k) * self.ci)
            .collect();
        let (co, out_stride) = (out.channels, out.row_stride());
        let (pixels, rows) = (out.width / spread, out.height / spread);
        // A task has some rows, so that a panel of weights serves them all while it is in the
        // cache.
        let block = (rows / (4 * rayon::current_num_threads())).clamp(1, 8);
        let chunk = spread * out_stride;
        let task = |(index, chunks): (usize, &mut [f32])| {
            for (phase, panels) in self.phases.iter().enumerate() {
                let start = phase / spread * out_stride + (1 + phase % spread) * co;
                for panel in panels {
                    let channels = panel.first..panel.first + panel.bias.len();
                    for (y, out) in chunks.chunks_mut(chunk).enumerate() {
                        let x = &input.data[(index * block + y) * stride * in_stride..];
                        conv_span(
                            kernel,
                            Span {
                                x,
                                step: stride * self.ci,
                                taps: &taps,
                                ci: self.ci,
                                weights: &panel.weights,
                                bias: &panel.bias,
                                out: &mut out[start + panel.first..],
                                out_step: spread * co,
                                pixels,
                                epilogue: match epilogue {
                                    Epilogue::ReluScale(s) => {
                                        Epilogue::ReluScale(&s[channels.clone()])
                                    }
                                    other => other,
                                },
                            },
                        );
                    }
                }
            }
        };
        out.rows_mut()
            .par_chunks_mut(block * chunk)
            .enumerate()
            .for_each(task);
    }
}

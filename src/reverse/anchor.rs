//! The state of the last call of the network, from which corrections start.

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::pixels::planes::Planes;
use crate::schedule::Sigma;

/// Values of a task, and of a piece of it that is rounded at once.
const TASK: usize = 1 << 14;
const PIECE: usize = 1 << 9;

/// x_t and x0_hat of the last call of the network, in numbers of 16 bits. Their rounding is far
/// below the noise that a correction works against.
#[derive(Debug, Clone)]
pub(super) struct Anchor {
    pub t: Sigma,
    x_t: Vec<f16>,
    x0_hat: Vec<f16>,
}

impl Anchor {
    /// The state at `t`, whose x0_hat the network has predicted. Memory of an anchor `before` is
    /// reused.
    pub fn new(t: Sigma, x_t: &Planes, x0_hat: &Planes, before: Option<Anchor>) -> Self {
        let (mut a, mut b) = before.map_or((Vec::new(), Vec::new()), |b| (b.x_t, b.x0_hat));
        narrow(x_t, &mut a);
        narrow(x0_hat, &mut b);
        Anchor {
            t,
            x_t: a,
            x0_hat: b,
        }
    }

    /// Writes the values of x_t from index `first` of the planes.
    pub fn copy_x_t(&self, first: usize, row: &mut [f32]) {
        widen(&self.x_t[first..], row);
    }

    /// Writes the values of x0_hat from index `first` of the planes.
    pub fn copy_x0_hat(&self, first: usize, row: &mut [f32]) {
        widen(&self.x0_hat[first..], row);
    }
}

fn widen(values: &[f16], row: &mut [f32]) {
    values[..row.len()].convert_to_f32_slice(row);
}

/// Rounds the values of `planes` to 16 bits. Those beyond their range are clamped to it.
fn narrow(planes: &Planes, to: &mut Vec<f16>) {
    to.resize(planes.data.len(), f16::ZERO);
    let most = f16::MAX.to_f32();
    let tasks = to.par_chunks_mut(TASK).zip(planes.data.par_chunks(TASK));
    tasks.for_each(|(to, values)| {
        let mut piece = [0.0; PIECE];
        for (to, values) in to.chunks_mut(PIECE).zip(values.chunks(PIECE)) {
            let piece = &mut piece[..values.len()];
            let pairs = piece.iter_mut().zip(values);
            pairs.for_each(|(to, v)| *to = v.clamp(-most, most));
            to.convert_from_f32_slice(piece);
        }
    });
}

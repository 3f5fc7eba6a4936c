//! Definition of the arithmetic, in safe scalar code for every machine.

use crate::prior::cpu::kernel::span::{Epilogue, GROUP, Span};

/// Computes a span, one pixel and one group of channels at a time, with `mul_add(x, w, acc)`.
pub(super) fn span(s: &mut Span, mul_add: impl Fn(f32, f32, f32) -> f32) {
    let width = s.bias.len();
    for q in 0..s.pixels {
        let out = &mut s.out[q * s.out_step..][..width];
        for first in (0..width).step_by(GROUP) {
            let mut acc = [0.0f32; GROUP];
            acc.copy_from_slice(&s.bias[first..first + GROUP]);
            let mut weights = s.weights.chunks_exact(width);
            for tap in s.taps {
                let x = &s.x[q * s.step + tap..][..s.ci];
                for (x, w) in x.iter().zip(&mut weights) {
                    for (a, w) in acc.iter_mut().zip(&w[first..first + GROUP]) {
                        *a = mul_add(*x, *w, *a);
                    }
                }
            }
            let out = &mut out[first..first + GROUP];
            match s.epilogue {
                Epilogue::Store => out.copy_from_slice(&acc),
                Epilogue::ReluScale(scale) => {
                    for ((o, a), scale) in out.iter_mut().zip(acc).zip(&scale[first..]) {
                        *o = if a > 0.0 { a } else { 0.0 } * scale;
                    }
                }
                Epilogue::Add => out.iter_mut().zip(acc).for_each(|(o, a)| *o += a),
            }
        }
    }
}

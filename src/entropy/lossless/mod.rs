//! The exact samples of a picture, given the state of the chain.
//!
//! Each sample is predicted by least squares, learned as the picture goes, from x_t, x0_hat and the exact samples before it;
//! its bits are coded from the highest down under a mixture (Mahoney's logistic mixing) of two logistic distributions
//! about the prediction and of counters that remember which values stood in a like place. All of it is IEEE arithmetic
//! in a fixed order, with tables of integers for logarithms: given the same x_t and x0_hat, every machine computes the
//! same probabilities.

mod context_table;
mod fit;
mod mixing;
mod model;

use crate::entropy::coder::{Bit, Coder, Reader, Writer};
use crate::entropy::lossless::model::Model;

/// What both ends know of the picture.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Columns and rows of the picture.
    pub size: (usize, usize),
    /// Columns and rows of the planes, which may be larger.
    pub planes: (usize, usize),
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Bits of a sample, 8 or 16.
    pub bits: u32,
    /// The state of the chain, in centred levels, plane by plane.
    pub x_t: &'a [f32],
    /// Its prediction of x_0.
    pub x0_hat: &'a [f32],
}

/// How much of the picture the bytes gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Rows from the top whose samples are certain.
    pub rows: usize,
    /// Whether the check of the samples fits; none before all rows are there.
    pub sound: Option<bool>,
}

/// The decision that says that the samples follow as they are.
const RAW: Bit = Bit::new(256);

/// Bytes of the check before the coded rows: the CRC-32 of the samples.
const CHECK: usize = 4;

impl Side<'_> {
    fn row_len(&self) -> usize {
        self.size.0 * self.channels
    }

    /// Bytes of the samples as they are.
    pub fn raw_bytes(&self) -> usize {
        self.row_len() * self.size.1 * self.bits as usize / 8
    }

    fn check(&self, row: &[u16], check: &mut crc32fast::Hasher) {
        for sample in row {
            let bytes = sample.to_le_bytes();
            check.update(&bytes[..self.bits as usize / 8]);
        }
    }
}

/// Bytes of memory that coding the samples of a picture takes, in either direction, besides the samples and the payload.
pub fn exact_memory(width: u64, height: u64, channels: u64) -> u64 {
    Model::bytes(width, height, channels)
}

/// Codes the samples; `fetch` fills a row of interleaved samples, given its number.
pub fn encode_exact(side: &Side, mut fetch: impl FnMut(usize, &mut [u16])) -> Vec<u8> {
    let mut row = vec![0; side.row_len()];
    let mut check = crc32fast::Hasher::new();
    let mut coder = Writer::new();
    coder.fixed(RAW, false);
    let mut model = Model::new(*side);
    for y in 0..side.size.1 {
        fetch(y, &mut row);
        side.check(&row, &mut check);
        model.row(y, &mut row, &mut coder);
    }
    let mut coded = coder.into_bytes();
    if coded.len() > side.raw_bytes() {
        let mut coder = Writer::new();
        coder.fixed(RAW, true);
        for y in 0..side.size.1 {
            fetch(y, &mut row);
            raw(side, &mut row, &mut coder);
        }
        let bytes = coder.into_bytes();
        if bytes.len() < coded.len() {
            coded = bytes;
        }
    }
    let mut out = check.finalize().to_le_bytes().to_vec();
    out.extend(coded);
    out
}

/// Decodes the rows that `payload`, whole or cut, makes certain; `store` takes each row of interleaved samples.
pub fn decode_exact(side: &Side, payload: &[u8], mut store: impl FnMut(usize, &[u16])) -> Reached {
    let mut reached = Reached {
        rows: 0,
        sound: None,
    };
    let Some((wanted, coded)) = payload.split_first_chunk::<CHECK>() else {
        return reached;
    };
    let mut row = vec![0; side.row_len()];
    let mut check = crc32fast::Hasher::new();
    let mut coder = Reader::new(coded);
    let mut model = (!coder.fixed(RAW, false)).then(|| Model::new(*side));
    while reached.rows < side.size.1 {
        match &mut model {
            Some(model) => model.row(reached.rows, &mut row, &mut coder),
            None => raw(side, &mut row, &mut coder),
        }
        if !coder.certain() {
            return reached;
        }
        side.check(&row, &mut check);
        store(reached.rows, &row);
        reached.rows += 1;
    }
    reached.sound = Some(check.finalize().to_le_bytes() == *wanted);
    reached
}

/// One row as it is, high bits first.
fn raw<C: Coder>(side: &Side, row: &mut [u16], coder: &mut C) {
    for sample in row {
        let value = *sample;
        *sample = 0;
        for bit in (0..side.bits).rev() {
            let one = coder.fixed(Bit::EVEN, value >> bit & 1 == 1);
            *sample |= u16::from(one) << bit;
        }
    }
}

#[cfg(test)]
mod tests;

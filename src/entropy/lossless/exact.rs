//! Codes and decodes the exact samples, row by row.

use crate::entropy::coder::{Bit, Coder, RangeReader, RangeWriter};
use crate::entropy::lossless::model::SampleModel;
use crate::entropy::lossless::side_information::SideInformation;

/// Extent of the picture that the bytes gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Rows from the top whose samples are certain.
    pub rows: usize,
    /// True if the check of the samples fits; none before all rows have come.
    pub crc_matches: Option<bool>,
}

/// The decision that the samples follow as they are.
const RAW: Bit = Bit::new(256);

/// Bytes of the check before the coded rows: the CRC-32 of the samples.
const CHECK: usize = 4;

/// Bytes of memory that coding the samples of a picture takes, in either direction, besides the
/// samples and the payload.
pub fn exact_memory(width: u64, height: u64, channels: u64) -> u64 {
    SampleModel::bytes(width, height, channels)
}

/// The samples, coded without loss after their check. `fetch(y, row)` fills row `y` of interleaved
/// samples.
pub fn encode_exact(side: &SideInformation, mut fetch: impl FnMut(usize, &mut [u16])) -> Vec<u8> {
    let mut row = vec![0; side.row_len()];
    let mut check = crc32fast::Hasher::new();
    let mut coder = RangeWriter::new();
    coder.fixed(RAW, false);
    let mut model = SampleModel::new(*side);
    for y in 0..side.size.1 {
        fetch(y, &mut row);
        side.check(&row, &mut check);
        model.row(y, &mut row, &mut coder);
    }
    let mut coded = coder.into_bytes();
    if coded.len() > side.raw_bytes() {
        let mut coder = RangeWriter::new();
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

/// Decodes the rows that `payload`, whole or cut, makes certain. `store(y, row)` takes row `y` of
/// interleaved samples.
pub fn decode_exact(
    side: &SideInformation,
    payload: &[u8],
    mut store: impl FnMut(usize, &[u16]),
) -> Reached {
    let mut reached = Reached {
        rows: 0,
        crc_matches: None,
    };
    let Some((wanted, coded)) = payload.split_first_chunk::<CHECK>() else {
        return reached;
    };
    let mut row = vec![0; side.row_len()];
    let mut check = crc32fast::Hasher::new();
    let mut coder = RangeReader::new(coded);
    let mut model = (!coder.fixed(RAW, false)).then(|| SampleModel::new(*side));
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
    reached.crc_matches = Some(check.finalize().to_le_bytes() == *wanted);
    reached
}

/// Codes one row as it is, high bits first.
fn raw<C: Coder>(side: &SideInformation, row: &mut [u16], coder: &mut C) {
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

//! The head of a layer.

use crate::codes::{BandAllocation, SigmaCode};
use crate::container::check::is_checked;
use crate::container::varint;

/// The head of one layer: a step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Its number, from 0.
    pub index: u32,
    /// Code of sigma_s, where the step ends.
    pub sigma: SigmaCode,
    /// T, the stages of its trellis; four bits each.
    pub stages: u32,
    /// How they are allotted to the bands; without meaning in a file without.
    pub allocation: BandAllocation,
    /// Offset of its tag in the file.
    pub offset: u64,
}

impl Layer {
    /// Bytes of the head of a layer of `stages` stages, behind `unchecked` bytes since the last check, its own included if it
    /// has one; `change` tells, of a file with bands, whether it changes the allocation.
    pub fn head_bytes(unchecked: u64, stages: u32, change: Option<bool>) -> usize {
        let number = Self::number(stages, change);
        let bits = 64 - (number | 1).leading_zeros();
        let mut head = 1 + bits.div_ceil(7) as usize;
        if change == Some(true) {
            head += BandAllocation::BYTES;
        }
        match is_checked(unchecked + head as u64) {
            true => head + 2,
            false => head,
        }
    }

    /// The number that stands for `stages` in a file: with bands twice that, and one more if the allocation changes.
    pub(crate) fn number(stages: u32, change: Option<bool>) -> u64 {
        match change {
            None => stages.into(),
            Some(change) => 2 * u64::from(stages) + u64::from(change),
        }
    }

    /// The stages and the allocation that the bytes behind a tag tell, where the allocation was `before`, and how many bytes do.
    pub(crate) fn read(
        bytes: &[u8],
        banded: bool,
        before: BandAllocation,
    ) -> Result<(u64, BandAllocation, usize), varint::Fault> {
        let (number, n) = varint::read(bytes)?;
        if !banded || number & 1 == 0 {
            return Ok((number >> u32::from(banded), before, n));
        }
        let change = bytes[n..].first_chunk().ok_or(varint::Fault::Short)?;
        Ok((number >> 1, before.changed(*change), n + change.len()))
    }

    /// Bytes of trellis bits of the whole layer.
    pub fn body_bytes(&self) -> usize {
        (self.stages as usize).div_ceil(2)
    }
}

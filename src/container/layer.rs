//! The head of a layer.

use crate::codes::{BandAllocation, SigmaCode};
use crate::container::check::{CHECK_BYTES, is_checked};
use crate::container::format::{TAG_CORRECTED, TAG_LAYER};
use crate::container::rule::Unread;
use crate::container::varint;
use crate::container::varint::VarintError;

/// The head of one layer: a step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Its number, from 0.
    pub index: u32,
    /// Code of sigma_s, where the step ends.
    pub sigma: SigmaCode,
    /// T, the stages of its trellis, four bits each.
    pub stages: u32,
    /// The allocation of the stages to the bands. It means nothing in a file without bands.
    pub allocation: BandAllocation,
    /// True if it starts from a corrected x0_hat, false if the network was called.
    pub corrected: bool,
    /// Offset of its tag in the file, in bytes.
    pub offset: u64,
}

impl Layer {
    /// Bytes of the head of a layer of `stages` stages, its check included if it has one.
    ///
    /// `unchecked` is the number of bytes since the last check. `change` tells, for a file with
    /// bands, if the head changes the allocation.
    pub fn head_bytes(unchecked: u64, stages: u32, change: Option<bool>) -> usize {
        let number = Self::number(stages, change);
        let bits = 64 - (number | 1).leading_zeros();
        let mut head = 1 + bits.div_ceil(7) as usize;
        if change == Some(true) {
            head += BandAllocation::BYTES;
        }
        match is_checked(unchecked + head as u64) {
            true => head + CHECK_BYTES,
            false => head,
        }
    }

    /// The number that stands for `stages` in a file. With bands it is twice that, and one more if
    /// the allocation changes.
    fn number(stages: u32, change: Option<bool>) -> u64 {
        match change {
            None => stages.into(),
            Some(change) => 2 * u64::from(stages) + u64::from(change),
        }
    }

    /// Appends the head without its check. The layer is `delta` codes below the one before, whose
    /// allocation is `before`.
    pub(crate) fn write_head(
        &self,
        out: &mut Vec<u8>,
        delta: u8,
        banded: bool,
        before: BandAllocation,
    ) {
        let corrected = if self.corrected { TAG_CORRECTED } else { 0 };
        out.push(TAG_LAYER + corrected + delta);
        let change = banded.then_some(self.allocation != before);
        varint::write(out, Self::number(self.stages, change));
        if change == Some(true) {
            out.extend(before.change_to(self.allocation));
        }
    }

    /// The distance of its noise level from the one before, and true if it is corrected, of the
    /// `tag` in a file that has `corrected` layers or not.
    pub(crate) fn read_tag(tag: u8, corrected: bool) -> (u8, bool) {
        let delta = tag - TAG_LAYER;
        match corrected {
            true => (delta & !TAG_CORRECTED, delta & TAG_CORRECTED != 0),
            false => (delta, false),
        }
    }

    /// The stages and the allocation in `bytes`, which follow the tag, and their length in bytes.
    /// The allocation of the layer before is `before`.
    pub(crate) fn read_head(
        bytes: &[u8],
        banded: bool,
        before: BandAllocation,
    ) -> Result<(u64, BandAllocation, usize), Unread> {
        let malformed = |e: VarintError| e.within("number of stages is malformed");
        let (number, n) = varint::read(bytes).map_err(malformed)?;
        if !banded || number & 1 == 0 {
            return Ok((number >> u32::from(banded), before, n));
        }
        let change = bytes[n..].first_chunk().ok_or(Unread::Short)?;
        Ok((number >> 1, before.changed(*change), n + change.len()))
    }

    /// Bytes of the trellis bits of the whole layer.
    pub fn body_bytes(&self) -> usize {
        (self.stages as usize).div_ceil(2)
    }
}

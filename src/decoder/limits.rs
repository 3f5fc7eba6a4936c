//! What a decoder takes at its peak, and its limit.

use super::{Decoder, StreamDecoder};
use crate::container::{Event, Header, PartName};
use crate::error::Result;
use crate::memory;
use crate::sampler::Mode;

/// What to do where the memory does not suffice.
pub(super) const RAISE: &str = "raise the limit";

impl Decoder<'_> {
    /// The expected peak of memory in bytes of decoding `bytes` bytes of a file with this header, these and the program
    /// included: two arrays of 32-bit floats a sample, three if it is `cut` inside a layer, five for a sampler. What a denoiser
    /// of your own takes is included as far as it says.
    pub fn memory(&self, header: &Header, bytes: u64, cut: bool) -> u64 {
        let arrays = match self.sampler.mode() {
            Mode::Mean if cut => 3,
            Mode::Mean => 2,
            // The chain's, and those of the walk.
            _ => 5,
        };
        self.peak(header, bytes, arrays, 0)
    }

    /// The same once the exact samples of a lossless file come, for which there is a model to be held.
    pub fn exact_memory(&self, header: &Header, bytes: u64) -> u64 {
        // The payload, and the samples in 16 bits.
        let depth = if header.deep { 2 } else { 1 };
        self.peak(header, bytes, 2, memory::exact(header, depth + 2))
    }

    pub(super) fn peak(&self, header: &Header, bytes: u64, arrays: u64, exact: u64) -> u64 {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let depth = if header.deep { 2 } else { 1 };
        let alive = memory::Alive {
            arrays,
            bytes: bytes + if header.alpha { 2 * pixels * depth } else { 0 },
            view: self.view,
            searching: false,
            aside: exact,
        };
        memory::peak(self.prior, header, alive)
    }
}

impl<'p> StreamDecoder<'p> {
    /// A decoder of whole files with the same settings.
    pub(super) fn settings(&self) -> Decoder<'p> {
        Decoder {
            view: self.view,
            ..Decoder::new(self.prior).sampler(self.sampler)
        }
    }

    pub(super) fn memory(&self, header: &Header, cut: bool) -> u64 {
        self.settings().memory(header, self.held, cut)
    }

    /// [`Error::Limits`] if exact samples have begun to come and there is no room for them.
    pub(super) fn check_exact(&self, event: &Event) -> Result<()> {
        let begun = self
            .parser
            .partial_part()
            .is_some_and(|p| p.0 == PartName::EXACT)
            || matches!(event, Event::Part(PartName::EXACT, _));
        match self.parser.header() {
            Some(header) if begun => {
                let need = self.settings().exact_memory(header, self.held);
                let what = "the exact end of";
                memory::check(
                    what,
                    header,
                    need,
                    self.max_memory,
                    "raise the limit, or stop after the last layer",
                )
            }
            _ => Ok(()),
        }
    }
}

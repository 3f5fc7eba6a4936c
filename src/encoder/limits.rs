//! What the encoder takes at its peak, and its limit.

use super::{Encoder, Target};
use crate::container::Header;
use crate::error::Result;
use crate::memory;
use crate::picture::Colour;
use crate::reverse::View;
use crate::samples::Depth;

impl<'a> Encoder<'a> {
    /// The expected peak of memory in bytes of encoding a picture of `width` x `height`, the picture and the program
    /// included: two arrays of 32-bit floats a sample, six for [`Target::Psnr`], which tries cuts, eight with [`Encoder::shown_by`], four
    /// with [`Encoder::reconstruct`], and for [`Target::Lossless`] the model of the samples. What a denoiser of your own takes is
    /// included as far as it says.
    pub fn memory(
        &self,
        width: u32,
        height: u32,
        colour: Colour,
        depth: Depth,
        alpha: bool,
    ) -> u64 {
        let header = self.header(width, height, colour, depth, alpha);
        self.peak(&header, self.target)
    }

    /// By what a target of PSNR is measured.
    pub(super) fn view(&self, header: &Header) -> View<'a> {
        match self.peak_by(self.view, header, self.target) <= self.max_memory {
            true => self.view,
            false => View::PLAIN,
        }
    }

    fn peak(&self, header: &Header, target: Target) -> u64 {
        self.peak_by(self.view(header), header, target)
    }

    fn peak_by(&self, view: View, header: &Header, target: Target) -> u64 {
        let measured = matches!(target, Target::Psnr(_));
        let filtered = self.prefilters(header.width, header.height, target);
        let alive = memory::Alive {
            arrays: match target {
                // A cut by a view holds two more on its way.
                Target::Psnr(_) if !view.is_plain() => 8,
                Target::Psnr(_) => 6,
                _ if self.reconstruct => 4,
                _ => 2,
            },
            bytes: picture_bytes(header) * (1 + u64::from(self.reconstruct))
                + header.coded_len() * if filtered { 2 } else { sample_bytes(header) }
                + header.coded_len() / 3 * self.bytes_of_planes(),
            view: if measured { view } else { View::PLAIN },
            searching: true,
            aside: match target.is_lossless() {
                // The payload on its way into the file.
                true => memory::exact(header, 2 * sample_bytes(header)),
                false if filtered => self.filtering(header),
                false => 0,
            },
        };
        memory::peak(self.prior, header, alive)
    }

    /// Whether pictures of this size are filtered first for this target.
    pub(super) fn prefilters(&self, width: u32, height: u32, target: Target) -> bool {
        // Smaller planes hold values more than once.
        self.prefilter && !target.is_lossless() && width.min(height) >= 16
    }

    /// Bytes that this takes beside what comes of it: the samples as they are, and four planes of a tile: its own, filtered, with noise,
    /// and what is shown of that.
    fn filtering(&self, header: &Header) -> u64 {
        let (width, height) = header.coded_size();
        let two = self.prior.memory(width, height, 1).1;
        header.coded_len() * sample_bytes(header) + two * 2
    }

    /// Bytes a pixel of an interest and its classes, and of a map and its sums.
    fn bytes_of_planes(&self) -> u64 {
        let (interest, map) = (self.interest.is_some(), self.map);
        5 * u64::from(interest) + 12 * u64::from(map)
    }

    /// [`Error::Limits`](crate::Error::Limits) if [`Encoder::memory`] is over the limit.
    ///
    /// [`Encoder::encode`] asks by itself; with this the caller can do so before the picture is read.
    pub fn check_memory(
        &self,
        width: u32,
        height: u32,
        colour: Colour,
        depth: Depth,
        alpha: bool,
    ) -> Result<()> {
        let header = self.header(width, height, colour, depth, alpha);
        let bytes = self.peak(&header, self.target);
        let other = self.peak(&header, Target::Quality(75.0));
        let advice = match bytes > other {
            true => format!(
                "raise the limit, or aim at a quality or a rate, which takes {}",
                memory::amount(other)
            ),
            false => "raise the limit, or encode a smaller picture".into(),
        };
        memory::check("encoding", &header, bytes, self.max_memory, &advice)
    }
}

/// Bytes of the samples and the alpha of a picture.
fn picture_bytes(header: &Header) -> u64 {
    let channels = if header.rgb { 3 } else { 1 } + u64::from(header.alpha);
    u64::from(header.width) * u64::from(header.height) * channels * sample_bytes(header)
}

fn sample_bytes(header: &Header) -> u64 {
    if header.deep { 2 } else { 1 }
}

//! The memory that a decoder takes at its peak, and its limit.

use crate::container::{Event, Header, PartName};
use crate::decoder::decoder::Decoder;
use crate::decoder::stream::{Body, StreamDecoder};
use crate::error::Result;
use crate::prior::Prior;
use crate::reverse::{Display, footprint};
use crate::sampler::{Mode, Sampler};

/// The way out where the memory does not suffice.
const RAISE: &str = "raise the limit";

impl Decoder {
    /// Expected peak of memory in bytes of decoding `bytes` bytes of a file with this header, these and the program
    /// included: two arrays of 32-bit floats a sample, three if it is `cut` inside a layer, five for a sampler. The memory of a
    /// denoiser of your own is included as far as it tells.
    ///
    /// # Errors
    /// [`Error::WrongPrior`] and [`Error::Unsupported`] as in [`StreamDecoder::push`].
    pub fn memory(&self, header: &Header, bytes: u64, cut: bool) -> Result<u64> {
        let prior = self.prior_of(header)?;
        let display = self.display_of(&prior)?;
        peak(&prior, &display, header, bytes, self.arrays(cut), 0)
    }

    /// Expected peak of memory in bytes once the exact samples of a lossless file come, for which a model is held.
    ///
    /// # Errors
    /// Those of [`Decoder::memory`].
    pub fn exact_memory(&self, header: &Header, bytes: u64) -> Result<u64> {
        let prior = self.prior_of(header)?;
        let display = self.display_of(&prior)?;
        exact_peak(&prior, &display, header, bytes)
    }

    /// Arrays of D 32-bit floats that are alive at the peak.
    fn arrays(&self, cut: bool) -> u64 {
        arrays(&self.sampler, cut)
    }
}

fn arrays(sampler: &Sampler, cut: bool) -> u64 {
    match sampler.mode() {
        Mode::Mean if cut => 3,
        Mode::Mean => 2,
        // The chain's, and those of the walk.
        _ => 5,
    }
}

fn exact_peak(prior: &Prior, display: &Display, header: &Header, bytes: u64) -> Result<u64> {
    // The payload, and the samples in 16 bits.
    let aside = footprint::exact(&header.form, header.form.depth.bytes() + 2);
    peak(prior, display, header, bytes, 2, aside)
}

fn peak(
    prior: &Prior,
    display: &Display,
    header: &Header,
    bytes: u64,
    arrays: u64,
    aside: u64,
) -> Result<u64> {
    let alive = footprint::Alive {
        arrays,
        bytes: bytes + 2 * header.form.alpha_bytes(),
        display,
        searching: false,
        aside,
    };
    footprint::peak(prior, header, alive)
}

impl StreamDecoder {
    /// Expected peak with so many arrays, under the display of `body`.
    fn peak(&self, body: &Body, arrays: u64) -> Result<u64> {
        peak(
            &body.prior,
            &body.display,
            &body.header,
            self.held,
            arrays,
            0,
        )
    }

    /// True if a picture for which so many arrays are alive is within the limit.
    pub(crate) fn fits(&self, body: &Body, arrays: u64) -> bool {
        self.peak(body, arrays)
            .is_ok_and(|bytes| bytes <= self.settings.max_memory)
    }

    /// Does without what would be over the limit of memory.
    pub(crate) fn fit_memory(&self, body: &mut Body) {
        let sampler = &self.settings.sampler;
        if !self.fits(body, arrays(sampler, false)) {
            body.display = body.display.clone().without_prior();
        }
        body.whole_layers = !self.fits(body, arrays(sampler, true));
    }

    /// [`Error::Limits`] if the chain takes more memory than the limit.
    pub(crate) fn check_memory(&self, body: &Body) -> Result<()> {
        let need = self.peak(body, arrays(&self.settings.sampler, false))?;
        let most = self.settings.max_memory;
        footprint::check("decoding", &body.header, need, most, RAISE)
    }

    /// [`Error::Limits`] if a walk of `sampler` takes more memory than the limit.
    pub(crate) fn check_sampler(&self, sampler: &Sampler) -> Result<()> {
        let Some(body) = &self.body else {
            return Ok(());
        };
        let need = self.peak(body, arrays(sampler, true))?;
        let most = self.settings.max_memory;
        footprint::check("sampling", &body.header, need, most, RAISE)
    }

    /// [`Error::Limits`] if exact samples have begun to come and there is no room for them.
    pub(crate) fn check_exact(&self, event: &Event) -> Result<()> {
        let part = self.parser.partial_part().map(|part| part.0);
        let begun =
            part == Some(PartName::EXACT) || matches!(event, Event::Part(PartName::EXACT, _));
        let Some(body) = self.body.as_ref().filter(|_| begun) else {
            return Ok(());
        };
        let need = exact_peak(&body.prior, &body.display, &body.header, self.held)?;
        let advice = "raise the limit, or stop after the last layer";
        let most = self.settings.max_memory;
        footprint::check("the exact end of", &body.header, need, most, advice)
    }
}

//! The memory that a decoder takes at its peak, and its limit.

use crate::container::Header;
use crate::decoder::settings::Decoder;
use crate::error::Result;
use crate::prior::Prior;
use crate::reverse::{Display, footprint};
use crate::sampler::{Mode, Sampler};

/// The way out where the memory does not suffice.
const RAISE: &str = "raise the limit";

/// Copies of metadata that are alive while a picture file is made of them, a TIFF the most.
const METADATA_COPIES: u64 = 4;

impl Decoder {
    /// Expected peak of memory in bytes of decoding `bytes` bytes of a file with this header. The
    /// file and the program are included.
    ///
    /// The peak has two arrays of 32-bit floats a sample, three if the file is `cut` inside a
    /// layer, five for a sampler. With corrected layers two of 16-bit floats are kept as well,
    /// and there is one more of 32 inside a layer and for a sampler. The memory of a denoiser
    /// of your own is included as far as it tells.
    ///
    /// # Errors
    /// [`Error::WrongPrior`](crate::Error::WrongPrior) and
    /// [`Error::Unsupported`](crate::Error::Unsupported) as in
    /// [`StreamDecoder::push`](crate::StreamDecoder::push).
    pub fn memory(&self, header: &Header, bytes: u64, cut: bool) -> Result<u64> {
        let prior = self.prior_of(header)?;
        let display = self.display_of(&prior)?;
        let footprint = Footprint::new(self, &prior, header, bytes);
        footprint.peak(&display, footprint.arrays(&self.sampler, cut))
    }

    /// Expected peak of memory in bytes once the exact samples of a photograph come, for which a
    /// model is held.
    ///
    /// # Errors
    /// Those of [`Decoder::memory`].
    pub fn exact_memory(&self, header: &Header, bytes: u64) -> Result<u64> {
        let prior = self.prior_of(header)?;
        let display = self.display_of(&prior)?;
        Footprint::new(self, &prior, header, bytes).exact_peak(&display, true)
    }
}

/// The memory of decoding one file, and its limit. All sizes are in bytes.
#[derive(Debug)]
pub(crate) struct Footprint {
    prior: Prior,
    header: Header,
    sampler: Sampler,
    /// The part of the file that the caller holds.
    held: u64,
    /// All copies of the metadata.
    metadata: u64,
    most: u64,
}

impl Footprint {
    /// The footprint of a decoder of `prior`, for a file of which the caller holds `held` bytes.
    pub fn new(settings: &Decoder, prior: &Prior, header: &Header, held: u64) -> Self {
        Footprint {
            prior: prior.clone(),
            header: header.clone(),
            sampler: settings.sampler,
            held,
            metadata: 0,
            most: settings.max_memory,
        }
    }

    /// Takes note of the bytes of all metadata so far.
    pub fn keep_metadata(&mut self, bytes: u64) {
        self.metadata = METADATA_COPIES * bytes;
    }

    /// Arrays of D 32-bit floats that are alive at the peak; `cut` inside a layer or not.
    fn arrays(&self, sampler: &Sampler, cut: bool) -> u64 {
        match sampler.mode() {
            Mode::Mean if cut => self.cut_arrays(3),
            Mode::Mean => 2,
            // The chain's, and those of the walk.
            _ => self.cut_arrays(5),
        }
    }

    /// `arrays`, and one more where the layer at a cut may start from a corrected x0_hat: the
    /// prediction of a call too.
    pub fn cut_arrays(&self, arrays: u64) -> u64 {
        arrays + u64::from(self.header.corrected)
    }

    /// Expected peak with this number of arrays of D 32-bit floats.
    fn peak(&self, display: &Display, arrays: u64) -> Result<u64> {
        self.peak_beside(display, arrays, 0)
    }

    /// Expected peak once exact samples come, beside the chain or without it.
    fn exact_peak(&self, display: &Display, beside_chain: bool) -> Result<u64> {
        // The payload, and the samples in 16 bits.
        let form = &self.header.form;
        self.peak_beside(
            display,
            2,
            footprint::exact(form, form.depth.bytes() + 2, beside_chain),
        )
    }

    /// Expected peak with work of `aside` bytes between layers.
    fn peak_beside(&self, display: &Display, arrays: u64, aside: u64) -> Result<u64> {
        let alive = footprint::Alive {
            arrays,
            bytes: self.held + self.metadata + 2 * self.header.form.alpha_bytes(),
            display,
            searching: false,
            aside,
        };
        footprint::peak(&self.prior, &self.header, alive)
    }

    /// True if a picture for which this number of arrays is alive is within the limit.
    pub fn fits(&self, display: &Display, arrays: u64) -> Result<bool> {
        Ok(self.peak(display, arrays)? <= self.most)
    }

    /// `display`, by the prior of the file alone where that would be over the limit.
    pub fn fitted(&self, display: &Display) -> Result<Display> {
        let display = display.clone();
        Ok(
            match self.fits(&display, self.arrays(&self.sampler, false))? {
                true => display,
                false => display.by_own_prior(),
            },
        )
    }

    /// True if the part of a layer at a cut can be shown.
    pub fn fits_cut(&self, display: &Display) -> Result<bool> {
        self.fits(display, self.arrays(&self.sampler, true))
    }

    /// True if there is room for a second model of exact samples, which is kept while a picture is
    /// shown.
    pub fn fits_checkpoint(&self, display: &Display) -> Result<bool> {
        let form = &self.header.form;
        let kept = footprint::exact(form, 2, true).max(footprint::exact(form, 2, false));
        let chain = self.peak(display, self.arrays(&self.sampler, true))?;
        let exact = self.exact_peak(display, true)?;
        let exact = exact.max(self.exact_peak(display, false)?);
        Ok(chain.max(exact).saturating_add(kept) <= self.most)
    }

    /// [`Error::Limits`](crate::Error::Limits) if the chain takes more memory than the limit.
    pub fn check(&self, display: &Display) -> Result<()> {
        let need = self.peak(display, self.arrays(&self.sampler, false))?;
        footprint::check("decoding", &self.header, need, self.most, RAISE)
    }

    /// [`Error::Limits`](crate::Error::Limits) if a walk of `sampler` takes more memory than the
    /// limit.
    pub fn check_sampler(&self, display: &Display, sampler: &Sampler) -> Result<()> {
        let need = self.peak(display, self.arrays(sampler, true))?;
        footprint::check("sampling", &self.header, need, self.most, RAISE)
    }

    /// [`Error::Limits`](crate::Error::Limits) if exact samples take more memory than the limit.
    pub fn check_exact(&self, display: &Display, beside_chain: bool) -> Result<()> {
        let need = self.exact_peak(display, beside_chain)?;
        let advice = "raise the limit, or stop after the last layer";
        footprint::check("the exact end of", &self.header, need, self.most, advice)
    }
}

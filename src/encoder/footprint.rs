//! The memory that an encoder takes at its peak, and its limit.

use crate::codes::Form;
use crate::container::{Header, MAX_SIDE};
use crate::encoder::settings::Encoder;
use crate::encoder::target::Target;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::reverse::{Display, footprint};

impl Encoder {
    /// Expected peak of memory in bytes of encoding a picture of this form. The picture and the
    /// program are included.
    ///
    /// The peak has two arrays of 32-bit floats a sample. It has six for [`Target::Psnr`], which
    /// tries cuts, eight with [`Encoder::psnr_as_displayed_by`], and four with
    /// [`Encoder::reconstruct`]. [`Target::Lossless`] also takes the model of the samples. The
    /// memory of a denoiser of your own is included as far as it tells.
    ///
    /// # Errors
    /// [`Error::Backend`] if the display of a target of PSNR cannot be loaded.
    pub fn memory(&self, form: Form) -> Result<u64> {
        self.peak(&self.header(form), self.target)
    }

    /// The display by which a target of PSNR is measured. Plain for other targets, and where
    /// another would be over the limit of memory.
    ///
    /// # Errors
    /// Those of [`Display::recommended`].
    pub(crate) fn display_of(&self, header: &Header) -> Result<Display> {
        if !matches!(self.target, Target::Psnr(_)) {
            return Ok(Display::PLAIN);
        }
        let display = match &self.display {
            Some(display) => display.clone(),
            None => Display::recommended(&self.prior)?,
        };
        let peak = self.peak_by(&display, header, self.target)?;
        Ok(match peak <= self.max_memory {
            true => display,
            false => Display::PLAIN,
        })
    }

    /// Expected peak in bytes, with the display by which a target of PSNR is measured.
    fn peak(&self, header: &Header, target: Target) -> Result<u64> {
        let display = self.display_of(header)?;
        self.peak_by(&display, header, target)
    }

    /// Expected peak in bytes, with a target of PSNR measured by `display`.
    fn peak_by(&self, display: &Display, header: &Header, target: Target) -> Result<u64> {
        let form = &header.form;
        let filtered = self.prefilters(form, target);
        let alive = footprint::Alive {
            arrays: match target {
                // A cut by a display holds two more.
                Target::Psnr(_) if !display.is_plain() => 8,
                Target::Psnr(_) => 6,
                _ if self.reconstruct => 4,
                _ => 2,
            },
            bytes: picture_bytes(form) * (1 + u64::from(self.reconstruct))
                // A copy with other colours where nothing is visible.
                + if form.alpha && !target.is_lossless() { picture_bytes(form) } else { 0 }
                + header.coded_len() * if filtered { 2 } else { form.depth.bytes() }
                + header.coded_len() / 3 * self.bytes_of_planes(form, target),
            display: match target {
                Target::Psnr(_) => display,
                _ => &Display::PLAIN,
            },
            searching: true,
            aside: match target.is_lossless() {
                // The payload, before and in the file.
                true => footprint::exact(form, 2 * form.depth.bytes(), true),
                false if filtered => self.filtering(header),
                false => 0,
            },
        };
        let peak = footprint::peak(&self.prior, header, alive)?;
        Ok(match target {
            Target::Lossless(None) => peak.max(self.drawing_memory(form)),
            _ => peak,
        })
    }

    /// True if pictures of this size are filtered first for this target.
    pub(crate) fn prefilters(&self, form: &Form, target: Target) -> bool {
        // Smaller planes hold values more than once.
        self.prefilter && !target.is_lossless() && form.width.min(form.height) >= 16
    }

    /// True if a lossy target may be met by the exact picture, and coding that first takes no more
    /// memory than the rest.
    ///
    /// # Errors
    /// Those of [`Encoder::memory`].
    pub(crate) fn tries_exact(&self, form: &Form) -> Result<bool> {
        // A map is of layers.
        Ok(self.exact && !self.map && self.drawing_memory(form) <= self.memory(*form)?)
    }

    /// Bytes that coding exact samples without a chain takes, before any other work.
    fn drawing_memory(&self, form: &Form) -> u64 {
        3 * picture_bytes(form) + footprint::exact(form, 2 * form.depth.bytes(), false)
    }

    /// Bytes that filtering takes besides its result: the samples as they are, and four planes of a
    /// tile. Those are its own, the filtered one, the one with noise, and the x0_hat of that.
    fn filtering(&self, header: &Header) -> u64 {
        let (width, height) = header.coded_size();
        let two = self.prior.memory(width, height, 1).1;
        header.coded_len() * header.form.depth.bytes() + two * 2
    }

    /// Bytes a pixel of an interest with its classes, and of a map with its sums.
    fn bytes_of_planes(&self, form: &Form, target: Target) -> u64 {
        let tuned = self.tune_for(target).weighs_places(form.pixels());
        let classes = tuned || self.interest.is_some();
        let (interest, map) = (self.interest.is_some(), self.map);
        u64::from(classes) + 4 * u64::from(interest) + 12 * u64::from(map)
    }

    /// Refuses pictures that cannot be encoded for this target, before any work.
    ///
    /// # Errors
    /// [`Error::Limits`] for a side over [`MAX_SIDE`], or memory over the limit.
    /// [`Error::Unsupported`] for an exact end under a prior whose arithmetic is not the reference.
    /// Those of [`Encoder::memory`].
    pub(crate) fn check(&self, picture: &Picture, target: Target) -> Result<()> {
        let form = picture.form();
        if form.width.max(form.height) > MAX_SIDE {
            return Err(Error::Limits(format!(
                "{} x {} pixels: the format ends at {MAX_SIDE} a side",
                form.width, form.height
            )));
        }
        if target.is_lossless() && !self.prior.is_reference() {
            let e = "an exact end needs the reference arithmetic, that of the kernels for the CPU";
            return Err(Error::Unsupported(e.into()));
        }
        self.check_memory(form)
    }

    /// Checks the memory of encoding a picture of this form against the limit.
    ///
    /// [`Encoder::encode`] does so by itself. With this the caller can do so before the picture is
    /// read.
    ///
    /// # Errors
    /// [`Error::Limits`] if [`Encoder::memory`] is over the limit. Those of [`Encoder::memory`].
    pub fn check_memory(&self, form: Form) -> Result<()> {
        let header = self.header(form);
        let bytes = self.peak(&header, self.target)?;
        let other = self.peak(&header, Target::Quality(75.0))?;
        let advice = match bytes > other {
            true => format!(
                "raise the limit, or aim at a quality or a rate, which takes {}",
                footprint::amount(other)
            ),
            false => "raise the limit, or encode a smaller picture".into(),
        };
        footprint::check("encoding", &header, bytes, self.max_memory, &advice)
    }
}

/// Bytes of the samples and the alpha of a picture.
fn picture_bytes(form: &Form) -> u64 {
    form.colour_bytes() + form.alpha_bytes()
}

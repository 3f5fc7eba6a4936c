//! The settings of a decoder.

use crate::container::{Event, Header, Parser};
use crate::error::{Error, Result};
use crate::prior::{Look, Postfilter, Prior, Shipped};
use crate::reverse::Display;
use crate::sampler::Sampler;

/// The default of [`Decoder::max_pixels`]: 100 megapixels, which take up to 4 GB of memory.
pub const DEFAULT_MAX_PIXELS: u64 = 100_000_000;

/// The default of [`Decoder::max_calls`]: three times what the finest files of the encoder take.
pub const DEFAULT_MAX_CALLS: u32 = 128;

/// Decodes whole files and prefixes.
///
/// ```
/// use dcodec::{Colour, Decoder, Encoder, Picture, Prior, Target};
///
/// let prior = Prior::shipped()?;
/// let picture = Picture::new(32, 24, Colour::Grey, vec![77; 32 * 24], None)?;
/// let file = Encoder::new(&prior).target(Target::Quality(50.0)).encode(&picture)?.bytes;
/// let whole = Decoder::new(&prior).decode(&file)?;
/// let half = Decoder::new(&prior).decode(&file[..file.len() / 2])?;
/// assert!(whole.coverage.complete && !half.coverage.complete);
/// assert_eq!(half.picture.width(), 32);
/// # Ok::<(), dcodec::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Decoder {
    /// The prior of the files. None is the shipped one that a file needs.
    prior: Option<Prior>,
    pub(crate) max_pixels: u64,
    pub(crate) max_layers: u32,
    pub(crate) max_memory: u64,
    pub(crate) max_calls: u32,
    pub(crate) sampler: Sampler,
    /// None is the recommended one.
    display: Option<Display>,
    /// The look of the recommended display.
    look: Look,
    /// The longer side in pixels of the thumbnail that is all that the stream is for.
    pub(crate) thumbnail_side: Option<u32>,
}

impl Default for Decoder {
    /// A decoder for files of all shipped priors, with default limits.
    fn default() -> Self {
        Decoder {
            prior: None,
            max_pixels: DEFAULT_MAX_PIXELS,
            max_layers: u32::MAX,
            max_memory: u64::MAX,
            max_calls: DEFAULT_MAX_CALLS,
            sampler: Sampler::default(),
            display: None,
            look: Look::Mean,
            thumbnail_side: None,
        }
    }
}

impl Decoder {
    /// A decoder for files of this prior, with default limits. [`Decoder::default`] takes the
    /// shipped prior that a file needs.
    pub fn new(prior: &Prior) -> Self {
        Decoder {
            prior: Some(prior.clone()),
            ..Decoder::default()
        }
    }

    /// Refuses pictures of more pixels. The default is [`DEFAULT_MAX_PIXELS`].
    pub fn max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// Stops [`Decoder::decode`] and thumbnails after this number of layers.
    pub fn max_layers(mut self, layers: u32) -> Self {
        self.max_layers = layers;
        self
    }

    /// Sets the limit of memory in bytes. Pictures that take more by [`Decoder::memory`] are
    /// refused, and exact samples that take more by [`Decoder::exact_memory`]. Where they would
    /// take more, a display by another prior and the part of a layer at a cut are not shown.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sets the limit of time: files of more layers are refused, for each is a call of the prior,
    /// and a file of a few hundred bytes may have 400 (clause 21.7). The default is
    /// [`DEFAULT_MAX_CALLS`].
    pub fn max_calls(mut self, calls: u32) -> Self {
        self.max_calls = calls;
        self
    }

    /// Shows something else than the mean E[x_0 | x_t].
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// Sets how states are displayed. The default is [`Display::recommended`], and
    /// [`Display::PLAIN`] is the fastest. Thumbnails are plain. So are samplers, except for the
    /// mean that [`Mode::Realism`](crate::Mode::Realism) blends in.
    pub fn display(mut self, display: Display) -> Self {
        self.display = Some(display);
        self
    }

    /// Sets the look of pictures, unless [`Decoder::display`] says more. The default is
    /// [`Look::Mean`]. Builds without the feature `prior-l` have no other.
    pub fn look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    /// [`Error::Limits`] of a file of so many layers.
    pub(crate) fn too_many_calls(&self, layers: u32) -> Error {
        let most = self.max_calls;
        Error::Limits(format!(
            "{layers} layers, each a call of the prior, are over the limit of {most}: raise the limit"
        ))
    }

    /// [`Error::Limits`] if a whole file has too many layers, before the first one is decoded.
    pub(crate) fn check_calls(&self, bytes: &[u8]) -> Result<()> {
        let mut parser = Parser::new(self.max_pixels);
        let (mut rest, mut layers) = (bytes, 0);
        // Errors are the decoder's to tell, at the place where they are.
        while let Ok((used, event)) = parser.push(rest) {
            rest = &rest[used..];
            match event {
                Event::NeedMore | Event::End => break,
                Event::LayerHead(_) => layers += 1,
                _ => {}
            }
        }
        match layers.min(self.max_layers) > self.max_calls {
            true => Err(self.too_many_calls(layers)),
            false => Ok(()),
        }
    }

    /// Makes streams that are only good for a thumbnail, `longest` pixels along the longer side, in
    /// a small part of the time: the network sees averages of the picture over boxes that are, if
    /// need be, as large as the thumbnail's pixels. Feed one until [`StreamDecoder::suffices`], and
    /// end it with [`StreamDecoder::thumbnail`].
    ///
    /// [`StreamDecoder::suffices`]: crate::StreamDecoder::suffices
    /// [`StreamDecoder::thumbnail`]: crate::StreamDecoder::thumbnail
    #[cfg(feature = "image")]
    pub fn for_thumbnail(mut self, longest: u32) -> Self {
        self.thumbnail_side = Some(longest);
        self
    }

    /// The prior for a file with this header.
    ///
    /// # Errors
    /// [`Error::WrongPrior`] if the decoder's prior is another. [`Error::Unsupported`] if it has
    /// none and the file needs one that is not shipped.
    pub(crate) fn prior_of(&self, header: &Header) -> Result<Prior> {
        let needed = header.prior;
        match (&self.prior, Shipped::of(needed)) {
            (Some(prior), _) if prior.ensemble_of(needed).is_some() => Ok(prior.clone()),
            (Some(prior), _) => Err(Error::WrongPrior {
                needed,
                given: prior.id(),
            }),
            (None, Some((shipped, _))) => shipped.shared(),
            (None, None) => Err(Error::Unsupported(format!(
                "the file needs the prior {needed}, which this build does not have"
            ))),
        }
    }

    /// The display of files of `prior`.
    ///
    /// # Errors
    /// Those of [`Display::recommended`].
    pub(crate) fn display_of(&self, prior: &Prior) -> Result<Display> {
        match &self.display {
            Some(display) => Ok(display.clone()),
            None => {
                let display = Display::recommended(prior)?;
                Ok(match self.look {
                    Look::Mean => display,
                    look => display.postfilter(Postfilter::shipped(look)),
                })
            }
        }
    }
}

/// Side in pixels of the boxes that a thumbnail averages. None if the picture is no larger than the
/// thumbnail.
pub(crate) fn reduction(header: &Header, longest: u32) -> Option<usize> {
    let side = header.form.width.max(header.form.height);
    (side > longest).then(|| (side / longest.max(1)) as usize)
}

/// Multiply-accumulates that the network may take for the layers of a thumbnail: some tenths of a
/// second of one core.
const THUMBNAIL_MACS: f64 = 34e9;

/// Layers that a thumbnail takes, about.
const THUMBNAIL_LAYERS: f64 = 15.0;

/// Multiply-accumulates a pixel of a network that does not tell.
const USUAL_MACS: f64 = 75e3;

/// Side in pixels of the boxes whose averages the network sees on the way to a thumbnail whose own
/// boxes have sides of `f`: a power of two, the smallest for which there is time.
pub(crate) fn boxes(prior: &Prior, header: &Header, f: usize) -> usize {
    let (width, height) = header.coded_size();
    let macs = Some(prior.macs_per_pixel()).filter(|&macs| macs > 0.0);
    let most = THUMBNAIL_MACS / THUMBNAIL_LAYERS / macs.unwrap_or(USUAL_MACS);
    let mut boxes = 1;
    while boxes < f && (width * height) as f64 > most * (boxes * boxes) as f64 {
        boxes = f.min(2 * boxes);
    }
    boxes
}

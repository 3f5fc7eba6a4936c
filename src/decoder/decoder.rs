//! Settings of a decoder, and whole files and prefixes decoded by them.

use crate::container::metadata::Metadata;
use crate::container::{Event, Header};
use crate::decoder::lossless::Exact;
use crate::decoder::stream::StreamDecoder;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::prior::{Prior, Shipped};
use crate::progress::{Progress, Report, checked, unheard};
use crate::reverse::Display;
use crate::sampler::{Mode, Sampler};
use crate::timings::Timings;

/// Pictures of more pixels are refused unless the caller raises the limit: 100 MP, which take up to 4 GB.
pub const DEFAULT_MAX_PIXELS: u64 = 100_000_000;

/// The bytes that a decoded picture was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coverage {
    /// Whole layers.
    pub layers: u32,
    /// Share of the next layer that had arrived, 0..1.
    pub partial: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Noise level of the state that was shown, in 8-bit levels; none before the first layer.
    pub sigma: Option<f64>,
    /// True if the end marker was reached.
    pub complete: bool,
    /// Share of the picture that is exact.
    pub exact: Exact,
    /// True if the part of a layer that had arrived was left out to save memory; see [`Decoder::max_memory`].
    pub partial_layer_skipped: bool,
}

/// A picture and the bytes it was made from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The picture.
    pub picture: Picture,
    /// Metadata of the file, as far as it has come.
    pub metadata: Metadata,
    /// The bytes that the picture shows.
    pub coverage: Coverage,
    /// The time that each part of the work took, since the first byte.
    pub timings: Timings,
}

/// Decodes a whole file, or any prefix of one that reaches past the header, by the shipped prior that it needs.
///
/// ```
/// use dcodec::{Colour, Encoder, Picture, Prior, Target};
///
/// let picture = Picture::new(32, 24, Colour::Grey, vec![77; 32 * 24], None)?;
/// let file = Encoder::new(&Prior::shipped()?).target(Target::Quality(50.0)).encode(&picture)?.bytes;
/// assert_eq!(dcodec::decode(&file)?.picture.width(), 32);
/// # Ok::<(), dcodec::Error>(())
/// ```
///
/// # Errors
/// Those of [`Decoder::decode`].
pub fn decode(bytes: &[u8]) -> Result<Decoded> {
    Decoder::default().decode(bytes)
}

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
/// assert!(whole.used.complete && !half.used.complete);
/// assert_eq!(half.picture.width(), 32);
/// # Ok::<(), dcodec::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Decoder {
    /// None is the shipped one that the file needs.
    prior: Option<Prior>,
    pub(crate) max_pixels: u64,
    pub(crate) max_layers: u32,
    pub(crate) max_memory: u64,
    pub(crate) sampler: Sampler,
    /// None is the recommended one.
    display: Option<Display>,
}

impl Default for Decoder {
    /// A decoder for files of all shipped priors.
    fn default() -> Self {
        Decoder {
            prior: None,
            max_pixels: DEFAULT_MAX_PIXELS,
            max_layers: u32::MAX,
            max_memory: u64::MAX,
            sampler: Sampler::default(),
            display: None,
        }
    }
}

impl Decoder {
    /// A decoder for files of this prior, with default limits. [`Decoder::default`] takes the shipped prior that a file needs.
    pub fn new(prior: &Prior) -> Self {
        Decoder {
            prior: Some(prior.clone()),
            ..Decoder::default()
        }
    }

    /// Refuses pictures of more pixels.
    pub fn max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// Stops [`Decoder::decode`] and thumbnails after so many layers.
    pub fn max_layers(mut self, layers: u32) -> Self {
        self.max_layers = layers;
        self
    }

    /// Refuses pictures that take more bytes of memory by [`Decoder::memory`], and exact samples by [`Decoder::exact_memory`]. A
    /// display by another prior, and the part of a layer at a cut, are left out where they would take more.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Shows something else than the mean E[x_0 | x_t].
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// Sets how states are displayed; the default is [`Display::recommended`]. [`Display::PLAIN`] is the fastest. Thumbnails
    /// are plain, and so are samplers but for the mean that [`Mode::Realism`] blends in.
    pub fn display(mut self, display: Display) -> Self {
        self.display = Some(display);
        self
    }

    /// A decoder with these settings for bytes as they come.
    pub fn stream(&self) -> StreamDecoder {
        StreamDecoder::new(self.clone(), 0)
    }

    /// A decoder for a file of `bytes` bytes, which the caller holds.
    pub(crate) fn stream_of(&self, bytes: &[u8]) -> StreamDecoder {
        StreamDecoder::new(self.clone(), bytes.len() as u64)
    }

    /// The prior for a file with this header.
    ///
    /// # Errors
    /// [`Error::WrongPrior`] if the decoder's prior is another, [`Error::Unsupported`] if it has none and the file needs one that
    /// is not shipped.
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
    pub(crate) fn display_of(&self, prior: &Prior) -> Result<Display> {
        match &self.display {
            Some(display) => Ok(display.clone()),
            None => Display::recommended(prior),
        }
    }

    /// Decodes a whole file, or any prefix that reaches past the header.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::push`]; [`Error::Format`] if the header is incomplete, [`Error::Limits`] if the memory
    /// is over the limit.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded> {
        self.decode_with(bytes, &mut unheard)
    }

    /// Decodes as [`Decoder::decode`], and calls `report` after every layer and every call of the network of a sampler.
    ///
    /// # Errors
    /// Those of [`Decoder::decode`]; [`Error::Cancelled`] if `report` says so.
    pub fn decode_with(&self, bytes: &[u8], report: &mut Report<'_>) -> Result<Decoded> {
        let mut stream = self.stream_of(bytes);
        let mean = self.sampler.mode() == Mode::Mean;
        let share = if mean { 1.0 } else { 0.5 };
        let mut progress = Progress {
            layers: 0,
            bytes: 0,
            sigma: None,
            done: 0.0,
        };
        let mut rest = bytes;
        loop {
            let (used, event) = stream.push(rest)?;
            rest = &rest[used..];
            match event {
                Event::LayerHead(layer) if layer.index >= self.max_layers => break,
                Event::NeedMore | Event::End => break,
                Event::Layer(..) => {
                    let read = bytes.len() - rest.len();
                    progress = Progress {
                        layers: progress.layers + 1,
                        bytes: read as u64,
                        sigma: stream.sigma(),
                        done: share * read as f64 / bytes.len() as f64,
                    };
                    checked(report(progress))?;
                }
                _ => {}
            }
        }
        if mean {
            return stream.finish();
        }
        stream.show(&self.sampler, &mut |frame| {
            let done = (frame.call + 1) as f64 / frame.calls as f64;
            report(Progress {
                done: share + (1.0 - share) * done,
                ..progress
            })
        })
    }
}

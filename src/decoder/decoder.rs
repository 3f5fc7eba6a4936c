//! Whole files and prefixes, decoded at once.

use crate::container::Event;
use crate::decoder::decoded::Decoded;
use crate::decoder::settings::Decoder;
use crate::decoder::stream::StreamDecoder;
use crate::error::Result;
use crate::progress::{Progress, Report, checked, unheard};
use crate::sampler::Mode;

/// Decodes a whole file, or any prefix of one that reaches past the header, by the shipped prior
/// that it needs.
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

impl Decoder {
    /// A decoder with these settings for bytes as they come.
    pub fn stream(&self) -> StreamDecoder {
        StreamDecoder::new(self.clone(), 0)
    }

    /// A decoder for a file of `bytes` bytes, which the caller holds.
    pub(crate) fn stream_of(&self, bytes: &[u8]) -> StreamDecoder {
        StreamDecoder::new(self.clone(), bytes.len() as u64)
    }

    /// Decodes a whole file, or any prefix that reaches past the header.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::push`]; [`Error::Format`](crate::Error::Format) if the header is
    /// incomplete; [`Error::Limits`](crate::Error::Limits) if the memory or the number of layers is
    /// over the limit.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded> {
        self.decode_with(bytes, &mut unheard)
    }

    /// Decodes as [`Decoder::decode`], and calls `report` after every layer and every call of the
    /// network of a sampler.
    ///
    /// # Errors
    /// Those of [`Decoder::decode`]; [`Error::Cancelled`](crate::Error::Cancelled) if `report` asks
    /// for it.
    pub fn decode_with(&self, bytes: &[u8], report: &mut Report<'_>) -> Result<Decoded> {
        self.check_calls(bytes)?;
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

//! The receiver: Algorithm 4 of Ho, Jain and Abbeel (2020), driven by the bytes of a file as they come.

use bitvec::prelude::*;

use crate::container::{Event, Header, Layer, Parser, PartName};
use crate::entropy;
use crate::error::{Error, Result};
use crate::picture::{Colour, Picture};
use crate::planes::Planes;
use crate::prior::Prior;
use crate::reverse::{Chain, Channel, Shared};
use crate::schedule::{Sigma, Step};

/// Pictures of more pixels are refused unless the caller raises the limit: 100 MP, which take some 10 GB.
pub const DEFAULT_MAX_PIXELS: u64 = 100_000_000;

/// What a decoded picture was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Used {
    /// Whole layers.
    pub layers: u32,
    /// The share of the next layer that had arrived, 0..1.
    pub partial: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Noise level of the state that was shown, in levels; none before the first layer.
    pub sigma: Option<f64>,
    /// Whether the end marker was reached.
    pub complete: bool,
}

/// A picture and what it was made from.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The picture.
    pub picture: Picture,
    /// The bytes behind it.
    pub used: Used,
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
pub struct Decoder<'p> {
    prior: &'p Prior,
    max_pixels: u64,
    max_layers: u32,
}

impl<'p> Decoder<'p> {
    /// A decoder with default limits.
    pub fn new(prior: &'p Prior) -> Self {
        Decoder {
            prior,
            max_pixels: DEFAULT_MAX_PIXELS,
            max_layers: u32::MAX,
        }
    }

    /// Refuses pictures of more pixels.
    pub fn max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// Stops after so many layers.
    pub fn max_layers(mut self, layers: u32) -> Self {
        self.max_layers = layers;
        self
    }

    /// Decodes what the bytes hold, a whole file or any prefix that reaches past the header.
    ///
    /// Errors: as [`StreamDecoder::push`]; [`Error::Format`] if the header is incomplete.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded> {
        self.decode_with(bytes, |_| {})
    }

    /// The same, reporting the share of the bytes used so far after every layer.
    pub fn decode_with(&self, bytes: &[u8], mut progress: impl FnMut(f64)) -> Result<Decoded> {
        let mut stream = StreamDecoder::new(self.prior, self.max_pixels);
        let mut rest = bytes;
        loop {
            let (used, event) = stream.push(rest)?;
            rest = &rest[used..];
            match event {
                Event::LayerHead(layer) if layer.index >= self.max_layers => break,
                Event::NeedMore | Event::End => break,
                Event::Layer(..) => progress(1.0 - rest.len() as f64 / bytes.len() as f64),
                _ => {}
            }
        }
        stream.preview()
    }
}

/// A decoder that is fed with bytes as they come and shows a picture at any time.
///
/// It keeps x_t, so new bytes continue where the last ones ended.
///
/// ```
/// use dcodec::{Colour, Encoder, Event, Picture, Prior, StreamDecoder, Target, DEFAULT_MAX_PIXELS};
///
/// let prior = Prior::shipped()?;
/// let picture = Picture::new(32, 24, Colour::Grey, vec![77; 32 * 24], None)?;
/// let file = Encoder::new(&prior).target(Target::Quality(50.0)).encode(&picture)?.bytes;
/// let mut stream = StreamDecoder::new(&prior, DEFAULT_MAX_PIXELS);
/// for mut packet in file.chunks(20) {
///     while !packet.is_empty() {
///         let (used, event) = stream.push(packet)?;
///         packet = &packet[used..];
///         if let Event::Layer(layer, _) = event {
///             println!("layer {}: {:?}", layer.index, stream.preview()?.used);
///         }
///     }
/// }
/// # Ok::<(), dcodec::Error>(())
/// ```
pub struct StreamDecoder<'p> {
    prior: &'p Prior,
    parser: Parser,
    chain: Option<Chain<'p>>,
    /// The alpha plane, once its part is whole.
    alpha: Option<Vec<u8>>,
}

impl<'p> StreamDecoder<'p> {
    /// A decoder at the start of a file that refuses pictures of more than `max_pixels`.
    pub fn new(prior: &'p Prior, max_pixels: u64) -> Self {
        StreamDecoder {
            prior,
            parser: Parser::new(max_pixels),
            chain: None,
            alpha: None,
        }
    }

    /// Takes bytes from the front of `input` until something is complete; returns how many, and what.
    ///
    /// Errors: those of [`Parser::push`], [`Error::Unsupported`] if the file was made with another prior,
    /// [`Error::Backend`] if the network fails.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        let (used, event) = self.parser.push(input)?;
        match &event {
            Event::Header(header) => {
                if header.prior != self.prior.id() {
                    return Err(Error::Unsupported(format!(
                        "the file needs the prior {}, but this is {}: name its weights with --prior FILE",
                        header.prior,
                        self.prior.id()
                    )));
                }
                self.chain = Some(Chain::new(self.prior, header));
            }
            Event::Part(PartName::ALPHA, payload) => {
                self.alpha = self
                    .header()
                    .map(|h| entropy::decode_alpha(h.width, h.height, payload));
            }
            Event::Layer(layer, bits) => {
                if let Some(chain) = &mut self.chain {
                    chain.advance(sigma(layer), &mut Receiver { layer, bits })?;
                }
            }
            _ => {}
        }
        Ok((used, event))
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.parser.header()
    }

    /// The best picture that the bytes so far give; a network call unless nothing has changed since the last one.
    ///
    /// Errors: [`Error::Format`] if the header has not come yet.
    pub fn preview(&mut self) -> Result<Decoded> {
        let (Some(header), Some(chain)) = (self.parser.header().cloned(), &mut self.chain) else {
            return Err(self.parser.incomplete().into());
        };
        let mut partial = 0.0;
        let layers = chain.layers();
        let mut level = chain.t().map(Sigma::levels);
        let arrived;
        let x0_hat: &Planes = match self.parser.partial() {
            Some((layer, bytes)) if !bytes.is_empty() => {
                let stages = layer.stages as usize;
                let n = (2 * bytes.len()).min(stages);
                partial = n as f64 / stages as f64;
                level = level.map(|_| {
                    Step {
                        t: chain.t(),
                        s: sigma(layer),
                    }
                    .sigma_between(partial)
                });
                arrived =
                    chain.between(sigma(layer), &bytes.view_bits::<Msb0>()[..4 * n], stages)?;
                &arrived
            }
            _ => chain.x0_hat()?,
        };
        let colour = if header.rgb {
            Colour::Rgb
        } else {
            Colour::Grey
        };
        let alpha = header
            .alpha
            .then(|| match (&self.alpha, self.parser.partial_part()) {
                (Some(plane), _) => plane.clone(),
                (_, Some((PartName::ALPHA, payload))) => {
                    entropy::decode_alpha(header.width, header.height, payload)
                }
                _ => entropy::decode_alpha(header.width, header.height, &[]),
            });
        let picture = Picture::from_planes(x0_hat, header.width, header.height, colour, alpha)?;
        let used = Used {
            layers,
            partial,
            bytes: self.parser.offset(),
            sigma: level,
            complete: self.parser.is_complete(),
        };
        Ok(Decoded { picture, used })
    }
}

fn sigma(layer: &Layer) -> Sigma {
    Sigma::from_code(layer.sigma).unwrap_or(Sigma::nearest(1.0))
}

/// The receiver's end of the channel for one layer.
struct Receiver<'a> {
    layer: &'a Layer,
    bits: &'a [u8],
}

impl Channel for Receiver<'_> {
    fn transmit(&mut self, shared: &Shared, _: &Step, _: &Planes) -> Option<Vec<f32>> {
        let stages = self.layer.stages as usize;
        Some(shared.deliver(&self.bits.view_bits::<Msb0>()[..4 * stages], stages))
    }
}

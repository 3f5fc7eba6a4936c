//! The receiver: Algorithm 4 of Ho, Jain and Abbeel (2020), driven by the bytes of a file as they come.

mod alpha;
mod arrived;
mod limits;
mod receiver;
mod shown;

use crate::channel::split::Stages;
use crate::container::{Event, Header, Layer, Parser, PartName};
use crate::error::{Error, Result};
use crate::exact::{Exact, Exacts, Rows};
use crate::memory;
use crate::metadata::Metadata;
use crate::picture::Picture;
use crate::prior::{Prior, Shipped};
use crate::reverse::{Chain, View};
use crate::sampler::{Mode, Sampler};
use crate::samples::Samples;
use crate::schedule::Sigma;
use crate::timings::{Part, Timings};

pub(crate) use alpha::form;
use alpha::{Alpha, picture};
use arrived::Arrived;
use limits::RAISE;
use receiver::Receiver;

/// Pictures of more pixels are refused unless the caller raises the limit: 100 MP, which take up to 4 GB.
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
    /// How much of the picture is exact.
    pub exact: Exact,
    /// Whether the part of a layer that had arrived was left out to save memory; see [`Decoder::max_memory`].
    pub left_out: bool,
}

/// A picture and what it was made from.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The picture.
    pub picture: Picture,
    /// What the file says of it, as far as it has come.
    pub metadata: Metadata,
    /// The bytes behind it.
    pub used: Used,
    /// Where the time went, since the first byte.
    pub timings: Timings,
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
    pub(crate) prior: &'p Prior,
    pub(crate) max_pixels: u64,
    pub(crate) max_layers: u32,
    max_memory: u64,
    sampler: Sampler,
    view: View<'p>,
}

impl<'p> Decoder<'p> {
    /// A decoder with default limits.
    pub fn new(prior: &'p Prior) -> Self {
        Decoder {
            prior,
            max_pixels: DEFAULT_MAX_PIXELS,
            max_layers: u32::MAX,
            max_memory: u64::MAX,
            sampler: Sampler::default(),
            view: View::PLAIN,
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

    /// Refuses pictures that take more bytes of memory by [`Decoder::memory`], and exact samples by [`Decoder::exact_memory`]. A cut
    /// inside a layer is shown at the layer before where the array more that it takes is over the limit.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// A decoder for a file of `bytes` bytes, which the caller holds.
    pub(crate) fn stream(&self, bytes: usize) -> StreamDecoder<'p> {
        StreamDecoder {
            held: bytes as u64,
            view: self.view,
            ..StreamDecoder::new(self.prior, self.max_pixels)
        }
        .max_memory(self.max_memory)
    }

    /// Decodes what the bytes hold, a whole file or any prefix that reaches past the header.
    ///
    /// Errors: as [`StreamDecoder::push`]; [`Error::Format`] if the header is incomplete, [`Error::Limits`] if the memory
    /// is over the limit.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded> {
        self.decode_with(bytes, |_| {})
    }

    /// The same, reporting the share of the work done so far.
    pub fn decode_with(&self, bytes: &[u8], mut progress: impl FnMut(f64)) -> Result<Decoded> {
        let mut stream = self.stream(bytes.len()).sampler(self.sampler);
        let mean = self.sampler.mode() == Mode::Mean;
        let layers = if mean { 1.0 } else { 0.5 };
        let mut rest = bytes;
        loop {
            let (used, event) = stream.push(rest)?;
            rest = &rest[used..];
            match event {
                Event::LayerHead(layer) if layer.index >= self.max_layers => break,
                Event::NeedMore | Event::End => break,
                Event::Layer(..) => {
                    progress(layers * (1.0 - rest.len() as f64 / bytes.len() as f64));
                }
                _ => {}
            }
        }
        if mean {
            return stream.finish();
        }
        stream.show(&self.sampler, &mut |frame| {
            let done = (frame.call + 1) as f64 / frame.calls as f64;
            progress(layers + (1.0 - layers) * done);
        })
    }
}

/// A decoder that is fed with bytes as they come and shows a picture at any time.
///
/// It keeps x_t, so new bytes continue where the last ones ended. Its memory is bounded by the picture: the state of the chain
/// and the bits of one layer.
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
/// assert!(stream.finish()?.used.complete);
/// # Ok::<(), dcodec::Error>(())
/// ```
///
/// A file on any web server is a preview first and the whole picture later: ask for its first bytes, and for the rest if
/// that is wanted. Here `fetch` stands for a request with the header `Range: bytes=from-to`.
///
/// ```
/// # use dcodec::{Colour, Decoder, Encoder, Picture, Prior, StreamDecoder, Target, DEFAULT_MAX_PIXELS};
/// # let prior = Prior::shipped()?;
/// # let picture = Picture::new(32, 24, Colour::Grey, (0..32 * 24).map(|i| (i % 200) as u8).collect(), None)?;
/// # let file = Encoder::new(&prior).target(Target::Quality(50.0)).encode(&picture)?.bytes;
/// # let fetch = |from: usize, to: usize| file[from..=to].to_vec();
/// # let size = file.len();
/// fn feed(stream: &mut StreamDecoder, mut body: &[u8]) -> dcodec::Result<()> {
///     while !body.is_empty() {
///         let (used, _) = stream.push(body)?;
///         body = &body[used..];
///     }
///     Ok(())
/// }
///
/// let mut stream = StreamDecoder::new(&prior, DEFAULT_MAX_PIXELS);
/// feed(&mut stream, &fetch(0, size / 3))?;
/// let preview = stream.preview()?.picture;
/// feed(&mut stream, &fetch(size / 3 + 1, size - 1))?;
/// let whole = stream.finish()?;
/// assert!(whole.used.complete && whole.picture != preview);
/// # assert_eq!(whole.picture, Decoder::new(&prior).decode(&file)?.picture);
/// # Ok::<(), dcodec::Error>(())
/// ```
pub struct StreamDecoder<'p> {
    prior: &'p Prior,
    pub(crate) parser: Parser,
    pub(crate) chain: Option<Chain<'p>>,
    alpha: Alpha,
    metadata: Metadata,
    /// The exact samples, once their part is whole.
    exact: Option<Rows>,
    max_memory: u64,
    /// Bytes of the file that the caller holds.
    held: u64,
    sampler: Sampler,
    /// Whether a layer that has not come whole is left out of what is shown.
    whole_layers: bool,
    view: View<'p>,
}

impl<'p> StreamDecoder<'p> {
    /// A decoder at the start of a file that refuses pictures of more than `max_pixels`.
    pub fn new(prior: &'p Prior, max_pixels: u64) -> Self {
        StreamDecoder {
            prior,
            parser: Parser::new(max_pixels),
            chain: None,
            alpha: Alpha::default(),
            metadata: Metadata::default(),
            exact: None,
            max_memory: u64::MAX,
            held: 0,
            sampler: Sampler::default(),
            whole_layers: false,
            view: View::PLAIN,
        }
    }

    /// As [`Decoder::max_memory`]; of the file only the layer under way is held. See also [`StreamDecoder::sampler`].
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Takes bytes from the front of `input` until something is complete; returns how many, and what. `input` is used up only
    /// when it completes nothing more, so `while !input.is_empty()` is the loop that misses nothing.
    ///
    /// Errors: those of [`Parser::push`], [`Error::Unsupported`] if the file was made with another prior,
    /// [`Error::Backend`] if the network fails, [`Error::Limits`] if the memory is over the limit.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        let (used, event) = self.parser.push(input)?;
        self.check_exact(&event)?;
        match &event {
            Event::Header(header) => {
                if self.prior.orientations_of(header.prior).is_none() {
                    let id = header.prior;
                    let (which, advice) = match Shipped::of(id) {
                        Some((p, _)) => (format!(" ({})", p.name()), "leave out --prior"),
                        None => (String::new(), "name its weights with --prior FILE"),
                    };
                    return Err(Error::Unsupported(format!(
                        "the file needs the prior {id}{which}, but this is {}: {advice}",
                        self.prior.id()
                    )));
                }
                self.fit_memory();
                let need = self.memory(header, false);
                memory::check("decoding", header, need, self.max_memory, RAISE)?;
                self.chain = Some(Chain::new(self.prior, header));
            }
            Event::Part(PartName::EXACT, payload) => {
                if let (Some(header), Some(chain)) = (self.parser.header(), &mut self.chain) {
                    self.exact = Some(Rows::decode(chain, header, payload)?);
                }
            }
            Event::Part(name, payload) => {
                self.metadata.take(*name, payload);
                if let (Some(header), Some(chain)) = (self.parser.header(), &self.chain) {
                    let take = || self.alpha.take(header, *name, payload);
                    chain.meter().time(Part::Alpha, take);
                }
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

    /// The alpha plane as far as it has come, if the header announces one.
    pub(crate) fn alpha(&self) -> Option<Samples> {
        let header = self.parser.header().filter(|h| h.alpha)?;
        Some(self.alpha.clone().plane(header, &self.parser))
    }

    /// `picture`, which shows the whole layers so far, with what it was made from.
    pub(crate) fn made(&self, chain: &Chain, picture: Picture) -> Decoded {
        Decoded {
            picture,
            metadata: self.metadata.clone(),
            used: used(&self.parser, chain, &None),
            timings: chain.meter().read(),
        }
    }

    /// Ends the stream: the picture that all its bytes give, and what it was made from. Missing bytes are no error;
    /// [`Used::complete`] tells whether the encoder's end was reached. Takes less memory than [`StreamDecoder::preview`], for
    /// no state has to be kept.
    ///
    /// Errors: as there.
    pub fn finish(self) -> Result<Decoded> {
        let (Some(header), Some(mut chain)) = (self.parser.header(), self.chain) else {
            return Err(self.parser.incomplete().into());
        };
        let meter = chain.meter().clone();
        let exact = Exacts::of(&self.parser, &self.exact, &mut chain)?;
        chain.show_by(exact.view(self.view));
        let all = Arrived::of(&self.parser);
        let left_out = self.whole_layers && all.is_some();
        let arrived = all.filter(|_| !left_out);
        let mut used = Used {
            left_out,
            ..used(&self.parser, &chain, &arrived)
        };
        let x0_hat = match arrived {
            Some(a) => chain.end_between(a.s, a.bits, a.stages)?,
            None => chain.end()?,
        };
        let alpha = header.alpha.then(|| self.alpha.plane(header, &self.parser));
        let mut picture = picture(header, &x0_hat, alpha)?;
        used.exact = exact.lay(&mut picture);
        Ok(Decoded {
            picture,
            metadata: self.metadata,
            used,
            timings: meter.read(),
        })
    }
}

fn used(parser: &Parser, chain: &Chain, arrived: &Option<Arrived>) -> Used {
    Used {
        layers: chain.layers(),
        partial: arrived.as_ref().map_or(0.0, |a| a.part),
        bytes: parser.offset(),
        sigma: chain.t().map(|t| match arrived {
            Some(a) => chain.step(a.s).sigma_between(a.part),
            None => t.levels(),
        }),
        complete: parser.is_complete(),
        exact: Exact::None,
        left_out: false,
    }
}

fn stages(layer: &Layer) -> Stages {
    Stages {
        count: layer.stages as usize,
        allotment: layer.allotment,
        sigma: layer.sigma,
    }
}

fn sigma(layer: &Layer) -> Sigma {
    Sigma::from_code(layer.sigma).unwrap_or(Sigma::nearest(1.0))
}

//! Bytes as they come.

use crate::channel::receiver::Receiver;
use crate::container::metadata::Metadata;
use crate::container::{Event, Header, Parser, PartName};
use crate::decoder::alpha::Alpha;
use crate::decoder::decoder::{Coverage, Decoded, Decoder};
use crate::decoder::lossless::Rows;
use crate::decoder::partial::stages;
use crate::decoder::preview::Scope;
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;
use crate::prior::Prior;
use crate::reverse::{Chain, Display};
use crate::schedule::Sigma;
use crate::timings::Part;

/// A decoder that is fed with bytes as they come and shows a picture at any time.
///
/// It keeps x_t, so new bytes continue where the last ones ended. Its memory is bounded by the picture: the state of the chain
/// and the bits of one layer.
///
/// ```
/// use dcodec::{Colour, Decoder, Encoder, Event, Picture, Prior, Target};
///
/// let prior = Prior::shipped()?;
/// let picture = Picture::new(32, 24, Colour::Grey, vec![77; 32 * 24], None)?;
/// let file = Encoder::new(&prior).target(Target::Quality(50.0)).encode(&picture)?.bytes;
/// let mut stream = Decoder::new(&prior).stream();
/// for mut packet in file.chunks(20) {
///     while !packet.is_empty() {
///         let (used, event) = stream.push(packet)?;
///         packet = &packet[used..];
///         if let Event::Layer(layer, _) = event {
///             println!("layer {}: {:?}", layer.index, stream.preview()?.coverage);
///         }
///     }
/// }
/// assert!(stream.finish()?.coverage.complete);
/// # Ok::<(), dcodec::Error>(())
/// ```
///
/// A file on any web server is a preview first and the whole picture later: ask for its first bytes, and for the rest if
/// that is wanted. Here `fetch` stands for a request with the header `Range: bytes=from-to`.
///
/// ```
/// # use dcodec::{Colour, Decoder, Encoder, Picture, Prior, StreamDecoder, Target};
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
/// let mut stream = Decoder::new(&prior).stream();
/// feed(&mut stream, &fetch(0, size / 3))?;
/// let preview = stream.preview()?.picture;
/// feed(&mut stream, &fetch(size / 3 + 1, size - 1))?;
/// let whole = stream.finish()?;
/// assert!(whole.coverage.complete && whole.picture != preview);
/// # assert_eq!(whole.picture, Decoder::new(&prior).decode(&file)?.picture);
/// # Ok::<(), dcodec::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct StreamDecoder {
    pub(crate) settings: Decoder,
    pub(crate) parser: Parser,
    metadata: Metadata,
    /// Bytes of the file that the caller holds.
    pub(crate) held: u64,
    /// None before the header.
    pub(crate) body: Option<Body>,
}

/// The decoder of the units after the header.
#[derive(Debug)]
pub(crate) struct Body {
    pub header: Header,
    pub prior: Prior,
    pub chain: Chain,
    alpha: Alpha,
    /// The exact samples, once their part is whole.
    pub exact: Option<Rows>,
    /// As far as the limit of memory allows.
    pub display: Display,
    /// True if a layer that has not come whole is left out of what is shown.
    pub whole_layers: bool,
}

impl Body {
    /// The alpha plane as far as it has come, if the header announces one.
    pub fn alpha(&self, parser: &Parser) -> Option<Samples> {
        let alpha = || self.alpha.clone().plane(&self.header, parser);
        self.header.form.alpha.then(alpha)
    }
}

impl StreamDecoder {
    /// A decoder at the start of a file of which the caller holds so many bytes.
    pub(crate) fn new(settings: Decoder, held: u64) -> Self {
        StreamDecoder {
            parser: Parser::new(settings.max_pixels),
            settings,
            metadata: Metadata::default(),
            held,
            body: None,
        }
    }

    /// Takes bytes from the front of `input` until something is complete. Returns how many, and the event. `input` is used up
    /// only when it completes nothing more, so `while !input.is_empty()` is the loop that misses nothing.
    ///
    /// # Errors
    /// Those of [`Parser::push`]; [`Error::WrongPrior`](crate::Error::WrongPrior) if the file was made with another prior;
    /// [`Error::Backend`](crate::Error::Backend) if the network fails; [`Error::Limits`](crate::Error::Limits) if the memory is
    /// over the limit.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        let (used, event) = self.parser.push(input)?;
        if let Event::Header(header) = &event {
            self.begin(header)?;
        }
        self.check_exact(&event)?;
        let Some(body) = &mut self.body else {
            return Ok((used, event));
        };
        match &event {
            Event::Part(PartName::EXACT, payload) => {
                body.exact = Some(Rows::decode(&mut body.chain, &body.header, payload)?);
            }
            Event::Part(name, payload) => {
                self.metadata.take(*name, payload);
                let take = || body.alpha.take(&body.header, *name, payload);
                body.chain.meter().time(Part::Alpha, take);
            }
            Event::Layer(layer, bits) => {
                let mut receiver = Receiver::new(bits, stages(layer));
                body.chain.advance(layer.sigma.into(), &mut receiver)?;
            }
            _ => {}
        }
        Ok((used, event))
    }

    fn begin(&mut self, header: &Header) -> Result<()> {
        let prior = self.settings.prior_of(header)?;
        let display = self.settings.display_of(&prior)?;
        let mut body = Body {
            chain: Chain::new(&prior, header)?,
            header: header.clone(),
            prior,
            alpha: Alpha::default(),
            exact: None,
            display,
            whole_layers: false,
        };
        self.fit_memory(&mut body);
        self.check_memory(&body)?;
        self.body = Some(body);
        Ok(())
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.parser.header()
    }

    /// Noise level of the present state in 8-bit levels; none before the first layer.
    pub fn sigma(&self) -> Option<f64> {
        let t = self.body.as_ref().and_then(|body| body.chain.t());
        t.map(Sigma::levels)
    }

    /// Sets how states are displayed from the next picture on, as [`Decoder::display`].
    pub fn set_display(&mut self, display: Display) {
        if let Some(mut body) = self.body.take() {
            body.display = display.clone();
            self.fit_memory(&mut body);
            self.body = Some(body);
        }
        self.settings = self.settings.clone().display(display);
    }

    /// `picture` with the bytes it was made from.
    pub(crate) fn decoded(&self, chain: &Chain, picture: Picture, coverage: Coverage) -> Decoded {
        Decoded {
            picture,
            metadata: self.metadata.clone(),
            coverage,
            timings: chain.meter().read(),
        }
    }

    /// Ends the stream with the picture that all its bytes give. Missing bytes are no error; [`Coverage::complete`] tells
    /// whether the encoder's end was reached. Takes less memory than [`StreamDecoder::preview`], for no state has to be kept.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::preview`].
    pub fn finish(mut self) -> Result<Decoded> {
        let Some(body) = self.body.take() else {
            return Err(self.parser.incomplete().into());
        };
        let Body {
            header,
            mut chain,
            alpha,
            exact,
            display,
            whole_layers,
            ..
        } = body;
        let meter = chain.meter().clone();
        let scope = Scope::of(&self.parser, &header, &exact, &mut chain, whole_layers)?;
        chain.display_by(scope.display(display));
        let x0_hat = chain.into_estimate(scope.partial)?;
        let alpha = header
            .form
            .alpha
            .then(|| alpha.plane(&header, &self.parser));
        let (picture, coverage) = scope.picture(&header, &x0_hat, alpha)?;
        Ok(Decoded {
            picture,
            metadata: self.metadata,
            coverage,
            timings: meter.read(),
        })
    }
}

//! Bytes as they come.

use crate::channel::receiver::Receiver;
use crate::container::metadata::Metadata;
use crate::container::{Event, Header, Parser, PartName};
use crate::decoder::alpha::Alpha;
use crate::decoder::footprint::Footprint;
use crate::decoder::lossless::ExactSamples;
use crate::decoder::partial::stages;
use crate::decoder::settings::{Decoder, boxes, reduction};
use crate::decoder::showing::Showing;
use crate::entropy::Method;
use crate::error::Result;
use crate::pixels::samples::Samples;
use crate::reverse::{Chain, Display};
use crate::schedule::Sigma;
use crate::timings::Activity;

/// A decoder that is fed with bytes as they come and shows a picture at any time.
///
/// It keeps x_t, so new bytes continue where the last ones ended. Its memory is bounded by the
/// picture: it holds the state of the chain and the bits of one layer.
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
/// A file on any web server is a preview first and the whole picture later. Ask for its first
/// bytes, and for the rest if you want it. Here `fetch` stands for a request with the header
/// `Range: bytes=from-to`.
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
    settings: Decoder,
    pub(crate) parser: Parser,
    pub(crate) metadata: Metadata,
    /// Bytes of the file that the caller holds.
    held: u64,
    /// None before the header.
    pub(crate) body: Option<Body>,
}

/// The decoder of the units after the header.
#[derive(Debug)]
pub(crate) struct Body {
    pub header: Header,
    pub footprint: Footprint,
    pub chain: Chain,
    pub alpha: Alpha,
    pub showing: Showing,
    pub exact: ExactSamples,
    /// As asked for; [`Body::display`] is within the limit of memory.
    display: Display,
}

impl Body {
    /// The alpha plane as far as it has come, if the header announces one.
    pub fn alpha(&self, parser: &Parser) -> Option<Samples> {
        let alpha = || self.alpha.clone().plane(&self.header, parser);
        self.header.form.alpha.then(alpha)
    }

    /// The display, without its prior where that would be over the limit of memory.
    ///
    /// # Errors
    /// Those of [`Footprint::fitted`].
    pub fn display(&self) -> Result<Display> {
        self.footprint.fitted(&self.display)
    }

    /// [`Error::Limits`](crate::Error::Limits) if exact samples have begun to come and there is no
    /// room for them.
    fn check_exact(&self, parser: &Parser, event: &Event) -> Result<()> {
        let payload = match (parser.partial_part(), event) {
            (Some((PartName::EXACT, payload)), _) => payload,
            (_, Event::Part(PartName::EXACT, payload)) => payload,
            _ => return Ok(()),
        };
        match Method::of(payload) {
            Some(Method::Raw) | None => Ok(()),
            Some(method) => {
                let beside_chain = method.needs_chain();
                self.footprint.check_exact(&self.display()?, beside_chain)
            }
        }
    }
}

impl StreamDecoder {
    /// A decoder at the start of a file of which the caller holds `held` bytes.
    pub(crate) fn new(settings: Decoder, held: u64) -> Self {
        StreamDecoder {
            parser: Parser::new(settings.max_pixels),
            settings,
            metadata: Metadata::default(),
            held,
            body: None,
        }
    }

    /// Takes bytes from the front of `input` until something is complete. Returns the number of
    /// bytes taken, and the event.
    ///
    /// `input` is used up only when it completes nothing more, so `while !input.is_empty()` is the
    /// loop that misses nothing.
    ///
    /// # Errors
    /// Those of [`Parser::push`]; [`Error::WrongPrior`](crate::Error::WrongPrior) if the file was
    /// made with another prior; [`Error::Backend`](crate::Error::Backend) if the network fails;
    /// [`Error::Limits`](crate::Error::Limits) if the memory or the number of layers is over the
    /// limit.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        let (used, event) = self.parser.push(input)?;
        if let Event::Header(header) = &event {
            self.begin(header)?;
        }
        let Some(body) = &mut self.body else {
            return Ok((used, event));
        };
        if let Event::Layer(layer, _) = &event
            && layer.index >= self.settings.max_calls
        {
            return Err(self.settings.too_many_calls(layer.index + 1));
        }
        body.check_exact(&self.parser, &event)?;
        match &event {
            Event::Part(PartName::EXACT, payload) => {
                let (chain, header) = (&mut body.chain, &body.header);
                body.exact.take(chain, header, &body.showing, payload)?;
            }
            Event::Part(name, payload) => {
                self.metadata.take(*name, payload);
                if name.is_metadata() {
                    body.footprint.keep_metadata(self.metadata.bytes());
                    body.footprint.check(&body.display()?)?;
                }
                body.showing.take(&body.header, *name, payload);
                let take = || body.alpha.take(&body.header, *name, payload);
                body.chain.meter().time(Activity::Alpha, take);
            }
            Event::Layer(layer, bits) => {
                let mut receiver = Receiver::new(bits, stages(layer));
                body.chain.predict_by(layer.corrected);
                body.chain.advance(layer.sigma.into(), &mut receiver)?;
            }
            _ => {}
        }
        Ok((used, event))
    }

    /// Starts the chain of a file with this header, if its memory is within the limit.
    fn begin(&mut self, header: &Header) -> Result<()> {
        let prior = self.settings.prior_of(header)?;
        let display = self.settings.display_of(&prior)?;
        let footprint = Footprint::new(&self.settings, &prior, header, self.held);
        // Before any plane is allocated.
        footprint.check(&footprint.fitted(&display)?)?;
        let mut chain = Chain::new(&prior, header)?;
        let longest = self.settings.thumbnail_side;
        if let Some(f) = longest.and_then(|longest| reduction(header, longest)) {
            chain.see_averages(boxes(&prior, header, f));
        }
        self.body = Some(Body {
            chain,
            header: header.clone(),
            footprint,
            alpha: Alpha::default(),
            showing: Showing::default(),
            exact: ExactSamples::default(),
            display,
        });
        Ok(())
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.parser.header()
    }

    /// Noise level of the present state in 8-bit levels. None before the first layer.
    pub fn sigma(&self) -> Option<f64> {
        let t = self.body.as_ref().and_then(|body| body.chain.t());
        t.map(Sigma::levels)
    }

    /// Sets how states are displayed from the next picture on, as [`Decoder::display`].
    pub fn set_display(&mut self, display: Display) {
        if let Some(body) = &mut self.body {
            body.display = display.clone();
        }
        self.settings = self.settings.clone().display(display);
    }
}

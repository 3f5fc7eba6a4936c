//! A decoder with the facts and the pixels that a page asks for.

use dcodec::container::{Header, Parser};
use dcodec::{Colour, Display, Event, Exact, Picture, Result, StreamDecoder};

/// Larger pictures are refused: a module has 4 GB at most, and a browser's tab often less.
pub const MAX_PIXELS: u64 = 50_000_000;
const MAX_MEMORY: u64 = 2_500_000_000;

/// Facts of a header: width and height in pixels, channels of colour, bits a sample, 1 if there is
/// alpha, the identity of the prior (big-endian), and bytes of the header.
pub const HEADER_FACTS: usize = 7;

/// Facts of the bytes so far: whole layers, 1 after the end marker, 1 if all samples are exact or 2
/// if exact samples came that this module cannot use, the noise level in thousandths of a level (0
/// before the first layer), and thousandths of the next layer that have come.
pub const STREAM_FACTS: usize = 5;

/// One decode.
pub struct Decoder {
    /// Used up to its end marker, behind which all input is ignored.
    stream: StreamDecoder,
    layers: u32,
    ended: bool,
    facts: [u32; STREAM_FACTS],
    icc: Vec<u8>,
    picture: Pixels,
}

/// Pixels of the last picture.
#[derive(Default)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// The header at the front of `bytes`. None if it has not come yet.
///
/// # Errors
/// Those of [`Parser::push`].
pub fn header(bytes: &[u8]) -> Result<Option<[u32; HEADER_FACTS]>> {
    let mut parser = Parser::new(MAX_PIXELS);
    Ok(match parser.push(bytes)?.1 {
        Event::Header(header) => Some(header_facts(&header)),
        _ => None,
    })
}

fn header_facts(header: &Header) -> [u32; HEADER_FACTS] {
    let form = &header.form;
    [
        form.width,
        form.height,
        form.colour.channels() as u32,
        form.depth.bits(),
        u32::from(form.alpha),
        u32::from_be_bytes(header.prior.0),
        header.file_bytes() as u32,
    ]
}

impl Decoder {
    /// A decoder by these settings.
    pub fn new(settings: dcodec::Decoder) -> Self {
        let settings = settings
            .max_pixels(MAX_PIXELS)
            .max_memory(MAX_MEMORY)
            .display(Display::PLAIN);
        Decoder {
            stream: settings.stream(),
            layers: 0,
            ended: false,
            facts: [0; STREAM_FACTS],
            icc: Vec::new(),
            picture: Pixels::default(),
        }
    }

    /// Takes bytes up to the end of the next layer. Returns the number of bytes taken.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut taken = 0;
        while !self.ended {
            let (used, event) = self.stream.push(&bytes[taken..])?;
            taken += used;
            match event {
                Event::Layer(..) => {
                    self.layers += 1;
                    return Ok(taken);
                }
                Event::End => self.ended = true,
                Event::NeedMore => return Ok(taken),
                _ => {}
            }
        }
        Ok(bytes.len())
    }

    /// Whole layers so far.
    pub fn layers(&self) -> u32 {
        self.layers
    }

    /// Makes the picture of the bytes so far.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::preview`].
    pub fn show(&mut self) -> Result<()> {
        let decoded = self.stream.preview()?;
        let picture = decoded.picture.into_eight();
        let coverage = decoded.coverage;
        self.facts = [
            coverage.layers,
            u32::from(coverage.complete),
            match coverage.exact {
                Exact::All => 1,
                Exact::Unusable => 2,
                _ => 0,
            },
            (1000.0 * coverage.sigma.unwrap_or(0.0)) as u32,
            (1000.0 * coverage.partial) as u32,
        ];
        self.icc = decoded.metadata.icc.unwrap_or_default();
        self.picture = Pixels {
            width: picture.width(),
            height: picture.height(),
            rgba: rgba(&picture),
        };
        Ok(())
    }

    /// Facts of the last picture.
    pub fn facts(&self) -> &[u32; STREAM_FACTS] {
        &self.facts
    }

    /// The colour profile of the last picture. Empty if it has none.
    pub fn icc(&self) -> &[u8] {
        &self.icc
    }

    /// The last picture.
    pub fn picture(&self) -> &Pixels {
        &self.picture
    }
}

/// Red, green, blue and alpha of each pixel.
fn rgba(picture: &Picture) -> Vec<u8> {
    let samples = picture.samples().as_eight().unwrap_or_default();
    let alpha = picture.alpha().and_then(|a| a.as_eight());
    let channels = picture.colour().channels();
    let mut out = Vec::with_capacity(samples.len() / channels * 4);
    for (i, pixel) in samples.chunks_exact(channels).enumerate() {
        match (picture.colour(), pixel) {
            (Colour::Rgb, &[r, g, b]) => out.extend([r, g, b]),
            _ => out.extend([pixel[0]; 3]),
        }
        out.push(alpha.map_or(255, |a| a[i]));
    }
    out
}

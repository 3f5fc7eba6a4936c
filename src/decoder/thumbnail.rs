//! Small pictures from the first bytes of a file.
//!
//! Averages over boxes of f x f of x_t = x_0 + sigma n are averages of x_0 plus noise of sigma / f.
//! So the chain is walked only as far as the noise of the averages asks for, and all calls of the
//! prior are made for averages. The sender has subtracted the x0_hat of the whole picture, whose
//! averages differ by d. But a step to s keeps only rho of what x_t is off by and adds 1 - rho of
//! d. So the averages of the state are off by a mean over the last d, and those are small: the
//! averages of a picture are seen through noise that its pixels are not.

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Rgba};

use crate::codes::{BitDepth, Form};
use crate::container::Event;
use crate::decoder::decoded::Decoded;
use crate::decoder::scope::coverage;
use crate::decoder::settings::{Decoder, reduction};
use crate::decoder::stream::StreamDecoder;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;

/// The noise of the averages, in levels, at which layers end: the prior takes most of it away.
const ENOUGH: f64 = 8.0;

impl Decoder {
    /// A small picture, `longest` pixels along the longer side, from as few of the first bytes as
    /// it needs. It is the whole picture if that is no larger.
    ///
    /// [`Coverage`](crate::Coverage) tells how far it read. It is the mean, whatever the sampler.
    ///
    /// # Errors
    /// Those of [`Decoder::decode`]; [`Error::Parameter`] for a side of zero.
    pub fn thumbnail(&self, bytes: &[u8], longest: u32) -> Result<Decoded> {
        let decoder = self.clone().for_thumbnail(longest);
        let mut stream = decoder.stream_of(bytes);
        let mut rest = bytes;
        while !stream.suffices(longest) {
            let (used, event) = stream.push(rest)?;
            rest = &rest[used..];
            match event {
                Event::LayerHead(layer) if layer.index >= self.max_layers => break,
                Event::End | Event::NeedMore => break,
                _ => {}
            }
        }
        stream.thumbnail(longest)
    }
}

impl StreamDecoder {
    /// True if [`StreamDecoder::thumbnail`] would be no better for more bytes.
    pub fn suffices(&self, longest: u32) -> bool {
        let f = self.header().and_then(|header| reduction(header, longest));
        matches!((f, self.sigma()), (Some(f), Some(sigma)) if sigma / f as f64 <= ENOUGH)
    }

    /// Ends the stream with a small picture, `longest` pixels along the longer side, of the whole
    /// layers so far. If the whole picture is no larger, it is that of [`StreamDecoder::finish`].
    ///
    /// # Errors
    /// Those of [`StreamDecoder::finish`]; [`Error::Parameter`] for a side of zero.
    pub fn thumbnail(self, longest: u32) -> Result<Decoded> {
        if longest == 0 {
            return Err(Error::Parameter("a picture has a pixel at least".into()));
        }
        match self.header().and_then(|header| reduction(header, longest)) {
            Some(f) => self.reduced(f, longest),
            None => self.finish(),
        }
    }

    /// Averages over boxes of `f` x `f` of the picture of the whole layers so far, fitted to
    /// `longest` pixels.
    fn reduced(self, f: usize, longest: u32) -> Result<Decoded> {
        let Some(mut body) = self.body else {
            return Err(self.parser.incomplete().into());
        };
        let form = body.header.form;
        let alpha = body.alpha(&self.parser);
        let (width, height) = form.fitted(longest);
        let exact = body.exact.whole(&form);
        let veil = alpha.filter(|a| a.iter().any(|v| v != form.depth.max()));
        let picture = match (exact, veil) {
            (Some(samples), veil) => {
                let veiled_by = match veil {
                    Some(alpha) => alpha,
                    None => opaque(&form, form.width * form.height),
                };
                let (w, h) = (form.width, form.height);
                let whole = Picture::from_samples(w, h, form.colour, samples, Some(veiled_by))?;
                let small = veiled(&whole, f, width, height)?;
                match form.alpha {
                    true => small,
                    false => small.without_alpha(),
                }
            }
            (None, None) => {
                let x0_hat = body.chain.reduced_x0_hat(f)?;
                let size = [form.width, form.height].map(|n| n.div_ceil(f as u32));
                let opaque = form.alpha.then(|| opaque(&form, size[0] * size[1]));
                let size = (size[0], size[1]);
                let picture = body.showing.reduced(&body.header, &x0_hat, size, opaque)?;
                match (picture.width(), picture.height()) == (width, height) {
                    true => picture,
                    false => {
                        let image = picture.to_image();
                        let filter = FilterType::CatmullRom;
                        Picture::from_image(image.resize_exact(width, height, filter))?
                    }
                }
            }
            // Colours count by their alpha, so they have to be known pixel by pixel.
            (None, Some(alpha)) => {
                let x0_hat = body.chain.x0_hat()?;
                let whole = body.showing.picture(&body.header, x0_hat, Some(alpha))?;
                veiled(&whole, f, width, height)?
            }
        };
        let coverage = coverage(&self.parser, &body.chain, None);
        Ok(Decoded {
            picture,
            metadata: self.metadata,
            coverage,
            timings: body.chain.meter().read(),
        })
    }
}

/// Opaque alpha of `pixels` pixels.
fn opaque(form: &Form, pixels: u32) -> Samples {
    match form.depth {
        BitDepth::Eight => vec![u8::MAX; pixels as usize].into(),
        BitDepth::Sixteen => vec![u16::MAX; pixels as usize].into(),
    }
}

/// Averages over boxes of `f` x `f` of a picture with alpha, fitted to `width` x `height`. The
/// colours are weighted by alpha: what is invisible has no part in them.
fn veiled(picture: &Picture, f: usize, width: u32, height: u32) -> Result<Picture> {
    let Some(alpha) = picture.alpha() else {
        return Err(Error::Parameter("no alpha".into()));
    };
    let (side, channels) = (picture.width() as usize, picture.colour().channels());
    let columns = side.div_ceil(f);
    let rows = (picture.height() as usize).div_ceil(f);
    // Colours times alpha, alpha, and pixels.
    let mut sums = vec![([0u64; 4], 0u64); columns * rows];
    let mut samples = picture.samples().iter();
    for (i, a) in alpha.iter().enumerate() {
        let (sum, n) = &mut sums[i / side / f * columns + i % side / f];
        for (sum, v) in sum.iter_mut().zip(samples.by_ref().take(channels)) {
            *sum += u64::from(v) * u64::from(a);
        }
        sum[3] += u64::from(a);
        *n += 1;
    }
    // From 0 to 1, where the filter ends them.
    let full = f64::from(picture.depth().max());
    let mean = |&(sum, n): &([u64; 4], u64)| {
        let [r, g, b, a] = sum.map(|v| v as f64 / (n as f64 * full));
        [r / full, g / full, b / full, a].map(|v| v as f32)
    };
    let data: Vec<f32> = sums.iter().flat_map(mean).collect();
    let small = ImageBuffer::<Rgba<f32>, _>::from_raw(columns as u32, rows as u32, data);
    let mut small = small.ok_or(Error::Parameter("sides and averages differ".into()))?;
    if (small.width(), small.height()) != (width, height) {
        small = resize(&small, width, height, FilterType::CatmullRom);
    }
    let full = full as f32;
    let (mut samples, mut alpha) = (Vec::new(), Vec::new());
    for pixel in small.pixels() {
        let a = (pixel.0[3] * full + 0.5) as u16;
        let colours = pixel.0[..channels].iter();
        let shown = colours.map(|v| if a == 0 { 0.0 } else { v / pixel.0[3] });
        samples.extend(shown.map(|v| (v.clamp(0.0, 1.0) * full + 0.5) as u16));
        alpha.push(a);
    }
    let fitted = |values: Vec<u16>| -> Samples {
        match picture.depth() {
            BitDepth::Eight => values.iter().map(|&v| v as u8).collect::<Vec<_>>().into(),
            BitDepth::Sixteen => values.into(),
        }
    };
    let (samples, alpha) = (fitted(samples), fitted(alpha));
    Picture::from_samples(width, height, picture.colour(), samples, Some(alpha))
}

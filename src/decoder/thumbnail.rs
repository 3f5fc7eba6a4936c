//! Small pictures from the first bytes of a file.
//!
//! Averages over boxes of f x f of x_t = x_0 + sigma n are averages of x_0 plus noise of sigma / f.
//! So the chain is walked only as far as the noise of the averages asks for. The last call of the
//! prior, which makes the picture, is made for the averages. The calls before it cannot be: the
//! sender subtracted the x0_hat of the whole picture, and the averages of another one would be off
//! by their difference for good.

use image::imageops::FilterType;

use crate::container::{Event, Header};
use crate::decoder::decoded::Decoded;
use crate::decoder::scope::coverage;
use crate::decoder::settings::Decoder;
use crate::decoder::stream::StreamDecoder;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;

/// The noise of the averages, in levels, at which layers end: the prior takes most of it away.
const ENOUGH: f64 = 6.0;

impl Decoder {
    /// A small picture, `longest` pixels along the longer side, from as few of the first bytes as
    /// it needs. It is the whole picture if that is no larger.
    ///
    /// [`Coverage`](crate::Coverage) tells how far it read. It is the mean, whatever the sampler.
    ///
    /// # Errors
    /// Those of [`Decoder::decode`]; [`Error::Parameter`] for a side of zero.
    pub fn thumbnail(&self, bytes: &[u8], longest: u32) -> Result<Decoded> {
        let mut stream = self.stream_of(bytes);
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
        let x0_hat = body.chain.reduced_x0_hat(f)?;
        let form = body.header.form;
        let size = [form.width, form.height].map(|n| n.div_ceil(f as u32));
        let alpha = body.alpha(&self.parser);
        let alpha = alpha.map(|a| average(&a, form.width as usize, f));
        let (colour, depth) = (form.colour, form.depth);
        let picture = Picture::from_planes(&x0_hat, size[0], size[1], colour, depth, alpha)?;
        let side = u64::from(form.width.max(form.height));
        let scaled = |n: u32| {
            let n = (2 * u64::from(n) * u64::from(longest) + side) / (2 * side);
            n.max(1) as u32
        };
        let (width, height) = (scaled(form.width), scaled(form.height));
        let picture = match (picture.width(), picture.height()) == (width, height) {
            true => picture,
            false => {
                let image = picture.to_image();
                Picture::from_image(image.resize_exact(width, height, FilterType::CatmullRom))?
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

/// Side in pixels of the boxes that a thumbnail averages. None if the picture is no larger than the
/// thumbnail.
fn reduction(header: &Header, longest: u32) -> Option<usize> {
    let side = header.form.width.max(header.form.height);
    (side > longest).then(|| (side / longest.max(1)) as usize)
}

/// Averages of one sample a pixel over boxes of `f` x `f`, rounded to nearest. Rows have `width`
/// samples.
fn average(samples: &Samples, width: usize, f: usize) -> Samples {
    let columns = width.div_ceil(f);
    let rows = (samples.len() / width).div_ceil(f);
    let mut sums = vec![(0u64, 0u64); columns * rows];
    for (i, v) in samples.iter().enumerate() {
        let (sum, n) = &mut sums[i / width / f * columns + i % width / f];
        *sum += u64::from(v);
        *n += 1;
    }
    let means = sums.iter().map(|&(sum, n)| (sum + n / 2) / n);
    match samples {
        Samples::Eight(_) => means.map(|v| v as u8).collect::<Vec<_>>().into(),
        Samples::Sixteen(_) => means.map(|v| v as u16).collect::<Vec<_>>().into(),
    }
}

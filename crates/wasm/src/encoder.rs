//! The pixels of a page as a file.

use dcodec::{Colour, Effort, Encoder, Error, Picture, Prior, Result, Target};

/// Larger pictures are refused: an encode holds some tens of bytes a pixel.
const MAX_MEMORY: u64 = 2_500_000_000;

/// The file of `width` x `height` pixels of red, green, blue and alpha, at `bpp` bits per pixel, or
/// exact if that is not a positive number. Pixels that are all grey or opaque are coded as such.
///
/// # Errors
/// [`Error::Parameter`] for an effort that is not 1..=5 or another number of pixels; those of
/// [`Encoder::encode`].
pub fn encode(
    prior: &Prior,
    rgba: &[u8],
    (width, height): (u32, u32),
    bpp: f64,
    effort: u8,
) -> Result<Vec<u8>> {
    let level = effort;
    let effort = Effort::new(level)
        .ok_or_else(|| Error::Parameter(format!("an effort is 1 to 5, not {level}")))?;
    let target = match bpp > 0.0 {
        true => Target::Bpp(bpp),
        false => Target::Lossless(None),
    };
    let encoder = Encoder::new(prior)
        .effort(effort)
        .target(target)
        .max_memory(MAX_MEMORY);
    Ok(encoder.encode(&picture(rgba, width, height)?)?.bytes)
}

/// The picture of these pixels.
fn picture(rgba: &[u8], width: u32, height: u32) -> Result<Picture> {
    let (pixels, _) = rgba.as_chunks::<4>();
    let grey = pixels.iter().all(|[r, g, b, _]| r == g && g == b);
    let (colour, samples) = match grey {
        true => (Colour::Grey, pixels.iter().map(|p| p[0]).collect()),
        false => (
            Colour::Rgb,
            pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect(),
        ),
    };
    let opaque = pixels.iter().all(|p| p[3] == 255);
    let alpha = (!opaque).then(|| pixels.iter().map(|p| p[3]).collect());
    Picture::new(width, height, colour, samples, alpha)
}

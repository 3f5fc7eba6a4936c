//! Small pictures of all kinds, from any bytes.

use arbitrary::{Result, Unstructured};
use dcodec::container::{Form, SigmaCode, Trellis};
use dcodec::{BitDepth, Colour, Picture, Samples};

/// Sides of a picture, at most.
const MOST_SIDE: u32 = 16;

/// A form of up to 16 x 16 pixels.
pub fn form(u: &mut Unstructured) -> Result<Form> {
    Ok(Form {
        width: u.int_in_range(1..=MOST_SIDE)?,
        height: u.int_in_range(1..=MOST_SIDE)?,
        colour: *u.choose(&[Colour::Grey, Colour::Rgb])?,
        depth: *u.choose(&[BitDepth::Eight, BitDepth::Sixteen])?,
        alpha: u.arbitrary()?,
    })
}

/// A picture: noise, a few colours, runs of one, or a ramp.
pub fn picture(u: &mut Unstructured) -> Result<Picture> {
    let form = form(u)?;
    let pixels = (form.width * form.height) as usize;
    let colours = samples(u, pixels, form.colour.channels(), form.depth)?;
    let alpha = match form.alpha {
        true => Some(samples(u, pixels, 1, form.depth)?),
        false => None,
    };
    let made = Picture::from_samples(form.width, form.height, form.colour, colours, alpha);
    Ok(made.expect("the lengths fit"))
}

fn samples(
    u: &mut Unstructured,
    pixels: usize,
    channels: usize,
    depth: BitDepth,
) -> Result<Samples> {
    let most = match depth {
        BitDepth::Eight => 255,
        BitDepth::Sixteen => 65535u16,
    };
    let kind = u.int_in_range(0..=3u8)?;
    let palette: Vec<u16> = (0..u.int_in_range(1..=8)? * channels)
        .map(|_| u.int_in_range(0..=most))
        .collect::<Result<_>>()?;
    let step: u16 = u.arbitrary()?;
    let mut values: Vec<u16> = Vec::with_capacity(pixels * channels);
    let mut last = 0;
    for i in 0..pixels {
        // Bytes that have run out are zeros.
        let byte: u8 = u.arbitrary()?;
        if kind != 1 || byte > 200 {
            last = usize::from(byte) % (palette.len() / channels);
        }
        for channel in 0..channels {
            values.push(match kind {
                0 => u.arbitrary::<u16>()? & most,
                1 | 2 => palette[last * channels + channel],
                _ => (i as u16).wrapping_mul(step) & most,
            });
        }
    }
    Ok(match depth {
        BitDepth::Eight => Samples::from(values.iter().map(|&v| v as u8).collect::<Vec<_>>()),
        BitDepth::Sixteen => values.into(),
    })
}

/// A trellis of any size.
pub fn trellis(u: &mut Unstructured) -> Result<Trellis> {
    u.choose(&Trellis::ALL).copied()
}

/// A noise level that a header can tell.
pub fn start(u: &mut Unstructured) -> Result<SigmaCode> {
    let most = SigmaCode::MAX.get() / 2;
    let code = 2 * u.int_in_range(0..=most)?;
    Ok(SigmaCode::new(code).expect("a code of the format"))
}

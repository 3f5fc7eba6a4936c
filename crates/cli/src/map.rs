//! Heat maps: where the bits of a picture go, or how much each place surprises the prior.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use dcodec::analysis::{self, Map};
use dcodec::prior::Shipped;
use dcodec::{Effort, Encoder};
use dcodec_eval::Log;
use dcodec_eval::io::{self, output_name};
use dcodec_eval::load::load_picture;
use dcodec_eval::rd::scene::{Anchor, Scene, Shape, Text};
use dcodec_eval::read::{Limits, read_picture};

use crate::args::{self, Noise};
use crate::encode;
use crate::error::{About, Error, Result};
use crate::priors::prior;
use crate::text::destination;

/// Pixels of the long side to which small pictures are enlarged.
const LEAST_SIDE: u32 = 256;
/// The legend: its width, its bar, and the margin around it.
const LEGEND: u32 = 92;
const BAR: (u32, u32) = (14, 16);
const MARGIN: u32 = 12;
const HEADROOM: u32 = 34;

/// Share of the pixels that the scale of the heat map covers; higher values show as its top.
const SCALE_SHARE: f64 = 0.995;

pub fn run(a: &args::Map, log: Log) -> Result<()> {
    let start = Instant::now();
    let output = destination(a.output.output.as_deref(), &a.input, "map.png")?;
    let raw = raw(&output)?;
    io::check_apart(&a.input, &output)?;
    io::check_destination(&output, a.output.force)?;
    let limits = Limits::pixels(a.prior.max_pixels);
    let data = read_picture(&a.input, &limits, |_| Ok::<_, Error>(()))?;
    let picture = load_picture(&data, &a.input, a.prior.max_pixels)?.picture;
    let prior = prior(&a.prior, Shipped::of_effort(a.effort), log)?;
    let bar = log.bar("mapping");
    let (values, unit, total) = match a.sigma {
        Some(sigma) => {
            let noise = match a.noise {
                Noise::Gaussian => analysis::Noise::Gaussian,
                Noise::Simplex => analysis::Noise::Simplex,
            };
            let map = analysis::surprise(&prior, &picture, sigma, noise, a.draws, a.seed);
            let map = map.about(&a.input)?;
            let mean = map.sum() / map.values().len() as f64;
            (map, "error / noise", format!("mean {mean:.4}"))
        }
        None => {
            let encoded = Encoder::new(&prior)
                .target(encode::target(&a.goal))
                .effort(Effort::new(a.effort).unwrap_or_default())
                .seed(a.seed)
                .map(true)
                .encode_with(&picture, &mut |p| {
                    bar.set_position((1000.0 * p.done) as u64);
                    ControlFlow::Continue(())
                })
                .about(&a.input)?;
            let total = format!("a file of {} bytes", encoded.bytes.len());
            let map = encoded.map.ok_or_else(|| no_memory(&output))?;
            (map, "bits / pixel", total)
        }
    };
    bar.finish_and_clear();
    let shown = values.smoothed(a.smooth.unwrap_or(if raw { 1 } else { 5 }));
    let bytes = match raw {
        true => npy(&shown),
        false => heat_map(&shown, unit).ok_or_else(|| no_memory(&output))?,
    };
    io::write_atomic(&output, a.output.force, |w| w.write_all(&bytes))?;
    log.say(format!(
        "{}: {} x {}, {unit}: {total}, highest {:.3}, {:.1} s",
        output_name(&output),
        shown.width(),
        shown.height(),
        shown.quantile(1.0),
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// True if the output takes the values as they are.
fn raw(output: &Path) -> Result<bool> {
    let extension = output.extension().map(|e| e.to_ascii_lowercase());
    match extension.as_ref().and_then(|e| e.to_str()) {
        Some("npy") => Ok(true),
        Some("png") => Ok(false),
        None if io::is_standard_output(output) => Ok(false),
        _ => Err(Error::Usage(format!(
            "{}: a map is written as .png, or as .npy for its values",
            output.display()
        ))),
    }
}

/// NumPy's format, version 1.0: f32 in rows.
fn npy(map: &Map) -> Vec<u8> {
    let mut head = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
        map.height(),
        map.width()
    );
    // Ten bytes stand before; the values start at a multiple of 64.
    while (10 + head.len() + 1) % 64 != 0 {
        head.push(' ');
    }
    head.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((head.len() as u16).to_le_bytes());
    out.extend(head.as_bytes());
    out.extend(map.values().iter().flat_map(|v| v.to_le_bytes()));
    out
}

/// PNG file of the map in colours, beside their legend; none if there is no memory for it.
fn heat_map(map: &Map, unit: &str) -> Option<Vec<u8>> {
    let (w, h) = (map.width(), map.height());
    let zoom = LEAST_SIDE.div_ceil(w.max(h));
    let (width, height) = (w.checked_mul(zoom)?, h.checked_mul(zoom)?);
    let high = height.max(160);
    let (top, ticks) = scale(f64::from(map.quantile(SCALE_SHARE)));
    let text = |text: String, x: f64, y: f64, bold: bool| {
        Shape::Text(Text {
            text,
            at: (x, y),
            size: 12.0,
            bold,
            anchor: Anchor::Start,
            colour: [40, 40, 40],
        })
    };
    let bar = height_of_bar(high);
    let place = |v: f64| f64::from(HEADROOM) + f64::from(bar) * (1.0 - v / top);
    let x = f64::from(MARGIN + BAR.1);
    let mut shapes = vec![text(unit.into(), f64::from(MARGIN), 20.0, true)];
    for v in ticks {
        let y = place(v);
        shapes.push(Shape::Line {
            points: vec![(x, y), (x + 4.0, y)],
            width: 1.0,
            colour: [40, 40, 40],
            dash: None,
        });
        shapes.push(text(number(v, top), x + 8.0, y + 4.0, false));
    }
    let legend = Scene {
        title: unit.into(),
        width: f64::from(LEGEND),
        height: f64::from(high),
        shapes,
    };
    let legend = legend.raster(1.0)?;
    let mut out = image::RgbImage::from_pixel(width + LEGEND, high, image::Rgb([255; 3]));
    image::imageops::replace(&mut out, &legend, width.into(), 0);
    for y in 0..bar {
        let share = 1.0 - (f64::from(y) + 0.5) / f64::from(bar);
        for x in 0..BAR.1 {
            out.put_pixel(width + MARGIN + x, HEADROOM + y, image::Rgb(colour(share)));
        }
    }
    for y in 0..height {
        for x in 0..width {
            let v = map.values()[(y / zoom) as usize * w as usize + (x / zoom) as usize];
            out.put_pixel(x, y, image::Rgb(colour(f64::from(v) / top)));
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    out.write_to(&mut bytes, image::ImageFormat::Png).ok()?;
    Some(bytes.into_inner())
}

fn height_of_bar(high: u32) -> u32 {
    high - HEADROOM - MARGIN
}

/// The top of a scale that holds `highest`, and four to six round numbers on it.
fn scale(highest: f64) -> (f64, Vec<f64>) {
    let highest = if highest > 0.0 { highest } else { 1.0 };
    let power = 10f64.powf((highest / 5.0).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power);
    let step = steps.into_iter().find(|s| s * 5.0 >= highest * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let count = (highest / step - 1e-9).ceil().max(1.0);
    (
        step * count,
        (0..=count as u32).map(|k| f64::from(k) * step).collect(),
    )
}

/// A value with the decimal places that the steps of a scale up to `top` need.
fn number(v: f64, top: f64) -> String {
    let places = (2.0 - top.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{v:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn no_memory(output: &Path) -> Error {
    Error::Failed(format!("{}: no memory for the map", output_name(output)))
}

/// Colours of viridis (van der Walt and Smith 2015), evenly spaced. Those between are interpolated.
const VIRIDIS: [[u8; 3]; 17] = [
    [68, 1, 84],
    [72, 24, 106],
    [71, 44, 122],
    [66, 63, 133],
    [58, 81, 139],
    [50, 98, 141],
    [44, 113, 142],
    [38, 129, 142],
    [32, 144, 140],
    [31, 159, 136],
    [39, 173, 128],
    [61, 187, 115],
    [92, 200, 98],
    [129, 211, 76],
    [170, 219, 49],
    [213, 226, 25],
    [253, 231, 37],
];

/// sRGB of a share, which is clamped to 0..=1. Colours of viridis are evenly apart to the eye and
/// grow steadily lighter, so that colour-blind readers and grey printers keep the order.
fn colour(share: f64) -> [u8; 3] {
    let steps = (VIRIDIS.len() - 1) as f64;
    let at = steps * share.clamp(0.0, 1.0);
    let below = (at as usize).min(VIRIDIS.len() - 2);
    let part = at - below as f64;
    let [low, high] = [below, below + 1].map(|i| VIRIDIS[i].map(f64::from));
    [0, 1, 2].map(|c| (low[c] + part * (high[c] - low[c])).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_grow_lighter_and_end() {
        let light = |share: f64| {
            let [r, g, b] = colour(share).map(f64::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        for i in 0..32 {
            let i = f64::from(i);
            assert!(light((i + 1.0) / 32.0) > light(i / 32.0) + 1.0, "{i}");
        }
        assert_eq!(colour(-1.0), colour(0.0));
        assert_eq!(colour(2.0), colour(1.0));
    }

    #[test]
    fn scales_hold_their_values_in_round_steps() {
        for (highest, top, count) in [
            (7.3, 8.0, 5),
            (0.031, 0.035, 8),
            (1.0, 1.0, 6),
            (0.0, 1.0, 6),
        ] {
            let (got, ticks) = scale(highest);
            println!("{highest}: {got} {ticks:?}");
            assert!(got >= highest && got <= 1.5 * top, "{highest}: {got}");
            assert!((4..=count.max(6)).contains(&ticks.len()), "{ticks:?}");
            assert!((ticks[ticks.len() - 1] - got).abs() < 1e-9);
        }
        assert_eq!([0.0, 0.5, 1.5].map(|v| number(v, 2.0)), ["0", "0.5", "1.5"]);
        assert_eq!(number(200.0, 500.0), "200");
        assert_eq!(number(0.004, 0.01), "0.004");
    }

    #[test]
    fn npy_is_aligned() {
        let map = Map::new(3, 2, vec![1.0; 6]).expect("six");
        let bytes = npy(&map);
        let head = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
        assert_eq!((10 + head) % 64, 0);
        assert_eq!(bytes.len(), 10 + head + 24);
        assert!(String::from_utf8_lossy(&bytes[10..10 + head]).contains("'shape': (2, 3)"));
    }
}

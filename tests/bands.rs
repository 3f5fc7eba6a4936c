//! Bits dealt out to bands: the same picture from a smaller file.

mod common;

use dcodec::container::{Event, Parser};
use dcodec::{DEFAULT_MAX_PIXELS, Encoder, Picture, Target, Tune, metrics};

fn encode(picture: &Picture, bands: bool, quality: f64, seed: u64) -> Vec<u8> {
    let prior = common::fast();
    let encoder = Encoder::new(&prior)
        .bands(bands)
        .prefilter(false)
        .tune(Tune::Plain)
        .seed(seed)
        .target(Target::Quality(quality));
    encoder.encode(picture).expect("encodes").bytes
}

fn shown(picture: &Picture, file: &[u8]) -> f64 {
    let prior = common::fast();
    let decoded = common::plain(&prior).decode(file).expect("valid");
    metrics::psnr(picture, &decoded.picture).expect("of one size")
}

fn is_banded(file: &[u8]) -> bool {
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    match parser.push(file).expect("valid").1 {
        Event::Header(header) => header.banded,
        other => panic!("{other:?}"),
    }
}

/// In the mean of some seeds, over a picture with many things in it: a single file is longer or
/// shorter by a per cent.
#[test]
fn bands_save_bits() {
    let picture = common::crop("coffee.png", 0, 0, 600, 400);
    let ratios = [0, 1, 2, 3].map(|seed| {
        let [without, with] = [false, true].map(|bands| encode(&picture, bands, 50.0, seed));
        assert!(!is_banded(&without) && is_banded(&with));
        let (a, b) = (shown(&picture, &without), shown(&picture, &with));
        let (n, m) = (without.len(), with.len());
        println!("{n} bytes {a:.3} dB, {m} bytes {b:.3} dB");
        assert!((a - b).abs() < 0.2, "{a} and {b} dB");
        // Twice the bytes show some 3.5 dB more.
        m as f64 * ((a - b) / 3.5).exp2() / n as f64
    });
    let mean = ratios.iter().sum::<f64>() / 4.0;
    assert!(mean < 0.992, "{ratios:?}");
}

#[test]
fn large_pictures_have_bands_and_small_ones_have_none() {
    let prior = common::fast();
    for (side, bands) in [(191, false), (192, true)] {
        let picture = common::crop("coffee.png", 0, 0, 220, side);
        let encoder = Encoder::new(&prior).target(Target::Quality(5.0));
        let file = encoder.encode(&picture).expect("encodes");
        assert_eq!(is_banded(&file.bytes), bands);
    }
}

/// More bytes never show less.
#[test]
fn every_cut_of_a_banded_file_is_a_better_picture() {
    let picture = common::crop("coffee.png", 100, 100, 256, 200);
    let file = encode(&picture, true, 40.0, 0);
    let mut last = 0.0;
    for part in 1..=24 {
        let psnr = shown(&picture, &file[..file.len() * part / 24]);
        assert!(psnr > last - 0.05, "{part} of 24: {psnr} after {last} dB");
        last = psnr;
    }
}

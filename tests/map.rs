//! Maps say where the bits go and where the prior is surprised.

mod common;

use dcodec::analysis::{Map, Noise, surprise};
use dcodec::{Colour, Encoder, Picture, Target};

/// A woven texture, its planes at different strengths.
fn texture(width: u32, height: u32) -> Vec<u8> {
    let pixel = |i: u32| {
        let (x, y) = (f64::from(i % width), f64::from(i / width));
        let v = 35.0 * (x * 0.8).sin() + 30.0 * (y * 1.1 + 0.3 * (x * 0.1).sin()).sin();
        [1.0, 0.8, 0.6].map(|gain| (128.0 + gain * v) as u8)
    };
    (0..width * height).flat_map(pixel).collect()
}

/// The place of the highest value.
fn peak(map: &Map) -> (u32, u32) {
    let values = map.values().iter().enumerate();
    let (i, _) = values.max_by(|a, b| a.1.total_cmp(b.1)).expect("values");
    (i as u32 % map.width(), i as u32 / map.width())
}

#[test]
fn the_map_sums_to_the_code_length() {
    let prior = common::fast();
    let (grey, tiny) = (
        common::crop("camera.png", 180, 60, 40, 24),
        common::crop("coffee.png", 300, 120, 9, 12),
    );
    for (picture, target) in [
        (
            common::crop("coffee.png", 300, 120, 64, 48),
            Target::Bpp(1.0),
        ),
        (grey, Target::Quality(60.0)),
        (tiny, Target::Quality(80.0)),
    ] {
        let encoder = Encoder::new(&prior).target(target).map(true);
        let file = encoder.encode(&picture).expect("encodes");
        let map = file.map.expect("asked for");
        assert_eq!(
            (map.width(), map.height()),
            (picture.width(), picture.height())
        );
        let wanted: f64 = file.layers.iter().map(|l| l.kl_bits).sum();
        println!("{:.3} of {wanted:.3} bits", map.sum());
        assert!(wanted > 100.0 && (map.sum() / wanted - 1.0).abs() < 1e-5);
        assert!(map.values().iter().all(|&v| v >= 0.0));
        let plain = Encoder::new(&prior).target(target).encode(&picture);
        let plain = plain.expect("encodes");
        assert!(plain.bytes == file.bytes && plain.map.is_none());
    }
}

#[test]
fn bits_go_where_the_picture_is_hard() {
    let prior = common::fast();
    let noise = common::noise(64, 64, Colour::Rgb, false, 4);
    let mut samples = vec![120; 3 * 64 * 64];
    for y in 0..64 {
        let right = 3 * (64 * y + 32)..3 * 64 * (y + 1);
        samples[right.clone()].copy_from_slice(&noise.samples().as_eight().expect("8 bits")[right]);
    }
    let picture = Picture::new(64, 64, Colour::Rgb, samples, None).expect("a picture");
    let encoder = Encoder::new(&prior).target(Target::Quality(50.0)).map(true);
    let map = encoder
        .encode(&picture)
        .expect("encodes")
        .map
        .expect("asked for");
    let half = |right: bool| -> f64 {
        let of_half = |i: &usize| (i % 64 >= 32) == right;
        let values = map.values().iter().enumerate();
        values
            .filter(|(i, _)| of_half(i))
            .map(|(_, &v)| f64::from(v))
            .sum()
    };
    println!("{:.0} bits left, {:.0} right", half(false), half(true));
    assert!(half(true) > 20.0 * half(false));
}

#[test]
fn a_defect_surprises_most() {
    let prior = common::fast();
    let (w, h) = (96, 80);
    let mut rng = common::Rng(5);
    for (noise, sigma) in [(Noise::Gaussian, 20.0), (Noise::Simplex, 20.0)] {
        for (x, y) in [(60, 30), (12, 55)] {
            let mut samples = texture(w, h);
            for row in y..y + 9 {
                let at = 3 * (row * w + x) as usize;
                samples[at..at + 27].copy_from_slice(&rng.bytes(27));
            }
            let picture = Picture::new(w, h, Colour::Rgb, samples, None).expect("a picture");
            let map = surprise(&prior, &picture, sigma, noise, 4, 1).expect("scores");
            let smooth = map.smoothed(7);
            let at = peak(&smooth);
            let background = smooth.quantile(0.5);
            println!(
                "{noise:?}: peak at {at:?}, {:.1} times the median",
                smooth.quantile(1.0) / background
            );
            assert!(
                (x..x + 9).contains(&at.0) && (y..y + 9).contains(&at.1),
                "{at:?}"
            );
        }
    }
}

#[test]
fn more_draws_are_steadier_and_nonsense_is_refused() {
    let prior = common::fast();
    let picture = common::crop("camera.png", 180, 60, 48, 48);
    let score = |draws, seed| surprise(&prior, &picture, 30.0, Noise::Gaussian, draws, seed);
    let distance = |draws| {
        let (a, b) = (
            score(draws, 1).expect("scores"),
            score(draws, 2).expect("scores"),
        );
        let pairs = a.values().iter().zip(b.values());
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
    };
    assert_eq!(score(1, 3).expect("scores"), score(1, 3).expect("scores"));
    assert!(distance(6) < 0.4 * distance(1));
    assert!(score(0, 1).is_err());
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(surprise(&prior, &picture, sigma, Noise::Gaussian, 1, 0).is_err());
    }
}

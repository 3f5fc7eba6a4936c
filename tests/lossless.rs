//! A lossless file is a lossy one that goes on to the exact picture.

mod common;

use dcodec::prior::{Kernel, Network, Weights};
use dcodec::{Colour, Encoder, Error, Exact, Picture, Prior, Target, Tune, metrics};

use common::{crop, data, fast, gaussian, noise, prior};

fn lossless(prior: &Prior, picture: &Picture) -> Vec<u8> {
    let target = Target::Lossless(None);
    let encoder = Encoder::new(prior).target(target).reconstruct(true);
    let encoded = encoder.encode(picture).expect("encodes");
    assert!(encoded.target_met && encoded.reconstruction.as_ref() == Some(picture));
    encoded.bytes
}

fn assert_exact(prior: &Prior, picture: &Picture, name: &str) -> usize {
    let file = lossless(prior, picture);
    let decoded = common::plain(prior).decode(&file).expect("decodes");
    assert_eq!(decoded.coverage.exact, Exact::All, "{name}");
    assert!(
        decoded.coverage.complete && decoded.picture == *picture,
        "{name}"
    );
    file.len()
}

fn bytes_of(picture: &Picture) -> usize {
    picture.samples().len() + picture.alpha().map_or(0, |a| a.len())
}

#[test]
fn samples_of_all_kinds_come_back() {
    let prior = fast();
    for name in ["badge.png", "astronaut.png", "chelsea.png"] {
        let picture = crop(name, 0, 0, 150, 110);
        assert_exact(&prior, &picture, name);
    }
    for (w, h) in [(1, 1), (1, 7), (17, 33), (16, 15)] {
        assert_exact(&prior, &crop("chelsea.png", 40, 40, w, h), "small");
    }
    let flat = Picture::new(90, 60, Colour::Rgb, vec![77; 90 * 60 * 3], None).expect("a picture");
    assert!(assert_exact(&prior, &flat, "flat") < 200);
    // A drawing is coded as one: after a few layers.
    let tiles = (0..120 * 80 * 3).map(|i| ((i / 3 % 120 / 8 + i / 360 / 8) % 2 * 255) as u8);
    let tiles = Picture::new(120, 80, Colour::Rgb, tiles.collect(), None).expect("a picture");
    assert!(assert_exact(&prior, &tiles, "tiles") < 1000);
}

/// Random sizes, depths and contents, under a prior that takes no time.
#[test]
fn any_picture_comes_back() {
    let prior = gaussian();
    for seed in 0..250u64 {
        let pick = |n: u64, k: u64| (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (8 * k)) % n;
        let (w, h) = (1 + pick(40, 0) as u32, 1 + pick(40, 1) as u32);
        let colour = if pick(2, 2) == 0 {
            Colour::Grey
        } else {
            Colour::Rgb
        };
        let alpha = pick(3, 3) == 0;
        let picture = match pick(3, 4) {
            0 => noise(w, h, colour, alpha, seed),
            1 => {
                let n = (w * h) as usize * colour.channels();
                let ramp = (0..n).map(|i| (i as u64 * (1 + seed % 7) / 2) as u8);
                Picture::new(w, h, colour, ramp.collect(), None).expect("a picture")
            }
            _ => {
                let n = (w * h) as usize * colour.channels();
                let two = noise(w, h, colour, false, seed);
                let few = two.samples().iter().map(|v| (v / 128 * 255) as u8);
                let alpha = alpha.then(|| vec![(seed % 256) as u8; (w * h) as usize]);
                assert_eq!(two.samples().len(), n);
                Picture::new(w, h, colour, few.collect(), alpha).expect("a picture")
            }
        };
        assert_exact(&prior, &picture, &format!("{seed}: {w} x {h}"));
    }
}

#[test]
fn sixteen_bits_come_back() {
    let prior = gaussian();
    let eight = crop("chelsea.png", 40, 40, 60, 44);
    let wide: Vec<u16> = eight.samples().iter().map(|v| 257 * v).collect();
    let deep: Vec<u16> = wide
        .iter()
        .zip(0..)
        .map(|(v, i)| v ^ (i * 40_503 % 61))
        .collect();
    let encode = |samples: Vec<u16>| {
        let picture = Picture::from_samples(60, 44, Colour::Rgb, samples.into(), None);
        assert_exact(&prior, &picture.expect("a picture"), "16 bits")
    };
    // Low bytes that say nothing new cost little. Others cost their information.
    let eight = assert_exact(&prior, &eight, "8 bits");
    let (wide, deep) = (encode(wide), encode(deep));
    assert!(wide < 2 * eight && deep > wide, "{eight} {wide} {deep}");
}

#[test]
fn noise_grows_by_less_than_a_hundredth() {
    let prior = fast();
    let picture = noise(200, 150, Colour::Rgb, false, 3);
    let size = assert_exact(&prior, &picture, "noise");
    assert!(size as f64 <= 1.01 * bytes_of(&picture) as f64, "{size}");
}

/// The layers equal those of the lossy file, so that every prefix up to their end is a prefix of
/// it.
#[test]
fn prefixes_are_those_of_the_lossy_file() {
    let prior = prior();
    let picture = crop("chelsea.png", 100, 60, 96, 64);
    let file = lossless(&prior, &picture);
    // The lossy file is not filtered and not tuned either.
    let encoder = Encoder::new(&prior)
        .target(Target::Quality(75.0))
        .tune(Tune::Plain)
        .prefilter(false);
    let lossy = encoder.encode(&picture).expect("encodes").bytes;
    // All but the end marker.
    let layers = lossy.len() - 3;
    assert_eq!(file[..layers], lossy[..layers]);
    let shown = |n: usize| common::plain(&prior).decode(&file[..n]).expect("decodes");
    assert_eq!(shown(layers).coverage.exact, Exact::None);
    let (mut last, mut rows) = (0.0, 0);
    for n in (layers..file.len()).step_by(97) {
        let decoded = shown(n);
        let psnr = metrics::psnr(&picture, &decoded.picture).expect("equal sizes");
        assert!(psnr >= last, "{psnr} after {last} at {n}");
        last = psnr;
        if let Exact::Rows(n) = decoded.coverage.exact {
            let n = n as usize;
            assert!(n >= rows);
            let top = |p: &Picture| p.samples().iter().take(n * 288).collect::<Vec<_>>();
            assert_eq!(top(&decoded.picture), top(&picture));
            rows = n;
        }
    }
    assert!(rows > 55, "{rows}");
}

#[test]
fn every_kernel_gives_the_same_samples() {
    let weights = Weights::shipped().expect("the shipped weights load");
    let picture = crop("chelsea.png", 100, 60, 70, 50);
    let file = lossless(&prior(), &picture);
    for kernel in Kernel::available() {
        let network = Network::with_kernel(&weights, kernel).expect("a network");
        let prior = Prior::new(network, weights.id()).with_corrector_of(&weights);
        let prior = prior.expect("a corrector");
        let decoded = common::plain(&prior).decode(&file).expect("decodes");
        assert_eq!(decoded.coverage.exact, Exact::All, "{kernel:?}");
        assert!(decoded.picture == picture, "{kernel:?}");
    }
}

#[test]
#[cfg(feature = "candle")]
fn other_arithmetic_shows_the_lossy_picture() {
    let weights = Weights::shipped().expect("the shipped weights load");
    let picture = crop("chelsea.png", 100, 60, 64, 48);
    let file = lossless(&prior(), &picture);
    let candle =
        dcodec::prior::CandleUNet::new(&weights, &candle_core::Device::Cpu).expect("a network");
    let candle = Prior::new(candle, weights.id()).with_corrector_of(&weights);
    let candle = candle.expect("a corrector");
    let encoded = Encoder::new(&candle)
        .target(Target::Lossless(None))
        .encode(&picture);
    assert!(matches!(encoded, Err(Error::Unsupported(_))));
    let decoded = common::plain(&candle).decode(&file).expect("decodes");
    assert_eq!(decoded.coverage.exact, Exact::Unusable);
    let psnr = metrics::psnr(&picture, &decoded.picture).expect("equal sizes");
    assert!((30.0..50.0).contains(&psnr), "{psnr}");
}

#[test]
fn damage_is_told() {
    let prior = gaussian();
    let picture = crop("chelsea.png", 100, 60, 40, 30);
    let file = lossless(&prior, &picture);
    for at in [file.len() - 100, file.len() - 6, file.len() - 5] {
        let mut bad = file.clone();
        bad[at] ^= 4;
        let error = common::plain(&prior).decode(&bad);
        assert!(matches!(error, Err(Error::Format(_))), "{at}");
    }
}

#[test]
fn measuring_pictures_come_back() {
    let prior = fast();
    let name = "test/set5/img_001.png";
    if let Some(picture) = data(name) {
        let size = assert_exact(&prior, &picture, name);
        println!(
            "{name}: {:.3} bpp",
            8.0 * size as f64 / (picture.width() * picture.height()) as f64
        );
    }
}

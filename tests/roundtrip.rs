//! Decoded pictures are as encoded: sizes, colours and targets as asked, alpha exactly, pixels as
//! in the encoder's own chain.

mod common;

use dcodec::container::PriorId;
use dcodec::prior::Denoiser;
use dcodec::prior::gaussian::Gaussian;
use dcodec::{
    BitDepth, Colour, Decoded, Display, Effort, Encoded, Encoder, Error, Picture, Planes, Prior,
    Result, Target,
};

fn encode(prior: &Prior, picture: &Picture, target: Target) -> Encoded {
    Encoder::new(prior)
        .exact_if_smaller(false)
        .target(target)
        .psnr_as_displayed_by(Display::PLAIN)
        .reconstruct(true)
        .encode(picture)
        .expect("encodes")
}

fn decode(prior: &Prior, bytes: &[u8]) -> Decoded {
    common::plain(prior).decode(bytes).expect("decodes")
}

fn psnr(a: &Picture, b: &Picture) -> f64 {
    dcodec::metrics::psnr(a, b).expect("same form")
}

/// Decodes and holds the result against the encoder's own chain, which must agree to the last
/// sample.
fn check(prior: &Prior, file: &Encoded, what: &str) -> Decoded {
    let decoded = decode(prior, &file.bytes);
    assert_eq!(decoded.coverage.bytes, file.bytes.len() as u64, "{what}");
    let foreseen = file.reconstruction.as_ref().expect("asked for");
    assert!(
        decoded.picture == *foreseen,
        "{what}: the decoder's picture is not the encoder's"
    );
    decoded
}

#[test]
fn bytes_and_bits_per_pixel_are_met_exactly() {
    let prior = common::fast();
    let picture = common::crop("chelsea.png", 150, 60, 64, 48);
    for bpp in [0.07, 0.1, 0.25, 0.5, 1.0] {
        let file = encode(&prior, &picture, Target::Bpp(bpp));
        assert!(file.target_met);
        assert_eq!(
            file.bytes.len(),
            (bpp * 64.0 * 48.0 / 8.0) as usize,
            "{bpp}"
        );
        check(&prior, &file, &format!("{bpp} bpp"));
    }
    let picture = common::crop("chelsea.png", 150, 60, 32, 24);
    // Every place where a file can end: in the head of a layer, after it, in its bits.
    for bytes in (25..70).chain([101, 150, 199]) {
        let file = encode(&prior, &picture, Target::Bytes(bytes));
        assert!(file.target_met);
        assert_eq!(file.bytes.len() as u64, bytes);
        check(&prior, &file, &format!("{bytes} bytes"));
    }
}

#[test]
fn a_budget_is_never_exceeded() {
    let prior = common::fast();
    let picture = Picture::new(16, 16, Colour::Grey, vec![60; 256], None).expect("a picture");
    let whole = encode(&prior, &picture, Target::Bytes(1 << 20));
    assert!(!whole.target_met);
    assert!(check(&prior, &whole, "whole").coverage.complete);
    let n = whole.bytes.len() as u64;
    // The end marker takes three bytes, and there may be room for none, one or two of them.
    for bytes in n - 6..n + 2 {
        let file = encode(&prior, &picture, Target::Bytes(bytes));
        assert!(
            file.bytes.len() as u64 <= bytes,
            "{} bytes where {bytes} were asked for",
            file.bytes.len()
        );
        check(&prior, &file, &format!("{bytes} of {n} bytes"));
    }
}

#[test]
fn impossible_targets_are_refused() {
    let prior = common::fast();
    let picture = common::noise(16, 16, Colour::Rgb, false, 1);
    for target in [
        Target::Bytes(0),
        Target::Bytes(13),
        Target::Bpp(0.0),
        Target::Bpp(-1.0),
        Target::Bpp(f64::NAN),
        Target::Bpp(f64::INFINITY),
        Target::Psnr(0.0),
        Target::Psnr(f64::NAN),
        Target::Quality(-0.1),
        Target::Quality(100.1),
        Target::Quality(f64::NAN),
    ] {
        let result = Encoder::new(&prior).target(target).encode(&picture);
        assert!(matches!(result, Err(Error::Parameter(_))), "{target:?}");
    }
}

#[test]
fn psnr_is_reached_and_hardly_exceeded() {
    let prior = common::fast();
    for (name, x, y, side, targets) in [
        ("chelsea.png", 150, 60, 128, &[27.0, 33.0][..]),
        ("coffee.png", 300, 120, 64, &[22.0, 26.0, 30.0, 34.0]),
        (
            "astronaut.png",
            200,
            80,
            32,
            &[20.0, 22.0, 24.0, 26.0, 28.0, 30.0, 32.0, 34.0],
        ),
    ] {
        let picture = common::crop(name, x, y, side, side);
        for &target in targets {
            let file = encode(&prior, &picture, Target::Psnr(target));
            assert!(file.target_met, "{name}: {target} dB");
            let shown = check(&prior, &file, &format!("{name}: {target} dB")).picture;
            let got = psnr(&picture, &shown);
            println!(
                "{name} {side}: {got:.3} of {target} dB, {} bytes",
                file.bytes.len()
            );
            assert!(got >= target, "{name}: {got:.3} of {target} dB");
            // A layer of under 64 stages is shown only when it is whole, and ends on the grid of
            // noise levels; in a file of 45 bytes one level of the grid moves the picture by up to
            // 0.9 dB.
            let step = file.layers.last().is_some_and(|l| l.layer.stages < 64);
            let most = if step { 1.0 } else { 0.3 };
            assert!(got < target + most, "{name}: {got:.3} of {target} dB");
        }
    }
}

/// The display prior shows a better picture than the file's own prior, so that a file for it is
/// shorter.
#[test]
fn psnr_is_that_of_the_view() {
    let (prior, other) = (common::fast(), common::larger());
    let other = other.as_ref();
    // A stage of a small picture moves it by more than a large one's.
    for (side, refiner, n, target, most) in [
        (128, other, 2, 30.0, 0.1),
        (128, None, 8, 33.0, 0.1),
        (40, other, 2, 28.0, 0.5),
    ] {
        let picture = common::crop("chelsea.png", 150, 60, side, side);
        let plain = encode(&prior, &picture, Target::Psnr(target));
        let display = Display::by(&prior, refiner.cloned()).ensemble(n);
        let file = Encoder::new(&prior)
            .target(Target::Psnr(target))
            .psnr_as_displayed_by(display.clone())
            .encode(&picture)
            .expect("encodes");
        let decoder = common::plain(&prior).display(display);
        let shown = decoder.decode(&file.bytes).expect("decodes").picture;
        let got = psnr(&picture, &shown);
        let (bytes, more) = (file.bytes.len(), plain.bytes.len());
        println!("{got:.3} of {target} dB, {bytes} bytes, {more} by the plain picture");
        assert!(
            file.target_met && (target..target + most).contains(&got),
            "{got:.3} of {target} dB"
        );
        // A layer of few stages is shown when it is whole, by any display.
        let shorter = if side < 64 {
            bytes <= more
        } else {
            bytes < more
        };
        assert!(shorter, "{bytes} bytes, {more} by the plain picture");
    }
}

/// In tiny pictures most layers have so few stages that they are shown only when whole: the lower
/// bound is what holds.
#[test]
fn psnr_is_reached_in_tiny_pictures() {
    let prior = common::fast();
    for side in [1, 16, 20] {
        let picture = common::crop("coffee.png", 300, 120, side, side);
        for target in [8.0, 12.0, 16.0, 20.0, 23.0, 26.0, 29.0, 32.0] {
            let file = encode(&prior, &picture, Target::Psnr(target));
            let what = format!("{side} x {side} at {target} dB");
            let got = psnr(&picture, &check(&prior, &file, &what).picture);
            assert!(file.target_met && got >= target, "{what}: {got:.3} dB");
        }
    }
}

#[test]
fn an_unreachable_psnr_ends_at_the_lowest_noise() {
    let prior = common::fast();
    let picture = common::noise(16, 16, Colour::Rgb, false, 2);
    let file = encode(&prior, &picture, Target::Psnr(90.0));
    assert!(!file.target_met);
    assert!(check(&prior, &file, "90 dB").coverage.complete);
}

#[test]
fn quality_orders_size_and_psnr() {
    let prior = common::fast();
    let picture = common::crop("chelsea.png", 150, 60, 64, 64);
    let (mut size, mut best) = (0, 0.0);
    // Below 20 a small picture's chain starts at the end already.
    for quality in (20..=100).step_by(10) {
        let file = encode(&prior, &picture, Target::Quality(quality.into()));
        assert!(file.target_met);
        let decoded = check(&prior, &file, &format!("quality {quality}"));
        assert!(decoded.coverage.complete);
        let got = psnr(&picture, &decoded.picture);
        println!("quality {quality}: {} bytes, {got:.2} dB", file.bytes.len());
        assert!(file.bytes.len() > size, "quality {quality}");
        assert!(got > best, "quality {quality}");
        (size, best) = (file.bytes.len(), got);
    }
    assert!(best > 40.0);
}

#[test]
fn grey_stays_grey() {
    let prior = common::fast();
    let picture = common::crop("camera.png", 180, 60, 64, 48);
    assert_eq!(picture.colour(), Colour::Grey);
    let file = encode(&prior, &picture, Target::Quality(75.0));
    let shown = check(&prior, &file, "grey").picture;
    assert_eq!(shown.colour(), Colour::Grey);
    let got = psnr(&picture, &shown);
    assert!(got > 32.0, "{got}");
    // Colour stays colour even if it is grey.
    let samples = picture.samples().iter().flat_map(|v| [v as u8; 3]);
    let rgb = Picture::new(64, 48, Colour::Rgb, samples.collect(), None).expect("a picture");
    let file = encode(&prior, &rgb, Target::Quality(75.0));
    let shown = check(&prior, &file, "grey in RGB").picture;
    assert_eq!(shown.colour(), Colour::Rgb);
}

/// A circle of a photograph, and `hidden` where alpha is zero.
fn medallion(hidden: impl Fn(usize) -> u8) -> Picture {
    let photo = common::crop("chelsea.png", 150, 60, 48, 48);
    let inside = |i: usize| (i % 48).abs_diff(24).pow(2) + (i / 48).abs_diff(24).pow(2) < 400;
    let samples = common::eight(&photo).iter().enumerate();
    let samples = samples.map(|(i, &v)| if inside(i / 3) { v } else { hidden(i) });
    let alpha = (0..48 * 48).map(|i| if inside(i) { 255 } else { 0 });
    let (samples, alpha) = (samples.collect(), Some(alpha.collect()));
    Picture::new(48, 48, Colour::Rgb, samples, alpha).expect("fits")
}

#[test]
fn colours_that_nobody_sees_take_no_bits() {
    let prior = common::fast();
    let black = medallion(|_| 0);
    let noise = medallion(|i| ((i * 7919) >> 3) as u8);
    let file = encode(&prior, &black, Target::Quality(75.0));
    let other = encode(&prior, &noise, Target::Quality(75.0));
    assert!(file.bytes == other.bytes);
    let decoded = check(&prior, &file, "black below alpha 0");
    assert_eq!(decoded.picture.alpha(), black.alpha());
    let seen = black.fill_invisible();
    let got = psnr(&decoded.picture, &seen);
    assert!(got > 30.0, "{got:.1} dB");
    // Exact files keep them.
    let exact = encode(&prior, &noise, Target::Lossless(None));
    assert!(decode(&prior, &exact.bytes).picture == noise);
}

#[test]
fn alpha_is_exact() {
    let prior = common::fast();
    let badge = common::load(common::sample_path("badge.png"));
    assert!(badge.alpha().is_some());
    let opaque = Picture::new(20, 20, Colour::Rgb, vec![90; 1200], Some(vec![255; 400]));
    for (name, picture) in [
        ("badge", badge),
        ("noise", common::noise(40, 30, Colour::Rgb, true, 3)),
        ("grey noise", common::noise(33, 17, Colour::Grey, true, 4)),
        ("one pixel", common::noise(1, 1, Colour::Rgb, true, 5)),
        ("opaque", opaque.expect("a picture")),
    ] {
        for target in [Target::Quality(0.0), Target::Quality(40.0)] {
            let file = encode(&prior, &picture, target);
            let shown = check(&prior, &file, name).picture;
            assert_eq!(shown.alpha(), picture.alpha(), "{name}");
            assert_eq!(shown.colour(), picture.colour(), "{name}");
        }
    }
}

#[test]
fn sixteen_bits_stay_sixteen_bits() {
    let prior = common::fast();
    for (colour, alpha) in [
        (Colour::Grey, false),
        (Colour::Grey, true),
        (Colour::Rgb, false),
        (Colour::Rgb, true),
    ] {
        for (width, height) in [(33, 17), (1, 1), (5, 40)] {
            let what = format!("{colour:?}, alpha {alpha}, {width} x {height}");
            let picture = common::deep_noise(width, height, colour, alpha, 8);
            for target in [Target::Quality(60.0), Target::Bytes(2400)] {
                let file = encode(&prior, &picture, target);
                let shown = check(&prior, &file, &what).picture;
                assert_eq!(shown.depth(), BitDepth::Sixteen, "{what}");
                assert_eq!(shown.colour(), colour, "{what}");
                assert_eq!(shown.alpha(), picture.alpha(), "{what}");
            }
        }
    }
}

/// A smooth picture: values between those of 8 bits survive.
#[test]
fn sixteen_bits_are_finer_than_eight() {
    let prior = common::fast();
    let (w, h) = (64u32, 48u32);
    let ramp = |i: u32| 20_000 + (i % w) as u16 * 24 + (i / w) as u16 * 40;
    let samples: Vec<u16> = (0..w * h).map(ramp).collect();
    let deep = Picture::from_samples(w, h, Colour::Grey, samples.into(), None).expect("a picture");
    let file = encode(&prior, &deep, Target::Quality(100.0));
    let shown = check(&prior, &file, "ramp").picture;
    let got = psnr(&deep, &shown);
    let rounded = |p: &Picture| {
        let wide: Vec<u16> = p
            .clone()
            .into_eight()
            .samples()
            .iter()
            .map(|v| v * 257)
            .collect();
        Picture::from_samples(w, h, Colour::Grey, wide.into(), None).expect("a picture")
    };
    let eight = psnr(&deep, &rounded(&shown));
    println!("{got:.2} dB at 16 bits, {eight:.2} dB when rounded to 8");
    assert!(got > eight, "{got:.2} and {eight:.2} dB");
    // Noise of a level and a half is under the one of 8 bits in a ramp.
    assert!(got > 50.0, "{got:.2} dB");
}

#[test]
fn cut_alpha_of_sixteen_bits_loses_low_bytes_first() {
    let prior = common::gaussian();
    let picture = common::deep_noise(20, 12, Colour::Grey, true, 9);
    let whole = picture.alpha().and_then(|a| a.as_sixteen()).expect("alpha");
    let file = encode(&prior, &picture, Target::Quality(20.0)).bytes;
    let (mut highs, mut exact) = (0, 0);
    for n in 30..file.len() {
        let shown = decode(&prior, &file[..n]).picture;
        let shown = shown.alpha().and_then(|a| a.as_sixteen()).expect("alpha");
        let pairs = || shown.chunks(20).zip(whole.chunks(20));
        let high = |row: &[u16]| row.iter().map(|v| v >> 8).collect::<Vec<u16>>();
        let now = (
            pairs().take_while(|(a, b)| high(a) == high(b)).count(),
            pairs().take_while(|(a, b)| a == b).count(),
        );
        assert!(now.0 >= highs && now.1 >= exact, "{n} bytes");
        assert!(
            now.1 == 0 || now.0 == 12,
            "{n} bytes: low bytes before high"
        );
        (highs, exact) = now;
    }
    assert_eq!((highs, exact), (12, 12));
}

#[test]
fn sizes_that_alpha_alone_exceeds_are_refused() {
    let prior = common::fast();
    let picture = common::noise(16, 16, Colour::Rgb, true, 6);
    for bytes in (26..400).step_by(17) {
        match Encoder::new(&prior)
            .target(Target::Bytes(bytes))
            .encode(&picture)
        {
            Ok(file) => {
                assert!(bytes > 256, "{bytes} bytes hold no alpha plane of noise");
                assert_eq!(file.bytes.len() as u64, bytes);
                let file = encode(&prior, &picture, Target::Bytes(bytes));
                check(&prior, &file, &format!("{bytes} bytes"));
            }
            Err(Error::Parameter(e)) => assert!(bytes < 300 && e.contains("alpha"), "{bytes}: {e}"),
            Err(e) => panic!("{bytes}: {e}"),
        }
    }
}

#[test]
fn every_size_works() {
    let prior = common::fast();
    for (width, height) in [
        (1, 1),
        (1, 7),
        (7, 1),
        (2, 2),
        (15, 16),
        (16, 16),
        (17, 33),
        (100, 1),
        (1, 100),
    ] {
        for alpha in [false, true] {
            for colour in [Colour::Grey, Colour::Rgb] {
                let what = format!("{width} x {height} {colour:?}, alpha {alpha}");
                let picture = common::noise(width, height, colour, alpha, 7);
                let file = encode(&prior, &picture, Target::Quality(70.0));
                let decoded = check(&prior, &file, &what);
                assert!(decoded.coverage.complete, "{what}");
                let shown = decoded.picture;
                assert_eq!((shown.width(), shown.height()), (width, height), "{what}");
                assert_eq!(shown.colour(), colour, "{what}");
                assert_eq!(shown.alpha(), picture.alpha(), "{what}");
            }
        }
    }
}

#[test]
fn black_white_and_noise() {
    let prior = common::prior();
    let flat = |v| Picture::new(48, 40, Colour::Rgb, vec![v; 48 * 40 * 3], None);
    for (name, picture, least) in [
        ("black", flat(0).expect("a picture"), 45.0),
        ("mid grey", flat(127).expect("a picture"), 45.0),
        ("white", flat(255).expect("a picture"), 45.0),
        ("noise", common::noise(48, 40, Colour::Rgb, false, 8), 29.5),
    ] {
        let file = encode(&prior, &picture, Target::Quality(90.0));
        let got = psnr(&picture, &check(&prior, &file, name).picture);
        println!("{name}: {} bytes, {got:.2} dB", file.bytes.len());
        assert!(got > least, "{name}: {got:.2} dB");
    }
}

#[test]
fn every_effort_decodes() {
    let prior = common::fast();
    let picture = common::crop("coffee.png", 300, 120, 48, 48);
    assert!(Effort::new(0).is_none() && Effort::new(6).is_none());
    assert_eq!(Effort::new(3), Some(Effort::default()));
    for level in 1..=5 {
        for target in [Target::Quality(75.0), Target::Bytes(163)] {
            let file = Encoder::new(&prior)
                .effort(Effort::new(level).expect("exists"))
                .target(target)
                .reconstruct(true)
                .encode(&picture)
                .expect("encodes");
            let shown = check(&prior, &file, &format!("effort {level}")).picture;
            let got = psnr(&picture, &shown);
            println!("effort {level}: {} bytes, {got:.2} dB", file.bytes.len());
            assert!(got > 22.0, "effort {level}: {got:.2} dB");
        }
    }
}

#[test]
fn every_seed_decodes() {
    let prior = common::fast();
    let picture = common::crop("astronaut.png", 200, 80, 32, 32);
    let mut files: Vec<Vec<u8>> = Vec::new();
    for seed in [0, 1, 127, 128, 1 << 40, u64::MAX] {
        let file = Encoder::new(&prior)
            .seed(seed)
            .target(Target::Quality(70.0))
            .reconstruct(true)
            .encode(&picture)
            .expect("encodes");
        let got = psnr(&picture, &check(&prior, &file, "seed").picture);
        assert!(got > 28.0, "seed {seed}: {got:.2} dB");
        assert!(!files.contains(&file.bytes));
        files.push(file.bytes);
    }
}

#[test]
fn encoding_is_repeatable() {
    let prior = common::fast();
    let picture = common::crop("astronaut.png", 200, 80, 40, 32);
    for target in [
        Target::Quality(70.0),
        Target::Bytes(200),
        Target::Psnr(28.0),
    ] {
        let again = || encode(&prior, &picture, target).bytes;
        assert_eq!(again(), again());
    }
}

#[test]
fn another_prior_is_refused_by_name() {
    let ids = [PriorId([0xAB; 4]), PriorId([1, 2, 3, 4])];
    let priors = ids.map(|id| Prior::new(Gaussian { deviation: 50.0 }, id));
    let picture = common::noise(16, 16, Colour::Rgb, false, 9);
    let file = encode(&priors[0], &picture, Target::Bytes(60)).bytes;
    assert!(common::plain(&priors[0]).decode(&file).is_ok());
    match common::plain(&priors[1]).decode(&file) {
        Err(e @ Error::WrongPrior { .. }) => {
            let e = e.to_string();
            assert!(e.contains("abababab"), "{e}");
            assert!(e.contains("01020304"), "{e}");
        }
        other => panic!("{other:?}"),
    }
}

/// A prior for next to no noise.
struct Faint(Gaussian);

impl Denoiser for Faint {
    fn multiple(&self) -> usize {
        1
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.0.denoise(x_t, sigma)
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        1.8
    }
}

#[test]
fn a_prior_of_faint_noise_is_no_panic() {
    let prior = Prior::new(Faint(Gaussian { deviation: 55.0 }), PriorId(*b"fain"));
    let picture = common::crop("chelsea.png", 150, 60, 32, 24);
    let file = encode(&prior, &picture, Target::Quality(90.0));
    check(&prior, &file, "faint");
}

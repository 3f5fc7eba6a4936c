//! Pictures decoded on another device than the CPU's own kernels are the same within clause 22.2 of
//! the specification, in both directions.
//!
//! `DCODEC_DEVICE` names the device (`cuda`, `cuda:1`, `metal`; `cpu` is candle on the CPU) and
//! asks for the long check: Kodak's pictures below `DCODEC_DATA`, or the samples, and timings of up
//! to 12 megapixels. `tests/gpu.sh` calls it so. Without it candle on the CPU stands for the
//! device, on one small picture.

#![cfg(feature = "candle")]

mod common;

use std::time::Instant;

use common::layers;
use dcodec::prior::{CandleUNet, Device, Precision, Shipped, Weights};
use dcodec::{Colour, Decoder, Display, Encoder, Picture, Planes, Prior, Target, metrics};

/// The device asked for. None for the short check.
fn asked() -> Option<String> {
    std::env::var("DCODEC_DEVICE").ok()
}

/// The device under test.
fn device() -> Device {
    asked().map_or(Device::Cpu, |d| d.parse().expect("a device"))
}

/// The shipped prior on the device under test, and the name of the device.
fn other() -> (Prior, String) {
    other_in(Precision::F32)
}

/// The shipped prior on the device under test, in numbers of another type.
fn other_in(precision: Precision) -> (Prior, String) {
    let (weights, device) = (Weights::shipped().expect("valid"), device());
    let name = device.name().unwrap_or_else(|e| panic!("{e}"));
    if device != Device::Cpu {
        let prior = Prior::with_precision(&weights, device, precision);
        let prior = prior.unwrap_or_else(|e| panic!("{e}"));
        return (prior, format!("{device}, {name}, {precision}"));
    }
    let cpu = candle_core::Device::Cpu;
    let candle = CandleUNet::with_precision(&weights, &cpu, precision).expect("builds");
    let name = format!("candle on the CPU, {precision}");
    let prior = Prior::new(candle, weights.id()).with_corrector_of(&weights);
    (prior.expect("a corrector"), name)
}

/// The narrow types of the device under test.
fn narrow() -> &'static [Precision] {
    match device() {
        Device::Cuda(_) => &[Precision::F16],
        _ => &[Precision::F16, Precision::Bf16],
    }
}

/// The pictures to compare, by name.
fn pictures() -> Vec<(String, Picture)> {
    if asked().is_none() {
        return vec![("coffee".into(), common::resized("coffee.png", 96, 64))];
    }
    let kodak = std::env::var_os("DCODEC_DATA").map(|d| std::path::PathBuf::from(d).join("kodak"));
    let samples = common::sample_path("");
    let folder = kodak.filter(|k| k.is_dir()).unwrap_or(samples);
    let entries = std::fs::read_dir(&folder).expect("a folder");
    let mut paths: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "png"));
    paths.sort();
    println!("{} pictures in {}", paths.len(), folder.display());
    let load = |p: std::path::PathBuf| {
        let name = p.file_stem().expect("named").to_string_lossy().into_owned();
        (name, common::load(p).into_eight())
    };
    paths.into_iter().map(load).collect()
}

/// Distance of two pictures: the difference of their PSNRs against the original in dB, and the
/// share of samples that differ by more than one level.
fn apart(original: &Picture, a: &Picture, b: &Picture) -> (f64, f64) {
    if a == b {
        return (0.0, 0.0);
    }
    let psnr = |p| metrics::psnr(original, p).expect("same form");
    let pairs = common::eight(a).iter().zip(common::eight(b));
    let far = pairs.filter(|(a, b)| a.abs_diff(**b) > 1).count();
    (
        (psnr(a) - psnr(b)).abs(),
        far as f64 / common::eight(a).len() as f64,
    )
}

/// The tolerance of clause 22.2.
fn conforms((psnr, far): (f64, f64)) -> bool {
    psnr <= 0.01 && far <= 0.001
}

#[test]
fn the_bound_is_that_of_the_clause() {
    let picture = |first: usize, value: u8| {
        let mut samples = vec![110; 3000];
        samples[..first].fill(value);
        Picture::new(40, 25, Colour::Rgb, samples, None).expect("fits")
    };
    let (original, shown) = (picture(3000, 100), picture(0, 0));
    let conforms = |other: &Picture| conforms(apart(&original, &shown, other));
    assert!(conforms(&shown));
    // One level in every sample moves the PSNR by 0.8 dB, in few by little; of 3000, three may be
    // further away.
    assert!(!conforms(&picture(3000, 111)) && conforms(&picture(30, 111)));
    assert!(conforms(&picture(3, 112)) && !conforms(&picture(4, 112)));
}

#[test]
fn pictures_of_both_devices_agree() {
    let (ours, (theirs, name)) = (common::prior(), other());
    println!(
        "the CPU's own kernels against {name}; the worst of all layers, of which the last gives the PSNR"
    );
    println!("| picture | encoded on | layers | bpp | PSNR, CPU | dB apart | over one level |");
    println!("|---|---|---|---|---|---|---|");
    let (mut worst, mut broken) = ((0f64, 0f64), Vec::new());
    for (title, picture) in pictures() {
        for (place, encoder) in [("the CPU", &ours), ("the device", &theirs)] {
            let file = Encoder::new(encoder).encode(&picture).expect("encodes");
            let shown = layers(&ours, &file.bytes);
            let others = layers(&theirs, &file.bytes);
            assert!(!shown.is_empty() && shown.len() == others.len(), "{title}");
            let pairs = shown.iter().zip(&others);
            let all = pairs.map(|(a, b)| apart(&picture, a, b));
            let most = all.fold((0f64, 0f64), |m, d| (m.0.max(d.0), m.1.max(d.1)));
            let last = shown.last().expect("not empty");
            let psnr = metrics::psnr(&picture, last).expect("same form");
            let pixels = f64::from(picture.width()) * f64::from(picture.height());
            println!(
                "| {title} | {place} | {} | {:.3} | {psnr:.3} | {:.5} | {:.4} % |",
                shown.len(),
                8.0 * file.bytes.len() as f64 / pixels,
                most.0,
                100.0 * most.1
            );
            worst = (worst.0.max(most.0), worst.1.max(most.1));
            if !conforms(most) {
                broken.push(format!("{title}, encoded on {place}"));
            }
        }
    }
    println!(
        "worst: {:.5} dB of 0.01, {:.4} % of 0.1 %",
        worst.0,
        100.0 * worst.1
    );
    assert!(broken.is_empty(), "clause 22.2 is broken: {broken:#?}");
}

/// Prefixes decoded at once. No layer is shown on the way, so that x_t may stay where the network
/// is.
#[test]
fn prefixes_on_both_devices_agree() {
    let (ours, (theirs, name)) = (common::prior(), other());
    let (mut worst, mut broken) = ((0f64, 0f64), Vec::new());
    for (title, picture) in pictures() {
        let encoder = Encoder::new(&ours).target(Target::Quality(70.0));
        let file = encoder.encode(&picture).expect("encodes").bytes;
        for part in 1..=8 {
            let cut = &file[..(file.len() * part / 8).max(60)];
            let shown = |prior| common::plain(prior).decode(cut).expect("decodes");
            let (here, there) = (shown(&ours), shown(&theirs));
            assert_eq!(here.coverage, there.coverage, "{title}");
            assert_eq!(here.timings.calls, there.timings.calls, "{title}");
            let most = apart(&picture, &here.picture, &there.picture);
            worst = (worst.0.max(most.0), worst.1.max(most.1));
            if !conforms(most) {
                broken.push(format!("{title}, {part} of 8"));
            }
        }
    }
    let (psnr, far) = (worst.0, 100.0 * worst.1);
    println!("prefixes on {name}: {psnr:.5} dB of 0.01, {far:.4} % of 0.1 %");
    assert!(broken.is_empty(), "clause 22.2 is broken: {broken:#?}");
}

/// A picture of any size out of mirror images of a sample: detail as in a photograph, unlike an
/// enlargement.
fn mirrored(width: u32, height: u32) -> Picture {
    let tile = common::load(common::sample_path("coffee.png")).without_alpha();
    let (w, h, pixels) = (tile.width(), tile.height(), common::eight(&tile));
    let fold = |i: u32, n: u32| match i / n % 2 {
        0 => i % n,
        _ => n - 1 - i % n,
    };
    let mut samples = Vec::with_capacity(3 * (width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let at = 3 * (fold(y, h) * w + fold(x, w)) as usize;
            samples.extend_from_slice(&pixels[at..at + 3]);
        }
    }
    Picture::new(width, height, Colour::Rgb, samples, None).expect("fits")
}

#[test]
fn timings_of_both_devices() {
    let (ours, (theirs, name)) = (common::prior(), other());
    // The narrow types are timed where they may be faster.
    let narrow: Vec<_> = match asked() {
        Some(_) => narrow().iter().map(|&p| other_in(p)).collect(),
        None => Vec::new(),
    };
    let priors = || {
        let all = [("the CPU", &ours), (name.as_str(), &theirs)].into_iter();
        all.chain(narrow.iter().map(|(prior, name)| (name.as_str(), prior)))
    };
    let sizes: &[(u32, u32)] = match asked() {
        Some(_) => &[(640, 480), (1632, 1224), (4000, 3000)],
        None => &[(256, 192)],
    };
    let target = Target::Bpp(0.3);
    // The first run is not timed: a device does some work once.
    let small = mirrored(64, 64);
    for (_, prior) in priors() {
        let file = Encoder::new(prior).target(target).encode(&small);
        common::plain(prior)
            .decode(&file.expect("encodes").bytes)
            .expect("decodes");
    }
    println!("seconds at 0.3 bits per pixel, one run each; network: the calls' share of them");
    println!("| megapixels | device | encode | network | decode | network |");
    println!("|---|---|---|---|---|---|");
    for &(width, height) in sizes {
        let picture = mirrored(width, height);
        let mut shown = Vec::new();
        for (place, prior) in priors() {
            let start = Instant::now();
            let file = Encoder::new(prior).target(target).encode(&picture);
            let file = file.expect("encodes");
            let encode = start.elapsed().as_secs_f64();
            let start = Instant::now();
            let decoded = common::plain(prior).decode(&file.bytes).expect("decodes");
            let decode = start.elapsed().as_secs_f64();
            println!(
                "| {:.2} | {place} | {encode:.2} | {:.2} | {decode:.2} | {:.2} |",
                f64::from(width) * f64::from(height) / 1e6,
                file.timings.network.as_secs_f64(),
                decoded.timings.network.as_secs_f64()
            );
            shown.push(metrics::psnr(&picture, &decoded.picture).expect("same form"));
        }
        // Each has its own encoder, so that the files differ, at the same rate.
        let apart = |psnr: &f64| (shown[0] - psnr).abs() < 0.1;
        assert!(shown.iter().all(apart), "PSNR {shown:?}");
    }
}

/// The time of each part of decoding two megapixels, on the device that was asked for.
#[test]
fn parts_of_a_decode() {
    if asked().is_none() {
        return;
    }
    println!(
        "milliseconds of a decode of 2 megapixels at 0.3 bits per pixel, each the median of nine"
    );
    println!("| device | shown by | whole | network | rotation | trellis | calls |");
    println!("|---|---|---|---|---|---|---|");
    let picture = mirrored(1632, 1224);
    let larger = Shipped::S.display().map(Shipped::weights);
    for precision in [Precision::F32, Precision::F16] {
        let (prior, name) = other_in(precision);
        let refiner = larger.as_ref().map(|weights| {
            let weights = weights.as_ref().expect("valid");
            Prior::with_precision(weights, device(), precision).expect("a device that works")
        });
        let file = Encoder::new(&prior)
            .target(Target::Bpp(0.3))
            .encode(&picture);
        let file = file.expect("encodes").bytes;
        let decoded = common::plain(&prior).decode(&file).expect("decodes");
        let row = |shown: &str, decoder: Decoder| {
            let mut times: Vec<_> = (0..9)
                .map(|_| {
                    let start = Instant::now();
                    let decoded = decoder.decode(&file).expect("decodes");
                    (start.elapsed(), decoded.timings)
                })
                .collect();
            times.sort_by_key(|t| t.0);
            let (whole, t) = &times[4];
            let ms = |d: std::time::Duration| 1e3 * d.as_secs_f64();
            println!(
                "| {name} | {shown} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
                ms(*whole),
                ms(t.network),
                ms(t.rotation),
                ms(t.trellis),
                t.calls
            );
        };
        row("itself", common::plain(&prior));
        row(
            "itself, whole layers",
            common::plain(&prior).max_layers(decoded.coverage.layers),
        );
        if let Some(refiner) = &refiner {
            row(
                "l, two orientations",
                common::plain(&prior).display(Display::by(&prior, Some(refiner.clone()))),
            );
        }
    }
}

#[test]
fn narrow_numbers_cost_little() {
    narrow_numbers(96, 64);
}

/// The figures of clause 22.4:
/// `cargo test -p dcodec --release --features candle --test device figures -- --ignored
/// --nocapture` prints them.
#[test]
#[ignore = "takes a minute; the same on a smaller picture always runs"]
fn figures_of_narrow_numbers() {
    narrow_numbers(192, 128);
}

/// Changes of x0_hat and of decoded pictures by the narrow types.
fn narrow_numbers(width: u32, height: u32) {
    let picture = common::resized("coffee.png", width, height);
    let ours = common::prior();
    let x_0 = picture.to_planes();
    // Noise of standard deviation one, from twelve uniform values.
    let mut rng = common::Rng(5);
    let mut unit = || (rng.next() >> 11) as f64 / (1u64 << 53) as f64;
    let mut noise = Planes::zeros(x_0.width, x_0.height);
    for v in &mut noise.data {
        *v = (0..12).map(|_| unit()).sum::<f64>() as f32 - 6.0;
    }
    let psnr_at = |prior: &Prior, sigma: f64| {
        let mut x_t = x_0.clone();
        let pairs = x_t.data.iter_mut().zip(&noise.data);
        pairs.for_each(|(x, n)| *x += sigma as f32 * n);
        let x0_hat = prior.x0_hat(&x_t, sigma).expect("runs");
        let pairs = x0_hat.data.iter().zip(&x_0.data);
        let squares: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        10.0 * (255f64.powi(2) * x_0.data.len() as f64 / squares).log10()
    };
    let levels = [200.0, 50.0, 12.0, 5.0, 2.0];
    let reference = levels.map(|sigma| psnr_at(&ours, sigma));
    println!("x0_hat in f32 at sigma {levels:?}: PSNR {reference:.3?}");

    let encode = |prior: &Prior| {
        let encoder = Encoder::new(prior).target(Target::Quality(80.0));
        encoder.encode(&picture).expect("encodes").bytes
    };
    let file = encode(&ours);
    let shown = layers(&ours, &file);
    let psnr = |p: &Picture| metrics::psnr(&picture, p).expect("same form");
    let last = |shown: &[Picture]| psnr(shown.last().expect("not empty"));
    for &precision in narrow() {
        // At the edge of clause 22.2, and far outside it.
        let (most_at_once, most) = match precision {
            Precision::F16 => (0.01, (0.02, 0.001)),
            _ => (0.1, (1.5, 0.8)),
        };
        let (theirs, name) = other_in(precision);
        assert!(!theirs.is_reference());
        let single: Vec<f64> = levels.iter().map(|&s| psnr_at(&theirs, s)).collect();
        let lost: Vec<f64> = reference.iter().zip(&single).map(|(a, b)| a - b).collect();
        let others = layers(&theirs, &file);
        let pairs = shown.iter().zip(&others);
        let all = pairs.map(|(a, b)| apart(&picture, a, b));
        let worst = all.fold((0f64, 0f64), |m, d| (m.0.max(d.0), m.1.max(d.1)));
        // Both ends in the narrow type: the loss of the prior itself.
        let own = encode(&theirs);
        let kept = last(&layers(&theirs, &own)) - last(&shown);
        println!(
            "{name}: x0_hat loses {lost:.4?} dB; a file of f32 {:.4} dB apart, {:.3} % over one level; both ends narrow {:+.3} % bytes, {kept:+.4} dB",
            worst.0,
            100.0 * worst.1,
            100.0 * (own.len() as f64 / file.len() as f64 - 1.0),
        );
        assert!(
            lost.iter().all(|l| l.abs() < most_at_once),
            "{precision}: {lost:?}"
        );
        assert!(
            worst.0 <= most.0 && worst.1 <= most.1,
            "{precision}: {worst:?}"
        );
        assert!(kept.abs() < 0.1, "{precision}: {kept}");
    }
}

#[test]
fn the_cpu_computes_in_f32() {
    let weights = Weights::shipped().expect("valid");
    for precision in [Precision::Bf16, Precision::F16] {
        let refused = Prior::with_precision(&weights, Device::Cpu, precision).err();
        let text = refused.expect("refused").to_string();
        assert!(text.contains(&precision.to_string()), "{text}");
        assert_eq!(
            precision.to_string().parse::<Precision>().expect("reads"),
            precision
        );
    }
    assert!(Prior::with_precision(&weights, Device::Cpu, Precision::F32).is_ok());
    assert!("f64".parse::<Precision>().is_err());
}

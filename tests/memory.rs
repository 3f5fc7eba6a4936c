//! The peak of memory is what it is said to be, and a limit on it holds.

mod common;

use dcodec::container::{Event, Trellis};
use dcodec::{
    BitDepth, Colour, Display, Effort, Encoder, Error, Exact, Form, Metadata, Mode, Picture, Prior,
    Sampler, Target,
};

/// Encodes a picture and decodes the file, whole and cut, in a process of its own. Returns the
/// estimate and the measured peak of each, in bytes.
///
/// The child is this test binary again, running the test `child` alone.
#[cfg(target_os = "linux")]
fn measure(
    works: &[&str],
    prior: &str,
    quality: f64,
    width: u32,
    height: u32,
) -> Vec<(String, f64, f64)> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut rows = Vec::new();
    for &work in works {
        let child = std::process::Command::new(std::env::current_exe().expect("known"))
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("DCODEC_MEMORY_WORK", work)
            .env("DCODEC_MEMORY_PRIOR", prior)
            .env("DCODEC_MEMORY_QUALITY", quality.to_string())
            .env("DCODEC_MEMORY_SIZE", format!("{width} {height}"))
            .env("DCODEC_MEMORY_FILE", file.path())
            .output()
            .expect("runs");
        let out = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{work}: {out}");
        let line = out.lines().find_map(|l| l.split_once("memory: "));
        let numbers: Vec<f64> = line
            .expect("a line")
            .1
            .split_whitespace()
            .map(|n| n.parse().expect("a number"))
            .collect();
        rows.push((work.to_owned(), numbers[0], numbers[1]));
    }
    rows
}

/// Peak of this process so far in bytes.
#[cfg(target_os = "linux")]
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().next());
    1024.0 * kib.expect("VmHWM").parse::<f64>().expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the_estimate_is_the_peak in a process of its own"]
fn child() {
    let var = |name: &str| std::env::var(format!("DCODEC_MEMORY_{name}")).expect("set");
    let prior = match &*var("PRIOR") {
        "gaussian" => common::gaussian(),
        _ => common::prior(),
    };
    let size: Vec<u32> = var("SIZE")
        .split(' ')
        .map(|n| n.parse().expect("a number"))
        .collect();
    let (width, height) = (size[0], size[1]);
    let work = var("WORK");
    let exact = work.ends_with("exact");
    let quality: f64 = var("QUALITY").parse().expect("a number");
    let estimate = if work.starts_with("encode") {
        let mut samples = vec![0; 3 * width as usize * height as usize];
        for (i, v) in samples.iter_mut().enumerate() {
            *v = ((i / 3 % 251) as u8).wrapping_mul(5) / 2 + (i >> 15) as u8 % 40;
        }
        let picture = Picture::new(width, height, Colour::Rgb, samples, None).expect("fits");
        let encoder = Encoder::new(&prior)
            .effort(Effort::new(1).expect("exists"))
            .exact_if_smaller(false)
            .target(match exact {
                true => Target::Lossless(Some(quality)),
                false => Target::Quality(quality),
            });
        let file = encoder.encode(&picture).expect("encodes").bytes;
        std::fs::write(var("FILE"), file).expect("writable");
        encoder.memory(form(width, height, false)).expect("sizes")
    } else {
        let mut file = std::fs::read(var("FILE")).expect("readable");
        let cut = !work.starts_with("decode");
        if cut {
            file.truncate(file.len() - file.len() / 8);
        }
        let n = if work == "averaged" { 8 } else { 1 };
        let other = (work == "refined").then(|| common::larger().unwrap_or_else(common::prior));
        let decoder = common::plain(&prior).display(Display::by(&prior, other).ensemble(n));
        let decoded = decoder.decode(&file).expect("decodes");
        assert_eq!(decoded.coverage.partial > 0.0, cut);
        let mut stream = common::plain(&prior).max_pixels(u64::MAX).stream();
        let (_, event) = stream.push(&file).expect("valid");
        let Event::Header(header) = event else {
            panic!("{event:?}")
        };
        match exact {
            true => decoder
                .exact_memory(&header, file.len() as u64)
                .expect("its own prior"),
            false => decoder
                .memory(&header, file.len() as u64, cut)
                .expect("its own prior"),
        }
    };
    println!("memory: {estimate} {}", peak());
}

#[cfg(target_os = "linux")]
#[test]
fn the_estimate_is_the_peak() {
    // The closed-form prior takes no time, so that it can encode a large picture. With the other
    // prior the chain must come down to levels where it is called at full size.
    let lossy: &[&str] = &["encode", "decode", "cut", "averaged"];
    let shown: &[&str] = &["encode", "decode", "cut", "averaged", "refined"];
    let exact: &[&str] = &["encode exact", "decode exact"];
    for (works, prior, quality, width, height) in [
        (lossy, "gaussian", 26.0, 3000, 2000),
        (shown, "shipped", 37.0, 1000, 800),
        // The model of exact samples grows with the width.
        (exact, "gaussian", 5.0, 80_000, 16),
        (exact, "gaussian", 5.0, 1600, 800),
    ] {
        for (work, estimate, measured) in measure(works, prior, quality, width, height) {
            let (estimate, measured) = (estimate / 1e6, measured / 1e6);
            println!(
                "{prior} {width} x {height} {work}: {estimate:.0} MB expected, {measured:.0} MB measured"
            );
            assert!(
                measured < 1.05 * estimate,
                "{work}: {measured:.0} MB, expected {estimate:.0}"
            );
            assert!(
                measured > 0.6 * estimate,
                "{work}: {measured:.0} MB, expected {estimate:.0}"
            );
        }
    }
}

/// 100 megapixels in 4 GB, 12 in 1.5 GB: the promise of docs/speed.md, with the shipped prior, on four
/// threads. Each thread more takes some 9 MB to encode and 1 MB to decode.
#[test]
fn large_pictures_fit() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
    pool.expect("threads").install(check_large_pictures);
}

fn check_large_pictures() {
    let prior = common::prior();
    let gb = |bytes: u64| bytes as f64 / 1e9;
    for (width, height, most) in [(4240, 2832, 1.5), (12_500, 8000, 4.0)] {
        let encoder = Encoder::new(&prior);
        let encode = encoder.memory(form(width, height, false)).expect("sizes");
        assert!(gb(encode) < most, "encode: {}", gb(encode));
        let header = dcodec::container::Header {
            banded: width < 10_000,
            corrected: false,
            ..header(&prior, width, height)
        };
        let decoder = common::plain(&prior);
        let bytes = u64::from(width) * u64::from(height) / 8;
        for cut in [false, true] {
            let decode = decoder.memory(&header, bytes, cut).expect("its own prior");
            assert!(gb(decode) < most, "decode, cut {cut}: {}", gb(decode));
        }
    }
}

/// RGB of 8 bits.
fn form(width: u32, height: u32, alpha: bool) -> Form {
    Form {
        width,
        height,
        colour: Colour::Rgb,
        depth: BitDepth::Eight,
        alpha,
    }
}

fn header(prior: &Prior, width: u32, height: u32) -> dcodec::container::Header {
    dcodec::container::Header {
        form: form(width, height, false),
        prior: prior.id(),
        seed: 0,
        trellis: Trellis::Nu14,
        start: common::code(200),
        banded: false,
        corrected: false,
    }
}

#[test]
fn the_estimate_grows_with_the_picture_and_the_target() {
    let prior = common::gaussian();
    let encoder = |target| Encoder::new(&prior).target(target);
    let quality = encoder(Target::Quality(75.0));
    let memory = |width, alpha| quality.memory(form(width, 1000, alpha)).expect("sizes");
    // Two arrays of floats, the samples in 8 and in 16 bits, and an eighth of a byte a value for
    // codewords: 33 bytes and 3/8 a pixel. Bands take two planes and a third.
    let pixel =
        |from, to| (memory(to, false) - memory(from, false)) as f64 / 1000.0 / f64::from(to - from);
    assert!(
        (33.0..38.0).contains(&pixel(70_000, 90_000)),
        "{} bytes a pixel",
        pixel(70_000, 90_000)
    );
    assert!(
        (42.0..44.0).contains(&pixel(20_000, 40_000)),
        "{} bytes a pixel",
        pixel(20_000, 40_000)
    );
    // Alpha, and a copy of the picture with other colours where nothing is visible.
    assert_eq!(memory(5000, true) - memory(5000, false), 25_000_000);
    let psnr = encoder(Target::Psnr(30.0))
        .memory(form(5000, 1000, false))
        .expect("sizes");
    // Four arrays more.
    assert!(psnr - memory(5000, false) > 4 * 12 * 4_500_000);
}

#[test]
fn a_limit_is_kept() {
    let prior = common::gaussian();
    let picture = common::resized("coffee.png", 600, 450);
    let target = Target::Quality(40.0);
    let need = Encoder::new(&prior)
        .target(target)
        .memory(form(600, 450, false))
        .expect("sizes");
    let encode = |most| {
        Encoder::new(&prior)
            .target(target)
            .max_memory(most)
            .encode(&picture)
    };
    let refused = encode(need - 1).expect_err("over the limit");
    assert!(
        matches!(&refused, Error::Limits(e) if e.contains("600 x 450") && e.contains("MB")),
        "{refused}"
    );
    let file = encode(need).expect("within the limit").bytes;

    let header = header(&prior, 600, 450);
    let n = file.len() - file.len() / 8;
    let decoder = common::plain(&prior);
    let (whole, cut) = (
        decoder
            .memory(&header, n as u64, false)
            .expect("its own prior"),
        decoder
            .memory(&header, n as u64, true)
            .expect("its own prior"),
    );
    assert!(whole < cut);
    let decode = |most: u64| common::plain(&prior).max_memory(most).decode(&file[..n]);
    assert!(matches!(decode(whole - 1), Err(Error::Limits(_))));
    // In between, the layer under way is left out, as in a file that ends where it begins.
    let (less, all) = (decode(whole).expect("fits"), decode(cut).expect("fits"));
    assert!(less.coverage.partial_layer_skipped && less.coverage.partial == 0.0);
    assert!(!all.coverage.partial_layer_skipped && all.coverage.partial > 0.0);
    assert_eq!(less.coverage.layers, all.coverage.layers);
    let layers = common::plain(&prior)
        .max_layers(all.coverage.layers)
        .decode(&file);
    assert_eq!(less.picture, layers.expect("decodes").picture);
    assert_ne!(less.picture, all.picture);
}

#[test]
fn a_limit_counts_the_sampler_before_any_work() {
    let prior = common::gaussian();
    let picture = common::resized("coffee.png", 96, 64);
    let file = Encoder::new(&prior).encode(&picture).expect("encodes");
    let header = header(&prior, 96, 64);
    let flow = Sampler::new(Mode::Flow).expect("valid");
    let need = |sampler| {
        common::plain(&prior)
            .sampler(sampler)
            .memory(&header, 0, true)
            .expect("its own prior")
    };
    let (mean, walk) = (need(Sampler::default()), need(flow));
    assert!(mean < walk);
    let first = |sampler, most| {
        let mut stream = common::plain(&prior)
            .max_pixels(u64::MAX)
            .max_memory(most)
            .sampler(sampler)
            .stream();
        stream.push(&file.bytes).map(|(_, event)| event)
    };
    let opens = |event| matches!(event, Ok(Event::Header(_)));
    assert!(opens(first(Sampler::default(), mean)));
    assert!(matches!(first(flow, walk - 1), Err(Error::Limits(_))));
    assert!(opens(first(flow, walk)));
}

#[test]
fn a_limit_counts_the_exact_samples() {
    let prior = common::gaussian();
    let picture = common::resized("coffee.png", 96, 64);
    let target = Target::Lossless(Some(50.0));
    let file = Encoder::new(&prior).target(target).encode(&picture);
    let file = file.expect("encodes").bytes;
    let header = header(&prior, 96, 64);
    let decoder = || common::plain(&prior);
    let need = decoder()
        .exact_memory(&header, file.len() as u64)
        .expect("its own prior");
    assert!(
        need > decoder()
            .memory(&header, file.len() as u64, false)
            .expect("its own prior")
    );
    let refused = decoder().max_memory(need - 1).decode(&file);
    let refused = refused.expect_err("over the limit");
    assert!(
        matches!(&refused, Error::Limits(e) if e.contains("the exact end of 96 x 64")),
        "{refused}"
    );
    let exact = decoder().max_memory(need).decode(&file).expect("fits");
    assert!(exact.coverage.exact == Exact::All && exact.picture == picture);
    // The layers before the exact samples do not need that memory.
    let lossy = decoder().max_memory(need - 1).max_layers(5).decode(&file);
    assert_eq!(lossy.expect("fits").coverage.layers, 5);
    let encode = |most| {
        let encoder = Encoder::new(&prior).target(target).max_memory(most);
        { encoder }.encode(&picture)
    };
    let need = Encoder::new(&prior)
        .target(target)
        .memory(form(96, 64, false))
        .expect("sizes");
    assert!(matches!(encode(need - 1), Err(Error::Limits(_))));
    assert!(encode(need).is_ok());
}

#[test]
fn a_preview_and_a_thumbnail_keep_the_limit() {
    let prior = common::gaussian();
    let picture = common::resized("coffee.png", 600, 450);
    let target = Target::Quality(40.0);
    let file = Encoder::new(&prior).target(target).encode(&picture);
    let file = file.expect("encodes").bytes;
    let header = header(&prior, 600, 450);
    let whole = common::plain(&prior)
        .memory(&header, 0, false)
        .expect("its own prior");
    let preview = |most: u64| {
        let mut stream = common::plain(&prior)
            .max_pixels(u64::MAX)
            .max_memory(most)
            .stream();
        let mut rest = &file[..file.len() - file.len() / 8];
        while !rest.is_empty() {
            rest = &rest[stream.push(rest).expect("fits").0..];
        }
        stream.preview().expect("fits")
    };
    let (less, all) = (preview(whole), preview(u64::MAX));
    assert!(less.coverage.partial_layer_skipped && less.coverage.partial == 0.0);
    assert!(!all.coverage.partial_layer_skipped && all.coverage.partial > 0.0);
    let thumbnail = |most: u64| {
        let decoder = common::plain(&prior).max_memory(most);
        decoder.thumbnail(&file, 100)
    };
    assert!(matches!(thumbnail(whole / 2), Err(Error::Limits(_))));
    assert!(thumbnail(whole + file.len() as u64).is_ok());
}

#[test]
fn a_limit_counts_metadata() {
    let prior = common::gaussian();
    let picture = common::resized("coffee.png", 96, 64);
    let metadata = Metadata {
        exif: Some(vec![0; 10_000_000]),
        xmp: Some(vec![b' '; 10_000_000]),
        ..Metadata::default()
    };
    let file = Encoder::new(&prior).metadata(metadata).encode(&picture);
    let file = file.expect("encodes").bytes;
    let header = header(&prior, 96, 64);
    let need = common::plain(&prior)
        .memory(&header, file.len() as u64, false)
        .expect("its own prior");
    let decode = |most| common::plain(&prior).max_memory(most).decode(&file);
    // A picture file takes further copies.
    let refused = decode(need + 60_000_000);
    assert!(matches!(refused, Err(Error::Limits(_))));
    let fits = decode(need + 80_000_000).expect("fits");
    assert_eq!(fits.metadata.xmp.map(|xmp| xmp.len()), Some(10_000_000));
}

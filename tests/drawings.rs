//! Drawings, text, screenshots and dithers: the exact picture takes fewer bytes than a lossy one.

mod common;

use dcodec::container::{Event, PartName};
use dcodec::{Colour, Decoder, Encoded, Encoder, Exact, Picture, Prior, Target, Tune, metrics};

const SIZE: (u32, u32) = (200, 150);

fn grey(value: impl Fn(u32, u32) -> u8) -> Picture {
    let (w, h) = SIZE;
    let samples = (0..w * h).map(|i| value(i % w, i / w)).collect();
    Picture::new(w, h, Colour::Grey, samples, None).expect("a picture")
}

fn colour(value: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
    let (w, h) = SIZE;
    let samples = (0..w * h).flat_map(|i| value(i % w, i / w)).collect();
    Picture::new(w, h, Colour::Rgb, samples, None).expect("a picture")
}

/// A wave that errors of one level are diffused over, as Floyd and Steinberg do.
fn dither() -> Picture {
    let (w, h) = (SIZE.0 as usize, SIZE.1 as usize);
    let mut wave: Vec<f64> = (0..w * h)
        .map(|i| {
            let (x, y) = ((i % w) as f64, (i / w) as f64);
            128.0 + 90.0 * (x / 31.0).sin() * (y / 23.0).cos()
        })
        .collect();
    for i in 0..w * h {
        let shown = if wave[i] < 128.0 { 0.0 } else { 255.0 };
        let error = wave[i] - shown;
        wave[i] = shown;
        let mut add = |right: isize, down: usize, share: f64| {
            let x = (i % w) as isize + right;
            if (0..w as isize).contains(&x) && i / w + down < h {
                wave[(i / w + down) * w + x as usize] += error * share;
            }
        };
        add(1, 0, 7.0 / 16.0);
        add(-1, 1, 3.0 / 16.0);
        add(0, 1, 5.0 / 16.0);
        add(1, 1, 1.0 / 16.0);
    }
    grey(|x, y| wave[y as usize * w + x as usize] as u8)
}

/// Lines of strokes on paper, and a red disc.
fn page() -> Picture {
    colour(|x, y| {
        let (line, column) = (y / 17, x / 9);
        let glyph = (line * 31 + column * 7) % 23;
        let (gx, gy) = (x % 9, y % 17);
        let stroke = gy < 11
            && gx < 7
            && match glyph % 4 {
                0 => gx == 2 || gy == 5,
                1 => gx == gy / 2,
                2 => (gx + gy) % 6 == 0,
                _ => gx == 1 || gx == 5 || gy == glyph / 3,
            };
        let disc = (x as i32 - 150).pow(2) + (y as i32 - 70).pow(2) < 900;
        match (disc, stroke && x < 110) {
            (true, _) => [255, 0, 0],
            (_, true) => [20, 20, 60],
            _ => [255; 3],
        }
    })
}

fn drawings() -> [(&'static str, Picture, usize); 7] {
    [
        ("grey", colour(|_, _| [128; 3]), 60),
        ("white", colour(|_, _| [255; 3]), 60),
        ("red", colour(|_, _| [255, 0, 0]), 60),
        ("checkerboard", grey(|x, y| 255 * ((x + y) % 2) as u8), 60),
        ("slope", colour(|x, _| [x as u8; 3]), 320),
        ("page", page(), 1200),
        ("dither", dither(), 2200),
    ]
}

fn encode(prior: &Prior, picture: &Picture, target: Target) -> Encoded {
    let encoder = Encoder::new(prior).target(target);
    encoder.encode(picture).expect("encodes")
}

#[test]
fn no_lossy_file_is_larger_than_the_exact_one() {
    let prior = common::fast();
    for (name, picture, most) in drawings() {
        let exact = encode(&prior, &picture, Target::Lossless(None)).bytes.len();
        assert!(exact <= most, "{name}: {exact}");
        for quality in [25.0, 75.0, 100.0] {
            let file = encode(&prior, &picture, Target::Quality(quality));
            let n = file.bytes.len();
            assert!(n <= exact, "{name} at {quality}: {n}, exact {exact}");
            assert!(
                exact > 60 || file.exact_bytes.is_some(),
                "{name} at {quality}"
            );
            let decoded = common::plain(&prior).decode(&file.bytes).expect("decodes");
            assert!(decoded.coverage.complete);
            let exact = decoded.coverage.exact == Exact::All;
            assert_eq!(file.exact_bytes.is_some(), exact, "{name} at {quality}");
            assert_eq!(decoded.picture == picture, exact, "{name} at {quality}");
        }
        let best = encode(&prior, &picture, Target::Quality(100.0));
        assert!(best.exact_bytes.is_some() && best.target_met, "{name}");
    }
}

#[test]
fn a_budget_that_holds_the_exact_picture_is_not_filled() {
    let prior = common::fast();
    let picture = page();
    let exact = encode(&prior, &picture, Target::Lossless(None)).bytes;
    let all = encode(&prior, &picture, Target::Bytes(exact.len() as u64));
    assert_eq!(all.bytes, exact);
    let less = encode(&prior, &picture, Target::Bytes(exact.len() as u64 - 1));
    assert_eq!(less.bytes.len(), exact.len() - 1);
    assert_eq!(less.exact_bytes, None);
    let kept = Encoder::new(&prior)
        .target(Target::Quality(75.0))
        .exact_if_smaller(false)
        .encode(&picture)
        .expect("encodes");
    assert!(kept.exact_bytes.is_none() && kept.bytes.len() > exact.len());
}

/// The eye's tune sends less of the finest band, where letters are.
#[test]
fn drawings_without_exact_samples_have_the_tune_of_psnr() {
    let prior = common::fast();
    // Bands need 192 pixels a side.
    let side = 208;
    let stroke = |x: u32, y: u32| 255 * u8::from(x % 9 > 1 && (x / 9 + y) % 7 > 1);
    let samples = (0..side * side)
        .map(|i| stroke(i % side, i / side))
        .collect();
    let picture = Picture::new(side, side, Colour::Grey, samples, None).expect("a picture");
    let encode = |tune: Option<Tune>| {
        let encoder = Encoder::new(&prior)
            .target(Target::Quality(50.0))
            .exact_if_smaller(false);
        let encoder = match tune {
            Some(tune) => encoder.tune(tune),
            None => encoder,
        };
        encoder.encode(&picture).expect("encodes").bytes
    };
    let file = encode(None);
    assert_eq!(file, encode(Some(Tune::Psnr)));
    assert_ne!(file, encode(Some(Tune::Eye)));
}

/// Every byte more shows as many rows, any decoder shows them: the chain is not needed.
#[test]
fn a_prefix_shows_rows() {
    let prior = common::gaussian();
    let picture = page();
    let exact = encode(&prior, &picture, Target::Lossless(None)).bytes;
    let mut rows = 0;
    for n in (exact.len() / 8..exact.len()).step_by(40) {
        let decoded = Decoder::new(&prior).decode(&exact[..n]).expect("decodes");
        let now = match decoded.coverage.exact {
            Exact::None => 0,
            Exact::Rows(rows) => rows,
            Exact::All => SIZE.1,
            _ => panic!("{:?}", decoded.coverage.exact),
        };
        assert!(now >= rows);
        rows = now;
        let n = 3 * (SIZE.0 * rows) as usize;
        let [shown, wanted] =
            [&decoded.picture, &picture].map(|p| p.samples().as_eight().expect("8 bits"));
        assert!(shown[..n] == wanted[..n]);
    }
    assert!(rows > SIZE.1 / 2);
}

/// A long file begins with a few layers, so that its first bytes show all of the picture.
#[test]
fn long_files_begin_with_a_preview() {
    let prior = common::fast();
    let photo = common::resized("coffee.png", 384, 256);
    let few = photo.samples().iter().map(|v| (v / 32 * 36) as u8);
    let picture = Picture::new(384, 256, Colour::Rgb, few.collect(), None).expect("a picture");
    let file = encode(&prior, &picture, Target::Lossless(None));
    let n = file.bytes.len();
    assert!(n < 80_000, "{n}");
    assert!(!file.layers.is_empty());
    let first = common::plain(&prior)
        .decode(&file.bytes[..n / 24])
        .expect("decodes");
    let psnr = metrics::psnr(&picture, &first.picture).expect("equal sizes");
    assert!(psnr > 17.0, "{psnr}");
    let all = common::plain(&prior).decode(&file.bytes).expect("decodes");
    assert!(all.picture == picture);
}

#[test]
fn photographs_stay_lossy() {
    let prior = common::fast();
    let picture = common::crop("chelsea.png", 150, 60, 96, 64);
    for target in [Target::Quality(90.0), Target::Bpp(1.0)] {
        let file = encode(&prior, &picture, target);
        let mut stream = Decoder::new(&prior).stream();
        let (mut rest, mut exact) = (&file.bytes[..], false);
        while !rest.is_empty() {
            let (used, event) = stream.push(rest).expect("valid");
            rest = &rest[used..];
            exact |= matches!(event, Event::Part(PartName::EXACT, _));
        }
        assert!(!exact && file.exact_bytes.is_none());
    }
}

/// Thumbnails are of the exact samples where no layer is.
#[test]
fn a_thumbnail_is_of_the_exact_picture() {
    let prior = common::fast();
    let picture = page();
    let file = encode(&prior, &picture, Target::Quality(75.0));
    assert!(file.layers.is_empty() && file.exact_bytes.is_some());
    let small = Decoder::new(&prior)
        .thumbnail(&file.bytes, 40)
        .expect("decodes")
        .picture;
    assert_eq!(
        (small.width(), small.height(), small.alpha()),
        (40, 30, None)
    );
    let samples = small.samples().as_eight().expect("8 bits");
    // Paper at the upper right, the red disc in the middle of the right half.
    assert_eq!(samples[3 * 38..][..3], [255; 3]);
    assert_eq!(samples[3 * (14 * 40 + 30)..][..3], [255, 0, 0]);
}

/// Paper beside a photograph.
fn collage() -> Picture {
    let photo = common::resized("coffee.png", 96, 80);
    let photo = photo.samples().as_eight().expect("8 bits");
    colour(
        |x, y| match (20..116).contains(&x) && (40..120).contains(&y) {
            true => {
                let i = 3 * ((y - 40) * 96 + x - 20) as usize;
                [photo[i], photo[i + 1], photo[i + 2]]
            }
            false if x > 130 && y < 100 => [250, 0, 3],
            false => [255; 3],
        },
    )
}

#[test]
fn flat_squares_come_back_exact() {
    let prior = common::fast();
    let picture = collage();
    let wanted = picture.samples().as_eight().expect("8 bits");
    for target in [
        Target::Quality(75.0),
        Target::Quality(50.0),
        Target::Bytes(4000),
        Target::Psnr(34.0),
    ] {
        let encoder = Encoder::new(&prior).target(target).reconstruct(true);
        let file = encoder.encode(&picture).expect("encodes");
        assert_eq!(file.exact_bytes, None);
        let shown = common::plain(&prior)
            .decode(&file.bytes)
            .expect("decodes")
            .picture;
        assert_eq!(Some(&shown), file.reconstruction.as_ref(), "{target:?}");
        let got = shown.samples().as_eight().expect("8 bits");
        let (mut flat, mut exact) = (0, 0);
        for (i, (got, wanted)) in got.chunks(3).zip(wanted.chunks(3)).enumerate() {
            let (x, y) = (i as u32 % SIZE.0, i as u32 / SIZE.0);
            let photo = (4..132).contains(&x) && (24..136).contains(&y);
            let edge = (115..147).contains(&x) || (84..116).contains(&y);
            if !photo && !edge {
                flat += 1;
                exact += u32::from(got == wanted);
            }
        }
        assert!(
            flat > 8000 && exact == flat,
            "{target:?}: {exact} of {flat}"
        );
    }
    let file = encode(&prior, &picture, Target::Quality(75.0));
    let at = file
        .bytes
        .windows(4)
        .position(|w| w == b"flat")
        .expect("a part");
    assert!(at < file.bytes.len() / 2, "{at}");
}

/// Samples of 16 bits that use the range 0 to 400.
#[test]
fn a_small_range_is_coded_as_a_whole_one() {
    let prior = common::fast();
    let (w, h) = SIZE;
    let photo = common::resized("coffee.png", w, h);
    let dark = photo.samples().iter().enumerate().map(|(i, v)| {
        let fine = ((i as u64 * 40_503) >> 7) % 3;
        (u64::from(v) * 398 / 255 + fine) as u16
    });
    let dark: Vec<u16> = dark.collect();
    let picture = Picture::from_samples(w, h, Colour::Rgb, dark.into(), None).expect("a picture");
    let wanted = picture.samples().as_sixteen().expect("16 bits");
    let mut last = (f64::INFINITY, 0);
    for quality in [30.0, 50.0, 75.0, 90.0] {
        let encoder = Encoder::new(&prior)
            .target(Target::Quality(quality))
            .reconstruct(true);
        let file = encoder.encode(&picture).expect("encodes");
        let shown = common::plain(&prior)
            .decode(&file.bytes)
            .expect("decodes")
            .picture;
        assert_eq!(Some(&shown), file.reconstruction.as_ref(), "{quality}");
        let got = shown.samples().as_sixteen().expect("16 bits");
        assert!(got.iter().all(|v| (0..=400).contains(v)));
        let squares = got
            .iter()
            .zip(wanted)
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        let error = (squares.sum::<f64>() / got.len() as f64).sqrt();
        assert!(
            error < 0.9 * last.0 && file.bytes.len() > last.1,
            "{quality}: {error}"
        );
        last = (error, file.bytes.len());
    }
    assert!(last.0 < 8.0, "{}", last.0);
    // A PSNR is that of the picture as it is.
    let file = encode(&prior, &picture, Target::Psnr(72.0));
    let shown = common::displayed(&file.bytes);
    let psnr = metrics::psnr(&picture, &shown).expect("equal sizes");
    assert!(file.target_met && (72.0..73.0).contains(&psnr), "{psnr}");
    let exact = encode(&prior, &picture, Target::Lossless(None));
    let all = common::plain(&prior).decode(&exact.bytes).expect("decodes");
    assert!(all.picture == picture && all.coverage.exact == Exact::All);
    let beside = encode(&prior, &picture, Target::Lossless(Some(60.0)));
    let all = common::plain(&prior)
        .decode(&beside.bytes)
        .expect("decodes");
    assert!(all.picture == picture && beside.layers.len() > 5);
    // Nine bits a sample, and less.
    assert!(exact.bytes.len() < (w * h * 3) as usize * 9 / 8);
}

/// Screenshots, drawings, charts, scans, and pictures of instruments.
const GRAPHICS: [&str; 18] = [
    "chart_rd",
    "doc_page",
    "doc_text",
    "map_springfield",
    "medical_blood",
    "medical_cell",
    "medical_ihc",
    "medical_retina",
    "photo_flower_small",
    "screenshot_ui",
    "screenshot_web1",
    "screenshot_web2",
    "stereo_motorcycle",
    "synthetic_chess",
    "synthetic_splines",
    "texture_grass",
    "vector_robot",
    "vector_space",
];

/// `cwebp -lossless -m 6` (1.2.4) takes 4,089,108 bytes.
#[test]
#[ignore = "takes minutes"]
fn the_graphics_set_is_smaller_than_webp() {
    let prior = common::fast();
    let mut sum = 0;
    for name in GRAPHICS {
        let Some(picture) = common::data(&format!("test/graphics/{name}.png")) else {
            return;
        };
        let lossless = encode(&prior, &picture, Target::Lossless(None)).bytes.len();
        let lossy = encode(&prior, &picture, Target::Quality(75.0)).bytes.len();
        println!("{name}: {lossless} bytes lossless, {lossy} at quality 75");
        assert!(lossy <= lossless, "{name}");
        sum += lossless;
    }
    println!("{sum} bytes lossless");
    assert!(sum < 3_050_000, "{sum}");
}

//! Every prefix of a file is a picture, and more bytes make it no worse.

mod common;

use dcodec::{Encoder, Event, Picture, Target, metrics};

/// The first 32nd, eighth, half and all of the file of each sample picture: bytes, and the largest
/// error of a colour sample, of those that the file is made of. A new prior changes them:
/// `cargo test --release --test prefix -- --nocapture` prints the rows.
const CHECKPOINTS: [(&str, [(usize, u16); 4]); 6] = [
    (
        "astronaut.png",
        [(50, 198), (200, 138), (803, 70), (1607, 26)],
    ),
    ("badge.png", [(42, 166), (168, 115), (672, 115), (1345, 35)]),
    ("camera.png", [(24, 128), (96, 128), (384, 59), (768, 28)]),
    ("chelsea.png", [(33, 137), (134, 90), (539, 50), (1079, 29)]),
    ("coffee.png", [(35, 227), (143, 199), (572, 55), (1144, 25)]),
    ("rocket.png", [(18, 127), (74, 143), (299, 68), (598, 29)]),
];

fn worst(a: &Picture, b: &Picture) -> u16 {
    let pairs = a.samples().iter().zip(b.samples().iter());
    pairs.map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

#[test]
fn checkpoints_of_every_sample() {
    let prior = common::prior();
    let mut rows = Vec::new();
    for (name, _) in CHECKPOINTS {
        let picture = common::resized(name, 96, 72);
        let file = Encoder::new(&prior)
            .target(Target::Quality(75.0))
            .encode(&picture)
            .expect("encodes")
            .bytes;
        let row = [32, 8, 2, 1].map(|part| {
            let n = file.len() / part;
            let decoded = common::plain(&prior).decode(&file[..n]).expect("a prefix");
            (n, worst(&decoded.picture, &picture.fill_invisible()))
        });
        println!("    (\"{name}\", {row:?}),");
        rows.push((name, row));
    }
    assert_eq!(rows, CHECKPOINTS);
}

#[test]
fn every_sample_has_checkpoints() {
    let folder = common::sample_path("");
    let names = std::fs::read_dir(folder).expect("the samples");
    let names = names.map(|e| {
        e.expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let mut pictures: Vec<String> = names.filter(|n| n.ends_with(".png")).collect();
    pictures.sort();
    assert_eq!(pictures, CHECKPOINTS.map(|(name, _)| name));
}

#[test]
fn every_prefix_decodes_and_quality_never_falls() {
    let prior = common::prior();
    for (name, x, y) in [
        ("chelsea.png", 150, 60),
        ("coffee.png", 300, 120),
        ("astronaut.png", 200, 80),
    ] {
        let picture = common::crop(name, x, y, 64, 64);
        let file = Encoder::new(&prior)
            .target(Target::Quality(75.0))
            .encode(&picture)
            .expect("encodes")
            .bytes;
        let mut stream = common::plain(&prior).stream();
        let (mut best, mut worst_drop, mut header) = (0.0f64, 0.0f64, 0);
        for (i, byte) in file.iter().enumerate() {
            let mut byte = std::slice::from_ref(byte);
            while !byte.is_empty() {
                let (used, event) = stream.push(byte).expect("valid");
                byte = &byte[used..];
                if let Event::Header(_) = event {
                    header = i + 1;
                }
            }
            match stream.preview() {
                Err(_) => assert_eq!(header, 0, "byte {i}"),
                Ok(shown) => {
                    let psnr = metrics::psnr(&picture, &shown.picture).expect("same size");
                    worst_drop = worst_drop.max(best - psnr);
                    best = best.max(psnr);
                }
            }
        }
        println!(
            "{name}: {} bytes, best {best:.2} dB, worst drop {worst_drop:.3} dB",
            file.len()
        );
        assert_eq!(header, 14);
        assert!(best > 33.0, "{best}");
        assert!(worst_drop <= 0.05, "PSNR fell by {worst_drop:.3} dB");
    }
}

//! Every truncation of a file is a picture or a header that is cut off, and a flipped bit is found
//! by a check, or makes the file look cut off. The share that is not found is in clause 7.5 of the
//! specification.

mod common;

use common::Rng;
use dcodec::container::{Event, Parser};
use dcodec::prior::Shipped;
use dcodec::prior::gaussian::Gaussian;
use dcodec::{Decoder, Effort, Encoder, Error, Picture, Prior, Target};
use rayon::prelude::*;

const SAMPLES: [&str; 6] = [
    "astronaut.png",
    "badge.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "rocket.png",
];

/// The fate of a file with one wrong bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// An error that names a clause, or a version or a part that is not known.
    Refused,
    /// No end marker comes: the file counts as cut off.
    Cut,
    /// It passes as a whole file.
    Passed,
}

/// Numbers of flips by their fate.
#[derive(Debug, Default, Clone, Copy)]
struct Fates {
    refused: u64,
    cut: u64,
    passed: u64,
}

impl Fates {
    fn plus(self, other: Fates) -> Fates {
        Fates {
            refused: self.refused + other.refused,
            cut: self.cut + other.cut,
            passed: self.passed + other.passed,
        }
    }

    fn of(fate: Fate) -> Fates {
        let one = |this| u64::from(fate == this);
        Fates {
            refused: one(Fate::Refused),
            cut: one(Fate::Cut),
            passed: one(Fate::Passed),
        }
    }
}

fn parsed(file: &[u8]) -> Fate {
    let (mut parser, mut at) = (Parser::new(u64::MAX), 0);
    loop {
        match parser.push(&file[at..]) {
            Ok((_, Event::End)) => return Fate::Passed,
            Ok((_, Event::NeedMore)) => return Fate::Cut,
            Ok((used, _)) => at += used,
            Err(Error::Format(e)) => {
                assert!(e.clause.contains('.'), "{e}");
                return Fate::Refused;
            }
            Err(Error::Unsupported(_)) => return Fate::Refused,
            Err(e) => panic!("{e}"),
        }
    }
}

fn flipped(file: &[u8], bit: u64) -> Vec<u8> {
    let mut damaged = file.to_vec();
    damaged[bit as usize / 8] ^= 1 << (bit % 8);
    damaged
}

/// The fates of `bits` of a file, the ones that pass printed.
fn fates(file: &[u8], bits: &[u64]) -> Fates {
    let one = |&bit: &u64| {
        let fate = parsed(&flipped(file, bit));
        if fate == Fate::Passed {
            println!("bit {} of byte {} passes", bit % 8, bit / 8);
        }
        Fates::of(fate)
    };
    bits.par_iter().map(one).reduce(Fates::default, Fates::plus)
}

fn encoded(prior: &Prior, picture: &Picture, target: Target) -> Vec<u8> {
    let encoder = Encoder::new(prior).target(target);
    let encoder = encoder.effort(Effort::new(1).expect("a level"));
    encoder.encode(picture).expect("encodes").bytes
}

fn targets() -> [Target; 3] {
    [
        Target::Quality(30.0),
        Target::Quality(75.0),
        Target::Lossless(None),
    ]
}

/// A prior without a network that takes the place of the one that the files need: what a decoder
/// accepts does not depend on it.
fn cheap(prior: &Prior) -> Decoder {
    let gaussian = Prior::new(Gaussian { deviation: 55.0 }, prior.id());
    common::plain(&gaussian)
}

#[test]
fn cut_and_flipped_samples_are_pictures_or_refused() {
    let prior = Shipped::Xs.prior().expect("a prior inside");
    let decoder = cheap(&prior);
    let mut all = Fates::default();
    for name in SAMPLES {
        let picture = common::crop(name, 20, 30, 32, 24);
        for target in targets() {
            let file = encoded(&prior, &picture, target);
            for n in 0..=file.len() {
                match decoder.decode(&file[..n]) {
                    Ok(decoded) => assert_eq!(decoded.coverage.complete, n == file.len()),
                    Err(Error::Format(e)) => assert_eq!((e.clause, e.offset), ("8.1", n as u64)),
                    Err(e) => panic!("{name}, {n} bytes: {e}"),
                }
            }
            let mut rng = Rng(file.len() as u64);
            for _ in 0..300 {
                let bit = rng.below(8 * file.len()) as u64;
                let damaged = flipped(&file, bit);
                match (decoder.decode(&damaged), parsed(&damaged)) {
                    (Ok(decoded), Fate::Cut) => assert!(!decoded.coverage.complete),
                    (Err(Error::Format(_) | Error::Unsupported(_)), Fate::Refused) => {}
                    (decoded, fate) => panic!("{name}, bit {bit}: {fate:?}, {decoded:?}"),
                }
            }
            let bits: Vec<u64> = (0..8 * file.len() as u64).collect();
            all = all.plus(fates(&file, &bits));
        }
    }
    println!("{all:?}");
    assert!(all.refused > 99 * all.cut && all.passed == 0);
}

/// Whole samples: every bit of the lossy files, and 20,000 of each lossless one.
#[test]
#[ignore = "minutes: the numbers of clause 7.5"]
fn the_share_of_flips_that_pass() {
    let prior = Shipped::Xs.prior().expect("a prior inside");
    let decoder = Decoder::new(&prior);
    let mut all = Fates::default();
    for name in SAMPLES {
        let picture = common::load(common::sample_path(name));
        for target in targets() {
            let file = encoded(&prior, &picture, target);
            let end = 8 * file.len() as u64;
            let mut rng = Rng(1);
            let bits: Vec<u64> = match target {
                Target::Lossless(_) => (0..20_000).map(|_| rng.next() % end).collect(),
                _ => (0..end).collect(),
            };
            let here = fates(&file, &bits);
            println!("{name}, {target:?}: {} bytes, {here:?}", file.len());
            all = all.plus(here);
            let passed = bits.iter().filter(|_| here.passed > 0);
            let passed = passed.filter(|&&bit| parsed(&flipped(&file, bit)) == Fate::Passed);
            for &bit in passed {
                let good = decoder.decode(&file).expect("decodes").picture;
                let bad = decoder
                    .decode(&flipped(&file, bit))
                    .expect("decodes")
                    .picture;
                println!("bit {bit} passes, and changes the picture: {}", bad != good);
            }
        }
    }
    let total = all.refused + all.cut + all.passed;
    let share = |n: u64| 100.0 * n as f64 / total as f64;
    println!(
        "{total} flips: {:.4} % refused, {:.4} % look cut off, {} pass: {:.5} %",
        share(all.refused),
        share(all.cut),
        all.passed,
        share(all.passed)
    );
}

//! Shared by the tests: the prior, sample pictures, and the measuring pictures where they are
//! present.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use dcodec::container::{PriorId, SigmaCode};
use dcodec::prior::Shipped;
use dcodec::prior::gaussian::Gaussian;
use dcodec::{Colour, Decoded, Decoder, Display, Event, Picture, Prior, Samples};
use image::imageops::FilterType;

pub fn prior() -> Prior {
    Prior::shipped().expect("the shipped prior loads")
}

/// The small shipped prior, a quarter of the work: for what any network shows.
pub fn fast() -> Prior {
    Shipped::Xs.prior().expect("the small prior loads")
}

/// The larger shipped prior, where this build has it.
pub fn larger() -> Option<Prior> {
    Shipped::L.prior().ok()
}

/// A decoder that displays x0_hat as it is in the chain.
pub fn plain(prior: &Prior) -> Decoder {
    Decoder::new(prior).display(Display::PLAIN)
}

/// The picture that the command, and the library by default, display of a file of the default
/// prior.
pub fn displayed(file: &[u8]) -> Picture {
    dcodec::decode(file).expect("decodes").picture
}

/// The sigma code of this number.
pub fn code(code: u16) -> SigmaCode {
    SigmaCode::new(code).expect("a code of the format")
}

pub fn sample_path(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut samples = package.ancestors().map(|folder| folder.join("samples"));
    let samples = samples.find(|folder| folder.is_dir());
    samples.expect("a checkout of the repository").join(name)
}

pub fn load(path: impl Into<PathBuf>) -> Picture {
    let path = path.into();
    let image = image::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Picture::from_image(image).expect("samples of 8 or 16 bits")
}

/// The samples of a picture of 8 bits.
pub fn eight(picture: &Picture) -> &[u8] {
    picture.samples().as_eight().expect("8 bits")
}

/// A window of a sample picture.
pub fn crop(name: &str, x: u32, y: u32, width: u32, height: u32) -> Picture {
    let image = image::open(sample_path(name))
        .expect("sample")
        .crop_imm(x, y, width, height);
    Picture::from_image(image).expect("samples of 8 or 16 bits")
}

/// A measuring picture named relative to $DCODEC_DATA. Where they are absent, prints that and
/// returns none.
pub fn data(name: &str) -> Option<Picture> {
    match std::env::var_os("DCODEC_DATA") {
        Some(root) => Some(load(PathBuf::from(root).join(name))),
        None => {
            println!(
                "skipped: DCODEC_DATA does not name the folder with the measuring pictures ({name})"
            );
            None
        }
    }
}

/// A closed-form prior under an identity of its own: decoding takes no time, and no weights.
pub fn gaussian() -> Prior {
    Prior::new(Gaussian { deviation: 55.0 }, PriorId(*b"gaus"))
}

/// A sample picture at another size.
pub fn resized(name: &str, width: u32, height: u32) -> Picture {
    let image = image::open(sample_path(name)).expect("sample");
    let image = image.resize_exact(width, height, FilterType::CatmullRom);
    Picture::from_image(image).expect("samples of 8 or 16 bits")
}

/// A picture of random samples.
pub fn noise(width: u32, height: u32, colour: Colour, alpha: bool, seed: u64) -> Picture {
    let mut rng = Rng(seed);
    let pixels = (width * height) as usize;
    let samples = rng.bytes(pixels * colour.channels());
    let alpha = alpha.then(|| rng.bytes(pixels));
    Picture::new(width, height, colour, samples, alpha).expect("lengths fit")
}

/// A picture of random samples of 16 bits.
pub fn deep_noise(width: u32, height: u32, colour: Colour, alpha: bool, seed: u64) -> Picture {
    let mut rng = Rng(seed);
    let pixels = (width * height) as usize;
    let mut deep = |n| -> Samples {
        let values: Vec<u16> = (0..n).map(|_| rng.next() as u16).collect();
        values.into()
    };
    let samples = deep(pixels * colour.channels());
    let alpha = alpha.then(|| deep(pixels));
    Picture::from_samples(width, height, colour, samples, alpha).expect("lengths fit")
}

/// SplitMix64: equal numbers in every run.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}

/// The decoded picture after every layer, with its coverage.
pub fn decoded_layers(prior: &Prior, file: &[u8]) -> Vec<Decoded> {
    let mut stream = plain(prior).max_pixels(u64::MAX).stream();
    let (mut rest, mut shown) = (file, Vec::new());
    loop {
        let (used, event) = stream.push(rest).expect("valid");
        rest = &rest[used..];
        match event {
            Event::Layer(..) => shown.push(stream.preview().expect("decodes")),
            Event::End | Event::NeedMore => return shown,
            _ => {}
        }
    }
}

/// The picture after every layer.
pub fn layers(prior: &Prior, file: &[u8]) -> Vec<Picture> {
    let shown = decoded_layers(prior, file).into_iter();
    shown.map(|d| d.picture).collect()
}

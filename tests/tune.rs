//! Files are made for the eye or for PSNR, at the same bytes; exact ends do not depend on it.

mod common;

use dcodec::{Encoder, Picture, Prior, Target, Tune, metrics};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

fn slice(picture: &Picture) -> PixelSlice<'_> {
    let (width, height) = (picture.width(), picture.height());
    let samples = picture.samples().as_eight().expect("8 bits");
    let stride = 3 * width as usize;
    PixelSlice::new(samples, width, height, stride, PixelDescriptor::RGB8_SRGB).expect("RGB")
}

/// PSNR in dB and SSIMULACRA2 of what `decode` shows of a file.
fn measured(prior: &Prior, picture: &Picture, tune: Tune, bpp: f64) -> (f64, f64) {
    let encoder = Encoder::new(prior).tune(tune).target(Target::Bpp(bpp));
    let file = encoder.encode(picture).expect("encodes").bytes;
    let shown = common::plain(prior).decode(&file).expect("decodes").picture;
    let reference = Ssimulacra2Reference::new(&slice(picture)).expect("large enough");
    let score = reference.compare(&slice(&shown)).expect("of one size");
    (metrics::psnr(picture, &shown).expect("of one form"), score)
}

#[test]
fn each_judge_likes_the_files_that_are_made_for_it() {
    let prior = common::prior();
    for (name, bpp) in [("coffee.png", 0.2), ("chelsea.png", 0.4)] {
        let picture = common::resized(name, 384, 256);
        let all = [Tune::Plain, Tune::Psnr, Tune::Eye];
        let [plain, psnr, eye] = all.map(|tune| measured(&prior, &picture, tune, bpp));
        println!("{name}, PSNR and SSIMULACRA2: plain {plain:?}, psnr {psnr:?}, eye {eye:?}");
        assert!(eye.1 > plain.1 + 1.0, "{eye:?} {plain:?}");
        assert!(eye.0 > plain.0 - 0.4, "{eye:?} {plain:?}");
        assert!(
            psnr.0 > eye.0.max(plain.0 - 0.06),
            "{psnr:?} {eye:?} {plain:?}"
        );
    }
}

#[test]
fn the_default_follows_the_target() {
    let prior = common::prior();
    let picture = common::resized("coffee.png", 208, 200);
    let encode = |tune: Option<Tune>, target| {
        let encoder = Encoder::new(&prior).target(target).exact_if_smaller(false);
        let encoder = match tune {
            Some(tune) => encoder.tune(tune),
            None => encoder,
        };
        encoder.encode(&picture).expect("encodes").bytes
    };
    for (target, tune, other) in [
        (Target::Quality(40.0), Tune::Eye, Tune::Psnr),
        (Target::Psnr(24.0), Tune::Psnr, Tune::Eye),
    ] {
        assert_eq!(
            encode(None, target),
            encode(Some(tune), target),
            "{target:?}"
        );
        assert_ne!(
            encode(None, target),
            encode(Some(other), target),
            "{target:?}"
        );
    }
    let exact = Target::Lossless(Some(40.0));
    assert_eq!(
        encode(Some(Tune::Eye), exact),
        encode(Some(Tune::Plain), exact)
    );
}

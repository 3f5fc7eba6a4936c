//! Corrected layers: fewer calls of the network for nearly the same file, and the same picture on
//! both ends.

mod common;

use dcodec::container::{Header, Layer, Parser};
use dcodec::prior::gaussian::Gaussian;
use dcodec::{
    DEFAULT_MAX_PIXELS, Decoder, Encoded, Encoder, Error, Event, Picture, Prior, Target, metrics,
};

fn picture() -> Picture {
    common::crop("coffee.png", 120, 60, 256, 208)
}

fn encoded(picture: &Picture, corrections: bool, target: Target) -> Encoded {
    let encoder = Encoder::new(&common::prior())
        .target(target)
        .corrections(corrections)
        .reconstruct(true);
    encoder.encode(picture).expect("encodes")
}

/// The header and the heads of the layers.
fn parsed(file: &[u8]) -> (Header, Vec<Layer>) {
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let (mut rest, mut header, mut layers) = (file, None, Vec::new());
    while !rest.is_empty() {
        let (used, event) = parser.push(rest).expect("valid");
        rest = &rest[used..];
        match event {
            Event::Header(found) => header = Some(found),
            Event::LayerHead(layer) => layers.push(layer),
            _ => {}
        }
    }
    (header.expect("a header"), layers)
}

#[test]
fn corrections_take_the_place_of_calls() {
    let picture = picture();
    let [without, with] = [false, true].map(|c| encoded(&picture, c, Target::Bpp(0.6)));
    let (header, layers) = parsed(&without.bytes);
    assert!(!header.corrected && layers.iter().all(|layer| !layer.corrected));
    assert_eq!(without.timings.corrections, 0);
    let (header, layers) = parsed(&with.bytes);
    let corrected = layers.iter().filter(|layer| layer.corrected).count() as u64;
    assert!(
        header.corrected && corrected >= 3,
        "{corrected} of {}",
        layers.len()
    );
    assert!(with.timings.calls < without.timings.calls);
    let psnr = |file: &[u8]| {
        let decoded = common::plain(&common::prior()).decode(file).expect("valid");
        (
            metrics::psnr(&picture, &decoded.picture).expect("of one size"),
            decoded.timings,
        )
    };
    let ((a, full), (b, fewer)) = (psnr(&without.bytes), psnr(&with.bytes));
    println!(
        "{a:.3} dB in {} calls, {b:.3} dB in {}",
        full.calls, fewer.calls
    );
    assert!(b > a - 0.2, "{a:.3} and {b:.3} dB");
    // The last layer is cut, or the estimate of its end needs no correction.
    assert!(fewer.corrections + 1 >= corrected && fewer.corrections <= corrected);
    assert!(fewer.calls < full.calls);
}

/// Previews between layers call the network where the next layer does not: they must not enter the
/// chain.
#[test]
fn previews_change_nothing_of_a_corrected_chain() {
    let picture = picture();
    let encoded = encoded(&picture, true, Target::Bpp(0.5));
    let decoder = common::plain(&common::prior());
    let whole = decoder.decode(&encoded.bytes).expect("valid");
    assert_eq!(encoded.reconstruction.as_ref(), Some(&whole.picture));
    let mut stream = decoder.clone().stream();
    for mut packet in encoded.bytes.chunks(97) {
        while !packet.is_empty() {
            let (used, _) = stream.push(packet).expect("valid");
            packet = &packet[used..];
        }
        if stream.header().is_some() {
            stream.preview().expect("shows");
        }
    }
    assert_eq!(stream.finish().expect("shows").picture, whole.picture);
}

#[test]
fn an_exact_end_follows_corrected_layers() {
    let picture = common::crop("coffee.png", 200, 100, 160, 128);
    let encoder = Encoder::new(&common::prior()).target(Target::Lossless(None));
    let file = encoder.encode(&picture).expect("encodes").bytes;
    assert!(parsed(&file).1.iter().any(|layer| layer.corrected));
    let decoded = Decoder::new(&common::prior()).decode(&file).expect("valid");
    assert_eq!(decoded.picture, picture);
}

/// A target of PSNR is met by the picture as displayed, whatever the layers start from.
#[test]
fn a_target_of_psnr_is_met() {
    let picture = picture();
    let file = encoded(&picture, true, Target::Psnr(33.0)).bytes;
    assert!(parsed(&file).1.iter().any(|layer| layer.corrected));
    let shown = common::displayed(&file);
    let psnr = metrics::psnr(&picture, &shown).expect("of one size");
    assert!((33.0..33.1).contains(&psnr), "{psnr:.3} dB");
}

#[test]
fn a_prior_without_a_corrector_refuses_at_the_first_corrected_layer() {
    let file = encoded(&picture(), true, Target::Bpp(0.5)).bytes;
    let id = common::prior().id();
    let gaussian = Prior::new(Gaussian { deviation: 40.0 }, id);
    let first = parsed(&file).1.into_iter().find(|layer| layer.corrected);
    let before = first.expect("a corrected layer").offset as usize;
    let decoder = Decoder::new(&gaussian);
    assert!(decoder.decode(&file[..before]).is_ok());
    let e = decoder.decode(&file).expect_err("no corrector");
    assert!(
        matches!(&e, Error::Unsupported(e) if e.contains("no corrector")),
        "{e}"
    );
}

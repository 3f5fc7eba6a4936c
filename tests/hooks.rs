//! With the hooks registered the `image` crate reads `.dfc` files as it reads any other.
#![cfg(feature = "hooks")]

mod common;

use std::io::Cursor;

use dcodec::{BitDepth, Colour, Decoder, Encoder, Metadata, Target};
use image::{ImageDecoder, ImageReader};

#[test]
fn the_image_crate_reads_dfc() {
    let prior = common::fast();
    let folder = tempfile::tempdir().expect("a folder");
    dcodec::register_image_hooks();
    assert!(!dcodec::register_image_hooks());
    let metadata = Metadata {
        icc: Some(vec![1; 200]),
        exif: Some(vec![2; 20]),
        xmp: Some(vec![3; 30]),
    };
    for (colour, alpha, depth) in [
        (Colour::Grey, false, BitDepth::Eight),
        (Colour::Rgb, true, BitDepth::Eight),
        (Colour::Grey, true, BitDepth::Sixteen),
        (Colour::Rgb, false, BitDepth::Sixteen),
    ] {
        let picture = match depth {
            BitDepth::Eight => common::noise(21, 18, colour, alpha, 1),
            BitDepth::Sixteen => common::deep_noise(21, 18, colour, alpha, 1),
        };
        let file = Encoder::new(&prior)
            .target(Target::Quality(40.0))
            .metadata(metadata.clone())
            .encode(&picture)
            .expect("encodes")
            .bytes;
        let wanted = dcodec::decode(&file).expect("decodes");
        let wanted = wanted.picture.to_image();
        // By name, and by signature alone.
        let path = folder.path().join("picture.dfc");
        std::fs::write(&path, &file).expect("writable");
        assert!(image::open(&path).expect("opens") == wanted);
        let guessed = || {
            let reader = ImageReader::new(Cursor::new(&file));
            reader.with_guessed_format().expect("read")
        };
        assert!(guessed().decode().expect("decodes") == wanted);
        let mut decoder = guessed().into_decoder().expect("a decoder");
        assert_eq!(decoder.dimensions(), (21, 18));
        assert_eq!(decoder.icc_profile().expect("read"), metadata.icc);
        assert_eq!(decoder.exif_metadata().expect("read"), metadata.exif);
        assert_eq!(decoder.xmp_metadata().expect("read"), metadata.xmp);
        // Damage is an error of the image crate's, not a panic.
        let mut damaged = file.clone();
        damaged[12] ^= 1;
        std::fs::write(&path, &damaged).expect("writable");
        assert!(image::open(&path).is_err());
    }
}

#[test]
fn files_of_the_larger_prior_are_read_too() {
    let large = match dcodec::prior::Shipped::L.prior() {
        Ok(prior) => prior,
        Err(e) => return println!("skipped: {e}"),
    };
    dcodec::register_image_hooks();
    let picture = common::noise(24, 16, Colour::Rgb, false, 1);
    for prior in [&common::fast(), &large] {
        let encoder = Encoder::new(prior).target(Target::Quality(40.0));
        let file = encoder.encode(&picture).expect("encodes").bytes;
        let wanted = Decoder::new(prior).decode(&file).expect("decodes");
        let reader = ImageReader::new(Cursor::new(&file)).with_guessed_format();
        let read = reader.expect("read").decode().expect("decodes");
        assert!(read == wanted.picture.to_image());
    }
}

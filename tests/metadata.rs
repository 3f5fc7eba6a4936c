//! ICC profile, EXIF and XMP arrive byte for byte, never stop the picture, and count in every
//! target.

mod common;

use dcodec::container::{Event, MAX_METADATA, Parser, PartName, Writer};
use dcodec::{
    Colour, DEFAULT_MAX_PIXELS, Display, Encoded, Encoder, Error, Metadata, Picture, Prior, Target,
};

/// Metadata of these sizes, half of it easy to compress.
fn metadata(icc: usize, exif: usize, xmp: usize) -> Metadata {
    let bytes = |n: usize, seed: u64| {
        let mut bytes = common::Rng(seed).bytes(n);
        bytes[n / 2..].fill(b' ');
        Some(bytes)
    };
    Metadata {
        icc: bytes(icc, 1),
        exif: bytes(exif, 2),
        xmp: bytes(xmp, 3),
    }
}

fn picture() -> Picture {
    common::resized("coffee.png", 64, 48)
}

fn encode(prior: &Prior, metadata: &Metadata, target: Target) -> Encoded {
    Encoder::new(prior)
        .target(target)
        .psnr_as_displayed_by(Display::PLAIN)
        .metadata(metadata.clone())
        .encode(&picture())
        .expect("encodes")
}

/// The units of a file in their order: a part's name, `layer`, `end`.
fn units(bytes: &[u8]) -> Vec<String> {
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let (mut rest, mut units) = (bytes, Vec::new());
    loop {
        let (used, event) = parser.push(rest).expect("valid");
        rest = &rest[used..];
        match event {
            Event::Part(name, _) => units.push(name.to_string()),
            Event::LayerHead(_) => units.push("layer".into()),
            Event::End => units.push("end".into()),
            Event::NeedMore => return units,
            _ => {}
        }
    }
}

#[test]
fn everything_comes_back_whatever_the_target() {
    let prior = common::fast();
    let picture = picture();
    for sizes in [(500, 200, 300), (1, 1, 5000), (0, 0, 0)] {
        let metadata = metadata(sizes.0, sizes.1, sizes.2);
        for target in [
            Target::Quality(75.0),
            Target::Quality(10.0),
            Target::Bytes(5000),
            Target::Bpp(14.0),
            Target::Psnr(30.0),
            Target::Bytes(1 << 20),
        ] {
            let file = encode(&prior, &metadata, target);
            let what = format!("{sizes:?} {target:?}: {:?}", units(&file.bytes));
            let decoded = common::plain(&prior).decode(&file.bytes).expect("decodes");
            // Empty metadata counts as none.
            let kept = |bytes: &Option<Vec<u8>>| bytes.clone().filter(|b| !b.is_empty());
            let wanted = Metadata {
                icc: kept(&metadata.icc),
                exif: kept(&metadata.exif),
                xmp: kept(&metadata.xmp),
            };
            assert_eq!(decoded.metadata, wanted, "{what}");
            let most = match target {
                Target::Bytes(n) => n as usize,
                Target::Bpp(bpp) => (bpp * 64.0 * 48.0 / 8.0) as usize,
                _ => usize::MAX,
            };
            assert!(file.bytes.len() <= most, "{what}");
            if let Target::Psnr(wanted) = target {
                let got = dcodec::metrics::psnr(&picture, &decoded.picture).expect("same form");
                assert!(got >= wanted, "{what}: {got:.2} dB");
            }
        }
    }
}

/// Every size from the least upwards: never exceeded, met to the byte, nothing lost.
#[test]
fn bytes_count_the_metadata() {
    let prior = common::gaussian();
    let metadata = metadata(60, 70, 80);
    let mut least = None;
    for bytes in (0..300).chain((300..700).step_by(23)) {
        let file = Encoder::new(&prior)
            .target(Target::Bytes(bytes))
            .metadata(metadata.clone())
            .encode(&picture());
        match file {
            Ok(file) => {
                least.get_or_insert(bytes);
                assert_eq!(file.bytes.len() as u64, bytes);
                let decoded = common::plain(&prior).decode(&file.bytes).expect("decodes");
                assert_eq!(decoded.metadata, metadata, "{bytes} bytes");
            }
            Err(Error::Parameter(e)) => {
                assert!(least.is_none(), "{bytes} bytes: {e}");
                assert!(e.contains("metadata") || e.contains("header"), "{e}");
            }
            Err(e) => panic!("{bytes} bytes: {e}"),
        }
    }
    let least = least.expect("some fit");
    assert!((150..300).contains(&least), "{least}");
}

#[test]
fn the_profile_comes_first_and_the_rest_does_not_delay_the_picture() {
    let prior = common::fast();
    let small = units(&encode(&prior, &metadata(40, 10, 10), Target::Quality(80.0)).bytes);
    assert_eq!(small[0], "iccp");
    let exif = small.iter().position(|u| u == "exif").expect("exif");
    assert!(small[1] == "layer" && exif < small.len() - 2, "{small:?}");
    let file = encode(&prior, &metadata(40, 3000, 3000), Target::Quality(80.0)).bytes;
    let large = units(&file);
    assert_eq!(large[large.len() - 3..], ["exif", "xmpp", "end"]);
    // A cut before them loses them and nothing else.
    let cut = common::plain(&prior).decode(&file[..file.len() - 2500]);
    let cut = cut.expect("decodes");
    assert!(cut.metadata.icc.is_some() && cut.metadata.exif.is_none());
    let whole = common::plain(&prior).decode(&file).expect("decodes");
    assert!(whole.picture == cut.picture);
    // No metadata, no change.
    let none = encode(&prior, &Metadata::default(), Target::Quality(80.0));
    let plain = Encoder::new(&prior).target(Target::Quality(80.0));
    assert_eq!(plain.encode(&picture()).expect("encodes").bytes, none.bytes);
}

#[test]
fn every_prefix_decodes() {
    let prior = common::gaussian();
    let metadata = metadata(90, 40, 50);
    let file = encode(&prior, &metadata, Target::Quality(30.0)).bytes;
    let mut parts = 0;
    for n in 30..=file.len() {
        let decoded = common::plain(&prior).decode(&file[..n]).expect("a prefix");
        let got = &decoded.metadata;
        let now = [&got.icc, &got.exif, &got.xmp]
            .iter()
            .filter(|m| m.is_some())
            .count();
        assert!(now >= parts, "{n} bytes");
        parts = now;
    }
    assert_eq!(parts, 3);
}

#[test]
fn damaged_parts_are_found_and_senseless_ones_ignored() {
    let prior = common::gaussian();
    let all = metadata(90, 40, 50);
    let file = encode(&prior, &all, Target::Quality(30.0)).bytes;
    for i in 0..file.len() {
        let mut damaged = file.clone();
        damaged[i] ^= 0x20;
        match common::plain(&prior).decode(&damaged) {
            // A length that grew past the end of the file makes it a prefix of another one.
            Ok(decoded) => assert!(!decoded.coverage.complete, "byte {i}"),
            Err(Error::Format(_) | Error::Unsupported(_)) => {}
            Err(e) => panic!("byte {i}: {e:?}"),
        }
    }
    // Parts whose checks are right and whose contents are not.
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let (_, Event::Header(header)) = parser.push(&file).expect("a header") else {
        panic!("the header comes first");
    };
    let bomb = {
        // Raw deflate of zeros without end: 258 of them from a distance of one, in every two bits.
        let mut bytes = vec![1, 0xec, 0xc1, 0x81];
        bytes.resize(70_000, 0);
        bytes
    };
    let noise = common::Rng(5).bytes(5000);
    for payload in [&b""[..], &[9, 1, 2], &[1], &[1, 0xff, 0xff], &noise, &bomb] {
        for name in [PartName::ICC, PartName::EXIF, PartName::XMP] {
            let mut writer = Writer::new(&header);
            writer.part(name, payload);
            writer.part(name, &[0, 1, 2, 3]);
            let decoded = common::plain(&prior).decode(&writer.finish());
            let decoded = decoded.expect("the picture needs none of them");
            assert!(decoded.coverage.complete);
            let got = [
                decoded.metadata.icc,
                decoded.metadata.exif,
                decoded.metadata.xmp,
            ];
            let held: usize = got.iter().flatten().map(Vec::len).sum();
            assert!(held as u64 <= MAX_METADATA);
        }
    }
}

#[test]
fn too_much_is_refused() {
    let prior = common::gaussian();
    let metadata = Metadata {
        exif: Some(vec![0; MAX_METADATA as usize]),
        ..Default::default()
    };
    let result = Encoder::new(&prior).metadata(metadata).encode(&picture());
    assert!(matches!(result, Err(Error::Limits(e)) if e.contains("EXIF")));
}

/// Alpha, 16 bits and all metadata in one file.
#[test]
fn everything_at_once() {
    let prior = common::fast();
    let picture = common::deep_noise(21, 18, Colour::Rgb, true, 6);
    let all = metadata(500, 200, 300);
    let file = Encoder::new(&prior)
        .target(Target::Quality(50.0))
        .metadata(all.clone())
        .encode(&picture)
        .expect("encodes")
        .bytes;
    assert_eq!(units(&file)[..3], ["iccp", "ALPH", "ALPL"]);
    let decoded = common::plain(&prior).decode(&file).expect("decodes");
    assert_eq!(decoded.metadata, all);
    assert_eq!(decoded.picture.alpha(), picture.alpha());
    assert_eq!(decoded.picture.depth(), picture.depth());
}

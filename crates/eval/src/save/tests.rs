use super::*;
use crate::load::{Loaded, load_picture};
use dcodec::Samples;
use image::GenericImageView;

const NO_LIMIT: u64 = u64::MAX;

fn picture(colour: Colour, alpha: bool, depth: BitDepth) -> Picture {
    let samples = |n: usize, step: u16| -> Samples {
        let values = (0..n as u16).map(|i| i.wrapping_mul(step));
        match depth {
            BitDepth::Eight => values.map(|v| v as u8).collect::<Vec<u8>>().into(),
            BitDepth::Sixteen => values
                .map(|v| v.wrapping_mul(771))
                .collect::<Vec<u16>>()
                .into(),
        }
    };
    let alpha = alpha.then(|| samples(24, 10));
    Picture::from_samples(6, 4, colour, samples(24 * colour.channels(), 9), alpha).unwrap()
}

fn load(bytes: &[u8]) -> Result<Loaded> {
    load_picture(bytes, Path::new("in"), NO_LIMIT)
}

fn save(picture: &Picture, format: Format) -> (Vec<u8>, Vec<Notice>) {
    encode_picture(picture, &Metadata::default(), format).unwrap()
}

/// A little-endian EXIF block: an orientation and a comment after it.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif[18] = orientation;
    exif.extend(b"taken by a test\0");
    exif
}

fn icc(space: &[u8; 4]) -> Vec<u8> {
    let mut icc: Vec<u8> = (0..300u32).map(|i| (i * i / 7) as u8).collect();
    icc[..4].copy_from_slice(&300u32.to_be_bytes());
    icc[12..20].copy_from_slice(&[b"mntr", &space[..]].concat());
    icc[36..40].copy_from_slice(b"acsp");
    icc
}

fn metadata() -> Metadata {
    Metadata {
        icc: Some(icc(b"RGB ")),
        exif: Some(exif(1)),
        xmp: Some("<x:xmpmeta><dc:title>Käse</dc:title></x:xmpmeta>".into()),
    }
}

#[test]
fn lossless_formats_round_trip() {
    for colour in [Colour::Grey, Colour::Rgb] {
        for (alpha, depth) in [
            (false, BitDepth::Eight),
            (true, BitDepth::Eight),
            (false, BitDepth::Sixteen),
            (true, BitDepth::Sixteen),
        ] {
            let picture = picture(colour, alpha, depth);
            for name in ["png", "PNG", "webp", "bmp", "tif", "pnm", "ppm"] {
                let format = Format::from_name(name).unwrap();
                let (bytes, notices) = save(&picture, format);
                let mut wanted = picture.clone();
                let mut said = Vec::new();
                if alpha && !format.holds_alpha() {
                    wanted = wanted.without_alpha();
                    said.push(Notice::AlphaDropped);
                }
                if depth == BitDepth::Sixteen && !format.holds_sixteen_bits() {
                    wanted = wanted.into_eight();
                    said.push(Notice::Reduced);
                }
                assert_eq!(notices, said, "{name} {colour:?} {alpha} {depth:?}");
                let back = load(&bytes).unwrap();
                assert!(back.notes.is_empty() && back.metadata.is_empty());
                let back = back.picture;
                assert_eq!(back.depth(), wanted.depth(), "{name} {colour:?} {alpha}");
                // Some formats turn grey into colour; the values stay.
                let rgba = |p: &Picture| p.to_image().into_rgba16();
                assert_eq!(rgba(&back), rgba(&wanted), "{name} {colour:?} {alpha}");
                if matches!(format, Format::Png | Format::Pnm) {
                    assert_eq!(back, wanted);
                }
            }
        }
    }
}

#[test]
fn jpeg_and_pgm() {
    let (bytes, notices) = save(&picture(Colour::Rgb, true, BitDepth::Sixteen), Format::Jpeg);
    assert_eq!(notices, [Notice::AlphaDropped, Notice::Reduced]);
    let back = load(&bytes).unwrap();
    assert_eq!(back.picture.alpha(), None);
    assert!(
        back.notes[0].contains("cannot be restored"),
        "{:?}",
        back.notes
    );
    for depth in [BitDepth::Eight, BitDepth::Sixteen] {
        let grey = picture(Colour::Grey, false, depth);
        let (bytes, _) = save(&grey, Format::Pgm);
        assert!(bytes.starts_with(b"P5"));
        assert_eq!(load(&bytes).unwrap().picture, grey);
    }
    let rgb = picture(Colour::Rgb, false, BitDepth::Eight);
    assert!(encode_picture(&rgb, &Metadata::default(), Format::Pgm).is_err());
}

#[test]
fn unknown_formats_name_the_known_ones() {
    let error = Format::from_path(Path::new("a.xyz"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("xyz") && error.contains(WRITABLE), "{error}");
    let error = Format::from_path(Path::new("a")).unwrap_err().to_string();
    assert!(error.contains(WRITABLE), "{error}");
    assert_eq!(
        Format::from_path(Path::new("a.b/c.JPeG")).unwrap(),
        Format::Jpeg
    );
}

#[test]
fn metadata_come_back_byte_for_byte() {
    for (name, kept) in [
        ("png", [true, true, true]),
        ("jpg", [true, true, true]),
        ("webp", [true, true, true]),
        ("tiff", [true, true, true]),
        ("bmp", [false, false, false]),
        ("ppm", [false, false, false]),
    ] {
        let format = Format::from_name(name).unwrap();
        for colour in [Colour::Grey, Colour::Rgb] {
            let picture = picture(colour, false, BitDepth::Eight);
            let mut all = metadata();
            if colour == Colour::Grey {
                all.icc = colour::of_gamma(Some(1.8), colour::SRGB, colour);
            }
            let (bytes, notices) = encode_picture(&picture, &all, format).unwrap();
            let dropped = kept.iter().filter(|k| !**k).count();
            assert_eq!(notices.len(), dropped, "{name}: {notices:?}");
            let back = load(&bytes).unwrap().metadata;
            let mut wanted = Metadata {
                icc: all.icc.filter(|_| kept[0]),
                exif: all.exif.filter(|_| kept[1]),
                xmp: all.xmp.filter(|_| kept[2]),
            };
            match (format, colour) {
                // Without loss it is RGB.
                (Format::WebP, Colour::Grey) => {
                    wanted.icc = colour::converted(&wanted.icc.unwrap(), Colour::Rgb);
                }
                // EXIF are entries of the file, and this one has none that tells anything.
                (Format::Tiff, _) => wanted.exif = None,
                _ => {}
            }
            assert_eq!(back, wanted, "{name} {colour:?}");
        }
    }
}

#[test]
fn tiff_has_exif_among_its_own_entries() {
    let entry = |tag: u16, kind: u16, count: u32, value: &[u8; 4]| {
        let head = [tag.to_be_bytes(), kind.to_be_bytes()].concat();
        [&head[..], &count.to_be_bytes(), value].concat()
    };
    // Maker and a directory of its own with an exposure time, high bytes first.
    let mut exif = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    exif.extend(entry(0x10f, 2, 7, &38u32.to_be_bytes()));
    exif.extend(entry(0x8769, 4, 1, &46u32.to_be_bytes()));
    exif.extend(b"\0\0\0\0nobody\0\0\0\x01");
    exif.extend(entry(0x829a, 5, 1, &64u32.to_be_bytes()));
    exif.extend(b"\0\0\0\0\0\0\0\x01\0\0\0\x7d");
    let metadata = Metadata {
        exif: Some(exif.clone()),
        ..Default::default()
    };
    for depth in [BitDepth::Eight, BitDepth::Sixteen] {
        let picture = picture(Colour::Grey, true, depth);
        let (bytes, notices) = encode_picture(&picture, &metadata, Format::Tiff).unwrap();
        assert_eq!(notices, []);
        // Alpha is called straight alpha.
        assert!(
            bytes
                .windows(12)
                .any(|w| w == entry(338, 3, 1, &[0, 2, 0, 0]))
        );
        let back = load(&bytes).unwrap();
        assert_eq!(back.picture, picture);
        assert_eq!(back.metadata.exif.as_ref(), Some(&exif));
    }
}

#[test]
fn a_background_takes_the_place_of_alpha() {
    let samples = vec![200, 100, 50, 200, 100, 50, 200, 100, 50];
    let picture = Picture::new(3, 1, Colour::Rgb, samples, Some(vec![255, 128, 0])).unwrap();
    let shown = blended(&picture, Format::Jpeg, Some([255, 255, 255]));
    let wanted = [200, 100, 50, 227, 177, 152, 255, 255, 255];
    assert_eq!(shown.samples().as_eight().unwrap(), wanted);
    assert_eq!(shown.alpha(), None);
    assert!(*blended(&picture, Format::Png, Some([255; 3])) == picture);
    assert!(*blended(&picture, Format::Jpeg, None) == picture);
    // Grey on grey is grey, on red it is not; 16 bits stay.
    let grey = Picture::from_samples(
        1,
        1,
        Colour::Grey,
        vec![65535u16].into(),
        Some(vec![32768u16].into()),
    );
    let grey = grey.unwrap();
    let shown = blended(&grey, Format::Ppm, Some([0; 3])).into_owned();
    assert_eq!(shown.samples().as_sixteen().unwrap(), [32768]);
    let shown = blended(&grey, Format::Ppm, Some([255, 0, 0])).into_owned();
    assert_eq!(shown.samples().as_sixteen().unwrap(), [65535, 32768, 32768]);
}

#[test]
fn what_a_jpeg_segment_cannot_hold_is_said() {
    let large = Metadata {
        icc: Some([icc(b"RGB "), vec![7; 200_000]].concat()),
        exif: Some([exif(1), vec![7; 70_000]].concat()),
        xmp: Some(vec![b' '; 70_000]),
    };
    let picture = picture(Colour::Rgb, false, BitDepth::Eight);
    let (bytes, notices) = encode_picture(&picture, &large, Format::Jpeg).unwrap();
    let dropped = ["EXIF", "XMP"].map(Notice::MetadataDropped);
    assert_eq!(notices, dropped);
    let back = load(&bytes).unwrap().metadata;
    assert_eq!(
        (back.icc, back.exif, back.xmp),
        (large.icc.clone(), None, None)
    );
    // The longest that fit.
    let fitting = Metadata {
        icc: None,
        exif: Some([exif(1), vec![7; SEGMENT - 6 - exif(1).len()]].concat()),
        xmp: Some(vec![b' '; SEGMENT - JPEG_XMP.len()]),
    };
    let (bytes, notices) = encode_picture(&picture, &fitting, Format::Jpeg).unwrap();
    assert_eq!(notices, []);
    assert_eq!(load(&bytes).unwrap().metadata, fitting);
    // PNG and WebP hold them all.
    for format in [Format::Png, Format::WebP] {
        let (bytes, notices) = encode_picture(&picture, &large, format).unwrap();
        assert_eq!(notices, []);
        assert_eq!(load(&bytes).unwrap().metadata, large);
    }
}

/// Every orientation, in every container: the pixels are turned and the metadata say so.
#[test]
fn pictures_come_upright() {
    let stored = picture(Colour::Rgb, false, BitDepth::Eight);
    let image = stored.to_image();
    for orientation in 1..=8u8 {
        let mut upright = image.clone();
        let turn = image::metadata::Orientation::from_exif(orientation).unwrap();
        upright.apply_orientation(turn);
        for format in [Format::Png, Format::WebP] {
            let turned = Metadata {
                exif: Some(exif(orientation)),
                xmp: Some(format!("<r tiff:Orientation=\"{orientation}\"/>").into()),
                icc: None,
            };
            let (bytes, _) = encode_picture(&stored, &turned, format).unwrap();
            let back = load(&bytes).unwrap();
            let shown = back.picture.to_image();
            assert_eq!(shown.dimensions(), upright.dimensions());
            assert!(shown == upright, "{format:?}, orientation {orientation}");
            assert_eq!(back.metadata.exif, Some(exif(1)));
            let xmp = b"<r tiff:Orientation=\"1\"/>".to_vec();
            assert_eq!(back.metadata.xmp, Some(xmp));
        }
    }
}

#[test]
fn profiles_of_other_spaces_are_left_out() {
    for (space, kept) in [
        (b"RGB ", true),
        (b"GRAY", false),
        (b"CMYK", false),
        (b"Lab ", false),
    ] {
        let picture = picture(Colour::Rgb, false, BitDepth::Eight);
        // A writer that asks for no space.
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(icc(space)).unwrap();
        picture.to_image().write_with_encoder(encoder).unwrap();
        let back = load(&bytes).unwrap();
        assert_eq!(back.metadata.icc.is_some(), kept);
        assert_eq!(back.notes.is_empty(), kept, "{:?}", back.notes);
        let metadata = Metadata {
            icc: Some(icc(space)),
            ..Default::default()
        };
        let (_, notices) = encode_picture(&picture, &metadata, Format::Png).unwrap();
        assert_eq!(notices.contains(&Notice::ProfileDropped), !kept);
    }
}

#[test]
fn animations_are_refused_with_their_frames() {
    let frame = |grey: u8| {
        let pixel = image::Rgba([grey, grey, grey, 255]);
        image::Frame::new(image::RgbaImage::from_pixel(3, 2, pixel))
    };
    for frames in [1, 3] {
        let mut bytes = Vec::new();
        image::codecs::gif::GifEncoder::new(&mut bytes)
            .encode_frames((0..frames).map(|i| frame(i * 80)))
            .unwrap();
        match load(&bytes) {
            Ok(still) => {
                assert_eq!(frames, 1);
                assert_eq!(still.picture.samples(), &vec![0u8; 6].into());
                assert_eq!(still.picture.alpha(), None);
            }
            Err(e) => assert!(frames == 3 && e.to_string().contains("3 frames"), "{e}"),
        }
    }
    // An animation control chunk makes a PNG one: five frames, or the one that it shows anyway.
    let (png, _) = save(&picture(Colour::Rgb, false, BitDepth::Eight), Format::Png);
    for frames in [1u32, 5] {
        let data = [&b"acTL"[..], &frames.to_be_bytes(), &[0; 4]].concat();
        let chunk = [
            &8u32.to_be_bytes()[..],
            &data,
            &crc32fast::hash(&data).to_be_bytes(),
        ]
        .concat();
        let mut animated = png.clone();
        animated.splice(33..33, chunk);
        match load(&animated) {
            Ok(_) => assert_eq!(frames, 1),
            Err(e) => assert!(frames == 5 && e.to_string().contains("5 frames"), "{e}"),
        }
    }
}

#[test]
fn floating_point_pictures_are_refused_with_a_way_out() {
    let float = image::Rgb32FImage::from_pixel(2, 2, image::Rgb([0.5, 1.5, -0.5]));
    let mut tiff = Cursor::new(Vec::new());
    float.write_to(&mut tiff, ImageFormat::Tiff).unwrap();
    for bytes in [
        &tiff.into_inner()[..],
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n",
        b"\x76\x2f\x31\x01\x02\0\0\0",
    ] {
        let error = load(bytes).unwrap_err();
        assert!(matches!(error, Error::Picture { .. }), "{error:?}");
        assert!(error.to_string().contains("16 bits"), "{error}");
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let error = load(b"").unwrap_err().to_string();
    assert!(error.contains("no bytes"), "{error}");
    for bytes in [&b"hello"[..], b"\0\0\0\x20ftypavif\0\0\0\0"] {
        let error = load(bytes).unwrap_err();
        assert!(matches!(error, Error::Picture { .. }));
        assert!(error.to_string().contains("PNG, JPEG"), "{error}");
    }
    let error = load(b"\x89DF\x01\0").unwrap_err();
    assert!(matches!(error, Error::Coded { .. }), "{error}");
    // A damaged picture is an error with its cause, at every length.
    let (bytes, _) = save(&picture(Colour::Rgb, true, BitDepth::Eight), Format::Png);
    for length in 8..bytes.len() - 12 {
        match load(&bytes[..length]) {
            Err(Error::Damaged { .. }) => {}
            // Only the checks of the last chunk and of its stream are missing.
            Ok(loaded) => assert!(loaded.notes.len() == 1 && length + 20 >= bytes.len()),
            Err(e) => panic!("{length}: {e}"),
        }
    }
}

#[test]
fn no_bytes_break_the_reader() {
    let picture = picture(Colour::Rgb, true, BitDepth::Eight);
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        let (bytes, _) = encode_picture(&picture, &metadata(), format).unwrap();
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 1 << (i % 8);
            let _ = load_picture(&damaged, Path::new("in"), 1 << 16);
            let _ = load_picture(&bytes[..i], Path::new("in"), 1 << 16);
        }
    }
}

#[test]
fn dimensions_are_limited_before_decoding() {
    let (mut bytes, _) = save(&picture(Colour::Rgb, false, BitDepth::Eight), Format::Bmp);
    let limited = |bytes: &[u8], limit| load_picture(bytes, Path::new("in"), limit);
    assert!(limited(&bytes, 24).is_ok());
    assert!(matches!(limited(&bytes, 23), Err(Error::TooLarge { .. })));
    // A header that promises 30000 x 30000 pixels.
    bytes[18..26].copy_from_slice(b"\x30\x75\0\0\x30\x75\0\0");
    assert!(matches!(
        limited(&bytes, 1 << 20),
        Err(Error::TooLarge { .. })
    ));
}

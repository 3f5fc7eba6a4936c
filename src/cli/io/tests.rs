use super::*;
use image::{ImageEncoder, RgbImage};

const NO_LIMIT: u64 = u64::MAX;

fn picture(colour: Colour, alpha: bool) -> Picture {
    let samples = (0..6 * 4 * colour.channels()).map(|i| (i * 9) as u8);
    let alpha = alpha.then(|| (0..24).map(|i| i * 10).collect());
    Picture::new(6, 4, colour, samples.collect(), alpha).unwrap()
}

fn load(bytes: &[u8]) -> Result<(Picture, Vec<Notice>)> {
    load_picture(bytes, Path::new("in"), NO_LIMIT)
}

#[test]
fn lossless_formats_round_trip() {
    for colour in [Colour::Grey, Colour::Rgb] {
        for alpha in [false, true] {
            let picture = picture(colour, alpha);
            for name in ["png", "PNG", "webp", "bmp", "tif", "pnm", "ppm"] {
                let format = Format::from_name(name).unwrap();
                let (bytes, notices) = encode_picture(&picture, format).unwrap();
                let dropped = alpha && !format.holds_alpha();
                assert_eq!(notices, vec![Notice::AlphaDropped; usize::from(dropped)]);
                let (back, notices) = load(&bytes).unwrap();
                assert_eq!(notices, []);
                let wanted = if dropped {
                    picture.clone().without_alpha()
                } else {
                    picture.clone()
                };
                // Some formats turn grey into colour; the values stay.
                let rgba = |p: &Picture| p.to_image().into_rgba8();
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
    let (bytes, notices) = encode_picture(&picture(Colour::Rgb, true), Format::Jpeg).unwrap();
    assert_eq!(notices, [Notice::AlphaDropped]);
    assert_eq!(load(&bytes).unwrap().0.alpha(), None);
    let grey = picture(Colour::Grey, false);
    let (bytes, _) = encode_picture(&grey, Format::Pgm).unwrap();
    assert!(bytes.starts_with(b"P5"));
    assert_eq!(load(&bytes).unwrap().0, grey);
    assert!(encode_picture(&picture(Colour::Rgb, false), Format::Pgm).is_err());
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
fn orientation_is_applied() {
    // A little-endian EXIF block with one entry: orientation 6, to be turned clockwise by a quarter.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    let image = RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
    image.write_with_encoder(encoder).unwrap();
    let (picture, _) = load(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (1, 2));
    assert_eq!(picture.samples(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn animations_give_the_first_frame_and_a_notice() {
    let frame = |grey: u8| {
        let pixel = image::Rgba([grey, grey, grey, 255]);
        image::Frame::new(image::RgbaImage::from_pixel(3, 2, pixel))
    };
    for (frames, notices) in [(1, vec![]), (3, vec![Notice::FirstFrame])] {
        let mut bytes = Vec::new();
        image::codecs::gif::GifEncoder::new(&mut bytes)
            .encode_frames((0..frames).map(|i| frame(i * 80)))
            .unwrap();
        let (picture, found) = load(&bytes).unwrap();
        assert_eq!(picture.samples(), [0; 18]);
        assert_eq!(found, notices);
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    for bytes in [&b""[..], b"hello", b"\0\0\0\x20ftypavif\0\0\0\0"] {
        let error = load(bytes).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)));
        assert!(error.to_string().contains(READABLE), "{error}");
    }
    let error = load(b"\x89DFC\x01\0").unwrap_err().to_string();
    assert!(error.contains("dcodec decode"), "{error}");
    // A damaged picture is an error with its cause, at every length.
    let (bytes, _) = encode_picture(&picture(Colour::Rgb, true), Format::Png).unwrap();
    for length in 8..bytes.len() - 12 {
        assert!(
            matches!(load(&bytes[..length]), Err(Error::Io { .. })),
            "{length}"
        );
    }
}

#[test]
fn dimensions_are_limited_before_decoding() {
    let (mut bytes, _) = encode_picture(&picture(Colour::Rgb, false), Format::Bmp).unwrap();
    let limited = |bytes: &[u8], limit| load_picture(bytes, Path::new("in"), limit);
    assert!(limited(&bytes, 24).is_ok());
    assert!(matches!(limited(&bytes, 23), Err(Error::Limits(_))));
    // A header that promises 30000 x 30000 pixels.
    bytes[18..26].copy_from_slice(b"\x30\x75\0\0\x30\x75\0\0");
    assert!(matches!(limited(&bytes, 1 << 20), Err(Error::Limits(_))));
}

#[test]
fn files_are_replaced_only_by_force_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let entries = || fs::read_dir(folder.path()).unwrap().count();
    write_atomic(&path, false, |w| w.write_all(b"one")).unwrap();
    let error = write_atomic(&path, false, |w| w.write_all(b"two")).unwrap_err();
    assert!(error.to_string().contains("-f"), "{error}");
    assert_eq!(read_input(&path).unwrap(), b"one");
    write_atomic(&path, true, |w| w.write_all(b"three")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"three");
    // A failure half-way leaves the old file and nothing else.
    let failing = |w: &mut dyn Write| {
        w.write_all(b"four")?;
        Err(io::Error::other("disk on fire"))
    };
    assert!(write_atomic(&path, true, failing).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"three");
    assert_eq!(entries(), 1);
    // The file appears while we write.
    let late = folder.path().join("late.bin");
    let racing = |w: &mut dyn Write| {
        fs::write(&late, b"theirs")?;
        w.write_all(b"ours")
    };
    assert!(matches!(
        write_atomic(&late, false, racing),
        Err(Error::Parameter(_))
    ));
    assert_eq!(fs::read(&late).unwrap(), b"theirs");
    assert_eq!(entries(), 2);
}

#[test]
fn bad_targets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_atomic(folder.path(), true, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
    let path = folder.path().join("missing").join("out.bin");
    let error = write_atomic(&path, true, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("no such directory"), "{error}");
    assert!(matches!(read_input(&path), Err(Error::Io { .. })));
}

#[cfg(unix)]
#[test]
fn links_devices_and_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let [file, link] = ["file", "link"].map(|n| folder.path().join(n));
    fs::write(&file, b"old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    write_atomic(&link, true, |w| w.write_all(b"new")).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    write_atomic(Path::new("/dev/null"), false, |w| w.write_all(b"gone")).unwrap();
}

#[test]
fn standard_output() {
    let mut out = Vec::new();
    assert!(write_stream(&mut out, true, |w| w.write_all(b"x")).is_err());
    write_stream(&mut out, false, |w| w.write_all(b"xy")).unwrap();
    assert_eq!(out, b"xy");
    let broken = |_: &mut dyn Write| Err(io::Error::from(ErrorKind::BrokenPipe));
    write_stream(&mut out, false, broken).unwrap();
    let full = |_: &mut dyn Write| Err(io::Error::from(ErrorKind::StorageFull));
    assert!(write_stream(&mut out, false, full).is_err());
}

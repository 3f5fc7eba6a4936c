//! Everything that a picture file carries goes through the command: depth, alpha, colour profile, EXIF, XMP,
//! orientation.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use dcodec::{BitDepth, Colour, Picture};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader};

/// Runs the command; its messages.
fn run(dir: &Path, args: &[&str]) -> String {
    let mut command: assert_cmd::Command = assert_cmd::cargo::cargo_bin_cmd!("dcodec");
    let done = command.current_dir(dir).args(args).assert().success();
    String::from_utf8_lossy(&done.get_output().stderr).into_owned()
}

fn refused(dir: &Path, args: &[&str]) -> String {
    let mut command: assert_cmd::Command = assert_cmd::cargo::cargo_bin_cmd!("dcodec");
    let done = command.current_dir(dir).args(args).assert().failure();
    String::from_utf8_lossy(&done.get_output().stderr).into_owned()
}

/// Colour profile, EXIF and XMP of a file.
fn carried(path: &Path) -> [Option<Vec<u8>>; 3] {
    let mut decoder = ImageReader::open(path)
        .expect("there")
        .into_decoder()
        .expect("a picture");
    [
        decoder.icc_profile().expect("readable"),
        decoder.exif_metadata().expect("readable"),
        decoder.xmp_metadata().expect("readable"),
    ]
}

/// The picture in a viewer: the pixels turned as the file says.
fn viewed(path: &Path) -> DynamicImage {
    let mut decoder = ImageReader::open(path)
        .expect("there")
        .into_decoder()
        .expect("a picture");
    let orientation = decoder.orientation().expect("readable");
    let mut image = DynamicImage::from_decoder(decoder).expect("a picture");
    image.apply_orientation(orientation);
    image
}

fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif[19] = orientation;
    exif
}

fn icc() -> Vec<u8> {
    let mut icc: Vec<u8> = (0..560u32).map(|i| (i * i / 11) as u8).collect();
    icc[..4].copy_from_slice(&560u32.to_be_bytes());
    icc[12..20].copy_from_slice(b"mntrRGB ");
    icc[36..40].copy_from_slice(b"acsp");
    icc
}

/// A JPEG or PNG of `image` with a profile and EXIF.
fn write(path: &Path, image: &DynamicImage, orientation: u8) {
    let file = BufWriter::new(File::create(path).expect("writable"));
    if path.extension().is_some_and(|e| e == "jpg") {
        let mut encoder = JpegEncoder::new_with_quality(file, 95);
        encoder.set_icc_profile(icc()).expect("held");
        encoder.set_exif_metadata(exif(orientation)).expect("held");
        image.write_with_encoder(encoder).expect("written");
    } else {
        let mut encoder = PngEncoder::new(file);
        encoder.set_icc_profile(icc()).expect("held");
        encoder.set_exif_metadata(exif(orientation)).expect("held");
        image.write_with_encoder(encoder).expect("written");
    }
}

fn psnr(a: &DynamicImage, b: &DynamicImage) -> f64 {
    let picture = |i: &DynamicImage| Picture::from_image(i.to_rgb8().into()).expect("8 bits");
    dcodec::metrics::psnr(&picture(a), &picture(b)).expect("same form")
}

#[test]
fn profile_and_exif_pass_through() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let image = common::crop("chelsea.png", 150, 60, 48, 32).to_image();
    for input in ["in.png", "in.jpg"] {
        write(&dir.join(input), &image, 1);
        let said = run(dir, &["encode", input, "--verify", "-o", "x.dfc", "-f"]);
        assert_eq!(
            said.contains("cannot be restored"),
            input == "in.jpg",
            "{said}"
        );
        for output in ["out.png", "out.jpg", "out.webp"] {
            run(dir, &["decode", "x.dfc", "-o", output, "-f"]);
            let wanted = [Some(icc()), Some(exif(1)), None];
            assert_eq!(carried(&dir.join(output)), wanted, "{input} {output}");
        }
        run(
            dir,
            &["decode", "x.dfc", "-o", "out.png", "-f", "--strip=exif"],
        );
        assert_eq!(carried(&dir.join("out.png")), [Some(icc()), None, None]);
        run(dir, &["decode", "x.dfc", "-o", "out.png", "-f", "--strip"]);
        assert_eq!(carried(&dir.join("out.png")), [None, None, None]);
        run(
            dir,
            &["encode", input, "-o", "x.dfc", "-f", "--strip=icc,xmp"],
        );
        run(dir, &["decode", "x.dfc", "-o", "out.png", "-f"]);
        assert_eq!(carried(&dir.join("out.png")), [None, Some(exif(1)), None]);
        // Losses of the output are said; quiet is quiet.
        let said = run(dir, &["decode", "x.dfc", "-o", "out.ppm", "-f"]);
        assert!(
            said.contains("out.ppm: note: ") && said.contains("EXIF"),
            "{said}"
        );
        assert_eq!(run(dir, &["encode", "-q", input, "-o", "x.dfc", "-f"]), "");
    }
}

#[test]
fn the_profile_counts_in_the_rate() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let image = common::crop("chelsea.png", 150, 60, 48, 32).to_image();
    write(&dir.join("in.png"), &image, 1);
    run(dir, &["encode", "in.png", "--bytes", "900", "-o", "x.dfc"]);
    assert_eq!(fs::read(dir.join("x.dfc")).expect("there").len(), 900);
    run(dir, &["decode", "x.dfc", "-o", "out.png"]);
    assert_eq!(carried(&dir.join("out.png"))[0], Some(icc()));
    let said = refused(dir, &["encode", "in.png", "--bytes", "300", "-o", "y.dfc"]);
    assert!(said.contains("metadata"), "{said}");
    run(
        dir,
        &[
            "encode", "in.png", "--bytes", "300", "-o", "y.dfc", "--strip",
        ],
    );
    let said = String::from_utf8(
        assert_cmd::cargo::cargo_bin_cmd!("dcodec")
            .current_dir(dir)
            .args(["info", "x.dfc"])
            .output()
            .expect("runs")
            .stdout,
    );
    let said = said.expect("text");
    assert!(
        said.contains("iccp, ICC profile, ") && said.contains("(560 unpacked)"),
        "{said}"
    );
}

/// Whatever the orientation, the containers and what is stripped: the viewer shows the same
/// picture.
#[test]
fn viewers_show_it_upright() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let image = common::crop("chelsea.png", 150, 60, 48, 32).to_image();
    for orientation in 1..=8 {
        write(&dir.join("in.png"), &image, orientation);
        let shown = viewed(&dir.join("in.png"));
        let turned = Orientation::from_exif(orientation).expect("1 to 8");
        let mut by_hand = image.clone();
        by_hand.apply_orientation(turned);
        assert!(shown == by_hand);
        for strip in ["--strip=xmp", "--strip=exif", "--strip"] {
            run(
                dir,
                &["encode", "-e", "1", "in.png", strip, "-o", "x.dfc", "-f"],
            );
            for output in ["out.png", "out.webp", "out.ppm"] {
                run(dir, &["decode", "x.dfc", "-o", output, "-f"]);
                let got = psnr(&viewed(&dir.join(output)), &shown);
                assert!(got > 30.0, "{orientation} {strip} {output}: {got:.1} dB");
            }
        }
    }
}

#[test]
fn depth_and_alpha_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    for (colour, alpha) in [
        (Colour::Grey, false),
        (Colour::Grey, true),
        (Colour::Rgb, false),
        (Colour::Rgb, true),
    ] {
        let picture = common::deep_noise(23, 17, colour, alpha, 4);
        picture
            .to_image()
            .save(dir.join("in.png"))
            .expect("written");
        run(
            dir,
            &[
                "encode", "in.png", "--verify", "-Q", "50", "-o", "x.dfc", "-f",
            ],
        );
        run(dir, &["decode", "x.dfc", "-o", "out.png", "-f"]);
        let back = common::load(dir.join("out.png"));
        assert_eq!((back.depth(), back.colour()), (BitDepth::Sixteen, colour));
        assert_eq!(back.alpha(), picture.alpha());
        for output in ["out.tiff", "out.ppm"] {
            run(dir, &["decode", "x.dfc", "-o", output, "-f"]);
            let path = dir.join(output);
            let bytes = fs::read(&path).expect("there");
            let shown = dcodec_eval::load::load_picture(&bytes, &path, u64::MAX);
            let shown = shown.expect("a picture").picture;
            assert_eq!(shown.depth(), BitDepth::Sixteen);
            if output == "out.tiff" {
                assert_eq!((shown.colour(), shown.alpha()), (colour, picture.alpha()));
            }
        }
        let said = run(dir, &["decode", "x.dfc", "-o", "out.webp", "-f"]);
        assert!(said.contains("8 bits"), "{said}");
    }
    // Opaque alpha is alpha.
    let opaque = image::RgbaImage::from_pixel(20, 20, image::Rgba([9, 99, 199, 255]));
    opaque.save(dir.join("in.png")).expect("written");
    run(dir, &["encode", "in.png", "-o", "x.dfc", "-f"]);
    run(dir, &["decode", "x.dfc", "-o", "out.png", "-f"]);
    assert!(common::load(dir.join("out.png")).alpha().is_some());
}

#[test]
fn a_thumbnail_has_the_size_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let image = common::resized("coffee.png", 300, 200).to_image();
    write(&dir.join("in.png"), &image, 1);
    run(dir, &["encode", "-e", "1", "in.png", "-o", "x.dfc"]);
    let bytes = fs::metadata(dir.join("x.dfc")).expect("there").len();
    let whole = 8.0 * bytes as f64 / (300.0 * 200.0);
    for (n, size) in [("60", (60, 40)), ("37", (37, 25)), ("999", (300, 200))] {
        let said = run(
            dir,
            &["decode", "x.dfc", "--thumbnail", n, "-o", "out.png", "-f"],
        );
        // The rate is that of the coded picture.
        let rate = said
            .split(" bits per pixel")
            .next()
            .and_then(|s| s.rsplit('(').next());
        let rate: f64 = rate.and_then(|r| r.parse().ok()).expect("a rate");
        assert!(rate <= whole + 1e-3, "{said}");
        let shown = common::load(dir.join("out.png"));
        assert_eq!((shown.width(), shown.height()), size);
        assert_eq!(carried(&dir.join("out.png"))[0], Some(icc()));
    }
    refused(dir, &["decode", "x.dfc", "--thumbnail", "0", "-o", "y.png"]);
}

#[test]
fn a_background_is_blended_where_alpha_cannot_be() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let glass = image::RgbaImage::from_pixel(24, 24, image::Rgba([200, 40, 40, 0]));
    glass.save(dir.join("in.png")).expect("written");
    run(dir, &["encode", "-e", "1", "in.png", "-o", "x.dfc"]);
    let said = run(dir, &["decode", "x.dfc", "-o", "out.jpg", "-f"]);
    assert!(said.contains("dropped, not blended"), "{said}");
    for (colour, wanted) in [("white", [255; 3]), ("#3264c8", [50, 100, 200])] {
        let flag = format!("--background={colour}");
        let args = ["decode", "x.dfc", &flag, "-o", "out.ppm", "-f"];
        let said = run(dir, &args);
        assert!(!said.contains("note: "), "{said}");
        let shown = common::load(dir.join("out.ppm"));
        assert_eq!(common::eight(&shown)[..3], wanted);
        // A format with transparency keeps it.
        run(dir, &["decode", "x.dfc", &flag, "-o", "out.png", "-f"]);
        assert!(common::load(dir.join("out.png")).alpha().is_some());
    }
    let args = ["decode", "x.dfc", "--background", "#12", "-o", "y.jpg"];
    let said = refused(dir, &args);
    assert!(said.contains("not a colour"), "{said}");
}

/// The shape of the samples, their meaning and their density, through a file and back.
#[test]
fn density_and_linear_light_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let image = common::crop("chelsea.png", 150, 60, 48, 32).to_image();
    image.save(dir.join("in.png")).expect("written");
    let mut png = fs::read(dir.join("in.png")).expect("there");
    for (name, data) in [
        (b"gAMA", &100_000u32.to_be_bytes()[..]),
        (b"pHYs", &[0, 0, 46, 35, 0, 0, 46, 35, 1]),
    ] {
        let data = [name, data].concat();
        let mut chunk = (data.len() as u32 - 4).to_be_bytes().to_vec();
        chunk.extend(&data);
        let mut crc = u32::MAX;
        for byte in data {
            crc ^= u32::from(byte);
            (0..8).for_each(|_| crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 });
        }
        chunk.extend((!crc).to_be_bytes());
        png.splice(33..33, chunk);
    }
    fs::write(dir.join("in.png"), png).expect("written");
    let said = run(dir, &["encode", "-e", "1", "in.png", "-o", "x.dfc"]);
    assert!(
        said.contains("the colour profile was made from gAMA"),
        "{said}"
    );
    run(dir, &["decode", "x.dfc", "-o", "out.png"]);
    let [icc, exif, _] = carried(&dir.join("out.png"));
    assert!(icc.is_some_and(|icc| icc[16..20] == *b"RGB "));
    assert!(exif.is_some());
    let png = fs::read(dir.join("out.png")).expect("there");
    let density = [&b"pHYs"[..], &[0, 0, 46, 35, 0, 0, 46, 35, 1]].concat();
    assert!(png.windows(density.len()).any(|w| w == density));
}

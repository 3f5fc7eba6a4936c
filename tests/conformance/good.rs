//! The good files: what each tests, and how it was made.

use dcodec::container::{Header, Layer, PartName, Trellis, Writer};
use dcodec::entropy::{FlatSquares, Layout, encode_graphic};
use dcodec::prior::Shipped;
use dcodec::{Colour, Effort, Encoder, Metadata, Picture, Samples, Target};

use crate::common;
use crate::profile;
use crate::units::{Unit, Units, head_of};

/// A good file.
pub struct Good {
    /// Name without `.dfc`.
    pub name: &'static str,
    /// The feature that it tests.
    pub tests: &'static str,
    pub make: fn() -> Vec<u8>,
}

/// Rows of a table of files.
macro_rules! files {
    ($($name:literal, $tests:literal, $make:expr;)*) => {
        &[$(Good { name: $name, tests: $tests, make: $make }),*]
    };
}

/// All of them.
pub const GOOD: &[Good] = files! {
    "rgb", "RGB of 8 bits, without flags: the simplest file", rgb;
    "grey", "grey: one plane shown of three", || encoded(&grey(40, 32), 72.0, |e| e);
    "rgb-16", "RGB of 16 bits (flag 2)", || encoded(&deep(&photo(32, 24)), 70.0, |e| e);
    "grey-16", "grey of 16 bits", || encoded(&deep(&grey(32, 24)), 70.0, |e| e);
    "alpha", "alpha (19) before the layers", alpha;
    "alpha-opaque", "alpha with an empty payload, which is opaque", alpha_opaque;
    "alpha-raw", "alpha that is coded raw (19.5)", alpha_raw;
    "alpha-grey", "grey with alpha", || alpha_first(&with_alpha(&grey(32, 24)), 60.0);
    "alpha-behind-a-layer", "alpha of 16 bits between layers, opaque until then (4.8)",
        || Units::of(&alpha_low()).with_alpha_at(2).file();
    "alpha-behind-layers", "alpha behind the last layer", alpha_behind_layers;
    "alpha-low", "alpha of 16 bits, its low bytes in ALPL (19.12)", alpha_low;
    "alpha-16-without-low", "alpha of 16 bits whose low bytes equal the high ones, without ALPL",
        alpha_without_low;
    "trellis-12", "the trellis of 12 state bits", || by_effort(&photo(40, 32), 2);
    "trellis-16", "the trellis of 16 state bits", || by_effort(&photo(40, 32), 5);
    "seed", "a seed of 64 bits (flag 5)", || encoded(&photo(32, 24), 60.0, |e| e.seed(u64::MAX));
    "long-layer", "a layer of more than 1024 stages, where the register starts anew (11.1)",
        long_layer;
    "checked-layer", "layers with checks of their own (5.3)", checked_layer;
    "padding", "an odd number of stages whose last nibble is not 0, to be ignored (5.6)", padding;
    "no-stages", "layers without stages (5.7)", no_stages;
    "levels", "noise levels from the highest to the lowest (12.1)", levels;
    "bands", "bands (flag 6) with corrected layers, and reductions by 2, 4 and 8", bands;
    "bands-allotment", "changes of the allotment (5.8), bands without stages (11.5)",
        bands_allotment;
    "bands-grey", "bands of a grey picture, sides that are odd (10.8)",
        || encoded(&grey(67, 49), 72.0, |e| e.bands(true));
    "bands-small", "bands of a picture too small for scales: only bands 0 and 6 (10.8)",
        || encoded(&photo(20, 16), 60.0, |e| e.bands(true));
    "ensemble-2", "a prior averaged over 2 orientations (14.9)", || ensemble(2);
    "ensemble-4", "a prior averaged over 4 orientations", || ensemble(4);
    "ensemble-8", "a prior averaged over 8 orientations", || ensemble(8);
    "corrected", "corrected layers (flag 7; 5.9, 14.10)", corrected;
    "prior-xs", "the prior xs", || by_prior(Shipped::Xs);
    "prior-l", "the prior l", || by_prior(Shipped::L);
    "reduced", "sides over 64 and noise over 512 levels: reductions by 2 and 4 (14.1)", reduced;
    "small-1x1", "a picture of one pixel, planes of 16 x 16 (1.5, 14.8)",
        || encoded(&photo(1, 1), 60.0, |e| e);
    "small-1x40", "a picture of one column", || encoded(&photo(1, 40), 60.0, |e| e);
    "small-21x3", "a picture of three rows", || encoded(&photo(21, 3), 60.0, |e| e);
    "small-5x7-grey", "a grey picture with both sides under 16",
        || encoded(&grey(5, 7), 60.0, |e| e);
    "rest-raw", "exact samples as they are (A.2, method 0)", rest_raw;
    "rest-raw-16", "exact samples of 16 bits as they are", rest_raw_16;
    "rest-chain", "exact samples beside the chain (method 1)",
        || lossless(&photo(24, 16), 40.0);
    "rest-chain-grey", "exact grey samples beside the chain", || lossless(&grey(40, 24), 50.0);
    "rest-chain-16", "exact samples of 16 bits in steps of 16 and a range, beside the chain (A.4)",
        || lossless(&stepped(&grey(24, 16)), 50.0);
    "rest-palette", "exact pixels by a palette (method 2), no layers (A.16, A.23)",
        || exact(&lattice(12));
    "rest-pixels", "exact pixels without a palette (method 3), no layers (A.22, A.23)",
        || exact(&lattice(1000));
    "rest-pixels-16", "exact pixels of 16 bits without a palette", || exact(&lattice_16());
    "rest-behind-layers", "exact pixels without a palette behind layers", rest_behind_layers;
    "rest-alpha", "exact samples beside alpha", || exact(&with_alpha(&lattice(12)));
    "rest-unknown", "exact samples of an unknown method, to be ignored (A.2)", rest_unknown;
    "rest-wrong", "exact samples whose CRC-32 differs: the lossy picture (A.2)", rest_wrong;
    "span", "SPAN: samples of 16 bits in a small range (4.13)",
        || encoded(&stepped(&photo(32, 24)), 70.0, |e| e);
    "flat", "squares of one colour (4.14)", flat;
    "flat-unusable", "squares of one colour that cannot be used, then some that can", flat_unusable;
    "metadata", "an ICC profile, EXIF and XMP, compressed (4.10)", metadata;
    "metadata-stored", "metadata as they are", metadata_stored;
    "metadata-faulty", "metadata that do not unpack, then some that do", metadata_faulty;
    "optional-parts", "unknown optional parts before, between and behind layers (4.5)", optional;
    "cut-behind-header", "cut right behind the header: mid grey (17.2)", || cut(rgb(), 14);
    "cut-in-head", "cut inside the head of a layer", || cut_in_layer(rgb(), 3, |l| l.offset + 1);
    "cut-in-check", "cut inside the check of the end marker", || cut_end(rgb(), 1);
    "cut-at-end-marker", "without its end marker, nothing else is missing", || cut_end(rgb(), 3);
    "cut-in-first-layer", "cut inside the body of layer 0: mid grey (18.1)",
        || cut_in_layer(rgb(), 0, half);
    "cut-in-short-layer", "cut inside a body of less than 64 stages (18.1)",
        || cut_in_layer(rgb(), 5, half);
    "cut-in-layer", "cut inside a body (18.2 to 18.5)", cut_in_long_layer;
    "cut-in-bands", "cut inside a body with bands (18.3, 18.4)", || cut_in_layer(bands(), 12, half);
    "cut-in-corrected-layer", "cut inside the body of a corrected layer", cut_in_corrected_layer;
    "cut-in-alpha", "cut inside ALPH: the rows that it reaches (19.9)", cut_in_alpha;
    "cut-at-alpha-check", "cut between the payload of ALPH and its check (8.3)", cut_at_alpha_check;
    "cut-before-alpha", "cut before ALPH, which is behind the layers: alpha is opaque (4.8)",
        || cut_in_layer(alpha_behind_layers(), 4, half);
    "cut-in-alpha-low", "cut inside ALPL", || cut_in_part(alpha_low(), b"ALPL");
    "cut-in-metadata", "cut inside an ICC profile", || cut_in_part(metadata(), b"iccp");
    "cut-in-name", "cut inside the name of a part", cut_in_name;
    "cut-in-rest", "cut inside exact samples beside the chain: the rows that it reaches",
        || cut_in_part(lossless(&photo(24, 16), 40.0), b"rest");
    "cut-in-rest-raw", "cut inside raw exact samples", || cut_in_part(rest_raw(), b"rest");
    "cut-in-rest-pixels", "cut inside exact pixels", || cut_in_part(exact(&lattice(1000)), b"rest");
    "bytes-behind-the-end", "bytes behind the end marker, to be ignored (2.2)",
        || [rgb(), b"\x00\x81trailing".to_vec()].concat();
};

/// A part of a photograph.
fn photo(width: u32, height: u32) -> Picture {
    common::crop("chelsea.png", 190, 80, width, height)
}

/// A part of a photograph with more in it.
fn detail(width: u32, height: u32) -> Picture {
    common::crop("coffee.png", 200, 100, width, height)
}

/// A part of a grey photograph.
fn grey(width: u32, height: u32) -> Picture {
    common::crop("camera.png", 220, 90, width, height)
}

/// A picture of this form, with samples and alpha that `change` makes of the values and their places.
fn remade(picture: &Picture, change: impl Fn(usize, u16) -> u16) -> Picture {
    let of = |samples: &Samples| -> Samples {
        let each = samples.iter().enumerate();
        let values: Vec<u16> = each.map(|(i, v)| change(i, v)).collect();
        values.into()
    };
    let alpha = picture.alpha().map(of);
    let (width, height) = (picture.width(), picture.height());
    let samples = of(picture.samples());
    Picture::from_samples(width, height, picture.colour(), samples, alpha).expect("fits")
}

/// A picture of 8 bits as one of 16, with low bytes of their own.
fn deep(picture: &Picture) -> Picture {
    remade(picture, |i, v| v << 8 | (v ^ (i % 7) as u16))
}

/// A picture of 8 bits as one of 16 that uses multiples of 16 in a part of the range.
fn stepped(picture: &Picture) -> Picture {
    remade(picture, |i, v| 1000 + 16 * (4 * v + (i % 3) as u16))
}

/// A picture with a transparent corner, a ramp and an opaque rest.
fn with_alpha(picture: &Picture) -> Picture {
    let (width, height) = (picture.width(), picture.height());
    let value = |i: u32| ((i % width + i / width * 2).saturating_sub(9) * 20).min(255) as u8;
    let alpha: Vec<u8> = (0..width * height).map(value).collect();
    let samples = picture.samples().clone();
    Picture::from_samples(width, height, picture.colour(), samples, Some(alpha.into()))
        .expect("fits")
}

/// Pictures of A.23 of the specification, of `colours` colours.
fn lattice(colours: usize) -> Picture {
    let pixel = |i: usize| {
        let (x, y) = (i % 120, i / 120);
        let k = match (x / 9 + y / 7) % 5 {
            0 => 31 * (x / 9) + y / 7,
            1 => (x + 2 * y) % 3,
            2 if x % 4 == y % 4 => 1,
            3 => x / 3,
            _ => 0,
        };
        [0, 1, 2].map(|c| ((k % colours + 1) * (77 + 1000 * c) * 5501) as u8)
    };
    let samples: Vec<u8> = (0..120 * 50).flat_map(pixel).collect();
    Picture::new(120, 50, Colour::Rgb, samples, None).expect("fits")
}

/// The picture of many colours with 16 bits.
fn lattice_16() -> Picture {
    remade(&lattice(1000), |_, v| (v << 8) | ((v * 7) & 255))
}

/// A file of a quality, by an encoder of the default prior with these settings. It has no corrected
/// layers.
fn encoded(picture: &Picture, quality: f64, set: impl FnOnce(Encoder) -> Encoder) -> Vec<u8> {
    let encoder = Encoder::new(&common::prior())
        .target(Target::Quality(quality))
        .exact_if_smaller(false)
        .corrections(false);
    set(encoder).encode(picture).expect("encodes").bytes
}

fn rgb() -> Vec<u8> {
    encoded(&photo(40, 32), 72.0, |e| e)
}

/// A file whose exact samples are beside a chain of this quality.
fn lossless(picture: &Picture, quality: f64) -> Vec<u8> {
    encoded(picture, 0.0, |e| e.target(Target::Lossless(Some(quality))))
}

/// A file of exact samples without layers.
fn exact(picture: &Picture) -> Vec<u8> {
    let file = encoded(picture, 0.0, |e| e.target(Target::Lossless(None)));
    let mut units = Units::of(&file);
    units.units.retain(|unit| matches!(unit, Unit::Part(..)));
    units.file()
}

fn by_effort(picture: &Picture, level: u8) -> Vec<u8> {
    let effort = Effort::new(level).expect("an effort");
    encoded(picture, 65.0, |e| e.effort(effort))
}

fn by_prior(shipped: Shipped) -> Vec<u8> {
    let prior = shipped.prior().expect("a build with all priors");
    let encoder = Encoder::new(&prior).target(Target::Quality(65.0));
    encoder.encode(&photo(40, 32)).expect("encodes").bytes
}

fn ensemble(n: usize) -> Vec<u8> {
    encoded(&photo(36, 24), 60.0, |e| e.ensemble(n))
}

/// A file with alpha before its layers.
fn alpha_first(picture: &Picture, quality: f64) -> Vec<u8> {
    let units = Units::of(&encoded(picture, quality, |e| e));
    units.with_alpha_at(0).file()
}

fn alpha() -> Vec<u8> {
    alpha_first(&with_alpha(&photo(40, 32)), 60.0)
}

fn alpha_behind_layers() -> Vec<u8> {
    let units = Units::of(&alpha());
    let end = units.units.len() - 1;
    units.with_alpha_at(end).file()
}

fn alpha_opaque() -> Vec<u8> {
    let picture = photo(24, 20);
    let samples = picture.samples().clone();
    let alpha = Samples::from(vec![255u8; 24 * 20]);
    let picture = Picture::from_samples(24, 20, Colour::Rgb, samples, Some(alpha)).expect("fits");
    alpha_first(&picture, 50.0)
}

fn alpha_raw() -> Vec<u8> {
    alpha_first(&common::noise(20, 16, Colour::Grey, true, 5), 30.0)
}

fn alpha_low() -> Vec<u8> {
    alpha_first(&deep(&with_alpha(&photo(32, 20))), 50.0)
}

fn alpha_without_low() -> Vec<u8> {
    alpha_first(&remade(&with_alpha(&photo(24, 20)), |_, v| 257 * v), 50.0)
}

/// Layers of random bits.
fn long_layer() -> Vec<u8> {
    let mut header = small(Colour::Rgb);
    (header.form.width, header.form.height) = (64, 48);
    let mut writer = Writer::new(&header);
    let mut rng = common::Rng(13);
    for (sigma, stages) in [(212, 40), (204, 2050), (196, 61)] {
        writer.layer(common::code(sigma), stages);
        writer.body(&rng.bytes(stages as usize / 2));
        // The last bits of an odd number of stages, and padding.
        writer.body(&[0x70][..stages as usize % 2]);
    }
    writer.finish()
}

fn checked_layer() -> Vec<u8> {
    let file = encoded(&detail(88, 68), 95.0, |e| e);
    assert!(file.len() > 1200, "{} bytes", file.len());
    file
}

/// A header of a small picture, from level 128 down.
fn small(colour: Colour) -> Header {
    let mut header = Units::of(&encoded(&photo(20, 18), 50.0, |e| e)).header;
    header.form.colour = colour;
    header.start = common::code(220);
    header
}

fn padding() -> Vec<u8> {
    let mut writer = Writer::new(&small(Colour::Rgb));
    writer.layer(common::code(214), 5);
    writer.body(&[0x3c, 0x91, 0x5f]);
    writer.layer(common::code(200), 7);
    writer.body(&[0x08, 0xe2, 0x77, 0xba]);
    writer.finish()
}

fn no_stages() -> Vec<u8> {
    let mut writer = Writer::new(&small(Colour::Rgb));
    writer.layer(common::code(214), 0);
    writer.layer(common::code(200), 9);
    writer.body(&[0x3c, 0x91, 0x5f, 0x22, 0xd0]);
    writer.layer(common::code(190), 0);
    writer.layer(common::code(180), 0);
    writer.finish()
}

fn levels() -> Vec<u8> {
    let mut header = small(Colour::Grey);
    header.start = common::code(400);
    header.trellis = Trellis::Nu12;
    let mut writer = Writer::new(&header);
    let mut rng = common::Rng(7);
    for sigma in [399, 272, 240, 200, 173, 139, 80, 12, 1, 0] {
        let stages = if sigma > 200 { 4 } else { 12 };
        writer.layer(common::code(sigma), stages);
        writer.body(&rng.bytes(stages as usize / 2));
    }
    writer.finish()
}

fn bands() -> Vec<u8> {
    let picture = common::crop("coffee.png", 100, 60, 203, 197);
    encoded(&picture, 63.0, |e| e.corrections(true))
}

/// Layers of random bits, each after a change of the allotment, from bands without stages to bands
/// at both ends of the codes.
fn bands_allotment() -> Vec<u8> {
    let mut header = small(Colour::Rgb);
    (header.form.width, header.form.height, header.banded) = (67, 50, true);
    let mut writer = Writer::new(&header);
    let mut rng = common::Rng(17);
    for i in 0..9 {
        // Bands 0 and 7 fall by eight codes, band 4 rises by seven, the others go to and fro.
        let change = [[0x08, 0x97, 0xf8, 0x80], [0x09, 0x79, 0xf7, 0x90]][i % 2];
        writer.allot(writer.allocation().changed(change));
        let layer = writer.layer(common::code(214 - 5 * i as u16), 90);
        writer.body(&rng.bytes(layer.body_bytes()));
    }
    assert_eq!(writer.allocation().codes(), [0, 47, 42, 38, 95, 28, 37, 0]);
    writer.finish()
}

fn corrected() -> Vec<u8> {
    encoded(&photo(48, 40), 71.0, |e| e.corrections(true).seed(2020))
}

fn reduced() -> Vec<u8> {
    let picture = common::resized("rocket.png", 83, 70);
    let file = encoded(&picture, 50.0, |e| e);
    let first = Units::of(&file).layers().next().map(|layer| layer.sigma);
    // Code 260 is 512 levels.
    assert!(first > Some(common::code(260)), "{first:?}");
    file
}

/// The payload of exact samples as they are.
fn raw(picture: &Picture) -> Vec<u8> {
    let bytes: Vec<u8> = match picture.samples().as_eight() {
        Some(eight) => eight.to_vec(),
        None => picture
            .samples()
            .iter()
            .flat_map(u16::to_le_bytes)
            .collect(),
    };
    let crc = crc32fast::hash(&bytes).to_le_bytes();
    [&crc[..], &[0], &bytes].concat()
}

/// A coarse file of the picture, with this part behind its layers.
fn with_rest(picture: &Picture, payload: &[u8]) -> Vec<u8> {
    let units = Units::of(&encoded(picture, 40.0, |e| e));
    let end = units.units.len();
    units.with(end, b"rest", payload).file()
}

fn rest_raw() -> Vec<u8> {
    let picture = common::noise(18, 16, Colour::Rgb, false, 3);
    with_rest(&picture, &raw(&picture))
}

fn rest_raw_16() -> Vec<u8> {
    let picture = common::deep_noise(18, 16, Colour::Grey, false, 3);
    with_rest(&picture, &raw(&picture))
}

fn rest_behind_layers() -> Vec<u8> {
    let picture = photo(24, 16);
    let payload = encode_graphic(Layout::of(&picture.form()), |y, row| {
        let line = picture.samples().iter().skip(y * row.len());
        row.iter_mut().zip(line).for_each(|(v, sample)| *v = sample);
    });
    assert_eq!(payload[4], 3, "pixels without a palette");
    with_rest(&picture, &payload)
}

fn rest_unknown() -> Vec<u8> {
    let picture = photo(24, 16);
    let mut payload = raw(&picture);
    payload[4] = 4;
    payload.truncate(40);
    with_rest(&picture, &payload)
}

fn rest_wrong() -> Vec<u8> {
    let picture = grey(24, 16);
    let mut payload = raw(&picture);
    payload[0] ^= 1;
    with_rest(&picture, &payload)
}

/// A picture that is paper but for a photograph, and its flat squares of 8 x 8 pixels.
fn paper() -> (Picture, FlatSquares) {
    let (photo, mut samples) = (photo(40, 32), Vec::new());
    for (i, pixel) in common::eight(&photo).chunks(3).enumerate() {
        match (i % 40, i / 40) {
            (18.., 6..) => samples.extend(pixel),
            (..5, _) => samples.extend([20, 30, 90]),
            _ => samples.extend([250, 248, 240]),
        }
    }
    let squares = FlatSquares::of(Layout::of(&photo.form()), 3, |y, row| {
        let line = &samples[y * row.len()..][..row.len()];
        row.iter_mut()
            .zip(line)
            .for_each(|(v, &sample)| *v = sample.into());
    });
    let picture = Picture::new(40, 32, Colour::Rgb, samples, None);
    (picture.expect("fits"), squares)
}

fn flat() -> Vec<u8> {
    let (picture, squares) = paper();
    let units = Units::of(&encoded(&picture, 60.0, |e| e));
    units.with(2, b"flat", &squares.write()).file()
}

fn flat_unusable() -> Vec<u8> {
    let (picture, squares) = paper();
    let mut damaged = squares.write();
    damaged[8] ^= 1;
    let units = Units::of(&encoded(&picture, 60.0, |e| e));
    let units = units.with(0, b"flat", &damaged).with(1, b"flat", &[9]);
    units.with(2, b"flat", &squares.write()).file()
}

/// EXIF that says upright, and nothing else.
fn exif() -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0];
    [&b"II\x2a\x00\x08\x00\x00\x00\x01\x00"[..], &entry, &[0; 4]].concat()
}

fn xmp() -> Vec<u8> {
    let about = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
                 xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description \
                 rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
                 dc:title=\"conformance\"/></rdf:RDF></x:xmpmeta>";
    about.into()
}

fn metadata() -> Vec<u8> {
    let metadata = Metadata {
        icc: Some(profile::wide()),
        exif: Some(exif()),
        xmp: Some(xmp()),
    };
    encoded(&photo(24, 20), 50.0, |e| e.metadata(metadata))
}

fn metadata_stored() -> Vec<u8> {
    let mut units = Units::of(&encoded(&photo(24, 20), 50.0, |e| e));
    for (name, bytes) in [(b"xmpp", xmp()), (b"exif", exif())] {
        units = units.with(1, name, &[&[0], &bytes[..]].concat());
    }
    units.file()
}

fn metadata_faulty() -> Vec<u8> {
    let mut units = Units::of(&encoded(&photo(24, 20), 50.0, |e| e));
    let deflated = |bytes: &[u8]| miniz_oxide::deflate::compress_to_vec(bytes, 9);
    let whole = [&[1], &deflated(&exif())[..], b"behind the stream"].concat();
    for payload in [&b""[..], &[1, 0xff, 0xff, 0xff], &[2, 7], &[1], &whole[..]] {
        let end = units.units.len();
        units = units.with(end, b"exif", payload);
    }
    let nothing = [&[1], &deflated(b"")[..]].concat();
    units.with(0, b"iccp", &nothing).file()
}

fn optional() -> Vec<u8> {
    let units = Units::of(&encoded(&photo(24, 20), 50.0, |e| e));
    let end = units.units.len();
    let units = units.with(end, b"noTE", &[0x55; 20]).with(2, b"zzzz", b"");
    units.with(0, b"aBcD", b"\x00\x00\x00\x81 no layer").file()
}

/// The first `bytes` of a file.
fn cut(mut file: Vec<u8>, bytes: usize) -> Vec<u8> {
    assert!(bytes < file.len());
    file.truncate(bytes);
    file
}

/// A file without its last bytes.
fn cut_end(file: Vec<u8>, bytes: usize) -> Vec<u8> {
    let left = file.len() - bytes;
    cut(file, left)
}

/// The offset in the middle of a layer's body.
fn half(layer: &Layer) -> u64 {
    layer.offset + 3 + layer.body_bytes() as u64 / 2
}

/// A file that ends at an offset that depends on a layer.
fn cut_in_layer(file: Vec<u8>, index: usize, at: impl Fn(&Layer) -> u64) -> Vec<u8> {
    let bytes = Units::of(&file).layers().nth(index).map(at);
    cut(file, bytes.expect("the layer") as usize)
}

/// A file that ends in the first layer of 80 stages or more that is corrected or not.
fn cut_in(file: Vec<u8>, corrected: bool) -> Vec<u8> {
    let units = Units::of(&file);
    let mut layers = units.layers();
    let found = layers.find(|layer| layer.corrected == corrected && layer.stages >= 80);
    let at = half(found.expect("such a layer"));
    cut(file, at as usize)
}

fn cut_in_long_layer() -> Vec<u8> {
    cut_in(encoded(&detail(80, 60), 90.0, |e| e), false)
}

fn cut_in_corrected_layer() -> Vec<u8> {
    cut_in(
        encoded(&detail(80, 60), 90.0, |e| e.corrections(true)),
        true,
    )
}

/// A file that ends in the middle of the payload of a part, which is its longest unit so far.
fn cut_in_part(file: Vec<u8>, name: &[u8; 4]) -> Vec<u8> {
    let units = Units::of(&file).units;
    let payload = units.iter().find_map(|unit| match unit {
        Unit::Part(PartName(found), payload) if found == name => Some(payload.len()),
        _ => None,
    });
    let head = head_of(&file, name);
    cut(file, head + 8 + payload.expect("the part") / 2)
}

fn cut_in_alpha() -> Vec<u8> {
    cut_in_part(alpha(), b"ALPH")
}

fn cut_at_alpha_check() -> Vec<u8> {
    let file = alpha();
    let units = Units::of(&file);
    let layer = units.layers().next().expect("a layer").offset;
    cut(file, layer as usize - 2)
}

fn cut_in_name() -> Vec<u8> {
    let file = optional();
    let at = head_of(&file, b"noTE");
    cut(file, at + 3)
}

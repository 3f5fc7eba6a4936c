//! Seeds: small files of all kinds, made here, so that none need be kept.

use std::io::Cursor;

use dcodec::container::{BandAllocation, Header, PartName, PriorId, SigmaCode, Trellis, Writer};
use dcodec::prior::{Config, Shipped};
use dcodec::{BitDepth, Colour, Effort, Encoder, Form, Metadata, Picture, Prior, Samples, Target};
use dcodec_eval::save::{Format, encode_picture};
use image::{DynamicImage, ImageFormat};

use crate::file::{Rng, cheap};

/// Names and bytes of seeds.
pub type Seeds = Vec<(String, Vec<u8>)>;

/// EXIF of a camera: a directory of an orientation and a resolution.
const EXIF: &[u8] = b"II*\0\x08\0\0\0\x04\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x1a\x01\x05\0\x01\0\0\0\x3e\0\0\0\
    \x1b\x01\x05\0\x01\0\0\0\x3e\0\0\0\x28\x01\x03\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x2c\x01\0\0\x01\0\0\0";

const XMP: &[u8] = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
    <rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'/></rdf:RDF></x:xmpmeta>";

/// A picture of random samples, ramps or a few colours.
fn drawn(form: Form, kind: u64) -> Picture {
    let mut rng = Rng(kind);
    let mut samples = |channels: usize| -> Samples {
        let count = (form.width * form.height) as usize * channels;
        let value = |i: usize, noise: u64| match kind % 3 {
            0 => noise as u16,
            1 => (i * 300) as u16,
            _ => [0, 0xffff, 0x8080][i / 5 % 3],
        };
        let values: Vec<u16> = (0..count).map(|i| value(i, rng.next())).collect();
        match form.depth {
            BitDepth::Eight => {
                Samples::from(values.iter().map(|v| (v >> 8) as u8).collect::<Vec<_>>())
            }
            BitDepth::Sixteen => values.into(),
        }
    };
    let (colour, alpha) = (
        samples(form.colour.channels()),
        form.alpha.then(|| samples(1)),
    );
    let made = Picture::from_samples(form.width, form.height, form.colour, colour, alpha);
    made.expect("the lengths fit")
}

/// Forms of all kinds.
fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    for (i, colour) in [Colour::Grey, Colour::Rgb].into_iter().enumerate() {
        for depth in [BitDepth::Eight, BitDepth::Sixteen] {
            for alpha in [false, true] {
                let width = 7 + 5 * forms.len() as u32;
                forms.push(Form {
                    width,
                    height: 24 - width / 3 + i as u32,
                    colour,
                    depth,
                    alpha,
                });
            }
        }
    }
    forms
}

fn metadata_of(kind: usize) -> Metadata {
    let some = |n: usize, bytes: &[u8]| (kind >> n & 1 == 1).then(|| bytes.to_vec());
    Metadata {
        icc: some(0, &[b"acsp".repeat(9), vec![0; 92]].concat()),
        exif: some(1, EXIF),
        xmp: some(2, XMP),
    }
}

/// Coded files: lossy and lossless, of all forms, with bands and metadata and without, and forged
/// ones.
pub fn files() -> Seeds {
    let prior = cheap(PriorId(*b"fuzz"));
    let mut seeds = Vec::new();
    for (i, form) in forms().into_iter().enumerate() {
        let picture = drawn(form, i as u64);
        let encoder = Encoder::new(&prior)
            .effort(Effort::new(1).unwrap_or_default())
            .metadata(metadata_of(i))
            .seed(i as u64 % 2)
            .bands(i % 3 == 0);
        for (name, target) in [
            ("lossy", Target::Quality(30.0)),
            ("exact", Target::Lossless(Some(20.0))),
        ] {
            let encoded = encoder.clone().target(target).encode(&picture);
            let bytes = encoded.expect("every picture can be coded").bytes;
            seeds.push((format!("{name}-{i}.dfc"), bytes));
        }
    }
    for corrected in [false, true] {
        seeds.push((format!("forged-{corrected}.dfc"), forged(corrected)));
    }
    seeds
}

/// A file with unknown parts, layers without stages, and changes of the allocation.
fn forged(corrected: bool) -> Vec<u8> {
    let header = Header {
        form: forms()[5],
        prior: PriorId(*b"fuzz"),
        seed: 1 << 40,
        trellis: Trellis::Nu12,
        start: SigmaCode::new(300).expect("a code"),
        banded: true,
        corrected,
    };
    let mut writer = Writer::new(&header);
    writer.part(PartName(*b"note"), b"");
    if header.form.alpha {
        writer.part(PartName::ALPHA, b"");
    }
    for i in 0..6u16 {
        writer.correct(corrected && i > 2);
        let change = [0x88 + i as u8; BandAllocation::BYTES];
        writer.allot(writer.allocation().changed(change));
        let sigma = SigmaCode::new(290 - 10 * i).expect("a code");
        let layer = writer.layer(sigma, [0, 7, 200][usize::from(i) % 3]);
        writer.body(&vec![0x5a; layer.body_bytes()]);
        writer.part(PartName(*b"note"), &[i as u8; 3]);
    }
    writer.finish()
}

/// Files of the prior `xs` in few layers, and the headers of weights files.
pub fn files_and_weights() -> Seeds {
    let prior = Shipped::Xs.prior().expect("a prior inside");
    let mut seeds: Seeds = [0, 5].into_iter().map(|i| few_layers(&prior, i)).collect();
    seeds.push(("small.weights".into(), weights_head()));
    seeds
}

fn few_layers(prior: &Prior, i: usize) -> (String, Vec<u8>) {
    let picture = drawn(forms()[i], 1);
    let encoder = Encoder::new(prior).effort(Effort::new(1).unwrap_or_default());
    let encoded = encoder.target(Target::Bytes(150)).encode(&picture);
    (format!("xs-{i}.dfc"), encoded.expect("codes").bytes)
}

/// The header of a file of the smallest network, after the mark of the target.
fn weights_head() -> Vec<u8> {
    let text = r#"{"channels":[16,16],"blocks":[1,1],"embed":8}"#;
    let mut entries = serde_json::Map::new();
    entries.insert(
        "__metadata__".into(),
        serde_json::json!({"format": "dcodec-prior", "version": "1", "config": text, "sigma_data": "0.5"}),
    );
    let mut at = 0;
    for (name, shape) in smallest().tensors() {
        let end = at + 2 * shape.iter().product::<usize>();
        let entry = serde_json::json!({"dtype": "F16", "shape": shape, "data_offsets": [at, end]});
        entries.insert(name, entry);
        at = end;
    }
    let text = serde_json::Value::Object(entries).to_string();
    [b"weights:", text.as_bytes()].concat()
}

fn smallest() -> Config {
    let weights = Shipped::Xs.weights().expect("a prior inside");
    let mut config = weights.config().clone();
    (config.channels, config.blocks, config.embed) = (vec![16, 16], vec![1, 1], 8);
    config
}

/// Bytes for the targets that make their inputs of them.
pub fn recipes() -> Seeds {
    let recipe = |i: u64| {
        let mut rng = Rng(i);
        let bytes = (0..400 + 100 * i).map(|n| match i % 3 {
            0 => rng.next() as u8,
            1 => (rng.next() >> 62) as u8,
            _ => (n / 9) as u8,
        });
        (format!("recipe-{i}"), bytes.collect())
    };
    (0..12).map(recipe).collect()
}

/// Bytes for pictures after metadata.
pub fn metadata() -> Seeds {
    let mut seeds = recipes();
    for (i, bytes) in [EXIF, XMP].into_iter().enumerate() {
        seeds.push((format!("block-{i}"), [&[0], bytes].concat()));
    }
    seeds
}

/// Picture files of all formats that are read, and the samples of the repository that are small.
pub fn pictures() -> Seeds {
    let mut seeds = Vec::new();
    for (i, form) in forms().into_iter().enumerate() {
        let picture = drawn(form, i as u64);
        for (name, format) in [
            ("png", Format::Png),
            ("jpg", Format::Jpeg),
            ("webp", Format::WebP),
            ("bmp", Format::Bmp),
            ("tif", Format::Tiff),
            ("pnm", Format::Pnm),
        ] {
            let (bytes, _) = encode_picture(&picture, &metadata_of(7 - i), format)
                .expect("every small picture can be written");
            seeds.push((format!("{name}-{i}.{name}"), bytes));
        }
        let eight = DynamicImage::from(picture.into_eight().to_image().to_rgba8());
        let mut gif = Cursor::new(Vec::new());
        eight
            .write_to(&mut gif, ImageFormat::Gif)
            .expect("a small picture");
        seeds.push((format!("gif-{i}.gif"), gif.into_inner()));
    }
    for (name, bytes) in TEXTS {
        seeds.push((name.into(), bytes.to_vec()));
    }
    seeds
}

/// Small files that no writer at hand makes.
const TEXTS: [(&str, &[u8]); 6] = [
    ("ascii.pbm", b"P1 # note\n3 2\n1 0 1 0 1 0\n"),
    ("ascii.pgm", b"P2\n3 2\n15\n0 1 2 3 4 15\n"),
    ("ascii.ppm", b"P3\n1 2\n65535\n0 1 2 3 4 65535\n"),
    ("raw.pbm", b"P4\n9 2\n\xaa\x80\x55\x00"),
    (
        "grey.pam",
        b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x01\x02\x03\x04\x05\x06\x07\x08",
    ),
    (
        "big.tif",
        b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x00\x01\x03\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ),
];

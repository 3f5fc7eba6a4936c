//! A file of the first version decodes to the same layers and samples for ever: a change here is a change of the format.
//!
//! To make the file anew after such a change:
//! `cargo test --test golden -- --ignored write_the_file`, then `cargo test --test golden -- --nocapture` prints the rows
//! that the tables below must hold.

mod common;

use std::path::PathBuf;

use dcodec::container::{Event, Header, Parser, PriorId};
use dcodec::{DEFAULT_MAX_PIXELS, Decoder, Effort, Encoder, Target};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden.dfc")
}

fn file() -> Vec<u8> {
    std::fs::read(path()).expect("the golden file")
}

/// Sigma code, stages and offset of each layer.
const LAYERS: &[(u16, u32, u64)] = &[
    (251, 22, 16),
    (231, 11, 29),
    (216, 18, 37),
    (200, 32, 48),
    (188, 31, 66),
    (178, 39, 84),
    (169, 55, 106),
    (162, 55, 136),
    (156, 58, 166),
    (150, 69, 199),
];

/// Bytes used, whole layers, and the CRC-32 of the samples.
const PICTURES: &[(usize, u32, u32)] = &[
    (59, 3, 0x5327_a961),
    (119, 6, 0x5e69_cec5),
    (179, 8, 0x5e57_3733),
    (239, 10, 0x0667_efbf),
];

#[test]
#[ignore = "writes tests/data/golden.dfc"]
fn write_the_file() {
    let picture = common::crop("chelsea.png", 190, 80, 48, 40);
    let file = Encoder::new(&common::prior())
        .effort(Effort::new(3).expect("exists"))
        .seed(2020)
        .target(Target::Quality(71.0))
        .encode(&picture)
        .expect("encodes");
    println!("{} bytes", file.bytes.len());
    std::fs::write(path(), file.bytes).expect("writable");
}

#[test]
fn the_layers_are_these() {
    let file = file();
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let (mut header, mut layers, mut ended) = (None, Vec::new(), false);
    let mut rest = &file[..];
    loop {
        let (used, event) = parser.push(rest).expect("valid");
        rest = &rest[used..];
        match event {
            Event::Header(h) => header = Some(h),
            Event::LayerHead(l) => layers.push((l.sigma, l.stages, l.offset)),
            Event::End => ended = true,
            Event::NeedMore => break,
            _ => {}
        }
    }
    println!("{header:?}");
    layers.iter().for_each(|row| println!("    {row:?},"));
    let wanted = Header {
        width: 48,
        height: 40,
        rgb: true,
        alpha: false,
        deep: false,
        prior: PriorId([0x49, 0xce, 0x94, 0x19]),
        seed: 2020,
        nu: 14,
        start: 252,
    };
    assert_eq!(header, Some(wanted));
    assert_eq!(layers, LAYERS);
    assert!(ended);
}

#[test]
fn the_pictures_are_these() {
    let (file, prior) = (file(), common::prior());
    let n = file.len();
    let rows = [n / 4, n / 2, 3 * n / 4, n].map(|n| {
        let decoded = Decoder::new(&prior).decode(&file[..n]).expect("valid");
        let crc = crc32fast::hash(decoded.picture.samples().as_eight().expect("8 bits"));
        println!("    ({n}, {}, {crc:#010x}),", decoded.used.layers);
        (n, decoded.used.layers, crc)
    });
    assert_eq!(rows, PICTURES);
}

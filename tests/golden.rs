//! Files of the first version decode to the same layers and samples for ever: a change here is a change of the format.
//!
//! To make the files anew after such a change:
//! `cargo test --test golden -- --ignored write_the_files`, then `cargo test --test golden -- --nocapture` prints the rows
//! that the tables below must hold.

mod common;

use std::path::PathBuf;

use dcodec::container::{Event, Header, Parser, PriorId};
use dcodec::{DEFAULT_MAX_PIXELS, Decoder, Encoder, Picture, Target};

struct Golden {
    name: &'static str,
    header: Header,
    /// Sigma code, stages and offset of each layer.
    layers: &'static [(u16, u32, u64)],
    /// Bytes used, whole layers, and the CRC-32 of the samples.
    pictures: [(usize, u32, u32); 4],
}

impl Golden {
    fn path(&self) -> PathBuf {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        folder.join("tests/data").join(self.name)
    }

    fn file(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("a golden file")
    }
}

/// One without bands, and one with.
fn golden() -> [Golden; 2] {
    let header = Header {
        width: 48,
        height: 40,
        rgb: true,
        alpha: false,
        deep: false,
        prior: PriorId([0x49, 0xce, 0x94, 0x19]),
        seed: 2020,
        nu: 14,
        start: 252,
        banded: false,
    };
    [
        Golden {
            name: "golden.dfc",
            header: header.clone(),
            layers: &[
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
            ],
            pictures: [
                (59, 3, 0x5327_a961),
                (119, 6, 0x5e69_cec5),
                (179, 8, 0x5e57_3733),
                (239, 10, 0x0667_efbf),
            ],
        },
        Golden {
            name: "bands.dfc",
            header: Header {
                width: 203,
                height: 197,
                seed: 0,
                start: 286,
                banded: true,
                ..header
            },
            layers: &[
                (284, 98, 16),
                (265, 46, 72),
                (251, 52, 97),
                (240, 59, 125),
                (231, 71, 157),
                (223, 90, 198),
                (216, 99, 250),
                (210, 107, 303),
                (205, 103, 362),
                (202, 70, 417),
            ],
            pictures: [
                (114, 2, 0xadfd_f28b),
                (229, 5, 0x7f8c_d796),
                (343, 7, 0x285e_0447),
                (458, 10, 0x8d87_0986),
            ],
        },
    ]
}

#[test]
#[ignore = "writes the files of tests/data"]
fn write_the_files() {
    let of = |name, (x, y), header: &Header, quality| {
        let picture: Picture = common::crop(name, x, y, header.width, header.height);
        let prior = common::prior();
        let mut encoder = Encoder::new(&prior)
            .seed(header.seed)
            .target(Target::Quality(quality));
        encoder.encode(&picture).expect("encodes").bytes
    };
    let [plain, banded] = golden();
    let file = of("chelsea.png", (190, 80), &plain.header, 71.0);
    std::fs::write(plain.path(), file).expect("writable");
    let file = of("coffee.png", (100, 60), &banded.header, 45.0);
    std::fs::write(banded.path(), file).expect("writable");
}

#[test]
fn the_layers_are_these() {
    for golden in golden() {
        let file = golden.file();
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
        assert_eq!(header, Some(golden.header));
        assert_eq!(layers, golden.layers);
        assert!(ended);
    }
}

#[test]
fn the_pictures_are_these() {
    let prior = common::prior();
    for golden in golden() {
        let file = golden.file();
        let n = file.len();
        let rows = [n / 4, n / 2, 3 * n / 4, n].map(|n| {
            let decoded = Decoder::new(&prior).decode(&file[..n]).expect("valid");
            let crc = crc32fast::hash(decoded.picture.samples().as_eight().expect("8 bits"));
            println!("    ({n}, {}, {crc:#010x}),", decoded.used.layers);
            (n, decoded.used.layers, crc)
        });
        assert_eq!(rows, golden.pictures);
    }
}

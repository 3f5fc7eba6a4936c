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
        prior: PriorId([0x42, 0x7d, 0x31, 0x78]),
        seed: 2020,
        nu: 14,
        start: 258,
        banded: false,
    };
    [
        Golden {
            name: "golden.dfc",
            header: header.clone(),
            layers: &[
                (257, 14, 16),
                (236, 13, 25),
                (215, 22, 34),
                (199, 25, 47),
                (187, 33, 62),
                (177, 39, 81),
                (168, 52, 103),
                (161, 55, 131),
                (155, 58, 161),
                (150, 57, 192),
            ],
            pictures: [
                (56, 3, 0x9e55_c487),
                (113, 6, 0x1201_c6b9),
                (169, 8, 0xd933_1921),
                (226, 10, 0x29dc_ccb2),
            ],
        },
        Golden {
            name: "bands.dfc",
            header: Header {
                width: 203,
                height: 197,
                seed: 0,
                start: 296,
                banded: true,
                ..header
            },
            layers: &[
                (295, 49, 16),
                (279, 72, 43),
                (267, 90, 82),
                (257, 65, 134),
                (249, 44, 170),
                (242, 41, 194),
                (236, 41, 217),
                (228, 68, 240),
                (221, 71, 277),
                (215, 74, 316),
                (209, 94, 356),
                (204, 97, 406),
                (199, 115, 458),
                (195, 107, 519),
                (191, 127, 576),
                (187, 147, 643),
                (183, 172, 720),
                (180, 142, 809),
                (177, 159, 883),
                (174, 179, 966),
                (171, 197, 1059),
                (168, 219, 1163),
                (166, 158, 1276),
            ],
            pictures: [
                (340, 9, 0x078f_1b21),
                (680, 15, 0x9ae7_2397),
                (1020, 19, 0x1e16_0d19),
                (1361, 23, 0x8192_1102),
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
    let file = of("coffee.png", (100, 60), &banded.header, 63.0);
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

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
        prior: PriorId([0x92, 0x8c, 0xeb, 0x26]),
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
                (215, 21, 34),
                (199, 31, 47),
                (187, 34, 65),
                (177, 43, 84),
                (168, 53, 108),
                (161, 54, 137),
                (155, 59, 166),
                (150, 57, 198),
            ],
            pictures: [
                (58, 3, 0x238c_6a8f),
                (116, 6, 0x3c47_efcd),
                (174, 8, 0x2080_9b1c),
                (232, 10, 0x539f_39bb),
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
                (279, 71, 43),
                (267, 91, 82),
                (257, 62, 135),
                (249, 44, 168),
                (242, 43, 192),
                (228, 124, 216),
                (221, 70, 281),
                (215, 75, 319),
                (209, 93, 360),
                (204, 91, 410),
                (199, 110, 459),
                (195, 103, 517),
                (191, 121, 572),
                (187, 141, 636),
                (183, 163, 710),
                (180, 137, 795),
                (177, 157, 867),
                (174, 175, 949),
                (171, 197, 1040),
                (168, 221, 1144),
                (166, 160, 1258),
            ],
            pictures: [
                (336, 8, 0xd50a_a367),
                (672, 14, 0x7586_7cfb),
                (1008, 18, 0x2fa4_eccc),
                (1344, 22, 0x1598_0a78),
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

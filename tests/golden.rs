//! Files of the first version decode to the same layers and samples for ever: a change here is a
//! change of the format.
//!
//! To make the files anew after such a change:
//! `cargo test --test golden -- --ignored write_the_files`, then
//! `cargo test --test golden -- --nocapture` prints the rows that the tables below must hold.

mod common;

use std::path::PathBuf;

use dcodec::container::{Event, Header, Parser, PriorId, Trellis};
use dcodec::{BitDepth, Colour, DEFAULT_MAX_PIXELS, Encoder, Form, Picture, Target};

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
        form: Form {
            width: 48,
            height: 40,
            colour: Colour::Rgb,
            depth: BitDepth::Eight,
            alpha: false,
        },
        prior: PriorId([0xc7, 0x80, 0xf0, 0xf1]),
        seed: 2020,
        trellis: Trellis::Nu14,
        start: common::code(258),
        banded: false,
        corrected: true,
    };
    [
        Golden {
            name: "golden.dfc",
            header: header.clone(),
            layers: &[
                (257, 14, 16),
                (236, 14, 25),
                (215, 17, 34),
                (199, 23, 45),
                (187, 29, 59),
                (177, 40, 76),
                (168, 50, 98),
                (161, 56, 125),
                (155, 46, 155),
                (150, 46, 180),
            ],
            pictures: [
                (52, 3, 0x1b23_6a31),
                (104, 6, 0xade8_6ec0),
                (156, 8, 0xd698_2b70),
                (208, 10, 0x167e_8fef),
            ],
        },
        Golden {
            name: "bands.dfc",
            header: Header {
                form: Form {
                    width: 203,
                    height: 197,
                    ..header.form
                },
                seed: 0,
                start: common::code(296),
                banded: true,
                ..header
            },
            layers: &[
                (295, 49, 16),
                (279, 74, 43),
                (267, 89, 83),
                (257, 64, 135),
                (249, 43, 170),
                (242, 39, 194),
                (228, 119, 216),
                (221, 68, 279),
                (215, 69, 316),
                (209, 83, 354),
                (204, 82, 399),
                (199, 96, 443),
                (195, 84, 494),
                (191, 101, 539),
                (187, 102, 593),
                (183, 121, 647),
                (180, 90, 711),
                (177, 103, 759),
                (174, 106, 814),
                (171, 121, 870),
                (168, 124, 934),
                (166, 91, 999),
            ],
            pictures: [
                (262, 6, 0x93b0_b578),
                (525, 12, 0x01a8_a764),
                (788, 17, 0xf58f_b7f8),
                (1051, 22, 0xa037_b17f),
            ],
        },
    ]
}

#[test]
#[ignore = "writes the files of tests/data"]
fn write_the_files() {
    let of = |name, (x, y), header: &Header, quality| {
        let picture: Picture = common::crop(name, x, y, header.form.width, header.form.height);
        let prior = common::prior();
        let encoder = Encoder::new(&prior)
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
                Event::LayerHead(l) => layers.push((l.sigma.get(), l.stages, l.offset)),
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
            let decoded = common::plain(&prior).decode(&file[..n]).expect("valid");
            let crc = crc32fast::hash(decoded.picture.samples().as_eight().expect("8 bits"));
            println!("    ({n}, {}, {crc:#010x}),", decoded.coverage.layers);
            (n, decoded.coverage.layers, crc)
        });
        assert_eq!(rows, golden.pictures);
    }
}

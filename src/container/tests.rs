use super::*;
use crate::codes::code;
use crate::error::{Error, Result};

fn header() -> Header {
    Header {
        form: Form {
            width: 40,
            height: 30,
            colour: Colour::Rgb,
            depth: BitDepth::Eight,
            alpha: true,
        },
        prior: PriorId([1, 2, 3, 4]),
        seed: 300,
        trellis: Trellis::Nu14,
        start: code(200),
        banded: false,
        corrected: false,
    }
}

fn opaque() -> Header {
    let mut header = header();
    header.form.alpha = false;
    header
}

fn banded() -> Header {
    Header {
        banded: true,
        ..header()
    }
}

fn corrected() -> Header {
    Header {
        corrected: true,
        ..header()
    }
}

fn sample() -> Vec<u8> {
    sample_of(&header())
}

/// The layers of a file with bands change the allocation twice.
fn sample_of(header: &Header) -> Vec<u8> {
    let mut w = Writer::new(header);
    w.part(PartName(*b"note"), b"an optional part");
    w.part(PartName::ALPHA, &[9; 20]);
    w.layer(code(180), 5);
    w.body(&[1, 2, 0x30]);
    w.allot(BandAllocation::first(Colour::Rgb).changed([0x90, 0x78, 0x88, 0x8f]));
    w.layer(code(170), 300);
    w.body(&[7; 150]);
    w.allot(w.allocation().changed([0x08, 0x88, 0x88, 0x80]));
    w.correct(header.corrected);
    w.layer(code(165), 0);
    w.finish()
}

fn events(bytes: &[u8], split: usize) -> Result<Vec<Event>> {
    let mut parser = Parser::new(1 << 20);
    let mut all = Vec::new();
    for piece in bytes.chunks(split.max(1)) {
        let mut rest = piece;
        loop {
            let (used, event) = parser.push(rest)?;
            rest = &rest[used..];
            match event {
                Event::NeedMore => break,
                event => all.push(event),
            }
        }
    }
    Ok(all)
}

#[test]
fn what_is_written_is_read_whatever_the_split() {
    let bytes = sample();
    let whole = events(&bytes, bytes.len()).expect("valid");
    assert_eq!(whole[0], Event::Header(header()));
    assert_eq!(
        whole[1],
        Event::Part(PartName(*b"note"), b"an optional part".to_vec())
    );
    assert!(
        matches!(&whole[4], Event::Layer(l, bits) if l.sigma == code(180) && l.stages == 5 && bits == &[1, 2, 0x30])
    );
    assert!(matches!(&whole[8], Event::Layer(l, bits) if l.sigma == code(165) && bits.is_empty()));
    assert_eq!(whole.last(), Some(&Event::End));
    let bytes = sample_of(&banded());
    let with_bands = events(&bytes, bytes.len()).expect("valid");
    assert_eq!(with_bands[0], Event::Header(banded()));
    let allocation = |event: &Event| match event {
        Event::LayerHead(l) => Some((l.stages, l.allocation)),
        _ => None,
    };
    let first = BandAllocation::first(Colour::Rgb);
    let second = first.changed([0x90, 0x78, 0x88, 0x8f]);
    assert_eq!(
        with_bands.iter().filter_map(allocation).collect::<Vec<_>>(),
        [
            (5, first),
            (300, second),
            (0, second.changed([0x08, 0x88, 0x88, 0x80]))
        ]
    );
    let with_corrections = sample_of(&corrected());
    // Flag and bit of the tag, and no byte more.
    assert_eq!(with_corrections.len(), sample().len());
    let read = events(&with_corrections, usize::MAX).expect("valid");
    assert_eq!(read[0], Event::Header(corrected()));
    let flags = |event: &Event| match event {
        Event::LayerHead(l) => Some((l.sigma, l.corrected)),
        _ => None,
    };
    assert_eq!(
        read.iter().filter_map(flags).collect::<Vec<_>>(),
        [(code(180), false), (code(170), false), (code(165), true)]
    );
    for split in 1..60 {
        assert_eq!(events(&sample(), split).expect("valid"), whole);
        assert_eq!(events(&bytes, split).expect("valid"), with_bands);
        assert_eq!(events(&with_corrections, split).expect("valid"), read);
    }
}

/// Every event comes with its last byte, whether the bytes come one by one or all at once.
#[test]
fn events_are_prompt() {
    are_prompt(&sample());
    are_prompt(&sample_of(&banded()));
    are_prompt(&sample_of(&corrected()));
}

/// The clause that a file breaks.
fn broken(bytes: &[u8]) -> &'static str {
    match events(bytes, 7) {
        Err(Error::Format(e)) => e.clause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn corrections_follow_a_call() {
    let file = |layers: &[bool]| {
        let header = Header {
            corrected: true,
            ..opaque()
        };
        let mut w = Writer::new(&header);
        for (i, &corrected) in layers.iter().enumerate() {
            w.correct(corrected);
            w.layer(code(180 - i as u16), 0);
        }
        w.finish()
    };
    assert!(events(&file(&[false, false, true, true, false]), 1).is_ok());
    assert_eq!(broken(&file(&[true])), "5.9");
    assert_eq!(broken(&file(&[false, true])), "5.9");
    // A step of 63 codes, and one of none.
    let mut bytes = file(&[false, false]);
    let tag = bytes.len() - 5;
    assert_eq!(bytes[tag], 0x81);
    bytes[tag] = 0xc0;
    assert_eq!(broken(&bytes), "5.9");
    bytes[tag] = 0x80;
    assert_eq!(broken(&bytes), "2.1");
}

fn are_prompt(bytes: &[u8]) {
    let mut ends = Vec::new();
    let (mut parser, mut at) = (Parser::new(1 << 20), 0);
    while at < bytes.len() {
        let (used, event) = parser.push(&bytes[at..]).expect("valid");
        at += used;
        assert_eq!(parser.offset(), at as u64);
        ends.push((at, event));
    }
    let mut by_byte = Vec::new();
    let mut parser = Parser::new(1 << 20);
    for (i, byte) in bytes.iter().enumerate() {
        assert_eq!(parser.push(&[]).expect("valid"), (0, Event::NeedMore));
        let mut left = 1;
        while left > 0 {
            let (used, event) = parser.push(&[*byte][..left]).expect("valid");
            left -= used;
            if event != Event::NeedMore {
                by_byte.push((i + 1 - left, event));
            }
        }
    }
    assert_eq!(by_byte, ends);
    let empty = |e: &&(usize, Event)| matches!(&e.1, Event::LayerHead(l) | Event::Layer(l, _) if l.stages == 0);
    let [head, layer] = ends.iter().filter(empty).collect::<Vec<_>>()[..] else {
        panic!("the sample has one layer without stages");
    };
    assert_eq!(layer.0, head.0 + 1);
}

#[test]
fn every_prefix_is_valid() {
    for bytes in [sample(), sample_of(&banded())] {
        for n in 0..bytes.len() {
            let e = events(&bytes[..n], 7).expect("missing bytes are no error");
            assert!(!e.contains(&Event::End));
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    flips_are_found(&sample());
    flips_are_found(&sample_of(&banded()));
}

fn flips_are_found(bytes: &[u8]) {
    for i in 0..bytes.len() {
        for flip in [0x01, 0x10, 0x80, 0xFF] {
            let mut damaged = bytes.to_vec();
            damaged[i] ^= flip;
            match events(&damaged, damaged.len()) {
                Err(_) => {}
                // A length that grew past the end of the file reads as a cut file.
                Ok(e) => assert!(!e.contains(&Event::End), "byte {i} ^ {flip:#x}"),
            }
        }
    }
}

#[test]
fn unknown_parts_are_skipped_or_refused_by_name() {
    let mut w = Writer::new(&opaque());
    w.part(PartName(*b"xtra"), &[0; 100_000]);
    let e = events(&w.finish(), 1000).expect("optional parts are skipped");
    assert_eq!(e[1], Event::Part(PartName(*b"xtra"), Vec::new()));
    let mut w = Writer::new(&header());
    w.part(PartName(*b"LOSS"), &[1]);
    match events(&w.finish(), 1000) {
        Err(Error::Unsupported(e)) => assert!(e.contains("LOSS"), "{e}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn alpha_comes_once_and_as_announced() {
    let begin = |header: Header| Writer::new(&header);
    let cases: [fn(&mut Writer); 5] = [
        |_| {},
        |w| {
            w.layer(code(180), 1);
            w.body(&[0]);
        },
        |w| {
            w.part(PartName::EXACT, &[1; 5]);
            w.part(PartName::ALPHA, &[1]);
        },
        |w| {
            w.part(PartName::ALPHA, &[1]);
            w.part(PartName::ALPHA, &[1]);
        },
        |w| w.part(PartName::ALPHA, &[0; 6000]),
    ];
    for case in cases {
        let mut w = begin(header());
        case(&mut w);
        assert!(matches!(events(&w.finish(), 100), Err(Error::Format(_))));
    }
    let mut w = begin(opaque());
    w.part(PartName::ALPHA, &[1]);
    assert!(matches!(events(&w.finish(), 100), Err(Error::Format(_))));
}

#[test]
fn low_bytes_of_alpha_follow_the_high_ones() {
    let sixteen = |mut header: Header| {
        header.form.depth = BitDepth::Sixteen;
        header
    };
    let sixteen_bit = sixteen(header());
    let mut w = Writer::new(&sixteen_bit);
    w.part(PartName::ALPHA, &[1]);
    w.part(PartName::ALPHA_LOW, &[2, 3]);
    let all = events(&w.finish(), 5).expect("valid");
    assert_eq!(all[0], Event::Header(sixteen_bit.clone()));
    assert_eq!(all[2], Event::Part(PartName::ALPHA_LOW, vec![2, 3]));
    let wrong: [(&Header, &[PartName]); 4] = [
        (&header(), &[PartName::ALPHA, PartName::ALPHA_LOW]),
        (&sixteen_bit, &[PartName::ALPHA_LOW, PartName::ALPHA]),
        (
            &sixteen_bit,
            &[PartName::ALPHA, PartName::ALPHA_LOW, PartName::ALPHA_LOW],
        ),
        (&sixteen(opaque()), &[PartName::ALPHA_LOW]),
    ];
    for (header, names) in wrong {
        let mut w = Writer::new(header);
        names.iter().for_each(|name| w.part(*name, &[1]));
        assert!(matches!(events(&w.finish(), 100), Err(Error::Format(_))));
    }
    let mut w = Writer::new(&sixteen_bit);
    w.part(PartName::ALPHA, &[1]);
    w.part(PartName::EXACT, &[1; 5]);
    w.part(PartName::ALPHA_LOW, &[1]);
    assert!(matches!(events(&w.finish(), 100), Err(Error::Format(_))));
}

#[test]
fn alpha_may_stand_between_and_after_layers() {
    let mut deep = header();
    deep.form.depth = BitDepth::Sixteen;
    for after in 0..3 {
        let mut w = Writer::new(&deep);
        for layer in 0..2 {
            if layer == after {
                w.part(PartName::ALPHA, &[1]);
            }
            w.layer(code(180 - 10 * layer), 1);
            w.body(&[0]);
        }
        if after == 2 {
            w.part(PartName::ALPHA, &[1]);
        }
        w.part(PartName::ALPHA_LOW, &[2]);
        w.part(PartName::EXACT, &[1; 5]);
        let bytes = w.finish();
        let all = events(&bytes, 1 << 20).expect("valid");
        assert_eq!(all.last(), Some(&Event::End));
        // A cut before it is as good as any other.
        assert!(bytes.len() > 30 && events(&bytes[..30], 1 << 20).is_ok());
    }
}

#[test]
fn metadata_has_a_limit_of_its_own() {
    let mut w = Writer::new(&opaque());
    w.part(PartName::ICC, &[1; 100_000]);
    w.part(PartName(*b"xtra"), &[1; 100_000]);
    w.part(PartName::XMP, &vec![1; MAX_METADATA as usize + 1]);
    let e = events(&w.finish(), 1 << 20).expect("valid");
    let sizes: Vec<usize> = e[1..4]
        .iter()
        .map(|e| match e {
            Event::Part(_, payload) => payload.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [100_000, 0, 0]);
}

#[test]
fn a_whole_payload_counts_without_its_check() {
    let mut w = Writer::new(&header());
    w.part(PartName::ALPHA, &[7; 9]);
    let bytes = w.cut(usize::MAX);
    for missing in 1..=2 {
        let mut parser = Parser::new(1 << 20);
        let mut rest = &bytes[..bytes.len() - missing];
        while !rest.is_empty() {
            rest = &rest[parser.push(rest).expect("valid").0..];
        }
        assert_eq!(parser.partial_part(), Some((PartName::ALPHA, &[7; 9][..])));
    }
}

#[test]
fn limits_and_versions() {
    let bytes = sample();
    let mut parser = Parser::new(1199);
    assert!(matches!(parser.push(&bytes), Err(Error::Limits(_))));
    let mut newer = bytes.clone();
    newer[3] = 2;
    assert!(matches!(events(&newer, 100), Err(Error::Unsupported(_))));
    assert!(matches!(
        events(b"hello, world", 100),
        Err(Error::Format(_))
    ));
    let mut w = Writer::new(&opaque());
    w.layer(code(180), 4801);
    assert!(matches!(events(&w.finish(), 100), Err(Error::Format(_))));
}

#[test]
fn overhead_is_small() {
    assert_eq!(Writer::new(&header()).len(), 16);
    let mut w = Writer::new(&Header {
        seed: 0,
        ..header()
    });
    assert_eq!(w.len(), 14);
    // No check so soon behind the header's.
    w.layer(code(180), 100);
    assert_eq!(w.len(), 16);
    w.body(&[5; 50]);
    w.layer(code(179), 200);
    assert_eq!(w.len(), 16 + 50 + 3);
    w.body(&[5; 1000]);
    let before = w.len();
    w.layer(code(178), 200);
    assert_eq!(w.len() - before, 5);
    for len in [0, 127, 128, 20_000] {
        let before = w.len();
        w.part(PartName(*b"note"), &vec![1; len]);
        assert_eq!(w.len() - before, Writer::part_bytes(len));
    }
    for (i, stages) in [0, 127, 128, 16383, 16384, 1 << 21].into_iter().enumerate() {
        let before = w.len();
        let head = Layer::head_bytes(w.unchecked(), stages, None);
        w.layer(code(177 - i as u16), stages);
        assert_eq!(w.len() - before, head);
    }
    let mut w = Writer::new(&banded());
    for (i, stages) in [0, 63, 64, 8191, 8192, 1 << 20].into_iter().enumerate() {
        let allocation = w.allocation();
        w.allot(match i % 2 {
            0 => allocation,
            _ => allocation.changed([0x89; 4]),
        });
        let (before, change) = (w.len(), Some(i % 2 == 1));
        let head = Layer::head_bytes(w.unchecked(), stages, change);
        w.layer(code(177 - i as u16), stages);
        assert_eq!(w.len() - before, head);
    }
}

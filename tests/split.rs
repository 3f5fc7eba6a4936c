//! However the bytes come, the events, the pixels and every prefix's picture are the same.

mod common;

use common::Rng;
use dcodec::container::{Header, PartName, Trellis, Writer};
use dcodec::{
    BitDepth, Colour, Decoded, Encoder, Event, Form, Picture, Prior, StreamDecoder, Target,
};

fn files(prior: &Prior) -> Vec<Vec<u8>> {
    let crop = common::crop("coffee.png", 300, 120, 32, 32);
    let alpha = common::noise(32, 32, Colour::Rgb, true, 1);
    let alpha = alpha.alpha().cloned();
    let with_alpha = Picture::from_samples(32, 32, Colour::Rgb, crop.samples().clone(), alpha);
    let blocks = (0..60 * 40 * 3).map(|i| ((i / 3 % 60 / 7 * 40) ^ (i / 180 / 5 * 9)) as u8);
    let blocks = Picture::new(60, 40, Colour::Rgb, blocks.collect(), None).expect("a picture");
    [
        (crop, Target::Quality(75.0)),
        (with_alpha.expect("a picture"), Target::Quality(60.0)),
        (
            common::crop("camera.png", 180, 60, 24, 40),
            Target::Bytes(200),
        ),
        (
            common::noise(1, 5, Colour::Grey, true, 2),
            Target::Quality(80.0),
        ),
        // Exact samples beside the chain, and without one.
        (
            common::crop("chelsea.png", 40, 40, 32, 24),
            Target::Lossless(None),
        ),
        (blocks, Target::Lossless(None)),
    ]
    .iter()
    .map(|(picture, target)| {
        let encoder = Encoder::new(prior).target(*target);
        encoder.encode(picture).expect("encodes").bytes
    })
    .collect()
}

/// A file of layers with random bits, some without any stage, and parts between them, for the prior
/// of `common::gaussian`.
fn forged(seed: u64) -> Vec<u8> {
    let mut rng = Rng(seed);
    let header = Header {
        form: Form {
            width: 21,
            height: 18,
            colour: Colour::Rgb,
            depth: BitDepth::Eight,
            alpha: false,
        },
        prior: common::gaussian().id(),
        seed,
        trellis: Trellis::Nu12,
        start: common::code(250),
        banded: seed.is_multiple_of(2),
        corrected: false,
    };
    let mut writer = Writer::new(&header);
    for i in 0..12u16 {
        let stages = [0, 1, rng.below(300) as u32][rng.below(3)];
        if i % 3 == 1 {
            let change = [rng.below(256) as u8, 0x97, 0x68, rng.below(256) as u8];
            writer.allot(writer.allocation().changed(change));
        }
        let layer = writer.layer(common::code(240 - 8 * i), stages);
        let mut bits = rng.bytes(layer.body_bytes());
        if let Some(last) = bits.last_mut().filter(|_| stages % 2 == 1) {
            *last &= 0xf0;
        }
        writer.body(&bits);
        if i % 4 == 1 {
            writer.part(PartName(*b"note"), &rng.bytes(rng.0 as usize % 3));
        }
    }
    writer.finish()
}

/// Feeds `piece` until it is used up. Then nothing more may be complete.
fn feed(stream: &mut StreamDecoder, mut piece: &[u8], events: &mut Vec<Event>) {
    while !piece.is_empty() {
        let (used, event) = stream.push(piece).expect("valid");
        piece = &piece[used..];
        if event != Event::NeedMore {
            events.push(event);
        }
    }
    assert_eq!(stream.push(&[]).expect("valid"), (0, Event::NeedMore));
}

fn same(a: &Decoded, b: &Decoded) -> bool {
    a.picture == b.picture && a.coverage == b.coverage
}

/// Feeds `file` in pieces of the lengths that `next` says, with previews in between where `look`
/// says so.
fn in_pieces(
    prior: &Prior,
    file: &[u8],
    mut next: impl FnMut() -> usize,
    mut look: impl FnMut() -> bool,
) -> (Vec<Event>, Decoded) {
    let mut stream = common::plain(prior).stream();
    let (mut events, mut at) = (Vec::new(), 0);
    while at < file.len() {
        let end = (at + next()).min(file.len());
        feed(&mut stream, &file[at..end], &mut events);
        at = end;
        if look() && stream.header().is_some() {
            stream.preview().expect("a picture");
        }
    }
    let last = stream.finish().expect("a picture");
    (events, last)
}

#[test]
fn any_split_gives_the_same() {
    let prior = common::fast();
    for (n, file) in files(&prior).iter().enumerate() {
        let (events, last) = in_pieces(&prior, file, || file.len(), || false);
        assert!(matches!(events[0], Event::Header(_)));
        let whole = common::plain(&prior).decode(file).expect("decodes");
        assert!(same(&last, &whole), "file {n}");
        assert_eq!(events.contains(&Event::End), whole.coverage.complete);
        let (by_byte, pixels) = in_pieces(&prior, file, || 1, || false);
        assert_eq!(by_byte, events, "file {n}");
        assert!(same(&pixels, &whole), "file {n}");
        let mut rng = Rng(n as u64);
        for round in 0..12 {
            // From almost byte by byte to almost whole; empty pieces are allowed.
            let most = 3 << (round % 8);
            let (random, pixels) = in_pieces(&prior, file, || rng.below(most), || false);
            assert_eq!(random, events, "file {n}, round {round}");
            assert!(same(&pixels, &whole), "file {n}, round {round}");
        }
    }
}

#[test]
fn previews_change_nothing() {
    let prior = common::fast();
    for (n, file) in files(&prior).iter().enumerate() {
        let (events, whole) = in_pieces(&prior, file, || file.len(), || false);
        for round in 0..4 {
            let (mut lengths, mut looks) = (Rng(round), Rng(100 + round));
            let next = || 1 + lengths.below(40);
            let (looked, pixels) = in_pieces(&prior, file, next, || looks.below(3) > 0);
            assert_eq!(looked, events, "file {n}, round {round}");
            assert!(same(&pixels, &whole), "file {n}, round {round}");
        }
    }
}

#[test]
fn a_preview_is_the_decoded_prefix() {
    let prior = common::fast();
    let decoder = common::plain(&prior);
    let mut rng = Rng(7);
    let mut cuts = 0;
    for (n, file) in files(&prior).iter().enumerate() {
        let mut stream = common::plain(&prior).stream();
        let mut at = 0;
        while at < file.len() {
            let end = (at + 1 + rng.below(file.len() / 26)).min(file.len());
            feed(&mut stream, &file[at..end], &mut Vec::new());
            at = end;
            match (stream.preview(), decoder.decode(&file[..at])) {
                (Ok(shown), Ok(decoded)) => {
                    assert!(same(&shown, &decoded), "file {n}, {at} bytes");
                    // A second call gives an equal answer.
                    assert!(same(&stream.preview().expect("again"), &decoded));
                    cuts += 1;
                }
                (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
                (a, b) => panic!("file {n}, {at} bytes: {a:?} and {b:?}"),
            }
        }
    }
    println!("{cuts} prefixes");
    assert!(cuts >= 150);
}

/// After every single byte the stream shows what a decoder makes of the bytes so far, also where a
/// layer has no stages.
#[test]
fn every_byte_counts_at_once() {
    let prior = common::gaussian();
    let decoder = common::plain(&prior);
    let mut empty = 0;
    for seed in 0..4 {
        let file = forged(seed);
        let (events, whole) = in_pieces(&prior, &file, || file.len(), || false);
        assert!(whole.coverage.complete && whole.coverage.layers == 12);
        let none = |e: &&Event| matches!(e, Event::Layer(_, bits) if bits.is_empty());
        empty += events.iter().filter(none).count();
        let mut stream = common::plain(&prior).stream();
        let mut by_byte = Vec::new();
        for (i, byte) in file.iter().enumerate() {
            feed(&mut stream, &[*byte], &mut by_byte);
            if stream.header().is_some() && (seed == 0 || i % 7 == 0) {
                let shown = stream.preview().expect("a picture");
                let decoded = decoder.decode(&file[..=i]).expect("a prefix");
                assert!(same(&shown, &decoded), "seed {seed}, byte {i}");
            }
        }
        assert_eq!(by_byte, events);
        assert!(same(&stream.finish().expect("a picture"), &whole));
    }
    assert!(empty >= 8, "{empty} layers without stages");
}

#[test]
fn a_thousand_random_truncations_decode() {
    let (shipped, gaussian) = (common::fast(), common::gaussian());
    let mut rng = Rng(8);
    let real: Vec<_> = files(&shipped).into_iter().map(|f| (&shipped, f)).collect();
    let encoded: Vec<_> = files(&gaussian)
        .into_iter()
        .map(|f| (&gaussian, f))
        .collect();
    let forged: Vec<_> = (0..4).map(|seed| (&gaussian, forged(seed))).collect();
    for (files, rounds) in [(real, 200), (encoded, 600), (forged, 200)] {
        for i in 0..rounds {
            let (prior, file) = &files[i % files.len()];
            let n = 26 + rng.below(file.len() - 26);
            let decoded = common::plain(prior).decode(&file[..n]).expect("a prefix");
            assert!(!decoded.coverage.complete);
            assert_eq!(decoded.coverage.bytes, n as u64);
            assert!((0.0..1.0).contains(&decoded.coverage.partial));
            // However it is split.
            let most = 1 + rng.below(n);
            let next = || 1 + rng.below(most);
            let (_, streamed) = in_pieces(prior, &file[..n], next, || false);
            assert!(same(&streamed, &decoded), "{n} bytes");
        }
    }
}

#[test]
fn bytes_behind_the_end_are_ignored() {
    let prior = common::fast();
    let file = &files(&prior)[0];
    let whole = common::plain(&prior).decode(file).expect("decodes");
    assert!(whole.coverage.complete);
    let mut longer = file.clone();
    longer.extend([0x55; 100]);
    let decoded = common::plain(&prior).decode(&longer).expect("decodes");
    assert!(same(&decoded, &whole));
    let (_, streamed) = in_pieces(&prior, &longer, || 7, || false);
    assert!(same(&streamed, &whole));
}

#[test]
fn so_many_layers_are_the_file_cut_behind_them() {
    let prior = common::fast();
    let picture = common::crop("coffee.png", 300, 120, 32, 32);
    let file = Encoder::new(&prior).encode(&picture).expect("encodes");
    for (i, layer) in file.layers.iter().enumerate() {
        let n = i as u32 + 1;
        let some = common::plain(&prior).max_layers(n);
        let some = some.decode(&file.bytes).expect("decodes");
        let cut = common::plain(&prior)
            .decode(&file.bytes[..layer.end as usize])
            .expect("decodes");
        assert_eq!((some.coverage.layers, cut.coverage.layers), (n, n));
        assert!(some.picture == cut.picture, "{n} layers");
    }
}

#[test]
fn rows_of_alpha_come_and_never_go() {
    let prior = common::fast();
    let alpha: Vec<u8> = common::Rng(3).bytes(400).iter().map(|v| v / 2).collect();
    let picture = Picture::new(20, 20, Colour::Grey, vec![70; 400], Some(alpha.clone()));
    let file = Encoder::new(&prior)
        .target(Target::Quality(20.0))
        .encode(&picture.expect("a picture"))
        .expect("encodes")
        .bytes;
    let mut stream = common::plain(&prior).stream();
    let mut rows = 0;
    for (i, byte) in file.iter().enumerate() {
        feed(&mut stream, std::slice::from_ref(byte), &mut Vec::new());
        if stream.header().is_none() {
            continue;
        }
        let shown = stream.preview().expect("a picture").picture;
        let shown = shown.alpha().and_then(|a| a.as_eight()).expect("has alpha");
        // Whole rows from the top are exact, the others opaque.
        let pairs = shown.chunks(20).zip(alpha.chunks(20));
        let exact = pairs.take_while(|(a, b)| a == b).count();
        assert!(shown[20 * exact..].iter().all(|&a| a == 255), "byte {i}");
        assert!(exact >= rows, "byte {i}: {exact} rows after {rows}");
        rows = exact;
    }
    assert_eq!(rows, 20);
}

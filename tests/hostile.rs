//! No bytes make the decoder panic, run away with memory, or pass damage off as a complete file.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::Rng;
use dcodec::container::{
    BandAllocation, Event, Header, MAX_SIDE, Parser, PartName, SigmaCode, Trellis, Writer,
};
use dcodec::{
    BitDepth, Colour, DEFAULT_MAX_PIXELS, Decoder, Encoder, Error, Form, Prior, Result, Target,
};

/// The system's allocator, counting what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Both cells are gone while a thread ends.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: everything is passed on to the system's allocator; counting neither allocates nor
// unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the result of `work` and the most bytes that it held at a time. It runs on one thread,
/// so that all are counted.
fn memory<T: Send>(work: impl FnOnce() -> T + Send) -> (T, usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread").install(|| {
        let before = HELD.get();
        MOST.set(before);
        let result = work();
        (result, (MOST.get() - before) as usize)
    })
}

/// A whole file of an opaque picture without layers.
fn without_layers(header: &Header) -> Vec<u8> {
    let mut writer = Writer::new(header);
    writer.part(PartName::ALPHA, &[]);
    writer.finish()
}

fn header(prior: &Prior, width: u32, height: u32) -> Header {
    Header {
        form: Form {
            width,
            height,
            colour: Colour::Rgb,
            depth: BitDepth::Eight,
            alpha: true,
        },
        prior: prior.id(),
        seed: 0,
        trellis: Trellis::Nu14,
        start: common::code(300),
        banded: false,
        corrected: false,
    }
}

/// A small complete file with alpha.
fn small(prior: &Prior) -> Vec<u8> {
    let picture = common::noise(16, 16, Colour::Rgb, true, 1);
    Encoder::new(prior)
        .target(Target::Quality(40.0))
        .encode(&picture)
        .expect("encodes")
        .bytes
}

/// Pushes everything, also after an error, with a preview now and then. The results do not matter.
fn abuse(prior: &Prior, bytes: &[u8], piece: usize) {
    let mut stream = common::plain(prior).max_pixels(1 << 16).stream();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        while let Ok((used, event)) = stream.push(rest) {
            rest = &rest[used..];
            if event == Event::NeedMore {
                break;
            }
        }
        let _ = stream.preview();
    }
}

/// Reads all events of `bytes`. Returns true if the end marker was among them.
fn parse(bytes: &[u8], max_pixels: u64) -> Result<bool> {
    let mut parser = Parser::new(max_pixels);
    let mut rest = bytes;
    loop {
        let (used, event) = parser.push(rest)?;
        rest = &rest[used..];
        match event {
            Event::NeedMore => return Ok(false),
            Event::End => return Ok(true),
            _ => {}
        }
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let prior = common::gaussian();
    let decoder = common::plain(&prior);
    match decoder.decode(b"") {
        Err(Error::Format(e)) => assert_eq!((e.offset, e.part.as_str()), (0, "header")),
        other => panic!("{other:?}"),
    }
    let png = std::fs::read(common::sample_path("badge.png")).expect("sample");
    for bytes in [&b"Dear decoder,\n"[..], b"x", b"\0\0\0\0\0\0\0\0", &png] {
        match decoder.decode(bytes) {
            Err(Error::Format(e)) => assert_eq!((e.offset, e.part.as_str()), (0, "signature")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_truncated_header_is_incomplete() {
    let prior = common::gaussian();
    let file = small(&prior);
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let (least, _) = parser.push(&file).expect("a header");
    for n in 0..least {
        match common::plain(&prior).decode(&file[..n]) {
            Err(Error::Format(e)) => {
                assert_eq!((e.offset, e.part.as_str()), (n as u64, "header"));
                assert!(e.reason.contains(&format!("after {n} bytes")), "{e}");
            }
            other => panic!("{n} bytes: {other:?}"),
        }
    }
    for n in least..=file.len() {
        let decoded = common::plain(&prior).decode(&file[..n]);
        let used = decoded.expect("missing bytes are no error").coverage;
        assert_eq!(used.complete, n == file.len());
    }
}

#[test]
fn every_flipped_byte_is_noticed() {
    for prior in [common::gaussian(), common::fast()] {
        let file = small(&prior);
        for i in 0..file.len() {
            for mask in [0x01, 0x02, 0x10, 0x80, 0xFF] {
                let mut damaged = file.clone();
                damaged[i] ^= mask;
                match common::plain(&prior).decode(&damaged) {
                    // A length that grew past the end of the file makes it a prefix of another one.
                    Ok(decoded) => assert!(!decoded.coverage.complete, "byte {i} ^ {mask:#04x}"),
                    Err(Error::Format(_) | Error::Unsupported(_)) => {}
                    Err(e) => panic!("byte {i} ^ {mask:#04x}: {e:?}"),
                }
            }
        }
    }
}

#[test]
fn damage_is_located() {
    let prior = common::gaussian();
    let file = Encoder::new(&prior)
        .target(Target::Quality(75.0))
        .encode(&common::noise(48, 48, Colour::Rgb, false, 1))
        .expect("encodes");
    // The bits of a layer are closed by the next check: that of a layer 1,024 bytes or more after
    // the last, or of the end.
    let header = Writer::new(&header(&prior, 48, 48)).len() as u64;
    let (mut checked, mut units) = (header, Vec::new());
    for layer in file.layers.iter().map(|l| l.layer) {
        let head = 1 + if layer.stages < 128 { 1 } else { 2 };
        let has_check = layer.offset + head - checked >= 1024;
        if has_check {
            checked = layer.offset + head + 2;
        }
        units.push((format!("layer {}", layer.index), layer.offset, has_check));
    }
    let end = file.bytes.len() as u64 - 3;
    units.push(("end".into(), end, true));
    assert!(units.iter().filter(|u| u.2).count() > 1, "{units:?}");
    assert!(units.iter().any(|u| !u.2), "{units:?}");
    for (i, layer) in file.layers.iter().enumerate() {
        let mut damaged = file.bytes.clone();
        damaged[layer.end as usize - 1] ^= 0x40;
        let close = units[i + 1..]
            .iter()
            .find(|u| u.2)
            .expect("the end has one");
        match common::plain(&prior).decode(&damaged) {
            Err(Error::Format(e)) => assert_eq!((&e.part, e.offset), (&close.0, close.1)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn huge_pictures_are_refused_without_memory() {
    let prior = common::gaussian();
    for (width, height) in [(MAX_SIDE, MAX_SIDE), (MAX_SIDE, 245), (16_001, 16_000)] {
        let bytes = without_layers(&header(&prior, width, height));
        let (result, most) = memory(|| common::plain(&prior).decode(&bytes));
        match result {
            Err(Error::Limits(e)) => {
                assert!(e.contains(&width.to_string()), "{e}");
                assert!(e.contains(&DEFAULT_MAX_PIXELS.to_string()), "{e}");
            }
            other => panic!("{other:?}"),
        }
        assert!(most < 1 << 16, "{most} bytes");
        // Reading the events of a file takes no memory either.
        let (result, most) = memory(|| parse(&bytes, u64::MAX));
        assert!(result.expect("valid"));
        assert!(most < 1 << 16, "{most} bytes");
    }
    let bytes = without_layers(&header(&prior, 33, 31));
    for (limit, fine) in [(1022, false), (1023, true)] {
        let result = common::plain(&prior).max_pixels(limit).decode(&bytes);
        assert_eq!(result.is_ok(), fine);
    }
    for (width, height) in [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (0, 1), (1, 0)] {
        let bytes = without_layers(&header(&prior, width, height));
        let result = common::plain(&prior).max_pixels(u64::MAX).decode(&bytes);
        assert!(matches!(result, Err(Error::Format(_))), "{result:?}");
    }
}

#[test]
fn announced_but_missing_bytes_take_no_memory() {
    let prior = common::gaussian();
    let large = header(&prior, 8000, 8000);
    let opaque = Header {
        form: Form {
            alpha: false,
            ..large.form
        },
        ..large.clone()
    };
    let mut layer = Writer::new(&opaque);
    layer.layer(common::code(200), large.coded_len() as u32);
    let layer = layer.cut(usize::MAX);
    // Parts of which only the length is there.
    let part = |name: &[u8], len: &[u8]| {
        let mut bytes = Writer::new(&large).cut(usize::MAX);
        let head = [name, len].concat();
        bytes.extend(&head);
        bytes.extend(&crc32fast::hash(&head).to_le_bytes()[..2]);
        bytes.extend([7; 100]);
        bytes
    };
    let alpha = part(b"ALPH", &[0x80, 0x80, 0x80, 0x10]);
    let optional = part(
        b"note",
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    );
    for bytes in [layer, alpha, optional] {
        let (result, most) = memory(|| parse(&bytes, u64::MAX));
        assert!(!result.expect("a prefix"));
        assert!(most < 1 << 16, "{most} bytes");
    }
    // An alpha plane that no picture of this size has.
    let bytes = part(b"ALPH", &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    assert!(matches!(parse(&bytes, u64::MAX), Err(Error::Format(_))));
}

#[test]
fn forged_layers_take_no_more_than_the_picture() {
    forged_layers(false);
    forged_layers(true);
}

fn forged_layers(banded: bool) {
    let prior = common::gaussian();
    let forged = Header {
        form: Form {
            alpha: false,
            ..header(&prior, 200, 150).form
        },
        banded,
        ..header(&prior, 200, 150)
    };
    let len = forged.coded_len() as usize;
    let mut most_stages = Writer::new(&forged);
    most_stages.layer(common::code(200), len as u32);
    let no_body = most_stages.cut(usize::MAX);
    let mut two = Writer::new(&forged);
    two.layer(common::code(200), len as u32);
    two.body(&vec![0xA5; len.div_ceil(2)]);
    two.layer(common::code(199), len as u32);
    two.body(&[0x5A; 1000]);
    let part = two.cut(usize::MAX);
    let empty = Writer::new(&forged).finish();
    let decode = |bytes: &[u8]| {
        let (result, most) = memory(|| common::plain(&prior).decode(bytes));
        let used = result.expect("valid so far").coverage;
        println!(
            "{used:?}: {most} bytes, {:.1} a value",
            most as f64 / len as f64
        );
        most
    };
    let least = decode(&empty);
    assert!(least < 100 * len);
    assert!(decode(&no_body) < least + (1 << 12));
    assert!(decode(&part) < 100 * len);
    // One stage more than there are values.
    let mut over = Writer::new(&forged);
    over.layer(common::code(200), len as u32 + 1);
    let result = common::plain(&prior).decode(&over.finish());
    assert!(matches!(result, Err(Error::Format(_))), "{result:?}");
}

#[test]
fn random_bytes_after_a_header() {
    let prior = common::gaussian();
    let mut rng = Rng(2);
    for round in 0..400 {
        let (width, height) = (1 + rng.below(40) as u32, 1 + rng.below(40) as u32);
        let mut head = header(&prior, width, height);
        head.banded = round % 2 == 1;
        let mut bytes = Writer::new(&head).cut(usize::MAX);
        let n = rng.below(300);
        bytes.extend(rng.bytes(n));
        if let Ok(decoded) = common::plain(&prior).decode(&bytes) {
            assert_eq!(decoded.picture.width(), width);
        }
        abuse(&prior, &bytes, 1 + round % 50);
    }
}

/// Files whose every check is right and whose contents are nonsense.
#[test]
fn random_contents_with_valid_checks() {
    let prior = common::gaussian();
    let mut rng = Rng(3);
    for round in 0..300 {
        let mut head = header(&prior, 1 + rng.below(36) as u32, 1 + rng.below(36) as u32);
        head.form.colour = [Colour::Rgb, Colour::Grey][rng.below(2)];
        head.banded = rng.below(2) == 0;
        head.form.alpha = rng.below(2) == 0;
        head.seed = rng.next();
        head.trellis = Trellis::ALL[rng.below(3)];
        let most = usize::from(SigmaCode::MAX.get());
        head.start = common::code(2 * rng.below(most / 2 + 1) as u16);
        let mut writer = Writer::new(&head);
        for i in 0..rng.below(3) {
            let n = rng.below(200);
            writer.part(PartName([b'n', b'o', b't', b'a' + i as u8]), &rng.bytes(n));
        }
        if head.form.alpha {
            let n = rng.below(200);
            writer.part(PartName::ALPHA, &rng.bytes(n));
        }
        let mut sigma = head.start;
        for _ in 0..rng.below(6) {
            let delta = 1 + rng.below(127) as u16;
            let Some(next) = sigma.checked_sub(delta) else {
                break;
            };
            sigma = next;
            // Few, none or very many stages.
            let most = [1, 3, 100, head.coded_len() as usize + 1][rng.below(4)];
            let stages = rng.below(most);
            let change = rng.bytes(BandAllocation::BYTES);
            if let (0, Ok(change)) = (rng.below(2), change.try_into()) {
                writer.allot(writer.allocation().changed(change));
            }
            writer.layer(sigma, stages as u32);
            writer.body(&rng.bytes(stages.div_ceil(2)));
        }
        let bytes = writer.finish();
        let decoded = common::plain(&prior).decode(&bytes).expect("all is valid");
        assert!(decoded.coverage.complete, "round {round}");
        assert_eq!(decoded.picture.alpha().is_some(), head.form.alpha);
        abuse(&prior, &bytes, 1 + round % 97);
        let n = rng.below(bytes.len());
        let _ = common::plain(&prior).decode(&bytes[..n]);
    }
}

#[test]
fn nothing_panics_behind_an_error() {
    let prior = common::gaussian();
    let file = small(&prior);
    let mut rng = Rng(4);
    for i in 0..file.len() {
        let mut damaged = file.clone();
        damaged[i] ^= 1 + rng.below(255) as u8;
        abuse(&prior, &damaged, 1 + i % 9);
    }
}

#[test]
fn a_file_asks_for_no_more_calls_than_allowed() {
    let prior = common::fast();
    let mut head = header(&prior, 16, 16);
    head.start = common::code(400);
    head.form.alpha = false;
    let file = |layers: u16| {
        let mut writer = Writer::new(&head);
        for i in 0..layers {
            writer.layer(common::code(399 - i), 0);
        }
        writer.finish()
    };
    let most = dcodec::DEFAULT_MAX_CALLS as u16;
    let (many, few) = (file(400), file(most));
    assert!(many.len() < 1000);
    let refused = |decoder: &Decoder| {
        let whole = decoder.decode(&many);
        let mut stream = decoder.stream();
        let mut rest = &many[..];
        let streamed = loop {
            match stream.push(rest) {
                Ok((used, Event::End | Event::NeedMore)) => break Ok(used),
                Ok((used, _)) => rest = &rest[used..],
                Err(e) => break Err(e),
            }
        };
        let over = |e: &Error| matches!(e, Error::Limits(e) if e.contains("layers"));
        let [whole, streamed] = [whole.err(), streamed.err()];
        assert_eq!(whole.is_some(), streamed.is_some());
        assert!(
            [&whole, &streamed].into_iter().flatten().all(over),
            "{whole:?}"
        );
        whole.is_some()
    };
    let plain = common::plain(&prior);
    assert!(refused(&plain) && refused(&plain.clone().max_calls(399)));
    assert!(!refused(&plain.clone().max_calls(400)));
    assert!(
        plain
            .decode(&few)
            .expect("within the limit")
            .coverage
            .complete
    );
    // The layers that count are the ones that are decoded.
    assert!(plain.max_layers(20).decode(&many).is_ok());
}

#[test]
fn a_thousand_random_strings() {
    let prior = common::gaussian();
    let start = Writer::new(&header(&prior, 20, 20)).cut(usize::MAX);
    let mut rng = Rng(5);
    for _ in 0..1000 {
        // From nothing right to a whole header right.
        let mut bytes = start[..rng.below(start.len() + 1)].to_vec();
        let n = rng.below(200);
        bytes.extend(rng.bytes(n));
        let whole = parse(&bytes, DEFAULT_MAX_PIXELS).map_err(|e| e.to_string());
        // In pieces the result is the same.
        let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
        let mut split = Ok(false);
        'all: for chunk in bytes.chunks(1 + rng.below(9)) {
            let mut rest = chunk;
            loop {
                match parser.push(rest) {
                    Ok((_, Event::NeedMore)) => break,
                    Ok((_, Event::End)) => {
                        split = Ok(true);
                        break 'all;
                    }
                    Ok((used, _)) => rest = &rest[used..],
                    Err(e) => {
                        split = Err(e.to_string());
                        break 'all;
                    }
                }
            }
        }
        assert_eq!(split, whole);
    }
}

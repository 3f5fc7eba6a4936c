use super::*;
use crate::save::{Format, encode_picture};
use image::codecs::jpeg::JpegEncoder;

fn load(bytes: &[u8]) -> Result<Loaded> {
    load_picture(bytes, Path::new("in"), 1 << 20)
}

fn reason(bytes: &[u8]) -> String {
    load(bytes).expect_err("refused").to_string()
}

fn has_note(loaded: &Loaded, text: &str) -> bool {
    loaded.notes.iter().any(|n| n.contains(text))
}

/// A TIFF file of one strip, which stands first; entries have integers of 16 or 32 bits.
fn tiff(little: bool, big: bool, strip: &[u8], entries: &[(u16, u16, &[u32])]) -> Vec<u8> {
    let digits = |value: u64, bytes: usize| {
        let mut all = value.to_le_bytes()[..bytes].to_vec();
        if !little {
            all.reverse();
        }
        all
    };
    let (count, size, link) = if big { (8, 20, 8) } else { (2, 12, 4) };
    let mut entries: Vec<(u16, u16, &[u32])> = entries.to_vec();
    let (offset, length) = ([16], [strip.len() as u32]);
    entries.extend([(273, 4, &offset[..]), (279, 4, &length[..])]);
    entries.sort_by_key(|e| e.0);
    let at = (16 + strip.len()).next_multiple_of(2);
    let mut out = if little { b"II" } else { b"MM" }.to_vec();
    match big {
        true => out.extend(
            [
                digits(43, 2),
                digits(8, 2),
                digits(0, 2),
                digits(at as u64, 8),
            ]
            .concat(),
        ),
        false => out.extend([digits(42, 2), digits(at as u64, 4), vec![0; 8]].concat()),
    }
    out.extend(strip);
    out.resize(at, 0);
    let mut end = at + count + size * entries.len() + link;
    let mut more = Vec::new();
    out.extend(digits(entries.len() as u64, count));
    for (tag, kind, values) in entries {
        let width = if kind == 3 { 2 } else { 4 };
        let mut bytes: Vec<u8> = values
            .iter()
            .flat_map(|&v| digits(v.into(), width))
            .collect();
        out.extend([digits(tag.into(), 2), digits(kind.into(), 2)].concat());
        out.extend(digits(values.len() as u64, link));
        if bytes.len() > link {
            let place = digits(end as u64, link);
            end += bytes.len();
            more.extend(std::mem::replace(&mut bytes, place));
        }
        bytes.resize(link, 0);
        out.extend(bytes);
    }
    out.extend(vec![0; link]);
    out.extend(more);
    out
}

/// Rows of samples of this many bits, the highest bit first.
fn packed(values: &[u32], row: usize, bits: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for row in values.chunks(row) {
        let all: Vec<u8> = row
            .iter()
            .flat_map(|v| (0..bits).rev().map(move |i| (v >> i & 1) as u8))
            .collect();
        let byte = |bits: &[u8]| {
            bits.iter()
                .enumerate()
                .fold(0, |b, (i, &v)| b | v << (7 - i))
        };
        out.extend(all.chunks(8).map(byte));
    }
    out
}

const WIDTH: usize = 5;
const HEIGHT: usize = 3;

/// A TIFF file of WIDTH x HEIGHT pixels of `channels` samples.
fn tiff_of(
    values: &[u32],
    channels: usize,
    bits: u32,
    meaning: u32,
    more: &[(u16, u16, &[u32])],
) -> Vec<u8> {
    let strip = packed(values, WIDTH * channels, bits as usize);
    tiff_with(&strip, channels, bits, meaning, more, true, false)
}

fn tiff_with(
    strip: &[u8],
    channels: usize,
    bits: u32,
    meaning: u32,
    more: &[(u16, u16, &[u32])],
    little: bool,
    big: bool,
) -> Vec<u8> {
    let bits = vec![bits; channels];
    let mut entries: Vec<(u16, u16, &[u32])> = vec![
        (256, 3, &[WIDTH as u32]),
        (257, 3, &[HEIGHT as u32]),
        (258, 3, &bits),
        (262, 3, std::slice::from_ref(&meaning)),
    ];
    let channels = [channels as u32];
    entries.push((277, 3, &channels));
    entries.extend(more);
    tiff(little, big, strip, &entries)
}

/// Some values of this many bits, the largest among them.
fn values(n: usize, bits: u32) -> Vec<u32> {
    let max = (1u32 << bits) - 1;
    (0..n as u32)
        .map(|i| (i * 977 + i * i * 31) % max + u32::from(i == 7))
        .collect()
}

#[test]
fn tiff_of_any_bits_and_channels() {
    for bits in [1, 2, 3, 4, 6, 8, 10, 12, 14] {
        for (channels, meaning) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
            let values = values(WIDTH * HEIGHT * channels, bits);
            let strip = packed(&values, WIDTH * channels, bits as usize);
            let extra: &[(u16, u16, &[u32])] = match channels % 2 {
                0 => &[(338, 3, &[2])],
                _ => &[],
            };
            for (little, big) in [(true, false), (false, false), (true, true), (false, true)] {
                let file = tiff_with(&strip, channels, bits, meaning, extra, little, big);
                let what = format!("{bits} bits, {channels} channels, {little} {big}");
                let form = picture_form(&file).expect(&what);
                let loaded = load(&file).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert!(loaded.notes.is_empty(), "{what}: {:?}", loaded.notes);
                let picture = loaded.picture;
                assert_eq!(picture.form(), form, "{what}");
                assert_eq!(picture.alpha().is_some(), channels % 2 == 0, "{what}");
                assert_eq!(picture.colour().channels(), channels - (1 - channels % 2));
                let (from, to) = ((1 << bits) - 1, u32::from(picture.depth().max()));
                let scaled: Vec<u32> = values.iter().map(|v| (v * to + from / 2) / from).collect();
                let image = picture.to_image();
                let shown: Vec<u32> = match picture.depth() {
                    BitDepth::Eight => image.as_bytes().iter().map(|&v| v.into()).collect(),
                    BitDepth::Sixteen => {
                        let pairs = image.as_bytes().chunks(2);
                        pairs
                            .map(|v| u16::from_ne_bytes([v[0], v[1]]).into())
                            .collect()
                    }
                };
                assert_eq!(shown, scaled, "{what}");
            }
        }
    }
}

#[test]
fn tiff_of_associated_alpha_is_divided_by_it() {
    // Pixels of full, half and no alpha.
    let mut samples = Vec::new();
    for i in 0..WIDTH * HEIGHT {
        samples.extend([[200, 100, 50, 255], [100, 50, 25, 128], [0, 0, 0, 0]][i % 3]);
    }
    let file = |kind: u32| tiff_of(&samples, 4, 8, 2, &[(338, 3, &[kind])]);
    let loaded = load(&file(1)).unwrap();
    assert!(has_note(&loaded, "associated"));
    let shown = loaded.picture.samples().as_eight().unwrap().to_vec();
    assert_eq!(shown[..9], [200, 100, 50, 199, 100, 50, 0, 0, 0]);
    let alpha = loaded.picture.alpha().unwrap().as_eight().unwrap();
    assert_eq!(alpha[..3], [255, 128, 0]);
    let straight = load(&file(2)).unwrap();
    assert_eq!(
        straight.picture.samples().as_eight().unwrap()[3..6],
        [100, 50, 25]
    );
    // A sample of unknown meaning is no alpha.
    let unknown = load(&file(0)).unwrap();
    assert!(unknown.picture.alpha().is_none() && has_note(&unknown, "unknown meaning"));
    // Grey too.
    let grey: Vec<u32> = (0..WIDTH * HEIGHT).flat_map(|_| [100, 128]).collect();
    let grey = load(&tiff_of(&grey, 2, 8, 1, &[(338, 3, &[1])])).unwrap();
    assert_eq!(grey.picture.samples().as_eight().unwrap()[0], 199);
}

#[test]
fn tiff_of_palettes_white_paper_and_ycbcr() {
    let indices = values(WIDTH * HEIGHT, 4);
    let map: Vec<u32> = (0..48).map(|i| i * 5 * 257).collect();
    let file = tiff_of(&indices, 1, 4, 3, &[(320, 3, &map)]);
    let loaded = load(&file).unwrap();
    let colour = |i: &u32| [5 * i, 5 * (i + 16), 5 * (i + 32)].map(|v| v as u8);
    let wanted: Vec<u8> = indices.iter().flat_map(colour).collect();
    assert_eq!(loaded.picture.samples().as_eight().unwrap(), wanted);
    // A palette of greys is grey.
    let greys: Vec<u32> = (0..48).map(|i| (i % 16) * 17 * 256).collect();
    let grey = load(&tiff_of(&indices, 1, 4, 3, &[(320, 3, &greys)]))
        .unwrap()
        .picture;
    assert_eq!(grey.colour(), Colour::Grey);
    assert_eq!(
        grey.samples().as_eight().unwrap()[1],
        (indices[1] * 17) as u8
    );
    // White is zero.
    let white = load(&tiff_of(&indices, 1, 4, 0, &[])).unwrap().picture;
    assert_eq!(
        white.samples().as_eight().unwrap()[1],
        255 - (indices[1] * 17) as u8
    );
    // Red, and neither subsampled nor compressed.
    let red: Vec<u32> = (0..WIDTH * HEIGHT).flat_map(|_| [76, 85, 255]).collect();
    let red = load(&tiff_of(&red, 3, 8, 6, &[(530, 3, &[1, 1])]))
        .unwrap()
        .picture;
    let pixel = &red.samples().as_eight().unwrap()[..3];
    assert!(
        pixel[0] >= 253 && pixel[1] <= 2 && pixel[2] <= 2,
        "{pixel:?}"
    );
}

#[test]
fn tiff_of_subsampled_ycbcr() {
    // Units of 2 x 2 pixels, some of them half outside: red on the left, grey on the right.
    let unit = |x: usize| match x {
        0 | 1 => [76, 76, 76, 76, 85, 255],
        _ => [200, 200, 200, 200, 128, 128],
    };
    let strip: Vec<u8> = (0..2).flat_map(|_| (0..3).flat_map(unit)).collect();
    for (little, big) in [(true, false), (false, true)] {
        // As many as are usual.
        for more in [&[(530, 3, &[2u32, 2][..])][..], &[]] {
            let file = tiff_with(&strip, 3, 8, 6, more, little, big);
            let shown = load(&file).unwrap().picture;
            let pixels: Vec<&[u8]> = shown.samples().as_eight().unwrap().chunks(3).collect();
            for (i, pixel) in pixels.into_iter().enumerate() {
                let wanted: [u8; 3] = if i % WIDTH < 4 { [255, 0, 0] } else { [200; 3] };
                let near = pixel.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 2);
                assert!(near, "{i}: {pixel:?}");
            }
        }
    }
}

#[test]
fn tiff_of_jpeg() {
    let image = image::RgbImage::from_fn(WIDTH as u32, HEIGHT as u32, |x, y| {
        image::Rgb([100 + 10 * x as u8, 90, 200 - 20 * y as u8])
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 100)
        .encode_image(&image)
        .unwrap();
    let more: &[(u16, u16, &[u32])] = &[(259, 3, &[7])];
    let file = tiff_with(&jpeg, 3, 8, 6, more, true, false);
    let shown = load(&file).unwrap().picture;
    let pairs = shown
        .samples()
        .as_eight()
        .unwrap()
        .iter()
        .zip(image.as_raw());
    assert!(pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap() < 12);
    // A frame of another size would take memory of its own.
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    let mut bomb = jpeg.clone();
    bomb[frame + 5..frame + 9].fill(0x3f);
    let file = tiff_with(&bomb, 3, 8, 6, more, true, false);
    assert!(reason(&file).contains("another size"));
}

#[test]
fn tiff_that_is_not_read_says_why() {
    let v = |n: usize| vec![0; n * WIDTH * HEIGHT];
    for (file, what) in [
        (
            tiff_of(&v(1), 1, 16, 1, &[(339, 3, &[3])]),
            "floating-point",
        ),
        (tiff_of(&v(1), 1, 16, 1, &[(339, 3, &[2])]), "signed"),
        (tiff_of(&v(1), 1, 32, 1, &[]), "samples of 32 bits"),
        (tiff_of(&v(3), 3, 8, 8, &[]), "L*a*b*"),
        (
            tiff_of(&v(3), 3, 8, 6, &[(259, 3, &[5]), (317, 3, &[2])]),
            "YCbCr colours in this layout",
        ),
        (tiff_of(&v(1), 1, 1, 1, &[(259, 3, &[3])]), "CCITT group 3"),
        (tiff_of(&v(1), 1, 8, 1, &[(259, 3, &[50000])]), "Zstandard"),
        (
            tiff_of(&v(1), 1, 8, 1, &[(259, 3, &[9999])]),
            "an unknown method (9999)",
        ),
        (
            tiff_of(&v(1), 1, 8, 2, &[]),
            "1 samples a pixel where its colours take 3",
        ),
        (tiff_of(&v(1), 1, 8, 3, &[]), "palette is too short"),
        (b"II*\0\xff\xff\0\0".to_vec(), "directory"),
    ] {
        let reason = reason(&file);
        assert!(
            reason.starts_with("in: ") && reason.contains(what),
            "{reason}"
        );
        assert!(
            !reason.contains("Unknown(") && !reason.contains('"'),
            "{reason}"
        );
    }
}

#[test]
fn damaged_tiff_breaks_nothing() {
    let values = values(WIDTH * HEIGHT * 4, 12);
    let more: &[(u16, u16, &[u32])] = &[(338, 3, &[1]), (266, 3, &[1]), (284, 3, &[1])];
    for file in [
        tiff_of(&values, 4, 12, 2, more),
        tiff_with(&packed(&values, WIDTH * 4, 12), 4, 12, 2, more, false, true),
    ] {
        for i in 0..file.len() {
            for bit in 0..8 {
                let mut damaged = file.clone();
                damaged[i] ^= 1 << bit;
                let _ = load_picture(&damaged, Path::new("in"), 1 << 10);
            }
            let _ = load(&file[..i]);
        }
    }
}

#[test]
fn tiff_bits_may_stand_the_other_way_round() {
    let values = values(WIDTH * HEIGHT, 1);
    let strip = packed(&values, WIDTH, 1);
    let turned: Vec<u8> = strip.iter().map(|b| b.reverse_bits()).collect();
    let usual = tiff_with(&strip, 1, 1, 1, &[], true, false);
    let other = tiff_with(&turned, 1, 1, 1, &[(266, 3, &[2])], true, false);
    assert_eq!(load(&usual).unwrap().picture, load(&other).unwrap().picture);
}

#[test]
fn tiff_keeps_its_exif_and_the_first_full_page() {
    // A small copy, then the picture, then another page. The second stands behind the first file.
    let small = tiff_of(&[0; WIDTH * HEIGHT], 1, 8, 1, &[(254, 4, &[1])]);
    let mut file = small.clone();
    let mut pages = Vec::new();
    for value in [70, 80] {
        let page = tiff_of(&[value; WIDTH * HEIGHT], 1, 8, 1, &[(274, 3, &[6])]);
        let at = file.len().next_multiple_of(2);
        file.resize(at, 0);
        pages.push((at, page.len()));
        // Offsets in it grow.
        let mut page = page;
        let directory = u32::from_le_bytes(*page[4..].first_chunk().unwrap()) as usize;
        for i in 0..usize::from(page[directory]) {
            let entry = directory + 2 + 12 * i;
            if page[entry..entry + 2] == 273u16.to_le_bytes() {
                page[entry + 8..entry + 12].copy_from_slice(&(16 + at as u32).to_le_bytes());
            }
        }
        file.extend(page);
    }
    let directory = |file: &[u8], at: usize| {
        at + u32::from_le_bytes(*file[at + 4..].first_chunk().unwrap()) as usize
    };
    let mut last = directory(&file, 0);
    for (at, _) in pages {
        let next = directory(&file, at);
        let link = last + 2 + 12 * usize::from(file[last]);
        file[link..link + 4].copy_from_slice(&(next as u32).to_le_bytes());
        last = next;
    }
    let loaded = load(&file).unwrap();
    assert_eq!(loaded.picture.samples().as_eight().unwrap()[0], 70);
    assert!(has_note(&loaded, "only the first page"));
    // Turned by the entry of the container.
    assert_eq!(
        (
            loaded.picture.width() as usize,
            loaded.picture.height() as usize
        ),
        (HEIGHT, WIDTH)
    );
}

fn exif_numbers(exif: &[u8], nested: Option<u16>, tag: u16) -> Vec<u64> {
    let block = crate::directory::Block::new(exif).expect("EXIF");
    let mut directory = block.directory(block.first).expect("a directory");
    if let Some(nested) = nested {
        let at = block.integer(&directory, nested).expect("nested");
        directory = block.directory(at as usize).expect("a directory");
    }
    directory
        .find(tag)
        .map(|e| block.integers(e))
        .unwrap_or_default()
}

/// EXIF that asks for a turn, with sizes, a thumbnail and a place.
fn exif_with_thumbnail() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, value: u32| {
        [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &1u32.to_le_bytes(),
            &value.to_le_bytes(),
        ]
        .concat()
    };
    let mut exif = b"II*\0\x08\0\0\0".to_vec();
    exif.extend(
        [
            &3u16.to_le_bytes()[..],
            &entry(274, 3, 6),
            &entry(0x8769, 4, 50),
            &entry(0x8825, 4, 80),
        ]
        .concat(),
    );
    exif.extend(98u32.to_le_bytes());
    assert_eq!(exif.len(), 50);
    exif.extend(
        [
            &2u16.to_le_bytes()[..],
            &entry(0xa002, 4, 96),
            &entry(0xa003, 3, 64),
            &[0; 4],
        ]
        .concat(),
    );
    exif.extend([&1u16.to_le_bytes()[..], &entry(0, 1, 2), &[0; 4]].concat());
    assert_eq!(exif.len(), 98);
    exif.extend(
        [
            &2u16.to_le_bytes()[..],
            &entry(513, 4, 128),
            &entry(514, 4, 4),
            &[0; 4],
        ]
        .concat(),
    );
    assert_eq!(exif.len(), 128);
    exif.extend(b"JPEG");
    exif
}

#[test]
fn a_turn_is_told_to_exif() {
    let picture = Picture::new(96, 64, Colour::Grey, vec![9; 96 * 64], None).unwrap();
    let metadata = Metadata {
        exif: Some(exif_with_thumbnail()),
        ..Default::default()
    };
    for format in [Format::Png, Format::Jpeg, Format::WebP] {
        let (bytes, _) = encode_picture(&picture, &metadata, format).unwrap();
        let loaded = load(&bytes).unwrap();
        assert_eq!((loaded.picture.width(), loaded.picture.height()), (64, 96));
        let exif = loaded.metadata.exif.unwrap();
        assert_eq!(exif_numbers(&exif, None, 274), [1]);
        assert_eq!(exif_numbers(&exif, Some(0x8769), 0xa002), [64]);
        assert_eq!(exif_numbers(&exif, Some(0x8769), 0xa003), [96]);
        assert_eq!(exif_numbers(&exif, Some(0x8825), 0), [2]);
        // The thumbnail lay.
        assert!(!exif.windows(4).any(|w| w == b"JPEG"));
        assert_eq!(exif.len(), 98);
    }
    // Resolutions change places with the sides.
    let known = crate::exif::Resolution { x: 300.0, y: 150.0 };
    let mut exif = crate::exif::with_resolution(Some(exif_with_thumbnail()), known);
    crate::exif::turned(&mut exif, 96, 64, false);
    assert_eq!(crate::exif::resolution(&exif), Some(known));
    crate::exif::turned(&mut exif, 64, 96, true);
    let swapped = crate::exif::resolution(&exif).unwrap();
    assert_eq!((swapped.x, swapped.y), (150.0, 300.0));
    // Any damage is only that.
    let exif = exif_with_thumbnail();
    for i in 0..exif.len() {
        let mut damaged = exif.clone();
        damaged[i] ^= 0xff;
        crate::exif::turned(&mut damaged, 1, 2, true);
        crate::exif::turned(&mut exif[..i].to_vec(), 1, 2, true);
        let resolution = crate::exif::Resolution { x: 300.0, y: 300.0 };
        crate::exif::with_resolution(Some(damaged), resolution);
    }
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend([name, data].concat());
    chunk.extend(crc32fast::hash(&chunk[4..]).to_be_bytes());
    chunk
}

fn with_chunk(png: &[u8], name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut png = png.to_vec();
    png.splice(33..33, chunk(name, data));
    png
}

fn png(colour: Colour) -> Vec<u8> {
    let samples = (0..48 * colour.channels() as u8)
        .map(|i| i.wrapping_mul(37))
        .collect();
    let picture = Picture::new(8, 6, colour, samples, None).unwrap();
    encode_picture(&picture, &Metadata::default(), Format::Png)
        .unwrap()
        .0
}

#[test]
fn resolution_is_kept_in_every_format_that_has_one() {
    let plain = load(&png(Colour::Rgb)).unwrap();
    assert_eq!(plain.metadata, Metadata::default());
    let metre =
        |x: u32, y: u32, unit: u8| [&x.to_be_bytes()[..], &y.to_be_bytes(), &[unit]].concat();
    for (data, known) in [
        (metre(11811, 5906, 1), true),
        // 72 dots in an inch are nobody's choice, and others are only a shape.
        (metre(2835, 2835, 1), false),
        (metre(1, 2, 0), false),
        (metre(0, 0, 1), false),
    ] {
        let file = with_chunk(&png(Colour::Rgb), b"pHYs", &data);
        let loaded = load(&file).unwrap();
        assert_eq!(loaded.metadata.exif.is_some(), known);
        if !known {
            continue;
        }
        for format in [Format::Png, Format::Jpeg, Format::Tiff, Format::WebP] {
            let (bytes, notices) =
                encode_picture(&loaded.picture, &loaded.metadata, format).unwrap();
            assert_eq!(notices, []);
            let back = load(&bytes).unwrap();
            let exif = back.metadata.exif.expect("EXIF");
            let got = crate::exif::resolution(&exif).expect("a resolution");
            assert_eq!((got.x, got.y), (300.0, 150.01), "{format:?}");
            match format {
                Format::Png => assert!(
                    bytes
                        .windows(13)
                        .any(|w| w == [b"pHYs", &data[..]].concat())
                ),
                Format::Jpeg => assert_eq!(bytes[11..18], [1, 2, 1, 1, 44, 0, 150]),
                _ => {}
            }
        }
    }
    // Beside EXIF that does not tell it, and under one that does.
    let metadata = Metadata {
        exif: Some(exif_with_thumbnail()),
        ..Default::default()
    };
    let (file, _) = encode_picture(&plain.picture, &metadata, Format::Png).unwrap();
    let file = with_chunk(&file, b"pHYs", &metre(11811, 5906, 1));
    let exif = load(&file).unwrap().metadata.exif.unwrap();
    assert_eq!(exif_numbers(&exif, Some(0x8825), 0), [2]);
    // The picture was turned, and so were its dots.
    let got = crate::exif::resolution(&exif).unwrap();
    assert_eq!((got.x, got.y), (150.01, 300.0));
    let again = crate::exif::Resolution { x: 99.0, y: 99.0 };
    assert_eq!(
        crate::exif::with_resolution(Some(exif.clone()), again),
        exif
    );
}

#[test]
fn the_colour_space_of_a_png_becomes_a_profile() {
    let gamma = |v: u32| v.to_be_bytes().to_vec();
    let adobe: Vec<u8> = [31270u32, 32900, 64000, 33000, 21000, 71000, 15000, 6000]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect();
    for colour in [Colour::Grey, Colour::Rgb] {
        let plain = png(colour);
        let linear = with_chunk(&plain, b"gAMA", &gamma(100_000));
        let loaded = load(&linear).unwrap();
        assert!(has_note(&loaded, "made from gAMA"), "{:?}", loaded.notes);
        let icc = loaded.metadata.icc.unwrap();
        assert!(crate::colour::fits(&icc, colour));
        // The usual gamma is sRGB, and the chunk sRGB goes before the others.
        for file in [
            with_chunk(&plain, b"gAMA", &gamma(45455)),
            with_chunk(&linear, b"sRGB", &[0]),
            with_chunk(&linear, b"cICP", &[1, 13, 0, 1]),
            with_chunk(&plain, b"gAMA", &gamma(0)),
        ] {
            let loaded = load(&file).unwrap();
            assert_eq!(loaded.metadata.icc, None);
            assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
        }
        let wide = with_chunk(&with_chunk(&plain, b"gAMA", &gamma(45455)), b"cHRM", &adobe);
        assert_eq!(
            load(&wide).unwrap().metadata.icc.is_some(),
            colour == Colour::Rgb
        );
        // PQ comes back as it was.
        let pq = with_chunk(&linear, b"cICP", &[9, 16, 0, 1]);
        let loaded = load(&pq).unwrap();
        assert!(has_note(&loaded, "made from cICP"), "{:?}", loaded.notes);
        let (bytes, notices) =
            encode_picture(&loaded.picture, &loaded.metadata, Format::Png).unwrap();
        assert_eq!(notices, []);
        if colour == Colour::Rgb {
            assert!(bytes.windows(8).any(|w| w == b"cICP\x09\x10\x00\x01"));
        }
        let back = load(&bytes).unwrap();
        assert_eq!(back.metadata.icc.is_some(), loaded.metadata.icc.is_some());
        let none = load(&with_chunk(&plain, b"cICP", &[9, 16, 9, 0])).unwrap();
        assert!(none.metadata.icc.is_none() && has_note(&none, "has no profile here"));
        // What is of no use leaves the word to the next chunk.
        let strange = match colour {
            // The curve of one for colours would be kept.
            Colour::Grey => b"no profile of any kind".to_vec(),
            Colour::Rgb => {
                crate::colour::of_gamma(Some(1.8), crate::colour::SRGB, Colour::Grey).unwrap()
            }
        };
        let strange = miniz_oxide::deflate::compress_to_vec_zlib(&strange, 6);
        for file in [
            with_chunk(&linear, b"cICP", &[2, 2, 0, 1]),
            with_chunk(&linear, b"iCCP", &[b"x\0\0", &strange[..]].concat()),
        ] {
            let loaded = load(&file).unwrap();
            assert!(has_note(&loaded, "made from gAMA"), "{:?}", loaded.notes);
            assert!(has_note(&loaded, "left out"), "{:?}", loaded.notes);
            assert!(crate::colour::fits(&loaded.metadata.icc.unwrap(), colour));
        }
    }
}

#[test]
fn a_profile_is_for_the_colours_of_the_picture() {
    for (profile, picture) in [(Colour::Rgb, Colour::Grey), (Colour::Grey, Colour::Rgb)] {
        let icc = crate::colour::of_gamma(Some(1.8), crate::colour::SRGB, profile).unwrap();
        let samples = vec![9; 48 * picture.channels()];
        let stored = Picture::new(8, 6, picture, samples, None).unwrap();
        let image = stored.to_image();
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        image::ImageEncoder::set_icc_profile(&mut encoder, icc.clone()).unwrap();
        image.write_with_encoder(encoder).unwrap();
        let loaded = load(&bytes).unwrap();
        assert!(has_note(&loaded, "the colour profile is for"));
        match (picture, loaded.metadata.icc) {
            (Colour::Grey, Some(icc)) => assert!(crate::colour::fits(&icc, picture)),
            (Colour::Rgb, None) => {}
            (_, icc) => panic!("{icc:?}"),
        }
        // Written files too: WebP has no grey.
        let metadata = Metadata {
            icc: Some(icc),
            ..Default::default()
        };
        for format in [Format::Png, Format::Jpeg, Format::Tiff, Format::WebP] {
            let (bytes, _) = encode_picture(&stored, &metadata, format).unwrap();
            let file = load(&bytes).unwrap();
            let icc = file.metadata.icc.expect("converted");
            assert!(
                crate::colour::fits(&icc, file.picture.colour()),
                "{format:?}"
            );
        }
    }
}

#[test]
fn greys_of_formats_without_grey_are_grey() {
    let grey = Picture::new(8, 6, Colour::Grey, (0..48).map(|i| 5 * i).collect(), None).unwrap();
    let (bmp, _) = encode_picture(&grey, &Metadata::default(), Format::Bmp).unwrap();
    assert_eq!(load(&bmp).unwrap().picture, grey);
    let mut gif = Vec::new();
    let image = grey.to_image().into_rgba8();
    let frame = image::Frame::new(image);
    image::codecs::gif::GifEncoder::new(&mut gif)
        .encode_frames([frame])
        .unwrap();
    assert_eq!(load(&gif).unwrap().picture, grey);
    let mut colours = vec![7; 48 * 3];
    colours[100] = 8;
    let colours = Picture::new(8, 6, Colour::Rgb, colours, None).unwrap();
    let (bmp, _) = encode_picture(&colours, &Metadata::default(), Format::Bmp).unwrap();
    assert_eq!(load(&bmp).unwrap().picture, colours);
}

#[test]
fn losses_are_said() {
    let base = png(Colour::Rgb);
    let text = with_chunk(&base, b"tEXt", b"Copyright\0Nobody");
    assert!(has_note(
        &load(&text).unwrap(),
        "text of the PNG was left out: Copyright"
    ));
    let broken = with_chunk(&base, b"iCCP", b"x\0\0no zlib");
    assert!(has_note(
        &load(&broken).unwrap(),
        "profile of the PNG is damaged"
    ));
    let large = with_chunk(
        &base,
        b"iTXt",
        &[b"XML:com.adobe.xmp\0\0\0\0\0", &vec![b' '; 1 << 24][..]].concat(),
    );
    let loaded = load(&large).unwrap();
    assert!(loaded.metadata.xmp.is_none() && has_note(&loaded, "the XMP of 16777216 bytes"));
    let mut gif = Vec::new();
    let image = image::RgbaImage::from_pixel(2, 2, image::Rgba([1, 2, 3, 255]));
    let frames = [image::Frame::new(image)];
    image::codecs::gif::GifEncoder::new(&mut gif)
        .encode_frames(frames)
        .unwrap();
    assert!(load(&gif).unwrap().notes.is_empty());
    let frame = gif.windows(2).position(|w| w == [0x21, 0xf9]).unwrap();
    gif.splice(frame..frame, *b"\x21\xfe\x02hi\0");
    assert!(has_note(&load(&gif).unwrap(), "the comment of the GIF"));
    // JPEG.
    let rgb = load(&base).unwrap().picture;
    let (plain, _) = encode_picture(&rgb, &Metadata::default(), Format::Jpeg).unwrap();
    let with = |marker: u8, data: &[u8]| {
        let length = (data.len() as u16 + 2).to_be_bytes();
        [&plain[..2], &[0xff, marker], &length, data, &plain[2..]].concat()
    };
    let gain_map =
        b"http://ns.adobe.com/xap/1.0/\0<x xmlns:h=\"http://ns.adobe.com/hdr-gain-map/1.0/\"/>";
    for (file, what) in [
        (with(0xe1, gain_map), "the gain map was left out"),
        (with(0xe1, gain_map), "the XMP is about what was left out"),
        (with(0xe2, b"MPF\0MM\0*"), "only the first picture"),
        (with(0xed, b"Photoshop 3.0\x008BIM\x04\x04\0\0"), "the IPTC"),
        (with(0xfe, b"a comment"), "the comment"),
        (
            with(0xe1, b"http://ns.adobe.com/xmp/extension/\0"),
            "the extended part of the XMP",
        ),
        ([&plain[..], b"more"].concat(), "4 bytes after the end"),
    ] {
        let loaded = load(&file).unwrap();
        assert!(has_note(&loaded, what), "{what}: {:?}", loaded.notes);
        assert_eq!(loaded.picture, load(&plain).unwrap().picture);
        assert!(loaded.metadata.xmp.is_none());
    }
    assert_eq!(load(&plain).unwrap().notes.len(), 1);
}

#[test]
fn jpegs_that_are_not_read_say_why() {
    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    let (jpeg, _) = encode_picture(&rgb, &Metadata::default(), Format::Jpeg).unwrap();
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    let kind = |marker: u8, bits: u8| {
        let mut jpeg = jpeg.clone();
        jpeg[frame + 1] = marker;
        jpeg[frame + 4] = bits;
        reason(&jpeg)
    };
    assert!(kind(0xc9, 8).contains("arithmetic-coded"));
    assert!(kind(0xca, 8).contains("arithmetic-coded"));
    assert!(kind(0xc3, 8).contains("lossless JPEG"));
    assert!(kind(0xc1, 12).contains("JPEG of 12 bits"));
    for length in [30, frame + 12] {
        let reason = reason(&jpeg[..length]);
        assert_eq!(reason, "in: the JPEG is cut off", "{length}");
    }
    // Fill bytes before a marker are no cut.
    let filled = [&jpeg[..frame], &[0xff; 3], &jpeg[frame..]].concat();
    let loaded = load(&filled).unwrap();
    assert!(!has_note(&loaded, "cut off"), "{:?}", loaded.notes);
}

#[test]
fn a_png_without_its_end_is_read() {
    let whole = png(Colour::Rgb);
    for missing in 1..=12 {
        let loaded = load(&whole[..whole.len() - missing]).unwrap();
        assert_eq!(loaded.picture, load(&whole).unwrap().picture);
        assert!(has_note(&loaded, "the PNG has no end"));
    }
    // All pixels are there without the check of their chunk, and without that of their stream.
    for missing in 13..=20 {
        let loaded = load(&whole[..whole.len() - missing]).unwrap();
        assert_eq!(loaded.picture, load(&whole).unwrap().picture);
    }
    assert_eq!(reason(&whole[..whole.len() - 60]), "in: the PNG is cut off");
    // Samples that cannot be compressed.
    let noise = (0..90_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 13) as u8);
    let noise = Picture::new(200, 150, Colour::Rgb, noise.collect(), None).unwrap();
    let (noise, _) = encode_picture(&noise, &Metadata::default(), Format::Png).unwrap();
    let length = u32::from_be_bytes(noise[33..37].try_into().unwrap()) as usize;
    let (first, second) = noise[41..][..length].split_at(length / 2);
    let two = with_chunk(&with_chunk(&noise[..33], b"IDAT", second), b"IDAT", first);
    for missing in [20, length / 4] {
        let cut = &two[..two.len() - missing];
        assert_eq!(reason(cut), "in: the PNG is cut off");
    }
    let mut damaged = whole.clone();
    let at = whole.len() - 13;
    damaged[at] ^= 1;
    assert_eq!(
        reason(&damaged),
        "in: the PNG is damaged: the check of a chunk is wrong"
    );
}

#[test]
fn a_moving_photo_loses_its_film_and_the_xmp_about_it() {
    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    for (xmp, kept) in [("<x GCamera:MotionPhoto=\"1\"/>", false), ("<x/>", true)] {
        let metadata = Metadata {
            xmp: Some(xmp.into()),
            ..Default::default()
        };
        let (jpeg, _) = encode_picture(&rgb, &metadata, Format::Jpeg).unwrap();
        assert_eq!(load(&jpeg).unwrap().metadata, metadata);
        let loaded = load(&[&jpeg[..], b"\0\0\0\x18ftypmp42"].concat()).unwrap();
        assert!(has_note(&loaded, "12 bytes after the end"));
        assert_eq!(loaded.metadata.xmp.is_some(), kept);
    }
}

#[test]
fn metadata_in_the_text_of_a_png_are_read() {
    let exif = [b"Exif\0\0", &exif_with_thumbnail()[..]].concat();
    let xmp = [&b"http://ns.adobe.com/xap/1.0/\0"[..], b"<x/>"].concat();
    let hex = |name: &str, data: &[u8]| {
        let digits: Vec<String> = data.iter().map(|b| format!("{b:02x}")).collect();
        let lines: Vec<String> = digits.chunks(36).map(|line| line.concat()).collect();
        format!("\n{name}\n{:8}\n{}\n", data.len(), lines.join("\n"))
    };
    let exif = miniz_oxide::deflate::compress_to_vec_zlib(hex("exif", &exif).as_bytes(), 6);
    let exif = [&b"Raw profile type exif\0\0"[..], &exif].concat();
    let xmp = [
        &b"Raw profile type APP1\0"[..],
        hex("generic profile", &xmp).as_bytes(),
    ]
    .concat();
    let file = with_chunk(
        &with_chunk(&png(Colour::Rgb), b"zTXt", &exif),
        b"tEXt",
        &xmp,
    );
    let loaded = load(&file).unwrap();
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    assert_eq!((loaded.picture.width(), loaded.picture.height()), (6, 8));
    assert_eq!(exif_numbers(&loaded.metadata.exif.unwrap(), None, 274), [1]);
    assert_eq!(loaded.metadata.xmp.unwrap(), b"<x/>");
    // Damage, and a bomb.
    let mut bomb = b"Raw profile type exif\0\0".to_vec();
    bomb.extend(miniz_oxide::deflate::compress_to_vec_zlib(
        &vec![b'0'; 40 << 20],
        1,
    ));
    for data in [
        &b"Raw profile type exif\0\0x"[..],
        b"Raw profile type exif\0",
        &bomb,
    ] {
        let loaded = load(&with_chunk(&png(Colour::Rgb), b"zTXt", data)).unwrap();
        assert!(loaded.metadata.is_empty());
        assert!(has_note(&loaded, "the EXIF of the PNG is damaged"));
    }
    let either = with_chunk(&png(Colour::Rgb), b"tEXt", b"Raw profile type APP1\0x");
    let said = load(&either).unwrap().notes;
    assert_eq!(
        said,
        ["the EXIF or XMP of the PNG is damaged or too long: it was left out"]
    );
}

#[test]
fn a_damaged_jpeg_is_said_to_be() {
    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    let (jpeg, _) = encode_picture(&rgb, &Metadata::default(), Format::Jpeg).unwrap();
    let end = jpeg.len() - 2;
    let said = "the JPEG is damaged: parts of its picture may be wrong";
    assert!(!has_note(&load(&jpeg).unwrap(), said));
    let short = [&jpeg[..end - 9], &jpeg[end..]].concat();
    assert!(has_note(&load(&short).unwrap(), said));
    // One that is cut is called so.
    let cut = load(&jpeg[..end - 9]).unwrap();
    assert!(has_note(&cut, "cut off") && !has_note(&cut, said));
}

#[test]
fn the_first_exif_of_a_jpeg_counts() {
    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    let (jpeg, _) = encode_picture(&rgb, &Metadata::default(), Format::Jpeg).unwrap();
    // One entry: the orientation.
    let exif = |turn: u8| {
        let entry = [1, 18, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0];
        let body = [&b"Exif\0\0MM\0*\0\0\0\x08\0\x01"[..], &entry, &[0; 4]].concat();
        [&[0xff, 0xe1, 0, body.len() as u8 + 2], &body[..]].concat()
    };
    let with = |turns: &[u8]| {
        let all: Vec<u8> = turns.iter().flat_map(|&turn| exif(turn)).collect();
        load(&[&jpeg[..2], &all, &jpeg[2..]].concat()).unwrap()
    };
    let (first, both) = (with(&[6]), with(&[6, 3]));
    assert_eq!(first.picture.width(), rgb.height());
    assert_eq!(both.picture, first.picture);
    assert_eq!(both.metadata, first.metadata);
    assert_eq!(with(&[1, 6]).picture.width(), rgb.width());
}

#[test]
fn colour_spaces_of_other_files_are_kept() {
    let adobe = crate::colour::of_gamma(
        Some(crate::colour::ADOBE_GAMMA),
        crate::colour::ADOBE,
        Colour::Rgb,
    );
    // A camera's EXIF.
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    exif.extend(b"\x01\0\x05\xa0\x04\0\x01\0\0\0\x2c\0\0\0\0\0\0\0");
    exif.extend(b"\x01\0\x01\0\x02\0\x04\0\0\0R03\0\0\0\0\0");
    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    let metadata = Metadata {
        exif: Some(exif),
        ..Default::default()
    };
    let (jpeg, _) = encode_picture(&rgb, &metadata, Format::Jpeg).unwrap();
    let loaded = load(&jpeg).unwrap();
    assert_eq!(loaded.metadata.icc, adobe);
    assert!(has_note(&loaded, "Adobe RGB"));
    // A BMP with a profile behind its pixels.
    let (bmp, _) = encode_picture(&rgb, &Metadata::default(), Format::Bmp).unwrap();
    let pixels = u32::from_le_bytes(*bmp[10..].first_chunk().unwrap()) as usize;
    let icc = adobe.unwrap();
    let mut header = bmp[14..54].to_vec();
    header[..4].copy_from_slice(&124u32.to_le_bytes());
    header.resize(56, 0);
    header.extend(b"DEBM");
    header.resize(112, 0);
    let end = 124 + (bmp.len() - pixels) as u32;
    header.extend([end.to_le_bytes(), (icc.len() as u32).to_le_bytes(), [0; 4]].concat());
    let mut file = bmp[..14].to_vec();
    file[10..14].copy_from_slice(&138u32.to_le_bytes());
    file.extend([&header[..], &bmp[pixels..], &icc].concat());
    let loaded = load(&file).unwrap();
    assert_eq!(loaded.picture, rgb);
    assert_eq!(loaded.metadata.icc, Some(icc.clone()));
    let cut = load(&file[..file.len() - 1]).unwrap();
    assert!(cut.metadata.icc.is_none() && has_note(&cut, "profile of the BMP is damaged"));
    let at = file.windows(4).position(|w| w == b"DEBM").unwrap();
    file[at..at + 4].copy_from_slice(b"KNIL");
    assert!(has_note(&load(&file).unwrap(), "is another file"));
}

#[test]
fn messages_of_decoders_become_ours() {
    for (theirs, ours) in [
        ("Corrupt bitstream", ": corrupt bitstream"),
        ("CRC mismatch.", ": CRC mismatch"),
        ("\"Error in \\\"x\\\"\"", ": error in"),
        ("Invalid Chunk header: [52, 49]", ": invalid Chunk header"),
        (
            "ChunkType { type: IHDR, critical: true } chunk appeared",
            "",
        ),
        ("no end\nsecond line", ": no end"),
        ("Corrupt stream. BadHuffmanTree", ": corrupt stream"),
        ("", ""),
    ] {
        assert_eq!(lower(theirs), ours);
    }
}

#[test]
fn a_cut_tiff_is_called_cut() {
    let file = tiff_of(&values(WIDTH * HEIGHT, 8), 1, 8, 1, &[]);
    // The length of the strip.
    let entry = file.windows(4).position(|w| w == [0x17, 1, 4, 0]).unwrap();
    let mut longer = file.clone();
    longer[entry + 8..entry + 12].copy_from_slice(&9999u32.to_le_bytes());
    assert_eq!(reason(&longer), "in: the TIFF is cut off");
}

/// `png` with a chunk before its last one.
fn with_late_chunk(png: &[u8], name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let end = png.len() - 12;
    [&png[..end], &chunk(name, data), &png[end..]].concat()
}

#[test]
fn metadata_behind_the_samples_of_a_png_are_read() {
    let exif = exif_with_thumbnail();
    let xmp = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], b"<x/>"].concat();
    let late = with_late_chunk(&png(Colour::Rgb), b"eXIf", &exif);
    let late = with_late_chunk(&late, b"iTXt", &xmp);
    let loaded = load(&late).unwrap();
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    // Turned as the EXIF says.
    assert_eq!((loaded.picture.width(), loaded.picture.height()), (6, 8));
    assert_eq!(exif_numbers(&loaded.metadata.exif.unwrap(), None, 274), [1]);
    assert_eq!(loaded.metadata.xmp.unwrap(), b"<x/>");
    // More than the decoder unpacks.
    let long = vec![b' '; 4 << 20];
    let long = miniz_oxide::deflate::compress_to_vec_zlib(&long, 6);
    let packed = |text: &[u8]| [&b"XML:com.adobe.xmp\0\x01\0\0\0"[..], text].concat();
    let loaded = load(&with_chunk(&png(Colour::Rgb), b"iTXt", &packed(&long))).unwrap();
    assert_eq!(loaded.metadata.xmp.map(|xmp| xmp.len()), Some(4 << 20));
    // Damage is said.
    for (name, data, kind) in [
        (b"iTXt", packed(b"no zlib"), "the XMP of the PNG is damaged"),
        (b"eXIf", exif, "the EXIF of the PNG is damaged"),
    ] {
        let mut file = with_chunk(&png(Colour::Rgb), name, &data);
        // The check of the chunk.
        file[33 + 8 + data.len()] ^= 1;
        let loaded = load(&file).unwrap();
        assert!(has_note(&loaded, kind), "{:?}", loaded.notes);
    }
}

#[test]
fn more_losses_are_said() {
    let metre = |x: u32, y: u32| [&x.to_be_bytes()[..], &y.to_be_bytes(), &[0]].concat();
    for (name, data, note) in [
        (b"caBX", b"sealed".to_vec(), "content credentials"),
        (b"pHYs", metre(2, 1), "shape of the pixels"),
    ] {
        let loaded = load(&with_chunk(&png(Colour::Rgb), name, &data)).unwrap();
        assert!(has_note(&loaded, note), "{:?}", loaded.notes);
    }
    let square = load(&with_chunk(&png(Colour::Rgb), b"pHYs", &metre(1, 1))).unwrap();
    assert!(square.notes.is_empty(), "{:?}", square.notes);

    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    let (jpeg, _) = encode_picture(&rgb, &Metadata::default(), Format::Jpeg).unwrap();
    let with_segment = |marker: u8, data: &[u8]| {
        let length = (data.len() as u16 + 2).to_be_bytes();
        let segment = [&[0xff, marker], &length[..], data].concat();
        // After the header of JFIF, which comes first.
        let at = 4 + usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
        [&jpeg[..at], &segment, &jpeg[at..]].concat()
    };
    for (marker, data, note) in [
        (0xeb, &b"JP\0\x01"[..], "content credentials"),
        (
            0xed,
            b"Photoshop 3.0\x008BIM\x07\xd0",
            "resources of Photoshop",
        ),
        // The first of two parts.
        (
            0xe2,
            b"ICC_PROFILE\0\x01\x02abc",
            "profile of the JPEG is damaged",
        ),
    ] {
        let loaded = load(&with_segment(marker, data)).unwrap();
        assert!(has_note(&loaded, note), "{:?}", loaded.notes);
    }

    let grey = vec![9; WIDTH * HEIGHT];
    let tags: [(u16, u16, &[u32], &str); 4] = [
        (34735, 3, &[1, 1, 0, 0], "GeoTIFF"),
        (37724, 4, &[7], "Photoshop"),
        (301, 3, &[0, 9, 99], "transfer function"),
        (254, 4, &[4], "transparency"),
    ];
    for (tag, kind, values, note) in tags {
        let loaded = load(&tiff_of(&grey, 1, 8, 1, &[(tag, kind, values)])).unwrap();
        assert!(has_note(&loaded, note), "{tag}: {:?}", loaded.notes);
    }
}

#[test]
fn inks_are_only_said_of_inks() {
    let mut icc = crate::colour::of_gamma(Some(1.8), crate::colour::SRGB, Colour::Rgb).unwrap();
    icc[16..20].copy_from_slice(b"CMYK");
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&icc, 6);
    let profile = [b"x\0\0", &zlib[..]].concat();
    let loaded = load(&with_chunk(&png(Colour::Rgb), b"iCCP", &profile)).unwrap();
    assert!(has_note(&loaded, "neither RGB nor grey"));
    assert!(!has_note(&loaded, "inks"), "{:?}", loaded.notes);
}

#[test]
fn a_tiff_may_have_its_picture_below_a_small_copy() {
    let small = tiff_of(
        &[0; WIDTH * HEIGHT],
        1,
        8,
        1,
        &[(254, 4, &[1]), (330, 4, &[0])],
    );
    let mut file = small.clone();
    let at = file.len().next_multiple_of(2);
    file.resize(at, 0);
    let full = tiff_of(&[70; WIDTH * HEIGHT], 1, 8, 1, &[]);
    file.extend(&full);
    let number = |file: &[u8], at: usize| u32::from_le_bytes(*file[at..].first_chunk().unwrap());
    let mut set = |directory: usize, tag: u16, value: usize| {
        for i in 0..usize::from(file[directory]) {
            let entry = directory + 2 + 12 * i;
            if file[entry..entry + 2] == tag.to_le_bytes() {
                file[entry + 8..entry + 12].copy_from_slice(&(value as u32).to_le_bytes());
            }
        }
    };
    let nested = at + number(&full, 4) as usize;
    set(number(&small, 4) as usize, 330, nested);
    set(nested, 273, at + 16);
    let loaded = load(&file).unwrap();
    assert_eq!(loaded.picture.samples().as_eight().unwrap()[0], 70);
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
}

#[test]
fn what_is_too_short_is_refused_before_its_samples_take_memory() {
    // 10,000 x 10,000 pixels of black, of which the last rows are missing.
    let rows = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 30_001 * 9000], 1);
    let side = 10_000u32.to_be_bytes();
    let head = [&side[..], &side, &[8, 2, 0, 0, 0]].concat();
    let signature = &png(Colour::Rgb)[..8];
    let mut file = [signature, &chunk(b"IHDR", &head), &chunk(b"IDAT", &rows)].concat();
    let load = |file: &[u8]| load_picture(file, Path::new("in"), 1 << 30);
    let reason = load(&file).expect_err("refused").to_string();
    assert_eq!(reason, "in: the PNG is cut off");
    file.extend(chunk(b"IEND", b""));
    let reason = load(&file).expect_err("refused").to_string();
    assert_eq!(reason, "in: the PNG is damaged: it lacks samples");

    let pgm = [&b"P5\n9000 9000\n255\n"[..], &[7; 1000]].concat();
    let reason = load(&pgm).expect_err("refused").to_string();
    assert_eq!(reason, "in: the PNM is cut off");
    let tiff = tiff_of(&[0; WIDTH * HEIGHT - 1], 1, 8, 1, &[]);
    let reason = load(&tiff).expect_err("refused").to_string();
    assert_eq!(reason, "in: the TIFF is cut off");
}

#[test]
fn tiffs_whose_lengths_are_wrong_are_read_by_their_rows() {
    let expected = values(WIDTH * HEIGHT, 8);
    let shown = |file: &[u8]| {
        let picture = load(file).unwrap().picture;
        let samples = picture.samples().as_eight().unwrap();
        samples.iter().map(|&v| u32::from(v)).collect::<Vec<u32>>()
    };
    let file = tiff_of(&expected, 1, 8, 1, &[]);
    assert_eq!(shown(&file), expected);
    // The length of the strip.
    let entry = file.windows(4).position(|w| w == [0x17, 1, 4, 0]).unwrap();
    for length in [0, 3, 0x7fff_ffff_u32] {
        let mut wrong = file.clone();
        wrong[entry + 8..entry + 12].copy_from_slice(&length.to_le_bytes());
        let read = load(&wrong).map(|loaded| loaded.picture);
        match length {
            // It may be longer than the file, as before.
            0x7fff_ffff => assert!(read.is_ok() || reason(&wrong).contains("cut off")),
            _ => assert_eq!(shown(&wrong), expected),
        }
    }
    // No length at all.
    let mut none = file.clone();
    none[entry..entry + 2].copy_from_slice(&60_000u16.to_le_bytes());
    assert_eq!(shown(&none), expected);
    // 0 rows a strip, planes of an unknown kind, and samples that are said to be differences
    // where they are not packed.
    for more in [
        &[(278, 3, &[0][..])][..],
        &[(284, 3, &[3])],
        &[(317, 3, &[2])],
    ] {
        assert_eq!(shown(&tiff_of(&expected, 1, 8, 1, more)), expected);
    }
    let words: Vec<u32> = expected.iter().map(|v| v * 257).collect();
    for little in [true, false] {
        let strip: Vec<u8> = words
            .iter()
            .flat_map(|&v| {
                if little {
                    (v as u16).to_le_bytes()
                } else {
                    (v as u16).to_be_bytes()
                }
            })
            .collect();
        let file = tiff_with(&strip, 1, 16, 1, &[(278, 3, &[0])], little, false);
        let picture = load(&file).unwrap().picture;
        let samples = picture.samples().as_sixteen().unwrap().to_vec();
        assert_eq!(
            samples.iter().map(|&v| u32::from(v)).collect::<Vec<_>>(),
            words
        );
    }
    let short = tiff_of(&expected[..WIDTH], 1, 8, 1, &[(278, 3, &[1])]);
    assert_eq!(reason(&short), "in: the TIFF is cut off");
}

#[test]
fn pam_files_without_a_kind_of_samples_are_read() {
    let pam = |kind: &str| {
        let head = format!("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\n{kind}ENDHDR\n");
        [head.as_bytes(), &[1, 2, 3, 4, 5, 6, 7, 8]].concat()
    };
    let whole = load(&pam("TUPLTYPE RGB_ALPHA\n")).unwrap().picture;
    assert!(whole.alpha().is_some());
    for kind in ["", "TUPLTYPE of our own\n"] {
        assert_eq!(load(&pam(kind)).unwrap().picture, whole);
    }
}

#[test]
fn profiles_that_are_none_of_a_picture_are_left_out() {
    let icc = crate::colour::of_gamma(Some(1.8), crate::colour::SRGB, Colour::Rgb).unwrap();
    let with = |icc: &[u8]| {
        let zlib = miniz_oxide::deflate::compress_to_vec_zlib(icc, 6);
        let data = [&b"icc\0\0"[..], &zlib].concat();
        load(&with_chunk(&png(Colour::Rgb), b"iCCP", &data)).unwrap()
    };
    assert_eq!(with(&icc).metadata.icc.as_ref(), Some(&icc));
    let mut unsigned = icc.clone();
    unsigned[36..40].fill(0);
    let mut link = icc.clone();
    link[12..16].copy_from_slice(b"link");
    for (icc, said) in [
        (&icc[..100], "is damaged"),
        (&icc[..icc.len() - 1], "is damaged"),
        (&unsigned, "is damaged"),
        (&link, "is not that of a picture"),
    ] {
        let loaded = with(icc);
        assert!(has_note(&loaded, said), "{:?}", loaded.notes);
        assert_eq!(loaded.metadata.icc, None);
    }
}

#[test]
fn packed_tiffs_that_are_too_short_are_found_before_they_take_memory() {
    const SIDE: usize = 9000;
    // One strip of grey rows.
    let of = |method: u32, strip: &[u8]| {
        let side = [SIDE as u32];
        tiff(
            true,
            false,
            strip,
            &[
                (256, 3, &side),
                (257, 3, &side),
                (258, 3, &[8]),
                (259, 3, &[method]),
                (262, 3, &[1]),
                (277, 3, &[1]),
                (278, 3, &side),
            ],
        )
    };
    let is_cut = |file: &[u8]| match load_picture(file, Path::new("in"), 1 << 30) {
        Ok(_) => false,
        Err(e) => {
            assert_eq!(e.to_string(), "in: the TIFF is cut off");
            true
        }
    };
    let lzw = |data: &[u8]| {
        let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
        encoder.encode(data).unwrap()
    };
    let zlib = |data: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(data, 1);
    let runs = |data: &[u8]| [136, 0].repeat(data.len() / 121 + 1);
    let short = vec![0; SIDE * (SIDE - 1)];
    let whole = vec![0; SIDE * SIDE];
    for (method, pack) in [
        (5, &lzw as &dyn Fn(&[u8]) -> Vec<u8>),
        (8, &zlib),
        (32773, &runs),
    ] {
        let (short, whole) = (of(method, &pack(&short)), of(method, &pack(&whole)));
        let [short_page, page] = [&short, &whole].map(|file| Page::open(file).unwrap());
        assert!(
            tiff::is_cut(&short_page) && !tiff::is_cut(&page),
            "method {method}"
        );
        assert!(is_cut(&short), "method {method}");
    }
}

#[test]
fn kinds_that_are_not_read_are_called_by_their_names() {
    let usual = png(Colour::Rgb);
    let apple = [&usual[..8], &chunk(b"CgBI", &[0; 4]), &usual[8..]].concat();
    assert!(reason(&apple).contains("CgBI"), "{}", reason(&apple));
    let rgb = load(&usual).unwrap().picture;
    let (mut bmp, _) = encode_picture(&rgb, &Metadata::default(), Format::Bmp).unwrap();
    // BI_ALPHABITFIELDS.
    bmp[30] = 6;
    let said = reason(&bmp);
    assert!(said.contains("a BMP of this kind is not read"), "{said}");
    let ls = b"\xff\xd8\xff\xf7\0\x0b\x08\0\x02\0\x02\x01\x01\x11\0\xff\xd9";
    assert!(reason(ls).contains("JPEG-LS"), "{}", reason(ls));
    let head = [
        &0x7fff_ffff_u32.to_be_bytes()[..],
        &[0, 0, 0, 1, 8, 2, 0, 0, 0],
    ]
    .concat();
    let wide = [&usual[..8], &chunk(b"IHDR", &head)].concat();
    assert!(
        reason(&wide).contains("2147483647 x 1"),
        "{}",
        reason(&wide)
    );
}

#[test]
fn a_jpeg_of_endless_scans_is_refused() {
    let rgb = load(&png(Colour::Rgb)).unwrap().picture;
    let (jpeg, _) = encode_picture(&rgb, &Metadata::default(), Format::Jpeg).unwrap();
    let scan = jpeg.windows(2).rposition(|w| w == [0xff, 0xda]).unwrap();
    let end = jpeg.len() - 2;
    let many = |n| [&jpeg[..end], &jpeg[scan..end].repeat(n), &jpeg[end..]].concat();
    let said = reason(&many(150));
    assert!(said.contains("151 scans"), "{said}");
    // Few scans, but of a hundred megapixels each.
    let mut large = many(30);
    assert!(load(&large).is_ok());
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    large[frame + 5..frame + 9].fill(0x27);
    let said = reason(&large);
    assert!(said.contains("31 scans"), "{said}");
}

#[test]
fn a_thumbnail_has_its_own_size() {
    let mut metadata = Metadata {
        exif: Some(exif_with_thumbnail()),
        xmp: Some(b"<x tiff:ImageWidth=\"640\"/>".to_vec()),
        ..Default::default()
    };
    resized(&mut metadata, 20, 15);
    assert_eq!(metadata.xmp.unwrap(), b"<x tiff:ImageWidth=\"20\"/>");
    let exif = metadata.exif.unwrap();
    assert_eq!(exif_numbers(&exif, Some(0x8769), 0xa002), [20]);
    assert_eq!(exif_numbers(&exif, Some(0x8769), 0xa003), [15]);
}

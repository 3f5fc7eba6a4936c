use super::coder::{Bit, PRECISION};
use super::*;
use constriction::stream::model::{DecoderModel, EncoderModel};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;

const SIDE: u32 = 160;
const OPAQUE: u8 = 255;

/// A plane of `SIDE` x `SIDE` values of a function of the pixel's place.
fn plane(value: impl Fn(f32, f32) -> f32) -> Vec<u8> {
    let at = |i: u32| value((i % SIDE) as f32, (i / SIDE) as f32);
    (0..SIDE * SIDE)
        .map(|i| at(i).round().clamp(0.0, 255.0) as u8)
        .collect()
}

/// A disc with an edge that fades over `soft` pixels.
fn disc(soft: f32) -> Vec<u8> {
    plane(|x, y| 255.0 * (0.5 + (60.0 - (x - 79.3).hypot(y - 81.1)) / soft))
}

/// Antialiased strokes in the manner of letters.
fn text() -> Vec<u8> {
    // Strokes of E, A, R and S on a 4 x 6 grid.
    const LETTERS: [&[[f32; 4]]; 4] = [
        &[
            [0., 0., 0., 6.],
            [0., 0., 4., 0.],
            [0., 3., 3., 3.],
            [0., 6., 4., 6.],
        ],
        &[[0., 6., 2., 0.], [2., 0., 4., 6.], [1., 4., 3., 4.]],
        &[
            [0., 0., 0., 6.],
            [0., 0., 4., 1.],
            [4., 1., 0., 3.],
            [0., 3., 4., 6.],
        ],
        &[[4., 0., 0., 1.], [0., 1., 4., 4.], [4., 4., 0., 6.]],
    ];
    let distance = |x: f32, y: f32, s: &[f32; 4]| {
        let (dx, dy) = (s[2] - s[0], s[3] - s[1]);
        let t = ((x - s[0]) * dx + (y - s[1]) * dy) / (dx * dx + dy * dy);
        let t = t.clamp(0.0, 1.0);
        (x - s[0] - t * dx).hypot(y - s[1] - t * dy)
    };
    plane(|x, y| {
        let (column, line) = ((x / 11.7).floor(), (y / 17.3).floor());
        let letter = LETTERS[(column * 7.0 + line * 5.0 + column * line) as usize % 4];
        let (u, v) = (
            (x - column * 11.7 - 1.5) / 2.1,
            (y - line * 17.3 - 2.0) / 2.1,
        );
        let nearest = letter.iter().map(|s| distance(u, v, s)).fold(9.0, f32::min);
        255.0 * (0.5 + (0.35 - nearest) * 2.1)
    })
}

fn gradient() -> Vec<u8> {
    plane(|x, y| 0.9 * x + 0.6 * y)
}

fn noise(values: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(values).collect()
}

fn png(width: u32, height: u32, plane: &[u8]) -> usize {
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Best, FilterType::Adaptive)
        .write_image(plane, width, height, ExtendedColorType::L8)
        .unwrap();
    out.len()
}

fn size(plane: &[u8]) -> usize {
    let coded = encode_alpha(SIDE, SIDE, plane);
    assert_eq!(decode_alpha(SIDE, SIDE, &coded), plane);
    coded.len()
}

#[test]
fn smaller_than_png() {
    let cases = [
        ("hard disc", disc(1.5)),
        ("soft disc", disc(12.0)),
        ("softer disc", disc(80.0)),
        ("text", text()),
        ("gradient", gradient()),
    ];
    for (name, plane) in cases {
        let (ours, png) = (size(&plane), png(SIDE, SIDE, &plane));
        println!("{name}: {ours} bytes, png {png}");
        assert!(ours < png, "{name}: {ours} bytes, png {png}");
    }
}

#[test]
fn noise_is_never_over_raw() {
    for (width, height) in [(1, 1), (3, 2), (20, 20), (160, 160)] {
        let plane = noise((width * height) as usize);
        let coded = encode_alpha(width, height, &plane);
        println!("noise of {}: {}", plane.len(), coded.len());
        assert!(coded.len() <= plane.len() + 4);
        assert_eq!(decode_alpha(width, height, &coded), plane);
    }
}

#[test]
fn constants_take_a_few_bytes() {
    for value in 0..=255 {
        let plane = vec![value; (SIDE * SIDE) as usize];
        assert!(size(&plane) <= 12, "{value}: {}", size(&plane));
    }
    let coded = encode_alpha(4000, 3000, &vec![128; 12_000_000]);
    println!("constant of 4000x3000: {}", coded.len());
    assert!(coded.len() <= 32);
}

/// Every prefix of the code gives leading rows exactly and 255 below, and a longer prefix never
/// fewer rows.
fn check_prefixes(width: u32, height: u32, plane: &[u8]) {
    let coded = encode_alpha(width, height, plane);
    let mut reached = 0;
    for length in 0..=coded.len() {
        let cut = decode_alpha(width, height, &coded[..length]);
        let mut rows = cut.chunks(width as usize).zip(plane.chunks(width as usize));
        let exact = rows.by_ref().take_while(|(a, b)| a == b).count();
        assert!(exact >= reached, "{length} bytes give fewer rows");
        reached = exact;
        let rest = &cut[(exact * width as usize).min(cut.len())..];
        assert!(rest.iter().all(|&a| a == OPAQUE));
    }
    assert_eq!(reached, height as usize);
}

#[test]
fn prefixes_give_leading_rows() {
    check_prefixes(32, 25, &text()[..800]);
    check_prefixes(20, 10, &noise(200));
    check_prefixes(1, 1, &[0]);
    // Two thirds of the bytes of an even noise are about two thirds of its rows, not none.
    let coded = encode_alpha(100, 90, &noise(9000));
    let cut = decode_alpha(100, 90, &coded[..6000]);
    assert_eq!(cut[..5900], noise(9000)[..5900]);
}

#[test]
fn the_tail_is_as_short_as_it_can_be() {
    for plane in [disc(12.0), text(), gradient(), noise(25600), vec![9; 25600]] {
        let coded = encode_alpha(SIDE, SIDE, &plane);
        // Whatever follows changes nothing; without the last word the last row is lost.
        for follows in [0, 255] {
            let mut longer = coded.clone();
            longer.extend([follows; 16]);
            assert_eq!(decode_alpha(SIDE, SIDE, &longer), plane);
        }
        let cut = decode_alpha(SIDE, SIDE, &coded[..coded.len() - 1]);
        assert!(cut.ends_with(&[OPAQUE; SIDE as usize]));
    }
}

#[test]
fn bit_models_cover_the_interval() {
    for one in [0, 1, 2, 300, 32768, 65534, 65535] {
        let model = Bit::new(one);
        let (start, zero) = model.left_cumulative_and_probability(false).unwrap();
        let (middle, one) = model.left_cumulative_and_probability(true).unwrap();
        assert_eq!((start, zero.get()), (0, middle));
        assert_eq!(u32::from(middle) + u32::from(one.get()), 1 << PRECISION);
        for quantile in [0, middle - 1, middle, u16::MAX] {
            let (bit, left, width) = model.quantile_function(quantile);
            assert_eq!(bit, quantile >= middle);
            assert!(left <= quantile && quantile - left < width.get());
        }
    }
}

#[test]
fn no_pixels_no_bytes() {
    assert!(encode_alpha(0, 7, &[]).is_empty());
    assert!(decode_alpha(7, 0, &[1, 2, 3]).is_empty());
}

/// Planes of several kinds: noise, few values, ramps, runs.
fn any_plane() -> impl Strategy<Value = (u32, u32, Vec<u8>)> {
    (1u32..40, 1u32..40, 0u8..4).prop_flat_map(|(width, height, kind)| {
        let values = proptest::collection::vec(any::<u8>(), (width * height) as usize);
        values.prop_map(move |mut values| {
            let mut last = 0u8;
            for value in &mut values {
                match kind {
                    0 => {}
                    1 => *value = [0, 255, 128, 255][usize::from(*value >> 6)],
                    2 => *value = last.wrapping_add(*value & 3),
                    _ => *value = if *value < 230 { last } else { *value },
                }
                last = *value;
            }
            (width, height, values)
        })
    })
}

proptest! {
    #[test]
    fn round_trip((width, height, plane) in any_plane()) {
        let coded = encode_alpha(width, height, &plane);
        prop_assert!(coded.len() <= plane.len() + 4);
        prop_assert_eq!(decode_alpha(width, height, &coded), plane);
    }

    #[test]
    fn any_bytes_decode(
        width in 0u32..40,
        height in 0u32..40,
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert_eq!(decode_alpha(width, height, &bytes).len(), (width * height) as usize);
    }

    #[test]
    fn damage_and_cuts_decode(
        (width, height, plane) in any_plane(),
        place: prop::sample::Index,
        flip in 1u8..,
    ) {
        let mut coded = encode_alpha(width, height, &plane);
        let place = place.index(coded.len());
        coded[place] ^= flip;
        prop_assert_eq!(decode_alpha(width, height, &coded).len(), plane.len());
    }

    #[test]
    fn prefixes((width, height, plane) in any_plane()) {
        // Every length of small planes only: this is quadratic.
        if width * height < 300 {
            check_prefixes(width, height, &plane);
        }
    }
}

/// The bytes are part of the format: a change here is a change of the bitstream.
#[test]
fn coded_bytes_are_pinned() {
    // Integers only: runs, a ramp, a soft edge and some noise.
    let noise = noise(48 * 40);
    let plane: Vec<u8> = (0..48 * 40i32)
        .map(|i| {
            let (x, y) = (i % 48, i / 48);
            match (x / 16 + y / 10 * 3) % 5 {
                0 => 0,
                1 => 255,
                2 => (x * 3 + y * 2) as u8,
                3 => (x * 40 - y * 25).clamp(0, 255) as u8,
                _ => noise[i as usize],
            }
        })
        .collect();
    let coded = encode_alpha(48, 40, &plane);
    assert_eq!(decode_alpha(48, 40, &coded), plane);
    assert_eq!((coded.len(), crc32fast::hash(&coded)), (492, 1_358_666_021));
    assert_eq!(
        encode_alpha(3, 2, &[0, 128, 255, 0, 128, 255]),
        [101, 66, 187, 95]
    );
}

/// 16-bit planes: smooth, noisy, made from 8 bits, opaque, mostly opaque.
fn deep_planes(w: usize, h: usize) -> Vec<(&'static str, Vec<u16>)> {
    let plane = |f: &dyn Fn(usize, usize) -> u16| -> Vec<u16> {
        (0..w * h).map(|i| f(i % w, i / w)).collect()
    };
    let noise = |x: usize, y: usize| (x * 7919 + y * 104_729).wrapping_mul(0x9e37_79b9) >> 7;
    vec![
        ("smooth", plane(&|x, y| (x * 131 + y * 77 + x * y) as u16)),
        ("noise", plane(&|x, y| noise(x, y) as u16)),
        ("eight bits", plane(&|x, y| noise(x, y) as u8 as u16 * 257)),
        ("opaque", plane(&|_, _| 65535)),
        ("clear", plane(&|_, _| 0)),
        (
            "edge",
            plane(&|x, y| ((x + y / 2) as i32 * 3000 - 30000).clamp(0, 65535) as u16),
        ),
        (
            "nearly opaque",
            plane(&|x, y| {
                if (x, y) == (w / 2, h / 2) {
                    65534
                } else {
                    65535
                }
            }),
        ),
    ]
}

#[test]
fn low_bytes_come_back_and_every_prefix_keeps_its_rows() {
    for (w, h) in [(1, 1), (37, 23), (64, 5)] {
        for (name, plane) in deep_planes(w, h) {
            let high: Vec<u8> = plane.iter().map(|v| (v >> 8) as u8).collect();
            let coded = encode_alpha_low(w as u32, h as u32, &plane);
            assert!(coded.len() <= w * h + 4, "{name}: {} bytes", coded.len());
            assert_eq!(
                decode_alpha_low(w as u32, &high, &coded),
                plane,
                "{name} {w} x {h}"
            );
            let mut rows = 0;
            for n in 0..=coded.len() {
                let shown = decode_alpha_low(w as u32, &high, &coded[..n]);
                let pairs = shown.chunks(w).zip(plane.chunks(w));
                let exact = pairs.clone().take_while(|(a, b)| a == b).count();
                let rest = shown[w * exact..].iter().zip(&high[w * exact..]);
                assert!(rest.clone().all(|(v, high)| *v == 257 * u16::from(*high)));
                assert!(exact >= rows, "{name}: {exact} rows after {rows}");
                rows = exact;
            }
        }
    }
}

#[test]
fn low_bytes_cost_what_they_hold() {
    let (w, h) = (200, 150);
    for (name, plane) in deep_planes(w, h) {
        let coded = encode_alpha_low(w as u32, h as u32, &plane).len();
        let most = match name {
            "eight bits" | "opaque" | "clear" => 0,
            "nearly opaque" => 8,
            "smooth" | "edge" => w * h / 4,
            _ => w * h + 4,
        };
        println!("{name}: {coded} bytes");
        assert!(coded <= most, "{name}: {coded} bytes, {most} at most");
    }
    for side in [1u32, 16, 100, 1000, 4000] {
        let opaque = vec![255; (side * side) as usize];
        let coded = encode_alpha(side, side, &opaque).len();
        println!("opaque {side} x {side}: {coded} bytes");
    }
}

#[test]
fn no_bytes_break_the_decoder_of_low_bytes() {
    let mut state = 1u64;
    for n in 0..300 {
        let bytes: Vec<u8> = (0..n % 61)
            .map(|_| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                (state >> 40) as u8
            })
            .collect();
        let high: Vec<u8> = (0..77).map(|i| (i * n) as u8).collect();
        let plane = decode_alpha_low(11, &high, &bytes);
        assert!(
            plane
                .iter()
                .zip(&high)
                .all(|(v, high)| v >> 8 == u16::from(*high))
        );
    }
}

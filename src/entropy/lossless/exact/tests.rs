use super::*;
use crate::entropy::coder::Bit;
use proptest::prelude::*;

/// A picture with the chain's view of it.
struct Scene {
    size: (usize, usize),
    planes: (usize, usize),
    channels: usize,
    bits: u32,
    samples: Vec<u16>,
    x_t: Vec<f32>,
    x0_hat: Vec<f32>,
}

fn hash(i: u64) -> u64 {
    let z = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) >> 11
}

impl Scene {
    /// Waves and grain of `grain` levels; x0_hat misses the grain.
    fn new(w: usize, h: usize, channels: usize, bits: u32, grain: f64) -> Self {
        let planes = (w.max(16), h.max(16));
        let unit = if bits == 8 { 1.0 } else { 257.0 };
        let noise = |i: usize| (hash(i as u64) % 1024) as f64 / 512.0 - 1.0;
        let mut scene = Scene {
            size: (w, h),
            planes,
            channels,
            bits,
            samples: vec![0; w * h * channels],
            x_t: vec![0.0; 3 * planes.0 * planes.1],
            x0_hat: vec![0.0; 3 * planes.0 * planes.1],
        };
        for c in 0..3 {
            for y in 0..planes.1 {
                for x in 0..planes.0 {
                    let i = (c * planes.1 + y) * planes.0 + x;
                    let smooth = 60.0 * libm::sin(x as f64 / 9.0 + c as f64)
                        + 50.0 * libm::cos(y as f64 / 7.0);
                    // Grain is common to the colours but for a little.
                    let exact = smooth + grain * (noise(y * 4096 + x) + 0.2 * noise(i + 99_999));
                    let sample = ((exact + 127.5) * unit)
                        .round()
                        .clamp(0.0, 256.0 * unit - 1.0);
                    scene.x0_hat[i] = smooth as f32;
                    scene.x_t[i] = (sample / unit - 127.5 + 8.0 * noise(i + 7_777_777)) as f32;
                    if c < channels && x < w && y < h {
                        scene.samples[(y * w + x) * channels + c] = sample as u16;
                    }
                }
            }
        }
        scene
    }

    fn layout(&self) -> Layout {
        Layout {
            size: self.size,
            channels: self.channels,
            bits: self.bits,
            range: (0, if self.bits == 8 { 255 } else { 65535 }),
        }
    }

    fn side(&self) -> SideInformation<'_> {
        SideInformation {
            planes: self.planes,
            x_t: &self.x_t,
            x0_hat: &self.x0_hat,
        }
    }

    /// The payload beside the chain.
    fn encode(&self) -> Vec<u8> {
        let n = self.size.0 * self.channels;
        encode_photographic(self.layout(), &self.side(), |y, row| {
            row.copy_from_slice(&self.samples[y * n..][..n])
        })
    }

    /// The payload without a chain.
    fn encode_alone(&self) -> Vec<u8> {
        let n = self.size.0 * self.channels;
        encode_graphic(self.layout(), |y, row| {
            row.copy_from_slice(&self.samples[y * n..][..n])
        })
    }

    fn decode(&self, payload: &[u8]) -> (Vec<u16>, Reached) {
        let mut out = Vec::new();
        let reached = decode_exact(self.layout(), Some(&self.side()), payload, |y, row| {
            assert_eq!(y * row.len(), out.len());
            out.extend_from_slice(row);
        });
        (out, reached)
    }
}

#[test]
fn samples_come_back() {
    for (w, h) in [(1, 1), (1, 40), (40, 1), (17, 33), (97, 61)] {
        for channels in [1, 3] {
            for bits in [8, 16] {
                let scene = Scene::new(w, h, channels, bits, 12.0);
                let (samples, reached) = scene.decode(&scene.encode());
                assert_eq!(
                    reached,
                    Reached {
                        rows: h,
                        crc_matches: Some(true)
                    },
                    "{w}x{h} {channels} {bits}"
                );
                assert!(samples == scene.samples, "{w}x{h} {channels} {bits}");
            }
        }
    }
}

/// A drawing of flat shapes, lines and a dither in `colours` colours.
fn drawing(w: usize, h: usize, channels: usize, bits: u32, colours: u64) -> Scene {
    let mut scene = Scene::new(w, h, channels, bits, 0.0);
    let max = (1u64 << bits) - 1;
    for (i, pixel) in scene.samples.chunks_mut(channels).enumerate() {
        let (x, y) = (i % w, i / w);
        let colour = match (x / 9 + y / 7) % 5 {
            0 => (x / 9 * 31 + y / 7) as u64 % colours,
            1 => ((x + 2 * y) % 3) as u64 % colours,
            2 if x % 4 == y % 4 => 1 % colours,
            3 => (x / 3) as u64 % colours,
            _ => 0,
        };
        for (c, sample) in pixel.iter_mut().enumerate() {
            *sample = ((colour + 1) * (77 + 1000 * c as u64) * 5501 % (max + 1)) as u16;
        }
    }
    scene
}

#[test]
fn drawings_come_back_without_a_chain() {
    for (w, h) in [(1, 1), (1, 40), (40, 1), (17, 33), (97, 61)] {
        for channels in [1, 3] {
            for bits in [8, 16] {
                for colours in [1, 2, 3, 60, 256, 1000] {
                    let scene = drawing(w, h, channels, bits, colours);
                    let payload = scene.encode_alone();
                    let mut out = Vec::new();
                    let store = |_, row: &[u16]| out.extend_from_slice(row);
                    let reached = decode_exact(scene.layout(), None, &payload, store);
                    let case = format!("{w}x{h} {channels} {bits} {colours}");
                    assert_eq!(
                        (reached.rows, reached.crc_matches),
                        (h, Some(true)),
                        "{case}"
                    );
                    assert!(out == scene.samples, "{case}");
                }
            }
        }
    }
}

/// Pictures that other formats for drawings take more bytes for.
#[test]
fn drawings_take_few_bytes() {
    let flat = drawing(200, 150, 3, 8, 1);
    assert!(flat.encode_alone().len() <= 16);
    let mut checker = drawing(200, 150, 1, 8, 1);
    for (i, sample) in checker.samples.iter_mut().enumerate() {
        *sample = 255 * ((i / 200 + i % 200) % 2) as u16;
    }
    assert!(checker.encode_alone().len() <= 24);
    let mut coins = drawing(200, 150, 1, 8, 1);
    for (i, sample) in coins.samples.iter_mut().enumerate() {
        *sample = 255 * (hash(i as u64) & 1) as u16;
    }
    let bits = 8 * coins.encode_alone().len();
    assert!((30_000..30_900).contains(&bits), "{bits}");
}

#[test]
fn methods_are_chosen_by_size() {
    let method = |scene: &Scene| Method::of(&scene.encode_alone());
    assert_eq!(method(&drawing(97, 61, 3, 8, 60)), Some(Method::Palette));
    let varied = Scene::new(97, 61, 3, 8, 3.0);
    assert_eq!(method(&varied), Some(Method::Graphic));
    let mut noise = Scene::new(40, 40, 1, 8, 0.0);
    let random = (0..).map(|i| hash(i) as u16 & 255);
    noise
        .samples
        .iter_mut()
        .zip(random)
        .for_each(|(s, r)| *s = r);
    let payload = noise.encode_alone();
    assert_eq!(
        (Method::of(&payload), payload.len()),
        (Some(Method::Raw), 1605)
    );
    assert!(noise.decode(&payload).0 == noise.samples);
    // No decoder knows the ninth.
    let mut other = payload;
    other[Method::OFFSET] = 9;
    assert_eq!(Method::of(&other), None);
    assert_eq!(noise.decode(&other).1.rows, 0);
    assert_eq!(Method::of(&other[..Method::OFFSET]), None);
}

#[test]
fn bits_of_drawings_are_pinned() {
    let payload = |colours| drawing(120, 50, 3, 8, colours).encode_alone();
    let pins =
        [12, 1000].map(|colours| (payload(colours).len(), crc32fast::hash(&payload(colours))));
    assert_eq!(pins, [(335, 2_593_576_518), (511, 2_871_063_585)]);
}

#[test]
fn prefixes_of_drawings_give_rows() {
    for colours in [12, 1000] {
        let scene = drawing(40, 30, 3, 8, colours);
        let payload = scene.encode_alone();
        let mut last = 0;
        for n in 0..payload.len() {
            let (samples, reached) = scene.decode(&payload[..n]);
            assert!(reached.rows >= last && reached.crc_matches.is_none_or(|s| s));
            assert!(samples[..] == scene.samples[..reached.rows * 120], "{n}");
            last = reached.rows;
        }
        assert!(last > 20, "{last}");
    }
}

#[test]
fn bits_are_pinned() {
    let scene = Scene::new(120, 50, 3, 8, 10.0);
    let payload = scene.encode();
    assert_eq!(
        (payload.len(), crc32fast::hash(&payload)),
        (6735, 3_195_582_952)
    );
}

#[test]
fn prefixes_give_rows() {
    let scene = Scene::new(40, 30, 3, 8, 20.0);
    let payload = scene.encode();
    let mut last = 0;
    for n in 0..payload.len() {
        let (samples, reached) = scene.decode(&payload[..n]);
        assert!(
            reached.rows >= last && reached.crc_matches.is_none_or(|s| s),
            "{n}"
        );
        assert!(samples[..] == scene.samples[..reached.rows * 120], "{n}");
        last = reached.rows;
    }
    let (_, cut) = scene.decode(&payload[..payload.len() / 2]);
    assert!((12..=18).contains(&cut.rows), "{cut:?}");
}

/// A coder that writes nothing and adds up what it should cost.
struct Ideal(f64);

impl Coder for Ideal {
    fn fixed(&mut self, model: Bit, bit: bool) -> bool {
        let one = f64::from(model.0.get()) / 65536.0;
        self.0 -= if bit { one } else { 1.0 - one }.log2();
        bit
    }

    fn certain(&self) -> bool {
        true
    }
}

#[test]
fn the_coder_reaches_the_entropy_of_the_model() {
    let scene = Scene::new(300, 200, 3, 8, 12.0);
    let mut ideal = Ideal(0.0);
    let mut model = SampleModel::new(
        scene.layout(),
        Scale::new(&scene.layout(), 1),
        Some(scene.side()),
    );
    for (y, row) in scene.samples.chunks(900).enumerate() {
        model.row(y, &mut row.to_vec(), &mut ideal);
    }
    let bits = 8.0 * scene.encode().len() as f64;
    assert!(bits / ideal.0 < 1.001, "{bits} {}", ideal.0);
}

#[test]
fn learns_what_the_chain_does_not_know() {
    let scene = Scene::new(300, 200, 3, 8, 12.0);
    let bpp = 8.0 * scene.encode().len() as f64 / 60_000.0;
    // The common grain takes log2(24) bits, the rest of each colour log2(4.8).
    assert!(bpp < 4.6 + 3.0 * 2.3 + 0.4, "{bpp}");
}

#[test]
fn noise_costs_no_more_than_itself() {
    let mut scene = Scene::new(150, 100, 3, 8, 0.0);
    let random = (0..).map(|i| hash(i) as u16 & 255);
    scene
        .samples
        .iter_mut()
        .zip(random)
        .for_each(|(s, r)| *s = r);
    let payload = scene.encode();
    assert!(payload.len() <= 45_000 + 8, "{}", payload.len());
    assert!(scene.decode(&payload).0 == scene.samples);
    let (_, half) = scene.decode(&payload[..22_500]);
    assert!((48..=50).contains(&half.rows), "{half:?}");
}

#[test]
fn another_chain_is_noticed() {
    let mut scene = Scene::new(60, 40, 3, 8, 12.0);
    let payload = scene.encode();
    scene.x0_hat[100] += 0.01;
    assert_ne!(scene.decode(&payload).1.crc_matches, Some(true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rubbish_decodes_to_something(mut bytes in prop::collection::vec(any::<u8>(), 5..300), method in 0u8..5, bits in prop_oneof![Just(8u32), Just(16)], x in -1e30f32..1e30) {
        bytes[Method::OFFSET] = method;
        let mut scene = Scene::new(20, 9, 3, bits, 5.0);
        scene.x_t[30] = x;
        let (_, reached) = scene.decode(&bytes);
        prop_assert!(reached.crc_matches != Some(true));
    }
}

/// The test values of clause A.14 of the specification.
#[test]
fn a_tiny_picture_is_pinned() {
    let hat = |i: usize| (37 * i % 64) as f32 - 32.0;
    let x0_hat: Vec<f32> = (0..18).map(hat).collect();
    let x_t: Vec<f32> = (0..18).map(|i| hat(i) + (5 * i % 7) as f32 - 3.0).collect();
    let sample = |i: usize| (hat(i) + 126.0) as u16 + (3 * i % 5) as u16;
    let payload = |channels: usize| {
        let layout = Layout {
            size: (3, 2),
            channels,
            bits: 8,
            range: (0, 255),
        };
        let side = SideInformation {
            planes: (3, 2),
            x_t: &x_t,
            x0_hat: &x0_hat,
        };
        let value = |y: usize, k: usize| sample(k % channels * 6 + 3 * y + k / channels);
        let payload = encode_photographic(layout, &side, |y, row| {
            (0..3 * channels).for_each(|k| row[k] = value(y, k));
        });
        let reached = decode_exact(layout, Some(&side), &payload, |y, row| {
            (0..3 * channels).for_each(|k| assert_eq!(row[k], value(y, k)));
        });
        assert_eq!((reached.rows, reached.crc_matches), (2, Some(true)));
        let hex: Vec<String> = payload.iter().map(|b| format!("{b:02x}")).collect();
        hex.join(" ")
    };
    let payloads = [payload(1), payload(3)];
    let grey = "4d 5d 27 26 01 07 00 15 7c 7c 95";
    let rgb = "b2 74 6d b9 01 fd ff 2d 00 29 84 0b 7a c9 d5 c4 5f f5 b3 3f 2a";
    assert_eq!(payloads, [grey, rgb]);
}

/// The rows of every prefix are those of a decoder that goes on where the last prefix ended, and
/// such a decoder reads few rows twice.
#[test]
fn decoding_goes_on_where_it_ended() {
    let photograph = Scene::new(25, 49, 3, 8, 6.0);
    let deep = Scene::new(20, 30, 1, 16, 3.0);
    let mut drawing = Scene::new(60, 50, 3, 8, 0.0);
    drawing.samples.iter_mut().for_each(|v| *v = *v / 40 * 40);
    let cases = [
        (&photograph, photograph.encode()),
        (&photograph, photograph.encode_alone()),
        (&deep, deep.encode()),
        (&drawing, drawing.encode_alone()),
    ];
    for (scene, payload) in cases {
        let (side, layout) = (scene.side(), scene.layout());
        for piece in [1, 30, 300] {
            let (mut checkpoint, mut before) = (None, Vec::new());
            let mut decoded = 0;
            for end in (0..payload.len()).step_by(piece).chain([payload.len()]) {
                let cut = &payload[..end];
                let mut samples = std::mem::take(&mut before);
                let reached =
                    continue_exact(layout, Some(&side), cut, &mut checkpoint, true, |y, row| {
                        assert_eq!(samples.len(), y * layout.row_len());
                        samples.extend_from_slice(row);
                        decoded += 1;
                    });
                let rows = checkpoint.as_ref().map_or(0, Checkpoint::rows);
                before = samples[..rows * layout.row_len()].to_vec();
                if end % (31 * piece) == 0 || end == payload.len() {
                    assert_eq!((samples, reached), scene.decode(cut));
                }
            }
            let most = 3 * (layout.size.1 + payload.len() / piece);
            assert!(decoded <= most, "{decoded} rows, {most} at most");
        }
    }
}

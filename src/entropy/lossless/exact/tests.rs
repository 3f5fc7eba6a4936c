use super::*;
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

    fn side(&self) -> SideInformation<'_> {
        SideInformation {
            size: self.size,
            planes: self.planes,
            channels: self.channels,
            bits: self.bits,
            x_t: &self.x_t,
            x0_hat: &self.x0_hat,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let n = self.size.0 * self.channels;
        encode_exact(&self.side(), |y, row| {
            row.copy_from_slice(&self.samples[y * n..][..n])
        })
    }

    fn decode(&self, payload: &[u8]) -> (Vec<u16>, Reached) {
        let mut out = Vec::new();
        let reached = decode_exact(&self.side(), payload, |y, row| {
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

#[test]
fn bits_are_pinned() {
    let scene = Scene::new(120, 50, 3, 8, 10.0);
    let payload = scene.encode();
    assert_eq!(
        (payload.len(), crc32fast::hash(&payload)),
        (6734, 26_843_947)
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
    let mut model = SampleModel::new(scene.side());
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
    fn rubbish_decodes_to_something(bytes in prop::collection::vec(any::<u8>(), 0..300), bits in prop_oneof![Just(8u32), Just(16)], x in -1e30f32..1e30) {
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
        let side = SideInformation {
            size: (3, 2),
            planes: (3, 2),
            channels,
            bits: 8,
            x_t: &x_t,
            x0_hat: &x0_hat,
        };
        let value = |y: usize, k: usize| sample(k % channels * 6 + 3 * y + k / channels);
        let payload = encode_exact(&side, |y, row| {
            (0..3 * channels).for_each(|k| row[k] = value(y, k));
        });
        let reached = decode_exact(&side, &payload, |y, row| {
            (0..3 * channels).for_each(|k| assert_eq!(row[k], value(y, k)));
        });
        assert_eq!((reached.rows, reached.crc_matches), (2, Some(true)));
        let hex: Vec<String> = payload.iter().map(|b| format!("{b:02x}")).collect();
        hex.join(" ")
    };
    let payloads = [payload(1), payload(3)];
    let grey = "4d 5d 27 26 07 00 99 74 e8 7f";
    let rgb = "b2 74 6d b9 fd fe 2d 03 a6 56 b4 f5 88 70 fe fb c6 be 0e 6f";
    assert_eq!(payloads, [grey, rgb]);
}

use safetensors::SafeTensors;

use super::*;
#[cfg(feature = "candle")]
use crate::prior::CandleUNet;
use crate::prior::Shipped;
use crate::prior::weights::tests::random_weights;

const PARITY: &[u8] = include_bytes!("../../../../tests/data/s.parity.safetensors");
#[cfg(feature = "candle")]
const PARITY_OF_XS: &[u8] = include_bytes!("../../../../tests/data/xs.parity.safetensors");
#[cfg(feature = "candle")]
const PARITY_OF_L: &[u8] = include_bytes!("../../../../tests/data/l.parity.safetensors");
#[cfg(feature = "candle")]
const LEVELS: [u32; 5] = [1, 5, 25, 100, 256];

fn shipped() -> Weights {
    Weights::shipped().unwrap()
}

/// A small network whose channels fill 1, 3 and 5 vectors.
fn odd() -> Weights {
    let config = Config {
        channels: vec![16, 48, 80],
        blocks: vec![2, 1, 1],
        embed: 24,
    };
    Weights::from_bytes(&random_weights(&config).write()).unwrap()
}

/// Planes of the parity file of `s`.
fn parity(name: &str) -> Planes {
    parity_in(PARITY, name)
}

/// Planes of a parity file. Its values are on the scale of \[-0.5, 0.5\].
fn parity_in(file: &[u8], name: &str) -> Planes {
    let file = SafeTensors::deserialize(file).unwrap();
    let view = file.tensor(name).unwrap();
    let (values, _) = view.data().as_chunks::<4>();
    Planes {
        width: view.shape()[3],
        height: view.shape()[2],
        data: values
            .iter()
            .map(|b| 255.0 * f32::from_le_bytes(*b))
            .collect(),
    }
}

/// Planes with something in them.
fn texture(width: usize, height: usize) -> Planes {
    let mut planes = Planes::zeros(width, height);
    let mut state = 7u32;
    for (i, v) in planes.data.iter_mut().enumerate() {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        *v = (i % 97) as f32 - 48.0 + (state >> 24) as f32 * 0.25 - 32.0;
    }
    planes
}

/// Largest difference on the scale of the parity file.
fn distance(a: &Planes, b: &Planes) -> f32 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let pairs = a.data.iter().zip(&b.data);
    pairs
        .map(|(a, b)| (a - b).abs() / 255.0)
        .fold(0.0, f32::max)
}

fn bits(planes: &Planes) -> Vec<u32> {
    planes.data.iter().map(|v| v.to_bits()).collect()
}

#[test]
#[cfg(feature = "candle")]
fn agrees_with_the_reference_and_with_candle() {
    let all = [
        (Shipped::S, PARITY),
        (Shipped::Xs, PARITY_OF_XS),
        (Shipped::L, PARITY_OF_L),
    ];
    for (shipped, file) in all {
        let name = shipped.name();
        let weights = match shipped.weights() {
            Err(e) if shipped == Shipped::L => {
                println!("skipped: {e}");
                continue;
            }
            weights => weights.unwrap(),
        };
        let network = Network::new(&weights).unwrap();
        let candle = CandleUNet::new(&weights, &candle_core::Device::Cpu).unwrap();
        for level in LEVELS {
            let x_t = parity_in(file, &format!("x_t.{level}"));
            let expected = parity_in(file, &format!("x0_hat.{level}"));
            let ours = network.x0_hat(&x_t, f64::from(level)).unwrap();
            let theirs = candle.x0_hat(&x_t, f64::from(level)).unwrap();
            let (a, b) = (distance(&ours, &expected), distance(&theirs, &expected));
            let c = distance(&ours, &theirs);
            println!("{name}, sigma {level}: own {a:.2e}, candle {b:.2e}, between them {c:.2e}");
            assert!(a <= 2e-4 && b <= 2e-4 && c <= 1e-4, "{name}, sigma {level}");
        }
    }
}

#[test]
#[cfg(feature = "candle")]
fn agrees_with_candle_on_another_network() {
    let weights = odd();
    let network = Network::new(&weights).unwrap();
    let candle = CandleUNet::new(&weights, &candle_core::Device::Cpu).unwrap();
    for (w, h) in [(8, 8), (40, 24), (104, 8), (184, 104)] {
        let x_t = texture(w, h);
        let ours = network.x0_hat(&x_t, 30.0).unwrap();
        let d = distance(&ours, &candle.x0_hat(&x_t, 30.0).unwrap());
        assert!(d <= 1e-4, "{w} x {h}: {d}");
    }
}

#[test]
fn kernels_give_the_same_bits() {
    let sizes = [(8, 8), (24, 16), (88, 40), (8, 104), (136, 8), (184, 104)];
    for kernel in Kernel::available() {
        let fast = Network::with_kernel(&odd(), kernel).unwrap();
        let plain = Network::with_kernel(&odd(), Kernel::Plain).unwrap();
        assert_eq!(fast.kernel(), kernel);
        for (w, h) in sizes {
            let x_t = texture(w, h);
            let (a, b) = (fast.x0_hat(&x_t, 12.5), plain.x0_hat(&x_t, 12.5));
            assert_eq!(bits(&a.unwrap()), bits(&b.unwrap()), "{kernel:?} {w} x {h}");
        }
    }
}

#[test]
fn kernels_give_the_same_bits_with_the_shipped_weights() {
    let x_t = parity("x_t.25");
    let run = |kernel| {
        let network = Network::with_kernel(&shipped(), kernel).unwrap();
        bits(&network.x0_hat(&x_t, 25.0).unwrap())
    };
    let plain = run(Kernel::Plain);
    for kernel in Kernel::available() {
        assert_eq!(run(kernel), plain, "{kernel:?}");
    }
}

#[test]
fn rounded_products_change_the_last_bits_only() {
    let x_t = parity("x_t.25");
    let run = |kernel| {
        let network = Network::with_kernel(&shipped(), kernel).unwrap();
        network.x0_hat(&x_t, 25.0).unwrap()
    };
    let (fused, unfused) = (run(Kernel::Plain), run(Kernel::Unfused));
    assert_ne!(bits(&fused), bits(&unfused));
    let d = distance(&fused, &unfused);
    assert!(d <= 1e-5, "{d:.2e}");
    // The vectors of WebAssembly and the scalar code are one arithmetic.
    if Kernel::Simd128.is_available() {
        assert_eq!(bits(&run(Kernel::Simd128)), bits(&unfused));
    }
    let references = Kernel::available();
    assert!(references.into_iter().all(Kernel::is_reference));
    assert!(!Kernel::Unfused.is_reference() && !Kernel::Simd128.is_reference());
}

#[test]
fn threads_and_earlier_calls_change_no_bit() {
    let x_t = texture(192, 112);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let network = Network::new(&shipped()).unwrap();
        pool.build().unwrap().install(|| {
            let first = bits(&network.x0_hat(&x_t, 40.0).unwrap());
            // Other values in the same buffers, then other buffers.
            network.x0_hat(&texture(192, 112), 3.0).unwrap();
            assert_eq!(bits(&network.x0_hat(&x_t, 40.0).unwrap()), first);
            network.x0_hat(&texture(32, 16), 3.0).unwrap();
            assert_eq!(bits(&network.x0_hat(&x_t, 40.0).unwrap()), first);
            first
        })
    };
    let one = run(1);
    assert_eq!(run(2), one);
    assert_eq!(run(5), one);
}

#[test]
fn output_bits_are_pinned() {
    // FNV-1a over the output of random weights: a change of the arithmetic changes every decoder's
    // pictures. Sums over taps at all scales, then minimal filtering at two of them, then with
    // larger tiles at one.
    let network = Network::new(&odd()).unwrap();
    let pins = [
        ((40, 24), 0xf9582697ab88097f),
        ((104, 72), 0xa5461459e468b758),
        ((184, 104), 0x8337c0bbc5f29da1),
    ];
    for ((width, height), pin) in pins {
        let x0_hat = network.x0_hat(&texture(width, height), 100.0).unwrap();
        let hash = bits(&x0_hat).iter().fold(0xcbf29ce484222325u64, |h, b| {
            (h ^ u64::from(*b)).wrapping_mul(0x100000001b3)
        });
        assert_eq!(hash, pin, "{width} x {height}: {hash:#018x}");
    }
}

#[test]
fn wrong_arguments_are_errors() {
    let network = Network::new(&odd()).unwrap();
    assert_eq!(network.multiple(), 8);
    let message = |x_t: &Planes, sigma| network.x0_hat(x_t, sigma).unwrap_err().to_string();
    assert!(message(&Planes::zeros(12, 8), 1.0).contains("planes of 12 x 8"));
    assert!(message(&Planes::zeros(0, 8), 1.0).contains("planes of 0 x 8"));
    let mut short = Planes::zeros(16, 16);
    short.data.pop();
    assert!(message(&short, 1.0).contains("767 values"));
    short.width = usize::MAX;
    assert!(message(&short, 1.0).contains("767 values"));
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(message(&Planes::zeros(8, 8), sigma).contains("sigma"));
    }
}

#[test]
fn counts_of_the_shipped_priors() {
    let network = Network::new(&shipped()).unwrap();
    // Those of the corrector too.
    assert_eq!(network.parameters(), 2_264_524 + 264_700);
    assert_eq!(network.macs_per_pixel(), 75_120.0);
    match Shipped::L.weights() {
        Ok(weights) => {
            let network = Network::new(&weights).unwrap();
            assert_eq!(network.parameters(), 5_980_540);
            assert_eq!(network.macs_per_pixel(), 241_040.0);
        }
        Err(e) => println!("skipped: {e}"),
    }
}

//! Decoders whose arithmetic differs show nearly the same pictures (clause 22.2 of the specification): differences of the
//! network's calls stay in proportion on their way through the chain.

#![cfg(feature = "candle")]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::Device;
use common::{Rng, layers};
use dcodec::prior::{CandleUNet, Denoiser, Kernel, Network, Weights};
use dcodec::{Encoder, Picture, Planes, Prior, Result, Target, metrics};

/// The network with an error added to every call.
///
/// The error has the root mean square `size` times c_out = sigma d / sqrt(sigma^2 + d^2), the size of what the network adds
/// to c_skip x_t: `size` is the relative error of the network's own output F.
struct Shaken {
    network: Network,
    /// Standard deviation of pictures in levels, the d of clause 15.2.
    deviation: f64,
    size: f64,
    kind: Kind,
    calls: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Independent of value to value and of call to call, as roundings are.
    White,
    /// The same sign everywhere and in every call: a systematic error.
    Constant,
}

impl Denoiser for Shaken {
    fn multiple(&self) -> usize {
        self.network.multiple()
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        let mut x0_hat = self.network.x0_hat(x_t, sigma)?;
        let error = self.size * sigma * self.deviation / sigma.hypot(self.deviation);
        let mut rng = Rng(self.calls.fetch_add(1, Ordering::Relaxed) << 40);
        for v in &mut x0_hat.data {
            let unit = match self.kind {
                // Uniform with variance one.
                Kind::White => {
                    ((rng.next() >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * 12f64.sqrt()
                }
                Kind::Constant => 1.0,
            };
            *v += (error * unit) as f32;
        }
        Ok(x0_hat)
    }
}

fn weights() -> Weights {
    Weights::shipped().expect("valid")
}

/// The prior of the shipped weights, run by `denoiser`.
fn run_by(denoiser: impl Denoiser + 'static) -> Prior {
    Prior::new(denoiser, weights().id())
}

fn encode(picture: &Picture, quality: f64) -> Vec<u8> {
    let prior = common::prior();
    let mut encoder = Encoder::new(&prior).target(Target::Quality(quality));
    encoder.encode(picture).expect("encodes").bytes
}

/// How far two decodes are apart: the largest over the layers, and the last.
#[derive(Debug, Default, Clone, Copy)]
struct Drift {
    /// Difference of the PSNRs against the original in dB.
    psnr: f64,
    /// Share of samples that differ by more than one level.
    far: f64,
    /// Mean absolute difference in levels, after the worst layer and after the last. Unlike the root mean square of
    /// rounded samples it goes as the difference before rounding, for so go the samples that round otherwise.
    mean: f64,
    last_mean: f64,
}

fn drift(original: &Picture, a: &[Picture], b: &[Picture]) -> Drift {
    assert_eq!(a.len(), b.len());
    let mut drift = Drift::default();
    for (a, b) in a.iter().zip(b) {
        let psnr = |p| metrics::psnr(original, p).expect("same form");
        drift.psnr = drift.psnr.max((psnr(a) - psnr(b)).abs());
        let pairs = common::eight(a).iter().zip(common::eight(b));
        let n = a.samples().len() as f64;
        let far = pairs.clone().filter(|(a, b)| a.abs_diff(**b) > 1).count();
        drift.far = drift.far.max(far as f64 / n);
        let apart = pairs.map(|(a, b)| f64::from(a.abs_diff(*b)));
        drift.last_mean = apart.sum::<f64>() / n;
        drift.mean = drift.mean.max(drift.last_mean);
    }
    drift
}

/// Clause 22.2.
fn conforms(d: &Drift) -> bool {
    d.psnr <= 0.01 && d.far <= 0.001
}

#[test]
fn another_order_of_sums_conforms() {
    let picture = common::resized("coffee.png", 192, 128);
    let file = encode(&picture, 80.0);
    let ours = layers(&common::prior(), &file);
    assert!(ours.len() > 12, "{} layers", ours.len());
    let candle = run_by(CandleUNet::new(&weights(), &Device::Cpu).expect("builds"));
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().expect("threads");
        let d = pool.install(|| drift(&picture, &ours, &layers(&candle, &file)));
        println!("candle, {threads} threads: {d:?}");
        assert!(conforms(&d), "{d:?}");
        // Far inside the tolerance: single samples that stood at the edge of rounding.
        assert!(d.psnr < 0.001 && d.mean < 0.001, "{d:?}");
    }
}

#[test]
fn kernels_agree_to_the_bit() {
    let picture = common::crop("chelsea.png", 190, 80, 48, 32);
    let file = encode(&picture, 70.0);
    let ours = layers(&common::prior(), &file);
    for kernel in Kernel::available() {
        let network = Network::with_kernel(&weights(), kernel).expect("available");
        assert_eq!(ours, layers(&run_by(network), &file), "{kernel:?}");
    }
}

/// The table of clause 22.4: `cargo test --release --test drift -- --nocapture` prints it.
#[test]
fn errors_of_the_network_stay_in_proportion() {
    let picture = common::resized("coffee.png", 192, 128);
    let file = encode(&picture, 80.0);
    let exact = layers(&common::prior(), &file);
    println!("| error of F | kind | dB | over one level | mean, worst layer | mean, last layer |");
    println!("|---|---|---|---|---|---|");
    for kind in [Kind::White, Kind::Constant] {
        let mut last = None;
        for size in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2] {
            let network = Network::new(&weights()).expect("valid");
            let calls = AtomicU64::new(0);
            let prior = run_by(Shaken {
                network,
                deviation: 255.0 * weights().sigma_data(),
                size,
                kind,
                calls,
            });
            let d = drift(&picture, &exact, &layers(&prior, &file));
            println!(
                "| {size:.0e} | {kind:?} | {:.4} | {:.3} % | {:.6} | {:.6} |",
                d.psnr,
                100.0 * d.far,
                d.mean,
                d.last_mean
            );
            // What clause 22.4 promises.
            if size <= if kind == Kind::White { 1e-3 } else { 1e-4 } {
                assert!(conforms(&d), "{kind:?} {size}: {d:?}");
            }
            // Ten times the error, about ten times the difference: nothing diverges.
            if let Some(mean) = last {
                assert!(d.mean < 15.0 * mean + 1e-4, "{size}: {mean} to {}", d.mean);
            }
            last = Some(d.mean);
        }
    }
}

//! The network on an NVIDIA GPU against the one on the CPU. Skipped where there is no GPU.
#![cfg(feature = "cuda")]

use std::time::Instant;

use dcodec::Planes;
use dcodec::prior::{CudaNetwork, Device, Network, Precision, Weights};

/// Smooth waves with noise of `sigma` levels.
fn noisy(width: usize, height: usize, sigma: f64) -> Planes {
    let mut planes = Planes::zeros(width, height);
    let mut state = 1u32;
    for (i, v) in planes.data.iter_mut().enumerate() {
        let (y, x) = (i / width % height, i % width);
        let mut noise = 0.0;
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise += f64::from(state >> 8) / f64::from(1 << 24) - 0.5;
        }
        let wave = 60.0 * (x as f64 * 0.07).sin() * (y as f64 * 0.05).cos();
        *v = (wave + sigma * noise * 3f64.sqrt()) as f32;
    }
    planes
}

fn weights() -> Vec<(&'static str, Weights)> {
    let mut all = vec![("s", Weights::shipped().expect("weights"))];
    all.extend(Weights::from_file("models/l.safetensors").map(|l| ("l", l)));
    all
}

/// Root mean square and largest difference in levels.
fn difference(a: &Planes, b: &Planes) -> (f64, f64) {
    let pairs = a.data.iter().zip(&b.data);
    let d: Vec<f64> = pairs.map(|(a, b)| f64::from(a - b).abs()).collect();
    let square = d.iter().map(|d| d * d).sum::<f64>() / d.len() as f64;
    // NaN is worst.
    let most = d.iter().fold(0.0, |m: f64, &d| if d <= m { m } else { d });
    (square.sqrt(), most)
}

#[test]
fn it_computes_what_the_cpu_computes() {
    if let Err(e) = Device::Cuda(0).name() {
        println!("skipped: {e}");
        return;
    }
    for (name, weights) in weights() {
        let cpu = Network::new(&weights).expect("a network");
        for (precision, rms_limit, limit) in
            [(Precision::F32, 2e-4, 5e-3), (Precision::F16, 0.2, 5.0)]
        {
            let gpu = CudaNetwork::open(&weights, 0, precision).expect("a GPU that works");
            // Grows, shrinks and has sides that no block divides.
            for (width, height) in [(16, 16), (48, 80), (272, 176), (80, 48)] {
                for sigma in [1.5, 10.0, 60.0, 250.0] {
                    let x_t = noisy(width, height, sigma);
                    let wanted = cpu.x0_hat(&x_t, sigma).expect("computes");
                    let got = gpu.x0_hat(&x_t, sigma).expect("computes");
                    let (rms, most) = difference(&wanted, &got);
                    println!(
                        "{name} {precision} {width}x{height} sigma {sigma}: rms {rms:.2e}, most {most:.2e} levels"
                    );
                    assert!(rms < rms_limit && most < limit, "{rms} {most}");
                }
            }
        }
    }
}

#[test]
fn calls_from_several_threads_take_turns() {
    if let Err(e) = Device::Cuda(0).name() {
        println!("skipped: {e}");
        return;
    }
    let weights = Weights::shipped().expect("weights");
    let gpu = CudaNetwork::open(&weights, 0, Precision::F32).expect("a GPU that works");
    let x_t = noisy(256, 128, 20.0);
    let wanted = gpu.x0_hat(&x_t, 20.0).expect("computes");
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..8 {
                    let got = gpu.x0_hat(&x_t, 20.0).expect("computes");
                    assert!(got == wanted, "bits depend on who else calls");
                }
            });
        }
    });
}

/// `cargo test --release --features cuda --test cuda -- --ignored --nocapture`
#[test]
#[ignore = "times the network"]
fn times() {
    for (name, weights) in weights() {
        for precision in [Precision::F32, Precision::F16] {
            let start = Instant::now();
            let gpu = CudaNetwork::open(&weights, 0, precision).expect("a GPU that works");
            println!("{name} {precision}: {:.2?} to open", start.elapsed());
            for side in [256, 512, 1024] {
                let x_t = noisy(side, side, 20.0);
                gpu.x0_hat(&x_t, 20.0).expect("computes");
                let calls = 20;
                let start = Instant::now();
                for _ in 0..calls {
                    gpu.x0_hat(&x_t, 20.0).expect("computes");
                }
                let host = start.elapsed() / calls;

                let stream = gpu.stream();
                let x = stream.clone_htod(&x_t.data).expect("copies");
                let mut out = stream.alloc_zeros::<f32>(x_t.data.len()).expect("memory");
                let mut call = || {
                    let to = &mut out.as_view_mut();
                    gpu.x0_hat_device(&x.as_view(), side, side, 20.0, to)
                        .expect("computes");
                };
                call();
                stream.synchronize().expect("runs");
                let start = Instant::now();
                (0..calls).for_each(|_| call());
                let started = start.elapsed() / calls;
                stream.synchronize().expect("runs");
                let device = start.elapsed() / calls;
                println!(
                    "  {side} x {side}: {device:.3?} on the device, {started:.3?} to start, {host:.3?} from and to the host"
                );
            }
        }
    }
}

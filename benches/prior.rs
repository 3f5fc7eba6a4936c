//! One call of the shipped prior on a picture of 768 x 512, by candle and by each kernel of this
//! machine, in multiply-accumulates a second (an element is one), beside a large matrix product
//! through candle; and whole calls at three noise levels, the highest of which is denoised on a
//! smaller picture.

use std::hint::black_box;
use std::time::Duration;

use candle_core::{Device, Tensor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dcodec::prior::{CandleUNet, Kernel, Network, Weights};
use dcodec::{Planes, Prior};

fn waves() -> Planes {
    let mut x_t = Planes::zeros(768, 512);
    for (i, v) in x_t.data.iter_mut().enumerate() {
        *v = (i as f32 * 0.013).sin() * 100.0;
    }
    x_t
}

fn call(c: &mut Criterion) {
    let prior = Prior::shipped().expect("shipped weights");
    let x_t = waves();
    let mut group = c.benchmark_group("x0_hat 768x512");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(6));
    for sigma in [5.0, 50.0, 1000.0] {
        group.bench_function(format!("sigma {sigma}"), |b| {
            b.iter(|| prior.x0_hat(black_box(&x_t), sigma).expect("valid planes"))
        });
    }
    group.finish();
}

fn network(c: &mut Criterion) {
    let weights = Weights::shipped().expect("shipped weights");
    let x_t = waves();
    let mut group = c.benchmark_group("prior 768x512");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(6));
    let candle = CandleUNet::new(&weights, &Device::Cpu).expect("valid weights");
    let macs = weights.config().macs_per_pixel() * (x_t.width * x_t.height) as f64;
    group.throughput(Throughput::Elements(macs as u64));
    group.bench_function("candle", |b| {
        b.iter(|| candle.x0_hat(black_box(&x_t), 25.0).expect("valid planes"))
    });
    for kernel in Kernel::available() {
        if kernel == Kernel::Plain {
            continue;
        }
        let network = Network::with_kernel(&weights, kernel).expect("available kernel");
        group.bench_function(format!("{kernel:?}"), |b| {
            b.iter(|| network.x0_hat(black_box(&x_t), 25.0).expect("valid planes"))
        });
    }
    group.finish();
}

fn matrix_product(c: &mut Criterion) {
    let n = 1536;
    let random = || Tensor::randn(0f32, 1.0, (n, n), &Device::Cpu).expect("cpu tensor");
    let (a, b) = (random(), random());
    let mut group = c.benchmark_group("candle");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(6));
    group.throughput(Throughput::Elements((n * n * n) as u64));
    group.bench_function(format!("matmul {n}"), |bench| {
        bench.iter(|| {
            black_box(&a)
                .matmul(black_box(&b))
                .expect("square matrices")
        })
    });
    group.finish();
}

criterion_group!(benches, network, call, matrix_product);
criterion_main!(benches);

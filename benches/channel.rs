//! The bands, the rotation and the trellis code of one layer of a 768 x 512 picture (1,179,648
//! values).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dcodec::channel::bands::Bands;
use dcodec::channel::code::Code;
use dcodec::channel::rotation::Rotation;
use dcodec::channel::search::search;
use dcodec::channel::split::Split;
use dcodec::channel::transform::Transform;
use dcodec::channel::trellis::Signs;
use dcodec::container::Trellis;
use dcodec::random::Stream;

const LEN: usize = 3 * 768 * 512;

fn shift() -> Vec<f32> {
    let stream = Stream::new(3, 0);
    (0..LEN)
        .map(|i| (stream.value(i) >> 40) as f32 / (1 << 24) as f32 - 0.5)
        .collect()
}

fn bands(c: &mut Criterion) {
    let (bands, mut y) = (Bands::new(768, 512), shift());
    let mut group = c.benchmark_group("bands");
    group.throughput(Throughput::Elements(LEN as u64));
    let mut out = y.clone();
    group.bench_function("forward", |b| b.iter(|| bands.forward(black_box(&mut y))));
    group.bench_function("add", |b| {
        b.iter(|| bands.add(black_box(&y), 1.0, &mut out))
    });
    group.finish();
}

fn rotation(c: &mut Criterion) {
    let (rotation, stream, x) = (Rotation::new(0, LEN), Stream::new(1, 1), shift());
    let mut out = x.clone();
    let mut group = c.benchmark_group("rotation");
    group.throughput(Throughput::Elements(LEN as u64));
    group.bench_function("forward", |b| {
        b.iter(|| rotation.forward(&stream, black_box(&mut out)))
    });
    let fill =
        |_: &[f32], first: usize, y: &mut [f32]| y.copy_from_slice(&x[first..first + y.len()]);
    group.bench_function("inverse", |b| {
        b.iter(|| rotation.inverse(&stream, 1.0, fill, black_box(&mut out), |x, z| *x = z))
    });
    group.finish();
}

fn trellis(c: &mut Criterion) {
    let stream = Stream::new(1, 1);
    let w = Transform::Whole(Rotation::new(0, LEN)).forward(&stream, shift());
    let mut out = shift();
    let mut group = c.benchmark_group("trellis");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for trellis in Trellis::ALL {
        let (code, nu) = (Code::new(trellis), trellis.nu());
        for bits in [1_000, 5_000, 20_000] {
            let (stages, split) = (bits / 4, Split::whole(bits / 4));
            group.throughput(Throughput::Elements(bits as u64));
            group.bench_function(BenchmarkId::new(format!("search nu={nu}"), bits), |b| {
                b.iter(|| search(code, &stream, black_box(&w), &split, stages))
            });
            let found = search(code, &stream, &w, &split, stages);
            group.bench_function(BenchmarkId::new(format!("signs nu={nu}"), bits), |b| {
                b.iter(|| {
                    let split = split.clone();
                    Signs::new(code, &stream, black_box(&found), split).fill(0, 0, &mut out)
                })
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bands, rotation, trellis);
criterion_main!(benches);

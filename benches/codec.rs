//! Whole encodes and decodes of one sample, and the parser alone.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dcodec::container::{Event, Parser};
use dcodec::{Decoder, Encoder, Picture, Prior, Target};

fn codec(c: &mut Criterion) {
    let prior = Prior::shipped().expect("the shipped prior loads");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/coffee.png");
    let image = image::open(path).expect("sample");
    let picture = Picture::from_image(image).expect("8 bits");
    let target = Target::Bpp(0.3);
    let file = Encoder::new(&prior)
        .target(target)
        .encode(&picture)
        .expect("encodes")
        .bytes;
    let mut group = c.benchmark_group("coffee 600x400 at 0.3 bpp");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    group.throughput(Throughput::Elements(600 * 400));
    group.bench_function("encode", |b| {
        b.iter(|| {
            Encoder::new(&prior)
                .target(target)
                .encode(black_box(&picture))
                .expect("encodes")
        })
    });
    group.bench_function("decode", |b| {
        b.iter(|| {
            Decoder::new(&prior)
                .decode(black_box(&file))
                .expect("decodes")
        })
    });
    group.bench_function("first tenth", |b| {
        b.iter(|| {
            Decoder::new(&prior)
                .decode(black_box(&file[..file.len() / 10]))
                .expect("decodes")
        })
    });
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("parse", |b| {
        b.iter(|| {
            let mut parser = Parser::new(u64::MAX);
            let mut rest = black_box(&file[..]);
            loop {
                let (used, event) = parser.push(rest).expect("valid");
                rest = &rest[used..];
                if matches!(event, Event::NeedMore | Event::End) {
                    break;
                }
            }
        })
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);

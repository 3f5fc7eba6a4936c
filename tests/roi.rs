//! Bits can be moved to a region: it becomes better at the same size, the rest somewhat worse.

mod common;

use dcodec::{Encoder, Interest, Picture, Prior, Region, Target};

/// The middle quarter of a picture.
fn middle(picture: &Picture, weight: f64) -> Region {
    let (width, height) = (picture.width() / 2, picture.height() / 2);
    Region {
        x: width / 2,
        y: height / 2,
        width,
        height,
        weight,
    }
}

/// PSNR in dB inside and outside of a region.
fn psnr(a: &Picture, b: &Picture, r: &Region) -> [f64; 2] {
    let n = a.colour().channels();
    let mut sums = [(0.0, 0.0); 2];
    let [a_samples, b_samples] = [a, b].map(|p| p.samples().as_eight().expect("8 bits"));
    let samples = a_samples.chunks(n).zip(b_samples.chunks(n));
    for (i, (p, q)) in samples.enumerate() {
        let (x, y) = (i as u32 % a.width(), i as u32 / a.width());
        let inside = (r.x..r.x + r.width).contains(&x) && (r.y..r.y + r.height).contains(&y);
        let (sum, count) = &mut sums[usize::from(!inside)];
        for (&p, &q) in p.iter().zip(q) {
            (*sum, *count) = (*sum + f64::from(p.abs_diff(q)).powi(2), *count + 1.0);
        }
    }
    sums.map(|(sum, n)| 10.0 * (255.0 * 255.0 * n / sum).log10())
}

fn encode(prior: &Prior, picture: &Picture, bpp: f64, weight: f64) -> (Vec<u8>, [f64; 2]) {
    encode_by(Encoder::new(prior), picture, bpp, weight)
}

fn encode_by(encoder: Encoder, picture: &Picture, bpp: f64, weight: f64) -> (Vec<u8>, [f64; 2]) {
    let region = middle(picture, weight);
    let interest = Interest::regions(picture.width(), picture.height(), &[region]);
    let file = encoder
        .target(Target::Bpp(bpp))
        .interest(interest.expect("inside"))
        .reconstruct(true)
        .encode(picture)
        .expect("encodes");
    let shown = file.reconstruction.expect("asked for");
    (file.bytes, psnr(picture, &shown, &region))
}

#[test]
fn the_region_gains_and_the_rest_remains_a_picture() {
    let prior = common::fast();
    let picture = common::resized("astronaut.png", 256, 224);
    let (plain, [inside, outside]) = encode(&prior, &picture, 0.4, 1.0);
    let without = Encoder::new(&prior)
        .target(Target::Bpp(0.4))
        .encode(&picture);
    assert_eq!(plain, without.expect("encodes").bytes, "weight 1 is none");
    let (file, [better, worse]) = encode(&prior, &picture, 0.4, 2.0);
    println!("inside {inside:.2} to {better:.2} dB, outside {outside:.2} to {worse:.2} dB");
    assert_eq!(file.len(), plain.len());
    assert!(better > inside + 1.5, "{inside:.2} to {better:.2} dB");
    assert!(worse > outside - 2.5, "{outside:.2} to {worse:.2} dB");
    // Any decoder reads it.
    let decoded = common::plain(&prior)
        .decode(&file)
        .expect("decodes")
        .picture;
    assert_eq!(
        psnr(&picture, &decoded, &middle(&picture, 2.0)),
        [better, worse]
    );
}

/// The noise in the region ends below that of a file without one, and the filter is for where it
/// ends.
#[test]
fn the_filter_spares_the_region() {
    let prior = common::fast();
    let picture = common::resized("astronaut.png", 256, 224);
    let [plain, filtered] = [false, true].map(|filter| {
        let encoder = Encoder::new(&prior).prefilter(filter);
        encode_by(encoder, &picture, 0.4, 3.0).1
    });
    println!("inside and outside: {plain:.2?} dB, filtered {filtered:.2?} dB");
    assert!(filtered[0] > plain[0] - 0.15, "{plain:?}, {filtered:?}");
    assert!(filtered[1] > plain[1], "{plain:?}, {filtered:?}");
}

#[test]
fn another_size_is_refused() {
    let prior = common::gaussian();
    let picture = common::crop("coffee.png", 0, 0, 32, 24);
    let interest = Interest::new(24, 32, &[1.0; 768]).expect("768 weights");
    let refused = Encoder::new(&prior).interest(interest).encode(&picture);
    let e = refused.expect_err("transposed").to_string();
    assert!(e.contains("24 x 32") && e.contains("32 x 24"), "{e}");
}

/// `cargo test --release --test roi -- --ignored --nocapture` prints the gains and costs of
/// regions.
#[test]
#[ignore = "a measurement of minutes"]
fn kodak_figures() {
    let prior = common::fast();
    let weights = [1.0, 1.5, 2.0, 3.0];
    for bpp in [0.2, 0.4] {
        let mut means = [[0.0; 2]; 4];
        let names = [1, 7, 13, 19].map(|n| format!("kodak/kodim{n:02}.png"));
        for name in &names {
            let Some(picture) = common::data(name) else {
                return;
            };
            let rows = weights.map(|w| encode(&prior, &picture, bpp, w).1);
            for (i, [inside, outside]) in rows.iter().enumerate() {
                let gain = [inside - rows[0][0], outside - rows[0][1]];
                println!(
                    "{name}, {bpp} bpp, weight {}: inside {inside:.2} ({:+.2}) outside {outside:.2} ({:+.2}) dB",
                    weights[i], gain[0], gain[1]
                );
                means[i] = [0, 1].map(|k| means[i][k] + gain[k] / names.len() as f64);
            }
            assert!(rows[2][0] >= rows[0][0] + 1.5, "{name}: {rows:?}");
        }
        for (w, [inside, outside]) in weights.iter().zip(means) {
            println!("mean, {bpp} bpp, weight {w}: inside {inside:+.2}, outside {outside:+.2} dB");
        }
    }
}

//! The bits that a file spends are close to the Kullback-Leibler divergence that it transmits, and
//! the rest is small.

mod common;

use dcodec::{Effort, Encoded, Encoder, Picture, Prior, Target, Tune, metrics};

fn encode(prior: &Prior, picture: &Picture, bpp: f64, effort: u8, tune: Tune) -> Encoded {
    Encoder::new(prior)
        .tune(tune)
        .effort(Effort::new(effort).expect("exists"))
        .target(Target::Bpp(bpp))
        .encode(picture)
        .expect("encodes")
}

/// The share of the file that is not trellis bits.
fn overhead(file: &Encoded) -> f64 {
    let trellis: u64 = file.layers.iter().map(|l| l.bits).sum();
    1.0 - trellis as f64 / (8.0 * file.bytes.len() as f64)
}

#[test]
fn bits_are_close_to_the_divergence() {
    let prior = common::prior();
    let picture = common::resized("coffee.png", 384, 256);
    for (effort, most) in [(2, 1.09), (3, 1.07)] {
        let file = encode(&prior, &picture, 0.5, effort, Tune::Plain);
        let (mut sum_bits, mut sum_kl, mut counted) = (0, 0.0, 0);
        for l in &file.layers {
            // The last layer may be cut. Then its bits are those of a part, its divergence that of
            // the whole.
            if l.bits < 4 * u64::from(l.layer.stages) {
                continue;
            }
            sum_bits += l.bits;
            sum_kl += l.kl_bits;
            if l.kl_bits < 1000.0 {
                continue;
            }
            counted += 1;
            let (ratio, delivered) = (l.bits as f64 / l.kl_bits, l.delivered.unwrap_or(0.0));
            println!(
                "effort {effort}, layer {}: {:.0} bits, ratio {ratio:.4}, delivered {delivered:.4}",
                l.layer.index, l.kl_bits
            );
            assert!(ratio <= most, "layer {}: {ratio:.4}", l.layer.index);
            assert!(
                (0.98..=1.02).contains(&delivered),
                "layer {}: {delivered:.4}",
                l.layer.index
            );
        }
        assert!(counted >= 5, "{counted} layers of 1000 bits");
        let ratio = sum_bits as f64 / sum_kl;
        let overhead = overhead(&file);
        println!(
            "effort {effort}: {} layers, {ratio:.4} in all, overhead {:.2} %",
            file.layers.len(),
            100.0 * overhead
        );
        if effort == 3 {
            assert!(ratio <= 1.06, "{ratio:.4}");
        }
        // A fourth of the pixels, in as many layers as all of them.
        assert!(overhead <= 0.022, "{:.2} %", 100.0 * overhead);
    }
}

#[test]
fn kodak_pictures_at_three_tenths_of_a_bit() {
    let prior = common::prior();
    // The last one has the most heads of all Kodak pictures but one.
    let mut psnrs = Vec::new();
    for name in [7, 19, 23].map(|n| format!("kodak/kodim{n:02}.png")) {
        let Some(picture) = common::data(&name) else {
            return;
        };
        let file = encode(&prior, &picture, 0.3, 3, Tune::Psnr);
        let shown = common::plain(&prior).decode(&file.bytes).expect("decodes");
        let psnr = metrics::psnr(&picture, &shown.picture).expect("same form");
        let overhead = overhead(&file);
        println!("{name}: {psnr:.2} dB, overhead {:.2} %", 100.0 * overhead);
        // 1 % is the target: smooth pictures of few bits reach low noise levels, in many layers.
        let most = if name.contains("23") { 0.0115 } else { 0.01 };
        assert!(overhead <= most, "{name}: {:.2} %", 100.0 * overhead);
        psnrs.push(psnr);
    }
    let mean = psnrs[..2].iter().sum::<f64>() / 2.0;
    println!("mean of the first two {mean:.2} dB");
    assert!(mean >= 34.2, "{mean:.2} dB");
}

//! Costs and gains of the modes of decoding, at the same bytes.

mod common;

use std::time::Instant;

use dcodec::{
    Colour, Encoder, Event, Mode, Picture, Prior, Sampler, StreamDecoder, Target, Tune, metrics,
};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

/// The energy of the differences of neighbouring samples, in both directions.
fn gradient_energy(picture: &Picture) -> f64 {
    let channels = picture.colour().channels();
    let line = picture.width() as usize * channels;
    let samples = common::eight(picture);
    let energy = |step: usize, at: &dyn Fn(usize) -> bool| -> f64 {
        let inside = (0..samples.len() - step).filter(|&i| at(i));
        inside
            .map(|i| f64::from(samples[i].abs_diff(samples[i + step])).powi(2))
            .sum()
    };
    energy(channels, &|i| i % line < line - channels) + energy(line, &|_| true)
}

/// RGB PSNR in dB, SSIMULACRA2, and the sharpness: the gradient energy over that of the original.
struct Meter {
    original: Picture,
    reference: Ssimulacra2Reference,
}

impl Meter {
    fn new(original: Picture) -> Self {
        let reference = Ssimulacra2Reference::new(&slice(&original)).expect("large enough");
        Meter {
            original,
            reference,
        }
    }

    fn measure(&self, shown: &Picture) -> [f64; 4] {
        let score = self.reference.compare(&slice(shown)).expect("one size");
        [
            metrics::psnr(&self.original, shown).expect("one form"),
            score,
            gradient_energy(shown) / gradient_energy(&self.original),
            metrics::ms_ssim(&self.original, shown)
                .expect("one form")
                .expect("large enough"),
        ]
    }
}

fn slice(rgb: &Picture) -> PixelSlice<'_> {
    let (width, height) = (rgb.width(), rgb.height());
    let form = PixelDescriptor::RGB8_SRGB;
    PixelSlice::new(common::eight(rgb), width, height, 3 * width as usize, form).expect("RGB")
}

fn show(prior: &Prior, prefix: &[u8], mode: Mode) -> Picture {
    let sampler = Sampler::new(mode).expect("valid");
    let decoder = common::plain(prior).sampler(sampler);
    decoder.decode(prefix).expect("decodes").picture
}

#[test]
fn sharpness_costs_error() {
    let prior = common::fast();
    let meter = Meter::new(common::crop("coffee.png", 180, 60, 256, 192));
    // A filtered file would be less of a sample of q.
    let file = Encoder::new(&prior)
        .target(Target::Bpp(0.2))
        .prefilter(false)
        .tune(Tune::Plain)
        .encode(&meter.original)
        .expect("encodes")
        .bytes;
    let modes = [
        Mode::Mean,
        Mode::Realism(0.25),
        Mode::Realism(0.5),
        Mode::Flow,
    ];
    let got = modes.map(|mode| meter.measure(&show(&prior, &file, mode)));
    println!("{got:.3?}");
    for pair in got.windows(2) {
        assert!(pair[1][0] < pair[0][0] + 0.1 && pair[1][2] > pair[0][2]);
    }
    // The mean lacks texture, the flow has about what the picture has.
    let (mean, flow) = (got[0], got[3]);
    assert!(mean[2] < 0.85 && (0.8..1.2).contains(&flow[2]));
    assert!(mean[0] - flow[0] > 0.15 && mean[0] - flow[0] < 2.0);
    // A sample of p(x_0 | x_t) has twice the squared error of the mean.
    let sample = meter.measure(&show(&prior, &file, Mode::Sample { eta: 1.0 }));
    println!("{sample:.3?}");
    assert!((1.5..3.5).contains(&(mean[0] - sample[0])));
    assert!(sample[0] < flow[0]);
}

/// Wherever the file is cut, also inside a layer, no realism gives the preview, and a walk does not
/// disturb the chain.
#[test]
fn every_cut_can_be_shown_in_every_mode() {
    let prior = common::gaussian();
    for picture in [
        common::noise(5, 40, Colour::Rgb, false, 3),
        common::noise(33, 24, Colour::Grey, true, 4),
        common::crop("coffee.png", 180, 60, 64, 48),
    ] {
        let file = Encoder::new(&prior)
            .target(Target::Bpp(
                3.0 + 8.0 * f64::from(u8::from(picture.alpha().is_some())),
            ))
            .encode(&picture)
            .expect("encodes")
            .bytes;
        let mut stream = common::plain(&prior).max_pixels(u64::MAX).stream();
        let (mut inside, mut last) = (0, None);
        for packet in file.chunks(file.len() / 40) {
            feed(&mut stream, packet);
            if stream.header().is_none() {
                continue;
            }
            let preview = stream.preview().expect("decodes");
            let mut show = |mode| {
                let sampler = Sampler::new(mode).expect("valid").steps(5);
                stream
                    .show(&sampler, &mut |_| std::ops::ControlFlow::Continue(()))
                    .expect("decodes")
            };
            let same = show(Mode::Realism(0.0));
            assert!(same.picture == preview.picture && same.coverage == preview.coverage);
            let flow = show(Mode::Flow);
            assert!(show(Mode::Realism(1.0)).picture == flow.picture);
            assert_eq!(flow.picture.colour(), picture.colour());
            assert_eq!(flow.picture.alpha(), preview.picture.alpha());
            // Mid grey before the first layer, a walk after it.
            let known = preview.coverage.layers > 0;
            assert_eq!(flow.picture != preview.picture, known);
            assert_eq!(
                show(Mode::Sample { eta: 1.0 }).picture != preview.picture,
                known
            );
            inside += u32::from(known && preview.coverage.partial > 0.0);
            last = Some(preview.picture);
        }
        assert!(inside > 3, "{inside} cuts inside a layer");
        let undisturbed = common::plain(&prior).decode(&file).expect("decodes");
        assert!(last.expect("shown") == undisturbed.picture);
    }
}

/// Bytes to a decoder, as far as it wants them.
fn feed(stream: &mut StreamDecoder, mut rest: &[u8]) {
    while !rest.is_empty() {
        let (used, event) = stream.push(rest).expect("whole");
        rest = &rest[used..];
        if event == Event::End {
            break;
        }
    }
}

/// The table of the module `sampler`: eight whole Kodak pictures, a row of each as it comes, then
/// the means. It takes long: some 120 predictions of the network for each picture and rate.
/// `DCODEC_SHOWN` may name a folder for the pictures.
#[test]
#[ignore = "long: run it with --ignored --nocapture for the table"]
fn table_of_modes() {
    let prior = common::fast();
    let rates = [0.05, 0.1, 0.2, 0.4];
    let modes = [
        ("mean", Mode::Mean),
        ("realism 0.25", Mode::Realism(0.25)),
        ("realism 0.5", Mode::Realism(0.5)),
        ("flow", Mode::Flow),
        ("sample", Mode::Sample { eta: 1.0 }),
        ("langevin", Mode::Langevin { corrections: 1 }),
    ];
    let cells = |row: &[[f64; 4]; 4]| {
        let cells = row.map(|[p, s, g, m]| format!("{p:.2} / {m:.3} / {s:.1} / {g:.2}"));
        cells.join(" | ")
    };
    let start = Instant::now();
    println!("PSNR / MS-SSIM / SSIMULACRA2 / sharpness at {rates:?} bits per pixel");
    let names = [1, 4, 7, 10, 13, 16, 19, 22].map(|n| format!("kodim{n:02}"));
    let mut means = [[[0.0; 4]; 4]; 6];
    for name in &names {
        let Some(picture) = common::data(&format!("kodak/{name}.png")) else {
            return;
        };
        let meter = Meter::new(picture);
        let file = Encoder::new(&prior)
            .target(Target::Bpp(rates[3]))
            .prefilter(false)
            .tune(Tune::Plain)
            .encode(&meter.original)
            .expect("encodes")
            .bytes;
        let pixels = f64::from(meter.original.width()) * f64::from(meter.original.height());
        let mut stream = common::plain(&prior).max_pixels(u64::MAX).stream();
        let (mut at, mut table) = (0, [[[0.0; 4]; 4]; 6]);
        for (r, rate) in rates.into_iter().enumerate() {
            let end = ((rate * pixels / 8.0) as usize).min(file.len());
            feed(&mut stream, &file[at..end]);
            at = end;
            for (m, (called, mode)) in modes.into_iter().enumerate() {
                let sampler = Sampler::new(mode).expect("valid");
                let shown = stream
                    .show(&sampler, &mut |_| std::ops::ControlFlow::Continue(()))
                    .expect("decodes")
                    .picture;
                table[m][r] = meter.measure(&shown);
                for (sum, v) in means[m][r].iter_mut().zip(table[m][r]) {
                    *sum += v / names.len() as f64;
                }
                if let Some(folder) = std::env::var_os("DCODEC_SHOWN") {
                    let file = format!("{name}-{rate}-{}.png", called.replace(' ', "-"));
                    let path = std::path::PathBuf::from(folder).join(file);
                    shown.to_image().save(path).expect("writable");
                }
            }
        }
        println!("{name}, after {:.0} s", start.elapsed().as_secs_f64());
        for ((called, _), row) in modes.iter().zip(&table) {
            println!("| {called} | {} |", cells(row));
        }
    }
    println!("mean of the pictures");
    for ((called, _), row) in modes.iter().zip(&means) {
        println!("| {called} | {} |", cells(row));
    }
}

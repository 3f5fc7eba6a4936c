//! What the modes of decoding cost and bring, at the same bytes.
#![cfg(feature = "cli")]

mod common;

use dcodec::{
    Colour, Decoder, Encoder, Event, Mode, Picture, Prior, Sampler, StreamDecoder, Target, metrics,
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
    let decoder = Decoder::new(prior).sampler(sampler);
    decoder.decode(prefix).expect("decodes").picture
}

#[test]
fn sharpness_costs_error() {
    let prior = common::prior();
    let meter = Meter::new(common::crop("coffee.png", 180, 60, 256, 192));
    let file = Encoder::new(&prior)
        .target(Target::Bpp(0.25))
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
    assert!(mean[0] - flow[0] > 0.3 && mean[0] - flow[0] < 2.0);
    // A sample of p(x_0 | x_t) has twice the squared error of the mean.
    let sample = meter.measure(&show(&prior, &file, Mode::Sample { eta: 1.0 }));
    println!("{sample:.3?}");
    assert!((1.5..3.5).contains(&(mean[0] - sample[0])));
    assert!(sample[0] < flow[0]);
}

/// Wherever the file is cut, also inside a layer: no realism is the preview, and a walk does not disturb the chain.
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
        let mut stream = StreamDecoder::new(&prior, u64::MAX);
        let (mut inside, mut last) = (0, None);
        for packet in file.chunks(file.len() / 40) {
            let mut rest = packet;
            while !rest.is_empty() {
                let (used, event) = stream.push(rest).expect("whole");
                rest = &rest[used..];
                if event == Event::End {
                    break;
                }
            }
            if stream.header().is_none() {
                continue;
            }
            let preview = stream.preview().expect("decodes");
            let mut show = |mode| {
                let sampler = Sampler::new(mode).expect("valid").steps(5);
                stream.show(&sampler, &mut |_| {}).expect("decodes")
            };
            let same = show(Mode::Realism(0.0));
            assert!(same.picture == preview.picture && same.used == preview.used);
            let flow = show(Mode::Flow);
            assert!(show(Mode::Realism(1.0)).picture == flow.picture);
            assert_eq!(flow.picture.colour(), picture.colour());
            assert_eq!(flow.picture.alpha(), preview.picture.alpha());
            // Mid grey before the first layer, a walk behind it.
            let known = preview.used.layers > 0;
            assert_eq!(flow.picture != preview.picture, known);
            assert_eq!(
                show(Mode::Sample { eta: 1.0 }).picture != preview.picture,
                known
            );
            inside += u32::from(known && preview.used.partial > 0.0);
            last = Some(preview.picture);
        }
        assert!(inside > 3, "{inside} cuts inside a layer");
        let undisturbed = Decoder::new(&prior).decode(&file).expect("decodes");
        assert!(last.expect("shown") == undisturbed.picture);
    }
}

/// The table of the module `sampler`: windows of 384 x 256 in the middle of eight Kodak pictures. Takes some ten minutes on two cores;
/// `DCODEC_SHOWN` may name a folder for the pictures.
#[test]
#[ignore = "long: run it with --ignored --nocapture for the table"]
fn table_of_modes() {
    let prior = common::prior();
    let rates = [0.05, 0.1, 0.2, 0.4];
    let modes = [
        ("mean", Mode::Mean),
        ("realism 0.25", Mode::Realism(0.25)),
        ("realism 0.5", Mode::Realism(0.5)),
        ("flow", Mode::Flow),
        ("sample", Mode::Sample { eta: 1.0 }),
        ("langevin", Mode::Langevin { corrections: 1 }),
    ];
    let names = [1, 4, 7, 10, 13, 16, 19, 22].map(|n| format!("kodak/kodim{n:02}.png"));
    let mut table = [[[0.0; 4]; 4]; 6];
    for name in &names {
        let Some(picture) = common::data(name) else {
            return;
        };
        let (x, y) = ((picture.width() - 384) / 2, (picture.height() - 256) / 2);
        let window = picture.to_image().crop_imm(x, y, 384, 256);
        let meter = Meter::new(Picture::from_image(window).expect("8 bits"));
        let file = Encoder::new(&prior)
            .target(Target::Bpp(rates[3]))
            .encode(&meter.original)
            .expect("encodes")
            .bytes;
        for (r, rate) in rates.into_iter().enumerate() {
            let prefix = &file[..((rate * 384.0 * 256.0 / 8.0) as usize).min(file.len())];
            for (m, (called, mode)) in modes.into_iter().enumerate() {
                let shown = show(&prior, prefix, mode);
                let got = meter.measure(&shown);
                for (sum, v) in table[m][r].iter_mut().zip(got) {
                    *sum += v / names.len() as f64;
                }
                if let Some(folder) = std::env::var_os("DCODEC_SHOWN") {
                    let stem = name.trim_start_matches("kodak/").trim_end_matches(".png");
                    let file = format!("{stem}-{rate}-{}.png", called.replace(' ', "-"));
                    let path = std::path::PathBuf::from(folder).join(file);
                    shown.to_image().save(path).expect("writable");
                }
            }
        }
        println!("{name}");
    }
    println!("PSNR / MS-SSIM / SSIMULACRA2 / sharpness at {rates:?} bits per pixel");
    for ((called, _), row) in modes.iter().zip(&table) {
        let cells = row.map(|[p, s, g, m]| format!("{p:.2} / {m:.3} / {s:.1} / {g:.2}"));
        println!("| `{called}` | {} |", cells.join(" | "));
    }
}

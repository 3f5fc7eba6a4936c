use bitvec::prelude::*;

use super::*;
use crate::channel::layer::{Channel, PartialLayer, Shared, shift, shift_energy};
use crate::channel::rate;
use crate::channel::search::search;
use crate::channel::split::Stages;
use crate::codes::{BANDS, BandAllocation, BitDepth, Colour, Form, PriorId, Trellis, code};
use crate::container::Header;
use crate::pixels::picture::Picture;
use crate::pixels::planes::{Planar, Planes};
use crate::pixels::samples::Sample;
use crate::prior::Prior;
use crate::prior::gaussian::Gaussian;
use crate::random::Stream;
use crate::schedule::{Sigma, Step};

fn header(width: u32, height: u32, prior: PriorId, banded: bool) -> Header {
    Header {
        form: Form {
            width,
            height,
            colour: Colour::Rgb,
            depth: BitDepth::Eight,
            alpha: false,
        },
        prior,
        seed: 1,
        trellis: Trellis::Nu14,
        start: code(300),
        banded,
        corrected: false,
    }
}

/// `count` stages, dealt out to the bands by their size.
fn all(count: usize) -> Stages {
    Stages {
        count,
        allocation: BandAllocation([40; BANDS]),
        sigma: code(180),
    }
}

/// A layer of `stages` stages, of which `bits` have come.
fn part(s: Sigma, bits: &BitSlice<u8, Msb0>, stages: usize) -> PartialLayer<'_> {
    PartialLayer {
        s,
        bits,
        stages: all(stages),
        corrected: false,
    }
}

fn planar(width: usize, height: usize, data: Vec<u8>) -> Planar {
    Planar {
        width,
        height,
        data: data.into(),
    }
}

/// A sender that knows x_0 and counts bits: the trellis code, or exact samples of q at their ideal
/// cost.
struct Counting<'a> {
    x_0: &'a Planar,
    exact: bool,
    kl_bits: f64,
    bits: f64,
}

impl Channel for Counting<'_> {
    fn open(&mut self, step: &Step, _: &Shared, x0_hat: &Planes) -> bool {
        self.kl_bits += rate::kl_bits(shift_energy(step, self.x_0, x0_hat));
        true
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        let stages = rate::stages(
            shared.code,
            shift_energy(step, self.x_0, &x0_hat),
            x0_hat.len(),
        );
        let m = shift(step, self.x_0, x0_hat);
        if self.exact {
            for (i, (x, m)) in mean.data.iter_mut().zip(&m).enumerate() {
                *x += step.std() as f32 * (m + shared.stream.gauss(i) as f32);
            }
            return;
        }
        let w = shared.transform.forward(&shared.stream, m);
        let split = shared.transform.split(all(stages));
        let bits = search(shared.code, &shared.stream, &w, &split, stages);
        self.bits += bits.len() as f64;
        shared.deliver(&shared.signs(&bits, all(stages)), step, mean);
    }
}

fn run(prior: &Prior, x_0: &Planar, schedule: &[u16], exact: bool) -> (f64, f64, f64) {
    let header = header(x_0.width as u32, x_0.height as u32, prior.id(), false);
    let mut chain = Chain::new(prior, &header).expect("its own prior");
    let mut channel = Counting {
        x_0,
        exact,
        kl_bits: 0.0,
        bits: 0.0,
    };
    for &code in schedule {
        let whole = chain
            .advance(Sigma::from_code(code).expect("on the grid"), &mut channel)
            .expect("runs");
        assert!(whole);
    }
    let x0_hat = chain.x0_hat().expect("runs");
    let squares = x0_hat
        .data
        .iter()
        .zip(x_0.values())
        .map(|(a, b)| f64::from(a - b).powi(2));
    let mse = squares.sum::<f64>() / x_0.data.len() as f64;
    (
        channel.kl_bits,
        channel.bits,
        10.0 * (255.0f64.powi(2) / mse).log10(),
    )
}

/// The chain under the trellis code must be as good as one under exact samples of q: same picture,
/// same ideal cost.
#[test]
fn coded_samples_are_as_good_as_exact_ones() {
    let prior = Prior::shipped().expect("loads");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/coffee.png");
    let image = image::open(path)
        .expect("sample")
        .crop_imm(180, 60, 320, 256);
    let x_0 = Picture::from_image(image).expect("8 bits").to_planar();
    // sigma 776 down to 11.7 in ratios of 1.15.
    let schedule: Vec<u16> = (0..31).map(|i| 272 - 4 * i).collect();
    let (coded_kl, bits, coded_psnr) = run(&prior, &x_0, &schedule, false);
    let (exact_kl, _, exact_psnr) = run(&prior, &x_0, &schedule, true);
    println!(
        "coded: {bits} bits, KL {coded_kl:.0}, {coded_psnr:.3} dB; exact: KL {exact_kl:.0}, {exact_psnr:.3} dB"
    );
    assert!(
        (coded_psnr - exact_psnr).abs() < 0.1,
        "{coded_psnr} and {exact_psnr} dB"
    );
    assert!(
        (coded_kl / exact_kl - 1.0).abs() < 0.03,
        "KL {coded_kl} and {exact_kl}"
    );
    assert!(bits / exact_kl < 1.07, "{bits} bits for a KL of {exact_kl}");
}

/// Under a closed-form prior the expected cost is known: each step spends D/2 (1 - rho) (1 / s^2)
/// mmse(t) nats.
#[test]
fn cost_under_a_gaussian_prior_is_the_closed_form() {
    let id = PriorId([0; 4]);
    let deviation = 40.0;
    let prior = Prior::new(Gaussian { deviation }, id);
    let stream = Stream::new(77, 0);
    let mut data = vec![0u8; 3 * 256 * 192];
    let mut power = 0.0;
    for (i, v) in data.iter_mut().enumerate() {
        let sum: f64 = (0..12)
            .map(|k| (stream.value(12 * i + k) >> 11) as f64 / (1u64 << 53) as f64)
            .sum();
        *v = (127.5 + deviation * (sum - 6.0)).round() as u8;
        power += f64::from(v.centred()).powi(2);
    }
    let x_0 = planar(256, 192, data);
    // Rounding and the ends of the range leave the deviation within 1 %.
    assert!((power / x_0.data.len() as f64 / deviation.powi(2) - 1.0).abs() < 0.02);
    let schedule: Vec<u16> = (0..12).map(|i| 230 - 6 * i).collect();
    let (kl, _, _) = run(&prior, &x_0, &schedule, false);
    let mut want = 0.0;
    let mut t: Option<Sigma> = None;
    for &code in &schedule {
        let s = Sigma::from_code(code).expect("on the grid");
        let step = Step { t, s };
        let mmse = t.map_or(deviation * deviation, |t| {
            1.0 / (deviation.powi(-2) + t.levels().powi(-2))
        });
        want += rate::kl_bits(step.shift().powi(2) * mmse * x_0.data.len() as f64);
        t = Some(s);
    }
    assert!(
        (kl / want - 1.0).abs() < 0.01,
        "{kl:.0} bits, expected {want:.0}"
    );
}

/// With everything arrived the state between is the next state; with nothing, the last one.
#[test]
fn the_state_between_joins_both_ends() {
    joins_both_ends(false);
    joins_both_ends(true);
}

fn joins_both_ends(banded: bool) {
    let prior = Prior::new(Gaussian { deviation: 40.0 }, PriorId([0; 4]));
    let header = header(64, 48, prior.id(), banded);
    let data = (0..3 * 64 * 48).map(|i| 80 + (i % 97) as u8);
    let x_0 = planar(64, 48, data.collect());
    struct Keeping<'a>(Counting<'a>, BitVec<u8, Msb0>);
    impl Channel for Keeping<'_> {
        fn open(&mut self, _: &Step, _: &Shared, _: &Planes) -> bool {
            true
        }

        fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
            let m = shift(step, self.0.x_0, x0_hat);
            let w = shared.transform.forward(&shared.stream, m);
            let split = shared.transform.split(all(400));
            self.1 = search(shared.code, &shared.stream, &w, &split, 400);
            shared.deliver(&shared.signs(&self.1, all(400)), step, mean);
        }
    }
    let mut channel = Keeping(
        Counting {
            x_0: &x_0,
            exact: false,
            kl_bits: 0.0,
            bits: 0.0,
        },
        BitVec::new(),
    );
    let mut chain = Chain::new(&prior, &header).expect("its own prior");
    chain
        .advance(Sigma::nearest(60.0), &mut channel)
        .expect("runs");
    let mut before = chain.duplicate().expect("runs");
    let s = Sigma::nearest(50.0);
    chain.advance(s, &mut channel).expect("runs");
    let distance = |a: &Planes, b: &Planes| {
        a.data
            .iter()
            .zip(&b.data)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    };
    let whole = before
        .estimate(Some(part(s, &channel.1, 400)))
        .expect("runs")
        .into_owned();
    assert!(distance(&whole, chain.x0_hat().expect("runs")) < 1e-3);
    let none = before
        .estimate(Some(part(s, BitSlice::empty(), 400)))
        .expect("runs")
        .into_owned();
    assert_eq!(&none, before.x0_hat().expect("runs"));
}

/// Inside a layer the state is x_0 plus noise of the level that is told.
#[test]
fn the_state_between_has_the_noise_that_it_says() {
    has_the_noise_that_it_says(false);
    has_the_noise_that_it_says(true);
}

fn has_the_noise_that_it_says(banded: bool) {
    let prior = Prior::new(Gaussian { deviation: 40.0 }, PriorId([0; 4]));
    let header = header(256, 192, prior.id(), banded);
    let value = |i: usize| (127.5 + 40.0 * Stream::new(3, 0).gauss(i)) as u8;
    let x_0 = planar(256, 192, (0..3 * 256 * 192).map(value).collect());
    let mut channel = Counting {
        x_0: &x_0,
        exact: true,
        kl_bits: 0.0,
        bits: 0.0,
    };
    let mut chain = Chain::new(&prior, &header).expect("its own prior");
    let (t, s) = (Sigma::nearest(60.0), Sigma::nearest(40.0));
    chain.advance(t, &mut channel).expect("runs");
    let step = chain.step(s);
    let x0_hat = chain.x0_hat().expect("runs").clone();
    let energy = shift_energy(&step, &x_0, &x0_hat);
    let m = shift(&step, &x_0, x0_hat);
    let shared = chain.shared();
    let stages = rate::stages(shared.code, energy, m.len());
    let w = shared.transform.forward(&shared.stream, m);
    let split = shared.transform.split(all(stages));
    let bits = search(shared.code, &shared.stream, &w, &split, stages);
    let mut last = t.levels();
    for arrived in [stages / 4, stages / 2, stages] {
        let state = chain.state_within(&part(s, &bits[..4 * arrived], stages));
        let (x, sigma) = state.expect("runs").expect("enough stages");
        let values = x.data.iter().zip(x_0.values());
        let squares = values.map(|(a, b)| f64::from(a - b).powi(2));
        let noise = (squares.sum::<f64>() / x.len() as f64).sqrt();
        println!("{arrived} of {stages} stages: noise {noise:.2}, told {sigma:.2}");
        assert!((noise / sigma - 1.0).abs() < 0.01, "{noise} {sigma}");
        assert!(sigma < last);
        last = sigma;
    }
    assert_eq!(last, s.levels());
}

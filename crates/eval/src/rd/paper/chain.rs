//! The ideal run: every x_s drawn exactly from q(x_s | x_t, x_0), its cost the KL, no channel code.

use dcodec::random::Stream;
use dcodec::{BitDepth, Picture, Planes, Prior, Result};
use serde::{Deserialize, Serialize};

use crate::rd::journal::exact;

/// Steps of the chain of Ho, Jain and Abbeel (2020), and the ends of its linear beta_t.
pub const T: usize = 1000;
const BETA: (f64, f64) = (1e-4, 0.02);

/// Deviations of the last decoder that are tried, in units of sigma_1.
pub const DEVIATIONS: [f64; 9] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0];

/// A time of the paper's chain, which may lie between its steps, and its noise level in 8-bit
/// levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    pub t: f64,
    pub sigma: f64,
}

/// sigma_t of the paper's schedule for t = 1..=T: 127.5 sqrt((1 - alpha_bar) / alpha_bar).
fn schedule() -> Vec<f64> {
    let mut alpha_bar = 1.0;
    (0..T)
        .map(|i| {
            let beta = BETA.0 + (BETA.1 - BETA.0) * i as f64 / (T - 1) as f64;
            alpha_bar *= 1.0 - beta;
            127.5 * ((1.0 - alpha_bar) / alpha_bar).sqrt()
        })
        .collect()
}

/// `steps` + 1 noise levels, from the highest of the schedule that is not above `highest` down to
/// sigma_1: half of them spread evenly in t as in the paper, half in ln sigma, which is finer at
/// the end where the bits are.
pub fn levels(steps: usize, highest: f64) -> Vec<Level> {
    let logs: Vec<f64> = schedule().iter().map(|s| s.ln()).collect();
    let last = logs.iter().filter(|&&l| l <= highest.ln()).count().max(2);
    let ln_sigma = |t: f64| {
        let i = ((t - 1.0) as usize).min(T - 2);
        logs[i] + (t - 1.0 - i as f64) * (logs[i + 1] - logs[i])
    };
    let end = last as f64;
    let place =
        |t: f64| (t - 1.0) / (end - 1.0) + (ln_sigma(t) - logs[0]) / (ln_sigma(end) - logs[0]);
    let at = |wanted: f64| {
        // `place` rises from 0 to 2.
        let (mut low, mut high) = (1.0, end);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            match place(middle) < wanted {
                true => low = middle,
                false => high = middle,
            }
        }
        low
    };
    let level = |t: f64| Level {
        t,
        sigma: ln_sigma(t).exp(),
    };
    let mut out: Vec<Level> = (1..steps)
        .rev()
        .map(|i| level(at(2.0 * i as f64 / steps as f64)))
        .collect();
    out.insert(0, level(end));
    out.push(level(1.0));
    out
}

/// Result of the ideal chain of one picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChainRun {
    /// Colour values D.
    pub values: usize,
    /// One for each level.
    pub states: Vec<LevelCost>,
    /// -log2 p(x_0 | x_1) for each of [`DEVIATIONS`].
    pub last: Vec<Bits>,
    /// x0_hat at the asked levels, for pictures that are shown.
    pub shown: Vec<Vec<u8>>,
}

/// Bits spent down to a level, and |x_0 - x0_hat|^2 there.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LevelCost {
    #[serde(with = "exact")]
    pub bits: f64,
    #[serde(with = "exact")]
    pub error: f64,
}

/// A number of bits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Bits(#[serde(with = "exact")] pub f64);

/// Runs the chain of one picture; `show` are the indices of the levels whose x0_hat are kept.
pub fn run(
    prior: &Prior,
    picture: &Picture,
    levels: &[Level],
    seed: u64,
    show: &[usize],
) -> Result<ChainRun> {
    let x_0 = picture.to_planes();
    let noise = |step: usize| {
        let stream = Stream::new(seed, step as u32);
        move |i: usize| gauss(&stream, i)
    };
    // The start of our chain holds nothing: p(x_T) = N(0, sigma_T^2).
    let energy: f64 = x_0.data.iter().map(|&v| f64::from(v).powi(2)).sum();
    let mut nats = energy / (2.0 * levels[0].sigma.powi(2));
    let mut x_t = x_0.clone();
    let first = noise(0);
    for (i, v) in x_t.data.iter_mut().enumerate() {
        *v += (levels[0].sigma * first(i)) as f32;
    }
    let mut run = ChainRun {
        values: x_0.len(),
        states: Vec::with_capacity(levels.len()),
        last: Vec::new(),
        shown: Vec::new(),
    };
    for (step, level) in levels.iter().enumerate() {
        let x0_hat = prior.x0_hat(&x_t, level.sigma)?;
        let error = squared_error(&x_0, &x0_hat);
        run.states.push(LevelCost {
            bits: nats / std::f64::consts::LN_2,
            error,
        });
        if show.contains(&step) {
            let shown = Picture::from_planes(
                &x0_hat,
                picture.width(),
                picture.height(),
                picture.colour(),
                BitDepth::Eight,
                None,
            )?;
            let samples = shown.samples().as_eight().unwrap_or_default();
            run.shown.push(samples.to_vec());
        }
        let Some(next) = levels.get(step + 1) else {
            let last = |k: f64| Bits(decoder_bits(&x_0, &x0_hat, k * level.sigma));
            run.last = DEVIATIONS.into_iter().map(last).collect();
            break;
        };
        let (t, s) = (level.sigma, next.sigma);
        nats += (1.0 / (s * s) - 1.0 / (t * t)) * error / 2.0;
        let rho = (s / t).powi(2);
        let std = s * (1.0 - rho).sqrt();
        let noise = noise(step + 1);
        for (i, (x, x_0)) in x_t.data.iter_mut().zip(&x_0.data).enumerate() {
            let mean = f64::from(*x_0) + rho * f64::from(*x - *x_0);
            *x = (mean + std * noise(i)) as f32;
        }
    }
    Ok(run)
}

/// The `i`-th standard normal value (Box and Muller).
fn gauss(stream: &Stream, i: usize) -> f64 {
    let uniform = |i: usize| ((stream.value(i) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    (-2.0 * uniform(2 * i).ln()).sqrt() * (std::f64::consts::TAU * uniform(2 * i + 1)).cos()
}

fn squared_error(a: &Planes, b: &Planes) -> f64 {
    let pairs = a.data.iter().zip(&b.data);
    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

/// Bits by the discretised Gaussian decoder of section 3.3: each value has the mass of
/// N(x0_hat, deviation^2) within half a level, the darkest and the lightest also the mass beyond.
fn decoder_bits(x_0: &Planes, x0_hat: &Planes, deviation: f64) -> f64 {
    // The mass above z.
    let tail = |z: f64| 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
    let bits = |(x, mean): (&f32, &f32)| {
        let (x, mean) = (f64::from(*x), f64::from(*mean));
        let upper = if x > 127.0 { f64::INFINITY } else { x + 0.5 };
        let lower = if x < -127.0 {
            f64::NEG_INFINITY
        } else {
            x - 0.5
        };
        let (low, high) = ((lower - mean) / deviation, (upper - mean) / deviation);
        // On the side where the tails are small, and their difference exact.
        let mass = match low + high > 0.0 {
            true => tail(low) - tail(high),
            false => tail(-high) - tail(-low),
        };
        -mass.max(f64::MIN_POSITIVE).log2()
    };
    x_0.data.iter().zip(&x0_hat.data).map(bits).sum()
}

#[cfg(test)]
mod tests {
    use dcodec::Colour;
    use dcodec::container::PriorId;
    use dcodec::prior::gaussian::Gaussian;

    use super::*;

    #[test]
    fn the_schedule_is_that_of_the_paper() {
        let sigma = schedule();
        // beta_1 = 1e-4: alpha_bar_1 = 0.9999. The chain ends near alpha_bar_T = 4.04e-5.
        assert!((sigma[0] - 127.5 * (1e-4f64 / 0.9999).sqrt()).abs() < 1e-9);
        let alpha_bar = dcodec::schedule::alpha_bar(sigma[T - 1]);
        assert!((alpha_bar - 4.04e-5).abs() < 1e-7, "{alpha_bar}");
    }

    #[test]
    fn levels_fall_to_the_last_step() {
        for steps in [2, 10, 1000, 3000] {
            let levels = levels(steps, 512.0);
            assert_eq!(levels.len(), steps + 1);
            assert!(levels.windows(2).all(|w| w[0].sigma > w[1].sigma));
            assert!(levels[0].sigma <= 512.0 && levels[0].sigma > 500.0);
            assert_eq!(levels[steps].t, 1.0);
        }
    }

    /// A picture of Gaussian samples under the prior that knows their deviation: mean error and
    /// rate in closed form, mmse = c^2 s^2 / (c^2 + s^2) and 1/2 log2(1 + c^2 / s^2) bits a value
    /// down to noise s.
    #[test]
    fn a_gaussian_source_costs_its_information() {
        let c = 30.0;
        let stream = Stream::new(5, 0);
        let samples: Vec<u8> = (0..3 * 96 * 96)
            .map(|i| (127.5 + c * gauss(&stream, i)).round().clamp(0.0, 255.0) as u8)
            .collect();
        let picture = Picture::new(96, 96, Colour::Rgb, samples, None).unwrap();
        let prior = Prior::new(Gaussian { deviation: c }, PriorId(*b"gaus"));
        let levels = levels(600, 256.0);
        let run = run(&prior, &picture, &levels, 1, &[0, 600]).unwrap();
        assert_eq!(run.shown.len(), 2);
        let d = run.values as f64;
        for (state, level) in run.states.iter().zip(&levels).skip(100) {
            let s2 = level.sigma.powi(2);
            let rate = 0.5 * (1.0 + c * c / s2).log2();
            let mmse = c * c * s2 / (c * c + s2);
            // Long steps cost a little more than the information.
            let over = state.bits / d / rate;
            assert!((0.98..1.04).contains(&over), "{level:?}: {over}");
            let error = state.error / d / mmse;
            assert!((0.95..1.05).contains(&error), "{level:?}: {error}");
        }
    }

    #[test]
    fn the_decoder_is_a_distribution() {
        let planes = |value: f32| Planes {
            width: 1,
            height: 1,
            data: vec![value; 3],
        };
        for (mean, deviation) in [(3.3, 0.6), (-127.5, 2.0), (120.0, 9.0)] {
            let mass: f64 = (0..256)
                .map(|v| {
                    let x = planes(v as f32 - 127.5);
                    (-decoder_bits(&x, &planes(mean), deviation) / 3.0).exp2()
                })
                .sum();
            assert!((mass - 1.0).abs() < 1e-9, "{mass}");
        }
    }
}

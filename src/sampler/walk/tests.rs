//! Under Gaussian priors every answer is known in closed form.

use super::*;
use crate::codes::PriorId;
use crate::prior::Denoiser;

/// x_0 ~ N(mean, C): horizontal neighbours (2 i, 2 i + 1) are correlated, with variance `sum`^2
/// along (1, 1) / sqrt 2 and `difference`^2 along (1, -1) / sqrt 2.
#[derive(Clone, Copy)]
struct Pairs {
    mean: f64,
    sum: f64,
    difference: f64,
}

impl Pairs {
    /// Calls `update` with the two coordinates of each pair about the mean, and sets them to what
    /// it returns.
    fn map(&self, x: &Planes, update: impl Fn([f64; 2]) -> [f64; 2]) -> Planes {
        let mut out = x.clone();
        for pair in out.data.chunks_exact_mut(2) {
            let (a, b) = (
                f64::from(pair[0]) - self.mean,
                f64::from(pair[1]) - self.mean,
            );
            let half = 0.5f64.sqrt();
            let [sum, difference] = update([half * (a + b), half * (a - b)]);
            pair[0] = (self.mean + half * (sum + difference)) as f32;
            pair[1] = (self.mean + half * (sum - difference)) as f32;
        }
        out
    }

    /// The variances of both coordinates.
    fn variances(&self) -> [f64; 2] {
        [self.sum.powi(2), self.difference.powi(2)]
    }
}

impl Denoiser for Pairs {
    fn multiple(&self) -> usize {
        2
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        let gains = self.variances().map(|v| v / (v + sigma * sigma));
        Ok(self.map(x_t, |x| [gains[0] * x[0], gains[1] * x[1]]))
    }
}

const PRIOR: Pairs = Pairs {
    mean: 13.0,
    sum: 22.0,
    difference: 6.0,
};
const SIGMA: f64 = 40.0;
const SIDE: usize = 256;

fn prior() -> Prior {
    Prior::new(PRIOR, PriorId([0; 4]))
}

fn normal(seed: u64) -> Planes {
    let mut n = Planes::zeros(SIDE, SIDE);
    NormalNoise::start(seed).add(&mut n.data, 1.0);
    n
}

/// x_t of a picture of the prior.
fn state() -> Planes {
    let [v, w] = PRIOR.variances().map(|v| (v + SIGMA * SIGMA).sqrt());
    let n = PRIOR.map(&normal(1), |x| x);
    // Standard normal about zero, then about the mean with the right variances.
    let centred = Planes {
        data: n.data.iter().map(|x| x + PRIOR.mean as f32).collect(),
        ..n
    };
    PRIOR.map(&centred, |x| [v * x[0], w * x[1]])
}

fn run(mode: Mode, steps: usize, x_t: &Planes, seed: u64) -> Planes {
    let sampler = Sampler::new(mode).expect("valid").steps(steps).seed(seed);
    sampler.run(&prior(), x_t.clone(), SIGMA).expect("runs")
}

fn rms(a: &Planes, b: &Planes) -> f64 {
    let squares = a
        .data
        .iter()
        .zip(&b.data)
        .map(|(a, b)| f64::from(a - b).powi(2));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

/// For both coordinates: the slope of `y` on `x` and the variance about it.
fn regression(x: &Planes, y: &Planes) -> [(f64, f64); 2] {
    let half = 0.5f64.sqrt();
    let coordinates = |p: &Planes, k: usize| -> Vec<f64> {
        let pairs = p.data.chunks_exact(2);
        let pairs = pairs.map(|v| [v[0], v[1]].map(|v| f64::from(v) - PRIOR.mean));
        let sign = [1.0, -1.0][k];
        pairs.map(|[a, b]| half * (a + sign * b)).collect()
    };
    [0, 1].map(|k| {
        let (x, y) = (coordinates(x, k), coordinates(y, k));
        let xy: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        let slope = xy / x.iter().map(|x| x * x).sum::<f64>();
        let rest = x.iter().zip(&y).map(|(x, y)| (y - slope * x).powi(2));
        (slope, rest.sum::<f64>() / x.len() as f64)
    })
}

/// The flow's exact map: in each coordinate (x - mean) sqrt(v / (v + sigma^2)), here down to the
/// last level and its x0_hat.
fn exact_flow(x_t: &Planes) -> Planes {
    let gains = PRIOR.variances().map(|v| {
        let low = v + LOWEST_SIGMA * LOWEST_SIGMA;
        (low / (v + SIGMA * SIGMA)).sqrt() * v / low
    });
    PRIOR.map(x_t, |x| [gains[0] * x[0], gains[1] * x[1]])
}

#[test]
fn the_flow_converges_with_the_second_order_to_the_exact_map() {
    let x_t = state();
    let exact = exact_flow(&x_t);
    let error = |mode, steps| rms(&run(mode, steps, &x_t, 0), &exact);
    let flow: Vec<f64> = [8, 16, 32].map(|n| error(Mode::Flow, n)).to_vec();
    let ddim: Vec<f64> = [8, 16, 32]
        .map(|n| error(Mode::Sample { eta: 0.0 }, n))
        .to_vec();
    println!("errors at 8, 16, 32 steps: flow {flow:.4?}, DDIM {ddim:.4?}");
    for i in 0..2 {
        let (second, first) = (flow[i] / flow[i + 1], ddim[i] / ddim[i + 1]);
        assert!((3.3..6.0).contains(&second), "{second}");
        assert!((1.7..2.5).contains(&first), "{first}");
    }
    assert!(flow[0] < ddim[2], "8 steps of the flow against 32 of DDIM");
    // To the end of the prior itself, but for the last level.
    let gain = |v: f64| (v / (v + SIGMA * SIGMA)).sqrt();
    let end = PRIOR.map(&x_t, |x| {
        let [v, w] = PRIOR.variances();
        [gain(v) * x[0], gain(w) * x[1]]
    });
    assert!(rms(&run(Mode::Flow, 64, &x_t, 0), &end) < 0.2);
}

#[test]
fn realism_goes_from_the_mean_to_the_flow() {
    let x_t = state();
    let (mean, flow) = (run(Mode::Mean, 1, &x_t, 0), run(Mode::Flow, 12, &x_t, 0));
    assert_eq!(run(Mode::Realism(0.0), 12, &x_t, 0), mean);
    assert_eq!(run(Mode::Realism(1.0), 12, &x_t, 0), flow);
    let all = rms(&mean, &flow);
    assert!(all > 3.0);
    for r in [0.25, 0.5, 0.75] {
        let between = run(Mode::Realism(r), 12, &x_t, 0);
        assert!((rms(&mean, &between) - r * all).abs() < 1e-3);
        assert!((rms(&flow, &between) - (1.0 - r) * all).abs() < 1e-3);
    }
}

/// The result of a walk for a coordinate of variance `v`, by the equations of its steps: the slope
/// on x_t, and the variance.
fn expected(mode: Mode, steps: usize, v: f64) -> (f64, f64) {
    let gain = |t: f64| v / (v + t * t);
    let levels = levels(SIGMA, LOWEST_SIGMA, steps);
    let (eta, corrections) = match mode {
        Mode::Sample { eta } => (eta, 0),
        Mode::Langevin { corrections } => (1.0, corrections),
        _ => panic!("no noise"),
    };
    let (mut slope, mut variance) = (1.0, 0.0);
    for w in levels.windows(2) {
        let (t, s) = (w[0], w[1]);
        let std = eta * s * (1.0 - s * s / (t * t)).sqrt();
        let keep = (s * s - std * std).sqrt() / t;
        let factor = gain(t) + keep * (1.0 - gain(t));
        slope *= factor;
        variance = factor * factor * variance + std * std;
        for _ in 0..corrections {
            let (d, rho) = (CORRECTION, (s / SIGMA).powi(2));
            let factor = 1.0 - d + d * (1.0 - rho) * gain(s);
            slope = factor * slope + d * rho;
            variance = factor * factor * variance + s * s * (1.0 - rho) * (1.0 - (1.0 - d).powi(2));
        }
    }
    let last = gain(levels[levels.len() - 1]);
    (last * slope, last * last * variance)
}

#[test]
fn few_steps_do_what_their_equations_say() {
    let x_t = state();
    for (mode, steps) in [
        (Mode::Sample { eta: 0.0 }, 5),
        (Mode::Sample { eta: 0.3 }, 9),
        (Mode::Sample { eta: 1.0 }, 2),
        (Mode::Sample { eta: 1.0 }, 7),
        (Mode::Langevin { corrections: 3 }, 5),
    ] {
        let got = regression(&x_t, &run(mode, steps, &x_t, 8));
        for ((slope, rest), v) in got.into_iter().zip(PRIOR.variances()) {
            let (want, variance) = expected(mode, steps, v);
            let error = 4.0 * (variance / (v + SIGMA * SIGMA)).sqrt() / 313.0 + 1e-4;
            assert!((slope - want).abs() < error, "{mode:?}: {slope} {want}");
            let apart = (rest - variance).abs();
            assert!(
                apart <= 0.02 * variance + 1e-6,
                "{mode:?}: {rest} {variance}"
            );
        }
    }
}

/// p(x_0 | x_t) is N(x0_hat, v sigma^2 / (v + sigma^2)) in each coordinate; of this variance the
/// last prediction leaves out what is unknown at the lowest level.
#[test]
fn many_steps_sample_the_posterior() {
    let x_t = state();
    // Corrections of size d leave a share of up to d / 2 of the variance out.
    for (mode, steps, within) in [
        (Mode::Sample { eta: 1.0 }, 300, 0.03),
        (
            Mode::Langevin { corrections: 2 },
            100,
            0.05 + 0.5 * CORRECTION,
        ),
    ] {
        let got = regression(&x_t, &run(mode, steps, &x_t, 5));
        for ((slope, rest), v) in got.into_iter().zip(PRIOR.variances()) {
            let unknown = |sigma: f64| v * sigma * sigma / (v + sigma * sigma);
            let want = v / (v + SIGMA * SIGMA);
            let variance = unknown(SIGMA) - unknown(LOWEST_SIGMA);
            println!(
                "{mode:?}: slope {slope:.4} of {want:.4}, variance {rest:.2} of {variance:.2}"
            );
            assert!((slope - want).abs() < 0.006, "{mode:?}");
            assert!((rest / variance - 1.0).abs() < within, "{mode:?}");
        }
    }
}

/// The larger variance keeps white pictures white in a few steps, the smaller one does not.
#[test]
fn the_larger_variance_is_that_of_white_pictures() {
    let (v, start) = (WHITE * WHITE, 400.0);
    let mut x_t = Planes::zeros(128, 128);
    let spread = (v + start * start).sqrt() as f32;
    NormalNoise::walk(3).apply(&mut x_t.data, |_, x, n| *x = spread * n);
    let predict = |x: &Planes, sigma: f64| {
        let mut x0_hat = x.clone();
        let share = (v / (v + sigma * sigma)) as f32;
        x0_hat.data.iter_mut().for_each(|x| *x *= share);
        Ok(x0_hat)
    };
    let variance = |mode| {
        let sampler = Sampler::new(mode).expect("valid").steps(3);
        let hear = &mut |_: Frame<'_>| ControlFlow::Continue(());
        let x_0 = sampler
            .walk(&predict, x_t.clone(), start, hear)
            .expect("runs");
        let squares = x_0.data.iter().map(|x| f64::from(*x).powi(2));
        squares.sum::<f64>() / x_0.data.len() as f64
    };
    let want = v * v / (v + LOWEST_SIGMA * LOWEST_SIGMA);
    let (large, small) = (
        variance(Mode::SampleLarge),
        variance(Mode::Sample { eta: 1.0 }),
    );
    assert!((large / want - 1.0).abs() < 0.03, "{large} {want}");
    assert!(small < 0.97 * want && small < large, "{small} {want}");
}

/// Corrections from a wrong start end in p(x_s | x_t), with the variance that a step of size d
/// gives.
#[test]
fn corrections_settle_in_the_posterior() {
    let (s, d) = (25.0, CORRECTION);
    let rho = (s / SIGMA).powi(2);
    let x_t = state();
    let mut x = Planes::zeros(SIDE, SIDE);
    let mut noise = NormalNoise::walk(11);
    for _ in 0..300 {
        let x0_hat = PRIOR.denoise(&x, s).expect("runs");
        correct(&mut x, &x0_hat, &x_t, (s, rho), d, &mut noise);
    }
    for ((slope, rest), v) in regression(&x_t, &x).into_iter().zip(PRIOR.variances()) {
        // 1 / variance of p(x_s | x_t) = 1 / (v + s^2) + 1 / (t^2 - s^2), its mean x_t (v + s^2) /
        // (v + t^2).
        let exact = 1.0 / (1.0 / (v + s * s) + 1.0 / (SIGMA * SIGMA - s * s));
        let b = s * s * (1.0 - rho) / exact;
        let variance = exact * (2.0 - d) / (2.0 - d * b);
        let want = (v + s * s) / (v + SIGMA * SIGMA);
        println!("slope {slope:.4} of {want:.4}, variance {rest:.1} of {variance:.1} ({exact:.1})");
        assert!((slope - want).abs() < 0.006);
        assert!((rest / variance - 1.0).abs() < 0.02);
        assert!((variance / exact - 1.0).abs() < 0.5 * d);
    }
}

#[test]
fn one_step_shows_the_mean_and_the_seed_decides() {
    let x_t = state();
    let mean = run(Mode::Mean, 1, &x_t, 0);
    let sample = Mode::Sample { eta: 1.0 };
    for mode in [
        Mode::Flow,
        Mode::Realism(0.5),
        sample,
        Mode::Langevin { corrections: 3 },
    ] {
        assert_eq!(run(mode, 1, &x_t, 0), mean, "{mode:?}");
    }
    assert_eq!(run(sample, 4, &x_t, 1), run(sample, 4, &x_t, 1));
    assert_ne!(run(sample, 4, &x_t, 1), run(sample, 4, &x_t, 2));
    assert_eq!(run(Mode::Flow, 4, &x_t, 1), run(Mode::Flow, 4, &x_t, 2));
    let none = Mode::Langevin { corrections: 0 };
    assert_eq!(run(none, 6, &x_t, 3), run(sample, 6, &x_t, 3));
}

#[test]
fn calls_are_counted_as_announced() {
    let predict = |x: &Planes, sigma: f64| PRIOR.denoise(x, sigma);
    for (mode, steps, want) in [
        (Mode::Mean, 9, 1),
        (Mode::Flow, 9, 9),
        (Mode::Sample { eta: 0.5 }, 3, 3),
        (Mode::SampleLarge, 4, 4),
        (Mode::Langevin { corrections: 2 }, 4, 10),
    ] {
        let sampler = Sampler::new(mode).expect("valid").steps(steps);
        let mut heard = Vec::new();
        let x_t = Planes::zeros(16, 16);
        let walked = sampler.walk(&predict, x_t, SIGMA, &mut |frame| {
            assert_eq!(frame.calls, want, "{mode:?}");
            heard.push(frame.call);
            ControlFlow::Continue(())
        });
        walked.expect("runs");
        assert_eq!(heard, (0..want).collect::<Vec<usize>>(), "{mode:?}");
        assert_eq!(sampler.calls(), want, "{mode:?}");
    }
}

#[test]
fn shares_outside_the_unit_interval_are_refused() {
    for bad in [-0.1, 1.1, f64::NAN] {
        for mode in [Mode::Sample { eta: bad }, Mode::Realism(bad)] {
            assert!(
                matches!(Sampler::new(mode), Err(Error::Parameter(_))),
                "{mode:?}"
            );
        }
    }
}

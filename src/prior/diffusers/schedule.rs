//! Noise schedule of a DDPM's training: from sigma to the real-valued timestep t.

use std::f64::consts::FRAC_PI_2;

use crate::error::Result;
use crate::prior::diffusers::fields::Fields;

/// Meaning of the network's output, with x_0 and eps in units of pictures in \[-1, 1\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prediction {
    /// The noise eps (Ho, Jain and Abbeel 2020, equation 14).
    Epsilon,
    /// The picture x_0.
    Sample,
    /// v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0 (Salimans and Ho 2022).
    V,
}

/// Noise levels of all timesteps of the training.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    name: String,
    prediction: Prediction,
    /// ln sigma_t for t = 0, 1, .., sigma_t = sqrt((1 - alpha_bar_t) / alpha_bar_t); ascending.
    log_sigma: Vec<f64>,
}

impl Schedule {
    /// Reads `scheduler_config.json`; an empty object stands for the defaults of DDPMScheduler.
    pub(super) fn parse(json: &[u8]) -> Result<Schedule> {
        let mut f = Fields::new("scheduler_config.json", json)?;
        let class = f.take("_class_name").unwrap_or("DDPMScheduler".into());
        if !["DDPMScheduler", "DDIMScheduler", "PNDMScheduler"]
            .iter()
            .any(|c| class == *c)
        {
            let known = "DDPMScheduler, DDIMScheduler or PNDMScheduler";
            return Err(f.refused("_class_name", class, known));
        }
        let prediction = match f.take("prediction_type") {
            None => Prediction::Epsilon,
            Some(v) => match v.as_str() {
                Some("epsilon") => Prediction::Epsilon,
                Some("sample") => Prediction::Sample,
                Some("v_prediction") => Prediction::V,
                _ => {
                    return Err(f.refused("prediction_type", v, "epsilon, sample or v_prediction"));
                }
            },
        };
        if f.flag("rescale_betas_zero_snr", false)? {
            return Err(f.refused("rescale_betas_zero_snr", true, "false"));
        }
        let trained = match f.take("trained_betas") {
            Some(v) => Some(trained(&v).ok_or_else(|| {
                f.refused(
                    "trained_betas",
                    v,
                    "2 to 100000 numbers from 1e-12 to 0.999",
                )
            })?),
            None => None,
        };
        let n = f.count("num_train_timesteps", 1000, 2..=100_000)?;
        let start = f.number("beta_start", 0.0001, 1e-12..=0.999)?;
        let end = f.number("beta_end", 0.02, 1e-12..=0.999)?;
        let name = f.take("beta_schedule").unwrap_or("linear".into());
        let between = |a: f64, b: f64, i: usize| a + (b - a) * i as f64 / (n - 1) as f64;
        let own = trained.is_some();
        let betas: Vec<f64> = match name.as_str() {
            _ if own => trained.unwrap_or_default(),
            Some("linear") => (0..n).map(|i| between(start, end, i)).collect(),
            Some("scaled_linear" | "quad") => (0..n)
                .map(|i| between(start.sqrt(), end.sqrt(), i).powi(2))
                .collect(),
            Some("sigmoid") => (0..n)
                .map(|i| start + (end - start) / (1.0 + libm::exp(-between(-6.0, 6.0, i))))
                .collect(),
            Some("squaredcos_cap_v2" | "cosine") => (0..n).map(|i| cosine(i, n)).collect(),
            _ => {
                let known = "linear, scaled_linear (quad), sigmoid or squaredcos_cap_v2 (cosine)";
                return Err(f.refused("beta_schedule", name, known));
            }
        };
        let mut log_alpha_bar = 0.0;
        let log_sigma = betas.into_iter().map(|beta| {
            log_alpha_bar += libm::log1p(-beta);
            0.5 * libm::log(libm::expm1(-log_alpha_bar))
        });
        Ok(Schedule {
            log_sigma: log_sigma.collect(),
            prediction,
            name: match own {
                true => "trained_betas".into(),
                false => name.as_str().unwrap_or_default().into(),
            },
        })
    }

    /// `linear`, `scaled_linear` (also by the name `quad`), `sigmoid`, `squaredcos_cap_v2` (also
    /// `cosine`), or `trained_betas`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Prediction of the network.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// T, the number of timesteps.
    pub fn timesteps(&self) -> usize {
        self.log_sigma.len()
    }

    /// sigma_t of timestep `t` < T, for pictures in \[-1, 1\].
    ///
    /// # Panics
    /// If `t` is T or more.
    pub fn sigma(&self, t: usize) -> f64 {
        libm::exp(self.log_sigma[t])
    }

    /// Real t at which the schedule has `sigma` (for pictures in \[-1, 1\]): linear in log sigma
    /// between timesteps, clamped to 0..=T - 1.
    pub fn t(&self, sigma: f64) -> f64 {
        let wanted = libm::log(sigma);
        let above = self.log_sigma.partition_point(|&s| s < wanted);
        if above == 0 || above == self.log_sigma.len() {
            return above.saturating_sub(1) as f64;
        }
        let (a, b) = (self.log_sigma[above - 1], self.log_sigma[above]);
        (above - 1) as f64 + (wanted - a) / (b - a)
    }
}

/// beta of timestep `i` of `n` of the cosine schedule (Nichol and Dhariwal 2021, equation 17), at
/// most 0.999.
fn cosine(i: usize, n: usize) -> f64 {
    let alpha_bar = |i: usize| libm::cos((i as f64 / n as f64 + 0.008) / 1.008 * FRAC_PI_2).powi(2);
    (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(0.999)
}

/// A list of betas.
fn trained(v: &serde_json::Value) -> Option<Vec<f64>> {
    let list = v
        .as_array()
        .filter(|list| (2..=100_000).contains(&list.len()))?;
    let beta = |v: &serde_json::Value| v.as_f64().filter(|beta| (1e-12..=0.999).contains(beta));
    list.iter().map(beta).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_inverts_sigma() {
        for json in [r#"{}"#, r#"{"beta_schedule": "squaredcos_cap_v2"}"#] {
            let schedule = Schedule::parse(json.as_bytes()).expect("a schedule");
            assert_eq!(schedule.timesteps(), 1000);
            for t in 0..1000 {
                let back = schedule.t(schedule.sigma(t));
                assert!((back - t as f64).abs() < 1e-6, "{t}: {back}");
            }
            let between = (schedule.sigma(7) * schedule.sigma(8)).sqrt();
            assert!((schedule.t(between) - 7.5).abs() < 1e-9);
            assert_eq!((schedule.t(1e-6), schedule.t(1e9)), (0.0, 999.0));
        }
    }

    /// sigma of the first and the last timestep, from the products of 1 - beta.
    #[test]
    fn schedules_follow_their_betas() {
        let sigma = |betas: &[f64]| {
            let alpha_bar: f64 = betas.iter().map(|beta| 1.0 - beta).product();
            ((1.0 - alpha_bar) / alpha_bar).sqrt()
        };
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let three: [(&str, [f64; 3]); 5] = [
            ("linear", [0.01, 0.055, 0.1]),
            ("quad", [0.01, 0.0433113883, 0.1]),
            ("scaled_linear", [0.01, 0.0433113883, 0.1]),
            (
                "sigmoid",
                [
                    0.01 + 0.09 * logistic(-6.0),
                    0.055,
                    0.01 + 0.09 * logistic(6.0),
                ],
            ),
            ("trained", [0.3, 0.2, 0.25]),
        ];
        for (name, betas) in three {
            let json = match name {
                "trained" => r#"{"trained_betas": [0.3, 0.2, 0.25]}"#.to_owned(),
                _ => format!(
                    r#"{{"beta_schedule": "{name}", "num_train_timesteps": 3, "beta_start": 0.01, "beta_end": 0.1}}"#
                ),
            };
            let schedule = Schedule::parse(json.as_bytes()).expect(name);
            assert_eq!(schedule.timesteps(), 3);
            for t in 0..3 {
                let (got, want) = (schedule.sigma(t), sigma(&betas[..=t]));
                assert!((got / want - 1.0).abs() < 1e-8, "{name} {t}: {got} {want}");
            }
        }
    }

    #[test]
    fn other_schedules_are_refused_by_name() {
        for (json, field) in [
            (r#"{"beta_schedule": "exp"}"#, "beta_schedule"),
            (r#"{"prediction_type": "flow"}"#, "prediction_type"),
            (r#"{"_class_name": "EDMEulerScheduler"}"#, "_class_name"),
            (r#"{"rescale_betas_zero_snr": true}"#, "zero_snr"),
            (r#"{"trained_betas": [0.1, 0]}"#, "trained_betas"),
            (r#"{"trained_betas": [0.1]}"#, "trained_betas"),
            (r#"{"trained_betas": 7}"#, "trained_betas"),
            (r#"{"beta_end": 7}"#, "beta_end"),
            (r#"{"num_train_timesteps": 1}"#, "num_train_timesteps"),
        ] {
            let e = Schedule::parse(json.as_bytes())
                .expect_err(json)
                .to_string();
            assert!(e.contains(field), "{e}");
        }
    }
}

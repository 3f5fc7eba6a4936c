//! The ways from a state x_t to a picture.

/// A way from a state x_t to a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// x0_hat = E\[x_0 | x_t\].
    Mean,
    /// The probability flow dx / d sigma = (x - x0_hat) / sigma (Song et al. 2021), solved with two
    /// predictions a step (DPM-Solver++(2M), Lu et al. 2022). With h = ln(sigma_t / sigma_s), and
    /// h' and x0_hat' of the step before,
    ///
    /// ```text
    /// d   = x0_hat + h / (2 h') (x0_hat - x0_hat')
    /// x_s = d + sigma_s / sigma_t (x_t - d)
    /// ```
    ///
    /// With d = x0_hat this is DDIM (Song, Meng and Ermon 2021), that is `Sample { eta: 0.0 }`,
    /// which needs some four times the steps for an equal error.
    Flow,
    /// (1 - r) mean + r flow, 0 <= r <= 1, exact at both ends.
    ///
    /// For a Gaussian prior the flow maps the mean to the prior's law by optimal transport, and the
    /// straight line between the two has the least error of all pictures that are as near to that
    /// law (Freirich, Michaeli and Meir 2021, theorem 3 and section 4).
    ///
    /// A scaled score would be another way: dx / d sigma = c (x - x0_hat) / sigma, with c from 1
    /// (flow) to 2 (the drift of the reverse diffusion without its noise). It reaches the mean for
    /// Gaussians only. With the shipped prior c = 2 is a far smoother picture than the mean, and
    /// worse by 1.1 dB, and all c lose to the straight line.
    Realism(f64),
    /// Ancestral sampling (Ho, Jain and Abbeel 2020, Algorithm 2) in sub-sequences (Song, Meng and
    /// Ermon 2021, equation 12):
    ///
    /// ```text
    /// x_s = x0_hat + sqrt(sigma_s^2 - std^2) eps_hat + std n
    /// std = eta sigma_s sqrt(1 - sigma_s^2 / sigma_t^2)
    /// eps_hat = (x_t - x0_hat) / sigma_t
    /// ```
    ///
    /// eta = 1 is DDPM, eta = 0 DDIM; 0 <= eta <= 1.
    Sample {
        /// The share of the noise that is made anew.
        eta: f64,
    },
    /// [`Mode::Sample`] with eta = 1 and the larger variance of Ho, Jain and Abbeel (2020, section
    /// 3.2): sigma^2 = beta in the place of beta~. It is exact for white pictures, as eta = 1 is
    /// for pictures of one point. With levels in units of 127.5,
    ///
    /// ```text
    /// std^2 = (sigma_t^2 - sigma_s^2) (1 + sigma_s^2) / (1 + sigma_t^2)
    /// ```
    SampleLarge,
    /// Ancestral steps as predictor, annealed Langevin dynamics as corrector (Song and Ermon 2019;
    /// Song et al. 2021, Algorithm 1): at each level sigma_s after the first,
    ///
    /// ```text
    /// x_s <- mu + (1 - d) (x_s - mu) + sqrt(1 - (1 - d)^2) std n,   d = 0.1
    /// mu = x0_hat + rho (x_t - x0_hat)
    /// rho = sigma_s^2 / sigma_t^2
    /// std = sigma_s sqrt(1 - rho)
    /// ```
    ///
    /// with x_t the state that the walk started from. That is Langevin dynamics of p(x_s | x_t),
    /// whose score is (mu - x_s) / std^2: corrections do not forget the bits of the file. The step
    /// keeps the noise at sigma_s for any d.
    Langevin {
        /// Corrections at each level.
        corrections: u32,
    },
}

impl Mode {
    /// Number of steps that is enough for the mode. More change little.
    pub fn default_steps(self) -> usize {
        match self {
            Mode::Mean => 1,
            Mode::Flow | Mode::Realism(_) => 12,
            Mode::Sample { .. } | Mode::SampleLarge => 32,
            Mode::Langevin { .. } => 24,
        }
    }
}

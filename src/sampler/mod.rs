//! Pictures that a receiver can show of a state x_t besides E[x_0 | x_t]: walks from x_t down to
//! x_0 under the prior.
//!
//! All walks start from x_t = x_0 + sigma_t n as the bytes of the file give it, and cost no bits.
//! With x0_hat = E[x_0 | x_t] the score of p(x_t) is (x0_hat - x_t) / sigma_t^2 (Tweedie). Each
//! step goes from sigma_t to a lower sigma_s; the last one, from 1.5 levels, shows x0_hat. sigma is
//! in 8-bit levels, the chain in its variance-exploding form, see [`schedule`](crate::schedule).
//!
//! | Mode | A step | Where it goes |
//! |---|---|---|
//! | [`Mode::Mean`] | none | E\[x_0 \| x_t\]: the least squared error, hence the best PSNR, and smooth where the bits say nothing |
//! | [`Mode::Flow`] | dx / d sigma = (x - x0_hat) / sigma | the natural picture nearest in this sense: sharp, deterministic |
//! | [`Mode::Realism`] | (1 - r) mean + r flow | between them |
//! | [`Mode::Sample`] | x_s ~ N( x0_hat + sqrt(sigma_s^2 - std^2) eps_hat, std^2 I ) | with eta = 1 a sample of p(x_0 \| x_t) |
//! | [`Mode::Langevin`] | as [`Mode::Sample`], with corrections | as [`Mode::Sample`] |
//!
//! The price is squared error: a perfect sample has twice that of the mean (3 dB), the flow less.
//! The table has the mean of eight Kodak pictures (kodim01, 04 .. 22; `tests/modes.rs` prints it,
//! here for the weights of 20 November 2026): RGB PSNR in dB / MS-SSIM / SSIMULACRA2 / sharpness.
//! Sharpness is the energy of the differences of neighbouring samples over that of the original.
//!
//! | Bits per pixel | 0.05 | 0.1 | 0.2 | 0.4 |
//! |---|---|---|---|---|
//! | mean | 24.79 / 0.803 / -50.9 / 0.26 | 26.77 / 0.872 / -27.5 / 0.41 | 29.20 / 0.925 / 4.4 / 0.59 | 32.18 / 0.961 / 36.6 / 0.75 |
//! | realism 0.25 | 24.85 / 0.809 / -50.2 / 0.33 | 26.80 / 0.875 / -26.7 / 0.48 | 29.21 / 0.927 / 5.1 / 0.65 | 32.19 / 0.962 / 37.0 / 0.79 |
//! | realism 0.5 | 24.73 / 0.808 / -50.4 / 0.43 | 26.67 / 0.875 / -27.0 / 0.58 | 29.08 / 0.926 / 4.8 / 0.73 | 32.08 / 0.961 / 36.8 / 0.84 |
//! | flow | 24.04 / 0.794 / -52.9 / 0.76 | 26.00 / 0.864 / -30.4 / 0.87 | 28.48 / 0.920 / 1.8 / 0.93 | 31.56 / 0.958 / 34.8 / 0.97 |
//! | sample | 23.20 / 0.742 / -61.6 / 0.43 | 24.88 / 0.819 / -45.4 / 0.63 | 27.02 / 0.886 / -17.8 / 0.79 | 29.79 / 0.937 / 16.7 / 0.90 |
//! | langevin | 23.33 / 0.746 / -61.2 / 0.38 | 25.00 / 0.822 / -45.1 / 0.58 | 27.11 / 0.887 / -17.4 / 0.77 | 29.83 / 0.937 / 17.0 / 0.89 |
//!
//! To the eye: up to 0.2 bits per pixel the flow gives stone, foliage and water back their texture,
//! and paints faint strokes on skin and sky. Realism 0.5 keeps most of the first and little of the
//! second. At 0.4 the modes look much alike. Realism 0.25 costs nothing at any rate. Samples move
//! edges that the bits leave open: they show the uncertainty, not a better picture.

mod generate;
mod levels;
mod mode;
mod noise;
mod walk;

pub use mode::Mode;
pub use walk::{Frame, FrameReport, Sampler};

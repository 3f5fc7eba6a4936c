//! The times of the activities of an encode or a decode.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The times that activities of an encode or a decode took, by the clock on the wall, and the work
/// of the network. All times are zero on `wasm32-unknown-unknown`, which has no clock.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Timings {
    /// The network, with tiling, reduction and enlargement around it.
    pub network: Duration,
    /// Bands and rotation: permutation, signs, Walsh-Hadamard blocks, and the update of x_t in the
    /// same pass.
    pub rotation: Duration,
    /// The trellis: the encoder's Viterbi search, the decoder's shift register.
    pub trellis: Duration,
    /// Coding of the alpha plane.
    pub alpha: Duration,
    /// Coding of the exact samples.
    pub exact: Duration,
    /// Calls of the network, one for each noise level that was denoised.
    pub calls: u64,
    /// Corrections of x0_hat between calls, by the small network of the prior.
    pub corrections: u64,
    /// Multiply-accumulates of all networks; 0 if the denoiser of the prior does not say.
    pub macs: f64,
}

impl Timings {
    /// Speed of the network in 10^9 floating-point operations a second, two for each
    /// multiply-accumulate; none if it is unknown.
    pub fn gflops(&self) -> Option<f64> {
        let seconds = self.network.as_secs_f64();
        (self.macs > 0.0 && seconds > 0.0).then(|| 2e-9 * self.macs / seconds)
    }
}

/// An activity that a [`Meter`] times.
#[derive(Debug, Clone, Copy)]
pub enum Activity {
    Network,
    Rotation,
    Trellis,
    Alpha,
    Exact,
}

/// Sums of times. Several threads may share it.
#[derive(Debug, Default)]
pub struct Meter {
    nanoseconds: [AtomicU64; 5],
    calls: AtomicU64,
    corrections: AtomicU64,
    /// Thousands of multiply-accumulates.
    kilomacs: AtomicU64,
}

impl Meter {
    /// Runs `work`, and adds its time to that of `activity`.
    pub fn time<T>(&self, activity: Activity, work: impl FnOnce() -> T) -> T {
        let start = now();
        let done = work();
        let spent = start.map_or(0, |start| start.elapsed().as_nanos() as u64);
        self.nanoseconds[activity as usize].fetch_add(spent, Relaxed);
        done
    }

    /// Counts a call of the network of `macs` multiply-accumulates.
    pub fn count_call(&self, macs: f64) {
        self.calls.fetch_add(1, Relaxed);
        self.count_macs(macs);
    }

    /// Counts a correction of `macs` multiply-accumulates.
    pub fn count_correction(&self, macs: f64) {
        self.corrections.fetch_add(1, Relaxed);
        self.count_macs(macs);
    }

    /// Counts other work of `macs` multiply-accumulates.
    pub fn count_macs(&self, macs: f64) {
        self.kilomacs.fetch_add((macs / 1e3) as u64, Relaxed);
    }

    /// The sums so far.
    pub fn read(&self) -> Timings {
        let time = |activity: Activity| {
            Duration::from_nanos(self.nanoseconds[activity as usize].load(Relaxed))
        };
        Timings {
            network: time(Activity::Network),
            rotation: time(Activity::Rotation),
            trellis: time(Activity::Trellis),
            alpha: time(Activity::Alpha),
            exact: time(Activity::Exact),
            calls: self.calls.load(Relaxed),
            corrections: self.corrections.load(Relaxed),
            macs: 1e3 * self.kilomacs.load(Relaxed) as f64,
        }
    }
}

/// The time, where the platform has a clock: elsewhere `Instant::now` panics.
fn now() -> Option<Instant> {
    (!cfg!(all(target_family = "wasm", target_os = "unknown"))).then(Instant::now)
}

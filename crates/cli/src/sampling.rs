//! The flags of the commands that sample, as a working sampler.

use dcodec::{Mode, Sampler};

use crate::args::{ModeName, Sampling, Variance};
use crate::error::{Error, Result};

/// Corrections at each level of `--mode langevin`.
const CORRECTIONS: u32 = 1;

/// The sampler that the flags ask for, in `mode` unless they name another.
pub fn sampler(a: &Sampling, mode: ModeName) -> Result<Sampler> {
    let name = a.mode.unwrap_or(mode);
    let chosen = match (a.realism, name) {
        (Some(r), _) => Mode::Realism(r),
        (_, ModeName::Mean) => Mode::Mean,
        (_, ModeName::Flow) => Mode::Flow,
        (_, ModeName::Sample) if a.variance == Some(Variance::Large) => Mode::SampleLarge,
        (_, ModeName::Sample) => Mode::Sample {
            eta: a.eta.unwrap_or(1.0),
        },
        (_, ModeName::Langevin) => Mode::Langevin {
            corrections: a.corrections.unwrap_or(CORRECTIONS),
        },
    };
    let unused = [
        (
            "--eta",
            a.eta.is_some() && !matches!(chosen, Mode::Sample { .. }),
            "sample",
        ),
        (
            "--variance",
            a.variance.is_some() && !matches!(chosen, Mode::Sample { .. } | Mode::SampleLarge),
            "sample",
        ),
        (
            "--corrections",
            a.corrections.is_some() && !matches!(chosen, Mode::Langevin { .. }),
            "langevin",
        ),
        (
            "--steps",
            a.steps.is_some() && chosen == Mode::Mean,
            "flow, sample or langevin",
        ),
    ];
    if let Some((flag, _, modes)) = unused.iter().find(|(_, unused, _)| *unused) {
        return Err(Error::Usage(format!("{flag} needs --mode {modes}")));
    }
    let sampler = Sampler::new(chosen)?.seed(a.seed);
    Ok(match a.steps {
        Some(steps) => sampler.steps(steps as usize),
        None => sampler,
    })
}

/// Name of a sampler's mode, for messages.
pub fn describe(sampler: &Sampler) -> String {
    match sampler.mode() {
        Mode::Mean => "mean".into(),
        Mode::Flow => "flow".into(),
        Mode::Realism(r) => format!("realism {r}"),
        Mode::Sample { eta: 1.0 } => "sample".into(),
        Mode::Sample { eta } => format!("sample with eta {eta}"),
        Mode::SampleLarge => "sample with the large variance".into(),
        Mode::Langevin { .. } => "langevin".into(),
        // The library may know more.
        mode => format!("{mode:?}"),
    }
}

/// True if a strip takes this one of the `calls` predictions of a walk. It takes `frames` of them,
/// evenly spaced, the last among them.
pub fn is_frame(call: usize, calls: usize, frames: usize) -> bool {
    (call + 1) * frames / calls > call * frames / calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spaced() {
        let taken = |calls, frames| {
            let all = (0..calls).filter(|&c| is_frame(c, calls, frames));
            all.collect::<Vec<usize>>()
        };
        assert_eq!(taken(8, 4), [1, 3, 5, 7]);
        assert_eq!(taken(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(taken(7, 1), [6]);
        assert_eq!(taken(10, 3).len(), 3);
    }
}

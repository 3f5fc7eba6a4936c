//! `dcodec doctor`: what this build is, what it has found on this machine, and if it works.

use std::thread::available_parallelism;

use dcodec::conformance::{Outcome, self_test};
use dcodec::prior::{Kernel, Shipped, Weights};
use dcodec_eval::io;
use serde_json::{Value, json};

use crate::args::Doctor;
use crate::error::{Error, Result};
use crate::info::{devices_as_json, devices_as_text};
use crate::jobs::free_memory;

/// Optional features of the command, and if this build has them.
const FEATURES: [(&str, bool); 8] = [
    ("butteraugli", cfg!(feature = "butteraugli")),
    ("colour", cfg!(feature = "colour")),
    ("cuda", cfg!(feature = "cuda")),
    ("diffusers", cfg!(feature = "diffusers")),
    ("hub", cfg!(feature = "hub")),
    ("metal", cfg!(feature = "metal")),
    ("prior-l", cfg!(feature = "prior-l")),
    ("view", cfg!(feature = "view")),
];

/// C library of the system that this build is for.
const ENVIRONMENT: &str = match () {
    () if cfg!(target_env = "musl") => "musl",
    () if cfg!(target_env = "gnu") => "gnu",
    () if cfg!(target_env = "msvc") => "msvc",
    () => "",
};

/// Everything that can be wrong.
struct Findings {
    priors: Vec<PriorFound>,
    files: Vec<(&'static str, Outcome)>,
}

/// A prior that this build should have inside.
struct PriorFound {
    shipped: Shipped,
    /// Identity and bytes of the weights, or what is wrong with them.
    weights: dcodec::Result<(String, usize)>,
}

pub fn run(a: &Doctor) -> Result<()> {
    let found = Findings::new();
    let text = match a.json {
        true => format!("{:#}\n", found.as_json()),
        false => found.as_text(),
    };
    io::print(&text)?;
    match found.faults() {
        0 => Ok(()),
        n => Err(Error::Failed(format!(
            "{n} of the weights and files above are not what they should be"
        ))),
    }
}

impl Findings {
    fn new() -> Self {
        let has = |shipped: &Shipped| *shipped != Shipped::L || cfg!(feature = "prior-l");
        let priors = Shipped::ALL.into_iter().filter(has);
        Findings {
            priors: priors.map(PriorFound::new).collect(),
            files: self_test().collect(),
        }
    }

    fn faults(&self) -> usize {
        let weights = self.priors.iter().filter(|p| p.weights.is_err()).count();
        let good =
            |(_, outcome): &&(_, Outcome)| !matches!(outcome, Outcome::Passed | Outcome::Skipped);
        weights + self.files.iter().filter(good).count()
    }

    fn as_json(&self) -> Value {
        let kernel = |kernel: Kernel| format!("{kernel:?}");
        let files = self.files.iter().map(|(file, outcome)| {
            let (outcome, reason) = told(outcome);
            json!({ "file": format!("{file}.dfc"), "outcome": outcome, "reason": reason })
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "format_version": dcodec::container::VERSION,
            "features": features(),
            "platform": {
                "system": std::env::consts::OS,
                "processor": std::env::consts::ARCH,
                "environment": ENVIRONMENT,
            },
            "kernels": {
                "present": Kernel::available().into_iter().map(kernel).collect::<Vec<_>>(),
                "chosen": kernel(Kernel::best()),
            },
            "threads": rayon::current_num_threads(),
            "cores": cores(),
            "memory": free_memory(),
            "devices": devices_as_json(),
            "priors": self.priors.iter().map(PriorFound::as_json).collect::<Vec<_>>(),
            "self_test": files.collect::<Vec<_>>(),
            "works": self.faults() == 0,
        })
    }

    fn as_text(&self) -> String {
        let kernel = |kernel: Kernel| match kernel == Kernel::best() {
            true => format!("{kernel:?} (chosen)"),
            false => format!("{kernel:?}"),
        };
        let kernels: Vec<String> = Kernel::available().into_iter().map(kernel).collect();
        let memory = match free_memory() {
            Some(bytes) => format!("{:.1} GB for several files at once", bytes as f64 / 1e9),
            None => "the system does not tell how much is free".into(),
        };
        let mut text = format!(
            "version   dcodec {}, format version {}\nfeatures  {}\nplatform  {} {} {}\nkernels   {}\n\
             threads   {} on {} cores\nmemory    {memory}\n",
            env!("CARGO_PKG_VERSION"),
            dcodec::container::VERSION,
            features().join(", "),
            std::env::consts::OS,
            std::env::consts::ARCH,
            ENVIRONMENT,
            kernels.join(", "),
            rayon::current_num_threads(),
            cores(),
        );
        for line in devices_as_text().lines() {
            text += &format!("device    {line}\n");
        }
        for prior in &self.priors {
            text += &prior.as_line();
        }
        for (file, outcome) in &self.files {
            let (outcome, reason) = told(outcome);
            let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
            text += &format!("file      {file}.dfc: {outcome}{reason}\n");
        }
        text += match self.faults() {
            0 => "result    all well\n",
            _ => "result    not well\n",
        };
        text
    }
}

impl PriorFound {
    /// Compares the weights inside with the identity that they had when this program was built.
    fn new(shipped: Shipped) -> Self {
        let weights = || {
            let bytes = shipped.file_bytes()?;
            let (found, told) = (Weights::from_bytes(&bytes)?.id(), shipped.prior()?.id());
            match found == told {
                true => Ok((told.to_string(), bytes.len())),
                false => Err(dcodec::Error::Backend(format!(
                    "the SHA-256 of the weights begins with {found}, not with {told}"
                ))),
            }
        };
        PriorFound {
            shipped,
            weights: weights(),
        }
    }

    fn as_json(&self) -> Value {
        let name = self.shipped.name();
        match &self.weights {
            Ok((id, bytes)) => {
                json!({ "name": name, "prior": id, "bytes": bytes, "sound": true })
            }
            Err(e) => json!({ "name": name, "sound": false, "reason": e.to_string() }),
        }
    }

    fn as_line(&self) -> String {
        let name = self.shipped.name();
        match &self.weights {
            Ok((id, bytes)) => format!("prior     {name:<3} {id}, {bytes} bytes, sound\n"),
            Err(e) => format!("prior     {name:<3} damaged: {e}\n"),
        }
    }
}

/// Names of the optional features of this build.
fn features() -> Vec<&'static str> {
    let present = FEATURES.into_iter().filter(|(_, present)| *present);
    present.map(|(name, _)| name).collect()
}

/// Cores that this process may use.
fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// An outcome in a word, and its reason.
fn told(outcome: &Outcome) -> (&'static str, Option<String>) {
    match outcome {
        Outcome::Passed => ("passed", None),
        Outcome::Differs(what) => ("differs", Some(what.clone())),
        Outcome::Failed(e) => ("failed", Some(e.to_string())),
        _ => ("skipped", Some("its prior is not in this build".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_and_told() {
        let refused = dcodec::decode(b"no file").expect_err("no file");
        let found = Findings {
            priors: vec![
                PriorFound {
                    shipped: Shipped::S,
                    weights: Err(dcodec::Error::Backend("too short".into())),
                },
                PriorFound {
                    shipped: Shipped::Xs,
                    weights: Ok(("01234567".into(), 5)),
                },
            ],
            files: vec![
                ("a", Outcome::Passed),
                ("b", Outcome::Skipped),
                ("c", Outcome::Differs("another CRC-32".into())),
                ("d", Outcome::Failed(refused)),
            ],
        };
        assert_eq!(found.faults(), 3);
        let text = found.as_text();
        for line in [
            "prior     s   damaged: prior: too short\n",
            "prior     xs  01234567, 5 bytes, sound\n",
            "file      a.dfc: passed\n",
            "file      b.dfc: skipped: its prior is not in this build\n",
            "file      c.dfc: differs: another CRC-32\n",
            "(clause 3.1)\n",
            "result    not well\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let json = found.as_json();
        assert_eq!(json["works"], false);
        assert_eq!(json["priors"][0]["sound"], false);
        assert_eq!(json["self_test"][2]["outcome"], "differs");
        assert_eq!(json["self_test"][3]["file"], "d.dfc");
    }
}

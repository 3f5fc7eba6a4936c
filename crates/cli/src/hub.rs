//! Places of priors: a file or folder here, or a hub that knows it under the name of a model.

#[cfg(feature = "hub")]
mod fetch;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use dcodec_eval::Log;

use crate::error::{Error, Result};
#[cfg(feature = "hub")]
use fetch::fetch;

/// Longest part of a model's name.
const MAX_PART: usize = 96;

/// The file or folder of the prior that `path` names: the one that lies there, else the model of
/// that name on a hub, which is fetched.
pub fn located(path: &Path, log: Log) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path.into());
    }
    let found = match model(path) {
        Some(name) => fetch(name, log),
        None => Err("no such file or folder".into()),
    };
    found.map_err(|reason| Error::io(path, io::Error::new(ErrorKind::NotFound, reason)))
}

/// The name of a model if it can be one: `owner/name`, which is also how a relative path looks.
fn model(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let (owner, name) = text.split_once('/')?;
    let part = |s: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let outer = |c: char| c == '-' || c == '.';
        (1..=MAX_PART).contains(&s.len())
            && s.chars().all(inner)
            && !s.starts_with(outer)
            && !s.ends_with(outer)
            && !s.contains("--")
            && !s.contains("..")
    };
    (part(owner) && part(name) && !name.ends_with(".safetensors")).then_some(text)
}

#[cfg(not(feature = "hub"))]
fn fetch(_: &str, _: Log) -> Result<PathBuf, String> {
    Err(
        "no such file or folder; if it is a model on a hub, build dcodec so that it can fetch it (cargo install --path crates/cli \
         --features hub), or download it (git clone, or the hub's client) and name its folder"
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_are_told_from_paths() {
        let name = |text| model(Path::new(text)).is_some();
        for model in ["google/ddpm-cifar10-32", "a/b", "A.b_c/d-e.f"] {
            assert!(name(model), "{model}");
        }
        for path in [
            "",
            "a",
            "/a/b",
            "./b",
            "../b",
            "a/",
            "a/b/c",
            "a//b",
            "a/..",
            "a/b c",
            "a/b--c",
            "-a/b",
            "models/s.safetensors",
        ] {
            assert!(!name(path), "{path}");
        }
        assert!(!name(&format!("a/{}", "b".repeat(97))));
    }

    #[test]
    fn what_is_here_is_not_sought_elsewhere() {
        let log = Log { quiet: true };
        // Relative to the package, and of the form of a model's name.
        assert_eq!(
            located(Path::new("src/args"), log).unwrap(),
            Path::new("src/args")
        );
        let error = located(Path::new("a/b/c.safetensors"), log).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a/b/c.safetensors: no such file or folder"
        );
    }
}

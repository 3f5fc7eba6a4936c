//! Passes the identities of the weights inside the crate to it, as `DCODEC_PRIOR_S`,
//! `DCODEC_PRIOR_XS` and `DCODEC_PRIOR_L`.
//!
//! The larger weights are in `models` in a checkout. A package on crates.io has no room for them:
//! they come as two more packages.

#[cfg(feature = "prior-l")]
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn main() {
    identify("s", &read("models/s.safetensors"));
    identify("xs", &read("models/xs.safetensors"));
    larger();
}

#[cfg(not(feature = "prior-l"))]
fn larger() {}

/// Passes the identity of the larger weights on, and their path as `DCODEC_PRIOR_L_FILE`.
#[cfg(feature = "prior-l")]
fn larger() {
    let own = "models/l.safetensors";
    let halves = [dcodec_prior_l_1::HALF, dcodec_prior_l_2::HALF];
    let (path, file) = if Path::new(own).exists() {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo");
        (Path::new(&folder).join(own), read(own))
    } else {
        let file = halves.map(read).concat();
        let folder = std::env::var_os("OUT_DIR").expect("set by cargo");
        let path = PathBuf::from(folder).join("l.safetensors");
        std::fs::write(&path, &file).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path, file)
    };
    println!("cargo::rustc-env=DCODEC_PRIOR_L_FILE={}", path.display());
    identify("l", &file);
}

/// The bytes of a file, which the build depends on from now on.
fn read(path: &str) -> Vec<u8> {
    println!("cargo::rerun-if-changed={path}");
    std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Passes on the first four bytes of the SHA-256 of a weights file, in hexadecimal digits.
fn identify(name: &str, file: &[u8]) {
    let [a, b, c, d, ..] = Sha256::digest(file)[..] else {
        unreachable!("32 bytes");
    };
    let id = u32::from_be_bytes([a, b, c, d]);
    let name = name.to_uppercase();
    println!("cargo::rustc-env=DCODEC_PRIOR_{name}={id:08x}");
}

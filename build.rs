//! Passes the weights inside the crate to it: the identities of priors as `DCODEC_PRIOR_S`,
//! `DCODEC_PRIOR_XS` and `DCODEC_PRIOR_L`, and the files with their bytes sorted, `s.apart` and so on
//! in `OUT_DIR`.
//!
//! The larger weights are in `models` in a checkout. A package on crates.io has no room for them:
//! they come as two more packages.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

fn main() {
    pass("s", &read("models/s.safetensors"));
    pass("xs", &read("models/xs.safetensors"));
    larger();
}

#[cfg(not(feature = "prior-l"))]
fn larger() {}

#[cfg(feature = "prior-l")]
fn larger() {
    let own = "models/l.safetensors";
    let halves = [dcodec_prior_l_1::HALF, dcodec_prior_l_2::HALF];
    let file = match std::path::Path::new(own).exists() {
        true => read(own),
        false => halves.map(read).concat(),
    };
    pass("l", &file);
    for name in ["postfilter", "vivid"] {
        pass(name, &read(&format!("models/{name}.safetensors")));
    }
}

/// The bytes of a file, which the build depends on from now on.
fn read(path: &str) -> Vec<u8> {
    println!("cargo::rerun-if-changed={path}");
    std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Passes on the first four bytes of the SHA-256 of a weights file, in hexadecimal digits, and its
/// bytes.
fn pass(name: &str, file: &[u8]) {
    let [a, b, c, d, ..] = Sha256::digest(file)[..] else {
        unreachable!("32 bytes");
    };
    let id = u32::from_be_bytes([a, b, c, d]);
    let folder = std::env::var_os("OUT_DIR").expect("set by cargo");
    let path = PathBuf::from(folder).join(format!("{name}.apart"));
    std::fs::write(&path, apart(file)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = name.to_uppercase();
    println!("cargo::rustc-env=DCODEC_PRIOR_{name}={id:08x}");
}

/// A safetensors file of numbers of 16 bits: the header, the high bytes of all numbers, and the low
/// ones. Signs and exponents are alike, so that packages of the program are 7 % smaller.
/// `Inside::file` in `src/prior/weights.rs` puts them together.
fn apart(file: &[u8]) -> Vec<u8> {
    let header = file.first_chunk().expect("a length of the header");
    let (header, data) = file.split_at(8 + u64::from_le_bytes(*header) as usize);
    let pairs = data.chunks_exact(2);
    let rest = pairs.remainder();
    let high = pairs.clone().map(|pair| pair[1]);
    let low = pairs.map(|pair| pair[0]);
    let mut out = header.to_vec();
    out.extend(high.chain(low).chain(rest.iter().copied()));
    out
}

//! Tells the crate the identities of the weights inside it, and whether the larger ones lie here: the package on crates.io has no
//! room for them.

use std::path::Path;

use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(prior_l)");
    identify("s");
    println!("cargo::rerun-if-changed=models/l.safetensors");
    let wanted = std::env::var_os("CARGO_FEATURE_PRIOR_L").is_some();
    if wanted && Path::new("models/l.safetensors").exists() {
        println!("cargo::rustc-cfg=prior_l");
        identify("l");
    }
}

/// The first four bytes of the SHA-256 of a weights file, in hexadecimal digits.
fn identify(name: &str) {
    let path = format!("models/{name}.safetensors");
    println!("cargo::rerun-if-changed={path}");
    let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let [a, b, c, d, ..] = Sha256::digest(file)[..] else {
        unreachable!("32 bytes");
    };
    let id = u32::from_be_bytes([a, b, c, d]);
    let name = name.to_uppercase();
    println!("cargo::rustc-env=DCODEC_PRIOR_{name}={id:08x}");
}

//! Finds out whether the larger prior lies here: the package on crates.io has no room for it.

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(prior_l)");
    println!("cargo::rerun-if-changed=models/l.safetensors");
    let wanted = std::env::var_os("CARGO_FEATURE_PRIOR_L").is_some();
    if wanted && Path::new("models/l.safetensors").exists() {
        println!("cargo::rustc-cfg=prior_l");
    }
}

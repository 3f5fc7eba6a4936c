//! Passes the identities of the weights inside the crate to it, as `DCODEC_PRIOR_S`,
//! `DCODEC_PRIOR_XS` and `DCODEC_PRIOR_L`, and compiles the kernels of the feature `cuda`.
//!
//! The larger weights may be absent: the package on crates.io has no room for them.

use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(prior_l)");
    identify("s");
    identify("xs");
    let wanted = std::env::var_os("CARGO_FEATURE_PRIOR_L").is_some();
    if wanted && Path::new("models/l.safetensors").exists() {
        println!("cargo::rustc-cfg=prior_l");
        identify("l");
    } else {
        println!("cargo::rerun-if-changed=models/l.safetensors");
    }
    if std::env::var_os("CARGO_FEATURE_CUDA").is_some() {
        for variable in ["CUDA_HOME", "CUDA_COMPUTE_CAP"] {
            println!("cargo::rerun-if-env-changed={variable}");
        }
        for (source, output, flags) in KERNELS {
            compile(source, output, flags);
        }
    }
}

/// Kernels for NVIDIA's GPUs: a source in `src/prior/cuda`, the name of its output, and its flags.
///
/// Kernels of the chain fuse nothing, so that they round as the machine does. They wait for memory
/// anyway.
const KERNELS: [(&str, &str, &str); 4] = [
    ("chain", "chain", "--fmad=false"),
    ("network", "network1", "-DPASSES=1"),
    ("network", "network2", "-DPASSES=2"),
    ("network", "network3", "-DPASSES=3"),
];

/// Compiles a source to PTX for GPUs from `CUDA_COMPUTE_CAP` on, 80 by default. The driver makes
/// the GPU's own instructions of it.
fn compile(source: &str, output: &str, flags: &str) {
    let source = format!("src/prior/cuda/{source}.cu");
    println!("cargo::rerun-if-changed={source}");
    let capability = std::env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| "80".into());
    let capability = capability.replace('.', "");
    let folder = std::env::var_os("OUT_DIR").expect("set by cargo");
    let home = std::env::var("CUDA_HOME").unwrap_or_else(|_| "/usr/local/cuda".into());
    let compilers = [format!("{home}/bin/nvcc"), "nvcc".into()];
    for nvcc in &compilers {
        let mut command = Command::new(nvcc);
        command.args(["-ptx", "-O3", "-std=c++17", flags, &source, "-o"]);
        command.arg(Path::new(&folder).join(format!("{output}.ptx")));
        command.arg(format!("-arch=compute_{capability}"));
        match command.status() {
            Ok(status) if status.success() => return,
            Ok(status) => panic!("{nvcc} {source}: {status}"),
            Err(_) => {}
        }
    }
    panic!(
        "no nvcc as {}: install the CUDA toolkit, or set CUDA_HOME to where it is",
        compilers.join(" or ")
    );
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

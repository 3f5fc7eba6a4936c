//! Gives the shared library the name that programs look for as they start. It has the number of the
//! ABI, so that a library of another one is never loaded in its place.

/// `DCODEC_ABI_VERSION`; a test compares the two.
const ABI: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=DCODEC_SONAME_ABI={ABI}");
    let get = |name| std::env::var(name).unwrap_or_default();
    // cargo-c gives it one by itself.
    if std::env::var_os("CARGO_CFG_CARGO_C").is_some() {
        return;
    }
    let (system, family) = (get("CARGO_CFG_TARGET_OS"), get("CARGO_CFG_TARGET_FAMILY"));
    match (system.as_str(), family.as_str()) {
        ("macos", _) => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libdcodec.{ABI}.dylib")
        }
        (_, "unix") => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdcodec.so.{ABI}"),
        _ => {}
    }
}

//! The header is that of the sources.

use std::path::Path;

use cbindgen::{Builder, Config};

/// The header that cbindgen makes of the sources.
fn made() -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::from_file(package.join("cbindgen.toml")).expect("a configuration");
    let mut files: Vec<_> = std::fs::read_dir(package.join("src"))
        .expect("sources")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with("lib.rs") && !path.ends_with("tests.rs"))
        .collect();
    files.sort();
    let builder = files.iter().fold(Builder::new(), Builder::with_src);
    let bindings = builder.with_config(config).generate().expect("a header");
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).expect("text")
}

/// `DCODEC_WRITE_HEADER=1` writes the header instead of comparing it.
#[test]
fn the_header_is_that_of_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/dcodec.h");
    let made = made();
    if std::env::var_os("DCODEC_WRITE_HEADER").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let own = std::fs::read_to_string(&path).expect("include/dcodec.h");
    let differing = own.lines().zip(made.lines()).position(|(a, b)| a != b);
    assert!(
        own.replace("\r\n", "\n") == made,
        "include/dcodec.h differs from line {:?} on: DCODEC_WRITE_HEADER=1 cargo test -p dcodec-capi --test header",
        differing.map(|line| line + 1)
    );
}

/// Every function that the sources export is in the header, and the other way round.
#[test]
fn no_function_is_left_out() {
    let header = made();
    let mut exported = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("sources") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        let names = text.split("extern \"C\" fn dcodec_").skip(1);
        for name in names.filter_map(|rest| rest.split('(').next()) {
            assert!(header.contains(&format!("dcodec_{name}(")), "{name}");
            exported += 1;
        }
    }
    let declared = header.lines().filter(|line| !line.starts_with(" *"));
    let declared = declared.filter(|line| line.contains("dcodec_") && line.contains('('));
    // The callback is a type.
    let declared = declared.filter(|line| !line.contains("typedef"));
    assert_eq!(declared.count(), exported);
}

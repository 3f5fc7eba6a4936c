//! The bodies of the fuzz targets. Each takes any bytes, and panics where the code does something
//! that it must not. `cargo fuzz` runs them on a nightly compiler, `tests/replay.rs` on any.

mod exact;
mod file;
mod load;
mod metadata;
mod mutate;
mod parse;
mod picture;
mod roundtrip;
pub mod seeds;
mod stream;
mod wasm;

pub use exact::exact;
pub use load::load;
pub use metadata::metadata;
pub use mutate::Mutator;
pub use parse::parse;
pub use roundtrip::roundtrip;
pub use stream::stream;
pub use wasm::wasm;

/// A target: its name, its body, and the seeds that it starts from.
pub struct Target {
    /// As the file of `fuzz_targets` is called.
    pub name: &'static str,
    /// The body.
    pub run: fn(&[u8]),
    /// Names and bytes of the seeds.
    pub seeds: fn() -> seeds::Seeds,
}

/// All targets.
pub const TARGETS: [Target; 7] = [
    Target {
        name: "parse",
        run: parse,
        seeds: seeds::files,
    },
    Target {
        name: "stream",
        run: stream,
        seeds: seeds::files,
    },
    Target {
        name: "metadata",
        run: metadata,
        seeds: seeds::metadata,
    },
    Target {
        name: "exact",
        run: exact,
        seeds: seeds::recipes,
    },
    Target {
        name: "roundtrip",
        run: roundtrip,
        seeds: seeds::recipes,
    },
    Target {
        name: "load",
        run: load,
        seeds: seeds::pictures,
    },
    Target {
        name: "wasm",
        run: wasm,
        seeds: seeds::files_and_weights,
    },
];

//! The bodies of the fuzz targets on any compiler: all seeds, what was found once (`found`), and
//! random changes of them for some seconds ($FUZZ_SECONDS, 5 without it).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use dcodec_fuzz::{Mutator, TARGETS, Target};

/// An input that takes longer hangs.
const HANG: Duration = Duration::from_secs(10);

fn target(name: &str) -> &'static Target {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.expect("a target")
}

/// Inputs that broke the target once.
fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("found")
        .join(name);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("readable"))
        .collect()
}

/// Runs one input, and writes it to a file if it breaks the target.
fn one(target: &Target, input: &[u8]) {
    let start = Instant::now();
    let run = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let late = start.elapsed() > HANG;
    if run.is_err() || late {
        let path = env::temp_dir().join(format!("dcodec-fuzz-{}", target.name));
        fs::write(&path, input).expect("a temporary file");
        panic!("{} breaks {}, late: {late}", path.display(), target.name);
    }
}

fn replay(name: &str) {
    let target = target(name);
    let seeds = (target.seeds)().into_iter().map(|seed| seed.1);
    let inputs: Vec<Vec<u8>> = seeds.chain(found(name)).chain([Vec::new()]).collect();
    for input in &inputs {
        one(target, input);
    }
    let seconds = env::var("FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(5));
    let (mut mutator, mut runs) = (Mutator::new(1), 0);
    while Instant::now() < end {
        one(target, &mutator.next(&inputs));
        runs += 1;
    }
    println!("{name}: {} seeds, {runs} changed inputs", inputs.len());
}

#[test]
fn the_parser() {
    replay("parse");
}

#[test]
fn streams() {
    replay("stream");
}

#[test]
fn metadata() {
    replay("metadata");
}

#[test]
fn exact_samples() {
    replay("exact");
}

#[test]
fn round_trips() {
    replay("roundtrip");
}

#[test]
fn picture_files() {
    replay("load");
}

#[test]
fn the_module_for_browsers() {
    replay("wasm");
}

//! The command: what it writes and where, what it says, and with which code it ends.

#[path = "../../../../tests/common/mod.rs"]
mod common;
mod decode;
mod doctor;
mod encode;
mod hostile;
mod info;
mod pictures;
mod places;
mod priors;
mod several;
mod usage;

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use dcodec::{Colour, Picture};
use tempfile::TempDir;

/// Exit code and messages of a run.
struct Ran {
    code: i32,
    out: Vec<u8>,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Ran {
            code: output.status.code().expect("no signal"),
            out: output.stdout,
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    with_input(dir, args, b"")
}

fn with_input(dir: &Path, args: &[&str], input: &[u8]) -> Ran {
    let mut command: Command = assert_cmd::cargo::cargo_bin_cmd!("dcodec");
    command.current_dir(dir).args(args).write_stdin(input);
    Ran::of(command.output().expect("runs"))
}

/// Runs what must succeed.
fn good(dir: &Path, args: &[&str]) -> Ran {
    let ran = run(dir, args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    ran
}

/// Runs what must fail with `code`, writing nothing, in a message that names `file` once and says
/// `what`.
fn bad(dir: &Path, args: &[&str], code: i32, file: &str, what: &str) -> Ran {
    let before = listing(dir);
    let ran = run(dir, args);
    let err = &ran.err;
    assert_eq!(ran.code, code, "{args:?}: {err}");
    assert!(err.starts_with("error: "), "{args:?}: {err}");
    assert!(err.contains(what), "{args:?}: {err}");
    let first = err.lines().next().unwrap_or_default();
    if !file.is_empty() {
        assert_eq!(first.matches(file).count(), 1, "{args:?}: {err}");
    }
    assert!(!err.contains("panicked"), "{args:?}: {err}");
    assert!(ran.out.is_empty(), "{args:?}");
    assert_eq!(listing(dir), before, "{args:?}");
    ran
}

/// Every file of a directory, hidden ones included, and its bytes.
fn listing(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("readable"))
        })
        .collect();
    all.sort();
    all
}

fn names(dir: &Path) -> Vec<String> {
    listing(dir).into_iter().map(|(name, _)| name).collect()
}

/// A directory with `pic.png`, 48 x 32.
fn with_picture() -> TempDir {
    with_picture_of(48, 32)
}

fn with_picture_of(width: u32, height: u32) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    common::crop("chelsea.png", 150, 60, width, height)
        .to_image()
        .save(dir.path().join("pic.png"))
        .expect("writable");
    dir
}

/// A directory with `pic.png` and `pic.dfc`.
fn with_file() -> TempDir {
    let dir = with_picture();
    good(dir.path(), &["encode", "-q", "pic.png"]);
    dir
}

fn read(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).expect(name)
}

fn picture(dir: &Path, name: &str) -> Picture {
    common::load(dir.join(name))
}

fn psnr(a: &Picture, b: &Picture) -> f64 {
    dcodec::metrics::psnr(a, b).expect("same form")
}

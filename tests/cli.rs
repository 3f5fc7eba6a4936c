//! The command: what it writes and where, what it says, and with which code it ends.
#![cfg(feature = "cli")]

mod common;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use dcodec::{Colour, Decoder, Picture};
use tempfile::TempDir;

/// How a run ended and what it said.
struct Ran {
    code: i32,
    out: Vec<u8>,
    err: String,
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    with_input(dir, args, b"")
}

fn with_input(dir: &Path, args: &[&str], input: &[u8]) -> Ran {
    let mut command: Command = assert_cmd::cargo::cargo_bin_cmd!("dcodec");
    let output = command
        .current_dir(dir)
        .args(args)
        .write_stdin(input)
        .output()
        .expect("runs");
    Ran {
        code: output.status.code().expect("no signal"),
        out: output.stdout,
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs what must succeed.
fn good(dir: &Path, args: &[&str]) -> Ran {
    let ran = run(dir, args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    ran
}

/// Runs what must fail with `code`, writing nothing, in a message that names `file` once and says `what`.
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
    let dir = tempfile::tempdir().expect("a directory");
    common::crop("chelsea.png", 150, 60, 48, 32)
        .to_image()
        .save(dir.path().join("pic.png"))
        .expect("writable");
    dir
}

/// The same with `pic.dfc` beside it.
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

#[test]
fn encode_and_decode() {
    let dir = with_picture();
    let dir = dir.path();
    let ran = good(dir, &["encode", "pic.png"]);
    assert_eq!(names(dir), ["pic.dfc", "pic.png"]);
    let file = read(dir, "pic.dfc");
    assert!(file.starts_with(b"\x89DFC"));
    assert!(ran.out.is_empty());
    assert!(ran.err.contains("pic.dfc: 48 x 32"), "{}", ran.err);
    let size = format!("{} bytes", file.len());
    assert!(ran.err.contains(&size), "{}", ran.err);

    let ran = good(dir, &["decode", "pic.dfc", "-o", "back.png"]);
    assert!(ran.out.is_empty());
    assert!(ran.err.contains("back.png: 48 x 32"), "{}", ran.err);
    assert!(ran.err.contains("complete"), "{}", ran.err);
    let (before, after) = (picture(dir, "pic.png"), picture(dir, "back.png"));
    assert!(psnr(&before, &after) > 33.0);
    // The command shows what the library decodes.
    let prior = common::prior();
    let decoded = Decoder::new(&prior).decode(&file).expect("decodes");
    assert!(decoded.picture == after);
}

#[test]
fn targets_and_effort() {
    let dir = with_picture();
    let dir = dir.path();
    for (flags, size) in [
        (&["--bytes", "123"][..], Some(123)),
        (&["--bpp", "0.5"], Some(96)),
        (&["--bpp", "0.5", "-e", "1"], Some(96)),
        (&["-Q", "40"], None),
        (&["--quality", "40", "--effort", "5", "--seed", "9"], None),
        (&["--psnr", "27"], None),
        (&["-Q", "40", "--threads", "1"], None),
    ] {
        let args = [&["encode", "pic.png", "-f"], flags].concat();
        good(dir, &args);
        let file = read(dir, "pic.dfc");
        assert!(size.is_none_or(|n| file.len() == n), "{flags:?}");
        good(dir, &["decode", "pic.dfc", "-f", "-o", "back.png"]);
        let got = psnr(&picture(dir, "pic.png"), &picture(dir, "back.png"));
        assert!(got > 22.0, "{flags:?}: {got:.2} dB");
        if flags[0] == "--psnr" {
            assert!(got >= 27.0, "{got:.2} dB");
        }
    }
}

#[test]
fn picture_formats() {
    let dir = with_file();
    let dir = dir.path();
    good(dir, &["decode", "pic.dfc", "-o", "back.png"]);
    good(dir, &["encode", "back.png", "-o", "again.dfc"]);
    for name in ["back.ppm", "back.bmp", "back.tiff", "back.webp"] {
        good(dir, &["decode", "pic.dfc", "-o", name]);
        assert!(picture(dir, name) == picture(dir, "back.png"), "{name}");
        let out = format!("{name}.dfc");
        good(dir, &["encode", name, "-o", &out]);
        assert!(read(dir, &out) == read(dir, "again.dfc"), "{name}");
    }
    good(dir, &["decode", "pic.dfc", "-o", "back.jpg"]);
    assert!(psnr(&picture(dir, "back.jpg"), &picture(dir, "back.png")) > 30.0);
    // The format asked for names the default output, and comes before the output's own name.
    good(dir, &["decode", "pic.dfc", "--format", "bmp"]);
    assert!(read(dir, "pic.bmp").starts_with(b"BM"));
    good(dir, &["decode", "pic.dfc", "--format", "pnm", "-o", "raw"]);
    assert!(read(dir, "raw").starts_with(b"P6"));
}

#[test]
fn grey_and_alpha_survive() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    for (name, colour, alpha) in [
        ("grey.png", Colour::Grey, false),
        ("greya.png", Colour::Grey, true),
        ("rgba.png", Colour::Rgb, true),
    ] {
        let before = common::noise(20, 24, colour, alpha, 1);
        before.to_image().save(dir.join(name)).expect("writable");
        good(dir, &["encode", name, "-Q", "50", "-o", "x.dfc", "-f"]);
        good(dir, &["decode", "x.dfc", "-o", "x.png", "-f"]);
        let after = picture(dir, "x.png");
        assert_eq!(after.colour(), colour, "{name}");
        assert_eq!(after.alpha(), before.alpha(), "{name}");
    }
    // What the output cannot hold is said.
    let ran = good(dir, &["decode", "x.dfc", "-o", "x.jpg"]);
    assert!(ran.err.contains("x.jpg: note: "), "{}", ran.err);
}

#[test]
fn standard_streams() {
    let dir = with_file();
    let dir = dir.path();
    let (png, dfc) = (read(dir, "pic.png"), read(dir, "pic.dfc"));
    let before = listing(dir);
    let encoded = with_input(dir, &["encode", "-"], &png);
    assert_eq!((encoded.code, &encoded.out), (0, &dfc), "{}", encoded.err);
    assert!(encoded.err.contains("standard output"), "{}", encoded.err);
    assert_eq!(good(dir, &["encode", "pic.png", "-o", "-"]).out, dfc);
    let decoded = with_input(dir, &["decode", "-"], &dfc);
    assert_eq!(decoded.code, 0, "{}", decoded.err);
    assert!(decoded.out.starts_with(b"\x89PNG"));
    assert_eq!(
        good(dir, &["decode", "pic.dfc", "-o", "-"]).out,
        decoded.out
    );
    let ppm = with_input(dir, &["decode", "-", "--format", "ppm"], &dfc);
    assert!(ppm.out.starts_with(b"P6"), "{}", ppm.err);
    let cut = with_input(dir, &["cut", "-", "--bytes", "90"], &dfc);
    assert_eq!((cut.code, &cut.out[..]), (0, &dfc[..90]), "{}", cut.err);
    let info = with_input(dir, &["info", "-"], &dfc);
    assert_eq!(info.code, 0);
    assert!(String::from_utf8_lossy(&info.out).starts_with("standard input: "));
    assert_eq!(listing(dir), before);
}

#[test]
fn standard_input_is_called_by_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    for command in ["encode", "decode", "info"] {
        let ran = with_input(dir.path(), &[command, "-"], b"just text");
        assert_eq!(ran.code, 1);
        assert!(
            ran.err.starts_with("error: standard input: "),
            "{command}: {}",
            ran.err
        );
    }
}

#[test]
fn existing_outputs_are_kept_unless_forced() {
    let dir = with_file();
    let dir = dir.path();
    for (args, output) in [
        (&["encode", "pic.png"][..], "pic.dfc"),
        (&["encode", "pic.png", "-o", "old"], "old"),
        (&["decode", "pic.dfc", "-o", "old.png"], "old.png"),
        (&["cut", "pic.dfc", "--bytes", "99", "-o", "old"], "old"),
        // The default output of decoding is the picture that was encoded.
        (&["decode", "pic.dfc"], "pic.png"),
    ] {
        if output.starts_with("old") {
            fs::write(dir.join(output), b"precious").expect("writable");
        }
        let ran = bad(dir, args, 2, output, "-f");
        assert!(ran.err.contains("exists"), "{}", ran.err);
        let kept = read(dir, output);
        let forced = [args, &["-f"]].concat();
        good(dir, &forced);
        if output.starts_with("old") {
            assert_ne!(read(dir, output), kept);
        }
    }
}

#[test]
fn failures_leave_nothing_behind() {
    let dir = with_picture();
    let dir = dir.path();
    let png = read(dir, "pic.png");
    fs::write(dir.join("half.png"), &png[..png.len() / 2]).expect("writable");
    bad(dir, &["encode", "half.png"], 1, "half.png", "");
    bad(
        dir,
        &["encode", "pic.png", "--bytes", "3"],
        2,
        "pic.png",
        "3 bytes",
    );
    bad(dir, &["encode", "pic.png", "--bpp", "0"], 2, "pic.png", "");
    bad(
        dir,
        &["encode", "pic.png", "-Q", "101"],
        2,
        "pic.png",
        "101",
    );
    bad(dir, &["encode", "missing.png"], 1, "missing.png", "");
    let no_directory = ["encode", "pic.png", "-o", "absent/x.dfc"];
    bad(dir, &no_directory, 1, "absent", "no such directory");
    let report = ["encode", "pic.png", "--report", "absent/r.json"];
    bad(dir, &report, 1, "absent", "no such directory");
    bad(dir, &["encode", "pic.png", "-o", "."], 1, "", "directory");
    let few = ["encode", "pic.png", "--max-pixels", "100"];
    bad(dir, &few, 1, "pic.png", "100");
    // Nor is an old output lost when the work behind -f fails.
    fs::write(dir.join("half.dfc"), b"precious").expect("writable");
    bad(dir, &["encode", "-f", "half.png"], 1, "half.png", "");
    assert_eq!(read(dir, "half.dfc"), b"precious");
}

#[test]
fn what_is_no_picture_or_no_file() {
    let dir = with_file();
    let dir = dir.path();
    fs::write(dir.join("notes.txt"), "Milk, bread, entropy.\n").expect("writable");
    fs::write(dir.join("empty"), "").expect("writable");
    bad(dir, &["encode", "notes.txt"], 1, "notes.txt", "PNG, JPEG");
    bad(dir, &["encode", "empty"], 1, "empty", "PNG, JPEG");
    for command in ["decode", "info"] {
        fs::copy(dir.join("pic.png"), dir.join("copy")).expect("writable");
        bad(dir, &[command, "notes.txt"], 1, "notes.txt", "not a .dfc");
        bad(dir, &[command, "copy"], 1, "copy", "not a .dfc");
        bad(dir, &[command, "empty"], 1, "empty", "0 bytes");
        bad(dir, &[command, "missing"], 1, "missing", "");
    }
    let cut = ["cut", "notes.txt", "--bytes", "50", "-o", "x"];
    bad(dir, &cut, 1, "notes.txt", "not a .dfc");
    // The other way round there is a hint.
    let again = ["encode", "pic.dfc", "-o", "x"];
    bad(dir, &again, 1, "pic.dfc", "dcodec decode");
}

#[test]
fn command_line_errors() {
    let dir = with_file();
    let dir = dir.path();
    for args in [
        &["frobnicate"][..],
        &["encode"],
        &["encode", "pic.png", "--nonsense"],
        &["encode", "pic.png", "-e", "0"],
        &["encode", "pic.png", "-e", "6"],
        &["encode", "pic.png", "--bpp", "1", "--bytes", "100"],
        &["encode", "pic.png", "--bpp", "much"],
        &["decode", "pic.dfc", "--layers", "1", "--bytes", "100"],
        &["decode", "pic.dfc", "--layers", "-1"],
    ] {
        bad(dir, args, 2, "", "");
    }
    assert_eq!(run(dir, &[]).code, 2);
    bad(dir, &["cut", "pic.dfc", "-o", "x"], 2, "", "--bytes");
    bad(dir, &["cut", "pic.dfc", "--bytes", "99"], 2, "", "-o");
    for (flag, value) in [
        ("--bytes", "5"),
        ("--bpp", "0.001"),
        ("--bpp", "0"),
        ("--bpp", "NaN"),
    ] {
        bad(
            dir,
            &["decode", "pic.dfc", flag, value, "-o", "x.png"],
            2,
            "",
            "",
        );
        bad(dir, &["cut", "pic.dfc", flag, value, "-o", "x"], 2, "", "");
    }
    for flag in ["--help", "--version"] {
        let ran = good(dir, &[flag]);
        assert!(ran.err.is_empty() && !ran.out.is_empty());
    }
    let help = good(dir, &["--help"]).out;
    assert!(String::from_utf8_lossy(&help).contains("Exit codes: 0 "));
}

#[test]
fn unknown_picture_formats() {
    let dir = with_file();
    let dir = dir.path();
    for output in ["out.xyz", "out.dfc", "out"] {
        let args = ["decode", "pic.dfc", "-o", output];
        bad(dir, &args, 2, output, "png, jpg");
    }
    bad(
        dir,
        &["decode", "pic.dfc", "--format", "svg"],
        2,
        "",
        "`svg`",
    );
}

#[test]
fn truncated_files() {
    let dir = with_file();
    let dir = dir.path();
    let file = read(dir, "pic.dfc");
    let prior = common::prior();
    for n in [30, 60, file.len() / 2, file.len() - 1] {
        fs::write(dir.join("part.dfc"), &file[..n]).expect("writable");
        let ran = good(dir, &["decode", "part.dfc", "-f"]);
        let wanted = format!("from {n} of {n} bytes");
        assert!(ran.err.contains(&wanted), "{}", ran.err);
        assert!(!ran.err.contains("complete"), "{}", ran.err);
        let decoded = Decoder::new(&prior).decode(&file[..n]).expect("decodes");
        assert!(picture(dir, "part.png") == decoded.picture);
        let info = good(dir, &["info", "part.dfc"]).out;
        assert!(String::from_utf8_lossy(&info).contains("cut"));
        good(dir, &["cut", "part.dfc", "--bytes", "28", "-o", "c", "-f"]);
        assert_eq!(read(dir, "c"), &file[..28]);
    }
    fs::write(dir.join("part.dfc"), &file[..12]).expect("writable");
    for args in [
        &["decode", "part.dfc", "-f"][..],
        &["info", "part.dfc"],
        &["cut", "part.dfc", "--bytes", "99", "-o", "x"],
    ] {
        bad(dir, args, 1, "part.dfc", "12 bytes");
    }
}

#[test]
fn damaged_files() {
    let dir = with_file();
    let dir = dir.path();
    let mut file = read(dir, "pic.dfc");
    let middle = file.len() / 2;
    file[middle] ^= 0x20;
    fs::write(dir.join("bad.dfc"), &file).expect("writable");
    for args in [
        &["decode", "bad.dfc"][..],
        &["info", "bad.dfc"],
        &["cut", "bad.dfc", "--bpp", "9", "-o", "x"],
    ] {
        let ran = bad(dir, args, 1, "bad.dfc", "check 0x");
        assert!(ran.err.starts_with("error: bad.dfc: layer "), "{}", ran.err);
    }
    // What comes before the damage can be saved.
    good(dir, &["decode", "bad.dfc", "--bytes", "80"]);
}

#[test]
fn cut_then_decode() {
    let dir = with_file();
    let dir = dir.path();
    let file = read(dir, "pic.dfc");
    good(dir, &["cut", "pic.dfc", "--bytes", "100", "-o", "a.dfc"]);
    assert_eq!(read(dir, "a.dfc"), &file[..100]);
    let ran = good(dir, &["cut", "pic.dfc", "--bpp", "0.25", "-o", "b.dfc"]);
    assert_eq!(read(dir, "b.dfc"), &file[..48]);
    assert!(ran.err.contains("48 of "), "{}", ran.err);
    good(dir, &["cut", "pic.dfc", "--layers", "4", "-o", "c.dfc"]);
    let four = read(dir, "c.dfc");
    assert!(file.starts_with(&four) && four.len() < file.len());
    // A cut file shows what the whole one shows so far.
    for (name, flags) in [
        ("a", ["--bytes", "100"]),
        ("b", ["--bpp", "0.25"]),
        ("c", ["--layers", "4"]),
    ] {
        good(dir, &["decode", &format!("{name}.dfc")]);
        let args = [&["decode", "pic.dfc", "-o", "x.png", "-f"], &flags[..]].concat();
        good(dir, &args);
        assert!(picture(dir, "x.png") == picture(dir, &format!("{name}.png")));
    }
    // Where there is nothing to cut off, the result is a copy, and that is said.
    for flags in [["--bytes", "1000000"], ["--layers", "999"], ["--bpp", "99"]] {
        let ran = good(
            dir,
            &[&["cut", "pic.dfc", "-o", "d", "-f"], &flags[..]].concat(),
        );
        assert_eq!(read(dir, "d"), file);
        assert!(ran.err.contains("copy"), "{}", ran.err);
    }
}

#[test]
fn decode_says_what_it_used() {
    let dir = with_file();
    let dir = dir.path();
    let size = read(dir, "pic.dfc").len();
    for (flag, value, said) in [
        ("--layers", "3", " 3 layers, ".to_owned()),
        ("--layers", "0", " 0 layers, ".to_owned()),
        ("--bytes", "100", format!("from 100 of {size} bytes")),
        ("--bpp", "0.5", format!("from 96 of {size} bytes (0.5000 ")),
    ] {
        let args = ["decode", "pic.dfc", "-o", "x.png", "-f", flag, value];
        let ran = good(dir, &args);
        assert!(ran.err.contains(&said), "{said}: {}", ran.err);
    }
}

#[test]
fn folders_are_encoded_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    std::fs::create_dir(dir.join("in")).expect("writable");
    for (name, seed) in [("a.png", 1), ("b.bmp", 2)] {
        let picture = common::noise(20, 18, Colour::Rgb, false, seed);
        picture
            .to_image()
            .save(dir.join("in").join(name))
            .expect("writable");
    }
    std::fs::write(dir.join("in/notes.txt"), "no picture").expect("writable");
    let ran = good(dir, &["encode", "in", "-o", "out", "-Q", "30"]);
    assert!(
        ran.err.contains("2 pictures") && ran.err.contains("a second"),
        "{}",
        ran.err
    );
    assert!(dir.join("out/a.dfc").exists() && dir.join("out/b.dfc").exists());
    // Again: both exist, and a broken picture among them costs only itself.
    std::fs::write(dir.join("in/c.png"), "no picture").expect("writable");
    let again = run(dir, &["encode", "in", "-o", "out"]);
    assert!(
        again.err.contains("3 of 3 pictures failed"),
        "{}",
        again.err
    );
    let forced = run(dir, &["encode", "in", "-o", "out", "-Q", "30", "-f"]);
    assert!(
        forced.err.contains("1 of 3 pictures failed"),
        "{}",
        forced.err
    );
    assert_eq!((again.code, forced.code), (1, 1));
    bad(dir, &["encode", "in"], 2, "in", "-o DIR");
    std::fs::copy(dir.join("in/a.png"), dir.join("in/a.jpg")).expect("writable");
    bad(
        dir,
        &["encode", "in", "-o", "out"],
        2,
        "a.dfc",
        "rename one",
    );
}

#[test]
fn priors_are_described() {
    let dir = with_picture();
    let dir = dir.path();
    let text = String::from_utf8(good(dir, &["info", "--prior", "shipped"]).out).expect("text");
    assert!(
        text.contains("2782124") && text.contains("photographs"),
        "{text}"
    );
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/models/s.safetensors");
    let json = good(dir, &["info", "--json", "--prior", weights]).out;
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert!(text.contains(json["prior"].as_str().expect("a name")));
    assert_eq!(json["channels"], serde_json::json!([48, 80, 128, 160]));
}

#[test]
fn verification() {
    let dir = with_picture();
    let dir = dir.path();
    let alpha = common::noise(24, 24, Colour::Rgb, true, 2);
    alpha.to_image().save(dir.join("a.png")).expect("writable");
    for (name, flags) in [
        ("pic.png", &[][..]),
        ("pic.png", &["--bytes", "111"]),
        ("pic.png", &["--psnr", "28"]),
        ("a.png", &["-Q", "50"]),
        ("a.png", &["--bytes", "700"]),
    ] {
        let args = [&["encode", name, "--verify", "-f", "-o", "x.dfc"], flags].concat();
        let ran = good(dir, &args);
        assert!(ran.err.contains("verified: "), "{flags:?}: {}", ran.err);
        assert!(ran.err.contains("equal to"), "{flags:?}: {}", ran.err);
    }
}

#[test]
fn quiet_is_quiet() {
    let dir = with_picture();
    let dir = dir.path();
    for args in [
        &["encode", "pic.png", "-q", "--verify"][..],
        &["--quiet", "decode", "pic.dfc", "-o", "x.png"],
        &["cut", "pic.dfc", "--bytes", "99", "-o", "x", "--quiet"],
    ] {
        let ran = good(dir, args);
        assert_eq!((ran.err.as_str(), ran.out.len()), ("", 0), "{args:?}");
    }
    // Errors are no chatter.
    bad(dir, &["-q", "decode", "missing"], 1, "missing", "");
}

#[test]
fn info_as_json() {
    let dir = with_file();
    let dir = dir.path();
    let file = read(dir, "pic.dfc");
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&good(dir, args).out).expect("JSON")
    };
    let all = json(&["info", "--json", "pic.dfc"]);
    let keys: Vec<&str> = all
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut wanted = [
        "version",
        "width",
        "height",
        "colour",
        "prior",
        "seed",
        "trellis_state_bits",
        "bytes",
        "bpp",
        "header_bytes",
        "trellis_bytes",
        "overhead_bytes",
        "complete",
        "parts",
        "layers",
        "partial",
    ];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    assert_eq!((&all["version"], &all["width"]), (&1.into(), &48.into()));
    assert_eq!(
        (&all["height"], &all["colour"]),
        (&32.into(), &"RGB".into())
    );
    assert_eq!(all["prior"], common::prior().id().to_string());
    assert_eq!(all["bytes"], file.len());
    assert_eq!(all["complete"], true);
    assert!(all["partial"].is_null());
    let layers = all["layers"].as_array().expect("layers");
    for key in [
        "index",
        "sigma",
        "sigma_code",
        "stages",
        "bits",
        "offset",
        "end",
        "bpp",
    ] {
        assert!(layers[0][key].is_number(), "{key}");
    }
    // Layers follow each other without gaps, and the end marker is three bytes.
    assert_eq!(layers[0]["offset"], all["header_bytes"]);
    for pair in layers.windows(2) {
        assert_eq!(pair[0]["end"], pair[1]["offset"]);
    }
    assert_eq!(layers[layers.len() - 1]["end"], file.len() - 3);
    let count = |key: &str| all[key].as_u64().expect("a count");
    assert_eq!(
        count("trellis_bytes") + count("overhead_bytes"),
        count("bytes")
    );

    good(dir, &["cut", "pic.dfc", "--bytes", "100", "-o", "part.dfc"]);
    let part = json(&["info", "--json", "part.dfc"]);
    assert_eq!(
        (&part["complete"], &part["bytes"]),
        (&false.into(), &100.into())
    );
    for key in [
        "index",
        "sigma",
        "sigma_code",
        "stages",
        "offset",
        "stages_present",
    ] {
        assert!(part["partial"][key].is_number(), "{key}");
    }
    let text = String::from_utf8(good(dir, &["info", "pic.dfc"]).out).expect("text");
    assert!(
        text.starts_with("pic.dfc: dfc version 1, 48 x 32 RGB\n"),
        "{text}"
    );
}

#[test]
fn the_report_is_json() {
    let dir = with_picture();
    let dir = dir.path();
    good(dir, &["encode", "pic.png", "--report", "r.json"]);
    let all: serde_json::Value = serde_json::from_slice(&read(dir, "r.json")).expect("JSON");
    assert_eq!(all["bytes"], read(dir, "pic.dfc").len());
    let layers = all["layers"].as_array().expect("layers");
    for key in [
        "sigma",
        "stages",
        "kl_bits",
        "bits",
        "delivered",
        "psnr_before",
        "end",
    ] {
        assert!(layers[0][key].is_number(), "{key}");
    }
}

#[test]
fn other_priors() {
    let dir = with_file();
    let dir = dir.path();
    fs::write(dir.join("bogus.st"), "no weights at all").expect("writable");
    for args in [
        &["encode", "pic.png", "-f", "--prior", "bogus.st"][..],
        &["decode", "pic.dfc", "-f", "--prior", "bogus.st"],
    ] {
        bad(dir, args, 1, "bogus.st", "weights");
    }
    bad(
        dir,
        &["decode", "pic.dfc", "-f", "--prior", "missing.st"],
        1,
        "missing.st",
        "",
    );
    // The shipped weights named as a file are the same prior.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/s.safetensors");
    let shipped = shipped.to_str().expect("text");
    good(
        dir,
        &["encode", "pic.png", "-o", "again.dfc", "--prior", shipped],
    );
    assert_eq!(read(dir, "again.dfc"), read(dir, "pic.dfc"));
    // A file of an unknown prior names both.
    let picture = common::noise(16, 16, Colour::Rgb, false, 3);
    let gaussian = common::gaussian();
    let file = dcodec::Encoder::new(&gaussian)
        .encode(&picture)
        .expect("encodes")
        .bytes;
    fs::write(dir.join("other.dfc"), file).expect("writable");
    let ran = bad(dir, &["decode", "other.dfc"], 1, "other.dfc", "--prior");
    for id in [gaussian.id(), common::prior().id()] {
        assert!(ran.err.contains(&id.to_string()), "{}", ran.err);
    }
    // What needs no network needs no prior.
    good(dir, &["info", "other.dfc"]);
    good(dir, &["cut", "other.dfc", "--bytes", "40", "-o", "x"]);
}

#[test]
fn large_pictures_are_refused_by_limit() {
    let dir = with_file();
    let dir = dir.path();
    let args = ["decode", "pic.dfc", "-f", "--max-pixels", "1535"];
    bad(dir, &args, 1, "pic.dfc", "1535");
    let args = ["decode", "pic.dfc", "-f", "--max-pixels", "1536"];
    good(dir, &args);
}

/// A cause follows the error because it says something new.
#[test]
fn causes_are_not_repeated() {
    let dir = with_picture();
    let dir = dir.path();
    let png = read(dir, "pic.png");
    fs::write(dir.join("half.png"), &png[..png.len() / 2]).expect("writable");
    for args in [
        &["decode", "missing.dfc"][..],
        &["encode", "missing.png"],
        &["encode", "half.png"],
        &["encode", "pic.png", "-o", "absent/x.dfc"],
    ] {
        let err = run(dir, args).err;
        let mut lines = err.lines();
        let first = lines.next().unwrap_or_default();
        for line in lines {
            let cause = line.strip_prefix("because: ").expect("a cause");
            assert!(!first.contains(cause), "{args:?}: {err}");
        }
    }
}

#[test]
fn memory_is_limited_and_time_is_told() {
    let dir = TempDir::new().expect("a folder");
    let dir = dir.path();
    fs::copy(common::sample_path("badge.png"), dir.join("in.png")).expect("copies");
    let small = ["encode", "in.png", "-o", "in.dfc", "-Q", "40"];
    let limited = |size| [&small[..], &["--max-memory", size]].concat();
    bad(
        dir,
        &limited("20M"),
        1,
        "in.png",
        "over the limit of 0.02 GB",
    );
    bad(dir, &limited("4X"), 2, "", "unknown unit");
    let ran = good(dir, &[&limited("2G")[..], &["--timing"]].concat());
    for part in [
        "read", "network", "calls", "rotation", "trellis", "write", "total",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    assert!(ran.out.is_empty());
    let decode = ["decode", "in.dfc", "-o", "out.png"];
    let tiny = [&decode[..], &["--max-memory", "1M"]].concat();
    bad(dir, &tiny, 1, "in.dfc", "over the limit of 0.00 GB");
    let ran = good(dir, &[&decode[..], &["--timing"]].concat());
    assert!(ran.err.contains("GFLOP/s"), "{}", ran.err);
    // Silent but for the table that was asked for.
    let ran = good(dir, &[&decode[..], &["--timing", "-q", "-f"]].concat());
    assert!(ran.err.starts_with("read"), "{}", ran.err);
    let ran = good(dir, &[&decode[..], &["-q", "-f"]].concat());
    assert!(ran.err.is_empty(), "{}", ran.err);
}

#[test]
fn regions_of_interest() {
    let dir = with_picture();
    let dir = dir.path();
    let inside = |name: &str| {
        let [a, b] = ["pic.png", name].map(|n| {
            let image = image::open(dir.join(n)).expect("a picture");
            Picture::from_image(image.crop_imm(12, 8, 24, 16)).expect("8 bits")
        });
        psnr(&a, &b)
    };
    let region = ["--roi", "12,8,24,16:3"];
    let mut mask = vec![0; 48 * 32];
    for y in 8..24 {
        mask[48 * y + 12..48 * y + 36].fill(255);
    }
    let mask = Picture::new(48, 32, Colour::Grey, mask, None).expect("a picture");
    mask.to_image()
        .save(dir.join("mask.png"))
        .expect("writable");
    let mask = ["--roi-mask", "mask.png", "--roi-weight", "3"];
    for (name, flags) in [("plain", &[][..]), ("roi", &region), ("mask", &mask)] {
        let (file, back) = (format!("{name}.dfc"), format!("{name}.back.png"));
        let args = ["encode", "pic.png", "--bytes", "150", "-o", &file];
        good(dir, &[&args, flags].concat());
        good(dir, &["decode", &file, "-o", &back]);
    }
    assert_eq!(read(dir, "roi.dfc"), read(dir, "mask.dfc"));
    assert!(inside("roi.back.png") > inside("plain.back.png") + 0.8);
    for (flags, code, what) in [
        (&["--roi", "1,2,3"][..], 2, "x,y,width,height"),
        (
            &["--roi", "48,0,5,5"],
            2,
            "covers nothing of a picture of 48 x 32",
        ),
        (&["--roi", "0,0,5,5:-1"], 2, "must be a positive number"),
        (&["--roi-mask", "none.png"], 1, "none.png"),
        (
            &["--roi-mask", "mask.png", "--roi", "0,0,5,5"],
            2,
            "cannot be used with",
        ),
    ] {
        bad(
            dir,
            &[&["encode", "pic.png", "-o", "x"], flags].concat(),
            code,
            "",
            what,
        );
    }
    let small = common::crop("coffee.png", 0, 0, 20, 20);
    small
        .to_image()
        .save(dir.join("small.png"))
        .expect("writable");
    let args = ["encode", "pic.png", "-o", "x", "--roi-mask", "small.png"];
    bad(
        dir,
        &args,
        2,
        "small.png",
        "20 x 20 pixels, the picture of 48 x 32",
    );
}

#[test]
fn maps_are_drawn_and_kept() {
    let dir = with_picture();
    let dir = dir.path();
    let ran = good(dir, &["map", "pic.png", "--bpp", "1"]);
    assert!(
        ran.err.contains("pic.map.png: 48 x 32, bits / pixel: "),
        "{}",
        ran.err
    );
    let drawn = picture(dir, "pic.map.png");
    // Enlarged, and a legend beside it.
    assert!(drawn.width() >= 6 * 48 + 50 && drawn.height() >= 6 * 32);
    good(dir, &["map", "pic.png", "--bpp", "1", "-o", "bits.npy"]);
    let args = ["encode", "pic.png", "--bpp", "1", "--report", "r.json"];
    good(dir, &args);
    let report: serde_json::Value = serde_json::from_slice(&read(dir, "r.json")).expect("JSON");
    let layers = report["layers"].as_array().expect("rows").iter();
    let wanted: f64 = layers
        .map(|l| l["kl_bits"].as_f64().expect("a number"))
        .sum();
    let bytes = read(dir, "bits.npy");
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let values = bytes[bytes.len() - 4 * 48 * 32..].chunks_exact(4);
    let values = values.map(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]));
    let sum: f64 = values.map(f64::from).sum();
    assert!((sum / wanted - 1.0).abs() < 1e-5, "{sum} and {wanted} bits");
    for noise in ["gaussian", "simplex"] {
        let flags = ["--sigma", "25", "--noise", noise, "--draws", "2"];
        let ran = good(dir, &[&["map", "pic.png", "-f"], &flags[..]].concat());
        assert!(ran.err.contains("error / noise: mean 0."), "{}", ran.err);
    }
    for (flags, code, what) in [
        (&["-o", "x.jpg"][..], 2, ".npy for its values"),
        (
            &["-o", "x.png", "--sigma", "0"],
            2,
            "must be a positive number",
        ),
        (
            &["-o", "x.png", "--sigma", "5", "--bpp", "1"],
            2,
            "cannot be used with",
        ),
        (&["-o", "x.png", "--draws", "5"], 2, "--sigma"),
        (&["-o", "bits.npy"], 2, "exists already"),
    ] {
        bad(dir, &[&["map", "pic.png"], flags].concat(), code, "", what);
    }
}

#[test]
fn modes_of_decoding() {
    let dir = with_picture();
    let dir = dir.path();
    good(dir, &["encode", "-q", "pic.png", "--bpp", "1"]);
    let decode = |name: &str, flags: &[&str]| {
        let args = [&["decode", "pic.dfc", "-f", "-o", name], flags].concat();
        let ran = good(dir, &args);
        (picture(dir, name), ran.err)
    };
    let (mean, said) = decode("mean.png", &[]);
    assert!(!said.contains(", mean"), "{said}");
    let (flow, said) = decode("flow.png", &["--mode", "flow", "--steps", "4"]);
    assert!(said.contains(", flow, "), "{said}");
    assert!(flow != mean);
    // The ends of the knob are the modes.
    for (r, want) in [("0", &mean), ("1", &flow)] {
        let (got, _) = decode("r.png", &["--realism", r, "--steps", "4"]);
        assert!(got == *want, "realism {r}");
    }
    let (same, _) = decode("mean2.png", &["--mode", "mean"]);
    assert!(same == mean);
    let sample = |seed| {
        decode(
            "s.png",
            &["--mode", "sample", "--steps", "3", "--seed", seed],
        )
        .0
    };
    assert!(sample("1") == sample("1") && sample("1") != sample("2"));
    // DDIM draws no noise.
    let ddim = |seed| decode("d.png", &["--mode", "sample", "--eta", "0", "--seed", seed]).0;
    assert!(ddim("1") == ddim("2"));
    let flags = ["--mode", "langevin", "--steps", "2", "--corrections", "2"];
    let (langevin, _) = decode("l.png", &flags);
    assert!(langevin != mean && psnr(&langevin, &mean) > 20.0);
    // Before the first layer nothing is known to any mode.
    let header = decode("h.png", &["--bytes", "30", "--mode", "sample"]).0;
    assert!(header.samples().iter().all(|v| v == 128));

    for (flags, what) in [
        (&["--eta", "0.5"][..], "--eta needs --mode sample"),
        (&["--mode", "flow", "--corrections", "1"], "langevin"),
        (&["--steps", "5"], "--steps needs --mode"),
        (&["--mode", "sample", "--eta", "1.5"], "from 0 to 1"),
        (&["--realism=-1"], "from 0 to 1"),
        (&["--realism", "2"], "from 0 to 1"),
        (&["--realism", "0.5", "--mode", "flow"], "--mode"),
        (&["--mode", "flow", "--steps", "0"], "--steps"),
        (&["--mode", "sharp"], "possible values"),
    ] {
        let args = [&["decode", "pic.dfc", "-o", "no.png"], flags].concat();
        bad(dir, &args, 2, "", what);
    }
}

#[test]
fn samples() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let size = |name: &str| (picture(dir, name).width(), picture(dir, name).height());
    let tiny = ["sample", "--size", "32x16", "--steps", "3", "-f"];
    let sample = |flags: &[&str], name: &str| {
        let ran = good(dir, &[&tiny, flags, &["-o", name]].concat());
        assert!(
            ran.out.is_empty() && ran.err.contains("32 x 16"),
            "{}",
            ran.err
        );
        read(dir, name)
    };
    let one = sample(&[], "a.png");
    assert_eq!(size("a.png"), (32, 16));
    assert!(sample(&["--seed", "0"], "b.png") == one);
    assert!(sample(&["--seed", "1"], "b.png") != one);
    assert!(sample(&["--mode", "flow"], "b.png") != one);
    // A sheet of three, the second of which is that of the next seed.
    sample(&["-n", "3", "--seed", "4"], "sheet.png");
    assert_eq!(size("sheet.png"), (68, 36));
    sample(&["--seed", "5"], "b.png");
    let (sheet, second) = (picture(dir, "sheet.png"), picture(dir, "b.png"));
    assert!(common::eight(&sheet)[36 * 3..68 * 3] == common::eight(&second)[..32 * 3]);
    // Frames on the way, the picture last.
    sample(&["--frames"], "strip.png");
    assert_eq!(size("strip.png"), (3 * 36 - 4, 16));
    sample(&["--frames", "2", "-n", "2"], "strip.png");
    assert_eq!(size("strip.png"), (68, 36));
    assert!(
        common::eight(&picture(dir, "strip.png"))[36 * 3..68 * 3]
            == common::eight(&picture(dir, "a.png"))[..32 * 3]
    );
    // Small and odd sizes, and the default name.
    good(dir, &["sample", "--size", "1x37", "--steps", "2", "-q"]);
    assert_eq!(size("sample.png"), (1, 37));

    let fails = |flags: &[&str], code: i32, what: &str| {
        bad(
            dir,
            &[&["sample", "-o", "no.png"], flags].concat(),
            code,
            "",
            what,
        );
    };
    fails(&["--size", "32"], 2, "256x256");
    fails(&["--size", "0x5"], 2, "256x256");
    fails(&["--size", "9999999x5"], 2, "256x256");
    fails(
        &["--size", "1000000x1000000"],
        1,
        "over the limit of 100000000",
    );
    fails(&["-n", "10000"], 1, "over the limit");
    fails(
        &["--mode", "langevin", "--eta", "0"],
        2,
        "--eta needs --mode sample",
    );
    bad(dir, &["sample"], 2, "sample.png", "exists already (use -f");
    bad(
        dir,
        &["sample", "-o", "a.txt"],
        2,
        "a.txt",
        "cannot write the format",
    );
}

#[test]
fn interpolations() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let save = |name: &str, picture: &Picture| {
        picture.to_image().save(dir.join(name)).expect("writable");
    };
    let (a, b) = (
        common::crop("chelsea.png", 150, 60, 48, 32),
        common::crop("coffee.png", 200, 90, 48, 32),
    );
    save("a.png", &a);
    save("b.png", &b);
    save("small.png", &common::crop("coffee.png", 200, 90, 40, 32));
    let strip = |flags: &[&str]| {
        let args = [
            &[
                "interpolate",
                "a.png",
                "b.png",
                "-f",
                "-o",
                "i.png",
                "--steps",
                "3",
            ],
            flags,
        ];
        good(dir, &args.concat());
        picture(dir, "i.png")
    };
    let weak = strip(&["--sigma", "2", "-n", "3"]);
    assert_eq!((weak.width(), weak.height()), (3 * 52 - 4, 32));
    // Little noise gives the pictures back at the ends, and their mean between.
    let part = |strip: &Picture, k: u32| {
        let image = strip.to_image().crop_imm(52 * k, 0, 48, 32);
        Picture::from_image(image).expect("8 bits")
    };
    assert!(psnr(&part(&weak, 0), &a) > 38.0 && psnr(&part(&weak, 2), &b) > 38.0);
    let middle = common::eight(&a)
        .iter()
        .zip(common::eight(&b))
        .map(|(&a, &b)| a.midpoint(b))
        .collect();
    let middle = Picture::new(48, 32, Colour::Rgb, middle, None).expect("fits");
    assert!(psnr(&part(&weak, 1), &middle) > 38.0);
    // More noise leaves more to the prior, the seed decides.
    let strong = strip(&["--sigma", "200", "-n", "3"]);
    assert!(psnr(&part(&strong, 0), &a) < 25.0);
    assert!(strip(&["--sigma", "200", "-n", "3"]) == strong);
    assert!(strip(&["--sigma", "200", "-n", "3", "--seed", "1"]) != strong);
    assert!(strip(&["--sigma", "200", "-n", "3", "--mode", "sample"]) != strong);

    let fails = |args: &[&str], code: i32, what: &str| {
        bad(
            dir,
            &[&["interpolate", "-o", "no.png"], args].concat(),
            code,
            "",
            what,
        );
    };
    fails(&["a.png", "small.png"], 2, "small.png is 40 x 32");
    fails(&["a.png", "b.png", "--sigma", "0"], 2, "above 0");
    fails(&["a.png", "b.png", "--sigma", "nan"], 2, "above 0");
    fails(&["a.png", "b.png", "-n", "1"], 2, "--count");
    fails(&["a.png", "none.png"], 1, "none.png");
    fails(&["a.png"], 2, "<SECOND>");
}

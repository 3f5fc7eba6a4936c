//! All commands: streams, existing files, messages and exit codes.

use super::*;

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
    bad(dir, &["encode", "pic.png", "--bpp", "0"], 2, "", "positive");
    bad(
        dir,
        &["encode", "pic.png", "--bpp", "-1"],
        2,
        "",
        "positive",
    );
    bad(dir, &["encode", "pic.png", "-Q", "101"], 2, "", "0 to 100");
    bad(dir, &["encode", "missing.png"], 1, "missing.png", "");
    let frames = ["decode", "missing.dfc", "--progress-dir", "frames"];
    bad(dir, &frames, 1, "missing.dfc", "");
    let no_directory = ["encode", "pic.png", "-o", "absent/x.dfc"];
    bad(dir, &no_directory, 1, "absent", "no such directory");
    let report = ["encode", "pic.png", "--report", "absent/r.json"];
    bad(dir, &report, 1, "absent", "no such directory");
    bad(dir, &["encode", "pic.png", "-o", "."], 1, "", "directory");
    let few = ["encode", "pic.png", "--max-pixels", "100"];
    bad(dir, &few, 1, "pic.png", "100");
    // Nor is an old output lost when the work with -f fails.
    fs::write(dir.join("half.dfc"), b"precious").expect("writable");
    bad(dir, &["encode", "-f", "half.png"], 1, "half.png", "");
    assert_eq!(read(dir, "half.dfc"), b"precious");
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
        &["decode", "pic.dfc", "--thumbnail", "20", "--mode", "flow"],
        &["encode", "pic.png", "-o", "-", "--report", "-"],
        &["encode", ".", "-o", "-"],
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
fn completions_for_shells() {
    let dir = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = good(dir.path(), &["completions", shell]).out;
        let script = String::from_utf8(script).expect("text");
        for word in ["dcodec", "interpolate", "progress-dir"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    bad(dir.path(), &["completions", "csh"], 2, "", "bash");
}

#[test]
fn manual_pages() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let page = |args: &[&str]| String::from_utf8(good(dir, args).out).expect("text");
    let (whole, encode) = (page(&["man"]), page(&["man", "encode"]));
    for (text, words) in [
        (
            &whole,
            [".TH dcodec 1", "dcodec\\-interpolate(1)", "EXIT STATUS"],
        ),
        (
            &encode,
            [".TH dcodec-encode 1", "\\-\\-roi\\-mask", "EXIT STATUS"],
        ),
    ] {
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    bad(
        dir,
        &["man", "encrypt"],
        2,
        "no command `encrypt`",
        "encode, decode",
    );
    bad(dir, &["man", "-o", "-"], 2, "need a folder", "-o DIR");
    good(dir, &["man", "-o", "man1"]);
    let written = |name: &str| read(dir, &format!("man1/{name}"));
    assert_eq!(written("dcodec.1"), whole.as_bytes());
    assert_eq!(written("dcodec-encode.1"), encode.as_bytes());
    // Every page that the list names is there.
    let named = whole.matches("(1)\n").count();
    let pages = std::fs::read_dir(dir.join("man1"))
        .expect("a folder")
        .count();
    assert_eq!(pages, named + 1);
    bad(dir, &["man", "-o", "man1"], 2, "exists", "-f");
    good(dir, &["man", "-o", "man1", "-f"]);
}

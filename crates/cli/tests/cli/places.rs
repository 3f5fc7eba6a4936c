//! Places that outputs are written to, and work that is refused before it begins.

use super::*;

/// Runs a command line in a shell, with the command as `$D`.
#[cfg(unix)]
fn shell(dir: &Path, line: &str) -> Ran {
    let mut command = std::process::Command::new("sh");
    command
        .current_dir(dir)
        .env("D", assert_cmd::cargo::cargo_bin!("dcodec"))
        .args(["-c", line]);
    Ran::of(command.output().expect("runs"))
}

#[cfg(unix)]
#[test]
fn open_streams_are_written_to() {
    let dir = with_picture();
    let dir = dir.path();
    let encode = "$D encode -q -e 1 -Q 20 pic.png -o";
    assert_eq!(shell(dir, &format!("{encode} a.dfc")).code, 0);
    let file = read(dir, "a.dfc");
    let between = [&b"before\n"[..], &file, b"after\n"].concat();
    for stream in ["/dev/stdout", "/dev/fd/1", "-"] {
        for force in ["", " -f"] {
            let line = format!("{{ echo before; {encode} {stream}{force}; echo after; }} > both");
            let ran = shell(dir, &line);
            assert_eq!(
                (ran.code, read(dir, "both")),
                (0, between.clone()),
                "{}",
                ran.err
            );
            let line = format!("echo before > more; {encode} {stream}{force} >> more");
            let ran = shell(dir, &line);
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert_eq!(read(dir, "more"), &between[..between.len() - 6]);
            assert_eq!(shell(dir, &format!("{encode} {stream} | cat")).out, file);
        }
    }
    let ran = shell(dir, "$D decode -q a.dfc -o /dev/stdout > a.png");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(read(dir, "a.png").starts_with(b"\x89PNG"));
    let ran = shell(dir, "$D map -q -e 1 -Q 20 pic.png -o /dev/stdout > m.png");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(read(dir, "m.png").starts_with(b"\x89PNG"));
    // A stream has a name, but none to call an output after.
    let ran = shell(
        dir,
        "cat pic.png | $D encode -e 1 -Q 20 /dev/fd/3 3<&0 0</dev/null",
    );
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        ran.err.contains("/dev/fd/3: ") && ran.err.contains("-o FILE"),
        "{}",
        ran.err
    );
    let ran = shell(dir, "cat pic.png | $D encode -q -e 1 -Q 20 /dev/stdin");
    assert_eq!((ran.code, ran.out), (0, file), "{}", ran.err);
}

/// Weights that cannot be loaded: what is refused before is refused for another reason.
const NO_PRIOR: [&str; 2] = ["--prior", "pic.png"];

#[test]
fn outputs_that_cannot_be_are_found_before_the_work() {
    let dir = with_file();
    let dir = dir.path();
    let long = format!("{}.png", "n".repeat(300));
    for output in ["new/", &long, "pic.png/x"] {
        let args = [&["encode", "pic.png", "-o", output][..], &NO_PRIOR].concat();
        bad(dir, &args, 1, output, "");
        let args = [
            &["decode", "pic.dfc", "-o", output, "--format", "png"][..],
            &NO_PRIOR,
        ]
        .concat();
        bad(dir, &args, 1, output, "");
    }
    let args = ["decode", "pic.dfc", "-o", "x.pgm", "--prior", "pic.png"];
    bad(dir, &args, 2, "pic.dfc", "grey");
    let args = [
        "sample", "--size", "8x8", "-o", "x.pgm", "--prior", "pic.png",
    ];
    bad(dir, &args, 2, "", "grey");
    let args = [
        "sample", "--size", "17000x1", "-o", "x.webp", "--prior", "pic.png",
    ];
    bad(dir, &args, 2, "", "16384");
}

#[test]
fn formats_that_are_too_small_are_found_before_the_work() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let wide = common::noise(65_536, 1, Colour::Grey, false, 1);
    wide.to_image().save(dir.join("wide.png")).expect("written");
    good(dir, &["encode", "-e", "1", "--bpp", "0.01", "wide.png"]);
    for (output, flags, most) in [
        ("x.webp", &[][..], "16384"),
        ("x.jpg", &[], "65535"),
        ("x.gif", &[], "65535"),
        ("x.webp", &["--animate"], "16384"),
    ] {
        let args = [
            &["decode", "wide.dfc", "-o", output][..],
            flags,
            &["--prior", "wide.png"],
        ];
        bad(dir, &args.concat(), 2, "wide.dfc", most);
    }
    // A small picture of it fits.
    let ran = run(
        dir,
        &["decode", "wide.dfc", "--thumbnail", "64", "-o", "t.webp"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn dangling_links() {
    let dir = with_picture();
    let dir = dir.path();
    std::os::unix::fs::symlink("nowhere", dir.join("link")).expect("made");
    let encode = ["encode", "-e", "1", "-Q", "20", "pic.png", "-o", "link"];
    let args = [&encode[..], &NO_PRIOR].concat();
    bad(dir, &args, 2, "link", "exists already");
    good(dir, &[&encode[..], &["-f"]].concat());
    assert!(dir.join("link").is_symlink());
    assert!(read(dir, "nowhere").starts_with(&dcodec::container::SIGNATURE));
}

#[test]
fn the_time_of_the_input_is_kept() {
    use std::time::{Duration, SystemTime};
    let dir = with_picture();
    let dir = dir.path();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(981_158_400);
    let file = fs::File::open(dir.join("pic.png")).expect("there");
    file.set_modified(time).expect("set");
    good(dir, &["encode", "-e", "1", "-Q", "20", "pic.png"]);
    good(dir, &["decode", "pic.dfc", "-o", "out.png"]);
    good(dir, &["decode", "pic.dfc", "-o", "out.gif"]);
    good(dir, &["cut", "pic.dfc", "--bytes", "25", "-o", "cut.dfc"]);
    for name in ["pic.dfc", "out.png", "out.gif", "cut.dfc"] {
        let found = fs::metadata(dir.join(name)).expect("there");
        assert_eq!(found.modified().expect("a time"), time, "{name}");
    }
}

#[test]
fn inputs_of_flags_are_not_written_over() {
    let dir = with_file();
    let dir = dir.path();
    let mask = read(dir, "pic.png");
    fs::write(dir.join("mask.png"), &mask).expect("written");
    fs::create_dir(dir.join("sub")).expect("made");
    let with_mask = ["encode", "pic.png", "--roi-mask", "mask.png", "-f"];
    for output in [
        &["-o", "mask.png"][..],
        &["-o", "x.dfc", "--report", "sub/../mask.png"],
    ] {
        let args = [&with_mask[..], output].concat();
        bad(dir, &args, 2, "", "the output would be the input itself");
    }
    for flag in ["--prior", "--refiner", "--postfilter"] {
        let args = [
            "decode", "pic.dfc", flag, "mask.png", "-o", "mask.png", "-f",
        ];
        let ran = run(dir, &args);
        assert_ne!(ran.code, 0, "{flag}");
        assert_eq!(read(dir, "mask.png"), mask, "{flag}");
    }
    assert_eq!(read(dir, "mask.png"), mask);
    // Two outputs that are one file, and one input for two.
    for report in ["x.dfc", "./x.dfc", "sub/../x.dfc"] {
        let args = ["encode", "pic.png", "-o", "x.dfc", "--report", report];
        bad(dir, &args, 2, "", "named for two outputs");
    }
    assert!(!dir.join("x.dfc").exists());
    // What is coded already is called so, not the output that it would be.
    bad(
        dir,
        &["encode", "pic.dfc"],
        1,
        "pic.dfc",
        "a .dfc file already",
    );
    let args = ["encode", "-", "--roi-mask", "-", "-o", "x.dfc"];
    bad(dir, &args, 2, "", "standard input is named twice");
}

#[cfg(unix)]
#[test]
fn names_cannot_speak_to_the_terminal() {
    let dir = with_picture();
    let dir = dir.path();
    let name = "evil\x1b[31m\x07\n.png";
    fs::copy(dir.join("pic.png"), dir.join(name)).expect("copied");
    let encode = ["encode", "-e", "1", "-Q", "20"];
    for args in [
        [&encode[..], &[name]].concat(),
        // Once more, which is refused.
        [&encode[..], &[name]].concat(),
        [&encode[..], &["no\x1b[32msuch.png"]].concat(),
        vec!["info", "evil\x1b[31m\x07\n.dfc"],
        vec!["info", "."],
    ] {
        let ran = run(dir, &args);
        let said = [ran.err.as_bytes(), &ran.out].concat();
        let obeyed = |&b: &u8| b < 0x20 && b != b'\n' || b == 0x7f;
        assert!(!said.is_empty() && !said.iter().any(obeyed), "{said:?}");
    }
    bad(
        dir,
        &["encode", "no[31msuch.png"],
        1,
        "no[31msuch.png",
        "No such file",
    );
}

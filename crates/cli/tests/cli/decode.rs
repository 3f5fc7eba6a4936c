//! `decode`: its pictures and its refusals, and files that `cut` has cut for it.

use dcodec::Display;
use dcodec::prior::Postfilter;

use super::*;

#[test]
fn encode_and_decode() {
    let dir = with_picture();
    let dir = dir.path();
    let ran = good(dir, &["encode", "pic.png"]);
    assert_eq!(names(dir), ["pic.dfc", "pic.png"]);
    let file = read(dir, "pic.dfc");
    assert!(file.starts_with(b"\x89DF\x01"));
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
    let decoder = |display| common::plain(&prior).display(display).decode(&file);
    let decoded = |n| {
        decoder(Display::PLAIN.ensemble(n))
            .expect("decodes")
            .picture
    };
    assert!(common::displayed(&file) == after && decoded(1) != after);
    let args = ["decode", "pic.dfc", "-f", "-o", "n.png", "--refiner"];
    for n in [1, 2, 8] {
        let more = ["none", "--orientations", &n.to_string()];
        good(dir, &[&args[..], &more].concat());
        assert!(picture(dir, "n.png") == decoded(n), "{n}");
    }
    // Weights of any prior, also in a file, can show it; the file's own are no refiner.
    let weights = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/cifar10.safetensors"
    );
    let other = dcodec::Prior::from_file(weights).expect("loads");
    let refined = decoder(Display::by(&prior, Some(other))).expect("decodes");
    good(dir, &[&args[..], &[weights]].concat());
    assert!(picture(dir, "n.png") == refined.picture);
    let missing = ["decode", "pic.dfc", "-o", "x.png", "--refiner", "none.bin"];
    bad(dir, &missing, 1, "none.bin", "");
    for (command, n) in [("decode", "3"), ("decode", "0"), ("encode", "16")] {
        let args = [command, "pic.dfc", "-f", "--orientations", n];
        bad(dir, &args, 2, "", "1, 2, 4 or 8");
    }
}

/// Pictures with the post-filter, with others, and without.
#[test]
fn looks_and_post_filters() {
    if !Postfilter::AVAILABLE {
        println!("skipped: the build has no post-filters");
        return;
    }
    let dir = with_picture();
    let dir = dir.path();
    good(dir, &["encode", "pic.png"]);
    let (file, prior) = (read(dir, "pic.dfc"), common::prior());
    let decoded = |display| {
        let decoder = common::plain(&prior).display(display);
        decoder.decode(&file).expect("decodes").picture
    };
    let shown = |options: &[&str]| {
        let args = ["decode", "pic.dfc", "-f", "-o", "n.png", "--refiner"];
        good(dir, &[&args[..], options].concat());
        picture(dir, "n.png")
    };
    let own = Display::by(&prior, None);
    let (filtered, plain) = (decoded(own.clone()), decoded(Display::PLAIN.ensemble(4)));
    assert!(filtered != plain && shown(&["s"]) == filtered);
    assert!(shown(&["s", "--postfilter", "none"]) == plain);
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    let weights = format!("{models}/vivid.safetensors");
    let vivid = own.postfilter(Some(Postfilter::from_file(&weights).expect("loads")));
    let vivid = decoded(vivid);
    assert!(vivid != filtered && vivid != plain);
    for options in [
        ["s", "--postfilter", &weights],
        ["s", "--look", "vivid"],
        ["none", "--look", "vivid"],
    ] {
        assert!(shown(&options) == vivid, "{options:?}");
    }
    let prior = format!("{models}/xs.safetensors");
    let args = ["decode", "pic.dfc", "-o", "x.png", "--postfilter", &prior];
    bad(dir, &args, 1, "dcodec-postfilter", "");
}

#[test]
fn folders_are_decoded_whole() {
    let dir = with_file();
    let dir = dir.path();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).expect("writable");
    fs::create_dir(dir.join("in")).expect("writable");
    let file = read(dir, "pic.dfc");
    put("in/a.dfc", &file);
    put("in/b.DFC", &file[..file.len() / 2]);
    put("in/notes.txt", b"no file");
    let ran = good(dir, &["decode", "in", "-o", "out"]);
    assert!(ran.err.contains("2 pictures, "), "{}", ran.err);
    assert_eq!(names(&dir.join("out")), ["a.png", "b.png"]);
    good(dir, &["decode", "pic.dfc", "-o", "one.png"]);
    assert!(picture(dir, "out/a.png") == picture(dir, "one.png"));
    assert!(picture(dir, "out/b.png") != picture(dir, "one.png"));
    // Again: both exist, and a broken file among them costs only itself.
    put("in/c.dfc", b"no file");
    let again = run(dir, &["decode", "in", "-o", "out"]);
    let kept = again.err.matches("exists already, kept").count();
    assert_eq!((again.code, kept), (1, 2), "{}", again.err);
    assert!(
        again.err.contains("1 of 3 pictures failed"),
        "{}",
        again.err
    );
    put("in/c.dfc", &file);
    let flags = ["--bpp", "0.5", "--format", "bmp"];
    good(
        dir,
        &[&["decode", "in", "-o", "small"][..], &flags].concat(),
    );
    assert_eq!(names(&dir.join("small")), ["a.bmp", "b.bmp", "c.bmp"]);
    bad(dir, &["decode", "in"], 2, "in", "-o DIR");
    let frames = ["decode", "in", "-o", "out", "--progress-dir", "frames"];
    bad(dir, &frames, 2, "in", "--progress-dir");
    let format = ["decode", "in", "-o", "other", "--format", "xyz"];
    bad(dir, &format, 2, "", "xyz");
    put("in/b.dfc", &file);
    bad(
        dir,
        &["decode", "in", "-o", "out"],
        2,
        "b.png",
        "rename one",
    );
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
    // Losses of the output are said.
    let ran = good(dir, &["decode", "x.dfc", "-o", "x.jpg"]);
    assert!(ran.err.contains("x.jpg: note: "), "{}", ran.err);
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
    for n in [30, 60, file.len() / 2, file.len() - 1] {
        fs::write(dir.join("part.dfc"), &file[..n]).expect("writable");
        let ran = good(dir, &["decode", "part.dfc", "-f"]);
        let wanted = format!("from {n} of {n} bytes");
        assert!(ran.err.contains(&wanted), "{}", ran.err);
        assert!(!ran.err.contains("complete"), "{}", ran.err);
        let shown = common::displayed(&file[..n]);
        assert!(picture(dir, "part.png") == shown);
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
    // Large enough to have a check before a layer.
    let dir = with_picture_of(96, 64);
    let dir = dir.path();
    good(dir, &["encode", "pic.png", "-Q", "90"]);
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
    // The bytes before the damage can be saved.
    good(dir, &["decode", "bad.dfc", "--bytes", "80"]);
}

/// A DDPM of diffusers may know upright pictures only.
#[test]
#[cfg(feature = "diffusers")]
fn averages_by_default_where_they_are_safe() {
    let dir = with_picture();
    let dir = dir.path();
    let ddpm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/diffusers/plain");
    let prior = ["--prior", ddpm.to_str().expect("text")];
    let encode = ["encode", "pic.png", "-Q", "60"];
    good(dir, &[&encode[..], &prior].concat());
    let decode = |name, flags: &[&str]| {
        let args = ["decode", "pic.dfc", "-o", name];
        good(dir, &[&args[..], &prior, flags].concat());
        picture(dir, name)
    };
    let shown = decode("shown.png", &[]);
    assert!(shown == decode("one.png", &["--orientations", "1"]));
    assert!(shown != decode("four.png", &["--orientations", "4"]));
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
fn folders_are_cut_whole() {
    let dir = with_file();
    let dir = dir.path();
    fs::create_dir(dir.join("in")).expect("writable");
    let file = read(dir, "pic.dfc");
    for name in ["in/a.dfc", "in/b.dfc"] {
        fs::write(dir.join(name), &file).expect("writable");
    }
    let cut = ["cut", "in", "--bytes", "100", "-o"];
    good(dir, &[&cut[..], &["out"]].concat());
    assert_eq!(names(&dir.join("out")), ["a.dfc", "b.dfc"]);
    assert_eq!(read(dir, "out/b.dfc"), &file[..100]);
    bad(dir, &["cut", "in", "--bytes", "100"], 2, "in", "-o DIR");
    // Onto themselves: never, whatever the flags.
    let ran = run(dir, &[&cut[..], &["in", "-f"]].concat());
    assert!(
        ran.code == 1 && ran.err.contains("input itself"),
        "{}",
        ran.err
    );
    assert_eq!(read(dir, "in/a.dfc"), file);
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
        "over the limit of 20.0 MB",
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
    bad(dir, &tiny, 1, "in.dfc", "over the limit of 1.0 MB");
    let ran = good(dir, &[&decode[..], &["--timing"]].concat());
    assert!(ran.err.contains("GFLOP/s"), "{}", ran.err);
    // Silent but for the table that was asked for.
    let ran = good(dir, &[&decode[..], &["--timing", "-q", "-f"]].concat());
    assert!(ran.err.starts_with("read"), "{}", ran.err);
    let ran = good(dir, &[&decode[..], &["-q", "-f"]].concat());
    assert!(ran.err.is_empty(), "{}", ran.err);
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
    let large = |seed| {
        decode(
            "v.png",
            &["--mode", "sample", "--variance", "large", "--seed", seed],
        )
        .0
    };
    assert!(large("1") != large("2") && large("1") != sample("1"));
    // Before the first layer nothing is known to any mode.
    let header = decode("h.png", &["--bytes", "15", "--mode", "sample"]).0;
    assert!(header.samples().iter().all(|v| v == 128));

    for (flags, what) in [
        (&["--eta", "0.5"][..], "--eta needs --mode sample"),
        (&["--mode", "flow", "--corrections", "1"], "langevin"),
        (&["--mode", "flow", "--variance", "large"], "sample"),
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

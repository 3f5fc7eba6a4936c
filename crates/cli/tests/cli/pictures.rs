//! Pictures that no file holds: maps, samples and blends.

use super::*;

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
    save("clear.png", &common::noise(48, 32, Colour::Rgb, true, 4));
    let ends = ["clear.png", "b.png", "-o", "c.png"];
    let args = [&["interpolate", "--steps", "1", "-n", "2"][..], &ends].concat();
    let said = good(dir, &args).err;
    let note = "clear.png: note: blended without its transparency";
    assert!(said.contains(note), "{said}");
    fails(&["a.png", "b.png", "--sigma", "0"], 2, "above 0");
    fails(&["a.png", "b.png", "--sigma", "nan"], 2, "above 0");
    fails(&["a.png", "b.png", "-n", "1"], 2, "--count");
    fails(&["a.png", "none.png"], 1, "none.png");
    fails(&["a.png"], 2, "<SECOND>");
}

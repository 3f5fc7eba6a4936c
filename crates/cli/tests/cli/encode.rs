//! `encode`: its files and its refusals.

use super::*;

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
            assert!((27.0..27.5).contains(&got), "{got:.2} dB");
        }
    }
}

#[test]
fn what_is_no_picture_or_no_file() {
    let dir = with_file();
    let dir = dir.path();
    fs::write(dir.join("notes.txt"), "Milk, bread, entropy.\n").expect("writable");
    fs::write(dir.join("empty"), "").expect("writable");
    bad(dir, &["encode", "notes.txt"], 1, "notes.txt", "PNG, JPEG");
    bad(dir, &["encode", "empty"], 1, "empty", "no bytes");
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
        again.err.contains("1 of 3 pictures failed")
            && again.err.matches("exists already, kept").count() == 2,
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
fn large_pictures_are_refused_by_limit() {
    let dir = with_file();
    let dir = dir.path();
    let args = ["decode", "pic.dfc", "-f", "--max-pixels", "1535"];
    bad(dir, &args, 1, "pic.dfc", "1535");
    let args = ["decode", "pic.dfc", "-f", "--max-pixels", "1536"];
    good(dir, &args);
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
fn pages_behind_the_first_are_mentioned() {
    let dir = with_picture();
    let dir = dir.path();
    let picture = picture(dir, "pic.png").to_image();
    picture.save(dir.join("one.tif")).expect("writable");
    let mut file = read(dir, "one.tif");
    assert!(file.starts_with(b"II"));
    let at = u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize;
    let entries = usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    // A second page that is the first once more.
    let next = at + 2 + 12 * entries;
    let (second, directory) = (file.len() as u32, file[at..next + 4].to_vec());
    file[next..next + 4].copy_from_slice(&second.to_le_bytes());
    file.extend(directory);
    fs::write(dir.join("more.tif"), &file).expect("writable");
    let note = "first page";
    assert!(!good(dir, &["encode", "one.tif"]).err.contains(note));
    let ran = good(dir, &["encode", "more.tif"]);
    assert!(ran.err.contains(note), "{}", ran.err);
    assert_eq!(read(dir, "one.dfc"), read(dir, "more.dfc"));
}

//! The priors inside the program: named by encoders, found by decoders.

use super::*;

use dcodec::prior::Shipped;

/// A picture and its file, if this build has the larger prior, which sources without its weights
/// lack.
fn with_file_and_l() -> Option<TempDir> {
    match Shipped::L.weights() {
        Ok(_) => Some(with_file()),
        Err(e) => {
            println!("skipped: {e}");
            None
        }
    }
}

#[test]
fn decoders_find_the_prior_that_a_file_needs() {
    let Some(dir) = with_file_and_l() else {
        return;
    };
    let dir = dir.path();
    for (file, more) in [("l.dfc", &[][..]), ("two.dfc", &["--orientations", "2"])] {
        let args = [&["encode", "pic.png", "-o", file, "--prior", "l"], more].concat();
        good(dir, &args);
        assert_ne!(read(dir, file), read(dir, "pic.dfc"));
        good(dir, &["decode", file, "-o", "found.png", "-f"]);
        good(
            dir,
            &["decode", file, "-o", "named.png", "-f", "--prior", "l"],
        );
        assert_eq!(read(dir, "found.png"), read(dir, "named.png"));
        // From a pipe, a header's bytes are looked at once.
        let ran = with_input(
            dir,
            &["decode", "-", "-o", "piped.png", "-f"],
            &read(dir, file),
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(read(dir, "piped.png"), read(dir, "named.png"));
        bad(
            dir,
            &["decode", file, "-o", "x.png", "--prior", "s"],
            1,
            file,
            "leave out --prior",
        );
    }
    let text = |file| String::from_utf8(good(dir, &["info", file]).out).expect("text");
    assert!(text("l.dfc").contains(", l of this program\n"));
    assert!(text("two.dfc").contains(", l of this program over 2 orientations\n"));
    assert!(text("pic.dfc").contains(", s of this program\n"));
    let text = String::from_utf8(good(dir, &["info", "--prior", "l"]).out).expect("text");
    assert!(text.contains("photographs"), "{text}");
    bad(
        dir,
        &["decode", "pic.dfc", "-o", "x.png", "--prior", "l"],
        1,
        "pic.dfc",
        "(s)",
    );
}

#[test]
fn a_folder_may_have_files_of_both() {
    let Some(dir) = with_file_and_l() else {
        return;
    };
    let dir = dir.path();
    fs::create_dir(dir.join("coded")).expect("made");
    fs::copy(dir.join("pic.dfc"), dir.join("coded/a.dfc")).expect("copied");
    good(
        dir,
        &["encode", "pic.png", "-o", "coded/b.dfc", "--prior", "l"],
    );
    fs::copy(dir.join("pic.dfc"), dir.join("coded/c.dfc")).expect("copied");
    good(dir, &["decode", "coded", "-o", "pictures"]);
    for file in ["a", "b", "c"] {
        let (coded, alone) = (format!("coded/{file}.dfc"), format!("{file}.png"));
        good(dir, &["decode", &coded, "-o", &alone]);
        assert_eq!(read(dir, &format!("pictures/{alone}")), read(dir, &alone));
    }
    assert_ne!(read(dir, "a.png"), read(dir, "b.png"));
}

#[test]
fn a_name_goes_before_a_file() {
    let dir = with_picture();
    let dir = dir.path();
    fs::write(dir.join("s"), "no weights at all").expect("writable");
    good(dir, &["encode", "pic.png", "--prior", "s"]);
    good(dir, &["encode", "pic.png", "-f", "--prior", "shipped"]);
    bad(
        dir,
        &["encode", "pic.png", "-f", "--prior", "./s"],
        1,
        "./s:",
        "weights",
    );
}

/// A build that reads no folders says how to get one that does, before any work.
#[test]
#[cfg(not(feature = "diffusers"))]
fn folders_need_a_feature() {
    let dir = with_file();
    let dir = dir.path();
    let ddpm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/diffusers/plain");
    let prior = ddpm.to_str().expect("text");
    for args in [
        &["encode", "pic.png", "-o", "x.dfc"][..],
        &["decode", "pic.dfc", "-o", "x.png"],
        &["info"],
    ] {
        let args = [args, &["--prior", prior]].concat();
        let ran = bad(dir, &args, 1, "feature `diffusers`", "--features full`");
        let start = format!("error: {prior}: this build lacks");
        assert!(ran.err.starts_with(&start), "{}", ran.err);
    }
}

/// Effort 1 is the fast tier: files of the small prior, which the default prior shows once.
#[test]
fn the_fast_tier() {
    let dir = with_picture();
    let dir = dir.path();
    good(dir, &["encode", "pic.png", "-e", "1", "-o", "fast.dfc"]);
    let text = |file| String::from_utf8(good(dir, &["info", file]).out).expect("text");
    assert!(text("fast.dfc").contains(", xs of this program\n"));
    let show = |out: &str, more: &[&str]| {
        good(
            dir,
            &[&["decode", "fast.dfc", "-f", "-o", out], more].concat(),
        );
        picture(dir, out)
    };
    let shown = show("shown.png", &[]);
    assert!(show("s.png", &["--refiner", "s", "--orientations", "1"]) == shown);
    let own = show("own.png", &["--refiner", "none"]);
    let original = picture(dir, "pic.png");
    let (by_s, by_itself) = (psnr(&original, &shown), psnr(&original, &own));
    println!("{by_s:.2} dB shown by s, {by_itself:.2} dB by xs");
    assert!(by_s > by_itself && by_itself > 30.0, "{by_s} {by_itself}");
    // Another effort by it, and effort 1 by another.
    for (prior, effort, wanted) in [("xs", "3", "xs"), ("s", "1", "s")] {
        let args = ["encode", "pic.png", "--prior", prior, "-e", effort];
        good(dir, &[&args[..], &["-f", "-o", "other.dfc"]].concat());
        assert!(text("other.dfc").contains(&format!(", {wanted} of this program\n")));
    }
}

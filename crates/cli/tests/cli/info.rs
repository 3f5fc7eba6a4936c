//! `info` on files and priors, and priors of other sorts.

use super::*;

#[test]
fn priors_are_described() {
    let dir = with_picture();
    let dir = dir.path();
    let text = String::from_utf8(good(dir, &["info", "--prior", "shipped"]).out).expect("text");
    assert!(
        text.contains("2529224") && text.contains("corrector   channels [32, 48, 64]"),
        "{text}"
    );
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/s.safetensors");
    let json = good(dir, &["info", "--json", "--prior", weights]).out;
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert!(text.contains(json["prior"].as_str().expect("a name")));
    assert_eq!(json["channels"], serde_json::json!([48, 80, 128, 160]));
    assert_eq!(json["corrector"]["blocks"], serde_json::json!([1, 1, 1]));
}

#[test]
fn files_say_over_how_many_orientations() {
    let dir = with_file();
    let dir = dir.path();
    let text = |file: &str| String::from_utf8(good(dir, &["info", file]).out).expect("text");
    assert!(text("pic.dfc").contains("s of this program\n"));
    good(
        dir,
        &["encode", "pic.png", "-o", "two.dfc", "--orientations", "2"],
    );
    assert!(text("two.dfc").contains("s of this program over 2 orientations\n"));
    let json = good(dir, &["info", "--json", "two.dfc"]).out;
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["orientations"], 2);
    // A decoder needs no word of it.
    good(dir, &["decode", "two.dfc", "-o", "two.png"]);
    assert!(psnr(&picture(dir, "pic.png"), &picture(dir, "two.png")) > 33.0);
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
        "file",
        "version",
        "width",
        "height",
        "colour",
        "prior",
        "prior_name",
        "orientations",
        "seed",
        "trellis_state_bits",
        "bands",
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

    // Inside the last layer.
    let bytes = file.len() - 10;
    let n = bytes.to_string();
    good(dir, &["cut", "pic.dfc", "--bytes", &n, "-o", "part.dfc"]);
    let part = json(&["info", "--json", "part.dfc"]);
    assert_eq!(
        (&part["complete"], &part["bytes"]),
        (&false.into(), &bytes.into())
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
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/s.safetensors");
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
    // A file of the shipped prior, decoded with another.
    let other = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/cifar10.safetensors"
    );
    let args = ["decode", "pic.dfc", "-o", "y.png", "--prior", other];
    bad(dir, &args, 1, "pic.dfc", "leave out --prior");
    good(
        dir,
        &["decode", "pic.dfc", "-o", "y.png", "--prior", "shipped"],
    );
    // Work without a network needs no prior.
    good(dir, &["info", "other.dfc"]);
    good(dir, &["cut", "other.dfc", "--bytes", "40", "-o", "x"]);
}

#[test]
fn several_files_take_a_line_each() {
    let dir = with_file();
    let dir = dir.path();
    fs::create_dir(dir.join("in")).expect("writable");
    let file = read(dir, "pic.dfc");
    fs::write(dir.join("in/a.dfc"), &file).expect("writable");
    fs::write(dir.join("in/b.dfc"), &file[..90]).expect("writable");
    let text = String::from_utf8(good(dir, &["info", "in", "pic.dfc"]).out).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].contains("48 x 32 RGB") && lines[0].contains(&format!("{} bytes", file.len()))
    );
    assert!(
        lines[1].contains("90 bytes") && lines[1].contains(", cut, "),
        "{text}"
    );
    assert!(
        lines[2].starts_with("pic.dfc: ") && !lines[2].contains("cut"),
        "{text}"
    );
    let json = good(dir, &["info", "in", "--json"]).out;
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(
        (json[0]["complete"].as_bool(), json[1]["complete"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(json[1]["bytes"], 90);
    // One that is broken costs only itself.
    fs::write(dir.join("in/a.dfc"), "no file").expect("writable");
    let ran = run(dir, &["info", "in"]);
    assert_eq!(
        (ran.code, ran.out.iter().filter(|&&b| b == b'\n').count()),
        (1, 1)
    );
    assert!(
        ran.err.contains("skipped: ") && ran.err.contains("1 of 2 pictures failed"),
        "{}",
        ran.err
    );
}

//! `dcodec rd` writes what its outputs are called, compares with what is installed, and never stops for what is not.
#![cfg(feature = "cli")]

mod common;

use std::fs;
use std::path::Path;

use assert_cmd::Command;

fn rd(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("dcodec").expect("the command is built");
    command
        .current_dir(folder)
        .args(["rd", "--effort", "1", "--points", "0.5,1"]);
    command
}

/// A folder with small pictures of these names.
fn pictures(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (i, name) in names.iter().enumerate() {
        let crop = common::crop("chelsea.png", 100 + 30 * i as u32, 60, 48, 40);
        crop.to_image().save(folder.path().join(name)).expect(name);
    }
    folder
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect(name)
}

#[test]
fn every_output_is_of_its_kind() {
    let folder = pictures(&["a & b.png"]);
    let run = rd(folder.path())
        .args(["a & b.png", "-o", "o.csv", "-o", "o.json"])
        .args(["-o", "o.svg", "-o", "o.png"])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(shown.contains("PSNR dB  SSIMULACRA2"), "{shown}");

    let csv = text(folder.path(), "o.csv");
    let mut rows = csv.lines();
    let head = rows.next().expect("a head");
    assert!(head.starts_with("picture,asked_bpp,sigma,bytes,bpp,psnr,ssimulacra2,codec"));
    assert!(rows.clone().count() > 4);
    for row in rows {
        assert_eq!(row.split(',').count(), head.split(',').count(), "{row}");
        assert!(row.starts_with("a & b.png,") && row.contains(",dcodec,"));
    }

    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    assert_eq!(json["name"], "dcodec");
    let column = |key: &str| json["results"][key].as_array().expect("a column").clone();
    for key in ["psnr-rgb", "ssimulacra2", "encoding_time", "decoding_time"] {
        assert_eq!(column(key).len(), column("bpp").len(), "{key}");
        assert!(column(key).iter().all(|v| v.is_f64()), "{key}");
    }
    let rates: Vec<f64> = column("bpp").iter().filter_map(|v| v.as_f64()).collect();
    assert!(rates.windows(2).all(|w| w[0] <= w[1]), "{rates:?}");

    let svg = text(folder.path(), "o.svg");
    well_formed(&svg);
    for name in [">dcodec<", ">a &amp; b.png<", ">RGB PSNR in dB<"] {
        assert!(svg.contains(name), "{name}");
    }
    let png = image::open(folder.path().join("o.png")).expect("a picture");
    assert_eq!((png.width(), png.height()), (1920, 1200));
    assert_eq!(png.to_rgb8().get_pixel(0, 0).0, [255; 3]);
}

#[test]
fn folders_are_read_and_broken_pictures_skipped() {
    let folder = pictures(&["one.png", "two.png"]);
    fs::write(folder.path().join("broken.png"), b"no picture").unwrap();
    fs::write(folder.path().join("notes.txt"), b"no picture either").unwrap();
    let run = rd(folder.path())
        .args([".", "--metric", "ssimulacra2", "--linear", "-o", "o.svg"])
        .assert()
        .success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(
        said.contains("skipped: ") && said.contains("broken.png"),
        "{said}"
    );
    assert!(!said.contains("notes.txt"), "{said}");
    let svg = text(folder.path(), "o.svg");
    well_formed(&svg);
    for name in [">mean of 2 pictures<", ">SSIMULACRA2<", ">bits per pixel<"] {
        assert!(svg.contains(name), "{name}");
    }
}

#[test]
fn missing_peers_are_named_and_left_out() {
    let folder = pictures(&["one.png"]);
    let run = rd(folder.path())
        .args(["one.png", "--peers", "jpeg,avif", "-o", "-"])
        .env("PATH", folder.path())
        .assert()
        .success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(
        said.contains(
            "jpeg: left out, cjpeg and djpeg not found (Debian: apt install libjpeg-turbo-progs)"
        ),
        "{said}"
    );
    assert!(said.contains("apt install libavif-bin"), "{said}");
    let csv = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        csv.starts_with("picture,") && !csv.contains(",jpeg,"),
        "{csv}"
    );
}

/// Tools that are there but fail, by scripts of their names.
#[cfg(unix)]
#[test]
fn failing_peers_are_named_and_left_out() {
    use std::os::unix::fs::PermissionsExt;
    let folder = pictures(&["one.png"]);
    for tool in ["cwebp", "dwebp"] {
        let path = folder.path().join(tool);
        fs::write(&path, "#!/bin/sh\necho out of ideas >&2\nexit 3\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = rd(folder.path())
        .args(["one.png", "--peers", "webp", "-o", "o.svg"])
        .env("PATH", folder.path())
        .assert()
        .success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(
        said.contains("left out: webp: setting 0 on one.png: cwebp: ")
            && said.contains("out of ideas"),
        "{said}"
    );
    well_formed(&text(folder.path(), "o.svg"));
}

/// The tools of libjpeg, where they are installed, on a grey picture with alpha.
#[test]
fn installed_peers_are_measured() {
    let folder = pictures(&[]);
    let grey = image::GrayAlphaImage::from_fn(48, 40, |x, y| {
        image::LumaA([
            (x * 5) as u8 ^ (y * 3) as u8,
            if x < 24 { 255 } else { 128 },
        ])
    });
    grey.save(folder.path().join("grey.png")).expect("written");
    let run = rd(folder.path())
        .args(["grey.png", "--peers", "jpeg", "-o", "o.svg", "-o", "o.json"])
        .assert()
        .success();
    let output = run.get_output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("not found") {
        println!("skipped: {said}");
        return;
    }
    assert!(said.contains("without its transparency"), "{said}");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        shown.contains("BD-rate of dcodec") && shown.contains("\njpeg "),
        "{shown}"
    );
    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    assert_eq!(json["peers"][0]["name"], "jpeg");
    let qualities = &json["peers"][0]["results"]["psnr-rgb"];
    assert_eq!(qualities.as_array().map(Vec::len), Some(9));
}

#[test]
fn mistakes_are_found_before_the_work() {
    let folder = pictures(&["one.png"]);
    let code = |arguments: &[&str]| {
        let run = rd(folder.path()).args(arguments).assert();
        run.get_output().status.code()
    };
    assert_eq!(code(&["one.png", "-o", "o.gif"]), Some(2));
    assert_eq!(code(&["one.png", "-o", "one.png"]), Some(2));
    assert_eq!(code(&["one.png", "--peers", "betamax"]), Some(2));
    assert_eq!(code(&["none.png"]), Some(1));
    assert_eq!(code(&["none.png", "neither.png"]), Some(1));
}

/// Every element is closed in order, and every ampersand starts an entity.
fn well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().expect("a name")),
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
    for (i, _) in svg.match_indices('&') {
        let entity = ["&amp;", "&lt;", "&gt;", "&quot;"];
        assert!(entity.iter().any(|e| svg[i..].starts_with(e)));
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

//! `dcodec rd` writes what its outputs are called, compares with what is installed, and never stops
//! for what is not.

#[path = "../../../tests/common/mod.rs"]
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
    assert!(shown.contains("PSNR dB  MS-SSIM  SSIMULACRA2"), "{shown}");

    let csv = text(folder.path(), "o.csv");
    let mut rows = csv.lines();
    let head = rows.next().expect("a head");
    assert!(head.starts_with(
        "picture,asked_bpp,sigma,bytes,bpp,psnr,ms_ssim,ssimulacra2,butteraugli,codec"
    ));
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
        .code(1);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(
        said.contains("skipped: ") && said.contains("broken.png"),
        "{said}"
    );
    assert!(said.contains("error: 1 of 3 pictures failed"), "{said}");
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
            "jpeg: left out, cjpeg and djpeg not found (Debian: apt install libjpeg-turbo-progs; Homebrew: brew install jpeg-turbo)"
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

/// A tool of this name that is a script; it finds its own tools in the usual places.
#[cfg(unix)]
fn script(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    let script = format!("#!/bin/sh\nPATH=/bin:/usr/bin\n{text}\n");
    fs::write(&path, script).expect(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect(name);
}

/// Tools that are there but fail, hang, or write rubbish, nothing, or a picture of another size:
/// each is named, and the one that works is measured.
#[cfg(unix)]
#[test]
fn broken_peers_are_named_and_left_out() {
    let folder = pictures(&["one.png", "two.png"]);
    let tool = |name, text| script(folder.path(), name, text);
    tool("cwebp", "echo out of ideas >&2; exit 3");
    tool("dwebp", "exit 3");
    // The output is the last but one of cjpeg's arguments, the last of the others'.
    tool("opj_compress", "exec sleep 60");
    tool("opj_decompress", "exec sleep 60");
    tool("avifenc", "for o; do :; done; echo rubbish > \"$o\"");
    tool("avifdec", "head -c 5000 /dev/urandom > \"$2\"");
    tool("heif-enc", "echo 9.8.7; echo x > \"$7\"");
    tool("heif-convert", "exit 0");
    tool("cjxl", "echo cjxl v1.2.3; cp \"$1\" \"$2\"");
    tool("djxl", "printf 'P6 1 1 255\\n123' > \"$2\"");
    tool("cjpeg", "echo mozjpeg version 4.1.1; cp \"$7\" \"$6\"");
    tool("djpeg", "cp \"$4\" \"$3\"");
    let start = std::time::Instant::now();
    let run = rd(folder.path())
        .args(["one.png", "two.png", "--peers", "all", "--time-limit", "2"])
        // One picture after the other, so that a peer that has hung is known to have.
        .args(["--threads", "1"])
        .args(["-o", "o.svg", "-o", "o.json", "-o", "o.csv"])
        .env("PATH", folder.path())
        .assert()
        .success();
    assert!(start.elapsed() < std::time::Duration::from_secs(55));
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    for part in [
        "left out: webp: setting 0 on one.png: cwebp: exit status: 3: out of ideas",
        "left out: jpeg2000: setting 480 on one.png: opj_compress: no end after 2 s",
        "jpeg2000: not tried again in this run",
        "left out: avif: setting 62 on one.png: avifdec: ",
        "left out: heif: setting 3 on one.png: heif-convert: wrote nothing",
        "left out: jxl: setting 25 on one.png: cannot compare 48x40 Rgb of 8 bits with 1x1 Rgb of 8",
        "webp: no setting has all the pictures",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(!said.contains("jpeg2000: setting 480 on two.png"), "{said}");
    well_formed(&text(folder.path(), "o.svg"));
    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    let peers = json["peers"].as_array().expect("peers");
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0]["name"], "mozjpeg");
    assert_eq!(peers[0]["version"], "cjpeg 4.1.1");
    assert!(text(folder.path(), "o.csv").contains(",mozjpeg,4,"));
}

/// A run that is stopped goes on where it was, gives what it would have given, and leaves nothing
/// but its output.
#[cfg(unix)]
#[test]
fn an_interrupted_run_goes_on() {
    let folder = pictures(&["one.png", "two.png", "three.png"]);
    script(folder.path(), "cwebp", "echo 1.0; cp \"$6\" \"$8\"");
    script(folder.path(), "dwebp", "cp \"$3\" \"$5\"");
    let run = |output: &str, inputs: &[&str]| {
        let mut command = rd(folder.path());
        command
            .args(inputs)
            .args(["--peers", "webp", "-o", output])
            .env("PATH", folder.path());
        command
    };
    let all = ["one.png", "two.png", "three.png"];
    run("whole.json", &all).assert().success();
    assert!(!folder.path().join("whole.json.part").exists());

    let kept = folder.path().join("kept.state");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_dcodec"))
        .current_dir(folder.path())
        .args(["rd", "--effort", "1", "--points", "0.5,1"])
        .args([
            "--threads",
            "1",
            "--peers",
            "webp",
            "--resume",
            "kept.state",
        ])
        .args(["-o", "o.json", "one.png", "two.png"])
        .env("PATH", folder.path())
        .spawn()
        .expect("runs");
    let lines = || fs::read_to_string(&kept).map_or(0, |t| t.lines().count());
    while lines() < 2 {
        if let Some(status) = child.try_wait().expect("a child") {
            panic!("ended before it was interrupted: {status}");
        }
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let before = lines();
    assert!(before >= 2 && !folder.path().join("o.json").exists());

    // Another build measures anew: its files may be others.
    let (copy, other) = (
        folder.path().join("copy.state"),
        folder.path().join("other"),
    );
    fs::copy(&kept, &copy).unwrap();
    // By cp: a program cannot start while a child of this process may hold it open for writing.
    Command::new("cp")
        .args([env!("CARGO_BIN_EXE_dcodec").as_ref(), other.as_os_str()])
        .assert()
        .success();
    let anew = Command::new(&other)
        .current_dir(folder.path())
        .args(["rd", "--effort", "1", "--points", "0.5,1", "one.png"])
        .args(["--resume", "copy.state", "-o", "other.json"])
        .assert()
        .success();
    let said = String::from_utf8_lossy(&anew.get_output().stderr).into_owned();
    assert!(said.contains("one.png: "), "{said}");

    let again = run("o.json", &all)
        .args(["--resume", "kept.state"])
        .assert()
        .success();
    let said = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    let going = format!("{} measurements of an interrupted run", before - 1);
    assert!(said.contains(&going), "{said}");
    assert!(!said.contains("one.png: "), "{said}");
    assert!(!kept.exists());
    let quality = |name: &str| {
        let json: serde_json::Value = serde_json::from_str(&text(folder.path(), name)).unwrap();
        json["results"]["psnr-rgb"].clone()
    };
    assert_eq!(quality("o.json"), quality("whole.json"));

    // Something else of that name is not touched.
    fs::write(
        folder.path().join("p.json.part"),
        "a letter, and no state at all",
    )
    .unwrap();
    run("p.json", &all).assert().failure().code(2);
    assert!(text(folder.path(), "p.json.part").starts_with("a letter"));
}

/// The ideal stands in every kind of output, below the real bits.
#[test]
fn the_ideal_is_shown_beside_the_real_bits() {
    let folder = pictures(&["one.png"]);
    let run = rd(folder.path())
        .args(["one.png", "--ideal", "--layers", "-o", "o.svg"])
        .args(["-o", "o.json", "-o", "o.csv"])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    for part in ["ends of the layers", "over the KL sum", "delivered"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(text(folder.path(), "o.svg").contains(">ideal<"));
    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    let steps = json["ideal"]["steps"].as_array().expect("steps");
    assert!(steps.len() > 4);
    for step in steps {
        let number = |key: &str| step[key].as_f64().expect(key);
        assert!(number("ideal_bpp") < number("bpp"));
        assert!(number("kl_bits") > 0.0 && number("bits") >= 0.0);
    }
    let csv = text(folder.path(), "o.csv");
    let rows: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
    let column = rows[0]
        .iter()
        .position(|c| *c == "ideal_bpp")
        .expect("a column");
    let filled = rows[1..].iter().filter(|r| !r[column].is_empty());
    assert_eq!(filled.count(), steps.len());
}

/// A picture large enough that chance does not outweigh the average.
#[test]
fn averaged_priors_are_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let crop = common::crop("chelsea.png", 100, 60, 192, 144);
    let saved = crop.to_image().save(folder.path().join("one.png"));
    saved.expect("one.png");
    let bytes = |n: &str| {
        // The filter depends on the prior, and the bits on the filter.
        let args = ["one.png", "-o", "o.csv", "-f", "-Q", "60", "--no-prefilter"];
        let mut command = rd(folder.path());
        command.args(args).args(["--orientations", n]);
        command.assert().success();
        let csv = text(folder.path(), "o.csv");
        let ends = csv.lines().skip(1).filter_map(|row| row.split(',').nth(3));
        let ends = ends.map(|n| n.parse::<usize>().expect("bytes"));
        ends.max().expect("a layer")
    };
    let (one, eight) = (bytes("1"), bytes("8"));
    println!("{one} bytes, over eight orientations {eight}");
    assert!(eight < one, "{eight} {one}");
}

/// Tiles are pictures of their own, a pattern finds files, and a limit ends the list.
#[test]
fn tiles_patterns_and_limits() {
    let folder = pictures(&["a.png", "b.png"]);
    let rows = |arguments: &[&str]| {
        let run = rd(folder.path())
            .args(arguments)
            .args(["-o", "-"])
            .assert()
            .success();
        let csv = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        let mut names: Vec<String> = csv
            .lines()
            .skip(1)
            .filter_map(|l| l.split(',').next().map(str::to_owned))
            .collect();
        names.dedup();
        names
    };
    assert_eq!(rows(&["*.png"]), ["a.png", "b.png"]);
    assert_eq!(rows(&["?.png", "--limit", "1"]), ["a.png"]);
    // 48 x 40 pixels hold 2 x 2 tiles of 20, and some that is left over.
    assert_eq!(
        rows(&["a.png", "b.png", "--tile", "20", "--limit", "5"]),
        ["a.png 0", "a.png 1", "a.png 3", "b.png 0", "b.png 2"]
    );
    let fails = |arguments: &[&str]| {
        let run = rd(folder.path()).args(arguments).assert();
        run.get_output().status.code()
    };
    assert_eq!(fails(&["*.jpg"]), Some(2));
    assert_eq!(fails(&["a.png", "--tile", "64"]), Some(2));
    assert_eq!(fails(&["a.png", "--limit", "0"]), Some(2));
    assert_eq!(fails(&["a.png", "--time-limit", "0"]), Some(2));
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

/// The ideal chain beside real files: its rate only rises, its error only falls, and the bound is
/// their sum.
#[test]
fn the_figures_of_the_paper() {
    let folder = pictures(&["mosaic.png"]);
    let run = rd(folder.path())
        .args(["mosaic.png", "--tile", "20", "--paper", "--steps", "12"])
        .args([
            "-o",
            "o.svg",
            "-o",
            "o.csv",
            "-o",
            "o.json",
            "--sheet",
            "sheet.png",
        ])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        shown.contains("ideal chain, 4 pictures, 12 steps"),
        "{shown}"
    );
    well_formed(&text(folder.path(), "o.svg"));
    let csv = text(folder.path(), "o.csv");
    let ideal: Vec<Vec<f64>> = csv
        .lines()
        .filter_map(|l| l.strip_prefix("ideal,"))
        .map(|l| l.split(',').filter_map(|v| v.parse().ok()).collect())
        .collect();
    assert_eq!(ideal.len(), 13);
    assert!(ideal.windows(2).all(|w| w[0][3] < w[1][3]), "{csv}");
    assert!(ideal[0][5] > 2.0 * ideal[12][5], "{csv}");
    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    let term = |name: &str| json["lossless_bits_per_dim"][name].as_f64().expect(name);
    let sum = term("L_T") + term("L_1:T-1") + term("L_0");
    assert!((sum - term("total")).abs() < 1e-9 && sum > 1.0);
    let last = json["results"]["bits_per_dim"]
        .as_array()
        .and_then(|a| a.last());
    let rate = last.and_then(|v| v.as_f64()).expect("a rate");
    assert!((rate - term("L_T") - term("L_1:T-1")).abs() < 1e-9);
    // Four rows of pictures; the first time may stand for several columns.
    let sheet = image::open(folder.path().join("sheet.png")).expect("a picture");
    assert!(sheet.height() > 4 * 120 && sheet.width() > 6 * 120);
    assert!(!folder.path().join("o.svg.part").exists());
}

#[test]
fn a_sheet_shows_every_codec() {
    let folder = pictures(&["one.png"]);
    let run = rd(folder.path())
        .args(["one.png", "--peers", "webp", "--sheet", "sheet.png"])
        .assert()
        .success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    let rows = if said.contains("not found") { 1 } else { 2 };
    let sheet = image::open(folder.path().join("sheet.png")).expect("a picture");
    // Pictures of 48 x 40 are shown at twice the size.
    assert_eq!(sheet.width(), 12 + 5 * (96 + 12));
    assert_eq!(sheet.height(), 12 + rows * (30 + 80 + 24 + 12));
    assert_eq!(sheet.to_rgb8().get_pixel(0, 0).0, [255; 3]);
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
    assert_eq!(code(&["one.png", "--sheet", "sheet.svg"]), Some(2));
    assert_eq!(code(&["one.png", "--paper", "--peers", "jpeg"]), Some(2));
    assert_eq!(
        code(&["one.png", "--paper", "--orientations", "2"]),
        Some(2)
    );
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

/// Files that are made for their rates have points and a curve of their own.
#[test]
fn files_made_for_their_rates_stand_beside_the_prefixes() {
    let folder = pictures(&["one.png", "two.png"]);
    let run = rd(folder.path())
        .args(["one.png", "two.png", "--made-for-rate", "--tune", "psnr"])
        .args(["-o", "o.svg", "-o", "o.json", "-o", "o.csv"])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        shown.contains("files that are made for their rate\n"),
        "{shown}"
    );
    assert!(text(folder.path(), "o.svg").contains(">dcodec, a file a rate<"));
    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    let made = json["made-for-rate"]["results"]["bpp"].as_array();
    let rates: Vec<f64> = made
        .expect("a curve")
        .iter()
        .flat_map(|v| v.as_f64())
        .collect();
    assert!(rates.len() > 5 && rates.is_sorted(), "{rates:?}");
    let csv = text(folder.path(), "o.csv");
    let made = csv.lines().filter(|row| row.contains(",dcodec-made,"));
    let made: Vec<Vec<&str>> = made.map(|row| row.split(',').collect()).collect();
    for picture in ["one.png", "two.png"] {
        for (rate, most) in [("0.5", 48 * 40 / 16), ("1", 48 * 40 / 8)] {
            let of = |row: &&Vec<&str>| row[0] == picture && row[1] == rate;
            let bytes: usize = made.iter().find(of).expect("a file")[3].parse().unwrap();
            assert!(
                (most - 1..=most).contains(&bytes),
                "{picture} {rate}: {bytes}"
            );
        }
    }
    // One more file for each quality.
    assert!(made.iter().filter(|row| row[1].is_empty()).count() == 2 * rates.len());
}

/// Files that are made for their rates alone: no prefixes in any output, and the curve stands where
/// others read it.
#[test]
fn files_made_for_their_rates_stand_alone() {
    let folder = pictures(&["one.png"]);
    let run = rd(folder.path())
        .args(["one.png", "--made-for-rate=only", "--points", "0.5,1"])
        .args(["-o", "o.svg", "-o", "o.json", "-o", "o.csv"])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        shown.starts_with("files that are made for their rate\n"),
        "{shown}"
    );
    let svg = text(folder.path(), "o.svg");
    assert!(svg.contains(">dcodec, a file a rate<") && !svg.contains(">dcodec<"));
    let json: serde_json::Value = serde_json::from_str(&text(folder.path(), "o.json")).unwrap();
    assert_eq!(json["name"], "dcodec-made");
    let csv = text(folder.path(), "o.csv");
    assert!(csv.lines().skip(1).all(|row| row.contains(",dcodec-made,")));
    for more in [&["--ideal"][..], &["--layers"], &["-Q", "50"]] {
        rd(folder.path())
            .args(["one.png", "--made-for-rate=only"])
            .args(more)
            .assert()
            .code(2);
    }
}

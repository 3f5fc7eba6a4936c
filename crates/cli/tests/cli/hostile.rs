//! Inputs that are made to take memory or time.

use std::io::Write;

use super::*;

/// KiB of addresses that a command may use: those of an ordinary one, and 100 MB. Its stacks and
/// its program take most of them.
#[cfg(target_os = "linux")]
fn limited(dir: &Path, args: &[&str]) -> Ran {
    let ran = |limit: Option<u64>| {
        let limit = limit.map_or(String::new(), |kib| format!("ulimit -v {kib}; "));
        let line = format!("{limit}exec \"$0\" --threads 1 \"$@\"");
        let output = std::process::Command::new("sh")
            .current_dir(dir)
            .args(["-c", &line])
            .arg(assert_cmd::cargo::cargo_bin!("dcodec"))
            .args(args)
            .output()
            .expect("runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    ran(Some(LEAST_KIB + 100_000))
}

/// More than an ordinary command of one thread uses.
#[cfg(target_os = "linux")]
const LEAST_KIB: u64 = 160_000;

/// A PNG of 16 x 12 pixels with a chunk before its pixels.
#[cfg(target_os = "linux")]
fn png_with(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = common::noise(16, 12, Colour::Rgb, false, 1);
    let image = picture.to_image();
    image
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("written");
    let png = png.into_inner();
    let mut crc = crc32fast::Hasher::new();
    crc.update(name);
    crc.update(body);
    let mut bytes = png[..33].to_vec();
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(name);
    bytes.extend(body);
    bytes.extend(crc.finalize().to_be_bytes());
    bytes.extend(&png[33..]);
    bytes
}

/// 300 MB of zeros, compressed (RFC 1950).
#[cfg(target_os = "linux")]
fn bomb() -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..300 {
        packed.write_all(&vec![0; 1 << 20]).expect("memory");
    }
    packed.finish().expect("memory")
}

#[cfg(target_os = "linux")]
#[test]
fn bombs_do_not_go_off() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let bomb = bomb();
    for (name, chunk, head) in [
        ("icc.png", b"iCCP", &b"x\0\0"[..]),
        ("text.png", b"zTXt", b"Comment\0\0"),
        ("xmp.png", b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"),
    ] {
        let body = [head, &bomb].concat();
        fs::write(dir.join(name), png_with(chunk, &body)).expect("written");
        for flags in [&[][..], &["--max-memory", "100M"]] {
            let args = [&["encode", "-f", "-e", "1", "-Q", "20", name][..], flags].concat();
            let ran = limited(dir, &args);
            assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        }
    }
    let ran = limited(
        dir,
        &["encode", "-e", "1", "-Q", "20", "icc.png", "-o", "x.dfc"],
    );
    assert!(
        ran.err.contains("profile of the PNG is damaged"),
        "{}",
        ran.err
    );
    let ran = limited(
        dir,
        &["map", "-e", "1", "-Q", "20", "icc.png", "-o", "m.png"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mask = [
        "encode",
        "-e",
        "1",
        "-Q",
        "20",
        "icc.png",
        "--roi-mask",
        "icc.png",
        "-o",
        "y",
    ];
    assert_eq!(limited(dir, &mask).code, 0);
}

/// Files of zeros, or of a good start and zeros, longer than all memory.
#[cfg(target_os = "linux")]
#[test]
fn long_files_are_not_read() {
    let dir = with_file();
    let dir = dir.path();
    let hole = |name: &str, start: &[u8]| {
        fs::write(dir.join(name), start).expect("written");
        let file = fs::OpenOptions::new().write(true).open(dir.join(name));
        file.expect("there").set_len(200 << 30).expect("set");
    };
    hole("zeros", b"");
    let (png, dfc) = (read(dir, "pic.png"), read(dir, "pic.dfc"));
    for args in [
        &["encode", "zeros", "-o", "x"][..],
        &["encode", "/dev/zero", "-o", "x"],
        &["encode", "pic.png", "--prior", "zeros", "-o", "x"],
        &["encode", "pic.png", "--prior", "/dev/zero", "-o", "x"],
        &["encode", "pic.png", "--roi-mask", "zeros", "-o", "x"],
        &["map", "zeros", "-o", "x.png"],
        &["interpolate", "zeros", "zeros", "-o", "x.png"],
        &["rd", "zeros", "-o", "x.csv"],
        &["rd", "pic.png", "-o", "x.csv", "--resume", "zeros"],
        &["decode", "zeros", "-o", "x.png"],
        &["cut", "zeros", "--bytes", "99", "-o", "x"],
        &["info", "zeros"],
        &["info", "--prior", "zeros"],
    ] {
        let ran = limited(dir, args);
        assert!(matches!(ran.code, 1 | 2), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: "), "{args:?}: {}", ran.err);
        assert!(ran.err.contains("zero"), "{args:?}: {}", ran.err);
    }
    assert!(!dir.join("x").exists());
    // What is good goes on to be used.
    hole("long.png", &png);
    hole("long.dfc", &dfc);
    for args in [
        &["encode", "-e", "1", "-Q", "20", "long.png", "-o", "x"][..],
        &["decode", "long.dfc", "-o", "x.png"],
        &["cut", "long.dfc", "--bytes", "99", "-o", "cut.dfc"],
        &["info", "long.dfc"],
    ] {
        let ran = limited(dir, args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    }
}

/// A small file may ask for many calls of the network.
#[test]
fn calls_of_the_network_are_limited() {
    use dcodec::container::{Event, Parser, Writer};
    let dir = with_file();
    let dir = dir.path();
    let file = read(dir, "pic.dfc");
    let (_, Event::Header(mut header)) = Parser::new(u64::MAX).push(&file).expect("a file") else {
        panic!("no header");
    };
    header.start = common::code(400);
    let layers = |count: u16| {
        let mut writer = Writer::new(&header);
        for i in 0..count {
            writer.layer(common::code(399 - i), 0);
        }
        writer.finish()
    };
    fs::write(dir.join("many.dfc"), layers(400)).expect("written");
    fs::write(dir.join("few.dfc"), layers(128)).expect("written");
    assert!(read(dir, "many.dfc").len() < 1000);
    // Before the work: the prior is none.
    let args = ["decode", "many.dfc", "-o", "x.png", "--prior", "pic.png"];
    let ran = bad(dir, &args, 1, "many.dfc", "400 layers");
    assert!(ran.err.contains("--max-calls"), "{}", ran.err);
    // A stream is refused where it goes too far.
    let many = read(dir, "many.dfc");
    let ran = with_input(dir, &["decode", "-", "-o", "x.png"], &many);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("129 layers"), "{}", ran.err);
    good(dir, &["decode", "few.dfc", "-o", "few.png"]);
    good(
        dir,
        &["decode", "many.dfc", "-o", "l.png", "--layers", "20"],
    );
    let args = ["decode", "pic.dfc", "-o", "x.png", "--max-calls", "3"];
    bad(dir, &args, 1, "pic.dfc", "limit of 3");
    good(
        dir,
        &["decode", "many.dfc", "-o", "y.png", "--max-calls", "400"],
    );
    assert!(!dir.join("x.png").exists());
}

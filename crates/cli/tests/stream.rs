//! The command decodes while bytes come: a picture that they complete is out before the next ones
//! are needed.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use dcodec::{Encoded, Encoder, Picture, Prior, Target};
use image::AnimationDecoder;
use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};

/// Far more than a loaded machine takes for one layer of a small picture.
const PATIENCE: Duration = Duration::from_secs(120);

fn encode(prior: &Prior) -> Encoded {
    let picture = common::crop("chelsea.png", 150, 60, 48, 32);
    Encoder::new(prior)
        .target(Target::Quality(45.0))
        .encode(&picture)
        .expect("encodes")
}

fn start(dir: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dcodec"))
        .current_dir(dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs")
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Messages of a child that has ended well.
fn end(child: Child) -> String {
    let output = child.wait_with_output().expect("ends");
    let err = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{err}");
    err
}

/// The picture of a prefix.
fn shown(prior: &Prior, bytes: &[u8]) -> Picture {
    common::plain(prior)
        .decode(bytes)
        .expect("a prefix")
        .picture
}

#[test]
fn a_frame_is_written_before_the_next_bytes_are_sent() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let file = encode(&prior);
    let mut child = start(dir.path(), &["decode", "-", "--progress-dir", "frames"]);
    let mut stdin = child.stdin.take().expect("piped");
    let frame = |n: usize| dir.path().join(format!("frames/layer-{n:03}.png"));
    let mut at = 0;
    for (i, layer) in file.layers.iter().enumerate() {
        let end = layer.end as usize;
        stdin.write_all(&file.bytes[at..end]).expect("taken");
        at = end;
        wait_for("a frame", || frame(i + 1).exists());
        assert!(common::load(frame(i + 1)) == shown(&prior, &file.bytes[..at]));
        assert!(!frame(i + 2).exists());
    }
    stdin.write_all(&file.bytes[at..]).expect("taken");
    drop(stdin);
    let said = end(child);
    let n = file.layers.len();
    assert!(
        said.contains(&format!("frames: {n} frames: 48 x 32")),
        "{said}"
    );
    assert!(said.contains("complete"), "{said}");
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1);
    assert_eq!(
        fs::read_dir(dir.path().join("frames"))
            .expect("there")
            .count(),
        n
    );
}

#[test]
fn a_gif_leaves_frame_by_frame() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let file = encode(&prior);
    let mut child = start(dir.path(), &["decode", "-", "--format", "gif"]);
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = child.stdout.take().expect("piped");
    let out = Arc::new(Mutex::new(Vec::new()));
    let reader = thread::spawn({
        let out = Arc::clone(&out);
        move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stdout.read(&mut buffer) {
                out.lock().expect("sound").extend(&buffer[..n]);
            }
        }
    });
    let frames = || {
        let bytes = out.lock().expect("sound").clone();
        GifDecoder::new(Cursor::new(bytes))
            .map_or(0, |gif| gif.into_frames().take_while(|f| f.is_ok()).count())
    };
    let mut at = 0;
    for (i, layer) in file.layers.iter().enumerate() {
        let end = layer.end as usize;
        stdin.write_all(&file.bytes[at..end]).expect("taken");
        at = end;
        wait_for("a frame on standard output", || frames() == i + 1);
    }
    drop(stdin);
    end(child);
    reader.join().expect("reads");
    // The last frame is held by one of a single pixel.
    assert_eq!(frames(), file.layers.len() + 1);
}

#[test]
fn animations_hold_every_layer() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let file = encode(&prior);
    // The last frame is of a part of a layer.
    let [.., before, after] = &file.layers[..] else {
        panic!("two layers at least")
    };
    let last = (before.end + after.end) as usize / 2;
    fs::write(dir.path().join("x.dfc"), &file.bytes[..last]).expect("writable");
    let ends = file.layers.iter().map(|l| l.end as usize);
    let ends: Vec<usize> = ends.filter(|&e| e < last).chain([last]).collect();
    for (args, name) in [
        (&["x.dfc", "--animate"][..], "x.png"),
        (&["x.dfc", "-o", "y.apng"], "y.apng"),
        (&["x.dfc", "-o", "w.webp", "--animate"], "w.webp"),
        (&["x.dfc", "-o", "z.gif"], "z.gif"),
    ] {
        let said = end(start(dir.path(), &[&["decode"], args].concat()));
        let wanted = format!("{name}: {} frames: 48 x 32", ends.len());
        assert!(said.contains(&wanted), "{said}");
        let bytes = Cursor::new(fs::read(dir.path().join(name)).expect("written"));
        let frames = match name.split_once('.') {
            Some((_, "gif")) => GifDecoder::new(bytes).expect("a GIF").into_frames(),
            Some((_, "webp")) => WebPDecoder::new(bytes).expect("a WebP").into_frames(),
            _ => PngDecoder::new(bytes)
                .expect("a PNG")
                .apng()
                .expect("animated")
                .into_frames(),
        };
        let frames = frames.collect_frames().expect("sound frames");
        assert_eq!(frames.len(), ends.len() + 1, "{name}");
        let held = frames.last().expect("frames").delay().numer_denom_ms();
        assert_eq!(held.0 / held.1, 2500, "{name}");
        for (i, frame) in frames.iter().enumerate() {
            let picture = frame.buffer().clone().into();
            let mut picture = Picture::from_image(picture).expect("8 bits");
            let wanted = match ends.get(i) {
                Some(&end) if end < last => shown(&prior, &file.bytes[..end]),
                // The picture that the command would write.
                _ => common::displayed(&file.bytes[..last]),
            };
            if wanted.alpha().is_none() {
                picture = picture.without_alpha();
            }
            match name.ends_with("gif") {
                true => {
                    let psnr = dcodec::metrics::psnr(&picture, &wanted).expect("same form");
                    assert!(psnr > 30.0, "{name}, frame {i}: {psnr:.1} dB");
                }
                false => assert!(picture == wanted, "{name}, frame {i}"),
            }
        }
    }
}

#[test]
fn the_exact_picture_is_a_frame_of_its_own() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let picture = common::resized("coffee.png", 48, 32);
    let target = Target::Lossless(Some(20.0));
    let file = Encoder::new(&prior).target(target).encode(&picture);
    let file = file.expect("encodes");
    fs::write(dir.path().join("x.dfc"), &file.bytes).expect("writable");
    let layers = file.layers.len();
    end(start(
        dir.path(),
        &["decode", "x.dfc", "--progress-dir", "f", "-o", "x.apng"],
    ));
    let last = dir.path().join(format!("f/layer-{layers:03}-exact.png"));
    assert!(common::load(last) == picture);
    assert_eq!(
        fs::read_dir(dir.path().join("f")).expect("made").count(),
        layers + 1
    );
    let bytes = Cursor::new(fs::read(dir.path().join("x.apng")).expect("written"));
    let apng = PngDecoder::new(bytes).expect("a PNG").apng();
    let frames = apng.expect("animated").into_frames().collect_frames();
    // The last is held by a frame of one pixel.
    assert_eq!(frames.expect("sound").len(), layers + 2);
}

#[test]
fn no_more_is_read_than_wanted() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let file = encode(&prior);
    let size = (file.bytes.len() / 2).to_string();
    for (flag, value) in [("--layers", "3"), ("--bytes", &size), ("--bpp", "0.3")] {
        let args = ["decode", "-", "-o", "x.png", "-f", flag, value];
        let mut child = start(dir.path(), &args);
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(&file.bytes).expect("taken");
        // It ends although the pipe stays open.
        wait_for("the end", || child.try_wait().expect("asked").is_some());
        drop(stdin);
        let said = end(child);
        assert!(said.starts_with("x.png: 48 x 32 from "), "{said}");
        let mut whole = Command::new(env!("CARGO_BIN_EXE_dcodec"));
        fs::write(dir.path().join("x.dfc"), &file.bytes).expect("writable");
        let args = ["decode", "-q", "x.dfc", "-o", "y.png", "-f", flag, value];
        assert!(whole.current_dir(dir.path()).args(args).status().is_ok());
        let [x, y] = ["x.png", "y.png"].map(|n| fs::read(dir.path().join(n)).expect("written"));
        assert!(x == y, "{flag}");
    }
}

/// Zeros behind a file, without an end.
#[cfg(unix)]
#[test]
fn streams_without_an_end_are_left_where_the_file_ends() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let file = encode(&prior).bytes;
    let size = file.len().to_string();
    for args in [
        &["info", "-"][..],
        &["cut", "-", "-o", "x.dfc", "-f", "--bytes", &size],
        &["cut", "-", "-o", "x.dfc", "-f", "--layers", "2"],
        &["decode", "-", "-o", "x.png", "-f"],
    ] {
        let mut child = start(dir.path(), args);
        let mut stdin = child.stdin.take().expect("piped");
        let sent = file.clone();
        let feed = thread::spawn(move || {
            let mut ok = stdin.write_all(&sent);
            // A pipe that nobody reads any more breaks.
            while ok.is_ok() {
                ok = stdin.write_all(&[0; 4096]);
            }
        });
        wait_for("the end", || child.try_wait().expect("asked").is_some());
        feed.join().expect("broken");
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
    let cut = fs::read(dir.path().join("x.dfc")).expect("written");
    assert!(!cut.is_empty() && file.starts_with(&cut));
}

#[test]
fn what_cannot_be_written_is_refused_before_the_work() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    let file = encode(&prior);
    fs::write(dir.path().join("x.dfc"), &file.bytes).expect("writable");
    fs::create_dir(dir.path().join("full")).expect("made");
    fs::write(dir.path().join("full/layer-001.png"), "mine").expect("writable");
    for (args, what) in [
        (
            &["--animate", "-o", "x.jpg"][..],
            "cannot animate jpg: use png, webp or gif",
        ),
        (&["--animate", "-o", "x.tiff"], "cannot animate tiff"),
        (&["--progress-dir", "x.dfc"], "need a folder"),
        (&["--progress-dir", "full"], "exists already"),
        (
            &["--progress-dir", "new", "--format", "txt"],
            "cannot write the format `txt`",
        ),
    ] {
        let child = start(dir.path(), &[&["decode", "x.dfc"], args].concat());
        let output = child.wait_with_output().expect("ends");
        let err = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.contains(what), "{args:?}: {err}");
    }
    let mine = fs::read(dir.path().join("full/layer-001.png")).expect("kept");
    assert_eq!(mine, b"mine");
}

#[test]
fn frames_are_refused_before_the_work_where_one_could_not_be_written() {
    let (prior, dir) = (common::prior(), tempfile::tempdir().expect("a folder"));
    fs::write(dir.path().join("x.dfc"), encode(&prior).bytes).expect("writable");
    let frames = dir.path().join("frames");
    fs::create_dir(&frames).expect("made");
    let run = |flags: &[&str]| {
        let args = [&["decode", "x.dfc", "--progress-dir", "frames"], flags].concat();
        let output = start(dir.path(), &args).wait_with_output().expect("ends");
        String::from_utf8(output.stderr).expect("text")
    };
    // None of these is the first frame.
    fs::create_dir(frames.join("layer-002.png")).expect("made");
    assert!(run(&[]).contains("is a directory"));
    assert!(run(&["-f"]).contains("is a directory"));
    fs::remove_dir(frames.join("layer-002.png")).expect("empty");
    fs::write(frames.join("layer-002-part.png"), "mine").expect("writable");
    assert!(run(&[]).contains("exists already"));
    assert_eq!(fs::read_dir(&frames).expect("a folder").count(), 1);
    // Other files are in nobody's way.
    fs::rename(frames.join("layer-002-part.png"), frames.join("layers.png")).expect("moved");
    run(&[]);
    assert!(fs::read_dir(&frames).expect("a folder").count() > 1);
}

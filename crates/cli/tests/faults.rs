//! Runs that are killed, disks that fill, inputs that shrink, and two runs at one output: originals
//! stay, no half file gets its final name, and the next run goes on and cleans up.
#![cfg(unix)]

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::Rng;
use dcodec::Colour;
use dcodec::container::{Event, Parser};

/// Moments at which a command is killed.
const MOMENTS: usize = 50;

const COMMAND: &str = env!("CARGO_BIN_EXE_dcodec");

fn start(folder: &Path, args: &[&str]) -> Child {
    Command::new(COMMAND)
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs")
}

/// Runs what must succeed, and returns the time that it took.
fn good(folder: &Path, args: &[&str]) -> Duration {
    let began = Instant::now();
    let status = start(folder, args).wait().expect("ended");
    assert!(status.success(), "{args:?}: {status}");
    began.elapsed()
}

/// Runs a line of the shell, with the command as `$D`.
fn shell(folder: &Path, line: &str) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command
        .current_dir(folder)
        .env("D", COMMAND)
        .args(["-c", line]);
    let Output { status, stderr, .. } = command.output().expect("runs");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

/// Starts the command and kills it after a random share of `usual`, a little over it at most.
fn killed(folder: &Path, args: &[&str], usual: Duration, rng: &mut Rng) {
    let mut child = start(folder, args);
    sleep(usual.mul_f64(rng.below(1200) as f64 / 1000.0));
    child.kill().expect("killed or ended");
    child.wait().expect("ended");
}

fn picture(path: PathBuf, seed: u64) {
    let picture = common::noise(40, 28, Colour::Rgb, false, seed);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    picture.to_image().save(path).expect("written");
}

/// Paths in a folder and in the folders in it, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

fn temporaries(folder: &Path) -> usize {
    let is_temporary = |path: &PathBuf| path.extension().is_some_and(|e| e == "tmp");
    files(folder).into_iter().filter(is_temporary).count()
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).expect("there")
}

/// True for a file that goes to its end marker.
fn is_whole(path: &Path) -> bool {
    let bytes = read(path);
    let (mut parser, mut at) = (Parser::new(u64::MAX), 0);
    loop {
        match parser.push(&bytes[at..]).expect("a good file") {
            (_, Event::End) => return true,
            (_, Event::NeedMore) => return false,
            (used, _) => at += used,
        }
    }
}

#[test]
fn a_killed_encode_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    picture(folder.join("in.png"), 1);
    let original = read(folder.join("in.png"));
    let args = [
        "encode", "-e", "1", "-Q", "60", "in.png", "-o", "out.dfc", "-f",
    ];
    let usual = good(folder, &args);
    let new = read(folder.join("out.dfc"));
    let (mut rng, mut olds, mut left) = (Rng(1), 0, 0);
    for _ in 0..MOMENTS {
        fs::write(folder.join("out.dfc"), b"precious").expect("written");
        killed(folder, &args, usual, &mut rng);
        let out = read(folder.join("out.dfc"));
        assert!(out == b"precious" || out == new, "{} bytes", out.len());
        olds += usize::from(out == b"precious");
        left += temporaries(folder);
        assert!(read(folder.join("in.png")) == original);
    }
    println!("{olds} of {MOMENTS} ended before the output, {left} temporary files were left");
    assert!(olds > 0, "no run was killed in time");
    good(folder, &args);
    assert_eq!(files(folder).len(), 2, "{:?}", files(folder));
}

#[test]
fn a_killed_folder_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    const PICTURES: usize = 8;
    for i in 0..PICTURES {
        picture(folder.join(format!("in/{}/{i}.png", i % 2)), i as u64);
    }
    let originals: Vec<Vec<u8>> = files(&folder.join("in")).iter().map(read).collect();
    let args = [
        "encode", "-e", "1", "-Q", "60", "-r", "in", "-o", "out", "--jobs", "2",
    ];
    let usual = good(folder, &args);
    let whole: Vec<Vec<u8>> = files(&folder.join("out")).iter().map(read).collect();
    let (mut rng, mut cut) = (Rng(2), 0);
    for round in 0..MOMENTS {
        if round % 5 == 0 {
            fs::remove_dir_all(folder.join("out")).expect("there");
            fs::create_dir(folder.join("out")).expect("made");
        }
        killed(folder, &args, usual, &mut rng);
        let out = files(&folder.join("out"));
        let coded = || {
            out.iter()
                .filter(|p| p.extension().is_some_and(|e| e == "dfc"))
        };
        assert!(coded().all(|path| is_whole(path)), "{out:?}");
        cut += usize::from(coded().count() < PICTURES);
        let now: Vec<Vec<u8>> = files(&folder.join("in")).iter().map(read).collect();
        assert!(now == originals);
    }
    assert!(cut > 0, "no run was killed in time");
    good(folder, &args);
    let now: Vec<Vec<u8>> = files(&folder.join("out")).iter().map(read).collect();
    assert!(now == whole, "{:?}", files(&folder.join("out")));
}

#[test]
fn a_killed_decode_leaves_nothing_or_the_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    picture(folder.join("in.png"), 3);
    good(
        folder,
        &["encode", "-e", "1", "-Q", "60", "in.png", "-o", "in.dfc"],
    );
    let original = read(folder.join("in.dfc"));
    for (output, flags) in [("out.png", &[][..]), ("out.apng", &["--animate"])] {
        let args = [&["decode", "in.dfc", "-o", output][..], flags].concat();
        let usual = good(folder, &args);
        let whole = read(folder.join(output));
        let (mut rng, mut none) = (Rng(4), 0);
        for _ in 0..MOMENTS / 2 {
            fs::remove_file(folder.join(output)).expect("there");
            killed(folder, &args, usual, &mut rng);
            match fs::read(folder.join(output)) {
                Ok(out) => assert!(out == whole, "{} bytes", out.len()),
                Err(_) => {
                    none += 1;
                    fs::write(folder.join(output), b"").expect("written");
                }
            }
            assert!(read(folder.join("in.dfc")) == original);
        }
        assert!(none > 0, "no run was killed in time");
        good(folder, &[&args[..], &["-f"]].concat());
        assert!(read(folder.join(output)) == whole);
        assert_eq!(temporaries(folder), 0);
        fs::remove_file(folder.join(output)).expect("there");
    }
}

/// Files of killed runs are no inputs, and go. Those of runs that go on stay.
#[test]
fn only_files_of_nobody_are_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    picture(folder.join("in/a.png"), 5);
    let png = read(folder.join("in/a.png"));
    for name in [
        "in/.dcodec-left01.tmp",
        "out/.dcodec-left02.tmp",
        "out/.dcodec-held03.tmp",
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, &png).expect("written");
    }
    for other in ["out/.dcodec-notes.txt", "out/dcodec-x.tmp"] {
        fs::write(folder.join(other), b"mine").expect("written");
    }
    let held = fs::File::open(folder.join("out/.dcodec-held03.tmp")).expect("there");
    held.try_lock().expect("free");
    let args = ["encode", "-e", "1", "-Q", "60", "in", "-o", "out"];
    good(folder, &args);
    let names = || -> Vec<String> {
        let name = |path: &PathBuf| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        };
        files(&folder.join("out")).iter().map(name).collect()
    };
    let mut wanted = vec![
        ".dcodec-held03.tmp",
        ".dcodec-notes.txt",
        "a.dfc",
        "dcodec-x.tmp",
    ];
    assert_eq!(names(), wanted);
    drop(held);
    good(folder, &[&args[..], &["-f"]].concat());
    wanted.remove(0);
    assert_eq!(names(), wanted);
}

/// True if this process, and so what it starts, ignores SIGHUP.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn a_terminated_run_leaves_no_part_of_an_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    picture(folder.join("in.png"), 6);
    // A pipe that nobody feeds: the output has begun, and waits.
    let (code, err) = shell(folder, "mkfifo pipe");
    assert_eq!(code, Some(0), "{err}");
    for (signal, wanted) in [("TERM", 143), ("HUP", 129)] {
        if signal == "HUP" && hangups_are_ignored() {
            println!("skipped: hangups are ignored here, as under nohup");
            continue;
        }
        // In the background of a script interrupts are ignored.
        for ignored in ["", "trap '' INT; "] {
            let line = format!(
                "{ignored}exec 3<>pipe; \"$D\" decode - -o out.apng < pipe & id=$!; sleep 0.4; \
                 kill -{signal} $id; wait $id"
            );
            let (code, err) = shell(folder, &line);
            assert_eq!(code, Some(wanted), "{signal}: {err}");
            assert_eq!(files(folder).len(), 2, "{:?}", files(folder));
        }
    }
}

/// A device that is full, a limit of the length of files, and a disk of 64 KiB.
#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let picture = common::noise(200, 150, Colour::Rgb, false, 7);
    picture
        .to_image()
        .save(folder.join("in.png"))
        .expect("written");
    good(
        folder,
        &["encode", "-e", "1", "--lossless", "in.png", "-o", "in.dfc"],
    );
    assert!(read(folder.join("in.dfc")).len() > 64 << 10);
    let before = files(folder);
    let encode = "encode -q -e 1 --lossless in.png";
    let decode = "decode -q in.dfc";
    for (work, name) in [(encode, "x.dfc"), (decode, "x.png"), (decode, "x.apng")] {
        let format = match name {
            "x.dfc" => String::new(),
            name => name.replace("x.", "--format "),
        };
        let (code, err) = shell(folder, &format!("$D {work} {format} -o /dev/full"));
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains("/dev/full: No space left"), "{err}");
        // The signal that comes with the error would end the command.
        let (code, err) = shell(
            folder,
            &format!("trap '' XFSZ; ulimit -f 64; $D {work} -o {name}"),
        );
        assert_eq!(code, Some(1), "{work} to {name}: {err}");
        // An animation is made in the system's temporary folder first.
        let named = err.contains(name) || err.contains("animation: File too large");
        assert!(err.starts_with("error: ") && named, "{err}");
        assert_eq!(files(folder), before);
    }
    fs::create_dir(folder.join("small")).expect("made");
    let mount = "mount -t tmpfs -o size=64k none small";
    let spaces = ["unshare -m", "unshare -rm"];
    let Some(space) = spaces
        .into_iter()
        .find(|space| shell(folder, &format!("{space} sh -c '{mount}'")).0 == Some(0))
    else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    for (work, name) in [(encode, "x.dfc"), (decode, "x.png"), (decode, "x.apng")] {
        let line = format!(
            "{mount} && echo precious > small/old && cp -p small/old small/{name} && \
             $D {work} -f -o small/{name}; code=$?; ls -A small >&2; cmp small/old small/{name} >&2 || exit 99; exit $code"
        );
        let (code, err) = shell(folder, &format!("{space} sh -c '{line}'"));
        assert_eq!(code, Some(1), "{work} to {name}: {err}");
        let left = err
            .lines()
            .skip_while(|line| line.starts_with("error") || line.starts_with("because"));
        assert_eq!(left.collect::<Vec<_>>(), ["old", name], "{err}");
    }
}

/// A file that is cut while it is read is a cut file, or a good one if the cut came too late.
#[test]
fn inputs_may_shrink() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let noise = common::noise(300, 200, Colour::Rgb, false, 8);
    noise
        .to_image()
        .save(folder.join("in.png"))
        .expect("written");
    let png = read(folder.join("in.png"));
    good(
        folder,
        &["encode", "-e", "1", "--lossless", "in.png", "-o", "in.dfc"],
    );
    let dfc = read(folder.join("in.dfc"));
    for (name, bytes, args) in [
        (
            "in.png",
            &png,
            &[
                "encode", "-q", "-e", "1", "-Q", "5", "in.png", "-o", "out", "-f",
            ][..],
        ),
        (
            "in.dfc",
            &dfc,
            &[
                "decode", "-q", "in.dfc", "--format", "png", "-o", "out", "-f",
            ],
        ),
        ("in.dfc", &dfc, &["info", "in.dfc"]),
        (
            "in.dfc",
            &dfc,
            &["cut", "in.dfc", "--bytes", "99", "-o", "out", "-f"],
        ),
    ] {
        let mut rng = Rng(9);
        for _ in 0..8 {
            fs::write(folder.join(name), bytes).expect("written");
            let mut child = start(folder, args);
            sleep(Duration::from_micros(rng.below(20_000) as u64));
            let file = fs::OpenOptions::new().write(true).open(folder.join(name));
            file.expect("there")
                .set_len(rng.below(bytes.len()) as u64)
                .expect("cut");
            let code = child.wait().expect("ended").code();
            assert!(matches!(code, Some(0 | 1)), "{args:?}: {code:?}");
            assert_eq!(temporaries(folder), 0);
        }
        fs::write(folder.join(name), bytes).expect("written");
    }
}

#[test]
fn two_runs_at_one_output_make_one_whole_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for i in 0..2 {
        picture(folder.join(format!("{i}.png")), 10 + i);
    }
    let run = |input: &'static str, force: &'static [&str]| {
        let args = ["encode", "-e", "1", "-Q", "60", input, "-o", "out.dfc"];
        start(folder, &[&args[..], force].concat())
    };
    let finished: Vec<Vec<u8>> = ["0.png", "1.png"]
        .into_iter()
        .map(|input| {
            assert!(run(input, &["-f"]).wait().expect("ended").success());
            read(folder.join("out.dfc"))
        })
        .collect();
    for force in [&[][..], &["-f"]] {
        for _ in 0..10 {
            fs::remove_file(folder.join("out.dfc")).expect("there");
            let mut both = [run("0.png", force), run("1.png", force)];
            let codes = both
                .each_mut()
                .map(|child| child.wait().expect("ended").code());
            let won = codes.iter().filter(|&&code| code == Some(0)).count();
            // One of them finds the other's file, but for -f.
            assert_eq!(won, if force.is_empty() { 1 } else { 2 }, "{codes:?}");
            assert!(
                codes.iter().all(|code| matches!(code, Some(0 | 2))),
                "{codes:?}"
            );
            assert!(finished.contains(&read(folder.join("out.dfc"))));
            assert_eq!(files(folder).len(), 3, "{:?}", files(folder));
        }
    }
}

#[test]
fn a_file_of_others_in_a_sticky_folder_is_refused_before_the_work() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let old = folder.join("shared/old.dfc");
    fs::create_dir(folder.join("shared")).expect("made");
    fs::write(&old, "theirs").expect("written");
    if chown(&old, Some(1234), None).is_err() {
        println!("skipped: only root can give files to others");
        return;
    }
    picture(folder.join("in.png"), 6);
    fs::copy(COMMAND, folder.join("dcodec")).expect("copied");
    for (path, mode) in [
        ("", 0o755),
        ("in.png", 0o644),
        ("shared", 0o1777),
        ("dcodec", 0o755),
    ] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.join(path), permissions).expect("ours");
    }
    let encode = |uid: u32| {
        let mut command = Command::new(folder.join("dcodec"));
        let args = ["encode", "-e", "1", "in.png", "-o", "shared/old.dfc", "-f"];
        command.current_dir(folder).uid(uid).args(args);
        let Output { status, stderr, .. } = command.output().expect("runs");
        (status.code(), String::from_utf8(stderr).expect("text"))
    };
    let (code, said) = encode(4321);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("sticky bit"), "{said}");
    assert_eq!(read(&old), b"theirs");
    let (code, said) = encode(1234);
    assert_eq!(code, Some(0), "{said}");
    assert!(is_whole(&old));
}

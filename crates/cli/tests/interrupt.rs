//! Ctrl-C ends the command at once, with exit code 130, and leaves no part of an output. So do the
//! signals that end programs, with 143 and 129.
#![cfg(unix)]

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A loaded machine takes longer to start a program than to end one.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(2);
const NAP: Duration = Duration::from_millis(5);

/// Starts the command, with its temporary files in `folder` too. Its standard input stays open.
fn start(folder: &Path, args: &[&str]) -> Child {
    let tools = folder.join("tools");
    fs::create_dir_all(folder.join("tmp")).expect("made");
    Command::new(env!("CARGO_BIN_EXE_dcodec"))
        .current_dir(folder)
        .args(args)
        .env("TMPDIR", folder.join("tmp"))
        .env("PATH", tools)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs")
}

/// Interrupts the command and checks how it ends.
fn interrupt(child: Child) {
    end(child, "-INT", 130);
}

/// Sends a signal to the command and checks how it ends.
fn end(mut child: Child, signal: &str, code: i32) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status();
    assert!(sent.expect("kill runs").success());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > END {
            let _ = child.kill();
            panic!("it goes on after {signal}");
        }
        sleep(NAP);
    };
    assert_eq!(status.code(), Some(code));
}

/// Files of a folder and of the folders in it.
fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path.display().to_string()),
        }
    }
    all
}

/// True where interrupts are ignored, as in a background job of a script: so does the command.
fn ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok());
    let ignored = mask.is_some_and(|mask| mask & 2 != 0);
    if ignored {
        println!("skipped: interrupts are ignored here");
    }
    ignored
}

#[test]
fn long_work_ends_without_an_output() {
    if ignored() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // Minutes of work on every machine.
    let picture = common::noise(2400, 1600, dcodec::Colour::Rgb, false, 1);
    let path = folder.join("in.png");
    picture.to_image().save(path).expect("written");
    for args in [
        &["encode", "in.png", "-e", "5"][..],
        &["decode", "-", "-o", "out.apng"],
        &["sample", "--size", "2000x2000"],
    ] {
        let child = start(folder, args);
        sleep(Duration::from_secs(2));
        interrupt(child);
        assert_eq!(files(folder).len(), 1, "{args:?}: {:?}", files(folder));
    }
}

/// The folder of the tools' files goes, and the measurements stay.
#[test]
fn a_measurement_ends_with_its_tools() {
    use std::os::unix::fs::PermissionsExt;
    if ignored() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("tools")).expect("made");
    for tool in ["opj_compress", "opj_decompress"] {
        let path = folder.join("tools").join(tool);
        // It says its version at once, and takes its time for a picture.
        let script = "#!/bin/sh\n[ \"$1\" = -h ] || exec /bin/sleep 100\n";
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made");
    }
    let picture = common::crop("chelsea.png", 100, 60, 48, 40);
    let path = folder.join("in.png");
    picture.to_image().save(path).expect("written");
    let args = ["rd", "-e", "1", "--points", "0.5", "--peers", "jpeg2000"];
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let child = start(folder, &[&args[..], &["in.png", "-o", "o.csv"]].concat());
        let began = Instant::now();
        while files(&folder.join("tmp")).is_empty() {
            assert!(began.elapsed() < START, "no tool was started");
            sleep(NAP);
        }
        end(child, signal, code);
        let tmp = folder.join("tmp");
        assert_eq!(fs::read_dir(tmp).expect("there").count(), 0, "{signal}");
    }
    let mut left = files(folder);
    left.retain(|path| !path.contains("/tools/"));
    left.sort();
    let [input, journal] = &left[..] else {
        panic!("{left:?}");
    };
    assert!(input.ends_with("in.png") && journal.ends_with("o.csv.part"));
}

/// A run that is ended by force leaves whole files only, and the next one goes on.
#[test]
fn a_killed_run_is_taken_up() {
    use dcodec::container::{Event, Parser};
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    const PICTURES: usize = 16;
    for i in 0..PICTURES {
        let picture = common::noise(96, 64, dcodec::Colour::Rgb, false, i as u64);
        let path = folder.join(format!("in/{}/{i}.png", i % 3));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        picture.to_image().save(path).expect("written");
    }
    let coded = || -> Vec<String> {
        let all = files(folder).into_iter();
        all.filter(|path| path.ends_with(".dfc")).collect()
    };
    let whole = |path: &String| {
        let bytes = fs::read(path).expect("there");
        let (mut parser, mut at) = (Parser::new(u64::MAX), 0);
        loop {
            match parser.push(&bytes[at..]).expect("a good file") {
                (_, Event::End) => return true,
                (_, Event::NeedMore) => return false,
                (used, _) => at += used,
            }
        }
    };
    let args = ["encode", "-e", "1", "-r", "in", "-o", "out", "--jobs", "2"];
    let mut counts = Vec::new();
    for time in [20, 60, 100, 150, 200, 300] {
        let mut child = start(folder, &args);
        sleep(Duration::from_millis(time));
        child.kill().expect("killed or ended");
        child.wait().expect("ended");
        assert!(coded().iter().all(whole), "after {time} ms");
        counts.push(coded().len());
    }
    assert!(counts.is_sorted(), "{counts:?}");
    let ended = start(folder, &args).wait().expect("ended");
    assert!(ended.success());
    assert_eq!(coded().len(), PICTURES);
    assert!(coded().iter().all(whole));
}

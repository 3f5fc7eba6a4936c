//! The conformance files of the format, `codec-spec/files`: every kernel decodes the good ones to
//! the samples that `files.json` tells, in one piece and in many, and refuses the bad ones with
//! their clauses.
//!
//! The files stay as they are for ever: `tests/frozen.sh` holds the history to it. To add one, add
//! a row to `conformance/good.rs` or `conformance/bad.rs` and run
//! `cargo test --release --test conformance -- --ignored`, which makes the files that are missing,
//! and `files.json` anew.

#[path = "conformance/bad.rs"]
mod bad;
mod common;
#[path = "conformance/good.rs"]
mod good;
#[path = "conformance/profile.rs"]
mod profile;
#[path = "conformance/table.rs"]
mod table;
#[path = "conformance/units.rs"]
mod units;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use bad::{BAD, Bad, Kind};
use dcodec::container::Event;
use dcodec::prior::{Kernel, Shipped};
use dcodec::{Decoded, Decoder, Display, Error, FormatError, Prior, Result};
use good::GOOD;
use serde_json::{Value, json};
use table::{FOLDER, bytes_of, header, line};

/// The most bytes of a file.
const MOST_BYTES: usize = 2000;

/// Pixels of the largest picture that the plain kernel, which takes its time, decodes.
const MOST_PIXELS: u64 = 1500;

/// The lines of the good or of the bad files in `files.json`.
fn lines(of: &str) -> Value {
    let path = format!("{FOLDER}/files.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut all: Value = serde_json::from_str(&text).expect("JSON");
    all[of].take()
}

/// A decoder that shows the chain's own x0_hat, by the shipped prior that a file needs.
fn plain() -> Decoder {
    Decoder::default().display(Display::PLAIN)
}

/// A decoder of pieces of this many bytes.
fn in_pieces(decoder: &Decoder, file: &[u8], bytes: usize) -> Result<Decoded> {
    let mut stream = decoder.stream();
    for mut piece in file.chunks(bytes) {
        while !piece.is_empty() {
            let (used, event) = stream.push(piece)?;
            piece = &piece[used..];
            if event == Event::End {
                return stream.finish();
            }
        }
    }
    stream.finish()
}

/// True if this build has the prior of a file.
fn has_prior(file: &[u8]) -> bool {
    let has = Shipped::of(header(file).prior).is_some();
    // The default priors are in every build of the tests.
    assert!(has || cfg!(not(feature = "prior-l")));
    has
}

#[test]
fn the_folder_has_these_files() {
    for (folder, names) in [
        ("ok", GOOD.iter().map(|file| file.name).collect::<Vec<_>>()),
        ("bad", BAD.iter().map(|file| file.name).collect()),
    ] {
        let there = fs::read_dir(format!("{FOLDER}/{folder}")).expect("a folder");
        let there: BTreeSet<String> = there
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        let wanted: BTreeSet<String> = names.iter().map(|name| format!("{name}.dfc")).collect();
        assert_eq!(wanted.len(), names.len(), "two files of one name");
        assert_eq!(there, wanted);
        for name in names {
            let bytes = bytes_of(folder, name).len();
            assert!(bytes <= MOST_BYTES, "{name}: {bytes} bytes");
        }
    }
}

#[test]
fn good_files_are_as_told() {
    let lines = lines("ok");
    assert_eq!(lines.as_object().map(|all| all.len()), Some(GOOD.len()));
    for file in GOOD {
        let bytes = bytes_of("ok", file.name);
        if has_prior(&bytes) {
            assert_eq!(
                line(&plain(), file.tests, &bytes),
                lines[file.name],
                "{}",
                file.name
            );
        }
    }
}

#[test]
fn every_kernel_decodes_them_to_the_bit() {
    let lines = lines("ok");
    for kernel in Kernel::available() {
        let by_kernel = |shipped: Shipped| {
            let weights = shipped.weights().ok()?;
            Some(Prior::by_kernel(&weights, kernel).expect("available"))
        };
        let priors = Shipped::ALL.map(by_kernel);
        for file in GOOD {
            let bytes = bytes_of("ok", file.name);
            let header = header(&bytes);
            let large = header.form.pixels() > MOST_PIXELS;
            if !has_prior(&bytes) || large && kernel == Kernel::Plain {
                continue;
            }
            let mut all = priors.iter().flatten();
            let prior = all.find(|prior| prior.ensemble_of(header.prior).is_some());
            let decoder = common::plain(prior.expect("a prior"));
            let decoded = decoder.decode(&bytes).expect("decodes");
            let shown = table::shown(&decoded);
            assert_eq!(
                shown, lines[file.name]["shows"],
                "{kernel:?}: {}",
                file.name
            );
        }
    }
}

#[test]
fn pieces_of_every_size_show_the_same() {
    let lines = lines("ok");
    for file in GOOD {
        let bytes = bytes_of("ok", file.name);
        if !has_prior(&bytes) {
            continue;
        }
        for piece in [1, 7, 1000] {
            let decoded = in_pieces(&plain(), &bytes, piece).expect("decodes");
            let shown = table::shown(&decoded);
            assert_eq!(shown, lines[file.name]["shows"], "{piece}: {}", file.name);
        }
    }
}

/// The line of a bad file.
fn bad_line(file: &Bad, bytes: usize) -> Value {
    let (kind, names) = match file.kind {
        Kind::Malformed => ("malformed", None),
        Kind::Damaged => ("damaged", None),
        Kind::Cut => ("cut", None),
        Kind::Unsupported(names) => ("unsupported", Some(names)),
    };
    json!({
        "bytes": bytes, "is": file.is, "clause": file.clause, "kind": kind, "names": names,
    })
}

/// Compares the error of a bad file with its row.
fn check_error(file: &Bad, e: &Error) {
    let name = file.name;
    match (file.kind, e) {
        (Kind::Unsupported(names), Error::Unsupported(text)) => {
            assert!(text.contains(names), "{name}: {text}");
        }
        (Kind::Malformed | Kind::Damaged | Kind::Cut, Error::Format(e)) => {
            let FormatError { clause, .. } = e;
            assert_eq!(*clause, file.clause, "{name}: {e}");
            assert_eq!(file.kind == Kind::Damaged, *clause == "7.1", "{name}");
            assert_eq!(file.kind == Kind::Cut, *clause == "8.1", "{name}");
            assert!(e.to_string().contains(&format!("(clause {clause})")), "{e}");
        }
        _ => panic!("{name}: {e}"),
    }
}

#[test]
fn bad_files_are_refused_with_their_clauses() {
    let lines = lines("bad");
    assert_eq!(lines.as_object().map(|all| all.len()), Some(BAD.len()));
    for file in BAD {
        let bytes = bytes_of("bad", file.name);
        assert_eq!(
            bad_line(file, bytes.len()),
            lines[file.name],
            "{}",
            file.name
        );
        let whole = plain().decode(&bytes).expect_err(file.name);
        check_error(file, &whole);
        for piece in [1, 7, 1000] {
            let e = in_pieces(&plain(), &bytes, piece).expect_err(file.name);
            assert_eq!(e.to_string(), whole.to_string(), "{}", file.name);
        }
    }
}

/// Writes a file that is missing, and returns the bytes of the one that is there then. Others made
/// of the same row are only told.
fn written(folder: &str, name: &str, make: fn() -> Vec<u8>) -> Vec<u8> {
    let path = format!("{FOLDER}/{folder}/{name}.dfc");
    let made = make();
    match fs::read(&path) {
        Ok(kept) => {
            if kept != made {
                println!("{folder}/{name}: kept, although it would be made otherwise now");
            }
            kept
        }
        Err(_) => {
            fs::write(&path, &made).expect("writable");
            println!("{folder}/{name}: {} bytes", made.len());
            made
        }
    }
}

/// Lines of JSON, one for each file.
fn table_of(lines: &[(&str, Value)]) -> String {
    let mut lines: Vec<_> = lines.iter().collect();
    lines.sort_by_key(|(name, _)| *name);
    let mut text = String::new();
    for (i, (name, line)) in lines.iter().enumerate() {
        let comma = if i + 1 < lines.len() { "," } else { "" };
        writeln!(text, "    {name:?}: {line}{comma}").expect("a string takes it");
    }
    text
}

#[test]
#[ignore = "makes the files that are missing, and files.json"]
fn write_the_files() {
    for folder in ["ok", "bad"] {
        fs::create_dir_all(format!("{FOLDER}/{folder}")).expect("writable");
    }
    let good: Vec<_> = GOOD
        .iter()
        .map(|file| {
            let bytes = written("ok", file.name, file.make);
            (file.name, line(&plain(), file.tests, &bytes))
        })
        .collect();
    let bad: Vec<_> = BAD
        .iter()
        .map(|file| {
            let bytes = written("bad", file.name, file.make);
            (file.name, bad_line(file, bytes.len()))
        })
        .collect();
    let text = format!(
        "{{\n  \"version\": 1,\n  \"ok\": {{\n{}  }},\n  \"bad\": {{\n{}  }}\n}}\n",
        table_of(&good),
        table_of(&bad)
    );
    fs::write(format!("{FOLDER}/files.json"), text).expect("writable");
}

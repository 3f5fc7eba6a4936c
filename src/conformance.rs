//! A self-test: some of the conformance files of the format, decoded here and compared with what
//! they show everywhere.
//!
//! The files are those of `codec-spec/files`, which has more of them. Decoders that follow the
//! reference arithmetic show the same samples to the bit.

use serde_json::Value;

use crate::codes::BitDepth;
use crate::decoder::{Decoded, Decoder};
use crate::error::{Error, Result};
use crate::pixels::samples::Samples;
use crate::prior::Shipped;
use crate::reverse::Display;

/// Names and contents of files.
macro_rules! files {
    ($($name:literal),*) => {
        &[$(($name, include_bytes!(concat!("../codec-spec/files/ok/", $name, ".dfc")))),*]
    };
}

/// One file for each part of a decoder: priors, their averages, corrections, reductions, bands,
/// every way to code exact samples, alpha, ranges.
const FILES: &[(&str, &[u8])] = files![
    "alpha-low",
    "bands-grey",
    "corrected",
    "ensemble-2",
    "prior-l",
    "prior-xs",
    "reduced",
    "rest-chain",
    "rest-palette",
    "rest-pixels",
    "rgb",
    "span"
];

/// The table of what all conformance files show.
const TABLE: &str = include_str!("../codec-spec/files/files.json");

/// The result of one file of [`self_test`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It shows what it should.
    Passed,
    /// It shows something else, described here: the network, the exact samples or alpha are
    /// computed in another way than the specification says. Vectors of WebAssembly without a fused
    /// multiply-add do so by design.
    Differs(String),
    /// It is refused.
    Failed(Error),
    /// This build lacks its prior.
    Skipped,
}

/// Decodes some conformance files by the fastest kernel of this machine, one after the other, and
/// tells the name and the outcome of each. It takes about a second.
///
/// ```
/// use dcodec::conformance::{Outcome, self_test};
///
/// for (file, outcome) in self_test().take(2) {
///     assert!(matches!(outcome, Outcome::Passed), "{file}: {outcome:?}");
/// }
/// ```
pub fn self_test() -> impl Iterator<Item = (&'static str, Outcome)> {
    let table: Value = serde_json::from_str(TABLE).unwrap_or_default();
    let one = move |&(name, file): &(&'static str, &[u8])| {
        let line = &table["ok"][name];
        let outcome = match Shipped::named(line["prior_name"].as_str().unwrap_or_default()) {
            Some(shipped) if shipped.file_bytes().is_err() => Outcome::Skipped,
            _ => compared(line, decoded(file)),
        };
        (name, outcome)
    };
    FILES.iter().map(one)
}

fn decoded(file: &[u8]) -> Result<Decoded> {
    Decoder::default().display(Display::PLAIN).decode(file)
}

/// The outcome of a file with this line of the table.
fn compared(line: &Value, decoded: Result<Decoded>) -> Outcome {
    let picture = match decoded {
        Ok(decoded) => decoded.picture,
        Err(e) => return Outcome::Failed(e),
    };
    let shown = &line["shows"];
    let all = [
        ("samples", Some(crc(picture.samples())), &shown["crc"]),
        ("alpha", picture.alpha().map(crc), &shown["alpha_crc"]),
    ];
    let wrong = all
        .into_iter()
        .find(|(_, found, told)| told.as_u64() != *found);
    match wrong {
        None => Outcome::Passed,
        Some((name, found, told)) => {
            let found = found.map_or("none".into(), |crc| crc.to_string());
            Outcome::Differs(format!("CRC-32 of the {name}: {found}, should be {told}"))
        }
    }
}

/// The CRC-32 of samples row by row, those of 16 bits low byte first.
fn crc(samples: &Samples) -> u64 {
    let bytes: Vec<u8> = match samples.depth() {
        BitDepth::Eight => samples.iter().map(|v| v as u8).collect(),
        BitDepth::Sixteen => samples.iter().flat_map(u16::to_le_bytes).collect(),
    };
    crc32fast::hash(&bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_picture_differs_and_another_file_fails() {
        let table: Value = serde_json::from_str(TABLE).expect("JSON");
        let (rgb, low) = (&table["ok"]["rgb"], &table["ok"]["alpha-low"]);
        let file = |name| FILES.iter().find(|f| f.0 == name).expect("a file").1;
        assert!(matches!(
            compared(rgb, decoded(file("rgb"))),
            Outcome::Passed
        ));
        match compared(low, decoded(file("rgb"))) {
            Outcome::Differs(what) => assert!(what.starts_with("CRC-32 of the samples: ")),
            other => panic!("{other:?}"),
        }
        let mut shows = rgb.clone();
        shows["shows"]["alpha_crc"] = 7.into();
        match compared(&shows, decoded(file("rgb"))) {
            Outcome::Differs(what) => {
                assert_eq!(what, "CRC-32 of the alpha: none, should be 7");
            }
            other => panic!("{other:?}"),
        }
        let failed = compared(rgb, decoded(b"no file"));
        assert!(
            matches!(failed, Outcome::Failed(Error::Format(_))),
            "{failed:?}"
        );
    }
}

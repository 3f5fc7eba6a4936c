//! A self-test: some of the conformance files of the format, decoded here and compared with what
//! they show everywhere.
//!
//! The files are those of `codec-spec/files`, which has more of them. Decoders that follow the
//! reference arithmetic show the same samples to the bit.

use crate::codes::BitDepth;
use crate::decoder::{Decoded, Decoder};
use crate::error::{Error, Result};
use crate::pixels::samples::Samples;
use crate::prior::Shipped;
use crate::reverse::Display;

/// A conformance file and what it shows.
struct ConformanceFile {
    name: &'static str,
    bytes: &'static [u8],
    prior: Shipped,
    /// CRC-32 of the samples, and of alpha if there is one.
    shows: (u32, Option<u32>),
}

/// Rows of names, priors, and what `codec-spec/files/files.json` says that the files show.
macro_rules! files {
    ($($name:literal $prior:ident $crc:literal $alpha:expr;)*) => {
        &[$(ConformanceFile {
            name: $name,
            bytes: include_bytes!(concat!("../codec-spec/files/ok/", $name, ".dfc")),
            prior: Shipped::$prior,
            shows: ($crc, $alpha),
        }),*]
    };
}

/// One file for each part of a decoder: priors, their averages, corrections, reductions, bands,
/// every way to code exact samples, alpha, ranges.
const FILES: &[ConformanceFile] = files![
    "alpha-low" S 3536763747 Some(3298337185);
    "bands-grey" S 2116346743 None;
    "corrected" S 4099803926 None;
    "ensemble-2" S 1423136725 None;
    "prior-l" L 3134190072 None;
    "prior-xs" Xs 1847469462 None;
    "reduced" S 678788941 None;
    "rest-chain" S 1591045884 None;
    "rest-palette" S 2962004509 None;
    "rest-pixels" S 1648493622 None;
    "rgb" S 3535234802 None;
    "span" S 3402572998 None;
];

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
    let one = |file: &ConformanceFile| {
        let outcome = match file.prior.prior() {
            Err(Error::Unsupported(_)) => Outcome::Skipped,
            _ => compared(file.shows, decoded(file.bytes)),
        };
        (file.name, outcome)
    };
    FILES.iter().map(one)
}

fn decoded(file: &[u8]) -> Result<Decoded> {
    Decoder::default().display(Display::PLAIN).decode(file)
}

/// The outcome of a file that should show samples and alpha of these CRCs.
fn compared(shows: (u32, Option<u32>), decoded: Result<Decoded>) -> Outcome {
    let picture = match decoded {
        Ok(decoded) => decoded.picture,
        Err(e) => return Outcome::Failed(e),
    };
    let all = [
        ("samples", Some(crc(picture.samples())), Some(shows.0)),
        ("alpha", picture.alpha().map(crc), shows.1),
    ];
    let wrong = all.into_iter().find(|(_, found, told)| told != found);
    let number = |crc: Option<u32>| crc.map_or("none".into(), |crc| crc.to_string());
    match wrong {
        None => Outcome::Passed,
        Some((name, found, told)) => Outcome::Differs(format!(
            "CRC-32 of the {name}: {}, should be {}",
            number(found),
            number(told)
        )),
    }
}

/// The CRC-32 of samples row by row, those of 16 bits low byte first.
fn crc(samples: &Samples) -> u32 {
    let bytes: Vec<u8> = match samples.depth() {
        BitDepth::Eight => samples.iter().map(|v| v as u8).collect(),
        BitDepth::Sixteen => samples.iter().flat_map(u16::to_le_bytes).collect(),
    };
    crc32fast::hash(&bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_rows_are_those_of_the_table() {
        let table = include_str!("../codec-spec/files/files.json");
        let table: Value = serde_json::from_str(table).expect("JSON");
        for file in FILES {
            let line = &table["ok"][file.name];
            let number = |key: &str| line["shows"][key].as_u64().map(|crc| crc as u32);
            assert_eq!(number("crc"), Some(file.shows.0), "{}", file.name);
            assert_eq!(number("alpha_crc"), file.shows.1, "{}", file.name);
            let prior = line["prior_name"].as_str().and_then(Shipped::named);
            assert_eq!(prior, Some(file.prior), "{}", file.name);
        }
    }

    #[test]
    fn another_picture_differs_and_another_file_fails() {
        let file = |name| FILES.iter().find(|f| f.name == name).expect("a file");
        let (rgb, low) = (file("rgb"), file("alpha-low"));
        assert!(matches!(
            compared(rgb.shows, decoded(rgb.bytes)),
            Outcome::Passed
        ));
        match compared(low.shows, decoded(rgb.bytes)) {
            Outcome::Differs(what) => assert!(what.starts_with("CRC-32 of the samples: ")),
            other => panic!("{other:?}"),
        }
        match compared((rgb.shows.0, Some(7)), decoded(rgb.bytes)) {
            Outcome::Differs(what) => {
                assert_eq!(what, "CRC-32 of the alpha: none, should be 7");
            }
            other => panic!("{other:?}"),
        }
        let failed = compared(rgb.shows, decoded(b"no file"));
        assert!(
            matches!(failed, Outcome::Failed(Error::Format(_))),
            "{failed:?}"
        );
    }
}

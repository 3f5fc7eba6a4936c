//! The headers of PAM files, of which many lack what their decoder asks for.

use std::ops::Range;

use super::pieces::Pieces;

/// Bytes of a header, at most.
const MOST: usize = 1 << 16;

/// Lines of the kinds of samples, by their number a pixel.
const KINDS: [&[u8]; 4] = [
    b"TUPLTYPE GRAYSCALE\n",
    b"TUPLTYPE GRAYSCALE_ALPHA\n",
    b"TUPLTYPE RGB\n",
    b"TUPLTYPE RGB_ALPHA\n",
];
/// Further ones that the decoder knows.
const BILEVEL: [&[u8]; 2] = [b"BLACKANDWHITE", b"BLACKANDWHITE_ALPHA"];

/// The file, with the kind of its samples in the header of a PAM that lacks it or has an unknown
/// one: the number of samples tells as much (netpbm, pam(5)).
pub fn readable(bytes: &[u8]) -> Pieces<'_, 3> {
    let (place, line) = lacking(bytes).unwrap_or((bytes.len()..bytes.len(), b""));
    Pieces::new([&bytes[..place.start], line, &bytes[place.end..]])
}

/// The line that a header lacks, and the place for it.
fn lacking(bytes: &[u8]) -> Option<(Range<usize>, &'static [u8])> {
    let head = &bytes[..bytes.len().min(MOST)];
    head.strip_prefix(b"P7\n")?;
    let (mut at, mut line, mut old) = (0, None, None);
    for text in head.split_inclusive(|&b| b == b'\n') {
        let place = at..at + text.len();
        at = place.end;
        let mut words = text
            .split(u8::is_ascii_whitespace)
            .filter(|w| !w.is_empty());
        let (name, value) = (words.next(), words.next().unwrap_or_default());
        match name {
            Some(b"DEPTH") => {
                let depth: usize = std::str::from_utf8(value).ok()?.parse().ok()?;
                line = Some(*KINDS.get(depth.checked_sub(1)?)?);
            }
            Some(b"TUPLTYPE") => {
                let is_known = |kind: &&[u8]| kind[9..kind.len() - 1] == *value;
                if KINDS.iter().any(is_known) || BILEVEL.contains(&value) {
                    return None;
                }
                old = Some(place);
            }
            Some(b"ENDHDR") => return Some((old.unwrap_or(place.start..place.start), line?)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_header_gets_the_kind_of_its_samples() {
        let read = |header: &str| {
            let mut text = String::new();
            let file = [header.as_bytes(), b"samples"].concat();
            readable(&file).read_to_string(&mut text).unwrap();
            text
        };
        let head = |depth: u32, kind: &str| {
            format!("P7\n# a comment\nWIDTH 2\nHEIGHT 1\nDEPTH {depth}\nMAXVAL 255\n{kind}ENDHDR\n")
        };
        for (depth, kind) in [
            (1, "GRAYSCALE"),
            (2, "GRAYSCALE_ALPHA"),
            (3, "RGB"),
            (4, "RGB_ALPHA"),
        ] {
            let whole = head(depth, &format!("TUPLTYPE {kind}\n"));
            for found in ["", "TUPLTYPE\n", "TUPLTYPE of our own\n"] {
                assert_eq!(read(&head(depth, found)), format!("{whole}samples"));
            }
            assert_eq!(read(&whole), format!("{whole}samples"));
        }
        for kept in [
            head(5, ""),
            head(1, "TUPLTYPE BLACKANDWHITE\n"),
            "P6\n2 1\n".into(),
        ] {
            assert_eq!(read(&kept), format!("{kept}samples"));
        }
    }
}

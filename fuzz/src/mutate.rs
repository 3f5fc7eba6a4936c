//! Random changes, where no libFuzzer is at hand.

use crate::file::Rng;

/// Words of the formats that are read.
const WORDS: [&[u8]; 18] = [
    b"\x89DF\x01",
    b"ALPH",
    b"ALPL",
    b"rest",
    b"iccp",
    b"exif",
    b"xmpp",
    b"IHDR",
    b"IDAT",
    b"IEND",
    b"iCCP",
    b"eXIf",
    b"\xff\xd8",
    b"\xff\xda",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x80\x80\x80\x80\x10",
    b"\x7f\xff\xff\xff",
];

/// Bytes of an input, at most.
const MOST_BYTES: usize = 1 << 14;

/// Makes new inputs out of old ones.
pub struct Mutator {
    rng: Rng,
}

impl Mutator {
    /// A mutator whose choices follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Mutator { rng: Rng(seed) }
    }

    /// One of `inputs` after one to six changes.
    pub fn next(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let rng = &mut self.rng;
        let mut bytes = inputs[rng.below(inputs.len())].clone();
        for _ in 0..1 + rng.below(6) {
            let other = &inputs[rng.below(inputs.len())];
            change(&mut bytes, other, rng);
        }
        bytes.truncate(MOST_BYTES);
        bytes
    }
}

fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let n = bytes.len();
    let at = rng.below(n + 1);
    let most = 1 << rng.below(8);
    let end = (at + 1 + rng.below(most)).min(n);
    match rng.below(8) {
        0 if at < n => bytes[at] ^= 1 << rng.below(8),
        1 if at < n => bytes[at] = rng.next() as u8,
        2 if at < n => drop(bytes.drain(at..end)),
        3 if at < n => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => bytes.truncate(at),
        5 => {
            let word = WORDS[rng.below(WORDS.len())];
            let over = (at + word.len() * rng.below(2)).min(n);
            bytes.splice(at..over, word.iter().copied());
        }
        6 if !other.is_empty() => {
            let from = rng.below(other.len());
            let to = (from + 1 + rng.below(64)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        _ => bytes.insert(at, rng.next() as u8),
    }
}

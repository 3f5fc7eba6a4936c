//! Coded files: pieces of them, their headers, and their checks made right.

use dcodec::container::{Header, Parser, PriorId};
use dcodec::prior::gaussian::Gaussian;
use dcodec::{Decoder, Display, Error, Prior};

/// Pixels of the pictures that are decoded, at most: each takes milliseconds.
pub const MAX_PIXELS: u64 = 64 * 64;

/// Layers that are decoded, at most.
pub const MAX_CALLS: u32 = 12;

/// Checks of a file that are made right, at most.
const MOST_REPAIRS: usize = 64;

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    /// Numbers that depend on all bytes of `data`.
    pub fn of(data: &[u8]) -> Self {
        let add = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Rng(data.iter().fold(0xcbf2_9ce4_8422_2325, add))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// `data` in pieces, from single bytes to all at once; some are empty.
pub fn pieces<'a>(data: &'a [u8], rng: &mut Rng) -> Vec<&'a [u8]> {
    let most = 2 << rng.below(12);
    let (mut rest, mut pieces) = (data, Vec::new());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rng.below(most).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// `data` with the checks that a file with these contents has. A fuzzer does not find them by
/// itself.
pub fn repaired(data: &[u8]) -> Vec<u8> {
    let mut file = data.to_vec();
    for _ in 0..MOST_REPAIRS {
        let mut parser = Parser::new(u64::MAX);
        let mut rest = &file[..];
        let error = loop {
            match parser.push(rest) {
                Ok((used, _)) if used == rest.len() => return file,
                Ok((used, _)) => rest = &rest[used..],
                Err(Error::Format(e)) => break e,
                Err(_) => return file,
            }
        };
        let expected = error
            .reason
            .split_once("expected 0x")
            .map(|(_, after)| after);
        let digits = expected.and_then(|after| after.get(..4));
        let Some(check) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            return file;
        };
        let end = parser.offset() as usize;
        file[end - 2..end].copy_from_slice(&check.to_le_bytes());
    }
    file
}

/// The header of a file, if it has one.
pub fn header(file: &[u8]) -> Option<Header> {
    let mut parser = Parser::new(MAX_PIXELS);
    parser.push(file).ok()?;
    parser.header().cloned()
}

/// A prior that takes no time, under this identity.
pub fn cheap(id: PriorId) -> Prior {
    Prior::new(Gaussian { deviation: 55.0 }, id)
}

/// A decoder with tight limits, of a prior that takes no time.
pub fn decoder(id: PriorId) -> Decoder {
    Decoder::new(&cheap(id))
        .display(Display::PLAIN)
        .max_pixels(MAX_PIXELS)
        .max_calls(MAX_CALLS)
        .max_memory(64 << 20)
}

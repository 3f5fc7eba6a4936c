//! Codes and decodes the exact samples, row by row.

use crate::entropy::coder::{Coder, RangeReader, RangeWriter};
use crate::entropy::lossless::graphic::GraphicModel;
use crate::entropy::lossless::layout::{Layout, Scale};
use crate::entropy::lossless::model::SampleModel;
use crate::entropy::lossless::palette::Palette;
use crate::entropy::lossless::side_information::SideInformation;

/// Extent of the picture that the bytes gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Rows from the top whose samples are certain.
    pub rows: usize,
    /// True if the check of the samples fits; none before all rows have come.
    pub crc_matches: Option<bool>,
}

/// The way that the samples of a payload are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// As they are.
    Raw = 0,
    /// Sample by sample, beside the chain.
    Photographic = 1,
    /// Pixel by pixel, each like one nearby, by a palette if there are few colours.
    Palette = 2,
    /// Pixel by pixel, each like one nearby, or else sample by sample. It needs no chain.
    Graphic = 3,
}

impl Method {
    /// Offset of the method in a payload.
    pub const OFFSET: usize = CHECK;

    /// The method of a payload. None of one that is too short or of another method.
    pub fn of(payload: &[u8]) -> Option<Self> {
        let known = [
            Method::Raw,
            Method::Photographic,
            Method::Palette,
            Method::Graphic,
        ];
        let byte = *payload.get(Self::OFFSET)?;
        known.into_iter().find(|&method| method as u8 == byte)
    }

    /// True if the samples are coded beside the chain.
    pub fn needs_chain(self) -> bool {
        self == Method::Photographic
    }
}

/// Bytes of the check before the coded rows: the CRC-32 of the samples.
const CHECK: usize = 4;

/// Bytes before the coded rows: the check and the method.
const HEAD: usize = CHECK + 1;

/// Bytes of memory that coding the samples of a picture takes, in either direction, besides the
/// samples and the payload, beside the chain or without it.
pub fn exact_memory(layout: Layout, beside_chain: bool) -> u64 {
    let (width, height) = (layout.size.0 as u64, layout.size.1 as u64);
    let channels = layout.channels as u64;
    match beside_chain {
        true => SampleModel::bytes(width, height, channels),
        false => GraphicModel::bytes(width, height, channels),
    }
}

/// The samples, coded beside the chain. `fetch(y, row)` fills row `y` of interleaved samples.
pub fn encode_photographic(
    layout: Layout,
    side: &SideInformation,
    mut fetch: impl FnMut(usize, &mut [u16]),
) -> Vec<u8> {
    let mut coder = RangeWriter::new();
    let step = layout.step(&mut fetch);
    let mut model = SampleModel::new(layout, Scale::new(&layout, step), Some(*side));
    each_row(layout, &mut fetch, |y, row| model.row(y, row, &mut coder));
    let coded = Coded {
        method: Method::Photographic,
        step,
        words: coder.into_bytes(),
    };
    sealed(layout, coded, fetch)
}

/// The samples, coded without a chain. `fetch(y, row)` fills row `y` of interleaved samples.
pub fn encode_graphic(layout: Layout, mut fetch: impl FnMut(usize, &mut [u16])) -> Vec<u8> {
    let step = layout.step(&mut fetch);
    let scale = Scale::new(&layout, step);
    let code = |palette: Option<Palette>, fetch: &mut dyn FnMut(usize, &mut [u16])| {
        let method = match palette {
            Some(_) => Method::Palette,
            None => Method::Graphic,
        };
        let mut coder = RangeWriter::new();
        let palette = palette.map(|palette| palette.code(layout, &mut coder));
        let mut model = GraphicModel::new(layout, scale, palette);
        each_row(layout, fetch, |y, row| model.row(y, row, &mut coder));
        let words = coder.into_bytes();
        Coded {
            method,
            step,
            words,
        }
    };
    let palette = Palette::of(layout, &mut fetch);
    // Every grey picture of 8 bits has few values. They tell more than places do if they are many.
    let many = |palette: &Palette| palette.len() > MANY && layout.channels == 1;
    let mut best = match palette.as_ref().is_none_or(many) {
        true => Some(code(None, &mut fetch)),
        false => None,
    };
    if let Some(palette) = palette {
        let other = code(Some(palette), &mut fetch);
        if best
            .as_ref()
            .is_none_or(|best| other.words.len() < best.words.len())
        {
            best = Some(other);
        }
    }
    let coded = best.expect("one of the two is tried");
    sealed(layout, coded, fetch)
}

/// Number of greys from which on their values are tried too.
const MANY: usize = 16;

/// Samples as words of the range coder.
struct Coded {
    method: Method,
    /// The step of samples of 16 bits.
    step: u16,
    words: Vec<u8>,
}

/// The payload of coded samples, or of the samples as they are if that is shorter.
fn sealed(layout: Layout, coded: Coded, mut fetch: impl FnMut(usize, &mut [u16])) -> Vec<u8> {
    let mut check = crc32fast::Hasher::new();
    let raw = coded.words.len() > layout.raw_bytes();
    let mut samples = Vec::new();
    each_row(layout, &mut fetch, |_, row| {
        layout.check(row, &mut check);
        if raw {
            samples.extend(layout.bytes(row));
        }
    });
    let mut out = check.finalize().to_le_bytes().to_vec();
    if raw {
        out.push(Method::Raw as u8);
        out.extend(samples);
        return out;
    }
    out.push(coded.method as u8);
    if layout.bits == 16 {
        out.extend(coded.step.to_le_bytes());
    }
    out.extend(coded.words);
    out
}

/// Calls `take` for every row of a picture.
fn each_row(
    layout: Layout,
    fetch: &mut dyn FnMut(usize, &mut [u16]),
    mut take: impl FnMut(usize, &mut [u16]),
) {
    let mut row = vec![0; layout.row_len()];
    for y in 0..layout.size.1 {
        fetch(y, &mut row);
        take(y, &mut row);
    }
}

/// Decodes the rows that `payload`, whole or cut, makes certain. `store(y, row)` takes row `y` of
/// interleaved samples. Samples that were coded beside the chain need its side information.
pub fn decode_exact(
    layout: Layout,
    side: Option<&SideInformation>,
    payload: &[u8],
    store: impl FnMut(usize, &[u16]),
) -> Reached {
    let nothing = Reached {
        rows: 0,
        crc_matches: None,
    };
    let (Some(method), Some((check, _))) = (Method::of(payload), payload.split_first_chunk())
    else {
        return nothing;
    };
    let rest = &payload[HEAD..];
    let rows = Rows {
        layout,
        wanted: *check,
        store,
    };
    if method == Method::Raw {
        let mut whole = rest.chunks_exact(layout.row_len() * layout.bits as usize / 8);
        return rows.collect(|_, row| match whole.next() {
            Some(bytes) => layout.read(bytes, row),
            None => false,
        });
    }
    let (step, words) = match (layout.bits, rest.split_first_chunk()) {
        (8, _) => (1, rest),
        (_, Some((step, words))) => (u16::from_le_bytes(*step), words),
        (_, None) => return nothing,
    };
    if step == 0 {
        return nothing;
    }
    let scale = Scale::new(&layout, step);
    let mut coder = RangeReader::new(words);
    match (method, side) {
        (Method::Photographic, None) => nothing,
        (Method::Photographic, Some(side)) => {
            let mut model = SampleModel::new(layout, scale, Some(*side));
            rows.collect(|y, row| {
                model.row(y, row, &mut coder);
                coder.certain()
            })
        }
        _ => {
            let palette = match method {
                Method::Palette => Some(Palette::unknown().code(layout, &mut coder)),
                _ => None,
            };
            let mut model = GraphicModel::new(layout, scale, palette);
            rows.collect(|y, row| {
                model.row(y, row, &mut coder);
                coder.certain()
            })
        }
    }
}

/// Rows on their way to the picture.
struct Rows<S> {
    layout: Layout,
    wanted: [u8; CHECK],
    store: S,
}

impl<S: FnMut(usize, &[u16])> Rows<S> {
    /// Stores rows as long as `next` says that they are certain.
    fn collect(mut self, mut next: impl FnMut(usize, &mut [u16]) -> bool) -> Reached {
        let mut row = vec![0; self.layout.row_len()];
        let mut check = crc32fast::Hasher::new();
        for y in 0..self.layout.size.1 {
            if !next(y, &mut row) {
                return Reached {
                    rows: y,
                    crc_matches: None,
                };
            }
            self.layout.check(&row, &mut check);
            (self.store)(y, &row);
        }
        Reached {
            rows: self.layout.size.1,
            crc_matches: Some(check.finalize().to_le_bytes() == self.wanted),
        }
    }
}

#[cfg(test)]
mod tests;

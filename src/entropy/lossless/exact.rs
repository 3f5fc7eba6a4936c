//! Codes and decodes the exact samples, row by row.

use std::slice::ChunksExact;

use crate::entropy::coder::{Coder, Position, RangeReader, RangeWriter};
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
    continue_exact(layout, side, payload, &mut None, false, store)
}

/// Decodes as [`decode_exact`] does, but goes on at the last checkpoint: `store` takes the rows
/// from [`Checkpoint::rows`] on. The `payload` is the one of that checkpoint with more bytes.
///
/// To `keep` the place, new checkpoints are made behind a half of the new bytes, behind a half of
/// the rest, and so on to a 16th: so much, or the last row, is decoded again when more bytes come.
/// Each is a copy of the model.
pub fn continue_exact(
    layout: Layout,
    side: Option<&SideInformation>,
    payload: &[u8],
    checkpoint: &mut Option<Checkpoint>,
    keep: bool,
    mut store: impl FnMut(usize, &[u16]),
) -> Reached {
    let last = checkpoint.as_ref();
    let (mut rows, mut check) = match last {
        Some(last) => (last.rows, last.check.clone()),
        None => (0, crc32fast::Hasher::new()),
    };
    let Some((wanted, mut source)) = Source::new(layout, side, payload, last) else {
        return Reached {
            rows: 0,
            crc_matches: None,
        };
    };
    let mut marks = Marks::new(last.map_or(0, |last| last.position.read), payload.len());
    let mut row = vec![0; layout.row_len()];
    while rows < layout.size.1 {
        if !source.row(layout, rows, &mut row) {
            return Reached {
                rows,
                crc_matches: None,
            };
        }
        layout.check(&row, &mut check);
        store(rows, &row);
        rows += 1;
        if let (
            true,
            Source::Coded {
                model,
                coder,
                words,
            },
        ) = (keep, &source)
            && let Some(position) = coder.position(words)
            && marks.passed(position.read)
        {
            *checkpoint = Some(Checkpoint {
                model: model.clone().beside(None),
                position,
                rows,
                check: check.clone(),
            });
        }
    }
    Reached {
        rows,
        crc_matches: Some(check.finalize().to_le_bytes() == wanted),
    }
}

/// Where checkpoints are due.
struct Marks {
    next: usize,
    /// None is due behind it.
    last: usize,
    end: usize,
}

impl Marks {
    /// The marks of the bytes from `from` to `end`.
    fn new(from: usize, end: usize) -> Self {
        let new = end.saturating_sub(from);
        Marks {
            next: from + new / 2,
            last: end - new / 16,
            end,
        }
    }

    /// True if a checkpoint is due behind `read` bytes. The next one is due later.
    fn passed(&mut self, read: usize) -> bool {
        let due = read >= self.next && self.next < self.last;
        if due {
            self.next = read + 1 + (self.end.saturating_sub(read)) / 2;
        }
        due
    }
}

/// A place between two rows, all bytes of which have come.
pub struct Checkpoint {
    model: Model<'static>,
    position: Position,
    rows: usize,
    check: crc32fast::Hasher,
}

impl Checkpoint {
    /// Rows before the place.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// The model of the rows.
#[derive(Clone)]
enum Model<'a> {
    Photographic(Box<SampleModel<'a>>),
    Graphic(Box<GraphicModel>),
}

impl Model<'_> {
    /// This model with other side information, or, while it rests, with none.
    fn beside<'b>(self, side: Option<&SideInformation<'b>>) -> Model<'b> {
        match self {
            Model::Photographic(model) => {
                Model::Photographic(Box::new(model.beside(side.copied())))
            }
            Model::Graphic(model) => Model::Graphic(model),
        }
    }
}

/// The rest of a payload.
enum Source<'a> {
    Raw(ChunksExact<'a, u8>),
    Coded {
        model: Model<'a>,
        coder: RangeReader<'a>,
        /// All words.
        words: &'a [u8],
    },
}

impl<'a> Source<'a> {
    /// The check of the samples, and the source of the rows behind the checkpoint. None of a
    /// payload that has no rows yet or cannot be read.
    fn new(
        layout: Layout,
        side: Option<&SideInformation<'a>>,
        payload: &'a [u8],
        last: Option<&Checkpoint>,
    ) -> Option<([u8; CHECK], Self)> {
        let method = Method::of(payload)?;
        let check = *payload.first_chunk()?;
        let rest = &payload[HEAD..];
        if method == Method::Raw {
            let row = layout.row_len() * layout.bits as usize / 8;
            return Some((check, Source::Raw(rest.chunks_exact(row))));
        }
        let (step, words) = match layout.bits {
            8 => (1, rest),
            _ => {
                let (step, words) = rest.split_first_chunk()?;
                (u16::from_le_bytes(*step), words)
            }
        };
        if step == 0 || (method.needs_chain() && side.is_none()) {
            return None;
        }
        let scale = Scale::new(&layout, step);
        let mut coder = match last {
            Some(last) => RangeReader::at(words, &last.position),
            None => RangeReader::new(words),
        };
        let graphic = |palette| Model::Graphic(Box::new(GraphicModel::new(layout, scale, palette)));
        let model = match (last, method) {
            (Some(last), _) => last.model.clone().beside(side),
            (None, Method::Photographic) => {
                Model::Photographic(Box::new(SampleModel::new(layout, scale, side.copied())))
            }
            (None, Method::Palette) => graphic(Some(Palette::unknown().code(layout, &mut coder))),
            (None, _) => graphic(None),
        };
        Some((
            check,
            Source::Coded {
                model,
                coder,
                words,
            },
        ))
    }

    /// Reads row `y`. False if it is not certain.
    fn row(&mut self, layout: Layout, y: usize, row: &mut [u16]) -> bool {
        match self {
            Source::Raw(rows) => match rows.next() {
                Some(bytes) => layout.read(bytes, row),
                None => false,
            },
            Source::Coded { model, coder, .. } => {
                match model {
                    Model::Photographic(model) => model.row(y, row, coder),
                    Model::Graphic(model) => model.row(y, row, coder),
                }
                coder.certain()
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The header's fields, read first and judged when their check has come.

use crate::container::part::Broken;
use crate::container::{MAX_SIDE, Writer, varint};

use crate::codes::{BitDepth, Colour, Form, PriorId, SigmaCode, Trellis};

/// Everything that comes before the first part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Size and samples of the picture; sides of 1..=[`MAX_SIDE`]. Grey is the mean of the three planes.
    pub form: Form,
    /// The weights that the decoder needs.
    pub prior: PriorId,
    /// The seed of the shared noise.
    pub seed: u64,
    /// The trellis of all layers.
    pub trellis: Trellis,
    /// The level from which the first layer counts down; an even code.
    pub start: SigmaCode,
    /// Whether the stages of layers are dealt out to bands.
    pub banded: bool,
}

impl Header {
    /// Columns and rows of the coded planes: at least 16 each.
    pub fn coded_size(&self) -> (usize, usize) {
        self.form.coded_size()
    }

    /// D, the number of coded values. Up to 3 * 2^40, so it may not fit the caller's memory.
    pub fn coded_len(&self) -> u64 {
        self.form.coded_len()
    }

    /// Bytes of the header in a file, its check included.
    pub fn file_bytes(&self) -> usize {
        Writer::new(self).len()
    }

    /// Bytes of a file of `bpp` bits per pixel of this picture.
    pub fn bytes_at(&self, bpp: f64) -> u64 {
        (bpp * f64::from(self.form.width) * f64::from(self.form.height) / 8.0) as u64
    }
}

/// Signature and version.
const FIRST: usize = 4;

/// The bit of the flags that says that a seed follows.
const SEED: u8 = 1 << 5;

/// The bit that says that the file has bands.
const BANDED: u8 = 1 << 6;

/// The flags of a header: colour in bits 0 to 2, the trellis in 3 and 4, the seed in 5, bands in 6.
pub fn flags(header: &Header) -> u8 {
    let form = &header.form;
    u8::from(form.colour == Colour::Rgb)
        | u8::from(form.alpha) << 1
        | u8::from(form.depth == BitDepth::Sixteen) << 2
        | (header.trellis as u8) << 3
        | if header.seed == 0 { 0 } else { SEED }
        | if header.banded { BANDED } else { 0 }
}

/// The fields of a header as they stand in the file.
pub struct Fields {
    flags: u8,
    width: u64,
    height: u64,
    prior: [u8; 4],
    /// None if the flags announce none.
    seed: Option<u64>,
    start: u8,
}

/// Why there are no fields.
pub enum Incomplete {
    Short,
    Malformed(Broken),
}

/// The fields at the start of `bytes`, and the header's length without its check.
pub fn fields(bytes: &[u8]) -> Result<(Fields, usize), Incomplete> {
    let mut rest = bytes.get(FIRST..).unwrap_or_default();
    let fields = Fields {
        flags: take::<1>(&mut rest)?[0],
        width: number(&mut rest, "width")?,
        height: number(&mut rest, "height")?,
        prior: take(&mut rest)?,
        seed: match bytes[FIRST] & SEED {
            0 => None,
            _ => Some(number(&mut rest, "seed")?),
        },
        start: take::<1>(&mut rest)?[0],
    };
    Ok((fields, bytes.len() - rest.len()))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Incomplete> {
    let (first, others) = rest.split_first_chunk().ok_or(Incomplete::Short)?;
    *rest = others;
    Ok(*first)
}

fn number(rest: &mut &[u8], name: &str) -> Result<u64, Incomplete> {
    let (v, n) = varint::read(rest).map_err(|e| match e {
        varint::Fault::Short => Incomplete::Short,
        varint::Fault::Malformed => Incomplete::Malformed(Broken {
            reason: format!("{name} is not a number"),
            clause: "1.2",
        }),
    })?;
    *rest = &rest[n..];
    Ok(v)
}

/// What is wrong with a header whose check is right.
pub enum HeaderError {
    Malformed(Broken),
    Unsupported(String),
}

/// The header that `fields` make.
pub fn validate(fields: &Fields) -> Result<Header, HeaderError> {
    let within = |name: &str, clause, v: u64, lo: u64, hi: u64| match v {
        v if (lo..=hi).contains(&v) => Ok(v),
        v => Err(HeaderError::Malformed(Broken {
            reason: format!("{name} is {v}, must be {lo} to {hi}"),
            clause,
        })),
    };
    let flags = fields.flags;
    if flags >> 7 != 0 {
        return Err(HeaderError::Unsupported(format!(
            "flags {flags:#04x}: this decoder knows bits 0 to 6 (colour, alpha, 16 bits, trellis, seed, bands)"
        )));
    }
    let Some(&trellis) = Trellis::ALL.get(usize::from(flags >> 3 & 3)) else {
        return Err(HeaderError::Unsupported(
            "trellis 3: this decoder knows 0 to 2 (12, 14 and 16 state bits)".into(),
        ));
    };
    let form = Form {
        width: within("width", "3.4", fields.width, 1, MAX_SIDE.into())? as u32,
        height: within("height", "3.5", fields.height, 1, MAX_SIDE.into())? as u32,
        colour: match flags & 1 {
            0 => Colour::Grey,
            _ => Colour::Rgb,
        },
        depth: match flags & 4 {
            0 => BitDepth::Eight,
            _ => BitDepth::Sixteen,
        },
        alpha: flags & 2 != 0,
    };
    let (start, most): (u64, u64) = (fields.start.into(), SigmaCode::MAX.get().into());
    Ok(Header {
        form,
        prior: PriorId(fields.prior),
        seed: match fields.seed {
            Some(seed) => within("seed", "3.7", seed, 1, u64::MAX)?,
            None => 0,
        },
        trellis,
        start: SigmaCode::saturating(2 * within("start", "3.8", start, 0, most / 2)? as u16),
        banded: flags & BANDED != 0,
    })
}

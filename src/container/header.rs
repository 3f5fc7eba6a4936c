//! The header. Its fields are read first, and validated when their check has come.

use crate::codes::{BitDepth, Colour, Form, PriorId, SigmaCode, Trellis};
use crate::container::check::CHECK_BYTES;
use crate::container::format::{MAX_DELTA, MAX_DELTA_CORRECTED, MAX_SIDE, SIGNATURE, VERSION};
use crate::container::rule::{BrokenRule, Unread};
use crate::container::varint;
use crate::container::varint::VarintError;

/// Everything that comes before the first part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Size and samples of the picture; sides of 1..=[`MAX_SIDE`]. Grey is the mean of the three
    /// planes.
    pub form: Form,
    /// The weights that the decoder needs.
    pub prior: PriorId,
    /// The seed of the shared noise.
    pub seed: u64,
    /// The trellis of all layers.
    pub trellis: Trellis,
    /// The level from which the first layer counts down; an even code.
    pub start: SigmaCode,
    /// True if the stages of layers are dealt out to bands.
    pub banded: bool,
    /// True if layers may start from a corrected x0_hat.
    pub corrected: bool,
}

impl Header {
    /// Columns and rows of the coded planes: at least 16 each.
    pub fn coded_size(&self) -> (usize, usize) {
        self.form.coded_size()
    }

    /// D, the number of coded values. It is up to 3 * 2^40, which may not fit the caller's memory.
    pub fn coded_len(&self) -> u64 {
        self.form.coded_len()
    }

    /// The most codes that a layer of the file may go down.
    pub fn most_codes(&self) -> u16 {
        match self.corrected {
            true => MAX_DELTA_CORRECTED,
            false => MAX_DELTA,
        }
    }

    /// Bytes of the header in a file, its check included.
    pub fn file_bytes(&self) -> usize {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes.len() + CHECK_BYTES
    }

    /// Bytes of a file of `bpp` bits per pixel of this picture.
    pub fn bytes_at(&self, bpp: f64) -> u64 {
        (bpp * f64::from(self.form.width) * f64::from(self.form.height) / 8.0) as u64
    }

    /// Appends the header without its check.
    ///
    /// # Panics
    /// For an odd `start`, which no header can tell.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = self.start.get();
        assert!(start.is_multiple_of(2), "start {start}");
        out.extend(SIGNATURE);
        out.extend([VERSION, self.flags()]);
        varint::write(out, self.form.width.into());
        varint::write(out, self.form.height.into());
        out.extend(self.prior.0);
        if self.seed != 0 {
            varint::write(out, self.seed);
        }
        out.push((start / 2) as u8);
    }

    /// The flags: colour in bit 0, alpha in 1, 16 bits in 2, the trellis in 3 and 4, the seed in 5,
    /// bands in 6, corrected layers in 7.
    fn flags(&self) -> u8 {
        let form = &self.form;
        u8::from(form.colour == Colour::Rgb)
            | u8::from(form.alpha) << 1
            | u8::from(form.depth == BitDepth::Sixteen) << 2
            | (self.trellis as u8) << 3
            | if self.seed == 0 { 0 } else { SEED }
            | if self.banded { BANDED } else { 0 }
            | if self.corrected { CORRECTED } else { 0 }
    }
}

/// Bytes of signature and version.
const FIRST: usize = 4;

/// The bit of the flags that says that a seed follows.
const SEED: u8 = 1 << 5;

/// The bit of the flags that says that the file has bands.
const BANDED: u8 = 1 << 6;

/// The bit of the flags that says that the file has corrected layers.
const CORRECTED: u8 = 1 << 7;

/// The fields of a header as they stand in the file.
pub struct Fields {
    flags: u8,
    width: u64,
    height: u64,
    prior: [u8; 4],
    /// The seed; none if the flags announce none.
    seed: Option<u64>,
    start: u8,
}

impl Fields {
    /// The fields at the start of `bytes`, and the length of the header in bytes without its check.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Unread> {
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

    /// The header with these fields.
    pub fn validate(&self) -> Result<Header, HeaderError> {
        let within = |name: &str, clause, v: u64, lo: u64, hi: u64| match v {
            v if (lo..=hi).contains(&v) => Ok(v),
            v => Err(HeaderError::Malformed(BrokenRule {
                reason: format!("{name} is {v}, must be {lo} to {hi}"),
                clause,
            })),
        };
        let flags = self.flags;
        let Some(&trellis) = Trellis::ALL.get(usize::from(flags >> 3 & 3)) else {
            return Err(HeaderError::Unsupported(
                "trellis 3: this decoder knows 0 to 2 (12, 14 and 16 state bits)".into(),
            ));
        };
        let form = Form {
            width: within("width", "3.4", self.width, 1, MAX_SIDE.into())? as u32,
            height: within("height", "3.5", self.height, 1, MAX_SIDE.into())? as u32,
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
        let (start, most): (u64, u64) = (self.start.into(), SigmaCode::MAX.get().into());
        Ok(Header {
            form,
            prior: PriorId(self.prior),
            seed: match self.seed {
                Some(seed) => within("seed", "3.7", seed, 1, u64::MAX)?,
                None => 0,
            },
            trellis,
            start: SigmaCode::saturating(2 * within("start", "3.8", start, 0, most / 2)? as u16),
            banded: flags & BANDED != 0,
            corrected: flags & CORRECTED != 0,
        })
    }
}

/// Takes `N` bytes off the front of `rest`.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unread> {
    let (first, others) = rest.split_first_chunk().ok_or(Unread::Short)?;
    *rest = others;
    Ok(*first)
}

/// Takes a number off the front of `rest`; errors call it `name`.
fn number(rest: &mut &[u8], name: &str) -> Result<u64, Unread> {
    let malformed = |e: VarintError| e.within(format!("{name} is not a number"));
    let (v, n) = varint::read(rest).map_err(malformed)?;
    *rest = &rest[n..];
    Ok(v)
}

/// The reason that a header is refused although its check is right.
pub enum HeaderError {
    /// It breaks a rule.
    Malformed(BrokenRule),
    /// It is valid, or may be, but not for this version.
    Unsupported(String),
}

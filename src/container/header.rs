//! The header's fields, read first and judged when their check has come.

use super::{Header, MAX_SIDE, MAX_SIGMA, PriorId, TRELLISES, varint};

/// Signature and version.
const FIRST: usize = 4;

/// The bit of the flags that says that a seed follows.
const SEED: u8 = 1 << 5;

/// The bit that says that the file has bands.
const BANDED: u8 = 1 << 6;

/// The flags of a header: colour in bits 0 to 2, the trellis in 3 and 4, the seed in 5, bands in 6.
pub fn flags(header: &Header) -> u8 {
    let trellis = TRELLISES.iter().position(|&nu| nu == header.nu);
    let trellis = trellis.expect("a trellis of the format") as u8;
    u8::from(header.rgb)
        | u8::from(header.alpha) << 1
        | u8::from(header.deep) << 2
        | trellis << 3
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
pub enum Fault {
    Short,
    Malformed(String),
}

/// The fields at the start of `bytes`, and the header's length without its check.
pub fn fields(bytes: &[u8]) -> Result<(Fields, usize), Fault> {
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

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (first, others) = rest.split_first_chunk().ok_or(Fault::Short)?;
    *rest = others;
    Ok(*first)
}

fn number(rest: &mut &[u8], name: &str) -> Result<u64, Fault> {
    let (v, n) = varint::read(rest).map_err(|e| match e {
        varint::Fault::Short => Fault::Short,
        varint::Fault::Malformed => Fault::Malformed(format!("{name} is not a number (1.2)")),
    })?;
    *rest = &rest[n..];
    Ok(v)
}

/// What is wrong with a header whose check is right.
pub enum Verdict {
    Malformed(String),
    Unsupported(String),
}

/// The header that `fields` make.
pub fn judge(fields: &Fields) -> Result<Header, Verdict> {
    let within = |name: &str, v: u64, lo: u64, hi: u64| match v {
        v if (lo..=hi).contains(&v) => Ok(v),
        v => Err(Verdict::Malformed(format!(
            "{name} is {v}, must be {lo} to {hi}"
        ))),
    };
    let flags = fields.flags;
    if flags >> 7 != 0 {
        return Err(Verdict::Unsupported(format!(
            "flags {flags:#04x}: this decoder knows bits 0 to 6 (colour, alpha, 16 bits, trellis, seed, bands)"
        )));
    }
    let Some(&nu) = TRELLISES.get(usize::from(flags >> 3 & 3)) else {
        return Err(Verdict::Unsupported(
            "trellis 3: this decoder knows 0 to 2 (12, 14 and 16 state bits)".into(),
        ));
    };
    Ok(Header {
        width: within("width (3.4)", fields.width, 1, MAX_SIDE.into())? as u32,
        height: within("height (3.5)", fields.height, 1, MAX_SIDE.into())? as u32,
        rgb: flags & 1 != 0,
        alpha: flags & 2 != 0,
        deep: flags & 4 != 0,
        prior: PriorId(fields.prior),
        seed: match fields.seed {
            Some(seed) => within("seed (3.7)", seed, 1, u64::MAX)?,
            None => 0,
        },
        nu,
        start: 2 * within(
            "start (3.8)",
            fields.start.into(),
            0,
            (MAX_SIGMA / 2).into(),
        )? as u16,
        banded: flags & BANDED != 0,
    })
}

//! The header's fields, read first and judged when their check has come.

use super::{Header, MAX_SIDE, MAX_SIGMA, PriorId, TRELLISES, varint};

/// A field of the header behind the version.
enum Field {
    Byte,
    Number(&'static str),
    Prior,
}

/// Colour, width, height, prior, seed, nu, start.
const FIELDS: [Field; 7] = [
    Field::Byte,
    Field::Number("width"),
    Field::Number("height"),
    Field::Prior,
    Field::Number("seed"),
    Field::Byte,
    Field::Number("start"),
];

/// Signature and version.
const FIRST: usize = 5;

/// The values of the fields at the start of `bytes` and the header's length without its check; none while bytes are missing.
pub fn fields(bytes: &[u8]) -> Result<Option<([u64; FIELDS.len()], usize)>, String> {
    let mut at = FIRST;
    let mut values = [0; FIELDS.len()];
    for (field, value) in FIELDS.iter().zip(&mut values) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (v, n) = match field {
            Field::Byte => match rest.first() {
                Some(&b) => (b.into(), 1),
                None => return Ok(None),
            },
            Field::Prior => match rest.first_chunk() {
                Some(&bytes) => (u64::from_be_bytes(bytes), 8),
                None => return Ok(None),
            },
            Field::Number(name) => match varint::read(rest) {
                Ok(v) => v,
                Err(varint::Fault::Short) => return Ok(None),
                Err(varint::Fault::Malformed) => {
                    return Err(format!("{name} is not a number (1.2)"));
                }
            },
        };
        *value = v;
        at += n;
    }
    Ok(Some((values, at)))
}

/// What is wrong with a header whose check is right.
pub enum Verdict {
    Malformed(String),
    Unsupported(String),
}

/// The header that the values of [`fields`] make.
pub fn judge(values: &[u64; FIELDS.len()]) -> Result<Header, Verdict> {
    let &[colour, width, height, prior, seed, nu, start] = values;
    let within = |name: &str, v: u64, lo: u64, hi: u64| match v {
        v if (lo..=hi).contains(&v) => Ok(v),
        v => Err(Verdict::Malformed(format!(
            "{name} is {v}, must be {lo} to {hi}"
        ))),
    };
    if colour > 7 {
        return Err(Verdict::Unsupported(format!(
            "colour code {colour}: this decoder knows 0 to 7 (grey, RGB, with and without alpha, 8 and 16 bits)"
        )));
    }
    if !TRELLISES.iter().any(|&t| u64::from(t) == nu) {
        return Err(Verdict::Unsupported(format!(
            "trellis of {nu} state bits: this decoder knows 12, 14 and 16"
        )));
    }
    Ok(Header {
        width: within("width (3.4)", width, 1, MAX_SIDE.into())? as u32,
        height: within("height (3.5)", height, 1, MAX_SIDE.into())? as u32,
        rgb: colour & 1 != 0,
        alpha: colour & 2 != 0,
        deep: colour & 4 != 0,
        prior: PriorId(prior.to_be_bytes()),
        seed,
        nu: nu as u8,
        start: within("start (3.9)", start, 0, MAX_SIGMA.into())? as u16,
    })
}

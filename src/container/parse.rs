//! The push parser: bytes in, events out. Any split of the input gives the same events.

use super::{
    Header, Layer, MAX_SIDE, MAX_SIGMA, PartName, PriorId, SIGNATURE, TAG_END, TAG_LAYER,
    TRELLISES, VERSION, check, varint,
};
use crate::error::{Error, FormatError, Result};

/// What the bytes so far have completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All input is used up; nothing is complete yet.
    NeedMore,
    /// The header; always the first event.
    Header(Header),
    /// A named part with its whole payload. Optional parts that are not known come with their payload too, unless they are
    /// over the limit, in which case it is empty.
    Part(PartName, Vec<u8>),
    /// The head of a layer; its bits follow.
    LayerHead(Layer),
    /// All bits of the layer whose head came last.
    Layer(Layer, Vec<u8>),
    /// The end marker. Further input is ignored.
    End,
}

#[derive(Debug)]
enum State {
    Header,
    Tag,
    Payload {
        name: PartName,
        left: u64,
        keep: bool,
    },
    Check {
        name: PartName,
    },
    Body(Layer),
    End,
}

/// A parser that is fed with bytes as they come.
///
/// It holds at most one part or the bits of one layer, both bounded by the picture's size.
#[derive(Debug)]
pub struct Parser {
    state: State,
    header: Option<Header>,
    /// Bytes of the unit under construction.
    held: Vec<u8>,
    payload: Vec<u8>,
    /// Offset in the file of the first byte of the unit under construction, and of the next input byte.
    unit: u64,
    offset: u64,
    crc: crc32fast::Hasher,
    sigma: u16,
    layers: u32,
    max_pixels: u64,
}

/// What a look at the held bytes of a unit found.
enum Unit<T> {
    Short,
    Whole(T),
}

impl Parser {
    /// A parser that refuses pictures of more than `max_pixels`.
    pub fn new(max_pixels: u64) -> Self {
        Parser {
            state: State::Header,
            header: None,
            held: Vec::new(),
            payload: Vec::new(),
            unit: 0,
            offset: 0,
            crc: crc32fast::Hasher::new(),
            sigma: 0,
            layers: 0,
            max_pixels,
        }
    }

    /// The error of a file that ends before its header does.
    pub fn incomplete(&self) -> FormatError {
        let reason = format!(
            "the file ends after {} bytes, inside the header",
            self.offset
        );
        FormatError {
            offset: self.offset,
            part: "header".into(),
            reason,
        }
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The layer that is under way and its bits so far.
    pub fn partial(&self) -> Option<(&Layer, &[u8])> {
        match &self.state {
            State::Body(layer) => Some((layer, &self.held)),
            _ => None,
        }
    }

    /// The part that is under way and its payload so far.
    pub fn partial_part(&self) -> Option<(PartName, &[u8])> {
        match &self.state {
            State::Payload {
                name, keep: true, ..
            } => Some((*name, &self.payload)),
            _ => None,
        }
    }

    /// Takes bytes from the front of `input` until an event is complete; returns how many, and the event.
    ///
    /// Errors: [`Error::Format`] where the bytes break the specification, [`Error::Unsupported`] for another version or an
    /// unknown critical part, [`Error::Limits`] for a picture that is too large. After an error the parser is of no more use.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        let mut used = 0;
        loop {
            if matches!(self.state, State::End) {
                return Ok((input.len(), Event::NeedMore));
            }
            if let Some(event) = self.advance(input, &mut used)? {
                return Ok((used, event));
            }
            if used == input.len() {
                return Ok((used, Event::NeedMore));
            }
        }
    }

    fn advance(&mut self, input: &[u8], used: &mut usize) -> Result<Option<Event>> {
        match &mut self.state {
            State::Body(layer) => {
                let layer = *layer;
                let take = (layer.body_bytes() - self.held.len()).min(input.len() - *used);
                self.held.extend(&input[*used..*used + take]);
                *used += take;
                self.offset += take as u64;
                if self.held.len() < layer.body_bytes() {
                    return Ok(None);
                }
                self.crc.update(&self.held);
                self.state = State::Tag;
                Ok(Some(Event::Layer(layer, std::mem::take(&mut self.held))))
            }
            State::Payload { name, left, keep } => {
                let take = (*left).min((input.len() - *used) as u64) as usize;
                let bytes = &input[*used..*used + take];
                self.crc.update(bytes);
                if *keep {
                    self.payload.extend(bytes);
                }
                *used += take;
                self.offset += take as u64;
                *left -= take as u64;
                if *left == 0 {
                    self.state = State::Check { name: *name };
                }
                Ok(None)
            }
            // The remaining units are a few bytes long: one byte at a time until they are whole.
            State::Header | State::Tag | State::Check { .. } => {
                let Some(&byte) = input.get(*used) else {
                    return Ok(None);
                };
                if self.held.is_empty() {
                    self.unit = self.offset;
                }
                self.held.push(byte);
                *used += 1;
                self.offset += 1;
                let event = match self.state {
                    State::Header => self.read_header()?,
                    State::Check { name } => self.read_check(name)?,
                    _ => self.read_tag()?,
                };
                Ok(event)
            }
            State::End => Ok(None),
        }
    }

    fn read_header(&mut self) -> Result<Option<Event>> {
        let held = &self.held;
        let n = held.len();
        if held[..n.min(4)] != SIGNATURE[..n.min(4)] {
            return Err(self.fault("signature", "this is not a .dfc file").into());
        }
        if n == 5 && held[4] != VERSION {
            return Err(Error::Unsupported(format!(
                "format version {}: this decoder reads version {VERSION}; a newer dcodec may read it",
                held[4]
            )));
        }
        if n < 6 {
            return Ok(None);
        }
        let Unit::Whole((header, fields)) = self.header_fields()? else {
            return Ok(None);
        };
        if n < fields + 2 {
            return Ok(None);
        }
        self.close(fields, "header")?;
        let pixels = u64::from(header.width) * u64::from(header.height);
        if pixels > self.max_pixels {
            return Err(Error::Limits(format!(
                "picture of {} x {} pixels is over the limit of {} pixels",
                header.width, header.height, self.max_pixels
            )));
        }
        self.sigma = header.start;
        self.header = Some(header.clone());
        self.state = State::Tag;
        Ok(Some(Event::Header(header)))
    }

    fn header_fields(&self) -> Result<Unit<(Header, usize)>> {
        let held = &self.held;
        let mut at = 6;
        let colour = held[5];
        if colour > 3 {
            return Err(Error::Unsupported(format!(
                "colour code {colour}: this decoder knows 0 to 3 (grey, RGB, with and without alpha)"
            )));
        }
        let mut number = |name: &str, lo: u64, hi: u64| -> Result<Unit<u64>> {
            match varint::read(&held[at..]) {
                Ok((v, n)) if (lo..=hi).contains(&v) => {
                    at += n;
                    Ok(Unit::Whole(v))
                }
                Ok((v, _)) => Err(self
                    .fault("header", &format!("{name} is {v}, must be {lo} to {hi}"))
                    .into()),
                Err(varint::Fault::Short) => Ok(Unit::Short),
                Err(varint::Fault::Malformed) => Err(self
                    .fault("header", &format!("{name} is not a number"))
                    .into()),
            }
        };
        let Unit::Whole(width) = number("width", 1, MAX_SIDE.into())? else {
            return Ok(Unit::Short);
        };
        let Unit::Whole(height) = number("height", 1, MAX_SIDE.into())? else {
            return Ok(Unit::Short);
        };
        let Some(&prior) = held[at..].first_chunk::<8>() else {
            return Ok(Unit::Short);
        };
        at += 8;
        let (seed, n) = match varint::read(&held[at..]) {
            Ok(v) => v,
            Err(varint::Fault::Short) => return Ok(Unit::Short),
            Err(varint::Fault::Malformed) => {
                return Err(self.fault("header", "seed is not a number").into());
            }
        };
        at += n;
        let Some(&nu) = held.get(at) else {
            return Ok(Unit::Short);
        };
        if !TRELLISES.contains(&nu) {
            return Err(Error::Unsupported(format!(
                "trellis of {nu} state bits: this decoder knows 12, 14 and 16"
            )));
        }
        at += 1;
        let (start, n) = match varint::read(&held[at..]) {
            Ok((v, n)) if v <= MAX_SIGMA.into() => (v as u16, n),
            Err(varint::Fault::Short) => return Ok(Unit::Short),
            _ => {
                return Err(self
                    .fault("header", &format!("start of the chain is over {MAX_SIGMA}"))
                    .into());
            }
        };
        at += n;
        let header = Header {
            width: width as u32,
            height: height as u32,
            rgb: colour & 1 != 0,
            alpha: colour & 2 != 0,
            prior: PriorId(prior),
            seed,
            nu,
            start,
        };
        Ok(Unit::Whole((header, at)))
    }

    fn read_tag(&mut self) -> Result<Option<Event>> {
        let Some(header) = &self.header else {
            return Ok(None);
        };
        let tag = self.held[0];
        if tag == TAG_END {
            if self.held.len() < 3 {
                return Ok(None);
            }
            self.close(1, "end")?;
            self.state = State::End;
            return Ok(Some(Event::End));
        }
        if tag > TAG_LAYER {
            let name = format!("layer {}", self.layers);
            let (stages, n) = match varint::read(&self.held[1..]) {
                Ok(v) => v,
                Err(varint::Fault::Short) => return Ok(None),
                Err(varint::Fault::Malformed) => {
                    return Err(self.fault(&name, "number of stages is malformed").into());
                }
            };
            if self.held.len() < n + 3 {
                return Ok(None);
            }
            let len = header.coded_len();
            self.close(n + 1, &name)?;
            let Some(sigma) = self.sigma.checked_sub(u16::from(tag - TAG_LAYER)) else {
                return Err(self
                    .fault(&name, "noise level falls below the lowest")
                    .into());
            };
            let most = len as u64;
            if stages > most {
                return Err(self
                    .fault(
                        &name,
                        &format!("{stages} stages, at most {most} for this picture"),
                    )
                    .into());
            }
            let layer = Layer {
                index: self.layers,
                sigma,
                stages: stages as u32,
                offset: self.unit,
            };
            self.sigma = sigma;
            self.layers += 1;
            self.state = State::Body(layer);
            return Ok(Some(Event::LayerHead(layer)));
        }
        self.read_part_head()
    }

    fn read_part_head(&mut self) -> Result<Option<Event>> {
        if let Some(bad) = self.held.iter().take(4).find(|b| !b.is_ascii_alphabetic()) {
            return Err(self
                .fault(
                    "tag",
                    &format!("byte {bad:#04x} starts neither a layer, a part nor the end"),
                )
                .into());
        }
        let Some(&name) = self.held.first_chunk::<4>() else {
            return Ok(None);
        };
        let name = PartName(name);
        let (len, _) = match varint::read(&self.held[4..]) {
            Ok(v) => v,
            Err(varint::Fault::Short) => return Ok(None),
            Err(varint::Fault::Malformed) => {
                return Err(self.fault(&name.to_string(), "length is malformed").into());
            }
        };
        let known = name == PartName::ALPHA;
        if name.is_critical() && !known {
            return Err(Error::Unsupported(format!(
                "critical part \"{name}\" at byte {}: a newer dcodec may read it",
                self.unit
            )));
        }
        let pixels = self
            .header
            .as_ref()
            .map_or(0, |h| u64::from(h.width) * u64::from(h.height));
        let most = pixels + pixels / 16 + 4096;
        if known && len > most {
            return Err(self
                .fault(
                    &name.to_string(),
                    &format!("{len} bytes, at most {most} for this picture"),
                )
                .into());
        }
        if name == PartName::ALPHA && self.layers > 0 {
            return Err(self
                .fault(&name.to_string(), "must come before the first layer")
                .into());
        }
        self.crc.update(&self.held);
        self.held.clear();
        self.payload.clear();
        self.state = if len == 0 {
            State::Check { name }
        } else {
            State::Payload {
                name,
                left: len,
                keep: len <= most,
            }
        };
        Ok(None)
    }

    fn read_check(&mut self, name: PartName) -> Result<Option<Event>> {
        if self.held.len() < 2 {
            return Ok(None);
        }
        self.close(0, &name.to_string())?;
        self.state = State::Tag;
        Ok(Some(Event::Part(name, std::mem::take(&mut self.payload))))
    }

    /// Ends a unit of `len` held bytes and the two of its check.
    fn close(&mut self, len: usize, part: &str) -> Result<()> {
        self.crc.update(&self.held[..len]);
        let (want, got) = (check(&self.crc), &self.held[len..len + 2]);
        if got != want {
            let (got, want) = (
                u16::from_le_bytes([got[0], got[1]]),
                u16::from_le_bytes(want),
            );
            let reason = format!(
                "check {got:#06x}, expected {want:#06x}: the bytes up to here since the last check are damaged"
            );
            return Err(self.fault(part, &reason).into());
        }
        self.crc = crc32fast::Hasher::new();
        self.held.clear();
        Ok(())
    }

    fn fault(&self, part: &str, reason: &str) -> FormatError {
        FormatError {
            offset: self.unit,
            part: part.into(),
            reason: reason.into(),
        }
    }
}

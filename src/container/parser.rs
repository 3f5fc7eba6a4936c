//! The push parser: bytes in, events out. Any split of the input gives the same events.

use crate::codes::{Colour, SigmaCode};
use crate::container::header;
use crate::container::header::{HeaderError, Incomplete};
use crate::container::part::{Broken, PartRules};
use crate::container::{
    BandAllocation, Header, Layer, PartName, SIGNATURE, TAG_END, TAG_LAYER, VERSION, check,
    is_checked, varint,
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
    /// The head of a layer; its bits follow. A layer without stages has none: its head is whole one byte before its end, and
    /// that last byte completes the layer.
    LayerHead(Layer),
    /// All bits of the layer whose head came last.
    Layer(Layer, Vec<u8>),
    /// The end marker. Further input is ignored.
    End,
}

/// A part under way: its name, and whether its payload is kept.
#[derive(Debug, Clone, Copy)]
struct Part {
    name: PartName,
    keep: bool,
}

#[derive(Debug)]
enum State {
    Header,
    Tag,
    Payload(Part, u64),
    Check(Part),
    Body(Layer),
    /// A layer without stages, announced when its last byte was seen; the byte itself is still to be taken.
    Empty(Layer),
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
    /// Offset of the end of the last check.
    checked: u64,
    crc: crc32fast::Hasher,
    sigma: SigmaCode,
    layers: u32,
    allocation: BandAllocation,
    rules: PartRules,
    max_pixels: u64,
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
            checked: 0,
            crc: crc32fast::Hasher::new(),
            sigma: SigmaCode::MAX,
            layers: 0,
            allocation: BandAllocation::first(Colour::Rgb),
            rules: PartRules::default(),
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
            clause: "8.1",
        }
    }

    /// Bytes of the file taken so far; what follows the end marker is none of it.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the end marker has come.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The layer that is under way and its bits so far.
    pub fn partial(&self) -> Option<(&Layer, &[u8])> {
        match &self.state {
            State::Body(layer) => Some((layer, &self.held)),
            State::Empty(layer) => Some((layer, &[])),
            _ => None,
        }
    }

    /// The part that is under way and its payload so far.
    pub fn partial_part(&self) -> Option<(PartName, &[u8])> {
        match &self.state {
            // A payload that is whole counts even if its check is still to come.
            State::Payload(part, _) | State::Check(part) if part.keep => {
                Some((part.name, &self.payload))
            }
            _ => None,
        }
    }

    /// Takes bytes from the front of `input` until an event is complete; returns how many, and the event.
    ///
    /// Events are as prompt as can be: `input` is used up only when it completes nothing more. So a caller who pushes the
    /// rest until none is left has every event of the bytes so far, and pushing nothing gives nothing. One event may take
    /// no byte: the head of a layer without stages comes before its last byte, which completes the layer.
    ///
    /// Errors: [`Error::Format`] where the bytes break the specification, [`Error::Unsupported`] for another version or an
    /// unknown critical part, [`Error::Limits`] for a picture that is too large. After an error the parser is of no more use.
    pub fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        let mut used = 0;
        loop {
            if self.is_complete() {
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
            State::Empty(layer) => {
                let layer = *layer;
                if *used == input.len() {
                    return Ok(None);
                }
                *used += 1;
                self.offset += 1;
                self.state = State::Tag;
                Ok(Some(Event::Layer(layer, Vec::new())))
            }
            State::Payload(part, left) => {
                let part = *part;
                let take = (*left).min((input.len() - *used) as u64) as usize;
                let bytes = &input[*used..*used + take];
                self.crc.update(bytes);
                if part.keep {
                    self.payload.extend(bytes);
                }
                *used += take;
                self.offset += take as u64;
                *left -= take as u64;
                if *left == 0 {
                    self.state = State::Check(part);
                }
                Ok(None)
            }
            // The remaining units are a few bytes long: one byte at a time until they are whole.
            State::Header | State::Tag | State::Check(_) => {
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
                    State::Check(part) => self.read_check(part)?,
                    _ => self.read_tag()?,
                };
                if let State::Empty(_) = self.state {
                    *used -= 1;
                    self.offset -= 1;
                }
                Ok(event)
            }
            State::End => Ok(None),
        }
    }

    fn read_header(&mut self) -> Result<Option<Event>> {
        let held = &self.held;
        let n = held.len();
        if held[..n.min(3)] != SIGNATURE[..n.min(3)] {
            return Err(self
                .fault("signature", Broken::new("this is not a .dfc file", "3.1"))
                .into());
        }
        if n == 4 && held[3] != VERSION {
            return Err(Error::Unsupported(format!(
                "format version {}: this decoder reads version {VERSION}; a newer dcodec may read it",
                held[3]
            )));
        }
        let (fields, len) = match header::fields(&self.held) {
            Ok(read) => read,
            Err(Incomplete::Short) => return Ok(None),
            Err(Incomplete::Malformed(e)) => return Err(self.fault("header", e).into()),
        };
        if n < len + 2 {
            return Ok(None);
        }
        self.close(len, "header")?;
        let header = header::validate(&fields).map_err(|e| match e {
            HeaderError::Malformed(e) => self.fault("header", e).into(),
            HeaderError::Unsupported(e) => Error::Unsupported(e),
        })?;
        let pixels = header.form.pixels();
        if pixels > self.max_pixels {
            return Err(Error::Limits(format!(
                "picture of {} x {} pixels is over the limit of {} pixels: raise it with care for memory",
                header.form.width, header.form.height, self.max_pixels
            )));
        }
        self.sigma = header.start;
        self.allocation = BandAllocation::first(header.form.colour);
        self.header = Some(header.clone());
        self.state = State::Tag;
        Ok(Some(Event::Header(header)))
    }

    fn read_tag(&mut self) -> Result<Option<Event>> {
        match self.held[0] {
            TAG_END if self.held.len() < 3 => Ok(None),
            TAG_END => {
                self.close(1, "end")?;
                self.state = State::End;
                Ok(Some(Event::End))
            }
            tag if tag > TAG_LAYER => self.read_layer_head(tag - TAG_LAYER),
            _ => self.read_part_head(),
        }
    }

    fn read_layer_head(&mut self, delta: u8) -> Result<Option<Event>> {
        let Some(header) = &self.header else {
            return Ok(None);
        };
        let name = format!("layer {}", self.layers);
        let numbers = Layer::read(&self.held[1..], header.banded, self.allocation);
        let (stages, allocation, n) = match numbers {
            Ok(v) => v,
            Err(varint::Fault::Short) => return Ok(None),
            Err(varint::Fault::Malformed) => {
                let rule = Broken::new("number of stages is malformed", "1.2");
                return Err(self.fault(&name, rule).into());
            }
        };
        let checked = is_checked(self.unit + n as u64 + 1 - self.checked);
        if checked && self.held.len() < n + 3 {
            return Ok(None);
        }
        let most = header.coded_len().min(u32::MAX.into());
        let judged = self.rules.layer(header);
        match checked {
            true => self.close(n + 1, &name)?,
            false => {
                self.crc.update(&self.held);
                self.held.clear();
            }
        }
        let Some(sigma) = self.sigma.checked_sub(delta.into()) else {
            let rule = Broken::new("noise level falls below the lowest", "5.5");
            return Err(self.fault(&name, rule).into());
        };
        if stages > most {
            let reason = format!("{stages} stages, at most {most} for this picture");
            let clause = "5.2";
            return Err(self.fault(&name, Broken { reason, clause }).into());
        }
        judged.map_err(|e| self.fault(&name, e))?;
        let layer = Layer {
            index: self.layers,
            sigma,
            stages: stages as u32,
            allocation,
            offset: self.unit,
        };
        (self.sigma, self.allocation) = (sigma, allocation);
        self.layers += 1;
        self.state = match layer.stages {
            0 => State::Empty(layer),
            _ => State::Body(layer),
        };
        Ok(Some(Event::LayerHead(layer)))
    }

    fn read_part_head(&mut self) -> Result<Option<Event>> {
        if let Some(bad) = self.held.iter().take(4).find(|b| !b.is_ascii_alphabetic()) {
            let reason = format!("byte {bad:#04x} starts neither a layer, a part nor the end");
            let clause = "2.1";
            return Err(self.fault("tag", Broken { reason, clause }).into());
        }
        let (Some(header), Some(&name)) = (&self.header, self.held.first_chunk::<4>()) else {
            return Ok(None);
        };
        let name = PartName(name);
        let (len, n) = match varint::read(&self.held[4..]) {
            Ok(v) => v,
            Err(varint::Fault::Short) => return Ok(None),
            Err(varint::Fault::Malformed) => {
                let rule = Broken::new("length is malformed", "1.2");
                return Err(self.fault(&name.to_string(), rule).into());
            }
        };
        if self.held.len() < n + 6 {
            return Ok(None);
        }
        let judged = self.rules.part(name, len, self.layers, header);
        self.close(n + 4, &name.to_string())?;
        let keep = judged.map_err(|e| self.fault(&name.to_string(), e))?;
        if name.is_critical() && ![PartName::ALPHA, PartName::ALPHA_LOW].contains(&name) {
            return Err(Error::Unsupported(format!(
                "critical part \"{name}\" at byte {}: a newer dcodec may read it",
                self.unit
            )));
        }
        self.payload.clear();
        let part = Part { name, keep };
        self.state = if len == 0 {
            State::Check(part)
        } else {
            State::Payload(part, len)
        };
        Ok(None)
    }

    fn read_check(&mut self, part: Part) -> Result<Option<Event>> {
        if self.held.len() < 2 {
            return Ok(None);
        }
        self.close(0, &part.name.to_string())?;
        self.state = State::Tag;
        Ok(Some(Event::Part(
            part.name,
            std::mem::take(&mut self.payload),
        )))
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
            let clause = "7.1";
            return Err(self.fault(part, Broken { reason, clause }).into());
        }
        self.crc = crc32fast::Hasher::new();
        self.checked = self.offset;
        self.held.clear();
        Ok(())
    }

    fn fault(&self, part: &str, Broken { reason, clause }: Broken) -> FormatError {
        FormatError {
            offset: self.unit,
            part: part.into(),
            reason,
            clause,
        }
    }
}

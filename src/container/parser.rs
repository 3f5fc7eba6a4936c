//! The push parser: bytes in, events out. Any split of the input gives equal events.

use crate::codes::{BandAllocation, Colour, SigmaCode};
use crate::container::check::{CHECK_BYTES, check, is_checked};
use crate::container::format::{SIGNATURE, TAG_END, TAG_LAYER, VERSION};
use crate::container::header::{Fields, Header, HeaderError};
use crate::container::layer::Layer;
use crate::container::part::{PartHead, PartName};
use crate::container::part_rules::PartRules;
use crate::container::rule::{BrokenRule, Unread};
use crate::error::{Error, FormatError, Result};

/// A unit of the file that the bytes so far complete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// All input is used up; nothing is complete yet.
    NeedMore,
    /// The header; always the first event.
    Header(Header),
    /// A named part with its whole payload. An optional part that is not known has its payload too,
    /// unless that is over the limit: then it is empty.
    Part(PartName, Vec<u8>),
    /// The head of a layer; its bits follow. A layer without stages has none: its head is whole one
    /// byte before its end, and that last byte completes the layer.
    LayerHead(Layer),
    /// All bits of the layer whose head came last.
    Layer(Layer, Vec<u8>),
    /// The end marker. Further input is ignored.
    End,
}

/// A part of which the head has come.
#[derive(Debug, Clone, Copy)]
struct OpenPart {
    name: PartName,
    /// True if its payload is kept.
    keep: bool,
}

/// The unit that the next byte belongs to.
#[derive(Debug)]
enum Phase {
    Header,
    Tag,
    /// The payload of a part, and the number of its bytes that are missing.
    Payload(OpenPart, u64),
    /// The check after a payload.
    Check(OpenPart),
    /// The bits of a layer.
    Body(Layer),
    /// A layer without stages. It is announced when its last byte was seen; the byte itself is
    /// still to be taken.
    Empty(Layer),
    End,
}

/// A parser that is fed with bytes as they come.
///
/// It holds at most one part or the bits of one layer, both bounded by the picture's size.
#[derive(Debug)]
pub struct Parser {
    phase: Phase,
    header: Option<Header>,
    /// Bytes of the unit under construction.
    held: Vec<u8>,
    payload: Vec<u8>,
    /// Offset in the file of the first byte of the unit under construction.
    unit_offset: u64,
    /// Offset in the file of the next input byte.
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
            phase: Phase::Header,
            header: None,
            held: Vec::new(),
            payload: Vec::new(),
            unit_offset: 0,
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

    /// Bytes of the file taken so far. Bytes after the end marker do not count.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// True if the end marker has come.
    pub fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::End)
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The layer that is under way, and its bits so far.
    pub fn partial(&self) -> Option<(&Layer, &[u8])> {
        match &self.phase {
            Phase::Body(layer) => Some((layer, &self.held)),
            Phase::Empty(layer) => Some((layer, &[])),
            _ => None,
        }
    }

    /// The part that is under way, and its payload so far.
    pub fn partial_part(&self) -> Option<(PartName, &[u8])> {
        match &self.phase {
            // A payload that is whole counts even if its check is still to come.
            Phase::Payload(part, _) | Phase::Check(part) if part.keep => {
                Some((part.name, &self.payload))
            }
            _ => None,
        }
    }

    /// Takes bytes from the front of `input` until an event is complete. Returns the number of
    /// bytes taken, and the event.
    ///
    /// Events are prompt: all of `input` is taken only when it completes nothing more. A caller who
    /// pushes the rest until none is left has every event of the bytes so far, and an empty push
    /// returns nothing new. One event may take no byte: the head of a layer without stages comes
    /// before its last byte, which completes the layer.
    ///
    /// # Errors
    /// - [`Error::Format`]: the bytes break the specification.
    /// - [`Error::Unsupported`]: the file has another version or an unknown critical part.
    /// - [`Error::Limits`]: the picture is too large.
    ///
    /// After an error the parser is of no more use.
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

    /// Takes bytes of one unit from `input[*used..]`, and returns the event that they complete.
    fn advance(&mut self, input: &[u8], used: &mut usize) -> Result<Option<Event>> {
        match &mut self.phase {
            Phase::Body(layer) => {
                let layer = *layer;
                let take = (layer.body_bytes() - self.held.len()).min(input.len() - *used);
                self.held.extend(&input[*used..*used + take]);
                *used += take;
                self.offset += take as u64;
                if self.held.len() < layer.body_bytes() {
                    return Ok(None);
                }
                self.crc.update(&self.held);
                self.phase = Phase::Tag;
                Ok(Some(Event::Layer(layer, std::mem::take(&mut self.held))))
            }
            Phase::Empty(layer) => {
                let layer = *layer;
                if *used == input.len() {
                    return Ok(None);
                }
                *used += 1;
                self.offset += 1;
                self.phase = Phase::Tag;
                Ok(Some(Event::Layer(layer, Vec::new())))
            }
            Phase::Payload(part, left) => {
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
                    self.phase = Phase::Check(part);
                }
                Ok(None)
            }
            // The remaining units are a few bytes long: one byte at a time until they are whole.
            Phase::Header | Phase::Tag | Phase::Check(_) => {
                let Some(&byte) = input.get(*used) else {
                    return Ok(None);
                };
                if self.held.is_empty() {
                    self.unit_offset = self.offset;
                }
                self.held.push(byte);
                *used += 1;
                self.offset += 1;
                let event = match self.phase {
                    Phase::Header => self.read_header()?,
                    Phase::Check(part) => self.read_check(part)?,
                    _ => self.read_tag()?,
                };
                if let Phase::Empty(_) = self.phase {
                    *used -= 1;
                    self.offset -= 1;
                }
                Ok(event)
            }
            Phase::End => Ok(None),
        }
    }

    fn read_header(&mut self) -> Result<Option<Event>> {
        let held = &self.held;
        let n = held.len();
        if held[..n.min(3)] != SIGNATURE[..n.min(3)] {
            return Err(self
                .fault(
                    "signature",
                    BrokenRule::new("this is not a .dfc file", "3.1"),
                )
                .into());
        }
        if n == 4 && held[3] != VERSION {
            return Err(Error::Unsupported(format!(
                "format version {}: this decoder reads version {VERSION}; a newer dcodec may read it",
                held[3]
            )));
        }
        let (fields, len) = match Fields::read(&self.held) {
            Ok(read) => read,
            Err(Unread::Short) => return Ok(None),
            Err(Unread::Malformed(e)) => return Err(self.fault("header", e).into()),
        };
        if n < len + CHECK_BYTES {
            return Ok(None);
        }
        self.close(len, "header")?;
        let header = fields.validate().map_err(|e| match e {
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
        self.phase = Phase::Tag;
        Ok(Some(Event::Header(header)))
    }

    fn read_tag(&mut self) -> Result<Option<Event>> {
        match self.held[0] {
            TAG_END if self.held.len() < 1 + CHECK_BYTES => Ok(None),
            TAG_END => {
                self.close(1, "end")?;
                let header = self.header.as_ref();
                let verdict = header.map_or(Ok(()), |header| self.rules.alpha_came(header));
                verdict.map_err(|e| self.fault("end", e))?;
                self.phase = Phase::End;
                Ok(Some(Event::End))
            }
            tag if tag > TAG_LAYER => self.read_layer_head(tag),
            _ => self.read_part_head(),
        }
    }

    fn read_layer_head(&mut self, tag: u8) -> Result<Option<Event>> {
        let Some(header) = &self.header else {
            return Ok(None);
        };
        let name = format!("layer {}", self.layers);
        let (delta, corrected) = Layer::read_tag(tag, header.corrected);
        if delta == 0 {
            let rule = BrokenRule::new("a layer that goes down by no step", "5.9");
            return Err(self.fault(&name, rule).into());
        }
        let (stages, allocation, n) =
            match Layer::read_head(&self.held[1..], header.banded, self.allocation) {
                Ok(head) => head,
                Err(Unread::Short) => return Ok(None),
                Err(Unread::Malformed(rule)) => return Err(self.fault(&name, rule).into()),
            };
        let checked = is_checked(self.unit_offset + n as u64 + 1 - self.checked);
        if checked && self.held.len() < n + 1 + CHECK_BYTES {
            return Ok(None);
        }
        let most = header.coded_len().min(u32::MAX.into());
        let verdict = self.rules.layer().and_then(|()| match corrected {
            true if self.layers < 2 => Err(BrokenRule::new(
                "a corrected layer before the network was called",
                "5.9",
            )),
            _ => Ok(()),
        });
        match checked {
            true => self.close(n + 1, &name)?,
            false => {
                self.crc.update(&self.held);
                self.held.clear();
            }
        }
        let Some(sigma) = self.sigma.checked_sub(delta.into()) else {
            let rule = BrokenRule::new("noise level falls below the lowest", "5.5");
            return Err(self.fault(&name, rule).into());
        };
        if stages > most {
            let reason = format!("{stages} stages, at most {most} for this picture");
            let clause = "5.2";
            return Err(self.fault(&name, BrokenRule { reason, clause }).into());
        }
        verdict.map_err(|e| self.fault(&name, e))?;
        let layer = Layer {
            index: self.layers,
            sigma,
            stages: stages as u32,
            allocation,
            corrected,
            offset: self.unit_offset,
        };
        (self.sigma, self.allocation) = (sigma, allocation);
        self.layers += 1;
        self.phase = match layer.stages {
            0 => Phase::Empty(layer),
            _ => Phase::Body(layer),
        };
        Ok(Some(Event::LayerHead(layer)))
    }

    fn read_part_head(&mut self) -> Result<Option<Event>> {
        if let Some(bad) = self.held.iter().take(4).find(|b| !b.is_ascii_alphabetic()) {
            let reason = format!("byte {bad:#04x} starts neither a layer, a part nor the end");
            let clause = "2.1";
            return Err(self.fault("tag", BrokenRule { reason, clause }).into());
        }
        let Some(header) = &self.header else {
            return Ok(None);
        };
        let (PartHead { name, len }, n) = match PartHead::read(&self.held) {
            Ok(head) => head,
            Err(Unread::Short) => return Ok(None),
            Err(Unread::Malformed(rule)) => {
                let name = String::from_utf8_lossy(&self.held[..4]);
                return Err(self.fault(&name, rule).into());
            }
        };
        if self.held.len() < n + CHECK_BYTES {
            return Ok(None);
        }
        let verdict = self.rules.part(name, len, self.layers, header);
        self.close(n, &name.to_string())?;
        let keep = verdict.map_err(|e| self.fault(&name.to_string(), e))?;
        let known = [PartName::ALPHA, PartName::ALPHA_LOW, PartName::RANGE];
        if name.is_critical() && !known.contains(&name) {
            return Err(Error::Unsupported(format!(
                "critical part \"{name}\" at byte {}: a newer dcodec may read it",
                self.unit_offset
            )));
        }
        self.payload.clear();
        let part = OpenPart { name, keep };
        self.phase = if len == 0 {
            Phase::Check(part)
        } else {
            Phase::Payload(part, len)
        };
        Ok(None)
    }

    fn read_check(&mut self, part: OpenPart) -> Result<Option<Event>> {
        if self.held.len() < CHECK_BYTES {
            return Ok(None);
        }
        self.close(0, &part.name.to_string())?;
        self.phase = Phase::Tag;
        Ok(Some(Event::Part(
            part.name,
            std::mem::take(&mut self.payload),
        )))
    }

    /// Ends a unit of `len` held bytes and its check; errors call it `part`.
    fn close(&mut self, len: usize, part: &str) -> Result<()> {
        self.crc.update(&self.held[..len]);
        let (want, got) = (check(&self.crc), &self.held[len..len + CHECK_BYTES]);
        if got != want {
            let (got, want) = (
                u16::from_le_bytes([got[0], got[1]]),
                u16::from_le_bytes(want),
            );
            let reason = format!(
                "check {got:#06x}, expected {want:#06x}: the bytes up to here since the last check are damaged"
            );
            let clause = "7.1";
            return Err(self.fault(part, BrokenRule { reason, clause }).into());
        }
        self.crc = crc32fast::Hasher::new();
        self.checked = self.offset;
        self.held.clear();
        Ok(())
    }

    fn fault(&self, part: &str, BrokenRule { reason, clause }: BrokenRule) -> FormatError {
        FormatError {
            offset: self.unit_offset,
            part: part.into(),
            reason,
            clause,
        }
    }
}

//! A file taken apart into its units, and put together again with others.

use dcodec::container::{Header, Layer, Parser, PartName, Writer};
use dcodec::{DEFAULT_MAX_PIXELS, Event};

/// A part with its payload, or a layer with its bits.
#[derive(Debug, Clone)]
pub enum Unit {
    Part(PartName, Vec<u8>),
    Layer(Layer, Vec<u8>),
}

/// A whole file.
#[derive(Debug, Clone)]
pub struct Units {
    pub header: Header,
    pub units: Vec<Unit>,
}

impl Units {
    /// The units of a valid file.
    pub fn of(file: &[u8]) -> Self {
        let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
        let (mut rest, mut header, mut units) = (file, None, Vec::new());
        while !rest.is_empty() {
            let (used, event) = parser.push(rest).expect("valid");
            rest = &rest[used..];
            match event {
                Event::Header(found) => header = Some(found),
                Event::Part(name, payload) => units.push(Unit::Part(name, payload)),
                Event::Layer(layer, bits) => units.push(Unit::Layer(layer, bits)),
                _ => {}
            }
        }
        let header = header.expect("a header");
        Units { header, units }
    }

    /// The file of these units, with an end marker.
    pub fn file(&self) -> Vec<u8> {
        let mut writer = Writer::new(&self.header);
        for unit in &self.units {
            match unit {
                Unit::Part(name, payload) => writer.part(*name, payload),
                Unit::Layer(layer, bits) => {
                    writer.allot(layer.allocation);
                    writer.correct(layer.corrected);
                    writer.layer(layer.sigma, layer.stages);
                    writer.body(bits);
                }
            }
        }
        writer.finish()
    }

    /// This file with a part before the unit of this number.
    pub fn with(mut self, at: usize, name: &[u8; 4], payload: &[u8]) -> Self {
        let part = Unit::Part(PartName(*name), payload.to_vec());
        self.units.insert(at, part);
        self
    }

    /// This file with alpha before the unit of this number among the others.
    pub fn with_alpha_at(mut self, at: usize) -> Self {
        let is_alpha =
            |unit: &Unit| matches!(unit, Unit::Part(PartName::ALPHA | PartName::ALPHA_LOW, _));
        let (alpha, mut units): (Vec<_>, Vec<_>) = self.units.into_iter().partition(is_alpha);
        assert!(!alpha.is_empty());
        units.splice(at..at, alpha);
        self.units = units;
        self
    }

    /// The layers.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.units.iter().filter_map(|unit| match unit {
            Unit::Layer(layer, _) => Some(layer),
            Unit::Part(..) => None,
        })
    }
}

/// Offset of the first occurrence of `name` in a file: the head of the part.
pub fn head_of(file: &[u8], name: &[u8; 4]) -> usize {
    let mut windows = file.windows(4);
    windows.position(|four| four == name).expect("the part")
}

/// The check of these bytes (clause 7.1).
pub fn check(bytes: &[u8]) -> [u8; 2] {
    (crc32fast::hash(bytes) as u16).to_le_bytes()
}

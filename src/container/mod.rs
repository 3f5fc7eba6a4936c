//! The file: signature, header, parts, layers and checks (see `codec-spec/format.md`). Integers
//! only.

mod check;
mod format;
mod header;
mod layer;
pub(crate) mod metadata;
mod parser;
mod part;
mod part_rules;
mod rule;
#[cfg(test)]
mod tests;
mod varint;
mod writer;

pub use crate::codes::{
    BANDS, BandAllocation, BitDepth, Colour, Form, PriorId, SigmaCode, Trellis,
};
pub use format::{MAX_DELTA, MAX_DELTA_CORRECTED, MAX_METADATA, MAX_SIDE, SIGNATURE, VERSION};
pub use header::Header;
pub use layer::Layer;
pub use parser::{Event, Parser};
pub use part::PartName;
pub use writer::Writer;

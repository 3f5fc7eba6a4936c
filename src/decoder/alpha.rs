//! Alpha as it comes, and the picture with it.

use crate::codes::BitDepth;
use crate::container::{Header, Parser, PartName};
use crate::entropy;
use crate::pixels::samples::Samples;

/// The parts of alpha so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Alpha {
    /// The plane or its high bytes, once the part is whole.
    high: Option<Vec<u8>>,
    /// The plane of 16 bits, once the part with its low bytes is whole.
    deep: Option<Vec<u16>>,
}

impl Alpha {
    /// Decodes a whole part of alpha. Other parts have no effect.
    pub fn take(&mut self, header: &Header, name: PartName, payload: &[u8]) {
        let (width, height) = (header.form.width, header.form.height);
        match (name, &self.high) {
            (PartName::ALPHA, _) => {
                self.high = Some(entropy::decode_alpha(width, height, payload));
            }
            (PartName::ALPHA_LOW, Some(high)) => {
                self.deep = Some(entropy::decode_alpha_low(width, high, payload));
            }
            _ => {}
        }
    }

    /// The plane of width x height samples, row by row, as far as it has come. The rest is opaque.
    pub fn plane(self, header: &Header, parser: &Parser) -> Samples {
        let (width, height) = (header.form.width, header.form.height);
        if let Some(deep) = self.deep {
            return deep.into();
        }
        let arrived = |wanted| match parser.partial_part() {
            Some((name, payload)) if name == wanted => payload,
            _ => &[],
        };
        let decode = || entropy::decode_alpha(width, height, arrived(PartName::ALPHA));
        let high = self.high.unwrap_or_else(decode);
        match header.form.depth {
            BitDepth::Sixteen => {
                entropy::decode_alpha_low(width, &high, arrived(PartName::ALPHA_LOW)).into()
            }
            BitDepth::Eight => high.into(),
        }
    }
}
